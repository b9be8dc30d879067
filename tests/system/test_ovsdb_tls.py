# SPDX-License-Identifier: Apache-2.0
"""TLS: our listeners and connections and the reference's, from the command line and from the Manager and SSL tables,
with the real clients; certificates checked on both sides, TLS 1.2 at least."""
import os
import socket
import ssl
import subprocess

import pytest

from netns import wait_for
from ovsdb_util import Client, Server, REFERENCE, SLUICE
from switch import Switch

needs_reference = pytest.mark.skipif(not os.path.exists(REFERENCE), reason="no reference server")


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


class Pki:
    """Two authorities, each with a certificate for a server and for a client."""

    def __init__(self, dir):
        self.dir = dir
        for ca in ("ca", "otherca"):
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={ca}",
                    "-keyout", self.file(f"{ca}-key"), "-out", self.file(f"{ca}-cert"))
        for name, ca in (("server", "ca"), ("client", "ca"), ("stranger", "otherca")):
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                    "-keyout", self.file(f"{name}-key"), "-out", self.file(f"{name}-req"))
            openssl("x509", "-req", "-days", "30", "-in", self.file(f"{name}-req"), "-CA", self.file(f"{ca}-cert"), "-CAkey",
                    self.file(f"{ca}-key"), "-CAcreateserial", "-out", self.file(f"{name}-cert"))

    def file(self, name):
        return str(self.dir / f"{name}.pem")

    def options(self, name, ca="ca"):
        return ["-p", self.file(f"{name}-key"), "-c", self.file(f"{name}-cert"), "-C", self.file(f"{ca}-cert")]

    def context(self, name, version=None, ciphers=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.file("ca-cert"))
        if name:
            context.load_cert_chain(self.file(f"{name}-cert"), self.file(f"{name}-key"))
        if version:
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = version
            context.set_ciphers(ciphers or "ALL:@SECLEVEL=0")
        return context


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(server, options):
    """A server with more options than ovsdb_util's knows: it is started anew with them."""
    server.stop()
    program = [REFERENCE] if server.kind == "reference" else [SLUICE, "ovsdb-server"]
    server.process = subprocess.Popen([*program, "--remote=punix:" + server.sock, *options, "--unixctl=" + server.dir + "/ctl",
                                       "-vconsole:off", server.file], env={**os.environ, "OVS_RUNDIR": server.dir})
    wait_for(lambda: os.path.exists(server.sock), "the server")


CLIENTS = {"reference": ["ovsdb-client"], "ours": [SLUICE, "ovsdb-client"]}
VSCTL = {"reference": ["ovs-vsctl"], "ours": [SLUICE, "vsctl"]}


def list_dbs(client, pki, port, name="client", ca="ca"):
    return subprocess.run([*CLIENTS[client], "--timeout=5", *pki.options(name, ca), "list-dbs", f"ssl:127.0.0.1:{port}"],
                          capture_output=True, text=True)


@needs_reference
@pytest.mark.parametrize("server,client", [("ours", "reference"), ("reference", "ours"), ("ours", "ours")])
def test_a_listener_and_its_clients(pki, server, client):
    port = free_port()
    with Server(server) as s:
        start(s, [f"--remote=pssl:{port}:127.0.0.1", *pki.options("server")])
        out = list_dbs(client, pki, port)
        assert out.stdout == "Open_vSwitch\n_Server\n", out.stderr
        target = [f"--db=ssl:127.0.0.1:{port}", *pki.options("client"), "--timeout=10", "--no-wait"]
        subprocess.run([*VSCTL[client], *target, "init"], check=True)
        subprocess.run([*VSCTL[client], *target, "add-br", "br0"], check=True)
        assert subprocess.run([*VSCTL[client], *target, "list-br"], capture_output=True, text=True).stdout == "br0\n"
        # A certificate of another authority is not taken, on either side.
        assert list_dbs(client, pki, port, "stranger").returncode
        assert list_dbs(client, pki, port, "client", "otherca").returncode
        assert list_dbs(client, pki, port).returncode == 0


