# SPDX-License-Identifier: Apache-2.0
"""What cannot be a system port, and what is said then."""
import pytest
from netns import Relay


def attempt(net, port):
    relay = Relay(net, port, "dummy:d0")
    relay.process.wait(timeout=10)
    return relay.ready


def test_no_such_device(net):
    assert attempt(net, "system:nodev0") == "error ENODEV: nodev0: there is no such device"


def test_name_too_long_for_a_device(net):
    assert attempt(net, "system:" + "x" * 40).startswith("error ENODEV: ")


def test_loopback(net):
    assert attempt(net, "system:lo").startswith("error EINVAL: lo: is the loopback device")


def test_not_ethernet(net):
    net.run("sw", "ip tuntap add tun7 mode tun")
    assert attempt(net, "system:tun7").startswith("error EINVAL: tun7: is not an Ethernet device")


def test_has_a_master(net):
    net.run("sw", "ip link add v0 type veth peer name v1")
    net.run("sw", "ip link add brx type bridge")
    net.run("sw", "ip link set v0 master brx")
    assert attempt(net, "system:v0").startswith("error EBUSY: v0: belongs to brx")


def test_internal_device_of_a_switch(net):
    net.run("sw", "ip link add v0 type veth peer name v1")
    relay = Relay(net, "internal:br0", "system:v0")
    assert relay.ready == "ready"
    assert attempt(net, "system:br0").startswith("error EINVAL: br0: is an internal device")
    assert attempt(net, "internal:br0").startswith("error EBUSY: br0: ")
    relay.stop()


def test_internal_name_is_another_device(net):
    net.run("sw", "ip link add v0 type veth peer name v1")
    assert attempt(net, "internal:v0") == \
        "error EEXIST: v0: a device of this name exists, and it is no TAP device"


@pytest.mark.parametrize("kind", ["internal", "tap"])
def test_no_tun_device(net, kind):
    """A container without /dev/net/tun says so."""
    from netns import relay_program
    result = net.run("sw", ["unshare", "-m", "sh", "-c",
                            f"mount -t tmpfs none /dev/net && exec {relay_program()} {kind}:br0 dummy:d0"], check=False)
    assert result.stdout.splitlines()[0].startswith("error ENOENT: br0: /dev/net/tun is missing")


def test_unknown_type(net):
    assert attempt(net, "nosuch:p0") == 'error EAFNOSUPPORT: p0: there is no device of type "nosuch"'
