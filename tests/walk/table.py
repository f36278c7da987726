# SPDX-License-Identifier: MIT
"""x225.csv as the walker reads it: cells of rows, with a parser of their predicates of its own.

    expression: alternative { "|" alternative }    alternative: factor { "&" factor }
    factor: "^" factor | "(" expression ")" | name     name: p12, p24', [free text]
"""
import csv
import re

STATES = ("STA01 STA01A STA01B STA01C STA01D STA02A STA02B STA03 STA04A STA04B STA05A STA05B STA05C "
          "STA06 STA08 STA09 STA10A STA10B STA11A STA11B STA11C STA15A STA15B STA15C STA15D STA16 "
          "STA18 STA19 STA20 STA21 STA22 STA713").split()
TOKEN = re.compile(r"\s*(\^|&|\||\(|\)|p\d+'?|\[[^\]]*\])")


class Parser:
    """One predicate: what it is made of, and its value when those are known."""

    def __init__(self, text):
        self.text, self.tokens, at = text, [], 0
        text = text.strip()
        while at < len(text):
            m = TOKEN.match(text, at)
            if not m:
                raise ValueError(f"not a predicate: {text!r} at {at}")
            self.tokens.append(m[1])
            at = m.end()
        self.bases = []

    def parse(self):
        """(function of {base: value}, bases)"""
        if not self.tokens:
            return (lambda value: True), ()
        source = self.either()
        if self.tokens:
            raise ValueError(f"more behind a predicate: {self.text!r}")
        # The text has been made here of the five signs above; a name is a look-up.
        return eval("lambda value: " + source, {}), tuple(self.bases)  # pylint: disable=eval-used

    def either(self):
        found = [self.both()]
        while self.tokens and self.tokens[0] == "|":
            self.tokens.pop(0)
            found.append(self.both())
        return "(" + " or ".join(found) + ")"

    def both(self):
        found = [self.factor()]
        while self.tokens and self.tokens[0] == "&":
            self.tokens.pop(0)
            found.append(self.factor())
        return "(" + " and ".join(found) + ")"

    def factor(self):
        token = self.tokens.pop(0) if self.tokens else ""
        if token == "^":
            return "not " + self.factor()
        if token == "(":
            inside = self.either()
            if not self.tokens or self.tokens.pop(0) != ")":
                raise ValueError(f"no ) in {self.text!r}")
            return inside
        if not re.match(r"p\d|\[", token):
            raise ValueError(f"no predicate at {token!r} in {self.text!r}")
        if token not in self.bases:
            self.bases.append(token)
        return f"value[{token!r}]"


class Row:
    """One alternative of a cell."""

    def __init__(self, number, fields):
        self.number = number  # the line of the file
        _, self.state, self.event, predicate, actions, outgoing, self.next, _, _ = fields
        self.set_predicate(predicate)
        self.actions = tuple(int(a) for a in re.findall(r"\[(\d+)\]", actions))
        self.outgoing = tuple(outgoing.split())

    def set_predicate(self, text):
        self.predicate = text
        self.true, self.bases = Parser(text).parse()

    def name(self):
        return f"line {self.number} ({self.state}, {self.event}: {self.predicate or '-'})"


class Table:
    """(state, event) -> rows; and the base predicates of each cell."""

    def __init__(self, path):
        with open(path, encoding="utf-8", newline="") as f:
            lines = csv.reader(f)
            next(lines)
            self.rows = [Row(lines.line_num, fields) for fields in lines]
        self.cells = {}
        for row in self.rows:
            if row.state not in STATES or row.next not in STATES:
                raise ValueError(f"no such state: {row.name()}")
            self.cells.setdefault((row.state, row.event), []).append(row)
        self.bases = {}
        self.index()

    def index(self):
        for cell, rows in self.cells.items():
            self.bases[cell] = tuple(dict.fromkeys(b for r in rows for b in r.bases))
