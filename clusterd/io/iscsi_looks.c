/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/iscsi_looks.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/iscsi_gateways.h"

#define LOOK_MS 8000 /* the core takes it for a loss after ten seconds */

struct iscsi_looks {
        struct process_runner *runner;
        iscsi_on_looked on_looked;
        void *context;
        char program[PATH_MAX];
        char initiator[2 * NAME_BYTES];
};

struct look {
        struct iscsi_looks *looks;
        uint64_t number;
        uint32_t volume;
        node_set expected;
};

struct iscsi_looks *iscsi_looks_new(struct process_runner *runner, const char *helpers, const char *node_name,
                                    iscsi_on_looked on_looked, void *context)
{
        struct iscsi_looks *looks = calloc(1, sizeof *looks);
        assert(looks != NULL);
        looks->runner = runner;
        looks->on_looked = on_looked;
        looks->context = context;
        TEXT_PRINT(looks->program, "%s/clu-iscsi-look", helpers);
        TEXT_PRINT(looks->initiator, ISCSI_INITIATOR, node_name);
        return looks;
}

void iscsi_looks_free(struct iscsi_looks *looks)
{
        free(looks);
}

static void on_exit_of(void *context, const struct process_result *result)
{
        SCOPED_FREE struct look *look = context;
        struct cluster_event event = { .kind = CLUSTER_EVENT_LOOKED };
        bool is_there = !result->timed_out && result->exit_code == EXIT_SUCCESS;
        event.looked.look = look->number;
        event.looked.id = look->volume;
        event.looked.found = is_there ? PATH_DIRECT : PATH_FAILED;
        event.looked.seen = is_there ? look->expected : 0;
        if (result->timed_out)
                TEXT_PRINT(event.looked.text, "no answer in %u s", LOOK_MS / 1000);
        else if (!is_there)
                TEXT_PRINT(event.looked.text, "%.*s", (int)strcspn(result->output, "\n"), result->output);
        look->looks->on_looked(look->looks->context, &event);
}

void iscsi_looks_begin(struct iscsi_looks *looks, const struct cluster_action *action,
                       const struct model *model)
{
        const struct volume *volume = model_volume_by_id(model, action->volume.id);
        struct look *look = calloc(1, sizeof *look);
        assert(look != NULL);
        assert(volume != NULL);
        look->looks = looks;
        look->number = action->volume.look;
        look->volume = action->volume.id;
        look->expected = action->volume.expected;
        const struct volume_login *login = &volume->login;
        const char *argv[] = { looks->program,
                               login->portal,
                               volume->path,
                               looks->initiator,
                               login->user[0] == '\0' ? NULL : login->user,
                               NULL };
        struct process_request request = {
                .argv = argv,
                .input = login->user[0] == '\0' ? NULL : login->password,
                .timeout_ms = LOOK_MS,
                .on_exit = on_exit_of,
                .context = look,
        };
        process_run(looks->runner, &request);
}
