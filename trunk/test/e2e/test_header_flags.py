"""What the FLV header announces, and that every player plays the stream: nothing waits for a track
that is late, that is missing or that stops. In Chromium with the player page, and with ffmpeg."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import flv
from harness import PATIENCE, run, wait_for
from player_kit import (COLOURS, browser, page_url, players_html, server,  # noqa: F401
                        wait_playing)
from rtmp import Publisher, amf

# From the first frame to a moving picture: half a second for the second track, then the player's
# own start. A player that waits for a track that does not come needs ten times that.
START_SECONDS = 4
# To load the page, with time to spare.
USUAL_SECONDS = 2

VIDEO_META = {"width": 1280, "height": 720, "framerate": 25, "videocodecid": 7}
AUDIO_META = {"audiosamplerate": 44100, "stereo": True, "audiocodecid": 10}
MP3_META = {**AUDIO_META, "audiocodecid": 2}


def meta(*parts):
    body = {key: value for part in parts for key, value in part.items()}
    return [flv.Tag(flv.SCRIPT, 0, amf("onMetaData", body))]


class Tracks:
    """The tags of a file, by type."""

    def __init__(self, path):
        preamble, ring = flv.preamble_and_ring(flv.parse_file(path).tags)
        self.headers = [t for t in preamble if not t.is_script]
        self.video_header = [t for t in preamble if t.is_video]
        self.audio_header = [t for t in preamble if t.is_audio]
        self.media = [t for t in ring if t.is_media]

    def video(self, begin=0, end=1 << 31):
        return [t for t in self.media if t.is_video and begin <= t.time < end]

    def audio(self, begin=0, end=1 << 31):
        return [t for t in self.media if t.is_audio and begin <= t.time < end]


def merged(*tracks):
    return sorted((t for track in tracks for t in track), key=lambda t: t.time)


@pytest.fixture(scope="session")
def aac(source_flv):
    return Tracks(source_flv)


@pytest.fixture(scope="session")
def mp3(source_flv, tmp_path_factory):
    path = tmp_path_factory.mktemp("mp3") / "mp3.flv"
    run(["ffmpeg", "-nostdin", "-v", "error", "-i", source_flv, "-t", 12, "-c:v", "copy",
         "-c:a", "libmp3lame", "-b:a", "128k", "-f", "flv", path])
    return Tracks(path)


@pytest.fixture
def live(server):
    """live(srv, tags): publishes them in real time, starting now."""
    assert server
    running = []

    def start(srv, tags):
        publisher = Publisher(srv.rtmp_url())
        stop = threading.Event()
        # As an encoder does, everything before the first frame is sent at once.
        thread = threading.Thread(target=publisher.send_paced, args=(tags,),
                                  kwargs={"stop": stop}, daemon=True)
        running.append((publisher, thread, stop))
        thread.start()

    yield start
    for publisher, thread, stop in running:
        stop.set()
        thread.join(10)
        publisher.close()


def decode(url, seconds):
    """Decodes; returns the number of frames of each kind and the time that it took."""
    begin = time.monotonic()
    done = run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", url, "-t", seconds,
                "-map", "0", "-vsync", "passthrough", "-enc_time_base", "1:90000",
                "-f", "framecrc", "-"], timeout=60)
    assert done.stderr == "", done.stderr
    kinds, count = {}, {"video": 0, "audio": 0}
    for line in done.stdout.splitlines():
        if line.startswith("#media_type"):
            number, kind = line.split(maxsplit=1)[1].split(": ")
            kinds[number] = kind
        elif not line.startswith("#"):
            count[kinds[line.split(",")[0]]] += 1
    return count, time.monotonic() - begin


class Watched:
    """A stream with three viewers that wait for it: a reader of tags, ffmpeg, and the page."""

    def __init__(self, srv, page, live, tags, seconds=2.5):
        self.page = page
        begin = time.monotonic()
        page.open(page_url(srv))
        page.wait("millrace.state === 'waiting'")
        # On a busy machine all that a player does takes longer, as it took to show the page.
        self.patience = 4 * max(0, time.monotonic() - begin - USUAL_SECONDS)
        self.viewer = flv.Viewer(srv.http_url())
        self.pool = ThreadPoolExecutor(1)
        self.decoding = self.pool.submit(decode, srv.http_url(), seconds)
        # A viewer that joins later gets the stream as it is then.
        wait_for(lambda: srv.log().count("] play ") >= 3, 30, "all three to wait")
        self.begin = time.monotonic()
        live(srv, tags)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.viewer.close()
        self.pool.shutdown()

    def statistics(self):
        return self.page.evaluate("millrace.statistics")

    def check_flags(self, has_audio, has_video):
        self.viewer.wait_media(5)
        reader = self.viewer.reader
        assert (reader.has_audio, reader.has_video) == (has_audio, has_video)
        kinds = {t.type for t in self.viewer.tags if not t.is_script}
        assert kinds <= {k for k, on in ((flv.AUDIO, has_audio), (flv.VIDEO, has_video)) if on}

    def wait_start(self):
        """The page plays soon after the first frame."""
        self.page.wait("document.querySelector('video').currentTime > 0.5"
                       " && millrace.state === 'playing'", 30)
        assert time.monotonic() - self.begin < START_SECONDS + 1 + self.patience

    def check_page(self, audio, video, reloads=0):
        """Continues with these tracks."""
        wait_playing(self.page, 1.5, 15)
        seen = self.statistics()
        assert bool(seen["audioCodec"]) == bool(audio), seen
        assert bool(seen["videoCodec"]) == video, seen
        assert (seen["width"] > 0) == video, seen
        if isinstance(audio, str):
            assert seen["audioCodec"].startswith(audio), seen
        if video:
            self.page.wait(f"{COLOURS} > 8")  # a picture is painted
        assert seen["reloads"] == reloads, self.page.evaluate("millrace.session.reason")
        assert self.page.said() == []

    def check_decoded(self, audio, video):
        count, seconds = self.decoding.result(60 * PATIENCE)
        assert (count["audio"] > 20) == audio, count
        assert (count["video"] > 20) == video, count
        # A header that announces too much makes it read on for as long as it may.
        assert seconds < 9 + self.patience, f"ffmpeg was ready after {seconds:.1f} s"


@pytest.fixture
def watch(server, browser, players_html, live):
    opened = []

    def start(tags, remux="", **options):
        srv = server(html=players_html, remux=remux)
        opened.append(Watched(srv, browser(), live, tags, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.__exit__()


def test_audio_alone(watch, aac):
    one = watch(meta(AUDIO_META) + aac.audio_header + aac.audio(0, 12000))
    one.check_flags(has_audio=True, has_video=False)
    one.wait_start()
    one.check_page(audio="mp4a", video=False)
    one.check_decoded(audio=True, video=False)


def test_video_alone(watch, aac):
    one = watch(meta(VIDEO_META) + aac.video_header + aac.video(0, 12000))
    one.check_flags(has_audio=False, has_video=True)
    one.wait_start()
    one.check_page(audio=False, video=True)
    one.check_decoded(audio=False, video=True)


def test_both(watch, aac):
    one = watch(meta(VIDEO_META, AUDIO_META) + aac.headers
                + merged(aac.video(0, 12000), aac.audio(0, 12000)))
    one.check_flags(has_audio=True, has_video=True)
    one.wait_start()
    one.check_page(audio="mp4a", video=True)
    one.check_decoded(audio=True, video=True)


def test_audio_that_is_promised_and_never_comes(watch, aac):
    """By metadata of every kind and by a sequence header."""
    one = watch(meta(VIDEO_META, AUDIO_META, {"hasAudio": True, "hasVideo": True}) + aac.headers
                + aac.video(0, 12000))
    one.check_flags(has_audio=False, has_video=True)
    one.wait_start()
    one.check_page(audio=False, video=True)
    one.check_decoded(audio=False, video=True)


@pytest.mark.parametrize("has_early_header", [True, False])
def test_audio_begins_late(has_early_header, watch, aac):
    """The video plays meanwhile; then the response ends, and the page has both tracks."""
    early, late = (aac.audio_header, []) if has_early_header else ([], aac.audio_header)
    for tag in late:
        tag = flv.Tag(tag.type, 3000, tag.data)
        late = [tag]
    one = watch(meta(VIDEO_META, AUDIO_META) + aac.video_header + early
                + merged(aac.video(0, 14000), late, aac.audio(3000, 14000)))
    one.check_flags(has_audio=False, has_video=True)
    one.wait_start()
    assert one.statistics()["reloads"] == 0
    one.viewer.wait_end()
    assert one.viewer.media[-1].time > 2800 and all(t.is_video for t in one.viewer.media)
    one.page.wait("millrace.statistics.reloads === 1 && millrace.statistics.audioCodec")
    one.check_page(audio="mp4a", video=True, reloads=1)
    one.check_decoded(audio=False, video=True)


def test_video_begins_late(watch, aac):
    """Three seconds after the audio, and first with video frames that depend on one that was not
    sent."""
    first = next(t.time for t in aac.video(3000) if t.is_keyframe)
    one = watch(meta(VIDEO_META, AUDIO_META) + aac.headers
                + merged(aac.audio(first - 3000, 16000), aac.video(first - 400, 16000)))
    one.check_flags(has_audio=True, has_video=False)
    one.wait_start()
    assert one.statistics()["reloads"] == 0
    one.viewer.wait_end()
    assert 2800 < one.viewer.media[-1].time < 3100
    assert all(t.is_audio for t in one.viewer.media)
    one.page.wait("millrace.statistics.reloads === 1 && millrace.statistics.videoCodec")
    one.check_page(audio="mp4a", video=True, reloads=1)
    one.check_decoded(audio=True, video=False)


@pytest.mark.parametrize("video", [True, False])
def test_mp3(video, watch, mp3):
    """There is no sequence header for it."""
    assert mp3.audio_header == []
    frames = mp3.video() if video else []
    one = watch(meta(VIDEO_META if video else {}, MP3_META)
                + (mp3.video_header if video else []) + merged(frames, mp3.audio()))
    one.check_flags(has_audio=True, has_video=video)
    one.wait_start()
    one.check_page(audio="mp3", video=video)
    one.check_decoded(audio=True, video=video)


def test_audio_stops(watch, aac):
    """Browsers freeze where one track ends: the response ends at a keyframe, without losing a
    picture, and the page continues without audio. The audio returns without a new header."""
    video = aac.video(0, 20000)
    keys = [t.time for t in video if t.is_keyframe]
    one = watch(meta(VIDEO_META, AUDIO_META) + aac.headers
                + merged(video, aac.audio(0, 2400), aac.audio(9000, 20000)), seconds=10)
    one.check_flags(has_audio=True, has_video=True)
    one.wait_start()
    one.viewer.wait_end()
    ended = len(one.viewer.video)
    assert [t.key for t in one.viewer.video] == [t.key for t in video[:ended]]
    assert video[ended].time == next(t for t in keys if t > 2400 + 1500)
    one.page.wait("millrace.statistics.reloads === 1 && !millrace.statistics.audioCodec"
                  " && millrace.statistics.videoCodec")
    one.check_page(audio=False, video=True, reloads=1)
    one.page.wait("millrace.statistics.reloads === 2 && millrace.statistics.audioCodec")
    one.check_page(audio="mp4a", video=True, reloads=2)
    one.check_decoded(audio=True, video=True)


@pytest.mark.parametrize("audio, video", [(True, False), (False, True)])
def test_the_configuration_decides(audio, video, watch, aac):
    """guess_has_av off: tracks that the header does not announce are dropped, and no player waits
    for them."""
    one = watch(meta(VIDEO_META, AUDIO_META) + aac.headers
                + merged(aac.video(0, 12000), aac.audio(0, 12000)),
                remux={"guess_has_av": "off", "has_audio": audio, "has_video": video})
    one.check_flags(audio, video)
    one.wait_start()
    one.check_page(audio, video)
    one.check_decoded(audio, video)


def test_a_track_that_was_denied_may_arrive(watch, aac):
    """drop_if_not_match off: the header announces one track, but all tags are sent, so that players
    that ignore the header can decode them."""
    tags = merged(aac.video(0, 12000), aac.audio(0, 12000))
    one = watch(meta(VIDEO_META, AUDIO_META) + aac.headers + tags,
                remux={"guess_has_av": "off", "has_audio": "off", "drop_if_not_match": "off"})
    one.viewer.wait_media(60)
    assert one.viewer.reader.has_video and not one.viewer.reader.has_audio
    preamble, _ = flv.preamble_and_ring(one.viewer.tags)
    assert [t.data for t in preamble if not t.is_script] == [t.data for t in aac.headers]
    got = [t.key for t in one.viewer.media]
    assert got == [t.key for t in tags if t.time >= one.viewer.media[0].time][:len(got)]
    one.wait_start()
    one.check_page(audio="mp4a", video=True)
    one.check_decoded(audio=True, video=True)
