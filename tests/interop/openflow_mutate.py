#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whole sessions of hostile messages against a switch, best of a sanitizer build: every message of the walk through
os-ken's classes (tests/system/test_openflow_walk.py), of every version, with bytes flipped, lengths off, pieces cut out,
put in twice or moved into others. The switch must go on: it answers a barrier of a new session after each of them.

    SLUICE_BUILD=build-asan openflow_mutate.py [SECONDS [SEED]]

Ends with what the sanitizer said, and the messages of the last session if the switch died."""
import os
import pathlib
import random
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
import test_openflow_walk as walks  # noqa: E402
from ofpeer import connect_unix  # noqa: E402
from switch import Switch, alive  # noqa: E402


def record(version):
    """The messages of a walk, sent and received."""
    switch = Switch(None, "--enable-dummy", "--disable-system")
    try:
        walk = walks.Walk(switch, version)
        for cases in (walk.symmetric, walk.changes, walk.asynchronous, walk.requests, walk.monitors, walk.bundles):
            walk.run(cases())
        walk.run(walk.nicira())
        for name, action in walks.actions(walk.p, walk.ofp, version):
            walks.outcome(walk, name, action)
        return list(dict.fromkeys(raw for _, raw in walk.peer.recorded))
    finally:
        switch.close()


def mutate(rng, raw, pool):
    b = bytearray(raw)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 6))):
        kind, at = rng.randrange(8), rng.randrange(max(1, len(b)))
        if kind == 0 and len(b) > 8:
            b[max(4, at)] ^= 1 << rng.randrange(8)
        elif kind == 1 and len(b) > 10:  # some 16 bits that may be a length or a type
            at = max(8, at & ~1)
            b[at:at + 2] = struct.pack("!H", rng.choice((0, 1, 3, 4, 7, 8, 12, 16, 24, 32, 255, 0x7fff, 0x8000, 0xfff8, 0xffff)))
        elif kind == 2:  # cut off
            del b[max(8, at):]
        elif kind == 3:  # a piece is missing
            n = rng.choice((1, 2, 4, 8, 16))
            del b[max(8, at):max(8, at) + n]
        elif kind == 4:  # a piece twice, often a property or an action
            at, n = max(8, at & ~7), rng.choice((8, 16, 24, 32, 64))
            b[at:at] = b[at:at + n] * rng.choice((1, 1, 2, 50))
        elif kind == 5:  # the tail of another
            other = rng.choice(pool)
            at = max(8, at & ~7)
            b[at:] = other[rng.randrange(len(other) + 1) & ~7:]
        elif kind == 6:
            b[max(8, at):] += bytes(rng.choice((1, 4, 8, 60)))
        elif kind == 7 and len(b) > 12:
            at = max(8, at & ~3)
            b[at:at + 4] = struct.pack("!I", rng.choice((0, 1, 0xffffffff, 0xfffffffd, 0x7fffffff, 0xfffffff8, 0x2320, 0x4f4e4600)))
    del b[65535:]
    if rng.random() < 0.97:
        b[2:4] = struct.pack("!H", len(b))
    return bytes(b)


def session(rng, switch, version, pool, sent):
    s = connect_unix(f"{switch.dir}/br0.mgmt")
    s.hello(version)
    s.sock.setblocking(False)
    for _ in range(rng.randrange(1, 60)):
        message = mutate(rng, rng.choice(pool), pool)
        sent.append(message)
        try:
            s.sock.send(message)
        except (BlockingIOError, BrokenPipeError, ConnectionError):
            break
        if rng.random() < 0.3:
            try:
                while s.sock.recv(1 << 20):
                    pass
            except (BlockingIOError, ConnectionError):
                pass
    s.close()


def main():
    seconds, seed = float((sys.argv + ["60"])[1]), int((sys.argv + ["", ""])[2] or time.time())
    rng = random.Random(seed)
    print("seed", seed)
    pools = {v: record(v) for v in (1, 3, 4, 5, 6)}
    pools[2] = [bytes([2]) + m[1:] for m in pools[3]]  # OpenFlow 1.1 is much like 1.2
    print({v: len(p) for v, p in pools.items()}, "messages")
    switch = Switch(None, "--enable-dummy", "--disable-system")
    end, n, messages = time.monotonic() + seconds, 0, 0
    sent = []
    try:
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure protocols=[]")
        for port in (1, 2, 3):
            switch.vsctl(f"add-port br0 p{port} -- set interface p{port} type=dummy ofport_request={port}")
        while time.monotonic() < end:
            sent.clear()
            version = rng.choice(list(pools))
            session(rng, switch, version, pools[version], sent)
            n, messages = n + 1, messages + len(sent)
            probe = connect_unix(f"{switch.dir}/br0.mgmt")
            probe.hello(4)
            probe.ask(20, timeout=60)
            if n % 20 == 0:
                switch.appctl("netdev-dummy/receive", f"p{rng.randrange(1, 4)}", os.urandom(rng.randrange(14, 200)).hex(), check=False)
            if n % 200 == 0:
                probe.ask(14, struct.pack("!QQBBHHHIIIHH", 0, 0, 255, 3, 0, 0, 0, 0xffffffff, 0xffffffff, 0xffffffff, 0, 0) +
                          struct.pack("!HH4x", 1, 4), timeout=1) if False else None
                print(n, "sessions", messages, "messages", flush=True)
            probe.close()
    except BaseException:
        for m in sent:
            print(m.hex())
        raise
    finally:
        pid = switch.pid()
        print(n, "sessions,", messages, "messages, the switch", "lives" if pid and alive(pid) else "is dead")
        switch.close()


if __name__ == "__main__":
    main()
