"""Several workers as processes: how they are started, what each signal does to one of them, what
they inherit from the process that started them, and their log."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

import flv
from harness import SANITIZER, SERVER, Server, curl, free_port, listening_ports, wait_for
from rtmp import Publisher
from workers_kit import (STREAM, Workers, closing, flat, folder_of, is_alive,  # noqa: F401
                         keys, workers)

# ---- starting ----


@pytest.mark.parametrize("count", [1, 2])
def test_auto_counts_what_it_may_use(server, count):
    """A container may use only some of the machine's processors."""
    some = sorted(os.sched_getaffinity(0))[:count]
    if len(some) < count:
        pytest.skip("there is one processor")
    srv = server(top="workers auto;", prefix=("taskset", "-c", ",".join(map(str, some))))
    assert len(srv.processes()) == count
    assert (srv.processes() == [srv.pid]) == (count == 1)


IGNORES = ("import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); "
           "os.execv(sys.argv[1], sys.argv[1:])")


def test_started_by_a_parent_that_ignores_its_children(server):
    """This is inherited: the kernel would not report a worker's end."""
    one = Workers(server(top="workers 2;", prefix=(sys.executable, "-c", IGNORES)), 2)
    a, b = one.pids()
    os.kill(a, signal.SIGKILL)
    wait_for(lambda: one.pids()[0] != a, 10, "another worker")
    assert is_alive(b)


def test_a_daemon_leaves_the_terminal(tmp_path):
    """A process that reads its output to the end, as ssh does, does not hang."""
    port, pid_file = free_port(), tmp_path / "pid"
    path = tmp_path / "server.conf"
    path.write_text(f"listen {port}; workers 2; daemon on; disable_daemon_for_docker off; "
                    f"pid {pid_file}; srs_log_tank console; work_dir {tmp_path};")
    child = subprocess.Popen([SERVER, "-c", path], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env=Server._environment(None, None))
    try:
        said = child.communicate(timeout=60)[0].decode()
        assert child.returncode == 0, said
        assert "2 workers ready" in said and not SANITIZER.search(said)
        assert port in listening_ports()
    finally:
        child.kill()
        if pid_file.exists():
            os.kill(int(pid_file.read_text()), signal.SIGTERM)
    wait_for(lambda: not pid_file.exists(), 10, "the daemon's end")
    assert port not in listening_ports()


def second(server, one, text):
    """Another server with this configuration, which must exit; returns its output."""
    srv = server(config=text, wait=False)
    srv.has_stopped = True
    assert srv.wait(20) == 1
    assert curl(one.srv.http_url("/nothing.txt")).status == 404, "the first one is none the worse"
    return srv.log()


@pytest.mark.parametrize("count", [1, 2])
def test_a_second_server(server, workers, count):
    """It does not share the first server's ports, however many workers it has."""
    one = workers(2)
    rtmp, http = one.srv.rtmp_port, one.srv.http_port
    for listen in (f"listen {rtmp};",
                   f"listen @RTMP@; http_server {{ enabled on; listen {http}; }}"):
        said = second(server, one, f"workers {count}; daemon off; srs_log_tank console; {listen}")
        assert "address in use" in said
    assert len(re.findall(r"worker \d starts", one.srv.log())) == 2


@pytest.mark.parametrize("count", [1, 2])
def test_a_port_that_is_named_twice(server, count):
    """Both could open shared listeners, and a connection would reach either of them."""
    srv = server(config=f"workers {count}; daemon off; srs_log_tank console; listen @RTMP@; "
                        "http_server { enabled on; listen @RTMP@; }", wait=False)
    srv.has_stopped = True
    assert srv.wait(20) == 1
    assert "HTTP: listen on" in srv.log() and "address in use" in srv.log()


