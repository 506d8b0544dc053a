"""Fixtures of the end-to-end tests. See harness.py for what they give.

    MILLRACE_SERVER=objs/server /usr/bin/python3 -m pytest trunk/test/e2e

    def test_something(server, publish):
        srv = server(play={"gop_cache": "off"})
        publish(srv, "live/livestream")
        ffmpeg_decode(srv.http_url("/live/livestream.flv"))
"""

import faulthandler
import itertools
import os
import signal
import sys
import zlib
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import flv  # noqa: E402
import harness  # noqa: E402
import rtmp  # noqa: E402

DEFAULT_TIMEOUT = 120 * harness.PATIENCE


class TimeIsUp(Exception):
    pass


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Side by side (pytest-xdist, --dist loadgroup) there are two browsers at a time: each of them
    decodes a live stream in software, and they begin first, for these two take the longest. With
    MILLRACE_WORKERS what is about one process, what says nothing new, and browsers, are left out."""
    if os.environ.get("MILLRACE_WORKERS"):
        items[:] = [item for item in items if not item.get_closest_marker("one_process")
                    and not item.get_closest_marker("once") and "browser" not in item.fixturenames]
    for item in items:
        if "browser" in item.fixturenames:
            half = zlib.crc32(item.nodeid.encode()) % 2
            item.add_marker(pytest.mark.xdist_group(f"browser{half}"))
    items.sort(key=lambda item: "browser" not in item.fixturenames)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """Ends a test, its set-up included, that takes longer than it may."""
    marker = item.get_closest_marker("timeout")
    seconds = marker.args[0] if marker else DEFAULT_TIMEOUT

    def expire(_number, _frame):
        faulthandler.dump_traceback(all_threads=True)
        raise TimeIsUp(f"{item.name} took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, expire)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the end of each server's log to the report of a test that failed."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for server in getattr(item, "servers", []):
            report.sections.append((f"server {server.pid}, {server.log_path}",
                                    server.log()[-6000:]))


@pytest.fixture
def server(tmp_path, request):
    """A factory: server(**parts) starts one and returns it once it listens (harness.Server).

    All are stopped at the end, and each must then exit with 0 within 5 s and must not
    have reported anything of a sanitizer.
    """
    running = []
    request.node.servers = running
    number = itertools.count()

    def start(**options):
        one = harness.Server.__new__(harness.Server)
        running_before = len(running)
        try:
            one.__init__(tmp_path / f"server{next(number)}", **options)
        finally:
            # A server that failed to start is stopped and shown, too.
            if hasattr(one, "child"):
                running.insert(running_before, one)
        return one

    yield start
    problems = []
    for one in running:
        for end in (one.stop, one.kill):
            try:
                end()
            except AssertionError as problem:
                problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.fixture
def notify():
    """A notification socket, for a test that starts a server itself (harness.Notify)."""
    one = harness.Notify()
    yield one
    one.close()


@pytest.fixture(scope="session")
def source_flv(tmp_path_factory):
    """doc/source.flv, or a small replacement if it does not exist."""
    if harness.SOURCE_FLV.exists():
        return harness.SOURCE_FLV
    return harness.make_source(tmp_path_factory.mktemp("source") / "source.flv", size="1280x720")


@pytest.fixture(scope="session")
def small_flv(tmp_path_factory):
    """Ten seconds of 640x360 with a 1 s GOP."""
    return harness.make_source(tmp_path_factory.mktemp("small") / "small.flv")


@pytest.fixture
def publish(tmp_path, server, source_flv):
    """A factory: publish(srv, "live/livestream") runs ffmpeg -re over doc/source.flv.

    source=, loop=, args=, realtime= as in harness.ffmpeg_publish_args(); wait=False does not
    wait for Publish.Start. Returns the process: stop() is polite, kill() is not.
    """
    running = []
    number = itertools.count()

    def start(srv, stream="live/livestream", source=None, **options):
        url = srv if isinstance(srv, str) else srv.rtmp_url(stream)
        one = harness.FfmpegPublisher.__new__(harness.FfmpegPublisher)
        try:
            one.__init__(tmp_path / f"publish{next(number)}.log", source or source_flv, url,
                         **options)
        finally:
            if hasattr(one, "child"):
                running.append(one)
        return one

    # Requests `server` so that publishers end before it, whatever order a test lists.
    assert server
    yield start
    for one in running:
        one.kill()


def preamble_and_gops(path):
    preamble, ring = flv.preamble_and_ring(flv.parse_file(path).tags)
    return preamble, flv.split_gops(ring)


@pytest.fixture(scope="session")
def source(source_flv):
    """(preamble, GOPs) of doc/source.flv."""
    return preamble_and_gops(source_flv)


@pytest.fixture(scope="session")
def other(small_flv):
    """(preamble, GOPs) with another video and the same audio."""
    return preamble_and_gops(small_flv)


@pytest.fixture
def view(server):
    """view(srv, "/live/x.flv", …): a flv.Viewer, or a kind=, that is closed before the server is."""
    assert server
    opened = []

    def start(srv, path="/live/livestream.flv", kind=flv.Viewer, **options):
        before = srv.log().count("] play ")
        one = kind(srv.http_url(path), **options)
        opened.append(one)
        if os.environ.get("MILLRACE_WORKERS"):
            # One process sees viewers in the order in which they connect; several may not.
            harness.wait_for(lambda: one.status or one.is_done or
                             srv.log().count("] play ") > before, 10, "the viewer's request")
        return one

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def publisher(server):
    """publisher(srv, "live/x"): an rtmp.Publisher that is closed before the server is."""
    assert server
    opened = []

    def start(srv, stream="live/livestream"):
        one = rtmp.Publisher(srv.rtmp_url(stream))
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def nginx_rtmp(tmp_path):
    """A factory: nginx_rtmp(push=…) runs Debian's nginx with its RTMP module (nginx.NginxRtmp)."""
    import nginx

    running = []

    def start(**options):
        one = nginx.NginxRtmp(tmp_path / f"nginx{len(running)}", **options)
        running.append(one)
        return one

    yield start
    for one in running:
        one.kill()


@pytest.fixture(scope="session")
def headers(source_flv):
    """The sequence headers of doc/source.flv: video, audio."""
    tags = flv.parse_file(source_flv).tags
    return (next(t.data for t in tags if t.is_video and t.is_sequence_header),
            next(t.data for t in tags if t.is_audio and t.is_sequence_header))


@pytest.fixture
def open_all(server):
    """open_all(publisher, srv, …): closed before the server is."""
    assert server
    opened = []

    def start(make, *args, **kw):
        opened.append(make(*args, **kw))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


# The session's: what a test file imports from player_kit.py is made once for each file.


@pytest.fixture(scope="session")
def built_page(tmp_path_factory):
    """An HTTP root with the built player page."""
    html = tmp_path_factory.mktemp("html")
    harness.run([harness.ROOT / "research" / "players" / "build.sh", html / "players"], timeout=120)
    return html


@pytest.fixture(scope="session")
def browsers(tmp_path_factory):
    """The Chromium processes that tests share (browser.Browsers)."""
    import browser

    pool = browser.Browsers(tmp_path_factory.mktemp("browsers"))
    yield pool
    pool.close()
