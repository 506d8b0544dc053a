"""WebSocket viewers: the upgrade, the media, valid and invalid client frames, the ends."""

import threading

import pytest

import flv
from browser import Browser
from harness import curl, free_port, run
from rtmp import Publisher
from ws import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Socket, accept_of, close_frame, frame

ORIGIN = "http://page.example:8443"
UPGRADE = ["Connection: keep-alive, Upgrade", "Upgrade: WebSocket"]
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.fixture
def live(server, source_flv):
    """live(**parts): a server and a publisher that has sent a preamble and one GOP."""
    opened = []

    def start(**parts):
        srv = server(**parts)
        preamble, ring = flv.preamble_and_ring(flv.parse_file(source_flv).tags)
        one = Publisher(srv.rtmp_url())
        opened.append(one)
        one.gop = flv.split_gops(ring)[0]
        one.send_tags(preamble + one.gop)
        with flv.Viewer(srv.http_url()) as viewer:
            viewer.wait_media(len(one.gop))
        return srv, one

    yield start
    for one in opened:
        one.close()


# ---- the upgrade ----

def test_upgrade(live):
    srv, _ = live()
    with Socket(srv.http_url(), f"Origin: {ORIGIN}", "Sec-WebSocket-Protocol: chat, flv",
                "Sec-WebSocket-Extensions: permessage-deflate") as ws:
        answer = ws.answer
        assert answer.status == 101
        assert answer.headers["sec-websocket-accept"] == accept_of(ws.key)
        assert answer.headers["upgrade"].lower() == "websocket"
        assert answer.headers["connection"].lower() == "upgrade"
        assert answer.headers["server"].startswith("Millrace")
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert answer.headers["sec-websocket-protocol"] == "chat"
        for name in ("sec-websocket-extensions", "content-length", "transfer-encoding"):
            assert name not in answer.headers
    with Socket(srv.http_url(), headers=[*UPGRADE, "Sec-WebSocket-Version: 13",
                                         f"Sec-WebSocket-Key: {KEY}"]) as ws:
        assert ws.answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert "sec-websocket-protocol" not in ws.answer.headers
        ws.until_media(5)


@pytest.mark.parametrize("lines, status", [
    (["Sec-WebSocket-Version: 8", f"Sec-WebSocket-Key: {KEY}"], 426),
    ([f"Sec-WebSocket-Key: {KEY}"], 426),
    (["Sec-WebSocket-Version: 13"] * 2 + [f"Sec-WebSocket-Key: {KEY}"], 426),
    (["Sec-WebSocket-Version: 13"], 400),
    (["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: "], 400),
    (["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA=="], 400),
    (["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}A"], 400),
    (["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!Q=="], 400),
    (["Sec-WebSocket-Version: 13"] + [f"Sec-WebSocket-Key: {KEY}"] * 2, 400),
    (["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Protocol: a b"], 400),
])
def test_refused_upgrades(live, lines, status):
    """A plain HTTP answer, and the end of the connection."""
    srv, _ = live()
    with Socket(srv.http_url(), f"Origin: {ORIGIN}", headers=[*UPGRADE, *lines]) as ws:
        assert ws.answer.status == status
        assert ws.answer.json()["code"] == status
        assert ws.answer.headers["access-control-allow-origin"] == ORIGIN
        assert ws.answer.headers["connection"] == "close"
        if status == 426:
            assert ws.answer.headers["sec-websocket-version"] == "13"
            assert ws.answer.headers["upgrade"] == "websocket"
        assert ws.socket.recv(100) == b""


def test_nothing_to_upgrade_to(live):
    srv, _ = live(remux={"hstrs": "off"})
    (srv.html / "a.txt").write_text("text")
    with Socket(srv.http_url("/live/none.flv")) as ws:
        assert ws.answer.status == 101
        while ws.step():
            pass
        assert ws.close_code == 4404 and ws.close_reason == b"nobody publishes this stream"
    # Files are not served over WebSocket: the upgrade is ignored, as any server may.
    with Socket(srv.http_url("/a.txt")) as ws:
        assert ws.answer.status == 200 and ws.answer.body == b"text"
    # HTTP/1.0 cannot upgrade.
    with Socket(srv.http_url(), version="1.0") as ws:
        assert ws.answer.status == 200
    assert curl(srv.http_url(), "-X", "POST", "-H", "Connection: Upgrade", "-H",
                "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13", "-H",
                f"Sec-WebSocket-Key: {KEY}").status == 405


