"""The sandbox: what a server process that was taken over can still do, and that it serves as before.

A library in the server (sandbox_inject.c) tries the forbidden things from inside. Each is tried
without the sandbox, too: an attempt that fails there would prove nothing."""

import base64
import contextlib
import errno
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.request
from pathlib import Path

import pytest

import flv
from harness import ROOT, child_processes, free_port, wait_for
from rtmp import Publisher
from workers_kit import Feeder, upgrade

HERE = Path(__file__).parent
# A sanitizer's search for leaks needs system calls that the release does not have.
RELEASE = Path(os.environ.get("MILLRACE_OBJS", ROOT / "objs")) / "server"
INJECT = signal.SIGRTMIN + 5

# Denied in any case, and what comes of them where nothing denies them.
CALLS = {
    "execve": errno.ENOENT,
    "execveat": errno.ENOENT,
    "fork": 0,
    "ptrace": errno.ESRCH,
    "code": 0,
    "unshare": errno.EINVAL,
    "mount": errno.ENOENT,
}
# Root may do these, or a kernel may not have them: without the sandbox they are not looked at.
OTHER_CALLS = {"algorithm-socket", "packet-socket", "bpf", "io_uring", "signal"}

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(scope="session")
def inject(tmp_path_factory):
    library = tmp_path_factory.mktemp("inject") / "inject.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library,
                    HERE / "sandbox_inject.c"], check=True)
    return library


def serving(srv):
    """The processes that serve clients."""
    return srv.processes()


def attempts(srv, result, made):
    """What an attack from inside each serving process gives: {name: errno}, the same for all."""
    found = []
    for pid in serving(srv):
        result.write_text("")
        made.unlink(missing_ok=True)
        os.kill(pid, INJECT)
        wait_for(lambda: "end 0" in result.read_text(), 10, "the attempts")
        lines = [line.rsplit(" ", 1) for line in result.read_text().splitlines()]
        found.append({name: int(value) for name, value in lines})
    assert all(one == found[0] for one in found), found
    return found[0]


@pytest.mark.once
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("sandbox", ["on", "off"])
def test_taken_over(server, inject, tmp_path, workers, sandbox):
    """No program, no process, no other file, no foreign memory; and the server serves on."""
    result, other, html = tmp_path / "result", tmp_path / "other.txt", tmp_path / "html"
    html.mkdir()
    (html / "page.txt").write_text("a page")
    other.write_text("not for the server")
    folder = tmp_path / "server0"
    page, made = html / "page.txt", html / "made.txt"
    paths = ["/etc/passwd", "/etc/shadow", other, folder / "server.conf", page, made]
    srv = server(html=html, program=RELEASE, top=f"sandbox {sandbox};\nworkers {workers};",
                 env={"LD_PRELOAD": str(inject), "INJECT_RESULT": str(result),
                      "INJECT_PATHS": ":".join(map(str, paths))})
    srv.is_attacked = True
    got = attempts(srv, result, made)
    if sandbox == "off":
        assert {name: got[name] for name in CALLS} == CALLS
        assert got["read:/etc/passwd"] == got[f"read:{other}"] == got[f"write:{other}"] == 0
        assert got[f"write:{made}"] == 0 and got["bind"] == 0
    else:
        denied = {name for name, error in got.items() if error in (errno.EPERM, errno.EACCES)}
        allowed = set(got) - denied
        assert allowed == {"end", f"read:{page}", f"read:{made}"} | ({"bind"} if workers == 1 else set())
        assert got[f"read:{made}"] == errno.ENOENT and got[f"read:{page}"] == 0
        assert {name: got[name] for name in CALLS} == dict.fromkeys(CALLS, errno.EPERM)
        assert {got[name] for name in OTHER_CALLS} == {errno.EPERM}
        srv.wait_log(r"sandbox: system call execve denied")
    with urllib.request.urlopen(srv.http_url("/page.txt"), timeout=10) as answer:
        assert answer.read() == b"a page"
    with Publisher(srv.rtmp_url("live/after")):
        srv.wait_log(r"live/after")


# ---- user ----

NOBODY = pwd.getpwnam("nobody")


def privileged_port():
    """A free port that only root may listen on."""
    return free_port(600, 1024)


def certificate(folder, name):
    """A key that only root may read, and its certificate."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", folder / "new.key", "-out", folder / "new.crt",
                    "-days", "3", "-subj", f"/CN={name}"], check=True, capture_output=True)
    (folder / "new.key").chmod(0o600)
    (folder / "new.key").rename(folder / "server.key")
    (folder / "new.crt").rename(folder / "server.crt")


def certificate_name(port):
    shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    return re.search(r"subject=CN = (\S+)", shown.stdout + shown.stderr).group(1)


def status_of(pid):
    """/proc/PID/status as a dictionary."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


