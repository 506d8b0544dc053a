"""The incidents of doc/operations.md: each is brought about, the log lines and metrics that the page
names are seen, what the page says is done, and the server recovers."""

import os
import re
import resource
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from access_kit import NEW, query
from directory_kit import connected, encode, redis  # noqa: F401
from harness import ROOT, SERVER, curl, run, wait_for
from hook_server import HookServer, RawServer, hooks
from metrics_kit import Exporter
from reload_kit import more_media, reload
from rtmp import Publisher
from tls_kit import certificate, connect, context_of, secure  # noqa: F401
from workers_kit import Feeder, Workers, closing, upgrade  # noqa: F401

# Each test says itself how many workers it has.
pytestmark = pytest.mark.once

PAGE = (ROOT / "doc" / "operations.md").read_text()
INCIDENTS = dict(re.findall(r"^### (.+)\n((?:(?!^#).*\n)+)", PAGE.partition("\n## Incidents\n")[2], re.M))
OBJS = Path(os.environ.get("MILLRACE_OBJS", ROOT / "objs"))


class Incident:
    """A section of the page: what it names is waited for, what it does not name is a mistake."""

    def __init__(self, title):
        self.codes = re.findall(r"`([^`\n]+)`", INCIDENTS[title])

    def names(self, code):
        assert any(code in one for one in self.codes), f"the page does not name {code}"
        return code

    def wait_log(self, srv, line, timeout=15):
        """Waits for a line of the page, in which words in capitals differ; returns what was logged."""
        pattern = re.sub(r"\b[A-Z]{2,}\b", ".+", re.escape(self.names(line)).replace(r"\ ", " "))
        return srv.wait_log(rf"\] {pattern}\n", timeout)[0]

    def metric(self, one, name, **labels):
        self.names(name)
        return one.wait(lambda m: m.sum(name, **labels) > 0, what=name)


def test_the_disk_is_full_while_recording(server, publisher, source, view):
    page = Incident("The disk is full while recording")
    one = Exporter(server, vhost="dvr { enabled on; dvr_path ./html/[app]/[stream].[timestamp].flv; }")
    viewer = view(one.srv)
    sent = [*source[0], *(tag for gop in source[1] for tag in gop)]
    full = sum(len(tag.data) for tag in sent) // 2
    for pid in one.srv.processes():   # as a full disk does: a write fails at this size
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
    pub = publisher(one.srv)
    pub.send_tags(sent)
    page.wait_log(one.srv, "recording of STREAM stopped: STEP: REASON")
    page.names('reason="full"')
    page.metric(one, "millrace_recording_failures_total", reason="full")
    viewer.wait_media(len([tag for tag in sent if tag.is_media]))
    for pid in one.srv.processes():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    pub.close()
    one.srv.wait_log("stop publish")
    publisher(one.srv).send_tags(sent)
    wait_for(lambda: any(path.stat().st_size > full for path in one.srv.html.rglob("*.flv*")), 20, "the next recording")


def test_a_port_is_taken(server):
    page = Incident("A port is taken")
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        srv = server(config=f"listen {port};", wait=False)
        srv.has_stopped = True
        assert srv.wait() == 1
        assert page.names("in use") in page.wait_log(srv, "Millrace ends: REASON")
        assert f"pid={os.getpid()}," in run([*page.names("ss -ltnp").split(), f"sport = :{port}"]).stdout
    server(config=f"listen {port};")


def expired(folder):
    """A key and a certificate that ended yesterday."""
    key, request = folder / "server.key", folder / "request"
    run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=localhost"])
    run(["openssl", "x509", "-req", "-in", request, "-signkey", key, "-days", "-1", "-out", folder / "server.crt"])


def test_a_certificate_has_expired(secure, certificate, publish, view):  # noqa: F811
    page = Incident("A certificate has expired")
    srv = secure()
    fresh = {name: (srv.tls_folder / name).read_bytes() for name in ("server.key", "server.crt")}
    expired(srv.tls_folder)
    reload(srv)
    publish(srv)
    viewer = view(srv)
    viewer.wait_media(10)

    def end():
        """What the page's command shows."""
        return run(["bash", "-c", page.names("openssl s_client -connect HOST:8088 </dev/null | openssl x509 -noout -enddate")
                    .replace("HOST:8088", f"127.0.0.1:{srv.https_port}")]).stdout

    old = end()
    said = subprocess.run(["curl", "-sS", "--cacert", srv.tls_folder / "server.crt", f"https://localhost:{srv.https_port}/"],
                          capture_output=True, text=True, check=False)
    assert page.names("certificate has expired") in said.stderr
    (srv.tls_folder / "server.crt").write_bytes(fresh["server.crt"])   # does not belong to the key
    page.names("reload failed, keeping the old configuration: REASON")
    reload(srv, fails=True)
    (srv.tls_folder / "server.key").write_bytes(fresh["server.key"])
    reload(srv)
    srv.wait_log(page.names("reloaded"))
    assert end() != old
    connect(srv.https_port, context_of()).close()
    more_media(viewer)


