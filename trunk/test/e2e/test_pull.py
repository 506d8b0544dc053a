"""http_pull: the streams of several origins at one address: Millrace, nginx and HTTP servers."""

import re
import socket
import threading

import pytest

import flv
import nginx
from harness import curl, ffmpeg_decode, ffprobe, free_port, make_source, wait_for

needs_nginx = pytest.mark.skipif(not nginx.MODULE.exists(), reason="no libnginx-mod-rtmp")


def sources(**named):
    lines = " ".join(f"source {name} {url};" for name, url in named.items())
    return f"http_pull {{ enabled on; mount /live; {lines} }}"


def test_own_stream(server, publish):
    srv = server(http_server=sources())
    publish(srv, "myapp/test")
    assert ffmpeg_decode(srv.http_url("/live?app=myapp&stream=test"), 2) == ""
    assert ffmpeg_decode(srv.http_url("/live?port=1935&app=myapp&stream=test"), 2) == ""


def test_origins_by_name(server, publish, view):
    """a over RTMP, b and c over HTTP; all viewers of one stream share one pull."""
    first = server()
    second = server(http_server=sources())
    publish(first, "myapp/test")
    publish(second, "myapp/test")
    proxy = server(http_server=sources(
        a=f"rtmp://127.0.0.1:{first.rtmp_port}",
        b=f"http://127.0.0.1:{second.http_port}/live",
        c=f"http://127.0.0.1:{first.http_port}/[app]/[stream].flv"))
    for name in "abc":
        assert ffmpeg_decode(proxy.http_url(f"/live?src={name}&app=myapp&stream=test"), 2) == ""
    viewers = [view(proxy, "/live?src=a&port=1935&app=myapp&stream=test") for _ in range(20)]
    for one in viewers:
        one.wait_media(10)
    assert len(re.findall("@a/myapp/test: receiving from rtmp:", proxy.log())) <= 2


@pytest.mark.parametrize("query, status", [
    ("src=evil&app=myapp&stream=test", 403),
    ("src=rtmp://127.0.0.1:1935&app=myapp&stream=test", 403),
    ("src=127.0.0.1&app=myapp&stream=test", 403),
    ("src=a:81&app=myapp&stream=test", 403),
    ("src=a&port=81&app=myapp&stream=test", 403),
    ("src=a&port=x&app=myapp&stream=test", 400),
    ("src=a&app=myapp", 400),
    ("src=a&app=&stream=test", 400),
    ("src=a&app=my%2f%2fapp&stream=test", 400),
    ("src=a&app=myapp&stream=a/b", 400),
    ("src=" + "a" * 300 + "&app=myapp&stream=test", 400),
])
def test_only_configured_addresses(server, query, status):
    srv = server(http_server=sources(a=f"rtmp://127.0.0.1:{free_port()}"))
    answer = curl(srv.http_url("/live?" + query), seconds=3)
    assert answer.status == status, answer.text
    assert answer.json()["reason"]
    assert "] pull " not in srv.log()


def test_pulled_streams_have_no_other_address(server, publish):
    """A stream of a source is not mistaken for this server's own stream with that name."""
    origin = server()
    publish(origin, "myapp/test")
    proxy = server(http_server=sources(a=f"rtmp://127.0.0.1:{origin.rtmp_port}"),
                   remux={"hstrs": "off", "mount": ["[vhost]/[app]/[stream].flv",
                                                    "/x/[app]/[stream].flv"]})
    with flv.Viewer(proxy.http_url("/live?src=a&app=myapp&stream=test")) as viewer:
        viewer.wait_media(5)
        for path in ("/myapp/test.flv", "/x/myapp/test.flv", "/live?app=myapp&stream=test"):
            assert curl(proxy.http_url(path), seconds=2).status == 404
        host = curl(proxy.http_url("/myapp/test.flv"), "-H", "Host: @a", seconds=2)
        assert host.status in (400, 404)


def test_one_pull_per_server(server, publisher, source, view):
    """Not one pull for each worker: the other workers pull it from the one that has it."""
    origin = server()
    proxy = server(top={"workers": 2},
                   http_server=sources(a=f"rtmp://127.0.0.1:{origin.rtmp_port}"))
    preamble, gops = source
    pub = publisher(origin, "myapp/test")
    pub.send_tags(preamble + gops[0])
    viewers = []

    def both_watch():
        # The kernel decides which worker gets a connection.
        if len(viewers) < 60:
            viewers.append(view(proxy, "/live?src=a&app=myapp&stream=test"))
        return "receiving from /" in proxy.log()

    wait_for(both_watch, 20, "the other worker to fetch the stream")
    pub.send_tags(gops[1])
    for one in viewers:
        one.wait_media(len(gops[1]))
    assert len(re.findall("receiving from rtmp://", proxy.log())) == 1
    assert len(re.findall("play .*myapp/test from", origin.log())) == 1


