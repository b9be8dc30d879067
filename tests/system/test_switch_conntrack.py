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


def sorted_lines(text):
    return sorted(text.splitlines())


def test_commands(both):
    """Of the connections that a conversation left."""
    total, differ = conntrack.run(1, 12, 21, False, 3, both)
    assert total > 5 and not differ
    for words in ("dump-conntrack", "dump-conntrack -m", "dump-conntrack -s", "dump-conntrack zone=7", "dump-conntrack zone=8",
                  "ct-stats-show", "ct-stats-show zone=7", "ct-bkts", "ct-get-nconns"):
        ours, theirs = (sorted_lines(u.control.ask(*("dpctl/" + words).split())) for u in both)
        assert ours == theirs, words
    assert "zone=7" in both[0].control.ask("dpctl/dump-conntrack")


def test_flush_by_controllers(both):
    """NXT_CT_FLUSH, with tuples that fit nothing and something."""
    conntrack.run(1, 12, 21, False, 3, both)
    for tuple_ in ("ct_nw_src=10.0.0.9", "ct_nw_src=10.0.0.1,ct_nw_proto=17", "ct_nw_src=10.0.0.1"):
        for under in both:
            under.switch.command("ovs-ofctl", "ct-flush", f"unix:{under.switch.dir}/br0.mgmt", "zone=7", tuple_)
        ours, theirs = (sorted_lines(u.control.ask("dpctl/dump-conntrack")) for u in both)
        assert ours == theirs, tuple_
