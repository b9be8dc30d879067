# SPDX-License-Identifier: Apache-2.0
"""docs/manual.md is true: its commands are run in order by a shell, in a network of its own, and show what they say."""
import os
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = os.environ.get("SLUICE_BUILD", str(TOP / "build"))

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces")


def steps():
    """(line number, command, what its output must contain)."""
    found, inside = [], False
    for number, line in enumerate((TOP / "docs/manual.md").read_text().splitlines(), 1):
        if line.startswith("```"):
            inside = line == "```sh"
        elif inside and line.startswith("# shows: "):
            found[-1][2].append(line[len("# shows: "):])
        elif inside:
            found.append((number, line, []))
    return found


def test_every_command_of_the_manual(tmp_path):
    # What the shell says after a command, and that command's status, end with a line of our own.
    script = ["mkdir -p /run/netns", "mount -t tmpfs none /run/netns", "ip link set lo up", f"DIR={tmp_path}/run", f"PATH={BUILD}:$PATH"]
    for number, command, _ in steps():
        script += [command, f'echo "=== {number} $?"']
    script.append("[ ! -e $DIR/ovs-vswitchd.pid ] || kill $(cat $DIR/ovs-vswitchd.pid)")
    out = subprocess.run(["unshare", "--net", "--mount", "bash"], input="\n".join(script), capture_output=True, text=True, timeout=120)
    text = {int(m[2]): (m[1], int(m[3])) for m in re.finditer(r"(.*?)^=== (\d+) (\d+)\n", out.stdout, re.S | re.M)}
    assert len(steps()) > 40
    for number, command, shows in steps():
        said, status = text[number]
        assert status == 0, f"docs/manual.md:{number}: {command}: status {status}\n{said}\n{out.stderr}"
        for what in shows:
            assert what in said, f"docs/manual.md:{number}: {command}: no {what!r} in\n{said}\n{out.stderr}"
