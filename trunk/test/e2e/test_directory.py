"""Many origins, one directory: edges, players and encoders find the origin of a stream in Redis;
Redis fails and returns; origins die; two origins want the same stream."""

import hmac
import os
import re
import signal
import socket
import threading
import time
import zlib

import pytest

import flv
import rtmp_client
from harness import curl, free_port, run, wait_for
from redisd import Redis
from rtmp import Publisher
from test_edge import FRAME_MS

STREAM = "live/livestream"
# A short lease where a test waits for its end; otherwise the default, which is longer than the
# busiest moments of a machine.
LEASE = "lease 1500;"


class Encoder:
    """Publishes in real time until it is closed or the server closes."""

    def __init__(self, url, source, wait=True):
        self.preamble, self.gops = source
        self.url = url
        self.pub = Publisher.__new__(Publisher)
        self.failed = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        if wait:
            self.wait_published()

    def _run(self):
        try:
            self.pub.__init__(self.url, timeout=30)
            self.pub.send_tags(self.preamble)
            offset = 0
            while not self.stop.is_set():
                for gop in self.gops:
                    self.pub.send_paced(gop, offset, self.stop)
                    if self.stop.is_set():
                        break
                offset += self.gops[-1][-1].time + FRAME_MS
        except (AssertionError, OSError) as problem:
            self.failed = problem

    def has_said(self, text):
        return hasattr(self.pub, "said") and self.pub.has_said(text)

    def wait_said(self, text, timeout=15):
        wait_for(lambda: self.has_said(text), timeout, f"the server to say {text}")

    def wait_published(self, timeout=20):
        def published():
            assert self.failed is None, self.failed
            return self.has_said("NetStream.Publish.Start")
        wait_for(published, timeout, "the stream to be published")

    def close(self):
        self.stop.set()
        if hasattr(self.pub, "said"):
            self.pub.close()
        self.thread.join(35)


@pytest.fixture(scope="session")
def source(source_flv):
    preamble, ring = flv.preamble_and_ring(flv.parse_file(source_flv).tags)
    return preamble, flv.split_gops(ring)[:-1]


@pytest.fixture
def redis(tmp_path):
    running = []

    def start(*options, **more):
        one = Redis(tmp_path / f"redis{len(running)}", *options, **more)
        running.append(one)
        return one

    start.running = running
    yield start
    for one in running:
        if one.is_running:
            one.signal(signal.SIGCONT)
        one.kill()


@pytest.fixture
def view(server):
    assert server
    opened = []

    def start(srv, path=f"/{STREAM}.flv", **options):
        one = flv.Viewer(srv.http_url(path), **options)
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def encode(server, source):
    """encode(srv): an Encoder that is closed before the servers are."""
    assert server
    opened = []

    def start(srv, stream=STREAM, **options):
        one = Encoder(srv.rtmp_url(stream), source, **options)
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.close()


def cluster(store, more=""):
    return f"cluster {{ directory redis://127.0.0.1:{store.port}; {more} }}"


def edge_of(store, more="protocol flv;"):
    return cluster(store, f"mode remote; {more}")


def connected(srv):
    srv.wait_log("directory redis://127.0.0.1:.* connected")
    return srv


def kill(srv):
    """As in a power cut."""
    srv.has_stopped = True
    srv.kill()


def plays_from(srv, other):
    ports = f"(rtmp://127.0.0.1:{other.rtmp_port}|http://127.0.0.1:{other.http_port})"
    srv.wait_log(f"pull .*: receiving from {ports}")


def more_media(viewer, count=25, timeout=20):
    viewer.wait_media(len(viewer.media) + count, timeout=timeout)


# ---- look-ups ----

@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_an_edge_finds_the_holder(server, redis, view, encode, protocol):
    """A viewer that waits plays as soon as any origin has the stream: the edge is notified."""
    store = redis()
    origins = [connected(server(vhost=cluster(store))) for _ in range(2)]
    edge = connected(server(vhost=edge_of(store, f"protocol {protocol};")))
    viewer = view(edge)
    edge.wait_log("play .*livestream.flv from")
    encoder = encode(origins[1])
    viewer.wait_media(5)
    plays_from(edge, origins[1])
    store.wait_entry(origins[1])
    encoder.close()
    store.wait_entry(None)


