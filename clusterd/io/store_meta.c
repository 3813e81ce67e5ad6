/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/store_internal.h"

#include "clusterd/base/text.h"

/*
 * meta: one row for each number and hash, and a seal over them all. The
 * promise is a vote: a bit turned in it could be two leaders in one epoch.
 */

#define META_ROWS 9

static void hash_text(const uint8_t hash[HASH_BYTES], char text[2 * HASH_BYTES + 1])
{
        for (size_t at = 0; at < HASH_BYTES; at++)
                snprintf(text + 2 * at, 3, "%02x", hash[at]);
}

static void meta_seal(const struct store_meta *meta, uint8_t ret_seal[HASH_BYTES])
{
        char applied[2 * HASH_BYTES + 1], base[2 * HASH_BYTES + 1], text[512];
        hash_text(meta->applied.hash, applied);
        hash_text(meta->base.hash, base);
        TEXT_PRINT(text, "applied %llu %llu %s base %llu %llu %s promised %llu blank %d",
                   (unsigned long long)meta->applied.epoch, (unsigned long long)meta->applied.index, applied,
                   (unsigned long long)meta->base.epoch, (unsigned long long)meta->base.index, base,
                   (unsigned long long)meta->promised, meta->blank);
        definition_hash(text, strlen(text), ret_seal);
}

static int put_integer(struct store_db *db, const char *key, uint64_t value)
{
        store_bind_text(db, SQL_META_PUT, 1, key);
        store_bind_integer(db, SQL_META_PUT, 2, value);
        return store_db_run(db, SQL_META_PUT);
}

static int put_hash(struct store_db *db, const char *key, const uint8_t hash[HASH_BYTES])
{
        store_bind_text(db, SQL_META_PUT, 1, key);
        store_bind_blob(db, SQL_META_PUT, 2, hash, HASH_BYTES);
        return store_db_run(db, SQL_META_PUT);
}

int store_meta_save(struct store_db *db, const struct store_meta *meta)
{
        const struct {
                const char *key;
                uint64_t value;
        } integers[] = {
                { "applied_epoch", meta->applied.epoch }, { "applied_index", meta->applied.index },
                { "base_epoch", meta->base.epoch },       { "base_index", meta->base.index },
                { "promised", meta->promised },           { "blank", meta->blank },
        };
        uint8_t seal[HASH_BYTES];
        meta_seal(meta, seal);
        int error = put_hash(db, "applied_hash", meta->applied.hash);
        if (error == 0)
                error = put_hash(db, "base_hash", meta->base.hash);
        if (error == 0)
                error = put_hash(db, "seal", seal);
        for (size_t at = 0; error == 0 && at < sizeof integers / sizeof integers[0]; at++)
                error = put_integer(db, integers[at].key, integers[at].value);
        return error;
}

static int meta_read_row(struct store_db *db, struct store_meta *meta, uint8_t seal[HASH_BYTES])
{
        const char *key = store_column_text(db, SQL_META_ALL, 0, NULL);
        uint64_t value = store_column_integer(db, SQL_META_ALL, 1);
        if (text_equal(key, "applied_hash"))
                return store_column_hash(db, SQL_META_ALL, 1, meta->applied.hash);
        if (text_equal(key, "base_hash"))
                return store_column_hash(db, SQL_META_ALL, 1, meta->base.hash);
        if (text_equal(key, "seal"))
                return store_column_hash(db, SQL_META_ALL, 1, seal);
        if (text_equal(key, "applied_epoch"))
                meta->applied.epoch = value;
        else if (text_equal(key, "applied_index"))
                meta->applied.index = value;
        else if (text_equal(key, "base_epoch"))
                meta->base.epoch = value;
        else if (text_equal(key, "base_index"))
                meta->base.index = value;
        else if (text_equal(key, "promised"))
                meta->promised = value;
        else if (text_equal(key, "blank"))
                meta->blank = value != 0;
        else
                return store_db_bad(db, "its table meta has a row '%.40s'", key);
        return 0;
}

int store_meta_load(struct store_db *db, struct store_meta *ret_meta)
{
        struct store_meta meta = { 0 };
        uint8_t seal[HASH_BYTES] = { 0 }, want[HASH_BYTES];
        int more, error = 0, rows = 0;
        while (error == 0 && (more = store_db_step(db, SQL_META_ALL)) != 0) {
                error = more < 0 ? more : meta_read_row(db, &meta, seal);
                rows++;
        }
        store_db_reset(db, SQL_META_ALL);
        if (error < 0)
                return error;
        meta_seal(&meta, want);
        if (rows != META_ROWS || memcmp(seal, want, HASH_BYTES) != 0)
                return store_db_bad(db, "its table meta was changed from outside");
        more = store_db_step(db, SQL_ENTRY_BOUNDS);
        if (more < 0)
                return more;
        meta.last_index = store_column_integer(db, SQL_ENTRY_BOUNDS, 1);
        store_db_reset(db, SQL_ENTRY_BOUNDS);
        if (meta.last_index < meta.base.index)
                meta.last_index = meta.base.index;
        *ret_meta = meta;
        return 0;
}

static bool position_equal(const struct ledger_position *a, const struct ledger_position *b)
{
        return a->epoch == b->epoch && a->index == b->index && memcmp(a->hash, b->hash, HASH_BYTES) == 0;
}

bool store_meta_equal(const struct store_meta *a, const struct store_meta *b)
{
        return position_equal(&a->applied, &b->applied) && position_equal(&a->base, &b->base) &&
               a->promised == b->promised && a->blank == b->blank;
}
