"""HTTP-TS end to end: ts.py, ffmpeg and tshark check every packet."""

import hashlib
import struct

import pytest

import flv
import ts
from harness import curl, ffmpeg_decode, ffprobe, have, run, wait_for

MOUNTS = {"mount": ["[vhost]/[app]/[stream].flv", "[vhost]/[app]/[stream].ts"]}
PATH = "/live/livestream.ts"


def remux(**more):
    return {**MOUNTS, **more}


class Recorder(ts.Reader):
    """Keeps the bytes too."""

    data = b""

    def feed(self, data):
        self.data += data
        super().feed(data)


class Recording(ts.Viewer):
    reader_class = Recorder


@pytest.fixture
def view(server):
    """view(srv, PATH, …): a ts.Viewer, or flv.Viewer with kind=, closed before the server is."""
    assert server
    opened = []

    def start(srv, path=PATH, kind=ts.Viewer, **options):
        one = kind(srv.http_url(path), **options)
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.close()


def flat(gops):
    return [tag for gop in gops for tag in gop]


def expected_pes(tags):
    """The expected contents for tags of H.264 and AAC: (pid, NAL units | AAC bytes)."""
    out = []
    for tag in tags:
        if tag.is_video:
            out.append((ts.VIDEO, [n for n in tag.nal_units() if n[0] & 31 != 9]))
        elif tag.is_audio:
            out.append((ts.AUDIO, tag.data[2:]))
    return out


def got_pes(pes):
    """The same for the received packets, without what the server adds before video and audio
    frames."""
    out = []
    for one in pes:
        if one.pid == ts.AUDIO:
            frames = ts.adts_frames(one.payload)
            assert len(frames) == 1
            out.append((ts.AUDIO, frames[0][7:]))
        else:
            units = one.nal_units
            assert units[0][0] & 31 == 9
            units = units[3:] if one.is_random_access else units[1:]
            out.append((ts.VIDEO, units))
    return out


def check_with_tshark(path):
    assert have("tshark"), "tshark is one of 3rdparty/packages.txt"
    found = run(["tshark", "-r", path, "-o", "mpeg_sect.verify_crc:TRUE", "-Y",
                 "mp2t.cc.drop || mpeg_sect.crc.invalid || _ws.malformed || _ws.expert"])
    assert found.stdout == ""


def send_all(one, viewer, preamble, tags, before=0):
    """Sends and waits until the viewer has everything; the last video frame may still be open."""
    one.send_tags(preamble + tags)
    viewer.wait_pes(before + len(tags) - 1)


def test_ffprobe_and_ffmpeg(server, publish):
    srv = server(remux=remux())
    publish(srv)
    found = ffprobe(srv.http_url(PATH))
    assert [s["codec_name"] for s in found["streams"]] == ["h264", "aac"]
    assert [int(s["id"], 16) for s in found["streams"]] == [0x100, 0x101]
    assert found["format"]["format_name"] == "mpegts" and found["errors"] == ""
    assert ffmpeg_decode(srv.http_url(PATH), 5) == ""


