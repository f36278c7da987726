#!/bin/sh
# SPDX-License-Identifier: MIT
# unit.sh FOLDER [COMPILER [MESON-OPTION...]] - builds in FOLDER and runs the unit tests and vectors there.
set -eu
cd "$(dirname "$0")/.."
folder=$1
shift
if [ $# -gt 0 ]; then
    CC=$1
    export CC
    shift
fi
[ -e "$folder/build.ninja" ] || meson setup "$folder" -Dtests=enabled "$@"
ninja -C "$folder"
meson test -C "$folder" --no-rebuild -v
