# SPDX-License-Identifier: Apache-2.0
"""vsctl, ovsdb-client and ovsdb-tool beside the reference's, command by command: what they print, and their status.
And the reference's clients against our server."""
import hashlib
import json
import os
import re
import shlex
import subprocess

import pytest

from netns import wait_for
from ovsdb_util import Client, Server, REFERENCE, SLUICE, TOP, VSWITCH_SCHEMA, tool

pytestmark = pytest.mark.skipif(not os.path.exists(REFERENCE), reason="no reference to compare with")
COMMANDS = (TOP / "tests/system/vsctl_commands.txt").read_text().splitlines()
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def tidy(text):
    """UUIDs, times and the order of rows are each server's own."""
    text = UUID.sub("UUID", text)
    text = re.sub(r'(UUID">)[0-9a-f]{8}<', r"\1UUID<", text)
    text = re.sub(r"^\S+Z\|\d+\|", "", text, flags=re.M)
    text = re.sub(r"First row, with.*", "", text)
    if re.search(r"^(name|type|_uuid|timeouts) +:", text, re.M):
        return sorted(text.strip().split("\n\n"))
    return sorted(text.strip().split("\n"))


def vsctl(program, server, line):
    args = ["--db=" + server.remote, "--no-wait", *shlex.split(line)]
    if "-t" not in line:
        args.insert(0, "-t5")
    out = subprocess.run([*program, *args], capture_output=True, text=True)
    return tidy(out.stdout), tidy(out.stderr), out.returncode


@pytest.mark.parametrize("kind", ["reference", "ours"])
def test_vsctl_says_what_the_reference_says(kind):
    different = []
    with Server("reference") as a, Server(kind) as b:
        for line in COMMANDS:
            if line.startswith("#"):
                continue
            expected, got = vsctl(["ovs-vsctl"], a, line), vsctl([SLUICE, "vsctl"], b, line)
            if expected != got:
                different.append((line, expected, got))
    assert not different, "\n".join(map(str, different[:20]))


def test_debian_vsctl_against_our_server():
    different = []
    with Server("reference") as a, Server("ours") as b:
        for line in COMMANDS:
            if not line.startswith("#"):
                expected, got = vsctl(["ovs-vsctl"], a, line), vsctl(["ovs-vsctl"], b, line)
                if expected != got:
                    different.append((line, expected, got))
    assert not different, "\n".join(map(str, different[:20]))


CLIENT_CALLS = [
    ["list-dbs"], ["get-schema"], ["get-schema-version"], ["get-schema-cksum"], ["list-tables"], ["list-columns"],
    ["list-columns", "Bridge"], ["dump"], ["dump", "Bridge"], ["dump", "Bridge", "name", "ports"], ["-f", "json", "dump", "Port", "name"],
    ["-f", "csv", "dump", "Port"], ["-f", "html", "dump", "Port", "_uuid", "name"], ["-f", "list", "dump", "Bridge"], ["dump", "Nope"],
    ["query", '["Open_vSwitch",{"op":"select","table":"Bridge","where":[],"columns":["name"]}]'],
    ["transact", '["Open_vSwitch",{"op":"foo"}]'], ["-t1", "monitor", "Port", "name"], ["-t1", "monitor", "ALL"], ["foo"], []]


@pytest.mark.parametrize("args", CLIENT_CALLS, ids=" ".join)
def test_ovsdb_client_says_what_the_reference_says(args):
    with Server("reference") as s:
        subprocess.run(["ovs-vsctl", "--db=" + s.remote, "--no-wait", "add-br", "br0", "--", "add-port", "br0", "p0"], check=True)
        at = next((i + 1 for i, a in enumerate(args) if not a.startswith("-") and a not in ("json", "csv", "html", "list")), 0)
        line = [*args[:at], s.remote, *args[at:]] if args else []
        runs = [subprocess.run([*p, *line], capture_output=True, text=True) for p in (["ovsdb-client"], [SLUICE, "ovsdb-client"])]
    assert sorted(runs[0].stdout.split("\n")) == sorted(runs[1].stdout.split("\n"))
    assert runs[0].returncode == runs[1].returncode


