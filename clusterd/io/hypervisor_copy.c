/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/copy_claim.h"
#include "clusterd/io/domain_disk.h"
#include "clusterd/io/hypervisor_state.h"

/*
 * A disk goes to another image: the orders of enum copy_order, each of which begins with a look at what is
 * there.
 *
 * A guest that we hold carries a mark in libvirt's own description of it, so that whoever comes after us lets
 * it go, and one that somebody else paused stays so.
 */

#define POLL_MS       200
#define EQUAL_MS      10000 /* for a guest that stands still to be on both */
#define EQUAL_STEP_MS 5
#define MARK_URI      "urn:clu:held"

/* Locked. */
static void post(struct task *task, enum operation_result result, uint32_t held_ms, const char *text)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_COPY };
        TEXT_COPY(event.copy.role, task->role);
        event.copy.index = task->copy.index;
        event.copy.order = task->copy.order;
        event.copy.result = result;
        event.copy.held_ms = held_ms;
        TEXT_COPY(event.copy.text, text);
        hypervisor_post(task->hypervisor, &event, 1);
}

static void finish(struct task *task, enum operation_result result, uint32_t held_ms, const char *text)
{
        hypervisor_lock(task->hypervisor);
        if (!task->is_answered)
                post(task, result, held_ms, text);
        task->is_answered = true;
        hypervisor_unlock(task->hypervisor);
}

void copy_expire(struct task *task)
{
        post(task, OPERATION_UNKNOWN, 0, "libvirt did not answer in time");
}

static void finish_unknown(struct task *task)
{
        char text[REASON_BYTES];
        connection_error(text);
        finish(task, OPERATION_UNKNOWN, 0, text);
}

/* False: could not ask. All of *ret_disk is empty if its guest has no such disk. */
static bool look(struct task *task, virDomainPtr domain, struct domain_disk *ret_disk)
{
        char error[DISK_ERROR_BYTES];
        SCOPED_FREE char *text = virDomainGetXMLDesc(domain, 0);
        *ret_disk = (struct domain_disk){ .is_ready = false };
        if (text != NULL)
                (void)domain_disk_find(text, strlen(text), task->copy.disk, ret_disk, error);
        return text != NULL;
}

/* Somebody may have libvirt copy that disk to elsewhere: that is theirs to end. */
static bool is_ours(const struct task *task, const struct domain_disk *disk)
{
        return text_equal(disk->mirror, task->copy.to);
}

/* --- a guest that stands still --- */

static bool is_paused(virDomainPtr domain)
{
        int state = 0, reason = 0;
        return virDomainGetState(domain, &state, &reason, 0) == 0 && state == VIR_DOMAIN_PAUSED &&
               reason == VIR_DOMAIN_PAUSED_USER;
}

/* When it was held, by hypervisor_now_ms(); 0: not by us. */
static uint64_t mark_of(virDomainPtr domain)
{
        SCOPED_FREE char *mark =
                virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, MARK_URI, VIR_DOMAIN_AFFECT_LIVE);
        const char *since = mark == NULL ? NULL : strstr(mark, "since=");
        return since == NULL ? 0 : strtoull(since + strlen("since=") + 1, NULL, 10);
}

static int mark(virDomainPtr domain, const char *element)
{
        return virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, element, "clu", MARK_URI,
                                    VIR_DOMAIN_AFFECT_LIVE);
}

static int hold_guest(virDomainPtr domain)
{
        char element[NAME_BYTES];
        if (mark_of(domain) == 0) {
                if (is_paused(domain))
                        return 0; /* somebody else's wish */
                TEXT_PRINT(element, "<held since='%" PRIu64 "'/>", hypervisor_now_ms());
                if (mark(domain, element) < 0)
                        return -1;
        }
        return is_paused(domain) ? 0 : virDomainSuspend(domain);
}

int copy_let_go(virDomainPtr domain, uint32_t *ret_held_ms)
{
        uint64_t since_ms = mark_of(domain);
        if (since_ms == 0)
                return 0;
        if (is_paused(domain) && virDomainResume(domain) < 0)
                return -1;
        *ret_held_ms = (uint32_t)(hypervisor_now_ms() - since_ms);
        return mark(domain, NULL);
}

/* --- the orders --- */

