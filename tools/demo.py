#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""demo.py - `make run`: files through a session whose link is cut and whose ends are killed.

Sends the project's own tree and a 256 MiB archive of this system's files (or FILE=path) through
convene-chaos, which cuts the link five times; kills each end once with kill -9 and starts it again
with the same command. Prints what happens, then one table; writes demo.pcapng here. 0: all equal.
"""
import hashlib
import json
import os
import queue
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, "build")
CONVENE = os.path.join(BUILD, "convene")
CHAOS = os.path.join(BUILD, "tests", "convene-chaos")
PCAP = "demo.pcapng"
SNAP = 160  # octets of each packet in it: headers, and where the data begins
ARCHIVE = 256 << 20
SECONDS = 20  # the whole transfer, about
CUTS = 5
STALLED = 30  # seconds without an octet, after which it has failed

PICTURE = """\
 One session from the left to the right. The link between is cut five
 times, each end is killed once with kill -9 and started again with the
 same command. Nothing may be lost, and little be sent twice.

   convene send ---- cut - cut - cut - cut - cut ---> convene receive
     kill -9                                             kill -9
"""


class Failed(Exception):
    pass


# -------- what is sent --------

def copy_tree(to):
    """The project's files, without what was built. Without git: all but build folders."""
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=TOP,
                            stdin=subprocess.DEVNULL, capture_output=True, check=False) \
        if shutil.which("git") else None
    if listed is None or listed.returncode != 0:
        def skip(folder, names):
            built = {n for n in names if n.startswith("build") or n in (".git", PCAP)}
            return built if folder == TOP else set()
        shutil.copytree(TOP, to, symlinks=True, ignore=skip)
        return
    for name in listed.stdout.decode(errors="surrogateescape").split("\0"):
        source = os.path.join(TOP, name)
        if not name or not os.path.lexists(source) or os.path.isdir(source):
            continue
        target = os.path.join(to, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)


