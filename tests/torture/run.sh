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
part tests/torture/build.sh build-faults
part tests/torture/build.sh build-faults-asan -Db_sanitize=address,undefined -Db_lundef=false
part tests/torture/cuts.py --seed "$seed" --cuts 200 --kills 100 --dark 5
part tests/torture/exhaustive.py --seed "$seed"
part tests/torture/memory.py --seed "$seed"
part tests/torture/power.py 50 "$seed"
part build/tests/convene-endure --times 20 --seed "$seed"
part tests/e2e/behaviour.py
part tests/e2e/strangers.py
part tests/e2e/odd.py
part tests/e2e/capture.py
exit $failed
