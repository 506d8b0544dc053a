"""Chunks and messages of RTMP: sizes, header types, timestamps, and malformed input, which closes
only its own connection."""

import re
import time

import pytest

import flv
import rtmp_client as rc
from harness import curl
from rtmp_client import Client, player, publisher
from rtmp_kit import audio_frame, inter, key, start_of_stream, synced

OFF = {"time_jitter": "off"}


# ---- chunks


@pytest.mark.parametrize("size", [1, 2, 13, 127, 129, 65537, 0x7FFFFFFF])
def test_chunk_sizes(server, open_all, headers, size):
    srv = server(play=OFF)
    client = open_all(publisher, srv)
    client.chunk_size(size)
    start_of_stream(client, headers)
    client.message(rc.VIDEO, 40, inter(b"c", 3000))
    client.message(rc.AUDIO, 0x01000000, audio_frame(b"c", 300), csid=4)
    synced(client)
    viewer = open_all(player, srv)
    tags = viewer.media(3)
    assert [t.data for t in tags] == [key(), inter(b"c", 3000), audio_frame(b"c", 300)]


@pytest.mark.parametrize("size", [0, 0x80000000, 0xFFFFFFFF])
def test_chunk_sizes_refused(server, open_all, size):
    srv = server()
    client = open_all(publisher, srv)
    client.control(rc.SET_CHUNK_SIZE, size)
    client.wait_closed()
    srv.wait_log("SetChunkSize")


def test_header_types(server, open_all, headers):
    srv = server(play=OFF)
    client = open_all(publisher, srv)
    start_of_stream(client, headers, 1000)
    data = inter(b"1", 10)
    client.send(client.header(1, 6, 40, len(data), rc.VIDEO) + data)      # 1040
    client.send(client.header(2, 6, 30) + inter(b"2", 10))                # 1070
    client.send(client.header(3, 6) + inter(b"3", 10))                    # 1100
    client.send(client.header(0, 6, 2000, len(data), rc.VIDEO) + inter(b"4", 10))
    client.send(client.header(3, 6) + inter(b"5", 10))                    # 4000: after fmt 0
    # A fresh chunk stream may begin with type 1: its delta counts from 0.
    client.send(client.header(1, 700, 4100, len(data), rc.VIDEO) + inter(b"6", 10))
    synced(client)
    viewer = open_all(player, srv)
    tags = viewer.media(7)
    assert [t.data for t in tags[1:]] == [inter(bytes([c]), 10) for c in b"123456"]
    assert [t.time - tags[0].time for t in tags] == [0, 40, 70, 100, 1000, 3000, 3100]


@pytest.mark.parametrize("raw, why", [
    (b"\x9f\0\0\0", "begins with type 2 or 3"),
    (b"\xdf", "begins with type 2 or 3"),
    (b"\x06\0\0\0\0\1\0\x09\1\0\0\0" + b"x" * 128 + b"\x06\0\0\0\0\1\0\x09\1\0\0\0",
     "type 0 chunk within a message"),
])
def test_header_types_refused(server, open_all, raw, why):
    srv = server()
    client = open_all(publisher, srv)
    client.send(raw)
    client.wait_closed()
    srv.wait_log(why)


@pytest.mark.parametrize("repeat", [True, False])
def test_extended_timestamps(server, open_all, headers, repeat):
    srv = server(play=OFF)
    client = open_all(publisher, srv)
    base = 0x01000000
    start_of_stream(client, headers, base)
    client.message(rc.VIDEO, base + 40, inter(b"1", 500), repeat=repeat)
    client.message(rc.AUDIO, base + 50, audio_frame(b"2", 500), csid=4, repeat=repeat)
    synced(client)
    viewer = open_all(player, srv)
    tags = viewer.media(3)
    assert [t.data for t in tags] == [key(), inter(b"1", 500), audio_frame(b"2", 500)]
    assert [t.time - tags[0].time for t in tags] == [0, 40, 50]


def test_interleaved_and_chunk_size_changed_within(server, open_all, headers):
    srv = server(play=OFF)
    client = open_all(publisher, srv)
    start_of_stream(client, headers)
    video, audio = inter(b"v", 400), audio_frame(b"s", 200)
    client.send(client.header(0, 6, 40, len(video), rc.VIDEO) + video[:128])
    client.send(client.header(0, 4, 45, len(audio), rc.AUDIO) + audio[:128])
    client.chunk_size(50)
    client.send(client.header(3, 6) + video[128:178])
    client.chunk_size(1000)
    client.send(client.header(3, 4) + audio[128:])
    client.send(client.header(3, 6) + video[178:])
    synced(client)
    viewer = open_all(player, srv)
    assert [t.data for t in viewer.media(3)] == [key(), audio, video]


