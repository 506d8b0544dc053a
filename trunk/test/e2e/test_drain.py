"""A draining server (SIGQUIT) redirects new clients to another one, over HTTP, WebSocket and RTMP;
players, edges and relayed encoders follow.
"""

import re
import signal

import pytest

import flv
from harness import curl, ffmpeg_decode, free_port, run, wait_for
from rtmp import Connection, Publisher

PATIENT = {"grace_start_wait": 60000}


def sent_to(http=None, rtmp=None):
    top = dict(PATIENT)
    if http:
        top["grace_redirect"] = http
    if rtmp:
        top["grace_redirect_rtmp"] = f"127.0.0.1:{rtmp}"
    return top


def drain(srv):
    srv.signal(signal.SIGQUIT)
    srv.wait_log("drain: ")


@pytest.fixture
def pair(server, publish):
    """A draining server, and the server to which it redirects, which has the stream."""
    other = server()
    publish(other)
    gone = server(top=sent_to(f"127.0.0.1:{other.http_port}", other.rtmp_port))
    drain(gone)
    return gone, other


def test_http_viewer_is_redirected(pair):
    gone, other = pair
    path = "/live/livestream.flv?a=b%20c&d=e"
    answer = curl(gone.http_url(path), "-H", "Origin: http://page.example")
    assert answer.status == 302
    assert answer.headers["location"] == f"//127.0.0.1:{other.http_port}{path}"
    assert answer.headers["connection"] == "close"
    assert "access-control-allow-origin" in answer.headers, "browsers ask it of redirections too"
    assert answer.headers["cache-control"] == "no-store"
    assert curl(gone.http_url(path), "-I").status == 302
    # Addresses that are not streams are served as before.
    (gone.html / "page.html").write_text("here")
    assert curl(gone.http_url("/page.html")).text == "here"
    # The path is unchanged in the redirect, whatever it contains.
    odd = curl(gone.http_url("/live/a%20b%0d%0aSet-Cookie.flv"))
    assert "set-cookie" not in odd.headers
    assert odd.status != 302 or "\r" not in odd.headers["location"]


def test_http_players_follow(pair):
    gone, _ = pair
    assert ffmpeg_decode(gone.http_url(), 2) == ""
    followed = curl(gone.http_url(), "-L", seconds=2)
    assert followed.status == 200
    assert followed.body.startswith(b"FLV")


def test_websocket_is_redirected(pair):
    gone, other = pair
    answer = curl(gone.http_url(), *ws_headers())
    assert answer.status == 302
    assert answer.headers["location"] == f"//127.0.0.1:{other.http_port}/live/livestream.flv"


def ws_headers():
    names = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    return [word for name, value in names.items() for word in ("-H", f"{name}: {value}")]


@pytest.mark.parametrize("app", ["live", "5%25"])
def test_rtmp_client_is_redirected(pair, app):
    gone, other = pair
    client = Connection.__new__(Connection)
    with pytest.raises(AssertionError):
        client.__init__(gone.rtmp_url(f"{app}/livestream"))
    told = b"".join(body for kind, body in client.said if kind == 20)
    client.close()
    assert b"NetConnection.Connect.Rejected" in told
    assert b"\0\x04code\0\x40\x72\xe0\0\0\0\0\0" in told, "a number, 302"
    assert f"rtmp://127.0.0.1:{other.rtmp_port}/{app}".encode() in told
    gone.wait_log(f"redirected to rtmp://127.0.0.1:{other.rtmp_port}/{app}")


def test_the_same_port_elsewhere(server):
    """A host alone: the port that the client used, and RTMP is redirected to the same host."""
    gone = server(top=sent_to("other.example"))
    drain(gone)
    answer = curl(gone.http_url())
    assert answer.headers["location"] == f"//other.example:{gone.http_port}/live/livestream.flv"
    answer = curl(gone.http_url(), "-H", "Host: here.example")
    assert answer.headers["location"] == "//other.example/live/livestream.flv"
    client = Connection.__new__(Connection)
    with pytest.raises(AssertionError):
        client.__init__(gone.rtmp_url())
    assert client.has_said(f"rtmp://other.example:{gone.rtmp_port}/live")
    client.close()


