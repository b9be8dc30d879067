# SPDX-License-Identifier: Apache-2.0
"""NetFlow (Bridge, netflow): the same packets through both switches, in simulation; the same records come out."""
import socket
import struct

import pytest

from collector import Listener, Socket
from netns import wait_for

IPV4 = ("in_port({}),eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07),eth_type(0x0800),"
        "ipv4(src={},dst={},proto={},tos={},ttl=64,frag={}),{}")
FIELDS = "src dst nexthop in out packets bytes first last sport dport pad flags proto tos sas das smask dmask pad2".split()


class Collector(Socket):
    def __init__(self, *args):
        super().__init__(*args)
        self.headers = []

    def records(self):
        """Those of all datagrams that have come: (what was, when)."""
        found = []
        for data in self.datagrams():
            version, n, uptime, _, _, sequence, kind, engine, sampling = struct.unpack_from("!HHIIIIBBH", data)
            assert version == 5 and 0 < n <= 30 and len(data) == 24 + 48 * n and not sampling
            self.headers.append((n, uptime, sequence, kind, engine))
            for i in range(n):
                record = dict(zip(FIELDS, struct.unpack_from("!IIIHHIIIIHHBBBBHHBBH", data, 24 + 48 * i)))
                times = (record.pop("first"), record.pop("last"))
                assert times[0] <= times[1] <= uptime
                found.append((tuple(record.items()), times))
        return found


class Bridge:
    def __init__(self, daemon, settings, collector):
        self.daemon, self.collector = daemon, collector
        ports = " ".join(f"-- add-port br0 p{i} -- set interface p{i} type=dummy ofport_request={i}" for i in (1, 2, 3))
        daemon.vsctl(f"add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure {ports} -- "
                     f"set bridge br0 netflow=@n -- --id=@n create netflow targets=\"{collector.target}\" {settings}")
        daemon.ask("time/stop")

    def rule(self, text):
        self.daemon.command("ovs-ofctl", "add-flow", "br0", text)

    def receive(self, port, src, dst, proto, layer4, tos=4, frag="no"):
        self.daemon.ask("netdev-dummy/receive", f"p{port}", IPV4.format(port, src, dst, proto, tos, frag, layer4))

    def warp(self, ms):
        self.daemon.ask("time/warp", str(ms), "100")


def what(records):
    return sorted(record for record, _ in records)


def traffic(bridge):
    bridge.rule("in_port=1,actions=2")
    bridge.rule("in_port=2,actions=1,3")
    bridge.rule("in_port=3,udp,actions=controller")
    bridge.rule("in_port=3,icmp,actions=flood")
    bridge.rule("in_port=3,tcp,actions=flood,1")
    bridge.rule("in_port=3,sctp,actions=enqueue:1:1,enqueue:2:1")
    bridge.rule("in_port=3,ip_proto=47,ip,actions=normal")
    bridge.receive(1, "1.0.0.1", "1.0.0.2", 6, "tcp(src=10,dst=20),tcp_flags(0x002)")
    bridge.receive(1, "1.0.0.1", "1.0.0.2", 6, "tcp(src=10,dst=20),tcp_flags(0x010)")
    bridge.receive(1, "1.0.0.1", "1.0.0.2", 6, "tcp(src=10,dst=21),tcp_flags(0x010)")
    for i, actions in enumerate(("drop", "controller,output:2", "output:2,controller", "in_port", "local", "all",
                                 "output:1,output:2", "output:77", "resubmit(,1)", "clone(output:3)", "dec_ttl,output:2"), 1):
        bridge.rule(f"table=0,priority=40000,in_port=2,udp,tp_dst={i},actions={actions}")
        bridge.receive(2, "1.0.0.2", "1.0.0.7", 17, f"udp(src=1,dst={i})")
    bridge.receive(1, "1.0.0.9", "1.0.0.2", 132, "sctp(src=1,dst=2)", tos=0)
    bridge.receive(2, "1.0.0.2", "1.0.0.1", 17, "udp(src=30,dst=40)")
    bridge.receive(3, "1.0.0.3", "1.0.0.1", 17, "udp(src=3,dst=4)")
    bridge.receive(3, "1.0.0.3", "1.0.0.1", 1, "icmp(type=8,code=3)")
    bridge.receive(3, "1.0.0.3", "1.0.0.1", 6, "tcp(src=3,dst=4),tcp_flags(0x011)")
    bridge.receive(3, "1.0.0.3", "1.0.0.1", 132, "sctp(src=3,dst=4)")
    bridge.daemon.ask("netdev-dummy/receive", "p3", IPV4.format(3, "1.0.0.3", "1.0.0.1", 47, 4, "no", "").rstrip(","))
    bridge.daemon.ask("netdev-dummy/receive", "p1", IPV4.format(1, "7.0.0.3", "1.0.0.1", 17, 4, "later", "").rstrip(","))
    bridge.daemon.ask("netdev-dummy/receive", "p2", IPV4.format(2, "8.0.0.3", "1.0.0.1", 99, 4, "no", "").rstrip(","))
    for rest in ("eth_type(0x0806),arp(sip=1.2.3.4,tip=1.2.3.5,op=1,sha=50:54:00:00:00:05,tha=00:00:00:00:00:00)",
                 "eth_type(0x1234)",
                 "eth_type(0x86dd),ipv6(src=::1,dst=::2,label=0,proto=17,tclass=0,hlimit=64,frag=no),udp(src=1,dst=2)"):
        bridge.daemon.ask("netdev-dummy/receive", "p1", f"in_port(1),eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07),{rest}")


