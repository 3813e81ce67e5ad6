/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/protocol/verb.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/limits.h"
#include "clusterd/base/text.h"

#define FAIL(error, ...)                                                                                     \
        __extension__({                                                                                      \
                (void)snprintf((error), VERB_ERROR_BYTES, __VA_ARGS__);                                      \
                -EINVAL;                                                                                     \
        })

static int check_nodes(const struct verb_option *option, const char *text, char *ret_error)
{
        char name[NAME_BYTES];
        for (const char *part = text; *text != '\0';) {
                size_t length = strcspn(part, ",");
                text_copy(name, length + 1 < sizeof(name) ? length + 1 : sizeof(name), part);
                if (length >= sizeof(name) || !name_is_valid(name))
                        return FAIL(ret_error, "--%s: '%.64s' is not a list of node names, such as n1,n2",
                                    option->name, text);
                if (part[length] == '\0')
                        break;
                part += length + 1;
        }
        return 0;
}

static int check_pair(const struct verb_option *option, const char *text, char *ret_error)
{
        const char *equals = strchr(text, '=');
        /* a value may be a secret: it is not repeated */
        if (equals == NULL || equals == text)
                return FAIL(ret_error, "--%s takes KEY=VALUE", option->name);
        if (strchr(text, '\n') != NULL)
                return FAIL(ret_error,
                            "--%s: the value of %.*s holds a line break, which the agent would take for an "
                            "option",
                            option->name, (int)(equals - text), text);
        return 0;
}

int verb_check_text(const struct verb_option *option, const char *text, char ret_error[VERB_ERROR_BYTES])
{
        switch (option->value) {
        case VERB_VALUE_NAME:
                if (!name_is_valid(text))
                        return FAIL(
                                ret_error,
                                "--%s: '%.64s' is not a name: letters, digits, '.', '_' and '-', at most %d",
                                option->name, text, NAME_BYTES - 1);
                return 0;
        case VERB_VALUE_NODES:
                return check_nodes(option, text, ret_error);
        case VERB_VALUE_PAIR:
                return check_pair(option, text, ret_error);
        case VERB_VALUE_TEXT:
                if (strlen(text) >= option->bytes_max)
                        return FAIL(ret_error, "--%s: %zu bytes are too many; at most %" PRIu32, option->name,
                                    strlen(text), option->bytes_max - 1);
                return 0;
        case VERB_VALUE_FILE:
        case VERB_VALUE_FLAG:
        case VERB_VALUE_NUMBER:
                return 0;
        case VERB_VALUE_COUNT:
                break;
        }
        assert(!"no such kind of value");
        return -EINVAL;
}

int verb_check_number(const struct verb_option *option, int64_t number, char ret_error[VERB_ERROR_BYTES])
{
        if (number >= option->least && number <= option->most)
                return 0;
        if (option->most == INT64_MAX)
                return FAIL(ret_error, "--%s: %" PRId64 " is too low; at least %" PRId64, option->name,
                            number, option->least);
        return FAIL(ret_error, "--%s: %" PRId64 " is not between %" PRId64 " and %" PRId64, option->name,
                    number, option->least, option->most);
}

static int parse_number(const struct verb_option *option, const char *text, int64_t *ret_number,
                        char *ret_error)
{
        char *end;
        errno = 0;
        long long number = strtoll(text, &end, 10);
        if (errno != 0 || end == text || *end != '\0')
                return FAIL(ret_error, "--%s: '%.32s' is not a number", option->name, text);
        int error = verb_check_number(option, number, ret_error);
        if (error == 0)
                *ret_number = number;
        return error;
}

static const struct verb_option *common_find(const struct verb *verb, const char *name,
                                             enum verb_common *ret_common)
{
        for (enum verb_common common = 0; common < VERB_COMMON_COUNT; common++)
                if (verb_has_common(verb, common) && text_equal(verb_common_options[common].name, name)) {
                        *ret_common = common;
                        return &verb_common_options[common];
                }
        return NULL;
}

