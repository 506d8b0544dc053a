#!/usr/bin/env python3
"""Glass to glass: a clock drawn into the picture, x264, the server, Chromium, and the clock read again.

    research/bench/glass.py [--server objs/server] [--seconds 20] [--latency 0.6,0.3,0.2] [--no-audio]

A generator writes 30 pictures a second, each with the time of its making as a row of black and white
squares, to ffmpeg (x264, zerolatency), which publishes. The player page plays it in Chromium, for each
target of latency in turn. When the browser shows a picture, the squares are read from it: that is the whole
way. Prints p50 and p95 of it and of its parts, and how far the page's own figure (play { stamp on; }) is
from the truth. Writes OBJS/bench-glass.json.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "trunk" / "test" / "e2e"))

import harness  # noqa: E402
from browser import Browser  # noqa: E402
from harness import Server  # noqa: E402

RATE = 30
BITS = 24  # of the time in ms: a span of 4.6 hours
SQUARE = 16  # pixels
WHITE, BLACK = 235, 16
CYCLE = 60  # pictures of the background

# Reads the squares of each picture that is shown. The page's own figures are noted beside them, to
# compare: "true" is what it takes from the stamps, "ahead" what it has buffered.
WATCH = """(() => {
    const video = document.querySelector('video');
    const canvas = document.createElement('canvas');
    canvas.width = %(width)d; canvas.height = 1;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    window.glass = [];
    const read = (now, meta) => {
        context.drawImage(video, 0, %(middle)d, %(width)d, 1, 0, 0, %(width)d, 1);
        const { data } = context.getImageData(0, 0, %(width)d, 1);
        let stamp = 0;
        for (let bit = 0; bit < %(bits)d; bit++) {
            stamp = stamp * 2 + (data[4 * (bit * %(square)d + %(middle)d)] > 127 ? 1 : 0);
        }
        const { trueLatency, buffer } = millrace.statistics;
        glass.push([stamp, performance.timeOrigin + meta.expectedDisplayTime, trueLatency, buffer,
                    meta.processingDuration ?? null]);
        video.requestVideoFrameCallback(read);
    };
    video.requestVideoFrameCallback(read);
})()"""


class Camera(threading.Thread):
    """Pictures at an absolute rate, each with its time."""

    def __init__(self, out, width, height):
        super().__init__(daemon=True)
        self.out, self.width = out, width
        self.luma, size = width * height, width * height * 3 // 2
        made = subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                               f"testsrc2=size={width}x{height}:rate={RATE}", "-frames:v", str(CYCLE),
                               "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"],
                              stdout=subprocess.PIPE, check=True).stdout
        self.pictures = [bytearray(made[i * size:(i + 1) * size]) for i in range(CYCLE)]
        # Squares without colour, on all backgrounds.
        grey = bytes([128]) * (width // 2 * SQUARE // 2)
        for picture in self.pictures:
            for plane in (self.luma, self.luma * 5 // 4):
                picture[plane:plane + len(grey)] = grey
        self.is_over = False

    def run(self):
        begin = time.monotonic()
        for number in range(1 << 30):
            time.sleep(max(0, begin + number / RATE - time.monotonic()))
            picture = self.pictures[number % CYCLE]
            stamp = int(time.time() * 1000)
            row = b"".join(bytes([WHITE if stamp >> (BITS - 1 - bit) & 1 else BLACK]) * SQUARE
                           for bit in range(BITS))
            for line in range(SQUARE):
                picture[line * self.width:line * self.width + len(row)] = row
            if self.is_over:
                return
            try:
                self.out.write(picture)
            except (BrokenPipeError, ValueError):
                return


def encoder(url, options):
    width, height = (int(part) for part in options.size.split("x"))
    audio = ["-f", "lavfi", "-i", "sine=440:sample_rate=48000"] if options.audio else []
    audio_codec = ["-c:a", "aac", "-b:a", "96k"] if options.audio else []
    child = subprocess.Popen(
        ["ffmpeg", "-v", "error", "-fflags", "nobuffer", "-probesize", "32", "-f", "rawvideo",
         "-pixel_format", "yuv420p", "-video_size", options.size, "-framerate", str(RATE), "-i", "-",
         *audio, "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-g", str(RATE),
         "-b:v", "1500k", "-maxrate", "1500k", "-bufsize", "300k", *audio_codec, "-muxdelay", "0",
         "-flush_packets", "1", "-f", "flv", url], stdin=subprocess.PIPE, bufsize=0)
    camera = Camera(child.stdin, width, height)
    camera.start()
    return child, camera


def part(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def measure(page, srv, latency, options):
    """Rows of ms: whole way, from the encoder to the server, buffer, decoder, the rest."""
    page.open(srv.http_url("/players/") + f"?latency={latency}")
    page.wait("millrace.state === 'playing' && millrace.statistics.trueLatency !== null", 60)
    # Until the page has reached its target, or has stopped trying.
    page.wait(f"Math.abs(millrace.statistics.buffer - {latency}) < 0.15", 60)
    page.evaluate(WATCH % {"width": BITS * SQUARE, "middle": SQUARE // 2, "bits": BITS,
                           "square": SQUARE})
    page.wait(f"glass.length >= {options.seconds * RATE}", options.seconds * 4 + 30)
    rows = []
    for stamp, shown, true, ahead, decode in page.evaluate("glass"):
        # The high bits of the time are those of the moment at which it was shown.
        whole = (int(shown) - stamp) % (1 << BITS) + shown % 1
        if true is None or whole > 60000:
            continue
        rows.append({"whole": whole, "encoder": whole - true * 1000, "buffer": ahead * 1000,
                     "decoder": (decode or 0) * 1000,
                     "rest": (true - ahead - (decode or 0)) * 1000})
    stamps = {stamp for stamp, *_ in page.evaluate("glass")}
    return rows, len(stamps)


NAMES = {"whole": "glass to glass", "encoder": "camera to server (x264, RTMP)",
         "rest": "server, network, page, screen", "buffer": "player's buffer",
         "decoder": "decoder"}


def report(results):
    print(f"| {'target':>8} | {'part':32} | {'p50 ms':>7} | {'p95 ms':>7} |")
    print("|---|---|---|---|")
    for latency, (rows, _) in results.items():
        for name, text in NAMES.items():
            values = [row[name] for row in rows]
            print(f"| {latency:>6} s | {text:32} | {part(values, 0.5):7.0f} | {part(values, 0.95):7.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objs", type=Path, default=ROOT / "objs")
    parser.add_argument("--server", type=Path)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--latency", default="0.6,0.3,0.2")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--no-audio", dest="audio", action="store_false")
    options = parser.parse_args()
    harness.SERVER = (options.server or options.objs / "server").resolve()
    results = {}
    with tempfile.TemporaryDirectory(prefix="bench-glass-") as work:
        html = Path(work) / "html"
        subprocess.run([ROOT / "research/players/build.sh", html / "players"], check=True,
                       stdout=subprocess.DEVNULL)
        srv = Server(Path(work) / "server", html=html, play="stamp on;")
        page = Browser("--autoplay-policy=no-user-gesture-required", log=Path(work) / "browser.log")
        child, camera = encoder(srv.rtmp_url("live/livestream"), options)
        try:
            for latency in options.latency.split(","):
                results[latency] = measure(page, srv, float(latency), options)
        finally:
            camera.is_over = True
            child.kill()
            page.close()
            srv.stop()
    report(results)
    (options.objs / "bench-glass.json").write_text(json.dumps(
        {latency: {"shown": shown, "rows": rows} for latency, (rows, shown) in results.items()}))


if __name__ == "__main__":
    main()
