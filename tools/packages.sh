#!/bin/sh
# SPDX-License-Identifier: MIT
# packages.sh SET... - installs what building (build), testing (test) or trying in a fresh
# system (fresh) needs and this machine lacks. Silent and quick when nothing is missing.
# None of the packages starts a service.
set -eu

# One a line: set, Debian package, how to see that it is there.
needs() {
    cat <<'LIST'
build gcc              command -v cc
build libc6-dev        test -e /usr/include/stdio.h
build meson            command -v meson
build ninja-build      command -v ninja
build pkg-config       command -v pkg-config
build python3          command -v python3
build libuv1-dev       pkg-config --exists libuv
build libsqlite3-dev   pkg-config --exists sqlite3
build libxxhash-dev    pkg-config --exists libxxhash
build libssl-dev       pkg-config --exists openssl
build libjansson-dev   pkg-config --exists jansson
build libpcap-dev      pkg-config --exists libpcap
build libedit-dev      pkg-config --exists libedit
build libconfuse-dev   pkg-config --exists libconfuse
test  git              command -v git
test  g++              command -v g++
test  check            pkg-config --exists check
test  clang-14         command -v clang-14
test  libclang-rt-14-dev dpkg -s libclang-rt-14-dev
test  llvm-14          command -v llvm-cov-14
test  clang-format-14  command -v clang-format-14
test  pmccabe          command -v pmccabe
test  gcovr            command -v gcovr
test  zlib1g-dev       pkg-config --exists zlib
test  tshark           command -v tshark
test  iproute2         command -v ip
test  nftables         command -v nft
test  strace           command -v strace
test  procps           command -v pgrep
test  xz-utils         command -v xz
test  man-db           command -v man
test  gcc-arm-none-eabi command -v arm-none-eabi-gcc
test  libnewlib-arm-none-eabi test -e /usr/include/newlib/newlib.h
test  qemu-system-arm  command -v qemu-system-arm
fresh mmdebstrap       command -v mmdebstrap
LIST
}

PATH=$PATH:/usr/sbin:/sbin
wanted=" $* "
missing=$(needs | while read -r set package how; do
    case $wanted in *" $set "*) ;; *) continue ;; esac
    sh -c "$how" >/dev/null 2>&1 || echo "$package"
done | tr '\n' ' ')
[ -n "$missing" ] || exit 0

fail() {
    echo "packages.sh: not installed: $missing: $1 (apt-get install --no-install-recommends $missing)" >&2
    exit 1
}

command -v apt-get >/dev/null 2>&1 || fail "this system has no apt-get"
if [ "$(id -u)" = 0 ]; then
    as_root() { env DEBIAN_FRONTEND=noninteractive "$@"; }
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root() { sudo -n env DEBIAN_FRONTEND=noninteractive "$@"; }
else
    fail "neither root nor sudo without a password"
fi

update() { as_root apt-get update -qq </dev/null; }
# $missing is a list: it is meant to be split.
# shellcheck disable=SC2086
install() {
    as_root apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 \
        -o DPkg::Lock::Timeout=300 $missing </dev/null >&2
}

echo "installing: $missing" >&2
# Fetched lists may be absent, or too old to find the packages' files: then once more.
if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' 2>/dev/null | head -n 1)" ]; then
    update || fail "apt-get update failed"
fi
if ! install; then
    update || fail "apt-get update failed"
    install || fail "apt-get install failed"
fi
