# SPDX-License-Identifier: Apache-2.0
"""Rubbish for the daemon: frames, control requests, flow texts, command lines. It lives, forwards, and (in a sanitizer
build, SLUICE_BUILD) has nothing to report: switch.py looks for reports when a test ends."""
import json
import pathlib
import random
import resource
import socket
import subprocess
import sys

import pytest

import frames
from netns import build_dir, wait_for

COUNT = 400  # frames, requests, texts: more by hand with SLUICE_BUILD=build-asan


def socket_path(switch):
    return str(switch.dir / f"ovs-vswitchd.{switch.pid()}.ctl")


def dummy_bridge(switch):
    switch.vsctl("set open_vswitch . other_config:vlan-limit=2 -- add-br br0 -- set bridge br0 datapath_type=dummy "
                 "fail_mode=standalone")
    for n in range(1, 5):
        switch.vsctl(f"add-port br0 p{n} -- set interface p{n} type=dummy ofport_request={n}")


def test_frames(simulation):
    """Through rules that read all fields, change some, and end in NORMAL."""
    dummy_bridge(simulation)
    path = simulation.dir / "rules"
    path.write_text(frames.rules().replace("note:00", "set_field:02:00:00:00:00:09->eth_dst,dec_ttl,push_vlan:0x8100,"
                                           "strip_vlan,mod_tp_dst:99,normal").replace("mod_tp_dst:99,", ""))
    simulation.command("ovs-ofctl", "-O", "OpenFlow13", "add-flows", f"unix:{simulation.dir}/br0.mgmt", path,
                       check=False)
    control = frames.Control(simulation)
    made = frames.frames(COUNT, 99)
    for i in range(0, len(made), 50):
        control.ask("netdev-dummy/receive", f"p{i // 50 % 4 + 1}", *[frame.hex() for frame in made[i:i + 50]])
        control.ask("dpctl/dump-flows", "-m")
        control.ask("ofproto/trace", "br0", "in_port=1", made[i].hex())
    control.close()
    assert "br0" in simulation.ask("ofproto/list")


def mutate_text(rng, text):
    text = list(text)
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            text.insert(at, rng.choice("(),=/:-0x9f{}[]@#%.\"\\'\x01 é~"))
        elif kind == 1 and at < len(text):
            del text[at:at + rng.randrange(1, 8)]
        elif kind == 2:
            text[at:at] = text[rng.randrange(len(text) or 1):][:20]
        elif at < len(text):
            text[at] = chr(rng.randrange(32, 127))
    return "".join(text)


FLOW = ("in_port(1),packet_type(ns=0,id=0),eth(src=50:54:00:00:00:01,dst=50:54:00:00:00:02),eth_type(0x0800),"
        "ipv4(src=1.1.1.1/255.0.0.0,dst=2.2.2.2,proto=6,tos=0,ttl=64,frag=no),tcp(src=1/0xff,dst=2),tcp_flags(+syn-ack)")
FLOW6 = ("tunnel(tun_id=0x1,src=1.1.1.1,dst=2.2.2.2,ttl=64,geneve({class=0x1,type=0x2,len=4,0x1/0xff}),flags(df|csum)),"
         "in_port(1),eth(),eth_type(0x86dd),ipv6(src=::1,dst=::2,label=1,proto=58,frag=no),icmpv6(type=135,code=0),"
         "nd(target=::3,sll=00:00:00:00:00:01)")
ACTIONS = ("set(ipv4(src=1.2.3.4/255.0.0.0)),push_vlan(vid=1,pcp=0),sample(sample=50%,actions(1,userspace(pid=1))),"
           "clone(set(eth(src=00:00:00:00:00:01)),2),check_pkt_len(size=100,gt(1),le(2)),hash(l4(0)),recirc(0x1),trunc(9),3")
RULE = ("table=1,priority=9,tcp,nw_src=10.0.0.0/8,tp_dst=80,actions=load:1->NXM_NX_REG0[],learn(table=2,eth_src=eth_dst,"
        "output:in_port),resubmit(,2),ct(commit,zone=1),output:reg1[0..15],conjunction(1,1/2)")


def test_texts(simulation):
    rng = random.Random(5)
    dummy_bridge(simulation)
    control = frames.Control(simulation)
    for _ in range(COUNT // 3):
        flow = mutate_text(rng, rng.choice([FLOW, FLOW6]))
        actions = mutate_text(rng, ACTIONS)
        control.ask("dpctl/add-flow", flow, actions)
        control.ask("dpctl/normalize-actions", flow, actions)
        control.ask("dpctl/dump-flows", "filter=" + mutate_text(rng, "in_port=1,tcp,nw_src=1.2.3.4,tp_dst=5"))
        control.ask("netdev-dummy/receive", "p1", flow)
        control.ask("ofproto/trace", flow)
        control.ask("sluice/add-flow", "br0", mutate_text(rng, RULE))
        control.ask("ofproto/trace", "br0", mutate_text(rng, "in_port=1,tcp,nw_src=1.2.3.4,tp_dst=5"))
        control.ask("vlog/set", mutate_text(rng, "bridge:file:info"))
    control.close()
    assert simulation.ask("dpctl/dump-dps") == "dummy@ovs-dummy\n"


def commands_of(control):
    """Names, without those that end the process, stop its clock, or wait for something."""
    names = [line.split()[0] for line in control.ask("list-commands").splitlines()[1:]]
    avoid = ("exit", "time/", "vlog/", "revalidator/pause", "dpctl/del-dp", "ovsdb-server/")
    return [name for name in names if not name.startswith(avoid)]


def well_formed_commands():
    here = pathlib.Path(__file__).parent
    lines = [line for name in ("switch_commands.txt", "dpctl_commands.txt")
             for line in (here / name).read_text().splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "-", "time/", "exit"))]  # "exit x" is an exit


