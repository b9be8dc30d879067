#!/usr/bin/python3
"""Prints `PASSED FAILED` of a test run.

usage: count-tests.py meson BUILDDIR | junit REPORT.xml
"""
import json
import sys
import xml.etree.ElementTree


def meson(builddir):
    passed = failed = 0
    with open(f"{builddir}/meson-logs/testlog.json") as log:
        for line in log:
            result = json.loads(line)["result"]
            if result in ("OK", "EXPECTEDFAIL"):
                passed += 1
            elif result != "SKIP":
                failed += 1
    return passed, failed


def junit(report):
    total = bad = skipped = 0
    for suite in xml.etree.ElementTree.parse(report).getroot().iter("testsuite"):
        total += int(suite.get("tests"))
        bad += int(suite.get("failures")) + int(suite.get("errors"))
        skipped += int(suite.get("skipped"))
    return total - bad - skipped, bad


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("meson", "junit"):
        sys.exit(__doc__)
    print(*{"meson": meson, "junit": junit}[sys.argv[1]](sys.argv[2]))
