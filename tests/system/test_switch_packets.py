# SPDX-License-Identifier: Apache-2.0
"""Random rules and packets through our daemon and the reference: the same packets come out, the same is counted
(tests/interop/packets.py runs more of them by hand)."""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))

import packets  # noqa: E402


def test_packets_and_counters(simulation, reference):
    args = argparse.Namespace(cases=2, case=None, packets=15, seed=25, show=5, rules=True)
    same, differ, _ = packets.run(simulation, reference, args)
    assert same == 2 * (15 + 3) and not differ


def test_learned_again(simulation, reference):
    """Learning the same again begins the hard time-out anew, not the idle one."""
    seen = []
    for switch in (simulation, reference):
        switch.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=secure")
        switch.vsctl("add-port br0 p1 -- set interface p1 type=dummy ofport_request=1")
        for table, timeout in ((7, "idle_timeout=3"), (8, "hard_timeout=3")):
            switch.command("ovs-ofctl", "add-flow", f"unix:{switch.dir}/br0.mgmt",
                           f"table={table - 7},actions=learn(table={table},{timeout},NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]),resubmit(,1)")
        switch.appctl("time/stop")
        found = []
        for n in range(5):
            switch.appctl("netdev-dummy/receive", "p1",
                          f"in_port(1),eth(src=50:54:00:00:00:01,dst=50:54:00:00:00:{n + 2:02x}),eth_type(0x1234)")
            switch.appctl("time/warp", "1000", "250")
            dumps = [switch.command("ovs-ofctl", "dump-flows", f"unix:{switch.dir}/br0.mgmt", f"table={t}").stdout for t in (7, 8)]
            found.append(tuple("dl_dst" in dump for dump in dumps))
        seen.append(found)
    assert seen[0] == seen[1] and (False, True) in seen[0]