def test_the_callback_server_hangs(server, closing, source, view):  # noqa: F811
    page = Incident("The callback server hangs")
    with RawServer() as hanging, HookServer() as good:
        one = Exporter(server, vhost=hooks(hanging.url(), events=["on_play"]).replace("timeout 2s", "timeout 1"))
        closing(Feeder(one.srv.rtmp_url(), source))
        refused = view(one.srv)
        wait_for(lambda: refused.status == 403, 15, "the refusal")
        page.wait_log(one.srv, "EVENT to URL failed, client refused: REASON")
        page.metric(one, "millrace_hook_failures_total", event="on_play")
        reload(one.srv, (hanging.url(), good.url()))
        view(one.srv).wait_media(10)


def test_redis_is_unreachable(server, redis, view, encode):  # noqa: F811
    page = Incident("Redis is unreachable")
    store = redis()
    directory = f"cluster {{ directory redis://127.0.0.1:{store.port}; "
    origin = connected(server(vhost=directory + "}"))
    encode(origin)
    store.wait_entry(origin)
    edge = connected(server(vhost=directory + f"mode remote; protocol flv; origin 127.0.0.1:{origin.http_port}; }}"))
    viewer = view(edge)
    viewer.wait_media(10)
    store.kill()
    for srv in (origin, edge):
        page.wait_log(srv, "directory REDIS unreachable: REASON; active streams continue, using configured origins")
    more_media(viewer)
    again = store.again()
    redis.running.append(again)
    for srv in (origin, edge):
        page.wait_log(srv, "directory REDIS reachable again")
    again.wait_entry(origin)
    more_media(viewer)


def test_an_origin_is_lost(server, publish, view):
    page = Incident("An origin is lost")
    origin = server()
    publish(origin)
    edge = server(vhost=f"cluster {{ mode remote; protocol flv; origin 127.0.0.1:{origin.http_port}; }}",
                  remux={"republish_wait": 60000})
    viewer = view(edge)
    viewer.wait_media(10)
    origin.has_stopped = True
    origin.kill()
    page.wait_log(edge, "pull STREAM: disconnected from ORIGIN: REASON")
    page.wait_log(edge, "pull STREAM: no stream from ORIGIN: REASON")
    again = server(config=origin.config_path.read_text())
    again.rtmp_port = origin.rtmp_port
    publish(again)
    more_media(viewer)


def test_a_worker_dies(server, closing, source):  # noqa: F811
    page = Incident("A worker dies")
    one = Exporter(server, top="workers 2;")
    both = Workers(one.srv, 2)
    here, there = both.pids()
    # The stream's publisher returns by itself, and its viewer is at the worker that stays.
    closing(Feeder(one.srv.rtmp_url(), source))
    stays, goes = closing(both.viewer_at(there)), closing(both.viewer_at(here))
    goes.wait_media(5)
    stays.wait_media(5)
    os.kill(here, signal.SIGKILL)
    assert page.names("Killed") in page.wait_log(one.srv, "worker NUMBER, process NUMBER, died (HOW); starting another in NUMBER ms")
    wait_for(lambda: goes.is_done, 15, "the end of its viewer")
    both.wait_again(1)
    page.names("millrace_worker_starts_total")
    one.wait(lambda m: m.sum("millrace_worker_starts_total", worker="1") == 2, what="the start of another worker")
    more_media(stays)
    closing(both.viewer_at(both.pids()[0])).wait_media(10)


def test_a_publisher_has_a_wrong_key(server, source, tmp_path):
    page = Incident("A publisher has a wrong key")
    one = Exporter(server, vhost=f"token {{ enabled on; play off; key {NEW}; }}", publish={"http": "on"})
    with pytest.raises(AssertionError):
        Publisher(one.srv.rtmp_url(f"live/livestream?{query('publish', key='a wrong key')}"), timeout=5)
    page.wait_log(one.srv, "RTMP from CLIENT: refused publish STREAM: REASON")
    assert curl(one.srv.http_url("/live/livestream.flv"), "-X", "POST", "-d", "FLV").status == 401
    page.wait_log(one.srv, "refused publish STREAM from CLIENT: STATUS REASON")
    page.names('reason="token"')
    page.metric(one, "millrace_refusals_total", reason="token")
    key = tmp_path / "key"
    key.write_text(NEW)
    address = run([OBJS / page.names("objs/sign").split("/")[1], "--key-file", key, "--expires", "+60", "--publish",
                   one.srv.rtmp_url()]).stdout.strip()
    with Publisher(address) as pub:
        pub.send_tags(source[0])


