/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/ocf_memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

#define SUFFIX ".json"

static char *path_make(const char *directory, const char *role, const char *suffix)
{
        char *path;
        if (asprintf(&path, "%s/%s%s", directory, role, suffix) < 0)
                abort();
        return path;
}

int ocf_memory_open(const char *directory)
{
        if (mkdir(directory, 0700) < 0 && errno != EEXIST)
                return -errno;
        return access(directory, R_OK | W_OK | X_OK) < 0 ? -errno : 0;
}

static void hash_print(const uint8_t hash[HASH_BYTES], char ret_text[2 * HASH_BYTES + 1])
{
        for (size_t i = 0; i < HASH_BYTES; i++)
                (void)snprintf(ret_text + 2 * i, 3, "%02x", hash[i]);
}

static int hash_parse(const char *text, uint8_t ret_hash[HASH_BYTES])
{
        if (strlen(text) != 2 * HASH_BYTES)
                return -EINVAL;
        for (size_t i = 0; i < HASH_BYTES; i++)
                if (sscanf(text + 2 * i, "%2hhx", &ret_hash[i]) != 1)
                        return -EINVAL;
        return 0;
}

static int file_write(const char *path, const json_t *json)
{
        SCOPED_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        errno = 0;
        if (json_dumpfd(json, fd, JSON_COMPACT) < 0)
                return errno != 0 ? -errno : -EIO;
        return 0;
}

/* Renamed into place: a crash leaves the old record or the new one. Not synced: a reboot stops all roles. */
int ocf_memory_write(const char *directory, const struct ocf_record *record)
{
        char hash[2 * HASH_BYTES + 1];
        hash_print(record->definition_hash, hash);
        json_t *json = json_pack("{s:s, s:I, s:s, s:s%}", "role", record->role, "generation",
                                 (json_int_t)record->generation, "definition_hash", hash, "definition",
                                 record->definition, record->definition_bytes);
        if (json == NULL) /* not UTF-8: the definition would not have been read */
                return -EINVAL;
        SCOPED_FREE char *path = path_make(directory, record->role, SUFFIX);
        SCOPED_FREE char *fresh = path_make(directory, record->role, ".new");
        int error = file_write(fresh, json);
        json_decref(json);
        if (error == 0 && rename(fresh, path) < 0)
                error = -errno;
        if (error < 0)
                (void)unlink(fresh);
        return error;
}

int ocf_memory_remove(const char *directory, const char *role)
{
        SCOPED_FREE char *path = path_make(directory, role, SUFFIX);
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int record_unpack(json_t *json, struct ocf_record *record)
{
        const char *role, *hash, *definition;
        json_int_t generation;
        size_t bytes;
        if (json_unpack(json, "{s:s, s:I, s:s, s:s%}", "role", &role, "generation", &generation,
                        "definition_hash", &hash, "definition", &definition, &bytes) < 0 ||
            !text_equal(role, record->role) || generation < 0 ||
            hash_parse(hash, record->definition_hash) < 0)
                return -EBADMSG;
        record->generation = (uint64_t)generation;
        record->definition = strdup(definition);
        record->definition_bytes = bytes;
        if (record->definition == NULL)
                abort();
        return 0;
}

static void file_read(const char *directory, const char *role, ocf_memory_on_record on_record, void *context)
{
        struct ocf_record record = { 0 };
        TEXT_COPY(record.role, role);
        SCOPED_FREE char *path = path_make(directory, role, SUFFIX);
        json_t *json = json_load_file(path, 0, NULL);
        int error = json == NULL ? -EBADMSG : record_unpack(json, &record);
        on_record(context, &record, error);
        free(record.definition);
        json_decref(json);
}

int ocf_memory_read(const char *directory, ocf_memory_on_record on_record, void *context)
{
        DIR *stream = opendir(directory);
        if (stream == NULL)
                return -errno;
        errno = 0;
        for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
                size_t length = strlen(entry->d_name);
                size_t suffix = sizeof SUFFIX - 1;
                char role[NAME_BYTES];
                if (length <= suffix || length - suffix >= sizeof role ||
                    !text_equal(entry->d_name + length - suffix, SUFFIX))
                        continue;
                memcpy(role, entry->d_name, length - suffix);
                role[length - suffix] = '\0';
                if (name_is_valid(role))
                        file_read(directory, role, on_record, context);
                errno = 0;
        }
        int error = -errno;
        closedir(stream);
        return error;
}
