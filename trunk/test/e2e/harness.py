"""What the end-to-end tests share: the server under test, publishers, tools.

Every wait is for a condition, with a deadline; nothing sleeps for a fixed time. Each test uses
free ports and a directory of its own, so that several test runs may run at the same time.
"""

import fcntl
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SERVER = Path(os.environ.get("MILLRACE_SERVER", ROOT / "objs" / "server")).resolve()
SOURCE_FLV = ROOT / "doc" / "source.flv"

# The messages of sanitizers and of the C library about errors.
SANITIZER = re.compile(
    r"ERROR: (Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer"
    r"|runtime error: |SUMMARY: \w+Sanitizer|\*\*\* stack smashing|Assertion .* failed"
)
DENIED = re.compile(r"sandbox: system call (.*) denied")

# Time for a process to exit; the sanitizer searches all memory for leaks then.
STOP_SECONDS = 30

# Deadlines say what is due on a machine with time to spare, under sanitizers. Several tests on
# few cores take turns: only what never comes is a failure. Where an operation's own time is
# the point, the test measures it.
PATIENCE = 3


def wait_for(condition, timeout=10, what="the condition"):
    """Waits until condition() is true and returns its value; fails loudly after timeout seconds,
    times PATIENCE."""
    timeout *= PATIENCE
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain for {what}")
        time.sleep(0.02)


def child_processes(pid):
    """The processes that a process started, the server's keeper among them."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def name_of(pid):
    """Of a process; "" once it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


def is_alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


_port_locks = []


def free_port(first=11000, end=32000):
    """A TCP port that is free and that no other test run chooses meanwhile. It is below the
    ephemeral range, so no outgoing connection uses it, and a lock file reserves it: otherwise two
    servers with SO_REUSEPORT would share it silently. Below 1024: for root alone."""
    folder = Path(tempfile.gettempdir()) / f"e2e-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for _ in range(1000):
        port = random.randrange(first, end)
        lock = open(folder / str(port), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("0.0.0.0", port))
        except OSError:
            lock.close()
            continue
        _port_locks.append(lock)
        return port
    raise AssertionError("no free port")


def listening_ports():
    """The TCP ports of this machine with a listener, found without connecting to them."""
    ports = set()
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A":
                ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    return ports


def directives(value):
    """Directives from a text, or from a dict (a list value gives one line each)."""
    if not value:
        return ""
    if isinstance(value, str):
        return value
    lines = []
    for name, args in value.items():
        for arg in args if isinstance(args, (list, tuple)) else [args]:
            if arg is True or arg is False:
                arg = "on" if arg else "off"
            lines.append(f"{name} {arg};")
    return " ".join(lines)


def make_config(rtmp, http, html, *, top="", http_server="", vhost="", remux="", play="",
                publish="", vhosts=""):
    """A configuration file. Each part is a text of directives or a dict of them.

    vhosts are whole further `vhost NAME { … }` blocks; a mount in remux replaces the usual one.
    """
    remux = directives(remux)
    if "mount" not in remux:
        remux = "mount [vhost]/[app]/[stream].flv; " + remux
    if "enabled" not in remux:
        remux = "enabled on; " + remux
    publish = directives(publish)
    # A test's publisher may be silent while the test waits for something else.
    for limit in ("firstpkt_timeout", "normal_timeout"):
        if limit not in publish:
            publish += f" {limit} 60000;"
    return f"""
listen {rtmp};
daemon off;
srs_log_tank console;
{directives(top)}
http_server {{
    enabled on;
    listen {http};
    dir {html};
    {directives(http_server)}
}}
vhost __defaultVhost__ {{
    {directives(vhost)}
    http_remux {{ {remux} }}
    play {{ {directives(play)} }}
    publish {{ {publish} }}
}}
{vhosts}
"""


