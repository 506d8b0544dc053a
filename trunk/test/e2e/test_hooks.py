"""http_hooks: who is asked when, in which order, in every protocol; what is told, and that each start
has exactly one end."""

import http.client
import json
import re
import signal
import socket
import sys
import threading

import pytest

import flv
import rtmp_client
import ws
from harness import ROOT, FfmpegPublisher, Process, free_port, run, wait_for
from hook_server import EVENTS, HookServer, hooks, signature

HEAD = ["server_id", "service_id", "action", "client_id", "ip", "vhost", "app"]


@pytest.fixture
def callbacks():
    """A callback server that says yes, closed at the end."""
    with HookServer() as one:
        yield one


def request(srv, method, path="/live/s.flv"):
    conn = http.client.HTTPConnection("127.0.0.1", srv.http_port, timeout=20)
    conn.request(method, path)
    return conn.getresponse()


REMUX = {"mount": ["[vhost]/[app]/[stream].flv", "[vhost]/[app]/[stream].ts",
                   "[vhost]/[app]/[stream].mp3", "[vhost]/[app]/[stream].aac"]}


def test_rtmp_publisher(server, callbacks):
    """on_connect, on_publish, Publish.Start; a second publish on the same connection asks again; the
    ends in their order, and one on_close."""
    srv = server(vhost=hooks(callbacks.url()))
    client = rtmp_client.publisher(srv, "s?y=2", app="live?k=v", pageUrl="http://page.example/x")
    assert callbacks.actions() == ["on_connect", "on_publish"]
    client.command("FCUnpublish", 6, None, "s")
    client.until("onStatus")
    callbacks.wait("on_unpublish")
    assert client.publish("s2?z=1")[-1].code == "NetStream.Publish.Start"
    assert callbacks.actions() == ["on_connect", "on_publish", "on_unpublish", "on_connect",
                                   "on_publish"]
    client.close()
    callbacks.wait("on_close")
    assert callbacks.actions()[5:] == ["on_unpublish", "on_close"]
    first, again = callbacks.of("on_connect")
    assert first["param"] == "?k=v&y=2" and first["stream"] == "s"
    assert first["pageUrl"] == "http://page.example/x"
    assert again["param"] == "?k=v&z=1" and again["stream"] == "s2"
    assert len({event["client_id"] for event in callbacks.of()}) == 1
    assert len({event["service_id"] for event in callbacks.of()}) == 1
    assert len(first["service_id"]) == 8
    closed = callbacks.of("on_close")[0]
    assert closed["recv_bytes"] > 3000 and closed["send_bytes"] > 3000
    assert first.headers["Content-Type"] == "application/json"


def test_rtmp_player(server, callbacks, publisher):
    """Play.Start comes after the yes."""
    srv = server(vhost=hooks(callbacks.url(), events=["on_connect", "on_close", "on_play", "on_stop"]))
    callbacks.hold = threading.Event()
    client = rtmp_client.Client(srv.rtmp_port)
    client.handshake()
    client.connect("live")
    client.play("s", wait=False)
    callbacks.wait("on_connect")
    # The result of createStream may come before the answer, or with Play.Start.
    with pytest.raises(socket.timeout):
        while True:
            assert client.read(0.2).name == "_result"
    callbacks.hold.set()
    client.until("NetStream.Play.Start", 10)
    client.close()
    callbacks.wait("on_close")
    assert callbacks.actions() == ["on_connect", "on_play", "on_stop", "on_close"]
    played, stopped = callbacks.of("on_play")[0], callbacks.of("on_stop")[0]
    assert played["type"] == stopped["type"] == "rtmp"
    assert stopped["duration_ms"] >= 0 and stopped["recv_bytes"] >= 0


@pytest.mark.parametrize("kind", ["flv", "ts", "mp3", "aac"])
def test_http_viewer(server, callbacks, kind):
    """on_play at once, also when nobody publishes; on_stop when the viewer leaves."""
    srv = server(vhost=hooks(callbacks.url()), remux=REMUX)
    viewer = flv.Viewer(srv.http_url(f"/live/s.{kind}?a=b"),
                        headers="Referer: http://page.example/p\r\n")
    played = callbacks.wait("on_play")
    callbacks.wait("on_demand")
    assert played["type"] == kind and played["param"] == "?a=b"
    assert played["pageUrl"] == "http://page.example/p" and played["stream"] == "s"
    assert played["tcUrl"] == "rtmp://__defaultVhost__/live"
    viewer.close()
    stopped = callbacks.wait("on_stop")
    assert stopped["client_id"] == played["client_id"] and stopped["type"] == kind
    assert [event.action for event in callbacks.of()].count("on_play") == 1
    assert not callbacks.of("on_connect", "on_close")


