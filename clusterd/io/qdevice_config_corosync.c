/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/qdevice_config.h"

#include <errno.h>
#include <stdlib.h>

#include <corosync/cmap.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

#define MODEL "quorum.device.model"
#define VOTES "quorum.device.votes"

/* A heartbeat of 1.6 s: qnetd misses a node 2.4 s after its last word, about when the ring does. */
const struct qdevice_config qdevice_config_default = { .port = 5403,
                                                       .timeout_ms = 2000,
                                                       .sync_timeout_ms = 6000 };

static void scope_cmap(cmap_handle_t *handle)
{
        if (*handle != 0)
                (void)cmap_finalize(*handle);
}

#define SCOPED_CMAP __attribute__((cleanup(scope_cmap)))

/* cs_error_t to errno. */
static int error_of(cs_error_t answer)
{
        switch ((int)answer) {
        case CS_OK:
                return 0;
        case CS_ERR_TRY_AGAIN:
                return -EBUSY;
        case CS_ERR_LIBRARY:
        case CS_ERR_BAD_HANDLE:
                return -ENOTCONN;
        case CS_ERR_NOT_EXIST:
                return -ENOENT;
        case CS_ERR_ACCESS:
                return -EACCES;
        default: /* a number of another's header */
                return -EIO;
        }
}

static int put_text(cmap_handle_t cmap, const char *key, const char *text, bool *changed)
{
        SCOPED_FREE char *found = NULL;
        if (cmap_get_string(cmap, key, &found) == CS_OK && text_equal(found, text))
                return 0;
        *changed = true;
        return error_of(cmap_set_string(cmap, key, text));
}

static int put_number(cmap_handle_t cmap, const char *key, uint32_t number, bool *changed)
{
        uint32_t found;
        if (cmap_get_uint32(cmap, key, &found) == CS_OK && found == number)
                return 0;
        *changed = true;
        return error_of(cmap_set_uint32(cmap, key, number));
}

/* The model last: votequorum reads all of it anew after each key, and without a model there is no device. */
static int put_all(cmap_handle_t cmap, const struct qdevice_config *config, bool *changed)
{
        char port[8];
        TEXT_PRINT(port, "%u", config->port);
        int error = put_number(cmap, VOTES, 1, changed);
        if (error == 0)
                error = put_number(cmap, "quorum.device.timeout", config->timeout_ms, changed);
        if (error == 0)
                error = put_number(cmap, "quorum.device.sync_timeout", config->sync_timeout_ms, changed);
        if (error == 0)
                error = put_text(cmap, "quorum.device.net.host", config->host, changed);
        if (error == 0)
                error = put_text(cmap, "quorum.device.net.port", port, changed);
        if (error == 0)
                error = put_text(cmap, "quorum.device.net.algorithm", "ffsplit", changed);
        if (error == 0)
                error = put_text(cmap, "quorum.device.net.tls", "required", changed);
        if (error == 0)
                error = put_text(cmap, MODEL, "net", changed);
        return error;
}

/* *handle: for scope_cmap(), also after an error. */
static int open_cmap(cmap_handle_t *handle)
{
        int error = error_of(cmap_initialize(handle));
        if (error == 0)
                return 0;
        *handle = 0;
        return error == -EBUSY ? error : -ENOTCONN;
}

int qdevice_config_set(const struct qdevice_config *config, bool *ret_changed)
{
        SCOPED_CMAP cmap_handle_t cmap = 0;
        bool changed = false;
        int error = open_cmap(&cmap);
        if (error == 0)
                error = put_all(cmap, config, &changed);
        if (error == 0)
                *ret_changed = changed;
        return error;
}

int qdevice_config_leave_out(void)
{
        SCOPED_CMAP cmap_handle_t cmap = 0;
        bool changed;
        int error = open_cmap(&cmap);
        return error == 0 ? put_number(cmap, VOTES, 0, &changed) : error;
}

int qdevice_config_remove(void)
{
        SCOPED_CMAP cmap_handle_t cmap = 0;
        int error = open_cmap(&cmap);
        if (error == 0 && (error = error_of(cmap_delete(cmap, MODEL))) == -ENOENT)
                error = 0;
        return error;
}
