"""Forwarding: to another server, to another vhost of the same one, to a server that is unreachable
or slow, to the destinations of a backend."""

import re
import socket
import ssl
import struct
import threading

import pytest

import flv
import nginx
import redisd
from harness import ffmpeg_decode, free_port, have, run, wait_for
from json_server import JsonServer
from rtmp_client import amf


def forward(*destinations, more=""):
    lines = f"destination {' '.join(destinations)};" if destinations else ""
    return f"forward {{ enabled on; {lines} {more} }}"


def test_to_two_servers(server, publish):
    sinks = [server(), server()]
    srv = server(vhost=forward(*(f"127.0.0.1:{one.rtmp_port}" for one in sinks)))
    publish(srv)
    for one in sinks:
        one.wait_log("start publish __defaultVhost__/live/livestream")
        assert ffmpeg_decode(one.http_url(), 2) == ""


def test_to_another_vhost_of_the_same_server(server, publish):
    port = free_port()
    srv = server(top=f"listen {port};",
                 vhost=forward(f"rtmp://127.0.0.1:{port}/[app]/[stream]?vhost=copy.example"),
                 vhosts="vhost copy.example { http_remux { enabled on; "
                        "mount [vhost]/[app]/[stream].flv; } }")
    publish(srv)
    srv.wait_log("start publish copy.example/live/livestream")
    assert ffmpeg_decode(srv.http_url("/live/livestream.flv?vhost=copy.example"), 2) == ""


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    run(["openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key",
         "-out", folder / "crt"])
    return folder


def test_over_tls(server, publisher, source, view, certificate):
    """rtmps, with a trusted certificate, and with one that is not trusted."""
    port = free_port()
    sink = server(top=f"rtmps {{ enabled on; listen {port}; key {certificate}/key; "
                      f"cert {certificate}/crt; }}")
    where = f"rtmps://127.0.0.1:{port}"
    wary = server(vhost=forward(where))
    srv = server(vhost=forward(where + "/[app]/[stream]", more=f"ca {certificate}/crt;"))
    preamble, gops = source
    publisher(wary)
    wary.wait_log("forward .*certificate")
    viewer = view(sink)
    pub = publisher(srv)
    pub.send_tags(preamble + gops[0])
    viewer.wait_media(len(gops[0]))
    srv.wait_log(f"forward .*: publishing to {where}")


def test_frames_and_metadata_arrive(server, view, publisher, source):
    sink = server()
    srv = server(vhost=forward(f"127.0.0.1:{sink.rtmp_port}"))
    near, far = view(srv), view(sink)
    preamble, gops = source
    pub = publisher(srv)
    pub.send_tags(preamble)
    # One GOP first: a forward that starts after it still starts at its keyframe.
    pub.send_tags(gops[0])
    near.wait_media(len(gops[0]))
    far.wait_media(len(gops[0]))
    pub.send_tags(gops[1])
    count = len(gops[0]) + len(gops[1])
    near.wait_media(count)
    far.wait_media(count)
    assert [t.key for t in near.media][:count] == [t.key for t in far.media][:count]
    assert any(t.is_script for t in far.tags)
    pub.unpublish()
    sink.wait_log("stop publish")
    # And again, at once.
    pub = publisher(srv)
    pub.send_tags(preamble)
    pub.send_tags(gops[2])
    far.wait_media(count + 10)


