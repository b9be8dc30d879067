# SPDX-License-Identifier: Apache-2.0
"""A session that speaks in os-ken's messages: what is sent is built by its classes, what comes is parsed by them."""
import struct

from os_ken.ofproto import ofproto_parser, ofproto_protocol

from ofpeer import ERROR, HELLO, barrier_type, connect_unix

MULTIPART_REQUEST, MULTIPART_REPLY = 18, 19


class Peer:
    """With BRIDGE.mgmt of the switch, or over SESSION."""

    def __init__(self, switch, version, bridge="br0", session=None):
        self.desc = ofproto_protocol.ProtocolDesc(version=version)
        self.ofp, self.parser = self.desc.ofproto, self.desc.ofproto_parser
        self.version = version
        self.session = session or connect_unix(f"{switch.dir}/{bridge}.mgmt")
        self.session.hello(version)
        self.xid = 0x10000
        self.recorded = []  # (class or None, bytes) of each message, sent and received

    def parse(self, message):
        return ofproto_parser.msg(self.desc, message.version, message.type, message.length, message.xid, message.raw)

    def bytes_of(self, message):
        self.xid += 1
        message.set_xid(self.xid)
        message.serialize()
        self.recorded.append((type(message).__name__, bytes(message.buf)))
        return bytes(message.buf)

    def send(self, message):
        self.session.sock.sendall(self.bytes_of(message))
        return self.xid

    def until_barrier(self, xid=None):
        """What came, in its raw form, until the switch has done all so far; only with XID, if there is one."""
        mark = self.session.send(barrier_type(self.version))
        got, others = [], []
        while True:
            m = self.session.wait(lambda m: m.type != HELLO, "the answer to a barrier", timeout=20)
            self.recorded.append((None, m.raw))
            if m.xid == mark and m.type == barrier_type(self.version) + 1:
                self.session.kept += others
                return got
            (got if xid is None or m.xid == xid else others).append(m)

    def raw(self, message):
        return self.until_barrier(self.send(message))

    def ask(self, message):
        """[message of os-ken, ...]; an error is one, too: ("error", type, code)."""
        return [("error",) + m.error() if m.type == ERROR else self.parse(m) for m in self.raw(message)]

    def records(self, message):
        """All records of a multipart reply."""
        return [record for reply in self.ask(message) for record in reply.body]

    def error(self, message):
        """(type, code), or None: it was done."""
        errors = [m.error() for m in self.raw(message) if m.type == ERROR]
        return errors[0] if errors else None

    def multipart(self, kind, body=b"", more=False, xid=None):
        return self.session.send(MULTIPART_REQUEST, struct.pack("!HHI", kind, int(more), 0) + body, xid=xid)

    def close(self):
        self.session.close()
