"""Playing over RTMP: commands in their order, pauses, streams that end, slow players."""

import os
import struct


import rtmp_client as rc
from harness import Process, wait_for
from rtmp_client import Client, player, publisher
from rtmp_kit import audio_frame, inter, key, start_of_stream, synced

OFF = {"time_jitter": "off"}


def test_play_in_order(server, open_all):
    srv = server()
    client = open_all(Client, srv.rtmp_port)
    client.handshake()
    client.connect()
    client.command("createStream", 2, None)
    client.until("_result")
    client.command("getStreamLength", 3, None, "s")
    client.until("_result")
    client.command("play", 4, None, "s", -2, stream=1)
    seen = client.until("|RtmpSampleAccess")
    assert (seen[0].type, seen[0].data) == (rc.USER, struct.pack(">HI", 0, 1))
    assert [m.code or m.name for m in seen[1:]] == \
        ["NetStream.Play.Reset", "NetStream.Play.Start", "|RtmpSampleAccess"]
    assert {m.stream for m in seen[1:]} == {1}


def test_play_waits_for_the_publisher_and_stays(server, open_all, headers):
    srv = server()
    viewer = open_all(player, srv)
    first = open_all(publisher, srv)
    start_of_stream(first, headers)
    assert viewer.media(1)[0].data == key()
    first.close()
    srv.wait_log("stop publish")
    second = open_all(publisher, srv)
    second.message(rc.VIDEO, 0, headers[0], csid=6)
    second.message(rc.AUDIO, 0, headers[1], csid=4)
    second.message(rc.VIDEO, 0, key(b"2"))
    assert viewer.media(1)[0].data == key(b"2")
    synced(viewer)


OVER = ["NetStream.Play.UnpublishNotify", "NetStream.Play.Stop"]


def test_a_player_is_told_that_the_stream_is_over(server, open_all, headers):
    """After republish_wait, as an HTTP response ends; then the connection ends, too."""
    srv = server(remux={"republish_wait": 1500})
    viewer = open_all(player, srv)
    paused = open_all(player, srv)
    first = open_all(publisher, srv)
    start_of_stream(first, headers)
    # Both tracks have sent something, so the server knows the tracks and does not wait for them.
    first.message(rc.AUDIO, 5, audio_frame())
    viewer.media(1)
    paused.media(1)
    paused.command("pause", 0, None, True, 0, stream=1)
    paused.until("NetStream.Pause.Notify")
    first.close()
    srv.wait_log("stop publish")
    # A publisher that returns in time continues the stream.
    second = open_all(publisher, srv)
    start_of_stream(second, headers)
    second.message(rc.AUDIO, 5, audio_frame())
    assert key() in [m.data for m in viewer.media(3)]
    second.close()
    seen = [m for m in viewer.until("NetStream.Play.Stop") if m.type in (rc.COMMAND, rc.USER)]
    assert [m.code for m in seen if m.type == rc.COMMAND] == OVER
    assert [m.data for m in seen if m.type == rc.USER] == [struct.pack(">HI", 1, 1)]
    assert viewer.wait_closed() < 5
    srv.wait_log("stop play .*: the stream ended")
    # A paused player gets no media, but the status messages.
    seen = [m for m in paused.until("NetStream.Play.Stop") if m.type in (rc.COMMAND, rc.VIDEO)]
    assert [m.code if m.type == rc.COMMAND else m for m in seen] == OVER


def test_a_player_is_told_that_nobody_publishes(server, open_all, headers):
    """After standby_timeout, but not while the server waits for a publisher's next keyframe."""
    srv = server(remux={"standby_timeout": 400})
    viewer = open_all(player, srv)
    status = viewer.until("NetStream.Play.StreamNotFound")[-1]
    assert status.values[3]["level"] == "error"
    assert viewer.wait_closed() < 5
    srv.wait_log("stop play .*: stream was not published")
    source = open_all(publisher, srv)
    start_of_stream(source, headers)
    source.message(rc.VIDEO, 40, inter())
    synced(source)
    waiting = open_all(player, srv, "u")
    late = open_all(publisher, srv, "u")
    late.message(rc.VIDEO, 0, headers[0])
    # It is published, and nothing can be sent yet; the other player's timeout shows that the time
    # is over.
    open_all(player, srv, "nobody").until("NetStream.Play.StreamNotFound")
    late.message(rc.VIDEO, 40, key(b"u"))
    assert waiting.media(1)[0].data == key(b"u")


