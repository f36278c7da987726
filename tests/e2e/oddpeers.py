# SPDX-License-Identifier: MIT
"""oddpeers - session entities as they are deployed: what each takes, sends and cannot take, as octets.

Importable by tests (odd.py beside this); nothing of convene's is in it. A responder listens on
127.0.0.1 on a port of its own and serves one session after another:

    with oddpeers.LibIec61850() as peer:      # or Isode, Wildboar
        ... dial iso://127.0.0.1:{peer.port}/...
        peer.wait("FN")                       # until it has seen one
        peer.done()                           # raises what went wrong in the script

`peer.log` has (what, value) in the order seen: the names of SPDUs taken, "refused" with the reason
for what this peer cannot take, "data" with SSDUs as that peer would deliver them, "closed" when the
link ended. A caller dials: oddpeers.LibIec61850Caller(port), IsodeCaller, WildboarCaller, JosistackCaller;
`connect()` gives the AC it took, or raises Refused with what it could not take.

Each behaviour is one that was observed of, or read in, the implementation whose name the class has.
"""
import os
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import octets as o

PATIENCE = 30.0
HELLO = b"\x31\x81\xa3"  # stands for a presentation PDU


class Refused(Exception):
    """This peer does not take that: its words are the reason."""


class Over(Exception):
    """The link has ended."""


# -------- octets as they come, with nothing forgiven --------

def raw_params(body, short_only=False):
    """[(code, value)] of one level."""
    out, at = [], 0
    while at < len(body):
        if at + 2 > len(body):
            raise Refused("a parameter without its length")
        code, n = body[at], body[at + 1]
        at += 2
        if n == 255:
            if short_only:
                raise Refused("a length in three octets")
            n = struct.unpack(">H", body[at:at + 2])[0]
            at += 2
            if n < 255:
                raise Refused("the long form of a short length")
        if at + n > len(body):
            raise Refused("a parameter beyond its SPDU")
        out.append((code, body[at:at + n]))
        at += n
    return out


def raw_spdu(octets, short_only=False):
    """SI, parameters, what follows."""
    if len(octets) < 2:
        raise Refused("less than an SPDU")
    n, at = octets[1], 2
    if n == 255:
        if short_only:
            raise Refused("a length in three octets")
        n, at = struct.unpack(">H", octets[2:4])[0], 4
        if n < 255:
            raise Refused("the long form of a short length")
    if at + n > len(octets):
        raise Refused("an SPDU beyond its TSDU")
    return octets[0], raw_params(octets[at:at + n], short_only), octets[at + n:]


class Link:
    """TPKT and COTP class 0 on one stream."""

    cc_size = None    # TPDU size in CC, as a power of two
    dt_size = 4096
    nodelay = True

    def __init__(self, s):
        self.socket = s
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, self.nodelay)
        self.way = o.Way()
        self.queue = []

    def send_tpdu(self, tpdu):
        self.socket.sendall(o.tpkt(tpdu))

    def send(self, spdus):
        """One TSDU: each TPDU a write of its own, as these peers do it."""
        octets = o.tsdu(spdus, self.dt_size)
        while octets:
            n = struct.unpack(">H", octets[2:4])[0]
            self.socket.sendall(octets[:n])
            octets = octets[n:]

    def next(self):
        """(kind, octets) with kind CR, CC, DR, ER or TSDU; raises Over."""
        while not self.queue:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise Over
            self.queue += self.way.feed(piece)
        return self.queue.pop(0)

    def tsdu(self):
        kind, value = self.next()
        if kind != "TSDU":
            raise Over
        return value

    def call(self, params=b""):
        """CR, and the CC that answers it."""
        self.send_tpdu(bytes([6 + len(params), 0xE0, 0, 0, 0, 7, 0]) + params)
        kind, value = self.next()
        if kind != "CC":
            raise Refused(f"{kind} for CR")
        return value

    def answer(self):
        """CC for the CR that comes."""
        kind, cr = self.next()
        if kind != "CR":
            raise Refused(f"{kind} where CR was expected")
        size = b"" if self.cc_size is None else bytes([0xC0, 1, self.cc_size])
        self.send_tpdu(bytes([6 + len(size), 0xD0]) + cr[4:6] + b"\0\x09\0" + size)
        return cr

    def disconnect(self):
        self.send_tpdu(b"\x06\x80\0\0\0\x09\x80")

    def close(self):
        self.socket.close()


# -------- responders --------