@pytest.mark.parametrize("settings", ["active_timeout=10", "active_timeout=-1 engine_id=5 engine_type=7",
                                      "active_timeout=3 engine_id=201 add_id_to_interface=true"])
def test_records_are_the_references(simulation, reference, settings):
    told = []
    for daemon in (simulation, reference):
        collector = Collector()
        bridge = Bridge(daemon, settings, collector)
        traffic(bridge)
        flows = sorted(line.partition(", packets:")[0] for line in daemon.flows())
        seen = []
        for _ in range(4):
            bridge.receive(1, "1.0.0.1", "1.0.0.2", 6, "tcp(src=10,dst=20),tcp_flags(0x010)")
            bridge.warp(4000)
        seen += collector.records()
        bridge.warp(30000)
        seen += collector.records()
        # How one flow's packets are cut into records is a matter of moments.
        sums = {}
        for record, _ in seen:
            record = dict(record)
            counts = sums.setdefault(tuple((k, record[k]) for k in FIELDS if k in record and k not in ("packets", "bytes", "flags")),
                                     [0, 0, 0])
            counts[0] += record["packets"]
            counts[1] += record["bytes"]
            counts[2] |= record["flags"]
        assert collector.headers[-1][2] == len(seen) - 1  # flows are numbered
        assert sum(header[0] for header in collector.headers) == len(seen)
        told.append((sums, flows, {header[3:] for header in collector.headers} if "engine_type" in settings else None))
    assert told[0][0] == told[1][0]
    assert set(told[1][1]) <= set(told[0][1])
    assert told[0][2] == told[1][2]


def test_when_records_go_out(simulation):
    collector = Collector()
    bridge = Bridge(simulation, "active_timeout=10", collector)
    bridge.rule("in_port=1,actions=2")
    for _ in range(4):
        bridge.receive(1, "1.0.0.1", "1.0.0.2", 6, "tcp(src=10,dst=20),tcp_flags(0x010)")
        bridge.warp(4000)
    (active,) = [dict(record) | {"times": times} for record, times in collector.records()]
    assert active["packets"] == 3 and active["times"][1] - active["times"][0] == 8000
    bridge.warp(15000)  # the cached flow goes
    (rest,) = [dict(record) | {"times": times} for record, times in collector.records()]
    assert rest["packets"] == 1 and rest["times"][1] - active["times"][0] == 12000
    bridge.receive(1, "1.0.0.1", "1.0.0.2", 6, "tcp(src=10,dst=20),tcp_flags(0x010)")
    bridge.rule("in_port=1,actions=3")
    bridge.receive(1, "1.0.0.1", "1.0.0.2", 6, "tcp(src=10,dst=20),tcp_flags(0x010)")
    bridge.receive(1, "1.0.0.1", "1.0.0.2", 6, "tcp(src=10,dst=20),tcp_flags(0x010)")
    bridge.warp(2000)
    simulation.vsctl("clear bridge br0 netflow")  # what there is is told
    assert sorted((dict(record)["out"], dict(record)["packets"]) for record, _ in collector.records()) == [(2, 1), (3, 2)]
    bridge.receive(1, "1.0.0.1", "1.0.0.2", 6, "tcp(src=10,dst=20),tcp_flags(0x010)")
    bridge.warp(30000)
    assert not collector.records()


def test_many_flows_and_several_collectors(simulation):
    one, two = Collector(), Collector(socket.AF_INET6, "::1")
    bridge = Bridge(simulation, "active_timeout=1", one)
    simulation.vsctl(f'set netflow . targets="{one.target}","{two.target}","nonsense"')
    bridge.rule("actions=2")
    for i in range(100):
        bridge.receive(1, f"1.0.0.{i}", "1.0.0.2", 17, f"udp(src={i},dst=9)")
    bridge.warp(3000)
    for collector in (one, two):
        records = what(collector.records())
        assert len(records) == 100 and sorted(dict(record)["sport"] for record in records) == list(range(100))
        assert [header[0] for header in collector.headers] == [30, 30, 30, 10]
    assert "nonsense: port must be specified" in simulation.log()


def test_on_real_threads(net, switch):
    """Packets that forwarding threads and the kernel have moved are told of, too."""
    net.add_host("a", "va", "10.0.0.1/24")
    net.add_host("b", "vb", "10.0.0.2/24")
    listener = Listener(net, 2055)
    switch.vsctl('add-br br0 -- add-port br0 va -- add-port br0 vb -- set bridge br0 netflow=@n -- '
                 '--id=@n create netflow targets="127.0.0.1:2055" active_timeout=1')
    net.wait_ping("a", "10.0.0.2")
    net.run("a", "ping -c 300 -i 0.002 -q 10.0.0.2")
    counted = {"request": 0, "reply": 0}

    def all_told():
        data = listener.datagram()
        for i in range(struct.unpack_from("!H", data, 2)[0]):
            record = dict(zip(FIELDS, struct.unpack_from("!IIIHHIIIIHHBBBBHHBBH", data, 24 + 48 * i)))
            if record["proto"] == 1:
                counted["request" if record["dport"] == 0x800 else "reply"] += record["packets"]
        return min(counted.values()) >= 300
    wait_for(all_told, "the packets to be told of", 30)
    assert max(counted.values()) < 320
