# SPDX-License-Identifier: Apache-2.0
"""The control socket of the database server, on its own and embedded in the switch, asked by the real ovs-appctl
beside the reference's; and its pidfile."""
import os
import re
import subprocess

import pytest

from netns import build_dir, wait_for
from ovsdb_util import Client, Server, REFERENCE, VSWITCH_SCHEMA
from switch import Switch

pytestmark = pytest.mark.skipif(not os.path.exists(REFERENCE), reason="no reference server")

COMMANDS = """
list-commands
ovsdb-server/list-dbs
ovsdb-server/list-dbs x
ovsdb-server/add-db
ovsdb-server/add-db nowhere
ovsdb-server/add-db DIR/conf.db
ovsdb-server/remove-db nothing
ovsdb-server/remove-db _Server
ovsdb-server/remove-remote nothing
ovsdb-server/add-remote ptcp:0:127.0.0.1
ovsdb-server/add-remote ptcp:0:127.0.0.1
ovsdb-server/add-remote db:x,y,z
ovsdb-server/add-remote db:Open_vSwitch,y,z
ovsdb-server/add-remote db:Open_vSwitch,Bridge,z
ovsdb-server/add-remote db:Open_vSwitch
ovsdb-server/add-remote db:Open_vSwitch,Open_vSwitch,manager_options
ovsdb-server/list-remotes
ovsdb-server/remove-remote ptcp:0:127.0.0.1
ovsdb-server/list-remotes
ovsdb-server/compact
ovsdb-server/compact Open_vSwitch
ovsdb-server/compact nothing
ovsdb-server/compact _Server
ovsdb-server/compact a b
ovsdb-server/memory-trim-on-compaction on
ovsdb-server/memory-trim-on-compaction off
ovsdb-server/memory-trim-on-compaction x
ovsdb-server/perf-counters-show
ovsdb-server/perf-counters-clear
ovsdb-server/get-active-ovsdb-server
ovsdb-server/connect-active-ovsdb-server
ovsdb-server/set-active-ovsdb-server
ovsdb-server/set-active-ovsdb-server tcp:127.0.0.1:1
ovsdb-server/get-active-ovsdb-server
ovsdb-server/disconnect-active-ovsdb-server
ovsdb-server/set-active-ovsdb-server-probe-interval x
ovsdb-server/set-active-ovsdb-server-probe-interval 1000
ovsdb-server/get-sync-exclude-tables
ovsdb-server/set-sync-exclude-tables Open_vSwitch:Bridge
ovsdb-server/get-sync-exclude-tables
ovsdb-server/sync-status
ovsdb-server/sync-status x
ovsdb-server/tlog-list
ovsdb-server/tlog-set Open_vSwitch:Bridge on
ovsdb-server/tlog-list
ovsdb-server/tlog-set Open_vSwitch:Bridge off
ovsdb-server/tlog-set x:y on
ovsdb-server/tlog-set Open_vSwitch:y on
ovsdb-server/tlog-set Open_vSwitch:Port foo
ovsdb-server/tlog-set Open_vSwitch on
ovsdb-server/get-db-storage-status Open_vSwitch
ovsdb-server/get-db-storage-status nothing
ovsdb-server/get-db-storage-status _Server
memory/show
vlog/list-pattern
vlog/set nonexist:dbg
vlog/set transaction:file:dbg
vlog/enable-rate-limit
vlog/disable-rate-limit
coverage/read-counter nothing
bogus
ovsdb-server/reconnect
ovsdb-server/disable-monitor-cond
ovsdb-server/remove-db Open_vSwitch
ovsdb-server/list-dbs
ovsdb-server/add-db DIR/conf.db
ovsdb-server/list-dbs
""".strip().splitlines()


def ask(target, line, directory):
    argv = line.replace("DIR", str(directory)).split()
    out = subprocess.run(["ovs-appctl", "-t", str(target), *argv], capture_output=True, text=True, timeout=20)
    return out.returncode, *(t.replace(str(directory), "DIR").replace(str(target), "TARGET") for t in (out.stdout, out.stderr))


