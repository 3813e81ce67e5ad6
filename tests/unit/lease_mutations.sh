#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Takes the rules of lease_mutations.txt away one by one: each must be missed by lease_world_test within SEEDS seeds, or
# else by the unit tests. By hand: it takes a minute.
set -eu
: "${top_srcdir:=$(dirname "$0")/../..}" "${CC:=cc}" "${SEEDS:=200}"
cd "$top_srcdir"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tests"

compile() { # source, object
        $CC -std=gnu11 -O2 -w -D_GNU_SOURCE -I. ${CHECK_CFLAGS:-} -c "$1" -o "$2"
}

program() { # test
        $CC -o "$work/$1" "$work/tests/$1.o" "$work"/*.o ${CHECK_LIBS:--lcheck -lsubunit -lm -lrt -lpthread}
}

# The file with one line replaced; fails unless that line is there.
mutate() { # file, line, instead
        line=$2 instead=$3 awk '
                function trim(text) { gsub(/^[ \t]+|[ \t]+$/, "", text); return text }
                trim($0) == ENVIRON["line"] && !done { print ENVIRON["instead"]; done = 1; next }
                { print }
                END { exit !done }' "$1"
}

# Who misses it; empty: nobody.
missed_by() {
        program lease_world_test
        "$work/lease_world_test" 1 "$SEEDS" >"$work/log" 2>&1 ||
                { grep -E '^seed|Assertion' "$work/log" | tail -n 1; return; }
        for test in lease_node_test lease_observer_test lease_record_test; do
                program "$test"
                "$work/$test" >"$work/log" 2>&1 || { echo "$test"; return; }
        done
}

for source in csv-storage/*.c clusterd/base/bytes.c clusterd/base/text.c simulation/random.c tests/unit/lease_world.c \
                tests/unit/lease_world_host.c; do
        compile "$source" "$work/$(basename "$source" .c).o"
done
for source in tests/unit/lease_*_test.c; do
        compile "$source" "$work/tests/$(basename "$source" .c).o"
done

status=0
while IFS= read -r title; do
        case $title in '' | '#'*) continue ;; esac
        IFS= read -r line
        IFS= read -r instead
        rule=${title%: *} file=${title##*: }
        object=$work/$(basename "$file" .c).o
        if ! mutate "$file" "$line" "$instead" >"$work/mutant.c"; then
                echo "$rule: $file has no line \"$line\" any more"
                status=1
                continue
        fi
        cp "$object" "$work/kept"
        compile "$work/mutant.c" "$object"
        by=$(missed_by)
        echo "$rule: ${by:-MISSED BY NOBODY}"
        [ -n "$by" ] || status=1
        mv "$work/kept" "$object"
done <tests/unit/lease_mutations.txt
exit $status
