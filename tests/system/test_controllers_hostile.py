# SPDX-License-Identifier: Apache-2.0
"""Peers that lie, stall and flood: what they get is the error that they deserve, beside the reference where it can be
compared, and nobody else notices."""
import os
import random
import re
import resource
import socket
import ssl
import struct
import subprocess
import time

import pytest

from netns import build_dir, wait_for
from ofpeer import (ERROR, FEATURES_REQUEST, HELLO, PORT_STATUS, Controller, Session, connect_tcp, connect_unix,
                    tls_context)
from switch import Reference, Switch

SEED = int(os.environ.get("SEED", "20261123"))


def bitmap(*versions, words=1):
    value = sum(1 << v for v in versions)
    data = b"".join(struct.pack("!I", value >> 32 * i & 0xffffffff) for i in range(words))
    body = struct.pack("!HH", 1, 4 + len(data)) + data
    return body + b"\0" * (-len(body) % 8)


def message(version, kind, body=b"", xid=1, length=None):
    return struct.pack("!BBHI", version, kind, length or 8 + len(body), xid) + body


# What a peer says first.
BEGINNINGS = {
    "plain 1.0": message(1, HELLO), "plain 1.3": message(4, HELLO), "plain 1.5": message(6, HELLO),
    "1.6": message(7, HELLO), "255": message(255, HELLO), "0": message(0, HELLO),
    "bitmap 1.3 in 1.5": message(6, HELLO, bitmap(4)), "bitmap 1.5 in 1.0": message(1, HELLO, bitmap(6)),
    "bitmap 1.0 1.4 in 1.6": message(7, HELLO, bitmap(1, 5)), "bitmap of nothing": message(4, HELLO, bitmap()),
    "bitmap 1.6": message(7, HELLO, bitmap(7)), "bitmap 33": message(4, HELLO, bitmap(33, words=2)),
    "two words": message(4, HELLO, bitmap(4, 40, words=2)),
    "unknown element": message(4, HELLO, struct.pack("!HHI", 77, 8, 5)),
    "unknown, then bitmap": message(6, HELLO, struct.pack("!HHI", 77, 8, 5) + bitmap(4)),
    "two bitmaps": message(6, HELLO, bitmap(4) + bitmap(1)),
    "bitmap without words": message(4, HELLO, struct.pack("!HH4x", 1, 4)),
    "element of length 0": message(4, HELLO, struct.pack("!HH4x", 1, 0)),
    "element of length 3": message(4, HELLO, struct.pack("!HH4x", 1, 3)),
    "element beyond the end": message(4, HELLO, struct.pack("!HHI", 1, 80, 1 << 4)),
    "bitmap of 6 bytes": message(4, HELLO, struct.pack("!HHH2x", 1, 6, 1)),
    "three bytes of rest": message(4, HELLO, b"abc"),
    "no hello": message(4, FEATURES_REQUEST), "an error": message(4, ERROR, struct.pack("!HH", 0, 0)),
    "too short": message(4, HELLO, length=7), "length 0": struct.pack("!BBHI", 4, HELLO, 0, 1),
    "HTTP": b"GET / HTTP/1.1\r\nHost: switch\r\n\r\n", "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60),
}


# After hello in a version, a message in another one: (ours, its, type, body).
OTHERS = [(4, 6, 5, b""), (4, 1, 18, b""), (4, 99, 5, b""), (4, 99, 2, b"abc"), (6, 4, 2, b""), (1, 6, 3, b""),
          (4, 0, 5, b""), (4, 6, 200, b""), (1, 4, 14, b"")]


def answers(session, wait):
    """What comes in a while, and whether the session is over."""
    got = []
    while True:
        m = session.read(wait)
        if m is None:
            return got, session.closed(0.001)
        got.append((m.version, m.type, m.body if m.type == ERROR else b""))


