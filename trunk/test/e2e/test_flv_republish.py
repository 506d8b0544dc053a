"""HTTP-FLV when a publisher leaves, returns and changes: what viewers receive, and how long they wait."""

import time

import pytest

import flv
from flv_kit import FRAME_MS, check_decodes, check_preamble, flat, keys, ring_of
from harness import curl, ffprobe, wait_for

AUDIO_FRAME_MS = 24


def continues(last, first):
    """first follows last on one timeline with a step of about one frame."""
    step = first.time - last.time
    return 0 < step <= FRAME_MS + AUDIO_FRAME_MS


@pytest.mark.parametrize("offset", [0, 5_000_000, 0x7FFFFFFF - 1000, 0xFFFFFFFF - 500])
def test_republish_goes_on(server, view, publisher, source, offset):
    """The same encoder again, with any timestamps: the viewer stays and its timestamps continue."""
    srv = server()
    preamble, gops = source
    viewer = view(srv)
    first = publisher(srv)
    first.send_tags(preamble + flat(gops[:2]))
    count = len(flat(gops[:2]))
    viewer.wait_media(count)
    first.close()
    wait_for(lambda: first.is_closed, what="the first publisher's end")
    second = republish(publisher, srv)
    second.send_tags(preamble)
    second.send_tags(flat(gops[:2]), offset=offset)
    viewer.wait_media(2 * count)
    check_preamble(viewer)
    media = viewer.media
    assert keys(media) == keys(flat(gops[:2]) * 2)
    flv.check_times(media, 100)
    before, after = media[:count], media[count:]
    assert continues(before[-1], after[0]), (before[-1], after[0])
    moved = {new.time - old.time for new, old in zip(after, before)}
    assert len(moved) == 1, "audio and video move by the same"


def republish(publisher, srv, stream="live/livestream"):
    """Publishes again; the server may still hold the stream for the connection that was just
    closed."""
    def attempt():
        try:
            return publisher(srv, stream)
        except (AssertionError, OSError):
            return None
    return wait_for(attempt, 10, "the stream to be free again")


@pytest.mark.parametrize("jump", [3_600_000, -4000, 30_000])
def test_jump_within_a_stream_is_taken_out(server, view, publisher, source, jump):
    srv = server()
    preamble, gops = source
    viewer = view(srv)
    one = publisher(srv)
    base = 10_000
    one.send_tags(preamble)
    one.send_tags(flat(gops[:2]), offset=base)
    one.send_tags(flat(gops[2:4]), offset=base + jump)
    viewer.wait_media(len(flat(gops[:4])))
    assert keys(viewer.media) == keys(flat(gops[:4]))
    flv.check_times(viewer.media, 200)


def test_repeated_headers_stay_out(server, view, publisher, source):
    """The same configuration again is not a change: it is not in the ring."""
    srv = server()
    preamble, gops = source
    viewer = view(srv)
    one = publisher(srv)
    one.send_tags(preamble + gops[0])
    one.send_tags(preamble + gops[1])
    viewer.wait_media(len(flat(gops[:2])))
    check_preamble(viewer)
    assert keys(viewer.media) == keys(flat(gops[:2]))


def avc_parameter_sets(header):
    """The SPS and PPS of an AVC sequence header tag."""
    data, units = header.data[5:], []
    at, count = 6, data[5] & 31
    for _ in range(2):
        for _ in range(count):
            size = int.from_bytes(data[at:at + 2], "big")
            units.append(data[at + 2:at + 2 + size])
            at += 2 + size
        if at < len(data):
            count, at = data[at], at + 1
    return units


def check_in_band(tags, published, header):
    """Each keyframe starts with the parameter sets of header; nothing else is changed. Not only the
    first one: browsers insert the sets with which they started before each keyframe without sets,
    and would return to the old ones."""
    sets = avc_parameter_sets(header)
    assert len(tags) == len(published)
    for got, sent in zip(tags, published):
        if sent.is_keyframe:
            units = got.nal_units()
            assert units[:len(sets)] == sets, [unit[0] & 31 for unit in units]
            assert units[len(sets):] == sent.nal_units()
            assert got.data[:5] == sent.data[:5]
        else:
            assert got.key == sent.key


