"""What the publishers send: short loops in several codecs, made by ffmpeg's own test sources."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import enhanced as ex  # noqa: E402
import flv  # noqa: E402
import harness  # noqa: E402

SECONDS = 8


class Loop:
    """Tags to be sent again and again: the preamble once, then the ring, which lasts length_ms."""

    def __init__(self, name, tags):
        self.name = name
        self.preamble, ring = flv.preamble_and_ring(tags)
        self.ring = sorted(ring, key=lambda tag: tag.time)
        self.length_ms = max(self.ring[-1].time + 20, SECONDS * 1000)

    @property
    def kbps(self):
        return sum(len(tag.data) for tag in self.ring) * 8 / self.length_ms


def encode(path, *, size=None, rate=300, audio=("aac", 32)):
    """An FLV file with H.264 of this size and bit rate (kbit/s), or without video."""
    argv = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
    if size:
        argv += ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25"]
    argv += ["-f", "lavfi", "-i", "sine=frequency=440:beep_factor=4:sample_rate=44100"]
    if size:
        argv += ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "50",
                 "-keyint_min", "50", "-sc_threshold", "0", "-bf", "0", "-b:v", f"{rate}k",
                 "-maxrate", f"{rate}k", "-bufsize", f"{rate}k"]
    codec, audio_rate = audio
    argv += ["-c:a", codec, "-b:a", f"{audio_rate}k", "-ac", "2", "-t", SECONDS, "-f", "flv", path]
    harness.run(argv, timeout=120)
    return flv.parse_file(path).tags


def encode_hevc(path, rate):
    """HEVC video as tags of enhanced RTMP, which ffmpeg does not write everywhere."""
    harness.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i",
                 "testsrc2=size=320x180:rate=25", "-t", SECONDS, "-c:v", "libx265", "-preset",
                 "ultrafast", "-pix_fmt", "yuv420p", "-b:v", f"{rate}k", "-x265-params",
                 "keyint=50:min-keyint=50:scenecut=0:repeat-headers=1:bframes=0:log-level=error",
                 path], timeout=120)
    units = ex.annexb_units(path.read_bytes())
    head = flv.Tag(flv.VIDEO, 0, ex.video(b"hvc1", ex.START, ex.hvcc(units), frame=ex.KEY))
    return [head] + [flv.Tag(flv.VIDEO, n * 40, ex.video(b"hvc1", ex.FRAMES_X, ex.avcc(parts),
                                                         frame=ex.KEY if is_key else ex.INTER))
                     for n, (is_key, parts) in enumerate(ex.hevc_frames(units))]


def make(folder):
    """All loops, by name."""
    small = encode(folder / "small.flv", size="320x180", rate=260)
    large = encode(folder / "large.flv", size="640x360", rate=600)
    mp3 = encode(folder / "mp3.flv", size="320x180", rate=260, audio=("libmp3lame", 48))
    sound = encode(folder / "sound.flv", audio=("aac", 96))
    hevc = encode_hevc(folder / "video.hevc", 260) + [tag for tag in small if tag.is_audio]
    tags = {"avc-small": small, "avc-large": large, "avc-mp3": mp3, "aac": sound, "hevc": hevc}
    return {name: Loop(name, found) for name, found in tags.items()}
