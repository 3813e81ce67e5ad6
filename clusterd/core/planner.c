/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/planner.h"

#include <assert.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/redirect_rule.h"
#include "clusterd/core/role_state.h"

#define MOVE_AGAIN_MS 30000
/* What stands still goes on where it is, if it can: a start elsewhere loses its memory. */
#define STALL_PATIENCE_MS  30000
#define REDIRECT_AGAIN_MS  5000  /* what came to nothing is tried again, */
#define REDIRECT_RARELY_MS 60000 /* and less often each time */
#define REDIRECT_FAILED_MS 30000 /* whose export has ended is not the first to be asked again for so long */
#define REDIRECT_OPEN_MS   20000 /* an export that nobody runs by after that time is given up */
#define REDIRECTED_MS      10000 /* what runs by an export for so long moves to where its volumes are */
/* Where all had lost a volume, its own node may find it again a moment after another. */
#define PATHS_RETURN_MS 2000

/* One pass under way. */
struct pass {
        const struct planner_input *input;
        const struct model *model;
        struct planner_output *output;
        struct placement_load load;
        uint32_t moves[NODES_MAX + 1]; /* into or out of a node, running or asked for */
        node_set busy;                 /* nodes that a role occupies */
        uint32_t order_count;
};

/* False: this pass is full, the next one may. */
static bool add_step(struct pass *pass, const struct command *command, uint32_t slot, uint32_t node)
{
        if (pass->output->count == PLANNER_STEPS_MAX)
                return false;
        pass->output->step[pass->output->count++] =
                (struct planner_step){ .command = *command, .slot = slot, .node = node };
        return true;
}

static bool is_asked(const struct pass *pass, uint32_t slot)
{
        return pass->input->planned != NULL && pass->input->planned[slot].count != 0;
}

/* The clock of its due time is the leader's own, so it begins when this leader first sees it. */
static bool has_waited(struct pass *pass, const struct role *role, uint32_t slot, uint32_t wait_ms)
{
        if (pass->input->planned == NULL)
                return true;
        struct planned_role *planned = &pass->input->planned[slot];
        if (planned->due_index != role->since_index) {
                planned->due_index = role->since_index;
                planned->due_ms = pass->input->now_ms + wait_ms;
        }
        if (wait_ms == 0 || pass->input->now_ms >= planned->due_ms)
                return true;
        if (planned->due_ms < pass->output->wake_ms)
                pass->output->wake_ms = planned->due_ms;
        return false;
}

static bool wants_place(struct pass *pass, const struct role *role, uint32_t slot)
{
        if (role->desired != DESIRED_RUNNING || model_unproven(pass->model) != 0 ||
            (role->redirect.state != REDIRECT_NONE && !MUTATED(ASSIGN_WHILE_EXPORTED)))
                return false;
        switch (role->state) {
        case ROLE_OFFLINE:
                return true;
        case ROLE_FAILED:
                return has_waited(pass, role, slot, role->retry_ms);
        case ROLE_RECOVERING:
                return (role_possible_runners(role) == 0 || MUTATED(ASSIGN_WHILE_IT_MAY_RUN)) &&
                       pass->model->settings.pause_ms == 0;
        case ROLE_STARTING:
        case ROLE_ONLINE:
        case ROLE_STOPPING:
        case ROLE_MOVING:
        case ROLE_STATE_COUNT:
                break;
        }
        return false;
}

/* A move that has just failed is not tried again at once: what made it fail may take a moment. */
static bool may_move(struct pass *pass, const struct role *role, uint32_t slot)
{
        if (role->copy.state != COPY_NONE || role->stall.index != 0)
                return false; /* its node runs it on until that has ended */
        bool failed = !role->last_move.succeeded && role->last_move.index != 0 &&
                      role->last_move.index == role->since_index;
        return !failed || has_waited(pass, role, slot, MOVE_AGAIN_MS);
}

static bool wants_to_leave(const struct pass *pass, const struct role *role)
{
        const struct node *owner = role->state == ROLE_ONLINE ? model_node(pass->model, role->owner) : NULL;
        return owner != NULL && (owner->duty == DUTY_DRAINING || owner->duty == DUTY_QUARANTINED) &&
               !node_set_has(pass->input->away, owner->id);
}

