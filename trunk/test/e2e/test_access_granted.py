"""Clients that are permitted: signed addresses in every protocol, the tool that signs, keys that are
not shown, and rules by address and by page."""

import itertools
import shutil
import socket
import ssl

import pytest

import flv
import harness
import rtmp
import rtmp_client
from access_kit import (NEVER, NEW, OLD, UPGRADE, exchange, fields, guarded, query,  # noqa: F401
                        refused_socket, rtmp_client_of, text_of)
from harness import curl, wait_for
from ws import PING, Socket, frame


# ---- permitted clients

@pytest.mark.parametrize("path", ["/live/livestream.flv", "/every/live/livestream.flv",
                                  "/%6Cive//livestream.flv"])
@pytest.mark.parametrize("key", [NEW, OLD])
@pytest.mark.parametrize("ip", ["", "127.0.0.1"])
def test_signed_address_plays(guarded, path, key, ip):
    with flv.Viewer(guarded.http_url(path + "?" + query(key=key, ip=ip))) as viewer:
        viewer.wait_media(5)
        assert viewer.status == 200


def test_signed_address_plays_everywhere(guarded):
    good = query()
    with flv.Viewer(guarded.http_url("/live/livestream.flv?" + good), version="1.0") as viewer:
        viewer.wait_media(5)
    upper = good[:-64] + good[-64:].upper()
    with flv.Viewer(guarded.http_url("/live/livestream.flv?a=b&" + upper)) as viewer:
        viewer.wait_media(5)
    closed = query(path="closed.example/live/livestream")
    for where in ({"host": "closed.example"}, {"host": "Closed.Example:80"}):
        with flv.Viewer(guarded.http_url("/live/livestream.flv?" + closed), **where) as viewer:
            viewer.wait_media(5)
    with flv.Viewer(guarded.http_url("/live/livestream.flv?vhost=closed.example&" + closed)) as v:
        v.wait_media(5)
    head = curl(guarded.http_url("/live/livestream.flv?" + good), "--head")
    assert head.status == 200 and head.headers["content-type"] == "video/x-flv"
    with rtmp_client_of(guarded) as client:
        client.play("livestream?" + good)
        client.media(5)
    # As FMLE does: the parameters follow the app.
    with rtmp_client_of(guarded, f"live?{good}", f"rtmp://127.0.0.1/live?{good}") as client:
        client.play("livestream")
        client.media(5)
    with rtmp_client_of(guarded, "live", "rtmp://closed.example/live") as client:
        client.play("livestream?" + closed)
        client.media(5)


@pytest.mark.parametrize("extension,mark", [("ts", b"G\x40\x00"), ("aac", b"\xff\xf1")])
def test_one_signature_for_all_formats(guarded, extension, mark):
    with socket.create_connection(("127.0.0.1", guarded.http_port), 10) as conn:
        conn.sendall(f"GET /live/livestream.{extension}?{query()} HTTP/1.1\r\nHost: x\r\n\r\n"
                     .encode())
        data = b""
        while mark not in data:
            got = conn.recv(65536)
            assert got, data[:500]
            data += got


def test_signed_pull_address(guarded):
    with flv.Viewer(guarded.http_url("/live?app=live&stream=livestream&" + query())) as viewer:
        viewer.wait_media(5)


TLS_ATTEMPTS = ["", "?{publish}", "?{other}", "?{expired}", "?{flipped_query}", "?{closed}"]


def tls_to(port):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10))


@pytest.mark.parametrize("params", TLS_ATTEMPTS + ["?{good}"])
@pytest.mark.parametrize("upgrade", ["", UPGRADE], ids=["https", "wss"])
def test_tls_changes_nothing(guarded, params, upgrade):
    asked = params
    for name, value in fields().items():
        params = params.replace("{" + name + "}", str(value))
    with tls_to(guarded.ports[3]) as conn:
        conn.sendall(f"GET /live/livestream.flv{params} HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n"
                     .encode())
        data = b""
        while b"FLV\x01" not in data and b'"reason"' not in data:
            got = conn.recv(65536)
            if not got and upgrade:
                break
            assert got, data
            data += got
    if asked == "?{good}":
        assert data.startswith(b"HTTP/1.1 101 " if upgrade else b"HTTP/1.1 200 ")
    elif upgrade:
        assert refused_socket(data) == (4401 if not asked else 4403)
    else:
        assert data.startswith(b"HTTP/1.1 401 " if not asked else b"HTTP/1.1 403 ")
        assert b"FLV\x01" not in data


