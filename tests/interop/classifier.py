#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The classifier's megaflows against the reference's: random rules and packets through both; ours may never have
more bits than the reference's, and must find a rule of the same priority.

    classifier.py DRIVER [ROUNDS [SEED]]

DRIVER is build/src/match/classifier_driver. Needs Debian's openvswitch-switch; runs its daemons in a directory of its
own, with dummy datapaths, and stops them."""
import os, random, re, shutil, subprocess, sys, tempfile, time

FIELDS = ["in_port", "dl_src", "dl_dst", "vlan_tci", "nw_src", "nw_dst", "nw_proto", "nw_tos", "tp_src", "tp_dst",
          "tcp_flags"]


class Reference:
    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="cls")
        d = self.dir
        self.env = dict(os.environ, OVS_RUNDIR=d, OVS_LOGDIR=d, OVS_DBDIR=d, OVS_SYSCONFDIR=d)
        self.run("ovsdb-tool", "create", d + "/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        self.run("ovsdb-server", "--remote=punix:" + d + "/db.sock", "--pidfile", "--detach", "--log-file",
                 d + "/conf.db")
        self.run("ovs-vsctl", "--no-wait", "init")
        self.run("/usr/lib/openvswitch-switch/ovs-vswitchd", "--enable-dummy", "--disable-system",
                 "unix:" + d + "/db.sock", "--pidfile", "--detach", "--log-file")
        self.run("ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy",
                 "fail-mode=secure")
        for i in (1, 2, 3):
            self.run("ovs-vsctl", "add-port", "br0", "p%d" % i, "--", "set", "interface", "p%d" % i, "type=dummy",
                     "ofport_request=%d" % i)
        return self

    def __exit__(self, *_):
        for name in ("ovs-vswitchd", "ovsdb-server"):
            pid = open("%s/%s.pid" % (self.dir, name)).read().strip()
            self.run("ovs-appctl", "-t", "%s/%s.%s.ctl" % (self.dir, name, pid), "exit")
        time.sleep(0.3)
        shutil.rmtree(self.dir)

    def run(self, *argv, text=None):
        return subprocess.run(argv, env=self.env, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True, check=True).stdout


def mac(v):
    return ":".join("%02x" % b for b in v.to_bytes(6, "big"))


def ip(v):
    return ".".join(str(b) for b in v.to_bytes(4, "big"))


def parse_num(text, n):
    if ":" in text:
        return int(text.replace(":", ""), 16)
    if "." in text:
        v = 0
        for part in text.split("."):
            v = v << 8 | int(part)
        return v
    return int(text, 0)


WIDTH = {"in_port": 4, "dl_src": 6, "dl_dst": 6, "dl_type": 2, "vlan_tci": 2, "nw_src": 4, "nw_dst": 4,
         "nw_proto": 1, "nw_tos": 1, "tp_src": 2, "tp_dst": 2, "tcp_flags": 2}


def full(name):
    return {"tcp_flags": 0xfff, "nw_tos": 0xfc}.get(name, (1 << 8 * WIDTH[name]) - 1)


def wire(name, value):
    order = "little" if name == "in_port" else "big"
    return value.to_bytes(WIDTH[name], order).hex()


def prefix(length):
    return (0xffffffff << (32 - length)) & 0xffffffff


def random_packet(rng):
    p = {"in_port": rng.randint(1, 3), "dl_src": 0x505400000000 + rng.randint(0, 3), "dl_type": 0x0800,
         "dl_dst": 0x505400000000 + rng.choice([0, 1, 0x100, 0x1ff]), "vlan_tci": 0,
         "nw_src": 0x0a000000 | rng.choice([0, 0x10000, 0x20000, 0x30000]) | rng.choice([1, 2, 0x81, 0x100]),
         "nw_dst": 0x0a000000 | rng.choice([0, 0x10000, 0x20000, 0x800000]) | rng.choice([1, 2, 0x81, 0x100]),
         "nw_proto": rng.choice([6, 17]), "nw_tos": rng.choice([0, 0x10, 0x20]),
         "tp_src": rng.choice([1, 2, 1000, 0x8000]), "tp_dst": rng.choice([53, 80, 81, 443, 0x1f90])}
    if rng.random() < 0.4:
        p["vlan_tci"] = 0x1000 | rng.choice([5, 6])
    p["tcp_flags"] = rng.choice([0x2, 0x10, 0x12]) if p["nw_proto"] == 6 else 0
    return p


def random_rule(rng, shapes):
    p = random_packet(rng)
    m = {}
    for name in rng.choice(shapes):
        if name in ("nw_src", "nw_dst"):
            m[name] = prefix(rng.choice([8, 14, 15, 16, 24, 24, 25, 32, 32]))
        elif name == "tcp_flags":
            p["nw_proto"] = 6
            p["tcp_flags"] = rng.choice([0x2, 0x10, 0x12])
            m[name] = full(name)
        elif name in ("dl_src", "dl_dst") and rng.random() < 0.3:
            m[name] = rng.choice([0xffffff000000, 0x00000000ffff, 0xffffffffff00, 0x010000000000])
        elif name in ("tp_src", "tp_dst") and rng.random() < 0.3:
            m[name] = rng.choice([0xff00, 0xfff0, 0x8000, 0x0001])
        elif name == "vlan_tci" and rng.random() < 0.3:
            m[name] = rng.choice([0x1fff, 0x1000])
        else:
            m[name] = full(name)
    for name in ("nw_src", "nw_dst"):
        if name in m and rng.random() < 0.1:
            m[name] = rng.choice([0xff0000ff, 0x000000ff, 0x00ff0000])
    if {"nw_src", "nw_dst", "nw_proto", "nw_tos", "tp_src", "tp_dst", "tcp_flags"} & set(m):
        m["dl_type"] = 0xffff
    if {"tp_src", "tp_dst", "tcp_flags"} & set(m):
        m["nw_proto"] = 0xff
    return {n: p[n] & m[n] for n in m}, m


def random_shapes(rng):
    shapes = [[]]
    for _ in range(rng.randint(1, 8)):
        shapes.append(rng.sample(FIELDS, rng.randint(1, 4)))
    return shapes


def ovs_match(values, masks):
    out = []
    for n, v in values.items():
        m = masks[n] if masks else None
        if n == "dl_type":
            out.append("dl_type=0x%04x" % v)
        elif n in ("dl_src", "dl_dst"):
            out.append("%s=%s" % (n, mac(v)) + ("/" + mac(m) if m not in (None, full(n)) else ""))
        elif n in ("nw_src", "nw_dst"):
            out.append("%s=%s" % (n, ip(v)) + ("/" + ip(m) if m not in (None, 0xffffffff) else ""))
        elif n == "tcp_flags":
            if masks or values.get("nw_proto") == 6:
                out.append("tcp_flags=0x%x" % v)
        elif n == "vlan_tci":
            out.append("vlan_tci=0x%04x" % v + ("/0x%x" % m if m not in (None, 0xffff) else ""))
        elif n in ("tp_src", "tp_dst"):
            out.append("%s_%s=%d" % ({6: "tcp", 17: "udp"}[values["nw_proto"]], n[3:], v) +
                       ("/0x%x" % m if m not in (None, 0xffff) else ""))
        else:
            out.append("%s=%d" % (n, v))
    return ",".join(sorted(out, key=lambda s: (not s.startswith("dl_type"), not s.startswith("nw_proto"))))


PROTO = {"tcp": 1, "udp": 1}


def megaflow_masks(line):
    """The masks of a Megaflow: line."""
    m = {n: 0 for n in WIDTH}
    for item in line.split(","):
        name, _, value = item.partition("=")
        if name in PROTO:
            m["nw_proto"] = 0xff
        elif name == "tcp_flags":
            if "/" in value:
                m[name] = int(value.split("/")[1], 0)
            else:
                m[name] = 0xfff if not re.match(r"[+-]", value) else 0xfff
        elif name == "vlan_tci":
            m["vlan_tci"] |= int(value.partition("/")[2] or "0xffff", 0)
        elif name == "dl_vlan":
            m["vlan_tci"] |= 0x1fff
        elif name == "dl_vlan_pcp":
            m["vlan_tci"] |= 0xf000
        elif name in WIDTH:
            v, _, mask = value.partition("/")
            if not mask:
                m[name] = full(name)
            elif name in ("nw_src", "nw_dst") and "." not in mask:
                m[name] = prefix(int(mask))
            else:
                m[name] = parse_num(mask, name)
        elif name == "ip_dscp":
            m["nw_tos"] = 0xfc
    return m


def main():
    driver = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    n = worse = better = wrong = 0
    ours_bits = their_bits = 0
    with Reference() as ref:
        for r in range(rounds):
            rng = random.Random(seed * 1000 + r)
            shapes = random_shapes(rng)
            rules = {}
            n_rules = rng.choice([1, 3, 10, 40, 100])
            # One priority for each rule: between equals, either answer is right.
            for priority in rng.sample(range(1, 1000), n_rules):
                v, m = random_rule(rng, shapes)
                rules.setdefault((tuple(sorted(v.items())), tuple(sorted(m.items()))), (priority, v, m))
            rules = sorted(rules.values(), key=lambda x: x[0])
            flows, lines = ["delete"], []
            for priority, v, m in rules:
                text = ovs_match(v, m)
                flows.append("add priority=%d,%sactions=set_field:%d->reg0" % (priority, text + "," if text else "", priority))
                lines.append("rule %d " % priority + " ".join("%s=%s/%s" % (f, wire(f, v[f]), wire(f, m[f])) for f in v))
            ref.run("ovs-ofctl", "add-flows", "br0", "-", text="\n".join(flows) + "\n")
            packets = [random_packet(rng) for _ in range(30)]
            lines += ["packet " + " ".join("%s=%s" % (f, wire(f, p[f])) for f in p) for p in packets]
            ours = subprocess.run([driver], input="\n".join(lines) + "\n", stdout=subprocess.PIPE,
                                  universal_newlines=True, check=True).stdout.splitlines()
            for p, answer in zip(packets, ours):
                trace = ref.run("ovs-appctl", "ofproto/trace", "br0", ovs_match(p, None))
                found = re.search(r"load:(0x[0-9a-f]+)->NXM_NX_REG0", trace)
                theirs = int(found.group(1), 0) if found else -1
                line = re.search(r"^Megaflow: (.*)$", trace, re.M).group(1)
                their_mask = megaflow_masks(line)
                parts = answer.split()
                our_mask = {}
                for part in parts[1:]:
                    f, v = part.split("=")
                    if f in WIDTH:
                        our_mask[f] = int.from_bytes(bytes.fromhex(v), "little" if f == "in_port" else "big")
                n += 1
                if not p["vlan_tci"]:
                    # "No tag" is matched, but the reference does not print it.
                    our_mask["vlan_tci"] = their_mask["vlan_tci"] = 0
                our_bits = sum(bin(our_mask[f]).count("1") for f in WIDTH if f not in ("in_port", "dl_type"))
                ref_bits = sum(bin(their_mask[f]).count("1") for f in WIDTH if f not in ("in_port", "dl_type"))
                ours_bits += our_bits
                their_bits += ref_bits
                if int(parts[0]) != theirs:
                    wrong += 1
                    if wrong <= 3:
                        print("WRONG seed %d packet %s: ours %s, theirs %d\n%s" % (seed * 1000 + r, ovs_match(p, None), parts[0], theirs, trace))
                better += our_bits < ref_bits
                if our_bits > ref_bits:
                    worse += 1
                    if worse <= int(os.environ.get('SHOW', 5)):
                        print("WORSE by %d: packet %s" % (our_bits - ref_bits, ovs_match(p, None)))
                        print("  theirs %s" % line)
                        print("  ours   %s" % " ".join("%s=%x" % (f, our_mask[f]) for f in WIDTH if our_mask[f]))
                        if len(rules) <= 10:
                            for f in flows[1:]:
                                print("    " + f)
    print("%d packets: %d wrong, %d worse, %d better; bits %d against %d" % (n, wrong, worse, better, ours_bits, their_bits))
    return 1 if wrong or worse else 0


sys.exit(main())
