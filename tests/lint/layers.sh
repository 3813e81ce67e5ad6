#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Folders include only what layers.txt lists for them.
. "$(dirname "$0")/common.sh"

# The line of a folder, or of the nearest folder above it that has one.
allowed_for() {
        folder=$1
        while ! grep -q "^$folder:" tests/lint/layers.txt; do
                case $folder in
                */*) folder=${folder%/*} ;;
                *) return 1 ;;
                esac
        done
        sed -n "s|^$folder:||p" tests/lint/layers.txt
}

is_allowed() { # header, folder of the file, allowed
        [ "${1%/*}" != "$2" ] || return 0
        for one in $3; do
                [ "$one" != '*' ] && [ "$one" != "$1" ] && [ "$one" != "${1%/*}" ] || return 0
        done
        return 1
}

set -f
for directory in $(lint_c_files | sed 's|/[^/]*$||' | sort -u); do
        if ! allowed=$(allowed_for "$directory"); then
                finding "$directory: not in tests/lint/layers.txt: say there what it may include"
                continue
        fi
        for pair in $(lint_c_files | grep "^$directory/[^/]*$" |
                      xargs sed -n '/^#include "/{F;s/^#include "\(.*\)".*/\1/p}' | paste -d= - -); do
                header=${pair#*=}
                file=${pair%%=*}
                case $header in
                config.h) continue ;;
                */*) ;;
                *) finding "$file: \"$header\": include by the path from the top" ; continue ;;
                esac
                is_allowed "$header" "$directory" "$allowed" ||
                        finding "$file: $directory may not include $header (see tests/lint/layers.txt)"
        done
done
exit $status
