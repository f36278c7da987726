#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves that tests/run.py fails when it must: it is what stands between a broken tree and `ok`."""
import os
import re
import subprocess
import sys
import tempfile

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run.py")

# (what must be true, the parts, arguments, exit status, what the output must match)
CASES = [
    ("passes when all parts pass", "a - true\nb - true", [], 0, r"^2 passed, 0 failed$"),
    ("fails when one part fails", "a - true\nb - false", [], 1, r"^1 passed, 1 failed$"),
    ("names the failed part and its status", "bad - exit 3", [], 1, r"^FAILED bad .*exit 3"),
    ("shows the end of a failed part's log", "bad - echo because; false", [], 1, r"\| because$"),
    ("fails on a test that meson skipped", "a - echo 'Skipped:            1   '", [], 1, r"skipped"),
    ("passes when meson skipped none", "a - echo 'Skipped:            0   '", [], 0, r"^1 passed"),
    ("fails on a script's skipped test", "a - echo 'skipped: no network'", [], 1, r"skipped"),
    ("fails a part that hangs", "a limit=1 sleep 600", [], 1, r"not done after 1 s"),
    ("fails a part that leaves a process", "a - sleep 600 & true", [], 1, r"left a process"),
    ("fails a counted part without a count", "a count true", [], 1, r"no test was counted"),
    ("fails a counted part that counts zero", "a count echo 0 passed, 0 failed", [], 1,
     r"no test was counted"),
    ("prints the line that counts", "a count echo 7 passed, 0 failed", [], 0, r"^7 passed, 0 failed$"),
    ("prints Check's line", "a count echo '100%: Checks: 52, Failures: 0, Errors: 0'", [], 0,
     r"^100%: Checks: 52, Failures: 0, Errors: 0$"),
    ("fails when it runs nothing", "# nothing", [], 1, r"^0 passed, 0 failed$"),
    ("runs those of make check alone", "a check true\nb - false", ["--check"], 0, r"^1 passed"),
    ("runs the named part alone", "a - true\nb - false", ["a"], 0, r"^1 passed, 0 failed$"),
    ("refuses a name that is not there", "a - true", ["c"], 1, r"no such part: c"),
    ("refuses a word it does not know", "a often true", [], 1, r"not understood"),
    ("refuses a part listed twice", "a - true\na - true", [], 1, r"listed twice"),
    ("runs parts marked alone after the others", "z alone true\na - true", [], 0, r"(?s)ok a .*ok z "),
]


def one(parts, arguments, status, pattern):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "parts")
        with open(path, "w", encoding="utf-8") as f:
            f.write(parts + "\n")
        done = subprocess.run([sys.executable, RUN, "--parts", path, "--logs", folder, *arguments],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    if done.returncode == status and re.search(pattern, done.stdout, re.M):
        return None
    return f"exit {done.returncode}, {status} expected; /{pattern}/ expected in:\n{done.stdout}"


def main():
    failed = 0
    for what, *case in CASES:
        wrong = one(*case)
        if wrong:
            failed += 1
            print(f"{what}: {wrong}")
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
