#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""trace.py - `convene trace` beside tshark, with TCP as it comes, with what is wrong, and with what is no capture.

The exchanges are those of test_x225_random: two machines and two users who ask for anything, with a tap
between them (X225_TAP); from its lines captures are made here, packet by packet.
"""
import json
import os
import random
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import octets as o
import rig
from rig import check

PORT = 10102
SYN, ACK, FIN, PSH = 2, 16, 1, 8
NULL, ETHERNET, RAW, LOOP, SLL, SLL2 = 0, 1, 101, 108, 113, 276


# -------- captures --------

class Wire:
    """Packets of TCP connections, as (time, octets of IP) in order."""

    def __init__(self, six=False):
        self.six = six
        self.packets = []
        self.client = 40000
        self.seq = [1000, 5000]

    def segment(self, side, seq, flags, data=b""):
        ports = (self.client, PORT) if side == 0 else (PORT, self.client)
        tcp = struct.pack(">HHIIBBHHH", *ports, seq & 0xFFFFFFFF, self.seq[1 - side] & 0xFFFFFFFF, 0x50, flags, 65535,
                          0, 0) + data
        ends = [b"\x7f\0\0\1", b"\x7f\0\0\2"] if not self.six else [b"\xfd" + bytes(15), b"\xfd" + bytes(14) + b"\1"]
        src, dst = (ends[0], ends[1]) if side == 0 else (ends[1], ends[0])
        if self.six:
            return struct.pack(">IHBB", 0x60000000, len(tcp), 6, 64) + src + dst + tcp
        return struct.pack(">BBHIBBH", 0x45, 0, 20 + len(tcp), 0x4000, 64, 6, 0) + src + dst + tcp

    def put(self, side, flags, data=b""):
        self.packets.append(self.segment(side, self.seq[side], flags, data))
        self.seq[side] += len(data) + (1 if flags & (SYN | FIN) else 0)

    def open(self):
        self.client += 1
        self.seq = [self.client * 77, self.client * 99]
        self.put(0, SYN)
        self.put(1, SYN | ACK)

    def send(self, side, data):
        self.put(side, ACK | PSH, data)


def frame(link, ip):
    six = ip[0] >> 4 == 6
    ether = b"\x86\xdd" if six else b"\x08\0"
    if link == ETHERNET:
        return bytes(12) + ether + ip
    if link == NULL:
        return struct.pack("<I", 30 if six else 2) + ip
    if link == LOOP:
        return struct.pack(">I", 30 if six else 2) + ip
    if link == SLL:
        return bytes(14) + ether + ip
    if link == SLL2:
        return ether + bytes(18) + ip
    return ip


def pcap(packets, link=RAW, snap=0):
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)
    for n, p in enumerate(packets):
        f = frame(link, p)
        kept = f if snap == 0 else f[:snap]
        out += struct.pack("<IIII", 1700000000 + n // 1000, n % 1000 * 1000, len(kept), len(f)) + kept
    return out


def ed(data):
    return o.tpkt(b"\2\x10\x80" + data)


def cr(expedited):
    return o.tpkt(bytes([9, 0xE0]) + struct.pack(">HHB", 0, 7, 0) + bytes([0xC6, 1, 1 if expedited else 0]))


def cc(expedited):
    return o.tpkt(bytes([9, 0xD0]) + struct.pack(">HHB", 7, 9, 0) + bytes([0xC6, 1, 1 if expedited else 0]))


def sessions(text):
    """[(opening line, [lines])] of a tap."""
    out = []
    for line in text.splitlines():
        if line.startswith("= open"):
            out.append((line, []))
        elif out:
            out[-1][1].append(line)
    return out


def wire_of(text, rng, six=False, size=0):
    w = Wire(six)
    for opening, lines in sessions(text):
        expedited = "expedited" in opening
        w.open()
        w.send(0, cr(expedited))
        w.send(1, cc(expedited))
        for line in lines:
            side = 0 if line[0] == ">" else 1
            if line[0] == "=":
                w.put(int(line.split()[2]), FIN | ACK)
                break
            data = bytes.fromhex(line[2:])
            if line[1] == "*":
                w.send(side, ed(data))
                continue
            for t in split_tpkts(o.tsdu(data, size or rng.choice([16, 64, 2000, 60000]))):
                w.send(side, t)
    return w


def split_tpkts(stream):
    while stream:
        n = struct.unpack(">H", stream[2:4])[0]
        yield stream[:n]
        stream = stream[n:]


# -------- the tool --------

def run(words, data=None, patience=120):
    done = subprocess.run([rig.TOOL, "trace", *words], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=patience, check=False)
    check(done.returncode in (0, 64, 65, 66, 74, 76), "exit", done.returncode, done.stderr[-400:])
    return done.returncode, done.stdout, done.stderr.decode()


def trace(data, *words):
    """Exit status, objects."""
    code, out, _ = run(["--json", *words, "-"], data)
    return code, [json.loads(line) for line in out.splitlines()]


def found(said, grade):
    return [e for e in said if e["event"] == "finding" and e["grade"] == grade]


def names(said):
    return [e["spdu"] for e in said if e["event"] == "spdu"]


def tap(w, runs):
    path = os.path.join(w.path, f"tap{runs}")
    env = dict(os.environ, X225_RUNS=str(runs), X225_TAP=path, CK_FORK="no")
    env.pop("X225_SEED", None)
    # Too few runs leave services untried, which the program says: the tap is whole all the same.
    subprocess.run([os.path.join(rig.BUILD, "test_x225_random")], env=env, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False, timeout=120)
    with open(path, encoding="ascii") as f:
        return f.read()


# -------- SPDUs with all that they may have --------

REFS = o.par(11, b"261120120000Z") + o.par(12, b"\0\1\2\3")
CONNECT_ITEM = o.par(5, o.par(19, b"\1") + o.par(21, b"\x10\0\x08\0") + o.par(22, b"\3") + o.par(23, b"12") +
                     o.par(26, b"\x84") + o.par(55, b"999999") + o.par(56, b"\6"))
UD = o.par(193, b"user")
ENC = o.par(25, b"\3")
NUMBERS = o.par(42, b"000017") + o.par(54, b"3")
FULL = [
    o.spdu(13, o.par(1, o.par(10, b"calling") + REFS), CONNECT_ITEM, o.par(20, b"\x1f\xff"), o.par(51, b"from"),
           o.par(52, b"to"), o.par(60, b"\1"), o.par(194, bytes(600))),
    o.spdu(16, o.par(21, bytes(4)), o.par(22, b"\2")),
    o.spdu(15, o.par(25, b"\2"), UD),
    o.spdu(14, o.par(1, o.par(9, b"called") + REFS), CONNECT_ITEM, o.par(16, b"\x55"), o.par(20, b"\2\x49"), ENC,
           o.par(51, b"from"), o.par(52, b"to"), UD),
    o.spdu(12, o.par(1, o.par(9, b"called") + REFS), o.par(17, b"\1"), o.par(20, b"\2\x49"), o.par(22, b"\3"), ENC,
           o.par(50, b"\2because")),
    o.spdu(9, o.par(17, b"\0"), ENC, UD), o.spdu(10, ENC, UD), o.spdu(8, ENC, UD),
    o.spdu(25, o.par(17, b"\5"), ENC, o.par(49, bytes(9)), UD), o.spdu(26),
    o.spdu(1, o.par(16, b"\x41"), ENC, UD), o.spdu(2, o.par(16, b"\x14"), ENC, UD), o.spdu(21, ENC, UD), o.spdu(22),
    o.after_gt(1, ENC) + b"information", o.spdu(33, ENC) + b"typed",
    o.after_gt(49, o.par(15, b"\3"), ENC, o.par(42, b"7"), UD),
    o.after_pt(50, ENC, o.par(42, b"7")),
    o.after_gt(41, o.par(15, b"\1"), ENC, NUMBERS, UD), o.after_gt(41, ENC, NUMBERS, UD),
    o.after_pt(42, ENC, NUMBERS, UD),
    o.after_gt(53, ENC, o.par(26, b"\x12"), o.par(27, b"\2"), o.par(42, b"5"), o.par(53, b"\1"), o.par(54, b"6"), UD),
    o.after_pt(34, ENC, o.par(26, b"\x11"), NUMBERS, UD),
    o.after_pt(48, ENC, o.par(50, b"\x80"), UD),
    o.after_gt(45, ENC, o.par(41, b"act-1"), UD),
    o.after_gt(29, ENC, o.par(33, o.par(9, b"called") + o.par(10, b"calling") + REFS + o.par(41, b"old") + NUMBERS),
               o.par(41, b"new"), UD),
    o.after_gt(25, ENC, o.par(50, b"\0"), UD), o.after_pt(26, ENC, UD), o.after_gt(57, ENC, o.par(50, b"\1"), UD),
    o.after_pt(58, ENC, UD), o.after_gt(61, ENC, UD), o.after_pt(62, ENC, UD),
]
# Neither the session dissector nor the amendments know these in tshark 4.0.
STRANGE = [o.after_pt(0, o.par(49, b"reflected")), o.after_pt(50, ENC, o.par(42, b"7"), o.par(46, b"user")),
           o.spdu(13, o.par(5, o.par(19, b"\0") + o.par(22, b"\2") + o.par(57, b"1234567") + o.par(58, b"7654321")),
                  UD)]


def full_wire(tsdus, size=60000):
    w = Wire()
    w.open()
    w.send(0, cr(True))
    w.send(1, cc(True))
    for t in tsdus:
        for p in split_tpkts(o.tsdu(t, size)):
            w.send(0, p)
    return w


# -------- tshark --------

def ours(said):
    """[(frame, si, LI, [(codes from outside, length, octets)])]; EX, PR and what else is on ED are left out."""
    out = []

    def walk(params, above, to):
        for p in params:
            path = above + (p.get("pgi", p.get("pi")),)
            to.append((path, p["length"], p.get("hex", "")))
            walk(p.get("parameters", []), path, to)
    for e in said:
        if e["event"] == "spdu" and e["flow"] == "normal":
            got = []
            walk(e["parameters"], (), got)
            out.append((e["frame"], e["si"], e["length"] - (2 if e["length"] < 257 else 4), got, e["parameters"]))
    return out


BITS = {  # tshark's flag: (code, our word)
    "half_duplex": (20, "half-duplex"), "duplex": (20, "duplex"), "expedited_data": (20, "expedited-data"),
    "minor_resynchronize": (20, "minor-synchronize"), "major_resynchronize": (20, "major-synchronize"),
    "resynchronize": (20, "resynchronize"), "activity_management": (20, "activity-management"),
    "negotiated_release": (20, "negotiated-release"), "capability_data": (20, "capability-data"),
    "exception_data": (20, "exceptions"), "typed_data": (20, "typed-data"), "symm_sync": (20, "symmetric-synchronize"),
    "data_sep": (20, "data-separation"), "connect.f1": (19, "extended-concatenation"),
    "protocol_version1": (22, 1), "protocol_version2": (22, 2), "beginning_of_SSDU": (25, "begin"),
    "end_of_SSDU": (25, "end"), "transport_flags.connection": (17, "released"), "transport_flags.user_abort": (17, "user"),
    "transport_flags.protocol_error": (17, "protocol-error"), "transport_flags.no_reason": (17, "no-reason"),
    "transport_flags.implementation_restriction": (17, "implementation-restriction"), "data_token": (16, "data"),
    "synchronize_token": (16, "synchronize-minor"), "major.token": (16, "major-activity"),
    "release_token": (16, "release"),
}
PLACES = {"data_token_setting": "data", "synchronize_minor_token_setting": "synchronize-minor",
          "major_activity_token_setting": "major-activity", "release_token_setting": "release"}
SIDES = ["initiator", "responder", "acceptor-chooses", "reserved"]
NUMBERS_OF = {"serial_number": 42, "second_serial_number": 54, "initial_serial_number": 23,
              "second_initial_serial_number": 55}


def flags_of(params):
    out = set()
    for p in params:
        if isinstance(p.get("value"), list):
            out |= {(p.get("pi"), v) for v in p["value"]}
        if p.get("pi") == 26:
            out |= set(p["value"].items())
        if p.get("pi") in NUMBERS_OF.values():
            out.add((p["pi"], p["value"]))
        if p.get("pi") == 21:
            out |= {(21, p["value"]["initiator"], "initiator"), (21, p["value"]["responder"], "responder")}
        out |= flags_of(p.get("parameters", []))
    return out


def flag_of(name, show):
    """What a field of tshark's says, in our words."""
    if name in BITS:
        return {BITS[name]} if show == "1" else set()
    if name in PLACES:
        return {(PLACES[name], SIDES[int(show, 0)])}
    if name in NUMBERS_OF:
        return {(NUMBERS_OF[name], int(show))}
    if name.startswith("proposed_tsdu_maximum_size_"):
        return {(21, int(show), "initiator" if name.endswith("i2r") else "responder")}
    return set()


