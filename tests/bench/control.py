#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Part C of tests/bench/README.md: rules, dumps, changes under load, new megaflows, memory. Sluice and the
reference side by side in one run.

usage: control.py [SECTION...]     rules load dump change; all if none

Both switches run privately, in a directory and a network namespace of their own, and are stopped at the end. `change`
(which tells of new megaflows, changes and memory) has a thread of Sluice forward 100,000 flows from memory, by its pcap
and null ports; the reference has such ports with DPDK alone, so its figures there are those of README.md.
"""
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.realpath(HERE + "/../..")
BUILD = os.environ.get("SLUICE_BUILD", TOP + "/build")
N_LOAD = int(os.environ.get("BENCH_RULES", "100000"))
N_MEMORY = int(os.environ.get("BENCH_MEMORY_RULES", "1000000"))


def run(*argv, env=None, check=True, out=subprocess.PIPE):
    p = subprocess.run(argv, env=env, stdout=out, stderr=subprocess.PIPE, text=True)
    if check and p.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {p.stderr}")
    return p.stdout


def timed(*argv, env=None, out=subprocess.DEVNULL):
    start = time.monotonic()
    run(*argv, env=env, out=out)
    return time.monotonic() - start


def five_tuple(i):
    """A rule of five fields and one output; all in one table, all different."""
    return (f"priority=100,tcp,nw_src=10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255},nw_dst=192.168.{i >> 8 & 255}."
            f"{i & 255},tp_src={1024 + i % 50000},tp_dst={1 + i // 50000},actions=output:2\n")


def write_rules(path, n, make=five_tuple):
    with open(path, "w") as f:
        f.writelines(make(i) for i in range(n))
    return path


class Switch:
    """A private switch: directory, processes, clients' environment."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-bench-")
        self.env = dict(os.environ, OVS_RUNDIR=self.dir, OVS_LOGDIR=self.dir, OVS_DBDIR=self.dir,
                        OVS_SYSCONFDIR=self.dir)
        self.processes = []

    def path(self, name):
        return os.path.join(self.dir, name)

    def pid(self):
        return int(open(self.path("ovs-vswitchd.pid")).read())

    def rss_kb(self):
        for line in open(f"/proc/{self.pid()}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1])

    def appctl(self, *argv):
        return run("ovs-appctl", "-t", self.path(f"ovs-vswitchd.{self.pid()}.ctl"), *argv, env=self.env)

    def vsctl(self, *argv):
        return run("ovs-vsctl", f"--db=unix:{self.dir}/db.sock", *argv, env=self.env)

    def mgmt(self, bridge="br0"):
        return f"unix:{self.dir}/{bridge}.mgmt"

    def ofctl(self, *argv):
        return run("ovs-ofctl", argv[0], self.mgmt(), *argv[1:], env=self.env)

    def stop(self):
        try:
            pid = self.pid()
        except OSError:
            pid = 0
        for p in [pid] + self.processes:
            if p:
                try:
                    os.kill(p, signal.SIGTERM)
                    for _ in range(600):
                        os.kill(p, 0)
                        time.sleep(0.05)
                except ProcessLookupError:
                    pass
        shutil.rmtree(self.dir, ignore_errors=True)


class Sluice(Switch):
    name = "sluice"

    def __init__(self):
        super().__init__()
        run("unshare", "-n", BUILD + "/sluiced", "--detach", "--no-chdir", "--pidfile", "--log-file", "--enable-dummy", env=self.env)


class Reference(Switch):
    name = "reference"

    def __init__(self):
        super().__init__()
        run("ovsdb-tool", "create", self.path("conf.db"), "/usr/share/openvswitch/vswitch.ovsschema")
        run("ovsdb-server", f"--remote=punix:{self.dir}/db.sock", "--pidfile=" + self.path("ovsdb-server.pid"),
            "--detach", "--log-file", self.path("conf.db"), env=self.env)
        self.processes.append(int(open(self.path("ovsdb-server.pid")).read()))
        self.vsctl("--no-wait", "init")
        run("unshare", "-n", "/usr/lib/openvswitch-switch/ovs-vswitchd", "--enable-dummy", "--disable-system",
            f"unix:{self.dir}/db.sock", "--pidfile=" + self.path("ovs-vswitchd.pid"), "--detach", "--log-file",
            env=self.env)


def bridge(s):
    s.vsctl("--if-exists", "del-br", "br0", "--", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
            "fail_mode=secure")
    while not os.path.exists(s.path("br0.mgmt")):
        time.sleep(0.01)


def row(what, *cells):
    print(f"| {what} | " + " | ".join(str(c) for c in cells) + " |", flush=True)


# ---------------------------------------------------------------- sections

def section_rules(tmp):
    """Resident memory of a rule. The reference is asked for fewer: its figure per rule is the same, its time is not."""
    cells = []
    for cls, n in ((Sluice, N_MEMORY), (Reference, N_MEMORY // 5)):
        s = cls()
        try:
            bridge(s)
            time.sleep(0.5)
            path = write_rules(tmp + "/million", n)
            before = s.rss_kb()
            t = timed(BUILD + "/sluice", "ofctl", "add-flows", s.mgmt(), path, env=s.env)
            time.sleep(1)
            after = s.rss_kb()
            cells.append(f"{(after - before) * 1024 / n:.0f} B ({n} rules in {t:.1f} s)")
        finally:
            s.stop()
    row("resident memory of a rule", *cells, "1 kB")


def section_load(tmp):
    path = write_rules(tmp + "/load", N_LOAD)
    for tool, name in ((["ovs-ofctl"], "Debian's ovs-ofctl"), ([BUILD + "/sluice", "ofctl"], "sluice ofctl")):
        times = {}
        for cls in (Sluice, Reference, Sluice, Reference):
            s = cls()
            try:
                bridge(s)
                times.setdefault(s.name, []).append(timed(*tool, "add-flows", s.mgmt(), path, env=s.env))
            finally:
                s.stop()
        a, b = min(times["sluice"]), min(times["reference"])
        row(f"load {N_LOAD} rules, {name}", f"{a:.2f} s", f"{b:.2f} s", f"under 1 s, under half: {a / b:.2f}")


def section_dump(tmp):
    path = write_rules(tmp + "/dump", N_LOAD)
    switches = [Sluice(), Reference()]
    try:
        for s in switches:
            bridge(s)
            run(BUILD + "/sluice", "ofctl", "add-flows", s.mgmt(), path, env=s.env)
        for tool, name in ((["ovs-ofctl"], "Debian's ovs-ofctl"), ([BUILD + "/sluice", "ofctl"], "sluice ofctl")):
            t = [[], []]
            for _ in range(3):
                for i, s in enumerate(switches):
                    t[i].append(timed(*tool, "dump-flows", s.mgmt(), env=s.env))
            a, b = statistics.median(t[0]), statistics.median(t[1])
            row(f"dump {N_LOAD} rules, {name}", f"{a:.2f} s", f"{b:.2f} s", f"no slower: {a / b:.2f}")
    finally:
        for s in switches:
            s.stop()


def datapath(s):
    """Flows, and misses, and those lost."""
    text = run(BUILD + "/sluice", "dpctl", "show", env=s.env)
    return {k: int(re.search(k + r":\s*(\d+)", text).group(1)) for k in ("hit", "missed", "lost", "flows")}


def cpu_ns(s, name):
    """Processor time of the threads NAME, nanoseconds: what other work on the machine takes is left out."""
    total = 0
    for task in os.listdir(f"/proc/{s.pid()}/task"):
        base = f"/proc/{s.pid()}/task/{task}/"
        if open(base + "comm").read().startswith(name):
            total += int(open(base + "schedstat").read().split()[0])
    return total


def longest_turn(s, command):
    """Runs COMMAND; the longest that the control thread took to answer meanwhile, seconds."""
    worst = 0
    p = subprocess.Popen(command, env=s.env, stdout=subprocess.DEVNULL)
    start = time.monotonic()
    while p.poll() is None:
        before = time.monotonic()
        run(BUILD + "/sluice", "appctl", "version", env=s.env)
        worst = max(worst, time.monotonic() - before)
    return time.monotonic() - start, worst


def section_change(tmp):
    run("/usr/bin/python3", HERE + "/mkpcap.py", tmp)
    s = Sluice()
    try:
        bridge(s)
        s.vsctl("add-port", "br0", "p2", "--", "set", "interface", "p2", "type=null", "ofport_request=2")
        run(BUILD + "/sluice", "ofctl", "add-flows", s.mgmt(), tmp + "/exact-100k.flows", env=s.env)
        s.vsctl("add-port", "br0", "p1", "--", "set", "interface", "p1", "type=pcap",
                f"options:file={tmp}/flows-100000.pcap", "ofport_request=1")
        samples = []
        start, last = time.monotonic(), 0
        while last < 99990 and time.monotonic() - start < 30:
            cpu, before = cpu_ns(s, "handler"), last
            time.sleep(0.25)
            last = datapath(s)["flows"]
            samples.append((last - before, cpu_ns(s, "handler") - cpu))
        cost = sum(c for _, c in samples) / max(last, 1)
        row("new megaflows, first second", f"{sum(n for n, _ in samples[:4])}", "50000", "3 times")
        row("until 100,000 are cached", f"{time.monotonic() - start:.1f} s: {last / (time.monotonic() - start):.0f}/s",
            "24000/s", "3 times")
        row("handler's processor time for one", f"{cost / 1000:.1f} us: {1e9 / cost:.0f}/s on a core of its own", "", "")
        time.sleep(1)
        changes = tmp + "/changes"
        turn = 0
        for tool, name in (([BUILD + "/sluice", "ofctl"], "sluice ofctl"), (["ovs-ofctl"], "Debian's ovs-ofctl")):
            times = []
            for _ in range(3):
                turn += 1
                with open(tmp + "/exact-100k.flows") as f, open(changes, "w") as out:
                    for line in [next(f) for _ in range(1000)]:
                        out.write(line.replace("output:2", "drop" if turn % 2 else "output:2"))
                times.append(timed(*tool, "add-flows", s.mgmt(), changes, env=s.env))
            row(f"1,000 changes, 100,000 megaflows, {name}", f"{statistics.median(times):.2f} s", "6.0 s", "0.5 s")
        t, worst = longest_turn(s, [BUILD + "/sluice", "ofctl", "add-flow", s.mgmt(), "priority=20,udp,actions=output:2"])
        row("one rule that touches all 100,000", f"{t:.2f} s; control thread away for {worst * 1000:.0f} ms at most", "", "")
        row("resident memory: 100,000 rules, 100,000 megaflows", f"{s.rss_kb() // 1024} MiB", "416 to 632 MB (DPDK)", "")
    finally:
        s.stop()


SECTIONS = {"rules": section_rules, "load": section_load, "dump": section_dump,
            "change": section_change}


def main():
    names = sys.argv[1:] or list(SECTIONS)
    tmp = tempfile.mkdtemp(prefix="sluice-bench-")
    row("what", "Sluice", "reference", "mark")
    row("---", "---", "---", "---")
    try:
        for name in names:
            SECTIONS[name](tmp)
    finally:
        shutil.rmtree(tmp)


if __name__ == "__main__":
    main()
