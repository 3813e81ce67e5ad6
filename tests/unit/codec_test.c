/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/protocol/codec.h"
#include "tests/fuzz/sample.h"
#include "tests/unit/suite_run.h"

#define SAMPLES_PER_KIND 200

START_TEST(a_command_of_every_kind_survives_the_round_trip)
{
        struct sample_random random = { .state = (uint64_t)_i };
        for (int i = 0; i < SAMPLES_PER_KIND; i++) {
                struct command command, decoded;
                char error[CODEC_ERROR_BYTES] = "";
                sample_command(&random, (enum command_kind)_i, &command);
                memset(&decoded, 0xaa, sizeof(decoded));
                SCOPED_FREE char *text = command_encode(&command);
                ck_assert_msg(command_decode(text, strlen(text), &decoded, error) == 0, "%s: %s", error,
                              text);
                ck_assert_msg(memcmp(&command, &decoded, sizeof(command)) == 0, "%s", text);
        }
}
END_TEST

START_TEST(an_object_of_every_kind_survives_the_round_trip)
{
        struct sample_random random = { .state = (uint64_t)_i };
        for (int i = 0; i < SAMPLES_PER_KIND; i++) {
                struct object object, decoded;
                char error[CODEC_ERROR_BYTES] = "";
                sample_object(&random, (enum object_kind)_i, &object);
                memset(&decoded, 0xaa, sizeof(decoded));
                SCOPED_FREE char *text = object_encode(&object);
                ck_assert_msg(object_decode(text, strlen(text), &decoded, error) == 0, "%s: %s", error, text);
                ck_assert_msg(memcmp(&object, &decoded, sizeof(object)) == 0, "%s", text);
        }
}
END_TEST

static void assert_same_text(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
        ck_assert_int_eq(a == NULL, b == NULL);
        ck_assert_uint_eq(a_bytes, b_bytes);
        ck_assert(a == NULL || memcmp(a, b, a_bytes) == 0);
}

static void assert_same_propose(struct message_propose *sent, struct message_propose *received)
{
        SCOPED_FREE char *text = command_encode(&sent->command);
        assert_same_text(text, strlen(text), received->text, received->text_bytes);
        assert_same_text(sent->definition, sent->definition_bytes, received->definition,
                         received->definition_bytes);
        sent->text = received->text;
        sent->text_bytes = received->text_bytes;
        sent->definition = received->definition;
}

static void assert_same_entry(struct message_entry *sent, struct message_entry *received)
{
        assert_same_text(sent->entry.text, sent->entry.text_bytes, received->entry.text,
                         received->entry.text_bytes);
        assert_same_text(sent->definition, sent->definition_bytes, received->definition,
                         received->definition_bytes);
        sent->entry.text = received->entry.text;
        sent->definition = received->definition;
}

/* Texts by content, all else by its bytes. Changes sent. */
static void assert_same_message(struct message *sent, struct message *received)
{
        if (sent->kind == MESSAGE_PROPOSE)
                assert_same_propose(&sent->propose, &received->propose);
        if (sent->kind == MESSAGE_ENTRY)
                assert_same_entry(&sent->entry, &received->entry);
        if (sent->kind == MESSAGE_SNAPSHOT_DEFINITION) {
                assert_same_text(sent->snapshot.definition, sent->snapshot.definition_bytes,
                                 received->snapshot.definition, received->snapshot.definition_bytes);
                sent->snapshot.definition = received->snapshot.definition;
        }
        ck_assert(memcmp(sent, received, sizeof(*sent)) == 0);
}

START_TEST(a_message_of_every_kind_survives_the_round_trip)
{
        struct sample_random random = { .state = (uint64_t)_i };
        for (int i = 0; i < SAMPLES_PER_KIND; i++) {
                struct sample_message sample;
                struct message_decoded decoded;
                char error[CODEC_ERROR_BYTES] = "";
                size_t bytes;
                sample_message(&random, (enum message_kind)_i, &sample);
                SCOPED_FREE char *text = message_encode(&sample.message, &bytes);
                ck_assert_uint_eq(bytes, strlen(text));
                memset(&decoded, 0xaa, sizeof(decoded));
                ck_assert_msg(message_decode(text, bytes, &decoded, error) == 0, "%s: %s", error, text);
                assert_same_message(&sample.message, &decoded.message);
                message_decoded_free(&decoded);
                sample_message_release(&sample);
        }
}
END_TEST

