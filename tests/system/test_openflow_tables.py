# SPDX-License-Identifier: Apache-2.0
"""Table features that are set, in OpenFlow 1.3 to 1.5, beside the reference; requests in several parts."""
import struct

import pytest

from ofpeer import ERROR
from osken_peer import MULTIPART_REPLY, Peer
from switch import Reference

FEATURES = 12
TABLES_FAILED, BAD_PROPERTY, BAD_REQUEST = 13, 14, 1
NX_ERROR = 0xffff  # an experimenter's


class Tables:
    """All tables of a switch, as they are on the wire."""

    def __init__(self, switch, version):
        self.peer = Peer(switch, version)
        self.all = self.get()

    def tables(self, xid):
        messages = self.peer.until_barrier(xid)
        errors = [m.error() for m in messages if m.type == ERROR]
        if errors:
            return errors[0]
        data, tables = b"".join(m.body[8:] for m in messages), []
        while data:
            n = (struct.unpack("!H", data[:2])[0] + 7) // 8 * 8
            tables.append(data[:n])
            data = data[n:]
        return tables

    def get(self):
        return self.tables(self.peer.multipart(FEATURES))

    def set(self, tables):
        """The error, or how the tables are then."""
        parts = [tables[i:i + 10] for i in range(0, len(tables), 10)]
        self.peer.xid += 1
        for i, part in enumerate(parts):
            self.peer.multipart(FEATURES, b"".join(part), i + 1 < len(parts), self.peer.xid)
        return self.tables(self.peer.xid)

    def names(self):
        return [t[8:40].rstrip(b"\0") for t in self.get()]


def named(table, name):
    return table[:8] + name.ljust(32, b"\0") + table[40:]


def command(table, number):
    return table[:3] + bytes([number]) + table[4:]


def config(table, value):
    return table[:56] + struct.pack("!I", value) + table[60:]


def max_entries(table, value):
    return table[:60] + struct.pack("!I", value) + table[64:]


def numbered(table, number):
    return table[:2] + bytes([number]) + table[3:]


