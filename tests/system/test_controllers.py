# SPDX-License-Identifier: Apache-2.0
"""Controllers: connections, roles, asynchronous messages, fail modes, in-band control. The other side is a peer that
speaks OpenFlow byte by byte (ofpeer.py); where the reference is there to compare with, both get the same."""
import contextlib
import json
import re
import struct
import subprocess
import threading
import time

import pytest

from netns import build_dir, wait_for
from ofpeer import (ECHO_REPLY, ECHO_REQUEST, ERROR, FEATURES_REQUEST, FLOW_MOD, FLOW_REMOVED, HELLO, PACKET_IN, PACKET_OUT,
                    PORT_STATUS, SET_CONFIG, Controller, connect_tcp, connect_unix, tls_context)
from switch import Reference, Switch

ROLE_REQUEST, GET_ASYNC, SET_ASYNC = 24, 26, 28
EQUAL, PRIMARY, SECONDARY = 1, 2, 3
FLOW = "in_port(1),eth(src=50:54:00:00:00:01,dst=50:54:00:00:00:02),eth_type(0x0800)," \
       "ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)"


def make_bridge(switch, settings="fail_mode=secure other_config:disable-in-band=true"):
    switch.vsctl(f"add-br br0 -- set bridge br0 datapath_type=dummy {settings} -- add-port br0 p1 "
                 "-- set interface p1 type=dummy ofport_request=1 -- add-port br0 p2 "
                 "-- set interface p2 type=dummy ofport_request=2")


def rows(switch, columns="target,role,is_connected,status"):
    """{target: {column: value}}"""
    table = json.loads(switch.vsctl(f"--format=json --columns={columns} list controller").stdout)
    result = {}
    for row in table["data"]:
        values = dict(zip(table["headings"], row))
        values = {k: dict(v[1]) if isinstance(v, list) and v[0] == "map" else v for k, v in values.items()}
        result[values["target"]] = values
    return result


def set_controllers(switch, *targets, settings="max_backoff=1000"):
    switch.vsctl("set-controller br0 " + " ".join(targets))
    if settings:
        for uuid in switch.vsctl("--bare --columns=_uuid list controller").stdout.split():
            switch.vsctl(f"set controller {uuid} {settings}")


def receive(switch, port="p1", length=100, flow=FLOW):
    switch.appctl("netdev-dummy/receive", port, flow, "--len", length)


def add_flow(switch, flow, *options):
    switch.command("ovs-ofctl", *options, "add-flow", "br0", flow)


@pytest.fixture
def one(simulation):
    """Our switch with one controller, which has connected; hello not yet said."""
    make_bridge(simulation)
    controller = Controller(simulation.dir)
    set_controllers(simulation, controller.target)
    session = controller.accept()
    yield simulation, controller, session
    controller.close()


class Door:
    """A switch's passive target of a primary controller: as many sessions as one likes, at once."""

    def __init__(self, switch):
        set_controllers(switch, "ptcp:0:127.0.0.1", settings="type=primary")
        self.port = int(re.findall(r"listening on port ([0-9]+)", switch.log())[-1])

    def accept(self):
        return connect_tcp(self.port)


@contextlib.contextmanager
def switches_with_doors():
    """Our switch and the reference, each with a door for controllers."""
    made = []
    try:
        for kind in (Switch, Reference):
            s = kind(None, "--enable-dummy", "--disable-system")
            made.append((s, None))
            make_bridge(s)
            made[-1] = (s, Door(s))
        yield made
    finally:
        for s, _ in made:
            s.close()


@pytest.fixture(scope="module")
def pair():
    with switches_with_doors() as made:
        yield made


def session_of(controller, version):
    """A session that has said hello in VERSION: those that waited for too long are over by now."""
    while True:
        session = controller.accept()
        try:
            session.hello(version)
            session.barrier()
            return session
        except (AssertionError, ConnectionError):
            session.close()


# ---------------------------------------------------------------- connections


