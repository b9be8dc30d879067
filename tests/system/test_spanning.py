# SPDX-License-Identifier: Apache-2.0
"""The spanning tree (Bridge stp_enable, rstp_enable): three bridges in a ring beside the reference, and the kernel's
bridge as the neighbour.

        br0 --p1--p2-- br1 --p3--p4-- br2 --p5--p6-- br0        and h20, h21, h22 for their hosts
"""
import re

import pytest
from scapy.utils import rdpcap

from netns import wait_for
from test_bonds import say

RING = ((0, 1, 1), (1, 2, 3), (2, 0, 5))


def make_ring(daemon, protocol, kind):
    text = []
    for b in range(3):
        text.append(f"-- add-br br{b} -- set bridge br{b} datapath_type=dummy fail_mode=standalone {protocol}_enable=true "
                    f"other_config:hwaddr=aa:66:aa:66:00:0{b} -- add-port br{b} h{b + 20} -- set interface h{b + 20} "
                    f"type=dummy ofport_request={b + 20} options:tx_pcap={daemon.dir}/h{b + 20}.pcap")
    for left, right, p in RING:
        for bridge, port, peer in ((left, p, p + 1), (right, p + 1, p)):
            options = f"type=patch options:peer=p{peer}" if kind == "patch" else "type=dummy " + (
                f"options:pstream=punix:{daemon.dir}/s{p}" if port == p else f"options:stream=unix:{daemon.dir}/s{p}")
            text.append(f"-- add-port br{bridge} p{port} -- set interface p{port} ofport_request={port} {options}")
    ports = [f"p{i}" for i in range(1, 7)] + ["h20", "h21", "h22"]
    text += [f"-- set port {p} other_config:{protocol}-port-num={p[1:]}" for p in ports]
    daemon.vsctl(" ".join(text)[3:])
    return ports


def shown(daemon, protocol):
    """stp/show of each bridge; the reference lists RSTP's ports in the order of its memory."""
    text = [say(daemon, f"{protocol}/show", f"br{b}") for b in range(3)]
    return [sorted(t.splitlines()) if protocol == "rstp" else t for t in text]


def described(daemon):
    return [re.sub(r"addr:[0-9a-f:]*|dpid:\S*|\(xid=\S*", "", daemon.command("ovs-ofctl", *version, f"br{b}").stdout)
            for b in range(3) for version in (["show"], ["-OOpenFlow13", "dump-ports-desc"])]


def traces(daemon):
    for key in ("in_port=22,dl_dst=50:54:00:00:00:02", "in_port=4,dl_dst=50:54:00:00:00:02", "in_port=5,dl_dst=50:54:00:00:00:02",
                "in_port=5,dl_dst=01:80:c2:00:00:00", "in_port=22,dl_dst=01:80:c2:00:00:00,dl_type=0x5ff",
                "in_port=4,dl_dst=01:80:c2:00:00:00,dl_type=0x5ff"):
        text = say(daemon, "ofproto/trace", "br2", "dl_src=50:54:00:00:00:01," + key)
        yield lines(text)


def lines(trace):
    """Floods go in an order of each one's own."""
    text = re.sub(r"Datapath actions: (.*)", lambda m: str(sorted(m.group(1).split(","))), trace)
    return sorted(line.strip() for line in text.splitlines())


@pytest.fixture
def both(simulation, reference):
    return simulation, reference


def test_stp_in_a_ring(both):
    """Time stands still but where it is moved, so each step can be compared."""
    told, sent = [], []
    for daemon in both:
        daemon.vsctl("set open_vswitch . other_config:stats-update-interval=5000")
        say(daemon, "time/stop")
        ports = make_ring(daemon, "stp", "patch")
        said = [shown(daemon, "stp")]
        for ms in (8000, 12000, 16000, 7000):
            say(daemon, "time/warp", str(ms), "250")
            said.append(shown(daemon, "stp"))
        said.append(described(daemon))
        said.append(list(traces(daemon)))
        daemon.command("ovs-ofctl", "add-flow", "br2", "priority=9,in_port=22,actions=4,flood")
        said.append(lines(say(daemon, "ofproto/trace", "br2", "in_port=22,dl_src=50:54:00:00:00:01")))
        say(daemon, "time/warp", "6000", "1000")
        columns = [daemon.get("port", p, "status") for p in ports] + [daemon.get("bridge", f"br{b}", "status") for b in range(3)]
        said.append([re.sub(r'sec_in_state="\d+"', "", text) for text in columns])
        counts = [daemon.get("port", p, "statistics") for p in ports]
        assert all(re.fullmatch(r"\{stp_error_count=0, stp_rx_count=\d+, stp_tx_count=\d+\}", text) for text in counts), counts
        bpdus = [bytes(f) for f in rdpcap(f"{daemon.dir}/h22.pcap") if bytes(f)[:6] == b"\x01\x80\xc2\0\0\0"]
        sent.append({bpdu[:6] + bpdu[12:44] + bpdu[46:] for bpdu in bpdus})  # but for the age, which is what each guesses
        say(daemon, "stp/tcn", "br0")
        assert "stp|INFO|br0: detected topology change." in daemon.log()
        # A link goes: the other way opens.
        daemon.vsctl("del-port p1")
        say(daemon, "time/warp", "60000", "500")
        said.append(say(daemon, "stp/show", "br1"))
        daemon.vsctl("set bridge br0 stp_enable=false")
        assert daemon.talk("stp/show", "br0") == (False, "no such stp object\n")
        said.append(described(daemon))
        told.append(said)
    for ours, theirs in zip(*told):
        assert ours == theirs
    assert sent[1] and sent[1] <= sent[0]  # ours begin sooner


