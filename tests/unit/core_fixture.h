/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_TESTS_UNIT_CORE_FIXTURE_H
#define CLU_TESTS_UNIT_CORE_FIXTURE_H

/*
 * A story: a model, and commands that are applied to it one after another.
 *
 * The functions are named after what somebody says, so that a test reads like
 * the ledger it would make. Each returns what apply_command() came to, and
 * checks by itself that a refused command changed nothing.
 */

#include "clusterd/core/apply.h"

#define STORY_ROLES_MAX 64

struct story {
        struct model *model;
        struct model *before; /* copy, taken before each command */
        struct apply apply;   /* the last one */
        uint64_t index;       /* of the last entry */
};

void story_begin(struct story *story);
void story_end(struct story *story);

/* Equal in every byte, whatever the storage. */
bool model_equal(const struct model *a, const struct model *b);

enum apply_outcome story_apply(struct story *story, uint32_t origin, const struct command *command);

/* Nodes: named n1, n2, ...; 4096 MiB and a watchdog unless said otherwise. */
enum apply_outcome story_join(struct story *story, uint32_t node, uint64_t boot);
enum apply_outcome story_join_with(struct story *story, uint32_t node, uint32_t memory_mib, bool watchdog);
enum apply_outcome story_node(struct story *story, enum command_kind kind, uint32_t node);
enum apply_outcome story_lost(struct story *story, uint32_t node);
enum apply_outcome story_evidence(struct story *story, uint32_t node, enum evidence_kind kind);

/* Roles: virtual machines of 512 MiB that are wanted running. */
enum apply_outcome story_add(struct story *story, const char *name);
enum apply_outcome story_add_role(struct story *story, const struct role *role);
struct role story_role(const char *name);
enum apply_outcome story_order(struct story *story, enum command_kind kind, const char *role);
/* With the generation and the evidence that the model holds. */
enum apply_outcome story_assign(struct story *story, const char *role, uint32_t node);
enum apply_outcome story_move(struct story *story, const char *role, uint32_t target);
enum apply_outcome story_drain_move(struct story *story, const char *role, uint32_t target);
/* At the role's present generation. */
enum apply_outcome story_report(struct story *story, const char *role, uint32_t node, enum report_kind kind);
/* Added, assigned and reported running. */
void story_online(struct story *story, const char *role, uint32_t node);
/* Brings a fresh role into a state, owned by n1 (and moving to n2) where the state has an owner. */
void story_reach(struct story *story, const char *role, enum role_state state);

/* What the story has come to; the role or node must exist. */
const struct role *the_role(const struct story *story, const char *name);
const struct node *the_node(const struct story *story, uint32_t node);

#define ck_state(story, role, want)                                                                          \
        ck_assert_str_eq(role_state_name(the_role(story, role)->state), role_state_name(want))

/* A generator of its own: its numbers are the same everywhere. */
static inline uint32_t fixture_random(uint64_t *seed)
{
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t)(*seed >> 33);
}

#endif
