/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <errno.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/io/request_entry_text.h"

#define EVENTS_DEFAULT  50
#define ENTRIES_DEFAULT 100
#define EVENTS_MAX      1000 /* one reply: the loop waits while they are read */
#define ENTRIES_MAX     1000 /* the same; clu asks again for more */

int request_entries(struct request *request, uint64_t first, uint64_t last, const char *subject,
                    uint32_t limit, store_on_entry on_entry, void *context)
{
        struct cluster_status status;
        cluster_status_read(request->services->cluster, &status);
        /* what is stored and not applied may never have happened */
        if (last > status.applied.index)
                last = status.applied.index;
        const struct store_query query = { .first = first, .last = last, .subject = subject, .limit = limit };
        if (first > last)
                return 0;
        int error = request->services->query_entries(request->services->context, &query, on_entry, context);
        if (error < 0)
                return request_fail(request, VERB_EXIT_FAILED, "", "see the log of clusterd",
                                    "the ledger cannot be read: %s", strerror(-error));
        return 0;
}

json_t *document_entry(const struct entry *entry, const struct model *model)
{
        char subject[NAME_BYTES + 16], text[ENTRY_TEXT_BYTES];
        json_t *document = json_object();

        command_subject(&entry->command, subject, sizeof(subject));
        entry_text(entry, model, text);
        json_object_set_new(document, "index", json_integer((json_int_t)entry->index));
        json_object_set_new(document, "epoch", json_integer((json_int_t)entry->epoch));
        json_object_set_new(document, "time", document_time(entry->time_ms));
        json_object_set_new(document, "actor", document_text(entry->actor));
        json_object_set_new(document, "command", json_string(command_kind_name(entry->command.kind)));
        json_object_set_new(document, "subject", document_text(subject));
        json_object_set_new(document, "text", document_text(text));
        return document;
}

struct listing {
        const struct model *model;
        json_t *rows;
        uint64_t last_index;
};

static void add_event(void *context, const struct entry *entry)
{
        struct listing *listing = context;
        json_array_append_new(listing->rows, document_entry(entry, listing->model));
        listing->last_index = entry->index;
}

/* "role:vm01" of --role, "node:2" of --node, "volume:csv1" of --volume; empty for all. */
static int event_subject(struct request *request, char *subject, size_t subject_bytes)
{
        const char *role = request_text(request, "role"), *name = request_text(request, "node"),
                   *volume = request_text(request, "volume");

        subject[0] = '\0';
        if ((role != NULL) + (name != NULL) + (volume != NULL) > 1)
                return request_fail(request, VERB_EXIT_USAGE, "", "",
                                    "two of --role, --node and --volume are both given: name one");
        /* they may be forgotten by now: their events are not */
        if (role != NULL)
                (void)snprintf(subject, subject_bytes, "role:%s", role);
        if (volume != NULL)
                (void)snprintf(subject, subject_bytes, "volume:%s", volume);
        if (name == NULL)
                return 0;
        const struct node *node = model_node_by_name(request->model, name);
        if (node == NULL)
                return request_fail(request, VERB_EXIT_NO_OBJECT, "", "clu node list names them",
                                    "there is no node %s", name);
        (void)snprintf(subject, subject_bytes, "node:%u", node->id);
        return 0;
}

json_t *query_event_list(struct request *request)
{
        char subject[NAME_BYTES + 16];
        int64_t limit = EVENTS_DEFAULT, after = -1;
        struct listing listing = { .model = request->model };
        struct cluster_status status;

        if (event_subject(request, subject, sizeof(subject)) < 0)
                return NULL;
        (void)request_number(request, "limit", &limit);
        bool goes_on = request_number(request, "after", &after);
        cluster_status_read(request->services->cluster, &status);
        uint64_t first = goes_on ? (uint64_t)after + 1 : 1, last = status.applied.index;
        /* going on takes the oldest that are not yet seen, a list the newest */
        if (goes_on && last >= first + EVENTS_MAX)
                last = first + EVENTS_MAX - 1;
        listing.rows = json_array();
        listing.last_index = last;
        if (request_entries(request, first, last, subject[0] == '\0' ? NULL : subject,
                            goes_on || limit > EVENTS_MAX ? EVENTS_MAX : (uint32_t)limit, add_event,
                            &listing) < 0) {
                json_decref(listing.rows);
                return NULL;
        }
        /* what was asked for may not be applied here yet: then nothing is new, and nothing is skipped */
        int64_t seen = (int64_t)last > after ? (int64_t)last : after;
        return json_pack("{s:o, s:I}", "events", listing.rows, "last", (json_int_t)seen);
}

/* Passwords are in the ledger, and shown to nobody: this holds some; NULL: nothing does. */
static const char *secret_key(enum command_kind kind)
{
        return kind == COMMAND_FENCE_ADD         ? "options"
               : kind == COMMAND_VOLUME_ADD      ? "password"
               : kind == COMMAND_REDIRECT_REPORT ? "key"
                                                 : NULL;
}

static json_t *document_command(const struct entry *entry)
{
        json_t *command = json_loadb(entry->text, entry->text_bytes, 0, NULL);
        const char *key, *secret = secret_key(entry->command.kind);
        json_t *value;
        if (command == NULL)
                return json_null();
        if (secret == NULL)
                return command;
        if (json_object_get(command, secret) != NULL)
                json_object_set_new(command, secret, json_string("(not shown)"));
        json_object_foreach(command, key, value) if (json_object_get(value, secret) != NULL)
                json_object_set_new(value, secret, json_string("(not shown)"));
        return command;
}

static void add_entry(void *context, const struct entry *entry)
{
        struct listing *listing = context;
        char hash[2 * HASH_BYTES + 1];
        json_t *document = document_entry(entry, listing->model);

        for (size_t i = 0; i < HASH_BYTES; i++)
                (void)snprintf(hash + 2 * i, 3, "%02x", entry->hash[i]);
        json_object_set_new(document, "command_json", document_command(entry));
        json_object_set_new(document, "hash", json_string(hash));
        json_array_append_new(listing->rows, document);
        listing->last_index = entry->index;
}

json_t *query_ledger_list(struct request *request)
{
        int64_t limit = ENTRIES_DEFAULT, from = 0;
        struct listing listing = { .model = request->model };
        struct cluster_status status;

        (void)request_number(request, "limit", &limit);
        if (limit > ENTRIES_MAX)
                limit = ENTRIES_MAX;
        cluster_status_read(request->services->cluster, &status);
        uint64_t applied = status.applied.index;
        uint64_t first = request_number(request, "from", &from) ? (uint64_t)from
                         : applied >= (uint64_t)limit           ? applied - (uint64_t)limit + 1
                                                                : 1;
        uint64_t last = first > UINT64_MAX - (uint64_t)limit ? UINT64_MAX : first + (uint64_t)limit - 1;
        listing.rows = json_array();
        if (request_entries(request, first, last, NULL, (uint32_t)limit, add_entry, &listing) < 0) {
                json_decref(listing.rows);
                return NULL;
        }
        return json_pack("{s:o, s:I}", "entries", listing.rows, "applied", (json_int_t)applied);
}
