# SPDX-License-Identifier: Apache-2.0
"""Bundles of OpenFlow 1.5 that are committed at a time. The clock of the switch stands still but where a test moves it;
the peer speaks byte by byte, and os-ken's parser reads what the switch says."""
import struct
import subprocess

import pytest

from netns import build_dir
from ofpeer import ERROR, FLOW_MOD, connect_unix

BUNDLE_CONTROL, BUNDLE_ADD, MULTIPART_REQUEST, MULTIPART_REPLY = 33, 34, 18, 19
OPEN, OPEN_REPLY, CLOSE, CLOSE_REPLY, COMMIT, COMMIT_REPLY, DISCARD, DISCARD_REPLY = range(8)
ATOMIC, ORDERED, TIME = 1, 2, 4
BUNDLE_FAILED, BAD_PROPERTY = 17, 14
BAD_ID, CLOSED, BAD_FLAGS, MSG_FAILED, IN_PROGRESS, FUTURE, PAST = 2, 4, 7, 13, 15, 17, 18


def property_time(*times, kind=1, length=None):
    body = b"".join(struct.pack("!QI4x", int(t), round(t % 1 * 1000) * 1000000) for t in times)
    return struct.pack("!HH4x", kind, length or 8 + len(body)) + body


class Peer:
    """A session in OpenFlow 1.5 with a bridge whose clock stands still."""

    def __init__(self, switch):
        self.switch = switch
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
        switch.appctl("time/stop")
        self.session = connect_unix(f"{switch.dir}/br0.mgmt")
        self.session.hello(6)

    def control(self, kind, bundle=1, flags=ORDERED, properties=b""):
        return self.session.send(BUNDLE_CONTROL, struct.pack("!IHH", bundle, kind, flags) + properties)

    def answer(self, xid):
        """("error", type, code), or ("control", type, flags)."""
        m = self.session.wait(lambda m: m.xid == xid, f"the answer to {xid}")
        return ("error",) + m.error() if m.type == ERROR else ("control",) + struct.unpack("!HH", m.body[4:8])

    def ask(self, *args, **kwargs):
        return self.answer(self.control(*args, **kwargs))

    def add(self, cookie, bundle=1, flags=ORDERED, overlapping=False):
        """Puts a flow mod into the bundle; OVERLAPPING: one that the same bundle's others make impossible."""
        xid = self.session.next_xid
        self.session.next_xid += 1
        match = struct.pack("!HHII4x", 1, 12, 0x80000004, 1) if overlapping else struct.pack("!HH4x", 1, 4)
        body = struct.pack("!QQBBHHHIIIHH", cookie, 0, 0, 0, 0, 0, 1, 0xffffffff, 0xffffffff, 0xffffffff,
                           2 if overlapping else 0, 0)
        mod = struct.pack("!BBHI", 6, FLOW_MOD, 8 + len(body) + len(match), xid) + body + match
        self.session.send(BUNDLE_ADD, struct.pack("!IHH", bundle, 0, flags) + mod, xid)
        return xid

    def features(self, flags=0, properties=b""):
        return self.session.ask(MULTIPART_REQUEST, struct.pack("!HH4xI4x", 19, 0, flags) + properties)

    def times(self, *args):
        """accuracy, max_future, max_past, timestamp in seconds."""
        m = self.features(*args)
        assert m.type == MULTIPART_REPLY, m
        assert struct.unpack("!H", m.body[8:10])[0] == ATOMIC | ORDERED | TIME
        raw = m.body[16:]
        assert struct.unpack("!HH", raw[:4]) == (1, 72)
        return [s + n / 1e9 for s, n in struct.iter_unpack("!QI4x", raw[8:72])]

    def now(self):
        return self.times()[3]

    def cookies(self):
        out = subprocess.run(["ovs-ofctl", "dump-flows", f"unix:{self.switch.dir}/br0.mgmt"], capture_output=True,
                             text=True, timeout=10, check=True).stdout
        return sorted(int(w.split("=")[1].rstrip(","), 16) for w in out.split() if w.startswith("cookie="))

    def schedule(self, after, cookie=7, bundle=1):
        self.add(cookie, bundle)
        return self.control(COMMIT, bundle, ORDERED | TIME, property_time(self.now() + after))


