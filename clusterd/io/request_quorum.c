/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <stdarg.h>

#include "clusterd/base/text.h"
#include "clusterd/io/request_entry_text.h"

/* Who votes and what may be lost: shown, planned with, and held against what takes a node away. */

struct quorum_view request_quorum_view(const struct request *request)
{
        struct cluster_status status;
        struct quorum_view view = { .model = request->model };
        cluster_status_read(request->services->cluster, &status);
        struct cluster_witness witness;
        cluster_voters_read(request->services->cluster, &view.voters);
        cluster_witness_read(request->services->cluster, &witness);
        view.witness = witness.answers && !witness.set.leaving && witness.refusal[0] == '\0';
        view.here = status.members;
        return view;
}

/* What this node hears. That it hears nothing is not that nobody is there. */
static const char *seen_word(const struct cluster_status *status, uint32_t node)
{
        if (node_set_has(status->members, node))
                return "here";
        return node_set_has(status->connected, node) ? "silent" : "not heard";
}

static json_t *node_row(const struct quorum_view *view, const struct cluster_status *status, uint32_t id)
{
        const struct node *node = model_node(view->model, id);
        bool told = node_set_has(view->here, id) && outlook_of(&view->voters, view->here, view->witness).held;
        json_t *row = json_object();
        json_object_set_new(row, "name", document_node_name(view->model, id));
        json_object_set_new(row, "id", json_integer(id));
        json_object_set_new(row, "vote", json_boolean(node_set_has(view->voters.now.nodes, id)));
        json_object_set_new(row, "priority", json_integer(node == NULL ? 0 : node->quorum_priority));
        json_object_set_new(row, "seen", json_string(seen_word(status, id)));
        struct quorum_view then = quorum_view_without(view, id);
        bool holds = outlook_of(&then.voters, then.here, then.witness).held;
        json_object_set_new(row, "if_lost", told ? json_string(holds ? "holds" : "lost") : json_null());
        json_object_set_new(row, "voters_then",
                            told && holds ? document_node_set(view->model, then.voters.now.nodes)
                                          : json_null());
        return row;
}

static void __attribute__((format(printf, 2, 3))) add_line(json_t *lines, const char *format, ...)
{
        char text[QUORUM_TEXT_BYTES + 64];
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        json_array_append_new(lines, document_text(text));
}

/* Until everybody is back, it says so. */
static node_set forced_out(const struct model *model)
{
        node_set out = 0;
        MODEL_EACH_NODE (model, node)
                if (node->forced_out)
                        out |= node_set_of(node->id);
        return out;
}

static void add_force(json_t *lines, const struct quorum_view *view, const struct cluster_status *status)
{
        const struct settings *settings = &view->model->settings;
        char text[QUORUM_TEXT_BYTES];
        node_set out = forced_out(view->model), unproven = model_unproven(view->model);
        if (status->parted)
                add_line(lines, "%s", FORCED_WITHOUT_THIS);
        if (out == 0)
                return;
        node_set_text(out, view->model, text, sizeof(text));
        json_t *time = document_time(settings->forced_time_ms);
        add_line(lines, "the quorum was forced by %s at %s; not back since: %s", settings->forced_by,
                 json_is_string(time) ? json_string_value(time) : "an unknown time", text);
        json_decref(time);
        if (unproven == 0)
                return;
        node_set_text(unproven, view->model, text, sizeof(text));
        add_line(lines,
                 "nothing is started before these are back or proven off (their fence devices, or clu "
                 "node confirm-off): %s",
                 text);
}

static json_t *lines_of(const struct quorum_view *view, const struct cluster_status *status)
{
        char text[QUORUM_TEXT_BYTES];
        json_t *lines = json_array();
        if (status->members == 0) {
                add_line(lines, "corosync cannot be asked on this node: it does not know who is there");
                return lines;
        }
        quorum_view_say(view, text);
        add_line(lines, "%s", text);
        if (!status->primary && outlook_of(&view->voters, view->here, view->witness).held)
                add_line(lines, "these nodes have not agreed on a history yet");
        add_force(lines, view, status);
        if (!view->model->settings.dynamic_quorum)
                add_line(lines,
                         "the votes do not follow what is lost: clu quorum set --dynamic on lets them");
        NODE_SET_EACH ((view->voters.now.nodes | view->voters.before.nodes) & ~status->members, node)
                add_line(lines, "%s %s; that does not say that it is down",
                         model_node_name(view->model, node),
                         node_set_has(status->connected, node) ? "is there and its clusterd does not speak"
                                                               : "is not heard here");
        return lines;
}

