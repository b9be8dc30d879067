# SPDX-License-Identifier: Apache-2.0
"""Traffic between two hosts through two system ports, nothing but the port drivers between them.

    host a  e0 ---- va  [relay]  vb ---- e0  host b        10.9.0.1, fd09::1      10.9.0.2, fd09::2
"""
import pathlib
import struct
import subprocess
import sys

import pytest
from netns import Relay, relay_program, wait_for
from ports_util import transfer


def two_hosts(net, mtu=1500):
    net.add_host("a", "va", "10.9.0.1/24", mtu)
    net.add_host("b", "vb", "10.9.0.2/24", mtu)
    for host, n in (("a", 1), ("b", 2)):
        net.run(host, f"ip addr add fd09::{n}/64 dev e0 nodad")
    relay = Relay(net, "system:va", "system:vb")
    assert relay.ready == "ready"
    net.wait_ping("a", "10.9.0.2")
    return relay


@pytest.mark.parametrize("address", ["10.9.0.2", "fd09::2"])
def test_tcp_with_default_offloads(net, address):
    relay = two_hosts(net)
    net.wait_ping("a", address)
    transfer(net, "a", "b", address)
    drops = relay.drops()
    assert not drops, drops
    # The segments went through whole.
    stats = relay.status("va")
    assert int(stats["rx_bytes"]) / int(stats["rx_packets"]) > 3000


def test_full_size_frames(net):
    two_hosts(net)
    assert net.ping("a", "10.9.0.2", 3, "-M", "do", "-s", "1472")
    assert net.ping("a", "fd09::2", 3, "-M", "do", "-s", "1452")


def test_fragments(net):
    two_hosts(net)
    assert net.ping("a", "10.9.0.2", 3, "-s", "8000")
    assert net.ping("a", "fd09::2", 3, "-s", "8000")


def test_jumbo_frames(net):
    relay = two_hosts(net, mtu=9000)
    assert net.ping("a", "10.9.0.2", 3, "-M", "do", "-s", "8972")
    transfer(net, "a", "b", "10.9.0.2")
    assert not relay.drops()


def tagged_hosts(net, protocol):
    relay = two_hosts(net)
    for host, n in (("a", 1), ("b", 2)):
        if net.run(host, f"ip link add link e0 name e0.7 type vlan protocol {protocol} id 7", check=False).returncode:
            pytest.skip("the kernel has no VLAN devices")
        net.run(host, "ip link set e0.7 up")
        net.run(host, f"ip addr add 10.7.0.{n}/24 dev e0.7")
    net.wait_ping("a", "10.7.0.2")
    return relay


@pytest.mark.parametrize("protocol", ["802.1Q", "802.1ad"])
def test_vlan_devices(net, protocol):
    relay = tagged_hosts(net, protocol)
    transfer(net, "a", "b", "10.7.0.2")
    if protocol == "802.1Q":
        assert net.ping("a", "10.7.0.2", 3, "-M", "do", "-s", "1472")  # the tag is not counted in the MTU
        assert not relay.drops()


# Tagged frames by packet socket, for kernels without VLAN devices too. What a port receives is read from the
# capture of a dummy port at the relay's other end.

ADDRESSES = "020000000002" "020000000001"


def udp_frame(tags, payload=b"x" * 100, partial=False):
    """An Ethernet frame with TAGS (hex), IPv4 and UDP; and where the UDP header starts."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 1, 0, 64, 17, 0, bytes([10, 9, 0, 1]), bytes([10, 9, 0, 2]))
    ip = ip[:10] + struct.pack("!H", inet_sum(ip)) + ip[12:]
    pseudo = ip[12:20] + struct.pack("!HH", 17, 8 + len(payload))
    udp = struct.pack("!HHHH", 1000, 2000, 8 + len(payload), 0) + payload
    check = inet_sum(pseudo) ^ 0xffff if partial else inet_sum(pseudo + udp)
    udp = udp[:6] + struct.pack("!H", check) + udp[8:]
    head = bytes.fromhex(ADDRESSES + tags + "0800")
    return head + ip + udp, len(head) + 20


def inet_sum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) & 1 else 0)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def send_frame(net, frame, header=None):
    """From host a; HEADER is a virtio_net_hdr."""
    net.run("a", [sys.executable, "-c", """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("e0", 0))
header = bytes.fromhex(sys.argv[1])
if header:
    s.setsockopt(263, 15, 1)
