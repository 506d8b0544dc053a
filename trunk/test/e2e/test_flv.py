"""HTTP-FLV end to end: what a viewer gets, tag by tag.

Most tests publish with rtmp.Publisher, which sends exactly what the test gives it, and wait for a
viewer to receive it: no test depends on real time.
"""

import pytest

import flv
from flv_kit import FRAME_MS, check_decodes, check_preamble, flat, keys, ring_of
from harness import curl, ffmpeg_decode, ffprobe, run


def test_ffprobe_and_ffmpeg(server, publish):
    srv = server()
    publish(srv)
    found = ffprobe(srv.http_url())
    assert {s["codec_name"] for s in found["streams"]} == {"h264", "aac"}
    assert len(found["streams"]) == 2, "no phantom track"
    assert found["errors"] == ""
    assert ffmpeg_decode(srv.http_url(), 5) == ""


@pytest.mark.parametrize("gop_cache", ["on", "off"])
def test_byte_exact_from_ffmpeg(server, publish, view, source_flv, tmp_path, gop_cache):
    """A viewer that waits from the start gets every frame that ffmpeg sends, unchanged."""
    seconds = 8
    expected = tmp_path / "expected.flv"
    run(["ffmpeg", "-v", "error", "-i", source_flv, "-c", "copy", "-t", seconds, "-f", "flv",
         expected])
    expected = flv.parse_file(expected).tags
    srv = server(play={"gop_cache": gop_cache}, remux={"republish_wait": 300})
    viewer = view(srv)
    child = publish(srv, loop=False, args=["-c", "copy", "-t", seconds])
    assert child.wait(30) == 0
    viewer.wait_end()
    preamble = check_preamble(viewer)
    headers = [t for t in expected if t.is_sequence_header]
    assert keys([t for t in preamble if not t.is_script]) == keys(headers)

    sent = flat(flv.split_gops(expected))
    got = flat(flv.split_gops(viewer.tags))
    assert keys(got) == keys(sent)
    # One offset for both tracks: they stay synchronized.
    assert len({g.time - s.time for g, s in zip(got, sent)}) == 1
    # Only audio can come before the first keyframe.
    first = [t for t in viewer.media if t.time < got[0].time]
    assert all(t.is_audio for t in first)


def test_curl_recording_is_a_file(server, publish, tmp_path):
    """A recording by curl plays as a file; the response header is that of a live stream."""
    srv = server()
    publish(srv)
    answer = curl(srv.http_url(), seconds=4)
    assert answer.status == 200 and answer.exit_code == 28
    assert answer.headers["content-type"] == "video/x-flv"
    assert answer.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in answer.headers
    reader = flv.parse(answer.body, may_be_cut=True)
    assert reader.has_audio and reader.has_video
    whole = reader.tags
    flv.check_times(whole[3:], 200)
    check_decodes(whole, tmp_path)


def test_http_1_0_has_no_chunks(server, view, publisher, source):
    srv = server(remux={"republish_wait": 300})
    preamble, gops = source
    viewer = view(srv, version="1.0")
    source_a = publisher(srv)
    source_a.send_tags(preamble + gops[0])
    viewer.wait_media(len(gops[0]))
    assert viewer.header("Transfer-Encoding") is None
    assert viewer.header("Content-Length") is None
    source_a.unpublish()
    viewer.wait_end()
    assert keys(ring_of(viewer)) == keys(gops[0])


def test_gop_cache_on_starts_at_the_last_keyframe(server, view, publisher, source):
    srv = server(play={"gop_cache": "on"})
    preamble, gops = source
    early = view(srv)
    one = publisher(srv)
    one.send_tags(preamble + gops[0] + gops[1][:20])
    early.wait_media(len(gops[0]) + 20)
    late = view(srv)
    late.wait_media(20)
    assert keys(ring_of(late)) == keys(gops[1][:20])
    check_preamble(late)
    one.send_tags(gops[1][20:])
    late.wait_media(len(gops[1]))
    assert keys(ring_of(late)) == keys(gops[1])


def test_gop_cache_off_starts_at_the_next_keyframe(server, view, publisher, source):
    srv = server(play={"gop_cache": "off"})
    preamble, gops = source
    early = view(srv)
    one = publisher(srv)
    one.send_tags(preamble + gops[0] + gops[1][:20])
    early.wait_media(len(gops[0]) + 20)
    late = view(srv)
    # Nothing of the current GOP, whenever the late viewer is served.
    one.send_tags(gops[1][20:])
    early.wait_media(len(gops[0]) + len(gops[1]))
    one.send_tags(gops[2])
    early.wait_media(len(flat(gops[:3])))
    late.wait(lambda v: v.media and v.media[-1].key == gops[2][-1].key)
    check_preamble(late)
    got = ring_of(late)
    started = keys(gops[2]).index(next(t for t in got if t.is_video).key)
    assert started == 0 or gops[2][started].is_keyframe
    video = [t for t in got if t.is_video]
    assert keys(video) == keys([t for t in gops[2] if t.is_video])


