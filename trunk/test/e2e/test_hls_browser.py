"""HLS in browsers: hls.js with low-latency parts in Chromium and Firefox, and WebKitGTK's own
player."""

import shutil

import pytest
from browser import PLAYERS, install_playwright
from player_kit import browser, engine, server  # noqa: F401

# pylint: disable=redefined-outer-name
pytestmark = pytest.mark.once

LOW = "hls { enabled on; hls_fragment 1; hls_window 20; hls_part 0.3; }"
PAGE = """<!DOCTYPE html><title>hls</title><video id="video" muted autoplay playsinline></video>
<script src="hls.min.js"></script>
<script>
    "use strict";
    const video = document.getElementById("video");
    window.parts = 0;
    window.fatal = [];
    if (location.hash === "#native") {
        video.src = "live/livestream.m3u8";
    } else {
        window.hls = new Hls({lowLatencyMode: true});
        hls.on(Hls.Events.FRAG_LOADED, (name, data) => { window.parts += data.part ? 1 : 0; });
        hls.on(Hls.Events.ERROR, (name, data) => { if (data.fatal) window.fatal.push(data.details); });
        hls.loadSource("live/livestream.m3u8");
        hls.attachMedia(video);
    }
</script>
"""


@pytest.fixture
def page(server, publish, small_flv):  # noqa: F811
    srv = server(vhost=LOW)
    install_playwright()
    shutil.copy(PLAYERS / "node_modules" / "hls.js" / "dist" / "hls.min.js", srv.html)
    (srv.html / "hls.html").write_text(PAGE)
    publish(srv, "live/livestream", source=small_flv)
    return srv.http_url("/hls.html")


@pytest.mark.parametrize("engine", ["chromium", "firefox"], indirect=True)
def test_parts(page, engine):  # noqa: F811
    engine.open(page)
    engine.wait("video.currentTime > 2 && video.videoWidth === 640 && parts > 8", 40)
    # It is nearer to the live end than a player of whole segments, which begins three of them back.
    engine.wait("hls.latency > 0 && hls.latency < 3", 40)
    assert engine.evaluate("fatal") == []


@pytest.mark.parametrize("engine", ["webkit"], indirect=True)
def test_native(page, engine):  # noqa: F811
    engine.open(page + "#native")
    engine.wait("video.currentTime > 2 && video.videoWidth === 640", 40)
