"""What Redis returns is hostile; and access, passwords, TLS and several workers with the directory of origins."""

import hmac
import os
import re
import signal
import socket
import threading
import time
import zlib

import pytest

from directory_kit import (STREAM, cluster, connected, edge_of, encode, more_media,  # noqa: F401
                           redis, source, view)
from harness import curl, free_port, run, wait_for


# ---- entries in Redis are hostile ----

@pytest.mark.once
@pytest.mark.parametrize("value", [
    b"", b"nonsense", b"1 127.0.0.1:1935", b"2 127.0.0.1:1 - - a", b"1 127.0.0.1:0 - - a",
    b"1 a\r\nb:1 - - a", b"1 127.0.0.1:1/x - - a", b"\0" * 100, b"1 " + b"a" * 60000 + b" - - a",
], ids=lambda value: f"{len(value)}-bytes-{zlib.crc32(value):x}")
def test_hostile_values_are_no_target(server, redis, view, encode, value):
    store = redis()
    origin = connected(server(vhost=cluster(store)))
    edge = connected(server(vhost=edge_of(
        store, f"protocol flv; origin 127.0.0.1:{origin.http_port};")))
    store.command("SET", store.key(), value)
    encode(origin)
    view(edge).wait_media(5)
    store.command("PUBLISH", "millrace:streams", value + b"\n" + store.key().encode())
    more_media(view(edge), 5)


def test_a_key_of_another_kind(server, redis, view, encode):
    store = redis()
    origin = connected(server(vhost=cluster(store)))
    store.command("LPUSH", store.key(), "a", "b")
    encode(origin)
    view(origin).wait_media(5)
    origin.wait_log("directory .*WRONGTYPE")


def test_an_entry_that_points_to_its_reader(server, redis):
    """It is not used as a target, and there is no loop."""
    store = redis()
    origin = connected(server(vhost=cluster(store, "protocol flv;"),
                              remux={"standby_timeout": 1000}))
    value = f"1 127.0.0.1:{origin.rtmp_port} 127.0.0.1:{origin.http_port} - abc"
    store.command("SET", store.key(), value)
    assert curl(origin.http_url()).status == 404
    assert "waiting for stream at" not in origin.log()


def test_entries_in_a_ring(server, redis, view):
    """Two origins with a directory each, in which the other origin has the stream."""
    stores = [redis(), redis()]
    origins = [connected(server(vhost=cluster(one, "protocol flv;"))) for one in stores]
    for store, other in zip(stores, reversed(origins)):
        store.command("SET", store.key(),
                      f"1 127.0.0.1:{other.rtmp_port} 127.0.0.1:{other.http_port} - abc")
    view(origins[0])
    wait_for(lambda: any("loop: this server" in one.log() for one in origins), 10,
             "the loop to be noticed")


def test_another_service_at_the_address_of_redis(server, encode, view):
    """Whatever answers at the address: the origin serves, and logs it once."""
    def serve(listener):
        while True:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            with conn:
                conn.settimeout(10)
                try:
                    conn.recv(4096)
                    conn.sendall(b"*1000000000\r\n" if serve.turn % 2 else b"HTTP/1.1 400 No\r\n")
                except OSError:
                    pass
                serve.turn += 1

    serve.turn = 0
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    none = type("None", (), {"port": listener.getsockname()[1]})
    try:
        origin = server(vhost=cluster(none))
        origin.wait_log("unreachable")
        wait_for(lambda: serve.turn > 4, 15, "several attempts")
        encode(origin)
        view(origin).wait_media(5)
        assert len(re.findall("unreachable", origin.log())) == 1
    finally:
        listener.close()


# ---- access ----

def signed(key, path=f"/{STREAM}", action="play"):
    """The parameters of a signed address, as doc/access.md has them."""
    expires = int(time.time()) + 60
    text = f"{action}\n{path}\n{expires}\n"
    return f"expires={expires}&sign={hmac.new(key.encode(), text.encode(), 'sha256').hexdigest()}"


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_signed_addresses(server, redis, view, encode, protocol):
    """A viewer that is accepted at the wrong origin carries its permission to the pull."""
    store = redis()
    rules = cluster(store, f"protocol {protocol};") \
        + " token { enabled on; key the-key-of-all-origins; publish off; }"
    right, wrong = [connected(server(vhost=rules)) for _ in range(2)]
    encode(right)
    assert curl(wrong.http_url(), seconds=3).status in (401, 403)
    view(wrong, f"/{STREAM}.flv?{signed('the-key-of-all-origins')}&x=y").wait_media(5)


