#!/usr/bin/env python3
"""Hours of ordinary and of bad days: publishers that come, go, and change codec and clock, viewers
of all kinds, reloads, upgrades, killed workers. Samples memory, descriptors, counters and the
event loop's lag, and fails when one of them drifts, when a client suffers without a reason, or when
the API does not list exactly the clients that there are.

    trunk/test/soak/soak.py [--hours 1] [--viewers 70] [--publishers 6] [--out objs/soak] [--asan]
    trunk/test/soak/soak.py --report objs/soak    the table and the picture of a run, also of one
                                                  that still goes on

Writes samples.jsonl, report.md and soak.svg into the folder. The exit status is 1 if anything
failed.
"""

import argparse
import asyncio
import json
import random
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import counters  # noqa: E402
import ledger  # noqa: E402
import media  # noqa: E402
import report  # noqa: E402
import servers  # noqa: E402
from census import Census  # noqa: E402
from events import Events  # noqa: E402
import harness  # noqa: E402
from publishers import Publisher  # noqa: E402
from viewers import Viewer  # noqa: E402
from world import World  # noqa: E402

SAMPLE_S = 5
CENSUS_S = 45
STOP_S = 60          # for the last clients to be gone from the API
# Streams by server: name, the loops that the publisher changes between, their audio.
STREAMS = [
    ("steady", "o0", ("avc-small", "avc-large"), ("aac",)),
    ("steady", "o1", ("avc-mp3",), ("mp3",)),
    ("steady", "o2", ("hevc", "avc-small"), ("aac",)),
    ("steady", "o3", ("aac",), ("aac",)),
    ("restless", "e0", ("avc-large", "avc-small"), ("aac",)),
    ("restless", "e1", ("avc-mp3",), ("mp3",)),
]


