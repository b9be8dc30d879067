# SPDX-License-Identifier: Apache-2.0
"""Tunnels to others: the kernel's own VXLAN device, and the reference, at the other end.

    host a (e0) --- va [ int ] tunnel ... [ br0 ] vu --- (e0) other end b
    192.168.9.1/24                       10.0.0.1/24      10.0.0.2/24, and 192.168.9.2/24 inside
"""
import subprocess

import pytest

from netns import wait_for
from ports_util import transfer
from switch import Reference, Switch

INNER_MTU = 1400


def underlay(switch, six=False):
    """The bridge that the encapsulated packets leave by; its own device has the switch's address."""
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 vu")
    switch.command("ip", "addr", "add", "10.0.0.1/24", "dev", "br0")
    switch.command("ip", "addr", "add", "fd00::1/64", "dev", "br0", "nodad")
    switch.command("ip", "link", "set", "br0", "up")
    switch.vsctl("add-br int -- set bridge int datapath_type=netdev -- add-port int va")


def add_hosts(net):
    net.add_host("a", "va", "192.168.9.1/24")
    net.run("a", f"ip link set e0 mtu {INNER_MTU}")
    net.run("a", "ip addr add fd09::1/64 dev e0 nodad")
    net.add_host("b", "vu", "10.0.0.2/24")
    net.run("b", "ip addr add fd00::2/64 dev e0 nodad")


def traffic(net, other="b"):
    """Both ways, small and large, with the offloads that devices have by themselves."""
    net.wait_ping("a", "192.168.9.2")
    assert net.ping("a", "192.168.9.2", 20, "-s", str(INNER_MTU - 28), "-M", "do")
    for source, sink, address in (("a", other, "192.168.9.2"), (other, "a", "192.168.9.1")):
        transfer(net, source, sink, address, 32)
    net.wait_ping("a", "fd09::2")
    transfer(net, "a", other, "fd09::2", 16)
    transfer(net, other, "a", "fd09::1", 16)


@pytest.mark.parametrize("options, link", [
    ("options:remote_ip=10.0.0.2 options:key=7", "id 7 remote 10.0.0.1 local 10.0.0.2 dstport 4789"),
    ("options:remote_ip=10.0.0.2 options:key=flow options:csum=true",
     "id 7 remote 10.0.0.1 local 10.0.0.2 dstport 4789 udpcsum"),
    ("options:remote_ip=\"fd00::2\" options:key=7 options:dst_port=8472",
     "id 7 remote fd00::1 local fd00::2 dstport 8472"),
    ("options:remote_ip=10.0.0.2 options:key=7 options:exts=gbp options:dst_port=4790",
     "id 7 remote 10.0.0.1 local 10.0.0.2 dstport 4790 gbp"),
])
def test_vxlan_of_the_kernel(net, switch, options, link):
    add_hosts(net)
    net.run("b", f"ip link add vx type vxlan {link}")
    net.run("b", f"ip link set vx mtu {INNER_MTU} up")
    net.run("b", "ip addr add 192.168.9.2/24 dev vx")
    net.run("b", "ip addr add fd09::2/64 dev vx nodad")
    underlay(switch)
    switch.vsctl(f"add-port int tun -- set interface tun type=vxlan {options}")
    if "key=flow" in options:
        switch.command("ovs-ofctl", "add-flow", "int", "in_port=va,actions=set_tunnel:7,tun")
        switch.command("ovs-ofctl", "add-flow", "int", "in_port=tun,tun_id=7,actions=va")
    traffic(net)
    flows = "\n".join(switch.flows())
    assert "tnl_push" in flows and "tnl_pop" in flows
    # Neighbours that are forgotten are found again, at another address if need be.
    mac = net.link("b", "e0")["address"]
    assert mac in switch.ask("tnl/neigh/show")
    net.run("b", "ip link set e0 address 02:00:00:00:00:77")
    switch.appctl("tnl/neigh/flush")
    net.wait_ping("a", "192.168.9.2")