def test_status_and_back_off(one):
    switch, controller, session = one
    target = controller.target
    assert not rows(switch)[target]["is_connected"]
    session.hello(4)
    wait_for(lambda: rows(switch)[target]["is_connected"], "the row to say so")
    row = rows(switch)[target]
    assert row["role"] == "other" and row["status"]["state"] == "ACTIVE", row
    assert "is_connected: true" in switch.vsctl("show").stdout
    controller.stop()
    wait_for(lambda: "No such file" in rows(switch)[target]["status"].get("last_error", ""), "the next attempt")
    row = rows(switch)[target]
    assert not row["is_connected"] and row["status"]["state"] in ("BACKOFF", "CONNECTING"), row
    assert int(row["status"]["sec_since_disconnect"]) >= 0
    again = Controller(switch.dir)
    try:
        session_of(again, 4)
        wait_for(lambda: rows(switch)[target]["is_connected"], "to be connected again")
    finally:
        again.close()


def test_probe(simulation):
    make_bridge(simulation)
    controller = Controller(simulation.dir)
    try:
        set_controllers(simulation, controller.target, settings="max_backoff=1000 inactivity_probe=1000")
        session = session_of(controller, 4)
        session.echo = False
        probe = session.of_type(ECHO_REQUEST)
        session.send(ECHO_REPLY, probe.body, probe.xid)
        session.of_type(ECHO_REQUEST)
        wait_for(lambda: rows(simulation)[controller.target]["status"]["state"] == "IDLE", "IDLE")
        assert session.closed(timeout=3)  # the second one was not answered
        assert session_of(controller, 4)
    finally:
        controller.close()


def test_reconnect_command(one):
    switch, controller, session = one
    session.hello(4)
    session.barrier()
    switch.appctl("bridge/reconnect", "br0")
    assert session.closed()
    assert session_of(controller, 4)
    assert switch.appctl("bridge/reconnect", "nobr", check=False).returncode == 2


def test_what_ends_all_sessions(pair):
    """The command, and a change of the datapath's id, which there is no message for; as the reference does."""
    seen = []
    for s, door in pair:
        log = []
        for what in ("command", "other_config:datapath-id=00000000000000aa", "other_config:datapath-id=00000000000000ab"):
            sessions = [session_of(door, 4), connect_unix(s.dir / "br0.mgmt")]
            sessions[1].hello(4)
            sessions[1].barrier()
            if what == "command":
                s.appctl("bridge/reconnect", "br0")
            else:
                s.vsctl(f"set bridge br0 {what}")
            log.append((what, [session.closed() for session in sessions]))
        session = session_of(door, 4)
        log.append(session.ask(FEATURES_REQUEST).body[:8])
        session.close()
        s.vsctl("remove bridge br0 other_config datapath-id")
        seen.append(log)
    assert seen[0] == seen[1] and seen[0][0][1] == [True, True]


def test_removing_the_row_ends_the_session(one):
    switch, controller, session = one
    session.hello(4)
    session.barrier()
    switch.vsctl("del-controller br0")
    assert session.closed()


def test_passive(simulation):
    make_bridge(simulation)
    set_controllers(simulation, "ptcp:0:127.0.0.1", f"punix:{simulation.dir}/ctl")
    port = int(re.findall(r"listening on port ([0-9]+)", simulation.log())[0])
    first, second = connect_tcp(port), connect_unix(simulation.dir / "ctl")
    first.hello(6)
    second.hello(1)
    first.ask(FEATURES_REQUEST)
    second.ask(FEATURES_REQUEST)
    assert rows(simulation)["ptcp:0:127.0.0.1"]["is_connected"]
    # A service: nothing comes unless it asks.
    receive(simulation)
    second.nothing(PACKET_IN)
    second.send(SET_CONFIG, struct.pack("!HH", 0, 65535))
    second.barrier()
    receive(simulation)
    assert second.of_type(PACKET_IN)
    first.nothing(PACKET_IN)


def test_outside_of_the_run_directory(simulation, tmp_path):
    make_bridge(simulation)
    controller = Controller(tmp_path)
    try:
        set_controllers(simulation, controller.target, settings=None)
        assert f'not connecting to socket controller "{controller.target}"' in simulation.log()
    finally:
        controller.close()


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_versions(one, version):
    switch, controller, session = one
    session.hello(version)
    features = session.ask(FEATURES_REQUEST)
    assert features.version == version
    dpid = struct.unpack("!Q", features.body[:8])[0]
    assert f'"{dpid:016x}"' == switch.get("bridge", "br0", "datapath_id")


