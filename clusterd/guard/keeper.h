/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_GUARD_KEEPER_H
#define CLU_CLUSTERD_GUARD_KEEPER_H

/* The guard keeper at work: takes orders, keeps contact, pets the watchdog or does not. */

#include <qb/qbloop.h>

struct keeper_options {
        const char *run_dir;
        const char *watchdog_path; /* NULL: none */
        const char *group;
};

struct keeper;

/* options and its texts are borrowed until keeper_free. -errno if the run directory cannot be used. */
int keeper_new(qb_loop_t *loop, const struct keeper_options *options, struct keeper **ret_keeper);
/* Armed: the watchdog is left running. */
void keeper_free(struct keeper *keeper);

#endif