@pytest.fixture
def peer(simulation):
    p = Peer(simulation)
    yield p
    p.session.close()


def test_features(peer):
    accuracy, future, past, stamp = peer.times()
    assert 0 < accuracy < 1 and future >= 1 and past > 0 and stamp > 1.6e9
    # What the controller wishes holds, as far as the switch goes along.
    assert peer.times(2, property_time(0, 5, 2.5, 0))[1:3] == [5, 2.5]
    assert peer.times()[1:3] == [5, 2.5]
    assert peer.times(2, property_time(0, 1 << 62, 1 << 62, 0))[1:3] == [86400, 60]
    assert peer.times(1, property_time(0, 1, 1, stamp))[1:3] == [86400, 60]
    for flags, properties, error in ((2, b"", (BUNDLE_FAILED, BAD_FLAGS)), (8, b"", (BUNDLE_FAILED, BAD_FLAGS)),
                                     (0, property_time(1, 2), (BAD_PROPERTY, 1)),
                                     (0, property_time(1, 2, 3, 4, kind=9), (BAD_PROPERTY, 0)),
                                     (0, property_time(1, 2, 3, 4) * 2, (BAD_PROPERTY, 4)),
                                     (0, struct.pack("!HH4xQI4x", 1, 24, 1, 10**9), (BAD_PROPERTY, 2))):
        m = peer.features(flags, properties)
        assert m.type == ERROR and m.error() == error, (flags, properties, m)


def test_committed_at_its_time(peer):
    xid = peer.schedule(3)
    peer.session.barrier()  # does not wait for it
    peer.switch.appctl("time/warp", "2900")
    peer.session.barrier()
    assert peer.cookies() == [] and not peer.session.kept
    assert peer.ask(COMMIT, 1, ORDERED | TIME, property_time(peer.now())) == ("error", BUNDLE_FAILED, IN_PROGRESS)
    late = peer.add(8)
    assert peer.answer(late) == ("error", BUNDLE_FAILED, CLOSED)
    peer.switch.appctl("time/warp", "200")
    assert peer.answer(xid) == ("control", COMMIT_REPLY, 0)
    assert peer.cookies() == [7]
    assert peer.ask(DISCARD, 1) == ("error", BUNDLE_FAILED, BAD_ID)  # it is done with


def test_discarded_before_its_time(peer):
    xid = peer.schedule(3)
    assert peer.ask(DISCARD, 1, ORDERED) == ("control", DISCARD_REPLY, 0)
    peer.switch.appctl("time/warp", "5000")
    peer.session.barrier()
    assert peer.cookies() == [] and not [m for m in peer.session.kept if m.xid == xid]


def test_order_of_times(peer):
    xids = [peer.schedule(after, cookie, cookie) for cookie, after in ((1, 4), (2, 2), (3, 0))]
    assert peer.answer(xids[2])[0] == "control" and peer.cookies() == [3]
    for cookie in (2, 1):
        peer.switch.appctl("time/warp", "2000")
        assert peer.answer(xids[cookie - 1])[0] == "control"
        assert peer.cookies() == [cookie]  # the same rule: the last one has replaced it


def test_too_far_off(peer):
    peer.times(2, property_time(0, 5, 2, 0))
    for after, code in ((6, FUTURE), (1e9, FUTURE), (-3, PAST)):
        assert peer.answer(peer.schedule(after)) == ("error", BUNDLE_FAILED, code)
        assert peer.ask(DISCARD) == ("error", BUNDLE_FAILED, BAD_ID)
    assert peer.cookies() == []
    assert peer.answer(peer.schedule(-1))[0] == "control"  # late, but not too late: at once
    assert peer.cookies() == [7]