def handshake(context, port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw, context.wrap_socket(raw) as tls:
        tls.sendall(b'{"id":1,"method":"echo","params":[]}')
        answer = tls.recv(4096)
        return tls.version() if answer else None


def test_what_a_listener_asks_for(pki):
    port = free_port()
    with Server("ours") as s:
        start(s, [f"--remote=pssl:{port}:127.0.0.1", *pki.options("server")])
        assert handshake(pki.context("client"), port) == "TLSv1.3"
        assert handshake(pki.context("client", ssl.TLSVersion.TLSv1_2), port) == "TLSv1.2"
        for context in (pki.context(None), pki.context("stranger"), pki.context("client", ssl.TLSVersion.TLSv1_1),
                        pki.context("client", ssl.TLSVersion.TLSv1)):
            with pytest.raises((ssl.SSLError, OSError)):
                assert handshake(context, port)
        # Neither rubbish nor silence instead of a handshake hurts anybody.
        rubbish, silent = (socket.create_connection(("127.0.0.1", port)) for _ in range(2))
        rubbish.sendall(b"GET / HTTP/1.0\r\n\r\n")
        rubbish.settimeout(5)
        try:
            while rubbish.recv(4096):
                pass
        except ConnectionResetError:
            pass
        assert handshake(pki.context("client"), port) == "TLSv1.3"
        start(s, [f"--remote=pssl:{port}:127.0.0.1", *pki.options("server"), "--ssl-protocols=TLSv1.2",
                  "--ssl-ciphers=ECDHE-ECDSA-AES256-GCM-SHA384"])
        assert handshake(pki.context("client"), port) == "TLSv1.2"
        with pytest.raises((ssl.SSLError, OSError)):
            handshake(pki.context("client", ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256"), port)


@needs_reference
@pytest.mark.parametrize("kind", ["ours", "reference"])
def test_an_active_connection_and_bootstrapping(pki, kind, tmp_path):
    """The server calls; the client waits. And the first one's CA certificate is kept."""
    port, kept = free_port(), tmp_path / "kept.pem"
    listener = subprocess.Popen([*CLIENTS["reference" if kind == "ours" else "ours"], "--timeout=20", *pki.options("client"),
                                 "list-dbs", f"pssl:{port}:127.0.0.1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        with Server(kind) as s:
            start(s, [f"--remote=ssl:127.0.0.1:{port}", *pki.options("server")])
            assert listener.communicate(timeout=20)[0] == "Open_vSwitch\n_Server\n"
    finally:
        listener.kill()
    with Server(kind) as s:
        start(s, [f"--remote=pssl:{port}:127.0.0.1", *pki.options("server"), f"--peer-ca-cert={pki.file('ca-cert')}"])
        for client in CLIENTS:
            kept.unlink(missing_ok=True)
            for _ in range(3):  # the first connection fetches it, the next is checked against it
                out = subprocess.run([*CLIENTS[client], "--timeout=5", *pki.options("client")[:4], f"--bootstrap-ca-cert={kept}",
                                      "list-dbs", f"ssl:127.0.0.1:{port}"], capture_output=True, text=True)
                if out.returncode == 0:
                    break
            assert out.stdout == "Open_vSwitch\n_Server\n", (client, out.stderr)
            assert kept.read_text().split() == open(pki.file("ca-cert")).read().split()


def test_managers_and_tls_files_from_the_tables(pki):
    """ovs-vsctl set-ssl and set-manager on a switch that serves its own database."""
    switch = Switch(None, "--enable-dummy", "--disable-system")
    try:
        switch.vsctl(f"set-ssl {pki.file('server-key')} {pki.file('server-cert')} {pki.file('ca-cert')}")
        switch.vsctl("set-manager pssl:0:127.0.0.1")
        wait_for(lambda: "bound_port" in switch.get("manager", ".", "status"), "the listener")
        port = int(switch.get("manager", ".", "status:bound_port").strip('"'))
        assert handshake(pki.context("client"), port) == "TLSv1.3"
        with pytest.raises((ssl.SSLError, OSError)):
            assert handshake(pki.context("stranger"), port)
        assert list_dbs("reference", pki, port).returncode == 0
        with socket.create_connection(("127.0.0.1", port)) as raw, pki.context("client").wrap_socket(raw):
            wait_for(lambda: switch.get("manager", ".", "is_connected") == "true", "the connection in the database")
            status = switch.get("manager", ".", "status")
            assert "state=ACTIVE" in status and "sec_since_connect=" in status, status
        wait_for(lambda: switch.get("manager", ".", "is_connected") == "false", "its end in the database")
        # An active one, to a server of the real kind's client side.
        other = free_port()
        listener = subprocess.Popen(["ovsdb-client", "--timeout=20", *pki.options("client"), "list-dbs", f"pssl:{other}:127.0.0.1"],
                                    stdout=subprocess.PIPE, text=True)
        switch.vsctl(f"set-manager ssl:127.0.0.1:{other}")
        assert listener.communicate(timeout=20)[0] == "Open_vSwitch\n_Server\n"
        # New files are taken without a restart.
        switch.vsctl(f"set-manager pssl:{port}:127.0.0.1 -- set-ssl {pki.file('stranger-key')} {pki.file('stranger-cert')} "
                     f"{pki.file('otherca-cert')}")

        def other_authority():
            try:
                return list_dbs("reference", pki, port, "stranger", "otherca").returncode == 0
            except OSError:
                return False

        wait_for(other_authority, "the new certificate")
        assert list_dbs("reference", pki, port).returncode
        # The CA certificate is fetched from the first peer where the row asks for that.
        kept = switch.dir / "kept.pem"
        chain = switch.dir / "chain.pem"
        chain.write_text(open(pki.file("client-cert")).read() + open(pki.file("ca-cert")).read())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, pki.file("client-key"))
        context.load_verify_locations(pki.file("ca-cert"))
        context.verify_mode = ssl.CERT_REQUIRED
        with socket.create_server(("127.0.0.1", other)) as listener:
            listener.settimeout(20)
            switch.vsctl(f"-- --bootstrap set-ssl {pki.file('server-key')} {pki.file('server-cert')} {kept} "
                         f"-- set-manager ssl:127.0.0.1:{other}")
            answer = b""
            while not answer:  # the first connection only fetches it
                with listener.accept()[0] as raw:
                    raw.settimeout(10)
                    try:
                        with context.wrap_socket(raw, server_side=True) as tls:
                            tls.sendall(b'{"id":1,"method":"list_dbs","params":[]}')
                            answer = tls.recv(4096)
                    except OSError:
                        pass
            assert b"Open_vSwitch" in answer
        assert kept.read_text().split() == open(pki.file("ca-cert")).read().split()
    finally:
        switch.close()
