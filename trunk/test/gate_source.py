"""Gates that read the sources: layers, style, links, frames. Prints file:line: what; exits 1 on any.

layers  An include points to the own layer or a lower one, is written from trunk/, and closes no
        circle; proto and live never meet; State Threads, epoll and OpenSSL's sockets live in co.
style   Banned calls, lengths of files, the comment each .c opens with, include guards.
links   Pages link to what is there; the tour of the files names every source; the newest release in
        CHANGELOG.md is the version that the server shows.
frames  No stack frame above 8 KiB, by the .su files that gcc leaves beside the objects.
"""

import pathlib
import re
import sys

LAYERS = ["base", "media", "proto", "live", "co", "app"]
# The floors of the application layer, from the bottom up; rtmp and http do not see each other.
FLOORS = ["config", "core", "stream", "record", "rtmp", "http", "cluster", "workers", "hls", "control", "server"]
BESIDE = {"app/rtmp": "app/http", "app/http": "app/rtmp", "proto": "live", "live": "proto"}
BELOW = {
    "base": {"base"},
    "media": {"base", "media"},
    "proto": {"base", "media", "proto"},
    "live": {"base", "media", "live"},
    "co": {"base", "media", "proto", "live", "co"},
    "app": set(LAYERS),
    **{f"app/{floor}": set(LAYERS[:-1]) | {f"app/{lower}" for lower in FLOORS[:i + 1]} - {BESIDE.get(f"app/{floor}")}
       for i, floor in enumerate(FLOORS)},
    "main": set(LAYERS),
    "tools": {"base", "media", "proto", "tools"},
    # Of app what is pure: auto/rules.mk names the files that a target is linked with.
    "fuzz": {"base", "media", "proto", "live", "co", "app", "test", "tools"},
}
# System headers that only some layers may know.
ONLY_IN = {
    "st.h": {"co"},
    "openssl/ssl.h": {"co"},
    "openssl/bio.h": {"co"},
    "sys/epoll.h": {"co"},
    "sys/timerfd.h": {"co"},
    "sys/eventfd.h": {"co"},
    "netdb.h": {"co"},
    "ares.h": {"co"},
    "pthread.h": {"base", "co"},  # the robust lock of memory that processes share; helper threads
    "http_parser.h": {"proto"},
    "uthash.h": set(),  # base/hash.h alone, whose tables report that there is no memory
    "alloca.h": set(),
}
HASH = ("trunk/base/hash.h", "uthash.h")
PURE = {"base", "media", "proto", "live"}
NOT_PURE = {"sys/socket.h", "sys/un.h", "poll.h", "fcntl.h", "signal.h", "dirent.h", "sys/stat.h"}
BANNED = ["strcpy", "strcat", "sprintf", "vsprintf", "strtok", "atoi", "atol", "atof", "gets", "alloca"]
BLOCKING = ["read", "write", "recv", "send", "recvfrom", "sendto", "sleep", "usleep", "time",
            "getaddrinfo", "gethostbyname"]
# What ends the process, and the files that may: none of them is on the path of a peer's data.
ENDING = ["abort", "exit", "_exit", "_Exit", "quick_exit"]
MAY_END = {
    "trunk/base/shared_lock.c",  # a lock that cannot be had
    "trunk/app/workers/master.c",  # processes, and the end of each:
    "trunk/app/workers/master_upgrade.c",
    "trunk/app/core/process.c",
    "trunk/app/core/keeper.c",
    "trunk/app/server/service.c",
}
# What must be looked at is never called by its own name; base/hash.h has the call that says so.
HASH_ADDS = [r"HASH_ADD\w*", r"HASH_REPLACE\w*"]
LINES_MAX = 1000
LINES_AIM = 500
COMMENT_LINES = (3, 17)
DEPTH_MAX = 5  # braces: the function's own and four in it
FRAME_MAX = 8192

found = 0


def complain(path, line, what):
    global found
    found += 1
    print(f"{path}:{line}: {what}")


