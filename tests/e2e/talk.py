#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""talk.py [NAME...] - convene talk: both ends driven over JSON, words, a terminal and raw octets."""
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import rig
from rig import check
from talkrig import BASIC, BOTH_WAYS, HALF, PATIENCE, Talk, Terminal, connect, ends, listener, opened, released

# -------- every primitive --------

def data_of_all_kinds(a, b, expedited):
    a.do("S-DATA", data="text \u00e4\u20ac \u0000 \" \\")
    b.ind("S-DATA", data="text \u00e4\u20ac \u0000 \" \\")
    a.do("S-DATA", hex="00ff80")
    b.ind("S-DATA", hex="00ff80")
    a.do("S-DATA", data="a", end=False)
    a.do("S-DATA", data="b", begin=False, end=False)
    a.do("S-DATA", data="c", begin=False)
    b.ind("S-DATA", data="abc")
    a.do("S-TYPED-DATA", data="typed")
    b.ind("S-TYPED-DATA", data="typed")
    a.do("S-TYPED-DATA", length=70000)
    o = b.ind("S-TYPED-DATA", length=70000)
    check(o["pattern"] is True and o["begin"] is False and len(o["xxh128"]) == 32, o)
    if expedited:
        a.do("S-EXPEDITED-DATA", data="14 octets long")
        b.ind("S-EXPEDITED-DATA", data="14 octets long")


def give_all(a, b):
    """Outside activities."""
    a.do("S-CONTROL-GIVE", data="control")
    b.ind("S-CONTROL-GIVE", data="control")


def points(a, b):
    o = a.do("S-SYNC-MINOR", data="m")
    b.ind("S-SYNC-MINOR", serial=o["serial"], data="m")
    b.rsp("S-SYNC-MINOR", serial=o["serial"], data="mc")
    a.cnf("S-SYNC-MINOR", serial=o["serial"], data="mc")
    o = a.do("S-SYNC-MINOR", optional=True)
    b.ind("S-SYNC-MINOR", serial=o["serial"], optional=True)
    o = a.do("S-SYNC-MAJOR", data="M")
    b.ind("S-SYNC-MAJOR", serial=o["serial"], data="M")
    b.rsp("S-SYNC-MAJOR", data="Mc")
    a.cnf("S-SYNC-MAJOR", serial=o["serial"], data="Mc")
    return o["serial"]


def resyncs(a, b, last):
    a.do("S-SYNC-MINOR")
    b.ind("S-SYNC-MINOR")
    a.do("S-RESYNCHRONIZE", type="restart", serial=last + 1, tokens={"data": "acceptor-chooses"}, data="R")
    o = b.ind("S-RESYNCHRONIZE", type="restart", serial=last + 1, data="R")
    check(o["tokens"]["data"] == "acceptor-chooses", o)
    side = "initiator" if a.initiator else "responder"
    b.rsp("S-RESYNCHRONIZE", serial=last + 1, tokens={"data": side}, data="Rc")
    o = a.cnf("S-RESYNCHRONIZE", serial=last + 1, data="Rc")
    check(o["tokens"]["data"] == side, o)
    a.do("S-RESYNCHRONIZE", type="set", serial=500)
    b.ind("S-RESYNCHRONIZE", type="set", serial=500)
    b.rsp("S-RESYNCHRONIZE")
    a.cnf("S-RESYNCHRONIZE", serial=500)
    a.do("S-RESYNCHRONIZE", type="abandon")
    o = b.ind("S-RESYNCHRONIZE", type="abandon")
    b.rsp("S-RESYNCHRONIZE")
    a.cnf("S-RESYNCHRONIZE", serial=o["serial"])


def activities(a, b):
    a.do("S-CAPABILITY-DATA", data="cap")
    b.ind("S-CAPABILITY-DATA", data="cap")
    b.rsp("S-CAPABILITY-DATA", data="cap back")
    a.cnf("S-CAPABILITY-DATA", data="cap back")
    a.do("S-ACTIVITY-START", activity="A1", data="start")
    b.ind("S-ACTIVITY-START", activity="A1", data="start")
    resyncs(a, b, points(a, b))
    o = a.do("S-ACTIVITY-END", data="end")
    b.ind("S-ACTIVITY-END", serial=o["serial"], data="end")
    b.rsp("S-ACTIVITY-END", data="ended")
    a.cnf("S-ACTIVITY-END", serial=o["serial"], data="ended")
    a.do("S-ACTIVITY-START", activity="0x00ff")
    b.ind("S-ACTIVITY-START", activity="0x00ff")
    a.do("S-ACTIVITY-INTERRUPT", reason="sequence-error", data="i")
    b.ind("S-ACTIVITY-INTERRUPT", reason="sequence-error", data="i")
    b.rsp("S-ACTIVITY-INTERRUPT", data="ic")
    a.cnf("S-ACTIVITY-INTERRUPT", data="ic")
    old = {"calling": "me", "called": "0x00", "common": "2611211100Z", "additional": "0xff"}
    a.do("S-ACTIVITY-RESUME", activity="A2", old_activity="0x00ff", serial=7, old_connection=old, data="r")
    b.ind("S-ACTIVITY-RESUME", activity="A2", old_activity="0x00ff", serial=7, old_connection=old, data="r")
    exceptions(a, b)
    a.do("S-ACTIVITY-DISCARD", reason="unrecoverable-procedural-error", data="d")
    b.ind("S-ACTIVITY-DISCARD", reason="unrecoverable-procedural-error", data="d")
    b.rsp("S-ACTIVITY-DISCARD")
    a.cnf("S-ACTIVITY-DISCARD")


