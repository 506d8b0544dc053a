#!/usr/bin/env python3
"""Several workers against one: what a viewer costs, and how evenly connections fall.

    research/bench/workers.py [--objs OBJS] [--viewers 1000] [--seconds 5] [--spread]

Usually all workers stand on one core and the load client on the other: that shows what the
relay and the second process cost, undisturbed. With --spread each worker has a core of its own,
as in real life, and the client goes where there is room, on a machine of two cores beside them.
Capacity is by accounting: cores that the workers fill, divided by what a viewer costs.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import cases
import targets
from measure import Failure, cpu_seconds, processes_of

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


class Setup:
    def __init__(self, options):
        self.server = (options.objs / "server").resolve()
        self.tools = (options.objs / "bench").resolve()
        self.file = pathlib.Path(options.file).resolve()
        self.seconds, self.warmup = options.seconds, 2
        self.server_core, self.load_core = 0, 1
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))


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


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objs", type=pathlib.Path, default=ROOT / "objs")
    parser.add_argument("--file", default=ROOT / "doc/source.flv")
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--spread", action="store_true")
    options = parser.parse_args()
    setup = Setup(options)
    subprocess.run([HERE / "build.sh", setup.tools], check=True)
    found = []
    try:
        for name, settings in (("350 ms", targets.MERGE_350), ("per frame", targets.PER_FRAME)):
            for turn in range(options.rounds):
                for count in (1, 2):
                    try:
                        row = {"case": name, **measure(setup, settings, count, options)}
                    except Failure as failure:
                        row = {"case": name, "workers": count, "failed": str(failure)}
                    found.append(row)
                    print(json.dumps(row), flush=True)
    finally:
        shutil.rmtree(setup.work, ignore_errors=True)
    for name in ("350 ms", "per frame"):
        cost = {n: sorted(r["us_per_viewer_s"] for r in found
                          if r["case"] == name and r["workers"] == n and "failed" not in r)
                for n in (1, 2)}
        if cost[1] and cost[2]:
            one, two = cost[1][len(cost[1]) // 2], cost[2][len(cost[2]) // 2]
            even = max(r["largest_share"] for r in found
                       if r["case"] == name and r["workers"] == 2 and "failed" not in r)
            print(f"{name}: a viewer-second costs {one} us with 1 worker, {two} with 2: "
                  f"{two / one:.3f} times; capacity {1 / even / (two / one):.2f} times; "
                  f"the larger worker has {100 * even:.1f} % of the connections")
    (options.objs / "bench-workers.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
