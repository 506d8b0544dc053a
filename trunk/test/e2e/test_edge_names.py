"""An edge requests from its origin exactly the stream that a viewer requested, whatever its name:
no name and no parameter of a viewer leads into another vhost."""

import pytest

from harness import curl
from rtmp import Connection, Publisher

# Spellings that once reached vhost B's live/foo through a public one. Each is a path.
INTO_B = ["/live/foo%3Fvhost=B.flv", "/live/foo%3fvhost%3dB.flv", "/live/foo...vhost...B.flv",
          "/live...vhost...B/foo.flv", "/live%3Fvhost=B/foo.flv", "/live/foo%3Fdomain=B.flv",
          "/live/foo,vhost=B.flv"]
WALL = "token { enabled on; key the-key-of-b; publish off; }"


def vhost_b(more):
    return f"vhost B {{ http_remux {{ enabled on; mount [vhost]/[app]/[stream].flv; }} {more} }}"


@pytest.fixture(params=["wall at the edge", "wall at the origin"])
def origin(request, server, source):
    """An origin whose vhost B has live/foo, with signed addresses; its own vhost has nothing."""
    one = server(vhosts=vhost_b(WALL if request.param == "wall at the origin" else ""))
    preamble, gops = source
    pub = Publisher(one.rtmp_url("live/foo?vhost=B"))
    pub.send_tags(preamble)
    pub.send_tags(gops[0])
    one.wait_log("start publish B/live/foo")
    yield one
    pub.close()


def refusal(url):
    answer = curl(url, seconds=3)
    assert answer.exit_code == 0, f"{url} is waited for, or plays"
    return answer.status


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_no_name_leads_into_another_vhost(server, origin, protocol):
    port = origin.rtmp_port if protocol == "rtmp" else origin.http_port
    cluster = f"cluster {{ mode remote; origin 127.0.0.1:{port}; protocol {protocol}; }}"
    edge = server(vhost=cluster, remux="standby_timeout 300;", vhosts=vhost_b(cluster + WALL))
    for path in INTO_B:
        assert refusal(edge.http_url(path)) == 404, path
    assert "receiving from" not in edge.log()
    if protocol == "rtmp":
        # A name that cannot be expressed in the origin's protocol is never requested.
        assert "waiting for stream at" not in edge.log()
        assert "stream name cannot be requested" in edge.log()


def test_rtmp_names_at_the_edge(server, origin):
    """The edge evaluates a player's vhost parameter; the origin does not get it."""
    edge = server(vhost=f"cluster {{ mode remote; origin 127.0.0.1:{origin.rtmp_port}; "
                        "protocol rtmp; token_traverse on; }")
    with Connection(edge.rtmp_url("live/foo")) as player:
        player.command("createStream", 2.0, None)
        player.command("play", 3.0, None, "foo?domain=B&vhost=__defaultVhost__", stream=1)
        edge.wait_log("waiting for stream at")
        assert not player.has_said("Play.Failed")
    assert "B/live/foo" not in origin.log().split("start publish B/live/foo")[1]


@pytest.mark.parametrize("protocol", ["rtmp", "flv"])
def test_a_viewers_parameters_change_nobodys_stream(server, publisher, source, view, protocol):
    """token_traverse: the pull carries a viewer's parameters, but neither into another vhost nor
    for a part of the stream."""
    one = server(vhosts="vhost C { http_remux { enabled on; mount [vhost]/[app]/[stream].flv; } }")
    preamble, gops = source
    with Publisher(one.rtmp_url("live/foo?vhost=C")) as other:
        other.send_tags(preamble)
        other.send_tags(gops[0])
        port = one.rtmp_port if protocol == "rtmp" else one.http_port
        edge = server(vhost=f"cluster {{ mode remote; origin 127.0.0.1:{port}; "
                            f"protocol {protocol}; token_traverse on; }}")
        for query in ("domain=C", "vhost=__defaultVhost__&domain=C", "x=1%26domain=C",
                      "x=1,domain=C", "%64omain=C", "only=audio&domain=C"):
            first = view(edge, f"/live/foo.flv?{query}")
            edge.wait_log("waiting for stream at")
            first.close()
        first = view(edge, "/live/foo.flv?only=audio&domain=C")
        second = view(edge, "/live/foo.flv")
        pub = publisher(one, "live/foo")
        pub.send_tags(preamble)
        pub.send_tags(gops[0])
        second.wait_media(10)
        # Sound alone begins with the next frame: what came before this viewer is not for it.
        first.wait_stream(lambda v: v.tags, 15, "the audio's beginning")
        pub.send_tags(gops[1])
        first.wait_media(3)
        assert second.video, "one viewer's ?only= is not the pull's"
        assert not first.video
    assert "play C/live/foo" not in one.log()
