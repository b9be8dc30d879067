# SPDX-License-Identifier: Apache-2.0
"""sFlow (Bridge, sflow): the same packets through both switches, in simulation; the same actions and samples
come out."""
import struct

from collector import Socket
from netns import wait_for

PACKET = ("in_port(1),eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07),{}eth_type(0x0800),"
          "ipv4(src=1.1.1.1,dst=2.2.2.2,proto=17,tos=4,ttl=64,frag=no),udp(src=1,dst=2){}")
TRACE = "in_port=1,udp,nw_src=1.1.1.1,nw_dst=2.2.2.2,udp_src=1,udp_dst=2,nw_ttl=64"


class Words:
    """XDR."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def word(self):
        self.at += 4
        return struct.unpack_from("!I", self.data, self.at - 4)[0]

    def words(self, n):
        return tuple(self.word() for _ in range(n))

    def opaque(self, padded=True):
        n = self.word()
        found = self.data[self.at:self.at + n]
        assert len(found) == n
        self.at += (n + 3) // 4 * 4 if padded else n
        return found

    def rest(self):
        while self.at < len(self.data):
            yield self


class Collector(Socket):
    def __init__(self):
        super().__init__()
        self.sequence = 0

    def samples(self):
        """Of all datagrams that have come: (type, fixed words, {record: what is in it})."""
        found = []
        for data in self.datagrams():
            words = Words(data)
            version, family, agent, sub, sequence, _, n = words.words(7)
            assert (version, family, agent, sub) == (5, 1, 0x7f000001, 0)
            assert sequence in (1, self.sequence + 1)
            self.sequence = sequence
            for _ in range(n):
                kind = words.word()
                found.append(self.sample(kind, words.opaque(False)))
            assert words.at == len(data)
        return found

    def sample(self, kind, data):
        words = Words(data)
        fixed = words.words(7 if kind == 1 else 2)
        records = {}
        for _ in range(words.word()):
            number = words.word()
            records[number] = words.opaque(False)
        assert words.at == len(data)
        if kind == 1:
            header = Words(records[1])  # what fills it up to whole words means nothing
            records[1] = (header.words(3), header.opaque())
        return kind, fixed, records


class Bridge:
    def __init__(self, daemon, settings):
        self.daemon, self.collector = daemon, Collector()
        ports = " ".join(f"-- add-port br0 p{i} -- set interface p{i} type=dummy ofport_request={i} "
                         f"options:ifindex={1000 + i}" for i in (1, 2, 3))
        daemon.vsctl(f"add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure {ports} -- set bridge br0 sflow=@s -- "
                     f"--id=@s create sflow targets=\"{self.collector.target}\" agent=127.0.0.1 {settings}")
        daemon.ask("time/stop")

    def rule(self, text):
        self.daemon.command("ovs-ofctl", "add-flow", "br0", text)

    def receive(self, tag="", *options):
        self.daemon.ask("revalidator/purge")
        packet = PACKET.format(f"eth_type(0x8100),{tag},encap(" if tag else "", ")" if tag else "")
        self.daemon.ask("netdev-dummy/receive", "p1", packet, *options)

    def told(self):
        self.daemon.ask("time/warp", "1000", "100")
        return self.collector.samples()

    def trace(self):
        return self.daemon.ask("ofproto/trace", "br0", TRACE).splitlines()[-1]


ACTIONS = ["2", "2,3", "drop", "mod_vlan_vid:5,mod_vlan_pcp:3,2", "all", "flood", "in_port", "2,clone(3)",
           "mod_nw_src:9.9.9.9,2", "push_mpls:0x8847,2", "local", "mod_vlan_vid:5,2,strip_vlan,3"]


def test_packets(simulation, reference):
    told = []
    for daemon in (simulation, reference):
        bridge = Bridge(daemon, "sampling=1 polling=0")
        seen = []
        for actions in ACTIONS:
            bridge.rule(f"in_port=1,actions={actions}")
            bridge.receive()
            seen.append((actions, bridge.trace(), bridge.told()))
        bridge.rule("in_port=1,actions=2")
        bridge.receive("vlan(vid=5,pcp=3)")
        bridge.receive("", "--len", "500")
        bridge.receive("", "--len", "501")
        seen += [bridge.told(), bridge.daemon.flows()]
        for settings in ("header=64", "header=20"):
            daemon.vsctl(f"set sflow . {settings}")
            bridge.receive("", "--len", "500")
            seen.append(bridge.told())
        for settings in ("set sflow . sampling=2", "clear sflow . sampling", "set sflow . sampling=1"):
            daemon.vsctl(settings)
            daemon.ask("revalidator/wait")
            seen.append((settings, bridge.trace()))
        daemon.vsctl('set bridge br0 ipfix=@i -- --id=@i create IPFIX targets="127.0.0.1:9" sampling=1')
        seen.append(bridge.trace())
        daemon.vsctl("clear bridge br0 sflow")
        seen.append(bridge.trace())
        told.append(seen)
    for mine, other in zip(*told):
        assert mine == other


def test_counters(simulation, reference):
    told = []
    for daemon in (simulation, reference):
        bridge = Bridge(daemon, "sampling=1 polling=3")
        bridge.rule("in_port=1,actions=2")
        bridge.collector.samples()
        for _ in range(3):
            bridge.receive()
        bridge.daemon.ask("time/warp", "9000", "100")
        last = {}
        for kind, fixed, records in bridge.collector.samples():
            if kind == 2:
                last[fixed[1]] = {k: v for k, v in records.items() if k not in (1004, 2203)}
                if 1004 in records:
                    datapath = int(daemon.get("bridge", "br0", "datapath_id").strip('"'), 16)
                    assert struct.unpack("!QI", records[1004]) == (datapath, fixed[1] - 1000)
        told.append(last)
    assert set(told[0]) == set(told[1]) == {1001, 1002, 1003, 0x020003e8}
    for port in (1001, 1002, 1003):
        for record in (2, 1005):
            assert told[0][port][record] == told[1][port][record]
        mine, other = (struct.unpack("!IIQIIQ6IQ6I", side[port][1]) for side in told)
        assert all(a == b or b == 0xffffffff for a, b in zip(mine, other)), (mine, other)
    assert len(told[0][0x020003e8][2207]) == len(told[1][0x020003e8][2207])


def test_polling_of_every_port(simulation):
    bridge = Bridge(simulation, "sampling=1 polling=10")
    simulation.ask("time/warp", "30000", "1000")
    times = [fixed[1] for kind, fixed, _ in bridge.collector.samples() if kind == 2]
    assert sorted(times) == sorted([1001, 1002, 1003, 0x020003e8] * 3)


def test_agent(simulation):
    bridge = Bridge(simulation, "sampling=1 polling=0")
    bridge.rule("in_port=1,actions=2")
    sampled = "Datapath actions: userspace(pid=0,sFlow(vid=0,pcp=0,output=1002),actions),2"
    for agent, actions in (("nosuch", "Datapath actions: 2"), ("lo", sampled)):
        simulation.vsctl(f"set sflow . agent={agent}")
        assert bridge.trace() == actions
    assert "could not determine IP address for sFlow agent" in simulation.log()
    bridge.receive()
    assert len(bridge.told()) == 1
    simulation.vsctl("clear sflow . agent")  # the address that the collector is sent to from
    bridge.receive()
    assert len(bridge.told()) == 1


def test_flood_costs_samples_alone(net, switch):
    net.add_host("a", "va", "10.0.0.1/24")
    net.add_host("b", "vb", "10.0.0.2/24")
    switch.vsctl('add-br br0 -- add-port br0 va -- add-port br0 vb -- set bridge br0 sflow=@s -- '
                 '--id=@s create sflow targets="127.0.0.1:9" agent=127.0.0.1 sampling=1')
    net.wait_ping("a", "10.0.0.2")
    assert " 0% packet loss" in net.run("a", "ping -c 500 -i 0.002 -q 10.0.0.2").stdout
    wait_for(lambda: "sFlow(" in switch.ask("dpctl/dump-flows"), "flows that sample", 10)