class Responder:
    """Listens; every session is served by serve()."""

    link_class = Link

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.log = []
        self.errors = []
        self.changed = threading.Condition()
        self.closing = False
        self.links = []
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def note(self, what, value=None):
        with self.changed:
            self.log.append((what, value))
            self.changed.notify_all()

    def of(self, what):
        return [value for name, value in self.log if name == what]

    def wait(self, what, n=1, patience=PATIENCE):
        """The n-th thing of that name; raises TimeoutError with the log."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.of(what)) >= n or self.errors, patience):
                raise TimeoutError(f"no {what}: {self.log[-10:]}")
        self.done()
        return self.of(what)[n - 1]

    def done(self):
        if self.errors:
            raise self.errors[0]

    def close(self):
        self.closing = True
        self.listener.close()
        for link in self.links:
            link.close()

    def _listen(self):
        while not self.closing:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            link = self.link_class(s)
            self.links.append(link)
            threading.Thread(target=self._session, args=(link,), daemon=True).start()

    def _session(self, link):
        try:
            self.serve(link)
        except (Over, BrokenPipeError, ConnectionResetError):
            pass
        except Exception as e:
            if not self.closing:
                with self.changed:
                    self.errors.append(e)
        link.close()
        self.note("closed")

    def serve(self, link):
        raise NotImplementedError


def until_closed(link):
    """What comes is read and forgotten."""
    while True:
        link.next()


class IecLink(Link):
    cc_size = 13  # 8192, beyond what class 0 has


def iec_parse(octets, want):
    """The parameters of the SPDU, if it is as libiec61850 reads it."""
    si, params, rest = raw_spdu(octets, short_only=True)
    if si != want:
        raise Refused(f"SPDU {si}")
    if rest or octets[1] != len(octets) - 2:
        raise Refused("the length indicator is not what is left")
    seen = dict(params)
    known = {o.CN: {1, 5, 20, 51, 52, 193}, o.AC: {1, 5, 20, 51, 52, 193}, o.FN: {193, 17}, o.DN: {193}}
    for code, value in params:
        if code not in known[want]:
            raise Refused(f"parameter {code} is unknown")
        if code in (51, 52) and len(value) > 16:
            raise Refused("a selector over 16 octets")
    if want in (o.CN, o.AC):
        item = dict(raw_params(seen.get(5, b""), short_only=True))
        if set(item) - {19, 21, 22, 23, 26}:
            raise Refused("an unknown Connect/Accept Item")
        if item.get(19) != b"\0" or item.get(22) != b"\2":
            raise Refused(f"protocol options {item.get(19)}, version {item.get(22)}")
    if 193 not in seen:
        raise Refused("no user data")
    return seen


IEC_ABORT = o.spdu(o.AB, o.par(17, b"\x0b"))
IEC_ITEM = o.par(5, o.par(19, b"\0") + o.par(22, b"\2"))


class LibIec61850(Responder):
    """Kernel and duplex; version 2 alone; user data in all; it does not hang up after AB."""

    link_class = IecLink

    def refuse(self, link, reason):
        self.note("refused", reason)
        link.send(IEC_ABORT)
        until_closed(link)

    def serve(self, link):
        link.answer()
        first = link.tsdu()
        try:
            cn = iec_parse(first, o.CN)
        except Refused as e:
            self.refuse(link, str(e))
        self.note("CN", cn)
        # The requirements come back as they were, whatever they are.
        link.send(o.spdu(o.AC, IEC_ITEM, o.par(20, cn.get(20, b"\0\2")), o.par(52, cn.get(52, b"\0\1")),
                         o.user(HELLO)))
        while True:
            octets = link.tsdu()
            try:
                if octets[0] == 1:
                    if octets[:4] != b"\1\0\1\0":
                        raise Refused("data that do not begin 01 00 01 00")
                    self.note("data", octets[4:])
                    link.send(octets)
                elif octets[0] == o.AB:
                    self.note("AB", octets)  # and the link stays
                else:
                    self.note("FN", iec_parse(octets, o.FN))
                    link.send(o.spdu(o.DN, o.user(HELLO)))
                    return
            except Refused as e:
                self.refuse(link, str(e))


class IsodeLink(Link):
    nodelay = False  # a TSDU of several TPDUs stalls against a delayed acknowledgement

    def send_expedited(self, spdu):
        self.send_tpdu(b"\x02\x10\x00" + spdu)  # without EOT


class Isode(Responder):
    """All units of 1988; little is checked. `units` is what it has; `answer_data` echoes S-DATA,
    `user` is its user data in AC and DN, `confirm` answers minor points."""

    link_class = IsodeLink
    units = 0x07ff

    def __init__(self, answer_data=True, user=HELLO, confirm=True):
        self.answer_data = answer_data
        self.confirm = confirm  # minor points
        self.user = user
        super().__init__()

    @staticmethod
    def check_units(units, item, params):
        """AB, not RF, for what ISODE does not take."""
        activity, sync = units & 0x0040, units & 0x0018
        if not units & 0x0003:
            raise Refused("neither half-duplex nor duplex")
        if units & 0x0200 and not units & 0x0001:
            raise Refused("exceptions without half-duplex")
        if units & 0x0100 and not activity:
            raise Refused("capability data without activities")
        if 23 in item and not (sync or units & 0x0020):
            raise Refused("an initial serial number without a synchronize unit")
        if sync and not activity and 23 not in item:
            raise Refused("a synchronize unit without an initial serial number")
        if len(params.get(193, b"")) > 512:
            raise Refused("more than 512 octets in PGI 193")

    def parse(self, octets):
        """[(name, parameters, user information)]: as ISODE separates them: two at most."""
        si, params, rest = raw_spdu(octets)
        name = o.FIRST.get(si)
        if name is None:
            raise Refused(f"SPDU {si}")
        out = [[name, dict(params), rest if name in ("TD", "EX") else b""]]
        if rest and name in ("GT", "PT"):
            si, params, rest = raw_spdu(rest)
            if si not in o.LATER:
                raise Refused(f"SPDU {si}")
            # A third is not looked for: it stays in the user data.
            out.append([o.LATER[si], dict(params), rest])
        for _, params, _ in out:
            if len(params.get(193, b"")) > 512:
                raise Refused("more than 512 octets in PGI 193")
        return out

    def abort(self, link, reason):
        self.note("refused", reason)
        link.send(o.spdu(o.AB, o.par(17, b"\5")))
        link.disconnect()
        until_closed(link)

    def serve(self, link):
        link.answer()
        first = link.tsdu()
        try:
            si, params, _ = raw_spdu(first)
            params = dict(params)
            item = dict(raw_params(params.get(5, b"")))
            if si != o.CN:
                raise Refused(f"SPDU {si} for CN")
            version = item.get(22, b"\1")[0]
            if not version & 3:
                self.note("refused", "version")
                link.send(o.spdu(o.RF, o.par(17, b"\1"), o.par(22, b"\3"), o.par(50, b"\x84")))
                until_closed(link)
            units = struct.unpack(">H", params.get(20, b"\x03\x49"))[0]
            self.check_units(units, item, params)
        except Refused as e:
            self.abort(link, str(e))
        # Data overflow is not seen: what came counts as all of it.
        self.note("CN", params)
        self.note("connect data", params.get(194, params.get(193, b"")))
        units &= self.units  # symmetric synchronize and data separation are masked out
        if units & 3 == 3:
            units &= ~1
        number = o.par(23, item[23]) if 23 in item else b""
        link.send(o.spdu(o.AC, o.par(1, b""),
                         o.par(5, o.par(19, b"\0") + o.par(22, b"\2" if version & 2 else b"\1") + number),
                         o.par(20, struct.pack(">H", units)), o.user(self.user)))
        Talk(self, link, int(item.get(23, b"0"))).run()


class Talk:
    """One session of Isode's after AC: it says yes to everything."""

    def __init__(self, peer, link, number):
        self.peer, self.link = peer, link
        self.va = self.vm = number

    def run(self):
        while True:
            octets = self.link.tsdu()
            try:
                spdus = self.peer.parse(octets)
            except Refused as e:
                self.peer.abort(self.link, str(e))
            for name, params, info in spdus:
                if name in ("GT", "PT") and not params:
                    continue
                self.peer.note(name, params)
                if self.take(name, params, info):
                    return

    def take(self, name, params, info):
        simple = {"MIP": (o.MIA, (42,)), "MAP": (o.AEA, (42,)), "AE": (o.AEA, (42,)), "AI": (o.AIA, ()),
                  "AD": (o.ADA, ()), "CD": (o.CDA, ())}
        if name == "DT":
            self.peer.note("data", info)
            if self.peer.answer_data:
                self.link.send(o.data(info))
        elif name in ("AS", "AR"):
            self.va = self.vm = 1
        elif name == "RS":
            self.resynchronize(params)
        elif name in simple:
            si, keep = simple[name]
            if name in ("MIP", "MAP", "AE"):  # indicated, whatever its number
                self.vm = int(params[42]) + 1
                if name == "MIP" and not self.peer.confirm:
                    return False
                self.va = self.vm
            self.link.send(o.after_pt(si, *[o.par(k, params[k]) for k in keep]))
        elif name == "FN":  # inside an activity too; "keep the transport" is not heard
            self.link.send(o.spdu(o.DN, o.user(self.peer.user)))
            self.link.disconnect()
            return True
        elif name == "AB":
            self.link.disconnect()
            return True
        return False

    def resynchronize(self, params):
        """Abandon is answered with V(A); without a token setting, with one that is wrong."""
        number = b"%d" % self.va if params[27] == b"\1" else params[42]
        setting = params.get(26, b"\x55")
        self.va = self.vm = int(number)
        self.link.send(o.after_pt(o.RA, o.par(26, setting), o.par(42, number)))