s.send(header + bytes.fromhex(sys.argv[2]))
""", (header or b"").hex(), frame.hex()])


def captured(path):
    data = path.read_bytes()
    frames, ofs = [], 24
    while ofs + 16 <= len(data):
        n = struct.unpack_from("<I", data, ofs + 8)[0]
        frames.append(data[ofs + 16:ofs + 16 + n])
        ofs += 16 + n
    return frames


def captured_udp(path):
    """Those between ADDRESSES."""
    return [f for f in captured(path) if f.hex().startswith(ADDRESSES)]


TAGS = ["", "81000007", "8100e007", "88a80007", "88a8000781000008", "8100000781000008"]


@pytest.mark.parametrize("tags", TAGS)
def test_tags_are_received(net, tags):
    net.add_host("a", "va", "10.9.0.1/24")
    capture = pathlib.Path(net.dir.name) / "tx.pcap"
    assert Relay(net, "system:va", f"dummy-pmd:d0,tx_pcap={capture}").ready == "ready"
    frame, _ = udp_frame(tags)
    send_frame(net, frame)
    wait_for(lambda: captured_udp(capture), "the frame")
    assert captured_udp(capture) == [frame]


@pytest.mark.parametrize("tags", ["", "81000007", "88a8000781000008"])
def test_partial_checksum_behind_tags(net, tags):
    """A device that takes no partial checksum gets complete ones, wherever the header is."""
    net.add_host("a", "va", "10.9.0.1/24")
    capture = pathlib.Path(net.dir.name) / "tx.pcap"
    relay = Relay(net, "system:va", f"dummy-pmd:d0,tx_pcap={capture}")
    frame, l4 = udp_frame(tags, partial=True)
    send_frame(net, frame, struct.pack("<BBHHHH", 1, 0, 0, 0, l4, 6))
    wait_for(lambda: captured_udp(capture), "the frame")
    assert captured_udp(capture) == [udp_frame(tags)[0]]
    assert not relay.drops()


@pytest.mark.parametrize("tags", TAGS)
def test_tags_are_sent(net, tags):
    """Through both ports to host b, whose own capture is made the same way. A frame of the MTU's size and one tag."""
    two_hosts(net)
    capture = pathlib.Path(net.dir.name) / "tx.pcap"
    far = net.start("b", [relay_program(), "system:e0", f"dummy-pmd:d0,tx_pcap={capture}"], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE)
    assert far.stdout.readline() == "ready\n"
    frame, _ = udp_frame(tags, b"y" * (1472 if tags in ("", "81000007", "8100e007") else 1400))
    send_frame(net, frame)
    wait_for(lambda: captured_udp(capture), "the frame")
    assert captured_udp(capture) == [frame]


def test_too_large_for_the_other_side(net):
    """What the output port's MTU does not allow is dropped, by that name."""
    relay = two_hosts(net, mtu=1500)
    assert relay.command("mtu vb 1400") == ["ok"]
    assert relay.status("vb")["mtu"] == "1400"
    assert not net.ping("a", "10.9.0.2", 1, "-M", "do", "-s", "1472")
    assert relay.drops()["vb", "mtu"][1] >= 1
    assert net.ping("a", "10.9.0.2", 1, "-M", "do", "-s", "1372")


def test_udp_segmentation(net):
    """A host's UDP_SEGMENT train (gso_type 5) arrives as the datagrams that were meant."""
    two_hosts(net)
    sink = net.start("b", [sys.executable, "-c", """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.9.0.2", 5002))
print("listening", flush=True)
print([s.recv(65536) == bytes([i]) * 1000 for i in range(40)], flush=True)
"""], stdout=subprocess.PIPE)
    assert sink.stdout.readline() == "listening\n"
    net.run("a", [sys.executable, "-c", """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(17, 103, 1000)
s.sendto(b"".join(bytes([i]) * 1000 for i in range(40)), ("10.9.0.2", 5002))
"""])
    assert sink.stdout.readline() == str([True] * 40) + "\n"


def test_hosts_own_vxlan(net):
    """TCP inside the hosts' vxlan devices: it arrives marked as plain TCP segmentation."""
    relay = two_hosts(net)
    for host, n in (("a", 1), ("b", 2)):
        net.run(host, f"ip link add vx type vxlan id 42 dstport 4789 local 10.9.0.{n} remote 10.9.0.{3 - n}")
        net.run(host, "ip link set vx up")
        net.run(host, f"ip addr add 10.42.0.{n}/24 dev vx")
    net.wait_ping("a", "10.42.0.2")
    transfer(net, "a", "b", "10.42.0.2", 32)
    assert not relay.drops()


def test_link_down_drops_are_named(net):
    relay = two_hosts(net)
    net.run("sw", "ip link set vb down")
    wait_for(lambda: relay.status("vb")["admin_state"] == "down", "vb to be down")
    assert not net.ping("a", "10.9.0.2")
    assert relay.drops()["vb", "tx_down"][1] >= 1
    net.run("sw", "ip link set vb up")
    net.wait_ping("a", "10.9.0.2")
