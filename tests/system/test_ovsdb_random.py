# SPDX-License-Identifier: Apache-2.0
"""Random requests to both servers, compared reply by reply and update by update: monitors with conditions that change, locks,
malformed requests. SLUICE_LONG=N: N times as many."""
import json
import os
import sys

import pytest

from netns import wait_for
from ovsdb_util import Client, Server, REFERENCE, TOP
from test_ovsdb_server import Random, answers, canonical, content

SCHEMA = str(TOP / "tests/system/ovsdb_test.ovsschema")
sys.path.insert(0, str(TOP / "tests/interop"))
import ovsdb_random  # noqa: E402

LONG = int(os.environ.get("SLUICE_LONG", 1))
pytestmark = pytest.mark.skipif(not os.path.exists(REFERENCE), reason="no reference server")


class Requests(Random):
    """More than transactions: what a client may ask for besides."""

    def condition(self, table):
        r = self.r
        clauses = [r.choice([True, False])] if r.random() < 0.2 else []
        for _ in range(r.choice([1, 1, 2])):
            c = r.choice([c for c in self.COLUMNS[table] if c not in ("strong", "weak", "c", "b")])
            f = r.choice(["==", "!=", "includes", "excludes", "<", "<=", ">", ">="])
            clauses.append([c, f, self.column_value(table, c)])
        return clauses

    def monitor_requests(self, conditions=True):
        r, requests = self.r, {}
        for table in r.sample("ABC", r.randint(1, 3)):
            request = {}
            if r.random() < 0.7:
                request["columns"] = r.sample(self.COLUMNS[table], r.randint(0, len(self.COLUMNS[table])))
            if r.random() < 0.3:
                request["select"] = {k: r.random() < 0.5 for k in r.sample(["initial", "insert", "delete", "modify"], 2)}
            if conditions and r.random() < 0.7:
                request["where"] = self.condition(table)
            if r.random() < 0.03:
                request["nonsense"] = 1
            requests[table] = [request]
        if r.random() < 0.03:
            requests["Nope"] = [{}]
        return requests

    def change(self, requests):
        return {t: [{"where": self.condition(t)}] for t in requests if self.r.random() < 0.7}

    def odd(self):
        """A request that may be malformed."""
        r = self.r
        value = lambda: r.choice([None, 1, "x", [], {}, ["T"], True, ["T", {}], ["T", [], 1], "T", [["uuid"]]])  # noqa: E731
        method = r.choice(["transact", "monitor", "monitor_cond", "monitor_cond_since", "monitor_cond_change", "monitor_cancel",
                           "get_schema", "list_dbs", "lock", "unlock", "steal", "set_db_change_aware", "convert", "nonsense", "echo"])
        params = r.choice([[], ["T"], ["nope"], [value() for _ in range(r.randint(0, 4))], ["T", *[value() for _ in range(r.randint(0, 3))]]])
        if method == "transact" and r.random() < 0.5:
            op = self.operation()
            op.pop(r.choice(sorted(op)))
            if r.random() < 0.5:
                op[r.choice(["op", "table", "where", "row", "columns", "until", "rows", "timeout", "mutations", "uuid-name", "lock"])] = value()
            params = ["T", op]
        return method, params


def without_nothing(value):
    """The reference may tell of a row that changed in a column of a condition alone: {"modify": {}}."""
    if not isinstance(value, dict):
        return value
    value = {k: without_nothing(v) for k, v in value.items()}
    return {k: v for k, v in value.items() if v not in ({"modify": {}}, {})}


def told(client):
    messages = []
    for m in client.notifications:
        m = {**m, "params": [without_nothing(p) for p in m["params"]]}
        if m["params"][-1] != {}:
            messages.append(json.dumps(canonical(without_versions(m)), sort_keys=True))
    return sorted(messages)


def without_versions(value):
    if isinstance(value, dict):
        return {k: without_versions(v) for k, v in value.items() if k != "_version"}
    return [without_versions(v) for v in value] if isinstance(value, list) else value


def reply(message):
    return {k: canonical(without_versions(message.get(k))) for k in ("result", "error")}


@pytest.mark.parametrize("seed", range(3 * LONG))
def test_monitors_whose_conditions_change(seed):
    source = Requests(1000 + seed)
    with Server("ours", SCHEMA) as ours, Server("reference", SCHEMA) as theirs:
        clients, watchers = ([Client(s.sock) for s in (ours, theirs)] for _ in range(2))
        current = {}
        for n in range(150):
            source.names = {}
            roll = source.r.random()
            if roll < 0.10 and len(current) < 6:
                method = source.r.choice(["monitor", "monitor_cond", "monitor_cond_since"])
                requests = source.monitor_requests(method != "monitor")
                params = ["T", f"m{n}", requests] + (["00000000-0000-0000-0000-000000000000"] if method == "monitor_cond_since" else [])
                got = [reply(w.call(method, params)) for w in watchers]
                assert got[0] == got[1] or (got[0]["error"] and got[1]["error"]), (n, method, params)
                if not got[0]["error"] and method != "monitor":
                    current[f"m{n}"] = requests
            elif roll < 0.2 and current:
                name = source.r.choice(sorted(current))
                params = [name, name, source.change(current[name])]
                got = [(reply(w.call("monitor_cond_change", params)), told(w)) for w in watchers]
                assert got[0] == got[1] or (got[0][0]["error"] and got[1][0]["error"]), (n, params)
            elif roll < 0.23 and current:
                name = source.r.choice(sorted(current))
                current.pop(name)
                got = [reply(w.call("monitor_cancel", [name])) for w in watchers]
                assert got[0] == got[1]
            txn = source.transaction()
            for c in clients:
                c.transact("T", *txn)
            updates = []
            for w in watchers:
                assert w.call("echo", [n])["result"] == [n]
                updates.append(told(w))
            assert updates[0] == updates[1], (n, txn)
        assert content(clients[0]) == content(clients[1])


