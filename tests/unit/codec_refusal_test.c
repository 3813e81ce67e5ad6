/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/protocol/codec.h"
#include "tests/fuzz/sample.h"
#include "tests/unit/suite_run.h"

/* The three codecs as one: does it accept these bytes? What it accepts, it can say again. */

enum codec { CODEC_COMMAND, CODEC_OBJECT, CODEC_MESSAGE };

static bool accepts_command(const char *text, size_t bytes, char *error)
{
        struct command first, second;
        int result = command_decode(text, bytes, &first, error);
        ck_assert(result == 0 || result == -EBADMSG);
        if (result < 0)
                return false;
        SCOPED_FREE char *again = command_encode(&first);
        ck_assert_int_eq(command_decode(again, strlen(again), &second, error), 0);
        ck_assert(memcmp(&first, &second, sizeof(first)) == 0);
        return true;
}

static bool accepts_object(const char *text, size_t bytes, char *error)
{
        struct object first, second;
        int result = object_decode(text, bytes, &first, error);
        ck_assert(result == 0 || result == -EBADMSG);
        if (result < 0)
                return false;
        SCOPED_FREE char *again = object_encode(&first);
        ck_assert_int_eq(object_decode(again, strlen(again), &second, error), 0);
        ck_assert(memcmp(&first, &second, sizeof(first)) == 0);
        return true;
}

static bool accepts_message(const char *text, size_t bytes, char *error)
{
        struct message_decoded first, second;
        int result = message_decode(text, bytes, &first, error);
        ck_assert(result == 0 || result == -EBADMSG);
        if (result < 0)
                return false;
        size_t again_bytes;
        SCOPED_FREE char *again = message_encode(&first.message, &again_bytes);
        ck_assert_int_eq(message_decode(again, again_bytes, &second, error), 0);
        message_decoded_free(&first);
        message_decoded_free(&second);
        return true;
}

/* In a block of exactly their size, so that the sanitizers see a byte too far. */
static bool accepts(enum codec codec, const char *text, size_t bytes, char *error)
{
        SCOPED_FREE char *exact = malloc(bytes > 0 ? bytes : 1);
        ck_assert(exact != NULL);
        memcpy(exact, text, bytes);
        error[0] = '\0';
        bool accepted = codec == CODEC_COMMAND  ? accepts_command(exact, bytes, error)
                        : codec == CODEC_OBJECT ? accepts_object(exact, bytes, error)
                                                : accepts_message(exact, bytes, error);
        ck_assert_msg(accepted || error[0] != '\0', "refused without a word");
        return accepted;
}

static char *encoded_sample(enum codec codec, int kind, uint64_t seed)
{
        struct sample_random random = { .state = seed };
        if (codec == CODEC_COMMAND) {
                struct command command;
                sample_command(&random, (enum command_kind)kind, &command);
                return command_encode(&command);
        }
        if (codec == CODEC_OBJECT) {
                struct object object;
                sample_object(&random, (enum object_kind)kind, &object);
                return object_encode(&object);
        }
        struct sample_message sample;
        sample_message(&random, (enum message_kind)kind, &sample);
        char *text = message_encode(&sample.message, NULL);
        sample_message_release(&sample);
        return text;
}

static const int kind_counts[] = { COMMAND_COUNT, OBJECT_COUNT, MESSAGE_COUNT };

START_TEST(no_truncation_is_accepted)
{
        for (int kind = 0; kind < kind_counts[_i]; kind++) {
                char error[CODEC_ERROR_BYTES];
                SCOPED_FREE char *text = encoded_sample((enum codec)_i, kind, 7);
                for (size_t bytes = 0; bytes < strlen(text); bytes++)
                        ck_assert(!accepts((enum codec)_i, text, bytes, error));
                ck_assert_msg(accepts((enum codec)_i, text, strlen(text), error), "%s", error);
        }
}
END_TEST

START_TEST(every_flipped_bit_is_refused_or_gives_a_sound_value)
{
        for (int kind = 0; kind < kind_counts[_i]; kind++) {
                char error[CODEC_ERROR_BYTES];
                SCOPED_FREE char *text = encoded_sample((enum codec)_i, kind, 8);
                size_t bytes = strlen(text);
                for (size_t bit = 0; bit < 8 * bytes; bit++) {
                        text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
                        (void)accepts((enum codec)_i, text, bytes, error);
                        text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
                }
        }
}
END_TEST

