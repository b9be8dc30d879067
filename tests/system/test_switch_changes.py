# SPDX-License-Identifier: Apache-2.0
"""No packet that is received after a command's reply is treated by the old result.

    host a (sends, each packet stamped with the time just before) --- va [ br0 ] vb --- host b
                                                                               vc --- host c
"""
import collections
import subprocess
import sys
import time

import pytest

MAGIC = 0x5151515151515151

SENDER = f"""
import socket, struct, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("e0", 0))
end = time.monotonic_ns() + int(float(sys.argv[1]) * 1e9)
ip = "45000034000000004011" "66b7" "0a0000010a000002"
heads = [bytes.fromhex("0200000000990200000000110800" + ip) + struct.pack("!HHHH", 1000 + p, 2000, 32, 0)
         for p in range(8)]
n = 0
while (now := time.monotonic_ns()) < end:
    s.send(heads[n & 7] + struct.pack("!QQQ", {MAGIC}, now, n))
    n += 1
    if not n & 3:
        time.sleep(0.0002)
"""

RECEIVER = f"""
import socket, struct, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)
s.bind(("e0", 0))
s.settimeout(0.2)
end = time.monotonic() + float(sys.argv[1])
print("ready", flush=True)
magic, got = struct.pack("!Q", {MAGIC}), []
while time.monotonic() < end:
    try:
        data = s.recv(2000)
    except TimeoutError:
        continue
    at = data.find(magic)
    if at > 0:
        got.append("%d %d" % struct.unpack_from("!QQ", data, at + 8))
print("\\n".join(got), flush=True)
"""

SECONDS = 3


def add_flow(switch, flow):
    switch.command("ovs-ofctl", "-O", "OpenFlow13", "add-flow", "br0", flow)


def change_rule(switch, to):
    add_flow(switch, f"in_port=va,actions={to}")


def change_rule_that_rewrites(switch, to):
    add_flow(switch, f"ip,in_port=va,actions=dec_ttl,output:{to}")


def change_precedence(switch, to):
    if to == "vb":
        switch.command("ovs-ofctl", "del-flows", "--strict", "br0", "priority=40000,in_port=va")
    else:
        add_flow(switch, "priority=40000,in_port=va,actions=vc")


def change_group(switch, to):
    switch.command("ovs-ofctl", "-O", "OpenFlow13", "--may-create", "mod-group", "br0",
                   f"group_id=7,type=all,bucket=output:{to}")


def change_port(switch, to):
    switch.command("ovs-ofctl", "mod-port", "br0", "vc" if to == "vb" else "vb", "no-forward")
    switch.command("ovs-ofctl", "mod-port", "br0", to, "forward")


def change_vlan(switch, to):
    switch.vsctl(f"set port {to} tag=10 -- set port {'vc' if to == 'vb' else 'vb'} tag=20")


@pytest.mark.parametrize("change, rules", [
    (change_rule, []),
    (change_rule_that_rewrites, []),
    (change_precedence, ["in_port=va,actions=vb"]),
    (change_group, ["in_port=va,actions=group:7"]),
    (change_port, ["in_port=va,actions=vb,vc"]),
    (change_vlan, ["actions=NORMAL"]),
], ids=lambda value: value.__name__ if callable(value) else "")
def test_nothing_goes_the_old_way_after_the_reply(net, switch, change, rules):
    for host in "abc":
        net.add_host(host, f"v{host}")
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev fail_mode=secure -- add-port br0 va tag=10 "
                 "-- add-port br0 vb -- add-port br0 vc")
    change(switch, "vb")
    for rule in rules:
        add_flow(switch, rule)
    receivers = {f"v{host}": net.start(host, [sys.executable, "-c", RECEIVER, str(SECONDS + 3)],
                                       stdout=subprocess.PIPE) for host in "bc"}
    for process in receivers.values():
        assert process.stdout.readline() == "ready\n"
    sender = net.start("a", [sys.executable, "-c", SENDER, str(SECONDS + 1)])
    ways, begin = [], time.monotonic()
    while time.monotonic() < begin + SECONDS:
        to = "vc" if len(ways) % 2 == 0 else "vb"
        began = time.monotonic_ns()
        change(switch, to)
        ways.append((began, time.monotonic_ns(), to))
        time.sleep(0.1)
    sender.wait()
    arrived = collections.Counter()
    for port, process in receivers.items():
        for line in process.stdout.read().split("\n"):
            stamp = int(line.split()[0]) if line else 0
            for (_, replied, to), (next_begins, _, _) in zip(ways, ways[1:]):
                if replied < stamp < next_begins:
                    arrived["the new way" if port == to else f"{(stamp - replied) / 1e6:.1f} ms late by {port}"] += 1
    assert len(ways) > 4 and arrived["the new way"] > 100
    assert set(arrived) == {"the new way"}, arrived


CALLER = """
import socket, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("e0", 0))
while True:
    s.send(bytes.fromhex("0200000000990200000000111235") + bytes(46))
    time.sleep(0.005)
"""

# Says that it is 02:00:00:00:00:99, and waits until it is called by that name.
MOVER = """
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("e0", 0))
s.settimeout(5)
s.send(bytes.fromhex("ffffffffffff0200000000991234") + bytes(46))
while s.recv(100)[12:14] != b"\\x12\\x35":
    pass
"""


def test_a_mac_that_moves_back_is_followed_at_once(net, switch):
    """Its frames have a cached flow at each of the two ports, which must not hide them from the slow path; nor is it
    waited for the periodic pass."""
    switch.vsctl("set open_vswitch . other_config:max-revalidator=600000 other_config:max-idle=600000 "
                 "-- add-br br0 -- set bridge br0 datapath_type=netdev")
    for host in "abc":
        net.add_host(host, f"v{host}")
        switch.vsctl(f"add-port br0 v{host}")
    net.run("b", [sys.executable, "-c", MOVER.partition("while")[0]])
    net.start("a", [sys.executable, "-c", CALLER])
    for host in "ccbbcbcbb":  # who speaks twice has a flow
        net.run(host, [sys.executable, "-c", MOVER])
