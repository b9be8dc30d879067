# SPDX-License-Identifier: Apache-2.0
"""Mutated frames through our daemon and the reference: the same flow keys (frames.py runs more of them by hand)."""
import frames


def differing(simulation, reference, count, mode):
    found = []
    frames.run(simulation, reference, count, 7, mode, lambda frame, *answers: found.append((frame.hex(), answers)))
    return found


def test_whole_keys(simulation, reference):
    assert not differing(simulation, reference, 1000, "exact")


def test_masks_and_what_they_leave(simulation, reference):
    """A dump shows the bits that are matched, and beside them those of the packet that made the flow."""
    assert not differing(simulation, reference, 500, "mega")
