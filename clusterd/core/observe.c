/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <assert.h>
#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"

/*
 * What hypervisor and agents say is here, kept per role.
 *
 * "Absent" is only believed (confirmed) when an operation of ours ended so, or
 * when a listing says so that was asked after the last change: a word that
 * was on its way may be older than what we know. A listing that failed says
 * nothing. Source: field complaints 2 to 5.
 */

#define LIST_EVERY_MS    10000
#define LIST_AGAIN_MS    200 /* between two listings, at least */
#define LIST_PATIENCE_MS 15000
#define STOP_AGAIN_MS    500 /* a lapsed guard has two seconds: this leaves it some tries */

bool observation_is_present(enum observation observation)
{
        return observation == OBSERVED_INCOMING || observation == OBSERVED_OUTGOING ||
               observation == OBSERVED_PAUSED || observation == OBSERVED_RUNNING ||
               (observation == OBSERVED_STALLED && !MUTATED(STALLED_IS_ABSENT));
}

bool observation_is_live(enum observation observation)
{
        return observation == OBSERVED_RUNNING || observation == OBSERVED_STALLED;
}

bool observe_counts(const struct local_role *local)
{
        return observation_is_present(local->observation) ||
               ((local->operation == OPERATION_START || local->unresolved) &&
                !MUTATED(GUARD_ARMED_AFTER_START));
}

static void recount(struct cluster *cluster, bool before, const struct local_role *local)
{
        bool after = observe_counts(local);
        if (after != before)
                cluster->leased_known = false;
        if (after && !before)
                cluster->present_count++;
        if (before && !after) {
                assert(cluster->present_count > 0);
                cluster->present_count--;
        }
}

static void set_observation(struct cluster *cluster, uint32_t slot, enum observation observation,
                            bool confirmed)
{
        struct local_role *local = &cluster->local[slot];
        bool before = observe_counts(local);
        bool present = observation_is_present(observation);
        if (!present &&
            (observation != OBSERVED_ABSENT_UNKNOWN || observation_is_present(local->observation)))
                local->hint = observation;
        if (present)
                local->stopped_by_guard = local->stopped_paused = false;
        if (present && !observation_is_present(local->observation))
                local->seen_ms = cluster->now_ms;
        local->observation = observation;
        local->in_doubt = false;
        local->confirmed = !present && confirmed;
        recount(cluster, before, local);
        slot_list_add(&cluster->attention, slot);
}

void observe_begin(struct cluster *cluster, struct local_role *local, enum operation operation)
{
        bool before = observe_counts(local);
        local->operation = operation;
        local->stamp = cluster->listings;
        local->confirmed = false;
        recount(cluster, before, local);
}

static struct local_role *find(struct cluster *cluster, const char *name, uint32_t *ret_slot)
{
        const struct role *role = model_role(cluster->model, name);
        if (role == NULL)
                return NULL;
        *ret_slot = role_slot(cluster, role);
        return &cluster->local[*ret_slot];
}

/*
 * Who is not level may have been told to run what its ledger does not know yet: it was applied, and lost with
 * the daemon before it was stored, or a snapshot is on its way. Whoever is level knows: it is somebody
 * else's.
 */
void observe_strange(struct cluster *cluster)
{
        if (round_is_active(cluster) || MUTATED(GUARD_DISARMED_UNKNOWING))
                return;
        cluster->list_strange = true;
        cluster->unsurveyed |= cluster->identity.guard_armed;
}

static void note_strange(struct cluster *cluster, enum observation observation)
{
        if (observation_is_present(observation))
                observe_strange(cluster);
}

/* What is seen may be of the first of several starts, and end before the next comes true. */
static void end_doubt_when_seen(struct cluster *cluster, struct local_role *local,
                                enum observation observation)
{
        bool before = observe_counts(local);
        local->unresolved &= !(observation_is_present(observation) && MUTATED(DOUBT_ENDS_WHEN_SEEN));
        recount(cluster, before, local);
}

/* That its disk has failed does not say that its move has ended: a listing does. */
static bool may_be_leaving(const struct cluster *cluster, uint32_t slot)
{
        const struct role *role = &cluster->model->roles[slot];
        return role->state == ROLE_MOVING && role->owner == cluster->identity.node &&
               !MUTATED(STALLED_HAS_STAYED);
}

void observe_observed(struct cluster *cluster, const struct cluster_event *event)
{
        uint32_t slot = 0;
        struct local_role *local = find(cluster, event->observed.role, &slot);
        if (local == NULL)
                note_strange(cluster, event->observed.observation);
        if (local == NULL || local->operation != OPERATION_NONE)
                return; /* the operation's end will say */
        enum observation seen = event->observed.observation;
        if (seen == OBSERVED_STALLED && may_be_leaving(cluster, slot))
                seen = OBSERVED_OUTGOING;
        local->stamp = cluster->listings;
        end_doubt_when_seen(cluster, local, seen);
        TEXT_COPY(local->text, event->observed.text);
        local->duration_ms = 0; /* those were of an operation */
        local->downtime_ms = 0;
        set_observation(cluster, slot, seen, false);
        if (!observation_is_present(seen) || seen == OBSERVED_OUTGOING)
                cluster->list_wanted = true;
}

