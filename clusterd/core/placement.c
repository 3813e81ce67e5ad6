/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/placement.h"

#include <assert.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/role_state.h"

void placement_load_add(struct placement_load *load, uint32_t node, const struct role *role)
{
        load->used_mib[node] += role->memory_mib;
}

void placement_load_read(const struct model *model, struct placement_load *ret_load)
{
        memset(ret_load, 0, sizeof *ret_load);
        MODEL_EACH_ROLE (model, role) {
                if (role_occupies(role, role->owner))
                        placement_load_add(ret_load, role->owner, role);
                if (role->target != role->owner && role_occupies(role, role->target))
                        placement_load_add(ret_load, role->target, role);
        }
}

static bool is_possible(const struct role *role, uint32_t node)
{
        return role->possible == 0 || node_set_has(role->possible, node);
}

static bool is_open(const struct node *node)
{
        return node->state == NODE_UP && node->duty == DUTY_ACTIVE;
}

/* Those with a direct path to every volume of the role. One that is worked on, or proven after that, is
 * nobody's. */
static node_set reaching_nodes(const struct model *model, const struct role *role)
{
        node_set nodes = ~UINT64_C(0);
        NODE_SET_EACH (MUTATED(PLACED_WITHOUT_PATH) ? 0 : role->volumes, id) {
                const struct volume *volume = &model->volumes[id];
                bool is_open = volume->state == VOLUME_READY || MUTATED(PLACED_IN_MAINTENANCE);
                nodes &= is_open ? volume->paths[PATH_DIRECT] : 0;
        }
        return nodes;
}

node_set placement_open_nodes(const struct model *model, const struct role *role)
{
        node_set nodes = 0, reaching = reaching_nodes(model, role);
        MODEL_EACH_NODE (model, node)
                if (is_open(node) && is_possible(role, node->id) && node_set_has(reaching, node->id))
                        nodes |= node_set_of(node->id);
        return nodes;
}

static uint64_t free_mib(const struct node *node, const struct placement_load *load)
{
        uint64_t used = load->used_mib[node->id];
        return used >= node->memory_mib ? 0 : node->memory_mib - used;
}

/* Verdict without words: what the search asks of each node. */
static enum placement_verdict check(const struct role *role, const struct placement_load *load,
                                    node_set reaching, const struct node *node)
{
        if (node->state != NODE_UP)
                return PLACEMENT_NODE_AWAY;
        if (node->duty != DUTY_ACTIVE)
                return PLACEMENT_NODE_CLOSED;
        if (!is_possible(role, node->id))
                return PLACEMENT_NOT_POSSIBLE;
        if (!node_set_has(reaching, node->id))
                return PLACEMENT_NO_PATH;
        if (free_mib(node, load) < role->memory_mib)
                return PLACEMENT_NO_MEMORY;
        return PLACEMENT_FOUND;
}

static void explain_path(const struct model *model, const struct role *role, const struct node *node,
                         char reason[REASON_BYTES])
{
        NODE_SET_EACH (role->volumes, id) {
                const struct volume *volume = &model->volumes[id];
                enum path_state state = volume_path(volume, node->id);
                if (volume->state != VOLUME_READY) {
                        (void)snprintf(reason, REASON_BYTES, "%s cannot have volume %s: it is %s", node->name,
                                       volume->name,
                                       volume->state == VOLUME_PROVING ? "being proven" : "in maintenance");
                        return;
                }
                if (state == PATH_DIRECT)
                        continue;
                (void)snprintf(reason, REASON_BYTES, "%s has no path to volume %s: %s", node->name,
                               volume->name, path_state_explain(state));
                return;
        }
}

