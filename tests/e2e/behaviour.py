#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""behaviour.py [NAME...] - what convene send and convene receive promise, from one end to the other."""
import hashlib
import os
import random
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import octets
import rig
from rig import MIB, check

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 30)))


def put(path, content=b"", mode=0o644, mtime=None):
    with open(path, "wb") as f:
        f.write(content)
    os.chmod(path, mode)
    if mtime is not None:
        os.utime(path, ns=(mtime, mtime))
    return path


def alike(a, b):
    """The same tree: kinds, modes, times, contents, targets."""
    check(rig.listing(a) == rig.listing(b), "other names:", rig.listing(a), rig.listing(b))
    for name in [""] + rig.listing(a):
        x, y = os.path.join(a, name), os.path.join(b, name)
        s, t = os.lstat(x), os.lstat(y)
        check(s.st_mode == t.st_mode, f"{name}: mode {s.st_mode:o}, {t.st_mode:o}")
        if stat.S_ISLNK(s.st_mode):
            check(os.readlink(x) == os.readlink(y), name)
            continue
        check(s.st_mtime_ns == t.st_mtime_ns, f"{name}: mtime {s.st_mtime_ns}, {t.st_mtime_ns}")
        if stat.S_ISREG(s.st_mode):
            check(rig.same(x, y), f"{name}: other content")


def clean(ends, *names):
    check(rig.listing(ends.into) == sorted(names), "the folder holds", rig.listing(ends.into))


def pair(w, *, receive=(), send=(), start=True):
    ends = rig.Ends(w, receive=receive, send=send)
    if start:
        ends.start_receiver()
    return ends


# -------- what is sent --------

def sends_a_tree_with_modes_and_times():
    with rig.Work("tree") as w:
        ends = pair(w)
        top = os.path.join(w.folder(), "tree")
        os.makedirs(os.path.join(top, "a", "b", "c"))
        os.makedirs(os.path.join(top, "empty"), mode=0o750)
        put(os.path.join(top, "nothing"), b"", 0o600, 10**18 + 1)
        put(os.path.join(top, "a", "one"), b"1", 0o755, 123456789)
        put(os.path.join(top, "a", "b", "big"), random.Random(SEED).randbytes(3 * MIB), 0o640, -5 * 10**9)
        put(os.path.join(top, "a", "b", "c", "read-only"), b"x" * 70000, 0o444, 10**18)
        os.symlink("b/big", os.path.join(top, "a", "link"))
        os.symlink("../../nothing", os.path.join(top, "a", "b", "up"))
        os.chmod(os.path.join(top, "a", "b"), 0o700)
        os.utime(os.path.join(top, "a"), ns=(5 * 10**17, 5 * 10**17 + 7))
        os.utime(top, ns=(4 * 10**17, 4 * 10**17))
        ends.send(top)
        alike(top, ends.got("tree"))
        clean(ends, *[f"tree/{n}" for n in rig.listing(top)], "tree")
        ends.stop_receiver()


def sends_several_operands_and_a_file_without_octets():
    with rig.Work("several") as w:
        ends = pair(w, receive=["--once"])
        d = w.folder()
        names = [put(os.path.join(d, f"f{i}"), b"z" * i * 1000) for i in range(20)]
        ends.send(*names, more=["--jobs", "7"])
        ends.receiver.ends(0)
        for n in names:
            check(rig.same(n, ends.got(os.path.basename(n))), n)
        check(len(ends.receiver.of("committed")) == 20)


def sends_a_sparse_file_over_4_gib_and_resumes_beyond_them():
    with rig.Work("sparse") as w:
        ends = pair(w, send=["--checkpoint", "8M"])
        path = os.path.join(w.folder(), "sparse")
        size = 4300 * MIB
        os.truncate(put(path), size)
        with open(path, "r+b") as f:
            for at in (0, 2**31 - 3, 2**32 - 3, 2**32 + 4096, size - 5):
                f.seek(at)
                f.write(b"mark%d" % (at % 10))
        sender = ends.start_sender(path)
        end = time.monotonic() + 120
        with ends.receiver.changed:
            ends.receiver.changed.wait_for(
                lambda: any(e["offset"] > 2**32 for e in ends.receiver.of("confirmed")) or
                time.monotonic() > end, 120)
        ends.receiver.kill()
        ends.start_receiver()
        sender.ends(0, 120)
        check(os.path.getsize(ends.got("sparse")) == size)
        resumed = sender.of("resumed")
        check(not resumed or resumed[0]["offset"] > 2**32 - 64 * MIB, resumed)
        check(subprocess.run(["cmp", path, ends.got("sparse")], check=False).returncode == 0, "it differs")
        clean(ends, "sparse")


