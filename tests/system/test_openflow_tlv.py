# SPDX-License-Identifier: Apache-2.0
"""Tunnel options as tun_metadata0 to 63, beside the reference: the TLV table byte by byte, rules that match on such fields
and act on them in each version (what Debian's ovs-ofctl prints, and the bytes of the switch's replies), traces."""
import os
import random
import re
import socket
import struct
import subprocess
import sys

import pytest

from netns import build_dir
from ofpeer import ERROR, NX, Session, barrier_type
from switch import Reference, Switch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../interop"))
import openflow_bytes  # noqa: E402

MAPS = ("{class=0xffff,type=1,len=0}->tun_metadata2,{class=0xffff,type=3,len=8}->tun_metadata4,"
        "{class=0xffff,type=4,len=4}->tun_metadata5,{class=0xffff,type=2,len=124}->tun_metadata63")
SLUICE = build_dir() / "sluice"
ADD, DELETE, CLEAR = 0, 1, 2
FLOW_MOD, VERSIONS = 14, (1, 2, 3, 4, 5, 6)


@pytest.fixture(scope="module", name="switches")
def make_switches():
    pair = Switch(None, "--enable-dummy", "--disable-system"), Reference(None, "--enable-dummy", "--disable-system")
    try:
        for s in pair:
            for bridge in ("br0", "br1"):
                s.vsctl(f"add-br {bridge} -- set bridge {bridge} datapath_type=dummy fail_mode=secure "
                        "protocols=OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15")
            for n in (1, 2):
                s.vsctl(f"add-port br0 p{n} -- set interface p{n} type=dummy ofport_request={n}")
            assert not ofctl(s, "add-tlv-map", "br0", MAPS)
            s.ask("time/stop")  # ages are in what is compared
        yield pair
    finally:
        for s in pair:
            s.close()


def ofctl(switch, *args, tool=("ovs-ofctl",)):
    """What it prints, without what differs from run to run; rules in any order."""
    result = switch.command(*tool, *args, check=False)
    text = re.sub(r"duration=[0-9.]+s", "duration", result.stdout + result.stderr)
    text = re.sub(r", idle_age=\d+", "", text)
    text = re.sub(r"\(xid=0x[0-9a-f]+\)", "(xid)", text)
    text = re.sub(r"^\d{4}-\d\d-\d\dT[^|]*", "time", text, flags=re.M)
    text = re.sub(r"^(0000)?0000  ?.*\n", "", text, flags=re.M)
    return "\n".join(sorted(text.splitlines(), key=lambda line: line if line.startswith(" ") else ""))


def session(switch, version, bridge="br1"):
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(switch.dir / f"{bridge}.mgmt"))
    result = Session(s)
    result.hello(version, 1 << version)
    return result


def alike(switches, what, context=""):
    ours, theirs = what(switches[0]), what(switches[1])
    assert ours == theirs, f"{context}\nreference: {theirs}\nsluice:    {ours}"
    return ours


def tlv(cls, kind, length, index, pad=0):
    return struct.pack("!HBBHH", cls, kind, length, index, pad)


def change(switch, version, command, maps=b"", rest=b""):
    """What a change of the table is answered with: nothing, or an error's body."""
    s = session(switch, version)
    xid = s.nx(24, struct.pack("!H6x", command) + maps + rest)
    end = s.send(barrier_type(version))
    answer = s.wait(lambda m: m.xid in (xid, end), "an error or a barrier")
    return None if answer.xid == end else (answer.type, answer.body.hex())


def table(switch, version):
    return session(switch, version).ask_nx(25).body.hex()


