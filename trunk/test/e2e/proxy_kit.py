"""A server behind a proxy, and clients that come through it."""

import socket
import ssl

import pytest

import proxies
from harness import run
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


def ended(conn):
    """Reads to the end, which must come; returns what was received."""
    conn.settimeout(15)
    return until(conn, b"no such thing is ever said")
