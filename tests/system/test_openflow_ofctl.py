# SPDX-License-Identifier: Apache-2.0
"""`sluice ofctl` beside Debian's ovs-ofctl: messages printed, as they are and mutated; commands against the reference's
switch; monitor with a control socket that the real ovs-appctl drives; comparing large files of flows."""
import os
import random
import re
import shlex
import subprocess
import sys
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../interop"))
import openflow_print  # noqa: E402

BUILD = os.environ.get("SLUICE_BUILD", os.path.join(HERE, "../../build"))
SLUICE = os.path.join(os.path.abspath(BUILD), "sluice")
MESSAGES = os.path.join(HERE, "../tables/openflow_messages.hex")
# What differs on purpose: OpenFlow 1.5's messages that the reference does not know; a flag of 1.4's flow monitors that it
# refuses; table mods whose eviction flags it prints as an error.
OURS = re.compile(r"BUNDLE_FEATURES|OFPST_FLOW_STATS|CONTROLLER_STATUS|no_abbrev|eviction_flags=")


def seeds():
    with open(MESSAGES, encoding="ascii") as f:
        return [bytes.fromhex(line) for line in f if line.strip()]


def test_messages_print_alike():
    bad = [b for b in openflow_print.compare(SLUICE, seeds()) if not OURS.search(b[2] or "")]
    assert not bad, "\n".join(f"{m.hex()}\n reference: {r}\n sluice:    {o}" for m, r, o in bad[:3])


@pytest.mark.parametrize("verbosity", [0, 1, 3, 5])
def test_messages_print_alike_at(verbosity):
    """What -m adds; matches of flow mods are printed as their fields, at 3 and more, too."""
    for message in seeds()[::13]:
        said = [subprocess.run(tool + ["ofp-print", message.hex(), str(verbosity)], capture_output=True, text=True, check=False).stdout
                for tool in (["ovs-ofctl"], [SLUICE, "ofctl"])]
        assert said[0] == said[1] or "FLOW_MOD" in said[0] or OURS.search(said[1])


def test_mutated_messages_print_alike():
    """Where a message is wrong in several ways, which one is named may differ: 98 of 100 and more are alike to the letter when
    this was written."""
    rng = random.Random(5)
    messages = [openflow_print.mutate(m, rng) for m in seeds() for _ in range(3)]
    bad = [b for b in openflow_print.compare(SLUICE, messages) if not OURS.search(b[2] or "")]
    assert len(bad) * 40 < len(messages), f"{len(bad)} of {len(messages)} differ"