class RawOrigin:
    """An HTTP server that answers each path with given bytes, in pieces of a given size; some at
    the beginning one by one."""

    def __init__(self):
        self.answers = {}  # path: (bytes, step[, how many single ones])
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.conns = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        try:
            while True:
                conn, _ = self.listener.accept()
                conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.conns.append(conn)
                threading.Thread(target=self._serve, args=(conn,), daemon=True).start()
        except OSError:
            pass

    def _serve(self, conn):
        try:
            request = b""
            while b"\r\n\r\n" not in request:
                request += conn.recv(4096)
            data, step, *single = self.answers[request.split(b" ")[1].decode().split("?")[0]]
            begin = single[0] if single else 0
            for at in range(begin):
                conn.sendall(data[at:at + 1])
            for at in range(begin, len(data), step):
                conn.sendall(data[at:at + step])
            conn.recv(1)
        except (OSError, KeyError):
            pass
        conn.close()

    def close(self):
        self.listener.close()
        for conn in self.conns:
            conn.close()


@pytest.fixture
def raw_origin(server):
    assert server
    one = RawOrigin()
    yield one
    one.close()


def tag_head(kind, size, time_ms=0):
    return bytes([kind]) + size.to_bytes(3, "big") + time_ms.to_bytes(3, "big") + bytes(4)


def test_flv_in_pieces(server, view, source, raw_origin):
    """However an origin splits its bytes, the stream is the same, and additional header lines do no
    harm."""
    preamble, gops = source
    data = flv.file_bytes([*preamble, *gops[0]])
    plain = b"HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nX-Odd: \xff\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    pieces = b"".join(b"%x;x=y\r\n%b\r\n" % (len(data[at:at + 100]), data[at:at + 100])
                      for at in range(0, len(data), 100))
    raw_origin.answers = {
        "/live/whole.flv": (plain + data, len(data)),
        "/live/bytes.flv": (plain + data, 20011, 2500),
        "/live/odd.flv": (plain + data, 1009),
        "/live/chunked.flv": (chunked + pieces, 777),
    }
    edge = server(vhost=f"cluster {{ mode remote; protocol flv; origin 127.0.0.1:{raw_origin.port};"
                        " stall_timeout 60000; }")
    keys = [tag.key for tag in gops[0]]
    for name in ("whole", "odd", "chunked", "bytes"):
        viewer = view(edge, f"/live/{name}.flv")
        viewer.wait_media(len(keys))
        assert [tag.key for tag in viewer.media][:len(keys)] == keys


HOSTILE = {
    "nothing": b"",
    "garbage": b"\0\xff" * 3000,
    "html": b"<html>" + b"x" * 3000,
    "long_tag": flv.header_bytes() + tag_head(9, 0xFFFFFF) + b"\x17" * 100_000,
    "kind": flv.header_bytes() + tag_head(77, 5) + b"abcde" + (16).to_bytes(4, "big"),
    "back": flv.header_bytes() + tag_head(9, 5) + b"\x17\0\0\0\0" + b"\xff" * 4,
    "script": flv.header_bytes() + tag_head(18, 40) + b"\x02\0\x0aonMetaData" + b"\x03" * 27
              + (51).to_bytes(4, "big"),
    "empty": flv.header_bytes() + (tag_head(9, 0) + (11).to_bytes(4, "big")) * 2000,
    "header": b"FLV\x01\x05\xff\xff\xff\xff" + b"x" * 3000,
}


