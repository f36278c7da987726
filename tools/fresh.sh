#!/bin/bash
# SPDX-License-Identifier: MIT
# fresh.sh [COMMAND...] - clones HEAD into a new minimal Debian 12 (make, git and certificates, no
# more) and runs there `make run` and `make test`, or the commands given, with no terminal and no
# input. What is not committed does not take part. Needs root, for chroot and mounts, which live in
# a mount namespace of their own and so end with it. KEEP=1 leaves the system in build/fresh/root.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || exec sudo -n env "KEEP=${KEEP-}" "$PWD/tools/fresh.sh" "$@"
tools/packages.sh fresh

suite=bookworm
here=$PWD/build/fresh
base=$here/minbase-$suite.tar
root=$here/root
mkdir -p "$here" build/log

# This machine's way to Debian: its proxies and what it says about old snapshots.
apt-config dump | grep -E '^Acquire::(https?::|ftp::)?(Proxy|Check-Valid-Until|Check-Date|Retries)[ :]' \
    >"$here/apt.conf" || true
# ... and its mirror, if it is a Debian of that name.
sources=http://deb.debian.org/debian
for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    if [ -s "$file" ] && grep -q "$suite" "$file"; then
        sources=$file
        break
    fi
done

if [ ! -s "$base" ]; then
    echo "fresh: making $base"
    mmdebstrap --quiet --format=tar --mode=root --variant=minbase --include=make,git,ca-certificates \
        --aptopt="$here/apt.conf" "$suite" "$base.part" "$sources" </dev/null
    mv "$base.part" "$base"
fi

clean() { [ -n "${KEEP-}" ] || rm -rf --one-file-system "$root"; }
trap clean EXIT
rm -rf --one-file-system "$root"
mkdir -p "$root"
tar -xpf "$base" -C "$root" --numeric-owner
cat /etc/resolv.conf >"$root/etc/resolv.conf"
cat /etc/hosts >"$root/etc/hosts"
git bundle create --quiet "$root/var/tmp/convene.bundle" HEAD

# inside COMMAND: in the new system, in the clone
inside() {
    # The inner shell expands its own arguments.
    # shellcheck disable=SC2016
    unshare --mount --propagation private --pid --fork --kill-child -- bash -euc '
        root=$1 command=$2
        mount --bind "$root" "$root" # so that it is a mount, as the root of a system is
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount --rbind /sys "$root/sys"
        exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            HOME=/var/tmp/convene LANG=C.UTF-8 CI=true \
            ${http_proxy+"http_proxy=$http_proxy"} ${https_proxy+"https_proxy=$https_proxy"} \
            chroot "$root" sh -c "$command"' - "$root" "$1" </dev/null
}

inside "git clone --quiet /var/tmp/convene.bundle /var/tmp/convene 2>/dev/null"
[ $# -gt 0 ] || set -- "make run" "make test"
failed=0
times=()
for command in "$@"; do
    log=build/log/fresh-${command//[^a-z0-9]/-}.log
    begin=$SECONDS
    echo "fresh: $command ($log)"
    status=ok
    inside "cd /var/tmp/convene && $command" >"$log" 2>&1 || status=FAILED
    tail -n 30 "$log"
    [ $status = ok ] || failed=1
    times+=("$status $command $((SECONDS - begin)) s")
done
git -C "$root/var/tmp/convene" -c safe.directory='*' status --short | sed 's/^/left behind: /'
printf 'fresh: %s\n' "${times[@]}"
exit $failed