def test_viewers_are_slow_or_dropped(server, other, closing, view):  # noqa: F811
    page = Incident("Viewers are slow or dropped")
    one = Exporter(server, play={"queue_length": 2})
    closing(Feeder(one.srv.rtmp_url(), other))
    slow, quick = view(one.srv, receive_buffer=4096), view(one.srv)
    slow.wait_media(5)
    slow.hold()
    page.names("millrace_viewer_lag_seconds")
    one.wait(lambda m: m.one("millrace_viewer_lag_seconds_count") - m.one("millrace_viewer_lag_seconds_bucket", le="5") > 0,
             40, "a viewer that lags")
    more_media(quick)
    slow.go()
    page.names("millrace_stream_keyframe_jumps_total")
    one.wait(lambda m: m.sum("millrace_stream_keyframe_jumps_total") > 0, 40, "a jump")
    more_media(slow)


def test_the_server_is_out_of_descriptors(server, publish, view):
    page = Incident("The server is out of descriptors")
    srv = server(top="workers 1; upgrade off;")
    publish(srv)
    viewer = view(srv)
    viewer.wait_media(10)
    limit, top = resource.prlimit(srv.pid, resource.RLIMIT_NOFILE)
    has = {int(path.name) for path in Path(f"/proc/{srv.pid}/fd").iterdir()}
    resource.prlimit(srv.pid, resource.RLIMIT_NOFILE, (min(set(range(len(has) + 1)) - has), top))
    waiting = view(srv)
    assert page.names("Too many open files") in page.wait_log(srv, "accept on ADDRESS: REASON; new connections wait")
    more_media(viewer)
    assert not waiting.status
    page.names("prlimit --pid PID --nofile=65536")
    run(["prlimit", "--pid", srv.pid, f"--nofile={min(limit, 65536)}"])
    waiting.wait_media(10)
    more_media(viewer)


def test_an_upgrade_does_not_start(server, view, source, closing, tmp_path):  # noqa: F811
    page = Incident("An upgrade does not start")
    srv = server(top="workers 1; upgrade on;")
    closing(Feeder(srv.rtmp_url(), source))
    viewer = view(srv)
    viewer.wait_media(10)
    text = srv.config_path.read_text()
    srv.config_path.write_text(text + "nonsense 1;\n")
    assert "nonsense" in upgrade(srv, fails=True)
    page.wait_log(srv, "upgrade failed, the running server continues: REASON")
    more_media(viewer)
    checked = subprocess.run([SERVER, *page.names("objs/server -t -c").split()[1:], srv.config_path],
                             capture_output=True, text=True, check=False)
    assert checked.returncode != 0 and "nonsense" in checked.stderr
    srv.config_path.write_text(text)
    upgrade(srv)
    more_media(viewer)


def test_a_limit_is_reached(server, publish, view):
    page = Incident("A limit is reached")
    one = Exporter(server, top="max_viewers 1;")
    publish(one.srv)
    viewer = view(one.srv)
    viewer.wait_media(10)
    refused = view(one.srv)
    wait_for(lambda: refused.status == 503, 10, "the refusal")
    assert "max_viewers" in page.wait_log(one.srv, "refused CLIENT: LIMIT")
    page.metric(one, "millrace_refusals_total", reason="max_viewers")
    reload(one.srv, ("max_viewers 1;", "max_viewers 2;"))
    view(one.srv).wait_media(10)
    more_media(viewer)


# A network namespace of a container does not show them.
OF_THE_MACHINE = {"net.core.netdev_max_backlog", "net.core.default_qdisc", "net.ipv4.tcp_mem"}


def defaults():
    """The default of each directive, by the generated page."""
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| `?([^|`]*)`? \|", (ROOT / "doc" / "configuration.md").read_text(), re.M)
    return {name: (takes, default) for name, takes, default in rows}


def test_the_limits_of_the_page_are_those_of_the_server():
    known = defaults()
    checked = 0
    for names, shown in re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|", PAGE.partition("\n## Limits\n")[2].partition("\n## ")[0], re.M):
        names = re.findall(r"`(\w+)`", names)
        values = (shown.split(": ")[0].split(", ") if ":" in shown else shown.split(", ")) * len(names)
        for name, value in zip(names, values):
            takes, default = known[name]
            number, _, unit = value.strip("`").partition(" ")
            if unit == "s" and takes.startswith("milliseconds"):
                number += "000"
            assert number == default, f"{name}: {value}, not {default}"
            checked += 1
    assert checked == 25


def test_the_kernel_has_the_settings_of_the_page():
    block = re.search(r"```ini\n(net\.core.*?)```", PAGE, re.S)[1]
    names = re.findall(r"^(\S+) = ", block, re.M)
    assert len(names) == 9
    for name in names:
        assert name in OF_THE_MACHINE or Path("/proc/sys", *name.split(".")).exists(), name
        assert f"`{name}`" in PAGE or name == "net.core.default_qdisc"


def test_every_incident_has_a_test():
    """By name: the heading with underscores."""
    tests = {name for name in globals() if name.startswith("test_")}
    for title in INCIDENTS:
        assert "test_" + title.lower().replace(" ", "_") in tests, title
    assert len(INCIDENTS) == 12
