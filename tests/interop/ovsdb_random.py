#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random schemas, and random transactions, right and wrong, on each, sent to our server and to the reference's: what each
answers, what a monitor of everything is told, and what is in the database afterwards must be the same; so must what each
makes of the other's file.

usage: ovsdb_random.py [SEED [SCHEMAS [TRANSACTIONS]]]"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from ovsdb_util import SLUICE, Client, Server  # noqa: E402

WORDS = ["a", "b", "cd", "efg", "häß", "\U0001f600x", "", "with space", "q\"uote", "new\nline", "0123456789" * 3]
INTEGERS = [0, 1, 2, 3, 5, 7, -1, -7, 10, 100, 2**31, -2**31, 2**63 - 1, -2**63]
REALS = [0, 1, -1.5, 0.1, 2.5, 1e10, -3.25, 1e300, 3]


class World:
    """A schema, and what is known of its rows."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.tables = {}
        names = ["T%d" % i for i in range(self.r.randint(2, 4))]
        self.names = names
        self.roots = self.r.random() < .8
        for t in names:
            self.tables[t] = self.table(t)
        self.rows = {t: [] for t in names}

    # Schemas.

    def base(self, atomic):
        r, base = self.r, {"type": atomic}
        roll = r.random()
        if atomic == "uuid":
            if roll < .85:
                base["refTable"] = r.choice(self.names)
                if r.random() < .5:
                    base["refType"] = r.choice(["weak", "strong", "weak"])
        elif roll < .2:
            n = r.randint(1, 4)
            values = r.sample({"integer": INTEGERS[:8], "real": REALS[:6], "string": WORDS[:7], "boolean": [True, False]}[atomic],
                              min(n, 2))
            base["enum"] = ["set", values] if len(values) != 1 or r.random() < .5 else values[0]
        elif roll < .5:
            if atomic == "integer":
                base.update(r.choice([{"minInteger": 0}, {"maxInteger": 10}, {"minInteger": -5, "maxInteger": 5}]))
            elif atomic == "real":
                base.update(r.choice([{"minReal": 0}, {"maxReal": 10}, {"minReal": -5.5, "maxReal": 5}]))
            elif atomic == "string":
                base.update(r.choice([{"minLength": 2}, {"maxLength": 3}, {"minLength": 1, "maxLength": 4}]))
        return atomic if base == {"type": atomic} and r.random() < .5 else base

    def type(self):
        r = self.r
        atomic = lambda *w: r.choices(["integer", "real", "boolean", "string", "uuid"], w)[0]  # noqa: E731
        key = self.base(atomic(3, 2, 1, 4, 4))
        roll = r.random()
        if roll < .35:
            return key if isinstance(key, str) or r.random() < .02 else {"key": key}
        t = {"key": key, "min": r.choice([0, 0, 0, 1]), "max": r.choice([1, 2, 3, "unlimited", "unlimited"])}
        if roll < .6:
            t["value"] = self.base(atomic(3, 2, 1, 4, 3))
        return t

    def table(self, name):
        r = self.r
        columns = {}
        for i in range(r.randint(2, 6)):
            column = {"type": self.type()}
            if r.random() < .12:
                column["mutable"] = r.random() < .3
            if r.random() < .12:
                column["ephemeral"] = True
            columns["c%d" % i] = column
        table = {"columns": columns}
        if r.random() < .6:
            table["isRoot"] = r.random() < .85
        if r.random() < .15:
            table["maxRows"] = r.choice([1, 3, 6])
        stable = [c for c in columns if not columns[c].get("ephemeral")]
        if r.random() < .4 and stable:
            table["indexes"] = [r.sample(stable, min(len(stable), r.choice([1, 1, 2]))) for _ in range(r.choice([1, 1, 2]))]
        return table

    def schema(self):
        return {"name": "T", "version": "1.0.0", "tables": self.tables}

    # Values.

    def uuid(self):
        return "%08x-%04x-4%03x-8%03x-%012x" % tuple(self.r.getrandbits(n) for n in (32, 16, 12, 12, 48))

    def atom(self, base):
        r = self.r
        base = {"type": base} if isinstance(base, str) else base
        kind = base["type"]
        if "enum" in base and r.random() < .85:
            e = base["enum"]
            return r.choice(e[1]) if isinstance(e, list) and e and e[0] == "set" else e
        if kind == "integer":
            lo, hi = base.get("minInteger", -3), base.get("maxInteger", 12)
            return r.choice(INTEGERS) if r.random() < .15 else r.randint(min(lo, hi), max(lo, hi))
        if kind == "real":
            return r.choice(REALS) if r.random() < .3 else r.randint(-8, 12) / 2
        if kind == "boolean":
            return r.random() < .5
        if kind == "string":
            return r.choice(WORDS) if r.random() < .6 else r.choice("abcdefgh") * r.randint(0, 4)
        table = base.get("refTable")
        named = [n for n, t in self.symbols.items() if t == table or not table]
        roll = r.random()
        if named and roll < .4:
            return ["named-uuid", r.choice(named)]
        if table and self.rows[table] and roll < .93:
            return ["uuid", r.choice(self.rows[table])]
        return ["uuid", self.uuid()]

    def value(self, type, wild=.03):
        r = self.r
        if r.random() < wild:
            return r.choice([None, {}, [], ["set", 1], ["map", []], 1.5, "", ["set", [1, 1]], True, ["uuid", "x"], ["map", [["a", 1], ["a", 2]]],
                             ["set", [["named-uuid", "row1"]]], ["named-uuid", "1x"], 12345678901234567890, ["map", [["a"]]], "x" * 40])
        type = {"key": type} if isinstance(type, str) or "key" not in type else type
        hi = type.get("max", 1)
        n = r.choice([type.get("min", 1), 1, 1, 2, 3]) if hi != 1 else r.choice([type.get("min", 1), 1, 1])
        if hi != "unlimited" and r.random() < .9:
            n = min(n, hi)
        atoms = [self.atom(type["key"]) for _ in range(n)]
        if r.random() < .97:
            unique = []
            for a in atoms:
                if a not in unique:
                    unique.append(a)
            atoms = unique
        if "value" in type:
            return ["map", [[a, self.atom(type["value"])] for a in atoms]]
        return atoms[0] if len(atoms) == 1 and r.random() < .7 else ["set", atoms]

    def columns(self, t, lo, hi):
        names = sorted(self.tables[t]["columns"])
        return self.r.sample(names, self.r.randint(min(lo, len(names)), min(hi, len(names))))

    def row(self, t, lo, hi):
        row = {c: self.value(self.tables[t]["columns"][c]["type"]) for c in self.columns(t, lo, hi)}
        if self.r.random() < .01:
            row[self.r.choice(["nope", "_uuid", "_version"])] = self.r.choice([1, ["uuid", self.uuid()]])
        return row

    def where(self, t):
        r, clauses = self.r, []
        for _ in range(r.choice([0, 1, 1, 1, 2])):
            roll = r.random()
            if roll < .45 and self.rows[t]:
                clauses.append(["_uuid", r.choice(["==", "==", "!=", "includes", "excludes"]), ["uuid", r.choice(self.rows[t])]])
            elif roll < .48:
                clauses.append(r.choice([True, False, [], ["c0"], ["c0", "==", 1, 2], ["nope", "==", 1], "c0", ["_version", "!=", ["uuid", self.uuid()]]]))
            else:
                c = r.choice(sorted(self.tables[t]["columns"]))
                f = r.choice(["==", "==", "!=", "includes", "includes", "excludes", "<", "<=", ">", ">=", "foo"])
                clauses.append([c, f, self.value(self.tables[t]["columns"][c]["type"])])
        return clauses

    def mutation(self, t):
        r = self.r
        c = r.choice(sorted(self.tables[t]["columns"]))
        type = self.tables[t]["columns"][c]["type"]
        key = type.get("key", type) if isinstance(type, dict) else type
        kind = key if isinstance(key, str) else key["type"]
        if kind in ("integer", "real") and r.random() < .6:
            m = r.choice(["+=", "-=", "*=", "/=", "%="])
            v = r.choice([0, 1, 2, 3, -1, 10, 2**62, 0.5, ["set", [1, 2]], "x"] if r.random() < .2 else [1, 2, 3])
        else:
            m = r.choice(["insert", "delete", "insert", "delete", "insert", "+=", "nope"] if r.random() < .2 else ["insert", "delete"])
            v = self.value(type)
            if isinstance(type, dict) and "value" in type and m == "delete" and r.random() < .5:
                v = self.value({"key": type["key"], "min": 0, "max": "unlimited"})
        mutation = [c, m, v]
        if r.random() < .01:
            mutation = r.choice([[], [c], mutation + [1], [c, 1, v], ["nope", m, v], ["_uuid", m, v]])
        return mutation

    def operation(self):
        r = self.r
        t = r.choice(self.names)
        kind = r.choice(["insert"] * 6 + ["update"] * 3 + ["mutate"] * 4 + ["delete", "select", "select", "wait", "comment", "abort", "commit", "assert", "bogus"])
        if kind in ("abort", "assert", "bogus") and r.random() < .6:
            kind = "select"
        op = {"op": kind, "table": t}
        if r.random() < .005:
            op["table"] = r.choice(["nope", 1, None])
        if kind == "insert":
            if r.random() < .5:
                op["uuid-name"] = name = r.choice(["n1", "n2", "n3", "n4"])
                self.symbols.setdefault(name, t)
            op["row"] = self.row(t, 1, 6)
            op["uuid"] = self.uuid() if r.random() < .98 or not self.rows[t] else r.choice(self.rows[t])
            self.rows[t] = (self.rows[t] + [op["uuid"]])[-10:]
            return op
        if kind in ("update", "mutate", "delete", "select", "wait"):
            op["where"] = self.where(t)
        if kind == "update":
            op["row"] = self.row(t, 0, 3)
        elif kind == "mutate":
            op["mutations"] = [self.mutation(t) for _ in range(r.choice([1, 1, 2, 3]))]
        elif kind == "select":
            if r.random() < .8:
                op["columns"] = [*self.columns(t, 0, 3), *r.choice([[], ["_uuid"], ["_uuid", "_uuid"] if r.random() < .02 else [], ["nope"] if r.random() < .1 else []])]
        elif kind == "wait":
            op["timeout"] = r.choice([0, 0, 0, -1, "x"] if r.random() < .1 else [0])
            op["until"] = r.choice(["==", "!=", "<"] if r.random() < .1 else ["==", "!="])
            columns = self.columns(t, 1, 2)
            if r.random() < .9:
                op["columns"] = columns
            op["rows"] = [{c: self.value(self.tables[t]["columns"][c]["type"]) for c in columns} for _ in range(r.choice([0, 0, 1, 2]))]
        elif kind == "comment":
            op = {"op": "comment", "comment": r.choice(WORDS)}
        elif kind == "commit":
            op = {"op": "commit", "durable": r.random() < .7}
        elif kind == "abort":
            op = {"op": "abort"}
        elif kind == "assert":
            op = {"op": "assert", "lock": r.choice(["l", "x y", 5])}
        if r.random() < .01:
            op.pop(r.choice(sorted(op)))
        if r.random() < .005:
            op["extra"] = 1
        return op

    def transaction(self):
        self.symbols = {}
        txn = [self.operation() for _ in range(self.r.choice([1, 1, 2, 3, 4, 6]))]
        if self.r.random() < .005:
            txn.append(self.r.choice([1, [], None, "x", {}]))
        return txn


def clean(value):
    """Without versions; rows in one order; the reference may tell of a row that "modify" has nothing to say of."""
    if isinstance(value, dict):
        value = {k: clean(v) for k, v in value.items() if k != "_version"}
        value = {k: v for k, v in value.items() if v != {"modify": {}} and not (isinstance(v, dict) and v.get("old") == {})}
        value = {k: v for k, v in value.items() if v != {} or not k.startswith("T")}
        if isinstance(value.get("rows"), list):
            value["rows"] = sorted(value["rows"], key=lambda x: json.dumps(x, sort_keys=True))
        return value
    return [clean(v) for v in value] if isinstance(value, list) else value


def same_answer(x, y, txn):
    """Which of several things that are wrong is told is free: of one row's columns, of the checks at the end."""
    x, y = clean(x.get("result")), clean(y.get("result"))
    if x == y or x is None or y is None or len(x) != len(y):
        return x == y
    for i, (a, b) in enumerate(zip(x, y)):
        if a == b:
            continue
        if not (a and b and "error" in a and "error" in b):
            return False
        many = i == len(txn) or len(txn[i].get("row") or {}) > 1 or len(txn[i].get("rows") or []) > 0 or len(set(txn[i]) - {"op"}) > 4
        many = many or (txn[i].get("op") == "insert" and a["error"] == b["error"] == "constraint violation")  # of a default
        if i == len(txn) and a["error"] == b["error"]:
            continue  # which row, which column
        if i == len(txn) and {a["error"], b["error"]} <= {"referential integrity violation", "constraint violation"}:
            continue
        if not many:
            return False
    return True


