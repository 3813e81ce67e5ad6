# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by each lint script: goes to the top of the sources. `make check` sets what is missing here by hand.
set -eu
export LC_ALL=C
: "${top_srcdir:=$(dirname "$0")/../..}"
: "${top_builddir:=$top_srcdir}"
: "${CC:=cc}" "${NM:=nm}" "${OBJDUMP:=objdump}" "${LINT_CFLAGS:=}"
top_builddir=$(cd "$top_builddir" && pwd)
cd "$top_srcdir"
status=0

finding() {
        echo "$*"
        status=1
}

# All files of the project, without what was built or made by autoconf.
lint_files() {
        find . \( -name .git -o -name 'build*' -o -name autom4te.cache -o -name __pycache__ \) -prune -o -type f -print |
                sed 's|^\./||' |
                grep -vE '^(configure|config\.h\.in|aclocal\.m4|Makefile\.in)~?$|\.(o|a|log|trs|pyc|orig|rej)$|~$' | sort
}

lint_c_files() {
        lint_files | grep -E '\.[ch]$'
}

lint_headers() {
        lint_files | grep -E '\.h$'
}
