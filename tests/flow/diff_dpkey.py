#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Datapath keys: what the reference prints, we read, and print the same.

1. Flows that packets made, under rules that look at much or little: both forms of dump-flows, read and printed again.
2. Flows added by hand: what dpctl/add-flow then dump-flows make of a text, errors included.
3. Packets made from keys (netdev-dummy/receive FLOW): the same bytes.
usage: diff_dpkey.py PROBE"""
import re, struct, sys
from diff_extract import ETH, PACKETS
from reference import Probe, Reference

M = "recirc_id(0),in_port(1)"
E = "eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02)"
I4 = M + "," + E + ",eth_type(0x0800)"
I6 = M + "," + E + ",eth_type(0x86dd)"
NO = ",eth_type(0x0800),ipv4(frag=no)"
TUN = M + "," + E + NO
BY_HAND = [
    "in_port(1),%s,eth_type(0x1234)" % E,
    "recirc_id(5),skb_priority(3/7),skb_mark(4/0xff),ct_state(+trk-new),ct_zone(5/0xf),ct_mark(5/0xff),ct_label(5/0xff),dp_hash(7/0xff),in_port(1),packet_type(ns=0,id=0),%s,eth_type(0x0800),ipv4(src=1.2.3.4,dst=2.3.4.0/255.255.255.0,proto=6,tos=0/0x3,ttl=64,frag=no),tcp(src=1/0xff,dst=80),tcp_flags(+syn-ack)" % E,
    "recirc_id(5/0xf),in_port(1),%s,eth_type(0x1234)" % E,
    I4 + ",ipv4(frag=first)", I4 + ",ipv4(src=1.2.3.4,dst=5.6.7.8,proto=17,tos=0,ttl=64,frag=later)",
    I4 + ",ipv4(src=1.2.3.4,dst=5.6.7.8,proto=17,tos=0x14,ttl=64,frag=no),udp(src=1,dst=2)",
    M + ",eth(),eth_type(0x0800),ipv4(frag=no)", M + ",eth_type(0x0800),ipv4(frag=no)",
    M + ",packet_type(ns=1,id=0x800),eth_type(0x0800),ipv4(frag=no)", M + ",packet_type(ns=1,id=0x800),ipv4(frag=no,src=1.2.3.4)",
    M + ",eth(src=00:00:00:00:00:01/ff:00:00:00:00:00),eth_type(0x8100),vlan(vid=5,pcp=3),encap(eth_type(0x0806),arp(sip=1.2.3.4,tip=2.3.4.5,op=1,sha=00:00:00:00:00:01,tha=00:00:00:00:00:02))",
    M + "," + E + ",eth_type(0x8100),vlan(vid=5/0x7,pcp=3/1),encap(eth_type(0x0800),ipv4(frag=no))",
    M + "," + E + ",eth_type(0x8100),vlan(vid=5),encap(eth_type(0x0800),ipv4(frag=no))",
    M + "," + E + ",eth_type(0x8100),vlan(vid=5/0,pcp=0/0),encap(eth_type(0x0800),ipv4(frag=no))",
    M + "," + E + ",eth_type(0x8100),vlan(vid=0,pcp=0,cfi=0),encap()",
    M + "," + E + ",eth_type(0x8100),encap(eth_type(0x0800),ipv4(frag=no))",
    I6 + ",ipv6(src=::1,dst=2001:db8::/ffff:ffff::,label=0x5/0xff,proto=58,tclass=3,hlimit=64,frag=no),icmpv6(type=135,code=0),nd(target=::1,sll=00:00:00:00:00:01,tll=00:00:00:00:00:02/ff:ff:00:00:00:00)",
    I6 + ",ipv6(src=::1,dst=::2,label=0,proto=58,tclass=0,hlimit=64,frag=no),icmpv6(type=136,code=0),nd(target=::1)",
    I6 + ",ipv6(proto=132,frag=no),sctp(src=4,dst=5)", I6 + ",ipv6(dst=2001:db8::/32,frag=no)",
    I4 + ",ipv4(proto=1,frag=no),icmp(type=8,code=0/0xf)", I4 + ",ipv4(proto=2,frag=no)",
    M + "," + E + ",eth_type(0x8847),mpls(label=5,tc=3,ttl=64,bos=1)",
    M + "," + E + ",eth_type(0x8847),mpls(label=5/0xf,tc=3,ttl=64,bos=0,label=6,tc=0/1,ttl=65,bos=1)",
    M + "," + E + ",eth_type(0x8847),mpls(label=5,tc=3,ttl=64,bos=0,label=6,tc=0,ttl=65,bos=1)",
    M + "," + E + ",eth_type(0x8847),mpls(label=5/0xf,tc=3/3,ttl=64/0,bos=1)",
    "tunnel(tun_id=0x5,src=1.2.3.4,dst=2.3.4.5,tos=0x3,ttl=64,tp_src=5,tp_dst=6,flags(df|csum|key|oam))," + TUN,
    "tunnel(tun_id=0x5/0xff,src=1.2.3.4,dst=2.3.4.0/255.255.255.0,tos=0x3/0xf,ttl=64/0xf0,tp_src=5,tp_dst=6/7,flags(+df-csum+key))," + TUN,
    "tunnel(tun_id=0x5,ipv6_src=::1,ipv6_dst=::2/ffff::,tos=0x3,ttl=64,flags(-df-csum+key-oam))," + TUN,
    "tunnel(tun_id=0x5,src=1.2.3.4,dst=2.3.4.5,tos=0,ttl=64,vxlan(gbp(id=10,flags=8)),flags(key))," + TUN,
    "tunnel(tun_id=0x5,src=1.2.3.4,dst=2.3.4.5,tos=0,ttl=64,vxlan(gbp(id=10/0xf,flags=8/0xf)),flags(key))," + TUN,
    "tunnel(tun_id=0x5,dst=2.3.4.5,ttl=64,vxlan(gbp(id=5)),flags(key))," + TUN,
    "tunnel(tun_id=0x5,src=1.2.3.4,dst=2.3.4.5,tos=0,ttl=64,geneve({class=0x102,type=0x80,len=8,0x1122334455667788}{class=0x103,type=1,len=4,0x11223344/0xff00ff00}),flags(csum|key))," + TUN,
    "tunnel(tun_id=0x5,src=1.2.3.4,dst=2.3.4.5,ttl=64,geneve(),flags(csum|key))," + TUN,
    "tunnel(tun_id=0x5,dst=2.3.4.5,ttl=64,geneve({class=0x102,type=0x80,len=0}),flags(key))," + TUN,
    "tunnel(tun_id=0x5,dst=2.3.4.5,ttl=64,geneve({class=0x102,type=0x80/0,len=4,0x0}),flags(key))," + TUN,
    "tunnel(tun_id=0x5,dst=2.3.4.5,ttl=64,gtpu(flags=0x30/0xf0,msgtype=255/0xf),flags(key))," + TUN,
    "tunnel(tun_id=0x5,src=1.2.3.4,dst=2.3.4.5,ttl=64,gtpu(flags=0x30,msgtype=255),flags(csum|key))," + TUN,
    "tunnel(tun_id=0x5,src=1.2.3.4,dst=2.3.4.5,tos=0,ttl=64,tp_src=0,flags(0))," + TUN, "tunnel(dst=2.3.4.5)," + TUN,
    "tunnel(tun_id=0x5,src=1.2.3.4/0.0.0.0,dst=2.3.4.5,ttl=0/0,tos=5/0,tp_src=5/0,flags(-df+key))," + TUN,
    "ct_state(0x21/0xff),ct_tuple4(src=1.2.3.4,dst=2.3.4.5,proto=6,tp_src=5,tp_dst=6/7)," + TUN,
    "ct_state(est|trk),ct_tuple6(src=::1,dst=::2,proto=6,tp_src=5,tp_dst=6)," + I6 + ",ipv6(frag=no)", "ct_tuple4(src=1.2.3.4)," + TUN,
    "ct_state(0),ct_zone(0),ct_mark(0),ct_label(0),skb_priority(0),skb_mark(0),dp_hash(0)," + TUN,
    "ct_state(trk),ct_zone(0x5),ct_mark(0x5/0xf),ct_label(0x123456789abcdef012345678)," + TUN, "in_port(9)," + E + NO,
    M + "," + E + ",eth_type(0x0806),arp(sip=0.0.0.0/0.0.0.0,op=1/0xff)", M + "," + E + ",eth_type(0x8035),arp(sip=1.2.3.4)",
    M + "," + E + ",eth_type(0x0800/0xff00)", M + "," + E, M + "," + E + ",eth_type(0x05ff)", I4,
    "ufid:12345678-1234-1234-1234-123456789012," + TUN, I4 + ",ipv4(proto=6,frag=no),tcp(src=0/0,dst=80),tcp_flags(0/0)",
    I4 + ",ipv4(proto=6,frag=no),tcp(src=5,dst=80),tcp_flags(syn|ack)", I4 + ",ipv4(proto=6,frag=no),tcp(src=5,dst=80),tcp_flags(0)",
    I4 + ",ipv4(proto=6,frag=yes)", I4 + ",ipv4(proto=6)", I4 + ",ipv4(proto=6),tcp()", "foo(1)," + TUN, I4 + ",ipv4(foo=1)",
    I4 + ",ipv4(src=1.2.3)", I4 + ",ipv4(src=1.2.3.4", I4 + ",ipv4(ttl=300)", M + " " + E + " eth_type(0x0800) ipv4(frag=no)",
    I4 + ",ipv4( frag=no, proto=6 )", M + ",in_port(2)," + E + NO, M + ",in_port(nosuch)," + E + NO, TUN + ",eth_type(0x0806)", E + NO,
    "recirc_id(0x10),in_port(0x1)," + E + ",eth_type(0x800),ipv4(frag=no)", "skb_priority(10),skb_mark(100)," + TUN,
]


def strip(line):
    line = re.sub(r"^ufid:[^,]*, ?", "", line)
    line = re.sub(r"in_port\(p(\d)\)", r"in_port(\1)", line)
    return re.sub(r", packets:.*", "", line)


def dump(ref, *options):
    lines = ref.appctl("dpctl/dump-flows", *options, "dummy@ovs-dummy").splitlines()
    return [strip(l) for l in lines if l and not l.startswith("flow-dump")]


bad = checked = 0


def check(what, theirs, ours):
    global bad, checked
    checked += 1
    if theirs != ours:
        bad += 1
        print("%s\n reference %s\n ours      %s" % (what, theirs, ours))


def packets(ref, probe):
    rules = ["priority=0,actions=drop", "ip,nw_src=10.0.0.0/8,actions=drop", "tcp,tp_dst=3/3,tcp_flags=+syn,actions=2",
             "tcp6,tp_src=1,actions=2", "icmp6,icmp_type=135,nd_target=::1,nd_sll=1:2:3:4:5:6,actions=drop", "icmp,icmp_type=8,actions=3",
             "arp,arp_op=1,arp_spa=10.0.0.1,arp_sha=1:2:3:4:5:6,actions=drop", "dl_vlan=10,dl_vlan_pcp=1,actions=drop",
             "ipv6,nw_frag=first,actions=2", "mpls,mpls_label=3,actions=2", "udp,nw_ttl=5,nw_tos=4,actions=2",
             "dl_type=0x894f,nsh_spi=5,nsh_c1=1,actions=2", "dl_src=1:2:3:4:5:6/ff:0:0:0:0:0,actions=2", "pkt_mark=5,actions=2",
             "ct_state=+trk+new,actions=2", "vlan_tci=0/0x1000,actions=2"]
    for limit in ("1", "2"):
        ref.run("ovs-vsctl", "set", "open", ".", "other_config:vlan-limit=" + limit)
        probe.ask("limit", limit)
        for n in (1, 4, len(rules)):
            ref.run("ovs-ofctl", "del-flows", "br0")
            for i, r in enumerate(rules[:n]):
                ref.run("ovs-ofctl", "add-flow", "br0", r)
            for tag in ("", "8100100a", "88a8000a8100200b"):
                for p in PACKETS:
                    ref.appctl("revalidator/purge")
                    ref.appctl("netdev-dummy/receive", "p1", ETH + tag + p)
                    for option, command in ((), "dpecho"), (("-m",), "dpecho-m"):
                        for line in dump(ref, *option):
                            if "nsh(" in line:
                                continue  # says too little: it cannot be read again
                            # A mask of 0 does not keep the flags, without which this is not shown.
                            want = line.replace(",tcp_flags(0/0)", "")
                            check(line, want, probe.ask(command, line))


def by_hand(ref, probe):
    for text in BY_HAND:
        ref.appctl("dpctl/del-flows", "dummy@ovs-dummy")
        error = ref.appctl("dpctl/add-flow", "dummy@ovs-dummy", text, "2").strip()
        for option, command in ((), "dpkey"), (("-m",), "dpkey-m"):
            ours = probe.ask(command, text)
            if error:
                m = re.search(r"\((syntax error at .*)\) \(Invalid", error)
                if m or ours.startswith(("syntax error", "recirc_id")):
                    check(text, m.group(1) if m else error, ours)
            else:
                theirs = dump(ref, *option)
                if not theirs:  # a revalidator was quicker
                    ref.appctl("dpctl/add-flow", "dummy@ovs-dummy", text, "2")
                    theirs = dump(ref, *option)
                check(text, "".join(theirs), ours)


def composed(ref, probe):
    I4 = E + ",eth_type(0x0800),ipv4(src=1.2.3.4,dst=2.3.4.5,proto=%d,tos=5,ttl=64,frag=%s)"
    I6 = E + ",eth_type(0x86dd),ipv6(src=::1,dst=::2,label=5,proto=%d,tclass=3,hlimit=9,frag=%s)"
    keys = [E, E + ",eth_type(0x1234)", E + ",eth_type(0x0800)", "eth(),eth_type(0x0800),ipv4(proto=6)"]
    for i in (I4, I6):
        for frag in ("no", "first", "later"):
            keys += [i % (6, frag) + ",tcp(src=1,dst=2),tcp_flags(%s)" % f for f in ("syn", "ack", "0", "fin", "psh|ack")]
            keys += [i % (17, frag) + ",udp(src=1,dst=2)", i % (132, frag) + ",sctp(src=1,dst=2)", i % (2, frag), i % (99, frag)]
    keys += [I4 % (1, "no") + ",icmp(type=%d,code=%d)" % t for t in ((8, 0), (0, 0), (3, 0), (8, 1), (11, 5))]
    keys += [I6 % (58, "no") + ",icmpv6(type=%d,code=%d)" % t for t in ((128, 0), (129, 0), (1, 0), (135, 1), (128, 1), (133, 0))]
    for t in (135, 136):
        for sll in (0, 3):
            for tll in (0, 4):
                keys.append(I6 % (58, "no") + ",icmpv6(type=%d,code=0),nd(target=fe80::9,sll=00:00:00:00:00:0%d,tll=00:00:00:00:00:0%d)" % (t, sll, tll))
    for op in (1, 2, 7, 0):
        for ty in ("0806", "8035"):
            keys.append(E + ",eth_type(0x%s),arp(sip=1.2.3.4,tip=2.3.4.5,op=%d,sha=00:00:00:00:00:03,tha=00:00:00:00:00:04)" % (ty, op))
    keys += [E + ",eth_type(0x8847),mpls(label=5,tc=3,ttl=64,bos=1)", E + ",eth_type(0x8847),mpls(label=5,tc=3,ttl=64,bos=0)",
             E + ",eth_type(0x8847),mpls(label=5,tc=3,ttl=64,bos=0,label=6,tc=3,ttl=64,bos=1)"]
    keys += [k.replace(E, E + ",eth_type(0x8100),vlan(vid=5,pcp=3),encap(").replace("encap(,", "encap(") + ")" for k in keys[1:3] + keys[4:]
             if k.startswith(E)]
    pcap = ref.dir + "/rx.pcap"
    ref.run("ovs-vsctl", "set", "interface", "p1", "options:rxq_pcap=" + pcap)
    sent = []
    for key in keys:
        for size in (0, 60, 100, 20):
            args = ["--len", str(size)] if size else []
            reply = ref.appctl("netdev-dummy/receive", "p1", "in_port(1)," + key, *args).strip()
            ours = probe.ask("compose-%d" % size if size else "compose", "in_port(1)," + key)
            if reply:
                check(key, reply, ours)
            elif not ours.startswith("too small"):  # the reference then sends nothing, silently
                sent.append((key, size, ours))
    ref.appctl("exit")
    data, got = open(pcap, "rb").read()[24:], []
    while data:
        n = struct.unpack("<I", data[8:12])[0]
        got.append(data[16:16 + n].hex())
        data = data[16 + n:]
    for (key, size, ours), theirs in zip(sent, got):
        check("%s --len %d" % (key, size), theirs, ours)


def main():
    probe, ref = Probe(sys.argv[1]), Reference()
    ref.appctl("time/stop")
    by_hand(ref, probe)
    packets(ref, probe)
    composed(ref, probe)
    print("%d checks, %d differ" % (checked, bad))
    sys.exit(bad != 0)


if __name__ == "__main__":
    main()
