# SPDX-License-Identifier: Apache-2.0
"""OVN on our switch, beside the same OVN on the reference: Debian's ovn-controller, unmodified.

    sw0 10.0.0.0/24: p1 p2 p3     sw1 10.0.1.0/24: p4     pub 172.16.0.0/24 -- localnet -- br-ex: ex, ey
                 \\_______________ r0 ________________/
"""
import collections
import re
import signal
import subprocess
import time

import pytest

import ovn
from netns import Net, wait_for
from ports_util import transfer
from switch import Reference, Switch

pytestmark = pytest.mark.skipif(not ovn.INSTALLED, reason="ovn-central and ovn-host are not installed")

HOSTS = {"h1": ("p1", "10.0.0.1/24", "10.0.0.254", 1), "h2": ("p2", "10.0.0.2/24", "10.0.0.254", 2),
         "h3": ("p3", None, None, 3), "h4": ("p4", "10.0.1.4/24", "10.0.1.254", 4)}

NETWORK = """
ls-add sw0
ls-add sw1
ls-add pub
lr-add r0
lrp-add r0 rp0 02:00:00:00:01:00 10.0.0.254/24 fd00:0::fe/64
lrp-add r0 rp1 02:00:00:00:01:01 10.0.1.254/24 fd00:1::fe/64
lrp-add r0 rpx 02:00:00:00:01:02 172.16.0.1/24
lsp-add sw0 sw0-r0
lsp-set-type sw0-r0 router
lsp-set-addresses sw0-r0 router
lsp-set-options sw0-r0 router-port=rp0
lsp-add sw1 sw1-r0
lsp-set-type sw1-r0 router
lsp-set-addresses sw1-r0 router
lsp-set-options sw1-r0 router-port=rp1
lsp-add pub pub-r0
lsp-set-type pub-r0 router
lsp-set-addresses pub-r0 router
lsp-set-options pub-r0 router-port=rpx nat-addresses=router
lsp-add pub pub-net
lsp-set-type pub-net localnet
lsp-set-addresses pub-net unknown
lsp-set-options pub-net network_name=physnet1
lrp-set-gateway-chassis rpx hv1 20
lsp-add sw0 p1
lsp-set-addresses p1 "02:00:00:00:00:01 10.0.0.1 fd00:0::1"
lsp-set-port-security p1 "02:00:00:00:00:01 10.0.0.1 fd00:0::1"
lsp-add sw0 p2
lsp-set-addresses p2 "02:00:00:00:00:02 10.0.0.2 fd00:0::2"
lsp-add sw0 p3
lsp-set-addresses p3 "02:00:00:00:00:03 10.0.0.3"
lsp-set-port-security p3 "02:00:00:00:00:03 10.0.0.3"
lsp-add sw1 p4
lsp-set-addresses p4 "02:00:00:00:00:04 10.0.1.4 fd00:1::4"
lr-nat-add r0 snat 172.16.0.1 10.0.0.0/16
lr-nat-add r0 dnat_and_snat 172.16.0.11 10.0.0.1 p1 02:00:00:00:02:11
lr-nat-add r0 dnat_and_snat 172.16.0.14 10.0.1.4
lb-add lb0 30.0.0.1:80 10.0.0.1:8080,10.0.0.2:8080 tcp
lb-add lb1 172.16.0.80:80 10.0.0.1:8080,10.0.0.2:8080 tcp
ls-lb-add sw0 lb0
ls-lb-add sw1 lb0
lr-lb-add r0 lb1
--ecmp lr-route-add r0 10.9.0.0/16 172.16.0.100
--ecmp lr-route-add r0 10.9.0.0/16 172.16.0.101
meter-add acl-meter drop 2 pktps 2
acl-add sw0 to-lport 1001 "outport == \\"p2\\" && ip4 && tcp.dst == 8080" allow-related
acl-add sw0 to-lport 1001 "outport == \\"p2\\" && icmp4" allow-related
--log --meter=acl-meter --name=dropper --severity=warning acl-add sw0 to-lport 1000 "outport == \\"p2\\" && ip4" drop
acl-add sw0 from-lport 1001 "inport == \\"p3\\" && udp.dst == 7777" reject
acl-add sw1 from-lport 1001 "ip4 && udp.dst == 5555" allow-stateless
acl-add sw1 to-lport 1001 "ip4 && udp.src == 5555" allow-stateless
qos-add sw1 from-lport 100 "inport == \\"p4\\" && udp.dst == 9999" rate=1000 burst=100 dscp=10
"""
DHCP = "lease_time router server_id server_mac dns_server".split(), \
    "3600 10.0.0.254 10.0.0.254 02:00:00:00:01:00 10.0.0.53".split()