def test_a_backup_is_restored_by_the_other(tmp_path):
    with Server("ours") as s:
        tool("ovs-vsctl", "--db=" + s.remote, "--no-wait", "add-br", "br0")
        ours = subprocess.run([SLUICE, "ovsdb-client", "backup", s.remote], capture_output=True).stdout
        theirs = subprocess.run(["ovsdb-client", "backup", s.remote], capture_output=True).stdout
        for program, data in ((["ovsdb-client"], ours), ([SLUICE, "ovsdb-client"], theirs)):
            tool("ovs-vsctl", "--db=" + s.remote, "--no-wait", "del-br", "br0")
            assert not tool("ovs-vsctl", "--db=" + s.remote, "list-br").stdout
            (tmp_path / "backup").write_bytes(data)
            subprocess.run([*program, "restore", s.remote], stdin=open(tmp_path / "backup"), check=True, capture_output=True)
            assert tool("ovs-vsctl", "--db=" + s.remote, "list-br").stdout == "br0\n"


def test_ovsdb_tool_on_each_others_files(tmp_path):
    for maker, reader in ((["ovsdb-tool"], [SLUICE, "ovsdb-tool"]), ([SLUICE, "ovsdb-tool"], ["ovsdb-tool"])):
        path = str(tmp_path / ("db" + str(len(maker))))
        schema = str(TOP / "tests/system/ovsdb_test.ovsschema")

        def run(program, *args):
            return subprocess.run([*program, *args], capture_output=True, text=True, check=True).stdout

        run(maker, "create", path, schema)
        run(maker, "transact", path, '["T",{"op":"insert","table":"A","row":{"s":"x","m":["map",[["k",1]]]}}]')
        run(reader, "transact", path, '["T",{"op":"mutate","table":"A","where":[],"mutations":[["m","insert",["map",[["l",2]]]]]}]')
        for program in (maker, reader):
            assert '["map",[["k",1],["l",2]]]' in run(program, "query", path, '["T",{"op":"select","table":"A","where":[]}]')
            assert run(program, "needs-conversion", path, schema) == "no\n"
        assert sorted(UUID.sub("U", run(maker, "show-log", "-mmm", path)).split("\n")) == sorted(
            UUID.sub("U", run(reader, "show-log", "-mmm", path)).split("\n"))
        run(reader, "compact", path)
        assert run(maker, "show-log", path).count("record") == 2


APP = """
import sys
import ovs.db.idl, ovs.poller
from ovsdbapp.backend.ovs_idl import connection
from ovsdbapp.schema.open_vswitch import impl_idl
helper = ovs.db.idl.SchemaHelper('/usr/share/openvswitch/vswitch.ovsschema')
helper.register_all()
idl = ovs.db.idl.Idl(sys.argv[1], helper)
while True:
    idl.run()
    if idl.has_ever_connected():
        break
    poller = ovs.poller.Poller()
    idl.wait(poller)
    poller.block()
txn = ovs.db.idl.Transaction(idl)
row = next(iter(idl.tables['Open_vSwitch'].rows.values()))
row.setkey('external_ids', 'app', 'yes')
row.verify('bridges')
assert txn.commit_block() == 'success'
api = impl_idl.OvsdbIdl(connection.Connection(connection.OvsdbIdl.from_server(sys.argv[1], 'Open_vSwitch'), timeout=5))
print(api.list_br().execute(), api.db_get('Open_vSwitch', '.', 'external_ids').execute()['app'])
"""


def test_python_clients_against_our_server():
    with Server("ours") as s:
        tool("ovs-vsctl", "--db=" + s.remote, "--no-wait", "add-br", "br0")
        out = subprocess.run(["/usr/bin/python3", "-c", APP, s.remote], capture_output=True, text=True)
        assert out.stdout == "['br0'] yes\n", out.stderr