def content(client, tables):
    return clean(client.transact("T", *[{"op": "select", "table": t, "where": []} for t in tables]))


def one(seed, n):
    world, problems = World(seed), []
    with tempfile.NamedTemporaryFile("w", suffix=".ovsschema") as f:
        json.dump(world.schema(), f)
        f.flush()
        texts = [subprocess.run([*p, "schema-version", f.name], capture_output=True, text=True) for p in (["ovsdb-tool"], [SLUICE, "ovsdb-tool"])]
        if texts[0].returncode or texts[1].returncode:
            if texts[0].returncode != texts[1].returncode or texts[0].stderr.split("ovsdb-tool: ")[-1] != texts[1].stderr.split("ovsdb-tool: ")[-1]:
                problems.append(f"schema: {texts} {json.dumps(world.schema())}")
            return problems, 0
        with Server("ours", f.name) as ours, Server("reference", f.name) as theirs:
            clients = [Client(s.sock) for s in (ours, theirs)]
            everything = {t: [{}] for t in world.names}
            watchers = [Client(s.sock) for s in (ours, theirs)]
            for w in watchers:
                w.call(*(("monitor", ["T", 1, everything]) if seed % 2 else ("monitor_cond", ["T", 1, everything])))
            done = 0
            for i in range(n):
                txn = world.transaction()
                answers = [c.call("transact", ["T", *txn]) for c in clients]
                done += bool(answers[0] and answers[0].get("result") and all(isinstance(a, dict) and "error" not in a for a in answers[0]["result"]))
                if answers[0] is None or answers[1] is None:
                    problems.append(f"{i}: closed {answers} {json.dumps(txn)}")
                    break
                if not same_answer(*answers, txn):
                    problems.append(f"{i}: {json.dumps(txn)}\n  ours      {json.dumps(answers[0])}\n  reference {json.dumps(answers[1])}")
                told = []
                for w in watchers:
                    w.call("echo", [i])
                    updates = (clean(m) for m in w.notifications)
                    told.append(sorted(json.dumps(m, sort_keys=True) for m in updates if m["params"][-1]))
                if told[0] != told[1]:
                    problems.append(f"{i}: {json.dumps(txn)}\n  ours tells      {told[0]}\n  reference tells {told[1]}")
                if problems:
                    break
            expected = content(clients[0], world.names)
            if not problems and expected != content(clients[1], world.names):
                problems.append("the contents differ")
            for s in (ours, theirs):
                s.stop()
            lasting = lambda rows: [[{k: v for k, v in row.items() if not world.tables[t]["columns"].get(k, {}).get("ephemeral")}  # noqa: E731
                                     for row in table["rows"]] for t, table in zip(world.names, rows)]
            for s in (ours, theirs):
                # What the reference reads of its own may be less: see can_be_diff() in src/ovsdb/db_storage.c.
                for kind in ("ours", "reference") if s is ours else ("ours",):
                    with Server(kind, db=s.file) as again:
                        found = content(Client(again.sock), world.names)
                        if not problems and lasting(clean(found)) != lasting(expected) and sorted(map(str, lasting(found))) != sorted(map(str, lasting(expected))):
                            key = lambda rows: [sorted(json.dumps(x, sort_keys=True) for x in t) for t in rows]  # noqa: E731
                            if key(lasting(found)) != key(lasting(expected)):
                                problems.append(f"{kind} reads something else from {s.kind}'s file")
    if problems:
        problems.append(json.dumps(world.schema()))
    return problems, done


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    schemas = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    n = int(sys.argv[3]) if len(sys.argv) > 3 else 200
    differ = 0
    for s in range(seed, seed + schemas):
        problems, done = one(s, n)
        print(f"seed {s}: {done} of {n} committed" + "".join("\n" + p for p in problems), flush=True)
        differ += bool(problems)
    print(f"{differ} of {schemas} schemas differ")
    sys.exit(differ > 0)


if __name__ == "__main__":
    main()
