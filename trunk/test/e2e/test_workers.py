"""Several workers act as one server, whichever worker accepts a connection and whichever dies."""

import itertools
import os
import re
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

import flv
from harness import curl, ffprobe, free_port, listening_ports, wait_for
from ready import readable
from rtmp import Closed, Publisher
from workers_kit import (STREAM, Workers, closing, flat, folder_of, is_alive,  # noqa: F401
                         keys, workers)

# ---- one server ----


def test_same_start_and_same_bytes(workers, closing, source):
    one = workers(2)
    a, b = one.pids()
    preamble, gops = source
    pub = closing(one.publisher_at(a))
    pub.send_tags(preamble + gops[0] + gops[1])
    # Once the second GOP is complete, all viewers start there.
    probe = closing(flv.Viewer(one.srv.http_url(f"/{STREAM}.flv")))
    probe.wait(lambda v: gops[1][-1].key in keys(v.media), 10)
    here = closing(one.viewer_at(a))
    there = closing(one.viewer_at(b))
    for viewer in (here, there):
        viewer.wait_media(len(gops[1]))
        first = viewer.media[0]
        assert first.is_keyframe and first.key == gops[1][0].key
    pub.send_tags(gops[2] + gops[3])
    for viewer in (here, there):
        viewer.wait_media(len(flat(gops[1:4])))
    assert [t.data for t in here.tags] == [t.data for t in there.tags]
    assert keys(here.media) == keys(there.media)
    # Relative to the first frame, each frame has the same time.
    assert [t.time - here.media[0].time for t in here.media] == \
        [t.time - there.media[0].time for t in there.media]


def test_one_pull_for_all_viewers_there(workers, closing, source):
    one = workers(2)
    a, b = one.pids()
    preamble, gops = source
    pub = closing(one.publisher_at(a))
    pub.send_tags(preamble + gops[0])
    viewers = [closing(one.viewer_at(b)) for _ in range(5)]
    for viewer in viewers:
        viewer.wait_media(len(gops[0]))
    assert len(re.findall(r"receiving from \S+/0", one.srv.log())) == 1
    for viewer in viewers:
        viewer.close()
    # After the last viewer has left, the pull ends.
    one.srv.wait_log(r"worker pull \S+: no viewers")


def test_waiting_elsewhere_is_woken_at_once(workers, closing, source):
    one = workers(2)
    a, b = one.pids()
    preamble, gops = source
    viewer = closing(one.viewer_at(b))
    one.srv.wait_log(r"play .*livestream\.flv")
    pub = closing(one.publisher_at(a))
    pub.send_tags(preamble + gops[0] + gops[1])
    # From the first keyframe on, although the second one came with it.
    viewer.wait_media(len(flat(gops[:2])))
    assert keys(viewer.media) == keys(flat(gops[:2]))


def test_no_frame_waits_for_the_next(workers, closing, source):
    """With few viewers each frame is sent at once, to viewers of the other worker, too."""
    one = workers(2)
    a, b = one.pids()
    preamble, gops = source
    pub = closing(one.publisher_at(a))
    pub.send_tags(preamble + gops[0])
    here, there = closing(one.viewer_at(a)), closing(one.viewer_at(b))
    for viewer in (here, there):
        viewer.wait_media(len(gops[0]))
    for count, tag in enumerate(gops[1][:60], len(gops[0]) + 1):
        pub.send_tag(tag)
        for viewer in (here, there):
            viewer.wait_media(count)


def test_rtmp_players_elsewhere(workers, closing, source):
    one = workers(2)
    preamble, gops = source
    pub = closing(one.publisher_at(one.pids()[0]))
    pub.send_tags(preamble + gops[0])
    stop = threading.Event()
    loader = threading.Thread(target=pub.send_paced, args=(flat(gops[1:]),), kwargs={"stop": stop})
    loader.start()
    try:
        # The kernel decides which worker each of them gets.
        for _ in range(40):
            found = ffprobe(one.srv.rtmp_url(STREAM), "-analyzeduration", "1000000")
            assert {s["codec_name"] for s in found["streams"]} == {"h264", "aac"}
            if "receiving from" in one.srv.log():
                break
        else:
            raise AssertionError("all came to the publisher's worker")
    finally:
        stop.set()
        loader.join()


