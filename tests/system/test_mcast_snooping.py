# SPDX-License-Identifier: Apache-2.0
"""Multicast snooping (Bridge mcast_snooping_enable): the same IGMP and MLD through both switches, in simulation."""
import re

from scapy.all import IP, Ether, IPv6, Raw, Dot1Q
from scapy.contrib.igmp import IGMP
from scapy.contrib.igmpv3 import IGMPv3, IGMPv3gr, IGMPv3mr
from scapy.layers.inet6 import ICMPv6MLDMultAddrRec, ICMPv6MLDone, ICMPv6MLQuery, ICMPv6MLReport, ICMPv6MLReport2

from test_bonds import say
from test_spanning import lines


def ether(n, dst, vlan=0):
    eth = Ether(src=f"50:54:00:00:00:{n:02x}", dst=dst)
    return eth / Dot1Q(vlan=vlan) if vlan else eth


def group_mac(group):
    octets = [int(x) for x in group.split(".")]
    return "01:00:5e:%02x:%02x:%02x" % (octets[1] & 127, octets[2], octets[3])


def igmp(n, kind, group, vlan=0):
    dst = {0x17: "224.0.0.2", 0x11: "224.0.0.1"}.get(kind, group)
    return ether(n, group_mac(dst), vlan) / IP(src=f"10.0.0.{n}", dst=dst, ttl=1) / IGMP(type=kind, gaddr=group)


def igmp3(n, *records):
    return ether(n, "01:00:5e:00:00:16") / IP(src=f"10.0.0.{n}", dst="224.0.0.22", ttl=1) / IGMPv3(type=0x22) / IGMPv3mr(
        records=[IGMPv3gr(rtype=kind, maddr=group) for kind, group in records])


def mld(n, message, dst):
    return ether(n, "33:33:00:00:00:01") / IPv6(src=f"fe80::{n}", dst=dst, hlim=1) / message


def data(n, group, vlan=0):
    return ether(n, group_mac(group), vlan) / IP(src=f"10.0.0.{n}", dst=group) / Raw(b"x" * 20)


# (port, packet) and what is looked at after each
EVENTS = [
    (1, igmp(1, 0x16, "239.1.1.1")), (2, igmp(2, 0x12, "239.1.1.2")), (2, igmp(2, 0x16, "239.1.1.1")),
    (3, igmp3(3, (4, "239.1.1.3"), (2, "239.1.1.4"))), (1, igmp(1, 0x16, "239.1.1.5", vlan=7)),
    (1, mld(1, ICMPv6MLReport(mladdr="ff0e::5"), "ff0e::5")),
    (2, mld(2, ICMPv6MLReport2(records=[ICMPv6MLDMultAddrRec(rtype=4, dst="ff0e::6"),
                                        ICMPv6MLDMultAddrRec(rtype=2, dst="ff0e::5")]), "ff02::16")),
    (4, data(9, "239.1.1.1")), (4, data(9, "239.1.1.1")), (4, data(9, "239.1.1.5", vlan=7)),
    (5, igmp(5, 0x11, "0.0.0.0")), (4, data(9, "239.1.1.1")), (5, igmp(5, 0x16, "239.1.1.9")),
    # The reference's cached flow does not hear of the last one's leaving, so nobody is the last of a group with data.
    (1, igmp(1, 0x17, "239.1.1.1")), (4, data(9, "239.1.1.1")),
    (3, igmp3(3, (3, "239.1.1.3"))), (1, mld(1, ICMPv6MLDone(mladdr="ff0e::5"), "ff02::2")),
    (4, mld(4, ICMPv6MLQuery(mladdr="::"), "ff02::1")),
    (3, ether(3, group_mac("239.1.1.7")) / IP(src="10.0.0.3", dst="239.1.1.7", proto=2) / Raw(b"\x16\0\0\0\xef\x01\x01\x07")),  # a wrong checksum
    (3, ether(3, group_mac("239.1.1.7")) / IP(src="10.0.0.3", dst="239.1.1.7", proto=2) / Raw(b"\x22\0")),  # cut off
]
SRC = "dl_src=50:54:00:00:00:0a,"
TRACES = [f"in_port={port},{SRC}{key}" for port in (1, 4) for key in (
    "dl_dst=01:00:5e:01:01:01,udp,nw_dst=239.1.1.1", "dl_dst=01:00:5e:01:01:02,udp,nw_dst=239.1.1.2",
    "dl_dst=01:00:5e:01:01:09,udp,nw_dst=239.1.1.9", "dl_dst=01:00:5e:00:00:05,udp,nw_dst=224.0.0.5",
    "dl_dst=01:00:5e:01:01:01,ip,nw_dst=239.1.1.1,nw_proto=2", "dl_dst=01:00:5e:01:01:01,dl_type=0x1234",
    "dl_dst=ff:ff:ff:ff:ff:ff,udp,nw_dst=239.1.1.1", "dl_dst=33:33:00:00:00:05,ipv6,ipv6_dst=ff0e::5",
    "dl_dst=33:33:00:00:00:01,ipv6,ipv6_dst=ff02::1", "dl_dst=33:33:00:00:00:16,icmp6,ipv6_dst=ff02::16,icmpv6_type=143",
    "dl_dst=33:33:00:00:00:01,icmp6,ipv6_dst=ff02::1,icmpv6_type=130", "dl_dst=33:33:00:00:00:01,icmp6,ipv6_dst=ff02::1,icmpv6_type=135",
    "dl_dst=33:33:00:00:00:01,udp6,ipv6_dst=ff0e::5,udp_src=143")]


