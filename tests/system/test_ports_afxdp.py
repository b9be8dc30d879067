# SPDX-License-Identifier: Apache-2.0
"""Ports of type afxdp between two hosts, as test_ports_traffic.py has it for system ports.

    host a  e0 ---- va 10.9.0.254  [relay]  vb ---- e0  host b        10.9.0.1, fd09::1      10.9.0.2, fd09::2
"""
import pytest
from netns import Relay, wait_for
from ports_util import transfer


def two_hosts(net, mtu=1500, first="afxdp", second="afxdp"):
    net.add_host("a", "va", "10.9.0.1/24", mtu)
    net.add_host("b", "vb", "10.9.0.2/24", mtu)
    net.run("sw", "ip addr add 10.9.0.254/24 dev va")
    for host, n in (("a", 1), ("b", 2)):
        net.run(host, f"ip addr add fd09::{n}/64 dev e0 nodad")
    relay = Relay(net, f"{first}:va", f"{second}:vb")
    assert relay.ready == "ready"
    net.wait_ping("a", "10.9.0.2")
    return relay


@pytest.mark.parametrize("first,second", [("afxdp", "afxdp"), ("afxdp", "system"), ("system", "afxdp")])
@pytest.mark.parametrize("address", ["10.9.0.2", "fd09::2"])
def test_tcp_with_default_offloads(net, address, first, second):
    """Partial checksums come without a word; segments are cut for an egress that cannot take them."""
    relay = two_hosts(net, 1500, first, second)
    net.wait_ping("a", address)
    transfer(net, "a", "b", address, 32)
    assert set(relay.drops()) <= {("vb", "tx_full"), ("va", "tx_full")}


def test_sizes(net):
    two_hosts(net, mtu=3000)
    assert net.ping("a", "10.9.0.2", 3, "-M", "do", "-s", "2972")
    assert net.ping("a", "fd09::2", 3, "-s", "8000")


def test_hosts_own_vxlan(net):
    two_hosts(net)
    for host, n in (("a", 1), ("b", 2)):
        net.run(host, f"ip link add vx type vxlan id 42 dstport 4789 local 10.9.0.{n} remote 10.9.0.{3 - n}")
        net.run(host, "ip link set vx up")
        net.run(host, f"ip addr add 10.42.0.{n}/24 dev vx")
    net.wait_ping("a", "10.42.0.2")
    transfer(net, "a", "b", "10.42.0.2", 16)


def test_life_cycle(net):
    relay = two_hosts(net)
    assert not net.ping("a", "10.9.0.254")
    for kind in ("afxdp", "system"):
        second = Relay(net, f"{kind}:va", "dummy:d0")
        assert second.ready == "error EBUSY: va: is taken by another switch that is running"
    relay.kill()
    wait_for(lambda: net.ping("a", "10.9.0.254"), "the host to hear va")
    assert "xdp" not in net.output("sw", "ip link show va")
    relay = Relay(net, "afxdp:va", "afxdp:vb")
    assert relay.ready == "ready"
    net.wait_ping("a", "10.9.0.2")
    status = relay.status("va")
    assert (status["admin_state"], status["driver_name"]) == ("up", "veth")
    relay.stop()
    assert net.ping("a", "10.9.0.254")
