#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Both daemons under random rules of every field and action, which tests/model/pipeline_diff.py has not: traces of flows in
words and of packets in hexadecimal, their JSON form, and errors for rules that are refused.

usage: pipeline_wide.py [--cases N] [--packets N] [--seed N] [--case N] [--show N] [--rules]

A rule takes its match from one of the case's packets, so that packets find rules."""
import argparse
import difflib
import json
import pathlib
import random
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "system"), str(HERE.parent / "model")]

import pipeline_diff  # noqa: E402
from frames import Control  # noqa: E402
from switch import Reference, Switch, alive  # noqa: E402

NUM, HEX, MAC, IP4, IP6 = range(5)
# name -> bits, form, may be masked, may be written
FIELDS = {
    "tun_id": (64, HEX, True, True), "tun_src": (32, IP4, True, True), "tun_dst": (32, IP4, True, True),
    "tun_ipv6_src": (128, IP6, True, True), "tun_ipv6_dst": (128, IP6, True, True), "tun_gbp_id": (16, NUM, True, True),
    "tun_gbp_flags": (8, HEX, True, True), "tun_erspan_idx": (20, HEX, True, True), "tun_erspan_ver": (4, NUM, True, True),
    "tun_erspan_dir": (1, NUM, True, True), "tun_erspan_hwid": (6, HEX, True, True), "tun_gtpu_flags": (8, HEX, True, False),
    "tun_gtpu_msgtype": (8, NUM, True, False),
    "metadata": (64, HEX, True, True), "pkt_mark": (32, HEX, True, True),
    "ct_zone": (16, HEX, True, False), "ct_mark": (32, HEX, True, False), "ct_label": (128, HEX, True, False),
    "eth_src": (48, MAC, True, True), "eth_dst": (48, MAC, True, True), "vlan_tci": (16, HEX, True, True),
    "vlan_vid": (13, NUM, True, True), "vlan_pcp": (3, NUM, False, True),
    "mpls_label": (20, NUM, False, True), "mpls_tc": (3, NUM, False, True), "mpls_bos": (1, NUM, False, False),
    "mpls_ttl": (8, NUM, False, True),
    "ip_src": (32, IP4, True, True), "ip_dst": (32, IP4, True, True), "ipv6_src": (128, IP6, True, True),
    "ipv6_dst": (128, IP6, True, True), "ipv6_label": (20, HEX, True, True), "nw_proto": (8, NUM, False, False),
    "nw_ttl": (8, NUM, False, True), "nw_tos": (8, NUM, False, True), "ip_dscp": (6, NUM, False, True),
    "nw_ecn": (2, NUM, False, True),
    "arp_op": (16, NUM, False, True), "arp_spa": (32, IP4, True, True), "arp_tpa": (32, IP4, True, True),
    "arp_sha": (48, MAC, True, True), "arp_tha": (48, MAC, True, True),
    "tcp_src": (16, NUM, True, True), "tcp_dst": (16, NUM, True, True), "tcp_flags": (12, HEX, True, False),
    "udp_src": (16, NUM, True, True), "udp_dst": (16, NUM, True, True), "sctp_src": (16, NUM, True, True),
    "sctp_dst": (16, NUM, True, True), "icmp_type": (8, NUM, False, True), "icmp_code": (8, NUM, False, True),
    "icmpv6_type": (8, NUM, False, True), "icmpv6_code": (8, NUM, False, True), "nd_target": (128, IP6, True, True),
    "nd_sll": (48, MAC, True, True), "nd_tll": (48, MAC, True, True), "nd_reserved": (32, NUM, False, True),
    "nd_options_type": (8, NUM, False, True),
    "nsh_flags": (2, NUM, True, True), "nsh_ttl": (6, NUM, False, True), "nsh_mdtype": (8, NUM, False, False),
    "nsh_np": (8, NUM, False, False), "nsh_spi": (24, HEX, False, True), "nsh_si": (8, NUM, False, True),
    "nsh_c1": (32, HEX, True, True), "nsh_c2": (32, HEX, True, True), "nsh_c3": (32, HEX, True, True), "nsh_c4": (32, HEX, True, True),
}
FIELDS.update({f"reg{i}": (32, HEX, True, True) for i in range(16)})
FIELDS.update({f"xreg{i}": (64, HEX, True, True) for i in range(8)})
FIELDS.update({f"xxreg{i}": (128, HEX, True, True) for i in range(4)})
REGISTERS = [f for f in FIELDS if re.match(r"x*reg\d", f)]
TUNNEL = [f for f in FIELDS if f.startswith("tun_")]
ETHERNET = ["eth_src", "eth_dst"]
IPS = ["nw_ttl", "nw_tos", "ip_dscp", "nw_ecn"]
V4, V6 = ["ip_src", "ip_dst", "nw_proto"] + IPS, ["ipv6_src", "ipv6_dst", "ipv6_label", "nw_proto"] + IPS
NSH = ["nsh_flags", "nsh_ttl", "nsh_np", "nsh_spi", "nsh_si"]
# kind -> how it is said in a match, fields
KINDS = {
    "": ("", []), "ip": ("ip", V4), "ipv6": ("ipv6", V6),
    "tcp": ("tcp", V4 + ["tcp_src", "tcp_dst", "tcp_flags"]), "tcp6": ("tcp6", V6 + ["tcp_src", "tcp_dst", "tcp_flags"]),
    "udp": ("udp", V4 + ["udp_src", "udp_dst"]), "udp6": ("udp6", V6 + ["udp_src", "udp_dst"]),
    "sctp": ("sctp", V4 + ["sctp_src", "sctp_dst"]), "sctp6": ("sctp6", V6 + ["sctp_src", "sctp_dst"]),
    "icmp": ("icmp", V4 + ["icmp_type", "icmp_code"]), "icmp6": ("icmp6", V6 + ["icmpv6_type", "icmpv6_code"]),
    "ns": ("icmp6,icmpv6_type=135,icmpv6_code=0", V6 + ["nd_target", "nd_sll", "nd_reserved", "nd_options_type"]),
    "na": ("icmp6,icmpv6_type=136,icmpv6_code=0", V6 + ["nd_target", "nd_tll", "nd_reserved", "nd_options_type"]),
    "arp": ("arp", ["arp_op", "arp_spa", "arp_tpa", "arp_sha", "arp_tha"]), "rarp": ("rarp", ["arp_op", "arp_spa", "arp_sha"]),
    "mpls": ("mpls", ["mpls_label", "mpls_tc", "mpls_bos", "mpls_ttl"]), "mplsm": ("mplsm", ["mpls_label", "mpls_tc", "mpls_bos", "mpls_ttl"]),
    "nsh1": ("eth_type=0x894f,nsh_mdtype=1", NSH + ["nsh_c1", "nsh_c2", "nsh_c3", "nsh_c4"]),
    "nsh2": ("eth_type=0x894f,nsh_mdtype=2", NSH), "other": ("eth_type=0x1234", []),
}
INTERESTING = {
    "nw_ttl": [0, 1, 2, 64], "mpls_ttl": [0, 1, 2, 64], "nsh_ttl": [0, 1, 63], "nsh_np": [1, 2, 3, 5, 9], "nw_proto": [0, 1, 47, 50, 132, 255],
    "vlan_vid": [0x1000, 0x1005, 0x1fff, 0x100a], "arp_op": [1, 2, 3, 255, 256], "nsh_mdtype": [1, 2], "tcp_flags": [2, 0x10, 0x12, 1, 4, 0xfff],
    "icmpv6_type": [128, 135, 136, 133, 0], "icmp_type": [0, 3, 8, 255], "nd_options_type": [0, 1, 2], "nw_tos": [0, 4, 0xfc, 184],
    "eth_dst": [0xffffffffffff, 0x0180c2000000, 0x0180c200000e, 0x01005e010203, 0x505400000001, 0x505400000002, 0x333300000001],
    "eth_src": [0x505400000001, 0x505400000002, 0x505400000003, 0, 0x010000000001], "mpls_label": [0, 1, 3, 16, 100, 0xfffff],
    "ip_src": [0x0a000001, 0x0a000002, 0xc0a80001, 0], "ip_dst": [0x0a000001, 0x0a000103, 0xe0000001, 0xffffffff],
    "ct_zone": [0, 1, 7], "tun_erspan_ver": [1, 2], "tun_gtpu_msgtype": [0, 255],
}


