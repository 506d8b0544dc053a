"""HTTPS, WSS and RTMPS end to end: protocol parameters, refused clients, and media."""

import hashlib
import http.client
import itertools
import json
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import flv
import ws
from harness import ROOT, curl, ffmpeg_decode, ffmpeg_publish_args, free_port, run, wait_for
from player_kit import browser, players_html, wait_playing  # noqa: F401
from rtmp import Publisher

MAKE_CERTIFICATE = ROOT / "conf" / "make-certificate.sh"
HANDSHAKE_SECONDS = 10


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A folder with server.key and server.crt as the script in conf creates them."""
    folder = tmp_path_factory.mktemp("certificate")
    run([MAKE_CERTIFICATE, folder])
    return folder


@pytest.fixture
def secure(server, certificate, tmp_path):
    """secure(**parts): a server with HTTPS and RTMPS and certificate files of its own."""
    def start(*, http_server="", top="", **parts):
        folder = tmp_path / "tls"
        shutil.copytree(certificate, folder, dirs_exist_ok=True)
        pem = f"key {folder}/server.key; cert {folder}/server.crt;"
        https, rtmps = free_port(), free_port()
        srv = server(http_server=f"{http_server} https {{ enabled on; listen {https}; {pem} }}",
                     top=f"{top} rtmps {{ enabled on; listen {rtmps}; {pem} }}", **parts)
        srv.https_port, srv.rtmps_port, srv.tls_folder = https, rtmps, folder
        return srv
    return start


@pytest.fixture
def view(server):
    """view(srv, path, …): an HTTPS viewer that is closed before the server is."""
    assert server
    opened = []

    def start(srv, path="/live/livestream.flv", **options):
        opened.append(flv.Viewer(https_url(srv, path), **options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def https_url(srv, path="/live/livestream.flv"):
    return f"https://127.0.0.1:{srv.https_port}/{path.lstrip('/')}"


def context_of(version=None, alpn=()):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def connect(port, context=None, **options):
    plain = socket.create_connection(("127.0.0.1", port), 10)
    try:
        return (context or context_of()).wrap_socket(plain, suppress_ragged_eofs=False, **options)
    except (ssl.SSLError, OSError):
        plain.close()
        raise


def answer_of(tls, request=b"HEAD /nothing HTTP/1.1\r\nHost: x\r\n\r\n"):
    tls.sendall(request)
    return tls.recv(65536)


def fingerprint(srv):
    with connect(srv.https_port) as tls:
        return hashlib.sha256(tls.getpeercert(binary_form=True)).digest()


def s_client(port, *args, text="", seconds=15):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *args],
                          input=text, capture_output=True, timeout=seconds, text=True,
                          errors="replace")
    return done.stdout + done.stderr


# ---- media ----

def test_flv_over_https(secure, publish):
    srv = secure()
    publish(srv)
    complaints = ffmpeg_decode(https_url(srv), seconds=3)
    assert complaints == ""
    # Its name is trusted, and the chunks are complete.
    answer = curl(f"https://localhost:{srv.https_port}/live/livestream.flv", "--cacert",
                  srv.tls_folder / "server.crt", seconds=3)
    assert answer.exit_code == 28 and answer.status == 200
    assert answer.headers["content-type"] == "video/x-flv"
    assert answer.headers["transfer-encoding"] == "chunked"
    assert len([t for t in flv.parse(answer.body, may_be_cut=True).tags if t.is_media]) > 50


def test_http_and_https_get_the_same(secure, publish, view):
    srv = secure()
    publish(srv)
    over_tls, plain = view(srv), flv.Viewer(srv.http_url())
    with plain:
        over_tls.wait_media(100)
        plain.wait_media(100)
        first, second = ([t.key for t in v.media] for v in (over_tls, plain))
    # Both started at the same keyframe, or one of them a GOP later.
    start = next(i for i, key in enumerate(first) if key == second[0]) if second[0] in first else 0
    other = second.index(first[0]) if first[0] in second else 0
    assert start == 0 or other == 0
    shared = min(len(first) - start, len(second) - other)
    assert shared > 20
    assert first[start:start + shared] == second[other:other + shared]


def test_slow_reader_loses_nothing(secure, publisher, view, source):
    """Data that the socket does not accept at once is already encrypted, and must be sent
    unchanged."""
    srv = secure()
    preamble, gops = source
    length = gops[-1][0].time + 2000 - gops[0][0].time
    rounds = ((gop, turn * length) for turn in itertools.count() for gop in gops)
    viewer = view(srv, receive_buffer=8192)
    fast = view(srv)
    wait_for(lambda: srv.log().count("] play ") >= 2, what="the viewers")
    one = publisher(srv)
    one.send_tags(preamble)

    def send(count):
        while len(fast.media) < count:
            gop, offset = next(rounds)
            seen = len(fast.media)
            one.send_tags(gop, offset=offset)
            fast.wait_media(seen + len(gop))

    send(10)
    viewer.wait_media(10)
    for _ in range(2):
        viewer.hold()
        seen = len(fast.media)
        send(seen + 400)
        assert fast.bytes - viewer.bytes > 500_000, "it was to be held up on the way"
        viewer.go()
        viewer.wait_media(seen + 400)
    viewer.check()
    keys = [t.key for t in fast.media]
    got = [t.key for t in viewer.media]
    begin = keys.index(got[0])
    shared = min(len(keys) - begin, len(got))
    assert shared > 100
    assert keys[begin:begin + shared] == got[:shared]


def test_end_of_a_stream_is_whole(secure, view, source_flv):
    """The last chunk, and then close_notify: over_tls() raises an error if it is missing."""
    srv = secure(remux={"republish_wait": 100})
    preamble, ring = flv.preamble_and_ring(flv.parse_file(source_flv).tags)
    publisher = Publisher(srv.rtmp_url())
    publisher.send_tags(preamble + flv.split_gops(ring)[0])
    viewer = view(srv)
    viewer.wait_media(10)
    publisher.close()
    viewer.wait_end()
    assert viewer.socket.recv(1) == b""


def test_wss(secure, publish):
    srv = secure()
    publish(srv)
    with ws.Socket(f"wss://127.0.0.1:{srv.https_port}/live/livestream.flv") as one:
        assert one.answer.status == 101
        one.until_media(60)


def test_rtmps(secure, source_flv, tmp_path):
    srv = secure()
    url = f"rtmps://127.0.0.1:{srv.rtmps_port}/live/secret"
    with open(tmp_path / "publish.log", "wb") as log:
        publisher = subprocess.Popen(ffmpeg_publish_args(source_flv, url),
                                     stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        srv.wait_log(r"start publish \S*live/secret", 20)
        assert ffmpeg_decode(url, seconds=2) == ""
        assert ffmpeg_decode(https_url(srv, "/live/secret.flv"), seconds=2) == ""
        assert ffmpeg_decode(srv.rtmp_url("live/secret"), seconds=2) == ""
    finally:
        publisher.kill()
        publisher.wait()


def test_page_over_https(secure, publish, browser, players_html):  # noqa: F811
    srv = secure(html=players_html)
    publish(srv)
    page = browser()
    page.open(https_url(srv, "/players/"))
    wait_playing(page, 2)
    assert page.evaluate("millrace.address").startswith(f"https://127.0.0.1:{srv.https_port}/")
    page.open(https_url(srv, "/players/srs_player.html?schema=wss&app=live&stream=livestream.flv"))
    wait_playing(page, 2)
    assert page.evaluate("millrace.address").startswith(f"wss://127.0.0.1:{srv.https_port}/")


# ---- the protocol ----

def test_versions_and_ciphers(secure):
    srv = secure()
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        with connect(srv.https_port, context_of(version)) as tls:
            assert tls.version() == name
            assert "AES128-GCM" in tls.cipher()[0] or "AES_128_GCM" in tls.cipher()[0]
            assert b" 404 " in answer_of(tls)
    for old in ("-tls1", "-tls1_1"):
        said = s_client(srv.https_port, old, "-cipher", "DEFAULT@SECLEVEL=0")
        assert "alert protocol version" in said
    for weak in ("AES128-SHA", "AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "aNULL", "DHE"):
        said = s_client(srv.https_port, "-tls1_2", "-cipher", f"{weak}:@SECLEVEL=0")
        assert "alert handshake failure" in said, weak


@pytest.mark.once
def test_testssl_finds_nothing(secure, tmp_path):
    """Debian's testssl.sh: versions, cipher categories, forward secrecy, preferences, renegotiation."""
    srv = secure()
    report = tmp_path / "testssl.json"
    run(["testssl", "--warnings", "off", "--color", "0", "--quiet", "-p", "-s", "-f", "-P", "-R",
         "--jsonfile", report, f"127.0.0.1:{srv.https_port}"], timeout=80, check=False)
    found = json.loads(report.read_text())
    # Its report about the machine's own openssl is not a finding.
    bad = [(one["id"], one["finding"]) for one in found
           if one["severity"] not in ("OK", "INFO") and one["id"] != "engine_problem"]
    assert bad == []
    assert {"TLS1_3", "secure_client_renego"} <= {one["id"] for one in found}
    assert sum(one["severity"] == "OK" for one in found) >= 14


