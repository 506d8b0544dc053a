"""Clients that resume: after the death of an origin, a worker or an edge, a silent network, and with
another address. No frame twice, none missing. RESUME_TRIALS: how often each of it happens."""

import os
import signal

import pytest

from harness import wait_for
from resume_kit import Client, Feed, Wire
from workers_kit import closing, workers  # noqa: F401

TRIALS = int(os.environ.get("RESUME_TRIALS", "5"))
REWIND = "rewind 60; standby_timeout 8000;"
LONG = pytest.mark.timeout(120 + 30 * TRIALS)


def start(closing, feed, *urls, **options):  # noqa: F811
    client = closing(Client(*urls, **options))
    client.wait_more()
    return client


@LONG
def test_killed_edges(server, source, closing):  # noqa: F811
    """A client goes to another edge, and back to one that has just been started."""
    origin = server(remux=REWIND)
    feed = closing(Feed(source, origin.rtmp_url()))

    def edge():
        return server(remux=REWIND, vhost=f"cluster {{ mode remote; protocol flv; origin "
                                          f"127.0.0.1:{origin.http_port}; }}")

    edges = [edge(), edge()]
    client = start(closing, feed, *(one.http_url() for one in edges))
    for turn in range(TRIALS):
        before = client.resumes
        edges[turn % 2].has_stopped = True
        edges[turn % 2].kill()
        edges[turn % 2] = edge()
        wait_for(lambda n=before: client.resumes > n, 20, "the client to resume")
        client.wait_more()
        client.urls = [one.http_url() for one in edges]
    client.check(feed)


@LONG
@pytest.mark.one_process
def test_killed_workers(workers, source, closing):  # noqa: F811
    """The worker of a client dies, the publisher's does not."""
    one = workers(2, remux=REWIND)
    feed = closing(Feed(source, one.srv.rtmp_url()))
    home = wait_for(lambda: one.of(feed._publishers[one.srv.rtmp_url()].socket), 10, "the publisher")
    client = start(closing, feed, one.srv.http_url())
    killed = 0
    while killed < TRIALS:
        worker = wait_for(lambda: client.viewer and one.of(client.viewer.socket), 20, "a worker")
        if worker == home:
            client.move()
        else:
            before = client.resumes
            os.kill(worker, signal.SIGKILL)
            wait_for(lambda n=before: client.resumes > n, 20, "the client to resume")
            wait_for(lambda w=worker: w not in one.pids(), 20, "another worker")
            killed += 1
        client.wait_more()
    client.check(feed)


@LONG
def test_killed_origins(server, source, closing):  # noqa: F811
    """An edge with two origins, which get the same stream but not the same timestamps: its viewers
    notice nothing when one of them dies."""
    origins = [server(remux=REWIND), server(remux=REWIND)]
    feed = closing(Feed(source, *(one.rtmp_url() for one in origins)))
    ports = " ".join(f"127.0.0.1:{one.http_port}" for one in origins)
    listens = [(one.rtmp_port, one.http_port) for one in origins]
    configs = [one.config_path for one in origins]
    edge = server(remux=REWIND, vhost=f"cluster {{ mode remote; protocol flv; origin {ports}; }}")
    client = start(closing, feed, edge.http_url())
    for turn in range(TRIALS):
        origins[turn % 2].has_stopped = True
        origins[turn % 2].kill()
        client.wait_more(100)
        again = server(args=["-c", configs[turn % 2]])
        again.rtmp_port, again.http_port = listens[turn % 2]
        origins[turn % 2] = again
        feed.add(again.rtmp_url())
        client.wait_more(140)  # beyond the keyframe with which the new publisher begins
    client.check(feed)


@LONG
def test_silent_network(server, source, closing):  # noqa: F811
    """Nothing arrives for some time, and no connection ends."""
    srv = server(remux=REWIND)
    feed = closing(Feed(source, srv.rtmp_url()))
    wire = closing(Wire(srv.http_port))
    client = start(closing, feed, f"http://127.0.0.1:{wire.port}/live/livestream.flv")
    for _ in range(TRIALS):
        wire.cut()
        before = client.resumes
        wait_for(lambda n=before: client.resumes > n, 20, "the client to notice")
        wire.mend()
        client.wait_more()
    client.check(feed)


@LONG
def test_changed_address(server, source, closing):  # noqa: F811
    srv = server(remux=REWIND)
    feed = closing(Feed(source, srv.rtmp_url()))
    client = start(closing, feed, srv.http_url(),
                   sources=tuple(f"127.0.0.{10 + i}" for i in range(7)))
    for _ in range(TRIALS):
        client.move()
        client.wait_more()
    client.check(feed)
    assert client.resumes >= TRIALS
