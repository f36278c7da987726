#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_chaos.py CONVENE-CHAOS - proves that the proxy cuts where and how it was told.

Each case runs the proxy before a target of its own; what arrived is counted by the ends, octet by
octet, never taken from the proxy's log, which is compared with it.
"""
import hashlib
import json
import os
import random
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

CHAOS = sys.argv[1] if len(sys.argv) > 1 else "build/tests/convene-chaos"
PATIENCE = 20.0  # until something that must happen counts as not happening
QUIET = 0.3      # how long nothing must happen, where nothing must happen


def data(n, seed=1):
    return random.Random(seed).randbytes(n)


def read_all(s):
    """(octets, how it ended): end, reset, or nothing more within QUIET."""
    got = bytearray()
    while True:
        ready, _, _ = select.select([s], [], [], QUIET)
        if not ready:
            return bytes(got), "silence"
        try:
            part = s.recv(65536)
        except ConnectionResetError:
            return bytes(got), "reset"
        if not part:
            return bytes(got), "end"
        got += part


def send_all(s, octets):
    """Sends until told to stop by the other end."""
    try:
        s.sendall(octets)
    except (ConnectionResetError, BrokenPipeError, TimeoutError):
        pass


class Proxy:
    """convene-chaos before a listening target."""

    def __init__(self, *options):
        self.target = socket.create_server(("127.0.0.1", 0))
        self.target.settimeout(PATIENCE)
        self.folder = tempfile.mkdtemp()
        self.log_path = os.path.join(self.folder, "log")
        self.control_path = os.path.join(self.folder, "control")
        self.run = subprocess.Popen(
            [CHAOS, "--listen", "127.0.0.1:0", "--to", "127.0.0.1:%d" % self.target.getsockname()[1],
             "--log", self.log_path, *[o.replace("CONTROL", self.control_path) for o in options]],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        line = self.run.stdout.readline()
        assert line.startswith("listening 127.0.0.1:"), line
        self.port = int(line.rsplit(":", 1)[1])
        self.sockets = []

    def connect(self):
        """(the client's socket, the target's)"""
        client = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        served, _ = self.target.accept()
        served.settimeout(PATIENCE)
        self.sockets += [client, served]
        return client, served

    def control(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(self.control_path)
            s.sendall(line.encode() + b"\n")
            return json.loads(s.makefile().readline())

    def events(self, event):
        with open(self.log_path, encoding="utf-8") as f:
            return [e for e in map(json.loads, f) if e["event"] == event]

    def wait_for(self, event, n=1):
        end = time.monotonic() + PATIENCE
        while len(self.events(event)) < n:
            assert time.monotonic() < end, f"no {event} in {PATIENCE} s"
            time.sleep(0.005)  # the log is a file: nothing tells that it grew
        return self.events(event)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run.terminate()
        status = self.run.wait(PATIENCE)
        self.run.stdout.close()
        for s in self.sockets + [self.target]:
            s.close()
        shutil.rmtree(self.folder)
        assert status == 0, f"exit {status}"


def up_until_cut(proxy, octets):
    """Sends until the connection is cut: what arrived at the target."""
    client, served = proxy.connect()
    sender = threading.Thread(target=send_all, args=(client, octets))
    sender.start()
    got, how = read_all(served)
    if how == "silence":
        client.shutdown(socket.SHUT_RDWR)
    sender.join()
    assert octets.startswith(got), "what arrived is not what was sent"
    return got, how, client, served


def cuts_up_by_reset_after_each_octet_named():
    offsets = [1, 2, 1000, 65536, 65537, 1000003, 9000000]
    with Proxy("--cut-at", ",".join(map(str, offsets))) as p:
        at = 0
        for offset in offsets:
            got, how, client, _ = up_until_cut(p, data(offset - at + 300000))
            assert (len(got), how) == (offset - at, "reset"), (offset, len(got), how)
            assert read_all(client) == (b"", "reset")
            at = offset
        cuts = p.wait_for("cut", len(offsets))
        assert [c["up"] for c in cuts] == offsets, cuts
        assert all(c["undelivered"] == 0 for c in cuts), cuts
        client, served = p.connect()
        client.sendall(data(100000))
        client.shutdown(socket.SHUT_WR)
        assert read_all(served) == (data(100000), "end"), "after the last cut all passes"


def cuts_down():
    with Proxy("--cut-at", "5,70000", "--direction", "down") as p:
        at = 0
        for offset in (5, 70000):
            client, served = p.connect()
            client.sendall(b"octets up do not count")
            sender = threading.Thread(target=send_all, args=(served, data(500000)))
            sender.start()
            got, how = read_all(client)
            sender.join()
            assert (got, how) == (data(500000)[:offset - at], "reset"), (len(got), how)
            at = offset


def cuts_at_the_sum_of_both_directions():
    with Proxy("--cut-at", "1000", "--direction", "total") as p:
        client, served = p.connect()
        client.sendall(data(400))
        assert served.recv(400, socket.MSG_WAITALL) == data(400)
        served.sendall(data(900, 2))
        assert read_all(client) == (data(900, 2)[:600], "reset")


def cuts_each_direction_on_its_own():
    with Proxy("--cut-at", "1000", "--direction", "both") as p:
        client, served = p.connect()
        client.sendall(data(999))
        assert served.recv(999, socket.MSG_WAITALL) == data(999)
        served.sendall(data(2000, 2))
        assert read_all(client) == (data(2000, 2)[:1000], "reset")
        client, served = p.connect()
        client.sendall(b"ab")
        assert read_all(served) == (b"a", "reset")


def cuts_before_the_first_octet():
    with Proxy("--cut-at", "0") as p:
        client, served = p.connect()
        assert read_all(served) == (b"", "reset")
        assert read_all(client) == (b"", "reset")


def waits_for_a_slow_reader_before_a_reset():
    """What was forwarded arrives, though the reader begins long after the cut is due."""
    n = 3000000
    with Proxy("--cut-at", str(n)) as p:
        client, served = p.connect()
        sender = threading.Thread(target=send_all, args=(client, data(n + 5000)))
        sender.start()
        time.sleep(1)  # this is the slowness
        assert not p.events("cut")
        assert read_all(served) == (data(n + 5000)[:n], "reset")
        sender.join()
        assert p.wait_for("cut")[0]["undelivered"] == 0


def resets_a_reader_that_never_reads():
    with Proxy("--cut-at", "2000000") as p:
        client, _ = p.connect()
        sender = threading.Thread(target=send_all, args=(client, data(2500000)))
        sender.start()
        sender.join(PATIENCE)
        assert not sender.is_alive()
        assert 0 < p.wait_for("cut")[0]["undelivered"] < 2000000


def falls_silent_and_lets_later_connections_pass():
    with Proxy("--cut-at", "5000", "--how", "silence") as p:
        client, served = p.connect()
        client.sendall(data(6000))
        assert read_all(served) == (data(6000)[:5000], "silence")
        served.sendall(b"not heard")
        assert read_all(client) == (b"", "silence")
        second, second_served = p.connect()
        second.sendall(b"heard")
        assert second_served.recv(5, socket.MSG_WAITALL) == b"heard"
        client.sendall(b"x")
        assert read_all(served) == (b"", "silence")


def forgets_a_silent_connection_when_both_peers_are_gone():
    with Proxy("--cut-at", "1", "--how", "silence") as p:
        client, served = p.connect()
        client.sendall(b"a")
        assert read_all(served) == (b"a", "silence")
        client.close()
        assert read_all(served) == (b"", "silence"), "one end's death is not told to the other"
        served.close()
        assert p.wait_for("close")[0]["why"] == "cut, both peers gone"


def leaves_the_client_in_the_dark_when_half_open():
    with Proxy("--cut-at", "10", "--how", "halfopen") as p:
        client, served = p.connect()
        client.sendall(data(20))
        assert read_all(served) == (data(20)[:10], "reset")
        assert read_all(client) == (b"", "silence")
        client.sendall(b"into the dark")


def leaves_the_target_in_the_dark_when_asked():
    with Proxy("--cut-at", "10", "--how", "halfopen", "--silent", "target") as p:
        client, served = p.connect()
        client.sendall(data(20))
        assert read_all(served) == (data(20)[:10], "silence")
        assert read_all(client) == (b"", "reset")


def ends_both_in_order_by_fin():
    with Proxy("--cut-at", "77777", "--how", "fin") as p:
        client, served = p.connect()
        sender = threading.Thread(target=send_all, args=(client, data(200000)))
        sender.start()
        assert read_all(served) == (data(200000)[:77777], "end")
        assert client.recv(1) == b""
        sender.join()


def draws_the_same_cuts_from_the_same_seed():
    def offsets(seed):
        with Proxy("--cut-every-random", "10:5000", "--seed", seed, "--count", "6") as p:
            for _ in range(6):
                up_until_cut(p, data(6000))
            client, served = p.connect()
            client.sendall(data(50000))
            client.shutdown(socket.SHUT_WR)
            assert read_all(served) == (data(50000), "end"), "a seventh cut"
            return [c["up"] for c in p.wait_for("cut", 6)]
    one, two, three = offsets("7"), offsets("7"), offsets("8")
    assert one == two and one != three, (one, two, three)
    gaps = [b - a for a, b in zip([0] + one, one)]
    assert all(10 <= gap <= 5000 for gap in gaps), gaps


def passes_an_end_of_one_direction():
    with Proxy() as p:
        client, served = p.connect()
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert read_all(served) == (b"question", "end")
        served.sendall(data(100000))
        served.close()
        assert read_all(client) == (data(100000), "end")
        assert p.wait_for("close")[0]["why"] == "both ended"


def passes_a_reset():
    with Proxy() as p:
        client, served = p.connect()
        served.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        served.close()
        assert read_all(client) == (b"", "reset")


def resets_the_client_when_the_target_refuses():
    with Proxy() as p:
        p.target.close()
        try:
            client = socket.create_connection(("127.0.0.1", p.port), PATIENCE)
        except ConnectionResetError:
            return  # it came before this end had looked at its connect
        p.sockets.append(client)
        assert read_all(client) == (b"", "reset")


def forwards_all_octets_both_ways(*options, n=5000000):
    with Proxy(*options) as p:
        client, served = p.connect()
        results = {}

        def one_way(name, sender, receiver, octets):
            t = threading.Thread(target=lambda: (send_all(sender, octets), sender.shutdown(socket.SHUT_WR)))
            t.start()
            got = bytearray()
            receiver.settimeout(PATIENCE)
            while part := receiver.recv(65536):
                got += part
            t.join()
            results[name] = hashlib.sha256(got).digest() == hashlib.sha256(octets).digest()
        ways = [threading.Thread(target=one_way, args=("up", client, served, data(n, 3))),
                threading.Thread(target=one_way, args=("down", served, client, data(n, 4)))]
        for w in ways:
            w.start()
        for w in ways:
            w.join()
        assert results == {"up": True, "down": True}, results
        end = p.wait_for("close")[0]
        assert (end["up"], end["down"]) == (n, n), end


def forwards_all_octets_in_random_pieces():
    forwards_all_octets_both_ways("--split", "random", n=300000)


def writes_one_octet_at_a_time():
    with Proxy("--split", "1") as p:
        client, served = p.connect()
        client.sendall(data(2000))
        client.shutdown(socket.SHUT_WR)
        assert read_all(served) == (data(2000), "end")


def forwards_all_octets_late():
    forwards_all_octets_both_ways("--delay", "30", n=1000000)


def delays_an_octet_by_what_was_asked():
    with Proxy("--delay", "80") as p:
        client, served = p.connect()
        begin = time.monotonic()
        client.sendall(b"a")
        assert served.recv(1) == b"a"
        served.sendall(b"b")
        assert client.recv(1) == b"b"
        assert time.monotonic() - begin >= 0.16


def keeps_the_rate():
    with Proxy("--rate", "1M") as p:
        client, served = p.connect()
        begin = time.monotonic()
        send_all(client, data(300000))
        client.shutdown(socket.SHUT_WR)
        assert read_all(served) == (data(300000), "end")
        took = time.monotonic() - begin
        assert 0.27 <= took <= 3, took


def refuses_for_a_while_after_a_cut():
    with Proxy("--cut-at", "1", "--refuse-for", "300") as p:
        client, served = p.connect()
        begin = time.monotonic()
        client.sendall(b"a")
        assert read_all(served) == (b"a", "reset")
        refused = 0
        while True:
            try:
                client, served = p.connect()
                break
            except ConnectionRefusedError:
                refused += 1
            assert time.monotonic() - begin < PATIENCE
            time.sleep(0.005)
        assert refused > 0 and time.monotonic() - begin >= 0.29
        client.sendall(b"b")
        assert served.recv(1) == b"b"


def obeys_its_control_socket():
    with Proxy("--control", "CONTROL") as p:
        client, served = p.connect()
        client.sendall(b"abc")
        assert served.recv(3, socket.MSG_WAITALL) == b"abc"
        status = p.control("status")
        assert (status["event"], status["up"], status["open"]) == ("ok", 3, 1), status
        assert p.control("hold")["event"] == "ok"
        client.sendall(b"held")
        assert read_all(served) == (b"", "silence")
        assert p.control("go")["event"] == "ok"
        assert served.recv(4, socket.MSG_WAITALL) == b"held"
        assert p.control("cut-after 2")["event"] == "ok"
        client.sendall(b"xyz")
        assert read_all(served) == (b"xy", "reset")
        client, served = p.connect()
        assert p.control("cut fin")["event"] == "ok"
        assert read_all(served) == (b"", "end")
        assert p.control("no such thing")["event"] == "error"
        assert p.control("status")["cuts"] == 2


def cuts_one_of_many_connections():
    with Proxy("--cut-at", "500") as p:
        pairs = [p.connect() for _ in range(50)]
        for client, served in pairs[:49]:
            client.sendall(b"0123456789")
            assert served.recv(10, socket.MSG_WAITALL) == b"0123456789"
        pairs[49][0].sendall(b"0123456789+")
        assert read_all(pairs[49][1]) == (b"0123456789", "reset")
        for client, served in pairs[:49]:
            served.sendall(b"z")
            assert client.recv(1) == b"z"


def refuses_a_command_line_it_does_not_understand():
    for words in (["--cut-at", "5,5"], ["--cut-at", "x"], ["--how", "soon"], ["--split", "2"],
                  ["--direction", "left"], ["--cut-every-random", "0:4"], ["word"], []):
        base = ["--listen", "127.0.0.1:0", "--to", "127.0.0.1:1"] if words else []
        done = subprocess.run([CHAOS, *base, *words], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=PATIENCE, check=False)
        assert done.returncode == 64 and done.stderr.startswith(b"convene-chaos: "), (words, done)


CASES = [cuts_up_by_reset_after_each_octet_named, cuts_down, cuts_at_the_sum_of_both_directions,
         cuts_each_direction_on_its_own, cuts_before_the_first_octet,
         waits_for_a_slow_reader_before_a_reset, resets_a_reader_that_never_reads,
         falls_silent_and_lets_later_connections_pass,
         forgets_a_silent_connection_when_both_peers_are_gone,
         leaves_the_client_in_the_dark_when_half_open, leaves_the_target_in_the_dark_when_asked,
         ends_both_in_order_by_fin, draws_the_same_cuts_from_the_same_seed,
         passes_an_end_of_one_direction, passes_a_reset, resets_the_client_when_the_target_refuses,
         forwards_all_octets_both_ways, forwards_all_octets_in_random_pieces,
         writes_one_octet_at_a_time, forwards_all_octets_late, delays_an_octet_by_what_was_asked,
         keeps_the_rate, refuses_for_a_while_after_a_cut, obeys_its_control_socket,
         cuts_one_of_many_connections, refuses_a_command_line_it_does_not_understand]


def main():
    failed = 0
    for case in CASES:
        try:
            case()
        except (AssertionError, OSError, subprocess.TimeoutExpired, json.JSONDecodeError) as e:
            failed += 1
            print(f"{case.__name__}: line {e.__traceback__.tb_lineno}: {type(e).__name__} {str(e)[:300]}")
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
