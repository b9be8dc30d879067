# SPDX-License-Identifier: Apache-2.0
"""Bonds and LACP (Port): in simulation beside the reference, and the two of them at both ends of one bond."""
import re

import pytest
from scapy.utils import rdpcap

from netns import wait_for

FLOW = ("in_port({}),eth(src=50:54:00:00:00:{:02x},dst=50:54:00:00:00:99),eth_type(0x0800),"
        "ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0,ttl=64,frag=no),udp(src={},dst=20)")
TRACE = "in_port={},dl_src=50:54:00:00:00:{},dl_dst={}"


def make_bond(daemon, options):
    """p1 and p2 in bond0; p3, and p4 in VLAN 5. p1 is active."""
    ports = "".join(f" -- set interface p{i} type=dummy ofport_request={i} options:tx_pcap={daemon.dir}/p{i}.pcap"
                    for i in (1, 2, 3, 4))
    daemon.vsctl(f"add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=standalone other_config:hwaddr=aa:66:aa:66:00:00 "
                 f"-- add-bond br0 bond0 p1 p2 {options} -- add-port br0 p3 -- add-port br0 p4 tag=5{ports}")
    say(daemon, "time/stop")
    if "lacp" not in options:
        say(daemon, "bond/set-active-member", "bond0", "p1")


def say(daemon, *command):
    ok, text = daemon.talk(*command)
    assert ok, (command, text)
    return text


def answers(daemon, *commands):
    """What each says, without what differs from run to run: addresses of devices, and where floods go in which order."""
    said = []
    for command in commands:
        ok, said_now = daemon.talk(*command)
        text = re.sub(r"active member mac: [0-9a-f:]*", "active member mac: M", said_now)
        text = re.sub(r"next rebalance: \d+ ms", "next rebalance", text)
        text = re.sub(r"Datapath actions: (push_vlan\(vid=5,pcp=0\),)?([0-9,]+)$",
                      lambda m: f"Datapath actions: {m.group(1)} {sorted(m.group(2).split(','))}", text, flags=re.M)
        said.append((command, ok, text))
    return said


def bond_log(daemon, since=0):
    return [line.split("|", 2)[2] for line in daemon.log().splitlines() if "|bond|" in line][since:]


COMMANDS = [command.split() for command in """
bond/show nope
bond/show bond0
bond/hash aa:66:aa:66:00:00
bond/hash aa:66:aa:66:00:00 5
bond/hash aa:66:aa:66:00:00 5 7
bond/hash 00:00:00:00:00:01 4095 4294967295
bond/hash x
bond/hash aa:66:aa:66:00:00 x
bond/hash aa:66:aa:66:00:00 1 x
bond/migrate bond0 x p2
bond/migrate bond0 5 p9
bond/migrate nope 5 p2
bond/set-active-member bond0 p1
bond/set-active-member bond0 p9
bond/set-active-member nope p1
bond/enable-member bond0 p9
bond/disable-member nope p9
lacp/show
lacp/show bond0
lacp/show-stats bond0
bond/set-active-member bond0 p2
bond/show
bond/set-active-member bond0 p1
""".strip().splitlines()]

MODES = ["bond_mode=balance-slb other_config:bond-hash-basis=7",
         "bond_mode=balance-slb other_config:all-members-active=true", "bond_mode=balance-tcp",
         "bond_mode=active-backup other_config:bond-primary=p7"]


def traces():
    for port in (1, 2):
        for src in ("01", "77"):
            for dst in ("50:54:00:00:00:99", "ff:ff:ff:ff:ff:ff", "01:80:c2:00:00:02", "50:54:00:00:00:03"):
                yield ["ofproto/trace", "br0", TRACE.format(port, src, dst)]
        for op, target in ((1, "1.1.1.1"), (1, "1.1.1.2"), (2, "1.1.1.1"), (2, "1.1.1.2")):
            yield ["ofproto/trace", "br0", TRACE.format(port, "01", "ff:ff:ff:ff:ff:ff") +
                   f",arp,arp_op={op},arp_spa=1.1.1.1,arp_tpa={target}"]
    yield ["ofproto/trace", "br0", TRACE.format(3, "01", "50:54:00:00:00:99")]
    yield ["ofproto/trace", "br0", TRACE.format(4, "02", "ff:ff:ff:ff:ff:ff")]


