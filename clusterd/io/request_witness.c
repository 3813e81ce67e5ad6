/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include "clusterd/base/path.h"
#include "clusterd/base/text.h"
#include "clusterd/io/host.h"

/* The witness: shown, set and removed. */

json_t *document_witness(const struct request *request)
{
        struct cluster_witness witness;
        cluster_witness_read(request->services->cluster, &witness);
        if (witness.set.kind == WITNESS_NONE)
                return json_null();
        uint64_t now_ms = request->services->now_ms(request->services->context);
        json_t *document = json_pack(
                "{s:s, s:o, s:b, s:b, s:b, s:b, s:o}", "kind", witness_kind_name(witness.set.kind), "place",
                document_text(witness.set.place), "vote", (int)witness.vote, "decides", (int)witness.decides,
                "leaving", (int)witness.set.leaving, "answers", (int)(witness.known && witness.answers),
                "reason", document_text(witness.answers ? witness.refusal : witness.text));
        json_object_set_new(document, "since_ms",
                            !witness.known || witness.since_ms > now_ms
                                    ? json_null()
                                    : json_integer((json_int_t)(now_ms - witness.since_ms)));
        return document;
}

static void say_who(const struct request *request, char reason[REASON_BYTES])
{
        const char *why = request_text(request, "reason");
        (void)snprintf(reason, REASON_BYTES, "by %s%s%s", request->client->actor, why == NULL ? "" : ": ",
                       why == NULL ? "" : why);
}

int change_witness_set(struct request *request, struct change *change)
{
        struct command_witness *set = &change->command.witness;
        const char *path = request_text(request, "path");
        const struct witness *present = &request->model->settings.witness;
        change->command.kind = COMMAND_WITNESS_SET;
        if (witness_kind_parse(request->name, &set->witness.kind) < 0 || set->witness.kind == WITNESS_NONE)
                return request_fail(request, VERB_EXIT_USAGE, "", "see clu quorum witness set --help",
                                    "a witness is of kind share, not '%s'", request->name);
        if (path == NULL || !path_is_plain(path))
                return request_fail(request, VERB_EXIT_USAGE, "", "see clu quorum witness set --help",
                                    "a witness on a share needs --path: an absolute path below the root, "
                                    "without '.', '..' and '//'");
        if (present->kind != WITNESS_NONE)
                return request_fail(request, VERB_EXIT_REFUSED, "a cluster has one witness",
                                    "clu quorum witness remove", "there is a witness already: %s %s",
                                    witness_kind_name(present->kind), present->place);
        TEXT_COPY(set->witness.place, path);
        set->witness.identity = random_id();
        say_who(request, set->reason);
        return 0;
}

int change_witness_remove(struct request *request, struct change *change)
{
        if (request->model->settings.witness.kind == WITNESS_NONE)
                return request_fail(request, VERB_EXIT_NO_OBJECT, "", "", "there is no witness");
        change->command.kind = COMMAND_WITNESS_REMOVE;
        change->command.witness.witness = request->model->settings.witness;
        say_who(request, change->command.witness.reason);
        return 0;
}
