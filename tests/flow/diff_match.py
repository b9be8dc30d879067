#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Matches through `ovs-ofctl parse-flow` and through ours: text and errors must be the same.

Not compared, since we refuse what the reference cuts to fit: octets above 255 and three-digit bytes of a MAC.
What only the wire form of a version changes (a rule sent in OpenFlow 1.0) is avoided by asking for NXM.
usage: diff_match.py PROBE [COUNT [SEED]]"""
import random, re, subprocess, sys, tempfile, os
from reference import Probe

FIELDS = {
    "": """in_port=1 in_port=LOCAL in_port=65279 dl_src=1:2:3:4:5:6 dl_src=01:02:03:00:00:00/ff:ff:ff:00:00:00 dl_dst=ff:ff:ff:ff:ff:ff
        dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 dl_vlan=10 dl_vlan=0 dl_vlan_pcp=3 vlan_tci=0x1000/0x1000 vlan_tci=0x100a/0x1fff
        vlan_tci=0x0/0x1fff vlan_tci=0xf123/0xf0ff vlan_vid=0x100a/0x100f reg0=5 reg15=0x5/0xff xreg1=7 xreg2=0x500000000/0xf00000000
        xxreg1=0x5 xxreg3=0x10000000000000000/0xf0000000000000000 metadata=7 metadata=0x7/0xff tun_id=9 tun_id=9/0xf tun_src=1.2.3.4 tun_dst=10.0.0.0/8
        tun_ipv6_src=::1 tun_ipv6_dst=fe80::/10 tun_flags=+oam tun_flags=-oam tun_flags=oam tun_gbp_id=4 tun_gbp_id=4/12 tun_gbp_flags=0x8
        tun_metadata0=7 tun_metadata3=0x1234567890/0xff00ff00ff tun_metadata5 tun_erspan_ver=1 tun_erspan_idx=3 tun_gtpu_flags=5 tun_gtpu_msgtype=6
        ct_state=+trk+est ct_state=-trk ct_state=trk|new ct_state=0 ct_state=0x21/0x23 ct_zone=5 ct_mark=5 ct_mark=5/7 ct_label=5 ct_label=0x50000000000000005/0xf000000000000000f
        pkt_mark=5 pkt_mark=5/7 dp_hash=7/0xf conj_id=4 actset_output=3 recirc_id=5""".split(),
    "ip": """nw_src=10.0.0.1 nw_src=10.0.0.0/8 nw_dst=10.1.2.3/255.0.255.0 nw_proto=17 nw_proto=99 nw_tos=252 ip_dscp=3 nw_ecn=2 nw_ttl=64
        ip_frag=no ip_frag=yes ip_frag=first ip_frag=later ip_frag=not_later""".split(),
    "tcp": "tp_src=80 tp_dst=0x50/0xfff0 tcp_src=5 tcp_dst=0/1 tcp_flags=+syn-ack tcp_flags=syn|ack tcp_flags=0x12/0x13 tcp_flags=0 nw_ttl=3".split(),
    "udp": "tp_src=80 udp_dst=53 udp_src=5/7".split(), "sctp": "tp_src=80 sctp_dst=53".split(),
    "icmp": "icmp_type=8 icmp_code=0 tp_src=3".split(),
    "ipv6": "ipv6_src=::1 ipv6_src=2001:db8::/32 ipv6_dst=2001:db8::1/ffff::ffff ipv6_label=0x12345 ipv6_label=0x00ff0/0x00ff0 nw_proto=44 nw_ttl=4 nw_tos=32".split(),
    "tcp6": "tp_src=80 tcp_flags=+fin ipv6_src=::1".split(), "udp6": "udp_src=5".split(), "sctp6": "sctp_src=6".split(),
    "icmp6,icmp_type=135": "icmp_code=0 nd_target=::1 nd_target=fe80::/10 nd_sll=1:2:3:4:5:6 nd_reserved=5 nd_options_type=1".split(),
    "icmp6,icmp_type=136": "nd_target=::1 nd_tll=1:2:3:4:5:6/ff:ff:ff:0:0:0 nd_options_type=2".split(),
    "icmp6": "icmp_type=128 icmpv6_code=0".split(),
    "arp": "arp_spa=1.2.3.4 arp_tpa=10.0.0.0/8 arp_op=1 arp_sha=1:2:3:4:5:6 arp_tha=1:2:3:0:0:0/ff:ff:ff:0:0:0 nw_src=1.2.3.4".split(),
    "rarp": "arp_spa=1.2.3.4 arp_op=3".split(),
    "mpls": "mpls_label=5 mpls_tc=3 mpls_bos=1 mpls_ttl=64".split(), "mplsm": "mpls_label=5".split(),
    "dl_type=0x894f": "nsh_flags=1 nsh_ttl=63 nsh_mdtype=1 nsh_np=3 nsh_spi=0x123 nsh_si=5 nsh_c1=5 nsh_c2=6/7 nsh_c4=0".split(),
    "dl_type=0x1234": [], "dl_type=0x5ff": [], "dl_type=0x8100": [], "eth": [],
    "packet_type=(1,0x800)": "nw_src=1.2.3.4 nw_proto=6 tp_dst=80".split(),
    "packet_type=(1,0x894f)": "nsh_ttl=3".split(),
    "ct_state=+est,tcp": "ct_nw_src=1.2.3.4 ct_nw_dst=10.0.0.0/8 ct_nw_proto=6 ct_tp_src=5 ct_tp_dst=5/7".split(),
    "ct_state=+new,udp6": "ct_ipv6_src=::1 ct_ipv6_dst=fe80::/10 ct_nw_proto=17 ct_tp_dst=53".split(),
}
# Errors and oddities, each alone.
ODD = """tcp,tp_src=70000|tcp,tp_src=x|tcp,tp_src=|tcp,tp_src|ip,nw_src=1.2.3|ip,nw_src=1.2.3.4/40|ip,nw_src=*|ip,nw_src=ANY|in_port=foo
in_port=-1|dl_src=1:2:3|dl_type=0x800/0xff00|dl_type=x|tun_flags=foo|ct_state=+foo|ct_state=+trk-trk|ct_state=new+trk|tcp,tcp_flags=+syn+foo
tcp,tcp_flags=0x1fff|ip,ip_frag=foo|ip,nw_tos=256|ipv6,ipv6_src=foo|reg16=1|ct_zone=0x5/0xf|packet_type=5|packet_type=(1)|packet_type=(x,3)
foo=|foo|,tcp|tcp,|tp_src=80/0,tcp|dl_dst=1:2:3:4:5:6/|ip,nw_src=1.2.3.4/|ip,nw_src=1.2.3.4/x|ipv6,ipv6_src=::1/200|ipv6,ipv6_src=::1/|reg0=|reg0=0x
reg0=0x100000000|reg0=5/|reg0=5/x|reg0=-1|reg0=010|xxreg0=0x123456789012345678901234567890123|xxreg0=x|tun_metadata0=x|tun_id=0x10000000000000000
tun_flags=+oam/1|ct_state=0x100|ct_state=0x1/|ct_state=|tcp,tcp_flags=|tcp,tcp_flags=*|tcp,tcp_flags=+|ct_state=+|ct_state=++|ct_state=+trk|new
ct_state=foo\\|trk|in_port=|in_port=*|in_port=1/3|in_port=0x10|nw_frag=no/1,ip|dl_type=*|dl_type=|nw_proto=300,ip|arp,arp_op=70000|dl_vlan=70000|dl_vlan=5/7|dl_vlan=*
ip,arp|tcp,udp|in_port=1,in_port=2|ip  tcp|ip,,tcp|dl_src=|nw_src=,ip|ipv6,ipv6_src=|packet_type=|ip,nw_frag=|tun_metadata0=0x1/0x|tcp=5|dl_src=1:2:3:4:5:6/0:0:0:0:0:0
metadata=0x1/0x10000000000000000|reg0=0x1/0x100000000|ct_label=0x1/x|tun_src=1.2.3.4/33|dl_src=1:2:3:4:5:g|nw_src=1.2.3.4.5,ip|ct_mark=5 5
mpls,mpls_label=5/7|mpls,mpls_tc=x|nd_target=::1,ipv6|recirc_id=5/7|conj_id=1/2|actset_output=foo|dl_type=70000|vlan_tci=70000|vlan_vid=0x1005/0x1007|dp_hash=|tun_metadata0=0|tun_metadata0=0/0xff|tun_metadata0=5/0xffff|tun_metadata0=0x5/0xff00|ct_label=0/0xff|ct_label=0|xxreg0=0/0xff|tun_gbp_flags=0|tun_tos=5/6""".replace("\n", "|").split("|")


def theirs(lines):
    """[text or error] of each line; many in one run while they parse."""
    out = []
    for line in lines:
        p = subprocess.run(["ovs-ofctl", "-F", "nxm", "parse-flow", line + ",actions=drop"], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        m = re.search(r"ADD ?(.*?) ?actions=drop", p.stdout)
        if m:
            out.append(m.group(1))
        elif "decode error" in p.stdout:
            out.append(None)
        else:
            errors = [l for l in p.stderr.splitlines() if l.startswith("ovs-ofctl: ")]
            out.append(errors[-1][11:] if errors else p.stderr)
    return out


def main():
    probe, count = Probe(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 400
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    lines = [o.replace("\\", "|") for o in ODD if o]
    for keyword, fields in FIELDS.items():
        for f in fields:
            lines.append(keyword + "," + f if keyword else f)
    while len(lines) < count:
        keyword = rng.choice(list(FIELDS))
        own, any_ = FIELDS[keyword], FIELDS[""]
        parts = ([keyword] if keyword else []) + rng.sample(own, min(len(own), rng.randrange(4))) + \
            rng.sample(any_, rng.randrange(4))
        lines.append(",".join(parts))
    bad = skipped = 0
    for line, want in zip(lines, theirs(lines[:count])):
        if want is None:
            skipped += 1
            continue
        got = probe.ask("match", line)
        if want != got:
            bad += 1
            print("%s\n reference %s\n ours      %s" % (line, want, got))
    print("%d matches, %d skipped, %d differ" % (min(count, len(lines)), skipped, bad))
    sys.exit(bad != 0)


if __name__ == "__main__":
    main()
