# SPDX-License-Identifier: Apache-2.0
"""Quality of service: the QoS and Queue tables, the kernel's disciplines that come of them, queues over OpenFlow.

    host a (e0) --- va [ br0 ] vb --- (e0) host b        10.0.0.1/24, 10.0.0.2/24
"""
import os
import pathlib
import re
import struct
import subprocess
import sys

import pytest

from netns import wait_for
from ports_util import transfer
from switch import Reference, Switch

HERE = pathlib.Path(__file__).parent

# Sends N datagrams of 100 bytes from e0, without asking for the other's address.
SEND = """
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("e0", 0))
ip = bytes([0x45, 0]) + struct.pack("!HHHBBH4s4s", 128, 1, 0, 64, 17, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
total = sum(struct.unpack("!10H", ip))
while total >> 16:
    total = (total & 0xffff) + (total >> 16)
ip = ip[:10] + struct.pack("!H", total ^ 0xffff) + ip[12:]
frame = bytes.fromhex("020000000002020000000001") + b"\\x08\\0" + ip + struct.pack("!HHHH", 1, 9, 108, 0) + bytes(100)
for _ in range(int(sys.argv[1])):
    s.send(frame)
"""
FRAME = 142  # bytes of such a frame

# QoS settings, and queues with theirs.
HTB = ("linux-htb", "max-rate=10000000", {0: "min-rate=1000000",
                                          1: "min-rate=500000 max-rate=2000000 burst=1000000 priority=3"})
SETTINGS = [
    HTB,
    ("linux-htb", "", {}),
    ("linux-htb", "max-rate=abc", {}),
    ("linux-htb", "max-rate=7", {3: "max-rate=1"}),
    ("linux-htb", "max-rate=10000000", {1: "min-rate=20000000"}),
    ("linux-htb", "max-rate=10000000", {1: "min-rate=1 max-rate=20000000"}),
    ("linux-htb", "max-rate=10000000", {1: "min-rate=2000000 max-rate=1000000 burst=1 priority=9"}),
    ("linux-htb", "max-rate=10000000", {1: "min-rate=120000", 2: "min-rate=119992", 61439: "", 61440: "", 70000: ""}),
    ("linux-hfsc", "max-rate=1000000", {0: "", 1: "min-rate=2000000", 2: "min-rate=20 max-rate=5"}),
    ("linux-hfsc", "max-rate=1000000", {}),
    ("linux-sfq", "", {}),
    ("linux-sfq", "perturb=5 quantum=3000", {1: ""}),
    ("linux-sfq", "perturb=0 quantum=0", {}),
    ("linux-codel", "", {}),
    ("linux-codel", "target=100 limit=50 interval=7000", {}),
    ("linux-codel", "target=0 limit=0 interval=0", {}),
    ("linux-fq_codel", "", {}),
    ("linux-fq_codel", "target=100 limit=50 interval=7000 flows=11 quantum=999", {}),
    ("linux-netem", "", {}),
    ("linux-netem", "latency=5000 limit=77 loss=10", {}),
    ("linux-netem", "loss=100", {}),
    ("linux-netem", "loss=101", {}),
    ("linux-noop", "", {}),
    ("egress-policer", "cir=1000 cbs=1000", {}),
]


def other_config(text, prefix="other_config"):
    return " ".join(f"{prefix}:{setting}" for setting in text.split())


def configure(switch, port, kind, settings, queues, dscp=None):
    """Makes the QoS of the port; where it had another one, that is gone."""
    refs = ",".join(f"{number}=@q{number}" for number in queues)
    text = f"set port {port} qos=@qos -- --id=@qos create qos type={kind} {other_config(settings)}"
    text += f" queues={refs}" if queues else ""
    for number, queue in queues.items():
        mark = f"dscp={dscp[number]}" if dscp and number in dscp else ""
        text += f" -- --id=@q{number} create queue external_ids:is={number} {mark} {other_config(queue)}"
    switch.vsctl(text)


