# SPDX-License-Identifier: MIT
"""A session protocol machine by the words of X.225 Annex A: variables (A.5), predicates, actions,
invalid intersections (A.4.1), and what each output carries. The table is an argument.

It is written for clarity of what must come out, knows nothing of the machine in src/, and works on
whole SSDUs. With symmetric synchronize a, mm, r belong to the sending flow, ar, mr, rr to the
receiving one; in an SPDU the first number is that of the flow from its sender.
"""
import re

HD, FD, EX, SY, MA, RESYN, ACT, NR, CD, EXCEP, TD, SS, DS = (1 << i for i in (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))
DK, MI, MAT, TR = 1, 4, 16, 64
ALL_TOKENS = DK | MI | MAT | TR
NUMBERED = SY | SS | MA | RESYN
NO, R, S, A, INT, DSC = range(6)  # resynchronizations in the order of their priority
KIND = {"r": R, "s": S, "a": A}
CODE = {R: 0, A: 1, S: 2}         # Resync Type
LAST = 999999

SESSION = set("STA03 STA04A STA04B STA05A STA05B STA05C STA06 STA09 STA10A STA10B STA11A STA11B STA11C "
              "STA15A STA15B STA15C STA18 STA19 STA20 STA21 STA22 STA713".split())
IGNORE = {"STA01A", "STA15D", "STA16", "STA01", "STA01B"}


def prune(units):
    """Less the units that have lost what they stand on."""
    if not units & HD:
        units &= ~EXCEP
    if not units & ACT:
        units &= ~CD
    if not units & (SY | SS):
        units &= ~DS
    return units


def tokens_of(units):
    return ((DK if units & HD else 0) | (MI if units & SY else 0) |
            (MAT if units & (MA | ACT) else 0) | (TR if units & NR else 0))


def resolve(asked, chosen):
    """A Token Setting Item, with what it leaves to the acceptor taken from another."""
    pairs = 0
    for shift in (0, 2, 4, 6):
        pair = asked >> shift & 3
        pairs |= (chosen >> shift & 3 if pair == 2 else pair) << shift
    return pairs


def at_side(setting, side, available):
    """The tokens a Token Setting Item puts on a side (0: initiator)."""
    return sum(1 << s for s in (0, 2, 4, 6) if setting >> s & 3 == side) & available


class Event:
    """An event with what predicates and actions ask of it."""
    name, local = "", False
    sn = sn_s = sn_r = None       # its number; with symmetric synchronize by flow
    rsp = rsp_s = rsp_r = NO
    tok = setting = keep = offered = bits = reason = 0
    refusal = None                # p76: the reason code
    overflow, last = False, True  # p204, p202
    first = second = None         # PREPARE(RESYNCHRONIZE): types
    service = type = None         # of a primitive
    text = None                   # the driver's command, if it is neither primitive nor SPDU
    expedited = False
    raw = None                    # octets that are no SPDU

    def form(self, m):
        """What tells two events of one name apart."""
        ahead = None if self.sn is None else max(-1, min(self.sn - m.mm, 1))
        return (ahead, self.bits, self.first, self.second, self.rsp_r, self.rsp_s, self.refusal,
                self.overflow, self.keep, self.tok, tuple(sorted(map(str, self.par))))

    def __init__(self, name, **more):
        self.name = name
        self.par = {}             # of the SPDU or of the primitive
        self.__dict__.update(more)


class Out:
    """What one command brings out."""

    def __init__(self):
        self.prims, self.acts, self.chosen, self.refused = [], [], {}, False

    def prim(self, service, kind, **par):
        self.prims.append((service, kind, {k.replace("_", ".", 1) if k.startswith("id_") else k: v
                                           for k, v in par.items() if v is not None}))

    def spdu(self, name, par, expedited=False):
        self.acts.append(("T-EXPEDITED" if expedited else "T-DATA", name, par))


