"""What workers share about a stream: its tracks, whether its publisher is alive, and its
timestamps."""

import os
import re
import signal
import socket

import pytest

import flv
from harness import wait_for
from rtmp import Connection, Publisher
from workers_kit import STREAM, closing, flat, keys, workers  # noqa: F401

MOUNTS = {"mount": [f"[vhost]/[app]/[stream].{kind}" for kind in ("flv", "mp3", "aac", "ts")]}


class Encoder(Connection):
    """A client that has done everything except publish, so that it can publish at once."""

    def __init__(self, url, **kw):
        super().__init__(url, **kw)
        self.command("createStream", 2, None)
        wait_for(lambda: sum(b"_result" in b for k, b in list(self.said) if k == 20) > 1, 10,
                 "createStream's result")

    def ask(self):
        self.command("publish", 3, None, self.stream, "live", stream=1)

    def publish(self):
        self.ask()
        self.wait_said("NetStream.Publish.Start")
        return self

    def vanish(self):
        """Disconnects, without waiting until the server has noticed."""
        self.socket.shutdown(socket.SHUT_RDWR)

    send_tag, send_tags = Publisher.send_tag, Publisher.send_tags


def encoder_at(one, pid, stream=STREAM):
    return one.at(pid, lambda: Encoder(one.srv.rtmp_url(stream)))


# ---- its tracks ----


class Asked:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)

    def close(self):
        self.socket.close()


def status_at(one, pid, path, method="GET"):
    """The status of the answer to a request at this worker, or the close code of a WebSocket (WS)
    that is closed at once."""
    asked = one.at(pid, lambda: Asked(one.srv.http_port))
    more = ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n") if method == "WS" else ""
    asked.socket.sendall(f"{method.replace('WS', 'GET')} {path} HTTP/1.1\r\nHost: localhost\r\n"
                         f"{more}\r\n".encode())
    with asked.socket.makefile("rb") as answer:
        status = int(answer.readline().split()[1])
        while status == 101 and answer.readline() != b"\r\n":
            pass
        if status == 101 and answer.read(1) == b"\x88":  # the close
            status = int.from_bytes(answer.read(3)[1:], "big")
    asked.close()
    return status


def test_a_format_that_does_not_fit(workers, closing, source):
    """Refused at once by a worker that has nothing of the stream yet, as by the publisher's
    worker."""
    one = workers(2, remux=MOUNTS)
    a, b = one.pids()
    preamble, gops = source
    pub = closing(one.publisher_at(a))
    pub.send_tags([t for t in preamble + gops[0] if not t.is_video])
    # That there is no video is known after enough audio.
    wait_for(lambda: status_at(one, a, f"/{STREAM}.flv?only=video", "HEAD") == 404, 10,
             "it to be known")
    for pid in (a, b):
        for path, status in ((".mp3", 404), (".flv?only=video", 404), (".flv?only=audio", 200),
                             (".aac", 200), (".flv", 200), (".ts", 200)):
            assert status_at(one, pid, f"/{STREAM}{path}", "HEAD") == status, path
        assert status_at(one, pid, f"/{STREAM}.mp3") == 404
        assert status_at(one, pid, f"/{STREAM}.mp3", "WS") == 4404
        assert status_at(one, pid, f"/{STREAM}.flv?only=video", "WS") == 4404


def test_the_address_of_http_pull(workers, closing, source):
    """Without hstrs: a worker serves a stream that only another worker has, and refuses all
    others."""
    one = workers(2, http_server="http_pull { enabled on; mount /pull; }", remux="hstrs off;")
    a, b = one.pids()
    path = "/pull?app=live&stream=livestream"
    preamble, gops = source
    assert status_at(one, b, path) == 404
    pub = closing(one.publisher_at(a))
    pub.send_tags(preamble + gops[0])
    assert status_at(one, b, path, "HEAD") == 200
    closing(one.viewer_at(b, path)).wait_media(len(gops[0]))
    assert status_at(one, b, path + "2") == 404


# ---- whether its publisher is alive ----


