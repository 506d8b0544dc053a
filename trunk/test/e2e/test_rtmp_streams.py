"""Several message streams on one RTMP connection: they publish and play at the same time, and
events on one do not affect the others."""

import re
import time

import pytest

import rtmp_client as rc
from rtmp_client import Client, player, publisher
from rtmp_kit import audio_frame, inter, key, start_of_stream, synced

OFF = {"time_jitter": "off"}


class Streams(Client):
    """A client with several message streams that sorts received messages by stream."""

    def __init__(self, srv):
        super().__init__(srv.rtmp_port, timeout=10)
        self.handshake()
        self.connect()

    def create(self, expected):
        self.command("createStream", 100 + expected, None)
        assert self.until("_result")[-1].values[3] == expected

    def status(self, stream, code):
        """The next onStatus of this stream, which must have this code."""
        got = self.until(lambda m: m.type == rc.COMMAND and m.name == "onStatus" and
                         m.stream == stream)[-1]
        assert got.code == code, got
        return got

    def publishes(self, name, stream, code="NetStream.Publish.Start"):
        self.command("publish", 0, None, name, "live", stream=stream)
        return self.status(stream, code)

    def plays(self, name, stream):
        self.command("play", 0, None, name, -2, stream=stream)
        return self.until(lambda m: m.name == "|RtmpSampleAccess" and m.stream == stream)

    def begin(self, headers, stream):
        self.message(rc.VIDEO, 0, headers[0], csid=6, stream=stream)
        self.message(rc.AUDIO, 0, headers[1], csid=4, stream=stream)

    def video(self, data, stream, time_ms=0):
        self.message(rc.VIDEO, time_ms, data, csid=6, stream=stream)

    def gets(self, data, stream):
        """Reads until this message of this stream."""
        return self.until(lambda m: m.type in (rc.AUDIO, rc.VIDEO) and m.data == data and
                          m.stream == stream)


@pytest.fixture
def two(server, open_all, headers):
    """A server and a client that publishes "s" and "t" on its streams 1 and 2."""
    def make(**options):
        srv = server(**options)
        source = open_all(Streams, srv)
        for number, name in ((1, "s"), (2, "t")):
            source.create(number)
            source.publishes(name, number)
            source.begin(headers, number)
            source.video(key(name.encode()), number)
        return srv, source
    return make


def test_publish_beside_publish(two, open_all, headers):
    srv, source = two()
    viewers = [open_all(player, srv, name) for name in ("s", "t")]
    for name, viewer in zip((b"s", b"t"), viewers):
        assert viewer.media(1)[0].data == key(name)
    for at in range(40, 440, 40):
        for number in (1, 2):
            source.video(inter(b"%d of %d" % (at, number), 3000), number, at)
    for number, viewer in zip((1, 2), viewers):
        assert [tag.data for tag in viewer.media(10)] == [
            inter(b"%d of %d" % (at, number), 3000) for at in range(40, 440, 40)]
    # One ends, and the other continues; its id is reused.
    source.command("deleteStream", 0, None, 2)
    source.status(2, "NetStream.Unpublish.Success")
    srv.wait_log("stop publish .*/t from")
    source.video(key(b"on"), 1, 480)
    assert viewers[0].media(1)[0].data == key(b"on")
    source.create(2)
    source.publishes("u", 2)
    source.begin(headers, 2)
    source.video(key(b"u"), 2)
    assert open_all(player, srv, "u").media(1)[0].data == key(b"u")
    # The first one ends, and the later one continues.
    source.command("closeStream", 0, None, stream=1)
    srv.wait_log("stop publish .*/s from")
    source.video(key(b"still"), 2, 40)
    open_all(player, srv, "u").until(lambda m: m.type == rc.VIDEO and m.data == key(b"still"))
    source.close()
    srv.wait_log("stop publish .*/u from")


def test_unpublish_by_name(two, open_all):
    srv, source = two()
    viewer = open_all(player, srv, "s")
    viewer.media(1)
    source.command("FCUnpublish", 50, None, "t?a=b")
    source.until("_result")
    srv.wait_log("stop publish .*/t from")
    source.command("FCUnpublish", 51, None, "nobody")  # the only one that is left is meant
    srv.wait_log("stop publish .*/s from")


