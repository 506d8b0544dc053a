"""The player page when its network loses every packet for some time. Only trunk/test/resume.sh runs it:
it says how long (RESUME_OUTAGE), and how often (RESUME_TRIALS)."""

import os
import statistics
import time

import pytest

import netns
from browser import Browser
from player_kit import TIME, page_url, players_html, server, wait_playing  # noqa: F401

OUTAGE = int(os.environ.get("RESUME_OUTAGE", "0"))
TRIALS = int(os.environ.get("RESUME_TRIALS", "5"))
GAP = os.environ.get("RESUME_GAP")

# Samples of the page: when the network was back, when data came again, and when the frames moved again.
WATCH = f"""(() => {{
    clearInterval(window.watch);
    window.outage = {{ back: performance.now(), data: 0, frames: 0 }};
    const time = {TIME};
    window.watch = setInterval(() => {{
        const {{ outage }} = window;
        if (!outage.data && millrace.session._meter.lastData > outage.back) {{
            outage.data = performance.now();
        }}
        if (!outage.frames && {TIME} > time) {{
            outage.frames = performance.now();
        }}
    }}, 10);
}})()"""
SEEN = "outage.data > 0 && outage.frames > 0"
WAITS = "[outage.data - outage.back, outage.frames - outage.back]"
RANGES = "document.querySelector('video').buffered.length"


@pytest.mark.skipif(OUTAGE == 0, reason="RESUME_OUTAGE is not set")
@pytest.mark.timeout(120 + (40 + OUTAGE) * TRIALS)
def test_silent_network_of_a_page(server, publish, players_html, tmp_path):  # noqa: F811
    netns.require()
    home, away = netns.Namespace(), netns.Namespace()
    wire = netns.Wire(away, home)
    with home.inside():
        srv = server(html=players_html, remux="rewind 60;")
        publish(srv)
    with away.inside():
        page = Browser("--autoplay-policy=no-user-gesture-required", log=tmp_path / "browser.log")
    waits = []
    try:
        url = page_url(srv, stream="livestream.flv").replace("127.0.0.1", wire.far_address)
        page.open(url)
        wait_playing(page, 1)
        for _ in range(TRIALS):
            wire.cut()
            time.sleep(OUTAGE)  # the length of the outage is what is tried
            page.evaluate(WATCH)
            wire.mend()
            page.wait(SEEN, 30)
            waits.append([ms / 1000 for ms in page.evaluate(WAITS)])
            print(f"data after {waits[-1][0]:.3f} s, frames after {waits[-1][1]:.3f} s")
            wait_playing(page, 2)
        assert page.evaluate("millrace.statistics.reloads") == 0
        assert page.evaluate(RANGES) == 1
    finally:
        page.close()
        wire.close()
        home.close()
        away.close()
    for name, column in zip(("data", "frames"), zip(*waits)):
        print(f"{name}: {len(column)} trials, {statistics.median(column):.3f} s (median), {max(column):.3f} s (maximum)")
    assert GAP is None or max(max(pair) for pair in waits) <= float(GAP)