def test_every_packet(server, publish, view, source_flv, tmp_path):
    """From before the publisher connects to the clean end: nothing lost, nothing changed."""
    seconds = 8
    reference = tmp_path / "expected.flv"
    run(["ffmpeg", "-v", "error", "-i", source_flv, "-c", "copy", "-t", seconds, "-f", "flv",
         reference])
    sent = flat(flv.split_gops(flv.parse_file(reference).tags))
    srv = server(remux=remux(republish_wait=300))
    viewer = view(srv)
    child = publish(srv, loop=False, args=["-c", "copy", "-t", seconds])
    assert child.wait(30) == 0
    viewer.wait_end()
    reader = viewer.reader
    assert viewer.header("Content-Type") == "video/mp2t"
    assert reader.streams == {ts.VIDEO: ts.H264, ts.AUDIO: ts.ADTS}
    assert {p.version for p in reader.programs} == {0}
    assert not any(jump for _, _, _, jump in reader.pcrs)
    reader.check_times()
    assert reader.check_video() == sum(t.is_keyframe for t in sent)
    # Only audio can come before the first keyframe.
    first = reader.pes.index(reader.video[0])
    assert not any(p.pid == ts.VIDEO for p in reader.pes[:first])
    assert got_pes(reader.pes[first:]) == expected_pes(sent)
    # One offset between the stream's timestamps and ours, for both tracks.
    assert len({(p.dts - t.time * ts.MS) % ts.WRAP for p, t in zip(reader.pes[first:], sent)}) == 1
    shown = [struct.unpack(">i", b"\0" + t.data[2:5])[0] for t in sent if t.is_video]
    assert [(p.pts - p.dts) // ts.MS for p in reader.video] == shown


def test_a_recording_decodes_like_the_source(server, publish, view, source_flv, tmp_path):
    """Frame by frame and sample by sample the same as ffmpeg's own remux."""
    raw = tmp_path / "got.ts"
    srv = server(remux=remux(republish_wait=300))

    viewer = view(srv, kind=Recording)
    child = publish(srv, loop=False, args=["-c", "copy", "-t", 6])
    assert child.wait(30) == 0
    viewer.wait_end()
    raw.write_bytes(viewer.reader.data)
    check_with_tshark(raw)
    # Ffmpeg's remux of what was published, from the first keyframe on, as a viewer gets it.
    cut, begun = tmp_path / "cut.flv", tmp_path / "begun.flv"
    reference = tmp_path / "expected.ts"
    run(["ffmpeg", "-v", "error", "-i", source_flv, "-c", "copy", "-t", 6, cut])
    tags = flv.parse_file(cut).tags
    headers = [t for t in tags if t.is_sequence_header]
    begun.write_bytes(flv.file_bytes(headers + flat(flv.split_gops(tags))))
    run(["ffmpeg", "-v", "error", "-i", begun, "-c", "copy", reference])

    def digest(path, stream, codec):
        args = ["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", path, "-map", stream,
                "-vsync", "passthrough", *codec, "-f", "data", "-"]
        done = run(args, text=False)
        assert done.stderr == b""
        return hashlib.sha256(done.stdout).hexdigest(), len(done.stdout)

    for stream, codec in (("0:v", ["-c:v", "rawvideo"]), ("0:a", ["-c:a", "pcm_s16le"])):
        mine = digest(raw, stream, codec)
        assert mine == digest(reference, stream, codec)
        assert mine[1] > 100000


def test_batches_are_whole_packets(server, publish):
    srv = server(remux=remux())
    publish(srv)
    raw = curl(srv.http_url(PATH), "--raw", seconds=3).body
    sizes, at = [], 0
    while True:
        end = raw.find(b"\r\n", at)
        if end < 0 or end + 2 + int(raw[at:end], 16) > len(raw):
            break
        sizes.append(int(raw[at:end], 16))
        at = end + 2 + sizes[-1] + 2
    assert len(sizes) > 20
    assert {size % ts.PACKET for size in sizes} == {0}


def test_late_viewer_begins_at_tables_and_keyframe(server, view, publisher, source):
    srv = server(remux=remux())
    preamble, gops = source
    early = view(srv)
    one = publisher(srv)
    send_all(one, early, preamble, gops[0] + gops[1][:20])
    late = view(srv)
    late.wait_pes(19)
    order = [w if isinstance(w, str) else "pes" for w, _ in late.reader.order]
    assert [w for w in order[:4] if w != "pcr"][:3] == ["pat", "pmt", "pes"]
    assert late.reader.pes[0].is_random_access
    assert got_pes(late.reader.pes) == expected_pes(gops[1][:len(late.reader.pes)])


def test_only(server, view, publisher, source):
    """One track only, in both formats; the other track is not announced."""
    srv = server(remux=remux())
    preamble, gops = source
    tags = flat(gops[:2])
    videos = sum(t.is_video for t in tags)
    viewers = {
        "ts audio": view(srv, PATH + "?only=audio"), "ts video": view(srv, PATH + "?only=video"),
        "flv audio": view(srv, "/live/livestream.flv?only=audio", kind=flv.Viewer),
        "flv video": view(srv, "/live/livestream.flv?only=video", kind=flv.Viewer)}
    one = publisher(srv)
    one.send_tags(preamble + tags)
    last_audio = [pes for pes in expected_pes(tags) if pes[0] == ts.AUDIO][-1]
    viewers["ts audio"].wait(lambda v: v.reader.pes and got_pes(v.reader.pes)[-1] == last_audio)
    viewers["ts video"].wait_pes(videos - 1)
    viewers["flv audio"].wait(lambda v: v.audio and v.audio[-1].key ==
                              [t for t in tags if t.is_audio][-1].key)
    viewers["flv video"].wait_media(videos)
    assert viewers["ts audio"].reader.streams == {ts.AUDIO: ts.ADTS}
    assert viewers["ts audio"].reader.programs[0].pcr_pid == ts.AUDIO
    viewers["ts audio"].reader.check_times(tables_ms=100)
    assert viewers["ts video"].reader.streams == {ts.VIDEO: ts.H264}
    viewers["ts video"].reader.check_times()
    viewers["ts video"].reader.check_video()
    assert not viewers["flv audio"].video and not viewers["flv video"].audio
    assert viewers["flv audio"].reader.flags == 4 and viewers["flv video"].reader.flags == 1
    for name in ("flv audio", "flv video"):
        assert not any(t.is_script for t in viewers[name].tags), "it speaks of both tracks"
        assert sum(t.is_sequence_header for t in viewers[name].tags) == 1
    assert curl(srv.http_url(PATH + "?only=sound")).status == 400


def test_only_of_what_is_not_there(server, view, publisher, source):
    srv = server(remux=remux())
    preamble, gops = source
    audio = [t for t in flat(gops[:2]) if t.is_audio]
    waiting = view(srv, PATH + "?only=video")
    plain = view(srv, "/live/livestream.flv", kind=flv.Viewer)
    one = publisher(srv)
    one.send_tags([t for t in preamble if t.is_audio] + audio[:-5])
    waiting.wait_end()
    one.send_tags(audio[-5:])
    plain.wait(lambda v: v.audio and v.audio[-1].key == audio[-1].key)
    assert waiting.status == 404
    answer = curl(srv.http_url(PATH + "?only=video"))
    assert answer.status == 404 and "no video" in answer.json()["reason"]


def test_audio_only_stream(server, view, publisher, source):
    srv = server(remux=remux())
    preamble, gops = source
    audio = [t for t in flat(gops[:3]) if t.is_audio]
    early = view(srv)
    one = publisher(srv)
    one.send_tags([t for t in preamble if t.is_audio] + audio[:-20])
    early.wait(lambda v: v.reader.pes and
               got_pes(v.reader.pes)[-1] == expected_pes(audio[:-20])[-1])
    late = view(srv)
    one.send_tags(audio[-20:])
    for viewer in (early, late):
        viewer.wait(lambda v: v.reader.pes and
                    got_pes(v.reader.pes)[-1] == expected_pes(audio)[-1])
        assert viewer.reader.streams == {ts.AUDIO: ts.ADTS}
        viewer.reader.check_times(tables_ms=100)
    # The late one starts at the last tables, which are at most 100 ms away.
    assert len(late.reader.pes) <= 20 + 5


def test_a_track_appears(server, view, publisher, source):
    """FLV viewers end and reload; TS viewers get a new PMT and stay."""
    srv = server(remux=remux())
    preamble, gops = source
    frames = [t for t in flat(gops[:2]) if t.is_video]
    viewer = view(srv)
    plain = view(srv, "/live/livestream.flv", kind=flv.Viewer)
    one = publisher(srv)
    first = [t for t in gops[0] if t.is_video]
    # One GOP first: a viewer that starts after it still starts at its keyframe.
    one.send_tags([t for t in preamble if t.is_video] + first)
    viewer.wait_pes(len(first) - 1)
    plain.wait_media(len(first))
    one.send_tags(frames[len(first):])
    viewer.wait_pes(len(frames) - 1)
    plain.wait_media(len(frames))
    assert viewer.reader.streams == {ts.VIDEO: ts.H264}
    before = viewer.reader.programs[-1].version
    one.send_tags([t for t in preamble if t.is_audio] + gops[2] + gops[3])
    plain.wait_end()
    viewer.wait(lambda v: len(v.reader.audio) == sum(t.is_audio for t in gops[2] + gops[3]))
    assert viewer.reader.programs[-1].version == before + 1
    assert viewer.reader.streams == {ts.VIDEO: ts.H264, ts.AUDIO: ts.ADTS}
    assert not any(jump for _, _, _, jump in viewer.reader.pcrs)
    viewer.reader.check_video()
    viewer.check()


def test_a_track_goes_with_its_publisher(server, view, publisher, source):
    """The next publisher has no audio: once that is known, the PMT says so."""
    srv = server(remux=remux())
    preamble, gops = source
    viewer = view(srv)
    one = publisher(srv)
    send_all(one, viewer, preamble, gops[0])
    one.unpublish()
    two = publisher(srv)
    frames = [t for t in flat(gops[1:4]) if t.is_video]
    two.send_tags([t for t in preamble if t.is_video] + frames)
    viewer.wait(lambda v: v.reader.streams == {ts.VIDEO: ts.H264})
    assert viewer.reader.programs[0].version == 0 and viewer.reader.programs[-1].version == 1
    viewer.check()


def test_a_new_publisher_with_another_video_size(server, view, publisher, source, other):
    """One timeline and one continuity across publishers, with the new parameter sets."""
    srv = server(remux=remux())
    preamble, gops = source
    other_preamble, other_gops = other
    viewer = view(srv)
    one = publisher(srv)
    send_all(one, viewer, preamble, gops[0])
    one.unpublish()
    two = publisher(srv)
    two.send_tags(other_preamble + other_gops[0] + other_gops[1])
    total = len(gops[0]) + len(other_gops[0]) + len(other_gops[1])
    viewer.wait_pes(total - 1)
    reader = viewer.reader
    reader.check_times()
    reader.check_video()
    assert not any(jump for _, _, _, jump in reader.pcrs)
    keys = [p for p in reader.video if p.is_random_access]
    sets = [p.nal_units[1] for p in keys]
    assert sets[0] != sets[1] == sets[2]
    config = next(t for t in other_preamble if t.is_video).data[5:]
    assert sets[1] == config[8:8 + int.from_bytes(config[6:8], "big")]


def test_republish_wait_is_over(server, view, publisher, source):
    srv = server(remux=remux(republish_wait=200))
    preamble, gops = source
    viewer = view(srv)
    one = publisher(srv)
    send_all(one, viewer, preamble, gops[0])
    one.unpublish()
    viewer.wait_end()
    assert got_pes(viewer.reader.pes) == expected_pes(gops[0])


def test_slow_viewer_jumps_to_a_keyframe(server, view, publisher, source, tmp_path):
    """The stream marks the gap on each pid, and what the viewer gets decodes without an error."""
    srv = server(remux=remux(republish_wait=200), play={"gop_cache_max_bytes": "1m"})
    preamble, gops = source

    fast = view(srv)
    slow = view(srv, kind=Recording, receive_buffer=4096)
    one = publisher(srv)
    sent = list(gops[0])
    send_all(one, fast, preamble, gops[0])
    slow.wait_pes(1)
    slow.hold()
    for gop in gops[1:]:
        one.send_tags(gop)
        sent += gop
        fast.wait_pes(len(sent) - 1, 20)
    slow.go()
    offset = gops[-1][-1].time + 40 - gops[0][0].time
    one.send_tags(gops[0], offset)
    last = expected_pes(gops[0])
    slow.wait(lambda v: len(v.reader.gaps) >= 4 and got_pes(v.reader.pes)[-1] in last[-2:])
    one.unpublish()
    slow.wait_end()
    fast.wait_end()
    assert got_pes(slow.reader.pes)[-1] == last[-1]
    assert len(slow.reader.pes) < len(fast.reader.pes) and not fast.reader.gaps
    slow.reader.check_times()
    slow.reader.check_video()
    fast.check()
    path = tmp_path / "slow.ts"
    path.write_bytes(slow.reader.data)
    done = run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", path, "-vsync", "passthrough",
                "-f", "null", "-"], check=False)
    complaints = [line for line in done.stderr.splitlines() if "null" not in line]
    assert done.returncode == 0 and not complaints, done.stderr