def clear(switch, port):
    switch.vsctl(f"clear port {port} qos -- --all destroy qos -- --all destroy queue")


@pytest.fixture(scope="session")
def tc_trace(tmp_path_factory):
    library = tmp_path_factory.mktemp("tc") / "tc_trace.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, HERE / "tc_trace.c", "-ldl"], check=True)
    return library


def datapath_type(kind):
    """Two of `netdev` cannot be in one namespace (each has a device ovs-netdev)."""
    return "datapath_type=netdev" if kind is Reference else "datapath_type=system"


def normal(attributes):
    """Without the flag that some set on nests, and nobody reads."""
    out = bytearray(attributes)
    at = 0
    while at + 4 <= len(out):
        size, kind = struct.unpack_from("=HH", out, at)
        struct.pack_into("=H", out, at + 2, kind & 0x3fff)
        at += (size + 3) & ~3
    return out.hex()


class Traced:
    """A switch with one bridge and a port, whose requests to the kernel can be read."""

    def __init__(self, net, monkeypatch, library, kind, device, **environment):
        self.trace = pathlib.Path(net.dir.name) / f"trace-{device}"
        self.device = device
        with monkeypatch.context() as patch:
            for name, value in dict(environment, LD_PRELOAD=str(library), TC_TRACE=str(self.trace)).items():
                patch.setenv(name, value)
            self.switch = kind(net)
        self.switch.env.pop("LD_PRELOAD")
        net.add_namespace(f"h{device}")
        net.add_veth(f"h{device}", device)
        self.switch.vsctl(f"add-br br-{device} -- set bridge br-{device} {datapath_type(kind)} -- "
                          f"add-port br-{device} {device}")

    def told(self):
        """What disciplines and classes were made since the last time, without what differs by nature."""
        made = []
        for line in self.trace.read_text().splitlines() if self.trace.exists() else []:
            message = bytes.fromhex(line)
            length, kind, flags = struct.unpack_from("=IHH", message)
            handle, parent = struct.unpack_from("=II", message, 24)
            if kind in (36, 40):  # RTM_NEWQDISC, RTM_NEWTCLASS
                made.append((kind, flags & ~4, hex(handle), hex(parent), normal(message[36:length])))
        self.trace.write_text("")
        return made

    def log(self):
        lines = [line.split("|", 4)[2:] for line in self.switch.log().splitlines() if "|netdev_linux|" in line]
        return [(fields[1], fields[2].replace(self.device, "DEV")) for fields in lines if fields[1] == "WARN"]


@pytest.fixture
def both(net, monkeypatch, tc_trace):
    """Ours and the reference, both believing that the kernel has every discipline."""
    made = []
    try:
        for kind, device in ((Switch, "q0"), (Reference, "q1")):
            made.append(Traced(net, monkeypatch, tc_trace, kind, device, TC_PRETEND="1"))
        yield made
    finally:
        for traced in made:
            traced.switch.close()


def test_the_kernel_is_told_what_the_reference_tells_it(both):
    for kind, settings, queues in SETTINGS:
        told, shown = [], []
        for traced in both:
            traced.told()
            configure(traced.switch, traced.device, kind, settings, queues)
            messages = traced.told()
            told.append([messages[:2], sorted(messages[2:])])  # classes of queues: in any order
            text = traced.switch.ask("qos/show", traced.device).replace(traced.device, "DEV")
            text = re.sub(r"(tx_\w+): \d+", r"\1: N", text)
            # Queues in any order; the reference does not end a complaint about statistics with a line's end.
            shown.append(sorted(re.sub(r"(directory)(?=\nQueue|$)", r"\1\n", text).strip().split("\n\n")))
            clear(traced.switch, traced.device)
        assert told[0] == told[1], (kind, settings)
        assert shown[0] == shown[1], (kind, settings)


def test_types_are_the_references(both):
    for name in ("DEV", "br-DEV", "nobody"):
        answers = []
        for traced in both:
            for command in ("qos/show-types", "qos/show"):
                result = traced.switch.appctl(command, name.replace("DEV", traced.device), check=False)
                answers.append((result.returncode, re.sub(r"/\S+ctl", "CTL", (result.stdout + result.stderr).replace(
                    traced.device, "DEV"))))
        assert answers[:2] == answers[2:], name


