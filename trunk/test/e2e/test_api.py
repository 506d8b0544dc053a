"""The HTTP API end to end, in the format that consoles for SRS expect."""

import json
import socket
import time

import pytest

import flv
import harness
from api_kit import api, api_server  # noqa: F401
from harness import curl, wait_for
from rtmp import Publisher


def test_versions_and_summaries(api_server):  # noqa: F811
    srv = api_server()
    answer = api(srv, "versions")
    assert answer["code"] == 0 and answer["server"] and int(answer["pid"]) == srv.pid
    version = answer["data"]
    assert version["version"] == f"{version['major']}.{version['minor']}.{version['revision']}"
    # Scripts for SRS look for this; which server it is stands beside it.
    assert version["major"] >= 4 and version["name"] == "Millrace"
    assert answer["server"] and version["release"].count(".") == 2
    summary = api(srv, "summaries")["data"]
    assert summary["ok"] is True and summary["self"]["pid"] == srv.pid
    assert abs(summary["now_ms"] / 1000 - time.time()) < 5


def test_a_published_stream(api_server, publish):  # noqa: F811
    srv = api_server()
    assert api(srv, "streams")["streams"] == []
    first = publish(srv, "live/livestream?token=secret-key")
    [stream] = wait_for(lambda: [s for s in api(srv, "streams")["streams"] if s["video"]
                                 and s["audio"] and s["kbps"]["recv_30s"] > 0],
                        what="the stream's description")
    assert (stream["name"], stream["app"], stream["url"]) == \
        ("livestream", "live", "/live/livestream")
    video, audio = stream["video"], stream["audio"]
    assert (video["codec"], video["width"], video["height"]) == ("H264", 1280, 720)
    assert video["profile"] == "High" and video["level"] == "3.1"
    assert stream["tcUrl"] == srv.rtmp_url("live")
    assert (audio["codec"], audio["sample_rate"], audio["channel"], audio["profile"]) == \
        ("AAC", 44100, 2, "LC")
    assert stream["publish"]["active"] is True and stream["clients"] == 1
    assert stream["recv_bytes"] > 0 and stream["frames"] > 0
    assert api(srv, f"streams/{stream['id']}")["stream"]["id"] == stream["id"]
    publisher = api(srv, f"clients/{stream['publish']['cid']}")["client"]
    assert publisher["publish"] is True and publisher["stream"] == stream["id"]
    assert publisher["ip"] == "127.0.0.1" and publisher["recv_bytes"] > 0
    assert publisher["tcUrl"] == srv.rtmp_url("live") and publisher["pageUrl"] == ""
    [vhost] = api(srv, "vhosts")["vhosts"]
    assert vhost["id"] == stream["vhost"] == publisher["vhost"]
    assert (vhost["name"], vhost["streams"], vhost["clients"]) == ("__defaultVhost__", 1, 1)
    everything = "".join(json.dumps(api(srv, name)) for name in
                         ("streams", "clients", "vhosts", "summaries"))
    assert "secret" not in everything and "token" not in everything
    first.stop()
    # Without viewers it ends with its publisher.
    wait_for(lambda: api(srv, "streams")["streams"] == [], what="the stream to be gone")


def test_a_stream_without_its_publisher(api_server, publish):  # noqa: F811
    srv = api_server()
    first = publish(srv)
    seen = srv.folder / "viewer.flv"
    viewer = harness.Process(["curl", "-s", "-N", "-o", seen, srv.http_url()],
                             srv.folder / "viewer.log")
    try:
        wait_for(lambda: api(srv, "streams")["streams"][0]["clients"] == 2, what="the viewer")
        # The server waits for the publisher only for viewers whose stream has started.
        wait_for(lambda: seen.exists() and seen.stat().st_size > 0, what="the stream's first bytes")
        first.stop()
        wait_for(lambda: not api(srv, "streams")["streams"][0]["publish"]["active"],
                 what="the publisher to be gone")
        [stream] = api(srv, "streams")["streams"]
        assert stream["publish"]["cid"] == "" and stream["clients"] == 1
    finally:
        viewer.kill()


