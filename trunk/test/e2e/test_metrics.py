"""/metrics end to end: SRS's names, ours, and that counters never fall."""

import json
import os
import re
import signal
import urllib.parse

import pytest
import yaml

import flv
import harness
from harness import ROOT, curl, wait_for
from json_server import JsonServer
from metrics_kit import Exporter, Metrics, check_never_falls, promtool
from rtmp import Publisher
from workers_kit import Feeder, Workers, closing, flat  # noqa: F401

# srs/exporter.md: name, type, labels.
SRS = {
    "srs_node_uname_info": ("gauge", "sysname nodename release version machine"),
    "srs_build_info": ("gauge", "server service pid build_date major version code label tag"),
    "srs_cpu_percent": ("gauge", ""), "srs_memory": ("gauge", ""),
    "srs_send_bytes_total": ("counter", ""), "srs_receive_bytes_total": ("counter", ""),
    "srs_streams": ("gauge", ""), "srs_clients": ("gauge", ""),
    "srs_clients_total": ("counter", ""), "srs_clients_errs_total": ("counter", ""),
}
GRAFANA = ROOT / "research" / "grafana"
ALERTS = ROOT / "conf" / "alerts.yml"


def test_srs_names(server):
    one = Exporter(server, 'label cn-beijing; tag "a b";')
    metrics = one.scrape()
    assert {name: kind for name, kind in metrics.types.items() if name.startswith("srs_")} == \
        {name: kind for name, (kind, _) in SRS.items()}
    for name, (_, labels) in SRS.items():
        [have] = metrics.labels(name)
        assert list(have) == labels.split()
    [uname] = metrics.labels("srs_node_uname_info")
    assert uname["sysname"] == os.uname().sysname and uname["machine"] == os.uname().machine
    versions = curl(f"http://127.0.0.1:{one.api_port}/api/v1/versions").json()
    [build] = metrics.labels("srs_build_info")
    assert [build[name] for name in ("server", "service", "pid", "version")] == \
        [versions["server"], versions["service"], versions["pid"], versions["data"]["release"]]
    assert (build["label"], build["tag"]) == ("cn-beijing", "a b")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", build["build_date"])
    assert metrics.one("srs_node_uname_info") == metrics.one("srs_build_info") == 1
    # The exporter serves the API as well, as SRS's does.
    assert curl(one.url.replace("/metrics", "/api/v1/versions")).json()["code"] == 0
    assert promtool(metrics) == (0, "")


def test_label_and_tag_only_if_set(server):
    [build] = Exporter(server).scrape().labels("srs_build_info")
    assert "label" not in build and "tag" not in build


def test_off(server):
    port = harness.free_port()
    srv = server(top=f"http_api {{ enabled on; listen {port}; }}")
    answer = curl(f"http://127.0.0.1:{port}/metrics")
    assert (answer.status, answer.body) == (200, b'{"code":1090}')
    assert curl(srv.http_url("/metrics")).status == 404


def test_at_the_port_of_http_server(server):
    port = harness.free_port()
    srv = server(config=f"""
listen @RTMP@; daemon off;
http_server {{ enabled on; listen @HTTP@; dir @HTML@; }}
http_api {{ enabled on; listen @HTTP@; }}
exporter {{ enabled on; listen {port}; }}
vhost __defaultVhost__ {{ }}
""")
    here = Metrics(curl(srv.http_url("/metrics")).text)
    assert here.types == Metrics(curl(f"http://127.0.0.1:{port}/metrics").text).types


def test_access(server):
    """The API's address has the API's rules; the exporter's own is open."""
    one = Exporter(server)
    for host, api in (("localhost", 200), ("attacker.example", 403)):
        args = ("-H", f"Host: {host}")
        assert curl(one.url, *args).status == 200
        assert curl(f"http://127.0.0.1:{one.api_port}/metrics", *args).status == api
    answer = curl(one.url, "-H", "Origin: http://attacker.example")
    assert "access-control-allow-origin" not in answer.headers
    assert curl(one.url, "-X", "POST", "-d", "x").status == 405
    assert curl(one.url, "-I").status == 200
    assert curl(one.srv.http_url("/metrics")).status == 404


