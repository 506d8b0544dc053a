"""Sessions of HLS: they end without requests and come back, count for limits, start and end an edge's
pull, and outlive a worker."""

import contextlib
import os
import signal
import threading

import pytest

import rtmp
from api_kit import api
from harness import curl, wait_for
from hls import Player
from hook_server import HookServer, hooks
from test_hls import M3U8, check_segments, hls, start, tags_of

pytestmark = pytest.mark.once


def playing(player, count=3):
    return wait_for(lambda: len(player.get().segments) >= count and player.last, 30, "segments")


@contextlib.contextmanager
def kept(players):
    """They ask for their playlists meanwhile: a session without requests would end."""
    over = threading.Event()

    def ask(player):
        while not over.wait(1):
            player.get()

    threads = [threading.Thread(target=ask, args=[player]) for player in players]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_pause(server, source):
    """A session without requests ends; the player that comes back is asked about again, and continues."""
    with HookServer() as callbacks:
        srv = start(server, vhost=hls("hls_fragment 2; hls_window 60;") +
                    hooks(callbacks.url(), events=["on_play", "on_stop"]))
        one = rtmp.Publisher(srv.rtmp_url("live/livestream"))
        one.send_tags(tags_of(source))
        player = Player(srv.http_url(M3U8))
        before = playing(player)
        stopped = callbacks.wait("on_stop", timeout=30)
        assert [client for client in api(srv, "clients")["clients"] if client["type"] == "hls-play"] == []
        assert playing(player).sequence >= before.sequence
        check_segments(player, player.last)
        assert len(callbacks.of("on_play")) == 2
        [client] = [one for one in api(srv, "clients")["clients"] if one["type"] == "hls-play"]
        assert client["id"] != stopped["client_id"] or callbacks.of("on_play")[1]["client_id"] == client["id"]
        one.close()


def test_limit(server, source):
    """Each session is one viewer of max_viewers, however many connections it uses."""
    srv = server(top="max_viewers 2;", vhost=hls("hls_fragment 2; hls_window 60;"))
    one = rtmp.Publisher(srv.rtmp_url("live/livestream"))
    one.send_tags(tags_of(source))
    players = [Player(srv.http_url(M3U8)) for _ in range(2)]
    with kept(players):
        answer = curl(srv.http_url(M3U8))
        assert answer.status == 503 and "max_viewers" in answer.json()["reason"]
    for player in players:
        check_segments(player, playing(player))
    one.close()


def test_edge(server, source):
    """The first session starts the pull, the last one ends it."""
    origin = server()
    edge = server(vhost=hls("hls_fragment 2; hls_window 60;") +
                  f"cluster {{ mode remote; origin 127.0.0.1:{origin.rtmp_port}; }}")
    one = rtmp.Publisher(origin.rtmp_url("live/livestream"))
    one.send_tags(tags_of(source, 2))
    assert "] pull " not in edge.log()
    first, second = (Player(edge.http_url(M3U8)) for _ in range(2))
    edge.wait_log("pull [^ ]*live/livestream: receiving")
    one.send_tags([tag for gop in source[1][2:] for tag in gop])
    for player in (first, second):
        check_segments(player, playing(player, 1))
    # The encoder is silent: the edge may ask again meanwhile.
    wait_for(lambda: edge.log().count("no request for") == 2, 40, "the sessions' end")
    wait_for(lambda: origin.log().count("] stop play ") == origin.log().count("] start play "), 20,
             "the pull's end")
    one.close()


def worker_of(srv, event):
    """The process that has logged this."""
    return int(srv.wait_log(rf"\]\[(\d+)/\d+\]\[\w+\]\[\d+\] {event}")[1])


def test_dead_worker(server, source):
    """kill -9 of the worker that cuts the stream: sessions continue with what the next publisher sends, and
    numbers of segments do not return."""
    srv = start(server, 2, vhost=hls("hls_fragment 2; hls_window 60;"))
    one = rtmp.Publisher(srv.rtmp_url("live/livestream"))
    one.send_tags(tags_of(source))
    players = [Player(srv.http_url(M3U8)) for _ in range(4)]
    before = [playing(player) for player in players]
    os.kill(worker_of(srv, "start publish [^ ]*live/livestream"), signal.SIGKILL)
    srv.wait_log("worker [12] ready.*\n(.*\n)*.*worker [12] ready.*\n(.*\n)*.*worker [12] ready")
    one.close()
    two = rtmp.Publisher(srv.rtmp_url("live/livestream"))
    two.send_tags(tags_of(source))
    for player, old in zip(players, before):
        newest = max(segment.number for segment in old.segments)
        wait_for(lambda one=player, least=newest: one.get().segments[-1].number > least, 30, "a segment")
        check_segments(player, player.last)
    two.close()