def exceptions(a, b):
    """The side without the data token reports; the other gives it, then has it back."""
    for reason in ("non-specific", "receiving-ability-jeopardized", "local-error", "demand-data-token"):
        b.do("S-U-EXCEPTION-REPORT", reason=reason, data="x")
        a.ind("S-U-EXCEPTION-REPORT", reason=reason, data="x")
        a.do("S-TOKEN-GIVE", tokens=["data"], data="g")
        b.ind("S-TOKEN-GIVE", tokens=["data"], data="g")
        a.do("S-TOKEN-PLEASE", tokens=["data"], data="p")
        b.ind("S-TOKEN-PLEASE", tokens=["data"], data="p")
        b.do("S-TOKEN-GIVE", tokens=["data"])
        a.ind("S-TOKEN-GIVE", tokens=["data"])


def every_primitive_with_tokens_and_activities():
    with rig.Work("talk") as w:
        a, b = opened(w, HALF)
        a.initiator, b.initiator = True, False
        for x, y in ((a, b), (b, a)):
            data_of_all_kinds(x, y, False)
            activities(x, y)
            give_all(x, y)
        a.do("S-RELEASE", data="out")
        b.ind("S-RELEASE", data="out")
        b.rsp("S-RELEASE", result="negative", data="not yet")
        a.cnf("S-RELEASE", result="negative", data="not yet")
        give_all(a, b)
        b.do("S-RELEASE", data="now")
        a.ind("S-RELEASE", data="now")
        a.rsp("S-RELEASE", result="affirmative", data="yes")
        b.cnf("S-RELEASE", result="affirmative", data="yes")
        a.ends(0)
        b.ends(0)


def points_without_activities():
    with rig.Work("talk") as w:
        a, b = opened(w, BASIC, initial_serial=10)
        a.initiator, b.initiator = True, False
        resyncs(a, b, points(a, b))
        a.do("S-TOKEN-GIVE", tokens=["data", "synchronize-minor", "major-activity", "release"])
        b.ind("S-TOKEN-GIVE", tokens=["data", "synchronize-minor", "major-activity", "release"])
        resyncs(b, a, points(b, a))
        b.do("S-RELEASE")
        a.ind("S-RELEASE")
        a.rsp("S-RELEASE")
        b.cnf("S-RELEASE")
        a.ends(0)
        b.ends(0)


def both_ways_symmetric_separated_expedited():
    with rig.Work("talk") as w:
        a, b = ends(w, "--expedited")
        o = connect(a, b, BOTH_WAYS, initial_serial=5, second_initial_serial=8)
        check(o["functional_units"] == [u for u in o["functional_units"] if u in BOTH_WAYS], o)
        check({"initial_serial", "second_initial_serial"} <= set(o), o)
        for x, y in ((a, b), (b, a)):
            data_of_all_kinds(x, y, True)
            o = x.do("S-SYNC-MINOR", data_separation=True, data="s")
            y.ind("S-SYNC-MINOR", serial=o["serial"], data_separation=True, data="s")
            y.rsp("S-SYNC-MINOR", serial=o["serial"])
            x.cnf("S-SYNC-MINOR", serial=o["serial"])
            o = x.do("S-SYNC-MAJOR")
            check("second_serial" in o, o)
            i = y.ind("S-SYNC-MAJOR", serial=o["serial"])
            check("second_serial" in i, i)
            y.rsp("S-SYNC-MAJOR")
            x.cnf("S-SYNC-MAJOR")
            x.do("S-RESYNCHRONIZE", type="set", serial=100, second_type="set", second_serial=200)
            y.ind("S-RESYNCHRONIZE", type="set", serial=100, second_type="set", second_serial=200)
            y.rsp("S-RESYNCHRONIZE")
            o = x.cnf("S-RESYNCHRONIZE")
            check("second_serial" in o, o)
            x.do("S-RESYNCHRONIZE", type="abandon")
            o = y.ind("S-RESYNCHRONIZE", type="abandon")
            check("second_type" not in o, o)
            y.rsp("S-RESYNCHRONIZE")
            x.cnf("S-RESYNCHRONIZE")
            x.do("S-TOKEN-GIVE", tokens=["major-activity"])
            y.ind("S-TOKEN-GIVE", tokens=["major-activity"])
        released(a, b)


def aborts_both_ways():
    for first in (0, 1):
        with rig.Work("talk") as w:
            pair = opened(w, ["duplex"])
            x, y = pair[first], pair[1 - first]
            x.do("S-U-ABORT", data="because")
            y.ind("S-U-ABORT", data="because")
            x.ends(1)
            y.ends(1)


# -------- S-CONNECT --------

