"""HTTP end to end: statuses, heads, CORS, keep-alive, files, bad input, and a stream's answer.

Malformed and slow requests are written byte by byte over a socket; what a client would do is done
by curl. What the stream itself holds is test_flv.py's affair.
"""

import os
import socket
import time

import pytest

from harness import PATIENCE, curl, wait_for
from http_kit import ORIGIN, Raw, check_error, get


@pytest.fixture
def site(server):
    """A server over some files."""
    def start(**parts):
        srv = server(**parts)
        html = srv.html
        (html / "dir").mkdir()
        (html / "empty").mkdir()
        (html / "index.html").write_text("root page")
        (html / "dir" / "index.html").write_text("dir page")
        (html / "caf\u00e9 1.js").write_text("js")
        (html / "big.flv").write_bytes(bytes(range(251)) * 9000)
        (html / "nothing.txt").write_bytes(b"")
        (srv.folder / "secret").write_text("secret")
        (html / "link-out").symlink_to(srv.folder / "secret")
        (html / "link-up").symlink_to("..")
        (html / "link-in").symlink_to("index.html")
        os.mkfifo(html / "fifo")
        return srv
    return start


# ---- files ----

def test_files(site):
    srv = site()
    answer = curl(srv.http_url("/"))
    assert (answer.status, answer.text) == (200, "root page")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-length"] == "9"
    assert answer.headers["server"].startswith("Millrace")
    assert answer.headers["date"].endswith(" GMT")
    assert answer.headers["etag"].startswith('"') and answer.headers["last-modified"]
    assert curl(srv.http_url("/dir/")).text == "dir page"
    assert curl(srv.http_url("/dir/../index.html")).text == "root page"
    assert curl(srv.http_url("/link-in")).text == "root page"
    assert curl(srv.http_url("/nothing.txt")).headers["content-length"] == "0"
    answer = curl(srv.http_url("/caf%C3%A9%201.js?x=y"))
    assert answer.text == "js" and answer.headers["content-type"].startswith("text/javascript")
    answer = curl(srv.http_url("/big.flv"))
    assert answer.body == (srv.html / "big.flv").read_bytes()
    assert answer.headers["content-type"] == "video/x-flv"


def test_redirect_to_the_directory(site):
    srv = site()
    answer = curl(srv.http_url("/dir?a=b"), "-H", f"Origin: {ORIGIN}")
    assert answer.status == 301
    assert answer.headers["location"] == "/dir/?a=b"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert curl(srv.http_url("/dir"), "-L").text == "dir page"
    # Never a redirect to another host.
    assert curl(srv.http_url("//dir")).headers["location"] == "/dir/"


@pytest.mark.once
@pytest.mark.parametrize("path, status", [
    ("/none", 404), ("/none/x", 404), ("/index.html/", 404), ("/empty/", 404), ("/fifo", 404),
    ("/link-out", 403), ("/link-up/secret", 403), ("/link-up/", 403),
    ("/../secret", 400), ("/dir/../../secret", 400), ("/%2e%2e/secret", 400),
    ("/dir/%2e%2e%2f..%2fsecret", 400), ("/..%2fsecret", 400), ("/..%5csecret", 400),
    ("/..\\secret", 400), ("/index.html%00", 400), ("/%00", 400), ("/%", 400), ("/%zz", 400),
    ("/%252e%252e/secret", 404), ("/%c0%ae%c0%ae/secret", 404), ("/.../secret", 404),
])
def test_no_path_leaves_the_document_root(site, path, status):
    srv = site()
    answer = check_error(curl(srv.http_url(path)), status)
    assert b"secret" not in answer.body
    with Raw(srv, get(path, "Connection: close")) as raw:
        assert raw.answer().status == status


def test_vhost_files(server, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "a.txt").write_text("own")
    srv = server(vhosts=f"vhost v.example {{ http_static {{ enabled on; mount [vhost]/files/; "
                        f"dir {own}; }} }}")
    assert curl(srv.http_url("/files/a.txt"), "-H", "Host: v.example").text == "own"
    assert curl(srv.http_url("/files/a.txt?vhost=v.example")).text == "own"
    assert curl(srv.http_url("/files/a.txt")).status == 404


# ---- methods ----

def test_head(site):
    srv = site()
    with Raw(srv) as raw:
        for path, length in (("/", "9"), ("/big.flv", str(251 * 9000))):
            answer = raw.send(get(path, method="HEAD")).answer(is_head=True)
            assert answer.status == 200 and answer.headers["content-length"] == length
        assert raw.send(get("/none", method="HEAD")).answer(is_head=True).status == 404
        assert raw.send(get("/")).answer().text == "root page"


