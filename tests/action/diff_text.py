#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random datapath actions: dpctl/parse-actions of the reference and ours read and write the same.

What the reference alone cannot read or writes wrongly is not generated (action/text_test.c has it). Where it takes a
number that is out of range, and cuts it, we may refuse.
usage: diff_text.py PROBE [N [SEED]]"""
import os, random, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../flow"))
from reference import Probe, Reference

R = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)


def num(bits):
    v = R.choice([0, 1, R.getrandbits(bits), (1 << bits) - 1, R.getrandbits(max(bits // 2, 1))])
    return R.choice(["%d", "0x%x", "%d"]) % v


def mac():
    return ":".join("%02x" % R.getrandbits(8) for _ in range(6))


def ip4():
    return ".".join(str(R.getrandbits(8)) for _ in range(4))


def ip6():
    return R.choice(["::1", "fc00::%x" % R.getrandbits(16), "2001:db8:%x::%x:0:1" % (R.getrandbits(16), R.getrandbits(8)),
                     "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8"])


def masked(value, mask):
    """A value; with a mask, it has no bits outside (we do not keep them)."""
    return value if R.random() < .7 else mask


def bits(n, hexa=False):
    v = R.getrandbits(n)
    m = R.getrandbits(n) or 1
    f = R.choice(["0x%x", "%d"])
    return masked(f % v, "0x%x/0x%x" % (v & m, m))


FIELDS = {
    "eth": {"src": mac, "dst": mac},
    "ipv4": {"src": ip4, "dst": ip4, "proto": lambda: num(8), "tos": lambda: bits(8), "ttl": lambda: bits(8),
             "frag": lambda: R.choice(["no", "first", "later"])},
    "ipv6": {"src": ip6, "dst": ip6, "label": lambda: bits(20), "proto": lambda: num(8), "tclass": lambda: bits(8),
             "hlimit": lambda: bits(8), "frag": lambda: R.choice(["no", "first", "later"])},
    "tcp": {"src": lambda: bits(16), "dst": lambda: bits(16)}, "udp": {"src": lambda: bits(16), "dst": lambda: bits(16)},
    "sctp": {"src": lambda: bits(16), "dst": lambda: bits(16)}, "icmp": {"type": lambda: bits(8), "code": lambda: bits(8)},
    "icmpv6": {"type": lambda: bits(8), "code": lambda: bits(8)},
    "arp": {"sip": ip4, "tip": ip4, "op": lambda: bits(16), "sha": mac, "tha": mac},
    "nd": {"target": ip6, "sll": mac, "tll": mac},
    "nd_ext": {"nd_reserved": lambda: num(32), "nd_options_type": lambda: bits(8)},
}


def some(fields):
    keys = [k for k in fields if R.random() < .6] or [R.choice(list(fields))]
    return ",".join("%s=%s" % (k, fields[k]()) for k in keys)


def set_action():
    kind = R.choice(list(FIELDS) + ["skb_mark", "skb_priority", "mpls", "tunnel"])
    if kind == "skb_mark":
        return "set(skb_mark(%s))" % bits(32)
    if kind == "skb_priority":
        return "set(skb_priority(%s))" % num(32)
    if kind == "mpls":
        return "set(mpls(label=%d,tc=%d,ttl=%d,bos=%d))" % (R.getrandbits(20), R.getrandbits(3), R.getrandbits(8), R.getrandbits(1))
    if kind == "tunnel":
        items = ["tun_id=0x%x" % R.getrandbits(R.choice([1, 24, 64])), "src=" + ip4(), "dst=" + ip4(),
                 "tos=0x%x" % R.randint(1, 255), "ttl=%d" % R.getrandbits(8), "tp_src=%d" % R.randint(1, 65535),
                 "tp_dst=%d" % R.randint(1, 65535)]
        last = R.choice(["", "vxlan(gbp(id=%d,flags=0x%x))" % (R.randint(1, 65535), R.randint(1, 255)),
                         "geneve(" + "".join("{class=0x%x,type=0x%x,len=4,0x%x}" % (R.getrandbits(16), R.getrandbits(8), R.getrandbits(32))
                                             for _ in range(R.randint(1, 3))) + ")"])
        flags = R.sample(["df", "csum"], R.randint(0, 2)) + ["key"]
        return "set(tunnel(%s))" % ",".join(i for i in [items[0]] + [i for i in items[1:] if R.random() < .7] + [last, "flags(%s)" % "|".join(flags)] if i)
    return "set(%s(%s))" % (kind, some(FIELDS[kind]))


def nat():
    if R.random() < .2:
        return "nat"
    side = R.choice(["src", "dst"])
    form = R.randint(0, 5)
    port = R.choice(["", ":%d" % R.randint(1, 65535), ":%d-%d" % (R.randint(1, 100), R.randint(101, 65535))])
    addr = ["", "=" + ip4(), "=%s-%s" % (ip4(), ip4()), "=[%s]" % ip6() if port else "=" + ip6(),
            ("=[%s]-[%s]" if port else "=%s-%s") % (ip6(), ip6()), ""][form]
    if not addr:
        return "nat(%s)" % side
    return "nat(%s%s%s%s%s)" % (side, addr, port, R.choice(["", ",persistent"]), R.choice(["", ",hash", ",random"]))


def ct():
    parts = [R.choice(["", "commit", "force_commit"]), R.choice(["", "zone=%d" % R.getrandbits(16)]),
             R.choice(["", "mark=0x%x" % R.getrandbits(32), "mark=%x/%x" % (5, R.getrandbits(32))]), R.choice(["", "label=0x%x" % R.getrandbits(128), "label=0x%x/0x%x" % (5, 7)]),
             R.choice(["", "helper=ftp"]), R.choice(["", "timeout=policy1"]), R.choice(["", nat()])]
    return "ct(%s)" % ",".join(p for p in parts if p) if any(parts) else "ct"


def userspace():
    cookie = R.choice([
        "sFlow(vid=%d,pcp=%d,output=%d)" % (R.getrandbits(12), R.getrandbits(3), R.getrandbits(32)),
        "slow_path(%s)" % R.choice(["cfm", "bfd", "lacp", "stp", "lldp", "action", "match", "cfm|stp"]),
        "flow_sample(probability=%d,collector_set_id=%d,obs_domain_id=%d,obs_point_id=%d,output_port=%d%s)" % (
            R.getrandbits(16), R.getrandbits(32), R.getrandbits(32), R.getrandbits(32), R.getrandbits(32),
            R.choice(["", ",ingress", ",egress"])),
        "ipfix(output_port=%d)" % R.getrandbits(32),
        "controller(reason=%d,dont_send=%d,continuation=%d,recirc_id=%d,rule_cookie=0x%x,controller_id=%d,max_len=%d)" % (
            R.getrandbits(8), R.getrandbits(1), R.getrandbits(1), R.getrandbits(32), R.randint(1, 1 << 63), R.getrandbits(16),
            R.getrandbits(16)),
        "userdata(%s)" % "".join("%02x" % R.getrandbits(8) for _ in range(R.randint(1, 30)))])
    return "userspace(pid=%d,%s%s%s)" % (R.getrandbits(32), cookie, R.choice(["", ",actions"]),
                                         R.choice(["", ",tunnel_out_port=%d" % R.getrandbits(31)]))


def action(depth):
    plain = [lambda: str(R.getrandbits(R.choice([3, 32]))), set_action, set_action, ct, userspace,
             lambda: "push_vlan(%svid=%d,pcp=%d%s)" % (R.choice(["", "tpid=0x88a8,", "tpid=0x9100,"]), R.getrandbits(12), R.getrandbits(3),
                                                      R.choice(["", ",cfi=0"])),
             lambda: "pop_vlan", lambda: "ct_clear", lambda: "trunc(%d)" % R.getrandbits(16), lambda: "meter(%d)" % R.getrandbits(32),
             lambda: "recirc(%d)" % R.randint(1, 0xffffffff), lambda: "lb_output(%d)" % R.getrandbits(32), lambda: "tnl_pop(%d)" % R.getrandbits(32),
             lambda: "pop_nsh()", lambda: "add_mpls(label=%d,tc=%d,ttl=%d,bos=%d,eth_type=0x8847)" % (
                 R.getrandbits(20), R.getrandbits(3), R.getrandbits(8), R.getrandbits(1)),
             lambda: "push_nsh(flags=%d,ttl=%d,mdtype=1,np=%d,spi=0x%x,si=%d,c1=0x%x,c2=0x%x,c3=0x%x,c4=0x%x)" % (
                 R.getrandbits(2), R.getrandbits(6), R.randint(1, 5), R.getrandbits(24), R.getrandbits(8), *(R.getrandbits(32) for _ in range(4)))]
    nested = [lambda: "clone(%s)" % actions(depth - 1), lambda: "sample(sample=%.1f%%,actions(%s))" % (R.randint(0, 1000) / 10, actions(depth - 1)),
              lambda: "check_pkt_len(size=%d,gt(%s),le(%s))" % (R.getrandbits(16), actions(depth - 1), actions(depth - 1))]
    return R.choice(plain + (nested * 2 if depth > 0 else []))()


def actions(depth):
    return ",".join(action(depth) for _ in range(R.randint(1, 3)))


def spoil(text):
    """One character other than it was."""
    i = R.randrange(len(text))
    return text[:i] + R.choice(["", "", R.choice("(),=:/x0 9a")]) + text[i + 1:]


def main():
    probe, n = Probe(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    reference = Reference()
    same = refused = wrong = lenient = 0
    for i in range(n):
        text = actions(2)
        if i % 4 == 3:
            text = spoil(text)
        theirs = reference.appctl("dpctl/parse-actions", text).rstrip("\n")
        ours = probe.ask("actions", text)
        bad = "odp_actions_from_string" in theirs
        if bad and ours.startswith("error:"):
            refused += 1
        elif not bad and ours == theirs:
            same += 1
        elif i % 4 == 3:
            lenient += 1
            if "-v" in sys.argv:
                print("spoilt: %s\n  reference: %s\n  ours:      %s" % (text, theirs, ours))
        else:
            wrong += 1
            print("%s\n  reference: %s\n  ours:      %s" % (text, theirs, ours))
    print("%d the same, %d refused by both, %d spoilt ones judged differently, %d wrong" % (same, refused, lenient, wrong))
    sys.exit(wrong != 0)


main()
