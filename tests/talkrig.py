# SPDX-License-Identifier: MIT
"""talkrig - convene talk as an instrument of tests: over JSON, or on a terminal."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time

import rig
from rig import check

HALF = ["half-duplex", "minor-synchronize", "major-synchronize", "resynchronize", "activity-management",
        "negotiated-release", "capability-data", "exceptions", "typed-data"]
BASIC = ["half-duplex", "minor-synchronize", "major-synchronize", "resynchronize", "negotiated-release", "typed-data"]
BOTH_WAYS = ["duplex", "symmetric-synchronize", "major-synchronize", "resynchronize", "typed-data",
             "data-separation", "expedited-data"]
PATIENCE = 20.0


class Talk:
    """One convene talk --json (or words) with its objects as they come."""

    def __init__(self, work, *words, json_mode=True, stdin=subprocess.PIPE):
        self.run = subprocess.Popen([rig.TOOL, "talk", *(["--json"] if json_mode else []), *words], stdin=stdin,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        work.ends.append(self)
        self.changed = threading.Condition()
        self.objects, self.lines, self.errors, self.at, self.n, self.eof = [], [], "", 0, 0, 0
        self.threads = [threading.Thread(target=self._out, args=(json_mode,), daemon=True),
                        threading.Thread(target=self._err, daemon=True)]
        for t in self.threads:
            t.start()

    def _out(self, json_mode):
        for line in self.run.stdout:
            with self.changed:
                self.lines.append(line)
                if json_mode:
                    self.objects.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.eof = True
            self.changed.notify_all()

    def _err(self):
        for line in self.run.stderr:
            self.errors += line

    def write(self, *objects):
        self.run.stdin.write("".join((o if isinstance(o, str) else json.dumps(o)) + "\n" for o in objects))
        self.run.stdin.flush()

    def find(self, fits, what):
        """The first object from the place reached on that fits; the place moves behind it."""
        end = time.monotonic() + PATIENCE
        with self.changed:
            i = self.at
            while True:
                while i < len(self.objects):
                    if fits(self.objects[i]):
                        self.at = i + 1
                        return self.objects[i]
                    i += 1
                left = end - time.monotonic()
                check(left > 0 and not self.eof, "not said:", what, "but", self.objects[self.at:], self.errors)
                self.changed.wait(left)

    def ind(self, service, **want):
        return self._prim("indication", service, want)

    def cnf(self, service, **want):
        return self._prim("confirm", service, want)

    def _prim(self, kind, service, want):
        o = self.find(lambda o: o.get(kind) == service and o.get("end", True), f"{service} {kind}")
        for k, v in want.items():
            check(o.get(k) == v, f"{service} {kind}: {k} is {o.get(k)!r}, not {v!r}:", o)
        return o

    def answer(self, command):
        self.n += 1
        self.write(dict(command, id=self.n))
        with self.changed:
            at = self.at
        o = self.find(lambda o: o.get("id") == self.n, f"an answer to {command}")
        self.at = at  # primitives that came before the answer are still to be seen
        return o

    def do(self, service, kind="request", **parameters):
        o = self.answer({kind: service, **parameters})
        check(o.get("done") == service and o.get("kind") == kind, "not done:", o)
        return o

    def rsp(self, service, **parameters):
        return self.do(service, "response", **parameters)

    def refused(self, service, why, kind="request", **parameters):
        o = self.answer({kind: service, **parameters})
        check("error" in o and re.search(why, o["why"]), f"{service} {parameters}: wanted /{why}/, said", o)

    def event(self, name):
        return self.find(lambda o: o.get("event") == name, name)

    def close_input(self):
        self.run.stdin.close()

    def ends(self, code):
        if self.run.stdin and not self.run.stdin.closed:
            self.run.stdin.close()
        try:
            got = self.run.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise rig.Failed(f"it does not end: {self.lines[-5:]} {self.errors}") from None
        for t in self.threads:
            t.join(PATIENCE)
        check(got == code, f"exit {got}, not {code}:", self.lines[-6:], self.errors)
        check("Sanitizer" not in self.errors and "runtime error" not in self.errors, self.errors)

    def high_water(self):
        with open(f"/proc/{self.run.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1)) * 1024

    def close(self):
        if self.run.poll() is None:
            self.run.kill()
        self.run.wait(PATIENCE)
        for s in (self.run.stdin, self.run.stdout, self.run.stderr):
            if s and not s.closed:
                try:
                    s.close()
                except BrokenPipeError:
                    pass


def listener(w, *words, **kw):
    t = Talk(w, *words, "--listen", "iso://127.0.0.1:0/test", **kw)
    t.port = t.event("listening")["port"]
    t.url = f"iso://127.0.0.1:{t.port}/test"
    return t


def ends(w, *words):
    b = listener(w, *words)
    return Talk(w, *words, b.url), b


def opened(w, units, *words, **parameters):
    a, b = ends(w, *words)
    connect(a, b, units, **parameters)
    return a, b


def connect(a, b, units, initial_serial=1, response=None, **parameters):
    a.do("S-CONNECT", functional_units=units, initial_serial=initial_serial, **parameters)
    b.ind("S-CONNECT")
    b.rsp("S-CONNECT", result="accept", **(response or {}))
    return a.cnf("S-CONNECT", result="accept")


def released(a, b, code=0):
    a.do("S-RELEASE")
    b.ind("S-RELEASE")
    b.rsp("S-RELEASE")
    a.cnf("S-RELEASE", result="affirmative")
    a.ends(code)
    b.ends(0)


class Terminal:
    def __init__(self, work, *words):
        self.said = ""
        state = work.folder("state")
        pid, self.fd = pty.fork()
        if pid == 0:
            os.environ.update(TERM="xterm", XDG_STATE_HOME=state)
            os.execv(rig.TOOL, ["convene", "talk", *words])
        self.pid = pid
        self.over = False
        self.state = state
        work.ends.append(self)

    def until(self, pattern):
        end = time.monotonic() + PATIENCE
        while True:
            m = re.search(pattern, self.said, re.S)
            if m:
                self.said = self.said[m.end():]
                return m
            left = end - time.monotonic()
            check(left > 0, "not on the terminal:", pattern, "but", repr(self.said[-1500:]))
            if select.select([self.fd], [], [], left)[0]:
                try:
                    self.said += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    check(re.search(pattern, self.said, re.S), "it ended before", pattern, repr(self.said))

    def type(self, text):
        os.write(self.fd, text.encode())

    def ends(self, code):
        end = time.monotonic() + PATIENCE
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.over = True
                check(os.waitstatus_to_exitcode(status) == code, "exit", status, self.said)
                return
            check(time.monotonic() < end, "it does not end", self.said)
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.said += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    time.sleep(0.01)

    def close(self):
        if not self.over:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
