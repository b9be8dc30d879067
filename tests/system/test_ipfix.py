# SPDX-License-Identifier: Apache-2.0
"""IPFIX, by `sample` actions and by bridges: the same packets through both switches, in simulation; the same
actions, templates and records come out."""
import re
import struct

import pytest
from scapy.all import GRE, IP, UDP, VXLAN, Ether, Raw

from collector import Listener, Socket
from netns import wait_for

UDP_FLOW = ("in_port({}),eth(src=50:54:00:00:00:05,dst={}),eth_type(0x0800),"
            "ipv4(src=1.1.1.1,dst=2.2.2.2,proto={},tos=0x2e,ttl=64,frag={}),{}")
ETH = "50540000000750540000000508"
TRACE = "in_port=1,udp,nw_src=1.1.1.1,nw_dst=2.2.2.2,udp_src=1,udp_dst=2,nw_ttl=64"
TIMES = ("158", "159")
# What is exact in one of the two alone: the reference counts a packet as dropped that another one's cached flow
# takes, and one that actions have changed (docs/compatibility.md).
DROPPED = ("133", "135", "132", "134")


class Collector(Socket):
    def __init__(self):
        super().__init__()
        self.templates = {}
        self.messages = []  # of templates, but for when they were sent

    def records(self):
        """Data records of all that has come: (template, sequence, domain, {element: bytes})."""
        found = []
        for data in self.datagrams():
            found += self.decode(data)
        return found

    def decode(self, data):
        version, length, _, sequence, domain = struct.unpack_from("!HHIII", data)
        assert version == 10 and length == len(data)
        number, size = struct.unpack_from("!HH", data, 16)
        assert size == length - 16  # one set in a message
        at, found = 20, []
        if number in (2, 3):
            self.messages.append(data[:4] + data[8:])
            while at < length:
                at = self.template(data, at, number == 3)
        elif number == 462:
            self.messages.append(data[:4] + data[8:])
        else:
            record = {}
            for i, (element, size) in enumerate(self.templates[number]):
                if size == 65535:
                    size = data[at]
                    at += 1
                # Of each interface there is a name and a description.
                record[element if element not in record else element + " out"] = data[at:at + size]
                at += size
            assert at == length
            found.append((number, sequence, domain, record))
        return found

    def template(self, data, at, options):
        number, n = struct.unpack_from("!HH", data, at)
        at += 6 if options else 4
        elements = []
        for _ in range(n):
            element, size = struct.unpack_from("!HH", data, at)
            at += 4
            name = str(element & 0x7fff)
            if element & 0x8000:
                name = f"{struct.unpack_from('!I', data, at)[0]}.{name}"
                at += 4
            elements.append((name, size))
        self.templates[number] = elements
        return at


class Bridge:
    def __init__(self, daemon):
        self.daemon, self.collector = daemon, Collector()
        ports = " ".join(f"-- add-port br0 p{i} -- set interface p{i} type=dummy ofport_request={i} "
                         f"options:ifindex={1000 + i}" for i in (1, 2, 3))
        daemon.vsctl(f"add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure {ports}")

    def ofctl(self, *argv):
        result = self.daemon.command("ovs-ofctl", *argv, check=False)
        return result.stdout + result.stderr

    def change(self, text):
        """The reference translates by a change of such settings when something else is to be translated anew."""
        self.daemon.vsctl(text)
        for flood in ("no-flood", "flood"):
            assert self.ofctl("mod-port", "br0", "p3", flood) == ""

    def rule(self, text):
        assert self.ofctl("add-flow", "br0", text) == ""

    def sets(self, *ids, settings=""):
        sets = " ".join(f"-- --id=@s{i} create Flow_Sample_Collector_Set id={i} bridge=@b ipfix=@i" for i in ids)
        self.daemon.vsctl(f'-- --id=@b get bridge br0 -- --id=@i create IPFIX targets="{self.collector.target}" {settings} {sets}')

    def samples(self, settings):
        self.daemon.vsctl(f'set bridge br0 ipfix=@i -- --id=@i create IPFIX targets="{self.collector.target}" {settings}')

    def receive(self, layer4="udp(src=1,dst=2)", proto=17, dst="50:54:00:00:00:07", frag="no", port=1, length=None):
        packet = UDP_FLOW.format(port, dst, proto, frag, layer4).rstrip(",")
        self.inject(packet, *(["--len", str(length)] if length else []), port=f"p{port}")

    def inject(self, packet, *options, port="p1"):
        self.daemon.ask("revalidator/purge")
        self.daemon.ask("netdev-dummy/receive", port, packet, *options)

    def records(self, without=TIMES):
        return [(number, sequence, domain, {k: v.hex() for k, v in record.items() if k not in without})
                for number, sequence, domain, record in self.collector.records()]

    def trace(self, flow=TRACE):
        text = self.daemon.ask("ofproto/trace", "br0", flow)
        return text[text.index("bridge("):]


