"""The table of a run, from its samples: figures, slopes with their errors and bounds, findings."""

import collections
import json

import drift
import picture

# What a slope per hour may be.
PROCESS_MIB, TOTAL_MIB, DESCRIPTORS, LAG_MS, CPU_PERCENT = 1.0, 3.0, 3.0, 1.0, 2.0
WARM_UP = 0.25       # of the run, at most WARM_UP_S: caches and pools fill
WARM_UP_S = 900
PROCESSES = 3        # a master and two workers
RESTLESS = "restless"
SHORT_S = 900        # a shorter run says nothing about drift
ASAN_FACTOR = 20     # freed memory waits in a quarantine
MIB = 1024           # in KiB


class Samples:
    """A run's samples, by server."""

    def __init__(self, folder):
        self.rows, self.events, self.findings = collections.defaultdict(list), [], []
        self.tool, self.count, self.start, self.end = [], {}, {}, {}
        with open(folder / "samples.jsonl", encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):
                    self.take(json.loads(line))

    def take(self, row):
        if "processes" in row:
            self.rows[row["server"]].append(row)
        elif "event" in row:
            self.events.append(row)
        elif "finding" in row:
            self.findings.append(row)
        elif "tool" in row:
            self.tool.append((row["t"], row["tool"]))
        elif "count" in row:
            self.count = row["count"]
        elif "start" in row:
            self.start = row
        elif "census" in row:
            self.end = row

    def seconds(self):
        return max((rows[-1]["t"] for rows in self.rows.values() if rows), default=0.0)


class Series:
    """Something that must not drift: values over times in s, and the loads that explain them."""

    def __init__(self, name, unit, bound, begin):
        self.name, self.unit, self.bound, self.begin = name, unit, bound, begin
        self.is_floor = unit in ("MiB", "")   # what is held, not what is spent
        self.times, self.values, self.loads = [], [], []
        self.fit = None

    def add(self, when, value, loads):
        if when >= self.begin and value is not None:
            self.times.append(when)
            self.values.append(value)
            self.loads.append(loads)

    def verdict(self):
        if self.times and self.times[-1] - self.begin >= SHORT_S:
            self.fit = drift.fit([t / 3600 for t in self.times], self.values,
                                 list(zip(*self.loads)), self.is_floor)
        return drift.UNSURE if self.fit is None else self.fit.verdict(self.bound)


def per_process(series, row, begin, factor):
    """Memory of the processes that stay: all of the steady server, the master of the other."""
    for process in row["processes"].values():
        role = process["role"]
        if row["server"] == RESTLESS and role != "master":
            continue
        slot = role.rpartition(" ")[2]
        loads = (row["clients"].get(slot, 0.0), row["streams"], row["viewers"])
        for field in ("Pss", "Rss"):
            name = f"{row['server']} {role}: {field.upper()}"
            one = series.setdefault(name, Series(name, "MiB", PROCESS_MIB * factor, begin))
            one.add(row["t"], process[field] / MIB, loads)


def cpu_shares(rows):
    """(row, percent of a core since the row before) of all processes."""
    for before, now in zip(rows, rows[1:]):
        if before["processes"].keys() != now["processes"].keys():
            continue
        spent = sum(process["cpu"] - before["processes"][pid]["cpu"]
                    for pid, process in now["processes"].items())
        yield now, 100 * spent / max(now["t"] - before["t"], 1e-3)


