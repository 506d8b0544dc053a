"""Limits: whatever one address or a crowd of clients does, other clients can still connect."""

import contextlib
import socket
import time

import pytest

import flv
import rtmp
import rtmp_client
from harness import curl, free_port, wait_for
from ready import readable
from rtmp import Publisher
from test_edge import certificate  # noqa: F401
from http_kit import Raw, get


@pytest.fixture
def source(source_flv):
    preamble, ring = flv.preamble_and_ring(flv.parse_file(source_flv).tags)
    return preamble + flv.split_gops(ring)[0]


@pytest.fixture
def crowd():
    """A stack of everything to close at the end."""
    with contextlib.ExitStack() as stack:
        yield stack


def dial(port, data=b"", source="127.0.0.1"):
    sock = socket.create_connection(("127.0.0.1", port), 10, (source, 0))
    sock.sendall(data)
    return sock


WS = (b"GET /live/nothing.flv HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
SLOW = {
    "says nothing": ("http", b""),
    "half a request": ("http", b"GET / HT"),
    "half a body": ("http", b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx"),
    "idles after a request": ("http", b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"),
    "half an upgrade": ("http", WS),
    "waits for a stream": ("http", get("/live/nothing.flv").encode()),
    "waits on a WebSocket": ("http", WS + b"\r\n"),
    "no TLS hello": ("https", b""),
    "half a TLS hello": ("https", b"\x16\x03\x01\x02\x00\x01"),
    "no handshake": ("rtmp", b""),
    "half a handshake": ("rtmp", b"\x03" + bytes(700)),
    "no connect": ("rtmp", b"\x03" + bytes(1536 * 2)),
}


@pytest.mark.parametrize("kind", SLOW)
def test_slow_connections_give_way(server, crowd, certificate, source, kind):
    """A server full of slow connections still accepts players and publishers."""
    https = free_port()
    srv = server(top="max_connections 12; max_viewers 12; max_waiters 12;",
                 http_server=f"https {{ enabled on; listen {https}; key {certificate}/server.key; "
                             f"cert {certificate}/server.crt; }}")
    where, data = SLOW[kind]
    port = {"http": srv.http_port, "https": https, "rtmp": srv.rtmp_port}[where]
    encoder = crowd.enter_context(Publisher(srv.rtmp_url()))
    encoder.send_tags(source)
    srv.wait_log("mount ")
    slow = [crowd.enter_context(dial(port, data)) for _ in range(20)]
    # One that the server has not accepted yet would be younger than the viewers.
    wait_for(lambda: len(readable(slow, 0)) >= 20 + 1 - 12, what="the oldest of them to be closed")
    viewers = [crowd.enter_context(flv.Viewer(srv.http_url())) for _ in range(10)]
    for viewer in viewers:
        viewer.wait_media(5)
    second = crowd.enter_context(Publisher(srv.rtmp_url("live/second")))
    # Viewers and publishers stay: one more is refused.
    with Raw(srv, get("/")) as raw:
        assert raw.answer().status == 503
    assert not encoder.is_closed and not second.is_closed
    assert not any(viewer.is_done for viewer in viewers)
    wait_for(lambda: len(readable(slow, 0)) == 20, what="all of them to be closed")


def test_the_oldest_goes_first(server, crowd):
    srv = server(top="max_connections 3;")
    (srv.html / "a.txt").write_text("text")
    first = crowd.enter_context(Raw(srv, get("/a.txt")))
    assert first.answer().status == 200
    second = crowd.enter_context(Raw(srv, get("/a.txt")))
    assert second.answer().status == 200
    third = crowd.enter_context(Raw(srv, get("/a.txt")))
    assert third.answer().status == 200
    # Several workers go by the order of arrival only for those that are older than 200 ms.
    ripe = time.monotonic() + 0.25
    wait_for(lambda: time.monotonic() > ripe, what="the connections to be old enough")
    # It has sent another request, so that another connection is the oldest now.
    assert first.send(get("/a.txt")).answer().status == 200
    fourth = crowd.enter_context(Raw(srv, get("/a.txt")))
    assert fourth.answer().status == 200
    second.assert_closed()
    assert first.send(get("/a.txt")).answer().status == 200
    assert third.send(get("/a.txt")).answer().status == 200


def test_names_that_nobody_publishes_take_no_encoders_place(server, crowd, source):
    srv = server(top="max_streams 3; max_waiters 30;", remux={"standby_timeout": 0})
    for n in range(25):
        crowd.enter_context(Raw(srv, get(f"/live/invented{n}.flv")))
    players = [crowd.enter_context(rtmp_client.player(srv, f"nowhere{n}")) for n in range(5)]
    wait_for(lambda: srv.log().count("play live/invented") + srv.log().count("invented") >= 25,
             what="the waits")
    encoders = [crowd.enter_context(Publisher(srv.rtmp_url(f"live/s{n}"))) for n in range(3)]
    encoders[0].send_tags(source)
    crowd.enter_context(flv.Viewer(srv.http_url("/live/s0.flv"))).wait_media(5)
    # max_streams counts published streams only.
    with pytest.raises((AssertionError, rtmp.Closed, OSError)):
        crowd.enter_context(Publisher(srv.rtmp_url("live/s3"), timeout=2))
    encoders[1].close()
    wait_for(lambda: "stop publish" in srv.log(), what="the end of a publication")
    crowd.enter_context(Publisher(srv.rtmp_url("live/s3")))
    assert len(players) == 5


def test_an_edge_pulls_what_is_published(server, crowd, source):
    """max_pulls is full of invented names: one of them gives way."""
    origin = server()
    edge = server(vhost=f"cluster {{ mode remote; origin 127.0.0.1:{origin.http_port}; "
                        "protocol flv; }", top={"max_pulls": 3})
    crowd.enter_context(Publisher(origin.rtmp_url())).send_tags(source)
    origin.wait_log("mount ")
    waiting = []
    for n in range(3):
        waiting.append(crowd.enter_context(Raw(edge, get(f"/live/invented{n}.flv"))))
        edge.wait_log(rf"pull \S+/live/invented{n}: waiting for stream at http")
    viewer = crowd.enter_context(flv.Viewer(edge.http_url()))
    viewer.wait_media(5)
    assert waiting[0].answer().status == 404
    assert not readable([raw.socket for raw in waiting[1:]], 0)
    # Active streams stay, however many more names are requested.
    for n in range(6):
        crowd.enter_context(Raw(edge, get(f"/live/more{n}.flv")))
    assert waiting[2].answer().status == 404
    assert not viewer.is_done


def test_one_address_has_half_by_default(server, crowd, source):
    srv = server(top="max_connections 12;")
    crowd.enter_context(Publisher(srv.rtmp_url())).send_tags(source)
    srv.wait_log("mount ")
    greedy = [crowd.enter_context(dial(srv.http_port, get("/live/livestream.flv").encode(),
                                       "127.0.0.2")) for _ in range(6)]
    wait_for(lambda: srv.log().count("play __defaultVhost__/live/livestream.flv") == 6,
             what="its viewers")
    with dial(srv.http_port, b"", "127.0.0.2") as one:
        assert b" 429 " in one.recv(1000).split(b"\r\n")[0]
    for _ in range(5):
        crowd.enter_context(flv.Viewer(srv.http_url())).wait_media(5)
    assert len(greedy) == 6


def test_viewers_leave_places_for_encoders(server, crowd, source):
    srv = server(top="max_connections 20; max_viewers 3;")
    crowd.enter_context(Publisher(srv.rtmp_url())).send_tags(source)
    srv.wait_log("mount ")
    for _ in range(3):
        crowd.enter_context(flv.Viewer(srv.http_url())).wait_media(5)
    answer = curl(srv.http_url())
    assert answer.status == 503 and answer.json()["reason"] == "service unavailable: max_viewers"
    with rtmp_client.Client(srv.rtmp_port) as player:
        player.handshake()
        player.connect()
        player.play("livestream", wait=False)
        assert player.until("onStatus")[-1].code == "NetStream.Play.Failed"
    crowd.enter_context(Publisher(srv.rtmp_url("live/second")))


def test_publishers_leave_places_for_viewers(server, crowd):
    srv = server(top="max_connections 20; max_publishers 2;")
    encoders = [crowd.enter_context(Publisher(srv.rtmp_url(f"live/s{n}"))) for n in range(2)]
    with rtmp_client.Client(srv.rtmp_port) as third:
        third.handshake()
        third.connect()
        assert third.publish("s2")[-1].code == "NetStream.Publish.BadName"
    encoders[0].close()
    wait_for(lambda: "stop publish" in srv.log(), what="the end of a publication")
    crowd.enter_context(Publisher(srv.rtmp_url("live/s2")))


def test_the_api_has_places_of_its_own(server, crowd):
    api = free_port()
    srv = server(top=f"max_api_connections 2; http_api {{ enabled on; listen {api}; }}")
    idle = [crowd.enter_context(dial(api)) for _ in range(5)]
    assert curl(f"http://127.0.0.1:{api}/api/v1/versions").status == 200
    wait_for(lambda: len(readable(idle, 0)) >= 4, what="the oldest to be closed")
    assert curl(srv.http_url("/nothing.txt")).status == 404
