# SPDX-License-Identifier: Apache-2.0
"""Groups, meters, queues, tables and what else a switch remembers, with Debian's ovs-ofctl: the same commands to our
switch and to the reference, line by line."""
import pathlib
import re
import struct

import pytest

from netns import wait_for
from ofpeer import FLOW_REMOVED
from switch import Reference, Switch
from test_controllers import FLOW, Door, make_bridge, session_of

SCRIPTS = pathlib.Path(__file__).parent / "openflow"


def normal(text):
    text = re.sub(r"duration[=:][0-9.]+s?", "duration=X", text)
    text = re.sub(r"(idle|hard)_age=[0-9]+, ", "", text)
    text = re.sub(r"addr:[0-9a-f:]+", "addr:M", text)
    text = re.sub(r"(?m)^[0-9TZ:.-]+\|\d+\|", "", text)
    text = re.sub(r"vswitchd.\d+.ctl|/tmp/sluice-switch-\w+", "CTL", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", text)
    text = re.sub(r"(recirc_id=|recirc[(]0x)[0-9a-f]+", "recirc", text)
    text = text.replace("band_types: drop dscp_remark", "band_types: drop")  # ours does both
    return "\n".join(sorted(re.sub(r"dpid:[0-9a-f]+", "dpid:D", text).splitlines()))


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


def run(pair, line, version=None):
    program, *words = re.findall(r"'[^']*'|\S+", line)
    words = [w.strip("'") for w in words]
    if program == "appctl":
        ours, theirs = [s.appctl(*words, check=False) for s in pair]
    else:
        words = (["-O", version] if version else []) + words
        ours, theirs = [s.command(f"ovs-{program}", *words, check=False) for s in pair]
    assert normal(ours.stdout) == normal(theirs.stdout), line
    assert normal(ours.stderr) == normal(theirs.stderr), line
    assert ours.returncode == theirs.returncode, line
    return theirs.stdout


def lines(script):
    return [line for line in (SCRIPTS / script).read_text().splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("script", sorted(p.name for p in SCRIPTS.glob("*.txt")))
def test_script(pair, script):
    for line in lines(script):
        run(pair, line)


@pytest.mark.parametrize("version", [f"OpenFlow1{v}" for v in (0, 1, 3, 5)])
@pytest.mark.parametrize("script", sorted(p.name for p in SCRIPTS.glob("*.each")))
def test_script_in_each_version(pair, script, version):
    for line in lines(script):
        run(pair, line, version)


def test_buckets_that_watch_are_inserted(pair):
    """The reference refuses them for every group, since the message does not say what the group is."""
    ours = pair[0]

    def ofctl(*words, check=True):
        return ours.command("ovs-ofctl", "-O", "OpenFlow15", *words, check=check)

    ofctl("add-group", "br0", "group_id=1,type=ff,bucket=bucket_id:1,watch_port:1,actions=output:1")
    ofctl("insert-buckets", "br0", "group_id=1,command_bucket_id=last,bucket=bucket_id:2,watch_port:2,actions=output:2")
    ofctl("add-group", "br0", "group_id=2,type=all,bucket=bucket_id:1,actions=output:1")
    for bucket, error in (("watch_port:2,", "WATCH_UNSUPPORTED"), ("weight:2,", "INVALID_GROUP")):
        refused = ofctl("insert-buckets", "br0", f"group_id=2,command_bucket_id=last,bucket=bucket_id:2,{bucket}actions=output:2", check=False)
        assert error in refused.stderr
    assert ofctl("dump-groups", "br0").stdout.splitlines()[1:] == [
        " group_id=1,type=ff,bucket=bucket_id:1,watch_port:1,actions=output:1,bucket=bucket_id:2,watch_port:2,actions=output:2",
        " group_id=2,type=all,bucket=bucket_id:1,actions=output:1"]
    ofctl("del-groups", "br0")


# ---------------------------------------------------------------- counters


def ofctl(switch, *argv):
    return switch.command("ovs-ofctl", "-OOpenFlow13", *argv).stdout


def counts(switch):
    """{priority: packets}"""
    dump = ofctl(switch, "dump-flows", "br0")
    return {int(priority): int(n) for n, priority in re.findall(r"n_packets=([0-9]+).*priority=([0-9]+)", dump)}


def receive_some(switch, n):
    switch.appctl("netdev-dummy/receive", "p1", *[FLOW, "--len", "100"] * n)


def test_packets_are_counted_for_the_rule_that_matched(simulation):
    """Also when it is gone, or another took its place, before the datapath's counters were read, and the datapath's
    flow stays as it was (in the reference, they are the new rule's)."""
    make_bridge(simulation)
    for priority in (5, 10):
        ofctl(simulation, "add-flow", "br0", f"priority={priority},in_port=1,actions=2")
    receive_some(simulation, 7)
    ofctl(simulation, "--strict", "del-flows", "br0", "priority=10,in_port=1")
    assert counts(simulation) == {5: 0}
    receive_some(simulation, 3)
    ofctl(simulation, "add-flow", "br0", "priority=10,in_port=1,actions=2")
    assert counts(simulation) == {5: 3, 10: 0}
    receive_some(simulation, 2)
    ofctl(simulation, "mod-flows", "br0", "reset_counts,in_port=1,actions=2")
    receive_some(simulation, 1)
    assert counts(simulation) == {5: 0, 10: 1}


def test_flow_removed_has_all_counts(simulation):
    """As of the moment when the rule went (the reference: as of the last pass over the cached flows)."""
    make_bridge(simulation)
    session = session_of(Door(simulation), 4)

    def add(actions, settings=""):
        ofctl(simulation, "add-flow", "br0", f"priority=10,in_port=1,{settings}send_flow_rem,actions={actions}")

    def removed():
        session.barrier()
        told = [struct.unpack("!B13xQQ", m.body[10:40]) for m in session.kept if m.type == FLOW_REMOVED]
        session.kept.clear()
        return told
    for first, modified, second in ((4, False, 0), (4, True, 0), (4, True, 4), (0, True, 1), (1, True, 5)):
        add("2")
        receive_some(simulation, first) if first else None
        if modified:
            ofctl(simulation, "mod-flows", "br0", "in_port=1,actions=3")
        receive_some(simulation, second) if second else None
        ofctl(simulation, "del-flows", "br0")
        n = first + second
        assert removed() == [(2, n, n * 100)], (first, modified, second)
    ofctl(simulation, "add-group", "br0", "group_id=1,type=all,bucket=output:2")
    add("group:1")
    receive_some(simulation, 3)
    ofctl(simulation, "del-groups", "br0")
    assert removed() == [(3, 3, 300)]
    simulation.appctl("time/stop")
    add("2", "hard_timeout=2,")
    receive_some(simulation, 2)
    for _ in range(4):
        simulation.appctl("time/warp", "450", "150")
        receive_some(simulation, 1)
    simulation.appctl("time/warp", "1500", "500")
    assert removed() == [(1, 6, 600)]


def test_a_rule_in_use_does_not_idle_out(simulation, reference):
    """Packets come more often than the time-out, but the counters are read, and rules looked at, at other times."""
    for s in (simulation, reference):
        make_bridge(s)
        s.appctl("time/stop")
        ofctl(s, "add-flow", "br0", "idle_timeout=1,in_port=1,actions=2")
        receive_some(s, 1)
        for _ in range(12):
            s.appctl("time/warp", "900", "100")
            receive_some(s, 1)
        s.appctl("time/warp", "100", "100")
        assert "in_port=1" in ofctl(s, "dump-flows", "br0"), type(s)
        for _ in range(4):
            s.appctl("time/warp", "1000", "250")
        wait_for(lambda: "in_port=1" not in ofctl(s, "dump-flows", "br0"), "the idle rule to go")
