/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/store_internal.h"

#include "clusterd/base/text.h"

/*
 * The evidence rule, re-checked from the ledger alone: every role-assign
 * after a role's first one names, for each earlier possible runner, an entry
 * before it that can prove that this runner is gone.
 *
 * The model is not known here, so whether a command was refused is not
 * either. But who proposed generation g of a role knew generation g - 1 of
 * it, and so had to have proof for g - 1's runners whether or not the group
 * then took it. Only what is wrong for certain is found; what was compacted
 * away is taken on trust.
 */

/* One role's history, told in the order of the ledger. */
struct role_story {
        char name[NAME_BYTES];
        bool whole;          /* its role-add is kept: nothing happened before */
        uint64_t generation; /* the highest that is known to have existed */
        node_set runners;    /* nodes that were ever to run it */
        uint64_t gone;       /* generation of the last report that it runs no more, plus 1; 0: none */
        uint64_t assigned;   /* generation of the last role-assign; 0: none kept */
        uint64_t moved;      /* generation of the last role-move, if neither end has spoken; else 0 */
};

struct evidence_check {
        struct store_db *db;
        uint64_t base_index;
        struct role_story story;
        struct store_verdict *verdict;
};

static bool report_is_gone(enum report_kind kind)
{
        return kind == REPORT_STOPPED || kind == REPORT_SHUT_DOWN || kind == REPORT_FAILED ||
               kind == REPORT_START_FAILED || kind == REPORT_ABSENT;
}

/* What a command that is to prove something says, in the terms of the rule. */
struct proof {
        uint32_t node;
        uint64_t generation; /* 0: any */
        const char *role;    /* NULL: all of the node's */
        uint32_t kinds;      /* bits of enum evidence_kind that it can be; 0: proves nothing */
};

#define PROVES(kind) (1u << (kind))

static uint32_t report_proves(enum report_kind kind)
{
        if (report_is_gone(kind))
                return PROVES(EVIDENCE_STOPPED) | PROVES(EVIDENCE_HANDED_OVER) | PROVES(EVIDENCE_NEVER_RAN);
        return kind == REPORT_RUNNING ? PROVES(EVIDENCE_HANDED_OVER)
                                      : 0; /* the target runs it: the move is over */
}

/* The table of what can prove what. */
static struct proof proof_of(const struct command *command)
{
        const struct command_role_report *report = &command->role_report;
        const struct command_node_evidence *evidence = &command->node_evidence;
        const uint32_t all = ~PROVES(EVIDENCE_OPERATOR), never_ran = PROVES(EVIDENCE_NEVER_RAN);

        if (command->kind == COMMAND_ROLE_REPORT)
                return (struct proof){ report->node, report->generation, report->role,
                                       report_proves(report->kind) };
        if (command->kind == COMMAND_NODE_EVIDENCE)
                return (struct proof){ evidence->node, 0, NULL, PROVES(evidence->kind) | never_ran };
        if (command->kind == COMMAND_NODE_JOIN) /* of a new boot: whatever ran before is gone */
                return (struct proof){ command->node_join.node, 0, NULL, all };
        if (command->kind == COMMAND_NODE_CONFIRM_OFF)
                return (struct proof){ command->node.node, 0, NULL, PROVES(EVIDENCE_OPERATOR) | never_ran };
        return (struct proof){ 0 };
}

static void found(struct evidence_check *check, uint64_t index, const char *what, uint64_t where)
{
        if (check->verdict->bad_index != 0)
                return;
        check->verdict->bad_index = index;
        TEXT_PRINT(check->verdict->text, "role %s was assigned %s (entry %llu)", check->story.name, what,
                   (unsigned long long)where);
}

static void check_proof(struct evidence_check *check, const struct entry *assign,
                        const struct evidence *evidence, const struct entry *entry)
{
        const struct role_story *story = &check->story;
        const struct proof proof = proof_of(&entry->command);
        if ((proof.kinds & PROVES(evidence->kind)) == 0)
                found(check, assign->index, "by an entry that proves no such thing", evidence->index);
        else if (proof.role != NULL && !text_equal(proof.role, story->name))
                found(check, assign->index, "by proof of another role", evidence->index);
        else if (proof.generation != 0 && proof.generation + 1 != assign->command.role_assign.generation)
                found(check, assign->index, "by proof of another generation", evidence->index);
        else if (story->whole && !node_set_has(story->runners, proof.node))
                found(check, assign->index, "by proof of a node that never had it", evidence->index);
}

