#!/usr/bin/env python3
"""Callbacks under load: what they add to a viewer's wait, and whether starts and ends match.

    research/bench/hooks.py                       # 10,000 on_play/on_stop pairs within a minute
    research/bench/hooks.py --joins 10000 --chaos # a callback server that refuses, dawdles and fails

The viewers come at an even pace; each reads the first bytes of its stream and leaves. Its wait is the
time from its request to the first byte. From that the time is taken that the callback server had the
request (it is a process of its own, with an event loop); what remains is compared with the wait of
viewers in a vhost without callbacks. "rtt" is the round trip of the same request from this process.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from multiprocessing import Pipe, Process
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
YES = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0"
NO = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
FAIL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
ENDS = {"on_stop": "on_play", "on_unpublish": "on_publish", "on_close": "on_connect"}


class Callbacks:
    """Counts by client_id: granted starts less ends, and ends of clients that were not granted."""

    def __init__(self, chaos):
        self.chaos, self.random = chaos, random.Random(1)
        self.open = {query: {} for query in ENDS.values()}
        self.count = {}
        self.extra = 0
        self.took = {}  # the time that a viewer's request was here, by its number
        self.repeated = set()  # ends that were answered 503, and come again

    async def serve(self, reader, writer):
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                event = json.loads(await reader.readexactly(size))
                began = time.perf_counter()
                if self.chaos and self.random.random() < 0.05:
                    await asyncio.sleep(self.random.random() * 0.2)
                writer.write(self.answer(event))
                if event["action"] == "on_play" and not self.chaos:
                    self.took[event["param"]] = time.perf_counter() - began
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    def answer(self, event):
        action, client = event["action"], event["client_id"]
        self.count[action] = self.count.get(action, 0) + 1
        if action in self.open:
            if self.chaos and self.random.random() < 0.05:
                return NO
            self.open[action][client] = 1
        elif action in ENDS:
            if self.chaos and self.random.random() < 0.01:
                self.repeated.add((action, client))
                return FAIL
            if self.open[ENDS[action]].pop(client, None) is None:
                self.extra += 1
        return YES

    def report(self):
        return {"count": self.count, "extra": self.extra, "repeated": len(self.repeated), "took": self.took,
                "open": {query: len(clients) for query, clients in self.open.items()}}


def callback_process(pipe, chaos):
    async def run():
        callbacks = Callbacks(chaos)
        server = await asyncio.start_server(callbacks.serve, "127.0.0.1", 0, backlog=1024)
        pipe.send(server.sockets[0].getsockname()[1])
        loop = asyncio.get_running_loop()
        loop.add_reader(pipe.fileno(), lambda: (pipe.recv(), pipe.send(callbacks.report())))
        await server.serve_forever()

    asyncio.run(run())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


CONFIG = """
listen {rtmp}; daemon off; srs_log_tank console; srs_log_level warn; workers {workers}; log_peer_lines 1;
max_connections 5000;
http_server {{ enabled on; listen {http}; dir /nonexistent; }}
vhost __defaultVhost__ {{
    http_remux {{ enabled on; mount [vhost]/[app]/[stream].flv; }}
    publish {{ normal_timeout 60000; }}
    http_hooks {{ enabled on; on_connect {url}; on_close {url}; on_publish {url}; on_unpublish {url};
                  on_play {url}; on_stop {url}; timeout 5s; max_calls 5000; }}
}}
vhost off.example {{
    http_remux {{ enabled on; mount [vhost]/[app]/[stream].flv; }}
    publish {{ normal_timeout 60000; }}
}}
"""


class Bench:
    def __init__(self, options):
        self.options = options
        self.pipe, other = Pipe()
        self.callbacks = Process(target=callback_process, args=(other, options.chaos), daemon=True)
        self.callbacks.start()
        self.port = self.pipe.recv()
        self.rtmp, self.http = free_port(), free_port()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "hooks.conf"
        path.write_text(CONFIG.format(rtmp=self.rtmp, http=self.http, workers=options.workers,
                                      url=f"http://127.0.0.1:{self.port}/hooks"))
        self.log = open(Path(self.folder.name) / "log", "w+")
        self.server = subprocess.Popen([options.server, "-c", path], stdout=self.log,
                                       stderr=subprocess.STDOUT, cwd=self.folder.name)
        self.waits = {"on": {}, "off": {}, "rtt": {}}
        self.refused = self.failed = 0

    def report(self):
        self.pipe.send(None)
        return self.pipe.recv()

    async def wait_ready(self):
        for _ in range(200):
            try:
                for port in (self.rtmp, self.http):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                return
            except OSError:
                await asyncio.sleep(0.05)
        sys.exit(f"the server did not start: {self.log.name}")

    async def publish(self, name, vhost):
        source = self.options.source
        process = await asyncio.create_subprocess_exec(
            "ffmpeg", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", source, "-c", "copy",
            "-f", "flv", f"rtmp://127.0.0.1:{self.rtmp}/live/{name}?vhost={vhost}",
            stdin=asyncio.subprocess.DEVNULL)
        for _ in range(200):
            if await self.view(name, vhost, None):
                return process
            await asyncio.sleep(0.1)
        sys.exit("the stream was not published")

    async def view(self, name, vhost, waits, number=-1):
        """One viewer: its wait for the first byte in seconds."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.http)
        try:
            began = time.perf_counter()
            query = f"?vhost={vhost}&n={number}"
            writer.write(f"GET /live/{name}.flv{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            data = await asyncio.wait_for(reader.read(32), 10)
            took = time.perf_counter() - began
            if data.startswith(b"HTTP/1.1 200"):
                if waits is not None:
                    waits[query] = took
                return True
            self.refused += 1
            return False
        except (OSError, asyncio.TimeoutError):
            self.failed += 1
            return False
        finally:
            writer.transport.abort() if self.options.chaos else writer.close()

    async def call(self, waits):
        """The round trip of a callback, on a kept connection like the server's."""
        if not hasattr(self, "kept"):
            self.kept = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.kept
        body = json.dumps({"action": "none", "client_id": "x" * 8, "fill": "x" * 300}).encode()
        began = time.perf_counter()
        writer.write(b"POST /hooks HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await reader.readexactly(len(YES))
        waits[len(waits)] = time.perf_counter() - began

    async def measure(self):
        options = self.options
        publishers = [await self.publish("s", vhost) for vhost in ("__defaultVhost__", "off.example")]
        began, tasks = time.perf_counter(), []
        for i in range(options.joins):
            left = began + i * options.seconds / options.joins - time.perf_counter()
            if left > 0:
                await asyncio.sleep(left)
            tasks.append(asyncio.create_task(
                self.view("s", "__defaultVhost__", self.waits["on"], i)))
            if i % 4 == 0:
                tasks.append(asyncio.create_task(self.view("s", "off.example", self.waits["off"], i)))
                await self.call(self.waits["rtt"])
        await asyncio.gather(*tasks)
        self.took = time.perf_counter() - began
        if options.kill:
            worker = subprocess.run(["pgrep", "-P", str(self.server.pid)], capture_output=True,
                                    text=True, check=True).stdout.split()[0]
            os.kill(int(worker), signal.SIGKILL)
        for process in publishers:
            process.terminate()
            await process.wait()
        for _ in range(300):
            if not any(self.report()["open"].values()):
                break
            await asyncio.sleep(0.1)

    async def chaos(self):
        """Joins and leaves over HTTP and RTMP at random moments, some of a stream that nobody
        publishes."""
        options = self.options
        publishers = [await self.publish("s", "__defaultVhost__")]
        chance = random.Random(2)
        room = asyncio.Semaphore(60)

        async def one():
            async with room:
                name = chance.choice(("s", "s", "none"))
                try:
                    if chance.random() < 0.8:
                        reader, writer = await asyncio.open_connection("127.0.0.1", self.http)
                        writer.write(f"GET /live/{name}.flv HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                    else:
                        reader, writer = await self.rtmp_play(name)
                    await asyncio.wait_for(reader.read(chance.choice((1, 1000, 60000))),
                                           chance.random() * 0.3)
                except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                    pass
                finally:
                    if "writer" in locals():
                        writer.transport.abort()

        began, tasks = time.perf_counter(), []
        for i in range(options.joins):
            tasks.append(asyncio.create_task(one()))
            if len(tasks) >= 500:
                await asyncio.gather(*tasks)
                tasks = []
                print(f"\r{i + 1} joins", end="", file=sys.stderr, flush=True)
        await asyncio.gather(*tasks)
        self.took = time.perf_counter() - began
        for process in publishers:
            process.terminate()
            await process.wait()
        for _ in range(300):
            if not any(self.report()["open"].values()):
                break
            await asyncio.sleep(0.1)

    async def rtmp_play(self, name):
        sys.path.insert(0, str(ROOT / "trunk" / "test" / "e2e"))
        from rtmp_client import amf

        def chunk(kind, stream, data):
            head = bytes([3]) + bytes(3) + len(data).to_bytes(3, "big") + bytes([kind]) + \
                stream.to_bytes(4, "little")
            parts = [data[i:i + 128] for i in range(0, len(data), 128)]
            return head + bytes([0xc3]).join(parts)

        reader, writer = await asyncio.open_connection("127.0.0.1", self.rtmp)
        writer.write(b"\3" + bytes(1536))
        await reader.readexactly(3073)
        writer.write(bytes(1536) + chunk(20, 0, amf("connect", 1, {
            "app": "live", "tcUrl": "rtmp://127.0.0.1/live"})))
        writer.write(chunk(20, 0, amf("createStream", 2, None))
                     + chunk(20, 1, amf("play", 3, None, name, -2)))
        return reader, writer

    def stop(self):
        self.server.terminate()
        code = self.server.wait(30)
        self.log.seek(0)
        return code


def milliseconds(waits, part):
    ordered = sorted(waits)
    return 1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default=ROOT / "objs" / "server", type=Path)
    parser.add_argument("--source", default=ROOT / "doc" / "source.flv", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--joins", type=int, default=10000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--chaos", action="store_true")
    parser.add_argument("--kill", action="store_true", help="kill a worker at the end")
    options = parser.parse_args()
    bench = Bench(options)

    async def run():
        await bench.wait_ready()
        await (bench.chaos() if options.chaos else bench.measure())

    try:
        asyncio.run(run())
        code = bench.stop()
        report = bench.report()
    finally:
        bench.server.kill()
        bench.callbacks.terminate()
    print(f"{options.joins} joins in {bench.took:.1f} s, {options.workers} workers; refused "
          f"{bench.refused}, failed {bench.failed}; server's exit code {code}")
    print("events:", json.dumps(report["count"]))
    print("open at the end:", json.dumps(report["open"]), "ends without a start:", report["extra"])
    own = [wait - report["took"][query] for query, wait in bench.waits["on"].items()
           if query in report["took"]]
    lists = {**{name: list(waits.values()) for name, waits in bench.waits.items()}, "on, less": own}
    for name, waits in lists.items():
        if waits:
            print(f"{name:9} {len(waits):6}  median {milliseconds(waits, 0.5):6.2f} ms  p99 "
                  f"{milliseconds(waits, 0.99):6.2f} ms  max {milliseconds(waits, 1):6.2f} ms")
    is_good = not any(report["open"].values()) and report["extra"] == 0 and code == 0
    if not options.chaos:
        print("wait beyond the callback: " + ", ".join(
            f"{name} {milliseconds(own, part) - milliseconds(lists['off'], part):.2f} ms"
            for name, part in (("median", 0.5), ("p99", 0.99))))
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