def test_play_beside_play(two, open_all):
    """The first one continues where it was: no frame is lost or repeated."""
    srv, source = two(play=OFF)
    viewer = open_all(Streams, srv)
    viewer.create(1)
    viewer.plays("s", 1)
    viewer.create(2)
    size = 150000
    for at in range(40, 240, 40):
        source.video(inter(b"%03d" % at, size // 3), 1, at)
    viewer.command("play", 0, None, "t", -2, stream=2)
    for at in range(240, 440, 40):
        for number in (1, 2):
            source.video(inter(b"%03d" % at, size // 3), number, at)
    left = {1: [key(b"s")] + [inter(b"%03d" % at, size // 3) for at in range(40, 440, 40)],
            2: [key(b"t")] + [inter(b"%03d" % at, size // 3) for at in range(240, 440, 40)]}
    csids = {1: set(), 2: set()}
    while left[1] or left[2]:
        message = viewer.until(lambda m: m.type == rc.VIDEO and m.data[1] == 1)[-1]
        assert message.data == left[message.stream].pop(0)
        csids[message.stream].add(message.csid)
    assert not csids[1] & csids[2]
    # Messages for one stream do not affect the other.
    viewer.command("pause", 0, None, True, 0, stream=1)
    viewer.status(1, "NetStream.Pause.Notify")
    viewer.command("play", 0, None, "s", -2, stream=2)
    viewer.status(2, "NetStream.Play.Stop")
    viewer.gets(key(b"s"), 2)
    viewer.command("closeStream", 0, None, stream=1)
    source.video(key(b"on"), 1, 480)
    viewer.gets(key(b"on"), 2)


@pytest.mark.parametrize("first", ["publish", "play"])
def test_publish_beside_play(server, open_all, headers, first):
    """A client that sends and receives on one connection, including its own stream."""
    srv = server()
    far = open_all(publisher, srv, "far")
    start_of_stream(far, headers)
    client = open_all(Streams, srv)
    sends, plays = (1, 2) if first == "publish" else (2, 1)
    client.create(1)
    client.create(2)
    client.create(3)
    if first == "play":
        client.plays("far", plays)
    client.publishes("near", sends)
    client.begin(headers, sends)
    client.video(key(b"near"), sends)
    if first == "publish":
        client.plays("far", plays)
    client.gets(key(), plays)
    assert open_all(player, srv, "near").media(1)[0].data == key(b"near")
    client.plays("near", 3)
    client.gets(key(b"near"), 3)
    for at in range(40, 240, 40):
        client.message(rc.AUDIO, at, audio_frame(b"%d" % at), csid=4, stream=sends)
        client.gets(audio_frame(b"%d" % at), 3)
        far.message(rc.VIDEO, at, inter(b"%d" % at))
        client.gets(inter(b"%d" % at), plays)
    # Aggregates and metadata belong to their stream, too.
    client.message(rc.DATA, 240, rc.amf("onTextData", {"text": "here"}), csid=5, stream=sends)
    client.until(lambda m: m.name == "onTextData" and m.stream == 3)
    # The published stream ends for its player, and the other continues.
    client.command("deleteStream", 0, None, sends)
    srv.wait_log("stop publish .*/near from")
    far.message(rc.VIDEO, 280, key(b"280"))
    client.gets(key(b"280"), plays)


def test_end_of_one(server, open_all, headers):
    srv = server(remux={"republish_wait": 300, "standby_timeout": 300})
    sources = [open_all(publisher, srv, name) for name in ("s", "t")]
    for source in sources:
        start_of_stream(source, headers)
        synced(source)
    viewer = open_all(Streams, srv)
    for number, name in ((1, "s"), (2, "t"), (3, "nobody")):
        viewer.create(number)
        viewer.plays(name, number)
    viewer.status(3, "NetStream.Play.StreamNotFound")
    for number in (1, 2):
        sources[number - 1].message(rc.VIDEO, 40, key(b"one"))
        viewer.gets(key(b"one"), number)
    sources[0].close()
    viewer.status(1, "NetStream.Play.UnpublishNotify")
    viewer.status(1, "NetStream.Play.Stop")
    sources[1].message(rc.VIDEO, 80, key(b"on"))
    viewer.gets(key(b"on"), 2)
    sources[1].close()
    viewer.status(2, "NetStream.Play.UnpublishNotify")
    viewer.status(2, "NetStream.Play.Stop")
    # The connection ends with the last one, as it does with a single stream.
    assert viewer.wait_closed() < 5


def test_refusal_of_one(two, open_all):
    srv, source = two(top="max_publishers 4;")
    rival = open_all(publisher, srv, "busy")
    source.create(3)
    source.publishes("busy", 3, "NetStream.Publish.BadName")
    source.create(4)
    source.command("createStream", 60, None)
    assert source.until("_error")[-1].code == "NetConnection.Call.Failed"
    source.command("publish", 0, None, "x", "live", stream=7)
    source.status(7, "NetStream.Publish.Failed")
    source.publishes("v", 4)
    # Each counts against the limits.
    source.command("deleteStream", 0, None, 3)
    source.create(3)
    said = source.publishes("w", 3, "NetStream.Publish.Failed")
    assert "max_publishers" in said.values[3]["description"]
    viewer = open_all(player, srv, "s")
    viewer.media(1)
    source.video(key(b"on"), 1, 40)
    assert viewer.media(1)[0].data == key(b"on")
    rival.close()


def test_takeover_of_one(two, open_all, headers):
    srv, source = two(publish={"takeover": "replace"})
    viewer = open_all(player, srv, "s")
    viewer.media(1)
    for name, number in (("t", 2), ("s", 1)):
        rival = open_all(publisher, srv, name)
        source.status(number, "NetStream.Publish.BadName")
        start_of_stream(rival, headers)
        if number == 2:
            source.video(key(b"on"), 1, 40)
            assert viewer.media(1)[0].data == key(b"on")
    assert source.wait_closed() < 5


def test_timeout_of_one(two, open_all):
    srv, source = two(publish={"normal_timeout": 1500})
    viewer = open_all(player, srv, "s")
    viewer.media(1)
    at = 0
    while not re.search("stop publish .*/t from .*normal_timeout", srv.log()):
        at += 40
        source.video(key(b"%d" % at), 1, at)
        viewer.until(lambda m: m.type == rc.VIDEO and m.data == key(b"%d" % at))
        time.sleep(0.04)
    assert not re.search("stop publish .*/s from", srv.log())


def test_at_an_edge(server, open_all, headers):
    """An edge relays both to the origin, and pulls the stream that is played at the same time."""
    origin = server()
    edge = server(vhost=f"cluster {{ mode remote; origin 127.0.0.1:{origin.rtmp_port}; "
                        "protocol rtmp; }")
    source = open_all(Streams, edge)
    for number, name in ((1, "s"), (2, "t")):
        source.create(number)
        source.publishes(name, number)
        source.begin(headers, number)
        source.video(key(name.encode()), number)
    for name in ("s", "t"):
        assert open_all(player, origin, name).media(1)[0].data == key(name.encode())
    source.create(3)
    source.plays("t", 3)
    source.gets(key(b"t"), 3)
    source.command("deleteStream", 0, None, 1)
    origin.wait_log("stop publish .*/s from")
    source.video(key(b"on"), 2, 40)
    source.gets(key(b"on"), 3)


def test_connection_breaks(two, open_all):
    """All streams end with their connection, and with the server (the fixture stops it)."""
    srv, source = two()
    hostile = open_all(Streams, srv)
    for number in (1, 2):
        hostile.create(number)
        hostile.plays("st"[number - 1], number)
    hostile.send(b"\xff" * 64)
    assert hostile.wait_closed() < 5
    for name in "st":
        srv.wait_log(f"stop play .*/{name} from")
    viewer = open_all(Streams, srv)
    viewer.create(1)
    viewer.plays("s", 1)
    viewer.create(2)
    viewer.plays("t", 2)


def test_slow_reader(two, open_all, headers):
    """A peer that does not read blocks the streams that it plays, but not those that it
    publishes."""
    srv, source = two(play=OFF)
    client = open_all(Streams, srv)
    client.socket.setsockopt(rc.socket.SOL_SOCKET, rc.socket.SO_RCVBUF, 200000)
    client.create(1)
    client.plays("s", 1)
    client.create(2)
    client.publishes("own", 2)
    client.begin(headers, 2)
    client.video(key(b"own"), 2)
    for at in range(40, 1040, 40):
        source.video(inter(b"%03d" % (at // 40), 80000), 1, at)
    viewer = open_all(player, srv, "own")
    for at in range(0, 400, 40):
        client.message(rc.AUDIO, at, audio_frame(b"%d" % at), csid=4, stream=2)
        viewer.until(lambda m: m.type == rc.AUDIO and m.data == audio_frame(b"%d" % at))
    for at in range(40, 1040, 40):
        client.gets(inter(b"%03d" % (at // 40), 80000), 1)
