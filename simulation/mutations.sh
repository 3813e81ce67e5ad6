#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Takes the guards of the protocol away one by one and looks how soon the simulation misses them:
#
#       mutations.sh SIMULATE_MUTANTS [NAME...]
#
# A guard that no seed misses fails it. SEEDS bounds each (default 4000), JOBS run at once (default: all processors).
set -eu
simulate=$1
shift
export simulate SEEDS="${SEEDS:-4000}"
directory=$(mktemp -d)
export directory
trap 'rm -rf "$directory"' EXIT

[ $# -gt 0 ] || set -- $("$simulate" --mutations | cut -f 1)
"$simulate" --first 1 --seeds 60 --tail 0 >"$directory/none" 2>&1 ||
        { cat "$directory/none"; echo "the core is not sound with all its guards: nothing can be said of any" >&2; exit 1; }

printf '%s\n' "$@" | xargs -P "${JOBS:-$(nproc)}" -I NAME sh -c \
        '"$simulate" --mutation NAME --first 1 --seeds "$SEEDS" --tail 0 >"$directory/NAME" 2>&1 || :'

printf '%-30s %6s %7s  %s\n' mutation seeds seconds 'rule broken'
lost=0
for name in "$@"; do
        broken=$(sed -n 's/^VIOLATION seed [0-9]*: rule \([^;]*\);.*/\1/p' "$directory/$name")
        figures=$(sed -n 's/^\([0-9]*\) seeds (.*/\1/p; s/.* s, \([0-9.]*\) s of processor time.*/\1/p' "$directory/$name" |
                paste -sd ' ')
        if [ -z "$broken" ] || [ -z "$figures" ]; then
                broken="NOT FOUND: $(tail -n 1 "$directory/$name")"
                lost=$((lost + 1))
        fi
        printf '%-30s %6s %7s  %s\n' "$name" ${figures:-- -} "$broken"
done
echo "$(($# - lost)) of $# mutations found"
[ $lost -eq 0 ]