def test_other_methods(site):
    srv = site()
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = check_error(curl(srv.http_url("/"), "-X", method, "-d", "body"), 405)
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    answer = curl(srv.http_url("/"), "-X", "OPTIONS")
    assert answer.status == 204 and answer.headers["allow"] == "GET, HEAD, OPTIONS"
    with Raw(srv, get("*", method="OPTIONS")) as raw:
        assert raw.answer().status == 204


def test_other_methods_on_a_stream(server, publish):
    srv = server()
    publish(srv)
    answer = check_error(curl(srv.http_url(), "-X", "POST", "-d", "x"), 405)
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


# ---- CORS ----

def test_cors(site):
    srv = site(remux={"hstrs": "off"})
    for path, status in (("/", 200), ("/none", 404), ("/live/none.flv", 404), ("/dir", 301)):
        answer = curl(srv.http_url(path), "-H", f"Origin: {ORIGIN}")
        assert answer.status == status
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "Origin" in answer.headers["vary"]
        answer = curl(srv.http_url(path))
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


def test_cors_preflight(site):
    srv = site()
    answer = curl(srv.http_url("/live/livestream.flv"), "-X", "OPTIONS", "-H", f"Origin: {ORIGIN}",
                  "-H", "Access-Control-Request-Method: GET",
                  "-H", "Access-Control-Request-Headers: range, x-own",
                  "-H", "Access-Control-Request-Private-Network: true")
    assert answer.status == 204 and answer.body == b""
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "GET" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "range, x-own"
    assert answer.headers["access-control-allow-private-network"] == "true"
    assert int(answer.headers["access-control-max-age"]) > 0
    answer = curl(srv.http_url("/"), "-X", "OPTIONS", "-H", f"Origin: {ORIGIN}")
    assert "access-control-allow-private-network" not in answer.headers


def test_cors_off(site):
    srv = site(http_server={"crossdomain": "off"})
    for method in ("GET", "OPTIONS"):
        answer = curl(srv.http_url("/"), "-X", method, "-H", f"Origin: {ORIGIN}")
        assert answer.status in (200, 204)
        assert not [name for name in answer.headers if name.startswith("access-control")]


# ---- connections ----

def test_keep_alive_and_pipelining(site):
    srv = site()
    with Raw(srv) as raw:
        for _ in range(3):
            answer = raw.send(get("/")).answer()
            assert answer.text == "root page" and "connection" not in answer.headers
        raw.send(get("/") + get("/none") + get("/dir/") + get("/", method="HEAD") +
                 get("/nothing.txt"))
        assert raw.answer().text == "root page"
        assert raw.answer().status == 404
        assert raw.answer().text == "dir page"
        assert raw.answer(is_head=True).headers["content-length"] == "9"
        assert raw.answer().status == 200
        answer = raw.send(get("/", "Connection: close") + get("/dir/")).answer()
        assert answer.headers["connection"] == "close"
        raw.assert_closed()


