/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/quorum_mirror.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include <corosync/votequorum.h>

#include "clusterd/io/hypervisor_worker.h"
#include "clusterd/io/qdevice_config.h"

struct quorum_mirror {
        uint32_t node;
        pthread_mutex_t mutex;
        struct quorum_expectation asked; /* nodes 0: nothing is, or its answer was taken */
        bool busy;                       /* a thread waits for corosync */
        int answer;
        unsigned references; /* the owner, the thread */
};

/* cs_error_t to errno. */
static int error_of(cs_error_t answer)
{
        switch ((int)answer) {
        case CS_OK:
                return 0;
        case CS_ERR_TRY_AGAIN:
                return -EAGAIN;
        case CS_ERR_INVALID_PARAM: /* not quorate by that: its ring has changed */
                return -EAGAIN;
        case CS_ERR_LIBRARY: /* corosync is gone */
        case CS_ERR_BAD_HANDLE:
                return -ENOTCONN;
        default: /* a number of another's header: whatever it says, it was not done */
                return -EIO;
        }
}

static bool is_same(const struct quorum_expectation *a, const struct quorum_expectation *b)
{
        return a->nodes == b->nodes && a->device == b->device && a->left_out == b->left_out;
}

static int ask(votequorum_handle_t handle, uint32_t node, const struct quorum_expectation *expected)
{
        struct votequorum_info info;
        int error = error_of(votequorum_getinfo(handle, node, &info));
        if (error < 0)
                return error;
        uint32_t cast = (info.flags & VOTEQUORUM_INFO_QDEVICE_CAST_VOTE) != 0 ? info.qdevice_votes : 0;
        uint32_t votes = expected->nodes + (expected->device ? 1 : 0);
        if (info.total_votes - cast != expected->nodes)
                return -EAGAIN;
        if (!expected->device && expected->left_out && info.qdevice_votes != 0)
                error = qdevice_config_leave_out();
        if (error < 0)
                return error == -EBUSY ? -EAGAIN : error;
        return info.highest_expected == votes ? 0 : error_of(votequorum_setexpected(handle, votes));
}

static int tell(uint32_t node, const struct quorum_expectation *expected)
{
        votequorum_handle_t handle;
        votequorum_callbacks_t nothing = { .votequorum_quorum_notify_fn = NULL };
        int error = error_of(votequorum_initialize(&handle, &nothing));
        if (error < 0)
                return error;
        error = ask(handle, node, expected);
        (void)votequorum_finalize(handle);
        return error;
}

/* Locked; unlocks. */
static void mirror_release(struct quorum_mirror *mirror)
{
        bool is_last = --mirror->references == 0;
        pthread_mutex_unlock(&mirror->mutex);
        if (!is_last)
                return;
        pthread_mutex_destroy(&mirror->mutex);
        free(mirror);
}

static void *run(void *context)
{
        struct quorum_mirror *mirror = context;
        pthread_mutex_lock(&mirror->mutex);
        struct quorum_expectation expected = mirror->asked;
        pthread_mutex_unlock(&mirror->mutex);
        int answer = tell(mirror->node, &expected);
        pthread_mutex_lock(&mirror->mutex);
        mirror->answer = answer;
        mirror->busy = false;
        mirror_release(mirror);
        return NULL;
}

struct quorum_mirror *quorum_mirror_new(uint32_t node)
{
        struct quorum_mirror *mirror = calloc(1, sizeof(*mirror));
        assert(mirror != NULL);
        mirror->node = node;
        mirror->references = 1;
        pthread_mutex_init(&mirror->mutex, NULL);
        return mirror;
}

void quorum_mirror_free(struct quorum_mirror *mirror)
{
        if (mirror == NULL)
                return;
        pthread_mutex_lock(&mirror->mutex);
        mirror_release(mirror);
}

/* Locked. */
static int begin(struct quorum_mirror *mirror, const struct quorum_expectation *expected)
{
        int error = worker_start_thread(run, mirror);
        if (error < 0)
                return error;
        mirror->asked = *expected;
        mirror->busy = true;
        mirror->references++;
        return -EAGAIN;
}

static int take_answer(struct quorum_mirror *mirror)
{
        mirror->asked.nodes = 0;
        return mirror->answer;
}

int quorum_mirror_expect(struct quorum_mirror *mirror, const struct quorum_expectation *expected)
{
        int error = -EAGAIN;
        pthread_mutex_lock(&mirror->mutex);
        if (!mirror->busy)
                error = is_same(&mirror->asked, expected) ? take_answer(mirror) : begin(mirror, expected);
        pthread_mutex_unlock(&mirror->mutex);
        return error;
}
