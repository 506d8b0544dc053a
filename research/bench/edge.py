#!/usr/bin/env python3
"""An edge against an origin: what a viewer costs, how soon he sees something, how long he sees
nothing when an origin goes; and ten thousand who wait for one stream.

    research/bench/edge.py [--objs OBJS] [--viewers 1000] [--seconds 5] [--rounds 3] [--only cpu,cold]

CPU and warm starts are measured in turn at an origin and at an edge, both on one core, with the load
client, and the edge's origin, on the other. Cold starts and gaps are measured in network
namespaces (as root) with a wire between edge and origin that delays by 50 ms, so that round trips
can be counted: trunk/test/e2e/netns.py.
"""

import contextlib
import json
import re
import socket
import statistics
import sys
import time

import bench_setup
import cases
import targets
from measure import Daemon, Failure, Tool, cpu_seconds, free_ports, rss_kb

sys.path.insert(0, str(bench_setup.ROOT / "trunk/test/e2e"))

import flv     # noqa: E402
import netns   # noqa: E402

RTT_MS = 50
STREAMS = 8
CROWD = 10000


def start_server(setup, name, core, vhost="", play="", level="warn", everywhere=False):
    """A server in a folder of its own; everywhere: not on the loopback interface alone."""
    work = setup.work / name
    work.mkdir(exist_ok=True)
    rtmp, http = free_ports(2)
    text = targets.MILLRACE_CONF.format(rtmp=rtmp, http=http, https="", work=work, vhost=vhost,
                                        play=play).replace("srs_log_level warn",
                                                           f"srs_log_level {level}")
    if everywhere:
        text = text.replace("listen 127.0.0.1:", "listen ")
    conf = work / "bench.conf"
    conf.write_text(text)
    return targets.Target(name, Daemon([setup.server, "-c", conf], core, work / "server.log",
                                       [rtmp, http], cwd=work), rtmp, http)


def remote(protocol, *places):
    return f"cluster {{ mode remote; origin {' '.join(places)}; protocol {protocol}; }}"


def edge_of(setup, origin, protocol, settings):
    port = origin.rtmp if protocol == "rtmp" else origin.http
    return start_server(setup, "edge", setup.server_core,
                        settings[0] + remote(protocol, f"127.0.0.1:{port}"), settings[1])


# ---- what a viewer costs, and his start at a warm edge ----

def fan_out(setup, where, settings, viewers):
    """So many viewers at an origin, or at an edge: where is "origin", "flv" or "rtmp"."""
    with contextlib.ExitStack() as stack:
        if where != "origin":
            origin = stack.enter_context(start_server(setup, "origin", setup.load_core))

        def make():
            if where == "origin":
                return start_server(setup, "alone", setup.server_core, *settings)
            target = edge_of(setup, origin, where, settings)
            target.rtmp = origin.rtmp       # that is where the publisher goes
            return target

        return cases.fan_out(setup, make, viewers)


def cpu(setup, options):
    rows = []
    for name, settings in (("350 ms", targets.MERGE_350), ("per frame", targets.PER_FRAME)):
        found = {"origin": [], "flv": [], "rtmp": []}
        for _ in range(options.rounds):
            for where in found:
                found[where].append(fan_out(setup, where, settings, options.viewers))
        for where in ("flv", "rtmp"):
            rows.append(cpu_row(name, where, found["origin"], found[where], options.viewers))
            print(f"  {name}, over {where}: a viewer costs {rows[-1]['ratio']:.3f} times as much at "
                  f"the edge; first keyframe {rows[-1]['start_origin_ms']:.2f} ms at the origin, "
                  f"{rows[-1]['start_edge_ms']:.2f} ms at the warm edge (p50)", flush=True)
    return rows


def cpu_row(name, where, origin, edge, viewers):
    def middle(runs, pick):
        return statistics.median(pick(run) for run in runs)

    def cost(run):
        return run["us_per_viewer_s"]

    def first(run):
        return run["load"]["first_keyframe_ms"]["p50"]

    return {"case": name, "protocol": where, "viewers": viewers,
            "us_origin": middle(origin, cost), "us_edge": middle(edge, cost),
            "ratio": round(middle(edge, cost) / middle(origin, cost), 3),
            "start_origin_ms": middle(origin, first), "start_edge_ms": middle(edge, first),
            "faults": [run["faults"] for run in origin + edge if run["faults"]]}


# ---- a cold start, in round trips ----