def test_tracks_are_those_of_the_current_publisher(api_server, publish):  # noqa: F811
    """MP3 has no sequence header; and what the last publisher had is not shown for the next."""
    srv = api_server()
    first = publish(srv, args=["-c:v", "copy", "-c:a", "libmp3lame"])
    viewer = harness.Process(["curl", "-s", "-o", "/dev/null", srv.http_url()],
                             srv.folder / "viewer.log")

    def codecs():
        streams = api(srv, "streams")["streams"]
        return [(s["video"] or {}).get("codec") for s in streams] + \
            [(s["audio"] or {}).get("codec") for s in streams]

    try:
        wait_for(lambda: codecs() == ["H264", "MP3"], what="both tracks")
        first.stop()
        publish(srv, args=["-an", "-c:v", "copy"])
        wait_for(lambda: codecs() == ["H264", None], what="the video alone")
    finally:
        viewer.kill()


def test_viewers_are_clients(api_server, publish):  # noqa: F811
    srv = api_server()
    publish(srv)
    viewers = [harness.Process(["curl", "-s", "-o", "/dev/null", srv.http_url()],
                               srv.folder / f"viewer{i}.log") for i in range(3)]
    try:
        wait_for(lambda: api(srv, "streams")["streams"][0]["clients"] == 4, what="three viewers")
        clients = api(srv, "clients")["clients"]
        assert sorted(c["type"] for c in clients) == ["flv-play"] * 3 + ["fmle-publish"]
        assert [c["id"] for c in clients] == sorted({c["id"] for c in clients})
        viewer = next(c for c in clients if not c["publish"])
        assert viewer["name"] == "livestream.flv" and viewer["swfUrl"] == ""
        assert viewer["tcUrl"] == srv.http_url("/live")
        wait_for(lambda: all(c["send_bytes"] > 100_000 for c in api(srv, "clients")["clients"]
                             if not c["publish"]), what="bytes sent")
        assert len(api(srv, "clients?start=0&count=2")["clients"]) == 2
        assert len(api(srv, "clients?start=3&count=2")["clients"]) == 1
    finally:
        for viewer in viewers:
            viewer.kill()
    wait_for(lambda: len(api(srv, "clients")["clients"]) == 1, what="the viewers to be gone")
    assert api(srv, "streams")["streams"][0]["clients"] == 1


def test_many_streams_are_paged(api_server, source_flv):  # noqa: F811
    srv = api_server()
    tags = flv.preamble_and_ring(flv.parse_file(source_flv).tags)[0]
    publishers = [Publisher(srv.rtmp_url(f"live/s{i:02}")) for i in range(12)]
    try:
        for publisher in publishers:
            publisher.send_tags(tags)
        assert len(api(srv, "streams")["streams"]) == 10
        every = api(srv, "streams?count=100")["streams"]
        assert sorted(s["name"] for s in every) == [f"s{i:02}" for i in range(12)]
        pages = [s for start in (0, 5, 10) for s in
                 api(srv, f"streams?start={start}&count=5")["streams"]]
        assert [s["id"] for s in pages] == [s["id"] for s in every]
    finally:
        for publisher in publishers:
            publisher.close()


def test_streams_that_nobody_publishes(api_server):  # noqa: F811
    """Listed where all is shown, as long as a viewer waits; not for the public."""
    srv = api_server()
    waiting = harness.Process(["curl", "-s", srv.http_url("/live/any-name-at-all.flv")],
                              srv.folder / "waiting.log")
    try:
        wait_for(lambda: len(api(srv, "clients")["clients"]) == 1, what="the viewer that waits")
        [stream] = api(srv, "streams?count=100")["streams"]
        assert stream["name"] == "any-name-at-all" and stream["clients"] == 1
        assert stream["publish"] == {"active": False} and stream["video"] is None
        assert api(srv, "streams", port=srv.http_port)["streams"] == []
        page = curl(srv.http_url("/players/streams.json"))
        assert page.json()["streams"] == []
    finally:
        waiting.kill()
    wait_for(lambda: api(srv, "streams?count=100")["streams"] == [], what="the viewer to be gone")