static bool wants_home(const struct pass *pass, const struct role *role)
{
        if (role->state != ROLE_ONLINE || role->failback == NODE_NONE || role->failback == role->owner)
                return false;
        const struct node *home = model_node(pass->model, role->failback);
        node_set ends = node_set_of(role->failback) | node_set_of(role->owner);
        return home != NULL && home->state == NODE_UP && home->duty == DUTY_ACTIVE &&
               (pass->input->away & ends) == 0;
}

/* True when that time has come; otherwise there is another pass then. */
static bool is_due(struct pass *pass, uint64_t due_ms)
{
        if (pass->input->now_ms >= due_ms)
                return true;
        if (due_ms < pass->output->wake_ms)
                pass->output->wake_ms = due_ms;
        return false;
}

/* Its own node has lost a volume, and another that may run it has all of them. */
static bool has_place_with_paths(struct pass *pass, const struct role *role, char reason[REASON_BYTES])
{
        node_set except = node_set_of(role->owner) | pass->input->lost | pass->input->away;
        const struct volume *lost = model_volume_lost_by(pass->model, role);
        char choice[REASON_BYTES];
        uint32_t node = NODE_NONE;
        if (lost == NULL ||
            placement_choose(pass->model, role, &pass->load, except, &node, choice) != PLACEMENT_FOUND)
                return false;
        (void)snprintf(reason, REASON_BYTES, "it stands still: %.30s has lost volume %.30s, and %.30s has it",
                       model_node_name(pass->model, role->owner), lost->name,
                       model_node_name(pass->model, node));
        return true;
}

/* Since when it is redirected as it is, on the leader's own clock. */
static uint64_t redirected_since(struct pass *pass, const struct role *role, uint32_t slot)
{
        struct planned_role *planned = &pass->input->planned[slot];
        uint64_t is = role->redirect.index * REDIRECT_STATE_COUNT + role->redirect.state;
        if (planned->redirect != is) {
                planned->redirect = is;
                planned->redirect_ms = pass->input->now_ms;
        }
        return planned->redirect_ms;
}

/* Who has just failed it comes last: it may have lost the volume, too, and not know yet. */
static uint32_t choose_exporter(struct pass *pass, const struct role *role, uint32_t slot, node_set except)
{
        bool failed = role->redirect.index != 0 &&
                      pass->input->now_ms < redirected_since(pass, role, slot) + REDIRECT_FAILED_MS;
        node_set last = failed ? node_set_of(role->redirect.exporter) : 0;
        uint32_t another = redirect_exporter(pass->model, role, except | last);
        return another != NODE_NONE ? another : redirect_exporter(pass->model, role, except);
}

/* Another node writes for it, instead: true if that is proposed. */
static bool plan_redirect(struct pass *pass, const struct role *role, uint32_t slot)
{
        struct planned_role *planned = &pass->input->planned[slot];
        node_set except = pass->input->lost | pass->input->away;
        uint32_t exporter =
                role->copy.state == COPY_NONE ? choose_exporter(pass, role, slot, except) : NODE_NONE;
        if (planned->had_no_exporter && exporter != NODE_NONE)
                planned->again_ms = pass->input->now_ms + PATHS_RETURN_MS;
        planned->had_no_exporter = exporter == NODE_NONE && redirect_volume(pass->model, role) != NULL;
        if (exporter == NODE_NONE || !is_due(pass, planned->again_ms))
                return false;
        struct command command = { .kind = COMMAND_ROLE_REDIRECT,
                                   .role_redirect = { .exporter = exporter, .stall = role->stall.index } };
        TEXT_COPY(command.role_redirect.role, role->name);
        TEXT_PRINT(command.role_redirect.reason, "%.30s has lost volume %.30s, %.30s writes for it",
                   model_node_name(pass->model, role->owner), redirect_volume(pass->model, role)->name,
                   model_node_name(pass->model, exporter));
        if (!add_step(pass, &command, slot, role->owner))
                return true;
        planned->wait_ms = planned->wait_ms == 0                       ? REDIRECT_AGAIN_MS
                           : 2 * planned->wait_ms < REDIRECT_RARELY_MS ? 2 * planned->wait_ms
                                                                       : REDIRECT_RARELY_MS;
        planned->again_ms = pass->input->now_ms + planned->wait_ms;
        return true;
}