def test_abort(server, open_all, headers):
    srv = server(play=OFF)
    client = open_all(publisher, srv)
    start_of_stream(client, headers)
    client.send(client.header(0, 6, 40, 500, rc.VIDEO) + b"x" * 128)
    client.control(rc.ABORT, 6)
    client.message(rc.VIDEO, 80, inter(b"y"))
    synced(client)
    viewer = open_all(player, srv)
    assert [t.data for t in viewer.media(2)] == [key(), inter(b"y")]


@pytest.mark.parametrize("cut", [0, 4, 10])
def test_aggregates(server, open_all, headers, cut):
    srv = server(play=OFF)
    client = open_all(publisher, srv)
    start_of_stream(client, headers)
    body = flv.tag_bytes(rc.VIDEO, 7000, inter(b"1")) + flv.tag_bytes(rc.AUDIO, 7010, audio_frame(b"2")) \
        + flv.tag_bytes(rc.AUDIO, 7020, audio_frame(b"3"))
    client.message(rc.AGGREGATE, 40, body[:len(body) - cut])
    client.message(rc.VIDEO, 100, inter(b"4"))
    synced(client)
    viewer = open_all(player, srv)
    want = [key(), inter(b"1"), audio_frame(b"2")] + ([audio_frame(b"3")] if cut <= 4 else []) + [inter(b"4")]
    tags = viewer.media(len(want))
    assert [t.data for t in tags] == want
    assert [t.time for t in tags][:3] == [0, 40, 50]


def test_empty_and_unknown_messages(server, open_all, headers):
    srv = server(play=OFF)
    client = open_all(publisher, srv)
    start_of_stream(client, headers)
    client.message(rc.AUDIO, 10, b"", csid=4)
    client.message(rc.VIDEO, 20, b"", csid=6)
    client.message(99, 20, b"what", csid=7)
    client.message(16, 20, b"shared object", csid=7)
    client.message(rc.DATA, 20, rc.amf("onTextData", {"text": "x"}), csid=5)
    client.message(rc.VIDEO, 40, b"\xf9\x01??", csid=6)  # a codec that nobody knows
    client.message(rc.VIDEO, 80, inter(b"e"), csid=6)
    synced(client)
    viewer = open_all(player, srv)
    viewer.until(lambda m: m.data == inter(b"e"))


def test_enhanced_video_passes_through(server, open_all, headers):
    srv = server(play=OFF)
    client = open_all(publisher, srv)
    record = b"\x90hvc1" + bytes(range(40))
    frame = b"\x93hvc1" + b"frame" * 30  # CodedFramesX, keyframe
    client.message(rc.VIDEO, 0, record)
    client.message(rc.AUDIO, 0, headers[1], csid=4)
    client.message(rc.VIDEO, 0, frame)
    client.message(rc.VIDEO, 40, b"\xa3hvc1" + b"next")
    synced(client)
    viewer = open_all(player, srv)
    seen = viewer.until(lambda m: m.data == b"\xa3hvc1" + b"next")
    assert [m.data for m in seen if m.type == rc.VIDEO] == [record, frame, b"\xa3hvc1" + b"next"]


def test_acknowledgements_and_ping(server, open_all, headers):
    srv = server()
    client = open_all(publisher, srv)
    client.control(rc.WINDOW, 10000)
    start_of_stream(client, headers)
    for at in range(1, 6):
        client.message(rc.VIDEO, at * 40, inter(b"w", 4000))
        synced(client)
    client.control(rc.WINDOW, 100)
    client.message(rc.VIDEO, 240, inter(b"w", 4000))
    ack = client.until(lambda m: m.type == rc.ACK)[-1]
    assert 20000 < ack.number < 60000


# ---- bad input


@pytest.fixture
def watched(server, open_all, headers):
    """A server with a stream and a player, and a check that they were not affected."""
    srv = server(top={"max_message": "64k"})
    client = open_all(publisher, srv, "watched")
    start_of_stream(client, headers)
    synced(client)
    viewer = open_all(player, srv, "watched")
    viewer.media(1)

    def check():
        client.message(rc.VIDEO, 40, inter(b"!"))
        assert viewer.media(1)[0].data == inter(b"!")
        synced(viewer)
        synced(client)

    return srv, check


def deep_amf(levels):
    return rc.amf("call", 9) + b"\x03\0\x01a" * levels + b"\x05" + b"\0\0\x09" * levels


