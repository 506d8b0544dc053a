"""HTTPS, WSS and RTMPS end to end: protocol parameters, refused clients, and media."""

import http.client
import itertools
import json
import shutil
import signal
import ssl
import subprocess

import pytest

import flv
import ws
from harness import curl, ffmpeg_decode, ffmpeg_publish_args, free_port, run, wait_for
from player_kit import browser, players_html, wait_playing  # noqa: F401
from rtmp import Publisher
from tls_kit import (MAKE_CERTIFICATE, answer_of, certificate, connect, context_of,  # noqa: F401
                     fingerprint, https_url, secure, view)


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
