#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random chains of vsctl commands, right and wrong, run by ovs-vsctl and by `sluice vsctl`, each against a server of its own:
what they print, their status and what is in the database afterwards must be the same.

usage: vsctl_random.py [SEED [CHAINS [server]]]

With "server", ovs-vsctl runs them all, against the reference's server and against ours."""
import pathlib
import random
import shlex
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from ovsdb_util import SLUICE, Server  # noqa: E402
from test_ovsdb_tools import vsctl, tidy  # noqa: E402

BRIDGES = ["br0", "br1", "f0", "f1", "nope"]
PORTS = ["p0", "p1", "p2", "bond0", "br0", "f0", "nope", "if0", "if1"]
COLUMNS = {
    "Bridge": {"name": ["x", "br0"], "datapath_type": ["netdev", '""', "5"], "fail_mode": ["secure", "standalone", "foo", "[]"],
               "stp_enable": ["true", "false", "1"], "other_config": ["a=b", "{a=b,c=d}", ":a=b", "hwaddr=", "{}"],
               "external_ids": ["k=v", "k", "=v"], "protocols": ["OpenFlow10", "OpenFlow10,OpenFlow13", "OpenFlow99"],
               "flood_vlans": ["1", "1,2,3", "5000", "[]"], "ports": ["@p", "[]", "p0"], "flow_tables": ["{0=@t}", "5=@t"]},
    "Port": {"tag": ["1", "4095", "4096", "-1", "[]", "x"], "trunks": ["1,2", "[3 4]", "1,,2", "{}"], "vlan_mode": ["access", "trunk", "bad"],
             "bond_mode": ["active-backup", "balance-slb", "none"], "lacp": ["active", "off", "up"], "other_config": ["x=1", "y=\"a b\""],
             "bond_updelay": ["1", "1.5", "99999999999999999999"], "qos": ["@q", "[]"], "interfaces": ["[]", "@i"]},
    "Interface": {"type": ["internal", "dummy", "''", "patch"], "options": ["peer=p1", ":peer=x", "a=b,c=d"], "ofport_request": ["5", "0", "65280", "[]"],
                  "ingress_policing_rate": ["0", "100", "-1"], "mtu_request": ["1500", "10", "68"], "mac": ["aa:bb:cc:dd:ee:ff", '"x\\ny"', "[]"],
                  "external_ids": ["iface-id=1", "attached-mac=2"], "name": ["other"]},
    "Open_vSwitch": {"external_ids": ["system-id=1", "a=1", ":b=2"], "other_config": ["flow-limit=1", "x"], "next_cfg": ["5", "x"], "bridges": ["[]"],
                     "db_version": ["1", "[]"]},
    "Controller": {"target": ["tcp:1.2.3.4", "x"], "connection_mode": ["in-band", "bad"], "inactivity_probe": ["5", "[]"], "max_backoff": ["999", "1000"]},
    "Mirror": {"select_all": ["true"], "name": ["m0"], "snaplen": ["13", "14", "65536"], "output_vlan": ["0", "1"]},
    "QoS": {"type": ["linux-htb", "egress-policer"], "queues": ["0=@q", "{}"], "other_config": ["max-rate=1"]},
    "Nonsense": {"x": ["1"]}, "B": {"name": ["x"]}, "Int": {"typ": ["dummy"], "o": ["1"]},
}
OPS = ["=", "+=", "-=", "!=", "<", ">", "<=", ">=", "{=}", "{!=}", "{<=}", "{>=}", "{in}", "{not-in}", ":="]


def record(r, table):
    if table in ("Open_vSwitch", "SSL"):
        return r.choice([".", ".", "nope"])
    if table == "Bridge" or table in ("Controller", "B"):
        return r.choice(BRIDGES)
    return r.choice(PORTS)


def column(r, table):
    t = COLUMNS[table]
    return r.choice(list(t)) if r.random() < .97 else r.choice(["nope", "_uuid", "na", "_version", ""])


def value(r, table, c):
    return r.choice(COLUMNS[table].get(c, ["1", "x", "[]"]))


def setting(r, table):
    c = column(r, table)
    v = value(r, table, c)
    if v.startswith(":"):
        return c + v
    if r.random() < .1 and c in ("other_config", "external_ids", "options"):
        return f"{c}:k{r.randrange(3)}={r.choice(['v', '', 'a=b', 'x y'])}"
    return c + ("=" if r.random() < .97 else r.choice(["", "==", ":", "+="])) + v


