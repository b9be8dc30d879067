# SPDX-License-Identifier: Apache-2.0
"""copy_ttl_in and copy_ttl_out: real packets between dummy ports, rules by os-ken's classes and by text. The reference
refuses these actions, so what is right is what OpenFlow says: from the outermost header with a TTL to the next one, or
back; MPLS to MPLS, MPLS to IP, IP to IP."""
import struct

import pytest
from scapy.all import ARP, Ether, IP, IPv6, Raw, UDP
from scapy.contrib.mpls import MPLS

from netns import build_dir
from osken_peer import Peer
from switch import Switch

ETH = dict(src="50:54:00:00:00:01", dst="50:54:00:00:00:02")
OUT = 2


def ip4(ttl, payload=None):
    return IP(src="10.0.0.1", dst="10.0.0.2", ttl=ttl) / (payload or UDP(dport=9) / Raw(b"abcdefgh"))


def ip6(ttl, payload=None):
    return IPv6(src="fc00::1", dst="fc00::2", hlim=ttl) / (payload or UDP(dport=9) / Raw(b"abcdefgh"))


def mpls(ttls, inner):
    """Labels 5, 6, ... with these TTLs, the outermost first."""
    packet = Ether(type=0x8847, **ETH)
    for i, ttl in enumerate(ttls):
        packet = packet / MPLS(label=5 + i, ttl=ttl, s=int(i == len(ttls) - 1))
    return packet / inner


def eth(inner):
    return Ether(**ETH) / inner


class Bridge:
    def __init__(self, switch, directory):
        self.switch, self.directory, self.seen = switch, directory, {}
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure protocols=[] "
                     "-- add-br br1 -- set bridge br1 datapath_type=dummy fail_mode=secure protocols=[]")
        for n in range(1, 4):
            switch.vsctl(f"add-port br0 p{n} -- set interface p{n} type=dummy ofport_request={n} "
                         f"options:tx_pcap={directory}/p{n}.pcap")
        switch.vsctl("add-port br0 patch0 -- set interface patch0 type=patch ofport_request=10 options:peer=patch1 "
                     "-- add-port br1 patch1 -- set interface patch1 type=patch ofport_request=10 options:peer=patch0")
        for n in (4, 5):
            switch.vsctl(f"add-port br1 p{n} -- set interface p{n} type=dummy ofport_request={n} "
                         f"options:tx_pcap={directory}/p{n}.pcap")

    def ofctl(self, *argv, check=True, version="OpenFlow13"):
        return self.switch.command(build_dir() / "sluice", "ofctl", "-O", version, *argv, check=check)

    def flows(self, *flows, bridge="br0"):
        for flow in flows:
            self.ofctl("add-flow", bridge, flow)

    def receive(self, frame):
        self.switch.appctl("netdev-dummy/receive", "p1", bytes(frame).hex())
        new = {}
        for n in range(1, 6):
            path = self.directory / f"p{n}.pcap"
            data = path.read_bytes() if path.exists() else b""
            at = self.seen.get(n, 24)  # behind the file's header
            while at < len(data):
                size = struct.unpack_from("=I", data, at + 8)[0]
                new.setdefault(n, []).append(data[at + 16:at + 16 + size])
                at += 16 + size
            self.seen[n] = at
        return new


@pytest.fixture(scope="module")
def bridge(tmp_path_factory):
    switch = Switch(None, "--enable-dummy")
    try:
        yield Bridge(switch, tmp_path_factory.mktemp("pcap"))
    finally:
        switch.close()


@pytest.fixture(autouse=True)
def clean(bridge):
    bridge.ofctl("del-flows", "br0")
    bridge.ofctl("del-groups", "br0")
    bridge.ofctl("del-flows", "br1")


def one(packet):
    return {OUT: [bytes(packet)]}


def actions_of(p, names):
    make = {"in": p.OFPActionCopyTtlIn, "out": p.OFPActionCopyTtlOut, "dec_mpls": p.OFPActionDecMplsTtl,
            "dec_ip": p.OFPActionDecNwTtl, "push": lambda: p.OFPActionPushMpls(0x8847),
            "pop": lambda: p.OFPActionPopMpls(0x8847), "pop4": lambda: p.OFPActionPopMpls(0x800),
            "pop6": lambda: p.OFPActionPopMpls(0x86dd), "label": lambda: p.OFPActionSetField(mpls_label=77),
            "ttl9": lambda: p.OFPActionSetMplsTtl(9), "port": lambda: p.OFPActionOutput(OUT, 0)}
    return [make[name]() for name in names.split()] + [p.OFPActionOutput(OUT, 0)]


def relabelled(packet, label):
    packet[MPLS].label = label
    return packet


