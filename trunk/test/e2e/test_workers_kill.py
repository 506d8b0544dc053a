"""Four workers with publishers and viewers on all of them, killed in turn."""

import os
import re
import signal

import pytest

import flv
from harness import listening_ports, wait_for
from workers_kit import Feeder, closing, workers  # noqa: F401

STREAMS = 4
VIEWERS = 20


class Crowd:
    """A publisher for each stream, and viewers of all streams, wherever the kernel puts them."""

    def __init__(self, one, source, closing):  # noqa: F811
        self.one, self.closing = one, closing
        self.feeders = {name: closing(Feeder(one.srv.rtmp_url(f"live/{name}"), source))
                        for name in (f"s{i}" for i in range(STREAMS))}
        self.viewers = []

    def fill(self):
        """New viewers in place of those that have ended; all of them receive their stream."""
        self.viewers = [pair for pair in self.viewers if not pair[1].is_done]
        while len(self.viewers) < VIEWERS:
            name = f"s{len(self.viewers) % STREAMS}"
            viewer = self.closing(flv.Viewer(self.one.srv.http_url(f"/live/{name}.flv")))
            self.viewers.append((name, viewer))
        for _, viewer in self.viewers:
            viewer.wait_media(5)

    def home(self, name):
        """The worker with the publisher of a stream."""
        def found():
            sock = self.feeders[name].socket
            try:
                return sock is not None and self.one.of(sock)
            except OSError:  # closed just now
                return None
        return wait_for(found, 10, f"the publisher of {name}")


def moves(viewers):
    """Waits until each of them has received more."""
    counts = [len(viewer.media) for viewer in viewers]
    for viewer, count in zip(viewers, counts):
        viewer.wait(lambda v, n=count: len(v.media) > n + 10, 15, "more of the stream")


@pytest.mark.timeout(600)
def test_killed_in_turn(workers, closing, source):  # noqa: F811
    one = workers(4)
    crowd = Crowd(one, source, closing)
    for turn in range(4):
        crowd.fill()
        victim = one.pids()[turn]
        lost = {name for name in crowd.feeders if crowd.home(name) == victim}
        homes = [one.of(viewer.socket) for _, viewer in crowd.viewers]
        theirs = [v for (_, v), home in zip(crowd.viewers, homes) if home == victim]
        others = [v for (_, v), home in zip(crowd.viewers, homes) if home != victim]
        assert None not in homes and others
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda t=turn, pid=victim: one.pids()[t] != pid, 10, "another worker")
        # Only its own clients lose their connection.
        for viewer in theirs:
            wait_for(lambda v=viewer: v.is_done, 10, "its viewers' end")
        # The locks were free at once: its publishers have returned at their first attempt.
        for name in lost:
            assert crowd.home(name) != victim
        # Viewers of these streams at other workers waited for the publisher, and continue.
        moves(others)
        for viewer in others:
            assert not viewer.is_done
            flv.check_times(viewer.media)
        one.wait_again(turn + 1)
    log = one.srv.log()
    assert "is already published" not in log
    for slot in range(1, 5):
        assert len(re.findall(rf"worker {slot} starts", log)) == 2
    assert {one.srv.rtmp_port, one.srv.http_port} <= listening_ports()