class Process:
    """A child process whose output goes to a file; stop() and kill() are safe at any time."""

    def __init__(self, argv, log, env=None, cwd=None):
        self.argv = [str(arg) for arg in argv]
        self.log_path = Path(log)
        with open(self.log_path, "ab") as out:
            self.child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=subprocess.STDOUT, env=env, cwd=cwd)
        self.pid = self.child.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    @property
    def is_running(self):
        return self.child.poll() is None

    def signal(self, number):
        self.child.send_signal(number)

    def wait(self, timeout=10):
        """The exit code; fails when the process does not end in time."""
        try:
            return self.child.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.argv[0]} still runs after {timeout * PATIENCE} s") from None

    def kill(self):
        if self.is_running:
            self.child.kill()
        self.child.wait()


class Notify:
    """The socket by which a server says what state it is in, as it says to systemd: READY=1 when
    every listener of every worker listens (doc/signals.md). Its path is short enough for a
    socket, and open to a server that runs as another user."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="e2e-notify-"))
        self.folder.chmod(0o755)
        self.path = self.folder / "s"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.path.chmod(0o777)
        self.said = []
        self.environment = {"NOTIFY_SOCKET": str(self.path)}

    def read(self, timeout=0.0):
        """All messages so far: a dict with the lines of each message. Waits for a new one for some
        time."""
        self.socket.settimeout(timeout)
        try:
            while True:
                text = self.socket.recv(4096).decode()
                self.said.append(dict(line.split("=", 1) for line in text.splitlines()))
                self.socket.settimeout(0.0)
        except (BlockingIOError, TimeoutError):
            return self.said

    def wait(self, name, is_running, timeout=15, count=1):
        """Waits until the server has said NAME=1 so many times; no longer than it runs. Returns
        the last of these messages."""
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            was_running = is_running()
            found = [one for one in self.read(0.2) if one.get(name) == "1"]
            if len(found) >= count:
                return found[-1]
            if not was_running:
                raise AssertionError(f"the server ended before it said {name}")
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout * PATIENCE} s in vain for {name}")

    def close(self):
        self.socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def descriptors_of(pid):
    """How many descriptors a process has open: none when it has ended since it was listed."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except (FileNotFoundError, ProcessLookupError):
        return 0


