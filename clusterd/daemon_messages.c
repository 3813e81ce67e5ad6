/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/daemon_private.h"

#include <stdlib.h>

/*
 * The core's messages, out to the group and in from it.
 *
 * A multicast costs every node a wake-up, so the messages of a step leave as
 * one, a line each. The group delivers it whole and at one point of its
 * order: to the core it is several messages, one behind the other.
 */

/* A larger message goes alone: corosync cuts it into packets anyway. */
#define BUNDLE_BYTES (64u * 1024)

#define UNREADABLE_EVERY_MS 60000

void daemon_flush_messages(struct daemon *daemon)
{
        struct bundle *bundle = &daemon->bundle;
        if (bundle->bytes > 0 && daemon->membership != NULL) /* one that was evicted has left */
                membership_send(daemon->membership, bundle->text, bundle->bytes);
        bundle->bytes = 0;
}

static void bundle_add(struct daemon *daemon, const char *text, size_t bytes)
{
        struct bundle *bundle = &daemon->bundle;
        if (bundle->bytes > 0 && bundle->bytes + 1 + bytes > BUNDLE_BYTES)
                daemon_flush_messages(daemon);
        if (bundle->bytes + 1 + bytes > bundle->capacity) {
                bundle->capacity = bundle->bytes + 1 + bytes + BUNDLE_BYTES;
                bundle->text = realloc(bundle->text, bundle->capacity);
                if (bundle->text == NULL)
                        abort();
        }
        if (bundle->bytes > 0)
                bundle->text[bundle->bytes++] = '\n';
        memcpy(bundle->text + bundle->bytes, text, bytes);
        bundle->bytes += bytes;
}

/* Definitions travel beside the commands that name them. */
static const uint8_t *named_definition(const struct command *command)
{
        if (command->kind == COMMAND_ROLE_ADD)
                return command->role_add.role.definition_hash;
        if (command->kind == COMMAND_ROLE_SET && (command->role_set.fields & ROLE_FIELD_DEFINITION))
                return command->role_set.role.definition_hash;
        if (command->kind == COMMAND_ROLE_COPY)
                return command->role_copy.definition_hash;
        return NULL;
}

static void encode(struct daemon *daemon, const struct message *message)
{
        size_t bytes = 0;
        SCOPED_FREE char *text = message_encode(message, &bytes);
        if (bytes > MESSAGE_BYTES) {
                log_error("a message is too long to be sent" QB_XS " kind=%s bytes=%zu",
                          message_kind_name(message->kind), bytes);
                return;
        }
        bundle_add(daemon, text, bytes);
}

static void send_proposal(struct daemon *daemon, const struct message *message)
{
        const uint8_t *hash = named_definition(&message->propose.command);
        SCOPED_FREE char *definition = NULL;
        if (hash == NULL) {
                encode(daemon, message);
                return;
        }
        struct message with_definition = *message;
        size_t bytes = 0;
        int error = store_read_definition(daemon->store, hash, &definition, &bytes);
        if (error < 0) { /* without it nobody could ever start that role */
                log_error("a definition that was just stored cannot be read" QB_XS " errno=%d", -error);
                return;
        }
        with_definition.propose.definition = definition;
        with_definition.propose.definition_bytes = bytes;
        encode(daemon, &with_definition);
}

/* Telemetry is the shell's: the core only wants to be heard. */
static void send_heartbeat(struct daemon *daemon, const struct message *message)
{
        struct message heartbeat = *message;
        struct hypervisor_progress progress = { 0 };
        uint32_t memory_mib = 0, cpus = 0;
        host_capacity_read(&memory_mib, &heartbeat.heartbeat.memory_free_mib, &cpus);
        if (hypervisor_progress_read(daemon->hypervisor, &progress)) {
                TEXT_COPY(heartbeat.heartbeat.moving_role, progress.role);
                heartbeat.heartbeat.moving_percent = progress.percent;
                heartbeat.heartbeat.moving_mib_s = progress.mib_s;
        }
        fence_presence_tell(daemon->presence, cluster_model(daemon->cluster), clock_boot_ms(),
                            &heartbeat.heartbeat);
        encode(daemon, &heartbeat);
}

void daemon_send(struct daemon *daemon, const struct message *message)
{
        if (message->kind == MESSAGE_PROPOSE)
                send_proposal(daemon, message);
        else if (message->kind == MESSAGE_HEARTBEAT)
                send_heartbeat(daemon, message);
        else
                encode(daemon, message);
}

/* Somebody else's noise in the group must not fill the log. */
static void note_unreadable(struct daemon *daemon, uint32_t sender, size_t bytes, const char *cause)
{
        uint64_t now_ms = clock_boot_ms();
        daemon->unreadable++;
        if (daemon->unreadable_ms != 0 && now_ms < daemon->unreadable_ms + UNREADABLE_EVERY_MS)
                return;
        log_warning("a message that cannot be read was ignored" QB_XS
                    " sender=%u bytes=%zu cause=%s count=%u",
                    sender, bytes, cause, daemon->unreadable);
        daemon->unreadable_ms = now_ms;
        daemon->unreadable = 0;
}

static void keep_definition(struct daemon *daemon, const struct message *message)
{
        const char *text = NULL;
        size_t bytes = 0;
        if (message->kind == MESSAGE_PROPOSE) {
                text = message->propose.definition;
                bytes = message->propose.definition_bytes;
        } else if (message->kind == MESSAGE_ENTRY && message->entry.to == daemon->node) {
                text = message->entry.definition;
                bytes = message->entry.definition_bytes;
        } else if (message->kind == MESSAGE_SNAPSHOT_DEFINITION && message->snapshot.to == daemon->node) {
                text = message->snapshot.definition;
                bytes = message->snapshot.definition_bytes;
        }
        if (text != NULL)
                store_put_definition(daemon->store, text, bytes);
}

/* The one that is decoded. */
static void receive_one(struct daemon *daemon, uint32_t sender)
{
        keep_definition(daemon, &daemon->decoded.message);
        daemon_deliver(daemon, &(struct cluster_event){
                                       .kind = CLUSTER_EVENT_MESSAGE,
                                       .message = { .sender = sender, .message = &daemon->decoded.message },
                               });
        message_decoded_free(&daemon->decoded);
}

void daemon_receive(struct daemon *daemon, uint32_t sender, const char *bytes, size_t count)
{
        struct message_lines lines = { .at = bytes, .end = bytes + count };
        char error[CODEC_ERROR_BYTES];
        while (lines.at != NULL) {
                if (message_decode_next(&lines, &daemon->decoded, error) < 0) {
                        note_unreadable(daemon, sender, count, error);
                        return;
                }
                receive_one(daemon, sender);
        }
}
