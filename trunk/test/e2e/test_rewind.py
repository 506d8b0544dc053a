"""Viewers that begin in the past (rewind): the same moment in every format, at every worker, at
edges, and after the publisher came back."""

import os
import struct

import pytest

import flv
import rtmp_client as rc
import ts
import ws
from harness import curl, wait_for

REWIND = "rewind 60; mount [vhost]/[app]/[stream].flv; mount [vhost]/[app]/[stream].ts; " \
         "standby_timeout 8000;"


def sent(gops):
    """A published stream as FLV viewers get it, from time 0 on."""
    first = gops[0][0].time
    return [flv.Tag(t.type, t.time - first, t.data) for gop in gops for t in gop]


def pts(tag):
    composition = struct.unpack(">i", b"\0" + tag.data[2:5])[0]
    return tag.time + composition


def keyframes(tags):
    return [t for t in tags if t.is_keyframe]


def from_keyframe(tags, key):
    at = next(i for i, t in enumerate(tags) if t is key)
    return [(t.key, t.time) for t in tags[at:]]


def got(viewer, tags):
    """Waits until the viewer has the last of these tags; all of its media."""
    viewer.wait_stream(lambda v: v.media and v.media[-1].key == tags[-1].key, 15, "the newest frame")
    return [(t.key, t.time) for t in viewer.media]


@pytest.fixture
def stream(server, publisher, source):
    """stream(): a server with a stream of 20 s, sent at once; and its frames."""
    preamble, gops = source

    def start(**options):
        srv = server(remux=REWIND, **options)
        pub = publisher(srv)
        pub.send_tags(preamble)
        pub.send_tags(t for gop in gops[:10] for t in gop)
        tags = sent(gops[:10])
        return srv, pub, tags

    return start


def check_flv(view, srv, tags):
    """LAS's rules, at the times of the keyframes."""
    keys = keyframes(tags)
    newest = tags[-1].time
    starts = {f"startPts={pts(keys[3]) + 700}": keys[3], f"startPts={pts(keys[4])}": keys[4],
              "startPts=1": keys[0], "startPts=0": keys[-1], "start=-600": keys[0],
              f"startPts=-{newest - pts(keys[6])}": keys[6], f"startPts={newest + 3000}": keys[-1],
              f"start=-{(newest - pts(keys[7])) / 1000:.1f}": keys[7]}
    for query, key in starts.items():
        viewer = view(srv, f"/live/livestream.flv?{query}")
        assert got(viewer, tags) == from_keyframe(tags, key), query
        viewer.close()
    answer = curl(srv.http_url(f"/live/livestream.flv?startPts={newest + 9000}"))
    assert answer.status == 404 and "startPts" in answer.json()["reason"]


def test_every_start(stream, view):
    srv, _, tags = stream()
    check_flv(view, srv, tags)
    # Without the parameter, and with one that means a file: as ever.
    for query in ("", "?start=5"):
        assert got(view(srv, f"/live/livestream.flv{query}"), tags) == \
            from_keyframe(tags, keyframes(tags)[-1])
    assert curl(srv.http_url("/live/livestream.flv?startPts=soon")).status == 400
    audio = view(srv, f"/live/livestream.flv?audioOnly=true&startPts={tags[200].time}")
    audio.wait_stream(lambda v: v.media and v.media[-1].time >= tags[-3].time, 15, "the audio")
    assert not audio.video and tags[200].time - 150 <= audio.media[0].time <= tags[200].time