def tshark(path):
    """The same of tshark, and what it complains about."""
    words = ["tshark", "-n", "-r", path, "-d", f"tcp.port=={PORT},tpkt", "-T", "pdml"]
    for protocol in ("pres", "rtse", "t125", "acse", "dap", "disp", "dop", "p772", "x411", "x420", "cmip"):
        words += ["--disable-protocol", protocol]
    done = subprocess.run(words, capture_output=True, check=False)
    check(done.returncode == 0, done.stderr[-300:])
    out, complaints = [], []

    def walk(node, above, to, flags):
        code = None
        for f in node:
            name = f.get("name", "")
            if name == "ses.parameter_type":
                code = int(f.get("show"))
            elif name == "ses.parameter_length":
                value = node.get("value", "")
                head = 2 if int(f.get("size", "1")) == 1 and value[2:4] != "ff" else 4
                to.append((above + (code,), int(f.get("show")), value[2 * head:]))
            elif name == "" and f.find("field") is not None:
                walk(f, above + ((code,) if code is not None else ()), to, flags)
            for bit in f.iter("field"):
                short = bit.get("name", "").removeprefix("ses.")
                if code is not None:
                    flags |= flag_of(short, bit.get("show"))
    for packet in ET.fromstring(done.stdout).iter("packet"):
        number = None
        for proto in packet.iter("proto"):
            if proto.get("name") == "geninfo":
                number = int(next(f for f in proto if f.get("name") == "num").get("show"))
            if proto.get("name") == "_ws.malformed":
                complaints.append((number, "malformed"))
            if proto.get("name") != "ses":
                continue
            kind = length = None
            to, flags = [], set()
            for f in proto:
                if f.get("name") in ("ses.type", "ses.type_cat0", "ses.type_cat2") and kind is None:
                    kind = int(f.get("show"))
                elif f.get("name") == "ses.length" and length is None:
                    length = int(f.get("show"))
            walk(proto, (), to, flags)
            out.append((number, kind, length, to, flags))
            for f in proto.iter("field"):
                if f.get("name") == "_ws.expert.message":
                    complaints.append((number, f.get("show")))
    return out, complaints