def test_tools_end_with_the_stream(server, publish, tmp_path):
    """ffmpeg and librtmp exit with code 0 when the stream is over."""
    srv = server(remux={"republish_wait": 300})
    source = publish(srv)
    tools = [Process(["ffmpeg", "-v", "error", "-i", srv.rtmp_url(), "-c", "copy", "-f", "null",
                      "-"], tmp_path / "ffmpeg.log"),
             Process(["rtmpdump", "-q", "-v", "-r", srv.rtmp_url(), "-o", tmp_path / "dump.flv"],
                     tmp_path / "rtmpdump.log")]
    for _ in tools:
        srv.wait_log("start play(.|\n)*start play")
    wait_for(lambda: os.path.exists(tmp_path / "dump.flv") and
             os.path.getsize(tmp_path / "dump.flv") > 10000, what="media")
    source.stop()
    for tool in tools:
        assert tool.wait(20) == 0, tool.log()


def test_play_again_switches(server, open_all, headers):
    srv = server()
    for name in ("s", "t"):
        source = open_all(publisher, srv, name)
        source.message(rc.VIDEO, 0, headers[0], csid=6)
        source.message(rc.AUDIO, 0, headers[1], csid=4)
        source.message(rc.VIDEO, 0, key(name.encode()))
        synced(source)
    viewer = open_all(player, srv)
    viewer.media(1)
    viewer.command("play", 0, None, "t", stream=1)
    codes = [m.code for m in viewer.until("|RtmpSampleAccess") if m.type == rc.COMMAND]
    assert codes == ["NetStream.Play.Stop", "NetStream.Play.Reset", "NetStream.Play.Start"]
    assert viewer.media(1)[0].data == key(b"t")
    # false plays nothing, and the connection stays usable for the next play.
    viewer.command("play", 0, None, False, stream=1)
    viewer.until("NetStream.Play.Stop")
    srv.wait_log("stop play .*/t from")
    synced(viewer)
    viewer.command("play", 0, None, "s", stream=1)
    assert viewer.media(1)[0].data == key(b"s")


def test_receive_audio_and_video(server, open_all, headers):
    srv = server(remux={"republish_wait": 300})
    source = open_all(publisher, srv)
    start_of_stream(source, headers)
    synced(source)
    viewer = open_all(player, srv)
    at = 0

    def say(*flags):
        for track, flag in flags:
            viewer.command("receive" + track, 0, None, flag, stream=1)
        synced(viewer)

    def sent():
        """A video frame and an audio frame that contain their timestamp."""
        nonlocal at
        at += 40
        source.message(rc.VIDEO, at, key(b"%d" % at))
        source.message(rc.AUDIO, at, audio_frame(b"%d" % at), csid=4)
        synced(source)

    def media_of(number, *kinds):
        """Reads until each of these types has come with this number; no other type may come."""
        left = set(kinds)
        while left:
            tag = viewer.media(1)[0]
            assert tag.type in kinds
            if b"%d" % number in tag.data:
                left.discard(tag.type)

    sent()
    media_of(at, rc.AUDIO, rc.VIDEO)
    say(("Video", False))
    sent()
    media_of(at, rc.AUDIO)
    say(("Video", True), ("Audio", False))
    sent()
    media_of(at, rc.VIDEO)
    # Neither: the next message is the one after the change.
    say(("Video", False))
    sent()
    say(("Audio", True))
    sent()
    media_of(at, rc.AUDIO)
    say(("Video", True))
    sent()
    media_of(at, rc.AUDIO, rc.VIDEO)
    # The status messages are sent as usual, also when the pause came before play.
    other = open_all(Client, srv.rtmp_port)
    other.handshake()
    other.connect()
    other.command("receiveAudio", 0, None, False, stream=1)
    other.play("s")
    assert other.media(1)[0].type == rc.VIDEO
    source.close()
    for client in (viewer, other):
        client.until("NetStream.Play.Stop")
    srv.wait_log("stop play")


def test_player_gets_everything_unharmed(server, open_all, headers):
    srv = server(play=OFF)
    client = open_all(publisher, srv)
    client.chunk_size(60000)
    client.message(rc.DATA, 0, rc.amf("@setDataFrame", "onMetaData", rc.Ecma(
        width=640, duration=9, filesize=10, encoder="x")), csid=5)
    start_of_stream(client, headers)
    sent = [key()]
    for at in range(1, 60):
        data = [inter(bytes([at]), at * 331), audio_frame(bytes([at]), at * 7)][at % 2]
        client.message([rc.VIDEO, rc.AUDIO][at % 2], at * 20, data, csid=[6, 4][at % 2])
        sent.append(data)
    viewer = open_all(player, srv)
    meta = viewer.until("onMetaData")[-1].values[1]
    assert meta["width"] == 640 and meta["encoder"] == "x"
    assert "Millrace" in meta["server"]
    assert "duration" not in meta and "filesize" not in meta
    tags = viewer.media(60)
    assert [t.data for t in tags] == sent
    assert [t.time for t in tags] == [at * 20 for at in range(60)]


