# SPDX-License-Identifier: Apache-2.0
"""Requests that a client should not make, or makes seldom, answered by our server and by the reference's: monitors of tables
that are asked for in several parts, conditions that change, malformed parameters, conversions that cannot be."""
import json
import os
import pathlib
import subprocess

import pytest

from ovsdb_util import SLUICE, VSWITCH_SCHEMA, Client, Server, tool

O, B0, B1 = ("%d1111111-0000-4000-8000-000000000001" % i for i in range(3))
SETUP = [{"op": "insert", "table": "Open_vSwitch", "uuid": O, "row": {"bridges": ["set", [["uuid", B0], ["uuid", B1]]]}},
         {"op": "insert", "table": "Bridge", "uuid": B0, "row": {"name": "br0", "fail_mode": "secure"}},
         {"op": "insert", "table": "Bridge", "uuid": B1, "row": {"name": "br1", "external_ids": ["map", [["a", "b"], ["c", "d"]]]}}]
BR0, BR1 = [["name", "==", "br0"]], [["name", "==", "br1"]]
CHANGES = [
    [{"op": "update", "table": "Bridge", "where": BR0, "row": {"fail_mode": "standalone", "datapath_type": "x"}},
     {"op": "mutate", "table": "Bridge", "where": BR1,
      "mutations": [["external_ids", "insert", ["map", [["e", "f"]]]], ["external_ids", "delete", ["set", ["a"]]]]}],
    [{"op": "update", "table": "Bridge", "where": BR0, "row": {"fail_mode": "secure", "datapath_type": ""}},
     {"op": "update", "table": "Bridge", "where": BR1, "row": {"external_ids": ["map", [["a", "b"], ["c", "d"]]]}}]]


@pytest.fixture(scope="module")
def servers():
    with Server("ours") as ours, Server("reference") as reference:
        for s in (ours, reference):
            c = Client(s.sock)
            assert not any(r.get("error") for r in c.transact("Open_vSwitch", *SETUP))
            c.close()
        yield ours, reference


def plain(message):
    """Without what may be left out, and without versions, which are random."""
    if isinstance(message, dict):
        return {k: plain(v) for k, v in message.items() if k != "_version" and not (k in ("result", "error") and v is None)}
    return [plain(m) for m in message] if isinstance(message, list) else message


def conversation(server, requests):
    """What is said in answer to each of REQUESTS, updates included."""
    c, said = Client(server.sock), []
    for method, params in requests:
        reply = c.call(method, params)
        said += [plain(m) for m in [*c.notifications, reply]]
    c.close()
    return said


def compare(servers, requests):
    ours, reference = (conversation(s, requests) for s in servers)
    assert ours == reference, requests


PARTS = [
    {"columns": ["name", "name"]}, {"columns": ["name", 5]}, {"columns": ["nope", "name", "name"]}, {"columns": ["name", "name", "nope"]},
    {"columns": None}, {"columns": {}}, {"select": 5}, {"select": []}, {"select": None}, {"select": {"insert": None}}, {"select": {"x": True}},
    None, True, 5, [5], [None], [[]], [], [{}], [{"columns": ["name"]}, {"columns": ["name"]}], [{"columns": ["name"]}, {}], [{}, {"columns": ["name"]}],
    [{"columns": ["name"]}, {"columns": ["fail_mode", "name"]}], [{"columns": []}, {"columns": []}],
    [{"columns": ["name"]}, {"columns": ["fail_mode"], "select": {"initial": False}}], {"where": 5}, {"where": None}, {"where": [5]},
    {"where": [["nope", "==", 1]]}, {"where": [["name", "<", "x"]]}, {"columns": ["name"], "x": 1}]


@pytest.mark.parametrize("method", ["monitor", "monitor_cond", "monitor_cond_since"])
def test_what_is_wrong_with_a_monitor(servers, method):
    more = ["00000000-0000-0000-0000-000000000000"] if method.endswith("since") else []
    for part in PARTS:
        compare(servers, [(method, ["Open_vSwitch", "m", {"Bridge": part}, *more])])
    for requests in (None, 5, [], "x", {"nope": {}}, {}):
        compare(servers, [(method, ["Open_vSwitch", "m", requests, *more])])
    for params in ([], [5], ["nope"], ["Open_vSwitch", "m", {}, *more, 5, 6]):
        compare(servers, [(method, params)])


def test_last_transactions(servers):
    for last in (None, 5, True, [], {}, "x", "", "00000000-0000-0000-0000-00000000000G", "12345678-1234-1234-1234-123456789ABC"):
        compare(servers, [("monitor_cond_since", ["Open_vSwitch", "m", {}, last])])


