"""The two servers of a run, and what is measured of them.

"steady" keeps its processes for the whole run, so that a small leak has time to show. It is
reloaded. "restless" also pulls the streams of the steady one, as its edge; it is reloaded, upgraded,
and its workers are killed.
"""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import harness
from metrics_kit import Metrics

PARTS = {
    "top": "workers 2; upgrade on; max_connections 2000; exporter {{ enabled on; listen @PORT3@; }} "
           "http_api {{ enabled on; listen @PORT4@; }}",
    "http_server": "https {{ enabled on; listen @PORT5@; key {pem}/server.key; "
                   "cert {pem}/server.crt; }}",
    "remux": "mount [vhost]/[app]/[stream].flv; mount [vhost]/[app]/[stream].ts; "
             "mount [vhost]/[app]/[stream].mp3; mount [vhost]/[app]/[stream].aac;",
    "publish": "http on; normal_timeout 5000; firstpkt_timeout 10000;",
}
RECORDED = "dvr_apply live/o1 live/o3 live/e1;"
RECORDING_S = 60     # a recording is deleted when it has been finished for so long
EXCUSE_S = 12        # after a kill: its clients were cut off
PAGE_FIELDS = ("Rss", "Pss", "Pss_Anon", "Pss_Shmem", "Private_Dirty")
DIED = re.compile(r"(?:old )?worker \d+, process (\d+), died")
STARTS = re.compile(r"worker (\d+) starts, process (\d+)")
TICK = os.sysconf("SC_CLK_TCK")


def memory(pid):
    """KiB, by the names of smaps_rollup; None if the process has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    found = dict(re.findall(r"^(\w+):\s+(\d+) kB", text, re.M))
    return {name: int(found.get(name, 0)) for name in PAGE_FIELDS} if found else None


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def process_row(pid):
    """What one process has; None if it has ended."""
    try:
        row = memory(pid)
        return row and {**row, "fds": len(os.listdir(f"/proc/{pid}/fd")), "cpu": cpu_seconds(pid)}
    except OSError:
        return None


class SoakServer(harness.Server):
    """A server of the run. Its log is read in pieces, for it becomes long."""

    def __init__(self, name, folder, program, pem, *, vhost="", vhosts=""):
        self.name = name
        self.kills = []       # when a worker was killed
        self.killed = set()   # process ids
        self.log_at = 0       # how much of the log new_log() has returned
        self.slots = {}       # process id: number of the worker
        self.old_since = {}   # process id: since when another generation serves
        parts = {key: text.format(pem=pem) for key, text in PARTS.items()}
        self.recordings = Path(folder) / "dvr"
        vhost += " dvr {{ enabled on; dvr_plan segment; dvr_duration 10; {} dvr_path " \
            "{}/[app]/[stream].[timestamp].flv; }}".format(RECORDED, self.recordings)
        config = harness.make_config("@RTMP@", "@HTTP@", "@HTML@", vhost=vhost, vhosts=vhosts,
                                     **parts)
        super().__init__(folder, config=config, program=program)

    @property
    def https_port(self):
        return self.ports[5]

    # ---- what it says

    def get(self, port, path, timeout=20):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=timeout) as answer:
            return answer.read().decode()

    def scrape(self):
        return Metrics(self.get(self.ports[3], "/metrics"))

    def api(self, path):
        return json.loads(self.get(self.ports[4], f"/api/v1/{path}"))

    def new_log(self):
        """The lines since the last call."""
        with open(self.log_path, "rb") as file:
            file.seek(self.log_at)
            data = file.read(16 << 20)
        end = data.rfind(b"\n") + 1
        self.log_at += end
        text = data[:end].decode(errors="replace")
        for slot, pid in STARTS.findall(text):
            self.slots[int(pid)] = int(slot)
        return text

    # ---- what is done to it

    def excuses(self, now, seconds=EXCUSE_S):
        """Whether a client may have been cut off by a kill at this time."""
        return any(at - 1 <= now <= at + seconds for at in self.kills)

    def kill_worker(self, choice):
        """One of the workers that serve, old ones included."""
        pid = choice(self.processes())
        self.kills.append(time.monotonic())
        self.killed.add(pid)
        os.kill(pid, signal.SIGKILL)
        return pid

    def change(self, turn):
        """The configuration, for a reload: alternately one and another value."""
        text = self.config_path.read_text().split("# turn")[0]
        one, two = (8, 20) if turn % 2 else (20, 8)
        text += f"# turn\nhttp_idle_timeout {one}000; rtmp_handshake_timeout {two}000;\n"
        self.config_path.write_text(text)

    # ---- samples

    def clear_recordings(self):
        """Deletes those that are finished. Returns how many."""
        old = [one for one in self.recordings.rglob("*.flv")
               if one.stat().st_mtime < time.time() - RECORDING_S]
        for one in old:
            one.unlink()
        return len(old)

    def rows(self):
        """By process id, the master first."""
        found = {}
        for pid in [self.pid, *[one for one in self.processes() if one != self.pid]]:
            row = process_row(pid)
            if row is not None:
                row["role"] = "master" if pid == self.pid else f"worker {self.slots.get(pid, 0)}"
                found[pid] = row
        return found


def make_certificate(folder):
    subprocess.run([harness.ROOT / "conf" / "make-certificate.sh", folder], check=True,
                   stdout=subprocess.DEVNULL)
    return folder


def edge_vhost(origin, directives):
    """A vhost whose streams are those of the steady server's default vhost."""
    return f"""
vhost edge {{
    {directives}
    cluster {{ mode remote; origin 127.0.0.1:{origin.http_port}; protocol flv;
               vhost __defaultVhost__; }}
    http_remux {{ enabled on; {PARTS["remux"]} }}
}}
"""