def pick(r, name):
    bits = FIELDS[name][0]
    if name in INTERESTING and r.random() < .8:
        return r.choice(INTERESTING[name])
    kind = r.random()
    if kind < .4:
        return r.randrange(min(4, 1 << bits))
    if kind < .5:
        return (1 << bits) - 1
    if kind < .6:
        return 1 << bits - 1
    return r.getrandbits(bits)


def say(name, value):
    form = FIELDS[name][1]
    if form == MAC:
        return ":".join("%02x" % b for b in value.to_bytes(6, "big"))
    if form == IP4:
        return ".".join(str(b) for b in value.to_bytes(4, "big"))
    if form == IP6:
        return ":".join("%x" % (value >> 112 - 16 * i & 0xffff) for i in range(8))
    return hex(value) if form == HEX else str(value)


def mask_of(r, bits):
    kind = r.random()
    full = (1 << bits) - 1
    if kind < .3:
        return full & ~((1 << r.randrange(bits)) - 1)
    if kind < .5:
        return (1 << r.randint(1, bits)) - 1
    if kind < .7:
        return r.getrandbits(bits) | 1
    if kind < .8:
        return 1 << r.randrange(bits)
    return full


class Packet:
    """A packet's fields, in words and by value."""

    def __init__(self, r, kinds, metadata=True):
        self.kind = r.choice(kinds)
        self.values = {f: pick(r, f) for f in ETHERNET + KINDS[self.kind][1]}
        for f, other in (("ip_dscp", "nw_tos"), ("nw_ecn", "nw_tos"), ("vlan_vid", "vlan_tci"), ("vlan_pcp", "vlan_tci")):
            self.values.pop(f, None)
        if "nw_tos" in self.values:
            self.values["nw_tos"] &= 0xfc
            self.values["nw_ecn"] = r.choice([0, 0, 1, 2, 3])
        if self.kind not in ("ip", "ipv6"):
            self.values.pop("nw_proto", None)
        self.port = r.randint(1, 7)
        self.vlans = []
        if r.random() < .3:
            self.values["vlan_tci"] = 0x1000 | r.choice([0, 5, 10, 20, 0xfff]) | r.choice([0, 0x2000, 0xe000])
        self.metadata = {}
        if metadata:
            for f in r.sample(REGISTERS + TUNNEL + ["metadata", "pkt_mark", "ct_zone", "ct_mark", "ct_label"], r.choice([0, 1, 3, 6])):
                self.metadata[f] = pick(r, f)
            seen = set()  # registers overlap
            for f in list(self.metadata):
                match = re.match(r"(x*)reg(\d+)$", f)
                if match:
                    n = 1 << len(match[1])
                    words = set(range(int(match[2]) * n, int(match[2]) * n + n))
                    if words & seen:
                        del self.metadata[f]
                    seen |= words
            if "tun_dst" in self.metadata or "tun_src" in self.metadata:
                self.metadata.pop("tun_ipv6_dst", None)
                self.metadata.pop("tun_ipv6_src", None)
        self.frag = r.choice(["first", "later"]) if KINDS[self.kind][0].split(",")[0] in ("ip", "ipv6", "tcp", "udp", "tcp6", "icmp") and r.random() < .1 else None
        self.ct_state = None
        if metadata and r.random() < .15:
            self.ct_state = r.choice(["trk|new", "trk|est", "trk|inv", "trk|est|rpl", "trk|rel|new", "trk|est|snat", "trk|est|dnat"])

    def said_metadata(self):
        return [f"in_port={self.port}"] + [f"{f}={say(f, v)}" for f, v in self.metadata.items()] + (
            [f"ct_state={self.ct_state}"] if self.ct_state else [])

    def said_fields(self):
        out = [KINDS[self.kind][0]] if self.kind else []
        out += [f"{f}={say(f, v)}" for f, v in self.values.items()]
        if self.frag:
            out.append("ip_frag=" + self.frag)
        return out

    def __str__(self):
        return ",".join(self.said_metadata() + self.said_fields())


