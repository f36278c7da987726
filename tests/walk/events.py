# SPDX-License-Identifier: MIT
"""Every event of A.3 with the parameters that can matter in a state of the model: what a user, a
transport connection or a peer could do next."""
from model import (A, ACT, ALL_TOKENS, CODE, DSC, EX, HD, FD, INT, IGNORE, NO, NUMBERED, R, S, SS, SY,
                   Event, SpduEvent, at_side, prune, resolve, tokens_of)

PRIMITIVES = {
    "SDTreq": ("S-DATA", "request"), "SEXreq": ("S-EXPEDITED-DATA", "request"),
    "STDreq": ("S-TYPED-DATA", "request"), "SCDreq": ("S-CAPABILITY-DATA", "request"),
    "SCDrsp": ("S-CAPABILITY-DATA", "response"), "SGTreq": ("S-TOKEN-GIVE", "request"),
    "SPTreq": ("S-TOKEN-PLEASE", "request"), "SCGreq": ("S-CONTROL-GIVE", "request"),
    "SSYNmreq": ("S-SYNC-MINOR", "request"), "SSYNmdreq": ("S-SYNC-MINOR", "request"),
    "SSYNmrsp": ("S-SYNC-MINOR", "response"), "SSYNMreq": ("S-SYNC-MAJOR", "request"),
    "SSYNMrsp": ("S-SYNC-MAJOR", "response"), "SRSYNreq(a)": ("S-RESYNCHRONIZE", "request"),
    "SRSYNreq(r)": ("S-RESYNCHRONIZE", "request"), "SRSYNreq(s)": ("S-RESYNCHRONIZE", "request"),
    "SRSYNrsp": ("S-RESYNCHRONIZE", "response"), "SUERreq": ("S-U-EXCEPTION-REPORT", "request"),
    "SACTSreq": ("S-ACTIVITY-START", "request"), "SACTRreq": ("S-ACTIVITY-RESUME", "request"),
    "SACTIreq": ("S-ACTIVITY-INTERRUPT", "request"),
    "SACTIrsp": ("S-ACTIVITY-INTERRUPT", "response"),
    "SACTDreq": ("S-ACTIVITY-DISCARD", "request"), "SACTDrsp": ("S-ACTIVITY-DISCARD", "response"),
    "SACTEreq": ("S-ACTIVITY-END", "request"), "SACTErsp": ("S-ACTIVITY-END", "response"),
    "SRELreq": ("S-RELEASE", "request"), "SRELrsp+": ("S-RELEASE", "response"),
    "SRELrsp-": ("S-RELEASE", "response"), "SUABreq": ("S-U-ABORT", "request"),
    "SCONreq": ("S-CONNECT", "request"), "SCONrsp+": ("S-CONNECT", "response"),
    "SCONrsp-": ("S-CONNECT", "response"),
}
SPDUS = ("AA AB-nr AB-r AC AD ADA AE AEA AI AIA AR AS CD CDA CDO CN DN DT ED ER EX FN-nr FN-r GT GTA "
         "GTC MAA MAP MIA MIP MIP-d NF OA PR-AB PR-MAA PR-RA PR-RS PT RA RF-nr RF-r RS-a RS-r RS-s "
         "TD").split()
TRANSPORT = ("TCONind", "TCONcnf", "TDISind", "TIM")
EVENTS = tuple(PRIMITIVES) + TRANSPORT + tuple(SPDUS)

VERSION_2_DATA = {"SGTreq", "SCGreq", "SACTIreq", "SACTIrsp", "SACTDreq", "SACTDrsp",
                  "GT", "GTC", "AI", "AIA", "AD", "ADA"}
NO_DATA = {"AA", "GTA", "ER", "OA", "PR-MAA", "PR-RS", "PR-RA", "PR-AB", "AB-nr", "AB-r", "CDO", "CN",
           "AC", "RF-nr", "RF-r", "DT", "TD", "EX", "SDTreq", "SEXreq", "STDreq", "SCONreq",
           "SCONrsp+", "SCONrsp-", "SUABreq"}
REFUSALS = {132: 4, 133: SY}  # reason code: what is wrong with CN
CN_MAX = 10240
PREPARE = {"PR-MAA": 1, "PR-RS": 2, "PR-RA": 3, "PR-AB": 4}
KINDS = {"a": A, "r": R, "s": S}


