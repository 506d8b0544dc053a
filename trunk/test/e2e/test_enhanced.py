"""Enhanced RTMP in, HTTP-FLV and RTMP out: every codec, packet type and layout comes out byte for
byte, with all tracks where ?track=all asks for them; viewers start at a keyframe after the
sequence headers."""

import itertools
import shutil
import struct

import pytest

import enhanced as ex
import flv
import harness
import rtmp
import rtmp_client
from enhanced import Maker, audio, legacy_hevc, multi_audio, multi_video, video
from harness import wait_for


def hevc(maker):
    head = video(b"hvc1", ex.START, maker.bytes(90), frame=ex.KEY)
    return maker.stream(lambda n, key: video(b"hvc1", ex.FRAMES_X if n % 3 else ex.FRAMES,
                                             maker.bytes(), frame=ex.KEY if key else ex.INTER,
                                             cts=-40 if n % 2 else 80),
                        starts=[(flv.VIDEO, head)]), [head]


def simple_video(fourcc):
    def make(maker):
        head = video(fourcc, ex.START, maker.bytes(20), frame=ex.KEY)
        return maker.stream(lambda n, key: video(fourcc, ex.FRAMES, maker.bytes(),
                                                 frame=ex.KEY if key else ex.INTER),
                            starts=[(flv.VIDEO, head)]), [head]
    return make


def simple_audio(fourcc, has_header=True):
    def make(maker):
        head = audio(fourcc, ex.START, maker.bytes(19))
        return maker.stream(audio=lambda n: audio(fourcc, ex.FRAMES, maker.bytes(120)),
                            starts=[(flv.AUDIO, head)] if has_header else []), \
            [head] if has_header else []
    return make


def both(fourcc, audio_fourcc):
    def make(maker):
        heads = [video(fourcc, ex.START, maker.bytes(30), frame=ex.KEY),
                 audio(audio_fourcc, ex.START, maker.bytes(19))]
        return maker.stream(lambda n, key: video(fourcc, ex.FRAMES, maker.bytes(),
                                                 frame=ex.KEY if key else ex.INTER),
                            lambda n: audio(audio_fourcc, ex.FRAMES, maker.bytes(100)),
                            starts=[(flv.VIDEO, heads[0]), (flv.AUDIO, heads[1])]), heads
    return make


def legacy_id_12(maker):
    head = legacy_hevc(0, maker.bytes(90), frame=ex.KEY)
    return maker.stream(lambda n, key: legacy_hevc(1, maker.bytes(),
                                                   frame=ex.KEY if key else ex.INTER, cts=40),
                        starts=[(flv.VIDEO, head)]), [head]


def with_mod_ex(maker):
    """The nanosecond offset, one of 256 bytes that needs the long size, and chains of both."""
    short, long = (0, b"\0\x01\x02"), (1, bytes(range(256)))
    chains = [(), (short,), (long,), (short, long), (long, short, short)]
    heads = [video(b"av01", ex.START, maker.bytes(20), frame=ex.KEY, chain=[short]),
             audio(b"Opus", ex.START, maker.bytes(19), chain=[long])]
    return maker.stream(lambda n, key: video(b"av01", ex.FRAMES, maker.bytes(),
                                             frame=ex.KEY if key else ex.INTER,
                                             chain=chains[n % 5]),
                        lambda n: audio(b"Opus", ex.FRAMES, maker.bytes(90), chain=chains[n % 5]),
                        starts=[(flv.VIDEO, heads[0]), (flv.AUDIO, heads[1])]), heads


def with_metadata(maker):
    """Colour information before each keyframe except the first, which a viewer may use."""
    head = video(b"hvc1", ex.START, maker.bytes(90), frame=ex.KEY)
    info = video(b"hvc1", ex.METADATA, rtmp.amf("colorInfo", {"colorConfig": {"bitDepth": 10}}))
    return maker.stream(lambda n, key: ([info] if n and n % 10 == 5 else [])
                        + [video(b"hvc1", ex.FRAMES_X, maker.bytes(),
                                 frame=ex.KEY if key else ex.INTER)],
                        starts=[(flv.VIDEO, head)]), [head]


