/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Fence agent of the lab: asks the power controller outside the nodes, as a real one asks a BMC.
 *
 * Options arrive as key=value lines on standard input, or as arguments when there are any.
 * Exit codes as fence-agents have them: 0 done (and "on" for status), 2 "off" for status, 1 failed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_DEFAULT "/run/lab-power/power.sock"
/* A BMC that hangs must not keep the caller for ever; callers have deadlines of their own. */
#define TIMEOUT_DEFAULT_S 20
#define BOARD_PORT        623 /* nobody listens there in the lab: to be refused is to be there */

struct options {
        char action[32];
        char plug[64];
        char socket[104];
        char line[16];
        char password[64];
        char ip[46];
        long timeout_s;
};

struct option_name {
        const char *long_name;
        char letter;
        size_t offset;
        size_t bytes;
};

#define TEXT(name_, letter_, field_)                                                                         \
        {                                                                                                    \
                name_, letter_, offsetof(struct options, field_), sizeof(((struct options *)0)->field_)      \
        }

static const struct option_name option_names[] = {
        TEXT("action", 'o', action), TEXT("option", 0, action),       TEXT("plug", 'n', plug),
        TEXT("port", 0, plug),       TEXT("nodename", 0, plug),       TEXT("socket", 'a', socket),
        TEXT("line", 0, line),       TEXT("password", 'p', password), TEXT("ip", 0, ip),
};

static const char metadata[] =
        "<?xml version=\"1.0\" ?>\n"
        "<resource-agent name=\"fence_lab\" shortdesc=\"Fence agent for the nodes of a clu lab\">\n"
        "<longdesc>fence_lab switches nodes of a lab on and off through its power controller.</longdesc>\n"
        "<vendor-url>https://example.org/clu</vendor-url>\n"
        "<parameters>\n"
        "\t<parameter name=\"action\" unique=\"0\" required=\"1\">\n"
        "\t\t<getopt mixed=\"-o, --action=[action]\" />\n"
        "\t\t<content type=\"string\" default=\"reboot\" />\n"
        "\t\t<shortdesc lang=\"en\">Fencing action</shortdesc>\n"
        "\t</parameter>\n"
        "\t<parameter name=\"plug\" unique=\"0\" required=\"1\" obsoletes=\"port\">\n"
        "\t\t<getopt mixed=\"-n, --plug=[id]\" />\n"
        "\t\t<content type=\"string\" />\n"
        "\t\t<shortdesc lang=\"en\">Name of the node</shortdesc>\n"
        "\t</parameter>\n"
        "\t<parameter name=\"port\" unique=\"0\" required=\"0\" deprecated=\"1\">\n"
        "\t\t<getopt mixed=\"-n, --plug=[id]\" />\n"
        "\t\t<content type=\"string\" />\n"
        "\t\t<shortdesc lang=\"en\">Name of the node</shortdesc>\n"
        "\t</parameter>\n"
        "\t<parameter name=\"socket\" unique=\"0\" required=\"0\">\n"
        "\t\t<getopt mixed=\"-a, --socket=[path]\" />\n"
        "\t\t<content type=\"string\" default=\"" SOCKET_DEFAULT "\" />\n"
        "\t\t<shortdesc lang=\"en\">Socket of the power controller</shortdesc>\n"
        "\t</parameter>\n"
        "\t<parameter name=\"line\" unique=\"0\" required=\"0\">\n"
        "\t\t<getopt mixed=\"--line=[line]\" />\n"
        "\t\t<content type=\"select\" default=\"bmc\"><option value=\"bmc\" /><option value=\"pdu\" "
        "/></content>\n"
        "\t\t<shortdesc lang=\"en\">By the node's own board, or by the power strip in its rack</shortdesc>\n"
        "\t</parameter>\n"
        "\t<parameter name=\"ip\" unique=\"0\" required=\"0\">\n"
        "\t\t<getopt mixed=\"--ip=[ip]\" />\n"
        "\t\t<content type=\"string\" />\n"
        "\t\t<shortdesc lang=\"en\">Address of the board, which has to be there</shortdesc>\n"
        "\t</parameter>\n"
        "\t<parameter name=\"password\" unique=\"0\" required=\"0\">\n"
        "\t\t<getopt mixed=\"-p, --password=[password]\" />\n"
        "\t\t<content type=\"string\" />\n"
        "\t\t<shortdesc lang=\"en\">Checked when one is given</shortdesc>\n"
        "\t</parameter>\n"
        "\t<parameter name=\"power_timeout\" unique=\"0\" required=\"0\">\n"
        "\t\t<getopt mixed=\"--power-timeout=[seconds]\" />\n"
        "\t\t<content type=\"second\" default=\"20\" />\n"
        "\t\t<shortdesc lang=\"en\">Wait so long for the power controller's answer</shortdesc>\n"
        "\t</parameter>\n"
        "</parameters>\n"
        "<actions>\n"
        "\t<action name=\"on\" automatic=\"0\" />\n"
        "\t<action name=\"off\" />\n"
        "\t<action name=\"reboot\" />\n"
        "\t<action name=\"status\" />\n"
        "\t<action name=\"list\" />\n"
        "\t<action name=\"list-status\" />\n"
        "\t<action name=\"monitor\" />\n"
        "\t<action name=\"metadata\" />\n"
        "\t<action name=\"validate-all\" />\n"
        "</actions>\n"
        "</resource-agent>\n";

