"""What the server is made to do, again and again, while one of its calls fails.

A scenario is a configuration and run(env), which does one thing from its beginning to its end and
returns how it ended for each role: {"publisher": "ok", "flv": "waits"}. Without a fault, all are
"ok". It must use nothing that an earlier run left, so that each run reaches the same sites.
"""

import itertools
import json
import subprocess
import time

from clients import (OK, REFUSED, WAITS, Publisher, RtmpViewer, get, harness, mp3_tags, websocket)

STUCK, LATE = "stuck", "late"
BLINK = 0.1     # s
PATIENCE = 10 * harness.PATIENCE


class Scenario:
    name = ""
    mounts = "mount [vhost]/[app]/[stream].flv;"
    top = http = vhost = vhosts = ""
    workers = 1
    has_witness = True
    is_start = False
    has_sites = True  # else the fault is in run() itself, and no call fails
    spare = 0  # descriptors of connections that the server may keep for later

    def __init__(self):
        self.names = (f"s{i:06}" for i in itertools.count())
        self.peers = []

    def prepare(self, folder, objs):
        """Starts what the server talks to; before the configuration is written."""

    def finish(self):
        for peer in self.peers:
            if isinstance(peer, harness.Server):
                peer.has_stopped = True
                peer.kill()
            else:
                peer.close()

    def parts(self):
        return {"top": f"workers {self.workers}; {self.top}", "http_server": self.http,
                "vhost": "min_latency on; " + self.vhost, "remux": self.mounts,
                "vhosts": self.vhosts}

    def run(self, env):
        raise NotImplementedError


def wait_all(publisher, viewers, test, timeout):
    """How it ended for each viewer. Without a publisher there is nothing to wait for."""
    deadline = time.monotonic() + timeout
    while True:
        no_more = publisher.is_closed() or time.monotonic() > deadline
        result = {role: viewer.until(test, BLINK) for role, viewer in viewers.items()}
        if WAITS not in result.values() or no_more:
            return result


def watch(env, publisher, viewers, gops=None):
    """Waits until each viewer has the first GOP's end. One that has nothing although the publisher
    still publishes gets a second chance without the fault: a frame may be lost, a stream not."""
    first, second = gops or env.media.gops[:2]
    result = wait_all(publisher, viewers, lambda data: has_mark(data, first), env.timeout)
    hungry = {role: viewer for role, viewer in viewers.items() if result[role] == WAITS}
    if hungry and not publisher.is_closed():
        env.disarm()
        publisher.send(second)
        again = wait_all(publisher, hungry, lambda data: has_mark(data, second), PATIENCE)
        for role, ended in again.items():
            result[role] = {OK: LATE, WAITS: STUCK}.get(ended, ended)
        if publisher.is_closed():
            result = {role: WAITS if ended == STUCK else ended for role, ended in result.items()}
    return result