def test_an_encoder_that_is_back_at_once(workers, closing):
    """Another worker may not have read the end of its first connection yet."""
    one = workers(2)
    here = closing(encoder_at(one, one.pids()[0]).publish())
    for turn in range(12):
        there = closing(encoder_at(one, one.pids()[(turn + 1) % 2]))
        here.vanish()
        here = there.publish()


def test_an_encoder_that_is_back_at_once_in_one_process(server, closing, source):
    """The same, while the server has not yet read all that the first connection sent."""
    srv = server(top="workers 1;")
    preamble, gops = source
    here = closing(Encoder(srv.rtmp_url(STREAM)).publish())
    for _ in range(6):
        there = closing(Encoder(srv.rtmp_url(STREAM)))
        here.send_tags(preamble + flat(gops))
        here.vanish()
        here = there.publish()


def test_messages_sent_before_the_takeover_are_used(workers, closing, source):
    """For the viewers of both workers, although it has returned before that was read."""
    one = workers(2)
    a, b = one.pids()
    preamble, gops = source
    here = closing(encoder_at(one, a).publish())
    here.send_tags(preamble + gops[0])
    viewers = [closing(one.viewer_at(pid)) for pid in (a, b)]
    for viewer in viewers:
        viewer.wait_media(len(gops[0]))
    sent = list(gops[0])
    for turn, gop in enumerate(gops[1:5]):
        there = closing(encoder_at(one, one.pids()[(turn + 1) % 2]))
        here.send_tags(gop)
        here.vanish()
        here = there.publish()
        here.send_tags(preamble)
        sent += gop
    here.send_tags(gops[5])
    sent += gops[5]
    for viewer in viewers:
        viewer.wait_media(len(sent))
        assert keys(viewer.media) == keys(sent)
        flv.check_times(viewer.media)