class Machine:
    """The variables. Copied at each step."""

    def __init__(self, cfg):
        self.cfg = cfg
        self.st = "STA01"
        self.vtca = self.vtrr = self.texp = False
        self.offer = None       # the Event that carried CN
        self.rest = 0           # octets of connect user data not sent
        self.kept = None        # those received
        self.rsset = 0
        self.ambiguous = None
        self.clear()

    def clear(self):
        """No session connection."""
        self.fu = self.av = self.own = self.ver = 0
        self.vcoll = self.vdnr = self.vact = self.vnext = self.vsc = self.tim = self.held = False
        self.a = self.mm = self.r = self.ar = self.mr = self.rr = 0
        self.ado = self.adi = -1
        self.rsp = self.rsps = self.rspr = NO
        self.nbs = self.nbr = 0
        self.mine = self.drcv = self.dsnd = False
        self.since = 0          # the row that recorded the resync in progress
        self.queue = ()

    def copy(self):
        new = Machine.__new__(Machine)
        new.__dict__ = self.__dict__.copy()
        return new

    def kind(self):
        """Machines that differ in this are more likely to differ in what they do next."""
        return (self.drcv, self.dsnd, self.vact, self.vsc, self.vcoll, self.ado >= self.a, self.own)

    def key(self):
        """Machines with the same key are taken to have the same future."""
        ss = self.fu & SS
        near = lambda n: max(-2, min(n, 2))
        return (self.st, self.vtca, self.texp, self.fu, self.own, self.vcoll, self.vdnr, self.vact,
                self.vnext, self.vsc, self.tim, bool(self.held), self.vtrr and self.st in ("STA03", "STA09"),
                near(self.mm - self.a), near(self.mm - self.r), self.ado >= self.a,
                self.adi < (self.ar if ss else self.a), self.ado >= 0, self.adi >= 0,
                self.rsp, self.rsps, self.rspr, self.mine, self.drcv, self.dsnd, self.since,
                near(self.nbs - self.mm) if self.rsp == R else 0,
                near(self.mr - self.ar) if ss else 0, near(self.mr - self.rr) if ss else 0,
                tuple(e.name for e in self.queue[:3]), self.rest > 0, self.kept is not None,
                self.st == "STA01B" and bool(self.offer.overflow))


# Predicates (A.5) ------------------------------------------------------------------------------


def act_ok(m):
    return not m.fu & ACT or m.vact


def i_(m, t):
    return not m.av & t & ~m.own


def a_(m, t):
    return not m.av & t & m.own


def ii(m, t):
    return not t & ~m.own


def aa(m, t):
    return not t & ~m.av and not t & m.own


def winner(m, e):
    """The resynchronization in progress beats that of the event: 4.1 of the facts."""
    if m.rsp != e.rsp:
        return m.rsp > e.rsp
    if m.rsp == R and not m.fu & SS and m.nbs != e.sn:
        return m.nbs < e.sn
    return m.mine != m.vtca  # the SPM whose user is the initiator of the session connection


def p32(m, e):
    if not m.fu & SS:
        return e.rsp != R or e.sn >= m.r
    return (e.rsp_r != R or e.sn_r >= m.rr) and (e.rsp_s != R or e.sn_s >= m.r)


def p33(m, e):
    if not m.fu & SS:
        return m.mm >= e.sn >= m.r
    return ((e.rsp_s != R or m.mm >= e.sn_s >= m.r) and
            (e.rsp_r != R or m.mr >= e.sn_r >= m.rr))


def p43(m, e):
    return not m.fu & SS and (m.rsp == R and e.sn == m.nbs or m.rsp == A and e.sn == m.mm or
                              m.rsp == S)


def p49(m, e):
    return m.rsp == R and e.sn == m.nbs or m.rsp == A and e.sn >= m.mm or m.rsp == S


def p81(m, e):
    return m.ado >= m.a