def compare(w, packets, name):
    path = os.path.join(w.path, name)
    data = pcap(packets, ETHERNET)
    with open(path, "wb") as f:
        f.write(data)
    theirs, complaints = tshark(path)
    check(not complaints, "tshark complains:", complaints[:4])
    _, said = trace(data, "--user-data=1M")
    mine = [m for m in ours(said) if m[1] != 33]
    theirs = [t for t in theirs if t[1] != 33]  # tshark takes most TD for other protocols'
    check(len(mine) == len(theirs), len(mine), "SPDUs, and by tshark", len(theirs))
    parameters = flags = 0
    seen = set()
    for a, b in zip(mine, theirs):
        check(a[:3] == b[:3], "we", a[:3], "tshark", b[:3])
        groups = [p for p in a[3] if p[0][-1] not in (1, 5, 33)]
        theirs_plain = [p for p in b[3] if p[0][-1] not in (1, 5, 33)]
        check([(p[0], p[1]) for p in a[3]] == [(p[0], p[1]) for p in b[3]], "frame", a[0], "we", a[3], "tshark", b[3])
        check(groups == theirs_plain, "frame", a[0], "we", groups, "tshark", theirs_plain)
        mine_flags = {f for f in flags_of(a[4]) if f != (15, "major") and f[0] not in (15, 60)}
        check(mine_flags == b[4], "frame", a[0], "we", mine_flags, "tshark", b[4])
        parameters += len(a[3])
        flags += len(mine_flags)
        seen |= {(a[1], p[0]) for p in a[3]} | {(a[1], ())}
    print(f"{len(mine)} SPDUs, {parameters} parameters, {flags} values the same as tshark's")
    return seen


