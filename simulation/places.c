/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Where a role could be, reckoned from the committed history without the core's placement; and whether what
 * the core says of a role that waits is true.
 */

#include <inttypes.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/core/explain.h"
#include "clusterd/core/role_state.h"
#include "simulation/places.h"

#define FALSE(...)                                                                                           \
        do {                                                                                                 \
                (void)snprintf(text, text_bytes, __VA_ARGS__);                                               \
                return false;                                                                                \
        } while (0)

/* Its memory is taken there: it runs, may run, or is on its way. */
static bool takes_memory(const struct role *role, uint32_t node)
{
        switch (role->state) {
        case ROLE_STARTING:
        case ROLE_ONLINE:
        case ROLE_STOPPING:
                return role->owner == node;
        case ROLE_MOVING:
                return role->owner == node || role->target == node;
        case ROLE_RECOVERING:
                return role->owner == node && role->owner_evidence.kind == EVIDENCE_NONE;
        case ROLE_OFFLINE:
        case ROLE_FAILED:
        case ROLE_STATE_COUNT:
                break;
        }
        return false;
}

static uint64_t memory_left(const struct model *model, const struct node *node)
{
        uint64_t taken = 0;
        MODEL_EACH_ROLE (model, role)
                if (takes_memory(role, node->id))
                        taken += role->memory_mib;
        return taken < node->memory_mib ? node->memory_mib - taken : 0;
}

static bool is_allowed(const struct role *role, uint32_t node)
{
        return role->possible == 0 || (role->possible & node_set_of(node)) != 0;
}

/* Every volume that it has a disk on is there. */
static bool is_reached(const struct model *model, const struct role *role, uint32_t node)
{
        MODEL_EACH_VOLUME (model, volume)
                if (node_set_has(role->volumes, volume->id) &&
                    (volume->state != VOLUME_READY || volume_path(volume, node) != PATH_DIRECT))
                        return false;
        return true;
}

bool places_has(const struct model *model, const struct role *role, node_set except)
{
        MODEL_EACH_NODE (model, node)
                if (!node_set_has(except, node->id) && node->state == NODE_UP && node->duty == DUTY_ACTIVE &&
                    is_allowed(role, node->id) && is_reached(model, role, node->id) &&
                    memory_left(model, node) >= role->memory_mib)
                        return true;
        return false;
}

node_set places_unproven(const struct role *role)
{
        node_set nodes = 0;
        if (role->state == ROLE_RECOVERING && role->owner_evidence.kind == EVIDENCE_NONE)
                nodes |= node_set_of(role->owner);
        if (role->state == ROLE_MOVING && role->owner_end == MOVE_END_UNKNOWN)
                nodes |= node_set_of(role->owner);
        if (role->state == ROLE_MOVING && role->target_end == MOVE_END_UNKNOWN)
                nodes |= node_set_of(role->target);
        return nodes;
}

/* It may run there by leases that the node has told of. */
bool places_is_leased(const struct model *model, const struct role *role, uint32_t node)
{
        uint64_t told = 0;
        MODEL_EACH_VOLUME (model, volume)
                if (node_set_has(volume->leases, node))
                        told |= node_set_of(volume->id);
        return role->leases != 0 && (role->leases & told) == role->leases;
}

bool places_can_be_fenced(const struct model *model, uint32_t node)
{
        for (uint32_t level = 1; level <= FENCE_LEVELS_MAX; level++) {
                uint32_t devices = 0, together = 1;
                MODEL_EACH_FENCE_DEVICE (model, device) {
                        if (device->level != level || !node_set_has(device->targets, node))
                                continue;
                        devices++;
                        together = device->together > together ? device->together : together;
                }
                if (devices >= together)
                        return true;
        }
        return false;
}

/* --- sentences --- */

static bool begins(const char **at, const char *words)
{
        size_t length = strlen(words);
        if (strncmp(*at, words, length) != 0)
                return false;
        *at += length;
        return true;
}