PREDICATES = {
    "p01": lambda m, e: not m.vtca,
    "p02": lambda m, e: m.cfg.reuse and not m.texp,
    "p03": lambda m, e: i_(m, DK),
    "p04": lambda m, e: m.fu & FD and not m.vcoll,
    "p05": lambda m, e: a_(m, DK),
    "p06": lambda m, e: m.fu & TD,
    "p07": lambda m, e: m.fu & TD and not m.vcoll,
    "p08": lambda m, e: m.fu & EX,
    "p09": lambda m, e: m.fu & EX and not m.vcoll,
    "p10": lambda m, e: not m.vcoll,
    "p11": lambda m, e: ii(m, MAT),
    "p12": lambda m, e: m.fu & MA and act_ok(m) and a_(m, DK | MI) and aa(m, MAT),
    "p13": lambda m, e: m.fu & MA and act_ok(m) and i_(m, DK | MI) and ii(m, MAT),
    "p14": lambda m, e: act_ok(m) and a_(m, DK) and aa(m, MI),
    "p15": lambda m, e: act_ok(m) and i_(m, DK) and ii(m, MI),
    "p16": lambda m, e: not m.texp,
    "p17": lambda m, e: act_ok(m) and m.fu & (SS | SY) and (m.fu & SS or not m.vsc),
    "p18": lambda m, e: act_ok(m) and m.fu & (SS | SY) and (m.fu & SS or m.vsc),
    "p19": lambda m, e: not m.fu & SS and e.sn == m.mm,
    "p20": lambda m, e: not m.fu & SS and e.sn == m.mm - 1,
    "p21": lambda m, e: not m.fu & SS and m.mm > e.sn >= m.a,
    "p23": lambda m, e: m.fu & ACT and not m.vnext,
    "p24": lambda m, e: not winner(m, e),
    "p24'": lambda m, e: not winner(m, e),
    "p25": lambda m, e: m.fu & (SY | SS | MA) and m.fu & RESYN,
    "p26": lambda m, e: act_ok(m),
    "p27": lambda m, e: m.rsp == NO,
    "p28": lambda m, e: m.fu & RESYN,
    "p29": lambda m, e: act_ok(m) and m.fu & RESYN,
    "p30": lambda m, e: not m.fu & ACT or m.vnext,
    "p32": p32,
    "p33": p33,
    "p34": lambda m, e: m.fu & ACT,
    "p35": lambda m, e: m.fu & RESYN and (not m.texp or m.fu & DS),
    "p36": lambda m, e: m.fu & RESYN and m.texp,
    "p37": lambda m, e: m.fu & ACT and m.texp,
    "p38": lambda m, e: m.fu & ACT and not m.texp,
    "p39": lambda m, e: m.vact and ii(m, MAT),
    "p40": lambda m, e: aa(m, MAT),
    "p41": lambda m, e: m.rsp == DSC,
    "p42": lambda m, e: m.rsp == INT,
    "p43": p43,
    "p44": lambda m, e: m.fu & ACT and not m.vact and a_(m, DK | MI | MAT),
    "p45": lambda m, e: m.fu & ACT and not m.vact and i_(m, DK | MI | MAT),
    "p46": lambda m, e: (m.fu & CD and m.fu & ACT and not m.vact and a_(m, DK | MI) and
                         not m.own & MAT),
    "p47": lambda m, e: (m.fu & CD and m.fu & ACT and not m.vact and i_(m, DK | MI) and
                         m.own & MAT),
    "p48": lambda m, e: m.fu & EXCEP and m.fu & HD,
    "p49": p49,
    "p50": lambda m, e: m.fu & EXCEP and act_ok(m) and aa(m, DK),
    "p51": lambda m, e: m.fu & EXCEP and act_ok(m) and ii(m, DK),
    "p52": lambda m, e: m.fu & EXCEP and not m.fu & ACT and ii(m, DK),
    "p53": lambda m, e: not e.tok & ~m.av,
    "p54": lambda m, e: ii(m, e.tok),
    "p55": lambda m, e: m.fu & ACT and not m.vact and i_(m, ALL_TOKENS),
    "p57": lambda m, e: ii(m, e.tok) and not e.tok & DK,
    "p58": lambda m, e: ii(m, e.tok) and e.tok & DK,
    "p59": lambda m, e: aa(m, e.tok),
    "p60": lambda m, e: aa(m, e.tok) and not e.tok & DK,
    "p61": lambda m, e: aa(m, e.tok) and e.tok & DK,
    "p62": lambda m, e: m.fu & ACT and not m.vact and a_(m, ALL_TOKENS),
    "p63": lambda m, e: i_(m, ALL_TOKENS) and (not m.fu & ACT or not m.vact),
    "p64": lambda m, e: m.cfg.reuse and e.keep and not m.vtca and not m.texp,
    "p65": lambda m, e: m.av,
    "p66": lambda m, e: m.vtrr,
    "p67": lambda m, e: m.fu & NR,
    "p68": lambda m, e: a_(m, ALL_TOKENS) and (not m.fu & ACT or not m.vact),
    "p69": lambda m, e: m.vcoll,
    "p70": lambda m, e: m.fu & FD,
    "p71": lambda m, e: m.fu & ACT and m.vact and i_(m, DK | MI) and ii(m, MAT),
    "p72": lambda m, e: m.fu & ACT and m.vact and a_(m, DK | MI) and aa(m, MAT),
    "p75": lambda m, e: m.vcoll and m.vdnr or not m.vcoll,
    "p76": lambda m, e: e.refusal is not None,
    "p80": lambda m, e: not m.fu & DS or m.adi < (m.ar if m.fu & SS else m.a),
    "p81": p81,
    "p82": lambda m, e: m.fu & DS,
    "p173": lambda m, e: m.fu & SS and e.sn_s == m.mm - 1 and e.sn_r == m.mr,
    "p174": lambda m, e: m.fu & SS and e.sn_s == m.mm and e.sn_r == m.mr - 1,
    "p175": lambda m, e: m.fu & SS and e.sn == m.mr - 1,
    "p176": lambda m, e: m.fu & SS and m.mm > e.sn >= m.a,
    "p177": lambda m, e: m.fu & SS and e.sn == m.mr,
    "p178": lambda m, e: m.fu & SS,
    "p179": lambda m, e: m.fu & SS and m.mr > e.sn >= m.ar,
    "p185": lambda m, e: m.drcv and not p81(m, e),
    "p186": lambda m, e: m.dsnd,
    "p187": lambda m, e: m.fu & SS and ((m.rspr != R or e.sn_r == m.nbr) and
                                        (m.rsps != R or e.sn_s == m.nbs)),
    "p202": lambda m, e: e.last,
    "p204": lambda m, e: e.overflow,
    "[sn != V(Ms)-1]": lambda m, e: e.sn != m.mm - 1,
    "[PR-RS queued]": lambda m, e: any(q.name == "PR-RS" for q in m.queue),
}


