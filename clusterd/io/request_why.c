/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

/*
 * `clu role why`: the entries behind where a role is.
 *
 * The chain begins with what set off the last assignment or move, and holds
 * the loss of its earlier owner and the evidence about it, which are entries
 * of that node.
 */

#define WHY_ENTRIES_MAX 64 /* of the role; a chain is a handful, reports of a flapping one more */
#define WHY_LINKS_MAX   96

/* One entry of the chain, as far as it is needed to choose. */
struct link {
        uint64_t index;
        json_t *document; /* owned by the chain */
        enum command_kind kind;
        uint32_t node;               /* of a node's entry */
        struct evidence evidence[2]; /* of an assignment */
};

struct chain {
        const struct model *model;
        size_t count;
        struct link links[WHY_LINKS_MAX];
};

static void add_proof(json_t *document, const struct command *command)
{
        const struct command_node_evidence *evidence = &command->node_evidence;
        if (command->kind != COMMAND_NODE_EVIDENCE)
                return;
        json_object_set_new(document, "evidence", json_string(evidence_kind_name(evidence->kind)));
        json_object_set_new(document, "by", document_text(evidence->text));
        json_object_set_new(document, "after_ms", json_integer(evidence->duration_ms));
}

/* The node an entry says something about that matters to its roles. */
static uint32_t command_node_of(const struct command *command)
{
        if (command->kind == COMMAND_NODE_LOST || command->kind == COMMAND_NODE_FENCE ||
            command->kind == COMMAND_NODE_CONFIRM_OFF)
                return command->node.node;
        if (command->kind == COMMAND_NODE_EVIDENCE)
                return command->node_evidence.node;
        return command->kind == COMMAND_NODE_JOIN ? command->node_join.node : NODE_NONE;
}

static void add_link(void *context, const struct entry *entry)
{
        struct chain *chain = context;
        for (size_t i = 0; i < chain->count; i++)
                if (chain->links[i].index == entry->index)
                        return;
        if (chain->count == WHY_LINKS_MAX)
                return;
        struct link *link = &chain->links[chain->count++];
        *link = (struct link){ .index = entry->index,
                               .kind = entry->command.kind,
                               .node = command_node_of(&entry->command),
                               .document = document_entry(entry, chain->model) };
        add_proof(link->document, &entry->command);
        if (entry->command.kind == COMMAND_ROLE_ASSIGN) {
                link->evidence[0] = entry->command.role_assign.owner_evidence;
                link->evidence[1] = entry->command.role_assign.target_evidence;
        }
}

static void drop_links(struct chain *chain, size_t first, size_t count)
{
        for (size_t i = first; i < first + count; i++)
                json_decref(chain->links[i].document);
        memmove(&chain->links[first], &chain->links[first + count],
                (chain->count - first - count) * sizeof(chain->links[0]));
        chain->count -= count;
}

/* The last of these before `end`, as an index plus one; 0: none. */
static size_t last_placing(const struct chain *chain, size_t end)
{
        while (end > 0 && chain->links[end - 1].kind != COMMAND_ROLE_ASSIGN &&
               chain->links[end - 1].kind != COMMAND_ROLE_MOVE)
                end--;
        return end;
}

/* Leaves the last assignment or move, the entry before it that set it off, and what came after; of a role
 * that was taken from where it stood still, from that on. */
static void keep_present(struct chain *chain)
{
        size_t start = last_placing(chain, chain->count);
        if (start < 2)
                return;
        size_t first = start - 2;
        for (size_t at = last_placing(chain, start - 1); at < start; at++)
                if (chain->links[at].kind == COMMAND_ROLE_RELOCATE)
                        first = at > 0 ? at - 1 : at;
        drop_links(chain, 0, first);
}

static void keep_loss(void *context, const struct entry *entry)
{
        uint64_t *lost_index = context;
        if (entry->command.kind == COMMAND_NODE_LOST || entry->command.kind == COMMAND_NODE_FENCE)
                *lost_index = entry->index;
}

