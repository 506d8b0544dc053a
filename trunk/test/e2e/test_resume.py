"""Clients that resume: after the death of an origin, a worker or an edge, a silent network, and with
another address. No frame twice, none missing.

RESUME_TRIALS: how often each of it happens. RESUME_OUTAGE: how many seconds the network is silent.
RESUME_GAP: fails when a client waits longer than so many seconds for its next frame; without it the
waits are only printed, because a busy machine lengthens them."""

import os
import signal
import statistics
import time

import pytest

import netns
from harness import wait_for
from resume_kit import Client, Feed
from workers_kit import closing, workers  # noqa: F401

TRIALS = int(os.environ.get("RESUME_TRIALS", "5"))
OUTAGE = int(os.environ.get("RESUME_OUTAGE", "0"))
GAP = os.environ.get("RESUME_GAP")
REWIND = "rewind 60; standby_timeout 8000;"
ORIGINS = 6     # of one edge; as many as can die one after another
LANES = 10      # clients that lose their networks at the same time, if it is to happen often
SERVED = 1.3    # a worker that has served for less (MASTER_SERVED) is not replaced at once
LONG = pytest.mark.timeout(120 + (30 + OUTAGE) * TRIALS)


class Trials:
    """The waits of the clients."""

    def __init__(self, name):
        self.name = name
        self.pauses = []

    def add(self, client, since):
        self.pauses.append(client.pause_since(since))

    def report(self):
        print(f"\n{self.name}: {len(self.pauses)} trials, the next frame after "
              f"{statistics.median(self.pauses) * 1000:.0f} ms (median), {max(self.pauses) * 1000:.0f} ms "
              f"(maximum)")
        assert len(self.pauses) >= TRIALS
        assert GAP is None or max(self.pauses) <= float(GAP)


@pytest.fixture
def trials(request):
    return Trials(request.node.name)


def start(closing, *urls, **options):  # noqa: F811
    client = closing(Client(*urls, **options))
    client.wait_more()
    return client


def kill(srv):
    """Returns when."""
    srv.has_stopped = True
    now = time.monotonic()
    srv.kill()
    return now


@LONG
def test_killed_edges(server, source, closing, trials):  # noqa: F811
    """A client goes to another edge, and back to one that has just been started."""
    origin = server(remux=REWIND)
    feed = closing(Feed(source, origin.rtmp_url()))

    def edge():
        return server(remux=REWIND, vhost=f"cluster {{ mode remote; protocol flv; origin "
                                          f"127.0.0.1:{origin.http_port}; }}")

    edges = [edge(), edge()]
    client = start(closing, *(one.http_url() for one in edges))
    for _ in range(TRIALS):
        before = client.resumes
        mine = before % 2
        since = kill(edges[mine])
        wait_for(lambda n=before: client.resumes > n, 20, "the client to resume")
        client.wait_more()
        trials.add(client, since)
        edges[mine] = edge()
        client.urls = [one.http_url() for one in edges]
    client.check(feed)
    trials.report()


def worker_of(server_of_workers, client):
    """None while the client connects again: the socket may be closed at any moment."""
    try:
        return client.viewer and server_of_workers.of(client.viewer.socket)
    except OSError:
        return None


@LONG
@pytest.mark.one_process
def test_killed_workers(workers, source, closing, trials):  # noqa: F811
    """The worker of a client dies, the publisher's does not."""
    one = workers(3, remux=REWIND)
    feed = closing(Feed(source, one.srv.rtmp_url()))
    home = wait_for(lambda: one.of(feed.socket), 10, "the publisher")
    client = start(closing, one.srv.http_url())
    seen = {}
    while len(trials.pauses) < TRIALS:
        worker = wait_for(lambda: worker_of(one, client), 20, "a worker")
        now = time.monotonic()
        for pid in one.pids():
            seen.setdefault(pid, now)
        if worker == home or now - seen[worker] < SERVED:
            client.move()
            client.wait_more()
            continue
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda w=worker: w not in one.pids(), 20, "another worker")
        client.wait_more()
        trials.add(client, now)
    client.check(feed)
    trials.report()


