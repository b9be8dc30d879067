# SPDX-License-Identifier: Apache-2.0
"""Connections beside the reference (tests/interop/conntrack.py, a short run), and through real hosts."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "interop"))

import conntrack  # noqa: E402
from switch import Reference, Switch  # noqa: E402


@pytest.fixture(scope="module")
def both():
    switches = []
    try:
        for kind in (Switch, Reference):
            switches.append(kind(None, "--enable-dummy", "--disable-system"))
        yield [conntrack.Under(s) for s in switches]
    finally:
        for s in switches:
            s.close()


@pytest.mark.parametrize("nat", [False, True])
def test_conversations(both, nat):
    total, differ = conntrack.run(9, 25, 11, nat, 3, both)
    assert total > 150 and not differ


@pytest.mark.parametrize("options", [(), ("-m",), ("-s",), ("-m", "-s"), ("zone=7",), ("zone=8",)])
def test_dump(both, options):
    ours, theirs = both
    for under in both:
        under.load(conntrack.RULES["plain"].format(show="pop_vlan"))
    for frame in ("020000000002020000000001080045000020000100004011" "66ca0a0000010a00000203e80050000c" "000061626364",):
        for under in both:
            under.receive("p1", bytes.fromhex(frame))
    answers = [u.control.ask("dpctl/dump-conntrack", *options) for u in both]
    assert answers[0] == answers[1] and ("udp" in answers[0] or options == ("zone=8",))
    for command in ("ct-stats-show", "ct-bkts", "ct-get-nconns"):
        assert ours.control.ask("dpctl/" + command) == theirs.control.ask("dpctl/" + command)


def test_flush_by_controllers(both):
    """NXT_CT_FLUSH, with a tuple that fits and one that does not."""
    for under in both:
        under.load(conntrack.RULES["plain"].format(show="pop_vlan"))
        under.receive("p1", bytes.fromhex("020000000002020000000001080045000020000100004011" "66ca0a0000010a00000203e80050000c" "000061626364"))
        target = f"unix:{under.switch.dir}/br0.mgmt"
        assert "udp" in under.control.ask("dpctl/dump-conntrack")
        under.switch.command("ovs-ofctl", "ct-flush", target, "zone=7", "ct_nw_src=10.0.0.9")
        assert "udp" in under.control.ask("dpctl/dump-conntrack")
        under.switch.command("ovs-ofctl", "ct-flush", target, "zone=7", "ct_nw_src=10.0.0.1,ct_nw_proto=17")
        assert not under.control.ask("dpctl/dump-conntrack")
