# SPDX-License-Identifier: MIT
"""Why a cell, a row or a value of a predicate cannot be reached.

A claim rests on an invariant of the tables, which is given its reason here and is looked at in every
machine the search meets; what it forces is a value of a base predicate in some states. A row is
unreachable if no values of its base predicates with the forced ones make it true.
"""
import itertools

from model import ACT, NO, PREDICATES, act_ok

NO_TRANSPORT = ("STA01", "STA01B")
TIMED = ("STA01A", "STA15D", "STA16")
WITH_TEXP = ("STA06", "STA15A", "STA15B", "STA15C", "STA15D")
INSIDE = ("STA04A", "STA04B", "STA10A", "STA10B", "STA15A", "STA19")
PURGED = ("STA05A", "STA05B", "STA05C", "STA06", "STA15C")
MAJOR = ("STA04A", "STA10A")
END = ("STA04B", "STA10B")

EXPEDITED = ("EX", "PR-MAA", "PR-RS", "PR-RA", "PR-AB")

# name: (why it is so, states, what holds in them)
INVARIANTS = {
    "no TEXP in STA01A": (
        "entered by AB-r alone, which p02 allows without transport expedited data only",
        ("STA01A",), lambda m: not m.texp),
    "TEXP": (
        "entered through a received PREPARE, which comes on the transport's expedited flow",
        WITH_TEXP, lambda m: m.texp),
    "TIM": (
        "TIM runs in STA01A, STA15D and STA16, where [4] has started it, and there alone: in the other "
        "states time passed, and nothing came of it",
        None, lambda m: m.tim == (m.st in TIMED)),
    "MAP": (
        "a major point is being confirmed, so with activities Vnextact is true: SI 42 is a MAA",
        MAJOR, lambda m: not m.fu & ACT or m.vnext),
    "AE": (
        "an activity end is being confirmed, so Vnextact is false: SI 42 is an AEA",
        END, lambda m: m.fu & ACT and not m.vnext),
    "resync none": (
        "PREPARE has come and no RS yet, and STA15B is entered from states without a resync in "
        "progress: Vrsp = no",
        ("STA15B",), lambda m: m.rsp == NO),
    "exception": (
        "SUERreq needed p50, and what would take it away (the data token given, an interrupt, a "
        "discard) leaves STA19",
        ("STA19",), lambda m: PREDICATES["p50"](m, None)),
    "inside": (
        "entered from inside an activity if there are activities, and it cannot end before the state "
        "is left",
        INSIDE, act_ok),
    "sending flow": (
        "the resync requested here names the flow from its requestor (Resync Type is mandatory), an "
        "interrupt or discard names both: Discard-snd-flow is true",
        PURGED, lambda m: m.dsnd),
}

# (states or None, events or None, base predicate, value, invariant or text)
TOKENS_IGNORED = "bits of tokens that do not exist are ignored in a received Token Item (8.3.16)"
SAME_SPDU = ("MAA and AEA are one SPDU, SI 42; it is AEA if there are activities and Vnextact is "
             "false, which is p23")
FORCED = (
    (WITH_TEXP, None, "p16", False, "TEXP"),
    (WITH_TEXP, None, "p02", False, "TEXP"),
    (("STA15B",), None, "p27", True, "resync none"),
    (("STA19",), None, "p50", True, "exception"),
    (INSIDE, None, "p26", True, "inside"),
    (PURGED, None, "p186", True, "sending flow"),
    (None, ("PT",), "p53", True, TOKENS_IGNORED),
    (None, ("MAA",), "p23", False, SAME_SPDU),
    (None, ("AEA",), "p23", True, SAME_SPDU),
)


def observe(m, held, broken):
    """Looks at the invariants in one machine."""
    for name, (_, states, holds) in INVARIANTS.items():
        if states is None or m.st in states:
            held[name] += 1
            if not holds(m):
                broken.setdefault(name, m.st)


def text(reason):
    return f"{reason}: {INVARIANTS[reason][0]}" if reason in INVARIANTS else reason


def why_cell(state, event):
    spdu = not event.startswith(("S", "T")) or event == "TD"
    if state in NO_TRANSPORT and spdu:
        return f"{state}: no SPDU can arrive: no transport connection"
    if event == "TIM" and state not in TIMED:
        return text("TIM")
    if state == "STA01A" and event in EXPEDITED:
        return text("no TEXP in STA01A")
    if event == "AEA" and state in MAJOR:
        return text("MAP")
    if event == "MAA" and state in END:
        return text("AE")
    return None


def forced(state, event):
    """{base: (value, reason)}"""
    return {base: (value, reason) for states, names, base, value, reason in FORCED
            if (states is None or state in states) and (names is None or event in names)}


def why_row(row):
    fixed = forced(row.state, row.event)
    used = [b for b in row.bases if b in fixed]
    free = [b for b in row.bases if b not in fixed]
    for values in itertools.product((False, True), repeat=len(free)):
        value = dict(zip(free, values))
        value.update((b, fixed[b][0]) for b in used)
        if row.true(value):
            return None
    return text(fixed[used[0]][1])


def why(goal, rows, _):
    """The reason, or None if none is known."""
    if goal[0] == "row":
        row = rows[goal[1]]
        return why_cell(row.state, row.event) or why_row(row)
    reason = why_cell(goal[1], goal[2])
    if reason is None and goal[0] == "value":
        value, reason = forced(goal[1], goal[2]).get(goal[3], (None, None))
        reason = text(reason) if value is not None and value != goal[4] else None
    return reason
