# SPDX-License-Identifier: Apache-2.0
"""Forwarding threads on the processors that other_config names, and which of them serves which queue."""
import os
import re

import pytest
from ports_util import transfer


@pytest.fixture
def hosts(net, switch):
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev")
    for i in range(1, 4):
        net.add_host(f"h{i}", f"v{i}", f"10.0.0.{i}/24")
        switch.vsctl(f"add-port br0 v{i}")
    net.wait_ping("h1", "10.0.0.2")
    return net


def bound(switch):
    """The processors that each forwarding thread may run on."""
    found = {}
    for task in os.listdir(f"/proc/{switch.pid()}/task"):
        with open(f"/proc/{switch.pid()}/task/{task}/comm", encoding="ascii") as comm:
            name = comm.read().strip()
        if name.startswith("forward"):
            found[name] = sorted(os.sched_getaffinity(int(task)))
    return [found[name] for name in sorted(found)]


def served(switch):
    """{core: (isolated, ports)}"""
    text = switch.ask("dpif-netdev/pmd-rxq-show")
    return {int(core): (isolated == "true", sorted(re.findall(r"port: (\S+)", ports))) for core, isolated, ports in
            re.findall(r"core_id (\d+):\n  isolated : (\w+)\n((?:  port: .*\n)*)", text)}


def ports(switch):
    return sorted(port for _, names in served(switch).values() for port in names)


def test_as_many_threads_as_the_mask_has_processors(hosts, switch):
    before, all_ports = bound(switch), ports(switch)
    mine = sorted(os.sched_getaffinity(0))
    last = mine[-1]
    switch.vsctl(f"set open_vswitch . other_config:pmd-cpu-mask={1 << last:x}")
    assert bound(switch) == [[last]]
    assert list(served(switch)) == [last] and ports(switch) == all_ports
    assert hosts.ping("h1", "10.0.0.3", 10)
    everything = sum(1 << cpu for cpu in mine[:32])
    switch.vsctl(f"set open_vswitch . other_config:pmd-cpu-mask={everything:#x}")
    assert bound(switch) == [[cpu] for cpu in mine[:32]]
    assert ports(switch) == all_ports
    for wrong in ("nonsense", f"{1 << 70:x}", "0x"):
        switch.vsctl(f"set open_vswitch . other_config:pmd-cpu-mask={wrong}")
        assert bound(switch) == before
        assert f"pmd-cpu-mask {wrong} names no processor" in switch.log()
    switch.vsctl("remove open_vswitch . other_config pmd-cpu-mask")
    assert bound(switch) == before


def test_no_byte_is_lost_while_threads_come_and_go(hosts, switch):
    with open(f"{switch.dir}/toggle", "w", encoding="ascii") as script:
        script.write("while :; do for m in 1 3 0; do ovs-vsctl set open_vswitch . other_config:pmd-cpu-mask=$m; "
                     f"ovs-appctl -t {switch.dir}/ovs-vswitchd.{switch.pid()}.ctl dpif-netdev/pmd-rxq-rebalance; "
                     "done; done")
    with open(os.devnull, "w", encoding="ascii") as nowhere:
        hosts.start("sw", ["bash", f"{switch.dir}/toggle"], env=switch.env, stdout=nowhere, stderr=nowhere)
        transfer(hosts, "h1", "h2", "10.0.0.2", 256)
    packets = sum(int(n) for n in re.findall(r"packets:(\d+)", "".join(switch.flows())))
    assert packets > 1000  # whoever counted them


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor only")
def test_a_queue_goes_to_its_processor(hosts, switch):
    first, second = sorted(os.sched_getaffinity(0))[:2]
    switch.vsctl(f"set open_vswitch . other_config:pmd-cpu-mask={1 << first | 1 << second:x} "
                 f"-- set interface v2 other_config:pmd-rxq-affinity=0:{second}")
    assert served(switch)[second] == (True, ["v2"]) and not served(switch)[first][0]
    assert hosts.ping("h1", "10.0.0.2", 10) and hosts.ping("h1", "10.0.0.3", 10)
    switch.vsctl("set open_vswitch . other_config:pmd-rxq-isolate=false")
    assert "v2" in served(switch)[second][1] and not served(switch)[second][0]
    switch.vsctl("set interface v2 other_config:pmd-rxq-affinity=0:999")
    assert "There is no PMD thread on core 999" in switch.log()
    assert "v2" in ports(switch) and hosts.ping("h1", "10.0.0.2", 10)
    assert switch.ask("dpif-netdev/pmd-rxq-rebalance") == "pmd rxq rebalance requested.\n"
    assert switch.ask("dpif-netdev/pmd-rxq-rebalance", "ovs-netdev") == "pmd rxq rebalance requested.\n"
    refused = switch.appctl("dpif-netdev/pmd-rxq-rebalance", "nowhere", check=False)
    assert refused.stderr.startswith("please specify an existing datapath\n")
