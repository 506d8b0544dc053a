"""What the tests of several workers share: the processes of a server, and which of them has a
connection."""

import os
import re
import signal
import socket
import struct
import threading
from pathlib import Path

import pytest

import flv
from harness import is_alive, wait_for
from rtmp import Publisher

STREAM = "live/livestream"
UPGRADE_ENDS = re.compile(r"upgrade done: .*|upgrade failed, the running server continues: (.*)")
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20


def flat(gops):
    return [tag for gop in gops for tag in gop]


def keys(tags):
    return [tag.key for tag in tags]


def link_of(sock):
    """What /proc shows of the other end of a loopback connection: "socket:[inode]"; None when it
    is gone. The kernel is asked for this very one (sock_diag(7)): in the table of all of them,
    /proc/net/tcp, some are missing while others come and go."""
    ends = [sock.getpeername(), sock.getsockname()]
    where = struct.pack(">HH", *(port for _, port in ends)) + b"".join(
        socket.inet_aton(ip).ljust(16, b"\0") for ip, _ in ends) + struct.pack("=Iq", 0, -1)
    ask = struct.pack("=BBHI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0xffffffff) + where
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(10)
        kernel.bind((0, 0))
        kernel.send(struct.pack("=IHHII", 16 + len(ask), SOCK_DIAG_BY_FAMILY, 1, 1, 0) + ask)
        answer = kernel.recv(8192)
    if struct.unpack_from("=IH", answer)[1] != SOCK_DIAG_BY_FAMILY:
        return None
    inode = struct.unpack_from("=I", answer, 16 + 68)[0]
    return f"socket:[{inode}]" if inode else None


def links_of(pid):
    """The targets of a process's descriptors; empty if it has ended."""
    found = set()
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return found
    for name in names:
        try:
            found.add(os.readlink(f"/proc/{pid}/fd/{name}"))
        except OSError:
            pass
    return found


class Workers:
    """The processes of a server, and which of them has a connection."""

    def __init__(self, srv, count):
        self.srv, self.count = srv, count

    def pids(self):
        """By slot, the newest of each."""
        found = {}
        for slot, pid in re.findall(r"worker (\d+) starts, process (\d+)", self.srv.log()):
            found[int(slot)] = int(pid)
        return [found[slot] for slot in sorted(found)]

    def wait_again(self, slot):
        """Waits until the replacement of a worker that has ended is ready."""
        wait_for(lambda: len(re.findall(rf"\] worker {slot} ready\n", self.srv.log())) == 2, 15,
                 f"worker {slot} to be ready again")

    def of(self, sock):
        """The worker that serves this connection of ours, by the kernel's tables. A worker that has
        just accepted it may be about to hand it over, so the same result is needed twice."""
        seen = self.seen(sock)
        return seen if seen == self.seen(sock) else None

    def seen(self, sock):
        link = link_of(sock)
        for pid in self.pids() if link else []:
            if link in links_of(pid):
                return pid
        return None

    def counts(self, socks):
        """How many of these connections each worker has, by slot."""
        links = {link_of(sock) for sock in socks}
        return [len(links & links_of(pid)) for pid in self.pids()]

    def spread(self, socks):
        """The same, once all of them are served."""
        return wait_for(lambda: (lambda c: sum(c) == len(socks) and c)(self.counts(socks)), 10,
                        f"{len(socks)} connections to be served")

    def at(self, pid, make, tries=60):
        """The result of make() (it has a .socket), at this worker, although the kernel chooses. A
        worker with more connections than the others gets none, so the others get some meanwhile."""
        others = []
        try:
            for turn in range(tries):
                one = make()
                if wait_for(lambda: self.of(one.socket), 10, "a worker to accept") == pid:
                    return one
                if turn > 4:
                    others.append(socket.create_connection(("127.0.0.1", self.srv.http_port)))
                one.close()
        finally:
            for other in others:
                other.close()
        raise AssertionError(f"{tries} connections, and none came to {pid}")

    def viewer_at(self, pid, path=f"/{STREAM}.flv", **options):
        return self.at(pid, lambda: flv.Viewer(self.srv.http_url(path), **options))

    def publisher_at(self, pid, stream=STREAM):
        def make():
            # One at another worker, closed again, must have disappeared.
            wait_for(lambda: self.srv.log().count(f"start publish __defaultVhost__/{stream} ")
                     == self.srv.log().count(f"stop publish __defaultVhost__/{stream} "), 10,
                     "the last one to be gone")
            return Publisher(self.srv.rtmp_url(stream))
        return self.at(pid, make)

    def watched(self, closing, source, here, there):
        """A publisher at one worker and a viewer at another, which has received the first GOP."""
        preamble, gops = source
        pub = closing(self.publisher_at(here))
        pub.send_tags(preamble + gops[0])
        viewer = closing(self.viewer_at(there))
        viewer.wait_media(len(gops[0]))
        return pub, viewer


@pytest.fixture
def workers(server):
    """workers(2, **parts): a server with that many workers, as Workers."""
    opened = []

    def start(count=2, **parts):
        top = parts.pop("top", "")
        # A publisher may be silent while a test looks for viewers at the right worker.
        parts["publish"] = {"normal_timeout": 60000, **parts.get("publish", {})}
        one = Workers(server(top=f"workers {count}; {top}", **parts), count)
        opened.append(one)
        return one

    yield start
    for one in opened:
        has_ended(one)


def has_ended(one):
    """The server, its master killed or not, leaves no process running."""
    if not one.srv.is_running:
        wait_for(lambda: not any(is_alive(pid) for pid in one.pids()), 5, "the workers to end")


@pytest.fixture
def closing():
    """closing(x): x.close() at the end, before the server is stopped."""
    opened = []

    def keep(one):
        opened.append(one)
        return one

    yield keep
    for one in reversed(opened):
        one.close()


def folder_of(one):
    """The private folder of the workers' sockets."""
    return Path(re.search(r"listens on unix:(\S+)/\d", one.srv.log()).group(1))


def upgrade(srv, fails=False, timeout=40):
    """Upgrades the server, and returns the line that says how it ended."""
    before = len(UPGRADE_ENDS.findall(srv.log()))
    srv.signal(signal.SIGUSR2)
    found = wait_for(lambda: list(UPGRADE_ENDS.finditer(srv.log()))[before:], timeout, "the upgrade")[0]
    assert (found[1] is not None) == fails, srv.log()
    return found[0]


class Feeder:
    """Publishes a stream in a loop, in real time; again when it loses its connection."""

    def __init__(self, url, source):
        self.url, self.source = url, source
        self.stop = threading.Event()
        self.socket = None  # of the present connection
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        preamble, gops = self.source
        while not self.stop.is_set():
            try:
                with Publisher(self.url) as pub:
                    self.socket = pub.socket
                    pub.send_tags(preamble)
                    pub.send_paced(flat(gops), stop=self.stop)
            except (AssertionError, OSError):
                self.stop.wait(0.05)
            finally:
                self.socket = None

    def close(self):
        self.stop.set()
        self.thread.join(30)