CHANGES = [
    (ADD, b""), (DELETE, b""), (CLEAR, b""), (3, b""), (CLEAR, tlv(1, 1, 4, 1)), (CLEAR, tlv(1, 1, 3, 1)),
    (ADD, tlv(1, 1, 5, 1)), (ADD, tlv(1, 1, 128, 1)), (ADD, tlv(1, 1, 4, 64)), (ADD, tlv(1, 1, 5, 64)),
    (ADD, tlv(1, 1, 4, 64) + tlv(1, 1, 5, 1)), (ADD, tlv(1, 1, 4, 1, 7)), (DELETE, tlv(0, 0, 0, 1)),
    # All of a message, or nothing.
    (ADD, tlv(1, 1, 4, 1) + tlv(1, 1, 4, 2)), (ADD, tlv(1, 1, 4, 1) + tlv(1, 2, 4, 1)), (ADD, tlv(1, 1, 4, 1) * 2),
    (ADD, tlv(1, 1, 124, 1) + tlv(1, 2, 124, 2) + tlv(1, 3, 12, 3)),
    (ADD, tlv(1, 1, 124, 1) + tlv(1, 2, 124, 2) + tlv(1, 3, 8, 3)),
    (ADD, tlv(1, 4, 0, 4)), (ADD, tlv(1, 5, 4, 5)), (ADD, tlv(1, 1, 4, 9)), (ADD, tlv(1, 9, 4, 1)),
    # Room is used again, in whatever pieces it is left.
    (DELETE, tlv(1, 1, 124, 1)), (ADD, tlv(2, 1, 60, 10) + tlv(2, 2, 64, 11)), (DELETE, tlv(0, 0, 0, 10) + tlv(0, 0, 0, 2)),
    (ADD, tlv(3, 3, 124, 20)), (DELETE, tlv(1, 1, 5, 1)), (DELETE, tlv(1, 1, 4, 64)), (DELETE, tlv(1, 1, 4, 20) * 2),
    (CLEAR, b"")]


@pytest.mark.parametrize("version", VERSIONS)
def test_table(switches, version):
    """Errors to their last byte; who is refused changes nothing. Each bridge has a table of its own."""
    br0 = alike(switches, lambda s: ofctl(s, "dump-tlv-map", "br0"))
    for command, maps in CHANGES:
        alike(switches, lambda s: (change(s, version, command, maps), table(s, version)), f"{command} {maps.hex()}")
    for rest in (b"abcd", b"\0"):
        alike(switches, lambda s: (change(s, version, ADD, tlv(1, 1, 4, 1), rest), table(s, version)), rest)
    assert alike(switches, lambda s: ofctl(s, "dump-tlv-map", "br0")) == br0
    assert "tun_metadata63" in br0


@pytest.mark.parametrize("version", (5, 6))
def test_not_in_bundles(switches, version):
    def add(s):
        c = session(s, version)
        c.ask(33, struct.pack("!IHH", 1, 0, 1))
        inner = struct.pack("!BBHIIIH6x", version, 4, 32, 77, NX, 24, ADD) + tlv(1, 1, 4, 1)
        xid = c.send(34, struct.pack("!IHH", 1, 0, 1) + inner, xid=77)
        end = c.send(barrier_type(version))
        answer = c.wait(lambda m: m.xid in (xid, end), "an error or a barrier")
        return answer.type, answer.body.hex()
    assert alike(switches, add)[0] == ERROR


def test_commands_alike(switches):
    """The texts of add-tlv-map and del-tlv-map, Debian's and ours, against our switch."""
    ours = switches[0]
    for text in ("{class=0x1,type=0,len=4}->tun_metadata9", "{class=0x1,type=0,len=4}->tun_metadata9", "{class=0x1,type=1,len=3}->tun_metadata1",
                 "{class=0x1,type=1,len=4}->tun_metadata64", "{class=2,type=0x80,len=0}->tun_metadata10,{class=3,type=3,len=124}->tun_metadata11"):
        for command in ("add-tlv-map", "dump-tlv-map", "del-tlv-map"):
            args = [command, "br1"] + ([] if command == "dump-tlv-map" else [text])
            debian = ofctl(ours, *args)
            if command == "add-tlv-map":
                ofctl(ours, "del-tlv-map", "br1")
            elif command == "del-tlv-map":
                ofctl(ours, "add-tlv-map", "br1", text)
            assert ofctl(ours, *args, tool=(SLUICE, "ofctl")) == debian, (command, text)
    ofctl(ours, "del-tlv-map", "br1")


