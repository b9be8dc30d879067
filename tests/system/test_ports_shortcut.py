# SPDX-License-Identifier: Apache-2.0
"""The shortcut through the kernel (src/port/shortcut.h): packets of known microflows do not enter the switch, and nobody
can tell by anything but speed.

    host a (e0) --- va [ br0 ] vb --- (e0) host b        10.0.0.1/24, 10.0.0.2/24
                               vc --- (e0) host c        10.0.0.3/24
"""
import re

import pytest
from netns import wait_for
from ports_util import transfer


@pytest.fixture
def hosts(net, switch):
    for i, host in enumerate("abc"):
        net.add_host(host, f"v{host}", f"10.0.0.{i + 1}/24")
        net.run(host, f"ip addr add fd00::{i + 1}/64 dev e0 nodad")
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 va -- add-port br0 vb "
                 "-- add-port br0 vc")
    if "no shortcut through the kernel" in switch.log():
        pytest.skip("built without clang, or eBPF is not allowed")
    net.wait_ping("a", "10.0.0.2")
    net.wait_ping("a", "fd00::2")
    return net


def received_by_threads(switch):
    """Packets that the forwarding threads have seen."""
    text = switch.ask("dpif-netdev/pmd-stats-show").partition("main thread")[0]
    return sum(int(n) for n in re.findall(r"packets received: (\d+)", text))


def icmp_packets(switch):
    return sum(int(re.search(r"packets:(\d+)", flow).group(1)) for flow in switch.flows() if "eth_type(0x0800)" in flow)


def hits(switch):
    return int(re.search(r"hit:(\d+)", switch.ask("dpctl/show")).group(1))


@pytest.mark.parametrize("address", ["10.0.0.2", "fd00::2"])
def test_tcp_goes_by_the_kernel_and_is_counted(hosts, switch, address):
    before, hit_before = received_by_threads(switch), hits(switch)
    transfer(hosts, "a", "b", address, 64)
    seen = received_by_threads(switch) - before
    flows = [flow for flow in switch.flows("--names") if f"src={'10.0.0.1' if '.' in address else 'fd00::1'}" in flow
             or "in_port(va)" in flow]
    carried = sum(int(re.search(r"bytes:(\d+)", flow).group(1)) for flow in flows if "packets:0," not in flow)
    packets = sum(int(re.search(r"packets:(\d+)", flow).group(1)) for flow in flows)
    assert carried > 64 << 20, flows
    assert packets > 4 * seen, (packets, seen)  # most never came to a thread
    assert hits(switch) - hit_before >= packets // 2
    assert any(re.search(r"flags:[A-Z]*F", flow) for flow in flows), [flow for flow in flows if "packets:0," not in flow]


def test_every_packet_is_counted_once(hosts, switch):
    hosts.wait_ping("a", "10.0.0.2")
    before, seen = icmp_packets(switch), received_by_threads(switch)
    assert hosts.ping("a", "10.0.0.2", 50)
    assert icmp_packets(switch) - before == 100
    assert received_by_threads(switch) - seen < 30


def test_a_change_counts_for_the_next_packet(hosts, switch):
    assert hosts.ping("a", "10.0.0.2", 10)
    for _ in range(2):
        switch.vsctl("set port va tag=10")
        assert not hosts.ping("a", "10.0.0.2")
        switch.vsctl("remove port va tag 10")
        assert hosts.ping("a", "10.0.0.2", 5)
    switch.command("ovs-ofctl", "add-flow", "br0", "priority=9,icmp,actions=drop")
    assert not hosts.ping("a", "10.0.0.2")
    switch.command("ovs-ofctl", "del-flows", "--strict", "br0", "priority=9,icmp")
    assert hosts.ping("a", "10.0.0.2", 5)


def test_flows_that_do_more_stay_with_the_switch(hosts, switch):
    switch.command("ovs-ofctl", "add-flow", "br0", "priority=9,tcp,tcp_flags=+fin,actions=normal")
    switch.command("ovs-ofctl", "add-flow", "br0", "priority=8,icmp,actions=mod_nw_tos:32,normal")
    hosts.wait_ping("a", "10.0.0.2")
    before = received_by_threads(switch)
    assert hosts.ping("a", "10.0.0.2", 20)
    transfer(hosts, "a", "b", "10.0.0.2", 8)
    assert received_by_threads(switch) - before > 100


def test_an_egress_that_is_down_or_small(hosts, switch):
    assert hosts.ping("a", "10.0.0.2", 5, "-s", "1400")
    hosts.run("sw", "ip link set vb mtu 1000")
    wait_for(lambda: switch.get("interface", "vb", "mtu") == "1000", "the MTU to be seen")
    assert not hosts.ping("a", "10.0.0.2", 3, "-s", "1400")
    assert "mtu" in switch.ask("drop/show", "vb").lower(), switch.ask("drop/show", "vb")
    assert hosts.ping("a", "10.0.0.2", 5, "-s", "500")
    hosts.run("sw", "ip link set vb down")
    wait_for(lambda: switch.get("interface", "vb", "admin_state") == "down", "the device to be seen down")
    assert not hosts.ping("a", "10.0.0.2")
    hosts.run("sw", "ip link set vb up")
    hosts.wait_ping("a", "10.0.0.2")


def test_ports_that_go_take_their_shortcuts_along(hosts, switch):
    assert hosts.ping("a", "10.0.0.2", 10)
    switch.vsctl("del-port br0 vb")
    assert not hosts.ping("a", "10.0.0.2")
    switch.vsctl("add-port br0 vb")
    hosts.wait_ping("a", "10.0.0.2")
    assert hosts.ping("a", "10.0.0.2", 10)
    # After its death the hosts' own stack has the devices, and nothing goes on by itself.
    switch.kill()
    wait_for(lambda: not hosts.ping("a", "10.0.0.2"), "the kernel to forget it", 2)
    switch.start()
    hosts.wait_ping("a", "10.0.0.2")
