"""X-Forwarded-For and X-Real-IP, and limits by a client's address behind a proxy."""

import http.client
import json
import socket

import flv
import rtmp_client
import ws
from harness import wait_for
from proxies import header_v1, header_v2
from proxy_kit import (BANNED, HEAD, PROXY, REQUEST, STRANGER, behind, certificate,  # noqa: F401
                       dial, ended, live, over_tls, until)
from test_proxies import wait_clients


# ---- X-Forwarded-For, X-Real-IP

def ask(srv, *lines, source=PROXY):
    """The status of a HEAD request with these header lines."""
    with dial(srv.http_port, source) as conn:
        text = "".join(line + "\r\n" for line in lines)
        conn.sendall(HEAD[:-2] + text.encode() + b"\r\n")
        return int(until(conn, b"\r\n\r\n").split()[1])


def test_forwarded_for(behind, live):
    """A rule refuses BANNED, so the status shows which client address the server has accepted."""
    srv = live(behind(proxy_protocol=False))
    banned, other = f"X-Forwarded-For: {BANNED}", "X-Forwarded-For: 203.0.113.1"
    assert ask(srv) == 200
    assert ask(srv, banned) == 403
    assert ask(srv, other) == 200
    assert ask(srv, f"x-forwarded-for: ::ffff:{BANNED}") == 403
    assert ask(srv, "X-Forwarded-For: [2001:DB8:bad::1]:80") == 403
    # From the right, past trusted hops, to the first that is not.
    assert ask(srv, f"X-Forwarded-For: 203.0.113.1, {BANNED}") == 403
    assert ask(srv, f"X-Forwarded-For: {BANNED}, 203.0.113.1") == 200
    assert ask(srv, f"X-Forwarded-For: 1.1.1.1, {BANNED}, 10.1.2.3, 127.0.0.1") == 403
    assert ask(srv, f"X-Forwarded-For: {BANNED}, 10.2.2.3, 127.0.0.1") == 200
    assert ask(srv, other, banned) == 403
    assert ask(srv, banned, other) == 200
    # An entry that is not an address ends the search.
    assert ask(srv, f"X-Forwarded-For: {BANNED}, unknown") == 200
    assert ask(srv, f"X-Forwarded-For: unknown, {BANNED}") == 403
    assert ask(srv, "X-Forwarded-For: ") == 200
    # X-Real-IP, without X-Forwarded-For.
    assert ask(srv, f"X-Real-IP: {BANNED}") == 403
    assert ask(srv, f"X-Real-IP: {BANNED}", other) == 200
    assert ask(srv, "X-Real-IP: 203.0.113.1", banned) == 403
    # Headers of other clients are ignored.
    assert ask(srv, banned, f"X-Real-IP: {BANNED}", source=STRANGER) == 200


def test_forwarded_for_behind_a_header(behind, live):
    """Two proxies, one of which sends a PROXY header for the other: the other must be trusted."""
    srv = live(behind())
    for hop, status in (("10.1.0.9", b"403"), ("203.0.113.1", b"200")):
        with dial(srv.http_port) as conn:
            conn.sendall(header_v2(hop) + HEAD[:-2] + f"X-Forwarded-For: {BANNED}\r\n\r\n".encode())
            assert until(conn, b"\r\n\r\n").split()[1] == status


def test_one_connection_of_many_clients(behind, live):
    """Each request has its own client, whatever the one before was; also when pipelined."""
    srv = live(behind(proxy_protocol=False))
    order = [BANNED, "203.0.113.1", None, BANNED, None, "203.0.113.2"]
    requests = [HEAD[:-2] + (f"X-Forwarded-For: {ip}\r\n" if ip else "").encode() + b"\r\n"
                for ip in order]
    wanted = [403 if ip == BANNED else 200 for ip in order]
    for pieces in (requests, [b"".join(requests)]):
        with dial(srv.http_port) as conn:
            got = []
            data = b""
            for piece in pieces:
                conn.sendall(piece)
                while len(got) < (len(order) if len(pieces) == 1 else len(got) + 1):
                    while b"\r\n\r\n" not in data:
                        more = conn.recv(65536)
                        assert more, got
                        data += more
                    head, _, data = data.partition(b"\r\n\r\n")
                    got.append(int(head.split()[1]))
                    if len(pieces) > 1:
                        break
            assert got == wanted


def test_viewers_are_shown_with_their_own_address(behind, live):
    srv = live(behind(proxy_protocol=False))
    line = "X-Forwarded-For: 9.9.9.9, 203.0.113.{}\r\n"
    with flv.Viewer(srv.http_url(), headers=line.format(1)) as viewer, \
            flv.Viewer(srv.http_url(), headers=line.format(2), version="1.0") as old:
        web = ws.Socket(srv.http_url().replace("http", "ws"), line.format(3).rstrip())
        viewer.wait_media(3, 15)
        old.wait_media(3, 15)
        web.until_media(3)
        with socket.socket(socket.AF_UNIX) as conn:
            conn.settimeout(15)
            conn.connect(str(srv.unix))
            conn.sendall(REQUEST[:-2] + line.format(4).encode() + b"\r\n")
            assert until(conn, b"FLV\x01").startswith(b"HTTP/1.1 200 ")
            wait_clients(srv, [("fmle-publish", STRANGER)]
                         + [("flv-play", f"203.0.113.{n}") for n in (1, 2, 3, 4)])
        web.close()
    for n in (1, 2, 3, 4):
        srv.wait_log(f"stop play __defaultVhost__/live/livestream from 203.0.113.{n},")