MATCHES = """
tun_metadata0  tun_metadata2  tun_metadata2=1  tun_metadata4=5  tun_metadata4=0x112233445566778899
tun_metadata4=0x01/0xffffffffffffffff  tun_metadata4=0x0/0xffffffffffffffffffff  tun_metadata4=0/0  tun_metadata4
tun_metadata4=0x34/0xff  tun_metadata4=0x3400/0xff00  tun_metadata4=0x123400/0xffff00,tun_metadata5=7,tun_metadata2
tun_metadata63=0x123456000000000000000000000000000000000000  tun_metadata63=1/1
tun_metadata4=0x112233445566778899/0xff00ff00ff00ff00ff  tun_id=5,tun_src=1.2.3.4,tun_metadata5=3,in_port=1
""".split()
ACTIONS = """
set_field:3->tun_metadata4  set_field:0->tun_metadata4  set_field:0->tun_metadata2  set_field:1->tun_metadata2
set_field:0/0xff->tun_metadata4  load:3->tun_metadata4[0..3]  move:tun_metadata4[0..3]->reg0[0..3]
move:reg0[]->tun_metadata5[0..31]  move:reg0[]->tun_metadata5[1..32]  push:tun_metadata4[0..3]  push:tun_metadata4[0..63]
push:tun_metadata4[0..64]  pop:tun_metadata4[0..3]  output:tun_metadata4[0..3]  delete_field:tun_metadata4
delete_field:tun_metadata7  delete_field:reg0  learn(table=1,tun_metadata4[0..3]=reg0[0..3])  learn(table=1,tun_metadata4=3)
learn(table=1,load:reg0[0..3]->tun_metadata4[0..3])  learn(table=1,load:tun_metadata4[0..3]->reg0[0..3])
learn(table=1,output:tun_metadata4[0..15])  learn(table=1,limit=3,result_dst=tun_metadata4[3])
learn(table=1,tun_metadata4[0..15],tun_metadata5[16..31]=0x12)  write_actions(set_field:3->tun_metadata4)
clone(set_field:3->tun_metadata4)  multipath(eth_src,5,hrw,4,0,tun_metadata4[0..3])
bundle_load(eth_src,5,hrw,ofport,tun_metadata4[0..15],members:1,2)  check_pkt_larger(300)->tun_metadata4[3]
check_pkt_larger(300)->tun_metadata7[3]  set_field:3->tun_metadata7  move:tun_metadata7[0..3]->reg0[0..3]
learn(table=1,tun_metadata7[0..3]=reg0[0..3])  output:tun_metadata7[0..3]  load:3->tun_metadata5[30..40]
set_field:0x1122334455->tun_metadata5  push:tun_metadata5[]  load:3->tun_metadata5[]  load:3->tun_metadata5[31]
load:3->tun_metadata2[]  push:tun_metadata2[]  ct(commit,zone=tun_metadata4[0..15])  ct(commit,zone=tun_metadata7[0..15])
ct(commit,zone=tun_metadata4[0..15],exec(set_field:3->ct_mark))
""".split()
FLOWS = [f"{m},actions=drop" for m in MATCHES] + [("ip," if a.startswith("ct") else "") + f"actions={a}" for a in ACTIONS]


def replies(switch):
    """The bytes of flow statistics in each version, without the rule's age."""
    out = []
    for version in (1, 3, 4, 5, 6):
        s = session(switch, version, "br0")
        if version == 1:
            body, at = s.ask(16, struct.pack("!HHIIIHHB3x", 0xffff, 0, NX, 0, 0, 0xffff, 0, 0xff)).body, 20
        else:
            request = struct.pack("!HHIB3xIII QQ", 1, 0, 0, 0xff, 0xffffffff, 0xffffffff, 0, 0, 0)
            body, at = s.ask(18, request + struct.pack("!HH4x", 1, 4)).body, 12
        if version == 6:
            at = body.find(bytes.fromhex("80020008")) + 4
        out.append((body[:at] + body[at + 8:]).hex())
    return out


@pytest.mark.parametrize("version", ("OpenFlow10", "OpenFlow15"))
def test_rules(switches, version):
    for flow in FLOWS:
        for s in switches:
            assert not ofctl(s, "del-flows", "br0")
        alike(switches, lambda s: ofctl(s, "-O", version, "add-flow", "br0", flow), flow)
        for other in (1, 2, 4, 6):
            alike(switches, lambda s: ofctl(s, "-O", f"OpenFlow1{other - 1}", "dump-flows", "--no-stats", "br0"), flow)
        alike(switches, replies, flow)


