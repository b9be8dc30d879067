# SPDX-License-Identifier: Apache-2.0
"""Tunnels on dummy devices, beside the reference: configuration, routes and neighbours, traces, flows, what comes out."""
import re

import pytest

from switch import Reference, Switch

OPTIONS = ("--enable-dummy", "--disable-system", "--disable-system-route")
SETUP = (
    "add-br br0 -- set bridge br0 datapath_type=dummy other_config:hwaddr=aa:55:aa:55:00:00 fail_mode=standalone",
    "add-port br0 p0 -- set interface p0 type=dummy ofport_request=10",
    "add-br int -- set bridge int datapath_type=dummy other_config:hwaddr=aa:55:aa:57:00:00 fail_mode=standalone",
    "add-port int t1 -- set interface t1 type=vxlan options:remote_ip=1.1.2.92 options:key=123 ofport_request=2",
    "add-port int t2 -- set interface t2 type=geneve options:remote_ip=1.1.2.92 options:key=flow ofport_request=3",
    "add-port int t3 -- set interface t3 type=vxlan options:remote_ip=flow options:key=flow options:dst_port=4790 "
    "options:csum=true ofport_request=4",
    "add-port int t4 -- set interface t4 type=gre options:remote_ip=1.1.2.93 options:key=5 options:seq=true "
    "options:csum=true ofport_request=5",
    "add-port int p1 -- set interface p1 type=dummy ofport_request=1",
)
INNER = ("eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07),eth_type(0x0800),ipv4(src=192.168.0.1,dst=192.168.0.2,"
         "proto=1,tos={tos},ttl=64,frag=no),icmp(type=8,code=0)")


class Both:
    """Ours and the reference; `same` runs a command on both and compares."""

    def __init__(self):
        self.switches = [Switch(None, *OPTIONS)]
        try:
            self.switches.append(Reference(None, *OPTIONS))
        except BaseException:
            self.close()
            raise

    def close(self):
        for switch in self.switches:
            switch.close()

    def vsctl(self, words):
        for switch in self.switches:
            switch.vsctl(words)

    def tell(self, *command):
        for switch in self.switches:
            switch.appctl(*command)

    def ofctl(self, *command):
        for switch in self.switches:
            switch.command("ovs-ofctl", *command)

    def same(self, *command, in_order=False):
        results = [switch.appctl(*command, check=False) for switch in self.switches]
        texts = [normal(r.stdout + r.stderr, in_order) for r in results]
        assert texts[0] == texts[1], command
        return results[0].stdout

    def underlay(self):
        self.tell("netdev-dummy/ip4addr", "br0", "1.1.2.88/24")
        self.tell("ovs/route/add", "1.1.2.92/24", "br0")
        self.tell("tnl/arp/set", "br0", "1.1.2.92", "f8:bc:12:44:34:b6")
        self.tell("tnl/neigh/set", "br0", "1.1.2.93", "f8:bc:12:44:34:b7")


def normal(text, in_order=False):
    text = re.sub(r"\S+\.ctl", "SOCKET", text)
    text = re.sub(r"used:[0-9.]+s", "used:T", text)
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join(lines if in_order else sorted(lines))


@pytest.fixture
def both():
    pair = Both()
    try:
        for words in SETUP:
            pair.vsctl(words)
        pair.tell("time/stop")
        yield pair
    finally:
        pair.close()


def test_shown(both):
    both.same("dpif/show")
    both.same("dpctl/show")
    both.same("tnl/ports/show")
    both.same("tnl/ports/show", "-v")
    both.underlay()
    assert both.same("tnl/ports/show", "-v").count("4789") == 3
    both.vsctl("del-port int t1")
    both.same("dpctl/show")
    both.same("tnl/ports/show", "-v")


