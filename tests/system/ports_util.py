# SPDX-License-Identifier: Apache-2.0
"""What the tests of ports share."""
import hashlib
import subprocess
import sys

# Run in a host: receives until the end of the stream and prints its digest; and the sender.
SINK = """
import hashlib, socket, sys
s = socket.create_server((sys.argv[1], 5001), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
print("listening", flush=True)
c, _ = s.accept()
h = hashlib.sha256()
while True:
    data = c.recv(1 << 20)
    if not data:
        break
    h.update(data)
print(h.hexdigest(), flush=True)
"""
SOURCE = """
import random, socket, sys
data = random.Random(1).randbytes(1 << 20)
c = socket.create_connection((sys.argv[1], 5001), timeout=20)
for _ in range(int(sys.argv[2])):
    c.sendall(data)
c.shutdown(socket.SHUT_WR)
c.recv(1)
"""


def digest(megabytes):
    import random
    data = random.Random(1).randbytes(1 << 20)
    h = hashlib.sha256()
    for _ in range(megabytes):
        h.update(data)
    return h.hexdigest()


def transfer(net, source, sink, address, megabytes=64):
    """Moves bytes by TCP; they arrive unchanged, and within 30 s."""
    server = net.start(sink, [sys.executable, "-c", SINK, address], stdout=subprocess.PIPE)
    assert server.stdout.readline() == "listening\n"
    net.run(source, [sys.executable, "-c", SOURCE, address, str(megabytes)], timeout=30)
    assert server.stdout.readline().strip() == digest(megabytes)