# ---- media ----

def test_the_same_tags_as_over_http(live):
    srv, one = live()
    with flv.Viewer(srv.http_url()) as http, Socket(srv.http_url()) as ws:
        count = len(one.gop)
        http.wait_media(count)
        ws.until_media(count)
        assert [(t.key, t.time) for t in ws.reader.tags] == [(t.key, t.time) for t in http.tags]
        assert ws.reader.flags == http.reader.flags
        # Batches, not a message per tag.
        assert ws.messages < len(ws.reader.tags)
        one.send_tags(one.gop, offset=one.gop[-1].time + 40)
        http.wait_media(2 * count)
        ws.until_media(2 * count)
        assert [(t.key, t.time) for t in ws.reader.tags] == [(t.key, t.time) for t in http.tags]


def test_many_viewers_get_the_same(live):
    """Viewers at one position share one block of bytes, whatever their framing."""
    srv, one = live()
    count = len(one.gop)
    sockets = [Socket(srv.http_url()) for _ in range(20)]
    viewers = [flv.Viewer(srv.http_url(), version="1.0" if i % 2 else "1.1") for i in range(20)]
    for ws in sockets:
        ws.until_media(count)
    for step in range(1, 5):
        one.send_tags(one.gop, offset=step * (one.gop[-1].time + 40))
    for ws in sockets:
        ws.until_media(5 * count)
        assert [t.key for t in ws.reader.tags] == [t.key for t in sockets[0].reader.tags]
        ws.close()
    for viewer in viewers:
        viewer.wait_media(5 * count)
        assert [t.key for t in viewer.tags] == [t.key for t in sockets[0].reader.tags]
        viewer.close()


def test_over_tls(live, tmp_path):
    """wss:// on the address of https://: the same bytes, pings, the close."""
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
         "/CN=localhost", "-keyout", tmp_path / "key", "-out", tmp_path / "cert"])
    port = free_port()
    srv, one = live(http_server=f"https {{ enabled on; listen {port}; key {tmp_path}/key; "
                                f"cert {tmp_path}/cert; }}")
    url = f"wss://127.0.0.1:{port}/live/livestream.flv"
    with Socket(srv.http_url()) as plain, Socket(url, early=frame(PING, b"early")) as ws:
        assert ws.answer.status == 101
        plain.until_media(len(one.gop))
        ws.until_media(len(one.gop))
        assert [(t.key, t.time) for t in ws.reader.tags] == \
            [(t.key, t.time) for t in plain.reader.tags]
        assert ws.pongs == [b"early"]
        ws.send(close_frame(1000))
        assert ws.until_close() == 1000
        ws.assert_ended()
    with Socket(url) as ws:
        ws.send(frame(TEXT, b"x", masked=False))
        assert ws.until_close() == 1002


# ---- frames from a client ----

def test_ping(live):
    srv, _ = live()
    with Socket(srv.http_url()) as ws:
        for payload in (b"", b"a", b"x" * 125):
            ws.send(frame(PING, payload)).until(lambda s, p=payload: p in s.pongs, "the pong")
        ws.send(frame(PONG, b"unasked"))
        ws.send(frame(PING, b"1") + frame(PING, b"2")).until(lambda s: b"2" in s.pongs, "the pong")
        assert ws.pongs == [b"", b"a", b"x" * 125, b"1", b"2"]


def test_messages_are_ignored(live):
    """Text and binary messages of any form are valid and ignored."""
    srv, _ = live()
    euro = "\u20ac".encode()
    with Socket(srv.http_url()) as ws:
        ws.send(frame(TEXT, b"hello") + frame(TEXT) + frame(BINARY, b"\0\xff"))
        ws.send(frame(BINARY, b"a" * 200) + frame(BINARY, b"a" * 60000))
        # Control frames between fragments, and a character split in two.
        ws.send(frame(TEXT, euro[:1], final=False) + frame(PING, b"between") +
                frame(CONTINUATION, euro[1:], final=False) + frame(CONTINUATION))
        ws.until(lambda s: b"between" in s.pongs, "the pong")
        for byte in frame(TEXT, b"slow") + frame(PING, b"end"):
            ws.send(bytes([byte]))
        ws.until(lambda s: b"end" in s.pongs, "the pong")
        ws.until_media(5)


