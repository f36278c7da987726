#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""strangers.py [NAME...] - X.225 peers that are not convene: a script of octets, none of our engines.

They put nothing of convene's into user data, so what convene may count on is the standard alone.
"""
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import octets as o
import rig
from rig import check


class Peer:
    """One connection, seen from a script."""

    def __init__(self, s):
        self.socket = s
        self.socket.settimeout(rig.PATIENCE)
        self.way = o.Way()
        self.queue = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, spdus):
        self.socket.sendall(o.tsdu(spdus))

    def next(self):
        """(name, SPDU or TPDU), or None when the link has ended."""
        while not self.queue:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                return None
            for kind, value in self.way.feed(piece):
                self.queue += [(s.name, s) for s in o.decode_tsdu(value)] if kind == "TSDU" else [(kind, value)]
        return self.queue.pop(0)

    def expect(self, name):
        got = self.next()
        check(got is not None and got[0] == name, f"{name} was expected, not {got}")
        return got[1]

    def reset(self):
        rig.reset(self.socket)


# -------- strangers that send --------

class Sender(Peer):
    def __init__(self, port, **how):
        super().__init__(socket.create_connection(("127.0.0.1", port), rig.PATIENCE))
        self.socket.sendall(o.cr())
        self.expect("CC")
        self.send(o.connect(**how))
        self.accepted = self.expect("AC")

    def start(self, activity):
        self.send(o.after_gt(o.AS, o.par(41, activity)))

    def point(self, serial, confirmed=True):
        self.send(o.after_gt(o.MIP, o.par(42, b"%d" % serial)))
        if confirmed:
            check(self.expect("MIA").params[42] == b"%d" % serial)

    def end(self, serial):
        self.send(o.after_gt(o.AE, o.par(42, b"%d" % serial)))
        check(self.expect("AEA").params[42] == b"%d" % serial)

    def release(self):
        self.send(o.spdu(o.FN, o.par(17, b"\1")))
        self.expect("DN")


def receiving(w, *options):
    ends = rig.Ends(w, receive=options)
    ends.start_receiver()
    return ends


def content(path):
    with open(path, "rb") as f:
        return f.read()


def takes_a_file_without_a_name():
    with rig.Work("stranger") as w:
        ends = receiving(w, "--once")
        with Sender(ends.port, ref=b"\x01\xabAB") as s:
            check(193 not in s.accepted.params, "user data for someone who sent none")
            s.start(b"\x07\xff")
            s.send(o.data(b"hello "))
            s.point(1)
            s.send(o.data(b"world"))
            s.end(2)
            s.release()
        ends.receiver.ends(0)
        check(rig.listing(ends.into) == ["01ab4142-07ff"], rig.listing(ends.into))
        check(content(ends.got("01ab4142-07ff")) == b"hello world")


def resumes_the_activity_of_a_stranger_by_its_references():
    with rig.Work("stranger") as w:
        ends = receiving(w)
        with Sender(ends.port) as s:
            s.start(b"A")
            s.send(o.data(b"one,"))
            s.point(1)
            s.send(o.data(b"two,"))
            s.point(2)
            s.send(o.data(b"lost"))
            s.reset()
        ends.receiver.until("suspended")
        ends.receiver.kill()
        ends.start_receiver()
        # As X.225 has it: a new connection, a new identifier, the old names in Linking Information.
        with Sender(ends.port, common=b"261120120001Z", extra=b"\0\0\0\2") as s:
            s.send(o.resume(b"B", b"A", 2))
            s.send(o.data(b"three,"))
            s.point(3)
            s.reset()
        ends.receiver.until("suspended")
        # Again, now naming the resume, and an earlier point than the last.
        with Sender(ends.port, common=b"261120120002Z", extra=b"\0\0\0\3") as s:
            s.send(o.resume(b"C", b"B", 2, common=b"261120120001Z", extra=b"\0\0\0\2"))
            s.send(o.data(b"drei,"))
            s.point(3)
            s.send(o.data(b"end"))
            s.end(4)
            s.release()
        name = b"stranger".hex() + "-41"
        check(rig.listing(ends.into) == [name], rig.listing(ends.into))
        check(content(ends.got(name)) == b"one,two,drei,end", content(ends.got(name)))


def resumes_within_one_connection():
    with rig.Work("stranger") as w:
        ends = receiving(w)
        with Sender(ends.port) as s:
            s.start(b"A")
            s.send(o.data(b"one,"))
            s.point(1)
            s.send(o.after_gt(o.AI))
            s.expect("AIA")
            s.start(b"X")
            s.send(o.data(b"other"))
            s.end(1)
            # References absent: the activity belongs to this session connection.
            s.send(o.after_gt(o.AR, o.par(33, o.par(41, b"A") + o.par(42, b"1")), o.par(41, b"B")))
            s.send(o.data(b"two"))
            s.end(2)
            s.release()
        ref = b"stranger".hex()
        check(rig.listing(ends.into) == [ref + "-41", ref + "-58"], rig.listing(ends.into))
        check(content(ends.got(ref + "-41")) == b"one,two")


def refuses_to_resume_what_it_does_not_know():
    with rig.Work("stranger") as w:
        ends = receiving(w)
        with Sender(ends.port) as s:
            s.send(o.resume(b"B", b"A", 3))
            check(s.expect("ED").params[50] == b"\3", "sequence error")
            s.send(o.after_gt(o.AD))
            s.expect("ADA")
            s.start(b"N")
            s.send(o.data(b"x"))
            s.end(1)
            s.release()
        check(rig.listing(ends.into) == [b"stranger".hex() + "-4e"], rig.listing(ends.into))


def takes_several_activities_and_discards_one():
    with rig.Work("stranger") as w:
        ends = receiving(w)
        with Sender(ends.port) as s:
            for name in (b"1", b"2", b"3"):
                s.start(name)
                s.send(o.data(name * 100000))
                if name == b"2":
                    s.point(1)
                    s.send(o.after_gt(o.AD))
                    s.expect("ADA")
                else:
                    s.end(1)
            s.release()
        ref = b"stranger".hex()
        check(rig.listing(ends.into) == [ref + "-31", ref + "-33"], rig.listing(ends.into))


def takes_a_stranger_without_references():
    with rig.Work("stranger") as w:
        ends = receiving(w, "--on-conflict", "rename")
        for _ in range(2):
            with Sender(ends.port, ref=None) as s:
                s.start(b"A")
                s.send(o.data(b"x"))
                s.end(1)
                s.release()
        check(rig.listing(ends.into) == ["-41", "-41.1"], rig.listing(ends.into))


def refuses_what_files_cannot_do_without():
    with rig.Work("stranger") as w:
        ends = receiving(w)
        for units in (0x0001, 0x0008 | 0x0040 | 0x0200 | 0x0002):
            with Peer(socket.create_connection(("127.0.0.1", ends.port), rig.PATIENCE)) as s:
                s.socket.sendall(o.cr())
                s.expect("CC")
                s.send(o.connect(units=units))
                s.expect("RF")
        with Peer(socket.create_connection(("127.0.0.1", ends.port), rig.PATIENCE)) as s:
            s.socket.sendall(o.cr())
            s.expect("CC")
            s.send(o.connect(ssel=b"elsewhere"))
            check(s.expect("RF").params[50][:1] == b"\x81", "selector unknown")
        check(rig.listing(ends.into) == [])


def speaks_version_1():
    with rig.Work("stranger") as w:
        ends = receiving(w)
        with Sender(ends.port, version=1) as s:
            check(s.accepted.params[(5, 22)] == b"\1")
            s.start(b"A")
            s.send(o.data(b"old"))
            s.end(1)
            s.release()
        check(content(ends.got(b"stranger".hex() + "-41")) == b"old")


def outlives_octets_that_make_no_sense():
    with rig.Work("stranger") as w:
        ends = receiving(w)
        for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\3\0\0\0", b"\3\0\0\7\2\xf0\x80", b"\0" * 100, b"\xff" * 5000):
            with Peer(socket.create_connection(("127.0.0.1", ends.port), rig.PATIENCE)) as s:
                s.socket.sendall(junk)
                while s.socket.recv(65536):
                    pass
        errors = (b"\xff\xff", b"\1\0\x2d\5\x29\3ab", o.after_gt(o.MIP, o.par(42, b"1")), o.after_gt(o.AIA),
                  b"\1\0" + o.spdu(o.AS), o.accept(), o.after_gt(o.AS, o.par(41, b"1234567")))
        for i, octets in enumerate(errors):
            with Sender(ends.port, ref=b"error%d" % i) as s:
                s.send(octets)
                got = s.next()
                check(got is None or got[0] in ("AB", "DR", "ER"), i, got)
        with Sender(ends.port, ref=b"after") as s:
            s.start(b"A")
            s.send(o.data(b"x"))
            s.end(1)
            s.release()
        check(b"after".hex() + "-41" in rig.listing(ends.into))
        check(ends.receiver.run.poll() is None, ends.receiver.say())


# -------- strangers that receive --------

class Receiver:
    """Listens; each connection is served by the next of the scripts."""

    def __init__(self, w, *scripts):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(rig.PATIENCE)
        self.port = self.listener.getsockname()[1]
        self.scripts = scripts
        self.error = None
        self.log = []
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()
        self.ends = rig.Ends(w, via=self.port)
        w.ends.append(self)

    def _work(self):
        try:
            for script in self.scripts:
                s, _ = self.listener.accept()
                with Peer(s) as peer:
                    peer.log = self.log
                    try:
                        script(peer)
                    except (BrokenPipeError, ConnectionResetError):
                        pass  # the tool has hung up while we spoke: the link is over
        except Exception as e:  # told by done()
            self.error = e

    def done(self):
        self.thread.join(rig.PATIENCE)
        check(not self.thread.is_alive(), "the stranger still waits")
        if self.error is not None:
            raise self.error

    def close(self):
        self.listener.close()


def answer_connect(p, units=o.UNITS, reference=True):
    cr = p.expect("CR")
    p.socket.sendall(o.cc(int.from_bytes(cr[4:6], "big")))
    cn = p.expect("CN")
    check(len(cn.user) <= 512, "more user data than version 1 takes")
    if reference:
        check(len(cn.params[(1, 10)]) == 16 and len(cn.params[(1, 12)]) == 4, cn.params)
    p.send(o.accept(units & int.from_bytes(cn.params[20], "big")))
    return cn


def take(p, confirm=True, until="AE", got=None):
    """Data and points up to the SPDU named; b"" of what came, that SPDU."""
    got = bytearray() if got is None else got
    while True:
        event = p.next()
        check(event is not None, "the link ended before", until)
        name, value = event
        if name == until:
            return got, value
        if name == "DT":
            got += value.info
        elif name == "MIP" and confirm:
            p.send(o.after_pt(o.MIA, o.par(42, value.params[42])))
        elif name != "MIP":
            raise rig.Failed(f"{name} while data were expected")


def finish(p, value):
    p.send(o.after_pt(o.AEA, o.par(42, value.params[42])))
    p.expect("FN")
    p.send(o.spdu(o.DN))


def sends_to_a_stranger():
    for confirm in (True, False):
        with rig.Work("stranger") as w:
            path = w.file(6 << 20, 3)

            def script(p):
                answer_connect(p)
                start = p.expect("AS")
                check(len(start.user) <= 512)
                got, end = take(p, confirm)
                p.log.append(bytes(got))
                finish(p, end)
            r = Receiver(w, script)
            # More than the window without a confirmation: it binds only convene.
            r.ends.send(path)
            r.done()
            check(r.log == [content(path)], "it differs; confirmed:", confirm)


def resumes_at_a_stranger_by_references():
    with rig.Work("stranger") as w:
        path = w.file(1 << 20, 4)
        state = {}

        def first(p):
            state["cn"] = answer_connect(p)
            state["as"] = p.expect("AS")
            got = state["got"] = bytearray()
            for _ in range(3):
                got, mip = take(p, False, "MIP", got)
                p.send(o.after_pt(o.MIA, o.par(42, mip.params[42])))
                state["offset"], state["serial"] = len(got), mip.params[42]
            # Not before it has stored them: it is told so by its next octets of data.
            take(p, False, "AE", got)
            p.reset()

        def second(p):
            cn = answer_connect(p)
            check(cn.params[(1, 10)] == state["cn"].params[(1, 10)], "another session")
            check(cn.params[(1, 12)] > state["cn"].params[(1, 12)], "the epoch did not rise")
            ar = p.expect("AR")
            serial = int(ar.params[(33, 42)])
            check(ar.params[(33, 10)] == state["cn"].params[(1, 10)])
            check(ar.params[(33, 11)] == state["cn"].params[(1, 11)])
            check(ar.params[(33, 12)] == state["cn"].params[(1, 12)])
            check(ar.params[(33, 41)] == state["as"].params[41])
            check(1 <= serial <= int(state["serial"]), serial, state["serial"])
            got = state["got"][:65536 * serial]
            got, end = take(p, True, "AE", got)
            p.log.append(bytes(got))
            finish(p, end)
        r = Receiver(w, first, second)
        r.ends.send(path, more=["--checkpoint", "64K"])
        r.done()
        check(r.log == [content(path)])


def begins_anew_where_nothing_was_confirmed():
    with rig.Work("stranger") as w:
        path = w.file(1 << 20, 4)

        def first(p):
            answer_connect(p)
            p.expect("AS")
            take(p, False, "MIP")
            p.reset()

        def second(p):
            answer_connect(p)
            p.expect("AS")
            got, end = take(p)
            p.log.append(bytes(got))
            finish(p, end)
        r = Receiver(w, first, second)
        r.ends.send(path, more=["--checkpoint", "64K", "--limit-rate", "2M"])
        r.done()
        check(r.log == [content(path)])


def sends_without_points_where_there_are_none_and_says_so():
    with rig.Work("stranger") as w:
        path = w.file(3 << 20, 5)

        def script(p):
            answer_connect(p, o.UNITS & ~0x0008)
            p.expect("AS")
            got, end = bytearray(), None
            while end is None:
                name, value = p.next()
                check(name in ("DT", "AE"), name)
                if name == "DT":
                    got += value.info
                else:
                    end = value
            p.log.append(bytes(got))
            finish(p, end)
        r = Receiver(w, script)
        s = r.ends.send(path)
        r.done()
        check(r.log == [content(path)])
        check("minor synchronize" in s.stderr and s.of("no-points"), s.say())


def names_the_unit_that_is_missing():
    with rig.Work("stranger") as w:
        path = w.file(1000, 6)
        for units, word in ((0x0209, "activity"), (0x0248, "units"), (0, "units")):
            def script(p):
                answer_connect(p, units)
                p.expect("AB")
            r = Receiver(w, script)
            s = r.ends.send(path, code=76)
            r.done()
            check(word in s.stderr, s.stderr)


def does_not_send_twice_what_may_have_arrived():
    with rig.Work("stranger") as w:
        path = w.file(300000, 7)

        def first(p):  # takes all, and dies before it says so
            answer_connect(p)
            p.expect("AS")
            got, _ = take(p)
            p.log.append(bytes(got))
            p.reset()

        def second(p):  # has the file, and does not know the activity any more
            answer_connect(p)
            p.expect("AR")
            p.send(o.after_pt(o.ED, o.par(50, b"\3")))
            while True:
                event = p.next()
                if event is None:
                    return
                if event[0] in ("AD", "AI"):
                    p.send(o.after_pt(o.ADA if event[0] == "AD" else o.AIA))
                if event[0] == "FN":
                    p.send(o.spdu(o.DN))
                check(event[0] != "AS", "it was sent again")
        r = Receiver(w, first, second)
        s = r.ends.start_sender(path, more=["--checkpoint", "64K"])
        check(s.wait() == 75, s.say())
        check("--again" in s.stderr, s.stderr)
        r.done()
        # Again without --again: still not; with it: from the beginning.
        state = r.ends.sender_state
        r2 = Receiver(w, second)
        r2.ends.sender_state = state

        def whole(p):
            answer_connect(p)
            kind, _ = p.next()
            while kind != "AS":
                if kind == "AR":
                    p.send(o.after_pt(o.ED, o.par(50, b"\3")))
                elif kind in ("AD", "AI"):
                    p.send(o.after_pt(o.ADA if kind == "AD" else o.AIA))
                kind, _ = p.next()
            got, end = take(p)
            p.log.append(bytes(got))
            finish(p, end)
        r.listener.close()
        r2.close()
        r3 = Receiver.__new__(Receiver)
        r3.listener = socket.create_server(("127.0.0.1", r.port))
        r3.listener.settimeout(rig.PATIENCE)
        r3.port, r3.scripts, r3.error, r3.log = r.port, (second, whole), None, []
        r3.thread = threading.Thread(target=r3._work, daemon=True)
        r3.thread.start()
        w.ends.append(r3)
        s = r.ends.start_sender(path, more=["--checkpoint", "64K"])
        check(s.wait() == 75, s.say())
        again = r.ends.start_sender(path, more=["--checkpoint", "64K", "--again"])
        check(again.wait() == 0, again.say(), r3.error)
        r3.done()
        check(r3.log == [content(path)])


def gives_up_on_a_peer_that_is_no_session_entity():
    with rig.Work("stranger") as w:
        path = w.file(1000, 8)

        def script(p):
            p.socket.recv(100)
            p.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            while p.socket.recv(1000):
                pass
        r = Receiver(w, *[script] * 1)
        s = r.ends.start_sender(path, more=["--connect-timeout", "0.5"])
        code = s.wait()
        check(code in (69, 76), f"exit {code}", s.stderr)


CASES = [takes_a_file_without_a_name, resumes_the_activity_of_a_stranger_by_its_references,
         resumes_within_one_connection, refuses_to_resume_what_it_does_not_know,
         takes_several_activities_and_discards_one, takes_a_stranger_without_references,
         refuses_what_files_cannot_do_without, speaks_version_1, outlives_octets_that_make_no_sense,
         sends_to_a_stranger, resumes_at_a_stranger_by_references, begins_anew_where_nothing_was_confirmed,
         sends_without_points_where_there_are_none_and_says_so, names_the_unit_that_is_missing,
         does_not_send_twice_what_may_have_arrived, gives_up_on_a_peer_that_is_no_session_entity]


def main():
    cases = rig.Cases()
    for case in CASES:
        if len(sys.argv) < 2 or case.__name__ in sys.argv[1:]:
            cases.run(case.__name__, case)
    return cases.result()


if __name__ == "__main__":
    rig.main(main)