def words_of(f):
    """Which registers' words, or which other thing, a field is part of."""
    match = re.match(r"(x*)reg(\d+)$", f)
    if not match:
        return {{"ip_dscp": "nw_tos", "vlan_vid": "vlan_tci", "vlan_pcp": "vlan_tci"}.get(f, f)}
    n = 1 << len(match[1])
    return {f"reg{i}" for i in range(int(match[2]) * n, int(match[2]) * n + n)}


def one_match(r, f, value):
    bits, _, maskable, _ = FIELDS[f]
    if r.random() < .15:
        value ^= 1 << r.randrange(bits)
    if f == "nw_tos":
        value &= 0xfc
    if maskable and r.random() < .6:
        mask = mask_of(r, bits)
        if mask != (1 << bits) - 1:
            return f"{f}={say(f, value & mask)}/{say(f, mask)}"
    return f"{f}={say(f, value)}"


def match_of(r, p):
    """A match that most likely fits the packet."""
    parts = []
    kind = p.kind if r.random() < .8 else ""
    if kind:
        parts.append(KINDS[kind][0])
    fields = list(p.metadata) + (list(p.values) if kind else [f for f in p.values if f in ("eth_src", "eth_dst", "vlan_tci")])
    taken = set()
    for f in r.sample(fields, min(len(fields), r.choice([0, 0, 1, 1, 2, 3, 8]))):
        parts.append(one_match(r, f, (p.metadata | p.values)[f]))
        taken |= words_of(f)
    if r.random() < .15:
        f = r.choice(REGISTERS)
        if not words_of(f) & taken:
            parts.append(one_match(r, f, 0))
    if r.random() < .25:
        parts.append(f"in_port={p.port}")
    if "vlan_tci" not in taken and r.random() < .15:
        parts.append(r.choice(["vlan_tci=0/0x1000", "dl_vlan=10", "dl_vlan=0xffff", "vlan_pcp=0" if "vlan_tci" not in p.values else "vlan_pcp=%d" % (p.values["vlan_tci"] >> 13)]))
    if kind and p.kind.startswith(("ip", "tcp", "udp", "sctp", "icmp", "n")) and not p.kind.startswith("nsh") and r.random() < .1:
        parts.append("ip_frag=" + r.choice(["no", "yes", "first", "later", "not_later"]))
    if p.kind.startswith("tcp") and kind and r.random() < .2 and not any("tcp_flags" in x for x in parts):
        parts.append("tcp_flags=" + r.choice(["+syn", "-syn", "+ack-fin", "+syn-ack"]))
    if r.random() < .1:
        parts.append("ct_state=" + r.choice(["-trk", "+trk", "+trk+est", "+trk-new", "-trk-new", "+inv", "+trk+snat", "-dnat"]))
    if r.random() < .03:
        parts.append("actset_output=" + r.choice(["1", "2", "none", "unset"]).replace("none", "0xffff"))
    if r.random() < .03:
        parts.append("tun_flags=" + r.choice(["+oam", "-oam", "0"]))
    return ",".join(parts), kind


def subfield(r, f, bits):
    start = r.randint(0, FIELDS[f][0] - bits)
    if bits == FIELDS[f][0] and r.random() < .5:
        return f + "[]"
    return f"{f}[{start}..{start + bits - 1}]" if bits > 1 or r.random() < .5 else f"{f}[{start}]"


