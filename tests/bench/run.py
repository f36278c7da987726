#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py [--rounds N] [--octets N] [PART...] - `make bench`: the speed table, against its yardsticks.

Parts: send, data, connections, engine, memory (all). Every ratio is of medians of rounds that alternate with the
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


# -------- two processes over loopback (pair.c) --------

DATA = [(1 << 10, 1 << 19), (8 << 10, 1 << 16), (64 << 10, 1 << 14)]  # octets, messages of a round
# Kind, its yardstick, the ratio to reach by size, MB/s to reach by size.
DATA_KINDS = [("raw", None, {}, {}),
              ("sdata", "raw", {64 << 10: 0.95}, {1 << 10: 1000}),
              ("stream", "raw", {64 << 10: 0.95}, {1 << 10: 1000})]
CONNECTIONS = 4000  # of a round: no more than a listener holds before they are taken
CONNECTION_KINDS = [("turns", None, None), ("session", "turns", 0.85),
                    ("open", None, None), ("kept", "open", 0.5)]
WHAT = {"raw": "raw TCP, same writes", "sdata": "S-DATA", "stream": "S-DATA, by the library's streams",
        "turns": "TCP connect, 3 turns, close", "session": "connect, S-CONNECT, S-RELEASE, close",
        "open": "TCP connect, close", "kept": "S-CONNECT, S-RELEASE, transport kept"}
CALLS = "trace=read,write,readv,writev,sendto,sendmsg,recvfrom,recvmsg,poll,ppoll,epoll_wait," \
    "epoll_pwait,epoll_ctl"


def pair(kind, size, count, before=((), ())):
    """Seconds at the side that dials, seconds of processor of both."""
    server = Receiver(list(before[0]) + [program("tests", "pair"), "serve", kind, str(size),
                                         str(count)])
    command = list(before[1]) + [program("tests", "pair"), "dial", kind, str(size), str(count),
                                 server.first.split()[1]]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as c:
        said = c.stdout.read()
        _, status, usage = os.wait4(c.pid, 0)
        c.returncode = os.waitstatus_to_exitcode(status)
    if c.returncode != 0:
        sys.exit(f"run.py: {' '.join(command)}: exit {c.returncode}")
    return float(said), usage.ru_utime + usage.ru_stime + server.end()


def calls_of(kind, size, count):
    """System calls that move or wait for octets, of each end, as strace counts them."""
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, n) for n in ("serve", "dial")]
        pair(kind, size, count, [("strace", "-f", "-c", "-e", CALLS, "-o", f) for f in files])
        found = []
        for name in files:
            with open(name, encoding="utf-8") as f:
                rows = [l.split() for l in f if l.rstrip() and l.split()[0][0].isdigit()]
            found.append(sum(int(r[3]) for r in rows if r[-1] != "total"))
        return found


def turns(kinds, rounds, size, count):
    """{kind: [(seconds, processor)]} of rounds in turn."""
    took = {k: [] for k in kinds}
    for i in range(rounds + 1):
        for k in kinds:
            got = pair(k, size, count)
            if i > 0:
                took[k].append(got)
    return took


def pair_row(kind, yard, took, count):
    times = [t for t, _ in took[kind]]
    row = {"name": WHAT[kind], "kind": kind, "median_s": statistics.median(times),
           "worst_s": max(times), "per_s": count / statistics.median(times),
           "worst_per_s": count / max(times), "rounds": len(times),
           "cpu_s": statistics.median(c for _, c in took[kind])}
    if yard is not None:
        base = [t for t, _ in took[yard]]
        row.update(yardstick=WHAT[yard], ratio=statistics.median(base) / row["median_s"],
                   worst_ratio=min(y / s for s, y in zip(times, base)))
    return row


def bench_data(rounds):
    rows = []
    for size, count in DATA:
        took = turns([k for k, _, _, _ in DATA_KINDS], rounds, size, count)
        for kind, yard, reach, absolute in DATA_KINDS:
            row = pair_row(kind, yard, took, count)
            few = count // 16
            serve, dial = calls_of(kind, size, few)
            row.update(size=size, mb_per_s=size * count / row["median_s"] / 1e6,
                       worst_mb_per_s=size * count / row["worst_s"] / 1e6,
                       cpu_s_per_gb=row["cpu_s"] / (size * count) * 1e9,
                       calls_dial=dial / few, calls_serve=serve / few)
            if size in reach:
                row["reach"] = reach[size]
            if size in absolute:
                row["reach_mb_per_s"] = absolute[size]
            rows.append(row)
    return rows


def say_data(rows):
    print(f"Data between two processes on loopback, {rows[0]['rounds']} rounds in turn; system calls "
          "a message, sender + receiver:")
    print(f"  {'':<42} {'MB/s':>6} {'worst':>6} {'cpu s/GB':>8} {'calls':>15} {'ratio':>6} {'worst':>6}")
    for r in rows:
        line = (f"  {r['size'] >> 10:>2} KiB  {r['name']:<34} {r['mb_per_s']:>6.0f} "
                f"{r['worst_mb_per_s']:>6.0f} {r['cpu_s_per_gb']:>8.2f} "
                f"{r['calls_dial']:>7.4f} {r['calls_serve']:>7.4f}")
        if "ratio" in r:
            line += f" {r['ratio']:>6.2f} {r['worst_ratio']:>6.2f}"
        if "reach" in r:
            line += f"  reach {r['reach']:.2f}"
        if "reach_mb_per_s" in r:
            line += f"  reach {r['reach_mb_per_s']} MB/s"
        print(line)


def bench_connections(rounds):
    took = turns([k for k, _, _ in CONNECTION_KINDS], rounds, 1, CONNECTIONS)
    rows = []
    for kind, yard, reach in CONNECTION_KINDS:
        row = pair_row(kind, yard, took, CONNECTIONS)
        row["cpu_us"] = row["cpu_s"] / CONNECTIONS * 1e6
        if reach is not None:
            row["reach"] = reach
        rows.append(row)
    return rows


def say_connections(rows):
    print(f"Connections between two processes on loopback, one after another, {rows[0]['rounds']} "
          "rounds in turn:")
    print(f"  {'':<42} {'each s':>6} {'worst':>6} {'cpu us':>8} {'ratio':>6} {'worst':>6}")
    for r in rows:
        line = f"  {r['name']:<42} {r['per_s']:>6.0f} {r['worst_per_s']:>6.0f} {r['cpu_us']:>8.1f}"
        if "ratio" in r:
            line += f" {r['ratio']:>6.2f} {r['worst_ratio']:>6.2f}  reach {r['reach']:.2f} of {r['yardstick']}"
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
    known = ["send", "data", "connections", "engine", "memory"]
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--octets", type=int, default=1 << 30)
    parser.add_argument("parts", nargs="*", metavar="PART")
    args = parser.parse_args()
    if not set(args.parts) <= set(known):
        parser.error(f"the parts are {', '.join(known)}")
    wanted = args.parts or known
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        cpu = next((l.split(":", 1)[1].strip() for l in f if l.startswith("model name")), "?")
    result = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cpu": cpu,
              "cpus": os.cpu_count(), "kernel": os.uname().release}
    print(f"{cpu}, {os.cpu_count()} processors, Linux {os.uname().release}")
    if "send" in wanted:
        result["send"] = bench_send(args.rounds, args.octets)
        say_send(result["send"], args.octets)
    if "data" in wanted:
        result["data"] = bench_data(args.rounds)
        say_data(result["data"])
    if "connections" in wanted:
        result["connections"] = bench_connections(args.rounds)
        say_connections(result["connections"])
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
