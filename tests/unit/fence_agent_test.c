/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/fence_agent.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "resource-agents/fence_options.h"
#include "tests/unit/suite_run.h"

#define PATIENCE_MS 30000
#define NS_PER_MS   1000000ull

static qb_loop_t *loop;
static struct process_runner *runner;
static char directory[] = "/tmp/clu-fence-XXXXXX";
static struct fence_outcome outcome;
static int calls;

static void setup(void)
{
        strcpy(directory + sizeof directory - 7, "XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        char path[4096];
        TEXT_PRINT(path, "%s:/usr/bin:/bin", directory);
        setenv("PATH", path, 1);
        loop = qb_loop_create();
        ck_assert_int_eq(process_runner_new(loop, &runner), 0);
        calls = 0;
}

static void teardown(void)
{
        process_runner_free(runner);
        qb_loop_destroy(loop);
        char command[128];
        TEXT_PRINT(command, "rm -r %s", directory);
        ck_assert_int_eq(system(command), 0);
}

/* The agent reads its input into variables, as shell agents do, and runs body. D is the test's folder. */
static void agent_write(const char *name, const char *body)
{
        char path[128];
        TEXT_PRINT(path, "%s/%s", directory, name);
        FILE *file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        fprintf(file,
                "#!/bin/sh\nD=%s\nwhile read line; do echo \"$line\" >>$D/input; eval "
                "\"in_${line%%%%[.=]*}='${line#*=}'\"; done\n%s\n",
                directory, body);
        fclose(file);
        ck_assert_int_eq(chmod(path, 0755), 0);
}

static void on_done(void *context, const struct fence_outcome *result)
{
        (void)context;
        calls++;
        outcome = *result;
        qb_loop_stop(loop);
}

static void on_patience(void *data)
{
        (void)data;
        qb_loop_stop(loop);
}

static void await(void)
{
        qb_loop_timer_handle timer;
        ck_assert_int_eq(calls, 0);
        ck_assert_int_eq(
                qb_loop_timer_add(loop, QB_LOOP_HIGH, PATIENCE_MS * NS_PER_MS, NULL, on_patience, &timer), 0);
        qb_loop_run(loop);
        (void)qb_loop_timer_del(loop, timer);
        ck_assert_int_eq(calls, 1);
        calls = 0;
}

static struct fence_device device_of(const char *agent, const char *options, uint32_t timeout_ms)
{
        struct fence_device device = { .timeout_ms = timeout_ms };
        TEXT_PRINT(device.name, "bmc");
        TEXT_COPY(device.agent, agent);
        TEXT_COPY(device.options, options);
        return device;
}

static void off(const char *body, const char *options, uint32_t timeout_ms)
{
        agent_write("fence_test", body);
        struct fence_device device = device_of("fence_test", options, timeout_ms);
        fence_agent_off(runner, &device, "n1", on_done, NULL);
        await();
}

#define STATE                                                                                                \
        "case $in_action in off) echo off >$D/power;; status) [ -f $D/power ] && exit 2; exit 0;; esac; "

static const struct {
        const char *what, *body;
        uint32_t timeout_ms;
        bool off;
        const char *text; /* contained */
} cases[] = {
        { "fine", STATE, 20000, true, "off, confirmed" },
        { "slow", "sleep 0.3; " STATE, 20000, true, "off, confirmed" },
        { "hangs", "sleep 1000", 200, false, "no answer in time" },
        { "hangs in its status", "[ $in_action = off ] || sleep 1000", 200, false, "no answer in time" },
        { "says off but is on", "exit 0", 800, false, "still on" },
        { "lags", "[ $in_action = off ] && exit 0; echo >>$D/n; [ $(wc -l <$D/n) -ge 3 ] && exit 2; exit 0",
          20000, true, "off, confirmed" },
        { "fails to turn off, though off",
          "[ $in_action = status ] && exit 2; echo no route to BMC >&2; exit 1", 20000, false,
          "no route to BMC" },
        { "ends with 2 whatever it is asked", "exit 2", 20000, false, "exit code 2" },
        { "status fails", "[ $in_action = off ] && exit 0; exit 1", 20000, false, "exit code 1" },
        { "is no program the shell knows", "exec no-such-thing", 20000, false, "exit code 127" },
        { "garbage in its output", "printf '\\001\\377\\033[2Jx'; " STATE, 20000, true, "off, confirmed" },
        { "garbage and failure", "printf '\\001\\377\\033[2Jx'; exit 1", 20000, false, "????" },
        { "is killed", "kill -KILL $$", 20000, false, "exit code 137" },
};

static const struct {
        const char *what, *body;
        bool on;
        const char *text; /* contained */
} switched_on[] = {
        { "fine",
          "case $in_action in on) echo >$D/power;; status) [ -f $D/power ] && exit 0; exit 2;; esac; ", true,
          "on, confirmed" },
        { "lags", "[ $in_action = on ] && exit 0; echo >>$D/n; [ $(wc -l <$D/n) -ge 3 ] && exit 0; exit 2",
          true, "on, confirmed" },
        { "says on but is off", "[ $in_action = on ] && exit 0; exit 2", false, "still off" },
        { "is told off", "[ $in_action = off ] && exit 0; [ $in_action = on ] && exit 1; exit 0", false,
          "fence_test on: failed with exit code 1" },
};

START_TEST(on_counts_only_when_its_status_confirms_it)
{
        agent_write("fence_test", switched_on[_i].body);
        struct fence_device device = device_of("fence_test", "", switched_on[_i].on ? 20000 : 800);
        fence_agent_on(runner, &device, "n1", on_done, NULL);
        await();
        ck_assert_msg(outcome.done == switched_on[_i].on, "%s: %s", switched_on[_i].what, outcome.text);
        ck_assert_msg(strstr(outcome.text, switched_on[_i].text) != NULL, "%s: %s", switched_on[_i].what,
                      outcome.text);
}
END_TEST

START_TEST(off_counts_only_when_its_status_confirms_it)
{
        off(cases[_i].body, "", cases[_i].timeout_ms);
        ck_assert_msg(outcome.done == cases[_i].off, "%s: off=%d %s", cases[_i].what, outcome.done,
                      outcome.text);
        const char *want = strcmp(cases[_i].text, "????") == 0 ? "1: ???[2Jx" : cases[_i].text;
        ck_assert_msg(strstr(outcome.text, want) != NULL, "%s: %s", cases[_i].what, outcome.text);
}
END_TEST

START_TEST(a_missing_agent_says_so)
{
        struct fence_device device = device_of("fence_no_such", "", 1000);
        fence_agent_off(runner, &device, "n1", on_done, NULL);
        await();
        ck_assert(!outcome.done && !outcome.known);
        ck_assert_ptr_nonnull(strstr(outcome.text, "fence_no_such off: could not be run"));
}
END_TEST

/* Looks every 10 ms for the file by which the agent says how far it is, then ends it. */
static void on_look(void *data)
{
        char path[128];
        qb_loop_timer_handle timer;
        TEXT_PRINT(path, "%s/began", directory);
        if (access(path, F_OK) < 0) {
                (void)qb_loop_timer_add(loop, QB_LOOP_HIGH, 10 * NS_PER_MS, data, on_look, &timer);
                return;
        }
        fence_run_cancel(data);
        (void)qb_loop_timer_add(loop, QB_LOOP_HIGH, 700 * NS_PER_MS, NULL, on_patience, &timer);
}

/* While its off runs, and after it said that the node is still on. */
START_TEST(a_cancelled_agent_is_killed_and_answers_nothing)
{
        static const char *const bodies[] = { "echo $$ >$D/pid; touch $D/began; exec sleep 1000",
                                              "[ $in_action = off ] || touch $D/began; exit 0" };
        qb_loop_timer_handle timer;
        char command[128];
        agent_write("fence_test", bodies[_i]);
        struct fence_device device = device_of("fence_test", "", 20000);
        struct fence_run *run = fence_agent_off(runner, &device, "n1", on_done, NULL);
        (void)qb_loop_timer_add(loop, QB_LOOP_HIGH, 100 * NS_PER_MS, run, on_look, &timer);
        qb_loop_run(loop);
        ck_assert_int_eq(calls, 0);
        TEXT_PRINT(command, "[ ! -f %s/pid ] || ! kill -0 $(cat %s/pid) 2>/dev/null", directory, directory);
        ck_assert_int_eq(system(command), 0);
}
END_TEST

static const struct {
        const char *body;
        bool known, on;
} statuses[] = {
        { "exit 0", true, true },   { "exit 2", true, false },      { "exit 1", false, false },
        { "exit 3", false, false }, { "sleep 1000", false, false },
};

START_TEST(status_tells_on_off_and_unknown_apart)
{
        agent_write("fence_test", statuses[_i].body);
        struct fence_device device = device_of("fence_test", "", statuses[_i].body[0] == 's' ? 200 : 10000);
        fence_agent_status(runner, &device, "n1", on_done, NULL);
        await();
        ck_assert_int_eq(outcome.known, statuses[_i].known);
        ck_assert_int_eq(outcome.on, statuses[_i].on);
        ck_assert(!outcome.done);
}
END_TEST

static const struct {
        const char *what, *options, *input;
} inputs[] = {
        { "both names for old and new agents", "", "action=off\nplug=n1\nport=n1\n" },
        { "options pass", "ip=bmc1\nlogin=a\n", "action=off\nip=bmc1\nlogin=a\nplug=n1\nport=n1\n" },
        { "port of the options", "port=7\nip=x", "action=off\nport=7\nip=x\n" },
        { "plug of the options", "ip=x\nplug=7\n", "action=off\nip=x\nplug=7\n" },
        { "port of this node", "port.n2=2\nport.n1=1\nip=x\n", "action=off\nport=1\nip=x\n" },
        { "plug of this node beats the general one", "plug=9\nplug.n1=a=b\n", "action=off\nplug=a=b\n" },
        { "other nodes' ports say nothing", "port.n2=2\nport.n11=3\n", "action=off\nplug=n1\nport=n1\n" },
        { "no option changes the action", "action=on\noption=reboot\nAction=x\nip=x\n",
          "action=off\nip=x\nplug=n1\nport=n1\n" },
        { "comments and empty lines", "# c\n\n  ip=x\r\n", "action=off\nip=x\nplug=n1\nport=n1\n" },
};

START_TEST(the_agent_reads_what_the_table_says)
{
        char input[FENCE_INPUT_BYTES];
        fence_options_input(inputs[_i].options, "off", "n1", input);
        ck_assert_msg(text_equal(input, inputs[_i].input), "%s: %s", inputs[_i].what, input);
}
END_TEST

START_TEST(the_longest_options_fit)
{
        char options[OPTIONS_BYTES], input[FENCE_INPUT_BYTES], name[NAME_BYTES];
        memset(name, 'n', sizeof name - 1);
        name[sizeof name - 1] = '\0';
        for (size_t i = 0; i + 1 < sizeof options; i++)
                options[i] = i % 2 == 0 ? 'k' : '\n';
        options[sizeof options - 1] = '\0';
        fence_options_input(options, "status", name, input);
        memset(options, 'k', sizeof options - 1);
        fence_options_input(options, "status", name, input);
        TEXT_PRINT(options, "port.%s=%0900d", name, 1);
        fence_options_input(options, "status", name, input);
}
END_TEST

START_TEST(secrets_are_in_no_text)
{
        off("echo \"Parse error: unknown option passwd=hunter2, x hunter2 'Tr 0'\"; exit 1",
            "login=admin\npasswd=hunter2\npasswd_script=option\nsnmp_priv_passwd=\"Tr 0\"\n", 20000);
        ck_assert_msg(strstr(outcome.text, "hunter2") == NULL, "%s", outcome.text);
        ck_assert_msg(strstr(outcome.text, "Tr 0") == NULL, "%s", outcome.text);
        ck_assert_ptr_nonnull(strstr(outcome.text, "unknown option passwd=*******"));
}
END_TEST

/* clang-format off */
#define PARAMETER(name, attributes, content)                                                                 \
        "<parameter name=\"" name "\" " attributes "><content " content "</content></parameter>"
#define METADATA                                                                                             \
        "echo warning >&2; [ \"$1 $2\" = '-o metadata' ] && echo '<?xml version=\"1.0\" ?>"                  \
        "<resource-agent name=\"x\"><parameters>"                                                            \
        PARAMETER("action", "required=\"1\"", "type=\"string\">")                                            \
        PARAMETER("ip", "required=\"1\" obsoletes=\"ipaddr\"", "type=\"string\">")                           \
        PARAMETER("ipaddr", "required=\"1\" deprecated=\"1\"", "type=\"string\">")                           \
        PARAMETER("plug", "required=\"1\"", "type=\"string\">")                                              \
        PARAMETER("ipport", "required=\"1\"", "type=\"integer\" default=\"623\">")                           \
        PARAMETER("power_wait", "", "type=\"second\">")                                                      \
        PARAMETER("lanplus", "", "type=\"boolean\">")                                                        \
        PARAMETER("pass_wd", "", "type=\"string\">")                                                         \
        PARAMETER("auth", "", "type=\"select\"><option value=\"md5\"/><option value=\"none\"/>")             \
        "</parameters></resource-agent>'; "
/* clang-format on */

static const struct {
        const char *body, *options;
        bool well;
        const char *text;
} checks[] = {
        { METADATA, "ip=x\npass-wd=hunter2\nport.n1=3\n", true, "options are right" },
        { METADATA, "ipaddr=x\nipport=-1\npower_wait=3\nlanplus\nauth=none\n", true, "options are right" },
        { METADATA, "ip=x\nlanplus=Yes\n", true, "options are right" },
        { METADATA, "ip=x\nipp=y\n", false,
          "does not know the option ipp; it knows ip, plug, ipport, power_wait, lanplus, pass_wd, auth" },
        { METADATA, "pass_wd=x\n", false, "needs the option ip; it knows ip, plug" },
        { METADATA, "ip=x\nipport=6x3\n", false, "option ipport should be a whole number" },
        { METADATA, "ip=x\nipport=\n", false, "option ipport should be a whole number" },
        { METADATA, "ip=x\npower_wait=soon\n", false, "option power_wait should be a whole number" },
        { METADATA, "ip=x\nlanplus=2\n", false, "option lanplus should be 1 or 0" },
        { METADATA, "ip=x\nauth=MD5\n", false, "option auth should be one of md5, none" },
        { "echo hello", "ip=x\n", false, "is it a fence agent" },
        { "echo '<resource-agent><broken></resource-agent>'", "ip=x\n", false, "is it a fence agent" },
        { "exit 1", "", false, "exit code 1" },
};

START_TEST(options_are_checked_against_the_metadata)
{
        agent_write("fence_test", checks[_i].body);
        struct fence_device device = device_of("fence_test", checks[_i].options, 1000);
        fence_agent_check(runner, &device, on_done, NULL);
        await();
        ck_assert_msg(outcome.done == checks[_i].well, "%s", outcome.text);
        ck_assert_msg(strstr(outcome.text, checks[_i].text) != NULL, "%s", outcome.text);
}
END_TEST

START_TEST(debians_agents_take_what_their_pages_show)
{
        static const struct {
                const char *agent, *options, *text;
        } real[] = {
                { "fence_ipmilan", "ip=bmc1\nusername=a\npassword=b\nlanplus=1\n", "options are right" },
                { "fence_ipmilan", "ip=bmc1\nprivlvl=king\n", "should be one of callback, user" },
                { "fence_apc", "ip=pdu1\nplug.n1=3\n", "needs the option username" },
        };
        char path[128];
        TEXT_PRINT(path, "/usr/sbin/%s", real[_i].agent);
        if (access(path, X_OK) < 0) {
                fprintf(stderr, "SKIP: no %s (package fence-agents)\n", path);
                return;
        }
        struct fence_device device = device_of(real[_i].agent, real[_i].options, 20000);
        fence_agent_check(runner, &device, on_done, NULL);
        await();
        ck_assert_msg(strstr(outcome.text, real[_i].text) != NULL, "%s", outcome.text);
}
END_TEST

START_TEST(debians_fence_dummy_is_turned_off)
{
        char options[OPTIONS_BYTES], path[128];
        if (access("/usr/sbin/fence_dummy", X_OK) < 0) {
                fprintf(stderr, "SKIP: no /usr/sbin/fence_dummy (package fence-agents)\n");
                return;
        }
        TEXT_PRINT(path, "%s/status", directory);
        FILE *file = fopen(path, "we");
        fputs("on", file);
        fclose(file);
        TEXT_PRINT(options, "type=file\nstatus_file=%s\n", path);
        struct fence_device device = device_of("fence_dummy", options, 20000);
        fence_agent_check(runner, &device, on_done, NULL);
        await();
        ck_assert_msg(outcome.done, "%s", outcome.text);
        fence_agent_status(runner, &device, "n1", on_done, NULL);
        await();
        ck_assert_msg(outcome.known && outcome.on, "%s", outcome.text);
        fence_agent_off(runner, &device, "n1", on_done, NULL);
        await();
        ck_assert_msg(outcome.done, "%s", outcome.text);
        fprintf(stderr, "fence_dummy: off and verified in %u ms\n", outcome.duration_ms);
}
END_TEST

#define LOOP_TEST(tcase, test, table)                                                                        \
        tcase_add_loop_test(tcase, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
        TCase *tcase = tcase_create("fence");
        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, setup, teardown);
        LOOP_TEST(tcase, off_counts_only_when_its_status_confirms_it, cases);
        tcase_add_loop_test(tcase, on_counts_only_when_its_status_confirms_it, 0,
                            sizeof(switched_on) / sizeof(switched_on[0]));
        LOOP_TEST(tcase, status_tells_on_off_and_unknown_apart, statuses);
        LOOP_TEST(tcase, the_agent_reads_what_the_table_says, inputs);
        LOOP_TEST(tcase, options_are_checked_against_the_metadata, checks);
        tcase_add_test(tcase, a_missing_agent_says_so);
        tcase_add_loop_test(tcase, a_cancelled_agent_is_killed_and_answers_nothing, 0, 2);
        tcase_add_test(tcase, the_longest_options_fit);
        tcase_add_test(tcase, secrets_are_in_no_text);
        tcase_add_loop_test(tcase, debians_agents_take_what_their_pages_show, 0, 3);
        tcase_add_test(tcase, debians_fence_dummy_is_turned_off);

        Suite *suite = suite_create("fence_agent");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
