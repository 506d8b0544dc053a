"""Gates on the functions that a file shares: names and callers. gate_names.py prefix|dead

prefix  No identifier contains a word that has another term (TERMS). A function that other files may call bears its file's name: ring.c defines ring_*(). A file
        without a header of its own is a part of the one whose name its own begins with, and bears
        that: co_spawn.c belongs to co.h and defines co_*().
dead    Whatever is not static is called, or named, by the product: main or a tool, not a test alone.

Prints file:line: what; exits 1 on any.
"""

import pathlib
import re
import sys

sys.dont_write_bytecode = True

from gate_source import blank, sources
from source_graph import Graph

# One term for one thing, in identifiers too: the word, the term, and the folders whose
# specifications use the word.
TERMS = {
    "sound": ("audio", ()),
    "picture": ("video, or frame", ("trunk/media", "trunk/test/unit/media")),
    "who": ("viewer, publisher, caller, peer", ()),
    "stray": ("origin_pull", ()),
    "timetable": ("stream_clock", ()),
    "doze": ("delay", ()),
    "behind": ("after, or lag", ()),
}
WORD = re.compile(r"[A-Za-z_]\w*")
# A documented prefix that is not the file's name.
PREFIX = {
    "trunk/app/http/http_exchange.c": ["http"],  # what handlers call in every other line
}
# Functions that only tests call, and why they stay. A function that is used, or gone, must leave the list.
FOR_TESTS = {
    "co_count": "that coroutines end",
    "co_loop_load": "to be a metric",
    "co_loop_peak": "to be a metric",
    "file_open_walking": "what kernels without openat2() get",
    "log_limit_pending": "that nothing is forgotten",
    "resolve_use_servers": "a name server of the tests' own",
    "rtmp_talk_bytes_in": "when an acknowledgement is due",
    "rtmp_talk_flush": "messages that only tests send",
    "serve_mux_count": "that nothing stays mounted",
    "tls_cipher": "",
    "tls_is_resumed": "",
    "tls_version": "",
}


def prefixes(path):
    """What the names of a file's functions may begin with."""
    stem = path.stem
    found = [stem, *PREFIX.get(path.as_posix(), ())]
    if path.suffix == ".c" and not path.with_suffix(".h").is_file():
        parts = stem.split("_")
        found += [family for family in ("_".join(parts[:n]) for n in range(1, len(parts)))
                  if any((path.parent / f"{family}{kind}.h").is_file() for kind in ("", "_private"))]
    return found


def fits(name, found):
    """The plural is for what concerns all of them: observers_open()."""
    return any(name == p or name.startswith((p + "_", p + "s_")) for p in found)


def terms():
    """Identifiers of C that contain a word of TERMS, in the singular or in the plural."""
    for path in sources("trunk", "research"):
        seen = set()
        for number, line in enumerate(blank(path.read_text()).splitlines(), 1):
            for name in set(WORD.findall(line)) - seen:
                seen.add(name)
                for part in name.lower().split("_"):
                    term, where = TERMS.get(part) or TERMS.get(part.removesuffix("s")) or (None, ())
                    if term and not any(path.is_relative_to(folder) for folder in where):
                        yield f'{path}:{number}: {name}: "{part}": say {term}'


def prefix(graph):
    yield from terms()
    for source, function in graph.bodies():
        found = prefixes(source.path)
        if not function.static and function.name != "main" and not fits(function.name, found):
            names = " or ".join(f"{p}_" for p in found)
            yield f"{function.path}:{function.line}: {function.name}() should begin with {names}"


def mentions(graph):
    """{function: the functions that name it, None for a table or a macro}, of those that are not static."""
    found = {}
    for source in graph.sources:
        bodies = [(f, {n for n, _, member in f.calls if not member} | {n for n, _ in f.refs})
                  for f in source.functions.values() if f.body is not None]
        bodies += [(None, {n for n, _ in refs}) for _, _, refs in source.tables]
        bodies += [(None, source.macro_words)]
        for by, names in bodies:
            for function in filter(None, (graph.find(source, name) for name in names)):
                if function is not by:
                    found.setdefault(function, set()).add(by)
    return found


def dead(graph):
    if not any(f.name == "main" for _, f in graph.bodies()):
        return
    named = mentions(graph)
    public = {f for _, f in graph.bodies() if not f.static and f.name != "main"}
    lost = {f for _, f in graph.bodies() if f.name != "main" and f.path.suffix == ".c"} - set(named)
    while more := {f for f, by in named.items() if f not in lost and f.name != "main" and by <= lost}:
        lost |= more
    for function in sorted(public & lost, key=lambda f: (f.path, f.line)):
        if function.name not in FOR_TESTS:
            yield f"{function.path}:{function.line}: {function.name}() is called by tests only"
    for name in sorted(set(FOR_TESTS) - {f.name for f in public & lost}):
        if pathlib.Path("trunk/main.c").is_file():
            yield f"trunk/test/gate_names.py:1: {name}() is used or gone: take it from FOR_TESTS"


def main():
    faults = list({"prefix": prefix, "dead": dead}[sys.argv[1]](Graph()))
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