# Actions (A.5) ---------------------------------------------------------------------------------


def set_tokens(m, setting):
    m.own = at_side(setting, 1 if m.vtca else 0, m.av)


def purge_end(m):
    m.drcv = m.dsnd = False
    m.ado = m.adi = -1


def resync_end(m):
    m.rsp = m.rsps = m.rspr = NO
    purge_end(m)


def act_1(m, e):
    m.vtca = True


def act_2(m, e):
    m.vtca = False


def act_3(m, e):
    m.tim = False


def act_4(m, e):
    m.tim = True


def act_5(m, e):
    m.fu, m.ver, m.av = e.offered, e.version, tokens_of(e.offered)
    m.a = m.mm = e.sn or 0
    m.r = 0
    m.vcoll = m.vsc = m.vact = m.vnext = m.vdnr = False
    resync_end(m)


def act_7(m, e):
    m.vtrr = True


def act_8(m, e):
    m.vtrr = False


def act_9(m, e):
    m.vtrr = bool(PREDICATES["p02"](m, e))


def act_10(m, e):
    m.queue += (e,)


def act_11(m, e):
    if e.name in ("AC", "SCONrsp+", "RA", "SRSYNrsp"):
        set_tokens(m, e.setting)
    elif e.name == "SGTreq":
        m.own &= ~e.tok
    elif e.name == "GT":
        m.own |= e.tok
    else:
        m.own = m.av if e.name == "GTC" else 0


def act_12(m, e):
    m.vact = True


def act_13(m, e):
    m.vnext = e.name in ("MAP", "SSYNMreq")


def act_14(m, e):
    m.vact = m.vnext and bool(m.fu & ACT)


def resync_flow(m, names, kind, sn, newer):
    """One flow goes by the stronger type that either RS names for it, of two restarts by the lower
    number; of equals by the newer or by the one that stands."""
    rsp, number, following = names
    now = getattr(m, rsp)
    if kind > now or (kind == now == R and sn < getattr(m, number)) or (
            kind == now != R and newer):
        setattr(m, rsp, kind)
        setattr(m, number, sn)
    if getattr(m, rsp) == A:
        setattr(m, following, min(max(getattr(m, following), sn), LAST))


def resync_flows(m, e, newer):
    resync_flow(m, ("rsps", "nbs", "mm"), e.rsp_s, e.sn_s, newer)
    resync_flow(m, ("rspr", "nbr", "mr"), e.rsp_r, e.sn_r, newer)


def purge(m):
    m.drcv = m.drcv or m.rspr != NO
    m.dsnd = m.dsnd or m.rsps != NO


def act_16(m, e):
    if m.fu & SS and e.rsp < INT:
        resync_flows(m, e, True)
    else:
        m.rsps = m.rspr = e.rsp
        m.nbs = e.sn or 0
    m.rsp, m.mine, m.rsset = e.rsp, e.local, e.setting
    purge(m)


def act_902(m, e):
    """Ours: an RS that has lost; its user has purged the flows that it names all the same."""
    if m.fu & SS:
        resync_flows(m, e, False)
        purge(m)


def act_18(m, e):
    m.vcoll = True


def act_19(m, e):
    """With symmetric synchronize for the flows that are abandoned."""
    if not m.fu & SS:
        m.mm = min(max(m.mm, e.sn), LAST)
        return
    if e.rsp_r == A:
        m.mr = min(max(m.mr, e.sn_r), LAST)
    if e.rsp_s == A:
        m.mm = min(max(m.mm, e.sn_s), LAST)