def test_the_largest_preamble(server, view, publisher):
    """Metadata and the sequence headers of two main and 16 further tracks, each nearly of the
    maximum length (1.2 MB together), then media: everything arrives complete, here and there."""
    def side(track):
        return bytes([0x96, 0x00]) + b"hvc1" + bytes([track]) + bytes(32000)

    meta = flv.Tag(flv.SCRIPT, 0, amf("onMetaData", {f"k{i}": "v" * 30000 for i in range(8)}))
    headers = [flv.Tag(flv.VIDEO, 0, b"\x17\0\0\0\0" + bytes(255 * 1024)),
               flv.Tag(flv.AUDIO, 0, b"\xaf\0" + bytes(255 * 1024))]
    sides = [flv.Tag(flv.VIDEO, 0, side(track)) for track in range(1, 17)]
    media = [flv.Tag(flv.VIDEO, 0, b"\x17\1\0\0\0" + bytes(100)),
             flv.Tag(flv.AUDIO, 0, b"\xaf\1" + bytes(100))]
    sink = server()
    srv = server(vhost=forward(f"127.0.0.1:{sink.rtmp_port}"))
    pub = publisher(srv)
    pub.send_tags([meta, *headers, media[0], *sides, media[1]])
    sink.wait_log("start publish")
    for one in (srv, sink):
        viewer = view(one, "/live/livestream.flv?track=all")
        viewer.wait(lambda v: any(t.data[:2] == b"\xaf\1" for t in v.tags))  # the last one sent
        assert viewer.tags[0].is_script and len(viewer.tags[0].data) > 200000
        # A viewer that joins during the extra headers starts before the last of them.
        assert len([t for t in viewer.tags if t.data[:2] == b"\x96\0"]) >= 16
        assert {t.key for t in headers} <= {t.key for t in viewer.tags}
    assert not srv.log().count("truncated tag in the stream")


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_long_metadata_through_an_edge(server, view, publisher, protocol):
    """A pull takes metadata as long as a publisher may send it."""
    origin = server()
    port = origin.rtmp_port if protocol == "rtmp" else origin.http_port
    edge = server(vhost=f"cluster {{ mode remote; origin 127.0.0.1:{port}; protocol {protocol}; }}")
    meta = flv.Tag(flv.SCRIPT, 0, amf("onMetaData", {f"k{i}": "v" * 30000 for i in range(8)}))
    publisher(origin).send_tags([meta, flv.Tag(flv.VIDEO, 0, b"\x17\0\0\0\0" + bytes(40)),
                                 flv.Tag(flv.AUDIO, 0, b"\xaf\0\x12\x10"),
                                 flv.Tag(flv.VIDEO, 0, b"\x17\1\0\0\0" + bytes(100)),
                                 flv.Tag(flv.AUDIO, 0, b"\xaf\1" + bytes(100))])
    viewer = view(edge, "/live/livestream.flv")
    viewer.wait_media(1)
    assert viewer.tags[0].is_script and len(viewer.tags[0].data) > 200000


def test_is_tried_again(server, publish):
    """A destination that comes up later gets the stream within the three seconds between two
    attempts."""
    port = free_port()
    srv = server(vhost=forward(f"127.0.0.1:{port}"))
    publish(srv)
    srv.wait_log("forward .*refused")
    sink = server(top=f"listen {port};")
    sink.wait_log("start publish", timeout=8)
    assert ffmpeg_decode(sink.http_url(), 2) == ""


class Tarpit:
    """Forwards RTMP to another server, but stops reading after a while."""

    def __init__(self, to, limit):
        self.to, self.limit, self.held = to, limit, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        self.conn, _ = self.listener.accept()
        self.up = socket.create_connection(("127.0.0.1", self.to))
        threading.Thread(target=self._back, daemon=True).start()
        taken = 0
        while taken < self.limit:
            data = self.conn.recv(16384)
            if not data:
                return
            taken += len(data)
            self.up.sendall(data)
        self.held.set()

    def _back(self):
        try:
            while data := self.up.recv(16384):
                self.conn.sendall(data)
        except OSError:
            pass

    def close(self):
        for one in (self.conn, self.up, self.listener):
            one.close()


