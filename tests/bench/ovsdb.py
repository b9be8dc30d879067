#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The database beside the reference's, in one run: what a port costs, transactions a second, monitors, memory.

usage: tests/bench/ovsdb.py [SECONDS [LONG]]   (build/sluice and build/tests/bench/ovsdb_load must be there; databases are
on a RAM disk; LONG: seconds of each of the two measurements with monitors, 60 for the record)
"""
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from ovsdb_util import Client, Server, SLUICE  # noqa: E402

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 3
LONG = float(sys.argv[2]) if len(sys.argv) > 2 else 5
LOAD = str(pathlib.Path(SLUICE).parent / "tests/bench/ovsdb_load")
VSCTL = {"ours": [SLUICE, "vsctl"], "reference": ["ovs-vsctl"]}


def median(values):
    return sorted(values)[len(values) // 2]


def vsctl(kind, s, *args):
    start = time.perf_counter()
    subprocess.run([*VSCTL[kind], "--db=" + s.remote, "--no-wait", *args], check=True)
    return 1e3 * (time.perf_counter() - start)


def ports(kind):
    with Server(kind, dir="/dev/shm") as s:
        vsctl(kind, s, "add-br", "br0")
        first = median([vsctl(kind, s, "add-port", "br0", f"a{i}") for i in range(20)])
        for k in range(0, 960, 60):
            vsctl(kind, s, *[w for i in range(k, k + 60) for w in ("--", "add-port", "br0", f"b{i}")])
        last = median([vsctl(kind, s, "add-port", "br0", f"c{i}") for i in range(20)])
        return first, last, last / first


def load(s, *args):
    """What ovsdb_load printed, as a dictionary."""
    out = subprocess.run([LOAD, s.sock, *map(str, args)], check=True, capture_output=True, text=True).stdout.split()
    return dict(zip(out[::2], map(float, out[1::2])))


def transactions(kind, clients=8):
    with Server(kind, dir="/dev/shm") as s:
        Client(s.sock).transact("Open_vSwitch", {"op": "insert", "table": "Open_vSwitch", "row": {}})
        got = load(s, clients, 0, SECONDS)
        return got["transactions"] / got["seconds"]


def monitors(kind, n=100, clients=8):
    """As many transactions as go, or RATE a second, with N monitors: how many, and from a commit's reply to the last monitor's update, worst; and
    how many monitors missed the last."""
    with Server(kind, dir="/dev/shm") as s:
        Client(s.sock).transact("Open_vSwitch", {"op": "insert", "table": "Open_vSwitch", "row": {}})
        full, paced = load(s, clients, n, LONG), load(s, clients, n, LONG, 1000)
        return (full["transactions"] / full["seconds"], full["worst_us"] / 1e3, paced["transactions"] / paced["seconds"],
                paced["worst_us"] / 1e3, full["lost"] + paced["lost"])


def memory(kind, n=10000):
    with Server(kind, dir="/dev/shm") as s:
        def rss():
            return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{s.process.pid}/status").read()).group(1))

        before, c = rss(), Client(s.sock)
        c.transact("Open_vSwitch", {"op": "insert", "table": "Open_vSwitch", "row": {"bridges": ["named-uuid", "b"]}},
                   {"op": "insert", "table": "Bridge", "uuid-name": "b", "row": {"name": "br0"}})
        for k in range(0, n, 500):
            ops = []
            for i in range(k, k + 500):
                ops += [{"op": "insert", "table": "Interface", "uuid-name": f"i{i}", "row": {"name": f"if{i}", "type": "internal"}},
                        {"op": "insert", "table": "Port", "uuid-name": f"p{i}", "row": {"name": f"if{i}", "interfaces": ["named-uuid", f"i{i}"]}}]
            ops.append({"op": "mutate", "table": "Bridge", "where": [],
                        "mutations": [["ports", "insert", ["set", [["named-uuid", f"p{i}"] for i in range(k, k + 500)]]]]})
            c.call("transact", ["Open_vSwitch", *ops], 60)
        s.ctl("ovsdb-server/compact")
        time.sleep(1)
        return (rss() - before) / 1024


def main():
    rows = [("", "ours", "reference")]
    results = {k: (*ports(k), transactions(k), *monitors(k), memory(k)) for k in ("ours", "reference")}
    names = ("vsctl add-port, 10th (ms, median of 20)", "vsctl add-port, 1000th (ms)", "the 1000th by the 10th",
             "transactions/s, 8 clients", "the same with 100 monitors", "reply to last of 100 monitors (ms, worst)",
             "1000 transactions/s with 100 monitors", "reply to last of 100 monitors (ms, worst)", "monitors that missed the last",
             "10,000 ports, memory (MiB)")
    for i, name in enumerate(names):
        rows.append((name, *(f"{results[k][i]:.2f}" for k in ("ours", "reference"))))
    for row in rows:
        print(f"{row[0]:45} {row[1]:>10} {row[2]:>10}")


main()
