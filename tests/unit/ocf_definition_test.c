/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/ocf_fixture.h"
#include "tests/unit/suite_run.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Which definitions are taken, and what is said of the others. */

static struct ocf_fixture fixture;

static void begin(void)
{
        fixture_init(&fixture);
}

static void end(void)
{
        fixture_release(&fixture);
}

static const struct {
        const char *text;
        int error;
        const char *says;
} definitions[] = {
        { "{\"agents\":[{\"agent\":\"ocf:test:a\"}]}", 0, "" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"parameters\":{\"n\":1,\"b\":true,\"s\":\"\"}}]}", 0, "" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\"},", -EINVAL, "line 1" },
        { "[]", -EINVAL, "an object is expected" },
        { "{}", -EINVAL, "at least one agent" },
        { "{\"agents\":[]}", -EINVAL, "at least one agent" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\"}],\"x\":1}", -EINVAL, "only the field" },
        { "{\"agents\":[3]}", -EINVAL, "agent 1: must be an object" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\"},{}]}", -EINVAL, "agent 2: \"agent\" is missing" },
        { "{\"agents\":[{\"agent\":3}]}", -EINVAL, "must be a string" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"timeout\":1}]}", -EINVAL, "unknown field \"timeout\"" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"agent\":\"ocf:test:a\"}]}", -EINVAL, "duplicate" },
        { "{\"agents\":[{\"agent\":\"lsb:test:a\"}]}", -EINVAL, "ocf:PROVIDER:TYPE" },
        { "{\"agents\":[{\"agent\":\"ocf:test\"}]}", -EINVAL, "ocf:PROVIDER:TYPE" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a:b\"}]}", -EINVAL, "ocf:PROVIDER:TYPE" },
        { "{\"agents\":[{\"agent\":\"ocf:..:a\"}]}", -EINVAL, "ocf:PROVIDER:TYPE" },
        { "{\"agents\":[{\"agent\":\"ocf:test:../a\"}]}", -EINVAL, "ocf:PROVIDER:TYPE" },
        { "{\"agents\":[{\"agent\":\"ocf:test:none\"}]}", -EINVAL, "on this node (others were not asked)" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"parameters\":[]}]}", -EINVAL,
          "must be an object of name and value" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"parameters\":{\"a b\":\"\"}}]}", -EINVAL,
          "no name of a parameter" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"parameters\":{\"a\":1.5}}]}", -EINVAL,
          "must be a string" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"parameters\":{\"CRM_meta_x\":\"\"}}]}", -EINVAL,
          "no name of a parameter" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"start_timeout_ms\":99}]}", -EINVAL,
          "from 100 to 3600000" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"stop_timeout_ms\":3600001}]}", -EINVAL,
          "stop_timeout_ms" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"monitor_timeout_ms\":\"20s\"}]}", -EINVAL,
          "monitor_timeout_ms" },
};

START_TEST(definitions_are_checked)
{
        char error[256] = "";
        int got = ocf_definition_check(definitions[_i].text, strlen(definitions[_i].text), fixture.root,
                                       error, sizeof error);
        ck_assert_msg(got == definitions[_i].error, "%s: %d %s", definitions[_i].text, got, error);
        ck_assert_msg(strstr(error, definitions[_i].says) != NULL, "%s: %s", definitions[_i].text, error);
}
END_TEST

START_TEST(limits_are_checked)
{
        char error[256];
        fixture_define(&fixture, "abcdefghijklmnop", 1000, 1000);
        ck_assert_int_eq(ocf_definition_check(fixture.definition, strlen(fixture.definition), fixture.root,
                                              error, sizeof error),
                         0);
        fixture_define(&fixture, "abcdefghijklmnopq", 1000, 1000);
        ck_assert_int_eq(ocf_definition_check(fixture.definition, strlen(fixture.definition), fixture.root,
                                              error, sizeof error),
                         -E2BIG);
        static char big[DEFINITION_BYTES + 1];
        memset(big, ' ', sizeof big);
        ck_assert_int_eq(ocf_definition_check(big, sizeof big, fixture.root, error, sizeof error), -E2BIG);
}
END_TEST

START_TEST(every_cut_definition_is_refused)
{
        char error[32];
        fixture_define(&fixture, "xy", 1000, 1000);
        for (size_t bytes = 0; bytes < strlen(fixture.definition); bytes++)
                ck_assert_int_eq(
                        ocf_definition_check(fixture.definition, bytes, fixture.root, error, sizeof error),
                        -EINVAL);
}
END_TEST

#define LOOP_TEST(tcase, test, table)                                                                        \
        tcase_add_loop_test(tcase, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
        TCase *tcase = tcase_create("definition");
        tcase_add_checked_fixture(tcase, begin, end);
        LOOP_TEST(tcase, definitions_are_checked, definitions);
        tcase_add_test(tcase, limits_are_checked);
        tcase_add_test(tcase, every_cut_definition_is_refused);

        Suite *suite = suite_create("ocf_definition");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