static int failed(const char *what, const char *why)
{
        fprintf(stderr, "fence_lab: %s: %s\n", what, why);
        return EXIT_FAILURE;
}

/* Unknown options are passed over, as agents do: callers send the same set to every one. */
static void option_set(struct options *options, const char *name, const char *value)
{
        if (!strcmp(name, "power_timeout") || !strcmp(name, "power-timeout")) {
                options->timeout_s = strtol(value, NULL, 10);
                return;
        }
        for (size_t i = 0; i < sizeof(option_names) / sizeof(option_names[0]); i++)
                if (!strcmp(name, option_names[i].long_name))
                        snprintf((char *)options + option_names[i].offset, option_names[i].bytes, "%s",
                                 value);
}

static void options_read(struct options *options, FILE *input)
{
        char line[512];

        while (fgets(line, sizeof(line), input)) {
                char *value;

                line[strcspn(line, "\r\n")] = '\0';
                value = strchr(line, '=');
                if (line[0] == '#' || !value)
                        continue;
                *value++ = '\0';
                option_set(options, line, value);
        }
}

static const char *option_long_name(char letter)
{
        for (size_t i = 0; i < sizeof(option_names) / sizeof(option_names[0]); i++)
                if (option_names[i].letter == letter)
                        return option_names[i].long_name;
        return "";
}

static void options_parse(struct options *options, int argc, char **argv)
{
        for (int i = 1; i < argc; i++) {
                char name[32];
                const char *value = strchr(argv[i], '=');

                if (!strncmp(argv[i], "--", 2)) {
                        size_t bytes = value ? (size_t)(value - argv[i]) - 2 : strlen(argv[i]) - 2;

                        snprintf(name, sizeof(name), "%.*s", (int)bytes, argv[i] + 2);
                        value = value ? value + 1 : i + 1 < argc ? argv[++i] : "";
                        option_set(options, name, value);
                } else if (argv[i][0] == '-' && i + 1 < argc) {
                        option_set(options, option_long_name(argv[i][1]), argv[i + 1]);
                        i++;
                }
        }
}

/* A board that shares the node's cable, or its power: it has to be there before it can do anything. */
static int board_reach(const struct options *options)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(BOARD_PORT) };
        struct timeval timeout = { .tv_sec = options->timeout_s };
        int fd, error;

        if (inet_pton(AF_INET, options->ip, &address.sin_addr) != 1)
                return -EINVAL;
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
        error = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
        close(fd);
        return error == -ECONNREFUSED ? 0 : error == -EINPROGRESS ? -ETIMEDOUT : error;
}

static int controller_connect(const struct options *options)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct timeval timeout = { .tv_sec = options->timeout_s };
        int error = options->ip[0] ? board_reach(options) : 0;
        int fd = error ? error : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return error ? error : -errno;
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", options->socket);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                error = -errno;
                close(fd);
                return error;
        }
        return fd;
}

