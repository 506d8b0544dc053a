#!/usr/bin/env python3
"""Several workers against one: what a viewer costs, and how evenly connections fall.

    research/bench/workers.py [--objs OBJS] [--viewers 1000] [--seconds 5] [--spread]
    research/bench/workers.py --hop [--seconds 20]
    research/bench/workers.py --memory

Usually all workers stand on one core and the load client on the other: that shows what the
relay and the second process cost, undisturbed. With --spread each worker has a core of its own,
as in real life, and the client goes where there is room, on a machine of two cores beside them.
Capacity is by accounting: cores that the workers fill, divided by what a viewer costs.

--hop: the latency from the publisher's send, of viewers at the publisher's worker and of viewers at
the other one, side by side in one window. The second minus the first is what the hop adds.

--memory: what a stream takes with one worker, before it is watched and while it is; and what more
it takes, where one worker fetches it from another, in each of the two: a ring.
"""

import contextlib
import json
import os
import pathlib
import re
import time

import bench_setup
import cases
import targets
from measure import Failure, cpu_seconds, processes_of

CASES = (("350 ms", targets.MERGE_350), ("per frame", targets.PER_FRAME))


def sockets_of(pid):
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
        except OSError:
            pass
    return count


def millrace(setup, settings, count, spread):
    """The server with so many workers."""
    target = targets.millrace(setup, (settings[0], settings[1]), top=f"workers {count};")
    while count > 1 and len(processes_of(target.pid)) <= count:
        time.sleep(0.02)
    workers = [p for p in processes_of(target.pid) if p != target.pid] or [target.pid]
    if spread:
        for core, pid in enumerate(workers):
            os.sched_setaffinity(pid, {core % os.cpu_count()})
    target.workers = workers
    return target


def measure(setup, settings, count, options):
    shares = {}

    def make():
        target = millrace(setup, settings, count, options.spread)
        begin = {p: (sockets_of(p), cpu_seconds(p)) for p in target.workers}
        close = target.process.close

        def count_and_close():
            for pid, (sockets, cpu) in begin.items():
                shares[pid] = [shares.get(pid, [0])[0], round(cpu_seconds(pid) - cpu, 3)]
            close()

        target.process.close = count_and_close
        original = cases.rss_kb

        def counted(pid):
            # Called at the window's end too, while all viewers are there.
            if pid == target.pid:
                for worker, (sockets, _) in begin.items():
                    shares[worker] = [max(sockets_of(worker) - sockets,
                                          shares.get(worker, [0])[0])]
            return original(pid)

        cases.rss_kb = counted
        target.restore = lambda: setattr(cases, "rss_kb", original)
        make.target = target
        return target

    try:
        found = cases.fan_out(setup, make, options.viewers)
    finally:
        make.target.restore()
    sockets = [s[0] for s in shares.values()]
    return {"workers": count, "viewers": options.viewers,
            "us_per_viewer_s": found["us_per_viewer_s"],
            "mbit_p50": found["load"]["mbit"]["p50"],
            "delivered_mbit": round(found["load"]["mbit"]["p50"] * options.viewers, 1),
            "server_core_percent": found["core_percent"],
            "load_cpu_s": found["load"]["client_cpu_s"], "seconds": found["seconds"],
            "connections": sockets,
            "largest_share": round(max(sockets) / max(1, sum(sockets)), 3),
            "rss_kb": found["rss_kb"], "faults": found["faults"]}


def sockets_in(pid):
    found = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target[8:-1])
    return found


