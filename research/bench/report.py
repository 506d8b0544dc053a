"""The goals, what was measured against them, and both as text, Markdown and JSON."""

import json
import os
import pathlib
import platform
import time


def limit(name, value, goal, unit, valid=True):
    """A row of the table: at most `goal` is wanted. A value of None was not measured."""
    verdict = "–" if value is None else "ok" if value <= goal else "MISS"
    if not valid:
        verdict = "invalid"
    return {"name": name, "goal": f"≤ {goal:g} {unit}".strip(), "measured":
            "–" if value is None else f"{value:,.3g} {unit}".strip()
            if abs(value) < 1000 else f"{value:,.0f} {unit}".strip(), "verdict": verdict}


def ratio_rows(found, what):
    rows = []
    for one in found:
        count = one["viewers"]
        if count < 1000:
            continue  # the goal is for 1,000 and more; below, the stream itself weighs in
        name = f"CPU ÷ bare loop, {what}, {count:,} viewers"
        if one["saturated"]:
            rows.append({"name": name, "goal": "≤ 1.1", "measured": f"{one['ratio']:.2f}",
                         "verdict": "core full"})
            continue
        rows.append(limit(name, one["ratio"], 1.10, "", 0.95 < one["rate_ratio"] < 1.05))
    return rows


def https_rows(found):
    rows = []
    for one in found:
        name, server = f"HTTPS at 350 ms, {one['viewers']:,} viewers", one["server"]
        alike = 0.95 < one["rate_ratio"] < 1.05
        rows += [limit(f"{name}: CPU per viewer-second", server["us_per_viewer_s"], 75, "µs"),
                 limit(f"{name}: CPU ÷ loop of SSL_write", one["ratio"], 1.10, "", alike),
                 limit(f"{name}: resident memory per viewer", server["kb_per_viewer"], 24, "KB")]
    return rows


def memory_row(found):
    counts = [one for one in found if one["viewers"] >= 1000]
    if not counts:
        return []
    worst = max(one["server"]["kb_per_viewer"] for one in counts)
    return [limit("resident memory per viewer", worst, 6, "KB")]


def stream_rows(found):
    rows = []
    for one in found:
        count = one["streams"]
        rows += [limit(f"{count} publishers, no viewer: CPU per stream-second",
                       one["alone_ms"], 0.15, "ms"),
                 limit(f"{count} publishers, one viewer each: CPU per stream-second",
                       one["watched_ms"], 0.25, "ms"),
                 limit(f"{count} publishers: memory per stream",
                       round(one["kb_per_stream"] / 1024, 3), 0.6, "MB")]
    return rows


def slow_rows(one):
    who = f"{one['slow']} slow of {one['viewers']}"
    kernel = one["kernel_kb_per_slow"]
    return [limit(f"{who}: growth of the process", round(one["growth_kb"] / 1024, 2), 8, "MB"),
            limit(f"{who}: kernel memory per slow viewer",
                  None if kernel is None else round(kernel / 1024, 3), 0.5, "MB"),
            loss_row(f"{who}: the others lose", one)]


def loss_row(name, one):
    load = one["load"]
    return {"name": name, "goal": "nothing",
            "measured": one["faults"] or f"nothing in {load['frames']:,} frames",
            "verdict": "MISS" if one["faults"] else "ok"}


