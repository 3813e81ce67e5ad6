/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/protocol/codec_parts.h"

#include <assert.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

/* clang-format off */
static const struct json_field round_fields[] = {
        JSON_FIELD("node", NODE_OR_NONE, struct round_id, node),
        JSON_FIELD("incarnation", IDENTITY, struct round_id, incarnation),
        JSON_FIELD("count", COUNTER, struct round_id, count),
};
static const struct json_shape round_shape = JSON_SHAPE(round_fields);

static const struct json_field request_fields[] = {
        JSON_FIELD("node", NODE_OR_NONE, struct request_id, node),
        JSON_FIELD("incarnation", IDENTITY, struct request_id, incarnation),
        JSON_FIELD("count", COUNTER, struct request_id, count),
};
static const struct json_shape request_shape = JSON_SHAPE(request_fields);

static const struct json_field position_fields[] = {
        JSON_FIELD("epoch", COUNTER, struct ledger_position, epoch),
        JSON_FIELD("index", COUNTER, struct ledger_position, index),
        JSON_FIELD("hash", HASH, struct ledger_position, hash),
};
static const struct json_shape position_shape = JSON_SHAPE(position_fields);

static const struct json_field state_fields[] = {
        JSON_FIELD("last", OBJECT, struct message, state.last, .shape = &position_shape),
        JSON_FIELD("applied", OBJECT, struct message, state.applied, .shape = &position_shape),
        JSON_FIELD("first_index", COUNTER, struct message, state.first_index),
        JSON_FIELD("promised", COUNTER, struct message, state.promised),
        JSON_FIELD("blank", BOOL, struct message, state.blank),
        JSON_FIELD("voters", NODE_SET, struct message, state.voters),
        JSON_FIELD("voters_before", NODE_SET, struct message, state.voters_before),
        JSON_FIELD("voters_witness", IDENTITY, struct message, state.voters_witness, .later = true),
        JSON_FIELD("voters_before_witness", IDENTITY, struct message, state.voters_before_witness, .later = true),
        JSON_FIELD("whole", BOOL, struct message, state.whole, .later = true),
        JSON_FIELD("sick", BOOL, struct message, state.sick, .later = true),
        JSON_FIELD("witness_promised", COUNTER, struct message, state.witness_promised, .later = true),
        JSON_FIELD("claim_witness", IDENTITY, struct message, state.claim_witness, .later = true),
        JSON_FIELD("claim_ring", COUNTER, struct message, state.claim_ring, .later = true),
        JSON_FIELD("claim_epoch", COUNTER, struct message, state.claim_epoch, .later = true),
        JSON_FIELD("claim_members", NODE_SET, struct message, state.claim_members, .later = true),
        JSON_FIELD("claim_level", NODE_SET, struct message, state.claim_level, .later = true),
        JSON_FIELD("forced", COUNTER, struct message, state.forced, .later = true),
};

/* A view that may not go on needs no leader. */
static const struct json_field decide_fields[] = {
        JSON_FIELD("participants", NODE_SET, struct message, decide.participants),
        JSON_FIELD("level", NODE_SET, struct message, decide.level),
        JSON_FIELD("primary", BOOL, struct message, decide.primary),
        JSON_FIELD("epoch", COUNTER, struct message, decide.epoch),
        JSON_FIELD("leader", NODE_OR_NONE, struct message, decide.leader),
        JSON_FIELD("base", OBJECT, struct message, decide.base, .shape = &position_shape),
        JSON_FIELD("voters", NODE_SET, struct message, decide.voters),
        JSON_FIELD("voters_before", NODE_SET, struct message, decide.voters_before),
        JSON_FIELD("voters_witness", IDENTITY, struct message, decide.voters_witness, .later = true),
        JSON_FIELD("voters_before_witness", IDENTITY, struct message, decide.voters_before_witness, .later = true),
        JSON_FIELD("witness", BOOL, struct message, decide.witness, .later = true),
        JSON_FIELD("asker", NODE_OR_NONE, struct message, decide.asker, .later = true),
        JSON_FIELD("claimed", BOOL, struct message, decide.claimed, .later = true),
        JSON_FIELD("forced", COUNTER, struct message, decide.forced, .later = true),
};

static const struct json_field promised_fields[] = {
        JSON_FIELD("epoch", COUNTER, struct message, promised_epoch),
};

static const struct json_field propose_fields[] = {
        JSON_FIELD("time_ms", INT64, struct message, propose.time_ms),
        JSON_FIELD("request", TUPLE, struct message, propose.request, .shape = &request_shape),
        JSON_FIELD("actor", TEXT, struct message, propose.actor),
};