def parameters_of_connect():
    with rig.Work("talk") as w:
        a, b = ends(w)
        ident = {"calling": "c" * 64, "common": "0x0001", "additional": "0xffffffff"}
        tokens = {"data": "responder", "synchronize-minor": "acceptor-chooses", "major-activity": "initiator",
                  "release": "acceptor-chooses"}
        a.do("S-CONNECT", versions=[2], functional_units=HALF + ["duplex"], identifier=ident, tokens=tokens,
             calling_selector="0x00ff", called_selector="other", initial_serial=999999,
             tsdu_maximum={"initiator": 1000, "responder": 64}, hex="ff" * 20000)
        o = b.ind("S-CONNECT", versions=[2], identifier=ident, calling_selector="0x00ff", called_selector="other",
                  tokens=tokens, initial_serial=999999, tsdu_maximum={"initiator": 1000, "responder": 64},
                  hex="ff" * 20000)
        check(set(o["functional_units"]) == set(HALF + ["duplex"]), o)
        back = {"called": "0x00", "common": "x", "additional": "abcd"}
        b.rsp("S-CONNECT", result="accept", versions=2, functional_units=HALF, identifier=back,
              responding_selector="resp", initial_serial=3, tokens={"synchronize-minor": "responder",
              "release": "initiator"}, tsdu_maximum={"initiator": 500}, please=["major-activity"], data="welcome")
        o = a.cnf("S-CONNECT", versions=[2], identifier=back, responding_selector="resp", data="welcome",
                  initial_serial=3, tsdu_maximum={"initiator": 500, "responder": 64}, please=["major-activity"])
        check(o["tokens"] == {"data": "responder", "synchronize-minor": "responder", "major-activity": "initiator",
                              "release": "initiator"}, o)
        check(set(o["functional_units"]) == set(HALF), o)
        a.ind("S-TOKEN-PLEASE", tokens=["major-activity"])
        state = b.answer({"show": True})
        check(state["tokens"]["data"] == "this-side" and state["tokens"]["release"] == "peer", state)
        b.do("S-DATA", length=5000)
        a.ind("S-DATA", hex=bytes(i % 251 for i in range(5000)).hex())
        a.do("S-U-ABORT")
        a.ends(1)
        b.ends(1)


def subsets_versions_and_simplex():
    for subset, version, many in (("BCS", 1, 1), ("BSS", 2, 6), ("BAS", 1, 6)):
        with rig.Work("talk") as w:
            a, b = ends(w)
            o = connect(a, b, [subset], versions=[version])
            check(o["versions"] == [version] and len(o["functional_units"]) >= many, o)
            if version == 1:
                a.refused("S-RELEASE", "at most 512 octets", data="x" * 513)
            released(a, b, 65 if version == 1 else 0)
    with rig.Work("talk") as w:
        a, b = ends(w)
        a.do("S-CONNECT", functional_units=["half-duplex"], simplex=True, tokens={"data": "initiator"})
        b.ind("S-CONNECT")
        b.rsp("S-CONNECT", result="accept")
        a.cnf("S-CONNECT")
        a.refused("S-TOKEN-GIVE", "one-way dialogue", tokens=["data"])
        released(a, b, 65)
    with rig.Work("talk") as w:
        b = listener(w, "--units", "duplex,typed-data", "--versions", "1")
        a = Talk(w, b.url)
        o = connect(a, b, ["half-duplex", "duplex", "typed-data", "exceptions"])
        check(o["functional_units"] == ["duplex", "typed-data"] and o["versions"] == [1], o)
        released(a, b)


def refusals_of_connect():
    results = ("user", "user-congestion", "user-data", "selector-unknown", "not-attached", "congestion", "version",
               "provider", "restriction")
    with rig.Work("talk") as w:
        b = listener(w)
        for result in results:
            a = Talk(w, b.url)
            a.do("S-CONNECT", functional_units=["duplex"])
            b.ind("S-CONNECT")
            more = {"data": "sorry"} if result == "user-data" else {}
            b.rsp("S-CONNECT", result=result, session=b.objects[-1].get("session", 1), **more)
            a.cnf("S-CONNECT", result=result, **more)
            a.ends(77)
            b.event("closed")
        b.ends(0)


def a_kept_transport_connection_is_used_again():
    with rig.Work("talk") as w:
        a, b = opened(w, ["duplex"], "--reuse")
        for _ in range(3):
            a.do("S-RELEASE", keep=True)
            b.ind("S-RELEASE", keep=True)
            b.rsp("S-RELEASE")
            a.cnf("S-RELEASE", keep=True)
            connect(a, b, ["duplex"])
            a.do("S-DATA", data="again")
            b.ind("S-DATA", data="again")
        a.do("S-RELEASE")
        b.ind("S-RELEASE")
        b.rsp("S-RELEASE")
        a.cnf("S-RELEASE")
        check(sum(o.get("event") == "connected" for o in a.objects) == 1, a.objects)
        # and a new one is dialed where none was kept
        a.event("closed")
        b.event("closed")
        connect(a, b, ["duplex"])
        a.do("S-U-ABORT")
        a.ends(1)
        b.ends(1)


# -------- refusals --------