SERVER = """
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", int(sys.argv[1])))
s.listen(64)
print("ready", flush=True)
while True:
    c, a = s.accept()
    c.sendall(f"{sys.argv[2]} {a[0]}".encode())
    c.close()
"""
CLIENT = """
import socket, sys
for i in range(int(sys.argv[3])):
    s = socket.socket()
    s.settimeout(5)
    s.connect((sys.argv[1], int(sys.argv[2])))
    print(s.recv(99).decode())
    s.close()
"""
UDP = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(3)
s.connect((sys.argv[1], int(sys.argv[2])))
try:
    for i in range(int(sys.argv[3])):
        s.send(b"x" * 100)
    s.recv(10)
except OSError as e:
    print(e.strerror or e)
"""
ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
s.bind(("", int(sys.argv[1])))
print("ready", flush=True)
while True:
    data, control, _, a = s.recvmsg(2000, 100)
    print("tos", control[0][2][0] if control else 0, flush=True)
    s.sendto(data[:10], a)
"""
LEASE = """
import threading
from scapy.all import BOOTP, DHCP, Ether, IP, UDP, AsyncSniffer, sendp
mac = "02:00:00:00:00:03"
def ask(kind, *options):
    raw = bytes.fromhex(mac.replace(":", ""))
    started = threading.Event()
    sniffer = AsyncSniffer(iface="e0", lfilter=lambda p: DHCP in p and p[BOOTP].op == 2, count=1, timeout=15,
                           started_callback=started.set)
    sniffer.start()
    started.wait()
    sendp(Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)
          / BOOTP(chaddr=raw, xid=7) / DHCP(options=[("message-type", kind), *options, "end"]), iface="e0", verbose=False)
    sniffer.join()
    p = sniffer.results[0]
    print(p[BOOTP].yiaddr, sorted((o for o in p[DHCP].options if isinstance(o, tuple)), key=str))
ask("discover")
ask("request", ("requested_addr", "10.0.0.3"))
"""
PYTHON = "/usr/bin/python3"


class World:
    """The hosts, and OVN's databases; a chassis is ours or the reference's, in turn."""

    def __init__(self, net):
        self.net = net
        for host, (_, address, gateway, i) in HOSTS.items():
            net.add_host(host, f"v{i}", address)
            net.run(host, f"ip link set e0 address 02:00:00:00:00:0{i}")
            if gateway:
                side = 0 if i < 4 else 1
                net.run(host, f"ip route add default via {gateway}")
                net.run(host, f"ip -6 addr add fd00:{side}::{i}/64 dev e0 nodad")
                net.run(host, f"ip -6 route add default via fd00:{side}::fe")
        for host, last in (("ex", 100), ("ey", 101)):
            net.add_host(host, f"v{host}", f"172.16.0.{last}/24")
            net.run(host, "ip addr add 10.9.0.1/16 dev lo")
        for host in [*HOSTS, "ex", "ey"]:  # the reference knows no unfinished checksums
            net.run(host, "ethtool -K e0 tx off")
        self.central = ovn.Central()

    def build(self):
        self.central.nbctl(NETWORK)
        options = ",".join(f'{k}=\\"{v}\\"' for k, v in zip(*DHCP))
        options = self.central.nbctl(f'create dhcp_options cidr=10.0.0.0/24 "options={{{options}}}"').strip()
        self.central.nbctl(f"lsp-set-dhcpv4-options p3 {options}")

    def close(self):
        self.central.close()

    def chassis(self, switch):
        netdev = " -- set bridge br-ex datapath_type=netdev" if isinstance(switch, Reference) else ""
        switch.vsctl(f"add-br br-ex{netdev} -- add-port br-ex vex -- add-port br-ex vey")
        chassis = ovn.Chassis(self.central, switch, "hv1", options="external_ids:ovn-bridge-mappings=physnet1:br-ex")
        wait_for(lambda: "br-int" in switch.vsctl("list-br").stdout, "br-int")
        for port, _, _, i in HOSTS.values():
            chassis.bind(port, f"v{i}")
        self.central.sync()
        return chassis

    def python(self, host, program, *args, check=True):
        return self.net.run(host, [PYTHON, "-c", program, *map(str, args)], check=check).stdout.splitlines()

    def serve(self, host, program, *args):
        server = self.net.start(host, [PYTHON, "-c", program, *map(str, args)], stdout=subprocess.PIPE)
        server.stdout.readline()
        return server

    def answers(self, host, address, port, n):
        return collections.Counter(self.python(host, CLIENT, address, port, n))