class Site:
    """Namespaces for an edge and some origins, with wires between them."""

    def __init__(self, stack, count, delay_ms):
        self.edge, *self.origins = (netns.Namespace() for _ in range(count + 1))
        for one in (self.edge, *self.origins):
            stack.callback(one.close)
        self.wires = [netns.Wire(self.edge, origin, number=i + 1, delay_ms=delay_ms)
                      for i, origin in enumerate(self.origins)]
        for wire in self.wires:
            stack.callback(wire.close)

    def origin(self, setup, stack, i, streams=1):
        """A server with a publisher; kept until the stack unwinds."""
        with self.origins[i].inside():
            target = stack.enter_context(start_server(setup, f"origin{i}", setup.load_core,
                                                      everywhere=True))
            tool = stack.enter_context(cases.publisher(setup, target, streams))
            tool.wait("publishing", 30)
        return target

    def watch(self, stack, host, port, stream):
        """(viewer, moment before it connected)."""
        with self.edge.inside():
            begun = time.monotonic()
            viewer = flv.Viewer(f"http://{host}:{port}/live/{stream}.flv")
        stack.callback(viewer.close)
        return viewer, begun


def begin_of(viewer, begun):
    """Milliseconds to the first tag and to the first whole keyframe."""
    viewer.wait(lambda v: any(t.is_keyframe for t in v.video), 20, "a keyframe")
    key = next(t for t in viewer.video if t.is_keyframe)
    return (viewer.tags[0].at - begun) * 1000, (key.at - begun) * 1000


def begin_of_player(setup, site, host, port, stream):
    """The same of an RTMP player."""
    with site.edge.inside(), \
         Tool([setup.tools / "bench_load", "--control", "--rtmp", "--viewers", 1, f"{host}:{port}",
               f"live/{stream}"], setup.load_core) as tool:
        tool.wait("started", 20)
        for word in ("begin", "end"):
            tool.say(word)
        found = tool.result()
    connect = found["connect_ms"]["p50"]
    return connect + found["first_byte_ms"]["p50"], connect + found["first_keyframe_ms"]["p50"]


def cold(setup, _options):
    rows = []
    for protocol in ("flv", "rtmp"):
        with contextlib.ExitStack() as stack:
            site = Site(stack, 1, RTT_MS)
            origin = site.origin(setup, stack, 0, STREAMS)
            far = site.wires[0].far_address
            port = origin.rtmp if protocol == "rtmp" else origin.http
            with site.edge.inside():
                edge = stack.enter_context(start_server(setup, "edge", setup.server_core,
                                                        remote(protocol, f"{far}:{port}")))
            time.sleep(cases.SETTLE_S)
            times = {"direct": [], "cold": [], "warm": []}
            for i in range(STREAMS):
                if protocol == "rtmp":
                    times["direct"].append(begin_of_player(setup, site, far, port, f"s{i}"))
                else:
                    times["direct"].append(begin_of(*site.watch(stack, far, port, f"s{i}")))
                for kind in ("cold", "warm"):
                    times[kind].append(begin_of(*site.watch(stack, "127.0.0.1", edge.http, f"s{i}")))
            rows.append(cold_row(protocol, times))
            row = rows[-1]
            print(f"  over {protocol}, {RTT_MS} ms away: first keyframe {row['key_warm_ms']:.1f} ms at the "
                  f"warm edge, {row['key_cold_ms']:.0f} ms at the cold one, {row['key_direct_ms']:.0f} "
                  f"ms for who asks the origin himself: {row['round_trips']:.1f} round trips more than "
                  f"warm, {row['more_than_direct']:.1f} more than at the origin", flush=True)
    return rows


def cold_row(protocol, times):
    row = {"protocol": protocol, "rtt_ms": RTT_MS}
    for kind, pairs in times.items():
        row[f"byte_{kind}_ms"] = round(statistics.median(p[0] for p in pairs), 2)
        row[f"key_{kind}_ms"] = round(statistics.median(p[1] for p in pairs), 2)
    row["round_trips"] = round((row["key_cold_ms"] - row["key_warm_ms"]) / RTT_MS, 2)
    row["more_than_direct"] = round((row["key_cold_ms"] - row["key_direct_ms"]) / RTT_MS, 2)
    return row


# ---- an origin goes ----