/* As the versions before volumes wrote it: their ledgers are read. */
static void strike_out(char *text, const char *words)
{
        char *at = strstr(text, words);
        ck_assert_msg(at != NULL, "%s", text);
        memmove(at, at + strlen(words), strlen(at + strlen(words)) + 1);
}

START_TEST(settings_of_an_older_version_keep_their_voters)
{
        struct object object = { .kind = OBJECT_SETTINGS, .settings = settings_default }, row;
        char error[CODEC_ERROR_BYTES] = "";
        SCOPED_FREE char *text = object_encode(&object);
        strike_out(text, "\"dynamic_quorum\":true,");
        ck_assert_msg(object_decode(text, strlen(text), &row, error) == 0, "%s", error);
        ck_assert(!row.settings.dynamic_quorum);
        object.settings.dynamic_quorum = false;
        ck_assert(memcmp(&object, &row, sizeof(row)) == 0);
}
END_TEST

START_TEST(a_node_of_an_older_version_has_the_fields_that_came_later)
{
        struct object object = { .kind = OBJECT_NODE, .node = { .id = 1, .name = "n1" } }, row;
        char error[CODEC_ERROR_BYTES] = "";
        SCOPED_FREE char *text = object_encode(&object);
        strike_out(text, "\"test_failed\":0,");
        strike_out(text, "\"test_level\":0,");
        strike_out(text, "\"test_off\":false,");
        strike_out(text, "\"quorum_priority\":0,");
        ck_assert_msg(object_decode(text, strlen(text), &row, error) == 0, "%s", error);
        ck_assert(memcmp(&object, &row, sizeof(row)) == 0);
}
END_TEST

START_TEST(a_role_of_an_older_version_has_no_volumes)
{
        struct sample_random random = { .state = 3 };
        struct object object, row;
        struct command command, read;
        char error[CODEC_ERROR_BYTES] = "";
        sample_object(&random, OBJECT_ROLE, &object);
        object.role.volumes = 0;
        SCOPED_FREE char *row_text = object_encode(&object);
        strike_out(row_text, ",\"volumes\":[]");
        ck_assert_msg(object_decode(row_text, strlen(row_text), &row, error) == 0, "%s", error);
        ck_assert(memcmp(&object, &row, sizeof(row)) == 0);

        sample_command(&random, COMMAND_ROLE_ADD, &command);
        command.role_add.role.volumes = 0;
        SCOPED_FREE char *text = command_encode(&command);
        strike_out(text, ",\"volumes\":[]");
        ck_assert_msg(command_decode(text, strlen(text), &read, error) == 0, "%s", error);
        ck_assert(memcmp(&command, &read, sizeof(read)) == 0);
}
END_TEST

START_TEST(json_is_compact_with_sorted_keys)
{
        struct command command = { .kind = COMMAND_ROLE_SET };
        command.role_set.fields = ROLE_FIELD_NOTE | ROLE_FIELD_PRIORITY | ROLE_FIELD_PREFERRED;
        TEXT_COPY(command.role_set.role.name, "vm01");
        TEXT_COPY(command.role_set.role.note, "the \"shop\"");
        command.role_set.role.priority = -5;
        command.role_set.role.preferred[0] = 3;
        command.role_set.role.preferred[1] = 1;
        SCOPED_FREE char *text = command_encode(&command);
        ck_assert_str_eq(text, "{\"command\":\"role-set\",\"name\":\"vm01\",\"note\":\"the \\\"shop\\\"\","
                               "\"preferred\":[3,1],\"priority\":-5}");

        struct message message = { .kind = MESSAGE_STORED, .round = { 1, 0xfedcba9876543210, 12 } };
        message.stored_index = 42;
        SCOPED_FREE char *stored = message_encode(&message, NULL);
        ck_assert_str_eq(stored,
                         "{\"index\":42,\"message\":\"stored\",\"round\":[1,\"0xfedcba9876543210\",12]}");
}
END_TEST

START_TEST(bytes_that_are_not_utf8_are_replaced_when_encoding)
{
        struct command command = { .kind = COMMAND_NODE_DRAIN };
        command.node.node = 1;
        TEXT_COPY(command.node.reason, "ä\xff€\xe2\x82");
        SCOPED_FREE char *text = command_encode(&command);
        ck_assert_msg(strstr(text, "\"reason\":\"ä?€?"
                                   "?\"") != NULL,
                      "%s", text);
}
END_TEST