@pytest.mark.parametrize("same_connection", [False, True])
def test_changed_parameter_sets_go_in_band(server, view, publisher, source, other, tmp_path,
                                           same_connection):
    """Back and forth, by new publishers or by one that changes its configuration."""
    srv = server()
    parts = [(source[0], source[1][:1]), (other[0], other[1][:3]), (source[0], source[1][1:3])]
    headers = [next(t for t in preamble if t.is_video) for preamble, _ in parts]
    viewer = view(srv)
    late = []
    one, offset, count = publisher(srv), 0, 0
    for preamble, gops in parts:
        if count and not same_connection:
            one.unpublish()
            one = republish(publisher, srv)
        one.send_tags(preamble)
        one.send_tags(flat(gops), offset=offset - gops[0][0].time)
        offset += gops[-1][-1].time + FRAME_MS - gops[0][0].time
        count += len(flat(gops))
        viewer.wait_media(count)
        late.append(view(srv))
        late[-1].wait_media(len(gops[-1]))

    check_preamble(viewer)
    flv.check_times(viewer.media, 200)
    at = len(parts[0][1][0])
    for (_, gops), header in zip(parts[1:], headers[1:]):
        check_in_band(viewer.media[at:at + len(flat(gops))], flat(gops), header)
        at += len(flat(gops))
    check_decodes(viewer.tags, tmp_path)
    for number, (who, header) in enumerate(zip(late, headers)):
        assert keys([t for t in check_preamble(who) if t.is_video]) == [header.key]
        who.wait(lambda v: v.media[-1].key == viewer.media[-1].key)
        check_decodes(who.tags, tmp_path, f"late{number}.flv")


def test_a_viewer_gets_the_header_of_changed_audio(server, view, publisher, source):
    """A new AudioSpecificConfig: its sequence header is in the stream, that of the video is not."""
    srv = server()
    preamble, gops = source
    viewer = view(srv)
    one = publisher(srv)
    one.send_tags(preamble + gops[0])
    viewer.wait_media(len(gops[0]))
    header = next(t for t in preamble if t.is_audio)
    changed = flv.Tag(flv.AUDIO, gops[1][0].time, header.data[:2] + b"\x11\x90")  # 48 kHz stereo
    one.send_tag(changed)
    one.send_tags(gops[1])
    viewer.wait_media(len(flat(gops[:2])))
    inner = [t for t in ring_of(viewer) if not t.is_media]
    assert keys(inner) == [changed.key]


def test_a_track_appears(server, view, publisher, source):
    """The header's flags would be wrong from then on: the response ends cleanly."""
    srv = server()
    preamble, gops = source
    silent = [t for t in preamble if t.is_video]
    viewer = view(srv)
    one = publisher(srv)
    one.send_tags(silent + [t for t in flat(gops[:2]) if t.is_video])
    viewer.wait_media(90)
    assert viewer.reader.has_video and not viewer.reader.has_audio
    one.send_tags([t for t in preamble if t.is_audio] + gops[2])
    viewer.wait_end()
    assert all(t.is_video for t in viewer.media)
    again = view(srv)
    again.wait_media(10)
    assert again.reader.has_video and again.reader.has_audio
    check_preamble(again)


def test_another_codec_ends_it(server, view, publisher, source):
    srv = server()
    preamble, gops = source
    viewer = view(srv)
    one = publisher(srv)
    one.send_tags(preamble + gops[0])
    viewer.wait_media(len(gops[0]))
    # MP3 instead of AAC: a frame header and silence.
    mp3 = b"\x2f" + b"\xff\xfb\x90\x64" + bytes(413)
    for i in range(10):
        one.send(flv.AUDIO, gops[1][0].time + i * 26, mp3)
    viewer.wait_end()


def test_audio_only(server, view, publisher, source):
    """An audio-only stream starts at once, at any frame, and its header announces audio only."""
    srv = server()
    preamble, gops = source
    audio = [t for t in flat(gops) if t.is_audio]
    one = publisher(srv)
    one.send_tags([t for t in preamble if t.is_audio] + audio[:100])
    viewer = view(srv)
    for tag in audio[100:]:
        one.send_paced([tag])
        if viewer.media:
            break
        viewer.check()
        time.sleep(AUDIO_FRAME_MS / 1000)
    viewer.wait_media(1)
    assert viewer.reader.has_audio and not viewer.reader.has_video
    check_preamble(viewer, has_video=False)
    first = keys(audio).index(viewer.media[0].key)
    assert keys(viewer.media) == keys(audio[first:first + len(viewer.media)])


