# SPDX-License-Identifier: Apache-2.0
"""Elections, what a secondary is refused, which asynchronous messages are configured, bundles that are misused: the same
conversations with our switch and the reference, answers compared."""
import itertools
import struct

import pytest

from ofpeer import ERROR, FEATURES_REQUEST, FLOW_MOD, connect_unix
from test_controllers import Door, make_bridge, pair, session_of, switches_with_doors  # noqa: F401
from test_controllers_hostile import message

NX, ONF = 0x2320, 0x4f4e4600
NOCHANGE, EQUAL, PRIMARY, SECONDARY = 0, 1, 2, 3
ROLE_REQUEST, GET_ASYNC, SET_ASYNC = 24, 26, 28
BUNDLE_CONTROL, BUNDLE_ADD = 33, 34
LAST = (1 << 64) - 1


def compare(pair, conversation, *args):
    """CONVERSATION(switch, door, *args) returns {what was said: what was answered}."""
    ours, theirs = [conversation(s, door, *args) for s, door in pair]
    assert ours.keys() == theirs.keys()
    different = {key: (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]}
    assert not different, "\n".join(f"{key}\n  ours   {a}\n  theirs {b}" for key, (a, b) in different.items())


def heard(session):
    """All that has come by the answer to a barrier, errors without what they are about."""
    session.barrier()
    messages = [(m.type, m.body[:4] if m.type == ERROR else m.body) for m in session.kept]
    session.kept.clear()
    return messages


def role(session, wanted, generation):
    m = session.ask(ROLE_REQUEST, struct.pack("!IIQ", wanted, 0, generation & LAST))
    return m.type, m.body[:16]


generations = itertools.count(1000, 1000)


# ---------------------------------------------------------------- elections


# Who asks for what with which generation id, relative to one of its own: they wrap, and 2^63 is the past already.
ELECTION = [("a", NOCHANGE, 5), ("a", PRIMARY, 10), ("b", PRIMARY, 9), ("b", PRIMARY, 10), ("a", PRIMARY, 11),
            ("a", PRIMARY, 10 + (1 << 63)), ("a", SECONDARY, 10 + (1 << 63)), ("b", SECONDARY, 3), ("a", SECONDARY, 11),
            ("a", PRIMARY, 10 + (1 << 62)), ("b", PRIMARY, 10 + (1 << 63)), ("b", EQUAL, 0), ("a", PRIMARY, LAST - 1),
            ("b", PRIMARY, LAST), ("a", PRIMARY, 1), ("a", 4, 2), ("a", LAST >> 32, 2), ("b", PRIMARY, LAST),
            ("b", SECONDARY, 2), ("b", NOCHANGE, 0), ("b", PRIMARY, 2), ("b", PRIMARY, 2), ("a", EQUAL, 1)]


def elect(s, door, version):
    sessions = {"a": session_of(door, version), "b": session_of(door, version)}
    log = {}
    for i, (who, wanted, generation) in enumerate(ELECTION):
        answer = role(sessions[who], wanted, generation)
        log[i, who, wanted, generation] = answer, heard(sessions["a"]), heard(sessions["b"])
    sessions["a"].close()
    log["the primary has gone"] = role(sessions["b"], NOCHANGE, 0)
    role(sessions["b"], PRIMARY, 3)
    sessions["b"].close()
    # The next election begins where this one ended.
    late = session_of(door, version)
    log["all have gone"] = role(late, NOCHANGE, 0), role(late, PRIMARY, 2), role(late, PRIMARY, 3)
    for distance in ((1 << 63) - 1, (1 << 63) - 1, 2):  # around, to 3 - 0
        generation = struct.unpack("!Q", role(late, NOCHANGE, 0)[1][8:])[0] + distance
        log["around", generation] = role(late, PRIMARY, generation)
    assert role(late, PRIMARY, 4)[0] == ROLE_REQUEST + 1
    late.close()
    again = session_of(door, version)
    role(again, PRIMARY, 4 + (1 << 62))
    role(again, PRIMARY, 4 + (1 << 63) - 1)
    role(again, PRIMARY, 4 + (1 << 63) + (1 << 62))
    log["full circle"] = role(again, PRIMARY, 4)
    again.close()
    return log


