#!/usr/bin/env python3
"""Runs the benchmarks and prints goals and figures; see README.md beside this file."""

import os
import sys
import time

import bench_setup
import cases
import report
from measure import Failure


def numbers(text):
    return [int(n) for n in text.split(",")]


def options_read():
    parser = bench_setup.parser(__doc__)
    parser.add_argument("--only", help="cases, by comma: " + ", ".join(CASES))
    parser.add_argument("--viewers", type=numbers, help="viewer counts instead of the usual ones")
    parser.add_argument("--no-peers", action="store_true", help="no other servers beside it")
    return parser.parse_args()


def counts(options, usual):
    return options.viewers or usual


def one_count(options, usual):
    return options.viewers[0] if options.viewers else usual


# Each: what it prints at its start, and the call.
CASES = {
    "merged": ("350 ms against the bare loop",
               lambda s, o: cases.merged(s, counts(o, [100, 1000, 4000, 9000]))),
    "per_frame": ("per frame against the bare loop",
                  lambda s, o: cases.per_frame(s, counts(o, [100, 1000, 4000]))),
    "https": ("HTTPS at 350 ms against a loop of SSL_write",
              lambda s, o: cases.https(s, counts(o, [200, 500]))),
    "many": ("16,000 viewers at 350 ms", lambda s, o: cases.many(s, one_count(o, 16000))),
    "latency": ("added latency by default", lambda s, o: cases.latency(s, one_count(o, 1000))),
    "start": ("first byte and first keyframe", lambda s, o: cases.start(s, one_count(o, 4000))),
    "publishers": ("many publishers", lambda s, o: cases.publishers(s, counts(o, [100, 300]))),
    "slow": ("viewers that stop reading", lambda s, o: cases.slow(s, one_count(o, 500), 50)),
    "skips": ("viewers at half the rate", lambda s, o: cases.skips(s, 100, 50)),
    "sessions": ("RTMP sessions one after another", lambda s, o: cases.sessions(s, 100)),
    "rtmp_play": ("RTMP players", lambda s, o: cases.rtmp_play(s, counts(o, [1000]))),
    "peers": ("other servers",
              lambda s, o: [cases.peer(s, name, counts(o, [1000])) for name in cases.targets.PEERS]),
}
PEER_CASES = ("rtmp_play", "peers")


def chosen(options):
    if options.only:
        names = options.only.split(",")
        for name in names:
            if name not in CASES:
                sys.exit(f"there is no case '{name}'; there are {', '.join(CASES)}")
        return names
    return [n for n in CASES if n not in PEER_CASES or not options.no_peers]


def check_machine(setup, options):
    if os.cpu_count() < 2:
        sys.exit("two cores are needed: one for the server, one for the load")
    if not setup.file.exists():
        sys.exit(f"{setup.file} is not there; make it with doc/make-source.sh")
    if options.only != "peers" and not setup.server.exists():
        sys.exit(f"{setup.server} is not there; run make first")
    if os.getloadavg()[0] > 0.5:
        print(f"note: the machine is not idle (load average {os.getloadavg()[0]:.2f}); "
              "figures will be off", flush=True)


def main():
    options = options_read()
    setup = bench_setup.Setup(options)
    names = chosen(options)
    check_machine(setup, options)
    host, found, failed = report.machine(), {}, []
    with setup:
        for name in names:
            start = time.monotonic()
            print(f"{name}: {CASES[name][0]} …", end=" ", flush=True)
            try:
                found[name] = CASES[name][1](setup, options)
            except Failure as failure:
                failed.append(name)
                print(f"failed: {failure}", flush=True)
                continue
            print(f"{time.monotonic() - start:.0f} s", flush=True)
        print("\n" + report.write(options.objs, host, found))
        print(f"written: {options.objs}/bench.json and bench.md")
    for row in report.goal_rows(found):
        if row["verdict"] in ("MISS", "invalid"):
            print(f"{row['verdict']}: {row['name']}: {row['measured']}, wanted {row['goal']}")
    # A missed goal is a figure to look at, not a broken build; a case that could not run is.
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