def test_a_publisher_in_the_middle_of_a_message_is_alive(workers, closing, source):
    one = workers(2)
    a, b = one.pids()
    preamble, gops = source
    here = closing(encoder_at(one, a).publish())
    here.send_tags(preamble)
    viewer = closing(one.viewer_at(b))
    frame = gops[0][0]
    whole = []

    class Catcher:
        sendall = staticmethod(whole.append)

    sock, here.socket = here.socket, Catcher
    here.send_tag(frame)
    here.socket = sock
    data = b"".join(whole)
    sock.sendall(data[:len(data) // 2])
    there = closing(encoder_at(one, b))
    there.ask()
    wait_for(lambda: there.has_said("NetStream.Publish.BadName"), 10, "the refusal")
    sock.sendall(data[len(data) // 2:])
    here.send_tags(gops[0][1:])
    viewer.wait_media(len(gops[0]))
    assert keys(viewer.media) == keys(gops[0])


# ---- its timestamps ----


def check_same_times(viewers, gop):
    """This was the last frame, and has the same timestamp for all of them."""
    times = []
    for viewer in viewers:
        viewer.wait(lambda v: v.media and v.media[-1].key == gop[-1].key, 10, "the last frame")
        assert keys(viewer.media)[-len(gop):] == keys(gop)
        flv.check_times(viewer.media)
        times.append([tag.time for tag in viewer.media[-len(gop):]])
    assert all(one == times[0] for one in times), [one[:3] for one in times]
    return times[0]


def watched(one, closing, pids, gop):
    """Viewers at these workers, all of which have received this."""
    viewers = [closing(one.viewer_at(pid)) for pid in pids]
    for viewer in viewers:
        viewer.wait(lambda v: v.media and v.media[-1].key == gop[-1].key, 10, "the first part")
    return viewers


@pytest.mark.parametrize("to, at", [(1, [0]), (0, [1]), (1, [1]), (1, [2]), (0, [1, 2])])
def test_timestamps_continue_at_any_worker(workers, closing, source, to, at):
    """The publisher was at the first worker, and returns at some worker; viewers are at others."""
    one = workers(3)
    pids = one.pids()
    preamble, gops = source
    pub = one.publisher_at(pids[0])
    pub.send_tags(preamble + gops[0])
    viewers = watched(one, closing, [pids[i] for i in at], gops[0])
    before = viewers[0].media[-1].time
    pub.unpublish()
    pub = closing(one.publisher_at(pids[to]))
    pub.send_tags(preamble + gops[1])
    viewers += [closing(one.viewer_at(pid)) for pid in pids]
    first = check_same_times(viewers, gops[1])[0]
    assert 0 < first - before < 250


def test_timestamps_continue_after_a_takeover(workers, closing, source):
    one = workers(2, publish={"takeover": "replace"})
    a, b = one.pids()
    preamble, gops = source
    old = closing(encoder_at(one, a).publish())
    old.send_tags(preamble + gops[0])
    viewers = watched(one, closing, [a], gops[0])
    for gop, pid in zip(gops[1:4], (b, a, b)):
        new = closing(encoder_at(one, pid).publish())
        new.send_tags(preamble + gop)
        check_same_times(viewers + [closing(one.viewer_at(pid))], gop)
        old = new


def test_timestamps_continue_after_a_worker_is_killed(workers, closing, source):
    one = workers(3)
    a, b, c = one.pids()
    preamble, gops = source
    pub = closing(one.publisher_at(a))
    pub.send_tags(preamble + gops[0])
    viewers = watched(one, closing, [c], gops[0])
    before = viewers[0].media[-1].time
    os.kill(a, signal.SIGKILL)
    wait_for(lambda: one.pids()[0] != a, 10, "another worker")
    pub = closing(encoder_at(one, b).publish())
    pub.send_tags(preamble + gops[1])
    viewers += [closing(one.viewer_at(pid)) for pid in one.pids()]
    first = check_same_times(viewers, gops[1])[0]
    assert 0 < first - before < 250


def wait_all_gone(one):
    """The viewers, and the worker pulls for them."""
    def count(what):
        return len(re.findall(rf"\] {what} ", one.srv.log()))
    wait_for(lambda: count("stop play") == count("play"), 10, "all to be gone")


def test_timestamps_restart_without_viewers(workers, closing, source):
    one = workers(2)
    a, b = one.pids()
    preamble, gops = source
    pub = one.publisher_at(a)
    pub.send_tags(preamble + flat(gops[:3]))
    viewer = one.viewer_at(b)
    viewer.wait_media(len(gops[2]))
    viewer.close()
    pub.unpublish()
    wait_all_gone(one)
    for pid in (b, a):
        pub = one.publisher_at(pid)
        pub.send_tags(preamble + gops[0])
        with one.viewer_at(pid) as viewer:
            viewer.wait_media(1)
            assert viewer.media[0].time < 250
        pub.unpublish()
        wait_all_gone(one)


# ---- a short publication ----


def test_a_very_short_publication(workers, closing, source):
    """Viewers that waited for it at other workers get all of it, although it ends before these
    workers are notified."""
    one = workers(3, remux={"republish_wait": 200})
    preamble, gops = source
    viewers = [closing(one.viewer_at(pid)) for pid in one.pids()]
    wait_for(lambda: one.srv.log().count("] play ") >= 3, 10, "all to wait")
    pub = encoder_at(one, one.pids()[0]).publish()
    pub.send_tags(preamble + gops[0])
    pub.close()
    for viewer in viewers:
        viewer.wait_end()
        assert keys(viewer.media) == keys(gops[0])


def test_a_very_short_publication_in_one_process(server, closing, source):
    srv = server(top="workers 1;", remux={"republish_wait": 200})
    preamble, gops = source
    viewer = closing(flv.Viewer(srv.http_url(f"/{STREAM}.flv")))
    srv.wait_log(r"\] play ")
    for gop in gops[:3]:
        pub = Encoder(srv.rtmp_url(STREAM)).publish()
        pub.send_tags(preamble + gop)
        pub.close()
        viewer.wait_end()
        assert keys(viewer.media) == keys(gop)
        viewer = closing(flv.Viewer(srv.http_url(f"/{STREAM}.flv")))
        wait_for(lambda: srv.log().count("] play ") > gops.index(gop) + 1, 10, "it to wait")