class Config:
    """What is offered, answered and chosen; the same on every path of one search."""

    def __init__(self, units, role="i", texp=0, reuse=0, report=0, versions=3, peer=3, answer=None,
                 offer=None, setting=0, choose=0, please=0, data=0, name=""):
        self.role, self.texp, self.reuse, self.report = role, texp, reuse, report
        self.versions, self.peer = versions, peer          # ours and the peer's, as bits
        self.offer = units if offer is None else offer     # in CN
        self.answer = units if answer is None else answer  # in AC or S-CONNECT response
        self.setting, self.choose = setting, choose        # CN's; where it says 10, the acceptor's
        self.please, self.data = please, data
        self.name = name or (f"{role} units {units:04x} texp {texp} reuse {reuse} report {report} "
                             f"versions {versions}/{peer} setting {setting:02x}/{please:02x} data {data}")

    def new(self):
        return f"new versions={self.versions} reuse={self.reuse} error_report={self.report}"

    def units(self, texp):
        """What both agree on."""
        able = 0x1fff if texp else 0x1fff & ~EX
        return prune(self.offer & self.answer & able)

    def version(self, offered):
        return 2 if self.versions & self.peer & offered & 2 else 1


def number_list(*found):
    return [n for n in dict.fromkeys(found) if 0 <= n <= 999999]


def token_sets(m):
    mine, theirs = m.own, m.av & ~m.own
    return [t for t in dict.fromkeys([1, 4, 16, 64, mine, theirs, m.av, mine & ~1, theirs & ~1,
                                      ALL_TOKENS]) if t]


def user_data(m, name):
    if not m.cfg.data or name in NO_DATA or (name in VERSION_2_DATA and m.ver != 2):
        return {}
    return {"data" if name in PRIMITIVES else "ud": b"u"}


def primitive(m, name, par=None, **more):
    service, kind = PRIMITIVES[name]
    return Event(name, local=True, service=service, type=kind, **more,
                 ).carry({**(par or {}), **user_data(m, name)})


def carry(self, par):
    self.par = par
    return self


Event.carry = carry


# Connection ------------------------------------------------------------------------------------


def connect_request(m):
    cfg = m.cfg
    units = cfg.offer
    if m.st == "STA01C" and not m.texp:
        units &= ~EX
    for octets in (3, 600, CN_MAX + 60) if m.st in ("STA01", "STA01C") else (3,):
        versions = cfg.versions if octets <= 512 else cfg.versions & 2
        if not versions or (octets == 600 and m.st != "STA01"):
            continue
        par = {"units": cfg.offer, "calling": b"c", "called": b"d", "data": b"r" * octets,
               "setting": cfg.setting}
        spdu = {19: 0, 22: versions, 20: units, 26: cfg.setting, 51: b"c", 52: b"d",
                "ud": b"r" * min(octets, CN_MAX)}
        if units & NUMBERED:
            par["serial"] = spdu[23] = 3
        if units & SS:
            par["serial2"] = spdu[55] = 4
        over = octets > CN_MAX
        if over:
            spdu[60] = 1
        yield Event("SCONreq", local=True, service="S-CONNECT", type="request", overflow=over,
                    offered=units, spdu=spdu, more=max(0, octets - CN_MAX)).carry(par)


def connect_confirm(m):
    yield Event("TCONcnf", text="up initiator" + (" expedited" if m.cfg.texp else ""),
                overflow=bool(m.offer is not None and m.offer.overflow))


def connect(m):
    """CN: one that will do, one with more to come, and those the machine refuses."""
    cfg = m.cfg
    for kind in ("good", "long", "overflow", 132, 133):
        units = REFUSALS[133] if kind == 133 else cfg.offer
        versions = REFUSALS[132] if kind == 132 else cfg.peer
        if kind in ("overflow", "long"):
            versions &= 2
            if not versions & cfg.versions:
                continue
        octets = {"overflow": CN_MAX, "long": 600}.get(kind, 3)
        par = {19: 0, 22: versions, 20: units, 26: cfg.setting, 51: b"c", 52: b"d", "ud": b"r" * octets}
        if units & NUMBERED:
            par[23] = 3
        if units & SS:
            par[55] = 4
        if kind == "overflow":
            par[60] = 1
        refusal = kind if isinstance(kind, int) else None
        if refusal is None and not versions & cfg.versions:
            refusal = 132
        able = 0x1fff if m.texp else 0x1fff & ~EX
        yield SpduEvent("CN", par, refusal=refusal, overflow=kind == "overflow", spdu=par,
                        offered=prune(units & able))