def test_beginnings_and_versions_as_the_reference():
    """All at once: each hello; what is spoken then, by an error about a version that nobody speaks."""
    seen = []
    for kind in (Switch, Reference):
        s = kind(None, "--enable-dummy", "--disable-system")
        sessions = {}
        try:
            s.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
            s.vsctl("add-br br1 -- set bridge br1 datapath_type=dummy protocols=OpenFlow13,OpenFlow14")
            for bridge in ("br0", "br1"):
                for what, first in BEGINNINGS.items():
                    sessions[bridge, what] = connect_unix(s.dir / f"{bridge}.mgmt")
                    sessions[bridge, what].sock.sendall(first)
            for other in OTHERS:
                sessions[other] = connect_unix(s.dir / "br0.mgmt")
                sessions[other].hello(other[0])
                sessions[other].sock.sendall(message(*other[1:], 77))
            # Those that it ends, it has ended when the last one was answered.
            wait_for(lambda: sessions["br0", "too short"].closed(0.1), "a broken session to end")
            result = {key: answers(session, 0.004) for key, session in sessions.items()}
            spoken = [key for key in sessions if not result[key][1] and key not in OTHERS
                      and key[1] not in ("HTTP", "TLS")]
            for key in spoken:
                sessions[key].sock.sendall(message(99, 7))
            for key in spoken:
                m = sessions[key].read()
                result[key][0].append((m.version, m.type, m.body))
            seen.append(result)
        finally:
            for session in sessions.values():
                session.close()
            s.close()
    for key, ours in seen[0].items():
        if key[-1] in ("0", "no hello", "an error"):
            assert ours[1] and seen[1][key][1]  # ours says why, the reference nothing
        elif key[-1] in ("HTTP", "TLS"):
            assert not [m for m in ours[0] if m[1] != HELLO]  # no whole message yet: over after a while
        else:
            assert ours == seen[1][key], key


def test_no_hello(simulation):
    """Who says nothing, or a byte now and then, does not stay; who has said hello does."""
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
    simulation.appctl("time/stop")
    silent, dripping, good = [connect_unix(simulation.dir / "br0.mgmt") for _ in range(3)]
    good.hello(4)
    good.barrier()
    for _ in range(3):
        dripping.sock.sendall(b"\4")
        simulation.appctl("time/warp", "1600")
    assert not silent.closed(0.01)
    simulation.appctl("time/warp", "1600")
    assert silent.closed() and dripping.closed()
    assert good.ask(FEATURES_REQUEST).type == FEATURES_REQUEST + 1
    for session in (silent, dripping, good):
        session.close()


def random_messages(rng, version, n):
    """Messages whose headers are right, and not much else; a last one that stops half way."""
    out = b""
    for _ in range(n):
        kind = rng.choice([rng.randrange(2, 36), 4, 13, 14, 15, 17, 18, 20, 33, 34])
        body = rng.randbytes(rng.choice([0, 4, 8, 12, 16, 40, 48, 64, rng.randrange(400)]))
        if kind == 4:
            body = struct.pack("!II", rng.choice([0x2320, 0x4f4e4600, 1]), rng.randrange(40)) + body
        elif kind in (16, 18):
            body = struct.pack("!HH4x", rng.choice([rng.randrange(21), 0xffff]), rng.randrange(2)) + body
        elif kind in (33, 34):
            body = struct.pack("!IHH", rng.randrange(3), rng.randrange(9), rng.randrange(8)) + body
        out += message(version, kind, body, rng.getrandbits(32))
    return out + message(version, 14, bytes(20), length=400)


def drain(session):
    """Reads what there is until it stops; the other side may have closed."""
    session.sock.settimeout(0.02)
    try:
        while session.sock.recv(1 << 16):
            pass
    except (TimeoutError, ConnectionError):
        pass


def test_rubbish(simulation):
    """In each version, by the sockets that are always there and by a passive target."""
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure -- set-controller br0 ptcp:0:127.0.0.1")
    port = int(re.findall(r"listening on port ([0-9]+)", simulation.log())[0])
    good = connect_tcp(port)
    good.hello(4)
    rng = random.Random(SEED)
    stalled = []
    for turn in range(24):
        session = connect_tcp(port) if turn % 2 else connect_unix(simulation.dir / "br0.mgmt")
        try:
            session.sock.sendall(message(1 + turn % 6, HELLO))
            for _ in range(3):
                session.sock.sendall(random_messages(rng, 1 + turn % 6, 20)[:None if turn % 3 else -28])
                drain(session)
        except (BrokenPipeError, ConnectionError):
            pass
        stalled.append(session)  # half a message stays there
        assert good.ask(FEATURES_REQUEST).type == FEATURES_REQUEST + 1, (SEED, turn)
    for name in ("br0.mgmt", "br0.snoop"):
        for _ in range(10):
            session = connect_unix(simulation.dir / name)
            try:
                session.sock.sendall(rng.randbytes(rng.randrange(1, 3000)))
                drain(session)
            except (BrokenPipeError, ConnectionError):
                pass
            session.close()
    # The longest there are: an echo comes back whole; what is none of OpenFlow's is refused, and the session lives.
    echo = good.ask(2, bytes(65527))
    assert echo.type == 3 and echo.length == 65535
    assert good.ask(14, bytes(65527)).type == ERROR
    assert good.ask(18, struct.pack("!HH4x", 1, 0) + rng.randbytes(65519)).type == ERROR
    assert good.ask(FEATURES_REQUEST).type == FEATURES_REQUEST + 1
    for session in stalled:
        session.close()


