"""What happens to the servers: reloads, upgrades, and workers that are killed."""

import asyncio
import os
import re
import signal
import time

import harness

# Seconds between two of them; shorter in a short run, so that each happens a few times.
RELOAD_S, UPGRADE_S, KILL_S = 180, 600, 420
TIMES_MIN = 4
DONE_S = 60                  # a reload or an upgrade has to be done by then
OLD_S = 600                  # an old worker has to have ended by then


class Events:
    def __init__(self, run, random):
        self.run_, self.random = run, random
        self.count = {"reload": 0, "upgrade": 0, "kill": 0}
        self.slowest = {"reload": 0.0, "upgrade": 0.0}

    async def run(self):
        steady, restless = self.run_.servers
        seconds = 3600 * self.run_.options.hours
        await asyncio.gather(
            self.every(min(RELOAD_S, seconds / TIMES_MIN), self.reload, steady),
            self.every(min(RELOAD_S, seconds / TIMES_MIN) * 1.3, self.reload, restless),
            self.every(min(UPGRADE_S, seconds / TIMES_MIN), self.upgrade, restless),
            self.every(min(KILL_S, seconds / TIMES_MIN) * 1.1, self.kill, restless),
            self.old(restless))

    async def every(self, seconds, action, server):
        turn = 0
        while True:
            await asyncio.sleep(seconds * self.random.uniform(0.8, 1.2))
            turn += 1
            while not self.run_.world.is_open():    # not within a census
                await asyncio.sleep(0.2)
            await action(server, turn)

    def note(self, kind, server, text=""):
        self.count[kind] += 1
        self.run_.record({"event": kind, "server": server.name, "text": text})

    async def said(self, server, pattern, at, kind):
        """Waits for a line in the log, from this place on; a finding if it does not come."""
        begin = time.monotonic()
        while time.monotonic() - begin < DONE_S:
            with open(server.log_path, "rb") as file:
                file.seek(at)
                found = re.search(pattern, file.read(1 << 22))
            if found:
                self.slowest[kind] = max(self.slowest[kind], time.monotonic() - begin)
                return found[0].decode(errors="replace")
            await asyncio.sleep(0.1)
        self.run_.world.finding(kind, f"{server.name}: not done after {DONE_S} s")
        return ""

    async def reload(self, server, turn):
        at = os.path.getsize(server.log_path)
        server.change(turn)
        server.signal(signal.SIGHUP)
        text = await self.said(server, RELOAD_LINE, at, "reload")
        self.note("reload", server, text)

    async def upgrade(self, server, _turn):
        at, before = os.path.getsize(server.log_path), server.processes()
        server.signal(signal.SIGUSR2)
        text = await self.said(server, rb"upgrade done: .*|upgrade failed.*", at, "upgrade")
        self.note("upgrade", server, text)
        if "done" in text:
            for pid in before:
                server.old_since.setdefault(pid, time.monotonic())

    async def kill(self, server, _turn):
        pid = server.kill_worker(self.random.choice)
        self.note("kill", server, str(pid))

    async def old(self, server):
        """Old workers end when their clients have left, which all do after a while."""
        told = set()
        while True:
            await asyncio.sleep(10)
            for pid, since in list(server.old_since.items()):
                if not harness.is_alive(pid):
                    del server.old_since[pid]
                elif time.monotonic() - since > OLD_S and pid not in told:
                    told.add(pid)
                    self.run_.world.finding("old worker", f"{server.name}: process {pid} has not "
                                            f"ended {OLD_S} s after it was replaced")


RELOAD_LINE = rb"reload: configuration is valid|reload failed, keeping the old configuration.*"