def goal_rows(found):
    rows = ratio_rows(found.get("merged", []), "350 ms")
    rows += ratio_rows(found.get("per_frame", []), "per frame")
    rows += https_rows(found.get("https", []))
    if "many" in found:
        one = found["many"]
        rows.append(limit(f"{one['viewers']:,} viewers at 350 ms: load of the core",
                          one["core_percent"], 45, "%"))
    rows += memory_row(found.get("merged", []))
    if "latency" in found:
        added, count = found["latency"]["load"]["latency_ms"], found["latency"]["viewers"]
        rows += [limit(f"added latency by default, {count:,} viewers, p50", added["p50"], 3, "ms"),
                 limit(f"added latency by default, {count:,} viewers, p99", added["p99"], 15, "ms")]
    if "start" in found:
        first, count = found["start"]["load"]["first_keyframe_ms"], found["start"]["viewers"]
        rows += [limit(f"first keyframe, {count:,} viewers, p50", first["p50"], 1, "ms"),
                 limit(f"first keyframe, {count:,} viewers, p99", first["p99"], 10, "ms")]
    rows += stream_rows(found.get("publishers", []))
    if "slow" in found:
        rows += slow_rows(found["slow"])
    if "skips" in found:
        one = found["skips"]
        rows.append(loss_row(f"{one['slow']} of {one['viewers']} at half the rate "
                             f"({one['slow_skips']} jumps): wrong frames", one))
    if "sessions" in found:
        rows += [limit("RTMP connect, p50", found["sessions"]["connect_ms"]["p50"], 1, "ms"),
                 limit("RTMP publish, p50", found["sessions"]["publish_ms"]["p50"], 2, "ms")]
    return rows


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
                     + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def comparison(found, key):
    rows = []
    for one in found.get(key, []):
        server = one["server"]
        note = "core full" if one["saturated"] else ""
        if not 0.95 < one["rate_ratio"] < 1.05:
            note += f" rates differ: {one['rate_ratio']}"
        rows.append([f"{one['viewers']:,}", server["us_per_viewer_s"],
                     f"{one['bare_us']} ({one['bare'][0]['us_per_viewer_s']}, "
                     f"{one['bare'][1]['us_per_viewer_s']})", f"{one['ratio']:.2f}",
                     f"{server['core_percent']:.0f} %", server["kb_per_viewer"],
                     round(server["kernel_kb"] / one["viewers"], 1),
                     (server["faults"] or note or "–")])
    return table(["viewers", "server µs", "bare µs (both)", "ratio", "load of the core",
                  "KB resident", "KB kernel", "remarks"], rows)


def fan_out_row(name, one):
    load = one["load"]

    def pair(key):
        return f"{load[key]['p50']:.1f} / {load[key]['p99']:.1f}"

    return [name, f"{one['viewers']:,}", one["us_per_viewer_s"], f"{one['core_percent']:.0f} %",
            one["kb_per_viewer"], pair("latency_ms"), pair("first_byte_ms"),
            pair("first_keyframe_ms"), one["faults"] or "–"]


FAN_OUT_HEAD = ["", "viewers", "µs per viewer-second", "load", "KB resident",
                "latency p50 / p99 ms", "first byte", "first keyframe", "remarks"]


def other_rows(found):
    rows = []
    for key, name in (("many", "350 ms"), ("latency", "default"), ("start", "default")):
        if key in found:
            rows.append(fan_out_row(name, found[key]))
    rows += [fan_out_row("RTMP play, per frame", one) for one in found.get("rtmp_play", [])]
    for peer in found.get("peers", []):
        rows += [fan_out_row(peer["name"], one) for one in peer["fan_out"]]
    return rows


def peer_lines(found):
    lines = []
    for peer in found.get("peers", []):
        if "sessions" in peer:
            lines.append(f"- {peer['name']}: connect {peer['sessions']['connect_ms']['p50']} ms, "
                         f"publish {peer['sessions']['publish_ms']['p50']} ms")
        for one in peer.get("publishers", []):
            lines.append(f"- {peer['name']}: {one['streams']} publishers {one['alone_ms']} ms per "
                         f"stream-second alone, {one['watched_ms']} ms with a viewer each, "
                         f"{one['kb_per_stream']} KB per stream")
        if "failure" in peer:
            lines.append(f"- {peer['name']}: {peer['failure']}")
    return lines


def machine():
    model = ""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {"date": time.strftime("%Y-%m-%d %H:%M"), "kernel": platform.release(),
            "cpu": model, "cores": os.cpu_count(), "load_at_start": os.getloadavg()[0]}


def markdown(host, found):
    parts = [f"Measured {host['date']} on {host['cores']} cores of {host['cpu']}, Linux "
             f"{host['kernel']}; load average at the start {host['load_at_start']:.2f}.",
             table(["goal", "wanted", "measured", ""],
                   [[r["name"], r["goal"], r["measured"], r["verdict"]]
                    for r in goal_rows(found)])]
    for key, name in (("merged", "350 ms"), ("per_frame", "Per frame"), ("https", "HTTPS")):
        if key in found:
            parts += [f"{name}: CPU µs per viewer-second", comparison(found, key)]
    rows = other_rows(found)
    if rows:
        parts += ["Other runs", table(FAN_OUT_HEAD, rows)]
    lines = peer_lines(found)
    if lines:
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def write(directory, host, found):
    pathlib.Path(directory, "bench.json").write_text(
        json.dumps({"machine": host, "goals": goal_rows(found), "found": found}, indent=1))
    text = markdown(host, found)
    pathlib.Path(directory, "bench.md").write_text(text)
    return text
