#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""capture.py - what the kernel saw of a transfer, judged by tshark, and the tool's --pcap beside it.

dumpcap listens on lo while a transfer is cut and resumed. tshark must find TPKT, COTP and session
SPDUs and nothing malformed or unknown; the octets of each connection and direction must be the same
in the kernel's capture and in the --pcap of both ends.
"""
import os
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import octets
import rig
from rig import check

def tshark(path, port, *words):
    # What is below the session layer's user data is not X.400's or FTAM's: their dissectors would guess.
    done = subprocess.run(["tshark", "-n", "-r", path, "-d", f"tcp.port=={port},tpkt", "--disable-protocol", "pres",
                           "--disable-protocol", "rtse", "--disable-protocol", "t125", *words],
                          capture_output=True, text=True, check=False)
    check(done.returncode == 0, done.stderr)
    return done.stdout


def streams(path, port):
    """{(client port, direction): octets}"""
    out = {}
    seen = set()
    fields = ["tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.payload"]
    text = tshark(path, port, "-Y", "tcp.len > 0", "-T", "fields", *[w for f in fields for w in ("-e", f)])
    for line in text.splitlines():
        src, dst, seq, payload = line.split("\t")
        if str(port) not in (src, dst):
            continue
        key = (dst, "down") if src == str(port) else (src, "up")
        if (key, seq) in seen:
            continue  # sent again by TCP
        seen.add((key, seq))
        out[key] = out.get(key, b"") + bytes.fromhex(payload)
    return out


def tsdus(stream):
    return [v for k, v in octets.Way().feed(stream) if k == "TSDU"]


def capture(w, port):
    path = os.path.join(w.folder(), "kernel.pcapng")
    run = subprocess.Popen(["dumpcap", "-q", "-i", "lo", "-B", "64", "-f", f"tcp port {port}", "-w", path],
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in run.stderr:
        if line.startswith("File:"):
            return run, path
    raise rig.Failed("dumpcap does not begin")


def wait_for_mark(path, port):
    """Until a refused connection of ours is in the capture, and with it all that was before."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        mark = struct.pack(">HH", s.getsockname()[1], port)
        check(s.connect_ex(("127.0.0.1", port)) != 0, "somebody listens still")

    def there():
        with open(path, "rb") as f:
            f.seek(max(0, os.path.getsize(path) - 4096))
            return mark in f.read()
    rig.wait_until(there, "dumpcap has written", 10)


def transfer(w):
    """(kernel's capture, port): of the link that the receiver has; both tools' own."""
    ends = rig.Ends(w)
    run, kernel = capture(w, ends.port)
    try:
        mine = {"sender": os.path.join(w.path, "s.pcapng"), "receiver": os.path.join(w.path, "r.pcapng")}
        # Both ends have the same link, so what cuts it is the kernel.
        ends.start_receiver("--once", "--pcap", mine["receiver"])
        path = w.file(1000000, 5)
        s = ends.start_sender(path, more=["--checkpoint", "64K", "--limit-rate", "4M", "--pcap", mine["sender"]])
        ends.receiver.until("confirmed")
        ports = [e["peer"].rsplit(":", 1)[1] for e in ends.receiver.of("opened")]
        subprocess.run(["ss", "-K", "dst", "127.0.0.1", "sport", "=", ":" + ports[0]], capture_output=True,
                       check=False)
        s.ends(0)
        ends.receiver.ends(0)
        check(rig.same(path, ends.got("file")))
    finally:
        wait_for_mark(kernel, ends.port)
        run.terminate()
        run.wait(10)
        run.stderr.close()
    return ends.port, kernel, mine


def main():
    cases = rig.Cases()
    with rig.Work("capture") as w:
        state = {}

        def moves_a_file():
            state["port"], state["kernel"], state["mine"] = transfer(w)

        def is_read_by_tshark_without_complaint():
            for path in (state["kernel"], *state["mine"].values()):
                text = tshark(path, state["port"], "-T", "fields", "-e", "frame.protocols", "-e", "ses.type",
                              "-e", "_ws.malformed", "-e", "_ws.expert.message")
                frames = [line.split("\t") for line in text.splitlines()]
                session = [f for f in frames if ":tpkt:cotp:ses" in f[0]]
                check(len(session) > 10, path, len(session))
                for f in frames:
                    check(not f[2], "malformed:", f)
                    check("nknown" not in f[3] and "alformed" not in f[3], f)
                    check(f[0].endswith((":tcp", ":tpkt", ":cotp", ":ses")) or ":ses" in f[0], "another layer:", f[0])

        def agrees_tsdu_by_tsdu_with_the_tools_own():
            kernel = streams(state["kernel"], state["port"])
            check(len(kernel) >= 2, "no connection")
            total = finished = 0
            for who, path in state["mine"].items():
                own = streams(path, state["port"])
                check(set(own) <= set(kernel), set(own), set(kernel))
                for key, stream in own.items():
                    a, b = tsdus(stream), tsdus(kernel[key])
                    n = min(len(a), len(b))
                    check(a[:n] == b[:n], who, key, "differ")
                    # Of a link that was cut an end may have seen less; of the one that ended, all.
                    ended = octets.decode_tsdu(b[-1])[0].name in ("FN", "DN")
                    check(len(a) == len(b) or not ended, who, key, len(a), len(b))
                    finished += ended
                    total += n
                    for t in a:
                        octets.decode_tsdu(t)
            print(f"{total} TSDUs of {len(kernel)} directions compared")
            check(total > 40 and finished == 4, total, finished)

        for case in (moves_a_file, is_read_by_tshark_without_complaint, agrees_tsdu_by_tsdu_with_the_tools_own):
            cases.run(case.__name__, case)
    return cases.result()


if __name__ == "__main__":
    rig.main(main)