static void set_common(struct verb_call *call, enum verb_common common, int64_t number)
{
        switch (common) {
        case VERB_COMMON_HELP:
                call->help = true;
                return;
        case VERB_COMMON_JSON:
                call->json = true;
                return;
        case VERB_COMMON_PLAN:
                call->plan = true;
                return;
        case VERB_COMMON_NO_WAIT:
                call->no_wait = true;
                return;
        case VERB_COMMON_TIMEOUT:
                call->timeout_s = (uint32_t)number;
                return;
        case VERB_COMMON_COUNT:
                break;
        }
        assert(!"no such option");
}

static int add_value(struct verb_call *call, const struct verb_option *option, const char *text,
                     int64_t number, char *ret_error)
{
        if (option->value != VERB_VALUE_PAIR && verb_call_has(call, option->name))
                return FAIL(ret_error, "--%s is given twice", option->name);
        if (call->value_count == VERB_VALUES_MAX)
                return FAIL(ret_error, "too many options: at most %d", VERB_VALUES_MAX);
        call->values[call->value_count].option = option;
        call->values[call->value_count].text = text;
        call->values[call->value_count++].number = number;
        return 0;
}

/* --name VALUE or --name=VALUE. *at is the option's place, and then that of its last word. */
static int parse_option(struct verb_call *call, int argc, const char *const *argv, int *at, char *ret_error)
{
        char name[VERB_PATH_BYTES];
        const char *word = argv[*at] + 2;
        size_t length = strcspn(word, "=");
        enum verb_common common = VERB_COMMON_COUNT;
        int64_t number = 0;

        text_copy(name, length + 1 < sizeof(name) ? length + 1 : sizeof(name), word);
        const struct verb_option *option = verb_option_find(call->verb, name);
        if (option == NULL)
                option = common_find(call->verb, name, &common);
        if (option == NULL)
                return FAIL(ret_error, "%s %s has no option --%s; see clu %s %s --help", call->verb->noun,
                            call->verb->name, name, call->verb->noun, call->verb->name);
        const char *text = word[length] == '=' ? word + length + 1 : NULL;
        if (option->value == VERB_VALUE_FLAG && text != NULL)
                return FAIL(ret_error, "--%s takes no value", name);
        if (option->value != VERB_VALUE_FLAG && text == NULL) {
                if (*at + 1 >= argc)
                        return FAIL(ret_error, "--%s needs a value: --%s %s", name, name,
                                    option->placeholder);
                text = argv[++*at];
        }
        int error = option->value == VERB_VALUE_FLAG     ? 0
                    : option->value == VERB_VALUE_NUMBER ? parse_number(option, text, &number, ret_error)
                                                         : verb_check_text(option, text, ret_error);
        if (error < 0)
                return error;
        if (common == VERB_COMMON_COUNT)
                return add_value(call, option, text, number, ret_error);
        set_common(call, common, number);
        return 0;
}

static int parse_operand(struct verb_call *call, const char *word, char *ret_error)
{
        const struct verb *verb = call->verb;
        if (verb->operand == NULL)
                return FAIL(ret_error, "%s %s takes no name, but '%.64s' is given", verb->noun, verb->name,
                            word);
        if (call->operand != NULL)
                return FAIL(ret_error, "%s %s takes one %s, but '%.64s' and '%.64s' are given", verb->noun,
                            verb->name, verb->operand, call->operand, word);
        if (!name_is_valid(word))
                return FAIL(ret_error, "'%.64s' is not a name: letters, digits, '.', '_' and '-', at most %d",
                            word, NAME_BYTES - 1);
        call->operand = word;
        return 0;
}