def test_the_pid_file_is_the_masters(server, tmp_path):
    pid_file = tmp_path / "the.pid"
    text = f"workers 2; pid {pid_file}; daemon off; srs_log_tank console; listen @RTMP@; " \
           "http_server { enabled on; listen @HTTP@; }"
    one = Workers(server(config=text), 2)
    assert int(pid_file.read_text()) == one.srv.pid
    assert f"already used by process {one.srv.pid}" in second(server, one, text)
    # A worker that exits removes neither the file nor the lock.
    a = one.pids()[0]
    os.kill(a, signal.SIGTERM)
    wait_for(lambda: one.pids()[0] != a, 10, "another worker")
    assert int(pid_file.read_text()) == one.srv.pid
    assert f"already used by process {one.srv.pid}" in second(server, one, text)
    # What a killed master leaves can be reused.
    one.srv.child.kill()
    one.srv.child.wait()
    one.srv.has_stopped = True
    other = Workers(server(config=text), 2)
    assert int(pid_file.read_text()) == other.srv.pid
    other.srv.stop()
    assert not pid_file.exists()
    wait_for(lambda: not any(is_alive(pid) for pid in one.pids()), 10, "the workers to end")
    one.srv.check_output()


def test_a_unix_socket_is_there_again(workers, tmp_path):
    """It belongs to the first worker, and to its replacement."""
    path = tmp_path / "http.sock"
    one = workers(2, http_server={"listen": f"unix:{path}"})

    def is_served():
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            try:
                sock.connect(str(path))
                sock.sendall(b"GET /nothing.txt HTTP/1.0\r\n\r\n")
                return sock.recv(100).startswith(b"HTTP/1.1 404")
            except OSError:
                return False

    assert is_served()
    a = one.pids()[0]
    os.kill(a, signal.SIGKILL)
    wait_for(lambda: one.pids()[0] != a, 10, "another worker")
    wait_for(is_served, 10, "it to listen")


# ---- the end of one worker ----


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT])
def test_a_worker_that_gets_a_signal_is_replaced(workers, closing, source, number):
    """The master is the server: a signal to one worker, or its failure, ends only that worker."""
    one = workers(2, top="grace_start_wait 0; grace_final_wait 0;")
    a, b = one.pids()
    _, gops = source
    pub, viewer = one.watched(closing, source, b, b)
    os.kill(a, number)
    wait_for(lambda: one.pids()[0] != a, 10, "another worker")
    one.wait_again(1)
    # It is a full worker: it pulls from the other one.
    there = closing(one.viewer_at(one.pids()[0]))
    there.wait_media(len(gops[0]))
    pub.send_tags(gops[1])
    for who in (viewer, there):
        who.wait_media(len(flat(gops[:2])))
        assert keys(who.media) == keys(flat(gops[:2])) and not who.is_done
    assert one.pids()[1] == b and folder_of(one).exists()


def test_all_workers_killed_at_once(workers, closing, source):
    one = workers(3)
    before = one.pids()
    preamble, gops = source
    waiting = closing(flv.Viewer(one.srv.http_url(f"/{STREAM}.flv")))
    one.srv.wait_log(r"play .*livestream\.flv")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not set(before) & set(one.pids()), 10, "three others")
    for slot in (1, 2, 3):
        one.wait_again(slot)
    wait_for(lambda: waiting.is_done, 10, "its viewer's end")
    a, b, c = one.pids()
    pub = closing(one.publisher_at(a))
    pub.send_tags(preamble + gops[0])
    for pid in (a, b, c):
        closing(one.viewer_at(pid)).wait_media(len(gops[0]))


def test_four_viewers_at_four_workers(workers, closing, source):
    one = workers(4)
    preamble, gops = source
    viewers = [closing(one.viewer_at(pid)) for pid in one.pids()]
    wait_for(lambda: one.srv.log().count("] play ") >= 4, 10, "all to wait")
    pub = closing(one.publisher_at(one.pids()[2]))
    pub.send_tags(preamble + flat(gops[:3]))
    for viewer in viewers:
        viewer.wait_media(len(flat(gops[:3])))
    first = viewers[0]
    for viewer in viewers:
        assert keys(viewer.media) == keys(flat(gops[:3]))
        assert [(t.time, t.data) for t in viewer.tags] == \
            [(t.time, t.data) for t in first.tags]