class Wildboar(Responder):
    """Kernel and duplex; enclosure items everywhere; selectors must be its own (`ssel`, or any)."""

    def __init__(self, ssel=None):
        self.ssel = ssel
        super().__init__()

    KNOWN = {o.CN: {1, 5, 20, 51, 52, 60, 193, 194}, o.FN: {17, 25, 193}, o.AB: {17, 25, 49, 193}}

    def check(self, si, params):
        for code, _ in params:
            if code not in self.KNOWN.get(si, ()):
                raise Refused(f"parameter {code} is unknown")
        return dict(params)

    def serve(self, link):
        link.answer()
        try:
            si, params, _ = raw_spdu(link.tsdu())
            cn = self.check(si, params)
            raw_params(cn.get(1, b""))
            item = dict(raw_params(cn.get(5, b"")))
            if set(item) - {19, 21, 22, 23, 26, 55}:
                raise Refused("an unknown Connect/Accept Item")
        except Refused as e:
            self.refuse(link, str(e))
        if self.ssel is not None and cn.get(52, b"") != self.ssel:
            self.note("refused", "selector")
            link.send(o.spdu(o.RF, o.par(17, b"\1"), o.par(50, b"\x81")))
            until_closed(link)
        self.note("CN", cn)
        # Version 2, even for a CN of version 1.
        link.send(o.spdu(o.AC, IEC_ITEM, o.par(20, b"\0\2"), o.par(25, b"\3"), o.user(HELLO)))
        while self.one(link, link.tsdu()):
            pass

    def one(self, link, octets):
        try:
            si, params, rest = raw_spdu(octets)
            if si == o.CN:
                self.note("CN ignored")
            elif si in (1, 2) and rest:
                _, inner, info = raw_spdu(rest)
                self.note("data", info)
                if dict(inner).get(25, b"\3") == b"\3":
                    link.send(o.after_gt(o.DT, o.par(25, b"\3")) + info)
            elif si == o.FN:
                self.note("FN", self.check(si, params))
                link.send(o.spdu(o.DN, o.par(25, b"\3"), o.user(HELLO)))
                link.disconnect()
                return False
            elif si == o.AB:
                self.note("AB", self.check(si, params))
                return False
        except Refused as e:
            self.refuse(link, str(e))
        return True

    def refuse(self, link, reason):
        self.note("refused", reason)
        link.send(b"\x19\x00")  # AB without the item it must have
        until_closed(link)