def test_a_stream(server, source, publisher, view):
    """What one publisher and two viewers do, counted once, and still counted when all are gone."""
    one = Exporter(server, remux={"mount": ["[vhost]/[app]/[stream].flv", "[vhost]/[app]/[stream].ts"],
                                  "republish_wait": 0})
    preamble, gops = source
    stream = {"vhost": "__defaultVhost__", "app": "live", "stream": "livestream"}
    empty = one.scrape()
    assert empty.one("srs_streams") == empty.one("srs_clients") == 0
    first = publisher(one.srv)
    first.send_tags([*preamble, *gops[0]])
    viewers = [view(one.srv), view(one.srv)]
    for viewer in viewers:
        viewer.wait_media(len(gops[0]))
    sent = sum(len(tag.data) for tag in [*preamble, *gops[0]])
    metrics = one.wait(lambda m: m.sum("millrace_stream_viewers", **stream) == 2 and
                       m.sum("millrace_stream_published") == 1 and
                       m.one("srs_receive_bytes_total") >= 0.9 * sent and
                       m.one("srs_send_bytes_total") >= 1.8 * sent, what="two viewers")
    assert promtool(metrics) == (0, "")
    assert metrics.one("srs_clients") == 3 and metrics.one("srs_streams") == 1
    assert metrics.one("millrace_publishers") == 1
    assert metrics.all("millrace_viewers", format="flv") == [2]
    assert metrics.one("millrace_stream_viewers", format="flv", **stream) == 2
    assert metrics.one("millrace_stream_publishes_total", **stream) == 1
    assert metrics.one("srs_receive_bytes_total") <= 1.1 * sent
    assert metrics.one("srs_receive_bytes_total") == \
        metrics.one("millrace_stream_receive_bytes_total", **stream)
    assert metrics.one("srs_send_bytes_total") <= 2.3 * sent
    assert metrics.one("millrace_startup_seconds_count") == 2
    assert metrics.one("srs_memory") > 4096
    assert metrics.one("srs_memory") * 1024 >= metrics.sum("millrace_worker_memory_bytes") * 0.9
    for viewer in viewers:
        viewer.close()
    first.close()
    after = one.wait(lambda m: m.one("srs_clients") == 0 and m.one("srs_streams") == 0 and
                     m.sum("millrace_stream_viewers") == 0, what="all to be gone")
    check_never_falls(metrics, after)
    assert after.one("srs_clients_total") == 3 and after.one("srs_clients_errs_total") == 0
    assert after.one("millrace_session_seconds_count", type="play") == 2
    assert after.one("millrace_session_seconds_count", type="publish") == 1
    assert after.sum("millrace_viewers") == 0
    # The same name again: its counters continue.
    second = publisher(one.srv)
    second.send_tags(preamble)
    again = one.wait(lambda m: m.one("millrace_stream_publishes_total", **stream) == 2,
                     what="the second publication")
    check_never_falls(after, again)


def test_a_gap(server, source, publisher, view):
    """A publisher that returns while a viewer waits is a gap; a clock that jumped is repaired."""
    one = Exporter(server)
    preamble, gops = source
    first = publisher(one.srv)
    first.send_tags([*preamble, *gops[0]])
    viewer = view(one.srv)
    viewer.wait_media(len(gops[0]))
    first.close()
    wait_for(lambda: "stop publish" in one.srv.log(), 10, "the publisher's end")
    second = publisher(one.srv)
    second.send_tags([*preamble, *gops[0]])
    viewer.wait_media(2 * len(gops[0]))
    metrics = one.wait(lambda m: m.sum("millrace_stream_gaps_total") == 1, what="the gap")
    assert 0 < metrics.sum("millrace_stream_gap_seconds_total") < 60
    assert metrics.sum("millrace_stream_timestamp_repairs_total") == 0
    second.send_tags(gops[1], offset=3600 * 1000)
    one.wait(lambda m: m.sum("millrace_stream_timestamp_repairs_total") > 0, what="the jump")


