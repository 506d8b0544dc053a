"""SRS as the other server: an origin cluster that redirects after Play.Start, an edge that asks for a
stream by its file name."""

import json
import re
import socket
import threading
import time

import pytest

import rtmp_client
from harness import PATIENCE, curl, ffmpeg_decode, free_port
from json_server import JsonServer
from rtmp_client import COMMAND, Closed
from rtmp_recorder import _Session
from test_edge import cluster


class Origin:
    """Grants every play, and then sends the player to `to` (a tcUrl), as an origin of an SRS cluster
    does for a stream of another one. to None: it stays silent. asked: the streams asked for."""

    def __init__(self, to=None, code=302):
        self.to, self.code, self.asked, self.sessions = to, code, [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.tc_url = f"rtmp://127.0.0.1:{self.port}/live"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            session = _Session(accepted, self)
            self.sessions.append(session)
            threading.Thread(target=self._run, args=(session,), daemon=True).start()

    def _run(self, session):
        try:
            session.accept()
            while True:
                message = session.read()
                if message.type == COMMAND:
                    self._answer(session, *message.values)
        except (Closed, OSError):
            session.close()

    def _answer(self, session, name, transaction, _info=None, *args):
        if name == "connect":
            session.command("_result", transaction, {}, {"code": "NetConnection.Connect.Success"})
        elif name == "createStream":
            session.command("_result", transaction, None, 1)
        elif name == "play":
            self.asked.append(args[0])
            for code in ("Reset", "Start"):
                session.command("onStatus", 0, None, {"level": "status", "code": f"NetStream.Play.{code}"},
                                stream=1)
            session.message(18, 0, rtmp_client.amf("|RtmpSampleAccess", True, True), stream=1)
            if self.to is not None:
                session.command("onStatus", 0, None, {
                    "level": "error", "code": "NetConnection.Connect.Rejected",
                    "description": "RTMP 302 Redirect",
                    "ex": {"code": self.code, "redirect": self.to,
                           "redirect2": f"{self.to}/{args[0]}"}}, stream=1)

    def close(self):
        self.listener.close()
        for session in self.sessions:
            try:
                session.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@pytest.fixture
def origin():
    """origin(to): an Origin that is closed at the end."""
    running = []

    def start(*args, **options):
        running.append(Origin(*args, **options))
        return running[-1]

    yield start
    for one in running:
        one.close()


def test_redirected_after_play_start(server, publish, origin, view):
    """Through three servers that do not have the stream, to the one that has it."""
    right = server()
    publish(right)
    third = origin(f"rtmp://127.0.0.1:{right.rtmp_port}/live")
    second = origin(third.tc_url)
    first = origin(second.tc_url)
    edge = server(vhost=cluster(first.port, "rtmp"))
    view(edge).wait_media(20)
    assert ffmpeg_decode(edge.rtmp_url(), 1) == ""
    assert [one.asked for one in (first, second, third)] == [["livestream"]] * 3
    assert "refused" not in edge.log()


def test_redirected_in_a_circle(server, publish, origin, view):
    """Servers that name each other are asked a bounded number of times, and again later."""
    right = server()
    publish(right)
    one = origin()
    other = origin(one.tc_url)
    one.to = other.tc_url
    edge = server(vhost=cluster(one.port, "rtmp"))
    viewer = view(edge)
    edge.wait_log("no stream from .*more than 3 redirects")
    tries = len(re.findall("no stream from", edge.log()))
    assert len(one.asked) + len(other.asked) <= 4 * (tries + 1)
    one.to = f"rtmp://127.0.0.1:{right.rtmp_port}/live"
    viewer.wait_media(20)


@pytest.mark.parametrize("to, says", [
    ("http://127.0.0.1/live", "not an RTMP address"),
    ("", "not an RTMP address"),
    ("rtmp://127.0.0.1:1935", None),
    ("rtmp://127.0.0.1:99999/live", "not an RTMP address"),
    ("rtmp://" + "x" * 1100 + "/live", "NetConnection.Connect.Rejected"),
    ("rtmp://\r\n/live", "not an RTMP address"),
])
def test_redirected_to_a_malformed_address(server, publish, origin, view, to, says):
    """It is logged, and the next origin is asked."""
    right = server()
    publish(right)
    wrong = origin(to)
    edge = server(vhost=cluster([wrong.port, right.rtmp_port], "rtmp"))
    view(edge).wait_media(10)
    assert wrong.asked
    if says is not None:
        edge.wait_log(f"no stream from .*{says}")


def test_refused_after_play_start(server, publish, origin, view):
    """The same without 302 is a refusal: nobody is followed."""
    right = server()
    publish(right)
    never = origin(None)
    wrong = origin(never.tc_url, code=403)
    edge = server(vhost=cluster([wrong.port, right.rtmp_port], "rtmp"))
    view(edge).wait_media(10)
    assert wrong.asked and not never.asked


def test_asked_by_its_file_name(server, publish):
    """The log and the rules see the stream's own name, and one stream serves both."""
    srv = server(vhost="security { enabled on; allow publish all; allow play 127.0.0.1; }")
    publish(srv)
    for name in ("livestream.flv", "livestream"):
        with rtmp_client.Client(srv.rtmp_port) as client:
            client.handshake()
            client.connect()
            client.play(name)
            client.media(5)
    assert len(re.findall(r"\] start play __defaultVhost__/live/livestream from", srv.log())) == 2
    assert "live/livestream.flv from" not in srv.log()



# ---- an origin cluster: the streams of coworkers ----

def answer_of(srv):
    """What an origin of SRS says of a stream that it has."""
    return {"code": 0, "data": {"query": {}, "origin": {
        "ip": "127.0.0.1", "port": srv.rtmp_port, "vhost": "__defaultVhost__", "api": "127.0.0.1:1",
        "routers": []}}}


def coworkers(*ports, more=""):
    return ("cluster { origin_cluster on; coworkers "
            + " ".join(f"127.0.0.1:{port}" for port in ports) + f"; {more} }}")


@pytest.fixture
def coworker():
    """coworker(answer): the API of another origin; answer as json_server.JsonServer's."""
    running = []

    def start(answer):
        running.append(JsonServer(answer))
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.mark.parametrize("hstrs", ["on", "off"])
def test_stream_of_a_coworker(server, publish, coworker, view, hstrs):
    """It is fetched from there once, for players of every protocol; who is asked is told which stream."""
    right = server()
    publish(right)
    one = coworker(answer_of(right))
    srv = server(vhost=coworkers(free_port(), one.port), remux=f"hstrs {hstrs};")
    view(srv).wait_media(20)
    assert ffmpeg_decode(srv.rtmp_url(), 1) == ""
    assert one.questions[0] == {"path": "/api/v1/clusters", "ip": "", "vhost": "__defaultVhost__",
                                "app": "live", "stream": "livestream",
                                "coworker": f"127.0.0.1:{one.port}"}
    assert len(re.findall("receiving from rtmp://", srv.log())) == 1
    srv.wait_log(r"\[warn\].*coworker 127.0.0.1:\d+: look-up of __defaultVhost__/live/livestream failed: ")


def test_redirect_to_a_coworker(server, coworker):
    right = server()
    one = coworker(answer_of(right))
    srv = server(vhost=coworkers(one.port, more="redirect on;"))
    with rtmp_client.Client(srv.rtmp_port) as client:
        client.handshake()
        client.connect()
        client.play("s", wait=False)
        info = client.until("onStatus")[-1].values[-1]
    assert info["code"] == "NetConnection.Connect.Rejected"
    assert info["ex"]["redirect"] == f"rtmp://127.0.0.1:{right.rtmp_port}/live"


NOWHERE = {"code": 0, "data": {"query": {}, "origin": None}}


@pytest.mark.parametrize("answer, says", [
    (NOWHERE, None),
    (b"", "not JSON"),
    (b"<html>", "not JSON"),
    ({"code": 2014}, "response code 2014"),
    (b"[" * 3000, "too long or too deep"),
    (b"{}" + b" " * 20000, "too long"),
    ({"code": 0, "data": {"origin": {"ip": "127.0.0.1\r\nX: y", "port": 1}}}, "not an address"),
])
def test_coworkers_without_the_stream(server, coworker, answer, says):
    """Nobody has it, or the answer is nonsense: the viewer is told so, and the server continues."""
    one = coworker(answer)
    srv = server(vhost=coworkers(one.port), remux="hstrs off;")
    assert curl(srv.http_url("/live/s.flv")).status == 404
    assert one.questions
    if says is None:
        assert "coworker 127.0.0.1" not in srv.log()
    else:
        srv.wait_log(f"coworker 127.0.0.1:{one.port}: look-up of __defaultVhost__/live/s failed: .*{says}")


def test_coworker_that_does_not_answer(server, publish, coworker, view):
    """The next one is asked in time, and viewers of streams that are here do not notice."""
    right = server()
    publish(right)
    silent, one = coworker(NOWHERE), coworker(answer_of(right))
    silent.hold = threading.Event()
    srv = server(vhost=coworkers(silent.port, one.port), remux="hstrs off;")
    view(srv).wait_media(5)
    begin = time.monotonic()
    assert curl(srv.http_url("/live/livestream.flv"), "-I").status == 200
    assert time.monotonic() - begin < 0.5 * PATIENCE
    assert silent.questions


def test_own_stream_asks_nobody(server, publish, coworker, view):
    one = coworker(NOWHERE)
    srv = server(vhost=coworkers(one.port))
    publish(srv)
    view(srv).wait_media(5)
    assert not one.questions


def test_asked_by_a_coworker(server, publish):
    """Origins of SRS ask by POST, from another machine and without a password."""
    srv = server(top="http_api { enabled on; listen @PORT3@; list off; }",
                 vhost="cluster { origin_cluster on; }")
    publish(srv)
    url = (f"http://127.0.0.1:{srv.ports[3]}/api/v1/clusters?vhost=__defaultVhost__&ip=1.2.3.4&app=live"
           f"&coworker=127.0.0.2:{srv.ports[3]}&stream=")
    foreign = ("-H", "Origin: http://elsewhere.example")  # it sees only what is public
    for options in ((), ("-d", ""), foreign, ("-d", "", *foreign)):
        origin = json.loads(curl(url + "livestream", *options).body)["data"]["origin"]
        assert (origin["ip"], origin["port"]) == ("127.0.0.2", srv.rtmp_port)
        assert json.loads(curl(url + "livestream.flv", *options).body)["data"]["origin"] == origin
        assert json.loads(curl(url + "other.flv", *options).body)["data"]["origin"] is None
    assert curl(url.replace("clusters", "clients"), "-d", "").status == 405
    assert curl(url.replace("clusters", "clients"), *foreign).status == 403


def test_only_a_cluster_answers_strangers(server):
    srv = server(top="http_api { enabled on; listen @PORT3@; }")
    url = f"http://127.0.0.1:{srv.ports[3]}/api/v1/clusters?app=live&stream=s"
    assert curl(url, "-H", "Origin: http://elsewhere.example").status == 403
    assert curl(url).status == 200
