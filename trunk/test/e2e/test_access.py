"""Access control end to end: who may publish and play, and a hundred attempts to bypass it, all of
which fail. The signature is computed here from doc/access.md alone, and compared with that of
objs/sign."""

import socket
import time

import pytest

import flv
from access_kit import (NEVER, UPGRADE, exchange, fields, guarded, query,  # noqa: F401
                        refused_socket, rtmp_client_of)
from harness import wait_for


# ---- HTTP attempts: (name, request line's target, extra)

GOOD = "{good}"         # a signed query for the stream that is asked for
EXPIRES, SIGN = "{expires}", "{sign}"
SPELLINGS = [
    "/live/livestream.flv", "//live//livestream.flv", "/live/./livestream.flv",
    "/live/../live/livestream.flv", "/x/../live/livestream.flv", "/%6cive/livestream.flv",
    "/live%2flivestream.flv", "/live/livestream%2eflv", "/live/livestream.fl%76",
    "/%2e/live/livestream.flv", "/live/%2e%2e/live/livestream.flv", "/LIVE/livestream.flv",
    "/live/LIVESTREAM.FLV", "/live/livestream.FLV", "/live/livestream.flv/",
    "/live/livestream.flv%00", "/live/livestream.flv%00.html", "/live/livestream.flv;x=y",
    "/live/livestream.flv?", "/live/livestream.flv#part", "/live\\livestream.flv",
    "/live/livestream%252eflv", "/live/_definst_/livestream.flv", "/every/live/livestream.flv",
    "/every//live/livestream.flv", "/open.example/live/livestream.flv",
    "/__defaultVhost__/live/livestream.flv", "/live?app=live&stream=livestream",
    "/live?app=live&stream=livestream&port=1935", "/live?app=%6Cive&stream=live%73tream",
    "/live?app=/live&stream=livestream", "/live?app=live/&stream=livestream",
    "/live?app=live&stream=./livestream", "/live?app=x&stream=../live/livestream",
    "/live?app=live&stream=livestream&vhost=closed.example",
    "/live?vhost=open.example&app=live&stream=livestream", "/live?app=LIVE&stream=livestream",
    "/live?src=here&app=live&stream=livestream", "/live?src=here&app=live&stream=livestream&{other}",
    "/live?app=live&stream=livestream&{publish}", "/live?app=live&stream=livestream%3f{good}",
    "/live/livestream.ts?only=video", "/live/livestream.ts", "/live/livestream.mp3",
    "/live/livestream.aac", "/live/livestream.m3u8", "/live/livestream", "/live/livestream.flv.ts",
    "/live/livestream.flv?start=0", "/live/livestream.flv?starttime=0", "live/livestream.flv",
    "/live/livestream.flv?only=video", "/live/livestream.flv?vhost=__defaultVhost__",
    "/live/livestream.flv?vhost=__DEFAULTVHOST__", "/live/livestream.flv?vhost=",
    "/live/livestream.flv?vhost=127.0.0.1", "/live/livestream.flv?vhost=nobody.example",
    "/live/livestream.flv?vhost=closed.example", "/live/livestream.flv?vhost=CLOSED.example",
    "/live/livestream.flv?vhost=%63losed.example", "/every/live/livestream.flv?vhost=open.example",
]
QUERIES = [
    "expires={expires}", "sign={sign}", "expires=&sign=", "expires&sign", "expires={expires}&sign=",
    "expires={expires}1&sign={sign}", "expires=9999999999&sign={sign}", "expires=-1&sign={sign}",
    "expires=0x7fffffff&sign={sign}", "expires=1e12&sign={sign}", "expires=%20{expires}&sign={sign}",
    "expires={expires}.0&sign={sign}", "expires={expires}&sign={sign}0",
    "expires={expires}&sign={short}", "expires={expires}&sign={zeros}",
    "expires={expires}&sign={sign}%00", "expires={expires}&sign=%20{sign}",
    "expires={expires}&sign=0x{sign}", "expires={expires}&sign={flipped}",
    "Expires={expires}&Sign={sign}", "expires={expires}&sign[]={sign}",
    "expires={expires}&%73ign={sign}", "expires={expires};sign={sign}",
    "expires={expires}%26sign={sign}", "expires=9999999999&expires={expires}&sign={sign}",
    "sign={zeros}&expires={expires}&sign={sign}", "expires={expires}&sign={sign}&sign=",
    "expires={expires}#&sign={sign}", "x?expires={expires}&sign={sign}",
    "{publish}", "{other}", "{other_app}", "{other_key}", "{expired}", "{other_ip}", "{closed}",
    "{unrooted}", "{default_named}", "{case}", "{extension}", "{empty_key}",
]


