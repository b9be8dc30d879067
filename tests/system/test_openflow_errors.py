# SPDX-License-Identifier: Apache-2.0
"""Malformed requests over BRIDGE.mgmt, to our switch and to the reference's: the same error, byte by byte, and the session
lives on. tests/interop/openflow_errors.py does the same at more length."""
import os
import random
import struct
import subprocess
import sys

import pytest

from netns import build_dir
from switch import Reference, Switch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../interop"))
import openflow_errors  # noqa: E402

VERSIONS = ",".join(f"OpenFlow1{v}" for v in range(6))


@pytest.fixture(scope="module")
def sockets():
    switches = []
    try:
        for kind in (Switch, Reference):
            s = kind(None, "--enable-dummy", "--disable-system")
            switches.append(s)
            s.vsctl(f"add-br br0 -- set bridge br0 datapath_type=dummy fail-mode=secure protocols={VERSIONS}")
            for i in (1, 2):
                s.vsctl(f"add-port br0 p{i} -- set interface p{i} type=dummy ofport_request={i}")
        yield [str(s.dir / "br0.mgmt") for s in switches]
    finally:
        for s in switches:
            s.close()


def messages():
    with open(os.path.join(HERE, "../tables/openflow_messages.hex"), encoding="ascii") as f:
        return [bytes.fromhex(line) for line in f if line.strip()]


def differing(sockets, each, monkeypatch, wrong=None):
    if wrong:
        monkeypatch.setattr(openflow_errors, "wrong", wrong)
    *bad, (_, n, _) = openflow_errors.compare(*sockets, messages(), each, random.Random(3))
    return bad, n


def test_messages_cut_off(sockets, monkeypatch):
    """2 in 1,000 differ: bundle features, which the reference does not know, and flow monitors, whose errors it takes from
    Nicira's where the standard has its own."""
    bad, n = differing(sockets, 6, monkeypatch, lambda m: (m[:k] for k in range(8, len(m))))
    assert n > 2000 and len(bad) * 100 < n, "\n".join(f"{r.hex()} reference {t} sluice {o}" for r, t, o in bad[:5])


def test_wrong_bytes(sockets, monkeypatch):
    """6 in 100 differ: where the reference lets pass what the specification has an error for, and where ports and meters of the
    two are not alike."""
    bad, n = differing(sockets, 4, monkeypatch)
    assert n > 2000 and len(bad) * 12 < n, "\n".join(f"{r.hex()} reference {t} sluice {o}" for r, t, o in bad[:5])


def test_no_table_255(simulation):
    """There are 255 tables, the last one is 254: goto_table:255 (which the reference takes) is refused, in bundles and groups, too."""
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure -- add-port br0 p1 "
                     "-- set interface p1 type=dummy ofport_request=1")
    for options in ("", "--bundle"):
        for command in ("add-flow", "mod-flows"):
            said = simulation.command("sh", "-c", f"ovs-ofctl -O OpenFlow14 {options} {command} br0 actions=goto_table:255", check=False)
            assert said.returncode and "OFPBIC_BAD_TABLE_ID" in said.stderr, said
    assert not simulation.command("ovs-ofctl", "-O", "OpenFlow14", "add-flow", "br0", "actions=goto_table:254", check=False).returncode


def test_every_code(tmp_path):
    """Every type and code of each version, the experimenters', too, is printed by the name that the reference has."""
    messages = []
    for version in range(1, 7):
        for kind in range(22):
            for code in range(42):
                messages.append(struct.pack("!BBHIHH", version, 1, 12, 1, kind, code))
        for vendor in (0x2320, 0x4f4e4600):
            if version < 3:  # in Nicira's wrapping
                codes = [(kind, code) for kind in range(20) for code in (*range(20), *range(256, 280), *range(512, 540), *range(1024, 1040))]
                messages += [struct.pack("!BBHIHHIHH", version, 1, 20, 1, 0xb0c2, 0, vendor, *c) for c in codes]
            else:
                kinds = (*range(60), *range(2300, 2320), *range(2600, 2660), *range(4240, 4260), *range(4430, 4460))
                messages += [struct.pack("!BBHIHHI", version, 1, 16, 1, 0xffff, kind, vendor) for kind in kinds]
    path = tmp_path / "errors"
    path.write_bytes(b"".join(messages))
    said = []
    for tool in (["ovs-ofctl"], [build_dir() / "sluice", "ofctl"]):
        text = subprocess.run([*tool, "ofp-parse", path], capture_output=True, text=True, check=True).stdout
        said.append([line for line in text.splitlines() if line.startswith("OFPT_ERROR")])
    assert len(said[0]) == len(messages)
    different = [(m.hex(), a, b) for m, a, b in zip(messages, *said) if a != b]
    assert not different, "\n".join(map(str, different[:20]))
    assert len({line.split()[-1] for line in said[1]}) > 190