@pytest.mark.parametrize("kind", ["linux-hfsc", "linux-sfq", "linux-codel", "linux-fq_codel", "linux-netem"])
def test_a_kernel_without_the_discipline(net, monkeypatch, tc_trace, kind):
    """The port goes on without; one complaint, as the reference's."""
    if subprocess.run(["ip", "netns", "exec", net.full("sw"), "tc", "qdisc", "add", "dev", "lo", "root", kind[6:]],
                      capture_output=True).returncode == 0:
        pytest.skip(f"this kernel has {kind[6:]}")
    said = []
    for daemon, device in ((Switch, "q0"), (Reference, "q1")):
        traced = Traced(net, monkeypatch, tc_trace, daemon, device)
        try:
            configure(traced.switch, device, kind, "max-rate=1000000", {1: "min-rate=1000"})
            said.append((traced.log(), traced.switch.ask("qos/show", device).replace(device, "DEV")))
            traced.switch.vsctl(f"set port {device} external_ids:a=b")  # another round: nothing more is said
            if daemon is Switch:
                assert traced.log() == said[0][0]
                assert traced.switch.get("interface", device, "error") == "[]"
        finally:
            traced.switch.close()
    assert said[0] == said[1]


@pytest.fixture
def hosts(net, switch):
    net.add_host("a", "va", "10.0.0.1/24")
    net.add_host("b", "vb", "10.0.0.2/24")
    switch.vsctl("add-br br0 -- add-port br0 va -- add-port br0 vb -- set interface va ofport_request=1 -- "
                 "set interface vb ofport_request=2")
    return net


def devices(net):
    return re.sub(r"(qlen|refcnt) \d+", "", net.output("sw", "tc qdisc") + net.output("sw", "tc class show dev vb"))


def ofctl(switch, *argv, version="OpenFlow13", check=True):
    return switch.command("ovs-ofctl", "-O", version, *argv, check=check)


def queue_stats(switch, *argv):
    text = ofctl(switch, "queue-stats", "br0", *argv).stdout
    return {int(queue): (int(packets), int(size)) for queue, size, packets in
            re.findall(r"queue (\d+): bytes=(\d+), pkts=(\d+), errors=0, duration=\d+\.\d+s", text)}


def send(net, n):
    net.run("a", [sys.executable, "-c", SEND, str(n)])


def sent_by_queue(net, switch, actions, n=20):
    """Which queues counted how many, when N frames get these actions."""
    ofctl(switch, "del-flows", "br0")
    ofctl(switch, "add-flow", "br0", f"in_port=1,ip,actions={actions}")
    before = queue_stats(switch, "2")
    send(net, n)

    def grown():
        now = queue_stats(switch, "2")
        more = {queue: (now[queue][0] - before[queue][0], now[queue][1] - before[queue][1]) for queue in now}
        return {queue: count for queue, count in more.items() if count[0]} if sum(
            count[0] for count in more.values()) >= n else None
    return wait_for(grown, "the packets to be counted")


