#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the tables of the session protocol machine from x225.csv.

usage: gen.py x225.csv x225.h x225_table.h x225_table.c

x225.csv is Annex A of X.225: one row for each transition. What comes out:
the enumerations of events, base predicates, actions and outputs; a row for each
transition; an index from (state, event) to the rows of that cell; the predicate
expressions as postfix programs. The meaning of predicates, actions and outputs is
written by hand in x225_pred.c, x225_act.c and x225_out.c; a name that is used here
and not defined there, or the reverse, does not compile. A name that is not known
to X.225 is refused here.
"""
import csv
import re
import sys

LOCAL = """SCONreq SCONrsp+ SCONrsp- SDTreq SEXreq STDreq SCDreq SCDrsp SGTreq SPTreq SCGreq
SSYNmreq SSYNmdreq SSYNmrsp SSYNMreq SSYNMrsp SRSYNreq(a) SRSYNreq(r) SRSYNreq(s) SRSYNrsp
SUERreq SACTSreq SACTRreq SACTIreq SACTIrsp SACTDreq SACTDrsp SACTEreq SACTErsp SRELreq
SRELrsp+ SRELrsp- SUABreq TCONind TCONcnf TDISind TIM""".split()
SPDUS = """AA AB-nr AB-r AC AD ADA AE AEA AI AIA AR AS CD CDA CDO CN DN DT ED ER EX FN-nr FN-r GT
GTA GTC MAA MAP MIA MIP MIP-d NF OA PR-AB PR-MAA PR-RA PR-RS PT RA RF-nr RF-r RS-a RS-r RS-s
TD""".split()
EVENTS = LOCAL + SPDUS
INDICATIONS = """SCONind SCONcnf+ SCONcnf- SDTind SEXind STDind SCDind SCDcnf SGTind SPTind
SCGind SSYNmind SSYNmdind SSYNmcnf SSYNMind SSYNMcnf SRSYNind SRSYNcnf SUERind SPERind SACTSind
SACTRind SACTIind SACTIcnf SACTDind SACTDcnf SACTEind SACTEcnf SRELind SRELcnf+ SRELcnf- SxABind
SPABind""".split()
TRANSPORT = "TCONreq TCONrsp TDISreq".split()
OUTPUTS = SPDUS + INDICATIONS + TRANSPORT
PREDICATES = ["p%02d" % n for n in list(range(1, 83)) + list(range(173, 206)) if n not in
              (22, 56, 73, 74, 77, 78, 79, 181, 182, 183)] + ["p24'"]
# Conditions that Annex A has no number for, and what taking the row entails besides.
PSEUDO = {
    "[PR-RS queued]": ("q_prepare_queued", 901),  # the overtaken PREPARE is dropped
    "[sn != V(Ms)-1]": ("q_not_outstanding_major", None),
}
ACTIONS = set(range(1, 73)) | {901, 902}  # 901, 902: ours


class Refused(Exception):
    pass


def known(name, names, what):
    if name not in names:
        raise Refused("%s %r is not known" % (what, name))
    return name


def ident(name):
    """A C identifier; case tells SSYNm from SSYNM."""
    name = name.replace("+", "_pos").replace("(", "_").replace(")", "").replace("'", "x")
    if name.endswith("-"):
        name = name[:-1] + "_neg"
    return name.replace("-", "_")


class Expression:
    """A predicate as a postfix program of literals and operators."""

    def __init__(self, text):
        self.extra = []
        self.tokens = re.findall(r"\[[^\]]*\]|p\d+'?|[\^&|()]|\S", text)
        self.at = 0
        self.code = []
        if self.tokens:
            self.alternatives()
        if self.at != len(self.tokens):
            raise Refused("predicate %r does not end where it should" % text)

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self):
        token = self.peek()
        self.at += 1
        return token

    def alternatives(self):
        self.all_of()
        while self.peek() == "|":
            self.take()
            self.all_of()
            self.code.append("X225_OP_OR")

    def all_of(self):
        self.literal()
        while self.peek() == "&":
            self.take()
            self.literal()
            self.code.append("X225_OP_AND")

    def literal(self):
        token = self.take()
        if token == "(":
            self.alternatives()
            if self.take() != ")":
                raise Refused("a parenthesis is not closed")
            return
        negated = token == "^"
        if negated:
            token = self.take()
        if token in PSEUDO:
            name, action = PSEUDO[token]
            if action is not None:
                self.extra.append(action)
        else:
            name = known(token, PREDICATES, "predicate")
        self.code.append(("X225_OP_NOT | X225_" if negated else "X225_") + ident(name))
        BASE.add(ident(name))


BASE = set()


def read_states(header):
    text = open(header, encoding="utf-8").read()
    return re.findall(r"\bCVN_(STA\d+[A-D]?)\b(?=,)", text)


def read_rows(path, states):
    cells = {}
    for line, r in enumerate(csv.DictReader(open(path, newline="", encoding="utf-8")), 2):
        try:
            state = known(r["state"], states, "state")
            event = known(r["event"], EVENTS, "event")
            expression = Expression(r["predicate"])
            actions = [int(a) for a in re.findall(r"\[(\d+)\]", r["actions"])]
            if re.sub(r"\[\d+\]|\s", "", r["actions"]):
                raise Refused("actions %r" % r["actions"])
            for action in actions:
                known(action, ACTIONS, "action")
            outputs = [known(o, OUTPUTS, "output") for o in r["outgoing"].split()]
            row = (expression, actions + expression.extra, outputs,
                   known(r["next_state"], states, "state"))
        except (Refused, KeyError) as why:
            raise SystemExit("%s:%d: %s" % (path, line, why))
        if len(row[1]) > 4 or len(row[2]) > 2:
            raise SystemExit("%s:%d: more than 4 actions or 2 outputs" % (path, line))
        cells.setdefault((state, event), []).append(row)
    return cells


def write_header(out, cells):
    rows = [r for cell in cells.values() for r in cell]
    actions = sorted({a for r in rows for a in r[1]})
    outputs = [o for o in OUTPUTS if any(o in r[2] for r in rows)]
    out.write("/* Generated by gen.py from x225.csv: do not edit. */\n"
              "#ifndef CVN_X225_TABLE_H\n#define CVN_X225_TABLE_H\n\n#include <stdint.h>\n\n")
    for name, prefix, items in (("event", "X225_EV_", EVENTS),
                                ("output", "X225_OUT_", ["none"] + outputs)):
        out.write("enum cvn_x225_table_%s {\n" % name)
        out.write("".join("    %s%s,\n" % (prefix, ident(i)) for i in items))
        out.write("    %sCOUNT,\n};\n" % prefix)
    out.write("#define X225_EV_SPDU_FIRST X225_EV_%s\n" % ident(SPDUS[0]))
    out.write("enum cvn_x225_table_predicate {\n")
    out.write("".join("    X225_%s,\n" % b for b in sorted(BASE)) + "    X225_PREDICATES,\n};\n")
    out.write("enum cvn_x225_table_action {\n    X225_ACT_none,\n")
    out.write("".join("    X225_ACT_%d,\n" % a for a in actions) + "    X225_ACTIONS,\n};\n")
    out.write("#define X225_PREDICATE_MAP(X) %s\n" % " ".join("X(%s)" % b for b in sorted(BASE)))
    out.write("#define X225_ACTION_MAP(X) %s\n" % " ".join("X(%d)" % a for a in actions))
    for kind, items in (("SPDU", SPDUS), ("INDICATION", INDICATIONS), ("TRANSPORT", TRANSPORT)):
        used = [ident(o) for o in outputs if o in items]
        out.write("#define X225_%s_FIRST X225_OUT_%s\n" % (kind, used[0]))
        out.write("#define X225_%s_MAP(X) %s\n" % (kind, " ".join("X(%s)" % o for o in used)))
    out.write("""
