"""RTMP end to end: with common tools, and with rtmp_client.Client for what they do not do. Where a
test checks received media, a publisher sends a keyframe first and a later player starts there, so
that nothing depends on real time."""

import os
import re
import signal
import socket
import struct
import subprocess
import time

import pytest

import flv
import rtmp_client as rc
from harness import PATIENCE, Process, curl, ffmpeg_decode, ffprobe, have, wait_for
from rtmp_client import Client, player, publisher
from rtmp_kit import audio_frame, inter, key, publish_polite, start_of_stream, synced

OFF = {"time_jitter": "off"}


# ---- common tools


def test_ffmpeg_publishes_and_plays(server, publish):
    srv = server()
    publish(srv)
    found = ffprobe(srv.rtmp_url())
    assert {s["codec_name"] for s in found["streams"]} == {"h264", "aac"}
    assert ffmpeg_decode(srv.rtmp_url(), seconds=2) == ""


@pytest.mark.skipif(not have("rtmpdump"), reason="rtmpdump is not installed")
def test_rtmpdump_gets_the_bytes(server, publish, tmp_path, source_flv):
    srv = server()
    publish(srv)
    out = tmp_path / "dump.flv"
    dump = Process(["rtmpdump", "-v", "-r", srv.rtmp_url(), "-o", out], tmp_path / "dump.log")
    wait_for(lambda: out.exists() and out.stat().st_size > 300000, 20, "rtmpdump to receive")
    dump.signal(signal.SIGINT)
    dump.wait()
    got = flv.parse(out.read_bytes(), may_be_cut=True)
    sent = {t.key for t in flv.parse_file(source_flv).tags if t.is_media}
    media = [t for t in got.tags if t.is_media]
    assert len(media) > 50
    assert all(t.key in sent for t in media)
    assert next(t for t in media if t.is_video).is_keyframe
    flv.check_times(media)


def gstreamer(*elements, timeout=40):
    if not have("gst-launch-1.0"):
        pytest.skip("GStreamer is not installed")
    return ["timeout", str(timeout), "gst-launch-1.0", "-q", *" ".join(elements).split()]


GST_SOURCE = ("videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=20/1 ! "
              "x264enc tune=zerolatency key-int-max=20 ! h264parse ! flvmux streamable=true name=m "
              "audiotestsrc is-live=true ! audioconvert ! voaacenc ! aacparse ! m. m. !")


@pytest.mark.parametrize("sink", ["rtmp2sink", "rtmpsink"])
def test_gstreamer_publishes(server, tmp_path, sink):
    srv = server()
    one = Process(gstreamer(GST_SOURCE, f"{sink} location={srv.rtmp_url()}"), tmp_path / "gst.log")
    try:
        srv.wait_log("start publish")
        # A live test source on a busy machine may give two frames one timestamp: only the codecs
        # are checked here.
        assert ffmpeg_decode(srv.http_url(), seconds=2, args=("-vf", "setpts=N/20/TB",
                                                                "-af", "asetpts=N/SR/TB")) == ""
    finally:
        one.kill()


