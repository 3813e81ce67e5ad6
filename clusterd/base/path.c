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

bool target_is_plain(const char *target)
{
        if (strncmp(target, "iqn.", 4) != 0 && strncmp(target, "eui.", 4) != 0 &&
            strncmp(target, "naa.", 4) != 0)
                return false;
        return target[4] != '\0' &&
               target[4 + strspn(target + 4, "abcdefghijklmnopqrstuvwxyz0123456789-.:")] == '\0';
}

#define LUN_MAX    16383 /* what a level of LUNs holds. Source: SAM-5, flat space addressing */
#define LUN_DIGITS 5

bool target_holds(const char *target, const char *disk, uint32_t *ret_lun)
{
        size_t length = strlen(target);
        uint32_t lun = 0;
        if (strncmp(disk, target, length) != 0 || disk[length] != '/')
                return false;
        const char *number = disk + length + 1;
        size_t digits = strspn(number, "0123456789");
        if (digits == 0 || digits > LUN_DIGITS || number[digits] != '\0')
                return false;
        for (const char *at = number; *at != '\0'; at++)
                lun = lun * 10 + (uint32_t)(*at - '0');
        if (lun > LUN_MAX)
                return false;
        *ret_lun = lun;
        return true;
}