@pytest.fixture(scope="module")
def world():
    net = Net()
    world = None
    try:
        world = World(net)
        world.build()
        yield world
    finally:
        if world:
            world.close()
        net.close()


def normalized(chassis):
    """What ovn-controller made of the switch: rules, groups, meters, tunnel options."""
    # Zones, groups and meters have the numbers that were free when ovn-controller came to them.
    def lines(text, numbers):
        return [re.sub(numbers, "", line).strip() for line in text.splitlines()]
    rules = lines(chassis.openflow("--names", "--no-stats", "dump-flows", "br-int"),
                  r"cookie=0x[0-9a-f]+, ?|0x[0-9a-f]+(?=->reg1[123])|(?<=group:)\d+|(?<=meter:)\d+|(?<=meter_id=)\d+")
    rest = [line for command in ("dump-groups", "dump-meters", "dump-tlv-map")
            for line in lines(chassis.openflow(command, "br-int"), r" \(xid=.*|(?<=group_id=)\d+|(?<=meter=)\d+")]
    return sorted(rules), sorted(rest)


def complaints(chassis):
    """Of ovn-controller and of the switch."""
    return [line for line in chassis.complaints() + [
        line for line in chassis.switch.log().splitlines() if re.search(r"\|(WARN|ERR|EMER)\||error reply", line)]
        if not re.search(r"VIF plug provider|\|if_status\||dpif_netdev\|WARN|failed to enumerate", line)]


def traffic(world, chassis):
    net = world.net
    for host, address in (("h1", "10.0.0.2"), ("h1", "10.0.0.254"), ("h1", "10.0.1.4"), ("h4", "10.0.0.1"),
                          ("h1", "fd00:1::4"), ("h1", "172.16.0.100"), ("h2", "172.16.0.101"), ("h4", "172.16.0.100"),
                          ("ex", "172.16.0.11"), ("ex", "172.16.0.14"), ("h4", "10.9.0.1"), ("h2", "172.16.0.11"),
                          ("h1", "172.16.0.14")):
        net.wait_ping(host, address)
        assert net.ping(host, address, 5), (host, address)
    # Whom others see: floating addresses, and the router's own.
    outside = world.serve("ex", SERVER, 9000, "ex")
    assert world.answers("h1", "172.16.0.100", 9000, 2) == {"ex 172.16.0.11": 2}
    assert world.answers("h2", "172.16.0.100", 9000, 2) == {"ex 172.16.0.1": 2}
    assert world.answers("h4", "172.16.0.100", 9000, 2) == {"ex 172.16.0.14": 2}
    # Load balancers: on the switch, with the way back to the host itself (hairpin), on the router.
    servers = [world.serve(host, SERVER, 8080, host) for host in ("h1", "h2")]
    assert set(world.answers("h4", "30.0.0.1", 80, 20)) == {"h1 10.0.1.4", "h2 10.0.1.4"}
    assert set(world.answers("h1", "30.0.0.1", 80, 20)) == {"h1 30.0.0.1", "h2 10.0.0.1"}
    assert set(world.answers("ex", "172.16.0.80", 80, 20)) == {"h1 172.16.0.100", "h2 172.16.0.100"}
    # ACLs: what is not allowed is dropped, and logged as often as the meter lets it; or refused.
    blocked = world.serve("h2", SERVER, 8081, "h2")
    assert "timed out" in net.run("h1", [PYTHON, "-c", CLIENT.replace("(5)", "(1)"), "10.0.0.2", "8081", "1"], check=False).stderr
    assert world.python("h1", UDP, "10.0.0.2", 8082, 20) == ["timed out"]
    wait_for(lambda: "acl_log" in chassis.log(), "the ACL's log")
    assert 'name="dropper", verdict=drop, severity=warning' in chassis.log()
    assert chassis.log().count("udp_dst=8082") + chassis.log().count("tp_dst=8082") < 15
    # DHCP, ACL reject (both answered by ovn-controller), port security.
    lease = world.python("h3", LEASE)
    assert [line.split()[0] for line in lease] == ["10.0.0.3"] * 2 and "10.0.0.53" in lease[1]
    net.run("h3", "ip addr replace 10.0.0.3/24 dev e0")
    net.wait_ping("h3", "10.0.0.1")
    assert world.python("h3", UDP, "10.0.0.1", 7777, 2) == ["Connection refused"]
    net.run("h3", "ip addr replace 10.0.0.33/24 dev e0")
    net.run("h3", "ip addr del 10.0.0.3/24 dev e0")
    assert not net.ping("h3", "10.0.0.1", 2)
    # Stateless ACLs, and DSCP of a QoS rule.
    echo = [world.serve("h1", ECHO, port) for port in (5555, 9999)]
    assert world.python("h4", UDP, "10.0.0.1", 5555, 1) == []
    assert world.python("h4", UDP, "10.0.0.1", 9999, 1) == []
    assert echo[1].stdout.readline() == "tos 40\n"
    for process in [outside, blocked, *servers, *echo]:
        process.kill()
        process.wait()
    return lease