@pytest.mark.parametrize("use", [f for f in FLOWS if "tun_metadata4" in f][:40])
def test_maps_in_use_stay(switches, use):
    """A map that a rule needs is not deleted; it is when the rule is gone. Which bit learn() writes its result to the
    reference does not look at."""
    text = "{class=0xffff,type=3,len=8}->tun_metadata4"
    if "result_dst" in use or "exec" in use:
        return
    for s in switches:
        ofctl(s, "del-flows", "br0")
    alike(switches, lambda s: ofctl(s, "-O", "OpenFlow15", "add-flow", "br0", use))
    alike(switches, lambda s: ofctl(s, "del-tlv-map", "br0", text))
    for s in switches:
        assert not ofctl(s, "del-flows", "br0")
    assert alike(switches, lambda s: ofctl(s, "del-tlv-map", "br0", text)) == ""
    alike(switches, lambda s: ofctl(s, "dump-tlv-map", "br0"))
    assert alike(switches, lambda s: ofctl(s, "add-tlv-map", "br0", text)) == ""


def test_what_is_asked_for(switches):
    """Statistics and deletions by such fields."""
    flows = ["tun_metadata4=5,actions=drop", "tun_metadata4=0x15/0xff,tun_metadata5=1,actions=drop", "tun_metadata5,actions=drop", "actions=drop"]
    for s in switches:
        ofctl(s, "del-flows", "br0")
        for flow in flows:
            ofctl(s, "add-flow", "br0", flow)
    for version in ("OpenFlow10", "OpenFlow13", "OpenFlow15"):
        for what in ("tun_metadata4", "tun_metadata4=5", "tun_metadata4=0x5/0xf", "tun_metadata5", "tun_metadata7", "tun_metadata4=0x0500000000000000", ""):
            for command in ("dump-flows", "dump-aggregate"):
                alike(switches, lambda s: ofctl(s, "-O", version, command, "br0", what), f"{command} {what}")
    alike(switches, lambda s: ofctl(s, "del-flows", "br0", "tun_metadata7"))
    alike(switches, lambda s: ofctl(s, "--strict", "del-flows", "br0", "tun_metadata4=5"))
    alike(switches, lambda s: ofctl(s, "dump-flows", "--no-stats", "br0"))
    alike(switches, lambda s: ofctl(s, "del-flows", "br0", "tun_metadata5"))
    alike(switches, lambda s: ofctl(s, "dump-flows", "--no-stats", "br0"))


def trace(switch, flow):
    text = switch.appctl("ofproto/trace", "br0", flow, check=False)
    text = text.stdout + text.stderr
    # What is matched on of the tunnel itself is no matter of this test.
    return re.sub(r"tun_ipv6_(src|dst)=::,(?=.*tun_tos)|tun_flags=-?[a-z0-9-]+,(?=tun_metadata|in_port)", "", re.sub(r"/tmp/\S*", "", text))


