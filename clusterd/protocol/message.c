/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/protocol/message.h"

#include <assert.h>
#include <nettle/sha2.h>
#include <string.h>

#include "clusterd/protocol/enum_text.h"

/* clang-format off */
ENUM_TEXT(message_kind, MESSAGE_COUNT,
          [MESSAGE_VIEW_OPEN] = "view-open",
          [MESSAGE_STATE] = "state",
          [MESSAGE_DECIDE] = "decide",
          [MESSAGE_PROMISED] = "promised",
          [MESSAGE_PROPOSE] = "propose",
          [MESSAGE_STORED] = "stored",
          [MESSAGE_HEARTBEAT] = "heartbeat",
          [MESSAGE_CATCH_UP] = "catch-up",
          [MESSAGE_ENTRY] = "entry",
          [MESSAGE_SNAPSHOT_BEGIN] = "snapshot-begin",
          [MESSAGE_SNAPSHOT_OBJECT] = "snapshot-object",
          [MESSAGE_SNAPSHOT_DEFINITION] = "snapshot-definition",
          [MESSAGE_SNAPSHOT_END] = "snapshot-end",
          [MESSAGE_WITNESS] = "witness")
/* clang-format on */

_Static_assert(HASH_BYTES == SHA256_DIGEST_SIZE, "the chain is made of SHA-256");

static void hash_integer(struct sha256_ctx *hash, uint64_t value, size_t bytes)
{
        uint8_t little_endian[8];
        for (size_t i = 0; i < bytes; i++)
                little_endian[i] = (uint8_t)(value >> (8 * i));
        sha256_update(hash, bytes, little_endian);
}

/* With its length, so that no two sequences of fields give the same bytes. */
static void hash_text(struct sha256_ctx *hash, const char *text, size_t text_bytes)
{
        assert(text_bytes <= UINT32_MAX);
        hash_integer(hash, text_bytes, 4);
        sha256_update(hash, text_bytes, (const uint8_t *)text);
}

/* Layout: README.md, the hash of an entry. */
void entry_seal(struct entry *entry, const uint8_t *previous_hash)
{
        assert(entry->text != NULL);

        static const uint8_t no_hash[HASH_BYTES];
        struct sha256_ctx hash;
        sha256_init(&hash);
        sha256_update(&hash, HASH_BYTES, previous_hash != NULL ? previous_hash : no_hash);
        hash_integer(&hash, entry->epoch, 8);
        hash_integer(&hash, entry->index, 8);
        hash_integer(&hash, (uint64_t)entry->time_ms, 8);
        hash_integer(&hash, entry->request.node, 4);
        hash_integer(&hash, entry->request.incarnation, 8);
        hash_integer(&hash, entry->request.count, 8);
        hash_text(&hash, entry->actor, strnlen(entry->actor, sizeof(entry->actor)));
        hash_text(&hash, entry->text, entry->text_bytes);
        sha256_digest(&hash, HASH_BYTES, entry->hash);
}