def test_token_traverse(server, redis, view, encode):
    """The holder is asked about each viewer, although no origin is configured."""
    store = redis()
    origin = connected(server(
        vhost=cluster(store) + " token { enabled on; key the-key; publish off; }"))
    edge = connected(server(vhost=edge_of(store, "protocol flv; token_traverse on;")))
    encode(origin)
    assert curl(edge.http_url(), seconds=3).status == 403
    view(edge, f"/{STREAM}.flv?{signed('the-key')}").wait_media(5)
    assert curl(edge.http_url(), seconds=3).status == 403


# ---- passwords, TLS, workers ----

def test_passwords(server, redis, view, encode):
    store = redis(password="correct:horse@battery")
    secret = "correct%3Ahorse%40battery"
    right = f"cluster {{ directory redis://:{secret}@127.0.0.1:{store.port}/3; }}"
    origin = connected(server(vhost=right))
    encode(origin)
    wrong = server(vhost=right.replace("horse", "mule"), args=None)
    wrong.wait_log("directory redis://127.0.0.1:.*/3 unreachable: WRONGPASS")
    shown = run([*origin.argv[:1], "-t", "-c", origin.config_path])
    assert f"directory redis://:***@127.0.0.1:{store.port}/3;" in shown.stdout
    for text in (origin.log(), wrong.log(), shown.stdout, shown.stderr):
        assert "horse" not in text and "mule" not in text
    bad = server(config=origin.config_path.read_text().replace("/3;", "/x;"), wait=False)
    assert bad.wait() != 0
    bad.has_stopped = True
    assert "directory" in bad.log() and "horse" not in bad.log()


def test_tls(server, redis, tmp_path, view, encode):
    run(["openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"])
    port = free_port()
    store = redis("--tls-port", port, "--tls-cert-file", tmp_path / "cert.pem", "--tls-key-file",
                  tmp_path / "key.pem", "--tls-auth-clients", "no", tls_port=port)
    both = f"directory rediss://127.0.0.1:{port}; ca {tmp_path}/cert.pem;"
    origin = server(vhost=f"cluster {{ {both} }}")
    edge = server(vhost=f"cluster {{ mode remote; protocol flv; {both} }}")
    wary = server(vhost=f"cluster {{ directory rediss://127.0.0.1:{port}; }}")
    for one in (origin, edge):
        one.wait_log("directory rediss://127.0.0.1:.* connected")
    viewer = view(edge)
    encode(origin)
    viewer.wait_media(5)
    store.wait_entry(origin)
    wary.wait_log("unreachable: .*certificate")


def test_workers(server, redis, view, encode):
    """Origins and edge of two workers each: one entry, one pull, and viewers at any worker."""
    store = redis()
    origins = [server(top="workers 2;", vhost=cluster(store, "protocol flv;")) for _ in range(2)]
    edge = server(top="workers 2;", vhost=edge_of(store))
    for one in (*origins, edge):
        wait_for(lambda one=one: one.log().count(" connected\n") == 2, 15, "both workers")
    viewers = [view(edge) for _ in range(4)] + [view(origins[1]) for _ in range(4)]
    wait_for(lambda: origins[1].log().count("livestream.flv from") == 4, 15, "who waits there")
    encoder = encode(origins[0])
    for one in viewers:
        one.wait_media(10)
    assert len(re.findall("receiving from (http|rtmp)://", edge.log())) == 1
    second = encode(origins[1], wait=False)
    second.wait_said("BadName")
    encoder.close()
    store.wait_entry(None)
    # Pulls for viewers, at any worker.
    encode(origins[1])
    store.wait_entry(origins[1])
    for one in viewers:
        more_media(one)


def test_a_worker_is_killed(server, redis, view, encode):
    """The entry belongs to the server: the encoder can return at once, whatever the lease."""
    store = redis()
    long = f"cluster {{ directory redis://127.0.0.1:{store.port}; lease 60000; }}"
    origin = server(top="workers 2;", vhost=long)
    wait_for(lambda: origin.log().count(" connected\n") == 2, 15, "both workers")
    first = encode(origin)
    holder = int(re.search(r"\[(\d+)/\d\].*start publish", origin.log()).group(1))
    os.kill(holder, signal.SIGKILL)
    first.thread.join(15)
    wait_for(lambda: origin.log().count(" connected\n") == 3, 15, "another worker")
    encode(origin)
    store.wait_entry(origin)
