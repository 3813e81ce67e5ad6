/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_DISK_H
#define CLU_SIMULATION_DISK_H

/* The store of a node: batches that become durable as a whole, later, or never. Part of simulation/world.h.
 */

#include "clusterd/core/cluster.h"
#include "simulation/queue.h"

struct world;
struct simulated_node;

enum disk_operation_kind {
        DISK_APPEND,
        DISK_TRUNCATE,
        DISK_PROMISE,
        DISK_PUT,
        DISK_DELETE,
        DISK_APPLIED,
        DISK_RESET,
        DISK_DEFINITION,
        DISK_COMPACT,
        DISK_SEND_ENTRIES,
        DISK_SEND_SNAPSHOT
};

struct disk_operation {
        enum disk_operation_kind kind;
        union {
                struct entry entry;
                uint64_t number;
                struct object object;
                struct ledger_position position;
                struct {
                        struct round_id round;
                        uint32_t to;
                        uint64_t first, last;
                } send;
        };
};

struct disk {
        /* durable */
        struct entry *entries;
        size_t entry_count;
        size_t entry_capacity;
        struct object *objects;
        size_t object_count;
        size_t object_capacity;
        struct ledger_position applied;
        uint64_t promised;
        bool blank;
        uint64_t definitions[UINT8_MAX + 1];        /* when it was put, counting those; 0: it is not there */
        uint64_t definitions_put, definitions_seen; /* seen: at the last compaction of this process */
        struct disk *backup;                        /* owned; only its durable part */
        uint64_t owed_index, owed_promise;          /* it held and promised so much, before it was lost */
        /* on its way */
        struct disk_operation *queue;
        size_t queue_count;
        size_t queue_capacity;
        size_t in_flight;
        uint64_t due_us; /* when the batch under way is carried out, or fails */
        uint64_t failing_until_us;
        uint64_t slow_until_us;
        uint64_t hung_until_us;
        bool logged_reset; /* a reset was queued in the present step */
};

void disk_create(struct disk *disk, const struct settings *settings);
void disk_wipe(struct disk *disk);
/* As if it had been stored long ago, the entries behind it compacted away. */
void disk_seed(struct disk *disk, const struct object *object, const struct ledger_position *position);
void disk_release(struct disk *disk);
void disk_crash(struct world *world, struct simulated_node *node);
bool disk_is_whole(const struct disk *disk); /* it has again what it ever had */
bool disk_has_lost(const struct disk *disk, uint64_t index);
void disk_back_up(struct disk *disk);
void disk_restore(struct disk *disk); /* precondition: there is a backup */
bool disk_keeps_after(const struct disk *disk, const struct ledger_position *position);
void disk_drop_backup(struct disk *disk);
void disk_cut(struct disk *disk, size_t count);
void disk_compact_later(struct world *world, struct disk *disk);
uint8_t disk_definition_of(const struct command *command);
void disk_put_definition(struct disk *disk, uint8_t definition);
bool disk_has_definition(const struct disk *disk, uint8_t definition); /* with what is queued */
void disk_write(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void disk_kick(struct world *world, struct simulated_node *node);
void disk_on_batch(struct world *world, const struct event *event);
const struct entry *disk_find(const struct disk *disk, uint64_t index); /* with what is queued */
const struct entry *disk_durable(const struct disk *disk, uint64_t index);
uint64_t disk_last_queued(const struct disk *disk);
bool disk_blank_queued(const struct disk *disk);
bool disk_holds(const struct disk *disk, const struct ledger_position *position); /* durably */
uint64_t disk_last(const struct disk *disk);
void entry_restore_command(struct entry *entry);

/* --- disk_read.c --- */

void disk_compact(struct world *world, struct disk *disk, uint64_t keep);
void disk_send_entries(struct world *world, struct simulated_node *node,
                       const struct disk_operation *operation);
void disk_send_snapshot(struct world *world, struct simulated_node *node,
                        const struct disk_operation *operation);

#endif