def both(simulation, reference, story):
    ours, theirs = story(Bridge(simulation)), story(Bridge(reference))
    for mine, other in zip(ours, theirs):
        assert mine == other
    assert len(ours) == len(theirs)


ACTIONS = ["sample(probability=65535,collector_set_id=1),2",
           "sample(probability=65535,collector_set_id=1,obs_domain_id=0,obs_point_id=3,sampling_port=1),2",
           "sample(probability=65535,collector_set_id=1,sampling_port=2),2",
           "sample(probability=65535,collector_set_id=1,sampling_port=2,ingress),2",
           "sample(probability=65535,collector_set_id=1,egress),2",
           "sample(probability=65535,collector_set_id=7),2",
           "sample(probability=65535,collector_set_id=1,sampling_port=77),2",
           "sample(probability=65535,collector_set_id=1,sampling_port=in_port),2",
           "sample(probability=65535,collector_set_id=1,sampling_port=LOCAL),2",
           "sample(probability=65535,collector_set_id=1,sampling_port=9),9",
           "sample(probability=65535,collector_set_id=1,sampling_port=9,egress),2",
           "2,sample(probability=65535,collector_set_id=1)",
           "sample(probability=65535,collector_set_id=1)",
           "clone(sample(probability=65535,collector_set_id=3),3),2"]
SHOWN = ["sample(probability=12345,collector_set_id=1,obs_domain_id=2,obs_point_id=3),2",
         "sample(probability=1,collector_set_id=1),2",
         "sample(probability=100,collector_set_id=1,sampling_port=9),9",
         "set_tunnel:5,set_field:9.9.9.9->tun_dst,sample(probability=65535,collector_set_id=1,sampling_port=9),9"]


def test_sample_actions(simulation, reference):
    def story(bridge):
        told = [bridge.ofctl("dump-ipfix-flow", "br0"), bridge.ofctl("dump-ipfix-bridge", "br0")]
        bridge.daemon.vsctl("add-port br0 v1 -- set interface v1 type=vxlan options:remote_ip=1.1.2.9 options:key=5 ofport_request=9")
        bridge.rule("actions=sample(probability=65535,collector_set_id=1),2")
        told.append(bridge.trace())  # nobody would hear of it
        bridge.sets(1, 3)
        for actions in ACTIONS + SHOWN:
            bridge.rule(f"actions={actions}")
            told.append((actions, bridge.trace()))
            if actions in ACTIONS:
                bridge.receive()
                told.append(bridge.daemon.flows())
                told.append(bridge.records())
        told.append(sorted(bridge.collector.messages))
        told.append(bridge.ofctl("dump-ipfix-flow", "br0"))
        bridge.daemon.vsctl("-- --all destroy Flow_Sample_Collector_Set")
        told += [bridge.trace().splitlines()[-1], bridge.ofctl("dump-ipfix-flow", "br0")]
        return told
    both(simulation, reference, story)


