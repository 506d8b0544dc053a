"""Edges: one pull for all viewers, over RTMP, HTTP-FLV and HTTPS-FLV; origins that die; chains and
loops; publishing to an edge.
"""

import hashlib
import hmac
import os
import re
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

import flv
from harness import PATIENCE, curl, ffmpeg_decode, ffprobe, free_port, run, wait_for
from rtmp import Publisher

FRAME_MS = 40


def cluster(origins, protocol="flv", more=""):
    ports = origins if isinstance(origins, (list, tuple)) else [origins]
    names = " ".join(one if isinstance(one, str) else f"127.0.0.1:{one}" for one in ports)
    return f"cluster {{ mode remote; origin {names}; protocol {protocol}; {more} }}"


def port_of(srv, protocol):
    return srv.rtmp_port if protocol == "rtmp" else srv.http_port


def family(srv):
    """The process and, with workers, its children."""
    children = []
    for task in Path(f"/proc/{srv.pid}/task").iterdir():
        children += [int(pid) for pid in (task / "children").read_text().split()]
    return [srv.pid, *children]


def descriptors(srv):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in family(srv))


def pulls_begun(edge):
    """How often an origin's stream started to play at the edge, not counting its own workers."""
    return len(re.findall(r"receiving from (?:rtmp|https?)://", edge.log()))


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_edge_plays(server, publish, view, protocol):
    origin = server()
    edge = server(vhost=cluster(port_of(origin, protocol), protocol))
    publish(origin)
    view(edge).wait_media(1)
    assert ffmpeg_decode(edge.http_url(), 3) == ""
    assert ffmpeg_decode(edge.rtmp_url(), 2) == ""
    # There was one pull for all.
    assert pulls_begun(edge) == 1


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_head_at_a_cold_edge(server, protocol):
    """HEAD gets the same header as GET, and starts no pull."""
    edge = server(vhost=cluster(free_port(), protocol))
    answer = curl(edge.http_url(), "--head", seconds=3)
    assert answer.exit_code == 0 and answer.status == 200
    assert answer.headers["content-type"] == "video/x-flv"
    assert "pull " not in edge.log()
    assert curl(edge.http_url("/live/foo%2f..%2f..%2fx.txt"), "--head", seconds=3).status == 404


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_cold_start_waits(server, view, publisher, source, protocol):
    """Many viewers before the encoder cause one pull, which waits at the origin and plays at
    once."""
    origin = server()
    edge = server(vhost=cluster(port_of(origin, protocol), protocol))
    viewers = [view(edge) for _ in range(50)]
    edge.wait_log("pull .*: waiting for stream at")
    origin.wait_log("play .*live/livestream")
    preamble, gops = source
    pub = publisher(origin)
    begun = time.monotonic()
    pub.send_tags(preamble)
    pub.send_tags(gops[0])
    for one in viewers:
        one.wait_media(3)
    assert time.monotonic() - begun < 3 * PATIENCE
    assert pulls_begun(edge) == 1


def test_same_bytes_at_the_edge(server, view, publisher, source):
    """A viewer at the edge gets the same preamble and frames as one at the origin."""
    origin = server()
    edge = server(vhost=cluster(origin.http_port))
    near, far = view(origin), view(edge)
    edge.wait_log("waiting for stream at")
    preamble, gops = source
    pub = publisher(origin)
    pub.send_tags(preamble)
    pub.send_tags(gops[0] + gops[1])
    count = len(gops[0]) + len(gops[1])
    near.wait_media(count)
    far.wait_media(count)
    assert [(t.key, t.time) for t in near.tags][:count] == [(t.key, t.time) for t in far.tags][:count]


def test_pull_ends_after_the_last_viewer(server, publish, view):
    origin = server()
    edge = server(vhost=cluster(origin.http_port))
    publish(origin)
    first, second = view(edge), view(edge)
    first.wait_media(5)
    second.wait_media(5)
    first.close()
    second.wait_media(len(second.media) + 30)
    # One of several workers may pull it from another one, which the origin does not notice.
    end = rf"disconnected from \S+:{origin.http_port}: no viewers"
    assert not re.search(end, edge.log())
    second.close()
    edge.wait_log(end)
    origin.wait_log("stop play")


