"""Which rules apply: one vhost requires signed addresses and is reached by a host that is not its
name. Its live streams and recordings are refused without a signature, by any spelling, host or
parameter."""

import base64
import hashlib
import hmac
import http.client
import itertools
import shutil
import socket
import time

import pytest

import flv
import harness
import rtmp
from harness import curl, wait_for
from access_kit import refused_socket

KEY = "hosts-secret-1d7a"
CONFIG = f"""
listen @RTMP@;
daemon off;
srs_log_tank console;
http_server {{
    enabled on; listen @HTTP@; dir @HTML@;
    http_pull {{ enabled on; mount /pull; }}
}}
vhost __defaultVhost__ {{
    http_remux {{ enabled on; hstrs off; mount [vhost]/[app]/[stream].flv; }}
}}
vhost open.example {{
    http_remux {{ enabled on; hstrs off; mount [vhost]/[app]/[stream].flv; }}
    http_static {{ enabled on; mount [vhost]/own/; dir @HTML@/../open; }}
}}
vhost paid.example {{
    token {{ enabled on; key {KEY}; publish off; }}
    http_remux {{
        enabled on; hstrs off;
        mount cdn.example/[app]/[stream].flv; mount live.[vhost]/[app]/[stream].flv;
        mount [vhost]/[app]/[stream].flv;
    }}
    http_static {{ enabled on; mount cdn.example/films/; dir @HTML@/../paid; }}
}}
"""
# A live stream, a recording in the vhost's own folder, one in the folder of all hosts.
STREAMS = ["live/cam", "films/own", "shared/old"]
UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: " + base64.b64encode(bytes(16)).decode() + "\r\n"
HOSTS = ["cdn.example", "CDN.example", "cdn.example:8080", "live.paid.example", "paid.example",
         "PAID.EXAMPLE:1", "open.example", "__defaultVhost__", "127.0.0.1", "nobody.example"]
PATHS = ["/{0}.flv", "//{0}.flv", "/x/../{0}.flv", "/./{0}.flv", "/{1}%2f{2}.flv", "/{1}//{2}.flv",
         "/{1}/{2}%2eflv", "/%{3:02x}{4}.flv", "/{1}/%2e/{2}.flv", "/{0}.flv?start=100",
         "/{0}.flv?starttime=1", "/{0}.FLV", "/{0}.ts"]
VHOSTS = ["paid.example", "PAID.example", "%70aid.example", "cdn.example", "live.paid.example",
          "open.example", "__defaultVhost__", "nobody.example", ""]


def signed(stream):
    expires = int(time.time()) + 3600
    text = f"play\npaid.example/{stream}\n{expires}\n"
    return f"expires={expires}&sign={hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()}"


@pytest.fixture(scope="module")
def paid(tmp_path_factory, small_flv):
    folder = tmp_path_factory.mktemp("paid")
    # Before the start: the sandbox knows no folder that comes later.
    for name in ("paid", "open", "html/shared", "html/films"):
        (folder / name).mkdir(parents=True)
    srv = harness.Server(folder, config=CONFIG)
    shutil.copy(small_flv, srv.html.parent / "paid" / "own.flv")
    shutil.copy(small_flv, srv.html.parent / "open" / "free.flv")
    shutil.copy(small_flv, srv.html / "shared" / "old.flv")
    shutil.copy(small_flv, srv.html / "films" / "old.mp4")
    publisher = harness.FfmpegPublisher(folder / "publish.log", small_flv,
                                        srv.rtmp_url("live/cam?vhost=paid.example"))
    try:
        yield srv
    finally:
        publisher.kill()
        srv.stop()
        srv.kill()


def spellings(stream):
    app, name = stream.split("/")
    for path in PATHS:
        yield path.format(stream, app, name, ord(app[0]), stream[1:])
    for vhost in VHOSTS:
        yield f"/{stream}.flv?vhost={vhost}"
        yield f"/{stream}.flv?start=100&vhost={vhost}"
        yield f"/pull?app={app}&stream={name}&vhost={vhost}"
    yield f"/pull?app={app}&stream={name}"
    yield f"/pull?app={app}&stream={name}%3fvhost=paid.example"
    yield f"/pull?app={app}&stream={name}...vhost...paid.example"


def ask(conn, method, target, host):
    conn.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    conn.putheader("Host", host)
    conn.endheaders()
    answer = conn.getresponse()
    assert answer.status in (400, 401, 403, 404), (method, target, host, answer.status)
    assert b"FLV\x01" not in answer.read()


@pytest.mark.parametrize("stream", STREAMS)
def test_an_unsigned_address_reaches_no_stream(paid, stream):
    conn = http.client.HTTPConnection("127.0.0.1", paid.http_port, timeout=10)
    for host, target in itertools.product(HOSTS, spellings(stream)):
        ask(conn, "GET", target, host)
        ask(conn, "HEAD", target, host)
    conn.close()