def quiet(net):
    """No packet of the hosts' own disturbs the count."""
    for name in ("a", "b", "sw"):
        net.run(name, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1")


def check_queues(net, switch):
    quiet(net)
    configure(switch, "vb", "linux-htb", "max-rate=100000000", {0: "", 1: "", 5: ""})
    assert sent_by_queue(net, switch, "output:2") == {0: (20, 20 * FRAME)}
    assert sent_by_queue(net, switch, "enqueue:2:1") == {1: (20, 20 * FRAME)}
    assert sent_by_queue(net, switch, "set_queue:5,output:2") == {5: (20, 20 * FRAME)}
    assert sent_by_queue(net, switch, "set_queue:5,pop_queue,output:2") == {0: (20, 20 * FRAME)}
    assert sent_by_queue(net, switch, "set_queue:0,output:2") == {0: (20, 20 * FRAME)}
    assert sent_by_queue(net, switch, "set_queue:77,output:2") == {0: (20, 20 * FRAME)}  # no such queue
    assert sent_by_queue(net, switch, "enqueue:2:1,enqueue:2:5,output:2") == {
        queue: (20, 20 * FRAME) for queue in (0, 1, 5)}
    assert sent_by_queue(net, switch, "set_queue:1,normal", 2000) == {1: (2000, 2000 * FRAME)}  # not by the shortcut


def test_packets_go_by_their_queue(hosts, switch):
    check_queues(hosts, switch)


def test_packets_go_by_their_queue_on_an_older_kernel(net, monkeypatch, tc_trace):
    with monkeypatch.context() as patch:
        patch.setenv("LD_PRELOAD", str(tc_trace))
        patch.setenv("TC_NO_PRIORITY", "1")
        switch = Switch(net)
    switch.env.pop("LD_PRELOAD")
    try:
        hosts.__wrapped__(net, switch)
        check_queues(net, switch)
        fds = len(os.listdir(f"/proc/{switch.pid()}/fd"))
        clear(switch, "vb")
        wait_for(lambda: len(os.listdir(f"/proc/{switch.pid()}/fd")) == fds - 3, "the queues' sockets to be closed")
    finally:
        switch.close()


def test_packets_in_segments_are_counted(hosts, switch):
    """TCP goes through in pieces of up to 64 KiB, for which the kernel counts bytes alone."""
    configure(switch, "vb", "linux-htb", "", {1: ""})
    ofctl(switch, "del-flows", "br0")
    ofctl(switch, "add-flow", "br0", "priority=1,actions=normal")
    ofctl(switch, "add-flow", "br0", "in_port=1,tcp,actions=set_queue:1,normal")
    transfer(hosts, "a", "b", "10.0.0.2", 4)
    packets, size = queue_stats(switch, "2")[1]
    assert size > 4e6 and size / 1514 <= packets <= size / 500, (packets, size)


def test_what_waits_in_one_queue_keeps_no_other_out(hosts, switch):
    """All share the socket's send buffer: it must not be what is full first."""
    def buffers():
        return set(re.findall(r"\*:vb .*?,tb(\d+),", hosts.output("sw", "ss -0 -mn"), re.S))
    before = buffers()
    configure(switch, "vb", "linux-htb", "", {1: ""})
    assert all(int(size) > 2e9 for size in buffers()), buffers()
    clear(switch, "vb")
    assert buffers() == before


def test_netdev_datapath_too(net, switch):
    net.add_host("a", "va", "10.0.0.1/24")
    net.add_host("b", "vb", "10.0.0.2/24")
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 va -- add-port br0 vb -- "
                 "set interface va ofport_request=1 -- set interface vb ofport_request=2")
    quiet(net)
    configure(switch, "vb", "linux-htb", "max-rate=100000000", {1: ""})
    assert sent_by_queue(net, switch, "enqueue:2:1") == {1: (20, 20 * FRAME)}


def test_devices_look_as_before(hosts, switch):
    before = devices(hosts)
    kind, settings, queues = HTB

    configure(switch, "vb", kind, settings, queues)
    assert "htb 1: dev vb root" in devices(hosts)
    clear(switch, "vb")
    assert devices(hosts) == before

    configure(switch, "vb", kind, settings, queues)
    switch.vsctl("del-port vb")
    assert "htb" not in devices(hosts)
    switch.vsctl("add-port br0 vb -- set port vb qos=@q -- --id=@q create qos type=linux-htb")
    assert "htb 1: dev vb root" in devices(hosts)

    switch.stop()
    after_exit = devices(hosts)
    assert "htb" not in after_exit and "clsact" not in after_exit

    switch.start()
    assert "htb 1: dev vb root" in devices(hosts)
    switch.kill()
    assert "htb 1: dev vb root" in devices(hosts)
    switch.start()
    assert "htb 1: dev vb root" in devices(hosts)
    clear(switch, "vb")
    assert devices(hosts) == before


