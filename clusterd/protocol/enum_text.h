/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_PROTOCOL_ENUM_TEXT_H
#define CLU_CLUSTERD_PROTOCOL_ENUM_TEXT_H

/*
 * The texts of an enum, by value: one table for its *_name, its *_parse and
 * the codec. Private to this folder.
 */

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct enum_text {
        size_t count;
        const char *const *texts;
};

static inline const char *enum_text_name(const struct enum_text *table, size_t value)
{
        return value < table->count ? table->texts[value] : "invalid";
}

/* The value, or -EINVAL. */
static inline int enum_text_find(const struct enum_text *table, const char *text)
{
        for (size_t i = 0; i < table->count; i++)
                if (strcmp(table->texts[i], text) == 0)
                        return (int)i;
        return -EINVAL;
}

/* Defines the table noun_text, noun_name() and noun_parse() of enum noun. */
#define ENUM_TEXT(noun, value_count, ...)                                                                    \
        static const char *const noun##_texts[value_count] = { __VA_ARGS__ };                                \
        const struct enum_text noun##_text = { .count = (value_count), .texts = noun##_texts };              \
                                                                                                             \
        const char *noun##_name(enum noun value)                                                             \
        {                                                                                                    \
                return enum_text_name(&noun##_text, (size_t)value);                                          \
        }                                                                                                    \
                                                                                                             \
        int noun##_parse(const char *text, enum noun *ret_value)                                             \
        {                                                                                                    \
                int value = enum_text_find(&noun##_text, text);                                              \
                if (value < 0)                                                                               \
                        return value;                                                                        \
                *ret_value = (enum noun)value;                                                               \
                return 0;                                                                                    \
        }

extern const struct enum_text evidence_kind_text;
extern const struct enum_text node_state_text;
extern const struct enum_text node_duty_text;
extern const struct enum_text shut_down_text;
extern const struct enum_text role_kind_text;
extern const struct enum_text role_state_text;
extern const struct enum_text role_desired_text;
extern const struct enum_text move_end_text;
extern const struct enum_text copy_state_text;
extern const struct enum_text redirect_state_text;
extern const struct enum_text witness_kind_text;
extern const struct enum_text volume_kind_text;
extern const struct enum_text volume_state_text;
extern const struct enum_text path_state_text;
extern const struct enum_text object_kind_text;
extern const struct enum_text command_kind_text;
extern const struct enum_text report_kind_text;
extern const struct enum_text copy_report_text;
extern const struct enum_text redirect_report_text;
extern const struct enum_text message_kind_text;

#endif
