# SPDX-License-Identifier: MIT
"""rig - what the end to end tests and the torture share: the tool's two ends, folders, proxies, a ledger.

Everything is on 127.0.0.1 on ports that were free, in one folder of its own that is removed, with
a state folder of its own for each end. What is started is ended by its process id.
"""
import filecmp
import fcntl
import json
import os
import random
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import octets

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
TOOL = os.path.join(BUILD, "convene")
CHAOS = os.path.join(TOP, "build", "tests", "convene-chaos")
PATIENCE = 30.0  # until something that must happen counts as not happening
MIB = 1 << 20
WINDOW = 4 * MIB


class Failed(Exception):
    pass


def check(condition, *what):
    if not condition:
        raise Failed(" ".join(str(w) for w in what))


HELD = []  # locks of the ports that this process has drawn


def hold_port(port):
    """True if no other test on this machine has drawn it: it may not be listening there yet."""
    folder = os.path.join(tempfile.gettempdir(), f"convene-ports-{os.getuid()}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    lock = open(os.path.join(folder, str(port)), "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return False
    HELD.append(lock)
    return True


def free_port():
    """A port that nobody has, outside the range from which the kernel draws for dialling ends."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        low, high = map(int, f.read().split())
    ports = [p for p in range(10000, 61000) if not low <= p <= high] or range(10000, 61000)
    while True:
        port = random.SystemRandom().choice(ports)
        if not hold_port(port):
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_until(true, what, patience=PATIENCE):
    """For what no event tells: looked at every few milliseconds, and an error if it never comes."""
    end = time.monotonic() + patience
    while not true():
        check(time.monotonic() < end, f"not within {patience:.0f} s: {what}")
        time.sleep(0.004)


class Work:
    """A folder of its own, on a tmpfs where there is one with room."""

    def __init__(self, name):
        base = os.path.join(BUILD, "work")
        try:
            room = os.statvfs("/dev/shm")
            if room.f_bavail * room.f_frsize > 2 << 30 and os.access("/dev/shm", os.W_OK):
                base = "/dev/shm"
        except OSError:
            pass
        os.makedirs(base, exist_ok=True)
        self.path = tempfile.mkdtemp(prefix=f"convene-{name}-", dir=base)
        self.ends = []
        self.n = 0
        self.lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            for tool in [e for e in self.ends if isinstance(e, Tool)][-4:]:
                print(f"    {tool.words[0]}: {tool.say()}"[:3000], flush=True)
        for end in self.ends:
            end.close()
        shutil.rmtree(self.path, onerror=lambda *_: None)
        check(not os.path.exists(self.path), "could not be removed:", self.path)

    def folder(self, name="d"):
        with self.lock:
            self.n += 1
            path = os.path.join(self.path, f"{name}{self.n}")
        os.mkdir(path)
        return path

    def file(self, n, seed, name="file"):
        path = os.path.join(self.folder(), name)
        write_random(path, n, seed)
        return path


def write_random(path, n, seed):
    rng = random.Random(seed)
    with open(path, "wb") as f:
        while n > 0:
            part = min(n, 1 << 22)
            f.write(rng.randbytes(part))
            n -= part


def same(a, b):
    return os.path.isfile(a) and os.path.isfile(b) and filecmp.cmp(a, b, shallow=False)


def listing(folder):
    """All that is beneath it, .convene too."""
    out = []
    for at, folders, files in os.walk(folder):
        out += [os.path.relpath(os.path.join(at, n), folder) for n in folders + files]
    return sorted(out)


class Tool:
    """One running convene; its events are read as they come."""

    def __init__(self, words, state, env=None, stdin=subprocess.DEVNULL, tool=None, cwd=None):
        full = dict(os.environ, XDG_STATE_HOME=state, **(env or {}))
        full.pop("CONVENE_X", None)
        self.words = words
        self.run = subprocess.Popen([tool or TOOL, *words], env=full, stdin=stdin, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, cwd=cwd)
        self.pid = self.run.pid
        self.events = []
        self.bad_lines = []
        self.stderr = ""
        self.changed = threading.Condition()
        self.readers = [threading.Thread(target=self._read_events, daemon=True),
                        threading.Thread(target=self._read_errors, daemon=True)]
        self.done = False
        for r in self.readers:
            r.start()

    def _read_events(self):
        for line in self.run.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                event = None
            with self.changed:
                if isinstance(event, dict) and "event" in event:
                    self.events.append(event)
                else:
                    self.bad_lines.append(line)
                self.changed.notify_all()
        with self.changed:
            self.done = True
            self.changed.notify_all()

    def _read_errors(self):
        for line in self.run.stderr:
            self.stderr += line.decode("utf-8", "replace")

    def of(self, event):
        return [e for e in self.events if e["event"] == event]

    def until(self, event, n=1, patience=PATIENCE, **having):
        """The n-th event of that name with these values."""
        def found():
            return [e for e in self.of(event) if all(e.get(k) == v for k, v in having.items())]
        with self.changed:
            ok = self.changed.wait_for(lambda: len(found()) >= n or self.done, patience)
            check(ok and len(found()) >= n, f"no event {event} {having or ''}:", self.say())
            return found()[n - 1]

    def say(self):
        return f"exit {self.run.poll()}, events {self.events[-5:]}, said {self.stderr[-1500:]!r}"

    def signal(self, number):
        if self.run.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait()

    def wait(self, patience=PATIENCE):
        try:
            code = self.run.wait(patience)
        except subprocess.TimeoutExpired:
            self.run.kill()
            self.run.wait()
            raise Failed(f"still running after {patience:.0f} s: {' '.join(self.words[:3])}, {self.say()}") from None
        for r in self.readers:
            r.join()
        self.run.stdout.close()
        self.run.stderr.close()
        return code

    def ends(self, code, patience=PATIENCE):
        got = self.wait(patience)
        check(got == code, f"exit {got}, not {code}:", self.say())
        return self

    def close(self):
        if self.run.poll() is None:
            self.run.kill()
            self.run.wait()


class Ends:
    """A receiver on a port of its own and senders to it, each side with its own state."""

    def __init__(self, work, receive=(), send=(), tool=None, receiver_env=None, via=None, silence=True):
        self.work = work
        self.into = work.folder("into")
        self.receiver_state = work.folder("rs")
        self.sender_state = work.folder("ss")
        self.port = free_port()
        self.via = via or self.port
        self.receive_words = list(receive)
        self.send_words = list(send)
        self.tool = tool
        self.receiver_env = receiver_env or {}
        self.receiver = None

    def url(self, ssel="inbox"):
        return f"iso://127.0.0.1:{self.via}/{ssel}"

    def start_receiver(self, *more, env=None, wait=True):
        words = ["receive", "--json", "--listen", f"iso://127.0.0.1:{self.port}/inbox", "--into", self.into]
        self.receiver = Tool(words + self.receive_words + list(more), self.receiver_state, tool=self.tool,
                             env=self.receiver_env if env is None else env)
        self.work.ends.append(self.receiver)
        if wait:
            self.receiver.until("listening")
        return self.receiver

    def start_sender(self, *files, more=(), env=None, stdin=subprocess.DEVNULL, url=None, cwd=None):
        words = ["send", "--json", *self.send_words, *more, *files, url or self.url()]
        sender = Tool(words, self.sender_state, env=env, stdin=stdin, tool=self.tool, cwd=cwd)
        self.work.ends.append(sender)
        return sender

    def send(self, *files, code=0, more=(), patience=PATIENCE, **kw):
        return self.start_sender(*files, more=more, **kw).ends(code, patience)

    def stop_receiver(self, code=0):
        self.receiver.signal(signal.SIGTERM)
        return self.receiver.ends(code)

    def got(self, name):
        return os.path.join(self.into, name)


class Chaos:
    """convene-chaos before a port."""

    def __init__(self, work, to, *options):
        self.log_path = os.path.join(work.folder("chaos"), "log")
        self.run = subprocess.Popen(
            [CHAOS, "--listen", "127.0.0.1:0", "--to", f"127.0.0.1:{to}", "--log", self.log_path, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        work.ends.append(self)
        line = self.run.stdout.readline()
        check(line.startswith("listening 127.0.0.1:"), "convene-chaos:", line)
        self.port = int(line.rsplit(":", 1)[1])

    def cuts(self):
        with open(self.log_path, encoding="utf-8") as f:
            return [e for e in map(json.loads, f) if e["event"] == "cut"]

    def close(self):
        if self.run.poll() is None:
            self.run.terminate()
            self.run.wait(PATIENCE)
        self.run.stdout.close()


class Connection:
    """What a tap saw of one connection. Octets are decoded here, after they were passed on."""

    def __init__(self):
        self.up, self.down = octets.Way(), octets.Way()  # from the dialling end, to it
        self.seen = []  # (way, name)
        self.data = 0   # octets of S-DATA on their way up, cut ones too
        self.raw = {"up": 0, "down": 0}
        self.over = False
        self.resumed_at = []

    def take(self, way, piece):
        self.raw[way] += len(piece)
        for kind, value in (self.up if way == "up" else self.down).feed(piece):
            if kind != "TSDU":
                self.seen.append((way, kind))
                continue
            for s in octets.decode_tsdu(value):
                self.seen.append((way, s.name))
                if s.name == "DT":
                    self.data += len(s.info)

    def octets_sent(self):
        return self.data + self.up.unfinished_data()

    def count(self, name):
        return sum(n == name for _, n in self.seen)

    def activity_open(self):
        """Started or resumed, and its end not confirmed, nor given up."""
        is_open = False
        for _, name in self.seen:
            if name in ("AS", "AR"):
                is_open = True
            elif name in ("AEA", "ADA", "AIA"):
                is_open = False
        return is_open


class Tap:
    """Passes octets on and remembers them; knows the protocol only when it is asked afterwards."""

    def __init__(self, work, to):
        self.to = to
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.connections = []
        self.error = None
        self.selector = selectors.DefaultSelector()
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.wake_r, self.wake_w = socket.socketpair()
        self.selector.register(self.wake_r, selectors.EVENT_READ, "wake")
        self.lock = threading.Lock()
        self.pairs = []
        work.ends.append(self)
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def current(self):
        """The last connection, if it is not over."""
        with self.lock:
            c = self.connections[-1] if self.connections else None
            return None if c is None or c.over else c

    def _work(self):
        try:
            while True:
                for key, events in self.selector.select():
                    if key.data == "wake":
                        return
                    if key.data is None:
                        self._accept()
                    else:
                        key.data.ready(key.fileobj, events)
        except Exception as e:  # told to the test by close()
            self.error = e
            traceback.print_exc()

    def _accept(self):
        client, _ = self.listener.accept()
        client.setblocking(False)
        server = socket.socket()
        try:
            server.connect(("127.0.0.1", self.to))
        except OSError:
            server.close()
            reset(client)
            return
        server.setblocking(False)
        c = Connection()
        with self.lock:
            self.connections.append(c)
        self.pairs.append(Pair(self, c, client, server))

    def close(self):
        if self.thread.is_alive():
            self.wake_w.send(b"x")
            self.thread.join()
        for p in self.pairs:
            p.end(None)
        for s in (self.listener, self.wake_r, self.wake_w):
            s.close()
        self.selector.close()
        check(self.error is None, "the tap met octets it cannot read:", self.error)


def reset(s):
    try:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    except OSError:
        pass
    s.close()


class Pair:
    def __init__(self, tap, connection, client, server):
        self.tap, self.connection = tap, connection
        self.peer = {client: server, server: client}
        self.way = {client: "up", server: "down"}
        self.waiting = {client: b"", server: b""}  # to be written to it
        self.eof = set()
        self.over = False
        for s in self.peer:
            tap.selector.register(s, selectors.EVENT_READ, self)

    def arm(self):
        for s, other in self.peer.items():
            events = 0
            if s not in self.eof and not self.waiting[other]:
                events |= selectors.EVENT_READ
            if self.waiting[s]:
                events |= selectors.EVENT_WRITE
            registered = s in self.tap.selector.get_map()
            if events and registered:
                self.tap.selector.modify(s, events, self)
            elif events:
                self.tap.selector.register(s, events, self)
            elif registered:
                self.tap.selector.unregister(s)

    def ready(self, s, events):
        if self.over:
            return
        try:
            if events & selectors.EVENT_WRITE:
                self.write(s)
            if events & selectors.EVENT_READ:
                piece = s.recv(1 << 18)
                other = self.peer[s]
                if piece:
                    with self.tap.lock:
                        self.connection.take(self.way[s], piece)
                    self.waiting[other] += piece
                    self.write(other)
                else:
                    self.eof.add(s)
        except BlockingIOError:
            pass
        except OSError:
            self.end("reset")
            return
        for s, other in self.peer.items():
            if s in self.eof and not self.waiting[other] and other not in self.eof:
                try:
                    other.shutdown(socket.SHUT_WR)
                except OSError:
                    self.end("reset")
                    return
        if len(self.eof) == 2 and not any(self.waiting.values()):
            self.end(None)
        else:
            self.arm()

    def write(self, s):
        try:
            n = s.send(self.waiting[s]) if self.waiting[s] else 0
        except BlockingIOError:
            n = 0
        self.waiting[s] = self.waiting[s][n:]

    def end(self, how):
        if self.over:
            return
        self.over = True
        for s in self.peer:
            if s in (self.tap.selector.get_map() or {}):
                self.tap.selector.unregister(s)
            if how == "reset":
                reset(s)
            else:
                s.close()
        with self.tap.lock:
            self.connection.over = True


# -------- programs of tests --------

class Cases:
    """Runs named cases, each on its own; prints what failed and counts."""

    def __init__(self):
        self.passed = self.failed = 0

    def run(self, name, function, *args):
        begin = time.monotonic()
        try:
            function(*args)
            self.passed += 1
            if os.environ.get("VERBOSE"):
                print(f"ok {name} {time.monotonic() - begin:.2f} s", flush=True)
        except Exception as e:
            self.failed += 1
            at = traceback.extract_tb(e.__traceback__)
            mine = [t for t in at if t.filename == os.path.abspath(sys.argv[0])] or at
            print(f"FAILED {name} (line {mine[-1].lineno}, {time.monotonic() - begin:.1f} s): "
                  f"{type(e).__name__}: {str(e)[:3000]}", flush=True)

    def result(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0


def main(function):
    """Ends in order when it is told to, so that nothing is left."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        os.setpriority(os.PRIO_PROCESS, 0, 5)
    except OSError:
        pass
    sys.exit(function())
