#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The pipeline beside the reference: the same ports, rules and packets; every `ofproto/trace` must read alike.

    pipeline_diff.py SIM [--cases N] [--seed N] [--only NAME] [--verbose]

SIM is the build's src/pipeline/pipeline_sim. The reference is Debian's ovs-vswitchd with dummy datapaths, started in a
directory of its own and ended afterwards. Without it the script says so and exits 77 (skipped)."""
import argparse, copy, difflib, glob, json, os, random, re, shlex, shutil, signal, socket, subprocess, sys, tempfile, time

VSWITCHD = "/usr/lib/openvswitch-switch/ovs-vswitchd"


class Reference:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="pipeline-diff.")
        self.env = dict(os.environ)
        for name in ("RUNDIR", "LOGDIR", "DBDIR", "SYSCONFDIR"):
            self.env["OVS_" + name] = self.dir
        self.run("ovsdb-tool", "create", self.dir + "/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        self.run("ovsdb-server", "--remote=punix:%s/db.sock" % self.dir, "--pidfile", "--detach", "--log-file",
                 self.dir + "/conf.db")
        self.run("ovs-vsctl", "--no-wait", "init")
        self.run(VSWITCHD, "--enable-dummy", "--disable-system", "unix:%s/db.sock" % self.dir, "--pidfile", "--detach",
                 "--log-file")
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(glob.glob(self.dir + "/ovs-vswitchd.*.ctl")[0])
        self.id = 0
        self.buf = ""

    def run(self, *args, check=True, input=None):
        p = subprocess.run(args, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, input=input)
        if check and p.returncode:
            raise RuntimeError("%s: %s" % (" ".join(args), p.stderr))
        return p

    def command(self, *args):
        self.id += 1
        self.sock.sendall(json.dumps({"id": self.id, "method": args[0], "params": list(args[1:])}).encode())
        decoder = json.JSONDecoder()
        while True:
            try:
                reply, end = decoder.raw_decode(self.buf)
                self.buf = self.buf[end:].lstrip()
                break
            except ValueError:
                got = self.sock.recv(1 << 20).decode()
                if not got:
                    raise RuntimeError("the reference died of " + " ".join(args))
                self.buf += got
        return reply["error"] if reply["error"] is not None else reply["result"]

    def set_groups(self, bridge, groups):
        self.run("ovs-ofctl", "-O", "OpenFlow15", "del-groups", bridge)
        if groups:
            self.run("ovs-ofctl", "-O", "OpenFlow15", "add-groups", bridge, "-", input="\n".join(groups) + "\n")

    def set_meters(self, bridge, meters):
        self.run("ovs-ofctl", "-O", "OpenFlow15", "del-meters", bridge)
        for m in meters:
            self.run("ovs-ofctl", "-O", "OpenFlow15", "add-meter", bridge, m)

    def add_flows(self, bridge, flows):
        self.run("ovs-ofctl", "-O", "OpenFlow15", "del-flows", bridge)
        p = self.run("ovs-ofctl", "--bundle", "-O", "OpenFlow15", "add-flows", bridge, "-", check=False,
                     input="\n".join(flows) + "\n")
        return p.returncode == 0

    def dump_flows(self, bridge):
        """The rules as they came over the wire: actions are converted on the way (mod_nw_tos to set_field, ...)."""
        p = self.run("ovs-ofctl", "-O", "OpenFlow15", "--no-stats", "dump-flows", bridge, check=False)
        if p.returncode:  # actions for debugging cannot be dumped
            return None
        text = p.stdout
        return [line.strip() for line in text.split("\n") if "actions=" in line]

    def stop(self):
        pids = [int(open(f).read()) for f in glob.glob(self.dir + "/*.pid")]
        self.sock.close()
        for ctl in sorted(glob.glob(self.dir + "/*.ctl"), reverse=True):
            self.run("timeout", "5", "ovs-appctl", "-t", ctl, "exit", check=False)
        for pid in pids:  # ours, and they were asked; they leave files behind until they have gone
            for _ in range(50):
                if not os.path.exists("/proc/%d" % pid):
                    break
                time.sleep(.1)
        shutil.rmtree(self.dir, ignore_errors=True)


class Sim:
    def __init__(self, path):
        self.p = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def command(self, *args):
        line = " ".join(a if a and " " not in a else "'%s'" % a for a in args)
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        out = []
        while True:
            got = self.p.stdout.readline()
            if not got:
                raise RuntimeError("the simulator ended (%s)" % line)
            if got == ".\n":
                break
            out.append(got)
        text = "".join(out)
        return text[len("error: "):] if text.startswith("error: ") else text

    def set_groups(self, bridge, groups):
        self.command("del-groups", bridge)
        for g in groups:
            error = self.command("add-group", bridge, g)
            if error:
                raise RuntimeError(g + ": " + error)

    def set_meters(self, bridge, meters):
        self.command("del-meters", bridge)
        for m in meters:
            error = self.command("add-meter", bridge, m)
            if error:
                raise RuntimeError(m + ": " + error)

    def add_flows(self, bridge, flows):
        self.command("sluice/del-flows", bridge)
        with tempfile.NamedTemporaryFile("w", suffix=".flows") as f:
            f.write("\n".join(flows) + "\n")
            f.flush()
            error = self.command("sluice/add-flows", bridge, f.name)
        return error

    def stop(self):
        self.p.stdin.close()
        self.p.wait()


# name, reference's settings of the Port, the simulator's options
PORTS = [
    ("p1", "", ""),
    ("p2", "", ""),
    ("p3", "vlan_mode=native-untagged tag=10 trunks=10,20,30", "mode=native-untagged tag=10 trunks=10,20,30"),
    ("p4", "tag=10", "tag=10"),
    ("p5", "vlan_mode=native-tagged tag=20", "mode=native-tagged tag=20"),
    ("p6", "vlan_mode=dot1q-tunnel tag=30", "mode=dot1q-tunnel tag=30"),
    ("p7", "trunks=10,20", "trunks=10,20"),
]


def build(ref, sim):
    v = ["ovs-vsctl"]
    for br, mode in (("br0", "secure"), ("br1", "standalone")):
        ref.run("ovs-vsctl", "add-br", br, "--", "set", "bridge", br, "datapath_type=dummy", "fail-mode=" + mode)
        sim.command("add-br", br, mode)
    for i, (name, settings, options) in enumerate(PORTS):
        ref.run("ovs-vsctl", "add-port", "br0", name, "--", "set", "interface", name, "type=dummy",
                "ofport_request=%d" % (i + 1), *(["--", "set", "port", name] + settings.split() if settings else []))
        sim.command("add-port", "br0", name, "ofport=%d" % (i + 1), *options.split())
    ref.run("ovs-vsctl", "add-port", "br0", "pa", "--", "set", "interface", "pa", "type=patch", "options:peer=pb",
            "ofport_request=8", "--", "add-port", "br1", "pb", "--", "set", "interface", "pb", "type=patch",
            "options:peer=pa", "ofport_request=1", "--", "add-port", "br1", "p9", "--", "set", "interface", "p9",
            "type=dummy", "ofport_request=2")
    sim.command("add-port", "br0", "pa", "type=patch", "peer=pb", "ofport=8")
    sim.command("add-port", "br1", "pb", "type=patch", "peer=pa", "ofport=1")
    sim.command("add-port", "br1", "p9", "ofport=2")


def mac(r):
    return "50:54:00:00:00:%02x" % r.choice([1, 2, 3, 4]) if r.random() < .9 else r.choice(
        ["ff:ff:ff:ff:ff:ff", "01:80:c2:00:00:0e", "01:00:5e:01:02:03", "01:80:c2:00:00:10"])


def ip(r):
    return "10.0.%d.%d" % (r.choice([0, 1, 128]), r.choice([1, 2, 3, 200]))


def packet(r):
    f = ["in_port=%d" % r.choice([1, 2, 3, 4, 5, 6, 7, 8]), "dl_src=" + mac(r), "dl_dst=" + mac(r)]
    if r.random() < .3:
        f += ["dl_vlan=%d" % r.choice([10, 20, 30, 40]), "dl_vlan_pcp=%d" % r.choice([0, 3])]
    kind = r.choice(["tcp", "udp", "icmp", "arp", "ip", "tcp6", "icmp6", "", "sctp", "udp6"])
    if kind:
        f.append(kind)
    if kind in ("tcp", "udp", "icmp", "ip", "sctp"):
        f += ["nw_src=" + ip(r), "nw_dst=" + ip(r), "nw_ttl=%d" % r.choice([0, 1, 2, 64]), "nw_tos=%d" % r.choice([0, 4, 32])]
        if kind == "ip":
            f.append("nw_proto=%d" % r.choice([47, 50]))
    if kind in ("tcp", "udp", "sctp", "tcp6", "udp6"):
        f += ["%s_src=%d" % (kind.rstrip("6"), r.choice([1, 80, 1024])), "%s_dst=%d" % (kind.rstrip("6"), r.choice([22, 80, 443]))]
    if kind == "arp":
        f += ["arp_op=%d" % r.choice([1, 2]), "arp_spa=" + ip(r), "arp_tpa=" + ip(r), "arp_sha=" + mac(r)]
    if kind in ("tcp6", "icmp6", "udp6"):
        f += ["ipv6_src=fd00::%d" % r.choice([1, 2]), "ipv6_dst=fd00::%d" % r.choice([1, 2]), "nw_ttl=%d" % r.choice([1, 64])]
    if kind == "icmp":
        f += ["icmp_type=8", "icmp_code=0"]
    if kind == "icmp6":
        f += ["icmpv6_type=%d" % r.choice([128, 135, 136])]
    return ",".join(f)


def match(r, needs):
    f = []
    if needs:
        f.append(needs)
    if r.random() < .3:
        f.append("in_port=%d" % r.choice([1, 2, 3]))
    if r.random() < .2:
        f.append("dl_src=" + mac(r))
    if r.random() < .2:
        f.append(r.choice(["dl_vlan=10", "dl_vlan=20", "vlan_tci=0x1000/0x1000", "vlan_tci=0/0x1000", "dl_vlan_pcp=3"]))
    if needs in ("ip", "tcp", "udp", "icmp"):
        if r.random() < .4:
            f.append("nw_dst=10.0.%s" % r.choice(["0.0/16", "1.0/24", "128.0/17", "0.1"]))
        if r.random() < .2:
            f.append("nw_tos=32")
    if needs in ("tcp", "udp") and r.random() < .5:
        f.append("tp_dst=%s" % r.choice(["80", "443", "0x0/0xff00"]))
    if r.random() < .2:
        f.append("reg0=%d" % r.choice([1, 2]))
    return ",".join(f)


def action(r, needs, table):
    plain = ["output:1", "output:2", "output:3", "output:4", "output:8", "normal", "flood", "all", "in_port", "local",
             "set_field:1->reg0", "set_field:2->reg0", "set_field:0x5/0xf->reg1", "move:reg0[0..7]->reg1[8..15]",
             "set_field:50:54:00:00:00:0%d->eth_dst" % r.randint(1, 9), "set_field:50:54:00:00:00:0a->eth_src",
             "push_vlan:0x8100,set_field:%d->vlan_vid" % (4096 + r.choice([10, 20, 40])), "pop_vlan",
             "controller", "push:reg0[]", "pop:reg1[]",
             "push:eth_src[]", "pop:eth_dst[]", "set_queue:3", "pop_queue", "note:00.01.02.03.04.05",
             "move:eth_src[]->eth_dst[]", "output:reg0[]", "set_field:7->pkt_mark", "set_field:0x1/0x3->metadata",
             "clone(set_field:9->reg0,output:3)", "output(port=2,max_len=100)", "exit", "set_field:9->tun_id",
             "clone(output:1)", "set_field:3->metadata", "group:%d" % r.randint(1, 6), "meter:%d" % r.randint(1, 2),
             "group:%d" % r.randint(1, 6), "set_field:0x10/0x70->reg3",
             "multipath(%s,5,%s,1,0,NXM_NX_REG0[0..7])" % (r.choice(HASHES), r.choice(["modulo_n", "hrw", "iter_hash"])),
             "bundle(%s,5,active_backup,ofport,members:%s)" % (r.choice(HASHES), r.choice(["99,2", "3,4", "99"])),
             "bundle_load(%s,5,hrw,ofport,NXM_NX_REG0[],members:99,3)" % r.choice(HASHES),
             "learn(table=7,idle_timeout=5,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15])",
             "clone(push_vlan:0x88a8,output:2,clone(output:3))", "output(port=%d,max_len=60)" % r.choice([2, 8, 99]),
             "sample(probability=100,collector_set_id=1)", "enqueue:%d:7" % r.choice([1, 2]),
             "controller(reason=%s,max_len=%d,id=%d)" % (r.choice(["no_match", "action"]), r.choice([0, 60]), r.choice([0, 3])),
             "move:reg0[]->xxreg1[0..31]", "push:xxreg1[]", "pop:xxreg2[]", "set_field:5->xreg2", "move:xreg2[8..15]->reg1[0..7]",
             "set_field:5/7->pkt_mark", "set_field:1.2.3.4->tun_dst"]
    if table < 6:
        plain += ["resubmit(,%d)" % r.randint(table + 1, 7), "resubmit(%d,%d)" % (r.choice([1, 2, 3]), r.randint(table + 1, 7)), "resubmit(,%d)" % r.randint(table + 1, 7)] * 2
    if needs in ("ip", "tcp", "udp", "icmp"):
        plain += ["ct(table=%d,zone=%d)" % (r.randint(0, 7), r.randint(0, 3)), "ct(commit,exec(set_field:%d->ct_mark))" % r.randint(0, 9),
                  "ct(commit,table=6,nat(src=10.7.7.7))", "ct(commit,nat(dst=10.7.7.8-10.7.7.9:5-9))", "ct_clear",
                  "push_mpls:0x8847,set_field:7->mpls_label,output:2,pop_mpls:0x0800", "clone(push_mpls:0x8848,push_mpls:0x8847,output:5)"]
        plain += ["dec_ttl", "set_field:10.9.9.9->ip_dst", "set_field:10.8.0.0/255.255.0.0->ip_src", "set_field:3->ip_dscp",
                  "set_field:2->ip_ecn", "set_field:9->nw_ttl", "move:ip_src[]->ip_dst[]", "dec_ttl(1,2)"]
    if needs in ("tcp", "udp"):
        plain += ["set_field:99->%s_dst" % needs, "set_field:98->%s_src" % needs, "move:%s_src[]->%s_dst[]" % (needs, needs)]
    if needs == "arp":
        plain += ["set_field:2->arp_op", "set_field:10.3.3.3->arp_spa", "move:arp_sha[]->arp_tha[]", "set_field:50:54:00:00:00:77->arp_sha"]
    if needs in ("tcp6", "ipv6"):
        plain += ["dec_ttl", "set_field:fd00::9->ipv6_dst", "set_field:5->ipv6_label", "set_field:1->ip_ecn"]
    return r.choice(plain)


def instructions(r, table):
    s = ""
    if r.random() < .15:
        s += ",write_actions(%s)" % ",".join(r.sample(["output:2", "set_field:3->reg0", "set_field:50:54:00:00:00:0b->eth_src", "push_vlan:0x8100", "output:8", "pop_vlan"], r.randint(1, 3)))
        if r.random() < .3:
            s = ",clear_actions" + s
    if r.random() < .1:
        s += ",write_metadata:0x1/0x7"
    if table < 7 and r.random() < .3:
        s += ",goto_table:%d" % r.randint(table + 1, 7)
    return s


def groups(r):
    """Of several buckets only what chooses by liveness: the hash functions are each switch's own."""
    out = []
    for i in range(1, 7):
        kind = r.choice(["all", "all", "select", "select", "indirect", "ff"])
        buckets = 1 if kind in ("select", "indirect") else r.randint(1, 3)
        text = "group_id=%d,type=%s" % (i, kind)
        if kind == "select":
            text += r.choice(["", ",selection_method=dp_hash", ",selection_method=hash", ",selection_method=hash,fields(eth_src,ip_dst,tcp_dst)",
                              ",selection_method=dp_hash,selection_method_param=0x100000003"])
        for b in range(buckets):
            acts = [r.choice(["set_field:50:54:00:00:00:0%d->eth_dst" % b, "push_vlan:0x8100", "set_field:%d->reg0" % b, "pop_vlan", "set_queue:%d" % b])
                    for _ in range(r.randint(0, 2))]
            acts.append(r.choice(["output:%d" % r.randint(1, 8), "resubmit(,7)", "controller", "output:%d" % r.randint(1, 4)] +
                                 (["group:%d" % r.randint(1, i - 1)] if i > 1 else [])))
            text += ",bucket=bucket_id:%d%s,actions=%s" % (b, ",watch_port:%d" % r.choice([1, 2, 99]) if kind == "ff" else "", ",".join(acts))
        out.append(text)
    return out


