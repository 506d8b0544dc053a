"""The program on its own, its configuration file, and what it says."""

import os
import subprocess
import urllib.error
import urllib.request

import pytest

from harness import ROOT, SANITIZER, SERVER


def environment(folder, **extra):
    """The environment without the caller's SRS_… variables; sanitizers report into
    folder/san.PID."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("SRS_") and k != "NOTIFY_SOCKET"}
    suppressions = ROOT / "trunk" / "test" / "lsan.supp"
    env["LSAN_OPTIONS"] = f"suppressions={suppressions}:print_suppressions=0"
    env["ASAN_OPTIONS"] = f"detect_leaks=1:detect_stack_use_after_return=0:log_path={folder}/san"
    env["UBSAN_OPTIONS"] = f"print_stacktrace=1:log_path={folder}/san"
    env.update(extra)
    return env


@pytest.fixture
def program(tmp_path):
    """program(*args, env=…): runs the server until it exits, which it must do without a signal."""

    def start(*args, cwd=None, **env):
        done = subprocess.run([SERVER, *map(str, args)], cwd=cwd or tmp_path, timeout=30,
                              env=environment(tmp_path, **env), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        assert not SANITIZER.search(done.stdout + done.stderr), done.stderr
        return done

    yield start
    reports = [path.read_text() for path in tmp_path.glob("san.*")]
    assert not reports, reports[0]


@pytest.fixture
def conf(tmp_path):
    """conf(text): a file with this text."""
    count = 0

    def write(text):
        nonlocal count
        count += 1
        path = tmp_path / f"test{count}.conf"
        path.write_text(text)
        return path

    return write


def status_of(url, timeout=10):
    """The HTTP status of a GET."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def is_served(srv):
    """Whether a request is answered; one that is cut off or refused is not."""
    try:
        return status_of(srv.http_url("/nothing.txt")) == 404
    except OSError:
        return False


# ---- signals ----

class Watcher:
    """A viewer that reads the response in pieces when told to."""

    def __init__(self, srv, path="/live/livestream.flv"):
        self.answer = urllib.request.urlopen(srv.http_url(path), timeout=20)
        self.read()

    def read(self, size=20000):
        data = self.answer.read(size)
        assert len(data) == size, "the stream ended"

    def close(self):
        self.answer.close()