@pytest.fixture
def public(tmp_path):
    """A folder that every user may enter; the others of a test are root's alone."""
    folder = Path(tempfile.mkdtemp(prefix="millrace-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


USER_CONFIG = """
user nobody;
workers @WORKERS@;
listen @RTMP@;
pid run/server.pid;
srs_log_tank file;
srs_log_file logs/server.log;
http_server {
    enabled on;
    listen @LISTEN@;
    dir @HTML@;
    https { enabled on; listen @PORT3@; key tls/server.key; cert tls/server.crt; }
}
"""


@is_root
@pytest.mark.once
@pytest.mark.parametrize("workers", [1, 2])
def test_user(server, tmp_path, public, workers):
    """Nothing of root is left to the processes that serve, and log, certificate and pid file, which
    are in folders of root alone, work as before."""
    folder = tmp_path / "server0"
    for name in ("run", "logs", "tls"):
        (folder / name).mkdir(parents=True)
        (folder / name).chmod(0o700)
    certificate(folder / "tls", "first")
    (public / "page.txt").write_text("a page")
    port, added = privileged_port(), None
    text = USER_CONFIG.replace("@WORKERS@", str(workers))
    srv = server(config=text.replace("@LISTEN@", f"{port}"), html=public, wait=False)
    log = folder / "logs" / "server.log"

    def logged(pattern):
        wait_for(lambda: log.exists() and re.search(pattern, log.read_text()), 15, pattern)

    logged(r"2 workers ready" if workers == 2 else r"sandbox: Landlock")
    for pid in serving(srv):
        status = status_of(pid)
        assert status["Uid"].split() == [str(NOBODY.pw_uid)] * 4
        assert status["Gid"].split() == [str(NOBODY.pw_gid)] * 4
        assert status["Groups"].strip() == "" and int(status["CapEff"], 16) == 0
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/page.txt", timeout=10) as answer:
        assert answer.read() == b"a page"

    log.rename(folder / "logs" / "old.log")
    os.kill(srv.pid, signal.SIGUSR1)
    logged(r"log file reopened")
    assert log.stat().st_uid == NOBODY.pw_uid

    assert certificate_name(srv.ports[3]) == "first"
    certificate(folder / "tls", "second")
    wait_for(lambda: certificate_name(srv.ports[3]) == "second", 15, "the new certificate")

    added = privileged_port()
    srv.config_path.write_text(srv.config_path.read_text().replace(f"listen {port};",
                                                                   f"listen {port} {added};"))
    os.kill(srv.pid, signal.SIGHUP)
    if workers == 2:
        logged(r"reload: configuration is valid")
        with urllib.request.urlopen(f"http://127.0.0.1:{added}/page.txt", timeout=10) as answer:
            assert answer.read() == b"a page"
    else:
        logged(rf"reload failed, keeping the old configuration: .*listen on {added}: .*denied")
    assert (folder / "run" / "server.pid").exists()
    srv.stop()
    assert not (folder / "run" / "server.pid").exists()


@pytest.mark.once
def test_unknown_user(server):
    """Stops the start."""
    srv = server(top="user no-such-user;", wait=False)
    srv.wait_log(r"user no-such-user: no such user")
    assert srv.child.wait(30) == 1
    srv.has_stopped = True


# ---- secrets ----

SECRETS_CONFIG = """
listen @RTMP@;
workers @WORKERS@;
http_server {
    enabled on;
    listen @HTTP@;
    dir @HTML@;
    https { enabled on; listen @PORT3@; key tls/server.key; cert tls/server.crt; }
}
http_api { enabled on; listen @PORT4@; auth { enabled on; username admin; password SECRET-password; } }
vhost __defaultVhost__ {
    token { enabled on; key SECRET-token-of-at-least-16; }
    http_hooks { enabled on; on_close http://127.0.0.1:@PORT5@/hook; secret SECRET-hooks; }
    cluster { directory redis://:SECRET-redis@127.0.0.1:@PORT6@; secret SECRET-cluster-of-at-least-16; }
}
"""


def memory_of(pid):
    """What a core file of a process has, and what it has not (proc_pid_smaps(5): flag dd)."""
    dumped, kept_out = [], []
    start = end = 0
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        found = re.match(r"([0-9a-f]+)-([0-9a-f]+) r..p ", line)
        if found:
            start, end = int(found.group(1), 16), int(found.group(2), 16)
        elif line.startswith("VmFlags:") and end > start:
            try:
                (kept_out if " dd" in line else dumped).append(os.pread(memory, end - start, start))
            except OSError:
                pass  # the kernel's own pages
            start = end = 0
    os.close(memory)
    return b"".join(dumped), b"".join(kept_out)


def private_number(folder):
    shown = subprocess.run(["openssl", "pkey", "-in", folder / "server.key", "-text", "-noout"],
                           capture_output=True, text=True, check=True).stdout
    text = re.search(r"priv:\n((?:\s+[0-9a-f:]+\n)+)", shown).group(1)
    return bytes.fromhex(re.sub(r"[\s:]", "", text)).lstrip(b"\0")


@is_root
@pytest.mark.once
@pytest.mark.parametrize("workers", [1, 2])
def test_secrets(server, tmp_path, workers):
    """After start, logins, handshakes and a reload no key and no password is in what a core file
    would have; but they are in the memory that it leaves out, so they would have been found."""
    folder = tmp_path / "server0"
    (folder / "tls").mkdir(parents=True)
    certificate(folder / "tls", "secrets")
    number = private_number(folder / "tls")
    srv = server(config=SECRETS_CONFIG.replace("@WORKERS@", str(workers)), program=RELEASE)
    login = base64.b64encode(b"admin:SECRET-password").decode()
    for _ in range(4):
        assert certificate_name(srv.ports[3]) == "secrets"
        request = urllib.request.Request(f"http://127.0.0.1:{srv.ports[4]}/api/v1/summaries",
                                         headers={"Authorization": f"Basic {login}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
    os.kill(srv.pid, signal.SIGHUP)
    srv.wait_log(r"reload: configuration is valid")
    names = [name.encode() for name in re.findall(r"SECRET-\w+", SECRETS_CONFIG)]
    for pid in {srv.pid, *child_processes(srv.pid)}:
        dumped, kept_out = memory_of(pid)
        what = Path(f"/proc/{pid}/comm").read_text()
        assert [name for name in names if name in dumped] == [], what
        assert [dumped.count(number), dumped.count(number[::-1])] == [0, 0], what
        assert [name for name in names if name not in kept_out] == [], what
        if pid in serving(srv):
            assert number[::-1] in kept_out, what


# ---- upgrades ----

UPGRADE_CONFIG = """
user nobody;
upgrade on;
workers 2;
listen @RTMP@;
http_server {
    enabled on;
    listen @HTTP@;
    dir @HTML@;
    https { enabled on; listen @PORT3@; key tls/server.key; cert tls/server.crt; }
}
vhost __defaultVhost__ {
    http_remux { enabled on; mount [vhost]/[app]/[stream].flv; }
    dvr { enabled on; dvr_path @HTML@/new/[app]/[stream].[timestamp].flv; }
}
"""


@is_root
@pytest.mark.once
def test_upgrades(server, public, source, view, tmp_path):
    """Two upgrades of a server whose workers are another user's and in the sandbox: nobody is
    disconnected, each generation is confined as the first one and has a keeper, which opens renewed
    certificates, and recordings of all generations are in a folder that the server made."""
    folder = tmp_path / "server0"
    (folder / "tls").mkdir(parents=True)
    (folder / "tls").chmod(0o700)
    certificate(folder / "tls", "name0")
    srv = server(config=UPGRADE_CONFIG, html=public)
    with contextlib.closing(Feeder(srv.rtmp_url("live/old"), source)), contextlib.ExitStack() as later:
        viewer = view(srv, "/live/old.flv")
        viewer.wait_media(20)
        for turn in (1, 2):
            before = set(serving(srv))
            upgrade(srv)
            for pid in set(serving(srv)) - before:
                status = status_of(pid)
                assert status["Uid"].split() == [str(NOBODY.pw_uid)] * 4
                assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
            certificate(folder / "tls", f"name{turn}")
            wait_for(lambda n=turn: certificate_name(srv.ports[3]) == f"name{n}", 15, "the certificate")
        later.enter_context(contextlib.closing(Feeder(srv.rtmp_url("live/new"), source)))
        last = view(srv, "/live/new.flv")
        last.wait_media(20)
        viewer.wait_media(len(viewer.media) + 20)
        assert srv.log().count("start publish") == 2
    for one in (viewer, last):
        one.close()
        flv.check_times(one.media)
    # The workers of the first generations end, and their keepers with them.
    wait_for(lambda: srv.log().count(", has ended\n") == 4, 20, "old workers to end")
    wait_for(lambda: len(child_processes(srv.pid)) == 3, 20, "old keepers to end")
    wait_for(lambda: len(list(public.glob("new/live/*.flv"))) == 2, 20, "both recordings")
    assert {path.stat().st_uid for path in public.rglob("new/**")} == {NOBODY.pw_uid}