def act_20(m, e):
    m.vsc = False


def act_21(m, e):
    m.mm += 1


def act_22(m, e):
    m.r = m.a = m.mm


def act_23(m, e):
    if not m.vsc:
        m.a = m.mm
    m.vsc = True
    m.mm += 1


def act_24(m, e):
    if m.vsc:
        m.a = m.mm
    m.vsc = False
    m.mm += 1


def act_25(m, e):
    m.a = e.sn + 1


def act_26(m, e):
    m.a = m.mm = m.r = 1


def act_27(m, e):
    m.a = m.mm = e.sn + 1
    m.r = 1


def act_28(m, e):
    m.a = m.mm = e.sn
    if m.rsp in (A, S):
        m.r = 0
    resync_end(m)


def act_29(m, e):
    m.own, m.vact = m.av, False
    resync_end(m)


def act_30(m, e):
    m.own, m.vact = 0, False
    resync_end(m)


def act_31(m, e):
    if not m.vsc:
        m.a = m.mm
    m.mm += 1


def act_32(m, e):
    m.vdnr = True


def act_41(m, e):
    m.ado = m.mm


def act_43(m, e):
    m.ado = m.adi = -1


def act_44(m, e):
    m.adi = m.mm


def act_45(m, e):
    m.adi = m.mr


def act_50(m, e):
    m.kept = (m.kept or 0) + len(e.par.get("ud", b""))


def act_51(m, e):
    m.rest = 0


def act_62(m, e):
    m.mr += 1


def act_63(m, e):
    m.mm += 1


def act_64(m, e):
    m.r = m.a = m.mm
    m.rr = m.ar = m.mr


def act_65(m, e):
    m.a = e.sn + 1


def act_66(m, e):
    m.ar = e.sn + 1


def act_67(m, e):
    """The first type is of the flow from PREPARE's sender."""
    both = e.first is None and e.second is None
    m.drcv = m.drcv or both or e.first is not None
    m.dsnd = m.dsnd or both or e.second is not None


def act_68(m, e):
    if m.rsps != NO:
        m.a = m.mm = e.sn_s
        m.r = 0 if m.rsps in (A, S) else m.r
    if m.rspr != NO:
        m.ar = m.mr = e.sn_r
        m.rr = 0 if m.rspr in (A, S) else m.rr
    resync_end(m)


def act_69(m, e):
    m.a = m.mm = e.sn_s + 1
    m.ar = m.mr = e.sn_r + 1
    m.r = m.rr = 1


def act_70(m, e):
    m.a = m.mm = m.r = m.ar = m.mr = m.rr = 1


def act_71(m, e):
    if m.fu & SS:
        m.a = m.mm = e.sn_s or 0
        m.ar = m.mr = e.sn_r or 0
        m.r = m.rr = 0


ACTIONS = {int(name[4:]): act for name, act in list(globals().items()) if name.startswith("act_")
           and name[4:].isdigit()}
ACTIONS[42] = act_41
REPLAY = 6


# Outputs ---------------------------------------------------------------------------------------

PREPARES = {"PR-MAA": 1, "PR-RS": 2, "PR-RA": 3, "PR-AB": 4}
SHORT = 9  # octets of user data with which AB fits an expedited TSDU


def numbers(m, first, second):
    return {42: first, 54: second} if m.fu & SS else {42: first}


