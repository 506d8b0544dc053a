"""Behind Debian's nginx, HAProxy and Caddy, with the configurations of conf/ and conf/proxies/.
Each client has an address of its own in 127.0.0.0/8; the proxies have 127.0.0.1, the only trusted
one."""

import hashlib
import hmac
import http.client
import itertools
import json
import re
import ssl
import threading
import time
import urllib.request

import pytest

import flv
import proxies
import rtmp_client
import ws
from harness import free_port, run, wait_for
from rtmp import Publisher

ENCODER, VIEWER, BANNED = "127.0.0.2", "127.0.0.5", "127.0.0.6"
ALLOW = "allow publish all; allow play all;"
SECRET = "a-secret-0c1d"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    run([proxies.CONF / "make-certificate.sh", folder])
    return folder


@pytest.fixture
def proxy(tmp_path, server):
    """A factory: proxy("nginx", …) or proxy(proxies.haproxy_tcp, …) starts one."""
    assert server
    running = []

    def start(kind, *args, **options):
        make = proxies.KINDS.get(kind, kind)
        running.append(make(tmp_path / f"proxy{len(running)}", *args, **options))
        return running[-1]

    yield start
    for one in running:
        one.kill()


def documented(server, name, changes, rules):
    """The server with a configuration of conf/; rules go into its vhost."""
    api = free_port()
    changes = {"./objs/nginx/html": "@HTML@",
               "127.0.0.1:1985": f"127.0.0.1:{api}",
               "    http_remux {": f"    {rules}\n    http_remux {{", **changes}
    srv = server(config=proxies.fill(name, changes))
    srv.api_port = api
    return srv


def behind(server, rules=""):
    return documented(server, "behind-a-proxy.conf",
                      {"127.0.0.1:8080": "127.0.0.1:@HTTP@", "listen 1935;": "listen @RTMP@;"}, rules)


def behind_haproxy(server, rules=""):
    """With the lines that are in the file for this case."""
    return documented(server, "behind-a-proxy.conf",
                      {"127.0.0.1:8080": "127.0.0.1:@HTTP@", "listen 1935;": "",
                       "#listen 127.0.0.1:19350;": "listen 127.0.0.1:@RTMP@;",
                       "#proxy_protocol on;": "proxy_protocol on;"}, rules)


def clients(srv):
    """The clients in the API, the publisher too: [(type, ip), …]."""
    with urllib.request.urlopen(f"http://127.0.0.1:{srv.api_port}/api/v1/clients", timeout=10) as a:
        return sorted((c["type"], c["ip"]) for c in json.load(a)["clients"])


def wait_clients(srv, wanted):
    wanted = sorted(wanted)
    try:
        wait_for(lambda: clients(srv) == wanted, 15, "the API's clients")
    except AssertionError:
        raise AssertionError(f"{clients(srv)} instead of {wanted}") from None


class Encoder:
    """Publishes audio in real time, from an address of its own, until the end."""

    def __init__(self, url, source=ENCODER):
        self.publisher = Publisher(url, source=source)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for n in itertools.count():
            try:
                self.publisher.send_tag(flv.Tag(flv.AUDIO, n * 26, b"\x2f\xff\xfb\x90\x00"
                                                + bytes(100)))
            except OSError:
                return
            if self.stop.wait(0.026):
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(10)
        self.publisher.close()


