"""The player page in Chromium, against the server."""

import json
import threading

import flv
import harness
from browser import PLAYERS
from harness import wait_for
from player_kit import (COLOURS, TIME, browser, page_url, players_html, server,  # noqa: F401
                        wait_playing)
from rtmp import Publisher


def test_plays(server, publish, browser, players_html):
    srv = server(html=players_html)
    publish(srv)
    page = browser()
    page.open(srv.http_url("/players/"))
    wait_playing(page, 3)
    page.wait(f"{COLOURS} > 8")  # a picture is painted
    seen = page.evaluate("millrace.statistics")
    assert (seen["width"], seen["height"]) == (1280, 720)
    assert seen["videoCodec"].startswith("avc1.") and seen["audioCodec"].startswith("mp4a.")
    assert 200_000 < seen["bitrate"] < 5_000_000
    # These depend on the machine for a moment.
    for what in ("latency !== null && millrace.statistics.latency < 5", "buffer < 5",
                 "framesPerSecond > 10"):
        page.wait(f"millrace.statistics.{what}", 30)
    assert page.evaluate("millrace.statistics.reloads") == 0
    assert page.said() == []


def test_redirect_and_default_address(server, browser, players_html):
    srv = server(html=players_html)
    answer = harness.curl(srv.http_url("/players"))
    assert answer.status in (301, 302, 307, 308)
    assert answer.headers["location"].endswith("/players/")
    page = browser()
    page.open(srv.http_url("/players/"))
    page.wait("millrace.state === 'waiting'")
    assert page.evaluate("millrace.address") == srv.http_url("/live/livestream.flv")


def test_waits_for_a_publisher_then_plays(server, publish, browser, players_html):
    srv = server(html=players_html)
    page = browser()
    page.open(page_url(srv, app="live", stream="later.flv", autostart="true"))
    page.wait("millrace.state === 'waiting'")
    assert "Waiting for a publisher" in page.evaluate("document.body.innerText")
    publish(srv, "live/later")
    wait_playing(page)
    assert page.evaluate("document.querySelector('.cover').hidden")
    assert page.said() == []


def test_survives_a_publishers_restart(server, publish, browser, players_html):
    srv = server(html=players_html)
    first = publish(srv)
    page = browser()
    page.open(page_url(srv))
    wait_playing(page)
    first.stop()
    page.wait("millrace.state === 'interrupted'", 15)
    before = page.evaluate(TIME)
    publish(srv)
    wait_playing(page, 3)
    after = page.evaluate("millrace.statistics")
    assert after["reloads"] == 0, "the connection went on"
    assert after["currentTime"] > before + 2, "and so did the time"
    page.wait("millrace.statistics.latency !== null && millrace.statistics.latency < 5", 30)
    assert page.said() == []


def test_survives_a_crashed_publisher(server, publish, browser, players_html):
    srv = server(html=players_html)
    first = publish(srv)
    page = browser()
    page.open(page_url(srv))
    wait_playing(page)
    first.kill()
    first.wait()
    publish(srv)
    wait_playing(page, 3)
    assert page.evaluate("millrace.statistics.reloads") == 0


def test_reconnects_after_the_end(server, publish, browser, players_html):
    """republish_wait is over, the response ends, and the page waits for the next publisher."""
    srv = server(html=players_html, remux={"republish_wait": 500})
    first = publish(srv)
    page = browser()
    page.open(page_url(srv))
    wait_playing(page)
    first.stop()
    page.wait("millrace.statistics.reloads > 0", 15)
    page.wait("millrace.state === 'waiting'", 15)
    publish(srv)
    wait_playing(page)


def test_another_resolution(server, publish, browser, players_html, small_flv, source_flv):
    """The next publisher has another SPS, the one after it the first SPS again: the picture changes
    on the same connection, and later keyframes do not switch back."""
    srv = server(html=players_html)
    child = publish(srv)
    page = browser()
    page.open(page_url(srv))
    wait_playing(page)
    for source, width in ((small_flv, 640), (source_flv, 1280)):
        child.stop()
        child = publish(srv, source=source)
        page.wait(f"document.querySelector('video').videoWidth === {width}", 30)
        wait_playing(page, 5)
        assert page.evaluate("millrace.statistics.reloads") == 0, \
            page.evaluate("millrace.session.reason")
        page.wait(f"{COLOURS} > 8")  # a picture is painted
    assert page.said() == []


def test_says_404_with_the_reason(server, browser, players_html):
    srv = server(html=players_html, remux={"hstrs": "off"})
    body = harness.curl(srv.http_url("/live/nothing.flv")).json()
    page = browser()
    page.open(page_url(srv, stream="nothing.flv"))
    # In one look: a moment later it tries again.
    shown = page.wait("millrace.state === 'missing' && millrace.statistics.status === 404"
                      f" && millrace.statistics.reason === {json.dumps(body['reason'])}"
                      " && document.querySelector('.cover').innerText")
    assert "404" in shown and body["reason"][1:] in shown
    assert all("404" in line for line in page.said()), page.said()


