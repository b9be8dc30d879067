#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mutated frames through the reference and through our extraction: the keys must be the same.

The reference's key is read where ofproto/trace shows it: "Flow:" is the whole of it.
usage: diff_extract.py PROBE [COUNT [SEED]]"""
import random, re, sys
from reference import Probe, Reference

ETH = "020000000001" "020000000002"
L7 = bytes(range(64)).hex()


def ip4(proto, payload, frag=0, options="", tot=None):
    ihl = 5 + len(options) // 8
    total = ihl * 4 + len(payload) // 2 if tot is None else tot
    return "0800%02x05%04x0000%04x40%02x00000a0000010a000002" % (0x40 + ihl, total, frag, proto) + options + payload


def ip6(nxt, payload, plen=None):
    return "86dd60312345%04x%02x40" % (len(payload) // 2 if plen is None else plen, nxt) + \
        "20010db8000000000000000000000001" "20010db8000000000000000000000002" + payload


TCP = "0001000200000003000000045012ffff00000000" + L7
UDP = "000100020048000000" [:16] + L7
SCTP = "000100020000000300000004" + L7
ICMP = "0800f7ff00010002" + L7
IGMP = "16000904e0000001"
ND_NS = "87000000" "00000000" "fe800000000000000000000000000009" "0101020000000003"
ND_NA = "88000000" "60000000" "fe800000000000000000000000000009" "0201020000000004"
ND_BOTH = "87000000" "00000005" "fe800000000000000000000000000009" "0101020000000003" "0201020000000004"
ND_TWICE = "87000000" "00000005" "fe800000000000000000000000000009" "0101020000000003" "0101020000000004"
ND_ZERO = "87000000" "00000000" "fe800000000000000000000000000009" "0100020000000003"
ND_OTHER = "87000000" "00000000" "fe800000000000000000000000000009" "0502000000000000" "0000000000000000" "0101020000000003"
ND_LONG = "87000000" "00000000" "fe800000000000000000000000000009" "0102020000000003" "0000000000000000"
ARP = "0806000108000604000102000000000a01020304000000000000" "05060708"
NSH = "894f" "0fc6010300000005ff" [0:0] + "0fc60103" "000005ff" "00000001000000020000000300000004" + L7
NSH2 = "894f" "0fc40203" "000005ff" "0101000400000001" + L7
PACKETS = [
    ip4(6, TCP), ip4(17, UDP), ip4(132, SCTP), ip4(1, ICMP), ip4(2, IGMP), ip4(99, L7), ip4(47, L7), ip4(58, ICMP),
    ip4(6, TCP, options="01010101"), ip4(17, UDP, frag=0x2000), ip4(17, UDP, frag=0x2010), ip4(17, UDP, frag=0x0010),
    ip4(17, UDP, frag=0x4000), ip4(6, TCP, frag=0x2000), ip4(6, TCP) + "000000000000",
    ip6(6, TCP), ip6(17, UDP), ip6(132, SCTP), ip6(58, "8000000000010002" + L7), ip6(58, ND_NS), ip6(58, ND_NA),
    ip6(58, ND_BOTH), ip6(58, ND_TWICE), ip6(58, ND_ZERO), ip6(58, ND_OTHER), ip6(58, ND_LONG), ip6(1, ICMP),
    ip6(2, IGMP), ip6(58, "87010000" + ND_NS[8:]), ip6(17, UDP) + "0000000000",
    ip6(0, "1100000000000000" + UDP), ip6(0, "3c00000000000000" "1100000000000000" + UDP), ip6(43, "0601000000000000" "0000000000000000" + TCP),
    ip6(44, "1100000000000005" + UDP), ip6(44, "1100000100000005" + UDP), ip6(44, "1100000200000005" + UDP),
    ip6(58, ND_NS + "0200020000000003"), ip6(58, ND_NS + "0209020000000003"), ip6(44, "1100001000000005" + UDP),
    ip6(44, "1100001100000005" + UDP), ip6(0, "2c00000000000000" "3c00000100000007" "1100000000000000" + UDP),
    ip6(51, "1104000000000001" "0000000000000000" "0000000000000000" + UDP), ip6(60, "11ff000000000000" + UDP),
    ip6(44, "2c00000100000005" "1100000100000005" + UDP), ip6(59, ""), ip6(50, UDP),
    "894f" "0fc41103" "000005ff" + L7, "894f" "0fc40303" "000005ff" + L7, "894f" "0fc60303" "000005ff" + L7,
    ARP, "8035" + ARP[4:], ARP + "00" * 18, NSH, NSH2, "8847" "00001141" + L7, "8847" "00001040" "00002041" "00003141" + L7,
    "8847" "00001040" "00002041" "00003041" "00004141" + L7, "8848" "00001141" + L7,
    "0040aaaa03000000" + ip4(6, TCP), "0040424203" + L7, "0040aaaa0300000005ff" + L7, "0040aaaa030000010800" + L7,
    "05ff" + L7, "0600" + L7, "1234" + L7, "88cc" + L7, "9100000a" + ip4(6, TCP), "",
]
TAGS = ["", "", "", "8100600a", "8100100a", "81000000", "88a8f00f", "8100000a8100000b", "88a8000a8100200b",
        "8100000a8100000b8100000c"]


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3, 8])):
        if data:
            i = rng.randrange(len(data)) if rng.random() < .5 else min(len(data) - 1, 12 + rng.randrange(50))
            data[i] = rng.choice([0, 1, 2, 0xff, 0x80, data[i] ^ (1 << rng.randrange(8)), rng.randrange(256)])
    if rng.random() < .5:
        del data[rng.randrange(min(14, len(data)), len(data) + 1):]
    return bytes(data)


def main():
    probe, count = Probe(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng, ref, bad = random.Random(seed), Reference(), 0
    frames = [bytes.fromhex(ETH + t + p) for p in PACKETS for t in ("", "8100600a", "88a8000a8100200b")]
    while len(frames) < count:
        frames.append(mutate(rng, bytes.fromhex(ETH + rng.choice(TAGS) + rng.choice(PACKETS))))
    for frame in frames[:count]:
        if len(frame) < 14:
            continue
        reply = ref.appctl("ofproto/trace", "br0", "in_port=1", frame.hex())
        m = re.search(r"^Flow: (.*)$", reply, re.M)
        theirs, ours = m.group(1) if m else reply.strip(), probe.ask("flow", frame.hex())
        if theirs != ours:
            bad += 1
            if bad <= 25:
                print("frame %s\n reference %s\n ours      %s" % (frame.hex(), theirs, ours))
    print("%d frames, %d differ" % (min(count, len(frames)), bad))
    sys.exit(bad != 0)


if __name__ == "__main__":
    main()
