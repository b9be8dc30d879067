# SPDX-License-Identifier: Apache-2.0
"""The shortcut through the kernel (src/port/shortcut.h): packets of known microflows do not enter the switch, and nobody
can tell by anything but speed.

    host a (e0) --- va [ br0 ] vb --- (e0) host b        10.0.0.1/24, 10.0.0.2/24
                               vc --- (e0) host c        10.0.0.3/24
"""
import re
import subprocess

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


class Flood:
    """Ping from a to b, 100 a second, until it is stopped."""

    def __init__(self, hosts):
        self.process = hosts.start("a", "ping -n -i 0.01 10.0.0.2", stdout=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.process.terminate()
        self.process.wait(10)


def tx_packets(switch, port):
    return int(re.search(r"tx pkts=(\d+)", switch.command("ovs-ofctl", "dump-ports", "br0", port).stdout).group(1))


def rule_packets(switch):
    return sum(int(n) for n in re.findall(r"n_packets=(\d+)", switch.command("ovs-ofctl", "dump-flows", "br0", "icmp").stdout))


def test_counts_only_grow_while_flows_go(hosts, switch):
    """Flows are deleted under traffic again and again: rules, ports and the datapath never count less than before, and
    each packet once."""
    switch.command("ovs-ofctl", "add-flow", "br0", "priority=9,icmp,actions=normal")
    last = (0, 0, 0)
    with Flood(hosts):
        for i in range(12):
            assert hosts.ping("a", "10.0.0.2", 3)
            switch.ask("dpctl/del-flows" if i % 3 == 0 else "revalidator/purge")
            now = (rule_packets(switch), tx_packets(switch, "vb"), hits(switch))
            assert all(x <= y for x, y in zip(last, now)), (last, now)
            last = now
    switch.ask("revalidator/purge")
    before = rule_packets(switch)
    assert hosts.ping("a", "10.0.0.2", 50)
    switch.ask("revalidator/purge")
    wait_for(lambda: rule_packets(switch) - before == 100, "each packet on the rule once")


def test_a_mirror_made_under_traffic_gets_all(hosts, switch):
    """From the reply on, each packet of the flow is seen by the mirror's port too."""
    with Flood(hosts):
        assert hosts.ping("a", "10.0.0.2", 10)
        switch.vsctl("-- --id=@p get port vc -- --id=@m create mirror name=m select-all=true output-port=@p "
                     "-- set bridge br0 mirrors=@m")
        before = int(hosts.output("c", "cat /sys/class/net/e0/statistics/rx_packets"))
        assert hosts.ping("a", "10.0.0.2", 20)
        after = int(hosts.output("c", "cat /sys/class/net/e0/statistics/rx_packets"))
        assert after - before >= 40
        switch.vsctl("clear bridge br0 mirrors")
        assert hosts.ping("a", "10.0.0.2", 5)


def test_a_meter_made_under_traffic_holds(hosts, switch):
    with Flood(hosts):
        assert hosts.ping("a", "10.0.0.2", 10)
        switch.command("ovs-ofctl", "-O", "OpenFlow13", "add-meter", "br0", "meter=1,pktps,band=type=drop,rate=1")
        switch.command("ovs-ofctl", "-O", "OpenFlow13", "add-flow", "br0", "priority=9,icmp,actions=meter:1,normal")
        # One packet a second is let through, of more than a hundred.
        before = int(hosts.output("b", "cat /sys/class/net/e0/statistics/rx_packets"))
        sent = int(hosts.output("a", "cat /sys/class/net/e0/statistics/tx_packets"))
        hosts.ping("a", "10.0.0.2", 50)
        sent = int(hosts.output("a", "cat /sys/class/net/e0/statistics/tx_packets")) - sent
        received = int(hosts.output("b", "cat /sys/class/net/e0/statistics/rx_packets")) - before
        assert sent >= 50 and received < sent / 2, (sent, received)


def test_an_ingress_rate_set_under_traffic_holds(hosts, switch):
    with Flood(hosts):
        assert hosts.ping("a", "10.0.0.2", 10)
        switch.vsctl("set interface va ingress_policing_kpkts_rate=1 ingress_policing_kpkts_burst=1")
        seen = received_by_threads(switch)
        assert hosts.ping("a", "10.0.0.2", 20)
        assert received_by_threads(switch) - seen >= 20  # all of a's packets, which are to be policed


def test_a_device_moved_or_deleted_under_traffic(hosts, switch):
    with Flood(hosts):
        assert hosts.ping("a", "10.0.0.2", 10)
        hosts.add_namespace("away")
        hosts.run("sw", f"ip link set vb netns {hosts.full('away')}")
        hosts.run("away", "ip link set vb up")
        assert not hosts.ping("a", "10.0.0.2")
        wait_for(lambda: switch.get("interface", "vb", "error") not in ("[]", ""), "the row to say that it is gone")
        hosts.run("away", f"ip link set vb netns {hosts.full('sw')}")
        hosts.run("sw", "ip link set vb up")
        hosts.wait_ping("a", "10.0.0.2")
        hosts.run("sw", "ip link del vb")
        assert not hosts.ping("a", "10.0.0.2")
        assert hosts.ping("a", "10.0.0.3", 3)  # the others never noticed


def test_stopped_and_killed_under_traffic(hosts, switch):
    """Nothing is forwarded behind the switch's back, and the devices are the hosts' stack's again at once."""
    for stop in (switch.stop, switch.kill):
        with Flood(hosts):
            assert hosts.ping("a", "10.0.0.2", 10)
            stop()
            assert not hosts.ping("a", "10.0.0.2")
            hosts.run("sw", "ip addr add 10.0.0.9/24 dev va")
            assert hosts.ping("a", "10.0.0.9", 2)  # no waiting
            hosts.run("sw", "ip addr del 10.0.0.9/24 dev va")
        switch.start()
        hosts.wait_ping("a", "10.0.0.2")
