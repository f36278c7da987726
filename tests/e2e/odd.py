#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""odd.py [NAME...] - `convene talk` against the peers of oddpeers.py: what must be taken from them,
what they cannot take, and where their answer is no reference.
"""
import json
import os
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import octets as o
import oddpeers
import rig
from rig import check


class Talk:
    """convene talk --json: commands in, objects out, each looked at once, in order."""

    def __init__(self, *words):
        self.run = subprocess.Popen([rig.TOOL, "talk", "--json", *words], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said, self.at, self.errors = [], 0, ""
        self.changed = threading.Condition()
        self.readers = [threading.Thread(target=self._read, daemon=True),
                        threading.Thread(target=self._read_errors, daemon=True)]
        for r in self.readers:
            r.start()
        self.over = False

    def _read(self):
        for line in self.run.stdout:
            if not line.endswith("\n"):
                break  # it was killed meanwhile
            with self.changed:
                self.said.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def _read_errors(self):
        for line in self.run.stderr:
            self.errors += line

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.run.poll() is None:
            self.run.kill()
        self.run.wait()
        for r in self.readers:
            r.join()
        if kind is not None:
            print(f"    talk said {self.said[-6:]}, {self.errors[-500:]!r}", flush=True)
        for pipe in (self.run.stdin, self.run.stdout, self.run.stderr):
            try:
                pipe.close()
            except BrokenPipeError:
                pass

    def tell(self, **command):
        self.run.stdin.write(json.dumps(command) + "\n")
        self.run.stdin.flush()

    def ask(self, service, **more):
        self.tell(request=service, **more)

    def until(self, key, value=None, **having):
        """The next object with that member, behind what was looked at before."""
        def found():
            for i in range(self.at, len(self.said)):
                s = self.said[i]
                if key in s and value in (None, s[key]) and all(s.get(k) == v for k, v in having.items()):
                    return i
            return None
        with self.changed:
            self.changed.wait_for(lambda: found() is not None or self.over, rig.PATIENCE)
            i = found()
            check(i is not None, f"nothing with {key} {value or ''} {having or ''}:", self.said[-5:], self.errors)
            self.at = i + 1
            return self.said[i]

    def ends(self, code):
        self.run.stdin.close()
        got = self.run.wait(rig.PATIENCE)
        check(got == code, f"exit {got}, not {code}:", self.said[-4:], self.errors)


def dial(peer, *options, ssel="x", query=""):
    return Talk(*options, f"iso://127.0.0.1:{peer.port}/{ssel}{query}")


def listen(*options, ssel=""):
    t = Talk("--listen", f"iso://127.0.0.1:0/{ssel}", *options)
    t.port = t.until("event", "listening")["port"]
    return t


def connect(t, units=("duplex",), **more):
    t.ask("S-CONNECT", functional_units=list(units), **more)
    return t.until("confirm", "S-CONNECT")


def echo(t, n):
    """n octets of the pattern there and back."""
    t.ask("S-DATA", length=n)
    check(t.until("indication", "S-DATA").get("hex") == bytes(i % 251 for i in range(n)).hex())


def release(t, code=0):
    t.ask("S-RELEASE")
    check(t.until("confirm", "S-RELEASE")["result"] == "affirmative")
    t.ends(code)


def aborted(caller):
    """AB by the provider for a protocol error (not by the user)."""
    octets = caller.tsdu()
    while octets[0] != o.AB:
        octets = caller.tsdu()
    _, params, _ = oddpeers.raw_spdu(octets)
    bits = dict(params)[17][0]
    check(bits & 4 and not bits & 2, f"AB with {bits:02x}")


def josistack(t, c):
    """Its one layout of AC: our user must give it a selector of one octet, and user data."""
    t.tell(wait="S-CONNECT", kind="indication")
    t.tell(response="S-CONNECT", functional_units=["duplex"], responding_selector="0x01", data="hello")
    check(c.connect() == b"hello")


# -------- what must be accepted --------

def empty_connection_identifiers():
    with oddpeers.Isode() as peer, dial(peer) as t:
        check(connect(t)["result"] == "accept")
        release(t)
        peer.done()
    with listen("--auto") as t, oddpeers.IsodeCaller(t.port) as c:
        c.connect()
        c.data(b"ping")
        check(c.tsdu() == o.data(b"ping"))
        c.release()
        t.until("event", "closed")


def enclosure_items_where_nothing_is_segmented():
    with oddpeers.Wildboar() as peer, dial(peer) as t:
        connect(t)
        t.ask("S-DATA", data="ping")
        check(t.until("indication", "S-DATA")["data"] == "ping")
        release(t)
        peer.done()
    with listen("--auto") as t, oddpeers.WildboarCaller(t.port) as c:
        c.connect()
        c.data(b"ping")
        check(c.tsdu() == o.data(b"ping"))
        c.send(o.spdu(o.FN, o.par(25, b"\3"), o.user(b"bye")))
        check(c.tsdu()[0] == o.DN)


def expedited_data_without_eot():
    with listen("--auto", "--expedited") as t, oddpeers.IsodeCaller(t.port) as c:
        params, _ = c.connect(units=0x0006, expedited=True)
        check(params[20] == b"\0\6", "expedited data was not agreed")
        c.send_expedited(b"\5\0urgent")
        got = t.until("indication", "S-EXPEDITED-DATA")
        check(got["data"] == "urgent", got)
        check(c.next() == ("ED", b"\5\0urgent"), "it comes back on the expedited flow")
        c.release()


def a_disconnect_after_the_last_spdu_and_none():
    # ISODE: DR after DN, DR after AB. libiec61850: no DR, the stream just ends.
    for peer_class, query in ((oddpeers.Isode, ""), (oddpeers.LibIec61850, "?peer=minimal")):
        with peer_class() as peer, dial(peer, query=query) as t:
            connect(t)
            release(t)
            peer.wait("closed")
            peer.done()
    with listen("--auto") as t, oddpeers.IsodeCaller(t.port) as c:
        c.connect()
        c.abort()
        t.until("indication", "S-U-ABORT")
        t.until("event", "closed")
    with listen() as t, oddpeers.JosistackCaller(t.port) as c:
        josistack(t, c)
        c.release()
        check(t.until("indication", "S-P-ABORT")["reason"] == "transport-disconnect")


def long_selectors_and_long_user_data():
    with listen("--auto") as t, oddpeers.IsodeCaller(t.port) as c:
        c.connect(ssel=b"s" * 64, user=b"u" * 5000, version=2)
        got = t.until("indication", "S-CONNECT")
        check(got["called_selector"] == "s" * 64 and got["data"] == "u" * 5000, got)
        c.release()
    with oddpeers.Isode(user=b"v" * 65000) as peer, dial(peer) as t:
        check(connect(t)["data"] == "v" * 65000)
        release(t)


def tpdu_sizes_that_were_not_proposed():
    # 8192 in CC although nothing was proposed; 8192 proposed for class 0; none on either side.
    with oddpeers.LibIec61850() as peer, dial(peer, query="?peer=minimal") as t:
        connect(t)
        echo(t, 20000)
        release(t)
    with listen("--auto") as t, oddpeers.LibIec61850Caller(t.port) as c:
        c.call(c.cr_params)
        c.send(o.spdu(o.CN, oddpeers.IEC_ITEM, o.par(20, b"\0\2"), o.user(b"hello")))
        check(c.tsdu()[0] == o.AC)
        c.data(b"x" * 20000)
        check(c.tsdu() == o.data(b"x" * 20000))
    with oddpeers.Isode() as peer, dial(peer) as t:
        connect(t)
        echo(t, 20000)
        release(t)


def a_connect_with_no_parameter_at_all():
    with listen("--auto") as t, oddpeers.IsodeCaller(t.port) as c:
        c.call()
        c.send(b"\x0d\0")
        got = t.until("indication", "S-CONNECT")
        check(got["versions"] == [1], got)
        check(sorted(got["functional_units"]) == ["activity-management", "capability-data", "exceptions",
                                                  "half-duplex", "minor-synchronize"], got)
        si, params, _ = oddpeers.raw_spdu(c.tsdu())
        check(si == o.AC)
        item = dict(oddpeers.raw_params(dict(params)[5]))
        check(item[22] == b"\1", "version 1 was all that was offered")
        # Half-duplex, with all tokens here.
        c.data(b"mine")
        check(t.until("indication", "S-DATA")["data"] == "mine")


# -------- what the others cannot take --------

def the_narrow_dialect():
    with oddpeers.LibIec61850() as peer:
        with dial(peer, query="?peer=minimal") as t:
            connect(t)
            t.ask("S-DATA", data="ping")
            check(t.until("indication", "S-DATA")["data"] == "ping")
            release(t)
        check(not peer.of("refused"), peer.log)
        check(peer.of("data") == [b"ping"] and peer.of("FN"), peer.log)
    # Without it: refused by an AB after which that peer does not hang up. The tool does not wait for it.
    with oddpeers.LibIec61850() as peer, dial(peer) as t:
        t.ask("S-CONNECT", functional_units=["duplex"])
        t.until("indication", "S-U-ABORT")
        t.ends(1)
        check("version" in peer.wait("refused"), peer.log)


def the_narrow_dialect_when_called():
    with listen("--auto", ssel="?peer=minimal") as t, oddpeers.LibIec61850Caller(t.port) as c:
        ac = c.connect()
        check(193 in ac)
        c.data(b"ping")
        check(c.take_data() == b"ping")
        c.release()
        t.until("event", "closed")


def user_data_over_512_octets_is_not_for_everyone():
    with oddpeers.Isode() as peer, dial(peer) as t:
        connect(t)
        t.ask("S-U-ABORT", length=600)
        peer.wait("refused")
        t.ends(1)
    with oddpeers.Isode() as peer, dial(peer) as t:
        connect(t, ("half-duplex", "minor-synchronize"), initial_serial=1)
        t.ask("S-SYNC-MINOR", length=600)
        check(t.until("indication", "S-P-ABORT")["reason"] == "protocol-error")
        check("512" in peer.wait("refused"))
        t.ends(76)


def connect_data_overflow_is_not_for_everyone():
    # It answers with AC where OA must come: what it has is a part, and that is an error here.
    with oddpeers.Isode() as peer, dial(peer) as t:
        t.ask("S-CONNECT", functional_units=["duplex"], length=10241)
        check(len(peer.wait("connect data")) == 10240)
        check(t.until("indication", "S-P-ABORT")["reason"] == "protocol-error")
        t.ends(76)


def units_that_are_masked_out():
    with oddpeers.Isode() as peer, dial(peer) as t:
        got = connect(t, ("duplex", "minor-synchronize", "resynchronize", "data-separation"), initial_serial=1)
        check(sorted(got["functional_units"]) == ["duplex", "minor-synchronize", "resynchronize"], got)
        t.ask("S-SYNC-MINOR", data_separation=True)
        check("data separation was not agreed" in t.until("error")["why"])
        release(t, 65)


def refusals_by_abort():
    """What ISODE answers by AB, and by RF 132, seen through talk --raw."""
    item = o.par(19, b"\0") + o.par(22, b"\3")
    wrong = {"neither": (0x0000, item), "exceptions": (0x0202, item), "capability": (0x0102, item),
             "an initial serial number without": (0x0002, item + o.par(23, b"1")),
             "a synchronize unit without": (0x000a, item)}
    for words, (units, items) in wrong.items():
        with oddpeers.Isode() as peer, dial(peer, "--raw") as t:
            t.tell(raw=o.spdu(o.CN, o.par(5, items), o.par(20, struct.pack(">H", units))).hex())
            check(t.until("tsdu")["tsdu"] == "1903110105")
            check(peer.wait("refused").startswith(words), peer.log)
    with oddpeers.Isode() as peer, dial(peer, "--raw") as t:
        t.tell(raw=o.spdu(o.CN, o.par(5, o.par(19, b"\0") + o.par(22, b"\4")), o.par(20, b"\0\2")).hex())
        check(t.until("tsdu")["tsdu"] == "0c09110101160103320184", "RF 132, version item 3")


def no_long_form_of_a_short_length():
    # A whole session of half-duplex: the peer refuses any length that is longer than it must be.
    with oddpeers.Isode() as peer, dial(peer) as t:
        connect(t, ("half-duplex", "minor-synchronize", "typed-data", "resynchronize"), initial_serial=1,
                data="d" * 200)
        for n in (1, 200, 240, 252, 253, 254, 255, 300, 511):
            t.ask("S-SYNC-MINOR", length=n)
            t.until("confirm", "S-SYNC-MINOR")
        t.ask("S-RESYNCHRONIZE", type="set", serial=5, length=300)
        t.until("confirm", "S-RESYNCHRONIZE")
        release(t)
        check(not peer.of("refused"), peer.log)
        check(26 in peer.of("RS")[0], "RS says where the tokens are")


def a_fixed_layout():
    with listen() as t, oddpeers.JosistackCaller(t.port) as c:
        josistack(t, c)
        c.data(b"ping")
        check(t.until("indication", "S-DATA")["data"] == "ping")


def selectors_versions_and_a_second_connect():
    with oddpeers.Wildboar(ssel=b"one") as peer:
        with dial(peer, ssel="two") as t:
            t.ask("S-CONNECT", functional_units=["duplex"])
            check(t.until("confirm", "S-CONNECT")["result"] == "selector-unknown")
            t.ends(77)
        with dial(peer, "--versions", "1", ssel="one") as t:
            # Version 2 in answer to version 1: nothing that was offered.
            t.ask("S-CONNECT", functional_units=["duplex"])
            check(t.until("indication", "S-P-ABORT")["reason"] == "protocol-error")
            t.ends(76)
    with oddpeers.Wildboar() as peer, dial(peer, "--raw") as t:
        cn = o.spdu(o.CN, oddpeers.IEC_ITEM, o.par(20, b"\0\2"), o.user(b"x"))
        t.tell(raw=cn.hex())
        t.until("tsdu")
        t.tell(raw=cn.hex())
        peer.wait("CN ignored")
    with oddpeers.Wildboar() as peer, dial(peer, "--raw") as t:
        t.tell(raw=o.spdu(o.CN, oddpeers.IEC_ITEM, o.par(99, b"?"), o.par(20, b"\0\2")).hex())
        check(t.until("tsdu")["tsdu"] == "1900")


def an_abort_without_what_it_must_have():
    with listen("--auto") as t, oddpeers.WildboarCaller(t.port) as c:
        c.connect()
        c.abort()
        check(t.until("indication", "S-P-ABORT")["reason"] == "protocol-error")


def slow_answers_in_several_tpdus():
    # Nagle's algorithm against delayed acknowledgements: slow, but it arrives.
    with oddpeers.Isode() as peer, dial(peer) as t:
        connect(t)
        for _ in range(10):
            echo(t, 9000)
        release(t)


# -------- where a peer's answer is no reference --------

def abandon_answered_with_the_number_of_an_old_point():
    with oddpeers.Isode(confirm=False) as peer, dial(peer) as t:
        connect(t, ("duplex", "minor-synchronize", "resynchronize"), initial_serial=3)
        t.ask("S-RESYNCHRONIZE", type="abandon")
        check(t.until("confirm", "S-RESYNCHRONIZE")["serial"] == 3, "nothing is open: V(A) is V(M)")
        # A point that is not confirmed: its V(A) is behind V(M), where abandon may not go.
        t.ask("S-SYNC-MINOR", optional=True)
        t.ask("S-RESYNCHRONIZE", type="abandon")
        check(t.until("indication", "S-P-ABORT")["reason"] == "protocol-error")
        t.ends(76)


ENFORCED = {
    "data without the token": (0x0001, [o.data(b"x")], b"\x01"),
    "a minor point with another number": (0x000a, [o.after_gt(o.MIP, o.par(42, b"9"))], None),
    "a major point with another number":
        (0x0012, [o.after_gt(o.AE, o.par(15, b"\1"), o.par(42, b"9"))], None),
    "a restart below V(R)":
        (0x0032, [o.after_gt(o.AE, o.par(15, b"\1"), o.par(42, b"1")),
                  o.after_gt(o.RS, o.par(27, b"\0"), o.par(42, b"0"))], None),
    "an activity within an activity":
        (0x0042, [o.after_gt(o.AS, o.par(41, b"a")), o.after_gt(o.AS, o.par(41, b"b"))], None),
    "an activity resumed within an activity":
        (0x0042, [o.after_gt(o.AS, o.par(41, b"a")), o.resume(b"c", b"b", 1)], None),
    "capability data within an activity":
        (0x0142, [o.after_gt(o.AS, o.par(41, b"a")), o.after_gt(o.CD)], None),
    "a release within an activity": (0x0042, [o.after_gt(o.AS, o.par(41, b"a")), o.spdu(o.FN)], None),
    "a confirmation of no point": (0x000a, [o.after_pt(o.MIA, o.par(42, b"1"))], None),
    "an end outside an activity": (0x0042, [o.after_gt(o.AE, o.par(42, b"1"))], None),
    "two data in one TSDU": (0x0002, [o.data(b"a") + b"\1\0b"], "taken"),
}


def what_others_let_pass_is_enforced():
    for name, (units, tsdus, setting) in ENFORCED.items():
        with listen("--auto") as t, oddpeers.IsodeCaller(t.port) as c:
            number = 1 if units & 0x38 and not units & 0x40 else None
            item = o.par(19, b"\0") + o.par(22, b"\2") + (o.par(23, b"1") if number else b"")
            if isinstance(setting, bytes):
                item += o.par(26, setting)
            c.call()
            c.send(o.spdu(o.CN, o.par(5, item), o.par(20, struct.pack(">H", units))))
            check(c.tsdu()[0] == o.AC, name)
            for octets in tsdus:
                c.send(octets)
            if setting == "taken":
                # The user information of DT goes to the end of its TSDU: what looks like a second is data.
                check(t.until("indication", "S-DATA")["data"] == "a\1\0b", name)
                continue
            try:
                aborted(c)
            except oddpeers.Over:
                raise rig.Failed(f"{name}: the link ended without AB") from None
            got = t.until("indication", "S-P-ABORT")
            check(got["reason"] == "protocol-error" and got["why"], name, got)


def interrupts_outside_an_activity():
    # 7.31, 7.33: taken without a check by others; here they are told, and confirmed only where the
    # major token is with who asks.
    with listen("--auto") as t, oddpeers.IsodeCaller(t.port) as c:
        c.call()
        item = o.par(5, o.par(19, b"\0") + o.par(22, b"\2") + o.par(26, b"\x10"))
        c.send(o.spdu(o.CN, item, o.par(20, b"\0\x42")))
        check(c.tsdu()[0] == o.AC)
        c.send(o.after_gt(o.AI))
        aborted(c)


CASES = [empty_connection_identifiers, enclosure_items_where_nothing_is_segmented, expedited_data_without_eot,
         a_disconnect_after_the_last_spdu_and_none, long_selectors_and_long_user_data,
         tpdu_sizes_that_were_not_proposed, a_connect_with_no_parameter_at_all, the_narrow_dialect,
         the_narrow_dialect_when_called, user_data_over_512_octets_is_not_for_everyone,
         connect_data_overflow_is_not_for_everyone, units_that_are_masked_out, refusals_by_abort,
         no_long_form_of_a_short_length, a_fixed_layout, selectors_versions_and_a_second_connect,
         an_abort_without_what_it_must_have, slow_answers_in_several_tpdus,
         abandon_answered_with_the_number_of_an_old_point, what_others_let_pass_is_enforced,
         interrupts_outside_an_activity]


def main():
    cases = rig.Cases()
    for case in CASES:
        if len(sys.argv) < 2 or case.__name__ in sys.argv[1:]:
            cases.run(case.__name__, case)
    return cases.result()


if __name__ == "__main__":
    rig.main(main)