/* One request, one reply line without its newline. */
static int controller_ask(const struct options *options, const char *verb, char *ret_reply,
                          size_t reply_bytes)
{
        char request[256];
        size_t used = 0;
        int fd = controller_connect(options);

        if (fd < 0)
                return fd;
        snprintf(request, sizeof(request), "%s %s %s %s\n", verb, options->plug, options->line,
                 options->password);
        if (write(fd, request, strlen(request)) != (ssize_t)strlen(request)) {
                close(fd);
                return -EIO;
        }
        while (used < reply_bytes - 1) {
                ssize_t got = read(fd, ret_reply + used, reply_bytes - 1 - used);

                if (got <= 0) {
                        close(fd);
                        return got < 0 && errno == EAGAIN ? -ETIMEDOUT : -EIO;
                }
                used += (size_t)got;
                if (ret_reply[used - 1] == '\n')
                        break;
        }
        close(fd);
        ret_reply[used] = '\0';
        ret_reply[strcspn(ret_reply, "\n")] = '\0';
        return 0;
}

/* Success only if the controller confirms the state that was asked for. */
static int power_set(const struct options *options, const char *wanted)
{
        char reply[256];
        int error = controller_ask(options, wanted, reply, sizeof(reply));

        if (error)
                return failed(wanted, strerror(-error));
        if (strcmp(reply, wanted))
                return failed(wanted, reply);
        error = controller_ask(options, "status", reply, sizeof(reply));
        if (error)
                return failed("status", strerror(-error));
        if (strcmp(reply, wanted))
                return failed("status afterwards", reply);
        printf("Success: Powered %s\n", !strcmp(wanted, "on") ? "ON" : "OFF");
        return EXIT_SUCCESS;
}

static int power_status(const struct options *options)
{
        char reply[256];
        int error = controller_ask(options, "status", reply, sizeof(reply));

        if (error)
                return failed("status", strerror(-error));
        if (!strcmp(reply, "on")) {
                puts("Status: ON");
                return 0;
        }
        if (!strcmp(reply, "off")) {
                puts("Status: OFF");
                return 2;
        }
        return failed("status", reply);
}

/* "n1,": one plug a line with an empty alias; with states a third column. */
static int plugs_list(struct options *options, bool with_status)
{
        char reply[1024];
        char state[256];
        char *rest = NULL;
        int error = controller_ask(options, "list", reply, sizeof(reply));

        if (error)
                return failed("list", strerror(-error));
        for (char *plug = strtok_r(reply, " ", &rest); plug; plug = strtok_r(NULL, " ", &rest)) {
                if (!with_status) {
                        printf("%s,\n", plug);
                        continue;
                }
                snprintf(options->plug, sizeof(options->plug), "%s", plug);
                error = controller_ask(options, "status", state, sizeof(state));
                printf("%s,,%s\n", plug,
                       error                   ? "unknown"
                       : !strcmp(state, "on")  ? "ON"
                       : !strcmp(state, "off") ? "OFF"
                                               : "unknown");
        }
        return EXIT_SUCCESS;
}

static int controller_monitor(const struct options *options)
{
        char reply[1024];
        int error = controller_ask(options, "list", reply, sizeof(reply));

        return error ? failed("monitor", strerror(-error)) : EXIT_SUCCESS;
}

static int action_run(struct options *options)
{
        const char *action = options->action;

        if (!strcmp(action, "metadata")) {
                fputs(metadata, stdout);
                return EXIT_SUCCESS;
        }
        if (!strcmp(action, "list") || !strcmp(action, "list-status"))
                return plugs_list(options, action[4] != '\0');
        if (!strcmp(action, "monitor"))
                return controller_monitor(options);
        if (!options->plug[0])
                return failed(action, "no plug given");
        if (!strcmp(action, "validate-all"))
                return EXIT_SUCCESS;
        if (!strcmp(action, "status"))
                return power_status(options);
        if (!strcmp(action, "on") || !strcmp(action, "off"))
                return power_set(options, action);
        if (!strcmp(action, "reboot"))
                return power_set(options, "off") == EXIT_SUCCESS ? power_set(options, "on") : EXIT_FAILURE;
        return failed(action, "unknown action");
}

int main(int argc, char **argv)
{
        struct options options = {
                .action = "reboot",
                .socket = SOCKET_DEFAULT,
                .line = "bmc",
                .timeout_s = TIMEOUT_DEFAULT_S,
        };

        if (argc > 1)
                options_parse(&options, argc, argv);
        else
                options_read(&options, stdin);
        return action_run(&options);
}