def test_times_wrap(server, view, publisher, source, tmp_path):
    """PTS, DTS and PCR wrap to 0 after 26.5 hours; the stream continues."""
    srv = server(remux=remux(), play={"time_jitter": "off"})
    preamble, gops = source
    tags = flat(gops[:4])
    viewer = view(srv)
    one = publisher(srv)
    one.send_tags(preamble)
    one.send_tags(tags, ts.WRAP // ts.MS - gops[2][0].time)
    viewer.wait_pes(len(tags) - 1)
    reader = viewer.reader
    assert reader.pcrs[0][2] > ts.WRAP - 10 * 1000 * ts.MS > reader.pcrs[-1][2]
    assert reader.pes[0].dts > reader.pes[-1].dts
    assert not any(jump for _, _, _, jump in reader.pcrs)
    reader.check_times()
    assert got_pes(reader.pes) == expected_pes(tags[:len(reader.pes)])


@pytest.mark.parametrize("step", [250, 2000])
def test_keyframes_seconds_apart(server, view, publisher, source, step):
    """A slide show without audio: clock and tables keep their intervals."""
    srv = server(remux=remux())
    preamble, gops = source
    frames = [t for t in flat(gops) if t.is_keyframe][:5] * 3
    viewer = view(srv)
    one = publisher(srv)
    one.send_tags([t for t in preamble if t.is_video])
    # After half a second of media it is clear that there is no audio.
    for index, tag in enumerate(frames):
        one.send_tag(tag, time_ms=index * step)
        if index == 2:
            viewer.wait_pes(1)
    # Each frame comes three times: the number before it identifies the last of them, too.
    viewer.wait(lambda v: len(v.reader.pes) > 10
                and got_pes(v.reader.pes)[-1] == expected_pes(frames)[-1])
    assert len(viewer.reader.pes) >= len(frames) - 2
    assert got_pes(viewer.reader.pes) == expected_pes(frames)[-len(viewer.reader.pes):]
    viewer.reader.check_times()
    viewer.reader.check_video()


def hevc_tags(path):
    """Enhanced RTMP tags (hvc1) from a byte stream with delimiters, because no available muxer
    writes them."""
    data = path.read_bytes()
    units = [u[:-1] if u.endswith(b"\0") else u for u in data.split(b"\0\0\1")[1:]]
    kinds = [u[0] >> 1 & 63 for u in units]
    sets = {kind: next(u for u, k in zip(units, kinds) if k == kind) for kind in (32, 33, 34)}
    record = bytes([1]) + sets[33][3:15] + bytes([0xF0, 0, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0, 0x0F, 3])
    for kind, unit in sets.items():
        record += bytes([0x80 | kind, 0, 1]) + struct.pack(">H", len(unit)) + unit
    tags = [flv.Tag(flv.VIDEO, 0, b"\x90hvc1" + record)]
    frames = []
    for unit, kind in zip(units, kinds):
        if kind == 35:
            frames.append([])
        elif kind < 32 or kind > 34:
            frames[-1].append((kind, unit))
    for index, parts in enumerate(frames):
        is_key = any(16 <= kind <= 21 for kind, _ in parts)
        body = b"".join(struct.pack(">I", len(u)) + u for _, u in parts)
        tags.append(flv.Tag(flv.VIDEO, index * 40, bytes([0x93 if is_key else 0xA3]) + b"hvc1" + body))
    return tags


def test_hevc(server, view, publisher, tmp_path):
    stream = tmp_path / "source.hevc"
    run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-t", 3,
         "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
         "log-level=none:aud=1:bframes=0:keyint=25:min-keyint=25:scenecut=0:info=0", "-f", "hevc",
         stream])
    tags = hevc_tags(stream)
    srv = server(remux=remux(republish_wait=300))

    viewer = view(srv, kind=Recording)
    one = publisher(srv)
    one.send_tags(tags)
    viewer.wait_pes(len(tags) - 2)
    one.unpublish()
    viewer.wait_end()
    assert viewer.reader.streams == {ts.VIDEO: ts.HEVC}
    assert viewer.reader.check_video(ts.HEVC) == 3
    viewer.reader.check_times()
    path = tmp_path / "got.ts"
    path.write_bytes(viewer.reader.data)
    assert ffprobe(path)["streams"][0]["codec_name"] == "hevc"

    def frames(of):
        return run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", of, "-vsync",
                    "passthrough", "-f", "md5", "-"]).stdout

    assert frames(path) == frames(stream)