@pytest.mark.parametrize("mode", MODES)
def test_commands_and_traces(simulation, reference, mode):
    said = []
    for daemon in (simulation, reference):
        make_bond(daemon, mode)
        if "slb" in mode:
            for bucket in range(256):  # which member a bucket falls to is each one's own choice
                say(daemon, "bond/migrate", "bond0", str(bucket), f"p{1 + bucket % 2}")
        for port in (3, 4):
            say(daemon, "netdev-dummy/receive", f"p{port}", FLOW.format(port, port - 2, 1))
            say(daemon, "netdev-dummy/receive", f"p{port}", FLOW.format(port, port, 1))
        said.append(answers(daemon, *COMMANDS, *traces()))
        say(daemon, "bond/disable-member", "bond0", "p1")
        said[-1] += answers(daemon, ["bond/show"])
        active = daemon.get("port", "bond0", "bond_active_slave").strip('"')
        assert active in (daemon.get("interface", f"p{i}", "mac_in_use").strip('"') for i in (1, 2))
    for ours, theirs in zip(*said):
        assert ours == theirs
    assert len(said[0]) == len(COMMANDS) + 1 + len(list(traces()))


@pytest.mark.parametrize("mode", ["bond_mode=active-backup", "bond_mode=balance-slb other_config:bond-rebalance-interval=0"])
def test_fail_over(simulation, reference, mode):
    """Delays, what is logged, and the packets that tell the network where addresses are now."""
    told = []
    for daemon in (simulation, reference):
        make_bond(daemon, f"{mode} bond_updelay=200 bond_downdelay=300")
        for i in range(1, 7):
            for _ in range(2):
                say(daemon, "netdev-dummy/receive", f"p{3 + i % 2}", FLOW.format(3 + i % 2, i, 1))
        if "slb" in mode:
            for bucket in range(256):
                say(daemon, "bond/migrate", "bond0", str(bucket), f"p{1 + bucket % 2}")
        say(daemon, "time/warp", "1000", "100")
        log = len(bond_log(daemon))
        frames = {p: len(rdpcap(f"{daemon.dir}/{p}.pcap")) for p in ("p1", "p2")}
        said = []
        for port, state, ms in (("p1", "down", 100), (None, None, 500), ("p1", "up", 100), (None, None, 500),
                                ("p1", "down", 100), ("p1", "up", 100), ("p2", "down", 500), ("p1", "down", 500),
                                (None, None, 100), ("p1", "up", 100), ("p2", "up", 500)):
            if port:
                say(daemon, "netdev-dummy/set-admin-state", port, state)
            say(daemon, "time/warp", str(ms), "100")
            said += answers(daemon, ["bond/show"])
        announced = {p: sorted(bytes(f).hex() for f in rdpcap(f"{daemon.dir}/{p}.pcap")[n:] if b"\x80\x35" in bytes(f)[12:18])
                     for p, n in frames.items()}
        told.append((said, sorted(bond_log(daemon, log)), announced))
    ours, theirs = told
    assert ours[0] == theirs[0]
    assert ours[1] == theirs[1]
    assert {p: set(frames) for p, frames in ours[2].items()} == {p: set(frames) for p, frames in theirs[2].items()}
    assert ours[2]["p2"] and any("81000005" in frame for frame in ours[2]["p2"])


