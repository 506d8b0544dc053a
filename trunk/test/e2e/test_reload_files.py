"""Reload by watching files, what a reload would change, and many reloads in a row."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from harness import SERVER, free_port, is_alive, wait_for
from reload_kit import ends_of, more_media, reload, status


def change(srv, make, what):
    """Runs make(), after which the server reloads by itself, with `what` in the log."""
    start, ends = len(srv.log()), ends_of(srv)
    make()
    wait_for(lambda: re.search(what, srv.log()[start:]) and ends_of(srv) > ends, 10, what)


def replace(path, text):
    """As editors do it: another file, renamed."""
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.rename(path)


def test_files_are_watched(server, tmp_path):
    more = tmp_path / "more.conf"
    more.write_text("max_connections 100;\n")
    srv = server(top=f"inotify_auto_reload on; include {more};")
    text = srv.config_path.read_text()
    valid = "reload: configuration is valid; 1 changes"
    change(srv, lambda: srv.config_path.write_text(text + "max_streams 7;"), valid)
    change(srv, lambda: replace(srv.config_path, text + "max_streams 8;"), r"\+max_streams 8;")
    change(srv, lambda: replace(more, "max_connections 101;"), r"\+max_connections 101;")
    # A bad file is tried once, whatever else happens in the folder; the same text not at all.
    change(srv, lambda: replace(more, "nonsense 1;"), "reload failed, .*nonsense")
    before = ends_of(srv)
    replace(more, "nonsense 1;")
    (tmp_path / "other").write_text("x")
    change(srv, lambda: replace(more, "max_connections 102;"), r"\+max_connections 102;")
    assert ends_of(srv) == before + 1
    # And off.
    change(srv, lambda: replace(srv.config_path, text.replace("auto_reload on", "auto_reload off")),
           r"\+inotify_auto_reload off;")
    before = ends_of(srv)
    replace(more, "max_connections 103;")
    assert "+max_connections 103;" in reload(srv)
    assert ends_of(srv) == before + 1


def test_a_link_is_watched(server, tmp_path):
    """A ConfigMap: the file is a link through ..data, which is replaced as a whole."""
    folder = tmp_path / "map"
    folder.mkdir()
    port, http = free_port(), free_port()

    def version(number, limit):
        (folder / f"..v{number}").mkdir()
        (folder / f"..v{number}" / "my.conf").write_text(
            f"listen {port}; http_server {{ enabled on; listen {http}; dir {tmp_path}; }} "
            f"inotify_auto_reload on; max_connections {limit};\n")
        (folder / "..data_tmp").symlink_to(f"..v{number}")
        (folder / "..data_tmp").rename(folder / "..data")

    version(1, 100)
    (folder / "my.conf").symlink_to("..data/my.conf")
    srv = server(args=["-c", folder / "my.conf"])
    change(srv, lambda: version(2, 101), r"\+max_connections 101;")
    shutil.rmtree(folder / "..v1")
    change(srv, lambda: version(3, 102), r"\+max_connections 102;")
    reload(srv)


def test_diff_reads_the_servers_environment(server):
    srv = server(top="max_streams 5;", env={"SRS_MAX_CONNECTIONS": "77"})
    answer = diff(srv, srv.config_path, f"--diff={srv.pid}")
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stderr


def diff(srv, path, *args):
    return subprocess.run([SERVER, "-c", path, "-t", *args], capture_output=True, text=True,
                          timeout=30, check=False, cwd=srv.folder)


def test_diff(server, tmp_path):
    srv = server(top=f"pid {tmp_path}/pid; max_connections 100;",
                 vhost="token { enabled off; key aaaaaaaaaaaaaaaaaaaaaaaa; }")
    text = srv.config_path.read_text()
    path = tmp_path / "next.conf"
    path.write_text(text)
    answer = diff(srv, path, "--diff")
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stderr
    path.write_text(text.replace("max_connections 100;", "max_connections 50; utc_time on; asprocess on;")
                    .replace("aaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbb"))
    answer = diff(srv, path, "--diff")
    assert answer.returncode == 0
    assert sorted(answer.stdout.splitlines()) == sorted([
        "-max_connections 100;", "+max_connections 50;", "-utc_time off;", "+utc_time on;",
        "-asprocess off;  # needs a restart", "+asprocess on;  # needs a restart",
        "-vhost __defaultVhost__ { token { key ***; } }  # another secret",
        "+vhost __defaultVhost__ { token { key ***; } }  # another secret"])
    assert "4 changes, 1 of them need a restart" in answer.stderr
    # Against a process, and against a file. The server has not changed.
    assert diff(srv, path, f"--diff={srv.pid}").stdout == answer.stdout
    assert diff(srv, path, f"--diff={srv.config_path}").stdout == answer.stdout
    assert "reload" not in srv.log()
    # After the reload what needs a restart is what remains.
    reload(srv, text=path.read_text())
    assert diff(srv, path, "--diff").stdout == \
        "-asprocess off;  # needs a restart\n+asprocess on;  # needs a restart\n"
    srv.stop()
    answer = diff(srv, path, "--diff")
    assert answer.returncode == 1 and "pid" in answer.stderr
    answer = diff(srv, path, f"--diff={os.getpid()}")
    assert answer.returncode == 1 and "is not a Millrace server" in answer.stderr


@pytest.mark.timeout(90)
def test_many_reloads(server, publish, view, small_flv):
    """Viewers stay, everyone who comes is served, and nothing is left of the old configurations."""
    rounds, crowd = 20, 30
    # A sanitizer keeps freed memory for a while: little of it, so that a leak can be told from it.
    srv = server(top="max_connections 1000;", env={
        "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=0:quarantine_size_mb=1"})
    publish(srv, source=small_flv)
    viewers = [view(srv) for _ in range(crowd)]
    for viewer in viewers:
        viewer.wait_media(5)
    refused, served_count, is_over = [], [], threading.Event()

    def come_and_go():
        while not is_over.is_set():
            try:
                with socket.create_connection(("127.0.0.1", srv.http_port), 10) as one:
                    one.sendall(b"GET /nothing.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    answer = one.recv(4096)
                (served_count if answer.startswith(b"HTTP/1.1 404") else refused).append(answer)
            except OSError as problem:
                refused.append(problem)

    loop = threading.Thread(target=come_and_go)
    loop.start()
    texts = [srv.config_path.read_text()]
    texts.append(texts[0].replace("max_connections 1000;", "max_connections 2000; max_streams 50;")
                 .replace("mount [vhost]/[app]/[stream].flv;",
                          "mount [vhost]/[app]/[stream].flv [vhost]/[app]/[stream].ts;")
                 + "\nvhost more.example { play { gop_cache off; } }\n")
    # The first ones have made what stays.
    for text in texts[::-1] * 3:
        reload(srv, text=text)
    descriptors, memory = srv.descriptors(), srv.memory_kb()
    for number in range(rounds):
        reload(srv, text=texts[number % 2])
    reload(srv, text=texts[0])
    is_over.set()
    loop.join()
    assert not refused and len(served_count) > rounds, refused[:3]
    for viewer in viewers:
        assert not viewer.is_done
        more_media(viewer, 5)
    wait_for(lambda: srv.descriptors() <= descriptors + 2, 10, "descriptors as before")
    assert srv.memory_kb() < memory + 3000 * len(srv.processes()), "snapshots are left"


def test_a_worker_that_starts_later(server, publish, view, small_flv):
    """It begins with the configuration of the last reload, new listeners included."""
    srv = server(top="workers 2;")
    port = free_port()
    reload(srv, (f"listen {srv.http_port};", f"listen {srv.http_port} 127.0.0.1:{port};"))
    victims = srv.processes()
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda victim=victim: not is_alive(victim), 10, "the worker to be gone")
    wait_for(lambda: len(srv.processes()) == 2 and len(re.findall(r"worker \d ready", srv.log())) == 4, 15,
             "the workers")
    for _ in range(4):
        assert status(f"http://127.0.0.1:{port}/nothing.txt") == 404
    reload(srv, (f" 127.0.0.1:{port};", ";"))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


def test_a_signal_to_a_worker(server):
    """The master reloads for all of them."""
    srv = server(top="workers 2;")
    before = ends_of(srv)
    os.kill(srv.processes()[0], signal.SIGHUP)
    wait_for(lambda: ends_of(srv) > before, 10, "the reload")
    assert Path(f"/proc/{srv.pid}").exists()
