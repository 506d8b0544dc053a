"""Publishing over RTMP, with common tools and with rtmp_client.Client for what they do not do. Where a
test checks received media, a publisher sends a keyframe first and a later player starts there, so
that nothing depends on real time."""

import signal
import socket
import struct
import subprocess
import time

import pytest

import flv
import rtmp_client as rc
from harness import PATIENCE, Process, ffmpeg_decode, ffprobe, have, wait_for
from rtmp_client import Client, player, publisher
from rtmp_kit import inter, key, publish_polite, start_of_stream, synced


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
    srv = server(top={"rtmp_handshake_timeout": 2000})
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
    srv = server(top={"rtmp_handshake_timeout": 3000})
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
