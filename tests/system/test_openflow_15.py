# SPDX-License-Identifier: Apache-2.0
"""What OpenFlow 1.5 alone has: statistics triggers, the status of controllers, FLOW_STATS. os-ken's messages, both ways."""
import struct

import pytest
from scapy.all import Ether, IP, UDP

from netns import build_dir, wait_for
from ofpeer import Controller, connect_unix
from osken_peer import MULTIPART_REPLY, Peer

CONTROLLER_STATUS = 35
FRAME = bytes(Ether(src="50:54:00:00:00:01", dst="50:54:00:00:00:02") / IP() / UDP() / bytes(60))


class Bridge:
    def __init__(self, switch, version=6):
        self.switch = switch
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure protocols=[]")
        for n in (1, 2):
            switch.vsctl(f"add-port br0 p{n} -- set interface p{n} type=dummy ofport_request={n}")
        switch.appctl("time/stop")
        self.peer = Peer(switch, version)
        self.d, self.ofp, self.p = self.peer.desc, self.peer.ofp, self.peer.parser
        assert self.peer.error(self.p.OFPSetConfig(self.d, 0, 0xffff)) is None  # asynchronous messages, too

    def add(self, instructions, priority=5, peer=None, **fields):
        peer = peer or self.peer
        return peer.error(self.p.OFPFlowMod(self.d, priority=priority, match=self.p.OFPMatch(**fields),
                                            instructions=instructions, buffer_id=0xffffffff, out_port=self.ofp.OFPP_ANY,
                                            out_group=self.ofp.OFPG_ANY))

    def trigger(self, flags=0, **thresholds):
        return self.p.OFPInstructionStatTrigger(flags, self.p.OFPStats(**thresholds))

    def receive(self, n=1, port=1):
        for _ in range(n):
            self.switch.appctl("netdev-dummy/receive", f"p{port}", FRAME.hex())

    def warp(self, ms):
        self.switch.appctl("time/warp", str(ms), "100")

    def told(self):
        """[(priority, reason, packets), ...] of the flow statistics that came unasked."""
        messages = self.peer.until_barrier() + self.peer.session.kept
        self.peer.session.kept = []
        return [(r.priority, r.reason, r.stats["packet_count"]) for m in messages if m.type == MULTIPART_REPLY
                for r in self.peer.parse(m).body]


@pytest.fixture
def bridge(simulation):
    b = Bridge(simulation)
    yield b
    b.peer.close()


def test_flow_stats(bridge):
    ofp, p, d = bridge.ofp, bridge.p, bridge.d
    bridge.add([], priority=7, in_port=1)
    bridge.add([], priority=8, in_port=2)
    bridge.receive(3)
    bridge.warp(2000)
    records = bridge.peer.records(p.OFPFlowStatsRequest(d, match=p.OFPMatch(in_port=1)))
    assert [(r.priority, r.table_id, r.reason, r.match["in_port"]) for r in records] == [(7, 0, 0, 1)]
    assert records[0].stats["packet_count"] == 3 and records[0].stats["byte_count"] == 3 * len(FRAME)
    assert len(bridge.peer.records(p.OFPFlowStatsRequest(d))) == 2
    assert bridge.peer.records(p.OFPFlowStatsRequest(d, out_port=9)) == []
    text = bridge.switch.command(build_dir() / "sluice", "ofctl", "ofp-print",
                                 bridge.peer.raw(p.OFPFlowStatsRequest(d))[0].raw.hex()).stdout
    assert "OFPST_FLOW_STATS reply (OF1.5)" in text and "n_packets=3" in text and "priority=7,in_port=1" in text
    assert bridge.peer.error(p.OFPFlowStatsRequest(d, out_group=5)) is None and ofp.OFPMP_FLOW_STATS == 17


