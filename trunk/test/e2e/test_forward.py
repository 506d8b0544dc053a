"""Forwarding: to another server, to another vhost of the same one, to one that is away or slow."""

import socket
import threading

import pytest

import flv
from harness import ffmpeg_decode, free_port, have, run, wait_for
from rtmp import Publisher


def forward(*destinations):
    return f"forward {{ enabled on; destination {' '.join(destinations)}; }}"


@pytest.fixture
def view(server):
    """view(srv, "live/x.flv", …): a flv.Viewer that is closed before the server is."""
    assert server
    opened = []

    def start(srv, path="/live/livestream.flv", **options):
        one = flv.Viewer(srv.http_url(path), **options)
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def publisher(server):
    assert server
    opened = []

    def start(srv, stream="live/livestream"):
        one = Publisher(srv.rtmp_url(stream))
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.close()


@pytest.fixture(scope="session")
def source(source_flv):
    preamble, ring = flv.preamble_and_ring(flv.parse_file(source_flv).tags)
    return preamble, flv.split_gops(ring)


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


def test_frames_and_metadata_arrive(server, view, publisher, source):
    sink = server()
    srv = server(vhost=forward(f"127.0.0.1:{sink.rtmp_port}"))
    near, far = view(srv), view(sink)
    preamble, gops = source
    pub = publisher(srv)
    pub.send_tags(preamble)
    # One group first: who begins later than it came begins at its keyframe all the same.
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


def test_is_tried_again(server, publish):
    """A destination that comes later gets the stream within the three seconds' beat."""
    port = free_port()
    srv = server(vhost=forward(f"127.0.0.1:{port}"))
    publish(srv)
    srv.wait_log("forward .*refused")
    sink = server(top=f"listen {port};")
    sink.wait_log("start publish", timeout=8)
    assert ffmpeg_decode(sink.http_url(), 2) == ""


class Tarpit:
    """Speaks RTMP through another server, but after a while takes no more bytes."""

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


def test_slow_destination_slows_nobody(server, view, publisher, source):
    sink = server()
    tarpit = Tarpit(sink.rtmp_port, 200_000)
    # What a sanitizer keeps of freed memory is not the server's.
    srv = server(vhost=forward(f"127.0.0.1:{tarpit.port}"),
                 play={"queue_length": 2, "gop_cache_max_bytes": "2m"},
                 env={"ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=0"
                                      ":quarantine_size_mb=1"})
    viewer = view(srv)
    preamble, gops = source
    length = gops[-1][-1].time + 40
    pub = publisher(srv)
    pub.send_tags(preamble)
    memory = []
    count = 0
    for turn in range(20):
        for gop in gops:
            pub.send_tags(gop, offset=turn * length)
            count += len(gop)
            viewer.wait_media(count)
        if tarpit.held.is_set():
            memory.append(srv.memory_kb())
    assert tarpit.held.is_set()
    assert len(memory) > 10
    assert memory[-1] - memory[2] < 12_000, memory
    tarpit.close()


@pytest.mark.skipif(not have("nginx"), reason="no nginx")
def test_to_nginx(server, publish, nginx_rtmp):
    nginx = nginx_rtmp()
    srv = server(vhost=forward(f"127.0.0.1:{nginx.rtmp_port}"))
    publish(srv)
    srv.wait_log("forward .*: to rtmp://")
    found = run(["ffprobe", "-v", "error", "-show_streams",
                 f"rtmp://127.0.0.1:{nginx.rtmp_port}/live/livestream"], timeout=30).stdout
    assert "codec_name=h264" in found and "codec_name=aac" in found
