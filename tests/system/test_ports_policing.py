# SPDX-License-Identifier: Apache-2.0
"""Ingress policing (Interface, ingress_policing_*), and what the statistics column shows from the beginning.

    host a (e0) --- va [ br0 ] vb --- (e0) host b        10.0.0.1/24, 10.0.0.2/24
"""
import re
import sys

import pytest

# Sends N datagrams of 1,000 bytes at once.
SEND = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[1])):
    s.sendto(bytes(1000 - 42), ("10.0.0.2", 9))
"""


@pytest.fixture
def hosts(net, switch):
    net.add_host("a", "va", "10.0.0.1/24")
    net.add_host("b", "vb", "10.0.0.2/24")
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 va -- add-port br0 vb")
    net.wait_ping("a", "10.0.0.2")
    return net


def arrived(hosts, n):
    def count():
        return int(hosts.output("b", "cat /sys/class/net/e0/statistics/rx_packets"))
    before = count()
    hosts.run("a", [sys.executable, "-c", SEND, str(n)])
    assert hosts.ping("a", "10.0.0.2", 1, "-W", "5") or True  # behind them, in the same queue
    return count() - before


def test_policing_by_bytes_and_by_packets(hosts, switch):
    assert arrived(hosts, 1000) >= 1000  # those of one microflow go by the kernel
    switch.vsctl("set interface va ingress_policing_rate=80 ingress_policing_burst=800")  # 10 kB/s, 100 kB
    assert 95 <= arrived(hosts, 1000) <= 150
    drops = re.search(r"qos_policed\D*(\d+)", switch.ask("drop/show", "va"))
    assert drops and 850 <= int(drops.group(1)) <= 910, switch.ask("drop/show", "va")
    switch.vsctl("set interface va ingress_policing_rate=0 ingress_policing_kpkts_rate=1 ingress_policing_kpkts_burst=1")
    assert 1000 <= arrived(hosts, 5000) < 4000
    switch.vsctl("set interface va ingress_policing_kpkts_rate=0")
    assert arrived(hosts, 1000) >= 1000


def test_statistics_are_there_at_once(hosts, switch):
    switch.vsctl("add-port br0 i0 -- set interface i0 type=internal")
    text = switch.get("interface", "i0", "statistics")
    for key in ("collisions", "rx_bytes", "rx_crc_err", "rx_dropped", "rx_errors", "rx_frame_err", "rx_missed_errors",
                "rx_multicast_packets", "rx_over_err", "rx_packets", "tx_bytes", "tx_dropped", "tx_errors", "tx_packets"):
        assert f"{key}=" in text, text


def test_an_internal_device_that_is_down_drops_and_counts(hosts, switch):
    hosts.run("a", "ping -c 1 -W 0.1 -b 10.0.0.255", check=False)  # to everybody; br0 is down
    assert int(hosts.output("sw", "cat /sys/class/net/br0/statistics/rx_dropped")) > 0
    assert "tx_down" in switch.ask("drop/show", "br0"), switch.ask("drop/show")


def test_a_dummy_shows_its_own_counters(simulation):
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy -- add-port br0 p1 -- set interface p1 type=dummy "
                     "options:n_rxq=2")
    assert simulation.get("interface", "p1", "statistics") == (
        "{rx_bytes=0, rx_custom_packets_1=0, rx_custom_packets_2=0, rx_packets=0, rx_q0_bytes=0, rx_q0_packets=0, "
        "rx_q1_bytes=0, rx_q1_packets=0, tx_bytes=0, tx_packets=0, tx_q0_bytes=0, tx_q0_packets=0}")
