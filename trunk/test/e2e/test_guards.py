"""At least 120 attempts to get past each guard: rules by address, pages, and a callback that refuses.
test_access.py and test_access_hosts.py do the same for signed addresses. Each attempt must end
without media, and the plain address has the same outcome in every protocol."""

import base64
import concurrent.futures
import contextlib
import http.client
import socket
import ssl

import pytest

import harness
import rtmp_client
from api_kit import api_server  # noqa: F401
from harness import curl, wait_for
from hook_server import HookServer

# pylint: disable=redefined-outer-name

REMUX = """
    http_remux {
        enabled on; hstrs off; standby_timeout 300;
        mount [vhost]/[app]/[stream].flv; mount [vhost]/[app]/[stream].ts;
        mount [vhost]/[app]/[stream].aac;
    }
"""
CONFIG = """
listen @RTMP@;
daemon off;
srs_log_tank console;
http_server {{
    enabled on; listen @HTTP@; dir @HTML@;
    https {{ enabled on; listen {https}; key {pem}; cert {pem}; }}
    http_pull {{ enabled on; mount /pull; }}
}}
vhost __defaultVhost__ {{ {remux} }}
vhost rules.example {{
    security {{ enabled on; allow publish all; allow play 192.0.2.0/24; }} {remux}
}}
vhost pages.example {{
    refer {{ enabled on; play good.example; }} {remux}
}}
vhost asked.example {{
    http_hooks {{ enabled on; on_play {hooks}; }} {remux}
}}
"""
GUARDS = ["rules.example", "pages.example", "asked.example"]
MEDIA = (b"FLV\x01", b"Content-Type: video/", b"Content-Type: audio/")

UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: " + base64.b64encode(bytes(16)).decode() + "\r\n"
PATHS = [
    "/live/secret.flv", "/live/secret.ts", "/live/secret.aac", "/live/secret.FLV", "/LIVE/secret.flv",
    "//live/secret.flv", "///live///secret.flv", "/./live/secret.flv", "/x/../live/secret.flv",
    "/live/../live/secret.flv", "/live/./secret.flv", "/live//secret.flv", "/live/secret.flv/",
    "/live/secret.flv/.", "/live/secret.flv;x", "/live/secret.flv%00", "/live/secret.flv%20",
    "/live/secret.flv%0d%0aX:y", "/%6cive/secret.flv", "/live%2fsecret.flv", "/live%2Fsecret%2Eflv",
    "/live/%73ecret.flv", "/live/%2573ecret.flv", "/%256cive/secret.flv", "/live\\secret.flv",
    "/live%5csecret.flv", "/%2e/live/secret.flv", "/x/%2e%2e/live/secret.flv", "/live/secret%252eflv",
    "/live...vhost...{0}/secret.flv", "/live/secret...vhost...{0}.flv", "/live%3fvhost={0}/secret.flv",
    "/live/secret%3fvhost={0}.flv", "/{0}/live/secret.flv", "/live/{0}/secret.flv",
    "/pull?app=live&stream=secret", "/pull?app=live&stream=secret&vhost={0}",
    "/pull?vhost={0}&app=live&stream=secret.flv", "/pull?app=live&stream=secret...vhost...{0}",
    "/pull?app=live%3fvhost={0}&stream=secret", "/api/v1/streams/live/secret.flv",
]
QUERIES = [
    "vhost={0}", "domain={0}", "vhost=__defaultVhost__&vhost={0}", "vhost={0}&vhost=__defaultVhost__",
    "VHOST={0}", "%76host={0}", "vhost=%20{0}", "vhost={0}.", "vhost={0}:80", "vhost={0}%00",
    "start=0", "starttime=0", "only=video", "token=1", "ip=192.0.2.9", "x=1?vhost={0}", "refer=good.example",
]
HOSTS = ["{0}", "{0}:80", "{0}.", "{0}:", "www.{0}", "__defaultVhost__", "127.0.0.1", "localhost",
         "good.example", "[::1]"]
