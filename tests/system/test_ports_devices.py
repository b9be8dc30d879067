# SPDX-License-Identifier: Apache-2.0
"""Internal devices, and devices that change, go and come back.

    host a  e0 ---- va  [relay]  br0 10.9.0.254 (internal: the switch's own host)
"""
from netns import Relay, wait_for
from ports_util import transfer


def with_internal(net):
    net.add_host("a", "va", "10.9.0.1/24")
    relay = Relay(net, "system:va", "internal:br0")
    assert relay.ready == "ready"
    net.run("sw", "ip addr add 10.9.0.254/24 dev br0")
    net.run("sw", "ip link set br0 up")
    net.wait_ping("a", "10.9.0.254")
    return relay


def test_internal_carries_the_host(net):
    relay = with_internal(net)
    transfer(net, "a", "sw", "10.9.0.254")
    transfer(net, "sw", "a", "10.9.0.1")
    assert net.ping("sw", "10.9.0.1", 3, "-M", "do", "-s", "1472")
    assert set(relay.drops()) <= {("br0", "tx_down")}  # what came before the host had it up
    stats = relay.status("br0")
    link = net.link("sw", "br0")["stats64"]
    assert int(stats["tx_packets"]) <= link["rx"]["packets"]  # the port's transmissions are what the host receives
    assert int(stats["tx_bytes"]) > 64 << 20
    relay.stop()
    assert "br0" not in net.output("sw", "ip link")


def test_internal_down_drops_and_counts(net):
    relay = with_internal(net)
    net.run("sw", "ip link set br0 down")
    before = net.link("sw", "br0")["stats64"]["rx"]["dropped"]
    assert not net.ping("a", "10.9.0.254", 3)
    wait_for(lambda: net.link("sw", "br0")["stats64"]["rx"]["dropped"] > before, "rx_dropped to grow")
    assert relay.drops()["br0", "tx_down"][1] >= 1
    net.run("sw", "ip link set br0 up")
    net.wait_ping("a", "10.9.0.254")


def test_internal_settings(net):
    relay = with_internal(net)
    assert relay.command("mac br0 02:00:00:00:00:77") == ["ok"]
    assert relay.command("mtu br0 1300") == ["ok"]
    link = net.link("sw", "br0")
    assert (link["address"], link["mtu"]) == ("02:00:00:00:00:77", 1300)
    assert relay.command("admin br0 down") == ["ok"]
    status = relay.status("br0")
    assert (status["admin_state"], status["mtu"], status["mac_in_use"]) == ("down", "1300", "02:00:00:00:00:77")
    assert (status["driver_name"], status["driver_version"], status["firmware_version"]) == ("tun", "1.6", "")


def test_status_of_a_system_port(net):
    net.add_host("a", "va", "10.9.0.1/24")
    net.add_host("b", "vb", "10.9.0.2/24")
    relay = Relay(net, "system:va", "system:vb")
    status = relay.status("va")
    link = net.link("sw", "va")
    expected = {"admin_state": "up", "link_state": "up", "mtu": "1500", "ifindex": str(link["ifindex"]),
                "link_resets": "0", "link_speed": "10000000000", "duplex": "full", "mac_in_use": link["address"],
                "driver_name": "veth", "driver_version": "1.0"}
    assert {key: status[key] for key in expected} == expected
    net.run("a", "ip link set e0 down")
    wait_for(lambda: relay.status("va")["link_state"] == "down", "the link to go down")
    net.run("a", "ip link set e0 up")
    wait_for(lambda: relay.status("va")["link_state"] == "up", "the link to come back")
    assert relay.status("va")["link_resets"] == "2"


def test_device_deleted_and_back(net):
    net.add_host("a", "va", "10.9.0.1/24")
    net.add_host("b", "vb", "10.9.0.2/24")
    relay = Relay(net, "system:va", "system:vb")
    net.wait_ping("a", "10.9.0.2")
    for _ in range(2):
        relay.lines.clear()
        net.run("sw", "ip link del va")
        wait_for(lambda: relay.has_said("gone va"), "the relay to miss va")
        net.add_veth("a", "va")
        net.run("a", "ip addr add 10.9.0.1/24 dev e0")
        wait_for(lambda: relay.has_said("back va"), "the relay to take va again")
        net.wait_ping("a", "10.9.0.2")
    relay.stop()
    assert "clsact" not in net.output("sw", "tc qdisc")


def test_device_renamed_away_and_back(net):
    net.add_host("a", "va", "10.9.0.1/24")
    net.add_host("b", "vb", "10.9.0.2/24")
    relay = Relay(net, "system:va", "system:vb")
    net.wait_ping("a", "10.9.0.2")
    net.run("sw", "ip link set va down")
    net.run("sw", "ip link set va name other")
    wait_for(lambda: relay.has_said("gone va"), "the relay to miss va")
    assert "clsact" not in net.output("sw", "tc qdisc show dev other")
    net.run("sw", "ip link set other name va")
    wait_for(lambda: relay.has_said("back va"), "the relay to take va again")
    net.run("sw", "ip link set va up")
    net.wait_ping("a", "10.9.0.2")


def test_internal_device_deleted(net):
    relay = with_internal(net)
    net.run("sw", "ip link del br0")
    wait_for(lambda: relay.has_said("gone br0"), "the relay to miss br0")


def test_internal_device_in_a_container(net):
    """`ip link set br0 netns NS`, as containers are given their ports, and back."""
    relay = with_internal(net)
    net.add_namespace("c")
    net.run("sw", f"ip link set br0 netns {net.full('c')}")
    net.run("c", "ip addr add 10.9.0.7/24 dev br0")
    net.run("c", "ip link set br0 up")
    net.wait_ping("a", "10.9.0.7")
    transfer(net, "a", "c", "10.9.0.7", 16)
    status = relay.status("br0")
    link = net.link("c", "br0")
    assert (status["admin_state"], status["mac_in_use"]) == ("up", link["address"])
    assert status["driver_name"] == "tun"
    assert int(status["tx_bytes"]) >= 16 << 20
    assert relay.command("mtu br0 1400") == ["ok"]
    assert net.link("c", "br0")["mtu"] == 1400
    assert not relay.has_said("gone br0")
    net.run("c", "ip link set br0 down")
    net.run("c", "ip link set br0 name eth7")
    net.run("c", "ip link set eth7 up")
    net.wait_ping("a", "10.9.0.7")  # the container may call it what it likes
    assert relay.status("br0")["admin_state"] == "up"
    relay.stop()
    assert "br0" not in net.output("c", "ip link") and "eth7" not in net.output("c", "ip link")


def test_internal_device_comes_back_from_a_container(net):
    relay = with_internal(net)
    net.add_namespace("c")
    net.run("sw", f"ip link set br0 netns {net.full('c')}")
    net.run("c", "ip link set br0 up")
    wait_for(lambda: relay.status("br0")["admin_state"] == "up", "br0 to be up there")
    net.run("c", f"ip link set br0 netns {net.full('sw')}")
    wait_for(lambda: relay.status("br0")["ifindex"] == str(net.link("sw", "br0")["ifindex"]), "br0 to be here again")
    net.run("sw", "ip addr replace 10.9.0.254/24 dev br0")
    net.run("sw", "ip link set br0 up")
    net.wait_ping("a", "10.9.0.254")
    net.run("sw", "ip link del br0")
    wait_for(lambda: relay.has_said("gone br0"), "the relay to miss br0")