/* "csv1: it does not answer" */
static bool no_path_is_true(const struct model *model, const struct role *role, uint32_t node, const char *at)
{
        char name[NAME_BYTES];
        size_t length = strcspn(at, ":");
        text_copy(name, length + 1 < sizeof(name) ? length + 1 : sizeof(name), at);
        const struct volume *volume = model_volume(model, name);
        enum path_state path = volume == NULL ? PATH_DIRECT : volume_path(volume, node);
        return path != PATH_DIRECT && node_set_has(role->volumes, volume->id) &&
               strncmp(at + length, ": ", 2) == 0 && text_equal(at + length + 2, path_state_explain(path));
}

/* "csv1: it is in maintenance" */
static bool closed_volume_is_true(const struct model *model, const struct role *role, const char *at)
{
        char name[NAME_BYTES];
        size_t length = strcspn(at, ":");
        text_copy(name, length + 1 < sizeof(name) ? length + 1 : sizeof(name), at);
        const struct volume *volume = model_volume(model, name);
        return volume != NULL && node_set_has(role->volumes, volume->id) &&
               ((volume->state == VOLUME_MAINTENANCE && text_equal(at + length, ": it is in maintenance")) ||
                (volume->state == VOLUME_PROVING && text_equal(at + length, ": it is being proven")));
}

/* "n1 is lost", "n2 has 5 MiB free, the role needs 256": what keeps a role from one node. */
static bool clause_is_true(const struct model *model, const struct role *role, const char *clause,
                           node_set *named, char *text, size_t text_bytes)
{
        char name[NAME_BYTES];
        unsigned long long left;
        unsigned needs;
        text_copy(name, strcspn(clause, " ") + 1 < sizeof(name) ? strcspn(clause, " ") + 1 : sizeof(name),
                  clause);
        const struct node *node = model_node_by_name(model, name);
        if (node == NULL)
                FALSE("'%s' speaks of no node", clause);
        *named |= node_set_of(node->id);
        const char *at = clause + strlen(name);
        bool is_true = false;
        if (begins(&at, " is not among the role's possible owners"))
                is_true = !is_allowed(role, node->id);
        else if (begins(&at, " has no path to volume "))
                is_true = no_path_is_true(model, role, node->id, at);
        else if (begins(&at, " cannot have volume "))
                is_true = closed_volume_is_true(model, role, at);
        else if (sscanf(at, " has %llu MiB free, the role needs %u", &left, &needs) == 2)
                is_true = memory_left(model, node) == left && role->memory_mib == needs && left < needs;
        else if (begins(&at, " is lost"))
                is_true = node->state == NODE_LOST;
        else if (begins(&at, " is down"))
                is_true = node->state == NODE_DOWN;
        else if (begins(&at, " is draining: resume it first"))
                is_true = node->duty == DUTY_DRAINING;
        else if (begins(&at, " is drained: resume it first"))
                is_true = node->duty == DUTY_DRAINED;
        else if (begins(&at, " is quarantined: release it first"))
                is_true = node->duty == DUTY_QUARANTINED;
        if (!is_true)
                FALSE("'%s' is not so", clause);
        return true;
}

static bool no_place_is_true(const struct model *model, const struct role *role, node_set except,
                             const char *shown, char *text, size_t text_bytes)
{
        char sentence[REASON_BYTES];
        bool is_cut = strlen(shown) + 1 >= REASON_BYTES; /* its last clause may be half */
        node_set named = except;
        TEXT_COPY(sentence, shown);
        for (char *at = strstr(sentence, "; "); at != NULL;) {
                char *next = strstr(at + 2, "; ");
                if (next != NULL)
                        *next = '\0';
                else if (is_cut)
                        return true;
                if (!clause_is_true(model, role, at + 2, &named, text, text_bytes))
                        return false;
                at = next;
        }
        MODEL_EACH_NODE (model, node)
                if (!is_cut && !node_set_has(named, node->id))
                        FALSE("'%s' says nothing of %s", shown, node->name);
        return true;
}

