#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""stream.py - `convene connect` and `convene serve` over links that are cut in every way: the octets
that come back are those that went, in order, once; an end is never shown after a loss."""
import os
import random
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import rig
from rig import check


class Server(rig.Tool):
    def __init__(self, work, *more):
        self.port = rig.free_port()
        super().__init__(["serve", "--json", "--listen", f"iso://127.0.0.1:{self.port}/", *more,
                          "echo=echo", "sink=sink"], work.folder("state"))
        work.ends.append(self)
        self.until("listening")


def connect(port, ssel="echo", data=b"", code=0, more=(), patience=rig.PATIENCE):
    """Exit status and what came, for data that is known beforehand."""
    done = subprocess.run([rig.TOOL, "connect", *more, f"iso://127.0.0.1:{port}/{ssel}"], input=data,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=patience, check=False)
    check(done.returncode == code, f"exit {done.returncode}, not {code}:", done.stderr)
    return done.stdout, done.stderr.decode()


def same(a, b):
    if a == b:
        return
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    raise rig.Failed(f"{len(a)} octets came of {len(b)}, the first difference at {at}")


def octets_come_back():
    with rig.Work("stream") as w:
        s = Server(w)
        for n in (0, 1, 65535, 65536, 3000001):
            data = random.Random(n).randbytes(n)
            same(connect(s.port, data=data)[0], data)
        check(connect(s.port, "sink", b"gone" * 100000)[0] == b"")
        s.signal(signal.SIGTERM)
        s.ends(0)
        check(len(s.of("released")) == 6, s.events)


def outlives(how, *more):
    with rig.Work("stream") as w:
        s = Server(w)
        data = random.Random(5).randbytes(24000000)
        chaos = rig.Chaos(w, s.port, "--how", how, "--cut-at", "300,900000,7000000,11000000", *more)
        got, said = connect(chaos.port, data=data, more=["-v"])
        same(got, data)
        check(len(chaos.cuts()) == 4, chaos.cuts())
        s.until("released")
        resumed = s.of("resumed")
        check(len(resumed) >= 3 and "resumed" in said, "resumed", len(resumed), "times:", said)


def outlives_octets_cut_one_by_one():
    """The opening, the proof and the release among them: after each octet in both directions."""
    with rig.Work("stream") as w:
        s = Server(w)
        data = random.Random(6).randbytes(700)
        whole = rig.Chaos(w, s.port)
        same(connect(whole.port, data=data)[0], data)
        whole.close()
        total = {"up": 1500, "down": 1500}
        cut = 0
        for way, most in total.items():
            for n in range(1, most, 37):
                chaos = rig.Chaos(w, s.port, "--direction", way, "--cut-at", str(n))
                same(connect(chaos.port, data=data)[0], data)
                cut += len(chaos.cuts())
                chaos.close()
        check(cut > 50, "cuts", cut)


def a_killed_server_is_no_end():
    """Its state is gone: the far program sees no end of the stream, but a failure."""
    with rig.Work("stream") as w:
        s = Server(w)
        mine, its = socket.socketpair()
        run = subprocess.Popen([rig.TOOL, "connect", "--retry-for", "1", f"iso://127.0.0.1:{s.port}/echo"],
                               stdin=its, stdout=its, stderr=subprocess.PIPE)
        its.close()
        mine.settimeout(rig.PATIENCE)
        mine.sendall(b"before")
        got = b""
        while len(got) < 6:
            got += mine.recv(100)
        s.kill()
        code = run.wait(rig.PATIENCE)
        said = run.stderr.read().decode()
        run.stderr.close()
        mine.close()
        check(code == 1 and "did not come back" in said, code, said)


def slow_readers_hold_up_nobody_else():
    with rig.Work("stream") as w:
        s = Server(w, "--window", "256K")
        data = random.Random(8).randbytes(4000000)
        mine, its = socket.socketpair()
        run = subprocess.Popen([rig.TOOL, "connect", "--window", "256K", f"iso://127.0.0.1:{s.port}/echo"],
                               stdin=subprocess.PIPE, stdout=its, stderr=subprocess.DEVNULL)
        its.close()
        mine.settimeout(rig.PATIENCE)
        feeder = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"],
                                  stdin=subprocess.PIPE, stdout=run.stdin)
        run.stdin.close()
        feeder.stdin.write(data)
        feeder.stdin.close()
        same(connect(s.port, data=data[:100000])[0], data[:100000])  # while the other reads nothing
        got = bytearray()
        while piece := mine.recv(30000):
            got += piece
        mine.close()
        check(run.wait(rig.PATIENCE) == 0 and feeder.wait(rig.PATIENCE) == 0)
        same(bytes(got), data)


def refusals():
    with rig.Work("stream") as w:
        s = Server(w)
        _, said = connect(s.port, "nobody", code=77)
        check("no service of that name" in said, said)
        _, said = connect(rig.free_port(), code=69, more=["--connect-timeout", "0.4"])
        check("refused" in said, said)
        other = rig.Ends(w)
        other.start_receiver()
        _, said = connect(other.port, "inbox", code=77)
        check(said != "", "nothing was said")
        for words in (["connect"], ["connect", "a", "b"], ["serve", "--listen", "iso://127.0.0.1:0/"],
                      ["serve", "echo=echo"], ["serve", "--listen", "iso://127.0.0.1:0/", "echo=nothing"],
                      ["serve", "--listen", "iso://127.0.0.1:0/", "=echo"]):
            check(rig.Tool(words, w.folder()).wait() == 64, words)
        check(rig.Tool(["serve", "--listen", "iso://0.0.0.0:0/", "echo=echo"], w.folder()).wait() == 77)


def a_signal_aborts_and_the_peer_is_told():
    with rig.Work("stream") as w:
        s = Server(w)
        run = subprocess.Popen([rig.TOOL, "connect", "-v", f"iso://127.0.0.1:{s.port}/echo"],
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        s.until("opened")
        run.send_signal(signal.SIGTERM)
        check(run.wait(rig.PATIENCE) == 1)
        run.stdin.close()
        run.stderr.close()
        check("signal" in s.until("aborted")["text"], s.events)


def main():
    cases = rig.Cases()
    cases.run("octets_come_back", octets_come_back)
    cases.run("reset", outlives, "reset")
    cases.run("fin", outlives, "fin")
    cases.run("silence", outlives, "silence")
    cases.run("halfopen", outlives, "halfopen")
    for case in (outlives_octets_cut_one_by_one, a_killed_server_is_no_end, slow_readers_hold_up_nobody_else,
                 refusals, a_signal_aborts_and_the_peer_is_told):
        cases.run(case.__name__, case)
    return cases.result()


if __name__ == "__main__":
    rig.main(main)
