"""The player page can leave every state: its table of states, and the cases without an error in the
browser."""

import json
import shutil
import socket
import threading

import flv
import harness
import pytest
from browser import PLAYERS
from harness import run, wait_for
from player_kit import browser, page_url, players_html, server, wait_playing  # noqa: F401
from rtmp import Publisher

HIDE = """(isHidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, value: isHidden });
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def hide(page, is_hidden):
    page.evaluate(f"({HIDE})({json.dumps(is_hidden)})")


class SilentProxy:
    """Forwards TCP to a port until hush(): then connections stay open, but nothing arrives any
    more. New connections are forwarded again."""

    def __init__(self, port):
        self.to = ("127.0.0.1", port)
        self.is_hushed = threading.Event()
        self.open = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.to)
            hushed = self.is_hushed
            self.open += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(one, other, hushed), daemon=True).start()

    @staticmethod
    def _pass(one, other, hushed):
        try:
            while data := one.recv(65536):
                if not hushed.is_set():
                    other.sendall(data)
        except OSError:
            pass
        if not hushed.is_set():
            try:
                other.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def hush(self):
        hushed, self.is_hushed = self.is_hushed, threading.Event()
        hushed.set()

    def close(self):
        self.listener.close()
        for one in self.open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()


@pytest.fixture
def silent_proxy(server):
    assert server
    opened = []

    def start(port):
        opened.append(SilentProxy(port))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_table_of_states():
    """node's own tests of the table, which need no browser."""
    run([shutil.which("node") or "node", "--test", PLAYERS / "test"], timeout=60)


@pytest.mark.parametrize("stream_format, schema", [("flv", "http"), ("ts", "ws")])
def test_plays_on_after_the_buffer_filled_in_a_hidden_tab(stream_format, schema, server, browser,
                                                          players_html, source):
    """The library then stops reading for good, and raises no event."""
    srv = server(html=players_html, remux="mount [vhost]/[app]/[stream].flv;"
                                          " mount [vhost]/[app]/[stream].ts;")
    preamble, gops = source
    page = browser("--mse-video-buffer-size-limit-mb=1")
    with Publisher(srv.rtmp_url()) as publisher:
        publisher.send_tags(preamble + gops[0] + gops[1])
        page.open(page_url(srv, schema=schema, stream=f"livestream.{stream_format}"))
        page.wait("document.querySelector('video').readyState >= 3")
        hide(page, True)
        page.evaluate("document.querySelector('video').pause()")
        wait_for(lambda: page.evaluate("millrace.state") == "paused", what="the state")
        for gop in gops[2:]:
            publisher.send_tags(gop)
        # 4 MB, of which the browser buffers one.
        # At once, not only when the silence afterwards counts as a dead connection.
        page.wait("millrace.state === 'suspended'"
                  " && millrace.session.reason === 'the browser’s buffer is full'")
        stop = threading.Event()
        length = gops[-1][-1].time + 40
        again = [tag for gop in gops for tag in gop]
        thread = threading.Thread(target=publisher.send_paced, args=(again, length),
                                  kwargs={"stop": stop}, daemon=True)
        thread.start()
        try:
            hide(page, False)
            wait_playing(page, 1)
            assert page.said() == []
        finally:
            stop.set()
            thread.join(10)


@pytest.mark.parametrize("schema", ["http", "ws"])
def test_notices_a_connection_gone_silent(schema, server, publish, browser, players_html,
                                          silent_proxy):
    """Neither data nor an end: after republish_wait this cannot be a publisher that returns."""
    srv = server(html=players_html, remux={"republish_wait": 500})
    publish(srv)
    proxy = silent_proxy(srv.http_port)
    page = browser()
    page.open(f"http://127.0.0.1:{proxy.port}/players/srs_player.html?schema={schema}")
    wait_playing(page, 1)
    page.wait("millrace.session.republishWait === 500")
    proxy.hush()
    page.wait("millrace.state === 'interrupted'")
    assert "Waiting for the publisher" in page.evaluate("document.querySelector('.cover').innerText")
    page.wait("millrace.statistics.reloads === 1", 20)
    wait_playing(page, 1)


def test_paused_by_a_media_key(server, publish, browser, players_html):
    srv = server(html=players_html)
    publish(srv)
    page = browser("--autoplay-policy=no-user-gesture-required")
    page.open(page_url(srv))
    wait_playing(page, 1)
    page.evaluate("document.querySelector('video').pause()")
    page.wait("millrace.state === 'paused'")
    page.click(".cover-play")
    wait_playing(page, 1)
    assert page.evaluate("millrace.statistics.reloads") == 0


# A camera's audio: one byte for G.711 and mono, then samples.
G711 = {"A-law": 0x72, "µ-law": 0x82}


@pytest.mark.parametrize("law", G711)
def test_a_camera_with_g711_plays_without_audio(law, server, browser, players_html, source):
    srv = server(html=players_html)
    preamble, gops = source
    video = [tag for gop in gops for tag in gop if tag.is_video]
    tags = [tag for tag in preamble if not tag.is_audio]
    for tag in video:
        tags.append(tag)
        tags.append(flv.Tag(flv.AUDIO, tag.time, bytes([G711[law]]) + bytes([0x55]) * 160))
    stop = threading.Event()
    page = browser()
    with Publisher(srv.rtmp_url()) as publisher:
        thread = threading.Thread(target=publisher.send_paced, args=(tags,), kwargs={"stop": stop},
                                  daemon=True)
        thread.start()
        try:
            page.open(page_url(srv, token="x"))
            wait_playing(page, 1)
            said = page.evaluate("document.querySelector('.notice').innerText")
            assert "No sound" in said and f"G.711 {law}" in said
            seen = page.evaluate("millrace.statistics")
            assert seen["videoCodec"].startswith("avc1.") and seen["audioCodec"] == ""
            assert seen["reloads"] == 0
        finally:
            stop.set()
            thread.join(10)


# Addresses for other programs.

LINES = """[...document.querySelectorAll('#lines li')].map((li) =>
    [li.querySelector('.line-label').textContent, li.querySelector('code').textContent])"""


def lines_of(page):
    page.wait("document.querySelectorAll('#lines li').length > 0")
    return dict(page.evaluate(LINES))


def test_lines_name_the_servers_rtmp_port(server, browser, players_html):
    srv = server(html=players_html)
    page = browser()
    page.open(page_url(srv, autostart="off"))
    rtmp = f"rtmp://127.0.0.1:{srv.rtmp_port}/live"
    lines = lines_of(page)
    assert lines["OBS server"] == rtmp and f" '{rtmp}/livestream'" in lines["ffmpeg"]


def facts(srv):
    answer = harness.curl(srv.http_url("/players/server.json"), "-H", "Origin: http://a.example")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] in ("*", "http://a.example")
    return answer.json()


def test_facts_name_the_port_that_clients_reach(server, players_html):
    """Not the first one, if it is for this machine only; the same at every worker."""
    near = harness.free_port()
    srv = server(html=players_html, api=False, config=f"""
        listen 127.0.0.1:{near} @RTMP@;
        daemon off;
        srs_log_tank console;
        http_server {{ enabled on; listen @HTTP@; dir {players_html}; }}
        vhost __defaultVhost__ {{ http_remux {{ enabled on; }} }}""")
    for _ in range(8):
        assert facts(srv) == {"rtmp_port": srv.rtmp_port, "republish_wait_ms": 15000}


def test_facts_name_the_published_port(server, players_html):
    srv = server(html=players_html, env={"SRS_PUBLIC_RTMP_PORT": "21935"}, api=False)
    assert facts(srv)["rtmp_port"] == 21935