def many_tracks(kind, fourccs, audio_fourccs):
    """All tracks in one message."""
    def make(maker):
        heads = [multi_video(kind, ex.START, [(i, f, maker.bytes(30), 0)
                                              for i, f in enumerate(fourccs)], frame=ex.KEY),
                 multi_audio(kind, ex.START, [(i, f, maker.bytes(19), 0)
                                              for i, f in enumerate(audio_fourccs)])]
        return maker.stream(
            lambda n, key: multi_video(kind, ex.FRAMES, [(i, f, maker.bytes(), 40)
                                                         for i, f in enumerate(fourccs)],
                                       frame=ex.KEY if key else ex.INTER),
            lambda n: multi_audio(kind, ex.FRAMES, [(i, f, maker.bytes(90), 0)
                                                    for i, f in enumerate(audio_fourccs)]),
            starts=[(flv.VIDEO, heads[0]), (flv.AUDIO, heads[1])]), heads
    return make


def side_tracks(first_is_multi, side_first=False):
    """One message per track, as encoders with several renditions send them: the main track as an
    ordinary message (or as a track of its own), the others each in a multitrack message, before or
    after it."""
    def make(maker):
        def main(packet, body, **kw):
            if first_is_multi:
                return multi_video(ex.ONE, packet, [(0, b"avc1", body, 0)], **kw)
            return video(b"avc1", packet, body, **kw)

        heads = [main(ex.START, b"\1\x64\0\x1f\xff\xe0\0", frame=ex.KEY),
                 audio(b"mp4a", ex.START, b"\x12\x10")]
        for ident in (1, 2):
            heads.append(multi_video(ex.ONE, ex.START, [(ident, b"avc1", maker.bytes(30), 0)],
                                     frame=ex.KEY))
        heads.append(multi_audio(ex.ONE, ex.START, [(1, b"mp4a", b"\x11\x90", 0)]))

        def video_frame(n, key):
            frame = ex.KEY if key else ex.INTER
            sides = [multi_video(ex.ONE, ex.FRAMES, [(ident, b"avc1", maker.bytes(), 0)],
                                 frame=ex.KEY if (n + 5 * ident) % 10 == 0 else ex.INTER)
                     for ident in (1, 2)]
            own = [main(ex.FRAMES, maker.bytes(), frame=frame)]
            return sides + own if side_first and n else own + sides

        def audio_frame(n):
            return [audio(b"mp4a", ex.FRAMES, maker.bytes(90)),
                    multi_audio(ex.ONE, ex.FRAMES, [(1, b"mp4a", maker.bytes(60), 0)])]

        return maker.stream(video_frame, audio_frame, starts=[
            (flv.AUDIO if b"mp4a" in h[:6] else flv.VIDEO, h) for h in heads]), heads
    return make


STREAMS = {
    "hvc1": hevc, "av01": simple_video(b"av01"), "vp09": simple_video(b"vp09"),
    "vp08": simple_video(b"vp08"), "vvc1": simple_video(b"vvc1"), "hevc-id-12": legacy_id_12,
    "Opus": simple_audio(b"Opus"), "ac-3": simple_audio(b"ac-3"),
    "ec-3": simple_audio(b"ec-3", False), "fLaC": simple_audio(b"fLaC"),
    ".mp3": simple_audio(b".mp3", False), "mp4a": simple_audio(b"mp4a"),
    "hvc1+Opus": both(b"hvc1", b"Opus"), "av01+Opus": both(b"av01", b"Opus"),
    "vp09+fLaC": both(b"vp09", b"fLaC"), "av01+ac-3": both(b"av01", b"ac-3"),
    "ModEx": with_mod_ex, "Metadata": with_metadata,
    "many-tracks": many_tracks(ex.MANY, [b"hvc1", b"hvc1"], [b"Opus", b"Opus", b"Opus"]),
    "many-codecs": many_tracks(ex.MANY_CODECS, [b"av01", b"hvc1"], [b"Opus", b"ac-3"]),
    "side-tracks": side_tracks(False), "side-tracks-all-multi": side_tracks(True),
    "side-tracks-first": side_tracks(False, True),
}


