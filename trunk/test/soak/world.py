"""What the tool itself runs, and therefore knows: which clients there are, at which server."""

import asyncio
import collections
import sys
import threading
import time


class Client:
    def __init__(self, kind, stream, is_sure):
        self.kind, self.stream, self.is_sure = kind, stream, is_sure
        self.gone_at = None    # when it vanished without a word
        self.gone_by = None    # when the server must have noticed
        self.release = None    # gives its socket back


class World:
    """Shared by all threads and tasks. While it is closed, nobody comes or goes of its own accord."""

    def __init__(self, seed, report):
        self.seed, self.report = seed, report
        self.stop = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.lock = threading.Lock()
        self.clients = {}     # by server's name, then by address
        self.count = collections.Counter()
        self.places = []      # (server, publisher, vhost) of viewers

    # ---- coming and going

    def is_open(self):
        return self.gate.is_set()

    def wait_open(self):
        """For threads. False at the end."""
        while not self.stop.is_set():
            if self.gate.wait(0.5):
                return not self.stop.is_set()
        return False

    async def opened(self):
        """For tasks."""
        while not self.stop.is_set() and not self.gate.is_set():
            await asyncio.sleep(0.1)
        return not self.stop.is_set()

    def came(self, server, address, kind, stream, is_sure=True):
        with self.lock:
            self.clients.setdefault(server.name, {})[address] = Client(kind, stream, is_sure)

    def is_sure(self, server, address, is_sure):
        """Whether it must be at the server. One that reads nothing cannot know."""
        with self.lock:
            client = self.clients[server.name].get(address)
            if client is not None:
                client.is_sure = is_sure

    def left(self, server, address):
        """The connection is closed; the server learns it in a moment."""
        with self.lock:
            self.clients[server.name].pop(address, None)

    def vanished(self, server, address, release, seconds):
        with self.lock:
            client = self.clients[server.name][address]
            client.is_sure, client.release = False, release
            client.gone_at = time.monotonic()
            client.gone_by = client.gone_at + seconds

    def targets(self, codec):
        """Streams to watch; codec: with this audio at least at times."""
        found = [place for place in self.places if codec is None or codec in place[1].audio]
        return [place for place in found if place[1].since is not None] or found

    # ---- findings

    def finding(self, kind, text):
        stamp = time.strftime("%H:%M:%S")
        with self.lock:
            self.report({"finding": kind, "text": text})
        print(f"{stamp} FOUND {kind}: {text}", file=sys.stderr, flush=True)
