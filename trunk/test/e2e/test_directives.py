"""What the directives of play, publish and vhost promise, seen from outside, one by one.

"At once" and "not before" are distinguished by round trips: a frame is sent when the one before has
arrived, so that waits add up to seconds where there are any, and only lower bounds are measured.
"""

import ctypes
import os
import socket
import stat
import struct
import time

import pytest

import flv
import rtmp_client as rc
from rtmp_client import player, publisher
from rtmp_kit import audio_frame, inter, key, start_of_stream, synced

libc = ctypes.CDLL(None, use_errno=True)
PIDFD_GETFD = 438


def rounds(source, arrives, count, begin=1):
    """Sends a frame, waits until it has arrived, and so on; returns the seconds that this takes."""
    since = time.monotonic()
    for i in range(begin, begin + count):
        source.message(rc.VIDEO, i * 40, inter(b"%c" % (64 + i)))
        arrives(i * 40)
    return time.monotonic() - since


def over_rtmp(srv, open_all):
    viewer = open_all(player, srv)
    assert viewer.media(1)[0].is_keyframe

    def arrives(time_ms):
        assert viewer.media(1, timeout=30)[0].time == time_ms
    return arrives


def over_http(srv, view):
    viewer = view(srv, "/live/s.flv")
    viewer.wait_media(1)
    return lambda time_ms: viewer.wait_time(time_ms, 30)


@pytest.mark.parametrize("vhost, play", [
    ({}, {}), ({}, {"mw_latency": 0}), ({"min_latency": "on"}, {"mw_latency": 2000}),
], ids=["auto", "0", "min_latency"])
def test_each_frame_at_once(server, view, open_all, headers, vhost, play):
    srv = server(vhost=vhost, play=play)
    source = open_all(publisher, srv)
    start_of_stream(source, headers)
    for arrives in (over_rtmp(srv, open_all), over_http(srv, view)):
        # Twelve intervals of two seconds would take 24.
        assert rounds(source, arrives, 12) < 18
        start_of_stream(source, headers)


@pytest.mark.parametrize("play", [{"mw_latency": 1000},
                                  {"mw_latency": 0, "send_min_interval": 1000}],
                         ids=["mw_latency", "send_min_interval"])
def test_writes_are_apart(server, view, open_all, headers, play):
    srv = server(play=play)
    source = open_all(publisher, srv)
    start_of_stream(source, headers)
    http, rtmp = over_http(srv, view), over_rtmp(srv, open_all)

    def arrives(time_ms):
        http(time_ms)
        rtmp(time_ms)
    # At the first of them the interval may be over.
    assert rounds(source, arrives, 4) > 2.5


@pytest.mark.parametrize("play", [{}, {"audio_wait": "off"}], ids=["on", "off"])
def test_audio_does_not_wait_for_video_that_does_not_come(server, view, open_all, headers, play):
    """It waits for one picture's time. In both ways all arrives in its order."""
    srv = server(play=play)
    source = open_all(publisher, srv)
    start_of_stream(source, headers)
    source.message(rc.AUDIO, 0, audio_frame())
    viewer = view(srv, "/live/s.flv")
    viewer.wait_media(1)
    # The server measures a picture's time once a second.
    began, i = time.monotonic(), 1
    while time.monotonic() < began + 2.2:
        source.message(rc.AUDIO, i * 40 - 20, audio_frame())
        source.message(rc.VIDEO, i * 40, inter())
        viewer.wait_time(i * 40, 30)
        i += 1
    for sound in range(3):
        source.message(rc.AUDIO, i * 40 + sound, audio_frame())
        viewer.wait_time(i * 40 + sound, 30)
    source.message(rc.AUDIO, i * 40 + 5, audio_frame())
    source.message(rc.VIDEO, i * 40 + 6, inter())
    viewer.wait_time(i * 40 + 6, 30)
    assert [(tag.is_video, tag.time) for tag in viewer.media[-5:]] == \
        [(False, i * 40), (False, i * 40 + 1), (False, i * 40 + 2), (False, i * 40 + 5),
         (True, i * 40 + 6)]