METERS = ["meter=1 kbps band=type=drop rate=1000", "meter=2 pktps band=type=drop rate=10"]
HASHES = ["eth_src", "symmetric_l4", "symmetric_l3l4", "symmetric_l3l4+udp", "nw_src", "nw_dst", "symmetric_l3"]


def ruleset(r):
    flows, seen = [], set()
    for table in range(8):
        for _ in range(r.randint(1, 5)):
            needs = r.choice(["", "", "", "ip", "tcp", "udp", "arp", "icmp", "tcp6", "ipv6"])
            m = match(r, needs)
            prio = r.choice([10, 20, 32768])
            if (table, m, prio) in seen:
                continue
            seen.add((table, m, prio))
            # Rules of one priority that overlap: which of them is found is nobody's promise.
            prio = r.randint(1, 65000)
            acts = [action(r, needs, table) for _ in range(r.randint(0, 4))]
            if any("reg0[]" in a and a.startswith("output") for a in acts):
                acts = acts[:2]
            text = ",".join(acts) + instructions(r, table)
            flows.append("table=%d,priority=%d%s%s,actions=%s" % (table, prio, "," if m else "", m, text.strip(",") or "drop"))
    return flows


def normalise(text):
    # Recirculation ids are counted up by each switch on its own.
    ids = {}
    text = re.sub(r"(recirc_id=|recirc\()(0x[0-9a-f]+|[1-9]\d*)", lambda m: m.group(1) + ids.setdefault(int(m.group(2), 0), "R%d" % len(ids)), text)
    # `flood` and `all` go to the ports in the order of a hash table, which in the reference depends on its history.
    if re.search(r"^ +(FLOOD|ALL)$", text, re.M):
        text = re.sub(r"(Datapath actions: )(.*)", lambda m: m.group(1) + ",".join(sorted(m.group(2).split(","))), text)
    text = re.sub(r"(bucket \d+: score )\d+", r"\1S", text)
    # Whether all of it was read as a part of it or as a whole.
    text = re.sub(r"(ipv6_label=0x[0-9a-f]+)/0xfffff", r"\1", text)
    return text.strip().replace("strip_vlan", "pop_vlan") + "\n"


