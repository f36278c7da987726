#!/bin/sh
# SPDX-License-Identifier: MIT
# explore.sh [--quick] [CONFIGURATION] - builds and runs the joint exploration (joint.c).
cd "$(dirname "$0")/../.." || exit 2
ninja -C build x225-mutants >build/log/joint-build.log 2>&1 || { cat build/log/joint-build.log; exit 1; }
exec build/tests/joint/x225-joint "$@"