def test_websocket_viewer(server, callbacks):
    srv = server(vhost=hooks(callbacks.url()))
    with ws.Socket(srv.http_url("/live/s.flv")) as viewer:
        assert viewer.answer.status == 101
        assert callbacks.wait("on_play")["type"] == "ws"
    callbacks.wait("on_stop")
    callbacks.wait_balance()


def test_tls(server, callbacks, tmp_path, small_flv):
    """HTTPS, WSS and RTMPS ask and report like the plain protocols."""
    run([ROOT / "conf" / "make-certificate.sh", tmp_path])
    files = f"key {tmp_path}/server.key; cert {tmp_path}/server.crt;"
    https, rtmps = free_port(), free_port()
    srv = server(vhost=hooks(callbacks.url()), top=f"rtmps {{ enabled on; listen {rtmps}; {files} }}",
                 http_server=f"https {{ enabled on; listen {https}; {files} }}")
    address = f"https://127.0.0.1:{https}/live/s.flv"
    with flv.Viewer(address):
        assert callbacks.wait("on_play")["type"] == "flv"
    with ws.Socket(address):
        assert callbacks.wait("on_play", 2)["type"] == "ws"
    encoder = FfmpegPublisher(tmp_path / "encoder.log", small_flv, f"rtmps://127.0.0.1:{rtmps}/live/s")
    try:
        assert callbacks.wait("on_publish")["tcUrl"].startswith("rtmps://")
    finally:
        encoder.kill()
    callbacks.wait("on_close")
    callbacks.wait_balance()


def test_fields_in_order(server, callbacks, publisher, source):
    """SRS's order, then our own."""
    srv = server(vhost=hooks(callbacks.url(), more="idle_time 1;"))
    viewer = flv.Viewer(srv.http_url("/live/s.flv"))
    callbacks.wait("on_demand")
    one = publisher(srv, "live/s")
    one.send_tags(source[0] + source[1][0])
    viewer.wait_media(1)
    viewer.close()
    callbacks.wait("on_idle")
    one.close()
    callbacks.wait("on_close")
    stream = ["stream_url", "stream_id", "type"]
    end = ["duration_ms", "send_bytes", "recv_bytes"]
    wanted = {"on_connect": ["stream", "param", "tcUrl", "pageUrl", "type"],
              "on_close": ["send_bytes", "recv_bytes", "type", "duration_ms"],
              "on_publish": ["tcUrl", "stream", "param", *stream],
              "on_unpublish": ["tcUrl", "stream", "param", *stream, *end],
              "on_play": ["stream", "tcUrl", "param", "pageUrl", *stream],
              "on_stop": ["tcUrl", "stream", "param", *stream, *end],
              "on_demand": ["stream", "tcUrl", "param", "pageUrl", *stream],
              "on_idle": ["stream", "stream_url", "stream_id", "duration_ms"]}
    for action, fields in wanted.items():
        event = callbacks.of(action)[0]
        assert list(event) == HEAD + fields, action
        for name, value in event.items():
            kind = int if name in ("send_bytes", "recv_bytes", "duration_ms") else str
            assert type(value) is kind, (action, name)
    assert callbacks.of("on_play")[0]["stream_url"] == "/live/s"
    assert callbacks.of("on_stop")[0]["send_bytes"] > 1000
    assert callbacks.of("on_unpublish")[0]["recv_bytes"] > 1000


def test_vhost_and_stream_id(server, callbacks):
    srv = server(vhosts=f"vhost v.example {{ http_remux {{ enabled on; }} {hooks(callbacks.url())} }}",
                 top="http_api { enabled on; listen @PORT3@; }", config=None)
    viewer = flv.Viewer(srv.http_url("/live/s.flv?vhost=v.example"))
    played = callbacks.wait("on_play")
    assert played["vhost"] == "v.example" and played["stream_url"] == "v.example/live/s"
    assert played["tcUrl"] == "rtmp://v.example/live" and played["param"] == "?vhost=v.example"
    other = flv.Viewer(srv.http_url("/live/s.flv"))
    viewer.close()
    callbacks.wait("on_stop")
    other.close()
    assert {event["vhost"] for event in callbacks.of()} == {"v.example"}


def test_head_and_options_ask_nothing(server, callbacks):
    srv = server(vhost=hooks(callbacks.url()), remux={"hstrs": "off"})
    client = rtmp_client.publisher(srv)
    assert request(srv, "OPTIONS").status < 300
    assert request(srv, "HEAD").status == 200
    assert request(srv, "POST").status == 405
    client.close()
    callbacks.wait("on_close")
    assert not callbacks.of("on_play", "on_stop")


