/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"
#include "tests/unit/suite_run.h"

/* The orders of moving a storage, and a stop meanwhile, on real files; libvirt and one guest are here. */

#define ENTRY      42
#define PAUSES_MAX 10000 /* one that goes on for so long never ends */

static struct {
        char file[IMAGE_PATH_BYTES];   /* of its disk vda; empty: it has none */
        char mirror[IMAGE_PATH_BYTES]; /* what is written goes there, too */
        bool is_ready, is_equal, is_paused, was_asked;
        char metadata[128];
        unsigned resumed;
} guest;

static char directory[64]; /* in the build directory: /tmp may be in memory */
static char old[128], new[128], claim[128];
static struct cluster_event answer;
static unsigned answers, pauses;
static uint64_t time_ms;
static int anything; /* for pointers that are only handed on */

/* --- libvirt --- */

virDomainPtr virDomainLookupByName(virConnectPtr connection, const char *name)
{
        (void)connection;
        ck_assert_str_eq(name, "vm01");
        return (virDomainPtr)&anything;
}

int virDomainFree(virDomainPtr domain)
{
        (void)domain;
        return 0;
}

int virGetLastErrorCode(void)
{
        return VIR_ERR_OPERATION_FAILED;
}

char *virDomainGetXMLDesc(virDomainPtr domain, unsigned int flags)
{
        char *text = NULL, *mirror = strdup(""), *disk = strdup("");
        (void)domain;
        (void)flags;
        if (guest.mirror[0] != '\0') {
                free(mirror);
                ck_assert_int_gt(asprintf(&mirror, "<mirror%s><source file='%s'/></mirror>",
                                          guest.is_ready ? " ready='yes'" : "", guest.mirror),
                                 0);
        }
        if (guest.file[0] != '\0') {
                free(disk);
                ck_assert_int_gt(asprintf(&disk,
                                          "<disk type='file'><driver type='raw'/><source file='%s'/>%s"
                                          "<target dev='vda'/></disk>",
                                          guest.file, mirror),
                                 0);
        }
        ck_assert_int_gt(asprintf(&text, "<domain><devices>%s</devices></domain>", disk), 0);
        free(mirror);
        free(disk);
        return text;
}

int virDomainGetState(virDomainPtr domain, int *state, int *reason, unsigned int flags)
{
        (void)domain;
        (void)flags;
        *state = guest.is_paused ? VIR_DOMAIN_PAUSED : VIR_DOMAIN_RUNNING;
        *reason = VIR_DOMAIN_PAUSED_USER;
        return 0;
}

int virDomainSuspend(virDomainPtr domain)
{
        (void)domain;
        guest.is_paused = true;
        return 0;
}

int virDomainResume(virDomainPtr domain)
{
        (void)domain;
        guest.is_paused = false;
        guest.resumed++;
        return 0;
}

char *virDomainGetMetadata(virDomainPtr domain, int type, const char *uri, unsigned int flags)
{
        (void)domain;
        (void)type;
        (void)uri;
        (void)flags;
        return guest.metadata[0] == '\0' ? NULL : strdup(guest.metadata);
}

int virDomainSetMetadata(virDomainPtr domain, int type, const char *metadata, const char *key,
                         const char *uri, unsigned int flags)
{
        (void)domain;
        (void)type;
        (void)key;
        (void)uri;
        (void)flags;
        TEXT_COPY(guest.metadata, metadata == NULL ? "" : metadata);
        return 0;
}

int virDomainBlockCopy(virDomainPtr domain, const char *disk, const char *destination,
                       virTypedParameterPtr parameters, int parameter_count, unsigned int flags)
{
        (void)domain;
        (void)disk;
        (void)parameters;
        (void)parameter_count;
        (void)flags;
        ck_assert_ptr_nonnull(strstr(destination, new));
        if (guest.mirror[0] != '\0')
                return -1; /* one at a time */
        TEXT_COPY(guest.mirror, new);
        return 0;
}

int virDomainGetBlockJobInfo(virDomainPtr domain, const char *disk, virDomainBlockJobInfoPtr info,
                             unsigned int flags)
{
        (void)domain;
        (void)disk;
        (void)flags;
        info->end = 10;
        info->cur = guest.is_equal ? 10 : 9;
        return guest.mirror[0] != '\0';
}

