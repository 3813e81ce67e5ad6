/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/reservation.h"

#include "clusterd/base/mutation.h"
#include "clusterd/core/model.h"
#include "clusterd/core/role_state.h"

uint64_t reservation_of_start(const struct model *model, const struct role *role)
{
        NODE_SET_EACH (role->volumes, id) {
                const struct volume *volume = model_volume_by_id(model, id);
                if (volume == NULL ||
                    (volume->kind != VOLUME_ISCSI && !MUTATED(PREEMPTED_WITH_DISKS_ELSEWHERE)))
                        return 0;
        }
        return role->contained || MUTATED(PREEMPTED_WITH_DISKS_ELSEWHERE) ? role->volumes : 0;
}

uint64_t reservation_volumes(const struct model *model, uint32_t node)
{
        uint64_t volumes = 0;
        MODEL_EACH_ROLE (model, role)
                if (role_may_run_on(role, node))
                        volumes |= role->reserved;
        return volumes;
}

/* All of them: unlike leases, of which the node needs each to run on. */
bool reservation_covers(const struct role *role, uint64_t volumes)
{
        if (MUTATED(PREEMPTED_PROVES_ALL_ROLES))
                return true;
        if (MUTATED(PREEMPTED_ON_ONE_TARGET) && (role->reserved & volumes) != 0)
                return true;
        return role->reserved != 0 && (role->reserved & ~volumes) == 0;
}

bool reservation_is_of_use(const struct model *model, uint32_t node, uint64_t volumes)
{
        MODEL_EACH_ROLE (model, role)
                if (role_may_run_on(role, node) && volumes != 0 && reservation_covers(role, volumes))
                        return true;
        return false;
}