def test_protocols_limit(one):
    switch, controller, session = one
    session.hello(5)
    session.barrier()
    switch.vsctl("set bridge br0 protocols=OpenFlow13")
    assert session.closed()
    wrong = controller.accept()
    wrong.send(HELLO, b"", 1, 1)
    error = wrong.of_type(ERROR)
    assert error.error() == (0, 0) and b"We support version 0x04" in error.body
    assert wrong.closed()
    wait_for(lambda: not rows(switch)[controller.target]["is_connected"], "it not to count as connected")
    assert session_of(controller, 4).ask(FEATURES_REQUEST).version == 4
    # A bitmap says 1.3 although the header says 1.5.
    switch.appctl("bridge/reconnect", "br0")
    late = controller.accept()
    late.send(HELLO, struct.pack("!HHI", 1, 8, 1 << 4 | 1 << 6), 1, 6)
    late.of_type(HELLO)
    late.version = 4
    assert late.ask(FEATURES_REQUEST).version == 4


def test_bad_beginnings(one):
    switch, controller, session = one
    session.send(FEATURES_REQUEST, version=4)
    assert session.of_type(ERROR).error() == (1, 1)
    assert session.closed()
    second = session_of(controller, 4)
    second.send(FEATURES_REQUEST, version=6)
    assert second.of_type(ERROR).error() == (1, 0)
    assert second.ask(FEATURES_REQUEST).type == FEATURES_REQUEST + 1  # it lives on, as in the reference
    second.close()
    third = controller.accept()
    third.sock.sendall(struct.pack("!BBHI", 4, 0, 4, 1))  # shorter than a header
    assert third.closed()


def test_tls(simulation, tmp_path):
    def openssl(*argv):
        subprocess.run(["openssl", *argv], check=True, capture_output=True, cwd=tmp_path)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca-key.pem", "-out", "ca-cert.pem", "-subj", "/CN=ca", "-days", "2")
    for name in ("sc", "ctl"):
        openssl("req", *key, "-keyout", f"{name}-privkey.pem", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca-cert.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
                "-out", f"{name}-cert.pem", "-days", "2")
    make_bridge(simulation)
    simulation.vsctl(f"set-ssl {tmp_path}/sc-privkey.pem {tmp_path}/sc-cert.pem {tmp_path}/ca-cert.pem")
    controller = Controller(tls=tls_context(tmp_path))
    try:
        set_controllers(simulation, controller.target, "pssl:0:127.0.0.1")
        session = session_of(controller, 4)
        session.ask(FEATURES_REQUEST)
        wait_for(lambda: rows(simulation)[controller.target]["is_connected"], "the row to say so")
        port = int(re.findall(r"pssl:.*listening on port ([0-9]+)", simulation.log())[0])
        passive = connect_tcp(port)
        passive.sock = tls_context(tmp_path, server=False).wrap_socket(passive.sock)
        passive.hello(4)
        passive.ask(FEATURES_REQUEST)
        # Without TLS nobody gets in.
        plain = connect_tcp(port)
        plain.send(HELLO, b"", 1, 4)
        assert plain.closed()
        # A file that is being replaced: until it is whole, the one before serves.
        (tmp_path / "sc-cert.pem").write_text("-----BEGIN")
        late = connect_tcp(port)
        late.sock = tls_context(tmp_path, server=False).wrap_socket(late.sock)
        late.hello(4)
        late.ask(FEATURES_REQUEST)
        assert "going on with what it held before" in simulation.log()
    finally:
        controller.close()


# ---------------------------------------------------------------- roles


def role(session, wanted, generation):
    return session.ask(ROLE_REQUEST, struct.pack("!IIQ", wanted, 0, generation))


