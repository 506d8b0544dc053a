#!/usr/bin/env python3
"""Upgrades (SIGUSR2) under viewers, publishers and a stream of newcomers: is any of them dropped or
refused, and does each viewer receive every frame once and in order?

    research/bench/upgrade.py [--objs OBJS] [--viewers 500] [--publishers 20] [--upgrades 10]
                              [--workers 1]

The publishers send one small file in a loop, so the payload of each video and audio tag that a
viewer receives has a known successor. Prints the figures; the exit status is 1 if a viewer or a
publisher was dropped, a newcomer refused, or a frame was missing or repeated.
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
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DONE = "upgrade done"
AUDIO, VIDEO = 8, 9


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def make_source(path):
    subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=160x90:rate=5",
         "-f", "lavfi", "-i", "sine=frequency=440:beep_factor=4", "-t", "20", "-c:v", "libx264",
         "-preset", "ultrafast", "-g", "10", "-bf", "0", "-c:a", "aac", "-ar", "11025", "-b:a", "16k", path],
        check=True)


class Tags:
    """A reader of FLV tags: feed() returns the kind and the checksum of each media frame."""

    def __init__(self):
        self.data, self.at, self.has_header = bytearray(), 0, False

    def feed(self, data):
        self.data += data
        if not self.has_header and len(self.data) >= 13:
            assert self.data[:3] == b"FLV", bytes(self.data[:40])
            self.has_header, self.at = True, 13
        found = []
        while self.has_header and len(self.data) - self.at >= 11:
            at, head = self.at, self.data
            size = head[at + 1] << 16 | head[at + 2] << 8 | head[at + 3]
            if len(head) - at < size + 15:
                break
            # Codec headers may come again, and are no frames.
            if head[at] in (AUDIO, VIDEO) and size > 1 and head[at + 12] == 1:
                found.append((head[at], zlib.crc32(memoryview(head)[at + 11:at + 11 + size])))
            self.at += size + 15
        if self.at > 1 << 16:
            del self.data[:self.at]
            self.at = 0
        return found


class Order:
    """Which frame follows which, in a source that is sent in a loop."""

    def __init__(self, path):
        frames = Tags().feed(path.read_bytes())
        self.after = {}
        for kind in (AUDIO, VIDEO):
            ring = [sum_ for one, sum_ in frames if one == kind]
            for before, now in zip(ring, ring[1:] + ring[:1]):
                self.after.setdefault((kind, before), set()).add(now)

    def follows(self, kind, before, now):
        return now in self.after.get((kind, before), ())


class Viewer:
    def __init__(self, order, stream):
        self.order, self.stream = order, stream
        self.frames, self.wrong, self.is_dropped, self.gap = 0, 0, False, 0.0
        self.last = {}

    def look(self, data, tags):
        for kind, now in tags.feed(data):
            before = self.last.get(kind)
            self.wrong += before is not None and not self.order.follows(kind, before, now)
            self.last[kind] = now
            self.frames += 1

    async def run(self, port):
        tags, received = Tags(), None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET /live/{self.stream}.flv HTTP/1.0\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head.split(b"\r\n")[0] + b" ", head
            while data := await reader.read(65536):
                now = time.monotonic()
                self.gap = max(self.gap, now - (received or now))
                received = now
                self.look(data, tags)
        except OSError:
            pass
        self.is_dropped = True


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
        await asyncio.sleep(0.001)


async def until(condition, timeout, what):
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {timeout} s for {what}")
        await asyncio.sleep(0.02)


def processes(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


async def measure(options, folder):
    rtmp, http = free_port(), free_port()
    path, log, source = folder / "server.conf", folder / "server.log", folder / "source.flv"
    make_source(source)
    path.write_text(f"""
listen 127.0.0.1:{rtmp}; workers {options.workers}; upgrade on; max_connections 4000;
http_server {{ enabled on; listen 127.0.0.1:{http}; dir {folder}; }}
vhost __defaultVhost__ {{ http_remux {{ enabled on; mount [vhost]/[app]/[stream].flv; }} }}
""")
    with open(log, "wb") as out:
        server = subprocess.Popen([options.objs / "server", "-c", path], stdout=out, stderr=out)
    publishers = []
    try:
        await until(lambda: "workers ready" in log.read_text(), 10, "the server")
        for number in range(options.publishers):
            publishers.append(subprocess.Popen(
                ["ffmpeg", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", source, "-c",
                 "copy", "-f", "flv", f"rtmp://127.0.0.1:{rtmp}/live/{number}"]))
        await until(lambda: log.read_text().count("start publish") == options.publishers, 60,
                    "the publishers")
        return await under_load(options, server, log, http, Order(source))
    finally:
        for child in (*publishers, server):
            child.send_signal(signal.SIGTERM)
        for child in (*publishers, server):
            child.wait(60)


async def under_load(options, server, log, port, order):
    viewers = [Viewer(order, number % options.publishers) for number in range(options.viewers)]
    tasks = [asyncio.create_task(one.run(port)) for one in viewers]
    await until(lambda: all(one.frames > 20 for one in viewers), 120, "the viewers")
    result = {"served": 0, "refused": 0}
    tasks.append(asyncio.create_task(newcomers(port, result)))
    durations = []
    for number in range(options.upgrades):
        before, begin = log.read_text().count(DONE), time.monotonic()
        server.send_signal(signal.SIGUSR2)
        await until(lambda before=before: log.read_text().count(DONE) > before, 60, "an upgrade")
        durations.append(time.monotonic() - begin)
        # Some viewers come to each generation.
        more = [Viewer(order, one % options.publishers) for one in range(10)]
        viewers += more
        tasks += [asyncio.create_task(one.run(port)) for one in more]
        await until(lambda more=more: all(one.frames > 20 for one in more), 120, "new viewers")
    counts = [one.frames for one in viewers]
    await until(lambda: all(one.frames > count + 20 for one, count in zip(viewers, counts)), 60,
                "frames for every viewer")
    count = len(processes(server.pid))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    text = log.read_text()
    publishes = text.count("start publish")
    dropped = sum(one.is_dropped for one in viewers)
    wrong = sum(one.wrong for one in viewers)
    durations.sort()
    print(f"{options.upgrades} upgrades, {len(viewers)} viewers, {options.publishers} publishers, "
          f"{options.workers} workers; {count} processes at the end")
    print(f"viewers dropped: {dropped}; publishers dropped: {publishes - options.publishers}; "
          f"newcomers served: {result['served']}, refused: {result['refused']}")
    print(f"frames received: {sum(one.frames for one in viewers)}, missing or repeated: {wrong}")
    print(f"an upgrade took {1000 * durations[len(durations) // 2]:.0f} ms, "
          f"{1000 * durations[-1]:.0f} ms at most; longest gap of a viewer: "
          f"{1000 * max(one.gap for one in viewers):.0f} ms")
    if re.search("event loop blocked for [0-9]{3,}", text):
        print("(the machine was busy: event loops were blocked for more than 100 ms)")
    return 1 if dropped or wrong or result["refused"] or publishes != options.publishers else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--objs", type=pathlib.Path, default=ROOT / "objs")
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--publishers", type=int, default=20)
    parser.add_argument("--upgrades", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measure(options, pathlib.Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
