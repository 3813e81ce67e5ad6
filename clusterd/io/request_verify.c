/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <string.h>

#include "clusterd/base/text.h"

static json_t *verdict_document(const char *path, const struct store_verdict *verdict)
{
        json_t *document = json_object();
        json_object_set_new(document, "file", document_text(path));
        json_object_set_new(document, "sound", json_boolean(verdict->bad_index == 0));
        json_object_set_new(document, "entries", json_integer((json_int_t)verdict->entries));
        json_object_set_new(document, "first", json_integer((json_int_t)verdict->first_index));
        json_object_set_new(document, "last", json_integer((json_int_t)verdict->last_index));
        json_object_set_new(document, "applied", json_integer((json_int_t)verdict->applied.index));
        json_object_set_new(document, "hash", document_text(verdict->last_hash));
        if (verdict->bad_index != 0)
                json_object_set_new(document, "bad_index", json_integer((json_int_t)verdict->bad_index));
        return document;
}

char *request_verify_file(const char *path, int *ret_exit)
{
        struct store_verdict verdict = { 0 };
        struct request_error error = { .exit = VERB_EXIT_FAILED };
        char text[STORE_ERROR_BYTES] = "";
        int failed = store_verify(path, &verdict, text);

        if (failed == 0 && verdict.bad_index == 0) {
                *ret_exit = VERB_EXIT_DONE;
                return document_reply(VERB_EXIT_DONE, NULL, verdict_document(path, &verdict));
        }
        *ret_exit = VERB_EXIT_FAILED;
        if (failed < 0) {
                TEXT_PRINT(error.message, "%s cannot be checked: %s", path,
                           text[0] == '\0' ? strerror(-failed) : text);
                return document_reply(VERB_EXIT_FAILED, document_error(&error), NULL);
        }
        TEXT_PRINT(error.message, "%s is not sound: entry %llu: %s", path,
                   (unsigned long long)verdict.bad_index, verdict.text);
        TEXT_PRINT(error.rule, "the chain of hashes and every evidence must hold");
        TEXT_PRINT(error.remedy,
                   "compare with other nodes; stop this one, move the file away, and it is brought level");
        return document_reply(VERB_EXIT_FAILED, document_error(&error), verdict_document(path, &verdict));
}
