/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/protocol/codec_json.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "clusterd/base/text.h"

bool json_reader_fail(struct json_reader *reader, const char *key, const char *expectation)
{
        if (reader->failed)
                return false;
        reader->failed = true;
        reader->error[0] = '\0';
        size_t used = 0;
        for (size_t i = 0; i < reader->depth && used < CODEC_ERROR_BYTES; i++)
                used += (size_t)snprintf(reader->error + used, CODEC_ERROR_BYTES - used, "%s.",
                                         reader->path[i]);
        if (used < CODEC_ERROR_BYTES)
                (void)snprintf(reader->error + used, CODEC_ERROR_BYTES - used, "%s must be %s", key,
                               expectation);
        return false;
}

void json_reader_enter(struct json_reader *reader, const char *key)
{
        assert(reader->depth < JSON_DEPTH_MAX);
        reader->path[reader->depth++] = key;
}

void json_reader_leave(struct json_reader *reader)
{
        assert(reader->depth > 0);
        reader->depth--;
}

/*
 * A node that was short of memory for one message of a total order would
 * apply another history than the rest: better no node than that one.
 */
json_t *json_reader_load(struct json_reader *reader, const char *text, size_t text_bytes)
{
        json_error_t error;
        json_t *json = json_loadb(text, text_bytes, JSON_REJECT_DUPLICATES, &error);
        if (json != NULL && json_is_object(json))
                return json;
        assert(json != NULL || json_error_code(&error) != json_error_out_of_memory);
        json_decref(json);
        json_reader_fail(reader, "text", "one JSON object");
        return NULL;
}

json_t *json_reader_text(struct json_reader *reader, json_t *object, const char *key)
{
        json_t *value = json_object_get(object, key);
        if (json_is_string(value))
                return value;
        json_reader_fail(reader, key, "a text");
        return NULL;
}

json_t *json_reader_object(struct json_reader *reader, json_t *object, const char *key)
{
        json_t *value = json_object_get(object, key);
        if (json_is_object(value))
                return value;
        json_reader_fail(reader, key, "an object");
        return NULL;
}

int json_reader_enum(struct json_reader *reader, json_t *object, const char *key,
                     const struct enum_text *texts)
{
        json_t *value = json_object_get(object, key);
        int found = json_is_string(value) ? enum_text_find(texts, json_string_value(value)) : -EINVAL;
        if (found >= 0)
                return found;

        char expectation[CODEC_ERROR_BYTES] = "one of";
        size_t used = strlen(expectation);
        for (size_t i = 0; i < texts->count && used < sizeof(expectation); i++)
                used += (size_t)snprintf(expectation + used, sizeof(expectation) - used, "%s %s",
                                         i > 0 ? "," : "", texts->texts[i]);
        json_reader_fail(reader, key, expectation);
        return -EBADMSG;
}

/* Reading one value: false if it is not what the field should be; the caller complains. */

static bool read_integer(json_t *value, json_int_t min, json_int_t max, json_int_t *ret_integer)
{
        if (!json_is_integer(value) || json_integer_value(value) < min || json_integer_value(value) > max)
                return false;
        *ret_integer = json_integer_value(value);
        return true;
}

