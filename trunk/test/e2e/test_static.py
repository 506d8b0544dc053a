"""Files over HTTP: ranges, validators, conditions, sendfile, slow clients, vhosts."""

import hashlib
import os
import re
import socket
import time

import pytest

from harness import PATIENCE, curl, wait_for
from http_kit import ORIGIN, Raw, check_error, get

BIG = bytes(range(251)) * 40000  # 10 MB, with a period that is no multiple of any piece's size
SIZE = len(BIG)


@pytest.fixture
def site(server):
    def start(**parts):
        srv = server(**parts)
        (srv.html / "big.mp4").write_bytes(BIG)
        (srv.html / "small.txt").write_text("0123456789")
        (srv.html / "empty.txt").write_text("")
        (srv.html / "dir").mkdir()
        (srv.html / "dir" / "index.html").write_text("<p>index")
        return srv
    return start


# ---- whole files ----

@pytest.mark.parametrize("count", [0, 1, 16383, 16384, 16385, 65536, 131072 + 16384, 131073 + 16384,
                                   SIZE])
def test_every_byte_arrives(site, count):
    srv = site()
    (srv.html / "x.bin").write_bytes(BIG[:count])
    with Raw(srv) as raw:
        for _ in range(2):
            answer = raw.send(get("/x.bin")).answer()
            assert answer.status == 200 and answer.body == BIG[:count]
            assert answer.headers["content-type"] == "application/octet-stream"


def test_a_large_file(site):
    srv = site()
    answer = curl(srv.http_url("/big.mp4"), seconds=30)
    assert hashlib.sha1(answer.body).digest() == hashlib.sha1(BIG).digest()
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"


def test_a_file_beyond_4_gib(site):
    """Sizes and positions that need more than 32 bits, in a sparse file."""
    srv = site()
    size = (5 << 30) + 7
    with open(srv.html / "huge.mp4", "wb") as file:
        file.truncate(size)
        for at in ((1 << 32) - 3, size - 6):
            file.seek(at)
            file.write(b"abcdef")
    url = srv.http_url("/huge.mp4")
    assert curl(url, "--head").headers["content-length"] == str(size)
    for value, first, body in ((f"{(1 << 32) - 3}-{(1 << 32) + 2}", (1 << 32) - 3, b"abcdef"),
                               (f"{size - 6}-", size - 6, b"abcdef"), ("-3", size - 3, b"def")):
        answer = curl(url, "-r", value)
        assert answer.status == 206 and answer.body == body
        assert answer.headers["content-range"] == f"bytes {first}-{first + len(body) - 1}/{size}"
    # Large enough for sendfile.
    answer = curl(url, "-r", f"-{3 << 20}")
    assert answer.body == bytes((3 << 20) - 6) + b"abcdef"
    assert curl(url, "-r", f"{size}-").headers["content-range"] == f"bytes */{size}"


def test_a_slow_client_holds_nobody_up(site):
    srv = site()
    with Raw(srv, get("/big.mp4")) as slow:
        slow.socket.recv(1000)
        started = time.monotonic()
        for _ in range(20):
            assert curl(srv.http_url("/small.txt")).text == "0123456789"
        assert time.monotonic() - started < 5 * PATIENCE
        slow.rest = b""
        total = 0
        while total < SIZE - 100000:
            got = slow.socket.recv(1 << 20)
            assert got
            total += len(got)


def test_a_client_that_takes_nothing_is_closed(site):
    srv = site(top={"http_idle_timeout": 500})
    before = srv.descriptors()
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", srv.http_port))
        peer.sendall(get("/big.mp4").encode())
        wait_for(lambda: srv.descriptors() > before, what="the connection")
        srv.wait_log(r"static /big\.mp4: .*timed out")
        wait_for(lambda: srv.descriptors() <= before, what="the descriptors to be closed")


def test_a_client_that_goes_in_the_middle(site):
    srv = site()
    before = srv.descriptors()
    for _ in range(5):
        with Raw(srv, get("/big.mp4")) as raw:
            raw.socket.recv(1000)
    wait_for(lambda: srv.descriptors() <= before, what="the descriptors to be closed")


def test_a_file_that_becomes_shorter(site):
    """The length was announced: the connection must break, so that the file does not count as
    complete."""
    srv = site()
    with Raw(srv, get("/big.mp4")) as raw:
        first = raw.socket.recv(1000)
        assert b"Content-Length: %d" % SIZE in first
        os.truncate(srv.html / "big.mp4", 100000)
        total = len(first)
        try:
            while got := raw.socket.recv(1 << 20):
                total += len(got)
        except ConnectionResetError:
            pass
        assert total < SIZE
    srv.wait_log(r"file became shorter")


