/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"

static struct mark *mark_find(const struct hypervisor *hypervisor, const char *role)
{
        for (size_t i = 0; i < hypervisor->mark_count; i++)
                if (text_equal(hypervisor->marks[i].role, role))
                        return &hypervisor->marks[i];
        return NULL;
}

enum observation mark_read(const struct hypervisor *hypervisor, const char *role)
{
        const struct mark *mark = mark_find(hypervisor, role);
        return mark == NULL ? OBSERVED_RUNNING : mark->observation;
}

static struct mark *mark_add(struct hypervisor *hypervisor, const char *role)
{
        size_t count = hypervisor->mark_count + 1;
        hypervisor->marks = reallocarray(hypervisor->marks, count, sizeof(*hypervisor->marks));
        assert(hypervisor->marks != NULL);
        hypervisor->mark_count = count;
        TEXT_COPY(hypervisor->marks[count - 1].role, role);
        return &hypervisor->marks[count - 1];
}

void mark_write(struct hypervisor *hypervisor, const char *role, enum observation observation)
{
        struct mark *mark = mark_find(hypervisor, role);
        if (observation == OBSERVED_RUNNING) {
                if (mark != NULL)
                        *mark = hypervisor->marks[--hypervisor->mark_count];
                return;
        }
        if (mark == NULL)
                mark = mark_add(hypervisor, role);
        mark->observation = observation;
}

bool mark_has_any(const struct hypervisor *hypervisor, enum observation observation)
{
        for (size_t i = 0; i < hypervisor->mark_count; i++)
                if (hypervisor->marks[i].observation == observation)
                        return true;
        return false;
}

static struct failure *failure_find(const struct hypervisor *hypervisor, const char *role)
{
        for (size_t i = 0; i < hypervisor->failure_count; i++)
                if (text_equal(hypervisor->failures[i].role, role))
                        return &hypervisor->failures[i];
        return NULL;
}

void failure_write(struct hypervisor *hypervisor, const char *role, const char *text)
{
        struct failure *failure = failure_find(hypervisor, role);
        if (failure == NULL && text == NULL)
                return;
        if (text == NULL) {
                *failure = hypervisor->failures[--hypervisor->failure_count];
                return;
        }
        if (failure == NULL) {
                size_t count = hypervisor->failure_count + 1;
                hypervisor->failures =
                        reallocarray(hypervisor->failures, count, sizeof(*hypervisor->failures));
                assert(hypervisor->failures != NULL);
                hypervisor->failure_count = count;
                failure = &hypervisor->failures[count - 1];
                TEXT_COPY(failure->role, role);
        }
        TEXT_COPY(failure->text, text);
}

const char *failure_read(const struct hypervisor *hypervisor, const char *role)
{
        const struct failure *failure = failure_find(hypervisor, role);
        return failure == NULL ? "I/O error" : failure->text; /* which disk, only an earlier process heard */
}