def test_one_that_died_leaves_nothing_for_good(hosts, switch):
    """Without QoS in the database, the discipline of a daemon that was killed goes with the next one."""
    before = devices(hosts)
    hosts.run("sw", "ip link add other type veth peer name other2")
    configure(switch, "vb", *HTB)
    switch.kill()
    switch.start()
    switch.vsctl("clear port vb qos")
    assert devices(hosts).replace("other", "") is not None and "htb" not in devices(hosts)
    hosts.run("sw", "tc qdisc add dev other root handle 5: htb")
    hosts.run("sw", "ip link set other up")
    switch.vsctl("add-port br0 other -- set port other qos=@q -- --id=@q create qos type=linux-noop")
    assert "htb 5: dev other root" in devices(hosts)
    switch.vsctl("del-port other")
    assert "htb 5: dev other root" in devices(hosts)  # not ours to touch
    switch.vsctl("add-port br0 other")
    assert "htb" not in devices(hosts)  # the switch manages it
    hosts.run("sw", "ip link del other")
    wait_for(lambda: devices(hosts) == before, "the devices to be as before")


def test_changes_in_place(hosts, switch):
    """What changes is changed, and nothing else: a queue keeps its packets and counters."""
    quiet(hosts)
    configure(switch, "vb", "linux-htb", "max-rate=100000000", {1: "", 2: ""})
    sent_by_queue(hosts, switch, "enqueue:2:1")
    counted = queue_stats(switch, "2")[1]
    uuid = switch.get("port", "vb", "qos")
    switch.vsctl(f"set qos {uuid} other_config:max-rate=50000000")
    assert "rate 50Mbit ceil 50Mbit" in hosts.output("sw", "tc class show dev vb")
    switch.vsctl(f"remove qos {uuid} queues 2")
    switch.vsctl(f"set qos {uuid} queues:9=@q -- --id=@q create queue other_config:max-rate=3000000")
    assert sorted(queue_stats(switch, "2")) == [0, 1, 9]
    assert "class htb 1:a parent 1:fffe prio 0 rate 12Kbit ceil 3Mbit" in hosts.output("sw", "tc class show dev vb")
    assert queue_stats(switch, "2")[1] == counted
    hosts.run("sw", "tc qdisc del dev vb root")  # somebody takes it away: the next change brings it back
    switch.vsctl(f"set qos {uuid} other_config:max-rate=60000000")
    assert "rate 60Mbit ceil 60Mbit" in hosts.output("sw", "tc class show dev vb")
    switch.vsctl(f"set qos {uuid} type=nonsense")
    assert "htb" not in devices(hosts)
    assert 'there is no QoS type "nonsense"' in switch.log()


def test_rows_are_collected(hosts, switch):
    configure(switch, "vb", *HTB)
    switch.vsctl("del-port vb")
    assert switch.vsctl("--columns=type list qos").stdout.split() == ["type", ":", "linux-htb"]  # a root table
    assert switch.vsctl("--all destroy qos -- --all destroy queue", check=False).returncode == 0
    assert not switch.vsctl("list queue").stdout