static const struct json_field witness_fields[] = {
        JSON_FIELD("epoch", COUNTER, struct message, witness.epoch),
        JSON_FIELD("advanced", BOOL, struct message, witness.advanced),
        JSON_FIELD("granted", BOOL, struct message, witness.granted),
        JSON_FIELD("promised", COUNTER, struct message, witness.promised),
        JSON_FIELD("text", TEXT, struct message, witness.text),
};

static const struct json_field stored_fields[] = {
        JSON_FIELD("index", COUNTER, struct message, stored_index),
};

static const struct json_field heartbeat_fields[] = {
        JSON_FIELD("sent_ms", COUNTER, struct message, heartbeat.sent_ms),
        JSON_FIELD("guarded_index", COUNTER, struct message, heartbeat.guarded_index),
        JSON_FIELD("memory_free_mib", UINT32, struct message, heartbeat.memory_free_mib),
        JSON_FIELD("load_percent", UINT32, struct message, heartbeat.load_percent),
        JSON_FIELD("moving_role", NAME_OR_EMPTY, struct message, heartbeat.moving_role),
        JSON_FIELD("moving_percent", UINT32, struct message, heartbeat.moving_percent),
        JSON_FIELD("moving_mib_s", UINT32, struct message, heartbeat.moving_mib_s),
        JSON_FIELD("leaving", BOOL, struct message, heartbeat.leaving, .later = true),
        JSON_FIELD("agents_there", TEXT, struct message, heartbeat.agents_there, .later = true),
        JSON_FIELD("agents_missing", TEXT, struct message, heartbeat.agents_missing, .later = true),
};

static const struct json_field catch_up_fields[] = {
        JSON_FIELD("applied_index", COUNTER, struct message, catch_up.applied_index),
        JSON_FIELD("forced", COUNTER, struct message, catch_up.forced, .later = true),
};

static const struct json_field entry_fields[] = {
        JSON_FIELD("to", NODE, struct message, entry.to),
        JSON_FIELD("epoch", COUNTER, struct message, entry.entry.epoch),
        JSON_FIELD("index", COUNTER, struct message, entry.entry.index),
        JSON_FIELD("time_ms", INT64, struct message, entry.entry.time_ms),
        JSON_FIELD("request", TUPLE, struct message, entry.entry.request, .shape = &request_shape),
        JSON_FIELD("actor", TEXT, struct message, entry.entry.actor),
        JSON_FIELD("hash", HASH, struct message, entry.entry.hash),
};

static const struct json_field snapshot_end_fields[] = {
        JSON_FIELD("to", NODE, struct message, snapshot.to),
        JSON_FIELD("at", OBJECT, struct message, snapshot.at, .shape = &position_shape),
};

static const struct json_field snapshot_part_fields[] = {
        JSON_FIELD("to", NODE, struct message, snapshot.to),
};
/* clang-format on */

static const struct json_shape message_shapes[MESSAGE_COUNT] = {
        [MESSAGE_VIEW_OPEN] = { .fields = NULL, .count = 0 },
        [MESSAGE_STATE] = JSON_SHAPE(state_fields),
        [MESSAGE_DECIDE] = JSON_SHAPE(decide_fields),
        [MESSAGE_PROMISED] = JSON_SHAPE(promised_fields),
        [MESSAGE_PROPOSE] = JSON_SHAPE(propose_fields),
        [MESSAGE_STORED] = JSON_SHAPE(stored_fields),
        [MESSAGE_HEARTBEAT] = JSON_SHAPE(heartbeat_fields),
        [MESSAGE_CATCH_UP] = JSON_SHAPE(catch_up_fields),
        [MESSAGE_ENTRY] = JSON_SHAPE(entry_fields),
        [MESSAGE_SNAPSHOT_BEGIN] = JSON_SHAPE(snapshot_end_fields),
        [MESSAGE_SNAPSHOT_OBJECT] = JSON_SHAPE(snapshot_part_fields),
        [MESSAGE_SNAPSHOT_DEFINITION] = JSON_SHAPE(snapshot_part_fields),
        [MESSAGE_SNAPSHOT_END] = JSON_SHAPE(snapshot_end_fields),
        [MESSAGE_WITNESS] = JSON_SHAPE(witness_fields),
};

/* In every message. */
static const struct json_field common_fields[] = {
        JSON_FIELD("round", TUPLE, struct message, round, .shape = &round_shape),
};
static const struct json_shape common_shape = JSON_SHAPE(common_fields);

