# SPDX-License-Identifier: Apache-2.0
"""Flow monitors, byte by byte: the same requests and changes to our switch and to the reference bring the same
updates."""
import re
import struct

import pytest

from ofpeer import NX, barrier_type, connect_unix
from switch import Reference, Switch

FULL, OTHERS = 0x3f, 0x1f  # Nicira's flags: all; all but "my own in full"


@pytest.fixture(scope="module")
def pair():
    switches = []
    try:
        for kind in (Switch, Reference):
            s = kind(None, "--enable-dummy", "--disable-system")
            switches.append(s)
            s.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail-mode=secure")
            for i in (1, 2):
                s.vsctl(f"add-port br0 p{i} -- set interface p{i} type=dummy ofport_request={i}")
        yield switches
    finally:
        for s in switches:
            s.close()


def monitor(version, number, flags):
    if version == 1:
        return 16, struct.pack("!HHIII", 0xffff, 0, NX, 2, 0) + struct.pack("!IHHHB5x", number, flags, 0xffff, 0, 0xff)
    return 18, struct.pack("!HH4x", 16, 0) + struct.pack("!IIIHBB", number, 0xffffffff, 0xffffffff, flags, 0xff, 0) \
        + struct.pack("!HH4x", 1, 4)


def updates(session):
    """What came, without numbers of requests that the test did not choose."""
    xid = session.send(barrier_type(session.version))
    got = []
    while True:
        m = session.read(5)
        assert m, "no answer to the barrier"
        if m.xid == xid:
            return got
        got.append((m.type, m.xid if m.xid < 0x10000 else 0, m.body.hex()))


COMMANDS = [
    ["add-flow", "br0", "in_port=1,actions=2"],
    ["add-flow", "br0", "in_port=1,actions=2"],
    ["add-flow", "br0", "in_port=1,idle_timeout=9,actions=3"],
    ["mod-flows", "br0", "in_port=1,actions=2"],
    ["mod-flows", "br0", "in_port=1,actions=2"],
    ["mod-flows", "br0", "in_port=1,cookie=5,actions=2"],
    ["mod-flows", "br0", "tcp,actions=1"],
    ["--strict", "del-flows", "br0", "tcp"],
    ["-O", "OpenFlow13", "add-group", "br0", "group_id=1,type=all,bucket=output:1"],
    ["-O", "OpenFlow13", "add-flow", "br0", "udp,actions=group:1"],
    ["-O", "OpenFlow13", "del-groups", "br0"],
    ["del-flows", "br0"],
]


@pytest.mark.parametrize("version,flags", [(1, FULL), (1, OTHERS), (5, OTHERS), (6, OTHERS)])
def test_updates(pair, version, flags):
    seen = []
    for s in pair:
        s.command("ovs-ofctl", "del-flows", "br0")
        s.command("ovs-ofctl", "add-flow", "br0", "udp,priority=3,actions=1")
        session = connect_unix(s.dir / "br0.mgmt")
        session.hello(version)
        session.next_xid = 100
        got = []
        session.send(*monitor(version, 5, flags))
        got.append(updates(session))
        for command in COMMANDS:
            s.command("ovs-ofctl", *command)
            got.append((command, updates(session)))
        # What this session does itself: in full, or its number alone.
        if version == 1:
            for command, cookie in ((0, 0), (1, 7), (3, 0)):
                match = struct.pack("!I36x", 0x3820ff)
                session.send(14, match + struct.pack("!QHHHHIHH", cookie, command, 0, 0, 5, 0xffffffff, 0xffff, 0)
                             + struct.pack("!HHHH", 0, 8, 2, 0))
                got.append((command, updates(session)))
            session.nx(21, struct.pack("!I", 5))
            got.append(updates(session))
            s.command("ovs-ofctl", "add-flow", "br0", "in_port=1,actions=2")
            got.append(updates(session))
            session.nx(21, struct.pack("!I", 5))
            got.append(updates(session))
        session.close()
        seen.append(got)
    for ours, theirs in zip(*seen):
        assert ours == theirs


def test_ofctl(pair):
    """ovs-ofctl monitor br0 watch: prints the rules that are there."""
    for s in pair:
        s.command("ovs-ofctl", "del-flows", "br0")
        s.command("ovs-ofctl", "add-flow", "br0", "udp,priority=3,actions=1")
    ours, theirs = [s.command("timeout", "0.4", "ovs-ofctl", "monitor", "br0", "watch:", check=False) for s in pair]
    assert "event=ADDED" in theirs.stderr + theirs.stdout
    strip = [re.sub(r"\S+Z\|", "", r.stdout + r.stderr).replace(str(s.dir), "") for r, s in zip((ours, theirs), pair)]
    assert strip[0] == strip[1]
