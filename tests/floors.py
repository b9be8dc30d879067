#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The law of gravity: a file in src/ includes its own folder and lower floors, nothing above and nothing beside.

usage: tests/floors.py [SRC]        prints each include that breaks it; exit status 1 if there is one
       tests/floors.py --self-test  checks the check itself
"""
import os
import re
import sys
import tempfile

# Lowest and highest floor of each folder: ovsdb is a tower that only what stands above it may use, and that itself
# uses what is below its first floor.
FLOORS = {
    "base": (0, 0),
    "wire": (1, 1), "io": (1, 1),
    "packet": (2, 2), "control": (2, 2),
    "ovsdb": (2, 4),
    "flow": (3, 3), "port": (3, 3),
    "match": (4, 4), "action": (4, 4), "conntrack": (4, 4), "tunnel": (4, 4), "l2": (4, 4),
    "dpif": (5, 5), "openflow": (5, 5),
    "datapath": (6, 6), "ebpf": (6, 6), "ofconn": (6, 6),
    "pipeline": (7, 7),
    "switchd": (8, 8), "tools": (8, 8),
}
# Stricter than its floor: the tower is usable without a switch.
ONLY = {"ovsdb": {"base", "io", "control"}}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def check_file(path, folder):
    with open(path, encoding="utf-8", errors="replace") as source:
        for number, line in enumerate(source, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            name = match.group(1)
            if "/" not in name:
                yield f'{path}:{number}: "{name}" has no folder: write "{folder}/{name}"'
                continue
            other = name.split("/")[0]
            if other == folder:
                continue
            if other not in FLOORS:
                yield f'{path}:{number}: "{name}": "{other}" is no folder of the floors table (tests/floors.py)'
            elif folder in ONLY and other not in ONLY[folder]:
                yield f'{path}:{number}: {folder}/ may include {", ".join(sorted(ONLY[folder]))}, not "{name}"'
            elif folder not in ONLY and FLOORS[other][1] >= FLOORS[folder][0]:
                way = "upward" if FLOORS[other][0] > FLOORS[folder][1] else "sideways"
                yield (f'{path}:{number}: {way} include of "{name}": {folder}/ is on floor {FLOORS[folder][0]}, '
                       f'{other}/ on floor {FLOORS[other][1]}')


def check_tree(src):
    for folder in sorted(os.listdir(src)):
        top = os.path.join(src, folder)
        if not os.path.isdir(top):
            continue
        if folder not in FLOORS:
            yield f"{top}: not in the floors table (tests/floors.py)"
            continue
        for directory, _, files in sorted(os.walk(top)):
            for name in sorted(files):
                if name.endswith((".c", ".h")):
                    yield from check_file(os.path.join(directory, name), folder)


def self_test():
    cases = [
        ("io", '#include "base/log.h"', 0), ("io", '#include "io/loop.h"', 0), ("io", '#include <stdio.h>', 0),
        ("base", '#include "io/loop.h"', 1), ("io", '#include "wire/eth.h"', 1), ("io", '#include "loop.h"', 1),
        ("ovsdb", '#include "io/loop.h"', 0), ("ovsdb", '#include "packet/packet.h"', 1),
        ("dpif", '#include "ovsdb/client.h"', 0), ("match", '#include "ovsdb/client.h"', 1),
        ("pipeline", ' #  include "switchd/switchd.h"', 1), ("pipeline", '// #include "switchd/switchd.h"', 0),
        ("switchd", '#include "tools/tool.h"', 1), ("l2", '#include "nowhere/x.h"', 1),
    ]
    for folder, line, expected in cases:
        with tempfile.TemporaryDirectory() as src:
            os.mkdir(os.path.join(src, folder))
            with open(os.path.join(src, folder, "x.c"), "w", encoding="utf-8") as source:
                source.write(line + "\n")
            found = list(check_tree(src))
            assert len(found) == expected, (folder, line, found)


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    src = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "src")
    errors = list(check_tree(src))
    print("\n".join(errors) or "every include goes down")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
