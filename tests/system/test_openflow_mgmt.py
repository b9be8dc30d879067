# SPDX-License-Identifier: Apache-2.0
"""OpenFlow over BRIDGE.mgmt, with Debian's ovs-ofctl: the same commands to our switch and to the reference."""
import re

import pytest

from switch import Reference, Switch

VERSIONS = ["OpenFlow10", "OpenFlow11", "OpenFlow12", "OpenFlow13", "OpenFlow14", "OpenFlow15"]


def normal(text):
    text = re.sub(r"duration=[0-9.]+s", "duration=X", text)
    text = re.sub(r"(idle|hard)_age=[0-9]+, ", "", text)
    text = re.sub(r"addr:[0-9a-f:]+", "addr:M", text)
    lines = re.sub(r"dpid:[0-9a-f]+", "dpid:D", text).splitlines()
    return "\n".join(sorted(lines))  # flows come in the order of hashes


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


def both(pair, *argv):
    """The same command to both; its output, which has to be the same."""
    ours, theirs = [s.command(*argv, check=False) for s in pair]
    assert normal(ours.stdout) == normal(theirs.stdout), argv
    assert normal(ours.stderr) == normal(theirs.stderr), argv
    assert ours.returncode == theirs.returncode, argv
    return ours.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_flows(pair, version, tmp_path):
    def ofctl(*argv):
        return both(pair, "ovs-ofctl", "-O", version, *argv)
    ofctl("del-flows", "br0")
    for flow in ("priority=10,in_port=1,actions=output:2", "ip,nw_src=10.0.0.0/8,cookie=0x12,idle_timeout=60,actions=drop",
                 "tcp,tp_dst=80,actions=mod_tp_dst:81,NORMAL", "in_port=9,actions=group:77"):
        ofctl("add-flow", "br0", flow)
    ofctl("dump-flows", "br0")
    ofctl("mod-flows", "br0", "in_port=1,actions=output:1,output:2")
    ofctl("dump-flows", "br0", "out_port=1")
    ofctl("dump-aggregate", "br0")
    ofctl("add-flow", "br0", "check_overlap,priority=32768,tcp,in_port=1,actions=2")
    flows = tmp_path / "flows"
    flows.write_text("in_port=1,actions=2\nin_port=2,actions=1\npriority=7,udp,actions=drop\n")
    ofctl("diff-flows", "br0", str(flows))
    ofctl("replace-flows", "br0", str(flows))
    assert "udp" in ofctl("dump-flows", "br0", "--no-stats")
    ofctl("--strict", "del-flows", "br0", "priority=7,udp")
    assert "udp" not in ofctl("dump-flows", "br0", "--no-stats")


@pytest.mark.parametrize("version", VERSIONS)
def test_bundle(pair, version, tmp_path):
    """All flows of a bundle, or none."""
    flows = tmp_path / "flows"
    both(pair, "ovs-ofctl", "-O", version, "del-flows", "br0")
    flows.write_text("in_port=1,actions=2\nin_port=2,actions=1\npriority=7,udp,actions=drop\n")
    both(pair, "ovs-ofctl", "-O", version, "--bundle", "add-flows", "br0", str(flows))
    assert "udp" in both(pair, "ovs-ofctl", "-O", version, "dump-flows", "br0", "--no-stats")
    flows.write_text("in_port=3,actions=2\nin_port=4,actions=group:77\n")
    for s in pair:
        s.command("ovs-ofctl", "-O", version, "--bundle", "add-flows", "br0", str(flows), check=False)
    assert "in_port=3" not in both(pair, "ovs-ofctl", "-O", version, "dump-flows", "br0", "--no-stats")


@pytest.mark.parametrize("version", VERSIONS)
def test_switch(pair, version):
    for command in ("dump-ports-desc", "dump-desc", "get-frags", "probe"):
        both(pair, "ovs-ofctl", "-O", version, command, "br0")


def test_flows_forward(pair):
    both(pair, "ovs-ofctl", "del-flows", "br0")
    both(pair, "ovs-ofctl", "add-flow", "br0", "in_port=1,actions=2")
    packet = "ffffffffffff01020304050608004500001400000000400166eb0a0000010a000002" + "00" * 26
    for s in pair:
        s.appctl("netdev-dummy/receive", "p1", packet)
    both(pair, "ovs-ofctl", "packet-out", "br0", f"in_port=controller packet={packet} actions=output:1")
    trace = [s.ask("ofproto/trace", "br0", "in_port=1").splitlines()[-1] for s in pair]
    assert trace[0] == trace[1]
    ports = [normal(s.command("ovs-ofctl", "dump-ports", "br0", "2").stdout) for s in pair]
    assert ports[0] == ports[1] and "tx pkts=1" in ports[0]


def test_versions(pair):
    """Last: the protocols column."""
    for s in pair:
        s.vsctl("set bridge br0 protocols=OpenFlow13")
        assert s.command("ovs-ofctl", "dump-flows", "br0", check=False).returncode == 1
        s.command("ovs-ofctl", "-O", "OpenFlow13", "dump-flows", "br0")
        assert (s.dir / "br0.mgmt").exists()
        s.vsctl("del-br br0")
        assert not (s.dir / "br0.mgmt").exists()
