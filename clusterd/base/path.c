/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/base/path.h"

#include <string.h>

/* The next part of a path, "." and empty ones left out; *ret_length is 0 behind the last. */
static const char *next_part(const char *at, size_t *ret_length)
{
        for (;;) {
                at += strspn(at, "/");
                *ret_length = strcspn(at, "/");
                if (*ret_length != 1 || *at != '.')
                        return at;
                at++;
        }
}

static bool is_upwards(const char *part, size_t length)
{
        return length == 2 && memcmp(part, "..", 2) == 0;
}

bool path_is_plain(const char *path)
{
        size_t length = 0, whole = 0;
        if (path[0] != '/')
                return false;
        for (const char *part = next_part(path, &length); length > 0;
             part = next_part(part + length, &length)) {
                if (is_upwards(part, length))
                        return false;
                whole += 1 + length;
        }
        return whole > 0 && whole == strlen(path);
}

bool path_holds(const char *directory, const char *file)
{
        size_t length = 0, file_length = 0;
        if (file[0] != '/')
                return false;
        const char *part = next_part(directory, &length), *file_part = next_part(file, &file_length);
        for (; length > 0; part = next_part(part + length, &length)) {
                if (length != file_length || memcmp(part, file_part, length) != 0)
                        return false;
                file_part = next_part(file_part + file_length, &file_length);
        }
        for (; file_length > 0; file_part = next_part(file_part + file_length, &file_length))
                if (is_upwards(file_part, file_length))
                        return false;
        return true;
}
