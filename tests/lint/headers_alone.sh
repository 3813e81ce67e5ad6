#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every header compiles on its own, and its guard is named after its path.
. "$(dirname "$0")/common.sh"

for header in $(lint_headers); do
        # shellcheck disable=SC2086
        echo "#include \"$header\"" | $CC -std=gnu11 -Wall -Werror -fsyntax-only -I. $LINT_CFLAGS -x c - ||
                finding "$header does not stand alone: let it include what it uses"
        guard=CLU_$(echo "$header" | tr 'a-z/.-' 'A-Z___')
        grep -q "^#ifndef $guard\$" "$header" && grep -q "^#define $guard\$" "$header" ||
                finding "$header: its guard should be $guard"
done
exit $status
