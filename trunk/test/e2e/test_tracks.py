"""Which tracks a viewer gets, and when: late ones, tracks missing in metadata, data messages, and
video whose next keyframe is far away. Unit tests (live) test the rules themselves."""

import re
import threading
import time

import pytest

import flv
import rtmp_client as rc
import ts
from harness import run, wait_for
from rtmp_client import player, publisher
from rtmp_kit import audio_frame, inter, key, start_of_stream, synced
from test_edge import cluster, port_of
from workers_kit import closing, workers  # noqa: F401
from ws import Socket

FRAME_MS = 40


def say(source, name, time_ms, *values):
    source.message(rc.DATA, time_ms, rc.amf(name, *values), csid=5)


def frames(source, begin, count):
    """Video frames that are not keyframes, and audio."""
    for i in range(begin, begin + count):
        source.message(rc.VIDEO, i * FRAME_MS, inter(b"%c" % (i % 250)), csid=6)
        source.message(rc.AUDIO, i * FRAME_MS + 5, audio_frame(b"%c" % (i % 250)), csid=4)


class Feeder:
    """Continues with frames in the background, from this number on; `at` is the number of the next
    one."""

    def __init__(self, source, at):
        self.source, self.at = source, at
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.stop.wait(FRAME_MS / 1000):
            frames(self.source, self.at, 1)
            self.at += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(10)


@pytest.mark.parametrize("said", [
    {"width": 320, "height": 180}, {"videocodecid": 7, "audiocodecid": 0},
    {"audiocodecid": 10, "audiosamplerate": 44100}, {"videocodecid": "avc1", "audiocodecid": ""},
], ids=["size", "none", "audio", "names"])
def test_metadata_decides_nothing(server, view, open_all, headers, said):
    srv = server()
    viewer = view(srv, "/live/s.flv")
    source = open_all(publisher, srv)
    say(source, "@setDataFrame", 0, "onMetaData", said)
    for track in range(2):
        source.message((rc.VIDEO, rc.AUDIO)[track], 0, headers[track])
    first, second = ((rc.VIDEO, key()), (rc.AUDIO, audio_frame()))[::1 if "width" in said else -1]
    source.message(first[0], 0, first[1])
    synced(source)
    source.message(second[0], 20, second[1])
    source.message(rc.AUDIO, 60, audio_frame(b"z"))
    viewer.wait(lambda v: v.audio and v.audio[-1].data == audio_frame(b"z"))
    assert (viewer.reader.has_audio, viewer.reader.has_video) == (True, True)
    assert not viewer.is_done


SAID = [("onTextData", 40, {"text": "hi"}), ("onCuePoint", 80, {"name": "a", "time": 1.5}),
        ("onMine", 80, 7)]


def check_said(tags, extra=()):
    got = [(rc.amf_read(t.data), t.time) for t in tags if t.is_script]
    assert got[len(got) - len(SAID):] == [([name, value], at) for name, at, value in SAID]
    assert all(values[0] in ("onMetaData", *extra) for values, _ in got[:-len(SAID)])


def say_all(source):
    for name, at, value in SAID:
        say(source, name, at, value)
    # Messages for servers only.
    say(source, "@clearDataFrame", 80, "onMetaData")
    say(source, "|RtmpSampleAccess", 80, True, True)


def has_all(viewer):
    return any(t.data.startswith(b"\2\0\6onMine") for t in viewer.tags if t.is_script)


@pytest.mark.parametrize("protocol", [None, "rtmp", "flv"])
def test_data_messages(server, view, open_all, headers, protocol):
    """In the order of their timestamps, for one track alone too, and through an edge."""
    origin = server()
    srv = origin
    if protocol is not None:
        srv = server(vhost=cluster(port_of(origin, protocol), protocol))
    viewers = [view(srv, "/live/s.flv"), view(srv, "/live/s.flv?only=audio")]
    # A viewer of audio alone gets no frame of the past.
    wait_for(lambda: srv.log().count("play __defaultVhost__/live/s.flv") == 2, what="both viewers")
    source = open_all(publisher, origin)
    start_of_stream(source, headers)
    source.message(rc.AUDIO, 5, audio_frame())
    for viewer in viewers:
        viewer.wait_media(1)
    say_all(source)
    source.message(rc.VIDEO, 120, inter())
    for viewer in viewers:
        viewer.wait(has_all)
        check_said(viewer.tags)


def test_data_messages_of_another_worker(workers, closing, headers):
    one = workers(2)
    a, b = one.pids()
    viewer = closing(one.viewer_at(b, "/live/s.flv"))
    source = closing(one.at(a, lambda: Source(one.srv)))
    start_of_stream(source.client, headers)
    source.client.message(rc.AUDIO, 5, audio_frame())
    viewer.wait_media(1)
    say_all(source.client)
    viewer.wait(has_all)
    check_said(viewer.tags)


class Source:
    """An encoder that can be placed at a chosen worker."""

    def __init__(self, srv):
        self.client = publisher(srv)
        self.socket = self.client.socket

    def close(self):
        self.client.close()


def test_data_messages_are_forwarded(server, view, open_all, headers):
    """As the encoder sends them; metadata as from publishers."""
    target = server()
    srv = server(vhost=f"forward {{ enabled on; destination 127.0.0.1:{target.rtmp_port}; }}")
    viewer = view(target, "/live/s.flv")
    source = open_all(publisher, srv)
    say(source, "@setDataFrame", 0, "onMetaData", {"width": 320})
    start_of_stream(source, headers)
    source.message(rc.AUDIO, 5, audio_frame())
    viewer.wait_media(1)
    say_all(source)
    viewer.wait(has_all)
    check_said(viewer.tags)
    assert any(t.is_script and b"width" in t.data for t in viewer.tags)