def test_rtmps_changes_nothing(guarded):
    for stream, code in (("livestream", "NetStream.Play.Failed"),
                         ("livestream?" + query("publish"), "NetStream.Play.Failed"),
                         ("livestream?" + query(), "NetStream.Play.Reset")):
        client = rtmp_client.Client(guarded.rtmp_port)
        client.close()
        client.socket = tls_to(guarded.ports[4])
        with client:
            client.handshake()
            client.connect()
            client.play(stream, wait=False)
            assert client.until("onStatus")[-1].code == code
    for stream, code in (("new", "NetStream.Publish.Denied"),
                         ("new?" + query(path="/live/new"), "NetStream.Publish.Denied"),
                         ("new?" + query("publish", "/live/new"), "NetStream.Publish.Start")):
        client = rtmp_client.Client(guarded.rtmp_port)
        client.close()
        client.socket = tls_to(guarded.ports[4])
        with client:
            client.handshake()
            client.connect()
            assert client.publish(stream)[-1].code == code


def test_signed_websocket(guarded):
    data = exchange(guarded, f"GET /live/livestream.flv?{query()} HTTP/1.1\r\nHost: x\r\n{UPGRADE}"
                    "\r\n")
    assert data.startswith(b"HTTP/1.1 101 ") and b"FLV\x01" in data


def test_a_refused_websocket_learns_the_reason_from_its_close_code(guarded):
    """Pages cannot read the answer to an upgrade: code and reason are in the close frame."""
    for params, code, reason in (("", 4401, b"URL is not signed"),
                                 ("?" + query(key=NEVER), 4403, b"wrong signature"),
                                 ("?" + query(expires=1), 4403, b"URL has expired")):
        url = guarded.http_url("/live/livestream.flv" + params)
        with Socket(url, early=frame(PING, b"x")) as ws:
            assert ws.answer.status == 101
            while ws.step():
                pass
            assert (ws.close_code, ws.close_reason, ws.messages) == (code, reason, 0)
    # A request without an upgrade gets a plain answer.
    with Socket(guarded.http_url(), headers=["Connection: Upgrade", "Upgrade: websocket"]) as ws:
        assert ws.answer.status == 426


def test_refusal_is_json_with_cors(guarded):
    answer = curl(guarded.http_url(), "-H", "Origin: http://page.example")
    assert answer.status == 401
    assert answer.json() == {"code": 401, "reason": "URL is not signed"}
    assert answer.headers["access-control-allow-origin"] == "http://page.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "www-authenticate" in answer.headers
    answer = curl(guarded.http_url("/live/livestream.flv?" + query(key=NEVER)))
    assert answer.status == 403
    assert answer.json() == {"code": 403, "reason": "wrong signature"}
    answer = curl(guarded.http_url("/live/livestream.flv?" + query(expires=1)))
    assert answer.json() == {"code": 403, "reason": "URL has expired"}
    preflight = curl(guarded.http_url(), "-X", "OPTIONS", "-H", "Origin: http://page.example", "-H",
                     "Access-Control-Request-Method: GET")
    assert preflight.status == 204


def test_files_at_a_streams_address(guarded, small_flv):
    """A recording at the address of a possible stream has the stream's access rules; other files
    are public."""
    (guarded.html / "films").mkdir(exist_ok=True)
    for name in ("films/old.flv", "old.flv", "films/old.mp4"):
        shutil.copy(small_flv, guarded.html / name)
    data = small_flv.read_bytes()
    good = query(path="/films/old")
    for where in ("", "start=100&", "starttime=1&"):
        url = guarded.http_url("/films/old.flv?" + where)
        assert curl(url).status == 401
        assert curl(url, "--head").status == 401
        assert curl(url + query(path="/films/other")).status == 403
        assert curl(url + "vhost=closed.example&" + good).status == 403
        assert curl(url + good).status == 200
    assert curl(guarded.http_url("/films/old.flv?" + good)).body == data
    assert curl(guarded.http_url("/films/%6fld.flv"), "-r", "0-1").status == 401
    for name in ("/old.flv", "/films/old.mp4"):
        assert curl(guarded.http_url(name)).body == data


