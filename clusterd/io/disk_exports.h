/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_DISK_EXPORTS_H
#define CLU_CLUSTERD_IO_DISK_EXPORTS_H

/*
 * What this node exports for guests of others: csv-storage/README.md, "Redirected I/O". A qemu-nbd for each
 * disk of a role that lies on a directory volume, at ports one behind the other, by TLS with a key that only
 * the guest's node is told. Each takes one connection, and ends with it. They outlive clusterd. Called on
 * worker threads, but for disk_exports_know().
 *
 *     ROLE/N.lock    held while the process of disk N lives
 *     ROLE/offer     which redirect it is for, its port and key: for root alone
 */

#include "clusterd/core/model.h"
#include "clusterd/io/domain_disk.h"

/* Of one role. */
#define EXPORT_DISKS_MAX 16

struct disk_exports;

struct disk_exports *disk_exports_new(const char *run_dir, uint32_t node);
void disk_exports_free(struct disk_exports *exports); /* those that run stay; NULL accepted */

/* Copies what it needs: where the volumes are, and this node's address. */
void disk_exports_know(struct disk_exports *exports, const struct model *model);

struct export_offer {
        uint32_t port; /* of its first disk, at the node's cluster address */
        char key[EXPORT_KEY_BYTES];
};

/* Opens the export for that redirect, or finds it open. 0; -1 and why: nothing of it is left; -ETIMEDOUT and
 * why: something may be. */
int disk_exports_open(struct disk_exports *exports, const char *role, uint64_t index, const char *definition,
                      size_t definition_bytes, struct export_offer *ret_offer, char ret_error[REASON_BYTES]);

/* 0: nothing of any export of this role is left here, nor of what one was asked for; -ETIMEDOUT. */
int disk_exports_close(struct disk_exports *exports, const char *role);

/* The roles of which something is left here, each once, and an empty name behind them: given, free(). */
char (*disk_exports_names(struct disk_exports *exports))[NAME_BYTES];

/*
 * Those disks of a definition, or of what libvirt prints, that an export has, in the order of their ports. -1
 * and why one of them cannot be exported.
 */
int disk_exports_choose(struct disk_exports *exports, const char *text, size_t text_bytes,
                        struct domain_disk ret_disks[EXPORT_DISKS_MAX], size_t *ret_count,
                        char ret_error[REASON_BYTES]);

#endif
