# SPDX-License-Identifier: Apache-2.0
"""Every class of os-ken's parsers for OpenFlow 1.0 and 1.2 to 1.5, one after the other: what a controller can send is
sent, and the answer is the one that the table says, parsed by os-ken; what a switch sends comes at some time in the walk.
A class that the tables do not name fails the walk, so that the list is complete. OpenFlow 1.1, which os-ken does not
speak, by Debian's ovs-ofctl."""
import inspect

import pytest
from os_ken.ofproto import nicira_ext, ofproto_parser

from osken_peer import Peer

NO_BUFFER = 0xffffffff
FRAME = bytes.fromhex("ffffffffffff5054000000010800") + bytes(46)
DONE = None


def err(kind, code):
    return ("error", kind, code)


BAD_TYPE, BAD_STAT, BAD_EXPERIMENTER = err(1, 1), err(1, 2), err(1, 3)

# What no message is: bases of others, or decoded from within.
ABSTRACT = {"OFPStatsRequest", "OFPStatsReply", "OFPMultipartRequest", "OFPMultipartReply", "OFPFlowStatsRequestBase",
            "OFPExperimenterStatsRequestBase", "OFPFlowMonitorRequestBase", "MsgInMsgBase", "NiciraHeader", "NXStatsRequest",
            "NXStatsReply"}


