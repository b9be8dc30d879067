#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Part C of tests/bench/README.md: rules, dumps, changes under load, new megaflows, memory. Sluice and the
reference side by side in one run.

usage: control.py [SECTION...]     rules load dump miss change; all if none

Both switches run privately, in a directory and a network namespace of their own, and are stopped at the end. `miss` (new
megaflows) and `change` (changes of 100,000 rules, memory) have a thread of Sluice forward flows from memory, by its pcap
and null ports; the reference has such ports with DPDK alone, so its figures there are those of README.md. A time is by the
clock, and in brackets what processor time the client and the switch took, but for the threads that forward.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
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


class Took:
    """What a command took: by the clock, and the processor time of the command and of the switch it spoke to."""

    def __init__(self, wall, client, switch):
        self.wall, self.client, self.switch = wall, client, switch

    def __str__(self):
        return f"{self.wall:.2f} s ({self.client:.2f}, {self.switch:.2f})"


def timed(s, *argv):
    """Runs ARGV for the switch S."""
    switch, start = s.cpu_s(), time.monotonic()
    pid = os.posix_spawnp(argv[0], argv, s.env, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, s.path("client.err"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)])
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - start
    if status:
        raise RuntimeError(f"{' '.join(argv)}: {open(s.path('client.err')).read()}")
    return Took(wall, usage.ru_utime + usage.ru_stime, s.cpu_s() - switch)


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

    def cpu_s(self, name=""):
        """Processor time of its threads whose names begin with NAME, but for those that forward: what other work
        on the machine takes is left out."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid()}/task"):
            base = f"/proc/{self.pid()}/task/{task}/"
            thread = open(base + "comm").read()
            if thread.startswith(name) and not thread.startswith("forward"):
                total += int(open(base + "schedstat").read().split()[0])
        return total / 1e9

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

CLIENTS = ((["ovs-ofctl"], "Debian's ovs-ofctl"), ([BUILD + "/sluice", "ofctl"], "sluice ofctl"))
FORMS = (([], ""), (["--bundle"], " --bundle"))


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
            t = timed(s, BUILD + "/sluice", "ofctl", "add-flows", s.mgmt(), path)
            time.sleep(1)
            after = s.rss_kb()
            cells.append(f"{(after - before) * 1024 / n:.0f} B ({n} rules in {t.wall:.1f} s)")
        finally:
            s.stop()
    row("resident memory of a rule", *cells, "1 kB")


def section_load(tmp):
    """Each form by each client into each switch, empty at the start, twice in turn; the quicker one counts."""
    path = write_rules(tmp + "/load", N_LOAD)
    for form, form_name in FORMS:
        for tool, name in CLIENTS:
            took = {}
            for cls in (Sluice, Reference, Sluice, Reference):
                s = cls()
                try:
                    bridge(s)
                    took.setdefault(s.name, []).append(timed(s, *tool, *form, "add-flows", s.mgmt(), path))
                finally:
                    s.stop()
            a, b = (min(took[n], key=lambda t: t.wall) for n in ("sluice", "reference"))
            row(f"load {N_LOAD} rules, {name}{form_name}", a, b,
                f"under 1 s, under half: {a.wall / b.wall:.2f} (processor {(a.client + a.switch) / (b.client + b.switch):.2f}"
                f", switch alone {a.switch / b.switch:.2f})")


def section_dump(tmp):
    path = write_rules(tmp + "/dump", N_LOAD)
    switches = [Sluice(), Reference()]
    try:
        for s in switches:
            bridge(s)
            run(BUILD + "/sluice", "ofctl", "add-flows", s.mgmt(), path, env=s.env)
        for tool, name in CLIENTS:
            t = [[], []]
            for _ in range(3):
                for i, s in enumerate(switches):
                    t[i].append(timed(s, *tool, "dump-flows", s.mgmt()))
            a, b = (sorted(x, key=lambda took: took.wall)[1] for x in t)
            row(f"dump {N_LOAD} rules, {name}", a, b, f"no slower: {a.wall / b.wall:.2f}")
    finally:
        for s in switches:
            s.stop()


def datapath(s):
    """Flows, and misses, and those lost."""
    text = run(BUILD + "/sluice", "dpctl", "show", env=s.env)
    return {k: int(re.search(k + r":\s*(\d+)", text).group(1)) for k in ("hit", "missed", "lost", "flows")}


def forwarding(tmp, n):
    """A switch with N rules and a port that brings packets of each in turn, as fast as one thread takes them."""
    if not os.path.exists(f"{tmp}/flows-{n}.pcap"):
        run("/usr/bin/python3", HERE + "/mkpcap.py", tmp, str(n))
    s = Sluice()
    s.vsctl("set", "open_vswitch", ".", f"other_config:flow-limit={2 * n}")
    bridge(s)
    s.vsctl("add-port", "br0", "p2", "--", "set", "interface", "p2", "type=null", "ofport_request=2")
    run(BUILD + "/sluice", "ofctl", "add-flows", s.mgmt(), f"{tmp}/exact-{n // 1000}k.flows", env=s.env)
    s.vsctl("add-port", "br0", "p1", "--", "set", "interface", "p1", "type=pcap",
            f"options:file={tmp}/flows-{n}.pcap", "ofport_request=1")
    return s


def cached(s, n, seconds=60):
    """Waits until N flows are cached."""
    start = time.monotonic()
    while datapath(s)["flows"] < n * 0.9999:
        if time.monotonic() - start > seconds:
            raise RuntimeError(f"{datapath(s)['flows']} flows of {n} after {seconds} seconds")
        time.sleep(0.05)


def section_miss(tmp):
    """New megaflows: of so many flows that the first second does not see them all."""
    n = 300000
    s = forwarding(tmp, n)
    try:
        start = time.monotonic()
        first = flows = 0
        cpu = s.cpu_s("handler")
        while flows < n * 0.9999 and time.monotonic() - start < 60:
            time.sleep(0.05)
            flows, now = datapath(s)["flows"], time.monotonic() - start
            if not first and now >= 1:
                first = flows / now
        wall, cost = time.monotonic() - start, (s.cpu_s("handler") - cpu) / flows
        row("new megaflows, first second", f"{first:.0f}", "50000", "150000")
        row(f"sustained, until {n} are cached", f"{flows / wall:.0f}/s", "24000/s", "72000/s")
        row("handler's processor time for one", f"{cost * 1e6:.1f} us: {1 / cost:.0f}/s on a core of its own", "", "")
    finally:
        s.stop()


def exact(i):
    """The match of rule I of exact-100k.flows, which is flow I of the traffic."""
    return f"priority=10,udp,in_port=1,nw_src=10.0.{(i >> 8) + 1 >> 8}.{(i >> 8) + 1 & 255},nw_dst=10.128.0.2," \
           f"tp_src={1024 + (i & 255)},tp_dst=5000"


def wide(i):
    """Of a thousand sources of /24, which outrank the exact rules: every flow comes from the first two of them."""
    return f"priority=20,udp,nw_src=10.0.{i}.0/24" if i < 256 else f"priority=20,udp,nw_src=10.{i >> 8}.{i & 255}.0/24"


def apart(i):
    """Of a thousand sources of /24 with a port each: 200 flows come from each of the first 512."""
    return f"priority=30,udp,nw_src=10.0.{i & 1}.0/24,tp_src={1024 + (i >> 1)}"


CHANGES = (
    ("add (replace) exact", lambda i: f"add {exact(i)},actions=drop\n"),
    ("modify exact", lambda i: f"modify {exact(i).split(',', 1)[1]},actions=output:2\n"),
    ("modify_strict exact", lambda i: f"modify_strict {exact(i)},actions=drop\n"),
    ("delete_strict exact", lambda i: f"delete_strict {exact(i)}\n"),
    ("add exact", lambda i: f"add {exact(i)},actions=output:2\n"),
    ("delete exact", lambda i: f"delete {exact(i).split(',', 1)[1]}\n"),
    ("add exact again", lambda i: f"add {exact(i)},actions=output:2\n"),
    ("add sources of /24, same actions", lambda i: f"add {wide(i)},actions=output:2\n"),
    ("modify them, other actions", lambda i: f"modify_strict {wide(i)},actions=drop\n"),
    ("delete them", lambda i: f"delete_strict {wide(i)}\n"),
    ("add sources of /24 with a port", lambda i: f"add {apart(i)},actions=drop\n"),
    ("delete them", lambda i: f"delete_strict {apart(i)}\n"),
)

ONE_CHANGE = (
    ("add-flow, same actions", ["add-flow"], "priority=40,udp,actions=output:2"),
    ("add-flow, other actions", ["add-flow"], "priority=50,udp,actions=drop"),
    ("mod-flows", ["--strict", "mod-flows"], "priority=50,udp,actions=output:2"),
    ("del-flows", ["--strict", "del-flows"], "priority=50,udp"),
    ("del-flows", ["--strict", "del-flows"], "priority=40,udp"),
)


def watched(s, command):
    """Runs COMMAND; what it took, what the revalidator did of it, and the longest that the control thread took to
    answer meanwhile, which a program asks that keeps asking."""
    worst, done = [0.0], threading.Event()

    def ask():
        while not done.is_set():
            before = time.monotonic()
            run(BUILD + "/sluice", "appctl", "version", env=s.env)
            worst[0] = max(worst[0], time.monotonic() - before)

    thread = threading.Thread(target=ask)
    before = s.cpu_s("revalidator")
    thread.start()
    took = timed(s, *command)
    done.set()
    thread.join()
    return took, s.cpu_s("revalidator") - before, worst[0]


def section_change(tmp):
    n = 100000
    s = forwarding(tmp, n)
    path = tmp + "/changes"
    try:
        cached(s, n)
        for tool, name in CLIENTS[::-1]:
            for form, form_name in FORMS:
                for what, line in CHANGES:
                    with open(path, "w") as out:
                        out.writelines(line(i) for i in range(1000))
                    cached(s, n)
                    before = s.cpu_s("revalidator")
                    took = timed(s, *tool, *form, "add-flows", s.mgmt(), path)
                    row(f"1,000 changes, {name}{form_name}: {what}",
                        f"{took}; revalidator {s.cpu_s('revalidator') - before:.2f}", "6.0 s", "0.5 s")
        for what, command, rule in ONE_CHANGE:
            cached(s, n)
            took, revalidator, worst = watched(s, [BUILD + "/sluice", "ofctl", *command[:-1], command[-1], s.mgmt(), rule])
            row(f"one rule that touches all {n}: {what}", f"{took}; revalidator {revalidator:.2f}; control thread away "
                f"for {worst * 1000:.0f} ms at most", "", "0.5 s")
        row("resident memory: 100,000 rules, 100,000 megaflows", f"{s.rss_kb() // 1024} MiB", "416 to 632 MB (DPDK)", "")
    finally:
        s.stop()


SECTIONS = {"rules": section_rules, "load": section_load, "dump": section_dump, "miss": section_miss,
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