HEADERS = [
    "X-Forwarded-For: 192.0.2.9", "X-Real-IP: 192.0.2.9", "Forwarded: for=192.0.2.9",
    "Client-IP: 192.0.2.9", "True-Client-IP: 192.0.2.9", "CF-Connecting-IP: 192.0.2.9",
    "X-Forwarded-For: 192.0.2.9, 127.0.0.1", "X-Forwarded-Host: localhost", "X-Original-URL: /",
    "X-Rewrite-URL: /live/secret.flv", "X-HTTP-Method-Override: GET", "X-Millrace-Via: 192.0.2.9",
    "X-Millrace-Relay: 1", "Via: 1.1 {0}", "Authorization: Basic YWRtaW46YWRtaW4=",
    "Referer: http://good.example.evil.example/", "Referer: http://evil.example/good.example",
    "Referer: http://evil.example/?http://good.example/", "Referer: http://good.example@evil.example/",
    "Referer: http://evil.example#good.example", "Referer: http://evilgood.example/",
    "Referer: //good.example/", "Referer: good.example",
    "Referer: http://good.example%2eevil.example/",
    "Referer: http://evil.example\r\nReferer: http://good.example/", "Origin: http://good.example",
    "Cookie: vhost={0}", "Range: bytes=0-", "Expect: 100-continue", "Upgrade: h2c",
]
LINES = ["HEAD {1} HTTP/1.1", "POST {1} HTTP/1.1", "PUT {1} HTTP/1.1", "OPTIONS {1} HTTP/1.1",
         "GET {1} HTTP/1.0", "GET {1}", "get {1} HTTP/1.1", "GET http://{0}{1} HTTP/1.1",
         "GET http://127.0.0.1{1}?vhost={0} HTTP/1.1", "GET {1}#x HTTP/1.1", "TRACE {1} HTTP/1.1"]


def http_attempts(guard):
    """(request line, Host, header lines) of each attempt."""
    plain = "/live/secret.flv"
    for path in PATHS:
        yield f"GET {path.format(guard)} HTTP/1.1", guard, ""
        yield f"GET {path.format(guard)} HTTP/1.1", guard, UPGRADE
    for query in QUERIES:
        yield f"GET {plain}?{query.format(guard)} HTTP/1.1", guard, ""
        yield f"GET {plain}?{query.format(guard)} HTTP/1.1", "127.0.0.1", ""
    for host in HOSTS:
        yield f"GET {plain} HTTP/1.1", host.format(guard), ""
    for header in HEADERS:
        if guard == "pages.example" and header.endswith(("\r\nReferer: http://good.example/",
                                                         "Origin: http://good.example")):
            continue  # the good page: the last of two headers, and what names it without Referer
        yield f"GET {plain} HTTP/1.1", guard, header.format(guard) + "\r\n"
    for line in LINES:
        if guard == "asked.example" and line.startswith("HEAD"):
            continue  # it asks nobody, and its answer has no body
        yield line.format(guard, plain), guard, ""


RTMP = [  # app, tcUrl's host, stream
    ("live", "{0}", "secret"), ("live?vhost={0}", "127.0.0.1", "secret"),
    ("live", "127.0.0.1", "secret?vhost={0}"), ("live...vhost...{0}", "127.0.0.1", "secret"),
    ("live", "127.0.0.1", "secret...vhost...{0}"), ("live?domain={0}", "127.0.0.1", "secret"),
    ("live", "{0}", "secret?vhost={0}"), ("live/", "{0}", "secret"), ("/live", "{0}", "secret"),
    ("live", "{0}", "/secret"), ("live", "{0}", "flv:secret"), ("live", "{0}", "mp4:secret"),
    ("live", "{0}", "secret.flv"), ("live", "{0}", "%73ecret"), ("%6cive", "{0}", "secret"),
    ("live", "{0}:1935", "secret"), ("live", "{0}.", "secret"),
    ("live?vhost=__defaultVhost__&vhost={0}", "{0}", "secret"), ("live", "{0}", "secret?token=1"),
    ("live", "{0}", "secret?ip=192.0.2.9"), ("live", "{0}", "secret&vhost={0}"),
]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, small_flv):
    """A server with a stream for each guard, and the callback server that refuses players."""
    folder = tmp_path_factory.mktemp("guards")
    harness.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-subj", "/CN=x", "-keyout", folder / "key", "-out", folder / "crt"])
    (folder / "pem").write_text((folder / "key").read_text() + (folder / "crt").read_text())
    with contextlib.ExitStack() as stack:
        callbacks = stack.enter_context(HookServer(answer={"on_play": (403, b'{"code":1}')}))
        srv = harness.Server(folder, config=CONFIG.format(
            https=harness.free_port(), pem=folder / "pem", hooks=callbacks.url(), remux=REMUX))
        stack.callback(srv.kill)
        stack.callback(srv.stop)
        srv.callbacks = callbacks
        for guard in GUARDS:
            encoder = harness.FfmpegPublisher(folder / f"{guard}.log", small_flv,
                                              srv.rtmp_url(f"live/secret?vhost={guard}"))
            stack.callback(encoder.kill)
            wait_for(lambda g=guard: f"start publish {g}/live/secret" in srv.log(), what=guard)
        yield srv


