/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/apply.h"

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/node_state.h"
#include "clusterd/core/role_state.h"

/*
 * An operator has forced an epoch: its leader goes on alone. What became of the
 * others is not known to this history, so each of them is lost until it is
 * proven off or has joined: README.md, "Forced quorum".
 */

static void force_out(struct apply *apply, struct node *node)
{
        node->forced_out = true;
        node->lost_index = apply->index;
        node->evidence = (struct evidence){ .kind = EVIDENCE_NONE };
        if (node->state != NODE_LOST)
                node_enter(node, NODE_LOST, apply->index, "the quorum was forced without it");
        apply_suspend_roles(apply, node);
        apply_changed_node(apply, node);
}

void apply_forced(struct apply *apply, const struct command_epoch *epoch)
{
        struct settings *settings = &apply->model->settings;
        settings->voters = node_set_of(epoch->leader);
        /* One that is set anew is another one, and gets its vote by an entry of this history. */
        settings->voters_witness = 0;
        if (!MUTATED(FORCED_WITNESS_KEPT))
                settings->witness = (struct witness){ .kind = WITNESS_NONE };
        settings->forced_epoch = epoch->forced;
        settings->forced_time_ms = apply->time_ms;
        TEXT_COPY(settings->forced_by, epoch->forced_by);
        for (struct node *node = apply->model->nodes + 1; node <= apply->model->nodes + NODES_MAX; node++)
                if (node->id != NODE_NONE && !node->evicted && node->id != epoch->leader)
                        force_out(apply, node);
}
