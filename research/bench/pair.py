#!/usr/bin/env python3
"""Compares two builds of the server: both run at once, on the same core, under the same load.

Whatever disturbs one disturbs the other in the same window, so the ratio of their CPU times is
steadier than the ratio of two runs. Each round starts both anew, in the other order than the round
before: a place in memory can cost several percent. Prints the ratios (new / old) of all rounds, and
of each case the median of the pairs of rounds, each pair as its geometric mean.
"""

import contextlib
import copy
import math
import statistics
import sys
import time

import bench_setup
import targets
from cases import SETTLE_S, clients, faults, merge, publisher
from measure import Failure, Window

# Each: settings of the vhost, streams, viewers per stream.
CASES = {
    "merged": (targets.MERGE_350, 1, 1000),
    "per_frame": (targets.PER_FRAME, 1, 500),
    "publishers": (targets.DEFAULT, 200, 0),
    "watched": (targets.DEFAULT, 100, 1),
}


def options_read():
    parser = bench_setup.parser(__doc__)
    parser.add_argument("old", help="the program to compare with")
    parser.add_argument("new")
    parser.add_argument("--only", default=",".join(CASES), help="cases, by comma")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of rounds of a case")
    return parser.parse_args()


def begin(stack, setup, settings, streams, viewers):
    """Starts a server with its publishers and viewers; gives it, and the viewers' tools."""
    target = stack.enter_context(targets.millrace(setup, settings))
    source = stack.enter_context(publisher(setup, target, streams))
    source.wait("publishing", 30 + streams)
    time.sleep(SETTLE_S)
    tools = clients(setup, target, viewers * streams, streams=streams) if viewers else []
    for tool in tools:
        stack.callback(tool.close)
        tool.wait("started", 60)
    return target, tools


def measure(setups, case):
    """One round; setups in the order in which the servers start. Gives their CPU times."""
    with contextlib.ExitStack() as stack:
        running = [begin(stack, setup, *case) for setup in setups]
        time.sleep(setups[0].warmup)
        windows = [Window(target.pid, setups[0].server_core) for target, _ in running]
        time.sleep(setups[0].seconds)
        found = [window.end()["cpu_s"] for window in windows]
        for _, tools in running:
            if tools and faults(result := merge([tool.result() for tool in tools])):
                raise Failure(faults(result))
    return found


def compare(old, new, case):
    """A pair of rounds: the ratio with the old build first, and with the new one first."""
    first, second = measure([old, new], case), measure([new, old], case)
    return first[1] / first[0], second[0] / second[1]


def main():
    options = options_read()
    with contextlib.ExitStack() as stack:
        setups = []
        for server in (options.old, options.new):
            one = copy.copy(options)
            one.server = server
            setups.append(stack.enter_context(bench_setup.Setup(one)))
        for name in options.only.split(","):
            pairs = [compare(*setups, CASES[name]) for _ in range(options.pairs)]
            print(f"{name}: median {statistics.median(math.sqrt(a * b) for a, b in pairs):.3f} of",
                  " ".join(f"{a:.3f}/{b:.3f}" for a, b in pairs), flush=True)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"failed: {failure}")
