"""The player page's own functions: several streams, the server's list, latency, keys, texts."""

import json
import struct

import pytest
from player_kit import browser, page_url, players_html, server, wait_playing  # noqa: F401

STATES = "millrace.tiles.map((tile) => tile.state).join()"
SCHEMAS = "millrace.tiles.map((tile) => tile.address.split(':')[0]).join()"


def also(*streams):
    return "".join(f"&also={stream}" for stream in streams)


def wait_all(page, count, timeout=40):
    page.wait(f"{STATES} === '{','.join(['playing'] * count)}'", timeout)


# Several streams.

def test_grid(server, publish, browser, players_html, small_flv):
    """Three streams play, the chosen one has sound, and the address restores all of them."""
    srv = server(html=players_html)
    for name in ("live/a", "live/b", "deep/er/c"):
        publish(srv, name, source=small_flv)
    page = browser("--autoplay-policy=no-user-gesture-required")
    page.open(page_url(srv, stream="a.flv") + also("live/b.flv", "deep/er/c.flv"))
    wait_all(page, 3)
    muted = "[...document.querySelectorAll('video')].map((video) => video.muted).join()"
    assert page.evaluate(muted) == "false,true,true"
    page.press("2")
    assert page.evaluate("millrace.address").endswith("/live/b.flv")
    assert page.evaluate(muted) == "true,false,true"
    page.click(".frame:nth-child(3)")
    assert page.evaluate("millrace.address").endswith("/deep/er/c.flv")
    assert page.evaluate(muted) == "true,true,false"
    assert page.evaluate("document.getElementById('stream-name').textContent") == "deep/er/c.flv"
    page.evaluate("document.querySelector('.frame:nth-child(2) .close').click()")
    assert page.evaluate("millrace.tiles.length") == 2
    page.open(page.evaluate("location.href"))
    wait_all(page, 2)
    assert page.evaluate("millrace.tiles.map((tile) => new URL(tile.address).pathname).join()") == \
        "/live/a.flv,/deep/er/c.flv"
    assert page.said() == []


def test_list_plays_and_adds(server, publish, browser, players_html, small_flv):
    srv = server(html=players_html)
    publish(srv, "live/a", source=small_flv)
    publish(srv, "studio/b", source=small_flv)
    page = browser()
    page.open(page_url(srv, stream="a.flv"))
    names = "[...document.querySelectorAll('.item-name')].map((n) => n.textContent).sort().join()"
    page.wait(f"{names} === 'live/a,studio/b'")
    wait_playing(page, 1)
    page.wait("document.querySelectorAll('#streams li[data-playing]').length === 1")
    text = page.evaluate("document.getElementById('streams').innerText")
    assert "640×360" in text and "H.264" in text and "AAC" in text and "watching" in text
    row = "[...document.querySelectorAll('#streams li')].find((row) => " \
          "row.querySelector('.item-name').textContent === '{}')"
    page.evaluate(row.format("studio/b") + ".querySelector('.item-play').click()")
    assert page.evaluate("millrace.address") == srv.http_url("/studio/b.flv")
    wait_playing(page, 1)
    page.evaluate(row.format("live/a") + ".querySelector('.item-add').click()")
    wait_all(page, 2)
    assert page.evaluate(SCHEMAS) == "http,ws", "beside others WebSocket is preferred"
    page.wait("document.querySelectorAll('#streams li[data-playing]').length === 2")
    assert page.said() == []


def test_list_says_how_to_enable_it(server, browser, players_html):
    srv = server(html=players_html, api=False)
    page = browser()
    page.open(page_url(srv, autostart="off"))
    page.wait("document.querySelector('#streams .note').textContent.includes('http_api')")
    assert all("/players/streams.json" in line for line in page.said()), page.said()


def test_list_says_that_nobody_publishes(server, browser, players_html):
    srv = server(html=players_html)
    page = browser()
    page.open(page_url(srv, autostart="off"))
    page.wait("document.querySelector('#streams .note').textContent === "
              "'No stream is published at the moment.'")


