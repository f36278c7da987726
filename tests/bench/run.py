#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py [--rounds N] [--octets N] [PART...] - `make bench`: the speed table, against its yardsticks.

Parts: send, engine, memory (all). Every ratio is of medians of rounds that alternate with the
yardstick's; one is never compared with a figure from another run. Prints one table, writes
build/bench.json. docs/BENCHMARKS.md says what the figures mean.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, "build")
LIMIT = 300


def program(*names):
    path = os.path.join(BUILD, *names)
    if not os.access(path, os.X_OK):
        sys.exit(f"run.py: {path} is not there: make tested")
    return path


def timed(command, environment=None):
    """Seconds from start to end, seconds of processor, of a program that must end with 0."""
    with tempfile.TemporaryFile("w+") as said:
        begin = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                 env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        took = time.monotonic() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            said.seek(0)
            sys.exit(f"run.py: {' '.join(command)}: exit {child.returncode}\n{said.read()}")
    return took, usage.ru_utime + usage.ru_stime


class Receiver:
    """The other end, which says its port on its first line and ends by itself."""

    def __init__(self, command, environment=None):
        self.command = command
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      env=environment, text=True)
        self.first = self.child.stdout.readline()
        self.rest = ""
        self.reader = threading.Thread(target=self.read, daemon=True)  # or it would fill the pipe
        self.reader.start()

    def read(self):
        self.rest = self.child.stdout.read()

    def end(self):
        self.reader.join(LIMIT)
        _, status, usage = os.wait4(self.child.pid, 0)
        self.child.returncode = os.waitstatus_to_exitcode(status)
        if self.child.returncode != 0:
            sys.exit(f"run.py: {' '.join(self.command)}: exit {self.child.returncode}\n{self.rest}")
        return usage.ru_utime + usage.ru_stime


def raw(folder, source, options):
    target = os.path.join(folder, "raw.out")
    receiver = Receiver([program("tests", "rawcopy"), "receive"] + options + ["0", target])
    took, cpu = timed([program("tests", "rawcopy"), "send"] + options +
                      [source, receiver.first.split()[1]])
    cpu += receiver.end()
    check(source, target)
    os.unlink(target)
    return took, cpu


def convene(folder, source, options):
    into = os.path.join(folder, "into")
    os.mkdir(into)
    environment = dict(os.environ, XDG_STATE_HOME=os.path.join(folder, "state"))
    receiver = Receiver([program("convene"), "receive", "--json", "--listen",
                         "iso://127.0.0.1:0/inbox", "--into", into, "--once"], environment)
    port = json.loads(receiver.first)["port"]
    took, cpu = timed([program("convene"), "send", "-s"] + options +
                      [source, f"iso://127.0.0.1:{port}/inbox"], environment)
    cpu += receiver.end()
    check(source, os.path.join(into, os.path.basename(source)))
    shutil.rmtree(into)
    return took, cpu


def check(source, target):
    if os.path.getsize(source) != os.path.getsize(target):
        sys.exit(f"run.py: {target}: not as long as {source}")


def make_file(path, octets):
    """Random octets, so that no layer can be clever."""
    with open(path, "wb") as f:
        for at in range(0, octets, 1 << 20):
            f.write(os.urandom(min(1 << 20, octets - at)))


# What runs in turn: name, how, options, its yardstick, the ratio to reach.
TURNS = [
    ("raw", raw, [], None, None),
    ("raw, xxh128", raw, ["--hash"], None, None),
    ("send (xxh128)", convene, [], "raw", 0.85),
    ("raw, sha256", raw, ["--hash=sha256"], None, None),
    ("send --hash=sha256", convene, ["--hash=sha256"], "raw, sha256", 0.85),
]


