# SPDX-License-Identifier: Apache-2.0
"""Database servers for the tests, ours and the reference's, and a client that says exactly what it is told to say."""
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
SLUICE = os.environ.get("SLUICE", str(TOP / "build" / "sluice"))
REFERENCE = "/usr/sbin/ovsdb-server"
VSWITCH_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


def tool(name, *args, **kw):
    """Runs one of our tools by the name of the reference's."""
    words = {"ovs-vsctl": ["vsctl"]}.get(name, [name])
    return subprocess.run([SLUICE, *words, *args], capture_output=True, text=True, **kw)


class Server:
    """`with Server("ours") as s:` a server in a directory of its own; ended when the block is."""

    def __init__(self, kind, schema=VSWITCH_SCHEMA, db=None, remotes=(), dir=None):
        self.kind, self.schema, self.db, self.remotes, self.parent = kind, schema, db, remotes, dir
        self.process = None

    def __enter__(self):
        self.tmp = tempfile.TemporaryDirectory(prefix="ovsdb-test-", dir=self.parent)
        self.dir = self.tmp.name
        self.sock = self.dir + "/db.sock"
        self.file = self.db or self.dir + "/conf.db"
        if not os.path.exists(self.file):
            subprocess.run(["ovsdb-tool", "create", self.file, self.schema], check=True)
        self.start()
        return self

    def start(self):
        program = [REFERENCE] if self.kind == "reference" else [SLUICE, "ovsdb-server"]
        env = {**os.environ, "OVS_RUNDIR": self.dir}
        self.process = subprocess.Popen(
            [*program, "--remote=punix:" + self.sock, *["--remote=" + r for r in self.remotes],
             "--unixctl=" + self.dir + "/ctl", "-vconsole:off", self.file],
            env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                Client(self.sock).close()
                return
            except OSError:
                assert self.process.poll() is None, "the server has ended"
                time.sleep(0.02)
        raise AssertionError("the server does not listen")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def peek(self, file, db, *operations):
        """What a server that takes FILE on answers: a torn tail is nothing to it."""
        for method, params in (("ovsdb-server/add-db", [str(file)]), ("transact", None), ("ovsdb-server/remove-db", [db])):
            c = Client(self.dir + "/ctl" if params else self.sock)
            reply = c.call(method, params or [db, *operations])
            c.close()
            assert not reply["error"], reply
            result = reply["result"] if not params else result if method.endswith("remove-db") else None
        return result

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.stop()
        self.tmp.cleanup()

    @property
    def remote(self):
        return "unix:" + self.sock

    def ctl(self, *args):
        return subprocess.run(["ovs-appctl", "-t", self.dir + "/ctl", *args], capture_output=True, text=True, check=True).stdout


class Client:
    """JSON-RPC by hand."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.buffer = ""
        self.decoder = json.JSONDecoder()
        self.id = 0

    def close(self):
        self.sock.close()

    def send(self, message):
        self.sock.sendall(message if isinstance(message, bytes) else json.dumps(message).encode())

    def receive(self, timeout=10):
        """The next message; None if the server has closed."""
        self.sock.settimeout(timeout)
        while True:
            text = self.buffer.lstrip()
            if text:
                try:
                    message, end = self.decoder.raw_decode(text)
                    self.buffer = text[end:]
                    return message
                except ValueError:
                    pass
            try:
                data = self.sock.recv(1 << 20)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.buffer += data.decode("utf-8", "replace")

    def call(self, method, params, timeout=10):
        """The reply; notifications that come before it are in `self.notifications`."""
        self.id += 1
        self.send({"method": method, "params": params, "id": self.id})
        self.notifications = []
        while True:
            message = self.receive(timeout)
            if message is None or message.get("id") == self.id:
                return message
            self.notifications.append(message)

    def transact(self, db, *operations):
        return self.call("transact", [db, *operations])["result"]
