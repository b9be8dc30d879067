#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fairness: one port makes 100,000 misses a second (each packet is a flow of its own), another opens 100 new flows a second.
How many of these are lost, and how long they take, alone and beside the flood; the reference in the same run.

    attacker (e0) --- va [ br0, exact-match flows ] vb --- (e0) receiver of both;  vc --- (e0) victim

usage: fairness.py [SECONDS]
Needs root, a build in build/ (or SLUICE_BUILD), cc; the reference is left out where it is not there."""
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from hosts import BUILD, HERE, REFERENCE, Reference, Sluice, ip, run  # noqa: E402

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
RATE = 100000
RECEIVE = """
import socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
s.bind(("10.9.0.2", 7000))
s.settimeout(1)
print("ready", flush=True)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    try:
        sent, = struct.unpack("d", s.recv(64))
        print(time.monotonic() - sent, flush=True)
    except TimeoutError:
        pass
"""
VICTIM = """
import socket, struct, sys, time
start = time.monotonic()
for i in range(int(sys.argv[1])):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.9.0.3", 20000 + i))
    time.sleep(max(start + i / 100 - time.monotonic(), 0))
    s.sendto(struct.pack("d", time.monotonic()), ("10.9.0.2", 7000))
    s.close()
"""


def in_host(host, *argv, **kwargs):
    return subprocess.Popen(["ip", "netns", "exec", f"bench-{host}"] + list(argv), text=True, **kwargs)


def one(flood):
    """(sent, arrived, [delays])"""
    receiver = in_host("b", sys.executable, "-c", RECEIVE, str(SECONDS + 2), stdout=subprocess.PIPE)
    receiver.stdout.readline()
    attacker = None
    if flood:
        mac = run("ip", "netns", "exec", "bench-b", "cat", "/sys/class/net/e0/address").stdout.strip()
        attacker = in_host("a", flood, "e0", mac, "10.64.0.1", "10.9.0.2", str(SECONDS + 2), "16000000", "60", str(RATE),
                           stdout=subprocess.PIPE)
        time.sleep(1)
    in_host("c", sys.executable, "-c", VICTIM, str(SECONDS * 100)).wait()
    delays = [float(line) for line in receiver.communicate()[0].split()]
    rate = attacker.communicate()[0].strip() if attacker else "nothing"
    return SECONDS * 100, delays, rate


def show(name, sent, delays, rate):
    worst = sorted(delays)
    print(f"| {name} | {rate} | {sent} | {sent - len(delays)} | {statistics.median(worst or [0]) * 1e3:.2f} "
          f"| {worst[len(worst) * 99 // 100] * 1e3 if worst else 0:.2f} |", flush=True)


def main():
    if "HOSTS_INSIDE" not in os.environ:
        os.environ["HOSTS_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "-n", "-m", "--propagation", "private", sys.executable, __file__] + sys.argv[1:])
    os.makedirs("/run/netns", exist_ok=True)
    run("mount", "-t", "tmpfs", "none", "/run/netns")
    ip("link set lo up")
    run(HERE / "veth.sh", "up")
    ip("netns add bench-c")
    ip("link add vc type veth peer name e0 netns bench-c")
    ip("link set vc up")
    ip("-n bench-c link set e0 up")
    ip("-n bench-c addr add 10.9.0.3/24 dev e0")
    with tempfile.TemporaryDirectory() as work:
        flood = f"{work}/udpflood"
        run("cc", "-O2", "-o", flood, HERE / "udpflood.c")
        print("| switch | flood | new flows | lost | median, ms | 99 of 100, ms |\n|---|---|---|---|---|---|")
        switches = [Sluice("Sluice")] + ([Reference("reference")] if REFERENCE.exists() else [])
        for switch in switches:
            switch.start()
            run(*switch.vsctl, "add-port", "br0", "vc", env=switch.env)
            target = next(pathlib.Path(switch.dir.name).glob("ovs-vswitchd.*.ctl"))
            run("ovs-appctl", "-t", target, "upcall/disable-megaflows", env=switch.env)
            # UDP of the victim crosses a userspace switch without the hosts' checksum offload.
            for host in "bc":
                run("ip", "netns", "exec", f"bench-{host}", "ethtool", "-K", "e0", "tx", "off")
            run("ip", "netns", "exec", "bench-c", "ping", "-c", "3", "-i", "0.1", "10.9.0.2", check=False)
            show(f"{switch.name}, alone", *one(None))
            show(f"{switch.name}, beside the flood", *one(flood))
            lookups = run("ovs-appctl", "-t", target, "dpctl/show", env=switch.env).stdout
            print("   " + re.sub(r"\s+", " ", " ".join(re.findall(r"lookups:.*|flows:.*", lookups))))
            switch.stop()
    ip("netns del bench-c")
    run(HERE / "veth.sh", "down")


if __name__ == "__main__":
    main()