def test_labels_are_escaped(server, source):
    name = 'a"b é'
    one = Exporter(server, r'label "back\\slash"; tag "qu\"ote";')
    with Publisher(one.srv.rtmp_url("live/" + name)) as pub:
        pub.send_tags(source[0])
        metrics = one.wait(lambda m: m.sum("srs_streams") == 1, what="the stream")
    assert promtool(metrics) == (0, "")
    [stream] = [labels["stream"] for labels in metrics.labels("millrace_stream_published")
                if labels["app"] == "live"]
    assert stream == name
    [build] = metrics.labels("srs_build_info")
    assert (build["label"], build["tag"]) == ("back\\slash", 'qu"ote')


def test_refusals(server, source, publisher, view):
    one = Exporter(server, api="qoe on;", vhost="""
        security { enabled on; allow publish all; allow play all; deny play 127.0.0.9; }
        refer { enabled on; play example.com none; }""", top="max_streams 1;")
    denied = view(one.srv, source="127.0.0.9")
    wait_for(lambda: denied.status == 403, 10, "a refusal")
    referred = view(one.srv, headers="Referer: http://attacker.test/\r\n")
    wait_for(lambda: referred.status == 403, 10, "a refusal")
    publisher(one.srv).send_tags(source[0])
    with pytest.raises(AssertionError):
        Publisher(one.srv.rtmp_url("live/second"), timeout=3)
    metrics = one.scrape()
    assert promtool(metrics) == (0, "")
    for reason in ("security", "refer", "max_streams"):
        assert metrics.one("millrace_refusals_total", reason=reason) == 1, reason


def test_hooks(server, source, publisher, view):
    """Calls of callback servers: their number, their outcome, their time."""
    with JsonServer(lambda question: {"code": 0 if question["action"] == "on_publish" else 1}) as hooks:
        one = Exporter(server, vhost=f"""http_hooks {{ enabled on; on_publish {hooks.url("/a")};
            on_play {hooks.url("/b")}; on_unpublish http://127.0.0.1:1/c; timeout 1; }}""")
        first = publisher(one.srv)
        first.send_tags([*source[0], *source[1][0]])
        refused = view(one.srv)
        wait_for(lambda: refused.status == 403, 10, "a refusal")
        first.close()
        metrics = one.wait(lambda m: m.sum("millrace_hook_failures_total", event="on_unpublish") > 0,
                           what="the failed call")
        assert promtool(metrics) == (0, "")
        assert metrics.one("millrace_hook_calls_total", event="on_publish") == 1
        assert metrics.one("millrace_hook_seconds_count", event="on_publish") == 1
        assert metrics.one("millrace_hook_refusals_total", event="on_play") == 1
        assert metrics.one("millrace_refusals_total", reason="hooks") == 1
        assert metrics.all("millrace_hook_failures_total", event="on_publish") == []


def test_a_refused_connection(server):
    one = Exporter(server, top="max_connections_per_ip 2;")
    others = [harness.socket.create_connection(("127.0.0.2", one.srv.http_port),
                                               source_address=("127.0.0.2", 0)) for _ in range(5)]
    one.wait(lambda m: m.sum("millrace_refusals_total", reason="max_connections_per_ip") == 3,
             what="three refusals")
    for other in others:
        other.close()


def test_other_streams(server, source):
    """Beyond the limit streams are counted together, and no sum ever falls."""
    one = Exporter(server, "streams 2;")
    published = []
    for i in range(4):
        published.append(Publisher(one.srv.rtmp_url(f"live/s{i}")))
        published[-1].send_tags(source[0])
    full = one.wait(lambda m: m.one("srs_streams") == 4 and
                    m.sum("millrace_stream_published") == 4, what="four streams")
    assert len([x for x in full.labels("millrace_stream_published") if x["app"]]) == 2
    assert full.one("millrace_stream_published", vhost="", app="", stream="other") == 2
    assert promtool(full) == (0, "")
    for pub in published:
        pub.close()
    gone = one.wait(lambda m: m.one("srs_streams") == 0 and m.one("srs_receive_bytes_total") > 0,
                    what="all to be gone")
    with Publisher(one.srv.rtmp_url("live/new")) as pub:
        pub.send_tags(source[0])
        # It takes the place of one that has ended, whose counters the others get. Until that one
        # is released, the new one is counted with the others.
        one.wait(lambda m: m.sum("millrace_stream_published", stream="new") == 1,
                 what="a place for the new stream")
        pub.send_tags(source[0])
        after = one.wait(lambda m: m.sum("millrace_stream_receive_bytes_total", stream="new") > 0,
                         what="its bytes")
    for name in ("millrace_stream_receive_bytes_total", "millrace_stream_frames_total",
                 "millrace_stream_publishes_total", "srs_receive_bytes_total"):
        assert after.sum(name) > gone.sum(name) > 0, name
    assert after.one("millrace_stream_publishes_total", stream="other") >= 3


