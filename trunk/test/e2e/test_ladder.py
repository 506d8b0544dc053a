"""Quality ladders: several publishes of one encoder with one timeline."""

import pytest

import flv
import harness
from conftest import preamble_and_gops

LADDER = "ladder show { rung live/show_hi; rung live/show_lo; }"


@pytest.fixture(scope="session")
def rungs(small_flv, tmp_path_factory):
    """(preamble, GOPs) of a better and a worse encoding with the same timestamps."""
    low = harness.make_source(tmp_path_factory.mktemp("low") / "low.flv", size="160x90", seconds=8)
    return preamble_and_gops(small_flv), preamble_and_gops(low)


def send(pub, rung, first, last, shift=0):
    preamble, gops = rung
    pub.send_tags(preamble)
    pub.send_tags(flv.Tag(t.type, t.time + shift, t.data)
                  for gop in gops[first:last] for t in gop)


def keys(viewer):
    return [t.time for t in viewer.video if t.is_keyframe]


def test_rungs_share_one_timeline(server, publisher, view, rungs):
    """A rung that comes late, one that returns, and all of them with another clock."""
    srv = server(vhost=LADDER)
    high = publisher(srv, "live/show_hi")
    send(high, rungs[0], 0, 4)
    one = view(srv, "/live/show_hi.flv")
    one.wait_stream(lambda v: keys(v), 15, "the better rung")
    low = publisher(srv, "live/show_lo")
    send(low, rungs[1], 2, 4)
    two = view(srv, "/live/show_lo.flv")
    two.wait_stream(lambda v: keys(v), 15, "the other rung")
    assert keys(one)[-1] == keys(two)[-1] == 3000
    low.close()
    srv.wait_log("stop publish .*live/show_lo")
    low = publisher(srv, "live/show_lo")
    send(low, rungs[1], 4, 6)
    send(high, rungs[0], 4, 6)
    for viewer in (one, two):
        viewer.wait_stream(lambda v: keys(v)[-2:] == [4000, 5000], 15, "the next GOPs")
    high.close()
    low.close()
    harness.wait_for(lambda: srv.log().count("stop publish") == 3, 10, "the end of both")
    again = publisher(srv, "live/show_lo"), publisher(srv, "live/show_hi")
    send(again[0], rungs[1], 0, 4, 700000)
    send(again[1], rungs[0], 0, 4, 700000)
    for viewer in (one, two):
        viewer.wait_stream(lambda v: len([k for k in keys(v) if k > 5000]) == 4, 15, "the return")
    assert keys(one)[-4:] == keys(two)[-4:]
    assert 6000 <= keys(one)[-4] < 6100
    srv.wait_log("keyframes of .*/show_lo are aligned with those of .*/show_hi")


# The standard's table: each field of a representation, its type, whether it may be empty.
FIELDS = {"id": int, "codec": str, "url": str, "backupUrl": list, "host": str, "maxBitrate": int,
          "width": int, "height": int, "frameRate": int, "qualityType": str,
          "qualityTypeName": str, "hidden": bool, "disabledFromAdaptive": bool,
          "defaultSelected": bool}


def check_manifest(manifest):
    assert set(manifest) == {"version", "adaptationSet"} and manifest["version"] == "1.0.0"
    for part in manifest["adaptationSet"]:
        assert set(part) == {"id", "duration", "representation"}
        assert type(part["id"]) is int and part["duration"] > 0
        rungs = part["representation"]
        assert len({r["id"] for r in rungs}) == len(rungs)
        assert sum(r["defaultSelected"] for r in rungs) == 1
        for rung in rungs:
            assert {k: type(v) for k, v in rung.items()} == FIELDS
            assert rung["maxBitrate"] > 0


def test_las(server, publisher, view, rungs):
    """The manifest, and what the reference player asks for: start, switches, audio, resume."""
    srv = server(vhost=LADDER, remux="rewind 20;")
    missing = harness.curl(srv.http_url("/live/show.las.json"))
    assert missing.status == 404 and "rung" in missing.json()["reason"]
    assert harness.curl(srv.http_url("/live/other.las.json")).status == 404
    send(publisher(srv, "live/show_hi"), rungs[0], 0, 4)
    send(publisher(srv, "live/show_lo"), rungs[1], 0, 4)

    def listed():
        answer = harness.curl(srv.http_url("/live/show.las.json?a=b"))
        found = answer.json()
        return answer.status == 200 and \
            len(found["adaptationSet"][0]["representation"]) == 2 and found

    manifest = harness.wait_for(listed, 10, "both rungs")
    check_manifest(manifest)
    high, low = manifest["adaptationSet"][0]["representation"]
    assert manifest["adaptationSet"][0]["duration"] == 1000
    assert (high["width"], high["height"], high["frameRate"]) == (640, 360, 25)
    assert (low["width"], low["height"], low["qualityTypeName"]) == (160, 90, "lo")
    assert high["maxBitrate"] > low["maxBitrate"] and high["codec"].startswith("avc1.4d")
    assert not low["disabledFromAdaptive"]
    for rung, name in ((high, "show_hi"), (low, "show_lo")):
        assert rung["url"] == srv.http_url(f"/live/{name}.flv") + "?a=b"
    # The reference player puts its parameter before the others; keyframes are shown 80 ms later.
    for name, pts, want in (("show_hi", -2000, 2000), ("show_lo", 1100, 1000),
                            ("show_hi", 2100, 2000)):
        viewer = view(srv, f"/live/{name}.flv?startPts={pts}&a=b")
        viewer.wait_stream(lambda v: keys(v)[-1:] == [3000], 15, "the newest GOP")
        assert keys(viewer)[0] == want
        viewer.close()
    # Players that know nothing of it name a quality in the ladder's address, or in a rung's.
    own = {bytes(t.data) for gop in rungs[1][1] for t in gop}
    for name in ("show", "show_hi"):
        viewer = view(srv, f"/live/{name}.flv?quality=lo&startPts=2000")
        viewer.wait_stream(lambda v: keys(v)[-1:] == [3000], 15, "the quality's newest GOP")
        assert viewer.header("X-Millrace-Quality") == "lo"
        assert {bytes(t.data) for t in viewer.video} <= own
        viewer.close()
    wrong = harness.curl(srv.http_url("/live/show.flv?quality=4k"))
    assert wrong.status == 404 and "no such quality" in wrong.json()["reason"]
    audio = view(srv, "/live/show_lo.flv?startPts=2000&audioOnly=true")
    audio.wait_stream(lambda v: len(v.audio) > 20, 15, "the audio")
    assert not audio.video and 1800 <= audio.audio[0].time <= 2000