def test_beside_the_reference(world):
    """One chassis: the same rules, groups and meters, and the same of all that packets meet."""
    seen = []
    for kind in (Switch, Reference):
        switch = kind(world.net)
        chassis = None
        try:
            chassis = world.chassis(switch)
            lease = traffic(world, chassis)
            assert chassis.ask("connection-status") == "connected\n"
            start = time.monotonic()
            world.central.sync()
            assert time.monotonic() - start < 5
            seen.append((*normalized(chassis), lease))
            assert not complaints(chassis)
            if kind is Switch:
                trace = switch.ask("ofproto/trace", "br-int", "in_port=v1,icmp,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,"
                                   "nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,icmp_type=8")
                assert "Final flow" in trace and "recirc" in trace
        finally:
            if chassis:
                chassis.close()
            switch.close()
    ours, theirs = seen
    for mine, other in zip(ours, theirs):
        assert [x for x in mine if x not in other] == [x for x in other if x not in mine]


TWO = """
ls-add s0
ls-add s1
lr-add r
lrp-add r r0 02:00:00:00:01:00 10.0.0.254/24
lrp-add r r1 02:00:00:00:01:01 10.0.1.254/24
acl-add s0 to-lport 1000 "ip4 && tcp" allow-related
acl-add s1 to-lport 1000 "ip4 && tcp" allow-related
""" + "".join(f"""
lsp-add s{k} s{k}-r
lsp-set-type s{k}-r router
lsp-set-addresses s{k}-r router
lsp-set-options s{k}-r router-port=r{k}
""" for k in (0, 1)) + "".join(f"""
lsp-add s{(i - 1) % 2} p{i}
lsp-set-addresses p{i} "02:00:00:00:00:0{i} 10.0.{(i - 1) % 2}.{i}"
""" for i in range(1, 5))


class Elsewhere:
    """A Net whose switch is in namespace "b"."""

    def __init__(self, net):
        self.net = net

    def full(self, ns):
        return self.net.full("b" if ns == "sw" else ns)


