# SPDX-License-Identifier: Apache-2.0
"""Each drop reason of src/packet/drop.h: a way to cause it, and the counter that shows it."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

ETH = "0200000000020200000000010800"
FRAME = ETH + "4500005400000000011100000a0000010a000002" + "0001000200400000" + "00" * 56
ANY = "recirc_id(0),in_port(1),eth(),eth_type(0x0800),ipv4()"
AGAIN = ANY.replace("recirc_id(0)", "recirc_id(5)")
TWICE = "push_eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02)"

# reason -> the port that counts it, flows of the datapath; p1 gets FRAME, p2 is up, p3 is down
WAYS = {
    "explicit": ("p1", [(ANY, "drop")]),
    "no_port": ("p1", [(ANY, "77")]),
    "recursion": ("p1", [(ANY, "recirc(5)"), (AGAIN, "recirc(5)")]),
    "recirc_unknown": ("p1", [(ANY, "recirc(9)")]),
    "upcall_error": ("p1", [(ANY, "userspace(pid=0,userdata(0102))")]),
    "ttl_expired": ("p1", [(ANY, "dec_ttl(le_1()),2")]),
    "action_invalid": ("p1", [(ANY, f"pop_eth,{TWICE},{TWICE},2")]),
    "meter": ("p1", [(ANY, "meter(0),2")]),
    "mtu": ("p2", [(ANY, "2")]),
    "tx_down": ("p3", [(ANY, "3")]),
}
# What else ends as "explicit": nothing was left to be done with the packet.
NOTHING_LEFT = {
    "a set behind which nothing sends": "set(eth(src=02:00:00:00:00:09))",
    "a sample that does not choose": "sample(sample=0.0%,actions(2))",
    "a tag that goes nowhere": "push_vlan(vid=5,pcp=0)",
    "a sample that chooses in vain": "sample(sample=50.0%,actions(drop))",
}
# reason -> the test that causes it, where it takes more than a simulation
ELSEWHERE = {
    "upcall_lost": "src/datapath/datapath_test.c", "shutdown": "src/datapath/datapath_test.c",
    "qos_policed": "tests/system/test_ports_policing.py", "gso": "src/packet/gso_test.c", "rx_error": "src/port/vnet_test.c",
    "bond": "tests/system/test_bonds.py", "protocol": "tests/system/test_bonds.py", "spanning_tree": "tests/system/test_spanning.py",
}
# Devices of Linux give no frame shorter than its header, and packets grow into new memory: these are there in case.
IN_CASE = {"none", "runt", "malformed", "headroom", "no_memory", "upcall_stale", "tx_full", "tx_error", "port_down",
           "fragment"}
OF_OTHERS = ("tunnel_", "ct_")  # with tests of their own


def drops(switch):
    return {(port, reason): int(n) for port, reason, n in re.findall(r"^(\S+) +(\S+) +(\d+) ", switch.ask("drop/show"), re.M)}


@pytest.fixture
def three(simulation):
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
    for i in (1, 2, 3):
        simulation.vsctl(f"add-port br0 p{i} -- set interface p{i} type=dummy ofport_request={i}")
    simulation.ask("netdev-dummy/set-admin-state", "p3", "down")
    simulation.command("ovs-ofctl", "-O", "OpenFlow13", "add-meter", "br0",
                       "meter=1,pktps,burst,band=type=drop,rate=1,burst_size=1")
    simulation.ask("time/stop")  # no meter fills
    return simulation


def cause(switch, flows, frame, times=10):
    """What was counted when p1 received the frame so many times."""
    switch.ask("dpctl/del-flows")
    before = drops(switch)
    for key, actions in flows:
        switch.ask("dpctl/add-flow", key, actions)
    for _ in range(times):
        switch.ask("netdev-dummy/receive", "p1", frame)
    return {what: n - before.get(what, 0) for what, n in drops(switch).items() if n != before.get(what, 0)}


def test_every_reason_is_caused_and_counted(three):
    for reason, (port, flows) in WAYS.items():
        counted = cause(three, flows, FRAME + "00" * 1600 if reason == "mtu" else FRAME)
        assert set(counted) == {(port, reason)}, (reason, counted)
        assert counted[port, reason] == (9 if reason == "meter" else 10), (reason, counted)


def test_what_ends_with_nothing_left_to_do_is_explicit(three):
    for what, actions in NOTHING_LEFT.items():
        assert cause(three, [(ANY, actions)], FRAME) == {("p1", "explicit"): 10}, what
    assert not cause(three, [(ANY, "2,set(eth(src=02:00:00:00:00:09))")], FRAME)  # they went out before


def test_no_reason_is_forgotten():
    listed = {name for name in re.findall(r'^    X\([A-Z_]+, "(\w+)"', (ROOT / "src/packet/drop.h").read_text(), re.M)}
    assert {name for name in listed if not name.startswith(OF_OTHERS)} == set(WAYS) | set(ELSEWHERE) | IN_CASE
    for reason, where in ELSEWHERE.items():
        assert re.search(rf"\b(DROP_{reason.upper()}|{reason})\b", (ROOT / where).read_text()), (reason, where)