def test_an_edge_follows_the_encoder(server, redis, view, encode):
    """It moves to another origin, and so do the viewers, which stay connected."""
    store = redis()
    origins = [connected(server(vhost=cluster(store))) for _ in range(2)]
    edge = connected(server(vhost=edge_of(store)))
    first = encode(origins[0])
    viewer = view(edge)
    viewer.wait_media(10)
    first.close()
    store.wait_entry(None)
    encode(origins[1])
    plays_from(edge, origins[1])
    more_media(viewer)
    flv.check_times(viewer.tags)


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_a_player_at_the_wrong_origin(server, redis, view, encode, protocol):
    """Before the encoder connects and after it; over HTTP and over RTMP."""
    store = redis()
    right, wrong = [connected(server(vhost=cluster(store, f"protocol {protocol};")))
                    for _ in range(2)]
    early = view(wrong)
    wrong.wait_log("play .*livestream.flv from")
    encode(right)
    early.wait_media(5)
    plays_from(wrong, right)
    view(wrong).wait_media(5)
    with rtmp_client.player(wrong, "livestream") as player:
        player.media(5)


def test_without_hstrs_a_stream_of_another_origin_plays(server, redis, view, encode):
    store = redis()
    right = connected(server(vhost=cluster(store)))
    wrong = connected(server(vhost=cluster(store), remux={"hstrs": "off"}))
    encode(right)
    view(wrong).wait_media(5)
    assert curl(wrong.http_url("/live/nowhere.flv")).status == 404


def test_the_encoder_comes_to_where_viewers_are(server, redis, view, encode):
    """An origin that pulls a stream gives way to its encoder, once the other origin has lost it."""
    store = redis()
    first, second = [connected(server(vhost=cluster(store))) for _ in range(2)]
    encoder = encode(first)
    viewer = view(second)
    viewer.wait_media(5)
    encoder.close()
    store.wait_entry(None)
    encode(second)
    store.wait_entry(second)
    more_media(viewer)
    flv.check_times(viewer.tags)


def test_a_publish_at_the_edge_goes_to_the_holder(server, redis, view, encode):
    """A second encoder, at the edge, is refused by the origin that has the stream, not by the first."""
    store = redis()
    origins = [connected(server(vhost=cluster(store))) for _ in range(2)]
    edge = connected(server(vhost=edge_of(
        store, f"protocol flv; publish_origin 127.0.0.1:{origins[0].rtmp_port};")))
    encode(edge)
    store.wait_entry(origins[0])
    encode(origins[1], "live/other")
    second = encode(edge, "live/other", wait=False)
    second.wait_said("BadName")
    assert "other is already published" not in origins[0].log()
    origins[1].wait_log("live/other is already published")
    view(edge).wait_media(5)


def test_streams_of_vhosts_are_apart(server, redis, view, encode):
    store = redis()
    named = f"vhost a.example {{ {cluster(store)} http_remux {{ enabled on; " \
            "mount [vhost]/[app]/[stream].flv; } }"
    origins = [connected(server(vhost=cluster(store), vhosts=named)) for _ in range(2)]
    encode(origins[0], f"{STREAM}?vhost=a.example")
    wait_for(lambda: store.entry(vhost="a.example"), 10, "the entry")
    assert store.entry() is None
    viewer = view(origins[1], f"/{STREAM}.flv", host="a.example")
    viewer.wait_media(5)
    plays_from(origins[1], origins[0])


# ---- two origins, one name ----

def test_two_origins_one_name(server, redis, encode):
    """The first has the stream, and refuses the other's encoder."""
    store = redis()
    origins = [connected(server(vhost=cluster(store))) for _ in range(2)]
    encode(origins[0])
    second = encode(origins[1], wait=False)
    second.wait_said("NetStream.Publish.BadName")
    store.wait_entry(origins[0])


def test_two_origins_publish_at_the_same_moment(server, redis, encode):
    store = redis()
    origins = [connected(server(vhost=cluster(store))) for _ in range(2)]
    both = [encode(origins[i % 2], wait=False) for i in range(6)]
    wait_for(lambda: all(e.has_said("BadName") or e.has_said("Publish.Start") for e in both), 20,
             "everybody to be told")
    winners = [e for e in both if e.has_said("Publish.Start") and not e.has_said("BadName")]
    assert len(winners) == 1


def test_takeover_from_another_origin(server, redis, view, encode):
    """takeover is decided by the holder, wherever the new encoder connects."""
    store = redis()
    origins = [connected(server(vhost=cluster(store), publish={"takeover": "replace"}))
               for _ in range(2)]
    first = encode(origins[0])
    viewer = view(origins[0])
    viewer.wait_media(5)
    encode(origins[1])
    first.wait_said("BadName")
    store.wait_entry(origins[0])
    more_media(viewer)


