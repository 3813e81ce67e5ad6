/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct letter {
        struct letter *next;
        mailbox_deliver deliver;
        void *context;
        void *parcel;
};

struct mailbox {
        qb_loop_t *loop;
        int wake_fd; /* readable while letters wait */
        pthread_mutex_t mutex;
        struct letter *first;
        struct letter **end;
};

static struct letter *mailbox_take(struct mailbox *mailbox)
{
        pthread_mutex_lock(&mailbox->mutex);
        struct letter *first = mailbox->first;
        mailbox->first = NULL;
        mailbox->end = &mailbox->first;
        pthread_mutex_unlock(&mailbox->mutex);
        return first;
}

/* Takes only what is there now, so that a flood of letters leaves the loop its turn. */
static int32_t on_wake(int32_t fd, int32_t revents, void *data)
{
        struct mailbox *mailbox = data;
        uint64_t count;
        (void)revents;
        /* The bell is reset before the queue is looked at: a letter posted in between rings again. */
        if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN && errno != EINTR)
                abort();
        struct letter *letter = mailbox_take(mailbox);
        while (letter != NULL) {
                struct letter *next = letter->next;
                letter->deliver(letter->context, letter->parcel);
                free(letter);
                letter = next;
        }
        return 0;
}

int mailbox_new(qb_loop_t *loop, struct mailbox **ret_mailbox)
{
        struct mailbox *mailbox = calloc(1, sizeof *mailbox);
        if (mailbox == NULL)
                abort();
        mailbox->loop = loop;
        mailbox->end = &mailbox->first;
        mailbox->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (mailbox->wake_fd < 0) {
                int error = -errno;
                free(mailbox);
                return error;
        }
        int error = qb_loop_poll_add(loop, QB_LOOP_HIGH, mailbox->wake_fd, POLLIN, mailbox, on_wake);
        if (error < 0) {
                close(mailbox->wake_fd);
                free(mailbox);
                return error;
        }
        pthread_mutex_init(&mailbox->mutex, NULL);
        *ret_mailbox = mailbox;
        return 0;
}

void mailbox_post(struct mailbox *mailbox, mailbox_deliver deliver, void *context, void *parcel)
{
        struct letter *letter = malloc(sizeof *letter);
        if (letter == NULL)
                abort();
        *letter = (struct letter){ .deliver = deliver, .context = context, .parcel = parcel };

        pthread_mutex_lock(&mailbox->mutex);
        bool ring = mailbox->first == NULL;
        *mailbox->end = letter;
        mailbox->end = &letter->next;
        pthread_mutex_unlock(&mailbox->mutex);

        const uint64_t one = 1;
        /* EAGAIN: the bell's counter is full, so it rings already. */
        if (ring && write(mailbox->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
                abort();
}

void mailbox_free(struct mailbox *mailbox)
{
        if (mailbox == NULL)
                return;
        qb_loop_poll_del(mailbox->loop, mailbox->wake_fd);
        close(mailbox->wake_fd);
        struct letter *letter = mailbox_take(mailbox);
        while (letter != NULL) {
                struct letter *next = letter->next;
                free(letter);
                letter = next;
        }
        pthread_mutex_destroy(&mailbox->mutex);
        free(mailbox);
}
