"""Origins, edges and encoders that share a directory in Redis."""

import signal
import threading

import pytest

import flv
from harness import wait_for
from redisd import Redis
from rtmp import Publisher
from test_edge import FRAME_MS

STREAM = "live/livestream"


class Encoder:
    """Publishes in real time until it is closed or the server closes."""

    def __init__(self, url, source, wait=True):
        self.preamble, self.gops = source
        self.url = url
        self.pub = Publisher.__new__(Publisher)
        self.failed = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        if wait:
            self.wait_published()

    def _run(self):
        try:
            self.pub.__init__(self.url, timeout=30)
            self.pub.send_tags(self.preamble)
            offset = 0
            while not self.stop.is_set():
                for gop in self.gops:
                    self.pub.send_paced(gop, offset, self.stop)
                    if self.stop.is_set():
                        break
                offset += self.gops[-1][-1].time + FRAME_MS
        except (AssertionError, OSError) as problem:
            self.failed = problem

    def has_said(self, text):
        return hasattr(self.pub, "said") and self.pub.has_said(text)

    def wait_said(self, text, timeout=15):
        wait_for(lambda: self.has_said(text), timeout, f"the server to say {text}")

    def wait_published(self, timeout=20):
        def published():
            assert self.failed is None, self.failed
            return self.has_said("NetStream.Publish.Start")
        wait_for(published, timeout, "the stream to be published")

    def close(self):
        self.stop.set()
        if hasattr(self.pub, "said"):
            self.pub.close()
        self.thread.join(35)


@pytest.fixture(scope="session")
def source(source_flv):
    preamble, ring = flv.preamble_and_ring(flv.parse_file(source_flv).tags)
    return preamble, flv.split_gops(ring)[:-1]


@pytest.fixture
def redis(tmp_path):
    running = []

    def start(*options, **more):
        one = Redis(tmp_path / f"redis{len(running)}", *options, **more)
        running.append(one)
        return one

    start.running = running
    yield start
    for one in running:
        if one.is_running:
            one.signal(signal.SIGCONT)
        one.kill()


@pytest.fixture
def view(server):
    assert server
    opened = []

    def start(srv, path=f"/{STREAM}.flv", **options):
        one = flv.Viewer(srv.http_url(path), **options)
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def encode(server, source):
    """encode(srv): an Encoder that is closed before the servers are."""
    assert server
    opened = []

    def start(srv, stream=STREAM, **options):
        one = Encoder(srv.rtmp_url(stream), source, **options)
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.close()


def cluster(store, more=""):
    return f"cluster {{ directory redis://127.0.0.1:{store.port}; {more} }}"


def edge_of(store, more="protocol flv;"):
    return cluster(store, f"mode remote; {more}")


def connected(srv):
    srv.wait_log("directory redis://127.0.0.1:.* connected")
    return srv


def more_media(viewer, count=25, timeout=20):
    viewer.wait_media(len(viewer.media) + count, timeout=timeout)