# Actions; packet with a TTL T; what leaves.
CASES = [
    ("in", lambda t: mpls([t, 50], ip4(64)), lambda t: mpls([t, t], ip4(64))),
    ("in", lambda t: mpls([t, 50, 40, 30], ip4(64)), lambda t: mpls([t, t, 40, 30], ip4(64))),
    ("out", lambda t: mpls([99, t], ip4(64)), lambda t: mpls([t, t], ip4(64))),
    ("in", lambda t: mpls([t], ip4(64)), lambda t: mpls([t], ip4(t))),
    ("in", lambda t: mpls([t], ip6(64)), lambda t: mpls([t], ip6(t))),
    ("out", lambda t: mpls([99], ip4(t)), lambda t: mpls([t], ip4(t))),
    ("out", lambda t: mpls([99], ip6(t)), lambda t: mpls([t], ip6(t))),
    # Uniform tunnels: in, through, out.
    ("dec_ip push out label", lambda t: eth(ip4(t)), lambda t: relabelled(mpls([t - 1], ip4(t - 1)), 77)),
    ("dec_ip push out label", lambda t: eth(ip6(t)), lambda t: relabelled(mpls([t - 1], ip6(t - 1)), 77)),
    ("dec_mpls in pop", lambda t: mpls([t, 50], ip4(64)), lambda t: relabelled(mpls([t - 1], ip4(64)), 6)),
    ("dec_mpls in pop4", lambda t: mpls([t], ip4(64)), lambda t: eth(ip4(t - 1))),
    ("dec_mpls in pop6", lambda t: mpls([t], ip6(64)), lambda t: eth(ip6(t - 1))),
    ("in pop4 dec_ip", lambda t: mpls([t], ip4(64)), lambda t: eth(ip4(t - 1))),
    # What is looked at after it was copied.
    ("out dec_mpls", lambda t: mpls([99], ip4(t)), lambda t: mpls([t - 1], ip4(t))),
    ("out label", lambda t: mpls([99], ip4(t)), lambda t: relabelled(mpls([t], ip4(t)), 77)),
    ("out push label", lambda t: mpls([99], ip4(t)),
     lambda t: Ether(type=0x8847, **ETH) / MPLS(label=77, ttl=t, s=0) / MPLS(label=5, ttl=t, s=1) / ip4(t)),
    ("out ttl9", lambda t: mpls([99], ip4(t)), lambda t: mpls([9], ip4(t))),
    ("out in", lambda t: mpls([99], ip4(t)), lambda t: mpls([t], ip4(t))),
    ("out port dec_mpls", lambda t: mpls([99], ip4(t)), lambda t: [mpls([t], ip4(t)), mpls([t - 1], ip4(t))]),
    # IP in IP.
    ("in", lambda t: eth(ip4(t, ip4(64))), lambda t: eth(ip4(t, ip4(t)))),
    ("in", lambda t: eth(ip4(t, ip6(64))), lambda t: eth(ip4(t, ip6(t)))),
    ("in", lambda t: eth(ip6(t, ip4(64))), lambda t: eth(ip6(t, ip4(t)))),
    ("out", lambda t: eth(ip4(99, ip4(t))), lambda t: eth(ip4(t, ip4(t)))),
    ("out", lambda t: eth(ip6(99, ip6(t))), lambda t: eth(ip6(t, ip6(t)))),
    ("out dec_ip", lambda t: eth(ip4(99, ip4(t))), lambda t: eth(ip4(t - 1, ip4(t)))),
    ("dec_ip in", lambda t: eth(ip4(t, ip4(64))), lambda t: eth(ip4(t - 1, ip4(t - 1)))),
    # There is no second one.
    ("in", lambda t: eth(ip4(t)), lambda t: eth(ip4(t))),
    ("out", lambda t: eth(ip6(t)), lambda t: eth(ip6(t))),
    ("in", lambda t: mpls([t], Raw(b"\x01" * 40)), lambda t: mpls([t], Raw(b"\x01" * 40))),
    ("out", lambda t: mpls([t], Raw(b"\x45\0\0")), lambda t: mpls([t], Raw(b"\x45\0\0"))),
    ("in", lambda t: eth(IP(src="1.1.1.1", dst="2.2.2.2", ttl=t, proto=4, frag=5) / Raw(bytes(ip4(64)))),
     lambda t: eth(IP(src="1.1.1.1", dst="2.2.2.2", ttl=t, proto=4, frag=5) / Raw(bytes(ip4(64))))),
]


