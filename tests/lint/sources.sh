#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every source says its licence, is built, and is about one thing; no text names the machine that it was written on.
. "$(dirname "$0")/common.sh"

LINES_MAX=600
# Of one module's tests, which are a list.
LINES_OF_TEST_MAX=800

is_script() {
        head -c 2 "$1" | grep -q '^#!'
}

for file in $(lint_files); do
        case $file in
        *.c | *.h | *.py | *.sh | *.awk) ;;
        *) is_script "$file" || continue ;;
        esac
        head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' ||
                finding "$file: say SPDX-License-Identifier: GPL-2.0-or-later in the first lines"
        lines=$(wc -l <"$file")
        case $file in
        tests/unit/*) limit=$LINES_OF_TEST_MAX ;;
        *) limit=$LINES_MAX ;;
        esac
        [ "$lines" -le $limit ] ||
                finding "$file: $lines lines: which idea of it belongs into a file of its own?"
done

# What the lab compiles by itself is not make's.
for file in $(lint_c_files | grep -v '^tests/lab/'); do
        grep -qE "(^|[^A-Za-z0-9_])${file##*/}([^A-Za-z0-9_]|\$)" local.mk */local.mk */*/local.mk 2>/dev/null ||
                finding "$file: no local.mk names it"
done

# A folder of stories that is not named is in no release, and nobody misses it there.
for folder in tests/scenarios/*/; do
        grep -q "%D%/$(basename "$folder")\>" tests/scenarios/local.mk ||
                finding "$folder: tests/scenarios/local.mk does not name it"
done

# Directories above this tree that no other machine need have; one of a single name may be anybody's word.
own=$(d=$(pwd); while [ "$d" != / ]; do
              case ${d#/} in
              home/* | usr/src | usr/local | usr/local/src | var/tmp) ;;
              */*) echo "$d" ;;
              esac
              d=$(dirname "$d")
      done | sed 's/[.+]/\\&/g' | paste -sd '|')
places='/home/[a-z]|/Users/[a-z]|/root/'
[ -z "$own" ] || places="$places|($own)(/|\$|[^A-Za-z0-9_-])"
found=$(lint_files | grep -v '^tests/lint/' | xargs grep -nIE "(^|[^A-Za-z0-9_.*/-])($places)" || true)
[ -z "$found" ] || finding "$(echo "$found" | sed 's/^\([^:]*:[0-9]*\):.*/\1: names a place of one machine/')"

found=$(lint_files | grep -v '^COPYING$' | xargs grep -nIE '[ 	]+$|^(<<<<<<<|>>>>>>>) ' || true)
[ -z "$found" ] || finding "$(echo "$found" | sed 's/^\([^:]*:[0-9]*\):.*/\1: blanks at the end of the line, or a merge left open/')"
exit $status