TUNNEL = "in_port=1,tun_src=1.1.1.1,tun_dst=2.2.2.2"
TRACES = [
    (["priority=10,tun_metadata4=0,actions=2", "priority=9,tun_metadata4,actions=LOCAL", "priority=8,actions=drop"],
     [f"{TUNNEL},tun_metadata4=5", f"{TUNNEL},tun_metadata4=0", TUNNEL, "in_port=1", "in_port=1,tun_metadata4=5", "in_port=1,tun_metadata7=5"]),
    (["priority=10,tun_metadata4=0x50/0xf0,actions=2", "priority=9,tun_metadata4,actions=LOCAL"],
     [f"{TUNNEL},tun_metadata4=0x35", f"{TUNNEL},tun_metadata4=0x53,tun_metadata5=8,tun_metadata63=0x1234567890123456789012345678901234567890"]),
    (["tun_metadata2,actions=2"], [f"{TUNNEL},tun_metadata2", f"{TUNNEL},tun_metadata2=1", f"{TUNNEL},tun_metadata2=0"]),
] + [([f"actions={a}", "table=1,tun_metadata4=0x8/0x8,actions=2", "table=2,tun_metadata5=0x22000001/0xffff0000,actions=2",
       "table=2,priority=1,tun_metadata2,actions=2", "table=2,priority=0,actions=LOCAL"],
      [f"{TUNNEL},tun_metadata4=0x53,tun_metadata5=0x22000001", "in_port=1", TUNNEL]) for a in """
set_field:0x1122->tun_metadata4,2
set_field:0x1100/0xff00->tun_metadata4,push:tun_metadata4[0..15],pop:tun_metadata5[0..15],move:tun_metadata4[0..3]->tun_metadata5[28..31],2
set_field:0->tun_metadata2,resubmit(,2)  delete_field:tun_metadata4,2  load:3->tun_metadata5[0..7],2  output:tun_metadata4[0..15]
push:tun_metadata4[0..63],pop:tun_metadata63[100..163],2  move:tun_metadata5[0..31]->reg0[],2
learn(table=1,tun_metadata4[0..15]=tun_metadata5[0..15],load:tun_metadata5[0..7]->reg0[0..7],load:reg1[0..7]->tun_metadata63[3..10]),2
learn(table=1,tun_metadata4[0..15],tun_metadata5[16..31]=0x12,output:in_port),2  multipath(eth_src,5,hrw,1,0,tun_metadata63[0..300]),2
bundle_load(eth_src,5,active_backup,ofport,tun_metadata63[200..215],members:1,2),2  check_pkt_larger(300)->tun_metadata4[3],resubmit(,1)
clone(set_field:3->tun_metadata5),2  write_actions(set_field:3->tun_metadata4,output:2)  resubmit(,2),2  set_field:5->tun_id,2
""".split()]


@pytest.mark.parametrize("rules,packets", TRACES)
def test_traces(switches, rules, packets):
    for s in switches:
        ofctl(s, "del-flows", "br0")
        for rule in rules:
            assert not ofctl(s, "-O", "OpenFlow15", "add-flow", "br0", rule)
    for packet in packets:
        alike(switches, lambda s: trace(s, packet), f"{rules} {packet}")


FRAME = "000000000002000000000001123400000000000000000000"
PACKET_IN, PACKET_OUT = 10, 13


def packet_ins(switch, version, packet_format, rule, send):
    """The packet-ins that SEND(session) causes, without their transaction ids."""
    ofctl(switch, "del-flows", "br0")
    assert not ofctl(switch, "-O", "OpenFlow15", "add-flow", "br0", rule)
    s = session(switch, version, "br0")
    s.nx(16, struct.pack("!I", packet_format))
    s.send(9, struct.pack("!HH", 0, 0xffff))
    s.barrier()
    send(s)
    s.barrier()
    answers = s.kept
    if not answers:
        message = s.read(0.5)  # it takes its way through the datapath
        answers = [message] if message else []
    return [(m.type, m.body.hex()) for m in answers if m.type in (ERROR, PACKET_IN, 4)]


@pytest.mark.parametrize("version", (1, 4, 6))
@pytest.mark.parametrize("packet_format", (0, 1, 2))
def test_packet_in(switches, version, packet_format):
    """Options that the packet has are among its metadata."""
    for actions in ("set_field:0x1122->tun_metadata4",
                    "set_field:0x1122->tun_metadata4,set_field:0->tun_metadata2,set_field:9->tun_id,set_field:3->tun_metadata63",
                    "set_field:1->tun_metadata5,delete_field:tun_metadata5", "set_field:1.2.3.4->tun_dst,load:7->tun_metadata5[3..9]"):
        def what(s):
            return packet_ins(s, version, packet_format, f"actions={actions},controller",
                              lambda _: s.appctl("netdev-dummy/receive", "p1", FRAME))
        assert alike(switches, what, actions)


@pytest.mark.parametrize("metadata", ("", "00015808000000000000" "1122", "0001591000000000000011" "22000000000000ffff", "00015e0400000001",
                                      "000158021122", "0001580a0000000000000000" "1122", "00014004010203040001580800000000000011" "22"))