@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_elections(version):
    """In switches of their own: a generation id is for ever."""
    with switches_with_doors() as made:
        compare(made, elect, version)


def elect_in_niciras_way(s, door, version):
    sessions = {"a": session_of(door, version), "b": session_of(door, version)}
    log = {}
    steps = [("a", 0), ("a", 1), ("b", 1), ("b", 2), ("a", 2), ("a", 3), ("a", 1), ("a", LAST >> 32), ("b", 0), ("a", 0)]
    for i, (who, wanted) in enumerate(steps):
        m = sessions[who].ask_nx(10, struct.pack("!I", wanted))
        log[i, who, wanted] = m.type, m.body[:12], len(heard(sessions["a"])), len(heard(sessions["b"]))
    for n in (0, 3, 5, 8):
        log["length", n] = sessions["a"].ask_nx(10, bytes(n)).error()
    for session in sessions.values():
        session.close()
    return log


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_elections_in_niciras_way(pair, version):
    """The answer has the form of the question, in each version."""
    compare(pair, elect_in_niciras_way, version)


def stand_by_mgmt(s, door, version):
    """A session of BRIDGE.mgmt that stood for election hears that it lost, too."""
    manager = connect_unix(s.dir / "br0.mgmt")
    manager.hello(version)
    other = session_of(door, version)
    generation = next(generations)
    log = {"won": role(manager, PRIMARY, generation)[0], "lost": role(other, PRIMARY, generation + 1)[0]}
    log["told"] = [(kind, len(body)) for kind, body in heard(manager)]
    assert log["told"]
    for session in (manager, other):
        session.close()
    return log


@pytest.mark.parametrize("version", [4, 5, 6])
def test_standing_by_mgmt(pair, version):
    compare(pair, stand_by_mgmt, version)


# ---------------------------------------------------------------- what a secondary may do


def be_secondary(s, door, version):
    session = session_of(door, version)

    def obey():
        if version < 3:
            session.ask_nx(10, struct.pack("!I", 2))
        else:
            role(session, NOCHANGE, 0)  # the id is not looked at
            generation = struct.unpack("!Q", role(session, NOCHANGE, 0)[1][8:])[0]
            role(session, SECONDARY, 0 if generation == LAST else generation)
    log = {}

    def say(what, kind, body=b""):
        session.kept.clear()
        xid = session.send(kind, body)
        session.barrier()
        log[what] = [(m.type, m.error() if m.type == ERROR else None) for m in session.kept if m.xid == xid]
        if kind == ROLE_REQUEST:
            obey()
    obey()
    for kind in range(2, 36):
        if kind not in (16, 18):
            for n in (0, 8, 16, 40, 64):
                say((kind, n), kind, bytes(n))
    for kind in (*range(0, 28), 29):
        for n in (0, 16):
            say(("Nicira's", kind, n), 4, struct.pack("!II", NX, kind) + bytes(n))
        obey()
    for n in (8, 16):
        say(("control", n), 4, struct.pack("!II", ONF, 2300) + bytes(n))
        say(("add", n), 4, struct.pack("!II", ONF, 2301) + bytes(n))
    # Reading is allowed; table features only to be read.
    for kind in (*range(0, 12), 13):
        say(("statistics", kind), 16 if version == 1 else 18, struct.pack("!HH", kind, 0) + bytes(4 if version > 1 else 0))
    if version >= 4:
        session.send(18, struct.pack("!HH4x", 12, 0) + struct.pack("!H", 64) + bytes(62))
        log["features"] = [m[0] for m in heard(session)]
    session.close()
    return log


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_what_a_secondary_may_do(pair, version):
    compare(pair, be_secondary, version)


def test_a_secondary_has_no_bundles(simulation):
    """Each step is refused; the bundle of one that was demoted waits until it may write again."""
    make_bridge(simulation)
    door = Door(simulation)
    a, b = session_of(door, 5), session_of(door, 5)
    role(a, PRIMARY, 1)
    assert a.ask(BUNDLE_CONTROL, struct.pack("!IHH", 1, 0, 1)).type == BUNDLE_CONTROL
    role(b, PRIMARY, 2)
    for kind in (0, 2, 4, 6):
        assert a.ask(BUNDLE_CONTROL, struct.pack("!IHH", 1, kind, 1)).error() == (1, 10)
    xid = a.next_xid
    assert a.ask(BUNDLE_ADD, struct.pack("!IHH", 1, 0, 1) + message(5, FLOW_MOD, bytes(48), xid)).error() == (1, 10)
    assert a.ask(FEATURES_REQUEST).type == FEATURES_REQUEST + 1
    role(a, PRIMARY, 3)
    assert a.ask(BUNDLE_CONTROL, struct.pack("!IHH", 1, 4, 1)).body == struct.pack("!IHH", 1, 5, 0)