def properties(table):
    found, data = [], table[64:]
    while len(data) >= 4:
        kind, n = struct.unpack("!HH", data[:4])
        found.append((kind, data[4:n]))
        data = data[(n + 7) // 8 * 8:]
    return found


def with_properties(table, props):
    body = b""
    for kind, value in props:
        one = struct.pack("!HH", kind, 4 + len(value)) + value
        body += one + bytes(-len(one) % 8)
    return struct.pack("!H", 64 + len(body)) + table[2:64] + body


def changes(version, t):
    """(what, tables): requests that both switches are to answer alike."""
    first, rest, props = t[0], t[1:], properties(t[0])
    yield "as they are", t
    yield "a name", [named(first, b"zero")] + rest
    yield "one name twice", [named(first, b"one"), named(t[1], b"one")] + t[2:]
    yield "without the last", t[:-1]
    yield "only one", t[:1]
    yield "backwards", t[::-1]
    yield "one twice", t + [first]
    yield "the hidden one", t + [numbered(first, 254)]
    yield "all", t + [numbered(first, 255)]
    for value in (1, 4, 8, 0x80):
        yield f"config {value}", [config(first, value)] + rest
    yield "a long name", [named(first, b"x" * 32)] + rest
    yield "bytes in a name", [named(first, b"x\xff\x01y")] + rest
    yield "a property twice", [with_properties(first, props + props[:1])] + rest
    yield "an unknown property", [with_properties(first, props + [(99, b"")])] + rest
    yield "no match", [with_properties(first, [p for p in props if p[0] != 8])] + rest
    yield "an unknown field", [with_properties(first, [(k, v + struct.pack("!I", 0x80007f04) if k == 8 else v)
                                                       for k, v in props])] + rest
    yield "fewer fields", [with_properties(first, [(k, v[:8] if k == 8 else v) for k, v in props])] + rest
    if version == 6:
        for number in (1, 2, 3, 4):
            yield f"command {number}", [command(named(t[7], b"c%d" % number), number)]
            yield f"command {number} for all", [command(named(table, b"c%d" % number), number) for table in t]
        yield "mixed commands", [command(first, 1)] + rest
        yield "a name and no property", [command(with_properties(named(first, b"np"), []), 1)]
    yield "no name", t


@pytest.mark.parametrize("version", [4, 5, 6])
def test_beside_the_reference(simulation, reference, version):
    ours, theirs = [], []
    for switch, answers in ((simulation, ours), (reference, theirs)):
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
        tables = Tables(switch, version)
        assert len(tables.all) == 254
        for what, wanted in changes(version, tables.all):
            answer = tables.set(wanted)
            names = tables.names()
            answers.append((what, [t[8:40] for t in answer] if isinstance(answer, list) else answer, names))
            # What is said to be is what there is.
            assert not isinstance(answer, list) or answer == tables.get()
    assert ours == theirs


def test_names_by_ofctl(simulation):
    from netns import build_dir
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy protocols=[]")

    def tables():
        out = simulation.command("ovs-ofctl", "-O", "OpenFlow13", "dump-table-features", "br0").stdout
        return [line.split(':')[0].strip() for line in out.splitlines() if '"' in line]
    for version in ("13", "14", "15"):
        for tool in (("ovs-ofctl",), (build_dir() / "sluice", "ofctl")):
            simulation.command(*tool, "-O", f"OpenFlow{version}", "mod-table", "br0", "3", f"name:of{version}")
            assert tables() == [f'table 3 ("of{version}")']
            simulation.command(*tool, "-O", f"OpenFlow{version}", "mod-table", "br0", "3", "name:")
            assert tables() == []
    # The configuration's name goes before it; OpenFlow's comes back with the end of that.
    simulation.command("ovs-ofctl", "-O", "OpenFlow13", "mod-table", "br0", "3", "name:mine")
    simulation.vsctl("-- --id=@t create Flow_Table name=theirs -- set bridge br0 flow_tables:3=@t")
    assert tables() == ['table 3 ("theirs")']
    simulation.vsctl("clear bridge br0 flow_tables")
    assert tables() == ['table 3 ("mine")']


@pytest.mark.parametrize("version", [4, 6])
def test_max_entries(simulation, version):
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
    tables = Tables(simulation, version)
    bad = (TABLES_FAILED, 7 if version == 6 else 5)
    t = tables.all
    add = lambda n: tables.peer.error(tables.peer.parser.OFPFlowMod(  # noqa: E731
        tables.peer.desc, table_id=5, priority=n, match=tables.peer.parser.OFPMatch(in_port=n), instructions=[],
        buffer_id=0xffffffff, out_port=0xffffffff, out_group=0xffffffff))
    assert isinstance(tables.set(t[:5] + [max_entries(t[5], 2)] + t[6:]), list)
    assert tables.get()[5] == max_entries(t[5], 2)
    assert [add(1), add(2), add(3)] == [None, None, (5, 1)]  # FLOW_MOD_FAILED, TABLE_FULL
    assert tables.set(t[:5] + [max_entries(t[5], 1)] + t[6:]) == (TABLES_FAILED, 5)  # less than there are
    for wrong in (0, 1000001):
        assert tables.set(t[:5] + [max_entries(t[5], wrong)] + t[6:]) == bad
    # One that cannot be: nothing of the others is done.
    assert tables.set([named(t[0], b"x")] + t[1:5] + [max_entries(t[5], 0)] + t[6:]) == bad
    assert tables.names()[0] == b""
    assert isinstance(tables.set(t), list)
    assert add(3) is None
    simulation.vsctl("-- --id=@t create Flow_Table flow_limit=10 -- set bridge br0 flow_tables:5=@t")
    assert tables.set(t[:5] + [max_entries(t[5], 11)] + t[6:]) == bad


def test_secondary_may_not(simulation):
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
    tables = Tables(simulation, 6)
    peer = tables.peer
    assert peer.ask(peer.parser.OFPRoleRequest(peer.desc, peer.ofp.OFPCR_ROLE_SLAVE, 0, 1))
    assert tables.set([command(named(tables.all[0], b"x"), 1)]) == (BAD_REQUEST, 10)
    assert tables.get() == tables.all


def test_stage_by_osken(simulation):
    """os-ken's own classes, in both directions."""
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
    peer = Peer(simulation, 6)
    ofp, parser = peer.ofp, peer.parser

    def features():
        return [t.features for t in peer.records(parser.OFPTableFeaturesStatsRequest(peer.desc, 0, []))]

    def change(*tables, more=()):
        body = [parser.OFPTableFeaturesStats(table_id=table, command=ofp.OFPTFC_MODIFY, features=flags, name=b"",
                                             metadata_match=0, metadata_write=0, capabilities=0, max_entries=0,
                                             properties=[]) for table, flags in tables]
        return peer.error(parser.OFPTableFeaturesStatsRequest(peer.desc, 0, body))
    both = ofp.OFPTFF_INGRESS_TABLE | ofp.OFPTFF_EGRESS_TABLE
    first = both | ofp.OFPTFF_FIRST_EGRESS
    assert features() == [ofp.OFPTFF_INGRESS_TABLE] + [both] * 253
    assert change((10, first)) is None
    assert features() == [1] + [both] * 9 + [first] + [both] * 243
    assert change((20, first)) == (TABLES_FAILED, 8)  # there is one already
    assert change((10, both), (20, first)) is None
    assert features()[20] == first and features()[10] == both
    assert change((0, ofp.OFPTFF_INGRESS_TABLE | ofp.OFPTFF_FIRST_EGRESS)) == (TABLES_FAILED, 8)
    assert change((30, both | 4)) == (TABLES_FAILED, 8)
    assert change((20, 0)) is None and features()[20] == first  # not said
    # Next tables end where egress tables begin.
    table = peer.records(parser.OFPTableFeaturesStatsRequest(peer.desc, 0, []))[18]
    assert [p.table_ids for p in table.properties if p.type == ofp.OFPTFPT_NEXT_TABLES] == [[19]]
    assert change((20, both)) is None and first not in features()


# ------------------------------------------------------------------ requests in several parts


FLOWS = struct.pack("!B3xII4xQQHH4x", 255, 0xffffffff, 0xffffffff, 0, 0, 1, 4)


def brief(messages):
    return [(m.xid,) + m.error() if m.type == ERROR else (m.xid, "reply") for m in messages]


@pytest.mark.parametrize("version", [4, 6])
def test_parts_beside_the_reference(simulation, reference, version):
    answers = []
    for switch in (simulation, reference):
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
        tables = Tables(switch, version)
        peer, t, got = tables.peer, tables.all, []
        for what, parts in (("two of a list", [(FEATURES, t[0], 1, 7), (FEATURES, t[1], 0, 7)]),
                            ("the end is empty", [(FEATURES, t[0], 1, 7), (FEATURES, b"", 0, 7)]),
                            ("both are empty", [(3, b"", 1, 7), (3, b"", 0, 7)]),
                            ("no list", [(1, FLOWS, 1, 7), (1, FLOWS, 0, 7)]),
                            ("another xid", [(FEATURES, t[0], 1, 7), (FEATURES, t[1], 0, 8), (FEATURES, t[2], 0, 7)]),
                            ("another type", [(FEATURES, t[0], 1, 9), (1, FLOWS, 0, 9)]),
                            ("unknown", [(99, b"", 1, 7)])):
            for kind, body, more, xid in parts:
                peer.multipart(kind, body, more, xid)
            got.append((what, brief(peer.until_barrier())[:1]))
        answers.append(got)
        # One whose end does not come.
        peer.multipart(FEATURES, t[0], True, 60)
        m = peer.session.wait(lambda m: m.xid == 60, "the end of waiting")
        answers[-1].append(m.error())
    assert answers[0] == answers[1]


def test_half_records_are_joined(simulation):
    """Which the reference refuses."""
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
    tables = Tables(simulation, 6)
    t = command(named(tables.all[0], b"half"), 1)
    tables.peer.multipart(FEATURES, t[:1000], True, 7)
    tables.peer.multipart(FEATURES, t[1000:], False, 7)
    assert isinstance(tables.tables(7), list) and tables.names()[0] == b"half"


def test_parts_are_bounded(simulation):
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
    peer = Peer(simulation, 6)
    body = bytes(60000)
    for _ in range(100):
        peer.multipart(FEATURES, body, True, 50)
    errors = [m for m in peer.until_barrier() if m.type == ERROR]
    assert errors and errors[0].error() == (BAD_REQUEST, 13)
    for xid in range(100, 20000):  # many that are small: a few at a time are kept
        peer.multipart(0, b"", True, xid)
    assert (BAD_REQUEST, 13) in [m.error() for m in peer.until_barrier() if m.type == ERROR]
    assert peer.raw(peer.parser.OFPDescStatsRequest(peer.desc, 0))[0].type == MULTIPART_REPLY