def test_an_origin_that_lost_its_name(server, redis, view, encode):
    """Both accept an encoder while Redis is unreachable. When it is back, one of them keeps its
    encoder; the other closes its own, and its viewers continue with the first one's stream."""
    store = redis()
    origins = [connected(server(vhost=cluster(store), remux={"republish_wait": 30000}))
               for _ in range(2)]
    store.kill()
    for one in origins:
        one.wait_log("unreachable")
    encoders = [encode(one) for one in origins]
    viewers = [view(one) for one in origins]
    for one in viewers:
        one.wait_media(5)
    redis.running.append(store.again())
    wait_for(lambda: any(e.has_said("BadName") for e in encoders), 20, "one to be put out")
    lost = [e.has_said("BadName") for e in encoders].index(True)
    assert not encoders[1 - lost].has_said("BadName")
    store.wait_entry(origins[1 - lost])
    plays_from(origins[lost], origins[1 - lost])
    for one in viewers:
        more_media(one)
        flv.check_times(one.tags)


# ---- redirections ----

def player_status(srv, stream):
    """The status that an RTMP player gets, as (code, ex)."""
    with rtmp_client.Client(srv.rtmp_port) as client:
        client.handshake()
        client.connect()
        client.play(stream, wait=False)
        info = client.until("onStatus")[-1].values[-1]
        return info["code"], info.get("ex")


