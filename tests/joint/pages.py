# SPDX-License-Identifier: MIT
"""The pages of docs/x225 that are made: the state tables with the tests that take each row, and the
clauses of X.225 with the places that cite them. `mutants.py --pages` writes them; a run of mutants.py
fails while something in those in the tree is wrong."""
import collections
import csv
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DOCS = os.path.join(ROOT, "docs", "x225")
TABLE = os.path.join(ROOT, "src", "proto", "x225", "x225.csv")
MADE = "<!-- Made by tests/joint/mutants.py --pages: do not edit. -->\n"

STATES = {
    "STA01": "idle, no transport connection", "STA01A": "AB sent, the transport to be kept; AA awaited",
    "STA01B": "T-CONNECT confirm awaited", "STA01C": "idle, with a transport connection",
    "STA01D": "OA sent; CDO awaited", "STA02A": "CN sent; AC awaited",
    "STA02B": "CN with data overflow sent; OA awaited", "STA03": "FN sent; DN awaited",
    "STA04A": "MAP sent; MAA or PREPARE(MAA) awaited", "STA04B": "AE sent; AEA or PREPARE(MAA) awaited",
    "STA05A": "RS sent; RA or PREPARE(RA) awaited", "STA05B": "AI sent; AIA or PREPARE(RA) awaited",
    "STA05C": "AD sent; ADA or PREPARE(RA) awaited",
    "STA06": "PREPARE(RS) received during an own resynchronization; RS, AI or AD awaited",
    "STA08": "S-CONNECT response awaited", "STA09": "S-RELEASE response awaited",
    "STA10A": "S-SYNC-MAJOR response awaited", "STA10B": "S-ACTIVITY-END response awaited",
    "STA11A": "S-RESYNCHRONIZE response awaited", "STA11B": "S-ACTIVITY-INTERRUPT response awaited",
    "STA11C": "S-ACTIVITY-DISCARD response awaited", "STA15A": "PREPARE(MAA) received; MAA or AEA awaited",
    "STA15B": "PREPARE(RS) received; RS, AI or AD awaited",
    "STA15C": "PREPARE(RA) received; RA, AIA or ADA awaited", "STA15D": "PREPARE(AB) received; AB awaited",
    "STA16": "over; T-DISCONNECT awaited", "STA18": "GTC sent; GTA awaited",
    "STA19": "ED sent; recovery by the peer awaited", "STA20": "ED or ER received, or ER sent; recovery awaited",
    "STA21": "CD sent; CDA awaited", "STA22": "S-CAPABILITY-DATA response awaited", "STA713": "data transfer",
}

SPDUS = """CONNECT;OVERFLOW ACCEPT;CONNECT DATA OVERFLOW;ACCEPT;REFUSE;FINISH;DISCONNECT;NOT FINISHED;ABORT;
ABORT ACCEPT;DATA TRANSFER;EXPEDITED;TYPED DATA;CAPABILITY DATA;CAPABILITY DATA ACK;GIVE TOKENS;PLEASE TOKENS;
GIVE TOKENS CONFIRM;GIVE TOKENS ACK;MINOR SYNC POINT;MINOR SYNC ACK;MAJOR SYNC POINT;MAJOR SYNC ACK;RESYNCHRONIZE;
RESYNCHRONIZE ACK;PREPARE;EXCEPTION REPORT;EXCEPTION DATA;ACTIVITY START;ACTIVITY RESUME;ACTIVITY INTERRUPT;
ACTIVITY INTERRUPT ACK;ACTIVITY DISCARD;ACTIVITY DISCARD ACK;ACTIVITY END;ACTIVITY END ACK"""
SPDUS = [s.strip() for s in SPDUS.split(";")]
CLAUSES = [("5.7", "use of the transport service"), ("6.3.5", "extended control"),
           ("6.3.7", "concatenation"), ("6.4", "transport expedited flow")]
CLAUSES += [(f"7.{n}", f"procedure of {s}") for n, s in enumerate(SPDUS, 1)] + [("7.37", "segmentation")]
CLAUSES += [("8.1", "structure of TSDUs"), ("8.2", "structure of SPDUs")]
CLAUSES += [(f"8.3.{n}", f"encoding of {s}") for n, s in enumerate(SPDUS, 1)]
CLAUSES += [("A.3", "events"), ("A.4", "the tables' conventions"), ("A.4.1", "invalid intersections"),
            ("A.5", "variables, predicates, actions")]
TABLES = {"A.5": "connection establishment", "A.6": "data transfer", "A.7": "synchronization",
          "A.8": "resynchronization", "A.9": "activity interrupt and discard",
          "A.10": "activity start and resume, capability data", "A.11": "tokens and exceptions",
          "A.12": "release", "A.13": "abort"}


# The state tables ------------------------------------------------------------------------------


