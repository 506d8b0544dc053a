"""Client addresses from a proxy, and which proxies are trusted: PROXY headers, X-Forwarded-For.

The test plays the proxy: 127.0.0.1 is trusted (and ::1, and the UNIX socket), 127.0.0.5 is not.
"""

import http.client
import json
import socket
import ssl

import pytest

import flv
import proxies
import rtmp_client
import ws
from harness import run, wait_for
from proxies import header_v1, header_v2
from ready import readable
from test_proxies import Encoder, wait_clients

PROXY, STRANGER, BANNED = "127.0.0.1", "127.0.0.5", "203.0.113.66"

CONFIG = """
listen @RTMP@ [::1]:@PORT4@;
daemon off;
srs_log_tank console;
trusted_proxies 127.0.0.1 ::1 10.1.0.0/16 unix:;
proxy_protocol PROXY_PROTOCOL;
rtmp_handshake_timeout TIMEOUT;
http_header_timeout TIMEOUT;
TOP
rtmps { enabled on; listen @PORT5@; proxy_protocol on; key CERT/server.key; cert CERT/server.crt; }
http_server {
    enabled on;
    listen @HTTP@ unix:UNIX;
    proxy_protocol PROXY_PROTOCOL;
    dir @HTML@;
    https { enabled on; listen @PORT3@; proxy_protocol on; key CERT/server.key; cert CERT/server.crt; }
}
http_api { enabled on; listen 127.0.0.1:@PORT6@; }
vhost __defaultVhost__ {
    security { enabled on; allow publish all; allow play all; deny play 203.0.113.66 2001:db8:bad::/48; }
    http_remux { enabled on; mount [vhost]/[app]/[stream].flv; }
}
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    run([proxies.CONF / "make-certificate.sh", folder])
    return folder


@pytest.fixture
def behind(server, certificate, tmp_path):
    """Starts a server that trusts a proxy; returns it with its ports by name."""
    def start(proxy_protocol=True, top="", timeout=20000):
        text = CONFIG.replace("PROXY_PROTOCOL", "on" if proxy_protocol else "off")
        text = text.replace("CERT", str(certificate)).replace("UNIX", str(tmp_path / "http.sock"))
        srv = server(config=text.replace("TIMEOUT", str(timeout)).replace("TOP", top))
        srv.https_port, srv.rtmp6_port, srv.rtmps_port, srv.api_port = \
            (srv.ports[n] for n in (3, 4, 5, 6))
        srv.unix = tmp_path / "http.sock"
        return srv
    return start


@pytest.fixture
def live(behind):
    """live(srv): publishes live/livestream there, directly, without a proxy."""
    assert behind
    encoders = []

    def start(srv):
        encoders.append(Encoder(srv.rtmp_url(), source=STRANGER))
        wait_clients(srv, [("fmle-publish", STRANGER)])
        return srv
    yield start
    for one in encoders:
        one.__exit__()


def over_tls(plain):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)


def dial(port, source=PROXY, host="127.0.0.1"):
    return socket.create_connection((host, port), 15, (source, 0))


REQUEST = b"GET /live/livestream.flv HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"HEAD /live/livestream.flv HTTP/1.1\r\nHost: x\r\n\r\n"


def until(conn, mark):
    """What is received up to the mark, or to the end of the connection."""
    data = b""
    while mark not in data:
        try:
            got = conn.recv(65536)
        except ConnectionResetError:
            got = b""
        if not got:
            break
        data += got
    return data


def answer(conn):
    """Status and body of one answer with a length, from the connection."""
    response = http.client.HTTPResponse(conn, method="GET")
    response.begin()
    return response.status, response.read()


def ended(conn):
    """Reads to the end, which must come; returns what was received."""
    conn.settimeout(15)
    return until(conn, b"no such thing is ever said")


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