START_TEST(random_bytes_are_refused)
{
        struct sample_random random = { .state = 9 };
        for (int run = 0; run < 30000; run++) {
                char bytes[64], error[CODEC_ERROR_BYTES];
                size_t count = sample_below(&random, sizeof(bytes));
                for (size_t i = 0; i < count; i++)
                        bytes[i] = (char)sample_number(&random);
                ck_assert(!accepts((enum codec)(run % 3), bytes, count, error));
        }
}
END_TEST

/* Every field of every sample in turn replaced by each of these, and left out. */
static const char *const wrong_values[] = { "null",
                                            "{}",
                                            "[]",
                                            "\"\"",
                                            "\"-\"",
                                            "true",
                                            "-1",
                                            "1.5",
                                            "[{}]",
                                            "[0]",
                                            "[65]",
                                            "4294967296",
                                            "-9223372036854775808",
                                            "\"0x\"",
                                            "\"0x00\"",
                                            "\"0xG\"",
                                            "[1,2,3,4,5,6,7,8,9]" };

static void replace_each(enum codec codec, json_t *root, json_t *object);

static void replace_one(enum codec codec, json_t *root, json_t *object, const char *key)
{
        char error[CODEC_ERROR_BYTES];
        json_t *kept = json_incref(json_object_get(object, key));
        if (json_is_object(kept))
                replace_each(codec, root, kept);
        for (size_t i = 0; i < sizeof(wrong_values) / sizeof(wrong_values[0]); i++) {
                json_object_set_new(object, key, json_loads(wrong_values[i], JSON_DECODE_ANY, NULL));
                SCOPED_FREE char *text = json_dumps(root, 0);
                bool accepted = accepts(codec, text, strlen(text), error);
                ck_assert_msg(i > 0 || !accepted, "null as %s: %s", key, text);
                ck_assert_msg(accepted || strstr(error, key) != NULL, "%s is wrong: %s", key, error);
        }
        json_object_del(object, key);
        SCOPED_FREE char *text = json_dumps(root, 0);
        ck_assert_msg(accepts(codec, text, strlen(text), error) || strstr(error, key) != NULL,
                      "%s is missing: %s", key, error);
        json_object_set_new(object, key, kept);
}

static void replace_each(enum codec codec, json_t *root, json_t *object)
{
        json_t *keys = json_deep_copy(object);
        const char *key;
        json_t *value;
        json_object_foreach(keys, key, value) replace_one(codec, root, object, key);
        json_decref(keys);
}

START_TEST(a_field_of_the_wrong_type_is_named)
{
        for (int kind = 0; kind < kind_counts[_i]; kind++) {
                SCOPED_FREE char *text = encoded_sample((enum codec)_i, kind, 10);
                json_t *root = json_loads(text, 0, NULL);
                replace_each((enum codec)_i, root, root);
                json_decref(root);
        }
}
END_TEST

#define LONG_63 "a23456789b123456789c123456789d123456789e123456789f123456789g123"
#define HASH    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ROUND   "\"round\":[1,\"0x1\",1]"