def test_packets(simulation, reference):
    def story(bridge):
        told = []
        bridge.sets(1, settings="other_config:virtual_obs_id=tenant")
        bridge.rule("actions=sample(probability=65535,collector_set_id=1,obs_domain_id=5,obs_point_id=6),2")
        flags = "tcp(src=1,dst=2),tcp_flags({})"
        bridge.receive(flags.format("0x012"), 6)
        bridge.receive(flags.format("0x02d"), 6, length=1000, dst="ff:ff:ff:ff:ff:ff")
        bridge.receive("sctp(src=1,dst=2)", 132, dst="01:00:5e:00:00:01")
        bridge.receive("icmp(type=8,code=3)", 1)
        bridge.receive("", 47)
        bridge.receive("", 17, frag="later")
        for rest in ("eth_type(0x0806),arp(sip=1.2.3.4,tip=1.2.3.5,op=1,sha=50:54:00:00:00:05,tha=00:00:00:00:00:00)",
                     "eth_type(0x1234)", "eth_type(0x8847),mpls(label=100,tc=3,ttl=64,bos=1)",
                     "eth_type(0x86dd),ipv6(src=::1,dst=::2,label=0x12345,proto=17,tclass=0x71,hlimit=65,frag=no),udp(src=1,dst=2)",
                     "eth_type(0x86dd),ipv6(src=::1,dst=::2,label=0,proto=58,tclass=0,hlimit=64,frag=no),icmpv6(type=128,code=0)",
                     "eth_type(0x8100),vlan(vid=5,pcp=3),encap(eth_type(0x0800),ipv4(src=1.1.1.1,dst=2.2.2.2,proto=17,"
                     "tos=4,ttl=64,frag=no),udp(src=1,dst=2))"):
            bridge.inject(f"in_port(1),eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07),{rest}")
        for hexadecimal in ("0045000014000000004011" + "0000" + "0101010102020202" + "00" * 26,  # padded
                            "0046000020000000004011" + "0000" + "0101010102020202" + "01010101" + "0001000200080000",
                            "004500001400000000",  # cut off
                            "0045000064000000004011" + "0000" + "0101010102020202" + "0001000200080000",
                            "0045000018000000004011" + "0000" + "0101010102020202" + "00010002"):
            bridge.inject(ETH + hexadecimal)
        told.append(bridge.records())
        told.append(sorted(bridge.collector.messages))
        told.append(bridge.ofctl("-OOpenFlow14", "dump-ipfix-flow", "br0"))
        return told
    both(simulation, reference, story)


