#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/tables/openflow_flows.tsv: how the reference prints flows, or what it says is wrong with them.

Usage: openflow_flows.py TABLE > NEW_TABLE   the same flows and versions as in TABLE, asked anew
       openflow_flows.py TABLE SLUICE        compares SLUICE (the program) with the reference in each case
Needs ovs-ofctl; no switch runs."""
import subprocess
import sys


def ask(program, version, flow):
    p = subprocess.run(program + ["-O", "OpenFlow" + version, "parse-flow", flow], capture_output=True, text=True)
    if p.returncode:
        texts = [l.split(": ", 1)[1] for l in p.stderr.splitlines() if l.startswith("ovs-ofctl: ")]
        return "E", texts[0] if texts else ""
    return "M", next(l for l in p.stdout.splitlines() if l.startswith(("OFPT", "NXT")))


def main():
    bad = 0
    for line in open(sys.argv[1], encoding="utf-8"):
        if line.startswith("#"):
            if len(sys.argv) == 2:
                print(line, end="")
            continue
        version, flow = line.rstrip("\n").split("\t")[:2]
        kind, text = ask(["ovs-ofctl"], version, flow)
        if len(sys.argv) == 2:
            print(version, flow, kind, text, sep="\t")
            continue
        ours = ask([sys.argv[2], "ofctl"], version, flow)
        if ours != (kind, text):
            bad += 1
            print(f"OpenFlow{version} {flow}\n  reference {kind} {text}\n  sluice    {ours[0]} {ours[1]}")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
