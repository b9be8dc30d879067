# SPDX-License-Identifier: Apache-2.0
"""What NORMAL does with the tags of a packet, between ports of every VLAN mode, beside the reference."""
import itertools
import re

import pytest

PORTS = ("tag=10", "tag=10 vlan_mode=native-tagged", "tag=10 vlan_mode=native-untagged", "vlan_mode=trunk",
         "tag=10 vlan_mode=dot1q-tunnel", "tag=10 vlan_mode=dot1q-tunnel other_config:qinq-ethtype=802.1q",
         "tag=10 cvlans=5,10 vlan_mode=dot1q-tunnel", "tag=10 vlan_mode=native-untagged trunks=20",
         "tag=10 other_config:priority-tags=if-nonzero",
         "tag=10 vlan_mode=native-untagged other_config:priority-tags=if-nonzero")
OUTER = (None, (0, 0), (0, 3), (5, 0), (10, 0), (10, 3), (20, 0))
INNER = (None, (0, 2), (5, 0), (10, 0))


def packet(port, outer, inner):
    text = "eth_type(0x1234)"
    for tag in (inner, outer):
        if tag:
            text = f"eth_type(0x8100),vlan(vid={tag[0]},pcp={tag[1]}),encap({text})"
    return f"in_port({port}),eth(src=50:54:00:00:00:01,dst=50:54:00:00:00:02),{text}"


@pytest.mark.parametrize("limit", (0, 1))
def test_every_mode_to_every_mode(simulation, reference, limit):
    both, differ = (simulation, reference), []
    for switch in both:
        switch.vsctl(f"--no-wait set open . other_config:vlan-limit={limit}")
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy other_config:hwaddr=aa:55:aa:55:00:00")
        for i, settings in enumerate(PORTS, 1):  # one transaction each, so that both know them in the same order
            switch.vsctl(f"add-port br0 p{i} -- set port p{i} {settings} -- set interface p{i} type=dummy")
        switch.appctl("time/stop")
    for port, outer, inner in itertools.product(range(1, len(PORTS) + 1), OUTER, INNER):
        if (inner and not outer) or (limit == 1 and inner and inner[0] != 5):
            continue
        flow = packet(port, outer, inner)
        texts = [switch.ask("ofproto/trace", "ovs-dummy", flow) for switch in both]
        actions = [re.search("Datapath actions: (.*)", text)[1] for text in texts]
        if actions[0] != actions[1]:
            differ.append((PORTS[port - 1], outer, inner, *actions))
    assert not differ


def test_flows_of_priority_tags_stay(simulation):
    """A flow translates to the same again when its packet's learned source makes it be looked at."""
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy -- add-port br0 p1 -- set interface p1 type=dummy "
                     "-- add-port br0 p2 -- set interface p2 type=dummy")
    for pcp in (3, 0):
        simulation.ask("netdev-dummy/receive", "p1", packet(1, (0, pcp), None))
    assert len(simulation.flows()) == 2  # with priority 3 the tag stays, with 0 it goes