def test_roles(simulation):
    make_bridge(simulation)
    controllers = [Controller(simulation.dir, f"c{i}") for i in range(3)]
    try:
        set_controllers(simulation, *[c.target for c in controllers])
        a, b, c = [session_of(x, v) for x, v in zip(controllers, (4, 6, 5))]
        assert role(a, PRIMARY, 7).body == struct.pack("!IIQ", PRIMARY, 0, 7)
        assert role(b, PRIMARY, 6).error() == (11, 0)  # stale
        role(b, PRIMARY, 8)
        status = a.wait(lambda m: m.type == 4, "ONF's role status")
        assert status.body == struct.pack("!IIIB3xQ", 0x4f4e4600, 1911, SECONDARY, 0, 8)
        wait_for(lambda: [rows(simulation)[x.target]["role"] for x in controllers] == ["slave", "master", "other"],
                 "the roles in the database")
        role(c, PRIMARY, 9)
        assert b.wait(lambda m: m.type == 30, "role status").body == struct.pack("!IB3xQ", SECONDARY, 0, 9)
        # A secondary reads and does not write; nor does it hear of packets.
        assert b.ask(FLOW_MOD, b"\0" * 48).error() == (1, 10)
        b.ask(FEATURES_REQUEST)
        add_flow(simulation, "actions=controller")
        receive(simulation)
        assert c.of_type(PACKET_IN)
        b.nothing(PACKET_IN)
        a.nothing(PACKET_IN)
        simulation.command("ovs-ofctl", "mod-port", "br0", "p2", "no-packet-in")
        for session in (a, b, c):
            session.of_type(PORT_STATUS)
        assert role(b, EQUAL, 0).body == struct.pack("!IIQ", EQUAL, 0, 9)
        assert role(b, 9, 0).error() == (11, 2)
        assert role(b, 0, 0).body == struct.pack("!IIQ", EQUAL, 0, 9)
    finally:
        for controller in controllers:
            controller.close()


# ---------------------------------------------------------------- asynchronous messages


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_packet_ins_as_the_reference(pair, version):
    """Reasons and every format, byte for byte; no packet is cut or buffered."""
    seen = []
    for s, controller in pair:
        log = []
        s.command("ovs-ofctl", "del-flows", "br0")
        session = session_of(controller, version)

        def packet(what):
            receive(s, length=300)
            session.barrier()
            kinds = [PACKET_IN, 4]
            message = session.wait(lambda m: m.type in kinds, what)
            session.kept.clear()
            log.append((what, message.body))
        add_flow(s, "priority=0,actions=controller")
        packet("table-miss rule")
        add_flow(s, "in_port=1,cookie=0x1234,actions=controller(max_len=20)")
        packet("action")
        session.send(SET_CONFIG, struct.pack("!HH", 0, 30))
        packet("miss_send_len")
        add_flow(s, "in_port=1,actions=load:5->NXM_NX_REG0[],set_field:7->metadata,controller(userdata=01.02)")
        for form in (1, 2) if version < 6 else (1,):
            session.nx(16, struct.pack("!I", form))
            packet(f"format {form}")
        session.close()
        seen.append(log)
    assert seen[0] == seen[1]


def test_pause_and_resume(pair):
    """A packet that waits in the controller goes on where it stopped: in the inner rule, then in the outer ones."""
    seen = []
    for s, controller in pair:
        s.command("ovs-ofctl", "del-flows", "br0")
        session = session_of(controller, 4)
        session.nx(16, struct.pack("!I", 2))
        add_flow(s, "in_port=1,actions=load:5->NXM_NX_REG0[],push:NXM_NX_REG0[],resubmit(,3),"
                 "pop:NXM_NX_REG2[],resubmit(,8)")
        add_flow(s, "table=3,ip,actions=controller(pause,userdata=09.0a),set_field:1.1.1.1->nw_src,output:2,goto_table:7")
        add_flow(s, "table=7,actions=output:LOCAL")
        add_flow(s, "table=8,ip,nw_src=1.1.1.1,reg1=7,reg2=5,actions=output:in_port")
        session.barrier()
        receive(s)
        packet = session.wait(lambda m: m.type == 4, "the packet").body[8:]
        assert s.command("ovs-ofctl", "dump-flows", "br0", "table=7").stdout.count("n_packets=0") == 1
        reg0 = struct.pack("!HHI", 1, 4, 5)  # NXM_NX_REG0; the controller makes it another register's 7
        assert reg0 in packet
        session.nx(28, packet.replace(reg0, struct.pack("!BBBBI", 0, 1, 2, 4, 7)))
        session.nx(28, packet[:60])  # cut off: an error
        error = session.of_type(ERROR)
        session.barrier()
        dump = "".join(s.command("ovs-ofctl", "dump-flows", "br0", f"table={t}").stdout for t in (7, 8))
        seen.append(sorted(re.findall(r"table=[0-9]+, n_packets=[0-9]+", dump)) + [error.error()[0]])
        s.command("ovs-ofctl", "del-flows", "br0")
        session.close()
    assert seen[0] == seen[1]
    assert "table=7, n_packets=1" in seen[0] and "table=8, n_packets=1" in seen[0]