def has_mark(data, tags):
    """Whether the last picture of these is in the bytes, or, of sound alone, anything of the second
    half: the server keeps the last sounds back. A container may cut a frame: one of three pieces
    is enough."""
    ends = tags[-1:] if tags[-1].is_video else tags[len(tags) // 2:]
    return any(tag.data[at:at + 12] in data for tag in ends for at in (7, 60, 120))


class PlayFlv(Scenario):
    """RTMP in, FLV over HTTP out: one viewer before the media, one after it."""

    name = "flv"
    path = "/live/s.flv"

    def viewer(self, env):
        return get(env.server.http_port, self.path, env.timeout)

    def tags(self, env):
        return env.media.preamble, env.media.gops[:2]

    def run(self, env):
        preamble, gops = self.tags(env)
        publisher = Publisher(env.server.rtmp_port, "s", env.timeout)
        viewers = []
        try:
            publisher.send(preamble)
            viewers.append(self.viewer(env))
            publisher.send(gops[0])
            result = watch(env, publisher, {"early": viewers[0]}, gops)
            viewers.append(self.viewer(env))
            result.update(watch(env, publisher, {"late": viewers[1]}, gops))
            return {"publisher": publisher.status, **result}
        finally:
            publisher.close()
            for viewer in viewers:
                viewer.close()


class Clock(PlayFlv):
    """The clocks step while a stream is played: the wall clock by a day, to and fro, as when it is
    set; the monotonic one by seconds, as after a pause of a virtual machine."""

    name = "clock"
    has_sites = False
    steps = (("wall_shift", 86400), ("wall_shift", -86400), ("wall_shift", 0),
             ("monotonic_shift", 3), ("monotonic_shift", 11))

    def run(self, env):
        publisher = Publisher(env.server.rtmp_port, "s", env.timeout)
        viewer = self.viewer(env)
        began = env.control.monotonic_shift
        result = {}
        try:
            publisher.send(env.media.preamble)
            for i, (clock, seconds) in enumerate(self.steps):
                value = seconds * 10**9
                setattr(env.control, clock, value + (began if clock == "monotonic_shift" else 0))
                viewer.data.clear()
                gop = env.media.gops[i % 2]
                publisher.send(gop, offset=i * 1000)
                result[f"{clock}{i}"] = wait_all(publisher, {"viewer": viewer},
                                                 lambda data: has_mark(data, gop),
                                                 env.timeout)["viewer"]
            return {"publisher": publisher.status, **result}
        finally:
            publisher.close()
            viewer.close()


class PlayRtmp(PlayFlv):
    """RTMP in, RTMP out."""

    name = "rtmp"

    def viewer(self, env):
        return RtmpViewer(env.server.rtmp_port, "s", env.timeout)


class PlayWs(PlayFlv):
    """RTMP in, FLV over WebSocket out."""

    name = "ws"

    def viewer(self, env):
        return websocket(env.server.http_port, self.path, env.timeout)


class PlayTs(PlayFlv):
    name = "ts"
    mounts = "mount [vhost]/[app]/[stream].flv [vhost]/[app]/[stream].ts;"
    path = "/live/s.ts"


class PlayMp3(PlayFlv):
    """Sound alone."""

    name = "mp3"
    mounts = "mount [vhost]/[app]/[stream].flv [vhost]/[app]/[stream].mp3;"
    path = "/live/s.mp3"

    def tags(self, env):
        tags = mp3_tags(120)
        return [], (tags[:60], tags[60:])

    def run(self, env):
        preamble, (first, second) = self.tags(env)
        publisher = Publisher(env.server.rtmp_port, "s", env.timeout)
        viewer = None
        try:
            publisher.send([*preamble, *first])
            viewer = self.viewer(env)
            # Sound alone is played from now on, not from the past.
            viewer.until(lambda data: b"\r\n\r\n" in data, env.timeout)
            publisher.send(second)
            return {"publisher": publisher.status,
                    **watch(env, publisher, {"viewer": viewer}, (second, first))}
        finally:
            publisher.close()
            if viewer is not None:
                viewer.close()


class PlayHttps(PlayFlv):
    """Viewers over HTTPS."""

    name = "https"

    def prepare(self, folder, objs):
        subprocess.run([harness.ROOT / "conf" / "make-certificate.sh", folder], check=True,
                       capture_output=True)
        self.port = harness.free_port()
        pem = f"key {folder}/server.key; cert {folder}/server.crt;"
        self.http = f"https {{ enabled on; listen {self.port}; {pem} }}"

    def viewer(self, env):
        return get(self.port, self.path, env.timeout, tls=True)


def whole(data):
    """Whether the bytes are a whole response."""
    head, found, body = bytes(data).partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return body.endswith(b"0\r\n\r\n")


def ask(env, port, path, result, test=None, lines=""):
    """One request; its answer must be a 200."""
    client = get(port, path, env.timeout, lines=lines)
    try:
        ended = client.until(whole, env.timeout)
        if ended == OK and client.data[9:12] not in (b"200", b"206", b"304"):
            ended = REFUSED
        if ended == OK and test is not None and not test(client.data.partition(b"\r\n\r\n")[2]):
            ended = "wrong"
        result[path] = ended
    finally:
        client.close()


class Api(Scenario):
    """The questions of the API and of Prometheus, while a stream is played."""

    name = "api"
    paths = ("versions", "summaries", "rusages", "self_proc_stats", "system_proc_stats",
             "meminfos", "authors", "features", "vhosts/", "streams/", "clients/", "qoe", "config",
             "raw?rpc=raw", "clusters?vhost=__defaultVhost__&app=live&stream=witness")

    def prepare(self, folder, objs):
        self.port = harness.free_port()
        self.top = (f"http_api {{ enabled on; listen {self.port}; raw_api {{ enabled on; }} }} "
                    "exporter { enabled on; }")

    @staticmethod
    def is_json(body):
        try:
            return isinstance(json.loads(body), dict)
        except ValueError:
            return False

    def run(self, env):
        result = {}
        for path in self.paths:
            ask(env, self.port, "/api/v1/" + path, result, self.is_json)
        ask(env, self.port, "/metrics", result)
        return result


class Files(Scenario):
    """Static files, recorded files, and the player page."""

    name = "files"

    def prepare(self, folder, objs):
        html = folder / "html"
        html.mkdir(exist_ok=True)
        (html / "page.html").write_text("<html>page</html>\n" * 100)
        (html / "big.bin").write_bytes(bytes(range(256)) * 2000)
        (html / "film.flv").write_bytes((harness.ROOT / "doc" / "source.flv").read_bytes()[:400000])

    def run(self, env):
        result = {}
        port = env.server.http_port
        for path in ("/page.html", "/big.bin", "/film.flv", "/film.flv?start=20000"):
            ask(env, port, path, result)
        ask(env, port, "/big.bin", result, lines="Range: bytes=100-20000\r\n")
        return result


SCENARIOS = {one.name: one for one in (PlayFlv, Clock, PlayRtmp, PlayWs, PlayTs, PlayMp3,
                                       PlayHttps, Api, Files)}
