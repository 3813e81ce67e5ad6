#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Within `make check`: the guards that stories name, and some of each kind that are missed within few seeds. `make mutations` has them all.
set -eu
simulate=simulation/simulate-mutants
test -x "$simulate" || { echo "$simulate is not built here" >&2; exit 77; }
told=$(grep -rhE '^guard ' --include '*.scenario' "$(dirname "$0")/../tests/scenarios" | cut -d ' ' -f 2)
STORY_SEEDS=20 SEEDS=150 exec "$(dirname "$0")/mutations.sh" "$simulate" $({ echo "$told"; printf '%s\n' \
        HALF_IS_A_MAJORITY PROMISE_NOT_DURABLE UNCOMMITTED_APPLIED LOSS_IS_EVIDENCE FENCED_UNCONFIRMED \
        ABSENT_UNCONFIRMED GUARD_NEVER_LAPSES KEEPER_IN_ANY_RING; } | sort -u)
