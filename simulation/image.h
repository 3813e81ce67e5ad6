/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_IMAGE_H
#define CLU_SIMULATION_IMAGE_H

/*
 * The disks of guests: which of a role's images hold all that its guest was told is written.
 *
 * A guest that runs writes all the time, so whatever it does not write to is behind at once. While it is
 * mirrored only the old image counts: writing to the new one may fail at any moment, and the guest would not
 * hear of it. An image is known by a number, the definition that names it, except that all those made by hand
 * name one.
 */

#include "clusterd/core/cluster.h"

struct world;
struct simulated_node;
struct domain;
struct event;

struct image_record {
        uint8_t latest[2]; /* that hold all; 0: none */
        bool copied;       /* or was about to be, so that definitions made by hand may be of before */
        bool excused;      /* it was given one of these: whatever it starts from is the operator's word */
};

/* Of one guest. */
struct image_use {
        uint8_t image;      /* that its disk is; 0: not known */
        uint64_t mirroring; /* for the copy of this entry; 0: it writes to that one alone */
        uint8_t mirror;
        bool held; /* it stands still */
        uint64_t begun_us, held_us;
};

uint8_t image_of_definition(const uint8_t hash[HASH_BYTES]);
/* Of a disk's path, as image_path_write() gives it. */
void image_path_write(uint8_t image, const char *volume, char ret_path[IMAGE_PATH_BYTES]);

void image_started(struct world *world, struct simulated_node *node, struct domain *domain,
                   const uint8_t hash[HASH_BYTES]);
/* From where it ran until now: its use is what it was there. */
void image_arrived(struct world *world, struct domain *domain);
/* The role was given a definition by hand, or is none any more. */
void image_defined(struct world *world, const char *role);
void image_forget(struct world *world, const char *role);

void image_carry_out(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void image_on_copy(struct world *world, const struct event *event);

#endif