def is_first_of_viewer(tag):
    """A keyframe of the main track, where a viewer may start."""
    if not tag.is_video or not tag.data or not tag.data[0] & 0x80:
        return tag.is_keyframe
    if tag.data[0] >> 4 & 7 != ex.KEY:
        return False
    at, packet = 1, tag.data[0] & 15
    while packet == ex.MOD_EX:
        size = tag.data[at] + 1
        at += 1
        if size == 256:
            size = int.from_bytes(tag.data[at:at + 2], "big") + 1
            at += 2
        at += size
        packet, at = tag.data[at] & 15, at + 1
    if packet != ex.MULTI:
        return packet in (ex.FRAMES, ex.FRAMES_X)
    kind, packet = tag.data[at] >> 4, tag.data[at] & 15
    track = tag.data[at + 5] if kind != ex.MANY_CODECS else tag.data[at + 5]
    return packet == ex.FRAMES and track == 0


def check_viewer(tags, sent, heads):
    """Preamble: the sequence headers at time 0, each once; then a run of what was sent."""
    tags = [t for t in tags if not t.is_script]
    front, rest = tags[:len(heads)], tags[len(heads):]
    assert sorted(t.data for t in front) == sorted(heads)
    assert all(t.time == 0 for t in front)
    bodies = [t.data for t in sent if t.data not in heads]
    assert rest, "nothing but headers"
    at = bodies.index(rest[0].data)
    assert [t.data for t in rest] == bodies[at:at + len(rest)]
    if any(t.is_video for t in sent):
        assert is_first_of_viewer(rest[0]), rest[0]
    flv.check_times(rest, step_max=200)
    return rest


@pytest.mark.parametrize("name", STREAMS)
def test_byte_for_byte(server, name):
    sent, heads = STREAMS[name](Maker())
    srv = server(play={"time_jitter": "full"})
    with rtmp.Publisher(srv.rtmp_url("live/s")) as publisher, \
            rtmp_client.Client(srv.rtmp_port) as player:
        early = flv.Viewer(srv.http_url("/live/s.flv?track=all"))
        player.handshake()
        player.connect()
        player.play("s?track=all")
        srv.wait_log(r"play __defaultVhost__/live/s\.flv")
        begin = len(sent) * 2 // 3
        # Viewers of audio alone start at the newest frame: the publisher must still be sending.
        send = publisher.send_paced if name in AUDIO_ONLY else publisher.send_tags
        send(sent[:begin])
        # In the middle of a GOP, with the last keyframe in the past.
        early.wait_media(3)
        late = flv.Viewer(srv.http_url("/live/s.flv?track=all"))
        late.wait(lambda v: len(v.media) > 0 or name in AUDIO_ONLY and v.reader.flags, 10,
                  "the last GOP")
        send(sent[begin:])
        last = sent[-1].data
        for viewer in (early, late):
            viewer.wait(lambda v: v.tags and v.tags[-1].data == last, 15, "the last frame")
            rest = check_viewer(viewer.check().tags, sent, heads)
            assert rest[-1].data == last
            assert viewer.reader.has_video == any(t.is_video for t in sent)
            assert viewer.reader.has_audio == any(t.is_audio for t in sent)
            assert not viewer.is_done
            viewer.close()
        messages = player.until(lambda m: m.data == last, 15)
        got = [m.data for m in messages if m.type in (flv.AUDIO, flv.VIDEO)]
        assert set(heads) <= set(got)
        bodies = [t.data for t in sent if t.data not in heads]
        got = [d for d in got if d not in heads]
        assert got == bodies[-len(got):]


AUDIO_ONLY = ("Opus", "ac-3", "ec-3", "fLaC", ".mp3", "mp4a")