def test_other_formats(stream, view):
    """TS, WebSocket and RTMP begin at the same keyframe; a live viewer of TS before changes nothing."""
    srv, _, tags = stream()
    keys = keyframes(tags)
    live = view(srv, "/live/livestream.ts", kind=ts.Viewer)
    live.wait_pes(1)
    past = view(srv, f"/live/livestream.ts?startPts={pts(keys[2]) + 10}", kind=ts.Viewer)
    wanted = [t.time for t in tags[tags.index(keys[2]):] if t.is_video]
    past.wait(lambda v: len(v.reader.video) >= len(wanted) - 1, 15, "the frames")
    assert past.reader.video[0].is_random_access
    assert len(past.reader.video) <= len(wanted)
    socket = ws.Socket(srv.http_url(f"/live/livestream.flv?startPts={pts(keys[5])}"))
    reader = flv.Reader()
    while not reader.tags or reader.tags[-1].key != tags[-1].key:
        reader.feed(socket.next()[1])
    media = [t for t in reader.tags if t.is_media]
    assert [(t.key, t.time) for t in media] == from_keyframe(tags, keys[5])
    for name, start, key in ((f"livestream?startPts={pts(keys[4])}", -2, keys[4]),
                             ("livestream", -10, keys[4]), ("livestream", -10000, keys[4]),
                             ("livestream", -2000, keys[-1]), ("livestream", -1, keys[-1]),
                             ("livestream", 0, keys[-1])):
        with rc.Client(srv.rtmp_port) as client:
            client.handshake()
            client.connect()
            client.command("createStream", 2, None)
            client.command("play", 3, None, name, start, stream=1)
            first = next(t for t in client.media(60) if t.is_video)
            assert first.is_keyframe
            if start in (-10, -10000):
                back = tags[-1].time - first.time
                assert abs(back - 10000) <= 1100, (start, back) # by the nearest keyframe
            else:
                assert first.key == key.key, (name, start)


# Of several workers, the one to which a publisher returns need not have the past: doc/rewind.md.
@pytest.mark.once
@pytest.mark.parametrize("protocol", ["flv", "rtmp"])
def test_behind_an_edge(stream, server, view, publisher, source, protocol):
    """A time means the same moment at an edge, also one that has just begun to fetch the stream; and
    after the publisher came back."""
    srv, pub, tags = stream()
    edge = server(remux=REWIND, vhost=f"cluster {{ mode remote; stall_timeout 60000; protocol {protocol}; origin "
                  f"127.0.0.1:{srv.rtmp_port if protocol == 'rtmp' else srv.http_port}; }}")
    check_flv(view, edge, tags)
    holder = view(edge)
    holder.wait_media(1)
    preamble, gops = source
    pub.unpublish()
    pub = publisher(srv)
    pub.send_tags(preamble)
    pub.send_tags(gops[10])
    holder.wait_stream(lambda v: v.media[-1].key == gops[10][-1].key, 15, "the new publisher")
    keys = keyframes(tags)
    viewer = view(edge, f"/live/livestream.flv?startPts={pts(keys[5])}")
    media = got(viewer, gops[10])
    assert media[:len(tags) - tags.index(keys[5])] == from_keyframe(tags, keys[5])
    assert [key for key, _ in media[-len(gops[10]):]] == [t.key for t in gops[10]]
    at_origin = view(srv, f"/live/livestream.flv?startPts={pts(keys[5])}")
    assert got(at_origin, gops[10])[:20] == media[:20]


def test_republish_without_viewers(stream, view, publisher, source):
    """A viewer that returns after the publisher did continues where it was. If the publisher returned
    to another worker, the past is not there, but the timeline continues."""
    srv, pub, tags = stream()
    preamble, gops = source
    pub.unpublish()
    wait_for(lambda: "stop publish" in srv.log(), 10, "the publisher's end")
    keys = keyframes(tags)
    waits = view(srv, f"/live/livestream.flv?startPts={pts(keys[5])}")
    if waits.wait(lambda v: v.status or v, 1):
        pub = publisher(srv)
        pub.send_tags(preamble)
        pub.send_tags(gops[10])
    media = got(waits, gops[10])
    past, new = media[:-len(gops[10])], media[-len(gops[10]):]
    assert [key for key, _ in new] == [tag.key for tag in gops[10]]
    assert tags[-1].time < new[0][1] < tags[-1].time + 200
    if past or not os.environ.get("MILLRACE_WORKERS"):
        assert past == from_keyframe(tags, keys[5])
