/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/base/text.h"

#include "clusterd/base/limits.h"

void text_copy(char *array, size_t array_bytes, const char *text)
{
        size_t length = strnlen(text, array_bytes);
        if (length == array_bytes) { /* cut, and not inside a character of UTF-8 */
                length--;
                while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
                        length--;
        }
        memmove(array, text, length);
        memset(array + length, 0, array_bytes - length);
}

static bool is_letter_or_digit(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool name_is_valid(const char *name)
{
        size_t length = strnlen(name, NAME_BYTES);
        if (length == 0 || length >= NAME_BYTES || !is_letter_or_digit(name[0]))
                return false;
        for (size_t i = 0; i < length; i++)
                if (!is_letter_or_digit(name[i]) && name[i] != '.' && name[i] != '_' && name[i] != '-')
                        return false;
        return true;
}
