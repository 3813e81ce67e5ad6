/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/mailbox.h"

#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/unit/suite_run.h"

#define WRITERS 4
#define LETTERS 20000

struct office {
        qb_loop_t *loop;
        struct mailbox *mailbox;
        pthread_t loop_thread;
        uint32_t next[WRITERS];
        uint32_t delivered;
        bool reposted;
};

struct writer {
        struct office *office;
        uint32_t number;
        pthread_t thread;
};

struct parcel {
        uint32_t writer, number;
};

static void deliver(void *context, void *data)
{
        struct office *office = context;
        struct parcel *parcel = data;
        ck_assert(pthread_equal(pthread_self(), office->loop_thread));
        ck_assert_uint_eq(parcel->number, office->next[parcel->writer]++);
        free(parcel);
        if (++office->delivered == WRITERS * LETTERS)
                qb_loop_stop(office->loop);
}

static void *write_letters(void *context)
{
        const struct writer *writer = context;
        for (uint32_t number = 0; number < LETTERS; number++) {
                struct parcel *parcel = malloc(sizeof *parcel);
                *parcel = (struct parcel){ writer->number, number };
                mailbox_post(writer->office->mailbox, deliver, writer->office, parcel);
        }
        return NULL;
}

static void office_open(struct office *office)
{
        *office = (struct office){ .loop = qb_loop_create(), .loop_thread = pthread_self() };
        ck_assert_int_eq(mailbox_new(office->loop, &office->mailbox), 0);
}

static void office_close(struct office *office)
{
        mailbox_free(office->mailbox);
        qb_loop_destroy(office->loop);
}

START_TEST(every_letter_arrives_once_on_the_loop_in_its_writers_order)
{
        struct office office;
        struct writer writers[WRITERS];
        office_open(&office);
        for (uint32_t at = 0; at < WRITERS; at++) {
                writers[at] = (struct writer){ .office = &office, .number = at };
                pthread_create(&writers[at].thread, NULL, write_letters, &writers[at]);
        }
        qb_loop_run(office.loop);
        for (uint32_t at = 0; at < WRITERS; at++)
                pthread_join(writers[at].thread, NULL);
        ck_assert_uint_eq(office.delivered, WRITERS * LETTERS);
        office_close(&office);
}
END_TEST

static void post_again(void *context, void *data)
{
        struct office *office = context;
        (void)data;
        if (office->reposted)
                qb_loop_stop(office->loop);
        else
                mailbox_post(office->mailbox, post_again, office, NULL);
        office->reposted = true;
}

START_TEST(a_letter_may_be_posted_while_one_is_delivered)
{
        struct office office;
        office_open(&office);
        mailbox_post(office.mailbox, post_again, &office, NULL);
        qb_loop_run(office.loop);
        ck_assert(office.reposted);
        office_close(&office);
}
END_TEST

static void must_not_come(void *context, void *data)
{
        (void)context;
        (void)data;
        ck_abort_msg("delivered after the mailbox was freed");
}

START_TEST(what_was_not_delivered_is_dropped)
{
        struct office office;
        office_open(&office);
        mailbox_post(office.mailbox, must_not_come, NULL, NULL);
        office_close(&office);
        mailbox_free(NULL);
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("mailbox");
        tcase_add_test(tcase, every_letter_arrives_once_on_the_loop_in_its_writers_order);
        tcase_add_test(tcase, a_letter_may_be_posted_while_one_is_delivered);
        tcase_add_test(tcase, what_was_not_delivered_is_dropped);
        tcase_set_timeout(tcase, 30);

        Suite *suite = suite_create("mailbox");
        suite_add_tcase(suite, tcase);

        return suite_run(suite);
}
