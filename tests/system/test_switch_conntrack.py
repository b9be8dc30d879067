# SPDX-License-Identifier: Apache-2.0
"""Connections beside the reference (tests/interop/conntrack.py, a short run), and through real hosts."""
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "interop"))

import conntrack  # noqa: E402
from netns import wait_for  # noqa: E402
from switch import Reference, Switch  # noqa: E402


@pytest.fixture(scope="module")
def both():
    switches = []
    try:
        for kind in (Switch, Reference):
            switches.append(kind(None, "--enable-dummy", "--disable-system"))
        yield [conntrack.Under(s) for s in switches]
    finally:
        for s in switches:
            s.close()


@pytest.mark.parametrize("nat", [False, True])
def test_conversations(both, nat):
    total, differ = conntrack.run(9, 25, 11, nat, 3, both)
    assert total > 150 and not differ


def sorted_lines(text):
    return sorted(text.splitlines())


def test_commands(both):
    """Of the connections that a conversation left."""
    total, differ = conntrack.run(1, 12, 21, False, 3, both)
    assert total > 5 and not differ
    for words in ("dump-conntrack", "dump-conntrack -m", "dump-conntrack -s", "dump-conntrack zone=7", "dump-conntrack zone=8",
                  "ct-stats-show", "ct-stats-show zone=7", "ct-bkts", "ct-get-nconns"):
        ours, theirs = (sorted_lines(u.control.ask(*("dpctl/" + words).split())) for u in both)
        assert ours == theirs, words
    assert "zone=7" in both[0].control.ask("dpctl/dump-conntrack")


def test_flush_by_controllers(both):
    """NXT_CT_FLUSH, with tuples that fit nothing and something."""
    conntrack.run(1, 12, 21, False, 3, both)
    for tuple_ in ("ct_nw_src=10.0.0.9", "ct_nw_src=10.0.0.1,ct_nw_proto=17", "ct_nw_src=10.0.0.1"):
        for under in both:
            under.switch.command("ovs-ofctl", "ct-flush", f"unix:{under.switch.dir}/br0.mgmt", "zone=7", tuple_)
        ours, theirs = (sorted_lines(u.control.ask("dpctl/dump-conntrack")) for u in both)
        assert ours == theirs, tuple_


# ---------------------------------------------------------------- helpers

HELPER_RULES = """
table=0,ip,actions=ct(table=1,zone=7)
table=0,ipv6,actions=ct(table=1,zone=7)
table=1,priority=20,in_port=1,ct_state=+new-rel,tcp,tp_dst=21,actions=ct(commit,zone=7,alg=ftp,exec(load:0x11->NXM_NX_CT_MARK[])),{show},2
table=1,priority=20,in_port=1,ct_state=+new-rel,tcp6,tp_dst=21,actions=ct(commit,zone=7,alg=ftp,exec(load:0x11->NXM_NX_CT_MARK[])),{show},2
table=1,priority=20,in_port=1,ct_state=+new-rel,udp,tp_dst=69,actions=ct(commit,zone=7,alg=tftp,exec(load:0x11->NXM_NX_CT_MARK[])),{show},2
table=1,priority=10,in_port=1,ct_state=+new+rel,ip,actions=ct(commit,zone=7),{show},2
table=1,priority=10,in_port=2,ct_state=+new+rel,ip,actions=ct(commit,zone=7),{show},1
table=1,priority=10,in_port=1,ct_state=+new+rel,ipv6,actions=ct(commit,zone=7),{show},2
table=1,priority=10,in_port=2,ct_state=+new+rel,ipv6,actions=ct(commit,zone=7),{show},1
table=1,priority=5,in_port=1,actions={show},2
table=1,priority=5,in_port=2,actions={show},1
""".replace("{show}", conntrack.SHOW)

# What the server or the client says after the greeting ("<" the server), and connections that follow: who, ports.
FTP = [
    (4, [">PORT 10,0,0,1,20,1\r\n", "<200 ok\r\n"], [(2, 20, 5121), (2, 22, 5121), (2, 20, 5122)]),
    (4, [">PORT 10,0,0,9,20,1\r\n"], [(2, 20, 5121)]),
    (4, [">PORT 10,0,0\r\n", ">NOOP\r\n"], [(2, 20, 5121)]),
    (4, [">PASV\r\n", "<227 Entering Passive Mode (10,0,0,2,30,5).\r\n"], [(1, 4444, 7685), (1, 4445, 7685)]),
    (6, [">EPSV\r\n", "<229 Entering Extended Passive Mode (|||7777|)\r\n"], [(1, 4444, 7777)]),
    (6, [">EPRT |2|fc00::1|6666|\r\n"], [(2, 20, 6666), (2, 20, 6667)]),
]


