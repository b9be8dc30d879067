# SPDX-License-Identifier: Apache-2.0
"""Clients that flood, stall or send rubbish: told why, and dropped, and nobody else notices."""
import json
import re
import socket
import threading
import time

import pytest

from netns import wait_for
from ovsdb_util import Client, Server, TOP
from switch import Switch

SCHEMA = str(TOP / "tests/system/ovsdb_test.ovsschema")


class Neighbour:
    """Somebody else's client meanwhile: the longest that it waited for an answer."""

    def __init__(self, sock):
        self.client, self.worst, self.n, self.over = Client(sock), 0, 0, False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over:
            start = time.perf_counter()
            assert self.client.transact("T", {"op": "comment", "comment": "c"}) == [{}]
            self.worst = max(self.worst, time.perf_counter() - start)
            self.n += 1
            time.sleep(0.001)

    def end(self):
        self.over = True
        self.thread.join()
        self.client.close()
        assert self.n > 3
        return self.worst


# What RFC 8259 forbids, what JSON-RPC 1.0 does, and what nobody asked for; and what is said of it.
RUBBISH = [
    (b"rubbish", "invalid"), (b"{]", "expecting string"), (b'{"method": nope}', "invalid keyword"), (b'{"a":01}', "leading zeros"),
    (b"[" * 5000, "maximum nesting depth"), (b'{"method":"echo","params":[],"id":"\x01"}', "escaped"),
    (b'"\xff\xfe"', "UTF-8"), (b'"\xed\xa0\x80"', "UTF-8"), (b'"\xc0\xaf"', "UTF-8"), (b"[1,]", "beginning value"), (b"[+1]", "beginning value"),
    (b"[.5]", "beginning value"), (b"[1.]", "decimal point"), (b"[1e]", "exponent"), (b'["\\x"]', "escape"), (b'["\\ud800"]', "surrogate"),
    (b"{'a':1}", "expecting string"), (b"[NaN]", "invalid"), (b"[1e400]", "range"), (b'{"a":1,}', "expecting string"),
    (b"// x\n[]", "beginning value"), (b"\xef\xbb\xbf[]", "invalid"),
    (b'{"x":1}', "none of"), (b"[]", "not a JSON object"), (b'{"method":"transact","params":{"a":1},"id":1}', "must be JSON array"),
    (b'{"method":"echo","params":[],"id":1,"more":1}', "unexpected member"), (b'{"method":5,"params":[],"id":1}', "not a JSON string"),
    (b'{"id":7,"result":[],"error":null}', "nothing was asked")]


def test_rubbish_is_told_what_it_is():
    with Server("ours", SCHEMA) as s:
        good = Client(s.sock)
        good.send({"method": "hello", "params": [], "id": None})  # that is heard and forgotten, as by the reference
        for text, why in RUBBISH:
            bad = Client(s.sock)
            bad.send(b'{"method":"echo","params":["first"],"id":1}' + text + b" ")
            assert bad.receive(5)["result"] == ["first"], text
            message = bad.receive(5)
            assert message["method"] == "error" and message["id"] is None, (text, message)
            assert why in message["params"][0], (text, message)
            assert bad.receive(5) is None
            bad.close()
            assert good.call("echo", [1])["result"] == [1]
        wait_for(lambda: "sessions:1\n" in s.ctl("memory/show"), "the sessions to end")


def test_what_came_before_is_done_and_answered():
    with Server("ours", SCHEMA) as s:
        c = Client(s.sock)
        insert = b'{"method":"transact","params":["T",{"op":"insert","table":"A","row":{"s":"%d"}}],"id":%d}'
        c.send(insert % (1, 1) + insert % (2, 2) + b"]")
        got = [c.receive(5) for _ in range(4)]
        assert got[-1] is None
        assert sorted(m["id"] for m in got[:3] if m["id"]) == [1, 2] and [m["params"] for m in got[:3] if not m["id"]]
        assert len(Client(s.sock).transact("T", {"op": "select", "table": "A", "where": [], "columns": ["_uuid"]})[0]["rows"]) == 2


