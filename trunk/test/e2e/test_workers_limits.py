"""Limits over several workers: a connection gives way to a new one whichever workers serve the two,
and the limits apply to the whole server."""

import contextlib
import os
import signal

import pytest

import flv
from harness import free_port, wait_for
from ready import readable
from rtmp import Publisher
from test_edge import certificate  # noqa: F401
from http_kit import Raw, get
from test_limits import SLOW, dial, source  # noqa: F401
from workers_kit import workers  # noqa: F401


@pytest.fixture
def crowd(workers):  # noqa: F811
    """A stack of what is closed at the end."""
    assert workers
    with contextlib.ExitStack() as stack:
        yield stack


def open_ones(socks):
    """The connections that the server has not closed."""
    closed = readable(socks, 0)
    return [sock for sock in socks if sock not in closed]


class Api(Raw):
    """A connection to the API's own address."""

    def __init__(self, port):
        self.socket = dial(port)
        self.rest = b""


def test_an_api_client_at_another_worker(workers, crowd):  # noqa: F811
    """Two places, and each new client gets one, until some came from one worker to the other in
    both directions."""
    port = free_port()
    one = workers(top=f"max_api_connections 2; http_api {{ enabled on; listen {port}; }}")
    clients, places = [], []
    for _ in range(60):
        client = crowd.enter_context(Api(port))
        assert client.send(get("/api/v1/versions")).answer().status == 200
        clients.append(client.socket)
        places.append(one.of(client.socket))
        moves = set(zip(places, places[1:]))
        if len(places) > 6 and {(a, b) for a in one.pids() for b in one.pids() if a != b} <= moves:
            break
    else:
        raise AssertionError(f"all at one worker: {places}")
    wait_for(lambda: len(open_ones(clients)) == 2, what="two to be left")
    assert open_ones(clients) == clients[-2:]


def test_a_flood_of_waiters(workers, crowd, source):  # noqa: F811
    """They replace one another at both workers; viewers and encoders have their places."""
    one = workers(top="max_connections 40; max_waiters 4; max_viewers 6;",
                  remux={"standby_timeout": 0})
    crowd.enter_context(Publisher(one.srv.rtmp_url())).send_tags(source)
    one.srv.wait_log("mount ")
    waiting = [crowd.enter_context(dial(one.srv.http_port, get(f"/live/nobody{n}.flv").encode()))
               for n in range(30)]
    wait_for(lambda: len(open_ones(waiting)) == 4, what="four to be left")
    # Two places for viewers are free; four are for waiting viewers.
    for here in one.pids() * 3:
        crowd.enter_context(one.viewer_at(here)).wait_media(5)
    wait_for(lambda: not open_ones(waiting), what="the waiters to give way")
    with Raw(one.srv, get("/live/livestream.flv")) as more:
        assert more.answer().status == 503
    second = crowd.enter_context(Publisher(one.srv.rtmp_url("live/second")))
    assert not second.is_closed


def test_a_burst_of_slow_connections(workers, crowd, certificate, source):  # noqa: F811
    """Of all kinds, three times as many as there are places: every viewer gets in."""
    https = free_port()
    one = workers(top="max_connections 16; max_viewers 16; max_waiters 16;",
                  http_server=f"https {{ enabled on; listen {https}; key {certificate}/server.key; "
                              f"cert {certificate}/server.crt; }}")
    port = {"http": one.srv.http_port, "https": https, "rtmp": one.srv.rtmp_port}
    encoder = crowd.enter_context(Publisher(one.srv.rtmp_url()))
    encoder.send_tags(source)
    one.srv.wait_log("mount ")
    slow = [crowd.enter_context(dial(port[where], data))
            for _ in range(4) for where, data in SLOW.values()]
    viewers = [crowd.enter_context(flv.Viewer(one.srv.http_url())) for _ in range(14)]
    for viewer in viewers:
        viewer.wait_media(5)
    second = crowd.enter_context(Publisher(one.srv.rtmp_url("live/second")))
    wait_for(lambda: not open_ones(slow), what="all of them to be closed")
    with Raw(one.srv, get("/")) as raw:
        assert raw.answer().status == 503
    assert not encoder.is_closed and not second.is_closed
    assert not any(viewer.is_done for viewer in viewers)


def test_places_of_a_worker_that_is_stopped(workers, crowd, source):  # noqa: F811
    """Its idle connections give way although it cannot close them; when it is killed, its viewers'
    places are free."""
    one = workers(top="max_connections 12; max_viewers 12; worker_timeout 1000;")
    here, there = one.pids()
    crowd.enter_context(one.publisher_at(there)).send_tags(source)
    one.srv.wait_log("mount ")
    idle = [crowd.enter_context(one.at(here, lambda: Raw(one.srv))) for _ in range(3)]
    crowd.enter_context(one.viewer_at(here)).wait_media(5)
    os.kill(here, signal.SIGSTOP)
    # Connections that the kernel gives to the stopped worker wait until the other one accepts them.
    viewers = [crowd.enter_context(flv.Viewer(one.srv.http_url())) for _ in range(10)]
    for viewer in viewers:
        viewer.wait_media(5, 20)
    wait_for(lambda: one.srv.log().count("worker 1 ready") == 2, 20, "another worker")
    assert not open_ones([raw.socket for raw in idle])
    with flv.Viewer(one.srv.http_url()) as last:
        last.wait_media(5)
    assert not any(viewer.is_done for viewer in viewers)
