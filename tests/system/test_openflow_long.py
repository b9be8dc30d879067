# SPDX-License-Identifier: Apache-2.0
"""What is too long for an OpenFlow message, whose length has 16 bits: it is refused, cut, or said to be missing, and
never sent with a wrong length. (In the reference, lengths wrap around.)"""
import struct

import pytest

from ofpeer import ERROR, PACKET_IN, connect_unix
from osken_peer import MULTIPART_REPLY, Peer

OVERFLOW = {3: (1, 6), 4: (1, 13), 5: (1, 13), 6: (1, 13)}
DESC, FLOW = 7, 1  # multipart types


@pytest.fixture
def bridge(simulation):
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure protocols=[]")
    simulation.vsctl("add-port br0 p1 -- set interface p1 type=dummy ofport_request=1")
    return simulation


def insert(switch, first, n, weight="weight:2,"):
    buckets = ",".join(f"bucket=bucket_id:{i},{weight}actions=output:1" for i in range(first, first + n))
    return switch.command("ovs-ofctl", "-O", "OpenFlow15", "insert-buckets", "br0",
                          "group_id=1,command_bucket_id=last," + buckets, check=False)


def groups(switch, version="OpenFlow15"):
    return switch.command("ovs-ofctl", "-O", version, "dump-groups", "br0").stdout.splitlines()[1:]


def test_group_that_grows(bridge):
    bridge.command("ovs-ofctl", "-O", "OpenFlow15", "add-group", "br0", "group_id=1,type=select,bucket=bucket_id:0,actions=output:1")
    assert insert(bridge, 1, 1000).returncode == 0 and insert(bridge, 1001, 1000).returncode == 0
    [before] = groups(bridge)
    assert before.count("weight:2") == 2000
    refused = insert(bridge, 2001, 1000)
    assert refused.returncode and "OFPGMFC_OUT_OF_BUCKETS" in refused.stderr.splitlines()[0]
    assert groups(bridge) == [before]
    stats = bridge.command("ovs-ofctl", "-O", "OpenFlow15", "dump-group-stats", "br0").stdout
    assert stats.count(":packet_count=") == 2001
    for version in ("OpenFlow11", "OpenFlow12", "OpenFlow13", "OpenFlow14"):
        assert groups(bridge, version)[0].count("weight:2") == 2000


def replies(peer, request_xid):
    """(parts of the multipart reply, error or None)."""
    got = peer.until_barrier(request_xid)
    parts = [m for m in got if m.type == MULTIPART_REPLY]
    errors = [m for m in got if m.type == ERROR]
    assert len(parts) + len(errors) == len(got)
    for m in parts:
        flags = struct.unpack("!H", m.raw[10:12])[0]
        assert flags == (0 if m is parts[-1] and not errors else 1)
    return parts, errors[0].error() if errors else None


def test_group_that_one_version_cannot_describe(bridge):
    """1600 buckets that OpenFlow 1.3 can tell of, and 1.5 cannot: what fits comes, and then an error."""
    old = Peer(bridge, 4)
    p, ofp = old.parser, old.ofp
    for group_id, n in ((1, 1600), (2, 1)):
        buckets = [p.OFPBucket(weight=3, watch_port=1, watch_group=9, actions=[p.OFPActionOutput(1)]) for _ in range(n)]
        assert old.error(p.OFPGroupMod(old.desc, ofp.OFPGC_ADD, ofp.OFPGT_SELECT, group_id, buckets)) is None
    described = old.records(p.OFPGroupDescStatsRequest(old.desc))
    assert [len(g.buckets) for g in described] == [1600, 1]
    new = Peer(bridge, 6)
    parts, error = replies(new, new.send(new.parser.OFPGroupDescStatsRequest(new.desc, 0, new.ofp.OFPG_ALL)))
    assert error == OVERFLOW[6]
    assert [g.group_id for m in parts for g in new.parse(m).body] == [2]
    parts, error = replies(new, new.send(new.parser.OFPGroupDescStatsRequest(new.desc, 0, 1)))
    assert not parts and error == OVERFLOW[6]
    parts, error = replies(new, new.send(new.parser.OFPGroupDescStatsRequest(new.desc, 0, 2)))
    assert len(parts) == 1 and not error
    old.close()
    new.close()


def long_flow(peer, cookie=0x77):
    """As long as a flow-mod can be; its description is a little longer."""
    p, ofp = peer.parser, peer.ofp
    inst = [p.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, [p.OFPActionOutput(1)] * 4091)]
    return p.OFPFlowMod(peer.desc, cookie=cookie, priority=7, instructions=inst)


