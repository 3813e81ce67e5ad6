/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_IPC_ACCESS_H
#define CLU_CLUSTERD_IO_IPC_ACCESS_H

/* Who may ask: root and group clu-admin change things, group clu-view reads. */

#include <sys/types.h>

#include "clusterd/io/ipc.h"

#define IPC_GROUP_ADMIN "clu-admin"
#define IPC_GROUP_VIEW  "clu-view"

/*
 * uid and gid as the kernel tells them (SO_PEERCRED). 0 and what the client
 * may; -EACCES: not let in. Groups are looked up anew each time, so a change
 * in /etc/group counts at once.
 */
int ipc_access_decide(uid_t uid, gid_t gid, struct ipc_client *ret_client);

#endif
