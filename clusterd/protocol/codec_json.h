/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_PROTOCOL_CODEC_JSON_H
#define CLU_CLUSTERD_PROTOCOL_CODEC_JSON_H

/*
 * Structs to JSON and back, by tables.
 *
 * A shape lists the fields of a struct: key, type and place. The same table
 * writes and reads, so the two cannot disagree. Private to this folder.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clusterd/protocol/codec.h"
#include "clusterd/protocol/enum_text.h"

enum json_field_type {
        JSON_FIELD_BOOL,
        JSON_FIELD_UINT32,
        JSON_FIELD_INT32,
        JSON_FIELD_INT64,
        JSON_FIELD_COUNTER,  /* uint64_t that counts: an integer, at most INT64_MAX */
        JSON_FIELD_IDENTITY, /* uint64_t that is random: "0x1f", all 64 bits */
        JSON_FIELD_NODE,
        JSON_FIELD_NODE_OR_NONE,
        JSON_FIELD_NODE_SET,  /* list of node ids */
        JSON_FIELD_NODE_LIST, /* uint32_t array: list of node ids, in order, NODE_NONE after the last */
        JSON_FIELD_TEXT,
        JSON_FIELD_NAME,
        JSON_FIELD_NAME_OR_EMPTY,
        JSON_FIELD_HASH,
        JSON_FIELD_ENUM,
        JSON_FIELD_OBJECT, /* a struct by its shape */
        JSON_FIELD_INLINE, /* the same, its fields standing among ours */
        JSON_FIELD_TUPLE   /* the same, as a list of its fields' values */
};

struct json_field {
        const char *key;
        enum json_field_type type;
        size_t offset;
        size_t bytes;
        uint32_t bit;                   /* not 0: may be absent, and has this bit in the shape's mask */
        bool later;                     /* absent in what older versions wrote: zeroes, then */
        const struct enum_text *texts;  /* ENUM */
        const struct json_shape *shape; /* OBJECT, INLINE, TUPLE */
};

struct json_shape {
        const struct json_field *fields;
        size_t count;
        size_t mask_offset; /* uint32_t; only where a field has a bit */
};

#define JSON_FIELD(text, kind, owner, member, ...)                                                           \
        {                                                                                                    \
                .key = (text), .type = JSON_FIELD_##kind, .offset = offsetof(owner, member),                 \
                .bytes = sizeof(((owner *)NULL)->member), __VA_ARGS__                                        \
        }

#define JSON_SHAPE(table, ...)                                                                               \
        {                                                                                                    \
                .fields = (table), .count = sizeof(table) / sizeof((table)[0]), __VA_ARGS__                  \
        }

#define JSON_DEPTH_MAX 4 /* objects in objects: decide.base, snapshot-object's object.last_move.from */

/* Where we are, and what was wrong first. */
struct json_reader {
        char *error; /* CODEC_ERROR_BYTES */
        bool failed;
        size_t depth;
        const char *path[JSON_DEPTH_MAX]; /* keys of the objects around us */
};

/* Remembers the first complaint: "<path>.<key> must be <expectation>". False, for `return`. */
bool json_reader_fail(struct json_reader *reader, const char *key, const char *expectation);
void json_reader_enter(struct json_reader *reader, const char *key);
void json_reader_leave(struct json_reader *reader);

/* An object, given to the caller; NULL after a complaint. Out of memory aborts. */
json_t *json_reader_load(struct json_reader *reader, const char *text, size_t text_bytes);

/* A value of object; NULL after a complaint. Borrowed. */
json_t *json_reader_text(struct json_reader *reader, json_t *object, const char *key);
json_t *json_reader_object(struct json_reader *reader, json_t *object, const char *key);
/* The value of an enum's text, or -EBADMSG after a complaint. */
int json_reader_enum(struct json_reader *reader, json_t *object, const char *key,
                     const struct enum_text *texts);

/* Into zeroed storage, so that equal values have equal bytes. */
bool json_shape_read(struct json_reader *reader, json_t *object, const struct json_shape *shape,
                     void *storage);

/* Adds the shape's fields to an object. Asserts what no decoder would take: counters, enums. */
void json_shape_write(json_t *object, const struct json_shape *shape, const void *storage);

/* Given to the caller. Bytes that are not UTF-8 become '?': a text of the world never stops us. */
json_t *json_text(const char *text, size_t text_bytes);
void json_put(json_t *object, const char *key, json_t *taken);

/* Compact JSON with sorted keys, freed by free(); the value is taken. ret_bytes may be NULL. */
char *json_finish(json_t *taken, size_t *ret_bytes);

#endif
