"""What player pages report: the address that takes it, its limits, and the page itself."""

import json

import pytest

import harness
from harness import curl
from metrics_kit import Exporter, promtool
from player_kit import browser, page_url, players_html, wait_playing  # noqa: F401
from workers_kit import closing  # noqa: F401

STREAM = {"vhost": "__defaultVhost__", "app": "live", "stream": "livestream"}


def report(one, body, *args, url=None):
    text = json.dumps(body) if isinstance(body, dict) else body
    return curl(url or one.srv.http_url("/api/v1/qoe"), "-H", "Content-Type: text/plain",
                "--data-binary", text, *args)


def shown(one, query=""):
    answer = curl(f"http://127.0.0.1:{one.api_port}/api/v1/qoe{query}").json()
    assert answer["code"] == 0
    return answer


@pytest.fixture
def qoe(server, source, publisher):
    """An exporter that takes reports, and live/livestream published there."""
    def start(**options):
        one = Exporter(server, api="qoe on;", **options)
        publisher(one.srv).send_tags([*source[0], *source[1][0]])
        one.wait(lambda m: m.sum("millrace_stream_published", **STREAM) == 1, what="the stream")
        return one
    return start


def test_reports_are_added_up(qoe):
    one = qoe()
    whole = {"url": "/live/livestream.flv", "watched_ms": 10000, "stalls": 1, "stalled_ms": 350,
             "frames": 250, "dropped": 2, "errors": 1, "latency_ms": 900,
             "true_latency_ms": 950, "startup_ms": 412}
    assert report(one, whole).status == 204
    # From a page of another site, at the API's own address, of the last part of a view.
    last = report(one, {"url": "/live/livestream.flv", "watched_ms": 500}, "-H",
                  "Origin: http://elsewhere.example", url=f"http://127.0.0.1:{one.api_port}/api/v1/qoe")
    assert last.status == 204
    metrics = one.scrape()
    assert promtool(metrics) == (0, "")
    assert {name: metrics.one(f"millrace_qoe_{name}_total", **STREAM) for name in
            ("reports", "watched_seconds", "stalls", "stalled_seconds", "frames", "dropped_frames",
             "errors")} == \
        {"reports": 2, "watched_seconds": 10.5, "stalls": 1, "stalled_seconds": 0.35, "frames": 250,
         "dropped_frames": 2, "errors": 1}
    assert metrics.one("millrace_qoe_startup_seconds_sum", **STREAM) == 0.412
    assert metrics.one("millrace_qoe_startup_seconds_bucket", le="0.3", **STREAM) == 0
    assert metrics.one("millrace_qoe_startup_seconds_bucket", le="0.5", **STREAM) == 1
    assert metrics.one("millrace_qoe_latency_seconds_count", **STREAM) == 1
    assert metrics.one("millrace_qoe_true_latency_seconds_sum", **STREAM) == 0.95
    answer = shown(one)
    [stream] = answer["qoe"]
    assert answer["enabled"] is True
    assert {key: stream[key] for key in STREAM} == STREAM
    assert (stream["reports"], stream["watched_ms"], stream["stalled_ms"]) == (2, 10500, 350)
    assert (stream["startup"]["count"], stream["startup"]["sum_ms"]) == (1, 412)
    assert (stream["startup"]["p50_ms"], stream["latency"]["p95_ms"]) == (500, 1000)
    assert (stream["true_latency"]["count"], stream["true_latency"]["sum_ms"]) == (1, 950)
    assert [500, 1] in stream["startup"]["buckets"] and stream["startup"]["buckets"][-1] == [None, 0]
    assert shown(one, "?start=1")["qoe"] == []


