/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/iscsi_gateways.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "tests/unit/core_fixture.h"
#include "tests/unit/suite_run.h"

/* Gateways of a node, with a shell script in nbdkit's place. */

#define TARGET      "iqn.2026-11.lab:san"
#define SOCKET_FILE "vm01@00000007-1.sock"
#define PATIENCE_MS 20000 /* for a busy machine; only a failing test waits so long */

/* Goes into the background as nbdkit does, holding the lock; LUN 9 is not there. */
static const char script[] =
        "#!/bin/sh\n"
        "printf '%s ' \"$@\" >\"$2.arguments\"; cat >\"$2.password\"\n"
        "case \" $* \" in *' lun=9 '*) echo 'nbdkit: error: no such LUN' >&2; exit 1;; esac\n"
        "exec 9>>\"$2.lock\"; flock -n 9 || exit 1; : >\"$2.lock\"\n"
        "sleep 1000 </dev/null >/dev/null 2>&1 &\n"
        "echo $! >\"$2.lock\"; : >\"$2\"\n";

static char directory[] = "/tmp/iscsi_gateways_test.XXXXXX";
static struct story story;
static struct iscsi_gateways *gateways;
static const struct gateway_guest guest = { .role = "vm01", .generation = 5, .takes = true };

static const char *path_of(const char *name)
{
        static char path[256];
        TEXT_PRINT(path, "%s/iscsi/%s", directory, name);
        return path;
}

static void set_path(void)
{
        char path[4096], program[256];
        TEXT_PRINT(path, "%s:%s", directory, getenv("PATH"));
        ck_assert_int_eq(setenv("PATH", path, 1), 0);
        TEXT_PRINT(program, "%s/nbdkit", directory);
        FILE *file = fopen(program, "w");
        ck_assert_ptr_nonnull(file);
        (void)fputs(script, file);
        (void)fclose(file);
        ck_assert_int_eq(chmod(program, 0755), 0);
}

static void begin(void)
{
        struct object object = {
                .kind = OBJECT_VOLUME,
                .volume = { .id = 3,
                            .name = "san",
                            .kind = VOLUME_ISCSI,
                            .identity = 7,
                            .path = TARGET,
                            .login = { .portal = "host:3261", .user = "clu", .password = "s3cret" } }
        };
        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
        set_path();
        story_begin(&story);
        ck_assert_int_eq(model_put(story.model, &object), 0);
        gateways = iscsi_gateways_new(directory, "/helpers", 3, "n1");
        iscsi_gateways_know(gateways, story.model);
}

static void remove_all(const char *folder)
{
        DIR *files = opendir(folder);
        for (struct dirent *entry = readdir(files); entry != NULL; entry = readdir(files)) {
                char path[512];
                TEXT_PRINT(path, "%.200s/%.255s", folder, entry->d_name);
                if (entry->d_name[0] != '.')
                        (void)remove(path);
        }
        (void)closedir(files);
}

static void end(void)
{
        char folder[64];
        ck_assert_int_eq(iscsi_gateways_end(gateways, "vm01"), 0);
        iscsi_gateways_free(gateways);
        story_end(&story);
        TEXT_PRINT(folder, "%s/iscsi", directory);
        remove_all(folder);
        remove_all(directory);
        (void)rmdir(folder);
        (void)rmdir(directory);
}

static void definition_of(const char *disk, char *text, size_t bytes)
{
        (void)snprintf(text, bytes,
                       "<domain><name>vm01</name><devices><disk><source protocol='iscsi' name='%s'>"
                       "<host name='host'/></source></disk></devices></domain>",
                       disk);
}

static int open_disk(const char *disk, char **ret_text, char error[REASON_BYTES])
{
        char text[512];
        definition_of(disk, text, sizeof text);
        return iscsi_gateways_open(gateways, &guest, text, strlen(text), ret_text, error);
}

static void read_file(const char *name, char *text, size_t bytes)
{
        FILE *file = fopen(path_of(name), "r");
        ck_assert_msg(file != NULL, "%s", name);
        text[fread(text, 1, bytes - 1, file)] = '\0';
        (void)fclose(file);
}

/* Of the process that holds the lock. */
static pid_t holder(void)
{
        char text[32];
        read_file(SOCKET_FILE ".lock", text, sizeof text);
        return (pid_t)strtol(text, NULL, 10);
}

START_TEST(a_lun_gets_a_gateway_and_the_definition_its_socket)
{
        char error[REASON_BYTES], text[512];
        SCOPED_FREE char *definition = NULL;
        ck_assert_int_eq(open_disk(TARGET "/1", &definition, error), 0);
        ck_assert_ptr_nonnull(strstr(definition, "protocol=\"nbd\""));
        ck_assert_ptr_nonnull(strstr(definition, SOCKET_FILE));
        ck_assert_ptr_null(strstr(definition, TARGET));
        read_file(SOCKET_FILE ".arguments", text, sizeof text);
        ck_assert_ptr_nonnull(strstr(text, "/helpers/clu-iscsi-gateway.so portal=host:3261 target=" TARGET
                                           " lun=1 initiator=iqn.2008-11.org.linux-kvm:n1 "));
        ck_assert_ptr_nonnull(strstr(text, " takes=true user=clu password=- "));
        ck_assert_ptr_nonnull(strstr(text, "/iscsi/cluster role=vm01 generation=5 "));
        ck_assert_msg(memcmp(strstr(text, " key=") + 13, "03", 2) == 0, "%s", text); /* whose it is */
        ck_assert_ptr_null(strstr(text, "s3cret"));
        read_file(SOCKET_FILE ".password", text, sizeof text);
        ck_assert_str_eq(text, "s3cret");
}
END_TEST

