"""The player page over every format and transport, with both tracks or one, and a publisher that
returns."""

import harness
import pytest
from harness import run, wait_for
from player_kit import (COLOURS, browser, page_url, players_html, server,  # noqa: F401
                        wait_playing)

MOUNTS = "".join(f"mount [vhost]/[app]/[stream].{x}; " for x in ("flv", "ts", "mp3", "aac"))

# Format and transport of each kind.
KINDS = {"flv": ("flv", "http"), "ts": ("ts", "http"), "ws-flv": ("flv", "ws"),
         "wss-flv": ("flv", "wss"), "ws-ts": ("ts", "ws"), "https-ts": ("ts", "https")}
TRACKS = {"both": ["-c", "copy"], "audio": ["-vn", "-c:a", "copy"],
          "video": ["-an", "-c:v", "copy"]}
# Each kind with both tracks; each format, and each transport, also with either track alone.
PAIRS = [*((kind, "both") for kind in KINDS), ("flv", "audio"), ("ts", "video"), ("ws-ts", "audio"),
         ("ws-flv", "video"), ("wss-flv", "audio"), ("https-ts", "video")]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Key and certificate as created by the documented command."""
    folder = tmp_path_factory.mktemp("certificate")
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
         "/CN=localhost", "-keyout", folder / "server.key", "-out", folder / "server.crt"])
    return folder


def start(server, html, certificate, schema):
    """The server, and the address of its page as this transport's user would open it."""
    if schema not in ("https", "wss"):
        srv = server(html=html, remux=MOUNTS)
        return srv, page_url(srv)
    port = harness.free_port()
    srv = server(html=html, remux=MOUNTS,
                 http_server=f"https {{ enabled on; listen {port}; "
                             f"key {certificate}/server.key; cert {certificate}/server.crt; }}")
    return srv, f"https://127.0.0.1:{port}/players/srs_player.html"


def check_tracks(page, tracks):
    # A player that waits for data at this moment has no latency.
    page.wait("millrace.statistics.latency !== null")
    seen = page.evaluate("millrace.statistics")
    assert bool(seen["videoCodec"]) == (tracks != "audio"), seen
    assert bool(seen["audioCodec"]) == (tracks != "video"), seen
    assert (seen["width"] > 0) == (tracks != "audio"), seen
    if tracks != "audio":
        page.wait(f"{COLOURS} > 8")  # a picture is painted
    page.wait("millrace.statistics.latency !== null && millrace.statistics.latency < 5")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind, tracks", PAIRS)
def test_plays_on_when_the_publisher_restarts(kind, tracks, server, publish, browser, players_html,
                                              certificate):
    stream_format, schema = KINDS[kind]
    srv, url = start(server, players_html, certificate, schema)
    first = publish(srv, args=TRACKS[tracks])
    page = browser()
    # The page was loaded over https: it replaces ws by wss.
    asked = schema.removesuffix("s") if schema == "wss" else schema
    page.open(f"{url}?schema={asked}&stream=livestream.{stream_format}")
    wait_playing(page)
    address = page.evaluate("millrace.address")
    assert address.startswith(f"{schema}://127.0.0.1:") and address.endswith("." + stream_format)
    check_tracks(page, tracks)
    first.stop()
    publish(srv, args=TRACKS[tracks])
    wait_playing(page, 4)
    check_tracks(page, tracks)
    assert page.evaluate("millrace.statistics.reloads") == 0, \
        page.evaluate("millrace.session.reason")
    assert page.said() == []


@pytest.mark.parametrize("schema", ["http", "ws"])
@pytest.mark.parametrize("audio", ["aac", "mp3"])
def test_plays_audio_alone(audio, schema, server, publish, browser, players_html):
    args = ["-c", "copy"] if audio == "aac" else ["-c:v", "copy", "-c:a", "libmp3lame"]
    srv = server(html=players_html, remux=MOUNTS)
    first = publish(srv, args=args)
    page = browser()
    page.open(page_url(srv, schema=schema, stream=f"livestream.{audio}"))
    wait_playing(page, 3)
    seen = page.evaluate("millrace.statistics")
    assert seen["width"] == 0 and seen["videoCodec"] == "" and seen["audioCodec"]
    assert 50_000 < seen["bitrate"] < 400_000
    first.stop()
    publish(srv, args=args)
    wait_playing(page, 4)
    assert page.evaluate("millrace.statistics.reloads") == 0
    assert page.said() == []