def gap(setup, how):
    """(the longest silence a viewer saw, the longest before anything happened), in seconds."""
    with contextlib.ExitStack() as stack:
        site = Site(stack, 2, 5)
        origins = [site.origin(setup, stack, i) for i in (0, 1)]
        places = [f"{wire.far_address}:{o.http}" for wire, o in zip(site.wires, origins)]
        with site.edge.inside():
            edge = stack.enter_context(start_server(setup, "edge", setup.server_core,
                                                    remote("flv", *places)))
        time.sleep(cases.SETTLE_S)
        viewer, _ = site.watch(stack, "127.0.0.1", edge.http, "s0")
        viewer.wait_media(20)
        time.sleep(1)
        happened = time.monotonic()
        if how == "kill":
            origins[0].process.process.kill()
        else:
            site.wires[0].cut()
        time.sleep(3)
        viewer.check()
        flv.check_times(viewer.tags)
        stamps = [t.at for t in viewer.media]
        pauses = [(b, b - a) for a, b in zip(stamps, stamps[1:])]
        return (max(p for at, p in pauses if at >= happened),
                max(p for at, p in pauses if at < happened))


def gaps(setup, options):
    rows = []
    for how, goal in (("kill", 1.0), ("cut", 1.5)):
        found = [gap(setup, how) for _ in range(options.rounds)]
        rows.append({"how": how, "goal_s": goal, "gaps_s": [round(g, 3) for g, _ in found],
                     "before_s": round(max(b for _, b in found), 3)})
        print(f"  {'kill -9' if how == 'kill' else 'a silent cut'}: the viewer saw nothing for "
              f"{', '.join(str(g) for g in rows[-1]['gaps_s'])} s (at most {goal} are wanted; before, "
              f"{rows[-1]['before_s']} s)", flush=True)
    return rows


# ---- ten thousand for one missing stream ----

def crowd(setup, _options):
    count = CROWD
    with contextlib.ExitStack() as stack:
        origin = stack.enter_context(start_server(setup, "origin", setup.load_core, level="info"))
        edge = stack.enter_context(start_server(setup, "edge", setup.server_core,
                                                remote("flv", f"127.0.0.1:{origin.http}"),
                                                level="info"))
        before, cpu_before = rss_kb(edge.pid), cpu_seconds(edge.pid)
        waiting = []
        for i in range(count):
            one = socket.socket()
            stack.callback(one.close)
            one.bind((f"127.78.0.{i % 100 + 1}", 0))
            one.connect(("127.0.0.1", edge.http))
            one.sendall(b"GET /live/s0.flv HTTP/1.1\r\nHost: edge\r\n\r\n")
            waiting.append(one)
        log = edge.process.log
        end = time.monotonic() + 60
        while log.read_text().count("/live/s0.flv from") < count:
            if time.monotonic() > end:
                raise Failure("not all came to wait")
            time.sleep(0.1)
        row = {"viewers": count, "pulls": len(re.findall("waiting for stream at", log.read_text())),
               "kb_per_waiting": round((rss_kb(edge.pid) - before) / count, 2),
               "cpu_us_per_request": round((cpu_seconds(edge.pid) - cpu_before) * 1e6 / count, 1)}
        stack.enter_context(cases.publisher(setup, origin)).wait("publishing", 15)
        row["begun"] = sum(b"FLV" in first_bytes(one) for one in waiting)
        row["asked_at_the_origin"] = len(re.findall(r"\] play ", origin.process.log.read_text()))
    print(f"  {count} requests for one missing stream: {row['pulls']} pull, "
          f"{row['asked_at_the_origin']} request at the origin, {row['kb_per_waiting']} KB each; "
          f"{row['begun']} of them played when it came", flush=True)
    return row


def first_bytes(one):
    one.settimeout(20)
    data = b""
    with contextlib.suppress(OSError):
        while b"FLV" not in data and len(data) < 65536:
            got = one.recv(4096)
            if not got:
                break
            data += got
    return data


CASES = {"cpu": cpu, "cold": cold, "gaps": gaps, "crowd": crowd}


def main():
    parser = bench_setup.parser(__doc__)
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="cases, by comma: " + ", ".join(CASES))
    options = parser.parse_args()
    found, failed = {}, 0
    with bench_setup.Setup(options) as setup:
        for name in options.only.split(",") if options.only else CASES:
            print(f"{name}:", flush=True)
            try:
                found[name] = CASES[name](setup, options)
            except PermissionError:
                print("  left out: network namespaces need root", flush=True)
            except (Failure, OSError) as failure:
                failed += 1
                print(f"  failed: {failure}", flush=True)
    (options.objs / "bench-edge.json").write_text(json.dumps(found, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
