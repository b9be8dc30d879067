#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/tables/openflow_messages.hex: OpenFlow messages, one a line in hex, that Debian's ovs-ofctl and its switch
exchange while commands run in every version; what neither says is added by hand below. openflow_print.py mutates them.

Usage: openflow_record.py > FILE     (a reference with a bridge br0 runs in $OVS_RUNDIR)"""
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

VERSIONS = ["10", "11", "12", "13", "14", "15"]
FLOWS = [l.split("\t")[1] for l in open(os.path.join(os.path.dirname(__file__), "../tables/openflow_flows.tsv"), encoding="utf-8")
         if not l.startswith("#") and l.split("\t")[2] == "M"]
COMMANDS = """
show
dump-desc
dump-tables
dump-table-features
dump-table-desc
dump-aggregate tcp
dump-flows
dump-flows table=0,out_port=1,cookie=1/3
dump-flows out_group=3
queue-stats
queue-stats 1 2
queue-get-config
queue-get-config 1
add-flow priority=5,tcp,tp_dst=80,cookie=7,idle_timeout=10,hard_timeout=20,actions=output:1,resubmit(,1)
add-flow table=1,importance=3,send_flow_rem,check_overlap,reset_counts,ip,actions=NORMAL
add-flow table=2,arp,actions=controller(max_len=100,id=3,userdata=01.02.03,pause)
add-flow table=3,ipv6,actions=ct(commit,zone=3,nat(src=fe80::1)),write_metadata:3,goto_table:7
add-flow table=4,in_port=1,vlan_tci=0x1003/0x1fff,actions=learn(table=5,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])
add-flow table=5,tun_id=4,tun_metadata0=3,actions=set_field:5->tun_id,group:3
dump-flows
mod-flows table=1,cookie=3/7,actions=drop
del-flows table=1,out_port=3
--strict del-flows priority=3,tcp
add-group group_id=3,type=all,bucket=actions=output:1,bucket=bucket_id=5,actions=set_field:5->reg1,output:2
add-group group_id=4,type=select,selection_method=hash,selection_method_param=3,fields(ip_src,tcp_dst=0xff),bucket=weight:5,output:1
add-group group_id=5,type=ff,bucket=watch_port:1,watch_group:3,actions=output:1
add-group group_id=6,type=indirect,bucket=actions=output:1
mod-group group_id=6,type=indirect,bucket=actions=output:2
insert-buckets group_id=3,command_bucket_id=last,bucket=bucket_id:7,actions=output:3
remove-buckets group_id=3,command_bucket_id=5
dump-groups
dump-groups 3
dump-group-stats
dump-group-stats 3
dump-group-features
del-groups group_id=5
add-meter meter=1,kbps,burst,stats,bands=type=drop,rate=100,burst_size=50
add-meter meter=2,pktps,bands=type=drop,rate=100,type=dscp_remark,rate=50,prec_level=1
mod-meter meter=1,kbps,bands=type=drop,rate=200
dump-meters
dump-meter meter=1
meter-stats
meter-stats meter=2
meter-features
del-meter meter=1
packet-out in_port=1,packet=505400000001505400000002080045000028000000004006f97cc0a80001c0a8000200080000000000000000000050000000f5f70000,actions=output:2,resubmit(,3)
packet-out in_port=controller,metadata=3,packet=50540000000150540000000208064500,actions=table
dump-ports
dump-ports 1
dump-ports-desc
dump-ports-desc 1
mod-port 1 down
mod-port 1 no-flood
mod-port 1 up
mod-table 0 controller
mod-table 0 evict
mod-table 0 vacancy:20,80
dump-table-desc
get-frags
set-frags drop
set-frags normal
dump-ipfix-bridge
dump-ipfix-flow
ct-flush-zone 3
ct-flush zone=5 ct_nw_src=10.1.1.1,ct_nw_proto=17,ct_tp_src=2
ct-flush ct_ipv6_src=fe80::1,ct_nw_proto=58,icmp_type=128,icmp_code=0 ct_nw_proto=58,icmp_type=129
add-tlv-map {class=0xffff,type=0,len=4}->tun_metadata0,{class=0xffff,type=1,len=124}->tun_metadata1
dump-tlv-map
del-tlv-map {class=0xffff,type=1,len=124}->tun_metadata1
del-tlv-map
monitor-once watch:
monitor-once watch:!initial,table=3,out_port=2,tcp
monitor-once watch:!own,!actions
monitor-once -P nxt_packet_in 65535 invalid_ttl
monitor-once -P nxt_packet_in2 100
bundle-flows
""".strip().splitlines()


def be16(n):
    return struct.pack(">H", n)


def be32(n):
    return struct.pack(">I", n)


def msg(version, kind, body, xid=3):
    return struct.pack(">BBHI", version, kind, 8 + len(body), xid) + body


def stats(version, reply, number, body, flags=0):
    pad = b"" if version == 1 else bytes(4)
    return msg(version, (17 if version == 1 else 19) if reply else (16 if version == 1 else 18),
               be16(number) + be16(flags) + pad + body)


def nx(version, number, body, vendor=0x2320):
    return msg(version, 4, be32(vendor) + be32(number) + body)


def nxstats(version, reply, number, body):
    return stats(version, reply, 0xffff, be32(0x2320) + be32(number) + (bytes(4) if version == 1 else b"") + body)


def props(*pairs, align=8, padded=True):
    out = b""
    for t, body in pairs:
        p = be16(t) + be16(4 + len(body)) + body
        out += p + bytes(-len(p) % align)
    return out


def by_hand():
    mac = bytes.fromhex("0a0b0c0d0e0f")
    nxm_match = bytes.fromhex("00000002" "0003" "00000602" "0800")  # in_port=3, eth_type=0x800: 12 bytes
    oxm_match = be16(1) + be16(4 + 8) + bytes.fromhex("80000004" "00000003") + bytes(4)
    out_action = {v: (be16(0) + be16(8) + be16(1) + be16(0)) if v == 1 else be16(0) + be16(16) + be32(1) + be16(0) + bytes(6)
                  for v in range(1, 7)}
    for v in range(1, 7):
        yield msg(v, 0, be16(1) + be16(8) + be32(0x7e))
        yield msg(v, 0, b"")
        yield msg(v, 2, b"hello")
        yield msg(v, 3, b"")
        for t, c in ((0, 0), (1, 1), (1, 6), (2, 5), (3, 2), (4, 9), (5, 3), (6, 5), (7, 1), (8, 1), (13, 3), (17, 2), (15, 1)):
            yield msg(v, 1, be16(t) + be16(c) + msg(v, 5, b""))
        yield msg(v, 1, be16(0) + be16(0) + b"no way\n\\")
        yield msg(v, 1, be16(0xb0c2) + be16(0) + be32(0x2320) + be16(1) + be16(257) + msg(v, 5, b""))
        yield msg(v, 1, be16(0xffff) + be16(4) + be32(0x2320) + msg(v, 5, b""))
        yield msg(v, 1, be16(0xffff) + be16(2300) + be32(0x4f4e4600) + msg(v, 5, b""))
        for n in range(4):
            yield msg(v, 9, be16(n) + be16(100 + n))
        yield msg(v, 8, be16(4) + be16(65535))
        # roles
        if v >= 3:
            for r in range(4):
                yield msg(v, 24, be32(r) + bytes(4) + be32(0) + be32(r))
                yield msg(v, 25, be32(r) + bytes(4) + b"\xff" * 8)
        for r in range(3):
            yield nx(v, 10, be32(r))
            yield nx(v, 11, be32(r))
        for r in range(3):
            yield msg(v, 30, be32(2) + bytes([r]) + bytes(3) + be32(0) + be32(7))
            yield nx(v, 1911, be32(3) + bytes([r]) + bytes(3) + be32(0) + be32(7), 0x4f4e4600)
        # async
        yield msg(v, 26, b"")
        yield msg(v, 28, struct.pack(">6I", 7, 3, 7, 0, 15, 0))
        yield msg(v, 27, struct.pack(">6I", 7, 3, 7, 0, 15, 0))
        p = props(*[(i, be32(1 << (i // 2))) for i in range(12)])
        yield msg(v, 28, p)
        yield msg(v, 27, p)
        yield nx(v, 19, struct.pack(">6I", 7, 3, 7, 0, 15, 0))
        yield nx(v, 27, p)
        # bundles
        for t in range(9):
            yield msg(v, 33, be32(1) + be16(t) + be16(3))
            yield nx(v, 2300, be32(1) + be16(t) + be16(1), 0x4f4e4600)
        inner = msg(v, 20, b"")
        yield msg(v, 34, be32(1) + be16(0) + be16(1) + inner)
        yield nx(v, 2301, be32(1) + be16(0) + be16(2) + inner, 0x4f4e4600)
        inner = msg(v, 16, be16(0) * 1 + be16(1) + bytes(4) + mac + bytes(2) + bytes(4) + be32(1) + be32(1) + bytes(4))
        yield msg(v, 34, be32(1) + be16(0) + be16(1) + inner)
        yield stats(v, False, 19, be32(1) + bytes(4))
        yield stats(v, True, 19, be16(7) + bytes(6) + be16(1) + be16(16) + bytes(12))
        yield stats(v, False, 19, be32(0) + bytes(4) + be16(1) + be16(20) + bytes(4) * 4)
        # table status, requestforward, controller status
        desc = be16(24) + bytes([3, 0]) + be32(12) + be16(2) + be16(8) + be32(3) + be16(3) + be16(8) + bytes([20, 80, 50, 0])
        yield msg(v, 31, bytes([3]) + bytes(7) + desc)
        yield msg(v, 31, bytes([4]) + bytes(7) + desc)
        group = msg(v, 15, be16(0) + bytes([0, 0]) + be32(3) + (b"" if v < 6 else be16(0) + bytes(2) + b"\xff" * 4))
        yield msg(v, 32, group)
        yield nx(v, 2350, group, 0x4f4e4600)
        yield msg(v, 32, msg(v, 29, be16(0) + be16(1) + be32(3) + be16(1) + be16(16) + be32(1) + be32(2) + bytes(4)))
        yield msg(v, 32, msg(v, 5, b""))
        cs = be16(32 + 0) + be16(3) + be32(2) + bytes([0, 1]) + bytes(6) + be16(0) + be16(16) + b"tcp:1.2.3.4\0"
        cs = be16(len(cs)) + cs[2:]
        yield msg(v, 35, cs)
        yield stats(v, False, 18, b"")
        yield stats(v, True, 18, cs + cs)
        # flow removed
        yield msg(v, 11, bytes(4) + bytes(36) + be32(0) + be32(5) + be16(3) + bytes([1, 0]) + be32(5) + be32(77777777)
                  + be16(9) + bytes(2) + be32(0) + be32(6) + be32(0) + be32(7)) if v == 1 else \
            msg(v, 11, be32(0) + be32(5) + be16(3) + bytes([1, 2]) + be32(5) + be32(77777777) + be16(9) + be16(4)
                + be32(0) + be32(6) + be32(0) + be32(7) + (oxm_match if v > 2 else be16(0) + be16(88) + bytes(84)))
        if v == 6:
            oxs = be16(0) + be16(4 + 4 * 5 + 8 + 8 + 8 + 8 + 4) + b"".join(
                [bytes.fromhex("80020008") + be32(3) + be32(500000000), bytes.fromhex("80020208") + be32(1) + be32(0),
                 bytes.fromhex("80020a08") + be32(0) + be32(9), bytes.fromhex("80020c08") + be32(0) + be32(10),
                 bytes.fromhex("80020604") + be32(1)])
            oxs += bytes(-len(oxs) % 8)
            yield msg(6, 11, bytes([2, 1]) + be16(3) + be16(4) + be16(5) + be32(0) + be32(9) + oxm_match + oxs)
            fs = be16(0) + bytes(2) + bytes([3, 1]) + be16(7) + oxm_match + oxs
            yield stats(6, True, 17, be16(len(fs)) + fs[2:])
            yield stats(6, True, 2, oxs)
        for r in range(7):
            yield nx(v, 14, be32(0) + be32(5) + be16(3) + bytes([r, 2]) + be32(5) + be32(77777777) + be16(9) + be16(4)
                     + be16(12) + bytes(0) + be32(0) + be32(6) + be32(0) + be32(7) + nxm_match + bytes(4)[:0])
        # packet in
        data = mac * 2 + bytes.fromhex("0800") + bytes.fromhex("4500001c00000000401166cf7f0000017f000001") + bytes.fromhex("00350035000800aa")
        yield msg(v, 10, be32(0xffffffff) + be16(len(data)) + be16(3) + bytes([1, 0]) + data) if v == 1 else \
            msg(v, 10, be32(0xffffffff) + be32(3) * 2 + be16(len(data)) + bytes([1, 2]) + data) if v == 2 else \
            msg(v, 10, be32(0xffffffff) + be16(len(data)) + bytes([1, 2]) + (be32(0) + be32(7) if v > 3 else b"") + oxm_match
                + bytes(2) + data)
        yield nx(v, 17, be32(5) + be16(len(data)) + bytes([0, 2]) + be32(0) + be32(9) + be16(14) + bytes(6) + nxm_match
                 + bytes(2) + bytes(2) + bytes(2) + data)
        pin2 = props((0, data), (1, be32(1000)), (2, be32(77)), (3, bytes([4])), (4, bytes(4) + be32(0) + be32(5)), (5, bytes([1])),
                     (6, bytes.fromhex("80000004" "00000003")), (7, b"\1\2\3"))
        yield nx(v, 30, pin2)
        yield nx(v, 28, pin2)
        # flow monitor
        fm = lambda v2: be32(5) + be16(0x3f) + be16(3) + be16(12) + bytes([4]) + bytes(5) + nxm_match + bytes(4)
        yield nxstats(v, False, 2, fm(v))
        yield nxstats(v, False, 2, fm(v) + fm(v))
        acts = out_action[1 if v == 1 else v]
        full = lambda ev: be16(24 + 16 + len(acts)) + be16(ev) + be16(2) + be16(100) + be16(5) + be16(6) + be16(12) + bytes([1, 0]) \
            + be32(0) + be32(77) + nxm_match + bytes(4) + acts
        for ev in range(3):
            yield nxstats(v, True, 2, full(ev))
        yield nxstats(v, True, 2, be16(8) + be16(3) + be32(99))
        yield nxstats(v, True, 2, full(0) + be16(8) + be16(3) + be32(99) + full(2))
        for n in (21, 22, 23):
            yield nx(v, n, be32(7))
            yield nx(v, n, b"")
        ofm = be32(5) + be32(1) + be32(0xffffffff) + be16(0x3f) + bytes([4, 0]) + oxm_match
        yield stats(v, False, 16, ofm)
        yield stats(v, False, 16, ofm + be32(6) + be32(0xffffffff) * 2 + be16(7) + bytes([255, 2]))
        inst = be16(4) + be16(8 + len(out_action[v])) + bytes(4) + out_action[v]
        of_full = lambda ev: be16(32 + len(oxm_match) + len(inst)) + be16(ev) + bytes([1, 2]) + be16(3) + be16(4) + be16(5) + bytes(4) \
            + be32(0) + be32(77) + oxm_match + inst
        for ev in range(4):
            yield stats(v, True, 16, of_full(ev))
        yield stats(v, True, 16, be16(8) + be16(4) + be32(99))
        yield stats(v, True, 16, be16(8) + be16(5) + be32(0))
        yield stats(v, True, 16, be16(8) + be16(6) + be32(0))
        # Nicira's small ones
        for n in range(4):
            yield nx(v, 12, be32(n))
            yield nx(v, 16, be32(n))
            yield nx(v, 15, bytes([n & 1]) + bytes(7))
        yield nx(v, 18, b"")
        yield nx(v, 20, bytes(6) + be16(77))
        yield nx(v, 29, bytes(6) + be16(77))
        yield nx(v, 32, bytes([0, 0]) + bytes(6))
        tlv = be16(0xffff) + bytes([1, 4]) + be16(3) + bytes(2)
        for c in range(4):
            yield nx(v, 24, be16(c) + bytes(6) + tlv * 2)
        yield nx(v, 25, b"")
        yield nx(v, 26, be32(256) + be16(64) + bytes(10) + tlv + tlv)
        for kind in (3, 4):
            body = be32(0) + b"".join(be32(0) + be32(i) for i in range(9))
            yield nxstats(v, True, kind, body if kind == 4 else body[4:])
            body = struct.pack(">4Q", 1, 2, 3, 4) + struct.pack(">9Q", *range(9))
            yield nxstats(v, True, kind, body)
            yield nxstats(v, True, kind, struct.pack(">10Q", *range(10)) + be32(5) + bytes(4))
            yield nxstats(v, False, kind, b"")
        # ports
        yield msg(v, 12, bytes([0]) + bytes(7) + (be16(3) + mac + b"eth0" + bytes(12) + be32(1) + be32(1) + be32(0x20) * 4 if v == 1 else
                  be32(3) + bytes(4) + mac + bytes(2) + b"eth0" + bytes(12) + be32(1) + be32(1) + be32(0x20) * 6 if v < 5 else
                  be32(3) + be16(72) + bytes(2) + mac + bytes(2) + b"eth0" + bytes(12) + be32(1) + be32(4) + be16(0) + be16(32) + bytes(4) + be32(0x820) * 6))
        if v >= 5:
            custom = be16(0xffff) + be16(0)  # custom statistics
            body = be32(0x2320) + be32(0) + be16(1) + be16(0)
            ent = bytes([4]) + b"abcd" + struct.pack(">Q", 9)
            prop = be16(0xffff) + be16(16 + len(ent)) + be32(0x2320) + be32(1) + be16(1) + bytes(2) + ent
            ps = be16(0) + bytes(2) + be32(3) + be32(4) + be32(5) + struct.pack(">8Q", *range(8)) \
                + be16(0) + be16(40) + bytes(4) + struct.pack(">4Q", 1, 2, 3, 4)
            yield stats(v, True, 4, be16(len(ps)) + ps[2:])
            ps2 = ps + prop + bytes(-len(prop) % 8)
            yield stats(v, True, 4, be16(len(ps2)) + ps2[2:])
            qd = be32(1) + be32(2) + be16(0) + bytes(6) + props((1, be16(500) + bytes(2)), (2, be16(700) + bytes(2)))
            yield stats(v, True, 15, qd[:8] + be16(len(qd)) + qd[10:])
            qs = be16(48) + bytes(6) + be32(1) + be32(2) + struct.pack(">3Q", 1, 2, 3) + be32(3) + be32(500000000)
            yield stats(v, True, 5, qs + qs)
        elif v > 1:
            pq = be32(2) + be32(1) + be16(32) + bytes(6) + be16(1) + be16(16) + bytes(4) + be16(500) + bytes(6)
            yield msg(v, 23, be32(3) + bytes(4) + pq)
            qs = be32(1) + be32(2) + struct.pack(">3Q", 1, 2, 3) + (be32(3) + be32(500000000) if v >= 4 else b"")
            yield stats(v, True, 5, qs + qs)
        else:
            pq = be32(2) + be16(24) + bytes(2) + be16(1) + be16(16) + bytes(4) + be16(500) + bytes(6)
            yield msg(v, 21, be16(3) + bytes(6) + pq)
            qs = be16(1) + bytes(2) + be32(2) + struct.pack(">3Q", 1, 2, 3)
            yield stats(v, True, 5, qs + qs)


class Proxy:
    """Listens in the place of the bridge's socket and keeps what passes."""

    def __init__(self, path, target):
        self.messages, self.path, self.target = [], path, target
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            a = self.server.accept()[0]
            b = socket.socket(socket.AF_UNIX)
            b.connect(self.target)
            for x, y in ((a, b), (b, a)):
                threading.Thread(target=self.relay, args=(x, y), daemon=True).start()

    def relay(self, x, y):
        kept = b""
        try:
            while True:
                data = x.recv(65536)
                if not data:
                    break
                kept += data
                y.sendall(data)
                while len(kept) >= 8 and len(kept) >= struct.unpack(">H", kept[2:4])[0]:
                    n = struct.unpack(">H", kept[2:4])[0]
                    self.messages.append(kept[:n])
                    kept = kept[n:]
        except OSError:
            pass
        for s in (x, y):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def run(*argv, timeout=10):
    return subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)