void definition_hash(const char *text, size_t text_bytes, uint8_t ret_hash[HASH_BYTES])
{
        struct sha256_ctx hash;
        sha256_init(&hash);
        sha256_update(&hash, text_bytes, (const uint8_t *)text);
        sha256_digest(&hash, HASH_BYTES, ret_hash);
}

static void definition_write(json_t *json, const char *definition, size_t definition_bytes)
{
        if (definition != NULL)
                json_put(json, "definition", json_text(definition, definition_bytes));
}

static void propose_write(json_t *json, const struct message_propose *propose)
{
        SCOPED_FREE char *made = propose->text == NULL ? command_encode(&propose->command) : NULL;
        json_put(json, "command",
                 made != NULL ? json_text(made, strlen(made))
                              : json_text(propose->text, propose->text_bytes));
        definition_write(json, propose->definition, propose->definition_bytes);
}

static void entry_write(json_t *json, const struct message_entry *entry)
{
        assert(entry->entry.text != NULL);
        json_put(json, "command", json_text(entry->entry.text, entry->entry.text_bytes));
        definition_write(json, entry->definition, entry->definition_bytes);
}

/* What no table says: texts that stay outside the struct. */
static void texts_write(json_t *json, const struct message *message)
{
        switch (message->kind) {
        case MESSAGE_PROPOSE:
                propose_write(json, &message->propose);
                return;
        case MESSAGE_ENTRY:
                entry_write(json, &message->entry);
                return;
        case MESSAGE_SNAPSHOT_OBJECT:
                json_put(json, "object", object_write(&message->snapshot.object));
                return;
        case MESSAGE_SNAPSHOT_DEFINITION:
                assert(message->snapshot.definition != NULL);
                definition_write(json, message->snapshot.definition, message->snapshot.definition_bytes);
                return;
        case MESSAGE_VIEW_OPEN:
        case MESSAGE_STATE:
        case MESSAGE_DECIDE:
        case MESSAGE_PROMISED:
        case MESSAGE_STORED:
        case MESSAGE_HEARTBEAT:
        case MESSAGE_CATCH_UP:
        case MESSAGE_SNAPSHOT_BEGIN:
        case MESSAGE_SNAPSHOT_END:
        case MESSAGE_WITNESS:
        case MESSAGE_COUNT:
                return;
        }
}

char *message_encode(const struct message *message, size_t *ret_bytes)
{
        assert(message->kind < MESSAGE_COUNT);
        json_t *json = json_object();
        assert(json != NULL);
        json_put(json, "message", json_string(message_kind_name(message->kind)));
        json_shape_write(json, &common_shape, message);
        json_shape_write(json, &message_shapes[message->kind], message);
        texts_write(json, message);
        return json_finish(json, ret_bytes);
}

/* The text is kept as it came: every node's chain is over the same bytes, whatever version decodes them. */
static bool command_text_read(struct json_reader *reader, json_t *json, struct command *command,
                              const char **ret_text, size_t *ret_bytes)
{
        json_t *value = json_reader_text(reader, json, "command");
        if (value == NULL)
                return false;
        char error[CODEC_ERROR_BYTES];
        const char *text = json_string_value(value);
        size_t text_bytes = json_string_length(value);
        if (command_decode(text, text_bytes, command, error) < 0) {
                char expectation[CODEC_ERROR_BYTES + 32];
                TEXT_PRINT(expectation, "a command, in which %s", error);
                return json_reader_fail(reader, "command", expectation);
        }
        *ret_text = text;
        *ret_bytes = text_bytes;
        return true;
}

static bool definition_read(struct json_reader *reader, json_t *json, const char **ret_definition,
                            size_t *ret_bytes)
{
        json_t *value = json_reader_text(reader, json, "definition");
        if (value == NULL)
                return false;
        if (json_string_length(value) > DEFINITION_BYTES)
                return json_reader_fail(reader, "definition", "a text of at most 256 KiB");
        *ret_definition = json_string_value(value);
        *ret_bytes = json_string_length(value);
        return true;
}

/* The hash of the content that a command needs; NULL if it needs none. */
static const uint8_t *command_definition_hash(const struct command *command)
{
        if (command->kind == COMMAND_ROLE_ADD)
                return command->role_add.role.definition_hash;
        if (command->kind == COMMAND_ROLE_SET && (command->role_set.fields & ROLE_FIELD_DEFINITION) != 0)
                return command->role_set.role.definition_hash;
        if (command->kind == COMMAND_ROLE_COPY)
                return command->role_copy.definition_hash;
        return NULL;
}

