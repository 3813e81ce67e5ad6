/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_SCENARIO_LINE_H
#define CLU_SIMULATION_SCENARIO_LINE_H

/* One line of a scenario: its words, taken from the front. Shared by the scenario_read*.c files. */

#include "simulation/scenario.h"

#define LINE_BYTES 1024

struct line {
        const char *path;
        int number;
        char text[LINE_BYTES]; /* as it is written, without its end */
        char rest[LINE_BYTES]; /* what is not taken yet begins at *at */
        char *at;
        char *error; /* SCENARIO_ERROR_BYTES */
};

/* Writes "FILE:LINE: ..." and returns -EINVAL. */
int line_fail(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The next word, "..." without its marks; NULL at the end. Borrowed from the line. */
const char *line_word(struct line *line);
/* Takes the next word if it is this one. */
bool line_take(struct line *line, const char *word);
bool line_is_empty(const struct line *line);
/* What is left, without blanks around it; takes it. */
const char *line_rest(struct line *line);

/* 0, or -EINVAL with what is wrong. */
int line_duration(struct line *line, uint64_t *ret_us);
int line_memory(struct line *line, uint32_t *ret_mib);
int line_number(struct line *line, int64_t least, int64_t most, int64_t *ret_number);
int line_node(struct line *line, const struct scenario *scenario, uint32_t *ret_node);
int node_word(struct line *line, const struct scenario *scenario, const char *word, uint32_t *ret_node);
/* n1,n2 */
int line_nodes(struct line *line, const struct scenario *scenario, uint32_t ret_nodes[NODES_MAX],
               size_t *ret_count, node_set *ret_set);
int line_role(struct line *line, struct scenario *scenario, char name[NAME_BYTES]);
int line_end(struct line *line);

/* scenario_read_cluster.c: what is behind these words. */
int line_nodes_statement(struct line *line, struct scenario *scenario);
int line_node_statement(struct line *line, struct scenario *scenario);
int line_role_statement(struct line *line, struct scenario *scenario);
int line_roles_statement(struct line *line, struct scenario *scenario);
int line_volume_statement(struct line *line, struct scenario *scenario);
int line_settings_statement(struct line *line, struct scenario *scenario);
int line_fence_statement(struct line *line, struct scenario *scenario);
/* scenario_read_incident.c: "power-off n1 for 5s"; of several nodes: each is added. at_us is set. */
int line_incidents(struct line *line, struct scenario *scenario, uint64_t at_us, struct incident_list *list);
/* scenario_read_expect.c: what is behind "expect" and "when". */
int line_expectation(struct line *line, struct scenario *scenario);
int line_pattern(struct line *line, const char *const *ends, struct pattern *ret_pattern);

#endif