def packets_in_table_5(switch):
    return re.findall(r"n_packets=([0-9]+)", switch.command("ovs-ofctl", "-OOpenFlow13", "dump-flows", "br0", "table=5").stdout)


@pytest.mark.parametrize("version", ["OpenFlow10", "OpenFlow11", "OpenFlow13", "OpenFlow15"])
def test_ofctl_resumes(simulation, version):
    """Debian's ovs-ofctl reads what is left to do, actions included, in the session's version, and sends it back."""
    make_bridge(simulation)
    add_flow(simulation, "in_port=1,actions=controller(pause),set_field:1->reg1,output:2,resubmit(,5)")
    add_flow(simulation, "table=5,reg1=1,actions=drop")
    output = open(simulation.dir / "monitor", "w+")
    program = subprocess.Popen(["ovs-ofctl", "-O", version, "monitor", "br0", "65535", "resume"], env=simulation.env,
                               stdout=output, stderr=subprocess.STDOUT)
    try:
        def text():
            return (simulation.dir / "monitor").read_text()

        def resumed():
            receive(simulation)
            return packets_in_table_5(simulation) != ["0"]
        wait_for(resumed, "the packet to go on")
        assert "output:2,resubmit(,5)" in text() and "decode error" not in text(), text()
    finally:
        program.kill()
        program.wait()
        output.close()


def test_what_a_version_has_no_words_for_resumes(simulation):
    """A session of OpenFlow 1.0 brings back a group, which it could not say."""
    make_bridge(simulation)
    session = connect_unix(simulation.dir / "br0.mgmt")
    session.hello(1)
    session.nx(16, struct.pack("!I", 2))
    session.send(SET_CONFIG, struct.pack("!HH", 0, 65535))
    session.barrier()
    simulation.command("ovs-ofctl", "-OOpenFlow13", "add-group", "br0", "group_id=1,type=all,bucket=resubmit(,5)")
    add_flow(simulation, "in_port=1,actions=controller(pause),group:1", "-OOpenFlow13")
    add_flow(simulation, "table=5,actions=drop")
    receive(simulation)
    packet = session.wait(lambda m: m.type == 4, "the packet").body[8:]
    session.nx(28, packet)
    session.nothing(ERROR)
    assert packets_in_table_5(simulation) == ["1"]


@pytest.mark.parametrize("version", [1, 3])
def test_a_miss_is_the_controllers_before_13(pair, version):
    seen = []
    for s, controller in pair:
        s.command("ovs-ofctl", "del-flows", "br0")
        session = session_of(controller, version)

        def missed():
            s.appctl("revalidator/purge")  # in the reference a new session changes nothing for cached flows
            receive(s, length=200)
            session.barrier()
            return next((m for m in session.kept if m.type == PACKET_IN), None)
        seen.append(wait_for(missed, "the packet").body)
        session.close()
    assert seen[0] == seen[1]


def test_a_miss_is_dropped_since_13(one):
    switch, controller, session = one
    session.hello(4)
    session.barrier()
    receive(switch)
    session.nothing(PACKET_IN)
    assert "actions:drop" in switch.flows()[0]


def test_which_messages(one):
    switch, controller, session = one
    session.hello(5)

    def config(**changes):
        props = b"".join(struct.pack("!HHI", int(k[1:]), 8, v) for k, v in changes.items())
        session.send(SET_ASYNC, props)
    add_flow(switch, "in_port=1,actions=controller")
    config(t1=0)  # packet-ins to a primary or equal: none
    session.barrier()
    receive(switch)
    session.nothing(PACKET_IN)
    config(t1=1 << 1)
    session.barrier()
    assert struct.pack("!HHI", 1, 8, 1 << 1) in session.ask(GET_ASYNC).body
    receive(switch)
    session.of_type(PACKET_IN)
    # Another controller id's packets are not ours.
    add_flow(switch, "in_port=1,actions=controller(id=5)")
    receive(switch)
    session.nothing(PACKET_IN)
    session.nx(20, struct.pack("!6xH", 5))
    session.barrier()
    receive(switch)
    session.of_type(PACKET_IN)


def test_without_async_messages(simulation):
    make_bridge(simulation)
    controller = Controller(simulation.dir)
    try:
        set_controllers(simulation, controller.target, settings="enable_async_messages=false")
        session = session_of(controller, 1)
        receive(simulation)
        session.nothing(PACKET_IN)
        session.nx(19, struct.pack("!6I", 3, 0, 7, 7, 7, 0))
        session.barrier()
        receive(simulation)
        session.of_type(PACKET_IN)
    finally:
        controller.close()