def output_spdu(m, e, name, out):
    """The SPDU `name`, by the variables as they are before the actions."""
    par, data = {}, e.par.get("data", b"") if e.local else b""
    if name in PREPARES:
        output_prepare(m, e, name, len(data), out)
        return
    expedited = name == "EX"
    if name in ("DT", "TD", "EX"):
        par["info"], data = data, b""
    elif name == "CN":
        par, data = dict(m.offer.spdu), m.offer.spdu.get("ud", b"")
        m.rest = m.offer.more
    elif name == "AC":
        par = dict(e.spdu)
    elif name in ("RF-nr", "RF-r"):
        par = {17: 1 if name == "RF-nr" else 0, 50: e.refusal if e.refusal is not None else e.reason}
        if not e.local:
            par[22] = m.cfg.versions
    elif name == "OA":
        par = {22: 2}
    elif name == "CDO":
        par, data = {25: 2}, b"r" * m.rest
    elif name == "FN-r":
        par = {17: 0}
    elif name in ("AB-nr", "AB-r"):
        par = {17: 3 if name == "AB-nr" else 2}
        expedited = m.texp and len(data) <= SHORT
    elif name in ("GT", "PT"):
        par = {16: e.tok}
    elif name in ("MIP", "MIP-d"):
        kind = (1 if e.par.get("optional") else 0) | (2 if name == "MIP-d" else 0)
        par = {42: m.mm, **({15: kind} if kind else {})}
        out.chosen = {"serial": m.mm}
    elif name == "MIA":
        par = {42: e.sn}
    elif name in ("MAP", "AE"):
        par = {**numbers(m, m.mm, m.mr), **({15: 1} if name == "MAP" else {})}
        out.chosen = {"serial": m.mm}
    elif name in ("MAA", "AEA"):
        par = numbers(m, m.mm if m.fu & SS else m.mm - 1, m.mr - 1)
    elif name.startswith("RS-"):
        par = numbers(m, e.sn_s if m.fu & SS else e.sn, e.sn_r)
        par[27] = CODE[e.rsp_s if m.fu & SS else e.rsp]
        if m.fu & SS and e.rsp_r != NO:
            par[53] = CODE[e.rsp_r]
        if m.av:
            par[26] = e.setting
    elif name == "RA":
        par = numbers(m, e.sn_s if m.fu & SS else e.sn, e.sn_r)
        if m.av:
            par[26] = e.setting
    elif name in ("AI", "AD", "ED"):
        par = {50: e.reason} if e.reason or name == "ED" else {}
    elif name == "AS":
        par = {41: e.par["activity"]}
    elif name == "AR":
        par = {41: e.par["activity"], "33.41": e.par["old_activity"], "33.42": e.sn_s}
        if m.fu & SS:
            par["33.54"] = e.sn_r
    if data:
        par["ud"] = data
    kinds = {"MIP-d": "MIP", "AEA": "MAA", "RS-a": "RS", "RS-r": "RS", "RS-s": "RS"}
    out.spdu(kinds.get(name, name.split("-")[0]), par, bool(expedited))


def output_prepare(m, e, name, octets, out):
    """Only with TEXP; PR-AB not before an AB that is itself expedited; PR-RS not before an RS that
    the peer takes without (p81 here, p80 there)."""
    if not m.texp or (name == "PR-AB" and octets <= SHORT):
        return
    rs = e.name.startswith("SRSYNreq")
    if name == "PR-RS" and rs and m.fu & DS and p81(m, e):
        return
    par = {24: PREPARES[name]}
    if name == "PR-RS" and rs and m.fu & SS:
        par[27] = CODE[e.rsp_s]
        if e.rsp_r != NO:
            par[53] = CODE[e.rsp_r]
    out.spdu("PR", par, True)


def settings(e):
    return e.setting if 26 in e.par else None


