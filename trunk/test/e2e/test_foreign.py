"""node-media-server, both ways: as origin of an edge and of http_pull, as destination of a forward."""

import pytest

import nms
from harness import ffmpeg_decode, ffprobe, wait_for

pytestmark = [
    pytest.mark.skipif(not nms.IS_THERE,
                       reason="no node-media-server: 3rdparty/install.sh test brings it"),
    pytest.mark.timeout(nms.START_SECONDS + 90),
]


@pytest.fixture
def foreign(tmp_path):
    one = nms.NodeMediaServer(tmp_path / "nms")
    yield one
    one.kill()


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_as_origin(server, publish, foreign, protocol):
    port = foreign.rtmp_port if protocol == "rtmp" else foreign.http_port
    edge = server(vhost=f"cluster {{ mode remote; origin 127.0.0.1:{port}; protocol {protocol}; }}")
    publish(foreign.rtmp_url("live/livestream"))
    found = ffprobe(edge.http_url())
    assert {s["codec_name"] for s in found["streams"]} == {"h264", "aac"}
    assert ffmpeg_decode(edge.http_url(), 3) == ""


def test_as_destination(server, publish, foreign):
    srv = server(vhost=f"forward {{ enabled on; destination 127.0.0.1:{foreign.rtmp_port}; }}")
    publish(srv)
    srv.wait_log("forward .*: publishing to rtmp://")
    found = wait_for(lambda: ffprobe(foreign.rtmp_url("live/livestream")), 20)
    assert {s["codec_name"] for s in found["streams"]} == {"h264", "aac"}


def test_behind_http_pull(server, publish, foreign):
    proxy = server(http_server="http_pull { enabled on; "
                               f"source a rtmp://127.0.0.1:{foreign.rtmp_port}; }}")
    publish(foreign.rtmp_url("myapp/test"))
    assert ffmpeg_decode(proxy.http_url("/live?src=a&app=myapp&stream=test"), 3) == ""
