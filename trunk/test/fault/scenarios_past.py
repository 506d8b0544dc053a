"""Scenarios of what the server keeps of a stream: HLS, recordings, rewind; and publishing over
HTTP."""

import socket
import time

from clients import CLOSED, OK, REFUSED, WAITS, Bytes, Publisher, flv, get
from scenarios import (LATE, PATIENCE, SCENARIOS, STUCK, PlayFlv, Scenario, has_mark, wait_all, watch,
                       whole)

LOST = "lost"
POLL = 0.02  # s between two requests for a playlist


def later(tags, ms):
    return [flv.Tag(tag.type, tag.time + ms, tag.data) for tag in tags]


class HlsViewer:
    """Follows a playlist, and collects the segments' bytes; as Bytes does those of a response."""

    def __init__(self, port, path, timeout):
        self.port, self.path, self.timeout = port, path, timeout
        self.data = bytearray()
        self.request = get(port, path, timeout)
        self.todo, self.done = [], set()
        self.at = 0.0  # when the playlist may be requested again

    def take(self, body):
        """What is to be requested next, by the answer to the last request."""
        if not body.startswith(b"#EXTM3U"):
            self.data += body
        elif b"#EXT-X-STREAM-INF" in body:
            self.path = body.decode().splitlines()[2]
            self.todo = [self.path]
        else:
            lines = [line for line in body.decode().splitlines() if line and line[0] != "#"]
            self.todo = [line for line in lines if line not in self.done]
            self.done.update(self.todo)
            self.at = time.monotonic() + POLL

    def url(self):
        """The next request's target; None: not yet."""
        if self.todo:
            name = self.todo.pop(0)
            return name if name.startswith("/") else "/live/" + name
        if time.monotonic() < self.at:
            return None
        return self.path if self.path.startswith("/") else "/live/" + self.path

    def until(self, test, timeout):
        deadline = time.monotonic() + timeout
        while not test(self.data):
            if self.request is None:
                target = self.url()
                if target is None:
                    time.sleep(POLL)
                    continue
                self.request = get(self.port, target, self.timeout)
            ended = self.request.until(whole, max(deadline - time.monotonic(), 0.001))
            if ended != OK:
                return ended
            body = bytes(self.request.data).partition(b"\r\n\r\n")[2]
            self.close()
            self.take(body)
        return OK

    def close(self):
        if self.request is not None:
            self.request.close()
        self.request = None


class Hls(Scenario):
    """A player of HLS: playlists, a session, segments."""

    name = "hls"
    vhost = "hls { enabled on; hls_fragment 1; hls_window 4; }"

    def run(self, env):
        name = next(self.names)
        first, second = env.media.gops[:2]
        publisher = Publisher(env.server.rtmp_port, name, env.timeout)
        viewer = None
        try:
            # A segment is finished by the next keyframe.
            publisher.send(env.media.preamble + first + second)
            viewer = HlsViewer(env.server.http_port, f"/live/{name}.m3u8", env.timeout)
            ended = wait_all(publisher, {"viewer": viewer}, lambda data: has_mark(data, first),
                             env.timeout)["viewer"]
            if ended == WAITS and not publisher.is_closed():
                env.disarm()
                publisher.send(later(first, 6000) + later(second, 6000))
                again = wait_all(publisher, {"viewer": viewer},
                                 lambda data: has_mark(data, second), PATIENCE)["viewer"]
                ended = {OK: LATE, WAITS: STUCK}.get(again, again)
            return {"publisher": publisher.status, "viewer": ended}
        finally:
            publisher.close()
            if viewer is not None:
                viewer.close()


class Record(Scenario):
    """A recording: the file of a publication, and its end."""

    name = "record"

    def prepare(self, folder, objs):
        self.folder = folder / "recorded"
        self.vhost = (f"dvr {{ enabled on; dvr_path {self.folder}/[app]/[stream].[timestamp].flv; }}")

    def files(self, name):
        return list(self.folder.glob(f"**/{name}*"))

    def wait_file(self, env, name, tags):
        """How the recording ended. One that a fault has ended leaves no file or an unfinished one."""
        deadline = time.monotonic() + env.timeout
        while time.monotonic() < deadline:
            done = [path for path in self.files(name) if path.suffix == ".flv"]
            if done:
                return OK if has_mark(done[0].read_bytes(), tags) else LOST
            time.sleep(0.005)
        return LOST

    def run(self, env):
        name = next(self.names)
        tags = env.media.gops[0]
        publisher = Publisher(env.server.rtmp_port, name, env.timeout)
        viewer = None
        try:
            publisher.send(env.media.preamble + tags)
            viewer = get(env.server.http_port, f"/live/{name}.flv", env.timeout)
            result = {"publisher": publisher.status, **watch(env, publisher, {"viewer": viewer})}
            publisher.close()
            result["file"] = self.wait_file(env, name, tags)
            return result
        finally:
            publisher.close()
            if viewer is not None:
                viewer.close()
            for path in self.files(name):
                path.unlink()


class Rewind(PlayFlv):
    """Viewers that begin in the past, in two formats."""

    name = "rewind"
    mounts = "rewind 60; mount [vhost]/[app]/[stream].flv [vhost]/[app]/[stream].ts;"

    def run(self, env):
        name = next(self.names)
        first, second = env.media.gops[:2]
        publisher = Publisher(env.server.rtmp_port, name, env.timeout)
        viewers = {}
        try:
            publisher.send(env.media.preamble + first + second)
            for kind in ("flv", "ts"):
                viewers[kind] = get(env.server.http_port, f"/live/{name}.{kind}?startPts=1",
                                    env.timeout)
            return {"publisher": publisher.status,
                    **watch(env, publisher, viewers, (first, later(second, 6000)))}
        finally:
            publisher.close()
            for viewer in viewers.values():
                viewer.close()


class HttpPublisher(Bytes):
    """An encoder that publishes with POST; the interface of Publisher."""

    def __init__(self, port, stream, timeout):
        head = (f"POST /live/{stream}.flv HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                "Transfer-Encoding: chunked\r\n\r\n").encode()
        super().__init__(port, head, timeout)
        self.timeout = timeout
        if self.status == WAITS:
            self.status = OK
        self.write(flv.header_bytes())

    def write(self, data):
        try:
            if self.status == OK:
                self.socket.settimeout(self.timeout)
                self.socket.sendall(b"%x\r\n%s\r\n" % (len(data), data))
        except OSError:
            self.status = CLOSED

    def send(self, tags):
        for tag in tags:
            self.write(flv.tag_bytes(tag.type, tag.time, tag.data))

    def is_closed(self):
        if self.status == OK:
            try:
                self.socket.settimeout(0)
                got = self.socket.recv(65536)
                self.status = REFUSED if got else CLOSED
            except (BlockingIOError, socket.timeout):
                pass
            except OSError:
                self.status = CLOSED
        return self.status != OK


class PublishHttp(Scenario):
    """FLV over HTTP in, FLV over HTTP out."""

    name = "publish-http"
    vhost = "publish { http on; }"

    def run(self, env):
        name = next(self.names)
        publisher = HttpPublisher(env.server.http_port, name, env.timeout)
        viewer = None
        try:
            publisher.send(env.media.preamble + env.media.gops[0])
            viewer = get(env.server.http_port, f"/live/{name}.flv", env.timeout)
            result = watch(env, publisher, {"viewer": viewer})
            return {"publisher": publisher.status, **result}
        finally:
            publisher.close()
            if viewer is not None:
                viewer.close()


SCENARIOS.update({one.name: one for one in (Hls, Record, Rewind, PublishHttp)})