def test_audio_where_media_source_does_not_take_it(server, publish, browser, players_html):
    """As in Firefox: the media element loads the stream itself."""
    srv = server(html=players_html, remux=MOUNTS)
    publish(srv)
    page = browser()
    page.open(page_url(srv, stream="livestream.aac"), init="""
        const supports = MediaSource.isTypeSupported;
        MediaSource.isTypeSupported = (type) => !type.startsWith('audio/') && supports(type);""")
    wait_playing(page, 3)
    assert page.evaluate("document.querySelector('video').src").startswith("http")
    assert page.said() == []


def test_format_and_transport_are_chosen_and_kept(server, publish, browser, players_html):
    srv = server(html=players_html, remux=MOUNTS)
    publish(srv)
    page = browser()
    page.open(page_url(srv, token="x"))
    wait_playing(page, 1)
    for name, value, address in (("format", "ts", "http://127.0.0.1:{}/live/livestream.ts?token=x"),
                                 ("transport", "ws", "ws://127.0.0.1:{}/live/livestream.ts?token=x"),
                                 ("format", "aac", "ws://127.0.0.1:{}/live/livestream.aac?token=x")):
        page.evaluate(f"document.querySelector('[name={name}][value={value}]').click()")
        assert page.evaluate("millrace.address") == address.format(srv.http_port)
        wait_playing(page, 1)
    kept = page.evaluate("location.href")
    page.open(kept)
    assert page.evaluate("millrace.address") == address.format(srv.http_port)
    assert page.evaluate("document.querySelector('[name=format]:checked').value") == "aac"
    assert page.evaluate("document.querySelector('[name=transport]:checked').value") == "ws"
    wait_playing(page, 1)
    assert page.said() == []


def test_waits_by_websocket(server, publish, browser, players_html):
    srv = server(html=players_html)
    page = browser()
    page.open(page_url(srv, schema="ws"))
    page.wait("millrace.state === 'waiting'")
    publish(srv)
    wait_playing(page)
    assert page.evaluate("millrace.statistics.reloads") == 0


def test_a_websocket_with_subprotocols(server, publish, browser, players_html):
    """A browser fails the connection if the server selects none of the subprotocols that it
    offers."""
    srv = server(html=players_html)
    publish(srv)
    page = browser()
    page.open(page_url(srv, schema="ws"), init="""
        const Plain = window.WebSocket;
        window.WebSocket = class extends Plain {
            constructor(url) {
                super(url, ['flv.v1', 'flv']);
                this.addEventListener('open', () => (window.agreed = this.protocol));
            }
        };""")
    wait_playing(page, 1)
    assert page.evaluate("window.agreed") == "flv.v1"


@pytest.mark.parametrize("schema", ["http", "ws"])
@pytest.mark.parametrize("what, status, reason", [
    ("security { enabled on; allow publish all; deny play all; }", 403, "client address is not allowed"),
    ("token { enabled on; publish off; key a-key-for-tests-1; }", 401, "URL is not signed"),
])
def test_says_why_it_is_refused(what, status, reason, schema, server, publish, browser,
                                players_html):
    srv = server(html=players_html, vhost=what)
    page = browser()
    page.open(page_url(srv, schema=schema))
    page.wait("millrace.state === 'denied'")
    seen = page.evaluate("millrace.statistics")
    assert seen["status"] == status and seen["reason"] == reason
    shown = page.evaluate("document.querySelector('.cover').innerText")
    assert str(status) in shown and reason[1:] in shown and "Try again" in shown


@pytest.mark.parametrize("schema", ["http", "ws"])
def test_says_404(schema, server, browser, players_html):
    srv = server(html=players_html, remux={"hstrs": "off"})
    page = browser()
    page.open(page_url(srv, schema=schema))
    # In one look: a moment later it tries again.
    page.wait("millrace.state === 'missing' && millrace.statistics.status === 404"
              " && millrace.statistics.reason")


@pytest.mark.parametrize("schema", ["http", "ws"])
def test_says_404_after_waiting_without_success(schema, server, browser, players_html):
    srv = server(html=players_html, remux={"standby_timeout": 1500})
    page = browser()
    page.open(page_url(srv, schema=schema))
    page.wait("millrace.state === 'missing' && millrace.statistics.status === 404"
              " && millrace.statistics.reason === 'nobody publishes this stream'")