def test_the_thousandth_port_moves_no_more_bytes_than_the_tenth():
    """Time is the benchmark's; what makes it grow is copying the other ports, and that is seen in what is received."""
    def received(name):
        out = tool("ovs-vsctl", "--db=" + s.remote, "--no-wait", "-vjsonrpc:console:dbg", "add-port", "br0", name)
        assert out.returncode == 0
        return sum(len(line) for line in out.stderr.splitlines() if "received" in line)

    with Server("ours", dir="/dev/shm") as s:
        tool("ovs-vsctl", "--db=" + s.remote, "--no-wait", "add-br", "br0")
        first = received("a0")
        for k in range(0, 960, 60):
            chain = [w for i in range(k, k + 60) for w in ("--", "add-port", "br0", f"b{i}")]
            assert tool("ovs-vsctl", "--db=" + s.remote, "--no-wait", *chain).returncode == 0
        assert 0 < received("c0") < first + 1000



def test_memory_of_ten_thousand_interfaces():
    if b"__asan_init" in open(SLUICE, "rb").read():
        pytest.skip("a sanitizer's memory is not the server's")
    added = {}
    for kind in ("ours", "reference"):
        with Server(kind, dir="/dev/shm") as s:
            def rss():
                return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{s.process.pid}/status").read()).group(1))

            before = rss()
            c = Client(s.sock)
            c.transact("Open_vSwitch", {"op": "insert", "table": "Open_vSwitch", "row": {"bridges": ["named-uuid", "b"]}},
                       {"op": "insert", "table": "Bridge", "uuid-name": "b", "row": {"name": "br0"}})
            for k in range(0, 10000, 500):
                ops = []
                for i in range(k, k + 500):
                    ops += [{"op": "insert", "table": "Interface", "uuid-name": f"i{i}", "row": {"name": f"if{i}", "type": "internal"}},
                            {"op": "insert", "table": "Port", "uuid-name": f"p{i}", "row": {"name": f"if{i}", "interfaces": ["named-uuid", f"i{i}"]}}]
                ops.append({"op": "mutate", "table": "Bridge", "where": [],
                            "mutations": [["ports", "insert", ["set", [["named-uuid", f"p{i}"] for i in range(k, k + 500)]]]]})
                assert len(c.call("transact", ["Open_vSwitch", *ops], 60)["result"]) == len(ops)
            s.ctl("ovsdb-server/compact")
            import time
            time.sleep(1)
            added[kind] = rss() - before
    assert added["ours"] * 3 < added["reference"], added


@pytest.mark.parametrize("args", ["1.2.3 < 1.2.4", "1.2.3 > 1.2.4", "1.2.3 <= 1.2.3", "1.2.3 != 1.2.3", "1.2.3 == 1.10.3", "1.2.3 foo 1.2.3",
                                  "1 < 2", "1.2.3.4 < 2.0.0", "1.2.3"])
def test_versions_compare_as_the_reference_compares_them(args):
    runs = [subprocess.run([*p, "compare-versions", *args.split()], capture_output=True, text=True) for p in (["ovsdb-tool"], [SLUICE, "ovsdb"])]
    assert (runs[0].stderr, runs[0].returncode) == (runs[1].stderr, runs[1].returncode)


def test_sluice_ovsdb_has_both_programs_commands(tmp_path):
    db, query = str(tmp_path / "a.db"), '["Open_vSwitch",{"op":"select","table":"Bridge","where":[],"columns":["name"]}]'
    assert subprocess.run([SLUICE, "ovsdb", "create", db, VSWITCH_SCHEMA]).returncode == 0
    run = lambda *a: subprocess.run([SLUICE, "ovsdb", *a], capture_output=True, text=True)
    assert run("query", db, query).stdout == '[{"rows":[]}]\n'
    with Server("ours") as s:
        tool("ovs-vsctl", "--db=" + s.remote, "--no-wait", "add-br", "br0")
        assert run("query", s.remote, query).stdout == '[{"rows":[{"name":"br0"}]}]\n'
        assert run("list-dbs", s.remote).stdout == "Open_vSwitch\n_Server\n"
    assert "unknown command 'foo'" in run("foo").stderr


