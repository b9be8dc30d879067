# SPDX-License-Identifier: Apache-2.0
"""Properties that the reference does not know: of ports (optical, fields of the pipeline, recirculation) and of tables
(fields to copy, packet types, tables that others follow); told by the switch, with os-ken's parsers, and printed."""
import struct

import pytest

from netns import build_dir
from osken_peer import MULTIPART_REPLY, Peer

BAD_PROPERTY, BAD_TYPE, BAD_LEN, BAD_VALUE = 14, 0, 1, 2


def prop(kind, body):
    p = struct.pack("!HH", kind, 4 + len(body)) + body
    return p + bytes(-len(p) % 8)


@pytest.fixture
def bridge(simulation):
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure protocols=[]")
    simulation.vsctl("add-port br0 p1 -- set interface p1 type=dummy ofport_request=1")
    simulation.vsctl("add-port br0 v2 -- set interface v2 type=vxlan ofport_request=2 options:remote_ip=flow options:key=flow")
    simulation.vsctl("add-port br0 v3 -- set interface v3 type=gre ofport_request=3 options:remote_ip=1.1.1.1 options:key=5")
    return simulation


def test_pipeline_fields_of_tunnels(bridge):
    for version in (5, 6):
        peer = Peer(bridge, version)
        p, ofp = peer.parser, peer.ofp
        request = p.OFPPortDescStatsRequest(peer.desc, 0, ofp.OFPP_ANY) if version == 6 else p.OFPPortDescStatsRequest(peer.desc)
        ports = {port.port_no: port.properties for port in peer.records(request)}
        said = {n: {q.type: [i.type for i in q.oxm_ids] for q in props if type(q).__name__ == "OFPPortDescPropOxm"}
                for n, props in ports.items()}
        if version == 5:
            assert not any(said.values())
        else:
            assert len(said[2][ofp.OFPPDPT_PIPELINE_INPUT]) == 5 and said[2][ofp.OFPPDPT_PIPELINE_INPUT][0] == "tunnel_id"
            assert len(said[2][ofp.OFPPDPT_PIPELINE_OUTPUT]) == 3 and said[2][ofp.OFPPDPT_PIPELINE_OUTPUT][0] == "tunnel_id"
            assert len(said[3][ofp.OFPPDPT_PIPELINE_INPUT]) == 5 and ofp.OFPPDPT_PIPELINE_OUTPUT not in said[3]
            assert not said[1]
        peer.close()
    theirs = bridge.command("ovs-ofctl", "-O", "OpenFlow15", "dump-ports-desc", "br0").stdout
    ours = bridge.command(build_dir() / "sluice", "ofctl", "-O", "OpenFlow15", "dump-ports-desc", "br0").stdout
    assert "pipeline fields set: tun_id tun_src tun_dst tun_ipv6_src tun_ipv6_dst\n" in ours
    assert "pipeline fields read: tun_id tun_dst tun_ipv6_dst\n" in ours
    assert [line for line in ours.splitlines() if "pipeline" not in line] == theirs.splitlines()


def port_mod(version, properties, hw_addr):
    return struct.pack("!II6s2xII", 1, 0, hw_addr, 0, 0) + properties


@pytest.mark.parametrize("version", [5, 6])
def test_port_mod(bridge, version):
    peer = Peer(bridge, version)
    mac = bytes.fromhex(bridge.get("interface", "p1", "mac_in_use").strip('"').replace(":", ""))

    def answer(properties):
        xid = peer.session.send(16, port_mod(version, properties, mac))
        got = [m for m in peer.until_barrier(xid)]
        return got[0].error() if got else None

    bad, ethernet = BAD_PROPERTY, prop(0, struct.pack("!I", 0x20))
    optical = struct.pack("!IIiII", 3, 100, -5, 7, 9)
    assert answer(ethernet) is None and answer(b"") is None
    assert answer(prop(1, optical)) == (bad, BAD_TYPE)  # no port is one
    assert answer(prop(1, optical[:-4])) == (bad, BAD_LEN)
    assert answer(prop(1, optical + bytes(4))) == (bad, BAD_LEN)
    assert answer(prop(1, struct.pack("!I", 0x100) + optical[4:])) == (bad, BAD_VALUE)
    assert answer(prop(2, b"")) == (bad, BAD_TYPE)
    assert answer(struct.pack("!HHI", 0, 3, 0)) == (bad, BAD_LEN)
    assert answer(struct.pack("!HHI", 0, 16, 0)) == (bad, BAD_LEN)
    assert answer(prop(0xffff, struct.pack("!II", 0x1234, 1))) == (bad, 5)  # OFPBPC_BAD_EXPERIMENTER
    assert answer(prop(1, optical) * 2) == (bad, 4)  # OFPBPC_DUP_TYPE
    peer.close()


def ofp_print(bridge, raw):
    return bridge.command(build_dir() / "sluice", "ofctl", "ofp-print", raw.hex()).stdout


def port_desc(version, properties):
    port = struct.pack("!IHH6s2x16sII", 7, 40 + len(properties), 0, b"\2\0\0\0\0\1", b"opt", 0, 4) + properties
    return struct.pack("!BBHIHHI", version, 19, 16 + len(port), 1, 13, 0, 0) + port


OPTICAL = struct.pack("!4xI6IHH", 0xf, 1, 2, 3, 4, 5, 6, 7, 8)


