# SPDX-License-Identifier: Apache-2.0
"""Every class of os-ken's parsers for OpenFlow 1.0 and 1.2 to 1.5, one after the other: what a controller can send is
sent, and the answer is the one that the table says, parsed by os-ken; what a switch sends comes at some time in the walk.
A class that the tables do not name fails the walk, so that the list is complete. OpenFlow 1.1, which os-ken does not
speak, by Debian's ovs-ofctl."""
import inspect
import re
import subprocess

import pytest
from os_ken.ofproto import nicira_ext, ofproto_parser

from netns import build_dir, wait_for
from ofpeer import Message
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
        inner = getattr(parsed, "data", None)  # of OFPVendor, OFPExperimenter
        if isinstance(inner, ofproto_parser.MsgBase) or type(inner).__name__ == "NiciraHeader":
            self.came.add(type(inner).__name__)
            return inner
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
        yield "OFPHello", ("error", 1, 1), p.OFPHello(d)  # one is enough: bad type, as the reference answers
        yield "OFPFeaturesRequest", "OFPSwitchFeatures", p.OFPFeaturesRequest(d)
        yield "OFPBarrierRequest", "OFPBarrierReply", p.OFPBarrierRequest(d)
        yield "OFPGetConfigRequest", "OFPGetConfigReply", p.OFPGetConfigRequest(d)
        yield "OFPSetConfig", DONE, p.OFPSetConfig(d, 0, 0xffff)

    def changes(self):
        p, d, ofp, v = self.p, self.d, self.ofp, self.version
        yield "OFPFlowMod", DONE, self.flow_mod([p.OFPActionOutput(2, 0)])
        yield "OFPFlowMod", DONE, self.flow_mod(match=self.match(in_port=3), flags=1)  # send_flow_rem
        yield "OFPFlowMod", DONE, self.flow_mod(match=self.match(in_port=3), command=ofp.OFPFC_DELETE)  # flow-removed
        yield "OFPFlowMod", err(3, 4) if v == 1 else err(5, 6), self.flow_mod(command=9)
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
            yield "OFPMeterMod", err(12, 8), p.OFPMeterMod(d, ofp.OFPMC_ADD, ofp.OFPMF_KBPS, 3,
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
            if v < 6:
                yield "OFPMeterFeaturesStatsRequest", reply("MeterFeatures"), p.OFPMeterFeaturesStatsRequest(d, 0)
            yield "OFPTableFeaturesStatsRequest", reply("TableFeatures"), p.OFPTableFeaturesStatsRequest(d, 0, [])
            yield "OFPPortDescStatsRequest", reply("PortDesc"), p.OFPPortDescStatsRequest(d, 0)
            yield "OFPExperimenterStatsRequest", BAD_EXPERIMENTER, p.OFPExperimenterStatsRequest(d, 0, 0x1234, 1, b"")
            yield "OFPGetAsyncRequest", "OFPGetAsyncReply", p.OFPGetAsyncRequest(d)
        if v >= 5:
            yield "OFPTableDescStatsRequest", reply("TableDesc"), p.OFPTableDescStatsRequest(d, 0)
            yield "OFPQueueDescStatsRequest", reply("QueueDesc"), p.OFPQueueDescStatsRequest(d, 0, 1, ofp.OFPQ_ALL)
        if v == 6:
            yield "OFPBundleFeaturesStatsRequest", reply("BundleFeatures"), p.OFPBundleFeaturesStatsRequest(d, 0, 0, [])
            yield "OFPControllerStatusStatsRequest", reply("ControllerStatus"), p.OFPControllerStatusStatsRequest(d, 0)
        elif v in (3, 4):
            yield "OFPQueueGetConfigRequest", "OFPQueueGetConfigReply", p.OFPQueueGetConfigRequest(d, 1)

    # -------------------------------------------------------------- what has more than one step

    def monitors(self):
        """Flow monitors: ONF's in 1.3, the standard's since 1.4."""
        p, d, ofp, v = self.p, self.d, self.ofp, self.version
        if v == 4:
            flags = ofp.ONFFMF_INITIAL | ofp.ONFFMF_ADD | ofp.ONFFMF_DELETE | ofp.ONFFMF_MODIFY | ofp.ONFFMF_ACTIONS | \
                ofp.ONFFMF_OWN
            body = [p.ONFFlowMonitorRequest(11, flags, match=self.match(in_port=2))]
            yield "ONFFlowMonitorStatsRequest", "OFPExperimenterStatsReply", p.ONFFlowMonitorStatsRequest(d, 0, body)
            yield ("ONFFlowMonitorStatsRequest", ("error", 0xffff, 6),
                   p.ONFFlowMonitorStatsRequest(d, 0, body))  # there is one already
        if v >= 5:
            flags = ofp.OFPFMF_INITIAL | ofp.OFPFMF_ADD | ofp.OFPFMF_REMOVED | ofp.OFPFMF_MODIFY | \
                ofp.OFPFMF_INSTRUCTIONS | ofp.OFPFMF_NO_ABBREV
            ask = lambda number, command, flags=flags: p.OFPFlowMonitorRequest(  # noqa: E731
                d, 0, number, ofp.OFPP_ANY, ofp.OFPG_ANY, flags, ofp.OFPTT_ALL, command, self.match())
            yield "OFPFlowMonitorRequest", "OFPFlowMonitorReply", ask(11, ofp.OFPFMC_ADD)
            yield "OFPFlowMonitorRequest", err(16, 1), ask(11, ofp.OFPFMC_ADD)  # there is one already
            yield "OFPFlowMonitorRequest", err(16, 5), ask(12, ofp.OFPFMC_ADD, 0x1000)
            yield "OFPFlowMonitorRequest", err(16, 3), ask(12, ofp.OFPFMC_DELETE)
            yield "OFPFlowMonitorRequest", "OFPFlowMonitorReply", ask(11, ofp.OFPFMC_MODIFY)
            yield "OFPFlowMonitorRequest", "OFPFlowMonitorReply", ask(11, ofp.OFPFMC_DELETE)

    def bundles(self):
        p, d, ofp, v = self.p, self.d, self.ofp, self.version
        if v == 4:
            flags = ofp.ONF_BF_ATOMIC | ofp.ONF_BF_ORDERED
            control = lambda kind: p.ONFBundleCtrlMsg(d, 5, kind, flags, [])  # noqa: E731
            names = ("ONFBundleCtrlMsg", "ONFBundleCtrlMsg")
            add = p.ONFBundleAddMsg(d, 5, flags, self.inner(), [])
            opening, closing, commit, bad = ofp.ONF_BCT_OPEN_REQUEST, ofp.ONF_BCT_CLOSE_REQUEST, ofp.ONF_BCT_COMMIT_REQUEST, \
                ("error", 0xffff, 2302)
        elif v >= 5:
            flags = ofp.OFPBF_ATOMIC | ofp.OFPBF_ORDERED
            control = lambda kind: p.OFPBundleCtrlMsg(d, 5, kind, flags, [])  # noqa: E731
            names = ("OFPBundleCtrlMsg", "OFPBundleCtrlMsg")
            add = p.OFPBundleAddMsg(d, 5, flags, self.inner(), [])
            opening, closing, commit, bad = ofp.OFPBCT_OPEN_REQUEST, ofp.OFPBCT_CLOSE_REQUEST, ofp.OFPBCT_COMMIT_REQUEST, \
                err(17, 2)
        else:
            return
        yield names + (control(opening),)
        yield names[0].replace("Ctrl", "Add"), DONE, add
        yield names + (control(closing),)
        yield names + (control(commit),)
        yield names[0], bad, control(commit)  # it is gone

    def inner(self):
        """A message for a bundle, which gives it its xid."""
        return self.flow_mod([self.p.OFPActionOutput(3, 0)], match=self.match(in_port=2))

    def asynchronous(self):
        """Asks for what comes unasked."""
        p, d, ofp, v = self.p, self.d, self.ofp, self.version
        if v == 4:
            yield "OFPSetAsync", DONE, p.OFPSetAsync(d, [0xff, 0xff], [7, 7], [15, 15])
        elif v >= 5:
            reasons = p.OFPAsyncConfigPropReasons
            masks = {ofp.OFPACPT_TABLE_STATUS_MASTER: 0x18, ofp.OFPACPT_ROLE_STATUS_MASTER: 7,
                     ofp.OFPACPT_ROLE_STATUS_SLAVE: 7, ofp.OFPACPT_REQUESTFORWARD_MASTER: 3,
                     ofp.OFPACPT_REQUESTFORWARD_SLAVE: 3}
            if v == 6:
                masks.update({ofp.OFPACPT_CONT_STATUS_MASTER: 0x7f, ofp.OFPACPT_CONT_STATUS_SLAVE: 0x7f})
            yield "OFPSetAsync", DONE, p.OFPSetAsync(d, [reasons(type_=t, length=8, mask=m) for t, m in masks.items()])
            # A table that fills up.
            eviction = p.OFPTableModPropEviction(type_=ofp.OFPTMPT_EVICTION, length=8, flags=7)
            vacancy = p.OFPTableModPropVacancy(type_=ofp.OFPTMPT_VACANCY, length=8, vacancy_down=60, vacancy_up=70, vacancy=0)
            yield "OFPTableMod", DONE, p.OFPTableMod(d, 3, ofp.OFPTC_VACANCY_EVENTS, [vacancy])
            yield "OFPTableMod", DONE, p.OFPTableMod(d, 4, ofp.OFPTC_EVICTION, [eviction])

    def nicira(self):
        """What os-ken knows of Nicira's messages."""
        p, d, v = self.p, self.d, self.version
        if v == 1:
            yield "NXTFlowModTableId", DONE, p.NXTFlowModTableId(d, 1)
            yield "NXTFlowModTableId", DONE, p.NXTFlowModTableId(d, 0)
            yield "NXTSetFlowFormat", DONE, p.NXTSetFlowFormat(d, 2)
            yield "NXTSetFlowFormat", err(1, 5), p.NXTSetFlowFormat(d, 9)
            yield "NXTSetPacketInFormat", DONE, p.NXTSetPacketInFormat(d, 1)
            yield "NXTSetControllerId", DONE, p.NXTSetControllerId(d, 0)
            yield "NXTFlowAge", DONE, p.NXTFlowAge(d)
            yield "NXTRoleRequest", "NXTRoleReply", p.NXTRoleRequest(d, 1)
            yield "NXTRoleRequest", "NXTRoleReply", p.NXTRoleRequest(d, 0)
            yield "NXTSetAsyncConfig", DONE, p.NXTSetAsyncConfig(d, [0x3f, 0x3f], [7, 7], [15, 15])
            rule = nx_match(in_port=3)
            yield "NXTFlowMod", DONE, p.NXTFlowMod(d, 0x99, 0, flags=1, rule=rule, actions=[p.OFPActionOutput(2)])
            yield "NXFlowStatsRequest", "NXFlowStatsReply", p.NXFlowStatsRequest(d, 0, self.ofp.OFPP_NONE, 0xff, nx_match())
            yield ("NXAggregateStatsRequest", "NXAggregateStatsReply",
                   p.NXAggregateStatsRequest(d, 0, self.ofp.OFPP_NONE, 0xff, nx_match()))
            yield "OFPPacketOut", DONE, self.packet_out(self.ofp.OFPP_CONTROLLER, in_port=1)  # now a packet-in of Nicira's
            yield "NXTFlowMod", DONE, p.NXTFlowMod(d, 0x99, 3, rule=rule)
            yield "OFPVendor", err(1, 6), vendor(p.OFPVendor(d), 0x1234)  # which has not even a subtype, as in the reference
            yield "OFPVendorStatsRequest", err(1, 3), p.OFPVendorStatsRequest(d, 0, 0x1234, b"")
        elif v >= 3:
            yield "OFPExperimenter", BAD_EXPERIMENTER, p.OFPExperimenter(d, 0x1234, 1, b"")
        if v >= 4:
            yield "NXTSetPacketInFormatMsg", DONE, p.NXTSetPacketInFormatMsg(d, 2)
            yield "OFPPacketOut", DONE, self.packet_out(self.ofp.OFPP_CONTROLLER, in_port=1)  # now one of Nicira's

    def run(self, cases):
        for case in cases:
            self.check(*case)


def nx_match(**fields):
    """A match of Nicira's."""
    from os_ken.ofproto import nx_match as module
    rule = module.ClsRule()
    for name, value in fields.items():
        getattr(rule, f"set_{name}")(value)
    return rule


def vendor(message, number):
    message.vendor, message.data = number, b""
    return message


def others(walk):
    """What happens because of another controller, and in the switch: it is told to the first."""
    v, switch = walk.version, walk.switch
    other = Walk.__new__(Walk)
    other.switch, other.version, other.peer = switch, v, Peer(switch, v)
    other.d, other.ofp, other.p = other.peer.desc, other.peer.ofp, other.peer.parser
    other.came, other.tried, other.wrong = set(), set(), []
    ofp, p, d = other.ofp, other.p, other.d
    if v >= 4:
        walk.ask(p.OFPRoleRequest(walk.d, ofp.OFPCR_ROLE_MASTER, 0, 1) if v == 6 else
                 p.OFPRoleRequest(walk.d, ofp.OFPCR_ROLE_MASTER, 1))
        other.ask(other.group_mod(ofp.OFPGC_ADD, 77))
        other.ask(p.OFPRoleRequest(d, ofp.OFPCR_ROLE_MASTER, 0, 2) if v == 6 else p.OFPRoleRequest(d, ofp.OFPCR_ROLE_MASTER, 2))
        other.ask(p.OFPRoleRequest(d, ofp.OFPCR_ROLE_EQUAL, 0, 2) if v == 6 else p.OFPRoleRequest(d, ofp.OFPCR_ROLE_EQUAL, 2))
        walk.ask(p.OFPRoleRequest(walk.d, ofp.OFPCR_ROLE_EQUAL, 0, 2) if v == 6 else
                 p.OFPRoleRequest(walk.d, ofp.OFPCR_ROLE_EQUAL, 2))
    if v >= 5:
        switch.vsctl("-- --id=@t create Flow_Table flow_limit=4 -- set bridge br0 flow_tables:3=@t")
        for n in (1, 2, 3):
            other.ask(other.flow_mod(match=other.match(in_port=n), table_id=3))
    switch.vsctl("add-port br0 p9 -- set interface p9 type=dummy")
    other.peer.close()
    walk.ask(walk.p.OFPEchoRequest(walk.d, b""))


# What comes only to a session of a Controller row (test_openflow_15.py), or never from a switch.
ELSEWHERE = {6: {"OFPControllerStatus", "OFPControllerStatusStatsReply",
                 "OFPMeterFeaturesStatsRequest", "OFPMeterFeaturesStatsReply"}}
# A switch does not send them: their kind is unknown to both, or not used.
NEVER = {1: {"OFPVendorStatsReply"}, 4: {"OFPExperimenterStatsReply"}, 5: {"OFPExperimenterStatsReply"},
         6: {"OFPExperimenterStatsReply"}}


@pytest.mark.parametrize("version", [1, 3, 4, 5, 6])
def test_messages(simulation, version):
    walk = Walk(simulation, version)
    for cases in (walk.symmetric, walk.changes, walk.asynchronous, walk.requests, walk.monitors, walk.bundles):
        walk.run(cases())
    others(walk)
    walk.run(walk.nicira())
    assert not walk.wrong, "\n".join(map(str, walk.wrong))

    def all_came():
        walk.ask(walk.p.OFPEchoRequest(walk.d, b""))  # what comes unasked may be late
        return not missing()
    missing = lambda: (  # noqa: E731
        walk.classes() - walk.tried - walk.came - ELSEWHERE.get(version, set()) - NEVER.get(version, set()))
    try:
        wait_for(all_came, "all classes", 5)
    finally:
        assert not missing(), sorted(missing())
    check_codec(walk.peer)


# ------------------------------------------------------------------ the codec alone: bytes, memory, bytes

# What comes back in another form: fields that say nothing, which the codec fills in its own way (wildcards of 1.0, cookies
# of deletions, a generation that does not count, what is advertised by none, the criteria of a monitor that goes).
IN_ITS_FORM = {"OFPFlowMod", "OFPRoleRequest", "OFPPortMod", "OFPFlowStatsRequest", "OFPAggregateStatsRequest", "NXFlowMod",
               "NXFlowStatsRequest", "NXAggregateStatsRequest", "OFPFlowMonitorRequest", "ONFFlowMonitorStatsRequest",
               "OFPPacketOut", "OFPMeterMod", "OFPGroupMod", "OFPTableMod", "OFPFlowMonitorStatsRequest"}
# What it refuses: in the table of cases, they are answered with an error.
REFUSED = {"OFPFlowMod", "OFPMeterMod", "OFPGroupMod", "OFPVendor", "OFPExperimenter", "OFPVendorStatsRequest",
           "OFPExperimenterStatsRequest", "OFPFlowMonitorStatsRequest", "OFPFlowMonitorRequest", "OFPPacketOut", "OFPSetAsync"}
# What the switch reads or writes alone.
ONE_WAY = {"OFPHello", "OFPErrorMsg", "OFPEchoRequest", "OFPEchoReply", "OFPSwitchFeatures", "OFPAggregateStatsReply",
           "OFPDescStatsReply", "OFPStatsReply", "OFPQueueGetConfigRequest", "OFPQueueGetConfigReply", "OFPSetAsync",
           "OFPGetAsyncReply", "OFPBundleAddMsg", "OFPBundleFeaturesStatsRequest", "OFPBundleFeaturesStatsReply",
           "OFPTableFeaturesStatsRequest", "OFPTableFeaturesStatsReply", "OFPPortDescStatsRequest", "OFPFlowStatsReply",
           "OFPFlowStatsRequest", "OFPQueueDescStatsRequest", "OFPQueueDescStatsReply", "OFPRoleStatus", "OFPVendor",
           "OFPExperimenter", "NXTSetFlowFormat", "NXTFlowModTableId", "NXTSetPacketInFormat", "NXTFlowAge",
           "NXTSetControllerId", "NXTSetAsyncConfig", "NXTSetPacketInFormatMsg", "ONFBundleAddMsg", "NXTRoleRequest", "NXAggregateStatsReply", "NXAggregateStatsRequest"}


def check_codec(peer):
    """Each message of the walk comes back from our codec byte by byte, or is in a table above, and then comes back the
    same from there on."""
    messages = list(dict.fromkeys(peer.recorded))
    program = str(build_dir() / "tests" / "openflow" / "openflow_recode")

    def recode(raws):
        said = subprocess.run([program], input="".join(r.hex() + "\n" for r in raws), capture_output=True, text=True, check=True)
        assert len(said.stdout.splitlines()) == len(raws)
        return said.stdout.splitlines()

    wrong, changed, same = [], [], set()
    for (name, raw), line in zip(messages, recode([raw for _, raw in messages])):
        if name is None:
            parsed = peer.parse(Message(raw))
            name = type(parsed).__name__
        if line == "same":
            same.add(name)
        elif line.startswith("error"):
            wrong += [(name, line, raw.hex())] if name not in REFUSED else []
        elif line.startswith("no"):
            wrong += [(name, line)] if name not in ONE_WAY else []
        else:
            wrong += [(name, raw.hex(), line)] if name not in IN_ITS_FORM else []
            changed.append(bytes.fromhex(line))
    assert not wrong, "\n".join(map(str, wrong[:30]))
    assert all(line == "same" for line in recode(changed))
    assert len(same) > 15, same


# ------------------------------------------------------------------ actions, instructions


def actions(p, ofp, v):
    """(class, action)"""
    nx = nicira_ext
    if v == 1:
        yield "OFPActionOutput", p.OFPActionOutput(2, 0)
        yield "OFPActionVlanVid", p.OFPActionVlanVid(5)
        yield "OFPActionVlanPcp", p.OFPActionVlanPcp(3)
        yield "OFPActionStripVlan", p.OFPActionStripVlan()
        yield "OFPActionSetDlSrc", p.OFPActionSetDlSrc("00:11:22:33:44:55")
        yield "OFPActionSetDlDst", p.OFPActionSetDlDst("00:11:22:33:44:55")
        yield "OFPActionSetNwSrc", p.OFPActionSetNwSrc("1.2.3.4")
        yield "OFPActionSetNwDst", p.OFPActionSetNwDst("1.2.3.4")
        yield "OFPActionSetNwTos", p.OFPActionSetNwTos(32)
        yield "OFPActionSetTpSrc", p.OFPActionSetTpSrc(80)
        yield "OFPActionSetTpDst", p.OFPActionSetTpDst(80)
        yield "OFPActionEnqueue", p.OFPActionEnqueue(2, 1)
        yield "OFPActionOutput", p.OFPActionOutput(0xff01, 0)
    else:
        yield "OFPActionOutput", p.OFPActionOutput(2, 0)
        yield "OFPActionOutput", p.OFPActionOutput(0xffffff01, 0)
        yield "OFPActionGroup", p.OFPActionGroup(1)
        yield "OFPActionGroup", p.OFPActionGroup(99)
        yield "OFPActionSetQueue", p.OFPActionSetQueue(1)
        yield "OFPActionCopyTtlOut", p.OFPActionCopyTtlOut()
        yield "OFPActionCopyTtlIn", p.OFPActionCopyTtlIn()
        yield "OFPActionSetMplsTtl", p.OFPActionSetMplsTtl(7)
        yield "OFPActionDecMplsTtl", p.OFPActionDecMplsTtl()
        yield "OFPActionPushVlan", p.OFPActionPushVlan(0x8100)
        yield "OFPActionPushVlan", p.OFPActionPushVlan(0x1234)
        yield "OFPActionPopVlan", p.OFPActionPopVlan()
        yield "OFPActionPushMpls", p.OFPActionPushMpls(0x8847)
        yield "OFPActionPopMpls", p.OFPActionPopMpls(0x800)
        yield "OFPActionSetNwTtl", p.OFPActionSetNwTtl(9)
        yield "OFPActionDecNwTtl", p.OFPActionDecNwTtl()
        yield "OFPActionSetField", p.OFPActionSetField(eth_dst="00:11:22:33:44:55")
        yield "OFPActionExperimenter", p.OFPActionExperimenterUnknown(0x1234, b"\0" * 8) if hasattr(
            p, "OFPActionExperimenterUnknown") else p.OFPActionExperimenter(0x1234)
    if v >= 4:
        yield "OFPActionPushPbb", p.OFPActionPushPbb(0x88e7)
        yield "OFPActionPopPbb", p.OFPActionPopPbb()
    if v == 6:
        yield "OFPActionSetField", p.OFPActionSetField(ipv4_src=("10.0.0.0", "255.0.0.0"))
        yield "OFPActionCopyField", p.OFPActionCopyField(
            32, 0, 0, [p.OFPOxmId("ipv4_src", hasmask=False), p.OFPOxmId("ipv4_dst", hasmask=False)])
        yield "OFPActionMeter", p.OFPActionMeter(1)
        yield "OFPActionMeter", p.OFPActionMeter(99)
    if v in (1, 4, 5, 6):
        yield from nicira_actions(p, nx)


def nicira_actions(p, nx):
    yield "NXActionPopQueue", p.NXActionPopQueue()
    yield "NXActionRegLoad", p.NXActionRegLoad(ofs_nbits=nx.ofs_nbits(4, 31), dst="reg0", value=3)
    yield "NXActionRegLoad2", p.NXActionRegLoad2(dst="reg1", value=3)
    yield "NXActionNote", p.NXActionNote(note=[1, 2, 3, 4, 5, 6])
    yield "NXActionSetTunnel", p.NXActionSetTunnel(tun_id=0xa)
    yield "NXActionSetTunnel64", p.NXActionSetTunnel64(tun_id=0x1234567890)
    yield "NXActionRegMove", p.NXActionRegMove(src_field="reg0", dst_field="reg2", n_bits=16)
    yield "NXActionResubmit", p.NXActionResubmit(in_port=2)
    yield "NXActionResubmitTable", p.NXActionResubmitTable(in_port=2, table_id=5)
    yield "NXActionOutputReg", p.NXActionOutputReg(ofs_nbits=nx.ofs_nbits(4, 19), src="reg0", max_len=1024)
    yield "NXActionOutputReg2", p.NXActionOutputReg2(ofs_nbits=nx.ofs_nbits(4, 19), src="reg0", max_len=1024)
    yield "NXActionOutputTrunc", p.NXActionOutputTrunc(2, 100)
    yield "NXActionLearn", p.NXActionLearn(
        table_id=9, specs=[p.NXFlowSpecMatch(src=0x800, dst=("eth_type_nxm", 0), n_bits=16),
                           p.NXFlowSpecLoad(src=("reg0", 0), dst=("reg1", 0), n_bits=16),
                           p.NXFlowSpecOutput(src=("reg0", 0), dst="", n_bits=16)])
    yield "NXActionExit", p.NXActionExit()
    yield "NXActionController", p.NXActionController(1024, 0, 0)
    yield "NXActionController2", p.NXActionController2(max_len=1024, controller_id=1, reason=1)
    yield "NXActionDecTtl", p.NXActionDecTtl()
    yield "NXActionDecTtlCntIds", p.NXActionDecTtlCntIds([1, 2])
    yield "NXActionPushMpls", p.NXActionPushMpls(0x8847)
    yield "NXActionPopMpls", p.NXActionPopMpls(0x800)
    yield "NXActionSetMplsTtl", p.NXActionSetMplsTtl(7)
    yield "NXActionDecMplsTtl", p.NXActionDecMplsTtl()
    yield "NXActionSetMplsLabel", p.NXActionSetMplsLabel(label=0x10)
    yield "NXActionSetMplsTc", p.NXActionSetMplsTc(3)
    yield "NXActionStackPush", p.NXActionStackPush(field="reg2", start=0, end=5)
    yield "NXActionStackPop", p.NXActionStackPop(field="reg2", start=0, end=5)
    yield "NXActionSample", p.NXActionSample(probability=3, collector_set_id=1, obs_domain_id=2, obs_point_id=3)
    yield "NXActionSample2", p.NXActionSample2(probability=3, collector_set_id=1, obs_domain_id=2, obs_point_id=3,
                                               sampling_port=2)
    yield "NXActionFinTimeout", p.NXActionFinTimeout(30, 60)
    yield "NXActionConjunction", p.NXActionConjunction(0, 2, 5)
    yield "NXActionMultipath", p.NXActionMultipath(
        fields=nx.NX_HASH_FIELDS_SYMMETRIC_L4, basis=1024, algorithm=nx.NX_MP_ALG_HRW, max_link=5, arg=0,
        ofs_nbits=nx.ofs_nbits(4, 31), dst="reg2")
    yield "NXActionBundle", p.NXActionBundle(algorithm=nx.NX_BD_ALG_ACTIVE_BACKUP, fields=0, basis=0,
                                             slave_type=nx.NXM_OF_IN_PORT, n_slaves=2, ofs_nbits=0, dst=0, slaves=[1, 2])
    yield "NXActionBundleLoad", p.NXActionBundleLoad(
        algorithm=nx.NX_BD_ALG_HRW, fields=0, basis=0, slave_type=nx.NXM_OF_IN_PORT, n_slaves=2,
        ofs_nbits=nx.ofs_nbits(4, 31), dst="reg0", slaves=[1, 2])
    yield "NXActionCT", p.NXActionCT(flags=1, zone_src="", zone_ofs_nbits=4, recirc_table=4, alg=0, actions=[
        p.NXActionNAT(flags=1, range_ipv4_min="10.1.12.0", range_ipv4_max="10.1.13.255", range_proto_min=1,
                      range_proto_max=1023)])
    yield "NXActionNAT", p.NXActionNAT(flags=1)  # not outside of ct
    yield "NXActionCTClear", p.NXActionCTClear()
    yield "NXActionDecNshTtl", p.NXActionDecNshTtl()
    yield "NXActionEncapEther", p.NXActionEncapEther()
    yield "NXActionSetQueue", p.NXActionSetQueue(1)


# In what form ours comes back, where the reference keeps the one that it came in.
SHORTER = {"NXActionRegLoad2": [["OFPActionSetField"], ["NXActionRegLoad"]], "NXActionOutputReg2": [["NXActionOutputReg"]],
           "NXActionController2": [["NXActionController"]]}
# What the reference does not know.
OURS = {"OFPActionCopyTtlOut", "OFPActionCopyTtlIn"}
# Bases, parts of others, or what is made for what os-ken does not know.
NO_ACTION = {"NXActionEncapNsh",  # which os-ken cannot build
             "NXAction", "NXActionHeader", "NXActionUnknown", "OFPAction", "OFPActionHeader", "OFPActionId", "OFPInstructionActions",
             "OFPActionDlAddr", "OFPActionNwAddr", "OFPActionTpPort", "OFPActionVendor", "OFPActionVendorUnknown",
             "OFPActionExperimenterUnknown", "OFPTableFeaturePropActions"}
MPLS = {"OFPActionSetMplsTtl", "OFPActionDecMplsTtl", "NXActionSetMplsTtl", "NXActionDecMplsTtl", "NXActionSetMplsLabel",
        "NXActionSetMplsTc", "OFPActionPopMpls", "NXActionPopMpls"}


def fitting(walk, name):
    """A match that has what the action needs."""
    v = walk.version
    if v == 1:
        if name in ("OFPActionSetTpSrc", "OFPActionSetTpDst"):
            return walk.match(dl_type=0x800, nw_proto=6)
        return walk.match(dl_type=0x8847) if name in MPLS else walk.match(dl_type=0x800)
    if name in ("OFPActionPopVlan",):
        return walk.match(vlan_vid=(0x1000, 0x1000))
    if name == "NXActionDecNshTtl":
        return walk.match(eth_type=0x894f)
    if name in ("OFPActionPushVlan", "OFPActionOutput"):
        return walk.match()
    return walk.match(eth_type=0x8847 if name in MPLS else 0x800)


def outcome(walk, name, action):
    """What is answered to a flow with the action; and as which class it comes back."""
    p, ofp, d, v = walk.p, walk.ofp, walk.d, walk.version
    got = walk.ask(walk.flow_mod([action], match=fitting(walk, name)))
    back = None
    if got is None:
        asked = (p.OFPFlowDescStatsRequest(d) if v == 6 else
                 p.OFPFlowStatsRequest(d, 0, walk.match(), 0xff, ofp.OFPP_NONE) if v == 1 else
                 p.OFPFlowStatsRequest(d, *(() if v == 3 else (0,)), 0xff, ofp.OFPP_ANY, ofp.OFPG_ANY, 0, 0, walk.match()))
        raw = [m for m in walk.peer.until_barrier(walk.peer.send(asked))][0]
        parsed = walk.peer.parse(raw)
        if parsed is None:  # os-ken cannot read what it can build
            back = "?"
        else:
            flow = parsed.body[0]
            back = [type(a).__name__ for a in (flow.actions if v == 1 else flow.instructions[0].actions)]
    walk.ask(walk.flow_mod(command=ofp.OFPFC_DELETE))
    return got, back


@pytest.mark.parametrize("version", [1, 3, 4, 5, 6])
def test_actions(simulation, reference, version):
    """In both switches the same becomes of each action that os-ken can build."""
    both = []
    for switch in (simulation, reference):
        walk = Walk(switch, version)
        p, ofp, d = walk.p, walk.ofp, walk.d
        if version >= 3:
            assert walk.ask(walk.group_mod(ofp.OFPGC_ADD)) is None
        if version >= 4:
            assert walk.ask(p.OFPMeterMod(d, ofp.OFPMC_ADD, ofp.OFPMF_KBPS, 1, [p.OFPMeterBandDrop(100, 10)])) is None
        both.append([(name,) + outcome(walk, name, action) for name, action in actions(p, ofp, version)])
    ours, theirs = both
    for a in ours:
        assert a[0] not in OURS or a[1:] == (None, [a[0]]), a
    different = [(a, b) for a, b in zip(ours, theirs)
                 if a != b and not (a[1] == b[1] and a[2] in SHORTER.get(a[0], [b[2]])) and a[0] not in OURS]
    assert len(ours) > 15 and not different, "\n".join(f"{a}\n{b}" for a, b in different)
    named = {n for n, c in inspect.getmembers(p, inspect.isclass) if "Action" in n and not issubclass(c, ofproto_parser.MsgBase)}
    named = {getattr(p, n).__name__ for n in named} - {name for name, _, _ in ours} - NO_ACTION
    assert not named, sorted(named)


# ------------------------------------------------------------------ OpenFlow 1.1, by ovs-ofctl

COMMANDS_11 = """show br0
dump-desc br0
dump-tables br0
dump-ports br0 1
dump-ports-desc br0
dump-flows br0
dump-aggregate br0
queue-stats br0
queue-get-config br0 1
add-flow br0 in_port=1,actions=output:2
add-flow br0 table=1,priority=5,tcp,tp_dst=80,actions=mod_nw_dst:1.2.3.4,write_actions(output:1),write_metadata:5,goto_table:2
add-flow br0 table=2,metadata=5,actions=push_vlan:0x8100,mod_vlan_vid:7,group:1
add-group br0 group_id=1,type=all,bucket=output:1,bucket=output:2
mod-group br0 group_id=1,type=indirect,bucket=output:2
dump-groups br0
dump-group-stats br0
add-flow br0 table=2,metadata=5,actions=push_vlan:0x8100,mod_vlan_vid:7,group:1
mod-flows br0 in_port=1,actions=drop
mod-flows --strict br0 in_port=1,actions=output:1
dump-flows --no-stats br0
dump-flows --no-stats br0 tcp
dump-flows --no-stats br0 out_port=1
dump-flows --no-stats br0 out_group=1
mod-port br0 1 no-forward
dump-ports-desc br0
mod-table br0 2 drop
mod-table br0 3 controller
mod-table br0 3 evict
packet-out br0 in_port=1 packet=ffffffffffff5054000000010800 actions=output:2
set-frags br0 drop
get-frags br0
dump-meters br0
meter-features br0
dump-table-features br0
dump-table-desc br0
add-flow br0 actions=meter:1
add-flow br0 actions=output:1,goto_table:0
ct-flush-zone br0 1
probe br0
ping br0 10
del-flows br0 table=1
del-groups br0
del-flows br0"""


def test_version_11(simulation, reference):
    """Commands of every kind in OpenFlow 1.1, and what both switches answer."""
    answers = []
    for switch in (simulation, reference):
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure protocols=[] "
                     "other_config:datapath-id=0000000000000001 other_config:hwaddr=aa:55:aa:55:00:00")
        for n in (1, 2):
            switch.vsctl(f"add-port br0 p{n} -- set interface p{n} type=dummy ofport_request={n}")
        switch.appctl("time/stop")
        for line in COMMANDS_11.splitlines():
            command, *rest = line.split()
            options = [w for w in rest if w.startswith("--")]
            result = switch.command("ovs-ofctl", "-O", "OpenFlow11", *options, command,
                                    *[w for w in rest if not w.startswith("--")], check=False)
            answers.append((line, result.returncode, plain(result.stdout), plain(result.stderr)))
    ours, theirs = answers[:len(answers) // 2], answers[len(answers) // 2:]
    different = [(a, b) for a, b in zip(ours, theirs) if a != b]
    assert not different, "\n".join(f"{a}\n{b}" for a, b in different)


def plain(text):
    """Without what is each switch's own: addresses, times, transaction ids."""
    text = re.sub(r"\S+ table miss config 3\n", "", text)  # of the reference's to its own client
    text = re.sub(r"xid=0x[0-9a-f]+", "xid", text)
    text = re.sub(r"(addr:|dpid:)[0-9a-f:]+", r"\1X", text)
    text = re.sub(r"(duration|idle_age|hard_age)=[0-9.]+s?", r"\1", text)
    return re.sub(r"\b[0-9.]+ ms|sluice-switch-\w+|\d{4}-\d\d-\d\dT\S+", "X", text)