# ---- ranges ----

@pytest.mark.parametrize("value, first, last", [
    ("bytes=0-0", 0, 0), ("bytes=0-99", 0, 99), (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
    ("bytes=1000000-", 1000000, SIZE - 1), ("bytes=-7", SIZE - 7, SIZE - 1),
    (f"bytes=-{SIZE + 5}", 0, SIZE - 1), ("bytes=5-99999999999999999999", 5, SIZE - 1),
    ("bytes=16383-16384", 16383, 16384), ("bytes=100-300000", 100, 300000),
])
def test_range(site, value, first, last):
    srv = site()
    answer = curl(srv.http_url("/big.mp4"), "-H", f"Range: {value}", "-H", f"Origin: {ORIGIN}",
                  seconds=30)
    assert answer.status == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["content-length"] == str(last - first + 1)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "Content-Range" in answer.headers["access-control-expose-headers"]
    assert answer.body == BIG[first:last + 1]


@pytest.mark.parametrize("value", ["bytes=10-", "bytes=99-100", "bytes=-0",
                                   "bytes=99999999999999999999-"])
def test_range_beyond(site, value):
    srv = site()
    answer = check_error(curl(srv.http_url("/small.txt"), "-H", f"Range: {value}", "-H",
                              f"Origin: {ORIGIN}"), 416)
    assert answer.headers["content-range"] == "bytes */10"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    check_error(curl(srv.http_url("/empty.txt"), "-H", "Range: bytes=0-"), 416)


@pytest.mark.parametrize("value", ["bytes=0-1,4-5", "bytes=5-2", "bytes=x", "lines=1-2", "bytes",
                                   "bytes=" + ",".join(["0-"] * 500)])
def test_malformed_ranges_are_ignored(site, value):
    """Malformed, with other units, or several ranges: the whole file."""
    srv = site()
    answer = curl(srv.http_url("/small.txt"), "-H", f"Range: {value}")
    assert answer.status == 200 and answer.text == "0123456789"
    assert "content-range" not in answer.headers


def test_range_is_for_get(site):
    srv = site()
    with Raw(srv, get("/small.txt", "Range: bytes=1-2", method="HEAD")) as raw:
        answer = raw.answer(is_head=True)
        assert answer.status == 200 and answer.headers["content-length"] == "10"


def test_ranges_on_one_connection(site):
    srv = site()
    with Raw(srv) as raw:
        raw.send("".join(get("/big.mp4", f"Range: bytes={i * 1000}-{i * 1000 + 99}")
                         for i in range(20)))
        for i in range(20):
            answer = raw.answer()
            assert answer.status == 206 and answer.body == BIG[i * 1000:i * 1000 + 100]


def test_curl_resumes(site, tmp_path):
    srv = site()
    part = tmp_path / "part"
    part.write_bytes(BIG[:1234567])
    os.system(f"curl -sS -C - -o {part} {srv.http_url('/big.mp4')}")
    assert part.read_bytes() == BIG


# ---- validators ----

def test_conditions(site):
    srv = site()
    url = srv.http_url("/small.txt")
    first = curl(url)
    etag, date = first.headers["etag"], first.headers["last-modified"]
    assert re.fullmatch(r'"[\x21\x23-\x7e]+"', etag)
    for lines in ([f"If-None-Match: {etag}"], [f'If-None-Match: "x", W/{etag}'],
                  ["If-None-Match: *"], [f"If-Modified-Since: {date}"],
                  ["If-Modified-Since: Fri, 31 Dec 2100 23:59:59 GMT"]):
        answer = curl(url, *[arg for line in lines for arg in ("-H", line)], "-H",
                      f"Origin: {ORIGIN}")
        assert answer.status == 304 and answer.body == b"", lines
        assert answer.headers["etag"] == etag and answer.headers["last-modified"] == date
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "content-length" not in answer.headers
    for lines in (['If-None-Match: "x"'], ["If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT"],
                  ["If-Modified-Since: never"], ['If-None-Match: "x"', f"If-Modified-Since: {date}"],
                  [f"If-Match: {etag}"], [f"If-Unmodified-Since: {date}"]):
        answer = curl(url, *[arg for line in lines for arg in ("-H", line)])
        assert answer.status == 200 and answer.text == "0123456789", lines
    for line in ('If-Match: "x"', "If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT"):
        check_error(curl(url, "-H", line), 412)


def test_304_keeps_the_connection(site):
    srv = site()
    etag = curl(srv.http_url("/small.txt")).headers["etag"]
    with Raw(srv) as raw:
        raw.send(get("/small.txt", f"If-None-Match: {etag}"))
        while b"\r\n\r\n" not in raw.rest:
            assert raw._more()
        head, _, raw.rest = raw.rest.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 304 Not Modified\r\n")
        assert raw.send(get("/small.txt")).answer().text == "0123456789"


def test_a_changed_file_has_another_etag(site):
    srv = site()
    path, url = srv.html / "small.txt", srv.http_url("/small.txt")
    before = curl(url).headers["etag"]
    path.write_text("abcdefghij")  # the same length, and likely within the same second
    after = curl(url).headers["etag"]
    assert after != before
    assert curl(url, "-H", f"If-None-Match: {before}").text == "abcdefghij"


def test_if_range(site):
    srv = site()
    url = srv.http_url("/small.txt")
    first = curl(url)
    for value, status in ((first.headers["etag"], 206), (first.headers["last-modified"], 206),
                          ('"x"', 200), ("W/" + first.headers["etag"], 200),
                          ("Sat, 01 Jan 2000 00:00:00 GMT", 200), ("nonsense", 200)):
        answer = curl(url, "-H", "Range: bytes=2-4", "-H", f"If-Range: {value}")
        assert (answer.status, answer.text) == \
            ((206, "234") if status == 206 else (200, "0123456789")), value


# ---- addresses ----

def test_index_and_redirect(site):
    srv = site()
    assert curl(srv.http_url("/dir/")).text == "<p>index"
    answer = curl(srv.http_url("/dir?a=b&c=%20"), "-H", f"Origin: {ORIGIN}")
    assert answer.status == 301 and answer.headers["location"] == "/dir/?a=b&c=%20"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    with Raw(srv, get("/dir", method="HEAD")) as raw:
        assert raw.answer(is_head=True).headers["location"] == "/dir/"
    answer = curl(srv.http_url("/dir/"), "-H", "Range: bytes=3-")
    assert answer.status == 206 and answer.text == "index"


@pytest.mark.parametrize("name, kind", [
    ("a.flv", "video/x-flv"), ("a.ts", "video/mp2t"), ("a.mp4", "video/mp4"),
    ("a.m4s", "video/iso.segment"), ("a.m3u8", "application/vnd.apple.mpegurl"),
    ("a.mpd", "application/dash+xml"), ("a.aac", "audio/aac"), ("a.mp3", "audio/mpeg"),
    ("a.html", "text/html; charset=utf-8"), ("a.js", "text/javascript; charset=utf-8"),
    ("a.css", "text/css; charset=utf-8"), ("a.json", "application/json"), ("a.png", "image/png"),
    ("a.ico", "image/x-icon"), ("a.wasm", "application/wasm"), ("A.PNG", "image/png"),
    ("a", "application/octet-stream"), ("a.unknown", "application/octet-stream"),
])
def test_content_types(server, name, kind):
    srv = server(remux={"hstrs": "off"})
    (srv.html / name).write_text("x")
    assert curl(srv.http_url("/" + name)).headers["content-type"] == kind


def test_static_mount_of_a_vhost(server, tmp_path):
    own = tmp_path / "own"
    (own / "sub").mkdir(parents=True)
    (own / "a.bin").write_bytes(BIG[:100000])
    (own / "sub" / "index.html").write_text("own index")
    srv = server(vhosts=f"vhost v.example {{ http_static {{ enabled on; mount [vhost]/files/; "
                        f"dir {own}; }} }}")
    host = ("-H", "Host: v.example")
    answer = curl(srv.http_url("/files/a.bin"), *host, "-H", "Range: bytes=50000-50009")
    assert answer.status == 206 and answer.body == BIG[50000:50010]
    assert curl(srv.http_url("/files/sub/"), *host).text == "own index"
    assert curl(srv.http_url("/files/sub?x"), *host).headers["location"] == "/files/sub/?x"
    assert curl(srv.http_url("/files/a.bin")).status == 404
    assert curl(srv.http_url("/files/../a.bin"), *host).status == 404
