#!/usr/bin/python3
"""One sitting of the fuzzer: make fuzz HOURS=N.

Divides the time over the targets, on all processors; adds what is new to the corpus in the tree,
minimised and within limits; prints each target's runs, finds and line coverage; adds the runs to
trunk/test/fuzz/RUNS. Inputs that fail go to OBJS/corpus/NAME.found-*. The exit status is 1 when
there are any.

usage: sitting.py OBJS HOURS JOBS TARGET...      HOURS 0: measures the coverage of the corpus only
"""
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

TREE = "trunk/test"
TABLE = f"{TREE}/fuzz/targets.txt"
RUNS = f"{TREE}/fuzz/RUNS"
# Of each target's corpus in the tree.
FILES_MAX = 400
BYTES_MAX = 200 * 1024
INPUT_MAX = 16384
COVERAGE_GOAL = 90.0
# A target that fails so fast again is left alone.
FAILS_FAST = 10


class Target:
    def __init__(self, objs, name, dictionary, patterns):
        self.name = name
        self.binary = f"{objs}/fuzz/fuzz_{name}"
        self.measured = f"{objs}/cov/fuzz_{name}"
        self.found = f"{objs}/corpus/{name}"
        self.seeds = f"{TREE}/corpus/{name}"
        self.log = f"{objs}/results/log.fuzz_{name}"
        self.dictionary = [] if dictionary == "-" else [f"-dict={TREE}/fuzz/dict/{dictionary}.dict"]
        for pattern in patterns:
            if not glob.glob(f"trunk/{pattern}"):
                sys.exit(f"{TABLE}: {name}: no file matches {pattern}")
        self.files = sorted({f for p in patterns for f in glob.glob(f"trunk/{p}")})
        # With the whole server, its statistics of rare features take more time than the runs.
        self.options = ["-entropic=0"] if name.startswith(("session_", "peer_")) else []
        self.runs = 0
        self.seconds = 0.0  # of processor time
        self.added = 0
        self.finds = 0
        self.lines = 0
        self.covered = 0

    def command(self, *arguments):
        return [self.binary, f"-artifact_prefix={self.found}.found-", "-timeout=60",
                "-rss_limit_mb=2048", "-print_final_stats=1", *self.options, *self.dictionary, *arguments]


def targets_read(objs, names):
    table = {}
    for line in open(TABLE, encoding="utf-8"):
        fields = [f.strip() for f in line.split("|")]
        if len(fields) == 3 and not line.startswith("#"):
            table[fields[0]] = (fields[1], fields[2].split())
    missing = [n for n in names if n not in table]
    if missing:
        sys.exit(f"{TABLE} has no line for {' '.join(missing)}")
    return [Target(objs, n, *table[n]) for n in names]


def target_run(target, seconds, log):
    """The status of one run of the target; counts its processor time."""
    with subprocess.Popen(target.command(f"-max_total_time={seconds}", f"-max_len={INPUT_MAX}",
                                         target.found, target.seeds),
                          stdout=log, stderr=log) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    target.seconds += usage.ru_utime + usage.ru_stime
    return process.returncode


def target_fuzz(target, seconds):
    """Runs until the time is over; after a find, again."""
    began = time.monotonic()
    os.makedirs(target.found, exist_ok=True)
    with open(target.log, "wb") as log:
        while seconds - (time.monotonic() - began) >= 1:
            left = int(seconds - (time.monotonic() - began))
            start = time.monotonic()
            if target_run(target, left, log) == 0:
                break
            target.finds += 1
            if time.monotonic() - start < FAILS_FAST:
                break
    text = open(target.log, encoding="utf-8", errors="replace").read()
    target.runs = sum(int(n) for n in re.findall(r"^stat::number_of_executed_units: *(\d+)", text,
                                                 re.M))


def corpus_size(folder):
    sizes = [os.path.getsize(f) for f in glob.glob(f"{folder}/*")]
    return len(sizes), sum(sizes)


