#!/usr/bin/python3
"""Fails one call of the server at a time, at each site that a scenario reaches.

    faults.py [--only SCENARIO,…] [--kinds KIND,…] [--every K] [--repeat ID]

Each trial arms one site, runs the scenario, disarms, and checks: the server lives and has reported
nothing; the viewer of another stream has all its frames; the same scenario works again on the same
server; no descriptor is left open; the processor is idle; and at the server's end, no memory is
lost. See README.md.
"""

import argparse
import fnmatch
import re
import sys
from collections import Counter
from pathlib import Path

import scenarios_cluster  # noqa: F401
import scenarios_past  # noqa: F401
import scenarios_process  # noqa: F401
from clients import Media, harness
from control import HERE, Symbols
from kinds import KINDS
from scenarios import SCENARIOS
from session import FAILED, Session
from session_start import StartSession

# The sample of "make test": of these scenarios each k-th fault (0: none), and what found.txt names.
SAMPLE = {"flv": 24, "forward": 0, "edge-flv": 0, "reload": 0, "worker-start": 0, "upgrade": 0}


def found_before(name):
    """Patterns of faults of this scenario that the server once did not stand."""
    lines = (HERE / "found.txt").read_text().splitlines()
    return [line for line in lines if line.startswith(name + ":")]


def report(trial, symbols):
    print(f"{trial.outcome:10} {trial.name}", flush=True)
    if trial.outcome != FAILED:
        return
    print("    " + trial.detail[:6000].replace("\n", "\n    "))
    for line in symbols.trace(trial.frames):
        print(f"      at {line}")
    print("    the log:\n      " + trial.log[-2500:].replace("\n", "\n      "))
    print(f"    again: trunk/test/fault/faults.py --repeat '{trial.name}'", flush=True)


def table(name, trials):
    sites = {(trial.site, trial.call) for trial in trials}
    print(f"\n{name}: {len(sites)} sites, {len(trials)} faults")
    for kind in sorted({trial.kind for trial in trials}):
        count = Counter(trial.outcome for trial in trials if trial.kind == kind)
        text = ", ".join(f"{what} {n}" for what, n in sorted(count.items()))
        print(f"  {kind:10} {sum(count.values()):5}  {text}")


def sample(name, trials):
    chosen = trials[::SAMPLE[name]] if SAMPLE[name] else []
    for pattern in found_before(name):
        matching = fnmatch.filter([trial.name for trial in trials], pattern)
        if not matching:
            raise SystemExit(f"no site matches {pattern}: was a function renamed? See found.txt")
        chosen += [trial for trial in trials if trial.name == matching[0]]
    return chosen


def choose(name, trials, options):
    if options.sample:
        return sample(name, trials)
    if options.repeat:
        return [one for one in trials if one.name == options.repeat]
    if options.grep:
        trials = [one for one in trials if re.search(options.grep, one.name)]
    return trials[::options.every]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--objs", default=harness.ROOT / "objs", type=Path)
    parser.add_argument("--only", default=",".join(SCENARIOS), help="scenarios")
    parser.add_argument("--kinds", default=",".join(KINDS), help="of faults")
    parser.add_argument("--every", default=1, type=int, help="each k-th fault")
    parser.add_argument("--grep", help="faults whose name has this")
    parser.add_argument("--sample", action="store_true", help="the faults of make test")
    parser.add_argument("--repeat", help="the fault with this name")
    parser.add_argument("--deep", action="store_true", help="later calls at each site, too")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    options.objs = options.objs.resolve()
    options.kinds = options.kinds.split(",")
    if options.sample:
        options.only = ",".join(SAMPLE)
    if options.repeat:
        options.only = options.repeat.split(":")[0]
        options.verbose = options.deep = True
    return options


def main():
    options = arguments()
    symbols = Symbols(options.objs / "asan" / "faulty")
    media = Media(harness.SOURCE_FLV)
    done = []

    def told(trial):
        if options.verbose or trial.outcome == FAILED:
            report(trial, symbols)

    names = options.only.split(",")
    for name in names:
        kind = StartSession if SCENARIOS[name].is_start else Session
        session = kind(SCENARIOS[name](), options, symbols, media, told)
        try:
            trials = choose(name, session.trials(), options)
            if options.list:
                print(*(trial.name for trial in trials), sep="\n")
                continue
            session.try_all(trials)
        finally:
            session.close()
        done += trials
        if session.scenario.has_sites:
            table(name, trials)
        else:
            print(f"\n{name}: three runs, all as wanted")
    if len(names) > 1:
        table("all", done)
    failed = sum(trial.outcome == FAILED for trial in done)
    print(f"{len(done) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
