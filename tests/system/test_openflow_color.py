# SPDX-License-Identifier: Apache-2.0
"""`sluice ofctl --color` beside Debian's ovs-ofctl: every match and action, flows of a switch, OVS_COLORS, terminals."""
import os
import pathlib
import pty
import re
import subprocess

import pytest

from netns import build_dir
from switch import Switch

OURS = [str(build_dir() / "sluice"), "ofctl"]
THEIRS = ["ovs-ofctl"]
FLOWS = [line.strip() for line in (pathlib.Path(__file__).parent / "ofctl_colors.txt").read_text().splitlines()
         if line.strip() and not line.startswith("#")]


def ask(program, *args, env=None):
    p = subprocess.run(program + list(args), env=dict(env or os.environ, TERM="xterm"), capture_output=True, text=True, timeout=30,
                       check=False)
    return re.sub(r"(xid=0x)[0-9a-f]+|[0-9.]+s,|idle_age=\S+", r"\1", p.stdout)


def colored(text):
    return "\033[" in text


def test_matches_and_actions():
    seen = 0
    for flow in FLOWS:
        args = ["-O", "OpenFlow10,OpenFlow13,OpenFlow15", "--color=always", "parse-flow", flow]
        ours, theirs = ask(OURS, *args), ask(THEIRS, *args)
        assert ours == theirs, flow
        seen += colored(ours)
    assert seen > 120  # the others are refused


@pytest.mark.parametrize("spec", ["", "dr=1;2", "dr=", "zz=1:dr=3", "dr=x:vl=4", "vl=9:vl=8", "dr=3=4:vl=9", "ac=1:dr=2:pm=5:sp=6"])
def test_variable(spec):
    env = dict(os.environ, OVS_COLORS=spec)
    args = ["--color=always", "parse-flow", "priority=5,ip,actions=drop"]
    ours = ask(OURS, *args, env=env)
    assert colored(ours)
    assert ours == ask(THEIRS, *args, env=env)


def test_switch():
    sw = Switch()
    try:
        sw.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev fail_mode=secure "
                 "protocols=OpenFlow10,OpenFlow13,OpenFlow14,OpenFlow15")
        sw.command("ovs-ofctl", "-OOpenFlow15", "add-flow", "br0", "table=1,priority=5,cookie=7,idle_timeout=100,hard_timeout=200,"
                   "importance=4,send_flow_rem,tcp,tp_dst=80 actions=output:1,goto_table:3")
        sw.command("ovs-ofctl", "-OOpenFlow15", "add-flow", "br0", "priority=3 actions=drop")
        sw.command("ovs-ofctl", "-OOpenFlow15", "add-group", "br0", "group_id=1,type=select,bucket=weight:5,actions=output:1")
        for version in ("10", "13", "15"):
            for command in (["dump-flows", "br0"], ["--no-stats", "dump-flows", "br0"], ["--sort", "dump-flows", "br0"],
                            ["diff-flows", "br0", "/dev/null"], ["dump-groups", "br0"]):
                args = ["-OOpenFlow" + version, "--color=always", *command]
                ours = ask(OURS, *args, env=sw.env)
                assert colored(ours), args
                assert ours == ask(THEIRS, *args, env=sw.env)
                assert not colored(ask(OURS, *args[:1], *command, env=sw.env))
    finally:
        sw.close()


def on_terminal(program, *args, terminal):
    env = dict(os.environ, TERM=terminal)
    ours, theirs = pty.openpty()
    p = subprocess.run(program + list(args), env=env, stdout=theirs, timeout=30, check=False)
    os.close(theirs)
    text = os.read(ours, 65536).decode()
    os.close(ours)
    assert p.returncode == 0
    return text


@pytest.mark.parametrize("terminal", ["xterm", "dumb", ""])
@pytest.mark.parametrize("option", [[], ["--color"], ["--color=auto"], ["--color=never"], ["--color=always"]])
def test_terminal(terminal, option):
    args = [*option, "parse-flow", "priority=5,actions=drop"]
    assert on_terminal(OURS, *args, terminal=terminal) == on_terminal(THEIRS, *args, terminal=terminal)