def test_another_codec_goes_on(server, view, publisher, source, tmp_path):
    """H.264, then HEVC: the version rises and the viewer stays."""
    stream = tmp_path / "source.hevc"
    run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-t", 1,
         "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
         "log-level=none:aud=1:bframes=0:keyint=25:info=0", "-f", "hevc", stream])
    srv = server(remux=remux())
    preamble, gops = source
    viewer = view(srv)
    one = publisher(srv)
    send_all(one, viewer, preamble, gops[0])
    one.send_tags(hevc_tags(stream), gops[0][-1].time + 40)
    viewer.wait(lambda v: v.reader.streams == {ts.VIDEO: ts.HEVC, ts.AUDIO: ts.ADTS})
    viewer.wait_pes(len(gops[0]) + 10)
    assert [p.version for p in viewer.reader.programs][-1] == 1


def test_renditions_go_with_their_last_viewer(server, publish, view):
    """All formats at once; the memory of a format without viewers is freed."""
    srv = server(remux=remux())
    publish(srv)
    one = view(srv)
    two = view(srv, "/live/livestream.flv", kind=flv.Viewer)
    one.wait_pes(50)
    two.wait_media(50)
    one.close()
    again = view(srv)
    again.wait_pes(50)
    assert again.reader.pes[0].is_random_access
    wait_for(lambda: "stop play" in srv.log(), 5, "the first viewer's end")
