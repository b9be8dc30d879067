# SPDX-License-Identifier: Apache-2.0
"""Controllers that others wrote: an application of os-ken, Debian's ovs-testcontroller, and Mininet, with real hosts."""
import os
import pathlib
import queue
import shutil
import subprocess
import threading

import pytest

from netns import build_dir, wait_for

HERE = pathlib.Path(__file__).resolve().parent
HOSTS = {"h1": "10.8.0.1", "h2": "10.8.0.2", "h3": "10.8.0.3"}


class Output:
    """What a program prints, as it comes."""

    def __init__(self, process):
        self.lines, self.queue = [], queue.Queue()
        threading.Thread(target=self.read, args=(process,), daemon=True).start()

    def read(self, process):
        for line in process.stdout:
            self.queue.put(line.rstrip())

    def has(self, start):
        while not self.queue.empty():
            self.lines.append(self.queue.get())
        return [line for line in self.lines if line.startswith(start)]


def connect_hosts(net, switch, port, settings="protocols=OpenFlow13 fail_mode=secure"):
    for i, (host, address) in enumerate(HOSTS.items()):
        net.add_host(host, f"v{i}", address + "/24")
    switch.vsctl(f"add-br br0 -- set bridge br0 {settings} other_config:disable-in-band=true")
    for i in range(len(HOSTS)):
        switch.vsctl(f"add-port br0 v{i}")
    switch.vsctl(f"set-controller br0 tcp:127.0.0.1:{port}")
    uuid = switch.vsctl("--bare --columns=_uuid list controller").stdout.strip()
    switch.vsctl(f"set controller {uuid} max_backoff=1000 inactivity_probe=1000")


def is_connected(switch):
    return switch.vsctl("--bare --columns=is_connected list controller").stdout.strip() == "true"


def osken(net, port, stdout=subprocess.PIPE, app="osken_switch.py", **env):
    return net.start("sw", ["/usr/bin/python3", "/usr/bin/osken-manager", "--ofp-tcp-listen-port", str(port),
                            str(HERE / app)], stdout=stdout, stderr=subprocess.STDOUT, env=dict(os.environ, **env))


def test_osken_learning_switch(net, switch):
    if not shutil.which("osken-manager"):
        pytest.skip("no os-ken")
    manager = osken(net, 6653)
    output = Output(manager)
    connect_hosts(net, switch, 6653)
    wait_for(lambda: output.has("connected"), "os-ken to see the switch", 20)
    assert output.has("connected")[0].split()[1] == switch.get("bridge", "br0", "datapath_id").strip('"')
    for a in HOSTS:
        for b in HOSTS:
            if a != b:
                assert net.ping(a, HOSTS[b], 2), (a, b, output.lines)
    assert len(output.has("learned")) >= 6
    dump = switch.command("ovs-ofctl", "-OOpenFlow13", "dump-flows", "br0").stdout
    assert dump.count("idle_timeout=60") >= 6, dump
    assert not [line for line in output.lines if "Traceback" in line or "Error" in line], output.lines
    # What happens to ports and rules is told.
    net.run("sw", "ip link set v2 down")
    wait_for(lambda: "port 2 v2" in output.has("port"), "the port's status")
    net.run("sw", "ip link set v2 up")
    switch.command("ovs-ofctl", "-OOpenFlow13", "del-flows", "br0", "in_port=v0")
    wait_for(lambda: output.has("removed 2 1"), "the removed rules")
    assert net.ping("h1", HOSTS["h2"], 2)
    # The controller is killed: what it has decided stays, and nobody decides anything new.
    manager.kill()
    manager.wait()
    wait_for(lambda: not is_connected(switch), "the connection to end")
    assert net.ping("h1", HOSTS["h2"])
    switch.command("ovs-ofctl", "-OOpenFlow13", "del-flows", "br0", "priority=1,in_port=v0", "--strict", check=False)
    switch.command("ovs-ofctl", "-OOpenFlow13", "del-flows", "br0")
    assert not net.ping("h1", HOSTS["h2"])
    # In standalone mode the switch takes over then, and gives back.
    switch.vsctl("set-fail-mode br0 standalone")
    wait_for(lambda: net.ping("h1", HOSTS["h2"]), "the switch to forward by itself", 8)
    output = Output(osken(net, 6653))
    wait_for(lambda: output.has("connected"), "os-ken again", 20)
    wait_for(lambda: "priority=15790320" not in switch.ask("bridge/dump-flows", "br0"), "the switch to give back")
    wait_for(lambda: net.ping("h1", HOSTS["h3"]) and output.has("learned"), "os-ken to do its work")