/* What is refused, and the complaint; NULL: accepted. */
static const struct {
        enum codec codec;
        const char *text;
        const char *complaint;
} sayings[] = {
        { CODEC_COMMAND, "{\"command\":\"role-start\",\"role\":\"" LONG_63 "\"}", NULL },
        { CODEC_COMMAND, "{\"command\":\"role-start\",\"role\":\"" LONG_63 "4\"}", "role must be a name" },
        { CODEC_COMMAND, "{\"command\":\"role-start\",\"role\":\"../vm\"}", "role must be a name" },
        { CODEC_COMMAND, "{\"command\":\"role-start\",\"role\":\"a b\"}", "role must be a name" },
        { CODEC_COMMAND, "{\"command\":\"role-start\",\"role\":\"\"}", "role must be a name" },
        { CODEC_COMMAND, "{\"command\":\"role-start\",\"role\":\"a\\u0000b\"}",
          "text must be one JSON object" },
        { CODEC_COMMAND, "{\"command\":\"role-start\"}", "role must be a name" },
        { CODEC_COMMAND, "{\"command\":\"role-start\",\"role\":\"a\",\"newer\":[1]}", NULL },
        { CODEC_COMMAND, "{\"command\":\"role-start\",\"role\":\"a\",\"role\":\"b\"}",
          "text must be one JSON object" },
        { CODEC_COMMAND, "{\"command\":\"role-start\",\"role\":\"a\"}x", "text must be one JSON object" },
        { CODEC_COMMAND, "[]", "text must be one JSON object" },
        { CODEC_COMMAND, "{\"command\":\"role-dance\",\"role\":\"a\"}",
          "command must be one of epoch, node-lost" },
        { CODEC_COMMAND, "{\"command\":3}", "command must be one of" },
        { CODEC_COMMAND, "{}", "command must be one of" },
        { CODEC_COMMAND, "{\"command\":\"role-stop\",\"role\":\"a\",\"force\":1}",
          "force must be true or false" },
        { CODEC_COMMAND, "{\"command\":\"role-set\",\"name\":\"a\"}", NULL },
        { CODEC_COMMAND, "{\"command\":\"role-set\",\"name\":\"a\",\"priority\":-2147483648}", NULL },
        { CODEC_COMMAND, "{\"command\":\"role-set\",\"name\":\"a\",\"priority\":-2147483649}",
          "priority must be an integer from" },
        { CODEC_COMMAND, "{\"command\":\"role-set\",\"name\":\"a\",\"preferred\":[1,2,3,4,5,6,7,8]}", NULL },
        { CODEC_COMMAND, "{\"command\":\"role-set\",\"name\":\"a\",\"preferred\":[1,2,3,4,5,6,7,8,9]}",
          "preferred must be a list of at most 8" },
        { CODEC_COMMAND, "{\"command\":\"role-set\",\"name\":\"a\",\"preferred\":[0]}",
          "preferred must be a list" },
        { CODEC_COMMAND, "{\"command\":\"role-set\",\"name\":\"a\",\"possible\":[64]}", NULL },
        { CODEC_COMMAND, "{\"command\":\"role-set\",\"name\":\"a\",\"possible\":[65]}",
          "possible must be a list" },
        { CODEC_COMMAND,
          "{\"command\":\"role-set\",\"name\":\"a\",\"definition\":{\"hash\":\"" HASH
          "\",\"uuid\":\"\",\"cpus\":1,\"memory_mib\":1}}",
          NULL },
        { CODEC_COMMAND,
          "{\"command\":\"role-set\",\"name\":\"a\",\"definition\":{\"hash\":\"A" HASH
          "\",\"uuid\":\"\",\"cpus\":1,\"memory_mib\":1}}",
          "definition.hash must be 64" },
        { CODEC_COMMAND, "{\"command\":\"role-set\",\"name\":\"a\",\"definition\":{\"hash\":\"" HASH "\"}}",
          "definition.uuid must be a text of at most 36 bytes" },
        { CODEC_COMMAND,
          "{\"command\":\"node-drain\",\"node\":64,\"incarnation\":\"0xffffffffffffffff\",\"reason\":\"\"}",
          NULL },
        { CODEC_COMMAND, "{\"command\":\"node-drain\",\"node\":0,\"incarnation\":\"0x0\",\"reason\":\"\"}",
          "node must be a node id from 1" },
        { CODEC_COMMAND, "{\"command\":\"node-drain\",\"node\":65,\"incarnation\":\"0x0\",\"reason\":\"\"}",
          "node must be a node id" },
        { CODEC_COMMAND,
          "{\"command\":\"node-drain\",\"node\":1,\"incarnation\":\"0x10000000000000000\",\"reason\":\"\"}",
          "incarnation must be" },
        { CODEC_COMMAND, "{\"command\":\"node-drain\",\"node\":1,\"incarnation\":\"0xA\",\"reason\":\"\"}",
          "incarnation must be" },
        { CODEC_COMMAND, "{\"command\":\"node-drain\",\"node\":1,\"incarnation\":1,\"reason\":\"\"}",
          "incarnation must be" },
        { CODEC_COMMAND,
          "{\"command\":\"node-drain\",\"node\":1,\"incarnation\":\"0x0\",\"reason\":\"\xff\"}",
          "text must be one JSON object" },
        { CODEC_COMMAND,
          "{\"command\":\"node-drain\",\"node\":1,\"incarnation\":\"0x0\",\"reason\":\"\xed\xa0\x80\"}",
          "text must be one JSON object" },
        { CODEC_MESSAGE, "{\"message\":\"stored\",\"index\":9223372036854775807," ROUND "}", NULL },
        { CODEC_MESSAGE, "{\"message\":\"stored\",\"index\":9223372036854775808," ROUND "}",
          "text must be one JSON object" },
        { CODEC_MESSAGE, "{\"message\":\"stored\",\"index\":-1," ROUND "}",
          "index must be an integer, not negative" },
        { CODEC_MESSAGE, "{\"message\":\"stored\",\"index\":1}", "round must be a list of 3 values" },
        { CODEC_MESSAGE, "{\"message\":\"stored\",\"index\":1,\"round\":[1,\"0x1\"]}",
          "round must be a list of 3 values" },
        { CODEC_MESSAGE, "{\"message\":\"stored\",\"index\":1,\"round\":[65,\"0x1\",1]}",
          "round.node must be a node id" },
        { CODEC_MESSAGE, "{\"message\":\"stored\",\"index\":1,\"round\":[0,\"0x0\",0]}", NULL },
        { CODEC_MESSAGE,
          "{\"message\":\"propose\",\"actor\":\"\",\"time_ms\":0,\"request\":[0,\"0x0\",0]," ROUND
          ",\"command\":\"{}\"}",
          "command must be a command, in which command must be one of" },
        { CODEC_MESSAGE,
          "{\"message\":\"propose\",\"actor\":\"\",\"time_ms\":0,\"request\":[0,\"0x0\",0]," ROUND
          ",\"command\":{}}",
          "command must be a text" },
        { CODEC_MESSAGE,
          "{\"message\":\"propose\",\"actor\":\"\",\"time_ms\":0,\"request\":[0,\"0x0\",0]," ROUND
          ",\"command\":\"{\\\"command\\\":\\\"role-start\\\",\\\"role\\\":\\\"a\\\"}\",\"definition\":"
          "\"x\"}",
          "definition must be absent" },
        { CODEC_MESSAGE,
          "{\"message\":\"snapshot-object\",\"to\":1," ROUND
          ",\"object\":{\"object\":\"role\",\"name\":\"\"}}",
          "object.name must be a name" },
        { CODEC_OBJECT,
          "{\"object\":\"fence-device\",\"name\":\"f\",\"agent\":\"fence_x\",\"targets\":[1,1],\"level\":1,"
          "\"together\":1,\"timeout_ms\":1,\"options\":\"\"}",
          NULL },
        { CODEC_OBJECT,
          "{\"object\":\"fence-device\",\"name\":\"f\",\"agent\":\"/bin/"
          "sh\",\"targets\":[],\"timeout_ms\":1,\"options\":\"\"}",
          "agent must be a name" },
        { CODEC_COMMAND,
          "{\"command\":\"role-set\",\"name\":\"a\",\"definition\":{\"hash\":\"" HASH
          "\",\"uuid\":\"123e4567-e89b-12d3-a456-426614174000\",\"cpus\":1,\"memory_mib\":1}}",
          NULL },
        { CODEC_COMMAND,
          "{\"command\":\"role-set\",\"name\":\"a\",\"definition\":{\"hash\":\"" HASH
          "\",\"uuid\":\"123e4567-e89b-12d3-a456-4266141740000\",\"cpus\":1,\"memory_mib\":1}}",
          "definition.uuid must be a text of at most 36 bytes" },
};

