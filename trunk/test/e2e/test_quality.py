"""?quality=auto: the server changes the rung of a quality ladder for a player that knows nothing of
it, as the player's connection allows."""

import contextlib
import subprocess

import pytest

import access_kit
import flv
import harness
import netns
import ws
from api_kit import api
from harness import curl

RUNGS = {"hi": ("320x180", "1500k"), "mid": ("256x144", "500k"), "lo": ("160x90", "120k")}
LADDER = "ladder show { rung live/show_hi; rung live/show_mid; rung live/show_lo; }"
FRAME_MS = 40


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Eight seconds of each rung, with the same keyframes and the same audio."""
    folder = tmp_path_factory.mktemp("rungs")
    for name, (size, rate) in RUNGS.items():
        harness.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                     f"testsrc2=size={size}:rate=25", "-f", "lavfi", "-i",
                     "sine=frequency=440:sample_rate=44100", "-vf", "noise=alls=30:allf=t", "-t", 8,
                     "-c:v", "libx264", "-preset", "veryfast", "-bf", 0, "-g", 25, "-sc_threshold",
                     0, "-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-pix_fmt", "yuv420p",
                     "-c:a", "aac", "-b:a", "48k", folder / f"{name}.flv"], timeout=60)
    return folder


class Encoder:
    """One process that publishes rungs, in step, without an end."""

    def __init__(self, srv, files, names):
        argv = ["ffmpeg", "-nostdin", "-v", "error"]
        for name in names:
            argv += ["-re", "-stream_loop", "-1", "-i", str(files / f"{name}.flv")]
        for i, name in enumerate(names):
            argv += ["-map", str(i), "-c", "copy", "-f", "flv", srv.rtmp_url(f"live/show_{name}")]
        self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
        for name in names:
            srv.wait_log(f"start publish [^ ]*live/show_{name} ")

    def close(self):
        self.child.kill()
        self.child.wait()


@pytest.fixture
def encode(server, files):
    assert server
    running = []

    def start(srv, names=tuple(RUNGS)):
        running.append(Encoder(srv, files, names))
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.fixture
def path():
    """path(**wire): the player's network, the server's, and the wire between them."""
    netns.require()
    opened = []

    def make(**options):
        here, there = netns.Namespace(), netns.Namespace()
        opened.extend([here, there, netns.Wire(here, there, **options)])
        return here, there, opened[-1]

    yield make
    for one in reversed(opened):
        one.close()


def steps(tags):
    """Between consecutive frames of one track, ms."""
    times = [t.time for t in tags]
    return [b - a for a, b in zip(times, times[1:])]


def check_audio(viewer, witness):
    """Each audio frame once, as a viewer of one rung gets it; encoders round differently."""
    got = [t.time for t in viewer.audio]
    witness.wait_time(got[-1])
    whole = [t.time for t in witness.audio]
    first = min(range(len(whole)), key=lambda i: abs(whole[i] - got[0]))
    wanted = whole[first:first + len(got)]
    assert [(a, b) for a, b in zip(got, wanted) if abs(a - b) > 5] == []
    assert len(wanted) == len(got)


def pauses(viewer, witness):
    """How often the viewer was without pictures that a viewer of one rung got."""
    got = {t.time for t in viewer.video}
    whole = [t.time for t in witness.video if min(got) <= t.time <= max(got)]
    lacks = [not any(near in got for near in range(time - 5, time + 6)) for time in whole]
    return sum(b and not a for a, b in zip([False, *lacks], lacks))


def check_decodes(viewer, folder):
    out = folder / "received.flv"
    out.write_bytes(flv.file_bytes(list(viewer.tags)))
    harness.ffmpeg_decode(out)


def switched(srv, rung, how, **options):
    return srv.wait_log(rf"live/show_{rung}: quality=auto continues here, {how} than before",
                        **options)


def test_down_and_up(path, server, encode, tmp_path):
    """6 Mbit/s, then less than the best rung has, then 6 Mbit/s again: one response, every audio
    frame once, video without a step back, and all of it decodes."""
    here, there, wire = path(delay_ms=20, rate=6e6)
    api_port = harness.free_port()
    with there.inside():
        srv = server(vhost=LADDER, top=f"http_api {{ enabled on; listen {api_port}; }}")
        encode(srv)
    with here.inside():
        viewer = flv.Viewer(f"http://{wire.far_address}:{srv.http_port}/live/show_hi.flv?quality=auto")
    with there.inside():
        witness = flv.Viewer(srv.http_url("/live/show_mid.flv"))
    with viewer, witness:
        witness.wait_media(1)
        viewer.wait_media(100)
        assert viewer.header("X-Millrace-Quality") == "auto"
        wire.rate = 300e3
        switched(srv, "lo", "worse", timeout=30)
        seen = len(viewer.video)
        viewer.wait_stream(lambda v: len(v.video) > seen + 25, 30, "video of the worst rung")
        with there.inside():
            clients = api(srv, "clients", port=api_port)["clients"]
        [client] = [c for c in clients if "quality" in c]
        assert client["quality"] == "auto" and client["switches"] >= 1
        assert client["name"] == "show_lo.flv"
        wire.rate = 6e6
        switched(srv, "mid", "better", timeout=60)
        seen = len(viewer.video)
        viewer.wait_stream(lambda v: len(v.video) > seen + 50, 30, "video of a better rung")
        check_audio(viewer, witness)
        assert all(step > FRAME_MS / 2 for step in steps(viewer.video)), "a picture twice, or time back"
        # Video pauses only on the way down.
        assert pauses(viewer, witness) <= srv.log().count("worse than before")
        check_decodes(viewer, tmp_path)


def test_a_rung_that_ends(server, encode, view, tmp_path):
    """Its viewers continue on another one."""
    srv = server(vhost=LADDER)
    high = encode(srv, ["hi"])
    encode(srv, ["mid", "lo"])
    viewer = view(srv, "/live/show_hi.flv?quality=auto")
    viewer.wait_media(30)
    high.close()
    switched(srv, "mid", "worse", timeout=20)
    seen = len(viewer.video)
    viewer.wait_stream(lambda v: len(v.video) > seen + 30, 30, "video of another rung")
    assert all(step > 0 for step in steps(viewer.video))
    check_decodes(viewer, tmp_path)


def test_by_websocket(server, encode):
    """Whole tags in each message, whatever the rung."""
    srv = server(vhost=LADDER)
    high = encode(srv, ["hi"])
    encode(srv, ["mid"])

    def frames(client):
        return [t for t in client.reader.tags if t.is_video and t.is_media]

    with contextlib.closing(ws.Socket(srv.http_url("/live/show_hi.flv?quality=auto"))) as client:
        assert client.answer.headers["x-millrace-quality"] == "auto"
        client.until(lambda one: len(frames(one)) > 10, "video")
        high.close()
        client.until(lambda one: "continues here, worse" in srv.log(), "another rung")
        seen = len(frames(client))
        client.until(lambda one: len(frames(one)) > seen + 30, "its video")
        assert all(step > 0 for step in steps(frames(client)))


def test_where_it_begins(server, encode, view):
    """The rung that the address names, else the middle one, or what is published of them."""
    srv = server(vhost=LADDER)
    encode(srv, ["mid", "lo"])
    log = r"\] play [^ ]*live/show_{}\.flv from"
    view(srv, "/live/show.flv?quality=auto").wait_media(2)
    srv.wait_log(log.format("mid"))
    view(srv, "/live/show_lo.flv?quality=auto").wait_media(2)
    srv.wait_log(log.format("lo"))
    for query in ("quality=auto&only=audio", "quality=auto&track=all"):
        answer = curl(srv.http_url(f"/live/show_mid.flv?{query}"))
        assert answer.status == 400 and "only for FLV with both tracks" in answer.json()["reason"]


def test_rungs_that_the_player_may_not_have(server, encode, view):
    """An address that is signed for one rung stays there; one that is signed for the ladder is not."""
    srv = server(vhost=LADDER + access_kit.SECRETS.replace("enabled on;", "enabled on; publish off;"))

    def query(of):
        return "quality=auto&" + access_kit.query(path=f"/live/{of}")

    high = encode(srv, ["hi"])
    encode(srv, ["mid"])
    assert curl(srv.http_url("/live/show_mid.flv?" + query("show_hi"))).status == 403
    one = view(srv, "/live/show_hi.flv?" + query("show_hi"))
    two = view(srv, "/live/show_hi.flv?" + query("show"))
    for viewer in (one, two):
        viewer.wait_media(30)
    high.close()
    switched(srv, "mid", "worse", timeout=20)
    seen = len(two.video)
    two.wait_stream(lambda v: len(v.video) > seen + 30, 30, "video of another rung")
    assert srv.log().count("quality=auto continues here") == 1


def test_edge(server, encode, view):
    """An edge pulls a rung when a viewer is to be moved to it, and lets the other one go."""
    origin = server(vhost=LADDER)
    high = encode(origin, ["hi"])
    encode(origin, ["mid"])
    edge = server(vhost=LADDER + f"cluster {{ mode remote; origin 127.0.0.1:{origin.http_port}; "
                                 "protocol flv; }")
    viewer = view(edge, "/live/show_hi.flv?quality=auto")
    viewer.wait_media(30)
    assert "live/show_mid" not in edge.log()
    high.close()
    edge.wait_log("pull [^ ]*live/show_mid: receiving", timeout=30)
    switched(edge, "mid", "worse", timeout=30)
    seen = len(viewer.video)
    viewer.wait_stream(lambda v: len(v.video) > seen + 30, 30, "video of another rung")
    assert all(step > 0 for step in steps(viewer.video))
