/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_TESTS_UNIT_STORE_FIXTURE_H
#define CLU_TESTS_UNIT_STORE_FIXTURE_H

/*
 * A store in a folder of its own, with its loop and a listener that remembers, and a maker of
 * entries that chain.
 */

#include "clusterd/io/store_internal.h"

struct store_fixture {
        char folder[64];
        char path[96];
        qb_loop_t *loop;
        struct mailbox *mailbox;
        struct store *store;

        /* what the listener heard */
        uint64_t stored_index, stored_promised;
        uint32_t stored_count, failed_count, message_count;
        int failed_error;
        char failed_text[STORE_ERROR_BYTES];
        char **messages; /* encoded */
        /* may be NULL: called before the above changes */
        void (*on_stored)(struct store_fixture *fixture, uint64_t index);
        void (*on_failed)(struct store_fixture *fixture);
        bool (*until)(struct store_fixture *fixture);
        uint64_t until_index;
        uint32_t until_messages;
        int pipe_end; /* for on_stored */
};

void fixture_init(struct store_fixture *fixture); /* makes the folder, opens nothing */
void fixture_release(struct store_fixture *fixture);
/* For a test that does not live to release it; what is open stays usable. */
void fixture_remove_files(const struct store_fixture *fixture);
int fixture_try_open(struct store_fixture *fixture, char error[STORE_ERROR_BYTES]);
void fixture_open(struct store_fixture *fixture); /* must succeed */
void fixture_close(struct store_fixture *fixture);
struct store_state fixture_state(const struct store_fixture *fixture);
uint32_t fixture_objects(const struct store_fixture *fixture); /* how many rows there are */
/* Runs the loop until so much was heard. */
void fixture_wait_stored(struct store_fixture *fixture, uint64_t index);
void fixture_wait_messages(struct store_fixture *fixture, uint32_t count);
void fixture_wait(struct store_fixture *fixture, bool (*until)(struct store_fixture *fixture));
bool fixture_heard_stored(struct store_fixture *fixture);
void fixture_forget(struct store_fixture *fixture); /* what was heard */

/* A history: the next entry follows position. */
struct history {
        struct ledger_position position;
};

/* Makes the next entry; its text is given: free((char *)entry->text). */
struct entry history_next(struct history *history, const struct command *command);
/* And stores it. */
struct ledger_position history_append(struct history *history, struct store *store,
                                      const struct command *command);

struct command command_of_note(uint32_t number); /* a node-drain: small */
struct command command_of_add(const char *role, const uint8_t *definition_hash);
struct command command_of_assign(const char *role, uint32_t node, uint64_t generation,
                                 enum evidence_kind kind, uint64_t evidence_index);
struct command command_of_report(const char *role, uint32_t node, uint64_t generation, enum report_kind kind);
struct object object_of_role(const char *name, const uint8_t *definition_hash);

/* Runs one statement on the file, as a disk or a person would that changes it behind our back. */
void fixture_tamper(const struct store_fixture *fixture, const char *sql);

#endif