PLACES = [
    [{"columns": ["name"], "where": BR0}, {"columns": ["fail_mode"], "where": BR1}], [{"columns": ["name"], "where": BR0}, {"columns": ["fail_mode"]}],
    [{"columns": ["name"]}, {"columns": ["fail_mode"], "where": BR1}], [{"columns": ["name"], "where": [False]}, {"columns": ["fail_mode"], "where": BR1}],
    {"columns": ["fail_mode", "external_ids"], "select": {"modify": False}}, {"columns": ["external_ids"], "where": []},
    {"columns": ["external_ids"], "where": [["external_ids", "excludes", ["map", [["a", "b"]]]]]}]
NEW_PLACES = [[{"where": BR1}], [{"where": [True]}], [{"where": [False]}], [{"where": BR0}, {"where": BR1}], [{"where": [False]}, {"where": BR1}],
              [{"where": []}], [], {"where": BR1}, [{"where": 5}], [{"where": None}], [5], 5, [{"where": [], "x": 1}], [{"columns": ["name"]}],
              [{"where": [["nope", "==", 1]]}]]


@pytest.mark.parametrize("method", ["monitor_cond", "monitor_cond_since"])
def test_conditions_in_parts_and_changed(servers, method):
    more = ["00000000-0000-0000-0000-000000000000"] if method.endswith("since") else []
    for place in PLACES:
        watch = (method, ["Open_vSwitch", "m", {"Bridge": place}, *more])
        changes = [("transact", ["Open_vSwitch", *c]) for c in CHANGES]
        compare(servers, [watch, *changes])
        for new in NEW_PLACES:
            compare(servers, [watch, ("monitor_cond_change", ["m", "n", {"Bridge": new}]), *changes])
    for params in ([], ["m"], ["m", "n"], ["m", "n", 5], ["m", "n", None], ["m", "n", []], ["m", "n", {"nope": []}], ["m", "n", {"Port": []}],
                   ["m", "n", {}, 5], [None, "n", {}], ["x", "n", {}], ["m", None, {}]):
        compare(servers, [watch, ("monitor_cond_change", params), ("monitor_cancel", [None]), ("monitor_cancel", ["n"]), ("monitor_cancel", ["m"])])


def test_conversions_that_cannot_be(servers):
    schema = {"name": "Open_vSwitch", "version": "1.0.0", "tables": {}}
    column = {"columns": {"c": {"type": "string"}}}
    for new in (1, [], None, {}, {**schema, "name": "Other"}, {**schema, "tables": 5}, {**schema, "tables": {"T": 5}}, {**schema, "version": "x"},
                {**schema, "tables": {"T": {"columns": {"c": 5}}}}, {**schema, "tables": {"T": {"columns": {"c": {"type": 5}}}}}, {**schema, "x": 1},
                {**schema, "tables": {"T": {**column, "indexes": [["nope"]]}}}, {**schema, "tables": {"T": {**column, "indexes": [["c", "c"]]}}},
                {**schema, "tables": {"T": {**column, "indexes": [[]]}}}, {**schema, "tables": {"T": {**column, "maxRows": 0}}},
                {**schema, "tables": {"_T": column}}, {**schema, "tables": {"T": {"columns": {"_c": {"type": "string"}}}}},
                {**schema, "tables": {"T": {"columns": {"c": {"type": {"key": {"type": "uuid", "refTable": "U"}}}}}}}):
        compare(servers, [("convert", ["Open_vSwitch", new])])
    for params in ([], ["Open_vSwitch"], ["nope", schema], [schema], ["Open_vSwitch", schema, 5]):
        compare(servers, [("convert", params)])


def test_types_that_cannot_be(servers):
    string = {"type": "string"}
    for type in ("nope", 5, [], {}, {"key": "nope"}, {"key": 5}, {"key": {}}, {"key": {"type": 5}}, {"key": {"type": "nope"}}, {"key": "string", "value": 5},
                 {"key": "string", "min": 2}, {"key": "string", "min": -1}, {"key": "string", "min": 0.5}, {"key": "string", "max": 0},
                 {"key": "string", "max": "x"}, {"key": "string", "x": 1}, {"key": {"type": "integer", "minInteger": 5, "maxInteger": 1}},
                 {"key": {"type": "integer", "minInteger": "x"}}, {"key": {"type": "integer", "minReal": 1}}, {"key": {"type": "boolean", "minInteger": 1}},
                 {"key": {"type": "real", "minReal": 5, "maxReal": 1}}, {"key": {**string, "minLength": -1}}, {"key": {**string, "minLength": 1.5}},
                 {"key": {**string, "minLength": 5, "maxLength": 1}}, {"key": {**string, "maxLength": 2 ** 40}}, {"key": {**string, "enum": []}},
                 {"key": {**string, "enum": ["set", ["a", "a"]]}}, {"key": {**string, "enum": ["set", [5]]}}, {"key": {**string, "refTable": "T"}},
                 {"key": {"type": "integer", "enum": ["set", [1]], "minInteger": 1}}, {"key": {"type": "uuid", "refTable": 5}},
                 {"key": {"type": "uuid", "refTable": "T", "refType": "x"}}, {"key": {"type": "uuid", "refType": "weak"}}, {"key": {**string, "x": 1}}):
        compare(servers, [("convert", ["Open_vSwitch", {"name": "Open_vSwitch", "version": "1.0.0", "tables": {"T": {"columns": {"c": {"type": type}}}}}])])