def test_hostile_flv(server, view, source, raw_origin):
    """Whatever an origin sends instead of a stream: its viewers wait, the server serves others, and
    truncated responses are tried again."""
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    preamble, gops = source
    good = flv.file_bytes([*preamble, *gops[0]])
    raw_origin.answers = {f"/live/{name}.flv": (head + data, 4096)
                          for name, data in HOSTILE.items()}
    raw_origin.answers.update({
        "/live/status.flv": (b"HTTP/1.1 999 What\r\n\r\n", 4096),
        "/live/no_http.flv": (b"\0" * 3000, 4096),
        "/live/endless_head.flv": (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000, 4096),
        "/live/bad_chunk.flv": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
                                4096),
        "/live/loop.flv": (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
                           b"/live/loop.flv\r\n\r\n", 4096),
        "/live/location.flv": (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
                               b"file:///etc/passwd\r\n\r\n", 4096),
        "/live/good.flv": (head + good, 4096),
    })
    edge = server(top={"max_message": "1m"}, vhost="cluster { mode remote; protocol flv; "
                  f"origin 127.0.0.1:{raw_origin.port}; }}")
    viewers = [view(edge, path) for path in raw_origin.answers if path != "/live/good.flv"]
    for name in ("garbage", "html", "long_tag", "header", "status", "no_http", "endless_head",
                 "bad_chunk", "loop", "location"):
        edge.wait_log(f"live/{name}: (no stream from|disconnected from)")
    last = view(edge, "/live/good.flv")
    last.wait_media(len(gops[0]))
    assert not any(viewer.media for viewer in viewers)


@needs_nginx
def test_nginx_as_origin(server, publish, nginx_rtmp, view):
    """The first scheme of the documents: nginx-rtmp behind a proxy, selected by src."""
    origin = nginx_rtmp()
    proxy = server(http_server=sources(a=f"rtmp://127.0.0.1:{origin.rtmp_port}"))
    publish(origin.rtmp_url("myapp/test"))
    address = "/live?src=a&port=1935&app=myapp&stream=test"
    assert ffmpeg_decode(proxy.http_url(address), 3) == ""
    viewer = view(proxy, address)
    viewer.wait_media(20)
    assert any(tag.is_script for tag in viewer.tags)


@needs_nginx
def test_all_kinds_behind_one_address(server, publish, nginx_rtmp, tmp_path):
    """The three origins of the documents: a is nginx-rtmp, b has addresses of nginx-http-flv, c is
    Millrace; each has a stream of the same name, and they are not mixed up."""
    first, second, third = nginx_rtmp(), server(http_server=sources()), server()
    proxy = server(http_server=sources(
        a=f"rtmp://127.0.0.1:{first.rtmp_port}",
        b=f"http://127.0.0.1:{second.http_port}/live",
        c=f"http://127.0.0.1:{third.http_port}/[app]/[stream].flv"))
    widths = {"a": "160", "b": "192", "c": "224"}
    for name, origin in (("a", first), ("b", second), ("c", third)):
        movie = make_source(tmp_path / f"{name}.flv", seconds=4, size=f"{widths[name]}x90")
        publish(origin.rtmp_url("myapp/test"), source=movie)
    for name, width in widths.items():
        address = proxy.http_url(f"/live?src={name}&port=1935&app=myapp&stream=test")

        def found():
            streams = ffprobe(address)["streams"]
            return {str(s.get("width")) for s in streams if s["codec_type"] == "video"}

        wait_for(lambda: found() == {width}, 30, f"{name}'s video")


@needs_nginx
@pytest.mark.parametrize("more", ["", "wait_video on;"])
def test_nginx_pushes_to_us(server, publish, nginx_rtmp, more):
    """The second scheme: nginx-rtmp accepts the encoder and pushes the stream here, where browsers
    watch. If it is not configured to wait for video, the first seconds have only audio."""
    srv = server()
    origin = nginx_rtmp(push=f"rtmp://127.0.0.1:{srv.rtmp_port}/myapp", more=more)
    publish(origin.rtmp_url("myapp/test"))
    srv.wait_log("start publish __defaultVhost__/myapp/test")

    def codecs():
        return {s["codec_name"] for s in ffprobe(srv.http_url("/myapp/test.flv"))["streams"]}

    if more:
        assert codecs() == {"h264", "aac"}
    wait_for(lambda: codecs() == {"h264", "aac"}, 20, "both tracks")
    assert ffmpeg_decode(srv.http_url("/myapp/test.flv"), 2) == ""


@needs_nginx
def test_edge_of_nginx_waits(server, publish, nginx_rtmp, view):
    """An edge whose origin is nginx: a viewer that connects first plays when the encoder starts,
    and stays connected over a restart of the encoder."""
    origin = nginx_rtmp()
    edge = server(vhost=f"cluster {{ mode remote; origin 127.0.0.1:{origin.rtmp_port}; }}")
    viewer = view(edge, "/live/livestream.flv")
    edge.wait_log("waiting for stream at")
    first = publish(origin.rtmp_url("live/livestream"))
    viewer.wait_media(50)
    first.stop()
    count = len(viewer.media)
    publish(origin.rtmp_url("live/livestream"))
    viewer.wait_media(count + 60, timeout=20)
    flv.check_times(viewer.tags)
    wait_for(lambda: viewer.error is None, 1)
