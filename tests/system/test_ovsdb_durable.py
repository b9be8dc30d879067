# SPDX-License-Identifier: Apache-2.0
"""What was answered is on the disk: the trace of what our server does to its file, cut at every point, with all that a
power loss may make of what was not synced; disks that fail and that are full; locks; compaction by itself."""
import contextlib
import hashlib
import json
import os
import pathlib
import random
import re
import subprocess
import threading
import time

import pytest

from netns import build_dir, wait_for
from ovsdb_util import Client, Server, REFERENCE, SLUICE, TOP, VSWITCH_SCHEMA, tool
from switch import Switch

SCHEMA = str(TOP / "tests/system/ovsdb_test.ovsschema")


@pytest.fixture(scope="module")
def io_trace(tmp_path_factory):
    library = tmp_path_factory.mktemp("io") / "io_trace.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, TOP / "tests/system/io_trace.c", "-ldl"], check=True)
    return library


@pytest.fixture
def stack():
    with contextlib.ExitStack() as s:
        yield s


def daemon(tmp_path, library, **env):
    """sluiced in the foreground with a database of its own, under the eyes of io_trace.so."""
    env = {**os.environ, **{v: str(tmp_path) for v in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")},
           "LD_PRELOAD": str(library), "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0", **env}
    process = subprocess.Popen([build_dir() / "sluiced", "--enable-dummy", "--disable-system", "--pidfile", "--log-file",
                                "-vconsole:off"], env=env)
    wait_for(lambda: (tmp_path / "db.sock").exists(), "the database's socket")
    return process


def end(process):
    process.terminate()
    assert process.wait(20) in (0, -15)


def ctl(tmp_path, process, *args):
    return subprocess.run(["ovs-appctl", "-t", f"{tmp_path}/ovsdb-server.{process.pid}.ctl", *args], capture_output=True, text=True,
                          check=True).stdout


class Disk:
    """What the disk holds, and what it may hold: names and contents are durable as far as they were synced."""

    def __init__(self):
        self.data, self.pending = {}, {}  # inode -> bytes; -> operations since its last sync
        self.names, self.pending_names = {}, []

    def apply(self, op):
        kind, *rest = op
        if kind == "create":
            self.data[rest[0]], self.pending[rest[0]] = b"", []
            self.pending_names.append(("link", rest[1], rest[0]))
        elif kind in ("write", "truncate"):
            self.pending[rest[0]].append((kind, *rest[1:]))
        elif kind == "sync":
            self.data[rest[0]] = self.content(rest[0], self.pending[rest[0]])
            self.pending[rest[0]] = []
        elif kind in ("rename", "unlink"):
            self.pending_names.append((kind, *rest))
        elif kind == "dirsync":
            self.names = self.tree(self.pending_names)
            self.pending_names = []

    def tree(self, ops):
        names = dict(self.names)
        for kind, *rest in ops:
            if kind == "link":
                names[rest[0]] = rest[1]
            elif kind == "rename":
                names[rest[1]] = names.pop(rest[0])
            else:
                names.pop(rest[0], None)
        return names

    def content(self, inode, ops):
        data = bytearray(self.data[inode])
        for kind, *rest in ops:
            if kind == "truncate":
                del data[rest[0]:]
                data.extend(bytes(rest[0] - len(data)))
            else:
                offset, piece = rest
                data.extend(bytes(max(0, offset + len(piece) - len(data))))
                data[offset:offset + len(piece)] = piece
        return bytes(data)

    def torn(self, ops):
        """What may have happened of OPS: nothing, all, a part of the last, all but the first, some."""
        yield []
        if not ops:
            return
        yield ops
        yield ops[:-1]
        yield ops[1:]
        for cut in (1, 2, 3):
            if ops[-1][0] == "write":
                kind, offset, piece = ops[-1]
                yield ops[:-1] + [(kind, offset, piece[:len(piece) * cut // 4])]
                yield ops[:-1] + [(kind, offset, bytes(len(piece) // 2) + piece[len(piece) // 2:])]
        yield [op for i, op in enumerate(ops) if (i * 7) % 3]

    def images(self, path):
        for n in {0, len(self.pending_names), len(self.pending_names) // 2}:
            inode = self.tree(self.pending_names[:n]).get(path)
            if inode is None:
                yield None
                continue
            for ops in self.torn(self.pending[inode]):
                yield self.content(inode, ops)


def read_trace(path):
    for line in path.read_text().splitlines():
        kind, *rest = line.split(" ")
        if kind == "write":
            yield kind, int(rest[0]), int(rest[1]), bytes.fromhex(rest[2])
        elif kind == "truncate":
            yield kind, int(rest[0]), int(rest[1])
        elif kind == "create":
            yield kind, int(rest[0]), rest[1]
        elif kind == "sync":
            yield kind, int(rest[0])
        elif kind == "send":
            yield kind, bytes.fromhex(rest[0]).decode("utf-8", "replace")
        else:
            yield (kind, *rest)


def queues(server, path):
    """The transactions that are in a database file: each made two rows of Queue, which must be there together."""
    select = {"op": "select", "table": "Queue", "where": [], "columns": ["_uuid", "external_ids"]}
    ids = [dict(r["external_ids"][1])["n"] for r in server.peek(path, "Open_vSwitch", select)[0]["rows"]]
    assert all(ids.count(n) == 2 for n in ids), "half a transaction"
    return set(ids)


def test_every_answered_commit_is_there_wherever_the_trace_is_cut(tmp_path, io_trace, stack):
    trace, path = tmp_path / "trace", str(tmp_path / "conf.db")
    each = int(os.environ.get("SLUICE_LONG", 4))  # 12: 30 s
    process = daemon(tmp_path, io_trace, IO_TRACE=str(trace), IO_TRACE_PREFIX=path)

    def work(first):
        c = Client(str(tmp_path / "db.sock"))
        for n in range(first, first + each):
            row = {"external_ids": ["map", [["n", f"T{n}"]]]}
            c.send({"id": f"T{n}", "method": "transact", "params": ["Open_vSwitch", *[{"op": "insert", "table": "Queue", "row": row}] * 2]})
            while c.receive().get("id") != f"T{n}":
                pass
        c.close()

    for round_number in range(3):
        threads = [threading.Thread(target=work, args=(round_number * 100 + k * 20,)) for k in range(4)]
        for t in threads:
            t.start()
        if round_number:
            ctl(tmp_path, process, "ovsdb-server/compact")
        for t in threads:
            t.join()
        wait_for(lambda: trace.read_text().count("rename ") == round_number + 1, "a compaction")  # and what made the file
    work(900)
    end(process)

    disk, answered, seen = Disk(), set(), {}
    ops = list(read_trace(trace))
    assert sum(op[0] == "write" for op in ops) > sum(op[0] == "sync" for op in ops), "no commits were grouped"
    reader = stack.enter_context(Server("ours", SCHEMA))
    for op in ops:
        if op[0] == "send":
            answered |= {n for n in re.findall(r'"id":"(T\d+)","result":\[\{"uuid"', op[1])}
            continue
        disk.apply(op)
        for image in disk.images(path):
            if image is None or not image.count(b"\n") > 1:
                assert not answered, "the file is not there"
                continue
            digest = hashlib.sha1(image).digest()
            if digest not in seen:
                (tmp_path / "image.db").write_bytes(image)
                seen[digest] = queues(reader, tmp_path / "image.db")
            assert answered <= seen[digest], (op, answered - seen[digest])
    assert len(answered) == 13 * each and len(seen) > 20 * each


def test_no_commit_is_answered_while_the_disk_fails(tmp_path, io_trace):
    fail = tmp_path / "fail"
    process = daemon(tmp_path, io_trace, IO_TRACE_PREFIX=str(tmp_path / "conf.db"), IO_FAIL=str(fail))
    sock = str(tmp_path / "db.sock")
    watcher, c, other = Client(sock), Client(sock), Client(sock)
    insert = {"op": "insert", "table": "Queue", "row": {"external_ids": ["map", [["n", "T1"]]]}}
    assert "uuid" in c.transact("Open_vSwitch", insert)[0]
    watcher.call("monitor", ["Open_vSwitch", 1, {"Queue": {"columns": ["external_ids"]}}])
    fail.touch()
    c.send({"id": "held", "method": "transact", "params": ["Open_vSwitch", insert]})
    for client in (c, watcher):
        with pytest.raises(TimeoutError):
            client.receive(0.4)
    # Somebody else is told, and so is the operator; the switch goes on.
    error = other.call("transact", ["Open_vSwitch", insert])["error"]
    assert error["error"] == "I/O error" and "not on the disk" in error["details"]
    assert "I/O error" in ctl(tmp_path, process, "ovsdb-server/get-db-storage-status", "Open_vSwitch")
    assert "in memory alone" in (tmp_path / "ovs-vswitchd.log").read_text()
    fail.unlink()
    assert "uuid" in c.receive(5)["result"][0]
    assert watcher.receive(5)["method"] == "update"
    assert ctl(tmp_path, process, "ovsdb-server/get-db-storage-status", "Open_vSwitch") == "status: ok\n"
    assert "uuid" in other.transact("Open_vSwitch", insert)[0]
    end(process)
    out = tool("ovsdb-tool", "query", str(tmp_path / "conf.db"), '["Open_vSwitch",{"op":"select","table":"Queue","where":[]}]')
    assert len(json.loads(out.stdout)[0]["rows"]) == 3


@pytest.fixture
def small_disk(tmp_path):
    where = tmp_path / "small"
    where.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "sluice-test", where]).returncode:
        pytest.skip("cannot mount")
    yield where
    subprocess.run(["umount", where], check=True)


def test_a_full_disk_fails_the_transaction_alone(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(400 << 10))
    with Server("ours", db=str(small_disk / "conf.db")) as s:
        c = Client(s.sock)
        c.call("monitor", ["Open_vSwitch", 1, {"Queue": {"columns": ["external_ids"]}}])
        kept, failed = 0, 0
        for n in range(40):
            result = c.transact("Open_vSwitch", {"op": "insert", "table": "Queue",
                                                 "row": {"external_ids": ["map", [["n", str(n)], ["x", "x" * 20000]]]}})
            if len(result) == 2:
                assert result[1] == {"error": "I/O error", "details": s.file + ": write failed", "io-error": "No space left on device"}
                assert not c.notifications
                failed += 1
            else:
                kept += 1
        assert kept > 5 and failed > 5
        # What takes little room works; compaction does not find room for a second file, and nothing is lost by that.
        where = [["external_ids", "includes", ["map", [["n", "0"]]]]]
        assert c.transact("Open_vSwitch", {"op": "delete", "table": "Queue", "where": where}) == [{"count": 1}]
        with pytest.raises(subprocess.CalledProcessError) as failure:
            s.ctl("ovsdb-server/compact")
        assert f"I/O error: {s.file}.tmp: write failed (No space left on device)" in failure.value.stderr
        assert not os.path.exists(s.file + ".tmp")
        assert c.call("echo", [1])["result"] == [1] and os.path.getsize(s.file) > 40000
        ballast.unlink()
        rest = {"op": "mutate", "table": "Queue", "where": [], "mutations": [["external_ids", "delete", ["set", ["x"]]]]}
        assert c.transact("Open_vSwitch", rest) == [{"count": kept - 1}]
        s.ctl("ovsdb-server/compact")
        assert os.path.getsize(s.file) < 40000
        assert "uuid" in c.transact("Open_vSwitch", {"op": "insert", "table": "Queue",
                                                     "row": {"external_ids": ["map", [["n", "again"], ["x", "x" * 20000]]]}})[0]
        s.kill()
        s.start()
        select = {"op": "select", "table": "Queue", "where": [], "columns": ["external_ids"]}
        rows = Client(s.sock).transact("Open_vSwitch", select)[0]["rows"]
        assert sorted(dict(r["external_ids"][1])["n"] for r in rows) == sorted([*map(str, range(1, kept)), "again"])


def test_compaction_by_itself_without_a_stall():
    """When ovsdb-server(1) says: over 10 MB and twice the last snapshot, 100 commits, 10 minutes."""
    switch = Switch(None, "--enable-dummy", "--disable-system")
    try:
        c, busy = Client(f"{switch.dir}/db.sock"), Client(f"{switch.dir}/db.sock")
        size = lambda: os.path.getsize(switch.dir / "conf.db")  # noqa: E731
        text = "y" * 100000
        switch.ask("time/stop")
        c.transact("Open_vSwitch", {"op": "insert", "table": "QoS", "row": {"type": "a"}})
        for n in range(98):
            c.transact("Open_vSwitch", {"op": "update", "table": "QoS", "where": [], "row": {"type": f"{text}{n}"}})
        switch.ask("time/warp", "700000", "100000")
        assert size() < 10 << 20 or size() > 5 << 20
        for n in range(20):
            c.transact("Open_vSwitch", {"op": "update", "table": "QoS", "where": [], "row": {"type": f"{text}{n}"}})
        assert size() > 10 << 20
        switch.ask("time/warp", "5000", "1000")
        wait_for(lambda: size() < 1 << 20, "the file to be compacted")
        # Not again before ten minutes have passed.
        for n in range(120):
            c.transact("Open_vSwitch", {"op": "update", "table": "QoS", "where": [], "row": {"type": f"{text}{n}"}})
        switch.ask("time/warp", "300000", "50000")
        assert size() > 10 << 20
        switch.ask("time/warp", "400000", "50000")
        wait_for(lambda: size() < 1 << 20, "the file to be compacted again")
        assert busy.call("echo", [1])["result"] == [1]
        assert c.transact("Open_vSwitch", {"op": "select", "table": "QoS", "where": [], "columns": ["type"]})[0]["rows"] == [
            {"type": text + "119"}]
    finally:
        switch.close()


def contents(text):
    """Of a database as `dump` or `query` give it: rows of Queue, which are n -> text."""
    return sorted(sorted(dict(r["external_ids"][1]).items()) for r in text)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_committed_during_a_compaction(seed):
    """Rows that change, come and go while the rest is written: the file is as memory is, for both who read it."""
    rng = random.Random(seed)
    row = lambda n: {"external_ids": ["map", [["n", str(n)], ["x", f"{rng.getrandbits(300):x}"]]]}  # noqa: E731
    with Server("ours", dir="/dev/shm") as s:
        c = Client(s.sock)
        numbers = list(range(6000))
        answer = c.transact("Open_vSwitch", *({"op": "insert", "table": "Queue", "row": row(n)} for n in numbers))
        ids = {n: [["_uuid", "==", a["uuid"]]] for n, a in zip(numbers, answer)}
        for _ in range(3):
            compaction = subprocess.Popen(["ovs-appctl", "-t", s.dir + "/ctl", "ovsdb-server/compact"])
            while compaction.poll() is None:
                ops = []
                for gone in rng.sample(sorted(ids), 3):
                    ops.append({"op": "delete", "table": "Queue", "where": ids.pop(gone)})
                for m in rng.sample(sorted(ids), 6):
                    ops.append({"op": "update", "table": "Queue", "where": ids[m], "row": row(m)})
                numbers = [max(ids) + 1 + i for i in range(rng.choice((0, 3, 300)))]
                ops += [{"op": "insert", "table": "Queue", "row": row(n)} for n in numbers]
                answer = c.transact("Open_vSwitch", *ops)
                ids.update((n, [["_uuid", "==", a["uuid"]]]) for n, a in zip(numbers, answer[9:]))
            assert compaction.returncode == 0
        select = ["Open_vSwitch", {"op": "select", "table": "Queue", "where": [], "columns": ["external_ids"]}]
        memory = contents(c.transact(*select)[0]["rows"])
        assert len(memory) == len(ids)
        s.kill()
        theirs = subprocess.run(["ovsdb-tool", "query", s.file, json.dumps(select)], capture_output=True, text=True, check=True)
        assert contents(json.loads(theirs.stdout)[0]["rows"]) == memory
        s.start()
        assert contents(Client(s.sock).transact(*select)[0]["rows"]) == memory


def test_a_link_to_nowhere(tmp_path):
    """conf.db may be a link whose target is not there yet: it is made there, and the link stays."""
    real, link = tmp_path / "real" / "database", tmp_path / "conf.db"
    real.parent.mkdir()
    link.symlink_to("real/database")
    env = {**os.environ, **{v: str(tmp_path) for v in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")}}
    for _ in range(2):
        process = subprocess.Popen([build_dir() / "sluiced", "--enable-dummy", "--disable-system", "-vconsole:off"], env=env)
        wait_for(lambda: (tmp_path / "db.sock").exists(), "the database's socket")
        assert (real.parent / ".database.~lock~").exists(), "the lock is beside the file itself"
        ctl(tmp_path, process, "ovsdb-server/compact")
        Client(str(tmp_path / "db.sock")).transact("Open_vSwitch", {"op": "insert", "table": "Queue", "row": {}})
        end(process)
    assert link.is_symlink() and os.readlink(link) == "real/database"
    out = subprocess.run(["ovsdb-tool", "query", link, '["Open_vSwitch",{"op":"select","table":"Queue","where":[]}]'],
                         capture_output=True, text=True, check=True)
    assert len(json.loads(out.stdout)[0]["rows"]) == 2


OLD_ROWS = ["Open_vSwitch", {"op": "insert", "table": "Open_vSwitch", "row": {"bridges": ["named-uuid", "b"]}},
            {"op": "insert", "table": "Bridge", "uuid-name": "b", "row": {"name": "br0", "datapath_type": "dummy", "other_config": ["map", [["gone", "x"]]]}}]


@pytest.mark.parametrize("version, upgraded", [("8.0.0", True), ("8.10.0", False), ("", False)])
def test_a_database_of_an_older_version(tmp_path, version, upgraded):
    """The daemon brings it to its own schema, and keeps a copy; one of a newer version, or of none, it takes as it is."""
    schema = json.loads(pathlib.Path(VSWITCH_SCHEMA).read_text())
    schema["version"] = version
    schema.pop("cksum")
    if not version:
        schema.pop("version")
    del schema["tables"]["Port"]["columns"]["protected"]
    schema["tables"]["Bridge"]["columns"]["was_there"] = {"type": "string"}
    (tmp_path / "schema").write_text(json.dumps(schema))
    file, db = tmp_path / "conf.db", f"unix:{tmp_path}/db.sock"
    subprocess.run(["ovsdb-tool", "create", file, tmp_path / "schema"], check=True)
    subprocess.run(["ovsdb-tool", "transact", file, json.dumps(OLD_ROWS)], check=True, stdout=subprocess.DEVNULL)
    old = file.read_bytes()
    env = {**os.environ, **{name: str(tmp_path) for name in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")}}
    sluiced = build_dir() / "sluiced"
    for start in range(2):
        subprocess.run([sluiced, "--enable-dummy=override", "--detach", "--no-chdir", "--pidfile", "--log-file"], env=env, check=True)
        try:
            assert subprocess.run(["ovs-vsctl", "--db=" + db, "--timeout=20", "list-br"], capture_output=True, text=True).stdout == "br0\n"
            said = subprocess.run(["ovsdb-client", "get-schema-version", db], capture_output=True, text=True, check=True).stdout
            assert said == ("8.3.1" if upgraded else version) + "\n"
            r = subprocess.run(["ovs-vsctl", "--db=" + db, "--timeout=20", "add-port", "br0", f"p{start}", "protected=true"], capture_output=True)
            assert (r.returncode == 0) == upgraded
        finally:
            pid = int((tmp_path / "ovs-vswitchd.pid").read_text())
            os.kill(pid, 15)
            for _ in range(500):
                if not os.path.exists(f"/proc/{pid}"):
                    break
                time.sleep(.02)
    copies = list(tmp_path.glob("conf.db.backup*"))
    assert [c.name.startswith("conf.db.backup8.0.0-") for c in copies] == ([True] if upgraded else [])
    assert not copies or copies[0].read_bytes() == old
    log = (tmp_path / "ovs-vswitchd.log").read_text()
    assert log.count("upgraded from schema version 8.0.0 to 8.3.1; what it was is in") == upgraded
