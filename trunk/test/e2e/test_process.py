"""The process around the server: command line, configuration, signals, daemon, descriptors."""

import re
import signal
import socket
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import flv
import ws
from harness import ROOT, SERVER, free_port, listening_ports, wait_for
from process_kit import Watcher, conf, environment, is_served, program, status_of  # noqa: F401
from rtmp import Publisher

SHIPPED = sorted((ROOT / "conf").glob("*.conf"))


def log_time(srv, what):
    """When the server logged the first line with this text."""
    line = next(line for line in srv.log().splitlines() if what in line)
    return datetime.strptime(line[1:24], "%Y-%m-%d %H:%M:%S.%f")


# ---- command line ----

def test_version(program):
    done = program("-v")
    assert done.returncode == 0
    assert re.fullmatch(r"Millrace \d+\.\d+\.\d+\n", done.stdout)


def test_help(program):
    done = program("-h")
    assert done.returncode == 0
    for option in ("-c", "-t", "-e", "-v", "-h"):
        assert f"  {option} " in done.stdout


@pytest.mark.parametrize("args, what", [
    ((), "no configuration: use"),
    (("-x",), "unknown option -x"),
    (("file.conf",), "unknown argument file.conf"),
    (("-c",), "-c needs a file name"),
    (("-e", "-c", "x"), "cannot be combined"),
])
def test_wrong_usage(program, args, what):
    done = program(*args)
    assert done.returncode == 2
    assert what in done.stderr
    assert "usage:" in done.stderr
    assert done.stdout == ""


# ---- configuration ----

def test_test_says_what_is_effective(program, conf):
    done = program("-t", "-c", conf("listen 1940;\nvhost a.b { play { queue_length 7; } }\n"))
    assert done.returncode == 0
    assert done.stderr.endswith("test1.conf: configuration ok\n")
    assert "listen 1940;\n" in done.stdout
    assert "max_connections 1000;\n" in done.stdout
    assert "vhost a.b {\n" in done.stdout
    assert "queue_length 7;\n" in done.stdout
    assert "vhost __defaultVhost__ {\n" in done.stdout
    # The output is a configuration with the same values.
    again = program("-tc", conf(done.stdout))
    assert (again.returncode, again.stdout) == (0, done.stdout)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_configurations(program, path):
    done = program("-t", "-c", path, cwd=ROOT)
    assert done.returncode == 0
    assert done.stderr == f"{path}: configuration ok\n", "no warnings"


def test_there_are_shipped_configurations():
    assert {"full.conf", "http.flv.live.conf", "realtime.flv.conf"} <= {p.name for p in SHIPPED}


def test_generated_files(program):
    assert program("--full-conf").stdout == (ROOT / "conf" / "full.conf").read_text()
    assert program("--doc").stdout == (ROOT / "doc" / "configuration.md").read_text()


@pytest.mark.parametrize("text, what", [
    ("\n\nmax_conections 5;", ":3: max_conections: unknown directive (did you mean \"max_connections\"?)"),
    ("http_server {\n lisen 1;\n}", ":2: lisen: unknown directive (did you mean \"listen\"?)"),
    ("gop_cache on;", ":1: gop_cache: unknown directive (it belongs in vhost { play { "),
    ("listen 70000;", ":1: listen: takes port"),
    ("vhost a {", ":1: vhost: '{' is never closed"),
    ("listen 1935\nmax_connections 5;", ":1: listen (is a ';' missing?)"),
    ("include other.conf;", ":1: include: "),
])
def test_mistakes_name_their_place(program, conf, text, what):
    path = conf(text)
    for args in (("-c", path), ("-t", "-c", path)):
        done = program(*args)
        assert done.returncode == 1
        assert f"{path}{what}" in done.stderr
        assert done.stdout == ""


def test_missing_file(program):
    done = program("-c", "/nowhere/x.conf")
    assert done.returncode == 1
    assert "/nowhere/x.conf: no such file" in done.stderr


def test_include(program, conf, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "vhost.conf").write_text("vhost inc.luded { include deep.conf; }")
    (tmp_path / "sub" / "deep.conf").write_text("play { queue_length 11; }")
    done = program("-tc", conf("include sub/vhost.conf;"), cwd="/")
    assert done.returncode == 0
    assert "vhost inc.luded {" in done.stdout
    assert "queue_length 11;" in done.stdout


def test_srs_file_starts_unchanged(server):
    srv = server(config="""
listen @RTMP@;
daemon off; srs_log_tank console; ff_log_dir ./objs;
http_server { enabled on; listen @HTTP@; dir @HTML@; }
rtc_server { enabled on; listen 8000; candidate *; }
srt_server { enabled on; listen 10080; }
stats { network 0; disk sda; }
vhost __defaultVhost__ {
    http_remux { enabled on; mount [vhost]/[app]/[stream].flv; }
    hls { enabled on; hls_fragment 10; }
    rtc { enabled on; }
    transcode { enabled off; engine x { vfilter { v quiet; } } }
}
""")
    warned = re.findall(rf"\[warn\]\[{srv.pid}\]\[-\]\[0\] {re.escape(str(srv.config_path))}:(\d+): "
                        r"(\w+) is not supported: ignored", srv.log())
    assert warned == [("5", "rtc_server"), ("6", "srt_server"), ("11", "rtc")]
    assert is_served(srv)


