#!/usr/bin/env python3
"""Start over a slow path: time to the first picture, compared with what the path allows (needs root).

    research/bench/start.py [--server objs/server] [--rates 1,5,20] [--loss 0,2] [--tries 9]

Server and viewer are in two network namespaces, joined by a wire of 50 ms round trip, these rates in Mbit/s and
these losses in percent, with a queue of 200 ms. The viewer is connected; then it requests the stream, and the time
ends with the last byte of the first keyframe, which is when a player can show a picture. The limit is one round
trip and the bytes up to there at the path's rate. --pacing sets tcp_pacing. Each congestion control that the kernel has is measured by
tcp_congestion, in turn within one run, with the usual initial window of 10 segments, and with others on the
route (--windows).
Prints medians in ms and their ratio to the limit. Writes OBJS/bench-start.json.
"""

import argparse
import itertools
import json
import socket
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
from harness import FfmpegPublisher, Server, wait_for  # noqa: E402

RTT_MS = 50
AVAILABLE = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")
PATIENCE = 20
NUMBERS = itertools.count(1)


class SlowPath:
    """A server with this congestion control at the far end of a wire, with a published stream."""

    def __init__(self, number, name, rate, loss, window, options, folder):
        self.near, far = netns.Namespace(), netns.Namespace()
        self.wire = netns.Wire(self.near, far, number=number, delay_ms=RTT_MS, loss=loss / 100,
                               rate=rate * 1e6)
        with far.inside():
            if window != 10:    # the kernel's own
                subprocess.run(["ip", "route", "change", self.wire.address, "dev", f"wire{number}",
                                "initcwnd", str(window)], check=True)
            self.server = Server(folder / f"server{number}", top=f"tcp_congestion {name}; "
                                     f"tcp_pacing {options.pacing};")
            self.publisher = FfmpegPublisher(folder / f"publish{number}.log", options.file,
                                             self.server.rtmp_url("live/s"), loop=True)
        self.far = far

    def connect(self):
        with self.near.inside():
            return socket.create_connection((self.wire.far_address, self.server.http_port), PATIENCE)

    def measure(self):
        """(seconds, bytes) from the request to the end of the first keyframe."""
        with self.connect() as viewer:
            reader, chunks, head, size = flv.Reader(), flv.Dechunker(), b"", 0
            begin = time.monotonic()
            viewer.sendall(b"GET /live/s.flv HTTP/1.1\r\nHost: a\r\n\r\n")
            while True:
                data = viewer.recv(65536)
                now = time.monotonic()
                if not data:
                    raise SystemExit("the viewer was disconnected")
                size += len(data)
                if b"\r\n\r\n" not in head:
                    head += data
                    if b"\r\n\r\n" not in head:
                        continue
                    data = head.split(b"\r\n\r\n", 1)[1]
                reader.feed(chunks.feed(data))
                if any(tag.is_keyframe and tag.is_media for tag in reader.tags):
                    return now - begin, size

    def close(self):
        self.publisher.kill()
        self.server.stop()
        self.wire.close()
        self.near.close()
        self.far.close()


def middle(values):
    return sorted(values)[len(values) // 2]


def case(rate, loss, names, options, folder):
    """One row: every control in turn, so that what disturbs the machine reaches all of them."""
    paths = {}
    row = {"rate": rate, "loss": loss, "kbytes": 0, "limit": 0, "ms": {}}
    try:
        for window in options.windows:
            for name in names:
                paths[f"{name} {window}"] = SlowPath(next(NUMBERS), name, rate, loss, window, options,
                                                     folder)
        for path in paths.values():
            wait_for(lambda path=path: "start publish" in path.server.log(), 20, "the publisher")
        time.sleep(2.5)     # a whole GOP
        seconds = {key: [] for key in paths}
        sizes = []
        for _ in range(options.tries):
            for key, path in paths.items():
                took, size = path.measure()
                seconds[key].append(took)
                sizes.append(size)
        row["kbytes"] = middle(sizes) / 1000
        row["limit"] = RTT_MS + middle(sizes) * 8 / (rate * 1000)
        row["ms"] = {key: middle(values) * 1000 for key, values in seconds.items()}
        row["worst"] = {key: max(values) * 1000 for key, values in seconds.items()}
    finally:
        for path in paths.values():
            path.close()
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objs", type=Path, default=ROOT / "objs")
    parser.add_argument("--server", type=Path)
    parser.add_argument("--file", type=Path, default=ROOT / "doc" / "source.flv")
    parser.add_argument("--rates", default="1,5,20")
    parser.add_argument("--loss", default="0,2")
    parser.add_argument("--windows", default="10,32", help="initial windows, in segments")
    parser.add_argument("--pacing", default="0", help="bytes per second")
    parser.add_argument("--tries", type=int, default=9)
    options = parser.parse_args()
    options.windows = [int(text) for text in options.windows.split(",")]
    harness.SERVER = (options.server or options.objs / "server").resolve()
    names = [name for name in ("cubic", "bbr") if name in AVAILABLE.read_text().split()]
    rows = []
    keys = [f"{name} {window}" for window in options.windows for name in names]
    print("| Mbit/s | loss | KB | limit ms | " + " | ".join(keys) + " |")
    print("|---|---|---|---|" + "---|" * len(keys))
    with tempfile.TemporaryDirectory(prefix="bench-start-") as folder:
        for rate in (float(text) for text in options.rates.split(",")):
            for loss in (float(text) for text in options.loss.split(",")):
                row = case(rate, loss, names, options, Path(folder))
                rows.append(row)
                print(f"| {rate:g} | {loss:g} % | {row['kbytes']:.0f} | {row['limit']:.0f} | " + " | ".join(
                    f"{row['ms'][key]:.0f} ({row['ms'][key] / row['limit']:.2f})" for key in keys) + " |",
                      flush=True)
    (options.objs / "bench-start.json").write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