/* Why an export is of no use any more, or is to be another's; false: it stands. */
static bool is_to_close(struct pass *pass, const struct role *role, uint64_t since_ms,
                        char reason[REASON_BYTES])
{
        const struct role_redirect *redirect = &role->redirect;
        const struct node *exporter = model_node(pass->model, redirect->exporter);
        node_set except = pass->input->lost | pass->input->away | node_set_of(redirect->exporter);
        bool served = redirect->state == REDIRECT_SERVED;
        if (served && role->stall.index != 0)
                (void)snprintf(reason, REASON_BYTES, "what %.30s was to write failed: %.90s", exporter->name,
                               role->stall.text);
        else if (!served && (exporter->state != NODE_UP || node_set_has(pass->input->lost, exporter->id)))
                (void)snprintf(reason, REASON_BYTES, "%.40s is not there", exporter->name);
        else if (!served && is_due(pass, since_ms + REDIRECT_OPEN_MS))
                (void)snprintf(reason, REASON_BYTES, "nothing came of it in %u s", REDIRECT_OPEN_MS / 1000);
        else if (served && exporter->duty != DUTY_ACTIVE &&
                 redirect_exporter(pass->model, role, except) != NODE_NONE)
                (void)snprintf(reason, REASON_BYTES, "%.40s is %s, and another node has the volume",
                               exporter->name, node_duty_name(exporter->duty));
        else
                return false;
        return true;
}

static void plan_redirected(struct pass *pass, const struct role *role, uint32_t slot)
{
        struct command command = { .kind = COMMAND_ROLE_REDIRECT_END,
                                   .role_redirect_end = { .index = role->redirect.index } };
        uint64_t since_ms = redirected_since(pass, role, slot);
        if (role->state != ROLE_ONLINE || role->redirect.state == REDIRECT_CLOSING ||
            !is_to_close(pass, role, since_ms, command.role_redirect_end.reason))
                return;
        TEXT_COPY(command.role_redirect_end.role, role->name);
        (void)add_step(pass, &command, slot, role->owner);
}

/* What runs by another node's export moves to a node that has its volumes, when that has lasted for a while.
 */
static bool wants_path(struct pass *pass, const struct role *role, uint32_t slot)
{
        return role->state == ROLE_ONLINE && role->redirect.state == REDIRECT_SERVED &&
               role->stall.index == 0 && model_volume_lost_by(pass->model, role) != NULL &&
               !node_set_has(pass->input->away, role->owner) &&
               (pass->input->planned == NULL ||
                is_due(pass, redirected_since(pass, role, slot) + REDIRECTED_MS));
}

/*
 * What stands still goes on by another node, if one has its volumes. What has stood still for too long, or
 * has a better place and cannot, is stopped, to be started anew.
 */
static void plan_stalled(struct pass *pass, const struct role *role, uint32_t slot)
{
        const struct settings *settings = &pass->model->settings;
        struct planned_role *planned = &pass->input->planned[slot];
        struct command command = { .kind = COMMAND_ROLE_RELOCATE,
                                   .role_relocate = { .stall = role->stall.index } };
        char *reason = command.role_relocate.reason;
        bool may_act = model_unproven(pass->model) == 0 && !node_set_has(pass->input->away, role->owner);
        if (role->state != ROLE_ONLINE || role->stall.index == 0 || !may_act)
                return;
        if (planned->stall != role->stall.index) /* on the leader's own clock */
                *planned = (struct planned_role){ .stall = role->stall.index,
                                                  .stall_ms = pass->input->now_ms,
                                                  .again_ms = planned->again_ms,
                                                  .redirect = planned->redirect,
                                                  .redirect_ms = planned->redirect_ms };
        if (plan_redirect(pass, role, slot) || settings->pause_ms != 0)
                return;
        /* All may have lost it, and find it again one after the other. */
        if (!has_place_with_paths(pass, role, reason))
                planned->place_ms = 0;
        else if (planned->place_ms == 0)
                planned->place_ms = pass->input->now_ms;
        if (settings->stall_limit_ms != 0 && is_due(pass, planned->stall_ms + settings->stall_limit_ms))
                (void)snprintf(reason, REASON_BYTES, "it has stood still for %u s, which is the limit: %.90s",
                               settings->stall_limit_ms / 1000, role->stall.text);
        else if (planned->place_ms == 0 || !is_due(pass, planned->place_ms + STALL_PATIENCE_MS))
                return;
        TEXT_COPY(command.role_relocate.role, role->name);
        (void)add_step(pass, &command, slot, role->owner);
}

