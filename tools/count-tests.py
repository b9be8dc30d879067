#!/usr/bin/python3
"""Prints `PASSED FAILED` of a test run; `failed`: the names of those that failed, a line each, as pytest wants them.

usage: count-tests.py meson BUILDDIR | junit REPORT.xml | failed REPORT.xml
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


def failed(report):
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            path = case.get("classname").replace(".", "/")
            yield f"{path}.py::{case.get('name')}"


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("meson", "junit", "failed"):
        sys.exit(__doc__)
    if sys.argv[1] == "failed":
        for name in dict.fromkeys(failed(sys.argv[2])):
            print(name)
        sys.exit()
    print(*{"meson": meson, "junit": junit}[sys.argv[1]](sys.argv[2]))
