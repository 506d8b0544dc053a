"""Trials of a server's start and of its end: each has a server of its own."""

import time

from environment import PATIENCE, Problem
from session import MISSED, Session
from scenarios_process import until


class StartSession(Session):
    """It starts, or says why not; it ends, and has freed everything."""

    def record(self):
        env = self.env
        env.control.record(True)
        env.start(wait=False)
        self.wait_ready()
        env.control.recording = 0
        env.open_witness()
        env.close_witness()
        env.control.recording = 1
        self.end()
        env.control.record(False)
        return {}, {one[0]: one[1:] for one in env.control.sites()}

    def wait_ready(self):
        """Whether it says that it is ready; else it has ended."""
        server = self.env.server
        if not until(lambda: not server.is_running or self.is_ready(), 2 * PATIENCE):
            raise Problem("neither starts nor ends")
        return server.is_running

    def is_ready(self):
        """It says so to its supervisor, or that it cannot."""
        server = self.env.server
        return any("READY" in one for one in server.notify.read()) or \
            "not notified (READY=1)" in server.log()

    def end(self):
        server = self.env.server
        server.signal(15)
        if not until(lambda: not server.is_running, 2 * PATIENCE):
            raise Problem("does not end")
        self.check_end(0)
        server.has_stopped = True
        server.kill()
        self.env.server = None

    def check_end(self, code):
        server = self.env.server
        found = server.log()
        status = server.child.returncode
        try:
            server.check_output()
        except AssertionError as problem:
            raise Problem(str(problem)) from None
        if status != code:
            raise Problem(f"exit status {status}, not {code}")
        if status != 0 and "server: " not in found:
            raise Problem("it ends without a reason")

    def try_all(self, trials):
        for trial in trials:
            self.try_one(trial)
            self.told(trial)

    def try_one(self, trial, leaks=False):
        try:
            trial.outcome = self.attempt(trial)
        except (Problem, AssertionError, OSError) as problem:
            trial.outcome = "FAILED"
            trial.detail = str(problem)
            trial.log = self.env.server.log() if self.env.server is not None else ""
        self.env.abandon()
        return True

    def attempt(self, trial):
        env = self.env
        env.control.arm(trial.site, trial.call, trial.effect, trial.skip)
        env.start(wait=False)
        is_ready = self.wait_ready()
        trial.log = env.server.log()
        if not is_ready:
            self.check_end(1)
            return "refused"
        hits = env.control.hits
        env.control.site = 0
        env.open_witness()
        env.check_witness()
        env.close_witness()
        if not hits:
            time.sleep(0.01)
            env.control.site = trial.site
        self.end()
        return "ok" if env.control.hits else MISSED
