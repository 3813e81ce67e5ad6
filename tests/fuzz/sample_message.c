/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/sample_parts.h"

/* Messages, with every field set. */

static void position(struct sample_random *random, struct ledger_position *position)
{
        position->epoch = counter(random);
        position->index = counter(random);
        hash(random, position->hash);
}

static void request(struct sample_random *random, struct request_id *request)
{
        request->node = node_or_none(random);
        request->incarnation = identity(random);
        request->count = counter(random);
}

/* Any command; the definition that it names comes with it, or not. NULL if it has none. */
static const char *any_command(struct sample_random *random, struct sample_message *sample,
                               struct command *command, size_t *ret_bytes)
{
        sample_command(random, ANY(random, COMMAND_COUNT), command);
        TEXT(random, sample->definition);
        size_t bytes = strlen(sample->definition);
        uint8_t *named = NULL;
        if (command->kind == COMMAND_ROLE_ADD)
                named = command->role_add.role.definition_hash;
        else if (command->kind == COMMAND_ROLE_SET && command->role_set.fields & ROLE_FIELD_DEFINITION)
                named = command->role_set.role.definition_hash;
        else if (command->kind == COMMAND_ROLE_COPY)
                named = command->role_copy.definition_hash;
        if (named == NULL || sample_below(random, 4) == 0)
                return NULL;
        definition_hash(sample->definition, bytes, named);
        *ret_bytes = bytes;
        return sample->definition;
}

static void entry(struct sample_random *random, struct sample_message *sample, struct message_entry *message)
{
        message->to = node(random);
        message->entry.epoch = counter(random);
        message->entry.index = counter(random);
        message->entry.time_ms = (int64_t)identity(random);
        request(random, &message->entry.request);
        TEXT(random, message->entry.actor);
        hash(random, message->entry.hash);
        message->definition =
                any_command(random, sample, &message->entry.command, &message->definition_bytes);
        sample->command_text = command_encode(&message->entry.command);
        message->entry.text = sample->command_text;
        message->entry.text_bytes = strlen(sample->command_text);
}

void sample_message(struct sample_random *random, enum message_kind kind, struct sample_message *ret_sample)
{
        memset(ret_sample, 0, sizeof(*ret_sample));
        struct message *message = &ret_sample->message;
        message->kind = kind;
        message->round.node = node_or_none(random);
        message->round.incarnation = identity(random);
        message->round.count = counter(random);
        switch (kind) {
        case MESSAGE_VIEW_OPEN:
                return;
        case MESSAGE_STATE:
                position(random, &message->state.last);
                position(random, &message->state.applied);
                message->state.first_index = counter(random);
                message->state.promised = counter(random);
                message->state.blank = either(random);
                message->state.voters = nodes(random);
                message->state.voters_before = nodes(random);
                message->state.voters_witness = identity(random);
                message->state.voters_before_witness = identity(random);
                message->state.whole = either(random);
                message->state.sick = either(random);
                message->state.witness_promised = counter(random);
                message->state.forced = counter(random);
                return;
        case MESSAGE_DECIDE:
                message->decide.participants = nodes(random);
                message->decide.level = nodes(random);
                message->decide.primary = either(random);
                message->decide.epoch = counter(random);
                message->decide.leader = node_or_none(random);
                position(random, &message->decide.base);
                message->decide.voters = nodes(random);
                message->decide.voters_before = nodes(random);
                message->decide.voters_witness = identity(random);
                message->decide.voters_before_witness = identity(random);
                message->decide.forced = counter(random);
                message->decide.witness = either(random);
                message->decide.asker = node_or_none(random);
                return;
        case MESSAGE_WITNESS:
                message->witness.epoch = counter(random);
                message->witness.advanced = either(random);
                message->witness.granted = either(random);
                message->witness.promised = counter(random);
                TEXT(random, message->witness.text);
                return;
        case MESSAGE_PROMISED:
                message->promised_epoch = counter(random);
                return;
        case MESSAGE_PROPOSE:
                message->propose.time_ms = (int64_t)identity(random);
                request(random, &message->propose.request);
                TEXT(random, message->propose.actor);
                message->propose.definition = any_command(random, ret_sample, &message->propose.command,
                                                          &message->propose.definition_bytes);
                return;
        case MESSAGE_STORED:
                message->stored_index = counter(random);
                return;
        case MESSAGE_HEARTBEAT:
                message->heartbeat.sent_ms = counter(random);
                message->heartbeat.guarded_index = counter(random);
                message->heartbeat.memory_free_mib = integer32(random);
                message->heartbeat.load_percent = integer32(random);
                if (either(random))
                        NAME(random, message->heartbeat.moving_role);
                message->heartbeat.moving_percent = integer32(random);
                message->heartbeat.moving_mib_s = integer32(random);
                message->heartbeat.leaving = either(random);
                TEXT(random, message->heartbeat.agents_there);
                TEXT(random, message->heartbeat.agents_missing);
                return;
        case MESSAGE_CATCH_UP:
                message->catch_up.applied_index = counter(random);
                message->catch_up.forced = counter(random);
                return;
        case MESSAGE_ENTRY:
                entry(random, ret_sample, &message->entry);
                return;
        case MESSAGE_SNAPSHOT_OBJECT:
                message->snapshot.to = node(random);
                sample_object(random, ANY(random, OBJECT_COUNT), &message->snapshot.object);
                return;
        case MESSAGE_SNAPSHOT_DEFINITION:
                message->snapshot.to = node(random);
                TEXT(random, ret_sample->definition);
                message->snapshot.definition = ret_sample->definition;
                message->snapshot.definition_bytes = strlen(ret_sample->definition);
                return;
        case MESSAGE_SNAPSHOT_BEGIN:
        case MESSAGE_SNAPSHOT_END:
                message->snapshot.to = node(random);
                position(random, &message->snapshot.at);
                return;
        case MESSAGE_COUNT:
                return;
        }
}

void sample_message_release(struct sample_message *sample)
{
        free(sample->command_text);
        sample->command_text = NULL;
}