def exchange(srv, line, host, headers, port=None, context=None):
    """All that the server sends until it closes, or until there is media."""
    with contextlib.ExitStack() as stack:
        conn = stack.enter_context(socket.create_connection(("127.0.0.1", port or srv.http_port), 20))
        if context is not None:
            conn = stack.enter_context(context.wrap_socket(conn))
        end = "" if "Connection:" in headers else "Connection: close\r\n"
        conn.sendall(f"{line}\r\nHost: {host}\r\n{headers}{end}\r\n".encode("latin-1"))
        data = b""
        while len(data) < 100000 and not any(mark in data for mark in MEDIA):
            try:
                got = conn.recv(65536)
            except OSError:
                break
            if not got:
                break
            data += got
            if is_closed(data):
                break
    return data


def is_closed(data):
    """A socket's close frame: the server waits for the client's after it."""
    frame = data.partition(b"\r\n\r\n")[2]
    return data.startswith(b"HTTP/1.1 101") and len(frame) > 1 and frame[0] == 0x88 \
        and len(frame) >= 2 + frame[1]


def is_hello(line, data):
    """The upgrade of a socket that the server then closes: media would follow its head."""
    return data.startswith(b"HTTP/1.1 101") and not any(mark in data for mark in MEDIA[:1]) and \
        "GET" in line and len(data.partition(b"\r\n\r\n")[2]) <= 127


@pytest.mark.parametrize("guard", GUARDS)
def test_no_way_to_play(guarded, guard):
    attempts = list(http_attempts(guard))
    assert len(attempts) + len(RTMP) >= 120
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda attempt: exchange(guarded, *attempt), attempts)
        for attempt, data in zip(attempts, answers):
            # A socket is upgraded before the answer, which is then a close frame without media.
            if attempt[2] == UPGRADE and data.startswith(b"HTTP/1.1 101"):
                assert is_hello(attempt[0], data), (attempt, data[:300])
                continue
            assert not any(mark in data for mark in MEDIA), (attempt, data[:300])


REFUSED = ("NetStream.Play.Failed", "NetStream.Play.StreamNotFound", "NetConnection.Connect.Rejected")


def rtmp_outcome(srv, app, host, stream):
    """The code of the refusal, or "closed"; media of the stream are an outcome as well."""
    with rtmp_client.Client(srv.rtmp_port, timeout=20) as client:
        client.handshake()
        try:
            client.command("connect", 1, {"app": app, "tcUrl": f"rtmp://{host}/{app}",
                                          "pageUrl": "http://evil.example/"})
            client.command("createStream", 2, None)
            client.command("play", 3, None, stream, stream=1)
            while True:
                message = client.read()
                if message.type in (rtmp_client.AUDIO, rtmp_client.VIDEO):
                    return "media"
                # Of a stream that nobody publishes, a player is told only that it has to wait.
                if message.code not in (None, "NetConnection.Connect.Success",
                                        "NetStream.Play.Reset", "NetStream.Play.Start"):
                    return message.code
        except (ConnectionError, rtmp_client.Closed):
            return "closed"


@pytest.mark.parametrize("guard", GUARDS)
def test_no_way_to_play_over_rtmp(guarded, guard):
    outcomes = {}
    for attempt in RTMP:
        outcome = rtmp_outcome(guarded, *(text.format(guard) for text in attempt))
        outcomes[attempt] = outcome
        assert outcome in REFUSED, (attempt, outcome)
    assert outcomes[RTMP[0]] == "NetStream.Play.Failed", "the plain address is refused, not unknown"


