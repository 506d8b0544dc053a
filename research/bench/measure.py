"""What the measurements are made of: programs that are started, pinned to a core and steered by
lines of JSON, and what Linux tells of a process: CPU time, memory, sockets."""

import json
import os
import pathlib
import queue
import re
import signal
import socket
import subprocess
import threading
import time


class Failure(Exception):
    """A measurement that could not be made."""


class Tool:
    """A program of ours: it prints a line of JSON for each event and obeys words on its input."""

    def __init__(self, args, core):
        self.name = os.path.basename(args[0])
        self.process = subprocess.Popen(
            [str(a) for a in args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        self.pid = self.process.pid
        self.events = queue.Queue()
        self.complaint = ""
        self.readers = [threading.Thread(target=self._read_events, daemon=True),
                        threading.Thread(target=self._read_complaint, daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read_events(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.events.put(json.loads(line))
        self.events.put(None)

    def _read_complaint(self):
        for line in self.process.stderr:
            self.complaint = (self.complaint + line)[-2000:]

    def wait(self, name, timeout):
        end = time.monotonic() + timeout
        while True:
            try:
                event = self.events.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise Failure(f"{self.name}: no '{name}' within {timeout} s") from None
            if event is None:
                raise Failure(f"{self.name} ended early: {self.complaint.strip()}")
            if event["event"] == name:
                return event

    def say(self, word):
        try:
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failure(f"{self.name} ended early: {self.complaint.strip()}") from None

    def result(self, timeout=60):
        """Lets it end by itself and gives what it found."""
        self.say("quit")
        event = self.wait("result", timeout)
        self.process.wait(timeout)
        return event

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self.readers:
            reader.join(5)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Daemon:
    """A server under test, in the foreground with its output in a file."""

    def __init__(self, args, core, log, ports, cwd=None):
        self.log = pathlib.Path(log)
        self.ports = ports
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                [str(a) for a in args], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        self.pid = self.process.pid
        try:
            self._wait_ports()
        except Failure:
            self.close()
            raise

    def _wait_ports(self):
        end = time.monotonic() + 15
        for port in self.ports:
            while True:
                if self.process.poll() is not None:
                    raise Failure(f"the server ended at its start:\n{self.tail()}")
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if time.monotonic() > end:
                        raise Failure(f"nothing listens on port {port}:\n{self.tail()}") from None
                    time.sleep(0.05)

    def tail(self):
        return self.log.read_text(errors="replace")[-1500:]

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for sock in held:
        sock.bind(("127.0.0.1", 0))
    ports = [sock.getsockname()[1] for sock in held]
    for sock in held:
        sock.close()
    return ports


# ---- what Linux tells ----

def processes_of(pid):
    """The process and its children, for servers that work in one of those."""
    found = [pid]
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in path.read_text().split()]
    return found


def cpu_seconds(pid):
    """CPU time of all threads, to the nanosecond: the scheduler's own account."""
    total = 0
    for process in processes_of(pid):
        for path in pathlib.Path(f"/proc/{process}/task").glob("*/schedstat"):
            try:
                total += int(path.read_text().split()[0])
            except OSError:
                pass  # a thread that has just ended
    return total / 1e9


def rss_kb(pid):
    """Resident memory in KB."""
    total = 0
    for process in processes_of(pid):
        text = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text()
        total += int(re.search(r"^Rss:\s+(\d+) kB", text, re.M).group(1))
    return total


def core_busy(core):
    """(busy, all) seconds of a core since the machine's start, in the timer's ticks."""
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        fields = line.split()
        if fields[0] == f"cpu{core}":
            ticks = [int(f) for f in fields[1:9]]
            hertz = os.sysconf("SC_CLK_TCK")
            return (sum(ticks) - ticks[3] - ticks[4]) / hertz, sum(ticks) / hertz
    raise Failure(f"there is no core {core}")


def tcp_memory_kb():
    """The kernel's memory for all TCP sockets of the machine."""
    text = pathlib.Path("/proc/net/sockstat").read_text()
    pages = int(re.search(r"^TCP:.* mem (\d+)", text, re.M).group(1))
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def socket_memory_kb(port, peer):
    """Kernel memory held for sending, of each connection of a local port to a peer address."""
    text = subprocess.run(["ss", "-tmnH", "state", "established",
                           f"( sport = :{port} and dst = {peer} )"],
                          capture_output=True, text=True, check=True).stdout
    found = []
    for fields in re.findall(r"skmem:\(([^)]*)\)", text):
        value = {re.match(r"[a-z]+", f).group(0): int(re.search(r"\d+", f).group(0))
                 for f in fields.split(",")}
        found.append((value["w"] + value["f"] + value["r"]) / 1024)
    return found


class Window:
    """CPU time of one process and of its core over a stretch of time."""

    def __init__(self, pid, core):
        self.pid, self.core = pid, core
        self.core_start = core_busy(core)
        self.start, self.cpu_start = time.monotonic(), cpu_seconds(pid)

    def end(self):
        cpu, now = cpu_seconds(self.pid) - self.cpu_start, time.monotonic()
        busy, whole = (b - a for a, b in zip(self.core_start, core_busy(self.core)))
        seconds = now - self.start
        return {"seconds": round(seconds, 3), "cpu_s": round(cpu, 6),
                "core_percent": round(100 * cpu / seconds, 2),
                # What else ran on the server's core: it should be next to nothing.
                "others_percent": round(max(0.0, 100 * busy / whole - 100 * cpu / seconds), 1)
                if whole > 0 else None}