def fetch(url, source, headers=None):
    """(status, body) of one request from an address."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    if scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        conn = http.client.HTTPSConnection(host, timeout=20, source_address=(source, 0),
                                           context=context)
    else:
        conn = http.client.HTTPConnection(host, timeout=20, source_address=(source, 0))
    try:
        conn.request("GET", "/" + path, headers=headers or {})
        answer = conn.getresponse()
        return answer.status, answer.read()
    finally:
        conn.close()


@pytest.mark.parametrize("keep_alive", [True, False], ids=["keepalive", "close"])
@pytest.mark.parametrize("kind", proxies.KINDS)
def test_live_through_a_proxy(server, proxy, certificate, kind, keep_alive):
    """FLV and WebSocket, with and without TLS: media arrives, and log and API show the client's
    address."""
    srv = behind(server, f"security {{ enabled on; {ALLOW} deny play {BANNED}; }}")
    one = proxy(kind, srv, certificate, keep_alive=keep_alive)
    has_websocket = kind != "nginx" or keep_alive
    forged = "X-Forwarded-For: 127.0.0.9\r\nX-Real-IP: 127.0.0.9\r\n"
    expected = [("fmle-publish", ENCODER)]
    with Encoder(srv.rtmp_url()):
        open_viewers = []
        try:
            for scheme in ("http", "https"):
                viewer = flv.Viewer(one.url(scheme), source=VIEWER, headers=forged)
                open_viewers.append(viewer)
                viewer.wait_media(5, 20)
                assert viewer.status == 200
                expected.append(("flv-play", VIEWER))
            for scheme in ("ws", "wss") if has_websocket else ():
                viewer = ws.Socket(one.url(scheme), forged.rstrip(), source=VIEWER)
                open_viewers.append(viewer)
                assert viewer.answer.status == 101
                viewer.until_media(5)
                expected.append(("flv-play", VIEWER))
            wait_clients(srv, expected)
            for scheme in ("http", "https"):
                status, body = fetch(one.url(scheme), BANNED,
                                     {"X-Forwarded-For": VIEWER, "X-Real-IP": VIEWER})
                assert (status, json.loads(body)["reason"]) == (403, "client address is not allowed")
        finally:
            for viewer in open_viewers:
                viewer.close()
        wait_clients(srv, expected[:1])
    log = srv.log()
    assert f"play __defaultVhost__/live/livestream.flv from {VIEWER}" in log
    assert f"refused play __defaultVhost__/live/livestream from {BANNED}" in log
    assert "from 127.0.0.1" not in log and "127.0.0.9" not in log


def head(url, source):
    """The status that a HEAD request from this address gets."""
    conn = http.client.HTTPConnection(url.split("/")[2], timeout=20, source_address=(source, 0))
    try:
        conn.request("HEAD", "/" + url.split("/", 3)[3])
        return conn.getresponse().status
    finally:
        conn.close()


@pytest.mark.parametrize("kind", proxies.KINDS)
def test_requests_of_many_clients(server, proxy, certificate, kind):
    """They share the proxy's few connections: each request is checked for its own client."""
    srv = behind(server, f"security {{ enabled on; {ALLOW} deny play {BANNED}; }} token {{ enabled on; "
                         f"publish off; key {SECRET}; }}")
    one = proxy(kind, srv, certificate)
    expires = int(time.time()) + 3600
    text = f"play\n/live/livestream\n{expires}\n{VIEWER}"
    sign = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    url = one.url("http", f"/live/livestream.flv?expires={expires}&sign={sign}")
    with Encoder(srv.rtmp_url()):
        wait_for(lambda: head(url, VIEWER) == 200, 15, "the stream")
        for source, status in ((VIEWER, 200), (BANNED, 403), ("127.0.0.7", 403)) * 4:
            assert head(url, source) == status, source
    # Clients without a rule use a URL that is signed for another address.
    assert len(re.findall(f"refused play .* from {BANNED}: 403 client address is not allowed", srv.log())) == 4
    assert len(re.findall("refused play .* from 127.0.0.7: 403 wrong signature", srv.log())) == 4


def test_rtmp_through_haproxy(server, proxy, certificate, publish, source_flv):
    """A PROXY header gives the address of encoder and player."""
    srv = behind_haproxy(server, f"security {{ enabled on; {ALLOW} deny publish {BANNED}; deny play {BANNED}; }}")
    one = proxy("haproxy", srv, certificate)
    with Encoder(one.url("rtmp", "/live/livestream"), source="127.0.0.7"):
        with rtmp_client.Client(one.ports["rtmp"], source=VIEWER) as player:
            player.handshake()
            player.connect()
            player.play("livestream")
            player.media(5)
            wait_clients(srv, [("fmle-publish", "127.0.0.7"), ("rtmp-play", VIEWER)])
        with rtmp_client.Client(one.ports["rtmp"], source=BANNED) as client:
            client.handshake()
            client.connect()
            assert client.publish("other")[-1].code == "NetStream.Publish.Denied"
    srv.wait_log(r"start publish __defaultVhost__/live/livestream from 127\.0\.0\.7")
    srv.wait_log(rf"start play __defaultVhost__/live/livestream from {VIEWER}")
    # The encoder of the documents, at the proxy's address.
    publish(one.url("rtmp", "/live/proxied"), source=source_flv)
    with flv.Viewer(one.url("http", "/live/proxied.flv")) as viewer:
        viewer.wait_media(5, 20)


def over_tls(plain):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)


def test_all_through_tcp(server, proxy, certificate):
    """Connections that are forwarded unchanged, TLS too; both versions of the header."""
    https, rtmps = free_port(), free_port()
    srv = documented(server, "behind-a-tcp-proxy.conf",
                     {"127.0.0.1:19350": "127.0.0.1:@RTMP@",
                      "127.0.0.1:18080": "127.0.0.1:@HTTP@", "127.0.0.1:18088": f"127.0.0.1:{https}",
                      "127.0.0.1:14430": f"127.0.0.1:{rtmps}",
                      "./conf/server": f"{certificate}/server"}, "")
    srv.https_port, srv.rtmps_port = https, rtmps
    one = proxy(proxies.haproxy_tcp, srv)
    with Encoder(one.url("rtmp", "/live/livestream")):
        with flv.Viewer(one.url("http"), source="127.0.0.11") as plain, \
                flv.Viewer(one.url("https"), source="127.0.0.12") as secure, \
                rtmp_client.Client(one.ports["rtmps"], source="127.0.0.13") as player:
            web = ws.Socket(one.url("wss"), source="127.0.0.14")
            player.socket = over_tls(player.socket)
            player.handshake()
            player.connect()
            player.play("livestream")
            player.media(5)
            plain.wait_media(5, 20)
            secure.wait_media(5, 20)
            web.until_media(5)
            wait_clients(srv, [("fmle-publish", ENCODER), ("flv-play", "127.0.0.11"),
                               ("flv-play", "127.0.0.12"), ("rtmp-play", "127.0.0.13"),
                               ("flv-play", "127.0.0.14")])
            web.close()
    assert "from 127.0.0.1:" not in srv.log() and "from 127.0.0.1," not in srv.log()