def upgrade(srv, target, host):
    """The answer with its first frame, or its body."""
    with socket.create_connection(("127.0.0.1", srv.http_port), 10) as conn:
        conn.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{UPGRADE}\r\n".encode())
        data = b""
        while not data.partition(b"\r\n\r\n")[2]:
            got = conn.recv(65536)
            assert got, data
            data += got
        return data


@pytest.mark.parametrize("stream", STREAMS)
def test_an_unsigned_websocket_reaches_no_stream(paid, stream):
    for host, mark in itertools.product(HOSTS, ("", "?vhost=cdn.example")):
        data = upgrade(paid, f"/{stream}.flv{mark}", host)
        assert data.startswith(b"HTTP/1.1 4") or refused_socket(data) in (4401, 4403, 4404), data


@pytest.mark.parametrize("host", ["cdn.example", "live.paid.example", "paid.example"])
def test_every_host_gives_the_same_answer(paid, host):
    """Live or recorded, by each of its hosts: 401 without a signature, 403 with a wrong one."""
    for stream in STREAMS:
        url = paid.http_url(f"/{stream}.flv")
        name = ["-H", f"Host: {host}"]
        assert curl(url, *name).status == 401
        assert curl(f"{url}?{signed('live/other')}", *name).status == 403
        assert curl(url + "?vhost=" + host).status == 401


def test_signed_is_served(paid, small_flv):
    data = small_flv.read_bytes()
    own = paid.http_url("/films/own.flv?" + signed("films/own"))
    assert curl(own, "-H", "Host: cdn.example").body == data
    assert curl(own + "&vhost=cdn.example").body == data
    shared = paid.http_url("/shared/old.flv?" + signed("shared/old"))
    for host in ("cdn.example", "paid.example", "open.example", "nobody.example"):
        assert curl(shared, "-H", f"Host: {host}").body == data, host
    for target in ("/live/cam.flv?vhost=cdn.example&", "/live/cam.flv?vhost=paid.example&",
                   "/live/cam.flv?vhost=live.paid.example&",
                   "/pull?app=live&stream=cam&vhost=cdn.example&"):
        with flv.Viewer(paid.http_url(target + signed("live/cam"))) as viewer:
            viewer.wait_media(5)


def test_streams_without_a_key_need_no_signature(paid, small_flv):
    """Files that are not at a stream's address, and those of a vhost's own folder."""
    data = small_flv.read_bytes()
    assert curl(paid.http_url("/films/old.mp4")).body == data
    assert curl(paid.http_url("/own/free.flv?vhost=open.example")).body == data


def test_sources_have_the_default_rules(server, publish, small_flv):
    """The client cannot choose the rules for a source: src= with a ?vhost= that has no rules."""
    origin = server()
    publish(origin, "live/cam", source=small_flv)
    srv = server(http_server="http_pull { enabled on; mount /pull;"
                             f" source here {origin.rtmp_url('')[:-1]}; }}",
                 vhost="security { enabled on; allow publish all; deny play all; }",
                 vhosts="vhost open.example { http_remux { enabled on; hstrs off; } }")
    url = srv.http_url("/pull?src=here&app=live&stream=cam")
    assert curl(url).status == 403
    assert curl(url + "&vhost=open.example").status == 403
    assert curl(url, "-H", "Host: open.example").status == 403


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_the_most_specific_mount_wins(server, view, order):
    """Two vhosts whose mounts give one address: the one that names the host in so many words has it,
    in whatever order they publish, and also while its stream is not there."""
    srv = server(vhosts="vhost a { http_remux { enabled on; mount b/[app]/[stream].flv; } }\n"
                     "vhost b { http_remux { enabled on; hstrs off;"
                     " mount [vhost]/[app]/[stream].flv; } }")
    open_now = {}
    try:
        for vhost in order:
            open_now[vhost] = rtmp.Publisher(srv.rtmp_url(f"live/s?vhost={vhost}"))
            viewer = view(srv, "/live/s.flv?vhost=b")
        at = itertools.count()

        def has_media():
            for vhost, publisher in open_now.items():
                publisher.send_tag(flv.Tag(flv.AUDIO, next(at) * 13, b"\x2f\xff\xfb\x90\x00" +
                                           vhost.encode() * 100))
            return len(viewer.check().media) >= 2

        wait_for(has_media, 10, "media")
        assert viewer.media[0].data[5:6] == b"a"
        assert "play a/live/s.flv" in srv.log()
        assert "play b/live/s.flv" not in srv.log()
    finally:
        for one in open_now.values():
            one.close()