static int check_evidence(struct evidence_check *check, const struct entry *assign,
                          const struct evidence *evidence)
{
        if (evidence->index == 0 || evidence->index >= assign->index) {
                found(check, assign->index, "by proof that is not in the ledger before it", evidence->index);
                return 0;
        }
        if (evidence->index <= check->base_index)
                return 0;
        struct entry entry;
        store_bind_integer(check->db, SQL_ENTRY_BETWEEN, 1, evidence->index);
        store_bind_integer(check->db, SQL_ENTRY_BETWEEN, 2, evidence->index);
        int more = store_db_step(check->db, SQL_ENTRY_BETWEEN);
        int error = more == 1 ? store_row_entry(check->db, SQL_ENTRY_BETWEEN, &entry) : more;
        if (more == 1 && error == 0)
                check_proof(check, assign, evidence, &entry);
        store_db_reset(check->db, SQL_ENTRY_BETWEEN);
        return error;
}

/* A role that stopped has no owner; its proof then stands in the ledger though the entry names none. */
static bool may_lack_proof(const struct role_story *story, uint64_t generation)
{
        return story->gone == generation || (!story->whole && story->assigned == 0);
}

static int check_assign(struct evidence_check *check, const struct entry *entry)
{
        const struct command_role_assign *assign = &entry->command.role_assign;
        const struct role_story *story = &check->story;
        if (assign->generation < 2 || assign->generation <= story->generation)
                return 0; /* the first, or surely refused */
        int error = 0;
        if (assign->owner_evidence.kind != EVIDENCE_NONE)
                error = check_evidence(check, entry, &assign->owner_evidence);
        else if (!may_lack_proof(story, assign->generation))
                found(check, entry->index, "without proof against its earlier owner", entry->index);
        if (error == 0 && assign->target_evidence.kind != EVIDENCE_NONE)
                error = check_evidence(check, entry, &assign->target_evidence);
        else if (story->moved != 0 && story->moved + 1 == assign->generation)
                found(check, entry->index, "without proof against the target of its move", entry->index);
        return error;
}

static void know_generation(struct role_story *story, uint64_t generation)
{
        if (generation > story->generation)
                story->generation = generation;
}

static void follow_assign(struct role_story *story, const struct command_role_assign *assign)
{
        know_generation(story, assign->generation - 1);
        story->runners |= node_set_of(assign->node);
        story->assigned = assign->generation;
        if (story->moved == assign->generation)
                story->moved = 0; /* the move was refused, or this is: not certain */
}

static void follow_move(struct role_story *story, const struct command_role_move *move)
{
        story->runners |= node_set_of(move->target);
        story->moved = 0;
        if (move->generation == 0)
                return; /* whatever it was: not known here */
        know_generation(story, move->generation - 1);
        if (story->assigned != move->generation)
                story->moved = move->generation;
}

static void follow_report(struct role_story *story, const struct command_role_report *report)
{
        know_generation(story, report->generation);
        if (report_is_gone(report->kind))
                story->gone = report->generation + 1;
        if (report->generation == story->moved)
                story->moved = 0;
}

/* A second role-add may have been refused: what is known of runners stays. */
static void follow_add(struct role_story *story)
{
        story->whole = story->whole || (story->generation == 0 && story->assigned == 0);
        story->generation = 0;
        story->moved = 0;
}

static int follow_entry(struct evidence_check *check, const struct entry *entry)
{
        struct role_story *story = &check->story;
        const struct command *command = &entry->command;
        int error = 0;
        if (command->kind == COMMAND_ROLE_ADD) {
                follow_add(story);
        } else if (command->kind == COMMAND_ROLE_ASSIGN) {
                error = check_assign(check, entry);
                follow_assign(story, &command->role_assign);
        } else if (command->kind == COMMAND_ROLE_MOVE) {
                follow_move(story, &command->role_move);
        } else if (command->kind == COMMAND_ROLE_REPORT) {
                follow_report(story, &command->role_report);
        }
        return error;
}

/* Entries come role by role, each role's in the order of the ledger. */
static int on_entry(void *context, const struct entry *entry)
{
        struct evidence_check *check = context;
        char subject[NAME_BYTES + 16];
        command_subject(&entry->command, subject, sizeof subject);
        const char *name = subject + strlen("role:");
        if (!text_equal(name, check->story.name)) {
                check->story = (struct role_story){ 0 };
                TEXT_COPY(check->story.name, name);
        }
        return check->verdict->bad_index != 0 ? 0 : follow_entry(check, entry);
}

int store_check_evidence(struct store_db *db, const struct store_meta *meta, struct store_verdict *verdict)
{
        struct evidence_check check = { .db = db, .base_index = meta->base.index, .verdict = verdict };
        return store_each_entry(db, SQL_ENTRY_OF_ROLES, on_entry, &check);
}