# -------- callers --------

class Caller(Link):
    """Dials 127.0.0.1:port; connect() is T-CONNECT and S-CONNECT."""

    cr_params = b""

    def __init__(self, port):
        super().__init__(socket.create_connection(("127.0.0.1", port), PATIENCE))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def data(self, octets):
        self.send(o.data(octets))

    def closed(self):
        """True once the other end has ended the link; DR may come before."""
        try:
            while self.next()[0] == "DR":
                pass
        except Over:
            return True
        return False


class LibIec61850Caller(Caller):
    """As LibIec61850, from the other side: it takes AC, data and DN in one form only."""

    cr_params = b"\xc0\x01\x0d" + b"\xc1\x02\x00\x01" + b"\xc2\x02\x00\x01"

    def connect(self, user=HELLO, ssel=b"\0\1"):
        self.call(self.cr_params)
        self.send(o.spdu(o.CN, IEC_ITEM, o.par(20, b"\0\2"), o.par(51, b"\0\1"), o.par(52, ssel), o.user(user)))
        return iec_parse(self.tsdu(), o.AC)

    def take_data(self):
        octets = self.tsdu()
        if octets[:4] != b"\1\0\1\0":
            raise Refused("data that do not begin 01 00 01 00")
        return octets[4:]

    def release(self):
        self.send(o.spdu(o.FN, o.user(HELLO)))
        dn = iec_parse(self.tsdu(), o.DN)
        self.close()  # no DR
        return dn

    def abort(self):
        self.send(IEC_ABORT)


