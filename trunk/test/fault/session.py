"""Trials: one fault each, in a scenario."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from clients import OK
from control import effect_name
from environment import PATIENCE, TIMEOUT, Environment, Problem
from kinds import KINDS, kind_of
from scenarios import STUCK

BATCH = 60   # trials of one server: at its end it is asked for leaks
FAILED, MISSED = "FAILED", "missed"
SKIPS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)


class Trial:
    """One fault: a call, its site, what it answers, and after how many calls."""

    def __init__(self, site, call, frames, effect, skip, is_cold=False):
        self.site, self.call, self.frames, self.effect, self.skip = site, call, frames, effect, skip
        self.is_cold = is_cold
        self.name = ""
        self.outcome = "untried"
        self.detail = ""
        self.log = ""

    @property
    def kind(self):
        return kind_of(self.call, self.effect)


def name_trials(scenario, trials, symbols):
    """scenario:effect:call<function<function+N: the same in the next build."""
    symbols.learn({frame for trial in trials for frame in trial.frames})
    seen = Counter()
    for trial in sorted(trials, key=lambda one: (one.frames, one.call, one.effect, one.skip)):
        chain = "<".join([trial.call, *symbols.names(trial.frames)[:4]])
        base = f"{scenario}:{effect_name(trial.effect)}:{chain}"
        seen[base] += 1
        trial.name = f"{base}+{seen[base] - 1}"


class Session:
    """All trials of one scenario. told(trial): called with each that has an outcome."""

    def __init__(self, scenario, options, symbols, media, told):
        self.scenario, self.options, self.symbols, self.told = scenario, options, symbols, told
        self.folder = Path(tempfile.mkdtemp(prefix=f"faults-{scenario.name}-"))
        scenario.prepare(self.folder, options.objs)
        self.env = Environment(scenario, self.folder, options.objs, media)
        self.age = 0

    def close(self):
        self.env.abandon()
        self.scenario.finish()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- the sites

    def record(self):
        """{hash: (call, count, frames)} of a run on a used server, and of one on a new one."""
        env = self.env
        env.start()
        env.control.record(True)
        self.must_work()
        env.control.record(False)
        cold = {one[0]: one[1:] for one in env.control.sites()}
        self.must_work()
        env.settle()
        env.control.record(True)
        self.must_work()
        env.control.record(False)
        warm = {one[0]: one[1:] for one in env.control.sites()}
        env.stop()
        return warm, {code: site for code, site in cold.items() if code not in warm}

    def must_work(self):
        result = self.env.run()
        if set(result.values()) != {OK}:
            raise Problem(f"{self.scenario.name} does not work without a fault: {result}\n"
                          + self.env.server.log()[-3000:])

    def trials(self):
        trials = []
        recorded = self.record()
        for sites, is_cold in zip(recorded if self.scenario.has_sites else (), (False, True)):
            for code, (call, count, frames) in sites.items():
                effects = [effect for kind in self.options.kinds
                           for effect in KINDS[kind].get(call, ())]
                skips = [skip for skip in SKIPS if skip < (count if self.options.deep else 1)]
                trials += [Trial(code, call, frames, effect, skip, is_cold)
                           for effect in effects for skip in skips]
        name_trials(self.scenario.name, trials, self.symbols)
        return sorted(trials, key=lambda one: (one.is_cold, one.name))

    # ---- one trial

    def ready(self, is_cold):
        """A server that has done the scenario before, or has not."""
        if self.env.server is not None and is_cold:
            self.retire()
        if self.env.server is None:
            self.env.start()
            self.age = 0
            if not is_cold:
                self.must_work()
                self.must_work()
                self.env.check_witness()
                self.env.settle()

    def retire(self):
        """The end of a server's trials; a Problem is any of theirs."""
        try:
            self.env.check_idle()
            self.env.stop()
        finally:
            self.env.abandon()

    def attempt(self, trial):
        env = self.env
        self.age += 1
        env.log_at = len(env.server.log())
        env.timeout = TIMEOUT
        env.control.arm(trial.site, trial.call, trial.effect, trial.skip)
        try:
            result = env.run()
        finally:
            hits = env.disarm()
            env.timeout = PATIENCE
        env.check_output()
        if STUCK in result.values():
            raise Problem(f"stuck: {result}")
        env.check_witness()
        env.check_again()
        env.check_descriptors()
        trial.log = env.server.log()[env.log_at:]
        if not hits:
            return MISSED
        bad = sorted({one for one in result.values() if one != OK})
        return "+".join(bad) if bad else OK

    def try_one(self, trial, leaks=False):
        """Sets trial.outcome; False when the server is spoilt."""
        try:
            self.ready(trial.is_cold)
            trial.outcome = self.attempt(trial)
            if leaks:
                self.env.check_leaks()
            return True
        except (Problem, AssertionError, AttributeError, OSError) as problem:
            trial.outcome = FAILED
            trial.detail = str(problem)
            if self.env.server is not None:
                trial.log = self.env.server.log()[self.env.log_at:]
            self.env.abandon()
            return False

    def try_all(self, trials):
        """In batches; when the end of a server shows a leak, the trials of its batch are repeated
        with a look for leaks after each."""
        batch = []
        for trial in trials:
            if self.env.server is not None and (self.age >= BATCH or trial.is_cold):
                self.end_batch(batch)
                batch = []
            is_good = self.try_one(trial)
            batch = batch + [trial] if is_good else []
            self.told(trial)
        self.end_batch(batch)

    def end_batch(self, batch):
        if self.env.server is None:
            return
        try:
            self.retire()
            return
        except Problem as problem:
            why = str(problem)
        before = {trial: trial.outcome for trial in batch}
        for trial in batch:
            if not self.try_one(trial, leaks=True):
                self.told(trial)
        self.env.abandon()
        if batch and all(trial.outcome == before[trial] for trial in batch):
            batch[-1].outcome = FAILED
            batch[-1].detail = f"any of {len(batch)} trials: {why}"
            self.told(batch[-1])
