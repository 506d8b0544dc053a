"""A client that resumes (doc/rewind.md), a publisher that does not stop, and a wire between them that
can fall silent."""

import socket
import threading
import time

import flv
import rtmp
from harness import wait_for


def after(a, b):
    """The signed difference of two timestamps."""
    return (a - b + 2**31) % 2**32 - 2**31


class Feed:
    """Publishes frames without end, in real time, to one or more addresses; each frame once. The
    frames of the file repeat, each time with other bytes, so that none is mistaken for another."""

    def __init__(self, source, *urls):
        self.preamble, gops = source
        self.gops = gops
        self.keys = []              # of all frames so far
        self.sent_at = []           # and when
        self._publishers = {url: rtmp.Publisher(url) for url in urls}
        self._new = {}
        self._stop = threading.Event()
        for publisher in self._publishers.values():
            publisher.send_tags(self.preamble)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _frames(self):
        first = self.gops[0][0].time
        length = self.gops[-1][-1].time - first + 33
        turn = 0
        while True:
            for gop in self.gops:
                for tag in gop:
                    # In the last byte of the frame's data.
                    data = tag.data[:-1] + bytes([tag.data[-1] ^ (turn & 255)])
                    yield flv.Tag(tag.type, tag.time - first + turn * length, data)
            turn += 1

    def _run(self):
        begun = time.monotonic()
        for tag in self._frames():
            left = begun + tag.time / 1000 - time.monotonic()
            if left > 0 and self._stop.wait(left) or self._stop.is_set():
                return
            if tag.is_keyframe and self._new:
                new, self._new = self._new, {}
                for publisher in new.values():
                    publisher.send_tags(self.preamble)
                self._publishers.update(new)
            self.keys.append(tag.key)
            self.sent_at.append(time.monotonic())
            for url, publisher in list(self._publishers.items()):
                try:
                    publisher.send_tag(tag)
                except OSError:
                    self._publishers.pop(url).close()

    def add(self, url):
        """Publishes there, too, from the next keyframe on."""
        self._new[url] = rtmp.Publisher(url)

    @property
    def is_adding(self):
        return bool(self._new)

    @property
    def socket(self):
        """Of the first publisher."""
        return next(iter(self._publishers.values())).socket

    def close(self):
        self._stop.set()
        self._thread.join(10)
        for publisher in [*self._publishers.values(), *self._new.values()]:
            publisher.close()


class Client:
    """Plays, and resumes by the rules of doc/rewind.md whenever the connection is lost, or silent for
    SILENCE seconds, at the next of its addresses. sources: its own addresses, one after another.
    A connection that has not delivered anything yet stays open beside the next ones: the server may be slow."""

    SILENCE = 0.5
    TRIES_MAX = 4
    STEP_MAX_MS = 1000

    def __init__(self, *urls, sources=(None,)):
        self.urls, self.sources = urls, sources
        self.media = []   # as the player gets it
        self.arrived = []   # when each of them did
        self.last = {}
        self.resumes = 0
        self.is_closing = False
        self.viewer = None
        self._slow = []     # viewers that have got nothing yet
        self._is_moving = threading.Event()
        self._open()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _open(self, query=""):
        url = self.urls[self.resumes % len(self.urls)] + query
        source = self.sources[self.resumes % len(self.sources)]
        try:
            self.viewer = flv.Viewer(url, source=source, timeout=self.SILENCE)
        except OSError:
            self.viewer = None
        self._taken, self._at = 0, time.monotonic()

    def _take(self):
        media = self.viewer.media
        now = time.monotonic()
        for tag in media[self._taken:]:
            if tag.type not in self.last or after(tag.time, self.last[tag.type]) > 0:
                self.last[tag.type] = tag.time
                self.arrived.append(now)
                self.media.append(tag)
        if len(media) > self._taken:
            self._at = now
        self._taken = len(media)

    def _prefer(self):
        """The first of those that were slow takes over when it delivers and the newest does not."""
        ready = [one for one in self._slow if one.media]
        if not ready or self._taken > 0:
            return
        self._slow.remove(ready[0])
        if self.viewer is not None:
            self._slow.append(self.viewer)
        self.viewer = ready[0]

    def _run(self):
        while not self.is_closing:
            self._prefer()
            if self.viewer is not None:
                self._take()
            if self.viewer is None or self.viewer.is_done or self._is_moving.is_set() or \
                    time.monotonic() - self._at > self.SILENCE:
                self._is_moving.clear()
                self._resume()
            self._is_moving.wait(0.02)

    def move(self):
        """Leaves this connection for another one."""
        before = self.resumes
        self._is_moving.set()
        wait_for(lambda: self.resumes > before, 10, "the client to resume")

    def _resume(self):
        if self.viewer is not None:
            self._slow.append(self.viewer)
        is_slow = self._taken == 0
        while self._slow and (not is_slow or len(self._slow) >= self.TRIES_MAX or self._slow[0].is_done):
            threading.Thread(target=self._slow.pop(0).close, daemon=True).start()
        self.resumes += 1
        start = min(self.last.values()) if self.last else None
        self._open("" if start is None else f"?startPts={start or 1}")

    def wait_more(self, count=20, timeout=20):
        """Waits until it has got so many frames more."""
        want = len(self.media) + count
        wait_for(lambda: len(self.media) >= want, timeout, "more frames")

    def wait_caught_up(self, feed, timeout=60):
        """Waits until it has got everything that is published now."""
        want = len(feed.keys) - feed.keys.index(self.media[0].key)
        wait_for(lambda: len(self.media) >= want, timeout, "the client to catch up")

    def pause_since(self, since):
        """The longest time without a new frame, from `since` to the newest one."""
        arrived = [since, *(at for at in list(self.arrived) if at > since)]
        return max(b - a for a, b in zip(arrived, arrived[1:]))

    def check(self, feed):
        """Each frame that was published since the client's first one is there, once, in order, and
        the timeline has no gap."""
        media = list(self.media)
        keys = [tag.key for tag in media]
        published = list(feed.keys)
        at = published.index(keys[0])
        wanted = published[at:at + len(keys)]
        if keys != wanted:
            i = next(i for i in range(len(keys)) if i >= len(wanted) or keys[i] != wanted[i])
            where = published.index(keys[i]) if keys[i] in published else None
            raise AssertionError(f"frame {i} ({self.media[i]}) is number {where} of the stream, not "
                                 f"{at + i}; {self.resumes} resumes")
        steps = [after(b.time, a.time) for a, b in zip(media, media[1:])]
        assert -self.STEP_MAX_MS < min(steps) and max(steps) < self.STEP_MAX_MS, \
            (min(steps), max(steps))

    def close(self):
        self.is_closing = True
        self._thread.join(10)
        for one in (self.viewer, *self._slow):
            if one is not None:
                one.close()


class Wire:
    """A TCP relay that can fall silent: it then delivers nothing, and neither end learns of it."""

    def __init__(self, port):
        self.to = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self._is_on = threading.Event()
        self._is_on.set()
        self._sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                one, _ = self.listener.accept()
                self._is_on.wait()
                other = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            self._sockets += [one, other]
            for pair in ((one, other), (other, one)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, one, other):
        try:
            while data := one.recv(65536):
                self._is_on.wait()
                other.sendall(data)
            self._is_on.wait()
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        self._is_on.clear()

    def mend(self):
        self._is_on.set()

    def drop(self):
        """Ends all connections."""
        self._end(self._sockets)

    def close(self):
        self._is_on.set()
        self._end([self.listener, *self._sockets])

    @staticmethod
    def _end(sockets):
        for one in list(sockets):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
