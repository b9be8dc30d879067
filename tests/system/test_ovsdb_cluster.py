# SPDX-License-Identifier: Apache-2.0
"""A cluster of three real ovsdb-servers as our switch's database, and as what our tools speak to: leaders die, the switch
goes on, and nothing is lost."""
import os
import subprocess
import tempfile
import time

import pytest

from netns import build_dir, wait_for
from ovsdb_util import Client, REFERENCE, SLUICE, VSWITCH_SCHEMA
from switch import Switch

pytestmark = pytest.mark.skipif(not os.path.exists(REFERENCE), reason="no reference server")


class Cluster:
    def __init__(self):
        self.tmp = tempfile.TemporaryDirectory(prefix="ovsdb-cluster-")
        self.dir, self.processes = self.tmp.name, {}

    def __enter__(self):
        raft = [f"unix:{self.dir}/raft{i}" for i in range(3)]
        self.tool("create-cluster", self.file(0), VSWITCH_SCHEMA, raft[0])
        self.start(0)
        for i in (1, 2):
            self.tool("join-cluster", self.file(i), "Open_vSwitch", raft[i], raft[0])
            self.start(i)
        for i in range(3):
            subprocess.run(["ovsdb-client", "--timeout=20", "wait", self.remote(i), "Open_vSwitch", "connected"], check=True)
        return self

    def __exit__(self, *exc):
        for p in self.processes.values():
            p.kill()
            p.wait()
        self.tmp.cleanup()

    def tool(self, *args):
        subprocess.run(["ovsdb-tool", *args], check=True)

    def file(self, i):
        return f"{self.dir}/{i}.db"

    def remote(self, i):
        return f"unix:{self.dir}/{i}.sock"

    @property
    def remotes(self):
        return ",".join(self.remote(i) for i in range(3))

    def start(self, i):
        self.processes[i] = subprocess.Popen(
            [REFERENCE, f"--remote=p{self.remote(i)}", f"--unixctl={self.dir}/{i}.ctl", "-vconsole:off", self.file(i)],
            env={**os.environ, "OVS_RUNDIR": self.dir})
        wait_for(lambda: os.path.exists(f"{self.dir}/{i}.sock"), "the server")

    def kill(self, i):
        self.processes.pop(i).kill()
        os.unlink(f"{self.dir}/{i}.sock")

    def status(self, i):
        return subprocess.run(["ovs-appctl", "-t", f"{self.dir}/{i}.ctl", "cluster/status", "Open_vSwitch"], capture_output=True,
                              text=True).stdout

    def leader(self):
        return next((i for i in self.processes if "Role: leader" in self.status(i)), None)


def vsctl(cluster, *args, **kw):
    return subprocess.run([SLUICE, "vsctl", "--timeout=20", f"--db={cluster.remotes}", *args], capture_output=True, text=True, **kw)


def test_vsctl_and_a_cluster():
    with Cluster() as c:
        assert vsctl(c, "--no-wait", "init").returncode == 0
        for n in range(5):
            out = vsctl(c, "--no-wait", "add-br", f"br{n}")
            assert out.returncode == 0, out.stderr
        follower = next(i for i in c.processes if i != c.leader())
        # One that is not the leader serves who does not insist.
        for argv in (["--no-leader-only", f"--db={c.remote(follower)}"], [f"--db={c.remotes}"]):
            out = subprocess.run([SLUICE, "vsctl", "--timeout=10", *argv, "list-br"], capture_output=True, text=True)
            assert out.stdout.split() == [f"br{n}" for n in range(5)], out.stderr
        out = subprocess.run([SLUICE, "vsctl", "--timeout=1", f"--db={c.remote(follower)}", "list-br"], capture_output=True, text=True)
        assert out.returncode, "a follower was taken for the leader"
        out = subprocess.run([SLUICE, "ovsdb-client", "--timeout=10", "dump", c.remotes, "Open_vSwitch", "Bridge", "name"], capture_output=True,
                             text=True)
        assert out.stdout.count("br") == 5, out.stderr
        dead = c.leader()
        c.kill(dead)
        wait_for(lambda: c.leader() is not None, "a new leader", 20)
        assert vsctl(c, "--no-wait", "del-br", "br0").returncode == 0
        assert vsctl(c, "list-br").stdout.split() == [f"br{n}" for n in range(1, 5)]


def test_a_cluster_as_the_switches_database():
    with Cluster() as c:
        vsctl(c, "--no-wait", "init", check=True)
        switch = Switch(None, "--enable-dummy", "--disable-system", f"--db={c.remotes}")
        try:
            def add(n):
                out = vsctl(c, "--", "--may-exist", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy",
                            "--", "add-port", "br0", f"p{n}", "--", "set", "interface", f"p{n}", "type=dummy")
                assert out.returncode == 0, out.stderr
                assert f"p{n} " in switch.ask("dpif/show")

            add(0)
            switch.ask("netdev-dummy/receive", "p0", "in_port(1),eth(src=50:54:00:00:00:01,dst=ff:ff:ff:ff:ff:ff),eth_type(0x1234)")
            first = switch.pid()
            for n in range(1, 3):
                dead = c.leader()
                c.kill(dead)
                # The switch goes on meanwhile.
                assert "50:54:00:00:00:01" in switch.ask("fdb/show", "br0")
                wait_for(lambda: c.leader() is not None, "a new leader", 20)
                add(n)
                c.start(dead)
                wait_for(lambda: "Status: cluster member" in c.status(dead), "it to join again", 20)
            assert switch.pid() == first
            ports = vsctl(c, "list-ports", "br0").stdout.split()
            assert ports == ["p0", "p1", "p2"]
            for n in range(3):
                assert vsctl(c, "get", "interface", f"p{n}", "ofport").stdout.strip() == str(n + 1)
            assert "clustered database server is not cluster leader" in switch.log() or "connection" in switch.log()
            # All of them at once: it still forwards, and finds them again.
            for i in list(c.processes):
                c.kill(i)
            assert "50:54:00:00:00:01" in switch.ask("fdb/show", "br0")
            for i in range(3):
                c.start(i)
            wait_for(lambda: c.leader() is not None, "a leader", 20)
            add(3)
            assert "50:54:00:00:00:01" in switch.ask("fdb/show", "br0"), "a reconnection changed nothing"
        finally:
            switch.close()