static void note_progress(struct task *task, const virDomainBlockJobInfo *job)
{
        hypervisor_lock(task->hypervisor);
        TEXT_COPY(task->progress.step, "storage");
        task->progress.percent = job->end == 0 ? 0 : (uint32_t)((double)job->cur * 100 / (double)job->end);
        task->progress.remaining_mib = (job->end - job->cur) >> 20;
        uint64_t now_ms = hypervisor_now_ms(), passed_ms = now_ms - task->started_ms;
        task->progress.mib_s = passed_ms == 0 ? 0 : (uint32_t)((job->cur >> 20) * 1000 / passed_ms);
        hypervisor_unlock(task->hypervisor);
}

static void finish_broken(struct task *task)
{
        char text[REASON_BYTES];
        TEXT_PRINT(text, "the copy to %.80s broke off: libvirt's log says why", task->copy.to);
        finish(task, OPERATION_FAILED, 0, text);
}

static bool begin_mirror(struct task *task, virDomainPtr domain, const struct domain_disk *disk)
{
        char text[REASON_BYTES] = "";
        SCOPED_FREE char *destination = domain_disk_destination(disk, task->copy.to);
        if (!text_equal(disk->file, task->copy.from)) {
                TEXT_PRINT(text, "its disk %s is %.80s, because it was started by another definition",
                           task->copy.disk, disk->file[0] == '\0' ? "not there" : disk->file);
                finish(task, OPERATION_FAILED, 0, text);
                return false;
        }
        if (copy_claim(task->copy.from, task->copy.to, task->copy.index, text) < 0) {
                finish(task, OPERATION_FAILED, 0, text);
                return false;
        }
        if (virDomainBlockCopy(domain, disk->target, destination, NULL, 0,
                               VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES) == 0)
                return true;
        struct domain_disk now;
        connection_error(text);
        if (!look(task, domain, &now))
                finish(task, OPERATION_UNKNOWN, 0, text);
        else if (is_ours(task, &now))
                return true;
        else
                finish(task, OPERATION_FAILED, 0, text);
        return false;
}

/* True when there is nothing more to wait for by this connection. */
static bool follow_mirror(struct task *task, virDomainPtr domain)
{
        virDomainBlockJobInfo job = { 0 };
        struct domain_disk disk;
        while (!task_is_over(task)) {
                int r = virDomainGetBlockJobInfo(domain, task->copy.disk, &job, 0);
                if (r < 0 || !look(task, domain, &disk))
                        return false;
                if (!is_ours(task, &disk)) {
                        finish_broken(task);
                        return true;
                }
                note_progress(task, &job);
                if (disk.is_ready) {
                        finish(task, OPERATION_SUCCEEDED, 0, "");
                        return true;
                }
                (void)task_pause(task, POLL_MS);
        }
        return true;
}

static bool mirror(struct task *task, virDomainPtr domain)
{
        struct domain_disk disk;
        if (!look(task, domain, &disk))
                return false;
        if (!is_ours(task, &disk) && !begin_mirror(task, domain, &disk))
                return true;
        return follow_mirror(task, domain);
}

