/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/lease_guard.h"

#include "clusterd/base/mutation.h"
#include "clusterd/core/model.h"
#include "clusterd/core/role_state.h"

/* The longer the times, the further clocks drift apart meanwhile. */
struct lease_timings lease_timings_of(const struct settings *settings, bool watchdog)
{
        struct lease_timings timings = { .renew_ms = settings->lease_renew_ms,
                                         .lease_ms = settings->lease_ms,
                                         .stop_ms = settings->lease_stop_ms,
                                         .watchdog_ms = watchdog ? settings->watchdog_ms : 0,
                                         .margin_ms = lease_timings_default.margin_ms };
        uint32_t longer_ms = timings.lease_ms > lease_timings_default.lease_ms
                                     ? timings.lease_ms - lease_timings_default.lease_ms
                                     : 0;
        timings.margin_ms += timings.watchdog_ms / 50 + longer_ms / 50;
        if (settings->margin_ms > timings.margin_ms)
                timings.margin_ms = settings->margin_ms;
        return timings;
}

/* Where it has said that it holds one: there its record stands, and tells when it holds it no more. */
static bool is_leased(const struct model *model, uint32_t id, uint32_t node)
{
        const struct volume *volume = model_volume_by_id(model, id);
        return volume != NULL && volume->state == VOLUME_READY && node_set_has(volume->leases, node);
}

bool lease_guards(const struct model *model, const struct role *role, uint32_t node)
{
        NODE_SET_EACH (role->leases, id)
                if (!is_leased(model, id, node))
                        return false;
        return role->leases != 0;
}

uint64_t lease_guard_volumes(const struct model *model, uint32_t node)
{
        uint64_t volumes = 0;
        MODEL_EACH_ROLE (model, role)
                if (role_may_run_on(role, node) && lease_guards(model, role, node))
                        volumes |= role->leases;
        return volumes;
}

/* One is enough: the node runs the role by its leases only while all of them stand. */
bool lease_evidence_covers(const struct model *model, const struct role *role, uint32_t node,
                           uint64_t expired)
{
        return !lease_guards(model, role, node) || (role->leases & expired) != 0 ||
               MUTATED(EXPIRY_WITHOUT_LEASE);
}

/* It said so of all that was here then. What is on its way to it may have come since. */
bool lease_release_covers(const struct role *role, uint32_t node, uint64_t released)
{
        bool was_here = role->owner == node || MUTATED(RELEASED_BEFORE_AN_ARRIVAL);
        return was_here && ((role->leases & released) != 0 || MUTATED(RELEASED_PROVES_ALL_ROLES));
}

bool lease_release_is_of_use(const struct model *model, uint32_t node, uint64_t released)
{
        MODEL_EACH_ROLE (model, role)
                if (role_may_run_on(role, node) && released != 0 &&
                    lease_release_covers(role, node, released))
                        return true;
        return false;
}

bool lease_evidence_is_of_use(const struct model *model, uint32_t node, uint64_t expired)
{
        bool runs_something = false;
        MODEL_EACH_ROLE (model, role) {
                if (role_is_exported_by(role, node))
                        return true; /* which needs contact */
                if (!role_may_run_on(role, node))
                        continue;
                if (lease_evidence_covers(model, role, node, expired))
                        return true;
                runs_something = true;
        }
        return !runs_something;
}