def condition(r, table):
    c = column(r, table)
    v = value(r, table, c).lstrip(":")
    if c in ("other_config", "external_ids", "options") and r.random() < .4:
        c += ":" + r.choice("abk")
        v = v.split("=")[-1]
    return c + (r.choice(OPS) if r.random() < .5 else "=") + v


def command(r):
    table = r.choice(list(COLUMNS)[:-3]) if r.random() < .97 else r.choice(list(COLUMNS))
    maybe = lambda *o: [x for x in o if r.random() < .3]
    br, port = r.choice(BRIDGES), r.choice(PORTS)
    kind = r.randrange(36)
    if kind < 4:
        return maybe("--may-exist") + ["add-br", br] + ([r.choice(BRIDGES), r.choice(["10", "11", "0", "4096", "x"])] if r.random() < .35 else [])
    if kind < 8:
        return maybe("--may-exist") + ["add-port", br, port] + [setting(r, "Port") for _ in range(r.choice([0, 0, 0, 1, 2]))]
    if kind == 8:
        return maybe("--may-exist", "--fake-iface") + ["add-bond", br, r.choice(["bond0", port]), *r.sample(PORTS, r.choice([1, 2, 2, 3]))] + (
            [setting(r, "Port")] if r.random() < .3 else [])
    if kind == 9:
        return maybe("--if-exists") + ["del-br", br]
    if kind == 10:
        return maybe("--if-exists", "--with-iface") + ["del-port"] + r.choice([[port], [br, port]])
    if kind == 11:
        return r.choice([maybe("--may-exist") + ["add-bond-iface", "bond0", port], maybe("--if-exists") + ["del-bond-iface", port],
                         maybe("--if-exists") + ["del-bond-iface", "bond0", port]])
    if kind == 12:
        return r.choice([["list-br"], ["--real", "list-br"], ["--fake", "list-br"], ["br-exists", br], ["br-to-vlan", br], ["br-to-parent", br]])
    if kind == 13:
        return r.choice([["br-set-external-id", br, "k", "v"], ["br-set-external-id", br, "k"], ["br-get-external-id", br], ["br-get-external-id", br, "k"]])
    if kind == 14:
        return r.choice([["list-ports", br], ["list-ifaces", br], ["port-to-br", port], ["iface-to-br", port]])
    if kind == 15:
        return r.choice([["get-controller", br], ["del-controller", br], ["set-controller", br, r.choice(["tcp:1.2.3.4", "ptcp:", "unix:x", "bad", "ssl:a:b:c"])],
                         ["--inactivity-probe=" + r.choice(["5", "x", ""]), "set-controller", br, "tcp:1.1.1.1"],
                         ["set-controller", br, "tcp:1.2.3.4", "tcp:1.2.3.4", "ptcp:1"]])
    if kind == 16:
        return r.choice([["get-fail-mode", br], ["del-fail-mode", br], ["set-fail-mode", br, r.choice(["secure", "standalone", "x"])]])
    if kind == 17:
        return r.choice([["get-manager"], ["del-manager"], ["set-manager", "ptcp:1", "tcp:1.2.3.4:5"], ["--inactivity-probe=7", "set-manager", "ssl:1.2.3.4"],
                         ["get-ssl"], ["del-ssl"], ["set-ssl", "/k", "/c", "/a"], ["--bootstrap", "set-ssl", "/k", "/c", "/a"]])
    if kind == 18:
        return r.choice([["add-aa-mapping", br, "5", "6"], ["del-aa-mapping", br, "5", "6"], ["get-aa-mapping", br], ["add-aa-mapping", br, "x", "6"]])
    if kind == 19:
        return r.choice([maybe("--may-exist") + ["add-zone-tp", "netdev", "zone=" + r.choice(["1", "2", "x"]), r.choice(["icmp_first=2", "tcp_fin=x", "a=1"])],
                         maybe("--if-exists") + ["del-zone-tp", "netdev", "zone=1"], ["list-zone-tp", "netdev"], ["list-dp-cap", "netdev"]])
    if kind == 20:
        return r.choice([["show"], ["init"], ["emer-reset"], ["comment", "hello"], ["nonsense"], ["add-br"], ["get", "Bridge"], ["--foo", "list-br"]])
    if kind < 23:
        return maybe("--if-exists") + ["set", table, record(r, table)] + [setting(r, table) for _ in range(r.choice([1, 1, 2]))]
    if kind < 25:
        cs = ",".join(column(r, table) for _ in range(r.choice([1, 2])))
        return maybe("--columns=" + cs, "--if-exists") + ["list", table] + ([record(r, table)] if r.random() < .6 else [])
    if kind < 27:
        cs = ",".join(column(r, table) for _ in range(r.choice([1, 2])))
        return ["--columns=" + r.choice(["name", cs]), "find", table] + [condition(r, table) for _ in range(r.choice([0, 1, 1, 2]))]
    if kind == 27:
        c = column(r, table)
        return maybe("--if-exists") + ["get", table, record(r, table), c + (r.choice([":a", ":k", ":", ":zz"]) if r.random() < .3 else "")]
    if kind == 28:
        c = column(r, table)
        return maybe("--if-exists") + ["add", table, record(r, table), c] + [value(r, table, c).lstrip(":") for _ in range(r.choice([1, 2]))]
    if kind == 29:
        c = column(r, table)
        return maybe("--if-exists") + ["remove", table, record(r, table), c] + [value(r, table, c).lstrip(":") for _ in range(r.choice([1, 2]))]
    if kind == 30:
        return maybe("--if-exists") + ["clear", table, record(r, table), column(r, table)]
    if kind == 31:
        if table == "Open_vSwitch":
            return ["list-br"]  # the reference's client aborts when what it has set is destroyed
        return maybe("--if-exists") + r.choice([["destroy", table, record(r, table)], ["--all", "destroy", table]])
    if kind == 32:
        return ["wait-until", table, record(r, table)] + ([condition(r, table)] if r.random() < .5 else [])
    # A record made and referred to within the chain.
    which = r.randrange(4)
    if which == 0:
        return ["--id=@m", "create", "Mirror", "name=m%d" % r.randrange(2), setting(r, "Mirror"), "--", r.choice(["add", "set"]), "Bridge", "br0"] + (
            ["mirrors", "@m"] if r.random() < .7 else ["mirrors=@m"])
    if which == 1:
        return ["set", "port", port, "qos=@q", "--", "--id=@q", "create", "QoS", "type=linux-htb", "queues=" + r.choice(["0=@u", "{}"])] + (
            ["--", "--id=@u", "create", "Queue", "dscp=" + r.choice(["1", "99"])] if r.random() < .7 else [])
    if which == 2:
        return ["--id=@t", "create", "Flow_Table", "name=t", "--", "set", "Bridge", "br0", "flow_tables:" + r.choice(["0=@t", "255=@t", "x=@t"])]
    return ["--id=@p", "get", "Port", port, "--", r.choice(["add", "remove"]), "Bridge", "br1", "ports", "@p"]


