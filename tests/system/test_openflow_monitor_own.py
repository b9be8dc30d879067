# SPDX-License-Identifier: Apache-2.0
"""Whose changes a flow monitor tells, and how: OpenFlow 1.4's NO_ABBREV and ONLY_OWN; ONF's messages in 1.3. (os-ken builds
the requests; of updates it reads those of one kind alone, so that they are looked at as bytes.)"""
import struct

import pytest

from osken_peer import MULTIPART_REPLY, Peer

FLOW_MONITOR, EXPERIMENTER, ONF = 16, 0xffff, 0x4f4e4600
ADDED, ABBREV = 1, 4


def flow_mod(peer, port, command=0):
    p, ofp = peer.parser, peer.ofp
    return p.OFPFlowMod(peer.desc, priority=5, match=p.OFPMatch(in_port=port), instructions=[], command=command,
                        buffer_id=0xffffffff, out_port=ofp.OFPP_ANY, out_group=ofp.OFPG_ANY)


def events(messages, header=8):
    """The events of updates that nobody asked for, as they came."""
    found = []
    for m in messages:
        data = m.body[header:] if m.type == MULTIPART_REPLY and m.xid == 0 else b""
        while data:
            n, event = struct.unpack("!HH", data[:4])
            found.append(event)
            data = data[n:]
    return found


@pytest.mark.parametrize("version", [5, 6])
def test_own_changes(simulation, version):
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
    watcher, other = Peer(simulation, version), Peer(simulation, version)
    ofp, p = watcher.ofp, watcher.parser

    def told(flags):
        """What is told of the watcher's own change, and of the other's."""
        flags |= ofp.OFPFMF_ADD
        ask = lambda command: watcher.raw(p.OFPFlowMonitorRequest(  # noqa: E731
            watcher.desc, 0, 1, ofp.OFPP_ANY, ofp.OFPG_ANY, flags, ofp.OFPTT_ALL, command, p.OFPMatch()))
        ask(ofp.OFPFMC_ADD)
        found = []
        for peer, port in ((watcher, 1), (other, 2)):
            peer.send(flow_mod(peer, port))
            came = peer.until_barrier() + (watcher.until_barrier() if peer is other else [])
            found.append(events(came))
        ask(ofp.OFPFMC_DELETE)
        watcher.raw(flow_mod(watcher, 1, ofp.OFPFC_DELETE))
        watcher.raw(flow_mod(watcher, 2, ofp.OFPFC_DELETE))
        return found
    assert told(0) == [[ABBREV], [ADDED]]
    assert told(ofp.OFPFMF_NO_ABBREV) == [[ADDED], [ADDED]]
    assert told(ofp.OFPFMF_ONLY_OWN) == [[ADDED], [ADDED]]  # as the reference's clients mean it
    assert told(ofp.OFPFMF_NO_ABBREV | ofp.OFPFMF_ONLY_OWN) == [[ADDED], []]
    watcher.close()
    other.close()


def test_onf(simulation):
    """A request as os-ken builds it has the fields alone; so have the updates. The whole match that the reference sends is
    answered with such. A monitor is cancelled once."""
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
    peer = Peer(simulation, 4)
    p = peer.parser

    def cancel(number):
        peer.session.send(4, struct.pack("!III", ONF, 1870, number))
        return [m.error() for m in peer.until_barrier()]
    fields, whole = bytes.fromhex("80000004 00000001"), bytes.fromhex("0001000c 80000004 00000001 00000000")
    request = p.ONFFlowMonitorStatsRequest(peer.desc, 0, [p.ONFFlowMonitorRequest(11, 0x3f, p.OFPMatch(in_port=1))])
    assert [m.type for m in peer.raw(request)] == [MULTIPART_REPLY]
    assert fields in bytes(request.buf) and whole[:4] not in bytes(request.buf)
    for match, length in ((fields, 8), (whole, 12)):
        if match == whole:
            assert cancel(11) == [] and cancel(11) != []
            peer.multipart(EXPERIMENTER, struct.pack("!IIIHHIB3x", ONF, 1870, 12, 0x3f, length, 0xffffffff, 0xff) + match)
            assert [m.type for m in peer.until_barrier()] == [MULTIPART_REPLY]
        peer.send(flow_mod(peer, 1))
        update, = [m.body[16:] for m in peer.until_barrier() if m.type == MULTIPART_REPLY]
        assert struct.unpack("!H", update[12:14])[0] == length and update[24:24 + len(match)] == match
        peer.raw(flow_mod(peer, 1, 3))
        if match == fields:
            peer.session.kept = []
    peer.close()