def descriptors(switch):
    return len(os.listdir(f"/proc/{switch.pid()}/fd"))


def test_many_connections(simulation):
    """To a passive target, saying nothing or only hello: those who are there are served, and nothing is left behind."""
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure -- set-controller br0 ptcp:0:127.0.0.1")
    port = int(re.findall(r"listening on port ([0-9]+)", simulation.log())[0])
    good = connect_tcp(port)
    good.hello(4)
    before = descriptors(simulation)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
    sockets, late = [], Session(socket.socket())
    try:
        for i in range(600):
            s = socket.create_connection(("127.0.0.1", port), timeout=10)
            if i % 2:
                s.sendall(message(4, HELLO))
            sockets.append(s)
        begun = time.monotonic()
        assert good.ask(FEATURES_REQUEST).type == FEATURES_REQUEST + 1
        assert time.monotonic() - begun < 2
        late.sock.connect(("127.0.0.1", port))
        assert late.closed()  # there are as many as there may be
        assert 0 < simulation.log().count("refusing a session") < 200  # and the log is not flooded
        assert descriptors(simulation) < before + 300
    finally:
        late.close()
        for s in sockets:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_for(lambda: descriptors(simulation) <= before + 2, "the sessions to end")
    late = connect_tcp(port)
    late.hello(4)
    for session in (late, good):
        assert session.ask(FEATURES_REQUEST).type == FEATURES_REQUEST + 1
        session.close()


def test_what_bundles_hold_is_limited(simulation):
    """Of one session, whatever the number of bundles; what was put there before stays."""
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
    session = connect_unix(simulation.dir / "br0.mgmt")
    session.hello(5)
    for i in range(64):
        assert session.ask(33, struct.pack("!IHH", i, 0, 1)).type == 33
    assert session.ask(33, struct.pack("!IHH", 64, 0, 1)).error() == (17, 5)  # out of bundles
    session.close()


def test_tls_failures(simulation, tmp_path):
    """No TLS, half a handshake, a certificate of nobody: each is dropped, and the next one is served."""
    def openssl(*argv):
        subprocess.run(["openssl", *argv], check=True, capture_output=True, cwd=tmp_path)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for ca, names in (("ca", ("sc", "ctl")), ("other", ("stranger",))):
        openssl("req", "-x509", *key, "-keyout", f"{ca}-key.pem", "-out", f"{ca}-cert.pem", "-subj", f"/CN={ca}", "-days", "2")
        for name in names:
            openssl("req", *key, "-keyout", f"{name}-privkey.pem", "-out", f"{name}.csr", "-subj", f"/CN={name}")
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}-cert.pem", "-CAkey", f"{ca}-key.pem",
                    "-CAcreateserial", "-out", f"{name}-cert.pem", "-days", "2")
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
    simulation.vsctl(f"set-ssl {tmp_path}/sc-privkey.pem {tmp_path}/sc-cert.pem {tmp_path}/ca-cert.pem")
    simulation.vsctl("set-controller br0 pssl:0:127.0.0.1")
    wait_for(lambda: re.findall(r"pssl:.*listening on port ([0-9]+)", simulation.log()), "the listener")
    port = int(re.findall(r"pssl:.*listening on port ([0-9]+)", simulation.log())[-1])
    half = connect_tcp(port)
    half.sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00")  # stays there
    plain = connect_tcp(port)
    plain.sock.sendall(message(4, HELLO))
    assert plain.closed()
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
    for certificate in (False, True):
        if certificate:
            stranger.load_cert_chain(tmp_path / "stranger-cert.pem", tmp_path / "stranger-privkey.pem")
        with pytest.raises((OSError, AssertionError)):
            with stranger.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=5)) as sock:
                Session(sock).hello(4)
    good = Session(tls_context(tmp_path, server=False).wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=5)))
    good.hello(4)
    assert good.ask(FEATURES_REQUEST).type == FEATURES_REQUEST + 1
    good.close()
    half.close()