/* "no proof yet that n1 runs it no more; ..." */
static bool waits_for_export(const struct role *role)
{
        return role->redirect.state != REDIRECT_NONE && role_possible_runners(role) == 0;
}

static bool no_proof_is_true(const struct model *model, const struct role *role, const char *at, char *text,
                             size_t text_bytes)
{
        char name[NAME_BYTES];
        const char *shown = at;
        size_t length = strcspn(at, " ");
        text_copy(name, length + 1 < sizeof(name) ? length + 1 : sizeof(name), at);
        const struct node *node = model_node_by_name(model, name);
        at += length;
        bool left_behind = role->state == ROLE_MOVING && role->owner_end == MOVE_END_RUNNING &&
                           role->target_end == MOVE_END_RUNNING;
        node_set runners = places_unproven(role) | (left_behind ? node_set_of(role->owner) : 0);
        bool exports = waits_for_export(role) && role->redirect.exporter == (node == NULL ? 0 : node->id) &&
                       begins(&at, " writes for it no more; ");
        if (node == NULL ||
            (!exports && (!node_set_has(runners, node->id) || !begins(&at, " runs it no more; "))))
                FALSE("'%s' speaks of nobody who may run it", shown);
        bool leased = !exports && places_is_leased(model, role, node->id);
        bool reserved = !exports && role->reserved != 0;
        bool releases = leased && role->owner == node->id && model->settings.resiliency_ms != 0;
        bool fenced = places_can_be_fenced(model, node->id), lost = node->state == NODE_LOST, is_true = false;
        if (begins(&at, "it is up and has to say so itself"))
                is_true = node->state == NODE_UP;
        else if (begins(&at, "its fence devices are being tried"))
                is_true = lost && fenced;
        else if (begins(&at, "its guard and its lease have to expire"))
                is_true = lost && !fenced && node->watchdog && !node->fence_wanted && leased;
        else if (begins(&at, "its guard has to expire"))
                is_true = lost && !fenced && node->watchdog && !node->fence_wanted && !leased;
        else if (begins(&at, "its keys on the targets of the role have to be taken away"))
                is_true = lost && !fenced && !node->watchdog && !node->fence_wanted && reserved;
        else if (begins(&at, "it may give its lease up when it is asked; is it off? then say: clu node "
                             "confirm-off"))
                is_true = lost && !fenced && !node->watchdog && !node->fence_wanted && releases;
        else if (begins(&at, "is it off? then say: clu node confirm-off"))
                is_true = lost && !fenced &&
                          ((!node->watchdog && !reserved && !releases) || node->fence_wanted ||
                           node->forced_out);
        if (!is_true)
                FALSE("'%s' is not so: it is %s", shown, node_state_name(node->state));
        return true;
}

bool places_reason_is_true(const struct model *model, const struct role *role, char *text, size_t text_bytes)
{
        char shown[REASON_BYTES] = "";
        const char *at = shown;
        node_set leaving = role->state == ROLE_ONLINE ? node_set_of(role->owner) : 0;
        if (!role_explain_wait(model, role, shown))
                FALSE("no reason is shown");
        if (begins(&at, "failover is paused: clu cluster resume ends it")) {
                if (model->settings.pause_ms == 0)
                        FALSE("it is said that failover is paused, and it is not");
                return true;
        }
        if (begins(&at, "the quorum was forced without ")) {
                if (model_unproven(model) == 0)
                        FALSE("it is said that somebody who was forced out is unproven, and nobody is");
                return true;
        }
        if (begins(&at, "it stands still on ")) {
                if (role->state != ROLE_ONLINE || role->stall.index == 0)
                        FALSE("it is said to stand still, and it has not stalled");
                return true;
        }
        if (begins(&at, "no proof yet that "))
                return no_proof_is_true(model, role, at, text, text_bytes);
        if (!begins(&at, "no node can take it"))
                FALSE("nobody can tell whether '%s' is true", shown);
        return no_place_is_true(model, role, leaving, shown, text, text_bytes);
}
