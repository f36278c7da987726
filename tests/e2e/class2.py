#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""class2.py - transport class 2 over TCP (RFC 2126) between two `convene talk`, judged by tshark field by
field, and with a peer of octets, written from RFC 2126 and X.224 clause 13 alone.
"""
import os
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import octets as o
import odd
import rig
from rig import check

FIELDS = ["cotp.type", "cotp.li", "cotp.destref", "cotp.srcref", "cotp.class", "cotp.eot", "cotp.tpdu_size",
          "cotp.opts.no_explicit_flow_control", "cotp.opts.extended_formats", "cotp.transport_expedited_data_transfer",
          "cotp.cause"]


def tshark(path, port, *words):
    done = subprocess.run(["tshark", "-n", "-r", path, "-d", f"tcp.port=={port},tpkt", "--disable-protocol", "pres",
                           "--disable-protocol", "rtse", "--disable-protocol", "t125", *words],
                          capture_output=True, text=True, check=False)
    check(done.returncode == 0, done.stderr)
    return done.stdout.splitlines()


def parameters(header):
    at, out = 0, {}
    while at < len(header):
        out[header[at]] = header[at + 2:at + 2 + header[at + 1]]
        at += 2 + header[at + 1]
    return out


def read_tpdu(tpdu):
    """What tshark should say of it: {field: values in the order of the octets}."""
    li, kind = tpdu[0], tpdu[1] >> 4
    out = {"cotp.type": [kind], "cotp.li": [li], "cotp.destref": [struct.unpack(">H", tpdu[2:4])[0]]}
    if kind in (0xE, 0xD, 0x8, 0xC):
        out["cotp.srcref"] = [struct.unpack(">H", tpdu[4:6])[0]]
    if kind == 0xF:  # of an ED it shows none
        out["cotp.eot"] = [tpdu[4] >> 7]
    if kind == 0x8:
        out["cotp.cause"] = [tpdu[6]]
    if kind in (0xE, 0xD):
        more = parameters(tpdu[7:1 + li])
        out["cotp.class"] = [tpdu[6] >> 4]
        out["cotp.opts.no_explicit_flow_control"] = [tpdu[6] & 1]
        out["cotp.opts.extended_formats"] = [tpdu[6] >> 1 & 1]
        if 0xC0 in more:
            out["cotp.tpdu_size"] = [1 << more[0xC0][0]]
        out["cotp.transport_expedited_data_transfer"] = [more[0xC6][0] & 1]
    return out


def packets(stream):
    while stream:
        n = struct.unpack(">H", stream[2:4])[0]
        yield stream[4:n]
        stream = stream[n:]


def number(text):
    return {"True": 1, "False": 0}[text] if text in ("True", "False") else int(text, 0)


def judge(path, port):
    """tshark's values against ours, each direction by itself; the types of each."""
    kinds = []
    for side in ("tcp.srcport", "tcp.dstport"):
        mine, theirs, stream = {f: [] for f in FIELDS}, {f: [] for f in FIELDS}, b""
        for line in tshark(path, port, "-Y", f"{side} == {port} && tcp.len > 0", "-T", "fields", "-e", "tcp.payload",
                           *[w for f in FIELDS for w in ("-e", f)]):
            payload, *values = line.split("\t")
            stream += bytes.fromhex(payload)
            for f, v in zip(FIELDS, values):
                theirs[f] += [number(x) for x in v.split(",") if x]
        for tpdu in packets(stream):
            for f, v in read_tpdu(tpdu).items():
                mine[f] += v
        for f in FIELDS:
            check(mine[f] == theirs[f], side, f, mine[f][:20], theirs[f][:20])
        kinds.append(mine["cotp.type"])
    for line in tshark(path, port, "-T", "fields", "-e", "_ws.malformed", "-e", "_ws.expert.message"):
        check(not line.strip("\t") or ("alformed" not in line and "nknown" not in line), line)
    return kinds


def two_ends(listening, calling, units=("duplex", "expedited-data")):
    """A conversation; (types from the responder, types from the initiator)."""
    with rig.Work("class2") as w, odd.listen("--auto", *listening) as peer:
        path = os.path.join(w.path, "c.pcapng")
        with odd.Talk(*calling, "--pcap", path, f"iso://127.0.0.1:{peer.port}/x") as t:
            check(odd.connect(t, units)["result"] == "accept")
            odd.echo(t, 9000)
            if "expedited-data" in units:
                t.ask("S-EXPEDITED-DATA", data="ahead")
                check(t.until("indication", "S-EXPEDITED-DATA")["data"] == "ahead")
            t.ask("S-RELEASE")
            t.until("confirm", "S-RELEASE")
            t.until("event", "closed")
            t.ends(0)
        return judge(path, peer.port)


def is_read_by_tshark_field_by_field():
    down, up = two_ends(["--expedited"], ["--transport-class", "0,2", "--tpdu-size", "2048"])
    check(up == [0xE] + [0xF] * 6 + [1, 0xF, 8], up)
    check(down == [0xD] + [0xF] * 6 + [1, 0xF, 0xC], down)


