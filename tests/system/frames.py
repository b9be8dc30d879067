#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mutated frames through netdev-dummy/receive of our daemon and of the reference: the keys of the flows that they make
(dpctl/dump-flows) must be the same.

In mode "exact" megaflows are off, so that a flow shows the whole key; in mode "mega" a table of rules reads each field
that the packet's protocols have (by moving it into a register), so that the megaflow's mask shows which bits count.
usage: frames.py [COUNT [SEED [exact|mega]]]"""
import json
import pathlib
import random
import re
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
from diff_extract import ETH, PACKETS, TAGS, mutate  # noqa: E402
from netns import wait_for  # noqa: E402
from switch import Reference, Switch  # noqa: E402

BATCH = 40

# match -> fields that it makes readable
READS = {
    "": "eth_src eth_dst eth_type in_port",
    "vlan_tci=0x1000/0x1000": "vlan_tci",
    "ip": "ip_src ip_dst nw_tos nw_ttl nw_proto",
    "ipv6": "ipv6_src ipv6_dst nw_tos nw_ttl nw_proto ipv6_label",
    "tcp": "tcp_src tcp_dst tcp_flags", "tcp6": "tcp_src tcp_dst tcp_flags",
    "udp": "udp_src udp_dst", "udp6": "udp_src udp_dst",
    "sctp": "sctp_src sctp_dst", "sctp6": "sctp_src sctp_dst",
    "icmp": "icmp_type icmp_code", "icmp6": "icmpv6_type icmpv6_code",
    "icmp6,icmp_type=135,icmp_code=0": "nd_target nd_sll", "icmp6,icmp_type=136,icmp_code=0": "nd_target nd_tll",
    "arp": "arp_op arp_spa arp_tpa arp_sha arp_tha", "rarp": "arp_op arp_spa arp_tpa arp_sha arp_tha",
    "mpls": "mpls_label mpls_tc mpls_bos mpls_ttl", "mplsm": "mpls_label mpls_tc mpls_bos mpls_ttl",
    "eth_type=0x894f": "nsh_flags nsh_mdtype nsh_np nsh_spi nsh_si nsh_ttl",
    "eth_type=0x894f,nsh_mdtype=1": "nsh_c1 nsh_c2 nsh_c3 nsh_c4",
}
REGISTER = {"ipv6_src": "xxreg0", "ipv6_dst": "xxreg0", "nd_target": "xxreg0", "eth_src": "xreg4", "eth_dst": "xreg4",
            "nd_sll": "xreg4", "nd_tll": "xreg4", "arp_sha": "xreg4", "arp_tha": "xreg4"}


WIDTH = {"eth_src": 48, "eth_dst": 48, "arp_sha": 48, "arp_tha": 48, "nd_sll": 48, "nd_tll": 48, "ipv6_src": 128,
         "ipv6_dst": 128, "nd_target": 128, "eth_type": 16, "in_port": 16, "vlan_tci": 16, "nw_tos": 8, "nw_ttl": 8,
         "nw_proto": 8, "ipv6_label": 20, "tcp_flags": 12, "icmp_type": 8, "icmp_code": 8, "icmpv6_type": 8,
         "icmpv6_code": 8, "arp_op": 16, "mpls_label": 20, "mpls_tc": 3, "mpls_bos": 1, "mpls_ttl": 8, "nsh_flags": 8,
         "nsh_mdtype": 8, "nsh_np": 8, "nsh_spi": 24, "nsh_si": 8, "nsh_ttl": 8}


def width(field):
    return 16 if re.match(r"(tcp|udp|sctp)_(src|dst)$", field) else WIDTH.get(field, 32)


def rules():
    """Each protocol has a table of its own, so that a packet goes through all that it has."""
    lines = []
    for table, (match, fields) in enumerate(READS.items()):
        actions = []
        for field in fields.split():
            n = width(field)
            register = REGISTER.get(field, "reg7")
            name = {"nw_tos": "NXM_OF_IP_TOS", "nw_proto": "NXM_OF_IP_PROTO", "vlan_tci": "NXM_OF_VLAN_TCI",
                    "in_port": "NXM_OF_IN_PORT", "eth_type": "NXM_OF_ETH_TYPE"}.get(field, field)
            actions.append(f"move:{name}[]->{register}[0..{n - 1}]")
        last = table == len(READS) - 1
        ending = "note:00" if last else f"resubmit(,{table + 1})"
        lines.append(f"table={table},priority=10,{match}{',' if match else ''}actions={','.join(actions)},{ending}")
        if match:
            lines.append(f"table={table},priority=1,actions={ending}")
    return "\n".join(lines) + "\n"


class Control:
    """A control socket that stays open."""

    def __init__(self, switch):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(switch.dir / f"ovs-vswitchd.{switch.pid()}.ctl"))
        self.decoder, self.text = json.JSONDecoder(), ""

    def ask(self, *argv):
        request = {"id": 0, "method": argv[0], "params": [str(a) for a in argv[1:]]}
        self.socket.sendall(json.dumps(request).encode())
        while True:
            try:
                reply, end = self.decoder.raw_decode(self.text)
                self.text = self.text[end:]
                return reply["error"] if reply["error"] is not None else reply["result"]
            except ValueError:
                data = self.socket.recv(1 << 16)
                assert data, f"the daemon closed the connection {argv}"
                self.text += data.decode()

    def close(self):
        self.socket.close()


def frames(count, seed):
    rng = random.Random(seed)
    made = [bytes.fromhex(ETH + tag + packet) for packet in PACKETS if packet
            for tag in ("", "8100600a", "88a8000a8100200b")]
    while len(made) < count:
        frame = mutate(rng, bytes.fromhex(ETH + rng.choice(TAGS) + rng.choice(PACKETS)))
        if len(frame) >= 14:
            made.append(frame)
    rng.shuffle(made)
    return made[:count]


def counters(control):
    """(packets looked up, flows) of the datapath."""
    text = control.ask("dpctl/show")
    hit, missed, flows = map(int, re.search(r"hit:(\d+) missed:(\d+) .*?flows: (\d+)", text, re.S).groups())
    return hit + missed, flows


def keys(control, batch):
    """What the frames left behind: a line for each flow, without its identity and its actions. The reference answers
    before its main loop has come to the packets, or to the deletion."""
    before = counters(control)[0]
    answer = control.ask("netdev-dummy/receive", "p1", *[f.hex() for f in batch])
    wait_for(lambda: counters(control)[0] >= before + len(batch), "the packets")
    flows = control.ask("dpctl/dump-flows")
    # A frame that ends within its tag has none: one bit says so to us, the reference looks at all 16.
    flows = flows.replace("vlan(vid=0/0x0,cfi=0),encap()", "vlan(vid=0,cfi=0),encap()")
    control.ask("revalidator/purge")
    wait_for(lambda: counters(control)[1] == 0, "the flows to go")
    lines = [re.sub(r", used:.*", "", line) for line in flows.splitlines() if not line.startswith("flow-dump")]
    return [answer] + sorted(lines)


def prepare(switch, mode, directory):
    switch.vsctl("set open_vswitch . other_config:vlan-limit=2 -- add-br br0 -- set bridge br0 datapath_type=dummy "
                 "fail_mode=secure other_config:hwaddr=aa:55:aa:55:00:00 -- add-port br0 p1 -- set interface p1 "
                 "type=dummy ofport_request=1")
    path = pathlib.Path(directory) / "rules"
    path.write_text(rules() if mode == "mega" else "actions=drop\n")
    switch.command("ovs-ofctl", "-O", "OpenFlow13", "add-flows", f"unix:{switch.dir}/br0.mgmt", path)
    control = Control(switch)
    control.ask("time/stop")
    if mode == "exact":
        control.ask("upcall/disable-megaflows")
    return control


def compare(ours, theirs, batch, show):
    """Frames of BATCH (a halving search) whose keys differ."""
    a, b = keys(ours, batch), keys(theirs, batch)
    if a == b:
        return 0
    if len(batch) == 1:
        show(batch[0], a, b)
        return 1
    half = len(batch) // 2
    found = compare(ours, theirs, batch[:half], show) + compare(ours, theirs, batch[half:], show)
    if not found:  # only together
        show(b"".join(batch), sorted(set(a) - set(b)), sorted(set(b) - set(a)))
    return found or 1


def run(ours, theirs, count, seed, mode, show):
    """How many of COUNT frames differ."""
    a, b = prepare(ours, mode, ours.dir), prepare(theirs, mode, theirs.dir)
    made = frames(count, seed)
    differ = sum(compare(a, b, made[i:i + BATCH], show) for i in range(0, len(made), BATCH))
    a.close()
    b.close()
    return differ


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    mode = sys.argv[3] if len(sys.argv) > 3 else "exact"
    shown = []

    def show(frame, ours, theirs):
        shown.append(frame)
        if len(shown) <= 20:
            print(f"frame {frame.hex()}\n  ours      {ours}\n  reference {theirs}")

    options = ("--enable-dummy", "--disable-system")
    ours = Switch(None, *options)
    try:
        theirs = Reference(None, *options)
        try:
            differ = run(ours, theirs, count, seed, mode, show)
        finally:
            theirs.close()
    finally:
        ours.close()
    print(f"{count} frames, {differ} differ")
    sys.exit(differ != 0)


if __name__ == "__main__":
    main()