# ---- limits

def seat(srv, ip, source=PROXY):
    """A viewer through a proxy, and its status."""
    conn = dial(srv.http_port, source)
    line = f"X-Forwarded-For: {ip}\r\n" if ip else ""
    conn.sendall(REQUEST[:-2] + line.encode() + b"\r\n")
    return conn, int(until(conn, b"\r\n\r\n").split()[1])


def test_limit_by_address_through_a_proxy(behind, live):
    """Each client has its own limit, through the proxy or not; the proxy itself has none."""
    srv = live(behind(proxy_protocol=False, top="max_connections_per_ip 2;"))
    held = [dial(srv.http_port) for _ in range(5)]  # the proxy's idle connections
    for ip in ("203.0.113.1", "203.0.113.2"):
        for _ in range(2):
            conn, status = seat(srv, ip)
            held.append(conn)
            assert status == 200
    # One too many: refused, and the connection stays open for the proxy's other clients.
    with dial(srv.http_port) as conn:
        too_many = REQUEST[:-2] + b"X-Forwarded-For: 203.0.113.1\r\nOrigin: http://page\r\n\r\n"
        for _ in range(2):
            conn.sendall(too_many)
            response = http.client.HTTPResponse(conn, method="GET")
            response.begin()
            assert response.status == 429
            assert json.loads(response.read())["reason"] == "too many connections from this address"
            assert response.getheader("Retry-After") and \
                response.getheader("Access-Control-Allow-Origin") == "http://page"
            conn.sendall(HEAD[:-2] + b"X-Forwarded-For: 203.0.113.3\r\n\r\n")
            assert until(conn, b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert "refused 203.0.113.1: max_connections_per_ip" in srv.log()
    # When one disconnects, another one fits.
    held.pop().close()

    def seated():
        conn, status = seat(srv, "203.0.113.2")
        if status == 200:
            held.append(conn)
        return status == 200
    wait_for(seated, 15, "room for another one")
    assert seat(srv, "203.0.113.2")[1] == 429
    # The client publishes on a direct connection; through the proxy it has one more.
    conn, status = seat(srv, STRANGER)
    held.append(conn)
    assert status == 200
    assert seat(srv, STRANGER)[1] == 429
    with dial(srv.http_port, STRANGER) as conn:
        conn.sendall(REQUEST)
        assert ended(conn).startswith(b"HTTP/1.1 429 ")
    for conn in held:
        conn.close()


def test_limit_by_address_with_headers(behind, live):
    srv = live(behind(top="max_connections_per_ip 1;"))
    held = [dial(srv.rtmp_port) for _ in range(4)]
    for number in (1, 2):
        player = rtmp_client.Client(srv.rtmp_port)
        held.append(player)
        player.send(header_v2(f"203.0.113.{number}"))
        player.handshake()
        player.connect()
        player.play("livestream")
    with rtmp_client.Client(srv.rtmp_port) as third:
        third.send(header_v1("203.0.113.1"))
        third.wait_closed(15)
    for port, wrap in ((srv.http_port, None), (srv.https_port, over_tls)):
        with dial(port) as conn:
            conn.sendall(header_v2("203.0.113.2"))
            if wrap:
                conn = wrap(conn)
            conn.sendall(REQUEST)
            assert until(conn, b"}").startswith(b"HTTP/1.1 429 ")
            conn.close()
    held.pop().close()

    def fits():
        with dial(srv.http_port) as conn:
            conn.sendall(header_v2("203.0.113.2") + HEAD)
            return until(conn, b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    wait_for(fits, 15, "room for another one")
    for conn in held:
        conn.close()


def test_limit_of_connections_with_headers(behind):
    """A connection over the limit gets its 503 after the PROXY header, too."""
    srv = behind(top="max_connections 3;")
    held = []
    for number in range(3):
        encoder = rtmp_client.Client(srv.rtmp_port)
        held.append(encoder)
        encoder.send(header_v2(f"203.0.113.{number}"))
        encoder.handshake()
        encoder.connect()
        encoder.publish(f"s{number}")

    def is_full(port, wrap):
        with dial(port) as conn:
            conn.sendall(header_v2())
            with wrap(conn) if wrap else conn as spoken:
                spoken.sendall(HEAD)
                return until(spoken, b"\r\n\r\n").startswith(b"HTTP/1.1 503 ")
    for port, wrap in ((srv.http_port, None), (srv.https_port, over_tls)):
        wait_for(lambda p=port, w=wrap: is_full(p, w), 15, "503")
    for conn in held:
        conn.close()
