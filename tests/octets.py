# SPDX-License-Identifier: MIT
"""octets - TPKT, COTP class 0, SPDUs and convene's notes as octets, for tests.

Written from RFC 1006, X.224 and X.225 clause 8 alone; shares nothing with the engines it judges.
"""
import struct

# SPDU identifiers (X.225 clause 8); some have two meanings by category.
GT, PT, DT, ER, FN, DN, RF, CN, AC, AB, AA = 1, 2, 1, 0, 9, 10, 12, 13, 14, 25, 26
AI, AIA, AR, AE, AEA, AS, ED, MIP, MIA, AD, ADA = 25, 26, 29, 41, 42, 45, 48, 49, 50, 57, 58
RA, RS, CD, CDA = 34, 53, 61, 62
FIRST = {1: "GT", 2: "PT", 5: "EX", 7: "PR", 8: "NF", 9: "FN", 10: "DN", 12: "RF", 13: "CN", 14: "AC",
         15: "CDO", 16: "OA", 21: "GTC", 22: "GTA", 25: "AB", 26: "AA", 33: "TD"}
LATER = {0: "ER", 1: "DT", 25: "AI", 26: "AIA", 29: "AR", 34: "RA", 41: "AE", 42: "AEA", 45: "AS", 48: "ED",
         49: "MIP", 50: "MIA", 53: "RS", 57: "AD", 58: "ADA", 61: "CD", 62: "CDA"}
UNITS = 0x0249  # half-duplex, minor synchronize, activity management, exceptions

MAGIC = b"cvn\x1a"
(N_VERSION, N_TRANSFER, N_NAME, N_SIZE, N_MODE, N_MTIME, N_KIND, N_TARGET, N_HASH, N_OFFSET, N_POINT, N_WINDOW,
 N_TROUBLE, N_TEXT, N_PART, N_CONTINUES, N_STATE) = range(1, 18)
FILE, DIRECTORY, SYMLINK = 0, 1, 2


# -------- writing --------

def li(n):
    return bytes([n]) if n < 255 else b"\xff" + struct.pack(">H", n)


def par(code, value):
    return bytes([code]) + li(len(value)) + value


def spdu(si, *params):
    body = b"".join(params)
    return bytes([si]) + li(len(body)) + body


def after_gt(si, *params):
    return b"\1\0" + spdu(si, *params)


def after_pt(si, *params):
    return b"\2\0" + spdu(si, *params)


def data(octets):
    return b"\1\0\1\0" + octets


def user(octets):
    return par(193, octets) if octets else b""


def tpkt(tpdu):
    return struct.pack(">BBH", 3, 0, len(tpdu) + 4) + tpdu


def cr(src=7):
    return tpkt(bytes([6, 0xE0]) + struct.pack(">HHB", 0, src, 0))


def cc(dst, src=9):
    return tpkt(bytes([6, 0xD0]) + struct.pack(">HHB", dst, src, 0))


def tsdu(octets, size=4096):
    out = b""
    while True:
        part, octets = octets[:size], octets[size:]
        out += tpkt(b"\2\xf0" + (b"\0" if octets else b"\x80") + part)
        if not octets:
            return out


def connect(ssel=b"inbox", ref=b"stranger", common=b"261120120000Z", extra=b"\0\0\0\1", units=UNITS, note=b"",
            version=3):
    """The octets of a CN SPDU; ref None: no Connection Identifier."""
    ident = b"" if ref is None else par(1, par(10, ref) + par(11, common) + par(12, extra))
    item = par(5, par(19, b"\0") + par(22, bytes([version])) + par(23, b"1"))
    return spdu(CN, ident, item, par(20, struct.pack(">H", units)), par(52, ssel), user(note))


def accept(units=UNITS, note=b"", version=2):
    # Serial numbers begin with the activity; without activities they begin here.
    first = b"" if units & 0x0040 else par(23, b"1")
    item = par(5, par(19, b"\0") + par(22, bytes([version])) + first)
    return spdu(AC, item, par(20, struct.pack(">H", units)), user(note))


def resume(new_id, old_id, serial, ref=b"stranger", common=b"261120120000Z", extra=b"\0\0\0\1", note=b""):
    link = par(33, par(10, ref) + par(11, common) + par(12, extra) + par(41, old_id) +
               par(42, b"%d" % serial))
    return after_gt(AR, link, par(41, new_id), user(note))


