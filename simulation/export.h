/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_EXPORT_H
#define CLU_SIMULATION_EXPORT_H

/*
 * Exports of disks, and guests that write by them.
 *
 * What an export has received and not answered it may write at any later moment, until nothing of it is left:
 * so nobody else may write before that. An export outlives its daemon, and takes one connection, ever. A
 * connection breaks when the export ends, and after some seconds of silence: then the guest stands still.
 */

#include <stdbool.h>
#include <stdint.h>

struct cluster_action;
struct domain;
struct event;
struct hypervisor_job;
struct simulated_node;
struct world;

/* Of one role's disks, on one node. */
struct simulated_export {
        bool there;
        uint64_t index;
        uint8_t image;
        bool used; /* a guest has connected to it */
        bool late; /* it may hold what it has not answered */
};

/* Of one guest. */
struct connection {
        uint64_t index; /* of the redirect; 0: its disks are their own files */
        uint32_t node;
        bool broken;
};

void export_carry_out(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void export_on_order(struct world *world, const struct event *event);
void export_on_look(struct world *world, const struct event *event);
/* Nothing of it is left, whatever it held. */
void export_ends(struct world *world, struct simulated_node *node, const char *role);
void export_power_off(struct world *world, struct simulated_node *node);
/* Its guest is gone, in the midst of a write. */
void export_guest_ends(struct world *world, struct domain *domain);
/* Has the export that it runs by answered all that it was sent? What has none has. */
bool export_has_answered(struct world *world, struct simulated_node *node, struct domain *domain);

void export_redirect_effect(struct world *world, struct simulated_node *node, struct hypervisor_job *job);
void export_return_effect(struct world *world, struct simulated_node *node, struct hypervisor_job *job);

/* A guest of that role begins to write from there: nobody else may hold anything. */
void export_check_writers(struct world *world, struct simulated_node *node, const char *role);
/* Some guest writes by an export there, or may have done so. */
bool export_may_write(struct world *world, struct simulated_node *node, const char *role);

#endif
