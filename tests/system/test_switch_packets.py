# SPDX-License-Identifier: Apache-2.0
"""Random rules and packets through our daemon and the reference: the same packets come out, the same is counted
(tests/interop/packets.py runs more of them by hand)."""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))

import packets  # noqa: E402


def test_packets_and_counters(simulation, reference):
    args = argparse.Namespace(cases=2, case=None, packets=15, seed=25, show=5, rules=True)
    same, differ, _ = packets.run(simulation, reference, args)
    assert same == 2 * (15 + 3) and not differ
