#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random changes of rules, groups, meters and ports, packets and time through both daemons; after each round all that a controller
can ask for must be the same: rules with their counters, tables, groups, meters, ports, what came out, what was told of removed
rules. Rounds that are bundles end in an error now and then: then nothing may have changed.

usage: state_random.py [--cases N] [--rounds N] [--seed N] [--case N] [--show N] [--verbose]"""
import argparse
import difflib
import random
import re
import sys

import pipeline_wide
from pipeline_wide import Pair, ofctl, plain

import ofpeer  # noqa: E402  (its place is known by now)

MATCHES = ["", "in_port=1", "in_port=2", "ip", "tcp", "udp", "arp", "ip,nw_src=10.0.0.0/24", "ip,nw_dst=10.0.0.2", "tcp,tcp_dst=80", "tcp,tcp_dst=80/0xfff0",
           "dl_src=50:54:00:00:00:01", "in_port=1,ip", "in_port=2,tcp", "dl_vlan=10", "vlan_tci=0x1000/0x1000", "ip,nw_tos=32", "udp,udp_dst=53", "reg0=1", "reg0=1,ip",
           "tcp,tcp_flags=+syn", "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00", "ip,ip_frag=no", "metadata=1", "in_port=3"]
TABLES = 6
ETH = "505400000002" + "505400000001"


def ip_packet(proto, source, destination, l4, tos=0):
    total = 20 + len(l4) // 2
    head = "45%02x%04x00000000%02x%02x" % (tos, total, 64, proto)
    words = bytes.fromhex(head + "0000" + source + destination)
    total = sum(int.from_bytes(words[i:i + 2], "big") for i in range(0, 20, 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return "0800" + head + "%04x" % (total ^ 0xffff) + source + destination + l4


def tcp(sport, dport, flags):
    return "%04x%04x" % (sport, dport) + "00000001" + "00000000" + "50%02x" % flags + "0100" + "0000" + "0000"


PACKETS = [ETH + ip_packet(6, "0a000001", "0a000002", tcp(1000, 80, 2)), ETH + ip_packet(6, "0a000001", "0a000002", tcp(1000, 80, 0x10)),
           ETH + ip_packet(6, "0a000001", "0a000002", tcp(1000, 80, 0x11)), ETH + ip_packet(6, "0a000001", "0a000102", tcp(1000, 81, 4), 32),
           ETH + ip_packet(17, "0a000003", "0a000002", "03e80035000c0000" + "01020304"), ETH + ip_packet(1, "0a000003", "0a000002", "0800f7ff00000000"),
           "ffffffffffff5054000000030806000108000604000150540000000" + "30a000003" + "000000000000" + "0a000001",
           ETH + "8100000a" + ip_packet(17, "0a000003", "0a000002", "03e80035000c0000" + "01020304"), "ffffffffffff5054000000041234" + "00" * 50]


class Case:
    def __init__(self, r):
        self.r = r
        self.priorities = {}
        self.free = list(range(1, 60000))
        r.shuffle(self.free)

    def priority(self, table, match):
        """One for each table and match, so that no two rules that overlap are equal."""
        return self.priorities.setdefault((table, match, self.r.choice([0, 0, 0, 1])), None) or self.new_priority(table, match)

    def new_priority(self, table, match):
        for k in ((table, match, 0), (table, match, 1)):
            if k in self.priorities and self.priorities[k] is None:
                self.priorities[k] = self.free.pop()
                return self.priorities[k]
        return self.free.pop()

    def actions(self, table, match):
        r, out = self.r, []
        for _ in range(r.choice([0, 1, 1, 2, 3])):
            more = ["output:%d" % r.randint(1, 5), "output:%d" % r.randint(1, 3), "group:%d" % r.randint(1, 5), "set_field:1->reg0", "set_field:1->metadata", "in_port", "normal",
                    "note:01", "set_field:50:54:00:00:00:0%d->eth_dst" % r.randint(1, 5), "set_queue:1", "fin_timeout(idle_timeout=120,hard_timeout=180)", "controller", "pop_vlan",
                    "learn(table=%d,idle_timeout=%d,hard_timeout=%d,priority=%d,cookie=%d%s,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])" % (
                        TABLES, r.choice([0, 130]), r.choice([0, 190]), r.choice([60001, 60002]), r.choice([7, 8]), r.choice(["", ",limit=1", ",delete_learned", ",send_flow_rem", ",fin_idle_timeout=125,fin_hard_timeout=170"])),
                    "multipath(eth_src,0,modulo_n,1,0,reg3[])", "bundle(eth_src,0,active_backup,ofport,members:3,2,1)"]
            if table < TABLES - 1:
                more += ["resubmit(,%d)" % r.randint(table + 1, TABLES)] * 4
            if match.startswith(("ip", "tcp", "udp")):
                more += ["dec_ttl", "set_field:10.0.0.2->ip_dst", "mod_nw_tos:32"]
            out.append(r.choice(more))
        if r.random() < .15:
            out.insert(0, "meter:%d" % r.randint(1, 3))
        if r.random() < .1:
            out.append("write_actions(%s)" % r.choice(["output:2", "group:1", "output:in_port", "set_field:1->reg0,output:3"]))
        if r.random() < .1 and table < TABLES - 1:
            out.append("goto_table:%d" % r.randint(table + 1, TABLES - 1))
        return ",".join(out) or "drop"

    def cookie(self, masked):
        r = self.r
        if not masked:
            return r.choice(["", "", "cookie=%d," % r.randint(1, 8)])
        return r.choice(["", "", "cookie=%d/-1," % r.randint(0, 8), "cookie=%d/%d," % (r.randint(0, 8), r.choice([1, 3, 7]))])

    def flow_mod(self):
        r = self.r
        table, match = r.randrange(TABLES), r.choice(MATCHES)
        comma = match + "," if match else ""
        kind = r.choice(["add"] * 8 + ["modify", "modify_strict", "modify", "modify_strict", "delete", "delete_strict", "delete"])
        flags = "".join(f for f, p in (("reset_counts,", .2), ("send_flow_rem,", .2), ("no_packet_counts,", .05), ("no_byte_counts,", .05)) if r.random() < p)
        if kind == "add":
            times = "".join(t % r.choice(v) for t, v, p in (("idle_timeout=%d,", [110, 140, 150], .15), ("hard_timeout=%d,", [160, 200, 210], .15), ("importance=%d,", [0, 1, 5], .2)) if r.random() < p)
            priority = self.priority(table, match)
            if r.random() < .08:
                flags += "check_overlap,"
                priority = r.choice([p for p in self.priorities.values() if p] or [priority])
            return f"add {self.cookie(False)}table={table},priority={priority},{flags}{times}{comma}actions={self.actions(table, match)}"
        where = f"table={table}," if r.random() < .7 or kind.startswith("modify_s") else ""
        if kind == "modify":
            return f"modify {self.cookie(True)}{where}{flags.replace('send_flow_rem,', '')}{comma}actions={self.actions(table, match)}"
        if kind == "modify_strict":
            return f"modify_strict {self.cookie(True)}table={table},priority={self.priority(table, match)},{flags}{comma}actions={self.actions(table, match)}"
        out = r.choice(["", "", "out_port=%d," % r.randint(1, 3), "out_group=%d," % r.randint(1, 5)])
        if kind == "delete_strict":
            return f"delete_strict {self.cookie(True)}table={table},priority={self.priority(table, match)},{out}{match}".rstrip(",")
        if not match and not out and r.random() < .8:
            out = "out_port=2,"
        return f"delete {self.cookie(True)}{where}{out}{match}".rstrip(",") or "delete table=0"

    def bucket(self, i, kind, weight):
        r = self.r
        acts = [r.choice(["output:%d" % r.randint(1, 4), "set_field:50:54:00:00:00:07->eth_src", "resubmit(,%d)" % TABLES, "group:%d" % r.randint(1, 5), "push_vlan:0x8100", "controller"])
                for _ in range(r.randint(0, 2))]
        return "bucket=bucket_id:%d%s%s,actions=%s" % (i, ",weight:%d" % weight if kind == "select" else "",
                                                     r.choice([",watch_port:%d" % r.randint(1, 3), ",watch_group:%d" % r.randint(1, 5)]) if kind == "ff" else "", ",".join(acts) or "drop")

    def group_mod(self, with_command=True):
        r = self.r
        group = r.randint(1, 5)
        kind = r.choice(["all", "select", "indirect", "ff"])
        command = r.choice(["add", "add", "add", "modify", "add_or_mod", "delete", "insert_bucket", "remove_bucket"])
        if command == "delete":
            return f"delete group_id={group}"
        if command == "insert_bucket":
            return f"insert_bucket group_id={group},command_bucket_id={r.choice(['first', 'last', '0', '1'])}," + self.bucket(r.randint(0, 4), "all", 0)
        if command == "remove_bucket":
            return f"remove_bucket group_id={group},command_bucket_id={r.choice(['first', 'last', 'all', '0', '1'])}"
        n = 1 if kind == "indirect" else r.randint(0, 3)
        heavy = r.randrange(n) if n else 0
        method = r.choice(["", ",selection_method=hash,fields(eth_src)", ",selection_method=dp_hash"]) if kind == "select" else ""
        return f"{command} group_id={group},type={kind}{method}" + "".join("," + self.bucket(i, kind, 10 * (i == heavy)) for i in range(n))

    def changes(self, bundled):
        r, out = self.r, []
        for _ in range(r.choice([1, 3, 10, 25])):
            x = r.random()
            out.append("flow " + self.flow_mod() if x < .8 else "group " + self.group_mod() if x < .97 or not bundled else
                       "packet-out in_port=%s,packet=%s,actions=%s" % (r.choice(["1", "2", "controller"]), r.choice(PACKETS), r.choice(["table", "output:2", "resubmit(,2)", "group:1", "normal"])))
        return out

    def wrong(self):
        r = self.r
        return r.choice(["flow add table=0,priority=1,actions=group:99", "flow add table=0,priority=1,actions=meter:99", "group modify group_id=77,type=all,bucket=actions=drop",
                         "group add group_id=78,type=all,bucket=actions=group:79", "flow add table=0,priority=1,ip,actions=goto_table:0", "group add group_id=78,type=all,bucket=actions=group:78",
                         "group insert_bucket group_id=77,command_bucket_id=last,bucket=bucket_id:1,actions=drop"])


class Watch:
    """What a controller is told of removed rules."""

    def __init__(self, switch):
        self.switch, self.controller = switch, ofpeer.Controller(switch.dir)
        switch.vsctl(f"set-controller br0 {self.controller.target} -- set controller br0 connection_mode=out-of-band inactivity_probe=0")
        self.session = self.controller.accept()
        self.session.hello(4)
        ones = (0xffffffff).to_bytes(4, "big")
        self.session.send(28, (b"\0\0\0\0" * 2) + b"\0\0\0\0" * 2 + ones * 2)

    def close(self):
        self.switch.vsctl("del-controller br0")
        self.controller.close()

    def removed(self):
        self.session.barrier()
        told = [m for m in self.session.kept if m.type == ofpeer.FLOW_REMOVED]
        self.session.kept = []
        # cookie, priority, reason, table; idle and hard time; packets, bytes; match: all but the duration
        return sorted((m.body[:12] + m.body[20:]).hex() for m in told)


def state(switch, control):
    """All that can be asked for."""
    out = {}
    flows = ofctl(switch, "dump-flows").stdout
    out["flows"] = sorted(re.sub(r"(idle|hard)_age=\d+, ?", "", x) for x in flows.splitlines()[1:])
    for name in ("dump-groups", "dump-group-stats", "dump-meters", "meter-stats", "dump-ports-desc", "dump-aggregate"):
        out[name] = sorted(re.sub(r"duration[=:][\d.]+s|addr:[0-9a-f:]+|dpid:\w+", "", x) for x in plain(ofctl(switch, name).stdout).splitlines()[1:])
    ports = re.findall(r"port +(\S+): (rx pkts=.*)\n +(tx pkts=.*)", ofctl(switch, "dump-ports").stdout)  # the reference's dummies count more
    out["dump-ports"] = sorted(map(" ".join, ports))
    tables = re.sub(r"\n\s+", " ", ofctl(switch, "dump-tables").stdout)
    out["tables"] = [x for x in re.findall(r"table \d+:? .*", tables) if "active=" in x][:TABLES + 2]
    return out


def run(pair, args):
    count = dict(rounds=0, differ=0, refused=0, died=0)
    shown = 0

    def tell(where, what, a, b, log):
        nonlocal shown
        count["differ"] += 1
        shown += 1
        if shown <= args.show:
            print(f"{where}: {what}")
            for line in difflib.unified_diff(b, a, "reference", "ours", n=0, lineterm=""):
                print("    " + line)
            for line in log[-args.log:]:
                print("      after " + line)

    def one(number):
        r = random.Random(args.seed * 1000 + number)
        case = Case(r)
        for command in ("del-flows", "del-groups", "del-meters"):
            pair.ofctl(command)
        pair.ask("fdb/flush")
        for i in (1, 2, 3):
            for word in ("forward", "flood", "packet-in"):
                pair.ofctl("mod-port", f"p{i}", word)
        for i in (1, 2, 3):
            pair.ofctl("add-meter", f"meter={i},kbps,stats,bands=type=drop,rate=10000000")
        watches = [Watch(s) for s in pair.both]
        log, since = [], 0
        for n in range(args.rounds):
            where = f"case {number} round {n}"
            count["rounds"] += 1
            bundled = r.random() < .75
            changes = case.changes(bundled)
            if not bundled:  # of several ovs-ofctl sends as many as it can before an error comes
                changes = changes[:1]
            fails = bundled and r.random() < .4
            if fails:
                changes.insert(r.randint(0, len(changes)), case.wrong())
            before = state(pair.ours, pair.controls[0]) if fails else None
            if bundled:
                results = pair.ofctl("bundle", "-", text="\n".join(changes) + "\n")
            else:
                results = []
                for what, command in (("flow", "add-flows"), ("group", None)):
                    lines = [c.partition(" ")[2] for c in changes if c.startswith(what)]
                    if command and lines:
                        results += pair.ofctl(command, "-", text="\n".join(lines) + "\n")
                    for line in lines if not command else []:
                        word, _, rest = line.partition(" ")
                        name = {"add": "add-group", "modify": "mod-group", "add_or_mod": "mod-group", "delete": "del-groups", "insert_bucket": "insert-buckets", "remove_bucket": "remove-buckets"}[word]
                        argv = (["--may-create"] if word == "add_or_mod" else []) + [name, rest]
                        results += [pipeline_wide.subprocess.run(["ovs-ofctl", "-O", "OpenFlow15", *argv[:-1], f"unix:{s.dir}/br0.mgmt", argv[-1]], capture_output=True, text=True, timeout=60)
                                    for s in pair.both]
            log += ["bundle:" if bundled else "one by one:"] + ["   " + c for c in changes]
            for a, b in zip(results[::2], results[1::2]):
                texts = [plain(x.stderr).split("***decode")[0].split("\n")[0].split(" (xid)")[-1] for x in (a, b)]
                count["refused"] += bool(b.returncode)
                if a.returncode != b.returncode or texts[0] != texts[1]:
                    tell(where, "answers", plain(a.stderr).splitlines(), plain(b.stderr).splitlines(), log)
            if fails:
                after = state(pair.ours, pair.controls[0])
                for name in before:
                    if before[name] != after[name] and results[0].returncode:
                        tell(where, f"a bundle that failed changed {name}", after[name], before[name], log)
            for _ in range(r.choice([0, 2, 5, 10])):
                x = r.random()
                if x < .75:
                    argv = ["netdev-dummy/receive", "p%d" % r.randint(1, 3), r.choice(PACKETS)]
                    pair.ask("time/warp", "600", "300")  # the reference learns addresses from hits half a second later
                    lookups = [re.search(r"hit:(\d+) missed:(\d+)", t) for t in pair.ask("dpctl/show")]
                    pair.ask(*argv)
                    for control, m in zip(pair.controls, lookups):  # the reference answers before it has come to the packet
                        for _ in range(50):
                            now = re.search(r"hit:(\d+) missed:(\d+)", control.ask("dpctl/show"))
                            if sum(map(int, now.groups())) > sum(map(int, m.groups())):
                                break
                elif x < .95:
                    argv = ["time/warp", str(r.choice([500, 1000, 3000, 6000])), "500"]
                    since += int(argv[1])
                    pair.ask(*argv)
                else:
                    argv = r.choice([["mod-meter", "meter=%d,%s,stats,bands=type=drop,rate=10000000" % (r.randint(1, 3), r.choice(["kbps", "pktps", "kbps,burst"]))], ["del-meters", "meter=%d" % r.randint(1, 3)],
                                     ["add-meter", "meter=%d,pktps,stats,bands=type=drop,rate=10000000,burst_size=5" % r.randint(1, 3)]]) if r.random() < .4 else ["mod-port", "p%d" % r.randint(1, 3), r.choice(["no-forward", "forward", "no-flood", "flood", "no-packet-in", "packet-in"])]
                    pair.ofctl(*argv)
                log.append(" ".join(argv))
            # Each switch looks once a second, when is its own: so time-outs end in long silences alone.
            since += 8000
            warp = "300000" if since > 80000 or r.random() < .25 else "1000"
            since = 0 if warp == "300000" else since
            pair.ask("time/warp", "1000", "500")
            pair.ask("revalidator/wait")
            pair.ask("time/warp", warp, "500")
            log.append("time/warp " + warp)
            states = [state(s, c) for s, c in zip(pair.both, pair.controls)]
            for name in states[0]:
                if states[0][name] != states[1][name]:
                    tell(where, name, states[0][name], states[1][name], log)
            told = [w.removed() for w in watches]
            if told[0] != told[1]:
                tell(where, "flow-removed", *told, log)
            if any(states[0][x] != states[1][x] for x in states[0]) or told[0] != told[1]:
                break
            if args.verbose:
                print(where, len(states[0]["flows"]), "rules", len(told[0]), "removed")
        for w in watches:
            w.close()

    pipeline_wide.survive(pair, [args.case] if args.case is not None else range(args.cases), one, count)
    return count


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("cases", 10), ("rounds", 10), ("seed", 1), ("show", 5), ("log", 40)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--case", type=int, help="this one alone")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    pair = Pair()
    try:
        count = run(pair, args)
    finally:
        pair.close()
    print("%(rounds)d rounds, %(differ)d differences, %(refused)d answers of errors, the reference died %(died)d times" % count)
    sys.exit(count["differ"] != 0)


if __name__ == "__main__":
    main()