def test_redirect(server, redis, encode):
    store = redis()
    right = connected(server(vhost=cluster(store)))
    wrong = connected(server(vhost=cluster(store, "redirect on;")))
    encode(right)
    answer = curl(wrong.http_url(f"/{STREAM}.flv?token=a%20b"))
    assert answer.status == 302
    assert answer.headers["location"] == f"//127.0.0.1:{right.http_port}/{STREAM}.flv?token=a%20b"
    assert curl(wrong.http_url(), "-I").status == 302
    answer = curl(wrong.http_url(), "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H",
                  "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
    assert answer.status == 302 and answer.headers["location"].startswith("//127.0.0.1:")
    code, ex = player_status(wrong, "livestream")
    assert code == "NetConnection.Connect.Rejected"
    assert ex == {"code": 302.0, "redirect": f"rtmp://127.0.0.1:{right.rtmp_port}/live",
                  "redirect2": f"rtmp://127.0.0.1:{right.rtmp_port}/{STREAM}"}
    encode(wrong, wait=False).wait_said("NetConnection.Connect.Rejected")
    # A stream that is published here, or nowhere, is served here.
    encode(wrong, "live/here")
    assert curl(wrong.http_url("/live/here.flv"), "-I").status == 200
    assert curl(wrong.http_url("/live/nowhere.flv"), "-I").status == 404


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_an_edge_is_redirected(server, redis, view, encode, protocol):
    """An edge without a directory that has one origin, which is the wrong one."""
    store = redis()
    right = connected(server(vhost=cluster(store)))
    wrong = connected(server(vhost=cluster(store, "redirect on;")))
    port = wrong.rtmp_port if protocol == "rtmp" else wrong.http_port
    encode(right)
    edge = server(vhost=f"cluster {{ mode remote; origin 127.0.0.1:{port}; "
                        f"protocol {protocol}; }}")
    view(edge).wait_media(5)
    wrong.wait_log("redirected to 127.0.0.1:")


# ---- Redis fails ----

def test_redis_goes_and_comes_back(server, redis, view, encode):
    """Active streams continue; the log reports loss and return once each; the entries are restored."""
    store = redis()
    origin = connected(server(vhost=cluster(store)))
    edge = connected(server(vhost=edge_of(store)))
    encode(origin)
    viewer = view(edge)
    viewer.wait_media(5)
    store.kill()
    for one in (origin, edge):
        one.wait_log("unreachable")
    more_media(viewer, 60)
    redis.running.append(store.again())
    for one in (origin, edge):
        one.wait_log("reachable again")
    store.wait_entry(origin)
    more_media(viewer)
    for one in (origin, edge):
        assert len(re.findall("unreachable", one.log())) == 1
        assert len(re.findall("reachable again", one.log())) == 1
    assert len(re.findall("receiving from", edge.log())) == 1


def test_redis_that_hangs(server, redis, view, encode):
    """It accepts connections and never answers: look-ups time out soon, and the configured origins
    are used."""
    store = redis()
    origin = connected(server(vhost=cluster(store)))
    edge = connected(server(vhost=edge_of(
        store, f"protocol flv; origin 127.0.0.1:{origin.http_port};")))
    encode(origin)
    store.signal(signal.SIGSTOP)
    view(edge).wait_media(5)
    plays_from(edge, origin)
    encode(origin, "live/other")
    store.signal(signal.SIGCONT)
    store.wait_entry(origin, "live/other")


def test_without_redis_the_configured_origins_are_asked(server, redis, view, encode):
    store = redis()
    origin = connected(server(vhost=cluster(store)))
    edge = connected(server(vhost=edge_of(
        store, f"protocol flv; origin 127.0.0.1:{origin.http_port};")))
    store.kill()
    for one in (origin, edge):
        one.wait_log("unreachable")
    viewer = view(edge)
    edge.wait_log("waiting for stream at")
    encode(origin)
    viewer.wait_media(5)


def test_active_streams_continue_without_redis(server, redis, view, encode):
    """An origin serves another origin's stream to its viewers. Without Redis it cannot relay an
    encoder of that name, and accepting it would end the active stream: the encoder is refused until
    the other one has ended."""
    store = redis()
    origins = [connected(server(vhost=cluster(store), remux={"republish_wait": 30000}))
               for _ in range(2)]
    first = encode(origins[0])
    viewer = view(origins[1])
    viewer.wait_media(5)
    plays_from(origins[1], origins[0])
    store.kill()
    for one in origins:
        one.wait_log("unreachable")
    encode(origins[1], wait=False).wait_said("NetStream.Publish.BadName")
    more_media(viewer)
    first.close()

    def is_taken():
        second = encode(origins[1], wait=False)
        wait_for(lambda: second.has_said("BadName") or second.has_said("Publish.Start"), 20,
                 "the encoder to be told")
        return second.has_said("Publish.Start")

    wait_for(is_taken, 20, "the encoder to be taken")
    more_media(viewer)


def test_started_before_redis(server, redis, tmp_path, view, encode):
    port = free_port()
    late = type("Late", (), {"port": port})
    origin = server(vhost=cluster(late))
    edge = server(vhost=edge_of(late))
    origin.wait_log("unreachable")
    encode(origin)
    viewer = view(edge)
    edge.wait_log("play .*livestream.flv from")
    store = redis(port=port)
    store.wait_entry(origin)
    viewer.wait_media(5)
    assert len(re.findall("unreachable", origin.log())) == 1


def test_a_read_only_replica_is_not_used(server, redis, view, encode):
    """It counts as unreachable, which is logged once; after its promotion it is used."""
    master = redis()
    store = redis("--replicaof", "127.0.0.1", str(master.port))
    wait_for(lambda: "master_link_status:up" in store.command("INFO", "replication"), 20, "a replica")
    origin = server(vhost=cluster(store))
    origin.wait_log("unreachable: READONLY")
    encode(origin)
    view(origin).wait_media(5)
    assert store.entry() is None
    store.command("REPLICAOF", "NO", "ONE")
    store.wait_entry(origin)
    assert len(re.findall("unreachable", origin.log())) == 1


# ---- an origin dies ----

def test_an_origin_is_killed(server, redis, view, encode):
    """Its lease ends. Its encoder connects to another origin, waits for that and continues there;
    viewers at the edge stay."""
    store = redis()
    origins = [connected(server(vhost=cluster(store, LEASE))) for _ in range(2)]
    edge = connected(server(vhost=edge_of(store), remux={"republish_wait": 30000}))
    first = encode(origins[0])
    viewer = view(edge)
    viewer.wait_media(5)
    kill(origins[0])
    first.close()
    encode(origins[1])
    store.wait_entry(origins[1])
    plays_from(edge, origins[1])
    more_media(viewer)
    flv.check_times(viewer.tags)


def test_a_dead_origins_entry_ends(server, redis, encode):
    store = redis()
    origin = connected(server(vhost=cluster(store, LEASE)))
    encode(origin)
    store.wait_entry(origin)
    wait_for(lambda: 0 < store.command("PTTL", store.key()) <= 1500, 10, "an entry that ends")
    kill(origin)
    store.wait_entry(None)


def test_an_origin_that_starts_again_has_its_own(server, redis, encode):
    """Its own old entry in the directory is no obstacle."""
    store = redis()
    long = f"cluster {{ directory redis://127.0.0.1:{store.port}; lease 60000; }}"
    origin = connected(server(vhost=long))
    encode(origin)
    store.wait_entry(origin)
    kill(origin)
    again = server(config=origin.config_path.read_text())
    again.rtmp_port, again.http_port = origin.rtmp_port, origin.http_port
    encode(again)


def test_entries_live_as_long_as_streams(server, redis, encode):
    """Longer than a lease; and the server removes its entries when it stops."""
    store = redis()
    origin = connected(server(vhost=cluster(store, LEASE)))
    for i in range(3):
        encode(origin, f"live/s{i}")
    store.wait_entry(origin, "live/s1")
    value = store.command("GET", store.key("live/s1"))
    left = store.command("PTTL", store.key("live/s1"))
    wait_for(lambda: store.command("PTTL", store.key("live/s1")) < left, 10, "the lease to run")
    # A renewed entry is the same, also after it was lost.
    wait_for(lambda: store.command("PTTL", store.key("live/s1")) > left - 300, 10, "a renewal")
    store.command("DEL", store.key("live/s1"))
    wait_for(lambda: store.command("GET", store.key("live/s1")) == value, 10, "it to be back")
    origin.stop()
    assert store.command("KEYS", "*") == []


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