def test_errors(api_server):  # noqa: F811
    srv = api_server()
    assert api(srv, "streams/none") == {"code": 2048}
    assert api(srv, "vhosts/none") == {"code": 2014}
    assert api(srv, "clients/none") == {"code": 2049}
    base = f"http://127.0.0.1:{srv.api_port}"
    for path in ("/live/livestream.flv", "/x", "/api/v2/"):
        assert curl(base + path).status == 404, path
    # As with SRS: what the API does not know is answered with what it knows.
    known = api(srv, "")["urls"]
    assert "clients" in known and "tests" in known
    for path in ("nothing", "versions/x", "streamsx", "kicks/x"):
        assert api(srv, path)["urls"] == known, path
    assert curl(base + "/").json()["urls"].keys() == {"api"}
    assert curl(base + "/api").json()["urls"] == curl(base + "/api/").json()["urls"]
    for path, allow in (("streams", "GET, HEAD, OPTIONS"),
                        ("clients/x", "GET, HEAD, DELETE, OPTIONS")):
        posted = curl(f"{base}/api/v1/{path}", "-X", "POST", "-d", "x")
        assert posted.status == 405 and posted.headers["allow"] == allow


def test_at_the_http_server_only_what_the_page_needs(api_server):  # noqa: F811
    srv = api_server()
    assert api(srv, "streams", port=srv.http_port)["streams"] == []
    assert api(srv, "versions", port=srv.http_port)["code"] == 0
    for path in ("clients", "vhosts", "summaries", ""):
        assert curl(srv.http_url("/api/v1/" + path)).status == 404, path


def test_one_port_for_both(server):
    srv = server(config="""listen @RTMP@; daemon off; srs_log_tank console;
        http_server { enabled on; listen @HTTP@; dir @HTML@; }
        http_api { enabled on; listen 0.0.0.0:@HTTP@; }
        vhost __defaultVhost__ { http_remux { enabled on; } }""")
    for path in ("streams", "clients", "vhosts", "summaries", "versions", ""):
        assert api(srv, path, port=srv.http_port)["code"] == 0
    assert curl(srv.http_url("/live/nothing.txt")).status == 404


def test_switched_off(server):
    srv = server()
    assert curl(srv.http_url("/api/v1/streams")).status == 404


@pytest.mark.parametrize("switch", ["on", "off"])
def test_crossdomain(switch, api_server):  # noqa: F811
    srv = api_server(f"crossdomain {switch};")
    answer = curl(f"http://127.0.0.1:{srv.api_port}/api/v1/streams", "-H", "Origin: http://page.a")
    assert ("access-control-allow-origin" in answer.headers) == (switch == "on")
    # The other listener has a switch of its own.
    answer = curl(srv.http_url("/api/v1/streams"), "-H", "Origin: http://page.a")
    assert answer.headers["access-control-allow-origin"] == "*"


