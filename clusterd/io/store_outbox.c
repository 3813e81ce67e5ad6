/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/store_internal.h"

#include "clusterd/base/text.h"

#include <stdlib.h>

/* A snapshot of many roles is larger than memory should be asked for: the reader waits for the loop. */
#define OUTBOX_BYTES_MAX (16u * 1024 * 1024)

struct store_outbox {
        struct mailbox *mailbox;
        struct store_listener listener;
        pthread_mutex_t mutex;
        pthread_cond_t drained;
        size_t references;
        size_t bytes; /* of messages not yet delivered */
        bool closed;
};

enum report_what { OUTBOX_STORED, OUTBOX_FAILED, OUTBOX_MESSAGE };

struct parcel {
        enum report_what what;
        uint64_t index, promised;
        int error;
        char error_text[STORE_ERROR_BYTES];
        struct message *message; /* behind the parcel, and its texts behind it */
        size_t bytes;
};

struct store_outbox *store_outbox_new(struct mailbox *mailbox, const struct store_listener *listener)
{
        struct store_outbox *outbox = calloc(1, sizeof *outbox);
        if (outbox == NULL)
                abort();
        *outbox = (struct store_outbox){ .mailbox = mailbox, .listener = *listener, .references = 1 };
        pthread_mutex_init(&outbox->mutex, NULL);
        pthread_cond_init(&outbox->drained, NULL);
        return outbox;
}

void store_outbox_release(struct store_outbox *outbox)
{
        pthread_mutex_lock(&outbox->mutex);
        bool last = --outbox->references == 0;
        pthread_mutex_unlock(&outbox->mutex);
        if (!last)
                return;
        pthread_cond_destroy(&outbox->drained);
        pthread_mutex_destroy(&outbox->mutex);
        free(outbox);
}

void store_outbox_close(struct store_outbox *outbox)
{
        pthread_mutex_lock(&outbox->mutex);
        outbox->closed = true;
        pthread_cond_broadcast(&outbox->drained);
        pthread_mutex_unlock(&outbox->mutex);
}

static void on_delivered(void *context, void *data)
{
        struct store_outbox *outbox = context;
        struct parcel *parcel = data;
        const struct store_listener *listener = &outbox->listener;

        pthread_mutex_lock(&outbox->mutex);
        bool closed = outbox->closed;
        outbox->bytes -= parcel->bytes;
        pthread_cond_broadcast(&outbox->drained);
        pthread_mutex_unlock(&outbox->mutex);

        if (!closed) {
                switch (parcel->what) {
                case OUTBOX_STORED:
                        listener->on_stored(listener->context, parcel->index, parcel->promised);
                        break;
                case OUTBOX_FAILED:
                        listener->on_failed(listener->context, parcel->error, parcel->error_text);
                        break;
                case OUTBOX_MESSAGE:
                        listener->on_message(listener->context, parcel->message);
                        break;
                }
        }
        free(parcel);
        store_outbox_release(outbox);
}

static void outbox_post(struct store_outbox *outbox, struct parcel *parcel)
{
        pthread_mutex_lock(&outbox->mutex);
        outbox->references++;
        outbox->bytes += parcel->bytes;
        pthread_mutex_unlock(&outbox->mutex);
        mailbox_post(outbox->mailbox, on_delivered, outbox, parcel);
}

static struct parcel *parcel_new(enum report_what what, size_t more_bytes)
{
        struct parcel *parcel = calloc(1, sizeof *parcel + more_bytes);
        if (parcel == NULL)
                abort();
        parcel->what = what;
        return parcel;
}

void store_outbox_stored(struct store_outbox *outbox, uint64_t index, uint64_t promised)
{
        struct parcel *parcel = parcel_new(OUTBOX_STORED, 0);
        parcel->index = index;
        parcel->promised = promised;
        outbox_post(outbox, parcel);
}

void store_outbox_failed(struct store_outbox *outbox, int error, const char *text)
{
        struct parcel *parcel = parcel_new(OUTBOX_FAILED, 0);
        parcel->error = error;
        TEXT_COPY(parcel->error_text, text);
        outbox_post(outbox, parcel);
}

static const char *text_move(char **room, const char *text, size_t text_bytes)
{
        if (text == NULL)
                return NULL;
        char *copy = *room;
        memcpy(copy, text, text_bytes);
        *room += text_bytes;
        return copy;
}

static size_t message_texts(const struct message *message)
{
        if (message->kind == MESSAGE_ENTRY)
                return message->entry.entry.text_bytes + message->entry.definition_bytes;
        return message->kind == MESSAGE_SNAPSHOT_DEFINITION ? message->snapshot.definition_bytes : 0;
}

static struct parcel *parcel_of_message(const struct message *message)
{
        size_t bytes = sizeof *message + message_texts(message);
        struct parcel *parcel = parcel_new(OUTBOX_MESSAGE, bytes);
        struct message *copy = (struct message *)(void *)(parcel + 1);
        char *room = (char *)(copy + 1);
        *copy = *message;
        if (message->kind == MESSAGE_ENTRY) {
                struct message_entry *entry = &copy->entry;
                entry->entry.text = text_move(&room, entry->entry.text, entry->entry.text_bytes);
                entry->definition = text_move(&room, entry->definition, entry->definition_bytes);
        } else if (message->kind == MESSAGE_SNAPSHOT_DEFINITION) {
                copy->snapshot.definition =
                        text_move(&room, copy->snapshot.definition, copy->snapshot.definition_bytes);
        }
        parcel->message = copy;
        parcel->bytes = bytes;
        return parcel;
}

bool store_outbox_message(struct store_outbox *outbox, const struct message *message)
{
        pthread_mutex_lock(&outbox->mutex);
        while (!outbox->closed && outbox->bytes > OUTBOX_BYTES_MAX)
                pthread_cond_wait(&outbox->drained, &outbox->mutex);
        bool closed = outbox->closed;
        pthread_mutex_unlock(&outbox->mutex);
        if (!closed)
                outbox_post(outbox, parcel_of_message(message));
        return !closed;
}
