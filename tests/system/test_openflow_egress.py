# SPDX-License-Identifier: Apache-2.0
"""Egress tables of OpenFlow 1.5: what leaves by dummy ports, what ofproto/trace says, what becomes of cached flows."""
import pytest
from scapy.all import Dot1Q, Ether, IP, UDP, rdpcap

from osken_peer import Peer

FIRST = 10


class Bridge:
    """br0 with ports 1 to 4, whose sent frames are kept."""

    def __init__(self, switch, directory):
        self.switch, self.directory = switch, directory
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure protocols=[]")
        for n in range(1, 5):
            switch.vsctl(f"add-port br0 p{n} -- set interface p{n} type=dummy ofport_request={n} "
                         f"options:tx_pcap={directory}/p{n}.pcap")
        self.peer = Peer(switch, 6)
        self.seen = {}

    def first_egress(self, table=FIRST):
        ofp, parser = self.peer.ofp, self.peer.parser
        flags = ofp.OFPTFF_INGRESS_TABLE | ofp.OFPTFF_EGRESS_TABLE
        current = [t.table_id for t in self.peer.records(parser.OFPTableFeaturesStatsRequest(self.peer.desc, 0, []))
                   if t.features & ofp.OFPTFF_FIRST_EGRESS]
        wanted = [(t, flags) for t in current if t != table] + ([(table, flags | ofp.OFPTFF_FIRST_EGRESS)] if table else [])
        body = [parser.OFPTableFeaturesStats(table_id=t, command=ofp.OFPTFC_MODIFY, features=f, name=b"",
                                             metadata_match=0, metadata_write=0, capabilities=0, max_entries=0,
                                             properties=[]) for t, f in wanted]
        return self.peer.error(parser.OFPTableFeaturesStatsRequest(self.peer.desc, 0, body))

    def ofctl(self, *argv, check=True):
        return self.switch.command("ovs-ofctl", "-O", "OpenFlow15", *argv, check=check)

    def flows(self, *flows):
        for flow in flows:
            self.ofctl("add-flow", "br0", flow)

    def refused(self, flow):
        text = self.ofctl("add-flow", "br0", flow, check=False)
        assert text.returncode
        return (text.stdout + text.stderr).splitlines()[0].split()[-1]

    def receive(self, port=1, frame=None):
        frame = frame or Ether(src="50:54:00:00:00:01", dst="50:54:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2") / UDP()
        self.switch.appctl("netdev-dummy/receive", f"p{port}", bytes(frame).hex())
        return self.sent()

    def sent(self):
        """{port: [frame, ...]} that left since the last time."""
        new = {}
        for n in range(1, 5):
            path = self.directory / f"p{n}.pcap"
            frames = list(rdpcap(str(path))) if path.exists() and path.stat().st_size > 24 else []
            if frames[self.seen.get(n, 0):]:
                new[n] = frames[self.seen.get(n, 0):]
            self.seen[n] = len(frames)
        return new

    def ports(self, port=1):
        return {n: len(frames) for n, frames in self.receive(port).items()}

    def trace(self, flow="in_port=1"):
        return self.switch.ask("ofproto/trace", "br0", flow)

    def counts(self, table):
        """n_packets of the table's rules, by priority."""
        records = self.peer.records(self.peer.parser.OFPFlowDescStatsRequest(self.peer.desc, table_id=table))
        return {r.priority: r.stats["packet_count"] for r in records}


@pytest.fixture
def bridge(simulation, tmp_path):
    b = Bridge(simulation, tmp_path)
    yield b
    b.peer.close()