def test_a_player_that_waits_needs_a_signature(guarded):
    """A stream without a publisher: a client that may not play it may not wait for it either."""
    assert curl(guarded.http_url("/live/later.flv")).status == 401
    assert curl(guarded.http_url("/live/later.flv"), "--head").status == 401
    good = query(path="/live/later")
    with flv.Viewer(guarded.http_url("/live/later.flv?" + good)) as viewer:
        guarded.wait_log(r"play __defaultVhost__/live/later\.flv")
        url = guarded.rtmp_url("live/later?" + query("publish", "/live/later"))
        with rtmp.Publisher(url) as publisher:
            at = itertools.count()

            def has_media():
                publisher.send_tag(flv.Tag(flv.AUDIO, next(at) * 26,
                                           b"\x2f\xff\xfb\x90\x00" + bytes(100)))
                return len(viewer.check().media) >= 5

            wait_for(has_media, 15, "media")


def sign_tool(*args):
    tool = harness.SERVER.parent / "sign"
    assert tool.exists(), f"no {tool}: make builds it"
    return harness.run([tool, *args], check=False)


def test_the_tool(guarded, tmp_path):
    made = sign_tool("--key", NEW, "--expires", "+60", guarded.http_url())
    assert made.returncode == 0, made.stderr
    with flv.Viewer(made.stdout.strip()) as viewer:
        viewer.wait_media(5)
    key_file = tmp_path / "key"
    key_file.write_text(OLD + "\n")
    for url, more, path in (
            ("http://h:8080/live/livestream.flv", [], "/live/livestream"),
            ("ws://h/live/livestream.ts?a=b", [], "/live/livestream"),
            ("rtmp://h/live/livestream", ["--publish"], "/live/livestream"),
            ("rtmp://h/a/b/c", [], "/a/b/c"),
            ("rtmp://h/live/x?vhost=Some.Example", [], "some.example/live/x"),
            ("https://h/live/x.flv?vhost=some.example", [], "some.example/live/x"),
            ("http://h/live/x.flv", ["--vhost", "v"], "v/live/x"),
            ("http://h/live/x.flv", ["--vhost", "__defaultVhost__"], "/live/x"),
            ("http://h/play/x.flv", ["--stream", "live/x"], "/live/x"),
            ("http://h/live/x.flv", ["--ip", "::ffff:10.0.0.1"], "/live/x"),
            ("http://h/live/x.flv", ["--ip", "2001:DB8:0::1"], "/live/x")):
        ip = {"::ffff:10.0.0.1": "10.0.0.1", "2001:DB8:0::1": "2001:db8::1"}.get(more[-1], "") \
            if more else ""
        action = "publish" if "--publish" in more else "play"
        made = sign_tool("--key-file", key_file, "--expires", "1900000000", *more, url)
        mark = "&" if "?" in url else "?"
        assert made.stdout == url + mark + query(action, path, 1900000000, ip, OLD) + "\n"
        text = sign_tool("--text", "--expires", "1900000000", *more, url)
        assert text.stdout == text_of(action, path, 1900000000, ip)
    for wrong in ([], ["--key", "k"], ["--key", "k", "--expires", "5"],
                  ["--key", "k", "--key-file", "f", "--expires", "5", "rtmp://h/a/b"],
                  ["--key", "k", "--expires", "5", "--what", "rtmp://h/a/b"]):
        assert sign_tool(*wrong).returncode == 2
    for wrong in (["--key", "k", "--expires", "soon", "rtmp://h/a/b"],
                  ["--key", "k", "--expires", "5", "h/a/b"],
                  ["--key", "k", "--expires", "5", "http://h/b.flv"],
                  ["--key", "k", "--expires", "5", "--ip", "here", "rtmp://h/a/b"],
                  ["--key-file", tmp_path / "none", "--expires", "5", "rtmp://h/a/b"]):
        made = sign_tool(*wrong)
        assert made.returncode == 1 and made.stdout == "" and made.stderr.startswith("sign: ")


def test_keys_are_not_shown(tmp_path, guarded):
    shown = harness.run([harness.SERVER, "-t", "-c", guarded.config_path])
    assert "key *** ***;" in shown.stdout
    assert NEW not in shown.stdout + shown.stderr and OLD not in shown.stdout + shown.stderr
    file = tmp_path / "masked.conf"
    file.write_text("vhost a { token { enabled on; key ***; } }\n")
    refused = harness.run([harness.SERVER, "-t", "-c", file], check=False)
    assert refused.returncode == 1 and "masked.conf:1: key: key must not be empty or the mask" in refused.stderr
    file.write_text(f"vhost a {{ token {{ key {NEW} {OLD} {NEVER}; }} }}\n")
    refused = harness.run([harness.SERVER, "-t", "-c", file], check=False)
    assert refused.returncode == 1
    assert not any(k in refused.stdout + refused.stderr for k in (NEW, OLD, NEVER))