HASHES = ["eth_src", "symmetric_l4", "symmetric_l3l4", "symmetric_l3l4+udp", "nw_src", "nw_dst", "symmetric_l3"]


def readable(kind):
    return ETHERNET + ["vlan_tci", "in_port", "packet_type"] + KINDS[kind][1] + REGISTERS + TUNNEL + ["metadata", "pkt_mark", "ct_zone", "ct_mark", "ct_label"]


BITS = {"in_port": 16, "packet_type": 32}


def any_sub(r, fields, bits):
    fields = [f for f in fields if FIELDS.get(f, (BITS.get(f, 0),))[0] >= bits]
    f = r.choice(fields)
    if f in BITS:
        return f"{f}[0..{bits - 1}]"
    return subfield(r, f, bits)


def set_action(r, kind):
    fields = [f for f in readable(kind) if f in FIELDS and FIELDS[f][3]]
    f = r.choice(fields)
    bits, _, maskable, _ = FIELDS[f]
    value = pick(r, f)
    if f == "nw_tos":
        value &= 0xfc
    how = r.random()
    if how < .4:
        return f"set_field:{say(f, value)}->{f}"
    if how < .6 and maskable:
        mask = mask_of(r, bits)
        return f"set_field:{say(f, value & mask)}/{say(f, mask)}->{f}"
    n = r.randint(1, min(bits, 64))
    return f"load:{r.getrandbits(n)}->{subfield(r, f, n)}"


def move_action(r, kind):
    fields = readable(kind)
    source = r.choice(fields)
    n = r.randint(1, FIELDS.get(source, (BITS.get(source, 0),))[0])
    targets = [f for f in fields if f in FIELDS and FIELDS[f][3] and FIELDS[f][0] >= n]
    if not targets:
        targets = [f for f in REGISTERS if FIELDS[f][0] >= n]
    source = any_sub(r, [source], n)
    return f"move:{source}->{subfield(r, r.choice(targets), n)}"


def learn_action(r, kind):
    """Without text that the reference's own reader takes amiss."""
    spec = []
    for _ in range(r.randint(0, 4)):
        how = r.random()
        if how < .25:
            f = r.choice(["reg%d" % r.randrange(16), "metadata", "eth_src", "eth_dst", "in_port", "vlan_tci"])
            spec.append(f + "[]" if f != "in_port" else "NXM_OF_IN_PORT[]")
        elif how < .4:
            n = r.randint(1, 32)
            spec.append(f"{subfield(r, 'reg%d' % r.randrange(8), n)}={any_sub(r, readable(kind), n)}")
        elif how < .5:
            spec.append(f"reg{r.randrange(8)}={r.getrandbits(16)}")
        elif how < .6:
            spec.append("eth_type=0x800")
        elif how < .8:
            n = r.randint(1, 32)
            spec.append(f"load:{any_sub(r, readable(kind), n)}->{subfield(r, 'reg%d' % r.randrange(8), n)}")
        elif how < .9:
            spec.append(f"load:{r.getrandbits(8)}->{subfield(r, r.choice(['reg3', 'xxreg2', 'eth_dst', 'metadata']), 8)}")
        else:
            spec.append("output:" + r.choice(["NXM_OF_IN_PORT[]", "reg1[]", "reg1[0..7]"]))
    options = []
    for o, p in (("table=%d" % r.choice([7, 8, 9]), .9), ("idle_timeout=%d" % r.choice([0, 5]), .4), ("hard_timeout=%d" % r.choice([0, 50]), .3),
                 ("priority=%d" % r.choice([0, 5, 65535]), .5), ("cookie=%d" % r.choice([0, 7]), .3), ("fin_idle_timeout=3", .1),
                 ("fin_hard_timeout=4", .1), ("limit=%d" % r.choice([0, 1, 2]), .2), ("delete_learned", .1), ("send_flow_rem", .1)):
        if r.random() < p:
            options.append(o)
    if r.random() < .2:
        options.append("result_dst=" + subfield(r, r.choice(["reg4", "xxreg1", "metadata"]), 1))
    return "learn(" + ",".join(options + spec) + ")"


def encaps(r, kind):
    ether = r.choice(["encap(ethernet)", "encap(ethernet),set_field:50:54:00:00:00:09->eth_dst"])
    nsh = r.choice(["encap(nsh)", "encap(nsh(md_type=1))", "encap(nsh(md_type=2))", "encap(nsh(md_type=2,tlv(0x1000,10,0x12345678),tlv(0x2000,20,0xfedcba9876543210)))",
                    "encap(nsh(md_type=1)),set_field:0x1234->nsh_spi", "encap(nsh),dec_nsh_ttl", "encap(nsh),set_field:5->nsh_si,set_field:7->nsh_c1"])
    mpls = r.choice(["encap(mpls)", "encap(mpls_mc)", "encap(mpls),set_field:3->mpls_label", "encap(mpls),dec_mpls_ttl"])
    pieces = [ether, nsh, mpls, "decap()", "decap(packet_type(ns=0,type=0))", "decap(packet_type(ns=1,type=0x800))", "decap(packet_type(ns=1,type=0x894f))"]
    return ",".join(r.choice([[nsh, ether], [mpls, ether], ["decap()"], ["decap()", ether], [r.choice(pieces)], r.sample(pieces, 2), r.sample(pieces, 3)]))


