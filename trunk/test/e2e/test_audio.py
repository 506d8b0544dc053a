"""HTTP-MP3 and HTTP-AAC end to end: exactly the published frames, and nothing else."""

import pytest

import flv
import ts
from harness import curl, ffmpeg_decode, ffprobe, make_source, run, wait_for

MOUNTS = {"mount": [f"[vhost]/[app]/[stream].{kind}" for kind in ("flv", "ts", "mp3", "aac")]}
FRAME_S = 1024 / 44100


def remux(**more):
    return {**MOUNTS, **more}


class Raw:
    """Keeps what comes."""

    def __init__(self):
        self.data = b""

    def feed(self, data):
        self.data += data

    def finish(self):
        return self


class Listener(flv.Viewer):
    reader_class = Raw

    @property
    def frames(self):
        """Raw AAC frames."""
        return [frame[7:] for frame in ts.whole_adts(self.reader.data)]


@pytest.fixture(scope="session")
def both(small_flv):
    """(preamble, media) of H.264 and AAC."""
    return flv.preamble_and_ring(flv.parse_file(small_flv).tags)


@pytest.fixture(scope="session")
def mp3_flv(tmp_path_factory):
    """Ten seconds of MP3 only; each frame is complete in itself."""
    return make_source(tmp_path_factory.mktemp("mp3") / "mp3.flv", video=False,
                       extra=["-c:a", "libmp3lame", "-reservoir", "0", "-b:a", "96k"])


@pytest.fixture(scope="session")
def aac_flv(tmp_path_factory):
    return make_source(tmp_path_factory.mktemp("aac") / "aac.flv", video=False)


@pytest.fixture
def listen(view):
    """listen(srv, ".aac"): closed before the server is."""
    def start(srv, extension, **options):
        return view(srv, "/live/livestream" + extension, kind=Listener, **options)

    return start


def decoded(path):
    done = run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", path, "-c:a", "pcm_s16le",
                "-f", "s16le", "-"], text=False)
    assert done.stderr == b""
    return done.stdout


@pytest.mark.parametrize("kind, muxer, content_type", [
    ("mp3", ["-f", "mp3", "-id3v2_version", "0", "-write_xing", "0"], "audio/mpeg"),
    ("aac", ["-f", "adts"], "audio/aac")])
def test_sample_exact(server, publish, listen, mp3_flv, aac_flv, tmp_path, kind, muxer,
                      content_type):
    """Every sample and byte of ffmpeg's own remux."""
    source = mp3_flv if kind == "mp3" else aac_flv
    reference, got = tmp_path / f"expected.{kind}", tmp_path / f"got.{kind}"
    run(["ffmpeg", "-v", "error", "-i", source, "-c", "copy", "-t", 5, *muxer, reference])
    srv = server(remux=remux(republish_wait=300))
    listener = listen(srv, "." + kind)
    child = publish(srv, source=source, loop=False, args=["-c", "copy", "-t", 5])
    assert child.wait(30) == 0
    listener.wait_end()
    assert listener.header("Content-Type") == content_type
    data = listener.reader.data
    if kind == "mp3":
        assert data[:4] == b"ID3\x04" and max(data[6:10]) < 128
        size = 10 + data[9]
        assert data[10:14] == b"TSSE" and b"Millrace" in data[:size]
        data = data[size:]
    got.write_bytes(listener.reader.data)
    assert data == reference.read_bytes()
    samples = decoded(got)
    assert samples == decoded(reference) and len(samples) > 4 * 44100 * 2


@pytest.mark.parametrize("kind", ["mp3", "aac"])
def test_live(server, publish, small_flv, kind):
    """The audio of a stream with video, checked with ffprobe and ffmpeg."""
    codec = {"mp3": ["-c:v", "copy", "-c:a", "libmp3lame", "-reservoir", "0"],
             "aac": ["-c", "copy"]}[kind]
    srv = server(remux=remux())
    publish(srv, source=small_flv, args=codec)
    url = srv.http_url(f"/live/livestream.{kind}")
    found = ffprobe(url)
    assert [s["codec_name"] for s in found["streams"]] == [kind]
    assert found["streams"][0]["sample_rate"] == "44100" and found["errors"] == ""
    assert ffmpeg_decode(url, 3) == ""
    assert ffmpeg_decode(srv.http_url("/live/livestream.ts"), 3) == ""
    other = "aac" if kind == "mp3" else "mp3"
    answer = curl(srv.http_url(f"/live/livestream.{other}"))
    assert answer.status == 404
    assert answer.json() == {"code": 404,
                             "reason": f"the audio of this stream is not {other.upper()}"}


def test_the_wrong_codec_while_waiting(server, publish, listen, mp3_flv, small_flv):
    """It is refused when the publisher connects, not before."""
    srv = server(remux=remux())
    listener = listen(srv, ".aac")
    headed = listen(srv, ".mp3")
    publish(srv, source=mp3_flv)
    listener.wait_end()
    assert listener.status == 404 and b"not AAC" in listener.body
    headed.wait(lambda v: len(v.reader.data) > 1000)
    assert headed.status == 200
    head = curl(srv.http_url("/live/livestream.aac"), "-I")
    assert head.status == 404


def test_a_stream_without_audio_gives_nothing(server, publisher, both):
    srv = server(remux=remux())
    preamble, media = both
    one = publisher(srv)
    one.send_tags([t for t in preamble + media[:100] if t.is_video])
    for kind in ("mp3", "aac"):
        assert curl(srv.http_url(f"/live/livestream.{kind}"), seconds=10).status == 404


