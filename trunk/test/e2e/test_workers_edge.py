"""An edge with several workers: one of them asks the origin for all of them."""

import re
import socket
import threading

import pytest

from harness import wait_for
from rtmp import Publisher
from workers_kit import STREAM, closing, workers  # noqa: F401


class Origin:
    """Records requests and never answers."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard = []
        self.lines = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                line = self.listener.accept()[0]
            except OSError:
                return
            self.lines.append(line)
            threading.Thread(target=self._hear, args=(line,), daemon=True).start()

    def _hear(self, line):
        head = b""
        try:
            while b"\r\n\r\n" not in head and (more := line.recv(4096)):
                head += more
        except OSError:
            return
        self.heard += re.findall(r"X-Millrace-Relay: (.*)\r\n", head.decode())

    def close(self):
        for one in (self.listener, *self.lines):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()


class Line:
    """A connection that sends its request when its worker is known."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)

    def ask(self, headers="", stream=STREAM):
        self.socket.sendall(f"GET /{stream}.flv HTTP/1.1\r\nHost: a\r\n{headers}\r\n".encode())

    def close(self):
        self.socket.close()


@pytest.fixture
def origin(closing):  # noqa: F811
    return closing(Origin())


def test_the_origin_is_asked_for_viewers_of_every_worker(workers, closing, origin):  # noqa: F811
    """Else servers that ask each other in a ring would wait for ever, each at the next one."""
    one = workers(vhost=f"cluster {{ mode remote; origin 127.0.0.1:{origin.port}; protocol flv; "
                        "peers 127.0.0.1; }")
    first, second = one.pids()

    def line_at(pid):
        return closing(one.at(pid, lambda: Line(one.srv.http_port)))

    line_at(first).ask()
    wait_for(lambda: origin.heard, what="the pull")
    hops, own = origin.heard[0].split()
    assert hops == "1"
    said = []
    for name in ("far", "near"):
        line_at(second).ask(f"X-Millrace-Relay: 1 {name}\r\n")
        said.append(name)
        # The own mark comes last; the order of the others has no meaning.
        wait_for(lambda: origin.heard[-1].split()[0] == "2" and origin.heard[-1].split()[-1] == own
                 and sorted(origin.heard[-1].split()[1:-1]) == sorted(said), what="all to be named")
    wait_for(lambda: one.srv.log().count(": waiting for stream at ") == 2, what="each to have asked somebody")
    back = line_at(second)
    back.ask(f"X-Millrace-Relay: 2 far {own}\r\n")
    assert back.socket.recv(4096).startswith(b"HTTP/1.1 508 ")


def test_all_pulls_are_counted_together(workers, closing, server, source):  # noqa: F811
    """max_pulls is the server's. Its workers still serve what another one fetches, which takes no
    place of its own."""
    far = server()
    preamble, gops = source
    for name in ("s1", "s2"):
        closing(Publisher(far.rtmp_url(f"live/{name}"))).send_tags(preamble + gops[0])
    one = workers(top="max_pulls 1;", vhost=f"cluster {{ mode remote; protocol flv; "
                  f"origin 127.0.0.1:{far.http_port}; stall_timeout 60000; }}")
    first, second = one.pids()
    for pid, name, status in ((first, "s1", 200), (second, "s2", 503), (second, "s1", 200)):
        line = closing(one.at(pid, lambda: Line(one.srv.http_port)))
        line.ask(stream=f"live/{name}")
        assert line.socket.recv(4096).startswith(b"HTTP/1.1 %d " % status), name