# ---- signals to the master ----


def test_force_grace_quit(workers, closing, source):
    """TERM drains all workers; a second one does not wait any longer."""
    one = workers(2, top="force_grace_quit on; grace_start_wait 0; grace_final_wait 0;")
    a, b = one.pids()
    _, gops = source
    pub, viewer = one.watched(closing, source, a, b)
    one.srv.signal(signal.SIGTERM)
    wait_for(lambda: one.srv.http_port not in listening_ports(), 10, "the listeners to close")
    pub.send_tags(gops[1])
    viewer.wait_media(len(flat(gops[:2])))
    assert one.srv.is_running and not viewer.is_done
    one.srv.signal(signal.SIGTERM)
    assert one.srv.wait(30) == 0
    assert viewer.ended_cleanly or viewer.error is None
    assert not any(is_alive(pid) for pid in (a, b))


# ---- the log ----

LINE = re.compile(r"\[\d{4}-\d\d-\d\d [\d:.]{12}\]\[(info|warn|error|debug)\]\[\d+(/[123])?\]"
                  r"\[[\w-]+\]\[\d+\] \S.*")


def test_log_rotation_under_load(server, tmp_path):
    """Three workers and the master write to one file that is renamed again and again: no line is
    lost or torn."""
    log = tmp_path / "server.log"
    srv = server(top=f"workers 3; srs_log_tank file; srs_log_file {log}; srs_log_level info;",
                 remux={"standby_timeout": 10})
    srv.log = lambda: "".join(p.read_text() for p in sorted(tmp_path.glob("old*")) + [log]
                              if p.exists())
    Workers(srv, 3)
    stop, asked = threading.Event(), []

    def load(number):
        count = 0
        while not stop.is_set():
            name = f"n{number}x{count}"
            with socket.create_connection(("127.0.0.1", srv.http_port)) as sock:
                sock.settimeout(20)
                sock.sendall(f"GET /live/{name}.flv HTTP/1.0\r\n\r\n".encode())
                while sock.recv(1000):
                    pass
            count += 1
        asked.append((number, count))

    threads = [threading.Thread(target=load, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(1, 6):
        plays = srv.log().count("] play ")
        wait_for(lambda n=plays: srv.log().count("] play ") > n + 20, 10, "some load")
        log.rename(tmp_path / f"old{turn}")
        srv.signal(signal.SIGUSR1)
        wait_for(lambda n=turn: srv.log().count("log file reopened") == 3 * n, 10,
                 "three workers to open the log")
    stop.set()
    for thread in threads:
        thread.join()
    srv.stop()
    text = srv.log()
    assert text.endswith("\n")
    lines = text.splitlines()
    for line in lines:
        assert LINE.fullmatch(line), line
    said = set(re.findall(r"/live/(n\d+x\d+)\.flv", text))
    assert said == {f"n{number}x{i}" for number, count in asked for i in range(count)}


# ---- nothing is left ----


def one_round(one, source, name):
    preamble, gops = source
    viewers = [flv.Viewer(one.srv.http_url(f"/live/{name}.flv")) for _ in range(3)]
    with Publisher(one.srv.rtmp_url(f"live/{name}")) as pub:
        pub.send_tags(preamble + gops[0])
        for viewer in viewers:
            viewer.wait_media(len(gops[0]))
            viewer.close()


def test_closed_connections_leave_nothing(workers, source):
    """Streams, worker pulls, their descriptors and entries; the sanitizer checks memory."""
    rounds = int(os.environ.get("MILLRACE_ROUNDS", "15"))
    one = workers(2, top=f"max_streams {rounds + 2};", remux={"republish_wait": 0})
    before = one.srv.descriptors()
    for half in "ab":
        for number in range(rounds):
            one_round(one, source, f"{half}{number}")
        # Worker pulls stay for two seconds. A few descriptors may be opened once and kept.
        wait_for(lambda: one.srv.descriptors() <= before + 4, 20, "all to be closed")
    assert "receiving from" in one.srv.log() and "refused: max_pulls" not in one.srv.log()
