#!/usr/bin/python3
"""Whether calls go down, never up (src/README.md): reads includes and the objects of a build.

    tools/check-layers.py BUILD_FOLDER

A folder may use those that stand above it in LAYERS, and itself; no two units, by whatever way, use each other."""

import pathlib
import re
import subprocess
import sys

# From the bottom. Those on one line don't use each other.
LAYERS = """
multistatus keys processes
request
reverse store
locks changes repository
repository/fs recovery
config properties
acts
server
listing
methods proxy admin
""".split("\n")
RANK = {folder: rank for rank, line in enumerate(LAYERS) for folder in line.split()}


def folder_of(path):
    return str(pathlib.PurePath(path).parent)


def check_includes():
    for source in sorted(pathlib.Path("src").rglob("*.[ch]")):
        own = folder_of(source.relative_to("src"))
        for line in source.read_text().splitlines():
            match = re.match(r'#include "(.+/.+)"', line)
            used = folder_of(match[1]) if match else own
            if own == ".":
                if match:
                    yield f"{source}: the public header includes {match[1]}"
            elif own not in RANK or used not in RANK:
                yield f"{source}: {own} or {used} is in no layer"
            elif used != own and RANK[used] >= RANK[own]:
                yield f"{source}: {own} goes up, or aside, to {match[1]}"


def symbols(build):
    """Unit -> the symbols that it defines, and those that it needs."""
    units = {}
    for obj in sorted(pathlib.Path(build, "src").rglob("*.o")):
        defined, needed = set(), set()
        for line in subprocess.run(["nm", obj], capture_output=True, text=True, check=True).stdout.splitlines():
            kind, name = line[17:].split(" ", 1)
            (needed if kind == "U" else defined).add(name)
        units[str(obj.relative_to(pathlib.Path(build, "src")).with_suffix(""))] = defined, needed
    return units


def circles(build):
    units = symbols(build)
    home = {name: unit for unit, (defined, _) in units.items() for name in defined if name.startswith("dms_")}
    uses = {unit: sorted({home[name] for name in needed if name in home} - {unit})
            for unit, (_, needed) in units.items()}
    seen, path = {}, []

    def visit(unit):
        seen[unit] = "open"
        path.append(unit)
        for other in uses[unit]:
            if seen.get(other) == "open":
                yield " -> ".join(path[path.index(other):] + [other])
            elif other not in seen:
                yield from visit(other)
        path.pop()
        seen[unit] = "done"

    for unit in sorted(uses):
        if unit not in seen:
            yield from (f"a circle: {circle}" for circle in visit(unit))


def main():
    found = [*check_includes(), *circles(sys.argv[1])]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return bool(found)


sys.exit(main())
