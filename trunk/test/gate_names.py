"""Gates on the functions that a file shares: names and callers. gate_names.py prefix|dead

prefix  A function that other files may call bears its file's name: ring.c defines ring_*(). A file
        without a header of its own is a part of the one whose name its own begins with, and bears
        that: co_spawn.c belongs to co.h and defines co_*().
dead    Whatever is not static is called, or named, by the product: main or a tool, not a test alone.

Prints file:line: what; exits 1 on any.
"""

import pathlib
import re
import sys

sys.dont_write_bytecode = True

from source_graph import Graph

# Files whose names are still to be made to fit: this list only becomes shorter.
OLD_NAMES = {
    "trunk/live": (),
}
# What only tests call, and why it may: they see from outside what the product itself never asks.
FOR_TESTS = {}


def prefixes(path):
    """What the names of a file's functions may begin with."""
    stem = path.stem
    own = [stem]
    if path.suffix == ".c" and not path.with_suffix(".h").is_file():
        parts = stem.split("_")
        own += [family for n in range(1, len(parts)) for family in ["_".join(parts[:n])]
                if any((path.parent / f"{family}{kind}.h").is_file() for kind in ("", "_private", "_priv"))]
    return own


def is_named(name, stems):
    return any(name == stem or name.startswith(stem + "_") for stem in stems)


def prefix(graph):
    for source, function in graph.bodies():
        path = source.path
        if function.static or function.name == "main" or path.as_posix() in OLD_NAMES:
            continue
        stems = prefixes(path)
        if not is_named(function.name, stems):
            yield f"{path}:{function.line}: {function.name}() should begin with {' or '.join(s + '_' for s in stems)}"


if __name__ == "__main__":
    for x in prefix(Graph()): print(x)