@pytest.mark.parametrize("command", [
    ("ovs/route/add", "5.5.5.5/24", "nosuch"), ("ovs/route/add", "5.5.5.5/24", "int"),
    ("ovs/route/add", "5.5.5.5/44", "br0"), ("ovs/route/add", "xx", "br0"),
    ("ovs/route/add", "7.5.5.5/24", "br0", "1.1.2.1"), ("ovs/route/add", "7.6.5.5/24", "br0", "1.1.2.1", "pkt_mark=123"),
    ("ovs/route/add", "7.7.5.5/24", "br0", "xx"), ("ovs/route/add", "7.8.5.5/24", "br0", "pkt_mark=xx"),
    ("ovs/route/add", "7.8.5.5", "br0"), ("ovs/route/add", "0.0.0.0/0", "br0", "1.1.2.2"),
    ("ovs/route/lookup", "1.1.2.92"), ("ovs/route/lookup", "9.1.2.92"), ("ovs/route/lookup", "zz"),
    ("ovs/route/lookup", "1.1.2.92", "pkt_mark=zz"), ("ovs/route/lookup", "1.1.2.92", "pkt_mark=7"),
    ("ovs/route/del", "7.6.5.5/24"), ("ovs/route/del", "zz"), ("ovs/route/del", "1.1.2.0/24", "pkt_mark=dd"),
    ("ovs/route/del", "1.1.2.0/24"), ("tnl/arp/set", "nosuch", "1.1.2.95", "f8:bc:12:44:34:b6"),
    ("tnl/arp/set", "br0", "1.1.2", "f8:bc:12:44:34:b6"), ("tnl/arp/set", "br0", "1.1.2.95", "f8:bc:12:44:34"),
    ("tnl/neigh/aging",), ("tnl/neigh/aging", "10"), ("tnl/neigh/aging", "0"), ("tnl/neigh/aging", "4000"),
    ("tnl/neigh/aging", "x"), ("tnl/arp/flush",), ("tnl/egress_port_range",), ("tnl/egress_port_range", "1"),
    ("tnl/egress_port_range", "10", "20"), ("tnl/egress_port_range", "70000", "80000"),
    ("tnl/egress_port_range", "x", "y"),
])
def test_commands(both, command):
    both.underlay()
    both.same(*command)
    both.same("ovs/route/show")
    both.same("tnl/neigh/show")
    both.same("tnl/egress_port_range")


@pytest.mark.parametrize("actions", [
    "2", "2,3", "normal", "clone(output:2)", "clone(output:2),output:2", "output:2,mod_dl_dst:00:00:00:00:00:01",
    "mod_dl_dst:00:00:00:00:00:01,output:2,LOCAL,output:3", "mod_vlan_vid:5,output:2", "output(port=2,max_len=100)",
    "output(port=2,max_len=100),LOCAL", "set_tunnel:8,3", "set_field:9.9.9.9->tun_dst,output:4",
    "set_field:1.1.2.92->tun_dst,output:4,3", "set_field:1.1.2.94->tun_dst,output:4", "set_field:44->pkt_mark,output:2",
    "set_field:8->tun_gbp_id,output:2", "4", "5,5", "resubmit(,1),3",
])
@pytest.mark.parametrize("tos", ["4", "3"])
def test_output_is_translated(both, actions, tos):
    both.underlay()
    both.ofctl("add-flow", "int", f"in_port=1,actions={actions}")
    both.same("ofproto/trace", "ovs-dummy", "in_port(4)," + INNER.format(tos=tos), in_order=True)