@pytest.fixture(scope="module")
def bridge(tmp_path_factory):
    """A reference with a bridge br0 and a port p1; its environment."""
    d = str(tmp_path_factory.mktemp("ofctl"))
    env = dict(os.environ, OVS_RUNDIR=d, OVS_LOGDIR=d, OVS_DBDIR=d, OVS_SYSCONFDIR=d)

    def run(*argv):
        subprocess.run(argv, env=env, check=True, timeout=30, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    run("ovsdb-tool", "create", d + "/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
    run("ovsdb-server", f"--remote=punix:{d}/db.sock", "--pidfile", "--detach", "--log-file", d + "/conf.db")
    run("ovs-vsctl", "--no-wait", "init")
    run("/usr/lib/openvswitch-switch/ovs-vswitchd", "--enable-dummy", "--disable-system", f"unix:{d}/db.sock", "--pidfile",
        "--detach", "--log-file")
    run("ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail_mode=secure",
        "protocols=OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15",
        "--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=dummy", "ofport_request=1")
    yield env
    for name in ("ovs-vswitchd", "ovsdb-server"):
        with open(f"{d}/{name}.pid", encoding="ascii") as f:
            run("ovs-appctl", "-t", f"{d}/{name}.{f.read().strip()}.ctl", "exit")


def ask(program, env, *args):
    p = subprocess.run(program + list(args), env=env, capture_output=True, text=True, timeout=30, check=False)
    text = re.sub(r"xid=0x[0-9a-f]+", "xid", p.stdout)
    return p.returncode, re.sub(r"duration=[0-9.]+s", "duration", text)


@pytest.mark.parametrize("version", ["10", "12", "13", "14", "15"])
@pytest.mark.parametrize("command", ["dump-tables", "dump-table-features", "dump-table-desc", "show", "dump-desc", "dump-ports-desc",
                                     "queue-get-config", "dump-group-features", "dump-tlv-map", "dump-aggregate"])
def test_commands_print_alike(bridge, version, command):
    args = ["-O", "OpenFlow" + version, command, "br0"]
    ours, theirs = ask([SLUICE, "ofctl"], bridge, *args), ask(["ovs-ofctl"], bridge, *args)
    if command in ("dump-table-features", "dump-table-desc") and theirs[0]:
        assert ours[0] == theirs[0]
        return
    assert ours == theirs


@pytest.mark.parametrize("args", [("encode-hello", "0x12"), ("encode-hello", "0x7e"), ("parse-key-value", "a=b,c(d,e),f:g", "x"),
                                  ("encode-error-reply", "OFPBRC_BAD_TYPE", "0105000800000003"), ("compose-packet", "arp"),
                                  ("compose-packet", "tcp,nw_src=1.2.3.4,tp_dst=80")])
def test_commands_without_a_switch(args):
    assert ask([SLUICE, "ofctl"], None, *args) == ask(["ovs-ofctl"], None, *args)


def monitor(program, env, tag):
    """What a monitor in the background prints of a few changes, driven by the real ovs-appctl."""
    d = env["OVS_RUNDIR"]
    ctl, log = f"{d}/{tag}.ctl", f"{d}/{tag}.log"

    def run(*argv):
        subprocess.run(argv, env=env, check=True, timeout=30, stdout=subprocess.DEVNULL)

    with open(log, "w", encoding="utf-8") as f:
        subprocess.run(program + ["monitor", "br0", "65534", "watch:", "--detach", "--no-chdir", f"--pidfile={d}/{tag}.pid",
                                  f"--unixctl={ctl}"], env=env, check=True, timeout=30, stdout=subprocess.DEVNULL, stderr=f)
    run("ovs-ofctl", "add-flow", "br0", "table=7,udp,actions=2")
    run("ovs-ofctl", "packet-out", "br0", "in_port=1,packet=50540000000150540000000208064500,actions=controller")
    run("ovs-appctl", "-t", ctl, "ofctl/barrier")
    run("ovs-appctl", "-t", ctl, "ofctl/send", "0105000800000007")
    run("ovs-appctl", "-t", ctl, "ofctl/barrier")
    run("ovs-ofctl", "del-flows", "br0", "table=7")
    run("ovs-appctl", "-t", ctl, "ofctl/barrier")
    run("ovs-appctl", "-t", ctl, "exit")
    for _ in range(100):
        if not os.path.exists(f"{d}/{tag}.pid"):
            break
        time.sleep(0.02)
    with open(log, encoding="utf-8") as f:
        return re.sub(r"xid=0x[0-9a-f]+", "xid", f.read())


def test_monitor(bridge):
    ours = monitor([SLUICE, "ofctl"], bridge, "ours")
    assert ours == monitor(["ovs-ofctl"], bridge, "theirs")
    assert "event=ADDED table=7" in ours and "event=DELETED reason=delete table=7" in ours


@pytest.mark.parametrize("form", ["OpenFlow10-table_id", "OpenFlow10+table_id", "NXM-table_id"])
def test_raw_matches(form):
    """At -mmm, flow mods of 1.0 and NXM show their matches as they are on the wire."""
    for flow in ("", "in_port=LOCAL", "dl_vlan=5,dl_vlan_pcp=3", "dl_vlan_pcp=3", "vlan_tci=0", "dl_src=00:01:02:03:04:05", "priority=0",
                 "priority=7,ip,nw_src=1.2.3.0/24,nw_dst=1.0.0.0/8", "ip,nw_tos=4,nw_proto=9", "icmp,icmp_type=3,icmp_code=5",
                 "arp,arp_op=1,arp_spa=1.2.3.4", "rarp", "mpls", "udp,tp_dst=5", "dl_type=0x5ff", "table=3,tcp",
                 "reg0=5/7,vlan_tci=0x1000/0x1000", "ipv6,ct_label=7/0xff,ipv6_dst=::1", "dl_type=0x894f,nsh_spi=5,nsh_c2=5/7",
                 "in_port=1,dl_vlan=5,dl_vlan_pcp=1,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,tcp,nw_src=1.2.3.4,"
                 "nw_dst=1.2.3.4,nw_tos=4,tp_src=1,tp_dst=2,priority=9"):
        args = ["-F", form, "-mmm", "parse-flow", flow + ",actions=drop"]
        assert ask([SLUICE, "ofctl"], None, *args[:2], *args[3:]) == ask(["ovs-ofctl"], None, *args[:2], *args[3:]), flow
        ours = ask([SLUICE, "ofctl"], None, *args)
        assert ours == ask(["ovs-ofctl"], None, *args), flow
        assert ours[0] or "=*" in ours[1] or "NXM" in form or "priority=9" in flow


def test_read_only(bridge):
    for args in (("add-flow", "br0", "actions=drop"), ("dump-desc", "br0"), ("parse-flow", "actions=1")):
        assert ask([SLUICE, "ofctl", "--read-only"], bridge, *args) == ask(["ovs-ofctl", "--read-only"], bridge, *args)


def test_bundle(bridge, tmp_path):
    path = tmp_path / "bundle"
    path.write_text("flow add table=3,tcp,actions=1\ngroup add group_id=5,type=all,bucket=actions=1\n", encoding="ascii")
    assert ask([SLUICE, "ofctl"], bridge, "-O", "OpenFlow14", "bundle", "br0", str(path))[0] == 0
    assert "group_id=5" in ask(["ovs-ofctl"], bridge, "-O", "OpenFlow14", "dump-groups", "br0")[1]
    assert "actions=output:1" in ask(["ovs-ofctl"], bridge, "-O", "OpenFlow14", "dump-flows", "br0", "table=3")[1]


def test_diff_flows_is_linear(tmp_path):
    for name in "ab":
        with open(tmp_path / name, "w", encoding="ascii") as f:
            for i in range(30000):
                port = i % 20 + 1 + (name == "b" and i % 10000 == 0)
                f.write(f"priority={i % 7 + 1},tcp,nw_src=10.{i >> 16}.{i >> 8 & 255}.{i & 255},actions=output:{port}\n")
    start = time.monotonic()
    p = subprocess.run([SLUICE, "ofctl", "diff-flows", str(tmp_path / "a"), str(tmp_path / "b")], capture_output=True, text=True,
                       check=False)
    assert p.returncode == 2 and len(p.stdout.splitlines()) == 6
    assert time.monotonic() - start < 10


def commands():
    """(arguments, standard input) of tests/system/ofctl_commands.txt."""
    with open(os.path.join(HERE, "ofctl_commands.txt"), encoding="utf-8") as f:
        for line in f:
            line = line.rstrip("\n")
            if line and not line.startswith("#"):
                words, _, text = line.partition(" <<< ")
                yield shlex.split(words), text.encode().decode("unicode_escape")


def plain(text, names, env):
    """What differs between two runs or two bridges is taken out."""
    for name, word in names.items():
        text = re.sub(rf"\b{name}\b", word, text)
    for pattern, word in ((r"xid=0x[0-9a-f]+", "xid"), (r"duration[=:][0-9.]+s", "duration"), (r"_age=\d+", "_age"),
                          (r"(?m)^\d{4}-\d\d-\d\dT[0-9:.]+Z\|\d+\|", "TIME "), (r"dpid:[0-9a-f]{16}", "dpid"),
                          (r"addr:[0-9a-f:]{17}", "addr"), (r"\|.{16}\|", ""),
                          (r"(?m)^(00000000(  ..){1}( ..){3}) .. .. .. ..", r"\1 xid")):
        text = re.sub(pattern, word, text)
    return text.replace(env["OVS_RUNDIR"], "RUN").replace("sluice", "ovs-ofctl")


def test_commands_on_two_bridges(bridge):
    """What the reference's client does to one bridge, ours does to another: both say the same."""
    tools = ((["ovs-ofctl"], "ofa"), ([SLUICE, "ofctl"], "ofb"))
    for _, b in tools:
        subprocess.run(["ovs-vsctl", "add-br", b, "--", "set", "bridge", b, "datapath_type=dummy", "fail_mode=secure",
                        "protocols=OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15",
                        "--", "add-port", b, b + "1", "--", "set", "interface", b + "1", "type=dummy", "ofport_request=1",
                        "--", "add-port", b, b + "2", "--", "set", "interface", b + "2", "type=dummy", "ofport_request=2",
                        "--", "--id=@i", "create", "Flow_Table", "name=ingress", "--", "--id=@z", "create", "Flow_Table", "name=zero",
                        "--", "--id=@y", "create", "Flow_Table", "name=zero", "--", "--id=@q", "create", "Flow_Table", "name=in-4",
                        "--", "set", "bridge", b, "flow_tables:3=@i", "flow_tables:4=@q", "flow_tables:8=@z", "flow_tables:9=@y"],
                       env=bridge, check=True, timeout=30)
    bad = []
    for args, text in commands():
        said = []
        for tool, b in tools:
            names = {"BR": b, "P1": b + "1", "P2": b + "2"}
            words = [re.sub(r"\b(BR|P1|P2)\b", lambda m: names[m[0]], a) for a in args]
            p = subprocess.run(tool + words, input=text, env=bridge, capture_output=True, text=True, timeout=20, check=False)
            back = {v: k for k, v in names.items()}
            said.append((p.returncode, plain(p.stdout, back, bridge), plain(p.stderr, back, bridge)))
        if said[0] != said[1]:
            bad.append(f"{shlex.join(args)}\n reference: {said[0]}\n sluice:    {said[1]}")
    assert not bad, "\n".join(bad[:5]) + f"\n{len(bad)} differ"


MATCHES = """NXM_OF_IN_PORT(fffe), NXM_OF_ETH_TYPE(0800)
# comment
NXM_OF_ETH_DST_W(010000000000/010000000000)
<any>

NXM_OF_IN_PORT(0001),NXM_OF_IN_PORT(0002)
OXM_OF_IPV4_SRC(01020304), OXM_OF_ETH_TYPE(0800)
NXM_OF_TCP_SRC(0001)
00000002(fffe)
NXM_OF_ETH_TYPE(0800),NXM_OF_IP_TOS(f1)
NXM_NX_REG0_W(a0e0d050/f0f0f0f0)
NXM_NX_REG0(12 34 56 78)
NXM_NX_COOKIE_W(00000000abcdef01/ffffffffffffffff)
OXM_OF_PACKET_TYPE(00000000), NXM_OF_IN_PORT(0001)
NXM_NX_XXREG0(00112233445566778899aabbccddeeff)
NXM_OF_ETH_TYPE(894f), NXOXM_NSH_SPI(00000102)
OXM_OF_ACTSET_OUTPUT(00000003)
"""
WRONG = ["foo(12)", "NXM_OF_IN_PORT", "NXM_OF_IN_PORT(12", "NXM_OF_IN_PORT(1234x", "NXM_NX_REG0_W(12345678)",
         "NXM_NX_REG0_W(12345678/ffff)", "NXM_NX_REG0_W(12345678/00000000)", "ffffff04(12345678)"]


@pytest.mark.parametrize("args", [["parse-nxm"], ["--strict", "parse-nx-match"], ["parse-oxm", "OpenFlow12"],
                                  ["--strict", "parse-oxm", "OpenFlow15"], ["parse-oxm", "OpenFlow10"]])
def test_extensible_matches(args):
    for text in [MATCHES] + WRONG:
        said = []
        for tool in (["ovs-ofctl"], [SLUICE, "ofctl"]):
            p = subprocess.run(tool + args, input=text + "\n", capture_output=True, text=True, timeout=20, check=False)
            said.append((p.returncode, p.stdout, plain(p.stderr, {}, {"OVS_RUNDIR": "/"})))
        assert said[0] == said[1], text


def test_fixed_matches_and_vlans(tmp_path):
    old = ["003820f70001000000000000000000000000000000000000000000000000000000000000000000000000000000",
           "00382000 0001 000102030405 060708090a0b 0005 03 00 0800 1c 06 0000 01020304 05060708 0050 0051",
           "0038200f 0001 000102030405 060708090a0b ffff 03 00 0806 1c 06 0000 01020304 05060708 0050 0051", "0038", "# x"]
    new = ["0000 0058 00000001 000003fe 000000000000ffffffffffff 000000000000ffffffffffff 0000 00 00 0000 00 00 "
           "00000000ffffffff 00000000ffffffff 0000 0000 00000000 00 000000 0000000000000000ffffffffffffffff", "0000 0059"]
    asked = [(["parse-ofp10-match"], t) for t in old] + [(["parse-ofp11-match"], t) for t in new]
    asked += [(["check-vlan", a, b], "") for a, b in (("0000", "0000"), ("1123", "1fff"), ("f123", "ffff"), ("0", "1000"))]
    frames = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000") + bytes(8) + bytes.fromhex("3c0000003c000000") + \
        bytes.fromhex("505400000001505400000002080600010800060400015054000000020a0000010000000000000a000002") + bytes(18)
    (tmp_path / "a.pcap").write_bytes(frames)
    asked.append((["parse-pcap", str(tmp_path / "a.pcap")], ""))
    for args, text in asked:
        said = []
        for tool in (["ovs-ofctl"], [SLUICE, "ofctl"]):
            p = subprocess.run(tool + args, input=text + "\n", capture_output=True, text=True, timeout=20, check=False)
            said.append((p.returncode, p.stdout, plain(p.stderr, {}, {"OVS_RUNDIR": "/"})))
        assert said[0] == said[1], (args, text)
