# SPDX-License-Identifier: Apache-2.0
"""Network namespaces for the system tests: made for one test, gone after it whatever happened.

A `Net` has a namespace for the switch and any number of hosts, each joined to the switch by a veth pair on which no
offload is touched. Programs run in a namespace with run() (to the end) or start() (until the test's end).
"""
import json
import os
import pathlib
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def build_dir():
    return pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build"))


def relay_program():
    return os.environ.get("SLUICE_RELAY", str(build_dir() / "tests" / "bench" / "relay"))


def wait_for(condition, what, seconds=10):
    """Waits until condition() is true; what it returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"timed out waiting for {what}"
        time.sleep(0.02)


class Net:
    _count = 0

    def __init__(self):
        Net._count += 1
        self.prefix = f"slt{os.getpid()}x{Net._count}"
        self.namespaces = []
        self.processes = []
        self.dir = tempfile.TemporaryDirectory(prefix="sluice-test-")
        self.add_namespace("sw")

    # Namespaces and devices

    def full(self, ns):
        return f"{self.prefix}{ns}"

    def add_namespace(self, ns):
        subprocess.run(["ip", "netns", "add", self.full(ns)], check=True)
        self.namespaces.append(ns)
        self.run(ns, "ip link set lo up")

    def add_veth(self, host, device, mtu=1500, host_device="e0"):
        """DEVICE in the switch's namespace, HOST_DEVICE in HOST's; both up."""
        self.run("sw", f"ip link add {device} mtu {mtu} type veth peer name {host_device} mtu {mtu} "
                       f"netns {self.full(host)}")
        self.run("sw", f"ip link set {device} up")
        self.run(host, f"ip link set {host_device} up")

    def add_host(self, host, device, address=None, mtu=1500):
        self.add_namespace(host)
        self.add_veth(host, device, mtu)
        if address:
            self.run(host, f"ip addr add {address} dev e0")

    # Programs

    def run(self, ns, command, check=True, timeout=60, **kwargs):
        argv = command if isinstance(command, list) else command.split()
        result = subprocess.run(["ip", "netns", "exec", self.full(ns)] + argv, capture_output=True, text=True,
                                timeout=timeout, **kwargs)
        if check:
            assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
        return result

    def output(self, ns, command):
        return self.run(ns, command).stdout

    def start(self, ns, command, **kwargs):
        argv = command if isinstance(command, list) else command.split()
        process = subprocess.Popen(["ip", "netns", "exec", self.full(ns)] + argv, text=True, **kwargs)
        self.processes.append(process)
        return process

    def link(self, ns, device):
        return json.loads(self.output(ns, f"ip -d -j -s link show dev {device}"))[0]

    def ping(self, ns, address, count=1, *options):
        return self.run(ns, ["ping", "-n", "-q", "-c", str(count), "-i", "0.01", "-W", "1", *options, address],
                        check=False).returncode == 0

    def wait_ping(self, ns, address, *options):
        wait_for(lambda: self.ping(ns, address, 1, *options), f"{address} to answer {ns}")

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        for ns in self.namespaces:
            subprocess.run(["ip", "netns", "del", self.full(ns)], check=False)
        self.dir.cleanup()


class Relay:
    """tests/bench/relay between two ports, in the switch's namespace."""

    def __init__(self, net, first, second):
        self.lines = []
        self.process = net.start("sw", [relay_program(), first, second], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
        self.ready = self.line()

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def command(self, text):
        """The answer's lines. Lines that came by themselves before it are kept in `lines`."""
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        answer = []
        while True:
            line = self.line()
            assert line or self.process.poll() is None, "the relay ended"
            if line == ".":
                return answer
            if line.startswith(("gone ", "back ")):
                self.lines.append(line)
            else:
                answer.append(line)

    def status(self, name):
        return dict(line.partition(" ")[::2] for line in self.command(f"status {name}"))

    def drops(self):
        """{(port, reason): (received, to be sent)}"""
        result = {}
        for line in self.command("drops"):
            port, reason, _, rx, _, tx = line.split()
            result[port, reason] = (int(rx), int(tx))
        return result

    def has_said(self, line):
        self.command("drops")
        return line in self.lines

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()
