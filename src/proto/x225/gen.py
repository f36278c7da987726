#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the tables of the session protocol machine from x225.csv.

usage: gen.py [--share] x225.csv x225.h x225_table.h x225_table.c

x225.csv is Annex A of X.225: one row for each transition. What comes out:
the enumerations of events, base predicates, actions and outputs; a row for each
transition; an index from (state, event) to the rows of that cell; the predicate
expressions as postfix programs. With --share cells whose rows are the same have
them together: half the octets, for devices. The meaning of predicates, actions and outputs is
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
STACK = 8  # values that an expression may need at once
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
            self.all_of()
        if self.at != len(self.tokens):
            raise Refused("predicate %r does not end where it should" % text)
        if self.depth() > STACK:
            raise Refused("predicate %r needs a stack of %d" % (text, self.depth()))

    def depth(self):
        most = now = 0
        for op in self.code:
            now += -1 if op == "X225_OP_OR" else 1
            most = max(most, now)
        return most

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self):
        token = self.peek()
        self.at += 1
        return token

    def all_of(self):
        """All that is left on the stack must be true: no operator says so."""
        self.literal()
        while self.peek() == "&":
            self.take()
            self.literal()

    def alternatives(self):
        self.literal()
        while self.peek() == "|":
            self.take()
            self.literal()
            self.code.append("X225_OP_OR")

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
                   known(r["next_state"], states, "state"), line)
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
#define X225_OP_OR  0x7eu
#define X225_OP_END 0x7fu
#define X225_OP_NOT 0x80u /* or'ed to a predicate */
#define X225_STACK  %du

struct cvn_x225_row {
    uint16_t program : 10; /* into cvn_x225_programs; 0: always */
    uint16_t next : 5;     /* enum cvn_x225_state */
    uint16_t last : 1;     /* of its cell */
    uint8_t action[4];     /* in order; X225_ACT_none ends them */
    uint8_t output[2];     /* in order; X225_OUT_none ends them */
};

/* Which of 32 events have a cell in a state, and how many cells stand before theirs. */
struct cvn_x225_cells {
    uint32_t there;
    uint16_t before;
};
#define X225_CELL_WORDS ((X225_EV_COUNT + 31u) / 32u)

/* The table is constant. Where tests/joint makes rows wrong in memory, and counts those that are
 * taken, it is not, and has the names of what is in it. */
#ifdef CVN_X225_MUTANTS
#define X225_CONST
#define X225_PROGRAM_ROOM 32u /* free octets behind the programs */
void cvn_x225_looked_at(const struct cvn_x225_row *row);
void cvn_x225_taken(const struct cvn_x225_row *row);
extern const uint16_t cvn_x225_lines[]; /* of x225.csv, for each row; 0 ends them */
extern const unsigned cvn_x225_programs_end;
extern const char cvn_x225_output_names[][16];
extern const char cvn_x225_predicate_names[][26];
extern const uint16_t cvn_x225_action_numbers[];
#else
#define X225_CONST const
#define X225_PROGRAM_ROOM        0u
#define cvn_x225_looked_at(row_) ((void)(row_))
#define cvn_x225_taken(row_)     ((void)(row_))
#endif

extern X225_CONST uint8_t
    cvn_x225_programs[]; /* all that an END finds on the stack must be true */
extern X225_CONST struct cvn_x225_row cvn_x225_rows[];
extern const struct cvn_x225_cells cvn_x225_cells[][X225_CELL_WORDS]; /* of each state */
extern const uint16_t cvn_x225_first[]; /* of each cell: its first row */

#endif
""" % STACK)


def row_text(row, last, programs, code):
    expression, actions, outputs, to, _ = row
    key = " ".join(expression.code)
    if key not in programs:
        programs[key] = len(code)
        code += expression.code + ["X225_OP_END"]
    acts = ", ".join(["X225_ACT_%d" % a for a in actions] or ["0"])
    outs = ", ".join(["X225_OUT_%s" % ident(o) for o in outputs] or ["0"])
    return "{%d, CVN_%s, %d, {%s}, {%s}}" % (programs[key], to, last, acts, outs)


def write_source(out, cells, states, share):
    out.write('/* Generated by gen.py from x225.csv: do not edit. */\n'
              '#include "proto/x225/x225_table.h"\n\n#include "convene/x225.h"\n\n'
              "_Static_assert(CVN_X225_STATES == %d && %d <= 32, \"the states of x225.h\");\n"
              "_Static_assert(X225_PREDICATES < X225_OP_OR, \"room for the operators\");\n\n"
              % (len(states), len(states)))
    programs = {"": 0}
    code = ["X225_OP_END"]
    words = []
    first = []
    count = 0
    shared = {}
    lines = []
    out.write("X225_CONST struct cvn_x225_row cvn_x225_rows[] = {\n")
    for state in states:
        words.append([])
        for i, event in enumerate(EVENTS):
            if i % 32 == 0:
                words[-1].append([0, len(first)])
            rows = cells.get((state, event), [])
            if not rows:
                continue
            words[-1][-1][0] |= 1 << i % 32
            text = tuple(row_text(r, r is rows[-1], programs, code) for r in rows)
            if share and text in shared:
                first.append(shared[text])
                continue
            shared[text] = count
            first.append(count)
            out.write("".join("    %s, /* %s %s */\n" % (t, state, event) for t in text))
            count += len(text)
            lines += [r[4] for r in rows]
    if len(code) + 32 > 1 << 10:
        raise SystemExit("%d octets of programs and 32 of room: a row names one of 1024" % len(code))
    out.write("};\n\nX225_CONST uint8_t cvn_x225_programs[%d + X225_PROGRAM_ROOM] = {\n    %s,\n};\n\n"
              % (len(code), ", ".join(code)))
    out.write("const struct cvn_x225_cells cvn_x225_cells[][X225_CELL_WORDS] = {\n")
    for of_state in words:
        out.write("    {%s},\n" % ", ".join("{0x%08xu, %d}" % tuple(w) for w in of_state))
    out.write("};\n\nconst uint16_t cvn_x225_first[] = {\n")
    for i in range(0, len(first), 20):
        out.write("    %s,\n" % ", ".join(str(f) for f in first[i:i + 20]))
    out.write("};\n")
    write_names(out, cells, lines, len(code))


def write_names(out, cells, lines, end):
    """By what tests/joint names rows and their parts."""
    rows = [r for cell in cells.values() for r in cell]
    actions = sorted({a for r in rows for a in r[1]})
    outputs = [o for o in OUTPUTS if any(o in r[2] for r in rows)]
    out.write("\n#ifdef CVN_X225_MUTANTS\nconst unsigned cvn_x225_programs_end = %d;\n" % end)
    out.write("const uint16_t cvn_x225_lines[] = {%s, 0};\n" % ", ".join(map(str, lines)))
    out.write("const uint16_t cvn_x225_action_numbers[] = {0, %s};\n" % ", ".join(map(str, actions)))
    for name, size, items in (("output", 16, ["none"] + outputs), ("predicate", 26, sorted(BASE))):
        out.write("const char cvn_x225_%s_names[][%d] = {%s};\n"
                  % (name, size, ", ".join('"%s"' % i for i in items)))
    out.write("#endif\n")


def main():
    share = sys.argv[1] == "--share"
    table, header, to_h, to_c = sys.argv[2 if share else 1:]
    states = read_states(header)
    cells = read_rows(table, states)
    with open(to_h, "w", encoding="utf-8") as out:
        write_header(out, cells)
    with open(to_c, "w", encoding="utf-8") as out:
        write_source(out, cells, states, share)


main()