def restarts(net, central, chassis):
    """Of all parts; what the switch does by itself goes on meanwhile."""
    switch = chassis.switch
    pings = net.start("h1", ["ping", "-n", "-i", "0.05", "-c", "60", "10.0.1.4"], stdout=subprocess.PIPE)
    chassis.stop_controller()
    central.end("northd")
    chassis.start_controller()
    central.start_northd()
    central.sync()
    # A chassis that leaves takes its tunnels along for a moment; one that is killed does not, but rules begin anew.
    out = pings.communicate(timeout=30)[0]
    assert int(re.search(r"(\d+) received", out).group(1)) > 20, out
    pings = net.start("h1", ["ping", "-n", "-i", "0.05", "-c", "60", "10.0.1.4"], stdout=subprocess.PIPE)
    chassis.stop_controller(signal.SIGKILL)
    chassis.start_controller()
    central.sync()
    out = pings.communicate(timeout=30)[0]
    assert int(re.search(r"(\d+) received", out).group(1)) > 40, out
    switch.kill()
    switch.start()
    switch.command("ip", "addr", "replace", "192.168.0.1/24", "dev", "br-phys")
    switch.command("ip", "link", "set", "br-phys", "up")
    wait_for(lambda: net.ping("h1", "10.0.1.4"), "the way through the tunnel", 30)
    wait_for(lambda: net.ping("h4", "10.0.0.1"), "the way back", 30)
    central.sync()
    assert chassis.ask("connection-status") == "connected\n"


@pytest.mark.parametrize("other", ["ours", "reference"])
def test_two_chassis(net, other):
    """Switches and a router across a Geneve tunnel. Routed packets pass more tables than 64 on their way into it."""
    net.add_namespace("b")
    net.run("sw", f"ip link add u0 type veth peer name u0 netns {net.full('b')}")
    for ns in ("sw", "b"):
        net.run(ns, "ip link set u0 up")
        if other == "reference":
            net.run(ns, "ethtool -K u0 tx off")
    for i in range(1, 5):
        side, ns, host = (i - 1) % 2, "sw" if i < 3 else "b", f"h{i}"
        net.add_namespace(host)
        net.run(ns, f"ip link add v{i} mtu 1400 type veth peer name e0 mtu 1400 netns {net.full(host)}")
        net.run(ns, f"ip link set v{i} up")
        for command in (f"link set e0 address 02:00:00:00:00:0{i}", "link set e0 up", f"addr add 10.0.{side}.{i}/24 dev e0",
                        f"route add default via 10.0.{side}.254"):
            net.run(host, "ip " + command)
        if other == "reference":
            net.run(host, "ethtool -K e0 tx off")
    central, switches, controllers = ovn.Central(), [], []
    try:
        central.nbctl(TWO)
        for k, (kind, where) in enumerate([(Switch, net), (Switch if other == "ours" else Reference, Elsewhere(net))], 1):
            switch = kind(where)
            switches.append(switch)
            netdev = " -- set bridge br-phys datapath_type=netdev" if kind is Reference else ""
            switch.vsctl(f"add-br br-phys{netdev} -- add-port br-phys u0")
            switch.command("ip", "addr", "add", f"192.168.0.{k}/24", "dev", "br-phys")
            switch.command("ip", "link", "set", "br-phys", "up")
            chassis = ovn.Chassis(central, switch, f"hv{k}", encap_ip=f"192.168.0.{k}")
            controllers.append(chassis)
            wait_for(lambda s=switch: "br-int" in s.vsctl("list-br").stdout, "br-int")
            for i in (2 * k - 1, 2 * k):
                chassis.bind(f"p{i}", f"v{i}")
        central.sync()
        for host, address in (("h1", "10.0.0.3"), ("h3", "10.0.0.1"), ("h1", "10.0.1.4"), ("h4", "10.0.0.1"),
                              ("h2", "10.0.1.4"), ("h3", "10.0.1.4")):
            net.wait_ping(host, address)
            assert net.ping(host, address, 5, "-s", "1300"), (host, address)
        for source, sink, address in (("h1", "h3", "10.0.0.3"), ("h1", "h4", "10.0.1.4"), ("h4", "h1", "10.0.0.1")):
            transfer(net, source, sink, address, 16)
        maps = [c.openflow("dump-tlv-map", "br-int").partition("\n")[2] for c in controllers]
        assert maps[0] == maps[1] and "0x102" in maps[0]
        assert not complaints(controllers[0])
        if other == "ours":
            restarts(net, central, controllers[0])
    finally:
        for end in (*controllers, *switches, central):
            end.close()