def own_address():
    """An address of this machine other than loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


CALLS = ("", "clients", "clients/x", "vhosts", "summaries")


def test_this_machine_only(api_server, publish):  # noqa: F811
    """From any other address only what is public, and no client in it, until it is opened."""
    other = own_address()
    if other is None:
        pytest.skip("this machine has no other address than its loopback's")
    closed = api_server()
    publish(closed)
    assert "HTTP API is open to this machine only" in closed.log()
    base = f"http://{other}:{closed.api_port}/api/v1/"
    for path in CALLS:
        refused = curl(base + path)
        assert refused.status == 403 and "open on" in refused.json()["reason"], path
    assert curl(base + "versions").status == 200
    here = wait_for(lambda: api(closed, "streams")["streams"], what="the stream")[0]
    (there,) = curl(base + "streams").json()["streams"]
    assert here["publish"]["cid"] and there["publish"] == {"active": True, "cid": ""}
    (there,) = curl(closed.http_url("/api/v1/streams")).json()["streams"]
    assert there["publish"]["cid"] == ""
    one = curl(f"{base}streams/{here['id']}").json()["stream"]
    assert one["id"] == here["id"] and one["publish"]["cid"] == ""
    opened = api_server("open on;")
    assert "this machine only" not in opened.log()
    for path in CALLS:
        assert curl(f"http://{other}:{opened.api_port}/api/v1/{path}").status == 200, path


def test_what_a_page_of_another_site_reads(api_server, publish):  # noqa: F811
    """Nothing that is not public; and it never gets credentials or private network access."""
    closed, opened = api_server(), api_server("open on;")
    publish(closed)
    wait_for(lambda: api(closed, "streams")["streams"], what="the stream")
    for srv in (closed, opened):
        for path in (*CALLS, "streams", "versions"):
            url = f"http://127.0.0.1:{srv.api_port}/api/v1/{path}"
            for more in ((), ("-X", "OPTIONS", "-H", "Access-Control-Request-Method: GET",
                              "-H", "Access-Control-Request-Private-Network: true")):
                got = curl(url, "-H", "Origin: http://page.a", *more).headers
                is_shared = srv is opened or path in ("streams", "versions")
                assert got.get("access-control-allow-origin") == ("*" if is_shared else None), path
                assert "access-control-allow-credentials" not in got
                assert "access-control-allow-private-network" not in got
    answer = curl(f"http://127.0.0.1:{closed.api_port}/api/v1/streams", "-H", "Origin: http://a")
    assert answer.json()["streams"][0]["publish"]["cid"] == ""
    # DNS rebinding: a host name that points to this server makes a page one of this site.
    url = f"http://127.0.0.1:{closed.api_port}/api/v1/clients"
    for host, status in (("page.a", 403), ("localhost.page.a", 403), ("127.0.0.1.page.a", 403),
                         ("notlocalhost", 403), ("localhost", 200), ("[::1]:1985", 200),
                         ("192.0.2.7", 200)):
        assert curl(url, "-H", f"Host: {host}").status == status, host


@pytest.mark.parametrize("header", ["X-Forwarded-For: 192.0.2.1", "X-Real-IP: 192.0.2.1",
                                    "Forwarded: for=192.0.2.1", "Via: 1.1 proxy"])
def test_a_proxy_on_this_machine(server, header):
    """A proxy that is not trusted counts as a remote client; a trusted one counts as the client
    that it names."""
    def start(top):
        return server(config=f"""listen @RTMP@; daemon off; srs_log_tank console; {top}
            http_server {{ enabled on; listen @HTTP@; dir @HTML@; }}
            http_api {{ enabled on; listen @HTTP@; }}
            vhost __defaultVhost__ {{ }}""")
    plain = start("")
    url = plain.http_url("/api/v1/clients")
    assert curl(url).status == 200
    assert curl(url, "-H", header).status == 403
    assert curl(plain.http_url("/api/v1/streams"), "-H", header).status == 200
    behind = start("trusted_proxies 127.0.0.1;")
    url = behind.http_url("/api/v1/clients")
    names_client = header.startswith("X-")
    assert curl(url, "-H", header).status == (403 if names_client else 200)
    assert curl(url, "-H", "X-Forwarded-For: 127.0.0.1").status == 200
    # An entry by the client itself is to the left of the proxy's entry.
    assert curl(url, "-H", "X-Forwarded-For: 127.0.0.1, 192.0.2.1").status == 403