def test_a_queue_marks_its_packets(hosts, switch):
    configure(switch, "vb", "linux-htb", "max-rate=100000000", {0: "", 1: "", 2: ""}, dscp={0: 11, 1: 22})

    def actions(rule, packet="in_port=1,tcp,nw_tos=0"):
        ofctl(switch, "del-flows", "br0")
        ofctl(switch, "add-flow", "br0", f"actions={rule}")
        text = switch.ask("ofproto/trace", "br0", packet)
        return re.search("Datapath actions: (.*)", text).group(1), re.search("Megaflow: (.*)", text).group(1)
    port = re.search(r"port (\d+): vb", switch.ask("dpctl/show")).group(1)
    assert actions("output:2")[0] == port  # only where queue 0 was asked for
    assert actions("set_queue:0,output:2")[0] == f"set(ipv4(tos=0x2c/0xfc)),set(skb_priority(0x10001)),{port}"
    assert actions("set_queue:1,output:2", "in_port=1,tcp6")[0] == (
        f"set(ipv6(tclass=0x58/0xfc)),set(skb_priority(0x10002)),{port}")
    assert actions("set_queue:1,output:2,output:in_port")[0].startswith(
        f"set(ipv4(tos=0x58/0xfc)),set(skb_priority(0x10002)),{port},set(ipv4(tos=0/0xfc)),")
    assert actions("set_queue:1,output:2", "in_port=1,tcp,nw_tos=88")[0] == f"set(skb_priority(0x10002)),{port}"
    assert "nw_tos" not in actions("set_queue:2,output:2")[1]
    assert "skb_priority" not in actions("enqueue:2:70000")[0]
    clear(switch, "vb")
    assert actions("set_queue:1,output:2")[0] == f"set(skb_priority(0x10002)),{port}"


def test_openflow_says_what_the_reference_says(net, switch):
    """Requests about queues, in each version; on a dummy port, a device without QoS, and one with."""
    reference = Reference(net, "--enable-dummy")
    try:
        answers = []
        for daemon, device, bridge in ((switch, "va", "br0"), (reference, "vc", "br1")):
            for name in (device, f"{device}p"):
                net.run("sw", f"ip link add {name} type veth peer name {name}x")
            daemon.vsctl(f"add-br {bridge} -- set bridge {bridge} {datapath_type(type(daemon))} -- add-port {bridge} {device} -- "
                         f"set interface {device} ofport_request=1 -- add-port {bridge} {device}p -- "
                         f"set interface {device}p ofport_request=2")
            configure(daemon, device, "linux-htb", "max-rate=1000000", {1: "", 4: "min-rate=1000"})
            said = []
            for version in ("OpenFlow10", "OpenFlow11", "OpenFlow12", "OpenFlow13", "OpenFlow14", "OpenFlow15"):
                for command in ("queue-stats br0 1", "queue-stats br0 1 4", "queue-stats br0 1 9", "queue-stats br0 2",
                                "queue-stats br0 2 0", "queue-stats br0 ALL 4", "queue-stats br0 ALL 9",
                                "queue-stats br0 77", "queue-get-config br0 1", "queue-get-config br0 2",
                                "queue-get-config br0 77", "queue-get-config br0 1 4", "queue-get-config br0 1 9",
                                "queue-get-config br0 ANY 4", "queue-get-config br0 ANY 9", "queue-get-config br0 LOCAL"):
                    result = ofctl(daemon, *command.replace("br0", bridge).split(), version=version, check=False)
                    text = re.sub(r"duration=[\d.]+s", "duration=", result.stdout + result.stderr)
                    said.append((version, command, sorted(text.splitlines())))
            answers.append(said)
        for ours, theirs in zip(*answers):
            assert ours == theirs
    finally:
        reference.close()


def test_dummies_have_queue_0(simulation, reference):
    answers = []
    for daemon in (simulation, reference):
        daemon.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy -- add-port br0 p1 -- set interface p1 type=dummy "
                     "ofport_request=1 -- set port p1 qos=@q -- --id=@q create qos type=linux-htb queues=1=@r -- "
                     "--id=@r create queue dscp=9")
        said = [daemon.ask("qos/show", "p1"), daemon.ask("qos/show-types", "p1")]
        for version in ("OpenFlow10", "OpenFlow13", "OpenFlow14"):
            for command in ("queue-stats br0 1", "queue-stats br0 1 1", "queue-get-config br0 1",
                            "queue-get-config br0 1 0", "queue-get-config br0 1 5"):
                said.append(daemon.command("ovs-ofctl", "-O", version, *command.split(), check=False).stdout)
        daemon.command("ovs-ofctl", "add-flow", "br0", "actions=set_queue:1,output:1")
        said.append(daemon.ask("ofproto/trace", "br0", "in_port=LOCAL,tcp").partition("Megaflow")[2])
        answers.append(said)
    assert answers[0] == answers[1]