def chain(r):
    words = r.choice([[], [], [], ["--oneline"], ["-f" + r.choice(["table", "csv", "json", "html", "list"])], ["--bare"], ["--no-headings", "-ftable"],
                      ["-d" + r.choice(["bare", "json", "string"])], ["--dry-run"], ["--pretty", "-fjson"]])[:]
    for i in range(r.choice([1, 1, 1, 2, 3])):
        words += (["--"] if i else []) + command(r)
    line = shlex.join(words)
    return "-t1 " + line if "wait-until" in line else line


def contents(server):
    return tidy(subprocess.run(["ovsdb-client", "-f", "csv", "dump", server.remote], capture_output=True, text=True).stdout)


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    r = random.Random(seed)
    differ = 0
    server = "server" in sys.argv[3:]
    ours = ["ovs-vsctl"] if server else [SLUICE, "vsctl"]
    with Server("reference") as a, Server("ours" if server else "reference") as b:
        for s in (a, b):
            subprocess.run(["ovs-vsctl", "--db=" + s.remote, "--no-wait", "init", "--", "add-br", "br0", "--", "add-port", "br0", "p0"], check=True)
        for i in range(int(sys.argv[2]) if len(sys.argv) > 2 else 300):
            line = chain(r)
            expected, got = vsctl(["ovs-vsctl"], a, line), vsctl(ours, b, line)
            same = contents(a) == contents(b)
            if "port is in multiple bridges" in str(expected) or 'syntax error at "\'' in str(expected):
                expected = got  # which bridge is first is chance; the reference prints a NUL
            if expected != got or not same:
                differ += 1
                print(f"--- {i} {line}\nreference {expected}\nsluice    {got}" + ("" if same else "\nthe databases differ"))
                if not same:
                    print(*sorted(set(contents(a)) - set(contents(b))), "---", *sorted(set(contents(b)) - set(contents(a))), sep="\n")
                    break
    print(f"seed {seed}: {i + 1} chains, {differ} differ")
    sys.exit(differ > 0)


if __name__ == "__main__":
    main()
