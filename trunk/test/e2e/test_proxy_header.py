"""Client addresses from a proxy, and which proxies are trusted: PROXY headers, X-Forwarded-For.

The test plays the proxy: 127.0.0.1 is trusted (and ::1, and the UNIX socket), 127.0.0.5 is not.
"""

import http.client
import json
import socket

import pytest

import rtmp_client
from harness import wait_for
from proxies import header_v1, header_v2
from proxy_kit import (BANNED, HEAD, PROXY, REQUEST, STRANGER, behind, certificate,  # noqa: F401
                       dial, ended, live, over_tls, until)
from test_proxies import wait_clients


def answer(conn):
    """Status and body of one answer with a length, from the connection."""
    response = http.client.HTTPResponse(conn, method="GET")
    response.begin()
    return response.status, response.read()


# ---- PROXY headers

HEADERS = {
    "v1": (header_v1(), "203.0.113.7"),
    "v1-v6": (header_v1("2001:db8::7"), "2001:db8::7"),
    "v1-unknown": (b"PROXY UNKNOWN\r\n", PROXY),
    "v2": (header_v2(), "203.0.113.7"),
    "v2-v6": (header_v2("2001:db8::7"), "2001:db8::7"),
    "v2-mapped": (header_v2("::ffff:203.0.113.8"), "203.0.113.8"),
    "v2-more": (header_v2(more=b"\x03\0\x04abcd" + b"\x20" + (600).to_bytes(2, "big") + bytes(600)),
                "203.0.113.7"),
    "v2-local": (header_v2(None, command=0x20), PROXY),
    "v2-local-more": (header_v2(command=0x20), PROXY),
}


def play_with_header(srv, header, ip, how):
    """An HTTP viewer that the API shows with this address."""
    with dial(srv.http_port) as conn:
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if how == "together":
            conn.sendall(header + REQUEST)
        else:
            for at in range(len(header) if how == "bytes" else 1):
                conn.sendall(header[at:at + 1] if how == "bytes" else header)
            conn.sendall(REQUEST)
        data = until(conn, b"FLV\x01")
        assert data.startswith(b"HTTP/1.1 200 "), data
        wait_clients(srv, [("fmle-publish", STRANGER), ("flv-play", ip)])
    srv.wait_log(f"stop play __defaultVhost__/live/livestream from {ip},")


@pytest.mark.parametrize("how", ["together", "apart", "bytes"])
def test_header_before_http(behind, live, how):
    srv = live(behind())
    for header, ip in HEADERS.values():
        play_with_header(srv, header, ip, how)


def play_everywhere_with_header(srv, header, ip):
    """RTMP players, unencrypted, over IPv6 and over TLS, and an HTTPS viewer."""
    players = []
    for port, host in ((srv.rtmp_port, "127.0.0.1"), (srv.rtmp6_port, "::1"),
                       (srv.rtmps_port, "127.0.0.1")):
        client = rtmp_client.Client(port, host=host)
        players.append(client)
        client.send(header)
        if port == srv.rtmps_port:
            client.socket = over_tls(client.socket)
        client.handshake()
        client.connect()
        client.play("livestream")
        client.media(3)
    with dial(srv.https_port) as conn:
        conn.sendall(header)
        with over_tls(conn) as secure:
            secure.sendall(REQUEST)
            assert until(secure, b"FLV\x01").startswith(b"HTTP/1.1 200 ")
            own = ip == PROXY
            wait_clients(srv, [("fmle-publish", STRANGER), ("rtmp-play", ip),
                               ("rtmp-play", "::1" if own else ip), ("rtmp-play", ip),
                               ("flv-play", ip)])
    for client in players:
        client.close()
    srv.wait_log(f"stop play __defaultVhost__/live/livestream from {ip},")


def test_header_before_rtmp_and_tls(behind, live):
    srv = live(behind())
    for header, ip in HEADERS.values():
        play_everywhere_with_header(srv, header, ip)


def ask_with_header(srv, header, ip, status):
    with dial(srv.http_port) as conn:
        conn.sendall(header(ip) + HEAD)
        assert until(conn, b"\r\n\r\n").startswith(b"HTTP/1.1 " + status)
    with rtmp_client.Client(srv.rtmp_port) as client:
        client.send(header(ip))
        client.handshake()
        client.connect()
        client.play("livestream", wait=False)
        assert client.until("onStatus")[-1].code == (
            "NetStream.Play.Reset" if status == b"200" else "NetStream.Play.Failed")


def test_rules_are_asked_for_the_client(behind, live):
    srv = live(behind())
    for header in (header_v1, header_v2):
        ask_with_header(srv, header, BANNED, b"403")
        ask_with_header(srv, header, "2001:db8:bad::5", b"403")
        ask_with_header(srv, header, "203.0.113.65", b"200")


