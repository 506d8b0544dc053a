"""Clients of the TLS listeners that are slow, wrong or too many."""

import http.client
import json
import socket
import ssl
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import curl, wait_for
from rtmp import Publisher
from tls_kit import (answer_of, certificate, connect, context_of, fingerprint,  # noqa: F401
                     secure, view)

HANDSHAKE_SECONDS = 10


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
