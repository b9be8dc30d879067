# SPDX-License-Identifier: Apache-2.0
"""The whole switch on dummy ports, beside the reference: the same configuration, packets and commands go to both, and
what they print is compared."""
import random
import re

import pytest

# One transaction each, so that both know the ports in the same order.
SETUP = ("add-br br0 -- set bridge br0 datapath_type=dummy other_config:hwaddr=aa:55:aa:55:00:00 fail_mode=standalone",
         "add-port br0 p1 -- set interface p1 type=dummy ofport_request=1",
         "add-port br0 p2 -- set interface p2 type=dummy ofport_request=2",
         "add-port br0 p3 tag=10 -- set interface p3 type=dummy ofport_request=3",
         "add-port br0 p4 trunks=10,20 -- set interface p4 type=dummy ofport_request=4")


@pytest.fixture
def both(simulation, reference):
    for switch in (simulation, reference):
        for words in SETUP:
            switch.vsctl(words)
        switch.appctl("time/stop")
    return simulation, reference


def normal(text):
    """Without what is chosen at random or told only by the reference."""
    text = re.sub(r"ufid:[0-9a-f-]+,? ?", "", text)
    text = re.sub(r", dp-extra-info:\S+", "", text)
    text = re.sub(r"( +\S+ +\d+ +[0-9a-f:]{17}) +\d+", r"\1 AGE", text)  # fdb/show: whole seconds, cut off anywhere
    return "\n".join(sorted(line.rstrip() for line in text.splitlines()))


def same(both, *command):
    ours, theirs = both
    a, b = ours.appctl(*command, check=False), theirs.appctl(*command, check=False)
    assert (normal(a.stdout), a.returncode) == (normal(b.stdout), b.returncode), command
    return a.stdout


def tell(both, *command):
    for switch in both:
        switch.appctl(*command)


def tcp(in_port, src, dst, vlan=None, dport=10):
    eth = f"eth(src=50:54:00:00:00:{src:02x},dst=50:54:00:00:00:{dst:02x})"
    ip = (f"eth_type(0x0800),ipv4(src=192.168.0.{src},dst=192.168.0.{dst},proto=6,tos=0,ttl=64,frag=no),"
          f"tcp(src=8,dst={dport}),tcp_flags(ack)")
    if vlan is None:
        return f"in_port({in_port}),{eth},{ip}"
    return f"in_port({in_port}),{eth},eth_type(0x8100),vlan(vid={vlan},pcp=0),encap({ip})"


def test_show(both):
    same(both, "dpif/show")
    same(both, "dpctl/show")
    same(both, "dpctl/dump-dps")
    same(both, "ofproto/list")
    same(both, "fdb/show", "br0")


def test_learning_vlans_and_flows(both):
    rng = random.Random(11)
    hits = "0"
    for _ in range(60):
        port = rng.randint(1, 4)
        vlan = rng.choice([None, 10, 20, 30]) if port == 4 else None
        tell(both, "netdev-dummy/receive", f"p{port}", tcp(port, rng.randint(1, 9), rng.randint(1, 9), vlan))
        tell(both, "time/warp", "600", "100")
        # The reference learns from packets that hit a flow only when it next reads the flow's statistics (and takes
        # half a second for a revalidator/wait while the time is stopped).
        hits, before = re.search(r"hit:(\d+)", both[1].ask("dpctl/show"))[1], hits
        if hits != before:
            tell(both, "revalidator/wait")
        same(both, "fdb/show", "br0")
    tell(both, "revalidator/wait")
    flows = same(both, "dpctl/dump-flows", "-m")
    assert len(flows.splitlines()) > 10
    same(both, "dpctl/show")


def test_statistics_of_a_flow(both):
    for _ in range(5):
        tell(both, "netdev-dummy/receive", "p1", tcp(1, 1, 2))
        tell(both, "time/warp", "100")
    text = same(both, "dpctl/dump-flows")
    assert "packets:4" in text


