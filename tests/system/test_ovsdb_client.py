# SPDX-License-Identifier: Apache-2.0
"""ovsdb-client's command line: which servers and databases its commands act on, what they say of arguments that are wrong, a
cluster's leader, servers that are not there yet, databases that go while they are watched. Beside the reference."""
import json
import os
import re
import shlex
import subprocess
import time

import pytest

from ovsdb_util import SLUICE, VSWITCH_SCHEMA, Server
from test_ovsdb_cluster import Cluster

PROGRAMS = {"ours": [SLUICE, "ovsdb-client"], "reference": ["ovsdb-client"]}
COMMANDS = r"""
list-dbs unix:@D/nope
list-dbs unix:@D/nope,unix:@D/db.sock
get-schema-version unix:@D/nope,unix:@D/db.sock
get-schema-version unix:@D/nope,unix:@D/neither Open_vSwitch
get-schema-version unix:@D/db.sock,unix:@D/db.sock nope
list-dbs bogus
list-dbs unix:@D/db.sock extra
get-schema nope
get-schema unix:@D/db.sock nope
get-schema-version nope
get-schema-cksum nope
list-tables nope
list-columns Open_vSwitch Bridge x
backup nope
backup Open_vSwitch extra
transact
transact 5
transact []
transact {}
transact '["nope"]'
transact '["Open_vSwitch"'
transact '["Open_vSwitch",{"op":"insert","table":"Open_vSwitch","row":{"bridges":["named-uuid","b"]}},{"op":"insert","table":"Bridge","uuid-name":"b","row":{"name":"br0","external_ids":["map",[["a","b"],["c","d e"]]]}}]'
query '["Open_vSwitch",{"op":"insert","table":"Bridge","row":{"name":"x"}}]'
query 5
--max-column-width=4 dump Open_vSwitch Bridge name external_ids
needs-conversion
needs-conversion /nonexistent
convert /nonexistent
convert
wait
wait Open_vSwitch added
wait Open_vSwitch connected
wait Open_vSwitch bogus
wait nope removed
-t1 wait nope added
-t1 wait Open_vSwitch removed
-t1 wait unix:@D/nope Open_vSwitch connected
lock
lock a b
monitor Open_vSwitch Bridge name !modify
monitor Open_vSwitch Bridge name name
monitor Open_vSwitch Bridge initial
monitor Open_vSwitch Bridge '!nope'
monitor Open_vSwitch Bridge nope
monitor Open_vSwitch nope
monitor-cond
monitor-cond Open_vSwitch '[["nope","==","br1"]]' Bridge name
monitor-cond Open_vSwitch '[["name","==",5]]' Bridge name
monitor-cond-since Open_vSwitch Bridge name
-t1 monitor Open_vSwitch Bridge name,external_ids
-t1 monitor-cond Open_vSwitch '[["name","==","br0"]]' Bridge name
""".strip().splitlines()


def said(program, command, server):
    args = [w.replace("@D", server.dir) for w in shlex.split(command)]
    r = subprocess.run([*program, *args], capture_output=True, text=True, timeout=60, env={**os.environ, "OVS_RUNDIR": server.dir})
    text = "\n".join((r.stdout, r.stderr)).replace(server.dir, "DIR")
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    # Several remotes are tried in random order, so what is said of each does not count.
    return r.returncode, [re.sub(r"^.*Z\|\d+", "", line) for line in text.splitlines() if "|reconnect|" not in line]


def test_what_it_says():
    with Server("ours") as a, Server("reference") as b:
        for command in COMMANDS:
            assert said(PROGRAMS["ours"], command, a) == said(PROGRAMS["reference"], command, b), command
        ours, reference = (json.loads(said(PROGRAMS[k], "-fjson list-columns _Server Database", s)[1][0]) for k, s in (("ours", a), ("reference", b)))
        assert sorted(ours["data"], key=str) == sorted(reference["data"], key=str)


@pytest.mark.parametrize("kind", ["ours", "reference"])
def test_a_clusters_leader(kind):
    with Cluster() as c:
        leader = c.leader()
        followers = ",".join(c.remote(i) for i in range(3) if i != leader)
        run = lambda *a: subprocess.run([*PROGRAMS[kind], *a], capture_output=True, text=True, timeout=60)  # noqa: E731
        for _ in range(4):
            assert run("get-schema-version", ",".join(c.remote(i) for i in range(3)), "Open_vSwitch").stdout == "8.3.1\n"
        r = run("get-schema-version", followers, "Open_vSwitch")
        assert r.returncode == 1 and r.stderr.endswith("ovsdb-client: no servers were available\n")
        assert run("--no-leader-only", "get-schema-version", followers, "Open_vSwitch").stdout == "8.3.1\n"
        insert = '["Open_vSwitch",{"op":"insert","table":"Open_vSwitch","row":{}}]'
        assert run("transact", followers, insert).returncode == 1
        assert "uuid" in run("transact", ",".join(c.remote(i) for i in range(3)), insert).stdout


@pytest.mark.parametrize("kind", ["ours", "reference"])
def test_a_server_that_is_not_there_yet(kind):
    with Server("reference") as s:
        s.stop()
        waiting = subprocess.Popen([*PROGRAMS[kind], "wait", s.remote, "Open_vSwitch", "connected"], stderr=subprocess.DEVNULL)
        time.sleep(.3)
        assert waiting.poll() is None
        s.start()
        assert waiting.wait(30) == 0
        going = subprocess.Popen([*PROGRAMS[kind], "wait", s.remote, "Open_vSwitch", "removed"], stderr=subprocess.DEVNULL)
        time.sleep(.3)
        assert going.poll() is None
        s.ctl("ovsdb-server/remove-db", "Open_vSwitch")
        assert going.wait(30) == 0


@pytest.mark.parametrize("kind", ["ours", "reference"])
@pytest.mark.parametrize("option, end", [("", "Open_vSwitch database was removed"), ("--no-db-change-aware", "receive failed (End of file)")])
def test_a_monitor_of_a_database_that_is_converted(kind, option, end):
    with Server("ours") as s:
        monitor = subprocess.Popen([*PROGRAMS[kind], *option.split(), "monitor", s.remote, "Open_vSwitch", "Bridge", "name"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(200):
            if "monitors" in s.ctl("memory/show"):
                break
            time.sleep(.05)
        subprocess.run(["ovsdb-client", "convert", s.remote, VSWITCH_SCHEMA], check=True)
        assert monitor.communicate(timeout=30)[1] == f"ovsdb-client: {s.remote}: {end}\n"


def test_more_locks_over_one_connection():
    with Server("ours") as s:
        out, control = s.dir + "/out", s.dir + "/control"
        with open(out, "w") as f:
            subprocess.run([*PROGRAMS["ours"], "--detach", "--no-chdir", "--pidfile=" + s.dir + "/pid", "--unixctl=" + control, "lock", s.remote, "a"],
                           stdout=f, check=True, env={**os.environ, "OVS_RUNDIR": s.dir})
        for command in (["lock", "b"], ["unlock", "a"], ["unlock", "c"], ["steal", "d"]):
            subprocess.run(["ovs-appctl", "-t", control, *command], check=True)
        for _ in range(200):
            with open(out) as f:
                lines = f.read().splitlines()
            if len(lines) == 5:
                break
            time.sleep(.05)
        subprocess.run(["ovs-appctl", "-t", control, "exit"], check=True)
        assert lines[:3] == ['{"locked":true}', '{"locked":true}', "{}"] and "unlock" in lines[3] and lines[4] == '{"locked":true}'
