"""The entry point of the container, run as in one: next to the configuration, as another user, and
without write access."""

import os
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import ROOT, SERVER, Notify, Server, free_port, listening_ports

pytestmark = pytest.mark.once

# Root may write everywhere, so another user runs it then.
OTHER = 65534 if os.getuid() == 0 else None


class Container:
    """The image's folder, and the output of the entry point and of the server in it."""

    def __init__(self, top):
        self.top, self.child, self.notify = top, None, Notify()
        self.rtmp, self.http, self.https = free_port(), free_port(), free_port()
        for name in ("conf", "objs", "state", "tmp"):
            (top / name).mkdir()
        for name in ("docker.conf", "make-certificate.sh"):
            shutil.copy(ROOT / "conf" / name, top / "conf" / name)
        (top / "objs" / "server").symlink_to(Path(SERVER).resolve())
        self.writable("objs", "tmp")

    def writable(self, *names):
        for name in names:
            (self.top / name).chmod(0o777)

    def start(self, **more):
        env = {**Server._environment(None, self.notify.environment), "MILLRACE_STATE": str(self.top / "state"),
               "TMPDIR": str(self.top / "tmp"), "SRS_LISTEN": str(self.rtmp),
               "SRS_HTTP_SERVER_LISTEN": str(self.http),
               "SRS_HTTP_SERVER_HTTPS_LISTEN": str(self.https),
               "SRS_HTTP_API_LISTEN": str(free_port()), **more}
        with open(self.top / "log", "wb") as log:
            self.child = subprocess.Popen(
                [ROOT / "trunk" / "auto" / "entrypoint.sh", "./objs/server", "-c",
                 "conf/docker.conf"], cwd=self.top, env=env, stdout=log, stderr=log, user=OTHER)
        try:
            self.notify.wait("READY", lambda: self.child.poll() is None, 30)
        except AssertionError as problem:
            raise AssertionError(f"{problem}:\n{self.log()}") from None
        return self

    def log(self):
        return (self.top / "log").read_text()

    def has_https(self):
        if self.https not in listening_ports():
            return False
        return "BEGIN CERTIFICATE" in ssl.get_server_certificate(("127.0.0.1", self.https))

    def stop(self):
        self.notify.close()
        if self.child is not None:
            self.child.terminate()
            assert self.child.wait(30) == 0, self.log()


@pytest.fixture
def container():
    top = Path(tempfile.mkdtemp(prefix="millrace-container-"))
    top.chmod(0o755)
    one = Container(top)
    yield one
    one.stop()
    shutil.rmtree(top)


def read_only(container, *names):
    for name in names:
        (container.top / name).chmod(0o555)


def test_conf_gets_the_certificate(container):
    container.writable("conf")
    container.start()
    assert container.has_https()
    assert (container.top / "conf" / "server.key").exists()


def test_conf_cannot_be_written(container):
    """As a user other than the image's: the state folder is used."""
    read_only(container, "conf")
    container.writable("state")
    container.start()
    assert container.has_https()
    assert (container.top / "state" / "server.key").stat().st_mode & 0o077 == 0


def test_a_folder_for_temporary_files(container):
    read_only(container, "conf", "state")
    container.start()
    assert container.has_https()


def test_nothing_can_be_written(container):
    """With a read-only root: RTMP and HTTP are served, and the log says what is missing."""
    read_only(container, "conf", "state", "tmp", "objs")
    container.start()
    assert not container.has_https()
    assert "https is off" in container.log() and "server.key" in container.log()


def test_the_operators_own_certificate(container):
    """Whatever is not writable: existing files are used, and nothing is created."""
    subprocess.run([ROOT / "conf" / "make-certificate.sh", container.top / "conf"], check=True)
    (container.top / "conf" / "server.key").chmod(0o644)
    read_only(container, "conf")
    container.writable("state")
    container.start()
    assert container.has_https()
    assert not (container.top / "state" / "server.key").exists()
