"""Quality ladders: several publishes of one encoder with one timeline."""

import pytest

import flv
import harness
from conftest import preamble_and_gops

LADDER = "ladder show { rung live/show_hi; rung live/show_lo; }"


@pytest.fixture(scope="session")
def rungs(small_flv, tmp_path_factory):
    """(preamble, GOPs) of a better and a worse encoding with the same timestamps."""
    low = harness.make_source(tmp_path_factory.mktemp("low") / "low.flv", size="160x90")
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