def test_trigger_once_and_periodic(bridge):
    ofp = bridge.ofp
    assert bridge.add([bridge.trigger(packet_count=3)], priority=5, in_port=1) is None
    assert bridge.add([bridge.trigger(ofp.OFPSTF_PERIODIC, byte_count=2 * len(FRAME))], priority=6, in_port=2) is None
    bridge.receive(2)
    bridge.warp(2000)
    assert bridge.told() == []
    bridge.receive(1)
    bridge.warp(2000)
    assert bridge.told() == [(5, ofp.OFPFSR_STAT_TRIGGER, 3)]
    bridge.receive(9)
    bridge.warp(2000)
    assert bridge.told() == []  # once
    for n in (2, 4, 6):
        bridge.receive(2, port=2)
        bridge.warp(2000)
        assert bridge.told() == [(6, ofp.OFPFSR_STAT_TRIGGER, n)]


def test_trigger_only_first_and_times(bridge):
    ofp = bridge.ofp
    bridge.add([bridge.trigger(ofp.OFPSTF_ONLY_FIRST, packet_count=2, duration=(10, 0))], priority=5, in_port=1)
    bridge.add([bridge.trigger(packet_count=2, duration=(10, 0))], priority=6, in_port=2)
    bridge.add([bridge.trigger(ofp.OFPSTF_PERIODIC, duration=(4, 500000000))], priority=7, in_port=3)
    bridge.receive(2)
    bridge.receive(2, port=2)
    bridge.warp(2000)
    assert sorted(bridge.told()) == [(5, 1, 2), (6, 1, 2)]
    bridge.warp(10000)
    assert sorted(bridge.told()) == [(6, 1, 2), (7, 1, 0), (7, 1, 0)]
    # A rule that takes another's place begins anew, with its counters.
    assert bridge.add([bridge.trigger(packet_count=2)], priority=6, in_port=2) is None
    bridge.warp(2000)
    assert [t for t in bridge.told() if t[0] == 6] == []


def test_trigger_in_flows(bridge):
    """Shown as it is set; refused where it says nothing or what is not known; not there in earlier versions."""
    ofp, p, d = bridge.ofp, bridge.p, bridge.d
    bridge.add([bridge.trigger(3, packet_count=7, duration=(1, 500000000)), p.OFPInstructionGotoTable(3)], in_port=1)
    flow, = bridge.peer.records(p.OFPFlowDescStatsRequest(d))
    trigger = [i for i in flow.instructions if i.type == ofp.OFPIT_STAT_TRIGGER][0]
    assert (trigger.flags, trigger.thresholds["packet_count"], trigger.thresholds["duration"]) == (3, 7, (1, 500000000))
    assert [i.type for i in flow.instructions] == [ofp.OFPIT_STAT_TRIGGER, ofp.OFPIT_GOTO_TABLE]
    for wrong in (bridge.trigger(), bridge.trigger(4, packet_count=1), bridge.trigger(packet_count=0),
                  bridge.trigger(flow_count=3)):
        assert bridge.add([wrong], in_port=2) == (3, 1)  # BAD_INSTRUCTION, UNSUP_INST
    assert bridge.add([bridge.trigger(packet_count=1), bridge.trigger(packet_count=1)], in_port=2) == (3, 9)
    tool = (build_dir() / "sluice", "ofctl")
    text = "in_port=2 actions=stat_trigger(periodic,duration=2.500,packets=10,bytes=99),goto_table:1"
    bridge.switch.command(*tool, "-O", "OpenFlow15", "add-flow", "br0", text.replace(" actions", ",actions"))
    shown = bridge.switch.command(*tool, "-O", "OpenFlow15", "dump-flows", "--no-stats", "br0", "in_port=2").stdout
    assert text in shown
    assert "goto_table:1" in bridge.switch.command("ovs-ofctl", "-O", "OpenFlow14", "dump-flows", "br0", "in_port=2").stdout
    for wrong in ("stat_trigger(periodic)", "stat_trigger(packets=x)", "stat_trigger(cars=1)", "stat_trigger(idle=-1)",
                  "goto_table:1,stat_trigger(packets=1)"):
        assert bridge.switch.command(*tool, "-O", "OpenFlow15", "add-flow", "br0", f"actions={wrong}", check=False).returncode
    old = Peer(bridge.switch, 5)
    mod = bridge.peer.bytes_of(bridge.p.OFPFlowMod(d, match=p.OFPMatch(in_port=1), instructions=[bridge.trigger(packet_count=1)],
                                                   buffer_id=0xffffffff, out_port=ofp.OFPP_ANY, out_group=ofp.OFPG_ANY))
    old.session.sock.sendall(b"\x05" + mod[1:])
    assert [m.error() for m in old.until_barrier()] == [(3, 0)]  # UNKNOWN_INST
    old.close()


