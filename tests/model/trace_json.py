#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`ofproto/trace --format json` says what the text form says (docs/trace-json.md).  usage: trace_json.py SIM"""
import json, subprocess, sys

SETUP = """add-br br0
add-port br0 p1 ofport=1
add-port br0 p2 ofport=2
add-group br0 group_id=1,type=all,bucket=bucket_id:7,actions=2
sluice/add-flow br0 'in_port=1,ip,actions=group:1,set_field:1->reg0,ct(table=3,nat(src=1.1.1.1)),write_actions(output:2)'
sluice/add-flow br0 'table=3,ct_state=+est,actions=note:00,output:99'
sluice/add-flow br0 'in_port=2,actions=resubmit(,0)'
"""
ARGS = "br0 in_port=1,tcp,nw_src=10.0.0.1 --ct-next trk,est"


def run(sim, *lines):
    out = subprocess.run([sim], input=SETUP + "\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True, check=True).stdout
    return out.split("\n.\n")[-len(lines) - 1:-1]


def flatten(reports, depth=0):
    for r in reports:
        yield r
        yield from flatten(r.get("children", []))


text, answer, loop = run(sys.argv[1], "ofproto/trace " + ARGS, "ofproto/trace %s --format json" % ARGS,
                         "ofproto/trace br0 in_port=2 --format=json")
steps = json.loads(answer)["steps"]
assert len(steps) == 2 and "resume" not in steps[0], steps
for step, part in zip(steps, text.split("=" * 79 + "\n\nFlow:")):
    for name, label in (("megaflow", "Megaflow: "), ("datapath_actions", "Datapath actions: ")):
        line = [x for x in part.split("\n") if x.startswith(label)][0]
        got, want = step[name], line[len(label):]
        # Recirculation ids count up.
        assert got == want or "recirc" in want, (got, want)
resume = steps[1]["resume"]
assert resume["ct_state"] == "est|trk" and resume["ct_state_given"] and resume["reason"] == "conntrack", resume
assert resume["nat"]["to"].startswith("nw_src=1.1.1.1,"), resume
first = list(flatten(steps[0]["report"]))
assert first[0] == dict(first[0], type="bridge", bridge="br0")
assert first[1]["type"] == "table" and first[1]["table"] == 0 and first[1]["rule"] == "ip,in_port=1, priority 32768"
assert any(r["type"] == "bucket" and r["bucket"] == 7 and r["children"][0]["text"] == "output:2" for r in first)
assert any(r["type"] == "action_set" for r in first)
assert any(r["type"] == "warning" and r["text"] == "Nonexistent output port" for r in flatten(steps[1]["report"]))
failed = json.loads(loop)["steps"][0]
assert failed["error"] == "Recursion too deep" and failed["datapath_actions"] == "drop", failed
assert any(r["type"] == "error" for r in flatten(failed["report"]))