def refusals_say_precisely_why():
    with rig.Work("talk") as w:
        a, b = ends(w)
        a.refused("S-DATA", "there is no session connection", data="x")
        b.refused("S-CONNECT", "nobody has connected", kind="response")
        b.refused("S-CONNECT", "nobody has connected")
        a.refused("S-CONNECT", "neither half-duplex nor duplex", functional_units=["typed-data"])
        a.refused("S-CONNECT", "needs an initial serial number", functional_units=["duplex", "resynchronize"])
        connect(a, b, HALF)
        a.refused("S-CONNECT", "there is a session connection already", functional_units=["duplex"])
        b.refused("S-DATA", "the data token is with the peer", data="x")
        b.refused("S-TOKEN-GIVE", "the release token is with the peer", tokens=["release"])
        a.refused("S-SYNC-MINOR", "activity", optional=True)
        b.refused("S-ACTIVITY-START", "the .* token is with the peer", activity="1")
        a.refused("S-EXPEDITED-DATA", "expedited data was not agreed", data="x")
        a.refused("S-EXPEDITED-DATA", "1 to 14|expedited data was not agreed", data="x" * 15)
        a.refused("S-ACTIVITY-START", "1 to 6 octets", activity="1234567")
        a.refused("S-ACTIVITY-START", "1 to 6 octets")
        a.refused("S-SYNC-MAJOR", "no S-SYNC-MAJOR indication", kind="response")
        a.refused("S-U-EXCEPTION-REPORT", "activity|data token")
        a.do("S-ACTIVITY-START", activity="1")
        b.ind("S-ACTIVITY-START")
        a.refused("S-ACTIVITY-START", "activity is", activity="2")
        a.refused("S-RELEASE", "activity")
        b.refused("S-SYNC-MINOR", "the (data|synchronize-minor) token is with the peer")
        a.do("S-TOKEN-GIVE", tokens=["synchronize-minor"])
        b.ind("S-TOKEN-GIVE")
        a.refused("S-SYNC-MINOR", "the synchronize-minor token is with the peer")
        a.refused("S-RESYNCHRONIZE", "restart goes back", type="restart", serial=900)
        a.refused("S-RESYNCHRONIZE", "need a serial number", type="set")
        b.refused("S-SYNC-MINOR", "no point of that number", kind="response", serial=4)
        a.do("S-DATA", data="a", end=False)
        a.refused("S-TYPED-DATA", "an SSDU has been begun and not ended", data="x")
        a.do("S-DATA", data="b", begin=False)
        b.ind("S-DATA", data="ab")
        a.refused("S-DATA", "at least one octet", data="")
        a.do("S-ACTIVITY-INTERRUPT")
        b.ind("S-ACTIVITY-INTERRUPT")
        a.refused("S-DATA", "S-ACTIVITY-INTERRUPT was requested", data="x")
        b.refused("S-RELEASE", "S-ACTIVITY-INTERRUPT indication waits|token is with")
        b.rsp("S-ACTIVITY-INTERRUPT")
        a.cnf("S-ACTIVITY-INTERRUPT")
        a.do("S-U-ABORT")
        b.ind("S-U-ABORT")
        a.ends(1)
        b.ends(1)


def lines_that_are_no_commands():
    lines = [("{", "not JSON"), ("[1]", "not a JSON object"), ("7", "not JSON|not a JSON object"), ("{}", "not a command"),
             ('{"request":1}', "not a service"), ('{"request":"S-NOTHING"}', "not a service"),
             ('{"request":"S-DATA","data":"x","data":"y"}', "not JSON: duplicate"),
             ('{"request":"S-DATA","data":7}', "data: not a string|no session connection"),
             ('\x00\x01\x02', "not JSON"), ('{"request":"S-DATA","data":"\\ud800"}', "not JSON"),
             ('{"wait":"S-DATA","kind":"request"}', "kind"), ('{"wait":"S-DATA","seconds":-1}', "seconds"),
             ('{"wait":5}', "not a service"), ('{"wait":"S-DATA","colour":1}', "colour: there is no such member"),
             ('{"pause":"x"}', "not a number"), ('{"raw":"0"}', "pairs of hexadecimal"), ('{"raw":"00"}', "nobody"),
             ('{"show":true,"x":1}', "no such member"), ('{"wait":"S-DATA","serial":1000000}', "serial"),
             ('{"request":"S-CONNECT","functional_units":["x"]}', "functional_units: not one of"),
             ('{"request":"S-CONNECT","functional_units":"duplex","tokens":{"x":"initiator"}}', "tokens: not one of"),
             ('{"request":"S-CONNECT","functional_units":"duplex","tokens":{"data":"me"}}', "tokens: not one of"),
             ('{"request":"S-CONNECT","tokens":["data"]}', "tokens: not an object"),
             ('{"request":"S-CONNECT","versions":[3]}', "versions: not a list of 1 and 2"),
             ('{"request":"S-CONNECT","initial_serial":1000000}', "initial_serial: not a number from 0 to 999999"),
             ('{"request":"S-CONNECT","identifier":{"x":"y"}}', "identifier: a member that is not"),
             ('{"request":"S-CONNECT","calling_selector":"0x0"}', "odd number"),
             ('{"request":"S-CONNECT","calling_selector":"0xzz"}', "not hexadecimal"),
             ('{"request":"S-CONNECT","hex":"00","data":"x"}', "given twice"),
             ('{"request":"S-CONNECT","length":-1}', "length: not a number"),
             ('{"request":"S-CONNECT","length":99999999999}', "more than 64 MiB"),
             ('{"request":"S-CONNECT","serial":1}', "serial"), ('{"request":"S-CONNECT","optional":true}', "no such parameter"),
             ('{"request":"S-CONNECT","simplex":1}', "not true or false"),
             ('{"request":"S-CONNECT","tsdu_maximum":{"initiator":70000}}', "tsdu_maximum: not a number"),
             ('{"help":true}', "docs/TALK.md"), ('{"answer":true}', "nothing waits"),
             ('{"request":"S-CONNECT","functional_units":' + "[" * 3000 + "]" * 3000 + "}", "not JSON|not one of")]
    with rig.Work("talk") as w:
        a, b = ends(w)
        for line, why in lines:
            a.write(line)
            o = a.find(lambda o: "error" in o, f"an error about {line[:60]}")
            check(re.search(why, o["why"]), f"{line[:80]}: wanted /{why}/, said", o)
        a.run.stdin.write("{" + "x" * (17 << 20) + "}\n")
        a.write("")
        check("longer than 16 MiB" in a.find(lambda o: "error" in o, "a line too long")["why"])
        connect(a, b, ["duplex"])  # it has gone on
        for line, why in (('{"request":"S-SYNC-MINOR","serial":5}', "the provider chooses"),
                          ('{"response":"S-RELEASE","result":"perhaps"}', "affirmative, negative"),
                          ('{"request":"S-U-EXCEPTION-REPORT","reason":"x"}', "reason: not one of"),
                          ('{"request":"S-RESYNCHRONIZE","type":"soft"}', "restart, abandon, set")):
            a.write(line)
            o = a.find(lambda o: "error" in o, line)
            check(re.search(why, o["why"]), line, o)
        a.do("S-RELEASE")
        b.ind("S-RELEASE")
        b.rsp("S-RELEASE")
        a.ends(65)
        b.ends(0)


