/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/iscsi_preempts.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/path.h"
#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/core/role_state.h"
#include "clusterd/io/domain_definition.h"
#include "clusterd/io/iscsi_gateways.h"

#define PREEMPT_MS 12000
#define WORDS      7 /* before the LUNs */

struct iscsi_preempts {
        struct process_runner *runner;
        struct iscsi_preempts_listener listener;
        uint32_t node;
        char program[PATH_MAX];
        char initiator[2 * NAME_BYTES];
};

struct preempt {
        struct iscsi_preempts *preempts;
        uint64_t attempt;
};

/* The LUNs of a target, as words. */
struct luns {
        const struct volume *volume;
        char (*word)[16];
        size_t count;
};

struct iscsi_preempts *iscsi_preempts_new(struct process_runner *runner, const char *helpers, uint32_t node,
                                          const char *node_name,
                                          const struct iscsi_preempts_listener *listener)
{
        struct iscsi_preempts *preempts = calloc(1, sizeof *preempts);
        assert(preempts != NULL);
        preempts->runner = runner;
        preempts->listener = *listener;
        preempts->node = node;
        TEXT_PRINT(preempts->program, "%s/clu-iscsi-preempt", helpers);
        TEXT_PRINT(preempts->initiator, ISCSI_INITIATOR, node_name);
        return preempts;
}

void iscsi_preempts_free(struct iscsi_preempts *preempts)
{
        free(preempts);
}

static void add_lun(void *context, const char *file)
{
        struct luns *luns = context;
        uint32_t lun;
        if (!target_holds(luns->volume->path, file, &lun))
                return;
        luns->word = reallocarray(luns->word, luns->count + 1, sizeof *luns->word);
        assert(luns->word != NULL);
        TEXT_PRINT(luns->word[luns->count], "%u", lun);
        luns->count++;
}

/* False: its LUNs are not known. */
static bool add_role(struct iscsi_preempts *preempts, const struct role *role, struct luns *luns)
{
        SCOPED_FREE char *text = NULL;
        size_t bytes = 0, before = luns->count;
        if (preempts->listener.read_definition(preempts->listener.context, role->definition_hash, &text,
                                               &bytes) < 0)
                return false;
        domain_definition_files(text, bytes, add_lun, luns);
        return luns->count > before;
}

/* None, if those of any role are not known: then nothing can be proven. */
static void find_luns(struct iscsi_preempts *preempts, const struct cluster_action *action,
                      const struct model *model, struct luns *luns)
{
        MODEL_EACH_ROLE (model, role)
                if (role_may_run_on(role, action->preempt.node) &&
                    node_set_has(role->reserved, luns->volume->id) && !add_role(preempts, role, luns)) {
                        luns->count = 0;
                        return;
                }
}

static void on_exit_of(void *context, const struct process_result *result)
{
        SCOPED_FREE struct preempt *preempt = context;
        struct cluster_event event = { .kind = CLUSTER_EVENT_PREEMPTED };
        event.preempted.attempt = preempt->attempt;
        event.preempted.succeeded = !result->timed_out && result->exit_code == EXIT_SUCCESS;
        if (result->timed_out)
                TEXT_PRINT(event.preempted.text, "no answer in %u s", PREEMPT_MS / 1000);
        else if (!event.preempted.succeeded)
                TEXT_PRINT(event.preempted.text, "%.*s", (int)strcspn(result->output, "\n"), result->output);
        preempt->preempts->listener.on_event(preempt->preempts->listener.context, &event);
}

static void run(struct iscsi_preempts *preempts, const struct cluster_action *action,
                const struct model *model, const struct luns *luns)
{
        const struct volume_login *login = &luns->volume->login;
        char key[24], node[16];
        const char **argv = calloc(WORDS + luns->count + 1, sizeof *argv);
        struct preempt *preempt = calloc(1, sizeof *preempt);
        assert(argv != NULL && preempt != NULL);
        preempt->preempts = preempts;
        preempt->attempt = action->preempt.attempt;
        TEXT_PRINT(key, "%016llx",
                   (unsigned long long)iscsi_key_new(model->settings.cluster_name, luns->volume->path,
                                                     preempts->node));
        TEXT_PRINT(node, "%u", action->preempt.node);
        const char *words[WORDS] = { preempts->program,
                                     login->portal,
                                     luns->volume->path,
                                     preempts->initiator,
                                     login->user,
                                     key,
                                     node };
        memcpy(argv, words, sizeof words);
        for (size_t i = 0; i < luns->count; i++)
                argv[WORDS + i] = luns->word[i];
        process_run(preempts->runner,
                    &(struct process_request){ .argv = argv,
                                               .input = login->user[0] == '\0' ? NULL : login->password,
                                               .timeout_ms = PREEMPT_MS,
                                               .on_exit = on_exit_of,
                                               .context = preempt });
        free(argv);
}

void iscsi_preempts_begin(struct iscsi_preempts *preempts, const struct cluster_action *action,
                          const struct model *model)
{
        struct luns luns = { .volume = model_volume_by_id(model, action->preempt.id) };
        assert(luns.volume != NULL);
        find_luns(preempts, action, model, &luns);
        run(preempts, action, model, &luns); /* without LUNs it says that it lacks them */
        free(luns.word);
}