def indicate(m, e, name, out):
    """An indication or confirm: the values of the SPDU; state and variables are the new ones."""
    data = e.par.get("ud") or None
    serial = {"serial": e.par.get(42), "serial2": e.par.get(54)}
    kept = 1 if m.st == "STA01C" else None
    kind = "confirm" if "cnf" in name else "indication"
    service = name.split("ind")[0].split("cnf")[0]
    if name == "SCONind":
        cn = m.offer
        if m.kept is not None:
            data = cn.spdu["ud"] + b"r" * (m.kept - len(cn.spdu["ud"]))
        out.prim("S-CONNECT", kind, versions=cn.spdu[22], units=cn.offered, setting=cn.spdu.get(26),
                 serial=cn.spdu.get(23), serial2=cn.spdu.get(55), calling=cn.spdu[51],
                 called=cn.spdu[52], data=data)
        m.kept = None
    elif name == "SCONcnf+":
        out.prim("S-CONNECT", kind, versions=e.version, units=e.offered, setting=e.setting,
                 tokens=e.tok or None, serial=e.par.get(23), serial2=e.second_number,
                 called=e.par.get(52), data=data)
    elif name == "SCONcnf-":
        out.prim("S-CONNECT", kind, result=e.par[50], keep=kept, data=data)
    elif service in ("SDT", "SEX", "STD"):
        long = {"SDT": "S-DATA", "SEX": "S-EXPEDITED-DATA", "STD": "S-TYPED-DATA"}[service]
        out.prim(long, kind, data=e.par["info"])
    elif service in ("SGT", "SPT"):
        out.prim({"SGT": "S-TOKEN-GIVE", "SPT": "S-TOKEN-PLEASE"}[service], kind, tokens=e.tok,
                 data=data)
    elif service in ("SCD", "SCG"):
        out.prim({"SCD": "S-CAPABILITY-DATA", "SCG": "S-CONTROL-GIVE"}[service], kind, data=data)
    elif name in ("SSYNmind", "SSYNmdind"):
        flags = e.par.get(15, 0)
        out.prim("S-SYNC-MINOR", kind, optional=flags & 1 or None, separation=flags >> 1 & 1 or None,
                 data=data, **serial)
    elif service in ("SSYNm", "SSYNM", "SACTE"):
        long = {"SSYNm": "S-SYNC-MINOR", "SSYNM": "S-SYNC-MAJOR", "SACTE": "S-ACTIVITY-END"}[service]
        out.prim(long, kind, data=data, **serial)
    elif name == "SRSYNind":
        if e.rsp == A and not m.fu & SS:
            serial["serial"] = m.mm
        if m.fu & SS:
            serial = {"serial": m.mr if m.rspr == A else e.sn_r,
                      "serial2": m.mm if m.rsps == A else m.nbs if m.rsps else None}
        out.prim("S-RESYNCHRONIZE", kind, resync=CODE[m.rspr if m.fu & SS else m.rsp],
                 resync2=CODE.get(m.rsps) if m.fu & SS else None,
                 setting=settings(e), data=data, **serial)
    elif name == "SRSYNcnf":
        out.prim("S-RESYNCHRONIZE", kind, setting=e.setting, data=data, **serial)
    elif service in ("SUER", "SACTI", "SACTD"):
        long = {"SUER": "S-U-EXCEPTION-REPORT", "SACTI": "S-ACTIVITY-INTERRUPT",
                "SACTD": "S-ACTIVITY-DISCARD"}[service]
        out.prim(long, kind, reason=e.par.get(50) or None, data=data)
    elif name == "SPERind":
        out.prim("S-P-EXCEPTION-REPORT", kind, reflected=e.par[49])
    elif name == "SACTSind":
        out.prim("S-ACTIVITY-START", kind, activity=e.par[41], data=data)
    elif name == "SACTRind":
        out.prim("S-ACTIVITY-RESUME", kind, activity=e.par[41], old_activity=e.par["33.41"],
                 serial=e.par["33.42"], serial2=e.par.get("33.54"), data=data)
    elif name == "SRELind":
        out.prim("S-RELEASE", kind, keep=1 if m.vtrr else None, data=data)
    elif name == "SRELcnf+":
        out.prim("S-RELEASE", kind, keep=kept, data=data)
    elif name == "SRELcnf-":
        out.prim("S-RELEASE", kind, result=0, data=data)
    elif name == "SxABind":
        if e.bits & 2:
            out.prim("S-U-ABORT", kind, keep=kept, data=data)
        else:
            out.prim("S-P-ABORT", kind, keep=kept, reason=1 if e.bits & 4 else 2, data=data)
    else:
        assert name == "SPABind", name
        out.prim("S-P-ABORT", kind, reason=1 if e.name == "TIM" else None)


TRANSPORT = {"TCONreq": "T-CONNECT", "TCONrsp": "T-CONNECT-ACCEPT", "TDISreq": "T-DISCONNECT"}
INDICATION = re.compile(r"S\w+(ind|cnf)[+-]?$")


# The machine -----------------------------------------------------------------------------------


