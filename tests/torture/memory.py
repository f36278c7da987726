#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""memory.py [--every K] - one small transfer, again and again, each time with another allocation refused.

The tool is one with faults, AddressSanitizer and LeakSanitizer in build-faults-asan
(CONVENE_FAIL_ALLOC=n: ours and those of libuv, SQLite, libcrypto and jansson). Sender and receiver
in turn: the process must end by itself, with a documented exit code and a word of memory, without
a leak; the same command again must complete with an equal file. Or it did without that octet.
"""
import argparse
import concurrent.futures
import os
import random
import re
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import rig
from rig import check

TOOL = os.path.join(rig.TOP, "build-faults-asan", "convene")
SIZE = 3000
SEND = ["--checkpoint", "1000", "--connect-timeout", "5", "--dead-after", "2"]
CODES = {0, 1, 65, 69, 70, 74, 75, 76}
BAD = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error|Assertion")
QUIET = {"ASAN_OPTIONS": "exitcode=99:detect_leaks=1"}


class Tally:
    def __init__(self):
        self.codes = {}
        self.lock = threading.Lock()

    def add(self, code):
        with self.lock:
            self.codes[code] = self.codes.get(code, 0) + 1


def judge(tool, what):
    code = tool.wait()
    check(not BAD.search(tool.stderr), f"{what}: exit {code}:", tool.stderr[-6000:])
    check(code in CODES, f"{what}: exit {code}", tool.say())
    check(code == 0 or re.search("memor", tool.stderr), f"{what}: exit {code} without a word of memory:", tool.say())
    return code


def pair(w):
    return rig.Ends(w, send=SEND, tool=TOOL, receiver_env=QUIET)


def count_of(side):
    with rig.Work("count") as w:
        ends = pair(w)
        out = os.path.join(w.path, "count")
        env = dict(QUIET, CONVENE_COUNT_ALLOCS=out)
        ends.start_receiver("--once", env=env if side == "receiver" else None)
        ends.send(w.file(SIZE, 1), env=env if side == "sender" else QUIET)
        ends.receiver.ends(0)
        with open(out, encoding="ascii") as f:
            return int(f.read())


def sender_without(n, tally):
    with rig.Work("memory") as w:
        ends = pair(w)
        ends.start_receiver()
        path = w.file(SIZE, n)
        s = ends.start_sender(path, env=dict(QUIET, CONVENE_FAIL_ALLOC=str(n)))
        code = judge(s, f"sender, allocation {n}")
        tally.add(code)
        if code != 0:
            ends.send(path, env=QUIET)
        check(rig.same(path, ends.got("file")), f"sender, allocation {n}: it differs")
        check(rig.listing(ends.into) == ["file"], f"sender, allocation {n}:", rig.listing(ends.into))
        ends.receiver.signal(15)
        check(ends.receiver.wait() == 0, f"sender, allocation {n}: receiver", ends.receiver.say())
        check(not BAD.search(ends.receiver.stderr), ends.receiver.stderr)


def receiver_without(n, tally):
    with rig.Work("memory") as w:
        ends = pair(w)
        path = w.file(SIZE, n)
        r = ends.start_receiver("--once", env=dict(QUIET, CONVENE_FAIL_ALLOC=str(n)), wait=False)
        with r.changed:
            r.changed.wait_for(lambda: r.done or r.of("listening"), rig.PATIENCE)
        s = ends.start_sender(path, env=QUIET)
        code = judge(r, f"receiver, allocation {n}")
        tally.add(code)
        late = bool(r.of("released"))  # its work was done, and no session will come any more
        if code != 0:
            ends.start_receiver("--once")
        sent = s.wait()
        check(sent == 0, f"receiver, allocation {n}: sender", s.say())
        check(not BAD.search(s.stderr), s.stderr)
        if code != 0 and late:
            ends.receiver.signal(15)
            check(ends.receiver.wait() == 0, f"receiver, allocation {n}", ends.receiver.say())
        elif code != 0:
            judge(ends.receiver, f"receiver, allocation {n}, again")
        check(rig.same(path, ends.got("file")), f"receiver, allocation {n}: it differs")
        check(rig.listing(ends.into) == ["file"], f"receiver, allocation {n}:", rig.listing(ends.into))


def all_of(side, every, first):
    total = count_of(side)
    numbers = range(1 + first, total + 1, every)
    one = sender_without if side == "sender" else receiver_without
    tally = Tally()
    wrong = []

    def guarded(n):
        try:
            one(n, tally)
        except rig.Failed as e:
            wrong.append(n)
            print(f"FAILED {e}"[:4000], flush=True)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(guarded, numbers))
    ends = ", ".join(f"exit {c}: {k}" for c, k in sorted(tally.codes.items()))
    print(f"{side}: {len(numbers)} of {total} allocations refused; {ends}", flush=True)
    check(not wrong, f"{len(wrong)} went wrong: {sorted(wrong)[:50]}")
    check(sum(k for c, k in tally.codes.items() if c != 0) > 0, "no refusal was noticed")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--every", type=int, default=1)
    args.add_argument("--only", choices=["sender", "receiver"])
    args.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    args = args.parse_args()
    print(f"seed {args.seed}", flush=True)
    rng = random.Random(args.seed)
    cases = rig.Cases()
    for side in ("sender", "receiver"):
        if args.only in (None, side):
            cases.run(f"{side} without memory", all_of, side, args.every, rng.randrange(args.every))
    return cases.result()


if __name__ == "__main__":
    rig.main(main)
