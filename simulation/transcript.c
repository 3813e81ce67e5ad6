/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/transcript.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void transcript_init(struct transcript *transcript, bool text, bool verbose)
{
        *transcript = (struct transcript){ .hash = UINT64_C(0xcbf29ce484222325), .verbose = verbose };
        transcript->text = text || verbose;
        if (text) {
                transcript->lines = calloc(TRANSCRIPT_LINES, sizeof(*transcript->lines));
                assert(transcript->lines != NULL);
        }
}

void transcript_release(struct transcript *transcript)
{
        free(transcript->lines);
        transcript->lines = NULL;
}

void transcript_mix(struct transcript *transcript, uint64_t value)
{
        uint64_t hash = (transcript->hash ^ value) * UINT64_C(0x100000001b3);
        transcript->hash = hash ^ (hash >> 29);
}

void transcript_write(struct transcript *transcript, uint64_t now_us, const char *who, const char *format,
                      va_list arguments)
{
        if (!transcript->text)
                return;
        char line[TRANSCRIPT_LINE_BYTES];
        int used = snprintf(line, sizeof(line), "%10.4f %-4s ", (double)now_us / 1e6, who);
        (void)vsnprintf(line + used, sizeof(line) - (size_t)used, format, arguments);
        if (transcript->verbose)
                (void)puts(line);
        if (transcript->lines != NULL)
                (void)snprintf(transcript->lines[transcript->count % TRANSCRIPT_LINES], TRANSCRIPT_LINE_BYTES,
                               "%s", line);
        transcript->count++;
}

void transcript_print_tail(const struct transcript *transcript, uint64_t lines)
{
        if (transcript->lines == NULL)
                return;
        uint64_t kept = transcript->count < TRANSCRIPT_LINES ? transcript->count : TRANSCRIPT_LINES;
        uint64_t first = transcript->count - (lines < kept ? lines : kept);
        for (uint64_t i = first; i < transcript->count; i++)
                (void)puts(transcript->lines[i % TRANSCRIPT_LINES]);
}