# -------- waiting, the end --------

def waits():
    with rig.Work("talk") as w:
        a, b = ends(w)
        connect(a, b, ["duplex", "symmetric-synchronize"])
        a.write({"wait": "S-DATA", "seconds": 0.1}, {"wait": "S-SYNC-MINOR", "kind": "indication", "serial": 2, "id": "m"})
        check("within 0.1 s" in a.find(lambda o: o.get("error") == "S-DATA", "a wait that ends")["why"])
        for _ in range(2):
            b.do("S-SYNC-MINOR")
        check(a.find(lambda o: o.get("id") == "m", "waited")["waited"] == "S-SYNC-MINOR")
        # what came is still there when it is asked for later
        b.do("S-TYPED-DATA", data="x") if False else b.do("S-DATA", data="x")
        a.ind("S-DATA")
        a.write({"pause": 0.05}, {"wait": "S-DATA", "kind": "indication", "id": "d"}, {"wait": "sent", "id": "s"})
        a.find(lambda o: o.get("id") == "d", "waited")
        a.find(lambda o: o.get("id") == "s", "waited")
        b.do("S-U-ABORT")
        a.ind("S-U-ABORT")
        a.write({"wait": "closed", "id": "c"}, {"wait": "S-DATA", "id": "v"})
        a.find(lambda o: o.get("id") == "c" and "waited" in o, "closed")
        check("cannot come any more" in a.find(lambda o: o.get("id") == "v", "in vain")["why"])
        a.ends(1)
        b.ends(1)


def the_input_ends():
    with rig.Work("talk") as w:  # the initiator releases, the responder answers
        a, b = opened(w, HALF)
        b.close_input()
        a.do("S-DATA", length=3000000)
        a.ends(0)
        b.ends(0)
        check(any(o.get("indication") == "S-DATA" and o.get("length") == 3000000 for o in b.objects), "data lost")
        check(any(o.get("confirm") == "S-RELEASE" for o in a.objects), a.objects)
    with rig.Work("talk") as w:  # a connection that nobody answers is refused
        a, b = ends(w)
        a.do("S-CONNECT", functional_units=["duplex"])
        b.ind("S-CONNECT")
        b.ends(0)
        a.cnf("S-CONNECT", result="user")
        a.ends(77)
    with rig.Work("talk") as w:  # all from one pipe, read at once
        b = listener(w, "--auto", "--once", stdin=subprocess.DEVNULL)
        a = Talk(w, b.url)
        a.write({"request": "S-CONNECT", "functional_units": ["duplex"]}, {"wait": "S-CONNECT", "kind": "confirm"},
                {"request": "S-DATA", "data": "hi"}, {"wait": "S-DATA"}, {"quit": True}, {"request": "S-DATA"})
        a.ends(0)
        a.ind("S-DATA", data="hi")
        b.ends(0)


def signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with rig.Work("talk") as w:
            a, b = opened(w, ["duplex"])
            a.run.send_signal(number)  # the initiator may release
            b.ind("S-RELEASE")
            b.rsp("S-RELEASE")
            a.ends(0)
            b.run.send_signal(number)
            b.ends(0)
    with rig.Work("talk") as w:
        a, b = opened(w, HALF)
        b.run.send_signal(signal.SIGTERM)  # the responder may not: it aborts
        a.ind("S-U-ABORT")
        b.ends(1)
        a.ends(1)
    with rig.Work("talk") as w:
        a, b = opened(w, ["duplex"])
        a.do("S-RELEASE")
        b.ind("S-RELEASE")
        a.run.send_signal(signal.SIGINT)
        time.sleep(0.1)
        a.run.send_signal(signal.SIGINT)  # the answer does not come: the second hangs up
        b.ind("S-P-ABORT", reason="transport-disconnect")
        a.ends(1)
        b.ends(1)


def nobody_there():
    with rig.Work("talk") as w:
        a = Talk(w, f"iso://127.0.0.1:{rig.free_port()}/x")
        a.do("S-CONNECT", functional_units=["duplex"])
        a.ind("S-P-ABORT", reason="transport-disconnect")
        check("refused" in a.event("closed")["why"])
        a.ends(69)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            a = Talk(w, "--connect-timeout", "0.3", f"iso://127.0.0.1:{silent.getsockname()[1]}/x")
            a.do("S-CONNECT", functional_units=["duplex"])
            check("connect-timeout" in a.event("closed")["why"])
            a.ends(69)
        for words, code in (([], 64), (["iso://h", "more"], 64), (["http://x"], 64), (["--units", "x", "iso://h"], 64),
                            (["--versions", "3", "iso://h"], 64), (["--tpdu-size", "5", "iso://h"], 64),
                            (["--listen", "iso://0.0.0.0:0/x"], 77), (["--listen", "iso://192.0.2.1:0/x", "--insecure"], 69)):
            t = Talk(w, *words)
            t.ends(code)
            check(t.errors.startswith("convene: "), t.errors)