def agrees_with_tshark_on_random_exchanges(w):
    text = tap(w, 6)
    wire = wire_of(text, random.Random(1))
    compare(w, wire.packets, "random.pcap")


def agrees_with_tshark_on_every_spdu_with_every_parameter(w):
    seen = compare(w, full_wire(FULL).packets, "full.pcap")
    kinds = {si for si, path in seen if path == ()}
    check(kinds == {1, 2, 8, 9, 10, 12, 13, 14, 15, 16, 21, 22, 25, 26, 29, 33, 34, 41, 42, 45, 48, 49, 50, 53, 57,
                    58, 61, 62} - {33}, kinds)
    codes = {path[-1] for _, path in seen if path}
    check(codes >= {1, 5, 9, 10, 11, 12, 15, 16, 17, 19, 20, 21, 22, 23, 25, 26, 27, 33, 41, 42, 49, 50, 51, 52, 53,
                    54, 55, 56, 60, 193, 194}, codes)
    compare(w, full_wire(FULL, 16).packets, "segments.pcap")


def decodes_what_tshark_does_not(w):
    wire = full_wire(STRANGE + [o.spdu(33, ENC) + b"typed"])
    for t in (b"\x05\0expedited", bytes([7, 9, 24, 1, 2, 27, 1, 0, 53, 1, 1]), b"\x19\3\x11\1\3"):
        wire.send(0, ed(t))
    _, said = trace(pcap(wire.packets), "--user-data=100")
    check(names(said) == ["PT", "ER", "PT", "MIA", "CN", "TD", "EX", "PR", "AB"], names(said))
    spdus = [e for e in said if e["event"] == "spdu"]
    check(spdus[1]["parameters"] == [{"pi": 49, "name": "Reflect Parameter Values", "length": 9,
                                      "hex": b"reflected".hex()}], spdus[1])
    check(spdus[3]["parameters"][2] == {"pi": 46, "name": "User Data", "length": 4, "hex": b"user".hex()}, spdus[3])
    large = {p["pi"]: p.get("value") for p in spdus[4]["parameters"][0]["parameters"]}
    check(large == {19: [], 22: [2], 57: 1234567, 58: 7654321}, large)
    check(spdus[5]["user_information"] == {"length": 5, "hex": b"typed".hex()}, spdus[5])
    spdus.pop(5)
    check(spdus[5]["flow"] == "expedited" and spdus[5]["user_information"] == {"length": 9, "hex": b"expedited".hex()})
    check([(p["pi"], p["value"]) for p in spdus[6]["parameters"]] == [(24, "RS"), (27, "restart"), (53, "abandon")],
          spdus[6])
    check(spdus[7]["parameters"][0]["value"] == ["released", "user"], spdus[7])


