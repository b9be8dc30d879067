# SPDX-License-Identifier: Apache-2.0
"""The gate: what the switch takes from a device the host's own stack does not hear, and everything is as it was
before when the switch is gone.

    host a  e0 ---- va 10.9.0.254  [relay]  vb ---- e0  host b       (the switch's namespace has an address on va)
"""
import json

import pytest
from netns import Relay, wait_for


def topology(net):
    net.add_host("a", "va", "10.9.0.1/24")
    net.add_host("b", "vb", "10.9.0.2/24")
    net.run("sw", "ip addr add 10.9.0.254/24 dev va")
    net.wait_ping("a", "10.9.0.254")


def start(net):
    relay = Relay(net, "system:va", "system:vb")
    assert relay.ready == "ready"
    net.wait_ping("a", "10.9.0.2")
    return relay


def state(net):
    """What a person sees of the devices, without counters."""
    links = json.loads(net.output("sw", "ip -d -j link"))
    return (net.output("sw", "tc qdisc"), net.output("sw", "tc filter show dev va ingress"),
            net.output("sw", "tc filter show dev va egress"), links, net.output("sw", "ethtool -k va"))


def test_stack_is_deaf_while_running_and_hears_after_stop(net):
    topology(net)
    before = state(net)
    relay = start(net)
    assert not net.ping("a", "10.9.0.254", 2)
    assert "sluice_gate" in net.output("sw", "tc filter show dev va ingress")
    relay.stop()
    assert net.ping("a", "10.9.0.254", 2)
    assert state(net) == before


def test_kill_opens_at_once_and_next_start_replaces(net):
    topology(net)
    before = state(net)
    relay = start(net)
    assert not net.ping("a", "10.9.0.254")
    relay.kill()
    assert net.ping("a", "10.9.0.254")  # no waiting: the kernel did it as the process died
    assert "sluice_gate" in net.output("sw", "tc filter show dev va ingress")
    relay = start(net)
    assert net.output("sw", "tc filter show dev va ingress").count("sluice_gate,") == 1
    assert not net.ping("a", "10.9.0.254")
    relay.stop()
    assert net.ping("a", "10.9.0.254")
    assert state(net) == before  # the qdisc of the dead one is gone too


def test_living_switch_keeps_its_device(net):
    topology(net)
    first = start(net)
    second = Relay(net, "system:va", "dummy:d0")
    assert second.ready.startswith("error EBUSY: va: ")
    assert net.ping("a", "10.9.0.2")  # the first one is not disturbed
    first.stop()
    third = Relay(net, "system:va", "system:vb")
    assert third.ready == "ready"
    third.stop()


def add_filter(net, side):
    """Whatever classifier the kernel has; False if it has none."""
    for what in ("matchall", "u32 match u32 0 0", "flower", "basic"):
        if not net.run("sw", f"tc filter add dev va {side} pref 7 {what} classid 1:1", check=False).returncode:
            return True
    return False


def test_existing_clsact_and_filters_are_kept(net):
    topology(net)
    net.run("sw", "tc qdisc add dev va clsact")
    net.run("sw", "tc qdisc add dev vb clsact")
    add_filter(net, "ingress")
    add_filter(net, "egress")
    before = state(net)
    relay = start(net)
    assert not net.ping("a", "10.9.0.254")
    relay.stop()
    assert state(net) == before
    relay = start(net)
    relay.kill()
    relay = start(net)
    relay.stop()
    assert state(net) == before


def test_filter_added_meanwhile_is_kept(net):
    """Somebody uses the clsact qdisc that was made for the gate: it stays, with the filter."""
    topology(net)
    relay = start(net)
    if not add_filter(net, "egress"):
        pytest.skip("the kernel has no classifier to add by hand")
    relay.stop()
    assert "clsact" in net.output("sw", "tc qdisc show dev va")
    assert "pref 7" in net.output("sw", "tc filter show dev va egress")
    assert "sluice" not in net.output("sw", "tc filter show dev va ingress")


def test_promiscuous_only_while_open(net):
    topology(net)
    relay = start(net)
    assert net.link("sw", "va")["promiscuity"] >= 1
    relay.kill()
    wait_for(lambda: net.link("sw", "va")["promiscuity"] == 0, "promiscuous mode to end")