def make_archive(path):
    """A tar of real files, cut at exactly 256 MiB; a small system's files go in more than once."""
    folders = [f for f in ("/usr/share", "/usr/lib", "/usr/bin", "/etc") if os.path.isdir(f)]
    with open(path, "wb") as out:
        while out.tell() < ARCHIVE:
            before = out.tell()
            tar = subprocess.Popen(["tar", "-cf", "-"] + folders, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            while out.tell() < ARCHIVE:
                block = tar.stdout.read(min(1 << 20, ARCHIVE - out.tell()))
                if not block:
                    break
                out.write(block)
            tar.stdout.close()
            tar.kill()
            tar.wait()
            if out.tell() == before:
                raise Failed("tar gave nothing of " + " ".join(folders))


def sha256(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            h.update(block)
    return h.hexdigest()


def contents(folder):
    """Name: (digest, octets) of a file, (target, 0) of a link; folders are not listed."""
    found = {}
    for where, folders, files in os.walk(folder):
        if where == folder:
            folders[:] = [f for f in folders if f != ".convene"]
        for name in files + [f for f in folders if os.path.islink(os.path.join(where, f))]:
            path = os.path.join(where, name)
            relative = os.path.relpath(path, folder)
            if os.path.islink(path):
                found[relative] = ("-> " + os.readlink(path), 0)
            else:
                found[relative] = (sha256(path), os.path.getsize(path))
    return found


# -------- what happens --------

class Screen:
    """Lines of what happens, above the sender's own progress bar if this is a terminal."""

    def __init__(self):
        self.bar = sys.stderr.isatty() and sys.stdout.isatty()
        self.begin = time.monotonic_ns()

    def say(self, text):
        clear = "\r\033[K" if self.bar else ""
        at = (time.monotonic_ns() - self.begin) / 1e9
        print(f"{clear}{at:6.1f} s  {text}", flush=True)


class Program:
    """A child whose standard output is lines of JSON, put into a queue with their time."""

    def __init__(self, name, command, folder, events, terminal=False, environment=None):
        self.name = name
        self.log = os.path.join(folder, name + ".log")
        with open(self.log, "ab") as log:
            # A session of its own: ^C is for us, we end the children in order.
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                          stderr=None if terminal else log, env=environment,
                                          start_new_session=True)
        threading.Thread(target=self.read, args=(events,), daemon=True).start()

    def read(self, events):
        for line in self.child.stdout:
            now = time.monotonic_ns()
            events.put((now, self.name, line.decode(errors="replace").strip()))
        self.child.stdout.close()
        self.child.wait()
        events.put((time.monotonic_ns(), self.name, None))

    def kill(self):
        self.child.kill()
        self.child.wait()

    def last_words(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return [line.rstrip() for line in f.readlines()[-5:]]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Demo:
    def __init__(self, folder):
        self.folder = folder
        self.screen = Screen()
        self.events = queue.SimpleQueue()
        self.programs = {}
        self.outages = []  # [what, ns of its beginning, ns of its end or None]
        self.opened = False  # a connection came since the last outage began
        self.told = {}  # what the receiver says: name: digest
        self.summary = None
        self.up = 0
        self.environment = dict(os.environ, XDG_STATE_HOME=os.path.join(folder, "state"))

        # A Unix socket's path is at most 107 octets: the shorter one.
        self.ctl = min(self.path("ctl"), os.path.relpath(self.path("ctl")), key=len)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    # ---- before ----

    def prepare(self):
        own = os.environ.get("FILE", "")
        os.mkdir(self.path("sent"))
        os.mkdir(self.path("received"))
        os.mkdir(self.path("state"), 0o700)
        copy_tree(self.path("sent", "convene"))
        if own:
            if not os.path.isfile(own):
                raise Failed(f"FILE={own}: no such file")
            shutil.copyfile(own, self.path("sent", os.path.basename(own)))
        else:
            make_archive(self.path("sent", "system.tar"))
        self.before = contents(self.path("sent"))
        self.octets = sum(octets for _, octets in self.before.values())
        tree = sum(o for n, (_, o) in self.before.items() if n.startswith("convene/"))
        self.jobs = 8 if tree < self.octets / 20 else 1  # one session when the cuts come
        small = len(self.before) * 0.005  # seconds that a small file takes, whatever the rate
        self.rate = int(self.octets / max(10, SECONDS - small)) + 1
        self.cuts = [self.octets * k // (CUTS + 1) for k in range(1, CUTS + 1)]
        self.kills = [("receive", self.octets * 5 // 12), ("send", self.octets * 7 // 12)]
        if os.path.lexists(PCAP):
            os.unlink(PCAP)

    def start_chaos(self):
        to = f"127.0.0.1:{self.port}"
        cuts = ",".join(str(c) for c in self.cuts)
        chaos = [CHAOS, "--listen", "127.0.0.1:0", "--to", to, "--cut-at", cuts, "--log", "-",
                 "--control", self.ctl]
        self.programs["chaos"] = Program("chaos", chaos, self.folder, self.events)
        while True:
            try:
                _, name, line = self.events.get(timeout=10)
            except queue.Empty:
                raise Failed("convene-chaos does not start") from None
            if name == "chaos" and line is not None and line.startswith("listening "):
                break
            if name == "chaos":
                raise Failed("convene-chaos does not start")
        self.link = line.split()[1]
        self.control = socket.socket(socket.AF_UNIX)
        self.control.connect(self.ctl)
        self.answers = self.control.makefile("r")

    def start(self, name):
        common = ["--json"]
        if name == "receive":
            command = [CONVENE, "receive"] + common + [
                "--listen", f"iso://127.0.0.1:{self.port}/inbox", "--into", self.path("received"),
                "--once"]
        else:
            names = sorted(os.listdir(self.path("sent")))
            command = [CONVENE, "send"] + common + [
                f"-j{self.jobs}", "--hash=sha256", f"--limit-rate={self.rate}", f"--pcap={PCAP}",
                f"--snap={SNAP}"] + [self.path("sent", n) for n in names] + [
                f"iso://{self.link}/inbox"]
        terminal = name == "send" and self.screen.bar
        self.programs[name] = Program(name, command, self.folder, self.events, terminal,
                                      self.environment)
        return command

    # ---- while ----

    def outage(self, what, ns):
        self.outages.append([what, ns, None])
        self.opened = False

    def waiting(self):
        return bool(self.outages) and self.outages[-1][2] is None

    def chaos_said(self, e):
        if e["event"] != "cut":
            return
        n = 1 + sum(what == "cut" for what, _, _ in self.outages)
        self.outage("cut", e["ns"])
        self.screen.say(f"the link is cut after octet {e['up']:,} ({n} of {CUTS})")

    def receive_said(self, ns, e):
        if e["event"] == "opened":
            self.opened = True
        elif e["event"] == "committed":
            self.told[e["name"]] = e["digest"]
        elif e["event"] in ("resumed", "started") and self.opened and self.waiting():
            self.outages[-1][2] = ns
            took = (ns - self.outages[-1][1]) / 1e6
            self.screen.say(f"    resumed at octet {e['offset']:,} of {e['name']}: {took:,.0f} ms")

    def heard(self, ns, name, line):
        if line is None:
            return
        try:
            e = json.loads(line)
        except ValueError:
            return  # the last line of a program that was killed
        if name == "chaos":
            self.chaos_said(e)
        elif name == "receive":
            self.receive_said(ns, e)
        elif e["event"] == "summary":
            self.summary = e

    def kill_if_due(self):
        if not self.kills or self.up < self.kills[0][1] or self.waiting():
            return
        name, _ = self.kills.pop(0)
        now = time.monotonic_ns()
        self.programs[name].kill()
        self.outage(name, now)
        self.screen.say(f"kill -9 of convene {name}; the same command again")
        self.start(name)

    def status(self):
        self.control.sendall(b"status\n")
        return json.loads(self.answers.readline())["up"]

    def ended(self):
        """Whether both have; a bad end is an error."""
        done = 0
        for name in ("send", "receive"):
            code = self.programs[name].child.poll()
            if code not in (None, 0):
                words = [f"convene {name} ended with {code}"] + self.programs[name].last_words()
                raise Failed("\n    ".join(words))
            done += code == 0
        return done == 2

    def watch(self):
        said = moved = looked = time.monotonic()
        while not self.ended():
            try:
                self.heard(*self.events.get(timeout=0.05))
            except queue.Empty:
                pass
            now = time.monotonic()
            if now - looked < 0.05:
                continue
            looked = now
            up = self.status()
            if up != self.up:
                moved = now
            self.up = up
            self.kill_if_due()
            if now - moved > STALLED:
                raise Failed(f"no octet came through for {STALLED} s")
            if not self.screen.bar and now - said >= 2:
                share = min(100, 100 * up // max(1, self.octets))
                self.screen.say(f"{up / 1048576:,.1f} MiB have crossed the link, {share} %")
                said = now
        while True:  # what they said last
            try:
                self.heard(*self.events.get(timeout=0.2))
            except queue.Empty:
                break
        self.up = self.status()

    # ---- after ----

    def differences(self):
        after = contents(self.path("received"))
        wrong = []
        for name in sorted(set(self.before) | set(after)):
            if self.before.get(name) != after.get(name):
                wrong.append(f"{name}: sent {self.before.get(name)}, received {after.get(name)}")
            elif not self.before[name][0].startswith("-> ") and \
                    self.told.get(name, self.before[name][0]) != self.before[name][0]:
                wrong.append(f"{name}: the receiver told {self.told[name]}, it is {self.before[name][0]}")
        if len(self.outages) != CUTS + 2 or self.waiting():
            wrong.append(f"{len(self.outages)} of {CUTS + 2} faults happened")
        return wrong

    def run(self):
        print(PICTURE)
        print(" The files are being prepared...", flush=True)
        self.prepare()
        print(f" {len(self.before):,} files, {self.octets:,} octets: this project and "
              f"{os.environ.get('FILE') or 'an archive of this system'}.")
        self.port = free_port()
        self.start_chaos()
        print(f"\n $ convene receive --listen iso://127.0.0.1:{self.port}/inbox \\\n"
              f"       --into received --once\n"
              f" $ convene send --limit-rate={self.rate} --pcap={PCAP} \\\n"
              f"       sent/* iso://{self.link}/inbox\n", flush=True)
        self.screen.begin = time.monotonic_ns()
        self.start("receive")
        self.start("send")
        self.watch()
        took = (time.monotonic_ns() - self.screen.begin) / 1e9
        wrong = self.differences()
        self.table(took, wrong)
        if wrong:
            raise Failed("\n    ".join(["what came is not what was sent"] + wrong[:10]))

    def table(self, took, wrong):
        capture = Capture(PCAP, int(self.link.rsplit(":", 1)[1]))
        twice = capture.data - self.octets
        after_cut = " ".join(f"{(e - b) / 1e6:.0f}" for w, b, e in self.outages if w == "cut" and e)

        def after(which):
            times = [f"{(e - b) / 1e6:.0f}" for w, b, e in self.outages if w == which and e]
            return " ".join(times)
        equal = len(self.before) - len(wrong)
        rows = [("files", f"{len(self.before):,}"),
                ("octets of them", f"{self.octets:,}"),
                ("octets sent", f"{capture.data:,}"),
                ("of them sent twice", f"{twice:,} ({100 * twice / max(1, self.octets):.1f} %)"),
                ("resumes", str(sum(e is not None for _, _, e in self.outages))),
                ("cut to resumed activity, ms", after_cut),
                ("receiver killed to resumed, ms", after("receive")),
                ("sender killed to resumed, ms", after("send")),
                ("seconds in all", f"{took:.1f}"),
                ("SHA-256 equal: sent, received, told", f"{equal:,} of {len(self.before):,}"),
                (PCAP, f"{os.path.getsize(PCAP) / 1048576:.1f} MiB, {capture.packets:,} packets")]
        print()
        for left, right in rows:
            print(f" {left:<36} {right:>34}")
        print(f"\n To look inside:\n"
              f" $ tshark -r {PCAP} -d tcp.port=={self.link.rsplit(':', 1)[1]},tpkt \\\n"
              f"       --disable-protocol pres -Y ses", flush=True)

    def end(self):
        for program in self.programs.values():
            program.kill()


# -------- the capture --------

class Capture:
    """Walks the capture of the sender: counts packets, and the octets of user data it sent.

    Each packet holds octets of one TPKT (RFC 1006), so that its header is at hand: DT TPDUs whose
    TSDU begins with GIVE TOKENS and DATA TRANSFER (X.225 8.3.12) carry the files."""

    def __init__(self, path, port):
        self.packets = 0
        self.data = 0
        self.port = port
        self.flows = {}  # our port: [octets of its TPKT to come, whether its TSDU goes on, as data]
        with open(path, "rb") as f:
            while head := f.read(8):
                kind, length = struct.unpack("<II", head)
                body = f.read(length - 8)
                if len(body) != length - 8:
                    raise Failed(f"{path}: the last block is torn")
                if kind == 6:
                    self.packet(body[20:-4], struct.unpack("<I", body[16:20])[0])

    def packet(self, octets, length):
        self.packets += 1
        source, to = struct.unpack(">HH", octets[20:24])
        if octets[33] & 2:
            self.flows[source] = [0, False, False]
        payload = octets[40:]
        length -= 40
        if to != self.port or length == 0:
            return
        flow = self.flows[source]
        if flow[0] > 0:  # the rest of a TPKT
            flow[0] -= length
            self.data += length if flow[2] else 0
            return
        whole = struct.unpack(">H", payload[2:4])[0]
        flow[0] = whole - length
        if payload[5] & 0xf0 != 0xf0:
            return
        header = 7
        if not flow[1]:
            flow[2] = payload[7:10] == b"\x01\x00\x01"
            header = 7 + 4 + payload[10] if flow[2] else 7
        flow[1] = payload[6] & 0x80 == 0
        self.data += length - header if flow[2] else 0


def stop(number, _frame):
    sys.exit(128 + number)


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    for program in (CONVENE, CHAOS):
        if not os.access(program, os.X_OK):
            print(f"demo.py: {program} is not there: make", file=sys.stderr)
            return 69
    folder = tempfile.mkdtemp(prefix="demo.", dir=BUILD)
    demo = Demo(folder)
    try:
        demo.run()
    except Failed as e:
        print(f"\ndemo.py: FAILED: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo.py: stopped", file=sys.stderr)
        return 130
    finally:
        demo.end()
        shutil.rmtree(folder, ignore_errors=True)
    print(" All is as it was sent.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
