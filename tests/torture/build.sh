#!/bin/sh
# SPDX-License-Identifier: MIT
# build.sh FOLDER [MESON OPTION...] - the tool in a build with faults, for the programs beside this.
set -eu
cd "$(dirname "$0")/../.."
folder=$1
shift
[ -f "$folder/build.ninja" ] || meson setup "$folder" -Dfaults=true -Dtests=disabled "$@" > /dev/null
ninja -C "$folder" convene
