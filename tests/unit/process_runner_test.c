/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/process_runner.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "tests/unit/suite_run.h"

#define PATIENCE_MS 20000 /* for a busy machine; only a failing test waits so long */
#define NS_PER_MS   1000000ull

struct answer {
        int calls;
        bool timed_out;
        int exit_code;
        uint32_t duration_ms;
        size_t output_bytes;
        char output[256];
};

static qb_loop_t *loop;
static struct process_runner *runner;
static int awaited; /* answers still to come before the loop is left */

static void loop_make(void)
{
        loop = qb_loop_create();
        ck_assert_int_eq(process_runner_new(loop, &runner), 0);
        awaited = 0;
}

static void loop_drop(void)
{
        process_runner_free(runner);
        qb_loop_destroy(loop);
}

static void on_exit_note(void *context, const struct process_result *result)
{
        struct answer *answer = context;
        answer->calls++;
        answer->timed_out = result->timed_out;
        answer->exit_code = result->exit_code;
        answer->duration_ms = result->duration_ms;
        answer->output_bytes = strlen(result->output);
        snprintf(answer->output, sizeof answer->output, "%s", result->output);
        if (--awaited == 0)
                qb_loop_stop(loop);
}

static void on_patience(void *data)
{
        (void)data;
        qb_loop_stop(loop);
}

static void loop_run(void)
{
        qb_loop_timer_handle timer;
        ck_assert_int_eq(
                qb_loop_timer_add(loop, QB_LOOP_HIGH, PATIENCE_MS * NS_PER_MS, NULL, on_patience, &timer), 0);
        qb_loop_run(loop);
        (void)qb_loop_timer_del(loop, timer);
}

static void order(const char *const *argv, const char *input, uint32_t timeout_ms, struct answer *answer)
{
        struct process_request request = { .argv = argv,
                                           .input = input,
                                           .timeout_ms = timeout_ms,
                                           .on_exit = on_exit_note,
                                           .context = answer };
        awaited++;
        process_run(runner, &request);
        ck_assert_msg(answer->calls == 0, "on_exit came inside process_run");
}

static struct answer shell(const char *script, const char *input, uint32_t timeout_ms)
{
        struct answer answer = { 0 };
        order((const char *const[]){ "sh", "-c", script, NULL }, input, timeout_ms, &answer);
        loop_run();
        ck_assert_msg(answer.calls == 1, "%s: %d answers", script, answer.calls);
        return answer;
}

static const struct {
        const char *script;
        int exit_code;
        const char *output;
} ends[] = {
        { "exit 0", 0, "" },
        { "exit 7", 7, "" },
        { "echo both; echo streams >&2; exit 2", 2, "both\nstreams\n" },
        { "kill -TERM $$", 128 + SIGTERM, "" },
        { "kill -KILL $$", 128 + SIGKILL, "" },
        { "exec >&- 2>&-; exit 3", 3, "" },
        { "cat", 0, "" },
        { "trap - PIPE; kill -PIPE $$", 128 + SIGPIPE, "" },
};

START_TEST(the_end_of_a_program_is_told)
{
        struct answer answer = shell(ends[_i].script, NULL, PATIENCE_MS);
        ck_assert_msg(answer.exit_code == ends[_i].exit_code, "%s: exit code %d", ends[_i].script,
                      answer.exit_code);
        ck_assert_str_eq(answer.output, ends[_i].output);
        ck_assert(!answer.timed_out);
}
END_TEST

static const char *const hangs[] = {
        "sleep 1000",
        "trap '' TERM INT HUP; sleep 1000; sleep 1000",
        "sleep 1000 & wait", /* a grandchild in the same group */
        "exec >&- 2>&-; sleep 1000",
        "while :; do :; done",
        "yes",
};

START_TEST(the_deadline_kills)
{
        struct answer answer = shell(hangs[_i], NULL, 200);
        ck_assert_msg(answer.timed_out, "%s", hangs[_i]);
        ck_assert_int_eq(answer.exit_code, 128 + SIGKILL);
        ck_assert_uint_ge(answer.duration_ms, 200);
        ck_assert_uint_lt(answer.duration_ms, 5000);
}
END_TEST

