# SPDX-License-Identifier: Apache-2.0
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from netns import Net  # noqa: E402


@pytest.fixture
def net():
    if os.geteuid() != 0:
        pytest.skip("needs root")
    network = Net()
    try:
        yield network
    finally:
        network.close()
