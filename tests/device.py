#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""device.py [--build FOLDER] - `make size`: the core for a device without an operating system.

Cross-compiles the pure layers and examples/device as packaging/arm-cortex-m4.ini says, prints what
they take, and runs the program on an emulated Cortex-M4, where a counting allocator measures the
memory of a session. Fails where a limit below is passed. docs/DEVICE.md says what the figures mean.
"""
import argparse
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TEXT_MAX = 64 << 10  # code and constants of TPKT, COTP, X.225 and the connection that joins them
SESSION_MAX = 1 << 10
# A program that does not call what is in here does not get it.
ON_CALL = {"x225_why": "reasons of a refusal in words"}
# What the C library and the compiler's give; all else is ours.
FOREIGN = re.compile(r"(mem|str)[a-z]+|__aeabi_\w+|__gnu_\w+|__\w+[ds]i\d?")

passed, failed = 0, 0


def expect(what, right, why=""):
    global passed, failed
    if right:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {what}: {why}")


def run(*command, **kw):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **kw)


def build(folder):
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        done = run("meson", "setup", folder, TOP, "--cross-file",
                   os.path.join(TOP, "packaging", "arm-cortex-m4.ini"))
        if done.returncode != 0:
            sys.exit(f"device.py: meson: exit {done.returncode}\n{done.stdout}")
    done = run("ninja", "-C", folder)
    if done.returncode != 0:
        sys.exit(f"device.py: it does not build\n{done.stdout}")


def layer(name):
    """What an object of the archive is of, by the name meson gives it; None: not of the core."""
    for part, says in (("x225", "X.225"), ("cotp", "COTP"), ("tpkt", "TPKT"),
                       ("src_session_connection", "connection"), ("src_core", "core, base"),
                       ("src_base", "core, base")):
        if part in name:
            return says
    return None


def sizes(archive):
    """{object: (text, data, bss)}"""
    found = {}
    for line in run("arm-none-eabi-size", archive).stdout.splitlines()[1:]:
        text, data, bss, _, _, name = line.split(None, 5)
        found[re.sub(r" \(ex .*", "", name).split("/")[-1]] = (int(text), int(data), int(bss))
    return found


def foreign_symbols(archive):
    """What the objects want that none of them has."""
    undefined, defined = set(), set()
    for line in run("arm-none-eabi-nm", "-A", archive).stdout.splitlines():
        kind, name = line.split()[-2:]
        (undefined if kind == "U" else defined).add(name)
    return undefined - defined


def judge_archive(archive):
    objects = sizes(archive)
    expect("objects in the archive", len(objects) > 20, f"{len(objects)} of them")
    written = {o: s for o, s in objects.items() if s[1] + s[2] > 0}
    expect("no writable static data", not written, written)
    strange = {s for s in foreign_symbols(archive) if not FOREIGN.fullmatch(s)}
    expect("nothing outside mem*, str* and the compiler's library", not strange, strange)
    rows, on_call = {}, {}
    for name, (text, _, _) in objects.items():
        called = next((says for part, says in ON_CALL.items() if part in name), None)
        if layer(name) is None:
            continue
        if called is not None:
            on_call[called] = on_call.get(called, 0) + text
        else:
            rows[layer(name)] = rows.get(layer(name), 0) + text
    total = sum(rows.values())
    print("text (code and constants), -Os, Cortex-M4 thumb:")
    for name in ("TPKT", "COTP", "X.225", "connection", "core, base"):
        expect(f"{name} is there", rows.get(name, 0) > 0, rows)
        print(f"  {name:<52} {rows.get(name, 0):>7,}")
    print(f"  {'whole':<52} {total:>7,}  limit {TEXT_MAX:,}")
    for name, text in on_call.items():
        print(f"  {'only if called: ' + name:<52} {text:>7,}")
    print(f"  {'.data and .bss':<52} {sum(s[1] + s[2] for s in objects.values()):>7,}  limit 0")
    expect("text", total <= TEXT_MAX, f"{total} > {TEXT_MAX}")


def judge_program(program):
    try:
        done = run("qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none",
                   "-semihosting", "-kernel", program, timeout=30)
    except subprocess.TimeoutExpired as late:
        sys.exit(f"device.py: the program does not end: {late.stdout}")
    print("examples/device, both ends of a session connection, emulated:")
    print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="")
    expect("the program ends well", done.returncode == 0, f"exit {done.returncode}")
    expect("the program gets to its end", done.stdout.endswith("released\n"), "no `released`")
    idle = [int(n) for n in re.findall(r"  RAM of the \w+ session +(\d+)", done.stdout)]
    expect("figures of idle sessions", len(idle) == 4, idle)
    for n in idle:
        expect("RAM of an idle session", n <= SESSION_MAX, f"{n} > {SESSION_MAX}")
    print(f"  limit of an idle session {SESSION_MAX:,}; blocks are rounded up to 8 octets and have "
          "no headers")


def main():
    args = argparse.ArgumentParser(description=__doc__,
                                   formatter_class=argparse.RawTextHelpFormatter)
    args.add_argument("--build", default=os.path.join(TOP, "build-device"))
    args = args.parse_args()
    build(args.build)
    judge_archive(os.path.join(args.build, "libcvn-pure.a"))
    judge_program(os.path.join(args.build, "examples", "device", "device"))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