START_TEST(the_text_of_a_proposal_is_kept_byte_by_byte)
{
        /* Not canonical, and with a field that only a newer version knows. */
        static const char text[] = "{ \"role\":\"vm01\", \"newer\":1, \"command\":\"role-start\" }";
        struct message message = { .kind = MESSAGE_PROPOSE };
        struct message_decoded decoded;
        char error[CODEC_ERROR_BYTES];
        size_t bytes;
        message.propose.text = text;
        message.propose.text_bytes = strlen(text);
        SCOPED_FREE char *encoded = message_encode(&message, &bytes);
        ck_assert_int_eq(message_decode(encoded, bytes, &decoded, error), 0);
        assert_same_text(text, strlen(text), decoded.message.propose.text,
                         decoded.message.propose.text_bytes);
        ck_assert_str_eq(decoded.message.propose.command.role.role, "vm01");
        message_decoded_free(&decoded);
}
END_TEST

/* A proposal of a role with this definition. */
static int propose_definition(const char *definition, size_t definition_bytes, bool named,
                              char error[CODEC_ERROR_BYTES])
{
        struct sample_random random = { .state = 11 };
        struct message message = { .kind = MESSAGE_PROPOSE };
        struct message_decoded decoded;
        size_t bytes;
        sample_command(&random, COMMAND_ROLE_ADD, &message.propose.command);
        if (named)
                definition_hash(definition, definition_bytes,
                                message.propose.command.role_add.role.definition_hash);
        message.propose.definition = definition;
        message.propose.definition_bytes = definition_bytes;
        SCOPED_FREE char *text = message_encode(&message, &bytes);
        int result = message_decode(text, bytes, &decoded, error);
        if (result == 0)
                message_decoded_free(&decoded);
        return result;
}

START_TEST(a_definition_must_be_the_one_that_the_command_names)
{
        char error[CODEC_ERROR_BYTES];
        ck_assert_int_eq(propose_definition("<domain/>", 9, true, error), 0);
        ck_assert_int_eq(propose_definition("<domain/>", 9, false, error), -EBADMSG);
        ck_assert_str_eq(error, "definition must be the text whose SHA-256 the command names");
}
END_TEST

START_TEST(a_definition_fits_up_to_its_limit)
{
        char error[CODEC_ERROR_BYTES];
        SCOPED_FREE char *definition = malloc(DEFINITION_BYTES + 1);
        memset(definition, '"', DEFINITION_BYTES + 1);
        ck_assert_int_eq(propose_definition(definition, DEFINITION_BYTES, true, error), 0);
        ck_assert_int_eq(propose_definition(definition, DEFINITION_BYTES + 1, true, error), -EBADMSG);
        ck_assert_str_eq(error, "definition must be a text of at most 256 KiB");
        memset(definition, 1, DEFINITION_BYTES);
        ck_assert_int_eq(propose_definition(definition, DEFINITION_BYTES, true, error), -EBADMSG);
        ck_assert_str_eq(error, "text must be a message of at most 768 KiB");
}
END_TEST

START_TEST(the_hash_of_a_definition_is_its_sha256)
{
        /* Source: FIPS 180-4 example, SHA-256 of "abc". */
        static const uint8_t expected[HASH_BYTES] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                                      0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                                      0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                                      0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad };
        uint8_t hash[HASH_BYTES];
        definition_hash("abc", 3, hash);
        ck_assert_mem_eq(hash, expected, HASH_BYTES);
}
END_TEST

static const char entry_text[] = "{\"command\":\"role-start\",\"role\":\"vm01\"}";

static struct entry entry_example(void)
{
        struct entry entry = { .epoch = 3, .index = 1000000, .time_ms = -1, .actor = "uid 0" };
        entry.request = (struct request_id){ .node = 2, .incarnation = 0x123456789abcdef0, .count = 7 };
        entry.text = entry_text;
        entry.text_bytes = strlen(entry_text);
        return entry;
}