def test_packets_both_ways(both):
    both.underlay()
    for _ in range(2):
        both.tell("netdev-dummy/receive", "p1", "in_port(4)," + INNER.format(tos=4))
    assert "tnl_push" in both.same("dpctl/dump-flows")
    # A reply inside VXLAN.
    frame = ("aa55aa550000f8bc124434b608004500004e00010000401173e90101025c0101025803e712b5003a00000800000000007b00505400"
             "00000550540000000708004500001c000100004001f98cc0a80002c0a800010000ffff00000000")
    for _ in range(2):
        both.tell("netdev-dummy/receive", "p0", frame)
    text = both.same("dpctl/dump-flows")
    assert "tnl_pop(4789)" in text and "tunnel(tun_id=0x7b" in text
    both.tell("revalidator/wait")
    both.same("fdb/show", "int")
    both.same("fdb/show", "br0")
    both.same("dpctl/show", "-s")
    ours = both.switches[0].command("ovs-ofctl", "dump-ports", "int", "t1").stdout
    assert "rx pkts=2, bytes=84" in ours and "tx pkts=2, bytes=212" in ours
    # Another tunnel's key: nobody's.
    both.tell("netdev-dummy/receive", "p0", frame.replace("00007b00", "00007c00"))
    both.same("dpctl/dump-flows")
    assert "tunnel_no_port" in both.switches[0].ask("drop/show")


OUTER = "aa55aa550000f8bc124434b60800"


def test_congestion_and_layer_3(both):
    both.vsctl("add-port int g3 -- set interface g3 type=gre options:remote_ip=1.1.2.92 options:packet_type=legacy_l3 "
               "ofport_request=6")
    both.underlay()
    # Congestion that was met outside is told to who is inside, if that one can be told; also after the flow is translated anew.
    capable = OUTER + ("4503004e00010000401173e60101025c0101025803e712b5003a00000800000000007b0050540000000550540000000708004502001c"
                       "000100004001f98ac0a80002c0a800010000ffff00000000")
    both.tell("netdev-dummy/receive", "p0", capable)
    for switch in both.switches:
        assert any("set(ipv4(tos=0x3/0x3))" in flow for flow in switch.flows()), switch.flows()
    both.tell("tnl/neigh/set", "br0", "1.1.2.93", "f8:bc:12:44:34:b8")
    both.tell("revalidator/wait")
    for switch in both.switches:
        assert any("set(ipv4(tos=0x3/0x3))" in flow for flow in switch.flows()), switch.flows()
    # Without an Ethernet header: it gets one of zeros.
    both.tell("netdev-dummy/receive", "p0", OUTER + "4500003400010000402f73e50101025c01010258000008004500001c000100004001f98cc0a80002"
              "c0a800010000ffff00000000")
    for switch in both.switches:
        assert any("push_eth(src=00:00:00:00:00:00,dst=00:00:00:00:00:00)" in flow for flow in switch.flows()), switch.flows()
    both.same("ofproto/trace", "ovs-dummy", "tunnel(src=1.1.2.92,dst=1.1.2.88,tos=0x0,ttl=64),in_port(3),packet_type(ns=1,id=0x800),"
              "eth_type(0x0800),ipv4(src=192.168.0.1,dst=192.168.0.2,proto=1,tos=2,ttl=63,frag=no),icmp(type=8,code=0)", in_order=True)


def test_geneve_options(both):
    both.underlay()
    both.ofctl("add-tlv-map", "int", "{class=0xffff,type=0x80,len=4}->tun_metadata0")
    both.ofctl("add-tlv-map", "int", "{class=0xffff,type=0x1,len=8}->tun_metadata1")
    both.ofctl("add-flow", "int",
               "in_port=1,actions=set_field:0xa->tun_metadata0,set_field:0x1234567890abcdef->tun_metadata1,3")
    text = both.same("ofproto/trace", "ovs-dummy", "in_port(4)," + INNER.format(tos=4), in_order=True)
    assert "geneve(crit,vni=0x0,options({class=0xffff,type=0x80,len=4,0xa}" in text
    both.ofctl("add-flow", "int", "in_port=3,tun_metadata0=0xdeadbeef,actions=1")
    frame = (OUTER + "4500005600010000401173e10101025c0101025803e717c1004200000240655800007b00ffff8001dead"
             "beef50540000000550540000000708004500001c000100004001f98cc0a80002c0a800010000ffff00000000")
    for _ in range(2):
        both.tell("netdev-dummy/receive", "p0", frame)
    both.same("dpctl/dump-flows")
