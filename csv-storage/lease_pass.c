/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "csv-storage/lease_pass.h"

/* Of this incarnation and older than what we write: whichever of our earlier passes reached the disk. */
static bool is_of_ours(const struct lease_pass *pass, const struct lease_record *record)
{
        return record->incarnation == pass->record.incarnation && record->sequence < pass->record.sequence;
}

bool lease_pass_may_write(const struct lease_pass *pass, enum sector_content found,
                          const struct lease_record *record)
{
        /* Of another cluster or a later version: never. */
        if (found == SECTOR_FOREIGN || found == SECTOR_VERSION)
                return false;
        switch (pass->kind) {
        case LEASE_PASS_LOOK:
                return false;
        case LEASE_PASS_BEGIN:
                return true;
        case LEASE_PASS_RENEW:
        case LEASE_PASS_RELEASE:
                /* Damaged: torn by a write of ours that failed. Blank: somebody made the area anew.
                 * Misplaced: what stood here has gone elsewhere, and others may have read that. */
                return found == SECTOR_DAMAGED || (found == SECTOR_VALID && is_of_ours(pass, record));
        }
        return false;
}