def test_trigger_is_wanted(bridge):
    """Who does not want them is not told; the configuration says so."""
    ofp, p, d = bridge.ofp, bridge.p, bridge.d
    kinds = {ofp.OFPACPT_FLOW_STATS_MASTER: 0}
    props = [p.OFPAsyncConfigPropReasons(type_=t, length=8, mask=m) for t, m in kinds.items()]
    assert bridge.peer.error(p.OFPSetAsync(d, props)) is None
    reply, = bridge.peer.ask(p.OFPGetAsyncRequest(d))
    assert struct.pack("!HHI", ofp.OFPACPT_FLOW_STATS_MASTER, 8, 0) in bytes(reply.buf)
    bridge.add([bridge.trigger(packet_count=1)], in_port=1)
    bridge.receive(1)
    bridge.warp(2000)
    assert bridge.told() == []
    bad = [p.OFPAsyncConfigPropReasons(type_=ofp.OFPACPT_FLOW_STATS_MASTER, length=8, mask=4)]
    assert bridge.peer.error(p.OFPSetAsync(d, bad)) == (15, 0)


# ------------------------------------------------------------------ controllers


@pytest.fixture
def controllers(simulation):
    one, two = Controller(simulation.dir, "one"), Controller(simulation.dir, "two")
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
    simulation.vsctl(f"set-controller br0 {one.target} {two.target}")
    yield simulation, one, two
    one.close()
    two.close()


def accept(controller):
    session = controller.accept()
    session.hello(6)
    return Peer(None, 6, session=HelloSaid(session))


class HelloSaid:
    """A session that has said hello."""

    def __init__(self, session):
        self.session = session

    def hello(self, version):
        pass

    def __getattr__(self, name):
        return getattr(self.session, name)

    def __setattr__(self, name, value):
        if name == "session":
            super().__setattr__(name, value)
        else:
            setattr(self.session, name, value)


def status(peer):
    """{target: (role, is up, short id)}"""
    records = peer.records(peer.parser.OFPControllerStatusStatsRequest(peer.desc, 0))
    return {"".join(q.uri.decode() for q in r.properties): (r.role, r.channel_status == peer.ofp.OFPCT_STATUS_UP, r.short_id)
            for r in records}


