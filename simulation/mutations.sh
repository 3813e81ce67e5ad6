#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Takes the guards of the protocol away one by one and looks how soon the simulation misses them:
#
#       mutations.sh SIMULATE_MUTANTS [NAME...]
#
# Stories that say `guard NAME` are told first, under STORY_SEEDS seeds (default 100), then SEEDS random runs (default 4000) follow. A guard
# that nobody misses fails it. JOBS run at once (default: all processors).
set -eu

# try NAME: its row of the table
try() {
        output=$directory/$1.output
        set -- "$1" $(guarding "$1")
        name=$1
        shift
        if [ $# -gt 0 ] && ! "$simulate" --mutation "$name" --seeds "$STORY_SEEDS" "$@" >"$output" 2>&1; then
                broken=$(sed -n 's/^.*\/\([^/]*\)\.scenario[:0-9]*: seed \([0-9]*\): \(.*\)/\2 \1: \3/p' "$output" | head -n 1)
        elif [ "$SEEDS" -gt 0 ] && ! "$simulate" --mutation "$name" --first 1 --seeds "$SEEDS" --tail 0 >"$output" 2>&1; then
                broken=$(sed -n 's/^VIOLATION seed \([0-9]*\): rule \([^;]*\);.*/\1 \2/p' "$output")
        else
                broken=
        fi
        if [ -n "$broken" ]; then
                printf '%-30s %6s  %s\n' "$name" "${broken%% *}" "${broken#* }"
        else
                printf '%-30s %6s  %s\n' "$name" - "NOT FOUND: $(tail -n 1 "$output")"
        fi
}

# guarding NAME: the stories that say that they need that guard
guarding() {
        grep -rlxE --include '*.scenario' "guard $1" "$stories" || :
}

if [ "$1" = --try ]; then
        try "$2" >"$directory/$2"
        exit
fi

simulate=$1
shift
stories=$(cd "$(dirname "$0")/../tests/scenarios" && pwd)
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
export simulate stories directory SEEDS="${SEEDS:-4000}" STORY_SEEDS="${STORY_SEEDS:-100}"

[ $# -gt 0 ] || set -- $("$simulate" --mutations | cut -f 1)
told=$(guarding "($(echo "$@" | tr ' ' '|'))")
{ "$simulate" --first 1 --seeds 60 --tail 0 && { [ -z "$told" ] || "$simulate" --seeds "$STORY_SEEDS" $told; }; } >"$directory/none" 2>&1 ||
        { cat "$directory/none"; echo "the core is not sound with all its guards: nothing can be said of any" >&2; exit 1; }

printf '%s\n' "$@" | xargs -P "${JOBS:-$(nproc)}" -n 1 "$0" --try
printf '%-30s %6s  %s\n' mutation seeds 'rule or story broken'
cd "$directory" && cat "$@"
lost=$(cat "$@" | grep -c 'NOT FOUND' || :)
echo "$(($# - lost)) of $# mutations found"
[ "$lost" -eq 0 ]