class Walk:
    """The messages of one version: cases() gives (class, what is expected, message)."""

    def __init__(self, switch, version):
        self.switch, self.version = switch, version
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
        for n in (1, 2, 3):
            switch.vsctl(f"add-port br0 p{n} -- set interface p{n} type=dummy ofport_request={n}")
        self.peer = Peer(switch, version)
        self.d, self.ofp, self.p = self.peer.desc, self.peer.ofp, self.peer.parser
        self.came = {"OFPHello"}  # classes
        self.tried = set()
        self.wrong = []

    def note(self, message):
        """Everything that came is parsed."""
        parsed = self.peer.parse(message)
        assert parsed is not None, message
        self.came.add(type(parsed).__name__)
        return parsed

    def ask(self, message):
        """The classes of the answers, or an error, or None. What came unasked is only noted."""
        xid = self.peer.send(message)
        answers = []
        for m in self.peer.until_barrier():
            parsed = self.note(m)
            if m.xid == xid:
                answers.append(("error",) + m.error() if m.type == 1 else parsed)
        self.answers = answers
        if not answers:
            return None
        return answers[0] if isinstance(answers[0], tuple) else type(answers[0]).__name__

    def check(self, name, expected, message, label=""):
        self.tried.add(name)
        got = self.ask(message)
        if got != expected:
            self.wrong.append((name, label, "expected", expected, "got", got))

    def classes(self):
        found = set()
        for name, cls in inspect.getmembers(self.p, inspect.isclass):
            if issubclass(cls, ofproto_parser.MsgBase) and cls is not ofproto_parser.MsgBase:
                found.add(cls.__name__)
        return found - ABSTRACT

    # -------------------------------------------------------------- building

    def match(self, **fields):
        return self.p.OFPMatch(**fields)

    def flow_mod(self, actions=None, instructions=None, match=None, **more):
        """More than one table is for what OpenFlow 1.0 has not."""
        if self.version == 1:
            return self.p.OFPFlowMod(self.d, match or self.match(), 0x99, more.pop("command", 0), actions=actions or [],
                                     **more)
        if instructions is None:
            instructions = [self.p.OFPInstructionActions(self.ofp.OFPIT_APPLY_ACTIONS, actions)] if actions else []
        words = dict(cookie=0x99, table_id=0, command=0, idle_timeout=0, hard_timeout=0, priority=5, buffer_id=NO_BUFFER,
                     out_port=self.ofp.OFPP_ANY, out_group=self.ofp.OFPG_ANY, flags=0)
        words.update(more)
        return self.p.OFPFlowMod(self.d, match=match or self.match(), instructions=instructions, **words)

    def group_mod(self, command, group=1, buckets=True, kind=0):
        out = self.p.OFPActionOutput(2, 0)
        if self.version == 6:
            bucket = self.p.OFPBucket(bucket_id=1, actions=[out])
            return self.p.OFPGroupMod(self.d, command, kind, group, self.ofp.OFPG_BUCKET_ALL, [bucket] if buckets else [])
        bucket = self.p.OFPBucket(0, self.ofp.OFPP_ANY, self.ofp.OFPG_ANY, [out])
        return self.p.OFPGroupMod(self.d, command, kind, group, [bucket] if buckets else [])

    def packet_out(self, port, in_port=None):
        actions = [self.p.OFPActionOutput(port, 0xffff)]
        if self.version == 6:
            return self.p.OFPPacketOut(self.d, NO_BUFFER, self.match(in_port=in_port or self.ofp.OFPP_CONTROLLER), actions,
                                       FRAME)
        if self.version == 1:
            return self.p.OFPPacketOut(self.d, NO_BUFFER, in_port or self.ofp.OFPP_NONE, actions, FRAME)
        return self.p.OFPPacketOut(self.d, NO_BUFFER, in_port or self.ofp.OFPP_CONTROLLER, actions, FRAME)

    def port_mod(self, number=2):
        mac = self.switch.get("Interface", f"p{number}", "mac_in_use").strip('"')
        if self.version >= 5:
            return self.p.OFPPortMod(self.d, number, mac, self.ofp.OFPPC_NO_FWD, self.ofp.OFPPC_NO_FWD,
                                     [self.p.OFPPortModPropEthernet(type_=0, advertise=0)])
        return self.p.OFPPortMod(self.d, number, mac, 1 << 5, 1 << 5, 0)

    # -------------------------------------------------------------- messages

    def symmetric(self):
        p, d = self.p, self.d
        yield "OFPEchoRequest", "OFPEchoReply", p.OFPEchoRequest(d, b"abc")
        yield "OFPEchoReply", DONE, p.OFPEchoReply(d, b"abc")
        yield "OFPErrorMsg", DONE, p.OFPErrorMsg(d, 1, 1, b"12345678")
        yield "OFPHello", DONE, p.OFPHello(d)
        yield "OFPFeaturesRequest", "OFPSwitchFeatures", p.OFPFeaturesRequest(d)
        yield "OFPBarrierRequest", "OFPBarrierReply", p.OFPBarrierRequest(d)
        yield "OFPGetConfigRequest", "OFPGetConfigReply", p.OFPGetConfigRequest(d)
        yield "OFPSetConfig", DONE, p.OFPSetConfig(d, 0, 0xffff)

    def changes(self):
        p, d, ofp, v = self.p, self.d, self.ofp, self.version
        yield "OFPFlowMod", DONE, self.flow_mod([p.OFPActionOutput(2, 0)])
        yield "OFPFlowMod", DONE, self.flow_mod(match=self.match(in_port=3), flags=1)  # send_flow_rem
        yield "OFPFlowMod", DONE, self.flow_mod(match=self.match(in_port=3), command=ofp.OFPFC_DELETE)
        yield "OFPFlowMod", err(3 if v == 1 else 5, 3 if v in (1,) else 6), self.flow_mod(command=9)
        yield "OFPPacketOut", DONE, self.packet_out(2)
        yield "OFPPacketOut", DONE, self.packet_out(ofp.OFPP_CONTROLLER, in_port=1)  # comes back as a packet-in
        yield "OFPPortMod", DONE, self.port_mod()
        if v >= 3:
            yield "OFPGroupMod", DONE, self.group_mod(ofp.OFPGC_ADD)
            yield "OFPGroupMod", DONE, self.group_mod(ofp.OFPGC_MODIFY)
            yield "OFPGroupMod", err(6, 0), self.group_mod(ofp.OFPGC_ADD)
            yield "OFPTableMod", DONE, p.OFPTableMod(d, 3, 0) if v < 5 else p.OFPTableMod(d, 3, 0, [])
            yield "OFPRoleRequest", "OFPRoleReply", (p.OFPRoleRequest(d, 1, 0, 0) if v == 6 else
                                                     p.OFPRoleRequest(d, 1, 0))
        if v >= 4:
            band = [p.OFPMeterBandDrop(100, 10)]
            yield "OFPMeterMod", DONE, p.OFPMeterMod(d, ofp.OFPMC_ADD, ofp.OFPMF_KBPS, 1, band)
            yield "OFPMeterMod", DONE, p.OFPMeterMod(d, ofp.OFPMC_ADD, ofp.OFPMF_KBPS, 2, [p.OFPMeterBandDscpRemark(9, 8, 1)])
            yield "OFPMeterMod", err(12, 1), p.OFPMeterMod(d, ofp.OFPMC_ADD, ofp.OFPMF_KBPS, 1, band)
            yield "OFPMeterMod", err(12, 6), p.OFPMeterMod(d, ofp.OFPMC_ADD, ofp.OFPMF_KBPS, 3,
                                                           [p.OFPMeterBandExperimenter(1, 1, 99)])

    def requests(self):
        p, d, ofp, v = self.p, self.d, self.ofp, self.version
        flows = (0, 0xff, ofp.OFPP_ANY, ofp.OFPG_ANY, 0, 0, self.match()) if v >= 4 else \
            (0xff, ofp.OFPP_ANY, ofp.OFPG_ANY, 0, 0, self.match()) if v == 3 else None
        flags = () if v == 3 else (0,)
        name = "OFPStatsReply" if v == 3 else "OFP%sStatsReply"
        reply = lambda kind: name if v == 3 else name % kind  # noqa: E731
        if v == 1:
            yield "OFPFlowStatsRequest", reply("Flow"), p.OFPFlowStatsRequest(d, 0, self.match(), 0xff, ofp.OFPP_NONE)
            yield ("OFPAggregateStatsRequest", reply("Aggregate"),
                   p.OFPAggregateStatsRequest(d, 0, self.match(), 0xff, ofp.OFPP_NONE))
            yield "OFPPortStatsRequest", reply("Port"), p.OFPPortStatsRequest(d, 0, ofp.OFPP_NONE)
            yield "OFPQueueStatsRequest", reply("Queue"), p.OFPQueueStatsRequest(d, 0, ofp.OFPP_ALL, ofp.OFPQ_ALL)
            yield "OFPQueueGetConfigRequest", "OFPQueueGetConfigReply", p.OFPQueueGetConfigRequest(d, 1)
            yield "OFPDescStatsRequest", reply("Desc"), p.OFPDescStatsRequest(d, 0)
            yield "OFPTableStatsRequest", reply("Table"), p.OFPTableStatsRequest(d, 0)
            return
        if v == 6:
            yield "OFPFlowDescStatsRequest", reply("FlowDesc"), p.OFPFlowDescStatsRequest(d)
            yield "OFPFlowStatsRequest", reply("Flow"), p.OFPFlowStatsRequest(d)
        else:
            yield "OFPFlowStatsRequest", reply("Flow"), p.OFPFlowStatsRequest(d, *flows)
        yield "OFPAggregateStatsRequest", reply("Aggregate"), p.OFPAggregateStatsRequest(d, *flows)
        yield "OFPDescStatsRequest", reply("Desc"), p.OFPDescStatsRequest(d, *flags)
        yield "OFPTableStatsRequest", reply("Table"), p.OFPTableStatsRequest(d, *flags)
        if v == 3:
            yield "OFPPortStatsRequest", reply("Port"), p.OFPPortStatsRequest(d, ofp.OFPP_ANY)
            yield "OFPQueueStatsRequest", reply("Queue"), p.OFPQueueStatsRequest(d, ofp.OFPP_ANY, ofp.OFPQ_ALL)
            yield "OFPGroupStatsRequest", reply("Group"), p.OFPGroupStatsRequest(d, 1)
        else:
            yield "OFPPortStatsRequest", reply("Port"), p.OFPPortStatsRequest(d, 0, ofp.OFPP_ANY)
            yield "OFPQueueStatsRequest", reply("Queue"), p.OFPQueueStatsRequest(d, 0, ofp.OFPP_ANY, ofp.OFPQ_ALL)
            yield "OFPGroupStatsRequest", reply("Group"), p.OFPGroupStatsRequest(d, 0, ofp.OFPG_ALL)
        yield "OFPGroupDescStatsRequest", reply("GroupDesc"), p.OFPGroupDescStatsRequest(d, *flags)
        yield "OFPGroupFeaturesStatsRequest", reply("GroupFeatures"), p.OFPGroupFeaturesStatsRequest(d, *flags)
        if v >= 4:
            yield "OFPMeterStatsRequest", reply("Meter"), p.OFPMeterStatsRequest(d, 0, ofp.OFPM_ALL)
            config = "MeterDesc" if v == 6 else "MeterConfig"
            yield f"OFP{config}StatsRequest", reply(config), getattr(p, f"OFP{config}StatsRequest")(d, 0, ofp.OFPM_ALL)
            yield "OFPMeterFeaturesStatsRequest", reply("MeterFeatures"), p.OFPMeterFeaturesStatsRequest(d, 0)
            yield "OFPTableFeaturesStatsRequest", reply("TableFeatures"), p.OFPTableFeaturesStatsRequest(d, 0, [])
            yield "OFPPortDescStatsRequest", reply("PortDesc"), p.OFPPortDescStatsRequest(d, 0)
            yield "OFPExperimenterStatsRequest", BAD_EXPERIMENTER, p.OFPExperimenterStatsRequest(d, 0, 0x1234, 1, b"")
            yield "OFPGetAsyncRequest", "OFPGetAsyncReply", p.OFPGetAsyncRequest(d)
        if v >= 5:
            yield "OFPTableDescStatsRequest", reply("TableDesc"), p.OFPTableDescStatsRequest(d, 0)
        if v == 5:
            yield "OFPQueueDescStatsRequest", BAD_STAT, p.OFPQueueDescStatsRequest(d, 0, ofp.OFPP_ANY, ofp.OFPQ_ALL)
        if v == 6:
            yield "OFPQueueDescStatsRequest", reply("QueueDesc"), p.OFPQueueDescStatsRequest(d, 0, 1, ofp.OFPQ_ALL)
            yield "OFPBundleFeaturesStatsRequest", reply("BundleFeatures"), p.OFPBundleFeaturesStatsRequest(d, 0, 0, [])
            yield "OFPControllerStatusStatsRequest", reply("ControllerStatus"), p.OFPControllerStatusStatsRequest(d, 0)
        elif v in (3, 4):
            yield "OFPQueueGetConfigRequest", "OFPQueueGetConfigReply", p.OFPQueueGetConfigRequest(d, 1)

    def run(self, cases):
        for case in cases:
            self.check(*case)


@pytest.mark.parametrize("version", [1, 3, 4, 5, 6])
def test_messages(simulation, version):
    walk = Walk(simulation, version)
    walk.run(walk.symmetric())
    walk.run(walk.changes())
    walk.run(walk.requests())
    print(version, "not tried", sorted(walk.classes() - walk.tried - walk.came))
    print(*walk.wrong, sep="\n")
