#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Functions that we do not call (banned.txt), and a switch over an enum names every value of it.
. "$(dirname "$0")/common.sh"

code=$(mktemp)
trap 'rm -f "$code"' EXIT
# shellcheck disable=SC2046
awk -f tests/lint/code_only.awk $(lint_c_files) >"$code"

tab=$(printf '\t')
while IFS=$tab read -r pattern where excepted instead; do
        case $pattern in '' | '#'*) continue ;; esac
        found=$(grep -E "(^|[^A-Za-z0-9_.>])($pattern) ?\(" "$code" | grep -E "$where" | grep -vE -e "$excepted" || true)
        for place in $(echo "$found" | cut -d: -f1-2); do
                finding "$place: $pattern() is not called here; instead: $instead"
        done
done <tests/lint/banned.txt

found=$(grep -E '^(clusterd/(core|protocol)|quorum|csv-storage)/[^:]*:[0-9]*:(.*[^A-Za-z0-9_])?default *:' "$code" || true)
for place in $(echo "$found" | cut -d: -f1-2); do
        finding "$place: no default: name every value, so that the compiler finds where a new one matters"
done
exit $status
