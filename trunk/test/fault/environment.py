"""A faulty server that runs, and what a healthy one looks like."""

import os
import time
from pathlib import Path

from clients import OK, Publisher, flv, get, harness
from control import Control
from scenarios import has_mark

TIMEOUT = 2       # s that a client waits while a fault is armed
PATIENCE = 10 * harness.PATIENCE  # s for what must come
REST = 0.5        # s that are given to the server's ends of the connections
IDLE = 0.3        # s in which nothing happens
CPU_MAX = 0.5     # of a processor, meanwhile


class Problem(Exception):
    """A check that failed."""


class Environment:
    """The server, its control, and the stream whose viewer must notice nothing."""

    def __init__(self, scenario, folder, objs, media):
        self.scenario, self.folder, self.objs, self.media = scenario, Path(folder), objs, media
        self.timeout = PATIENCE
        self.control = Control(self.folder / "control")
        self.server = None
        self.witness = ()
        self.beats = 0
        self.log_at = 0
        self.baseline = None  # descriptors, when nothing happens

    # ---- the server's life

    def start(self, wait=True):
        self.log_at = 0
        self.baseline = None
        log = self.folder / "server.log"
        if log.exists():
            log.unlink()
        leaks = f"suppressions={harness.ROOT}/trunk/test/lsan.supp:print_suppressions=0"
        env = {"FAULT_CONTROL": str(self.control.path), "LSAN_OPTIONS": leaks,
               "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=0"}
        self.server = harness.Server(self.folder, program=self.objs / "asan" / "faulty", wait=wait,
                                     env=env, **self.scenario.parts())
        if wait and self.scenario.has_witness:
            self.open_witness()

    def stop(self):
        """Its end without a fault: everything freed."""
        self.disarm()
        self.close_witness()
        server, self.server = self.server, None
        if server is not None:
            try:
                server.stop()
            except AssertionError as problem:
                raise Problem(str(problem)) from None
            finally:
                server.kill()

    def abandon(self):
        self.disarm()
        self.close_witness()
        if self.server is not None:
            self.server.has_stopped = True
            self.server.kill()
        self.server = None

    def disarm(self):
        return self.control.disarm()



    def run(self):
        """The scenario, until the server has seen that its clients have left."""
        result = self.scenario.run(self)
        deadline = time.monotonic() + (REST if self.baseline is not None else 2 * REST)
        while self.is_busy() and time.monotonic() < deadline:
            time.sleep(0.002)
        return result

    def is_busy(self):
        return self.server is not None and self.server.is_running and \
            (self.baseline is None or self.descriptors() > self.baseline)

    # ---- the other viewer

    def open_witness(self):
        publisher = Publisher(self.server.rtmp_port, "witness", PATIENCE)
        publisher.send(self.media.preamble + self.media.gops[0])
        viewer = get(self.server.http_port, "/live/witness.flv", PATIENCE)
        self.witness = publisher, viewer
        if viewer.until(lambda data: has_mark(data, self.media.gops[0]), PATIENCE) != OK:
            raise Problem(f"the witness does not play: {viewer.status} {publisher.status}")

    def close_witness(self):
        for one in self.witness:
            one.close()
        self.witness = ()

    def check_witness(self):
        if not self.witness:
            return
        publisher, viewer = self.witness
        self.beats += 1
        mark = b"beat %08d of the witness" % self.beats
        data = b"\x27\x01\0\0\0" + (len(mark) + 1).to_bytes(4, "big") + b"\x41" + mark
        viewer.data.clear()
        publisher.send([flv.Tag(flv.VIDEO, 1000 + self.beats, data)])
        if viewer.until(lambda got: mark in got, PATIENCE) != OK:
            raise Problem(f"the other viewer was disturbed: {viewer.status}, "
                          f"publisher {'closed' if publisher.is_closed() else 'open'}")

    # ---- what a healthy server looks like

    def check_output(self):
        text = self.server.log()[self.log_at:]
        found = harness.SANITIZER.search(text)
        if found:
            raise Problem("sanitizer:\n" + text[max(0, found.start() - 200):found.start() + 5000])
        if not self.server.is_running:
            raise Problem(f"the server ended with {self.server.child.returncode}:\n{text[-1500:]}")

    def descriptors(self):
        return self.server.descriptors()

    def settle(self):
        """How many descriptors are open when nothing happens: the fewest seen in a while."""
        count = self.descriptors()
        for _ in range(10):
            time.sleep(0.01)
            count = min(count, self.descriptors())
        self.baseline = count

    def check_descriptors(self):
        deadline = time.monotonic() + PATIENCE
        while True:
            now = self.descriptors()
            if self.baseline is None or now <= self.baseline + self.scenario.spare:
                return
            if time.monotonic() > deadline:
                raise Problem(f"{now} descriptors are open, {self.baseline} were")
            time.sleep(0.005)

    def cpu(self):
        """Seconds of processor time."""
        total = 0
        for pid in {self.server.pid, *self.server.processes()}:
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue    # it has ended since it was listed
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def check_idle(self):
        began, cpu = time.monotonic(), self.cpu()
        time.sleep(IDLE)
        share = (self.cpu() - cpu) / (time.monotonic() - began)
        if share > CPU_MAX:
            raise Problem(f"{share:.0%} of a processor while nothing happens")

    def check_again(self):
        """The same without a fault, on the same server."""
        deadline = time.monotonic() + PATIENCE
        while True:
            result = self.run()
            if set(result.values()) == {OK}:
                return
            self.check_output()
            if time.monotonic() > deadline:
                raise Problem(f"does not work any more: {result}")

    def check_leaks(self):
        self.control.leak_wanted += 1
        deadline = time.monotonic() + PATIENCE
        while self.control.leak_checked != self.control.leak_wanted:
            if time.monotonic() > deadline:
                raise Problem("the event loop does not turn")
            self.check_witness()
        self.check_output()