def main():
    rundir = os.environ["OVS_RUNDIR"]
    here = tempfile.mkdtemp()
    proxy = Proxy(here + "/p", rundir + "/br0.mgmt")
    flows = here + "/flows"
    seen, out = set(), []

    def keep(m):
        key = m[:4] + m[8:]
        if key not in seen and len(m) <= 3000:
            seen.add(key)
            out.append(m[:4] + bytes([0, 0, 0, 3]) + m[8:])

    for v in VERSIONS:
        option = ["-O", "OpenFlow" + v]
        for command in COMMANDS:
            words = command.split(" ", 1)
            if words[0] == "monitor-once":
                args = words[1].split()
                pre = [args.pop(0), args.pop(0)] if args[0] == "-P" else []
                p = subprocess.Popen(["ovs-ofctl", *option, *pre, "monitor", "unix:" + here + "/p", *args], stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT)
                time.sleep(0.3)
                run("ovs-ofctl", *option, "add-flow", rundir + "/br0.mgmt", "table=3,tcp,actions=output:2")
                run("ovs-ofctl", *option, "mod-flows", rundir + "/br0.mgmt", "table=3,tcp,actions=output:3")
                run("ovs-appctl", "netdev-dummy/receive", "p1", "in_port(1),eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07),eth_type(0x0800),ipv4(src=1.2.3.4,dst=1.2.3.5,proto=17,tos=0,ttl=64,frag=no),udp(src=5,dst=6)")
                run("ovs-ofctl", *option, "packet-out", rundir + "/br0.mgmt", "in_port=1,packet=50540000000150540000000208064500,actions=controller(userdata=03)")
                run("ovs-ofctl", *option, "del-flows", rundir + "/br0.mgmt", "table=3")
                run("ovs-ofctl", *option, "mod-port", rundir + "/br0.mgmt", "1", "down")
                run("ovs-ofctl", *option, "mod-port", rundir + "/br0.mgmt", "1", "up")
                p.terminate()
                p.wait()
                continue
            if words[0] == "bundle-flows":
                with open(flows, "w", encoding="utf-8") as f:
                    f.write("add table=9,tcp,actions=1\nmodify table=9,actions=2\ndelete table=9\n")
                run("ovs-ofctl", *option, "--bundle", "add-flows", "unix:" + here + "/p", flows)
                continue
            args = words[1].split(" ") if len(words) > 1 else []
            pre = []
            if words[0].startswith("--"):
                pre, words = [words[0]], [args[0]]
                args = args[1:]
            run("ovs-ofctl", *option, *pre, words[0], "unix:" + here + "/p", *args)
        # All flows of the table, as flow mods and as statistics.
        for i, flow in enumerate(sorted(set(FLOWS))):
            with open(flows, "w", encoding="utf-8") as f:
                f.write("priority=%d,%s\n" % (i + 1, flow))
            run("ovs-ofctl", *option, "add-flows", "unix:" + here + "/p", flows)
            if i % 40 == 39:
                run("ovs-ofctl", *option, "dump-flows", "unix:" + here + "/p")
                run("ovs-ofctl", *option, "del-flows", rundir + "/br0.mgmt")
        for m in proxy.messages:
            keep(m)
        proxy.messages.clear()
    for m in by_hand():
        keep(m)
    for m in out:
        print(m.hex())


if __name__ == "__main__":
    main()