@pytest.mark.parametrize("name", ["hvc1+Opus", "side-tracks", "many-tracks"])
def test_publisher_comes_back(server, name):
    """The same headers again: the viewer continues, and gets no header twice."""
    sent, heads = STREAMS[name](Maker())
    again, more = STREAMS[name](Maker())
    assert heads == more
    srv = server()
    with flv.Viewer(srv.http_url("/live/s.flv?track=all")) as viewer:
        for part in (sent, again):
            with rtmp.Publisher(srv.rtmp_url("live/s")) as publisher:
                count = sum(t.data == part[-1].data for t in viewer.tags)
                publisher.send_tags(part)
                viewer.wait(lambda v: sum(t.data == part[-1].data for t in v.tags) > count, 15,
                            "the last frame")
        tags = [t for t in viewer.check().tags if not t.is_script]
        assert sum(t.data in heads for t in tags) == len(heads)
        bodies = [t.data for t in sent if t.data not in heads]
        assert [t.data for t in tags if t.data not in heads] == bodies + bodies
        flv.check_times(tags[len(heads):], step_max=200)


def test_changed_hevc_ends_cleanly(server):
    first, _ = hevc(Maker(1))
    second, heads = hevc(Maker(2))
    srv = server()
    with rtmp.Publisher(srv.rtmp_url("live/s")) as publisher:
        viewer = flv.Viewer(srv.http_url("/live/s.flv"))
        srv.wait_log(r"play __defaultVhost__/live/s\.flv")
        publisher.send_tags(first)
        viewer.wait_media(20)
        publisher.send_tags(second, offset=first[-1].time + 40)
        viewer.wait_end()
        assert viewer.media[-1].data == first[-1].data
        with flv.Viewer(srv.http_url("/live/s.flv")) as other:
            other.wait(lambda v: v.tags and v.tags[-1].data == second[-1].data, 10, "the new frames")
            check_viewer(other.check().tags, second, heads)


def test_side_header_may_change(server):
    """A new configuration of another track is not an end: it goes into the stream at its place, and
    into the preamble of later viewers."""
    maker = Maker()
    sent, heads = side_tracks(False)(maker)
    changed = multi_video(ex.ONE, ex.START, [(2, b"avc1", maker.bytes(31), 0)], frame=ex.KEY)
    srv = server()
    with rtmp.Publisher(srv.rtmp_url("live/s")) as publisher, \
            flv.Viewer(srv.http_url("/live/s.flv?track=all")) as viewer:
        srv.wait_log(r"play __defaultVhost__/live/s\.flv")
        publisher.send_tags(sent)
        # Who begins later, as a worker may, has the change in front as well.
        viewer.wait_media(1)
        publisher.send(flv.VIDEO, sent[-1].time, changed)
        publisher.send(flv.VIDEO, sent[-1].time, changed)
        publisher.send(flv.AUDIO, sent[-1].time + 20, audio(b"mp4a", ex.FRAMES, b"last one"))
        viewer.wait(lambda v: v.tags and v.tags[-1].data.endswith(b"last one"), 15, "the last frame")
        assert [t.data for t in viewer.check().tags].count(changed) == 1
        assert viewer.tags[-2].data == changed
        with flv.Viewer(srv.http_url("/live/s.flv?track=all")) as late:
            late.wait_media(3)
            front = [t.data for t in late.check().tags if not t.is_script][:len(heads)]
            assert changed in front and heads[3] not in front


def test_too_many_tracks(server):
    """A publisher that invents tracks causes a bounded number of headers, and disturbs nobody."""
    srv = server()
    maker = Maker()
    sent, heads = hevc(maker)
    with rtmp.Publisher(srv.rtmp_url("live/s")) as publisher, \
            flv.Viewer(srv.http_url("/live/s.flv?track=all")) as viewer:
        srv.wait_log(r"play __defaultVhost__/live/s\.flv")
        publisher.send_tag(sent[0])
        for ident in range(1, 256):
            publisher.send(flv.VIDEO, 0, multi_video(
                ex.ONE, ex.START, [(ident, b"hvc1", maker.bytes(30000), 0)], frame=ex.KEY))
        publisher.send_tags(sent[1:])
        viewer.wait(lambda v: v.tags and v.tags[-1].data == sent[-1].data, 15, "the last frame")
        assert sum(t.data[0] == 0x96 for t in viewer.check().tags if t.data) <= 16


