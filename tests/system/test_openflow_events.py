# SPDX-License-Identifier: Apache-2.0
"""What a switch tells and does by itself, beside the reference: vacancy events, requests forwarded to others, packets that
exceed a meter's rate, misses in tables of OpenFlow 1.1."""
import re
import struct

import pytest

from ofpeer import connect_unix
from switch import Reference, Switch

TABLE_STATUS, REQUESTFORWARD = 31, 32


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
            s.appctl("time/stop")
        yield switches
    finally:
        for s in switches:
            s.close()


def ofctl(switch, *argv):
    return switch.command("ovs-ofctl", "-O", "OpenFlow14", *argv, check=False)


def listener(switch, version):
    """A session that has asked for table status and for requests of others (a property of 8 bytes for each)."""
    session = connect_unix(switch.dir / "br0.mgmt")
    session.hello(version)
    session.send(9, struct.pack("!HH", 0, 128))
    session.send(28, struct.pack("!HHIHHI", 9, 8, 0x18, 11, 8, 3))
    session.barrier()
    assert not [m for m in session.kept if m.type == 1], session.kept
    session.kept.clear()
    return session


def told(session, kind):
    """Bodies of this type that came until now; the number of the request inside is left out."""
    session.barrier()
    got = [m.body for m in session.kept if m.type == kind]
    session.kept.clear()
    return [(b[:4] + bytes(4) + b[8:]).hex() if kind == REQUESTFORWARD else b.hex() for b in got]


@pytest.mark.parametrize("version", [5, 6])
def test_vacancy_events(pair, version):
    """Ours: the reference's limits are other ones, so its messages are not compared, but the order of events is the
    standard's: down when fewer than the lower limit are free, up when more than the upper one are."""
    ours = pair[0]
    ours.command("ovs-ofctl", "del-flows", "br0")
    ours.vsctl("-- --id=@t create Flow_Table flow_limit=10 -- set bridge br0 flow_tables:5=@t")
    session = listener(ours, version)
    try:
        assert not ofctl(ours, "mod-table", "br0", "5", "vacancy:30,60").returncode
        events = []
        for i in range(10):
            ofctl(ours, "add-flow", "br0", f"table=5,priority={i + 1},actions=drop")
            events += [(i + 1, b) for b in told(session, TABLE_STATUS)]
        for i in reversed(range(10)):
            ofctl(ours, "--strict", "del-flows", "br0", f"table=5,priority={i + 1}")
            events += [(i, b) for b in told(session, TABLE_STATUS)]
        assert [(n, int(b[:2], 16)) for n, b in events] == [(8, 3), (3, 4)], events
        # reason, padding; length, table, padding, configuration; the property of eviction, that of vacancy: down, up, now.
        assert all(b[20:22] == "05" for _, b in events), events
        assert [("1e3c14" in b, "1e3c46" in b) for _, b in events] == [(True, False), (False, True)], events
    finally:
        session.close()
        ours.vsctl("clear bridge br0 flow_tables")


@pytest.mark.parametrize("version", [5, 6])
def test_requests_are_forwarded(pair, version):
    seen = []
    for s in pair:
        session = listener(s, version)
        got = []
        for command in (["add-group", "br0", "group_id=1,type=all,bucket=output:1"],
                        ["add-group", "br0", "group_id=1,type=all,bucket=output:1"],
                        ["mod-group", "br0", "group_id=1,type=select,bucket=weight:3,output:2"],
                        ["add-meter", "br0", "meter=3,pktps,bands=type=drop,rate=10"],
                        ["mod-meter", "br0", "meter=3,kbps,burst,bands=type=drop,rate=20,burst_size=5"],
                        ["mod-meter", "br0", "meter=3,kbps,bands=type=drop,rate=20"],
                        ["del-meter", "br0", "meter=3"], ["del-groups", "br0"]):
            ofctl(s, *command)
            got.append((command, told(session, REQUESTFORWARD)))
        session.close()
        seen.append(got)
    assert sum(len(m) for _, m in seen[1]) >= 5
    for ours, theirs in zip(*seen):
        assert ours == theirs


FRAME = "in_port(1),eth(src=50:54:00:00:00:09,dst=50:54:00:00:00:0a),eth_type(0x0800)," \
    "ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)"


def packets(switch, n):
    for _ in range(n):
        switch.appctl("netdev-dummy/receive", "p1", FRAME, "--len", "100")


@pytest.mark.parametrize("meter", ["pktps,stats,bands=type=drop,rate=1", "pktps,burst,stats,bands=type=drop,rate=1,burst_size=4",
                                   "kbps,burst,stats,bands=type=drop,rate=1,burst_size=3",
                                   "pktps,stats,bands=type=drop,rate=3,type=drop,rate=1"])
