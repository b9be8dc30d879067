#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Connections in both daemons: random conversations of two hosts through the simulation, packet by packet: what each packet's
ct_state is, what comes out, and which connections there are.

usage: conntrack.py [--cases N] [--packets N] [--seed N] [--nat] [--show N]

The rules write ct_state, ct_mark and the zone into the packet's Ethernet addresses, so that what comes out of a port tells all.
Differences that are meant are listed in docs/compatibility.md: SCTP ports are tracked here."""
import argparse
import pathlib
import random
import struct
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "system")]

from scapy.all import (Ether, IP, IPv6, TCP, UDP, ICMP, ICMPv6EchoRequest, ICMPv6EchoReply, Raw, raw, fragment)  # noqa: E402
from frames import Control  # noqa: E402
from switch import Reference, Switch  # noqa: E402

SHOW = "move:NXM_NX_CT_STATE[0..31]->NXM_OF_ETH_SRC[0..31],move:NXM_NX_CT_ZONE[]->NXM_OF_ETH_SRC[32..47]," \
       "move:NXM_NX_CT_MARK[]->NXM_OF_ETH_DST[0..31]"

RULES = {
    "plain": """
table=0,priority=10,ip,actions=ct(table=1,zone=7)
table=0,priority=10,ipv6,actions=ct(table=1,zone=7)
table=1,priority=10,in_port=1,ct_state=+new-inv,ip,actions=ct(commit,zone=7,exec(load:0x11->NXM_NX_CT_MARK[])),{show},2
table=1,priority=10,in_port=1,ct_state=+new-inv,ipv6,actions=ct(commit,zone=7,exec(load:0x11->NXM_NX_CT_MARK[])),{show},2
table=1,priority=10,in_port=2,ct_state=+new-inv+rel,ip,actions=ct(commit,zone=7,exec(load:0x22->NXM_NX_CT_MARK[])),{show},1
table=1,priority=10,in_port=2,ct_state=+new-inv+rel,ipv6,actions=ct(commit,zone=7,exec(load:0x22->NXM_NX_CT_MARK[])),{show},1
table=1,priority=5,in_port=1,actions={show},2
table=1,priority=5,in_port=2,actions={show},1
""",
    "both": """
table=0,priority=10,ip,actions=ct(table=1)
table=0,priority=10,ipv6,actions=ct(table=1)
table=1,priority=10,ct_state=+new,ip,actions=ct(commit),{show},in_port
table=1,priority=10,ct_state=+new,ipv6,actions=ct(commit),{show},in_port
table=1,priority=5,actions={show},in_port
""",
    "force": """
table=0,priority=10,in_port=1,ip,actions=ct(table=1)
table=0,priority=10,in_port=2,ip,actions=ct(commit,force,table=1)
table=1,priority=10,in_port=1,ct_state=+new,ip,actions=ct(commit),{show},2
table=1,priority=10,in_port=1,ct_state=+new,ipv6,actions=ct(commit),{show},2
table=1,priority=5,in_port=1,actions={show},2
table=1,priority=5,in_port=2,actions={show},1
""",
    "snat": """
table=0,priority=10,in_port=1,ip,actions=ct(commit,table=1,nat(src=10.0.9.1))
table=0,priority=10,in_port=2,ip,actions=ct(table=1,nat)
table=1,in_port=1,actions={show},2
table=1,in_port=2,actions={show},1
""",
    "dnat": """
table=0,priority=10,in_port=1,ip,actions=ct(commit,table=1,nat(dst=10.0.0.2:8080))
table=0,priority=10,in_port=2,ip,actions=ct(table=1,nat)
table=1,in_port=1,actions={show},2
table=1,in_port=2,actions={show},1
""",
    "snat6": """
