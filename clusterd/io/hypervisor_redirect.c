/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/guest_disks.h"
#include "clusterd/io/hypervisor_state.h"

/* A guest goes over to an export of its disks, or back to its own files. Each order begins with a look at
 * what it has, so that it can be given again. */

static void place_of(const struct task *task, struct export_place *ret_place)
{
        *ret_place = (struct export_place){ .offer.port = task->port };
        TEXT_PRINT(ret_place->directory, "%.120s/%s", task->hypervisor->redirect_dir, task->role);
        TEXT_COPY(ret_place->address, task->address);
        TEXT_COPY(ret_place->offer.key, task->key);
}

/* --- to an export --- */

static bool has_all(const struct guest_disks *disks, uint32_t offer)
{
        for (size_t i = 0; i < disks->count; i++)
                if (!disks->disks[i].is_export || disks->disks[i].offer != offer)
                        return false;
        return true;
}

static int go_over(virDomainPtr domain, const struct guest_disks *disks, const struct export_place *place,
                   char ret_error[REASON_BYTES])
{
        for (unsigned i = 0; i < disks->count; i++)
                if (guest_disk_redirect(domain, &disks->disks[i], i, place, ret_error) < 0)
                        return -1;
        return 0;
}

static void redirect(struct task *task, virConnectPtr connection, virDomainPtr domain,
                     enum observation observation)
{
        struct export_place place;
        struct guest_disks disks;
        char text[REASON_BYTES] = "it runs, and not by this export";
        place_of(task, &place);
        int r = guest_disks_read(domain, task->hypervisor->exports, &disks, text);
        bool is_done = r == 0 && has_all(&disks, guest_disks_offer(&place));
        if (r == 0 && observation == OBSERVED_STALLED)
                r = go_over(domain, &disks, &place, text);
        explicit_bzero(&place, sizeof place);
        if (r == 0 && observation == OBSERVED_STALLED)
                resume_guest(task, connection, domain);
        else if (r == 0 && is_done)
                task_finish(task, OPERATION_SUCCEEDED, observation, NULL);
        else
                task_finish(task, OPERATION_FAILED, observation, text);
}

/* --- to its own files --- */

int redirect_undo(struct task *task, virDomainPtr domain, bool is_served, char ret_error[REASON_BYTES])
{
        struct export_place place;
        struct guest_disks disks;
        place_of(task, &place);
        if (access(place.directory, F_OK) < 0)
                return 0; /* it has never been redirected */
        if (guest_disks_read(domain, task->hypervisor->exports, &disks, ret_error) < 0)
                return -1;
        for (unsigned i = 0; i < disks.count; i++)
                if (guest_disk_return(domain, &disks.disks[i], i, place.directory, is_served, ret_error) < 0)
                        return -1;
        (void)rmdir(place.directory);
        return 0;
}

static void go_back(struct task *task, virConnectPtr connection, virDomainPtr domain,
                    enum observation observation)
{
        struct sighting sighting = { 0 };
        char text[REASON_BYTES] = "it has stalled";
        int r = observation == OBSERVED_RUNNING ? redirect_undo(task, domain, true, text) : -1;
        domain_look(task->hypervisor, connection, task->role, &sighting);
        if (sighting.look == LOOK_FAILED)
                task_finish(task, OPERATION_UNKNOWN, sighting.observation, sighting.text);
        else if (r == 0 && sighting.observation == OBSERVED_RUNNING)
                task_finish(task, OPERATION_SUCCEEDED, OBSERVED_RUNNING, NULL);
        else
                task_finish(task, OPERATION_FAILED, sighting.observation, r < 0 ? text : sighting.text);
}

/* --- either --- */

static void on_guest(struct task *task, void (*act)(struct task *task, virConnectPtr connection,
                                                    virDomainPtr domain, enum observation observation))
{
        virConnectPtr connection = connection_open_for(task);
        if (connection == NULL)
                return; /* the deadline has answered */
        struct sighting sighting = { 0 };
        domain_look(task->hypervisor, connection, task->role, &sighting);
        bool is_here = sighting.look == LOOK_HERE &&
                       (sighting.observation == OBSERVED_STALLED || sighting.observation == OBSERVED_RUNNING);
        virDomainPtr domain = is_here ? virDomainLookupByName(connection, task->role) : NULL;
        if (domain != NULL)
                act(task, connection, domain, sighting.observation);
        else if (sighting.look == LOOK_FAILED || is_here)
                task_finish(task, OPERATION_UNKNOWN, sighting.observation, "it went while we looked");
        else
                task_finish(task, OPERATION_FAILED, sighting.observation, "it does not run here");
        if (domain != NULL)
                (void)virDomainFree(domain);
        connection_close(connection);
}

void redirect_step(struct task *task)
{
        on_guest(task, redirect);
}

void return_step(struct task *task)
{
        on_guest(task, go_back);
}
