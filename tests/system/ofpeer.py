# SPDX-License-Identifier: Apache-2.0
"""A controller (or a client of a passive target) that speaks OpenFlow byte by byte, so that a test can say
anything, and see everything, at the time that it wants."""
import os
import select
import socket
import ssl
import struct
import time

HELLO, ERROR, ECHO_REQUEST, ECHO_REPLY, EXPERIMENTER = 0, 1, 2, 3, 4
FEATURES_REQUEST, FEATURES_REPLY, SET_CONFIG, PACKET_IN, FLOW_REMOVED, PORT_STATUS, PACKET_OUT, FLOW_MOD = \
    5, 6, 9, 10, 11, 12, 13, 14
NX = 0x2320


def barrier_type(version):
    return 18 if version == 1 else 20


class Message:
    def __init__(self, raw):
        self.raw = raw
        self.version, self.type, self.length, self.xid = struct.unpack("!BBHI", raw[:8])
        self.body = raw[8:]

    def error(self):
        return struct.unpack("!HH", self.body[:4])

    def __repr__(self):
        return f"<v{self.version} type {self.type} xid {self.xid:#x} {self.body[:40].hex()}>"


class Session:
    """A connected stream. Hello is exchanged by hello(); echoes are answered while waiting, unless told not to."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""
        self.version = 0
        self.next_xid = 100
        self.echo = True
        self.kept = []  # what came while something else was waited for

    def send(self, kind, body=b"", xid=None, version=None):
        if xid is None:
            xid = self.next_xid
            self.next_xid += 1
        self.sock.sendall(struct.pack("!BBHI", version or self.version, kind, 8 + len(body), xid) + body)
        return xid

    def nx(self, subtype, body=b"", **kwargs):
        return self.send(EXPERIMENTER, struct.pack("!II", NX, subtype) + body, **kwargs)

    def read(self, timeout=5):
        """The next message; None: nothing came, or (closed) the end."""
        end = time.monotonic() + timeout
        while True:
            if len(self.buffer) >= 8:
                n = struct.unpack("!H", self.buffer[2:4])[0]
                if len(self.buffer) >= n:
                    raw, self.buffer = self.buffer[:n], self.buffer[n:]
                    return Message(raw)
            left = end - time.monotonic()
            if left <= 0:
                return None
            pending = getattr(self.sock, "pending", lambda: 0)()
            if not pending and not select.select([self.sock], [], [], left)[0]:
                return None
            try:
                data = self.sock.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                return None
            self.buffer += data

    def wait(self, condition, what, timeout=5):
        """The next message for which condition(message); others are kept."""
        for message in self.kept:
            if condition(message):
                self.kept.remove(message)
                return message
        end = time.monotonic() + timeout
        while True:
            message = self.read(max(0, end - time.monotonic()))
            assert message, f"timed out, or closed, waiting for {what}; came: {self.kept}"
            if message.type == ECHO_REQUEST and self.echo:
                self.send(ECHO_REPLY, message.body, message.xid, message.version)
                continue
            if condition(message):
                return message
            self.kept.append(message)

    def hello(self, version=4, bitmap=None):
        body = b"" if bitmap is None else struct.pack("!HHI", 1, 8, bitmap)
        self.send(HELLO, body, 1, version)
        theirs = self.wait(lambda m: m.type == HELLO, "hello")
        self.version = version
        return theirs

    def ask(self, kind, body=b"", timeout=5):
        """The answer to this request."""
        xid = self.send(kind, body)
        return self.wait(lambda m: m.xid == xid, f"the answer to {kind}", timeout)

    def ask_nx(self, subtype, body=b""):
        xid = self.nx(subtype, body)
        return self.wait(lambda m: m.xid == xid, f"the answer to Nicira's {subtype}")

    def barrier(self):
        return self.ask(barrier_type(self.version))

    def of_type(self, kind, timeout=5):
        return self.wait(lambda m: m.type == kind, f"type {kind}", timeout)

    def nothing(self, kind):
        """Nothing of this type has come, by the answer to a barrier."""
        self.barrier()
        assert not [m for m in self.kept if m.type == kind], self.kept

    def closed(self, timeout=5):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if not select.select([self.sock], [], [], end - time.monotonic())[0]:
                return False
            try:
                data = self.sock.recv(65536)
            except ConnectionError:
                return True
            if not data:
                return True
            self.buffer += data
        return False

    def close(self):
        self.sock.close()


class Controller:
    """Listens where a switch is told to connect to: a Unix socket, or a TCP port of the loopback."""

    def __init__(self, directory=None, name="controller", tls=None):
        self.tls = tls
        if directory:
            self.path = os.path.join(str(directory), name)
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.bind(self.path)
            self.target = f"unix:{self.path}"
        else:
            self.path = None
            self.sock = socket.socket()
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.bind(("127.0.0.1", 0))
            self.target = f"{'ssl' if tls else 'tcp'}:127.0.0.1:{self.sock.getsockname()[1]}"
        self.sock.listen(5)
        self.sessions = []

    def accept(self, timeout=8):
        assert select.select([self.sock], [], [], timeout)[0], f"nobody connected to {self.target}"
        sock, _ = self.sock.accept()
        if self.tls:
            sock = self.tls.wrap_socket(sock, server_side=True)
        session = Session(sock)
        self.sessions.append(session)
        return session

    def stop(self):
        """As if it had been killed."""
        for session in self.sessions:
            session.close()
        self.sessions = []
        self.sock.close()
        if self.path:
            os.unlink(self.path)

    def close(self):
        if self.sock.fileno() >= 0:
            self.stop()


def connect_unix(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    return Session(sock)


def connect_tcp(port, host="127.0.0.1"):
    sock = socket.create_connection((host, port), timeout=5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # messages that are not answered delay no others
    return Session(sock)


def tls_context(directory, server=True):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(f"{directory}/ctl-cert.pem", f"{directory}/ctl-privkey.pem")
    context.load_verify_locations(f"{directory}/ca-cert.pem")
    return context
