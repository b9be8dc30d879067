# SPDX-License-Identifier: Apache-2.0
"""Groups, meters, queues, tables and what else a switch remembers, with Debian's ovs-ofctl: the same commands to our
switch and to the reference, line by line."""
import pathlib
import re

import pytest

from switch import Reference, Switch

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
