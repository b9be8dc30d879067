# SPDX-License-Identifier: Apache-2.0
"""Our database server beside the reference's: the same requests, reply by reply; and on its own: crashes, floods."""
import json
import os
import random
import subprocess
import threading
import time

import pytest

from ovsdb_util import Client, Server, REFERENCE, TOP, VSWITCH_SCHEMA, tool

SCHEMA = str(TOP / "tests/system/ovsdb_test.ovsschema")
needs_reference = pytest.mark.skipif(not os.path.exists(REFERENCE), reason="no reference server")


class Random:
    """Transactions, valid and not, that both servers can be told: UUIDs are chosen here (extension "uuid")."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.uuids = {"A": [], "B": [], "C": []}

    def uuid(self):
        return "%08x-%04x-4%03x-8%03x-%012x" % tuple(self.r.getrandbits(n) for n in (32, 16, 12, 12, 48))

    def ref(self, table):
        known = self.uuids[table]
        if known and self.r.random() < 0.85:
            return ["uuid", self.r.choice(known)]
        names = sorted(n for n, t in self.names.items() if t == table)
        return self.r.choice([["named-uuid", n] for n in names] + [["uuid", self.uuid()]])

    def value(self, column):
        r = self.r
        wild = r.random() < 0.04
        if wild:
            return r.choice([None, {}, [], ["set", 1], ["map", []], 1.5, "", ["set", [1, 1]], True, ["uuid", "x"]])
        choices = {
            "i": lambda: r.randint(-1, 11), "r": lambda: r.choice([0, 1.5, -2.25, 1e10, 0.1]), "b": lambda: r.random() < 0.5,
            "s": lambda: r.choice("abcdefgh"), "ss": lambda: ["set", r.sample(["ab", "cd", "ef", "gh", "a", "abcde"], r.randint(0, 4))],
            "e": lambda: r.choice(["x", "y", "q", ["set", []]]),
            "m": lambda: ["map", [[k, r.randint(0, 3)] for k in r.sample("abcd", r.randint(0, 3))]],
            "ints": lambda: ["set", r.sample(range(6), r.randint(0, 4))], "opt": lambda: r.choice([["set", []], r.randint(-6, 6)]),
            "strong": lambda: ["set", [self.ref("B") for _ in range(r.randint(0, 2))]],
            "weak": lambda: ["set", [self.ref("B") for _ in range(r.randint(0, 2))]],
            "im": lambda: "k", "eph": lambda: r.randint(0, 9), "n": lambda: r.choice("klm"), "c": lambda: self.ref("C"),
            "b_": lambda: ["map", [[k, self.ref("B")] for k in r.sample("xy", r.randint(0, 2))]]}
        return choices[column]()

    COLUMNS = {"A": ["i", "r", "b", "s", "ss", "e", "m", "ints", "opt", "strong", "weak", "im", "eph"], "B": ["n", "c"],
               "C": ["n", "b"]}

    def column_value(self, table, column):
        if table == "C":
            return self.r.randint(0, 5) if column == "n" else self.value("b_")
        return self.value(column)

    def row(self, table, n):
        columns = self.r.sample(self.COLUMNS[table], self.r.randint(0, min(n, len(self.COLUMNS[table]))))
        if table == "A" and "s" not in columns:
            columns.append("s")
        row = {c: self.column_value(table, c) for c in columns}
        if self.r.random() < 0.02:
            row["nope"] = 1
        return row

    def where(self, table):
        r = self.r
        clauses = []
        for _ in range(r.choice([0, 1, 1, 1, 2])):
            if r.random() < 0.4 and self.uuids[table]:
                clauses.append(["_uuid", r.choice(["==", "!="]), ["uuid", r.choice(self.uuids[table])]])
            else:
                c = r.choice(self.COLUMNS[table])
                f = r.choice(["==", "!=", "includes", "excludes", "<", ">=", "foo"])
                clauses.append([c, f, self.column_value(table, c)])
        return clauses

    def mutation(self, table):
        r = self.r
        c = r.choice(self.COLUMNS[table])
        m = r.choice(["+=", "-=", "*=", "/=", "%=", "insert", "delete", "insert", "delete"])
        v = r.choice([0, 1, 2, 3]) if m[1] == "=" and r.random() < 0.8 else self.column_value(table, c)
        return [c, m, v]

    def operation(self):
        r = self.r
        table = r.choice("AAABBC")
        kind = r.choice(["insert"] * 5 + ["update", "update", "mutate", "mutate", "delete", "select", "wait", "comment", "abort",
                                         "bogus"])
        if kind == "insert":
            op = {"op": "insert", "table": table, "uuid": self.uuid(), "row": self.row(table, 4)}
            if r.random() < 0.5:
                op["uuid-name"] = r.choice(["n1", "n2"])
                # Names of the right table only: the reference takes a row's reference to its own UUID for one to itself,
                # in whatever table, and lets it pass.
                self.names.setdefault(op["uuid-name"], table)
            self.uuids[table] = (self.uuids[table] + [op["uuid"]])[-12:]
            return op
        op = {"op": kind, "table": table, "where": self.where(table)}
        if kind == "update":
            op["row"] = self.row(table, 3)
            op["row"].pop("im", None) if r.random() < 0.9 else None
        elif kind == "mutate":
            op["mutations"] = [self.mutation(table) for _ in range(r.randint(1, 2))]
        elif kind == "select":
            op["columns"] = ["_uuid", *r.sample(self.COLUMNS[table], 2)]
        elif kind == "wait":
            op.update(timeout=0, columns=[r.choice(self.COLUMNS[table])], until=r.choice(["==", "!="]), rows=[])
        elif kind == "comment":
            op = {"op": "comment", "comment": "c"}
        elif kind == "abort":
            op = {"op": "abort"} if r.random() < 0.3 else {"op": "comment", "comment": "d"}
        if r.random() < 0.01:
            op["extra"] = 1
        return op

    def transaction(self):
        self.names = {}  # a name that nobody defines has a UUID of each server's own choice
        return [self.operation() for _ in range(self.r.randint(1, 5))]


def canonical(value):
    """Rows of a select in one order; which of several dangling things is told first is free."""
    if isinstance(value, dict):
        value = {k: canonical(v) for k, v in value.items()}
        if isinstance(value.get("rows"), list):
            value["rows"] = sorted(value["rows"], key=lambda r: json.dumps(r, sort_keys=True))
        if value.get("error") in ("referential integrity violation", "constraint violation") and any(
                w in value.get("details", "") for w in ("row ", "identical")):
            value["details"] = value["details"].split(" ")[0]
        return value
    return [canonical(v) for v in value] if isinstance(value, list) else value


def answers(results, txn):
    """Of several wrong columns in one row either server may tell another one."""
    results = canonical(results)
    for i, op in enumerate(txn):
        if i < len(results) and results[i] and "error" in results[i] and len(op.get("row", {})) > 1:
            results[i] = {"error": "of a column"}
    return results


def content(client, db="T", tables=("A", "B", "C")):
    rows = client.transact(db, *[{"op": "select", "table": t, "where": []} for t in tables])
    for table in rows:
        for row in table["rows"]:
            del row["_version"]
    return canonical(rows)


@needs_reference
@pytest.mark.parametrize("seed", range(8))
def test_random_transactions_are_answered_alike(seed):
    source = Random(seed)
    with Server("ours", SCHEMA) as ours, Server("reference", SCHEMA) as theirs:
        a, b = Client(ours.sock), Client(theirs.sock)
        for n in range(400):
            txn = source.transaction()
            x, y = a.transact("T", *txn), b.transact("T", *txn)
            assert answers(x, txn) == answers(y, txn), (n, txn)
            if n % 20 == 0:
                assert content(a) == content(b), n
        assert content(a) == content(b)
        # What is in our file is what is in memory, and the reference reads it.
        expected = content(a)
        ours.stop()
        for kind in ("ours", "reference"):
            with Server(kind, db=ours.file) as again:
                for row in (x for t in expected for x in t["rows"]):
                    row.pop("eph", None)
                found = content(Client(again.sock))
                for row in (x for t in found for x in t["rows"]):
                    row.pop("eph", None)
                assert canonical(found) == canonical(expected), kind


def apply_update2(copy, updates):
    for table, rows in updates.items():
        for uuid, change in rows.items():
            if "delete" in change:
                copy[table].pop(uuid)
            elif "modify" in change:
                copy[table][uuid] = "modified"
            else:
                copy[table][uuid] = change


@needs_reference
@pytest.mark.parametrize("method", ["monitor", "monitor_cond"])
def test_monitors_tell_alike(method):
    source = Random(99)
    requests = {"A": [{"columns": ["s", "i", "ints", "m", "opt"]}], "B": [{"select": {"delete": False}, "columns": ["n"]}]}
    if method == "monitor_cond":
        requests["A"][0]["where"] = [["i", ">=", 5], ["s", "==", "a"]]
    with Server("ours", SCHEMA) as ours, Server("reference", SCHEMA) as theirs:
        clients = [Client(s.sock) for s in (ours, theirs)]
        watchers = [Client(s.sock) for s in (ours, theirs)]
        for w in watchers:
            assert w.call(method, ["T", "id", requests])["result"] == {}
        for n in range(300):
            txn = source.transaction()
            told = []
            for c, w in zip(clients, watchers):
                c.transact("T", *txn)
                assert w.call("echo", [n])["result"] == [n]
                told.append(sorted(json.dumps(m, sort_keys=True) for m in w.notifications))
            assert told[0] == told[1], (n, txn)


def test_a_reply_comes_after_the_update_it_caused():
    with Server("ours", SCHEMA) as s:
        c = Client(s.sock)
        c.call("monitor", ["T", 1, {"A": {}}])
        for n in range(50):
            c.transact("T", {"op": "insert", "table": "A", "row": {"s": str(n)}}, {"op": "delete", "table": "A", "where": [["s", "==", str(n - 3)]]})
            assert len(c.notifications) == 1


def test_wait_lock_and_cancel():
    with Server("ours", SCHEMA) as s:
        a, b = Client(s.sock), Client(s.sock)
        a.send({"method": "transact", "id": "w", "params": ["T", {"op": "wait", "table": "A", "where": [], "columns": ["s"], "until": "!=",
                                                                  "rows": []}]})
        b.transact("T", {"op": "insert", "table": "A", "row": {"s": "x"}})
        assert a.receive() == {"id": "w", "result": [{}], "error": None}
        a.send({"method": "transact", "id": "w2", "params": ["T", {"op": "wait", "table": "A", "where": [], "columns": ["s"], "until": "==",
                                                                   "rows": []}]})
        a.send({"method": "cancel", "params": ["w2"], "id": None})
        assert a.receive()["error"] == "canceled"
        assert a.call("lock", ["l"])["result"] == {"locked": True}
        assert b.call("lock", ["l"])["result"] == {"locked": False}
        assert b.transact("T", {"op": "assert", "lock": "l"})[0]["error"] == "not owner"
        a.close()
        assert b.receive() == {"id": None, "method": "locked", "params": ["l"]}
        assert b.transact("T", {"op": "assert", "lock": "l"}) == [{}]


def test_a_thousand_clients():
    with Server("ours", SCHEMA) as s:
        clients = [Client(s.sock) for _ in range(1000)]
        for c in clients:
            c.call("monitor", ["T", 1, {"A": {}}])
        clients[0].transact("T", {"op": "insert", "table": "A", "row": {"s": "x"}})
        for c in clients[1:]:
            assert c.receive()["method"] == "update"


def test_answered_commits_survive_kill():
    with Server("ours", SCHEMA) as s:
        answered = set()
        for round_number in range(8):
            stop = threading.Event()

            def work(c, base):
                n = 0
                while not stop.is_set():
                    name = f"{base}-{n}"
                    n += 1
                    try:
                        if c.transact("T", {"op": "insert", "table": "B", "uuid-name": "b", "row": {"n": name}},
                                      {"op": "mutate", "table": "A", "where": [], "mutations": [["strong", "insert", ["named-uuid", "b"]]]})[0].get("uuid"):
                            answered.add(name)
                    except (TypeError, OSError):
                        return

            c0 = Client(s.sock)
            if not round_number:
                c0.transact("T", {"op": "insert", "table": "A", "row": {"s": "holder"}})
            threads = [threading.Thread(target=work, args=(Client(s.sock), f"{round_number}-{i}")) for i in range(3)]
            for t in threads:
                t.start()
            time.sleep(0.15)
            if round_number % 2:
                s.ctl("ovsdb-server/compact")
            s.kill()
            stop.set()
            for t in threads:
                t.join()
            s.start()
            there = {r["n"] for r in content(Client(s.sock))[1]["rows"]}
            assert answered <= there, answered - there
        assert len(answered) > 100


def test_a_file_cut_anywhere_is_read_up_to_there(tmp_path):
    with Server("ours", SCHEMA) as s:
        c = Client(s.sock)
        sizes = []
        for n in range(6):
            c.transact("T", {"op": "insert", "table": "A", "row": {"s": str(n)}})
            sizes.append(os.path.getsize(s.file))
        data = open(s.file, "rb").read()
    first = data.index(b"OVSDB JSON", 1)
    with Server("ours") as reader:
        for cut in sorted(set(range(first, len(data), 37)) | {x + d for x in sizes for d in (-1, 0, 1)}):
            path = tmp_path / "cut.db"
            path.write_bytes(data[:cut])
            rows = reader.peek(path, "T", {"op": "select", "table": "A", "where": [], "columns": ["s"]})[0]["rows"]
            assert len(rows) == sum(x <= cut for x in sizes), cut
            # A tool does not take what is there for what there was: it says where it is torn, as the reference's does.
            out = tool("ovsdb-tool", "query", str(path), '["T",{"op":"select","table":"A","where":[]}]') if not cut % 9 else None
            assert not out or out.returncode == (cut not in (first, *sizes) and cut < len(data)), (cut, out)


def test_a_torn_tail_is_cut_off_and_writing_goes_on(tmp_path):
    path = tmp_path / "conf.db"
    subprocess.run(["ovsdb-tool", "create", path, SCHEMA], check=True)
    with open(path, "ab") as f:
        f.write(b"OVSDB JSON 500 0123456789012345678901234567890123456789\n{\"half")
    with Server("ours", db=str(path)) as s:
        Client(s.sock).transact("T", {"op": "insert", "table": "A", "row": {"s": "after"}})
    out = subprocess.run(["ovsdb-tool", "query", path, '["T",{"op":"select","table":"A","where":[],"columns":["s"]}]'],
                         capture_output=True, text=True)
    assert json.loads(out.stdout) == [{"rows": [{"s": "after"}]}], out.stderr


def test_online_conversion():
    schema = json.load(open(SCHEMA))
    schema["version"] = "1.3.0"
    schema["tables"]["A"]["columns"]["new"] = {"type": {"key": "integer", "min": 0}}
    del schema["tables"]["A"]["columns"]["r"]
    with Server("ours", SCHEMA) as s:
        aware, plain = Client(s.sock), Client(s.sock)
        aware.call("set_db_change_aware", [True])
        for c in (aware, plain):
            c.call("monitor", ["T", "m", {"A": {}}])
        Client(s.sock).transact("T", {"op": "insert", "table": "A", "row": {"s": "kept", "r": 1.5}})
        assert Client(s.sock).call("convert", ["T", schema]) ["result"] == {}
        messages = [aware.receive() for _ in range(2)]
        assert messages[1] == {"id": None, "method": "monitor_canceled", "params": ["m"]}
        while plain.receive() is not None:
            pass
        c = Client(s.sock)
        assert c.call("get_schema", ["T"])["result"]["version"] == "1.3.0"
        assert c.transact("T", {"op": "select", "table": "A", "where": [], "columns": ["s", "new"]})[0]["rows"] == [
            {"s": "kept", "new": ["set", []]}]
        s.stop()
        s.start()
        assert len(Client(s.sock).transact("T", {"op": "select", "table": "A", "where": []})[0]["rows"]) == 1


@needs_reference
def test_the_schema_looks_the_same_to_a_client():
    with Server("ours") as ours, Server("reference") as theirs:
        for db in ("Open_vSwitch", "_Server"):
            assert Client(ours.sock).call("get_schema", [db])["result"] == Client(theirs.sock).call("get_schema", [db])["result"]


@needs_reference
def test_files_are_locked_against_each_other():
    with Server("ours", SCHEMA) as ours:
        out = subprocess.run(["ovsdb-tool", "compact", ours.file], capture_output=True, text=True)
        assert out.returncode and "lock" in out.stderr
    with Server("reference", SCHEMA) as theirs:
        out = tool("ovsdb-tool", "compact", theirs.file)
        assert out.returncode and "lock" in out.stderr


def test_managers_from_the_database():
    with Server("ours", remotes=["db:Open_vSwitch,Open_vSwitch,manager_options"]) as s:
        assert tool("ovs-vsctl", "--db=" + s.remote, "--no-wait", "set-manager", "punix:" + s.dir + "/second.sock").returncode == 0
        for _ in range(50):
            if os.path.exists(s.dir + "/second.sock"):
                break
            time.sleep(0.05)
        c = Client(s.dir + "/second.sock")
        assert "Open_vSwitch" in c.call("list_dbs", [])["result"]
        tool("ovs-vsctl", "--db=" + s.remote, "--no-wait", "del-manager")
        assert c.receive() is None