@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_packets(bridge, version):
    """Each case with three packets: the second and the third, of other TTLs, may go by the first one's cached flow."""
    peer = Peer(bridge.switch, version)
    p, ofp = peer.parser, peer.ofp
    for names, packet, result in CASES if version in (4, 6) else CASES[:7]:
        actions = actions_of(p, names)
        for eth_type in (0x800, 0x86dd, 0x8847):
            if eth_type != packet(60).type:
                continue
            peer.send(p.OFPFlowMod(peer.desc, table_id=ofp.OFPTT_ALL, command=ofp.OFPFC_DELETE, out_port=ofp.OFPP_ANY,
                                   out_group=ofp.OFPG_ANY))
            error = peer.error(p.OFPFlowMod(
                peer.desc, priority=1, match=p.OFPMatch(eth_type=eth_type), instructions=[p.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, actions)]))
            assert error is None, (names, error)
        [stats] = peer.records(p.OFPFlowStatsRequest(peer.desc) if version < 6 else p.OFPFlowDescStatsRequest(peer.desc))
        assert [type(a) for a in stats.instructions[0].actions] == [type(a) for a in actions]
        for ttl in (60, 61, 17):
            want = result(ttl)
            want = {OUT: sorted(bytes(w) for w in (want if isinstance(want, list) else [want]))}
            got = {port: sorted(frames) for port, frames in bridge.receive(packet(ttl)).items()}
            assert got == want, (names, ttl, packet(ttl), bridge.switch.flows("-m"))
    peer.close()


def test_text(bridge):
    for version in ("OpenFlow11", "OpenFlow13", "OpenFlow15"):
        bridge.ofctl("add-flow", "br0", "mpls,actions=copy_ttl_in,copy_ttl_out,output:2", version=version)
        assert "actions=copy_ttl_in,copy_ttl_out,output:2" in bridge.ofctl("dump-flows", "br0", version=version).stdout
    assert bridge.ofctl("add-flow", "br0", "mpls,actions=copy_ttl_in", version="OpenFlow10", check=False).returncode


def test_prerequisites(bridge):
    for match in ("", "arp,", "dl_type=0x894f,"):
        result = bridge.ofctl("add-flow", "br0", match + "actions=copy_ttl_out,output:2", check=False)
        assert result.returncode, match
    peer = Peer(bridge.switch, 4)
    p, ofp = peer.parser, peer.ofp
    for match in (p.OFPMatch(), p.OFPMatch(eth_type=0x806)):
        inst = [p.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, [p.OFPActionCopyTtlIn()])]
        assert peer.error(p.OFPFlowMod(peer.desc, match=match, instructions=inst)) == (
            ofp.OFPET_BAD_ACTION, ofp.OFPBAC_MATCH_INCONSISTENT)
    peer.close()


def test_action_set(bridge):
    """Inwards first of all, outwards behind the pops and pushes, whatever the order that they were written in."""
    bridge.flows("mpls,actions=write_actions(output:2,dec_mpls_ttl,copy_ttl_out,pop_mpls:0x8847,copy_ttl_in)")
    assert bridge.receive(mpls([60, 50], ip4(64))) == one(relabelled(mpls([63], ip4(64)), 6))
    bridge.flows("mpls,actions=write_actions(output:2,pop_mpls:0x8847,copy_ttl_in)")
    assert bridge.receive(mpls([60, 50], ip4(64))) == one(relabelled(mpls([60], ip4(64)), 6))
    bridge.ofctl("add-group", "br0", "group_id=1,type=indirect,bucket=output:2,pop_mpls:0x800,copy_ttl_in,dec_ttl")
    bridge.flows("mpls,actions=group:1")
    assert bridge.receive(mpls([60], ip4(64))) == one(eth(ip4(59)))


def test_a_copy_of_the_packet_alone(bridge):
    """What a bucket, a clone, another bridge copied is not in what leaves afterwards."""
    before, after = mpls([60], ip4(64)), mpls([60], ip4(60))
    bridge.ofctl("add-group", "br0", "group_id=1,type=all,bucket=copy_ttl_in,output:2,bucket=output:3")
    bridge.flows("table=1,mpls,actions=copy_ttl_in,output:2")
    bridge.flows("mpls,actions=copy_ttl_in,output:4", bridge="br1")
    for actions in ("group:1", "clone(copy_ttl_in,output:2),output:3", "clone(resubmit(,1)),output:3",
                    "clone(clone(copy_ttl_in,output:2)),output:3"):
        bridge.flows("mpls,actions=" + actions)
        assert bridge.receive(before) == {2: [bytes(after)], 3: [bytes(before)]}, actions
    bridge.flows("mpls,actions=output:10,output:3")
    assert bridge.receive(before) == {4: [bytes(after)], 3: [bytes(before)]}
    # And in the other order there is nothing to keep.
    bridge.flows("mpls,actions=output:3,output:10")
    assert bridge.receive(before) == {4: [bytes(after)], 3: [bytes(before)]}
    assert "clone" not in "".join(bridge.switch.flows())
    # A label set before goes into the clone, and comes again behind it.
    bridge.flows("mpls,actions=set_field:9->mpls_label,clone(copy_ttl_in,output:2),output:3")
    assert bridge.receive(before) == {2: [bytes(relabelled(after, 9))], 3: [bytes(relabelled(before, 9))]}


