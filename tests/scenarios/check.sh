#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every story, under some seeds: what it expects must hold for each.
set -eu
simulate=simulation/simulate
test -x "$simulate" || { echo "$simulate is not built here" >&2; exit 77; }
cd "$(dirname "$0")" && here=$PWD && cd - >/dev/null
exec "$simulate" --seeds "${SCENARIO_SEEDS:-3}" "$here"/*/*.scenario