class Pair:
    """Two switches in namespaces "sw" and "b", a host on each ("a", "c"), and an underlay between them."""

    def __init__(self, net, other):
        self.net = net
        add_hosts(net)
        # The other switch has its own device below and host c above.
        net.add_namespace("c")
        net.run("b", f"ip link add vc type veth peer name e0 mtu {INNER_MTU} netns {net.full('c')}")
        net.run("b", "ip link set vc up")
        net.run("c", "ip link set e0 up")
        net.run("c", "ip addr add 192.168.9.2/24 dev e0")
        net.run("c", "ip addr add fd09::2/64 dev e0 nodad")
        net.run("b", "ip addr flush dev e0")

        class There:  # a Net whose switch is in namespace "b"
            @staticmethod
            def full(ns):
                return net.full("b" if ns == "sw" else ns)
        self.first = Switch(net)
        self.second = None
        try:
            self.second = (Reference if other == "reference" else Switch)(There)
            underlay(self.first)
            self.second.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 e0")
            self.second.command("ip", "addr", "add", "10.0.0.2/24", "dev", "br0")
            self.second.command("ip", "addr", "add", "fd00::2/64", "dev", "br0", "nodad")
            self.second.command("ip", "link", "set", "br0", "up")
            self.second.vsctl("add-br int -- set bridge int datapath_type=netdev -- add-port int vc")
        except BaseException:
            self.close()
            raise

    def tunnel(self, kind, options, six):
        here, there = ('"fd00::2"', '"fd00::1"') if six else ("10.0.0.2", "10.0.0.1")
        self.first.vsctl(f"add-port int tun -- set interface tun type={kind} options:remote_ip={here} {options}")
        self.second.vsctl(f"add-port int tun -- set interface tun type={kind} options:remote_ip={there} {options}")
        assert self.first.get("interface", "tun", "error") == "[]"

    def close(self):
        for daemon in (self.first, self.second):
            if daemon:
                daemon.close()


@pytest.mark.parametrize("kind, options", [
    ("vxlan", "options:key=7"), ("geneve", "options:key=7"), ("gre", "options:key=7 options:csum=true"),
    ("gre", "options:key=7 options:packet_type=legacy_l2 options:seq=true"), ("vxlan", "options:csum=true options:exts=gbp"),
    ("erspan", "options:key=7 options:erspan_ver=1 options:erspan_idx=3"),
    ("erspan", "options:key=7 options:erspan_ver=2 options:erspan_dir=1 options:erspan_hwid=4"),
    ("ip6gre", "options:key=7"), ("geneve6", "options:key=7"),
])
@pytest.mark.parametrize("other", ["reference", "ours"])
def test_two_switches(net, kind, options, other):
    pair = Pair(net, other)
    try:
        if other == "reference":  # its userspace datapath knows neither segments nor checksums that are not finished
            for ns, device in (("a", "e0"), ("c", "e0"), ("sw", "vu")):
                net.run(ns, f"ethtool -K {device} tx off tso off gso off")
        pair.tunnel(kind.replace("geneve6", "geneve"), options, kind in ("ip6gre", "geneve6"))
        traffic(net, "c")
        wait_for(lambda: "rx_packets=0" not in pair.first.get("interface", "tun", "statistics"), "statistics")
    finally:
        pair.close()


@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize("cut", [False, True])
def test_stt(net, six, cut):
    """No other switch has it here; what is on the wire, tshark reads. Frames go over the wire whole, or `cut` into
    segments."""
    pair = Pair(net, "ours")
    try:
        if cut:
            net.run("sw", "ethtool -K vu tso off gso off gro off")
            net.run("b", "ethtool -K e0 tso off gso off gro off")
        pair.tunnel("stt", "options:key=0x123456789a", six)
        file = f"{net.dir.name}/stt.pcap"
        capture = net.start("b", f"tcpdump -U -i e0 -w {file} -c 2000 tcp port 7471 or ip6", stderr=subprocess.PIPE)
        assert "listening" in capture.stderr.readline()
        traffic(net, "c")
        wait_for(lambda: "rx_packets=0" not in pair.first.get("interface", "tun", "statistics"), "statistics")
        capture.terminate()
        capture.wait()
        capture.stderr.close()
        read = f"tshark -r {file} -o ip.try_heuristic_first:TRUE -o ipv6.try_heuristic_first:TRUE -T fields"
        text = net.output("b", f"{read} -e stt.context_id -e stt.mss -e eth.dst -Y stt.context_id")
        lines = [line.split("\t") for line in text.splitlines()]
        assert lines and all(int(line[0], 0) == 0x123456789a for line in lines), text
        assert all("," in line[2] for line in lines), text  # the frame inside is read, too
        assert any(line[1] not in ("", "0") for line in lines), text  # TCP segments that were left whole
        sizes = [int(n) for n in net.output("b", f"{read} -e frame.len -Y stt.dport==7471").split()]
        assert (max(sizes) <= 1514) == cut, sizes
        errors = net.output("b", f"{read} -e frame.number -Y stt.segment.error||stt.mss_bad.expert||stt.l4offset_bad.expert")
        assert not errors, errors
        flows = "\n".join(pair.first.flows())
        assert "stt(key=0x123456789a)" in flows and "tnl_pop" in flows
    finally:
        pair.close()