def test_nothing_is_asked_for_a_busy_stream(server, callbacks):
    srv = server(vhost=hooks(callbacks.url()))
    first = rtmp_client.publisher(srv)
    second = rtmp_client.Client(srv.rtmp_port)
    second.handshake()
    second.connect()
    assert second.publish("s")[-1].code == "NetStream.Publish.BadName"
    second.wait_closed(5)
    first.close()
    callbacks.wait("on_close")
    assert callbacks.actions() == ["on_connect", "on_publish", "on_unpublish", "on_close"]


def test_nobody_loses_a_stream_to_a_refused_publisher(server, callbacks):
    """takeover replace: first the answer, then the takeover; and an end for each start."""
    srv = server(vhost=hooks(callbacks.url()), publish={"takeover": "replace"})
    callbacks.answer["on_publish"] = \
        lambda event: callbacks.yes if "bad" not in event["param"] else (403, b"")
    first = rtmp_client.publisher(srv)
    bad = rtmp_client.Client(srv.rtmp_port)
    bad.handshake()
    bad.connect()
    assert bad.publish("s?bad")[-1].code == "NetStream.Publish.Denied"
    assert not callbacks.of("on_unpublish")
    third = rtmp_client.publisher(srv)
    first.until("NetStream.Publish.BadName")
    third.close()
    callbacks.wait("on_unpublish", 2)
    callbacks.wait_balance()


def test_refusals_reach_clients(server, callbacks):
    srv = server(vhost=hooks(callbacks.url()))
    callbacks.answer = {"on_play": (200, '{"code":7,"msg":"Zugang nicht bezahlt: 5 €"}'.encode()),
                        "on_publish": (200, b'{"code":1,"msg":"banned"}')}
    player = rtmp_client.Client(srv.rtmp_port)
    player.handshake()
    player.connect()
    player.play("s", wait=False)
    seen = player.until("NetStream.Play.Failed")
    assert not [m for m in seen if m.code == "NetStream.Play.Start"]
    assert seen[-1].values[3]["description"] == "Zugang nicht bezahlt: 5 €"
    encoder = rtmp_client.Client(srv.rtmp_port)
    encoder.handshake()
    encoder.connect()
    status = encoder.publish("s")[-1]
    assert status.code == "NetStream.Publish.Denied"
    assert status.values[3]["description"] == "banned"
    answer = request(srv, "GET")
    assert answer.status == 403 and "5 €" in answer.read().decode()
    with ws.Socket(srv.http_url("/live/s.flv")) as viewer:
        assert viewer.until_close() == 4403
        assert viewer.close_reason.decode() == "Zugang nicht bezahlt: 5 €"
    callbacks.wait("on_close", 2)
    assert not callbacks.of("on_stop", "on_unpublish")
    callbacks.wait_balance()


def test_refused_connect(server, callbacks):
    srv = server(vhost=hooks(callbacks.url()))
    callbacks.answer["on_connect"] = (403, b"no")
    client = rtmp_client.Client(srv.rtmp_port)
    client.handshake()
    client.connect()
    status = client.publish("s")[-1]
    assert status.code == "NetStream.Publish.Denied"
    assert status.values[3]["description"] == "the callback server answered with status 403"
    client.wait_closed(5)
    assert callbacks.actions() == ["on_connect"]


def test_client_that_wants_nothing(server, callbacks):
    """No on_close without on_connect."""
    srv = server(vhost=hooks(callbacks.url()))
    client = rtmp_client.Client(srv.rtmp_port)
    client.handshake()
    client.connect()
    client.close()
    rtmp_client.publisher(srv).close()
    callbacks.wait("on_close")
    assert callbacks.actions() == ["on_connect", "on_publish", "on_unpublish", "on_close"]


def test_redirects(server, callbacks, publisher):
    """To another server, by status or by code, in the client's own protocol."""
    srv = server(vhost=hooks(callbacks.url()))
    where = "rtmp://other.example:1936/live/s?x=y"
    callbacks.answer["on_play"] = (302, b"", {"Location": where})
    player = rtmp_client.Client(srv.rtmp_port)
    player.handshake()
    player.connect()
    player.play("s", wait=False)
    info = player.until("NetConnection.Connect.Rejected")[-1].values[3]
    assert info["ex"]["code"] == 302 and info["ex"]["redirect2"] == where
    assert info["ex"]["redirect"] == "rtmp://other.example:1936/live"
    assert request(srv, "GET").status == 403  # an HTTP player cannot go there
    callbacks.answer["on_play"] = \
        (200, b'{"code":302,"location":"https://other.example/live/s.flv?x=y"}')
    answer = request(srv, "GET")
    assert answer.status == 302
    assert answer.headers["Location"] == "https://other.example/live/s.flv?x=y"
    callbacks.answer["on_play"] = (302, b"", {"Location": "http://other.example/a\tb"})
    assert request(srv, "GET").status == 403
    callbacks.wait("on_close")
    assert not callbacks.of("on_stop")


