# SPDX-License-Identifier: Apache-2.0
"""The control commands about datapaths, beside the reference, to the letter."""
import os
import pathlib
import re

import pytest
from netns import wait_for

COMMANDS = pathlib.Path(__file__).with_name("dpctl_commands.txt").read_text().splitlines()
FILES = {
    "add": "in_port(1),eth(),eth_type(0x0800),ipv4() 2\n# a comment\n\nadd in_port(2),eth(),eth_type(0x0800),ipv4() 1\n"
           "in_port(3),eth(src=00:00:00:00:00:01),eth_type(0x0806),arp() drop\nfoo bar\n",
    "mod": "in_port(1),eth(),eth_type(0x0800),ipv4() 3\ndelete in_port(2),eth(),eth_type(0x0800),ipv4()\n"
           "modify in_port(7),eth(),eth_type(0x0806),arp() 1\nadd in_port(7),eth(),eth_type(0x0806),arp() 1\n",
    "del": "in_port(7),eth(),eth_type(0x0806),arp()\nin_port(1),eth(),eth_type(0x0800),ipv4() 1\n",
}
FILTERS = ("in_port=1", "in_port=p1", "in_port=3", "tcp", "ip", "udp", "arp", "tcp,tp_src=5", "dl_vlan=5",
           "dl_src=00:00:00:00:00:01", "in_port=3,dl_src=00:00:00:00:00:02", "")


@pytest.fixture
def both(simulation, reference):
    for switch in (simulation, reference):
        # Else the reference's next revalidation deletes flows that were added by hand.
        switch.vsctl("set open_vswitch . other_config:max-revalidator=100000")
        for words in ("add-br br0 -- set bridge br0 datapath_type=dummy other_config:hwaddr=aa:55:aa:55:00:00",
                      "add-port br0 p1 -- set interface p1 type=dummy",
                      "add-port br0 p2 -- set interface p2 type=dummy",
                      "add-br br1 -- set bridge br1 datapath_type=dummy other_config:hwaddr=aa:55:aa:55:00:01",
                      "add-port br1 p3 -- set interface p3 type=dummy"):
            switch.vsctl(words)
        switch.appctl("time/stop")
    return simulation, reference


def answers(switch, argv):
    result = switch.appctl(*argv, check=False)
    error = re.sub(r"ovs-appctl: \S+: server", "server", result.stderr)
    text = re.sub(r"ufid:[0-9a-f-]+", "ufid", result.stdout)
    return result.returncode, re.sub(r", dp-extra-info:\S+", "", text), error


def compare(both, commands):
    ours, theirs = both
    found = []
    for argv in commands:
        a, b = answers(ours, argv), answers(theirs, argv)
        if a != b:
            found.append((argv, a, b))
    assert not found


def test_to_the_letter(both):
    compare(both, [line.split(" ") for line in COMMANDS if line and not line.startswith("#")])


def test_the_switch_to_the_letter(both):
    lines = pathlib.Path(__file__).with_name("switch_commands.txt").read_text().splitlines()
    compare(both, [line.split(" ") for line in lines if line and not line.startswith("#")])