/* Adds the loss of a node that came last before `last`, and everything about the node between the two. */
static int add_loss(struct request *request, struct chain *chain, uint32_t node, uint64_t last)
{
        char subject[NAME_BYTES];
        uint64_t lost_index = 0;

        TEXT_PRINT(subject, "node:%" PRIu32, node);
        if (request_entries(request, 1, last, subject, WHY_ENTRIES_MAX, keep_loss, &lost_index) < 0)
                return -1;
        if (lost_index == 0)
                return 0;
        return request_entries(request, lost_index, last, subject, WHY_ENTRIES_MAX, add_link, chain);
}

/* Entry `index` proves something: it joins the chain, and if it is a node's, that node's loss too. */
static int add_evidence(struct request *request, struct chain *chain, uint64_t index)
{
        if (index == 0)
                return 0;
        if (request_entries(request, index, index, NULL, 1, add_link, chain) < 0)
                return -1;
        for (size_t i = 0; i < chain->count; i++)
                if (chain->links[i].index == index && chain->links[i].node != NODE_NONE)
                        return add_loss(request, chain, chain->links[i].node, index);
        return 0;
}

static int compare_links(const void *a, const void *b)
{
        const struct link *left = a, *right = b;
        return (left->index > right->index) - (left->index < right->index);
}

static int build_chain(struct request *request, const struct role *role, struct chain *chain)
{
        char subject[NAME_BYTES + 8];

        TEXT_PRINT(subject, "role:%s", role->name);
        if (request_entries(request, 1, UINT64_MAX, subject, WHY_ENTRIES_MAX, add_link, chain) < 0)
                return -1;
        keep_present(chain);
        for (size_t i = 0, count = chain->count; i < count; i++)
                for (size_t side = 0; side < 2; side++)
                        if (add_evidence(request, chain, chain->links[i].evidence[side].index) < 0)
                                return -1;
        if (add_evidence(request, chain, role->owner_evidence.index) < 0 ||
            add_evidence(request, chain, role->target_evidence.index) < 0)
                return -1;
        /* the evidence is still missing: at least say what was lost */
        if (role->state == ROLE_RECOVERING && add_loss(request, chain, role->owner, UINT64_MAX) < 0)
                return -1;
        qsort(chain->links, chain->count, sizeof(chain->links[0]), compare_links);
        return 0;
}

static json_t *summary(const struct model *model, const struct role *role)
{
        char silence[SILENCE_BYTES], text[2 * NAME_BYTES + 2 * REASON_BYTES + SILENCE_BYTES + 96];
        explain_silence(model, role, silence);
        TEXT_PRINT(text, "%s is %s%s%s at generation %" PRIu64 "%s%s%s%s%s%s", role->name,
                   role_state_name(role->state), role->owner == NODE_NONE ? "" : " on ",
                   role->owner == NODE_NONE ? "" : model_node_name(model, role->owner), role->generation,
                   role->reason[0] == '\0' ? "" : ": ", role->reason,
                   role->stall.index == 0 ? "" : "; it stands still: ", role->stall.text,
                   silence[0] == '\0' ? "" : "; it may stand still: ", silence);
        return document_text(text);
}

json_t *query_role_why(struct request *request)
{
        const struct role *role;
        SCOPED_FREE struct chain *chain = calloc(1, sizeof(*chain));
        json_t *links = json_array();

        if (chain == NULL)
                abort();
        chain->model = request->model;
        int error = request_role(request, &role);
        if (error == 0)
                error = build_chain(request, role, chain);
        for (size_t i = 0; i < chain->count; i++)
                json_array_append_new(links, chain->links[i].document);
        if (error < 0) {
                json_decref(links);
                return NULL;
        }
        json_t *document = document_role_row(request->model, role);
        json_object_set_new(document, "summary", summary(request->model, role));
        json_object_set_new(document, "chain", links);
        return document;
}
