/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_HYPERVISOR_H
#define CLU_CLUSTERD_IO_HYPERVISOR_H

/*
 * Virtual machines on this node, by libvirt.
 *
 * Every call to libvirt runs in a worker thread with a deadline; a hung
 * libvirtd delays its own answers and nothing else. Nothing is decided here.
 * A domain's name is its role's name.
 *
 * One in a process: libvirt's event loop is the process's. After every
 * (re)connection, and while a migration that is not ours goes on, a full list
 * comes unasked, with listing 0; a lost connection itself is no event, as it
 * says nothing about guests. What a call brings that hung past its deadline
 * is told by OBSERVED, never by a second OPERATION_DONE.
 */

#include "clusterd/core/cluster.h"
#include "clusterd/io/disk_exports.h"
#include "clusterd/io/iscsi_gateways.h"
#include "clusterd/io/mailbox.h"

struct hypervisor;

/* Called on the loop thread. */
struct hypervisor_listener {
        void *context;
        /* OBSERVED, LISTED or OPERATION_DONE; times are filled in by the receiver. */
        void (*on_event)(void *context, const struct cluster_event *event);
        /* Text of a definition, called on a worker thread; given. */
        int (*read_definition)(void *context, const uint8_t hash[HASH_BYTES], char **ret_text,
                               size_t *ret_bytes);
};

struct hypervisor_options {
        const char *uri;                 /* "qemu:///system" */
        const char *peer_uri;            /* "qemu+tls://%s/system": %s is the target's address */
        struct iscsi_gateways *gateways; /* of guests' disks that are LUNs; outlives it. NULL: none */
        struct disk_exports *exports;    /* for guests of others; outlives it */
        const char *redirect_dir;        /* for sockets to exports of others, a directory for each role */
};

int hypervisor_new(struct mailbox *mailbox, const struct hypervisor_options *options,
                   const struct hypervisor_listener *listener, struct hypervisor **ret_hypervisor);
void hypervisor_free(struct hypervisor *hypervisor);

/* action: START, STOP, MOVE, RESUME, REDIRECT, RETURN, PREPARE, ANNOUNCE, LIST, COPY, EXPORT. Each of the
 * first six ends with one OPERATION_DONE, each PREPARE with one PREPARED, each EXPORT with one EXPORT, each
 * LIST with one `end` or `failed`. What is said to be absent has no gateway here. A call to libvirt may
 * outlast its OPERATION_UNKNOWN; what is asked of this role next then waits for the end of a start or stop,
 * and may itself end unknown meanwhile. */
void hypervisor_carry_out(struct hypervisor *hypervisor, const struct cluster_action *action);

/* Progress of a move from here, or of a storage here, for heartbeats and clients: of that role, or of any if
 * it is empty. false if there is none. */
struct hypervisor_progress {
        char role[NAME_BYTES];
        char step[NAME_BYTES]; /* "prepare", "memory", "storage hand-off", "network", ... */
        uint32_t percent;
        uint32_t mib_s;
        uint64_t remaining_mib;
};
bool hypervisor_progress_read(const struct hypervisor *hypervisor, struct hypervisor_progress *ret_progress);

/* Host memory free for guests, MiB; capacity. Read from the system, not from libvirt. A tenth of the memory
 * (1 GiB at least, half at most) is kept for the host and for what QEMU takes besides. */
void host_capacity_read(uint32_t *ret_memory_mib, uint32_t *ret_memory_free_mib, uint32_t *ret_cpus);

#endif
