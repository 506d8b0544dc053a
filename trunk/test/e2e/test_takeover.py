"""publish { takeover … }: a second publisher of a stream, and what happens to the first one and to
the viewers."""

import re
import threading
import time

import pytest

import flv
import rtmp_client
from harness import PATIENCE, wait_for


def publishing(srv, stream):
    """A client that requests to publish; .code is the code of the answer."""
    client = rtmp_client.Client(srv.rtmp_port)
    client.handshake()
    client.connect()
    client.chunk_size(60000)
    client.code = client.publish(stream)[-1].code
    return client


class Feed:
    """Sends the tags of a file over a client in real time, from the start, until stopped or
    refused."""

    def __init__(self, client, tags):
        self.client, self.tags = client, tags
        self.sent, self.error = [], None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        begin = time.monotonic()
        try:
            for tag in self.tags:
                left = begin + tag.time / 1000 - time.monotonic()
                if left > 0 and self.stopping.wait(left):
                    return
                self.client.message(tag.type, tag.time, tag.data)
                self.sent.append(tag)
        except OSError as error:
            self.error = error

    def stop(self):
        self.stopping.set()
        self.thread.join(5)


@pytest.fixture(scope="module")
def tags(small_flv):
    return [t for t in flv.parse_file(small_flv).tags if not t.is_script]


def check_told(client):
    """The replaced publisher gets an error, then the end."""
    seen = client.until("onStatus")
    assert seen[-1].code == "NetStream.Publish.BadName"
    info = seen[-1].values[3]
    assert info["level"] == "error" and "taken over" in info["description"]
    client.wait_closed(5)


def test_reject_is_the_default(server, tags):
    srv = server()
    with publishing(srv, "s") as first, publishing(srv, "s") as second:
        assert (first.code, second.code) == ("NetStream.Publish.Start",
                                             "NetStream.Publish.BadName")
        second.wait_closed(5)
        feed = Feed(first, tags)
        with flv.Viewer(srv.http_url("/live/s.flv")) as viewer:
            viewer.wait_media(20)
        feed.stop()
        assert feed.error is None


@pytest.mark.parametrize("schema", ["http", "rtmp"])
def test_replace(server, tags, schema):
    """Viewers stay and get the new one; no frame of the old one comes after it."""
    srv = server(publish={"takeover": "replace"})
    first = publishing(srv, "s")
    old = Feed(first, tags)
    # The same video, marked with a byte that decoders ignore: the end of a filler NAL unit.
    marked = [flv.Tag(t.type, t.time, t.data + b"\0\0\0\x03\x0c\xff\x80")
              if t.is_video and t.is_media else t for t in tags]
    if schema == "http":
        viewer = flv.Viewer(srv.http_url("/live/s.flv"))
        viewer.wait_media(30)
    else:
        viewer = rtmp_client.player(srv, "s")
        before = viewer.media(30)
    second = publishing(srv, "s")
    assert second.code == "NetStream.Publish.Start"
    check_told(first)
    new = Feed(second, marked)
    if schema == "http":
        def has_new(one):
            return sum(t.data.endswith(b"\x0c\xff\x80") for t in one.video) > 30
        viewer.wait(has_new, 15, "the new publisher's frames")
        got = viewer.check().media
        assert not viewer.is_done
        flv.check_times(got, step_max=500)
    else:
        got = before + viewer.media(100)
        assert sum(t.data.endswith(b"\x0c\xff\x80") for t in got) > 30
        flv.check_times(got)
    video = [t for t in got if t.is_video]
    marks = [t.data.endswith(b"\x0c\xff\x80") for t in video]
    assert marks == sorted(marks), "frames of the old one between those of the new one"
    assert video[marks.index(True)].is_keyframe
    old.stop(), new.stop()
    assert new.error is None
    viewer.close(), first.close(), second.close()
    # "from" if it was a publisher of another worker.
    srv.wait_log("live/s: taken over (by|from) 127.0.0.1")


@pytest.mark.parametrize("first,second,is_replaced", [
    ("s?token=abc", "s?token=abc", True),
    ("s?token=abc&vhost=__defaultVhost__", "s?vhost=__defaultVhost__&token=abc", True),
    ("s?token=abc", "s?token=abd", False),
    ("s?token=abc", "s", False),
    ("s", "s?token=abc", False),
    ("s", "s", False),
    ("s?vhost=__defaultVhost__", "s?vhost=__defaultVhost__", False),
])
def test_replace_same_token(server, first, second, is_replaced):
    srv = server(publish={"takeover": "replace_same_token"})
    with publishing(srv, first) as old, publishing(srv, second) as new:
        assert old.code == "NetStream.Publish.Start"
        if is_replaced:
            assert new.code == "NetStream.Publish.Start"
            check_told(old)
        else:
            assert new.code == "NetStream.Publish.BadName"
            new.wait_closed(5)
            old.command("_checkbw", 9, None)
            old.until("_result")
    assert not re.search(r"\babc\b", srv.log()), "the log has random ids, too"


def test_many_in_a_row(server, tags):
    """Each one gets the stream at once, whatever the state of the previous one; all end without a
    trace."""
    srv = server(publish={"takeover": "replace"}, remux={"republish_wait": 300})
    with publishing(srv, "s") as first:
        before = srv.descriptors()
        feed = Feed(first, tags)
        viewer = flv.Viewer(srv.http_url("/live/s.flv"))
        viewer.wait_media(10)
        clients = []
        for _ in range(20):
            clients.append(publishing(srv, "s"))
            assert clients[-1].code == "NetStream.Publish.Start"
        feed.stop()
        count = len(viewer.media)
        feed = Feed(clients[-1], tags)
        viewer.wait(lambda v: len(v.media) > count + 10, 15, "the last one's frames")
        feed.stop()
        for one in clients[:-1]:
            check_told(one)
            one.close()
        wait_for(lambda: srv.descriptors() <= before + 4, 10, "the old connections to go")
        flv.check_times(viewer.check().media)
        clients[-1].close()
        viewer.wait_end()
        viewer.close()


def test_a_dead_publisher_is_replaced(server, tags):
    """A publisher that is connected but neither sends nor reads: the new one gets the stream at
    once."""
    srv = server(publish={"takeover": "replace", "normal_timeout": 60000})
    with publishing(srv, "s") as dead:
        for tag in tags[:20]:
            dead.message(tag.type, tag.time, tag.data)
        srv.wait_log("start publish")
        begin = time.monotonic()
        with publishing(srv, "s") as alive:
            assert alive.code == "NetStream.Publish.Start"
            assert time.monotonic() - begin < 2 * PATIENCE
            feed = Feed(alive, tags)
            with flv.Viewer(srv.http_url("/live/s.flv")) as viewer:
                viewer.wait_media(20)
            feed.stop()
        dead.wait_closed(5)


def test_a_viewer_waits_during_a_takeover(server, view, tags):
    """Without hstrs, too: of the first publisher nothing has come yet."""
    srv = server(remux="hstrs off;", publish={"takeover": "replace"})
    first = publishing(srv, "s")
    viewer = view(srv, "/live/s.flv")
    srv.wait_log(r"\] play .*live/s\.flv")
    second = publishing(srv, "s")
    assert second.code == "NetStream.Publish.Start"
    for tag in tags[:60]:
        second.message(tag.type, tag.time, tag.data)
    viewer.wait_media(10)
    for one in (first, second):
        one.close()


def test_stop_while_taking_over(server):
    """The server stops at once even while it notifies the old publisher."""
    srv = server(publish={"takeover": "replace"})
    with publishing(srv, "s"), publishing(srv, "s"):
        srv.stop()
