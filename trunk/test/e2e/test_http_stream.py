"""The HTTP answer of a stream: its head, its errors, who waits."""

import re
import time

import pytest

import flv
from harness import PATIENCE, Answer, curl, wait_for
from http_kit import ORIGIN, Raw, check_error, get
from rtmp import Publisher


# ---- a stream's answer ----

@pytest.fixture
def live(server, source_flv):
    """live(**parts): a server and a publisher that has sent a preamble and one GOP."""
    opened = []

    def start(**parts):
        srv = server(**parts)
        preamble, ring = flv.preamble_and_ring(flv.parse_file(source_flv).tags)
        one = Publisher(srv.rtmp_url())
        opened.append(one)
        gop = flv.split_gops(ring)[0]
        one.send_tags(preamble + gop)
        with flv.Viewer(srv.http_url()) as viewer:
            viewer.wait_media(len(gop))
        return srv, one

    yield start
    for one in opened:
        one.close()


def test_stream_head(live):
    srv, _ = live()
    with Raw(srv, get("/live/livestream.flv", f"Origin: {ORIGIN}")) as raw:
        # One write: head, FLV header and the first tags come together.
        first = raw.socket.recv(1 << 20)
        head, _, body = first.partition(b"\r\n\r\n")
        answer = Answer(head.decode(), body, 0)
        assert answer.status == 200
        assert answer.headers["content-type"] == "video/x-flv"
        assert answer.headers["transfer-encoding"] == "chunked"
        assert "no-cache" in answer.headers["cache-control"]
        assert "no-store" in answer.headers["cache-control"]
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["server"].startswith("Millrace")
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "content-length" not in answer.headers
        chunks = flv.Dechunker()
        reader = flv.parse(chunks.feed(body), may_be_cut=True)
        assert reader.tags and reader.tags[0].time == 0


def test_stream_without_chunks_for_1_0(live):
    srv, _ = live()
    with Raw(srv, "GET /live/livestream.flv HTTP/1.0\r\n\r\n") as raw:
        first = raw.socket.recv(1 << 20)
        head, _, body = first.partition(b"\r\n\r\n")
        answer = Answer(head.decode(), body, 0)
        assert answer.status == 200 and answer.headers["connection"] == "close"
        assert "transfer-encoding" not in answer.headers
        assert "content-length" not in answer.headers
        assert flv.parse(body, may_be_cut=True).tags


def test_stream_head_request(live):
    """HEAD gives the same header and counts no viewer."""
    srv, _ = live(remux={"hstrs": "off"})
    with Raw(srv, get("/live/livestream.flv", method="HEAD")) as raw:
        answer = raw.answer(is_head=True)
        assert answer.status == 200
        assert answer.headers["content-type"] == "video/x-flv"
        assert answer.headers["transfer-encoding"] == "chunked"
        assert raw.rest == b""
    with Raw(srv, get("/live/none.flv", method="HEAD")) as raw:
        assert raw.answer(is_head=True).status == 404
    # One viewer has come so far, and that was the fixture's. Another worker has no address.
    assert len(re.findall(r"stop play \S+ from \d", srv.log())) <= 1


def test_stream_by_query_and_host(live):
    srv, _ = live()
    for url in ("/live/livestream.flv?token=x&vhost=__defaultVhost__", "//live//livestream.flv",
                "/live/%6civestream.flv", "/x/../live/livestream.flv"):
        with flv.Viewer(srv.http_url(url), host="anything.example:99") as viewer:
            viewer.wait_media(5)


def test_standby(server):
    """hstrs on: it waits, then gets 404, with the header lines of any other error."""
    srv = server(remux={"hstrs": "on", "standby_timeout": 400})
    started = time.monotonic()
    answer = check_error(curl(srv.http_url("/live/none.flv"), "-H", f"Origin: {ORIGIN}"), 404)
    assert 0.35 < time.monotonic() - started < 5 * PATIENCE
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["cache-control"] == "no-store"


def test_standby_off(server):
    srv = server(remux={"hstrs": "off", "standby_timeout": 60000})
    answer = check_error(curl(srv.http_url("/live/none.flv"), seconds=5), 404)
    assert "content-length" in answer.headers


def test_a_waiting_peer_that_leaves_is_noticed(server):
    srv = server(remux={"hstrs": "on", "standby_timeout": 0})
    before = srv.descriptors()
    opened = [Raw(srv, get("/live/none.flv")) for _ in range(5)]
    wait_for(lambda: srv.descriptors() >= before + 5, what="the connections")
    wait_for(lambda: srv.log().count("play ") >= 5, what="the viewers")
    for raw in opened:
        raw.close()
    wait_for(lambda: srv.descriptors() <= before, what="the connections to be closed")


def test_unknown_extension_is_a_file(server):
    """The server waits only for addresses that match a mount template."""
    srv = server(remux={"hstrs": "on", "standby_timeout": 60000})
    assert curl(srv.http_url("/live/none.m3u8"), seconds=5).status == 404
    assert curl(srv.http_url("/none.flv"), seconds=5).status == 404


def test_a_stream_stays_in_its_vhost(live):
    """What __defaultVhost__ publishes is not served under the name of another vhost."""
    srv, _ = live(remux={"hstrs": "off"},
                  vhosts="vhost v.example { http_remux { enabled on; hstrs off; "
                         "mount [vhost]/[app]/[stream].flv; } }")
    check_error(curl(srv.http_url(), "-H", "Host: v.example", seconds=3), 404)
    assert curl(srv.http_url(), "-H", "Host: elsewhere.example", seconds=1).status == 200


def test_a_mount_without_vhost_serves_every_host(live):
    srv, _ = live(remux={"mount": "/[app]/[stream].flv", "hstrs": "off"})
    assert curl(srv.http_url(), "-H", "Host: elsewhere.example", seconds=1).status == 200


def test_stream_over_an_offered_h2c(live):
    """curl --http2 offers an upgrade; a server without h2c answers with HTTP/1.1."""
    srv, _ = live()
    answer = curl(srv.http_url(), "--http2", seconds=1)
    assert answer.status == 200 and answer.body[:3] == b"FLV"


def test_head_of_a_stream_keeps_the_connection(live):
    srv, _ = live()
    with Raw(srv) as raw:
        for _ in range(2):
            raw.send(get("/live/livestream.flv", method="HEAD"))
            assert raw.answer(is_head=True).status == 200
