"""The gate that reads objects: the call graph as the linker sees it. gate_calls.py OBJS/trunk

An object uses a symbol that another object defines. Between folders, such uses point down: along the
layers, and in app along the floors; proto and live, rtmp and http do not use each other. Within a
folder at most two objects call each other in a cycle: a pair that shares one private header is one
unit in two files. Prints object: what; exits 1 on any.
"""

import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True

from gate_source import BESIDE, FLOORS, LAYERS

ORDER = LAYERS[:-1] + [f"app/{floor}" for floor in FLOORS] + ["."]
CIRCLE_MAX = 2


def symbols(path):
    """(defined, used) of one object."""
    defined, used = set(), set()
    out = subprocess.run(["nm", "-P", "-g", str(path)], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        name, kind = line.split()[:2]
        if kind == "U":
            used.add(name)
        elif kind in "TDBRGSVW":
            defined.add(name)
    return defined, used


def read(root):
    """{object: {object that it uses: a symbol}}; objects of sources that are gone do not count."""
    owner, uses = {}, {}
    for path in sorted(root.rglob("*.o")):
        name = path.relative_to(root).with_suffix("")
        if name.parent.as_posix() not in ORDER or not pathlib.Path("trunk", f"{name}.c").is_file():
            continue
        defined, uses[name.as_posix()] = symbols(path)
        for symbol in defined:
            owner[symbol] = name.as_posix()
    return {name: {owner[s]: s for s in used if owner.get(s, name) != name} for name, used in uses.items()}


def folder(name):
    return pathlib.PurePath(name).parent.as_posix()


def upward(graph):
    for name, uses in graph.items():
        for other, symbol in sorted(uses.items()):
            a, b = folder(name), folder(other)
            if ORDER.index(b) > ORDER.index(a) or BESIDE.get(a) == b:
                yield f"trunk/{name}.c: uses {symbol}() of trunk/{other}.c, which is above or beside it"


def circles(graph):
    """Strongly connected components (Tarjan), without recursion."""
    index, low, stack, found = {}, {}, [], []
    for start in graph:
        if start in index:
            continue
        index[start] = low[start] = len(index)
        stack.append(start)
        work = [(start, iter(graph[start]))]
        while work:
            node, rest = work[-1]
            other = next(rest, None)
            if other is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    found.append(sorted(stack[at:]))
                    del stack[at:]
            elif other not in index:
                index[other] = low[other] = len(index)
                stack.append(other)
                work.append((other, iter(graph[other])))
            elif other in stack:
                low[node] = min(low[node], index[other])
    return [members for members in found if len(members) > CIRCLE_MAX]


def main():
    graph = read(pathlib.Path(sys.argv[1]))
    if not graph:
        print(f"{sys.argv[1]}: no objects: build first")
        return 1
    faults = list(upward(graph))
    for members in circles(graph):
        faults.append(f"trunk/{members[0]}.c: calls go in a circle of {len(members)}: {', '.join(members)}")
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