def test_bridges(simulation, reference):
    def story(bridge):
        told = []
        bridge.daemon.vsctl("add-br br1 -- set bridge br1 datapath_type=dummy fail_mode=secure -- "
                            "add-port br0 q0 -- set interface q0 type=patch options:peer=q1 ofport_request=30 -- "
                            "add-port br1 q1 -- set interface q1 type=patch options:peer=q0 ofport_request=31 -- "
                            "add-port br1 p5 -- set interface p5 type=dummy ofport_request=5")
        bridge.samples("sampling=1 obs_domain_id=11 obs_point_id=12")
        assert bridge.ofctl("add-flow", "br1", "actions=5") == ""
        told.append(bridge.ofctl("dump-ipfix-flow", "br0"))
        for actions in ("2,3", "drop", "controller", "mod_nw_src:9.9.9.9,2,mod_dl_dst:00:00:00:00:00:09,mod_vlan_vid:7,3,local",
                        "in_port,output(port=2,max_len=64)", "clone(2),clone(push_mpls:0x8847,3)", "30,2",
                        "sample(probability=65535,collector_set_id=1),2"):
            bridge.rule(f"actions={actions}")
            for dst in ("50:54:00:00:00:07", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"):
                bridge.receive(dst=dst)
            told.append((actions, re.sub(r"Megaflow:.*|recirc_id=\d+,rule", "", bridge.trace()), bridge.records(TIMES + DROPPED)))
        told.append(bridge.ofctl("dump-ipfix-bridge", "br0"))
        for one_of in ("2", "4294967295", "[]"):
            bridge.change(f"set ipfix . sampling={one_of}")
            told.append(bridge.trace().splitlines()[-1])
        bridge.change("set ipfix . targets=[]")
        told += [bridge.trace().splitlines()[-1], bridge.ofctl("dump-ipfix-bridge", "br0")]
        return told
    both(simulation, reference, story)


def test_tunnels(simulation, reference):
    def story(bridge):
        told = []
        bridge.daemon.vsctl("add-br brp -- set bridge brp datapath_type=dummy -- add-port brp pp -- set interface pp type=dummy")
        bridge.daemon.ask("netdev-dummy/ip4addr", "brp", "1.1.2.88/24")
        bridge.daemon.ask("ovs/route/add", "1.1.2.0/24", "brp")
        bridge.daemon.ask("tnl/arp/set", "brp", "1.1.2.9", "50:54:00:00:00:99")
        for i, kind in enumerate(("vxlan", "gre")):
            bridge.daemon.vsctl(f"add-port br0 t{i} -- set interface t{i} type={kind} options:remote_ip=1.1.2.9 "
                                f"options:key={100 + i} ofport_request={20 + i}")
        bridge.sets(1)
        bridge.rule("priority=1,actions=sample(probability=65535,collector_set_id=1),2")
        inner = Ether(src="50:54:00:00:00:05", dst="50:54:00:00:00:07") / IP(src="1.1.1.1", dst="2.2.2.2") / UDP(sport=1, dport=2) / Raw(b"x" * 20)
        mac = bridge.daemon.get("interface", "brp", "mac_in_use").strip('"')
        outer = Ether(src="50:54:00:00:00:99", dst=mac) / IP(src="1.1.2.9", dst="1.1.2.88", ttl=60, tos=8)
        packets = [outer / UDP(sport=5555, dport=4789, chksum=0) / VXLAN(flags=8, vni=100) / inner,
                   outer / GRE(key_present=1, key=101, proto=0x6558) / inner]
        for packet in packets:
            bridge.inject(bytes(packet).hex(), port="pp")
            told.append(bridge.records())
        bridge.change("set ipfix . other_config:enable-tunnel-sampling=false")
        bridge.inject(bytes(packets[0]).hex(), port="pp")
        told.append(bridge.records())
        bridge.samples("sampling=1")
        bridge.rule("in_port=1,actions=20,2,sample(probability=65535,collector_set_id=1,sampling_port=20)")
        told.append(re.sub(r"from \S+ |src=[^,]*,dl_type|out_port\(\d+\)\),\d+|output_port=\d\)\),\d", "", bridge.trace()))
        return told
    both(simulation, reference, story)


def test_cache(simulation):
    """Our clock can be moved; the reference's exporters look at the wall's."""
    bridge = Bridge(simulation)
    simulation.ask("time/stop")
    bridge.sets(1, settings="cache_active_timeout=10 cache_max_flows=3")
    bridge.rule("actions=sample(probability=65535,collector_set_id=1,obs_domain_id=5),2")

    def told():
        return [(int(r["11"].hex(), 16), int(r["2"].hex(), 16), r["136"][0], int(r["158"].hex(), 16) - int(r["159"].hex(), 16))
                for _, _, _, r in bridge.collector.records()]
    bridge.receive()
    simulation.ask("time/warp", "700")
    bridge.receive()
    for port in (3, 4):
        bridge.receive(f"udp(src=1,dst={port})")
    assert told() == []
    bridge.receive("udp(src=1,dst=5)")  # the fourth
    assert told() == [(2, 2, 5, 700000)]
    assert "flows=4, current flows=3, sampled pkts=5, ipv4 ok=5" in bridge.ofctl("dump-ipfix-flow", "br0")
    simulation.ask("time/warp", "9000", "100")
    bridge.receive("udp(src=1,dst=5)")
    assert told() == []
    simulation.ask("time/warp", "2000", "100")
    assert told() == [(3, 1, 2, 0), (4, 1, 2, 0), (5, 2, 2, 9000000)]
    bridge.receive()
    assert told() == []
    n = len(bridge.collector.messages)
    simulation.vsctl("set ipfix . cache_max_flows=0")
    assert told() == [(2, 1, 5, 0)]
    # Templates come again after ten minutes, for each observation domain, and where they are others.
    simulation.ask("time/warp", "600000", "1000")
    bridge.receive()
    assert len(told()) == 1 and len(bridge.collector.messages) == 2 * n
    bridge.rule("actions=sample(probability=65535,collector_set_id=1,obs_domain_id=6),2")
    bridge.receive()
    assert len(told()) == 1 and len(bridge.collector.messages) == 3 * n
    simulation.vsctl("set ipfix . other_config:virtual_obs_id=x")
    bridge.receive()
    (record,) = bridge.collector.records()
    assert record[3]["6876.898"] == b"x" and len(bridge.collector.messages) == 4 * n
    simulation.vsctl("set ipfix . cache_max_flows=3")
    bridge.receive()
    simulation.vsctl("-- --all destroy Flow_Sample_Collector_Set")
    assert told() == [(2, 1, 4, 0)]


def test_what_bridges_sample(simulation):
    """The reference does so, too, one change later."""
    bridge = Bridge(simulation)
    bridge.samples("sampling=1")
    bridge.rule("actions=2")
    into, out = "userspace(pid=0,ipfix(output_port=4294967295)),", "userspace(pid=0,ipfix(output_port=2)),"
    for config, actions in (("{}", into + out), ("enable-input-sampling=false", out),
                            ("enable-output-sampling=false", into)):
        simulation.vsctl(f"set ipfix . other_config={config}")
        assert bridge.trace().splitlines()[-1] == f"Datapath actions: {actions}2"


def test_collectors(simulation):
    bridge = Bridge(simulation)
    simulation.vsctl('set bridge br0 ipfix=@i -- --id=@i create IPFIX sampling=1 '
                     f'targets="127.0.0.1:1","{bridge.collector.target}","nonsense"')
    bridge.rule("actions=2")
    for _ in range(3):
        bridge.receive()
    assert len(bridge.collector.records()) == 6
    stats = bridge.ofctl("dump-ipfix-bridge", "br0")
    sent, failed = (int(re.search(f"{word}=(\\d+)", stats)[1]) for word in ("tx pkts", "tx errs"))
    assert sent >= 6 + 20 and failed > 0
    assert "sending to collector failed" in simulation.log() and "nonsense" in simulation.log()


def test_on_real_threads(net, switch):
    """Sampled packets go up by the handlers; many more than collectors can take cost samples, and no traffic."""
    net.add_host("a", "va", "10.0.0.1/24")
    net.add_host("b", "vb", "10.0.0.2/24")
    listener = Listener(net, 4739)
    switch.vsctl("add-br br0 -- add-port br0 va -- add-port br0 vb")
    switch.vsctl('-- --id=@b get bridge br0 -- --id=@i create IPFIX targets="127.0.0.1" cache_active_timeout=1 '
                 'cache_max_flows=100 -- --id=@s create Flow_Sample_Collector_Set id=1 bridge=@b ipfix=@i')
    switch.command("ovs-ofctl", "add-flow", "br0", "icmp,actions=sample(probability=65535,collector_set_id=1),normal")
    net.wait_ping("a", "10.0.0.2")
    result = net.run("a", "ping -c 300 -i 0.002 -q 10.0.0.2")
    assert " 0% packet loss" in result.stdout
    collector, counted = Collector(), {8: 0, 0: 0}

    def all_told():
        for _, _, _, record in collector.decode(listener.datagram()):
            if "176" in record:
                counted[record["176"][0]] += int(record["2"].hex(), 16)
                assert int(record["133"].hex(), 16) == 0  # nothing of it was dropped
        return min(counted.values()) >= 300
    wait_for(all_told, "the packets to be told of", 30)
    assert max(counted.values()) < 330


@pytest.mark.parametrize("argv", [["dump-ipfix-flow"], ["dump-ipfix-bridge"]])
def test_our_commands(simulation, argv):
    bridge = Bridge(simulation)
    from netns import build_dir
    result = simulation.command(build_dir() / "sluice", "ofctl", *argv, "br0", check=False)
    assert "NXST_NOT_CONFIGURED" in result.stdout + result.stderr
    bridge.sets(1)
    bridge.samples("sampling=1")
    assert "flows=0" in simulation.command(build_dir() / "sluice", "ofctl", *argv, "br0").stdout
