"""The API of several workers: the same answers from each worker, about all of them."""

import json
import os
import pathlib
import re
import socket

import pytest

import flv
from harness import free_port, wait_for
from rtmp import Publisher
from workers_kit import closing, folder_of, is_alive, workers  # noqa: F401


class Asking:
    """A connection to the API, or to anything that speaks HTTP."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)

    def get(self, path, method="GET"):
        self.socket.sendall(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
        with self.socket.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def close(self):
        self.socket.close()


class Api:
    def __init__(self, one, port):
        self.one, self.port = one, port

    def at(self, pid, what):
        """The answer of this worker."""
        asking = self.one.at(pid, lambda: Asking(self.port))
        try:
            status, body = asking.get(f"/api/v1/{what}")
        finally:
            asking.close()
        assert status == 200, body
        return json.loads(body)

    def everywhere(self, what):
        """The answer of all of them, which is the same except for durations."""
        answers = [self.at(pid, what) for pid in self.one.pids()]
        for answer in answers:
            assert steady(answer) == steady(answers[0])
        return answers[0]


CHANGES = {"live_ms", "now_ms", "uptime_ms", "srs_uptime", "alive", "kbps", "send_bytes",
           "recv_bytes", "system", "used", "mem_kbyte", "mem_percent", "cpu_percent"}


def steady(thing):
    if isinstance(thing, dict):
        return {k: steady(v) for k, v in thing.items() if k not in CHANGES}
    return [steady(t) for t in thing] if isinstance(thing, list) else thing


@pytest.fixture
def api(workers):  # noqa: F811
    """api(2, **parts): the API of a server of so many workers."""
    def start(count, top="", **parts):
        port = free_port()
        return Api(workers(count, top=f"http_api {{ enabled on; listen {port}; }} {top}", **parts),
                   port)
    return start


def pages(api, name, count):
    """The whole list, in pages, each from another worker."""
    found = []
    for turn in range(50):
        pids = api.one.pids()
        page = api.at(pids[turn % len(pids)], f"{name}?start={len(found)}&count={count}")[name]
        found += page
        if len(page) < count:
            return found
    raise AssertionError("there is no end")


def rss_peak(pid):
    """The largest resident size that this process has had, in KiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


STREAMS = 12


def test_streams_by_pages(api, closing, source):  # noqa: F811
    """However few are asked for at a time, each is there once, with the viewers of all workers."""
    all_ = api(2)
    one = all_.one
    preamble, gops = source
    expected = {}
    for number in range(STREAMS):
        pub = closing(Publisher(one.srv.rtmp_url(f"live/s{number}")))
        pub.send_tags(preamble + gops[0])
        expected[f"s{number}"] = 1
    for number in range(0, STREAMS, 2):
        for pid in one.pids():
            closing(one.viewer_at(pid, f"/live/s{number}.flv")).wait_media(1)
            expected[f"s{number}"] += 1
    # Viewers that connected to the wrong worker have disconnected when the numbers are right.
    wait_for(lambda: {s["name"]: s["clients"] for s in
                      all_.at(one.pids()[0], "streams?count=1000")["streams"]} == expected, 10,
             "the clients to be counted")
    whole = all_.everywhere("streams?count=1000")["streams"]
    assert len(whole) == STREAMS
    for count in (1, 5):
        found = pages(all_, "streams", count)
        assert [s["id"] for s in found] == [s["id"] for s in whole]
        assert {s["name"]: s["clients"] for s in found} == expected
        assert all(s["publish"]["active"] and s["video"]["codec"] == "H264" for s in found)
    assert all_.everywhere("streams?start=1000")["streams"] == []


def test_clients_by_pages(api, closing, source):  # noqa: F811
    all_ = api(3)
    one = all_.one
    preamble, gops = source
    pub = closing(Publisher(one.srv.rtmp_url("live/s")))
    pub.send_tags(preamble + gops[0])
    for _ in range(15):
        closing(flv.Viewer(one.srv.http_url("/live/s.flv"))).wait_media(1)
    whole = all_.everywhere("clients?count=1000")["clients"]
    assert len(whole) == 16 and len({c["id"] for c in whole}) == 16
    for count in (1, 7):
        assert [c["id"] for c in pages(all_, "clients", count)] == [c["id"] for c in whole]
    assert all_.everywhere("clients?start=16")["clients"] == []


def test_kick_from_every_worker(api, closing, source):  # noqa: F811
    """Each worker disconnects its own clients and those of the other one, and no others."""
    all_ = api(2)
    one = all_.one
    preamble, gops = source
    pub = closing(Publisher(one.srv.rtmp_url("live/s")))
    pub.send_tags(preamble + gops[0])
    for pid in one.pids():
        viewers = [closing(one.viewer_at(at, "/live/s.flv")) for at in one.pids()]
        for viewer in viewers:
            viewer.wait_media(1)
        clients = all_.everywhere("clients")["clients"]
        ids = [c["id"] for c in clients if not c["publish"]]
        assert len(ids) == 2
        for number, client in enumerate(ids):
            asking = one.at(pid, lambda: Asking(all_.port))
            status, body = asking.get(f"/api/v1/clients/{client}", "DELETE")
            asking.close()
            assert status == 200 and json.loads(body)["code"] == 0
            wait_for(lambda left=1 - number: len(
                [c for c in all_.everywhere("clients")["clients"] if not c["publish"]]) == left,
                     5, "the viewer to be gone")
    [left] = all_.everywhere("clients")["clients"]
    assert left["publish"] is True