def test_flows_follow(simulation):
    """Cached flows leave by the member that is active, and what the other brings is dropped, by a name."""
    make_bond(simulation, "bond_mode=active-backup")
    for _ in range(2):
        say(simulation, "netdev-dummy/receive", "p3", FLOW.format(3, 1, 1))
        say(simulation, "netdev-dummy/receive", "p2", FLOW.format(2, 9, 1))

    def outputs():
        return {re.search(r"in_port\((\d+)\)", f).group(1): set(f.split("actions:")[1].split(",")) for f in simulation.flows()}
    assert outputs() == {"3": {"100", "1"}, "2": {"drop"}}
    assert re.search(r"^ +bond: +2$", say(simulation, "drop/show", "p2"), re.M) or "bond" in say(simulation, "drop/show")
    say(simulation, "netdev-dummy/set-admin-state", "p1", "down")
    say(simulation, "time/warp", "100")
    assert outputs() == {"3": {"100", "2"}, "2": {"100", "3"}}
    # A mirror of the bond, and by it; output by rules to a member.
    simulation.vsctl("-- --id=@p get port p4 -- --id=@b get port bond0 -- --id=@m create mirror name=m "
                     "select_dst_port=@p output_port=@b -- set bridge br0 mirrors=@m")
    trace = say(simulation, "ofproto/trace", "br0", TRACE.format(3, "01", "ff:ff:ff:ff:ff:ff") + ",vlan_tci=0x1005")
    assert "Datapath actions: 100,pop_vlan,4,push_vlan(vid=5,pcp=0),2" in trace, trace
    simulation.command("ovs-ofctl", "add-flow", "br0", "priority=9,in_port=3,actions=1,2,flood")
    assert "actions: 1,2," in say(simulation, "ofproto/trace", "br0", TRACE.format(3, "01", "ff:ff:ff:ff:ff:ff"))


def test_rebalances_by_load(simulation):
    make_bond(simulation, "bond_mode=balance-slb other_config:bond-rebalance-interval=1000")
    frame = "505400000099" + "5054000000{:02x}" + "0800" + "4500" + "00" * 1400
    hashes = [int(say(simulation, "bond/hash", f"50:54:00:00:00:{i:02x}")) for i in range(1, 9)]
    for h in set(hashes):
        say(simulation, "bond/migrate", "bond0", str(h), "p1")
    for i in range(1, 9):
        say(simulation, "netdev-dummy/receive", "p3", *([frame.format(i)] * 90))
    say(simulation, "time/warp", "2000", "100")
    moved = [line for line in bond_log(simulation) if "shift" in line]
    assert moved and all(re.match(r"bond\|INFO\|bond bond0: shift \d+kB of load \(with hash \d+\) from p1 to p2 \(now carrying "
                                  r"\d+kB and \d+kB load, respectively\)", line) for line in moved), moved
    shown = say(simulation, "bond/show")
    assert all(f"  hash {h}: " in shown for h in hashes)
    out = {f.split("actions:")[1] for f in simulation.flows()}
    assert out == {"1,100", "2,100"} or out == {"100,1", "100,2"}, out


def join(a, b, options_a, options_b):
    """bond0 of A and of B, by two links each."""
    for daemon, options, kind in ((a, options_a, "pstream=punix"), (b, options_b, "stream=unix")):
        mac = "aa:66:aa:66:00:00" if daemon is a else "aa:66:aa:66:00:01"
        ports = "".join(f" -- set interface p{i} type=dummy ofport_request={i} options:{kind}:{a.dir}/link{i} "
                        f"other_config:lacp-aggregation-key=5" for i in (1, 2))
        daemon.vsctl(f"add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=standalone other_config:hwaddr={mac} "
                     f"-- add-bond br0 bond0 p1 p2 {options} -- add-port br0 p3 -- set interface p3 type=dummy "
                     f"ofport_request=3 options:tx_pcap={daemon.dir}/p3.pcap{ports}")


def members(daemon):
    return re.findall(r"member: (\w+): (\w+ \w+)", say(daemon, "lacp/show", "bond0"))