def test_several_urls(server):
    """In turn until the first no; all are notified."""
    with HookServer() as one, HookServer() as two, HookServer() as three:
        urls = [one.url(), two.url(), three.url()]
        srv = server(vhost=hooks(urls, events=["on_play", "on_stop"]))
        two.answer["on_play"] = (200, b"1")
        assert request(srv, "GET").status == 403
        assert [len(server.of("on_play")) for server in (one, two, three)] == [1, 1, 0]
        del two.answer["on_play"]
        viewer = flv.Viewer(srv.http_url("/live/s.flv"))
        three.wait("on_play")
        viewer.close()
        for each in (one, two, three):
            each.wait("on_stop")
        assert len(one.of("on_stop")) == 1


def test_signature_and_kept_connections(server, callbacks):
    srv = server(vhost=hooks(callbacks.url("/a?b=c"), more='secret "a key";'))
    for _ in range(4):
        client = rtmp_client.publisher(srv)
        client.close()
        wait_for(lambda: len(callbacks.of("on_close")) == len(callbacks.of("on_connect")), 10,
                 "the end")
    for event in callbacks.of():
        assert event.headers["X-Millrace-Signature"] == signature("a key", event.text)
        assert event.path == "/a?b=c"
    # Each worker has a connection or two of its own.
    assert callbacks.connections <= 6 and len(callbacks.of()) == 16


def test_demand_and_idle_once(server, callbacks, publisher, source):
    """Over all workers: one on_demand for all that wait; one on_idle after the last has left."""
    srv = server(vhost=hooks(callbacks.url(), events=["on_demand", "on_idle"], more="idle_time 1;"))
    viewers = [flv.Viewer(srv.http_url("/live/s.flv")) for _ in range(6)]
    callbacks.wait("on_demand")
    one = publisher(srv, "live/s")
    one.send_tags(source[0] + source[1][0])
    for viewer in viewers:
        viewer.wait_media(1)
    for viewer in viewers:
        viewer.close()
    idle = callbacks.wait("on_idle")
    assert idle["stream_url"] == "/live/s" and idle["duration_ms"] >= 1000
    assert callbacks.actions() == ["on_demand", "on_idle"]
    flv.Viewer(srv.http_url("/live/other.flv")).close()
    assert callbacks.wait("on_demand", 2)["stream"] == "other"


def test_hooks_off_and_reported_config(server, callbacks):
    """Nothing without `enabled`; -t names and masks."""
    srv = server(vhost=hooks(callbacks.url()).replace("enabled on", "enabled off"))
    rtmp_client.publisher(srv).close()
    srv.wait_log("stop publish")
    assert not callbacks.of()


def samples():
    """The requests that doc/hooks.md shows, by action."""
    text = (ROOT / "doc" / "hooks.md").read_text()
    found = [json.loads(block) for block in re.findall(r"```json\n(\{.*?)```", text, re.S)]
    return {one["action"]: one for one in found}


def test_the_page_shows_what_is_sent(server, callbacks, publisher, source):
    """Every event of doc/hooks.md: the same fields in the same order, of the same types and forms."""
    srv = server(vhost="dvr { enabled on; dvr_path ./[stream].flv; } hls { enabled on; } "
                 + hooks(callbacks.url(), more="idle_time 1;"))
    with flv.Viewer(srv.http_url("/live/s.flv")) as viewer:
        callbacks.wait("on_demand")
        one = publisher(srv, "live/s")
        one.send_tags(source[0] + source[1][0])
        viewer.wait_media(1)
    callbacks.wait("on_idle")
    one.close()
    callbacks.wait("on_close")
    callbacks.wait("on_dvr")
    callbacks.wait("on_hls")
    shown = samples()
    assert set(shown) == set(EVENTS)
    for action, sample in shown.items():
        real = callbacks.of(action)[0]
        assert list(sample) == list(real), action
        for name, value in sample.items():
            assert type(value) is type(real[name]), (action, name)
            if name in ("service_id", "client_id", "stream_id"):
                assert len(value) == len(real[name]), (action, name)
            if name in ("vhost", "app", "type", "action") or name == "tcUrl" and "__" in value:
                assert value == real[name], (action, name)


