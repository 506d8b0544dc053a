"""Scenarios with other servers: callbacks, origins, edges, destinations, a directory."""

from clients import OK, WAITS, Publisher, get, harness
from scenarios import SCENARIOS, Scenario, PlayFlv, watch

import hook_server  # noqa: E402
import redisd  # noqa: E402


def plain_server(folder, objs, **parts):
    """Another server, which does not fail."""
    parts.setdefault("vhost", "min_latency on;")
    parts.setdefault("remux", "mount [vhost]/[app]/[stream].flv;")
    return harness.Server(folder, program=objs / "server", top="workers 1;", **parts)


class Hooks(PlayFlv):
    """Each event is a callback."""

    name = "hooks"
    spare = 16

    def prepare(self, folder, objs):
        server = hook_server.HookServer()
        self.peers.append(server)
        self.vhost = hook_server.hooks(server.url())


class Forward(Scenario):
    """What is published is passed on to another server."""

    name = "forward"

    def prepare(self, folder, objs):
        self.sink = plain_server(folder / "sink", objs)
        self.peers.append(self.sink)
        self.vhost = f"forward {{ enabled on; destination 127.0.0.1:{self.sink.rtmp_port}; }}"

    def run(self, env):
        name = next(self.names)
        publisher = Publisher(env.server.rtmp_port, name, env.timeout)
        viewer = None
        try:
            publisher.send(env.media.preamble + env.media.gops[0])
            viewer = get(self.sink.http_port, f"/live/{name}.flv", env.timeout)
            # A stream that is not at the sink yet is none: its viewer is asked to wait there.
            return {"publisher": publisher.status,
                    **watch(env, publisher, {"sink": viewer})}
        finally:
            publisher.close()
            if viewer is not None:
                viewer.close()


class EdgeFlv(Scenario):
    """An edge pulls what its viewer wants."""

    name = "edge-flv"
    protocol = "flv"

    def prepare(self, folder, objs):
        self.origin = plain_server(folder / "origin", objs)
        self.peers.append(self.origin)
        port = self.origin.http_port if self.protocol == "flv" else self.origin.rtmp_port
        self.vhosts = ("vhost edge.test { min_latency on; "
                       f"cluster {{ mode remote; origin 127.0.0.1:{port}; protocol {self.protocol}; "
                       "vhost __defaultVhost__; } "
                       "http_remux { enabled on; mount [vhost]/[app]/[stream].flv; } }")

    def run(self, env):
        name = next(self.names)
        publisher = Publisher(self.origin.rtmp_port, name, env.timeout)
        viewer = None
        try:
            publisher.send(env.media.preamble + env.media.gops[0])
            viewer = get(env.server.http_port, f"/live/{name}.flv?vhost=edge.test", env.timeout)
            return {"publisher": publisher.status, **watch(env, publisher, {"viewer": viewer})}
        finally:
            publisher.close()
            if viewer is not None:
                viewer.close()


class EdgeRtmp(EdgeFlv):
    name = "edge-rtmp"
    protocol = "rtmp"


class EdgePublish(EdgeFlv):
    """An encoder publishes to an edge, which passes it on to the origin."""

    name = "edge-publish"
    protocol = "rtmp"

    def run(self, env):
        name = next(self.names)
        publisher = Publisher(env.server.rtmp_port, name + "?vhost=edge.test", env.timeout)
        viewer = None
        try:
            publisher.send(env.media.preamble + env.media.gops[0])
            viewer = get(self.origin.http_port, f"/live/{name}.flv", env.timeout)
            return {"publisher": publisher.status, **watch(env, publisher, {"viewer": viewer})}
        finally:
            publisher.close()
            if viewer is not None:
                viewer.close()


class Directory(Scenario):
    """Publishes at an origin that enters its streams in Redis, and plays, at an edge, what another
    origin has entered there."""

    name = "directory"
    spare = 4

    def prepare(self, folder, objs):
        self.store = redisd.Redis(folder / "redis")
        self.store.close = self.store.kill
        self.peers.append(self.store)
        where = f"directory redis://127.0.0.1:{self.store.port};"
        self.origin = plain_server(folder / "origin", objs,
                                   vhost=f"min_latency on; cluster {{ {where} }}")
        self.peers.append(self.origin)
        self.vhosts = ("vhost origin.test { min_latency on; "
                       f"cluster {{ {where} }} "
                       "http_remux { enabled on; mount [vhost]/[app]/[stream].flv; } } "
                       "vhost edge.test { min_latency on; "
                       f"cluster {{ mode remote; vhost __defaultVhost__; {where} }} "
                       "http_remux { enabled on; mount [vhost]/[app]/[stream].flv; } }")

    def run(self, env):
        name = next(self.names)
        here = Publisher(env.server.rtmp_port, name + "?vhost=origin.test", env.timeout)
        there = Publisher(self.origin.rtmp_port, name, env.timeout)
        viewers = []
        try:
            here.send(env.media.preamble + env.media.gops[0])
            there.send(env.media.preamble + env.media.gops[0])
            for vhost in ("origin.test", "edge.test"):
                viewers.append(get(env.server.http_port, f"/live/{name}.flv?vhost={vhost}",
                                   env.timeout))
            return {"publisher": here.status, "other": there.status,
                    **watch(env, here, {"here": viewers[0]}),
                    **watch(env, there, {"edge": viewers[1]})}
        finally:
            here.close()
            there.close()
            for viewer in viewers:
                viewer.close()


class Hanging(Scenario):
    """A callback server and a Redis that take connections and never answer: a publisher is refused
    in time, or publishes; nobody waits for ever."""

    name = "hanging"
    has_sites = False
    spare = 8

    def prepare(self, folder, objs):
        mute = hook_server.RawServer()
        self.peers.append(mute)
        hooks = hook_server.hooks(mute.url()).replace("timeout 2s", "timeout 1s")
        self.vhosts = (f"vhost hooks.test {{ {hooks} }} vhost directory.test {{ "
                       f"cluster {{ directory redis://127.0.0.1:{mute.port}; }} }}")

    def run(self, env):
        result = {}
        for vhost in ("hooks.test", "directory.test"):
            publisher = Publisher(env.server.rtmp_port, f"{next(self.names)}?vhost={vhost}",
                                  env.timeout)
            publisher.close()
            result[vhost] = OK if publisher.status != WAITS else WAITS
            env.check_witness()
        return result


SCENARIOS.update({one.name: one for one in (Hooks, Forward, EdgeFlv, EdgeRtmp, EdgePublish, Hanging,
                                            Directory)})