# -------- octets --------

def raw_tsdus():
    with rig.Work("talk") as w:  # both without the session protocol
        b = listener(w, "--raw", "--expedited")
        a = Talk(w, "--raw", "--expedited", b.url)
        a.write({"raw": "0102030405"})
        check(b.find(lambda o: "tsdu" in o, "tsdu")["tsdu"] == "0102030405")
        a.write({"raw": "aa", "expedited": True}, {"wait": "sent"}, {"raw": "00" * 100000})
        o = b.find(lambda o: "tsdu" in o, "tsdu")
        check(o["tsdu"] == "aa" and o["expedited"], o)
        check(b.find(lambda o: o.get("length") == 100000, "a long tsdu")["tsdu"] is None)
        b.write({"raw": "ff"}, {"request": "S-DATA", "data": "x"})
        check(a.find(lambda o: "tsdu" in o, "tsdu")["tsdu"] == "ff")
        check("no session protocol" in b.find(lambda o: "error" in o, "refusal")["why"])
        a.ends(0)
        b.event("closed")
        b.ends(65)
    with rig.Work("talk") as w:  # octets against the machine: CN, FN by hand
        b = listener(w)
        a = Talk(w, "--raw", b.url)
        a.write({"raw": "0d0c" "0506" "130100" "160102" "1402" "0002"})  # options 0, version 2; units duplex
        b.ind("S-CONNECT", functional_units=["duplex"])
        b.rsp("S-CONNECT", result="accept")
        ac = a.find(lambda o: "tsdu" in o, "AC")["tsdu"]
        check(ac.startswith("0e"), ac)
        a.write({"raw": "0100" "0100" "6869"})  # GT, DT "hi"
        b.ind("S-DATA", data="hi")
        a.write({"raw": "090111"})  # FN, malformed
        o = b.ind("S-P-ABORT", reason="protocol-error")
        check("X.225" in o["why"] and o["reflected"].startswith("0x"), o)
        check(a.find(lambda o: "tsdu" in o, "AB")["tsdu"].startswith("19"), a.objects)
        a.ends(0)
        b.ends(76)
    with rig.Work("talk") as w:  # past the machine
        a, b = opened(w, ["duplex"])
        check(a.answer({"raw": "01000100" + "6869"})["done"] == "raw")
        b.ind("S-DATA", data="hi")
        a.do("S-DATA", data="a", end=False)
        o = a.answer({"raw": "01000100" + "6869"})
        check("an SSDU" in o["why"], o)
        a.do("S-DATA", data="b", begin=False)
        b.ind("S-DATA", data="ab")
        o = a.answer({"raw": "01", "expedited": True})
        check("no expedited data" in o["why"], o)
        a.write({"raw": "ffff"})
        b.ind("S-P-ABORT", reason="protocol-error")
        a.ind("S-P-ABORT", reason="protocol-error")
        a.ends(76)
        b.ends(76)


def an_exception_of_the_provider():
    with rig.Work("talk") as w:
        b = listener(w, "--error-report")
        a = Talk(w, b.url)
        connect(a, b, ["half-duplex", "exceptions"])
        a.write({"raw": "0102"})
        o = b.ind("S-P-EXCEPTION-REPORT", reason="protocol-error")
        check(o["reflected"].startswith("0x"), o)
        a.ind("S-P-EXCEPTION-REPORT")
        a.do("S-TOKEN-GIVE", tokens=["data"])
        b.ind("S-TOKEN-GIVE")
        b.do("S-TOKEN-GIVE", tokens=["data"])
        a.ind("S-TOKEN-GIVE")
        released(a, b)


# -------- length, auto --------

def long_ssdus_need_no_memory():
    with rig.Work("talk") as w:
        a, b = opened(w, ["duplex"])
        size = int(os.environ.get("TALK_OCTETS", 400 << 20))
        a.write({"request": "S-DATA", "length": size}, {"request": "S-DATA", "data": "next"})
        o = b.find(lambda o: o.get("indication") == "S-DATA", "the beginning")
        check(o["begin"] is True and o["end"] is False, o)
        o = b.ind("S-DATA")
        check(o["length"] == size and o["pattern"] is True, o)
        b.ind("S-DATA", data="next")
        for t in (a, b):
            check(t.high_water() < 64 << 20, "memory:", t.high_water())
        a.write({"request": "S-DATA", "length": 1 << 40}, {"request": "S-U-ABORT", "data": "enough"})
        b.event("cut")  # an ABORT cannot stand within a TSDU: the transport connection ends
        b.ind("S-P-ABORT", reason="transport-disconnect")
        a.ends(1)
        b.ends(1)
    with rig.Work("talk") as w:  # with segmentation, and on the expedited flow, it can
        a, b = opened(w, ["duplex", "expedited-data"], "--expedited")
        a.write({"request": "S-DATA", "length": 1 << 40}, {"request": "S-U-ABORT", "data": "enough"})
        b.ind("S-U-ABORT", data="enough")
        a.ends(1)
        b.ends(1)