def read_rows():
    with open(TABLE, encoding="utf-8", newline="") as f:
        reader = csv.DictReader(f)
        return [dict(r, line=reader.line_num) for r in reader]


def cell(text):
    return text.replace("|", "\\|") or "-"


def link(name, folder):
    """A test as it is named in the pages."""
    if name.endswith(".txt"):
        return f"[{name[:2]}]({folder}src/proto/x225/vectors/{name})"
    return name


def tests_of(line, taken):
    """By vectors first."""
    names = sorted(name for name, lines in taken.items() if line in lines)
    return " ".join([link(n, "../../../") for n in names if n.endswith(".txt")]
                    + [link(n, "") for n in names if not n.endswith(".txt")]) or "**none**"


def page_of_state(state, rows, taken):
    out = [MADE, f"# {state}: {STATES[state]}\n", "[All states](../TABLES.md)\n",
           "| event | predicate | actions | out | next | confidence, source | taken by |",
           "|---|---|---|---|---|---|---|"]
    before = None
    for r in rows:
        event = "" if r["event"] == before else f'<a id="{r["event"]}"></a>**{r["event"]}**'
        before = r["event"]
        out.append(f"| {event} | {cell(r['predicate'])} | {cell(r['actions'])} | {cell(r['outgoing'])} | "
                   f"[{r['next_state']}]({r['next_state']}.md) | {r['confidence']}: {cell(r['source'])} | "
                   f"{tests_of(r['line'], taken)} |")
    return "\n".join(out) + "\n"


def index_page(rows, taken):
    by_state = collections.defaultdict(list)
    for r in rows:
        by_state[r["state"]].append(r)
    covered = {line for lines in taken.values() for line in lines}
    confidence = collections.Counter(r["confidence"] for r in rows)
    none = [r for r in rows if r["line"] not in covered]
    out = [MADE, "# The state tables of X.225 Annex A\n",
           "A page for each state, made of `src/proto/x225/x225.csv`: a line for each row; `^` is not. Predicates "
           "(`pNN`) and actions (`[NN]`) are those of A.5: `src/proto/x225/x225_pred.c`, `x225_act.c`. "
           "*Source*: K, W are transcriptions by others, of the whole and of the kernel; RECON is ours; "
           "MENDED rows were proved wrong or missing, with the reason. *Taken by*: the vectors by number, unit "
           "tests, the joint exploration, the simulator. The [walk](WALK.md) takes every row that can be "
           "reached, beside these.\n",
           f"{len(rows)} rows in {len({(r['state'], r['event']) for r in rows})} cells; confidence high "
           f"{confidence['high']}, medium {confidence['medium']}, low {confidence['low']}; mended "
           f"{sum(r['source'].startswith('MENDED') for r in rows)}; taken by tests beside the walk "
           f"{len(rows) - len(none)}.\n",
           "| state | | rows | low confidence | mended | taken by none |", "|---|---|---|---|---|---|"]
    for state in STATES:
        mine = by_state[state]
        out.append(f"| [{state}](states/{state}.md) | {STATES[state]} | {len(mine)} | "
                   f"{sum(r['confidence'] == 'low' for r in mine)} | "
                   f"{sum(r['source'].startswith('MENDED') for r in mine)} | "
                   f"{sum(r['line'] not in covered for r in mine)} |")
    return "\n".join(out) + "\n", by_state


# The clauses -----------------------------------------------------------------------------------

NUMBER = r"(?:[5-8]\.\d+(?:\.\d+)*|A\.\d+(?:\.\d+)*)"
CITED = re.compile(r"X\.225,? (?:A\.|\d)[^;:\n]{0,60}|\(" + NUMBER + r"[^)\n]{0,20}\)")
OWN_ROOM = re.compile(r"(?<![\w.])" + NUMBER + r"(?![\w.]*\w)")
RANGE = re.compile(r"(?<![\w.])((?:[5-8]\.|8\.3\.))(\d+) to \1(\d+)(?![\w.]*\w)")
TABLE_CITED = re.compile(r"tables? (A\.\d+)(?: to (A\.\d+))?")


def files():
    done = subprocess.run(["git", "ls-files", "src", "include", "tests", "sim", "cli", "fuzz"], cwd=ROOT,
                          stdout=subprocess.PIPE, text=True, check=True)
    return [f for f in done.stdout.split() if re.search(r"\.(c|h|py|csv|txt)$", f) and "/corpus/" not in f
            and not f.endswith("tests/joint/pages.py")]