# Odd but legitimate requests are not in the list above: only the last of two sign= is read.
QUERIES.remove("expires={expires}&sign={sign}&sign=")


HEADERS = [
    "Authorization: Bearer {sign}", "Authorization: Basic YWRtaW46YWRtaW4=",
    "Cookie: expires={expires}; sign={sign}", "X-Forwarded-For: 127.0.0.1",
    "X-Original-URL: /live/livestream.flv?{good}", "X-Rewrite-URL: /live/livestream.flv?{good}",
    "X-HTTP-Method-Override: GET", "Origin: http://open.example", "Referer: http://x/?{good}",
    "Range: bytes=0-", "Expect: 100-continue", "X-Forwarded-Host: open.example",
    "Forwarded: for=127.0.0.1;host=open.example", "Connection: close, sign",
]
LINES = [
    "HEAD /live/livestream.flv HTTP/1.1", "POST /live/livestream.flv HTTP/1.1",
    "PUT /live/livestream.flv HTTP/1.1", "OPTIONS /live/livestream.flv HTTP/1.1",
    "PROPFIND /live/livestream.flv HTTP/1.1", "get /live/livestream.flv HTTP/1.1",
    "GET /live/livestream.flv HTTP/1.0", "GET http://127.0.0.1/live/livestream.flv HTTP/1.1",
    "GET http://open.example/every/live/livestream.flv HTTP/1.1", "GET /live/livestream.flv",
]
HOSTS = ["open.example", "closed.example", "CLOSED.EXAMPLE:8080", "__defaultVhost__", "localhost",
         "[::1]", "closed.example."]


def attempts():
    for target in SPELLINGS:
        yield f"GET {target}", f"GET {target} HTTP/1.1", "127.0.0.1", ""
    for one in QUERIES:
        yield f"query {one}", f"GET /live/livestream.flv?{one} HTTP/1.1", "127.0.0.1", ""
    for header in HEADERS:
        yield header.split(" ")[0] + header[-9:], "GET /live/livestream.flv HTTP/1.1", \
            "127.0.0.1", header + "\r\n"
    for line in LINES:
        yield line, line, "127.0.0.1", ""
    for host in HOSTS:
        path = "/every/live/livestream.flv" if host == "open.example" else "/live/livestream.flv"
        yield f"host {host}", f"GET {path} HTTP/1.1", host, ""
    for one in ("", "?{publish}", "?{other}", "?{expired}", "?{flipped_query}"):
        yield f"ws {one}", f"GET /live/livestream.flv{one} HTTP/1.1", "127.0.0.1", UPGRADE


@pytest.mark.parametrize("line,host,header", [pytest.param(*a[1:], id=a[0]) for a in attempts()])
def test_no_other_address_avoids_the_signature(guarded, line, host, header):
    known = fields()

    def fill(text):
        for name, value in known.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    data = exchange(guarded, f"{fill(line)}\r\nHost: {host}\r\n{fill(header)}"
                    + ("" if header == UPGRADE or "Connection:" in header
                       else "Connection: close\r\n")
                    + "\r\n")
    assert b"FLV\x01" not in data and b"Content-Type: video/" not in data \
        and b"Content-Type: audio/" not in data, data[:500]
    if header == UPGRADE and b" 101 " in data[:20]:
        assert refused_socket(data) == (4401 if "?" not in line else 4403)
        return
    assert b" 101 " not in data[:20]
    if not line.endswith("HTTP/1.1") and not line.endswith("HTTP/1.0"):
        return  # no answer that has a head
    assert data.startswith(b"HTTP/1.1 "), data[:500]
    status = int(data.split(b" ")[1])
    allowed = {204} if line.startswith("OPTIONS") else {400, 401, 403, 404, 405, 501}
    assert status in allowed, data[:500]
    if "/live/livestream.flv HTTP/1.1" in line and line.startswith(("GET /live", "HEAD /live")) \
            and host == "127.0.0.1":
        assert status == 401, "an address without a signature"


def test_at_least_a_hundred_attempts():
    assert len(list(attempts())) >= 100