def test_rstp_in_a_ring(both):
    told = []
    for daemon in both:
        ports = make_ring(daemon, "rstp", "stream")
        wait_for(lambda: say(daemon, "rstp/show").count("Forwarding") == 8 and "Discarding" in say(daemon, "rstp/show", "br2")
                 and say(daemon, "rstp/show").count("root-port") == 2, "RSTP to settle", 60)
        said = [shown(daemon, "rstp"), described(daemon), list(traces(daemon))]
        wait_for(lambda: [daemon.get("port", p, "rstp_status").count("Forwarding") for p in ports].count(1) == 8, "the status", 20)
        said += [daemon.get("port", p, "rstp_status") for p in ports] + [daemon.get("bridge", f"br{b}", "rstp_status")
                                                                       for b in range(3)]
        assert re.fullmatch(r"\{rstp_error_count=0, rstp_rx_count=\d+, rstp_tx_count=\d+, rstp_uptime=\d+\}",
                            daemon.get("port", "p4", "rstp_statistics"))
        said += [daemon.talk("rstp/tcn", "br0"), daemon.talk("rstp/tcn", "nope"), daemon.talk("rstp/show", "nope"),
                 daemon.talk("stp/show", "br0"), daemon.talk("stp/tcn", "br0")]
        told.append(said)
    for ours, theirs in zip(*told):
        assert ours == theirs


def test_learning_stops_and_begins(simulation):
    """A port that only learns teaches the table and forwards nothing; what it dropped has a name."""
    frame = ("in_port({}),eth(src=50:54:00:00:00:0{},dst=50:54:00:00:00:99),eth_type(0x0800),"
             "ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=20)")
    say(simulation, "time/stop")
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=standalone stp_enable=true -- add-port br0 p1 -- "
                     "add-port br0 p2 -- set interface p1 type=dummy -- set interface p2 type=dummy")
    say(simulation, "netdev-dummy/receive", "p1", frame.format(1, 1))
    assert "50:54" not in say(simulation, "fdb/show", "br0")
    assert re.search(r"spanning_tree +1 ", say(simulation, "drop/show"))
    say(simulation, "time/warp", "16000", "500")
    say(simulation, "netdev-dummy/receive", "p1", frame.format(1, 2))
    assert "50:54:00:00:00:02" in say(simulation, "fdb/show", "br0") and "learning" in say(simulation, "stp/show")
    assert all(f.endswith("actions:drop") for f in simulation.flows())
    say(simulation, "time/warp", "16000", "500")
    say(simulation, "netdev-dummy/receive", "p1", frame.format(1, 3))
    assert "50:54:00:00:00:03" in say(simulation, "fdb/show", "br0") and "forwarding" in say(simulation, "stp/show")
    assert any("actions:100,2" in f or "actions:2,100" in f for f in simulation.flows())
    # A topology change forgets what was learned.
    say(simulation, "time/warp", "60000", "1000")
    say(simulation, "netdev-dummy/receive", "p1", frame.format(1, 3))
    assert "50:54" in say(simulation, "fdb/show", "br0")
    say(simulation, "stp/tcn", "br0")
    assert "50:54" not in say(simulation, "fdb/show", "br0")


@pytest.mark.parametrize("protocol", ["stp", "rstp"])
def test_with_the_kernels_bridge(net, switch, protocol):
    """Two links to a bridge of Linux, which speaks STP: one of them is blocked, and hosts hear each other once."""
    net.add_namespace("k")
    net.run("k", "ip link add kbr type bridge stp_state 1 forward_delay 400 hello_time 100 max_age 600")
    for i in (1, 2):
        net.add_veth("k", f"v{i}", host_device=f"k{i}")
        net.run("k", f"ip link set k{i} master kbr")
    net.run("k", "ip addr add 10.0.0.2/24 dev kbr")
    net.run("k", "ip link set kbr up")
    net.add_host("a", "va", "10.0.0.1/24")
    switch.vsctl(f"add-br br0 -- set bridge br0 datapath_type=netdev fail_mode=standalone {protocol}_enable=true "
                 f"other_config:{protocol}-forward-delay=4 other_config:{protocol}-max-age=6 "
                 "-- add-port br0 va -- add-port br0 v1 -- add-port br0 v2")

    def blocked():
        ours = len(re.findall(r"^ +v\d.* (blocking|Discarding) ", say(switch, f"{protocol}/show", "br0"), re.M))
        kernel = net.output("k", "bridge link show").count("state blocking")
        return ours + kernel == 1 and "listening" not in net.output("k", "bridge link show")
    wait_for(blocked, "one link to be blocked", 40)
    wait_for(lambda: net.ping("a", "10.0.0.2"), "the kernel's bridge to answer", 30)
    out = net.run("a", "ping -n -c 5 -i 0.1 10.0.0.2").stdout
    assert "DUP" not in out and "5 received" in out
