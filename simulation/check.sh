#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Some seeds of the simulation within `make check`: as many as the budget allows, always from the first on.
# SIMULATION_SEEDS, SIMULATION_FIRST and SIMULATION_BUDGET (seconds) ask for more.
set -eu
simulate=simulation/simulate
test -x "$simulate" || { echo "$simulate is not built here" >&2; exit 77; }
"$simulate" --first 1 --seeds 3 --seconds 20 --repeat --budget 3
"$simulate" --seed 3 --nodes 3 --seconds 6 --power-cuts 30 --budget 3
exec "$simulate" --first "${SIMULATION_FIRST:-1}" --seeds "${SIMULATION_SEEDS:-200}" \
        --budget "${SIMULATION_BUDGET:-12}" --shrink .
