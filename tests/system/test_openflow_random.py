# SPDX-License-Identifier: Apache-2.0
"""A few of the random comparisons of tests/interop, with fixed seeds: rules of every field and action, traced in words and in
JSON; changes of all that a switch remembers, with what packets and time leave of it."""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))

import pipeline_wide  # noqa: E402
import state_random  # noqa: E402


def test_rules_of_every_field_and_action():
    pair = pipeline_wide.Pair()
    try:
        args = argparse.Namespace(cases=3, packets=6, seed=3, case=None, show=3, context=3, rules=False)
        count = pipeline_wide.run(pair, args)
    finally:
        pair.close()
    assert count["same"] > 30 and not count["differ"], count


def test_changes():
    pair = pipeline_wide.Pair()
    try:
        count = state_random.run(pair, argparse.Namespace(cases=1, rounds=6, seed=5, case=None, show=3, log=60, verbose=False))
    finally:
        pair.close()
    assert count["rounds"] == 6 and not count["differ"], count