# ---------------------------------------------------------------- asynchronous configuration


def prop(kind, value):
    return struct.pack("!HHI", kind, 8, value)


def configure(s, door, version):
    session = session_of(door, version)
    log = {}

    def say(what, body, nicira=None):
        session.kept.clear()
        xid = session.nx(nicira, body) if nicira else session.send(SET_ASYNC, body)
        session.barrier()
        errors = [m.error() for m in session.kept if m.xid == xid]
        masks = session.ask(GET_ASYNC).body
        if version >= 5:
            masks = dict((k, v) for k, _, v in struct.iter_unpack("!HHI", masks))
            masks = {k: v for k, v in masks.items() if k not in (6, 7)}  # role status: its default is told
        log[what] = errors, masks
    say("as it is", b"" if version >= 5 else b"\0")
    if version == 4:
        for n in (0, 8, 20, 23, 25, 32):
            say(("length", n), (b"\1" * 32)[:n])
        say("all", b"\xff" * 24)
        say("some", struct.pack("!6I", 7, 1, 5, 2, 9, 4))
        say("unknown reasons", struct.pack("!6I", 0xffff, 0xffff, 8, 8, 16, 16))
    else:
        for kind in range(12):
            for value in (0, 1, 2, LAST >> 32):
                say((kind, value), prop(kind, value))
            for n in (0, 4, 12):
                say((kind, "length", n), struct.pack("!HHI", kind, n, 1) + (bytes(8) if n > 8 else b""))
        for kind in (20, 0x55, 0x5555, 0xfffd):
            say(("unknown", kind), prop(kind, 1))
            say(("known, unknown", kind), prop(1, 2) + prop(kind, 1))
        for kind, vendor in itertools.product((0xfffe, 0xffff), (NX, ONF, 0x123456)):
            say(("experimenter", kind, vendor), struct.pack("!HHII4x", kind, 12, vendor, 0))
        say("one of two is wrong", prop(0, 2) + prop(1, LAST >> 32))
        say("the second is cut off", prop(0, 2) + struct.pack("!HHI", 1, 3, 1))
        say("twice", prop(1, 1) + prop(1, 2))
        say("a rest", prop(1, 1) + b"\0\0\0")
    for n in (0, 8, 16):
        say(("Nicira's length", n), bytes(n), 19)
    for kind in (19, 27):
        say(("Nicira's masks", kind), struct.pack("!6I", 7, 1, 5, 2, 9, 4), kind)
        say(("Nicira's unknown reasons", kind), struct.pack("!6I", 0xffff, 0xffff, 8, 8, 16, 16), kind)
        say(("Nicira's properties", kind), prop(1, 1) + prop(0, 2) + prop(2, 4), kind)
    session.close()
    return log


@pytest.mark.parametrize("version", [4, 5, 6])
def test_async_configuration(pair, version):
    compare(pair, configure, version)


# ---------------------------------------------------------------- bundles


def flow_mod(version, xid, table=0):
    body = struct.pack("!QQBBHHHIIIHH", 0, 0, table, 0, 0, 0, 5, LAST >> 32, LAST >> 32, LAST >> 32, 0, 0)
    return message(version, FLOW_MOD, body + struct.pack("!HH4x", 1, 4), xid)


class Bundles:
    """Of one session: control() and add() return what was answered."""

    def __init__(self, session):
        self.session, self.onf = session, session.version == 4

    def send(self, kind, body):
        if self.onf:
            kind, body = 4, struct.pack("!II", ONF, 2300 + kind - BUNDLE_CONTROL) + body
        self.session.send(kind, body)

    def control(self, bundle, kind, flags):
        self.send(BUNDLE_CONTROL, struct.pack("!IHH", bundle, kind, flags))
        return heard(self.session)

    def add(self, bundle, flags, inner):
        self.send(BUNDLE_ADD, struct.pack("!IHH", bundle, 0, flags) + inner)
        return heard(self.session)