def test_pause_and_resume(server, open_all, headers):
    srv = server()
    client = open_all(publisher, srv)
    start_of_stream(client, headers)
    synced(client)
    viewer = open_all(player, srv)
    viewer.media(1)
    viewer.command("pause", 0, None, True, 0, stream=1)
    seen = viewer.until(lambda m: m.type == rc.USER)
    assert seen[-2].code == "NetStream.Pause.Notify"
    assert seen[-1].data == struct.pack(">HI", 1, 1)
    client.message(rc.VIDEO, 40, inter(b"p"))
    client.message(rc.VIDEO, 80, key(b"q"))
    synced(client)
    viewer.command("pause", 0, None, False, 0, stream=1)
    seen = viewer.until(lambda m: m.type == rc.USER and m.data == struct.pack(">HI", 0, 1))
    assert not [m for m in seen if m.type == rc.VIDEO]
    assert "NetStream.Unpause.Notify" in [m.code for m in seen]
    # It continues at the newest keyframe that its worker has received.
    newest = viewer.media(1)[0].data
    if len(srv.processes()) > 1 and newest == key():
        newest = viewer.media(2)[-1].data
    assert newest == key(b"q")


def test_play_ends_and_another_begins(server, open_all, headers):
    srv = server()
    client = open_all(publisher, srv)
    start_of_stream(client, headers)
    other = open_all(publisher, srv, "t")
    other.message(rc.VIDEO, 0, headers[0], csid=6)
    other.message(rc.AUDIO, 0, headers[1], csid=4)
    other.message(rc.VIDEO, 0, key(b"t"))
    synced(client)
    synced(other)
    viewer = open_all(player, srv)
    viewer.media(1)
    # All in one packet: the end of one play and the start of the next.
    with_end = viewer.chunks(rc.COMMAND, 0, rc.amf("closeStream", 0, None), csid=3)
    with_end += viewer.chunks(rc.COMMAND, 0, rc.amf("play", 9, None, "t"), csid=3)
    viewer.send(with_end)
    viewer.until("NetStream.Play.Start")
    assert viewer.media(1)[0].data == key(b"t")


def test_play_ends_in_the_middle_of_a_message(server, open_all, headers):
    """A player that does not read and requests another stream: what follows is still in order."""
    srv = server()
    client = open_all(publisher, srv)
    client.chunk_size(60000)
    start_of_stream(client, headers)
    synced(client)
    other = open_all(publisher, srv, "t")
    other.message(rc.VIDEO, 0, headers[0], csid=6)
    other.message(rc.AUDIO, 0, headers[1], csid=4)
    other.message(rc.VIDEO, 0, key(b"t"))
    synced(other)
    viewer = open_all(player, srv)
    viewer.media(1)
    for at in range(1, 200):
        client.message(rc.VIDEO, at * 40, (key if at % 25 == 0 else inter)(b"m", 100000))
    synced(client)
    viewer.command("closeStream", 0, None)
    viewer.command("play", 9, None, "t")
    viewer.until("NetStream.Play.Start")
    assert viewer.media(1)[0].data == key(b"t")


def test_slow_player_harms_nobody(server, open_all, headers):
    srv = server(play={"queue_length": 2})
    client = open_all(publisher, srv)
    client.chunk_size(60000)
    start_of_stream(client, headers)
    synced(client)
    slow = open_all(player, srv)
    fast = open_all(player, srv)
    fast.media(1)
    for at in range(1, 400):
        client.message(rc.VIDEO, at * 40, (key if at % 25 == 0 else inter)(b"z", 50000))
        assert fast.media(1)[0].time == at * 40
    first = slow.media(1)[0]
    assert first.is_keyframe
    # What it gets after its loss decodes: it continues at a keyframe.
    times = [first.time]
    while times[-1] < 399 * 40:
        tag = slow.media(1)[0]
        assert tag.time == times[-1] + 40 or tag.is_keyframe
        times.append(tag.time)
    assert len(times) < 399