def chunk_of(stream):
    """The next chunk of a chunked answer."""
    return stream.read(int(stream.readline(), 16) + 2)[:-2]


def test_mw_msgs(server, open_all, headers):
    """The number of frames in one write: the same five in one HTTP chunk, or one by one."""
    for play, sizes in (({"mw_msgs": 5}, [5]), ({}, [1] * 5)):
        srv = server(play=play)
        source = open_all(publisher, srv)
        start_of_stream(source, headers)
        synced(source)
        with socket.create_connection(("127.0.0.1", srv.http_port), 20) as viewer:
            viewer.sendall(b"GET /live/s.flv HTTP/1.1\r\nHost: a\r\n\r\n")
            stream = viewer.makefile("rb")
            while stream.readline().strip():
                pass
            first = flv.parse(chunk_of(stream))
            assert first.tags[-1].is_keyframe
            # It rests in its place once its connection has nothing more to do: see other answers.
            rest = socket.create_connection(("127.0.0.1", srv.http_port), 20)
            rest.sendall(b"GET /none HTTP/1.0\r\n\r\n")
            while rest.recv(4096):
                pass
            rest.close()
            sent, got = 0, []
            for size in sizes:
                for _ in range(size):
                    sent += 1
                    source.message(rc.VIDEO, sent * 40, inter())
                    synced(source)
                tags = flv.Reader()
                tags.feed(flv.header_bytes() + chunk_of(stream))
                got.append(len(tags.tags))
            assert got == sizes


def peer_of(one):
    try:
        return one.getpeername()
    except OSError:
        return None


def descriptor_of(srv, ours):
    """A duplicate of the server's end of our connection, as a socket."""
    for pid in srv.processes():
        try:
            pidfd = os.pidfd_open(pid)
        except OSError as why:
            pytest.skip(f"no descriptor of a process: {why}")
        for number in os.listdir(f"/proc/{pid}/fd"):
            fd = libc.syscall(PIDFD_GETFD, pidfd, int(number), 0)
            if fd < 0:
                if ctypes.get_errno() in (1, 38):  # EPERM, ENOSYS
                    pytest.skip("descriptors of another process are out of reach here")
                continue
            if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.close(fd)
                continue
            one = socket.socket(fileno=fd)
            if peer_of(one) == ours.getsockname():
                os.close(pidfd)
                return one
            one.close()
        os.close(pidfd)
    raise AssertionError("the server has no such connection")


@pytest.mark.parametrize("vhost, nodelay", [
    ({}, 0), ({"tcp_nodelay": "on"}, 1), ({"min_latency": "on"}, 1),
], ids=["off", "tcp_nodelay", "min_latency"])
def test_tcp_nodelay(server, open_all, headers, vhost, nodelay):
    srv = server(vhost=vhost)
    source = open_all(publisher, srv)
    start_of_stream(source, headers)
    viewer = open_all(player, srv)
    viewer.media(1)
    with socket.create_connection(("127.0.0.1", srv.http_port), 20) as other:
        other.sendall(b"GET /live/s.flv HTTP/1.1\r\nHost: a\r\n\r\n")
        assert other.recv(10) == b"HTTP/1.1 2"
        for ours in (viewer.socket, other):
            with descriptor_of(srv, ours) as theirs:
                assert (theirs.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0) == nodelay


def test_mr(server, open_all, headers):
    """Data from a publisher stays in the socket until the next piece is read."""
    srv = server(publish={"mr": "on", "mr_latency": 800})
    source = open_all(publisher, srv)
    start_of_stream(source, headers)
    since = time.monotonic()
    for _ in range(4):
        synced(source)
    assert time.monotonic() - since > 1.8


def test_in_ack_size(server, open_all, headers):
    srv = server(vhost={"in_ack_size": 3000})
    source = open_all(publisher, srv)
    source.message(rc.VIDEO, 0, key(size=4000))
    ack = source.until(lambda m: m.type == rc.ACK)[-1]
    assert ack.number > 4000