table=0,priority=10,in_port=1,ipv6,actions=ct(commit,table=1,nat(src=fc00::99))
table=0,priority=10,in_port=2,ipv6,actions=ct(table=1,nat)
table=1,in_port=1,actions={show},2
table=1,in_port=2,actions={show},1
""",
}


class Under:
    def __init__(self, switch):
        self.switch, self.read_up_to = switch, {}
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail-mode=secure")
        for n in (1, 2):
            switch.vsctl(f"add-port br0 p{n} -- set interface p{n} type=dummy ofport_request={n} options:tx_pcap={switch.dir}/p{n}.pcap")
        self.control = Control(switch)
        self.control.ask("time/stop")

    def load(self, rules):
        self.switch.command("ovs-ofctl", "del-flows", f"unix:{self.switch.dir}/br0.mgmt")
        path = self.switch.dir / "rules"
        path.write_text(rules)
        self.switch.command("ovs-ofctl", "add-flows", f"unix:{self.switch.dir}/br0.mgmt", path)
        self.control.ask("dpctl/flush-conntrack")

    def new_frames(self, device):
        path = pathlib.Path(f"{self.switch.dir}/{device}.pcap")
        start = self.read_up_to.get(device, 24)
        data = path.read_bytes()[start:] if path.exists() else b""
        found, at = [], 0
        while len(data) - at >= 16:
            length = struct.unpack_from("<I", data, at + 8)[0]
            if len(data) - at - 16 < length:
                break
            found.append(data[at + 16:at + 16 + length].hex())
            at += 16 + length
        self.read_up_to[device] = start + at
        return found

    def receive(self, port, frame):
        self.control.ask("netdev-dummy/receive", port, frame.hex())
        return self.sent()

    def sent(self):
        return [(d, f) for d in ("p1", "p2") for f in self.new_frames(d)]

    def connections(self):
        return sorted(self.control.ask("dpctl/dump-conntrack", "-m", "-s").split("\n"))


class Host:
    """A TCP end that mostly does as it should."""

    def __init__(self, rng):
        self.seq, self.acked = rng.choice([rng.getrandbits(32), 2**32 - 20, 100]), 0


def addresses(rng, way, family):
    a, b = ("10.0.0.1", "10.0.0.2") if family == 4 else ("fc00::1", "fc00::2")
    if way:
        a, b = b, a
    ether = Ether(src="02:00:00:00:00:0%d" % (way + 1), dst="02:00:00:00:00:0%d" % (2 - way))
    return ether, (IP(src=a, dst=b) if family == 4 else IPv6(src=a, dst=b))


def tcp_packet(rng, way, family, ends, ports, dst=None):
    me, other = ends[way], ends[1 - way]
    flags = rng.choice(["S", "SA", "A", "A", "A", "PA", "PA", "FA", "FA", "R", "RA", "SF", "F", "", "SR", "U", "SAF"] if rng.random() < 0.3
                       else ["S", "SA", "A", "A", "PA", "FA"])
    seq, ack = me.seq, other.seq
    if rng.random() < 0.15:
        seq += rng.choice([1, -1, 1000, -1000, 70000, -70000, 200000, 2**31])
    if rng.random() < 0.1:
        ack += rng.choice([1, -1, 1000, -1000, 70000, -70000, 2**31])
    if rng.random() < 0.05:
        ack = 0
    length = rng.choice([0, 0, 1, 10, 500]) if "S" not in flags else 0
    options = rng.choice([[], [("WScale", rng.randrange(16))], [("MSS", 1460), ("NOP", None), ("WScale", 7)]]) if "S" in flags else []
    ether, ip = addresses(rng, way, family)
    sport, dport = ports if not way else ports[::-1]
    packet = ether / ip / TCP(sport=sport, dport=dport, flags=flags, seq=seq % 2**32, ack=ack % 2**32 if "A" in flags else 0,
                              window=rng.choice([0, 1, 500, 65535]), options=options) / Raw(b"x" * length)
    if rng.random() < 0.85:
        me.seq = (me.seq + length + ("S" in flags) + ("F" in flags)) % 2**32
    return packet


def any_packet(rng, way, family, ends, ports):
    kind = rng.random()
    ether, ip = addresses(rng, way, family)
    sport, dport = ports if not way else ports[::-1]
    if kind < 0.75:
        return tcp_packet(rng, way, family, ends, ports)
    if kind < 0.87:
        return ether / ip / UDP(sport=sport, dport=dport) / Raw(b"u" * rng.randrange(20))
    if kind < 0.94:
        if family == 4:
            return ether / ip / ICMP(type=rng.choice([8, 0, 0, 8, 13, 14, 17]), id=rng.choice([1, 2])) / Raw(b"i" * 4)
        return ether / ip / rng.choice([ICMPv6EchoRequest, ICMPv6EchoReply])(id=rng.choice([1, 2]))
    if kind < 0.98:
        return icmp_error(rng, way, family, ends, ports, ether, ip)
    bad = ether / ip / UDP(sport=sport, dport=dport, chksum=0x1234) / Raw(b"bad")
    return bad


def icmp_error(rng, way, family, ends, ports, ether, ip):
    """About a packet of the other side's."""
    _, inner_ip = addresses(rng, 1 - way, family)
    sport, dport = ports if way else ports[::-1]
    inner = inner_ip / rng.choice([TCP(sport=sport, dport=dport, flags="A", seq=5), UDP(sport=sport, dport=dport) / Raw(b"abcdefgh")])
    body = raw(inner)  # the reference refuses an IPv6 packet that is cut off in an error, though all long ones are
    if family == 4:
        body = body[:20 + rng.choice([8, 20, 28])]
        return ether / ip / ICMP(type=rng.choice([3, 11, 4, 12]), code=rng.choice([0, 1, 3])) / Raw(body)
    from scapy.all import ICMPv6DestUnreach, ICMPv6TimeExceeded
    return ether / ip / rng.choice([ICMPv6DestUnreach, ICMPv6TimeExceeded])(code=0) / Raw(body)


def is_odd_there(p, way, name):
    """What the reference does not do well: an error in a ct(force) ends the connection that it is about; an error with a
    translated IPv6 packet has a broken address; a SYN that begins a translated connection anew finds its old tuple in use."""
    return (name == "force" and ICMP in p) or (name == "snat6" and "ICMPv6" in p.summary() and "Echo" not in p.summary()) or \
        (name in ("snat", "snat6", "dnat") and TCP in p and p[TCP].flags == "S")