int virDomainBlockJobAbort(virDomainPtr domain, const char *disk, unsigned int flags)
{
        (void)domain;
        (void)disk;
        if (flags & VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
                TEXT_COPY(guest.file, guest.mirror);
        guest.mirror[0] = '\0';
        return 0;
}

int virDomainShutdown(virDomainPtr domain)
{
        (void)domain;
        guest.was_asked = !guest.is_paused;
        return 0;
}

int virDomainDestroyFlags(virDomainPtr domain, unsigned int flags)
{
        (void)domain;
        (void)flags;
        ck_abort_msg("nobody wanted that");
        return 0;
}

/* --- the other files of the adapter --- */

void domain_look(struct hypervisor *hypervisor, virConnectPtr connection, const char *role,
                 struct sighting *ret_sighting)
{
        (void)hypervisor;
        (void)connection;
        (void)role;
        *ret_sighting = (struct sighting){ .look = LOOK_HERE, .observation = OBSERVED_RUNNING };
}

int qemu_process_open(const char *role)
{
        (void)role;
        return -ENOENT;
}

int qemu_process_wait(int pidfd, uint32_t timeout_ms)
{
        (void)pidfd;
        (void)timeout_ms;
        return 0;
}

int iscsi_gateways_end(struct iscsi_gateways *gateways, const char *role)
{
        (void)gateways;
        (void)role;
        return 0;
}

void hypervisor_wait_until(struct hypervisor *hypervisor, uint64_t at_ms)
{
        (void)hypervisor;
        (void)at_ms;
}

void task_step_again(struct task *task, uint64_t at_ms)
{
        task->step_at_ms = at_ms;
}

void task_finish(struct task *task, enum operation_result result, enum observation observation,
                 const char *text)
{
        (void)result;
        (void)observation;
        ck_abort_msg("%s: ended: %s", task->role, text);
}

uint64_t hypervisor_now_ms(void)
{
        return time_ms;
}

void hypervisor_lock(struct hypervisor *hypervisor)
{
        (void)hypervisor;
}

void hypervisor_unlock(struct hypervisor *hypervisor)
{
        (void)hypervisor;
}

void hypervisor_post(struct hypervisor *hypervisor, const struct cluster_event *events, size_t count)
{
        (void)hypervisor;
        ck_assert_uint_eq(count, 1);
        answer = events[0];
        answers++;
}

virConnectPtr connection_open_for(struct task *task)
{
        return task->is_answered ? NULL : (virConnectPtr)&anything;
}

void connection_close(virConnectPtr connection)
{
        (void)connection;
}

void connection_error(char ret_text[REASON_BYTES])
{
        (void)snprintf(ret_text, REASON_BYTES, "it failed");
}

bool task_is_over(struct task *task)
{
        return task->is_answered;
}

bool task_pause(struct task *task, uint32_t pause_ms)
{
        time_ms += pause_ms;
        guest.is_ready = true;
        task->is_answered |= ++pauses == PAUSES_MAX;
        return !task->is_answered;
}

/* --- */

static bool is_there(const char *path)
{
        return access(path, F_OK) == 0;
}

static void set_up(void)
{
        memset(&guest, 0, sizeof(guest));
        memset(&answer, 0, sizeof(answer));
        answers = pauses = 0;
        time_ms = 1000;
        TEXT_COPY(directory, "hypervisor-copy-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        TEXT_PRINT(old, "%s/old", directory);
        TEXT_PRINT(new, "%s/new", directory);
        TEXT_PRINT(claim, "%s/.clu-copy-%d", directory, ENTRY);
        FILE *file = fopen(old, "w");
        ck_assert_ptr_nonnull(file);
        (void)fclose(file);
        TEXT_COPY(guest.file, old);
        guest.is_equal = true;
}

static void tear_down(void)
{
        (void)unlink(old);
        (void)unlink(new);
        (void)unlink(claim);
        ck_assert_int_eq(rmdir(directory), 0);
}

static void carry_out(enum copy_order order, bool succeeded, enum operation_result want)
{
        struct hypervisor hypervisor = { .references = 1 };
        struct task task = {
                .hypervisor = &hypervisor,
                .kind = CLUSTER_ACTION_COPY,
                .role = "vm01",
                .copy = { .index = ENTRY, .order = order, .disk = "vda", .succeeded = succeeded }
        };
        TEXT_COPY(task.copy.from, old);
        TEXT_COPY(task.copy.to, new);
        TAILQ_INIT(&hypervisor.tasks);
        answers = 0;
        copy_step(&task);
        ck_assert_msg(answers == 1, "order %d: %u answers", (int)order, answers);
        ck_assert_int_eq(answer.copy.order, order);
        ck_assert_msg(answer.copy.result == want, "order %d: %d, want %d: %s", (int)order, answer.copy.result,
                      (int)want, answer.copy.text);
}

START_TEST(a_disk_goes_over_while_its_guest_is_held)
{
        carry_out(COPY_ORDER_MIRROR, false, OPERATION_SUCCEEDED);
        ck_assert_str_eq(guest.mirror, new);
        ck_assert(!guest.is_paused);
        carry_out(COPY_ORDER_HOLD, false, OPERATION_SUCCEEDED);
        ck_assert(guest.is_paused);
        time_ms += 23;
        carry_out(COPY_ORDER_SWITCH, false, OPERATION_SUCCEEDED);
        ck_assert(!guest.is_paused);
        ck_assert_uint_eq(answer.copy.held_ms, 23);
        ck_assert_str_eq(guest.file, new);
        carry_out(COPY_ORDER_CLEAR, true, OPERATION_SUCCEEDED);
        ck_assert(!is_there(old) && !is_there(claim) && is_there(new));
}
END_TEST

START_TEST(a_copy_that_ends_lets_the_guest_go_and_leaves_one_image)
{
        carry_out(COPY_ORDER_MIRROR, false, OPERATION_SUCCEEDED);
        carry_out(COPY_ORDER_HOLD, false, OPERATION_SUCCEEDED);
        carry_out(COPY_ORDER_END, false, OPERATION_SUCCEEDED);
        ck_assert(!guest.is_paused);
        ck_assert_str_eq(guest.mirror, "");
        carry_out(COPY_ORDER_CLEAR, false, OPERATION_SUCCEEDED);
        ck_assert(is_there(old) && !is_there(claim) && !is_there(new));
}
END_TEST

START_TEST(a_guest_that_somebody_else_paused_stays_so)
{
        carry_out(COPY_ORDER_MIRROR, false, OPERATION_SUCCEEDED);
        guest.is_paused = true;
        carry_out(COPY_ORDER_HOLD, false, OPERATION_SUCCEEDED);
        carry_out(COPY_ORDER_SWITCH, false, OPERATION_SUCCEEDED);
        ck_assert(guest.is_paused);
}
END_TEST

START_TEST(images_that_are_not_equal_in_time_hold_nobody_up)
{
        carry_out(COPY_ORDER_MIRROR, false, OPERATION_SUCCEEDED);
        guest.is_equal = false;
        carry_out(COPY_ORDER_HOLD, false, OPERATION_UNKNOWN);
        ck_assert(!guest.is_paused);
        ck_assert_uint_eq(guest.resumed, 1);
        ck_assert_str_ne(answer.copy.text, "");
}
END_TEST

/* It was started by another definition, or somebody took the disk away. */
START_TEST(a_guest_without_that_disk_keeps_nobody_waiting)
{
        guest.file[0] = '\0';
        carry_out(COPY_ORDER_MIRROR, false, OPERATION_FAILED);
        ck_assert_str_eq(answer.copy.text,
                         "its disk vda is not there, because it was started by another definition");
        carry_out(COPY_ORDER_HOLD, false, OPERATION_FAILED);
        carry_out(COPY_ORDER_SWITCH, false, OPERATION_FAILED);
        carry_out(COPY_ORDER_END, false, OPERATION_SUCCEEDED);
        carry_out(COPY_ORDER_CLEAR, false, OPERATION_SUCCEEDED);
        ck_assert(is_there(old));
}
END_TEST

START_TEST(a_copy_that_somebody_else_began_is_left_to_them)
{
        TEXT_COPY(guest.mirror, "/backup/a");
        carry_out(COPY_ORDER_MIRROR, false, OPERATION_FAILED);
        ck_assert_str_eq(answer.copy.text, "it failed");
        carry_out(COPY_ORDER_SWITCH, false, OPERATION_FAILED);
        carry_out(COPY_ORDER_END, false, OPERATION_SUCCEEDED);
        carry_out(COPY_ORDER_CLEAR, false, OPERATION_SUCCEEDED);
        ck_assert_str_eq(guest.mirror, "/backup/a");
        ck_assert_str_eq(guest.file, old);
        ck_assert(is_there(old) && !is_there(new));
}
END_TEST

/* By a clusterd that was killed since, so that the core knows nothing of it. */
START_TEST(a_guest_that_is_held_hears_that_it_is_to_shut_down)
{
        struct hypervisor hypervisor = { .references = 1 };
        struct task stop = {
                .hypervisor = &hypervisor, .kind = CLUSTER_ACTION_STOP, .role = "vm01", .timeout_ms = 60000
        };
        carry_out(COPY_ORDER_MIRROR, false, OPERATION_SUCCEEDED);
        carry_out(COPY_ORDER_HOLD, false, OPERATION_SUCCEEDED);
        stop.started_ms = time_ms;
        stop_step(&stop);
        ck_assert(guest.was_asked);
        ck_assert_str_eq(guest.metadata, "");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("orders of moving a storage");
        TCase *tests = tcase_create("hypervisor copy");
        tcase_add_checked_fixture(tests, set_up, tear_down);
        tcase_add_test(tests, a_disk_goes_over_while_its_guest_is_held);
        tcase_add_test(tests, a_copy_that_ends_lets_the_guest_go_and_leaves_one_image);
        tcase_add_test(tests, a_guest_that_somebody_else_paused_stays_so);
        tcase_add_test(tests, images_that_are_not_equal_in_time_hold_nobody_up);
        tcase_add_test(tests, a_guest_without_that_disk_keeps_nobody_waiting);
        tcase_add_test(tests, a_copy_that_somebody_else_began_is_left_to_them);
        tcase_add_test(tests, a_guest_that_is_held_hears_that_it_is_to_shut_down);
        suite_add_tcase(suite, tests);
        return suite_run(suite);
}