def test_said_together_with_the_request(live):
    srv, _ = live()
    with Socket(srv.http_url(), early=frame(TEXT, b"x") + frame(PING, b"early")) as ws:
        ws.until(lambda s: b"early" in s.pongs, "the pong")
        ws.until_media(5)
    with Socket(srv.http_url("/live/none.flv"), early=close_frame(1000)) as ws:
        assert ws.until_close() == 1000
        ws.assert_ended()


BAD_FRAMES = {
    "unmasked": (1002, frame(TEXT, b"x", masked=False)),
    "reserved bit": (1002, frame(TEXT, b"x", reserved=4)),
    "unknown message": (1002, frame(3, b"x")),
    "unknown control": (1002, frame(11)),
    "continuation frame without a message": (1002, frame(CONTINUATION, b"x")),
    "message within a message": (1002, frame(TEXT, b"x", final=False) + frame(TEXT, b"x")),
    "ping in fragments": (1002, frame(PING, b"x", final=False)),
    "long ping": (1002, frame(PING, b"x" * 126)),
    "length not minimal": (1002, frame(TEXT, b"x" * 5, length_bytes=2)),
    "long length not minimal": (1002, frame(TEXT, b"x" * 500, length_bytes=8)),
    "length with its top bit": (1002, bytes.fromhex("81ff8000000000000000") + b"mask"),
    "close of one byte": (1002, frame(CLOSE, b"x")),
    "close 999": (1002, close_frame(999)),
    "close 1005": (1002, close_frame(1005)),
    "close 1006": (1002, close_frame(1006)),
    "close 2000": (1002, close_frame(2000)),
    "close 5000": (1002, close_frame(5000)),
    "close with no text": (1007, close_frame(1000, b"\xff")),
    "close with cut text": (1007, close_frame(1000, b"\xe2\x82")),
    "overlong text": (1007, frame(TEXT, b"\xc0\xaf")),
    "surrogate": (1007, frame(TEXT, b"\xed\xa0\x80")),
    "cut text": (1007, frame(TEXT, b"\xe2\x82")),
    "beyond unicode": (1007, frame(TEXT, b"\xf5")),
    "too long": (1009, bytes.fromhex("82ff0000000000010001") + b"mask"),
    "too long in pieces": (1009, frame(BINARY, b"x" * 60000, final=False) +
                           frame(CONTINUATION, b"x" * 10000)),
}


@pytest.mark.once
@pytest.mark.parametrize("name", BAD_FRAMES)
def test_bad_frames(live, name):
    """A close frame with the reason; then the connection ends, and only that one."""
    code, data = BAD_FRAMES[name]
    srv, _ = live()
    with Socket(srv.http_url()) as other, Socket(srv.http_url()) as ws:
        ws.until_media(1)
        ws.send(data)
        assert ws.until_close() == code
        assert ws.close_reason or code == 1000
        ws.send(close_frame(code))
        ws.socket.shutdown(1)
        ws.assert_ended()
        other.until_media(5)


# ---- ends ----

CLOSES = {
    "1000": (1000, close_frame(1000)),
    "1001": (1001, close_frame(1001, "tsch\u00fcss".encode())),
    "3000": (3000, close_frame(3000)),
    "4999": (4999, close_frame(4999, b"x" * 123)),
    "none": (1005, frame(CLOSE)),
}


@pytest.mark.parametrize("name", CLOSES)
def test_the_client_closes(live, name):
    answered, sent = CLOSES[name]
    srv, _ = live()
    with Socket(srv.http_url()) as ws:
        ws.until_media(1)
        ws.send(sent)
        assert ws.until_close() == answered
        ws.assert_ended()
    srv.wait_log(r"stop play .*: viewer closed the connection")


def test_the_stream_ends(live):
    """Close 1000 when the publisher does not return; then the server waits for the client's
    close."""
    srv, one = live(remux={"republish_wait": 200})
    with Socket(srv.http_url()) as ws:
        ws.until_media(len(one.gop))
        one.unpublish()
        assert ws.until_close() == 1000
        ws.reader.finish()
        ws.send(close_frame(1000))
        ws.assert_ended()
    # The server does not wait long for a client that does not answer.
    one.close()


