/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/quorum_mirror.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include <corosync/votequorum.h>

#include "clusterd/io/hypervisor_worker.h"

struct quorum_mirror {
        uint32_t node;
        pthread_mutex_t mutex;
        uint32_t asked; /* nodes; 0: nothing is, or its answer was taken */
        bool device;
        bool busy; /* a thread waits for corosync */
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

static int ask(votequorum_handle_t handle, uint32_t node, uint32_t nodes, bool device)
{
        struct votequorum_info info;
        int error = error_of(votequorum_getinfo(handle, node, &info));
        if (error < 0)
                return error;
        uint32_t cast = (info.flags & VOTEQUORUM_INFO_QDEVICE_CAST_VOTE) != 0 ? info.qdevice_votes : 0;
        uint32_t expected = nodes + (device ? 1 : 0);
        if (info.total_votes - cast != nodes)
                return -EAGAIN;
        return info.highest_expected == expected ? 0 : error_of(votequorum_setexpected(handle, expected));
}

static int tell(uint32_t node, uint32_t nodes, bool device)
{
        votequorum_handle_t handle;
        votequorum_callbacks_t nothing = { .votequorum_quorum_notify_fn = NULL };
        int error = error_of(votequorum_initialize(&handle, &nothing));
        if (error < 0)
                return error;
        error = ask(handle, node, nodes, device);
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
        uint32_t nodes = mirror->asked;
        bool device = mirror->device;
        pthread_mutex_unlock(&mirror->mutex);
        int answer = tell(mirror->node, nodes, device);
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
static int begin(struct quorum_mirror *mirror, uint32_t nodes, bool device)
{
        int error = worker_start_thread(run, mirror);
        if (error < 0)
                return error;
        mirror->asked = nodes;
        mirror->device = device;
        mirror->busy = true;
        mirror->references++;
        return -EAGAIN;
}

static int take_answer(struct quorum_mirror *mirror)
{
        mirror->asked = 0;
        return mirror->answer;
}

int quorum_mirror_expect(struct quorum_mirror *mirror, uint32_t nodes, bool device)
{
        int error = -EAGAIN;
        pthread_mutex_lock(&mirror->mutex);
        if (!mirror->busy)
                error = mirror->asked == nodes && mirror->device == device ? take_answer(mirror)
                                                                           : begin(mirror, nodes, device);
        pthread_mutex_unlock(&mirror->mutex);
        return error;
}
