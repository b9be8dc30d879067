# SPDX-License-Identifier: Apache-2.0
"""Hosts on plain veth pairs, a switch between them, configured with Debian's ovs-vsctl.

    host a (e0) --- va [ br0 ] vb --- (e0) host b        10.0.0.1/24, 10.0.0.2/24
"""
import json
import os
import shutil

import pytest
from netns import build_dir, wait_for
from ports_util import transfer
from switch import Switch


@pytest.fixture
def hosts(net, switch):
    net.add_host("a", "va", "10.0.0.1/24")
    net.add_host("b", "vb", "10.0.0.2/24")
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 va -- add-port br0 vb")
    return net


def test_ping_tcp_and_what_is_shown(hosts, switch):
    hosts.wait_ping("a", "10.0.0.2")
    transfer(hosts, "a", "b", "10.0.0.2")
    flows = switch.flows("--names")
    assert any("in_port(va)" in flow and "actions:vb" in flow for flow in flows), flows
    assert "lookups: hit:" in switch.ask("dpctl/show")
    fdb = switch.ask("fdb/show", "br0").splitlines()
    mac = json.loads(hosts.output("a", "ip -j link show e0"))[0]["address"]
    assert any(mac in line for line in fdb), fdb
    assert switch.get("interface", "va", "error") == "[]"
    assert switch.get("interface", "va", "link_state") == "up"
    assert int(switch.get("interface", "va", "ofport")) > 0
    assert int(switch.get("interface", "va", "ifindex")) > 0


def test_vlans_part_hosts_and_trunks_join_them(hosts, switch):
    hosts.wait_ping("a", "10.0.0.2")
    switch.vsctl("set port va tag=10")
    assert not hosts.ping("a", "10.0.0.2")
    switch.vsctl("set port vb tag=10")
    hosts.wait_ping("a", "10.0.0.2")
    # Over a trunk between two bridges, unless the trunk does not carry the VLAN.
    switch.vsctl("del-port br0 vb -- add-br br1 -- set bridge br1 datapath_type=netdev "
                 "-- add-port br1 vb tag=10 "
                 "-- add-port br0 p0 -- set interface p0 type=patch options:peer=p1 "
                 "-- add-port br1 p1 -- set interface p1 type=patch options:peer=p0")
    hosts.wait_ping("a", "10.0.0.2")
    transfer(hosts, "a", "b", "10.0.0.2")
    switch.vsctl("set port p0 trunks=20")
    assert not hosts.ping("a", "10.0.0.2")


def test_patch_ports_join_bridges(net, switch):
    net.add_host("a", "va", "10.0.0.1/24")
    net.add_host("b", "vb", "10.0.0.2/24")
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 va")
    switch.vsctl("add-br br1 -- set bridge br1 datapath_type=netdev -- add-port br1 vb")
    assert not net.ping("a", "10.0.0.2")
    switch.vsctl("add-port br0 p0 -- set interface p0 type=patch options:peer=p1 "
                 "-- add-port br1 p1 -- set interface p1 type=patch options:peer=p0")
    net.wait_ping("a", "10.0.0.2")
    # The cable costs nothing: the flow goes from device to device.
    assert any("in_port(va)" in f and f.endswith("actions:vb") for f in switch.flows("--names"))


def test_internal_port_carries_an_address(net, switch):
    net.add_host("a", "va", "10.0.0.1/24")
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 va")
    net.run("sw", "ip addr add 10.0.0.254/24 dev br0")
    net.run("sw", "ip link set br0 up")
    net.wait_ping("a", "10.0.0.254")
    transfer(net, "a", "sw", "10.0.0.254")
    transfer(net, "sw", "a", "10.0.0.1")
    # Any port can become one.
    switch.vsctl("add-port br0 int0 -- set interface int0 type=internal")
    assert net.link("sw", "int0")["linkinfo"]["info_kind"] == "tun"
    switch.vsctl("del-port br0 int0")
    assert net.run("sw", "ip link show int0", check=False).returncode != 0


def test_half_wrong_configuration(hosts, switch):
    result = switch.vsctl("add-port br0 nodev -- add-port br0 lo -- add-port br0 odd -- set interface odd type=foo",
                          check=False)
    assert "No such device" in result.stderr
    assert switch.get("interface", "nodev", "error") == '"could not open network device nodev (No such device)"'
    assert switch.get("interface", "lo", "error") == \
        '"could not add network device lo to ofproto (Invalid argument)"'
    assert "Address family not supported by protocol" in switch.get("interface", "odd", "error")
    assert switch.get("interface", "nodev", "ofport") == "-1"
    hosts.wait_ping("a", "10.0.0.2")


def test_device_taken_by_another(net, switch):
    net.run("sw", "ip link add br9 type bridge")
    net.add_host("a", "va", "10.0.0.1/24")
    net.run("sw", "ip link set va master br9")
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev")
    switch.vsctl("add-port br0 va", check=False)
    assert "Device or resource busy" in switch.get("interface", "va", "error")


def test_device_goes_and_comes_back(hosts, switch):
    hosts.wait_ping("a", "10.0.0.2")
    hosts.run("sw", "ip link del vb")
    wait_for(lambda: "No such device" in switch.get("interface", "vb", "error"), "the error to be told")
    hosts.add_veth("b", "vb")
    hosts.run("b", "ip addr add 10.0.0.2/24 dev e0")
    hosts.run("a", "ip neigh flush dev e0")  # the new device has another address
    hosts.wait_ping("a", "10.0.0.2")
    assert switch.get("interface", "vb", "error") == "[]"


