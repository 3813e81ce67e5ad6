/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/ocf_phase.h"

#include <assert.h>

static const struct {
        const char *name;
        unsigned next; /* bits of the phases that may follow */
} phases[OCF_PHASE_COUNT] = {
        [OCF_ABSENT] = { "absent", 1u << OCF_STARTING | 1u << OCF_STOPPING | 1u << OCF_UNSURE },
        [OCF_PROBING] = { "probing", 1u << OCF_ABSENT | 1u << OCF_ONLINE | 1u << OCF_STOPPING },
        [OCF_STARTING] = { "starting", 1u << OCF_ONLINE | 1u << OCF_STOPPING },
        [OCF_ONLINE] = { "online", 1u << OCF_STARTING | 1u << OCF_STOPPING },
        [OCF_STOPPING] = { "stopping", 1u << OCF_ABSENT | 1u << OCF_UNSURE },
        [OCF_UNSURE] = { "unsure", 1u << OCF_PROBING | 1u << OCF_STARTING | 1u << OCF_STOPPING },
};

const char *ocf_phase_name(enum ocf_phase phase)
{
        assert(phase < OCF_PHASE_COUNT);
        return phases[phase].name;
}

bool ocf_phase_may_follow(enum ocf_phase from, enum ocf_phase to)
{
        assert(from < OCF_PHASE_COUNT);
        return (phases[from].next & 1u << to) != 0;
}
