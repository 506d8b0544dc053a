"""Viewers of all kinds: by format and transport, by how fast they read, and by how they leave."""

import asyncio
import base64
import os
import random
import socket
import ssl
import time

from rtmp_client import Client
from sockets import client_address, go_silent, reset

# kind: (the API's type, extension, transport)
KINDS = {
    "flv": ("flv-play", "flv", "http"), "ts": ("ts-play", "ts", "http"),
    "mp3": ("mp3-play", "mp3", "http"), "aac": ("aac-play", "aac", "http"),
    "ws": ("flv-play", "flv", "ws"), "https-flv": ("flv-play", "flv", "https"),
    "https-ts": ("ts-play", "ts", "https"), "wss": ("flv-play", "flv", "wss"),
    "rtmp": ("rtmp-play", "", "rtmp"),
}
CODECS = {"mp3": "mp3", "aac": "aac"}  # kinds that need a stream with this audio
PACES = ["fast"] * 8 + ["slow", "still"]
LEAVES = ["close"] * 4 + ["reset"] * 2 + ["silent"]
LIVES_S = (0.1, 3), (5, 120)   # how long one watches: half of them only look in
SLOW_BYTES, SLOW_S = 4096, 0.4
SMALL_BUFFER = 16384      # of the socket of a slow one
STILL_AFTER = 100000      # bytes after which one reads no more
CONNECT_S = 30
SILENT_S = 150            # a silent one must be gone from the server by then
STARVED_S = 15            # a stream is published, and its fast viewer gets nothing
REPUBLISH_S = 40          # after its publisher has left, the server may end a viewer
EXCUSE_CODEC_S = 20       # after a change of codec, too
BACKLOG_S = 150           # a slow one sees the end only after what the kernel still has for it

TLS = ssl.create_default_context()
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE


class Script(Client):
    """Collects what an RTMP client would send, without a connection."""

    def __init__(self):  # pylint: disable=super-init-not-called
        self.size_out, self.out = 128, b""

    def send(self, data):
        self.out += data

    @classmethod
    def play(cls, app, stream):
        one = cls()
        one.command("connect", 1, {"app": app, "tcUrl": f"rtmp://127.0.0.1/{app}"})
        one.command("createStream", 2, None)
        one.command("play", 3, None, stream, -2, stream=1)
        return one.out


class Refused(Exception):
    pass


