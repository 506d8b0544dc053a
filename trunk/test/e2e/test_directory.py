"""Many origins, one directory: edges, players and encoders find the origin of a stream in Redis;
Redis fails and returns; origins die; two origins want the same stream."""

import re
import signal

import pytest

import flv
import rtmp_client
from directory_kit import (STREAM, cluster, connected, edge_of, encode, more_media,  # noqa: F401
                           redis, source, view)
from harness import curl, free_port, wait_for

# A short lease where a test waits for its end; otherwise the default, which is longer than the
# busiest moments of a machine.
LEASE = "lease 1500;"


def kill(srv):
    """As in a power cut."""
    srv.has_stopped = True
    srv.kill()


def plays_from(srv, other):
    ports = f"(rtmp://127.0.0.1:{other.rtmp_port}|http://127.0.0.1:{other.http_port})"
    srv.wait_log(f"pull .*: receiving from {ports}")


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
    # An origin that Redis does not answer in time accepts its encoder, and closes it later.
    wait_for(lambda: len([e for e in both if e.has_said("Publish.Start") and e.failed is None and
                          not e.has_said("BadName")]) == 1, 20, "one encoder")


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