def test_publisher_comes_back_at_another_worker(workers, closing, source):
    one = workers(2)
    a, b = one.pids()
    preamble, gops = source
    pub = one.publisher_at(a)
    pub.send_tags(preamble + gops[0])
    here, there = closing(one.viewer_at(a)), closing(one.viewer_at(b))
    for viewer in (here, there):
        viewer.wait_media(len(gops[0]))
    pub.unpublish()
    one.srv.wait_log("stop publish")
    again = closing(one.publisher_at(b))
    again.send_tags(preamble + gops[1])
    for viewer in (here, there):
        viewer.wait_media(len(flat(gops[0:2])))
        assert not viewer.is_done
        flv.check_times(viewer.media)
        assert keys(viewer.media)[len(gops[0]):] == keys(gops[1])


# ---- the publish lock ----


def test_second_publisher_at_another_worker_is_refused(workers, closing, source):
    one = workers(2)
    a, b = one.pids()
    closing(one.publisher_at(a))
    for _ in range(8):
        with pytest.raises(AssertionError, match="(?s)BadName|closed|vain"):
            Publisher(one.srv.rtmp_url(STREAM), timeout=3)
    assert one.srv.log().count("is already published") >= 8


def test_two_workers_publish_at_the_same_moment(workers, closing):
    one = workers(2)
    for turn in range(12):
        results = []
        gate = threading.Barrier(4)

        def race(name):
            gate.wait()
            try:
                results.append(Publisher(one.srv.rtmp_url(name), timeout=4))
            except (AssertionError, OSError):
                results.append(None)

        threads = [threading.Thread(target=race, args=(f"live/race{turn}",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners = [pub for pub in results if pub is not None]
        assert len(winners) == 1, f"{len(winners)} publishers of one stream"
        winners[0].close()


def test_takeover_from_another_worker(workers, closing, source):
    one = workers(2, publish={"takeover": "replace"})
    a, b = one.pids()
    preamble, gops = source
    old = closing(one.publisher_at(a))
    old.send_tags(preamble + gops[0])
    viewer = closing(one.viewer_at(a))
    viewer.wait_media(len(gops[0]))
    # Wherever it connects: at the same worker it is no different.
    new = closing(Publisher(one.srv.rtmp_url(STREAM)))
    one.srv.wait_log(": taken over from")
    new.send_tags(preamble + gops[1])
    viewer.wait_media(len(flat(gops[:2])))
    assert keys(viewer.media)[len(gops[0]):] == keys(gops[1])
    flv.check_times(viewer.media)


# ---- limits ----


def is_open(sock):
    """It has received nothing, not even its end."""
    return not readable([sock], 0)


def fill(one, count):
    """Opens count publishers that stay, so that no other fits.

    A publisher that connected while an earlier one was still counted is refused and opened again.
    """
    held = []
    names = itertools.count()

    def full():
        held[:] = [p for p in held if not p.is_closed]
        for _ in range(count - len(held)):
            try:
                held.append(Publisher(one.srv.rtmp_url(f"live/fill{next(names)}")))
            except (OSError, Closed):
                return False
        settled = all(one.of(p.socket) is not None for p in held)
        return settled and is_refused(one.srv.http_port) and not any(p.is_closed for p in held)

    wait_for(full, 20, "the limit to be reached")
    return held


def is_refused(port):
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.settimeout(5)
        try:
            sock.sendall(b"GET /nothing.txt HTTP/1.0\r\n\r\n")
            answer = sock.recv(200)
        except ConnectionError:  # it was closed before it sent its request
            return True
        return not answer or b" 503 " in answer or b" 429 " in answer


@pytest.mark.parametrize("limit", ["max_connections 20", "max_connections_per_ip 20"])
def test_limits_are_the_servers(workers, limit):
    one = workers(2, top=f"{limit}; max_publishers 20;")
    held = fill(one, 20)
    assert len({one.of(p.socket) for p in held}) == 2
    assert all(is_refused(one.srv.http_port) for _ in range(6))
    for publisher in held:
        publisher.close()
    wait_for(lambda: not is_refused(one.srv.http_port), 10, "room again")


def test_connections_of_a_dead_worker_are_not_counted(workers):
    one = workers(2, top="max_connections 10; max_connections_per_ip 10; max_publishers 10;")
    a, b = one.pids()
    held = fill(one, 10)
    os.kill(a, signal.SIGKILL)
    wait_for(lambda: not is_refused(one.srv.http_port), 10, "room again")
    for publisher in held:
        publisher.close()


def test_a_full_server_evicts_at_whichever_worker_it_can(workers):
    """All idle connections are at one worker; a new one at the other worker replaces one of
    them."""
    one = workers(2, top="max_connections 12; max_publishers 12;")
    idle = [socket.create_connection(("127.0.0.1", one.srv.http_port)) for _ in range(6)]
    one.spread(idle)
    held = [Publisher(one.srv.rtmp_url(f"live/s{n}")) for n in range(12)]
    assert not any(p.is_closed for p in held) and not any(is_open(s) for s in idle)
    assert is_refused(one.srv.http_port)
    for conn in idle + held:
        conn.close()


# ---- the API ----


def test_the_api_of_any_worker_answers_for_all(workers, closing, source):
    api = free_port()
    one = workers(2, top=f"http_api {{ enabled on; listen {api}; }}")
    a, b = one.pids()
    preamble, gops = source
    pub = closing(one.publisher_at(a))
    pub.send_tags(preamble + gops[0])
    viewers = [closing(one.viewer_at(a)), closing(one.viewer_at(b)), closing(one.viewer_at(b))]
    for viewer in viewers:
        viewer.wait_media(len(gops[0]))

    def ask(what):
        return curl(f"http://127.0.0.1:{api}/api/v1/{what}").json()

    # Whichever worker answers.
    for _ in range(6):
        streams = wait_for(lambda: [s for s in ask("streams")["streams"] if s["clients"] == 4], 5,
                           "one stream with four clients")
        assert len(streams) == 1 and streams[0]["publish"]["active"]
        single = ask("streams/" + streams[0]["id"])["stream"]
        assert single["clients"] == 4 and single["video"]["codec"] == "H264"
        clients = ask("clients")["clients"]
        assert sorted(c["type"] for c in clients) == ["flv-play"] * 3 + ["fmle-publish"]
        assert len(ask("clients?start=1&count=2")["clients"]) == 2
        assert all(ask("clients/" + c["id"])["client"]["id"] == c["id"] for c in clients)
        assert ask("clients/nobody")["code"] != 0
        assert ask("summaries")["data"]["srs"]["clients"] == 4
        assert ask("vhosts")["vhosts"][0]["clients"] == 4


# ---- death ----


def test_a_worker_is_killed(workers, closing, source):
    one = workers(2)
    a, b = one.pids()
    preamble, gops = source
    kept = closing(one.publisher_at(b, "live/kept"))
    kept.send_tags(preamble + gops[0])
    lost = closing(one.publisher_at(a, "live/lost"))
    lost.send_tags(preamble + gops[0])
    of_b = closing(one.viewer_at(b, "/live/kept.flv"))
    of_a = closing(one.viewer_at(a, "/live/kept.flv"))
    waiting = closing(one.viewer_at(b, "/live/lost.flv"))
    for viewer in (of_b, of_a, waiting):
        viewer.wait_media(len(gops[0]))
    os.kill(a, signal.SIGKILL)
    # It is replaced, and its streams are free before that.
    wait_for(lambda: one.pids()[0] != a, 10, "another worker")
    # At once; the benchmark measures how soon it listens.
    assert re.search("worker 1, process .* died .* starting another in 0 ms", one.srv.log()) or \
        "starting another in 250 ms" in one.srv.log(), "it had served for less than a second"
    again = closing(Publisher(one.srv.rtmp_url("live/lost")))
    again.send_tags(preamble + gops[1])
    # Its own viewers are disconnected; viewers of its stream at other workers continue.
    wait_for(lambda: of_a.is_done, 5, "its viewer's end")
    kept.send_tags(gops[1])
    of_b.wait_media(len(flat(gops[:2])))
    assert keys(of_b.media) == keys(flat(gops[:2]))
    waiting.wait_media(len(flat(gops[:2])))
    assert not waiting.is_done
    flv.check_times(waiting.media)
    assert one.srv.log().count("worker 2 starts") == 1


def test_the_master_is_killed(workers, closing, source):
    one = workers(3)
    pids = one.pids()
    folder = folder_of(one)
    preamble, gops = source
    pub = closing(Publisher(one.srv.rtmp_url(STREAM)))
    pub.send_tags(preamble + gops[0])
    viewers = [closing(flv.Viewer(one.srv.http_url(f"/{STREAM}.flv"))) for _ in range(6)]
    for viewer in viewers:
        viewer.wait_media(len(gops[0]))
    one.srv.child.kill()
    one.srv.child.wait()
    one.srv.has_stopped = True
    wait_for(lambda: not any(is_alive(pid) for pid in pids), 8, "the workers to end")
    assert len(re.findall(r"Millrace ends\n", one.srv.log())) == 3
    wait_for(lambda: not folder.exists(), 2, "the folder to go")
    assert one.srv.http_port not in listening_ports()
    one.srv.check_output()


def test_a_crash_loop_does_not_spin(workers):
    one = workers(2)
    folder = folder_of(one)
    victim = one.pids()[0]
    # Nothing can listen in it any more: the new workers fail before they serve.
    hidden = folder.with_name(folder.name + ".away")
    folder.rename(hidden)
    try:
        os.kill(victim, signal.SIGKILL)
        one.srv.wait_log(r"(?s)(died \(exit status 1\).*){3}", 20)
        starts = one.srv.log().count("worker 1 starts")
        assert 3 <= starts <= 6
    finally:
        hidden.rename(folder)
    one.wait_again(1)
    assert curl(one.srv.http_url("/nothing.txt")).status == 404


def test_a_worker_that_cannot_start_ends_the_server(server, tmp_path):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", free_port()))
        taken.listen()
        srv = server(top=f"workers 2; listen {taken.getsockname()[1]};", wait=False)
        srv.has_stopped = True
        assert srv.wait(10) == 1
        assert "address in use" in srv.log()


# ---- signals ----


def test_signals_reach_all(workers, tmp_path):
    log = tmp_path / "server.log"
    pid_file = tmp_path / "pid"
    one = workers(2, top=f"pid {pid_file}; srs_log_tank file; srs_log_file {log}; "
                         "srs_log_level info;")
    one.srv.log = lambda: "".join(p.read_text() for p in (tmp_path / "old.log", log) if p.exists())
    pids = one.pids()
    assert int(pid_file.read_text()) == one.srv.pid
    log.rename(tmp_path / "old.log")
    one.srv.signal(signal.SIGUSR1)
    wait_for(lambda: log.exists() and log.read_text().count("log file reopened") == 2, 5,
             "two workers to open the log")
    text = one.srv.config_path.read_text()
    one.srv.config_path.write_text(text.replace("srs_log_level info", "srs_log_level debug"))
    one.srv.signal(signal.SIGHUP)
    wait_for(lambda: "configuration is valid" in log.read_text(), 5, "the reload")
    one.srv.config_path.write_text("no such thing;")
    one.srv.signal(signal.SIGHUP)
    wait_for(lambda: "reload failed" in log.read_text(), 5, "the refusal")
    assert log.read_text().count("reload failed") == 1
    for number, pid in enumerate(pids, 1):
        assert f"[{pid}/{number}]" in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_quick_end(workers, closing, source, number):
    one = workers(2)
    pids = one.pids()
    preamble, gops = source
    pub = closing(Publisher(one.srv.rtmp_url(STREAM)))
    pub.send_tags(preamble + gops[0])
    viewers = [closing(flv.Viewer(one.srv.http_url(f"/{STREAM}.flv"))) for _ in range(4)]
    for viewer in viewers:
        viewer.wait_media(1)
    folder = folder_of(one)
    one.srv.stop(number)
    assert not any(is_alive(pid) for pid in pids)
    assert not folder.exists()


def test_drain(workers, closing, source):
    one = workers(2, top="grace_start_wait 100; grace_final_wait 0;")
    a, b = one.pids()
    _, gops = source
    pub, viewer = one.watched(closing, source, a, b)
    one.srv.signal(signal.SIGQUIT)
    wait_for(lambda: one.srv.http_port not in listening_ports(), 5, "the listeners to close")
    pub.send_tags(gops[1])
    viewer.wait_media(len(flat(gops[:2])))
    assert one.srv.is_running
    viewer.close()
    pub.unpublish()
    assert one.srv.wait(10) == 0


# ---- cost ----


def wakes(pids):
    """How often these processes have slept so far."""
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", Path(
        f"/proc/{pid}/status").read_text(), re.M).group(1)) for pid in pids)


def test_idle_workers_sleep(workers):
    """Without clients: a worker wakes for its heartbeat and to check its memory, once a second
    each, the master to check the heartbeats. Polling would wake them far more often."""
    one = workers(2)

    def asleep():
        before = wakes([one.srv.pid, *one.pids()])
        time.sleep(1.5)
        return wakes([one.srv.pid, *one.pids()]) - before < 20

    wait_for(asleep, 10, "a moment with few wakes")


def test_workers_sleep_again_after_traffic(server):
    """One process: its last connection has ended, and then nothing wakes it for whole seconds."""
    srv = server(top="workers 1;")
    assert curl(srv.http_url("/nothing.txt")).status == 404

    def asleep():
        before = wakes([srv.pid])
        time.sleep(2.5)
        return wakes([srv.pid]) == before

    wait_for(asleep, 15, "a moment without a wake")


def test_one_worker_is_one_process(server):
    srv = server(top="workers 1;")
    assert srv.processes() == [srv.pid]
    assert not re.search(r"worker \d|worker listens|unix:", srv.log())