def accepted(m, answering):
    """The units, the number of each flow, the settings that AC carries."""
    cfg = m.cfg
    units = cfg.units(m.texp)
    par = {19: 0, 20: units if answering else cfg.answer}
    if units & NUMBERED:
        par[23] = 5
    if units & SS:
        par[55] = 9
    setting = resolve(cfg.setting, cfg.choose)
    av = tokens_of(units)
    mask = sum(3 * t for t in (1, 4, 16, 64) if av & t)
    if answering:
        if av and (cfg.setting is not None or setting):
            par[26] = setting & mask
    else:
        par[26] = setting
    if cfg.please & av:
        par[16] = cfg.please & av
    return units, setting, par


def accept(m):
    """AC received."""
    units, setting, par = accepted(m, False)
    offered = m.offer.spdu[22] if m.offer is not None and "spdu" in m.offer.__dict__ else 3
    if not m.cfg.peer & offered:
        return
    version = m.cfg.version(offered)
    par[22] = 1 << (version - 1)
    par[52] = b"e"
    if m.cfg.data:
        par["ud"] = b"u"
    yield SpduEvent("AC", par, offered=units, version=version, setting=setting,
                    tok=par.get(16, 0), sn=par.get(23), sn_r=par.get(23), sn_s=par.get(55),
                    second_number=par.get(55) if units & SS else None)


def connect_response(m):
    units, setting, spdu = accepted(m, True)
    offered = m.offer.spdu[22] if m.offer is not None else 3
    version = m.cfg.version(offered)
    spdu.update({22: 1 << (version - 1), 52: b"e"})
    par = {"units": m.cfg.answer, "setting": resolve(m.cfg.setting, m.cfg.choose),
           "called": b"e"}
    if m.cfg.please & tokens_of(units):
        par["tokens"] = m.cfg.please & tokens_of(units)
    if 23 in spdu:
        par["serial"] = spdu[23]
    if 55 in spdu:
        par["serial2"] = spdu[55]
    if m.cfg.data:
        par["data"] = b"u"
    yield Event("SCONrsp+", local=True, service="S-CONNECT", type="response", spdu=spdu,
                offered=units, version=version, setting=setting, sn=spdu.get(23),
                sn_s=spdu.get(23), sn_r=spdu.get(55)).carry(par)


def refuse_response(m):
    yield Event("SCONrsp-", local=True, service="S-CONNECT", type="response", reason=0).carry(
        {"result": 0})
    yield Event("SCONrsp-", local=True, service="S-CONNECT", type="response", reason=2).carry(
        {"result": 2, "data": b"no"})


def refused(m):
    for name, bit in (("RF-nr", 1), ("RF-r", 0)):
        yield SpduEvent(name, {17: bit, 50: 0}, "RF")
        yield SpduEvent(name, {17: bit, 50: 2, "ud": b"no"}, "RF")
    yield SpduEvent("RF-nr", {50: 129}, "RF")


def overflow(m):
    if not m.cfg.versions & 2:
        return
    yield SpduEvent("OA", {22: 2})
    yield SpduEvent("CDO", {25: 2, "ud": b"r" * 40})
    yield SpduEvent("CDO", {25: 0, "ud": b"r" * 40}, last=False)


# Primitives ------------------------------------------------------------------------------------


