/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_QUORUM_VIEW_H
#define CLU_CLUSTERD_CORE_QUORUM_VIEW_H

/*
 * Who votes, what may be lost next, and what an operator's command would make
 * of that: for `clu quorum show`, plans and refusals. From the model and the
 * view alone, by the rule that the leader goes by.
 */

#include "clusterd/core/model.h"
#include "clusterd/protocol/command.h"
#include "quorum/outlook.h"

struct quorum_view {
        const struct model *model; /* borrowed */
        struct voters voters;
        node_set here;    /* members of the view */
        node_set leavers; /* about to go: they keep a vote no longer than others */
        node_set evicted; /* to be: they keep none */
        node_set ending;  /* whose daemons are about to end: of two that are left the other votes */
        bool witness;     /* there is one, it answers and is to stay */
};

#define QUORUM_TEXT_BYTES 512

/* Who should vote when these could. With voters that do not follow: who does now. */
struct voter_set quorum_choice(const struct quorum_view *view, node_set candidates);

/* The same view when the voters have followed what is here, if they do and can. */
struct quorum_view quorum_view_settled(const struct quorum_view *view);

/* And when one node is gone, too. */
struct quorum_view quorum_view_without(const struct quorum_view *view, uint32_t node);

/* "n1, n2 or n3 may be lost; two of them together may not" */
void quorum_view_say(const struct quorum_view *view, char text[QUORUM_TEXT_BYTES]);

/* True, and why: it takes a node away, or prepares for that, without which there would be no quorum; or
 * leaves a node without a vote for good. */
bool quorum_view_forbids(const struct quorum_view *view, const struct command *command,
                         char reason[QUORUM_TEXT_BYTES]);

#endif