def sends_all_names_that_a_folder_can_hold():
    with rig.Work("names") as w:
        ends = pair(w)
        top = os.fsencode(os.path.join(w.folder(), "names"))
        os.mkdir(top)
        odd = [bytes([i]) + b"x" for i in range(1, 256) if i != ord("/")]
        odd += [b"\xff\xfe\n\t -rf *", b"-", b"--help", b"a" * 255, b"\\x00", b"..x", b"...", b" ", b"\x7f\x1b[31m"]
        for n in odd:
            put(os.path.join(top, n), n)
        ends.send(os.fsdecode(top))
        got = os.path.join(os.fsencode(ends.into), b"names")
        check(sorted(os.listdir(got)) == sorted(odd))
        for n in odd:
            with open(os.path.join(got, n), "rb") as f:
                check(f.read() == n, n)
        check(not ends.receiver.bad_lines, ends.receiver.bad_lines[:3])


def sends_links_that_point_inside_and_skips_those_that_point_outside():
    with rig.Work("links") as w:
        ends = pair(w)
        d = w.folder()
        top = os.path.join(d, "t")
        os.makedirs(os.path.join(top, "sub"))
        put(os.path.join(d, "outside"), b"outside")
        put(os.path.join(top, "f"), b"inside")
        os.symlink("f", os.path.join(top, "good"))
        os.symlink("../f", os.path.join(top, "sub", "good"))
        os.symlink("nowhere", os.path.join(top, "dangling"))
        for name, target in (("up", "../outside"), ("abs", os.path.join(top, "f")), ("sly", "sub/../../outside")):
            os.symlink(target, os.path.join(top, name))
        s = ends.send(top, code=65)
        check(s.stderr.count("points out of") == 3, s.stderr)
        clean(ends, "t", "t/f", "t/good", "t/sub", "t/sub/good", "t/dangling")
        check(os.readlink(ends.got("t/sub/good")) == "../f")
        ends2 = pair(w)
        os.remove(os.path.join(top, "dangling"))
        ends2.send(top, more=["-L"])
        for name in ("up", "sly"):
            check(not os.path.islink(ends2.got(f"t/{name}")))
            with open(ends2.got(f"t/{name}"), "rb") as f:
                check(f.read() == b"outside", name)


def skips_what_is_neither_file_nor_folder_and_says_so():
    with rig.Work("devices") as w:
        ends = pair(w)
        top = os.path.join(w.folder(), "t")
        os.mkdir(top)
        put(os.path.join(top, "f"), b"x")
        os.mkfifo(os.path.join(top, "fifo"))
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(os.path.join(top, "socket"))
            sent = ends.send(top, code=65)
        check(sent.stderr.count("skipped") == 2, sent.stderr)
        clean(ends, "t", "t/f")
        sent = ends.send("/dev/null", code=65)
        check("skipped" in sent.stderr, sent.stderr)


def drops_set_id_bits():
    with rig.Work("setid") as w:
        ends = pair(w)
        d = w.folder()
        ends.send(put(os.path.join(d, "s"), b"x", 0o6755), put(os.path.join(d, "t"), b"x", 0o1777))
        check(stat.S_IMODE(os.stat(ends.got("s")).st_mode) == 0o755)
        check(stat.S_IMODE(os.stat(ends.got("t")).st_mode) == 0o777)


# -------- conflicts --------