def plain_requests(m):
    for name in ("SCDreq", "SCDrsp", "SCGreq", "SSYNMreq", "SACTEreq", "SACTIrsp", "SACTDrsp"):
        yield primitive(m, name)
    for name in ("SDTreq", "SEXreq", "STDreq"):
        yield primitive(m, name, {"data": b"d"})
    yield primitive(m, "SSYNmreq")
    yield primitive(m, "SSYNmreq", {"optional": 1})
    yield primitive(m, "SSYNmdreq", {"separation": 1})
    for name in ("SSYNMrsp", "SACTErsp"):
        yield primitive(m, name, sn_s=m.mm, sn_r=m.mr - 1)
    for name, reason in (("SUERreq", 1), ("SUERreq", 0), ("SACTIreq", 5), ("SACTDreq", 0)):
        yield primitive(m, name, {"reason": reason}, reason=reason,
                        rsp={"SACTIreq": INT, "SACTDreq": DSC}.get(name, NO))
    yield primitive(m, "SACTSreq", {"activity": b"a"})
    par = {"activity": b"n", "old_activity": b"o", "serial": 5}
    more = {"serial2": 8} if m.fu & SS else {}
    yield primitive(m, "SACTRreq", {**par, **more}, sn=5, sn_s=5, sn_r=8 if more else 5)


def release_requests(m):
    yield primitive(m, "SRELreq")
    yield primitive(m, "SRELreq", {"keep": 1}, keep=1)
    yield primitive(m, "SRELrsp+")
    yield primitive(m, "SRELrsp-", {"result": 0})
    yield Event("SUABreq", local=True, service="S-U-ABORT", type="request").carry({})
    yield Event("SUABreq", local=True, service="S-U-ABORT", type="request").carry({"data": b"u" * 9})
    if m.ver == 2:
        yield Event("SUABreq", local=True, service="S-U-ABORT", type="request").carry(
            {"data": b"u" * 40})


def token_requests(m):
    for t in token_sets(m):
        yield primitive(m, "SGTreq", {"tokens": t}, tok=t)
        yield primitive(m, "SPTreq", {"tokens": t}, tok=t)


def minor_responses(m):
    low, high = (m.ar, m.mr) if m.fu & SS else (m.a, m.mm)
    for n in number_list(low - 1, low, high - 1, high):
        yield primitive(m, "SSYNmrsp", {"serial": n}, sn=n)


def restart_numbers(low, high, near):
    return number_list(low - 1, low, high, high + 1, near - 1, near + 1)


def resync_requests(m):
    now = at_side(0, 0, m.av) and (sum(t for t in (1, 4, 16, 64) if m.av & t and
                                       bool(m.own & t) == m.vtca))
    if m.fu & SS:
        yield from resync_requests_ss(m, now)
        return
    for letter, kind in KINDS.items():
        found = {R: restart_numbers(m.r, m.mm, m.nbs), A: [m.mm], S: [0, 7]}[kind]
        for n in found:
            yield primitive(m, f"SRSYNreq({letter})",
                            {"resync": CODE[kind], "serial": n, "setting": now},
                            sn=n, sn_s=n, rsp=kind, rsp_s=kind, setting=now)
    yield primitive(m, "SRSYNreq(a)", {"resync": 1, "setting": 0xaa}, sn=m.mm, sn_s=m.mm, rsp=A,
                    rsp_s=A, setting=0xaa)


def flow_numbers(kind, low, high):
    if kind == R:
        return number_list(low - 1, low, high, high + 1)
    return [high] if kind in (A, NO) else [7]


def flow_pairs():
    for first in (R, A, S):
        for second in (NO, R, A, S):
            yield first, second


LETTER = {R: "r", A: "a", S: "s"}


def resync_requests_ss(m, now):
    for kind, kind2 in flow_pairs():
        for n in flow_numbers(kind, m.r, m.mm):
            for n2 in flow_numbers(kind2, m.rr, m.mr)[:3]:
                par = {"resync": CODE[kind], "serial": n, "serial2": n2, "setting": now}
                if kind2 != NO:
                    par["resync2"] = CODE[kind2]
                top = max(kind, kind2)
                yield primitive(m, f"SRSYNreq({LETTER[top]})", par, rsp=top, rsp_s=kind,
                                rsp_r=kind2, sn=n, sn_s=n, sn_r=n2, setting=now)


def answer_numbers(kind, asked, high):
    if kind == R:
        return number_list(asked, asked + 1)
    return [high, high + 1] if kind == A else [high] if kind == NO else [7]