# ---------------------------------------------------------------- long replies


ALL_FLOWS = struct.pack("!HH4x", 1, 0) + struct.pack("!B3xII4xQQ", 255, 0xffffffff, 0xffffffff, 0, 0) + \
    struct.pack("!HH4x", 1, 4)


def add_rules(switch, n, actions="2"):
    path = switch.dir / "rules"
    path.write_text("".join(f"table=1,ip,nw_src=10.{i >> 16}.{i >> 8 & 255}.{i & 255},actions={actions}\n" for i in range(n)))
    switch.appctl("sluice/add-flows", "br0", path)


def memory_kib(switch):
    with open(f"/proc/{switch.pid()}/status") as f:
        return int(re.search(r"VmRSS:\s+([0-9]+)", f.read())[1])


def take_dump(session, xid, pause=0.0):
    """Reads the whole dump, slowly if PAUSE is given; the number of its messages."""
    for n in range(1, 1 << 20):
        m = session.wait(lambda m: m.xid == xid and m.type == 19, "a part of the dump", 20)
        if not struct.unpack("!H", m.body[2:4])[0] & 1:
            return n
        time.sleep(pause)


def controlled(switch, settings="inactivity_probe=0"):
    """A session of a controller behind a Unix socket, whose buffers are small."""
    switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure -- add-port br0 p1 "
                 "-- set interface p1 type=dummy")
    controller = Controller(switch.dir)
    switch.vsctl(f"set-controller br0 {controller.target}")
    session = controller.accept()
    session.hello(4)
    switch.vsctl(f"set controller {switch.vsctl('--bare --columns=_uuid list controller').stdout.strip()} {settings}")
    session.barrier()
    return controller, session


def test_many_dumps_at_once(simulation):
    """Asked for in one go, and read as they come: what has been sent does not stay in memory."""
    controller, session = controlled(simulation)
    add_rules(simulation, 10000)
    take_dump(session, session.send(18, ALL_FLOWS))
    before, n = memory_kib(simulation), 60
    size = 0
    session.sock.sendall(b"".join(message(4, 18, ALL_FLOWS, 5000 + i) for i in range(n)))
    for i in range(n):
        size += take_dump(session, 5000 + i)
    assert size > 800  # parts of 64 kB
    sanitized = "libasan" in subprocess.run(["ldd", build_dir() / "sluiced"], capture_output=True, text=True).stdout
    assert sanitized or memory_kib(simulation) - before < 16000  # it keeps what is freed for a while
    assert session.ask(FEATURES_REQUEST).type == FEATURES_REQUEST + 1
    controller.close()


def test_who_reads_slowly_is_alive(simulation):
    """An echo request waits behind the dump, and requests are not read before replies are taken: that the peer takes them
    is an answer, too. One that takes nothing is over."""
    controller, session = controlled(simulation, "inactivity_probe=1000")
    add_rules(simulation, 30000)
    begun = time.monotonic()
    assert take_dump(session, session.send(18, ALL_FLOWS), 0.1) > 40
    assert time.monotonic() - begun > 4
    assert session.ask(FEATURES_REQUEST).type == FEATURES_REQUEST + 1
    session.send(18, ALL_FLOWS)
    wait_for(lambda: "no response to inactivity probe" in simulation.log(), "the session that does not read to end")
    controller.close()


def test_messages_behind_a_long_reply(simulation):
    """What the peer asked for does not count against what it may leave unread."""
    controller, session = controlled(simulation)
    add_rules(simulation, 2000, ",".join(["1", "2"] * 300))
    xid = session.send(18, ALL_FLOWS)  # more than 18 MB
    other = connect_unix(simulation.dir / "br0.mgmt")
    other.hello(4)
    other.barrier()
    for flag in ("no-packet-in", "packet-in"):
        simulation.command("ovs-ofctl", "mod-port", "br0", "p1", flag)
    assert take_dump(session, xid) > 280
    for _ in range(2):
        session.of_type(PORT_STATUS)
    assert "does not read" not in simulation.log()
    assert session.ask(FEATURES_REQUEST).type == FEATURES_REQUEST + 1
    other.close()
    controller.close()