static bool named_definition_read(struct json_reader *reader, json_t *json, const struct command *command,
                                  const char **ret_definition, size_t *ret_bytes)
{
        if (json_object_get(json, "definition") == NULL)
                return true;
        if (!definition_read(reader, json, ret_definition, ret_bytes))
                return false;
        const uint8_t *named = command_definition_hash(command);
        if (named == NULL)
                return json_reader_fail(reader, "definition", "absent: the command names none");
        uint8_t hash[HASH_BYTES];
        definition_hash(*ret_definition, *ret_bytes, hash);
        return memcmp(hash, named, HASH_BYTES) == 0 ||
               json_reader_fail(reader, "definition", "the text whose SHA-256 the command names");
}

static bool propose_read(struct json_reader *reader, json_t *json, struct message_propose *propose)
{
        return command_text_read(reader, json, &propose->command, &propose->text, &propose->text_bytes) &&
               named_definition_read(reader, json, &propose->command, &propose->definition,
                                     &propose->definition_bytes);
}

static bool entry_read(struct json_reader *reader, json_t *json, struct message_entry *entry)
{
        return command_text_read(reader, json, &entry->entry.command, &entry->entry.text,
                                 &entry->entry.text_bytes) &&
               named_definition_read(reader, json, &entry->entry.command, &entry->definition,
                                     &entry->definition_bytes);
}

static bool snapshot_object_read(struct json_reader *reader, json_t *json, struct object *object)
{
        json_t *value = json_reader_object(reader, json, "object");
        if (value == NULL)
                return false;
        json_reader_enter(reader, "object");
        bool good = object_read(reader, value, object);
        json_reader_leave(reader);
        return good;
}

static bool texts_read(struct json_reader *reader, json_t *json, struct message *message)
{
        switch (message->kind) {
        case MESSAGE_PROPOSE:
                return propose_read(reader, json, &message->propose);
        case MESSAGE_ENTRY:
                return entry_read(reader, json, &message->entry);
        case MESSAGE_SNAPSHOT_OBJECT:
                return snapshot_object_read(reader, json, &message->snapshot.object);
        case MESSAGE_SNAPSHOT_DEFINITION:
                return definition_read(reader, json, &message->snapshot.definition,
                                       &message->snapshot.definition_bytes);
        case MESSAGE_VIEW_OPEN:
        case MESSAGE_STATE:
        case MESSAGE_DECIDE:
        case MESSAGE_PROMISED:
        case MESSAGE_STORED:
        case MESSAGE_HEARTBEAT:
        case MESSAGE_CATCH_UP:
        case MESSAGE_SNAPSHOT_BEGIN:
        case MESSAGE_SNAPSHOT_END:
        case MESSAGE_WITNESS:
        case MESSAGE_COUNT:
                return true;
        }
        return false;
}

static bool message_read(struct json_reader *reader, json_t *json, struct message *message)
{
        int kind = json_reader_enum(reader, json, "message", &message_kind_text);
        if (kind < 0)
                return false;
        message->kind = (enum message_kind)kind;
        return json_shape_read(reader, json, &common_shape, message) &&
               json_shape_read(reader, json, &message_shapes[kind], message) &&
               texts_read(reader, json, message);
}

int message_decode(const void *bytes, size_t count, struct message_decoded *ret_decoded,
                   char ret_error[CODEC_ERROR_BYTES])
{
        struct json_reader reader = { .error = ret_error };
        if (count > MESSAGE_BYTES) {
                json_reader_fail(&reader, "text", "a message of at most 768 KiB");
                return -EBADMSG;
        }
        json_t *json = json_reader_load(&reader, bytes, count);
        if (json == NULL)
                return -EBADMSG;

        struct message message;
        memset(&message, 0, sizeof(message));
        if (!message_read(&reader, json, &message)) {
                json_decref(json);
                return -EBADMSG;
        }
        memcpy(&ret_decoded->message, &message, sizeof(message));
        ret_decoded->memory = json; /* the texts are its strings */
        return 0;
}

int message_decode_next(struct message_lines *lines, struct message_decoded *ret_decoded,
                        char ret_error[CODEC_ERROR_BYTES])
{
        const char *line_end = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
        size_t count = (size_t)((line_end == NULL ? lines->end : line_end) - lines->at);
        int error = message_decode(lines->at, count, ret_decoded, ret_error);
        lines->at = error == 0 && line_end != NULL ? line_end + 1 : NULL;
        return error;
}

void message_decoded_free(struct message_decoded *decoded)
{
        json_decref(decoded->memory);
        decoded->memory = NULL;
}
