#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""addresses.py [NAME...] - where a session address leads: sessions.conf, SRV records, places tried in order,
and what its packets are marked with.

Runs itself again in a network and a mount of its own, with an /etc of its own and a scripted name server
on port 53; as root, or as anybody where the kernel allows it.
"""
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import oddpeers
import rig
from rig import check

A, CNAME, AAAA, SRV = 1, 5, 28, 33


def name_octets(name):
    return b"".join(bytes([len(p)]) + p.encode() for p in name.split(".") if p) + b"\0"


def srv(priority, weight, port, target):
    return SRV, struct.pack(">HHH", priority, weight, port) + name_octets(target)


def a(address):
    return A, socket.inet_aton(address)


class NameServer:
    """Answers as zone says: (name, type) -> [(type, data)], or a function of the question."""

    def __init__(self):
        self.zone = {}
        self.asked = []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 53))
        self.tcp = socket.create_server(("127.0.0.1", 53))
        threading.Thread(target=self.serve_udp, daemon=True).start()
        threading.Thread(target=self.serve_tcp, daemon=True).start()

    def serve_udp(self):
        while True:
            question, who = self.udp.recvfrom(4096)
            answer = self.answer(question, False)
            if answer is not None:
                self.udp.sendto(answer, who)

    def serve_tcp(self):
        while True:
            s, _ = self.tcp.accept()
            with s:
                n = struct.unpack(">H", s.recv(2))[0]
                answer = self.answer(s.recv(n), True)
                s.sendall(struct.pack(">H", len(answer)) + answer)

    @staticmethod
    def name_of(question):
        parts, at = [], 12
        while question[at]:
            parts.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        return ".".join(parts), struct.unpack(">H", question[at + 1:at + 3])[0], question[12:at + 5]

    @staticmethod
    def message(question, asked, records, flags=0x8180, count=None):
        out = question[:2] + struct.pack(">HHHHH", flags, 1, len(records) if count is None else count, 0, 0) + asked
        for kind, data in records:
            out += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
        return out

    def answer(self, question, tcp):
        name, kind, asked = self.name_of(question)
        self.asked.append((name.lower(), kind))
        found = self.zone.get((name.lower(), kind))
        if callable(found):
            return found(question, asked, tcp)
        if found is None:
            exists = any(n == name.lower() for n, _ in self.zone)
            return self.message(question, asked, [], 0x8180 if exists else 0x8183)
        return self.message(question, asked, found)


class Place:
    """Listens, notes that somebody came, and hangs up."""

    def __init__(self, address, port):
        self.came = 0
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, port), family=family)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.came += 1
            s.recv(100)
            s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


SERVER = None


def probe(url, *options, environment=None):
    """Exit status, standard output, standard error, seconds."""
    begin = time.monotonic()
    done = subprocess.run([rig.TOOL, "probe", "--timeout=2", *options, url], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
                          env=dict(os.environ, **(environment or {})))
    return done.returncode, done.stdout, done.stderr, time.monotonic() - begin


def zone(records):
    SERVER.zone = records
    SERVER.asked.clear()


SERVICE = "_iso-tsap._tcp."


def reaches(url, place, *options):
    before = place.came
    code, _, errors, took = probe(url, *options)
    check(code == 77 and place.came > before, "not reached:", url, code, errors, SERVER.asked)
    return took


def no_srv():
    zone({("plain.example", A): [a("127.0.0.3")]})
    with Place("127.0.0.3", 102) as place:
        reaches("iso://plain.example/x", place)
    check((SERVICE + "plain.example", SRV) in SERVER.asked, SERVER.asked)


def srv_record():
    zone({(SERVICE + "plant.example", SRV): [srv(0, 0, 10102, "gw.plant.example")],
          ("gw.plant.example", A): [a("127.0.0.4")], ("plant.example", A): [a("127.0.0.5")]})
    with Place("127.0.0.4", 10102) as right, Place("127.0.0.5", 102) as wrong:
        reaches("iso://plant.example/x", right)
        check(wrong.came == 0, "the host itself was tried")


def priorities():
    """The first of lowest priority that answers: one refuses, one has no address, one is there."""
    zone({(SERVICE + "p.example", SRV): [srv(30, 0, 10103, "c.example"), srv(10, 5, 10101, "a.example"),
                                          srv(20, 0, 10102, "b.example"), srv(15, 0, 10109, "none.example")],
          ("a.example", A): [a("127.0.0.6")], ("b.example", A): [a("127.0.0.7")], ("c.example", A): [a("127.0.0.8")]})
    with Place("127.0.0.8", 10103) as last:
        with Place("127.0.0.7", 10102) as second:
            with Place("127.0.0.6", 10101) as first:
                reaches("iso://p.example/x", first)
            reaches("iso://p.example/x", second)
            check(last.came == 0, "the last was not needed")
        reaches("iso://p.example/x", last)


def weights():
    """Of equals, the heavier comes first more often; in 30 draws both come (1 in 10^8 does not)."""
    zone({(SERVICE + "w.example", SRV): [srv(1, 50, 10101, "a.example"), srv(1, 50, 10102, "b.example")],
          ("a.example", A): [a("127.0.0.6")], ("b.example", A): [a("127.0.0.7")]})
    with Place("127.0.0.6", 10101) as first, Place("127.0.0.7", 10102) as second:
        for _ in range(30):
            probe("iso://w.example/x")
            if first.came and second.came:
                return
        check(False, "only one was ever drawn")


def alias():
    records = [(CNAME, name_octets("real.example")), srv(0, 0, 10102, "gw.example")]
    zone({(SERVICE + "alias.example", SRV): records, ("gw.example", A): [a("127.0.0.4")]})
    with Place("127.0.0.4", 10102) as place:
        reaches("iso://alias.example/x", place)


def not_asked():
    zone({("h.example", A): [a("127.0.0.3")], (SERVICE + "h.example", SRV): [srv(0, 0, 1, "h.example")]})
    with Place("127.0.0.3", 10102) as place:
        reaches("iso://h.example:10102/x", place)
        check(not any(kind == SRV for _, kind in SERVER.asked), "a port was given:", SERVER.asked)
        SERVER.asked.clear()
        reaches("iso://127.0.0.3:10102/x", place)
    with Place("127.0.0.3", 102) as place:
        reaches("iso://127.0.0.3/x", place)
        check(SERVER.asked == [], "an address needs no name server:", SERVER.asked)
    with Place("127.0.0.1", 102) as place:
        reaches("iso://localhost/x", place)
        check(not any(kind == SRV for _, kind in SERVER.asked), SERVER.asked)


def no_service():
    zone({(SERVICE + "closed.example", SRV): [srv(0, 0, 0, "")], ("closed.example", A): [a("127.0.0.3")]})
    with Place("127.0.0.3", 102) as place:
        code, _, errors, _ = probe("iso://closed.example/x")
        check(code == 69 and "no such service" in errors and place.came == 0, code, errors)


def no_name():
    zone({})
    code, _, errors, _ = probe("iso://nobody.example/x")
    check(code == 69 and errors.startswith("convene: iso://nobody.example/x: "), code, errors)


def malformed():
    """Whatever stands in the answer, the host itself is tried and nothing breaks."""
    good = srv(0, 0, 10102, "gw.example")[1]

    def with_data(data):
        return lambda q, asked, tcp: NameServer.message(q, asked, [(SRV, data)])

    answers = [
        with_data(b""), with_data(b"\0"), with_data(good[:-1]), with_data(good + b"x"),
        with_data(b"\0\0\0\0\0\1\xc0\x0c"[:7]), with_data(b"\0\0\0\0\0\1\xc0\xff"), with_data(b"\0\0\0\0\0\1\xc0\x3e"),
        with_data(b"\0\0\0\0\0\1" + b"\x3f" + b"a" * 63 + b"\x3f" + b"b" * 63 + b"\x3f" + b"c" * 63 + b"\x3f" + b"d" * 63 + b"\0"),
        with_data(b"\0\0\0\0\0\1\4a/b@\0"), with_data(b"\0\0\0\0\0\1\x80a\0"),
        lambda q, asked, tcp: NameServer.message(q, asked, [(SRV, good)], count=60000),
        lambda q, asked, tcp: NameServer.message(q, asked, [(SRV, good)])[:-5],
    ]
    with Place("127.0.0.3", 102) as place:
        for i, answer in enumerate(answers):
            zone({(SERVICE + "bad.example", SRV): answer, ("bad.example", A): [a("127.0.0.3")]})
            before = place.came
            code, _, errors, _ = probe("iso://bad.example/x")
            check(code == 77 and place.came > before, i, code, errors)


def server_fails():
    fails = lambda q, asked, tcp: NameServer.message(q, asked, [], 0x8182)
    zone({(SERVICE + "f.example", SRV): fails, ("f.example", A): [a("127.0.0.3")]})
    with Place("127.0.0.3", 102) as place:
        reaches("iso://f.example/x", place)


def cut_short():
    """An answer that does not fit a datagram is asked for again over TCP."""
    used = []

    def answer(q, asked, tcp):
        used.append(tcp)
        records = [srv(0, 0, 10102, "gw.example")]
        return NameServer.message(q, asked, records) if tcp else NameServer.message(q, asked, [], 0x8380)

    zone({(SERVICE + "big.example", SRV): answer, ("gw.example", A): [a("127.0.0.4")]})
    with Place("127.0.0.4", 10102) as place:
        reaches("iso://big.example/x", place)
    check(True in used, "TCP was not tried")


def many():
    """More records than are used."""
    records = [srv(i, 0, 20000 + i, "gw.example") for i in range(60)]
    zone({(SERVICE + "many.example", SRV): records, ("gw.example", A): [a("127.0.0.4")]})
    with Place("127.0.0.4", 20015) as place:
        reaches("iso://many.example/x", place)


def name_server_silent():
    zone({(SERVICE + "mute.example", SRV): lambda q, asked, tcp: None, ("mute.example", A): [a("127.0.0.3")]})
    with Place("127.0.0.3", 102) as place:
        took = reaches("iso://mute.example/x", place)
        check(took < 20 * 4, "bounded in time", took)


# -------- sessions.conf --------

CONF = """
session plant {
    address = {"127.0.0.9:10101", "nobody.example", "127.0.0.1:%d"}  # tried in order
    ssel = "0x0001"
    tsel = "plant-tsel"
    name = "me"
}
session narrow {
    address = {"127.0.0.1:%d"}
    ssel = "x"
    peer = "minimal"
}
"""


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def conf_entry():
    zone({})
    with oddpeers.Isode() as peer, tempfile.TemporaryDirectory() as folder:
        path = write(folder + "/own.conf", CONF % (peer.port, peer.port))
        code, said, errors, _ = probe("iso://plant", "--json", f"--config={path}")
        check(code in (0, 76) and json.loads(said)["accepted"], code, said, errors)
        cn = peer.of("CN")[0]
        check(cn[52] == b"\0\1" and cn[51] == b"me", "selectors of sessions.conf", cn)
        # What the address says itself counts.
        peer.log.clear()
        probe("iso://plant/other?name=you", f"--config={path}")
        check(peer.of("CN")[0][52] == b"other" and peer.of("CN")[0][51] == b"you", peer.of("CN")[0])


def conf_places():
    """The user's file, then the system's."""
    with oddpeers.Isode() as peer, tempfile.TemporaryDirectory() as folder:
        zone({})
        text = 'session NAME { address = {"127.0.0.1:%d"} ssel = "SSEL" }\n' % peer.port
        write("/etc/convene/sessions.conf", text.replace("NAME", "one").replace("SSEL", "system") +
              text.replace("NAME", "two").replace("SSEL", "system"))
        own = {"XDG_CONFIG_HOME": folder + "/config", "HOME": folder}
        for where in ("/config/convene/sessions.conf", "/.config/convene/sessions.conf"):
            path = write(folder + where, text.replace("NAME", "one").replace("SSEL", "own"))
            for name, ssel in (("one", b"own"), ("two", b"system")):
                peer.log.clear()
                code, _, errors, _ = probe(f"iso://{name}", environment=own)
                check(code in (0, 76) and peer.of("CN")[0][52] == ssel, where, name, code, errors)
            os.unlink(path)
            own["XDG_CONFIG_HOME"] = ""
        code, _, errors, _ = probe("iso://three", environment=own)
        check(code == 69, "no entry: it is a host", code, errors)
        shutil.rmtree("/etc/convene")


def conf_faults():
    with tempfile.TemporaryDirectory() as folder:
        for text, words in (("session a { address = {\"127.0.0.1:x\"} }", "line 1: 127.0.0.1:x: the port"),
                            ("\n\nsession a { adress = {} }", "line 3: no such option 'adress'"),
                            ("session a { ssel = \"12345678901234567\" }", "ssel: the selector is too long"),
                            ("session a { tsel = \"0x1\" }", "tsel: a selector is text"),
                            ("session a { peer = \"odd\" }", "peer: it is \"minimal\""),
                            ("session a { dscp = \"fast\" }", "dscp: no such code point"),
                            ("session a { priority = 9 }", "priority: it is 0 to 6"),
                            ("session a { limit-rate = -1 }", "limit-rate: it is octets"),
                            ("session a { connect-timeout = -5 }", "connect-timeout: it is seconds"),
                            ("session a { ssel = \"x\" }", "session a has no address"),
                            ("session a { address = {\"h/x\"} }", "h/x: it is HOST"),
                            ("session a { address = {\"127.0.0.1\"} }\nsession a { }", "line 2:"),
                            ("session a {", "session a has no address"), ("nonsense", "line 1:"),
                            ("session a { address = {%s} }" % ", ".join(['"h"'] * 17), "more than 16")):
            path = write(folder + "/bad.conf", text)
            code, _, errors, _ = probe("iso://a", f"--config={path}")
            check(code == 78 and path in errors and words in errors, text, code, errors)
        code, _, errors, _ = probe("iso://a", f"--config={folder}/none")
        check(code == 78 and "No such file" in errors, code, errors)
        # An address or a port needs no file.
        code, _, errors, _ = probe("iso://127.0.0.1:9/x", f"--config={folder}/none")
        check(code == 69, code, errors)


def conf_minimal():
    with oddpeers.LibIec61850() as peer, tempfile.TemporaryDirectory() as folder:
        path = write(folder + "/own.conf", CONF % (1, peer.port))
        script = '{"request":"S-CONNECT","functional_units":["duplex"]}\n{"wait":"S-CONNECT","kind":"confirm"}\n'
        done = subprocess.run([rig.TOOL, "talk", "--json", f"--config={path}", "iso://narrow"], input=script,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=30)
        check('"confirm":"S-CONNECT"' in done.stdout, done)
        check(peer.of("CN")[0][193] == b"" and peer.of("CN")[0][52] == b"x", peer.log)
        done = subprocess.run([rig.TOOL, "send", f"--config={path}", __file__, "iso://narrow"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=30)
        check(done.returncode == 64 and "references" in done.stderr, done)


def send_by_name():
    """A file, sent to a name that has two places, of which the first is not there."""
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(folder + "/in")
        environment = dict(os.environ, XDG_STATE_HOME=folder + "/state")
        ours = subprocess.Popen([rig.TOOL, "receive", "--json", "--once", "--listen", "iso://127.0.0.1:0/inbox",
                                 "--into", folder + "/in"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                text=True, env=environment)
        port = json.loads(ours.stdout.readline())["port"]
        path = write(folder + "/own.conf",
                     'session store { address = {"127.0.0.9:1", "127.0.0.1:%d"} ssel = "inbox" }' % port)
        done = subprocess.run([rig.TOOL, "send", "-s", f"--config={path}", __file__, "iso://store"], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, env=environment)
        ours.stdout.read()
        check(done.returncode == 0 and ours.wait() == 0, done)
        check(os.listdir(folder + "/in") == ["addresses.py"], os.listdir(folder + "/in"))


# -------- what packets are marked with --------

class Wire:
    """The DSCPs of what goes to a port, as the packets have them."""

    def __init__(self, port):
        self.port = port
        self.seen = set()
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.socket.bind(("lo", 0))
        self.socket.settimeout(0.2)
        self.over = False
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def listen(self):
        while True:
            try:
                packet = self.socket.recv(65536)
            except TimeoutError:
                if self.over:
                    return
                continue
            if packet[0] >> 4 == 4 and packet[9] == 6:
                head = (packet[0] & 15) * 4
                dscp = packet[1] >> 2
            elif packet[0] >> 4 == 6 and packet[6] == 6:
                head = 40
                dscp = (packet[0] & 15) << 2 | packet[1] >> 6
            else:
                continue
            data = head + (packet[head + 12] >> 4) * 4 < len(packet)
            if data and struct.unpack(">H", packet[head + 2:head + 4])[0] == self.port:
                self.seen.add(dscp)

    def marks(self):
        self.over = True
        self.thread.join()
        self.socket.close()
        return self.seen


def marking():
    for option, dscp in (("ef", 46), ("af21", 18), ("cs7", 56), ("0", 0), ("11", 11), (None, 0)):
        with oddpeers.Isode() as peer:
            wire = Wire(peer.port)
            options = [] if option is None else [f"--dscp={option}"]
            code, _, errors, _ = probe(f"iso://127.0.0.1:{peer.port}/x", "-v", "--priority=5", *options)
            check(wire.marks() == {dscp}, option, wire.seen)
            check(f"quality of service: dscp {dscp}, priority 5, no delay: yes" in errors, errors)
    with oddpeers.Isode() as peer, tempfile.TemporaryDirectory() as folder:
        path = write(folder + "/c", 'session q { address = {"127.0.0.1:%d"} dscp = "va" priority = 2 }' % peer.port)
        wire = Wire(peer.port)
        _, _, errors, _ = probe("iso://q", "-v", f"--config={path}")
        check(wire.marks() == {44} and "dscp 44, priority 2" in errors, wire.seen, errors)
        wire = Wire(peer.port)
        probe("iso://q", f"--config={path}", "--dscp=le")
        check(wire.marks() == {1}, "the option counts", wire.seen)
    with Place("::1", 10102) as place:
        wire = Wire(10102)
        reaches("iso://[::1]:10102/x", place, "--dscp=ef")
        check(wire.marks() == {46}, "IPv6", wire.seen)
    for bad in ("--dscp=64", "--dscp=af45", "--dscp=", "--priority=7", "--priority=x"):
        code, _, errors, _ = probe("iso://127.0.0.1:9/x", bad)
        check(code == 64 and bad.split("=")[0] in errors, bad, code, errors)


def quality():
    """What is asked for, what comes of it, and who is told."""
    with oddpeers.Isode() as peer:
        done = subprocess.run([rig.TOOL, "probe", "--json", "--dscp=af31", "--priority=1",
                               f"iso://127.0.0.1:{peer.port}/x"], stdout=subprocess.PIPE, text=True, check=False,
                              timeout=30)
        said = [json.loads(line) for line in done.stdout.splitlines()]
        check(said[0] == {"event": "quality_of_service", "dscp": 26, "priority": 1, "no_delay": True}, said[0])
        check([s["event"] for s in said] == ["quality_of_service", "probe"], "said once:", said)
    listen = subprocess.Popen([rig.TOOL, "talk", "--json", "--auto", "--once", "--expedited", "--extended",
                               "--listen", "iso://127.0.0.1:0/x"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              text=True)
    port = json.loads(listen.stdout.readline())["port"]
    connect = {"request": "S-CONNECT", "functional_units": ["duplex"], "extended_control": True,
               "optimized_dialogue": True}
    script = [dict(connect, protection="both"), connect, {"wait": "S-CONNECT", "kind": "confirm"},
              {"request": "S-RELEASE"}, {"wait": "S-RELEASE", "kind": "confirm"}]
    done = subprocess.run([rig.TOOL, "talk", "--json", f"iso://127.0.0.1:{port}/x"],
                          input="".join(json.dumps(c) + "\n" for c in script), stdout=subprocess.PIPE, text=True,
                          check=False, timeout=30)
    listen.stdout.read()
    listen.wait()
    said = [json.loads(line) for line in done.stdout.splitlines()]
    refused = [s for s in said if "error" in s]
    check(len(refused) == 1 and "protection is asked for" in refused[0]["why"], said)
    confirm = [s for s in said if s.get("confirm") == "S-CONNECT"]
    check(confirm and confirm[0]["extended_control"] and confirm[0]["optimized_dialogue"], said)
    check(any(s.get("confirm") == "S-RELEASE" for s in said), said)


CASES = (no_srv, srv_record, priorities, weights, alias, not_asked, no_service, no_name, malformed, server_fails,
         cut_short, many, name_server_silent, conf_entry, conf_places, conf_faults, conf_minimal, send_by_name,
         marking, quality)


def main():
    global SERVER
    if os.environ.get("ADDRESSES_INSIDE") is None:
        os.environ["ADDRESSES_INSIDE"] = "yes"
        who = [] if os.geteuid() == 0 else ["-r"]
        os.execvp("unshare", ["unshare", *who, "-n", "-m", "--propagation", "private", sys.executable,
                              os.path.abspath(__file__), *sys.argv[1:]])
    cases = rig.Cases()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("passwd", "group", "ld.so.cache", "protocols", "services"):
            if os.path.exists(f"/etc/{name}"):
                shutil.copy(f"/etc/{name}", folder)
        write(folder + "/resolv.conf", "nameserver 127.0.0.1\n")
        write(folder + "/nsswitch.conf", "hosts: files dns\n")
        write(folder + "/hosts", "127.0.0.1 localhost\n::1 localhost\n")
        subprocess.run(["mount", "--bind", folder, "/etc"], check=True)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        SERVER = NameServer()
        for case in CASES:
            if len(sys.argv) < 2 or case.__name__ in sys.argv[1:]:
                cases.run(case.__name__, case)
        result = cases.result()
        subprocess.run(["umount", "-l", "/etc"], check=True)
    return result


if __name__ == "__main__":
    rig.main(main)
