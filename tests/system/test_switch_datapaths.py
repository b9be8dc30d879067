# SPDX-License-Identifier: Apache-2.0
"""The Datapath, CT_Zone and CT_Timeout_Policy tables, beside the reference."""
import re

import pytest

from netns import wait_for
from switch import Reference, Switch

UDP = "in_port({port}),eth(src=00:00:00:00:00:0{port},dst=00:00:00:00:00:03),eth_type(0x0800),ipv4(src={src},dst={dst}," \
    "proto=17,tos=0,ttl=64,frag=no),udp(src={sport},dst={dport})"
ROW = "-- --id=@d create datapath datapath_version=x -- set open_vswitch . datapaths:{type}=@d"


def flight(switch, n, back=False, sport=1):
    """A packet of connection N, or its answer."""
    ends = {"src": f"1.1.1.{n}", "dst": "2.2.2.2", "sport": sport, "dport": 2}
    if back:
        ends = {"src": ends["dst"], "dst": ends["src"], "sport": ends["dport"], "dport": ends["sport"]}
    port = 2 if back else 1

    def sent():
        return re.search(r"tx pkts=\d+", switch.command("ovs-ofctl", "dump-ports", "br0", f"p{3 - port}").stdout).group()

    before = sent()
    switch.ask("netdev-dummy/receive", f"p{port}", UDP.format(port=port, **ends))
    wait_for(lambda: sent() != before, "the packet to leave")


@pytest.fixture(scope="module")
def both():
    switches = []
    try:
        for kind in (Switch, Reference):
            s = kind(None, "--enable-dummy", "--disable-system")
            switches.append(s)
            s.vsctl(ROW.format(type="dummy") + " -- add-br br0 -- set bridge br0 datapath_type=dummy")
            for i in (1, 2):
                s.vsctl(f"add-port br0 p{i} -- set interface p{i} type=dummy ofport_request={i}")
            s.command("ovs-ofctl", "add-flow", "br0", "in_port=1,ip,actions=ct(commit,zone=5),2")
            s.command("ovs-ofctl", "add-flow", "br0", "in_port=2,ip,actions=ct(commit,zone=5),1")
            for zone in (6, 7, 8):
                s.command("ovs-ofctl", "add-flow", "br0", f"priority=40000,in_port=1,udp,tp_dst={zone},actions=ct(commit,zone={zone}),2")
            s.command("ovs-ofctl", "add-flow", "br0", "priority=40000,in_port=1,udp,tp_dst=9,actions=ct(zone=5),2")
        yield switches
    finally:
        for s in switches:
            s.close()


def alike(both, what):
    ours, theirs = (what(s) for s in both)
    assert ours == theirs
    return ours


def test_capabilities(both):
    capabilities = alike(both, lambda s: s.vsctl("--columns=capabilities,datapath_version list datapath").stdout)
    assert 'ct_zero_snat="true"' in capabilities
    for s in both:
        s.vsctl(ROW.format(type="nonsense"))
        wait_for(lambda: "ofproto|WARN|unknown datapath type nonsense" in s.log(), "a warning")
        s.vsctl("remove open_vswitch . datapaths nonsense")
    # Ours says it of a row that was there before the bridge, too, and says it again.
    ours = both[0]
    ours.vsctl("clear datapath dummy capabilities", check=False)
    ours.vsctl("set open_vswitch . other_config:vlan-limit=0")
    wait_for(lambda: 'max_vlan_headers="2"' in ours.vsctl("list datapath").stdout, "two VLANs")
    ours.vsctl("remove open_vswitch . other_config vlan-limit")


def actions(s, dst):
    return s.ask("ofproto/trace", "br0", f"in_port=p1,udp,nw_src=1.1.1.1,udp_dst={dst}").splitlines()[-1]


def conns(s):
    return sorted(line for line in s.ask("dpctl/dump-conntrack", "-s").splitlines() if line)


def test_zones(both):
    for s in both:
        s.ask("time/stop")
        flight(s, 1)
    alike(both, conns)
    for command in ("add-zone-tp dummy zone=5 udp_first=1000 udp_single=2000 udp_multiple=3000 tcp_unack=4",
                    "add-zone-tp dummy zone=6 udp_first=1000 udp_single=2000 udp_multiple=3000 tcp_unack=4",
                    "add-zone-tp dummy zone=7 udp_first=7"):
        for s in both:
            s.vsctl(command)
    alike(both, lambda s: [actions(s, dst) for dst in (2, 6, 7, 8, 9)])
    for n, back in ((1, False), (2, False), (2, False), (2, True), (2, False)):
        for s in both:
            flight(s, n, back)
        alike(both, conns)
    assert "timeout=3000" in "".join(conns(both[0]))
    # Times change, zones lose their policy: connections go by the default times from their next packet on.
    for s in both:
        s.vsctl("del-zone-tp dummy zone=5")
        policy = s.vsctl("--bare --columns=_uuid find ct_timeout_policy timeouts:udp_first=7").stdout.strip()
        s.vsctl(f"set ct_timeout_policy {policy} timeouts:udp_first=8")
    changed = alike(both, lambda s: [actions(s, dst) for dst in (2, 6, 7, 8)])
    assert "timeout" not in changed[0] and "timeout" in changed[1]
    for s in both:
        s.vsctl("del-zone-tp dummy zone=6")
    for n in (2, 3):
        for s in both:
            flight(s, n)
    alike(both, lambda s: [line for line in conns(s) if "1.1.1.3" in line])
    # The reference forgets a policy some time after its last zone.
    assert "timeout=30" in "".join(line for line in conns(both[0]) if "1.1.1.2" in line)
    for s in both:
        s.vsctl("clear open_vswitch . datapaths")
    assert "timeout" not in "".join(alike(both, lambda s: [actions(s, dst) for dst in (2, 6, 7, 8)]))