class Viewer:
    """One place: a viewer after the other."""

    def __init__(self, world, number):
        self.world = world
        self.random = random.Random(world.seed * 7919 + number)
        self.forget()

    def forget(self):
        self.publisher = self.server = self.kind = self.pace = None
        self.stream = ""
        self.bytes, self.last_at, self.is_starved, self.begun = 0, 0.0, False, 0.0

    async def run(self):
        while await self.world.opened():
            self.forget()
            self.choose()
            try:
                await self.watch()
            except Exception as problem:  # noqa: BLE001
                self.world.finding("tool", f"viewer {self.kind}: {problem!r}")
            await asyncio.sleep(self.random.uniform(0, 1))

    def choose(self):
        """The kinds in turn, each place at another of them; a stream that suits."""
        self.kind = self.random.choice(list(KINDS))
        targets = self.world.targets(CODECS.get(self.kind))
        self.server, self.publisher, self.vhost = self.random.choice(targets)
        self.stream = self.publisher.stream
        self.pace = self.random.choice(PACES)

    # ---- connecting

    async def connect(self, address):
        sock = socket.socket()
        if self.pace != "fast":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        sock.bind((address, 0))
        sock.setblocking(False)
        transport = KINDS[self.kind][2]
        port = {"rtmp": self.server.rtmp_port, "https": self.server.https_port,
                "wss": self.server.https_port}.get(transport, self.server.http_port)
        tls = {"ssl": TLS, "server_hostname": "localhost"} if transport in ("https", "wss") else {}
        try:
            await asyncio.wait_for(
                asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port)), CONNECT_S)
            reader, writer = await asyncio.wait_for(
                asyncio.open_connection(sock=sock, limit=1 << 14 if self.pace != "fast" else 1 << 18,
                                        **tls), CONNECT_S)
        except BaseException:
            sock.close()
            raise
        return sock, reader, writer

    async def ask(self, reader, writer):
        """The request; the response's head is read."""
        _, extension, transport = KINDS[self.kind]
        query = f"?vhost={self.vhost}" if self.vhost else ""
        if transport == "rtmp":
            writer.write(b"\x03" + bytes(8) + os.urandom(1528))
            answer = await reader.readexactly(3073)
            writer.write(answer[1:1537] + Script.play("live" + query, self.stream))
            return
        lines = ""
        if transport in ("ws", "wss"):
            key = base64.b64encode(os.urandom(16)).decode()
            lines = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" \
                f"Sec-WebSocket-Key: {key}\r\n"
        writer.write(f"GET /live/{self.stream}.{extension}{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     f"{lines}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 101 ")):
            raise Refused(head[:300].decode(errors="replace").strip())

    # ---- one viewer's life

    async def watch(self):
        address = client_address()
        count = self.world.count
        try:
            sock, reader, writer = await self.connect(address)
        except (OSError, asyncio.TimeoutError) as problem:
            self.ended("refused", repr(problem))
            return
        self.world.came(self.server, address, KINDS[self.kind][0], self.stream,
                        is_sure=False)
        self.begun = time.monotonic()
        end = self.begun + self.random.uniform(*self.random.choice(LIVES_S))
        count[f"viewers {self.kind}"] += 1
        count[f"pace {self.pace}"] += 1
        by_server = True
        try:
            by_server = await self.life(address, reader, writer, end)
        except Refused as problem:
            if " 404 " in f"{problem} " and self.was_absent(REPUBLISH_S):
                count["end no stream"] += 1
            else:
                self.ended("refused", str(problem))
        except (OSError, asyncio.IncompleteReadError, ssl.SSLError) as problem:
            self.ended("dropped", repr(problem))
        if by_server:
            writer.transport.abort()
            self.world.left(self.server, address)
        else:
            self.leave(address, sock, writer)

    async def life(self, address, reader, writer, end):
        """Returns whether the server has ended it."""
        reading = asyncio.create_task(self.read(address, reader, writer))
        try:
            while not reading.done():
                left = end - time.monotonic()
                if left <= 0 and self.world.is_open():
                    return False
                await asyncio.wait([reading], timeout=min(max(left, 0.3), 5))
                self.look_starved()
                if self.world.stop.is_set():
                    return False
            reading.result()
            return True
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def read(self, address, reader, writer):
        await self.ask(reader, writer)
        while data := await reader.read(SLOW_BYTES if self.pace == "slow" else 1 << 16):
            if not self.bytes:
                self.world.is_sure(self.server, address, self.pace == "fast")
            self.bytes += len(data)
            self.world.count["bytes"] += len(data)
            self.last_at = time.monotonic()
            if self.pace == "slow":
                await asyncio.sleep(SLOW_S)
            elif self.pace == "still" and self.bytes > STILL_AFTER:
                writer.transport.pause_reading()
                await asyncio.sleep(3600)
        self.ended("dropped", "end of stream")

    # ---- what it thinks of the server

    def was_absent(self, seconds):
        """Whether the stream has not been published all of the last seconds."""
        now, since = time.monotonic(), self.publisher.since
        return since is None or now - since < seconds or self.publisher.stream != self.stream

    def ended(self, how, why):
        """The server has ended it, or not let it begin."""
        now = time.monotonic()
        count = self.world.count
        backlog = BACKLOG_S if self.pace == "slow" else 0
        if self.server.excuses(now) or self.publisher.server.excuses(now):
            count["end at a killed worker"] += 1
        elif self.world.stop.is_set():
            count["end at the stop"] += 1
        elif how == "dropped" and self.was_absent(REPUBLISH_S + backlog):
            count["end of the stream"] += 1
        elif how == "dropped" and now - self.publisher.changed_at < EXCUSE_CODEC_S + backlog:
            count["end by a change of codec"] += 1
        elif self.pace == "still":
            count["end of one that stood still"] += 1
        else:
            self.world.finding(how, f"{self.kind} {self.pace} viewer of {self.stream} at "
                               f"{self.server.name} after {now - (self.begun or now):.0f} s and "
                               f"{self.bytes} bytes: {why}")

    def look_starved(self):
        now = time.monotonic()
        if self.pace != "fast" or self.is_starved or self.was_absent(STARVED_S):
            return
        if now - max(self.last_at, self.begun) > STARVED_S and not self.server.excuses(now, 30):
            self.is_starved = True
            self.world.finding("starved", f"{self.kind} viewer of {self.stream} at {self.server.name}: "
                               f"nothing for {STARVED_S} s, {self.bytes} bytes before")

    def leave(self, address, sock, writer):
        how = self.random.choice(LEAVES)
        if self.pace == "still":
            how = "reset"
        self.world.count[f"leave {how}"] += 1
        if sock.fileno() < 0:   # the server was first
            self.world.left(self.server, address)
            return
        if how == "silent":
            go_silent(sock)
            self.world.vanished(self.server, address, lambda: reset_transport(sock, writer),
                                SILENT_S)
            return
        if how == "reset":
            reset_transport(sock, writer)
        else:
            writer.transport.abort() if self.kind.startswith(("https", "wss")) else writer.close()
        self.world.left(self.server, address)


def reset_transport(sock, writer):
    """asyncio closes the descriptor itself, or has done so."""
    if sock.fileno() < 0:
        return
    duplicate = sock.dup()
    writer.transport.abort()
    reset(duplicate)
