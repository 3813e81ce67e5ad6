#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Some guards of each kind that are missed within few seeds, within `make check`; `make mutations` has them all.
set -eu
simulate=simulation/simulate-mutants
test -x "$simulate" || { echo "$simulate is not built here" >&2; exit 77; }
SEEDS=150 exec "$(dirname "$0")/mutations.sh" "$simulate" HALF_IS_A_MAJORITY PROMISE_NOT_DURABLE \
        UNCOMMITTED_APPLIED LOSS_IS_EVIDENCE FENCED_UNCONFIRMED ABSENT_UNCONFIRMED GUARD_NEVER_LAPSES \
        KEEPER_IN_ANY_RING
