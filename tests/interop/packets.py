#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Packets through both daemons under random rules: what comes out of each port, byte by byte, and what the rules, groups and
ports have counted.

usage: packets.py [--cases N] [--packets N] [--seed N] [--show N] [--rules]

A case is a set of rules with its groups and meters (tests/model/pipeline_diff.py makes them) and some packets; dummy devices
write what is sent to them into pcap files. Rules that track connections are left out: the datapath does not execute them yet."""
import argparse
import os
import pathlib
import random
import re
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "system"), str(HERE.parent / "model")]

import pipeline_diff as cases  # noqa: E402
from frames import Control  # noqa: E402
from switch import Reference, Switch  # noqa: E402

PORTS = ["p%d" % n for n in range(1, 8)] + ["p9"]
DEVICES = PORTS + ["br0", "br1"]


class Under:
    """One switch with the ports of pipeline_diff.py."""

    def __init__(self, switch):
        self.switch, self.read_up_to = switch, {}
        for name, mode in (("br0", "secure"), ("br1", "standalone")):
            mac = "aa:55:aa:55:00:0%s" % name[2]
            switch.vsctl(f"add-br {name} -- set bridge {name} datapath_type=dummy fail-mode={mode} other_config:hwaddr={mac} "
                         f"-- set interface {name} options:tx_pcap={switch.dir}/{name}.pcap")
        for i, (name, settings, _) in enumerate(cases.PORTS):
            switch.vsctl(f"add-port br0 {name} -- set interface {name} type=dummy ofport_request={i + 1} "
                         f"options:tx_pcap={switch.dir}/{name}.pcap" + (f" -- set port {name} {settings}" if settings else ""))
        switch.vsctl("add-port br0 pa -- set interface pa type=patch options:peer=pb ofport_request=8 -- add-port br1 pb -- set "
                     f"interface pb type=patch options:peer=pa ofport_request=1 -- add-port br1 p9 -- set interface p9 type=dummy "
                     f"ofport_request=2 options:tx_pcap={switch.dir}/p9.pcap")
        self.control = Control(switch)
        self.control.ask("time/stop")

    def ofctl(self, *argv, text=None, check=True):
        result = subprocess.run(["ovs-ofctl", "-O", "OpenFlow15", "--bundle", *argv[:1], f"unix:{self.switch.dir}/br0.mgmt", *argv[1:]],
                                input=text, capture_output=True, text=True, timeout=60)
        assert not check or not result.returncode, (argv, result.stderr)
        return result

    def load(self, flows, groups, meters):
        for command in ("del-flows", "del-groups", "del-meters"):
            self.ofctl(command)
        for meter in meters:
            self.ofctl("add-meter", meter)
        self.ofctl("add-groups", "-", text="\n".join(groups) + "\n")
        self.ofctl("add-flows", "-", text="\n".join(flows) + "\n")
        self.control.ask("fdb/flush")

    def accepted(self, flows, groups, meters):
        """Those of FLOWS that the switch takes."""
        self.load([], groups, meters)
        return [f for f in flows if not self.ofctl("add-flow", f, check=False).returncode]

    def lookups(self):
        hit, missed = re.search(r"hit:(\d+) missed:(\d+)", self.control.ask("dpctl/show")).groups()
        return int(hit) + int(missed)

    def new_frames(self, device):
        path = pathlib.Path(f"{self.switch.dir}/{device}.pcap")
        start = self.read_up_to.get(device, 24)
        data = path.read_bytes()[start:] if path.exists() else b""
        found, at = [], 0
        while len(data) - at >= 16:
            length = struct.unpack_from("<I", data, at + 8)[0]
            if len(data) - at - 16 < length:
                break
            found.append(data[at + 16:at + 16 + length].hex())
            at += 16 + length
        self.read_up_to[device] = start + at
        return found

    def send(self, port, frame):
        """What comes out: device -> frames."""
        self.control.ask("time/warp", "600", "300")  # the reference learns from packets that hit a flow half a second later
        before = self.lookups()
        self.control.ask("netdev-dummy/receive", port, frame)
        for _ in range(50):  # a frame that is dropped before it is looked up is never counted
            if self.lookups() > before:
                break
        self.control.ask("dpctl/show")
        return {device: frames for device in DEVICES if (frames := self.new_frames(device))}

    def counted(self):
        self.control.ask("time/warp", "1000", "500")
        self.control.ask("revalidator/wait")
        flows = self.ofctl("dump-flows").stdout
        flows = re.sub(r"duration=[\d.]+s|(idle|hard)_age=\d+,? ?", "", flows)
        ports = "\n".join(line for line in self.ofctl("dump-ports").stdout.splitlines() if "pkts=" in line)  # dummies have more there
        return sorted(flows.splitlines()[1:]), sorted(re.sub(r"duration=[\d.]+s", "", ports).splitlines()), sorted(
            re.sub(r"duration=[\d.]+s", "", self.ofctl("dump-group-stats").stdout).splitlines()[1:])

    def megaflows(self):
        text = self.control.ask("dpctl/dump-flows")
        return sorted(re.sub(r", used:[^,]*|, dp-extra-info:\S+", "", line) for line in text.splitlines() if not line.startswith("flow-dump"))


def compose(text):
    """The frame of a flow in words, as the reference makes it."""
    out = subprocess.run(["ovs-ofctl", "compose-packet", text], capture_output=True, text=True, timeout=60)
    lines = re.findall(r"^[0-9a-f]{8}  ([0-9a-f]{2}(?:[ -][0-9a-f]{2})*)", out.stdout, re.M)
    return re.sub(r"[ -]", "", "".join(lines))


def run(ours, theirs, args):
    a, b = Under(ours), Under(theirs)
    same = differ = shown = refused = 0
    for case in [args.case] if args.case is not None else range(args.cases):
        r = random.Random(args.seed * 1000 + case)
        flows = [f for f in cases.ruleset(r) if "ct(" not in f and "ct_clear" not in f]
        groups = cases.groups(r)
        kept = b.accepted(flows, groups, cases.METERS)
        refused += len(flows) - len(kept)
        for under in (a, b):
            under.load(kept, groups, cases.METERS)

        def tell(what, x, y):
            nonlocal differ, shown
            differ += 1
            if shown < args.show:
                shown += 1
                print(f"case {case}: {what}\n  ours      {x}\n  reference {y}")
                if args.rules:
                    print("    " + "\n    ".join(kept + groups))
                    now = [set(u.ofctl("dump-flows", "--no-stats").stdout.splitlines()) for u in (a, b)]
                    print("  rules now: ours", sorted(now[0] - now[1]), "reference", sorted(now[1] - now[0]))

        for _ in range(args.packets):
            text = cases.packet(r)
            port = re.search(r"in_port=(\d+)", text)[1]
            device, port_text = ("p9", "2") if port == "8" else ("p" + port, port)
            frame = compose(text)
            if not frame:
                continue
            x, y = a.send(device, frame), b.send(device, frame)
            if x == y:
                same += 1
            else:
                tell(f"{device} <- {text} {frame}", {d: x.get(d) for d in DEVICES if x.get(d) != y.get(d)},
                     {d: y.get(d) for d in DEVICES if x.get(d) != y.get(d)})
        for name, x, y in zip(("flows", "ports", "groups"), a.counted(), b.counted()):
            if x != y:
                tell(name, sorted(set(x) - set(y)), sorted(set(y) - set(x)))
            else:
                same += 1
    return same, differ, refused


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("cases", 20), ("packets", 20), ("seed", 1), ("show", 5)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--case", type=int, help="this one alone")
    parser.add_argument("--rules", action="store_true")
    args = parser.parse_args()
    ours = Switch(None, "--enable-dummy", "--disable-system")
    try:
        theirs = Reference(None, "--enable-dummy", "--disable-system")
        try:
            same, differ, refused = run(ours, theirs, args)
        finally:
            theirs.close()
    finally:
        ours.close()
    print(f"{same} alike, {differ} differ ({refused} rules refused by the reference)")
    sys.exit(differ != 0)


if __name__ == "__main__":
    main()