def test_no_renegotiation(secure):
    srv = secure()
    client = subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect",
                               f"127.0.0.1:{srv.https_port}"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    client.stdin.write("R\n")
    client.stdin.flush()
    # The client ends by itself: the server's alert tells it that the handshake failed.
    assert "no renegotiation" in client.communicate(timeout=15)[0]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tickets(secure, version):
    srv = secure()
    context = context_of(version)
    with connect(srv.https_port, context) as tls:
        assert not tls.session_reused
        answer_of(tls)  # TLS 1.3 sends its tickets after the handshake
        session = tls.session
        assert session.has_ticket
    with connect(srv.https_port, context, session=session) as tls:
        assert tls.session_reused
        assert b" 404 " in answer_of(tls)


def test_alpn(secure):
    srv = secure()
    with connect(srv.https_port, context_of(alpn=["h2", "http/1.1"])) as tls:
        assert tls.selected_alpn_protocol() == "http/1.1"
    with connect(srv.https_port) as tls:
        assert tls.selected_alpn_protocol() is None
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        connect(srv.https_port, context_of(alpn=["h2"]))


def test_requests_in_a_row(secure):
    srv = secure()
    (srv.html / "hello.txt").write_text("hello " * 40000)
    client = http.client.HTTPSConnection("127.0.0.1", srv.https_port, timeout=10,
                                         context=context_of())
    for _ in range(3):
        client.request("GET", "/hello.txt")
        answer = client.getresponse()
        assert answer.status == 200 and answer.read() == b"hello " * 40000
        client.request("GET", "/nothing")
        answer = client.getresponse()
        assert answer.status == 404
        answer.read()
    client.close()
    # Several requests at once, the last of which ends the connection with close_notify.
    with connect(srv.https_port) as tls:
        tls.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 3 +
                    b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        text = b""
        while got := tls.recv(65536):
            text += got
        assert text.count(b"HTTP/1.1 404") == 4