static json_t *document_force(const struct model *model)
{
        const struct settings *settings = &model->settings;
        node_set out = forced_out(model);
        if (out == 0)
                return json_null();
        return json_pack("{s:I, s:o, s:o, s:o, s:o}", "epoch", (json_int_t)settings->forced_epoch, "by",
                         document_text(settings->forced_by), "time", document_time(settings->forced_time_ms),
                         "not_back", document_node_set(model, out), "unproven",
                         document_node_set(model, model_unproven(model)));
}

json_t *query_quorum_show(struct request *request)
{
        struct cluster_status status;
        struct quorum_view view = request_quorum_view(request);
        struct outlook outlook = outlook_of(&view.voters, view.here, view.witness);
        node_set nodes = view.voters.now.nodes | view.voters.before.nodes | view.here;
        json_t *rows = json_array(), *document = json_object();

        cluster_status_read(request->services->cluster, &status);
        MODEL_EACH_NODE (request->model, node)
                nodes |= node_set_of(node->id);
        NODE_SET_EACH (nodes, node)
                json_array_append_new(rows, node_row(&view, &status, node));
        json_object_set_new(document, "quorate", json_boolean(status.primary));
        json_object_set_new(document, "dynamic", json_boolean(request->model->settings.dynamic_quorum));
        json_object_set_new(document, "votes", document_votes(&outlook));
        json_object_set_new(document, "spare", json_integer(outlook.held ? outlook.spare : 0));
        json_object_set_new(document, "voters", document_node_set(request->model, view.voters.now.nodes));
        json_object_set_new(document, "voters_before",
                            document_node_set(request->model, view.voters.before.nodes));
        json_object_set_new(document, "witness", document_witness(request));
        json_object_set_new(document, "forced", document_force(request->model));
        json_object_set_new(document, "nodes", rows);
        json_object_set_new(document, "text", lines_of(&view, &status));
        return document;
}

json_t *document_votes(const struct outlook *outlook)
{
        return json_pack("{s:i, s:i, s:i}", "present", (int)outlook->present, "expected", (int)outlook->votes,
                         "needed", (int)outlook->needed);
}

json_t *document_quorum_plan(const struct request *request, const struct change *change,
                             const struct model *then)
{
        struct quorum_view now = request_quorum_view(request), after = now;
        char before_text[QUORUM_TEXT_BYTES], after_text[QUORUM_TEXT_BYTES];
        enum command_kind kind = change->command.kind;
        if (kind != COMMAND_NODE_DRAIN && kind != COMMAND_NODE_RESUME && kind != COMMAND_NODE_RELEASE &&
            kind != COMMAND_NODE_FENCE && kind != COMMAND_QUORUM_SET && kind != COMMAND_WITNESS_SET &&
            kind != COMMAND_WITNESS_REMOVE && kind != COMMAND_NODE_EVICT)
                return NULL;
        after.model = then;
        if (kind == COMMAND_WITNESS_SET) /* as it will be when it answers */
                after.witness = true;
        if (kind == COMMAND_WITNESS_REMOVE)
                after.witness = false;
        if (kind != COMMAND_NODE_FENCE && kind != COMMAND_NODE_EVICT)
                after = quorum_view_settled(&after);
        if (kind == COMMAND_NODE_FENCE || kind == COMMAND_NODE_EVICT ||
            (kind == COMMAND_NODE_DRAIN && change->command.node.shut_down != SHUT_DOWN_NONE))
                after = quorum_view_without(&after, change->command.node.node);
        quorum_view_say(&now, before_text);
        quorum_view_say(&after, after_text);
        return json_pack("{s:o, s:o}", "before", document_text(before_text), "after",
                         document_text(after_text));
}

