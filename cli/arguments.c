/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/call.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>

#include "clusterd/base/limits.h"
#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

/* Why an argument cannot be sent. */
struct problem {
        enum verb_exit exit;
        char message[400];
};

#define PROBLEM(problem, code, ...)                                                                          \
        __extension__({                                                                                      \
                (problem)->exit = (code);                                                                    \
                TEXT_PRINT((problem)->message, __VA_ARGS__);                                                 \
                (json_t *)NULL;                                                                              \
        })

/* At most size bytes; the count or negative errno. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
        size_t count = 0;
        while (count < size) {
                ssize_t got = read(fd, buffer + count, size - count);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return -errno;
                if (got == 0)
                        break;
                count += (size_t)got;
        }
        return (ssize_t)count;
}

static json_t *read_file(const struct verb_option *option, const char *path, struct problem *problem)
{
        bool standard = text_equal(path, "-");
        SCOPED_CLOSE int opened = standard ? -1 : open(path, O_RDONLY | O_CLOEXEC);
        SCOPED_FREE char *buffer = malloc(DEFINITION_BYTES + 1);

        assert(buffer != NULL);
        if (!standard && opened < 0)
                return PROBLEM(problem, VERB_EXIT_FAILED, "--%s: %s cannot be opened: %s", option->name, path,
                               strerror(errno));
        ssize_t count = read_all(standard ? STDIN_FILENO : opened, buffer, DEFINITION_BYTES + 1);
        if (count < 0)
                return PROBLEM(problem, VERB_EXIT_FAILED, "--%s: %s cannot be read: %s", option->name, path,
                               strerror((int)-count));
        if (count > DEFINITION_BYTES)
                return PROBLEM(problem, VERB_EXIT_REFUSED,
                               "--%s: %s is larger than a definition may be: %d KiB", option->name, path,
                               DEFINITION_BYTES / 1024);
        json_t *text = memchr(buffer, 0, (size_t)count) == NULL ? json_stringn(buffer, (size_t)count) : NULL;
        return text != NULL ? text
                            : PROBLEM(problem, VERB_EXIT_REFUSED, "--%s: %s is not UTF-8 text", option->name,
                                      path);
}

/* One line of standard input, not shown on a terminal. */
static bool read_secret(const char *prompt, char *secret, size_t secret_bytes)
{
        struct termios shown, hidden;
        bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &shown) == 0;

        if (terminal) {
                (void)fprintf(stderr, "%s: ", prompt);
                hidden = shown;
                hidden.c_lflag &= ~(tcflag_t)ECHO;
                (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
        }
        bool got = fgets(secret, (int)secret_bytes, stdin) != NULL;
        if (terminal) {
                (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
                (void)fputc('\n', stderr);
        }
        if (got)
                secret[strcspn(secret, "\r\n")] = '\0';
        return got;
}

static json_t *read_pair(const struct verb_option *option, const char *text, struct problem *problem)
{
        char secret[OPTIONS_BYTES], prompt[NAME_BYTES];
        int key = (int)strcspn(text, "=");

        if (!text_equal(text + key, "=-"))
                return json_string(text);
        TEXT_PRINT(prompt, "%.*s", key, text);
        if (!read_secret(prompt, secret, sizeof(secret)))
                return PROBLEM(problem, VERB_EXIT_FAILED,
                               "--%s: the value of %s should come from standard input, which is at its end",
                               option->name, prompt);
        json_t *pair = json_sprintf("%.*s=%s", key, text, secret);
        explicit_bzero(secret, sizeof(secret));
        return pair;
}

/* What belongs to an option and is no word of a command line. */
static bool take_secret(json_t *arguments, const struct verb_option *option, struct problem *problem)
{
        char secret[OPTIONS_BYTES];
        if (option->secret == NULL)
                return true;
        if (!read_secret(option->secret, secret, sizeof(secret))) {
                (void)PROBLEM(problem, VERB_EXIT_FAILED,
                              "--%s: the %s should come from standard input, which is at its end",
                              option->name, option->secret);
                return false;
        }
        json_t *value = json_string(secret);
        explicit_bzero(secret, sizeof(secret));
        if (value == NULL)
                (void)PROBLEM(problem, VERB_EXIT_USAGE, "the %s is not UTF-8 text", option->secret);
        else
                json_object_set_new(arguments, option->secret, value);
        return value != NULL;
}

static json_t *split_names(const char *text)
{
        json_t *names = json_array();
        while (*text != '\0') {
                size_t length = strcspn(text, ",");
                json_array_append_new(names, json_stringn(text, length));
                text += length + (text[length] == ',');
        }
        return names;
}

static json_t *value_of(const struct verb_call *call, size_t at, struct problem *problem)
{
        const struct verb_option *option = call->values[at].option;
        const char *text = call->values[at].text;
        json_t *value;

        switch (option->value) {
        case VERB_VALUE_FLAG:
                return json_true();
        case VERB_VALUE_NUMBER:
                return json_integer(call->values[at].number);
        case VERB_VALUE_TEXT:
        case VERB_VALUE_NAME:
                value = json_string(text);
                return value != NULL
                               ? value
                               : PROBLEM(problem, VERB_EXIT_USAGE, "--%s is not UTF-8 text", option->name);
        case VERB_VALUE_NODES:
                return split_names(text);
        case VERB_VALUE_FILE:
                return read_file(option, text, problem);
        case VERB_VALUE_PAIR:
                value = read_pair(option, text, problem);
                return value != NULL || problem->message[0] != '\0'
                               ? value
                               : PROBLEM(problem, VERB_EXIT_USAGE, "--%s is not UTF-8 text", option->name);
        case VERB_VALUE_COUNT:
                break;
        }
        assert(!"no such kind of value");
        return NULL;
}

static void set_value(json_t *arguments, const struct verb_option *option, json_t *value)
{
        if (option->value != VERB_VALUE_PAIR) {
                json_object_set_new(arguments, option->name, value);
                return;
        }
        if (json_object_get(arguments, option->name) == NULL)
                json_object_set_new(arguments, option->name, json_array());
        json_array_append_new(json_object_get(arguments, option->name), value);
}

json_t *call_arguments(const struct verb_call *call, json_t **ret_error, enum verb_exit *ret_exit)
{
        struct problem problem = { 0 };
        json_t *arguments = json_object();

        if (call->operand != NULL)
                json_object_set_new(arguments, "name", json_string(call->operand));
        for (size_t i = 0; i < call->value_count; i++) {
                if (call->values[i].option->local)
                        continue;
                json_t *value = value_of(call, i, &problem);
                if (value == NULL || !take_secret(arguments, call->values[i].option, &problem)) {
                        json_decref(value);
                        json_decref(arguments);
                        *ret_error = call_error(problem.message, NULL, NULL);
                        *ret_exit = problem.exit;
                        return NULL;
                }
                set_value(arguments, call->values[i].option, value);
        }
        return arguments;
}