def test_meters_drop(pair, meter):
    """The time stands still: what a band lets pass at once, and what after some seconds more."""
    seen = []
    for s in pair:
        s.command("ovs-ofctl", "del-flows", "br0")
        ofctl(s, "del-meters", "br0")
        ofctl(s, "add-meter", "br0", "meter=1," + meter)
        ofctl(s, "add-flow", "br0", "in_port=1,actions=meter:1,output:2")
        got = []
        for seconds in (0, 2, 4):
            if seconds:
                s.appctl("time/warp", str(seconds * 1000), str(seconds * 1000))
            packets(s, 8)
            s.appctl("revalidator/purge")
            text = ofctl(s, "meter-stats", "br0", "meter=1").stdout
            got.append(re.sub(r"duration:\S+", "", text))
            got.append(s.get("interface", "p2", "admin_state"))
        seen.append(got)
    assert "packet_in_count:24" in seen[1][-2], seen[1]
    assert seen[0] == seen[1]


@pytest.mark.parametrize("version", ["OpenFlow11", "OpenFlow12"])
@pytest.mark.parametrize("miss", ["continue", "drop", "controller"])
def test_table_miss(pair, version, miss):
    """What no rule of table 0 matches goes on to table 1, or not."""
    seen = []
    for s in pair:
        s.command("ovs-ofctl", "del-flows", "br0")
        ofctl(s, "add-flow", "br0", "table=1,udp,actions=output:2")
        got = [s.command("ovs-ofctl", "-O", version, "mod-table", "br0", "0", miss, check=False).returncode]
        packets(s, 2)
        s.appctl("revalidator/purge")
        got.append(re.sub(r"duration=\S+|idle_age=\S+", "",
                          s.command("ovs-ofctl", "dump-flows", "br0").stdout))
        # The reference has no name for that reason (ours: implicit_miss).
        got.append(re.sub(r"\(reason=[a-z_]*\)|recirc_id=[1-9]\d*", "",
                          s.appctl("ofproto/trace", "br0", "in_port=1,udp").stdout))
        s.command("ovs-ofctl", "-O", version, "mod-table", "br0", "0", "controller", check=False)
        seen.append(got)
    assert ("n_packets=2" in seen[1][1]) == (miss == "continue"), seen[1]
    assert seen[0] == seen[1]


@pytest.mark.parametrize("version", [1, 2, 4, 5, 6])
def test_port_status_of_what_the_version_knows(pair, version):
    """NO_FLOOD and NO_STP are of OpenFlow 1.0 alone: the others hear nothing of them. A second hello is an error."""
    seen = []
    for s in pair:
        session = connect_unix(s.dir / "br0.mgmt")
        session.hello(version)
        session.send(9, struct.pack("!HH", 0, 128))
        got = []
        for action in ("no-flood", "no-packet-in", "no-stp", "flood", "packet-in", "stp", "stp"):
            assert not s.command("ovs-ofctl", "mod-port", "br0", "p1", action, check=False).returncode
            session.barrier()
            got.append((action, len([m for m in session.kept if m.type == 12])))
            session.kept.clear()
        session.send(0, xid=77)
        session.barrier()
        got.append([(m.type, m.xid, m.body.hex()) for m in session.kept])
        session.close()
        seen.append(got)
    assert ("no-packet-in", 1) in seen[1]
    assert seen[0] == seen[1]


def test_dump_of_hidden_rules_with_offload_stats(pair):
    for s in pair:
        s.command("ovs-ofctl", "del-flows", "br0")
        s.command("ovs-ofctl", "add-flow", "br0", "table=3,udp,actions=2")
    said = [[line for line in s.ask("bridge/dump-flows", "--offload-stats", "br0").splitlines() if "table_id=3" in line]
            for s in pair]
    assert said[0] == said[1] and "n_offload_packets=0" in said[1][0]


def test_cookie_of_packet_in(simulation, reference):
    """The rule's, whatever the reason that it gives; none without a rule."""
    said = []
    for switch in (simulation, reference):
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure protocols=[] "
                     "-- add-port br0 p1 -- set interface p1 type=dummy ofport_request=1")
        for version, form in ((1, 1), (1, 2), (4, 0), (4, 2), (6, 0)):
            session = connect_unix(f"{switch.dir}/br0.mgmt")
            session.hello(version)
            session.nx(16, struct.pack("!I", form))
            session.send(9, struct.pack("!HH", 0, 0xffff))
            session.barrier()
            for actions in ("controller(reason=no_match)", "controller(reason=no_match,pause)", "controller"):
                switch.command("ovs-ofctl", "add-flow", "br0", "cookie=0x1234,actions=" + actions)
                switch.appctl("netdev-dummy/receive", "p1", "5054000000025054000000011234" + "00" * 46)
                message = session.wait(lambda m: m.type in (10, 4), "a packet-in")
                said.append((version, form, actions, struct.pack("!Q", 0x1234) in message.raw))
            session.close()
            switch.command("ovs-ofctl", "del-flows", "br0")
    half = len(said) // 2
    assert said[:half] == said[half:] and all(s[3] for s in said)
