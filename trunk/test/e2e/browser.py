"""Chromium for tests, driven by playwright-core through browser.mjs."""

import fcntl
import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path

from harness import PATIENCE, ROOT, run, wait_for
from ready import readable

PLAYERS = ROOT / "research" / "players"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def install_playwright():
    """npm's packages of the lock file, installed once. Parallel test runs wait for a lock
    before they look, because folders exist before they are complete."""
    folder = os.open(PLAYERS, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        modules = PLAYERS / "node_modules"
        if not all((modules / name).exists() for name in ("hls.js", "playwright-core", "puppeteer-core")):
            run(["npm", "--prefix", PLAYERS, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                timeout=120)
    finally:
        os.close(folder)


class Browser:
    """One Chromium with one page."""

    is_well = True

    def __init__(self, *flags, log):
        install_playwright()
        self.log_path = Path(log)
        with open(self.log_path, "ab") as out:
            self.child = subprocess.Popen(
                [shutil.which("node") or "node", Path(__file__).with_name("browser.mjs"), PLAYERS,
                 CHROMIUM, *flags],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out)

    def _ask(self, do, *, patience=90, **command):
        self.child.stdin.write(json.dumps({"do": do, **command}).encode() + b"\n")
        self.child.stdin.flush()
        ready = readable([self.child.stdout], patience)
        line = self.child.stdout.readline() if ready else b""
        self.is_well = bool(line)
        assert line, f"Chromium gave no answer to {do}:\n" + self.log_path.read_text()[-3000:]
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"{do}: {answer['error']}")
        return answer["value"]

    def open(self, url, **view):
        self._ask("open", url=url, **view)

    def evaluate(self, expression):
        return self._ask("evaluate", expression=expression)

    def wait(self, expression, timeout=15):
        """Waits until a JavaScript expression is true; reports what the page shows if it does not
        become true."""
        timeout *= PATIENCE
        try:
            return self._ask("wait", expression=expression, timeout=timeout, patience=timeout + 15)
        except AssertionError as error:
            shown = self.evaluate("window.millrace ? JSON.stringify(millrace.statistics) : ''")
            raise AssertionError(f"{error}\nwaited {timeout} s for {expression}\n{shown}\n"
                                 f"console: {self.said()}") from None

    def click(self, selector):
        self._ask("click", selector=selector)

    def type(self, selector, text):
        self._ask("type", selector=selector, text=text)

    def press(self, key):
        self._ask("press", key=key)

    def download(self, path):
        """The name of the file that the page saved last, stored as path."""
        return wait_for(lambda: self._ask("download", path=str(path)), what="a download")

    def screenshot(self, path, full=False):
        self._ask("screenshot", path=str(path), full=full)

    def said(self):
        """Errors and warnings of the console, and uncaught exceptions."""
        return self._ask("said")

    def leave(self):
        """Closes the page."""
        self._ask("leave")

    def close(self):
        try:
            self.child.stdin.close()
            self.child.wait(10)
        except (subprocess.TimeoutExpired, OSError):
            self.child.kill()
            self.child.wait()


class Browsers:
    """Chromium processes that tests use one after the other, because each takes seconds to start.
    A test's page has nothing of the pages before."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.count = 0
        self.idle = {}

    def take(self, *flags):
        if self.idle.get(flags):
            return self.idle[flags].pop()
        self.count += 1
        one = Browser(*flags, log=self.folder / f"browser{self.count}.log")
        one.flags = flags
        return one

    def give_back(self, one):
        """Keeps it for the next test with the same flags, if it still answers."""
        try:
            if one.is_well:
                one.leave()
                self.idle.setdefault(one.flags, []).append(one)
                return
        except (AssertionError, OSError):
            pass
        one.close()

    def close(self):
        for one in itertools.chain(*self.idle.values()):
            one.close()
