"""Network namespaces and the wires between them, for tests of what networks do to a cluster.

    one, two = netns.Namespace(), netns.Namespace()
    wire = netns.Wire(one, two, number=1, delay_ms=100, loss=0.02)
    with two.inside():
        origin = server()             # whatever is started or connected in here is there
    wire.cut()                        # from now on not a packet arrives, nor any refusal

A namespace is held by a descriptor and has no name, a wire's ends are TUN devices: all of it is gone
with the process that made it, however that ends. The wire carries packets from one end
to the other itself rather than by tc's netem, which not every kernel has, and so its losses are
the same in every run. Like `netem` on one interface it delays, loses and slows down in one direction: from
its second namespace to its first. rate is in bits per second; packets that would wait for longer than
queue_ms for their turn are lost, as at a router.
"""

import contextlib
import ctypes
import fcntl
import heapq
import os
import random
import socket
import struct
import subprocess
import threading
import time

from ready import readable

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFDSTADDR = 0x8914, 0x8916, 0x8918
IFF_UP, IFF_POINTOPOINT = 0x01, 0x10
PACKET_MAX = 65536

libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _interface(name, address=None, peer=None):
    """Brings up an interface of the current namespace, with these addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, value in ((SIOCSIFADDR, address), (SIOCSIFDSTADDR, peer)):
            if value is not None:
                fcntl.ioctl(control, request, struct.pack("16sHH4s8x", name.encode(),
                                                          socket.AF_INET, 0,
                                                          socket.inet_aton(value)))
        flags = IFF_UP | (IFF_POINTOPOINT if peer is not None else 0)
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", name.encode(), flags))


class Namespace:
    """A network of its own, with nothing but a loopback interface."""

    def __init__(self):
        made = []
        thread = threading.Thread(target=self._make, args=(made,))
        thread.start()
        thread.join()
        if isinstance(made[0], Exception):
            raise made[0]
        self.descriptor = made[0]
        with self.inside():
            _interface("lo")

    @staticmethod
    def _make(made):
        # Runs in a thread of its own: only this thread changes its namespace.
        try:
            _check(libc.unshare(CLONE_NEWNET), "unshare")
            made.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            made.append(error)

    @contextlib.contextmanager
    def inside(self):
        """Whatever this thread opens or starts meanwhile belongs to the namespace permanently."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(libc.setns(self.descriptor, CLONE_NEWNET), "setns")
            yield self
        finally:
            _check(libc.setns(before, CLONE_NEWNET), "setns back")
            os.close(before)

    def close(self):
        os.close(self.descriptor)


class Wire:
    """Joins two namespaces: the first is 10.9.NUMBER.1, the second 10.9.NUMBER.2."""

    def __init__(self, first, second, *, number=1, delay_ms=0.0, loss=0.0, rate=None,
                 queue_ms=200.0):
        self.delay = delay_ms / 1000
        self.loss = loss
        self.rate = rate
        self.queue = queue_ms / 1000
        self._free_at = 0.0         # when the packets before the next one have passed
        self.address, self.far_address = f"10.9.{number}.1", f"10.9.{number}.2"
        self.passed = self.lost = 0
        self._dice = random.Random(number)
        self._is_cut = False
        self._waiting = []          # (when it is due, serial number, where to, the packet)
        self._serial = 0
        self._ends = [self._end(first, f"wire{number}", self.address, self.far_address),
                      self._end(second, f"wire{number}", self.far_address, self.address)]
        self._stop, self._stopped = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @staticmethod
    def _end(namespace, name, address, peer):
        with namespace.inside():
            end = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
            fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
            _interface(name, address, peer)
        return end

    def cut(self):
        """Silently: connected peers receive nothing any more, not even a reset."""
        self._is_cut = True

    def mend(self):
        self._is_cut = False

    def _take(self, end):
        try:
            packet = os.read(end, PACKET_MAX)
        except OSError:
            return
        is_back = end == self._ends[1]      # the direction with faults
        if self._is_cut or (is_back and self._dice.random() < self.loss):
            self.lost += 1
            return
        due = time.monotonic()
        if is_back and self.rate:
            turn = max(due, self._free_at)
            if turn - due > self.queue:
                self.lost += 1
                return
            due = self._free_at = turn + len(packet) * 8 / self.rate
        if is_back:
            due += self.delay
        self._serial += 1
        heapq.heappush(self._waiting, (due, self._serial, self._ends[0 if is_back else 1], packet))

    def _give(self):
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            _, _, end, packet = heapq.heappop(self._waiting)
            if self._is_cut:
                continue
            with contextlib.suppress(OSError):
                os.write(end, packet)
                self.passed += 1

    def _run(self):
        while True:
            wait = None
            if self._waiting:
                wait = max(0.0, self._waiting[0][0] - time.monotonic())
            ready = readable([*self._ends, self._stop], wait)
            if self._stop in ready:
                return
            for end in ready:
                self._take(end)
            self._give()

    def close(self):
        os.write(self._stopped, b"x")
        self._thread.join(5)
        for end in (*self._ends, self._stop, self._stopped):
            os.close(end)


def require():
    """Skips the test if namespaces or wires cannot be created."""
    try:
        first, second = Namespace(), Namespace()
        Wire(first, second).close()
        first.close()
        second.close()
    except OSError as error:
        import pytest       # the benchmarks run without it

        pytest.skip(f"network namespaces cannot be made here: {error}")


class NameServer:
    """Answers A queries on 127.0.0.1 port 53 of a namespace, where it alone is asked.

    names: "origin.test" -> an address, "none" (there is no such name) or "mute" (no answer).
    asked: (time, name) of each A query.
    """

    def __init__(self, namespace, folder, names):
        self.names = dict(names)
        self.asked = []
        self._conf = folder / "resolv.conf"
        self._conf.write_text("nameserver 127.0.0.1\nsearch test\n")
        # In a chroot whose root is not a mount, mounts would be visible outside as well.
        tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True)
        if tried.returncode != 0:
            import pytest

            pytest.skip(f"no mounts of one's own can be made here: {tried.stderr.strip()}")
        with namespace.inside():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind(("127.0.0.1", 53))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def prefix(self):
        """A prefix for a server's command line: it reads this resolv.conf as /etc/resolv.conf.
        Without one, the library asks 127.0.0.1 anyway."""
        script = 'if [ -e /etc/resolv.conf ]; then mount --bind "$0" /etc/resolv.conf || exit; fi; ' \
                 'exec "$@"'
        return ("unshare", "--mount", "sh", "-c", script, self._conf)

    def asked_for(self, name):
        return [at for at, asked in list(self.asked) if asked == name]

    @staticmethod
    def _question(query):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
            at += query[at] + 1
        return ".".join(labels), int.from_bytes(query[at + 1:at + 3], "big"), query[12:at + 5]

    def _run(self):
        while True:
            try:
                query, peer = self._socket.recvfrom(2048)
            except OSError:
                return
            if not query:
                return
            name, kind, question = self._question(query)
            if kind == 1:
                self.asked.append((time.monotonic(), name))
            found = self.names.get(name, "none")
            if found == "mute":
                continue
            records = []
            if kind == 1 and found != "none":
                records = [b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" + socket.inet_aton(found)]
            flags = b"\x85\x83" if found == "none" else b"\x85\x80"
            head = query[:2] + flags + struct.pack(">HHHH", 1, len(records), 0, 0)
            self._socket.sendto(head + question + b"".join(records), peer)

    def close(self):
        # Closing a socket does not wake its reader; shutting it down does.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()