def test_the_way_out(bridge):
    bridge.flows("table=0,in_port=1,actions=output:2,output:3", "table=0,in_port=2,actions=in_port,output:1",
                 "table=0,in_port=3,actions=normal", "table=0,in_port=4,actions=flood")
    assert bridge.ports() == {2: 1, 3: 1}  # without egress tables
    assert bridge.first_egress() is None
    # The cached flow goes with the change: what misses in an egress table is dropped.
    assert bridge.ports() == {}
    assert "what misses in an egress table is dropped" in bridge.trace()
    bridge.flows(f"table={FIRST},priority=0,actions=drop",  # no instructions: the action set sends it
                 f"table={FIRST},priority=5,actset_output=2,actions=set_field:aa:00:00:00:00:02->eth_dst,goto_table:11",
                 "table=11,priority=7,actions=push_vlan:0x8100,set_field:0x1005->vlan_vid")
    out = bridge.receive()
    assert sorted(out) == [2, 3]
    assert out[2][0][Ether].dst == "aa:00:00:00:00:02" and out[2][0][Dot1Q].vlan == 5
    assert out[3][0][Ether].dst == "50:54:00:00:00:02" and Dot1Q not in out[3][0]  # each copy by itself
    assert bridge.counts(FIRST) == {0: 1, 5: 1} and bridge.counts(11) == {7: 1}
    out = bridge.receive()  # by the cached flow
    assert out[2][0][Dot1Q].vlan == 5 and Dot1Q not in out[3][0]
    bridge.switch.appctl("revalidator/purge")
    assert bridge.counts(FIRST) == {0: 2, 5: 2} and bridge.counts(11) == {7: 2}
    # Back where it came from; by NORMAL; by flooding: each port by its own.
    assert bridge.ports(2) == {1: 1, 2: 1}
    assert bridge.ports(3) == {1: 1, 2: 1, 4: 1} and bridge.ports(4) == {1: 1, 2: 1, 3: 1}
    # A rule of an egress table changes cached flows.
    bridge.flows(f"table={FIRST},priority=9,actset_output=2,actions=clear_actions")
    assert bridge.ports() == {3: 1}
    bridge.ofctl("--strict", "del-flows", "br0", f"table={FIRST},priority=9,actset_output=2")
    assert bridge.ports() == {2: 1, 3: 1}
    assert bridge.first_egress(0) is None
    out = bridge.receive()
    assert sorted(out) == [2, 3] and Dot1Q not in out[2][0]


def test_metadata_goes_along_and_comes_back(bridge):
    bridge.first_egress()
    bridge.flows("table=0,in_port=1,actions=load:7->NXM_NX_REG0[],output:2,output:3",
                 f"table={FIRST},priority=5,reg0=7,actset_output=2,actions=load:8->NXM_NX_REG0[]",
                 f"table={FIRST},priority=5,reg0=7,in_port=1,actset_output=3,actions=drop")
    assert bridge.ports() == {2: 1, 3: 1}


def test_more_outputs(bridge):
    """Egress tables send by other ports, whose egress processing runs within; there are no loops."""
    bridge.first_egress()
    bridge.flows("table=0,in_port=1,actions=output:2",
                 f"table={FIRST},priority=5,actset_output=2,actions=output:3,output:1",
                 f"table={FIRST},priority=5,actset_output=3,actions=set_field:aa:00:00:00:00:03->eth_dst,output:2")
    out = bridge.receive()
    # Port 1 is where it came in. Port 2 is under way: sent by it at once, as the processing of 3 has it.
    assert {n: [f[Ether].dst for f in frames] for n, frames in out.items()} == {
        2: ["aa:00:00:00:00:03", "50:54:00:00:00:02"], 3: ["aa:00:00:00:00:03"]}
    text = bridge.trace()
    assert text.count("egress processing for port") == 2 and "skipping output to input port" in text


def test_what_is_refused(bridge):
    bridge.first_egress()
    assert bridge.refused(f"table=0,actions=goto_table:{FIRST}") == "OFPBIC_BAD_TABLE_ID"
    assert bridge.refused(f"table={FIRST},actions=write_actions(output:1)") == "OFPBAC_BAD_OUT_PORT"
    bridge.ofctl("add-group", "br0", "group_id=1,type=indirect,bucket=output:1")
    assert bridge.refused(f"table={FIRST},actions=write_actions(group:1)") == "OFPBAC_BAD_OUT_GROUP"
    bridge.flows("table=0,actions=goto_table:9", f"table={FIRST},actions=goto_table:20",
                 f"table={FIRST},priority=2,actions=group:1")
    # So is a division that the rules there do not fit.
    assert bridge.first_egress(9) == (13, 5) and bridge.first_egress(20) == (13, 5)
    assert bridge.first_egress(11) == (13, 5) and bridge.first_egress() is None
    # resubmit says only on its way where it leads.
    bridge.ofctl("del-flows", "br0")
    bridge.flows(f"table=0,in_port=1,actions=resubmit(,{FIRST}),output:2",
                 f"table={FIRST},actions=resubmit(,0),resubmit(,11)", "table=11,actions=set_field:aa:00:00:00:00:11->eth_dst")
    out = bridge.receive()
    assert [f[Ether].dst for f in out[2]] == ["aa:00:00:00:00:11"] and sorted(out) == [2]
    text = bridge.trace()
    assert "table 10 is an egress table, not entered before output" in text
    assert "table 0 is no egress table, not entered" in text