def test_asks_again_after_404(server, publish, browser, players_html):
    srv = server(html=players_html, remux={"hstrs": "off"})
    page = browser()
    page.open(page_url(srv, stream="late"))
    page.wait("millrace.state === 'missing'")
    publish(srv, "live/late")
    wait_playing(page)


def test_server_away(server, publish, browser, players_html):
    """The server stops in the middle: the page says so, and tries again."""
    srv = server(html=players_html)
    publish(srv)
    page = browser()
    page.open(page_url(srv))
    wait_playing(page)
    srv.stop()
    page.wait("millrace.state === 'retrying' && millrace.statistics.reloads >= 2", 15)
    assert "Reconnecting" in page.evaluate("document.querySelector('.cover').innerText")


def test_video_only(server, publish, browser, players_html, source_flv):
    srv = server(html=players_html)
    publish(srv, args=["-c:v", "copy", "-an"])
    page = browser()
    page.open(page_url(srv))
    wait_playing(page)
    assert page.evaluate("millrace.statistics.audioCodec") == ""
    assert page.evaluate("millrace.statistics.reloads") == 0


def test_autoplay_blocked(server, publish, browser, players_html):
    """The browser refuses sound without a click: the page plays without sound, and offers it."""
    srv = server(html=players_html)
    publish(srv)
    page = browser("--autoplay-policy=document-user-activation-required")
    page.open(page_url(srv))
    wait_playing(page)
    assert page.evaluate("document.querySelector('video').muted")
    page.click(".unmute")
    page.wait("!document.querySelector('video').muted && document.querySelector('.unmute').hidden")
    wait_playing(page)


def test_autostart_off(server, publish, browser, players_html):
    srv = server(html=players_html)
    publish(srv)
    page = browser()
    page.open(page_url(srv, autostart="false"))
    assert page.evaluate("millrace.state") == "stopped"
    page.click(".cover-play")
    wait_playing(page)
    page.evaluate("document.querySelector('.toggle').click()")
    assert page.evaluate("millrace.state") == "stopped"


def test_parameters_make_the_address(server, browser, players_html):
    """The page uses schema server port vhost app stream; all other parameters go to the stream."""
    srv = server(html=players_html)
    page = browser()
    port = srv.http_port
    page.open(page_url(srv, schema="http", server="127.0.0.1", port=port, vhost="a.example",
                       app="deep%2Fer", stream="show.flv", token="x%20y", autostart="off", k="1"))
    assert page.evaluate("millrace.address") == \
        f"http://127.0.0.1:{port}/deep/er/show.flv?token=x%20y&k=1&vhost=a.example"
    page.open(page_url(srv, schema="ws", stream="show", autostart="off"))
    assert page.evaluate("millrace.address") == f"ws://127.0.0.1:{port}/live/show.flv"
    page.open(page_url(srv, schema="rtmp", port=1935, stream="show", autostart="off"))
    assert page.evaluate("millrace.address") == f"http://127.0.0.1:{port}/live/show.flv"
    page.open(page_url(srv, autostart="off", vhost="__defaultVhost__"))
    page.type("#address", "rtmp://127.0.0.1/live/typed?key=1")
    assert page.evaluate("millrace.address") == f"http://127.0.0.1:{port}/live/typed.flv?key=1"


def test_the_page_loads_nothing_from_other_hosts(players_html):
    """The page's policy forbids it, and none of its files names another host to load from."""
    html = (players_html / "players" / "index.html").read_text()
    assert html == (players_html / "players" / "srs_player.html").read_text()
    policy = html.split('Content-Security-Policy" content="')[1].split('"')[0]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert "unsafe" not in policy
    assert "://" not in html
    lock = json.loads((PLAYERS / "package-lock.json").read_text())
    pinned = lock["packages"]["node_modules/mpegts.js"]
    assert pinned["integrity"].startswith("sha512-")
    assert lock["packages"][""]["dependencies"]["mpegts.js"] == pinned["version"]


def test_the_page_reopens_a_stream_whose_video_has_stopped(server, browser, players_html, source_flv):
    """When only audio data follows after both tracks, time freezes without an error: the page
    detects it and opens the stream again."""
    srv = server(html=players_html)
    tags = flv.parse_file(source_flv).tags
    preamble, ring = flv.preamble_and_ring(tags)
    media = [t for t in ring if t.is_media]
    stop = threading.Event()
    page = browser()
    with Publisher(srv.rtmp_url()) as publisher:
        publisher.send_tags(preamble)
        both = [t for t in media if t.time < 6000]
        audio = [t for t in media if t.time >= 6000 and t.is_audio]
        thread = threading.Thread(target=publisher.send_paced, args=(both + audio,),
                                  kwargs={"stop": stop}, daemon=True)
        thread.start()
        try:
            page.open(page_url(srv))
            wait_playing(page, 1)
            page.wait("millrace.statistics.reloads > 0", 25)
        finally:
            stop.set()
            thread.join(10)


def test_two_pages_share_one_stream(server, publish, browser, players_html):
    srv = server(html=players_html)
    publish(srv)
    pages = [browser(), browser()]
    for page in pages:
        page.open(page_url(srv))
    for page in pages:
        wait_playing(page, 1)
    wait_for(lambda: srv.is_running, 1, "the server")
