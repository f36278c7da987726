# SPDX-License-Identifier: MIT
"""SPDUs of X.225 clause 8 as octets, and back: the walker's own reading of the encoding.

An SPDU is (name, parameters): parameters by code, {42: 7}; those inside PGI 1 and 5 stand beside the
others (their codes do not clash), those inside PGI 33 are "33.41" and so on; "ud" is user data
(PGI 193, 194, PI 46 or behind the reason code of RF), "info" is user information.
"""

CATEGORY_1 = {"EX": 5, "PR": 7, "NF": 8, "FN": 9, "DN": 10, "RF": 12, "CN": 13, "AC": 14, "CDO": 15,
              "OA": 16, "GTC": 21, "GTA": 22, "AB": 25, "AA": 26, "TD": 33}
CATEGORY_2 = {"ER": 0, "DT": 1, "AI": 25, "AIA": 26, "AR": 29, "RA": 34, "MAP": 41, "AE": 41,
              "MAA": 42, "AEA": 42, "AS": 45, "ED": 48, "MIP": 49, "MIA": 50, "RS": 53, "AD": 57,
              "ADA": 58, "CD": 61, "CDA": 62}
CATEGORY_0 = {"GT": 1, "PT": 2}
AFTER_PT = {"MIA", "MAA", "AEA", "RA", "AIA", "ADA", "CDA", "ED", "ER"}  # the others follow GT
INFORMATION = {"DT", "TD", "EX"}

FIRST_NAMES = {v: k for k, v in list(CATEGORY_0.items()) + list(CATEGORY_1.items())}
LATER_NAMES = {v: k for k, v in CATEGORY_2.items() if k not in ("MAP", "AEA")}  # 41: AE; 42: MAA

DIGITS = {23, 42, 54, 55, "33.42", "33.54"}
TWO = {20}
OCTETS = {9, 10, 11, 12, 41, 49, 51, 52, 193, 194, 46, "33.9", "33.10", "33.11", "33.12", "33.41"}
IN_CONNECT_ITEM = (19, 21, 22, 23, 26, 55)
IN_CONNECTION_ID = (9, 10, 11, 12)


def unit(code, value):
    n = len(value)
    return bytes([code, n]) + value if n < 255 else bytes([code, 255, n >> 8, n & 255]) + value


def value_of(code, value):
    if code in DIGITS:
        return b"%d" % value
    if code in TWO:
        return value.to_bytes(2, "big")
    return value if isinstance(value, bytes) else bytes([value])


def group(name, par):
    """The parameter field."""
    own = {c: v for c, v in par.items() if isinstance(c, int)}
    units = []
    if name in ("CN", "AC", "RF"):
        inside = b"".join(unit(c, own.pop(c)) for c in IN_CONNECTION_ID if c in own)
        if inside:
            units.append((1, inside))
    if name in ("CN", "AC"):
        inside = b"".join(unit(c, value_of(c, own.pop(c))) for c in IN_CONNECT_ITEM if c in own)
        units.append((5, inside))
    if name == "AR":
        linked = sorted((int(c[3:]), v) for c, v in par.items() if c != "ud" and not isinstance(c, int))
        units.append((33, b"".join(unit(c, value_of("33.%d" % c, v)) for c, v in linked)))
    units += [(c, value_of(c, v)) for c, v in own.items()]
    data = par.get("ud", b"")
    if data and name == "RF":
        units = [(c, v + data) if c == 50 else (c, v) for c, v in units]
    elif data:
        units.append((46 if name == "MIA" else 194 if name == "CN" and len(data) > 512 else 193, data))
    return b"".join(unit(c, v) for c, v in sorted(units))


def encode(name, par):
    """A TSDU with this SPDU, behind an empty GT or PT if it is of category 2."""
    si = CATEGORY_2.get(name, CATEGORY_1.get(name, CATEGORY_0.get(name)))
    field = b"" if name in INFORMATION else group(name, par)
    spdu = unit(si, field) + par.get("info", b"")
    if name not in CATEGORY_2:
        return spdu
    return (b"\2\0" if name in AFTER_PT else b"\1\0") + spdu


class Wrong(Exception):
    """Octets that are no SPDU."""


def take_unit(octets, at):
    if at + 2 > len(octets):
        raise Wrong("cut short")
    code, n = octets[at], octets[at + 1]
    at += 2
    if n == 255:
        n = int.from_bytes(octets[at:at + 2], "big")
        at += 2
        if n < 255:
            raise Wrong("a long length below 255")
    if at + n > len(octets):
        raise Wrong("a length beyond the end")
    return code, octets[at:at + n], at + n


def read_value(code, value):
    if code in DIGITS:
        if not value.isdigit() or len(value) > 6:
            raise Wrong("not digits")
        return int(value)
    if code in OCTETS or code == 21:
        return value
    if len(value) != (2 if code in TWO else 1):
        raise Wrong(f"parameter {code} has {len(value)} octets")
    return int.from_bytes(value, "big")


def read_field(name, field, par, prefix=""):
    at, before = 0, -1
    while at < len(field):
        code, value, at = take_unit(field, at)
        if code <= before:
            raise Wrong(f"parameter {code} behind {before}")
        before = code
        if code in (1, 5) and not prefix:
            read_field(name, value, par, "in ")
        elif code == 33 and not prefix:
            read_field(name, value, par, "33.")
        elif code in (193, 194) or (code == 46 and name == "MIA"):
            par["ud"] = value
        elif code == 50 and name == "RF":
            par[50] = value[0]
            if len(value) > 1:
                par["ud"] = value[1:]
        else:
            key = "33.%d" % code if prefix == "33." else code
            par[key] = read_value(key, value)


def read_spdu(octets, at, names):
    si, field, at = take_unit(octets, at)
    if si not in names:
        raise Wrong(f"SPDU {si}")
    name, par = names[si], {}
    read_field(name, field, par)
    if name == "AE" and par.get(15, 0) & 1:
        name = "MAP"
    if name in INFORMATION:
        par["info"], at = octets[at:], len(octets)
    return (name, par), at


def decode(octets):
    """The one SPDU of a TSDU as a machine without extended concatenation sends it."""
    first, at = read_spdu(octets, 0, FIRST_NAMES)
    if at == len(octets):
        return first
    if first not in (("GT", {}), ("PT", {})):
        raise Wrong(f"something behind {first[0]}")
    second, at = read_spdu(octets, at, LATER_NAMES)
    if at != len(octets):
        raise Wrong("a third SPDU")
    if (second[0] in AFTER_PT) != (first[0] == "PT"):
        raise Wrong(f"{second[0]} behind {first[0]} (Table 7)")
    return second