def is_spoken_alone():
    down, up = two_ends([], ["--transport-class", "2", "--tpdu-size", "512"], ["duplex"])
    check(up[0] == 0xE and up[-1] == 8 and down[-1] == 0xC and 1 not in up + down, up, down)


def is_answered_by_class_0_where_only_that_is_spoken():
    with odd.listen("--auto", "--expedited", "--transport-class", "0") as peer:
        with odd.Talk("--transport-class", "2,0", f"iso://127.0.0.1:{peer.port}/x") as t:
            check(odd.connect(t, ("duplex", "expedited-data"))["functional_units"] == ["duplex", "expedited-data"])
            odd.echo(t, 1000)
            odd.release(t)
        with odd.Talk("--transport-class", "2", f"iso://127.0.0.1:{peer.port}/x") as t:
            t.ask("S-CONNECT", functional_units=["duplex"])
            check(t.until("event", "closed")["why"])


class Peer:
    """An initiator of class 2, octet by octet."""

    def __init__(self, port, c6):
        self.s = socket.create_connection(("127.0.0.1", port), rig.PATIENCE)
        self.s.settimeout(rig.PATIENCE)
        self.say(bytes([6 + 3, 0xE0, 0, 0, 0, 7, 0x21, 0xC6, 1, c6]))
        cc = self.hear()
        check(cc[1] == 0xD0 and cc[2:4] == b"\0\7" and cc[6] == 0x21, cc.hex())
        self.ref = cc[4:6]
        self.c6 = parameters(cc[7:1 + cc[0]])[0xC6][0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def say(self, *tpdus):
        self.s.sendall(o.tpkt(b"".join(tpdus)))

    def read(self, n):
        out = b""
        while len(out) < n:
            part = self.s.recv(n - len(out))
            check(part, "the stream has ended")
            out += part
        return out

    def hear(self):
        n = struct.unpack(">H", self.read(4)[2:])[0]
        return self.read(n - 4)

    def data(self, kind, octets, number=0x80):
        return bytes([4, kind]) + self.ref + bytes([number]) + octets

    def expect(self, kind, octets=None):
        tpdu = self.hear()
        check(tpdu[1] == kind and tpdu[2:4] == b"\0\7", tpdu.hex())
        check(octets is None or tpdu[5:] == octets, tpdu.hex())
        return tpdu

    def silent(self):
        self.s.settimeout(0.3)
        try:
            check(not self.s.recv(1), "it has said something")
            raise rig.Failed("it has closed")
        except TimeoutError:
            self.s.settimeout(rig.PATIENCE)


def waits_for_each_acknowledgement():
    ex = b"\5\0"
    with odd.listen("--auto", "--expedited") as t, Peer(t.port, 0x69) as p:
        check(p.c6 == 0x21, p.c6)  # neither a reverse connection nor non-blocking
        p.say(p.data(0xF0, o.connect(units=0x0006), 0x85))  # any number
        check(p.expect(0xF0)[5] == o.AC)
        p.say(p.data(0x10, ex + b"one", 0x83))
        p.expect(0x20)
        p.expect(0x10, ex + b"one")
        # Another ED and data: answered by EA at once, and by nothing else before our EA.
        p.say(p.data(0x10, ex + b"two", 0x84))
        check(p.expect(0x20)[4] == 4)
        p.say(p.data(0xF0, o.data(b"three")))
        p.silent()
        # The EA, and behind it in the same packet a TPDU for nobody: the ED goes, and the DT waits.
        ea = b"\4\x20" + p.ref + b"\0"
        p.say(ea, b"\4\xf0\xee\xee\x80for nobody")
        p.expect(0x10, ex + b"two")
        p.silent()
        p.say(ea)
        p.expect(0xF0, o.data(b"three"))
        p.say(b"\6\x80" + p.ref + b"\0\7\x80")
        p.expect(0xC0)
        check(p.s.recv(1) == b"", "it did not close")


def refuses_a_second_connection_for_expedited_data():
    # RFC 2126 6.9, forward connection: it begins with an ED. Closed, and the first one lives.
    with odd.listen("--auto", "--expedited") as t, Peer(t.port, 1) as p:
        p.say(p.data(0xF0, o.connect(units=0x0006)))
        p.expect(0xF0)
        with socket.create_connection(("127.0.0.1", t.port), rig.PATIENCE) as second:
            second.sendall(o.tpkt(p.data(0x10, b"\5\0x")))
            second.settimeout(rig.PATIENCE)
            check(second.recv(100) == b"", "it was not closed")
        p.say(p.data(0xF0, o.data(b"still")))
        p.expect(0xF0, o.data(b"still"))


class Responder:
    """The other role: accepts one connection, octet by octet."""

    def __init__(self):
        self.s = socket.socket()
        self.s.bind(("127.0.0.1", 0))
        self.s.listen()
        self.port = self.s.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.c.close()
        self.s.close()

    def hear(self):
        head = self.c.recv(4, socket.MSG_WAITALL)
        return self.c.recv(struct.unpack(">H", head[2:])[0] - 4, socket.MSG_WAITALL) if head else b""

    def cr(self):
        self.c = self.s.accept()[0]
        self.c.settimeout(rig.PATIENCE)
        cr = self.hear()
        check(cr[1] == 0xE0 and cr[6] == 0x21, cr.hex())
        self.ref = cr[4:6]

    def cc(self):
        self.c.sendall(o.tpkt(b"\6\xd0" + self.ref + b"\0\7\x21"))

    def dr(self):
        dr = self.hear()
        check(dr == b"\6\x80\0\7" + self.ref + b"\x80", dr.hex())


def awaits_dc_and_not_for_ever():
    with Responder() as p, odd.Talk("--transport-class", "2", f"iso://127.0.0.1:{p.port}/x") as t:
        t.ask("S-CONNECT", functional_units=["duplex"])
        p.cr()
        p.cc()
        check(p.hear()[5] == o.CN)
        p.c.sendall(o.tpkt(b"\4\xf0" + p.ref + b"\x80" + o.accept(units=2)))
        t.until("confirm", "S-CONNECT")
        t.ask("S-RELEASE")
        check(p.hear()[5] == o.FN)
        p.c.sendall(o.tpkt(b"\4\xf0" + p.ref + b"\x80" + o.spdu(o.DN)))
        p.dr()
        began = time.monotonic()
        check(p.hear() == b"")  # it closes by itself
        check(4 < time.monotonic() - began < 8, time.monotonic() - began)
        t.until("event", "closed")
        t.ends(0)


def gives_up_before_the_cc():
    # 6.7.5 b: an initiator may not send DR before CC has come.
    with Responder() as p, odd.Talk("--transport-class", "2", f"iso://127.0.0.1:{p.port}/x") as t:
        t.ask("S-CONNECT", functional_units=["duplex"])
        p.cr()
        t.ask("S-U-ABORT")
        t.until("done", "S-U-ABORT")
        p.c.settimeout(0.3)
        try:
            raise rig.Failed(f"it has said {p.c.recv(100).hex()}")
        except TimeoutError:
            p.c.settimeout(rig.PATIENCE)
        p.cc()
        p.dr()
        p.c.sendall(o.tpkt(b"\5\xc0" + p.ref + b"\0\7"))
        check(p.hear() == b"")
        t.until("event", "closed")


def goes_ahead_of_a_long_ssdu():
    """100 MB to a peer that reads slowly: EX comes long before the end, between two DTs; the rest follows."""
    total, ssdu = 100_000_000, 0
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        s.bind(("127.0.0.1", 0))
        s.listen()
        with odd.Talk(f"iso://127.0.0.1:{s.getsockname()[1]}/x") as t:
            t.ask("S-CONNECT", functional_units=["duplex", "expedited-data"])
            with s.accept()[0] as c, c.makefile("rb") as f:
                def hear():
                    return f.read(struct.unpack(">H", f.read(4)[2:])[0] - 4)
                cr = hear()
                check(parameters(cr[7:])[0xC6] == b"\1", cr.hex())
                c.sendall(o.tpkt(b"\x09\xd0" + cr[4:6] + b"\0\1\0\xc6\1\1"))
                check(hear()[3] == o.CN)
                c.sendall(o.tsdu(o.accept(units=0x0006)))
                t.until("confirm", "S-CONNECT")
                t.ask("S-DATA", length=total)
                while ssdu < 5_000_000:
                    ssdu += len(hear()) - 3
                t.ask("S-EXPEDITED-DATA", data="now")
                t.until("done", "S-EXPEDITED-DATA")
                tpdu = hear()
                while tpdu[1] == 0xF0:
                    ssdu += len(tpdu) - 3
                    check(tpdu[2] == 0, "the SSDU has ended before")
                    tpdu = hear()
                check(tpdu == b"\2\x10\x80\5\0now", tpdu.hex())
                print(f"came {ssdu / 1e6:.1f} MB into the SSDU")
                check(ssdu < 50_000_000, ssdu)
                while tpdu[2] == 0 or tpdu[1] == 0x10:
                    tpdu = hear()
                    ssdu += len(tpdu) - 3
                check(ssdu == total + 4, ssdu)


def main():
    cases = rig.Cases()
    for case in (is_read_by_tshark_field_by_field, is_spoken_alone, is_answered_by_class_0_where_only_that_is_spoken,
                 waits_for_each_acknowledgement, refuses_a_second_connection_for_expedited_data,
                 awaits_dc_and_not_for_ever, gives_up_before_the_cc, goes_ahead_of_a_long_ssdu):
        cases.run(case.__name__, case)
    return cases.result()


if __name__ == "__main__":
    rig.main(main)