def auto_sends_back_both_ways():
    with rig.Work("talk") as w:
        b = listener(w, "--auto", "--expedited", stdin=subprocess.DEVNULL)
        a = Talk(w, "--expedited", b.url)
        a.do("S-CONNECT", functional_units=BOTH_WAYS, initial_serial=1)
        a.cnf("S-CONNECT", result="accept")
        a.do("S-DATA", data="echo")
        a.ind("S-DATA", data="echo")
        a.do("S-DATA", length=50000000)
        o = a.ind("S-DATA", length=50000000)
        check(o["pattern"] is True, o)
        a.do("S-TYPED-DATA", hex="00")
        a.ind("S-TYPED-DATA", data="\0")
        a.do("S-EXPEDITED-DATA", data="!")
        a.ind("S-EXPEDITED-DATA", data="!")
        o = a.do("S-SYNC-MINOR")
        a.cnf("S-SYNC-MINOR", serial=o["serial"])
        a.do("S-SYNC-MAJOR")
        a.cnf("S-SYNC-MAJOR")
        a.do("S-DATA", data="half", end=False)
        a.do("S-DATA", data="whole", begin=False)
        a.do("S-RESYNCHRONIZE", type="set", serial=40, second_type="set", second_serial=50)
        a.cnf("S-RESYNCHRONIZE")
        a.do("S-DATA", data="after")
        a.ind("S-DATA", data="after") if a.objects[-1].get("data") != "halfwhole" else None
        a.do("S-RELEASE")
        a.cnf("S-RELEASE", result="affirmative")
        a.ends(0)
        check(b.high_water() < 96 << 20, "memory:", b.high_water())
        b.run.send_signal(signal.SIGTERM)
        b.ends(0)


def auto_asks_for_the_data_token():
    with rig.Work("talk") as w:
        b = listener(w, "--auto", stdin=subprocess.DEVNULL)
        a = Talk(w, b.url)
        a.do("S-CONNECT", functional_units=HALF)
        a.cnf("S-CONNECT", result="accept")
        a.do("S-CAPABILITY-DATA", data="cap")
        a.cnf("S-CAPABILITY-DATA", data="cap")
        a.do("S-ACTIVITY-START", activity="1")
        for i in range(3):
            a.do("S-DATA", data=f"one {i}")
            a.do("S-DATA", data=f"two {i}")
            a.ind("S-TOKEN-PLEASE", tokens=["data"])
            a.do("S-TOKEN-GIVE", tokens=["data"])
            a.ind("S-DATA", data=f"one {i}")
            a.ind("S-DATA", data=f"two {i}")
            a.ind("S-TOKEN-GIVE", tokens=["data"])
        a.do("S-DATA", length=20 << 20)
        b.event("not-echoed")
        a.do("S-TOKEN-GIVE", tokens=["data"])
        a.do("S-TOKEN-PLEASE", tokens=["data"])
        a.ind("S-TOKEN-GIVE", tokens=["data"])
        o = a.do("S-SYNC-MINOR")
        a.cnf("S-SYNC-MINOR", serial=o["serial"])
        for service in ("S-ACTIVITY-INTERRUPT", "S-ACTIVITY-DISCARD", "S-ACTIVITY-END"):
            a.do(service)
            a.cnf(service)
            a.do("S-ACTIVITY-START", activity="1")
        a.do("S-TOKEN-GIVE", tokens=["data"])
        a.do("S-U-EXCEPTION-REPORT")
        a.ind("S-TOKEN-GIVE", tokens=["data"])
        a.do("S-ACTIVITY-END")
        a.cnf("S-ACTIVITY-END")
        a.do("S-RELEASE")
        a.cnf("S-RELEASE", result="affirmative")
        a.ends(0)
        b.run.send_signal(signal.SIGTERM)
        b.ends(0)


def several_sessions_at_once():
    with rig.Work("talk") as w:
        b = listener(w)
        several = [Talk(w, b.url) for _ in range(4)]
        numbers = []
        for i, a in enumerate(several):
            a.do("S-CONNECT", functional_units=["duplex"], data=str(i))
            numbers.append(b.ind("S-CONNECT", data=str(i))["session"])
            b.rsp("S-CONNECT", session=numbers[-1])
            a.cnf("S-CONNECT", result="accept")
        for i, a in reversed(list(enumerate(several))):
            b.do("S-DATA", session=numbers[i], data=f"to {i}")
            a.ind("S-DATA", data=f"to {i}")
            a.do("S-DATA", data=f"from {i}")
            b.ind("S-DATA", data=f"from {i}", session=numbers[i])
        b.refused("S-DATA", "nobody has connected|session", session=99, data="x")
        for i, a in enumerate(several):
            a.do("S-RELEASE")
            b.ind("S-RELEASE", session=numbers[i])
            b.rsp("S-RELEASE", session=numbers[i])
            a.ends(0)
        b.ends(65)


def one_session_only():
    with rig.Work("talk") as w:
        b = listener(w, "--once")
        a = Talk(w, b.url)
        connect(a, b, ["duplex"])
        a.do("S-RELEASE")
        b.ind("S-RELEASE")
        b.rsp("S-RELEASE")
        a.ends(0)
        check(b.run.wait(PATIENCE) == 0, "exit", b.run.returncode)


# -------- words and the terminal --------