def test_the_client_never_answers_a_close(live):
    srv, one = live(remux={"republish_wait": 100})
    with Socket(srv.http_url()) as ws:
        ws.until_media(len(one.gop))
        one.unpublish()
        assert ws.until_close() == 1000
        ws.assert_ended()


def test_a_client_that_vanishes(live):
    srv, _ = live()
    with Socket(srv.http_url()) as ws:
        ws.until_media(1)
    srv.wait_log(r"stop play .*: viewer disconnected")


def test_waits_for_the_stream(server, source_flv):
    """The 101 comes at once; pings are answered during the wait; then it plays."""
    srv = server(remux={"hstrs": "on", "standby_timeout": 20000})
    preamble, ring = flv.preamble_and_ring(flv.parse_file(source_flv).tags)
    gop = flv.split_gops(ring)[0]
    with Socket(srv.http_url()) as ws:
        assert ws.answer.status == 101
        ws.send(frame(PING, b"?")).until(lambda s: s.pongs == [b"?"], "the pong")
        with Publisher(srv.rtmp_url()) as one:
            one.send_tags(preamble + gop)
            ws.until_media(len(gop))


def test_waits_without_success(server):
    """Close 4404; pings do not delay it."""
    srv = server(remux={"hstrs": "on", "standby_timeout": 700})
    done = threading.Event()
    with Socket(srv.http_url("/live/none.flv")) as ws:
        assert ws.answer.status == 101

        def ping():
            while not done.wait(0.1):
                try:
                    ws.send(frame(PING, b"still there"))
                except OSError:
                    return
        thread = threading.Thread(target=ping)
        thread.start()
        try:
            assert ws.until_close() == 4404
        finally:
            done.set()
            thread.join()
        assert b"nobody publishes" in ws.close_reason
        ws.send(close_frame(4404))
        ws.assert_ended()
    srv.wait_log(r"stop play .*: stream was not published")


def test_a_client_that_floods_pings_and_reads_nothing(live):
    """The answers queued for it are bounded: it is disconnected, and the others continue."""
    srv, one = live()
    with Socket(srv.http_url()) as ws, Socket(srv.http_url()) as other:
        ws.socket.settimeout(10)
        flood = frame(PING, b"x" * 125) * 1000
        with pytest.raises(OSError):
            for _ in range(2000):
                ws.send(flood)
        other.until_media(len(one.gop))


# ---- a browser ----

PAGE = """<!doctype html><video id=v muted autoplay></video>
<script src="/players/mpegts.js"></script><script>
window.failed = '';
const player = mpegts.createPlayer({type: 'flv', isLive: true, url: 'ws://' + location.host +
    '/live/livestream.flv'}, {enableStashBuffer: false});
player.on(mpegts.Events.ERROR, (type, detail) => { window.failed = type + ' ' + detail; });
player.attachMediaElement(document.getElementById('v'));
player.load(); player.play();
</script>"""


@pytest.fixture
def browser(tmp_path):
    one = Browser(log=tmp_path / "browser.log")
    yield one
    one.close()


@pytest.mark.timeout(240)
def test_chromium(server, publish, browser):
    """The browser's own WebSocket, and mpegts.js over it."""
    from browser import PLAYERS
    srv = server()
    scripts = list((PLAYERS / "node_modules" / "mpegts.js" / "dist").glob("mpegts.js"))
    assert scripts, "mpegts.js is not installed: make players"
    (srv.html / "players").mkdir()
    (srv.html / "players" / "mpegts.js").write_bytes(scripts[0].read_bytes())
    (srv.html / "ws.html").write_text(PAGE)
    publish(srv)
    browser.open(srv.http_url("/ws.html"))
    browser.wait("window.failed || document.getElementById('v').currentTime > 1", timeout=30)
    assert browser.evaluate("window.failed") == ""
    assert browser.evaluate("document.getElementById('v').videoWidth") > 0
    # A wait that times out: the page receives the close code.
    code = browser.evaluate("""new Promise(done => {
        const ws = new WebSocket('ws://' + location.host + '/live/livestream.flv');
        ws.binaryType = 'arraybuffer';
        ws.onmessage = () => { ws.close(3001, 'enough'); };
        ws.onclose = e => done([e.code, e.wasClean]); })""")
    assert code == [3001, True]