def test_environment_wins(program, conf):
    path = conf("listen 1935; vhost a { http_remux { enabled off; } }")
    done = program("-tc", path, SRS_LISTEN="1940 1941", SRS_VHOST_HTTP_REMUX_ENABLED="on",
                   SRS_VHOST_HTTP_REMUX_MOUNT="/x/[app]/[stream].flv")
    assert done.returncode == 0
    assert "listen 1940 1941;\n" in done.stdout
    assert done.stdout.count("mount /x/[app]/[stream].flv;\n") == 2
    remux = re.findall(r"http_remux \{\s+enabled (\w+);", done.stdout)
    assert remux == ["on", "on"]


@pytest.mark.parametrize("utc_time, ahead", [("on", 0), ("off", 5.5)])
def test_times_of_the_log(program, conf, utc_time, ahead):
    done = program("-tc", conf(f"utc_time {utc_time}; kafka 1;"), TZ="IST-5:30")
    logged = datetime.strptime(done.stderr[1:24], "%Y-%m-%d %H:%M:%S.%f")
    now = datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(hours=ahead)
    assert abs(now - logged) < timedelta(minutes=2)


def test_environment_mistakes(program):
    done = program("-et", SRS_MAX_CONNECTIONS="lots")
    assert done.returncode == 1
    assert "environment: SRS_MAX_CONNECTIONS: takes a number" in done.stderr
    done = program("-et", SRS_MAX_CONECTIONS="5", SRS_RTC_SERVER_ENABLED="on")
    assert done.returncode == 0
    assert "SRS_MAX_CONECTIONS is unknown (did you mean SRS_MAX_CONNECTIONS?)" in done.stderr
    assert "SRS_RTC_SERVER_ENABLED is not supported" in done.stderr


def test_environment_only(server):
    rtmp, http = free_port(), free_port()
    srv = server(args=["-e"],
                 env={"SRS_LISTEN": str(rtmp), "SRS_HTTP_SERVER_ENABLED": "on",
                      "SRS_HTTP_SERVER_LISTEN": str(http)})
    assert {rtmp, http} <= listening_ports()
    assert status_of(f"http://127.0.0.1:{http}/nothing.txt") == 404
    assert "configuration: environment" in srv.log()


def test_several_listeners(server):
    srv = server(config="listen @RTMP@ [::1]:@PORT3@;\n"
                        "http_server { enabled on; listen 127.0.0.1:@HTTP@ [::1]:@PORT4@; }")
    assert {srv.ports[3], srv.ports[4]} <= listening_ports()
    assert status_of(f"http://[::1]:{srv.ports[4]}/nothing.txt") == 404
    assert is_served(srv)


def test_port_is_taken(server):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        srv = server(config=f"listen {port};", wait=False)
        srv.has_stopped = True
        assert srv.wait() == 1
    assert re.search(rf"\[error\].*listen on {port}: .*in use", srv.log())
    srv.check_output()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_ends_at_once(server, publish, number):
    srv = server()
    publish(srv)
    watchers = [Watcher(srv) for _ in range(3)]
    srv.signal(number)
    assert srv.wait(5) == 0
    # By its own clock: the time of a sanitizer after the end does not count.
    ending, end = (log_time(srv, what) for what in (": stopping", "Millrace ends"))
    assert end - ending < timedelta(seconds=1)
    for watcher in watchers:
        watcher.close()


def test_answers_end_when_the_server_stops(server, view, source_flv):
    """The last chunk, the close frame: players get them, including those that still wait."""
    srv = server()
    with Publisher(srv.rtmp_url("live/s")) as publisher:
        publisher.send_tags(flv.parse_file(source_flv).tags[:60])
        viewers = [view(srv, "/live/s.flv"), view(srv, "/live/s.flv", version="1.0")]
        sockets = [ws.Socket(srv.http_url("/live/s.flv")) for _ in range(2)]
        waiting = ws.Socket(srv.http_url("/live/other.flv"))
        for viewer in viewers:
            viewer.wait_media(1)
        for one in sockets:
            one.until_media(1)
        srv.signal(signal.SIGTERM)
        for viewer in viewers:
            viewer.wait_end()
        for one in (*sockets, waiting):
            assert one.until_close() == 1001
            one.assert_ended()
            one.close()
        assert srv.wait(10) == 0


def test_quit_drains(server, publish):
    srv = server(top={"grace_start_wait": 50, "grace_final_wait": 50})
    publisher = publish(srv)
    watcher = Watcher(srv)
    srv.signal(signal.SIGQUIT)
    srv.wait_log("draining")
    wait_for(lambda: not {srv.rtmp_port, srv.http_port} & listening_ports(), 5,
             "the listeners to close")
    # Existing viewers stay, for far more data than what was in flight.
    for _ in range(10):
        watcher.read()
    assert srv.is_running
    watcher.close()
    publisher.stop()
    assert srv.wait(10) == 0