def test_viewers_get_identical_bytes(server, view, publisher, source):
    srv = server()
    preamble, gops = source
    viewers = [view(srv) for _ in range(3)]
    one = publisher(srv)
    one.send_tags(preamble + flat(gops[:2]))
    viewers[0].wait_media(len(flat(gops[:2])))
    viewers += [view(srv) for _ in range(3)]
    one.send_tags(gops[2])
    for viewer in viewers:
        viewer.wait(lambda v: v.media and v.media[-1].key == gops[2][-1].key)

    def exact(tags):
        return [(t.type, t.time, t.data) for t in tags]

    everything = exact(viewers[0].tags)
    for viewer in viewers[1:3]:
        assert exact(viewer.tags) == everything
    count = len(flv.preamble_and_ring(viewers[0].tags)[0])
    for viewer in viewers[3:]:
        mine = exact(viewer.tags)
        assert mine[:count] == everything[:count]
        assert mine[count:] == everything[-len(mine[count:]):]


@pytest.mark.parametrize("bound", ["bytes", "time"])
def test_slow_viewer_jumps_to_a_keyframe(server, view, publisher, source, tmp_path, bound):
    """It loses whole GOPs, decodes without an error, and other viewers lose nothing."""
    if bound == "bytes":
        srv = server(play={"gop_cache_max_bytes": "1m"})
    else:
        srv = server(play={"queue_length": 1})
    preamble, gops = source
    fast = view(srv)
    slow = view(srv, receive_buffer=4096)
    one = publisher(srv)
    one.send_tags(preamble + gops[0])
    fast.wait_media(len(gops[0]))
    slow.wait_media(1)
    slow.hold()
    sent = list(gops[0])
    if bound == "bytes":
        for gop in gops[1:]:
            one.send_tags(gop)
            sent += gop
            fast.wait_media(len(sent), 20)
        next_gop = gops[0]
        offset = gops[-1][-1].time + FRAME_MS - gops[0][0].time
    else:
        # The queue is measured in the arrival time of the frames: real time.
        one.send_paced(flat(gops[1:5]))
        sent += flat(gops[1:5])
        next_gop, offset = gops[5], 0
    slow.go()
    one.send_tags(next_gop, offset=offset)
    sent += next_gop
    fast.wait_media(len(sent), 20)
    slow.wait(lambda v: v.media[-1].time == fast.media[-1].time, 20, "the slow one to catch up")
    assert keys(fast.media) == keys(sent), "the fast one has everything"

    check_preamble(slow)
    order = {(t.type, t.time, t.data): i for i, t in enumerate(fast.media)}
    places = [order[(t.type, t.time, t.data)] for t in slow.media]
    assert places == sorted(set(places)), "in order, nothing twice"
    jumps = [i for i in range(1, len(places)) if places[i] != places[i - 1] + 1]
    assert jumps, "it lagged by far more than queue_length"
    for jump in jumps:
        video = next(t for t in slow.media[jump:] if t.is_video)
        assert video.is_keyframe
        assert slow.media[jump].is_keyframe, "a GOP begins with its keyframe"
    check_decodes(slow.tags, tmp_path)


# Each worker has a ring of its own, and sanitizers keep freed memory for a while.
@pytest.mark.one_process
def test_slow_viewers_cost_no_memory(server, view, publisher, source):
    srv = server(play={"queue_length": 4})
    preamble, gops = source
    fast = view(srv)
    one = publisher(srv)
    one.send_tags(preamble + gops[0])
    fast.wait_media(len(gops[0]))
    count = len(gops[0])

    def send_all(turns):
        nonlocal count
        length = gops[-1][0].time + 2000 - gops[0][0].time
        for turn in turns:
            for gop in gops:
                one.send_tags(gop, offset=(turn + 1) * length)
                count += len(gop)
                fast.wait_media(count, 20)

    send_all([0])
    before = srv.memory_kb()
    slow = [view(srv, receive_buffer=4096) for _ in range(20)]
    for viewer in slow:
        viewer.wait_media(1)
        viewer.hold()
    send_all([1, 2])
    grown = srv.memory_kb() - before
    # Twenty queues would need 20 x 10 MB; sanitizers keep freed memory for a while.
    assert grown < 40_000, f"{grown} KB more"


def test_preamble_of_a_late_viewer(server, view, publisher, source):
    """All with timestamp 0, although the stream is far beyond."""
    srv = server()
    preamble, gops = source
    early = view(srv)
    one = publisher(srv)
    one.send_tags(preamble)
    one.send_tags(flat(gops[:4]))
    early.wait_media(len(flat(gops[:4])))
    late = view(srv)
    late.wait_media(len(gops[3]))
    got = check_preamble(late)
    assert [t.type for t in got][0] == flv.SCRIPT
    assert keys(got[1:]) == keys([t for t in preamble if not t.is_script])
    assert late.media[0].time == early.media[len(flat(gops[:3]))].time
    meta = got[0].data
    for name in (b"onMetaData", b"width", b"server"):
        assert name in meta
    for name in (b"duration", b"filesize", b"@setDataFrame"):
        assert name not in meta


def test_deep_app_and_vhost(server, view, publisher, source):
    """An app with several levels; a vhost selected by the Host header."""
    srv = server(vhosts="vhost other.example { http_remux { enabled on; "
                        "mount [vhost]/[app]/[stream].flv; } }")
    preamble, gops = source
    deep = publisher(srv, "a/b/c/stream")
    deep.send_tags(preamble + gops[0])
    view(srv, "/a/b/c/stream.flv").wait_media(len(gops[0]))
    hosted = publisher(srv, "live/x?vhost=other.example")
    hosted.send_tags(preamble + gops[1])
    viewer = view(srv, "/live/x.flv", host="other.example")
    viewer.wait_media(len(gops[1]))
    assert keys(viewer.media) == keys(gops[1])
