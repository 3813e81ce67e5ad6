/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/model.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_fixture.h"
#include "tests/unit/suite_run.h"

#define SMALL 50

static struct model *model, *other;

static void begin(void)
{
        model = model_init(calloc(1, model_bytes(SMALL)), SMALL);
        other = model_init(calloc(1, model_bytes(SMALL)), SMALL);
}

static void end(void)
{
        free(model);
        free(other);
}

static int put_role(uint32_t number, int32_t priority)
{
        struct object object = { .kind = OBJECT_ROLE };
        TEXT_PRINT(object.role.name, "vm%03u", number);
        object.role.priority = priority;
        return model_put(model, &object);
}

static const struct role *find(uint32_t number)
{
        char name[NAME_BYTES];
        TEXT_PRINT(name, "vm%03u", number);
        return model_role(model, name);
}

static uint32_t count_by_walk(void)
{
        uint32_t count = 0;
        MODEL_EACH_ROLE (model, role)
                count++;
        return count;
}

/* The oracle: priority by number, or -1 when it is not there. */
static void compare(const int32_t *oracle, uint32_t numbers)
{
        uint32_t count = 0;
        for (uint32_t number = 0; number < numbers; number++) {
                const struct role *role = find(number);
                ck_assert_msg((role != NULL) == (oracle[number] >= 0), "vm%03u", number);
                if (role == NULL)
                        continue;
                ck_assert_int_eq(role->priority, oracle[number]);
                count++;
        }
        ck_assert_uint_eq(model->role_count, count);
        ck_assert_uint_eq(count_by_walk(), count);
}

/* Twice as many names as there is room for, so that the table is full again and again. */
START_TEST(random_changes_agree_with_an_oracle)
{
        uint64_t seed = (uint64_t)_i;
        int32_t oracle[2 * SMALL];
        uint32_t held = 0, refused = 0;
        memset(oracle, 0xff, sizeof oracle);
        for (int32_t step = 0; step < 4000; step++) {
                uint32_t number = fixture_random(&seed) % (2 * SMALL);
                bool there = oracle[number] >= 0;
                if (fixture_random(&seed) % 5 < 3) {
                        int want = !there && held == SMALL ? -ENOSPC : 0;
                        ck_assert_msg(put_role(number, step) == want, "seed %d, step %d", _i, step);
                        refused += want != 0;
                        if (want != 0)
                                continue;
                        oracle[number] = step;
                        held += !there;
                } else {
                        char name[NAME_BYTES];
                        TEXT_PRINT(name, "vm%03u", number);
                        model_remove(model, OBJECT_ROLE, name);
                        oracle[number] = -1;
                        held -= there;
                }
                if (step % 97 == 0)
                        compare(oracle, 2 * SMALL);
        }
        compare(oracle, 2 * SMALL);
        ck_assert_uint_gt(refused, 0);
}
END_TEST

START_TEST(a_full_table_refuses_and_keeps_what_it_has)
{
        for (uint32_t number = 0; number < SMALL; number++)
                ck_assert_int_eq(put_role(number, 1), 0);
        ck_assert_int_eq(put_role(SMALL, 1), -ENOSPC);
        ck_assert_int_eq(put_role(7, 2), 0);
        ck_assert_int_eq(find(7)->priority, 2);
        ck_assert_ptr_null(find(SMALL));
        model_remove(model, OBJECT_ROLE, "vm003");
        ck_assert_int_eq(put_role(SMALL, 1), 0);
        ck_assert_int_eq(put_role(3, 1), -ENOSPC);
}
END_TEST

START_TEST(a_removed_role_leaves_a_clean_slot_for_the_next)
{
        put_role(1, 5);
        put_role(2, 5);
        const struct role *slot = find(1);
        model_remove(model, OBJECT_ROLE, "vm001");
        static const struct role empty;
        ck_assert_mem_eq(slot, &empty, sizeof empty);
        put_role(3, 0);
        ck_assert_ptr_eq(find(3), slot);
        model_remove(model, OBJECT_ROLE, "vm001"); /* of what is not there: nothing */
        model_remove(model, OBJECT_ROLE, "");
        ck_assert_uint_eq(model->role_count, 2);
}
END_TEST

START_TEST(a_copy_is_equal_and_apart)
{
        for (uint32_t number = 0; number < 20; number++)
                put_role(number, 1);
        model_remove(model, OBJECT_ROLE, "vm004");
        model_copy(other, model);
        ck_assert(model_equal(model, other));
        put_role(4, 9);
        ck_assert(!model_equal(model, other));
        ck_assert_ptr_null(model_role(other, "vm004"));
        ck_assert_ptr_ne(model->roles, other->roles);
}
END_TEST