def series_of(samples):
    """All Series of a run, by name."""
    begin = min(WARM_UP * samples.seconds(), WARM_UP_S)
    factor = ASAN_FACTOR if samples.start.get("start", {}).get("asan") else 1
    found = {}

    def total(row, name, unit, bound, value):
        name = f"{row['server']}: {name}"
        one = found.setdefault(name, Series(name, unit, bound * factor, begin))
        one.add(row["t"], value, (row["streams"], row["viewers"]))

    for server, rows in samples.rows.items():
        for row in rows:
            per_process(found, row, begin, factor)
            lag = row["lag"] or [None, None]
            total(row, "event-loop lag, mean", "ms", LAG_MS, lag[0])
            processes = row["processes"].values()
            if len(processes) == PROCESSES:   # no old ones, and none is missing
                total(row, "PSS of all processes", "MiB", TOTAL_MIB,
                      sum(one["Pss"] for one in processes) / MIB)
                total(row, "descriptors, without connections", "", DESCRIPTORS,
                      sum(one["fds"] for one in processes) - row["connections"])
        for row, percent in cpu_shares(rows):
            total(row, "processor time", "%", CPU_PERCENT, percent)
    return found


def number(value):
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.2f}"


def drift_table(series):
    """Lines, and the names of what drifts."""
    lines = ["| figure | unit | begin | end | slope per hour | bound | |", "|---|---|---|---|---|---|---|"]
    bad = []
    for one in series.values():
        verdict = one.verdict()
        if verdict == drift.DRIFT:
            bad.append(one.name)
        if one.fit is None:
            lines.append(f"| {one.name} | {one.unit} | | | run too short | {one.bound:g} | {verdict} |")
            continue
        lines.append(f"| {one.name} | {one.unit} | {number(one.fit.first)} | {number(one.fit.last)} "
                     f"| {one.fit.slope:+.2f} ± {one.fit.error:.2f} | {one.bound:g} | {verdict} |")
    return lines, bad


def load_table(samples):
    lines = ["| server | viewers, mean | publishers, mean | connections, most | sent, GB "
             "| processes, most | event-loop lag over 100 ms |", "|---|---|---|---|---|---|---|"]
    for server, rows in samples.rows.items():
        over = [row["lag"][1] for row in rows if row["lag"]]
        lines.append("| {} | {:.0f} | {:.1f} | {:.0f} | {:.2f} | {} | {:.2%} |".format(
            server, sum(row["viewers"] for row in rows) / len(rows),
            sum(row["publishers"] for row in rows) / len(rows),
            max(row["connections"] for row in rows), rows[-1]["sent"] / 1e9,
            max(len(row["processes"]) for row in rows), sum(over) / max(len(over), 1)))
    return lines


def tool_line(samples):
    if len(samples.tool) < 2:
        return ""
    (first, before), (last, now) = samples.tool[0], samples.tool[-1]
    return f"The tool itself: {100 * (now['cpu'] - before['cpu']) / (last - first):.0f} % of a core."


def write(folder):
    """report.md and soak.svg from samples.jsonl. Returns the exit status."""
    samples = Samples(folder)
    series = series_of(samples)
    table, bad = drift_table(series)
    events = collections.Counter(f"{row['event']} of {row['server']}" for row in samples.events)
    lines = [f"# Soak: {samples.seconds() / 3600:.2f} hours", "", *load_table(samples), "",
             "Events: " + ", ".join(f"{count} × {name}" for name, count in sorted(events.items())) + ".",
             tool_line(samples), "", *table, ""]
    if samples.end:
        lines += [f"Censuses: {samples.end['census']}, the answers agreed after "
                  f"{samples.end['longest']:.1f} s at most.", ""]
    if samples.count:
        lines += ["| what | count |", "|---|---|",
                  *(f"| {name} | {value} |" for name, value in sorted(samples.count.items())), ""]
    lines += [f"{len(samples.findings)} findings, {len(bad)} drifts."]
    lines += [f"- drift: {name}" for name in bad]
    lines += [f"- {row['finding']}, after {row['t']:.0f} s: {row['text'].strip()}"
              for row in samples.findings]
    text = "\n".join(lines) + "\n"
    (folder / "report.md").write_text(text, encoding="utf-8")
    (folder / "soak.svg").write_text(picture.draw(samples), encoding="utf-8")
    print(text)
    return 1 if bad or samples.findings else 0