/* Postfix programs over the base predicates. */
#define X225_OP_AND 0x7du
#define X225_OP_OR  0x7eu
#define X225_OP_END 0x7fu
#define X225_OP_NOT 0x80u /* or'ed to a predicate */

struct cvn_x225_row {
    uint16_t program;  /* into cvn_x225_programs; 0: always */
    uint8_t action[4]; /* in order; X225_ACT_none ends them */
    uint8_t output[2]; /* in order; X225_OUT_none ends them */
    uint8_t next;      /* enum cvn_x225_state */
};

extern const uint8_t cvn_x225_programs[];
extern const struct cvn_x225_row cvn_x225_rows[];
/* Rows first[i] to first[i + 1] - 1 belong to cell i = state * X225_EV_COUNT + event. */
extern const uint16_t cvn_x225_first[];
extern const char cvn_x225_event_names[][16];

#endif
""")


def write_source(out, cells, states):
    out.write('/* Generated by gen.py from x225.csv: do not edit. */\n'
              '#include "proto/x225/x225_table.h"\n\n#include "convene/x225.h"\n\n'
              "_Static_assert(CVN_X225_STATES == %d, \"the states of x225.h\");\n"
              "_Static_assert(X225_PREDICATES < X225_OP_AND, \"room for the operators\");\n\n"
              % len(states))
    programs = {"": 0}
    code = ["X225_OP_END"]
    first = []
    count = 0
    out.write("const struct cvn_x225_row cvn_x225_rows[] = {\n")
    for state in states:
        for event in EVENTS:
            first.append(count)
            for expression, actions, outputs, to in cells.get((state, event), []):
                key = " ".join(expression.code)
                if key not in programs:
                    programs[key] = len(code)
                    code += expression.code + ["X225_OP_END"]
                acts = ", ".join(["X225_ACT_%d" % a for a in actions] or ["0"])
                outs = ", ".join(["X225_OUT_%s" % ident(o) for o in outputs] or ["0"])
                out.write("    {%d, {%s}, {%s}, CVN_%s}, /* %s %s */\n"
                          % (programs[key], acts, outs, to, state, event))
                count += 1
    first.append(count)
    out.write("};\n\nconst uint8_t cvn_x225_programs[] = {\n    %s,\n};\n\n" % ", ".join(code))
    out.write("const uint16_t cvn_x225_first[] = {\n")
    for i in range(0, len(first), 20):
        out.write("    %s,\n" % ", ".join(str(f) for f in first[i:i + 20]))
    out.write("};\n\nconst char cvn_x225_event_names[][16] = {\n")
    out.write("".join('    "%s",\n' % e for e in EVENTS) + "};\n")


def main():
    table, header, to_h, to_c = sys.argv[1:5]
    states = read_states(header)
    cells = read_rows(table, states)
    with open(to_h, "w", encoding="utf-8") as out:
        write_header(out, cells)
    with open(to_c, "w", encoding="utf-8") as out:
        write_source(out, cells, states)


main()