def resync_responses(m):
    for chosen in (0, 0x55):
        setting = resolve(m.rsset, chosen)
        if not m.fu & SS:
            for n in answer_numbers(m.rsp, m.nbs, m.mm):
                yield primitive(m, "SRSYNrsp", {"serial": n, "setting": chosen}, sn=n, sn_s=n,
                                setting=setting & mask_of(m))
            continue
        for n in answer_numbers(m.rsps, m.nbs, m.mm):
            for n2 in answer_numbers(m.rspr, m.nbr, m.mr):
                yield primitive(m, "SRSYNrsp", {"serial": n, "serial2": n2, "setting": chosen},
                                sn=n, sn_s=n, sn_r=n2, setting=setting & mask_of(m))


def mask_of(m):
    return sum(3 * t for t in (1, 4, 16, 64) if m.av & t)


# SPDUs -----------------------------------------------------------------------------------------


def spdu(m, name, par=None, on_wire=None, **more):
    return SpduEvent(name, {**(par or {}), **user_data(m, name)}, on_wire, **more)


def data_spdus(m):
    for name in ("DT", "TD"):
        yield SpduEvent(name, {"info": b"d"})
    if m.texp:
        yield SpduEvent("EX", {"info": b"x"}, expedited=True)


def plain_spdus(m):
    for name in ("ADA", "AIA", "CD", "CDA", "DN", "GTA", "GTC", "NF"):
        yield spdu(m, name)
    yield spdu(m, "FN-nr", {}, "FN")
    yield spdu(m, "FN-nr", {17: 1}, "FN")
    yield spdu(m, "FN-r", {17: 0}, "FN")
    yield spdu(m, "AS", {41: b"a"})
    for name, reason in (("AI", 5), ("AD", None), ("ED", 1)):
        yield spdu(m, name, {} if reason is None else {50: reason},
                   rsp={"AI": INT, "AD": DSC}.get(name, NO), setting=setting_now(m))
    yield spdu(m, "ER", {49: b"\1\0"})


def setting_now(m):
    return sum(t for t in (1, 4, 16, 64) if m.av & t and bool(m.own & t) == m.vtca)


def abort_spdus(m):
    flow = bool(m.texp and m.st != "STA15D")
    for name, bit in (("AB-nr", 1), ("AB-r", 0)):
        for why in (2, 4, 8):
            par = {17: why | bit}
            if why == 2:
                par["ud"] = b"u"
            yield SpduEvent(name, par, "AB", bits=why | bit, expedited=flow)
    yield SpduEvent("AA", {}, expedited=bool(m.texp))


def prepare_spdus(m):
    if not m.texp:
        return
    for name in ("PR-MAA", "PR-RA", "PR-AB", "PR-RS"):
        yield SpduEvent(name, {24: PREPARE[name]}, "PR", expedited=True)
    if m.fu & SS:
        for first, second in ((1, None), (0, 0), (None, 1)):
            par = {24: 2}
            if first is not None:
                par[27] = first
            if second is not None:
                par[53] = second
            yield SpduEvent("PR-RS", par, "PR", expedited=True, first=first, second=second)


def token_spdus(m):
    for t in token_sets(m):
        seen = t & m.av
        if not seen and m.ver:
            continue
        yield spdu(m, "GT", {16: t}, tok=seen)
        yield spdu(m, "PT", {16: t}, tok=seen)


def sync_spdus(m):
    ss = m.fu & SS
    next_ = m.mr if ss else m.mm
    for n in number_list(next_, next_ + 1):
        for name, bits in (("MIP", 0), ("MIP", 1), ("MIP-d", 2)):
            yield spdu(m, name, {42: n, **({15: bits} if bits else {})}, "MIP", sn=n)
        par = {42: n, **({54: m.mm} if ss else {})}
        yield spdu(m, "MAP", {**par, 15: 1}, sn=n, sn_r=n, sn_s=m.mm)
        yield spdu(m, "AE", par, sn=n, sn_r=n, sn_s=m.mm)
    for n in number_list(m.a - 1, m.a, m.mm - 2, m.mm - 1, m.mm):
        yield spdu(m, "MIA", {42: n}, sn=n)


def major_answers(m):
    """SI 42 is MAA or AEA by what was asked; to a machine that has asked for nothing it may be
    either."""
    if m.st in IGNORE or not m.fu:
        names = ("MAA", "AEA")
    else:
        names = ("AEA",) if m.fu & ACT and not m.vnext else ("MAA",)
    for name in names:
        if m.fu & SS:
            for first, second in ((m.mr, m.mm - 1), (m.mr, m.mm), (m.mr + 1, m.mm - 1)):
                if second >= 0:
                    yield spdu(m, name, {42: first, 54: second}, sn=first, sn_r=first, sn_s=second)
        else:
            for n in number_list(m.mm - 1, m.mm):
                yield spdu(m, name, {42: n}, sn=n)