static int check_complete(const struct verb_call *call, char *ret_error)
{
        const struct verb *verb = call->verb;
        if (verb->operand != NULL && !verb->operand_optional && call->operand == NULL)
                return FAIL(ret_error, "%s %s needs a name: clu %s %s %s", verb->noun, verb->name, verb->noun,
                            verb->name, verb->operand);
        for (size_t i = 0; i < verb->option_count; i++)
                if (verb->options[i].required && !verb_call_has(call, verb->options[i].name))
                        return FAIL(ret_error, "%s %s needs --%s %s", verb->noun, verb->name,
                                    verb->options[i].name, verb->options[i].placeholder);
        if (verb->deed != NULL && !verb_call_has(call, verb->deed) && (call->plan || call->value_count > 0))
                return FAIL(ret_error, "%s %s changes nothing without --%s", verb->noun, verb->name,
                            verb->deed);
        return 0;
}

static int parse_words(int argc, const char *const *argv, int first, struct verb_call *call, char *ret_error)
{
        bool options_end = false;
        for (int at = first; at < argc; at++) {
                bool dashed = !options_end && argv[at][0] == '-' && argv[at][1] != '\0';
                int error = 0;
                if (dashed && text_equal(argv[at], "--"))
                        options_end = true;
                else if (dashed && text_equal(argv[at], "-h"))
                        call->help = true;
                else if (dashed && argv[at][1] != '-')
                        error = FAIL(ret_error, "there is no option %s; options are words: --json", argv[at]);
                else if (dashed)
                        error = parse_option(call, argc, argv, &at, ret_error);
                else
                        error = parse_operand(call, argv[at], ret_error);
                if (error < 0)
                        return error;
        }
        return call->help ? 0 : check_complete(call, ret_error);
}

/* How many words name it: some verbs are two. */
static int find_verb(int argc, const char *const *argv, const struct verb **ret_verb)
{
        char both[2 * VERB_PATH_BYTES];
        *ret_verb = verb_find(argv[0], argv[1]);
        if (*ret_verb != NULL || argc < 3)
                return 2;
        TEXT_PRINT(both, "%.32s %.32s", argv[1], argv[2]);
        *ret_verb = verb_find(argv[0], both);
        return 3;
}

int verb_parse(int argc, const char *const *argv, struct verb_call *ret_call,
               char ret_error[VERB_ERROR_BYTES])
{
        *ret_call = (struct verb_call){ 0 };
        /* an error is a document too, wherever the wish for JSON stands */
        for (int at = 0; at < argc; at++)
                ret_call->json = ret_call->json || text_equal(argv[at], "--json");
        if (argc < 1)
                return FAIL(ret_error, "say what about: clu NOUN VERB; see clu help");
        if (!verb_noun_exists(argv[0]))
                return FAIL(
                        ret_error,
                        "there is no noun '%.32s': cluster, node, role, fence, event, ledger; see clu help",
                        argv[0]);
        if (argc < 2 || argv[1][0] == '-')
                return FAIL(ret_error, "say what to do with it: clu %s VERB; see clu help %s", argv[0],
                            argv[0]);
        int words = find_verb(argc, argv, &ret_call->verb);
        if (ret_call->verb == NULL)
                return FAIL(ret_error, "%s has no verb '%.32s'; see clu help %s", argv[0], argv[1], argv[0]);
        ret_call->timeout_s = ret_call->verb->timeout_s;
        return parse_words(argc, argv, words, ret_call, ret_error);
}

bool verb_call_has(const struct verb_call *call, const char *option)
{
        for (size_t i = 0; i < call->value_count; i++)
                if (text_equal(call->values[i].option->name, option))
                        return true;
        return false;
}

bool verb_call_changes(const struct verb_call *call)
{
        return call->verb->changes && (call->verb->deed == NULL || verb_call_has(call, call->verb->deed));
}

const char *verb_call_text(const struct verb_call *call, const char *option)
{
        for (size_t i = 0; i < call->value_count; i++)
                if (text_equal(call->values[i].option->name, option))
                        return call->values[i].text;
        return NULL;
}