@pytest.mark.parametrize("version", ["1.0", "1.2", "1.4", "1.5"] if os.environ.get("SLUICE_LONG") else ["1.0", "1.5"])
def test_osken_in_each_version(net, switch, version):
    """By groups since 1.3, by bundles since 1.4; packet-ins bear the cookie of the rule that sent them."""
    if not shutil.which("osken-manager"):
        pytest.skip("no os-ken")
    output = Output(osken(net, 6653, app="osken_versions.py", OSKEN_VERSION=version))
    protocol = "OpenFlow" + version.replace(".", "")
    connect_hosts(net, switch, 6653, f"protocols={protocol} fail_mode=secure")
    wait_for(lambda: output.has("connected"), "os-ken to see the switch", 20)
    for a, b in (("h1", "h2"), ("h2", "h3")):
        wait_for(lambda: net.ping(a, HOSTS[b], 2), f"{a} to reach {b}")
    wait_for(lambda: len(output.has("learned")) >= 2, "os-ken to learn")
    dump = switch.command("ovs-ofctl", "-O", protocol, "dump-flows", "br0").stdout
    assert dump.count("cookie=0x99") >= 3 and ("group:" in dump) == (version >= "1.3"), dump
    bad = [line for line in output.lines if "Traceback" in line or line.startswith(("refused", "Error"))]
    assert not bad, output.lines


@pytest.mark.parametrize("version", ["OpenFlow10", "OpenFlow13", "OpenFlow15"])
def test_testcontroller(net, switch, version):
    if not shutil.which("ovs-testcontroller"):
        pytest.skip("no ovs-testcontroller")
    net.start("sw", ["ovs-testcontroller", f"--unixctl={switch.dir}/tc.ctl", "-O", version, "ptcp:6653:127.0.0.1"],
              env=switch.env, stderr=subprocess.DEVNULL)
    connect_hosts(net, switch, 6653, f"protocols={version} fail_mode=secure")
    wait_for(lambda: is_connected(switch), "the controller")
    for a in HOSTS:
        for b in HOSTS:
            if a != b:
                wait_for(lambda: net.ping(a, HOSTS[b]), f"{a} to reach {b}")
    dump = switch.command("ovs-ofctl", "-O", version, "dump-flows", "br0", check=False).stdout
    assert "idle_timeout=60" in dump, dump


def test_mininet_tree(net, switch):
    """Three switches, four hosts: Mininet runs our commands under the names that it knows."""
    if not os.path.exists("/usr/lib/python3/dist-packages/mininet") or not shutil.which("osken-manager"):
        pytest.skip("no Mininet, or no os-ken")
    names = switch.dir / "bin"
    names.mkdir()
    for name in ("ovs-vsctl", "ovs-ofctl", "ovs-dpctl", "ovs-appctl"):
        (names / name).symlink_to(build_dir() / "sluice")
    output = Output(osken(net, 6653))
    env = dict(switch.env, PATH=f"{names}:{os.environ['PATH']}", ASAN_OPTIONS="detect_leaks=0")
    run = net.run("sw", ["/usr/bin/python3", str(HERE / "mininet_tree.py"), "6653"], env=env, timeout=100)
    assert "lost 0.0" in run.stdout, run.stdout + run.stderr
    assert "controllers [True, True, True]" in run.stdout
    assert len(output.has("connected")) == 3
    assert switch.vsctl("list-br").stdout == ""  # it took away what it had made
