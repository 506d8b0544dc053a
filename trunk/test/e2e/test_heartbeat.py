"""The heartbeat, as a server and SRS's proxy get it."""

import re
import signal
import threading

import pytest

import harness
from harness import curl, wait_for
from json_server import JsonServer


def start(server, receiver, directives="", top="", **options):
    api = harness.free_port()
    srv = server(top=f"heartbeat {{ enabled on; interval 1; url {receiver.url('/api/v1/servers')}; "
                     f"{directives} }} http_api {{ enabled on; listen {api}; }} {top}", **options)
    srv.api_port = api
    return srv


def test_what_is_sent(server):
    with JsonServer({"code": 0}) as receiver:
        srv = start(server, receiver, 'device_id "my device";')
        [first, second] = wait_for(lambda: receiver.questions[:2] if len(receiver.questions) > 1 else None,
                                   10, "two heartbeats")
        assert list(first) == ["device_id", "ip", "server", "service", "pid"]
        assert first == second and first["device_id"] == "my device"
        assert re.fullmatch(r"\d+\.\d+\.\d+\.\d+", first["ip"])
        versions = curl(f"http://127.0.0.1:{srv.api_port}/api/v1/versions").json()
        assert [first[key] for key in ("server", "service", "pid")] == \
            [versions[key] for key in ("server", "service", "pid")]
        assert receiver.headers[0]["Content-Type"] == "application/json"


def test_ports_and_summaries(server):
    """What SRS's proxy server needs to know of an origin."""
    with JsonServer({"code": 0}) as receiver:
        srv = start(server, receiver, "ports on; summaries on; ip 192.0.2.7; device_id origin1;")
        body = wait_for(lambda: receiver.questions and receiver.questions[0], 10, "a heartbeat")
        assert (body["ip"], body["device_id"]) == ("192.0.2.7", "origin1")
        assert (body["rtmp"], body["http"], body["api"]) == \
            ([str(srv.rtmp_port)], [str(srv.http_port)], [str(srv.api_port)])
        assert body["summaries"]["data"]["self"]["pid"] == srv.pid
        assert list(body) == ["device_id", "ip", "server", "service", "pid", "summaries", "rtmp",
                              "http", "api"]


def test_the_environment(server):
    with JsonServer({"code": 0}) as receiver:
        start(server, receiver, env={"SRS_DEVICE_IP": "192.0.2.9", "SRS_HEARTBEAT_DEVICE_ID": "x"})
        body = wait_for(lambda: receiver.questions and receiver.questions[0], 10, "a heartbeat")
        assert (body["ip"], body["device_id"]) == ("192.0.2.9", "x")


def test_one_process_sends_it(server):
    with JsonServer({"code": 0}) as receiver:
        start(server, receiver, top="workers 3;")
        wait_for(lambda: len(receiver.questions) >= 3, 10, "three heartbeats")
        # Three workers would have sent them at once.
        assert len({(body["pid"], body["service"]) for body in receiver.questions}) == 1
        times = receiver.times
        assert all(later - earlier > 0.5 for earlier, later in zip(times, times[1:]))


def test_a_receiver_that_is_down(server, publisher, source, view):
    """It costs one log line, and nothing else; the line after is about its return."""
    receiver = JsonServer({"code": 0})
    receiver.status = 500
    srv = start(server, receiver)
    wait_for(lambda: len(receiver.questions) >= 3, 20, "three heartbeats")
    publisher(srv).send_tags([*source[0], *source[1][0]])
    view(srv).wait_media(5)
    assert len(re.findall(r"heartbeat to \S+ failed", srv.log())) == 1
    assert "response status 500" in srv.log()
    receiver.status = 200
    srv.wait_log("heartbeat to .* works again")
    receiver.close()
    srv.wait_log(r"(?s)works again.*heartbeat to \S+ failed")


@pytest.mark.one_process
def test_a_receiver_that_hangs(server):
    """It does not keep the server from ending."""
    with JsonServer({"code": 0}) as receiver:
        receiver.hold = threading.Event()
        srv = start(server, receiver)
        wait_for(lambda: receiver.questions, 10, "a heartbeat")
        srv.stop(timeout=3)


def test_reload(server):
    """Off at the start, then on, then with another name."""
    def change(srv, before, after):
        text = srv.config_path.read_text()
        assert before in text
        srv.config_path.write_text(text.replace(before, after))
        srv.signal(signal.SIGHUP)

    with JsonServer({"code": 0}) as receiver:
        srv = server(top=f"heartbeat {{ enabled off; url {receiver.url('/x')}; interval 1; }}")
        change(srv, "enabled off; url", "enabled on; device_id a; url")
        wait_for(lambda: len(receiver.questions) > 1, 10, "heartbeats")
        change(srv, "device_id a; url", "device_id b; url")
        wait_for(lambda: receiver.questions[-1]["device_id"] == "b", 10, "the new id")
        srv.stop()
        assert {body["device_id"] for body in receiver.questions} == {"a", "b"}


def test_off(server):
    with JsonServer({"code": 0}) as receiver:
        srv = server(top=f"heartbeat {{ url {receiver.url('/x')}; interval 1; }}")
        curl(srv.http_url("/"))
        srv.stop()
        assert receiver.questions == []
