#!/bin/bash
# SPDX-License-Identifier: MIT
# install.sh - installs below build/, then builds and runs what a user of the library would, in C
# and C++, against the shared and the static library, by pkg-config alone; and looks at what is there.
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
work=$top/build/install-test
stage=$work/stage
prefix=/opt/convene
passed=0
failed=0

# expect WHAT COMMAND... - one test
expect() {
    local what=$1 said
    shift
    if said=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '%s: %s\n' "$what" "$said"
    fi
}

rm -rf "$work"
mkdir -p "$work"
# A build folder of its own: the prefix of the tester's is left alone.
meson setup "$work/build" --prefix=$prefix -Dtests=disabled >"$work/log" 2>&1 &&
    ninja -C "$work/build" >>"$work/log" 2>&1 &&
    DESTDIR=$stage meson install -C "$work/build" >>"$work/log" 2>&1 || {
    tail -20 "$work/log"
    echo "0 passed, 1 failed"
    exit 1
}

root=$stage$prefix
so=$(find "$root" -name 'libconvene.so.0')
lib=$(dirname "$so")
export PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$stage
export LD_LIBRARY_PATH=$lib

# A folder that has the static library alone, and is looked into first.
mkdir -p "$work/static"
cp "$lib/libconvene.a" "$work/static/"

cat >"$work/user.c" <<'PROGRAM'
#include <convene/err.h>
#include <convene/octets.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    struct cvn_octets none = {NULL, 0};
    puts(cvn_err_text(CVN_EPROTO));
    return none.n == 0 && strcmp(cvn_err_name(CVN_EPROTO), "CVN_EPROTO") == 0 ? 0 : 1;
}
PROGRAM
cp "$work/user.c" "$work/user.cc"

# The first program that README.md shows.
awk '/^```c$/ {on = 1; next} /^```$/ && on {exit} on' README.md >"$work/readme.c"

# use NAME COMPILER SOURCE PKG-CONFIG-OPTION LINK-OPTION
use() {
    # The flags are lists: they are meant to be split.
    # shellcheck disable=SC2046
    "$2" "$work/$3" -o "$work/$1" $(pkg-config --cflags convene) $5 $(pkg-config --libs $4 convene) &&
        "$work/$1"
}
# The examples, with what is installed alone.
example() {
    # shellcheck disable=SC2046
    cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I. "examples/$1.c" examples/blocking.c -o "$work/$1" \
        $(pkg-config --cflags --libs convene)
}
# talk LAST-LINE-OF-COUNTS [-2]
talk() {
    local port said
    coproc SERVER { exec timeout 20 "$work/server"; }
    local server=$SERVER_PID
    read -r -t 10 port <&"${SERVER[0]}" && said=$(timeout 20 "$work/client" ${2+"$2"} 127.0.0.1 "$port" one two three) &&
        wait "$server" && grep -q "^$1\$" <<<"$said" &&
        grep -q '^no data now: the data token is with the peer$' <<<"$said" && [ "${said##*$'\n'}" = released ]
}
is_shared() { readelf -d "$work/$1" | grep -q 'NEEDED.*\[libconvene\.so\.0\]'; }
is_static() { ! readelf -d "$work/$1" | grep -q 'NEEDED.*libconvene'; }
# Everything that is exported is ours, and something is.
exports() {
    local names
    names=$(nm -D --defined-only "$so" | awk '{print $3}')
    [ -n "$names" ] && ! grep -vE '^cvn_' <<<"$names"
}
# What the headers promise is there, and nothing else is.
promised() {
    diff <(nm -D --defined-only "$so" | awk '{print $3}' | sort) \
        <(cat include/convene/*.h | tr '\n' ' ' | grep -oE 'CVN_API [^;{]*\(' | sed 's/(.*//' |
            grep -oE 'cvn_[a-z0-9_]+$' | sort -u)
}
headers() { diff <(cd include/convene && ls -- *.h) <(cd "$root/include/convene" && ls); }
completes() {
    # shellcheck disable=SC2016
    bash -c '. "$1"; COMP_WORDS=(convene sen); COMP_CWORD=1; _convene; [ "${COMPREPLY[*]}" = send ]' \
        - "$root/share/bash-completion/completions/convene"
}
manual() { man --warnings -E UTF-8 -l -Tutf8 "$root/share/man/man1/convene.1" 2>&1 >/dev/null | (! grep .); }

expect "libconvene.so.0 is installed" test -e "$lib/libconvene.so.0"
expect "libconvene.so is installed" test -e "$lib/libconvene.so"
expect "libconvene.a is installed" test -e "$lib/libconvene.a"
expect "convene.pc names the version" test "$(pkg-config --modversion convene)" = "$(sed -n "s/^  version: '\(.*\)',/\1/p" meson.build)"
expect "the headers are installed, and no other" headers
expect "the shared library exports cvn_ names alone" exports
expect "the shared library exports what the headers promise" promised
expect "the soname is libconvene.so.0" grep -q 'SONAME.*\[libconvene\.so\.0\]' <(readelf -d "$so")
expect "a C program runs on the shared library" use c-shared cc user.c "" ""
expect "... and needs it" is_shared c-shared
expect "a C++ program runs on the shared library" use cc-shared c++ user.cc "" ""
expect "... and needs it" is_shared cc-shared
expect "a C program runs with the static library" use c-static cc user.c --static "-L$work/static"
expect "... and needs no other" is_static c-static
expect "a C++ program runs with the static library" use cc-static c++ user.cc --static "-L$work/static"
expect "... and needs no other" is_static cc-static
expect "the README's program runs" use readme cc readme.c "" ""
expect "the examples' client compiles" example client
expect "the examples' server compiles" example server
expect "... and they talk to each other" talk '3 SSDUs, 11 octets, 3 points'
expect "... twice on one transport connection" talk '6 SSDUs, 22 octets, 6 points' -2
expect "the manual is installed and has no faults" manual
expect "the completion is installed and completes" completes
if [ -x build/convene ]; then
    expect "the tool runs without the library's folder" env -u LD_LIBRARY_PATH "$root/bin/convene" --help
fi

rm -rf "$work/build"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