def test_invalid_ttl(one):
    switch, controller, session = one
    session.hello(1)
    add_flow(switch, "in_port=1,actions=dec_ttl,2")
    flow = FLOW.replace("ttl=64", "ttl=1")
    receive(switch, flow=flow)
    session.nothing(PACKET_IN)
    session.send(SET_CONFIG, struct.pack("!HH", 4, 128))
    session.barrier()
    receive(switch, flow=flow)
    assert session.of_type(PACKET_IN).body[8] == 2


@pytest.mark.parametrize("version", [1, 4, 6])
def test_flow_removed_and_port_status_as_the_reference(pair, version):
    seen = []
    for s, controller in pair:
        log = []
        s.command("ovs-ofctl", "del-flows", "br0")
        session = session_of(controller, version)
        add_flow(s, "table=3,priority=77,tcp,in_port=1,cookie=0xabc,hard_timeout=9,send_flow_rem,actions=drop")
        add_flow(s, "table=4,actions=drop")
        s.command("ovs-ofctl", "del-flows", "br0")
        body = session.of_type(FLOW_REMOVED).body
        at = {1: 52, 4: 12, 6: None}[version]
        log.append(body[:at] + body[at + 8:] if at else re.sub(b"\x80\x02\x00\x08.{8}", b"", body, flags=re.S))
        session.nothing(FLOW_REMOVED)
        s.command("ovs-ofctl", "mod-port", "br0", "p2", "no-packet-in")
        body = session.of_type(PORT_STATUS).body
        log.append((body[0], len(body)))
        s.command("ovs-ofctl", "mod-port", "br0", "p2", "packet-in")
        session.of_type(PORT_STATUS)
        s.vsctl("add-port br0 p9 -- set interface p9 type=dummy ofport_request=9")
        body = session.wait(lambda m: m.type == PORT_STATUS and m.body[0] == 0, "the new port").body
        assert b"p9\0" in body
        s.vsctl("del-port p9")
        body = session.wait(lambda m: m.type == PORT_STATUS and m.body[0] == 1, "the port to go").body
        assert b"p9\0" in body
        session.close()
        seen.append(log)
    assert seen[0] == seen[1]


# ---------------------------------------------------------------- limits


def test_rate_limit(simulation):
    make_bridge(simulation)
    controller = Controller(simulation.dir)
    try:
        set_controllers(simulation, controller.target,
                        settings="controller_rate_limit=100 controller_burst_limit=25 inactivity_probe=0")
        session = session_of(controller, 1)
        simulation.appctl("time/stop")
        for _ in range(60):
            receive(simulation)
        simulation.appctl("time/warp", "2000")
        simulation.appctl("time/warp", "6000")

        def status():
            return rows(simulation)[controller.target]["status"]
        counts = wait_for(lambda: status().get("packet-in-miss-queued") == "35" and status(), "the counts")
        assert [counts[f"packet-in-miss-{x}"] for x in ("bypassed", "queued", "dropped")] == ["25", "35", "10"], counts
        assert counts["packet-in-action-queued"] == "0"
        session.barrier()
        assert len([m for m in session.kept if m.type == PACKET_IN]) == 50
    finally:
        controller.close()


def memory_kib(switch):
    with open(f"/proc/{switch.pid()}/status") as f:
        return int(re.search(r"VmRSS:\s+([0-9]+)", f.read())[1])