def sources(*tops):
    for top in tops:
        for path in sorted(pathlib.Path(top).rglob("*.[ch]")):
            if "node_modules" not in path.parts:
                yield path


def layer_of(path):
    """base … app, main, fuzz; unit tests count as their layer, with check.h on top."""
    parts = path.parts
    if parts[0] != "trunk":
        return None
    if parts[1] == "test":
        if len(parts) > 3 and parts[2] == "unit":
            return parts[3] if parts[3] in LAYERS else None
        return "fuzz" if len(parts) > 2 and parts[2] == "fuzz" else None
    if parts[1] == "app" and len(parts) > 3:
        return f"app/{parts[2]}" if parts[2] in FLOORS else None
    if parts[1] in LAYERS or parts[1] == "tools":
        return parts[1]
    return "main" if len(parts) == 2 else None


def blank(text):
    """The text without comments, strings and character constants; lines stay where they are."""
    def spaces(match):
        s = match.group(0)
        if s.startswith("/"):
            return re.sub(r"[^\n]", " ", s)
        return s[0] + re.sub(r"[^\n]", " ", s[1:-1]) + s[-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', spaces, text,
                  flags=re.S)


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def folder_of(name, layer):
    """The layer of a header, and for a floor of app the floor."""
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] == "app" and layer.startswith("app/") else parts[0]


def check_own(path, layer, number, name):
    top = folder_of(name, layer)
    is_test = path.parts[1] == "test"
    if is_test and (top == "test" or not "/" in name):
        return
    if "/" not in name or not (pathlib.Path("trunk") / name).is_file():
        complain(path, number, f'"{name}" is not a header written from trunk/')
    elif top not in BELOW[layer]:
        complain(path, number, f'{layer} includes "{name}", which is above or beside it')


def check_system(path, layer, number, name):
    if path.parts[1] == "test":
        return
    if name in ONLY_IN and layer not in ONLY_IN[name] and (str(path), name) != HASH:
        who = ", ".join(sorted(ONLY_IN[name])) or "nobody"
        complain(path, number, f"<{name}> is for {who} only")
    if name in NOT_PURE and layer in PURE:
        complain(path, number, f"<{name}> in {layer}, a pure layer")


def check_cycles():
    graph = {}
    for path in sources("trunk"):
        if path.suffix == ".h":
            graph[str(path.relative_to("trunk"))] = [n for _, own, n in includes(path) if own]
    done, trail = set(), []

    def visit(name):
        if name in trail:
            circle = trail[trail.index(name):] + [name]
            complain("trunk/" + name, 1, "includes go in a circle: " + " -> ".join(circle))
            return
        if name in done:
            return
        trail.append(name)
        for other in graph.get(name, []):
            visit(other)
        trail.pop()
        done.add(name)

    for name in sorted(graph):
        visit(name)


def layers():
    for path in sources("trunk"):
        layer = layer_of(path)
        if layer is None:
            continue
        for number, own, name in includes(path):
            (check_own if own else check_system)(path, layer, number, name)
    check_cycles()


def check_calls(path, text, names):
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")
    for number, line in enumerate(text.splitlines(), 1):
        for match in pattern.finditer(line):
            complain(path, number, f"{match.group(1)}() is banned here")


def check_opening(path, text):
    if not text.startswith("/*"):
        complain(path, 1, "a .c opens with a comment: what for, why so, which specification")
        return
    lines = text[:text.index("*/")].count("\n") + 1
    # A test may say what it tests in one line.
    least = 1 if path.parts[1] == "test" else COMMENT_LINES[0]
    if not least <= lines <= COMMENT_LINES[1]:
        complain(path, 1, f"the opening comment has {lines} lines, not {least} to {COMMENT_LINES[1]}")


