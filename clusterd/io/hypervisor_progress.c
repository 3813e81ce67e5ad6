/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <libvirt/virterror.h>

#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"

/* What libvirt tells of a migration's memory, in bytes. */
struct account {
        int type;
        unsigned long long total, processed, remaining, bytes_per_s;
};

static unsigned long long value_of(virTypedParameterPtr parameters, int count, const char *name)
{
        unsigned long long value = 0;
        return virTypedParamsGetULLong(parameters, count, name, &value) == 1 ? value : 0;
}

static bool account_read(virDomainPtr domain, struct account *ret_account)
{
        virTypedParameterPtr parameters = NULL;
        int count = 0;
        if (virDomainGetJobStats(domain, &ret_account->type, &parameters, &count, 0) < 0)
                return false;
        ret_account->total = value_of(parameters, count, VIR_DOMAIN_JOB_MEMORY_TOTAL);
        ret_account->processed = value_of(parameters, count, VIR_DOMAIN_JOB_MEMORY_PROCESSED);
        ret_account->remaining = value_of(parameters, count, VIR_DOMAIN_JOB_MEMORY_REMAINING);
        ret_account->bytes_per_s = value_of(parameters, count, VIR_DOMAIN_JOB_MEMORY_BPS);
        virTypedParamsFree(parameters, count);
        return true;
}

static void progress_set(struct hypervisor_progress *progress, const struct account *account)
{
        if (account->total == 0)
                return;
        if (text_equal(progress->step, "prepare"))
                TEXT_COPY(progress->step, "memory");
        unsigned long long done =
                account->total - (account->remaining < account->total ? account->remaining : account->total);
        progress->percent = (uint32_t)((double)done * 100 / (double)account->total);
        progress->mib_s = (uint32_t)(account->bytes_per_s >> 20);
        progress->remaining_mib = account->remaining >> 20;
}

/* Time that passes is no progress, and neither is an answer: only another number is. */
static void move_note(struct task *task, const struct account *account)
{
        uint64_t mark = account->processed * 31 + account->remaining * 7;
        if (mark != task->progress_mark)
                task->deadline_ms = hypervisor_now_ms() + MOVE_STILL_MS;
        task->progress_mark = mark;
        progress_set(&task->progress, account);
}

void move_poll(void *context)
{
        struct task *task = context;
        struct hypervisor *hypervisor = task->hypervisor;
        struct account account = { 0 };
        hypervisor_lock(hypervisor);
        virDomainPtr domain = task->domain;
        if (domain != NULL)
                (void)virDomainRef(domain);
        hypervisor_unlock(hypervisor);
        if (domain == NULL)
                return;
        bool is_read = account_read(domain, &account);
        (void)virDomainFree(domain);
        hypervisor_lock(hypervisor);
        if (is_read && task->domain != NULL)
                move_note(task, &account);
        hypervisor_unlock(hypervisor);
}
