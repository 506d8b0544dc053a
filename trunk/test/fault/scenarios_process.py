"""Scenarios of the server's processes: workers that die, reloads; and the start itself."""

import os
import re
import signal
import subprocess
import time

from clients import CLOSED, OK, REFUSED, WAITS, Publisher, get, harness
from scenarios import PATIENCE, SCENARIOS, STUCK, PlayFlv, Scenario, watch

VALID, INVALID = "reload: configuration is valid", "reload failed, keeping the old configuration"
UPGRADE = 60  # s: a trial gets 10, new workers 30
EXTRA = """
vhost more.test { http_remux { enabled on; mount [vhost]/[app]/[stream].flv; }
                  forward { enabled on; destination 127.0.0.1:9; } }
"""


def until(condition, timeout):
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


class Workers(PlayFlv):
    """Two workers: the kernel chooses where publisher and viewers come."""

    name = "workers"
    workers = 2

    def run(self, env):
        name = next(self.names)
        publisher = Publisher(env.server.rtmp_port, name, env.timeout)
        viewers = {}
        try:
            publisher.send(env.media.preamble + env.media.gops[0])
            for i in range(4):
                viewers[f"viewer{i}"] = get(env.server.http_port, f"/live/{name}.flv", env.timeout)
            return {"publisher": publisher.status, **watch(env, publisher, viewers)}
        finally:
            publisher.close()
            for viewer in viewers.values():
                viewer.close()


def ready_workers(env):
    """How many workers have said that they are ready, so far."""
    return len(re.findall(r"worker \d+ ready$", env.server.log(), re.M))


class WorkerDies(Workers):
    """A worker is killed, and the master starts another one."""

    name = "worker-start"
    has_witness = False

    def run(self, env):
        before = env.server.processes()
        began = ready_workers(env)
        os.kill(before[0], signal.SIGKILL)

        def is_replaced():
            now = env.server.processes()
            return len(now) == len(before) and before[0] not in now
        replaced = until(is_replaced, PATIENCE)
        # A fault is that of the worker which starts, not of the streams that it serves then.
        until(lambda: ready_workers(env) > began, 0.5)
        env.disarm()
        if not replaced:
            return {"worker": WAITS if env.server.is_running else CLOSED}
        result = {}
        until(lambda: result.update(super(WorkerDies, self).run(env)) or
              set(result.values()) == {OK}, PATIENCE)
        return result


class Reload(Scenario):
    """A vhost comes and goes by reloads."""

    name = "reload"

    def reload(self, env, text):
        env.server.config_path.write_text(text)
        start = len(env.server.log())
        env.server.signal(signal.SIGHUP)
        if not until(lambda: VALID in env.server.log()[start:] or INVALID in env.server.log()[start:],
                     env.timeout):
            return WAITS
        return OK if VALID in env.server.log()[start:] else REFUSED

    def run(self, env):
        text = env.server.config_path.read_text().replace(EXTRA, "")
        return {"there": self.reload(env, text + EXTRA), "back": self.reload(env, text)}


class ReloadWorkers(Reload):
    name = "reload-workers"
    workers = 2


class Upgrade(Workers):
    """Another program takes the place of this one, and serves. The witness stays at the workers of
    the first."""

    name = "upgrade"
    top = "upgrade on;"
    workers = 1
    # The old workers say it, too: a fault may be that of the line that says it.
    ends = re.compile(r"upgrade done: |retiring: |upgrade refused: |upgrade failed, ")

    def ended(self, env):
        return self.ends.findall(env.server.log())

    def run(self, env):
        began = len(self.ended(env))
        env.server.signal(signal.SIGUSR2)
        if not until(lambda: len(self.ended(env)) > began or not env.server.is_running, UPGRADE):
            return {"upgrade": STUCK}
        env.disarm()
        found = self.ended(env)[began:]
        result = {"upgrade": OK if found and found[0] in ("upgrade done: ", "retiring: ")
                  else REFUSED}
        # The workers of the program before have ended; the witness is at those of the first.
        if not until(lambda: len(env.server.processes()) <= 2 * self.workers, PATIENCE):
            return {"old workers": STUCK}
        played = super().run(env)
        if set(played.values()) != {OK}:
            # One that fails changes nothing.
            return {**result, **{role: STUCK for role in played}}
        return {**result, **played}


class UpgradeWorkers(Upgrade):
    name = "upgrade-workers"
    workers = 2


class Start(Scenario):
    """The start and the end of a server with all that it can open."""

    name = "start"
    is_start = True

    def prepare(self, folder, objs):
        subprocess.run([harness.ROOT / "conf" / "make-certificate.sh", folder], check=True,
                       capture_output=True)
        ports = [harness.free_port() for _ in range(4)]
        pem = f"key {folder}/server.key; cert {folder}/server.crt;"
        self.http = f"https {{ enabled on; listen {ports[0]}; {pem} }}"
        self.top = (f"pid {folder}/server.pid; rtmps {{ enabled on; listen {ports[1]}; {pem} }} "
                    f"http_api {{ enabled on; listen {ports[2]}; }} "
                    f"exporter {{ enabled on; listen {ports[3]}; }} "
                    "inotify_auto_reload on; trusted_proxies 10.0.0.0/8; ")
        self.vhosts = ("vhost edge.test { cluster { mode remote; origin 127.0.0.1:9; "
                       "directory redis://127.0.0.1:9; } } "
                       "vhost more.test { forward { enabled on; destination 127.0.0.1:9; } "
                       "http_hooks { enabled on; on_publish http://127.0.0.1:9/hooks; } }")


class StartWorkers(Start):
    """The same with two workers."""

    name = "start-workers"
    workers = 2


SCENARIOS.update({one.name: one for one in (Workers, WorkerDies, Reload, ReloadWorkers, Upgrade,
                                            UpgradeWorkers, Start, StartWorkers)})
