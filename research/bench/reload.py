#!/usr/bin/env python3
"""Many reloads under many viewers and a stream of newcomers: are any dropped or refused, how long
does a viewer wait for bytes, and does memory grow?

    research/bench/reload.py [--objs OBJS] [--viewers 500] [--reloads 100] [--workers 1]

Each reload changes limits, mounts, play settings, and adds or removes a vhost and a listener. Prints
the figures; the exit status is 1 if a viewer was dropped or a newcomer refused.
"""

import argparse
import asyncio
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "doc" / "source.flv"
DONE = "reload: configuration is valid"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Viewer:
    def __init__(self):
        self.count, self.gap, self.last, self.is_dropped = 0, 0.0, None, False

    async def run(self, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /live/livestream.flv HTTP/1.1\r\nHost: a\r\n\r\n")
        while True:
            data = await reader.read(65536)
            now = time.monotonic()
            if not data:
                self.is_dropped = True
                return
            if self.last is not None:
                self.gap = max(self.gap, now - self.last)
            self.last = now
            self.count += len(data)


async def newcomers(port, result):
    """One connection after the other."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /nothing.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            answer = await reader.read(65536)
            writer.close()
            result["served" if answer.startswith(b"HTTP/1.1 404") else "refused"] += 1
        except OSError:
            result["refused"] += 1


async def until(condition, timeout, what):
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {timeout} s for {what}")
        await asyncio.sleep(0.005)


def processes(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children] or [pid]


def memory_mb(pid):
    sizes = [re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{one}/status").read_text())
             for one in processes(pid)]
    return sum(int(size.group(1)) for size in sizes) / 1024


def texts(folder, options, ports):
    rtmp, http, more = ports
    plain = f"""
listen 127.0.0.1:{rtmp}; workers {options.workers}; max_connections 4000;
http_server {{ enabled on; listen 127.0.0.1:{http}; dir {folder}; }}
vhost __defaultVhost__ {{ http_remux {{ enabled on; mount [vhost]/[app]/[stream].flv; }} }}
"""
    return [plain, plain.replace("max_connections 4000;", "max_connections 5000; max_streams 500;")
            .replace(f"127.0.0.1:{http};", f"127.0.0.1:{http} 127.0.0.1:{more};")
            .replace("[stream].flv;", "[stream].flv [vhost]/[app]/[stream].ts;")
            + "vhost more.example { play { gop_cache off; mw_latency 100; } }\n"]


async def measure(options, folder):
    ports = [free_port() for _ in range(3)]
    both = texts(folder, options, ports)
    path, log = folder / "server.conf", folder / "server.log"
    path.write_text(both[0])
    with open(log, "wb") as out:
        server = subprocess.Popen([options.objs / "server", "-c", path], stdout=out, stderr=out)
    publisher = None
    try:
        await until(lambda: "HTTP listens" in log.read_text(), 10, "the server")
        publisher = subprocess.Popen(
            ["ffmpeg", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", SOURCE, "-c", "copy",
             "-f", "flv", f"rtmp://127.0.0.1:{ports[0]}/live/livestream"])
        await until(lambda: "start publish" in log.read_text(), 10, "the publisher")
        return await under_load(options, (server, path, log, both), ports[1])
    finally:
        for child in (publisher, server):
            if child is not None:
                child.send_signal(signal.SIGTERM)
                child.wait(20)


async def under_load(options, started, port):
    server, path, log, both = started
    viewers = [Viewer() for _ in range(options.viewers)]
    tasks = [asyncio.create_task(one.run(port)) for one in viewers]
    await until(lambda: all(one.count > 100000 for one in viewers), 60, "the viewers")
    result = {"served": 0, "refused": 0}
    tasks.append(asyncio.create_task(newcomers(port, result)))
    durations, memory = [], 0
    for number in range(options.reloads):
        path.write_text(both[(number + 1) % 2])
        before, begin = log.read_text().count(DONE), time.monotonic()
        server.send_signal(signal.SIGHUP)
        await until(lambda before=before: log.read_text().count(DONE) > before, 15, "a reload")
        durations.append(time.monotonic() - begin)
        if number == 9:
            memory = memory_mb(server.pid)
        await asyncio.sleep(0.1)
    grown = memory_mb(server.pid) - memory
    counts = [one.count for one in viewers]
    await until(lambda: all(one.count > count for one, count in zip(viewers, counts)), 30,
                "bytes for every viewer")
    for task in tasks:
        task.cancel()
    dropped = sum(one.is_dropped for one in viewers)
    durations.sort()
    print(f"{options.reloads} reloads, {options.viewers} viewers, {options.workers} workers")
    print(f"viewers dropped: {dropped}; newcomers served: {result['served']}, "
          f"refused: {result['refused']}")
    print(f"a reload took {1000 * durations[len(durations) // 2]:.0f} ms, "
          f"{1000 * durations[-1]:.0f} ms at most")
    print(f"longest gap of a viewer: {1000 * max(one.gap for one in viewers):.0f} ms")
    print(f"memory after 10 reloads: {memory:.1f} MB; then grown by {grown:.1f} MB")
    return dropped + result["refused"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--objs", type=pathlib.Path, default=ROOT / "objs")
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--reloads", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(1 if asyncio.run(measure(options, pathlib.Path(folder))) else 0)


if __name__ == "__main__":
    main()