def test_files_of_flows_and_filters(both, tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
        commands = [[f"dpctl/{name}-flows", str(tmp_path / name)], ["dpctl/dump-flows"]]
        commands += [["dpctl/dump-flows", "filter=" + text] for text in FILTERS]
        commands += [["dpctl/dump-flows", "type=" + kind]
                     for kind in ("ovs", "tc", "offloaded", "non-offloaded", "all", "tc,ovs", "dpdk")]
        commands += [["dpctl/dump-flows", "pmd=-1"], ["dpctl/dump-flows", "pmd=7"]]
        compare(both, commands)
    compare(both, [["-s", "dpctl/mod-flow"], ["dpctl/mod-flow", "-s", "in_port(1),eth(),eth_type(0x0800),ipv4()", "1"],
                   ["dpctl/mod-flow", "--may-create", "in_port(9),eth(),eth_type(0x0800),ipv4()", "1"],
                   ["dpctl/del-flow", "-s", "in_port(9),eth(),eth_type(0x0800),ipv4()"], ["dpctl/dump-flows"]])


def test_forwarding_threads_are_shown(net, switch):
    net.add_host("h1", "v1")
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 v1")
    assert re.search(r"pmd thread numa_id 0 core_id 0:\n  isolated : false\n", switch.ask("dpif-netdev/pmd-rxq-show"))
    assert "port: v1 " in switch.ask("dpif-netdev/pmd-rxq-show")
    net.ping("h1", "10.0.0.9")
    net.run("h1", "ip addr add 10.0.0.1/24 dev e0")
    net.ping("h1", "10.0.0.9", 3)

    def received():
        return sum(map(int, re.findall(r"packets received: (\d+)", switch.ask("dpif-netdev/pmd-stats-show"))))

    assert received() > 0
    switch.ask("dpif-netdev/pmd-stats-clear")
    assert received() < 5
    assert "Iterations:" in switch.ask("dpif-netdev/pmd-perf-show")
    assert not switch.ask("dpif-netdev/pmd-stats-show", "-pmd", "99")


def test_errors_of_patch_ports(both):
    def state(switch):
        return switch.get("interface", "pp", "error"), switch.get("interface", "pp", "ofport")

    for words in ("add-port br0 pp -- set interface pp type=patch", "set interface pp options:peer=pp",
                  "set interface pp options:peer=qq options:foo=3", "remove interface pp options foo",
                  "add-port br1 qq -- set interface qq type=patch options:peer=pp", "del-port qq"):
        for switch in both:
            switch.vsctl(words)
        found = [state(switch) for switch in both]
        if found[0] != found[1]:  # the reference says that there is no peer when it next looks
            wait_for(lambda: state(both[1]) == found[0], f"the same error after {words}: {found}", seconds=7)


def test_the_host_in_the_database(simulation, reference):
    """`statistics` of the Open_vSwitch row: the same keys, the same number of figures."""
    both, shapes = (simulation, reference), []
    for switch in both:
        assert switch.get("open", ".", "statistics") == "{}"
        switch.vsctl("set open . other_config:enable-statistics=true")
        switch.vsctl("wait-until open . statistics:cpu>0")
        text = switch.get("open", ".", "statistics")
        if not os.path.exists("/etc/mtab"):  # the reference reads that, and a bare system has none
            text = re.sub(r'file_systems="[^"]*", ', "", text)
        shapes.append(re.sub(r"[\d.]+", "N", text))
        pid = switch.pid()
        resident = int(re.search(r"process_ovs-vswitchd=\"\d+,(\d+),", text)[1])
        now = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])
        assert now / 2 < resident < now * 2
        switch.vsctl("set open . other_config:enable-statistics=false")
        switch.vsctl("wait-until open . statistics={}")
    assert shapes[0] == shapes[1]
    ours = both[0]
    assert ours.get("open", ".", "ovs_version") == '"3.1.0"' and ours.get("open", ".", "db_version") == '"8.3.1"'


def test_descriptions_of_ports(both):
    """PORT_DOWN is the device's own state, whoever changed it; a patch port has none."""
    for switch in both:
        for words in ("set bridge br0 protocols=OpenFlow10,OpenFlow14",
                      "add-port br0 pp -- set interface pp type=patch options:peer=qq"):
            switch.vsctl(words)
        switch.appctl("netdev-dummy/set-admin-state", "p1", "down")
    for port, change in (("p1", None), ("p1", "up"), ("p2", "down"), ("p2", "no-flood"), ("pp", "down")):
        found = []
        for switch in both:
            if change:
                switch.command("ovs-ofctl", "mod-port", "br0", port, change)
            text = ""
            for version in ("OpenFlow10", "OpenFlow14"):
                text += switch.command("ovs-ofctl", f"-O{version}", "dump-ports-desc", "br0").stdout
            mac = switch.get("interface", "pp", "mac_in_use").strip('"')
            assert f"(pp): addr:{mac}" in text
            found.append(re.sub(mac, "MAC", text))
        assert found[0] == found[1], (port, change)
