#!/usr/bin/env python3
"""Memory of rewind: 60 s of a stream of 1 Mbit/s, and 1,000 viewers at 1,000 places in it.

    research/bench/rewind.py [--server objs/server] [--viewers 1000] [--seconds 60]

Prints the growth of the server's resident memory: with the stream, with as many live viewers, and with
viewers that begin all over the past and read it as fast as it was made. Goal: the stream below 9 MB, and
viewers of the past cost what live ones do. The sockets' buffers are the kernel's, and not counted.
"""

import argparse
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "trunk" / "test" / "e2e"))

import flv  # noqa: E402
import rtmp  # noqa: E402
from harness import free_port, wait_for  # noqa: E402

KEY, INTER = b"\x17\x01\0\0\0", b"\x27\x01\0\0\0"
RATE = 25


def resident(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit("no VmRSS")


def stream(seconds, bits):
    """Frames of a stream with a keyframe in each 2 s, which takes a fifth of the bytes."""
    per_gop = bits // 8 * 2
    key = per_gop // 5
    inter = (per_gop - key) // (2 * RATE - 1)
    for i in range(seconds * RATE):
        is_key = i % (2 * RATE) == 0
        size = (key if is_key else inter) - 20
        body = (KEY if is_key else INTER) + size.to_bytes(4, "big") + \
            (b"\x65" if is_key else b"\x41") + os.urandom(size - 1)
        yield flv.Tag(flv.VIDEO, i * 1000 // RATE, body)


def connect(port, query):
    one = socket.create_connection(("127.0.0.1", port))
    one.sendall(f"GET /live/s.flv{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    return one


def read_paced(sockets, bits, stop):
    """Each socket gets about as much as a player that shows it in real time takes."""
    share = max(1, bits // 8 // 10)
    for one in sockets:
        one.setblocking(False)
    while not stop.is_set():
        begin = time.monotonic()
        for one in sockets:
            try:
                one.recv(share)
            except BlockingIOError:
                pass
        stop.wait(max(0, begin + 0.1 - time.monotonic()))


class Server:
    """A server that keeps the past, with a stream that is published in real time."""

    def __init__(self, options):
        self.options = options
        self.rtmp_port, self.http_port = free_port(), free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="bench-rewind-")
        config = Path(self.folder.name) / "server.conf"
        config.write_text(f"""listen {self.rtmp_port}; daemon off; srs_log_tank console; workers 1;
max_connections {options.viewers + 200}; max_connections_per_ip 0;
http_server {{ enabled on; listen {self.http_port}; dir {self.folder.name}; }}
vhost __defaultVhost__ {{
    http_remux {{ enabled on; rewind {options.seconds}; mount [vhost]/[app]/[stream].flv; }}
    publish {{ normal_timeout 600000; }}
}}
""")
        self.process = subprocess.Popen([options.server, "-c", config], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for(self.is_ready, 20, "the server")
        self.publisher = rtmp.Publisher(f"rtmp://127.0.0.1:{self.rtmp_port}/live/s")
        preamble, _ = flv.preamble_and_ring(flv.parse_file(ROOT / "doc" / "source.flv").tags)
        self.publisher.send_tags(t for t in preamble if not t.is_audio and not t.is_script)
        self.frames = stream(10 * options.seconds, options.bits)
        self.before = self.resident()
        self.most = 0

    def is_ready(self):
        if self.process.poll() is not None:
            raise SystemExit("the server has ended")
        try:
            socket.create_connection(("127.0.0.1", self.http_port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def resident(self):
        return resident(self.process.pid)

    def publish(self, seconds):
        """In real time; notes the most memory."""
        self.most = 0
        for _ in range(seconds):
            self.publisher.send_paced(itertools.islice(self.frames, RATE))
            self.most = max(self.most, self.resident())
        return self.most - self.before

    def with_viewers(self, seconds, query_of):
        """The same with viewers; they have left at the end."""
        viewers, stop = [], threading.Event()
        for i in range(self.options.viewers):
            viewers.append(connect(self.http_port, query_of(i)))
        reader = threading.Thread(target=read_paced, args=(viewers, self.options.bits, stop))
        reader.start()
        try:
            return self.publish(seconds)
        finally:
            stop.set()
            reader.join()
            for one in viewers:
                one.close()

    def close(self):
        self.publisher.close()
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", default=ROOT / "objs" / "server")
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--bits", type=int, default=1_000_000)
    options = parser.parse_args()
    # The second server has live viewers only: their memory stays in the first one's heap.
    figures = {}
    for kind in ("live", "past"):
        server = Server(options)
        try:
            figures["stream"] = server.publish(options.seconds + 15)
            if kind == "live":
                figures[kind] = server.with_viewers(20, lambda i: "")
            else:
                step = (options.seconds - 2) * 1000 / options.viewers
                figures[kind] = server.with_viewers(
                    20, lambda i, s=step: f"?startPts=-{1000 + round(i * s)}")
        finally:
            server.close()
    print(f"{options.seconds} s of {options.bits / 1e6:g} Mbit/s: {figures['stream']:.1f} MB")
    print(f"with {options.viewers} live viewers: {figures['live']:.1f} MB")
    print(f"with {options.viewers} viewers at as many places: {figures['past']:.1f} MB")


if __name__ == "__main__":
    main()
