"""The statements of doc/http.md about addresses and answers that test_http.py, test_static.py,
test_vod.py and test_ws.py do not cover."""

import time

import pytest

import flv
from harness import Answer, curl, make_config, wait_for
from ready import readable
from rtmp import Publisher
from http_kit import ORIGIN, Raw, check_error, get
from ws import Socket

ERRORS = [
    ("400", "GET /%zz HTTP/1.1\r\nHost: h\r\nOrigin: {o}\r\n\r\n"),
    ("403", "GET /link-out HTTP/1.1\r\nHost: h\r\nOrigin: {o}\r\n\r\n"),
    ("404", "GET /none HTTP/1.1\r\nHost: h\r\nOrigin: {o}\r\n\r\n"),
    ("404", "GET /live/none.flv HTTP/1.1\r\nHost: h\r\nOrigin: {o}\r\n\r\n"),
    ("405", "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nOrigin: {o}\r\n\r\n"),
    ("405", "DELETE /live/livestream.flv HTTP/1.1\r\nHost: h\r\nOrigin: {o}\r\n\r\n"),
    ("405", "TRACE / HTTP/1.1\r\nHost: h\r\nOrigin: {o}\r\n\r\n"),
    ("408", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nOrigin: {o}\r\n\r\n"),
    ("412", "GET /a.txt HTTP/1.1\r\nHost: h\r\nOrigin: {o}\r\nIf-Match: \"x\"\r\n\r\n"),
    ("413", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\nOrigin: {o}\r\n\r\n"),
    ("414", "GET /" + "a" * 5000 + " HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("416", "GET /a.txt HTTP/1.1\r\nHost: h\r\nOrigin: {o}\r\nRange: bytes=9-\r\n\r\n"),
    ("426", "GET /live/livestream.flv HTTP/1.1\r\nHost: h\r\nOrigin: {o}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\n\r\n"),
    ("431", "GET / HTTP/1.1\r\nHost: h\r\nA: " + "b" * 20000 + "\r\n\r\n"),
    ("501", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("505", "GET / HTTP/3.0\r\nHost: h\r\n\r\n"),
]


@pytest.fixture
def live(server, source_flv):
    """live(**parts): a server and a publisher that has sent a preamble and one GOP."""
    opened = []

    def start(stream="live/livestream", **parts):
        srv = server(**parts)
        preamble, ring = flv.preamble_and_ring(flv.parse_file(source_flv).tags)
        one = Publisher(srv.rtmp_url(stream))
        opened.append(one)
        one.gop = flv.split_gops(ring)[0]
        one.send_tags(preamble + one.gop)
        srv.wait_log("mount ")
        return srv, one

    yield start
    for one in opened:
        one.close()


# ---- errors ----

@pytest.mark.once
@pytest.mark.parametrize("status, text", ERRORS, ids=[f"{n}-{s[0]}" for n, s in enumerate(ERRORS)])
def test_every_error(live, status, text):
    """JSON with code and reason, no-store, Server and Date, CORS, exact length."""
    srv, _ = live(remux={"hstrs": "off"}, top={"http_header_timeout": 3000})
    (srv.html / "a.txt").write_text("text")
    (srv.folder / "secret").write_text("secret")
    (srv.html / "link-out").symlink_to(srv.folder / "secret")
    with Raw(srv, text.format(o=ORIGIN)) as raw:
        answer = check_error(raw.answer(), int(status))
        assert list(answer.json()) == ["code", "reason"]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["server"].startswith("Millrace/")
        assert answer.headers["date"].endswith(" GMT")
        # If the head could be read, exactly this origin is allowed; else every origin is.
        allowed = answer.headers["access-control-allow-origin"]
        assert allowed == (ORIGIN if status in "403 404 405 412 416 426" else "*")
        credentials = answer.headers.get("access-control-allow-credentials")
        assert credentials == ("true" if allowed == ORIGIN else None)
        if status == "405":
            assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


def test_head_of_an_error_has_no_body(live):
    srv, _ = live(remux={"hstrs": "off"})
    with Raw(srv) as raw:
        for path in ("/none", "/live/none.flv"):
            answer = raw.send(get(path, method="HEAD")).answer(is_head=True)
            assert answer.status == 404 and int(answer.headers["content-length"]) > 0
        assert raw.send(get("/none")).answer().status == 404
        assert raw.rest == b""


def test_too_many_connections(server):
    """A complete 503 that a page can read."""
    srv = server(top={"max_connections": 2})
    (srv.html / "index.html").write_text("root page")
    with Publisher(srv.rtmp_url("live/a")) as a, Publisher(srv.rtmp_url("live/b")) as b:
        with Raw(srv, get("/")) as c:
            answer = check_error(c.answer(), 503)
            assert int(answer.headers["retry-after"]) > 0
            assert answer.headers["access-control-allow-origin"] == "*"
            c.assert_closed()
        assert not a.is_closed and not b.is_closed

    def is_served():
        return curl(srv.http_url("/")).status == 200
    wait_for(is_served, what="a place to be free again")


def test_too_many_connections_of_one_address(server):
    srv = server(top={"max_connections_per_ip": 1})
    (srv.html / "index.html").write_text("root page")
    with Raw(srv, get("/")) as a:
        assert a.answer().status == 200
        with Raw(srv, get("/")) as b:
            answer = check_error(b.answer(), 429)
            assert int(answer.headers["retry-after"]) > 0
            assert answer.headers["server"].startswith("Millrace/")
            b.assert_closed()
        assert a.send(get("/")).answer().status == 200


@pytest.mark.parametrize("crossdomain", ["on", "off"])
def test_a_refusal_arrives_whatever_is_sent(server, crossdomain):
    """A client that sends a long request only after it was refused can read the reason."""
    srv = server(top={"max_connections": 1}, http_server={"crossdomain": crossdomain})
    with Publisher(srv.rtmp_url("live/a")):
        for _ in range(5):
            with Raw(srv) as b:
                wait_for(lambda: readable([b.socket], 0), what="the answer")
                b.send(get("/", "X: " + "y" * 8000))
                answer = check_error(b.answer(), 503)
                assert answer.headers["date"].endswith(" GMT")
                assert answer.headers["cache-control"] == "no-store"
                allowed = answer.headers.get("access-control-allow-origin")
                assert allowed == ("*" if crossdomain == "on" else None)
                b.assert_closed()


def test_refused_connections_close_in_bounded_time(server):
    """Hundreds beyond the limit at once: every answer is complete, and no connection stays open."""
    srv = server(top={"max_connections": 1})
    with Publisher(srv.rtmp_url("live/a")) as a:
        others = [Raw(srv) for _ in range(200)]
        for one in others:
            assert check_error(one.answer(), 503).headers["server"].startswith("Millrace/")
        for one in others:
            one.assert_closed()
            one.close()
        assert not a.is_closed


def test_waits_are_bounded_and_freed(server):
    """One more than max_waiters replaces the oldest waiter, and never a publisher."""
    srv = server(top={"max_streams": 1, "max_waiters": 3},
                 remux={"hstrs": "on", "standby_timeout": 0})
    waiting = []
    for i in range(3):
        waiting.append(Raw(srv, get(f"/live/s{i}.flv")))
        srv.wait_log(f"play .*/live/s{i}")
    with Raw(srv, get("/live/s3.flv")):
        waiting[0].assert_closed()
        with Publisher(srv.rtmp_url("live/other")):
            assert not readable([raw.socket for raw in waiting[1:]], 0)
    for raw in waiting:
        raw.close()
    wait_for(lambda: srv.log().count("stop play ") == 4, what="the viewers to be gone")


# ---- addresses ----

def test_several_listeners(server):
    srv = server(config=make_config(
        "@RTMP@", "@HTTP@", "@HTML@", http_server="listen @PORT3@; listen [::1]:@PORT4@;"))
    (srv.html / "a.txt").write_text("text")
    assert curl(srv.http_url("/a.txt")).text == "text"
    assert curl(f"http://127.0.0.1:{srv.ports[3]}/a.txt").text == "text"
    assert curl(f"http://[::1]:{srv.ports[4]}/a.txt").text == "text"


def test_apps_of_any_depth(live):
    srv, one = live("a/b/c/d/stream")
    with flv.Viewer(srv.http_url("/a/b/c/d/stream.flv")) as viewer:
        viewer.wait_media(len(one.gop))
    assert curl(srv.http_url("/d/stream.flv?x"), seconds=1).exit_code == 28  # another stream


def test_mounted_while_it_is_published(live):
    """Unmounted when the publisher has left and republish_wait is over."""
    srv, one = live(remux={"hstrs": "off", "republish_wait": 600})
    assert curl(srv.http_url(), seconds=1).status == 200
    one.unpublish()
    one.close()
    srv.wait_unmounted()
    check_error(curl(srv.http_url(), seconds=3), 404)


def test_the_end_of_a_stream(live):
    """HTTP/1.1: the last chunk; 1.0: the end of the connection; WebSocket: 1000."""
    srv, one = live(remux={"republish_wait": 200})
    with flv.Viewer(srv.http_url()) as new, flv.Viewer(srv.http_url(), version="1.0") as old, \
            Socket(srv.http_url()) as ws:
        new.wait_media(len(one.gop))
        old.wait_media(len(one.gop))
        ws.until_media(len(one.gop))
        one.unpublish()
        new.wait_end()
        old.wait_end()
        assert ws.until_close() == 1000


def test_the_head_is_the_same_for_head(live):
    """HEAD gives the header lines of GET, except for the date."""
    srv, _ = live()
    with Raw(srv, get("/live/livestream.flv", f"Origin: {ORIGIN}", method="HEAD")) as raw:
        head = raw.answer(is_head=True).headers
    with Raw(srv, get("/live/livestream.flv", f"Origin: {ORIGIN}")) as raw:
        first = raw.socket.recv(1 << 20).partition(b"\r\n\r\n")[0]
        body = Answer(first.decode(), b"", 0).headers
    for headers in (head, body):
        headers.pop("date")
        headers.pop("connection", None)
    assert head == body


# ---- CORS ----

@pytest.mark.parametrize("path", ["/", "/a.txt", "/none", "/live/livestream.flv", "/live/none.flv"])
def test_preflights(live, path):
    """Answered before anything else is checked, whatever is at the address."""
    srv, _ = live(remux={"hstrs": "on", "standby_timeout": 60000})
    with Raw(srv, get(path, f"Origin: {ORIGIN}", "Access-Control-Request-Method: GET",
                      "Access-Control-Request-Headers: range",
                      "Access-Control-Request-Private-Network: true", method="OPTIONS")) as raw:
        for _ in range(2):
            answer = raw.answer()
            assert answer.status == 204 and "content-length" not in answer.headers
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert answer.headers["access-control-allow-credentials"] == "true"
            assert answer.headers["access-control-allow-private-network"] == "true"
            assert answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
            assert answer.headers["access-control-allow-headers"] == "range"
            raw.send(get(path, f"Origin: {ORIGIN}", "Access-Control-Request-Method: GET",
                         "Access-Control-Request-Headers: range",
                         "Access-Control-Request-Private-Network: true", method="OPTIONS"))


@pytest.mark.parametrize("origin", ["null", "", "x" * 2000], ids=["null", "empty", "long"])
def test_an_origin_header_of_no_page(live, origin):
    """They get "*", and no credentials."""
    srv, _ = live()
    with Raw(srv, get("/none", f"Origin: {origin}")) as raw:
        answer = raw.answer()
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


# ---- connections ----

def test_requests_after_a_stream_are_not_answered(live):
    """A stream is the last answer of its connection; further requests neither end nor break it."""
    srv, one = live()
    with Raw(srv, get("/live/livestream.flv") + get("/") * 100) as raw:
        raw.send("x" * 100000)
        chunks, reader = flv.Dechunker(), flv.Reader()
        head, _, data = raw.socket.recv(1 << 20).partition(b"\r\n\r\n")
        assert b" 200 " in head
        reader.feed(chunks.feed(data))
        while len([t for t in reader.tags if t.is_media]) < len(one.gop):
            data = raw.socket.recv(1 << 20)
            assert data
            reader.feed(chunks.feed(data))


def test_a_stream_after_other_requests(live):
    srv, one = live()
    (srv.html / "a.txt").write_text("text")
    with Raw(srv, get("/a.txt") + get("/none") + get("/live/livestream.flv")) as raw:
        assert raw.answer().text == "text"
        assert raw.answer().status == 404
        while b"\r\n\r\n" not in raw.rest:
            assert raw._more()
        assert b" 200 OK" in raw.rest and b"chunked" in raw.rest


def test_viewers_that_go_while_the_stream_idles(live):
    """The publisher sends nothing: the server still detects that a viewer has disconnected."""
    srv, one = live()
    before = srv.descriptors()
    viewers = [flv.Viewer(srv.http_url()) for _ in range(3)]
    sockets = [Socket(srv.http_url()) for _ in range(3)]
    for viewer in viewers:
        viewer.wait_media(len(one.gop))
    for ws in sockets:
        ws.until_media(len(one.gop))
    for each in viewers + sockets:
        each.close()
    wait_for(lambda: srv.descriptors() <= before, what="the connections to be closed")


def test_hundreds_of_waits_end_together(server):
    """No answer is early, and none is forgotten."""
    srv = server(remux={"hstrs": "on", "standby_timeout": 1500})
    started = time.monotonic()
    opened = [Raw(srv, get(f"/live/s{i % 50}.flv"), timeout=15) for i in range(200)]
    for raw in opened:
        assert check_error(raw.answer(), 404)
        assert time.monotonic() - started > 1.4
        raw.close()