BAD = {
    "a message beyond max_message": lambda c: c.send(c.header(0, 6, 0, 65537, rc.VIDEO)),
    "the longest message": lambda c: c.send(c.header(0, 6, 0, 0xFFFFFF, rc.VIDEO)),
    "too many chunk streams": lambda c: c.send(b"".join(
        c.header(0, n, 0, 5, rc.VIDEO) + b"x" * 5 for n in range(100, 200))),
    "a malformed command": lambda c: c.message(rc.COMMAND, 0, b"\x02\xff\xff"),
    "a command that is a number": lambda c: c.message(rc.COMMAND, 0, rc.amf(5)),
    "an endless string": lambda c: c.message(rc.COMMAND, 0, b"\x0c\xff\xff\xff\xff"),
    "deep AMF": lambda c: c.message(rc.COMMAND, 0, deep_amf(40)),
    "deeper AMF": lambda c: c.message(rc.COMMAND, 0, deep_amf(5000)),
    "many keys": lambda c: c.message(rc.COMMAND, 0, rc.amf(
        "call", 9, {str(n): n for n in range(3000)})),
    "noise": lambda c: c.send(bytes(range(255, 0, -1)) * 50),
    "a cut SetChunkSize": lambda c: c.message(rc.SET_CHUNK_SIZE, 0, b"\0\0", csid=2),
    "publish twice": lambda c: c.command("publish", 9, None, "x", "live", stream=1),
}


@pytest.mark.once
@pytest.mark.parametrize("what", BAD)
def test_bad_input_closes_only_itself(watched, open_all, what):
    srv, check = watched
    client = open_all(publisher, srv, "bad")
    try:
        BAD[what](client)
    except OSError:
        pass
    assert client.wait_closed() < 5
    srv.wait_log(r"\[warn\].*stop publish .*/live/bad ")
    check()


# The number of a process's first connections, with all that these allocate, at each of several
# workers.
@pytest.mark.one_process
def test_unfinished_messages_take_what_came(watched, open_all):
    srv, check = watched
    before = srv.memory_kb()
    clients = [open_all(publisher, srv, f"n{n}") for n in range(20)]
    for client in clients:
        client.chunk_size(0x7FFFFFFF)
        for csid in range(10, 60):
            client.send(client.header(0, csid, 0, 65000, rc.VIDEO) if csid == 59 else
                        client.header(0, csid, 0, 0, rc.VIDEO))
        client.send(b"x")
    check()
    assert srv.memory_kb() - before < 20 * 200


def test_ping_flood_is_bounded(watched, open_all):
    srv, check = watched
    client = open_all(player, srv, "watched")
    client.media(1)
    flood = client.chunks(rc.USER, 0, b"\0\x06abcd", csid=2, stream=0) * 20000
    client.socket.settimeout(5)
    begin = srv.memory_kb()
    try:
        for _ in range(20):  # and nothing is read
            client.send(flood)
    except OSError:
        pass
    check()
    assert srv.memory_kb() - begin < 8000


def test_sessions_are_logged(server, open_all, headers):
    srv = server()
    client = open_all(Client, srv.rtmp_port)
    client.handshake()
    client.connect("live?key=geheim")
    client.publish("s?token=geheim")
    start_of_stream(client, headers)
    synced(client)
    viewer = open_all(player, srv)
    viewer.media(1)
    viewer.close()
    srv.wait_log(r"stop play __defaultVhost__/live/s from 127.0.0.1, \d+ bytes received, \d+ sent: ")
    client.close()
    srv.wait_log(r"stop publish __defaultVhost__/live/s from 127.0.0.1, \d+ bytes received")
    assert len(re.findall("start publish", srv.log())) == 1
    assert len(re.findall("start play", srv.log())) == 1
    assert "geheim" not in srv.log()


def test_many_connect_and_publish_quickly(server, open_all):
    srv = server()
    times = []
    for n in range(20):
        begin = time.monotonic()
        open_all(publisher, srv, f"s{n}", schema=None)
        times.append(time.monotonic() - begin)
    # 40 ms would be a delayed acknowledgement for which something waits.
    assert min(times) < 0.04, times


def test_http_sees_what_rtmp_published(server, open_all, headers):
    srv = server()
    client = open_all(publisher, srv)
    start_of_stream(client, headers)
    client.message(rc.VIDEO, 40, inter(b"h"))
    synced(client)
    body = curl(srv.http_url("/live/s.flv"), seconds=2).body
    tags = flv.parse(body, may_be_cut=True).tags
    assert [t.data for t in tags if t.is_media] == [key(), inter(b"h")]