def comments(name, text):
    """What is not code: of C the comments and strings, of others the lines with a sign of comment."""
    if name.endswith((".c", ".h")):
        return "\n".join(re.findall(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', text, re.S))
    if name.endswith(".txt"):
        return "\n".join(line for line in text.splitlines() if line.startswith("#"))
    return text


def is_test(name):
    base = os.path.basename(name)
    return name.startswith(("tests/", "sim/", "fuzz/")) or "/vectors/" in name or \
        base.startswith(("test_", "replay", "seed"))


def citations():
    """(clause -> files, table -> files)"""
    clauses, tables = collections.defaultdict(set), collections.defaultdict(set)
    for name in files():
        with open(os.path.join(ROOT, name), encoding="utf-8", errors="replace") as f:
            text = comments(name, f.read())
        room = "/x225/" in name and name.endswith((".c", ".h", ".txt")) or name.endswith("convene/x225.h")
        for m in TABLE_CITED.finditer(text):
            first = int(m[1][2:])
            for n in range(first, int((m[2] or m[1])[2:]) + 1):
                tables[f"A.{n}"].add(name)
        text = TABLE_CITED.sub("", text)
        for piece in ([text] if room else CITED.findall(text)):
            for m in RANGE.finditer(piece):
                clauses.update({f"{m[1]}{n}": clauses[f"{m[1]}{n}"] | {name} for n in range(int(m[2]), int(m[3]) + 1)})
            for number in OWN_ROOM.findall(piece):
                clauses[number].add(name)
    return clauses, tables


def places(names, folder="../../"):
    vectors = sorted(n for n in names if "/vectors/" in n)
    others = sorted(n for n in names if "/vectors/" not in n)
    shown = [f"[{os.path.basename(n)}]({folder}{n})" for n in others]
    shown += [link(os.path.basename(n), folder) for n in vectors]
    return " ".join(shown)


def clause_page():
    cited, tables = citations()
    out = [MADE, "# X.225, clause by clause\n",
           "Where a clause is cited in the code that does it and in the tests that hold it, as found in the sources. "
           "A sub-clause counts for its clause. Titles are in our words. **gap**: nobody cites it, so look there "
           "first; it does not say that it is missing. What is not in: "
           "[README of the room](../../src/proto/x225/README.md).\n",
           "| clause | | implemented | tested |", "|---|---|---|---|"]
    gaps = 0
    for number, title in CLAUSES:
        names = {n for c, found in cited.items() for n in found
                 if c == number or (c.startswith(number + ".") and number not in ("A.4",))}
        code, tests = {n for n in names if not is_test(n)}, {n for n in names if is_test(n)}
        gaps += (not code) + (not tests)
        out.append(f"| {number} | {title} | {places(code) or '**gap**'} | {places(tests) or '**gap**'} |")
    out += ["", "| table | | implemented | tested |", "|---|---|---|---|"]
    for number, title in TABLES.items():
        tests = {n for n in tables[number] if is_test(n)}
        out.append(f"| {number} | {title} | [x225.csv](../../src/proto/x225/x225.csv), [rendered](TABLES.md) | "
                   f"{places(tests) or '**gap**'} |")
    return "\n".join(out) + "\n", gaps


def pages(taken):
    """{file: text}; taken: {test: lines of x225.csv}."""
    rows = read_rows()
    index, by_state = index_page(rows, taken)
    clauses, _ = clause_page()
    made = {"TABLES.md": index, "CLAUSES.md": clauses}
    for state in STATES:
        made[f"states/{state}.md"] = page_of_state(state, by_state[state], taken)
    return made


def write(taken):
    os.makedirs(os.path.join(DOCS, "states"), exist_ok=True)
    for name, text in pages(taken).items():
        with open(os.path.join(DOCS, name), "w", encoding="utf-8") as f:
            f.write(text)


LINK = re.compile(r"\[[^\]]*\]\([^)]*\)|test_\w+|joint|simulator")


def line_holds(old, new, free):
    """The last cells name tests and places: those named must be there still; more may be."""
    old, new = old.split(" | "), new.split(" | ")
    if len(old) != len(new) or old[:-free] != new[:-free]:
        return False
    return all(set(LINK.findall(o)) <= set(LINK.findall(n)) for o, n in zip(old[-free:], new[-free:]))


def holds(name, old, new):
    """A page holds as long as nothing in it is wrong. Numbers of rows that tests take may have grown."""
    old, new = old.splitlines(), new.splitlines()
    if len(old) != len(new):
        return False
    free = 2 if name == "CLAUSES.md" else 1
    for o, n in zip(old, new):
        counts = name == "TABLES.md" and (o[:1].isdigit() or o.startswith("| [STA"))
        if not o.startswith("| ") and o != n and not counts:
            return False
        if o.startswith("| ") and not line_holds(o, n, free) and not (counts and o.rsplit("|", 2)[0] == n.rsplit("|", 2)[0]):
            return False
    return True


def stale(taken):
    """The files in which something is wrong."""
    found = []
    for name, text in pages(taken).items():
        path = os.path.join(DOCS, name)
        old = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                old = f.read()
        if not holds(name, old, text):
            found.append(f"docs/x225/{name}")
    return found
