"""A worker that hangs is replaced, and only its own connections are affected."""

import os
import re
import signal
import socket
import time

from harness import wait_for
from rtmp import Publisher
from workers_kit import closing, flat, workers  # noqa: F401

KILLED = r"worker (\d), process (\d+), has not responded for \d+ ms"


def ask(srv):
    sock = socket.create_connection(("127.0.0.1", srv.http_port), timeout=30)
    sock.sendall(b"GET /nothing.txt HTTP/1.0\r\n\r\n")
    return sock


def test_a_stopped_worker_is_replaced(workers, closing, source):  # noqa: F811
    one = workers(2, top="worker_timeout 1000;")
    a, b = one.pids()
    preamble, gops = source
    pub = closing(one.publisher_at(a))
    pub.send_tags(preamble + gops[0])
    viewer = closing(one.viewer_at(b))
    viewer.wait_media(len(gops[0]))
    os.kill(a, signal.SIGSTOP)
    # Half of these reach its listeners. All are answered, by the others or by its replacement.
    asked = [closing(ask(one.srv)) for _ in range(40)]
    assert [sock.recv(12) for sock in asked] == [b"HTTP/1.1 404"] * len(asked)
    # It no longer holds anything, above all not its stream.
    wait_for(lambda: one.pids()[0] != a, 10, "another worker")
    assert re.findall(KILLED, one.srv.log()) == [("1", str(a))]
    again = closing(Publisher(one.srv.rtmp_url("live/livestream")))
    again.send_tags(preamble + flat(gops[:2]))
    viewer.wait_media(len(flat(gops[:3])))
    assert one.pids()[1] == b and not viewer.is_done


def test_all_workers_stopped_for_a_while(workers, closing, source):  # noqa: F811
    """As when a container is frozen, or a machine sleeps: they continue."""
    one = workers(2, top="worker_timeout 1000;")
    a, b = one.pids()
    preamble, gops = source
    pub, viewer = one.watched(closing, source, a, b)
    for pid in (one.srv.pid, a, b):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(1.5)  # beyond the timeout
    for pid in (one.srv.pid, a, b):
        os.kill(pid, signal.SIGCONT)
    pub.send_tags(gops[1])
    viewer.wait_media(len(flat(gops[:2])))
    # The watchdog has checked: a worker that is stopped now is detected again.
    os.kill(b, signal.SIGSTOP)
    wait_for(lambda: one.pids()[1] != b, 10, "another worker")
    assert re.findall(KILLED, one.srv.log()) == [("2", str(b))]
    assert one.pids()[0] == a