@pytest.mark.parametrize("guard", GUARDS)
def test_the_same_outcome_everywhere(guarded, guard):
    """The plain address: 403 over HTTP and HTTPS in each format, 4403 on a socket, Failed on RTMP."""
    context = ssl._create_unverified_context()  # pylint: disable=protected-access
    port = int(guarded.log().split("HTTPS listens on 0.0.0.0:")[1].split("\n")[0])
    for ext in ("flv", "ts", "aac"):
        line = f"GET /live/secret.{ext} HTTP/1.1"
        assert exchange(guarded, line, guard, "").startswith(b"HTTP/1.1 403"), ext
        assert exchange(guarded, line, guard, "", port, context).startswith(b"HTTP/1.1 403"), ext
        frame = exchange(guarded, line, guard, UPGRADE).partition(b"\r\n\r\n")[2]
        assert frame[0] == 0x88 and int.from_bytes(frame[2:4], "big") == 4403, ext
    with rtmp_client.Client(guarded.rtmp_port) as client:
        client.handshake()
        client.connect(tc_url=f"rtmp://{guard}/live")
        client.play("secret", wait=False)
        assert client.until("onStatus")[-1].code == "NetStream.Play.Failed"


def test_allowed_clients_are_admitted(guarded):
    """Else the attempts above would prove nothing: a good page plays, and a callback's yes does."""
    data = exchange(guarded, "GET /live/secret.flv HTTP/1.1", "pages.example",
                    "Referer: http://good.example/page\r\n")
    assert b"FLV\x01" in data
    guarded.callbacks.answer = {"on_play": HookServer.yes}
    try:
        assert b"FLV\x01" in exchange(guarded, "GET /live/secret.flv HTTP/1.1", "asked.example", "")
    finally:
        guarded.callbacks.answer = {"on_play": (403, b'{"code":1}')}


# ---- the API ----

API_PATHS = ["summaries", "clients", "clients/", "clients?count=1", "vhosts", "config", "rusages",
             "raw?rpc=raw", "self_proc_stats", "tests/requests"]
API_SPELLINGS = ["/api/v1/{0}", "//api/v1/{0}", "/api//v1/{0}", "/./api/v1/{0}", "/x/../api/v1/{0}",
                 "/%61pi/v1/{0}", "/api%2fv1%2f{0}", "/api/v1/%2e/{0}", "/API/V1/{0}", "/api/v1/./{0}",
                 "/console/../api/v1/{0}", "/api/v1/versions/../{0}"]
WRONG = ["", "Basic", "Basic ", "Basic !!!!", "Bearer x", "Digest x", "Basic {0}",
         "Basic OnMzY3JldA==", "Basic YWRtaW46", "Basic YWRtaW4=", "Basic {1}", "basic {2}"]


def api_attempts():
    def basic(text):
        return base64.b64encode(text.encode()).decode()

    words = [basic("admin:S3cret"), basic("Admin:s3cret"), basic("admin:s3cret\0")]
    for path in API_PATHS:
        for spelling in API_SPELLINGS:
            yield spelling.format(path), []
    for wrong in WRONG:
        yield "/api/v1/clients", ["-H", "Authorization: " + wrong.format(*words)]
    for header in HEADERS[:14]:
        yield "/api/v1/clients", ["-H", header.format("127.0.0.1")]
    for query in ("callback=x", "callback=x&method=DELETE", "username=admin&password=s3cret",
                  "Authorization=Basic%20YWRtaW46czNjcmV0"):
        yield "/api/v1/clients?" + query, []


def test_no_way_into_the_api(api_server, publish):  # noqa: F811
    """Without the right password nothing of the API, on its own port or on http_server's."""
    srv = api_server("jsonp on; auth { enabled on; username admin; password s3cret; }")
    publish(srv)
    attempts = list(api_attempts())
    assert len(attempts) >= 120
    for port in (srv.api_port, srv.http_port):
        conn = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for path, args in attempts:
            headers = dict(line.split(": ", 1) for line in args[1:] if ": " in line)
            conn.request("GET", path, headers=headers)
            answer = conn.getresponse()
            text = answer.read()
            assert answer.status in (301, 302, 400, 401, 403, 404, 414), (port, path, args, answer.status)
            assert not any(word in text for word in (b"srs_uptime", b'"ip":', b"ru_utime", b"http_remux"))
        conn.close()
    assert curl(f"http://127.0.0.1:{srv.api_port}/api/v1/clients", "-u", "admin:s3cret").status == 200