def action(r, kind, table, depth=0):
    x = r.random()
    if x < .25:
        return set_action(r, kind)
    if x < .37:
        return move_action(r, kind)
    if x < .5:
        return r.choice(["output:%d" % r.randint(1, 9), "output:%d" % r.randint(1, 4), "in_port", "local", "all", "flood", "normal", "output:99",
                         "output(port=%d,max_len=%d)" % (r.choice([1, 2, 8, 99]), r.choice([14, 60, 100])),
                         "output:" + any_sub(r, ["reg0", "reg1", "in_port", "metadata"], r.choice([8, 16])), "enqueue:%d:%d" % (r.choice([1, 2, 99]), r.choice([0, 5])),
                         "controller(max_len=%d,id=%d,reason=%s)" % (r.choice([0, 60, 65535]), r.choice([0, 5]), r.choice(["action", "no_match", "invalid_ttl", "group", "action_set", "packet_out"])),
                         "controller(userdata=01.02.03,meter_id=%d)" % r.choice([1, 2])])
    if x < .62 and table < 9:
        ct = ",ct" if r.random() < .05 else ""
        target = r.randint(table + 1, 9) if r.random() < .93 else r.randint(0, table)
        return r.choice([f"resubmit(,{target}{ct})", f"resubmit({r.randint(1, 9)},{target})", f"resubmit(,{target})", f"resubmit(in_port,{target})"])
    if x < .67 and depth < 3:
        return "clone(" + ",".join(action(r, kind, table, depth + 1) for _ in range(r.randint(1, 4))) + ")"
    if x < .73:
        return r.choice(["push:" + any_sub(r, readable(kind), r.choice([1, 8, 16, 32, 48])) if r.random() < .8 else "push:xxreg1[]",
                         "pop:" + subfield(r, r.choice(REGISTERS[:16]), r.randint(1, 32)), "pop:xxreg%d[]" % r.randrange(4), "pop:eth_src[]"])
    if x < .77:
        return r.choice(["push_vlan:0x8100", "push_vlan:0x88a8", "pop_vlan", "push_vlan:0x8100,set_field:%d->vlan_vid" % r.choice([4096, 4101, 8191]),
                         "set_field:%d->vlan_vid" % r.choice([4097, 4101]), "mod_vlan_vid:7", "mod_vlan_pcp:3", "push_vlan:0x8100,push_vlan:0x8100,push_vlan:0x88a8"])
    if x < .80:
        return learn_action(r, kind)
    if x < .83:
        return r.choice(["group:%d" % r.randint(1, 8), "group:%d" % r.randint(1, 10)])
    if x < .86:
        return encaps(r, kind)
    if x < .89:
        dst = subfield(r, r.choice(REGISTERS), r.randint(8, 32))
        return r.choice([f"multipath({r.choice(HASHES)},{r.randrange(65536)},{r.choice(['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'])},1,{r.choice([0, 7])},{dst})",
                         f"bundle({r.choice(HASHES)},{r.randrange(100)},active_backup,ofport,members:{r.choice(['99,2', '3,4', '99', '', 'LOCAL,1', '8'])})",
                         f"bundle({r.choice(HASHES)},{r.randrange(100)},hrw,ofport,members:{r.choice(['99,2', '99', '3', '8'])})",
                         f"bundle_load({r.choice(HASHES)},5,{r.choice(['hrw', 'active_backup'])},ofport,{subfield(r, r.choice(REGISTERS), 16)},members:{r.choice(['99,3', '99', '8'])})"])
    if x < .92:
        return r.choice(["note:00.01.02.03.04.05", "exit", "fin_timeout(idle_timeout=5,hard_timeout=7)", "fin_timeout(idle_timeout=1)",
                         "sample(probability=%d,collector_set_id=1,obs_domain_id=2,obs_point_id=3%s)" % (r.choice([1, 65535]), r.choice(["", ",sampling_port=2", ",egress", ",ingress"])),
                         "check_pkt_larger(%d)->%s" % (r.choice([1, 50, 1000]), subfield(r, r.choice(["reg5", "xxreg0", "metadata"]), 1)),
                         "set_queue:%d" % r.choice([0, 5]), "pop_queue", "meter:%d" % r.randint(1, 2), "conjunction(5,1/2)", "delete_field:tun_metadata0"])
    if kind in ("mpls", "mplsm"):
        return r.choice(["pop_mpls:0x0800", "pop_mpls:0x8847", "pop_mpls:0x86dd", "pop_mpls:0x6558", "dec_mpls_ttl", "push_mpls:0x8848", "push_mpls:0x8847,set_field:3->mpls_label,push_mpls:0x8847",
                         "set_mpls_ttl:1", "set_mpls_label:77", "set_mpls_tc:5", "decap()"])
    if kind.startswith("nsh"):
        return r.choice(["dec_nsh_ttl", "decap()", "decap(),decap()", "decap(),encap(ethernet)"])
    if kind in KINDS and ("nw_ttl" in KINDS[kind][1]):
        return r.choice(["dec_ttl", "dec_ttl(1,2)", "mod_nw_ttl:1", "mod_nw_ecn:2", "mod_nw_tos:12", "push_mpls:0x8847", "push_mpls:0x8848,push_mpls:0x8847", "ct_clear",
                         "ct(commit)", "ct(table=%d,zone=%d)" % (r.randint(1, 9), r.choice([0, 5])), "ct(commit,table=%d,zone=reg0[0..15],nat(src=%s))" % (r.randint(5, 9), "10.7.7.7" if "ip_src" in KINDS[kind][1] else "[fd00::7]"),
                         "ct(commit,exec(set_field:5->ct_mark,move:reg0[]->ct_label[3..34]))", "ct(nat,table=9)", "ct(force,commit)",
                         "mod_tp_src:5", "mod_tp_dst:6", "mod_nw_src:1.2.3.4", "mod_nw_dst:4.3.2.1"])
    return r.choice(["mod_dl_src:50:54:00:00:00:aa", "mod_dl_dst:50:54:00:00:00:bb", "output:3", "resubmit(,9)", "set_tunnel:7", "set_tunnel64:0x123456789a"])


