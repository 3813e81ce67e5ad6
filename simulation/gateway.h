/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_GATEWAY_H
#define CLU_SIMULATION_GATEWAY_H

/*
 * LUNs and the gateways to them, as iscsi-gateway has them: each role has one LUN on each target that it has
 * a disk on. A gateway registers, is confirmed by its daemon, and takes over; what has no key there the
 * target refuses. It lives as long as its guest, and not as long as clusterd.
 */

#include "clusterd/core/cluster.h"

struct domain;
struct event;
struct simulated_node;
struct world;

/* What stands on a role's LUNs. */
struct lun_record {
        struct {
                uint64_t gateway; /* whose key it is; 0: none of that node's */
                uint64_t volumes; /* where it stands */
        } keys[NODES_MAX + 1];
        uint64_t barred; /* volumes on which a key of a leader stands */
};

/* Of one domain, on one node. */
struct gateway {
        uint64_t id; /* 0: there is none */
        uint64_t generation;
        uint64_t volumes;
        uint64_t question; /* since its last registration; 0: it has not registered */
        uint64_t opened_us;
        uint64_t forgotten_us; /* it saw that the target knows no keys; 0: not */
        bool alone;            /* it has no disk elsewhere: what the target refuses is written nowhere */
        bool of_before;        /* another guest of the role has run since */
        bool takes;            /* over at once */
        bool preparing;        /* somebody waits for it */
        bool confirmed, owns, preempted;
};

/* volumes of the role that are targets, as this node's ledger says; 0: it needs no gateway. */
uint64_t gateway_volumes(const struct model *model, const char *role);
/* In place of one that stood there. */
void gateway_open(struct world *world, struct simulated_node *node, struct domain *domain, const char *role,
                  uint64_t volumes, uint64_t generation, bool takes);
/* It has stood there for long. */
void gateway_adopt(struct world *world, struct simulated_node *node, struct domain *domain, const char *role,
                   uint64_t volumes, uint64_t generation);
void gateway_on_tick(struct world *world, const struct event *event);
void gateway_on_confirmed(struct world *world, const struct event *event);
void gateway_confirm(struct world *world, struct simulated_node *node, const struct cluster_action *action);

/* Would the target carry out what the role's guest on this node writes? Of what is on no target: always. */
bool gateway_may_write(struct world *world, const struct simulated_node *node, const struct domain *domain);
/* Does its key stand, confirmed, and has it taken over? */
bool gateway_is_let_in(struct world *world, const struct simulated_node *node, const struct domain *domain);
/* Its guest cannot begin yet; or not at all. */
bool gateway_is_awaited(const struct world *world, const struct domain *domain);
bool gateway_is_unfit(const struct domain *domain);
/* A guest of the role begins to run there: those elsewhere are of before. */
void gateway_guest_runs(struct world *world, const struct simulated_node *node, const char *role);
/* A leader takes the keys of a lost node away: late, in part, or not at all. */
void gateway_preempt(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void gateway_on_preempt(struct world *world, const struct event *event);
/* That target begins anew, and knows no keys. */
void gateway_forget_keys(struct world *world, const char *volume);

#endif