void observe_forget_role(struct cluster *cluster, uint32_t slot)
{
        struct local_role *local = &cluster->local[slot];
        struct local_role nothing = { .operation = OPERATION_NONE };
        /* Who is not level may know of an earlier role of that name, and what is here is a later one's. */
        if (observe_counts(local) && !round_is_active(cluster) && !MUTATED(GUARD_DISARMED_UNKNOWING)) {
                cluster->unsurveyed |= cluster->guard_armed;
                cluster->list_wanted = true;
        }
        recount(cluster, observe_counts(local), &nothing);
        redirect_forget_role(cluster, slot);
        cluster->expected_count -= local->expected;
        cluster->arriving -= local->arriving;
        cluster->asking -= local->asked != 0;
        *local = nothing;
}

/* By which generation the guest that is here was first seen; by a ledger that is level. */
void observe_note_generation(const struct role *role, struct local_role *local)
{
        if (!observation_is_present(local->observation))
                local->here_by = 0;
        else if (local->here_by == 0)
                local->here_by = role->generation;
}

/* Proven off without being off, as by reservations: its role has run elsewhere since. */
bool observe_is_left_behind(const struct role *role, const struct local_role *local)
{
        return local->here_by < role->started && !MUTATED(LEFT_BEHIND_IS_STARTED);
}

/* A listing asked before may name the guest of an earlier role of that name. */
void observe_role_added(struct cluster *cluster, uint32_t slot)
{
        cluster->local[slot].stamp = cluster->listings;
        cluster->list_wanted = true;
}

static bool is_doubted(const struct doubts *doubts, const char *name)
{
        for (uint32_t i = 0; i < doubts->count; i++)
                if (text_equal(doubts->role[i], name))
                        return true;
        return doubts->all;
}

/* A snapshot changes what a slot means, and not what the hypervisor was asked for. */
static void keep_doubts(struct cluster *cluster)
{
        struct doubts *doubts = &cluster->doubts;
        for (uint32_t slot = 0; slot < cluster->model->roles_used && !MUTATED(DOUBTS_FORGOTTEN); slot++) {
                const struct local_role *local = &cluster->local[slot];
                const char *name = cluster->model->roles[slot].name;
                if ((!local->unresolved && local->operation != OPERATION_START) || is_doubted(doubts, name))
                        continue;
                if (doubts->count == DOUBTS_MAX)
                        doubts->all = true;
                else
                        TEXT_COPY(doubts->role[doubts->count++], name);
        }
}

void observe_doubt(struct cluster *cluster, uint32_t slot)
{
        struct local_role *local = &cluster->local[slot];
        bool before = observe_counts(local);
        local->unresolved |= is_doubted(&cluster->doubts, cluster->model->roles[slot].name);
        recount(cluster, before, local);
}

void observe_snapshot_ended(struct cluster *cluster)
{
        cluster->doubts.count = 0;
        cluster->doubts.all = false;
}

void observe_forget(struct cluster *cluster)
{
        uint32_t roles_max = cluster->model->roles_max;
        keep_doubts(cluster);
        memset(cluster->local, 0, roles_max * sizeof *cluster->local);
        memset(cluster->planned, 0, roles_max * sizeof *cluster->planned);
        slot_list_clear(&cluster->attention);
        slot_list_clear(&cluster->later);
        cluster->unsurveyed |= cluster->guard_armed && !MUTATED(GUARD_DISARMED_BY_SNAPSHOT);
        cluster->present_count = 0;
        cluster->exports = 0;
        cluster->expected_count = 0;
        cluster->arriving = 0;
        cluster->asking = 0;
        cluster->list_running = false; /* what it says would go to the wrong slots */
        cluster->listings++;
        cluster->list_wanted = true;
}

/* Whoever the list did not name is absent, unless we know something newer. */
static void conclude_listing(struct cluster *cluster, uint64_t listing)
{
        for (uint32_t slot = 0; slot < cluster->model->roles_used; slot++) {
                struct local_role *local = &cluster->local[slot];
                bool present = observation_is_present(local->observation);
                if (cluster->model->roles[slot].name[0] == '\0' || local->operation != OPERATION_NONE ||
                    (local->stamp >= listing && !MUTATED(ABSENT_BY_OLD_LISTING)) ||
                    local->listed == listing || local->confirmed)
                        continue;
                set_observation(cluster, slot, present ? OBSERVED_ABSENT_UNKNOWN : local->observation, true);
        }
}

/* Half a snapshot does not say what is on its way here. */
static bool is_being_replaced(const struct cluster *cluster)
{
        return cluster->ledger.blank && !MUTATED(GUARD_DISARMED_BY_SNAPSHOT);
}

