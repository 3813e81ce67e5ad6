/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_PROTOCOL_CODEC_H
#define CLU_CLUSTERD_PROTOCOL_CODEC_H

/*
 * JSON of commands, messages and objects, both ways, by jansson.
 *
 * Encoders return compact JSON with sorted keys, so equal values give equal
 * bytes; given to the caller, who frees it with free(). Decoders accept any
 * bytes whatever: 0, or -EBADMSG with a message in *ret_error that names the
 * field and what it should be; then the result is untouched. Unknown fields
 * are ignored (a newer version may send them), missing ones are errors
 * unless a default is named here: the fields of role-set and cluster-set,
 * whose presence sets the bits of `fields`, and the definition of a propose
 * or an entry. Bytes that are not UTF-8 are encoded as '?'. Out of memory aborts.
 */

#include "clusterd/protocol/message.h"

#define CODEC_ERROR_BYTES 256

char *command_encode(const struct command *command);
int command_decode(const char *text, size_t text_bytes, struct command *ret_command,
                   char ret_error[CODEC_ERROR_BYTES]);

char *object_encode(const struct object *object);
int object_decode(const char *text, size_t text_bytes, struct object *ret_object,
                  char ret_error[CODEC_ERROR_BYTES]);

/*
 * A decoded message may hold borrowed texts (propose.text, entry.text,
 * definitions). They live until message_decoded_free().
 */
struct message_decoded {
        struct message message;
        void *memory; /* owned */
};

/*
 * MESSAGE_PROPOSE: text is made from command when NULL. MESSAGE_ENTRY: text must be set. *ret_bytes may be
 * NULL. Receivers refuse more than MESSAGE_BYTES: check before sending.
 */
char *message_encode(const struct message *message, size_t *ret_bytes);

/*
 * Checks what a message says of itself: names are valid, ids in range,
 * texts fit, the entry's text decodes to its command, a definition's SHA-256
 * is the one the command names. The chained hash of an entry is the core's to check.
 */
int message_decode(const void *bytes, size_t count, struct message_decoded *ret_decoded,
                   char ret_error[CODEC_ERROR_BYTES]);
void message_decoded_free(struct message_decoded *decoded);

/* What one multicast brought: messages, a line each. */
struct message_lines {
        const char *at; /* borrowed; NULL: nothing is left */
        const char *end;
};

/* Decodes the next one; something must be left. The first that cannot be read takes all behind it with it. */
int message_decode_next(struct message_lines *lines, struct message_decoded *ret_decoded,
                        char ret_error[CODEC_ERROR_BYTES]);

/* SHA-256 of a definition. */
void definition_hash(const char *text, size_t text_bytes, uint8_t ret_hash[HASH_BYTES]);

#endif