def test_gop_cache_max_frames(server, view, open_all, headers):
    """A longer GOP is not cached: a new viewer starts at the next keyframe."""
    srv = server(play={"gop_cache_max_frames": 5})
    source = open_all(publisher, srv)
    start_of_stream(source, headers)
    for i in range(1, 10):
        source.message(rc.VIDEO, i * 40, inter())
    synced(source)
    viewer = view(srv, "/live/s.flv")
    srv.wait_log("start play|GET /live/s.flv|start .*live/s")
    source.message(rc.VIDEO, 400, key(b"2"))
    viewer.wait_media(1)
    assert viewer.media[0].data == key(b"2")


def test_atc(server, view, open_all, headers):
    """The encoder's own timestamps; over RTMP, too."""
    begin = 1_700_000_000
    srv = server(play={"atc": "on"})
    source = open_all(publisher, srv)
    start_of_stream(source, headers, begin)
    viewer = view(srv, "/live/s.flv")
    viewer.wait_media(1)
    assert viewer.media[0].time == begin
    assert open_all(player, srv).media(1)[0].time == begin


@pytest.mark.parametrize("atc_auto, first", [("on", 90000), ("off", 0)])
def test_atc_auto(server, open_all, headers, atc_auto, first):
    srv = server(play={"atc_auto": atc_auto})
    source = open_all(publisher, srv)
    source.message(rc.DATA, 0, rc.amf("@setDataFrame", "onMetaData", {"bravo_atc": "true"}))
    start_of_stream(source, headers, 90000)
    assert open_all(player, srv).media(1)[0].time == first


@pytest.mark.parametrize("mix_correct", ["on", "off"])
def test_mix_correct(server, view, open_all, headers, mix_correct):
    """Audio comes 60 ms before the video."""
    srv = server(play={"mix_correct": mix_correct})
    source = open_all(publisher, srv)
    start_of_stream(source, headers)
    sent = []
    for i in range(10):
        for kind, data, at in ((rc.AUDIO, audio_frame(b"%c" % (65 + i)), 60 + i * 40),
                               (rc.VIDEO, inter(b"%c" % (97 + i)), 40 + i * 40)):
            source.message(kind, at, data, csid=4 if kind == rc.AUDIO else 6)
            sent.append((at, data))
    synced(source)
    in_order = mix_correct == "on"
    viewer = open_all(player, srv)
    got = [(t.time, t.data) for t in viewer.media(17)[1:]]
    assert got == (sorted(sent) if in_order else sent)[:16]
    http = view(srv, "/live/s.flv")
    http.wait_media(17)
    assert [(t.time, t.data) for t in http.media][1:17] == got


@pytest.mark.parametrize("reduces", ["on", "off"])
def test_reduce_sequence_header(server, open_all, headers, reduces):
    srv = server(play={"reduce_sequence_header": reduces})
    source = open_all(publisher, srv)
    start_of_stream(source, headers)
    viewer = open_all(player, srv)
    viewer.media(1)
    start_of_stream(source, headers, 40)
    seen = viewer.until(lambda m: m.type == rc.VIDEO and m.data == key())
    repeated = [m.data for m in seen if m.data in headers]
    assert repeated == ([] if reduces == "on" else list(headers))


def test_extended_times_are_repeated_to_players(server, open_all, headers):
    """Timestamps over 2^24 ms in small chunks: each chunk has one, as the specification says."""
    srv = server(play={"time_jitter": "off"}, vhost={"chunk_size": 128})
    source = open_all(publisher, srv)
    start_of_stream(source, headers, 0x01000000)
    source.message(rc.VIDEO, 0x01000028, inter(b"e", 1000))
    viewer = open_all(player, srv)
    first, second = viewer.media(2)
    assert (first.time, second.time) == (0x01000000, 0x01000028)
    assert second.data == inter(b"e", 1000)
    assert struct.unpack_from(">I", second.data, 5)[0] == 1001