static int flush(const char *path)
{
        SCOPED_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* 1 when both are equal, 0 when not in time, -1 when the copy is none any more or libvirt does not say. */
static int await_equal(struct task *task, virDomainPtr domain)
{
        uint64_t until_ms = hypervisor_now_ms() + EQUAL_MS;
        virDomainBlockJobInfo job = { 0 };
        do {
                if (virDomainGetBlockJobInfo(domain, task->copy.disk, &job, 0) != 1)
                        return -1;
                if (job.cur == job.end && job.end != 0)
                        return 1;
        } while (hypervisor_now_ms() < until_ms && task_pause(task, EQUAL_STEP_MS));
        return 0;
}

static bool hold(struct task *task, virDomainPtr domain)
{
        struct domain_disk disk;
        uint32_t held_ms = 0;
        char text[REASON_BYTES];
        if (!look(task, domain, &disk))
                return false;
        if (!is_ours(task, &disk) || !disk.is_ready) {
                finish_broken(task);
                return true;
        }
        if (hold_guest(domain) < 0)
                return false;
        int equal = await_equal(task, domain), error = equal > 0 ? flush(task->copy.to) : 0;
        if (error < 0) {
                TEXT_PRINT(text, "%.100s cannot be flushed: %s", task->copy.to, strerrordesc_np(-error));
                finish(task, OPERATION_FAILED, 0, text);
        } else if (equal > 0) {
                finish(task, OPERATION_SUCCEEDED, 0, "");
        } else {
                (void)copy_let_go(domain, &held_ms);
                finish(task, OPERATION_UNKNOWN, 0, "it was held, and its images were not equal in time");
        }
        return true;
}

static bool go_over(struct task *task, virDomainPtr domain)
{
        struct domain_disk disk;
        uint32_t held_ms = 0;
        if (!look(task, domain, &disk))
                return false;
        if (!text_equal(disk.file, task->copy.to) && is_ours(task, &disk)) {
                int r = virDomainBlockJobAbort(domain, disk.target, VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT);
                if (!look(task, domain, &disk) || (r < 0 && is_ours(task, &disk)))
                        return false;
        }
        if (!text_equal(disk.file, task->copy.to)) {
                if (is_ours(task, &disk))
                        return false;
                finish_broken(task);
        } else if (copy_let_go(domain, &held_ms) < 0) {
                return false;
        } else {
                finish(task, OPERATION_SUCCEEDED, held_ms, "");
        }
        return true;
}

/* False: not known to have ended. */
static bool end_mirror(struct task *task, virDomainPtr domain)
{
        struct domain_disk disk;
        uint32_t held_ms = 0;
        if (!look(task, domain, &disk))
                return false;
        if (is_ours(task, &disk))
                (void)virDomainBlockJobAbort(domain, disk.target, 0);
        return look(task, domain, &disk) && !is_ours(task, &disk) && copy_let_go(domain, &held_ms) == 0;
}

static bool end(struct task *task, virDomainPtr domain)
{
        if (!end_mirror(task, domain))
                return false;
        finish(task, OPERATION_SUCCEEDED, 0, "");
        return true;
}

static bool clear(struct task *task, virDomainPtr domain)
{
        const struct copy_task *copy = &task->copy;
        char text[REASON_BYTES] = "";
        if (!end_mirror(task, domain))
                return false;
        int error = copy_unclaim(copy->to, copy->index, !copy->succeeded);
        if (error == 0 && copy->succeeded && !copy->keep && unlink(copy->from) < 0 && errno != ENOENT)
                error = -errno;
        if (error < 0)
                TEXT_PRINT(text, "%.100s is left there: %s", copy->succeeded ? copy->from : copy->to,
                           strerrordesc_np(-error));
        finish(task, OPERATION_SUCCEEDED, 0, text);
        return true;
}

static bool carry_out(struct task *task, virDomainPtr domain)
{
        switch (task->copy.order) {
        case COPY_ORDER_MIRROR:
                return mirror(task, domain);
        case COPY_ORDER_HOLD:
                return hold(task, domain);
        case COPY_ORDER_SWITCH:
                return go_over(task, domain);
        case COPY_ORDER_END:
                return end(task, domain);
        case COPY_ORDER_CLEAR:
                return clear(task, domain);
        case COPY_ORDER_NONE:
        case COPY_ORDER_COUNT:
                break;
        }
        return true;
}

/* What cannot be asked of libvirt is asked again, of one that may have to start first. */
void copy_step(struct task *task)
{
        bool is_done = false;
        while (!is_done && !task_is_over(task)) {
                virConnectPtr connection = connection_open_for(task);
                if (connection == NULL)
                        return;
                virDomainPtr domain = virDomainLookupByName(connection, task->role);
                if (domain != NULL)
                        is_done = carry_out(task, domain);
                if (domain == NULL && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN) {
                        finish_unknown(task); /* that it has gone is told by others */
                        is_done = true;
                }
                if (domain != NULL)
                        (void)virDomainFree(domain);
                connection_close(connection);
                if (!is_done)
                        (void)task_pause(task, POLL_MS);
        }
}

void copy_cut(struct hypervisor *hypervisor, const char *role)
{
        struct task *task;
        hypervisor_lock(hypervisor);
        TAILQ_FOREACH(task, &hypervisor->tasks, link)
        if (task->kind == CLUSTER_ACTION_COPY && task->copy.order == COPY_ORDER_MIRROR &&
            text_equal(task->role, role))
                task->is_answered = true;
        pthread_cond_broadcast(&hypervisor->changed);
        hypervisor_unlock(hypervisor);
}
