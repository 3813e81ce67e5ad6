/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "csv-storage/lease_observer.h"

#include <assert.h>
#include <string.h>

#define FIRST_LOOK_MS 500 /* until a record tells how often it is renewed */
/* A record that stands still for so many renewals is not renewed any more. */
#define SILENT_RENEWALS 3

const char *lease_finding_name(enum lease_finding finding)
{
        static const char *const names[LEASE_FINDING_COUNT] = {
                [LEASE_FINDING_NONE] = "none",       [LEASE_FINDING_RENEWED] = "renewed",
                [LEASE_FINDING_SILENT] = "silent",   [LEASE_FINDING_RELEASED] = "released",
                [LEASE_FINDING_EXPIRED] = "expired", [LEASE_FINDING_UNREADABLE] = "unreadable",
        };
        return names[finding];
}

void lease_observer_begin(struct lease_observer *observer, uint32_t node, uint64_t lost_ms)
{
        memset(observer, 0, sizeof *observer);
        observer->node = node;
        observer->lost_ms = lost_ms;
}

/* The time too, should ever two processes have written the same number. */
static bool is_same_record(const struct lease_record *one, const struct lease_record *other)
{
        return one->incarnation == other->incarnation && one->sequence == other->sequence &&
               one->held_until_ms == other->held_until_ms;
}

static enum lease_finding find(const struct lease_observer *observer)
{
        const struct lease_sight *last = &observer->last;
        const struct lease_timings *timings = &last->record.timings;
        if (last->content != SECTOR_VALID)
                return LEASE_FINDING_UNREADABLE;
        if (last->record.state == LEASE_RECORD_RELEASED)
                return LEASE_FINDING_RELEASED;
        /* From the end of the first sight to the begin of the last: in between nothing else was written. */
        uint64_t stood_ms = last->started_ms > observer->since_ms ? last->started_ms - observer->since_ms : 0;
        if (timings->watchdog_ms != 0 && stood_ms >= lease_timings_expiry_ms(timings))
                return LEASE_FINDING_EXPIRED;
        if (stood_ms >= (uint64_t)SILENT_RENEWALS * timings->renew_ms)
                return LEASE_FINDING_SILENT;
        return observer->moved_ms != 0 ? LEASE_FINDING_RENEWED : LEASE_FINDING_NONE;
}

enum lease_finding lease_observer_see(struct lease_observer *observer, const struct lease_sight *sight)
{
        assert(sight->ended_ms >= sight->started_ms);
        if (sight->started_ms < observer->lost_ms)
                return observer->finding;
        if (sight->error != 0) {
                observer->finding = LEASE_FINDING_UNREADABLE;
                return observer->finding;
        }
        bool had = observer->since_ms != 0 && observer->last.content == SECTOR_VALID;
        bool has = sight->content == SECTOR_VALID;
        bool same = had && has && is_same_record(&observer->last.record, &sight->record);
        if (!same)
                observer->since_ms = sight->ended_ms;
        if (had && has && !same)
                observer->moved_ms = sight->ended_ms;
        observer->last = *sight;
        observer->finding = find(observer);
        return observer->finding;
}

uint64_t lease_observer_next_ms(const struct lease_observer *observer)
{
        const struct lease_sight *last = &observer->last;
        if (observer->since_ms == 0 || last->content != SECTOR_VALID)
                return last->ended_ms + FIRST_LOOK_MS;
        uint64_t next_ms = last->ended_ms + last->record.timings.renew_ms;
        uint64_t expires_ms = observer->since_ms + lease_timings_expiry_ms(&last->record.timings);
        return expires_ms > last->ended_ms && expires_ms < next_ms ? expires_ms : next_ms;
}

bool lease_observer_revokes(const struct lease_observer *observer, uint32_t writer, uint64_t epoch,
                            uint64_t lost_incarnation, struct lease_revocation *ret_revocation)
{
        const struct lease_sight *last = &observer->last;
        if (observer->since_ms == 0 || last->content != SECTOR_VALID ||
            last->record.state != LEASE_RECORD_HELD)
                return false;
        if (last->has_revocation && last->revocation.incarnation == last->record.incarnation &&
            last->revocation.epoch >= epoch && last->revocation.lost_incarnation >= lost_incarnation)
                return false;
        *ret_revocation = (struct lease_revocation){
                .node = observer->node,
                .writer = writer,
                .incarnation = last->record.incarnation,
                .epoch = epoch,
                .lost_incarnation = lost_incarnation,
        };
        return true;
}

bool lease_observer_is_obeyed(const struct lease_observer *observer, uint64_t lost_incarnation)
{
        return observer->finding == LEASE_FINDING_RELEASED &&
               observer->last.record.obeys == lost_incarnation && lost_incarnation != 0;
}
