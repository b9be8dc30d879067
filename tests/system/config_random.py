#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random vsctl transactions on our daemon and the reference: what the database and the commands then say is compared.

usage: config_random.py [COUNT [SEED]]"""
import random
import re
import sys

from switch import Reference, Switch

BRIDGES = ["br0", "br1", "br2"]
PORTS = [f"p{n}" for n in range(1, 9)]


def transaction(rng, state):
    """Words of a vsctl command. STATE: bridge -> its ports."""
    bridge = rng.choice(BRIDGES)
    there = sorted(state)
    used = sorted(port for ports in state.values() for port in ports)
    kind = rng.randrange(12)
    if not there or kind == 0:
        number = BRIDGES.index(bridge)
        state.setdefault(bridge, set())
        return (f"--may-exist add-br {bridge} -- set bridge {bridge} datapath_type=dummy fail_mode=secure "
                f"other_config:hwaddr=aa:66:aa:66:00:0{number}")
    if kind == 1 and rng.random() < 0.5:
        state.pop(bridge, None)
        return f"--if-exists del-br {bridge}"
    if kind in (2, 3, 4, 5):
        free = [port for port in PORTS if port not in used]
        if free:
            port = rng.choice(free)
            bridge = rng.choice(there)
            state[bridge].add(port)
            extra = rng.choice(["", "", f" ofport_request={rng.choice([100, 200, 65279, 65280])}", " mtu_request=9000",
])
            return f"add-port {bridge} {port} -- set interface {port} type={rng.choice(['dummy', 'dummy', 'dummy-internal', 'nosuch'])}{extra}"
    if not used:
        return "set open_vswitch . external_ids:x=1"
    port = rng.choice(used)
    if kind == 6:
        for ports in state.values():
            ports.discard(port)
        return f"del-port {port}"
    return rng.choice([f"set interface {port} type=dummy", f"set interface {port} type=internal",
                       f"set interface {port} ofport_request={100 + rng.randrange(12)}",
                       f"set port {port} tag={rng.randrange(4096)}", f"set interface {port} type=dummy-internal",
                       f"clear interface {port} ofport_request", f"set interface {port} mtu_request={rng.choice([100, 1500, 9000])}",
                       f"set interface {port} type=patch options:peer={rng.choice(PORTS)}", f"clear port {port} tag"])


LISTS = ("list-br", "--columns=name,type,ofport,ofport_request,error,admin_state,link_state,mtu,mtu_request,ifindex,"
         "link_resets,link_speed,duplex,lacp_current,cfm_fault,bfd_status list interface",
         "--columns=name,tag,vlan_mode,bond_active_slave,rstp_status,status list port",
         "--columns=name,datapath_type,datapath_id,fail_mode,status list bridge")


def facts(switch):
    found = {}
    for words in LISTS:
        text = switch.vsctl(words).stdout
        # The reference takes a patch port's complaint back at the next change of its row.
        text = re.sub(r'error               : "No usable peer.*"', "error               : []", text)
        found[words] = sorted(block.strip() for block in text.split("\n\n"))
    found["dpif/show"] = re.sub(r"hit:\d+ missed:\d+", "", switch.ask("dpif/show"))
    found["ofproto/list"] = sorted(switch.ask("ofproto/list").split())
    found["dpctl/show"] = switch.appctl("dpctl/show", check=False).stdout
    return found


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    state, differ = {}, 0
    ours = Switch(None, "--enable-dummy", "--disable-system")
    try:
        theirs = Reference(None, "--enable-dummy", "--disable-system")
        try:
            for number in range(count):
                words = transaction(rng, state)
                codes = [switch.vsctl(words, check=False).returncode for switch in (ours, theirs)]
                a, b = facts(ours), facts(theirs)
                if a != b or codes[0] != codes[1]:
                    differ += 1
                    print(f"{number}: {words} -> {codes}")
                    for key in a:
                        if a[key] != b[key]:
                            print(f"  {key}\n    ours      {a[key] if isinstance(a[key], str) else sorted(set(a[key]) - set(b[key]))}\n    reference "
                                  f"{b[key] if isinstance(b[key], str) else sorted(set(b[key]) - set(a[key]))}")
                    if differ > 8:
                        break
        finally:
            theirs.close()
    finally:
        ours.close()
    print(f"{count} transactions, {differ} differ")
    sys.exit(differ != 0)


if __name__ == "__main__":
    main()