static bool is_alive(pid_t pid)
{
        char path[64], line[256] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        FILE *file = fopen(path, "re");
        if (file == NULL)
                return false;
        bool read = fgets(line, sizeof line, file) != NULL;
        fclose(file);
        return read && strstr(line, ") Z ") == NULL;
}

static void wait_gone(pid_t pid)
{
        for (int i = 0; i < PATIENCE_MS / 10 && is_alive(pid); i++)
                usleep(10000);
}

/* On a busy machine a deadline may come before the shell has said who the grandchild is: then a later one. */
START_TEST(the_deadline_kills_grandchildren)
{
        pid_t grandchild = 0;
        for (uint32_t timeout_ms = 300; grandchild == 0 && timeout_ms < PATIENCE_MS; timeout_ms *= 2) {
                struct answer answer = shell("sleep 1000 & echo $!; wait", NULL, timeout_ms);
                ck_assert(answer.timed_out);
                grandchild = (pid_t)atoi(answer.output);
        }
        ck_assert_int_gt(grandchild, 1);
        wait_gone(grandchild);
        ck_assert_msg(!is_alive(grandchild), "grandchild %d lives on", (int)grandchild);
}
END_TEST

START_TEST(a_grandchild_that_holds_the_pipe_delays_nothing_and_lives)
{
        struct answer answer = shell("sleep 1000 & echo $!", NULL, PATIENCE_MS);
        pid_t grandchild = (pid_t)atoi(answer.output);
        ck_assert_int_eq(answer.exit_code, 0);
        ck_assert(!answer.timed_out);
        ck_assert_uint_lt(answer.duration_ms, 5000);
        ck_assert(is_alive(grandchild));
        (void)kill(grandchild, SIGKILL);
}
END_TEST

START_TEST(a_grandchild_that_writes_for_ever_delays_nothing)
{
        struct answer answer = shell("for i in 1 2 3 4; do cat /dev/zero & done; echo", NULL, PATIENCE_MS);
        ck_assert_int_eq(answer.exit_code, 0);
        ck_assert_uint_lt(answer.duration_ms, 5000);
}
END_TEST

START_TEST(big_input_arrives_whole)
{
        size_t bytes = 4 << 20;
        SCOPED_FREE char *input = malloc(bytes + 1);
        memset(input, 'x', bytes);
        input[bytes] = '\0';
        struct answer answer = shell("wc -c", input, PATIENCE_MS);
        ck_assert_int_eq(atoi(answer.output), (int)bytes);
}
END_TEST

START_TEST(input_that_nobody_reads_harms_nothing)
{
        size_t bytes = 4 << 20;
        SCOPED_FREE char *input = malloc(bytes + 1);
        memset(input, 'x', bytes);
        input[bytes] = '\0';
        ck_assert_int_eq(shell("exit 5", input, PATIENCE_MS).exit_code, 5);
}
END_TEST

START_TEST(big_output_is_cut_and_drained)
{
        struct answer answer = shell("head -c 8000000 /dev/zero | tr '\\0' y; exit 4", NULL, PATIENCE_MS);
        ck_assert_int_eq(answer.exit_code, 4);
        ck_assert_uint_eq(answer.output_bytes, PROCESS_OUTPUT_BYTES - 1);
}
END_TEST

START_TEST(output_just_below_the_limit_is_whole)
{
        struct answer answer = shell("head -c 65535 /dev/zero | tr '\\0' y", NULL, PATIENCE_MS);
        ck_assert_uint_eq(answer.output_bytes, 65535);
}
END_TEST