def set_of_actions(r, kind):
    pieces = ["pop_vlan", "pop_mpls:0x0800", "decap()", "encap(ethernet)", "encap(nsh)", "push_mpls:0x8847", "push_vlan:0x8100", "push_vlan:0x88a8", "dec_ttl", "dec_mpls_ttl",
              "dec_nsh_ttl", "set_queue:3", "set_queue:4", "group:%d" % r.randint(1, 8), "output:%d" % r.randint(1, 9), "output:in_port", "resubmit(,9)", "ct(commit)", "ct_clear",
              "output(port=2,max_len=60)", "output:reg0[0..7]", "controller", "normal", "flood"]
    out = []
    for _ in range(r.choice([0, 1, 2, 4, 8])):
        out.append(r.choice([set_action, lambda r, k: r.choice(pieces), lambda r, k: r.choice(pieces[13:16]), move_action])(r, kind))
    return "write_actions(%s)" % ",".join(out)


def rule(r, table, p, priority):
    match, kind = match_of(r, p)
    acts = [action(r, kind, table) for _ in range(r.choice([0, 1, 2, 3, 5]))]
    if table < 9 and r.random() < .15:
        acts.insert(0, "meter:%d" % r.randint(1, 2)) if r.random() < .3 else None
        acts += ["clear_actions"] * (r.random() < .2) + ([set_of_actions(r, kind)] if r.random() < .8 else [])
        if r.random() < .4:
            acts.append("write_metadata:%#x/%#x" % (r.getrandbits(8), mask_of(r, 64)))
        if r.random() < .7:
            acts.append("goto_table:%d" % r.randint(table + 1, 9))
    extra = r.choice(["", "", "", ",cookie=%#x" % r.getrandbits(64), ",idle_timeout=7", ",hard_timeout=60000,importance=5", ",send_flow_rem", ",no_packet_counts", ",no_byte_counts"])
    return "table=%d,priority=%d%s%s,actions=%s" % (table, priority, extra, "," + match if match else "", ",".join(acts) or "drop")


def conjunctions(r, packets, priorities):
    """Several conjunctive matches that share clauses and ids, at priorities where other rules lie, too."""
    table, out = r.randint(0, 3), []
    ids = [r.choice([1, 2, 3, 0xffffffff]) for _ in range(r.randint(1, 3))]
    for priority in [next(priorities) for _ in range(r.randint(1, 2))]:
        seen = set()
        count = {i: r.choice([2, 2, 3, 4, 64]) for i in ids}
        for _ in range(r.randint(2, 14)):
            match, kind = match_of(r, r.choice(packets))
            if match in seen or "," not in match:
                continue
            seen.add(match)
            chosen = r.sample(sorted(set(ids)), r.randint(1, len(set(ids))))
            out.append("table=%d,priority=%d,%s,actions=%s" % (table, priority, match, ",".join(
                "conjunction(%d,%d/%d)" % (i, r.randint(1, min(count[i], 3)), count[i]) for i in chosen)))
    for i in set(ids):
        out.append("table=%d,priority=%d,conj_id=%d,actions=%s" % (table, next(priorities), i, action(r, "", table)))
    return out