START_TEST(a_cleared_model_is_like_a_new_one)
{
        struct object node = { .kind = OBJECT_NODE, .node = { .id = 3, .name = "n3" } };
        struct object settings = { .kind = OBJECT_SETTINGS, .settings = settings_default };
        for (uint32_t number = 0; number < 20; number++)
                put_role(number, 1);
        model_put(model, &node);
        model_put(model, &settings);
        model_clear(model);
        ck_assert(model_equal(model, other));
}
END_TEST

START_TEST(objects_are_found_by_name_and_id)
{
        struct object node = { .kind = OBJECT_NODE, .node = { .id = 64, .name = "last" } };
        struct object device = { .kind = OBJECT_FENCE_DEVICE,
                                 .fence_device = { .name = "ipmi1", .targets = 2 } };
        struct object got;
        ck_assert_int_eq(model_put(model, &node), 0);
        ck_assert_int_eq(model_put(model, &device), 0);
        ck_assert_ptr_eq(model_node(model, 64), model_node_by_name(model, "last"));
        ck_assert_ptr_null(model_node(model, 63));
        ck_assert_ptr_null(model_node(model, 0));
        ck_assert_ptr_null(model_node(model, 65));
        ck_assert_str_eq(model_node_name(model, 64), "last");
        ck_assert_str_eq(model_node_name(model, 1), "-");
        ck_assert_int_eq(model_get(model, OBJECT_NODE, "last", &got), 0);
        ck_assert_uint_eq(got.node.id, 64);
        ck_assert_int_eq(model_get(model, OBJECT_FENCE_DEVICE, "ipmi1", &got), 0);
        ck_assert_int_eq(model_get(model, OBJECT_SETTINGS, "cluster", &got), 0);
        ck_assert_int_eq(model_get(model, OBJECT_ROLE, "vm001", &got), -ENOENT);
        ck_assert_int_eq(model_get(model, OBJECT_NODE, "", &got), -ENOENT);
        ck_assert_int_eq(model_get(model, OBJECT_FENCE_DEVICE, "", &got), -ENOENT);
        model_remove(model, OBJECT_FENCE_DEVICE, "ipmi1");
        ck_assert_ptr_null(model_fence_device(model, "ipmi1"));
}
END_TEST

START_TEST(fence_devices_have_a_limit_too)
{
        struct object device = { .kind = OBJECT_FENCE_DEVICE };
        for (uint32_t i = 0; i < FENCE_DEVICES_MAX; i++) {
                TEXT_PRINT(device.fence_device.name, "f%u", i);
                ck_assert_int_eq(model_put(model, &device), 0);
        }
        ck_assert_int_eq(model_put(model, &device), 0); /* replaces */
        TEXT_COPY(device.fence_device.name, "one-more");
        ck_assert_int_eq(model_put(model, &device), -ENOSPC);
}
END_TEST

START_TEST(a_node_cannot_be_removed)
{
        model_remove(model, OBJECT_NODE, "n1");
}
END_TEST

START_TEST(a_node_without_id_cannot_be_put)
{
        struct object node = { .kind = OBJECT_NODE, .node = { .name = "n0" } };
        (void)model_put(model, &node);
}
END_TEST

START_TEST(copies_between_different_sizes_abort)
{
        struct model *larger = model_init(calloc(1, model_bytes(2 * SMALL)), 2 * SMALL);
        model_copy(larger, model);
}
END_TEST

START_TEST(a_model_for_no_role_aborts)
{
        (void)model_bytes(_i == 0 ? 0 : ROLES_MAX + 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("model");
        TCase *tcase = tcase_create("model");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_loop_test(tcase, random_changes_agree_with_an_oracle, 1, 9);
        tcase_add_test(tcase, a_full_table_refuses_and_keeps_what_it_has);
        tcase_add_test(tcase, a_removed_role_leaves_a_clean_slot_for_the_next);
        tcase_add_test(tcase, a_copy_is_equal_and_apart);
        tcase_add_test(tcase, a_cleared_model_is_like_a_new_one);
        tcase_add_test(tcase, objects_are_found_by_name_and_id);
        tcase_add_test(tcase, fence_devices_have_a_limit_too);
        tcase_add_test_raise_signal(tcase, a_node_cannot_be_removed, SIGABRT);
        tcase_add_test_raise_signal(tcase, a_node_without_id_cannot_be_put, SIGABRT);
        tcase_add_test_raise_signal(tcase, copies_between_different_sizes_abort, SIGABRT);
        tcase_add_loop_test_raise_signal(tcase, a_model_for_no_role_aborts, SIGABRT, 0, 2);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