def test_reload(server, callbacks):
    """What a reload turns on is asked from the next event on; what was not asked has no end."""
    srv = server(vhost="http_hooks { enabled off; }")
    first = rtmp_client.publisher(srv, "first")
    text = srv.config_path.read_text()
    srv.config_path.write_text(text.replace("http_hooks { enabled off; }", hooks(callbacks.url())))
    srv.signal(signal.SIGHUP)
    srv.wait_log("reload")
    wait_for(lambda: rtmp_client.publisher(srv, "second").close() or callbacks.of("on_publish"), 10,
             "the reload")
    callbacks.wait("on_close")
    first.close()
    rtmp_client.publisher(srv, "third").close()
    wait_for(lambda: [e for e in callbacks.of("on_unpublish") if e["stream"] == "third"], 10, "third")
    assert "first" not in {event.get("stream") for event in callbacks.of()}
    callbacks.wait_balance()


@pytest.mark.once
def test_the_sample_server(server, tmp_path):
    """research/hooks/hooks.py grants by name and key, and refuses what is not signed."""
    port = free_port()
    (tmp_path / "users").write_text('{"me": "k"}')
    sample = Process([sys.executable, ROOT / "research" / "hooks" / "hooks.py", "--port", port, "--users",
                      tmp_path / "users", "--secret", "s"], tmp_path / "sample.log")
    try:
        wait_for(lambda: "callback server at" in sample.log(), 10, "the sample server")
        url = f"http://127.0.0.1:{port}/api/v1/clients"
        srv = server(vhost=hooks(url, more="secret s;"),
                     vhosts=f"vhost v.example {{ http_remux {{ enabled on; }} {hooks(url)} }}")
        assert request(srv, "GET", "/live/s.flv?user=me&key=x").status == 403
        assert request(srv, "GET", "/live/s.flv?vhost=v.example&user=me&key=k").status == 403
        client = rtmp_client.publisher(srv, "s?user=me&key=k")
        conn = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        conn.request("GET", "/")
        shown = json.loads(conn.getresponse().read())
        assert [one["stream"] for one in shown["on_publish"]] == ["s"]
        client.close()
        wait_for(lambda: "on_close" in sample.log(), 10, "the end")
    finally:
        sample.kill()


def test_an_edge_and_its_origin(server, callbacks):
    """Each asks its own callback servers: the edge before it contacts the origin."""
    with HookServer() as far:
        origin = server(vhost=hooks(far.url()))
        edge = server(vhost=f"cluster {{ mode remote; origin 127.0.0.1:{origin.rtmp_port}; }} "
                            + hooks(callbacks.url()))
        callbacks.answer["on_publish"] = (200, b'{"code":1,"msg":"not here"}')
        client = rtmp_client.Client(edge.rtmp_port)
        client.handshake()
        client.connect()
        assert client.publish("s?k=v")[-1].values[3]["description"] == "not here"
        assert not far.of()
        del callbacks.answer["on_publish"]
        far.answer["on_publish"] = (200, b'{"code":1,"msg":"not there"}')
        client = rtmp_client.Client(edge.rtmp_port)
        client.handshake()
        client.connect()
        assert "not there" in client.publish("s?k=v")[-1].values[3]["description"]
        callbacks.wait("on_unpublish")
        del far.answer["on_publish"]
        client = rtmp_client.publisher(edge, "s?k=v")
        assert far.of("on_publish")[-1]["param"] == "?k=v"
        viewer = flv.Viewer(edge.http_url("/live/s.flv"))
        callbacks.wait("on_play")
        far.wait("on_play")
        assert not callbacks.of("on_demand")
        viewer.close()
        client.close()
        for one in (callbacks, far):
            one.wait("on_stop")
            one.wait_balance()


def test_a_client_that_the_api_disconnects(server, callbacks):
    port = free_port()
    srv = server(vhost=hooks(callbacks.url()), top=f"http_api {{ enabled on; listen {port}; }}")
    client = rtmp_client.publisher(srv)
    viewer = flv.Viewer(srv.http_url("/live/s.flv"))
    callbacks.wait("on_play")

    def disconnect(action):
        conn = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        conn.request("DELETE", f"/api/v1/clients/{callbacks.of(action)[0]['client_id']}")
        return json.loads(conn.getresponse().read())["code"] == 0

    for action in ("on_play", "on_publish"):
        wait_for(lambda: disconnect(action), 10, f"the client of {action} to be disconnected")
    callbacks.wait("on_stop")
    callbacks.wait("on_unpublish")
    callbacks.wait("on_close")
    callbacks.wait_balance()
    viewer.close()
    client.close()
