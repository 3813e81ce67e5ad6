/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_WITNESS_H
#define CLU_SIMULATION_WITNESS_H

/*
 * Witnesses on shares, as clusterd/io/witness_share.c meets them: slow, silent, out of reach of one node,
 * replaced by something else. What they answer is asked of the real rule.
 */

#include "clusterd/core/cluster.h"

struct event;
struct incident;
struct random;
struct simulated_node;
struct world;

#define WITNESSES_MAX 64 /* that a run sets, one after another */

struct simulated_witness {
        uint64_t identity; /* 0: there is none */
        bool replaced;     /* its file is another one now */
        bool forgets;      /* it is a qnetd: simulation/qnetd.c */
        struct witness_tag tag;
};

struct witnesses {
        struct simulated_witness item[WITNESSES_MAX];
        uint64_t silent_until_us;
};

/* A node's last question. */
struct witness_io {
        uint64_t question, life; /* of the daemon that asked */
        enum witness_outcome outcome;
        struct witness_tag tag;
        uint64_t cut_until_us; /* this node does not reach it */
};

void witness_make(struct world *world, const struct witness *witness);
const struct simulated_witness *witness_by_identity(const struct world *world, uint64_t identity);
void witness_carry_out(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void witness_on_asked(struct world *world, const struct event *event);
void witness_on_answer(struct world *world, const struct event *event);
/* It was removed: what stands there goes, if this node reaches it. */
void witness_forget(struct world *world, const struct simulated_node *node, uint64_t identity);
void witness_replace(struct world *world);
/* It answers whoever asks. */
void witness_mend(struct world *world);
bool witness_is_well(const struct world *world, uint64_t identity);
/* In some worlds there is one: what befalls it, from a stream of chance of its own. */
void witness_draw(struct world *world, uint64_t seconds);

#endif