def test_tables_behind(bridge):
    """A rule of a later table, or of another bridge, sees the TTL that was copied."""
    bridge.flows("mpls,actions=copy_ttl_out,resubmit(,1)", "table=1,mpls,mpls_ttl=64,actions=output:2",
                 "table=1,mpls,priority=1,actions=output:3")
    assert bridge.receive(mpls([99], ip4(64))) == {2: [bytes(mpls([64], ip4(64)))]}
    assert bridge.receive(mpls([99], ip4(63))) == {3: [bytes(mpls([63], ip4(63)))]}
    bridge.flows("mpls,actions=copy_ttl_out,output:10")
    bridge.flows("mpls,mpls_ttl=64,actions=output:4", "mpls,priority=1,actions=output:5", bridge="br1")
    assert bridge.receive(mpls([99], ip4(64))) == {4: [bytes(mpls([64], ip4(64)))]}
    assert bridge.receive(mpls([99], ip4(63))) == {5: [bytes(mpls([63], ip4(63)))]}


def test_packet_out(bridge):
    frame = bytes(mpls([60], ip4(64))).hex()
    bridge.ofctl("packet-out", "br0", f"in_port=local,packet={frame},actions=copy_ttl_in,output:2")
    assert bridge.receive(eth(ARP())) == one(mpls([60], ip4(60)))
    # The actions have to fit the packet itself.
    for packet, actions, fits in ((mpls([60], ip4(64)), "dec_mpls_ttl", True), (eth(ip4(64)), "dec_ttl", True),
                                  (eth(ip4(64)), "mod_nw_src:1.2.3.4", True), (mpls([60], ip4(64)), "dec_ttl", False),
                                  (eth(ip4(64)), "copy_ttl_in", True), (eth(ARP()), "copy_ttl_in", False)):
        text = f"in_port=local,packet={bytes(packet).hex()},actions={actions},output:2"
        result = bridge.ofctl("packet-out", "br0", text, check=False)
        assert (result.returncode == 0) == fits and fits == ("MATCH_INCONSISTENT" not in result.stderr), (text, result)


def test_trace(bridge):
    bridge.flows("mpls,actions=copy_ttl_in,output:2,copy_ttl_out,dec_mpls_ttl,output:3")
    text = bridge.switch.ask("ofproto/trace", "br0", "in_port=p1,mpls,mpls_label=5,mpls_bos=1,mpls_ttl=60")
    assert "\n    copy_ttl_in\n" in text and "\n    copy_ttl_out\n" in text
    assert "Datapath actions: copy_ttl_in,2,copy_ttl_out,recirc(" in text, text
    # Two labels: both TTLs are in the key, nothing has to come again.
    bridge.receive(mpls([60, 50], ip4(64)))
    flow = bridge.switch.flows("--names")[0]
    assert "actions:copy_ttl_in,p2,copy_ttl_out,set(mpls(" in flow, flow


def test_datapath_flow(bridge):
    """By hand, in dpctl's syntax; what does not fit is refused."""
    ask = bridge.switch.ask
    flow = "in_port(1),eth(),eth_type(0x8847),mpls(label=5,tc=0,ttl=60,bos=1)"
    assert ask("dpctl/normalize-actions", flow, "copy_ttl_in,copy_ttl_out,2").splitlines()[-1].endswith(
        "copy_ttl_in,copy_ttl_out,2")


def test_labels_behind_a_pop(bridge):
    """A cached flow knows of the labels that a pop brings to light, and sets no label but its own packet's. (In the
    reference, another label's packet gets the label of the first.)"""
    bridge.flows("mpls,actions=dec_mpls_ttl,output:2")
    for label in (5, 6, 7):
        assert bridge.receive(relabelled(mpls([60], ip4(64)), label)) == one(relabelled(mpls([59], ip4(64)), label))
    bridge.flows("mpls,actions=pop_mpls:0x8847,resubmit(,1)", "table=1,mpls,mpls_label=6,actions=output:2",
                 "table=1,mpls,priority=1,actions=output:3")
    for label in (6, 7, 8):
        frame = Ether(type=0x8847, **ETH) / MPLS(label=5, ttl=9, s=0) / MPLS(label=label, ttl=8, s=1) / ip4(64)
        left = relabelled(mpls([8], ip4(64)), label)
        assert bridge.receive(frame) == {2 if label == 6 else 3: [bytes(left)]}