def test_the_server_is_one(api):
    """Process id and start time are the master's."""
    vhosts = "".join(f"vhost v{i} {{ }} " for i in range(12))
    all_ = api(2, vhosts=vhosts)
    summary = all_.everywhere("summaries")
    assert summary["pid"] == str(all_.one.srv.pid) == str(summary["data"]["self"]["pid"])
    assert summary["data"]["self"]["ppid"] == os.getpid()
    process = all_.at(all_.one.pids()[0], "self_proc_stats")["data"]
    assert (process["pid"], process["ppid"]) == (all_.one.srv.pid, os.getpid())
    # The threads of both workers: the event loop's, and helpers for slow calls.
    threads = [len(list(pathlib.Path(f"/proc/{pid}/task").iterdir())) for pid in all_.one.pids()]
    assert process["num_threads"] == sum(threads)
    assert all_.at(all_.one.pids()[0], "rusages")["data"]["ru_maxrss"] > \
        max(rss_peak(pid) for pid in all_.one.pids())
    # More than a page of streams or clients: vhosts have none.
    assert len(all_.everywhere("vhosts")["vhosts"]) == 13


@pytest.mark.parametrize("what", ["streams/vid-0%20HTTP/1.1%0d%0aX:%20y", "clients/a%3Fb",
                                  "clients/%23", "streams/" + "a" * 480, "clients/%ff"])
def test_unknown_ids(api, what):
    """Such a query is not passed to the other workers."""
    all_ = api(2)
    for pid in all_.one.pids():
        asking = all_.one.at(pid, lambda: Asking(all_.port))
        status, body = asking.get(f"/api/v1/{what}")
        asking.close()
        assert status in (400, 404) or json.loads(body)["code"] != 0
    assert "API: no response from worker" not in all_.one.srv.log()


# ---- the workers' own sockets ----


def test_only_this_servers_user_reaches_a_workers_socket(workers):  # noqa: F811
    """What is said there is not asked who says it: the folder keeps others out."""
    one = workers(2)
    found = folder_of(one).stat()
    assert found.st_mode & 0o777 == 0o700 and found.st_uid == os.getuid()
    assert {p.name for p in folder_of(one).iterdir()} == {"0", "1"}


NONSENSE = [b"\0" * 3000, b"GET /pull/0 HTTP/1.1\r\n\r\n", b"GET /pull/-1 HTTP/1.0\r\n\r\n",
            b"GET /pull/18446744073709551615 HTTP/1.0\r\n\r\n",
            b"GET /pull/1?since=x HTTP/1.0\r\n\r\n", b"GET /pull/ HTTP/1.0\r\n\r\n",
            b"POST /pull/1 HTTP/1.0\r\nContent-Length: 99999999999\r\n\r\n",
            b"GET /api/v1/clients?start=-1&count=9999999999999 HTTP/1.0\r\n\r\n",
            b"GET /live/livestream.flv HTTP/1.0\r\n\r\n", b"GET / HTTP/1.0\r\nX: " + b"y" * 70000]


def test_malformed_requests_at_a_workers_socket(workers, closing, source):  # noqa: F811
    """From one who may enter the folder: nobody's stream is the worse for it."""
    one = workers(2)
    a, b = one.pids()
    _, gops = source
    pub, viewer = one.watched(closing, source, a, b)
    for slot in "01":
        for data in NONSENSE:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(20)
                sock.connect(str(folder_of(one) / slot))
                try:
                    sock.sendall(data)
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(65536):
                        pass
                except ConnectionError:
                    pass
    pub.send_tags(gops[1])
    viewer.wait_media(len(gops[0]) + len(gops[1]))
    assert one.pids() == [a, b] and is_alive(a) and is_alive(b)
    assert len(re.findall(r"worker \d starts", one.srv.log())) == 2


def test_a_stream_watched_at_another_worker_is_not_idle(workers, closing, source):  # noqa: F811
    """kickoff_for_idle: the viewers of all workers count."""
    one = workers(2, publish={"kickoff_for_idle": 3})
    a, b = one.pids()
    preamble, gops = source
    viewer = closing(one.viewer_at(b))
    one.srv.wait_log(r"play .*livestream\.flv")
    pub = closing(one.publisher_at(a))
    pub.send_tags(preamble + gops[0])
    sent = len(gops[0])
    # Four seconds of the stream, sent in real time.
    more = [t for gop in gops[1:] for t in gop if t.time < gops[1][0].time + 4000]
    pub.send_paced(more)
    viewer.wait_media(len(gops[0]) + len(more))
    assert not pub.is_closed and not viewer.is_done