# ---- without a keyframe in reach ----

LONG_GOP = {"gop_cache_max_frames": 5}


def test_audio_alone_is_sent_at_once(server, view, open_all, headers):
    """The log says why there is no video yet; FLV, WebSocket and RTMP get it from its keyframe
    on."""
    srv = server(play=LONG_GOP)
    source = open_all(publisher, srv)
    start_of_stream(source, headers)
    frames(source, 1, 10)
    synced(source)
    srv.wait_log(r"stream .*live/s: GOP exceeds gop_cache_max_frames \(5\)")
    viewer, socket = view(srv, "/live/s.flv"), open_all(Socket, srv.http_url("/live/s.flv"))
    rtmp = open_all(player, srv)
    with Feeder(source, 11) as feeder:
        viewer.wait_media(3)
        socket.until_media(3)
        heard = rtmp.media(3)
    end = feeder.at
    source.message(rc.VIDEO, end * FRAME_MS, key(b"2"))
    frames(source, end + 1, 2)

    def has_key(tags):
        return sum(t.data == key(b"2") for t in tags) and \
            [t for t in tags if t.is_media][-1].time == (end + 2) * FRAME_MS + 5

    viewer.wait(lambda v: has_key(v.tags))
    socket.until(lambda s: has_key(s.reader.tags))
    while heard[-1].data != key(b"2"):
        heard += rtmp.media(1)
    assert [m.is_audio for m in heard] == [True] * (len(heard) - 1) + [False]
    for reader in (viewer.reader, socket.reader):
        media = [t for t in reader.tags if t.is_media]
        assert [t.is_audio for t in media[:-5]] == [True] * (len(media) - 5)
        assert media[-5].data == key(b"2") and len(media) >= 3 + 5
        assert reader.flags == 5
        flv.check_times(media)
    assert len(re.findall("GOP exceeds", srv.log())) == 1


def test_a_published_stream_is_waited_for(server, view, open_all, headers):
    """standby_timeout is for a stream without a publisher, however far away the keyframe is."""
    srv = server(play=LONG_GOP, remux={"standby_timeout": 300})
    source = open_all(publisher, srv)
    source.message(rc.VIDEO, 0, headers[0])
    source.message(rc.VIDEO, 0, key())
    for i in range(1, 10):
        source.message(rc.VIDEO, i * FRAME_MS, inter())
    synced(source)
    viewer = view(srv, "/live/s.flv")
    other = view(srv, "/live/s.flv?only=video")
    begun, at = time.monotonic(), 10
    while time.monotonic() < begun + 1.5:
        source.message(rc.VIDEO, at * FRAME_MS, inter())
        synced(source)
        at += 1
    assert not viewer.is_done and not other.is_done
    source.message(rc.VIDEO, at * FRAME_MS, key(b"2"))
    for one in (viewer, other):
        one.wait_media(1)
        assert one.status == 200 and one.media[0].data == key(b"2")
    # A viewer that still waits when the stream ends is refused after standby_timeout.
    for i in range(1, 8):
        source.message(rc.VIDEO, (at + i) * FRAME_MS, inter())
    synced(source)
    for one in (viewer, other):  # so the worker of each has passed the limit again
        one.wait(lambda v: v.media[-1].time == (at + 7) * FRAME_MS)
    left = view(srv, "/live/s.flv?only=video")
    wait_for(lambda: srv.log().count("play __defaultVhost__/live/s.flv") > 2, 10, "the viewer")
    source.close()
    left.wait_end(10)
    assert left.status == 404


VIDEO_PID = 0x100


class Recorder(ts.Reader):
    """Keeps the bytes, too."""

    def __init__(self):
        super().__init__()
        self.data = b""

    def feed(self, data):
        self.data += data
        super().feed(data)


class Recording(ts.Viewer):
    reader_class = Recorder


def test_long_gop_decodes(server, view, publisher, source, tmp_path):
    """What comes after the audio decodes without an error, in FLV and TS."""
    srv = server(play={"gop_cache_max_frames": 20},
                 remux={"republish_wait": 200, "mount": ["[vhost]/[app]/[stream].flv", "[vhost]/[app]/[stream].ts"]})
    preamble, gops = source
    first, second = gops[0], gops[1]
    one = publisher(srv)
    one.send_tags(preamble + first[:60])
    srv.wait_log("GOP exceeds")
    plain = view(srv, "/live/livestream.flv")
    stream = view(srv, "/live/livestream.ts", kind=Recording)
    sent = 60
    while not plain.audio or not stream.reader.pes:
        assert sent < len(first) and not stream.error, stream.error
        one.send_tags(first[sent:sent + 2])
        sent += 2
        until = time.monotonic() + FRAME_MS / 1000
        wait_for(lambda end=until: plain.audio and stream.reader.pes or time.monotonic() > end)
    one.send_tags(first[sent:] + second[:10])
    plain.wait(lambda v: v.media and v.media[-1].key == second[9].key)
    stream.wait(lambda v: any(p.is_random_access for p in v.reader.pes))
    one.send_tags(second[10:])
    plain.wait(lambda v: v.media[-1].key == second[-1].key)
    assert plain.media[0].is_audio
    assert next(t for t in plain.media if t.is_video).key == second[0].key
    one.unpublish()
    plain.wait_end()
    stream.wait_end()
    assert sum(p.pid == VIDEO_PID for p in stream.reader.pes) >= sum(t.is_video for t in second)
    for name, data in (("a.flv", flv.file_bytes(plain.tags)), ("a.ts", stream.reader.data)):
        path = tmp_path / name
        path.write_bytes(data)
        done = run(["ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"], timeout=30)
        assert done.stderr == "", done.stderr
