"""All viewers of a stream get the same bytes, whichever worker they are at."""

import re

import pytest

import flv
import rtmp_client
import ts
import ws
from harness import wait_for
from workers_kit import closing, flat, workers  # noqa: F401

MOUNTS = {"mount": [f"[vhost]/[app]/[stream].{kind}" for kind in ("flv", "ts")],
          "republish_wait": 300}


def raw(reader_class):
    """A reader that also keeps what it reads."""
    class Raw(reader_class):
        def __init__(self):
            super().__init__()
            self.data = b""

        def feed(self, data):
            self.data += data
            super().feed(data)

    return Raw


class RawFlv(flv.Viewer):
    reader_class = raw(flv.Reader)

    @property
    def data(self):
        return self.reader.data


class RawTs(ts.Viewer):
    reader_class = raw(ts.Reader)

    @property
    def data(self):
        return self.reader.data


class Messages:
    """Of an RTMP player: the bytes of the stream."""

    def __init__(self, client):
        self.client, self.socket = client, client.socket

    def until_last(self, key):
        found = []
        while not found or (found[-1].type, found[-1].data) != key:
            found.append(self.client.until(lambda m: m.type in (
                rtmp_client.AUDIO, rtmp_client.VIDEO, rtmp_client.DATA))[-1])
        return [(m.type, m.time, m.data) for m in found]

    def close(self):
        self.client.close()


def check_same(here, there):
    assert len(here) == len(there) and len(here) > 1000
    at = next((i for i, (x, y) in enumerate(zip(here, there)) if x != y), None)
    assert at is None, f"byte {at}: {here[at:at + 20].hex()} and {there[at:at + 20].hex()}"


def http(kind, path, **options):
    def make(one):
        return lambda: kind(one.srv.http_url(f"/live/s.{path}"), **options)
    return make


def websocket(one):
    def make():
        made = ws.Socket(one.srv.http_url("/live/s.flv"))
        made.reader = raw(flv.Reader)()
        return made
    return make


def player(one):
    return lambda: Messages(rtmp_client.player(one.srv, "s"))


FORMATS = {"flv": http(RawFlv, "flv"), "flv over HTTP/1.0": http(RawFlv, "flv", version="1.0"),
           "ts": http(RawTs, "ts"), "one track": http(RawFlv, "flv?only=audio"),
           "ws": websocket, "rtmp": player}


def to_the_end(viewer, last):
    """Everything that the viewer gets, until the stream's end; RTMP players stay until the last
    frame."""
    if isinstance(viewer, Messages):
        return b"".join(repr(m).encode() for m in viewer.until_last(last.key))
    if isinstance(viewer, ws.Socket):
        while viewer.step():
            if viewer.close_code is not None:
                break
        return viewer.reader.data
    viewer.wait_end()
    return viewer.data


@pytest.mark.parametrize("kind", FORMATS)
def test_viewers_that_waited(workers, closing, source, kind):  # noqa: F811
    """From the first keyframe on, although several groups come before the workers have talked."""
    one = workers(2, remux=MOUNTS)
    a, b = one.pids()
    preamble, gops = source
    make = FORMATS[kind](one)
    viewers = [closing(one.at(pid, make)) for pid in (a, b)]
    wait_for(lambda: len(re.findall("play __defaultVhost__/live/s", one.srv.log())) >= 2, 10,
             "both to wait")
    pub = closing(one.publisher_at(a, "live/s"))
    pub.send_tags(preamble + flat(gops[:3]))
    pub.unpublish()
    here, there = (to_the_end(viewer, gops[2][-1]) for viewer in viewers)
    check_same(here, there)


@pytest.mark.parametrize("kind", FORMATS)
def test_viewers_that_come_later(workers, closing, source, kind):  # noqa: F811
    one = workers(2, remux=MOUNTS)
    a, b = one.pids()
    preamble, gops = source
    pub = closing(one.publisher_at(a, "live/s"))
    pub.send_tags(preamble + flat(gops[:2]))
    # Once a probe has seen its end, all viewers start at the same place.
    with flv.Viewer(one.srv.http_url("/live/s.flv")) as probe:
        probe.wait(lambda v: v.media and v.media[-1].key == gops[1][-1].key, 10, "the second group")
    make = FORMATS[kind](one)
    viewers = [closing(one.at(pid, make)) for pid in (a, b)]
    wait_for(lambda: "receiving from" in one.srv.log(), 10, "the relay")
    pub.send_tags(flat(gops[2:4]))
    pub.unpublish()
    here, there = (to_the_end(viewer, gops[3][-1]) for viewer in viewers)
    check_same(here, there)
