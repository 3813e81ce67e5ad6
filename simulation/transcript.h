/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_TRANSCRIPT_H
#define CLU_SIMULATION_TRANSCRIPT_H

/*
 * What happened, in words. The hash over all of it tells whether two runs were
 * the same; the text is kept (its last part) only when somebody will read it.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSCRIPT_LINES      6000
#define TRANSCRIPT_LINE_BYTES 256

struct transcript {
        uint64_t hash;
        bool text;
        bool verbose;
        uint64_t count;
        char (*lines)[TRANSCRIPT_LINE_BYTES]; /* ring of TRANSCRIPT_LINES */
};

void transcript_init(struct transcript *transcript, bool text, bool verbose);
void transcript_release(struct transcript *transcript);
void transcript_mix(struct transcript *transcript, uint64_t value);
void transcript_write(struct transcript *transcript, uint64_t now_us, const char *who, const char *format,
                      va_list arguments) __attribute__((format(printf, 4, 0)));
void transcript_print_tail(const struct transcript *transcript, uint64_t lines);

#endif