START_TEST(one_that_is_used_is_left_and_one_that_waits_is_started_anew)
{
        char error[REASON_BYTES];
        char *definition = NULL;
        ck_assert_int_eq(open_disk(TARGET "/1", &definition, error), 0);
        free(definition);
        pid_t first = holder();
        ck_assert_int_eq(open_disk(TARGET "/1", &definition, error), 0);
        free(definition);
        pid_t second = holder();
        ck_assert_int_ne(second, first); /* that may have been preempted since */
        ck_assert_int_eq(waitpid(first, NULL, 0), first);
        ck_assert_int_eq(access(path_of(SOCKET_FILE), F_OK), 0);
        SCOPED_FREE char(*none)[NAME_BYTES] = iscsi_gateways_used(gateways);
        ck_assert_str_eq(none[0], "");
        (void)unlink(path_of(SOCKET_FILE)); /* its guest has come */
        SCOPED_FREE char(*used)[NAME_BYTES] = iscsi_gateways_used(gateways);
        ck_assert_str_eq(used[0], "vm01");
        ck_assert_str_eq(used[1], "");
        ck_assert_int_eq(open_disk(TARGET "/1", &definition, error), 0);
        free(definition);
        ck_assert_int_eq(holder(), second);
}
END_TEST

START_TEST(it_has_ended_when_its_role_is_said_to_be_gone)
{
        char error[REASON_BYTES];
        SCOPED_FREE char *definition = NULL;
        ck_assert_int_eq(open_disk(TARGET "/1", &definition, error), 0);
        pid_t pid = holder();
        ck_assert_int_eq(iscsi_gateways_end(gateways, "vm0"), 0);
        ck_assert_int_eq(kill(pid, 0), 0);
        ck_assert_int_eq(iscsi_gateways_end(gateways, "vm01"), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        ck_assert_int_ne(access(path_of(SOCKET_FILE), F_OK), 0);
        /* What stands in the file now is nobody's: that process is not killed for it. */
        ck_assert_int_eq(iscsi_gateways_end(gateways, "vm01"), 0);
}
END_TEST

START_TEST(who_looks_at_the_same_time_is_no_gateway)
{
        char error[REASON_BYTES];
        char *definition = NULL;
        ck_assert_int_eq(open_disk(TARGET "/1", &definition, error), 0);
        free(definition);
        ck_assert_int_eq(iscsi_gateways_end(gateways, "vm01"), 0);
        SCOPED_CLOSE int other = open(path_of(SOCKET_FILE ".lock"), O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(flock(other, LOCK_SH | LOCK_NB), 0);
        SCOPED_FREE char(*used)[NAME_BYTES] = iscsi_gateways_used(gateways);
        ck_assert_str_eq(used[0], "");
}
END_TEST

START_TEST(one_that_does_not_start_says_why)
{
        char error[REASON_BYTES];
        char *definition = NULL;
        ck_assert_int_eq(open_disk(TARGET "/9", &definition, error), -1);
        ck_assert_str_eq(error, "no such LUN");
        ck_assert_ptr_null(definition);
}
END_TEST

/* What were left to QEMU would be written without a reservation. */
START_TEST(one_lun_too_many_is_told)
{
        char error[REASON_BYTES], text[16384];
        char *definition = NULL;
        int count = snprintf(text, sizeof text, "<domain><name>vm01</name><devices>");
        for (int lun = 1; lun <= 65; lun++)
                count += snprintf(text + count, sizeof text - (size_t)count,
                                  "<disk><source protocol='iscsi' name='" TARGET "/%d'/></disk>", lun);
        (void)snprintf(text + count, sizeof text - (size_t)count, "</devices></domain>");
        ck_assert_int_eq(iscsi_gateways_open(gateways, &guest, text, strlen(text), &definition, error), -1);
        ck_assert_str_eq(error, "more than 64 of its disks are LUNs");
        ck_assert_ptr_null(definition);
        ck_assert_int_ne(access(path_of(SOCKET_FILE), F_OK), 0);
}
END_TEST

START_TEST(what_is_on_no_volume_is_left_as_it_is)
{
        char error[REASON_BYTES];
        SCOPED_FREE char *definition = NULL;
        ck_assert_int_eq(open_disk("iqn.2026-11.lab:other/1", &definition, error), 0);
        ck_assert_ptr_nonnull(strstr(definition, "name='iqn.2026-11.lab:other/1'"));
        ck_assert_int_ne(access(path_of(SOCKET_FILE), F_OK), 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("iscsi_gateways");
        TCase *tcase = tcase_create("iscsi_gateways");
        tcase_set_timeout(tcase, PATIENCE_MS / 1000);
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_lun_gets_a_gateway_and_the_definition_its_socket);
        tcase_add_test(tcase, one_that_is_used_is_left_and_one_that_waits_is_started_anew);
        tcase_add_test(tcase, it_has_ended_when_its_role_is_said_to_be_gone);
        tcase_add_test(tcase, who_looks_at_the_same_time_is_no_gateway);
        tcase_add_test(tcase, one_that_does_not_start_says_why);
        tcase_add_test(tcase, one_lun_too_many_is_told);
        tcase_add_test(tcase, what_is_on_no_volume_is_left_as_it_is);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
