#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Part B of README.md: two hosts and a switch on veth pairs, default offloads, in namespaces of their own. The switches take
turns, the medians of each are compared: absolute figures drift, ratios within a run do not.

usage: hosts.py [PART...]    PART: switches  Linux bridge, Sluice, Debian's Open vSwitch: round trip, TCP, 60-byte UDP
                                   vxlan     TCP through the hosts' own vxlan devices: bridge, Sluice
                                   afxdp     Sluice's and the reference's AF_XDP ports
                             all if none. ROUNDS (environment): turns, 3

Needs root, a build in build/ (or SLUICE_BUILD), iperf3, ethtool, cc; the reference's side is left out where it is not there."""
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", HERE.parents[1] / "build"))
REFERENCE = pathlib.Path("/usr/lib/openvswitch-switch/ovs-vswitchd")
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
ROUNDS = int(os.environ.get("ROUNDS", "3"))
PORTS = ("va", "vb")


def run(*argv, check=True, env=None):
    return subprocess.run([str(a) for a in argv], check=check, capture_output=True, text=True, env=env)


def ip(text, check=True):
    return run("ip", *text.split(), check=check)


class Bridge:
    name = "Linux bridge"

    def start(self):
        ip("link add brx type bridge")
        ip("link set brx up")
        for port in PORTS:
            ip(f"link set {port} master brx")

    def stop(self):
        ip("link del brx")


class Daemon:
    def __init__(self, name, kind="system", tx_off=False):
        self.name, self.kind, self.tx_off = name, kind, tx_off

    def start(self):
        self.dir = tempfile.TemporaryDirectory(prefix="sluice-bench-")
        directory = self.dir.name
        self.env = dict(os.environ, OVS_RUNDIR=directory, OVS_LOGDIR=directory, OVS_DBDIR=directory,
                        OVS_SYSCONFDIR=directory)
        self.boot(directory)
        ports = " ".join(f"-- add-port br0 {p} -- set interface {p} type={self.kind}" for p in PORTS)
        run(*self.vsctl, *f"add-br br0 -- set bridge br0 datapath_type=netdev {ports}".split(), env=self.env)
        if self.tx_off:
            self.offload("off")

    def offload(self, what):
        for host in "ab":
            run("ip", "netns", "exec", f"bench-{host}", "ethtool", "-K", "e0", "tx", what)

    def stop(self):
        if self.tx_off:
            self.offload("on")
        self.shut(self.dir.name)
        self.dir.cleanup()

    def end(self, directory, name):
        pid = int(pathlib.Path(directory, f"{name}.pid").read_text())
        os.kill(pid, 15)
        while pathlib.Path(f"/proc/{pid}").exists():
            time.sleep(0.05)


class Sluice(Daemon):
    vsctl = (BUILD / "sluice", "vsctl")

    def boot(self, directory):
        run(BUILD / "sluiced", "--detach", "--no-chdir", "--pidfile", "--log-file", env=self.env)

    def shut(self, directory):
        self.end(directory, "ovs-vswitchd")


class Reference(Daemon):
    vsctl = ("ovs-vsctl", "--timeout=15")

    def boot(self, directory):
        run("ovsdb-tool", "create", f"{directory}/conf.db", SCHEMA)
        run("ovsdb-server", f"--remote=punix:{directory}/db.sock", "--pidfile", "--detach", "--log-file",
            f"{directory}/conf.db", env=self.env)
        run("ovs-vsctl", "--no-wait", "init", env=self.env)
        run(REFERENCE, f"unix:{directory}/db.sock", "--pidfile", "--detach", "--log-file", env=self.env)

    def shut(self, directory):
        target = next(pathlib.Path(directory).glob("ovs-vswitchd.*.ctl"))
        run("ovs-appctl", "-t", target, "exit", "--cleanup", env=self.env)
        self.end(directory, "ovsdb-server")