def misuse(s, door, version):
    session = session_of(door, version)
    bundles = Bundles(session)

    def xid():
        return session.next_xid
    steps = {"open": lambda b: bundles.control(b, 0, 1), "open, other flags": lambda b: bundles.control(b, 0, 3),
             "open, no flags": lambda b: bundles.control(b, 0, 0),
             "close": lambda b: bundles.control(b, 2, 1), "close, other flags": lambda b: bundles.control(b, 2, 3),
             "commit": lambda b: bundles.control(b, 4, 1), "commit, other flags": lambda b: bundles.control(b, 4, 3),
             "discard": lambda b: bundles.control(b, 6, 1), "discard, other flags": lambda b: bundles.control(b, 6, 3),
             "a reply": lambda b: bundles.control(b, 1, 1),
             "add": lambda b: bundles.add(b, 1, flow_mod(version, xid())),
             "add, other flags": lambda b: bundles.add(b, 3, flow_mod(version, xid())),
             "add, other xid": lambda b: bundles.add(b, 1, flow_mod(version, xid() + 5)),
             "add, other version": lambda b: bundles.add(b, 1, flow_mod(version % 6 + 1, xid())),
             "add a barrier": lambda b: bundles.add(b, 1, message(version, 20, b"", xid())),
             "add half": lambda b: bundles.add(b, 1, flow_mod(version, xid())[:20]),
             "add and a rest": lambda b: bundles.add(b, 1, flow_mod(version, xid()) + bytes(16)),
             "add what is unknown": lambda b: bundles.add(b, 1, message(version, FLOW_MOD, bytes(40) + b"\0\1\0\4zz", xid()))}
    log = {}
    for i, (before, step) in enumerate(itertools.product([(), ("open",), ("open", "close"), ("open", "add"), ("add",)], steps)):
        log[before, step] = [steps[name](i) for name in (*before, step, "commit")]
    session.close()
    return log


@pytest.mark.parametrize("version", [4, 5, 6])
def test_misused_bundles(pair, version):
    """What is wrong with a step ends the bundle, or does not, as there."""
    compare(pair, misuse, version)


@pytest.mark.parametrize("version", [4])
def test_idle_bundles(pair, version):
    """Forgotten after a while in which nothing happened to them: bundle-idle-timeout, also for those that are there."""
    def wait(s, door):
        session = session_of(door, version)
        bundles = Bundles(session)
        log = {"open": bundles.control(1, 0, 1), "add": bundles.add(2, 1, flow_mod(version, session.next_xid)),
               "close": [bundles.control(3, kind, 0) for kind in (0, 2)]}
        s.vsctl("set open_vswitch . other_config:bundle-idle-timeout=1")
        try:
            errors = [session.of_type(ERROR, 8).raw for _ in range(3)]
        finally:
            s.vsctl("remove open_vswitch . other_config bundle-idle-timeout")
        log["errors"] = sorted(e[:4] + e[8:] for e in errors)
        log["commit"] = [bundles.control(i, 4, 1) for i in (1, 2, 3)]
        session.close()
        return log
    compare(pair, wait)


def test_idle_bundles_by_the_clock(simulation):
    """Ten seconds as long as nobody says something else, from the last time that something happened."""
    make_bridge(simulation)
    session = connect_unix(simulation.dir / "br0.mgmt")
    session.hello(5)
    session.barrier()
    simulation.appctl("time/stop")
    bundles = Bundles(session)
    bundles.control(1, 0, 1)
    simulation.appctl("time/warp", "9000")
    assert not bundles.add(1, 1, flow_mod(5, session.next_xid))
    simulation.appctl("time/warp", "9000")
    bundles.control(1, 2, 1)
    simulation.appctl("time/warp", "9000")
    assert not heard(session)
    simulation.appctl("time/warp", "1100")
    assert session.of_type(ERROR).error() == (17, 14)
    assert bundles.control(1, 4, 1)[0][1] == struct.pack("!HH", 17, 2)
