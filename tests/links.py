#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The documents' links lead to files that are there, and what they call `function()` beside a link is in the source.

usage: tests/links.py ROOT     prints each broken one; exit status 1 if there is one
"""
import pathlib
import re
import sys

LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
FUNCTION = re.compile(r"`([a-z_0-9]+)\(\)`")


def main():
    root = pathlib.Path(sys.argv[1])
    source = "\n".join(path.read_text() for path in sorted(root.glob("src/**/*.[ch]")))
    broken = []
    for path in [root / "README.md", *sorted(root.glob("docs/*.md")), *sorted(root.glob("tests/**/*.md"))]:
        text = path.read_text()
        for link in LINK.findall(text):
            if "://" not in link and not (path.parent / link).exists():
                broken.append(f"{path.relative_to(root)}: no file {link}")
        for name in FUNCTION.findall(text):
            if not re.search(rf"\b{name}\(", source):
                broken.append(f"{path.relative_to(root)}: no function {name}()")
    print("\n".join(broken) or "every link leads somewhere")
    return 1 if broken else 0


sys.exit(main())