def words_instead_of_objects():
    with rig.Work("talk") as w:
        b = listener(w)
        a = Talk(w, b.url, json_mode=False)
        a.write("connect units=half-duplex,minor,resynchronize tokens=data:initiator,minor:responder data=hi",
                "wait S-CONNECT confirm 10")
        o = b.ind("S-CONNECT", data="hi", initial_serial=1)
        check(o["tokens"] == {"data": "initiator", "synchronize-minor": "responder"}, o)
        b.rsp("S-CONNECT")
        a.write("data hello there  world", "data hex=00ff", "minor", "please minor", "wait S-TOKEN-GIVE 10", "minor optional",
                "wait minor confirm", "resync set 77", "wait resync 10", '{"request":"S-DATA","data":"json"}', "frobnicate", "show",
                "help resync", "give data synchronize-minor")
        b.ind("S-DATA", data="hello there  world")
        b.ind("S-DATA", hex="00ff")
        b.ind("S-TOKEN-PLEASE", tokens=["synchronize-minor"])
        b.do("S-TOKEN-GIVE", tokens=["synchronize-minor"])
        o = b.ind("S-SYNC-MINOR", optional=True)
        b.rsp("S-SYNC-MINOR", serial=o["serial"])
        b.ind("S-RESYNCHRONIZE", type="set", serial=77)
        b.rsp("S-RESYNCHRONIZE")
        b.ind("S-DATA", data="json")
        b.ind("S-TOKEN-GIVE", tokens=["data", "synchronize-minor"])
        b.do("S-SYNC-MINOR", data="\x1b[2J")
        a.write("wait minor indication 10", "yes", "no")
        b.cnf("S-SYNC-MINOR")
        b.do("S-RELEASE")
        a.write("wait release 10", "confirm release")
        b.cnf("S-RELEASE", result="affirmative")
        a.ends(65)
        b.ends(0)
        said = "".join(a.lines)
        check("\x1b" not in said and "\\u001B[2J" in said, "the peer writes on the terminal", said)
        for text in ("> S-CONNECT request", "< S-CONNECT confirm", "the synchronize-minor token is with the peer",
                     "frobnicate: there is no such command", "tokens data:this-side,synchronize-minor:this-side",
                     "* resync restart N", "! no ", "- closed"):
            check(text in said, "not said:", text, "but", said)


def a_terminal():
    with rig.Work("talk") as w:
        b = listener(w)
        a = Terminal(w, b.url)
        a.until("not connected> ")
        a.type("conne\t")
        a.until("ct ")
        a.type("units=half-duplex,minor,typed-data\r")
        b.ind("S-CONNECT")
        b.rsp("S-CONNECT")
        a.until(r"< S-CONNECT confirm .*STA713 \+data \+synchronize-minor> ")
        a.type("help\r")
        a.until(r"\* data TEXT")
        a.until(r"\* minor ")
        a.until(r"  major  ")
        a.until("STA713 .*> ")
        a.type("typed half a li")  # something comes while a line is typed
        a.until("typed half a li")
        b.do("S-TYPED-DATA", data="meanwhile")
        a.until(r"< S-TYPED-DATA indication  data \"meanwhile\"")
        a.until(r"STA713 .*> typed half a li")
        a.type("ne\r")
        b.ind("S-TYPED-DATA", data="half a line")
        a.type("give syn\t\r")  # completed
        b.ind("S-TOKEN-GIVE", tokens=["synchronize-minor"])
        a.until(r"STA713 \+data -synchronize-minor> ")
        a.type("minor\r")
        a.until("the synchronize-minor token is with the peer")
        a.type("\x1b[A\x1b[A\x1b[A\r")  # three lines back
        b.ind("S-TYPED-DATA", data="half a line")
        b.do("S-TOKEN-GIVE", tokens=["synchronize-minor"])
        a.until(r"\+data \+synchronize-minor> ")
        a.type("release\r")
        b.ind("S-RELEASE")
        b.rsp("S-RELEASE")
        a.until("< S-RELEASE confirm")
        a.until("not connected> ")
        a.type("\x04")
        a.ends(0)
        with open(os.path.join(a.state, "convene", "talk.history"), encoding="utf-8") as f:
            check("typed" in f.read(), "no history")
        again = Terminal(w, "--listen", "iso://127.0.0.1:0/t")
        again.until("listening")
        again.until("not connected> ")
        again.type("\x03")
        again.ends(0)
        b.ends(0)


def captures_and_verbosity():
    with rig.Work("talk") as w:
        path = os.path.join(w.folder(), "x.pcapng")
        b = listener(w)
        a = Talk(w, "--pcap", path, "-v", "--tpdu-size", "128", "--extended", "--tim", "1", b.url)
        connect(a, b, ["duplex"], data="secret")
        a.do("S-DATA", length=1000)
        b.ind("S-DATA", hex=bytes(i % 251 for i in range(1000)).hex())
        released(a, b)
        check("> S-CONNECT request" in a.errors and "secret" not in a.errors, a.errors)
        out = subprocess.run(["tshark", "-n", "-r", path, "-d", f"tcp.port=={b.port},tpkt", "-Y", "ses", "-T", "fields", "-e", "ses.type"],
                             capture_output=True, text=True, check=False).stdout
        check("13" in out.split("\n")[0], "no CONNECT in the capture:", out)


CASES = [every_primitive_with_tokens_and_activities, points_without_activities, both_ways_symmetric_separated_expedited,
         aborts_both_ways, parameters_of_connect, subsets_versions_and_simplex, refusals_of_connect,
         a_kept_transport_connection_is_used_again, refusals_say_precisely_why, lines_that_are_no_commands, waits,
         the_input_ends, signals, nobody_there, raw_tsdus, an_exception_of_the_provider, long_ssdus_need_no_memory,
         auto_sends_back_both_ways, auto_asks_for_the_data_token, several_sessions_at_once, one_session_only,
         words_instead_of_objects, a_terminal, captures_and_verbosity]


def main():
    cases = rig.Cases()
    for case in CASES:
        if not sys.argv[1:] or case.__name__ in sys.argv[1:]:
            cases.run(case.__name__, case)
    return cases.result()


if __name__ == "__main__":
    rig.main(main)