@pytest.mark.parametrize("program", [["ovsdb-client"], [SLUICE, "ovsdb-client"]], ids=["reference", "ours"])
def test_a_monitor_in_the_background(tmp_path, program):
    """--detach returns with the first rows printed; output that is a file goes on; a time above each table."""
    pidfile, out = tmp_path / "m.pid", tmp_path / "out"
    with Server("ours") as s:
        c = Client(s.sock)
        c.transact("Open_vSwitch", {"op": "insert", "table": "Open_vSwitch", "row": {"next_cfg": 3}})
        with open(out, "wb") as f:
            subprocess.run([*program, "--detach", f"--pidfile={pidfile}", "--no-chdir", "--timestamp", "-fcsv", "monitor", s.remote, "Open_vSwitch",
                            "Open_vSwitch", "next_cfg"], stdout=f, check=True, timeout=20, env={**os.environ, "OVS_RUNDIR": str(tmp_path)})
        pid = int(pidfile.read_text())
        try:
            control = tmp_path / f"ovsdb-client.{pid}.ctl"
            assert "initial,3" in out.read_text() and control.is_socket()
            c.transact("Open_vSwitch", {"op": "update", "table": "Open_vSwitch", "where": [], "row": {"next_cfg": 4}})
            wait_for(lambda: ",new,4" in out.read_text(), "the update")
            lines = UUID.sub("UUID", re.sub(r"(?m)^[\d-]{10} [\d:]{8}\.\d{3}$", "TIME", out.read_text())).splitlines()
            assert lines == ["TIME", "row,action,next_cfg", "UUID,initial,3", "", "TIME", "row,action,next_cfg", "UUID,old,3", ",new,4"]
        finally:
            os.kill(pid, 15)
        wait_for(lambda: not pidfile.exists() and not control.exists(), "what it leaves to be gone")


def record(value, length=None, sha1=None):
    data = ((value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))) + "\n").encode()
    return b"OVSDB JSON %s %s\n" % (str(length or len(data)).encode(), (sha1 or hashlib.sha1(data).hexdigest()).encode()) + data


ROW = "%d0000000-0000-4000-8000-000000000000"
SMALL = {"name": "T", "version": "1.0.0", "tables": {"A": {"columns": {
    "x": {"type": "integer"}, "s": {"type": {"key": {"type": "string", "maxLength": 3}, "min": 0, "max": "unlimited"}},
    "r": {"type": {"key": {"type": "uuid", "refTable": "A"}, "min": 0, "max": 1}}}, "isRoot": True, "indexes": [["x"]]}}}