def test_key_updates(secure, publish):
    """Ten key updates in both directions during a stream."""
    srv = secure()
    publish(srv)
    client = subprocess.Popen(["openssl", "s_client", "-tls1_3", "-connect",
                               f"127.0.0.1:{srv.https_port}"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    count, at, updates = 0, 0, 0
    client.stdin.write(b"GET /live/livestream.flv HTTP/1.1\nHost: x\n\n".replace(b"\n", b"\r\n"))
    client.stdin.flush()
    try:
        while count < 400_000:
            got = client.stdout.read1(65536)
            assert got, "the stream ended"
            count += len(got)
            updates += got.count(b"KEYUPDATE")
            if count > at and at < 300_000:
                at += 30_000
                client.stdin.write(b"K\n")  # ask the server to update its keys, too
                client.stdin.flush()
    finally:
        client.kill()
        said = client.communicate()[0]
    assert b"alert" not in said
    assert updates > 2, "s_client did not do it"


# ---- certificates ----

def test_certificate_is_replaced_while_media_plays(secure, publish, view):
    srv = secure()
    publish(srv)
    viewer = view(srv)
    viewer.wait_media(10)
    before = fingerprint(srv)
    fresh = srv.folder / "fresh"
    fresh.mkdir()
    run([MAKE_CERTIFICATE, fresh])
    for name in ("server.crt", "server.key"):
        shutil.copy(fresh / name, srv.tls_folder / name)
    # Each process checks the files itself, when a client connects.
    wait_for(lambda: fingerprint(srv) != before and
             srv.log().count(".crt reloaded") >= len(srv.processes()), 10, "the new certificate")
    # A certificate without its key is refused, also after a signal, and the log says why.
    after = fingerprint(srv)
    (srv.tls_folder / "server.key").write_text("nothing\n")
    srv.signal(signal.SIGHUP)
    srv.wait_log(r"reload failed, keeping the old configuration: .*private key \S+server.key")
    assert fingerprint(srv) == after
    shutil.copy(fresh / "server.key", srv.tls_folder / "server.key")
    srv.signal(signal.SIGHUP)
    srv.wait_log(r"reload: configuration is valid")
    assert fingerprint(srv) == after
    # Existing connections are not disturbed.
    viewer.wait_media(len(viewer.media) + 30)


def test_missing_certificate(server, tmp_path):
    srv = server(http_server=f"https {{ enabled on; listen {free_port()}; "
                             f"key {tmp_path}/no.key; cert {tmp_path}/no.crt; }}", wait=False)
    srv.has_stopped = True  # its exit code is not 0
    assert srv.wait() == 1
    srv.check_output()
    assert f"no such file: {tmp_path}/no.key" in srv.log()
    assert "make-certificate.sh" in srv.log() and "openssl req -new -x509" in srv.log()


def test_make_certificate(tmp_path):
    run([MAKE_CERTIFICATE, tmp_path])
    key, cert = tmp_path / "server.key", tmp_path / "server.crt"
    first = key.read_bytes(), cert.read_bytes()
    assert key.stat().st_mode & 0o077 == 0
    said = run(["openssl", "x509", "-in", cert, "-noout", "-subject", "-ext",
                "subjectAltName"]).stdout
    assert "CN = ossrs.net" in said and "DNS:localhost" in said
    run([MAKE_CERTIFICATE, tmp_path])
    assert (key.read_bytes(), cert.read_bytes()) == first


# ---- hostile clients ----

CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(64))


def trickle(srv):
    """How long the server waits for a handshake that arrives in single bytes."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", srv.https_port), 10) as one:
        one.settimeout(0.3)
        for byte in CLIENT_HELLO:
            try:
                one.sendall(bytes([byte]))
                if not one.recv(1):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            raise AssertionError("it went on for as long as bytes came")
    return time.monotonic() - begin


@pytest.mark.once
def test_half_open_handshakes(secure, publish, view):
    """Hundreds that start a handshake and stop: media flows, other clients connect, and they are
    disconnected. So is a client that sends single bytes."""
    srv = secure()
    publish(srv)
    viewer = view(srv)
    viewer.wait_media(10)
    pool = ThreadPoolExecutor(1)
    trickled = pool.submit(trickle, srv)
    begin = time.monotonic()
    idle = [socket.create_connection(("127.0.0.1", srv.https_port), 10) for _ in range(300)]
    for i, one in enumerate(idle):
        one.sendall(CLIENT_HELLO[:i % len(CLIENT_HELLO)])
    for _ in range(5):
        with connect(srv.https_port) as tls:
            assert b" 404 " in answer_of(tls)
    viewer.wait_media(len(viewer.media) + 50)
    assert time.monotonic() - begin < HANDSHAKE_SECONDS, "no time left to see them half open"
    for one in idle:
        one.settimeout(HANDSHAKE_SECONDS + 10)
        try:
            while one.recv(100):  # perhaps an alert before the end
                pass
        except ConnectionResetError:
            pass
        one.close()
    assert time.monotonic() - begin > HANDSHAKE_SECONDS - 1
    assert HANDSHAKE_SECONDS - 1 < trickled.result(HANDSHAKE_SECONDS) < HANDSHAKE_SECONDS + 5
    pool.shutdown()
    viewer.wait_media(len(viewer.media) + 10)


def test_flood_of_handshakes(secure, publish, view):
    srv = secure()
    publish(srv)
    viewer = view(srv)
    viewer.wait_media(10)
    before = srv.descriptors()
    done, failed = [], []

    def knock():
        context = context_of()
        for _ in range(40):
            try:
                connect(srv.https_port, context).close()
                done.append(1)
            except OSError as error:
                failed.append(error)

    knockers = [threading.Thread(target=knock) for _ in range(8)]
    for one in knockers:
        one.start()
    seen = len(viewer.media)
    viewer.wait_media(seen + 25)
    for one in knockers:
        one.join(60)
    assert not failed and len(done) == 320
    viewer.wait_media(len(viewer.media) + 10)
    wait_for(lambda: srv.descriptors() <= before + 4, 10, "the connections to be gone")


def test_wrong_protocols(secure):
    """Plain HTTP, noise and truncated records: each is disconnected, without other effects."""
    srv = secure()
    for text in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x03" * 1537, b"\x16\x03\x01\xff\xff",
                 b"\x15\x03\x03\x00\x02\x02\x28", b"\x80\x2e\x01\x00\x02", bytes(1000)):
        for port in (srv.https_port, srv.rtmps_port):
            with socket.create_connection(("127.0.0.1", port), 10) as one:
                one.sendall(text)
                one.shutdown(socket.SHUT_WR)
                try:
                    while one.recv(1000):
                        pass
                except ConnectionResetError:
                    pass
    assert fingerprint(srv)
    # The first of these is a common mistake, so the answer explains it.
    answer = curl(f"http://127.0.0.1:{srv.https_port}/players/")
    assert answer.status == 400 and "https" in answer.json()["reason"]


def test_noise_within_a_connection(secure):
    srv = secure()
    for noise in (b"\x17\x03\x03\x00\x20" + bytes(32), b"\x17\x03\x03\xff\xff", b"\x00" * 64,
                  b"\x14\x03\x03\x00\x01\x01" * 100):
        plain = socket.create_connection(("127.0.0.1", srv.https_port), 10)
        tls = context_of().wrap_socket(plain)
        raw = socket.socket(fileno=socket.dup(tls.fileno()))
        answer_of(tls)
        raw.settimeout(10)
        raw.sendall(noise)
        # A reset instead of a close: its last data is not read.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            while raw.recv(1000):
                pass
        except OSError:
            pass
        raw.close()
        tls.close()
    assert fingerprint(srv)


def test_connections_beyond_the_limit(secure):
    srv = secure(top="max_connections 2;")
    held = [Publisher(srv.rtmp_url(f"live/{name}")) for name in "ab"]
    with connect(srv.https_port) as one:
        check_refusal(http_answer(one), 503)
    with pytest.raises((ssl.SSLError, OSError)):
        connect(srv.rtmps_port)
    for one in held:
        one.close()

    def is_room():
        with connect(srv.https_port) as one:
            return answer_of(one).startswith(b"HTTP/1.1 404 ")
    wait_for(is_room, 10, "room again")


def test_connections_of_one_address_beyond_the_limit(secure):
    srv = secure(top="max_connections_per_ip 1;")
    with connect(srv.https_port) as held:
        with connect(srv.https_port) as one:
            check_refusal(http_answer(one), 429)
        assert answer_of(held).startswith(b"HTTP/1.1 404 ")


def http_answer(tls):
    """What the server sends without a handshake: the head and the JSON body; then close_notify."""
    answer = http.client.HTTPResponse(tls)
    answer.begin()
    body = json.loads(answer.read())
    tls.settimeout(10)
    assert tls.recv(1) == b"", "more than the answer"
    return answer, body


def check_refusal(said, status):
    answer, body = said
    assert answer.status == body["code"] == status and body["reason"]
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