def test_a_viewer_begins_at_the_next_audio_frame(server, listen, publisher, both):
    """Without fast_cache the server sends no old audio and does not wait for a keyframe."""
    srv = server(remux=remux())
    preamble, media = both
    cut = next(i for i, t in enumerate(media) if t.time > 1400 and t.is_audio)
    early = listen(srv, ".aac")
    one = publisher(srv)
    one.send_tags(preamble + media[:cut])
    payloads = [t.data[2:] for t in media[:cut] if t.is_audio]
    early.wait(lambda v: v.frames and v.frames[-1] == payloads[-1])
    late = listen(srv, ".aac")
    srv.wait_log(r"(?s)play .*play .*play |play .*aac[^\n]*\n.*play .*aac")
    rest = media[cut:cut + 40]
    payloads = [t.data[2:] for t in rest if t.is_audio]
    one.send_tags(rest)
    late.wait(lambda v: v.frames and v.frames[-1] == payloads[-1])
    assert late.frames == payloads[-len(late.frames):]


def test_fast_cache(server, listen, publisher, aac_flv):
    """Every new listener gets the last seconds of audio at once, and not more."""
    seconds = 2
    srv = server(remux=remux(fast_cache=seconds))
    preamble, media = flv.preamble_and_ring(flv.parse_file(aac_flv).tags)
    cut = next(i for i, t in enumerate(media) if t.time > 4500)
    one = publisher(srv)
    one.send_tags(preamble)
    one.send_paced(media[:cut])
    sent = [t.data[2:] for t in media[:cut] if t.is_media]
    for _ in range(2):
        listener = listen(srv, ".aac")
        listener.wait(lambda v: v.frames and v.frames[-1] == sent[-1])
        got = listener.frames
        assert got == sent[-len(got):]
        assert seconds - 0.1 <= len(got) * FRAME_S <= seconds + 0.6


def test_listeners_stay_through_publishers(server, listen, publisher, both):
    srv = server(remux=remux())
    preamble, media = both
    listener = listen(srv, ".aac")
    for part in (media[:100], media[100:200]):
        one = publisher(srv)
        one.send_tags(preamble + part)
        last = [t.data[2:] for t in part if t.is_audio][-1]
        listener.wait(lambda v, last=last: v.frames and v.frames[-1] == last)
        one.unpublish()
    listener.check()


def test_another_codec_ends_it(server, listen, publisher, both, mp3_flv):
    """AAC becomes MP3: the AAC response ends cleanly, and there is no AAC after that."""
    srv = server(remux=remux())
    preamble, media = both
    listener = listen(srv, ".aac")
    one = publisher(srv)
    one.send_tags(preamble + media[:100])
    last = [t.data[2:] for t in media[:100] if t.is_audio][-1]
    listener.wait(lambda v: v.frames and v.frames[-1] == last)
    other = [t for t in flv.parse_file(mp3_flv).tags if t.is_media]
    one.send_tags(other[:50], media[100].time)
    listener.wait_end()
    assert curl(srv.http_url("/live/livestream.aac")).status == 404
    mp3 = listen(srv, ".mp3")
    one.send_tags(other[50:60], media[100].time)
    mp3.wait(lambda v: v.reader.data[:3] == b"ID3")


def test_half_rates_in_ts(server, publish, tmp_path):
    """MPEG-2 layer III has a stream type of its own."""
    source = make_source(tmp_path / "half.flv", video=False, seconds=4,
                         extra=["-c:a", "libmp3lame", "-reservoir", "0", "-ar", "22050"])
    srv = server(remux=remux())
    publish(srv, source=source)
    data = curl(srv.http_url("/live/livestream.ts"), seconds=2).body
    reader = ts.parse_live(data)
    assert reader.streams == {ts.AUDIO: ts.MPEG2}
    reader.check_times(tables_ms=100)
    assert ffprobe(srv.http_url("/live/livestream.ts"))["streams"][0]["codec_name"] == "mp3"


@pytest.mark.parametrize("asc", ["2b8a0800", "139056e5a0"], ids=["in front", "behind"])
def test_high_efficiency_is_said_by_its_core(server, listen, publisher, tmp_path, asc):
    """HE-AAC's headers, in both spellings, over a core of 22050 Hz: what is written decodes as that,
    in .aac and in TS."""
    source = make_source(tmp_path / "core.flv", video=False, seconds=4,
                         extra=["-ar", "22050", "-ac", "1" if asc[0] == "2" else "2"])
    tags = [tag for tag in flv.parse_file(source).tags if tag.is_audio]
    header = next(tag for tag in tags if tag.is_sequence_header)
    frames = [tag for tag in tags if not tag.is_sequence_header]
    header.data = header.data[:2] + bytes.fromhex(asc)
    srv = server(remux=remux(republish_wait=200))
    listeners = {kind: listen(srv, kind) for kind in (".aac", ".ts")}
    for kind in listeners:
        srv.wait_log(rf"play \S+{kind} ")
    one = publisher(srv)
    one.send_tags([header])
    sent = []

    def has_begun():
        data = frames[len(sent) % len(frames)].data
        one.send_tags([flv.Tag(flv.AUDIO, len(sent) * 1024000 // 22050, data)])
        sent.append(data[2:])
        return all(listener.reader.data for listener in listeners.values())
    wait_for(has_begun, 20, "audio")
    for _ in range(80):
        has_begun()
    one.unpublish()
    for listener in listeners.values():
        listener.wait_end()
    got = ts.adts_frames(listeners[".aac"].reader.data)
    assert [frame[7:] for frame in got] == sent[-len(got):]
    assert {(frame[2] >> 6, frame[2] >> 2 & 15) for frame in got} == {(1, 7)}, "LC at 22050 Hz"
    for kind, listener in listeners.items():
        path = tmp_path / f"got{kind}"
        path.write_bytes(listener.reader.data)
        assert len(decoded(path)) > 3 * 22050 * 2
