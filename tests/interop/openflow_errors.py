#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Malformed OpenFlow requests to our switch and to the reference's: which error each names.

Usage: openflow_errors.py OUR-SOCKET REFERENCE-SOCKET MESSAGES.hex [EACH [SEED]]
The sockets are BRIDGE.mgmt of bridges that are made alike. Each recorded request of a controller is cut off at every length
and has each of its bytes set to values that are often wrong; EACH of these (0: all), chosen by SEED, are sent."""
import collections
import random
import select
import socket
import struct
import sys
import time

MARK = 0xf0000000
# What only a switch says is left out, and what changes the connection: hellos, table ids in flow mods, formats, packet-ins.
REQUESTS = {1: {2, 3, 5, 7, 9, 13, 14, 15, 16, 18, 20}}
for _v in range(2, 7):
    REQUESTS[_v] = {2, 3, 5, 7, 9, 13, 14, 15, 16, 17, 18, 20, 22, 24, 26, 28, 29, 33, 34}
NX_KEEP = {10, 13, 16, 19, 24, 26, 27, 29, 32, 31}


def is_request(m):
    version, kind = m[0], m[1]
    if kind == 4:
        return len(m) >= 16 and m[8:12] == b"\0\0\x23\x20" and struct.unpack(">I", m[12:16])[0] in NX_KEEP
    return kind in REQUESTS.get(version, ())


def wrong(m):
    """M, malformed in each way."""
    for n in range(8, len(m)):
        yield m[:n]
    for at in range(8, len(m)):
        for value in {0, 1, 0x7f, 0x80, 0xff, m[at] + 1 & 255, m[at] - 1 & 255, m[at] ^ 0x10} - {m[at]}:
            yield m[:at] + bytes([value]) + m[at + 1:]
    for at in range(8, len(m) - 1, 2):
        for value in (b"\xff\xff", b"\0\0", b"\xff\x00", b"\x23\x20"):
            yield m[:at] + value + m[at + 2:]
    for more in (1, 4, 8, 16):
        yield m + bytes(more)


def is_part(m):
    """A multipart request of which more is said to follow: the next one belongs to it."""
    return m[1] == (16 if m[0] == 1 else 18) and len(m) >= 12 and m[11] & 1


def framed(m):
    return m[:2] + struct.pack(">H", len(m)) + m[4:]


class Peer:
    def __init__(self, path, version):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(10)
        self.s.connect(path)
        self.version = version
        self.buf = b""
        bitmap = struct.pack(">HHI", 1, 8, 1 << version)
        self.s.sendall(struct.pack(">BBHI", version, 0, 16, 1) + bitmap)
        self.receive()

    def receive(self):
        while len(self.buf) < 8 or len(self.buf) < struct.unpack(">H", self.buf[2:4])[0]:
            data = self.s.recv(65536)
            if not data:
                raise EOFError
            self.buf += data
        n = struct.unpack(">H", self.buf[2:4])[0]
        m, self.buf = self.buf[:n], self.buf[n:]
        return m

    def ask(self, requests):
        """For each request, what answered it: (type, error's type and code or the first of the body)."""
        said = [[] for _ in requests]
        barrier = 18 if self.version == 1 else 20
        for start in range(0, len(requests), 50):
            part = requests[start:start + 50]
            stream = b"".join(framed(r) + struct.pack(">BBHI", self.version, barrier, 8, MARK + start + i)
                              for i, r in enumerate(part))
            self.s.sendall(stream)
            i = start
            while i < start + len(part):
                m = self.receive()
                if m[1] == barrier + 1 and struct.unpack(">I", m[4:8])[0] == MARK + i:
                    i += 1
                elif m[1] == 1:
                    n = 16 if m[8:10] in (b"\xff\xff", b"\xb0\xc2") else 12
                    said[i].append(("error", m[8:n + (4 if m[8:10] == b"\xb0\xc2" else 0)].hex()))
                elif m[1] not in (10, 11, 12, 30) and m[4:8] != b"\0\0\0\0":  # what nobody asked for
                    said[i].append((m[1], ""))
        return said


def compare(ours, theirs, messages, each=0, rng=random):
    """Yields (request, what the reference says, what we say) where they differ, and the number asked at the end."""
    by_version = collections.defaultdict(list)
    for m in messages:
        if is_request(m) and len(m) <= 600:
            kinds = list(wrong(m))
            by_version[m[0]] += rng.sample(kinds, min(each, len(kinds))) if each else kinds
    n = 0
    for version, requests in sorted(by_version.items()):
        requests = [r for r in requests if len(r) >= 8 and is_request(r) and not is_part(r)]
        n += len(requests)
        a, b = Peer(ours, version).ask(requests), Peer(theirs, version).ask(requests)
        for r, x, y in zip(requests, a, b):
            x, y = list(dict.fromkeys(x)), list(dict.fromkeys(y))
            if x != y:
                yield framed(r), y, x
    yield None, n, 0


def main():
    messages = [bytes.fromhex(line.strip()) for line in open(sys.argv[3], encoding="ascii") if line.strip()]
    each = int(sys.argv[4]) if len(sys.argv) > 4 else 20
    rng = random.Random(int(sys.argv[5]) if len(sys.argv) > 5 else 1)
    classes = collections.defaultdict(list)
    n = 0
    for request, theirs, ours in compare(sys.argv[1], sys.argv[2], messages, each, rng):
        if request is None:
            n = theirs
        else:
            classes[(request[0], request[1], str(theirs), str(ours))].append(request)
    for (version, kind, theirs, ours), requests in sorted(classes.items(), key=lambda c: -len(c[1])):
        print(len(requests), f"version {version} type {kind}: reference {theirs} sluice {ours}")
        print("   ", min(requests, key=len).hex()[:320])
    print(n, "requests,", sum(map(len, classes.values())), "differ")


if __name__ == "__main__":
    main()
