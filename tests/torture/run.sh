#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - the whole of what `make test` runs a short form of: real cuts, kills, full memory.
# SEED=n repeats a run.
set -u
cd "$(dirname "$0")/../.." || exit 1
seed=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
echo "seed $seed"
failed=0
part() {
    echo "== $*"
    "$@" || failed=1
}
part tests/torture/cuts.py --seed "$seed" --cuts 200 --kills 100 --dark 5
exit $failed