def receive(daemon, port, packet):
    say(daemon, "netdev-dummy/receive", f"p{port}", bytes(packet).hex())


def flows(daemon):
    """Of data, with what became of them; floods in order."""
    found = []
    say(daemon, "time/warp", "1000", "500")  # the reference revalidates when it comes to it
    say(daemon, "revalidator/wait")
    for flow in daemon.flows():
        if "slow_path" not in flow:
            flow = re.sub(r", packets.*actions:", " ", flow)
            head, _, actions = flow.rpartition(" ")
            found.append((head, sorted(actions.split(","))))
        else:
            found.append((re.sub(r", packets.*, actions", " actions", flow), []))
    return sorted(found)


def test_as_the_reference(simulation, reference):
    told = []
    for daemon in (simulation, reference):
        for i in range(1, 6):  # one by one: ports get their numbers in this order
            daemon.vsctl(("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=standalone mcast_snooping_enable=true -- "
                          "add-br br9 -- set bridge br9 datapath_type=dummy -- " if i == 1 else "") +
                         f"add-port br0 p{i} -- set interface p{i} type=dummy ofport_request={i}")
        say(daemon, "time/stop")
        said = [daemon.talk(*c.split()) for c in ("mdb/show br0", "mdb/show nope", "mdb/show br9", "mdb/flush br9", "mdb/flush nope",
                                                   "mdb/flush")]
        for port, packet in EVENTS:
            receive(daemon, port, packet)
            said += [(say(daemon, "mdb/show", "br0"), packet.summary()), flows(daemon)]
        said += [lines(say(daemon, "ofproto/trace", "br0", key)) for key in TRACES]
        daemon.vsctl("set bridge br0 other_config:mcast-snooping-disable-flood-unregistered=true other_config:mcast-snooping-aging-time=20 "
                     "-- set port p3 other_config:mcast-snooping-flood=true -- set port p2 other_config:mcast-snooping-flood-reports=true")
        said += [lines(say(daemon, "ofproto/trace", "br0", key)) for key in TRACES]
        said.append(flows(daemon))
        say(daemon, "time/warp", "10000", "1000")
        receive(daemon, 2, igmp(2, 0x16, "239.1.1.2"))
        said.append(say(daemon, "mdb/show", "br0"))
        say(daemon, "time/warp", "15000", "1000")
        said.append(say(daemon, "mdb/show", "br0"))
        said += [daemon.talk("mdb/flush", "br0"), say(daemon, "mdb/show", "br0")]
        daemon.vsctl("set bridge br0 mcast_snooping_enable=false")
        said += [daemon.talk("mdb/show", "br0")]
        told.append(said)
    assert len(told[0]) == len(told[1])
    for ours, theirs in zip(*told):
        assert ours == theirs


def test_only_the_groups_flows_change(simulation):
    """A host that joins touches the flow of its group and no other; a port that goes is forgotten."""
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=standalone mcast_snooping_enable=true" +
                     "".join(f" -- add-port br0 p{i} -- set interface p{i} type=dummy ofport_request={i}" for i in range(1, 4)))
    for group in ("239.1.1.1", "239.1.1.2"):
        receive(simulation, 1, igmp(1, 0x16, group))
        receive(simulation, 3, data(9, group))

    def outputs():
        return {re.search(r"ipv4\(dst=([0-9.]+)", f).group(1): f.split("actions:")[1] for f in simulation.flows() if "ipv4(dst=" in f}
    assert outputs() == {"239.1.1.1": "1", "239.1.1.2": "1"}
    receive(simulation, 2, igmp(2, 0x16, "239.1.1.2"))
    assert outputs() == {"239.1.1.1": "1", "239.1.1.2": "1,2"}
    simulation.vsctl("del-port p1")
    assert "239.1.1.1" not in say(simulation, "mdb/show", "br0")
    assert outputs()["239.1.1.2"] == "2"