@pytest.mark.parametrize("seed", range(2 * LONG))
def test_locks(seed):
    source = Requests(2000 + seed)
    r = source.r
    with Server("ours", SCHEMA) as ours, Server("reference", SCHEMA) as theirs:
        pairs = [[Client(s.sock) for s in (ours, theirs)] for _ in range(3)]
        for n in range(150):
            pair = pairs[r.randrange(3)]
            lock = r.choice(["l1", "l2", "no good"])
            if r.random() < 0.5:
                request = (r.choice(["lock", "unlock", "steal"]), [lock])
            else:
                request = ("transact", ["T", {"op": "assert", "lock": lock}])
            got = [reply(c.call(*request)) for c in pair]
            assert got[0] == got[1], (n, request)
            for p in pairs:
                notices = []
                for c in p:
                    before = c.notifications if p is pair else []
                    c.call("echo", [])
                    notices.append(sorted(json.dumps(m) for m in before + c.notifications))
                assert notices[0] == notices[1], (n, request)
            if r.random() < 0.05:
                i = r.randrange(3)
                for c in pairs[i]:
                    c.close()
                for s in (ours, theirs):
                    wait_for(lambda: "sessions:2 " in s.ctl("memory/show") + " " or "sessions:2\n" in s.ctl("memory/show"), "the session's end")
                pairs[i] = [Client(s.sock) for s in (ours, theirs)]


def shape(message):
    """What a reply is, without the words of its details."""
    result, error = message.get("result"), message.get("error")
    if isinstance(result, list):
        result = [r["error"] if isinstance(r, dict) and "error" in r else canonical(r) for r in result]
    return result, error["error"] if isinstance(error, dict) else error


@pytest.mark.parametrize("seed", range(2 * LONG))
def test_malformed_requests(seed):
    source = Requests(3000 + seed)
    with Server("ours", SCHEMA) as ours, Server("reference", SCHEMA) as theirs:
        a, b = Client(ours.sock), Client(theirs.sock)
        for n in range(400):
            source.names = {}
            method, params = source.odd()
            if (method == "convert" and len(params) == 2) or (method.startswith("monitor") and len(params) < 3):
                continue  # that ends the reference's process
            if method == "transact" and any(isinstance(op, dict) and op.get("op") == "wait" and "timeout" not in op for op in params):
                continue  # that may wait for ever
            x, y = a.call(method, params, 3), b.call(method, params, 3)
            assert (x is None) == (y is None), (n, method, params)
            if x is None:
                a, b = Client(ours.sock), Client(theirs.sock)
                continue
            if json.dumps(x).find("uuid") < 0:
                assert shape(x) == shape(y), (n, method, params, x, y)
        assert [len(t["rows"]) for t in content(a)] == [len(t["rows"]) for t in content(b)]


@pytest.mark.parametrize("seed", range(1, 1 + 3 * LONG))
def test_random_schemas(seed):
    assert ovsdb_random.one(seed, 100)[0] == []


NUMBERS = ["12345678901234567890", "-9223372036854775809", "9223372036854775808", "-9223372036854775808", "123456789012345678901234567890", "1e15",
           "0.12345678901234567", "9007199254740993", "1e22", "-0", "1E+2", "100e-2", "2.5e-308", "0.1e1", "123456789012345678.5"]


def test_numbers_are_what_the_reference_makes_of_them(tmp_path):
    """Integers that no 64 bits hold are reals, not the nearest integer; reals are told with 15 digits, and kept with all."""
    schema = tmp_path / "n.ovsschema"
    schema.write_text(json.dumps({"name": "N", "version": "1.0.0", "tables": {"A": {"columns": {
        "i": {"type": "integer"}, "r": {"type": "real"}}, "isRoot": True}}}))
    with Server("ours", schema) as ours, Server("reference", schema) as theirs:
        for number in NUMBERS:
            got = []
            for s in (ours, theirs):
                c = Client(s.sock)
                for column in "ir":
                    c.send((f'{{"id":1,"method":"transact","params":["N",{{"op":"delete","table":"A","where":[]}},{{"op":"insert","table":"A",'
                            f'"uuid":"00000000-0000-4000-8000-000000000000","row":{{"{column}":{number}}}}},'
                            f'{{"op":"select","table":"A","where":[["{column}","==",{number}]],"columns":["{column}"]}}]}}').encode())
                    got.append(c.receive())
                c.close()
            assert got[:2] == got[2:], number
        c = Client(ours.sock)
        c.transact("N", {"op": "delete", "table": "A", "where": []}, {"op": "insert", "table": "A", "row": {"r": 1 / 3}})
        ours.kill()
        ours.start()
        where = [["r", "==", 1 / 3]]
        assert len(Client(ours.sock).transact("N", {"op": "select", "table": "A", "where": where})[0]["rows"]) == 1
