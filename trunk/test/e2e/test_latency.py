"""Time stamps (play { stamp on; }) as viewers of FLV and other servers get them."""

import struct
import time

import pytest
from flv import Viewer
from harness import wait_for

NAME = b"\x02\x00\x0eonMillraceTime\x03"


def properties(body):
    """The numbers of the object after the name."""
    found, at = {}, len(NAME)
    while body[at:at + 3] != b"\x00\x00\x09":
        length = int.from_bytes(body[at:at + 2], "big")
        key = body[at + 2:at + 2 + length].decode()
        assert body[at + 2 + length] == 0, body
        [found[key]] = struct.unpack_from(">d", body, at + 3 + length)
        at += 11 + length
    assert at + 3 == len(body)
    return found


def stamps_of(viewer):
    """[(the tag before it, the tag, its properties)]"""
    tags = list(viewer.tags)
    return [(tags[i - 1], tags[i], properties(tags[i].data)) for i in range(1, len(tags))
            if tags[i].is_script and tags[i].data.startswith(NAME)]


@pytest.mark.parametrize("is_edge", [False, True], ids=["origin", "edge"])
def test_stamps(is_edge, server, publish, small_flv):
    """Every viewer, at every worker and at an edge, gets the same stamps of the origin."""
    srv = server(play="stamp on;")
    at = srv
    if is_edge:
        at = server(play="stamp on;", vhost=f"cluster {{ mode remote; protocol flv; "
                                            f"origin 127.0.0.1:{srv.http_port}; }}")
    from_ms = time.time() * 1000
    publish(srv, source=small_flv)
    viewers = [Viewer(at.http_url()) for _ in range(4)]
    for viewer in viewers:
        wait_for(lambda: viewer.error or len(stamps_of(viewer)) >= 2, 20, "two stamps")
        assert viewer.error is None
    until_ms = time.time() * 1000
    for viewer in viewers:
        for before, stamp, values in stamps_of(viewer):
            assert set(values) == {"time", "pts"}
            assert from_ms - 1 <= values["time"] <= until_ms + 1
            # After its frame, on the timeline of this viewer.
            assert before.is_video and stamp.time == before.time
            assert 0 <= values["pts"] - stamp.time < 1000
        # One per second, not one per worker or server.
        times = [values["time"] for _, _, values in stamps_of(viewer)]
        assert all(later - earlier >= 900 for earlier, later in zip(times, times[1:])), times
