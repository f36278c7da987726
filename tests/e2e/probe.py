#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""probe.py - `convene probe` against peers as they are deployed, against our own, and against none."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import octets as o
import oddpeers
import rig
from rig import check


def probe(port, *options, ssel="x", patience=30):
    """Exit status, what it printed as an object (or text), standard error."""
    done = subprocess.run([rig.TOOL, "probe", *options, f"iso://127.0.0.1:{port}/{ssel}"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=patience, text=True, check=False)
    said = json.loads(done.stdout) if "--json" in options and done.stdout else done.stdout
    return done.returncode, said, done.stderr


def has_fault(said, words):
    check(any(words in f for f in said["faults"]), f"no fault with '{words}':", said["faults"])


def libiec61850():
    with oddpeers.LibIec61850() as peer:
        code, said, _ = probe(peer.port, "--json")
        peer.done()
        check(code == 76, "exit", code)
        check(said["recommended"] == "peer=minimal" and said["versions"] == "2", said)
        check(said["functional_units"] == ["duplex"] and said["tpdu_size"] == 8192, said)
        check(said["answers"]["narrow"] == "AC" and said["answers"]["empty-identifier"] == "AC", said)
        for name in ("all-units", "version-2", "version-1", "unknown-parameter", "user-data-300"):
            check(said["answers"][name] == "AB (user)", name, said["answers"])
        has_fault(said, "without user data")
        has_fault(said, "does not skip a parameter")
        has_fault(said, "lengths of more than one octet")
        has_fault(said, "does not disconnect after AB")
        has_fault(said, "larger TPDU size")
        code, said, _ = probe(peer.port)
        check("recommended    ?peer=minimal" in said, said)


def isode():
    with oddpeers.Isode() as peer:
        code, said, _ = probe(peer.port, "--json", "--data=0x3133")
        peer.done()
        check(said["versions"] == "1, 2" and said["recommended"] is None, said)
        check("resynchronize" in said["functional_units"], said)
        check("symmetric-synchronize" not in said["functional_units"], said)
        check(said["answers"]["version-unknown"] == "RF 132", said)
        check(said["after_release"] == "DR" and said["keeps_transport"] == "no", said)
        check(peer.of("connect data")[0] == b"\x31\x33", peer.of("connect data"))
        check(code == 76, "exit", code)
        has_fault(said, "exceptions without half-duplex")


def wildboar():
    with oddpeers.Wildboar(ssel=b"x") as peer:
        code, said, _ = probe(peer.port, "--json")
        peer.done()
        check(code == 76, "exit", code)
        check(said["answers"]["selector-wrong"] == "RF 129", said["answers"])
        check(said["recommended"] is None, said)
        has_fault(said, "a version that was not offered")
        has_fault(said, "Transport Disconnect (PI 17) is missing")
        code, said, _ = probe(peer.port, "--json", ssel="y")
        check(code == 77 and not said["accepted"], code, said)
        check(said["answers"]["all-units"] == "RF 129" and said["faults"] == [], said)


def convene():
    with tempfile.TemporaryDirectory() as folder:
        into = os.path.join(folder, "in")
        os.mkdir(into)
        state = dict(os.environ, XDG_STATE_HOME=folder)
        ours = subprocess.Popen([rig.TOOL, "receive", "--json", "--listen", "iso://127.0.0.1:0/inbox", "--into", into],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=state)
        try:
            port = json.loads(ours.stdout.readline())["port"]
            code, said, _ = probe(port, "--json", ssel="inbox")
            check(code == 0 and said["faults"] == [] and said["recommended"] is None, code, said)
            check(said["versions"] == "1, 2" and "activity-management" in said["functional_units"], said)
            for name in ("narrow", "empty-identifier", "unknown-parameter", "user-data-600", "selector-17"):
                check(said["answers"][name] == "AC", name, said["answers"])
            check(said["answers"]["selector-wrong"] == "RF 129" and said["after_abort"] == "closes", said)
            check(os.listdir(into) == [], "nothing is left", os.listdir(into))
        finally:
            ours.terminate()
            ours.stdout.read()
            ours.wait()


def talk():
    """Our own with everything on: nothing is wrong, and it keeps the transport."""
    ours = subprocess.Popen([rig.TOOL, "talk", "--json", "--auto", "--reuse", "--expedited", "--listen",
                             "iso://127.0.0.1:0/x"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        port = json.loads(ours.stdout.readline())["port"]
        code, said, _ = probe(port, "--json")
        check(code == 0 and said["faults"] == [] and said["recommended"] is None, code, said)
        check(said["keeps_transport"] == "yes" and said["after_abort"] == "AA", said)
        check(said["transport_expedited"] and said["answers"]["class-2"] == "CC class 2", said)
        check(len(said["functional_units"]) >= 9, said["functional_units"])
    finally:
        ours.terminate()
        ours.stdout.read()
        ours.wait()


def served(script):
    """A port at which script(socket) serves every connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(s):
        try:
            script(s)
        except OSError:
            pass
        s.close()

    def serve():
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(s,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listener, listener.getsockname()[1]


def against(script, *options):
    listener, port = served(script)
    begin = time.monotonic()
    try:
        code, said, errors = probe(port, "--json", *options)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    return code, said, errors, time.monotonic() - begin


def silent():
    code, said, _, took = against(lambda s: s.recv(1), "--timeout=0.2")
    # It reads one octet and closes: that is seen as what it is.
    check(code == 77 and said["answers"]["all-units"] in ("closed", "reset"), code, said)
    hold = threading.Event()
    code, said, _, took = against(lambda s: hold.wait(20), "--timeout=0.2")
    hold.set()
    check(code == 77 and said["answers"]["all-units"] == "no answer", code, said)
    check(took < 10, "bounded in time:", took)


def drips():
    """A peer that says a little for ever is given up in time too."""
    over = threading.Event()

    def drip(s):
        s.sendall(b"\3\0\xff\xff\xff")
        while not over.wait(0.02):
            s.sendall(b"\0")

    code, said, _, took = against(drip, "--timeout=0.3")
    over.set()
    check(code == 77 and said["answers"]["all-units"] == "no answer" and took < 10, code, said, took)


def garbage():
    code, said, _, _ = against(lambda s: (s.recv(100), s.sendall(b"HTTP/1.1 400 no\r\n\r\n"), s.recv(1)))
    check(code == 77 and said["answers"]["all-units"] == "invalid", code, said)
    has_fault(said, "no TPKT")


def accept_transport(s):
    way = o.Way()
    while True:
        for kind, value in way.feed(s.recv(65536)):
            if kind == "CR":
                s.sendall(o.tpkt(b"\x06\xd0" + value[4:6] + b"\0\x09\0"))
            else:
                return


def endless():
    def flood(s):
        accept_transport(s)
        while True:
            s.sendall(o.tpkt(b"\2\xf0\0" + bytes(60000)))

    code, said, _, took = against(flood, "--timeout=2")
    check(code == 77 and said["answers"]["all-units"] == "invalid", code, said)
    has_fault(said, "128 KiB")


def octet_by_octet():
    """The answers in pieces are the same answers; data and tokens before DN are passed over."""
    def slow(s):
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        way = o.Way()
        while True:
            piece = s.recv(65536)
            if not piece:
                return
            for kind, value in way.feed(piece):
                if kind == "CR":
                    out = o.tpkt(b"\x06\xd0" + value[4:6] + b"\0\x09\0")
                elif value[0] == o.CN:
                    out = o.tsdu(o.spdu(o.AC, oddpeers.IEC_ITEM, o.par(20, b"\0\2")))
                else:
                    out = o.tsdu(b"\1\0\1\0early") + o.tsdu(o.spdu(o.DN))
                for i in range(len(out)):
                    s.sendall(out[i:i + 1])

    code, said, _, _ = against(slow)
    check(said["answers"]["version-2"] == "AC" and said["keeps_transport"] == "yes", code, said)
    check(not any("DN" in f for f in said["faults"]), said["faults"])


def not_there():
    port = rig.free_port()
    code, said, errors = probe(port)
    check(code == 69 and "refused" in errors, code, errors)


def usage():
    for options, words in ((["--data=0x1"], "--data"), (["--data="], "--data"), (["--timeout=x"], "--timeout")):
        code, _, errors = probe(1, *options)
        check(code == 64 and words in errors, options, code, errors)
    for arguments, code in ((["probe"], 64), (["probe", "isos://h/x"], 77), (["probe", "x"], 64),
                            (["probe", "iso://a/b", "iso://a/b"], 64)):
        done = subprocess.run([rig.TOOL, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=20)
        check(done.returncode == code and done.stderr.startswith("convene: "), arguments, done)


def main():
    cases = rig.Cases()
    for case in (libiec61850, isode, wildboar, convene, talk, silent, drips, garbage, endless, octet_by_octet,
                 not_there, usage):
        if len(sys.argv) < 2 or case.__name__ in sys.argv[1:]:
            cases.run(case.__name__, case)
    return cases.result()


if __name__ == "__main__":
    rig.main(main)