def measure(name):
    """{figure: value}: as veth.sh measures and prints."""
    line = run(HERE / "veth.sh", "measure", name.replace(" ", "-")).stdout
    found = re.search(r"rtt\s+(\S+) ms\s+tcp\s+(\S+) Gbit/s\s+udp-60\s+(\S+) kpps", line).groups()
    return {figure: None if value == "none" else float(value) for figure, value in zip(("rtt", "tcp", "udp"), found)}


def measure_vxlan(name):
    for host, own, other in (("a", 1, 2), ("b", 2, 1)):
        ip(f"-n bench-{host} link add vx type vxlan id 7 remote 10.9.0.{other} dstport 4789 dev e0")
        ip(f"-n bench-{host} addr add 10.10.0.{own}/24 dev vx")
        ip(f"-n bench-{host} link set vx up")
    server = subprocess.Popen("ip netns exec bench-b iperf3 -s -1".split(), stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    text = run(*"ip netns exec bench-a timeout 20 iperf3 -c 10.10.0.2 -t 4 -f g --connect-timeout 3000".split(),
               check=False).stdout
    server.kill()
    server.wait()
    for host in "ab":
        ip(f"-n bench-{host} link del vx")
    found = re.search(r"([\d.]+) Gbits/sec.*receiver", text)
    return {"tcp": float(found.group(1)) if found else None}


def turns(switches, how):
    """{name: {figure: median}}; prints each turn."""
    figures = {}
    for _ in range(ROUNDS):
        for switch in switches:
            switch.start()
            time.sleep(0.5)
            try:
                one = how(switch.name)
            finally:
                switch.stop()
            print(f"    {switch.name:34}" + "".join(f" {k} {v if v is not None else 'none':>8}" for k, v in one.items()),
                  flush=True)
            for key, value in one.items():
                figures.setdefault(switch.name, {}).setdefault(key, []).append(value)
    return {name: {k: statistics.median([v for v in values if v is not None] or [0]) for k, values in of.items()}
            for name, of in figures.items()}


def table(medians, against):
    print(f"\n| medians of {ROUNDS} | round trip, ms | TCP, Gbit/s | of {against} | 60-byte UDP, kpps | of {against} |")
    print("|---|---|---|---|---|---|")
    base = medians[against]
    for name, m in medians.items():
        cells = [f"{m['rtt']:.3f}" if m.get("rtt") else "-"]
        for key in ("tcp", "udp"):
            value = m.get(key)
            cells += [f"{value:.1f}", f"{value / base[key]:.2f}" if base.get(key) else "-"] if value else ["none", "-"]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print(flush=True)


def main():
    if "HOSTS_INSIDE" not in os.environ:
        os.environ["HOSTS_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "-n", "-m", "--propagation", "private", sys.executable, __file__] + sys.argv[1:])
    os.makedirs("/run/netns", exist_ok=True)
    run("mount", "-t", "tmpfs", "none", "/run/netns")
    ip("link set lo up")
    run(HERE / "veth.sh", "up")
    parts = sys.argv[1:] or ["switches", "vxlan", "afxdp"]
    beside = REFERENCE.exists() and shutil.which("ovs-vsctl")
    if "switches" in parts:
        switches = [Bridge(), Sluice("Sluice, AF_PACKET")]
        if beside:
            switches += [Reference("reference, AF_PACKET", tx_off=True)]
        print("## Round trip, TCP, UDP (the reference with tx offload off in the hosts: its TCP does not work with it)")
        table(turns(switches, measure), "Linux bridge")
    if "vxlan" in parts:
        print("## TCP through the hosts' vxlan devices")
        table(turns([Bridge(), Sluice("Sluice, AF_PACKET")], measure_vxlan), "Linux bridge")
    if "afxdp" in parts:
        switches = [Sluice("Sluice, AF_XDP", "afxdp")]
        if beside:
            switches += [Reference("reference, AF_XDP", "afxdp")]
        print("## AF_XDP")
        table(turns(switches, measure), switches[-1].name)


if __name__ == "__main__":
    main()