def test_flows_expire(both):
    tell(both, "netdev-dummy/receive", "p1", tcp(1, 1, 2))
    assert same(both, "dpctl/dump-flows")
    tell(both, "time/warp", "20000", "500")
    assert not same(both, "dpctl/dump-flows").strip()
    tell(both, "time/warp", "400000", "10000")
    same(both, "fdb/show", "br0")


def test_moved_mac_changes_flows(both):
    tell(both, "netdev-dummy/receive", "p1", tcp(1, 1, 2))
    tell(both, "netdev-dummy/receive", "p2", tcp(2, 2, 1))
    tell(both, "netdev-dummy/receive", "p1", tcp(1, 1, 2))
    # 2 moves from p2 to p1.
    tell(both, "time/warp", "6000", "500")
    tell(both, "netdev-dummy/receive", "p1", tcp(1, 2, 3))
    tell(both, "revalidator/wait")
    same(both, "fdb/show", "br0")
    same(both, "dpctl/dump-flows")


@pytest.mark.parametrize("flow", [
    "in_port=1", "in_port=1,tcp", "in_port=2,udp,udp_dst=53", "in_port=3,arp", "in_port=4,dl_vlan=10,ip",
    "in_port=4,dl_vlan=30", "in_port=1,dl_dst=01:80:c2:00:00:00", "in_port=1,ipv6", "in_port=1,dl_src=01:00:00:00:00:01",
    "in_port=LOCAL,icmp", "in_port=77",
])
def test_trace(both, flow):
    same(both, "ofproto/trace", "br0", flow)


@pytest.mark.parametrize("command", [
    ("dpctl/show", "foo"), ("dpctl/show", "dummy@foo"), ("dpctl/add-flow", "in_port(1)", "2"),
    ("dpctl/add-flow", "in_port(1),eth(),eth_type(0x800),ipv4(", "2"),
    ("dpctl/add-flow", "in_port(1),eth(),eth_type(0x800),ipv4()", "xyz"), ("dpctl/parse-actions", "foo"),
    ("dpctl/parse-actions", "set(eth(src=00:00:00:00:00:01)),2,push_vlan(vid=1,pcp=2)"),
    ("dpctl/del-flow", "in_port(1),eth(),eth_type(0x800),ipv4()"), ("netdev-dummy/receive", "p1"),
    ("netdev-dummy/receive", "p9", "in_port(1)"), ("netdev-dummy/receive", "p1", "xx"),
    ("netdev-dummy/set-admin-state", "xx", "down"), ("netdev-dummy/set-admin-state", "p1", "foo"),
    ("fdb/show", "nobridge"), ("ofproto/trace", "nobridge", "in_port=1"), ("dpif/dump-flows", "xx"),
    ("nonsense",), ("fdb/show",),
])
def test_errors_to_the_letter(both, command):
    ours, theirs = both
    a, b = ours.appctl(*command, check=False), theirs.appctl(*command, check=False)
    # ovs-appctl names the socket that it talked to.
    said = [re.sub(r"\S+\.ctl", "SOCKET", result.stderr) for result in (a, b)]
    assert (a.stdout, said[0], a.returncode) == (b.stdout, said[1], b.returncode)


def test_flows_by_hand(both):
    for switch in both:
        switch.appctl("dpctl/add-flow", "in_port(1),eth(),eth_type(0x800),ipv4()", "2")
    same(both, "dpctl/dump-flows")
    same(both, "dpctl/dump-flows", "-m")
    same(both, "dpctl/add-flow", "in_port(1),eth(),eth_type(0x800),ipv4()", "2")
    tell(both, "dpctl/mod-flow", "in_port(1),eth(),eth_type(0x800),ipv4()", "1")
    same(both, "dpctl/dump-flows", "--names")
    tell(both, "dpctl/del-flows")
    same(both, "dpctl/dump-flows")
