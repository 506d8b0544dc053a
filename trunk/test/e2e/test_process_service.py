"""The server as a service: a service manager, the background, pid files, its parent, descriptors."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from harness import ROOT, SERVER, free_port, listening_ports, wait_for
from process_kit import Watcher, conf, environment, is_served, program  # noqa: F401


def has_ended(pid):
    """Whether a process that is not our child has ended (or is a zombie of its parent)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return True
    return state == "Z"


# ---- a service manager ----

@pytest.mark.parametrize("workers", [1, 2])
def test_a_service_manager_is_told(server, tmp_path, workers):
    """READY=1 once all listen, RELOADING=1 and READY=1 around a reload, STOPPING=1 at the end."""
    subprocess.run([ROOT / "conf" / "make-certificate.sh", tmp_path], check=True,
                   capture_output=True)
    pem = f"key {tmp_path}/server.key; cert {tmp_path}/server.crt;"
    srv = server(config=f"""
        listen @RTMP@; workers {workers}; daemon off; srs_log_tank console;
        rtmps {{ enabled on; listen @PORT3@; {pem} }}
        http_api {{ enabled on; listen @PORT4@; }}
        http_server {{ enabled on; listen @HTTP@; https {{ enabled on; listen @PORT5@; {pem} }} }}
        """)
    assert {srv.rtmp_port, srv.http_port, *srv.ports.values()} <= listening_ports()
    assert srv.notify.said == [{"READY": "1"}]
    srv.signal(signal.SIGHUP)
    srv.notify.wait("READY", lambda: srv.is_running, count=2)
    assert [sorted(one) for one in srv.notify.said[1:]] == [["MONOTONIC_USEC", "RELOADING"],
                                                           ["READY"]]
    assert 0 < int(srv.notify.said[1]["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    # A reload that fails leaves the server ready.
    srv.config_path.write_text("no such thing;")
    srv.signal(signal.SIGHUP)
    srv.notify.wait("READY", lambda: srv.is_running, count=3)
    srv.signal(signal.SIGTERM)
    assert srv.wait(20) == 0
    assert srv.notify.read()[5:] == [{"STOPPING": "1"}]


def test_a_drain_is_told_at_its_begin(server, publish):
    srv = server(top={"grace_start_wait": 0, "grace_final_wait": 0})
    publish(srv)
    srv.signal(signal.SIGQUIT)
    srv.notify.wait("STOPPING", lambda: srv.is_running)
    assert srv.is_running


def test_a_server_that_cannot_start_is_not_ready(program, conf, notify):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        for workers in (1, 2):
            text = f"workers {workers}; listen 0 {taken.getsockname()[1]};"
            assert program("-c", conf(text), **notify.environment).returncode == 1
    assert not any("READY" in one for one in notify.read())


@pytest.mark.parametrize("address", ["/nowhere/at/all", "notify", "/" + "x" * 200, "@"])
def test_an_unreachable_service_manager_is_ignored(server, address):
    srv = server(env={"NOTIFY_SOCKET": address}, wait=False)
    srv.wait_log(r"\[warn\].*(NOTIFY_SOCKET ignored|service manager not notified \(READY=1\))")
    wait_for(lambda: {srv.rtmp_port, srv.http_port} <= listening_ports(), 15, "it to listen")
    assert is_served(srv)


# ---- background, pid, parent ----

def daemon_conf(rtmp, work_dir):
    return (f"listen {rtmp};\ndaemon on; disable_daemon_for_docker off;\n"
            f"work_dir {work_dir}; pid run/test.pid; srs_log_file logs/test.log;\n")


def test_daemon(program, conf, tmp_path, notify):
    rtmp = free_port()
    work = tmp_path / "work"
    work.mkdir()
    path = conf(daemon_conf(rtmp, work))
    assert program("-c", path, **notify.environment).returncode == 0
    # It serves when the process that started it has exited.
    assert rtmp in listening_ports()
    pid_path = work / "run" / "test.pid"
    pid = int(pid_path.read_text())
    try:
        assert notify.read() == [{"READY": "1", "MAINPID": str(pid)}]
        assert Path(f"/proc/{pid}/cwd").resolve() == work
        assert Path(f"/proc/{pid}/fd/1").resolve() == Path("/dev/null")
        status = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        assert int(status[2]) != os.getpgrp() and status[4] == "0", "own session, no terminal"
        second = program("-c", path)
        assert second.returncode == 1
        assert f"already used by process {pid}" in second.stderr
        assert rtmp in listening_ports()
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: has_ended(pid), 10, "the daemon to end")
    assert not pid_path.exists()
    log = (work / "logs" / "test.log").read_text()
    assert f"starts, process {pid}" in log and "Millrace ends" in log


@pytest.mark.parametrize("which", ["RTMP", "HTTP"])
def test_daemon_that_cannot_start(program, conf, tmp_path, which):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = daemon_conf(port if which == "RTMP" else 0, tmp_path)
        if which == "HTTP":
            text += f"http_server {{ enabled on; listen {port}; }}\n"
        done = program("-c", conf(text))
    assert done.returncode == 1
    assert f"{which}: listen on {port}: " in done.stderr and "in use" in done.stderr
    assert not (tmp_path / "run" / "test.pid").exists()


def test_work_dir_is_missing(program, conf):
    done = program("-c", conf("listen 0; work_dir /nowhere;"))
    assert done.returncode == 1
    assert "work_dir /nowhere: No such file" in done.stderr


def test_pid_in_the_foreground(server):
    srv = server(top={"pid": "some.pid"})
    path = srv.folder / "some.pid"
    assert path.read_text() == f"{srv.pid}\n"
    srv.stop()
    assert not path.exists()


def test_pid_of_a_crashed_server(server):
    srv = server(top={"pid": "some.pid"})
    path = srv.folder / "some.pid"
    srv.kill()
    srv.has_stopped = True
    assert path.exists()
    again = server(top={"pid": str(path)})
    assert path.read_text() == f"{again.pid}\n"


def test_asprocess(tmp_path, conf, notify):
    rtmp = free_port()
    path = conf(f"listen {rtmp}; asprocess on;")
    log = open(tmp_path / "log", "w+")
    parent = subprocess.Popen(["sh", "-c", '"$@" & echo $! >pid; wait', "sh", SERVER, "-c", path],
                              cwd=tmp_path, env=environment(tmp_path, **notify.environment),
                              stdout=log, stderr=log)
    notify.wait("READY", lambda: parent.poll() is None)
    pid = int((tmp_path / "pid").read_text())
    parent.kill()
    parent.wait()
    wait_for(lambda: has_ended(pid), 10, "the server to follow its parent")
    assert "Millrace ends" in (tmp_path / "log").read_text()
    assert not list(tmp_path.glob("san.*"))
    log.close()


# ---- descriptors ----

def test_descriptors_run_out_and_come_back(server, publish):
    # Two workers have 32 more, to wake each other.
    files = 80 if os.environ.get("MILLRACE_WORKERS") else 48
    srv = server(prefix=["prlimit", f"--nofile={files}"])
    srv.wait_log(r"\[warn\].*max_connections 1000 exceeds the limit on open files: "
                 f"ulimit -n is {files},")
    publish(srv)
    watcher = Watcher(srv)
    crowd = []
    for _ in range(200):
        one = socket.create_connection(("127.0.0.1", srv.http_port), 5)
        crowd.append(one)
    srv.wait_log(r"(?i)too many open files|EMFILE|descriptor")
    # Existing viewers are not disturbed.
    for _ in range(5):
        watcher.read()
    for one in crowd:
        one.close()
    wait_for(lambda: is_served(srv), 10, "the server to accept again")
    watcher.read()
    watcher.close()


def test_descriptor_limit_is_raised(server):
    srv = server(prefix=["prlimit", "--nofile=64:4096"])
    limits = Path(f"/proc/{srv.pid}/limits").read_text()
    assert re.search(r"Max open files\s+4096\s+4096", limits)
    assert "exceeds the limit" not in srv.log()