/* A plan says nothing of it: nobody knows how long it will last. */
static void plan_all_stalled(struct pass *pass)
{
        if (pass->input->planned == NULL)
                return;
        MODEL_EACH_ROLE (pass->model, role) {
                uint32_t slot = (uint32_t)(role - pass->model->roles);
                if (role->redirect.state != REDIRECT_NONE && !is_asked(pass, slot))
                        plan_redirected(pass, role, slot);
                else if (role->stall.index != 0 && !is_asked(pass, slot))
                        plan_stalled(pass, role, slot);
        }
}

static void survey(struct pass *pass)
{
        placement_load_read(pass->model, &pass->load);
        MODEL_EACH_ROLE (pass->model, role) {
                uint32_t slot = (uint32_t)(role - pass->model->roles);
                if (role_occupies(role, role->owner))
                        pass->busy |= node_set_of(role->owner);
                if (role_occupies(role, role->target))
                        pass->busy |= node_set_of(role->target);
                if (role->redirect.state != REDIRECT_NONE && !MUTATED(DRAINED_WHILE_EXPORTING))
                        pass->busy |= node_set_of(role->redirect.exporter);
                if (role->state == ROLE_MOVING) {
                        pass->moves[role->owner]++;
                        pass->moves[role->target]++;
                }
                if (is_asked(pass, slot)) {
                        if (pass->input->planned[slot].node != role->owner)
                                placement_load_add(&pass->load, pass->input->planned[slot].node, role);
                        if (role->state == ROLE_ONLINE && pass->input->planned[slot].node != role->owner) {
                                pass->moves[role->owner]++;
                                pass->moves[pass->input->planned[slot].node]++;
                        }
                } else if (wants_place(pass, role, slot) ||
                           ((wants_to_leave(pass, role) || wants_home(pass, role) ||
                             wants_path(pass, role, slot)) &&
                            may_move(pass, role, slot))) {
                        pass->input->order[pass->order_count++] = slot;
                }
        }
}

/* What does not run goes first, by priority; then moves; then by name. */
static bool comes_before(const struct model *model, uint32_t a_slot, uint32_t b_slot)
{
        const struct role *a = &model->roles[a_slot], *b = &model->roles[b_slot];
        bool a_runs = a->state == ROLE_ONLINE, b_runs = b->state == ROLE_ONLINE;
        if (a_runs != b_runs)
                return b_runs;
        if (!a_runs && a->priority != b->priority)
                return a->priority > b->priority;
        return strcmp(a->name, b->name) < 0;
}

static void sift_down(const struct model *model, uint32_t *heap, uint32_t root, uint32_t count)
{
        for (;;) {
                uint32_t child = 2 * root + 1;
                if (child >= count)
                        return;
                if (child + 1 < count && comes_before(model, heap[child], heap[child + 1]))
                        child++;
                if (!comes_before(model, heap[root], heap[child]))
                        return;
                uint32_t swap = heap[root];
                heap[root] = heap[child];
                heap[child] = swap;
                root = child;
        }
}

/* Heap sort: qsort() may allocate, and its order of equals is its own. */
static void sort_order(const struct model *model, uint32_t *order, uint32_t count)
{
        for (uint32_t root = count / 2; root-- > 0;)
                sift_down(model, order, root, count);
        for (uint32_t last = count; last-- > 1;) {
                uint32_t swap = order[0];
                order[0] = order[last];
                order[last] = swap;
                sift_down(model, order, 0, last);
        }
}

static void plan_nodes(struct pass *pass)
{
        MODEL_EACH_NODE (pass->model, node) {
                if (node_set_has(pass->input->nodes_asked, node->id))
                        continue;
                struct command command = { .node = { .node = node->id, .incarnation = node->incarnation } };
                if (node->state == NODE_UP && node_set_has(pass->input->lost, node->id)) {
                        command.kind = COMMAND_NODE_LOST;
                        TEXT_COPY(command.node.reason, "left the membership without a word");
                } else if (node->duty == DUTY_DRAINING &&
                           (!node_set_has(pass->busy, node->id) || MUTATED(DRAINED_WHILE_RUNNING))) {
                        command.kind = COMMAND_NODE_DRAINED;
                        TEXT_COPY(command.node.reason, "it runs nothing any more");
                } else {
                        continue;
                }
                (void)add_step(pass, &command, UINT32_MAX, node->id);
        }
}