@pytest.mark.parametrize("kind", ["ours", "reference"])
def test_who_knows_of_no_change_of_databases_is_disconnected(kind, tmp_path):
    schema = json.loads(pathlib.Path(VSWITCH_SCHEMA).read_text())
    (tmp_path / "schema").write_text(json.dumps({"name": "Other", "version": "1.0.0", "tables": {"T": {"columns": {"c": {"type": "string"}}}}}))
    subprocess.run(["ovsdb-tool", "create", tmp_path / "other", tmp_path / "schema"], check=True)
    with Server(kind) as s:
        def convert():
            c = Client(s.sock)
            assert c.call("convert", ["Open_vSwitch", schema])["result"] == {}
            assert c.receive() is None
            c.close()
        for change in (lambda: s.ctl("ovsdb-server/add-db", tmp_path / "other"), lambda: s.ctl("ovsdb-server/remove-db", "Other"), convert):
            traditional, aware = Client(s.sock), Client(s.sock)
            traditional.call("get_schema", ["Open_vSwitch"])
            aware.call("set_db_change_aware", [True])
            change()
            assert traditional.receive() is None
            assert aware.call("echo", ["still there"])["result"] == ["still there"]
            traditional.close()
            aware.close()


def test_a_remote_without_a_port(tmp_path):
    """It is 6640, for listeners and those who connect, managers and commands; in a network of its own, where that is free."""
    script = """
        set -e
        ip link set lo up
        export OVS_RUNDIR=$PWD
        ovsdb-tool create conf.db %(schema)s
        %(sluice)s ovsdb-server --detach --no-chdir --pidfile=pid --unixctl=$PWD/ctl --remote=punix:db.sock --remote=ptcp:%(remote)s \
            --remote=db:Open_vSwitch,Open_vSwitch,manager_options conf.db -vconsole:off
        trap 'kill $(cat pid)' EXIT
        ovs-vsctl --db=tcp:127.0.0.1 --no-wait add-br br0
        %(sluice)s vsctl --db=tcp:127.0.0.1 list-br
        %(sluice)s ovsdb-client list-dbs tcp:127.0.0.1
        %(sluice)s vsctl --db=unix:db.sock --no-wait set-manager tcp:127.0.0.2
        timeout 20 ovs-vsctl --db=ptcp:6640:127.0.0.2 list-br
        timeout 20 %(sluice)s vsctl --db=ptcp::127.0.0.2 list-br
    """ % {"sluice": SLUICE, "schema": VSWITCH_SCHEMA, "remote": ":127.0.0.1"}
    r = subprocess.run(["unshare", "-n", "sh", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert (r.returncode, r.stdout.split()) == (0, ["br0", "Open_vSwitch", "_Server", "br0", "br0"]), r


def test_remotes_that_are_not_there_are_passed_over():
    with Server("ours") as s:
        for i in range(12):
            db = f"unix:{s.dir}/nope,unix:{s.dir}/neither,unix:{s.sock}"
            assert tool("ovs-vsctl", "--db=" + db, "--no-wait", "--may-exist", "add-br", "br0").returncode == 0
        db = f"unix:{s.dir}/nope,unix:{s.dir}/neither"
        r = tool("ovs-vsctl", "--db=" + db, "list-br", timeout=20)
        assert (r.returncode, r.stderr) == (1, f"ovs-vsctl: {db}: database connection failed (No such file or directory)\n")


@pytest.mark.parametrize("options", [["--run=exit 3"], ["--run=true"], ["--no-dbs", "--run=ovsdb-client list-dbs unix:s"], ["--run=ovsdb-client list-dbs unix:s", "conf.db"],
                                     ["conf.db", "other.db"]])
def test_a_server_that_lasts_as_long_as_a_command(tmp_path, options):
    said = []
    for kind, program in (("ours", [SLUICE, "ovsdb-server"]), ("reference", ["/usr/sbin/ovsdb-server"])):
        directory = tmp_path / kind
        directory.mkdir()
        for db in ("conf.db", "other.db"):
            subprocess.run(["ovsdb-tool", "create", directory / db, VSWITCH_SCHEMA], check=True)
        r = subprocess.run([*program, "--remote=punix:s", "--unixctl=" + str(directory / "ctl"), "-vconsole:off", *options], cwd=directory,
                           env={**os.environ, "OVS_RUNDIR": str(directory), "OVS_DBDIR": str(directory)}, capture_output=True, text=True, timeout=60)
        said.append((r.returncode, r.stdout, r.stderr))
    assert said[0] == said[1]
