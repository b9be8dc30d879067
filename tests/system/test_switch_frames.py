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


def test_reserved_bits_of_neighbour_discovery(simulation, reference):
    """They make no flows of their own where no rule looks at them, not even without megaflows."""
    head = "02000000000102000000000286dd6031234500203aff" + "fe80" + "00" * 13 + "01" + "fe80" + "00" * 13 + "02" + "8700abcd"
    batch = [bytes.fromhex(head + reserved + "fe80" + "00" * 13 + "09" + "0101020000000003")
             for reserved in ("00000000", "00000005", "54000000", "ffffffff")]
    answers = []
    for switch in (simulation, reference):
        control = frames.prepare(switch, "exact", switch.dir)
        answers.append(frames.keys(control, batch))
        control.close()
    assert answers[0] == answers[1]
    assert "packets:3" in answers[0][1]