KINDS = {"ip": ("tcp", "udp", "icmp", "sctp"), "ipv6": ("tcp6", "udp6", "icmp6", "sctp6")}


def bits(value):
    base, _, mask = value.partition("/")
    return base, mask


def no_wider_needed(ours, theirs, sets_label=False):
    """Is our megaflow at least as wide? (Ours may look at less than the reference does, never at more; but where a label
    stack entry is set as a whole ours looks at all of it, or another label's packet would get this one's.)"""
    a, b = ours[len("Megaflow: "):].split(","), theirs[len("Megaflow: "):].split(",")
    theirs_by_key = dict(x.partition("=")[::2] for x in b)
    for x in a:
        if x in b:
            continue
        key, eq, value = x.partition("=")
        if sets_label and key.startswith("mpls_"):
            continue
        if not eq:
            if any(k in b for k in KINDS.get(key, ())):
                continue
            return False
        if key not in theirs_by_key:
            return False
        value, mask = bits(value)
        other, omask = bits(theirs_by_key[key])
        if mask.isdigit() and (not omask or (omask.isdigit() and int(omask) >= int(mask))):
            continue
        if mask and not omask:
            continue
        return False
    return True


def alike(a, b):
    if a == b:
        return True
    la, lb = a.split("\n"), b.split("\n")
    if len(la) != len(lb):
        return False
    sets_label = "set(mpls(" in b
    return all(x == y or (x.startswith("Megaflow: ") and y.startswith("Megaflow: ") and no_wider_needed(y, x, sets_label))
               for x, y in zip(la, lb))