# ---- truncated or meaningless messages

@pytest.mark.parametrize("body", [
    b"\x80", b"\x90hv", b"\x90hvc1", b"\x91hvc1", b"\x91hvc1\0\0", b"\x97", b"\x97\xff",
    b"\x97\xff\xff\xff", b"\x97\x02abc", b"\x97\0a\x07" * 50, b"\x96", b"\x96\x00", b"\x96\x01hvc1",
    b"\x96\x11hvc1\0\0\0\x05abc", b"\x96\x31hvc1\0abc", b"\x96\x21hvc1\0\xff\xff\xffabc",
    b"\x96\x06hvc1\0abc", b"\x9fxxxxabc", b"\xd0\0", b"\xd4hvc1", b"\x1c", b"\x1c\0", b"\x1c\x01\0\0",
    b"\x91????abc", b"\x93????" + bytes(1000),
], ids=lambda b: b[:8].hex())
def test_broken_messages_harm_nobody(server, body):
    """In the middle of a good stream: publisher and viewer continue."""
    sent, heads = hevc(Maker())
    srv = server()
    with rtmp.Publisher(srv.rtmp_url("live/s")) as publisher, \
            flv.Viewer(srv.http_url("/live/s.flv")) as viewer:
        srv.wait_log(r"play __defaultVhost__/live/s\.flv")
        publisher.send_tags(sent[:20])
        publisher.send(flv.VIDEO, sent[19].time, body)
        publisher.send(flv.AUDIO, sent[19].time, b"\x9f" + body)
        publisher.send_tags(sent[20:])
        # The server may have understood that a track appears; then the response ends and players
        # reload.
        wait_for(lambda: viewer.is_done or viewer.check().tags
                 and viewer.tags[-1].data == sent[-1].data, 15, "the last frame, or the end")
        viewer.check()
        with flv.Viewer(srv.http_url("/live/s.flv")) as other:
            other.wait(lambda v: v.tags and v.tags[-1].data == sent[-1].data, 10, "the last frame")
            other.check()


# ---- real HEVC

@pytest.fixture(scope="module")
def hevc_file(tmp_path_factory):
    """Three seconds of x265, B-frames included, and its frame checksums."""
    if not shutil.which("ffmpeg"):
        pytest.fail("no ffmpeg")
    path = tmp_path_factory.mktemp("hevc") / "source.hevc"
    harness.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                 "testsrc2=size=320x180:rate=25", "-t", "3", "-c:v", "libx265", "-preset",
                 "ultrafast", "-pix_fmt", "yuv420p", "-x265-params",
                 "keyint=25:min-keyint=25:scenecut=0:repeat-headers=1:bframes=0:log-level=error",
                 path], timeout=80)
    return path


def frame_sums(source, *args):
    done = harness.run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", *args, "-i", source, "-f",
                        "framemd5", "-"], timeout=60)
    return [line.rsplit(",", 1)[1].strip() for line in done.stdout.splitlines()
            if line and not line.startswith("#")]


