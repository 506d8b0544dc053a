"""Several templates that match one address: the longest one decides, for published streams and for
waiting viewers, whatever the order in the configuration."""

import pytest

from harness import wait_for
from rtmp_client import player

TEMPLATES = ["[vhost]/[app]/[stream].flv", "[vhost]/[app]/[stream].live.flv"]


@pytest.mark.parametrize("templates", [TEMPLATES, TEMPLATES[::-1]])
def test_longest_template_wins(server, publish, view, small_flv, templates):
    srv = server(remux={"mount": templates})
    # Before the encoder connects.
    early = view(srv, "/live/z.live.flv")
    publish(srv, "live/z", source=small_flv)
    early.wait_media(20)
    assert "play __defaultVhost__/live/z.flv " in srv.log()
    assert "live/z.live.flv from" not in srv.log()
    # And after it; another stream with that name does not take the address.
    publish(srv, "live/z.live", source=small_flv, args=["-vn", "-c:a", "copy"])
    for path, has_video in (("z.flv", True), ("z.live.flv", True), ("z.live.live.flv", False)):
        viewer = view(srv, "/live/" + path)
        viewer.wait_media(10)
        assert any(tag.is_video for tag in viewer.tags) == has_video, path


def test_longest_template_names_an_rtmp_stream(server, publish, open_all, small_flv):
    srv = server(remux={"mount": TEMPLATES})
    publish(srv, "live/z", source=small_flv)
    for name, stream, count in (("z.live.flv", "z", 1), ("z.flv", "z", 2), ("z.live.ts", "z.live", 1)):
        open_all(player, srv, name)
        line = f"start play __defaultVhost__/live/{stream} from 127.0.0.1"
        wait_for(lambda line=line, count=count: srv.log().count(line) == count, what=line)