def check_hash(path):
    """The one file that includes uthash makes a failed allocation an answer, before the include."""
    text = path.read_text()
    if not re.search(r"#define HASH_NONFATAL_OOM\s+1\n.*#include <uthash.h>", text, flags=re.S):
        complain(path, 1, "HASH_NONFATAL_OOM is not 1: a failed allocation ends the process")


def check_guard(path, text):
    guard = "_".join(path.relative_to("trunk").with_suffix("").parts).upper().replace("-", "_") + "_H"
    if not re.match(rf"(/\*.*?\*/\s*)?#ifndef {guard}\n#define {guard}\n", text, flags=re.S):
        complain(path, 1, f"the guard should be {guard}")


def check_depth(path, text):
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        for brace in re.findall(r"[{}]", line):
            depth += 1 if brace == "{" else -1
            if depth > DEPTH_MAX:
                complain(path, number, f"nested {depth} deep, {DEPTH_MAX} are the limit")
                return


def style():
    for path in sources("trunk", "research"):
        raw = path.read_text()
        text = blank(raw)
        count = raw.count("\n")
        in_server = layer_of(path) is not None and path.parts[1] != "test"
        check_calls(path, text, BANNED)
        if in_server and layer_of(path) != "co":
            check_calls(path, text, BLOCKING)
        if count > LINES_MAX:
            complain(path, count, f"{count} lines, {LINES_MAX} are the limit")
        elif count > LINES_AIM:
            print(f"note: {path} has {count} lines, {LINES_AIM} are the aim")
        check_depth(path, text)
        if in_server and path.parts[1] != "tools" and str(path) not in MAY_END:
            check_calls(path, text, ENDING)
        if in_server and str(path) != HASH[0]:
            check_calls(path, text, HASH_ADDS)
        elif in_server:
            check_hash(path)
        if path.suffix == ".c":
            check_opening(path, raw)
        elif path.parts[0] == "trunk" and in_server:
            check_guard(path, raw)


def check_version():
    log = pathlib.Path("CHANGELOG.md")
    version = re.search(r'MILLRACE_VERSION "(.*)"', pathlib.Path("trunk/base/version.h").read_text()).group(1)
    releases = re.findall(r"^## (\d\S*)", log.read_text() if log.is_file() else "", flags=re.M)
    if releases[:1] != [version]:
        complain(log, 1, f"the newest release is not {version}, the version in trunk/base/version.h")


def links():
    check_version()
    tour = pathlib.Path("doc/files.md")
    text = tour.read_text() if tour.is_file() else ""
    for path in sorted(pathlib.Path("trunk").rglob("*.c")):
        if "test" not in path.parts and not re.search(rf"[`/]{path.name}`", text):
            complain(tour, 1, f"does not name {path}")
    for page in sorted(pathlib.Path(".").rglob("*.md")):
        if "node_modules" in page.parts or page.parts[0] == "objs":
            continue
        for number, line in enumerate(page.read_text().splitlines(), 1):
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
                if "://" not in target and not (page.parent / target).exists():
                    complain(page, number, f"links to {target}, which is not there")
    for layer in LAYERS + [f"app/{floor}" for floor in FLOORS]:
        if not pathlib.Path("trunk", layer, "README.md").is_file():
            complain(f"trunk/{layer}", 0, "has no README.md")


def frames(folder):
    files = sorted(pathlib.Path(folder).rglob("*.su"))
    if not files:
        complain(folder, 0, "no .su files: build first")
    for file in files:
        for line in file.read_text().splitlines():
            where, size, kind = line.rsplit("\t", 2)
            if "test/" in where:
                continue
            if int(size) > FRAME_MAX:
                complain(where, 0, f"a stack frame of {size} bytes, {FRAME_MAX} are the limit")
            if "dynamic" in kind and "bounded" not in kind:
                complain(where, 0, "a stack frame without a limit")


def main():
    if sys.argv[1] == "layers":
        layers()
    elif sys.argv[1] == "style":
        style()
    elif sys.argv[1] == "links":
        links()
    else:
        frames(sys.argv[2])
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