@pytest.mark.parametrize("flood", ["string", "values"])
def test_a_flood_is_told_why_and_ended(flood):
    with Server("ours", SCHEMA, dir="/dev/shm") as s:
        neighbour = Neighbour(s.sock)
        bad = Client(s.sock)
        piece = b"x" * (1 << 20) if flood == "string" else b"1," * (1 << 19)
        bad.send(b'{"method":"echo","id":1,"params":["' if flood == "string" else b'{"method":"echo","id":1,"params":[')
        try:
            for _ in range(100):
                bad.send(piece)
        except OSError:
            pass
        message = bad.receive(5)
        assert message["method"] == "error" and re.search(r"than the limit of \d+", message["params"][0])
        bad.close()
        assert neighbour.end() < 1  # under a loaded machine's noise; 10 ms by itself
        wait_for(lambda: "sessions" not in s.ctl("memory/show"), "the sessions to end")


def test_one_who_does_not_read_is_ended():
    """Updates pile up for him, to a limit; memory is given back."""
    with Server("ours", SCHEMA, dir="/dev/shm") as s:
        lazy, c = Client(s.sock), Client(s.sock)
        lazy.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.call("monitor", ["T", 1, {"B": {"columns": ["n"]}}])
        neighbour = Neighbour(s.sock)
        text = "z" * (1 << 20)
        c.transact("T", {"op": "insert", "table": "B", "uuid-name": "b", "row": {"n": "0"}},
                   {"op": "insert", "table": "A", "row": {"s": "x", "strong": ["named-uuid", "b"]}})
        for n in range(140):
            c.transact("T", {"op": "update", "table": "B", "where": [], "row": {"n": f"{text}{n}"}})
        wait_for(lambda: "sessions:2" in s.ctl("memory/show"), "the lazy one to be dropped")
        assert neighbour.end() < 1


def test_one_who_stops_in_the_middle_is_told_and_ended():
    switch = Switch(None, "--enable-dummy", "--disable-system")
    try:
        half, whole = (Client(f"{switch.dir}/db.sock") for _ in range(2))
        half.send(b'{"method":"echo","params":["')
        whole.call("echo", [])
        switch.ask("time/stop")
        switch.ask("time/warp", "20000", "2500")
        half.send(b"x")
        whole.call("echo", [])
        switch.ask("time/warp", "20000", "2500")
        half.send(b"x")  # he is slow, not gone
        whole.call("echo", [])
        switch.ask("time/warp", "40000", "2500")
        message = half.receive(5)
        assert message["method"] == "error" and "nothing more came of it for 30 s" in message["params"][0]
        switch.ask("time/warp", "5000", "1000")
        assert half.receive(5) is None
        assert whole.call("echo", [1])["result"] == [1], "one who says nothing at all may stay"
    finally:
        switch.close()


def test_a_half_open_tcp_client_is_noticed():
    """Over TCP the server asks whether anybody is there."""
    switch = Switch(None, "--enable-dummy", "--disable-system")
    try:
        switch.vsctl("set-manager ptcp:0:127.0.0.1")
        wait_for(lambda: "bound_port" in switch.get("manager", ".", "status"), "the port in the database")
        port = int(switch.get("manager", ".", "status:bound_port").strip('"'))
        silent, alive = socket.create_connection(("127.0.0.1", port)), Client.__new__(Client)
        alive.sock, alive.buffer, alive.id = socket.create_connection(("127.0.0.1", port)), "", 0
        alive.decoder = json.JSONDecoder()
        assert alive.call("echo", [1])["result"] == [1]
        switch.ask("time/stop")
        switch.ask("time/warp", "6000", "1000")
        probe = alive.receive(5)
        assert probe["method"] == "echo"
        alive.send({"id": probe["id"], "result": probe["params"], "error": None})
        alive.call("echo", [])
        switch.ask("time/warp", "6000", "500")
        silent.settimeout(5)
        while silent.recv(4096):
            pass
    finally:
        switch.close()


def test_a_thousand_clients_and_one_at_work():
    with Server("ours", SCHEMA, dir="/dev/shm") as s:
        neighbour = Neighbour(s.sock)
        clients = [Client(s.sock) for _ in range(1000)]
        for c in clients:
            c.send({"method": "monitor", "params": ["T", 1, {"C": {}}], "id": 0})
        for c in clients:
            assert c.receive()["id"] == 0
        clients[0].transact("T", {"op": "insert", "table": "C", "row": {"n": 1}}, {"op": "select", "table": "C", "where": []})
        for c in clients:
            c.send(b"]")
        for c in clients[1:]:
            while (message := c.receive()) is not None:
                assert message["method"] in ("update", "error")
        assert neighbour.end() < 2
        assert "sessions:2" in s.ctl("memory/show") or "sessions:1" in s.ctl("memory/show")