START_TEST(what_cannot_be_started_says_so)
{
        char script[] = "/tmp/clu-process-XXXXXX";
        int fd = mkstemp(script);
        ck_assert_int_gt(fd, -1);
        ck_assert_int_eq(write(fd, "#!/no/such/interpreter\n", 23), 23);
        ck_assert_int_eq(fchmod(fd, 0700), 0);
        close(fd);
        const char *const names[] = { "no-such-program-at-all", "/no/such/program", "/tmp", "/etc/passwd",
                                      script };
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                struct answer answer = { 0 };
                order((const char *const[]){ names[i], NULL }, NULL, PATIENCE_MS, &answer);
                loop_run();
                ck_assert_int_eq(answer.calls, 1);
                ck_assert_msg(answer.exit_code == -1, "%s: exit code %d", names[i], answer.exit_code);
                ck_assert_ptr_nonnull(strstr(answer.output, "could not run"));
        }
        unlink(script);
}
END_TEST

START_TEST(the_environment_is_clean)
{
        setenv("CLU_TEST_SECRET", "seen", 1);
        const char *const envp[] = { "OCF_ROOT=/somewhere", NULL };
        const char *const argv[] = { "sh", "-c", "echo \"$CLU_TEST_SECRET,$OCF_ROOT,$LANG,$HOME\"", NULL };
        struct answer answer = { 0 };
        struct process_request request = { .argv = argv,
                                           .envp = envp,
                                           .timeout_ms = PATIENCE_MS,
                                           .on_exit = on_exit_note,
                                           .context = &answer };
        awaited++;
        process_run(runner, &request);
        loop_run();
        ck_assert_str_eq(answer.output, ",/somewhere,C,\n");
}
END_TEST

START_TEST(the_child_inherits_no_descriptors_and_no_signal_mask)
{
        int fd = open("/dev/null", O_RDONLY); /* on purpose without O_CLOEXEC */
        sigset_t set, before;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, &before);
        signal(SIGHUP, SIG_IGN);
        struct answer files = shell("exec ls -1 /proc/self/fd", NULL, PATIENCE_MS);
        struct answer signals = shell("exec grep -E 'SigBlk|SigIgn' /proc/self/status", NULL, PATIENCE_MS);
        signal(SIGHUP, SIG_DFL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        close(fd);
        ck_assert_str_eq(files.output, "0\n1\n2\n3\n"); /* 3 is the folder that ls reads */
        unsigned long long blocked = 1, ignored = 1;
        ck_assert_int_eq(sscanf(signals.output, "SigBlk:\t%llx\nSigIgn:\t%llx", &blocked, &ignored), 2);
        ck_assert_uint_eq(blocked, 0);
        /* 32 and 33 are glibc's own: its posix_spawn(), as make uses it, leaves them ignored for good. */
        ck_assert_uint_eq(ignored & ~(UINT64_C(3) << 31), 0);
}
END_TEST

static int descriptors_count(void)
{
        DIR *directory = opendir("/proc/self/fd");
        int count = 0;
        while (readdir(directory) != NULL)
                count++;
        closedir(directory);
        return count;
}

#define MANY 200

START_TEST(many_at_once_end_each_with_its_own_answer_and_leak_nothing)
{
        static struct answer answers[MANY];
        static char scripts[MANY][64];
        (void)shell("exit 0", "warm", PATIENCE_MS);
        int before = descriptors_count();
        for (int i = 0; i < MANY; i++) {
                snprintf(scripts[i], sizeof scripts[i], "read a; echo $a; exit %d", i);
                order((const char *const[]){ "sh", "-c", scripts[i], NULL },
                      scripts[i] + sizeof "read a;" - 1, PATIENCE_MS, &answers[i]);
        }
        loop_run();
        for (int i = 0; i < MANY; i++) {
                ck_assert_int_eq(answers[i].calls, 1);
                ck_assert_int_eq(answers[i].exit_code, i);
                ck_assert_int_eq(strncmp(answers[i].output, "echo", 4), 0);
        }
        ck_assert_int_eq(descriptors_count(), before);
}
END_TEST

START_TEST(failures_leak_no_descriptors)
{
        int before = descriptors_count();
        (void)shell("sleep 1000", "input", 50);
        struct answer answer = { 0 };
        order((const char *const[]){ "no-such-program-at-all", NULL }, "input", 1000, &answer);
        loop_run();
        ck_assert_int_eq(descriptors_count(), before);
}
END_TEST

