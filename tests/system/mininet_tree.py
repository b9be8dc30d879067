# SPDX-License-Identifier: Apache-2.0
"""A tree of switches and hosts made by Mininet, by its own commands, which it finds in PATH; then `pingall`. Prints how
many per cent were lost, and the switches' bridges. Started in a network namespace of the test's own; it ends only what it
started itself (Mininet's `mn` would clean up the whole host first)."""
import sys

import mininet.net
from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.node import OVSSwitch, RemoteController
from mininet.topolib import TreeTopo

setLogLevel("info")
mininet.net.Mininet.inited = True  # it would set limits of the host
net = Mininet(topo=TreeTopo(depth=2, fanout=2), switch=OVSSwitch, waitConnected=True, autoSetMacs=True,
              controller=lambda name: RemoteController(name, ip="127.0.0.1", port=int(sys.argv[1])))
try:
    net.start()
    print("lost", net.pingAll(timeout="1"), flush=True)
    print("controllers", [s.connected() for s in net.switches], flush=True)
finally:
    net.stop()