def test_controller_status(controllers):
    switch, one, two = controllers
    a = accept(one)
    ofp, p, d = a.ofp, a.parser, a.desc
    equal, primary, secondary = ofp.OFPCR_ROLE_EQUAL, ofp.OFPCR_ROLE_MASTER, ofp.OFPCR_ROLE_SLAVE
    assert status(a)[one.target] == (equal, True, 0)
    assert status(a)[two.target][1] is False
    b = accept(two)
    wait_for(lambda: status(a)[two.target] == (equal, True, 0), "the second to be up")
    wanted = [p.OFPAsyncConfigPropReasons(type_=ofp.OFPACPT_CONT_STATUS_MASTER, length=8, mask=0x7f),
              p.OFPAsyncConfigPropReasons(type_=ofp.OFPACPT_CONT_STATUS_SLAVE, length=8, mask=0x7f)]
    assert a.error(p.OFPSetAsync(d, wanted)) is None

    def told():
        s = a.parse(a.session.of_type(CONTROLLER_STATUS)).status
        uri = s.properties[0].uri.decode()
        return uri, s.reason, s.role, s.channel_status == ofp.OFPCT_STATUS_UP, s.short_id
    reply, = b.ask(b.parser.OFPRoleRequest(b.desc, primary, 7, 1))
    assert (reply.role, reply.short_id) == (primary, 7)
    assert told() == (two.target, ofp.OFPCSR_SHORT_ID, equal, True, 7)
    assert told() == (two.target, ofp.OFPCSR_ROLE, primary, True, 7)
    # An id is one's own.
    assert a.error(p.OFPRoleRequest(d, equal, 7, 1)) == (11, 4)
    assert status(a) == {one.target: (equal, True, 0), two.target: (primary, True, 7)}
    a.ask(p.OFPRoleRequest(d, primary, 0, 2))
    assert told() == (two.target, ofp.OFPCSR_ROLE, secondary, True, 7)
    assert told() == (one.target, ofp.OFPCSR_ROLE, primary, True, 0)
    two.stop()
    assert told()[:4] == (two.target, ofp.OFPCSR_CHANNEL_STATUS, secondary, False)
    switch.vsctl(f"set-controller br0 {one.target}")
    assert told()[:2] == (two.target, ofp.OFPCSR_CONTROLLER_REMOVED)
    nowhere = f"unix:{switch.dir}/nowhere"
    switch.vsctl(f"set-controller br0 {one.target} ptcp:0:127.0.0.1 {nowhere}")
    assert told()[:2] == (nowhere, ofp.OFPCSR_CONTROLLER_ADDED)
    # A client that came by a passive target is one, the management socket is not.
    assert sorted(status(a)) == sorted([one.target, nowhere])
    text = switch.command(build_dir() / "sluice", "ofctl", "ofp-print",
                          *[m.raw.hex() for m in a.raw(p.OFPControllerStatusStatsRequest(d, 0))]).stdout
    assert f"{one.target}: up role=primary" in text
    a.close()


def test_controller_status_is_asked_for(controllers):
    """Nobody who has not asked for it gets the message, which earlier versions and other programs do not know."""
    switch, one, two = controllers
    a = accept(one)
    b = accept(two)
    b.ask(b.parser.OFPRoleRequest(b.desc, b.ofp.OFPCR_ROLE_MASTER, 0, 1))
    a.session.nothing(CONTROLLER_STATUS)
    old = connect_unix(f"{switch.dir}/br0.mgmt")
    old.hello(5)
    assert old.ask(18, struct.pack("!HHI", 18, 0, 0)).error() == (1, 2)
    old.close()


def test_meter_features(bridge):
    """A controller gets them as OpenFlow 1.5 has them, which os-ken needs; who asks BRIDGE.mgmt as 1.3 has them, which
    ovs-ofctl needs."""
    controller = Controller(bridge.switch.dir, "meters")
    bridge.switch.vsctl(f"set-controller br0 {controller.target}")
    peer = Peer(bridge.switch, 6, session=controller.accept())
    [reply] = peer.ask(peer.parser.OFPMeterFeaturesStatsRequest(peer.desc, 0))
    [features] = reply.body
    assert features.max_meter == 262144 and features.max_bands == 8 and features.capabilities == 0xf
    for argv in (["ovs-ofctl"], [build_dir() / "sluice", "ofctl"]):
        said = [bridge.switch.command(*argv, "-O", version, "meter-features", "br0").stdout.split("\n", 1)[1]
                for version in ("OpenFlow13", "OpenFlow15")]
        assert said[0] == said[1] and said[0].startswith("max_meter:262144 max_bands:8")
    peer.close()
    controller.close()
