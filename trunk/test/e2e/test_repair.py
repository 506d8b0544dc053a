"""Incomplete or wrong streams: H.264 with start codes instead of lengths or with empty NAL units is
repaired at ingest, so that every format decodes, here, at an edge and at another worker, and the
log says so once; missing metadata is created."""

import pytest

import flv
import rtmp_client
import ts
from harness import ffmpeg_decode
from test_edge import cluster, port_of
from workers_kit import closing, workers  # noqa: F401

REMUX = {"mount": ["[vhost]/[app]/[stream].flv", "[vhost]/[app]/[stream].ts"]}


def with_codes(tag):
    """The same with start codes; of a sequence header, its parameter sets with start codes."""
    if not tag.is_video:
        return tag
    if not tag.is_sequence_header:
        return flv.Tag(tag.type, tag.time, tag.data[:5] + b"".join(
            b"\0\0\0\1" + unit for unit in tag.nal_units()))
    sets, at = [], 10
    for count in (tag.data[at] & 31, 1):
        at += 1
        for _ in range(count):
            size = int.from_bytes(tag.data[at:at + 2], "big")
            sets.append(tag.data[at + 2:at + 2 + size])
            at += 2 + size
    return flv.Tag(tag.type, 0, tag.data[:5] + b"".join(b"\0\0\0\1" + unit for unit in sets))


def with_empty(tag):
    if not tag.is_video or tag.is_sequence_header:
        return tag
    return flv.Tag(tag.type, tag.time, tag.data[:5] + bytes(4) + tag.data[5:])


@pytest.fixture(params=["one", "edge flv", "edge rtmp", "workers"])
def place(request, server, publisher, workers, closing):  # noqa: F811
    """(publisher, the server that it is at, the server that viewers are at, a viewer of it)"""
    if request.param == "workers":
        one = workers(remux=REMUX)
        here, there = one.pids()
        pub = closing(one.publisher_at(here))
        return pub, one.srv, one.srv, lambda: closing(one.viewer_at(there))
    origin = srv = server(remux=REMUX)
    if request.param != "one":
        protocol = request.param.split()[1]
        srv = server(remux=REMUX, vhost=cluster(port_of(origin, protocol), protocol))
    return publisher(origin), origin, srv, lambda: closing(flv.Viewer(srv.http_url()))


@pytest.mark.parametrize("spoil, what", [(with_codes, "start codes"), (with_empty, "empty NAL")])
def test_repaired_for_every_format(place, source, spoil, what, tmp_path):
    pub, origin, srv, view = place
    preamble, gops = source
    pub.send_tags([spoil(t) for t in preamble + gops[0]])
    viewer = view()
    with ts.Viewer(srv.http_url("/live/livestream.ts")) as other:
        other.wait_pes(20)
        pub.send_tags([spoil(t) for t in gops[1]])
        viewer.wait(lambda v: v.media and v.media[-1].data == gops[1][-1].data, 10, "the last")
        unspoilt = {t.data for t in gops[0] + gops[1]}
        assert {t.data for t in viewer.check().media} <= unspoilt
        assert viewer.media[0].is_keyframe
        other.check()
    (tmp_path / "got.flv").write_bytes(flv.file_bytes(viewer.tags))
    assert ffmpeg_decode(str(tmp_path / "got.flv")) == ""
    assert origin.log().count(what) == 1 and origin.log().count("; repairing them") == 1


def test_repair_off(server, publisher, source):
    srv = server(publish={"repair": "off"})
    preamble, gops = source
    sent = [with_codes(t) for t in preamble + gops[0]]
    with flv.Viewer(srv.http_url()) as viewer:
        publisher(srv).send_tags(sent)
        viewer.wait_media(3)
        assert {t.data for t in viewer.media} <= {t.data for t in sent}
    assert "repairing" not in srv.log()


def test_metadata_is_made(place, source):
    """The publisher sends none: FLV viewers and RTMP players get one nevertheless."""
    pub, _, srv, view = place
    preamble, gops = source
    pub.send_tags([t for t in preamble if not t.is_script] + gops[0])
    viewer = view()
    viewer.wait_media(3)
    assert viewer.tags[0].is_script and viewer.tags[0].time == 0
    assert sum(t.is_script for t in viewer.tags) == 1
    for name in (b"onMetaData", b"width", b"height", b"videocodecid", b"audiosamplerate", b"server"):
        assert name in viewer.tags[0].data
    with rtmp_client.player(srv, "livestream") as player:
        messages = player.until(lambda m: m.type == flv.VIDEO, 10)
        assert any(m.type == flv.SCRIPT and m.data == viewer.tags[0].data for m in messages)


def test_metadata_in_amf3(server, publisher, source):
    """An AMF3 data message whose object is AMF3: viewers get it as AMF0."""
    srv = server()
    preamble, gops = source
    pub = publisher(srv)
    pub.send(15, 0, b"\0\2\0\x0d@setDataFrame\2\0\x0aonMetaData\x11\x0a\x0b\1"
                    b"\x0dvendor\6\x07abc\1")
    pub.send_tags([t for t in preamble if not t.is_script] + gops[0])
    with flv.Viewer(srv.http_url()) as viewer:
        viewer.wait_media(3)
        assert b"\0\x06vendor\2\0\3abc" in viewer.tags[0].data