class Server(Process):
    """The server under test, in the foreground, in its own directory."""

    def __init__(self, folder, *, config=None, args=None, env=None, html=None, wait=True,
                 prefix=(), program=None, **parts):
        """config: the whole text, with @RTMP@, @HTTP@, @HTML@ and @PORT3@… @PORT9@ to be
        filled in, instead of make_config()'s parts. args: instead of `-c FILE`.
        wait=False: do not wait until it is ready (it is expected to fail, say). program: another
        build of the server."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.rtmp_port = free_port()
        self.http_port = free_port()
        self.html = Path(html) if html else folder / "html"
        self.html.mkdir(parents=True, exist_ok=True)
        if config is None:
            config = make_config(self.rtmp_port, self.http_port, self.html, **parts)
        else:
            config = config.replace("@RTMP@", str(self.rtmp_port))
            config = config.replace("@HTTP@", str(self.http_port))
            config = config.replace("@HTML@", str(self.html))
        self.ports = {}
        for name in re.findall(r"@PORT(\d)@", config):
            self.ports.setdefault(int(name), free_port())
            config = config.replace(f"@PORT{name}@", str(self.ports[int(name)]))
        # MILLRACE_WORKERS=2 runs any test against a server of two workers. At the end, so that
        # the lines of the test's own text stay where they are.
        workers = os.environ.get("MILLRACE_WORKERS")
        if workers and not re.search(r"^\s*workers\s", config, re.M):
            config += f"\nworkers {workers};\n"
        self.config_path = folder / "server.conf"
        self.config_path.write_text(config)
        self.has_stopped = False
        if not SERVER.exists():
            raise AssertionError(f"no server at {SERVER}: build it, or set MILLRACE_SERVER")
        argv = [*prefix, program or SERVER]
        argv += args if args is not None else ["-c", self.config_path]
        self.notify = Notify()
        super().__init__(argv, folder / "server.log",
                         self._environment({**self.notify.environment, **(env or {})}), folder)
        if wait:
            self.wait_ready()

    def kill(self):
        """Ends it at once. Its workers end with their master, but later: until then another server
        cannot have their ports."""
        workers = self.processes() if self.is_running else []
        super().kill()
        self.notify.close()
        wait_for(lambda: not any(is_alive(pid) for pid in workers), 10, "the workers to end")

    def _environment(self, extra):
        # An SRS_… variable of the caller's shell would change the configuration under test.
        env = {k: v for k, v in os.environ.items() if not k.startswith("SRS_") and k != "NOTIFY_SOCKET"}
        suppressions = ROOT / "trunk" / "test" / "lsan.supp"
        env.setdefault("LSAN_OPTIONS", f"suppressions={suppressions}:print_suppressions=0")
        env.setdefault("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=0")
        env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        env.update(extra or {})
        return env

    def wait_ready(self, timeout=15):
        """Waits until every listener of every worker listens, which the server reports."""
        try:
            self.notify.wait("READY", lambda: self.is_running, timeout)
        except AssertionError as problem:
            raise AssertionError(f"{problem}; exit code {self.child.poll()}:\n"
                                 + self.log()[-4000:]) from None

    def rtmp_url(self, stream="live/livestream"):
        return f"rtmp://127.0.0.1:{self.rtmp_port}/{stream}"

    def http_url(self, path="/live/livestream.flv"):
        return f"http://127.0.0.1:{self.http_port}/{path.lstrip('/')}"

    def wait_log(self, pattern, timeout=10):
        """Waits until the log has a match for the regular expression and returns it."""
        return wait_for(lambda: re.search(pattern, self.log()), timeout, f"/{pattern}/ in the log")

    def wait_unmounted(self):
        """Waits until an address is no longer mounted, at each of several workers."""
        self.wait_log(r"\] unmount ")
        wait_for(lambda: self.log().count("] unmount ") == self.log().count("] mount "), 10,
                 "everything to be unmounted")

    def processes(self):
        """Its process, or, with several workers, the worker processes."""
        children = [child for child in child_processes(self.pid)
                    if not name_of(child).startswith("millrace-keep")]
        return children or [self.pid]

    def memory_kb(self):
        """Resident memory."""
        return sum(int(re.search(r"VmRSS:\s+(\d+)",
                                 Path(f"/proc/{pid}/status").read_text()).group(1))
                   for pid in self.processes())

    def descriptors(self):
        return sum(descriptors_of(pid) for pid in self.processes())

    def stop(self, number=signal.SIGTERM, timeout=STOP_SECONDS):
        """Stops it and checks that it ended well: exit code 0, in time, without sanitizer reports.
        The fixture calls this for servers that the test did not stop."""
        if self.has_stopped:
            return
        self.has_stopped = True
        if self.is_running:
            self.signal(number)
            try:
                self.child.wait(timeout * PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"the server still ran {timeout * PATIENCE} s after signal {number}:\n"
                                     + self.log()[-4000:]) from None
        self.check_output()
        assert self.child.returncode == 0, \
            f"the server's exit code is {self.child.returncode}:\n" + self.log()[-4000:]

    # Calls that the sandbox denies are expected.
    is_attacked = False

    def check_output(self):
        text = self.log()
        found = SANITIZER.search(text)
        if found:
            start = max(0, found.start() - 500)
            raise AssertionError("the server's output reports:\n" + text[start:start + 8000])
        denied = DENIED.findall(text)
        assert not denied or self.is_attacked, f"the server lacks system calls: {denied[:20]}"


def ffmpeg_publish_args(source, url, *, loop=True, args=("-c", "copy"), realtime=True):
    argv = ["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "info"]
    if realtime:
        argv += ["-re"]
    if loop:
        argv += ["-stream_loop", "-1"]
    return [*argv, "-i", source, *args, "-f", "flv", url]


class FfmpegPublisher(Process):
    """ffmpeg -re, from a file, in a loop. Ready when the server has sent Publish.Start."""

    def __init__(self, log, source, url, *, wait=True, **kw):
        super().__init__(ffmpeg_publish_args(source, url, **kw), log)
        if wait:
            self.wait_published()

    def wait_published(self, timeout=20):
        def published():
            # ffmpeg names its output once the muxer's header is out, that is after
            # the whole RTMP conversation.
            if "Output #0, flv, to 'rtmp" in self.log():
                return True
            assert self.is_running, "ffmpeg could not publish:\n" + self.log()[-3000:]
            return False
        wait_for(published, timeout, "ffmpeg to publish")

    def stop(self, timeout=10):
        """A clean end: ffmpeg unpublishes and closes."""
        if self.is_running:
            self.signal(signal.SIGINT)
            try:
                self.child.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()


def run(argv, timeout=60, check=True, text=True):
    """Runs a tool to its end, for timeout seconds times PATIENCE at most. check: its exit code must
    be 0."""
    argv = [str(arg) for arg in argv]
    timeout *= PATIENCE
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=timeout, text=text, errors="replace" if text else None)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"still running after {timeout} s: {' '.join(argv)}") from None
    if check:
        assert done.returncode == 0, \
            f"{' '.join(argv)}: exit code {done.returncode}\n{done.stdout[-2000:]}\n" \
            f"{done.stderr[-2000:]}"
    return done


class Answer:
    """An HTTP answer as curl saw it: status, headers (lower-case names), body."""

    def __init__(self, head, body, exit_code):
        blocks = [b for b in head.replace("\r\n", "\n").split("\n\n") if b.strip()]
        self.exit_code = exit_code
        self.body = body
        self.status, self.headers, self.header_list = 0, {}, []
        if not blocks:
            return
        lines = blocks[-1].split("\n")
        self.protocol = lines[0].split(" ")[0]
        self.status = int(lines[0].split(" ")[1])
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.header_list.append((name.strip().lower(), value.strip()))
        self.headers = dict(self.header_list)

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode(errors="replace")


def curl(url, *args, seconds=10):
    """Runs curl for at most `seconds` (a live stream never ends: exit_code 28 then)."""
    with tempfile.TemporaryDirectory() as folder:
        head, body = Path(folder) / "head", Path(folder) / "body"
        done = run(["curl", "-sS", "--globoff", "--path-as-is", "--max-time", seconds, "-D", head,
                    "-o", body, *args, url], timeout=seconds + 10, check=False)
        return Answer(head.read_text(errors="replace") if head.exists() else "",
                      body.read_bytes() if body.exists() else b"", done.returncode)


def ffprobe(url, *args, timeout=30):
    """What ffprobe finds, as a dict: streams and format (and what args ask for)."""
    done = run(["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", *args,
                url], timeout=timeout)
    result = json.loads(done.stdout)
    result["errors"] = done.stderr
    return result


def ffmpeg_decode(url, seconds=3, timeout=60, args=()):
    """Decodes some seconds strictly (any error ends it) and returns what it complained of. Frames
    keep the stream's own times: by the frame rate that is announced, a live encoder's two frames
    may fall on one tick."""
    done = run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", url, "-t", seconds,
                "-vsync", "passthrough", "-enc_time_base", "1:90000", *args,
                "-f", "null", "-"], timeout=timeout, check=False)
    assert done.returncode == 0, f"ffmpeg: exit code {done.returncode}: {done.stderr[-3000:]}"
    return done.stderr


def make_source(path, *, seconds=10, size="640x360", video=True, audio=True, extra=()):
    """A small FLV file from ffmpeg's own test sources, 25 fps with a 1 s GOP."""
    argv = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
    if video:
        argv += ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25"]
    if audio:
        argv += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"]
    if video:
        argv += ["-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-pix_fmt",
                 "yuv420p", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0",
                 "-b:v", "400k"]
    if audio:
        argv += ["-c:a", "aac", "-b:a", "64k", "-ac", "2"]
    run([*argv, *extra, "-t", seconds, "-f", "flv", path], timeout=120)
    return Path(path)


def have(tool):
    return shutil.which(tool) is not None
