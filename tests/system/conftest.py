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


@pytest.fixture
def switch(net):
    """Our daemon in the namespace "sw" of `net`."""
    from switch import Switch
    daemon = Switch(net)
    try:
        yield daemon
    finally:
        daemon.close()


@pytest.fixture
def simulation():
    """Our daemon with dummy devices."""
    from switch import Switch
    daemon = Switch(None, "--enable-dummy", "--disable-system")
    try:
        yield daemon
    finally:
        daemon.close()


@pytest.fixture
def reference():
    """The reference with dummy devices."""
    from switch import Reference
    daemon = Reference(None, "--enable-dummy", "--disable-system")
    try:
        yield daemon
    finally:
        daemon.close()