def read_cases(path):
    """A list of (rules, traces). Lines: flow FLOW, group GROUP, meter METER, trace ARGS, clear; packet NAME FLOW and
    case NAME[/NAME...] MATCH ACTIONS: a rule (MATCH `-`: none) that only its own traces, one for each packet, find."""
    todo, packets, cases = [], {}, []
    rules = {"flow": [], "group": [], "meter": []}

    def finish():
        if cases:
            todo.append((copy.deepcopy(rules), list(cases)))
            cases.clear()

    for line in open(path):
        word, _, rest = line.strip().partition(" ")
        if word in rules:
            rules[word].append(rest)
        elif word == "packet":
            name, _, flow = rest.partition(" ")
            packets[name] = flow
        elif word == "case":
            names, match, actions = rest.split(" ", 2)
            n = len(rules["flow"]) + 1
            rules["flow"].append("metadata=%d%s,actions=%s" % (n, "" if match == "-" else "," + match, actions))
            cases += [["br0", "in_port=1,%s,metadata=%d" % (packets[name], n)] for name in names.split("/")]
        elif word == "trace":
            cases.append(shlex.split(rest))
        elif word == "trace-packet-out":
            cases.append([word] + shlex.split(rest))
        elif word == "clear":
            finish()
            rules = {"flow": [], "group": [], "meter": []}
        elif word and not word.startswith("#"):
            raise RuntimeError("%s: bad line: %s" % (path, line))
    finish()
    return todo


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("sim")
    ap.add_argument("--cases", type=int, default=20, help="sets of rules")
    ap.add_argument("--packets", type=int, default=20, help="packets through each")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--show", type=int, default=5, help="differences shown")
    ap.add_argument("--rules", action="store_true", help="with the rules")
    ap.add_argument("--context", type=int, default=3)
    ap.add_argument("--file", help="cases (read_cases()) instead of random ones")
    args = ap.parse_args()
    if not os.path.exists(VSWITCHD):
        print("no reference here")
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    ref, sim = Reference(), Sim(args.sim)
    good = bad = skipped = wider = 0
    try:
        build(ref, sim)
        if ref.command("dpif/show").strip().split("\n")[1:] != sim.command("dpif/show").strip().split("\n")[1:]:
            print("dpif/show differs:\n" + ref.command("dpif/show") + sim.command("dpif/show"))
            bad += 1
        todo = []
        had_groups = had_meters = False
        if args.file:
            todo = read_cases(args.file)
        else:
            for case in range(args.cases):
                r = random.Random(args.seed * 1000 + case)
                flows = ruleset(r)
                todo.append(({"flow": flows, "group": groups(r), "meter": METERS}, [["br0", packet(r)] for _ in range(args.packets)]))
        for rules, traces in todo:
            flows = rules["flow"]
            for kind, had in (("group", had_groups), ("meter", had_meters)):
                if rules[kind] or had:
                    for switch in (ref, sim):
                        getattr(switch, "set_%ss" % kind)("br0", rules[kind])
            had_groups, had_meters = bool(rules["group"]), bool(rules["meter"])
            # The reference may refuse a set; drop rules until it does not.
            if not ref.add_flows("br0", flows):
                kept = []
                for f in flows:
                    if ref.run("ovs-ofctl", "-O", "OpenFlow15", "add-flow", "br0", f, check=False).returncode == 0:
                        kept.append(f)
                    else:
                        skipped += 1
                        if args.file:
                            print("the reference refused: " + f)
                flows = kept
            error = sim.add_flows("br0", ref.dump_flows("br0") or flows)
            if error.strip():
                print("refused: " + error)
                bad += 1
                continue
            for t in traces:
                command = "ofproto/trace"
                if t and t[0] == "trace-packet-out":
                    command, t = "ofproto/" + t[0], t[1:]
                a = normalise(ref.command(command, *t))
                b = normalise(sim.command(command, *t))
                if alike(a, b):
                    good += 1
                    wider += a != b
                else:
                    bad += 1
                    if bad <= args.show:
                        print("DIFFERS: ofproto/trace " + " ".join(t))
                        if args.rules:
                            print("    " + "\n    ".join(flows))
                        for line in difflib.unified_diff(a.split("\n"), b.split("\n"), "reference", "sluice", n=args.context, lineterm=""):
                            print("    " + line)
        print("%d alike (%d with a wider megaflow than the reference's), %d differ, %d rules refused by the reference" %
              (good, wider, bad, skipped))
    finally:
        sim.stop()
        ref.stop()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