@LONG
def test_killed_origins(server, source, closing, trials):  # noqa: F811
    """An edge with several origins, which get the same stream but not the same timestamps: its
    viewers notice nothing when one of them dies."""
    origins = [server(remux=REWIND) for _ in range(min(ORIGINS, TRIALS + 1))]
    feed = closing(Feed(source, *(one.rtmp_url() for one in origins)))
    ports = " ".join(f"127.0.0.1:{one.http_port}" for one in origins)
    edge = server(remux=REWIND, vhost=f"cluster {{ mode remote; protocol flv; origin {ports}; }}")
    client = start(closing, edge.http_url())
    alive = list(range(len(origins)))
    for turn in range(TRIALS):
        if len(alive) == 1:
            alive += again(server, feed, client, origins, alive[0])
        [mine] = wait_for(lambda: [i for i in alive if is_pulled(edge, origins[i])], 10,
                          "the edge's origin")
        since = kill(origins[mine])
        alive.remove(mine)
        client.wait_more(40)
        trials.add(client, since)
    client.check(feed)
    trials.report()


def again(server, feed, client, origins, living):
    """Starts those that have died. Returns which."""
    dead = [i for i in range(len(origins)) if i != living]
    for i in dead:
        one = server(args=["-c", origins[i].config_path])
        for name in ("config_path", "rtmp_port", "http_port"):
            setattr(one, name, getattr(origins[i], name))
        origins[i] = one
        feed.add(one.rtmp_url())
    wait_for(lambda: not feed.is_adding, 20, "a keyframe, with which their publishers begin")
    client.wait_more(140)   # the next one
    return dead


def is_pulled(edge, origin):
    """Whether the edge's newest pull is from this origin."""
    lines = [line for line in edge.log().splitlines() if "receiving from" in line]
    return bool(lines) and f":{origin.http_port}" in lines[-1]


@LONG
def test_silent_network(server, source, closing, trials):  # noqa: F811
    """Nothing arrives for some time, and no connection ends: packets are lost."""
    netns.require()
    home = closing(netns.Namespace())
    with home.inside():
        srv = server(remux=REWIND)
        feed = closing(Feed(source, srv.rtmp_url()))
    lanes = []
    for number in range(1, 1 + (LANES if TRIALS >= LANES else 1)):
        away = closing(netns.Namespace())
        wire = closing(netns.Wire(away, home, number=number))
        with away.inside():
            url = f"http://{wire.far_address}:{srv.http_port}/live/livestream.flv"
            lanes.append((wire, start(closing, url)))
    while len(trials.pauses) < TRIALS:
        before = [client.resumes for _, client in lanes]
        for wire, _ in lanes:
            wire.cut()
        since = time.monotonic()
        for (_, client), resumes in zip(lanes, before):
            wait_for(lambda n=resumes, c=client: c.resumes > n, 20, "the client to notice")
        wait_for(lambda s=since: time.monotonic() - s >= OUTAGE, OUTAGE + 10, "the outage's end")
        for wire, client in lanes:
            since = time.monotonic()
            wire.mend()
            client.wait_more()
            trials.add(client, since)
        # Else the ring has dropped the rest when the network is back the next time.
        for _, client in lanes:
            client.wait_caught_up(feed)
    for _, client in lanes:
        client.check(feed)
    trials.report()


@LONG
def test_changed_address(server, source, closing, trials):  # noqa: F811
    srv = server(remux=REWIND)
    feed = closing(Feed(source, srv.rtmp_url()))
    client = start(closing, srv.http_url(), sources=tuple(f"127.0.0.{10 + i}" for i in range(7)))
    for _ in range(TRIALS):
        since = time.monotonic()
        client.move()
        client.wait_more()
        trials.add(client, since)
    client.check(feed)
    assert client.resumes >= TRIALS
    trials.report()
