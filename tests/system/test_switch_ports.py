# SPDX-License-Identifier: Apache-2.0
"""What ports of a bridge share: MTU and OpenFlow numbers, beside the reference and with devices."""
from netns import wait_for

MTU_STEPS = """add-br br0 -- set bridge br0 datapath_type=dummy
add-port br0 v0 -- set interface v0 type=dummy mtu_request=9000
add-port br0 i0 -- set interface i0 type=internal
add-port br0 i1 -- set interface i1 type=dummy-internal
set interface i0 mtu_request=700
clear interface i0 mtu_request
set interface i0 mtu_request=9500
clear interface i0 mtu_request
clear interface v0 mtu_request
add-port br0 v1 -- set interface v1 type=dummy mtu_request=1300
del-port v1
set interface br0 mtu_request=2000"""


def test_mtu_of_internal_ports(simulation, reference):
    found = []
    for switch in (simulation, reference):
        seen = []
        for words in MTU_STEPS.splitlines():
            switch.vsctl(words)
            seen.append((words, sorted(switch.vsctl("--columns=name,mtu -f csv --no-headings list interface").stdout.split())))
        found.append(seen)
    assert found[0] == found[1]


def test_mtu_follows_devices(net, switch):
    for host in ("h1", "h2"):
        net.add_namespace(host)
    net.add_veth("h1", "v1")
    net.add_veth("h2", "v2", mtu=2000)
    switch.vsctl("add-br br0 -- add-port br0 v1 -- add-port br0 v2 -- add-port br0 i0 -- set interface i0 type=internal")

    def mtu(device):
        return int(net.run("sw", f"cat /sys/class/net/{device}/mtu").stdout)

    def become(*wanted):
        wait_for(lambda: (mtu("br0"), mtu("i0")) == wanted, f"MTUs {wanted}")

    become(1500, 1500)
    net.run("sw", "ip link set v1 mtu 1300")
    become(1300, 1300)
    net.run("sw", "ip link set i0 mtu 1200")  # smaller by hand stays
    become(1300, 1200)
    net.run("sw", "ip link set v1 mtu 1400")
    become(1400, 1400)
    net.run("sw", "ip link set i0 mtu 1800")  # larger does not
    become(1400, 1400)
    switch.vsctl("set interface v1 mtu_request=1600")
    become(1600, 1600)
    net.run("sw", "ip link set v1 mtu 1500")  # the database's word counts
    wait_for(lambda: mtu("v1") == 1600, "the MTU that was asked for")
    switch.vsctl("del-port v1")
    become(2000, 2000)


def test_a_number_that_is_asked_for_later(simulation):
    """ovs-vswitchd.conf.db(5), ofport_request: who has the number only by chance gets another."""
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy")
    for name in ("p1", "p2", "p3"):
        simulation.vsctl(f"add-port br0 {name} -- set interface {name} type=dummy")

    def numbers():
        return [int(simulation.get("interface", name, "ofport")) for name in ("p1", "p2", "p3")]

    assert numbers() == [1, 2, 3]
    simulation.vsctl("set interface p2 ofport_request=1")
    assert numbers()[1:] == [1, 3] and numbers()[0] not in (1, 3)
    simulation.vsctl("set interface p3 ofport_request=1")  # it is kept by who asked for it first
    assert numbers()[1:] == [1, 3]
    simulation.vsctl("clear interface p2 ofport_request")
    assert numbers()[2] == 1 and numbers()[1] != 1
    simulation.vsctl("set interface p1 ofport_request=65279")
    assert numbers()[0] == 65279
