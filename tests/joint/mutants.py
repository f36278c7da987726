#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py [--every N] [--only LINE] [--jobs N] [--enough X] [--pages] - the table of the session protocol
machine, made wrong one row at a time, in memory; the judges must notice each.

A judge is a program of tests/joint that is run with the wrong table (X225_MUTANT, see hook.h) and
must fail. Each is run once with the right table before: it must pass, and says which rows it looks
at; a mutant is shown only to the judges that look at its row, the cheapest first, until one fails.
A crash and a loop (more processor time than LIMIT) are failures. The walk is no judge: it reads the
same file as the machine.

Prints the survivors by row, and `mutants killed k/n`. Those that equivalent.txt argues to change
nothing are not counted; one of them that is killed is an error of that file.
"""
import argparse
import csv
import os
import resource
import shutil
import struct
import subprocess
import sys
import threading
import time

import pages

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BIN = os.path.join(ROOT, "build", "tests", "joint")
VECTORS = os.path.join(ROOT, "src", "proto", "x225", "vectors")
TABLE = os.path.join(ROOT, "src", "proto", "x225", "x225.csv")
FOLDER = os.path.join(ROOT, "build", "joint")
LIMIT = 20  # seconds of processor time, many times what any judge needs
ENOUGH = 0.95
SLOW = ("wrong_x225_edges", "wrong_x225_memory")  # sizes and memory: they say little of the table
SEED_RUNS = "40"  # of wrong_x225_random, for each of its tests


class Judge:
    def __init__(self, name, command, **env):
        self.name, self.command = name, command
        self.env = dict(os.environ, CK_FORK="no", CK_VERBOSITY="silent", **env)
        self.looked, self.taken, self.seconds, self.limit = set(), set(), 0.0, LIMIT

    def shown(self, _):
        return self.command

    def run(self, mutant=None, **more):
        """True if it noticed something."""
        env = dict(self.env, **more)
        command = self.command
        if mutant is not None:
            env["X225_MUTANT"] = str(mutant.number)
            command = self.shown(mutant)
        done = subprocess.run(command, env=env, cwd=FOLDER, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                              timeout=20 * self.limit, preexec_fn=limits(self.limit))
        return done.returncode != 0

    def learn(self):
        """With the right table: it must pass; which rows it looks at."""
        path = os.path.join(FOLDER, "rows-" + self.name)
        if os.path.exists(path):
            os.unlink(path)
        began = time.monotonic()
        if self.run(X225_ROWS=path):
            raise SystemExit(f"mutants: {self.name} fails with the right table (run it: "
                             f"{' '.join(self.command)})")
        self.seconds = time.monotonic() - began
        with open(path, "rb") as f:
            counts = list(struct.iter_unpack("II", f.read()))
        self.looked = {row for row, (looked, _) in enumerate(counts) if looked > 0}
        self.taken = {row for row, (_, taken) in enumerate(counts) if taken > 0}


class Joint(Judge):
    """The exploration: behind the ways that it has found to the row."""

    def __init__(self, whole):
        self.ways = os.path.join(FOLDER, "ways" if whole else "ways-quick")
        super().__init__("x225-joint", [os.path.join(BIN, "x225-joint"), *([] if whole else ["--quick"]),
                                        "--witness", self.ways + ".new"])

    def learn(self):
        """What the same program has found before is taken as it is."""
        if not os.path.exists(self.ways) or os.path.getmtime(self.ways) < os.path.getmtime(self.command[0]):
            self.explore()
        with open(self.ways, encoding="ascii") as f:
            ways = [line.split() for line in f]
        self.looked = {int(w[0]) for w in ways}
        self.taken = {int(w[0]) for w in ways if w[1] == "1"}
        self.seconds = 0.1

    def explore(self):
        done = subprocess.run(self.command, env=self.env, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{done.stdout}mutants: the exploration fails with the right table")
        print("joint exploration: configurations " + done.stdout.splitlines()[-1])
        os.rename(self.ways + ".new", self.ways)

    def shown(self, mutant):
        self.command = [self.command[0], "--behind", self.ways]
        return [*self.command, str(mutant.row)]


def limits(seconds):
    def of_child():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return of_child


def all_judges(whole):
    """Those that are there: Check may be missing."""
    def program(name, *arguments, **env):
        return Judge(name, [os.path.join(BIN, name), *arguments], **env)
    found = [program("wrong_replay", "--whole", VECTORS), program("wrong_sim", "--seeds", "50"),
             Joint(whole)]
    for name in sorted(os.listdir(BIN)):
        if name.startswith("wrong_x225") and "." not in name and name not in SLOW:
            found.append(program(name, X225_RUNS=SEED_RUNS))
    return found


class Mutant:
    def __init__(self, line, rows):
        number, row, at, self.what = line.rstrip("\n").split("\t")
        self.number, self.row, self.line = int(number), int(row), int(at)
        of = rows[self.line]
        self.name = f"{of['state']} {of['event']} {of['predicate'] or '-'}: {self.what}"
        self.killer = None


def read_mutants():
    with open(TABLE, encoding="utf-8", newline="") as f:
        reader = csv.DictReader(f)
        rows = {reader.line_num: r for r in reader}
    done = subprocess.run([os.path.join(BIN, "x225-mutant-list")], stdout=subprocess.PIPE, text=True,
                          check=True)
    return [Mutant(line, rows) for line in done.stdout.splitlines()]


def read_equivalent():
    """{name of a mutant: the argument}: lines `name = argument`."""
    found = {}
    path = os.path.join(HERE, "equivalent.txt")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            for line in f:
                if line.strip() and not line.startswith("#"):
                    name, argument = line.rstrip("\n").split(" = ", 1)
                    found[name] = argument
    return found


def rows_of_vectors():
    """{vector file: rows}: each alone."""
    found = {}
    for name in sorted(os.listdir(VECTORS)):
        if name.endswith(".txt"):
            folder = os.path.join(FOLDER, "one")
            shutil.rmtree(folder, ignore_errors=True)
            os.mkdir(folder)
            os.symlink(os.path.join(VECTORS, name), os.path.join(folder, name))
            one = Judge("one", [os.path.join(BIN, "wrong_replay"), "--whole", folder])
            one.learn()
            found[name] = one.taken
    return found


def taken_by(judges, mutants):
    """{test: lines of x225.csv} as the pages name them."""
    lines = {m.row: m.line for m in mutants}
    rows = rows_of_vectors()
    for j in judges:
        if j.name.startswith("wrong_x225"):
            rows[j.name.replace("wrong_", "test_")] = j.taken
        elif j.name in ("x225-joint", "wrong_sim"):
            rows[j.name.replace("wrong_sim", "simulator").replace("x225-", "")] = j.taken
    return {name: {lines[row] for row in found} for name, found in rows.items()}


def pages_judge(judges, mutants, write):
    taken = taken_by(judges, mutants)
    if write:
        pages.write(taken)
    stale = pages.stale(taken)
    for name in stale:
        print(f"{name}: not what the table and the tests say now (make pages)")
    print(f"{int(not stale)} passed, {int(bool(stale))} failed")
    return not stale


def judge_all(mutants, judges, jobs):
    todo = iter(mutants)
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                m = next(todo, None)
            if m is None:
                return
            for j in judges:
                if m.row in j.looked and j.run(m):
                    m.killer = j.name
                    break

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def report(mutants, judges, equivalent, enough):
    kills = {}
    for m in mutants:
        kills[m.killer] = kills.get(m.killer, 0) + 1
    wrongly = [m for m in mutants if m.killer and m.name in equivalent]
    left = [m for m in mutants if not m.killer and m.name not in equivalent]
    excused = sum(not m.killer and m.name in equivalent for m in mutants)
    for m in left:
        seen = [j.name for j in judges if m.row in j.looked]
        print(f"survives: x225.csv:{m.line}: {m.name} "
              f"({'no judge looks at this row' if not seen else 'looked at by ' + ' '.join(seen)})")
    for m in wrongly:
        print(f"equivalent.txt: not equivalent, {m.killer} notices: {m.name}")
    print("killed by: " + ", ".join(f"{name} {n}" for name, n in sorted(
        kills.items(), key=lambda k: -k[1]) if name))
    n = len(mutants) - excused
    killed = n - len(left)
    print(f"equivalent, by name: {excused}")
    print(f"mutants killed {killed}/{n}")
    good = killed >= enough * n and not wrongly
    print(f"{int(good)} passed, {int(not good)} failed")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="each N-th mutant only")
    parser.add_argument("--only", type=int, help="the mutants of this line of x225.csv")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--enough", type=float, default=ENOUGH, help="the share that must be noticed")
    parser.add_argument("--pages", action="store_true", help="write the pages of docs/x225, no mutants")
    options = parser.parse_args()
    subprocess.run(["ninja", "-C", os.path.join(ROOT, "build"), "x225-mutants"], check=True,
                   stdout=subprocess.DEVNULL)
    os.makedirs(FOLDER, exist_ok=True)
    whole = options.every == 1 and not options.pages  # the pages are made of the quick exploration
    judges = all_judges(whole)
    for j in judges:
        j.learn()
    judges.sort(key=lambda j: j.seconds)
    mutants = read_mutants()
    fresh = whole or pages_judge(judges, mutants, options.pages)
    if options.pages:
        return fresh
    mutants = mutants[::options.every]
    if options.only:
        mutants = [m for m in mutants if m.line == options.only]
    judge_all(mutants, judges, options.jobs)
    return report(mutants, judges, read_equivalent(), options.enough) and fresh


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