def worker_of(pid, port, workers):
    """The worker that serves this client's one connection to the port, by the kernel's tables."""
    rows = [line.split() for line in
            pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    own = sockets_in(pid)
    theirs = [row[1] for row in rows
              if row[9] in own and int(row[2].rsplit(":", 1)[1], 16) == port]
    inodes = {row[9] for row in rows if row[2] in theirs and
              int(row[1].rsplit(":", 1)[1], 16) == port}
    for worker in workers:
        if inodes & sockets_in(worker):
            return worker
    return None


def hop(setup, count):
    """count viewers at each of two workers, each a load client of its own."""
    with millrace(setup, targets.DEFAULT, 2, False) as target, contextlib.ExitStack() as stack:
        source = cases.publisher(setup, target)
        stack.callback(source.close)
        source.wait("publishing", 15)
        time.sleep(cases.SETTLE_S)
        home = worker_of(source.pid, target.rtmp, target.workers)
        sides = {worker: [] for worker in target.workers}
        for _ in range(40 * count):
            (tool,) = cases.clients(setup, target, 1, extra=["--samples", 1])
            tool.wait("started", 30)
            side = sides.get(worker_of(tool.pid, target.http, target.workers))
            if side is None or len(side) == count:
                tool.close()
                continue
            stack.callback(tool.close)
            side.append(tool)
            if all(len(tools) == count for tools in sides.values()):
                break
        else:
            raise Failure("the kernel gave no viewers to one of the workers")
        everybody = [tool for tools in sides.values() for tool in tools]
        for word in ("begin", "end"):
            for tool in everybody:
                tool.say(word)
            time.sleep(setup.seconds if word == "begin" else 0)
        found = {}
        for worker, tools in sides.items():
            merged = cases.merge([tool.result() for tool in tools])
            found["direct" if worker == home else "hop"] = merged["latency_ms"]
    found["added_p50_ms"] = round(found["hop"]["p50"] - found["direct"]["p50"], 3)
    found["added_p99_ms"] = round(found["hop"]["p99"] - found["direct"]["p99"], 3)
    return found


def rounds(setup, options):
    found = []
    for name, settings in CASES:
        for _ in range(options.rounds):
            for count in (1, 2):
                try:
                    row = {"case": name, **measure(setup, settings, count, options)}
                except Failure as failure:
                    row = {"case": name, "workers": count, "failed": str(failure)}
                found.append(row)
                print(json.dumps(row), flush=True)
    return found


def summary(name, found):
    rows = [row for row in found if row["case"] == name and "failed" not in row]
    cost = {n: sorted(row["us_per_viewer_s"] for row in rows if row["workers"] == n)
            for n in (1, 2)}
    if not cost[1] or not cost[2]:
        return f"{name}: not measured"
    one, two = cost[1][len(cost[1]) // 2], cost[2][len(cost[2]) // 2]
    even = max(row["largest_share"] for row in rows if row["workers"] == 2)
    return (f"{name}: a viewer-second costs {one} us with 1 worker, {two} with 2: "
            f"{two / one:.3f} times; capacity {1 / even / (two / one):.2f} times; "
            f"the larger worker has {100 * even:.1f} % of the connections")


def anonymous_kb(target):
    """Memory of the workers' own, without what files and the other ones hold, too."""
    return sum(int(re.search(r"^RssAnon:\s+(\d+) kB", pathlib.Path(
        f"/proc/{pid}/status").read_text(), re.M).group(1)) for pid in target.workers)


def relays_of(target):
    """The connections that workers have taken from each other."""
    inodes = set().union(*(sockets_in(pid) for pid in target.workers))
    rows = (line.split() for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:])
    return sum(len(row) == 8 and row[6] in inodes and row[5] == "03" and
               re.search(r"/millrace-\w+/\d+$", row[7]) is not None for row in rows)


def grown(setup, count, streams, viewers):
    """By how much the workers grow by streams, then by viewers of each; relays then."""
    with millrace(setup, targets.DEFAULT, count, False) as target, contextlib.ExitStack() as stack:
        steps = [anonymous_kb(target)]
        source = cases.publisher(setup, target, streams)
        stack.callback(source.close)
        source.wait("publishing", 30 + streams)
        time.sleep(2 * cases.SETTLE_S)
        steps.append(anonymous_kb(target))
        for tool in cases.clients(setup, target, viewers * streams, streams=streams):
            stack.callback(tool.close)
            tool.wait("started", 60)
        time.sleep(2 * cases.SETTLE_S)
        steps.append(anonymous_kb(target))
        return steps[1] - steps[0], steps[2] - steps[1], relays_of(target)


def memory(setup, streams=40, viewers=6):
    """Of one stream; viewers and their connections cost as much with one worker as with two."""
    published, alone, _ = grown(setup, 1, streams, viewers)
    _, apart, relays = grown(setup, 2, streams, viewers)
    return {"case": "memory", "streams": streams, "viewers": viewers * streams, "relays": relays,
            "kb_per_stream": round(published / streams, 1),
            "kb_per_watched_stream": round((published + alone) / streams, 1),
            "kb_more_per_relay_and_worker": round((apart - alone) / 2 / max(1, relays), 1)}


def main():
    parser = bench_setup.parser(__doc__)
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--spread", action="store_true")
    parser.add_argument("--hop", action="store_true")
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    with bench_setup.Setup(options) as setup:
        if options.hop:
            for _ in range(options.rounds):
                print(json.dumps(hop(setup, 3)), flush=True)
            return
        if options.memory:
            print(json.dumps(memory(setup)))
            return
        found = rounds(setup, options)
        found.append(memory(setup))
        print(json.dumps(found[-1]), flush=True)
    for name, _ in CASES:
        print(summary(name, found))
    (options.objs / "bench-workers.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
