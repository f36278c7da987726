#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py [--check] [--parts FILE] [--jobs N] [NAME...] - runs the parts listed in tests/parts.

All of them, those of `make check`, or those named. The format of the list stands at its top.
Each part's output goes to build/log/NAME.log; what is printed is one line a part, the lines that
count its tests, the end of the log of one that failed, the ten slowest, and the count of parts.
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT = 600
TAIL = 40
HOW = {"check", "count", "alone", "limit"}
COUNTED = re.compile(r"^(?:\d+%: Checks: (\d+), Failures: \d+, Errors: \d+|(\d+) passed, \d+ failed)$")
SKIPPED = re.compile(r"^(?:Skipped:\s+[1-9]\d*|SKIP\b.*|skipped: .*|not ok .*# SKIP.*|.*\bSKIP\s+\d+\.\d+s)\s*$")


running = set()  # process groups


def alive_in(group):
    """Who of a process group still runs: one that has ended and waits to be fetched does not count."""
    alive = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                state, _, its_group = f.read().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state not in "ZX":
            alive.append(int(pid))
    return alive


def end_group(group):
    """True if there was anything left to end; what is about to end by itself has a second for it."""
    end = time.monotonic() + 1
    while alive_in(group) and time.monotonic() < end:
        time.sleep(0.02)
    if not alive_in(group):
        return False
    try:
        os.killpg(group, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


class Part:
    def __init__(self, line, where):
        words = line.split(None, 2)
        if len(words) != 3:
            sys.exit(f"{where}: NAME HOW COMMAND expected (see the top of tests/parts)")
        self.name, how, self.command = words
        self.how = dict(w.partition("=")[::2] for w in how.split(",") if w != "-")
        if not set(self.how) <= HOW or not re.fullmatch(r"[a-z0-9-]+", self.name):
            sys.exit(f"{where}: not understood: {self.name} {how}")
        self.limit = float(self.how.get("limit", LIMIT))
        self.seconds = 0.0
        self.why = None  # why it failed

    def run(self, log_folder):
        self.log = os.path.join(log_folder, self.name + ".log")
        begin = time.monotonic()
        with open(self.log, "wb") as log:
            # A session of its own, so that a part is ended together with all it started.
            child = subprocess.Popen(self.command, shell=True, cwd=TOP, stdin=subprocess.DEVNULL,
                                     stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
            running.add(child.pid)
            try:
                status = child.wait(self.limit)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                status = None
            running.discard(child.pid)
        self.orphans = status is not None and end_group(child.pid)
        self.seconds = time.monotonic() - begin
        self.judge(status)

    def judge(self, status):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            self.lines = f.read().splitlines()
        self.counted = []
        tests = 0
        for line in self.lines:
            found = COUNTED.match(line.strip())
            if found:
                self.counted.append(line.strip())
                tests += int(found[1] or found[2])
        skipped = next((line for line in self.lines if SKIPPED.match(line)), None)
        if status is None:
            self.why = f"not done after {self.limit:.0f} s"
        elif status != 0:
            self.why = f"exit {status}" if status > 0 else f"signal {-status}"
        elif self.orphans:
            self.why = "it left a process running"
        elif skipped:
            self.why = f"a test was skipped: {skipped.strip()}"
        elif "count" in self.how and tests == 0:
            self.why = "no test was counted"

    def say(self):
        if self.why:
            print(f"FAILED {self.name} {self.seconds:.1f} s: {self.why} ({os.path.relpath(self.log, TOP)})")
            for line in self.lines[-TAIL:]:
                print("    | " + line)
        else:
            print(f"ok {self.name} {self.seconds:.1f} s")
        if "count" in self.how:
            for line in self.counted:
                print(line)
        sys.stdout.flush()


def read_parts(path):
    parts = []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if line.strip() and not line.startswith("#"):
                parts.append(Part(line.strip(), f"{path}:{number}"))
    names = [p.name for p in parts]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        sys.exit(f"{path}: listed twice: {' '.join(sorted(twice))}")
    return parts


def run_all(parts, jobs, log_folder):
    """In the list's order, at most jobs at once; those marked alone come after the others."""
    together = [p for p in parts if "alone" not in p.how]
    lock = threading.Lock()
    broken = []

    def work():
        while not broken:
            with lock:
                if not together:
                    return
                part = together.pop(0)
            try:
                part.run(log_folder)
            except BaseException as e:
                broken.append(e)
                return
            with lock:
                part.say()

    workers = [threading.Thread(target=work, daemon=True) for _ in range(jobs)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    if broken:
        raise broken[0]
    for part in parts:
        if "alone" in part.how:
            part.run(log_folder)
            part.say()


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    args.add_argument("--check", action="store_true", help="the parts marked check")
    args.add_argument("--parts", default=os.path.join(TOP, "tests", "parts"), metavar="FILE")
    args.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), metavar="N")
    args.add_argument("--logs", default=os.path.join(TOP, "build", "log"), metavar="FOLDER")
    args.add_argument("names", nargs="*", metavar="NAME")
    args = args.parse_args()

    parts = read_parts(args.parts)
    unknown = set(args.names) - {p.name for p in parts}
    if unknown:
        sys.exit(f"{args.parts}: no such part: {' '.join(sorted(unknown))}")
    if args.check:
        parts = [p for p in parts if "check" in p.how]
    if args.names:
        parts = [p for p in parts if p.name in args.names]

    os.makedirs(args.logs, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begin = time.monotonic()
    try:
        run_all(parts, max(1, args.jobs), args.logs)
    finally:
        for group in list(running):
            end_group(group)

    failed = [p for p in parts if p.why]
    slowest = sorted(parts, key=lambda p: -p.seconds)[:10]
    print(f"\nslowest of {len(parts)} parts, {time.monotonic() - begin:.1f} s in all:")
    for p in slowest:
        print(f"  {p.seconds:8.1f} s  {p.name}")
    for p in failed:
        print(f"failed: {p.name}: {p.why}")
    print(f"{len(parts) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not parts else 0


if __name__ == "__main__":
    sys.exit(main())