class Run:
    def __init__(self, options):
        self.options = options
        self.folder = options.out
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.file = open(self.folder / "samples.jsonl", "w", encoding="utf-8")
        self.file_lock = threading.Lock()
        self.begin = time.monotonic()
        self.world = World(options.seed, self.record)
        self.servers, self.publishers = [], []
        self.callbacks = ledger.start()
        self.ledger = self.callbacks.events
        self.before = {}     # counters by server's name

    def record(self, row):
        text = json.dumps({"t": round(time.monotonic() - self.begin, 2), **row}) + "\n"
        with self.file_lock:   # publishers are threads
            self.file.write(text)
            self.file.flush()

    # ---- start

    def launch(self):
        pem = servers.make_certificate(self.folder)
        loops = media.make(self.folder)
        program = self.folder / "server"   # a copy: the tree may be built meanwhile
        shutil.copy2(self.options.server, program)
        harness.SERVER = program
        one = servers.SoakServer("steady", self.folder / "steady", program, pem,
                                 vhost=ledger.block(self.callbacks, "steady"))
        self.servers.append(one)
        block = ledger.block(self.callbacks, "restless")
        two = servers.SoakServer("restless", self.folder / "restless", program, pem, vhost=block,
                                 vhosts=servers.edge_vhost(one, block))
        self.servers.append(two)
        by_name = {server.name: server for server in self.servers}
        for number in range(self.options.publishers):
            place, stream, names, audio = STREAMS[number % len(STREAMS)]
            if number >= len(STREAMS):
                stream += f"x{number // len(STREAMS)}"
            publisher = Publisher(self.world, by_name[place], stream, [loops[n] for n in names],
                                  number)
            publisher.audio = audio
            self.publishers.append(publisher)
            self.world.places.append((by_name[place], publisher, ""))
            if place == "steady":
                self.world.places.append((two, publisher, "edge"))
        self.record({"start": vars(self.options) | {"out": str(self.folder), "server": str(program),
                                                    "report": None},
                     "kbps": {name: round(loop.kbps) for name, loop in loops.items()}})

    # ---- while it runs

    def sample(self):
        for server in self.servers:
            self.read_log(server)
            self.world.count["recordings"] += server.clear_recordings()
            if not server.is_running:
                raise SystemExit(f"{server.name} has ended: {server.log()[-2000:]}")
            metrics = server.scrape()
            now = counters.sums(metrics)
            before = self.before.get(server.name, {})
            for text in counters.fallen(before, now):
                self.world.finding("counter", f"{server.name}: {text}")
            self.before[server.name] = now
            with self.world.lock:
                known = len(self.world.clients.get(server.name, {}))
            self.record({
                "server": server.name, "processes": server.rows(),
                "lag": counters.lag(before, now) if before else None,
                "connections": metrics.sum("millrace_connections"),
                "viewers": metrics.sum("millrace_viewers"),
                "publishers": metrics.sum("millrace_publishers"),
                "streams": metrics.sum("srs_streams"), "known": known,
                "sent": metrics.sum("srs_send_bytes_total"),
                "scrape_ms": 1000 * metrics.sum("millrace_scrape_loop_seconds_total"),
                "clients": {labels["worker"]: value for name, labels, value in metrics.samples
                            if name == "millrace_worker_clients"},
            })
        self.record({"tool": servers.process_row("self")})

    def read_log(self, server):
        text = server.new_log()
        found = servers.harness.SANITIZER.search(text)
        if found:
            self.world.finding("sanitizer", f"{server.name}: {text[found.start():][:6000]}")
        for pid in servers.DIED.findall(text):
            if int(pid) not in server.killed:
                self.world.finding("crash", f"{server.name}: process {pid} died")
        for line in text.splitlines():
            if "event loop blocked" in line:
                self.world.count[f"{server.name}: event loop blocked"] += 1
            for mark in ("[error]", "upgrade failed", "reload failed"):
                if mark in line and not any(str(pid) in line for pid in server.killed):
                    self.world.finding("log", f"{server.name}: {line[:300]}")

    async def sampling(self):
        due = time.monotonic()
        while not self.world.stop.is_set():
            await asyncio.to_thread(self.sample)
            due = max(due + SAMPLE_S, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    async def counting(self, census):
        while not self.world.stop.is_set():
            await asyncio.sleep(CENSUS_S)
            await census.take()

    async def under_load(self):
        census = Census(self.world, self.servers, self.publishers, self.ledger)
        events = Events(self, random.Random(self.options.seed))
        for publisher in self.publishers:
            publisher.start()
        viewers = [asyncio.create_task(Viewer(self.world, number).run())
                   for number in range(self.options.viewers)]
        others = [asyncio.create_task(one) for one in
                  (self.sampling(), self.counting(census), events.run())]
        end = asyncio.create_task(asyncio.sleep(3600 * self.options.hours))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, end.cancel)
        done, _ = await asyncio.wait([end, *others], return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self.world.gate.set()
        self.world.stop.set()
        await asyncio.gather(*viewers, return_exceptions=True)
        for publisher in self.publishers:
            await asyncio.to_thread(publisher.join, 30)
        await self.empty()
        self.record({"census": census.count, "longest": census.longest, "events": events.count})
        for task in done - {end}:
            task.result()

    async def empty(self):
        """When all have left, the API lists nobody."""
        begin = time.monotonic()
        with self.world.lock:
            waiting = [c for clients in self.world.clients.values() for c in clients.values()]
        for client in waiting:
            if client.release is not None:
                client.release()
        for server in self.servers:
            while left := (await asyncio.to_thread(server.api, "clients?count=1000"))["clients"]:
                if time.monotonic() - begin > STOP_S:
                    self.world.finding("census", f"{server.name}: {len(left)} clients at the end, "
                                       f"such as {left[0]}")
                    break
                await asyncio.sleep(0.5)
            while left := self.ledger.open(server.name, *ledger.QUERIES):
                if time.monotonic() - begin > STOP_S:
                    self.world.finding("callbacks", f"{server.name}: starts less ends at the end: "
                                       f"{dict(list(left.items())[:10])}")
                    break
                await asyncio.sleep(0.5)

    def stop(self):
        for server in reversed(self.servers):
            try:
                if server.is_running:
                    self.read_log(server)
                server.stop()
            except AssertionError as problem:
                self.world.finding("stop", f"{server.name}: {str(problem)[:4000]}")
            finally:
                server.kill()

    def finish(self):
        for publisher in self.publishers:
            for name, value in publisher.count.items():
                self.world.count[f"publisher {name}"] += value
        for (server, action), value in self.ledger.count.items():
            self.world.count[f"{server}: {action}"] = value
        self.callbacks.close()
        self.record({"count": dict(self.world.count)})
        self.file.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--viewers", type=int, default=70)
    parser.add_argument("--publishers", type=int, default=6)
    parser.add_argument("--server", type=Path)
    parser.add_argument("--objs", type=Path, default=harness.ROOT / "objs")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--asan", action="store_true", help="the sanitized build")
    parser.add_argument("--report", type=Path, metavar="DIR")
    options = parser.parse_args()
    if options.report:
        return report.write(options.report)
    options.objs = options.objs.resolve()
    options.server = options.server or options.objs / ("asan/server" if options.asan else "server")
    options.out = (options.out or options.objs / "soak").resolve()
    options.objs = str(options.objs)
    run = Run(options)
    try:
        run.launch()
        asyncio.run(run.under_load())
    finally:
        run.stop()
        run.finish()
    return report.write(options.out)


if __name__ == "__main__":
    sys.exit(main())