def test_a_viewer_that_lags(server, other, closing, view):  # noqa: F811
    """A viewer that does not read lags, and jumps to a keyframe when it reads again."""
    one = Exporter(server, play={"queue_length": 2})
    closing(Feeder(one.srv.rtmp_url("live/livestream"), other))
    slow, witness = view(one.srv, receive_buffer=4096), view(one.srv)
    slow.wait_media(5)
    slow.hold()
    # More than the kernel keeps for a viewer.
    witness.wait_stream(lambda v: v.bytes - slow.bytes > 600000 and
                        v.media[-1].time - slow.media[-1].time > 8000, 60, "a viewer that lags")
    metrics = one.wait(lambda m: m.one("millrace_viewer_lag_seconds_count") -
                       m.one("millrace_viewer_lag_seconds_bucket", le="5") > 0, 40,
                       "a sample of its lag")
    assert metrics.sum("millrace_stream_keyframe_jumps_total") == 0
    slow.go()
    one.wait(lambda m: m.sum("millrace_stream_keyframe_jumps_total") > 0, 40, "a jump")


def test_workers(server, source, closing):  # noqa: F811
    """Two workers: each is one of the sums, wherever the scrape lands; streams are counted once,
    and what one worker sends another is no client's. After kill -9 no counter falls."""
    one = Exporter(server, top="workers 2;")
    both = Workers(one.srv, 2)
    here, there = both.pids()
    pub, viewer = both.watched(closing, source, here, there)
    sent = sum(len(tag.data) for tag in [*source[0], *source[1][0]])
    before = one.wait(lambda m: m.one("srs_clients") == 2 and m.one("srs_streams") == 1 and
                      m.sum("millrace_stream_viewers") == 1 and
                      m.one("srs_receive_bytes_total") >= 0.9 * sent and
                      m.one("srs_send_bytes_total") > 0.9 * sent, what="both workers")
    assert promtool(before) == (0, "")
    # At most so many, the other worker's pull not among them: viewers that came to the wrong worker.
    viewers = one.srv.log().count(".flv from 127.0.0.1")
    assert before.one("srs_send_bytes_total") <= (viewers + 0.2) * sent
    assert before.one("srs_receive_bytes_total") <= 1.1 * sent
    assert [before.one("millrace_worker_clients", worker=worker) for worker in "12"] == [1, 1]
    assert [before.one("millrace_worker_starts_total", worker=worker) for worker in "12"] == [1, 1]
    kilobytes = sum(int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read())[1])
                    for pid in (here, there, one.srv.pid))
    assert 0.8 * kilobytes < before.one("srs_memory") < 1.2 * kilobytes
    for turn, victim in enumerate((there, here)):
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda pid=victim: pid not in both.pids(), 10, "another worker")
        slot = 2 - turn
        both.wait_again(slot)
        after = one.wait(lambda m, s=slot: m.one("millrace_worker_starts_total", worker=str(s)) == 2,
                         what="the new worker")
        check_never_falls(before, after)
        before = after
    after = one.wait(lambda m: m.one("srs_clients") == 0 and m.one("srs_streams") == 0 and
                     m.sum("millrace_stream_viewers") == 0, what="the gauges to be right")
    assert after.one("srs_clients_total") >= 2
    viewer.close()
    pub.close()
    # They are continued, not begun again.
    published = after.sum("millrace_stream_publishes_total") + 1
    with Publisher(one.srv.rtmp_url("live/livestream")) as again:
        again.send_tags(source[0])
        last = one.wait(lambda m: m.sum("millrace_stream_publishes_total") == published,
                        what="the stream")
    check_never_falls(after, last)