# -------- judging --------

def finds_nothing_wrong_in_legal_exchanges(w):
    text = tap(w, 520)
    n = len(sessions(text))
    check(n >= 2000, "only", n, "exchanges")
    code, said = trace(text.encode())
    wrong = found(said, "wrong") + found(said, "note")
    lost = [e for e in wrong if "too much" in e["what"]]
    check(not lost, lost[:2])
    check(code == 0 and not found(said, "wrong"), wrong[:3])
    followed = [e for e in said if e["event"] == "spdu" and e["states"]["a"] is not None]
    check(len(followed) > 0.99 * len(names(said)), len(followed), "of", len(names(said)), "followed")
    print(f"{n} exchanges, {len(names(said))} SPDUs")


ILLEGAL = {  # never legal behind AC and before the end, whoever sends it
    "CN": o.connect(version=3), "AC": o.accept(), "OA": o.spdu(16, o.par(22, b"\2")), "RF": o.spdu(12, o.par(50, b"\0")),
    "MIP": o.after_gt(49, o.par(42, b"998877")), "MAP": o.after_gt(41, o.par(15, b"\1"), o.par(42, b"998877")),
    "AEA": o.after_pt(42, o.par(42, b"998877")), "CDO": o.spdu(15, o.par(25, b"\2")), "AA": o.spdu(26),
    "unknown": b"\1\0\x63\0", "long": b"\1\0\x31\x05\x2a\x09", "missing": o.after_gt(49, o.par(25, b"\3")),
    "category": o.spdu(49, o.par(42, b"1")), "digits": o.after_gt(49, o.par(42, b"1x")),
    "short form": b"\1\0\x31\xff\0\3\x2a\1\x31",
}