def test_a_controller_that_does_not_read(simulation):
    """Packets for it are dropped and counted; memory does not grow; another controller does not notice."""
    make_bridge(simulation)
    deaf, good = Controller(simulation.dir, "deaf"), Controller(simulation.dir, "good")
    try:
        set_controllers(simulation, deaf.target, good.target, settings="inactivity_probe=0")
        session_of(deaf, 1)
        listener = session_of(good, 1)
        got = []

        def listen():
            while True:
                message = listener.read(2)
                if not message:
                    return
                got.append(message.type == PACKET_IN)
        thread = threading.Thread(target=listen)
        thread.start()
        before, n = memory_kib(simulation), 400
        for i in range(n // 20):
            simulation.appctl("netdev-dummy/receive", "p1", *[FLOW, "--len", "9000"] * 20)
        thread.join()
        assert sum(got) == n
        overflow = int(simulation.ask("coverage/read-counter", "ofconn_packet_in_overflow"))
        assert overflow > n // 2, overflow
        sanitized = "libasan" in subprocess.run(["ldd", build_dir() / "sluiced"], capture_output=True, text=True).stdout
        assert memory_kib(simulation) - before < (60000 if sanitized else 12000)
    finally:
        deaf.close()
        good.close()


# ---------------------------------------------------------------- fail modes


def has_taken_over(switch):
    return "priority=15790320,actions=NORMAL" in switch.ask("bridge/dump-flows", "br0")


def test_standalone_takes_over_and_gives_back(simulation):
    make_bridge(simulation, "fail_mode=standalone other_config:disable-in-band=true")
    assert "priority=0,actions=NORMAL" in simulation.ask("bridge/dump-flows", "br0")
    controller = Controller(simulation.dir)
    try:
        set_controllers(simulation, controller.target, settings="max_backoff=1000 inactivity_probe=1000")
        assert "NORMAL" not in simulation.ask("bridge/dump-flows", "br0")
        session = session_of(controller, 4)
        add_flow(simulation, "priority=5,in_port=1,actions=drop")
        controller.stop()  # a kill of the controller
        assert not has_taken_over(simulation)
        wait_for(lambda: has_taken_over(simulation), "the switch to take over", 8)
        assert "failing open" in simulation.log()
        dump = simulation.command("ovs-ofctl", "dump-flows", "br0").stdout
        assert "NORMAL" not in dump and "in_port=1" not in dump  # hidden, and the controller's rules are gone
        add_flow(simulation, "priority=5,in_port=1,actions=drop")
        simulation.command("ovs-ofctl", "del-flows", "br0")
        assert has_taken_over(simulation)  # nobody can take it away
        receive(simulation)
        assert "actions:" in simulation.flows()[0] and "drop" not in simulation.flows()[0]
        controller = Controller(simulation.dir)
        session = controller.accept()
        session.hello(4)
        assert has_taken_over(simulation)  # it is there, and does nothing yet
        session.barrier()
        wait_for(lambda: not has_taken_over(simulation), "the switch to give back")
    finally:
        controller.close()


def test_secure_does_not(simulation):
    make_bridge(simulation)
    simulation.appctl("time/stop")
    set_controllers(simulation, f"unix:{simulation.dir}/nobody", settings="inactivity_probe=1000")
    simulation.appctl("time/warp", "60000", "1000")
    assert not has_taken_over(simulation)
    simulation.vsctl("set-fail-mode br0 standalone")
    simulation.appctl("time/warp", "60000", "1000")
    wait_for(lambda: has_taken_over(simulation), "standalone to take over")
    simulation.vsctl("set-fail-mode br0 secure")
    assert not has_taken_over(simulation)


def test_in_band_rules_as_the_reference():
    seen = []
    for kind in (Switch, Reference):
        s = kind(None, "--enable-dummy", "--disable-system")
        log = []
        try:
            make_bridge(s, "fail_mode=secure other_config:hwaddr=00:11:22:33:44:55")

            def dump(what):
                text = re.sub(r"duration=[0-9]+s, ", "", s.ask("bridge/dump-flows", "br0"))
                log.append((what, sorted(line for line in text.splitlines() if "priority=1800" in line)))
            set_controllers(s, "tcp:10.9.9.1", "tcp:10.9.9.2:7777", settings=None)
            s.vsctl("set-manager tcp:10.9.9.3:6640")
            wait_for(lambda: "10.9.9.3" in s.ask("bridge/dump-flows", "br0"), "the rules")
            dump("controllers and a manager")
            assert s.command("ovs-ofctl", "dump-flows", "br0").stdout.count("\n") <= 1
            s.vsctl("set bridge br0 other_config:in-band-queue=3")
            wait_for(lambda: "set_queue:3" in s.ask("bridge/dump-flows", "br0"), "the queue")
            dump("queue")
            s.vsctl("set bridge br0 other_config:disable-in-band=true")
            wait_for(lambda: "10.9.9.1" not in s.ask("bridge/dump-flows", "br0"), "the rules to go")
            dump("disabled")
            s.vsctl("remove bridge br0 other_config disable-in-band")
            uuid = s.vsctl("--bare --columns=_uuid find controller target=tcp\\:10.9.9.1").stdout.split()[0]
            s.vsctl(f"set controller {uuid} connection_mode=out-of-band")
            wait_for(lambda: "10.9.9.2" in s.ask("bridge/dump-flows", "br0") and
                     "10.9.9.1" not in s.ask("bridge/dump-flows", "br0"), "one of two")
            dump("one of two")
        finally:
            s.close()
        seen.append(log)
    assert seen[0] == seen[1]


def test_in_band_through_the_bridge(net, switch):
    """A controller that can be reached only through the bridge whose table is empty."""
    net.add_host("c", "v0", "10.7.0.1/24")
    peer = None
    script = ("import sys; sys.path.insert(0, %r)\n"
              "from ofpeer import *\n"
              "import socket\n"
              "s = socket.socket(); s.bind(('10.7.0.1', 6653)); s.listen(1)\n"
              "x = Session(s.accept()[0]); x.hello(4); print(x.ask(FEATURES_REQUEST).type, flush=True)\n"
              "sys.stdin.read()\n") % str(__import__("pathlib").Path(__file__).parent)
    peer = net.start("c", ["/usr/bin/python3", "-c", script], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    switch.vsctl("add-br br0 -- set bridge br0 fail_mode=secure -- add-port br0 v0")
    switch.vsctl("set-controller br0 tcp:10.7.0.1")
    uuid = switch.vsctl("--bare --columns=_uuid list controller").stdout.strip()
    switch.vsctl(f"set controller {uuid} local_ip=10.7.0.2 local_netmask=255.255.255.0 max_backoff=1000")
    assert peer.stdout.readline().strip() == "6"
    assert "10.7.0.2/24" in net.output("sw", "ip addr show dev br0")
    mac = net.link("c", "e0")["address"]
    wait_for(lambda: f"priority=180003,arp,dl_dst={mac}" in switch.ask("bridge/dump-flows", "br0"), "the next hop")
    peer.stdin.close()


# ---------------------------------------------------------------- onlookers, description


def test_snoop(one):
    switch, controller, session = one
    nobody = connect_unix(switch.dir / "br0.snoop")
    assert nobody.closed()  # nobody to look at yet
    session.hello(4)
    session.barrier()
    snooper = connect_unix(switch.dir / "br0.snoop")
    snooper.hello(4)
    xid = session.send(FEATURES_REQUEST)
    assert [snooper.read().type for _ in range(2)] == [FEATURES_REQUEST, FEATURES_REQUEST + 1]
    add_flow(switch, "actions=controller")
    receive(switch)
    assert snooper.of_type(PACKET_IN)
    session.wait(lambda m: m.xid == xid, "features")
    # Over a reconnection.
    switch.appctl("bridge/reconnect", "br0")
    again = session_of(controller, 4)
    again.ask(FEATURES_REQUEST)
    snooper.of_type(FEATURES_REQUEST + 1)


def test_ofctl_monitor_and_snoop(one):
    """Debian's ovs-ofctl looks on, by both ways."""
    switch, controller, session = one
    session.hello(1)
    session.barrier()
    add_flow(switch, "in_port=1,actions=controller")
    programs = []
    try:
        for argv in (["monitor", "br0", "65535"], ["snoop", "br0"]):
            programs.append(subprocess.Popen(["ovs-ofctl", *argv], env=switch.env, text=True, stdout=subprocess.PIPE,
                                             stderr=subprocess.STDOUT))
        output = ["", ""]

        def read(i):
            for line in programs[i].stdout:
                output[i] += line
        threads = [threading.Thread(target=read, args=(i,)) for i in (0, 1)]
        for thread in threads:
            thread.start()

        def both():
            receive(switch)
            return all("udp" in text and "(via action)" in text for text in output)
        wait_for(both, "both to print the packet")
    finally:
        for program in programs:
            program.kill()
        for program, thread in zip(programs, threads):
            program.wait()
            thread.join()
            program.stdout.close()


def test_description(pair):
    texts = []
    for s, _ in pair:
        s.vsctl('set bridge br0 other_config:dp-desc=rack7 other_config:dp-sn=12 '
                'other_config:datapath-id=00000000deadbeef')
        texts.append(s.command("ovs-ofctl", "dump-desc", "br0").stdout +
                     s.command("ovs-ofctl", "show", "br0").stdout.splitlines()[0])
    assert texts[0] == texts[1] and "rack7" in texts[0] and "deadbeef" in texts[0]
