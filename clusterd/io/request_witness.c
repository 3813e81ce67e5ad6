/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <errno.h>

#include "clusterd/base/path.h"
#include "clusterd/base/text.h"
#include "clusterd/io/host.h"
#include "clusterd/io/qnetd_place.h"

/* The witness: shown, set and removed. */

static const char *witness_where(const struct witness *witness)
{
        return witness->kind == WITNESS_DISK ? witness->volume : witness->place;
}

json_t *document_witness(const struct request *request)
{
        struct cluster_witness witness;
        cluster_witness_read(request->services->cluster, &witness);
        if (witness.set.kind == WITNESS_NONE)
                return json_null();
        uint64_t now_ms = request->services->now_ms(request->services->context);
        json_t *document = json_pack(
                "{s:s, s:o, s:o, s:b, s:b, s:b, s:b, s:o, s:o}", "kind", witness_kind_name(witness.set.kind),
                "place", document_text(witness.set.place), "volume",
                witness.set.kind == WITNESS_DISK ? document_text(witness.set.volume) : json_null(), "vote",
                (int)witness.vote, "decides", (int)witness.decides, "leaving", (int)witness.set.leaving,
                "answers", (int)(witness.known && witness.answers), "armed",
                witness.set.kind == WITNESS_QNETD ? json_boolean(witness.armed) : json_null(), "reason",
                document_text(witness.answers ? witness.refusal : witness.text));
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

static int take_share(struct request *request, struct witness *witness)
{
        const char *path = request_text(request, "path");
        if (path == NULL || !path_is_plain(path) || request_text(request, "volume") != NULL)
                return request_fail(request, VERB_EXIT_USAGE, "", "see clu quorum witness set --help",
                                    "a witness on a share needs --path, and no --volume: an absolute path "
                                    "below the root, without '.', '..' and '//'");
        TEXT_COPY(witness->place, path);
        return 0;
}

static int take_disk(struct request *request, struct witness *witness)
{
        const char *name = request_text(request, "volume");
        if (name == NULL || request_text(request, "path") != NULL)
                return request_fail(request, VERB_EXIT_USAGE, "", "see clu quorum witness set --help",
                                    "a witness on a disk needs --volume, and no --path: that is the "
                                    "volume's");
        const struct volume *volume = request_volume(request, name);
        if (volume == NULL)
                return -EINVAL;
        if (volume->kind != VOLUME_DIRECTORY)
                return request_fail(request, VERB_EXIT_REFUSED, "a witness on a disk is a file",
                                    "choose a volume of kind directory", "volume %s has no files", name);
        if (volume->state != VOLUME_READY)
                return request_fail(request, VERB_EXIT_REFUSED, "every node has to see the volume",
                                    "clu volume show says how far they are", "volume %s is not ready yet",
                                    name);
        TEXT_COPY(witness->place, volume->path);
        TEXT_COPY(witness->volume, volume->name);
        return 0;
}

static int take_qnetd(struct request *request, struct witness *witness)
{
        char host[ADDRESS_BYTES];
        uint16_t port;
        const char *place = request_text(request, "host");
        if (place == NULL || qnetd_place_parse(place, host, &port) < 0)
                return request_fail(request, VERB_EXIT_USAGE, "", "see clu quorum witness set --help",
                                    "a qnetd needs --host: a name or an address, with ':PORT' where it is "
                                    "not 5403");
        TEXT_COPY(witness->place, place);
        return 0;
}

static int take_place(struct request *request, struct witness *witness)
{
        switch (witness->kind) {
        case WITNESS_SHARE:
                return take_share(request, witness);
        case WITNESS_DISK:
                return take_disk(request, witness);
        case WITNESS_QNETD:
                return take_qnetd(request, witness);
        case WITNESS_NONE:
        case WITNESS_KIND_COUNT:
                break;
        }
        return request_fail(request, VERB_EXIT_USAGE, "", "see clu quorum witness set --help",
                            "a witness is of kind share, disk or qnetd, not '%s'", request->name);
}

int change_witness_set(struct request *request, struct change *change)
{
        struct command_witness *set = &change->command.witness;
        const struct witness *present = &request->model->settings.witness;
        change->command.kind = COMMAND_WITNESS_SET;
        if (witness_kind_parse(request->name, &set->witness.kind) < 0)
                set->witness.kind = WITNESS_NONE;
        if (take_place(request, &set->witness) < 0)
                return -EINVAL;
        if (present->kind != WITNESS_NONE)
                return request_fail(request, VERB_EXIT_REFUSED, "a cluster has one witness",
                                    "clu quorum witness remove", "there is a witness already: %s %s",
                                    witness_kind_name(present->kind), witness_where(present));
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
