"""The distribution of connections: even, also when a worker has just been replaced, and every
connection is served the same way at each worker."""

import os
import signal
import socket

import pytest

import flv
from harness import ROOT, free_port, run, wait_for
from rtmp import Publisher
from workers_kit import closing, flat, workers  # noqa: F401

# How many connections one worker may have more than another: the server's tolerance, and the
# connection itself.
SLACK = 5


@pytest.fixture
def idle(closing):  # noqa: F811
    """idle(one, 10): so many connections that say nothing."""
    def make(one, count):
        return [closing(socket.create_connection(("127.0.0.1", one.srv.http_port)))
                for _ in range(count)]
    return make


def replace(one, slot):
    """Kills a worker; returns the process id of its replacement."""
    log = one.srv.log()
    serves = f"worker {slot + 1} ready"
    os.kill(one.pids()[slot], signal.SIGKILL)
    wait_for(lambda: one.srv.log().count(serves) > log.count(serves), 20, "another worker")
    return one.pids()[slot]


@pytest.mark.parametrize("count", [2, 4])
def test_evenly(workers, idle, count):  # noqa: F811
    one = workers(count)
    counts = one.spread(idle(one, 60 * count))
    assert max(counts) - min(counts) <= SLACK, counts


def test_many(workers, idle):  # noqa: F811
    one = workers(2)
    counts = one.spread(idle(one, 1000))
    # A few, and one in 64 of the other worker's number.
    assert max(counts) - min(counts) <= SLACK + 500 // 64, counts


def test_a_new_worker_soon_has_its_share(workers, idle):  # noqa: F811
    one = workers(2)
    socks = idle(one, 40)
    one.spread(socks)
    replace(one, 0)
    wait_for(lambda: one.counts(socks)[0] == 0, 10, "the dead worker's end")
    left = one.counts(socks)[1]
    counts = one.spread([*(s for s in socks if one.of(s)), *idle(one, left)])
    assert sum(counts) == 2 * left, (left, counts)
    assert abs(counts[0] - counts[1]) <= SLACK, counts


@pytest.fixture
def certificate(tmp_path):
    """The lines that name a key and its certificate."""
    run([ROOT / "conf" / "make-certificate.sh", tmp_path])
    return f"key {tmp_path}/server.key; cert {tmp_path}/server.crt;"


def test_every_kind_is_served(workers, idle, closing, certificate, source):  # noqa: F811
    """Whatever comes while one worker has nothing is handed to that one, and is served there."""
    rtmps, https = free_port(), free_port()
    one = workers(2, top=f"rtmps {{ enabled on; listen {rtmps}; {certificate} }}",
                  http_server=f"https {{ enabled on; listen {https}; {certificate} }}")
    one.spread(idle(one, 60))
    new = replace(one, 1)
    preamble, gops = source
    publishers = [closing(Publisher(one.srv.rtmp_url(f"live/s{i}"))) for i in range(3)]
    for publisher in publishers:
        publisher.send_tags(preamble + flat(gops))
    viewers = [closing(flv.Viewer(url + f"/live/s{i}.flv")) for i in range(3)
               for url in (f"http://127.0.0.1:{one.srv.http_port}", f"https://127.0.0.1:{https}")]
    players = [closing(flv.over_tls(socket.create_connection(("127.0.0.1", rtmps))))
               for _ in range(2)]
    for viewer in viewers:
        viewer.wait_media(5)
    for player in players:
        player.settimeout(30)
        player.sendall(b"\x03" + bytes(1536))  # C0 and C1
        assert player.recv(1) == b"\x03"
    for sock in [thing.socket for thing in publishers + viewers] + players:
        assert one.of(sock) == new


def test_limits_hold(workers, idle):  # noqa: F811
    """The one that serves a connection counts it, for the server and for its address."""
    one = workers(2, top="max_connections_per_ip 30;")
    socks = idle(one, 30)
    one.spread(socks)
    replace(one, 0)
    wait_for(lambda: one.counts(socks)[0] == 0, 10, "the dead worker's end")
    left = one.counts(socks)[1]
    more = idle(one, 30 - left)
    one.spread([*(s for s in socks if one.of(s)), *more])
    (extra,) = idle(one, 1)
    extra.sendall(b"GET / HTTP/1.0\r\n\r\n")
    extra.settimeout(30)
    assert b" 429 " in extra.recv(200)