def bench_send(rounds, octets):
    folder = tempfile.mkdtemp(prefix="convene-bench.", dir="/dev/shm")
    took = {t[0]: [] for t in TURNS}
    cpu = {t[0]: [] for t in TURNS}
    try:
        source = os.path.join(folder, "file")
        make_file(source, octets)
        for i in range(rounds + 1):
            for name, how, options, _, _ in TURNS:
                seconds, processor = how(folder, source, options)
                if i > 0:  # the first round warms up
                    took[name].append(seconds)
                    cpu[name].append(processor)
    finally:
        shutil.rmtree(folder)
    rows = []
    for name, _, _, yard, reach in TURNS:
        row = {"name": name, "median_s": statistics.median(took[name]), "best_s": min(took[name]),
               "worst_s": max(took[name]), "cpu_s": statistics.median(cpu[name]),
               "mib_per_s": octets / 1048576 / statistics.median(took[name]), "rounds": rounds}
        if yard is not None:
            pairs = [y / s for s, y in zip(took[name], took[yard])]
            row.update(yardstick=yard, reach=reach, worst_ratio=min(pairs),
                       ratio=statistics.median(took[yard]) / statistics.median(took[name]))
        rows.append(row)
    return rows


def say_send(rows, octets):
    print(f"{octets / 1048576:.0f} MiB, tmpfs to tmpfs, both ends on this machine, "
          f"{rows[0]['rounds']} rounds in turn:")
    print(f"  {'':<20} {'median':>8} {'worst':>8} {'MiB/s':>7} {'cpu s':>6} {'ratio':>6} "
          f"{'worst':>6} {'reach':>6}")
    for r in rows:
        line = (f"  {r['name']:<20} {r['median_s']:>6.3f} s {r['worst_s']:>6.3f} s "
                f"{r['mib_per_s']:>7.0f} {r['cpu_s']:>6.2f}")
        if "ratio" in r:
            line += f" {r['ratio']:>6.2f} {r['worst_ratio']:>6.2f} {r['reach']:>6.2f} of {r['yardstick']}"
        print(line)


# -------- programs that print `name value unit [reach]` --------

def bench_program(*names):
    out = subprocess.run([program(*names)], stdin=subprocess.DEVNULL, capture_output=True,
                         text=True, timeout=LIMIT, check=False)
    if out.returncode != 0:
        sys.exit(f"run.py: {names[-1]}: exit {out.returncode}\n{out.stdout}{out.stderr}")
    rows = []
    for line in out.stdout.splitlines():
        fields = line.split("\t")
        row = {"name": fields[0], "value": float(fields[1]), "unit": fields[2]}
        if len(fields) > 3:
            row["reach"] = float(fields[3])
        rows.append(row)
    return rows


def say_rows(title, rows):
    print(title)
    for r in rows:
        reach = f"  reach {r['reach']:g}" if "reach" in r else ""
        print(f"  {r['name']:<52} {r['value']:>9,.6g} {r['unit']}{reach}")


def main():
    args = argparse.ArgumentParser(description=__doc__,
                                   formatter_class=argparse.RawTextHelpFormatter)
    args.add_argument("--rounds", type=int, default=5)
    args.add_argument("--octets", type=int, default=1 << 30)
    args.add_argument("parts", nargs="*", metavar="PART")
    args = args.parse_args()
    wanted = args.parts or ["send", "engine", "memory"]
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        cpu = next((l.split(":", 1)[1].strip() for l in f if l.startswith("model name")), "?")
    result = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cpu": cpu,
              "cpus": os.cpu_count(), "kernel": os.uname().release}
    print(f"{cpu}, {os.cpu_count()} processors, Linux {os.uname().release}")
    if "send" in wanted:
        result["send"] = bench_send(args.rounds, args.octets)
        say_send(result["send"], args.octets)
    if "engine" in wanted:
        result["engine"] = bench_program("bench", "bench_spdu") + \
            bench_program("bench", "bench_machine")
        say_rows("Engine, one processor, median of five rounds:", result["engine"])
    if "memory" in wanted:
        result["memory"] = bench_program("bench", "bench_idle")
        say_rows("Memory of an idle session, octets:", result["memory"])
    with open(os.path.join(BUILD, "bench.json"), "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