START_TEST(the_hash_of_an_entry_has_the_documented_layout)
{
        /* Made by another implementation: README.md, the hash of an entry. */
        static const uint8_t expected[HASH_BYTES] = { 0xa3, 0x4f, 0x7c, 0x58, 0xa4, 0x9e, 0x0f, 0x2f,
                                                      0x99, 0xbe, 0xfa, 0xf1, 0xf7, 0x54, 0x83, 0xde,
                                                      0xa9, 0x69, 0x78, 0xc8, 0x84, 0xfb, 0x4f, 0xbc,
                                                      0x9d, 0xc0, 0x0f, 0xf8, 0xe0, 0x6e, 0x84, 0x22 };
        static const uint8_t expected_next[HASH_BYTES] = { 0xe6, 0x4e, 0x26, 0xea, 0x0a, 0x34, 0xa2, 0x77,
                                                           0xab, 0xe7, 0xb0, 0x9d, 0x52, 0xad, 0x1a, 0x05,
                                                           0x5b, 0xf6, 0xf9, 0x5d, 0x12, 0x4f, 0x94, 0xdc,
                                                           0xd9, 0x9d, 0x4f, 0x82, 0x68, 0x9a, 0x4c, 0x36 };
        struct entry entry = entry_example();
        entry_seal(&entry, NULL);
        ck_assert_mem_eq(entry.hash, expected, HASH_BYTES);
        uint8_t previous[HASH_BYTES];
        memcpy(previous, entry.hash, HASH_BYTES);
        entry_seal(&entry, previous);
        ck_assert_mem_eq(entry.hash, expected_next, HASH_BYTES);
}
END_TEST

START_TEST(the_hash_of_an_entry_depends_on_every_field)
{
        struct entry variants[] = { [0 ... 9] = entry_example() };
        variants[1].epoch++;
        variants[2].index++;
        variants[3].time_ms++;
        variants[4].request.node++;
        variants[5].request.incarnation++;
        variants[6].request.count++;
        TEXT_COPY(variants[7].actor, "uid 0{");
        variants[8].text_bytes--;
        for (size_t i = 0; i < 10; i++)
                entry_seal(&variants[i], i == 9 ? variants[0].hash : NULL);
        for (size_t i = 0; i < 10; i++)
                for (size_t j = 0; j < i; j++)
                        ck_assert_msg(memcmp(variants[i].hash, variants[j].hash, HASH_BYTES) != 0, "%zu, %zu",
                                      i, j);
}
END_TEST

START_TEST(the_hash_of_an_entry_does_not_depend_on_the_decoded_command)
{
        struct entry a = entry_example(), b = entry_example();
        b.command.kind = COMMAND_ROLE_REMOVE;
        memset(b.hash, 1, HASH_BYTES);
        entry_seal(&a, NULL);
        entry_seal(&b, NULL);
        ck_assert_mem_eq(a.hash, b.hash, HASH_BYTES);
}
END_TEST

START_TEST(a_counter_that_no_decoder_would_take_is_not_encoded)
{
        struct message message = { .kind = MESSAGE_STORED };
        message.stored_index = (uint64_t)INT64_MAX + 1;
        free(message_encode(&message, NULL));
}
END_TEST

static Suite *codec_suite(void)
{
        Suite *suite = suite_create("codec");
        TCase *values = tcase_create("values");
        tcase_add_loop_test(values, a_command_of_every_kind_survives_the_round_trip, 0, COMMAND_COUNT);
        tcase_add_loop_test(values, an_object_of_every_kind_survives_the_round_trip, 0, OBJECT_COUNT);
        tcase_add_loop_test(values, a_message_of_every_kind_survives_the_round_trip, 0, MESSAGE_COUNT);
        tcase_add_test(values, settings_of_an_older_version_keep_their_voters);
        tcase_add_test(values, a_node_of_an_older_version_has_the_fields_that_came_later);
        tcase_add_test(values, a_role_of_an_older_version_has_no_volumes);
        tcase_add_test(values, json_is_compact_with_sorted_keys);
        tcase_add_test(values, bytes_that_are_not_utf8_are_replaced_when_encoding);
        tcase_add_test(values, the_text_of_a_proposal_is_kept_byte_by_byte);
        tcase_add_test_raise_signal(values, a_counter_that_no_decoder_would_take_is_not_encoded, SIGABRT);
        suite_add_tcase(suite, values);

        TCase *hashes = tcase_create("hashes");
        tcase_add_test(hashes, a_definition_must_be_the_one_that_the_command_names);
        tcase_add_test(hashes, a_definition_fits_up_to_its_limit);
        tcase_add_test(hashes, the_hash_of_a_definition_is_its_sha256);
        tcase_add_test(hashes, the_hash_of_an_entry_has_the_documented_layout);
        tcase_add_test(hashes, the_hash_of_an_entry_depends_on_every_field);
        tcase_add_test(hashes, the_hash_of_an_entry_does_not_depend_on_the_decoded_command);
        suite_add_tcase(suite, hashes);
        return suite;
}

int main(void)
{
        return suite_run(codec_suite());
}