GOOD = record(SMALL) + record({"_date": 1700000000000, "_comment": "hello", "A": {ROW % 1: {"x": 1}}})
TAILS = {
    "nothing": b"", "wrong hash": record({"A": {}}, sha1="0" * 40) + record({}), "cut": record({"A": {ROW % 2: {"x": 2}}})[:-5],
    "half a header": b"OVSDB JSON 5 ", "junk": b"junk\n", "empty line": b"\n", "no JSON": record('{"A":'), "an array": record("[]"),
    "another table": record({"B": {ROW % 1: {}}}), "another column": record({"A": {ROW % 3: {"y": 1}}}),
    "wrong type": record({"A": {ROW % 3: {"x": "a"}}}), "too long": record({"A": {ROW % 3: {"s": "abcdef"}}}),
    "no UUID": record({"A": {"xyz": {"x": 1}}}), "deletes nothing": record({"A": {ROW % 9: None}}),
    "index": record({"A": {ROW % 3: {"x": 1}}}) + record({"A": {ROW % 4: {"x": 4}}}),
    "dangling": record({"A": {ROW % 3: {"x": 5, "r": ["uuid", ROW % 8]}}}), "no row": record({"A": {ROW % 3: 5}}), "no table": record({"A": 5}),
    "a difference": record({"_is_diff": True, "A": {ROW % 1: {"x": 7}}}), "no date": record({"_date": "x", "A": {}}),
    "odd remarks": record({"_comment": 5, "_date": 5, "A": {ROW % 2: {"x": 7}}}), "remark": record({"_xyz": 5}),
    "no length": record({}, length="abc"), "length 0": b"OVSDB JSON 0 " + b"0" * 40 + b"\n", "huge": record({}, length="99999999999999"),
    "negative": record({}, length="-5"), "plus": record({"A": {}}, length="+9"), "upper case": record({"A": {}}, sha1=hashlib.sha1(b'{"A":{}}\n').hexdigest().upper()),
    "empty record": record({}), "no newline": record({"_comment": "x"})[:-1], "other magic": b"OVSDB XXXX 5 " + b"0" * 40 + b"\nabcd\n",
    "delete": record({"A": {ROW % 1: None}}) + record({"A": {ROW % 1: {"x": 3}}}),
}
HEADS = {"empty": b"", "no database": b"hello\n", "no schema": record({"name": "T"}), "an array": record("[1]"), "carriage return": GOOD.replace(b"\n", b"\r\n", 1)}


def test_damaged_files_are_called_what_the_reference_calls_them(tmp_path):
    """And what can still be read of them is the same; a tool changes nothing where something is wrong."""
    differ = []
    query = '["T",{"op":"select","table":"A","where":[],"columns":["x"]}]'
    insert = '["T",{"op":"insert","table":"A","row":{"x":77},"uuid":"%s"}]' % (ROW % 7)
    for name, data in [*((n, GOOD + t) for n, t in TAILS.items()), *HEADS.items()]:
        for words in (["query", "FILE", query], ["show-log", "-mm", "FILE"], ["transact", "FILE", insert], ["db-version", "FILE"]):
            if words[0] == "db-version" and name not in HEADS or words[0] == "transact" and name not in ("index", "cut", "junk"):
                continue
            got = []
            for program in (["ovsdb-tool"], [SLUICE, "ovsdb-tool"]):
                file = tmp_path / "x.db"
                file.write_bytes(data)
                out = subprocess.run([*program, *(str(file) if w == "FILE" else w for w in words)], capture_output=True, text=True, timeout=20)
                err = re.sub(r"(?m)^\d{4}-\S+\|(timeval|coverage|poll_loop)\|.*\n", "", out.stderr)  # of a busy machine
                err = re.sub(r"(?m)^\d{4}-\S+\|", "", err)
                text = out.stdout
                if words[0] == "query" and text:
                    text = sorted(str(row) for row in json.loads(text)[0]["rows"])
                got.append((text, err, out.returncode, file.stat().st_size))
            if got[0] != got[1]:
                differ.append((name, words[0], *got))
    assert not differ


FILES = {  # schemas that cannot be read, or that are none
    "text": "{\n", "empty": "", "name": '{"name":5}', "array": "[1]", "type": '{"name":"T","tables":{"A":{"columns":{"x":{"type":"foo"}}}}}',
    "missing": '{"foo":1}', "no tables": '{"name":"T","version":5,"foo":1}', "version": '{"name":"T","version":"x","tables":{}}',
    "both": '{"name":"T","version":"x","tables":{},"foo":1}', "cksum": '{"name":"T","cksum":5,"version":"x","tables":{}}',
    "garbage": '{"name":"T","tables":{}} ]'}
