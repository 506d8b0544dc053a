#!/usr/bin/env python3
"""?quality=auto over a path that becomes slow and fast again (needs root).

    research/bench/quality.py [--server objs/server] [--loss 0,2] [--seconds 25] [--rates 6,1,6]

Server and viewer are in two network namespaces, joined by a wire of 50 ms round trip with a queue of
200 ms and these losses in percent. A ladder of 3, 1.2 and 0.5 Mbit/s with a keyframe each second is
published; a viewer of its address has these rates in Mbit/s, each for so many seconds. A frame's lateness
is how much later it arrived, by its timestamp, than the earliest one of all. Printed for each rate: the
lateness of audio and of video (median, maximum), the longest time without a picture, and the rungs. "stalls"
is how often a player that shows each frame 1.5 s after the earliest possible moment would have stood
still. What was received must decode without an error. Writes OBJS/bench-quality.json.
"""

import argparse
import itertools
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "trunk" / "test" / "e2e"))

import flv  # noqa: E402
import harness  # noqa: E402
import netns  # noqa: E402
from harness import Server  # noqa: E402

RUNGS = {"hi": ("960x540", 3000), "mid": ("640x360", 1200), "lo": ("320x180", 500)}
LADDER = "ladder show { " + " ".join(f"rung live/show_{name};" for name in RUNGS) + " }"
BUFFER_S = 1.5
NUMBERS = itertools.count(1)


def make_rungs(folder):
    for name, (size, rate) in RUNGS.items():
        harness.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                     f"testsrc2=size={size}:rate=25", "-f", "lavfi", "-i", "sine=frequency=440", "-t",
                     20, "-vf", "noise=alls=30:allf=t", "-c:v", "libx264", "-preset", "veryfast", "-bf", 0,
                     "-g", 25, "-sc_threshold", 0, "-b:v", f"{rate}k", "-maxrate", f"{rate}k",
                     "-bufsize", f"{rate // 2}k", "-c:a", "aac", "-b:a", "64k", folder / f"{name}.flv"],
                    timeout=180)


def publish(srv, folder):
    argv = ["ffmpeg", "-nostdin", "-v", "error"]
    for name in RUNGS:
        argv += ["-re", "-stream_loop", "-1", "-i", str(folder / f"{name}.flv")]
    for i, name in enumerate(RUNGS):
        argv += ["-map", str(i), "-c", "copy", "-f", "flv", srv.rtmp_url(f"live/show_{name}")]
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    for name in RUNGS:
        srv.wait_log(f"keyframes of .*show_{name} are aligned" if name != "hi" else "start publish")
    return child


def lateness(tags, earliest):
    return [tag.at - tag.time / 1000 - earliest for tag in tags]


def stalls(frames, earliest):
    """How often the picture would have stood still, and for how long in all."""
    count, seconds, delay = 0, 0.0, BUFFER_S
    for tag in frames:
        late = tag.at - tag.time / 1000 - earliest
        if late > delay:
            count, seconds, delay = count + 1, seconds + late - delay, late
    return count, round(seconds, 2)


def figures(tags, since, until, earliest):
    video = [t for t in tags if t.is_video and t.is_media and since <= t.at < until]
    audio = [t for t in tags if t.is_audio and t.is_media and since <= t.at < until]
    result = {}
    for name, part in (("video", video), ("audio", audio)):
        late = lateness(part, earliest) or [float("nan")]
        result[name] = [round(statistics.median(late), 2), round(max(late), 2)]
    gaps = [b.time - a.time for a, b in zip(video, video[1:])]
    result["without_picture_ms"] = max(gaps, default=0)
    return result


def measure(folder, options, loss):
    near, far = netns.Namespace(), netns.Namespace()
    rates = [float(rate) for rate in options.rates.split(",")]
    wire = netns.Wire(near, far, number=next(NUMBERS), delay_ms=50, loss=loss / 100, rate=rates[0] * 1e6)
    with far.inside():
        srv = Server(folder / f"server-{loss}", vhost=LADDER, program=options.server)
        encoder = publish(srv, folder)
    try:
        with near.inside():
            viewer = flv.Viewer(f"http://{wire.far_address}:{srv.http_port}/live/show.flv?quality=auto")
        viewer.wait_media(1)
        bounds = [time.monotonic()]
        for rate in rates:
            wire.rate = rate * 1e6
            time.sleep(options.seconds)     # the time that is measured
            bounds.append(time.monotonic())
        viewer.check()
        tags = list(viewer.tags)
        viewer.close()
    finally:
        encoder.kill()
        encoder.wait()
        srv.stop()
    media = [t for t in tags if t.is_media]
    earliest = min(t.at - t.time / 1000 for t in media if t.at > bounds[0] + 1)
    out = folder / f"received-{loss}.flv"
    out.write_bytes(flv.file_bytes(tags))
    harness.ffmpeg_decode(out, seconds=options.seconds * len(rates))
    moves = re.findall(r"\[([\d:.]+ ?[\d:.]*)\].*show_(\w+): quality=auto continues here, (\w+)", srv.log())
    parts = [figures(tags, a, b, earliest) for a, b in zip(bounds, bounds[1:])]
    after_first = [t for t in media if t.is_video and t.at > bounds[0] + 1]
    return {"loss": loss, "rates": rates, "parts": parts, "stalls": stalls(after_first, earliest),
            "moves": [f"{rung} ({how})" for _, rung, how in moves]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=str(ROOT / "objs" / "server"))
    parser.add_argument("--loss", default="0,2")
    parser.add_argument("--rates", default="6,1,6")
    parser.add_argument("--seconds", type=float, default=25)
    options = parser.parse_args()
    netns.require()
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_rungs(folder)
        for loss in options.loss.split(","):
            one = measure(folder, options, float(loss))
            results.append(one)
            print(f"loss {loss} %: rungs {', '.join(one['moves']) or 'none changed'}; "
                  f"{one['stalls'][0]} stalls, {one['stalls'][1]} s")
            for rate, part in zip(one["rates"], one["parts"]):
                print(f"  {rate:g} Mbit/s: video late {part['video'][0]} s, at most {part['video'][1]} s; audio "
                      f"{part['audio'][0]} s, at most {part['audio'][1]} s; "
                      f"{part['without_picture_ms']} ms without a picture at most")
    Path(options.server).parent.joinpath("bench-quality.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