def test_quit_with_nobody(server):
    srv = server(top={"grace_start_wait": 0, "grace_final_wait": 0})
    srv.signal(signal.SIGQUIT)
    assert srv.wait(5) == 0


def test_term_ends_a_drain(server, publish):
    srv = server(top={"grace_start_wait": 0})
    publish(srv)
    srv.signal(signal.SIGQUIT)
    srv.wait_log("draining")
    srv.signal(signal.SIGTERM)
    assert srv.wait(5) == 0


def test_force_grace_quit(server, publish):
    srv = server(top={"grace_start_wait": 0, "grace_final_wait": 0, "force_grace_quit": "on"})
    publisher = publish(srv)
    watcher = Watcher(srv)
    srv.signal(signal.SIGTERM)
    srv.wait_log("draining")
    for _ in range(5):
        watcher.read()
    watcher.close()
    publisher.stop()
    assert srv.wait(10) == 0


def test_usr1_reopens_the_log(server):
    srv = server(config="listen @RTMP@; srs_log_tank file; srs_log_file logs/x.log;\n"
                        "http_server { enabled on; listen @HTTP@; }")
    path = srv.folder / "logs" / "x.log"
    old = srv.folder / "logs" / "x.log.1"
    assert "starts, process" in path.read_text()
    path.rename(old)
    srv.signal(signal.SIGUSR1)
    wait_for(lambda: path.exists() and "log file reopened" in path.read_text(), 5, "the new log")
    assert "reopened" not in old.read_text()
    srv.stop()
    assert "Millrace ends" in path.read_text()
    assert srv.log() == "", "nothing on the console"


def test_usr2_is_survived(server):
    """Without a master there is no upgrade."""
    srv = server()
    srv.signal(signal.SIGUSR2)
    srv.wait_log(r"\[warn\].*upgrade refused: there is no master|upgrade done", 30)
    assert is_served(srv)


def test_hup_checks_and_sets_the_log_level(server):
    srv = server(top={"srs_log_level": "warn"})
    assert "[info]" not in srv.log()
    good = srv.config_path.read_text()
    srv.config_path.write_text(good.replace("srs_log_level warn;", "srs_log_level info;"))
    srv.signal(signal.SIGHUP)
    srv.wait_log(r"\[info\].*reload: configuration is valid")
    srv.config_path.write_text(good + "\nnonsense 1;\n")
    srv.signal(signal.SIGHUP)
    line = good.count("\n") + 2
    srv.wait_log(rf"\[error\].*reload failed, keeping the old configuration: .*server\.conf:{line}: nonsense: unknown")
    assert is_served(srv)


def is_pending(pid, number):
    """Whether a signal is pending for a process."""
    mask = re.search(r"^ShdPnd:\s+(\w+)", Path(f"/proc/{pid}/status").read_text(), re.M).group(1)
    return bool(int(mask, 16) >> (number - 1) & 1)


def test_console_that_nobody_reads(tmp_path, notify):
    """A console that nobody reads blocks nothing; the log counts the lines that it missed."""
    noise = "kafka 1;\n" * 250
    rtmp, http = free_port(), free_port()
    path = tmp_path / "noise.conf"
    path.write_text(f"listen {rtmp};\n{noise}http_server {{ enabled on; listen {http}; }}\n")
    child = subprocess.Popen([SERVER, "-c", path], stdout=subprocess.PIPE,
                             env=environment(tmp_path, **notify.environment), cwd=tmp_path)
    try:
        notify.wait("READY", lambda: child.poll() is None)
        # Far more than fits into a pipe and into the server's own buffer.
        for _ in range(40):
            child.send_signal(signal.SIGHUP)
            # Two pending signals of one kind would count as one.
            wait_for(lambda: not is_pending(child.pid, signal.SIGHUP), 10, "it to be heard")
            assert status_of(f"http://127.0.0.1:{http}/nothing.txt", timeout=5) == 404
        child.send_signal(signal.SIGTERM)
        text = child.communicate(timeout=20)[0].decode()
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0
    assert re.search(r"\[warn\].*\d+ log lines dropped", text)
    assert not list(tmp_path.glob("san.*"))


def switches_of(pid):
    """How often a process has slept and been woken."""
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)",
                         Path(f"/proc/{pid}/status").read_text(), re.M).group(1))


def test_an_idle_server_sleeps(server):
    """Nothing polls, although a connection waits for its next request."""
    srv = server()
    with socket.create_connection(("127.0.0.1", srv.http_port), 10) as idle:
        idle.sendall(b"GET /nothing.txt HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 404"
        before = [switches_of(pid) for pid in srv.processes()]
        time.sleep(1.5)
        after = [switches_of(pid) for pid in srv.processes()]
    assert all(b - a < 15 for a, b in zip(before, after)), (before, after)