def finds_each_illegal_spdu_that_is_planted(w):
    rng = random.Random(11)
    all_of = [s for s in sessions(tap(w, 40)) if len(s[1]) > 6 and not any("= close" in x for x in s[1][:6])]
    enders = re.compile(r"^[<>][ *] (09|0a|19|0c|1a|08)")
    tried = 0
    for n, (opening, lines) in enumerate(all_of):
        end = next((i for i, x in enumerate(lines) if enders.match(x) or x[0] == "="), len(lines))
        if end < 4:
            continue
        name = sorted(ILLEGAL)[n % len(ILLEGAL)]
        at = rng.randrange(3, end)
        side = rng.choice("<>")
        # Whatever stands behind the planted one is as it was.
        planted = lines[:at] + [f"{side}  {ILLEGAL[name].hex()}"] + lines[at:end]
        code, said = trace("\n".join([opening, *planted, ""]).encode())
        wrong = found(said, "wrong")
        check(code == 76 and len(wrong) == 1, name, "planted at", at, "of", opening, ": exit", code, wrong)
        check(wrong[0]["frame"] == at + 2, name, wrong, at)
        check(wrong[0]["from"] == ("a" if side == ">" else "b"), wrong)
        check("X.225" in wrong[0].get("clause", wrong[0]["what"]), wrong)
        tried += 1
    check(tried > 60, tried)
    print(f"{tried} found, each once and at its place")


def names_what_is_tolerated(w):
    cn = o.spdu(13, o.par(1, b""), o.par(5, o.par(19, b"\0") + o.par(22, b"\3")), o.par(20, b"\0\2"),
                o.par(52, b"s" * 20))
    wire = Wire()
    wire.open()
    wire.send(0, o.tpkt(bytes([9, 0xE0]) + struct.pack(">HHB", 0, 7, 0) + bytes([0xC6, 1, 1])))
    wire.send(1, o.tpkt(bytes([12, 0xD0]) + struct.pack(">HHB", 7, 9, 0) + bytes([0xC0, 1, 11, 0xC6, 1, 1])))
    wire.send(0, o.tsdu(cn))
    wire.send(1, o.tsdu(o.spdu(14, o.par(5, o.par(19, b"\0") + o.par(22, b"\2")), o.par(20, b"\4\6"), ENC)))
    wire.send(0, o.tpkt(b"\2\xf0\x80" + o.after_gt(1, ENC) + b"data"))
    wire.send(1, o.tsdu(o.spdu(25, o.par(17, b"\x0b"))))
    wire.send(0, o.tpkt(bytes([6, 0x80]) + struct.pack(">HHB", 9, 7, 0x80)))
    code, said = trace(pcap(wire.packets))
    got = {(e["from"], e["what"]) for e in found(said, "tolerated")}
    check(code == 0 and not found(said, "wrong"), found(said, "wrong"))
    for side, words in (("a", "empty Connection Identifier"), ("a", "more than 16 octets"), ("a", "Enclosure Item"),
                        ("b", "Enclosure Item"), ("b", "not proposed"), ("b", "TPDU size"), ("b", "provider's reason"),
                        ("a", "DR on an open connection")):
        check(any(s == side and words in what for s, what in got), side, words, "is not among", got)
    states = [e["states"] for e in said if e["event"] == "spdu"]
    check(states[2] == {"a": "STA713", "b": "STA713"} or states[1]["a"] == "STA713", states)
    for poor, words in ((b"\x19\0", "AB without Transport Disconnect"),):
        wire = full_wire([o.connect(), poor])
        code, said = trace(pcap(wire.packets))
        check(code == 0 and any(words in e["what"] for e in found(said, "tolerated")), said[-3:])
    wire = full_wire([o.connect()])
    wire.send(1, o.tsdu(o.accept()))
    wire.send(0, o.tpkt(b"\2\x10\0" + b"\x19\3\x11\1\3"))
    code, said = trace(pcap(wire.packets))
    check(any("ED without EOT" in e["what"] for e in found(said, "tolerated")), said[-3:])


# -------- TCP as it comes --------

def plain(said):
    """All but where and when."""
    return [{k: v for k, v in e.items() if k not in ("frame", "time", "connection")} for e in said]


def spdus_by_end(said):
    """{side: [what it sent]}: the order between the sides is that of capture."""
    keep = ("spdu", "si", "length", "parameters", "user_information", "flow", "tsdu", "tsdu_length")
    return {side: [{k: e[k] for k in keep if k in e} for e in said if e["event"] == "spdu" and e["from"] == side]
            for side in "ab"}


def one_session(w):
    opening, lines = max(sessions(tap(w, 6)), key=lambda s: len(s[1]))
    return "\n".join([opening, *lines, ""])


def reads_every_link_layer_and_both_versions_of_ip(w):
    text = one_session(w)
    for six in (False, True):
        packets = wire_of(text, random.Random(5), six).packets
        _, first = trace(pcap(packets, RAW))
        check(len(names(first)) > 20, len(names(first)))
        for link in (NULL, ETHERNET, LOOP, SLL, SLL2):
            _, said = trace(pcap(packets, link))
            check(plain(said) == plain(first), "link layer", link, "six", six)
    vlan = [bytes(12) + b"\x81\0\0\x07\x08\0" + p for p in wire_of(text, random.Random(5)).packets]
    _, said = trace(pcap_frames(vlan, ETHERNET))
    check(names(said) == names(first))