def test_refused_reports(qoe):
    one = qoe()
    fine = {"url": "/live/livestream.flv"}
    for body, status in (("", 400), ("x", 400), ("[]", 400), ({"url": "/live/other.flv"}, 404),
                         ({"url": "/live/livestream"}, 404), ({"url": "/"}, 404),
                         ({**fine, "stalls": -1}, 400), ({**fine, "stalls": 10**6}, 400),
                         ({**fine, "more": "x" * 2100}, 400), ("x" * 100000, 400)):
        assert report(one, body).status == status, body
    metrics = one.scrape()
    assert metrics.all("millrace_qoe_reports_total") == []
    assert metrics.one("millrace_qoe_refusals_total", reason="stream") == 3
    assert metrics.one("millrace_qoe_refusals_total", reason="malformed") == 7
    # Anybody may write; reading has the API's rules.
    assert curl(one.srv.http_url("/api/v1/qoe")).status == 404
    assert curl(f"http://127.0.0.1:{one.api_port}/api/v1/qoe", "-H", "Host: attacker.example") \
        .status == 403


@pytest.mark.one_process
def test_rate(qoe):
    """Beyond 200 reports in ten seconds an address is refused, and another one is not."""
    one = qoe()
    args = ["-o", "/dev/null"]
    for _ in range(249):
        args += ["--next", "-s", "-o", "/dev/null", "--data-binary", '{"url":"/live/livestream.flv"}',
                 one.srv.http_url("/api/v1/qoe")]
    report(one, {"url": "/live/livestream.flv"}, *args)
    refused = one.scrape().sum("millrace_qoe_refusals_total", reason="rate")
    assert 1 <= refused <= 50
    # One of 1,024 addresses shares a counter with the first one.
    others = [report(one, {"url": "/live/livestream.flv"}, "--interface", f"127.0.0.{i}").status
              for i in range(3, 8)]
    assert others.count(204) >= 4, others


def test_off(server, source, publisher):
    one = Exporter(server)
    publisher(one.srv).send_tags(source[0])
    assert report(one, {"url": "/live/livestream.flv"}).status in (404, 405)
    assert report(one, {"url": "/live/livestream.flv"},
                  url=f"http://127.0.0.1:{one.api_port}/api/v1/qoe").status == 405
    assert shown(one)["qoe"] == [] and shown(one)["enabled"] is False
    assert "qoe" not in curl(one.srv.http_url("/players/server.json")).json()


def test_the_page(server, publish, browser, players_html, small_flv):  # noqa: F811
    """The page reports what it plays, while it plays and when it is left; with time stamps, also
    how old that is."""
    port, api = harness.free_port(), harness.free_port()
    srv = server(html=players_html, play="stamp on;",
                 top=f"exporter {{ enabled on; listen {port}; }}"
                     f"http_api {{ enabled on; listen {api}; qoe on; }}")
    one = Exporter.__new__(Exporter)
    one.srv, one.port, one.api_port = srv, port, api
    publish(srv, "live/livestream", source=small_flv)
    page = browser("--autoplay-policy=no-user-gesture-required")
    page.open(page_url(srv))
    wait_playing(page, 1)
    page.wait("millrace.statistics.trueLatency > 0 && millrace.statistics.trueLatency < 20"
              " && millrace.statistics.trueLatencyBy === 'server'")
    page.wait("document.getElementById('f-true').offsetParent !== null"
              " && parseFloat(document.getElementById('f-true').textContent) > 0")
    metrics = one.wait(lambda m: m.sum("millrace_qoe_true_latency_seconds_count", **STREAM) >= 1, 20,
                       "the first report")
    assert metrics.one("millrace_qoe_startup_seconds_count", **STREAM) == 1
    assert 0 < metrics.one("millrace_qoe_startup_seconds_sum", **STREAM) < 30
    assert metrics.one("millrace_qoe_latency_seconds_count", **STREAM) >= 1
    assert metrics.one("millrace_qoe_watched_seconds_total", **STREAM) > 3
    assert metrics.one("millrace_qoe_frames_total", **STREAM) > 50
    assert page.said() == []
    before = metrics.one("millrace_qoe_reports_total", **STREAM)
    wait_playing(page, 1)
    page.open("about:blank")
    after = one.wait(lambda m: m.one("millrace_qoe_reports_total", **STREAM) > before, 8,
                     "the last report")
    assert after.one("millrace_qoe_startup_seconds_count", **STREAM) == 1