def test_kill_and_restart(hosts, switch):
    hosts.wait_ping("a", "10.0.0.2")
    switch.kill()
    switch.start()
    hosts.wait_ping("a", "10.0.0.2")
    # What was learned is gone, what was configured is not.
    assert "Port vb" in switch.vsctl("show").stdout


def test_clean_stop_leaves_nothing(hosts, switch):
    def state():
        return [hosts.output("sw", command) for command in
                ("tc qdisc show", "tc filter show dev va ingress", "ethtool -k va")] + [
            sorted((link["ifname"], link.get("promiscuity"), link["flags"])
                   for link in json.loads(hosts.output("sw", "ip -d -j link show")))]
    switch.vsctl("del-br br0")
    before = state()
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 va -- add-port br0 vb")
    hosts.wait_ping("a", "10.0.0.2")
    assert state() != before
    switch.stop()
    after = state()
    before[3] = [link for link in before[3] if link[0] not in ("ovs-netdev", "br0")]
    assert after == before


def test_moved_mac_is_followed_at_once(net, switch):
    net.add_host("a", "va", "10.0.0.1/24")
    net.add_host("b", "vb", "10.0.0.2/24")
    net.add_namespace("c")
    net.add_veth("c", "vc")
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 va -- add-port br0 vb "
                 "-- add-port br0 vc")
    net.wait_ping("a", "10.0.0.2")
    mac = json.loads(net.output("b", "ip -j link show e0"))[0]["address"]
    net.run("b", "ip link set e0 down")
    net.run("c", f"ip link set e0 address {mac}")
    net.run("c", "ip addr add 10.0.0.2/24 dev e0")
    net.wait_ping("c", "10.0.0.1")
    net.wait_ping("a", "10.0.0.2")


def test_secure_bridge_drops_and_says_so(net, switch):
    net.add_host("a", "va", "10.0.0.1/24")
    net.add_host("b", "vb", "10.0.0.2/24")
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev fail_mode=secure "
                 "-- add-port br0 va -- add-port br0 vb")
    assert not net.ping("a", "10.0.0.2")
    assert not net.ping("a", "10.0.0.2")
    drops = switch.ask("drop/show", "va")
    assert "explicit" in drops, drops


def test_vxlan_of_the_hosts_crosses_the_switch(hosts, switch):
    for host, own, other in (("a", 1, 2), ("b", 2, 1)):
        hosts.run(host, f"ip link add vx type vxlan id 7 remote 10.0.0.{other} dstport 4789 dev e0")
        hosts.run(host, f"ip addr add 10.1.0.{own}/24 dev vx")
        hosts.run(host, "ip link set vx up")
    hosts.wait_ping("a", "10.1.0.2")
    transfer(hosts, "a", "b", "10.1.0.2")


def test_port_descriptions_follow_the_host(hosts, switch):
    def describes(*lines):
        text = switch.command("ovs-ofctl", "dump-ports-desc", "br0").stdout
        port = text.split("(va)")[1].split("(vb)")[0].split(")")[0]
        return all(line in port for line in lines)

    assert describes("config:     0\n", "state:      0\n", "current:    10GB-FD COPPER\n", "speed: 10000 Mbps now")
    hosts.run("sw", "ip link set va down")
    wait_for(lambda: describes("config:     PORT_DOWN\n", "state:      LINK_DOWN\n"), "the port to be down")
    switch.command("ovs-ofctl", "mod-port", "br0", "va", "up")
    assert "UP" in hosts.link("sw", "va")["flags"]
    wait_for(lambda: describes("config:     0\n", "state:      0\n"), "the port to be up")
    hosts.wait_ping("a", "10.0.0.2")


class SwitchOfNobody(Switch):
    """Started by root as another user, who may open /dev/net/tun (as Debian's udev lets everybody)."""

    def start(self):
        tun = self.dir / "tun"
        os.mknod(tun, 0o20666, os.makedev(10, 200))
        os.chmod(tun, 0o666)
        shutil.chown(self.dir, "nobody", "nogroup")
        self.command("unshare", "-m", "sh", "-c", f"mount --bind {tun} /dev/net/tun && exec $0 $*",
                     build_dir() / "sluiced", "--detach", "--no-chdir", "--pidfile", "--log-file",
                     "--user=nobody:nogroup")


def test_with_the_rights_of_a_switch_only(net):
    net.add_host("a", "va", "10.0.0.1/24")
    net.add_host("b", "vb", "10.0.0.2/24")
    switch = SwitchOfNobody(net)
    try:
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 va -- add-port br0 vb "
                     "-- add-port br0 i0 -- set interface i0 type=internal")
        net.wait_ping("a", "10.0.0.2")
        assert switch.get("interface", "i0", "error") == "[]"
        with open(f"/proc/{switch.pid()}/status") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        assert status["Uid"].split() == ["65534"] * 4 and status["Gid"].split() == ["65534"] * 4
        # NET_ADMIN, NET_RAW, NET_BROADCAST, NET_BIND_SERVICE, IPC_LOCK, PERFMON, BPF
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0xC000007C00
        switch.stop()
        assert "sluice" not in net.output("sw", "tc filter show dev va ingress")
    finally:
        switch.close()
