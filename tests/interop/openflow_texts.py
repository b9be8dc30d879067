#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Parses flows, as in tests/tables/openflow_flows.tsv and mutated, with Debian's ovs-ofctl and with `sluice ofctl`, and
compares what they print or what they say is wrong. Ours may say more after the reference's text.

Usage: openflow_texts.py SLUICE [N [SEED]]. Needs ovs-ofctl; no switch runs."""
import collections
import os
import random
import re
import subprocess
import sys

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tables/openflow_flows.tsv")


def ask(program, flow):
    p = subprocess.run(program + ["-O", "OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15", "parse-flow", flow], capture_output=True, text=True,
                       check=False, errors="replace")
    if p.returncode:
        return "E", next((l.split(": ", 1)[1] for l in p.stderr.splitlines() if l.startswith("ovs-ofctl: ")), p.stderr[-200:])
    return "M", p.stdout


def mutate(flow, words, rng):
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(len(flow) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            flow = flow[:at] + flow[at + rng.randrange(1, 4):]
        elif kind == 1:
            flow = flow[:at] + rng.choice(",=:()[]/->x0-1 9") + flow[at:]
        elif kind == 2:
            flow = re.sub(r"\d+", rng.choice(("0", "-1", "65536", "0x100000000", "", "x", "256")), flow, count=1)
        elif kind == 3:
            flow = flow + "," + rng.choice(words)
        else:
            flow = rng.choice(words) + "," + flow
    return flow


def main():
    n, rng = int(sys.argv[2]) if len(sys.argv) > 2 else 300, random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    with open(TABLE, encoding="utf-8") as f:
        flows = sorted({l.split("\t")[1] for l in f if not l.startswith("#")})
    words = sorted({w for f in flows for w in re.split(r",(?![^(]*\))", f)})
    classes = collections.defaultdict(list)
    for _ in range(n):
        flow = mutate(rng.choice(flows), words, rng)
        theirs, ours = ask(["ovs-ofctl"], flow), ask([sys.argv[1], "ofctl"], flow)
        if theirs != ours and not (theirs[0] == ours[0] == "E" and ours[1].startswith(theirs[1])):
            classes[re.sub(r"\S*[0-9]\S*", "#", theirs[1])[:60]].append((flow, theirs, ours))
    for cases in sorted(classes.values(), key=len, reverse=True):
        flow, theirs, ours = cases[0]
        print(f"## {len(cases)} {flow}\n   R {theirs[0]} {theirs[1].strip()[-200:]}\n   M {ours[0]} {ours[1].strip()[-200:]}")
    print(n, "flows,", sum(map(len, classes.values())), "differ")
    return bool(classes)


if __name__ == "__main__":
    sys.exit(main())