def pcap_frames(frames, link):
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)
    return out + b"".join(struct.pack("<IIII", 1, 0, len(f), len(f)) + f for f in frames)


def shaken(wire_octets, rng):
    """The two streams as TCP might carry them: cut anywhere, repeated, overlapping, out of order."""
    w = Wire()
    w.open()
    base = list(w.seq)
    at = [0, 0]
    order = []
    while at[0] < len(wire_octets[0]) or at[1] < len(wire_octets[1]):
        side = rng.randrange(2)
        n = rng.choice([1, 2, 7, 50, 1400])
        piece = wire_octets[side][at[side]:at[side] + n]
        if not piece:
            continue
        back = min(at[side], rng.choice([0, 0, 0, 3, 20]))
        order.append((side, at[side] - back, wire_octets[side][at[side] - back:at[side] + n]))
        if rng.random() < 0.1:
            order.append(order[-1])
        at[side] += len(piece)
    for i in range(len(order) - 1):
        if rng.random() < 0.2:
            order[i], order[i + 1] = order[i + 1], order[i]
    for side, seq, data in order:
        w.packets.append(w.segment(side, base[side] + seq, ACK, data))
    return w.packets


def streams_of(text):
    out = [cr(True), cc(True)]
    for line in sessions(text)[0][1]:
        if line[0] in "<>":
            data = bytes.fromhex(line[2:])
            out[line[0] == "<"] += ed(data) if line[1] == "*" else o.tsdu(data)
    return out


def puts_tcp_in_order(w):
    text = one_session(w)
    streams = streams_of(text)
    wire = Wire()
    wire.open()
    for side in (0, 1):
        wire.send(side, streams[side])
    _, clean = trace(pcap(wire.packets))
    for seed in range(12):
        _, said = trace(pcap(shaken(streams, random.Random(seed))))
        check(not [e for e in found(said, "note") if "missing" in e["what"]], "seed", seed, found(said, "note"))
        check(spdus_by_end(said) == spdus_by_end(clean), "seed", seed)


def says_gaps_and_goes_on(w):
    text = "\n".join(f"= open\n>  {o.connect().hex()}\n<  {o.accept().hex()}\n" +
                     "".join(f">  {o.data(bytes(300)).hex()}\n" for _ in range(8)) + "= close 0" for _ in range(2))
    wire = wire_of(text, random.Random(2), size=4096)
    lost = wire.packets[:8] + wire.packets[9:]
    _, said = trace(pcap(lost))
    gaps = [e for e in found(said, "note") if "missing" in e["what"]]
    check(len(gaps) == 1 and gaps[0]["detail"] == "311 octets", gaps)
    check(not found(said, "wrong"), found(said, "wrong"))
    check(names(said).count("DT") == 15 and names(said).count("CN") == 2, names(said))
    last = [e for e in said if e["event"] == "spdu" and e["connection"] == 2][-1]
    check(last["states"]["a"] == "STA713", last)
    midway = wire.packets[7:]
    _, said = trace(pcap(midway), f"--port={PORT}")
    check(said[0]["event"] == "opened" and said[0]["midway"], said[0])
    check(names(said).count("DT") >= 12 and not found(said, "wrong"), names(said), found(said, "wrong"))


def reads_snapped_packets(w):
    text = "= open\n" + f">  {o.connect().hex()}\n<  {o.accept().hex()}\n" + \
        "".join(f">  {o.data(bytes(30000)).hex()}\n" for _ in range(5))
    wire = wire_of(text, random.Random(2), size=4096)
    _, whole = trace(pcap(wire.packets))
    _, said = trace(pcap(wire.packets, snap=200))
    check(spdus_by_end(said) == spdus_by_end(whole), "user data that was not kept hides SPDUs")
    check(said[-1]["event"] != "finding" and not found(said, "wrong"), found(said, "wrong"))
    check(len(found(said, "note")) == 1, found(said, "note"))
    code, said = trace(pcap(wire.packets, snap=90))
    check(not found(said, "wrong") and found(said, "note"), found(said, "wrong"))


# -------- input that is none --------

