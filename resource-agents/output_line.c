/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/output_line.h"

#include <assert.h>
#include <string.h>

static void line_copy(const char *text, size_t length, char *ret_line, size_t line_bytes)
{
        if (length > line_bytes - 1)
                length = line_bytes - 1;
        for (size_t i = 0; i < length; i++) {
                unsigned char c = (unsigned char)text[i];
                ret_line[i] = c == '\t' ? ' ' : (c < 0x20 || c >= 0x7f) ? '?' : text[i];
        }
        ret_line[length] = '\0';
}

static size_t trimmed_length(const char *text, size_t length)
{
        while (length > 0 &&
               (text[length - 1] == ' ' || text[length - 1] == '\r' || text[length - 1] == '\t'))
                length--;
        return length;
}

void output_line_read(const char *output, const char *prefix, char *ret_line, size_t line_bytes)
{
        assert(line_bytes > 0);
        size_t prefix_bytes = prefix == NULL ? 0 : strlen(prefix);
        int found = 0; /* a line with the prefix: others count no more */
        ret_line[0] = '\0';
        for (const char *line = output; *line != '\0';) {
                size_t whole = strcspn(line, "\n");
                size_t length = trimmed_length(line, whole);
                int marked =
                        prefix_bytes > 0 && length >= prefix_bytes && memcmp(line, prefix, prefix_bytes) == 0;
                if (marked)
                        line_copy(line + prefix_bytes, length - prefix_bytes, ret_line, line_bytes);
                else if (!found && length > 0)
                        line_copy(line, length, ret_line, line_bytes);
                found |= marked;
                line += whole + (line[whole] == '\n');
        }
}