def keeps_what_is_there_unless_told_otherwise():
    with rig.Work("conflict") as w:
        ends = pair(w)
        d = w.folder()
        one = put(os.path.join(d, "f"), b"one")
        ends.send(one)
        ends.send(one)  # equal length and hash: done
        check(ends.receiver.until("committed", 2)["was_there"] is True)
        put(one, b"two", mtime=10**18)  # equal length
        s = ends.send(one, code=73)
        check("--on-conflict" in s.stderr, s.stderr)
        put(one, b"three")  # another length: refused at the start
        ends.send(one, code=73)
        clean(ends, "f")
        with open(ends.got("f"), "rb") as f:
            check(f.read() == b"one")
        ends.stop_receiver()


def replaces_or_renames_when_told():
    for how, names in (("replace", ["f"]), ("rename", ["f", "f.1", "f.2"])):
        with rig.Work(how) as w:
            ends = pair(w, receive=["--on-conflict", how])
            f = os.path.join(w.folder(), "f")
            for i in range(3):
                ends.send(put(f, b"v%d" % i, mtime=10**18 + i))
            clean(ends, *names)
            with open(ends.got(names[-1]), "rb") as g:
                check(g.read() == b"v2")


def does_not_replace_a_folder_by_a_file():
    with rig.Work("folder") as w:
        for how in ("fail", "replace"):
            ends = pair(w, receive=["--on-conflict", how])
            os.mkdir(ends.got("f"))
            ends.send(put(os.path.join(w.folder(), "f"), b"x"), code=73)
            clean(ends, "f")
            check(os.path.isdir(ends.got("f")))


# -------- files that change --------

def discards_a_file_that_changes_while_it_is_read():
    with rig.Work("changes") as w:
        ends = pair(w, send=["--checkpoint", "64K", "--limit-rate", "8M"])
        path = w.file(4 * MIB, SEED)
        s = ends.start_sender(path)
        s.until("started")
        ends.receiver.until("confirmed")
        with open(path, "r+b") as f:
            f.seek(MIB)
            f.write(b"changed")
        s.ends(65)
        check("changed while" in s.stderr, s.stderr)
        ends.receiver.until("discarded")
        clean(ends)
        ends.send(path)
        check(rig.same(path, ends.got("file")))


def begins_anew_when_a_file_changed_between_runs():
    with rig.Work("between") as w:
        ends = pair(w, send=["--checkpoint", "64K", "--limit-rate", "8M"])
        path = w.file(4 * MIB, SEED)
        s = ends.start_sender(path)
        ends.receiver.until("confirmed")
        s.signal(signal.SIGINT)
        s.ends(75)
        with open(path, "r+b") as f:
            f.write(b"changed")
        s = ends.send(path)
        check("changed since" in s.stderr, s.stderr)
        check(rig.same(path, ends.got("file")))
        clean(ends, "file")


# -------- standard input --------

def feed(sender, content):
    """Writes and closes its standard input beside what goes on."""
    def work():
        try:
            sender.run.stdin.write(content)
            sender.run.stdin.close()
        except BrokenPipeError:
            pass
    threading.Thread(target=work, daemon=True).start()


def standard_input_survives_cuts_and_kills_of_the_receiver():
    with rig.Work("stdin") as w:
        ends = rig.Ends(w, send=["--checkpoint", "64K", "--limit-rate", "16M", "--name", "stream"])
        chaos = rig.Chaos(w, ends.port, "--cut-every-random", "1:1000000", "--seed", str(SEED), "--count", "8")
        ends.via = chaos.port
        ends.start_receiver("--once")
        content = random.Random(SEED).randbytes(12 * MIB)
        s = ends.start_sender("-", stdin=subprocess.PIPE)
        at = 0
        for i in range(4):
            try:
                s.run.stdin.write(content[at:at + 2 * MIB])
                s.run.stdin.flush()
            except BrokenPipeError:
                raise rig.Failed("it stopped reading: " + s.say()) from None
            at += 2 * MIB
            ends.receiver.until("confirmed")
            ends.receiver.kill()
            ends.start_receiver("--once")
        s.run.stdin.write(content[at:])
        s.run.stdin.close()
        s.ends(0, 60)
        ends.receiver.ends(0)
        with open(ends.got("stream"), "rb") as f:
            check(f.read() == content, "it differs")
        clean(ends, "stream")
        check(len(s.of("resumed")) >= 4, s.of("resumed"))


