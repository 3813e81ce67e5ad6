/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <libvirt/virterror.h>

#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"

#define LOOK_TRIES 5

/* The one place where "there is no such domain" and "could not ask" are told apart. */
static void look_from_error(struct sighting *ret_sighting)
{
        bool is_absent = virGetLastErrorCode() == VIR_ERR_NO_DOMAIN;
        ret_sighting->look = is_absent ? LOOK_ABSENT : LOOK_FAILED;
        ret_sighting->observation = OBSERVED_ABSENT_UNKNOWN;
        ret_sighting->state = -1;
        connection_error(ret_sighting->text);
}

/* Source: qemuDomainGetJobStatsInternal: statistics are refused on a migration's target; 9.0.0 says
 * "unsupported", others "invalid". */
static bool is_refused_on_target(void)
{
        int code = virGetLastErrorCode();
        return code == VIR_ERR_OPERATION_UNSUPPORTED || code == VIR_ERR_OPERATION_INVALID;
}

/* OBSERVED_ABSENT_UNKNOWN: could not ask, as libvirt's last error says; most often it has just gone. */
enum observation domain_migration(virDomainPtr domain)
{
        virTypedParameterPtr parameters = NULL;
        int count = 0, type = 0, operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
        if (virDomainGetJobStats(domain, &type, &parameters, &count, 0) < 0)
                return is_refused_on_target() ? OBSERVED_INCOMING : OBSERVED_ABSENT_UNKNOWN;
        (void)virTypedParamsGetInt(parameters, count, VIR_DOMAIN_JOB_OPERATION, &operation);
        virTypedParamsFree(parameters, count);
        bool is_leaving = type != VIR_DOMAIN_JOB_NONE && operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT;
        return is_leaving ? OBSERVED_OUTGOING : OBSERVED_RUNNING;
}

/* Paused for a migration: is it leaving, or arriving? Only then QEMU's monitor is waited for: one guest that
 * hangs must not spoil the sight of all. */
static enum observation observation_of(struct hypervisor *hypervisor, virDomainPtr domain, int state,
                                       int reason)
{
        const char *role = virDomainGetName(domain);
        hypervisor_lock(hypervisor);
        enum observation known =
                task_is_migrating(hypervisor, role) ? OBSERVED_OUTGOING : mark_read(hypervisor, role);
        hypervisor_unlock(hypervisor);
        if (known == OBSERVED_OUTGOING)
                return known;
        if (state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_IOERROR)
                return OBSERVED_STALLED;
        if (state != VIR_DOMAIN_PAUSED ||
            (reason != VIR_DOMAIN_PAUSED_MIGRATION && reason != VIR_DOMAIN_PAUSED_STARTING_UP))
                return OBSERVED_RUNNING;
        if (known != OBSERVED_INCOMING)
                known = domain_migration(domain);
        /* libvirt resumes what a move that failed has paused before it ends the job; this one it has left. */
        return known == OBSERVED_RUNNING && reason == VIR_DOMAIN_PAUSED_MIGRATION ? OBSERVED_PAUSED : known;
}

static void copy_failure(struct hypervisor *hypervisor, const char *role, char ret_text[REASON_BYTES])
{
        hypervisor_lock(hypervisor);
        text_copy(ret_text, REASON_BYTES, failure_read(hypervisor, role));
        hypervisor_unlock(hypervisor);
}

static const char *text_of(int state)
{
        if (state == VIR_DOMAIN_PAUSED)
                return "paused";
        if (state == VIR_DOMAIN_CRASHED)
                return "the guest panicked; QEMU is still there";
        if (state == VIR_DOMAIN_PMSUSPENDED)
                return "suspended by the guest";
        return "";
}

void domain_look_at(struct hypervisor *hypervisor, virDomainPtr domain, struct sighting *ret_sighting)
{
        int state = 0, reason = 0;
        if (virDomainGetState(domain, &state, &reason, 0) < 0) {
                look_from_error(ret_sighting);
                return;
        }
        ret_sighting->state = state;
        ret_sighting->reason = reason;
        ret_sighting->text[0] = '\0';
        if (state == VIR_DOMAIN_SHUTOFF) {
                ret_sighting->look = LOOK_ABSENT;
                ret_sighting->observation = OBSERVED_ABSENT_UNKNOWN;
                return;
        }
        ret_sighting->observation = observation_of(hypervisor, domain, state, reason);
        if (ret_sighting->observation == OBSERVED_ABSENT_UNKNOWN) {
                look_from_error(ret_sighting);
                return;
        }
        ret_sighting->look = LOOK_HERE;
        if (ret_sighting->observation == OBSERVED_STALLED)
                copy_failure(hypervisor, virDomainGetName(domain), ret_sighting->text);
        else if (ret_sighting->observation == OBSERVED_RUNNING ||
                 ret_sighting->observation == OBSERVED_PAUSED)
                TEXT_PRINT(ret_sighting->text, "%s", text_of(state));
}

void domain_look(struct hypervisor *hypervisor, virConnectPtr connection, const char *role,
                 struct sighting *ret_sighting)
{
        virDomainPtr domain = virDomainLookupByName(connection, role);
        if (domain == NULL) {
                look_from_error(ret_sighting);
                return;
        }
        domain_look_at(hypervisor, domain, ret_sighting);
        (void)virDomainFree(domain);
}

/* A look that an event overtook is stale, and would be believed. */
static bool look_once(struct hypervisor *hypervisor, virConnectPtr connection, const char *role)
{
        struct sighting sighting = { 0 };
        hypervisor_lock(hypervisor);
        uint64_t events_seen = hypervisor->events_seen;
        hypervisor_unlock(hypervisor);
        domain_look(hypervisor, connection, role, &sighting);
        if (sighting.look == LOOK_FAILED)
                return true;
        hypervisor_lock(hypervisor);
        bool is_fresh = events_seen == hypervisor->events_seen;
        if (is_fresh)
                hypervisor_post_observed(hypervisor, role, sighting.observation,
                                         sighting.look == LOOK_HERE ? sighting.text : "");
        hypervisor_unlock(hypervisor);
        return is_fresh;
}

void domain_look_and_post(struct hypervisor *hypervisor, const char *role)
{
        virConnectPtr connection = connection_open(hypervisor->uri);
        if (connection == NULL)
                return; /* the list that follows the next connection will tell */
        for (int i = 0; i < LOOK_TRIES; i++)
                if (look_once(hypervisor, connection, role))
                        break;
        connection_close(connection);
}
