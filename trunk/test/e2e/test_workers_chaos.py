"""Publishers and viewers of several streams come, go and return in random order, each at the worker
that the kernel chooses: every viewer gets what is sent, at every address."""

import random

import pytest

import flv
from rtmp import Publisher
from workers_kit import closing, workers  # noqa: F401

ROUNDS = 25
STREAMS = ["s0", "s1", "s2"]


class Stream:
    def __init__(self, srv, name, source, chance):
        self.srv, self.name, self.chance = srv, name, chance
        self.preamble, self.gops = source
        self.pub, self.viewers, self.time = None, [], 0
        self.publish()

    def publish(self):
        self.pub = Publisher(self.srv.rtmp_url(f"live/{self.name}"))
        self.pub.send_tags(self.preamble)

    def vanish(self):
        """An encoder that loses its connection and is back at once."""
        self.pub.close()
        self.publish()

    def unpublish(self):
        self.pub.unpublish()
        self.vanish()

    def take_over(self):
        old = self.pub
        self.publish()
        old.close()

    def come(self):
        path = self.chance.choice([f"/live/{self.name}.flv", f"/pull?app=live&stream={self.name}"])
        self.viewers.append(flv.Viewer(self.srv.http_url(path)))

    def leave(self):
        if self.viewers:
            self.viewers.pop(self.chance.randrange(len(self.viewers))).close()

    def send(self):
        """A GOP, which all get: new viewers from its keyframe on."""
        gop = self.chance.choice(self.gops)
        counts = [len(viewer.media) for viewer in self.viewers]
        self.pub.send_tags(gop, offset=self.time)
        self.time += 2000
        for viewer, count in zip(self.viewers, counts):
            viewer.wait_media(count + len(gop) if count else 1)

    def close(self):
        for one in (self.pub, *self.viewers):
            one.close()


@pytest.mark.once
@pytest.mark.parametrize("seed", [1, 2])
def test_every_viewer_gets_every_frame(workers, closing, source, seed):  # noqa: F811
    chance = random.Random(seed)
    one = workers(2, publish={"takeover": "replace"}, remux="hstrs off;",
                  http_server="http_pull { enabled on; mount /pull; }")
    streams = [closing(Stream(one.srv, name, source, chance)) for name in STREAMS]
    for _ in range(ROUNDS):
        stream = chance.choice(streams)
        happens = [stream.come, stream.come, stream.leave, stream.vanish, stream.unpublish,
                   stream.take_over]
        # Without hstrs nobody may come just before the stream ends.
        chosen = chance.sample(happens, chance.randint(1, 3))
        for event in sorted(chosen, key=lambda e: e not in (stream.vanish, stream.unpublish)):
            event()
        stream.send()