def gap_of(viewer, since=0.0):
    """The longest gap, in seconds, that the viewer has seen."""
    times = [tag.at for tag in viewer.media if tag.at >= since]
    return max(b - a for a, b in zip(times, times[1:]))


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_killed_origin(server, publish, view, protocol):
    """kill -9 of an origin: the viewer stays and continues with the next origin within a second."""
    origins = [server(), server()]
    for one in origins:
        publish(one)
    edge = server(vhost=cluster([port_of(o, protocol) for o in origins], protocol))
    viewer, witness = view(edge), view(origins[1])
    viewer.wait_media(30)
    witness.wait_media(1)
    begun = time.monotonic()
    origins[0].has_stopped = True
    origins[0].kill()
    edge.wait_log(f"receiving from .*{port_of(origins[1], protocol)}")
    viewer.wait_media(len(viewer.media) + 60)
    viewer.check()
    # A busy machine has gaps, too: allow as much for the origin and for the edge as the witness had.
    assert gap_of(viewer) < 1.0 + 2 * gap_of(witness, begun)
    flv.check_times(viewer.tags)


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_stalled_origin(server, publish, view, protocol):
    """An origin that hangs with open connections is left after a second."""
    origins = [server(), server()]
    for one in origins:
        publish(one)
    edge = server(vhost=cluster([port_of(o, protocol) for o in origins], protocol))
    viewer, witness = view(edge), view(origins[1])
    viewer.wait_media(30)
    witness.wait_media(1)
    begun = time.monotonic()
    stopped = family(origins[0])
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        edge.wait_log("disconnected from .*no media")
        edge.wait_log(f"receiving from .*{port_of(origins[1], protocol)}")
        viewer.wait_media(len(viewer.media) + 60)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    viewer.check()
    # A busy machine has gaps, too: allow as much for the origin and for the edge as the witness had.
    assert gap_of(viewer) < 1.9 + 2 * gap_of(witness, begun)
    flv.check_times(viewer.tags)


def test_refusing_origin(server, publish, view):
    """Nothing listens at the first origin: the second plays, at once."""
    origin = server()
    publish(origin)
    edge = server(vhost=cluster([free_port(), origin.http_port]))
    begun = time.monotonic()
    view(edge).wait_media(5)
    assert time.monotonic() - begun < 2 * PATIENCE
    edge.wait_log("no stream from")


def test_only_origin_comes_back(server, publish, view):
    """With one origin the edge tries again until it is up, and its viewer is still connected."""
    origin = server()
    publish(origin)
    edge = server(vhost=cluster(origin.http_port), remux={"republish_wait": 30000})
    viewer = view(edge)
    viewer.wait_media(10)
    origin.has_stopped = True
    origin.kill()
    edge.wait_log("no stream from")
    again = server(config=origin.config_path.read_text())
    again.rtmp_port, again.http_port = origin.rtmp_port, origin.http_port
    publish(again)
    before = len(viewer.media)
    viewer.wait_media(before + 20, timeout=20)
    flv.check_times(viewer.tags)


def test_chain_of_three(server, publish):
    origin = server()
    middle = server(vhost=cluster(origin.http_port))
    edge = server(vhost=cluster(middle.rtmp_port, "rtmp"))
    last = server(vhost=cluster(edge.http_port))
    publish(origin)
    assert ffmpeg_decode(last.http_url(), 3) == ""


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_loop_is_refused(server, view, protocol):
    ports = {name: free_port() for name in ("a", "b")}
    top = ""
    servers = []
    for own, other in (("a", "b"), ("b", "a")):
        listen = f"listen {ports[own]};"
        servers.append(server(
            top=listen if protocol == "rtmp" else top,
            http_server=listen if protocol == "flv" else "",
            vhost=cluster(ports[other], protocol)))
    view(servers[0])
    found = wait_for(lambda: [s for s in servers if "loop" in s.log()], 10, "the loop to be noticed")
    assert found
    wait_for(lambda: any("no stream from" in s.log() and "loop: this server" in s.log()
                         for s in servers), 10, "the reason at the other side")