static void on_exit_again(void *context, const struct process_result *result)
{
        struct answer *answer = context;
        ck_assert_int_eq(result->exit_code, 1);
        order((const char *const[]){ "sh", "-c", "exit 9", NULL }, NULL, PATIENCE_MS, answer);
}

START_TEST(on_exit_may_run_the_next)
{
        struct answer answer = { 0 };
        const char *const argv[] = { "false", NULL };
        struct process_request request = {
                .argv = argv, .timeout_ms = PATIENCE_MS, .on_exit = on_exit_again, .context = &answer
        };
        process_run(runner, &request);
        loop_run();
        ck_assert_int_eq(answer.exit_code, 9);
}
END_TEST

START_TEST(a_lost_exit_code_is_not_taken_for_success)
{
        signal(SIGCHLD, SIG_IGN);
        struct answer answer = shell("exit 0", NULL, PATIENCE_MS);
        signal(SIGCHLD, SIG_DFL);
        ck_assert_int_eq(answer.exit_code, -1);
}
END_TEST

START_TEST(freeing_the_runner_kills_and_calls_nobody)
{
        char path[] = "/tmp/clu-process-XXXXXX", script[128];
        close(mkstemp(path));
        snprintf(script, sizeof script, "echo $$ >%s; sleep 1000", path);
        static struct answer answers[2];
        order((const char *const[]){ "sh", "-c", script, NULL }, NULL, PATIENCE_MS, &answers[0]);
        order((const char *const[]){ "no-such-program-at-all", NULL }, NULL, PATIENCE_MS, &answers[1]);
        int pid = 0;
        for (int i = 0; i < PATIENCE_MS / 10 && pid == 0; i++) {
                usleep(10000);
                FILE *file = fopen(path, "re");
                if (fscanf(file, "%d", &pid) != 1)
                        pid = 0;
                fclose(file);
        }
        unlink(path);
        ck_assert_int_gt(pid, 1);
        process_runner_free(runner);
        runner = NULL;
        wait_gone((pid_t)pid);
        ck_assert(!is_alive((pid_t)pid));
        ck_assert_int_eq(answers[0].calls + answers[1].calls, 0);
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("run");
        tcase_set_timeout(tcase, 120);
        tcase_add_checked_fixture(tcase, loop_make, loop_drop);
        tcase_add_loop_test(tcase, the_end_of_a_program_is_told, 0, (int)(sizeof ends / sizeof ends[0]));
        tcase_add_loop_test(tcase, the_deadline_kills, 0, (int)(sizeof hangs / sizeof hangs[0]));
        tcase_add_test(tcase, the_deadline_kills_grandchildren);
        tcase_add_test(tcase, a_grandchild_that_holds_the_pipe_delays_nothing_and_lives);
        tcase_add_test(tcase, a_grandchild_that_writes_for_ever_delays_nothing);
        tcase_add_test(tcase, big_input_arrives_whole);
        tcase_add_test(tcase, input_that_nobody_reads_harms_nothing);
        tcase_add_test(tcase, big_output_is_cut_and_drained);
        tcase_add_test(tcase, output_just_below_the_limit_is_whole);
        tcase_add_test(tcase, what_cannot_be_started_says_so);
        tcase_add_test(tcase, the_environment_is_clean);
        tcase_add_test(tcase, the_child_inherits_no_descriptors_and_no_signal_mask);
        tcase_add_test(tcase, many_at_once_end_each_with_its_own_answer_and_leak_nothing);
        tcase_add_test(tcase, failures_leak_no_descriptors);
        tcase_add_test(tcase, on_exit_may_run_the_next);
        tcase_add_test(tcase, a_lost_exit_code_is_not_taken_for_success);
        tcase_add_test(tcase, freeing_the_runner_kills_and_calls_nobody);

        Suite *suite = suite_create("process_runner");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
