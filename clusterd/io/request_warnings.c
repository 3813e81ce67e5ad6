/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "clusterd/base/text.h"
#include "clusterd/core/fence_level.h"

/* What an operator should look at, as `clu cluster status` says it. */

static void __attribute__((format(printf, 2, 3))) warn(json_t *warnings, const char *format, ...)
{
        char text[SILENCE_BYTES + NAME_BYTES + 64];
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        json_array_append_new(warnings, document_text(text));
}

static void warn_of_levels(json_t *warnings, const struct model *model, const struct node *node)
{
        for (uint32_t number = 1; number <= FENCE_LEVELS_MAX; number++) {
                struct fence_level level = fence_level_read(model, node->id, number);
                if (level.devices > 0 && level.devices < level.needed)
                        warn(warnings, "fence level %u of %s needs %u devices and has %u: it is not used",
                             number, node->name, level.needed, level.devices);
        }
}

static void warn_of_agents(json_t *warnings, const struct request *request, const struct node *node)
{
        json_t *missing = document_agents_missing(request, node), *agent;
        size_t at;
        json_array_foreach(missing, at, agent)
                warn(warnings, "%s lacks the fence agent %s, and needs it should it lead: install it",
                     node->name, json_string_value(agent));
        json_decref(missing);
}

static void warn_of_node(json_t *warnings, const struct request *request, const struct node *node)
{
        const struct model *model = request->model;
        if (!node->watchdog && fence_level_after(model, node->id, 0) == 0)
                warn(warnings,
                     "%s has no fence device and no watchdog: guard-expired cannot be used, so its roles "
                     "would wait for clu node confirm-off, unless all their disks are LUNs of volumes",
                     node->name);
        else if (!node->watchdog)
                warn(warnings,
                     "%s has no watchdog: while its fence devices fail, its roles wait for them, or for clu "
                     "node confirm-off",
                     node->name);
        warn_of_levels(warnings, model, node);
        warn_of_agents(warnings, request, node);
        if (node->duty == DUTY_QUARANTINED)
                warn(warnings,
                     "%s is quarantined and takes no roles: clu node show tells why, clu node release "
                     "ends it",
                     node->name);
        if (node->state == NODE_LOST)
                warn(warnings, "%s is lost and its roles wait for evidence: %s", node->name, node->reason);
}

static void warn_of_loss(json_t *warnings, const struct model *model, const struct volume *volume,
                         enum path_state state)
{
        uint32_t first = NODE_NONE, count = 0;
        char others[32] = "";
        MODEL_EACH_NODE (model, node)
                if (node->state == NODE_UP && volume_path(volume, node->id) == state && count++ == 0)
                        first = node->id;
        if (count > 1)
                TEXT_PRINT(others, " and %u other%s", count - 1, count > 2 ? "s" : "");
        if (count > 0)
                warn(warnings, "volume %s is lost on %s%s: %s", volume->name, model_node_name(model, first),
                     others, path_state_explain(state));
}

static void warn_of_volume(json_t *warnings, const struct request *request, const struct volume *volume)
{
        char space[SCARCITY_BYTES];
        if (explain_scarcity(request, volume, space))
                warn(warnings, "volume %s: %s", volume->name, space);
        for (enum path_state state = 0; state < PATH_STATE_COUNT; state++)
                if (path_state_is_lost(state))
                        warn_of_loss(warnings, request->model, volume, state);
}

void explain_silence(const struct model *model, const struct role *role, char text[SILENCE_BYTES])
{
        const char *owner = model_node_name(model, role->owner);
        text[0] = '\0';
        if (role->state != ROLE_ONLINE || role->redirect.state != REDIRECT_NONE)
                return;
        NODE_SET_EACH (role->volumes, id) {
                const struct volume *volume = model_volume_by_id(model, id);
                if (volume != NULL && volume_path(volume, role->owner) == PATH_HANGS)
                        (void)snprintf(text, SILENCE_BYTES,
                                       "volume %s does not answer on %s: what was sent there may be written "
                                       "yet, so it goes on when that answers, or elsewhere when %s is off "
                                       "(clu node fence %s)",
                                       volume->name, owner, owner, owner);
        }
}

/* False if it is well. */
static bool warn_of_role(json_t *warnings, const struct model *model, const struct role *role)
{
        char silence[SILENCE_BYTES];
        explain_silence(model, role, silence);
        if (role->state == ROLE_FAILED)
                warn(warnings, "role %s is failed: %s", role->name, role->reason);
        else if (role->stall.index != 0)
                warn(warnings, "role %s stands still on %s: %s", role->name,
                     model_node_name(model, role->owner), role->stall.text);
        else if (role->redirect.state == REDIRECT_SERVED)
                warn(warnings, "role %s on %s writes through %s: %s", role->name,
                     model_node_name(model, role->owner), model_node_name(model, role->redirect.exporter),
                     role->redirect.text);
        else if (silence[0] != '\0')
                warn(warnings, "role %s may stand still: %s", role->name, silence);
        else
                return false;
        return true;
}

#define ROLE_WARNINGS_MAX 20 /* the rest is counted in the document's "roles" */

json_t *document_warnings(const struct request *request, const struct cluster_status *status)
{
        const struct model *model = request->model;
        json_t *warnings = json_array();
        uint32_t count = 0;

        if (status->store_failed)
                warn(warnings, "this node's ledger cannot be written: look for a full or read-only disk");
        if (status->parted)
                warn(warnings, FORCED_WITHOUT_THIS);
        if (status->evicted)
                warn(warnings, "this node was evicted and takes no part in the cluster: " EVICTED_REMEDY);
        if (model->settings.pause_ms != 0)
                warn(warnings,
                     "failover and fencing are paused for %u s in all, since entry %llu: clu cluster resume "
                     "ends it",
                     model->settings.pause_ms / 1000, (unsigned long long)model->settings.pause_index);
        MODEL_EACH_NODE (model, node)
                warn_of_node(warnings, request, node);
        MODEL_EACH_VOLUME (model, volume)
                warn_of_volume(warnings, request, volume);
        MODEL_EACH_ROLE (model, role)
                if (count < ROLE_WARNINGS_MAX)
                        count += warn_of_role(warnings, model, role);
        return warnings;
}