def test_lacp_with_the_reference(simulation, reference):
    """One bond between ours and the reference: negotiation, traffic by both links, a link that goes."""
    fast = "bond_mode=balance-tcp lacp={} other_config:lacp-time=fast"
    join(simulation, reference, fast.format("active"), fast.format("passive"))
    both = (simulation, reference)
    good = [("p1", "current attached"), ("p2", "current attached")]
    wait_for(lambda: all(members(d) == good for d in both), "LACP")
    wait_for(lambda: all("lacp_status: negotiated" in say(d, "bond/show", "bond0") and
                         say(d, "bond/show", "bond0").count("may_enable: true") == 2 for d in both), "the bonds")

    def agree():
        ours, theirs = (say(d, "lacp/show", "bond0") for d in both)
        ours, theirs = ([re.findall(rf"{who} (\w+): *(.*)", text) for who in ("actor", "partner")] for text in (ours, theirs))
        return ours == theirs[::-1]
    wait_for(agree, "both to say the same")
    ours, theirs = (say(d, "lacp/show", "bond0") for d in both)
    assert "  status: active negotiated\n" in ours and "  status: passive negotiated\n" in theirs
    assert simulation.get("interface", "p1", "lacp_current") == "true"
    assert simulation.get("interface", "p3", "lacp_current") == "[]"
    assert any("slow_path(lacp)" in f for f in simulation.flows())
    # Each connection goes by one of the links, all of them arrive; both ways.
    for sender, receiver in (both, both[::-1]):
        for i in range(32):
            say(sender, "netdev-dummy/receive", "p3", FLOW.format(3, 1, 1000 + i))
        wait_for(lambda: len(rdpcap(f"{receiver.dir}/p3.pcap")) >= 32, "32 packets")
    hidden = [line for line in say(simulation, "bridge/dump-flows", "br0").splitlines() if "dp_hash=" in line]
    assert len(hidden) == 256 and {line.rpartition("actions=")[2] for line in hidden} == {"output:1", "output:2"}
    recirculated = [f for f in simulation.flows() if "recirc_id(0)" not in f and "dp_hash(" in f]
    assert {f.split("actions:")[1] for f in recirculated} == {"1", "2"}
    # The link goes at one end: both see it, and what went by it goes by the other.
    reference.vsctl(f"set interface p2 options:stream=unix:{reference.dir}/nowhere")
    wait_for(lambda: "member p2: disabled" in say(simulation, "bond/show"), "p2 to be given up", 15)
    for i in range(32):
        say(simulation, "netdev-dummy/receive", "p3", FLOW.format(3, 1, 1000 + i))
    wait_for(lambda: len(rdpcap(f"{reference.dir}/p3.pcap")) >= 64, "32 more packets")
    reference.vsctl(f"set interface p2 options:stream=unix:{simulation.dir}/link2")
    wait_for(lambda: members(simulation) == good, "LACP again", 15)


@pytest.mark.parametrize("options", [("lacp=active other_config:lacp-time=fast", "lacp=passive"), ("lacp=active", "lacp=active"),
                                     ("lacp=passive", "lacp=passive"), ("lacp=active other_config:lacp-fallback-ab=true", "lacp=off"),
                                     ("lacp=active bond_mode=balance-tcp", "lacp=off")])
def test_lacp_settles_as_in_the_reference(simulation, reference, options):
    """Two bridges of one switch, joined by patch ports."""
    said = []
    for daemon in (simulation, reference):
        text = []
        for b, wanted in enumerate(options):
            text.append(f"-- add-br br{b} -- set bridge br{b} datapath_type=dummy other_config:hwaddr=aa:66:aa:66:00:0{b} "
                        f"-- add-bond br{b} bond{b} p{b + 1} p{b + 3} {wanted} other_config:lacp-system-priority={7 + b}")
            for port, peer in ((b + 1, 2 - b), (b + 3, 4 - b)):
                text.append(f"-- set interface p{port} type=patch ofport_request={port} options:peer=p{peer} "
                            f"other_config:lacp-aggregation-key={b + 5} other_config:lacp-port-priority={port}")
        daemon.vsctl(" ".join(text)[3:])
        say(daemon, "time/stop")
        say(daemon, "time/warp", "12000", "100")
        shown = answers(daemon, ["lacp/show", "bond0"], ["lacp/show", "bond1"], ["bond/show", "bond0"], ["bond/show", "bond1"])
        text = str(shown).replace("  active member\\n", "")
        said.append(re.sub(r"M\(p\d\)", "M(p)", re.sub(r"Recirc-ID : [1-9]", "Recirc-ID : N", text)))
    assert said[0] == said[1]


def test_a_flood_of_pdus_is_bounded(simulation):
    """PDUs that nobody asked for cost a bounded queue, and bad ones are counted."""
    make_bond(simulation, "lacp=active")
    bad = "0180c2000002" "505400000001" "8809" "01" + "00" * 60
    say(simulation, "netdev-dummy/receive", "p1", *([bad] * 90))
    assert re.search(r"RX Bad PDUs: [1-9]", say(simulation, "lacp/show-stats", "bond0"))
    assert "protocol" in say(simulation, "drop/show")
    simulation.vsctl("del-port bond0")
    assert say(simulation, "bond/list") == "bond\ttype\trecircID\tmembers\n"
    assert say(simulation, "lacp/show") == ""
