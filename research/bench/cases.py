"""The measurements, one function each. A case starts its servers afresh, so that none inherits
another's memory, and gives plain numbers for the report."""

import contextlib
import itertools
import time

import targets
from measure import Failure, Tool, Window, rss_kb, socket_memory_kb, tcp_memory_kb

CLIENT_MAX = 9000       # viewers per load client: a process has 20,000 descriptors
SETTLE_S = 2.5          # a publisher has filled the ring's GOP by then
SLOW_ADDRESS = "127.77.0.1"
SLOW_S = 36             # longer than queue_length, 30 s

_sources = itertools.count(1)


def source_address():
    """A new one for each client: no port is still in TIME_WAIT from the run before."""
    number = next(_sources)
    return f"127.76.{number // 250 % 250}.{number % 250 + 1}"


def publisher(setup, target, streams=1):
    return Tool([setup.tools / "bench_publish", "--control", "--streams", streams,
                 f"127.0.0.1:{target.rtmp}", "live/s{}", setup.file], setup.load_core)


def clients(setup, target, viewers, rate=2500, streams=1, extra=()):
    """As many load clients as the viewers need, started."""
    count = -(-viewers // CLIENT_MAX)
    tools = []
    for i in range(count):
        share = viewers // count + (i < viewers % count)
        address = f"127.0.0.1:{target.rtmp if target.rtmp_play else target.http}"
        path = "live/s{}" if target.rtmp_play else "/live/s{}.flv"
        tools.append(Tool(
            [setup.tools / "bench_load", "--control", "--viewers", share, "--rate", rate / count,
             "--streams", streams, "--from", source_address()]
            + (["--rtmp"] if target.rtmp_play else [])
            + (["--tls"] if target.tls else []) + list(extra) + [address, path],
            setup.load_core))
    return tools


def merge(results):
    """Several clients' results as one: counts added, quantiles the worst of both."""
    whole = dict(results[0])
    for other in results[1:]:
        for key, value in other.items():
            if isinstance(value, dict):
                whole[key] = {k: (v + whole[key][k] if k == "n" else max(v, whole[key][k]))
                              for k, v in value.items()}
            elif isinstance(value, (int, float)) and key not in ("window_s", "gap_max_ms"):
                whole[key] += value
            elif isinstance(value, str):
                whole[key] = whole[key] or value
    return whole


def faults(result):
    """What the load client found wrong, in words; empty when all is well."""
    found = []
    for key in ("failed", "disconnected", "errors", "lost", "stalls"):
        if result[key]:
            found.append(f"{result[key]} {key}")
    for key in ("check_error", "first_error"):
        if result[key]:
            found.append(result[key])
    return "; ".join(found)


def watch(setup, target, viewers, seconds=None, streams=1, rate=2500, extra=()):
    """Viewers come, run in, and are measured for a while, beside their server."""
    seconds = seconds or setup.seconds
    with contextlib.ExitStack() as stack:
        kernel_before = tcp_memory_kb()
        rss_before = rss_kb(target.pid)
        tools = clients(setup, target, viewers, rate, streams, extra)
        for tool in tools:
            stack.callback(tool.close)
        for tool in tools:
            tool.wait("started", 60 + viewers / rate)
        time.sleep(setup.warmup)
        for tool in tools:
            tool.say("begin")
        window = Window(target.pid, setup.server_core)
        time.sleep(seconds)
        found = window.end()
        for tool in tools:
            tool.say("end")
        found["rss_kb"] = rss_kb(target.pid)
        found["rss_before_kb"] = rss_before
        found["kernel_kb"] = tcp_memory_kb() - kernel_before
        found["load"] = merge([tool.result() for tool in tools])
    found["viewers"] = viewers
    found["us_per_viewer_s"] = round(1e6 * found["cpu_s"] / found["seconds"] / viewers, 2)
    found["kb_per_viewer"] = round((found["rss_kb"] - rss_before) / viewers, 2)
    found["faults"] = faults(found["load"])
    return found


def fan_out(setup, make, viewers, **options):
    """One server, one stream, so many viewers."""
    with make() as target, contextlib.ExitStack() as stack:
        if not target.is_bare:
            tool = publisher(setup, target)
            stack.callback(tool.close)
            tool.wait("publishing", 15)
        # The bare loop too: then both windows see the same stretch of the file.
        time.sleep(SETTLE_S)
        return watch(setup, target, viewers, **options)


def against_bare(setup, settings, interval_ms, viewers, seconds, tls=False):
    """Bare loop, server, bare loop: figures drift, so the server stands between two of the other."""
    def bare():
        return fan_out(setup, lambda: targets.bare(setup, interval_ms, tls), viewers,
                       seconds=seconds)

    first = bare()
    server = fan_out(setup, lambda: targets.millrace(setup, settings, tls=tls), viewers,
                     seconds=seconds)
    second = bare()
    mean = (first["us_per_viewer_s"] + second["us_per_viewer_s"]) / 2
    rate = server["load"]["mbit"]["p50"] / max(first["load"]["mbit"]["p50"], 1e-9)
    return {"viewers": viewers, "interval_ms": interval_ms, "server": server,
            "bare": [first, second], "bare_us": round(mean, 2),
            "ratio": round(server["us_per_viewer_s"] / mean, 3),
            # Both have to deliver the same; a batch more or less within the window is no matter.
            "rate_ratio": round(rate, 3),
            "saturated": max(first["core_percent"], second["core_percent"],
                             server["core_percent"]) > 92}


def merged(setup, counts):
    # A window of whole batches, lest one more or less be counted as the server's doing.
    seconds = round(setup.seconds / 0.35 + 0.5) * 0.35
    return [against_bare(setup, targets.MERGE_350, 350, n, seconds) for n in counts]


def https(setup, counts):
    """The same over TLS, against a loop of SSL_write()."""
    seconds = round(setup.seconds / 0.35 + 0.5) * 0.35
    return [against_bare(setup, targets.MERGE_350, 350, n, seconds, tls=True) for n in counts]


def per_frame(setup, counts):
    return [against_bare(setup, targets.PER_FRAME, 0, n, setup.seconds) for n in counts]


def many(setup, viewers):
    return fan_out(setup, lambda: targets.millrace(setup, targets.MERGE_350), viewers)


def latency(setup, viewers):
    return fan_out(setup, lambda: targets.millrace(setup, targets.DEFAULT), viewers,
                   seconds=2 * setup.seconds, extra=["--samples", 32])


def start(setup, viewers):
    """First byte and first keyframe, viewers coming at 1,000 per second."""
    return fan_out(setup, lambda: targets.millrace(setup, targets.DEFAULT), viewers, rate=1000)


def publishers(setup, counts, make=None):
    """Many streams, first with nobody watching, then with one viewer each."""
    found = []
    for count in counts:
        with (make or (lambda: targets.millrace(setup, targets.DEFAULT)))() as target:
            rss_before = rss_kb(target.pid)
            with publisher(setup, target, count) as tool:
                tool.wait("publishing", 30 + count)
                time.sleep(2 * SETTLE_S)
                window = Window(target.pid, setup.server_core)
                time.sleep(setup.seconds)
                alone = window.end()
                rss = rss_kb(target.pid)
                watched = watch(setup, target, count, streams=count)
        found.append({"streams": count, "alone": alone, "watched": watched,
                      "alone_ms": round(1e3 * alone["cpu_s"] / alone["seconds"] / count, 4),
                      "watched_ms": round(watched["us_per_viewer_s"] / 1e3, 4),
                      "kb_per_stream": round((rss - rss_before) / count, 1),
                      "kb_per_watched_stream":
                          round((watched["rss_kb"] - rss_before) / count, 1)})
    return found


def slow(setup, viewers, count):
    """Some viewers stop reading: what it costs the process, the kernel and the others."""
    with targets.millrace(setup, targets.DEFAULT) as target, publisher(setup, target) as source:
        source.wait("publishing", 15)
        time.sleep(SETTLE_S)
        (load,) = clients(setup, target, viewers,
                          extra=["--slow", count, "--slow-from", SLOW_ADDRESS, "--samples", 64])
        with load:
            load.wait("started", 60)
            time.sleep(setup.warmup)
            before = rss_kb(target.pid)
            kernel_before = tcp_memory_kb()
            load.say("begin")
            load.say("slow")
            most = before
            window = Window(target.pid, setup.server_core)
            for _ in range(SLOW_S):
                time.sleep(1)
                most = max(most, rss_kb(target.pid))
            found = window.end()
            sockets = socket_memory_kb(target.http, SLOW_ADDRESS)
            kernel = tcp_memory_kb() - kernel_before
            load.say("end")
            result = load.result()
    found.update({"viewers": viewers, "slow": count, "load": result, "faults": faults(result),
                  "growth_kb": most - before, "kernel_kb": kernel,
                  "slow_open": len(sockets),
                  "kernel_kb_per_slow": round(sum(sockets) / len(sockets), 1) if sockets else None,
                  "kernel_kb_max": round(max(sockets), 1) if sockets else None})
    return found


def skips(setup, viewers, count):
    """Some viewers read at half the stream's rate: they jump, and what they get still decodes."""
    settings = ("", "queue_length 4;")
    extra = ["--slow", count, "--slow-rate", 70000, "--slow-from", SLOW_ADDRESS,
             "--samples", viewers - count]
    with targets.millrace(setup, settings) as target, publisher(setup, target) as source:
        source.wait("publishing", 15)
        time.sleep(SETTLE_S)
        (load,) = clients(setup, target, viewers, extra=extra)
        with load:
            load.wait("started", 60)
            load.say("begin")
            load.say("slow")
            time.sleep(25)
            load.say("end")
            result = load.result()
    return {"viewers": viewers, "slow": count, "load": result, "faults": faults(result),
            "slow_skips": result["slow_skips"]}


def sessions(setup, count):
    """RTMP sessions one after another: how long connect and publish take."""
    with targets.millrace(setup, targets.DEFAULT) as target:
        with Tool([setup.tools / "bench_publish", "--probe", count, f"127.0.0.1:{target.rtmp}",
                   "live/p{}", setup.file], setup.load_core) as tool:
            return tool.wait("result", 60)


def rtmp_play(setup, counts):
    """RTMP players of Millrace, to compare with those of nginx-rtmp."""
    return [fan_out(setup, lambda: targets.millrace(setup, targets.PER_FRAME, play_rtmp=True), n)
            for n in counts]


def peer(setup, name, counts):
    """A peer with its own defaults; what it cannot do is left out with the reason."""
    make = targets.PEERS[name]
    found = {"name": name, "fan_out": []}
    try:
        for count in counts:
            # Players of a server that keeps no GOP wait for the next keyframe.
            found["fan_out"].append(fan_out(setup, lambda: make(setup), count, rate=1000,
                                            extra=["--samples", 32]))
        with make(setup) as target, \
             Tool([setup.tools / "bench_publish", "--probe", 50, f"127.0.0.1:{target.rtmp}",
                   "live/p{}", setup.file], setup.load_core) as tool:
            found["sessions"] = tool.wait("result", 60)
        found["publishers"] = publishers(setup, [100], lambda: make(setup))
    except Failure as failure:
        found["failure"] = str(failure)
    return found
