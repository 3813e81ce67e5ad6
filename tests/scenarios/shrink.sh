#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What a core without one of its guards breaks is shrunk to a story: a few incidents, which break the same rule by
# themselves, and do not where the guard is in its place.
set -eu
mutants=simulation/simulate-mutants
test -x "$mutants" || { echo "$mutants is not built here" >&2; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$mutants" --mutation COMMIT_BY_ONE --seeds 20 --tail 0 --shrink "$folder" > "$folder/output" 2>&1 || true
cat "$folder/output"
story=$(ls "$folder"/seed-*.scenario)
incidents=$(grep -c '^at ' "$story")
test "$incidents" -le 8 || { echo "$incidents incidents are left"; exit 1; }
grep -q '^settings .* quarantine-losses [0-9]* quarantine-window 60000ms quarantine [0-9]*ms lease-renew [0-9]*ms lease [0-9]*ms lease-stop [0-9]*ms resiliency-period [0-9]*ms stall-limit [0-9]*ms$' "$story" # as drawn
! grep -q 'does not break the rule' "$folder/output"
! "$mutants" --mutation COMMIT_BY_ONE "$story" > "$folder/again" 2>&1
grep -q 'rule 2: committed entry lost' "$folder/again" || { cat "$folder/again"; exit 1; }
simulation/simulate "$story"