enum placement_verdict placement_check(const struct model *model, const struct role *role,
                                       const struct placement_load *load, uint32_t id,
                                       char reason[REASON_BYTES])
{
        const struct node *node = model_node(model, id);
        if (node == NULL) {
                (void)snprintf(reason, REASON_BYTES, "there is no node with id %u", id);
                return PLACEMENT_NODE_UNKNOWN;
        }
        enum placement_verdict verdict = check(role, load, reaching_nodes(model, role), node);
        switch (verdict) {
        case PLACEMENT_NODE_AWAY:
                (void)snprintf(reason, REASON_BYTES, "%s is %s", node->name, node_state_name(node->state));
                break;
        case PLACEMENT_NODE_CLOSED:
                (void)snprintf(reason, REASON_BYTES, "%s is %s: %s it first", node->name,
                               node_duty_name(node->duty),
                               node->duty == DUTY_QUARANTINED ? "release" : "resume");
                break;
        case PLACEMENT_NOT_POSSIBLE:
                (void)snprintf(reason, REASON_BYTES, "%s is not among the role's possible owners",
                               node->name);
                break;
        case PLACEMENT_NO_PATH:
                explain_path(model, role, node, reason);
                break;
        case PLACEMENT_NO_MEMORY:
                (void)snprintf(reason, REASON_BYTES, "%s has %llu MiB free, the role needs %u", node->name,
                               (unsigned long long)free_mib(node, load), role->memory_mib);
                break;
        case PLACEMENT_FOUND:
        case PLACEMENT_NODE_UNKNOWN:
        case PLACEMENT_NO_CANDIDATE:
                break;
        }
        return verdict;
}

/* Lower is better; PREFERRED_MAX when not preferred. */
static uint32_t preference(const struct role *role, uint32_t node)
{
        for (uint32_t i = 0; i < PREFERRED_MAX && role->preferred[i] != NODE_NONE; i++)
                if (role->preferred[i] == node)
                        return i;
        return PREFERRED_MAX;
}

static bool is_better(const struct role *role, const struct placement_load *load, const struct node *a,
                      const struct node *b)
{
        bool a_tried = node_set_has(role->tried, a->id), b_tried = node_set_has(role->tried, b->id);
        if (a_tried != b_tried)
                return b_tried;
        uint32_t a_rank = preference(role, a->id), b_rank = preference(role, b->id);
        if (a_rank != b_rank)
                return a_rank < b_rank;
        uint64_t a_free = free_mib(a, load), b_free = free_mib(b, load);
        if (a_free != b_free)
                return a_free > b_free;
        return strcmp(a->name, b->name) < 0;
}

static void explain_none(const struct model *model, const struct role *role,
                         const struct placement_load *load, node_set except, char reason[REASON_BYTES])
{
        int used = snprintf(reason, REASON_BYTES, "no node can take it");
        MODEL_EACH_NODE (model, node) {
                char why[REASON_BYTES] = "";
                if (node_set_has(except, node->id))
                        continue;
                if (placement_check(model, role, load, node->id, why) == PLACEMENT_FOUND)
                        continue;
                if (used < 0 || used >= REASON_BYTES)
                        return;
                used += snprintf(reason + used, REASON_BYTES - (size_t)used, "; %s", why);
        }
}

static void explain_choice(const struct role *role, const struct placement_load *load,
                           const struct node *best, uint32_t candidates, char reason[REASON_BYTES])
{
        uint32_t rank = preference(role, best->id);
        if (candidates == 1)
                (void)snprintf(reason, REASON_BYTES, "%s: the only node that can take it", best->name);
        else if (rank < PREFERRED_MAX)
                (void)snprintf(reason, REASON_BYTES, "%s: preferred owner %u, of %u candidates", best->name,
                               rank + 1, candidates);
        else
                (void)snprintf(reason, REASON_BYTES, "%s: most free memory (%llu MiB) of %u candidates",
                               best->name, (unsigned long long)free_mib(best, load), candidates);
}

enum placement_verdict placement_choose(const struct model *model, const struct role *role,
                                        const struct placement_load *load, node_set except,
                                        uint32_t *ret_node, char reason[REASON_BYTES])
{
        const struct node *best = NULL;
        uint32_t candidates = 0;
        node_set reaching = reaching_nodes(model, role);
        MODEL_EACH_NODE (model, node) {
                if (node_set_has(except, node->id) || check(role, load, reaching, node) != PLACEMENT_FOUND)
                        continue;
                candidates++;
                if (best == NULL || is_better(role, load, node, best))
                        best = node;
        }
        if (best == NULL) {
                explain_none(model, role, load, except, reason);
                return PLACEMENT_NO_CANDIDATE;
        }
        explain_choice(role, load, best, candidates, reason);
        *ret_node = best->id;
        return PLACEMENT_FOUND;
}
