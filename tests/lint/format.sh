#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The sources look as .clang-format says. To mend: clang-format -i --style=file FILE
. "$(dirname "$0")/common.sh"

if ! command -v clang-format >/dev/null; then
        echo "skipped: clang-format is not installed (Debian package clang-format)"
        exit 77
fi
for file in $(lint_c_files); do
        clang-format --style=file --dry-run -Werror "$file" >/dev/null 2>&1 ||
                finding "$file: run clang-format -i --style=file $file"
done
exit $status