def test_packet_out_group_meter_truncation(bridge):
    bridge.first_egress()
    bridge.ofctl("add-group", "br0", "group_id=1,type=all,bucket=output:2,bucket=output:3")
    bridge.flows("table=0,in_port=1,actions=group:1", f"table={FIRST},ip,actset_output=2,actions=dec_ttl",
                 f"table={FIRST},actset_output=3,actions=drop")
    out = bridge.receive()
    assert out[2][0][IP].ttl == 63 and out[3][0][IP].ttl == 64
    frame = Ether() / IP(ttl=9) / UDP()
    bridge.ofctl("packet-out", "br0", f"in_port=controller packet={bytes(frame).hex()} actions=output:2,output:4")
    assert {n: [f[IP].ttl for f in frames] for n, frames in bridge.sent().items()} == {2: [8]}
    # A meter there is that copy's alone, which a clone is for.
    bridge.ofctl("add-meter", "br0", "meter=1,pktps,band=type=drop,rate=1")
    bridge.flows(f"table={FIRST},priority=40000,actset_output=2,actions=meter:1")
    assert "clone(meter(" in bridge.trace("in_port=1,ip")
    bridge.flows("table=0,in_port=4,actions=output(port=3,max_len=20)")
    out = bridge.receive(4)
    assert [len(f) for f in out[3]] == [20]


def test_patch_and_mirror(bridge):
    switch = bridge.switch
    switch.vsctl("add-br br1 -- set bridge br1 datapath_type=dummy fail_mode=secure "
                 "-- add-port br1 q1 -- set interface q1 type=patch options:peer=q0 "
                 "-- add-port br0 q0 -- set interface q0 type=patch options:peer=q1 ofport_request=9 "
                 "-- set interface q1 ofport_request=1")
    switch.vsctl("-- --id=@p get port p4 -- --id=@m create mirror name=m select_all=true output_port=@p "
                 "-- set bridge br0 mirrors=@m")
    bridge.first_egress()
    bridge.flows("table=0,in_port=1,actions=output:9", "table=0,in_port=9,actions=output:2",
                 f"table={FIRST},priority=5,actset_output=9,actions=set_field:aa:00:00:00:00:09->eth_dst",
                 f"table={FIRST},priority=5,actset_output=2,actions=push_vlan:0x8100,set_field:0x1002->vlan_vid",
                 f"table={FIRST},priority=5,actset_output=4,actions=set_field:aa:00:00:00:00:04->eth_dst")
    switch.command("ovs-ofctl", "add-flow", "br1", "in_port=1,actions=set_field:bb:00:00:00:00:01->eth_src,in_port")
    out = bridge.receive()
    assert out[2][0][Ether].dst == "aa:00:00:00:00:09" and out[2][0][Ether].src == "bb:00:00:00:00:01"
    assert out[2][0][Dot1Q].vlan == 2
    assert "aa:00:00:00:00:04" not in [f[Ether].dst for f in out[4]]  # a mirror shows what there is


def test_after_recirculation(bridge):
    """What goes on after the datapath's hash is still on its way out."""
    bridge.first_egress()
    bridge.ofctl("add-group", "br0", "group_id=2,type=select,bucket=weight:1,actions=set_field:aa:00:00:00:00:02->eth_dst,output:3")
    bridge.flows("table=0,in_port=1,actions=output:2", f"table={FIRST},priority=5,ip,actset_output=2,actions=group:2,dec_ttl",
                 f"table={FIRST},priority=5,actset_output=3,actions=drop")
    out = bridge.receive()
    assert [f[Ether].dst for f in out[3]] == ["aa:00:00:00:00:02"]
    assert [(f[Ether].dst, f[IP].ttl) for f in out[2]] == [("50:54:00:00:00:02", 63)]


def test_controller(bridge):
    """A copy for the controller says where it was: in which table, bound for which port."""
    peer = bridge.peer
    peer.send(peer.parser.OFPSetConfig(peer.desc, 0, 0xffff))
    peer.until_barrier()
    bridge.first_egress()
    bridge.flows("table=0,in_port=1,actions=output:2", f"table={FIRST},cookie=0x99,actions=controller")
    assert bridge.ports() == {2: 1}
    m = peer.parse(peer.session.of_type(10))
    assert (m.table_id, m.cookie, m.reason) == (FIRST, 0x99, peer.ofp.OFPR_APPLY_ACTION)
    assert m.match["in_port"] == 1 and m.match["actset_output"] == 2