@pytest.mark.parametrize("source", ["rtmp2src location={}", "rtmpsrc location='{} live=1'"])
def test_gstreamer_plays(server, publish, source):
    srv = server()
    publish(srv)
    if not have("gst-launch-1.0"):
        pytest.skip("GStreamer is not installed")
    element = source.format(srv.rtmp_url())
    done = subprocess.run(f"timeout 30 gst-launch-1.0 -q {element} num-buffers=50 ! flvdemux "
                          "name=d d.video ! h264parse ! avdec_h264 ! fakesink",
                          shell=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# ---- handshake


@pytest.mark.parametrize("schema", [None, 0, 1])
def test_handshakes(server, open_all, schema):
    srv = server()
    client = open_all(Client, srv.rtmp_port)
    client.handshake(schema)
    client.connect()


@pytest.mark.parametrize("first", [b"\x06", b"G", b"\xff"])
def test_other_protocols_are_refused_at_once(server, open_all, first):
    srv = server()
    client = open_all(Client, srv.rtmp_port)
    client.send(first)
    assert client.wait_closed() < 2 * PATIENCE
    srv.wait_log("this is not RTMP")


def test_handshake_deadline_is_in_total(server, open_all):
    srv = server(top={"rtmp_handshake_timeout": 600})
    client = open_all(Client, srv.rtmp_port)
    begin = time.monotonic()
    client.socket.settimeout(0.05)
    with pytest.raises((rc.Closed, OSError)):
        client.send(b"\x03")
        while True:
            assert time.monotonic() - begin < 5 * PATIENCE
            client.send(b"\0")
            try:
                client.exactly(1)
            except socket.timeout:
                pass
    assert 0.4 < time.monotonic() - begin < 3 * PATIENCE
    srv.wait_log("RTMP from .*: handshake: C1: ")


def test_silence_after_connect_ends(server, open_all):
    srv = server(top={"rtmp_handshake_timeout": 500})
    client = open_all(Client, srv.rtmp_port)
    client.handshake()
    client.connect()
    assert client.wait_closed() < 4 * PATIENCE
    srv.wait_log("waiting for publish or play")


# ---- connect


def test_connect_answers_in_order(server, open_all):
    srv = server()
    client = open_all(Client, srv.rtmp_port)
    client.handshake()
    seen = client.connect(objectEncoding=3)
    assert [m.type for m in seen] == [rc.WINDOW, rc.BANDWIDTH, rc.SET_CHUNK_SIZE, rc.COMMAND,
                                      rc.COMMAND]
    assert seen[0].number == 2500000
    assert seen[1].data == struct.pack(">IB", 2500000, 2)
    assert seen[2].number == 60000
    name, transaction, properties, info = seen[3].values
    assert (name, transaction) == ("_result", 1)
    assert "fmsVer" in properties
    assert info["code"] == "NetConnection.Connect.Success"
    assert info["level"] == "status"
    assert info["objectEncoding"] == 3
    assert info["data"]["server"] == "Millrace"
    assert info["data"]["pid"] in srv.processes()
    assert info["data"]["version"] and info["data"]["id"]
    assert seen[4].values[0] == "onBWDone"


@pytest.mark.parametrize("vhost, size", [({"chunk_size": 4096}, 4096), ({}, 5000),
                                         ({"chunk_size": 200}, 200)],
                         ids=["vhost", "server", "small"])
def test_configured_chunk_size(server, open_all, headers, vhost, size):
    """It applies to answers and media, for each player of a stream."""
    srv = server(top={"chunk_size": 5000}, vhost={"out_ack_size": 1000000, **vhost})
    source = open_all(publisher, srv)
    assert source.size_in == size
    start_of_stream(source, headers)
    source.message(rc.VIDEO, 40, inter(b"c", 30000))
    for _ in range(2):
        viewer = open_all(Client, srv.rtmp_port)
        viewer.handshake()
        seen = viewer.connect()
        assert (seen[0].number, seen[2].number) == (1000000, size)
        viewer.play("s")
        assert viewer.size_in == size
        assert [t.data for t in viewer.media(2)] == [key(), inter(b"c", 30000)]


def test_enhanced_connect(server, open_all):
    srv = server()
    client = open_all(Client, srv.rtmp_port)
    client.handshake()
    seen = client.connect(fourCcList=["av01", "hvc1"], capsEx=15, videoFourCcInfoMap={"*": 7},
                          audioFourCcInfoMap={"Opus": 7})
    for part in seen[3].values[2:]:
        assert {"hvc1", "av01", "vp09", "Opus"} <= set(part["fourCcList"])
        assert part["videoFourCcInfoMap"]["hvc1"] == 4
        assert part["audioFourCcInfoMap"]["Opus"] == 4
        assert part["capsEx"] == 14


def test_connect_amf3(server, open_all, headers):
    srv = server()
    client = open_all(Client, srv.rtmp_port)
    client.handshake()
    client.connect(kind=rc.AMF3_COMMAND, objectEncoding=3)
    assert client.publish("s", kind=rc.AMF3_COMMAND)[-1].code == "NetStream.Publish.Start"
    client.message(rc.AMF3_DATA, 0, b"\0" + rc.amf("@setDataFrame", "onMetaData", {"width": 77}),
                   csid=5)
    start_of_stream(client, headers)
    synced(client)
    viewer = open_all(player, srv)
    meta = viewer.until("onMetaData")[-1]
    assert meta.values[1]["width"] == 77


def test_calls_before_publish(server, open_all):
    srv = server()
    client = open_all(Client, srv.rtmp_port)
    client.handshake()
    client.connect()
    for number, call in enumerate(["releaseStream", "FCPublish", "_checkbw", "whatever"], 10):
        client.command(call, number, None, "s")
        assert client.until("_result")[-1].values[1] == number
    client.command("createStream", 20, None)
    assert client.until("_result")[-1].values[:4] == ["_result", 20, None, 1]
    client.command("publish", 21, None, "s", "live", stream=1)
    seen = client.until("onStatus")
    assert [m.name for m in seen] == ["onFCPublish", "onStatus"]
    assert seen[-1].stream == 1
    synced(client)


# ---- publish


@pytest.mark.parametrize("call", ["FCUnpublish", "deleteStream", "closeStream"])
def test_unpublish_and_publish_again(server, open_all, headers, call):
    srv = server()
    client = open_all(publisher, srv)
    start_of_stream(client, headers)
    client.command(call, 6, None, "s" if call == "FCUnpublish" else 1)
    client.until("NetStream.Unpublish.Success")
    srv.wait_log("stop publish .*/live/s ")
    # The stream is free for another, and the connection for another stream.
    other = open_all(publisher, srv)
    client.command("createStream", 7, None)
    client.command("publish", 8, None, "t", "live", stream=1)
    client.until("NetStream.Publish.Start")
    start_of_stream(client, headers)
    start_of_stream(other, headers)
    synced(client)
    synced(other)


def test_busy_stream(server, open_all, headers):
    srv = server()
    first = open_all(publisher, srv)
    start_of_stream(first, headers)
    synced(first)
    viewer = open_all(player, srv)
    viewer.media(1)
    second = open_all(Client, srv.rtmp_port)
    status = publish_polite(second)[-1]
    assert (status.code, status.values[3]["level"]) == ("NetStream.Publish.BadName", "error")
    assert second.wait_closed() < 3
    first.message(rc.VIDEO, 40, inter(b"x"))
    assert viewer.media(1)[0].data == inter(b"x")
    first.close()
    srv.wait_log("stop publish")
    open_all(publisher, srv)


def test_a_closed_publisher_is_noticed_at_once(server, open_all, headers):
    """Also while the server reads only at intervals, because there are no viewers."""
    srv = server()
    for _ in range(10):
        client = publisher(srv)
        start_of_stream(client, headers)
        synced(client)
        client.close()
    open_all(publisher, srv)


def test_fast_publisher_without_viewers_is_not_held_up(server, open_all, headers):
    srv = server()
    client = open_all(publisher, srv)
    client.chunk_size(60000)
    start_of_stream(client, headers)
    synced(client)
    begin = time.monotonic()
    for at in range(1, 800):
        client.message(rc.VIDEO, at * 40, (key if at % 25 == 0 else inter)(b"f", 50000))
    synced(client)
    assert time.monotonic() - begin < 8 * PATIENCE  # 40 MB


def test_firstpkt_timeout(server, open_all):
    srv = server(publish={"firstpkt_timeout": 400, "normal_timeout": 60000})
    client = open_all(publisher, srv)
    assert 0.2 < client.wait_closed() < 4 * PATIENCE
    srv.wait_log("stop publish .*firstpkt_timeout")


def test_normal_timeout(server, open_all, headers):
    srv = server(publish={"firstpkt_timeout": 60000, "normal_timeout": 400})
    client = open_all(publisher, srv)
    start_of_stream(client, headers)
    assert 0.2 < client.wait_closed() < 4 * PATIENCE
    srv.wait_log("stop publish .*normal_timeout")
    # And the stream is free.
    open_all(publisher, srv)


def test_kickoff_for_idle(server, open_all, headers):
    srv = server(publish={"kickoff_for_idle": 1.5})
    client = open_all(publisher, srv)
    start_of_stream(client, headers)
    begin, at = time.monotonic(), 0
    with pytest.raises(OSError):
        while time.monotonic() - begin < 8 * PATIENCE:
            at += 40
            client.message(rc.VIDEO, at, inter())
            time.sleep(0.04)
    assert 1 < time.monotonic() - begin < 7 * PATIENCE
    srv.wait_log("kickoff_for_idle")


def test_empty_stream_is_refused(server, open_all):
    srv = server()
    client = open_all(Client, srv.rtmp_port)
    status = publish_polite(client, "")[-1]
    assert status.values[3]["level"] == "error"
    client.wait_closed()
    client = open_all(Client, srv.rtmp_port)
    client.handshake()
    client.connect()
    client.command("play", 3, None, "", stream=1)
    assert client.until("onStatus")[-1].values[3]["level"] == "error"
    client.wait_closed()


def test_disabled_vhost_is_refused(server, open_all):
    srv = server(vhosts="vhost off.example { enabled off; }")
    client = open_all(Client, srv.rtmp_port)
    client.handshake()
    client.command("connect", 1, {"app": "live", "tcUrl": "rtmp://off.example/live"})
    answer = client.until("_error")[-1]
    assert answer.code == "NetConnection.Connect.Rejected"
    client.wait_closed()
    # The same by the stream's own parameter.
    client = open_all(Client, srv.rtmp_port)
    status = publish_polite(client, "s?vhost=off.example")[-1]
    assert status.values[3]["level"] == "error"


# ---- play


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