def test_bad_requests(peer):
    peer.add(1)
    assert peer.ask(COMMIT, 1, ORDERED | TIME) == ("error", BUNDLE_FAILED, BAD_FLAGS)  # no time
    assert peer.ask(COMMIT, 1, ORDERED, property_time(0, kind=5)) == ("error", BAD_PROPERTY, 0)
    assert peer.ask(COMMIT, 1, ORDERED | 8) == ("error", BUNDLE_FAILED, BAD_FLAGS)
    assert peer.ask(COMMIT, 1, ORDERED, property_time(0, length=23)) == ("error", BAD_PROPERTY, 1)
    assert peer.ask(CLOSE, 1, ORDERED | TIME) == ("control", CLOSE_REPLY, 0)
    assert peer.ask(COMMIT, 1, ATOMIC | TIME, property_time(peer.now())) == ("error", BUNDLE_FAILED, BAD_FLAGS)
    assert peer.ask(COMMIT, 2, TIME, property_time(peer.now())) == ("error", BUNDLE_FAILED, BAD_ID)


def test_a_commit_that_fails_at_its_time(peer):
    peer.add(1)
    inner = peer.add(2, overlapping=True)
    xid = peer.control(COMMIT, 1, ORDERED | TIME, property_time(peer.now() + 1))
    peer.session.barrier()
    assert not peer.session.kept
    peer.switch.appctl("time/warp", "1100")
    assert peer.answer(xid) == ("error", BUNDLE_FAILED, MSG_FAILED)
    assert peer.answer(inner) == ("error", 5, 3)  # its own: it overlaps
    assert peer.cookies() == [] and peer.ask(DISCARD) == ("error", BUNDLE_FAILED, BAD_ID)


def test_a_session_that_ends_takes_its_bundles_along(peer):
    peer.schedule(3)
    peer.session.barrier()
    peer.session.close()
    peer.switch.appctl("time/warp", "5000")
    assert peer.cookies() == []


def test_osken_reads_and_writes_them(peer):
    parser = pytest.importorskip("os_ken.ofproto.ofproto_v1_5_parser")
    protocol = pytest.importorskip("os_ken.ofproto.ofproto_protocol")
    dp = protocol.ProtocolDesc(version=6)
    m = peer.features()
    reply = parser.OFPBundleFeaturesStatsReply.parser(dp, 6, m.type, len(m.raw), m.xid, bytearray(m.raw))
    stamp = reply.body.properties[0].timestamp
    assert reply.body.capabilities == ATOMIC | ORDERED | TIME and abs(stamp.seconds - peer.now()) < 2
    peer.add(9)
    prop = parser.OFPBundlePropTime(1, 24, parser.OFPTime(stamp.seconds + 2, stamp.nanoseconds))
    commit = parser.OFPBundleCtrlMsg(dp, 1, COMMIT, ORDERED | TIME, [prop])
    commit.set_xid(4242)
    commit.serialize()
    peer.session.sock.sendall(bytes(commit.buf))
    peer.session.barrier()
    assert peer.cookies() == []
    peer.switch.appctl("time/warp", "2100")
    assert peer.answer(4242)[:2] == ("control", COMMIT_REPLY) and peer.cookies() == [9]


def test_ofctl(peer, tmp_path):
    sluice, target = f"{build_dir()}/sluice", f"unix:{peer.switch.dir}/br0.mgmt"

    def run(*args):
        return subprocess.run([sluice, "ofctl", "-O", "OpenFlow15", *args], capture_output=True, text=True, timeout=10)

    features = run("bundle-features", target)
    assert "flags=atomic ordered time" in features.stdout and " max_future=3600.000000000 " in features.stdout
    (tmp_path / "flows").write_text("cookie=5,priority=3,actions=drop\n")
    late = run("--bundle-at=1000", "add-flows", target, str(tmp_path / "flows"))
    assert late.returncode == 1 and "OFPBFC_SCHED_PAST" in late.stderr and peer.cookies() == []
    bad = run("--bundle-at=soon", "add-flows", target, str(tmp_path / "flows"))
    assert bad.returncode == 1 and '"soon" is no time' in bad.stderr
    done = subprocess.Popen([sluice, "ofctl", "--bundle-at=+5", "add-flows", target, str(tmp_path / "flows")])
    try:
        for _ in range(100):
            if done.poll() is not None:
                break
            peer.switch.appctl("time/warp", "200")
        assert done.wait(10) == 0
    finally:
        done.kill()
        done.wait()
    assert peer.cookies() == [5]