def groups(r):
    """The choice among live buckets of weight is by a hash of each switch's own: one has weight."""
    out = []
    for i in range(1, 9):
        kind = r.choice(["all", "select", "indirect", "ff"])
        text = f"group_id={i},type={kind}"
        if kind == "select":
            text += r.choice(["", ",selection_method=dp_hash", ",selection_method=hash", ",selection_method=hash,fields(eth_src,ip_dst=255.255.0.0,tcp_dst)",
                              ",selection_method=hash,selection_method_param=5,fields(ipv6_src,eth_type,vlan_vid,in_port,reg3)", ",selection_method=dp_hash,selection_method_param=0x100000003"])
        n = {"indirect": 1, "ff": r.randint(0, 4), "all": r.randint(0, 4), "select": r.randint(0, 3)}[kind]
        heavy = r.randrange(n) if n else 0
        for b in range(n):
            acts = [action(r, r.choice(["", "tcp"]), 9) for _ in range(r.randint(0, 3))]
            acts = [a for a in acts if not re.search(r"meter|conjunction|group", a)] + [r.choice(["output:%d" % r.randint(1, 9), "resubmit(,9)", "group:%d" % r.randint(1, max(1, i - 1)), "group:%d" % r.randint(1, 9), ""])]
            acts = ",".join(a for a in acts if a)
            watch = ""
            if kind == "ff" or r.random() < .2:
                watch = r.choice([",watch_port:%d" % r.choice([1, 2, 99]), ",watch_group:%d" % r.randint(1, 9), ",watch_port:LOCAL", "" if kind != "ff" else ",watch_port:3"])
            weight = ",weight:%d" % (r.choice([1, 100, 65535]) if b == heavy else 0) if kind == "select" else ""
            text += f",bucket=bucket_id:{b}{weight}{watch},actions={acts or 'drop'}"
        out.append(text)
    return out


METERS = ["meter=1 kbps band=type=drop rate=1000", "meter=2 pktps burst stats band=type=drop rate=10 burst_size=5"]


def case(r):
    kinds = list(KINDS)
    packets = [Packet(r, kinds) for _ in range(8)]
    # Priorities in no order, none twice, but for conjunctions: between equals either answer is right.
    priorities = iter(r.sample(range(1, 65535), 200))
    flows = []
    for table in range(10):
        for _ in range(r.randint(1, 6)):
            flows.append(rule(r, table, r.choice(packets), next(priorities)))
        if r.random() < .6:
            match, acts = "", [action(r, "", table) for _ in range(r.randint(1, 3))]
            flows.append("table=%d,priority=0,actions=%s" % (table, ",".join(acts)))
    if r.random() < .4:
        flows += conjunctions(r, packets, priorities)
    return packets, flows, groups(r)


def ofctl(switch, *argv, text=None):
    return subprocess.run(["ovs-ofctl", "-O", "OpenFlow15", *argv[:1], f"unix:{switch.dir}/br0.mgmt", *argv[1:]],
                          input=text, capture_output=True, text=True, timeout=60)


def plain(text):
    text = re.sub(r"(?m)^\d{4}-\d\d-\d\dT[0-9:.]+Z\|\d+\|", "", text)
    text = re.sub(r"xid=0x[0-9a-f]+", "xid", text)
    return text


class Pair:
    def __init__(self):
        self.ours = Switch(None, "--enable-dummy", "--disable-system")
        try:
            self.theirs = Reference(None, "--enable-dummy", "--disable-system")
        except BaseException:
            self.ours.close()
            raise
        self.both, self.controls = (self.ours, self.theirs), []
        for s in self.both:
            self.controls.append(self.prepare(s))

    def prepare(self, s):
        for name, mode in (("br0", "secure"), ("br1", "standalone")):
            s.vsctl(f"add-br {name} -- set bridge {name} datapath_type=dummy fail-mode={mode} other_config:hwaddr=aa:55:aa:55:00:0{name[2]}")
        ports = "".join(f" -- add-port br0 {name} -- set interface {name} type=dummy ofport_request={i + 1}" +
                        (f" -- set port {name} {settings}" if settings else "") for i, (name, settings, _) in enumerate(pipeline_diff.PORTS))
        s.vsctl(ports[4:] + " -- add-port br0 pa -- set interface pa type=patch options:peer=pb ofport_request=8 -- add-port br1 pb -- set "
                "interface pb type=patch options:peer=pa ofport_request=1 -- add-port br1 p9 -- set interface p9 type=dummy ofport_request=2")
        control = Control(s)
        control.ask("time/stop")
        return control

    def theirs_again(self):
        self.theirs.close()
        self.theirs = Reference(None, "--enable-dummy", "--disable-system")
        self.both = (self.ours, self.theirs)
        self.controls[1] = self.prepare(self.theirs)

    def close(self):
        try:
            self.ours.close()
        finally:
            self.theirs.close()

    def ofctl(self, *argv, text=None):
        return [ofctl(s, *argv, text=text) for s in self.both]

    def ask(self, *argv):
        return [c.ask(*argv) for c in self.controls]


def mend(text):
    """What is known to differ by design (docs/compatibility.md); and the megaflow of a translation that failed, which the
    reference does not finish."""
    text = pipeline_diff.normalise(text)
    return re.sub(r"(?m)^Megaflow: .*$", "Megaflow: X", text) if "Translation failed" in text else text


def flatten(reports, depth=0):
    for x in reports:
        yield x
        yield from flatten(x.get("children", []))


def json_says_the_same(text, answer):
    """The text form's lines against the JSON form's."""
    try:
        steps = json.loads(answer)["steps"]
    except (ValueError, KeyError):
        return "not JSON: " + answer[:200]
    parts = re.split(r"^={70,}$", text, flags=re.M)
    if len(parts) < len(steps):
        return f"{len(steps)} steps, {len(parts)} parts"
    ids = lambda t: re.sub(r"recirc(_id=|\()(0x)?[0-9a-f]+", "recirc", t)  # noqa: E731
    for name, label in (("megaflow", "Megaflow: "), ("datapath_actions", "Datapath actions: "), ("final_flow", "Final flow: "), ("flow", "Flow: ")):
        lines = [x[len(label):] for x in text.split("\n") if x.startswith(label)]
        for line, step in zip(lines, steps):
            if ids(line) != ids(step.get(name, "")) and not (line == "unchanged" and name == "final_flow"):
                return f"{name}: {line} / {step.get(name)}"
    said = [x.get("text") for s in steps for x in flatten(s["report"]) if "text" in x]
    for t in said:
        if ids(t.split("\n")[0]) not in ids(text):
            return "not in the text: " + t
    return None