static void plan_start(struct pass *pass, const struct role *role, uint32_t slot)
{
        uint32_t node = NODE_NONE;
        struct command command = { .kind = COMMAND_ROLE_ASSIGN,
                                   .role_assign = { .generation = role->generation + 1,
                                                    .owner_evidence = role->owner_evidence,
                                                    .target_evidence = role->target_evidence } };
        char *choice = command.role_assign.reason;
        /* A role of OCF kind on its way to another node carries where to. */
        bool heading =
                role->target != NODE_NONE && !node_set_has(pass->input->away, role->target) &&
                placement_check(pass->model, role, &pass->load, role->target, choice) == PLACEMENT_FOUND;
        if (heading) {
                node = role->target;
                TEXT_PRINT(command.role_assign.reason, "%s: as asked", model_node_name(pass->model, node));
        } else if (placement_choose(pass->model, role, &pass->load, pass->input->lost | pass->input->away,
                                    &node, choice) != PLACEMENT_FOUND) {
                return;
        }
        placement_load_add(&pass->load, node, role);
        TEXT_COPY(command.role_assign.role, role->name);
        command.role_assign.node = node;
        (void)add_step(pass, &command, slot, node);
}

static void plan_move(struct pass *pass, const struct role *role, uint32_t slot)
{
        uint32_t node = NODE_NONE;
        char choice[REASON_BYTES];
        bool drain = wants_to_leave(pass, role), has_no_path = !drain && wants_path(pass, role, slot);
        if (drain || has_no_path) {
                if (placement_choose(pass->model, role, &pass->load,
                                     node_set_of(role->owner) | pass->input->lost | pass->input->away, &node,
                                     choice) != PLACEMENT_FOUND)
                        return;
        } else {
                node = role->failback;
                if (placement_check(pass->model, role, &pass->load, node, choice) != PLACEMENT_FOUND)
                        return;
                TEXT_PRINT(choice, "%s: back to where it was drained from",
                           model_node_name(pass->model, node));
        }
        /* Reserved also while it waits for its turn: so the order of the turns changes no target. */
        placement_load_add(&pass->load, node, role);
        uint32_t limit = pass->model->settings.moves_max;
        if (pass->moves[role->owner] >= limit || pass->moves[node] >= limit)
                return;
        struct command command = {
                .kind = COMMAND_ROLE_MOVE,
                .role_move = { .target = node, .generation = role->generation + 1, .drain = drain }
        };
        struct command_role_move *move = &command.role_move;
        TEXT_COPY(move->role, role->name);
        if (drain)
                TEXT_PRINT(move->reason, "drain of %.40s; %.100s", model_node_name(pass->model, role->owner),
                           choice);
        else if (has_no_path)
                TEXT_PRINT(move->reason, "another node writes for it; %.110s", choice);
        else
                TEXT_COPY(move->reason, choice);
        if (!add_step(pass, &command, slot, node))
                return;
        pass->moves[role->owner]++;
        pass->moves[node]++;
}

bool planner_settle_target(const struct model *model, struct command *command, char reason[REASON_BYTES])
{
        struct command_role_move *move = &command->role_move;
        const struct role *role = NULL;
        if (command->kind == COMMAND_ROLE_MOVE && move->target == NODE_NONE)
                role = model_role(model, move->role);
        if (role == NULL)
                return true;
        struct placement_load load;
        placement_load_read(model, &load);
        return placement_choose(model, role, &load, node_set_of(role->owner), &move->target, reason) ==
               PLACEMENT_FOUND;
}

void planner_pass(const struct planner_input *input, struct planner_output *ret_output)
{
        assert(input->order != NULL);
        struct pass pass = { .input = input, .model = input->model, .output = ret_output };
        ret_output->count = 0;
        ret_output->wake_ms = UINT64_MAX;

        survey(&pass);
        plan_nodes(&pass);
        plan_all_stalled(&pass);
        sort_order(pass.model, input->order, pass.order_count);
        for (uint32_t i = 0; i < pass.order_count && ret_output->count < PLANNER_STEPS_MAX; i++) {
                uint32_t slot = input->order[i];
                const struct role *role = &pass.model->roles[slot];
                if (role->state == ROLE_ONLINE)
                        plan_move(&pass, role, slot);
                else
                        plan_start(&pass, role, slot);
        }
}