def standard_input_of_a_dead_sender_is_discarded():
    with rig.Work("stdin") as w:
        ends = pair(w, send=["--checkpoint", "64K"])
        s = ends.start_sender("-", stdin=subprocess.PIPE)
        s.run.stdin.write(b"x" * MIB)
        s.run.stdin.flush()
        ends.receiver.until("confirmed")
        s.kill()
        s.run.stdin.close()
        with open(os.devnull, "rb") as f:
            s = ends.send("-", stdin=f)
        check("cannot be read again" in s.stderr, s.stderr)
        ends.receiver.until("discarded")
        clean(ends, "stdin")
        check(os.path.getsize(ends.got("stdin")) == 0)


# -------- processes --------

def a_second_sender_of_the_same_names_the_first():
    with rig.Work("second") as w:
        ends = pair(w, send=["--limit-rate", "1M"])
        path = w.file(4 * MIB, SEED)
        first = ends.start_sender(path)
        first.until("started")
        s = ends.send(path, code=75)
        check(str(first.pid) in s.stderr, s.stderr)
        first.signal(signal.SIGTERM)
        first.ends(75)


def once_ends_with_what_befell_its_sessions():
    with rig.Work("once") as w:
        for content, there, want in ((b"x", None, 0), (b"x", b"other", 73)):
            ends = pair(w, receive=["--once"])
            if there is not None:
                put(ends.got("f"), there)
            ends.send(put(os.path.join(w.folder(), "f"), content), code=want)
            ends.receiver.ends(want)
        ends = pair(w, receive=["--once"])
        with Stranger(ends.port) as s:
            s.open()
            s.send(octets.spdu(octets.AB, octets.par(17, b"\3")))
        ends.receiver.ends(1)


def once_survives_its_own_death():
    with rig.Work("once") as w:
        ends = rig.Ends(w, send=["--checkpoint", "64K", "--limit-rate", "8M"])
        ends.start_receiver("--once")
        path = w.file(3 * MIB, SEED)
        s = ends.start_sender(path)
        for _ in range(3):
            ends.receiver.until("confirmed")
            ends.receiver.kill()
            ends.start_receiver("--once")
        s.ends(0)
        ends.receiver.ends(0)
        check(rig.same(path, ends.got("file")))
        clean(ends, "file")


def stops_and_goes_on():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with rig.Work("stops") as w:
            ends = pair(w, send=["--checkpoint", "64K", "--limit-rate", "8M"])
            path = w.file(3 * MIB, SEED)
            s = ends.start_sender(path)
            at = ends.receiver.until("confirmed")["offset"]
            s.signal(number)
            s.ends(75)
            check("same command" in s.stderr, s.stderr)
            s = ends.send(path)
            check(s.of("resumed")[0]["offset"] >= at, s.of("resumed"))
            check(rig.same(path, ends.got("file")))


def a_second_interrupt_ends_it_at_once():
    with rig.Work("twice") as w:
        ends = pair(w, send=["--checkpoint", "64K", "--limit-rate", "8M"])
        path = w.file(3 * MIB, SEED)
        s = ends.start_sender(path)
        ends.receiver.until("confirmed")
        begin = time.monotonic()
        s.signal(signal.SIGINT)
        s.signal(signal.SIGINT)
        code = s.wait()
        check(code in (1, 75) and time.monotonic() - begin < 2, f"exit {code}")
        ends.send(path)
        check(rig.same(path, ends.got("file")))


def the_receiver_stops_and_goes_on():
    with rig.Work("stops") as w:
        ends = pair(w, send=["--checkpoint", "64K", "--limit-rate", "8M"])
        path = w.file(3 * MIB, SEED)
        s = ends.start_sender(path)
        ends.receiver.until("confirmed")
        ends.stop_receiver(75)
        ends.start_receiver()
        s.ends(0)
        check(len(s.of("resumed")) == 1)
        check(rig.same(path, ends.got("file")))
        ends.stop_receiver(0)