def note(**fields):
    """note(name=b"x", size=3...) - convene's user data."""
    out = MAGIC

    def add(kind, value):
        nonlocal out
        out += struct.pack(">BH", kind, len(value)) + value
    forms = {"version": (N_VERSION, ">B"), "size": (N_SIZE, ">Q"), "mode": (N_MODE, ">H"), "kind": (N_KIND, ">B"),
             "offset": (N_OFFSET, ">Q"), "window": (N_WINDOW, ">Q"), "trouble": (N_TROUBLE, ">B")}
    raw = {"transfer": N_TRANSFER, "name": N_NAME, "target": N_TARGET, "hash": N_HASH, "mtime": N_MTIME}
    for key, value in fields.items():
        if key in forms:
            add(forms[key][0], struct.pack(forms[key][1], value))
        else:
            add(raw[key], value)
    return out


# -------- reading --------

def params_of(body):
    """{code: value}; the parts of groups 1, 5 and 33 under (group, code)."""
    out = {}

    def walk(octets, group):
        at = 0
        while at < len(octets):
            code, n = octets[at], octets[at + 1]
            at += 2
            if n == 255:
                n = struct.unpack(">H", octets[at:at + 2])[0]
                at += 2
            value = octets[at:at + n]
            if len(value) != n:
                raise ValueError("a parameter is longer than what holds it")
            at += n
            out[code if group is None else (group, code)] = value
            if group is None and code in (1, 5, 33):
                walk(value, code)
    walk(body, None)
    return out


class Spdu:
    def __init__(self, name, params, info):
        self.name, self.params, self.info = name, params, info

    @property
    def user(self):
        return self.params.get(193, self.params.get(46, b""))

    def __repr__(self):
        return self.name


def decode_tsdu(octets):
    """The SPDUs of one TSDU; the empty GT or PT before a category 2 SPDU is left out."""
    out = []
    at = 0
    names = FIRST
    while at < len(octets):
        si, n = octets[at], octets[at + 1]
        at += 2
        if n == 255:
            n = struct.unpack(">H", octets[at:at + 2])[0]
            at += 2
        name = names.get(si)
        if name is None or at + n > len(octets):
            raise ValueError(f"not an SPDU: {octets[:40].hex()}")
        params = params_of(octets[at:at + n])
        at += n
        info = b""
        if name in ("DT", "TD", "EX"):
            info, at = octets[at:], len(octets)
        out.append(Spdu(name, params, info))
        names = LATER
    return out[1:] if len(out) > 1 and out[0].name in ("GT", "PT") and not out[0].params else out


class Way:
    """One direction of one connection: octets in, TPDUs and TSDUs out, in any pieces."""

    def __init__(self):
        self.left = bytearray()
        self.part = bytearray()
        self.connected = False
        self.ended = False  # DR

    def feed(self, octets):
        """What became whole: (kind, value) with kind CR, CC, DR, ER, ED (its TSDU) or TSDU."""
        self.left += octets
        out = []
        at = 0
        while len(self.left) - at >= 4:
            version, _, n = struct.unpack_from(">BBH", self.left, at)
            if version != 3 or n < 7:
                raise ValueError(f"not a TPKT: {bytes(self.left[at:at + 8]).hex()}")
            if len(self.left) - at < n:
                break
            tpdu = bytes(self.left[at + 4:at + n])
            at += n
            kind = {0xE0: "CR", 0xD0: "CC", 0x80: "DR", 0x70: "ER", 0xF0: "DT", 0x10: "ED"}.get(tpdu[1] & 0xF0)
            if kind == "DT":
                self.part += tpdu[3:]
                if tpdu[2] & 0x80:
                    out.append(("TSDU", bytes(self.part)))
                    self.part.clear()
            elif kind == "ED":
                out.append((kind, tpdu[3:]))
            elif kind is None:
                raise ValueError(f"not a TPDU: {tpdu[:8].hex()}")
            else:
                out.append((kind, tpdu))
        del self.left[:at]
        return out

    def unfinished_data(self):
        """User data octets in what has come of a TSDU that did not become whole."""
        part = bytes(self.part)
        if len(self.left) > 7 and self.left[0] == 3 and self.left[5] == 0xF0:
            part += bytes(self.left[7:])
        return len(part) - 4 if part[:4] == b"\1\0\1\0" else 0
