/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_BASE_LIMITS_H
#define CLU_CLUSTERD_BASE_LIMITS_H

/*
 * Capacities of one cluster. Tables are reserved once; reaching a limit is
 * refused, with a message, when the object that would not fit is added.
 */

#define NODES_MAX         64 /* node ids are 1 to 64: one bit each in a node_set */
#define ROLES_MAX         16384
#define FENCE_DEVICES_MAX 256
#define FENCE_LEVELS_MAX  9
#define PREFERRED_MAX     8  /* preferred owners of one role, best first */
#define VOLUMES_MAX       64 /* ids as nodes have them: the volumes of a role are a node_set, too */

/* Texts, in bytes, with the closing zero. */
#define NAME_BYTES        64
#define NOTE_BYTES        256
#define ACTOR_BYTES       48
#define REASON_BYTES      160
#define ADDRESS_BYTES     64
#define UUID_BYTES        37
#define AGENTS_BYTES      256  /* names of fence agents */
#define OPTIONS_BYTES     1024 /* options of a fence device, "key=value" lines */
#define VOLUME_PATH_BYTES 256
#define PORTAL_BYTES      80  /* of a target: HOST[:PORT] */
#define PASSWORD_BYTES    128 /* CHAP */
#define IMAGE_PATH_BYTES  256 /* of a disk that is copied */
#define DISK_BYTES        16  /* "vda" */
#define EXPORT_KEY_BYTES  65  /* of an export of a role's disks: 32 bytes as hexadecimal digits */

#define HASH_BYTES       32           /* SHA-256 */
#define DEFINITION_BYTES (256 * 1024) /* largest definition of a role, without a closing zero */
#define MESSAGE_BYTES                                                                                        \
        (768 * 1024) /* largest message; CPG carries 1 MiB. A definition                                     \
                      * grows by escaping, at worst threefold in practice */

/* A contact is half a second to a second old when it is known, and a new view takes two seconds and more.
 */
#define ISOLATION_HOLD_LEAST_MS 4000

#define PAUSE_MOST_MS 14400000 /* four hours without failover: longer work is done node by node, drained */

#define TAIL_MAX    2048 /* entries appended and not yet applied */
#define PENDING_MAX 512  /* requests of this node's clients not yet answered */

#endif
