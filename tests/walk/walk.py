#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""walk.py [--driver FILE] [--table FILE] [--quick] [--self-test [--rows N]] [-v]

The walk through Annex A of X.225 (A.3, A.4): every state and every event, by the public face of the machine.

A model of the machine (model.py) that reads x225.csv by itself is searched for a path of legal
steps to each cell; the paths are replayed on build/tests/x225-drive, and after each step what has
come out and the variables are compared with the model's. A mismatch is printed with the path as
commands of the driver. Exit status 1 if there is one.
"""
import argparse
import collections
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import events as ev  # noqa: E402
import mutants  # noqa: E402
import octets  # noqa: E402
import reasons  # noqa: E402
from model import (ACT, CD, DS, EX, EXCEP, FD, HD, MA, NR, RESYN, SESSION, SS, SY, TD, Machine,  # noqa: E402
                   Walker)
from table import STATES, Table  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEEP, WIDE = 300, 30  # machines without anything new after which a search ends
REFUSED = {"CVN_ESTATE", "CVN_ETOKEN", "CVN_EUNIT", "CVN_ESERIAL"}


# Configurations --------------------------------------------------------------------------------

HALF = HD | EX | SY | MA | RESYN | ACT | NR | CD | EXCEP | TD
DUPLEX = FD | EX | SY | MA | RESYN | ACT | NR | CD | TD
SYMMETRIC = FD | EX | SS | MA | RESYN | TD
FREE = FD | EX | TD | RESYN  # no token exists
UNITS = {"HD": HD, "FD": FD, "EX": EX, "SY": SY, "MA": MA, "RESYN": RESYN, "ACT": ACT, "NR": NR,
         "CD": CD, "EXCEP": EXCEP, "TD": TD, "SS": SS, "DS": DS}


def deep():
    """Searched for long: between them they have every unit, role and flow."""
    C = ev.Config
    return [C(HALF, "i", 1, data=1), C(HALF, "r", 0, setting=0x55), C(HALF & ~ACT & ~CD | DS, "i", 1),
            C(SYMMETRIC | DS, "i", 1), C(SYMMETRIC | DS | ACT | CD, "r", 1),
            C(HD | SS | EXCEP | ACT | RESYN | MA | DS, "i", 0, report=1),
            C(HD | SY | EXCEP | RESYN | MA | DS, "i", 0, report=1),
            C(FREE, "i", 0, reuse=1), C(FREE, "r", 0, reuse=1),
            C(FD | SY | MA | RESYN | DS, "i", 1), C(FD | SY | RESYN | ACT | DS, "r", 1),
            C(HD | EXCEP | RESYN, "i", 0, reuse=1), C(HD | EXCEP | RESYN, "r", 1),
            C(HD | SY | MA | ACT | EXCEP | RESYN, "i", report=1),
            C(FD | SS | RESYN | ACT, "r", 1), C(FD | MA | ACT | CD, "i")]


def wide():
    """Searched until nothing new turns up: each unit away, versions, places of tokens, reuse, both
    roles with and without transport expedited data."""
    C, found = ev.Config, []
    for texp in (0, 1):
        for role in "ir":
            found += [C(HALF & ~ACT & ~CD, role, texp, setting=0x55), C(DUPLEX & ~ACT & ~CD, role, texp),
                      C(FREE | SS | DS, role, texp), C(SYMMETRIC | ACT, role, texp, setting=0x10)]
    for role in "ir":
        found += [C(HALF, role, reuse=1), C(DUPLEX, role, reuse=1, setting=0x55),
                  C(FREE | NR, role, reuse=1), C(SYMMETRIC, role, reuse=1), C(FREE, role, 1),
                  C(HALF, role, 1, report=1, setting=0x55), C(HALF, role, versions=1, data=1),
                  C(HALF & ~ACT & ~CD, role, 0, report=1, data=1), C(HALF, role, peer=1, data=1),
                  C(DUPLEX, role, 1, versions=2, peer=2, data=1),
                  C(HALF, role, setting=0xaa, choose=0x11, please=0x51),
                  C(DUPLEX, role, 1, setting=0x44, please=0x55), C(FREE, role, 1, please=0x55),
                  C(0x349, role), C(HD | EXCEP, role), C(FD, role), C(HALF | DS, role)]
    for drop in (SY, MA, RESYN, ACT | CD, CD, NR, TD, EX, EXCEP):
        for texp, role, place in ((0, "i", 0), (1, "r", 0x55)):
            found.append(C(HALF & ~drop, role, texp, setting=place))
    for drop in (SY, MA, RESYN, NR, TD, EX):
        found += [C(DUPLEX & ~drop, "i", 1), C(SYMMETRIC & ~drop, "r", 0),
                  C(DUPLEX & ~drop & ~ACT & ~CD, "i", 1)]
    for role in "ir":  # more in AC or in CN than both have
        found += [C(HD | FD | EX | TD | SY, role, offer=HD | FD | EX | TD | SY | NR, answer=HD | TD | SY | MA),
                  C(FD | TD, role, offer=HD | FD | TD | EXCEP, answer=FD | TD | EXCEP)]
    return found


# Search ----------------------------------------------------------------------------------------


class Node:
    """A machine, and how it came about."""
    __slots__ = ("m", "parent", "event", "out", "depth")

    def __init__(self, m, parent=None, event=None, out=None):
        self.m, self.parent, self.event, self.out = m, parent, event, out
        self.depth = parent.depth + 1 if parent else 0

    def path(self):
        node, steps = self, []
        while node.parent is not None:
            steps.append(node)
            node = node.parent
        return steps[::-1]


class Search:
    """Over the model alone. Goals: cells, rows, and values of the base predicates of cells."""

    def __init__(self, table):
        self.walker, self.table = Walker(table), table
        self.done = {}   # goal: test
        self.tests = []  # (config, node, goals)
        self.nodes = 0
        self.flaws = {}  # cells with two true rows
        self.held = collections.Counter()
        self.broken = {}

    @staticmethod
    def goals(trace):
        for state, event, row, values in trace:
            yield "cell", state, event
            if row is not None:
                yield "row", row.number
            for base in values:
                yield "value", state, event, base, values[base]

    def dull(self, m, e):
        """Nothing new can come of this event: it has no row here, as has been seen before."""
        if m.cfg.report or m.held or ("cell", m.st, e.name) not in self.done or e.name in ("TIM", ev.MALFORMED):
            return False
        self.walker.trace = trace = []
        row = self.walker.find(m, e) if not e.malformed(m) else None
        return row is None and all(g in self.done for g in self.goals(trace))

    @staticmethod
    def extra(m, e, row):
        """What is to be seen too: each row in each configuration, each form of an event in a row, each
        row behind each that began a resync, what is no SPDU at all, and time that passes without a timer."""
        if row is not None:
            yield "in", m.cfg.name, row.number
            yield ("form", row.number) + e.form(m)
            if m.since:
                yield "since", m.since, row.number
        elif e.name == ev.MALFORMED:
            yield ev.MALFORMED, m.st, e.raw
        elif e.name == "TIM":
            yield "quiet", m.st

    def expand(self, cfg, node, push):
        """Tries all that can happen to a node. Whether something new was seen."""
        m, new_found = node.m, False
        for e in ev.events(m):
            if self.dull(m, e):
                continue
            self.walker.trace = trace = []
            after, out = self.walker.step(m, e)
            new = [g for g in self.goals(trace) if g not in self.done]
            more = [g for g in self.extra(m, e, trace[0][2] if trace else None)
                    if g not in self.done]
            if after.ambiguous:
                self.flaws.setdefault((m.st, e.name), (cfg, node, e))
                after.ambiguous = None
            fresh = push(after, node, e, out)
            if new or more:
                new_found = new_found or bool(new)
                test = fresh or Node(after, node, e, out)
                for g in new + more:
                    self.done[g] = test
                self.tests.append((cfg, test, new + more))
        return new_found

    def run(self, cfg, patience):
        """The states take turns, in each the kinds of machines, and of a kind the newest and the oldest;
        over when nothing new has been seen for long."""
        waiting, seen = {}, set()  # waiting: by state and kind
        expanded = collections.Counter()
        root = Machine(cfg)

        def push(m, parent, e, out):
            if m.st == "STA01" and parent is not None:
                return None
            if parent is not None and parent.m.st == "STA01":
                if (e.name == "TCONind") != (cfg.role == "r"):
                    return None
            key = m.key()
            if key in seen:
                return None
            seen.add(key)
            node = Node(m, parent, e, out)
            waiting.setdefault(m.st, {}).setdefault(m.kind(), collections.deque()).append(node)
            return node

        push(root, None, None, None)
        idle = 0
        while idle < patience:
            states = [s for s in waiting if waiting[s]]
            if not states:
                break
            state = min(states, key=lambda s: expanded[s])
            kind = min(waiting[state], key=lambda k: expanded[state, k])
            expanded[state] += 1
            expanded[state, kind] += 1
            like = waiting[state][kind]
            node = like.pop() if expanded[state, kind] & 1 else like.popleft()
            if not like:
                del waiting[state][kind]
            self.nodes += 1
            reasons.observe(node.m, self.held, self.broken)
            idle = 0 if self.expand(cfg, node, push) else idle + 1


# Replay ----------------------------------------------------------------------------------------


def hexadecimal(data):
    """Octets as the driver reads them: a long run of one octet in short."""
    if len(data) < 200:
        return data.hex()
    tail = data.rstrip(data[-1:])
    return "+".join([tail.hex(), f"{data[-1:].hex()}*{len(data) - len(tail)}"] if tail else
                    [f"{data[-1:].hex()}*{len(data)}"])


def command(e):
    """The event as a command of the driver."""
    if e.text:
        return e.text
    if e.raw is not None:
        return f"tsdu {e.raw}" + (" expedited" if e.expedited else "")
    if e.spdu_name is not None:
        return (f"tsdu {hexadecimal(octets.encode(e.spdu_name, e.par))}"
                + (" expedited" if e.expedited else ""))
    par = "".join(f" {k}={hexadecimal(v) if isinstance(v, bytes) else v}" for k, v in e.par.items())
    return f"request {e.service} {e.type}{par}"


class Answer:
    """What the driver said to one command."""

    def __init__(self, lines):
        self.prims, self.acts, self.rc, self.chosen, self.vars = [], [], "", {}, {}
        for line in lines:
            words = line.split(" ")
            if words[0] == "prim":
                self.prims.append((words[1], words[2], dict(w.split("=", 1) for w in words[3:])))
            elif words[0] == "rc":
                self.rc = words[1]
            elif words[0] == "chosen":
                self.chosen = dict(w.split("=", 1) for w in words[1:])
            elif words[0] == "vars":
                self.vars = dict(w.split("=", 1) for w in words[2:])
                self.vars["state"] = words[1]
            else:
                self.acts.append((words[0], words[1] if len(words) > 1 else None))


class Driver:
    """One process, many machines: `new` begins the next."""

    def __init__(self, path):
        self.path = path

    def run(self, commands):
        done = subprocess.run([self.path], input="\n".join(commands) + "\n", stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            print(done.stderr.strip(), file=sys.stderr)
        answers, lines = [], []
        for line in done.stdout.splitlines():
            lines.append(line)
            if line.startswith("vars "):
                answers.append(Answer(lines))
                lines = []
        if done.returncode != 0 or len(answers) != len(commands):
            at = commands[len(answers)] if len(answers) < len(commands) else "the end"
            begin = max((i for i in range(min(len(answers) + 1, len(commands)))
                         if commands[i].startswith("new")), default=0)
            print(f"the driver ended with status {done.returncode} at: {at}\nafter:")
            print("\n".join("    " + c for c in commands[begin:len(answers) + 1]))
            sys.exit(1)
        return answers


def text_of(value):
    return value.hex() if isinstance(value, bytes) else str(value)


def expected_vars(m):
    """The variables that have a meaning in the state."""
    found = {"state": m.st, "tim": m.tim}
    if m.st not in ("STA01",):
        found["vtca"] = m.vtca
    if m.st not in ("STA01", "STA01B"):
        found["texp"] = m.texp
    if m.st in SESSION or m.st in ("STA02A", "STA02B", "STA08"):
        found["queued"] = len(m.queue)
    if m.st not in SESSION:
        return {k: text_of(int(v) if isinstance(v, bool) else v) for k, v in found.items()}
    found.update(units=m.fu, version=m.ver, available=m.av, owned=m.own, vcoll=m.vcoll, vsc=m.vsc,
                 initiator=not m.vtca, va=m.a, vm=m.mm, vr=m.r)
    if m.fu & SS:
        found.update(var=m.ar, vmr=m.mr, vrr=m.rr)
    if m.fu & ACT:
        found.update(vact=m.vact)
    if m.st in ("STA04A", "STA04B", "STA10A", "STA10B", "STA15A"):
        found.update(vnextact=m.vnext)
    if m.st in ("STA03", "STA09"):
        found.update(vtrr=m.vtrr)
    if m.st == "STA09":
        found.update(vdnr=m.vdnr)
    return {k: text_of(int(v) if isinstance(v, bool) else v) for k, v in found.items()}


def compare(e, out, m, answer):
    """What the machine did that the model did not, and the other way round; None if the same."""
    if out.refused and answer.rc not in REFUSED:
        return f"{answer.rc}, to be refused"
    if not out.refused and answer.rc != ("CVN_MORE" if e.spdu_name is not None else "CVN_OK"):
        return f"{answer.rc}, to be accepted"
    prims = [(s, k, {n: text_of(v) for n, v in par.items()}) for s, k, par in out.prims]
    seen = [(s, k, {n: v for n, v in par.items() if n != "reflected" or s == "S-P-EXCEPTION-REPORT"
                    and e.name == "ER"}) for s, k, par in answer.prims]
    if prims != seen:
        return f"primitives {short(seen)}, to be {short(prims)}"
    acts = []
    for kind, data in answer.acts:
        if data is None:
            acts.append((kind, None, None))
            continue
        try:
            acts.append((kind,) + octets.decode(bytes.fromhex(data)))
        except octets.Wrong as wrong:
            return f"{kind} {data}: {wrong}"
    for act in acts:
        if act[1] in ("AB", "ER"):
            act[2].pop(49, None)
    if acts != out.acts:
        return f"actions {short(acts)}, to be {short(out.acts)}"
    for name, value in out.chosen.items():
        if answer.chosen.get(name) != str(value):
            return f"{name} chosen {answer.chosen.get(name)}, to be {value}"
    for name, value in expected_vars(m).items():
        if answer.vars[name] != value:
            return f"{name} {answer.vars[name]}, to be {value}"
    return None


def short(found):
    text = repr(found)
    return text if len(text) < 600 else text[:600] + "..."


class Replay:
    """All tests through the driver."""

    def __init__(self, driver, tests):
        self.tests = tests
        commands, self.first = [], []
        for cfg, node, _ in tests:
            self.first.append(len(commands))
            commands.append(cfg.new())
            commands += [command(step.event) for step in node.path()]
        self.commands = commands
        self.answers = Driver(driver).run(commands)

    def judge(self, index):
        """(step, what differs), or None."""
        _, node, _ = self.tests[index]
        at = self.first[index]
        for i, step in enumerate(node.path(), 1):
            wrong = compare(step.event, step.out, step.m, self.answers[at + i])
            if wrong:
                return i, step, wrong
        return None

    def answers_to(self, index):
        first = self.first[index] + 1
        return self.answers[first:first + self.tests[index][1].depth]

    def script(self, index, steps):
        at = self.first[index]
        return self.commands[at:at + steps + 1]


# Report ----------------------------------------------------------------------------------------


def every_goal(table):
    for state in STATES:
        for event in ev.EVENTS:
            yield "cell", state, event
    for row in table.rows:
        yield "row", row.number
    for cell, bases in table.bases.items():
        for base in bases:
            for value in (True, False):
                yield ("value",) + cell + (base, value)


def goal_name(goal, rows):
    if goal[0] == "cell":
        return f"({goal[1]}, {goal[2]})"
    if goal[0] == "row":
        return rows[goal[1]].name()
    return f"({goal[1]}, {goal[2]}): {goal[3]} {'true' if goal[4] else 'false'}"


def report_mismatches(replay, most):
    """Bad goals; each different mismatch printed once."""
    bad, told = set(), collections.Counter()
    for index, (_, node, goals) in enumerate(replay.tests):
        found = replay.judge(index)
        if not found:
            continue
        steps, step, wrong = found
        bad.update(goals)
        where = (step.parent.m.st, step.event.name)
        told[where] += 1
        if told[where] == 1 and len(told) <= most:
            print(f"mismatch at ({where[0]}, {where[1]}): {wrong}")
            for line in replay.script(index, steps):
                print("    " + (line if len(line) < 400 else line[:400] + "..."))
    if told:
        print(f"mismatches in {len(told)} cells: " + ", ".join(f"{s} {e}" for s, e in sorted(told)))
    return bad


def report(search, replay, verbose, quick):
    table = search.table
    rows = {r.number: r for r in table.rows}
    bad = report_mismatches(replay, 40)
    total, walked, away, failed = (collections.Counter() for _ in range(4))
    unreached, open_ends = collections.defaultdict(list), []
    for goal in every_goal(table):
        total[goal[0]] += 1
        if goal in bad:
            failed[goal[0]] += 1
        elif goal in search.done:
            walked[goal[0]] += 1
        else:
            why = reasons.why(goal, rows, table)
            if why is None:
                open_ends.append(goal)
            else:
                away[goal[0]] += 1
                unreached[why].append(goal)
    for cell, (cfg, node, e) in sorted(search.flaws.items()):
        print(f"two rows of ({cell[0]}, {cell[1]}) are true:")
        for line in [cfg.new()] + [command(s.event) for s in node.path()] + [command(e)]:
            print("    " + line)
    if quick and open_ends:
        print(f"left to the whole walk: {len(open_ends)} cells, rows and values")
        total.subtract(g[0] for g in open_ends)
        open_ends = []
    for goal in open_ends:
        print(f"not reached, and no reason known: {goal_name(goal, rows)}")
    for name in search.broken:
        print(f"an invariant does not hold: {name}: {search.broken[name]}")
    for why, goals in unreached.items():
        print(f"unreachable: {why}: {len(goals)}")
        if verbose:
            for goal in goals:
                print(f"    {goal_name(goal, rows)}")
    for kind, name in (("cell", "cells"), ("row", "rows"), ("value", "predicates both values")):
        print(f"{name} {walked[kind]}/{total[kind] - away[kind]} "
              f"({away[kind]} of {total[kind]} unreachable)")
    cells_open = sum(1 for g in open_ends if g[0] == "cell")
    clean = not (bad or open_ends or search.flaws or search.broken)
    print(f"{walked['cell']} passed, {failed['cell'] + cells_open} failed")
    return clean


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", default=os.path.join(ROOT, "build/tests/x225-drive"))
    parser.add_argument("--table", default=os.path.join(ROOT, "src/proto/x225/x225.csv"))
    parser.add_argument("--quick", action="store_true", help="fewer paths, under 10 s")
    parser.add_argument("--self-test", action="store_true", help="wrong rows must be found")
    parser.add_argument("--rows", type=int, default=20, help="how many wrong rows (20)")
    parser.add_argument("-v", "--verbose", action="store_true", help="unreachable pairs by name")
    args = parser.parse_args()

    begin = time.monotonic()
    search = Search(Table(args.table))
    patience = DEEP // 5 if args.quick else DEEP
    plan = [(c, patience) for c in deep()]
    if not args.quick and not args.self_test:
        plan += [(c, WIDE) for c in wide()]
    for cfg, patience in plan:
        before, start = len(search.done), time.monotonic()
        search.run(cfg, patience)
        if args.verbose:
            print(f"{time.monotonic() - start:5.2f} s {len(search.done) - before:5} new  {cfg.name}")
    searched = time.monotonic()
    replay = Replay(args.driver, search.tests)
    print(f"{search.nodes} machines of the model, {len(search.tests)} paths, "
          f"{len(replay.commands)} steps")
    if args.self_test:
        clean = mutants.self_test(search, replay, compare, args.rows)
    else:
        clean = report(search, replay, args.verbose, args.quick)
    print(f"searched {searched - begin:.1f} s, {time.monotonic() - begin:.1f} s in all", file=sys.stderr)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