def test_loop_of_two_that_wait(server, view):
    """Both have viewers before they request the stream from each other: they still detect the
    loop."""
    ports = [free_port(), free_port()]
    servers = [server(http_server=f"listen {ports[i]};", vhost=cluster(ports[1 - i]))
               for i in (0, 1)]
    for one in servers:
        view(one)
    wait_for(lambda: any("loop: this server" in s.log() for s in servers), 10, "the loop")


def test_publish_to_the_edge(server, view, publisher, source):
    """A stream published at an edge is published at the origin, and played from there."""
    origin = server()
    edge = server(vhost=cluster(origin.rtmp_port, "rtmp"))
    preamble, gops = source
    pub = publisher(edge)
    origin.wait_log("start publish")
    pub.send_tags(preamble)
    pub.send_tags(gops[0])
    near, far = view(origin), view(edge)
    pub.send_tags(gops[1])
    near.wait_media(10)
    far.wait_media(10)
    second = Publisher.__new__(Publisher)
    with pytest.raises(AssertionError):
        second.__init__(edge.rtmp_url())
    assert second.has_said("BadName")
    second.close()
    pub.unpublish()
    origin.wait_log("stop publish")


def test_publish_without_an_origin(server):
    edge = server(vhost=cluster(free_port(), "rtmp"))
    pub = Publisher.__new__(Publisher)
    with pytest.raises(AssertionError):
        pub.__init__(edge.rtmp_url())
    assert pub.has_said("NetStream.Publish.Failed")
    pub.close()


def redirector(port, to, times):
    """A server that answers `times` requests with 302; its path is kept."""
    def serve(listener):
        for _ in range(times):
            conn, _ = listener.accept()
            with conn:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += conn.recv(4096)
                path = request.split(b" ")[1].decode()
                conn.sendall(f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{to}{path}\r\n"
                             "Content-Length: 0\r\n\r\n".encode())
        listener.close()

    listener = socket.create_server(("127.0.0.1", port))
    thread = threading.Thread(target=serve, args=(listener,), daemon=True)
    thread.start()
    return thread


def test_redirection_is_followed(server, publish, view):
    origin = server()
    publish(origin)
    ports = [free_port() for _ in range(3)]
    for at, to in zip(ports, [*ports[1:], origin.http_port]):
        redirector(at, to, 1)
    edge = server(vhost=cluster(ports[0]))
    view(edge).wait_media(10)


def test_four_redirections_are_too_many(server, view):
    ports = [free_port() for _ in range(4)]
    for at, to in zip(ports, [*ports[1:], ports[0]]):
        redirector(at, to, 1)
    edge = server(vhost=cluster(ports[0]))
    view(edge)
    edge.wait_log("more than 3 redirects")


def signed(key, path="/live/livestream", action="play"):
    """The parameters of a signed address, as doc/access.md has them."""
    expires = int(time.time()) + 60
    text = f"{action}\n{path}\n{expires}\n"
    sign = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"expires={expires}&sign={sign}"


def test_follow_client(server, publish):
    """For an RTMP player the edge asks over RTMP, for an HTTP player over HTTP."""
    origin = server()
    edge = server(vhost=cluster(origin.http_port, "flv", f"publish_origin 127.0.0.1:"
                                f"{origin.rtmp_port}; follow_client on;"))
    for name in ("one", "two"):
        publish(origin, f"live/{name}")
    assert {s["codec_name"] for s in ffprobe(edge.rtmp_url("live/one"))["streams"]} \
        == {"h264", "aac"}
    edge.wait_log(f"live/one: receiving from rtmp://127.0.0.1:{origin.rtmp_port}")
    with flv.Viewer(edge.http_url("/live/two.flv")) as viewer:
        viewer.wait_media(5)
    edge.wait_log(f"live/two: receiving from http://127.0.0.1:{origin.http_port}")


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_token_traverse(server, publish, protocol):
    """The origin's rules apply at the edge: the edge asks about each viewer, and for the pull."""
    origin = server(vhost="token { enabled on; key secret-of-the-origin; publish off; }")
    publish(origin)
    edge = server(vhost=cluster(port_of(origin, protocol), protocol, "token_traverse on;"))
    assert curl(edge.http_url(), seconds=3).status == 403
    assert curl(edge.http_url("/live/livestream.flv?" + signed("another-key-of-nobody")),
                seconds=3).status == 403
    with flv.Viewer(edge.http_url("/live/livestream.flv?" + signed("secret-of-the-origin"))) as one:
        one.wait_media(10)
        # Also while the stream is already pulled.
        assert curl(edge.http_url(), seconds=3).status == 403


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    run(["openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", folder / "server.key", "-out", folder / "server.crt"])
    return folder