@pytest.mark.timeout(300)
def test_six_connections(server, publish, browser, players_html, small_flv):
    """Beyond the browser's limit of HTTP connections the page says so, and a click makes all
    streams play."""
    srv = server(html=players_html)
    names = [f"live/s{i}" for i in range(7)]
    for name in names:
        publish(srv, name, source=small_flv, args=["-an", "-c:v", "copy"])
    page = browser()
    page.open(page_url(srv, stream="s0.flv") + also(*(f"{name}.flv" for name in names[1:5])))
    wait_all(page, 5)
    assert page.evaluate("document.getElementById('limit').hidden")
    page.open(page_url(srv, stream="s0.flv") + also(*(f"{name}.flv" for name in names[1:])))
    page.wait("!document.getElementById('limit').hidden")
    assert page.evaluate("document.getElementById('limit-count').textContent") == "7"
    page.wait(f"{STATES}.split('playing').length - 1 === 6", 30)
    page.click("#use-sockets")
    assert page.evaluate(SCHEMAS) == ",".join(["ws"] * 7)
    wait_all(page, 7)
    assert page.evaluate("document.getElementById('limit').hidden")


def test_falls_back_to_http(server, publish, browser, players_html, small_flv):
    """A server or proxy without WebSocket: streams for which the page chose WebSocket use HTTP
    again."""
    srv = server(html=players_html)
    publish(srv, "live/a", source=small_flv)
    page = browser()
    page.open(page_url(srv, stream="a.flv", autostart="off"), init="""
        window.WebSocket = class {
            constructor() {
                setTimeout(() => this.onclose({ code: 1006, wasClean: false, reason: '' }));
            }
            close() {}
        };""")
    page.click("#beside")
    page.wait(f"{SCHEMAS} === 'http,http' && {STATES} === 'stopped,playing'", 30)
    # A user who selects WebSocket reads why it does not work.
    page.evaluate("document.querySelector('[name=transport][value=ws]').click()")
    page.wait("millrace.statistics.reason.includes('no WebSocket')")


# Latency and figures.

@pytest.mark.parametrize("target", [0.6, 2])
def test_keeps_the_latency_asked_for(target, server, publish, browser, players_html):
    srv = server(html=players_html)
    publish(srv)
    page = browser()
    page.open(page_url(srv, latency=target))
    wait_playing(page, 1)
    page.wait(f"Math.abs(millrace.statistics.buffer - {target}) < 0.4"
              " && millrace.statistics.playbackRate === 1 && millrace.statistics.latency !== null"
              f" && millrace.statistics.latency < {target + 1}", 40)


def test_latency_is_chosen_and_kept(server, publish, browser, players_html):
    srv = server(html=players_html)
    publish(srv)
    page = browser()
    page.open(page_url(srv, stream="livestream.flv", key="1"))
    wait_playing(page, 1)
    page.evaluate("""(() => {
        const select = document.getElementById('latency');
        select.value = '2';
        select.dispatchEvent(new Event('change', { bubbles: true }));
    })()""")
    page.wait("millrace.state === 'playing' && millrace.statistics.buffer > 1.4", 40)
    assert "latency=2" in page.evaluate("location.search")
    assert "latency" not in page.evaluate("millrace.address"), "it is the page's, not the stream's"
    page.open(page.evaluate("location.href"))
    assert page.evaluate("document.getElementById('latency').value") == "2"


def test_copies_figures_without_the_token(server, publish, browser, players_html):
    srv = server(html=players_html)
    publish(srv)
    page = browser()
    page.open(page_url(srv, token="very-secret"))
    wait_playing(page, 1)
    report = json.loads(page.evaluate("millrace.report()"))
    assert report["stream"] == srv.http_url() and report["state"] == "playing"
    assert report["videoCodec"].startswith("avc1.") and report["bytes"] > 0
    assert "very-secret" not in json.dumps(report)
    page.click("#copy-json")
    page.wait("document.querySelector('#copy-json span').textContent === 'Copied'")


# Keys and buttons.