def test_reload(server, source, publisher):
    one = Exporter(server)
    publisher(one.srv).send_tags(source[0])
    before = one.wait(lambda m: m.one("srs_streams") == 1, what="the stream")
    text = one.srv.config_path.read_text()
    one.srv.config_path.write_text(text.replace("exporter {", "exporter { tag new;"))
    one.srv.signal(signal.SIGHUP)
    after = one.wait(lambda m: m.labels("srs_build_info")[0].get("tag") == "new", what="the tag")
    check_never_falls(before, after)


# ---- Prometheus, Grafana, the documentation ----

def ask(port, query):
    answer = curl(f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}")
    return answer.json()["data"]["result"] if answer.status == 200 else []


@pytest.mark.once
def test_prometheus(server, source, publisher, tmp_path):
    """A real Prometheus scrapes the server, with the project's alert rules."""
    one = Exporter(server)
    publisher(one.srv).send_tags(source[0])
    port = harness.free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(json.dumps({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [{"job_name": "srs",
                            "static_configs": [{"targets": [f"127.0.0.1:{one.port}"]}]}]}))
    prometheus = harness.Process(
        ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
         f"--web.listen-address=127.0.0.1:{port}"], tmp_path / "prometheus.log")
    try:
        [clients] = wait_for(lambda: ask(port, 'srs_clients{job="srs"} > 0'), 30,
                             "Prometheus to scrape")
        assert clients["value"][1] == "1"
        [up] = ask(port, "up")
        assert up["value"][1] == "1"
        rules = curl(f"http://127.0.0.1:{port}/api/v1/rules").json()["data"]["groups"]
        assert rules and all(rule["type"] == "alerting" for group in rules
                             for rule in group["rules"])
    finally:
        prometheus.kill()


def names_of(text):
    """The metrics that an expression names."""
    return set(re.findall(r"\b(?:srs|millrace)_[a-z_]+", text))


def known(metrics):
    names = set(metrics.types)
    for name, kind in metrics.types.items():
        if kind == "histogram":
            names |= {name + end for end in ("_bucket", "_sum", "_count")}
    return names


@pytest.mark.once
def test_dashboard_and_rules(server):
    """They name only metrics that exist, and Prometheus accepts the rules."""
    metrics = Exporter(server).scrape()
    dashboard = json.loads((GRAFANA / "millrace.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"]
                   for target in panel.get("targets", [])]
    assert len(expressions) > 15
    rules = ALERTS.read_text()
    used = names_of(" ".join(expressions)) | names_of(rules)
    assert used <= known(metrics), used - known(metrics)
    harness.run(["promtool", "check", "rules", ALERTS])


@pytest.mark.once
def test_alerts_fire(tmp_path):
    """Each alert fires when it should and is quiet when it should; the operations page has it."""
    tests = ROOT / "trunk" / "test" / "e2e" / "alerts_test.yml"
    for path in (tests, ALERTS):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    harness.run(["promtool", "test", "rules", tmp_path / tests.name])
    alerts = sorted(re.findall(r"- alert: (\w+)", ALERTS.read_text()))
    *_, wrong = yaml.safe_load(tests.read_text())["tests"]
    assert sorted(one["alertname"] for one in wrong["alert_rule_test"] if one["exp_alerts"]) == alerts
    page = (ROOT / "doc" / "operations.md").read_text().partition("\n## Alerts\n")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"`(Millrace\w+)`", page)) == alerts


@pytest.mark.once
def test_documentation(server):
    """doc/metrics.md has every metric with its type, and no other."""
    metrics = Exporter(server).scrape()
    text = (ROOT / "doc" / "metrics.md").read_text()
    rows = dict(re.findall(r"^\| `((?:srs|millrace)_[a-z_]+)` \| (\w+) \|", text, re.M))
    assert rows == metrics.types
