"""The process around the server: command line, configuration, signals, daemon, descriptors."""

import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import flv
import ws
from harness import ROOT, SANITIZER, SERVER, free_port, listening_ports, wait_for
from rtmp import Publisher

SHIPPED = sorted((ROOT / "conf").glob("*.conf"))


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
    return status_of(srv.http_url("/nothing.txt")) == 404


def has_ended(pid):
    """Whether a process that is not our child has ended (or is a zombie of its parent)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return True
    return state == "Z"


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
    assert warned == [("5", "rtc_server"), ("6", "srt_server"), ("10", "hls"), ("11", "rtc")]
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