def test_http_1_0(site):
    srv = site()
    with Raw(srv, "GET / HTTP/1.0\r\n\r\n") as raw:
        answer = raw.answer()
        assert answer.text == "root page" and answer.headers["connection"] == "close"
        raw.assert_closed()
    with Raw(srv, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") as raw:
        assert raw.answer().headers["connection"] == "keep-alive"
        assert raw.send("GET /dir/ HTTP/1.0\r\n\r\n").answer().text == "dir page"
        raw.assert_closed()


def test_one_byte_at_a_time(site):
    srv = site()
    with Raw(srv) as raw:
        for byte in get("/", "X-Header: value"):
            raw.send(byte)
        assert raw.answer().text == "root page"


def test_request_bodies_are_ignored(site):
    srv = site()
    with Raw(srv) as raw:
        # The body looks like a request, but is not one.
        raw.send(get("/", "Content-Length: 20", method="POST") + "GET /dir/ HTTP/1.1\r\n" + get("/"))
        assert raw.answer().status == 405
        assert raw.answer().text == "root page"
    with Raw(srv) as raw:
        raw.send(get("/", "Content-Length: 100000", method="POST") + "x" * 100000)
        raw.send(get("/", "Transfer-Encoding: chunked", method="POST") +
                 "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n" + get("/dir/"))
        assert [raw.answer().status for _ in range(2)] == [405, 405]
        assert raw.answer().text == "dir page"


def test_expect_continue(site):
    srv = site()
    with Raw(srv, get("/", "Content-Length: 3", "Expect: 100-continue", method="PUT")) as raw:
        assert raw.answer().status == 100
        assert raw.send("abc").answer().status == 405
        assert raw.send(get("/")).answer().status == 200
    answer = curl(srv.http_url("/"), "-X", "PUT", "-H", "Expect: 100-continue", "-d", "x" * 5000)
    assert answer.status == 405


def test_a_connection_that_ends_in_its_head(site):
    srv = site()
    before = srv.descriptors()
    for part in ("", "G", "GET / HT", get("/")[:-2]):
        with Raw(srv, part) as raw:
            raw.socket.shutdown(socket.SHUT_WR)
            raw.assert_closed()
    wait_for(lambda: srv.descriptors() <= before, what="the descriptors to be closed")


def test_answers_a_peer_that_closes_its_side(site):
    srv = site()
    with Raw(srv, get("/")) as raw:
        raw.socket.shutdown(socket.SHUT_WR)
        assert raw.answer().text == "root page"
        raw.assert_closed()


# ---- bad input ----

@pytest.mark.once
@pytest.mark.parametrize("request_text, status", [
    ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ("\x03" + "\x00" * 40, 400),
    ("GET /\r\n\r\n", 400),
    ("GET /index.html\r\n", 400),
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n folded\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: h\r\nA: b\x00\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", 400),
    ("GET / HTTP/1.1\rHost: h\r\n\r\n", 400),
    ("GET /\rx HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: h\r\n\tA: b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\na", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\rx\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5 ;a\nhello", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 413),
    ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n" + "x" * 100000, 413),
    ("GET /" + "a" * 5000 + " HTTP/1.1\r\nHost: h\r\n\r\n", 414),
    ("GET / HTTP/1.1\r\nHost: h\r\nA: " + "b" * 20000 + "\r\n\r\n", 431),
    ("GET / HTTP/1.1\r\nHost: h\r\n" + "A: b\r\n" * 70 + "\r\n", 431),
    ("BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501),
    ("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 501),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
])
def test_bad_requests(site, request_text, status):
    """An answer with the reason, a log line, and the end of that one connection."""
    srv = site()
    with Raw(srv) as other, Raw(srv, request_text) as raw:
        answer = check_error(raw.answer(), status)
        assert answer.headers["connection"] == "close"
        raw.assert_closed()
        assert other.send(get("/")).answer().text == "root page"
    srv.wait_log(rf"127\.0\.0\.1: {status} ")


def test_endless_body(site):
    """Endless chunks are stopped at the limit."""
    srv = site()
    with Raw(srv, get("/", "Transfer-Encoding: chunked", method="POST")) as raw:
        chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
        try:
            for _ in range(100):
                raw.send(chunk)
        except OSError:
            pass  # the server closed the connection while this client was sending
        else:
            check_error(raw.answer(), 413)
    assert curl(srv.http_url("/")).status == 200


def test_slow_head(site):
    """The deadline is for the whole head, however slowly its bytes arrive."""
    srv = site(top={"http_header_timeout": 2000})
    started = time.monotonic()
    with Raw(srv) as raw:
        raw.socket.settimeout(0.1)
        text = get("/", "X: " + "y" * 1000)
        for byte in text:
            raw.send(byte)
            try:
                if not raw._more() or raw.rest:
                    break
            except socket.timeout:
                pass
            assert time.monotonic() - started < 5 * PATIENCE
        raw.socket.settimeout(5)
        assert raw.answer().status == 408
        raw.assert_closed()
    assert 0.6 < time.monotonic() - started < 4 * PATIENCE


def test_slow_body(site):
    srv = site(top={"http_header_timeout": 3000})
    with Raw(srv, get("/", "Content-Length: 10", method="POST") + "abc") as raw:
        check_error(raw.answer(), 408)
        raw.assert_closed()


def test_silent_and_idle_connections(site):
    srv = site(top={"http_header_timeout": 2000, "http_idle_timeout": 2000})
    with Raw(srv) as silent, Raw(srv, get("/")) as idle:
        assert idle.answer().status == 200
        silent.assert_closed()
        idle.assert_closed()


# In one process the first connections have allocated the memory for the others.
@pytest.mark.one_process
def test_idle_connections_are_cheap(site):
    srv = site(top={"max_connections": 3000})
    assert curl(srv.http_url("/")).status == 200
    opened = [Raw(srv, get("/")) for _ in range(50)]
    for raw in opened:
        assert raw.answer().status == 200
    before = srv.memory_kb()
    more = [Raw(srv, get("/")) for _ in range(400)]
    for raw in more:
        assert raw.answer().status == 200
    grown = srv.memory_kb() - before
    for raw in opened + more:
        raw.close()
    if "asan" not in str(srv.argv[0]):
        assert grown < 400 * 12, f"{grown} KB for 400 connections"


def test_upgrades(server):
    """h2c and others are ignored; test_ws.py tests WebSocket."""
    srv = server(remux={"hstrs": "off"})
    (srv.html / "index.html").write_text("root page")
    for name in ("h2c", "TLS/1.0", "foo, websocket"):
        with Raw(srv, get("/", "Connection: Upgrade, HTTP2-Settings", f"Upgrade: {name}",
                          "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")) as raw:
            assert raw.answer().text == "root page"
            assert raw.send(get("/")).answer().text == "root page"
