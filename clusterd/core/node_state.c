/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/node_state.h"

#include <assert.h>

#include "clusterd/base/text.h"

#define TO(state) (UINT32_C(1) << (state))

static const uint32_t next_states[NODE_STATE_COUNT] = {
        [NODE_DOWN] = TO(NODE_UP) | TO(NODE_LOST) /* a guest may have arrived since: to be proven again */,
        [NODE_UP] = TO(NODE_UP) /* booted before anybody missed it */ | TO(NODE_LOST) | TO(NODE_DOWN),
        [NODE_LOST] = TO(NODE_DOWN) | TO(NODE_UP),
};

bool node_state_may_follow(enum node_state from, enum node_state to)
{
        assert(from < NODE_STATE_COUNT && to < NODE_STATE_COUNT);
        return (next_states[from] & TO(to)) != 0;
}

void node_enter(struct node *node, enum node_state state, uint64_t index, const char *reason)
{
        assert(node_state_may_follow(node->state, state));
        node->state = state;
        node->since_index = index;
        TEXT_COPY(node->reason, reason);
}