START_TEST(a_text_is_accepted_or_refused_as_told)
{
        char error[CODEC_ERROR_BYTES];
        bool accepted = accepts(sayings[_i].codec, sayings[_i].text, strlen(sayings[_i].text), error);
        if (sayings[_i].complaint == NULL)
                ck_assert_msg(accepted, "%s: %s", error, sayings[_i].text);
        else
                ck_assert_msg(!accepted && strncmp(error, sayings[_i].complaint,
                                                   strlen(sayings[_i].complaint)) == 0,
                              "\"%s\" for %s", accepted ? "accepted" : error, sayings[_i].text);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
        static char text[600000];
        static const char *const openings[] = { "[", "{\"a\":", "{\"command\":[" };
        for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
                char error[CODEC_ERROR_BYTES];
                size_t used = 0, step = strlen(openings[i]);
                for (; used + step < sizeof(text); used += step)
                        memcpy(text + used, openings[i], step);
                for (int codec = CODEC_COMMAND; codec <= CODEC_MESSAGE; codec++)
                        ck_assert(!accepts((enum codec)codec, text, used, error));
        }
}
END_TEST

START_TEST(a_refused_text_leaves_the_result_untouched)
{
        static const char text[] = "{\"command\":\"role-stop\",\"role\":\"vm01\",\"force\":0}";
        struct command command, before;
        char error[CODEC_ERROR_BYTES];
        memset(&command, 0x5a, sizeof(command));
        before = command;
        ck_assert_int_eq(command_decode(text, strlen(text), &command, error), -EBADMSG);
        ck_assert(memcmp(&command, &before, sizeof(command)) == 0);
}
END_TEST

