/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/ocf_role_definition.h"

#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "resource-agents/ocf_memory.h"

int ocf_role_definition_set(struct ocf_role *role, const char *text, size_t bytes, char *ret_error,
                            size_t error_bytes)
{
        struct ocf_definition *definition;
        int error = ocf_definition_read(text, bytes, role->host->root, &definition, ret_error, error_bytes);
        if (error < 0)
                return error;
        ocf_definition_free(role->definition);
        free(role->definition_text);
        role->definition = definition;
        role->definition_text = strndup(text, bytes);
        role->definition_bytes = bytes;
        if (role->definition_text == NULL)
                abort();
        return 0;
}

int ocf_role_definition_load(struct ocf_role *role, const uint8_t hash[HASH_BYTES])
{
        if (role->definition != NULL && memcmp(role->definition_hash, hash, HASH_BYTES) == 0)
                return 0;
        char *text = NULL;
        size_t bytes;
        int error = role->host->listener->read_definition(role->host->listener->context, hash, &text, &bytes);
        if (error < 0) {
                TEXT_PRINT(role->reason, "its definition could not be read: %s", strerror(-error));
                return error;
        }
        error = ocf_role_definition_set(role, text, bytes, role->reason, sizeof role->reason);
        free(text);
        if (error == 0)
                memcpy(role->definition_hash, hash, HASH_BYTES);
        return error;
}

int ocf_role_write(struct ocf_role *role)
{
        struct ocf_record record = {
                .generation = role->generation,
                .definition = role->definition_text,
                .definition_bytes = role->definition_bytes,
        };
        TEXT_COPY(record.role, role->name);
        memcpy(record.definition_hash, role->definition_hash, HASH_BYTES);
        int error = ocf_memory_write(role->host->run_dir, &record);
        if (error < 0)
                TEXT_PRINT(role->reason, "%.80s cannot be written: %s", role->host->run_dir,
                           strerror(-error));
        return error;
}
