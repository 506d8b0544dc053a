#!/usr/bin/env python3
"""How evenly connections fall on listeners that share a port: what the kernel does by each of the
ways it offers, and what the server makes of it, which hands over what one worker has too many.

    research/bench/spread.py [--objs OBJS] [--connections 1000] [--workers 2] [--rounds 20]

Prints the part of the connections that the fullest listener, or worker, had: the median of the
rounds and the worst of them. An even share is 1 / workers.
"""

import argparse
import ctypes
import os
import pathlib
import re
import socket
import statistics
import struct
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SO_INCOMING_CPU, SO_ATTACH_REUSEPORT_CBPF = 49, 51


def by_hash(listeners):
    """What SO_REUSEPORT does by itself."""


def by_random(listeners):
    """A classic BPF program: a random number modulo the listeners (bpf(2), SKF_AD_RANDOM)."""
    load_random, modulo, answer = (0x20, 0xfffff000 + 56), (0x94, len(listeners)), (0x16, 0)
    code = b"".join(struct.pack("=HBBI", op, 0, 0, k) for op, k in (load_random, modulo, answer))
    memory = ctypes.create_string_buffer(code)
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(memory))
    listeners[0].setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program)


def by_cpu(listeners):
    """The listener of the CPU that the packet came in by."""
    for cpu, listener in enumerate(listeners):
        listener.setsockopt(socket.SOL_SOCKET, SO_INCOMING_CPU, cpu % os.cpu_count())


def connect(port, count):
    return [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]


def close(socks):
    for sock in socks:
        # No TIME_WAIT: the next round has all ports to choose from.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()


def of_kernel(way, options):
    """The fullest listener's share."""
    listeners = []
    for _ in range(options.workers):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.setblocking(False)
        one.bind(listeners[0].getsockname() if listeners else ("127.0.0.1", 0))
        one.listen(4096)
        listeners.append(one)
    way(listeners)
    clients = connect(listeners[0].getsockname()[1], options.connections)
    counts = []
    for listener in listeners:
        taken = []
        while True:
            try:
                taken.append(listener.accept()[0])
            except BlockingIOError:
                break
        counts.append(len(taken))
        for one in taken:
            one.close()
        listener.close()
    close(clients)
    return max(counts) / sum(counts)


class Server:
    def __init__(self, options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = tempfile.TemporaryDirectory()
        conf = pathlib.Path(self.folder.name) / "conf"
        conf.write_text(f"daemon off; workers {options.workers}; pid {self.folder.name}/pid; "
                        f"max_connections {2 * options.connections}; srs_log_tank console; "
                        f"http_server {{ enabled on; listen {self.port}; }}\n"
                        "vhost __defaultVhost__ { http_remux { enabled on; } }\n")
        self.log = pathlib.Path(self.folder.name) / "log"
        self.workers = options.workers
        with open(self.log, "w") as out:
            self.child = subprocess.Popen([options.objs / "server", "-c", conf], stdout=out,
                                          stderr=subprocess.STDOUT)
        while f"{self.workers} workers ready" not in self.log.read_text():
            if self.child.poll() is not None:
                raise SystemExit(self.log.read_text())
            time.sleep(0.02)
        self.pids = re.findall(r"worker \d+ starts, process (\d+)", self.log.read_text())
        self.idle = self.held()

    def held(self):
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in self.pids]

    def share(self, options):
        clients = connect(self.port, options.connections)
        while True:
            counts = [now - idle for now, idle in zip(self.held(), self.idle)]
            if sum(counts) == options.connections:
                break
            time.sleep(0.02)
        close(clients)
        while self.held() != self.idle:
            time.sleep(0.02)
        return max(counts) / sum(counts)

    def close(self):
        self.child.terminate()
        self.child.wait()
        self.folder.cleanup()


def say(name, shares):
    print(f"{name}: the fullest has {100 * statistics.median(shares):.1f} % (median), "
          f"{100 * max(shares):.1f} % (worst of {len(shares)})", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objs", type=pathlib.Path, default=ROOT / "objs")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    for name, way in (("SO_REUSEPORT", by_hash), ("SO_REUSEPORT with a random program", by_random),
                      ("SO_INCOMING_CPU", by_cpu)):
        say(name, [of_kernel(way, options) for _ in range(options.rounds)])
    server = Server(options)
    try:
        say("the server", [server.share(options) for _ in range(options.rounds)])
    finally:
        server.close()


if __name__ == "__main__":
    main()
