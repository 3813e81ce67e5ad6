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
        [ -z "$found" ] || finding "$(echo "$found" | cut -d: -f1-2 | sed "s|\$|: calls $pattern; use instead: $instead|")"
done <tests/lint/banned.txt

found=$(grep -E '^(clusterd/(core|protocol)|quorum|csv-storage)/[^:]*:[0-9]*: *default *:' "$code" || true)
[ -z "$found" ] || finding "$(echo "$found" | sed 's/^\([^:]*:[0-9]*\):.*/\1: no default: name every value, so that the compiler finds what a new one needs/')"
exit $status
