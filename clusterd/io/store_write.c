/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/store_internal.h"

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

#include <assert.h>

/* Subject and kind are columns for people's queries; verification derives them again. */
static void describe_command(const struct store_operation *append, char *subject, size_t subject_bytes,
                             const char **ret_kind)
{
        struct command command;
        char error[CODEC_ERROR_BYTES];
        int bad = command_decode(append->text, append->text_bytes, &command, error);
        assert(bad == 0); /* message_decode() let it in */
        command_subject(&command, subject, subject_bytes);
        *ret_kind = command_kind_name(command.kind);
}

static int write_append(struct store_db *db, const struct store_operation *append, struct store_meta *meta)
{
        char subject[NAME_BYTES + 16];
        const char *kind;
        assert(append->append.index == meta->last_index + 1);
        describe_command(append, subject, sizeof subject, &kind);
        store_bind_integer(db, SQL_ENTRY_INSERT, 1, append->append.index);
        store_bind_integer(db, SQL_ENTRY_INSERT, 2, append->append.epoch);
        store_bind_integer(db, SQL_ENTRY_INSERT, 3, (uint64_t)append->append.time_ms);
        store_bind_integer(db, SQL_ENTRY_INSERT, 4, append->append.request.node);
        store_bind_integer(db, SQL_ENTRY_INSERT, 5, append->append.request.incarnation);
        store_bind_integer(db, SQL_ENTRY_INSERT, 6, append->append.request.count);
        store_bind_text(db, SQL_ENTRY_INSERT, 7, append->append.actor);
        store_bind_text(db, SQL_ENTRY_INSERT, 8, subject);
        store_bind_text(db, SQL_ENTRY_INSERT, 9, kind);
        store_bind_bytes(db, SQL_ENTRY_INSERT, 10, append->text, append->text_bytes);
        store_bind_blob(db, SQL_ENTRY_INSERT, 11, append->append.hash, HASH_BYTES);
        meta->last_index = append->append.index;
        return store_db_run(db, SQL_ENTRY_INSERT);
}

static int write_truncate(struct store_db *db, uint64_t after_index, struct store_meta *meta)
{
        assert(after_index >= meta->applied.index); /* what is committed is never cut off */
        if (meta->last_index > after_index)
                meta->last_index = after_index;
        store_bind_integer(db, SQL_ENTRY_DELETE_AFTER, 1, after_index);
        return store_db_run(db, SQL_ENTRY_DELETE_AFTER);
}

static int write_object(struct store_db *db, const struct object *object)
{
        SCOPED_FREE char *json = object_encode(object);
        uint8_t hash[HASH_BYTES];
        definition_hash(json, strlen(json), hash);
        store_bind_text(db, SQL_OBJECT_PUT, 1, object_kind_name(object->kind));
        store_bind_text(db, SQL_OBJECT_PUT, 2, object_name(object));
        store_bind_text(db, SQL_OBJECT_PUT, 3, json);
        store_bind_blob(db, SQL_OBJECT_PUT, 4, hash, HASH_BYTES);
        return store_db_run(db, SQL_OBJECT_PUT);
}

static int write_delete_object(struct store_db *db, const struct store_operation *operation)
{
        store_bind_text(db, SQL_OBJECT_DELETE, 1, object_kind_name(operation->row.kind));
        store_bind_text(db, SQL_OBJECT_DELETE, 2, operation->row.name);
        return store_db_run(db, SQL_OBJECT_DELETE);
}

static int write_definition(struct store_db *db, const struct store_operation *operation)
{
        store_bind_blob(db, SQL_DEFINITION_PUT, 1, operation->definition.hash, HASH_BYTES);
        store_bind_bytes(db, SQL_DEFINITION_PUT, 2, operation->text, operation->text_bytes);
        return store_db_run(db, SQL_DEFINITION_PUT);
}

/* A position that no kept entry has is a snapshot's: the chain goes on from there. */
static int write_applied(struct store_db *db, const struct ledger_position *position, struct store_meta *meta)
{
        uint8_t hash[HASH_BYTES];
        assert(position->index >= meta->applied.index);
        meta->applied = *position;
        meta->blank = false;
        if (position->index == meta->base.index)
                return 0;
        store_bind_integer(db, SQL_ENTRY_POSITION, 1, position->index);
        int found = store_db_step(db, SQL_ENTRY_POSITION);
        if (found < 0)
                return found;
        if (found == 0) {
                assert(meta->last_index < position->index);
                meta->base = *position;
                meta->last_index = position->index;
                store_bind_integer(db, SQL_ENTRY_DELETE_TO, 1, position->index);
                return store_db_run(db, SQL_ENTRY_DELETE_TO);
        }
        int error = store_column_hash(db, SQL_ENTRY_POSITION, 2, hash);
        store_db_reset(db, SQL_ENTRY_POSITION);
        if (error == 0 && memcmp(hash, position->hash, HASH_BYTES) != 0)
                error = store_db_bad(db, "entry %llu is not the one that was applied",
                                     (unsigned long long)position->index);
        return error;
}

static int write_reset(struct store_db *db, struct store_meta *meta)
{
        *meta = (struct store_meta){ .promised = meta->promised, .blank = true };
        /* Definitions stay: one may belong to a command that is still to be proposed from here. */
        return store_db_execute(db, "DELETE FROM entry; DELETE FROM object");
}

int store_write(struct store_db *db, const struct store_operation *operation, struct store_meta *meta)
{
        switch (operation->kind) {
        case STORE_APPEND:
                return write_append(db, operation, meta);
        case STORE_TRUNCATE:
                return write_truncate(db, operation->index, meta);
        case STORE_PROMISE:
                assert(operation->epoch >= meta->promised); /* a promise is never taken back */
                meta->promised = operation->epoch;
                return 0;
        case STORE_PUT_OBJECT:
                return write_object(db, operation->object);
        case STORE_DELETE_OBJECT:
                return write_delete_object(db, operation);
        case STORE_APPLIED:
                return write_applied(db, &operation->applied, meta);
        case STORE_PUT_DEFINITION:
                return write_definition(db, operation);
        case STORE_RESET:
                return write_reset(db, meta);
        case STORE_COMPACT:
                return store_write_compact(db, operation, meta);
        case STORE_SEND_ENTRIES:
        case STORE_SEND_SNAPSHOT:
                return 0; /* after the commit */
        }
        return 0;
}