def test_over_tls_the_port_stays(server, tmp_path):
    """A given port is that of plain HTTP; a TLS client is redirected to the TLS port."""
    run(["openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj",
         "/CN=localhost", "-keyout", tmp_path / "key", "-out", tmp_path / "crt"])
    port = free_port()
    gone = server(top=sent_to("other.example:8080"),
                  http_server=f"https {{ enabled on; listen {port}; key {tmp_path}/key; "
                              f"cert {tmp_path}/crt; }}")
    drain(gone)
    answer = curl(f"https://127.0.0.1:{port}/live/livestream.flv", "-k")
    assert answer.headers["location"] == f"//other.example:{port}/live/livestream.flv"
    answer = curl(gone.http_url())
    assert answer.headers["location"] == "//other.example:8080/live/livestream.flv"


def test_nowhere_to_go(server, publish):
    """Without grace_redirect new clients are served until the listeners close: a load balancer may
    not have noticed the drain yet."""
    gone = server(top=PATIENT)
    publish(gone)
    drain(gone)
    with flv.Viewer(gone.http_url()) as viewer:
        viewer.wait_media(5)
    with Publisher(gone.rtmp_url("live/another")):
        pass


def test_connected_clients_stay(server, publish):
    gone = server(top=sent_to("127.0.0.1:1", 1))
    publish(gone)
    with flv.Viewer(gone.http_url()) as viewer:
        viewer.wait_media(5)
        drain(gone)
        assert curl(gone.http_url()).status == 302
        viewer.wait_media(len(viewer.media) + 20)


def remote(port, protocol):
    return f"cluster {{ mode remote; origin 127.0.0.1:{port}; protocol {protocol}; }}"


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_an_edge_follows(server, pair, protocol):
    """Its pull follows to the next server, and so does a publish relay."""
    gone, other = pair
    port = gone.rtmp_port if protocol == "rtmp" else gone.http_port
    edge = server(vhost=remote(port, protocol))
    with flv.Viewer(edge.http_url()) as viewer:
        viewer.wait_media(10)


def test_a_relayed_encoder_follows(server, pair):
    gone, other = pair
    edge = server(vhost=remote(gone.rtmp_port, "rtmp"))
    with Publisher(edge.rtmp_url("live/mine")):
        other.wait_log("start publish .*live/mine")


def row_of(server, count, last):
    """`count` draining servers, each of which redirects to the next one, the last to `last`."""
    for _ in range(count):
        srv = server(top=sent_to(None, last))
        drain(srv)
        last = srv.rtmp_port
    return last


@pytest.mark.parametrize("hops, is_reached", [(3, True), (4, False)])
def test_rtmp_clients_are_redirected_at_most_three_times(server, publish, hops, is_reached):
    origin = server()
    publish(origin)
    edge = server(vhost=remote(row_of(server, hops, origin.rtmp_port), "rtmp"))
    with flv.Viewer(edge.http_url()) as viewer:
        if is_reached:
            viewer.wait_media(10)
        else:
            edge.wait_log("no stream from rtmp://.*more than 3 redirects")
            assert "play " not in origin.log()


def test_rtmp_in_a_ring(server):
    """A server that redirects to itself: four requests per attempt, and few attempts."""
    port = free_port()
    ring = server(top={**sent_to(None, port), "listen": port})
    drain(ring)
    edge = server(vhost=remote(port, "rtmp"))
    with flv.Viewer(edge.http_url()):
        edge.wait_log("no stream from rtmp://.*more than 3 redirects")
        wait_for(lambda: len(re.findall("redirected to rtmp:", ring.log())) >= 8, 15, "another try")
        assert len(re.findall("more than 3 redirects", edge.log())) == 1
