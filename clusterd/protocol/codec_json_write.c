/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/protocol/codec_json.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

/* Out of memory aborts: nobody could go on with half a message. */
static json_t *made(json_t *json)
{
        assert(json != NULL);
        return json;
}

void json_put(json_t *object, const char *key, json_t *taken)
{
        int result = json_object_set_new_nocheck(object, key, made(taken));
        assert(result == 0);
}

static void append(json_t *array, json_t *taken)
{
        int result = json_array_append_new(array, made(taken));
        assert(result == 0);
}

/* Bytes of the well-formed UTF-8 sequence at text; 0 if there is none. Source: RFC 3629, section 4. */
static size_t utf8_sequence(const char *text, size_t text_bytes)
{
        for (size_t length = 1; length <= 4 && length <= text_bytes; length++) {
                json_t *json = json_stringn(text, length);
                if (json == NULL)
                        continue;
                json_decref(json);
                return *text == '\0' ? 0 : length;
        }
        return 0;
}

static json_t *text_repaired(const char *text, size_t text_bytes)
{
        SCOPED_FREE char *repaired = malloc(text_bytes);
        assert(repaired != NULL);
        for (size_t i = 0; i < text_bytes;) {
                size_t length = utf8_sequence(text + i, text_bytes - i);
                if (length == 0)
                        repaired[i] = '?';
                else
                        memcpy(repaired + i, text + i, length);
                i += length == 0 ? 1 : length;
        }
        return made(json_stringn(repaired, text_bytes));
}

json_t *json_text(const char *text, size_t text_bytes)
{
        if (text_bytes == 0)
                return made(json_string(""));
        json_t *json = memchr(text, '\0', text_bytes) == NULL ? json_stringn(text, text_bytes) : NULL;
        return json != NULL ? json : text_repaired(text, text_bytes);
}

static json_t *counter_write(uint64_t counter)
{
        assert(counter <= INT64_MAX);
        return json_integer((json_int_t)counter);
}

static json_t *identity_write(uint64_t identity)
{
        char text[19];
        TEXT_PRINT(text, "0x%" PRIx64, identity);
        return json_string_nocheck(text);
}

static json_t *hash_write(const uint8_t *hash)
{
        static const char digits[] = "0123456789abcdef";
        char text[2 * HASH_BYTES];
        for (size_t i = 0; i < HASH_BYTES; i++) {
                text[2 * i] = digits[hash[i] >> 4];
                text[2 * i + 1] = digits[hash[i] & 15];
        }
        return json_stringn_nocheck(text, sizeof(text));
}

static json_t *node_set_write(node_set set)
{
        json_t *array = made(json_array());
        NODE_SET_EACH (set, node)
                append(array, json_integer(node));
        return array;
}

static json_t *node_list_write(const uint32_t *nodes, size_t nodes_max)
{
        json_t *array = made(json_array());
        for (size_t i = 0; i < nodes_max && nodes[i] != NODE_NONE; i++)
                append(array, json_integer(nodes[i]));
        return array;
}

static json_t *enum_write(const struct json_field *field, const void *place)
{
        unsigned int value = *(const unsigned int *)place;
        assert(value < field->texts->count);
        return json_string_nocheck(enum_text_name(field->texts, value));
}

static json_t *value_write(const struct json_field *field, const void *storage);

static json_t *tuple_write(const struct json_shape *shape, const void *storage)
{
        json_t *array = made(json_array());
        for (size_t i = 0; i < shape->count; i++)
                append(array, value_write(&shape->fields[i], storage));
        return array;
}

static json_t *nested_write(const struct json_shape *shape, const void *storage)
{
        json_t *object = made(json_object());
        json_shape_write(object, shape, storage);
        return object;
}

static json_t *value_write(const struct json_field *field, const void *storage)
{
        const void *place = (const char *)storage + field->offset;
        switch (field->type) {
        case JSON_FIELD_BOOL:
                return json_boolean(*(const bool *)place);
        case JSON_FIELD_UINT32:
        case JSON_FIELD_NODE:
        case JSON_FIELD_NODE_OR_NONE:
                return json_integer(*(const uint32_t *)place);
        case JSON_FIELD_INT32:
                return json_integer(*(const int32_t *)place);
        case JSON_FIELD_INT64:
                return json_integer(*(const int64_t *)place);
        case JSON_FIELD_COUNTER:
                return counter_write(*(const uint64_t *)place);
        case JSON_FIELD_IDENTITY:
                return identity_write(*(const uint64_t *)place);
        case JSON_FIELD_NODE_SET:
                return node_set_write(*(const node_set *)place);
        case JSON_FIELD_NODE_LIST:
                return node_list_write(place, field->bytes / sizeof(uint32_t));
        case JSON_FIELD_TEXT:
        case JSON_FIELD_NAME:
        case JSON_FIELD_NAME_OR_EMPTY:
                return json_text(place, strnlen(place, field->bytes));
        case JSON_FIELD_HASH:
                return hash_write(place);
        case JSON_FIELD_ENUM:
                return enum_write(field, place);
        case JSON_FIELD_OBJECT:
                return nested_write(field->shape, place);
        case JSON_FIELD_TUPLE:
                return tuple_write(field->shape, place);
        case JSON_FIELD_INLINE:
                break;
        }
        assert(!"type of field");
        return NULL;
}

void json_shape_write(json_t *object, const struct json_shape *shape, const void *storage)
{
        for (size_t i = 0; i < shape->count; i++) {
                const struct json_field *field = &shape->fields[i];
                if (field->bit != 0 &&
                    (*(const uint32_t *)((const char *)storage + shape->mask_offset) & field->bit) == 0)
                        continue;
                if (field->type == JSON_FIELD_INLINE)
                        json_shape_write(object, field->shape, (const char *)storage + field->offset);
                else
                        json_put(object, field->key, value_write(field, storage));
        }
}

char *json_finish(json_t *taken, size_t *ret_bytes)
{
        char *text = json_dumps(made(taken), JSON_COMPACT | JSON_SORT_KEYS);
        assert(text != NULL);
        json_decref(taken);
        if (ret_bytes != NULL)
                *ret_bytes = strlen(text);
        return text;
}