def target_merge(target):
    """Adds to the corpus in the tree what covers lines that it does not, the smallest first."""
    count, size = corpus_size(target.seeds)
    with tempfile.TemporaryDirectory() as folder:
        for path in glob.glob(f"{target.seeds}/*"):
            shutil.copy(path, folder)
        before = set(os.listdir(folder))
        # By edges alone: counters would keep an input for each number of loops.
        subprocess.run(target.command("-merge=1", "-use_counters=0", f"-max_len={INPUT_MAX}",
                                      folder, target.found),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        new = [os.path.join(folder, n) for n in os.listdir(folder) if n not in before]
        for path in sorted(new, key=os.path.getsize):
            count, size = count + 1, size + os.path.getsize(path)
            if count > FILES_MAX or size > BYTES_MAX:
                break
            shutil.copy(path, target.seeds)
            target.added += 1


def target_measure(target):
    """Line coverage of the target's files by the corpus in the tree and everything found here."""
    with tempfile.TemporaryDirectory() as folder:
        raw, data = f"{folder}/raw", f"{folder}/data"
        corpora = [target.seeds] + ([target.found] if os.path.isdir(target.found) else [])
        subprocess.run([target.measured, "-runs=0", f"-artifact_prefix={folder}/", *corpora],
                       env={**os.environ, "LLVM_PROFILE_FILE": raw}, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["llvm-profdata-14", "merge", "-sparse", raw, "-o", data], check=True)
        out = subprocess.run(["llvm-cov-14", "export", "-summary-only", target.measured,
                              f"-instr-profile={data}", *target.files],
                             check=True, capture_output=True).stdout
    report = json.loads(out)["data"][0]["files"]
    target.lines = sum(f["summary"]["lines"]["count"] for f in report)
    target.covered = sum(f["summary"]["lines"]["covered"] for f in report)
    with open(target.log + ".coverage", "w", encoding="utf-8") as log:
        for f in report:
            lines = f["summary"]["lines"]
            log.write(f"{lines['percent']:6.1f} % of {lines['count']:5} lines  {f['filename']}\n")


def target_sit(target, seconds):
    if seconds > 0:
        target_fuzz(target, seconds)
        target_merge(target)
    target_measure(target)
    percent = 100.0 * target.covered / max(target.lines, 1)
    # Of processor time: another load on the machine does not change it.
    rate = target.runs / target.seconds if target.seconds > 0 else 0
    print(f"{target.name:16} {target.runs:12} {rate:9.0f} {target.added:5} {target.finds:6} "
          f"{percent:7.1f} %{'' if percent >= COVERAGE_GOAL else '  below the goal'}", flush=True)


def totals_read():
    totals = {}
    if os.path.exists(RUNS):
        for line in open(RUNS, encoding="utf-8"):
            fields = line.split()
            if len(fields) == 2 and not line.startswith("#"):
                totals[fields[0]] = int(fields[1])
    totals.pop("total", None)
    return totals


def totals_write(targets):
    totals = totals_read()
    for target in targets:
        totals[target.name] = totals.get(target.name, 0) + target.runs
    with open(RUNS, "w", encoding="utf-8") as out:
        out.write("# Runs of each fuzz target in all sittings (make fuzz HOURS=N) so far.\n")
        for name in sorted(totals):
            out.write(f"{name:16} {totals[name]:14}\n")
        out.write(f"{'total':16} {sum(totals.values()):14}\n")
    return sum(totals.values())


def main(objs, hours, jobs, *names):
    targets = targets_read(objs, [n.removeprefix("fuzz_") for n in names])
    seconds = float(hours) * 3600 * int(jobs) / len(targets)
    os.makedirs(f"{objs}/results", exist_ok=True)
    print(f"{len(targets)} targets, {seconds:.0f} s each, {jobs} at a time")
    print(f"{'target':16} {'runs':>12} {'runs/s':>9} {'new':>5} {'finds':>6} {'lines':>9}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(int(jobs)) as pool:
        list(pool.map(lambda t: target_sit(t, seconds), targets))
    total = totals_write(targets) if seconds > 0 else sum(totals_read().values())
    finds = sum(t.finds for t in targets)
    print(f"{sum(t.runs for t in targets)} runs, {finds} finds, {sum(t.added for t in targets)} new "
          f"inputs in the corpus; {total} runs in all sittings")
    for path in sorted(p for t in targets for p in glob.glob(f"{t.found}.found-*")):
        print(f"found: {path}")
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
