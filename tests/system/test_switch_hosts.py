# SPDX-License-Identifier: Apache-2.0
"""What hosts do to a switch: big frames, fragments, and trouble while traffic flows; and what many idle ports cost.

    host a (e0) --- va [ br0 ] vb --- (e0) host b        10.0.0.1/24, 10.0.0.2/24
"""
import os
import subprocess
import sys

from netns import wait_for
from ports_util import SINK, SOURCE, digest, transfer

BRIDGE = "add-br br0 -- set bridge br0 datapath_type=netdev"


def add_hosts(net, mtu=1500):
    for i, host in enumerate("ab"):
        net.add_host(host, f"v{host}", f"10.0.0.{i + 1}/24")
        net.run(host, f"ip addr add fd00::{i + 1}/64 dev e0 nodad")
        if mtu != 1500:
            net.run("sw", f"ip link set v{host} mtu {mtu}")
            net.run(host, f"ip link set e0 mtu {mtu}")


def test_jumbo_frames_and_fragments(net, switch):
    add_hosts(net, 9000)
    switch.vsctl(f"{BRIDGE} -- add-port br0 va -- add-port br0 vb")
    net.wait_ping("a", "10.0.0.2")
    net.wait_ping("a", "fd00::2")
    for address in ("10.0.0.2", "fd00::2"):
        # Whole, one byte short of the MTU's limit; and in fragments. Often enough that the kernel knows them.
        header = 28 if "." in address else 48
        assert net.ping("a", address, 10, "-s", str(9000 - header), "-M", "do")
        assert net.ping("a", address, 10, "-s", "30000")
        transfer(net, "a", "b", address, 16)
    net.run("a", "ip link set e0 mtu 1500")
    net.run("b", "ip link set e0 mtu 1500")
    assert net.ping("a", "10.0.0.2", 10, "-s", "5000")
    transfer(net, "b", "a", "10.0.0.1", 16)
    flows = switch.flows()
    assert any("frag=later" in flow for flow in flows) and any("frag=first" in flow for flow in flows), flows


def start_transfer(net, megabytes):
    """TCP from a to b; waits for some of it to have arrived."""
    def received():
        return int(net.output("b", "cat /sys/class/net/e0/statistics/rx_bytes"))
    sink = net.start("b", [sys.executable, "-c", SINK, "10.0.0.2"], stdout=subprocess.PIPE)
    assert sink.stdout.readline() == "listening\n"
    before = received()
    source = net.start("a", [sys.executable, "-c", SOURCE, "10.0.0.2", str(megabytes)])
    wait_for(lambda: received() - before > 1 << 20, "the first bytes")
    return source, sink


def test_killed_and_restarted_under_traffic(net, switch):
    add_hosts(net)
    switch.vsctl(f"{BRIDGE} -- add-port br0 va -- add-port br0 vb")
    net.wait_ping("a", "10.0.0.2")
    source, sink = start_transfer(net, 800)
    for _ in range(2):
        switch.kill()
        switch.start()
        net.wait_ping("a", "10.0.0.2")
    assert source.wait(timeout=60) == 0
    assert sink.stdout.readline().strip() == digest(800)


def test_device_deleted_under_traffic(net, switch):
    add_hosts(net)
    switch.vsctl(f"{BRIDGE} -- add-port br0 va -- add-port br0 vb")
    net.wait_ping("a", "10.0.0.2")
    source, sink = start_transfer(net, 100000)
    net.run("sw", "ip link del vb")
    wait_for(lambda: "No such device" in switch.get("interface", "vb", "error"), "the error to be told")
    source.kill()
    sink.kill()
    sink.wait()
    net.add_veth("b", "vb")
    net.run("b", "ip addr add 10.0.0.2/24 dev e0")
    net.run("a", "ip neigh flush dev e0")
    net.wait_ping("a", "10.0.0.2")
    transfer(net, "a", "b", "10.0.0.2", 16)


def test_200_idle_ports_are_cheap(net, switch):
    net.add_namespace("far")
    lines = "".join(f"link add v{i} type veth peer name e{i} netns {net.full('far')}\nlink set v{i} up\n"
                    for i in range(200))
    subprocess.run(["ip", "-n", net.full("sw"), "-b", "-"], input=lines, text=True, check=True)
    switch.vsctl(BRIDGE + " ".join(f" -- add-port br0 v{i}" for i in range(200)))

    def resident():
        with open(f"/proc/{switch.pid()}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
    limit = 200 << 10
    if "asan" in os.environ.get("SLUICE_BUILD", ""):
        limit *= 8  # the sanitizer's own
    assert resident() < limit, f"{resident()} kB"
