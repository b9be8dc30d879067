# SPDX-License-Identifier: Apache-2.0
"""A whole switch for the tests: our daemon, or the reference beside it, in a directory of its own, driven with
Debian's own ovs-vsctl and ovs-appctl. In a namespace of a `Net`, or where the test runs."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile

from netns import build_dir, wait_for

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
REFERENCE = "/usr/lib/openvswitch-switch/ovs-vswitchd"


class Switch:
    def __init__(self, net=None, *options):
        self.net = net
        self.options = options
        self.directory = tempfile.TemporaryDirectory(prefix="sluice-switch-")
        self.dir = pathlib.Path(self.directory.name)
        self.env = dict(os.environ, OVS_RUNDIR=str(self.dir), OVS_LOGDIR=str(self.dir), OVS_DBDIR=str(self.dir),
                        OVS_SYSCONFDIR=str(self.dir))
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):  # of a sanitizer build: close() reads the reports
            given = self.env.get(name)
            self.env[name] = f"{given + ':' if given else ''}log_path={self.dir}/sanitizer"
        self.start()

    def command(self, *argv, check=True, timeout=60):
        prefix = ["ip", "netns", "exec", self.net.full("sw")] if self.net else []
        result = subprocess.run(prefix + [str(a) for a in argv], env=self.env, capture_output=True, text=True,
                                timeout=timeout)
        if check:
            assert result.returncode == 0, f"{argv}: {result.stdout}{result.stderr}\n{self.log()}"
        return result

    def start(self):
        self.command(build_dir() / "sluiced", "--detach", "--no-chdir", "--pidfile", "--log-file", *self.options)

    def log(self):
        path = self.dir / "ovs-vswitchd.log"
        return path.read_text() if path.exists() else ""

    def pid(self, name="ovs-vswitchd"):
        try:
            return int((self.dir / f"{name}.pid").read_text())
        except FileNotFoundError:  # it may go between two looks
            return None

    def vsctl(self, text, check=True):
        return self.command("ovs-vsctl", "--timeout=20", *text.split(), check=check)

    def get(self, table, record, column):
        return self.vsctl(f"get {table} {record} {column}").stdout.strip()

    def appctl(self, *argv, check=True):
        target = str(self.dir / f"ovs-vswitchd.{self.pid()}.ctl")
        return self.command("ovs-appctl", "-t", target, *argv, check=check)

    def talk(self, *argv):
        """A command without ovs-appctl: (did it work, what was said). For those that ask much."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.dir / f"ovs-vswitchd.{self.pid()}.ctl"))
            s.sendall(json.dumps({"id": 0, "method": argv[0], "params": [str(a) for a in argv[1:]]}).encode())
            text = b""
            while True:
                text += s.recv(65536)
                try:
                    reply = json.loads(text)
                except ValueError:
                    continue
                failed = reply.get("error") is not None
                return not failed, reply["error"] if failed else reply["result"]

    def ask(self, *argv):
        return self.appctl(*argv).stdout

    def flows(self, *options):
        lines = self.ask("dpctl/dump-flows", *options).splitlines()
        return [line for line in lines if not line.startswith("flow-dump")]

    def kill(self):
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), "the daemon to die")

    def stop_process(self, name):
        pid = self.pid(name)
        if pid and alive(pid):
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not alive(pid), f"{name} to end")

    def stop(self):
        self.stop_process("ovs-vswitchd")

    def close(self):
        try:
            self.stop()
        finally:
            for name in ("ovs-vswitchd", "ovsdb-server"):  # only if it did not end as it should have
                pid = self.pid(name)
                if pid and alive(pid):
                    os.kill(pid, signal.SIGKILL)
            reports = [path.read_text() for path in self.dir.glob("sanitizer.*")]
            self.directory.cleanup()
        assert not reports, reports


class Reference(Switch):
    """Debian's Open vSwitch, the same way."""

    def start(self):
        database = self.dir / "conf.db"
        if not database.exists():
            self.command("ovsdb-tool", "create", database, SCHEMA)
        self.command("ovsdb-server", f"--remote=punix:{self.dir}/db.sock", "--no-chdir", "--pidfile", "--detach",
                     "--log-file", database)
        self.vsctl("--no-wait init")
        self.command(REFERENCE, "--no-chdir", "--pidfile", "--detach", "--log-file", *self.options,
                     f"unix:{self.dir}/db.sock")

    def stop(self):
        self.stop_process("ovs-vswitchd")
        self.stop_process("ovsdb-server")


def alive(pid):
    """Some thread of the process still runs: it holds locks and sockets until the last one is gone."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except FileNotFoundError:
        return False
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/stat") as stat:
                if stat.read().rpartition(")")[2].split()[0] not in "ZX":
                    return True
        except (FileNotFoundError, ProcessLookupError):  # this one went between two looks; others may be there
            pass
    return False