def test_join_while_the_publisher_is_away(server, view, publisher, source, tmp_path):
    """Also after an encoder's end of sequence, which is not a frame to start with."""
    srv = server()
    preamble, gops = source
    one = publisher(srv)
    one.send_tags(preamble + gops[0])
    end = flv.Tag(flv.VIDEO, gops[0][-1].time, b"\x17\x02\0\0\0")
    one.send_tag(end)
    one.unpublish()
    srv.wait_log("stop publish")
    viewer = view(srv)
    second = publisher(srv)
    second.send_tags(preamble + flat(gops[1:3]))
    viewer.wait(lambda v: v.media and v.media[-1].key == gops[2][-1].key)
    check_preamble(viewer)
    flv.check_times(viewer.media, 200)
    check_decodes(viewer.tags, tmp_path)


@pytest.mark.parametrize("has_audio,has_video", [("on", "off"), ("off", "on"), ("on", "on")])
def test_flags_from_the_configuration(server, view, publisher, source, has_audio, has_video):
    """guess_has_av off: the header announces what is configured, drop_if_not_match drops the
    rest."""
    srv = server(remux={"guess_has_av": "off", "has_audio": has_audio, "has_video": has_video})
    preamble, gops = source
    viewer = view(srv)
    one = publisher(srv)
    one.send_tags(preamble + flat(gops[:2]))
    viewer.wait_media(40)
    assert viewer.reader.has_audio == (has_audio == "on")
    assert viewer.reader.has_video == (has_video == "on")
    kinds = {t.type for t in viewer.tags if not t.is_script}
    assert kinds == {k for k, on in ((flv.AUDIO, has_audio), (flv.VIDEO, has_video)) if on == "on"}


def test_republish_wait_is_over(server, view, publisher, source):
    srv = server(remux={"republish_wait": 500})
    preamble, gops = source
    viewer = view(srv)
    one = publisher(srv)
    one.send_tags(preamble + gops[0])
    viewer.wait_media(len(gops[0]))
    one.unpublish()
    viewer.wait_end()
    assert keys(viewer.media) == keys(gops[0])
    # A new viewer waits for the next publisher.
    other_one = view(srv)
    again = publisher(srv)
    again.send_tags(preamble + gops[1])
    other_one.wait_media(len(gops[1]))


def test_standby_plays_at_publish(server, view, publisher, source):
    srv = server()
    preamble, gops = source
    viewers = [view(srv) for _ in range(5)]
    one = publisher(srv)
    one.send_tags(preamble + gops[0])
    for viewer in viewers:
        viewer.wait_media(len(gops[0]))
        assert viewer.status == 200
        check_preamble(viewer)


def test_standby_times_out(server):
    srv = server(remux={"standby_timeout": 700})
    answer = curl(srv.http_url("/live/nobody.flv"))
    assert answer.status == 404
    assert answer.json()["code"] and answer.json()["reason"]


def test_hstrs_off(server, publish):
    srv = server(remux={"hstrs": "off", "standby_timeout": 20000})
    answer = curl(srv.http_url("/live/nobody.flv"), seconds=3)
    assert answer.status == 404 and answer.exit_code == 0
    assert answer.json()["reason"]
    publish(srv, "live/nobody")
    assert ffprobe(srv.http_url("/live/nobody.flv"))["streams"]


def test_hstrs_off_between_publishers(server, view, publisher, source):
    """A new viewer waits for the publisher's return as long as the earlier ones, and no longer."""
    srv = server(remux={"hstrs": "off", "republish_wait": 1500, "standby_timeout": 60000})
    preamble, gops = source
    pub = publisher(srv)
    pub.send_tags(preamble + gops[0])
    early = view(srv)
    early.wait_media(5)
    pub.close()
    srv.wait_log("stop publish")
    late = view(srv)
    wait_for(lambda: late.is_done, 20, "its 404")
    assert late.status == 404
    wait_for(lambda: early.is_done, 20, "the stream's end")
    assert early.ended_cleanly


def test_no_hole_between_publishers(server, publish, view, tmp_path):
    """A recording over a restart of ffmpeg decodes as one piece."""
    srv = server()
    first = publish(srv)
    recorder = view(srv)
    recorder.wait_time(recorder.wait(lambda v: v.media)[0].time + 3000)
    first.stop()
    publish(srv)
    recorder.wait_time(recorder.media[-1].time + 3000)
    recorder.close()
    tags = list(recorder.tags)
    flv.check_times(tags[3:], 200)
    check_decodes(tags, tmp_path)
