/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/quorum_mirror.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <corosync/votequorum.h>

struct quorum_mirror {
        uint32_t node;
        votequorum_handle_t handle; /* 0: not connected */
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

struct quorum_mirror *quorum_mirror_new(uint32_t node)
{
        struct quorum_mirror *mirror = calloc(1, sizeof(*mirror));
        assert(mirror != NULL);
        mirror->node = node;
        return mirror;
}

static void disconnect(struct quorum_mirror *mirror)
{
        if (mirror->handle != 0)
                (void)votequorum_finalize(mirror->handle);
        mirror->handle = 0;
}

void quorum_mirror_free(struct quorum_mirror *mirror)
{
        if (mirror == NULL)
                return;
        disconnect(mirror);
        free(mirror);
}

static int connect_once(struct quorum_mirror *mirror)
{
        votequorum_callbacks_t nothing = { .votequorum_quorum_notify_fn = NULL };
        if (mirror->handle != 0)
                return 0;
        cs_error_t answer = votequorum_initialize(&mirror->handle, &nothing);
        if (answer != CS_OK)
                mirror->handle = 0;
        return error_of(answer);
}

static int tell(struct quorum_mirror *mirror, uint32_t nodes)
{
        struct votequorum_info info;
        int error = connect_once(mirror);
        if (error == 0)
                error = error_of(votequorum_getinfo(mirror->handle, mirror->node, &info));
        if (error < 0)
                return error;
        if (info.total_votes != nodes)
                return -EAGAIN;
        return info.highest_expected == nodes ? 0 : error_of(votequorum_setexpected(mirror->handle, nodes));
}

int quorum_mirror_expect(struct quorum_mirror *mirror, uint32_t nodes)
{
        int error = tell(mirror, nodes);
        if (error < 0 && error != -EAGAIN)
                disconnect(mirror);
        return error;
}