@pytest.mark.parametrize("layout", ["hvc1 CodedFrames", "hvc1 CodedFramesX", "id 12"])
def test_real_hevc_decodes(server, hevc_file, tmp_path, layout):
    """The output, decoded again, has exactly the frames of ffmpeg's own file."""
    units = ex.annexb_units(hevc_file.read_bytes())
    record = ex.hvcc(units)
    frames = ex.hevc_frames(units)
    assert len(frames) == 75 and [k for k, _ in frames].count(True) == 3

    def wrap(packet, body, is_key):
        frame = ex.KEY if is_key else ex.INTER
        if layout == "id 12":
            return legacy_hevc(packet, body, frame=frame)
        if packet and layout.endswith("X"):
            return video(b"hvc1", ex.FRAMES_X, body, frame=frame)
        return video(b"hvc1", packet, body, frame=frame)

    sent = [flv.Tag(flv.VIDEO, 0, wrap(0, record, True))] + [
        flv.Tag(flv.VIDEO, n * 40, wrap(1, ex.avcc(parts), is_key))
        for n, (is_key, parts) in enumerate(frames)]
    srv = server()
    with rtmp.Publisher(srv.rtmp_url("live/s")) as publisher, \
            flv.Viewer(srv.http_url("/live/s.flv")) as viewer:
        srv.wait_log(r"play __defaultVhost__/live/s\.flv")
        publisher.send_tags(sent)
        viewer.wait(lambda v: len(v.media) == 75, 15, "all frames")
    out = b""
    for tag in viewer.check().tags:
        if tag.is_script:
            continue
        skip = 5 if layout == "id 12" else 8 if tag.data[0] & 15 == ex.FRAMES else 5
        body = tag.data[skip:]
        if tag.is_sequence_header:
            assert body == record
            parts = sets_of(body)
        else:
            parts = list(nal_units(body))
        out += b"".join(b"\0\0\0\1" + part for part in parts)
    back = tmp_path / "back.hevc"
    back.write_bytes(out)
    assert frame_sums(back) == frame_sums(hevc_file)


def nal_units(body):
    at = 0
    while at < len(body):
        size = struct.unpack_from(">I", body, at)[0]
        yield body[at + 4:at + 4 + size]
        at += 4 + size


def sets_of(record):
    sets, at = [], 23
    for _ in range(record[22]):
        count = struct.unpack_from(">H", record, at + 1)[0]
        at += 3
        for _ in range(count):
            size = struct.unpack_from(">H", record, at)[0]
            sets.append(record[at + 2:at + 2 + size])
            at += 2 + size
    return sets


def test_streams_are_well_formed():
    """Compares the generator with hand-written bytes, to detect its own mistakes."""
    assert video(b"hvc1", ex.FRAMES, b"x", frame=ex.KEY, cts=-1) == b"\x91hvc1\xff\xff\xffx"
    assert video(b"av01", ex.FRAMES_X, b"x") == b"\xa3av01x"
    assert audio(b"Opus", ex.START, b"h") == b"\x90Opush"
    assert video(b"av01", ex.FRAMES, b"x", chain=[(0, b"abc")]) == b"\xa7\x02abc\x01av01x"
    assert audio(b"Opus", ex.FRAMES, b"x", chain=[(1, b"a"), (0, b"b")]) \
        == b"\x97\0a\x17\0b\x01Opusx"
    long = bytes(256)
    assert audio(b"Opus", ex.FRAMES, b"x", chain=[(1, long)]) \
        == b"\x97\xff\0\xff" + long + b"\x11Opusx"
    assert multi_video(ex.ONE, ex.FRAMES, [(3, b"avc1", b"x", 1)], frame=ex.KEY) \
        == b"\x96\x01avc1\x03\0\0\x01x"
    assert multi_audio(ex.MANY, ex.FRAMES, [(0, b"Opus", b"xy", 0), (1, b"Opus", b"z", 0)]) \
        == b"\x95\x11Opus\0\0\0\x02xy\x01\0\0\x01z"
    assert multi_audio(ex.MANY_CODECS, ex.START, [(0, b"Opus", b"x", 0), (1, b"ac-3", b"", 0)]) \
        == b"\x95\x20Opus\0\0\0\x01xac-3\x01\0\0\0"
    assert legacy_hevc(1, b"x", frame=ex.KEY, cts=2) == b"\x1c\x01\0\0\x02x"
    assert list(itertools.islice(ex.annexb_units(b"\0\0\0\1\x40\1\0\0\1\x42"), 2)) \
        == [b"\x40\1", b"\x42"]
