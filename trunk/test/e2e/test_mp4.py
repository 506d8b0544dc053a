"""Fragmented MP4 end to end: ffmpeg decodes it strictly, and real HEVC and Opus go through it."""

import enhanced as ex
import flv
import rtmp
from harness import curl, ffmpeg_decode, ffprobe, run
from ws import BINARY, Socket

MOUNTS = {"mount": ["[vhost]/[app]/[stream].flv", "[vhost]/[app]/[stream].mp4"]}
PATH = "/live/livestream.mp4"


def boxes(data):
    """(type, box) of the whole boxes at the beginning of these bytes."""
    out, at = [], 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        assert size >= 8, data[at:at + 16]
        if at + size > len(data):
            break
        out.append((data[at + 4:at + 8], data[at:at + size]))
        at += size
    return out


class Boxes(flv.Viewer):
    """A viewer that keeps the bytes."""

    class reader_class:
        def __init__(self):
            self.data = b""

        def feed(self, data):
            self.data += data

        def finish(self):
            return self

    @property
    def boxes(self):
        return boxes(self.reader.data)


def test_players_decode_it(server, publish, small_flv, tmp_path):
    srv = server(remux=MOUNTS)
    publish(srv, source=small_flv)
    assert ffmpeg_decode(srv.http_url(PATH), seconds=2) == ""
    head = curl(srv.http_url(PATH), "-I")
    assert head.status == 200 and head.headers["content-type"] == "video/mp4"
    assert head.headers["transfer-encoding"] == "chunked"
    key = tmp_path / "key.mp4"
    answer = curl(srv.http_url("/live/livestream.key.mp4"))
    assert answer.status == 200 and answer.exit_code == 0
    key.write_bytes(answer.body)
    frames = ffprobe(key, "-count_frames", "-select_streams", "v")["streams"]
    assert [(one["width"], one["nb_read_frames"]) for one in frames] == [(640, "1")]
    with Socket(srv.http_url(PATH)) as ws:
        assert ws.answer.status == 101
        opcode, data = ws.next()[:2]
        while len(data) < 100000 and opcode == BINARY:
            opcode, more = ws.next()[:2]
            data += more
    kinds = [kind for kind, _ in boxes(data)]
    assert kinds[:4] == [b"ftyp", b"moov", b"moof", b"mdat"]
    assert set(kinds[2:]) == {b"moof", b"mdat"}


def test_hevc_and_opus(server, view, tmp_path):
    """Every frame as it was published, by the decoder's sums."""
    path = tmp_path / "source.hevc"
    run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
         "-t", "1", "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params",
         "keyint=25:repeat-headers=1:bframes=0:log-level=error", path], timeout=60)
    units = ex.annexb_units(path.read_bytes())
    frames = ex.hevc_frames(units)
    srv = server(remux=MOUNTS)
    viewer = view(srv, PATH, kind=Boxes)
    with rtmp.Publisher(srv.rtmp_url()) as publisher:
        publisher.send(9, 0, ex.video(b"hvc1", ex.START, ex.hvcc(units), frame=ex.KEY))
        publisher.send(8, 0, ex.audio(b"Opus", ex.START, b"OpusHead\1\2\x38\1" + b"\x80\xbb\0\0" + bytes(3)))
        for n, (is_key, parts) in enumerate(frames):
            publisher.send(9, n * 40, ex.video(b"hvc1", ex.FRAMES_X, ex.avcc(parts),
                                               frame=ex.KEY if is_key else ex.INTER))
            for ms in (n * 40, n * 40 + 20):  # silence of 20 ms, in stereo
                publisher.send(8, ms, ex.audio(b"Opus", ex.FRAMES, b"\xfc\xff\xfe"))
        viewer.wait(lambda v: [k for k, _ in v.boxes].count(b"moof") == 3 * len(frames))
    back = tmp_path / "back.mp4"
    back.write_bytes(viewer.reader.data)
    streams = {one["codec_type"]: one for one in ffprobe(back)["streams"]}
    assert streams["video"]["codec_name"] == "hevc" and streams["audio"]["codec_name"] == "opus"
    assert (streams["video"]["width"], streams["audio"]["sample_rate"]) == (320, "48000")

    def sums(source):
        done = run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", source, "-map", "0:v",
                    "-f", "framemd5", "-"])
        return [line.rsplit(",", 1)[1].strip() for line in done.stdout.splitlines()
                if not line.startswith("#")]
    assert sums(back) == sums(path)
    assert ffmpeg_decode(back, args=["-map", "0:a"]) == ""