def gives_up_when_told_and_goes_on_later():
    with rig.Work("retry") as w:
        ends = pair(w, send=["--checkpoint", "64K", "--limit-rate", "8M"])
        path = w.file(3 * MIB, SEED)
        s = ends.start_sender(path, more=["--retry-for", "0.5"])
        ends.receiver.until("confirmed")
        ends.receiver.kill()
        s.ends(75)
        ends.start_receiver()
        ends.send(path)
        check(rig.same(path, ends.got("file")))


# -------- room --------

def waits_when_the_disk_is_full_and_goes_on_when_it_is_not():
    with rig.Work("full") as w:
        ends = rig.Ends(w, send=["--checkpoint", "256K"])
        # A mount namespace of its own: the file system goes with the process.
        wrap = os.path.join(w.folder(), "receive")
        who = "-m" if os.geteuid() == 0 else "-rm"
        put(wrap, f"""#!/bin/sh
exec unshare {who} sh -c 'mount -t tmpfs -o size=8m tmpfs "{ends.into}" && exec "{rig.TOOL}" "$@"' sh "$@"
""".encode(), 0o755)
        path = w.file(5 * MIB, SEED)
        ends.tool = wrap
        r = ends.start_receiver("--once")
        ends.tool = None
        inside = f"/proc/{r.pid}/root{ends.into}"
        put(os.path.join(inside, "filler"), b"f" * 5 * MIB)
        s = ends.start_sender(path)
        s.until("waiting")
        check("no space" in s.of("waiting")[0]["text"], s.of("waiting"))
        check(s.run.poll() is None, s.say())
        check(os.listdir(inside) != [], "nothing of it is kept")
        put(os.path.join(inside, "more"), b"")
        os.remove(os.path.join(inside, "filler"))
        got = os.path.join(inside, "file")
        r.until("committed")
        check(rig.same(path, got), "it differs")
        s.ends(0)
        check(s.of("resumed") != [], "it was not resumed")
        r.ends(0)


