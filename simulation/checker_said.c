/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a node says must be true of it. All of the ledger rests on what nodes say of their own disks, and a
 * failover begins with a word of the leader that a node is lost.
 */

#include <inttypes.h>

#include "simulation/world.h"

/* A leader that never saw a node gives it so long to boot. Source: README.md of the core. */
#define COLD_START_US SECOND(10)

static void check_promised(struct world *world, struct simulated_node *node,
                           const struct cluster_status *status, uint64_t epoch)
{
        const struct disk *disk = &node->disk;
        if (disk->promised != epoch)
                world_violate(world, "2: a false word", node, NULL,
                              "says that it promised epoch %" PRIu64 ", its disk holds %" PRIu64, epoch,
                              disk->promised);
        if (!disk_holds(disk, &status->last))
                world_violate(world, "2: a false word", node, NULL,
                              "promises epoch %" PRIu64 ", and its disk lacks entry %" PRIu64, epoch,
                              status->last.index);
}

static void check_stored(struct world *world, struct simulated_node *node,
                         const struct cluster_status *status, uint64_t index)
{
        const struct disk *disk = &node->disk;
        if (disk->promised != status->epoch)
                world_violate(world, "2: a false word", node, NULL,
                              "is a holder in epoch %" PRIu64 ", its disk promised %" PRIu64, status->epoch,
                              disk->promised);
        if (disk_last(disk) < index || disk_last_queued(disk) < index)
                world_violate(world, "2: a false word", node, NULL,
                              "says that it holds entry %" PRIu64 ", its disk ends at %" PRIu64
                              ", and will at %" PRIu64,
                              index, disk_last(disk), disk_last_queued(disk));
}

static void check_state(struct world *world, struct simulated_node *node, const struct message_state *state)
{
        if (state->blank != disk_blank_queued(&node->disk))
                world_violate(world, "2: a false word", node, NULL, "says that it is %s, its disk will be %s",
                              state->blank ? "blank" : "whole", state->blank ? "whole" : "blank");
        if (state->promised < node->disk.promised)
                world_violate(world, "2: a false word", node, NULL,
                              "says that it promised %" PRIu64 ", its disk holds %" PRIu64, state->promised,
                              node->disk.promised);
}

static void check_lost(struct world *world, struct simulated_node *node, const struct cluster_status *status,
                       uint32_t lost)
{
        const struct node_memory *memory = &node->memory;
        uint64_t leads_us = status->epoch == memory->epoch ? world->now_us - memory->epoch_us : 0;
        if (node_set_has(status->connected | status->members, lost))
                world_violate(world, "7: a node in contact is given up", node, NULL, "n%u", lost);
        else if (!node_set_has(memory->seen, lost) && leads_us < COLD_START_US * 95 / 100)
                world_violate(world, "7: a node is given up before it could boot", node, NULL, "n%u", lost);
}

/*
 * That it stayed where it was, or what became of it is lost: asked while it is still on its way. One that was
 * left paused may have been ended since it was looked at: that it was here was no lie.
 */
static void check_stayed(struct world *world, struct simulated_node *node,
                         const struct command_role_report *report)
{
        const struct role *role = model_role(cluster_model(node->core), report->role);
        if (report->kind != REPORT_RUNNING || role == NULL || role->state != ROLE_MOVING ||
            role->owner != node->id)
                return;
        if (hypervisor_is_leaving(world, node, report->role) ||
            (node->hypervisor.domains[names_number(&world->names, report->role)].moved &&
             hypervisor_is_running(world, &world->nodes[role->target], report->role)))
                world_violate(world, "3: false evidence", node, report->role,
                              "says that it stayed, and it moves or has moved");
}

static void check_proposal(struct world *world, struct simulated_node *node,
                           const struct cluster_status *status, const struct command *command)
{
        if (command->kind == COMMAND_NODE_LOST)
                check_lost(world, node, status, command->node.node);
        else if (command->kind == COMMAND_NODE_EVIDENCE &&
                 command->node_evidence.kind != EVIDENCE_POWERED_OFF)
                checker_expired(world, node, status, &command->node_evidence);
        else if (command->kind == COMMAND_ROLE_REPORT)
                check_stayed(world, node, &command->role_report);
}

void checker_said(struct world *world, struct simulated_node *node, const struct message *message)
{
        struct cluster_status status;
        cluster_status_read(node->core, &status);
        switch ((int)message->kind) {
        case MESSAGE_STATE:
                check_state(world, node, &message->state);
                node->memory.state_us = world->now_us;
                return;
        case MESSAGE_DECIDE:
                checker_decided(world, node, message);
                return;
        case MESSAGE_PROMISED:
                checker_promised(world, node, message);
                check_promised(world, node, &status, message->promised_epoch);
                return;
        case MESSAGE_STORED:
                check_stored(world, node, &status, message->stored_index);
                return;
        case MESSAGE_PROPOSE:
                check_proposal(world, node, &status, &message->propose.command);
                return;
        default:
                return;
        }
}
