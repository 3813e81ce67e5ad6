#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What is pure calls nothing that touches the world and keeps no state of its own.
. "$(dirname "$0")/common.sh"

libc='mem(cpy|set|cmp|move|chr)|str(n?len|n?cmp|chr|rchr|spn|cspn|str)|v?snprintf|abs|qsort|bsearch'
checks='__assert_fail|__stack_chk_fail|__(mem|str|snprintf|vsnprintf)[a-z]*_chk|__(asan|ubsan)_.*|_GLOBAL_OFFSET_TABLE_|__gcov_.*|__popcount[sd]i2'
heap='malloc|calloc|realloc|free|abort|strdup|strndup|__ctype_[a-z]*_loc|__errno_location'
# jansson between text in memory and values; never its files.
jansson='json_(loadb|loads|dumps|dumpb)|json_(object|array|string|integer|real|true|false|null|boolean|number|delete|equal|unpack|pack)[a-z_]*'
numbers='strto(l|ul|ll|ull|imax|umax)|__isoc99_strto[a-z]*'

# check ARCHIVE ALLOWED ARCHIVE_BELOW...
check() {
        archive=$1 allowed=$2
        shift 2
        [ -e "$top_builddir/$archive" ] || { finding "$archive was not built"; return; }
        defined=$(for one in "$archive" "$@"; do
                          "$NM" --defined-only "$top_builddir/$one" | awk 'NF == 3 { print $3 }'
                  done | sort -u)
        for symbol in $("$NM" --undefined-only "$top_builddir/$archive" | awk '$1 == "U" { print $2 }' | sort -u); do
                echo "$symbol" | grep -qxE "$allowed" || echo "$defined" | grep -qxF -e "$symbol" ||
                        finding "$archive calls $symbol: let it arrive in an event or leave as an action"
        done
        for symbol in $("$OBJDUMP" -t "$top_builddir/$archive" 2>/dev/null |
                        awk '$4 ~ /^(\.data|\.bss|\*COM\*)$/ && $NF !~ /^\./ && $5 !~ /^0+$/ { print $NF }
                             $3 ~ /^(\.data|\.bss|\*COM\*)$/ && $NF !~ /^\./ && $4 !~ /^0+$/ { print $NF }' |
                        grep -vE '^__(asan|ubsan|gcov|odr)' | sort -u); do
                finding "$archive keeps state in $symbol: two clusters live in one process, put it into struct cluster"
        done
}

# The protocol's archive without its codecs: names of enums, subjects of commands, the seal of an entry.
protocol_values() {
        for symbol in $("$NM" --undefined-only "$top_builddir/clusterd/libclucore.a" | awk '$1 == "U" { print $2 }' | sort -u); do
                case $symbol in
                *_encode | *_decode | verb_*) finding "clusterd/libclucore.a calls $symbol: text is for io" ;;
                esac
        done
}

check clusterd/libclubase.a "$libc|$checks"
check quorum/libcluquorum.a "$libc|$checks" clusterd/libclubase.a
[ ! -e csv-storage/local.mk ] || check csv-storage/libclustorage.a "$libc|$checks" clusterd/libclubase.a
check clusterd/libcluprotocol.a "$libc|$checks|$heap|$jansson|$numbers|nettle_[a-z0-9_]*" clusterd/libclubase.a
check clusterd/libclucore.a "$libc|$checks" clusterd/libclubase.a quorum/libcluquorum.a csv-storage/libclustorage.a clusterd/libcluprotocol.a
protocol_values
for product in clusterd/libclubase.a clusterd/libcluprotocol.a clusterd/libclucore.a quorum/libcluquorum.a \
        clusterd/clusterd clusterd/clu-guard; do
        [ ! -e "$top_builddir/$product" ] || ! "$NM" "$top_builddir/$product" | grep -q mutation_chosen ||
                finding "$product can do without its guards: CLU_MUTATIONS is for simulate-mutants alone"
done
exit $status