def refuses_more_than_it_is_told_to_take():
    with rig.Work("max") as w:
        ends = pair(w, receive=["--max-octets", "1M"])
        ends.send(w.file(MIB // 2, SEED, "small"))
        s = ends.start_sender(w.file(2 * MIB, SEED, "large"))
        code = s.wait()
        check(code in (65, 77), f"exit {code}", s.stderr)
        check("larger" in s.stderr, s.stderr)
        clean(ends, "small")
        s = ends.start_sender("-", stdin=subprocess.PIPE)  # its size is not known before
        feed(s, b"x" * 3 * MIB)
        check(s.wait() == code, s.say())
        clean(ends, "small")


def keeps_what_is_unfinished_only_as_long_as_told():
    with rig.Work("keep") as w:
        ends = pair(w, receive=["--keep", "1s"], send=["--checkpoint", "64K", "--limit-rate", "8M"])
        path = w.file(2 * MIB, SEED)
        s = ends.start_sender(path)
        ends.receiver.until("confirmed")
        s.kill()
        ends.stop_receiver(75)
        check(any(n.startswith(".convene/") for n in rig.listing(ends.into)), rig.listing(ends.into))
        time.sleep(2.2)  # this is the time that is tested
        ends.start_receiver()
        clean(ends)
        ends.send(path)
        check(rig.same(path, ends.got("file")))
        clean(ends, "file")


# -------- exit codes --------

def says_by_its_exit_code_what_happened():
    with rig.Work("codes") as w:
        ends = pair(w)
        f = put(os.path.join(w.folder(), "f"), b"x")
        s = ends.send(f, url=ends.url("other"), code=77)
        check("selector" in s.stderr, s.stderr)
        ends.send(f, url=f"iso://127.0.0.1:{rig.free_port()}/inbox", more=["--connect-timeout", "0.4"], code=69)
        for bad in ("http://127.0.0.1/inbox", "iso://", "iso://127.0.0.1:99999/inbox", "inbox",
                    "iso://127.0.0.1:1/" + "s" * 17):
            ends.send(f, url=bad, code=64)
        ends.send(f + "-not-there", code=66)
        ends.send(f, more=["--no-such-option"], code=64)
        ends.send(f, more=["--hash", "md5"], code=64)
        ends.send(code=64)
        words = ["receive", "--json", "--listen", f"iso://127.0.0.1:{rig.free_port()}/inbox"]
        for more, code in (([], 64), (["--into", f + "-not-there"], 66), (["--into", ends.into, "--on-conflict", "x"], 64),
                           (["--into", ends.into], 75)):
            t = rig.Tool(words + more, ends.receiver_state)
            w.ends.append(t)
            t.ends(code)
        t = rig.Tool(["receive", "--json", "--listen", "iso://0.0.0.0:1/inbox", "--into", ends.into], w.folder())
        w.ends.append(t)
        t.ends(77)
        t = rig.Tool(["receive", "--json", "--listen", f"iso://127.0.0.1:{ends.port}/inbox", "--into", w.folder()],
                     w.folder())
        w.ends.append(t)
        code = t.wait()
        check(code not in (0, None) and "in use" in t.stderr, code, t.stderr)


def says_everything_in_json_when_asked():
    with rig.Work("json") as w:
        ends = pair(w, receive=["--once"])
        f = put(os.path.join(w.folder(), 'a "quoted" \n\t\x01 \u00e4 \udcff name'), b"x" * 5000)
        s = ends.send(f)
        ends.receiver.ends(0)
        check(not s.bad_lines and not ends.receiver.bad_lines, s.bad_lines, ends.receiver.bad_lines)
        check([e["event"] for e in s.events] == ["opened", "started", "finished", "summary"], s.events)
        check(s.of("finished")[0]["digest"] == ends.receiver.of("committed")[0]["digest"])
        check(s.of("summary")[0]["sent"] == 5000 and s.of("summary")[0]["twice"] == 0)


def tells_people_what_happened():
    with rig.Work("people") as w:
        ends = pair(w)
        f = put(os.path.join(w.folder(), "f"), b"x" * 5000)
        done = subprocess.run([rig.TOOL, "send", f, ends.url()], env=dict(os.environ, XDG_STATE_HOME=ends.sender_state),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
        check(done.returncode == 0, done)
        check(re.match(r"1 of 1 confirmed, 4\.9 KiB sent, 0 B of them twice, 0 resumes, 1 connections\n",
                       done.stdout), done.stdout)
        check(done.stderr == "", done.stderr)
        silent = subprocess.run([rig.TOOL, "send", "-s", put(f + "2"), ends.url()], stdin=subprocess.DEVNULL,
                                env=dict(os.environ, XDG_STATE_HOME=ends.sender_state), capture_output=True, timeout=30,
                                check=False)
        check((silent.returncode, silent.stdout, silent.stderr) == (0, b"", b""), silent)


# -------- names that try to escape --------

class Stranger:
    """A conforming initiator that is a few octets and a socket."""

    def __init__(self, port, ref=b"stranger"):
        self.socket = socket.create_connection(("127.0.0.1", port), rig.PATIENCE)
        self.way = octets.Way()
        self.queue = []
        self.ref = ref

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, spdus):
        self.socket.sendall(octets.tsdu(spdus))

    def next(self):
        """(kind, value); for TSDUs the kind is the SPDU's name. None at the end."""
        while not self.queue:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                return None
            for kind, value in self.way.feed(piece):
                self.queue += [(s.name, s) for s in octets.decode_tsdu(value)] if kind == "TSDU" else [(kind, value)]
        return self.queue.pop(0)

    def expect(self, name):
        got = self.next()
        check(got is not None and got[0] == name, f"{name} was expected, not {got}")
        return got[1]

    def open(self, note=b"", **how):
        self.socket.sendall(octets.cr())
        self.expect("CC")
        self.send(octets.connect(ref=self.ref, note=note, **how))
        return self.expect("AC")

    def release(self):
        self.send(octets.spdu(octets.FN, octets.par(17, b"\1")))
        self.expect("DN")


def outside(w):
    """All of the work folder but what may change: to see that nothing else does."""
    return rig.listing(w.path)


def attempt(port, fields, content=b"escaped\n", digest=None, n=[0]):
    """One activity with these fields from a hand-made sender; the trouble's number, or 0: it was taken."""
    n[0] += 1
    with Stranger(port, ref=b"escape%d" % n[0]) as s:
        s.open(note=octets.note(version=1))
        note = octets.note(transfer=os.urandom(16), **fields)
        s.send(octets.after_gt(octets.AS, octets.par(41, b"a"), octets.user(note)))
        if fields.get("kind", 0) == octets.FILE:
            s.send(octets.data(content))
        end = octets.note(hash=digest) if digest else b""
        s.send(octets.after_gt(octets.AE, octets.par(42, b"1"), octets.user(end)))
        kind, value = s.next()
        if kind == "AEA":
            s.release()
            return 0
        check(kind in ("ED", "ER"), "answered by", kind)
        user = value.user
        at = user.find(bytes([octets.N_TROUBLE, 0, 1]))
        check(at > 0, "a trouble without a reason", user)
        s.send(octets.spdu(octets.AB, octets.par(17, b"\3")))
        return user[at + 3]


BAD_NAMES = [b"../x", b"..", b".", b"", b"/x", b"/etc/x", b"a/../../x", b"a/..", b"a//x", b"a/./x", b"./x", b"x/",
             b".convene", b".convene/x", b".convene/00000000000000000000000000000000", b"a\0b", b"x\0/../../y",
             b"a/" * 2000 + b"x", b"n" * 256, b"good/" + b"n" * 256, b"../../../../../../../../tmp/convene-escaped",
             b"//x", b"a/b/../../../x"]


def nothing_escapes_the_folder():
    with rig.Work("escape") as w:
        ends = pair(w, receive=["--on-conflict", "replace"])
        before = sorted(n for n in outside(w) if not n.startswith("rs"))
        for name in BAD_NAMES:
            check(attempt(ends.port, {"name": name, "mode": 0o644}) != 0, "taken:", name[:40])
            for kind in (octets.DIRECTORY, octets.SYMLINK):
                fields = {"name": name, "mode": 0o755, "kind": kind, "target": b"x"}
                check(attempt(ends.port, fields) != 0, "taken as kind", kind, name[:40])
        for target in (b"/etc", b"..", b"../x", b"a/../../x", b"", b"x\0y", b"/"):
            fields = {"name": b"link", "kind": octets.SYMLINK, "target": target, "mode": 0o777}
            check(attempt(ends.port, fields) != 0, "a link to", target)
        after = sorted(n for n in outside(w) if not n.startswith("rs"))
        check(before == after, "new:", set(after) - set(before))
        check(not os.path.exists("/tmp/convene-escaped"))
        clean(ends)


def nothing_is_written_through_a_link():
    with rig.Work("through") as w:
        ends = pair(w, receive=["--on-conflict", "replace"])
        away = w.folder("away")
        put(os.path.join(away, "f"), b"mine")
        os.symlink(away, ends.got("out"))           # links that stand there already
        os.symlink(os.path.join(away, "f"), ends.got("file"))
        os.symlink(os.path.join(away, "new"), ends.got("dangling"))
        for name in (b"out/f", b"out/x", b"out/sub/x"):
            check(attempt(ends.port, {"name": name, "mode": 0o644}) != 0, "written through", name)
        check(attempt(ends.port, {"name": b"out", "kind": octets.DIRECTORY, "mode": 0o700}) != 0, "folder through link")
        # A link may be replaced by a file, never followed.
        for name in (b"file", b"dangling"):
            attempt(ends.port, {"name": name, "mode": 0o644})
        # A good link from a peer, then a file through it.
        check(attempt(ends.port, {"name": b"d/f", "mode": 0o644}) == 0)
        check(attempt(ends.port, {"name": b"l", "kind": octets.SYMLINK, "target": b"d", "mode": 0o777}) == 0)
        check(attempt(ends.port, {"name": b"l/f", "mode": 0o644}, b"through") != 0, "written through a link")
        with open(os.path.join(away, "f"), "rb") as f:
            check(f.read() == b"mine")
        check(os.listdir(away) == ["f"], os.listdir(away))
        with open(ends.got("d/f"), "rb") as f:
            check(f.read() == b"escaped\n")


def a_wrong_hash_or_size_is_refused():
    with rig.Work("hash") as w:
        ends = pair(w)
        base = {"name": b"f", "mode": 0o644}
        check(attempt(ends.port, dict(base, size=5), b"123456") != 0, "longer than said")
        check(attempt(ends.port, dict(base, size=7), b"123456") != 0, "shorter than said")
        for octet, size in ((b"\1", 16), (b"\2", 32)):
            check(attempt(ends.port, dict(base, hash=octet), b"123456", octet + b"h" * size) != 0, "another hash")
        right = b"\2" + hashlib.sha256(b"123456").digest()
        check(attempt(ends.port, dict(base, name=b"right", hash=b"\2"), b"123456", right) == 0, "the right hash")
        check(attempt(ends.port, dict(base, mode=0o6777), b"123456") == 0)
        check(stat.S_IMODE(os.stat(ends.got("f")).st_mode) == 0o777)


# -------- captures --------

def writes_captures_that_tshark_reads():
    with rig.Work("pcap") as w:
        a, b = os.path.join(w.path, "a.pcapng"), os.path.join(w.path, "b.pcapng")
        ends = pair(w, receive=["--once", "--pcap", b])
        ends.send(w.file(300000, SEED), more=["--pcap", a, "--checkpoint", "64K"])
        ends.receiver.ends(0)
        for path in (a, b):
            out = subprocess.run(["tshark", "-r", path, "-d", f"tcp.port=={ends.port},tpkt", "--disable-protocol", "pres",
                                  "-T", "fields", "-e", "_ws.col.Info", "-e", "_ws.malformed"],
                                 capture_output=True, text=True, check=False)
            check(out.returncode == 0, out.stderr)
            # tshark calls AE and AEA by the other names of their codes, MAP and MAA.
            for what in ("CONNECT (CN)", "ACCEPT (AC)", "ACTIVITY START (AS)", "MINOR SYNC POINT (MIP)",
                         "MINOR SYNC ACK (MIA)", "MAJOR SYNC POINT (MAP)", "MAJOR SYNC ACK (MAA)", "FINISH (FN)",
                         "DISCONNECT (DN)"):
                check(what in out.stdout, f"{path}: no {what}", out.stdout)
            check("alformed" not in out.stdout, out.stdout)


CASES = [sends_a_tree_with_modes_and_times, sends_several_operands_and_a_file_without_octets,
         sends_a_sparse_file_over_4_gib_and_resumes_beyond_them, sends_all_names_that_a_folder_can_hold,
         sends_links_that_point_inside_and_skips_those_that_point_outside,
         skips_what_is_neither_file_nor_folder_and_says_so, drops_set_id_bits,
         keeps_what_is_there_unless_told_otherwise, replaces_or_renames_when_told,
         does_not_replace_a_folder_by_a_file, discards_a_file_that_changes_while_it_is_read,
         begins_anew_when_a_file_changed_between_runs,
         standard_input_survives_cuts_and_kills_of_the_receiver,
         standard_input_of_a_dead_sender_is_discarded, a_second_sender_of_the_same_names_the_first,
         once_ends_with_what_befell_its_sessions, once_survives_its_own_death, stops_and_goes_on,
         a_second_interrupt_ends_it_at_once, the_receiver_stops_and_goes_on,
         gives_up_when_told_and_goes_on_later, waits_when_the_disk_is_full_and_goes_on_when_it_is_not,
         refuses_more_than_it_is_told_to_take, keeps_what_is_unfinished_only_as_long_as_told,
         says_by_its_exit_code_what_happened, says_everything_in_json_when_asked, tells_people_what_happened,
         nothing_escapes_the_folder, nothing_is_written_through_a_link, a_wrong_hash_or_size_is_refused,
         writes_captures_that_tshark_reads]


def main():
    print(f"seed {SEED}", flush=True)
    cases = rig.Cases()
    for case in CASES:
        if len(sys.argv) < 2 or case.__name__ in sys.argv[1:]:
            cases.run(case.__name__, case)
    return cases.result()


if __name__ == "__main__":
    rig.main(main)