class IsodeCaller(Caller):
    """An empty Connection Identifier in CN; ED TPDUs without EOT; DR after DN and after AB."""

    nodelay = False
    send_expedited = IsodeLink.send_expedited

    def connect(self, units=0x0002, ssel=b"", user=HELLO, version=3, number=None, expedited=False):
        cc = self.call(b"\xc6\x01\x01" if expedited else b"")
        item = o.par(19, b"\0") + o.par(22, bytes([version]))
        if number is not None:
            item += o.par(23, b"%d" % number)
        self.send(o.spdu(o.CN, o.par(1, b""), o.par(5, item), o.par(20, struct.pack(">H", units)),
                         o.par(52, ssel), o.user(user)))
        octets = self.tsdu()
        si, params, _ = raw_spdu(octets)
        if si != o.AC:
            raise Refused(f"SPDU {octets.hex()} for AC")
        params = dict(params)
        if len(params.get(193, b"")) > 512:
            raise Refused("more than 512 octets in PGI 193")
        return params, cc

    def release(self):
        self.send(o.spdu(o.FN))
        octets = self.tsdu()
        self.disconnect()
        self.close()
        return octets

    def abort(self):
        self.send(o.spdu(o.AB, o.par(17, b"\3")))
        self.disconnect()
        self.close()


class WildboarCaller(Caller):
    """Enclosure items in every DT; it must find version 2 in AC."""

    def connect(self, ssel=b"", version=2, user=HELLO):
        self.call()
        item = o.par(5, o.par(19, b"\0") + o.par(22, bytes([version])))
        self.send(o.spdu(o.CN, item, o.par(20, b"\0\2"), o.par(52, ssel), o.user(user)))
        si, params, _ = raw_spdu(self.tsdu())
        if si != o.AC:
            raise Refused(f"SPDU {si} for AC")
        return dict(params)

    def data(self, octets):
        self.send(o.after_gt(o.DT, o.par(25, b"\3")) + octets)

    def abort(self):
        self.send(b"\x19\x00")


class JosistackCaller(Caller):
    """Takes AC in its own layout only: units 2, version 2, selectors of one octet; ends by closing."""

    def connect(self, user=HELLO):
        self.call(b"\xc1\x01\x01" + b"\xc2\x01\x01")
        self.send(o.spdu(o.CN, IEC_ITEM, o.par(20, b"\0\2"), o.par(51, b"\1"), o.par(52, b"\1"), o.user(user)))
        octets = self.tsdu()
        fixed = b"\x05\x06\x13\x01\x00\x16\x01\x02\x14\x02\x00\x02\x34\x01"
        if octets[0] != o.AC or octets[2:2 + len(fixed)] != fixed or octets[17:18] != b"\xc1":
            raise Refused(f"AC is laid out otherwise: {octets.hex()}")
        return octets[19:]

    def release(self):
        self.close()  # T-DISCONNECT is all it knows


def main():
    """Self-test: the callers against the responders of their own kind."""
    passed = 0
    with LibIec61850() as peer, LibIec61850Caller(peer.port) as c:
        c.connect()
        c.data(b"ping")
        assert c.take_data() == b"ping"
        c.release()
        peer.wait("closed")
        peer.done()
        passed += 1
    with Isode() as peer, IsodeCaller(peer.port) as c:
        c.connect(units=0x0029, number=5)
        c.send(o.after_gt(o.RS, o.par(27, b"\1"), o.par(42, b"9")))
        assert raw_spdu(c.tsdu()[2:])[1] == [(26, b"\x55"), (42, b"5")], "V(A), and a wrong token item"
        c.release()
        peer.wait("closed")
        passed += 1
    with Wildboar(ssel=b"x") as peer:
        with WildboarCaller(peer.port) as c:
            c.connect(ssel=b"x", version=1)
            c.data(b"ping")
            assert c.tsdu() == b"\1\0\1\3\x19\1\3ping"
        with WildboarCaller(peer.port) as c:
            try:
                c.connect(ssel=b"y")
            except Refused:
                passed += 1
    print(f"{passed} passed, {3 - passed} failed")
    return passed != 3


if __name__ == "__main__":
    sys.exit(main())