def test_keys(server, publish, browser, players_html, tmp_path):
    srv = server(html=players_html)
    publish(srv)
    page = browser("--autoplay-policy=no-user-gesture-required")
    page.open(page_url(srv))
    wait_playing(page, 1)
    page.press("m")
    assert page.evaluate("document.querySelector('video').muted")
    page.press("m")
    assert not page.evaluate("document.querySelector('video').muted")
    page.press("ArrowDown")
    page.press("ArrowDown")
    assert round(page.evaluate("document.querySelector('video').volume"), 2) == 0.8
    page.press("s")
    name = page.download(tmp_path / "picture.png")
    picture = (tmp_path / "picture.png").read_bytes()
    assert name.startswith("live-livestream-") and name.endswith(".png")
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", picture[16:24]) == (1280, 720)
    page.press("?")
    assert page.evaluate("document.getElementById('keys').open")
    page.press("Escape")
    page.wait("!document.getElementById('keys').open")
    page.press(" ")
    page.wait("millrace.state === 'stopped'")
    page.press(" ")
    wait_playing(page, 1)
    page.press("f")
    page.wait("document.fullscreenElement === document.querySelector('.frame')")
    page.press("f")
    page.wait("!document.fullscreenElement")
    page.press("p")
    page.wait("document.pictureInPictureElement")
    page.press("p")
    page.wait("!document.pictureInPictureElement")
    page.press("r")
    wait_playing(page, 1)
    page.click("#address")
    page.press("m")
    assert not page.evaluate("document.querySelector('video').muted"), "typing is not for keys"


# What it says.

def test_autoplay_blocked_for_good(server, publish, browser, players_html):
    """A browser that plays nothing before a click, not even without sound."""
    srv = server(html=players_html)
    publish(srv)
    page = browser()
    page.open(page_url(srv), init="""
        let isAllowed = false;
        addEventListener('pointerdown', () => (isAllowed = true), true);
        const play = HTMLMediaElement.prototype.play;
        HTMLMediaElement.prototype.play = function () {
            return isAllowed
                ? play.call(this)
                : Promise.reject(new DOMException('no click yet', 'NotAllowedError'));
        };""")
    page.wait("millrace.state === 'blocked'")
    assert "click" in page.evaluate("document.querySelector('.cover').innerText")
    page.click(".cover-play")
    wait_playing(page, 1)
    assert not page.evaluate("document.querySelector('video').muted")


def test_says_that_the_codec_is_not_supported(server, publish, browser, players_html):
    srv = server(html=players_html)
    publish(srv)
    page = browser()
    page.open(page_url(srv), init="""
        MediaSource.prototype.addSourceBuffer = () => {
            throw new DOMException('no such decoder', 'NotSupportedError');
        };""")
    page.wait("millrace.state === 'unsupported'")
    shown = page.evaluate("document.querySelector('.cover').innerText")
    assert "cannot play" in shown and "other players" in shown


def test_lines_for_other_programs(server, browser, players_html):
    srv = server(html=players_html)
    page = browser()
    page.open(page_url(srv, schema="ws", app="a/b", stream="show.ts", vhost="v.example",
                       autostart="off"))
    page.wait("document.querySelectorAll('#lines li').length > 0")
    lines = dict(page.evaluate("""[...document.querySelectorAll('#lines li')].map((li) =>
        [li.querySelector('.line-label').textContent, li.querySelector('code').textContent])"""))
    http = f"http://127.0.0.1:{srv.http_port}/a/b/show.ts?vhost=v.example"
    assert lines["Address"] == http
    assert lines["ffplay"].endswith(f" '{http}'") and lines["VLC"].endswith(f" '{http}'")
    rtmp = f"rtmp://127.0.0.1:{srv.rtmp_port}/a/b"
    assert lines["OBS server"] == rtmp
    assert lines["OBS key"] == "show?vhost=v.example"
    assert lines["ffmpeg"].endswith(f" '{rtmp}/show?vhost=v.example'")


# Layout: nothing overflows, on a phone or on a desktop.

@pytest.mark.parametrize("width, height, touch", [(390, 844, True), (1440, 900, False)])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_fits(width, height, touch, scheme, server, publish, browser, players_html, small_flv):
    srv = server(html=players_html)
    publish(srv, "live/a-stream-with-a-rather-long-name-that-has-to-go-somewhere", source=small_flv)
    page = browser()
    name = "live/a-stream-with-a-rather-long-name-that-has-to-go-somewhere.flv"
    for others in ("", also(name), also(*[name] * 4)):
        page.open(page_url(srv, stream=name.split("/")[1]) + others, width=width, height=height,
                  touch=touch, scheme=scheme)
        wait_playing(page, 1)
        page.wait("document.querySelectorAll('.item-name').length === 1")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        stage = page.evaluate("document.querySelector('.frame').getBoundingClientRect().right")
        assert 0 < stage <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(11, 18, 22)" if scheme == "dark" else "rgb(242, 245, 245)")
    assert page.said() == []