@pytest.mark.parametrize("rule", ("actions=controller", "tun_metadata4=0x1122,actions=controller"))
def test_packet_out(switches, metadata, rule):
    """OpenFlow 1.5: options that come with the packet."""
    match = bytes.fromhex("8000000400000001" + metadata)
    match = struct.pack("!HH", 1, 4 + len(match)) + match
    match += bytes(-len(match) % 8)
    to_table = struct.pack("!HHIH6x", 0, 16, 0xfffffff9, 0)
    body = struct.pack("!IHH", 0xffffffff, len(to_table), 0) + match + to_table + bytes.fromhex(FRAME)
    alike(switches, lambda s: packet_ins(s, 6, 2, rule, lambda c: c.send(PACKET_OUT, body, xid=99)))


@pytest.mark.parametrize("version", ("OpenFlow10", "OpenFlow15"))
def test_packet_out_actions(switches, version):
    for actions in ("set_field:5->tun_metadata7,2", "set_field:0x1122334455->tun_metadata5,2", "move:tun_metadata7[0..3]->reg0[0..3],2",
                    "push:tun_metadata5[0..100],pop:tun_metadata4[3..103],2"):
        alike(switches, lambda s: ofctl(s, "-O", version, "packet-out", "br0", f"in_port=1 packet={FRAME} actions={actions}"), actions)


def random_flow(rng):
    def value(n=0):
        return "0x" + bytes(rng.choice([0, 0, 255, rng.randrange(256)]) for _ in range(n or rng.choice([1, 2, 3, 4, 8, 9, 30, 124]))).hex()

    def field():
        return f"tun_metadata{rng.choice([0, 1, 4, 5, 63])}"

    def match():
        f, n = field(), rng.choice([1, 2, 4, 8, 20])
        return rng.choice([f, f"{f}={rng.choice([0, 1, 255, 1234])}", f"{f}={value()}",
                           f"{f}={value(n)}/" + rng.choice([value(n), "0xff", "0", "0xff00", "0xffffffff"])])

    def action():
        a = rng.randrange(400)
        n = rng.randrange(1, 32)
        s, reg = f"{field()}[{a}..{a + n - 1}]", f"[0..{n - 1}]"
        return rng.choice([f"set_field:{rng.choice(['0', '255', value()])}->{field()}", f"load:{rng.randrange(1 << min(n, 16))}->{s}", f"push:{s}",
                           f"pop:{s}", f"move:{s}->reg0{reg}", f"move:reg1{reg}->{s}", f"output:{s}", f"delete_field:{field()}",
                           f"learn(table=1,{s}=reg0{reg})", f"learn(table=2,load:reg0{reg}->{s})", f"learn(table=3,{s})",
                           f"multipath(eth_src,5,hrw,2,0,{s})", f"check_pkt_larger(200)->{field()}[{a}]"])

    matches = {m.split("=")[0]: m for m in (match() for _ in range(rng.randrange(3)))}
    return ",".join(list(matches.values()) + ["actions=" + ",".join(action() for _ in range(rng.randrange(1, 4)))])


@pytest.mark.parametrize("version", (1, 2, 4, 6))
def test_ofctl_sends_the_same(tmp_path, version):
    """Random flows: what `sluice ofctl` prints of them, and the bytes that it sends, where nobody knows the options' lengths."""
    rng = random.Random(version)
    option = ["-vOFF", "-O", f"OpenFlow1{version - 1}"]
    for _ in range(12):
        flow = random_flow(rng)
        theirs = subprocess.run(["ovs-ofctl"] + option + ["parse-flow", flow], capture_output=True, text=True, check=False)
        ours = subprocess.run([SLUICE, "ofctl"] + option + ["parse-flow", flow], capture_output=True, text=True, check=False)
        assert ours.stdout == theirs.stdout, flow
        assert ours.returncode == theirs.returncode
        if not theirs.returncode:
            (tmp_path / "flow").write_text(flow + "\n")
            sent = [openflow_bytes.capture(tool + option + ["-t", "5", "--no-names", "add-flows", f"unix:{tmp_path}/switch", str(tmp_path / "flow")],
                                           version, f"{tmp_path}/switch") for tool in (["ovs-ofctl"], [str(SLUICE), "ofctl"])]
            assert sent[0] == sent[1], flow


