/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_ISCSI_GATEWAYS_H
#define CLU_CLUSTERD_IO_ISCSI_GATEWAYS_H

/*
 * The gateways of this node: a process for each LUN that is a disk of a guest here. QEMU reaches it by a
 * socket whose name is the same on every node, so a guest takes its definition along when it moves.
 *
 *     ROLE@VOLUME-LUN.sock         there until its guest has come; nobody else can come then
 *     ROLE@VOLUME-LUN.sock.lock    held while the process lives; its id stands in it
 *     cluster                      where they ask for a confirmation: iscsi_confirm.h
 *
 * They outlive clusterd. One ends with the QEMU that uses it, or after a minute in which none came.
 * Called on worker threads, but for iscsi_gateways_know().
 */

#include "clusterd/core/model.h"

#define ISCSI_CONFIRM_SOCKET "cluster"

/* Of a node, to its targets: as QEMU names itself. */
#define ISCSI_INITIATOR "iqn.2008-11.org.linux-kvm:%s"

struct iscsi_gateways;

/* A key for that target: which cluster, which node; the rest is random. */
uint64_t iscsi_key_new(const char *cluster, const char *target, uint32_t node);
/* The hexadecimal digits with which all keys of that node there begin. */
#define ISCSI_KEY_BEGIN_BYTES 11
void iscsi_key_begin(const char *cluster, const char *target, uint32_t node,
                     char ret_digits[ISCSI_KEY_BEGIN_BYTES]);

/* Of a role, as it stands on this node. */
struct gateway_guest {
        const char *role;
        uint64_t generation; /* by which it comes here */
        bool takes;          /* it is to start: whoever has its LUNs has them no more. Otherwise it arrives */
};

/* helpers: the directory of the plugin. */
struct iscsi_gateways *iscsi_gateways_new(const char *run_dir, const char *helpers, uint32_t node,
                                          const char *node_name);
void iscsi_gateways_free(struct iscsi_gateways *gateways); /* those that run stay; NULL accepted */

/* Copies what it needs: the targets, and how they are reached. */
void iscsi_gateways_know(struct iscsi_gateways *gateways, const struct model *model);

/*
 * Starts those that this definition needs, unless its guest has come to them, and waits for them: they are
 * confirmed then. *ret_text is the definition as libvirt is to have it: given, free(). 0, or -1 and why.
 */
int iscsi_gateways_open(struct iscsi_gateways *gateways, const struct gateway_guest *guest,
                        const char *definition, size_t definition_bytes, char **ret_text,
                        char ret_error[REASON_BYTES]);

/* Ends those of this role. 0: none is there any more, and nothing that one has sent is on its way to its
 * target. */
int iscsi_gateways_end(struct iscsi_gateways *gateways, const char *role);

/* The roles whose gateways are used by a QEMU, each once, and an empty name behind them: given, free(). */
char (*iscsi_gateways_used(struct iscsi_gateways *gateways))[NAME_BYTES];

#endif
