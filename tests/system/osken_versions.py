# SPDX-License-Identifier: Apache-2.0
"""A learning switch as an application of os-ken, in the version of OpenFlow that OSKEN_VERSION says: run by
osken-manager. What it learns goes through a group where there are groups, by a bundle where there are bundles."""
import os

from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib.packet import ethernet, packet
from os_ken.ofproto import ofproto_v1_0, ofproto_v1_2, ofproto_v1_3, ofproto_v1_4, ofproto_v1_5

VERSIONS = {"1.0": ofproto_v1_0, "1.2": ofproto_v1_2, "1.3": ofproto_v1_3, "1.4": ofproto_v1_4, "1.5": ofproto_v1_5}
OFP = VERSIONS[os.environ["OSKEN_VERSION"]]


class LearningSwitch(app_manager.OSKenApp):
    OFP_VERSIONS = [OFP.OFP_VERSION]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ports, self.groups, self.bundles = {}, {}, 0

    def flow_mod(self, datapath, priority, match, actions, cookie):
        parser = datapath.ofproto_parser
        if OFP is ofproto_v1_0:
            return parser.OFPFlowMod(datapath, match, cookie, OFP.OFPFC_ADD, priority=priority, actions=actions)
        apply = parser.OFPInstructionActions(OFP.OFPIT_APPLY_ACTIONS, actions)
        return parser.OFPFlowMod(datapath, cookie=cookie, priority=priority, match=match, instructions=[apply],
                                 out_port=OFP.OFPP_ANY, out_group=OFP.OFPG_ANY, buffer_id=OFP.OFP_NO_BUFFER)

    def send(self, datapath, *messages):
        """One after the other; all or none of them where the version can."""
        parser = datapath.ofproto_parser
        if OFP not in (ofproto_v1_4, ofproto_v1_5):
            for message in messages:
                datapath.send_msg(message)
            return
        self.bundles += 1
        number, flags = self.bundles, OFP.OFPBF_ATOMIC | OFP.OFPBF_ORDERED
        datapath.send_msg(parser.OFPBundleCtrlMsg(datapath, number, OFP.OFPBCT_OPEN_REQUEST, flags, []))
        for message in messages:
            datapath.send_msg(parser.OFPBundleAddMsg(datapath, number, flags, message, []))
        datapath.send_msg(parser.OFPBundleCtrlMsg(datapath, number, OFP.OFPBCT_COMMIT_REQUEST, flags, []))

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def connected(self, event):
        datapath = event.msg.datapath
        parser = datapath.ofproto_parser
        to_us = parser.OFPActionOutput(OFP.OFPP_CONTROLLER, 0xffff)
        self.send(datapath, self.flow_mod(datapath, 0, parser.OFPMatch(), [to_us], 0x77))
        print(f"connected {datapath.id:016x} {datapath.ofproto.OFP_VERSION}", flush=True)

    def to_port(self, datapath, port):
        """The actions that send to PORT, and what must be there before."""
        parser = datapath.ofproto_parser
        if OFP in (ofproto_v1_0, ofproto_v1_2):
            return [parser.OFPActionOutput(port)], []
        before = []
        if port not in self.groups:
            self.groups[port] = 100 + port
            if OFP is ofproto_v1_5:
                bucket = parser.OFPBucket(bucket_id=1, actions=[parser.OFPActionOutput(port)])
                mod = parser.OFPGroupMod(datapath, OFP.OFPGC_ADD, OFP.OFPGT_INDIRECT, 100 + port,
                                         OFP.OFPG_BUCKET_ALL, [bucket])
            else:
                mod = parser.OFPGroupMod(datapath, OFP.OFPGC_ADD, OFP.OFPGT_INDIRECT, 100 + port,
                                         [parser.OFPBucket(actions=[parser.OFPActionOutput(port)])])
            before.append(mod)
        return [parser.OFPActionGroup(self.groups[port])], before

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def packet_came(self, event):
        message = event.msg
        datapath = message.datapath
        parser = datapath.ofproto_parser
        in_port = message.in_port if OFP is ofproto_v1_0 else message.match["in_port"]
        if OFP not in (ofproto_v1_0, ofproto_v1_2):
            assert message.cookie == 0x77, message
        frame = packet.Packet(message.data).get_protocol(ethernet.ethernet)
        self.ports[frame.src] = in_port
        out = self.ports.get(frame.dst, OFP.OFPP_FLOOD)
        if out != OFP.OFPP_FLOOD:
            names = ("in_port", "dl_src", "dl_dst") if OFP is ofproto_v1_0 else ("in_port", "eth_src", "eth_dst")
            match = parser.OFPMatch(**dict(zip(names, (in_port, frame.src, frame.dst))))
            actions, before = self.to_port(datapath, out)
            self.send(datapath, *before, self.flow_mod(datapath, 5, match, actions, 0x99))
            print(f"learned {frame.src} {in_port}", flush=True)
        actions = [parser.OFPActionOutput(out)]
        if OFP is ofproto_v1_5:
            out_message = parser.OFPPacketOut(datapath=datapath, buffer_id=OFP.OFP_NO_BUFFER,
                                              match=parser.OFPMatch(in_port=in_port), actions=actions, data=message.data)
        else:
            out_message = parser.OFPPacketOut(datapath=datapath, buffer_id=0xffffffff, in_port=in_port, actions=actions,
                                              data=message.data)
        datapath.send_msg(out_message)

    @set_ev_cls(ofp_event.EventOFPErrorMsg, MAIN_DISPATCHER)
    def refused(self, event):
        print(f"refused {event.msg.type} {event.msg.code} {event.msg.data.hex()}", flush=True)