@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_long_flow(bridge, version):
    peer = Peer(bridge, version)
    p = peer.parser
    for priority in (1, 9):
        assert peer.error(p.OFPFlowMod(peer.desc, priority=priority)) is None
    assert peer.error(long_flow(peer)) is None
    request = p.OFPFlowDescStatsRequest if version == 6 else p.OFPFlowStatsRequest
    parts, error = replies(peer, peer.send(request(peer.desc)))
    assert error == OVERFLOW[version]
    assert sorted(f.priority for m in parts for f in peer.parse(m).body) == [1, 9]
    # Who asks for the others gets them.
    peer.error(p.OFPFlowMod(peer.desc, command=peer.ofp.OFPFC_DELETE, cookie=0x77, cookie_mask=2**64 - 1,
                            out_port=peer.ofp.OFPP_ANY, out_group=peer.ofp.OFPG_ANY))
    assert [f.priority for f in peer.records(request(peer.desc))] and peer.error(request(peer.desc)) is None
    peer.close()


def test_flow_monitor(bridge):
    """An update that is too long comes without its actions; others do not make a message too long."""
    watcher, peer = Peer(bridge, 5), Peer(bridge, 5)
    watcher.multipart(16, struct.pack("!IIIHBBHH4x", 5, 0xffffffff, 0xffffffff, 0x3f, 255, 0, 1, 4))
    watcher.until_barrier()
    p, ofp = peer.parser, peer.ofp
    old = Peer(bridge, 1)  # where an action is shorter
    op, oofp = old.parser, old.ofp
    match = op.OFPMatch(dl_type=0x800)
    assert old.error(op.OFPFlowMod(old.desc, match, 4095, oofp.OFPFC_ADD, priority=7, actions=[
        op.OFPActionSetNwSrc("1.2.3.4")] * 4095)) is None
    old.close()
    for n in (3700, 400, 1):
        inst = [p.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, [p.OFPActionOutput(1)] * n)]
        assert peer.error(p.OFPFlowMod(peer.desc, cookie=n, priority=n, instructions=inst)) is None
    peer.error(p.OFPFlowMod(peer.desc, command=ofp.OFPFC_DELETE, out_port=ofp.OFPP_ANY, out_group=ofp.OFPG_ANY))
    got = [m for m in watcher.until_barrier() + watcher.session.kept if m.type == MULTIPART_REPLY]
    events = []
    for m in got:
        at = 16
        while at < len(m.raw):
            n, event = struct.unpack("!HH", m.raw[at:at + 4])
            assert n >= 8 and at + n <= len(m.raw)
            if event < 4:
                events.append((event, struct.unpack("!Q", m.raw[at + 16:at + 24])[0], n))
            at += n
        assert at == len(m.raw)
    added = {cookie: n for event, cookie, n in events if event == 1}
    assert added == {3700: 32 + 8 + 3700 * 16, 400: 32 + 8 + 400 * 16, 4095: 32 + 8, 1: 32 + 8 + 16}, events
    assert {cookie for event, cookie, _ in events if event == 2} == {3700, 400, 4095, 1}
    watcher.close()
    peer.close()


def test_long_packet_in(bridge):
    frame = bytes.fromhex("505400000002505400000001") + b"\x12\x34" + bytes(range(256)) * 255 + bytes(200)
    sessions = []
    for version, nx in ((1, None), (1, 1), (1, 2), (4, None), (4, 2), (6, None), (6, 2)):
        s = connect_unix(f"{bridge.dir}/br0.mgmt")
        s.hello(version)
        if nx:
            s.nx(16, struct.pack("!I", nx))
        s.send(9, struct.pack("!HH", 0, 0xffff))  # a miss's length: this session hears packet-ins
        s.barrier()
        sessions.append((version, nx, s))
    bridge.command("ovs-ofctl", "add-flow", "br0", "actions=controller(max_len=65535)")
    bridge.appctl("netdev-dummy/receive", "p1", frame.hex())
    for version, nx, s in sessions:
        message = s.wait(lambda m: m.type in (PACKET_IN, 4), f"a packet-in in {version}, {nx}")
        at = message.raw.find(frame[:64])
        room = len(message.raw) - at
        assert at > 0 and len(message.raw) > 65535 - 32, (len(message.raw), at)
        cut = next(n for n in range(room, 0, -1) if message.raw[at:at + n] == frame[:n])
        assert cut > 65000
        s.barrier()  # the stream is in step
        s.close()