def ftp_frames(family, lines, data):
    from scapy.all import IP, TCP, Ether, IPv6, raw
    addresses = {4: ("10.0.0.1", "10.0.0.2"), 6: ("fc00::1", "fc00::2")}[family]
    seqs = [1000, 5000]

    def frame(way, sport, dport, flags, seq, ack, payload=b""):
        ip = (IP if family == 4 else IPv6)(src=addresses[way], dst=addresses[1 - way])
        return f"p{way + 1}", raw(Ether(src=f"02:00:00:00:00:0{way + 1}", dst=f"02:00:00:00:00:0{2 - way}") / ip /
                                  TCP(sport=sport, dport=dport, flags=flags, seq=seq, ack=ack, window=8000) / payload)

    def control(way, flags, payload=b""):
        made = frame(way, 21 if way else 4000, 4000 if way else 21, flags, seqs[way], seqs[1 - way] if "A" in flags else 0, payload)
        seqs[way] += len(payload) + ("S" in flags)
        return made
    yield control(0, "S")
    yield control(1, "SA")
    yield control(0, "A")
    yield control(1, "PA", b"220 hello\r\n")
    for line in lines:
        yield control(line[0] == "<", "PA", line[1:].encode())
        yield control(line[0] != "<", "A")
    for who, sport, dport in data:
        yield frame(who - 1, sport, dport, "S", 77, 0)
        yield frame(2 - who, dport, sport, "SA", 7, 78)
        yield frame(who - 1, sport, dport, "A", 78, 8)


def tftp_frames():
    from scapy.all import IP, UDP, Ether, raw

    def frame(way, sport, dport, payload):
        ip = IP(src=f"10.0.0.{way + 1}", dst=f"10.0.0.{2 - way}")
        return f"p{way + 1}", raw(Ether(src=f"02:00:00:00:00:0{way + 1}", dst=f"02:00:00:00:00:0{2 - way}") / ip /
                                  UDP(sport=sport, dport=dport) / payload)
    yield frame(0, 5000, 69, b"\0\1file\0octet\0")
    for _ in range(2):
        yield frame(1, 6000, 5000, b"\0\3\0\1data")
        yield frame(0, 5000, 6000, b"\0\4\0\1")
    yield frame(1, 6000, 5001, b"\0\3\0\1data")


def test_helpers(both):
    """FTP and TFTP: each packet's state and mark, the connections, who announced them."""
    for under in both:
        under.load(HELPER_RULES)
    related = 0
    for frames in [list(ftp_frames(*case)) for case in FTP] + [list(tftp_frames())]:
        for under in both:
            under.control.ask("dpctl/flush-conntrack")
        for i, (port, frame) in enumerate(frames):
            ours, theirs = conntrack.receive(*both, port, frame)
            assert ours == theirs, (i, port, frame.hex())
        ours, theirs = (under.connections() for under in both)
        assert ours == theirs
        related += sum("parent=" in line for line in ours)
        assert any("helper=" in line for line in ours)
    assert related == 7


def test_ftp_translated(net, switch):
    """A real client behind a translated address, a real server: files both ways, in active and passive mode."""
    net.add_host("a", "va", "10.0.0.1/24")
    net.add_host("b", "vb", "10.0.0.2/24")
    mac = net.link("a", "e0")["address"]
    net.run("b", f"ip neigh replace 10.0.0.200 lladdr {mac} dev e0")
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=netdev fail_mode=secure -- add-port br0 va -- "
                 "set interface va ofport_request=1 -- add-port br0 vb -- set interface vb ofport_request=2")
    rules = switch.dir / "rules"
    rules.write_text("""
table=0,arp,actions=NORMAL
table=0,ip,actions=ct(table=1,zone=7,nat)
table=1,priority=20,in_port=1,ct_state=+new-rel,tcp,tp_dst=2121,actions=ct(commit,zone=7,alg=ftp,nat(src=10.0.0.200)),2
table=1,priority=10,in_port=1,ct_state=+new+rel,tcp,actions=ct(commit,zone=7,nat),2
table=1,priority=10,in_port=2,ct_state=+new+rel,tcp,actions=ct(commit,zone=7,nat),1
table=1,priority=5,in_port=1,ct_state=+est,actions=2
table=1,priority=5,in_port=2,ct_state=+est,actions=1
""")
    switch.command("ovs-ofctl", "add-flows", "br0", rules)
    files = pathlib.Path(net.dir.name, "ftp")
    files.mkdir()
    content = bytes(range(256)) * 2000
    (files / "down").write_bytes(content)
    server = net.start("b", ["/usr/bin/python3", "-m", "pyftpdlib", "-p", "2121", "-w", "-d", str(files), "-i", "10.0.0.2"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: ":2121" in net.output("b", "ss -Hltn"), "server")
    client = """
import ftplib, io, sys
for passive in (True, False, True):
    ftp = ftplib.FTP(timeout=20)
    ftp.connect("10.0.0.2", 2121)
    ftp.login()
    ftp.set_pasv(passive)
    for i in range(3):
        got = io.BytesIO()
        ftp.retrbinary("RETR down", got.write)
        ftp.storbinary("STOR up", io.BytesIO(got.getvalue()))
        assert ftp.size("up") == len(got.getvalue()) == 512000
    assert "up" in ftp.nlst()
    ftp.quit()
print("done")
"""
    assert net.run("a", ["/usr/bin/python3", "-c", client]).stdout == "done\n"
    assert (files / "up").read_bytes() == content
    found = switch.ask("dpctl/dump-conntrack")
    assert "parent=(src=10.0.0.1,dst=10.0.0.2" in found and "dst=10.0.0.200" in found, found
    server.terminate()
