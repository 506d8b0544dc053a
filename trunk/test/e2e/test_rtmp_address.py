"""RTMP addresses end to end: where clients put vhost, app, stream and parameters."""

import re

import pytest

from harness import ffprobe
from rtmp_client import Client, player, publisher
from rtmp_kit import key, publish_polite, start_of_stream, synced


@pytest.mark.parametrize("args, why", [
    ({"app": "live"}, "no tcUrl"),
    ({"app": "live", "tcUrl": 5}, "no tcUrl"),
    (None, "no tcUrl"),
    ({"app": "live", "tcUrl": "http://127.0.0.1/live"}, "unknown scheme"),
    ({"app": "", "tcUrl": "rtmp://127.0.0.1/"}, "no app"),
    ({"app": "live", "tcUrl": "rtmp://127.0.0.1/live?t=" + 5000 * "x"}, "too long"),
])
def test_connect_that_cannot_be_served(server, open_all, args, why):
    """The client gets the reason before the connection ends."""
    srv = server()
    client = open_all(Client, srv.rtmp_port)
    client.handshake()
    client.command("connect", 7, args)
    answer = client.until("_error")[-1]
    assert answer.values[1] == 7
    assert answer.values[3]["code"] == "NetConnection.Connect.Rejected"
    assert why in answer.values[3]["description"]
    client.wait_closed()
    srv.wait_log(f"connect.*{why}")


# Wherever a client puts the name: (tcUrl, connect's app, publish's name).
PLACES_OF_THE_NAME = [
    ("rtmp://127.0.0.1/live/cam", "live/cam", ""),
    ("rtmp://127.0.0.1/live/cam?k=v", "live/cam?k=v", "?k=v"),
    ("rtmp://127.0.0.1", "live", "cam"),
    ("rtmp://127.0.0.1/", "live/cam", ""),
    ("", "live?k=v", "cam"),
    ("rtmp://127.0.0.1/l%69ve", "live", "c%61m"),
]


@pytest.mark.parametrize("tc_url, app, name", PLACES_OF_THE_NAME)
def test_where_the_name_is(server, open_all, headers, tc_url, app, name):
    srv = server()
    client = open_all(Client, srv.rtmp_port)
    client.handshake()
    client.command("connect", 1, {"app": app, "tcUrl": tc_url})
    client.until("onBWDone")
    assert client.publish(name)[-1].code == "NetStream.Publish.Start"
    srv.wait_log("start publish __defaultVhost__/live/cam ")
    start_of_stream(client, headers)
    synced(client)
    assert open_all(player, srv, "cam").media(1)[0].data == key()


def test_a_name_has_one_spelling(server, publish):
    """RTMP names are decoded as HTTP paths are."""
    srv = server()
    publish(srv, "live/my%20cam")
    for url in (srv.http_url("/live/my%20cam.flv"), srv.rtmp_url("live/my%20cam"), srv.rtmp_url("live/my%20%63am")):
        assert ffprobe(url)["streams"]


@pytest.mark.parametrize("name", ["a%", "a%00b", "%2e%2e", "a%3fvhost=b", "a%5cb", "%2e%2e%2fs"])
def test_hostile_encodings_are_refused(server, open_all, name):
    srv = server()
    client = open_all(Client, srv.rtmp_port)
    status = publish_polite(client, name)[-1]
    assert (status.code, status.values[3]["description"]) == \
        ("NetStream.Publish.BadName", "the address is malformed")
    client.wait_closed()


def test_long_parameters(server, open_all, headers):
    """A signed token may be long; parameters over the limit are refused with a reason."""
    srv = server()
    token = "?jwt=" + 4000 * "x"
    client = open_all(publisher, srv, "s" + token)
    start_of_stream(client, headers)
    synced(client)
    assert open_all(player, srv, "s" + token).media(1)[0].data == key()
    assert open_all(player, srv, app="live" + token).media(1)[0].data == key()
    status = publish_polite(open_all(Client, srv.rtmp_port), "t?jwt=" + 5000 * "x")[-1]
    assert status.values[3]["description"] == "the address is too long"


def test_names_with_an_extension(server, open_all, headers, publish):
    srv = server()
    publish(srv, "live/s")
    for name in ("s.flv", "s.ts", "s.mp3", "s.aac"):
        assert ffprobe(srv.rtmp_url("live/" + name))["streams"]
    # A stream of the full name comes first; another extension is part of a name.
    whole = open_all(publisher, srv, "s.flv")
    start_of_stream(whole, headers)
    synced(whole)
    assert open_all(player, srv, "s.flv").media(1)[0].data == key()
    open_all(player, srv, "s.mkv")
    srv.wait_log("start play __defaultVhost__/live/s.mkv ")


ADDRESSES = [
    ("rtmp://127.0.0.1/live", "s", "__defaultVhost__/live/s"),
    ("rtmp://unknown.example/live", "s", "__defaultVhost__/live/s"),
    ("rtmp://v.example/live", "s", "v.example/live/s"),
    ("rtmp://v.example:1935/live/_definst_", "s", "v.example/live/s"),
    ("rtmp://127.0.0.1/live?vhost=v.example", "s", "v.example/live/s"),
    ("rtmp://127.0.0.1/live?domain=v.example&secret=1", "s", "v.example/live/s"),
    ("rtmp://127.0.0.1/live...vhost...v.example", "s", "v.example/live/s"),
    ("rtmp://127.0.0.1/live", "s?vhost=v.example&secret=1", "v.example/live/s"),
    ("rtmp://127.0.0.1/a/b/c", "s?secret=1", "__defaultVhost__/a/b/c/s"),
]


@pytest.mark.parametrize("tc_url, stream, where", ADDRESSES)
def test_addresses(server, open_all, headers, tc_url, stream, where):
    srv = server(vhosts="vhost v.example { }")
    client = open_all(Client, srv.rtmp_port)
    client.handshake()
    client.connect(tc_url=tc_url)
    assert client.publish(stream)[-1].code == "NetStream.Publish.Start"
    srv.wait_log(f"start publish {re.escape(where)} ")
    start_of_stream(client, headers)
    synced(client)
    # A player that uses the same form finds it.
    viewer = open_all(Client, srv.rtmp_port)
    viewer.handshake()
    viewer.connect(tc_url=tc_url)
    viewer.play(stream)
    assert viewer.media(1)[0].data == key()
    assert "secret" not in srv.log()
