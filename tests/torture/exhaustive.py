#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""exhaustive.py [--every K] [--only cuts|steps] - a small transfer, cut after each octet and killed at each step.

cuts: the link is reset after octet n, for every n in both directions.
steps: each side is killed (CONVENE_CRASH_AT=n, a build with -Dfaults=true in build-faults) at its
n-th durable step, for every n until it ends without, and the same command is started again.
After each: exit 0 at both ends, the file equal, and nothing else in the folder.
"""
import argparse
import concurrent.futures
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import rig
from rig import check

POINT = 128
SIZE = 3 * POINT + 40
SEND = ["--checkpoint", str(POINT), "--window", str(2 * POINT)]
FAULTS = os.path.join(rig.TOP, "build-faults", "convene")


def finished(ends, path, what):
    check(rig.same(path, ends.got("file")), what, "the file differs")
    check(rig.listing(ends.into) == ["file"], what, "the folder holds", rig.listing(ends.into))


def wire_octets(w):
    """How many octets go each way when nothing is cut."""
    ends = rig.Ends(w, send=SEND)
    ends.start_receiver("--once")
    tap = rig.Tap(w, ends.port)
    ends.via = tap.port
    path = w.file(SIZE, 1)
    ends.send(path)
    ends.receiver.ends(0)
    c = tap.connections[0]
    rig.wait_until(lambda: c.over, "the connection ends")
    check(c.count("MIA") >= 1 and c.count("MIP") == 3, c.seen)
    return dict(c.raw)


def one_cut(way, n):
    with rig.Work("cut") as w:
        ends = rig.Ends(w, send=SEND)
        ends.start_receiver("--once")
        chaos = rig.Chaos(w, ends.port, "--cut-at", str(n), "--direction", way)
        ends.via = chaos.port
        path = w.file(SIZE, n)
        s = ends.send(path)
        ends.receiver.ends(0)
        finished(ends, path, f"{way} {n}:")
        return len(chaos.cuts()), s.of("summary")[0]["connections"]


def cuts(way, total, every, first):
    numbers = range(first, total + 1, every)
    made = 0
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for n, (cut, _) in zip(numbers, pool.map(lambda n: one_cut(way, n), numbers)):
            # Confirmations may go together, so a direction may have had fewer octets to cut.
            check(cut == 1 or way == "down", f"{way} {n}: it was not cut")
            made += cut
    print(f"cut {way}: {len(numbers)} runs of {total + 1}, {made} cut", flush=True)
    check(made >= len(numbers) * 9 // 10, "too few were cut")


def one_crash(side, n):
    """0: it ended before; 1: it was killed, 2: after the last release."""
    with rig.Work("crash") as w:
        ends = rig.Ends(w, send=SEND, tool=FAULTS)
        crash = {"CONVENE_CRASH_AT": str(n)}
        path = w.file(SIZE, n)
        # Killed after its very last step a sender has had its run: the next is another, to a
        # receiver that is still there and finds the file to be the same.
        once = ["--once"] if side == "receiver" else []
        ends.start_receiver(*once, env=crash if side == "receiver" else None, wait=side == "sender")
        if side == "receiver":
            with ends.receiver.changed:
                ends.receiver.changed.wait_for(lambda: ends.receiver.done or ends.receiver.of("listening"),
                                               rig.PATIENCE)
        s = ends.start_sender(path, env=crash if side == "sender" else None)
        victim = s if side == "sender" else ends.receiver
        code = victim.wait()
        check(code in (0, -9), f"{side} {n}: exit {code}", victim.say())
        if code == -9:
            if side == "sender":
                s = ends.start_sender(path)
            else:
                ends.start_receiver("--once")
        if s.wait() != 0:
            raise rig.Failed(f"{side} {n}: {s.say()}, receiver {ends.receiver.say()}")
        late = code == -9 and side == "receiver" and last_words(victim)
        if late or not once:  # the run was over and its record gone: this one waits for a first session
            ends.stop_receiver(0)
        else:
            ends.receiver.ends(0)
        finished(ends, path, f"{side} killed at step {n}:")
        return 0 if code == 0 else 2 if late else 1


def last_words(receiver):
    """It was killed after the release."""
    return receiver.events and receiver.events[-1]["event"] == "released"


def steps(side, every, first):
    n = first
    runs = killed = late = 0
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        while True:
            numbers = range(n, n + 12 * every, every)
            found = list(pool.map(lambda i: one_crash(side, i), numbers))
            runs += len(found)
            killed += sum(f > 0 for f in found)
            late += found.count(2)
            if not all(found):
                break
            n = numbers[-1] + every
            check(n < 5000, "there is no end of steps")
    print(f"{side} killed at durable steps: {killed} of {runs} runs, {late} after the release", flush=True)
    check(late <= 4, "hardly all of that is after the release")
    check(killed >= 3, "there are hardly any steps")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--every", type=int, default=1)
    args.add_argument("--only", choices=["cuts", "steps"])
    args.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    args = args.parse_args()
    print(f"seed {args.seed}", flush=True)
    rng = random.Random(args.seed)
    cases = rig.Cases()
    if args.only != "steps":
        with rig.Work("octets") as w:
            total = wire_octets(w)
        print(f"octets on the wire: {total}", flush=True)
        for way in ("up", "down"):
            cases.run(f"cuts {way}", cuts, way, total[way], args.every, rng.randrange(args.every))
    if args.only != "cuts":
        every = max(1, args.every // 8)
        for side in ("sender", "receiver"):
            cases.run(f"steps of the {side}", steps, side, every, 1 + rng.randrange(every))
    return cases.result()


if __name__ == "__main__":
    rig.main(main)