def test_a_second_request_is_asked_again(guarded):
    """Pipelined and keep-alive requests: each one is checked for itself."""
    good = query()
    with socket.create_connection(("127.0.0.1", guarded.http_port), 10) as conn:
        conn.sendall(f"HEAD /live/livestream.flv?{good} HTTP/1.1\r\nHost: x\r\n\r\n"
                     "GET /live/livestream.flv HTTP/1.1\r\nHost: x\r\n"
                     "Connection: close\r\n\r\n".encode())
        data = b""
        while got := conn.recv(65536):
            data += got
    heads = data.split(b"HTTP/1.1 ")[1:]
    assert [h[:3] for h in heads] == [b"200", b"401"]
    assert b"FLV\x01" not in data


def test_a_body_is_no_request(guarded):
    hidden = f"GET /live/livestream.flv?{query()} HTTP/1.1\r\nHost: x\r\n\r\n"
    data = exchange(guarded, "GET /live/livestream.flv HTTP/1.1\r\nHost: x\r\n"
                    f"Connection: close\r\nContent-Length: {len(hidden)}\r\n\r\n{hidden}")
    assert data.startswith(b"HTTP/1.1 401 ") and data.count(b"HTTP/1.1 ") == 1


RTMP_PLAYS = [
    ("live", None, "livestream"), ("live", None, "livestream?{other}"),
    ("live", None, "livestream?{publish}"), ("live", None, "livestream?{expired}"),
    ("live", None, "livestream?{flipped_query}"), ("live", None, "livestream?{other_key}"),
    ("live", None, "livestream?{other_ip}"), ("live", None, "livestream?{closed}"),
    ("live", None, "livestream?expires={expires}"), ("live", None, "livestream?sign={sign}"),
    ("live", None, "livestream?vhost=closed.example&{good}"),
    ("live", None, "livestream?domain=closed.example&{good}"),
    ("live", None, "livestream...vhost...closed.example"),
    ("live", "rtmp://closed.example/live", "livestream"),
    ("live", "rtmp://closed.example/live?{good}", "livestream"),
    ("live", "rtmp://127.0.0.1/live/_definst_", "livestream"),
    ("live", "rtmp://127.0.0.1//live", "/livestream"), ("live", None, "x/../livestream"),
    ("live", "rtmp://__defaultVhost__/live", "livestream"),
    ("live", "rtmp://127.0.0.1/live?vhost=__defaultVhost__", "livestream"),
]


@pytest.mark.parametrize("app,tc_url,stream", RTMP_PLAYS, ids=lambda value: str(value))
def test_no_way_to_play_over_rtmp(guarded, app, tc_url, stream):
    known = fields()
    for name, value in known.items():
        stream = stream.replace("{" + name + "}", str(value))
        tc_url = tc_url and tc_url.replace("{" + name + "}", str(value))
    with rtmp_client_of(guarded, app, tc_url) as client:
        client.play(stream, wait=False)
        seen = client.until("onStatus")
        assert seen[-1].code == "NetStream.Play.Failed", seen[-1]
        assert seen[-1].values[3]["level"] == "error"
        assert not any(m.type in (8, 9, 18) for m in seen)
        client.wait_closed(5)


RTMP_PUBLISHES = ["", "?{good}", "?{publish_other}", "?{publish_expired}", "?{publish_other_key}",
                  "?{publish_closed}", "?expires={expires}&sign={zeros}"]


@pytest.mark.parametrize("params", RTMP_PUBLISHES)
def test_no_way_to_publish(guarded, params):
    known = fields()
    path = "/live/mine"
    known |= {"good": query(path=path), "publish_other": query("publish"),
              "publish_expired": query("publish", path, int(time.time()) - 1),
              "publish_other_key": query("publish", path, key=NEVER),
              "publish_closed": query("publish", "closed.example/live/mine")}
    for name, value in known.items():
        params = params.replace("{" + name + "}", str(value))
    with rtmp_client_of(guarded) as client:
        status = client.publish("mine" + params)[-1]
        assert status.code == "NetStream.Publish.Denied", status
        client.wait_closed(5)


def test_publishing_gives_no_right_to_play(guarded):
    """A further request of an accepted connection is checked for itself."""
    with rtmp_client_of(guarded) as client:
        client.publish("mine?" + query("publish", "/live/mine"))
        client.command("FCUnpublish", 6, None, "mine")
        client.until("NetStream.Unpublish.Success")
        client.play("livestream", wait=False)
        assert client.until("onStatus")[-1].code in ("NetStream.Unpublish.Success",
                                                     "NetStream.Play.Failed")
        client.wait_closed(5)


# ---- rules by address and by page

def play_status(srv, **kw):
    with flv.Viewer(srv.http_url("/live/s.flv"), **kw) as viewer:
        wait_for(lambda: viewer.status or viewer.is_done, 10, "an answer")
        return viewer.status