void observe_listed(struct cluster *cluster, const struct cluster_event *event)
{
        if (event->listed.listing == 0) { /* unasked: something happened to the hypervisor's daemon */
                cluster->list_wanted = true;
                return;
        }
        if (event->listed.listing != cluster->listings)
                return;
        if (event->listed.failed && !MUTATED(ABSENT_BY_FAILED_LISTING)) {
                cluster->list_running = false;
                cluster->list_wanted = true;
                cluster->list_ms =
                        cluster->now_ms + 2000 - LIST_AGAIN_MS; /* "I could not ask": again in 2 s */
                return;
        }
        if (event->listed.end || (event->listed.failed && MUTATED(ABSENT_BY_FAILED_LISTING))) {
                cluster->list_running = false;
                cluster->unsurveyed &= cluster->list_strange || is_being_replaced(cluster);
                conclude_listing(cluster, event->listed.listing);
                return;
        }
        if (event->listed.export) {
                redirect_listed(cluster, event->listed.role);
                return;
        }
        uint32_t slot = 0;
        struct local_role *local = find(cluster, event->listed.role, &slot);
        if (local == NULL) {
                note_strange(cluster, event->listed.observation);
                return;
        }
        local->listed = event->listed.listing;
        if (local->operation != OPERATION_NONE || local->stamp >= event->listed.listing) {
                if (!observe_counts(local))
                        note_strange(cluster, event->listed.observation);
                return;
        }
        end_doubt_when_seen(cluster, local, event->listed.observation);
        if (event->listed.observation == OBSERVED_STALLED)
                TEXT_COPY(local->text, event->listed.text);
        if (event->listed.observation != local->observation || local->in_doubt)
                set_observation(cluster, slot, event->listed.observation, false);
}

void observe_operation_done(struct cluster *cluster, const struct cluster_event_operation *done)
{
        uint32_t slot = 0;
        struct local_role *local = find(cluster, done->role, &slot);
        if (local == NULL || local->operation != done->operation)
                return;
        bool before = observe_counts(local);
        local->operation = OPERATION_NONE;
        local->stamp = cluster->listings;
        local->duration_ms = done->duration_ms;
        local->downtime_ms = done->downtime_ms;
        /*
         * A start whose end nobody knows may come true later. What ends that doubt is a later operation of
         * ours, for it waits until the starts before it have ended: see clusterd/io/hypervisor.h.
         */
        if (done->operation == OPERATION_START && done->result == OPERATION_UNKNOWN)
                local->unresolved = !MUTATED(START_UNRESOLVED);
        else if (done->operation == OPERATION_START
                         ? observation_is_present(done->observation)
                         : done->result == OPERATION_SUCCEEDED &&
                                   (done->operation == OPERATION_STOP || done->operation == OPERATION_MOVE))
                local->unresolved = false;
        recount(cluster, before, local);
        if (done->operation != OPERATION_STOP || done->result != OPERATION_SUCCEEDED)
                TEXT_COPY(local->text, done->text);
        if (done->operation == OPERATION_STOP &&
            (done->result == OPERATION_UNKNOWN || observation_is_present(done->observation)))
                local->stop_again_ms = cluster->now_ms + STOP_AGAIN_MS;
        cluster->list_wanted = true; /* a word that we ignored meanwhile is made up for */
        slot_list_add(&cluster->attention, slot);
        if (done->result == OPERATION_UNKNOWN) {
                /* A stop may have cut into a move. */
                local->in_doubt = done->operation != OPERATION_START && !MUTATED(MOVE_IN_DOUBT);
                local->report.not_before_ms = cluster->now_ms + 2000;
                return;
        }
        /* That it shut itself down when we stopped it is not what somebody inside wanted. */
        bool obeyed = done->operation == OPERATION_STOP && done->observation == OBSERVED_ABSENT_SHUTDOWN;
        set_observation(cluster, slot, obeyed ? OBSERVED_ABSENT_UNKNOWN : done->observation, true);
        if (done->operation == OPERATION_START && !observation_is_present(done->observation))
                local->start_failed = done->generation;
}

void observe_tick(struct cluster *cluster)
{
        if (cluster->list_running && cluster->now_ms >= cluster->list_ms + LIST_PATIENCE_MS)
                cluster->list_running = false;
        if (!cluster->loaded || cluster->list_running) {
                wake_at(cluster, cluster->list_running ? cluster->list_ms + LIST_PATIENCE_MS : TIME_NEVER);
                return;
        }
        uint64_t due = cluster->list_ms + (cluster->list_wanted ? LIST_AGAIN_MS : LIST_EVERY_MS);
        if (cluster->listings != 0 && cluster->now_ms < due) {
                wake_at(cluster, due);
                return;
        }
        cluster->list_wanted = false;
        cluster->list_strange = false;
        cluster->list_running = true;
        cluster->list_ms = cluster->now_ms;
        action_add(cluster, CLUSTER_ACTION_LIST, "what runs here?")->listing = ++cluster->listings;
        wake_at(cluster, cluster->now_ms + LIST_PATIENCE_MS);
}