def test_header_on_the_unix_socket(behind, live):
    srv = live(behind())
    with socket.socket(socket.AF_UNIX) as conn:
        conn.settimeout(15)
        conn.connect(str(srv.unix))
        conn.sendall(header_v2() + REQUEST)
        assert until(conn, b"FLV\x01").startswith(b"HTTP/1.1 200 ")
        wait_clients(srv, [("fmle-publish", STRANGER), ("flv-play", "203.0.113.7")])


@pytest.mark.parametrize("header", [header_v1("127.0.0.1"), header_v2("127.0.0.1")],
                         ids=["v1", "v2"])
def test_header_of_a_stranger(behind, live, header):
    """It is refused and logged; another client without a header is served normally."""
    srv = live(behind())
    with dial(srv.http_port, STRANGER) as conn:
        conn.sendall(header + REQUEST)
        data = ended(conn)
        assert data.startswith(b"HTTP/1.1 400 ")
        assert json.loads(data.partition(b"\r\n\r\n")[2])["reason"] == \
            "PROXY headers are accepted from trusted_proxies only"
    for port in (srv.rtmp_port, srv.rtmps_port, srv.https_port):
        with dial(port, STRANGER) as conn:
            conn.sendall(header + b"\x03")
            assert ended(conn) == b""
    # A header in pieces is still recognized.
    with dial(srv.rtmp_port, STRANGER) as conn:
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in header[:12]:
            try:
                conn.sendall(bytes([byte]))
            except OSError:
                break
        assert ended(conn) == b""
    wait_for(lambda: srv.log().count(
        f"PROXY header from {STRANGER}: refused: this address is not in trusted_proxies") == 5, 15,
        "five refusals")
    with dial(srv.http_port, STRANGER) as conn:
        conn.sendall(REQUEST)
        assert until(conn, b"FLV\x01").startswith(b"HTTP/1.1 200 ")
        wait_clients(srv, [("fmle-publish", STRANGER), ("flv-play", STRANGER)])
    with dial(srv.https_port, STRANGER) as conn, over_tls(conn) as secure:
        secure.sendall(HEAD)
        assert until(secure, b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")


BAD = {
    "none": REQUEST,
    "v1-long": b"PROXY UNKNOWN " + b"x" * 100,
    "v1-family": b"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "v1-address": b"PROXY TCP4 1.2.3.400 1.2.3.4 1 2\r\n",
    "v2-long": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff" + bytes(100),
    "v2-short": b"\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x0c" + bytes(12),
    "v2-version": b"\r\n\r\n\0\r\nQUIT\n\x31\x11\x00\x0c" + bytes(12),
}


def test_trusted_proxy_without_a_good_header(behind):
    srv = behind()
    for name, header in BAD.items():
        with dial(srv.http_port) as conn:
            conn.sendall(header)
            data = ended(conn)
            assert data.startswith(b"HTTP/1.1 400 "), name
            assert b"a trusted proxy must send a PROXY header here" in data
        with dial(srv.rtmp_port) as conn:
            conn.sendall(header if name != "none" else b"\x03" + bytes(1536))
            assert ended(conn) == b"", name
    refusal = f"PROXY header from {PROXY}: refused: a trusted proxy must send a PROXY header: "
    wait_for(lambda: srv.log().count(refusal) == 2 * len(BAD), 15, "a line for each refusal")


def test_header_has_a_deadline(behind):
    """The same timeout as for the handshake and the request's head, counted once."""
    srv = behind(timeout=700)
    waiting = []
    for sent in (b"", b"PROX", b"PROXY TCP4 1.2", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0"):
        for port in (srv.rtmp_port, srv.http_port, srv.https_port, srv.rtmps_port):
            for source in (PROXY, STRANGER) if len(sent) < 6 else (PROXY,):
                waiting.append(dial(port, source))
                waiting[-1].sendall(sent)
    for conn in waiting:
        assert not ended(conn).startswith(b"HTTP/1.1 200")
        conn.close()


def test_a_stop_does_not_wait_for_headers(behind):
    srv = behind(timeout=60000)
    waiting = [dial(port) for port in (srv.rtmp_port, srv.http_port, srv.https_port)]
    for conn in waiting:
        conn.sendall(b"PROXY TCP")
    srv.stop()
    for conn in waiting:
        assert ended(conn) == b""


def test_no_header_is_taken_where_none_is_expected(behind):
    srv = behind(proxy_protocol=False)
    with dial(srv.http_port) as conn:
        conn.sendall(header_v1() + REQUEST)
        assert ended(conn).startswith(b"HTTP/1.1 400 ")
    with dial(srv.rtmp_port) as conn:
        conn.sendall(header_v1() + b"\x03" + bytes(1536))
        assert ended(conn) == b""
    assert "203.0.113.7" not in srv.log()


def test_proxy_protocol_without_proxies_is_warned_about(server):
    srv = server(top="proxy_protocol on;")
    srv.wait_log("proxy_protocol is on, but trusted_proxies is empty")