SELECT = '{"op":"select","table":"A","where":[]}'
WAIT = '{"op":"wait","table":"A","where":[],"columns":["x"],"until":"==","rows":[{"x":5}]%s}'
REQUESTS = [
    '["Nope",%s]' % SELECT, '["Nope"]', "[]", "{}", "5", "[5]", "[", "", '["_Server"]', '["T"]', '["T",5]', '["T",{"op":"foo"}]',
    '["T",{"op":"comment","comment":"a"},%s,%s]' % (WAIT % "", SELECT), '["T",%s]' % (WAIT % ',"timeout":0'), '["T",%s]' % (WAIT % ',"timeout":9'),
    '["T",{"op":"abort"}]', '["T",{"op":"assert","lock":"a"}]', '["T",{"op":"commit","durable":true}]',
    '["T",{"op":"insert","table":"A","row":{"x":%%d},"uuid":"%s"}]' % (ROW % 7)]
CLUSTER = [f"db-{word}" for word in ("cid", "sid", "local-address", "name", "version", "cksum", "is-clustered", "is-standalone")]


def test_ovsdb_tool_says_what_the_reference_says(tmp_path):
    """Schemas that cannot be read, requests that are none or for another database, files of clustered databases."""
    schema = str(tmp_path / "schema")
    (tmp_path / "schema").write_text(json.dumps(SMALL))
    subprocess.run(["ovsdb-tool", "create", "source", schema], check=True, cwd=tmp_path)
    for args in (["create-cluster", "cluster", schema, "tcp:127.0.0.1:1"], ["join-cluster", "joins", "T", "tcp:127.0.0.1:2", "tcp:127.0.0.1:1"]):
        subprocess.run(["ovsdb-tool", *args], check=True, cwd=tmp_path, capture_output=True)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    os.mkdir(tmp_path / "dir")
    os.symlink("cluster", tmp_path / "link")
    lines = [[command, *(["x.db"] if command in ("convert", "needs-conversion") else ["new"] if command == "create" else []), name]
             for command in ("create", "convert", "needs-conversion", "schema-name", "schema-version", "schema-cksum")
             for name in [*FILES, "dir", "nope", "x.db"]]
    lines += [[command, "x.db", request.replace("%d", str(i))] for i, request in enumerate(REQUESTS) for command in ("query", "transact")
              if command == "transact" or "insert" not in request]
    lines += [[command, *([name] if name else [])] for command in CLUSTER for name in ("x.db", "cluster", "joins", "link", "text", "empty", "dir", "nope")]
    lines += [["query", "cluster", '["T"]'], ["transact", "cluster", '["T"]'], ["compact", "cluster"], ["convert", "cluster", schema],
              ["needs-conversion", "cluster", schema], ["db-cid"], ["db-sid", "a", "b"], ["compare-versions", "1.0", "<", "2.0.0"],
              ["compare-versions", "1.0.0", "x", "2.0.0"], ["nope"], []]
    differ = []
    for line in lines:
        got = []
        for program in (["ovsdb-tool"], [SLUICE, "ovsdb-tool"]):
            (tmp_path / "x.db").write_bytes((tmp_path / "source").read_bytes())
            (tmp_path / "new").unlink(missing_ok=True)
            out = subprocess.run([*program, *line], capture_output=True, text=True, timeout=20, cwd=tmp_path)
            grown = (tmp_path / "x.db").stat().st_size > (tmp_path / "source").stat().st_size
            got.append((out.stdout, re.sub(r"(?m)^\d{4}-\S+\|(timeval|coverage|poll_loop)\|.*\n", "", out.stderr), out.returncode, grown))
        if got[0] != got[1]:
            differ.append((line, *got))
    assert not differ, "\n".join(map(str, differ))


def test_ovsdb_tool_lists_its_commands():
    texts = [subprocess.run([*p, "list-commands"], capture_output=True, text=True, check=True).stdout.splitlines()
             for p in (["ovsdb-tool"], [SLUICE, "ovsdb-tool"])]
    assert [line for line in texts[0] if "cluster " not in line and "cluster-to" not in line] == texts[1]
    helps = [subprocess.run([SLUICE, "ovsdb-tool", word], capture_output=True, text=True, check=True).stdout for word in ("help", "--help")]
    assert helps[0] == helps[1]
    for line in texts[1][1:]:
        assert line.split()[0] in helps[0] or line.split()[0] in ("help", "list-commands")