int request_quorum_check(struct request *request, const struct change *change)
{
        struct quorum_view view = request_quorum_view(request);
        char reason[QUORUM_TEXT_BYTES];
        if (request_flag(request, "force") || !quorum_view_forbids(&view, &change->command, reason))
                return 0;
        bool forcible = verb_option_find(request->verb, "force") != NULL;
        return request_fail(request, VERB_EXIT_REFUSED, "what takes a node away must leave a quorum",
                            forcible ? "clu quorum show says who may be lost; --force does it all the same"
                                     : "clu quorum show says who may be lost",
                            "%s %s refused: %s", request->verb->noun, request->verb->name, reason);
}

int change_quorum_set(struct request *request, struct change *change)
{
        struct command_quorum_set *set = &change->command.quorum_set;
        const char *dynamic = request_text(request, "dynamic"), *name = request_text(request, "node"),
                   *reason = request_text(request, "reason");
        int64_t priority;
        bool has_priority = request_number(request, "priority", &priority);

        if ((name != NULL) != has_priority)
                return request_fail(request, VERB_EXIT_USAGE, "", "see clu quorum set --help",
                                    "--node and --priority go together");
        if (dynamic == NULL && name == NULL)
                return request_fail(request, VERB_EXIT_USAGE, "", "see clu quorum set --help",
                                    "quorum set needs something to change");
        if (dynamic != NULL && !text_equal(dynamic, "on") && !text_equal(dynamic, "off"))
                return request_fail(request, VERB_EXIT_USAGE, "", "", "--dynamic is on or off, not '%s'",
                                    dynamic);
        change->command.kind = COMMAND_QUORUM_SET;
        set->fields = (dynamic != NULL ? (uint32_t)QUORUM_FIELD_DYNAMIC : 0) |
                      (name != NULL ? (uint32_t)QUORUM_FIELD_PRIORITY : 0);
        set->dynamic = dynamic != NULL && text_equal(dynamic, "on");
        TEXT_PRINT(set->reason, "by %s%s%s", request->client->actor, reason == NULL ? "" : ": ",
                   reason == NULL ? "" : reason);
        if (name == NULL)
                return 0;
        const struct node *node = model_node_by_name(request->model, name);
        if (node == NULL)
                return request_fail(request, VERB_EXIT_NO_OBJECT, "", "clu node list names them",
                                    "there is no node %s", name);
        set->node = node->id;
        set->priority = (int32_t)priority;
        return 0;
}

int change_quorum_force(struct request *request, struct change *change)
{
        struct cluster_status status;
        const char *reason = request_text(request, "reason");
        cluster_status_read(request->services->cluster, &status);
        if (status.primary)
                return request_fail(request, VERB_EXIT_REFUSED, "only what has no quorum is forced",
                                    "clu quorum show says who votes",
                                    "quorum force refused: there is a quorum");
        change->command.kind = COMMAND_QUORUM_FORCE;
        TEXT_PRINT(change->command.quorum_force.reason, "by %s%s%s", request->client->actor,
                   reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
        return 0;
}

json_t *query_force_plan(struct request *request)
{
        const struct model *model = request->model;
        struct quorum_view now = request_quorum_view(request);
        struct cluster_status status;
        char before[QUORUM_TEXT_BYTES], out[QUORUM_TEXT_BYTES], after[2 * QUORUM_TEXT_BYTES];
        node_set others = 0;
        cluster_status_read(request->services->cluster, &status);
        MODEL_EACH_NODE (model, node)
                others |= node->id == status.node ? 0 : node_set_of(node->id);
        quorum_view_say(&now, before);
        node_set_text(others, model, out, sizeof(out));
        TEXT_PRINT(after,
                   "%s alone votes; lost until they are back or proven off: %s; nothing is started before",
                   model_node_name(model, status.node), out);
        json_t *step = json_pack("{s:s, s:s, s:n, s:o, s:s}", "command", "epoch", "subject", "cluster",
                                 "from", "to", document_node_name(model, status.node), "reason",
                                 "forced: what others decided and this node has not heard is lost");
        return json_pack("{s:[o], s:b, s:{s:o, s:o}}", "steps", step, "cut", 0, "quorum", "before",
                         document_text(before), "after", document_text(after));
}
