"""Encoders that come and go. Each is a thread with an RTMP connection of its own; meanwhile it
changes its codec, its resolution and its clock, and it leaves politely, by a reset, or without
a word."""

import random
import socket
import struct
import threading
import time

import rtmp
from http_publisher import HttpPublisher
from sockets import client_address, go_silent, reset

TICK_S = 0.1             # frames are sent in batches this long
LIVES_S = 30, 150        # how long it publishes
HTTP_SHARE = 0.35        # of the publications
CHANGES_S = 10, 40       # between two changes of codec or clock
PAUSES_S = 1, 25         # before it comes back
SEND_TIMEOUT_S = 20      # a server that does not read
SILENT_S = 60            # how long a silent one keeps its socket
HOUR_MS = 3600 * 1000


class Sender:
    """Sends loops in real time, one round after the other."""

    def __init__(self, connection, loop):
        self.connection, self.begin = connection, time.monotonic()
        self.jump_ms = 0     # of the clock that is sent, against the one by which it is sent
        self.start(loop)

    def passed_ms(self):
        return int((time.monotonic() - self.begin) * 1000)

    def start(self, loop):
        """From now on this loop, from its beginning."""
        self.loop, self.at, self.offset = loop, 0, self.passed_ms()
        self.connection.send_tags(loop.preamble, self.offset + self.jump_ms)

    def send_due(self):
        now = self.passed_ms()
        while self.loop.ring[self.at].time + self.offset <= now:
            self.connection.send_tag(self.loop.ring[self.at], self.offset + self.jump_ms)
            self.at += 1
            if self.at == len(self.loop.ring):
                self.at, self.offset = 0, self.offset + self.loop.length_ms


class Publisher(threading.Thread):
    """One stream of one server: publishes loops, one after the other, until world.stopping."""

    def __init__(self, world, server, stream, loops, number):
        super().__init__(daemon=True, name=f"publisher {stream}")
        self.world, self.server, self.base, self.loops = world, server, stream, loops
        self.random = random.Random(world.seed * 1000 + number)
        self.generation = 0
        self.stream = stream     # its present name
        self.since = None        # when it started to publish; None while it does not
        self.absent_at = 0.0     # when it was last not publishing
        self.changed_at = 0.0    # when it last changed its codec
        self.address = None
        self.count = {"over RTMP": 0, "over HTTP": 0, "codec": 0, "clock": 0, "politely": 0, "reset": 0,
                      "silent": 0, "killed": 0}

    def run(self):
        try:
            while self.world.wait_open():
                self.publish()
                self.since, self.absent_at = None, time.monotonic()
                self.world.stop.wait(self.random.uniform(*PAUSES_S))
        except Exception as problem:  # noqa: BLE001  a finding of the tool's own
            self.world.finding("tool", f"{self.name}: {problem!r}")

    def publish(self):
        address = client_address()
        is_http = self.random.random() < HTTP_SHARE
        try:
            if is_http:
                connection = HttpPublisher(self.server.http_port, f"/live/{self.stream}.flv", address)
            else:
                connection = rtmp.Publisher(self.server.rtmp_url(f"live/{self.stream}"),
                                            source=address)
        except (OSError, AssertionError, rtmp.Closed) as problem:
            if not self.server.excuses(time.monotonic()):
                self.world.finding("refused", f"{self.name} at {self.server.name}: {problem}"[:300])
            return
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO,
                                     struct.pack("ll", SEND_TIMEOUT_S, 0))
        self.address = address
        self.world.came(self.server, address, "fmle-publish", self.stream)
        self.since = time.monotonic()
        self.count["over HTTP" if is_http else "over RTMP"] += 1
        try:
            self.send(connection)
        except OSError:
            connection.is_closed = True
        self.since, self.absent_at = None, time.monotonic()
        self.leave(connection, address)

    def send(self, connection):
        """Until it has had its time, or the server closes."""
        now = time.monotonic()
        end = now + self.random.uniform(*LIVES_S)
        change = now + self.random.uniform(*CHANGES_S)
        sender = Sender(connection, self.random.choice(self.loops))
        while not connection.is_closed and not self.world.stop.wait(TICK_S):
            now = time.monotonic()
            if now > end and self.world.is_open():
                return
            if now > change:
                change = now + self.random.uniform(*CHANGES_S)
                self.change(sender)
            sender.send_due()

    def change(self, sender):
        kind = self.random.choice(["codec", "forward", "back"])
        self.world.report({"publisher": self.stream, "change": kind})
        if kind == "codec":
            self.count["codec"] += 1
            self.changed_at = time.monotonic()
            sender.start(self.random.choice(self.loops))
        else:
            self.count["clock"] += 1
            sender.jump_ms = sender.jump_ms + HOUR_MS if kind == "forward" else -sender.passed_ms()

    def leave(self, connection, address):
        if connection.is_closed:
            self.count["killed"] += 1
            if not self.server.excuses(time.monotonic()) and not self.world.stop.is_set():
                self.world.finding("dropped", f"{self.name} at {self.server.name}")
            connection.close()
            self.world.left(self.server, address)
            return
        how = self.random.choice(["politely", "reset", "silent"])
        self.count[how] += 1
        if how == "politely":
            try:
                connection.unpublish()
            except (OSError, rtmp.Closed) as problem:
                if not self.server.excuses(time.monotonic()):
                    self.world.finding("dropped", f"{self.name}: {problem!r} at its end")
            self.world.left(self.server, address)
        elif how == "reset":
            reset(connection.socket)
            self.world.left(self.server, address)
        else:
            # The server must find out itself. Until then the name is taken.
            go_silent(connection.socket)
            self.generation += 1
            self.stream = f"{self.base}-{self.generation % 4}"
            self.world.vanished(self.server, address, lambda: reset(connection.socket), SILENT_S)