/* As one multicast, in a block of exactly their size. Given: free(). */
static char *joined(const char *const *lines, size_t count, size_t *ret_bytes)
{
        char text[512] = "";
        size_t used = 0;
        for (size_t i = 0; i < count; i++)
                used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? "\n" : "",
                                         lines[i]);
        ck_assert_uint_lt(used, sizeof(text));
        *ret_bytes = used;
        char *exact = malloc(used > 0 ? used : 1);
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, text, used);
        return exact;
}

/* The indexes that were read, a digit each; '!' for a refusal. */
static void read_stored(const char *const *lines, size_t count, char *ret_seen)
{
        struct message_decoded decoded;
        char error[CODEC_ERROR_BYTES];
        size_t bytes;
        SCOPED_FREE char *text = joined(lines, count, &bytes);
        struct message_lines left = { .at = text, .end = text + bytes };
        while (left.at != NULL) {
                if (message_decode_next(&left, &decoded, error) == 0) {
                        ck_assert_int_eq(decoded.message.kind, MESSAGE_STORED);
                        *ret_seen++ = (char)('0' + decoded.message.stored_index);
                        message_decoded_free(&decoded);
                } else {
                        *ret_seen++ = '!';
                }
        }
        *ret_seen = '\0';
}

#define STORED(index) "{\"index\":" index ",\"message\":\"stored\",\"round\":[1,\"0x1f\",1]}"

START_TEST(a_multicast_is_read_up_to_the_first_message_that_cannot_be)
{
        static const struct {
                const char *lines[3];
                size_t count;
                const char *seen;
        } bundles[] = {
                { { STORED("1") }, 1, "1" },
                { { STORED("1"), STORED("2"), STORED("3") }, 3, "123" },
                { { STORED("1"), "{\"message\":\"stored\"}", STORED("3") }, 3, "1!" },
                { { STORED("1"), STORED("2"), "{\"message\":" }, 3, "12!" },
                { { "", STORED("2"), STORED("3") }, 3, "!" },
                { { STORED("1"), STORED("2"), "" }, 3, "12!" },
                { { STORED("1") STORED("2"), STORED("3") }, 2, "!" },
                { { "" }, 1, "!" },
        };
        char seen[8];
        for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++) {
                read_stored(bundles[i].lines, bundles[i].count, seen);
                ck_assert_str_eq(seen, bundles[i].seen);
        }
}
END_TEST

START_TEST(no_encoded_message_has_a_line_end)
{
        struct sample_random random = { .state = 7 };
        for (unsigned i = 0; i < 200 * MESSAGE_COUNT; i++) {
                struct sample_message sample;
                size_t bytes;
                sample_message(&random, (enum message_kind)(i % MESSAGE_COUNT), &sample);
                SCOPED_FREE char *text = message_encode(&sample.message, &bytes);
                ck_assert_ptr_null(memchr(text, '\n', bytes));
                sample_message_release(&sample);
        }
}
END_TEST

static Suite *codec_refusal_suite(void)
{
        Suite *suite = suite_create("codec refusals");
        TCase *refusals = tcase_create("refusals");
        tcase_set_timeout(refusals, 60);
        tcase_add_loop_test(refusals, no_truncation_is_accepted, 0, 3);
        tcase_add_loop_test(refusals, every_flipped_bit_is_refused_or_gives_a_sound_value, 0, 3);
        tcase_add_loop_test(refusals, a_field_of_the_wrong_type_is_named, 0, 3);
        tcase_add_loop_test(refusals, a_text_is_accepted_or_refused_as_told, 0,
                            sizeof(sayings) / sizeof(sayings[0]));
        tcase_add_test(refusals, random_bytes_are_refused);
        tcase_add_test(refusals, deep_nesting_is_refused);
        tcase_add_test(refusals, a_refused_text_leaves_the_result_untouched);
        tcase_add_test(refusals, a_multicast_is_read_up_to_the_first_message_that_cannot_be);
        tcase_add_test(refusals, no_encoded_message_has_a_line_end);
        suite_add_tcase(suite, refusals);
        return suite;
}

int main(void)
{
        return suite_run(codec_refusal_suite());
}