def conversation(rng, name, n):
    """(port, frame) or a number of milliseconds to wait."""
    ends, ports = (Host(rng), Host(rng)), (rng.choice([1000, 2000]), 80)
    family = 6 if name == "snat6" else rng.choice([4, 4, 6]) if name in ("plain", "both") else 4
    steps, established = [], rng.random() < 0.6
    for i in range(n):
        if rng.random() < 0.06:
            steps.append(rng.choice([1000, 29500, 31000, 61000, 46000, 901000]))
        if established and i < 3:
            way, flags = (0, 1, 0)[i], ("S", "SA", "A")[i]
            ether, ip = addresses(rng, way, family)
            sport, dport = ports if not way else ports[::-1]
            p = ether / ip / TCP(sport=sport, dport=dport, flags=flags, seq=ends[way].seq, ack=ends[1 - way].seq if i else 0, window=1000)
            ends[way].seq = (ends[way].seq + ("S" in flags)) % 2**32
        else:
            way = rng.randrange(2)
            p = any_packet(rng, way, family, ends, ports)
            if is_odd_there(p, way, name):
                continue
        steps.append(("p%d" % (way + 1), raw(p), way, name))
    return steps


def answer_of(frames):
    return sorted(frames)


def translated(step, name, family=4):
    """What the second host sends is sent to whom it saw."""
    port, frame, way, _ = step
    p = Ether(frame)
    if way and name == "snat" and IP in p and p[IP].dst == "10.0.0.1":
        p[IP].dst = "10.0.9.1"
        del p[IP].chksum
        for layer in (TCP, UDP):
            if layer in p:
                del p[layer].chksum
    if way and name == "snat6" and IPv6 in p and p[IPv6].dst == "fc00::1":
        p[IPv6].dst = "fc00::99"
        for layer in (TCP, UDP):
            if layer in p:
                del p[layer].chksum
        if ICMPv6EchoReply in p:
            del p[ICMPv6EchoReply].cksum
    if name == "dnat" and IP in p:
        layer = TCP if TCP in p else UDP if UDP in p else None
        if way and layer and p[layer].sport == 80:
            p[layer].sport = 8080
            del p[layer].chksum
        if not way:
            p[IP].dst = "10.0.0.7"
            del p[IP].chksum
            if layer:
                del p[layer].chksum
    return port, raw(p)


def receive(ours, theirs, port, frame):
    """What comes out of both."""
    got = [u.receive(port, frame) for u in (ours, theirs)]
    for _ in range(50):  # the reference sends when its main loop turns
        if got[0] == got[1] or len(got[0]) <= len(got[1]):
            break
        time.sleep(0.02)
        got[1] += theirs.sent()
    return got


def run(cases=60, packets=40, seed=1, nat=False, show=3, switches=None):
    rng = random.Random(seed)
    ours, theirs = switches
    names = ["snat", "dnat", "snat6"] if nat else ["plain", "both", "force"]
    differ = total = 0
    for case in range(cases):
        name = names[case % len(names)]
        rules = RULES[name].format(show=SHOW)
        story = []
        for under in (ours, theirs):
            under.load(rules)
        for step in conversation(rng, name, packets):
            if isinstance(step, int):
                for under in (ours, theirs):
                    under.control.ask("time/warp", str(step))
                story.append("wait %d" % step)
                continue
            port, frame = translated(step, name) if nat else step[:2]
            total += 1
            got = receive(ours, theirs, port, frame)
            story.append("%s %s" % (port, Ether(frame).summary() + (" seq %d ack %d win %d" % (Ether(frame)[TCP].seq, Ether(frame)[TCP].ack, Ether(frame)[TCP].window) if TCP in Ether(frame) else "")))
            conns = [u.connections() for u in (ours, theirs)]
            if got[0] != got[1] or conns[0] != conns[1]:
                differ += 1
                if differ <= show:
                    print("case %d (%s):" % (case, name))
                    print("\n".join("  " + line for line in story[-14:]))
                    if got[0] != got[1]:
                        print("  ours   %s\n  theirs %s" % (got[0], got[1]))
                    if conns[0] != conns[1]:
                        print("  ours   %s\n  theirs %s" % (conns[0], conns[1]))
                break
    return total, differ


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--packets", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=3)
    parser.add_argument("--nat", action="store_true")
    args = parser.parse_args()
    switches = []
    try:
        for kind in (Switch, Reference):
            switches.append(kind(None, "--enable-dummy", "--disable-system"))
        unders = [Under(s) for s in switches]
        total, differ = run(args.cases, args.packets, args.seed, args.nat, args.show, unders)
    finally:
        for s in switches:
            s.close()
    print("%d packets, %d of %d cases differ" % (total, differ, args.cases))
    return differ != 0


if __name__ == "__main__":
    sys.exit(main())