def resync_spdus(m):
    if m.fu & SS:
        yield from resync_spdus_ss(m)
        return
    place = {26: setting_now(m)} if m.av else {}
    for letter, kind in KINDS.items():
        found = {R: restart_numbers(m.r, m.mm, m.nbs), A: number_list(m.mm, m.mm + 1), S: [0, 7]}[kind]
        for n in found:
            yield spdu(m, f"RS-{letter}", {42: n, 27: CODE[kind], **place}, "RS", sn=n, rsp=kind,
                       setting=setting_now(m))
    if m.av:
        yield spdu(m, "RS-a", {42: m.mm, 27: 1, 26: 0xaa}, "RS", sn=m.mm, rsp=A, setting=0xaa)


def resync_spdus_ss(m):
    place = {26: setting_now(m)} if m.av else {}
    for kind, kind2 in flow_pairs():  # of the flow from the peer; of ours
        for n in flow_numbers(kind, m.rr, m.mr):
            for n2 in flow_numbers(kind2, m.r, m.mm)[:3]:
                par = {42: n, 54: n2, 27: CODE[kind], **place}
                if kind2 != NO:
                    par[53] = CODE[kind2]
                top = max(kind, kind2)
                yield spdu(m, f"RS-{LETTER[top]}", par, "RS", sn=n, sn_r=n, sn_s=n2, rsp=top,
                           rsp_r=kind, rsp_s=kind2, setting=setting_now(m))


def resync_answers(m):
    for setting in (0, 0x55) if m.av else (0,):
        place = {26: setting} if m.av else {}
        shown = setting
        if not m.fu & SS:
            for n in answer_numbers(m.rsp, m.nbs, m.mm) + number_list(m.mm - 1):
                yield spdu(m, "RA", {42: n, **place}, sn=n, setting=shown)
            continue
        for n in answer_numbers(m.rspr, m.nbr, m.mr):
            for n2 in answer_numbers(m.rsps, m.nbs, m.mm):
                yield spdu(m, "RA", {42: n, 54: n2, **place}, sn=n, sn_r=n, sn_s=n2, setting=shown)


def resume_spdu(m):
    par = {41: b"n", "33.41": b"o", "33.42": 5}
    if m.fu & SS:
        par["33.54"] = 8
    yield spdu(m, "AR", par, sn=5, sn_r=5, sn_s=8 if m.fu & SS else 5)


MALFORMED = "(malformed)"
BAD = ("ff00",                    # an unknown SI
       "0100" "3103" "2a0178",    # a serial number that is no digit
       "0100" "3100",             # MIP without its number
       "02021005")                # a parameter that is longer than its SPDU
BAD_FLOW = (("0100" "0100" "64", True), ("070318" "0102", False), ("0500" "78", False))


def malformed_spdus(m):
    """What is no SPDU, or one that has no business on its flow."""
    for raw, expedited in [(b, False) for b in BAD] + [b for b in BAD_FLOW if m.texp or not b[1]]:
        yield SpduEvent(MALFORMED, {}, raw=raw, expedited=expedited)


def transport_events(m):
    expedited = " expedited" if m.cfg.texp else ""
    yield Event("TCONind", text="up acceptor" + expedited)
    yield Event("TDISind", text="down")
    yield Event("TIM", text="tick")


LOCAL = (connect_request, connect_response, refuse_response, plain_requests, release_requests,
         token_requests, minor_responses, resync_requests, resync_responses, transport_events,
         connect_confirm)
REMOTE = (connect, accept, refused, overflow, data_spdus, plain_spdus, abort_spdus, prepare_spdus,
          token_spdus, sync_spdus, major_answers, resync_spdus, resync_answers, resume_spdu,
          malformed_spdus)


def events(m):
    """All that can happen to m. The role decides who opens the transport connection."""
    for make in LOCAL:
        yield from make(m)
    if m.st not in ("STA01", "STA01B"):
        for make in REMOTE:
            yield from make(m)
