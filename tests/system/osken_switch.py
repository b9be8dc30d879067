# SPDX-License-Identifier: Apache-2.0
"""A learning switch, OpenFlow 1.3, as an application of os-ken: run by osken-manager."""
from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib.packet import ethernet, packet
from os_ken.ofproto import ofproto_v1_3


class LearningSwitch(app_manager.OSKenApp):
    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ports = {}

    def add_rule(self, datapath, priority, match, actions, idle_timeout=0):
        parser, ofproto = datapath.ofproto_parser, datapath.ofproto
        apply = parser.OFPInstructionActions(ofproto.OFPIT_APPLY_ACTIONS, actions)
        datapath.send_msg(parser.OFPFlowMod(
            datapath=datapath, priority=priority, match=match, instructions=[apply], idle_timeout=idle_timeout,
            flags=ofproto.OFPFF_SEND_FLOW_REM))

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def connected(self, event):
        datapath = event.msg.datapath
        ofproto = datapath.ofproto
        to_us = datapath.ofproto_parser.OFPActionOutput(ofproto.OFPP_CONTROLLER, ofproto.OFPCML_NO_BUFFER)
        self.add_rule(datapath, 0, datapath.ofproto_parser.OFPMatch(), [to_us])
        print(f"connected {datapath.id:016x}", flush=True)

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def packet_came(self, event):
        message = event.msg
        datapath, in_port = message.datapath, message.match["in_port"]
        parser, ofproto = datapath.ofproto_parser, datapath.ofproto
        frame = packet.Packet(message.data).get_protocol(ethernet.ethernet)
        assert message.reason == ofproto.OFPR_NO_MATCH and message.buffer_id == ofproto.OFP_NO_BUFFER
        self.ports[datapath.id, frame.src] = in_port
        out = self.ports.get((datapath.id, frame.dst), ofproto.OFPP_FLOOD)
        actions = [parser.OFPActionOutput(out)]
        if out != ofproto.OFPP_FLOOD:
            match = parser.OFPMatch(in_port=in_port, eth_dst=frame.dst, eth_src=frame.src)
            self.add_rule(datapath, 1, match, actions, idle_timeout=60)
            print(f"learned {frame.src} {in_port}", flush=True)
        datapath.send_msg(parser.OFPPacketOut(datapath=datapath, buffer_id=ofproto.OFP_NO_BUFFER, in_port=in_port,
                                              actions=actions, data=message.data))

    @set_ev_cls(ofp_event.EventOFPPortStatus, MAIN_DISPATCHER)
    def port_changed(self, event):
        message = event.msg
        print(f"port {message.reason} {message.desc.name.decode()}", flush=True)

    @set_ev_cls(ofp_event.EventOFPFlowRemoved, MAIN_DISPATCHER)
    def rule_removed(self, event):
        message = event.msg
        print(f"removed {message.reason} {message.priority} {message.packet_count}", flush=True)