@pytest.mark.parametrize("rules,may_publish,may_play", [
    ("", False, False),
    ("allow play all;", False, True),
    ("allow publish all;", True, False),
    ("deny play 10.0.0.1; deny publish 10.0.0.1;", False, False),
    ("allow publish all; allow play all; deny play all;", True, False),
    ("deny publish all; allow play all;", False, True),
    ("allow publish 127.0.0.1; allow play 127.0.0.1;", True, True),
    ("allow publish 10.0.0.0/8; allow play all;", False, True),
    ("allow publish all; allow play 127.0.0.0/8; deny play 127.0.0.1;", True, False),
    ("allow publish all; allow play 127.0.0.0/8 ::1; deny play 127.0.0.2;", True, True),
    ("allow publish all; allow play ::1;", True, False),
])
def test_rules(server, rules, may_publish, may_play):
    srv = server(vhost=f"security {{ enabled on; {rules} }}")
    with rtmp_client.Client(srv.rtmp_port) as client:
        client.handshake()
        client.connect()
        status = client.publish("s")[-1]
        assert status.code == ("NetStream.Publish.Start" if may_publish
                               else "NetStream.Publish.Denied")
        if may_publish and may_play:
            client.message(8, 0, b"\x2f\xff\xfb\x90\x00" + bytes(100))
        answer = curl(srv.http_url("/live/s.flv"), "--head")
        assert answer.status == (403 if not may_play else 200 if may_publish else 404)
        with rtmp_client.Client(srv.rtmp_port) as other:
            other.handshake()
            other.connect()
            other.play("s", wait=False)
            codes = [m.code for m in other.until("onStatus")]
            assert codes[-1] == ("NetStream.Play.Reset" if may_play else "NetStream.Play.Failed")


def test_rules_over_ipv6(server):
    srv = server(config="""
        listen [::1]:@PORT3@ @RTMP@; daemon off;
        http_server { enabled on; listen @HTTP@ [::1]:@PORT4@; dir @HTML@; }
        vhost __defaultVhost__ {
            security { enabled on; allow play 127.0.0.1; deny play ::/0; allow publish ::1; }
            http_remux { enabled on; hstrs off; }
        }""")
    assert curl(f"http://[::1]:{srv.ports[4]}/live/s.flv").status == 403
    assert curl(srv.http_url("/live/s.flv")).status == 404
    with rtmp_client.Client(srv.ports[3], host="::1") as client:
        client.handshake()
        client.connect()
        assert client.publish("s")[-1].code == "NetStream.Publish.Start"
    with rtmp_client.Client(srv.rtmp_port) as client:
        client.handshake()
        client.connect()
        assert client.publish("s")[-1].code == "NetStream.Publish.Denied"


@pytest.mark.parametrize("line", [
    "allow everyone;", "allow play;", "allow play 1.2.3.4/33;", "deny 1.2.3.4;",
    "allow publish play all;", "deny play 300.1.1.1;", "allow play ::1/129;"])
def test_wrong_rules_do_not_start(server, line):
    srv = server(vhost=f"security {{ enabled on;\n{line} }}", wait=False)
    assert srv.wait() == 1
    assert f"{line.split(' ')[0]}: " in srv.log()
    srv.has_stopped = True


def test_pages(server):
    """A page must be in each list that is not empty."""
    srv = server(vhost="refer { enabled on; all good.example none; publish none;"
                       " play good.example also.example; }",
                 remux="hstrs off;")

    def status(*headers):
        args = [a for h in headers for a in ("-H", h)]
        return curl(srv.http_url("/live/s.flv"), *args).status

    assert status("Referer: https://good.example/a") == 404
    assert status("Referer: https://www.good.example") == 404
    assert status("Referer: https://www.also.example") == 403
    assert status("Origin: https://good.example") == 404
    assert status("Referer: https://evil.example/good.example") == 403
    assert status("Referer: https://evil.example", "Origin: https://good.example") == 403
    assert status("Origin: null") == 403
    assert status() == 403
    for page, code in (("https://good.example/", "NetStream.Play.Reset"),
                       ("https://evil.example/", "NetStream.Play.Failed"),
                       (None, "NetStream.Play.Failed")):
        with rtmp_client_of(srv, **({"pageUrl": page} if page else {})) as client:
            client.play("s", wait=False)
            assert client.until("onStatus")[-1].code == code
    with rtmp_client_of(srv) as client:
        assert client.publish("s")[-1].code == "NetStream.Publish.Start"
    with rtmp_client_of(srv, pageUrl="https://also.example/") as client:
        assert client.publish("s2")[-1].code == "NetStream.Publish.Denied"
