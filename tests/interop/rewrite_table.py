#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/tables/rewrite.txt: what the reference's dummy datapath makes of packets under datapath actions.

Usage: rewrite_table.py > tests/tables/rewrite.txt
Needs Open vSwitch's programs and scapy. Starts a private switch in a temporary directory and stops it again.

Each case: a packet enters port p1 of a dummy datapath that has one flow with the actions; what leaves by port p2 is
read from its pcap. A line: name | packet | actions without the output | result ("-": nothing left)."""
import os, re, subprocess, sys, tempfile, time
from scapy.all import (ARP, Dot1AD, Dot1Q, Ether, ICMP, IP, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS,
                       ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPOption, PadN, Raw, SCTP, SCTPChunkData, TCP, UDP,
                       raw)
from scapy.contrib.mpls import MPLS
from scapy.utils import RawPcapReader

E = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
I4 = IP(src="10.0.0.1", dst="10.0.0.2", ttl=64, tos=0x11, id=7)
I6 = IPv6(src="fc00::1", dst="fc00::2", hlim=64, tc=0x11, fl=0x12345)
PAY = Raw(bytes(range(37)))


def spoil(packet, offset):
    """The byte at OFFSET, wrong."""
    b = bytearray(raw(packet))
    b[offset] ^= 0x5a
    return bytes(b)


PACKETS = {
    # name: (packet, match behind recirc_id and in_port)
    "tcp4": (E / I4 / TCP(sport=1000, dport=80, flags="PA") / PAY, "eth_type(0x0800),ipv4(frag=no)"),
    "tcp4-odd-ihl": (E / IP(src="10.0.0.1", dst="10.0.0.2", options=[IPOption(b"\x94\x04\0\0")]) /
                     TCP(sport=1000, dport=80) / PAY, "eth_type(0x0800),ipv4(frag=no)"),
    "tcp4-bad-csum": (spoil(E / I4 / TCP(sport=1000, dport=80) / PAY, 50), "eth_type(0x0800),ipv4(frag=no)"),
    "tcp4-bad-ipcsum": (spoil(E / I4 / TCP(sport=1000, dport=80) / PAY, 24), "eth_type(0x0800),ipv4(frag=no)"),
    "tcp4-first": (E / IP(src="10.0.0.1", dst="10.0.0.2", flags="MF") / TCP(sport=1000, dport=80, chksum=0x1234) /
                   Raw(bytes(28)), "eth_type(0x0800),ipv4(frag=first)"),
    "udp4-later": (E / IP(src="10.0.0.1", dst="10.0.0.2", frag=5, proto=17) / Raw(bytes(range(48))),
                   "eth_type(0x0800),ipv4(frag=later)"),
    "udp4": (E / I4 / UDP(sport=53, dport=54) / PAY, "eth_type(0x0800),ipv4(frag=no)"),
    "udp4-nocsum": (E / I4 / UDP(sport=53, dport=54, chksum=0) / PAY, "eth_type(0x0800),ipv4(frag=no)"),
    "udp4-short": (raw(E / I4 / UDP(sport=53, dport=54) / b"x") + bytes(17), "eth_type(0x0800),ipv4(frag=no)"),
    "icmp4": (E / I4 / ICMP(type=8, id=5, seq=6) / PAY, "eth_type(0x0800),ipv4(frag=no)"),
    "sctp4": (E / I4 / SCTP(sport=5, dport=6) / SCTPChunkData(data=b"hello, world"), "eth_type(0x0800),ipv4(frag=no)"),
    "arp": (E / ARP(op=1, hwsrc="02:00:00:00:00:01", psrc="10.0.0.1", pdst="10.0.0.2"), "eth_type(0x0806),arp(op=1)"),
    "tcp6": (E / I6 / TCP(sport=1000, dport=80) / PAY, "eth_type(0x86dd),ipv6(frag=no)"),
    "udp6": (E / I6 / UDP(sport=53, dport=54) / PAY, "eth_type(0x86dd),ipv6(frag=no)"),
    "udp6-ext": (E / I6 / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0\0\0\0")]) /
                 IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0\0\0\0")]) / UDP(sport=53, dport=54) / PAY,
                 "eth_type(0x86dd),ipv6(frag=no)"),
    "udp6-routed": (E / I6 / IPv6ExtHdrRouting(type=0, addresses=["fc00::9"], segleft=1) / UDP(sport=53, dport=54) /
                    PAY, "eth_type(0x86dd),ipv6(frag=no)"),
    "udp6-arrived": (E / I6 / IPv6ExtHdrRouting(type=0, addresses=["fc00::9"], segleft=0) /
                     UDP(sport=53, dport=54, chksum=0x4321) / PAY, "eth_type(0x86dd),ipv6(frag=no)"),
    "udp6-later": (E / I6 / IPv6ExtHdrFragment(nh=17, offset=10, m=0, id=9) / Raw(bytes(range(40))),
                   "eth_type(0x86dd),ipv6(frag=later)"),
    "icmp6": (E / I6 / ICMPv6EchoRequest(data=bytes(range(20))), "eth_type(0x86dd),ipv6(frag=no)"),
    "sctp6": (E / I6 / SCTP(sport=5, dport=6) / SCTPChunkData(data=b"hello, world"), "eth_type(0x86dd),ipv6(frag=no)"),
    "ns": (E / IPv6(src="fc00::1", dst="ff02::1:ff00:2", hlim=255) / ICMPv6ND_NS(tgt="fc00::2") /
           ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:00:01"), "eth_type(0x86dd),ipv6(frag=no)"),
    "na": (E / IPv6(src="fc00::1", dst="fc00::2", hlim=255) / ICMPv6ND_NA(tgt="fc00::1", R=0, S=1, O=1) /
           ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:00:01"), "eth_type(0x86dd),ipv6(frag=no)"),
    "vlan": (E / Dot1Q(vlan=5, prio=3) / I4 / TCP(sport=1000, dport=80) / PAY,
             "eth_type(0x8100),vlan(vid=5/0),encap(eth_type(0x0800),ipv4(frag=no))"),
    "qinq": (E / Dot1AD(vlan=9) / Dot1Q(vlan=5, prio=3) / I4 / UDP(sport=53, dport=54) / PAY,
             "eth_type(0x88a8),vlan(vid=9,pcp=0),encap(eth_type(0x8100),vlan(vid=5,pcp=3),"
             "encap(eth_type(0x0800),ipv4(frag=no)))"),
    "mpls1": (E / MPLS(label=100, ttl=9, s=1) / I4 / UDP(sport=53, dport=54) / PAY, "eth_type(0x8847),mpls(label=100,tc=0,ttl=9,bos=1)"),
    "mpls2": (E / MPLS(label=100, ttl=9, s=0) / MPLS(label=200, ttl=8, s=1) / I4 / UDP(sport=53, dport=54) / PAY,
              "eth_type(0x8847),mpls(label=100,tc=0,ttl=9,bos=0)"),
    "other": (Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", type=0x9000) / Raw(bytes(range(50))),
              "eth_type(0x9000)"),
}

IP4 = ["set(ipv4(src=192.168.7.9))", "set(ipv4(dst=192.168.7.9))", "set(ipv4(src=1.2.3.4,dst=5.6.7.8,tos=0xfc,ttl=7))",
       "set(ipv4(src=0.0.3.0/0.0.255.0))", "set(ipv4(tos=0x20/0xfc))", "set(ipv4(ttl=1))"]
IP6 = ["set(ipv6(src=fd00::99))", "set(ipv6(dst=fd00::99))", "set(ipv6(src=::5/::ff,label=0x54321,tclass=0xfc,hlimit=7))",
       "set(ipv6(tclass=0x20/0xfc))", "set(ipv6(label=0x1/0xf))"]
L2 = ["set(eth(src=0a:0b:0c:0d:0e:0f))", "set(eth(src=00:00:00:00:0e:00/00:00:00:00:ff:00,dst=0a:00:00:00:00:01))",
      "push_vlan(vid=7,pcp=3)", "push_vlan(tpid=0x88a8,vid=4095,pcp=7)", "push_vlan(vid=7,pcp=3),push_vlan(vid=8,pcp=0)",
      "pop_vlan", "push_vlan(vid=7,pcp=3),pop_vlan", "trunc(40)", "trunc(14)", "trunc(5)", "trunc(1000)"]
TCPA = ["set(tcp(src=4242))", "set(tcp(src=1,dst=65535))", "set(tcp(dst=0x100/0xff00))"]
UDPA = ["set(udp(src=4242))", "set(udp(src=1,dst=65535))", "set(udp(dst=0x100/0xff00))"]
MIX4 = ["push_vlan(vid=7,pcp=3),set(ipv4(src=1.2.3.4,ttl=9)),pop_vlan", "set(ipv4(dst=9.9.9.9)),trunc(60)"]

CASES = {
    "tcp4": L2 + IP4 + TCPA + MIX4 + ["set(tcp(src=1)),set(ipv4(src=9.9.9.9)),push_vlan(vid=1,pcp=1)"],
    "tcp4-odd-ihl": IP4 + TCPA, "tcp4-bad-csum": IP4 + TCPA, "tcp4-bad-ipcsum": IP4 + TCPA, "tcp4-first": IP4,
    "udp4-later": IP4[4:], "udp4": IP4 + UDPA + MIX4, "udp4-nocsum": IP4 + UDPA, "udp4-short": IP4 + UDPA,
    "icmp4": IP4,
    "sctp4": IP4 + ["set(sctp(src=4242))", "set(sctp(src=1,dst=65535))"],
    "arp": L2[:4] + ["set(arp(sip=1.2.3.4))", "set(arp(tip=1.2.3.4,op=2,sha=0a:0a:0a:0a:0a:0a,tha=0b:0b:0b:0b:0b:0b))",
                     "set(arp(sip=0.0.0.9/0.0.0.255))"],
    "tcp6": L2[:4] + IP6 + TCPA, "udp6": IP6 + UDPA, "udp6-ext": IP6 + UDPA, "udp6-routed": IP6[1:2] + IP6[3:] + UDPA,
    "udp6-arrived": IP6 + UDPA, "udp6-later": IP6[3:],
    "icmp6": IP6,
    "sctp6": IP6 + ["set(sctp(src=4242))"],
    "ns": IP6 + ["set(nd(target=fd00::5))", "set(nd(sll=0a:0a:0a:0a:0a:0a))",
                 "set(nd(target=fd00::5,sll=0a:0a:0a:0a:0a:0a))", "set(nd(target=::5/::ff))"],
    "na": IP6 + ["set(nd(target=fd00::5,tll=0a:0a:0a:0a:0a:0a))", "set(nd_ext(nd_reserved=0x20000000))"],
    "vlan": L2 + IP4 + TCPA,
    "qinq": L2[2:7],
    "mpls1": ["set(mpls(label=7,tc=1,ttl=5,bos=1))", "push_vlan(vid=7,pcp=3)"],
    "mpls2": ["set(mpls(label=7,tc=1,ttl=5,bos=0))"],
    "other": L2,
}
# Not among them: set(icmp(...)), on which the reference aborts; addresses of later fragments, whose payload the
# reference takes for a header with a checksum; ports of packets that have none, where it writes all the
# same; the source behind which a routing header follows, which it leaves out of the checksum.
# What dpctl cannot read is sent through an OpenFlow rule of a second bridge, with the datapath actions that it makes.
OPENFLOW = {
    "tcp4": ["push_mpls:0x8847,set_mpls_label:5", "push_mpls:0x8847,push_mpls:0x8848,set_mpls_label:7",
             "push_mpls:0x8847,push_vlan:0x8100,set_field:4103->vlan_vid",
             "encap(nsh(md_type=1)),set_field:5->nsh_spi,set_field:7->nsh_c1,encap(ethernet),"
             "set_field:11:22:33:44:55:66->eth_dst"],
    "udp6": ["push_mpls:0x8847,set_mpls_label:5"],
    "arp": ["push_mpls:0x8847,set_mpls_label:5"],
    "vlan": ["push_mpls:0x8847,set_mpls_label:5", "pop_vlan,push_mpls:0x8847,set_mpls_label:5"],
    "mpls1": ["pop_mpls:0x0800", "pop_mpls:0x0800,set_field:0a:0a:0a:0a:0a:0a->eth_src",
              "push_mpls:0x8847,set_mpls_label:5"],
    "mpls2": ["pop_mpls:0x8847", "push_mpls:0x8848,set_mpls_label:5", "set_mpls_label:6,set_mpls_tc:5"],
}


class Switch:
    def __init__(self, d):
        self.d = d
        self.env = dict(os.environ, OVS_RUNDIR=d, OVS_LOGDIR=d, OVS_DBDIR=d, OVS_SYSCONFDIR=d)
        self.run("ovsdb-tool", "create", f"{d}/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        self.run("ovsdb-server", f"--remote=punix:{d}/db.sock", "--pidfile", "--detach", "--log-file", f"{d}/conf.db")
        self.vsctl("--no-wait", "init")
        self.run("/usr/lib/openvswitch-switch/ovs-vswitchd", "--enable-dummy", "--disable-system", f"unix:{d}/db.sock",
                 "--pidfile", "--detach", "--log-file")
        self.vsctl("set", "Open_vSwitch", ".", "other_config:vlan-limit=0")
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail-mode=secure",
                   "protocols=OpenFlow13,OpenFlow15")
        for p in (1, 2):
            self.vsctl("add-port", "br0", f"p{p}", "--", "set", "int", f"p{p}", "type=dummy", f"ofport_request={p}",
                       f"options:tx_pcap={d}/p{p}.pcap")
        self.appctl("time/stop")

    def run(self, *args, check=True):
        r = subprocess.run(args, env=self.env, capture_output=True, text=True)
        if check and r.returncode:
            raise RuntimeError(f"{args}: {r.stderr}")
        return r.stdout + ("" if check else r.stderr)

    def vsctl(self, *args):
        return self.run("ovs-vsctl", f"--db=unix:{self.d}/db.sock", *args)

    def appctl(self, *args, check=True):
        return self.run("ovs-appctl", *args, check=check)

    def sent(self):
        return [p for p, _ in RawPcapReader(f"{self.d}/p2.pcap")] if os.path.getsize(f"{self.d}/p2.pcap") > 24 else []

    def receive(self, packet):
        before = len(self.sent())
        self.appctl("netdev-dummy/receive", "p1", packet.hex())
        for i in range(20):  # the pcap's buffer is written a little later
            new = self.sent()[before:]
            if new:
                return new[0].hex()
            time.sleep(0.01)
        return "-"

    def stop(self):
        self.appctl("exit", check=False)
        self.run("ovs-appctl", "-t", f"{self.d}/ovsdb-server.{open(self.d + '/ovsdb-server.pid').read().strip()}.ctl",
                 "exit", check=False)


def main():
    print("# What the reference's datapath makes of packets; written by tests/interop/rewrite_table.py.")
    print("# name | packet | actions | result (-: nothing was sent)")
    with tempfile.TemporaryDirectory() as d:
        switch = Switch(d)
        try:
            for name, cases in CASES.items():
                packet, match = PACKETS[name]
                packet = raw(packet)
                for actions in cases:
                    for attempt in range(5):  # a revalidation may take the flow away before the packet comes
                        switch.appctl("dpctl/del-flows")
                        out = switch.appctl("dpctl/add-flow", f"recirc_id(0),in_port(1),{match}", actions + ",2",
                                            check=False)
                        result = "-" if out else switch.receive(packet)
                        if out or result != "-":
                            break
                    if out:
                        print(f"{name} {actions}: {out}", file=sys.stderr)
                    else:
                        print(f"{name} | {packet.hex()} | {actions} | {result}")
            for name, cases in OPENFLOW.items():
                packet = raw(PACKETS[name][0])
                for actions in cases:
                    switch.appctl("dpctl/del-flows")
                    switch.run("ovs-ofctl", "-OOpenFlow15", "del-flows", f"unix:{d}/br0.mgmt")
                    types = {"tcp4": "ip,", "vlan": "dl_vlan=5,ip,", "udp6": "ipv6,", "arp": "arp,"}.get(name, "mpls,")
                    switch.run("ovs-ofctl", "-OOpenFlow15", "add-flow", f"unix:{d}/br0.mgmt",
                               f"{types}actions={actions},output:2")
                    result = switch.receive(packet)
                    flows = switch.appctl("ofproto/trace", "br0", "in_port=1", packet.hex())
                    made = re.search(r"^Datapath actions: (.*),2$", flows, re.M)
                    if not made or "recirc" in made[1] or "userspace" in made[1]:
                        print(f"{name} {actions}: {flows} {result}", file=sys.stderr)
                        continue
                    print(f"{name} | {packet.hex()} | {made[1]} | {result}")
        finally:
            switch.stop()
            time.sleep(0.3)


main()
