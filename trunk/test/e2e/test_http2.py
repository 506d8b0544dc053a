"""HTTP/2: what curl and Chromium get over one connection."""

import signal
import subprocess

import pytest

import flv
from harness import ffmpeg_decode, free_port, run, wait_for
from player_kit import browser  # noqa: F401
from tls_kit import certificate, connect, context_of, https_url, secure  # noqa: F401

# pylint: disable=redefined-outer-name

HTTP2 = "http2 on;"
CURL = ["curl", "-sSk", "--http2", "-w", "\n%{http_version} %{http_code} %{num_connects}"]
STREAMS = 20
PAGE = """<!DOCTYPE html><title>http2</title><script>
    "use strict";
    window.got = [];
    window.wss = 0;
    async function play(i) {
        const reader = (await fetch("live/livestream.flv?" + i)).body.getReader();
        for (;;) {
            const part = await reader.read();
            if (part.done) break;
            got[i] = (got[i] || 0) + part.value.length;
        }
    }
    for (let i = 0; i < 20; i++) play(i);
    const socket = new WebSocket("wss://" + location.host + "/live/livestream.flv");
    socket.onmessage = () => { wss++; };
</script>
"""


def get(url, *args):
    """The body and "version status connections" of each answer."""
    done = run([*CURL, "--max-time", 10, *args, url], timeout=20)
    return done.stdout.rsplit("\n", 1)


@pytest.fixture
def srv(secure):  # noqa: F811
    api = free_port()
    one = secure(https=HTTP2, vhost="hls { enabled on; hls_fragment 1; }",
                 top=f"http_api {{ enabled on; listen {api}; }}")
    one.clients_url = f"http://127.0.0.1:{api}/api/v1/clients"
    (one.html / "http2.html").write_text(PAGE)
    return one


def test_curl(srv, publish, tmp_path):
    publish(srv)
    with connect(srv.https_port, context_of(alpn=["http/1.1"])) as tls:
        assert tls.selected_alpn_protocol() == "http/1.1"
    assert get(https_url(srv, "/http2.html")) == [PAGE, "2 200 1"]
    assert get(https_url(srv, "/nothing"))[1] == "2 404 1"
    clients, answer = get(https_url(srv, "/api/v1/streams"))
    assert answer == "2 200 1" and "livestream" in clients
    # A part of a file, and two requests over one connection.
    assert get(https_url(srv, "/http2.html"), "-r", "0-14") == ["<!DOCTYPE html>", "2 206 1"]
    assert get(https_url(srv, "/http2.html"), "-I", https_url(srv, "/nothing"))[1] == "2 200 0"
    body, answer = get(https_url(srv, "/live/livestream.m3u8"))
    assert answer == "2 200 1" and body.startswith("#EXTM3U")
    # A viewer is a client like any other, and a stop ends its stream in order.
    path = tmp_path / "live.flv"
    with subprocess.Popen([*CURL, "--max-time", "30", "-o", path, https_url(srv)],
                          stdout=subprocess.PIPE, text=True) as viewer:
        wait_for(lambda: path.exists() and path.stat().st_size > 300_000, 20, "media")
        assert "flv-play" in get(srv.clients_url)[0]
        srv.signal(signal.SIGTERM)
        assert viewer.communicate(timeout=20)[0].strip() == "2 200 1"
        assert viewer.returncode == 0
    assert ffmpeg_decode(path, seconds=2) == ""
    assert len([t for t in flv.parse(path.read_bytes()).tags if t.is_media]) > 50


@pytest.mark.once
def test_browser(srv, publish, browser):  # noqa: F811
    publish(srv)
    page = browser()
    page.open(https_url(srv, "/http2.html"))
    page.wait(f"got.filter((n) => n > 20000).length === {STREAMS} && wss > 0", 40)
    assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
    assert srv.log().count("play __defaultVhost__/live/livestream.flv") == STREAMS + 1


def frame(kind, flags, stream, body=b""):
    return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body


def request(stream, path, authority):
    """HEADERS of a GET (RFC 7541: indexed fields, and literals without indexing)."""
    literals = b"".join(bytes([index, len(text)]) + text for index, text in ((4, path), (1, authority)))
    return frame(1, 5, stream, b"\x82\x87" + literals)


def test_a_closed_window_stops_its_own_stream_only(srv, publish):
    """A viewer that opens no window holds its stream; the other streams of its connection continue."""
    publish(srv)
    no_window = b"\x00\x04" + bytes(4)
    with connect(srv.https_port, context_of(alpn=["h2"])) as tls:
        tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, no_window)
                    + request(1, b"/live/livestream.flv", b"h") + request(3, b"/http2.html", b"h")
                    + request(5, b"/live/livestream.flv", b"h"))
        tls.sendall(frame(8, 0, 3, (1 << 20).to_bytes(4, "big")) + frame(8, 0, 5, (1 << 30).to_bytes(4, "big")))
        got, raw = {1: 0, 3: 0, 5: 0}, b""
        while got[5] < 300_000 or got[3] < len(PAGE):
            part = tls.recv(65536)
            assert part, got
            raw += part
            while len(raw) >= 9 and len(raw) >= 9 + int.from_bytes(raw[:3], "big"):
                size, kind, stream = int.from_bytes(raw[:3], "big"), raw[3], int.from_bytes(raw[5:9], "big")
                raw = raw[9 + size:]
                if kind == 0:
                    got[stream] += size
                    tls.sendall(frame(8, 0, 0, max(size, 1).to_bytes(4, "big")))
        assert got[1] == 0 and got[3] == len(PAGE)
        clients = get(srv.clients_url)[0]
        assert clients.count("flv-play") == 2
