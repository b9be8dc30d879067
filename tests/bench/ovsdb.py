#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The database beside the reference's, in one run: what a port costs, transactions a second, monitors, memory.

usage: tests/bench/ovsdb.py [SECONDS]      (build/sluice must be there; databases are on a RAM disk)
"""
import multiprocessing
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from ovsdb_util import Client, Server, SLUICE  # noqa: E402

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 3
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
        return first, median([vsctl(kind, s, "add-port", "br0", f"c{i}") for i in range(20)])


def writer(sock, seconds, count):
    c = Client(sock)
    op = b'{"method":"transact","id":1,"params":["Open_vSwitch",{"op":"mutate","table":"Open_vSwitch","where":[],"mutations":[["next_cfg","+=",1]]}]}'
    end, n = time.time() + seconds, 0
    while time.time() < end:
        c.send(op)
        while not c.sock.recv(65536).rstrip().endswith(b"}"):
            pass
        n += 1
    with count.get_lock():
        count.value += n


def transactions(kind, clients=8):
    with Server(kind, dir="/dev/shm") as s:
        Client(s.sock).transact("Open_vSwitch", {"op": "insert", "table": "Open_vSwitch", "row": {}})
        count = multiprocessing.Value("l", 0)
        workers = [multiprocessing.Process(target=writer, args=(s.sock, SECONDS, count)) for _ in range(clients)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        return count.value / SECONDS


def monitors(kind, n=100, rounds=100):
    """From a commit's reply to the last of N monitors' updates, worst of ROUNDS."""
    import select
    with Server(kind, dir="/dev/shm") as s:
        c = Client(s.sock)
        c.transact("Open_vSwitch", {"op": "insert", "table": "Open_vSwitch", "row": {}})
        watchers = [Client(s.sock) for _ in range(n)]
        for w in watchers:
            w.call("monitor_cond", ["Open_vSwitch", 1, {"Open_vSwitch": {"columns": ["next_cfg"]}}])
        worst = 0
        for _ in range(rounds):
            c.transact("Open_vSwitch", {"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]]})
            start, left = time.perf_counter(), {w.sock for w in watchers}
            while left:
                for sock in select.select(left, [], [], 10)[0]:
                    sock.recv(65536)
                    left.discard(sock)
            worst = max(worst, time.perf_counter() - start)
        return 1e3 * worst


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
    results = {k: (*ports(k), transactions(k), monitors(k), memory(k)) for k in ("ours", "reference")}
    names = ("vsctl add-port, 10th (ms, median of 20)", "vsctl add-port, 1000th (ms)", "transactions/s, 8 clients",
             "reply to last of 100 monitors (ms, worst)", "10,000 ports, memory (MiB)")
    for i, name in enumerate(names):
        rows.append((name, *(f"{results[k][i]:.1f}" for k in ("ours", "reference"))))
    for row in rows:
        print(f"{row[0]:45} {row[1]:>10} {row[2]:>10}")


main()