def test_commands_beside_the_reference():
    remotes = ["db:Open_vSwitch,Open_vSwitch,manager_options"]
    with Server("ours", remotes=remotes) as ours, Server("reference", remotes=remotes) as theirs:
        for line in COMMANDS:
            x, y = (ask(s.dir + "/ctl", line, s.dir) for s in (ours, theirs))
            assert x == y, line
        for s in (ours, theirs):
            assert ask(s.dir + "/ctl", "version", s.dir)[1].startswith("ovsdb-server (")
            assert ask(s.dir + "/ctl", "exit", s.dir) == (0, "", "")
            assert s.process.wait(10) == 0


def test_changes_of_a_table_are_logged_when_asked():
    switch = Switch(None, "--enable-dummy", "--disable-system")
    try:
        assert switch.command("ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/tlog-set", "Open_vSwitch:Bridge", "on").stdout == ""
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy external-ids:a=b")
        switch.vsctl("del-br br0")
        lines = [l for l in switch.log().splitlines() if "|INFO|table:Bridge" in l]
        assert "op:inserted" in lines[0] and "op:deleted" in lines[-1]
        assert ",name:br0" in lines[0] and ",external_ids:{a=b}" in lines[0]
        assert re.search(r"\|transaction\(ovsdb\)\|INFO\|", lines[0]), lines[0]
    finally:
        switch.close()


def test_the_embedded_server_is_found_as_an_ovsdb_server():
    switch = Switch(None, "--enable-dummy", "--disable-system")
    try:
        assert switch.pid("ovsdb-server") == switch.pid()
        assert (switch.dir / f"ovsdb-server.{switch.pid()}.ctl").is_socket()

        def appctl(*argv, check=True):
            return switch.command("ovs-appctl", "-t", "ovsdb-server", *argv, check=check).stdout

        with Server("reference") as theirs:
            assert appctl("list-commands") == theirs.ctl("list-commands")
        assert appctl("ovsdb-server/list-dbs") == "Open_vSwitch\n_Server\n"
        assert appctl("ovsdb-server/list-remotes") == (
            f"db:Open_vSwitch,Open_vSwitch,manager_options\npunix:{switch.dir}/db.sock\n")
        appctl("ovsdb-server/add-remote", f"punix:{switch.dir}/more.sock")
        assert Client(f"{switch.dir}/more.sock").call("list_dbs", [])["result"] == ["Open_vSwitch", "_Server"]
        appctl("ovsdb-server/remove-remote", f"punix:{switch.dir}/more.sock")
        appctl("ovsdb-server/compact")
        appctl("ovsdb-server/reconnect")
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy")
        assert re.match(r"atoms:\d+ cells:\d+ monitors:\d+ n-weak-refs:\d+ sessions:\d+\n", appctl("memory/show"))
        # Each socket's own: the levels are the process's, the clock is not to be had here.
        appctl("vlog/set", "ovsdb_server:file:dbg")
        assert "time/stop" not in appctl("list-commands")
        assert switch.ask("memory/show") != appctl("memory/show")
        appctl("exit")
        wait_for(lambda: switch.pid() is None and switch.pid("ovsdb-server") is None, "the daemon to end")
        assert not list(switch.dir.glob("*.ctl")) and not (switch.dir / "db.sock").exists()
    finally:
        switch.close()


def test_an_ovsdb_server_that_is_there_already_is_left_alone():
    switch = Switch(None, "--enable-dummy", "--disable-system")
    try:
        switch.stop()
        file = switch.dir / "other.db"
        switch.command("ovsdb-tool", "create", file, VSWITCH_SCHEMA)
        switch.command("ovsdb-server", "--pidfile", "--detach", "--no-chdir", f"--remote=punix:{switch.dir}/db.sock", file)
        out = switch.command(build_dir() / "sluiced", "--pidfile", "--enable-dummy", "--disable-system", check=False)
        assert out.returncode and f"ovsdb-server.pid: already running as pid {switch.pid('ovsdb-server')}" in out.stderr, out.stderr
        assert Client(f"{switch.dir}/db.sock").call("list_dbs", [])["result"]
        switch.command("ovs-appctl", "-t", "ovsdb-server", "exit")
    finally:
        switch.close()
