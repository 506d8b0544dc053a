#!/usr/bin/env python3
"""How much of the event loop a scrape of /metrics takes, and how large it is, with many streams.

    research/bench/metrics.py [--server objs/server] [--streams 1000] [--scrapes 10] [--rounds 10] [--limit-ms 2]

The streams have sent one keyframe and are published for as long as the test runs. Prints the mean
time of a scrape on the event loop, as the server counts it (millrace_scrape_loop_seconds_total), and
what a client waits, both of the round with the least: other programs may have had the processor in
the others. The exit status is 1 beyond the limit.
"""

import argparse
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "trunk" / "test" / "e2e"))

from rtmp import Publisher  # noqa: E402


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return answer.read().decode()


def value(text, name):
    return float(re.search(rf"^{name} (\S+)$", text, re.M).group(1))


def wait_for(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"waited in vain for {what}")
        time.sleep(0.1)


def is_up(port):
    try:
        return "srs_streams" in scrape(port)
    except OSError:
        return False


def one_round(options, port):
    before = scrape(port)
    began = time.monotonic()
    for _ in range(options.scrapes):
        text = scrape(port)
    waited = (time.monotonic() - began) / options.scrapes
    held = (value(text, "millrace_scrape_loop_seconds_total") -
            value(before, "millrace_scrape_loop_seconds_total")) / options.scrapes
    return held, waited, text


def measure(options, rtmp, port):
    publishers = []
    for i in range(options.streams):
        one = Publisher(f"rtmp://127.0.0.1:{rtmp}/live/a_stream_{i:05}")
        one.send(9, 0, bytes((0x17, 1, 0, 0, 0)) + bytes(200))
        publishers.append(one)
    wait_for(lambda: value(scrape(port), "srs_streams") == options.streams, "the streams")
    held, waited, text = min((one_round(options, port) for _ in range(options.rounds)),
                             key=lambda found: found[0])
    for one in publishers:
        one.close()
    return held * 1000, waited * 1000, text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default=ROOT / "objs" / "server")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--scrapes", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--limit-ms", type=float, default=2)
    options = parser.parse_args()
    rtmp, port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "server.conf"
        config.write_text(f"listen {rtmp}; max_connections {2 * options.streams + 200}; work_dir {folder};"
                          f"exporter {{ enabled on; listen {port}; streams {options.streams}; }}"
                          "vhost __defaultVhost__ { publish { normal_timeout 600000; } }")
        with open(pathlib.Path(folder) / "log", "w", encoding="utf-8") as log:
            server = subprocess.Popen([options.server, "-c", config], stdout=log)
        try:
            wait_for(lambda: is_up(port), "the server")
            held, waited, text = measure(options, rtmp, port)
        finally:
            server.terminate()
            server.wait(30)
    lines = len(text.splitlines())
    print(f"{options.streams} streams: {lines} lines, {len(text) / 1024:.0f} KB; a scrape takes "
          f"{held:.2f} ms of the event loop, and the client waits {waited:.1f} ms")
    return 0 if held <= options.limit_ms else 1


if __name__ == "__main__":
    sys.exit(main())