def bears_any_input(w):
    rng = random.Random(3)
    data = pcap(wire_of(one_session(w), random.Random(5)).packets, ETHERNET)
    for n in list(range(0, 200, 7)) + [rng.randrange(len(data)) for _ in range(40)]:
        code, _, err = run(["-"], data[:n])
        check(code in (0, 65, 76) and (code == 0 or code == 76 or err.startswith("convene: ")), n, code, err)
    for seed in range(60):
        r = random.Random(seed)
        bad = bytearray(data)
        for _ in range(r.choice([1, 5, 100])):
            bad[r.randrange(24, len(bad))] = r.randrange(256)
        run(["--json", "-"], bytes(bad))
    for junk in (b"", b"\0", b"no capture\n", rng.randbytes(5000), b">zz\n", b"> 0102\nx\n", b"= open\n<\n"):
        code, _, err = run(["-"], junk)
        check(code == 65 or junk == b"= open\n<\n", junk[:20], code, err)
    for words, want in ((["/nonexistent"], 66), ([], 64), (["a", "b"], 64), ([w.path], 65)):
        code, _, err = run(words)
        check(code == want and err.startswith("convene: "), words, code, err)
    for seed in range(40):
        r = random.Random(seed)
        wire = Wire()
        wire.open()
        for _ in range(30):
            wire.send(r.randrange(2), r.choice([r.randbytes(r.randrange(1, 90)), o.tpkt(r.randbytes(r.randrange(3, 60))),
                                                o.tsdu(r.randbytes(r.randrange(1, 60)))]))
        run([f"--port={PORT}", "-"], pcap(wire.packets))


def speaks_as_packets_come(w):
    packets = wire_of(one_session(w), random.Random(5)).packets[:12]
    done = subprocess.Popen([rig.TOOL, "trace", "--json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    data = pcap(packets)
    at = 24
    done.stdin.write(data[:at])
    done.stdin.flush()
    seen = []
    for n, p in enumerate(packets):
        size = 16 + len(p)
        done.stdin.write(data[at:at + size])
        done.stdin.flush()
        at += size
        if n >= 2:  # behind the handshake each packet here ends a TPDU; the line must come before the next packet
            while not seen or seen[-1].get("frame", 0) < n + 1:
                line = done.stdout.readline()
                check(line, "it ended")
                seen.append(json.loads(line))
                if seen[-1]["event"] == "tpdu" or seen[-1]["event"] == "spdu":
                    break
        if n > 4:
            break
    done.stdin.close()
    done.stdout.read()
    done.stdout.close()
    check(done.wait(20) in (0, 65, 76))
    check(any(e["event"] == "spdu" for e in seen), seen)


def draws_the_ladder(w):
    path = os.path.join(w.path, "ladder.svg")
    data = pcap(wire_of(tap(w, 6), random.Random(5)).packets)
    code, _, _ = run(["--svg", path, "-"], data)
    check(code == 0)
    tree = ET.parse(path).getroot()
    text = open(path, encoding="utf-8").read()
    check(tree.tag.endswith("svg") and "prefers-color-scheme:dark" in text)
    words = "".join(tree.itertext())
    for word in ("S-CONNECT request", "STA713", "S-SYNC-MINOR", "activity", "TCP closed"):
        check(word in words, word)
    check('class="band"' in text)
    height = float(tree.get("height"))
    for node in tree.iter():
        for key in ("y", "y1", "y2"):
            check(float(node.get(key, "0")) <= height, node.attrib)
    code, _, err = run(["--svg", "/nonexistent/x.svg", "-"], data)
    check(code == 74 and "x.svg" in err, code, err)


CASES = (agrees_with_tshark_on_every_spdu_with_every_parameter, agrees_with_tshark_on_random_exchanges,
         decodes_what_tshark_does_not, finds_nothing_wrong_in_legal_exchanges,
         finds_each_illegal_spdu_that_is_planted, names_what_is_tolerated,
         reads_every_link_layer_and_both_versions_of_ip, puts_tcp_in_order, says_gaps_and_goes_on,
         reads_snapped_packets, bears_any_input, speaks_as_packets_come, draws_the_ladder)


def main():
    cases = rig.Cases()
    with rig.Work("trace") as w:
        for case in CASES:
            if len(sys.argv) > 1 and case.__name__ not in sys.argv[1:]:
                continue
            cases.run(case.__name__, lambda c=case: c(w))
    return cases.result()


if __name__ == "__main__":
    rig.main(main)