def test_printing(bridge):
    text = ofp_print(bridge, port_desc(6, prop(0, bytes(28)) + prop(1, OPTICAL) +
                                       prop(2, bytes.fromhex("80004c08 80000004")) + prop(3, bytes.fromhex("80004c08")) +
                                       prop(4, struct.pack("!III", 1, 2, 0xfffffffe)) + prop(0xffff, struct.pack("!IIQ", 0x1234, 5, 0))))
    assert text.splitlines()[5:] == [
        "     optical:    RX_TUNE TX_TUNE TX_PWR USE_FREQ, tx 1 to 2 grid 3, rx 4 to 5 grid 6, power 7 to 8",
        "     pipeline fields set: tun_id in_port_oxm", "     pipeline fields read: tun_id", "     recirculates to: 1 2 LOCAL",
        "     experimenter 0x1234 type 5: 8 bytes"], text
    for bad in (prop(1, OPTICAL[:-1]), prop(1, OPTICAL + b"\0"), prop(4, b"\0\0\0"), prop(2, b"\x80"), prop(0xffff, bytes(4)),
                struct.pack("!HH", 1, 3) + bytes(4), struct.pack("!HH", 1, 400) + bytes(4)):
        assert "OFPBPC_BAD_LEN" in ofp_print(bridge, port_desc(6, bad)), bad
    stats = struct.pack("!4xI6IHHHH", 0x7f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)

    def port_stats(properties):
        entry = struct.pack("!H2xIII8Q", 80 + len(properties), 1, 1, 0, *range(8)) + properties
        return struct.pack("!BBHIHHI", 6, 19, 16 + len(entry), 1, 4, 0, 0) + entry

    assert ("optical: RX_TUNE TX_TUNE TX_PWR USE_FREQ RX_PWR TX_BIAS TX_TEMP, tx 1 offset 2 span 3, rx 4 offset 5 span 6, "
            "power tx 7 rx 8, bias 9, temperature 10\n") in ofp_print(bridge, port_stats(prop(1, stats)))
    assert "OFPBPC_BAD_LEN" in ofp_print(bridge, port_stats(prop(1, stats[:-2])))
    mod = struct.pack("!BBHI", 6, 16, 8 + 24 + 24, 1) + port_mod(6, prop(1, struct.pack("!IIiII", 3, 100, -5, 7, 9)), bytes(6))
    assert "     optical: RX_TUNE TX_TUNE, freq 100 offset -5 span 7, power 9\n" in ofp_print(bridge, mod)


def test_table_features(bridge, reference):
    reference.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure protocols=[]")
    said = [s.command("ovs-ofctl", "-O", "OpenFlow15", "dump-table-features", "br0").stdout for s in (bridge, reference)]
    assert [line for line in said[0].splitlines() if "actions: " not in line] == \
        [line for line in said[1].splitlines() if "actions: " not in line]
    peer = Peer(bridge, 6)
    p, ofp = peer.parser, peer.ofp
    table = peer.records(p.OFPTableFeaturesStatsRequest(peer.desc, 0, []))[3]
    props = {q.type: q for q in table.properties}
    copied = {i.type for i in props[ofp.OFPTFPT_APPLY_COPYFIELD].oxm_ids}
    assert {"eth_src", "ipv4_dst", "metadata"} <= copied and "eth_type" not in copied
    assert copied == {i.type for i in props[ofp.OFPTFPT_WRITE_COPYFIELD].oxm_ids}
    types = [v for _, v in props[ofp.OFPTFPT_PACKET_TYPES].oxm_values]
    assert len(types) == 6, types
    apply, write = ([a.type for a in props[t].action_ids] for t in (ofp.OFPTFPT_APPLY_ACTIONS, ofp.OFPTFPT_WRITE_ACTIONS))
    assert {ofp.OFPAT_COPY_TTL_IN, ofp.OFPAT_COPY_TTL_OUT, ofp.OFPAT_COPY_FIELD, ofp.OFPAT_METER} <= set(apply)
    assert ofp.OFPAT_METER not in write
    ours = bridge.command(build_dir() / "sluice", "ofctl", "-O", "OpenFlow15", "dump-table-features", "br0").stdout
    assert "\n    packet types: (0,0x0) (1,0x800) (1,0x86dd) (1,0x8847) (1,0x8848) (1,0x894f)\n" in ours
    assert "supported on Copy-Field: " in ours and " copy_ttl_out copy_ttl_in copy_field meter\n" in ours
    # As they came, they can be set again.
    raw = peer.raw(p.OFPTableFeaturesStatsRequest(peer.desc, 0, []))[0].raw[16:]
    length = struct.unpack("!H", raw[:2])[0]
    xid = peer.multipart(12, raw[:3] + b"\x01" + raw[4:length])  # MODIFY
    assert {m.type for m in peer.until_barrier(xid)} == {MULTIPART_REPLY}
    peer.close()

    def features(properties):
        table = struct.pack("!HBBI32sQQII", 64 + len(properties), 0, 1, 0, b"t", 0, 0, 0, 5) + properties
        return struct.pack("!BBHIHHI", 6, 19, 16 + len(table), 1, 12, 0, 0) + table

    text = ofp_print(bridge, features(prop(16, bytes([1, 2, 3, 9])) + prop(22, bytes.fromhex("8000580400018847")) +
                                      prop(0xfffe, struct.pack("!II", 1, 2))))
    assert "    synchronized from: 1-3,9\n" in text and "    packet types: (1,0x8847)\n" in text
    assert "    experimenters' properties: 1\n" in text
    assert "OFPBPC_BAD_LEN" in ofp_print(bridge, features(prop(0xfffe, b"\0\0")))
    assert "decode error" in ofp_print(bridge, features(prop(22, bytes.fromhex("800058"))))
