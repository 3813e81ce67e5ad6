#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The same seed gives the same transcript, byte for byte: in two processes whose fresh memory holds other bytes and
# lies elsewhere, and by several processes at once. SIMULATE_ALSO names the program of another build (one with
# sanitizers, say), which must come to the same.
set -eu
simulate=simulation/simulate
test -x "$simulate" || { echo "$simulate is not built here" >&2; exit 77; }
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

same() {
        cmp "$directory/$1" "$directory/$2" || { echo "$3" >&2; exit 1; }
}

words="--first 7 --seeds 2 --seconds 20 --verbose"
MALLOC_PERTURB_=85 "$simulate" $words >"$directory/one"
MALLOC_PERTURB_=170 "$simulate" $words >"$directory/two"
same one two "a seed's transcript differs between two processes"
"$simulate" $words --jobs 2 >"$directory/jobs"
same one jobs "two processes at once do not print what one prints"
if [ -n "${SIMULATE_ALSO:-}" ]; then
        "$SIMULATE_ALSO" $words >"$directory/also"
        same one also "$SIMULATE_ALSO comes to another transcript"
fi
grep '^seed .* transcript ' "$directory/one"
