"""The soak's own checks notice what they are for: samples with a leak, counters that fall, clients
that are listed wrongly. The soak itself (trunk/test/soak/) takes hours and is not run here."""

import json
import random
import sys
import time
from xml.dom import minidom

import pytest

import harness
from hook_server import Event
from metrics_kit import Metrics

sys.path.insert(0, str(harness.ROOT / "trunk" / "test" / "soak"))

import census  # noqa: E402
import counters  # noqa: E402
import drift  # noqa: E402
import report  # noqa: E402
from ledger import Ledger  # noqa: E402
from world import Client  # noqa: E402

pytestmark = pytest.mark.once

LEAK_MIB = 2.0   # per hour
SESSION = 4096   # KiB that a viewer needs
SAMPLES = 400


def samples(seed, leak, hours=1.0):
    """Rows of a server whose load changes slowly, as it does: many more viewers at the end, and
    memory that follows them, with noise, and with a leak in worker 2."""
    chance, viewers = random.Random(seed), 30.0
    for number in range(SAMPLES):
        t = hours * 3600 * number / SAMPLES
        viewers = max(0.0, 0.95 * viewers + 0.05 * (30 + 80 * t / 3600) + chance.gauss(0, 2))
        half = round(viewers / 2)
        processes = {}
        for pid, role, grown in (("1", "master", 0), ("2", "worker 1", 0),
                                 ("3", "worker 2", leak * 1024 * t / 3600)):
            size = 9000 + grown + chance.gauss(0, 100) + (half * SESSION / 16 if pid != "1" else 0)
            processes[pid] = {"role": role, "Pss": size, "Rss": size + 4000, "fds": 40 + half,
                              "cpu": t / 50}
        yield {"t": t, "server": "steady", "processes": processes, "lag": [0.5, 0.0],
               "connections": 3 * half, "viewers": 2 * half, "publishers": 4, "streams": 4,
               "sent": t, "clients": {"1": half, "2": half}}


def write(folder, rows):
    folder.mkdir()
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "samples.jsonl").write_text(text)
    return report.write(folder), (folder / "report.md").read_text()


def test_a_leak_is_a_drift(tmp_path):
    """One worker grows by 2 MiB an hour among changes of load that are ten times as large: this
    worker is named, no other; the same without the leak passes."""
    status, text = write(tmp_path / "leak", samples(1, LEAK_MIB))
    assert status == 1
    assert "drift: steady worker 2: PSS" in text
    assert "drift: steady worker 1" not in text and "drift: steady master" not in text
    status, text = write(tmp_path / "none", samples(2, 0))
    assert status == 0 and "0 drifts" in text, text
    minidom.parse(str(tmp_path / "leak" / "soak.svg"))


def test_a_finding_fails(tmp_path):
    """A short run says nothing about drift, but what was found counts."""
    rows = list(samples(3, LEAK_MIB, hours=0.1))
    assert write(tmp_path / "short", rows)[0] == 0
    rows.append({"t": 5, "finding": "starved", "text": "a viewer"})
    status, text = write(tmp_path / "found", rows)
    assert status == 1 and "starved" in text


@pytest.mark.parametrize("slope", [0.0, 1.0, 4.0])
def test_slope_and_error(slope):
    """The error that is stated is the one that is made: also with noise that lasts."""
    times = [n / SAMPLES for n in range(SAMPLES)]
    apart = []
    for seed in range(40):
        chance, noise, values = random.Random(seed), 0.0, []
        for t in times:
            noise = 0.9 * noise + chance.gauss(0, 0.3)
            values.append(5 + slope * t + noise)
        found = drift.fit(times, values)
        apart.append(abs(found.slope - slope) / found.error)
    assert sum(one < 2 for one in apart) >= 34 and max(apart) < 5, sorted(apart)


def test_verdicts():
    assert drift.Fit(3, 0.2, 0, 3).verdict(1) == drift.DRIFT
    assert drift.Fit(0.5, 0.2, 0, 1).verdict(1) == drift.OK
    assert drift.Fit(0.9, 0.2, 0, 1).verdict(1) == drift.UNSURE
    assert drift.Fit(3, 1.5, 0, 3).verdict(1) == drift.UNSURE
    assert drift.fit([1, 2, 3], [1, 2, 3]) is None
    # A step in an otherwise level figure, and steps all the time.
    for steps, verdict in ((1, drift.UNSURE), (12, drift.DRIFT)):
        times = [n / 600 for n in range(600)]
        found = drift.fit(times, [10 + 4 * (steps * t // 1) / steps + 0.01 * (n % 7) if steps > 1
                                  else 10 + 4 * (t > 0.4) + 0.01 * (n % 7)
                                  for n, t in enumerate(times)])
        assert found.verdict(1) == verdict, found.halves
    # A load that never changes, and one that says the same as another.
    times = [float(n) for n in range(60)]
    other = [n % 7 for n in range(60)]
    found = drift.fit(times, [2 * t for t in times], ([3.0] * 60, other, other))
    assert found.slope == pytest.approx(2)


EXPOSED = """# TYPE a_total counter
a_total{{vhost="v",app="live",stream="{0}"}} {1}
a_total{{vhost="",app="",stream="other"}} {2}
# TYPE b counter
b {3}
"""


def test_counters():
    """A stream's count may go to the row of the others; a sum may not fall."""
    before = counters.sums(Metrics(EXPOSED.format("s", 5, 1, 7)))
    assert counters.fallen(before, counters.sums(Metrics(EXPOSED.format("t", 2, 6, 7)))) == []
    assert len(counters.fallen(before, counters.sums(Metrics(EXPOSED.format("t", 2, 3, 6))))) == 2


def test_ledger():
    """A start without an end, an end too many, and clients that only one side knows."""
    found = Ledger()

    def event(action, client):
        found.append(Event(json.dumps({"action": action, "client_id": client}), "/steady", {}, 1))

    for action, client in (("on_play", "a"), ("on_publish", "b"), ("on_play", "c"),
                           ("on_stop", "c"), ("on_stop", "d"), ("on_dvr", "b")):
        event(action, client)
    assert found.open("steady", "on_play", "on_publish") == {"a": 1, "b": 1, "d": -1}
    assert found.open("restless", "on_play") == {}
    assert found.differences("steady", ["a", "b"]) == ["client d has -1 starts without an end, and "
                                                       "is not listed"]
    event("on_play", "d")
    assert found.differences("steady", ["a", "b"]) == []
    assert len(found.differences("steady", ["a", "x"])) == 2


def test_census():
    """Each way in which the API can be wrong about a client."""
    now = time.monotonic()
    gone = Client("flv-play", "s", False)
    gone.gone_at, gone.gone_by = now - 9, now + 9
    known = {"127.1.1.1": Client("flv-play", "s", True), "127.1.1.2": Client("ts-play", "s", False),
             "127.1.1.3": gone}
    rows = [{"ip": "127.1.1.1", "type": "flv-play", "name": "s.flv"},
            {"ip": "127.1.1.3", "type": "flv-play", "name": "s.flv"},
            {"ip": census.EDGE, "type": "flv-play", "name": "s.flv"}]
    assert census.differences(known, census.by_address({"clients": rows}), now) == []

    def wrong(clients, at=now):
        return census.differences(known, census.by_address({"clients": clients}), at)

    assert "is not listed" in wrong(rows[1:])[0]
    assert "is listed as" in wrong([{**rows[0], "type": "ts-play"}])[0]
    assert "has left" in wrong([*rows, {**rows[0], "ip": "127.1.1.9"}])[0]
    assert "still listed" in wrong(rows, now + 10)[0]
