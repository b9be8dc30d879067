# SPDX-License-Identifier: Apache-2.0
"""Mutated frames through our daemon and the reference: the same flow keys (frames.py runs more of them by hand)."""
import frames


def differing(simulation, reference, count, mode):
    found = []
    frames.run(simulation, reference, count, 7, mode, lambda frame, *answers: found.append((frame.hex(), answers)))
    return found


def test_whole_keys(simulation, reference):
    assert not differing(simulation, reference, 1000, "exact")