class Walker:
    """Takes events through the table."""

    def __init__(self, table):
        self.table = table
        self.trace = None  # set to a list: (state, event, row or None, values) of what was looked up

    def find(self, m, e):
        rows = self.table.cells.get((m.st, e.name))
        if rows is None:
            if self.trace is not None:
                self.trace.append((m.st, e.name, None, ()))
            return None
        value = {b: bool(PREDICATES[b](m, e)) for b in self.table.bases[m.st, e.name]}
        true = [r for r in rows if r.true(value)]
        if len(true) > 1:
            m.ambiguous = true
        row = true[0] if true else None
        if self.trace is not None:
            self.trace.append((m.st, e.name, row, value))
        return row

    @staticmethod
    def enter(m, state):
        m.st = state
        if state in ("STA01", "STA01C"):
            tim, kept = m.tim, m.kept
            m.clear()
            m.tim = tim and state == "STA01C"
            m.kept = kept
        if state in ("STA01A", "STA16"):
            m.queue, m.held = (), False

    def take(self, m, e, row, out):
        """Outputs by the old variables, actions in order, the new state, indications."""
        for name in row.outgoing:
            if name in TRANSPORT:
                out.acts.append((TRANSPORT[name], None, None))
            elif not INDICATION.match(name):
                output_spdu(m, e, name, out)
        replay = False
        for action in row.actions:
            if action == REPLAY:
                replay = True
            else:
                ACTIONS[action](m, e)
        if "[PR-RS queued]" in row.bases:  # the PREPARE that announced this is spent
            at = [q.name for q in m.queue].index("PR-RS")
            m.queue = m.queue[:at] + m.queue[at + 1:]
        if m.rsp == NO:
            m.since = 0
        elif 16 in row.actions:
            m.since = row.number
        self.enter(m, row.next)
        for name in row.outgoing:
            if INDICATION.match(name):
                indicate(m, e, name, out)
        return replay

    def receive(self, m, e, out):
        row = self.find(m, e) if not e.malformed(m) else None
        replay = False
        if row is None:
            invalid(m, e, out)
        else:
            replay = self.take(m, e, row, out)
        if e.name == "AC" and m.st == "STA713" and e.tok:
            please = SpduEvent("PT", {16: e.tok})
            please.tok = e.tok
            self.receive(m, please, out)
        if e.name == "DN" and m.held and m.st == "STA09":
            held, m.held = m.held, False
            self.take(m, held, self.find(m, held), out)
        if replay:
            self.replay(m, out)

    def replay(self, m, out):
        """[6]: what was queued, as if received now."""
        waiting = len(m.queue)
        while waiting and m.queue:
            waiting -= 1
            first, m.queue = m.queue[0], m.queue[1:]
            self.receive(m, first, out)

    def request(self, m, e, out):
        """A primitive of the user, a transport event or the timer."""
        if m.held and e.name not in ("SUABreq", "TDISind", "TIM"):
            out.refused = True
            return
        if e.name == "TIM" and not m.tim:
            return
        if e.malformed(m):
            out.refused = True
            return
        row = self.find(m, e)
        if row is not None:
            if self.take(m, e, row, out):
                self.replay(m, out)
            return
        if (e.name == "SRELrsp+" and m.st == "STA09" and m.vcoll and m.vtca and not m.vdnr and
                not m.vtrr):
            m.held = e  # 6.3 of the facts: the answer waits for the peer's DN
            return
        out.refused = True

    def step(self, m, e):
        """(the machine after e, what comes out)"""
        new, out = m.copy(), Out()
        if e.spdu_name is None:
            if e.name == "TCONind" and m.st == "STA01" or e.name == "TCONcnf" and m.st == "STA01B":
                new.texp = bool(m.cfg.texp)
            if e.name == "SCONreq":
                new.offer = e
            self.request(new, e, out)
            if out.refused:
                new.offer = m.offer
        else:
            if e.name == "CN" and new.st == "STA01C" and new.vtca:
                new.offer = e
            self.receive(new, e, out)
        return new, out


def invalid(m, e, out):
    """A.4.1: a received SPDU that has no entry."""
    if m.st in IGNORE:
        return
    if m.st in ("STA01C", "STA01D"):
        out.acts.append(("T-DISCONNECT", None, None))
        Walker.enter(m, "STA01")
        return
    report = m.cfg.report and m.st == "STA713" and PREDICATES["p50"](m, e)
    if report:
        out.prim("S-P-EXCEPTION-REPORT", "indication", reason=1)
        out.spdu("ER", {})
        m.st = "STA20"
        return
    keep = bool(PREDICATES["p02"](m, e))
    out.prim("S-P-ABORT", "indication", reason=1)
    out.spdu("AB", {17: 4 if keep else 5}, m.texp)
    m.tim = True
    Walker.enter(m, "STA01A" if keep else "STA16")


class SpduEvent(Event):
    """A received SPDU."""
    spdu_name = None

    def __init__(self, name, par, spdu_name=None, **more):
        super().__init__(name, **more)
        self.par, self.spdu_name = par, spdu_name or name

    def malformed(self, m):
        """With symmetric synchronize the stronger type names the event; the number of a flow that is
        restarted is looked at all the same (p32)."""
        return (self.spdu_name == "RS" and m.fu & SS and self.rsp != R and
                m.st not in ("STA05B", "STA05C") and not p32(m, self))


def request_malformed(self, m):
    """With symmetric synchronize a resynchronization that makes a major point void concerns both
    flows as the point does, and its requestor restarts neither."""
    requestor = m.st in ("STA04A", "STA15A")
    if not (self.name.startswith("SRSYNreq") and m.fu & SS and (requestor or m.st == "STA10A")):
        return False
    return self.rsp_r == NO or requestor and R in (self.rsp_s, self.rsp_r)


Event.spdu_name = None
Event.malformed = request_malformed