static bool read_uint32(json_t *value, uint32_t min, uint32_t max, void *storage)
{
        json_int_t integer;
        if (!read_integer(value, min, max, &integer))
                return false;
        *(uint32_t *)storage = (uint32_t)integer;
        return true;
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One form for each number: no zeros in front, lower case. */
static bool read_identity(json_t *value, uint64_t *ret_identity)
{
        const char *text = json_string_value(value);
        size_t length = json_string_length(value);
        if (text == NULL || length < 3 || length > 18 || text[0] != '0' || text[1] != 'x' ||
            (text[2] == '0' && length > 3))
                return false;
        uint64_t identity = 0;
        for (size_t i = 2; i < length; i++) {
                int digit = hex_digit(text[i]);
                if (digit < 0)
                        return false;
                identity = identity << 4 | (uint64_t)digit;
        }
        *ret_identity = identity;
        return true;
}

static bool read_hash(json_t *value, uint8_t *hash)
{
        const char *text = json_string_value(value);
        if (text == NULL || json_string_length(value) != 2 * HASH_BYTES)
                return false;
        for (size_t i = 0; i < HASH_BYTES; i++) {
                int high = hex_digit(text[2 * i]);
                int low = hex_digit(text[2 * i + 1]);
                if (high < 0 || low < 0)
                        return false;
                hash[i] = (uint8_t)(high << 4 | low);
        }
        return true;
}

static bool read_node_set(json_t *value, node_set *ret_set)
{
        if (!json_is_array(value) || json_array_size(value) > NODES_MAX)
                return false;
        node_set set = 0;
        for (size_t i = 0; i < json_array_size(value); i++) {
                uint32_t node;
                if (!read_uint32(json_array_get(value, i), 1, NODES_MAX, &node))
                        return false;
                set |= node_set_of(node);
        }
        *ret_set = set;
        return true;
}

static bool read_node_list(json_t *value, uint32_t *nodes, size_t nodes_max)
{
        if (!json_is_array(value) || json_array_size(value) > nodes_max)
                return false;
        for (size_t i = 0; i < json_array_size(value); i++)
                if (!read_uint32(json_array_get(value, i), 1, NODES_MAX, &nodes[i]))
                        return false;
        return true;
}

static bool read_text(json_t *value, char *array, size_t array_bytes)
{
        size_t length = json_string_length(value);
        if (!json_is_string(value) || length >= array_bytes)
                return false;
        memcpy(array, json_string_value(value), length);
        return true;
}

static bool read_name(json_t *value, char *array, size_t array_bytes, bool may_be_empty)
{
        return read_text(value, array, array_bytes) &&
               (name_is_valid(array) || (may_be_empty && array[0] == '\0'));
}

static const char *field_expectation(const struct json_field *field, char *buffer, size_t buffer_bytes)
{
        switch (field->type) {
        case JSON_FIELD_BOOL:
                return "true or false";
        case JSON_FIELD_UINT32:
                return "an integer from 0 to 4294967295";
        case JSON_FIELD_INT32:
                return "an integer from -2147483648 to 2147483647";
        case JSON_FIELD_INT64:
                return "an integer";
        case JSON_FIELD_COUNTER:
                return "an integer, not negative";
        case JSON_FIELD_IDENTITY:
                return "a text like \"0x1f\", of 1 to 16 lower-case hexadecimal digits";
        case JSON_FIELD_NODE:
                return "a node id from 1 to 64";
        case JSON_FIELD_NODE_OR_NONE:
                return "a node id from 1 to 64, or 0 for none";
        case JSON_FIELD_NODE_SET:
                return "a list of node ids from 1 to 64";
        case JSON_FIELD_NODE_LIST:
                (void)snprintf(buffer, buffer_bytes, "a list of at most %zu node ids from 1 to 64",
                               field->bytes / sizeof(uint32_t));
                return buffer;
        case JSON_FIELD_TEXT:
                (void)snprintf(buffer, buffer_bytes, "a text of at most %zu bytes", field->bytes - 1);
                return buffer;
        case JSON_FIELD_NAME:
                return "a name: at most 63 letters, digits, '.', '_', '-', a letter or digit first";
        case JSON_FIELD_NAME_OR_EMPTY:
                return "a name of at most 63 letters, digits, '.', '_', '-', or empty";
        case JSON_FIELD_HASH:
                return "64 lower-case hexadecimal digits";
        case JSON_FIELD_OBJECT:
                return "an object";
        case JSON_FIELD_TUPLE:
                (void)snprintf(buffer, buffer_bytes, "a list of %zu values", field->shape->count);
                return buffer;
        case JSON_FIELD_ENUM:   /* complains itself */
        case JSON_FIELD_INLINE: /* has no value */
                break;
        }
        assert(!"type of field");
        return "";
}

static bool value_read(struct json_reader *reader, json_t *value, const struct json_field *field,
                       void *storage);

static bool tuple_read(struct json_reader *reader, json_t *value, const struct json_field *field,
                       void *storage)
{
        if (!json_is_array(value) || json_array_size(value) != field->shape->count)
                return false;
        json_reader_enter(reader, field->key);
        bool good = true;
        for (size_t i = 0; good && i < field->shape->count; i++)
                good = value_read(reader, json_array_get(value, i), &field->shape->fields[i], storage);
        json_reader_leave(reader);
        return good;
}

static bool nested_read(struct json_reader *reader, json_t *value, const struct json_field *field,
                        void *storage)
{
        if (!json_is_object(value))
                return false;
        json_reader_enter(reader, field->key);
        bool good = json_shape_read(reader, value, field->shape, storage);
        json_reader_leave(reader);
        return good;
}

static bool plain_read(json_t *value, const struct json_field *field, void *storage)
{
        json_int_t integer;
        switch (field->type) {
        case JSON_FIELD_BOOL:
                *(bool *)storage = json_is_true(value);
                return json_is_boolean(value);
        case JSON_FIELD_UINT32:
                return read_uint32(value, 0, UINT32_MAX, storage);
        case JSON_FIELD_NODE:
                return read_uint32(value, 1, NODES_MAX, storage);
        case JSON_FIELD_NODE_OR_NONE:
                return read_uint32(value, NODE_NONE, NODES_MAX, storage);
        case JSON_FIELD_INT32:
                if (!read_integer(value, INT32_MIN, INT32_MAX, &integer))
                        return false;
                *(int32_t *)storage = (int32_t)integer;
                return true;
        case JSON_FIELD_INT64:
                if (!read_integer(value, INT64_MIN, INT64_MAX, &integer))
                        return false;
                *(int64_t *)storage = integer;
                return true;
        case JSON_FIELD_COUNTER:
                if (!read_integer(value, 0, INT64_MAX, &integer))
                        return false;
                *(uint64_t *)storage = (uint64_t)integer;
                return true;
        case JSON_FIELD_IDENTITY:
                return read_identity(value, storage);
        case JSON_FIELD_NODE_SET:
                return read_node_set(value, storage);
        case JSON_FIELD_NODE_LIST:
                return read_node_list(value, storage, field->bytes / sizeof(uint32_t));
        case JSON_FIELD_TEXT:
                return read_text(value, storage, field->bytes);
        case JSON_FIELD_NAME:
                return read_name(value, storage, field->bytes, false);
        case JSON_FIELD_NAME_OR_EMPTY:
                return read_name(value, storage, field->bytes, true);
        case JSON_FIELD_HASH:
                return read_hash(value, storage);
        case JSON_FIELD_ENUM:
        case JSON_FIELD_OBJECT:
        case JSON_FIELD_INLINE:
        case JSON_FIELD_TUPLE:
                break;
        }
        assert(!"type of field");
        return false;
}

static bool value_read(struct json_reader *reader, json_t *value, const struct json_field *field,
                       void *storage)
{
        void *place = (char *)storage + field->offset;
        bool good;
        if (field->type == JSON_FIELD_OBJECT)
                good = nested_read(reader, value, field, place);
        else if (field->type == JSON_FIELD_TUPLE)
                good = tuple_read(reader, value, field, place);
        else
                good = plain_read(value, field, place);
        if (good)
                return true;

        char buffer[CODEC_ERROR_BYTES];
        return json_reader_fail(reader, field->key, field_expectation(field, buffer, sizeof(buffer)));
}

static bool enum_read(struct json_reader *reader, json_t *object, const struct json_field *field,
                      void *storage)
{
        int found = json_reader_enum(reader, object, field->key, field->texts);
        if (found < 0)
                return false;
        assert(field->bytes == sizeof(unsigned int));
        *(unsigned int *)((char *)storage + field->offset) = (unsigned int)found;
        return true;
}

static bool field_read(struct json_reader *reader, json_t *object, const struct json_field *field,
                       void *storage)
{
        if (field->type == JSON_FIELD_INLINE)
                return json_shape_read(reader, object, field->shape, (char *)storage + field->offset);
        if (field->type == JSON_FIELD_ENUM)
                return enum_read(reader, object, field, storage);
        return value_read(reader, json_object_get(object, field->key), field, storage);
}

bool json_shape_read(struct json_reader *reader, json_t *object, const struct json_shape *shape,
                     void *storage)
{
        for (size_t i = 0; i < shape->count; i++) {
                const struct json_field *field = &shape->fields[i];
                if (field->later && json_object_get(object, field->key) == NULL)
                        continue;
                if (field->bit != 0) {
                        if (json_object_get(object, field->key) == NULL)
                                continue;
                        *(uint32_t *)((char *)storage + shape->mask_offset) |= field->bit;
                }
                if (!field_read(reader, object, field, storage))
                        return false;
        }
        return true;
}