def survive(pair, numbers, one, count, meters=()):
    """ONE of each of NUMBERS. What the reference dies of is counted, and left out."""
    for number in numbers:
        try:
            one(number)
        except (AssertionError, OSError) as error:
            if not alive(pair.ours.pid()) or alive(pair.theirs.pid() or 0):
                raise
            print(f"case {number}: the reference died: {str(error)[:300]}")
            count["died"] += 1
            pair.theirs_again()
            for meter in meters:
                pair.ofctl("add-meter", meter)


def run(pair, args):
    count = dict(same=0, differ=0, refused=0, wider=0, died=0)
    shown = 0

    def tell(number, what, a, b, rules):
        nonlocal shown
        count["differ"] += 1
        shown += 1
        if shown > args.show:
            return
        print(f"case {number}: {what}")
        for line in difflib.unified_diff(b.split("\n"), a.split("\n"), "reference", "ours", n=args.context, lineterm=""):
            print("    " + line)
        if args.rules:
            print("    " + "\n    ".join(rules))

    def both(number, what, results, rules):
        a, b = [mend(plain(x)) for x in results]
        if pipeline_diff.alike(b, a):
            count["same"] += 1
            count["wider"] += a != b
        else:
            tell(number, what, a, b, rules)

    def load(number, kind, lines):
        """What the reference's ovs-ofctl cannot read is left out; what either switch refuses must be refused by both."""
        lines = list(lines)
        while lines:
            result = ofctl(pair.theirs, "add-flows" if kind == "flow" else "add-groups", "-", text="\n".join(lines) + "\n")
            wrong = re.search(r"^ovs-ofctl: -:(\d+): ", result.stderr, re.M)
            if not wrong:
                break
            del lines[int(wrong[1]) - 1]
            count["refused"] += 1
        ours = ofctl(pair.ours, "add-flows" if kind == "flow" else "add-groups", "-", text="\n".join(lines) + "\n")
        if not result.returncode and not ours.returncode:
            return
        for x in pair.ofctl("del-flows" if kind == "flow" else "del-groups"):
            assert not x.returncode, x
        for line in lines:
            results = pair.ofctl("add-" + kind, line)
            codes = [x.returncode for x in results]
            texts = [plain(x.stderr).split("***decode")[0].split(" (***")[0] for x in results]
            count["refused"] += any(codes)
            if codes[0] != codes[1] or texts[0] != texts[1]:
                tell(number, f"add-{kind} {line}", f"{codes[0]} {plain(results[0].stderr)}", f"{codes[1]} {plain(results[1].stderr)}", [])
                if not all(codes):
                    pair.ofctl("--strict", "del-flows", line.split(",actions=")[0]) if kind == "flow" else pair.ofctl("del-groups", line.split(",")[0])

    for meter in METERS:
        pair.ofctl("add-meter", meter)

    def one(number):
        r = random.Random(args.seed * 1000 + number)
        packets, flows, group_lines = case(r)
        pair.ofctl("del-flows")
        pair.ofctl("del-groups")
        load(number, "group", group_lines)
        load(number, "flow", flows)
        rules = group_lines + flows
        both(number, "dump-flows", ["\n".join(sorted(re.sub(r"duration=[0-9.]+s, ", "", x.stdout).splitlines())) for x in pair.ofctl("dump-flows")], [])
        for p in packets + [Packet(r, list(KINDS)) for _ in range(args.packets)]:
            command = ["ofproto/trace", "br0", str(p)] + r.choice([[], [], ["--names"], ["-generate"], ["--ct-next", r.choice(["trk,new", "trk,est", "trk,inv"])], ["--l7", "0102"], ["-consistent"]])
            results = pair.ask(*command)
            both(number, " ".join(command), results, rules)
            if "-generate" not in command:
                wrong = json_says_the_same(results[0], pair.controls[0].ask(*command, "--format", "json"))
                if wrong and not results[0].startswith(("Bad", "Unknown")) and "Megaflow" in results[0]:
                    tell(number, " ".join(command) + " --format json", wrong, "", rules)
    survive(pair, [args.case] if args.case is not None else range(args.cases), one, count, METERS)
    return count


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("cases", 20), ("packets", 10), ("seed", 1), ("show", 5), ("context", 4)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--case", type=int, help="this one alone")
    parser.add_argument("--rules", action="store_true")
    args = parser.parse_args()
    pair = Pair()
    try:
        count = run(pair, args)
    finally:
        pair.close()
    print("%(same)d alike (%(wider)d with a wider megaflow), %(differ)d differ, %(refused)d lines refused, the reference died %(died)d times" % count)
    sys.exit(count["differ"] != 0)


if __name__ == "__main__":
    main()
