/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/help.h"

#include <stdio.h>

#include "cli/simulate.h"
#include "cli/what_if.h"
#include "clusterd/base/text.h"

#define SYNOPSIS_BYTES 512

static void print_option(const struct verb_option *option)
{
        char left[80];
        if (option->hidden)
                return;
        TEXT_PRINT(left, "--%s%s%s", option->name, option->placeholder == NULL ? "" : " ",
                   option->placeholder == NULL ? "" : option->placeholder);
        printf("  %-24s %s%s\n", left, option->help, option->required ? " (required)" : "");
}

void help_nouns(const char *noun)
{
        char left[80];
        printf("clu NOUN VERB [NAME] [--options]: a cluster of virtual machines.\n\n");
        for (enum verb_id id = 0; id < VERB_COUNT; id++) {
                const struct verb *verb = verb_by_id(id);
                if (noun != NULL && !text_equal(verb->noun, noun))
                        continue;
                TEXT_PRINT(left, "%s %s%s%s", verb->noun, verb->name, verb->operand == NULL ? "" : " ",
                           verb->operand == NULL ? "" : verb->operand);
                printf("  %-24s %s\n", left, verb->help);
        }
        if (noun == NULL)
                printf("\n  clu %s\n      %s\n  clu %s\n      %s\n", what_if_synopsis, what_if_help,
                       simulate_synopsis, simulate_help);
        printf("\nclu NOUN VERB --help explains one. Every verb takes --json, changing ones --plan.\n"
               "Exit: 0 done, 1 failed, 2 usage, 3 refused by a rule, 4 no quorum, 5 no such object,\n"
               "      6 timed out (and the work goes on), 7 clusterd not reachable.\n");
}

void help_verb(const struct verb *verb)
{
        char synopsis[SYNOPSIS_BYTES];
        verb_synopsis(verb, synopsis, sizeof(synopsis));
        printf("clu %s\n\n%s\n\n", synopsis, verb->help);
        for (size_t i = 0; i < verb->option_count; i++)
                print_option(&verb->options[i]);
        for (enum verb_common common = 0; common < VERB_COMMON_COUNT; common++)
                if (verb_has_common(verb, common))
                        print_option(&verb_common_options[common]);
        if (verb->wait != VERB_WAIT_NONE)
                printf("\nIt waits until the work is done, at most %u s.\n", verb->timeout_s);
}

/* Text of roff: a dash is a minus, a backslash or a leading dot would be a request. */
static void print_roff(const char *text)
{
        for (; *text != '\0'; text++) {
                if (*text == '-')
                        printf("\\-");
                else if (*text == '\\')
                        printf("\\e");
                else
                        (void)putchar(*text);
        }
}

static void manual_option(const struct verb_option *option)
{
        if (option->hidden)
                return;
        printf(".TP\n.B \\-\\-");
        print_roff(option->name);
        if (option->placeholder != NULL)
                printf(" \\fI%s\\fP", option->placeholder);
        printf("\n");
        print_roff(option->help);
        printf("%s\n", option->required ? " (required)" : "");
}

static void manual_verb(const struct verb *verb)
{
        char synopsis[SYNOPSIS_BYTES];
        verb_synopsis(verb, synopsis, sizeof(synopsis));
        printf(".SS clu %s %s\n.B clu ", verb->noun, verb->name);
        print_roff(synopsis);
        printf("\n.PP\n");
        print_roff(verb->help);
        printf("\n");
        for (size_t i = 0; i < verb->option_count; i++)
                manual_option(&verb->options[i]);
        if (verb->wait != VERB_WAIT_NONE)
                printf(".PP\nWaits until the work is done, at most %u seconds unless\n.B \\-\\-timeout\nsays "
                       "otherwise.\n",
                       verb->timeout_s);
}

static const char manual_head[] =
        ".\\\" Made by clu help --man from the table of verbs. Do not edit.\n"
        ".TH CLU 8 \"\" \"clu\" \"System Administration\"\n"
        ".SH NAME\nclu \\- see and change a cluster of virtual machines\n"
        ".SH SYNOPSIS\n.B clu\n.I NOUN VERB\n[\\fINAME\\fP] [\\fB\\-\\-\\fP\\fIoptions\\fP]\n.br\n"
        ".B clu help\n[\\fINOUN\\fP [\\fIVERB\\fP]]\n.br\n.B clu completion bash\n.br\n.B clu simulate\n.I "
        "FILE\n"
        ".SH DESCRIPTION\n"
        "Asks clusterd on this node. Root and the group clu\\-admin change things, the group clu\\-view "
        "looks.\n"
        "A changing verb is done when the ledger holds it; verbs that start work then wait for the work.\n"
        ".SH OPTIONS OF MANY VERBS\n";

static const char manual_tail[] =
        ".SH OCF ROLES\n"
        "The definition of a role made of OCF agents is JSON: agents start in order and stop in reverse.\n"
        ".PP\n.nf\n"
        "{\"agents\":[{\"agent\":\"ocf:heartbeat:IPaddr2\",\"parameters\":{\"ip\":\"10.0.0.9\"},\n"
        "  \"start_timeout_ms\":20000,\"stop_timeout_ms\":20000,\n"
        "  \"monitor_interval_ms\":10000,\"monitor_timeout_ms\":20000}]}\n.fi\n"
        ".SH JSON\n"
        "With\n.B \\-\\-json\none document is printed: the result with a field \"schema\", or \"schema\", "
        "\"exit\" and\n"
        "\"error\" with \"message\" and, where there is one, \"rule\" and \"remedy\".\n"
        "With\n.B event list \\-\\-follow\nit is one such document a line.\n"
        ".SH EXIT STATUS\n"
        ".TP\n0\ndone\n.TP\n1\nfailed\n.TP\n2\nusage\n.TP\n3\nrefused, with the rule that refused it\n"
        ".TP\n4\nno quorum\n.TP\n5\nno such object\n.TP\n6\ntimed out, and the work goes on\n"
        ".TP\n7\nclusterd is not reachable\n"
        ".SH ENVIRONMENT\n.TP\nNO_COLOR\nno colours, also on a terminal\n"
        ".TP\nCLU_SERVICE\nname of clusterd's IPC service, if it is not clusterd\n"
        ".SH SEE ALSO\n.BR clusterd (8),\n.BR corosync (8)\n";

void help_manual(void)
{
        printf("%s", manual_head);
        for (enum verb_common common = 0; common < VERB_COMMON_COUNT; common++)
                manual_option(&verb_common_options[common]);
        printf(".SH VERBS\n");
        for (enum verb_id id = 0; id < VERB_COUNT; id++)
                manual_verb(verb_by_id(id));
        printf(".SH WHAT IF\n.B clu ");
        print_roff(what_if_synopsis);
        printf("\n.PP\n");
        print_roff(what_if_help);
        printf("\nThe daemon is asked for its nodes, roles and fence devices; the rest is a story told as "
               "below.\n");
        printf(".SH STORIES\n.B clu ");
        print_roff(simulate_synopsis);
        printf("\n.PP\n");
        print_roff(simulate_help);
        printf("\nNo daemon is asked. Every event is printed with its time and reason; the exit status is 1 "
               "when the story\ndoes not end as its file expects, or when one of the rules that must always "
               "hold is broken.\n");
        printf("%s", manual_tail);
}