def large_gops(count, frames=10, size=64 * 1024):
    """A preamble and GOPs of a second each: few frames, many bytes."""
    def video_frame(is_key, time_ms):
        nal = bytes([0x65 if is_key else 0x41]) + bytes(range(1, 256)) * (size // 255)
        head = bytes([0x17 if is_key else 0x27, 1, 0, 0, 0])
        return flv.Tag(flv.VIDEO, time_ms, head + struct.pack(">I", len(nal)) + nal)

    return [[video_frame(i == 0, (gop * frames + i) * 1000 // frames) for i in range(frames)]
            for gop in range(count)]


def test_slow_destination_slows_nobody(server, view, publisher, source):
    """A destination that stops reading blocks neither publisher nor viewers, and the server does
    not buffer for it."""
    sink = server()
    tarpit = Tarpit(sink.rtmp_port, 200_000)
    # Freed memory that a sanitizer keeps does not count as the server's.
    srv = server(vhost=forward(f"127.0.0.1:{tarpit.port}"),
                 play={"queue_length": 2, "gop_cache_max_bytes": "2m"},
                 env={"ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=0"
                                      ":quarantine_size_mb=1"})
    viewer = view(srv)
    preamble, _ = source
    pub = publisher(srv)
    pub.send_tags([tag for tag in preamble if tag.is_video])
    memory = []
    sent = 0
    for gop in large_gops(60):
        pub.send_tags(gop)
        sent += len(gop)
        viewer.wait_media(sent)
        if tarpit.held.is_set():
            memory.append(srv.memory_kb())
    # 640 KB each.
    assert len(memory) > 40
    assert memory[-1] - memory[4] < 12_000, memory
    tarpit.close()


def test_busy_destination_is_tried_again(server, publisher, source, view):
    """Another publisher has the stream there and keeps it; after it leaves, the forward gets it."""
    sink = server()
    preamble, gops = source
    theirs = publisher(sink)
    theirs.send_tags(preamble + gops[0])
    srv = server(vhost=forward(f"127.0.0.1:{sink.rtmp_port}"))
    pub = publisher(srv)
    srv.wait_log("forward .*NetStream.Publish.BadName")
    pub.send_tags(preamble + gops[1])
    viewer = view(sink)
    viewer.wait_media(len(gops[0]))
    assert not theirs.is_closed
    theirs.unpublish()
    srv.wait_log("forward .*: publishing to rtmp://", timeout=15)
    viewer.wait_media(len(gops[0]) + len(gops[1]))


def test_to_many_at_once(server, publisher, source, view):
    """Two vhosts of the same server and another server, one of them unreachable."""
    port = free_port()
    sink = server()
    local = f"rtmp://127.0.0.1:{port}/[app]/[stream]?vhost="
    mount = "http_remux { enabled on; mount [vhost]/[app]/[stream].flv; }"
    srv = server(top=f"listen {port};",
                 vhost=forward(local + "one.example", local + "two.example",
                               f"127.0.0.1:{free_port()}", f"127.0.0.1:{sink.rtmp_port}"),
                 vhosts=f"vhost one.example {{ {mount} }} vhost two.example {{ {mount} }}")
    path = "/live/livestream.flv"
    viewers = [view(srv, f"{path}?vhost=one.example"), view(srv, f"{path}?vhost=two.example"),
               view(sink, path), view(srv, path)]
    preamble, gops = source
    pub = publisher(srv)
    srv.wait_log("forward .*refused")
    pub.send_tags(preamble + gops[0])
    for one in viewers:
        one.wait_media(len(gops[0]))
    keys = [[tag.key for tag in one.media][:len(gops[0])] for one in viewers]
    assert keys.count(keys[0]) == len(keys)
    pub.unpublish()
    for name in ("one.example", "two.example"):
        srv.wait_log(f"stop publish {name}")


def test_vhosts_that_forward_to_each_other(server, publisher, source, view):
    """A ring: the stream already exists, so the last forward is refused, and nothing grows."""
    port = free_port()
    local = f"rtmp://127.0.0.1:{port}/[app]/[stream]?vhost="
    srv = server(top=f"listen {port};", vhost=forward(local + "copy.example"),
                 vhosts=f"vhost copy.example {{ {forward(local + '__defaultVhost__')} }}")
    viewer = view(srv)
    preamble, gops = source
    pub = publisher(srv)
    srv.wait_log("forward copy.example.*BadName")
    pub.send_tags(preamble + gops[0])
    viewer.wait_media(len(gops[0]))
    pub.unpublish()
    srv.wait_log("stop publish copy.example")


def test_forward_that_renames_the_stream_ends(server, publisher):
    """A server that forwards to itself under another name, and from there again, and so on."""
    port = free_port()
    srv = server(top=f"listen {port};",
                 vhost=forward(f"rtmp://127.0.0.1:{port}/[app]/[stream]x"))
    pub = publisher(srv)
    srv.wait_log("forward .*too many servers")
    assert srv.log().count("start publish") == 9
    pub.unpublish()
    srv.wait_log("stop publish .*livestreamxxxxxxxx ")


def test_one_forward_per_server(server, publisher, source, view):
    """However many workers have viewers, and although the encoder connected through an edge."""
    sink = server()
    srv = server(top={"workers": 2}, vhost=forward(f"127.0.0.1:{sink.rtmp_port}"))
    edge = server(vhost=f"cluster {{ mode remote; origin 127.0.0.1:{srv.rtmp_port}; }}")
    preamble, gops = source
    pub = publisher(edge)
    sink.wait_log("start publish")
    viewers = [view(srv)]

    def both_watch():
        # The kernel decides which worker gets a connection.
        if len(viewers) < 60:
            viewers.append(view(srv))
        return "receiving from /" in srv.log()

    pub.send_tags(preamble + gops[0])
    viewers.append(view(edge))
    wait_for(both_watch, 20, "the other worker to fetch the stream")
    pub.send_tags(gops[1])
    far = view(sink)
    for one in viewers + [far]:
        one.wait_media(len(gops[1]))
    assert sink.log().count("start publish") == 1
    assert len(re.findall("forward .*: publishing to rtmp", srv.log())) == 1
    assert "forward __default" not in edge.log()


@pytest.mark.skipif(not nginx.MODULE.exists(), reason="no libnginx-mod-rtmp")
def test_to_nginx(server, publish, nginx_rtmp):
    sink = nginx_rtmp()
    srv = server(vhost=forward(f"127.0.0.1:{sink.rtmp_port}"))
    publish(srv)
    srv.wait_log("forward .*: publishing to rtmp://")
    found = run(["ffprobe", "-v", "error", "-show_streams",
                 f"rtmp://127.0.0.1:{sink.rtmp_port}/live/livestream"], timeout=30).stdout
    assert "codec_name=h264" in found and "codec_name=aac" in found


@pytest.mark.skipif(not have("redis-server"), reason="no redis-server")
def test_with_a_directory(server, publisher, source, view, tmp_path):
    """Of origins that share a directory, the encoder's origin forwards, not one that pulls the
    stream from it."""
    store = redisd.Redis(tmp_path / "redis")
    try:
        sink = server()
        where = (f"cluster {{ directory redis://127.0.0.1:{store.port}; }} "
                 + forward(f"127.0.0.1:{sink.rtmp_port}"))
        first, second = server(vhost=where), server(vhost=where)
        for one in (first, second):
            one.wait_log("directory .*connected")
        preamble, gops = source
        pub = publisher(first)
        pub.send_tags(preamble + gops[0])
        sink.wait_log("start publish")
        far = view(second)
        second.wait_log("receiving from")
        pub.send_tags(gops[1])
        far.wait_media(len(gops[1]))
        assert sink.log().count("start publish") == 1
        assert "forward __default" not in second.log()
    finally:
        store.kill()


# ---- the backend ----


@pytest.fixture
def backend(server):
    """backend(answer, …): a JsonServer, closed before the servers are."""
    assert server
    opened = []

    def start(answer=None, **options):
        one = JsonServer(answer, **options)
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.close()


def urls(*addresses):
    return {"code": 0, "data": {"urls": list(addresses)}}


def test_backend_says_where(server, publisher, source, view, backend):
    """Queried in SRS's format, once for each publication; its answer replaces destination."""
    sink, other = server(), server()
    asked = backend(urls(f"rtmp://127.0.0.1:{sink.rtmp_port}/test/teststream",
                         f"127.0.0.1:{sink.rtmp_port}"))
    srv = server(vhost=forward(f"127.0.0.1:{other.rtmp_port}", more=f"backend {asked.url()};"))
    viewers = [view(sink, "/test/teststream.flv"), view(sink, "/live/livestream.flv")]
    preamble, gops = source
    pub = publisher(srv, "live/livestream?forward=somewhere&token=x")
    pub.send_tags(preamble)
    pub.send_tags(gops[0])
    for one in viewers:
        one.wait_media(len(gops[0]))
    question = asked.questions[0]
    assert question.pop("client_id") in srv.log()
    assert question.pop("server_id") and len(question.pop("service_id")) == 8
    assert question == {"action": "on_forward", "ip": "127.0.0.1", "vhost": "__defaultVhost__",
                        "app": "live", "tcUrl": srv.rtmp_url("live").rstrip("/"),
                        "stream": "livestream", "param": "?forward=somewhere&token=x"}
    assert asked.headers[0]["Content-Type"] == "application/json"
    pub.unpublish()
    srv.wait_log("stop publish")
    publisher(srv).send_tags(preamble + gops[0])
    wait_for(lambda: len(asked.questions) == 2, 10, "the second question")
    assert "start publish" not in other.log()


def test_backend_without_destinations(server, publisher, backend):
    other = server()
    asked = backend(urls())
    srv = server(vhost=forward(f"127.0.0.1:{other.rtmp_port}", more=f"backend {asked.url()};"))
    publisher(srv)
    srv.wait_log("forward .* backend .* returned 0 destinations")
    assert "start publish" not in other.log()


@pytest.mark.parametrize("answer, why", [(b"no json", "not JSON"),
                                         ({"code": 7, "data": {"urls": []}}, "code 7"),
                                         (urls("http://127.0.0.1/x"), "is not rtmp")],
                         ids=["text", "refusal", "address"])
def test_backend_with_a_malformed_answer(server, publisher, source, view, backend, answer, why):
    """The publisher continues, the log says why, and the configured destinations are used."""
    sink = server()
    asked = backend(answer)
    srv = server(vhost=forward(f"127.0.0.1:{sink.rtmp_port}", more=f"backend {asked.url()};"))
    viewer = view(sink)
    preamble, gops = source
    pub = publisher(srv)
    srv.wait_log(f"forward .*http://127.0.0.1:{asked.port}: .*{why}")
    pub.send_tags(preamble + gops[0])
    viewer.wait_media(len(gops[0]))


def test_backend_with_the_wrong_status(server, publisher, backend):
    asked = backend(urls())
    asked.status = 500
    srv = server(vhost=forward(more=f"backend {asked.url()};"))
    pub = publisher(srv)
    srv.wait_log("forward .*status 500")
    # It is queried again until it answers.
    asked.status = 200
    srv.wait_log("forward .* backend .* returned 0 destinations", timeout=15)
    assert not pub.is_closed


def test_backend_that_becomes_reachable(server, publisher, source, view, backend):
    """Meanwhile the configured destination gets the stream; after the answer, the destination of
    the answer."""
    sink, other = server(), server()
    port = free_port()
    srv = server(vhost=forward(f"127.0.0.1:{other.rtmp_port}",
                               more=f"backend http://127.0.0.1:{port}/forward;"))
    viewer = view(sink)
    preamble, gops = source
    pub = publisher(srv)
    pub.send_tags(preamble + gops[0])
    other.wait_log("start publish")
    backend(urls(f"127.0.0.1:{sink.rtmp_port}"), port=port)
    sink.wait_log("start publish", timeout=15)
    other.wait_log("stop publish")
    pub.send_tags(gops[1])
    viewer.wait_media(len(gops[1]))


def test_backend_that_does_not_answer(server, publisher, source, view, backend):
    """The publisher does not wait for the query; when it leaves, the query ends."""
    asked = backend(urls())
    asked.hold = threading.Event()
    srv = server(vhost=forward(more=f"backend {asked.url()};"))
    viewer = view(srv)
    preamble, gops = source
    pub = publisher(srv)
    wait_for(lambda: asked.questions, 10, "the question")
    pub.send_tags(preamble + gops[0])
    viewer.wait_media(len(gops[0]))
    srv.stop()


def test_backend_over_https(server, publisher, backend, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "crt", certificate / "key")
    asked = backend(urls(), context=context)
    wary = server(vhost=forward(more=f"backend {asked.url()};"))
    publisher(wary)
    wary.wait_log("forward .*certificate")
    srv = server(vhost=forward(more=f"backend {asked.url()}; ca {certificate}/crt;"))
    publisher(srv)
    srv.wait_log("forward .* backend .* returned 0 destinations")