def test_https_flv(server, publish, view, certificate):
    """flvs, with a trusted certificate, and with one that is not trusted."""
    port = free_port()
    origin = server(http_server=f"https {{ enabled on; listen {port}; "
                                f"key {certificate}/server.key; cert {certificate}/server.crt; }}")
    publish(origin)
    edge = server(vhost=cluster(port, "flvs", f"ca {certificate}/server.crt;"))
    view(edge).wait_media(20)
    wary = server(vhost=cluster(port, "flvs"))
    view(wary)
    wary.wait_log("no stream from https://.*certificate")


def test_thousand_who_wait_are_one_pull(server, publisher, source):
    origin = server()
    # The publisher is silent while all of them read, for however long that takes.
    edge = server(vhost=cluster(origin.http_port, more="stall_timeout 60000;"),
                  top={"max_connections": 2000})
    waiting = []
    for _ in range(1000):
        one = socket.create_connection(("127.0.0.1", edge.http_port), 10)
        one.sendall(b"GET /live/livestream.flv HTTP/1.1\r\nHost: edge\r\n\r\n")
        waiting.append(one)
    wait_for(lambda: edge.log().count("livestream.flv from") == 1000, 30, "all to wait")
    preamble, gops = source
    pub = publisher(origin)
    pub.send_tags(preamble)
    pub.send_tags(gops[0])
    for one in waiting:
        data = b""
        while b"FLV" not in data:
            got = one.recv(65536)
            assert got, data
            data += got
        one.close()
    assert len(re.findall("waiting for stream at http:", edge.log())) == 1


def test_many_missing_streams_end(server, view):
    """A stream without a publisher is pulled while viewers wait, and no longer."""
    origin = server()
    edge = server(vhost=cluster(origin.http_port))
    idle = descriptors(edge)
    viewers = [view(edge, f"/live/missing{i}.flv") for i in range(100)]
    wait_for(lambda: len(re.findall("waiting for stream at http:", edge.log())) == 100, 10, "a hundred pulls")
    assert descriptors(edge) >= idle + 200
    for one in viewers:
        one.close()
    wait_for(lambda: descriptors(edge) <= idle + 1, 10, "their end")


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_an_edge_sends_a_changed_video_header_in_band(server, view, publisher, source, small_flv,
                                                  protocol):
    """Headers travel between servers as published; the last hop applies the rules for players."""
    origin = server()
    edge = server(vhost=cluster(port_of(origin, protocol), protocol))
    viewer = view(edge)
    edge.wait_log("waiting for stream at")
    preamble, gops = source
    other_preamble, ring = flv.preamble_and_ring(flv.parse_file(small_flv).tags)
    pub = publisher(origin)
    pub.send_tags(preamble)
    pub.send_tags(gops[0])
    viewer.wait_media(5)
    after = gops[0][-1].time + FRAME_MS
    pub.send_tags(other_preamble, offset=after)
    pub.send_tags(flv.split_gops(ring)[0], offset=after)
    viewer.wait_media(len(gops[0]) + 10)
    headers = [t for t in viewer.tags if t.is_video and t.is_sequence_header]
    assert len(headers) == 1, "a header in the middle of a connection stalls players"
    keys = [t for t in viewer.video if t.is_keyframe]
    assert any(unit[0] & 31 == 7 for unit in keys[-1].nal_units()), "the new SPS goes in-band"
