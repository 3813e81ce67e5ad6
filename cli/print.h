/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLI_PRINT_H
#define CLU_CLI_PRINT_H

/* The two printers: results for people, and the same as one JSON document. */

#include "cli/call.h"

/* Of what was asked, by its verb. */
void print_result(const struct verb_call *call, json_t *result);
void print_plan(json_t *result);
/* The votes before and after, if it says so. */
void print_quorum_plan(json_t *result);
/* One JSON document on standard output: the result with "schema", or the error with "schema" and "exit". */
void print_json(enum verb_exit exit, json_t *error, json_t *result);
/* Message, rule and remedy on standard error. */
void print_error(json_t *error);

/* A field as text for a cell or a line: "-" for null and missing. The buffers are a few, used in turn. */
const char *field(json_t *object, const char *key);
/* Array of strings as "n1 n2"; none when empty. */
const char *field_list(json_t *object, const char *key, const char *none);
/* ISO 8601 in UTC as local time, to the second. */
const char *field_time(json_t *object, const char *key);
/* "3.2 s", "84 ms" */
const char *duration_text(json_int_t duration_ms);
/* ", after 3.2 s, guest not running for 23 ms": what somebody has measured of it. */
const char *copy_times(json_t *copy);

/* print_role.c, print_node.c, print_quorum.c, print_volume.c, print_history.c */
void print_cluster_status(json_t *result);
void print_quorum_view(json_t *result);
void print_node_list(json_t *result);
void print_node(json_t *node);
void print_role_list(json_t *result);
void print_role(json_t *role);
void print_role_why(json_t *result);
void print_volume_list(json_t *result);
void print_image_list(json_t *result);
void print_volume(json_t *volume);
void print_fence_list(json_t *result);
void print_fence_device(json_t *device);
void print_fence_test(json_t *result);
void print_events(json_t *result);
void print_entries(json_t *result);
void print_verdict(json_t *result);

#endif