def test_control_requests(simulation):
    rng = random.Random(6)
    dummy_bridge(simulation)
    control = frames.Control(simulation)
    names = commands_of(control)
    words = ["br0", "p1", "dummy@ovs-dummy", "ovs-dummy", "1", "-1", "4294967296", "0x", "", "-m", "--", "a" * 5000,
             "10.0.0.1/33", "00:00:00:00:00:01", "%s%n", "ufid:1", "nosuch", "on", "zone=1", "[", "\ud7ff"]
    for _ in range(COUNT):
        control.ask(rng.choice(names), *[rng.choice(words) for _ in range(rng.randrange(5))])
    for line in well_formed_commands():  # as they are, and with one word lost or another
        argv = line.split(" ")
        control.ask(*argv)
        place = rng.randrange(1, len(argv) + 1)
        control.ask(*argv[:place], *rng.choice([[], [rng.choice(words)]]), *argv[place + 1:])
    control.close()
    valid = json.dumps({"id": 1, "method": "dpctl/show", "params": ["-s"]})
    for n in range(300):
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(socket_path(simulation))
            try:
                raw.sendall(rng.choice([mutate_text(rng, valid).encode("utf-8", "ignore"), rng.randbytes(200),
                                        b"[" * 3000, b'{"id":0,"method":"version","params":[' + b'"x",' * 500]))
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert simulation.ask("version")


def test_many_clients_and_one_that_never_reads(simulation):
    dummy_bridge(simulation)
    idle = []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    try:
        for _ in range(1100):
            client = socket.socket(socket.AF_UNIX)
            client.connect(socket_path(simulation))
            idle.append(client)
        deaf = idle[-1]
        deaf.setblocking(False)
        request = json.dumps({"id": 1, "method": "list-commands", "params": []}).encode()
        for _ in range(2000):  # answers pile up, requests do not get through without end
            try:
                deaf.send(request)
            except BlockingIOError:
                break
        assert simulation.ask("version")
    finally:
        for client in idle:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


SENDER = """
import socket, sys
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind(("e0", 0))
for line in sys.stdin:
    try:
        raw.send(bytes.fromhex(line))
    except OSError:
        pass
"""


def test_frames_on_the_wire(net, switch):
    """Mutated frames come in through AF_PACKET from one host while two others talk."""
    for n in (1, 2, 3):
        net.add_host(f"h{n}", f"v{n}", f"10.1.1.{n}/24")
    switch.vsctl("set open_vswitch . other_config:vlan-limit=2 -- add-br br0 -- set bridge br0 datapath_type=netdev "
                 "-- add-port br0 v1 -- add-port br0 v2 -- add-port br0 v3")
    net.wait_ping("h1", "10.1.1.2")
    text = "\n".join(frame[:1500].hex() for frame in frames.frames(COUNT, 4)) + "\n"
    sender = net.start("h3", [sys.executable, "-c", SENDER], stdin=subprocess.PIPE)
    sender.stdin.write(text)
    sender.stdin.close()
    assert net.ping("h1", "10.1.1.2", 50)
    wait_for(lambda: sender.poll() is not None, "the frames to be sent", 30)
    assert net.ping("h1", "10.1.1.2", 5)
    switch.ask("dpctl/dump-flows", "-m")


@pytest.mark.parametrize("seed", range(1))
def test_command_lines(seed, tmp_path):
    """A command line is understood or refused with one line; nothing is started: --version is in each."""
    rng = random.Random(seed)
    options = ["--pidfile=", "--log-file=/nosuch/x", "-vANY:ANY:", "--unixctl=", "--detac", "-v", "--verbose=PATTERN:x:y",
               "--syslog-target=:", "--syslog-method=udp:a", "--enable-dummy=x", "--db=", "-Z", "a" * 3000, "--=", "--mlockall"]
    for program in ("sluiced", "sluice"):
        for _ in range(15):
            argv = [rng.choice(options) for _ in range(rng.randrange(4))] + ["--version"]
            result = subprocess.run([build_dir() / program, *argv], capture_output=True, text=True, timeout=20,
                                    env={"OVS_RUNDIR": str(tmp_path), "PATH": "/usr/bin:/bin"})
            assert result.returncode in (0, 1, 2), (argv, result)
            assert "Sanitizer" not in result.stderr and "runtime error" not in result.stderr
