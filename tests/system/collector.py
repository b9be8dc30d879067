# SPDX-License-Identifier: Apache-2.0
"""Where NetFlow, IPFIX and sFlow are sent to: a socket of the test's, or a program in the switch's namespace."""
import socket
import subprocess
import sys

LISTEN = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", {port}))
print("listening", flush=True)
while True:
    print(s.recv(65536).hex(), flush=True)
"""


class Socket:
    def __init__(self, family=socket.AF_INET, host="127.0.0.1"):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((host, 0))
        self.socket.settimeout(0.3)
        self.target = f"{'[::1]' if family == socket.AF_INET6 else host}:{self.socket.getsockname()[1]}"

    def datagrams(self):
        """What has come, and comes before there is a pause."""
        while True:
            try:
                yield self.socket.recv(65536)
            except socket.timeout:
                return


class Listener:
    """At 127.0.0.1:PORT in NET's namespace "sw"; ends with the net."""

    def __init__(self, net, port):
        self.process = net.start("sw", [sys.executable, "-c", LISTEN.format(port=port)], stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == "listening\n"

    def datagram(self):
        return bytes.fromhex(self.process.stdout.readline().strip())
