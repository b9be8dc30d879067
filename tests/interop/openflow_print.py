#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints OpenFlow messages, as recorded and mutated, with Debian's ovs-ofctl and with `sluice ofctl`, and compares to the
letter.

Usage: openflow_print.py SLUICE MESSAGES.hex [MUTATIONS-EACH [SEED]]
MUTATIONS-EACH 0: the messages as they are. Needs ovs-ofctl; no switch runs."""
import collections
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

MARK = 0xf0000000


def mark(i):
    return struct.pack(">BBHI", 1, 18, 8, MARK + i)


def show(program, messages, more):
    with tempfile.NamedTemporaryFile() as f:
        for i, m in enumerate(messages):
            f.write(m + mark(i))
        f.flush()
        p = subprocess.run(program + more + ["ofp-parse", f.name], capture_output=True, timeout=300, check=False,
                           env=dict(os.environ, OVS_RUNDIR="/tmp"))
    text = p.stdout.decode("latin-1")
    parts = re.split(r"OFPT_BARRIER_REQUEST \(xid=0xf([0-9a-f]{7})\):\n", text)
    out = {}
    for i in range(0, len(parts) - 1, 2):
        out[int(parts[i + 1], 16)] = parts[i]
    return out, p.returncode, p.stderr.decode("latin-1")


def mutate(m, rng):
    b = bytearray(m)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        kind = rng.randrange(8)
        at = rng.randrange(8, len(b)) if len(b) > 8 else None
        if at is None or (kind == 0 and rng.randrange(4) == 0):
            b[1] = rng.randrange(36)
        elif kind == 1:
            b[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            b[at] = rng.choice((0, 1, 2, 0xff, 0x80, 4, 8, 16, b[at] - 1 & 255, b[at] + 1 & 255))
        elif kind == 3:
            b = b[:at]
        elif kind == 4:
            b += bytes(rng.choice((1, 4, 8, 16)))
        elif kind == 5:
            b[at:at] = bytes(rng.choice((1, 4, 8)))
        elif kind == 6:
            del b[at:at + rng.choice((1, 4, 8))]
        else:
            n = rng.choice((2, 4))
            b[at:at + n] = rng.choice((b"\xff" * n, bytes(n), bytes(n - 1) + b"\1"))[:max(0, len(b) - at)]
    if rng.randrange(12) == 0:
        b[0] = rng.randrange(1, 7)
    b[2:4] = struct.pack(">H", len(b))
    return bytes(b)


def compare(sluice, messages, more=()):
    """Returns [(message, reference's, ours)] of those that differ."""
    bad = []
    for start in range(0, len(messages), 4000):
        part = messages[start:start + 4000]
        theirs, code1, _ = show(["ovs-ofctl", "-vOFF"], part, list(more))
        ours, code2, err = show([sluice, "ofctl", "-vOFF"], part, list(more))
        if len(ours) != len(part) or len(theirs) != len(part):
            print("messages printed:", len(part), "reference", len(theirs), code1, "ours", len(ours), code2, err[-2000:])
        for i, m in enumerate(part):
            if theirs.get(i) != ours.get(i):
                bad.append((m, theirs.get(i), ours.get(i)))
    return bad


def main():
    sluice = sys.argv[1]
    each = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    rng = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    seeds = [bytes.fromhex(l.strip()) for l in open(sys.argv[2], encoding="ascii") if l.strip()]
    messages = [m for m in seeds if len(m) <= 1500] if each else seeds
    if each:
        messages = [mutate(m, rng) for m in messages for _ in range(each)]
    bad = compare(sluice, messages, os.environ.get("MORE", "").split())
    classes = collections.defaultdict(list)
    for m, r, o in bad:
        words = (r or "nothing").split(":")[0].split(" (xid")[0]
        classes[words].append((m, r, o))
    for name, cases in sorted(classes.items(), key=lambda c: -len(c[1])):
        print("####", name, len(cases))
        for m, r, o in sorted(cases, key=lambda c: len(c[0]))[:int(os.environ.get("SHOW", "2"))]:
            print("  ", m.hex()[:400])
            rl, ol = (r or "-").splitlines(), (o or "-").splitlines()
            k = 0
            while k < min(len(rl), len(ol)) and rl[k] == ol[k]:
                k += 1
            print("   R", "\n     ".join(l[:400] for l in rl[k:k + 3]))
            print("   M", "\n     ".join(l[:400] for l in ol[k:k + 3]))
    print(len(messages), "messages,", len(bad), "differ")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