def geneve(*options):
    """A frame in Geneve with such (class, type, value) options, as it comes in by the underlay."""
    opts = b"".join(struct.pack("!HBB", c, t, len(v) // 4) + v for c, t, v in options)
    inner = bytes.fromhex("000000000002000000000001" "1234") + b"x" * 46
    body = struct.pack("!BBHI", len(opts) // 4, 0, 0x6558, 0x7b << 8) + opts + inner
    udp = struct.pack("!HHHH", 51283, 6081, 8 + len(body), 0) + body
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, bytes((1, 1, 2, 92)), bytes((1, 1, 2, 88)))
    total = sum(struct.unpack("!10H", ip))
    total = ~((total & 0xffff) + (total >> 16)) & 0xffff
    return (bytes.fromhex("aa55aa550000" "f8bc124434b6" "0800") + ip[:10] + struct.pack("!H", total) + ip[12:] + udp).hex()


def test_geneve(switches):
    """Options of packets that came in by a tunnel: matched on, in the cached flow's mask; and on the way out. What goes out by name
    is matched on in ours (in the reference the first packet's value goes out for all); options that are wrong are matched on whole."""
    long, short, other = (0xffff, 3, bytes(7) + b"\5"), (0xffff, 4, b"\1\2\3\4"), (0x123, 7, b"abcd")
    for s in switches:
        s.vsctl("add-port br0 g1 -- set interface g1 type=geneve options:remote_ip=flow options:key=flow ofport_request=5 "
                "-- add-br brp -- set bridge brp datapath_type=dummy fail_mode=secure other-config:hwaddr=aa:55:aa:55:00:00 "
                "-- add-port brp p0 -- set interface p0 type=dummy ofport_request=1")
        for command in ("netdev-dummy/ip4addr brp 1.1.2.88/24", "ovs/route/add 1.1.2.92/24 brp", "tnl/neigh/set brp 1.1.2.92 f8:bc:12:44:34:b6"):
            s.appctl(*command.split())
        ofctl(s, "del-flows", "br0")
        for bridge, flow in (("brp", "actions=normal"), ("br0", "priority=10,tun_metadata4=5,actions=2"), ("br0", "priority=9,tun_metadata4=0x10/0xf0,actions=1"),
                             ("br0", "priority=8,tun_metadata2,actions=1"), ("br0", "priority=7,in_port=5,actions=drop"),
                             ("br0", "priority=20,in_port=1,actions=set_field:1.1.2.92->tun_dst,set_field:7->tun_metadata5,set_field:0->tun_metadata2,5,"
                              "set_field:3->tun_metadata4,5")):
            assert not ofctl(s, "add-flow", bridge, flow)

    def numbered(text):
        """Ports' numbers in the datapath differ; of the outer header's flags ours tells more."""
        return re.sub(r"in_port\(\d+\)|out_port\(\d+\)\),\d+|[-+]df", "_", text)

    alike(switches, lambda s: numbered(s.ask("ofproto/trace", "br0", "in_port=1")))
    for options in ((long,), (short,), (other,), ((0xffff, 1, b""),), (long, short, other), (short, other, long), (other, other), (long, long), ()):
        def flows(s):
            s.appctl("netdev-dummy/receive", "p0", geneve(*options))
            found = [numbered(f) for f in s.flows() if "tunnel(" in f]
            s.appctl("revalidator/purge")
            return found
        assert alike(switches, flows, options)
    for wrong in ((0xffff, 3, b"abcd"), (0x1ff, 0x83, b"abcd")):
        switches[0].appctl("netdev-dummy/receive", "p0", geneve(wrong))
        flow, = [f for f in switches[0].flows() if "tunnel(" in f]
        assert f"class={wrong[0]:#x},type={wrong[1]:#x},len=4,0x61626364" in flow and "actions:drop" in flow
        switches[0].appctl("revalidator/purge")
    assert "Invalid Geneve tunnel metadata on bridge br0" in switches[0].log()
