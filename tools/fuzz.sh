#!/bin/bash
# SPDX-License-Identifier: MIT
# fuzz.sh [SECONDS [NAME...]] - builds the fuzz targets in build-fuzz with clang, ASan and UBSan, and
# runs each, or those named, for SECONDS (60). First the planted fault must be found. A target
# begins with the seeds that its room's replay program makes of the vectors (`replay_NAME --seeds`), with
# those in fuzz/corpus/NAME, and with what earlier runs have found. The seed is fixed (FUZZ_SEED).
set -u
cd "$(dirname "$0")/.." || exit 1
seconds=${1:-60}
[ $# -eq 0 ] || shift
build='build-fuzz'
[ -e "$build/build.ninja" ] ||
    CC=clang-14 meson setup "$build" -Dfuzz=true -Db_lundef=false || exit 1
# No more than is run: the targets, and the programs that make seeds of vectors.
mapfile -t wanted < <(ninja -C "$build" -t targets all |
    sed -n 's/^\(\(fuzz\/fuzz_[a-z0-9]*\)\|\(replay_[a-z0-9]*\)\): c_LINKER$/\1/p')
[ "${#wanted[@]}" -gt 0 ] || exit 1
ninja -C "$build" "${wanted[@]}" || exit 1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 ASAN_OPTIONS=detect_stack_use_after_return=1
export ASAN_SYMBOLIZER_PATH=/usr/lib/llvm-14/bin/llvm-symbolizer

# run NAME SECONDS: the target's exit status
run() {
    local name=$1 corpus=$build/corpus/$1 room=src/proto/$1
    mkdir -p "$corpus" "$build/found"
    if [ -d "fuzz/corpus/$name" ]; then
        cp -n "fuzz/corpus/$name"/* "$corpus/"
    fi
    if [ -x "$build/replay_$name" ] && [ -d "$room/vectors" ]; then
        "$build/replay_$name" --seeds "$corpus" "$room/vectors" >/dev/null || return 1
    fi
    "$build/fuzz/fuzz_$name" -max_total_time="$2" -seed="${FUZZ_SEED:-1}" -timeout=10 -rss_limit_mb=2048 \
        -max_len=65536 -print_final_stats=1 -artifact_prefix="$build/found/$name-" "$corpus" \
        >"$build/$name.log" 2>&1
}

passed=0
failed=0
rm -rf "$build/corpus/planted"
if run planted 60 || ! grep -q heap-buffer-overflow "$build/planted.log"; then
    echo "planted: the fault was not found ($build/planted.log)"
    failed=1
else
    echo "ok planted: the fault was found"
    passed=1
fi
if [ $# -eq 0 ]; then
    for target in "$build"/fuzz/fuzz_*; do
        name=${target#"$build"/fuzz/fuzz_}
        [ ! -f "$target" ] || [ "$name" = planted ] || set -- "$@" "$name"
    done
fi
for name in "$@"; do
    if run "$name" "$seconds"; then
        passed=$((passed + 1))
        echo "ok $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$name.log") inputs," \
            "$(grep -o 'cov: [0-9]*' "$build/$name.log" | tail -n 1), corpus $(find "$build/corpus/$name" -type f | wc -l)"
    else
        failed=$((failed + 1))
        echo "FAILED $name ($build/$name.log, $build/found/$name-*)"
        tail -n 30 "$build/$name.log"
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
