#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cuts.py [--cuts N] [--kills N] [--dark N] [--seed S] - links cut and processes killed in transfers.

The octets pass a tap beside the proxy that cuts; how often data were sent twice and how often an
activity was resumed is counted there, on the wire, not taken from the tool, which is compared with
it. A cut or kill that met no open activity is counted apart, and does not count.
"""
import argparse
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import rig
from rig import MIB, WINDOW, check

ROUND = 24 * MIB


def twice(tap, size):
    """Octets of data on the wire beyond the file's own."""
    return sum(c.octets_sent() for c in tap.connections) - size


def say(what, **numbers):
    print(f"{what}: " + ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in numbers.items()), flush=True)


def cut_transfer(n, how, seed, extra=(), gap=(1, 2 * MIB), chaos_extra=()):
    """n cuts that meet an open activity, in as many transfers as it takes, mostly one."""
    hit = missed = resumed = again = transfers = told = size_all = 0
    worst = 0
    while hit < n:
        transfers += 1
        check(transfers <= 6, f"{hit} of {n} cuts after {transfers - 1} transfers")
        size = (n - hit) * (gap[0] + gap[1]) // 2 * 11 // 10 + 3 * MIB
        with rig.Work("cuts") as w:
            ends = rig.Ends(w, send=["--checkpoint", "64K", *extra])
            ends.start_receiver("--once")
            chaos = rig.Chaos(w, ends.port, "--cut-every-random", f"{gap[0]}:{gap[1]}", "--seed",
                              str(seed + transfers), "--count", str(n - hit), "--direction", "total",
                              "--how", how, *chaos_extra)
            tap = rig.Tap(w, chaos.port)
            ends.via = tap.port
            path = w.file(size, seed + transfers)
            sender = ends.send(path, patience=120 + 3 * n)
            ends.receiver.ends(0)
            check(rig.same(path, ends.got("file")), "the file differs")
            check(rig.listing(ends.into) == ["file"], "left over:", rig.listing(ends.into))
            lost = [c for c in tap.connections if not c.count("DN")]
            cuts = len(chaos.cuts())
            check(len(lost) >= cuts, f"{cuts} cuts, {len(lost)} connections lost")
            met = sum(c.activity_open() for c in lost)
            here = twice(tap, size)
            say_tool = sender.of("summary")[0]["twice"]
            check(here <= cuts * WINDOW, f"{here} octets twice after {cuts} cuts")
            # What the tool handed to a socket and the tap never read is only in the tool's count.
            check(here <= say_tool <= cuts * WINDOW, f"the tool says {say_tool}, the wire {here}")
            hit += met
            missed += cuts - met
            resumed += sum(c.count("AR") for c in tap.connections)
            again += here
            told += say_tool
            size_all += size
            worst = max(worst, here / max(cuts, 1))
    say(f"cut by {how}", hit=hit, met_no_activity=missed, transfers=transfers, octets=size_all,
        twice_on_the_wire=again, twice_by_the_tool=told, bound=(hit + missed) * WINDOW,
        S_ACTIVITY_RESUME=resumed)
    # One that met nothing confirmed yet begins anew: a few may all have been such.
    check(resumed > 0 or hit < 5, "no activity was resumed")


def kill_transfers(n, side, seed):
    """kill -9 of one side at random moments, and the same command again, until n met an activity."""
    rng = random.Random(seed)
    hit = missed = resumed = again = transfers = 0
    while hit < n:
        transfers += 1
        with rig.Work("kills") as w:
            ends = rig.Ends(w, send=["--checkpoint", "64K", "--limit-rate", "24M"])
            tap = rig.Tap(w, ends.port)
            ends.via = tap.port
            path = w.file(ROUND, seed + transfers)
            kills = 0
            ends.start_receiver("--once")
            sender = ends.start_sender(path)
            while hit < n:
                victim = sender if side == "sender" else ends.receiver
                time.sleep(rng.uniform(0.02, 0.4))  # the random moment
                if sender.run.poll() is not None:
                    break
                current = tap.current()
                if victim.kill() != -9:
                    break
                kills += 1
                if current is not None and settled(current):
                    hit += 1
                else:
                    missed += 1
                if side == "sender":
                    sender = ends.start_sender(path)
                else:
                    ends.start_receiver("--once")
            sender.ends(0, 60)
            ends.receiver.ends(0)
            check(rig.same(path, ends.got("file")), "the file differs")
            check(rig.listing(ends.into) == ["file"], "left over:", rig.listing(ends.into))
            here = twice(tap, ROUND)
            check(here <= kills * WINDOW, f"{here} octets twice after {kills} kills")
            resumed += sum(c.count("AR") for c in tap.connections)
            again += here
    say(f"kill -9 of the {side}", hit=hit, met_no_activity=missed, transfers=transfers,
        twice_on_the_wire=again, bound=(hit + missed) * WINDOW, S_ACTIVITY_RESUME=resumed)
    # One that met nothing confirmed yet begins anew: a few may all have been such.
    check(resumed > 0 or hit < 5, "no activity was resumed")


def settled(connection):
    """Whether an activity was open when this connection ended; it has by now, its process is dead."""
    rig.wait_until(lambda: connection.over, "the tap sees the connection of a killed process end")
    return connection.activity_open()


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--cuts", type=int, default=20)
    args.add_argument("--kills", type=int, default=10)
    args.add_argument("--dark", type=int, default=3)
    args.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    args = args.parse_args()
    print(f"seed {args.seed}", flush=True)
    cases = rig.Cases()
    cases.run("cuts by reset", cut_transfer, args.cuts, "reset", args.seed)
    cases.run("cuts in order", cut_transfer, max(args.cuts // 4, 3), "fin", args.seed + 100)
    for how, more in (("silence", ()), ("halfopen", ()), ("halfopen", ("--silent", "target"))):
        cases.run(f"cuts by {how} {' '.join(more)}", cut_transfer, args.dark, how, args.seed + 200,
                  ("--dead-after", "1"), (1, MIB), more)
    for side in ("sender", "receiver"):
        cases.run(f"kills of the {side}", kill_transfers, args.kills, side, args.seed + 300)
    return cases.result()


if __name__ == "__main__":
    rig.main(main)
