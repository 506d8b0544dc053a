"""The console in three browser engines, against the API of a real server."""

import concurrent.futures
import contextlib
import shutil

import flv
import pytest
from browser import PLAYERS
from harness import ROOT, curl, free_port, run, wait_for
from player_kit import browser, engine  # noqa: F401
from rtmp import Publisher

CONSOLE = ROOT / "research" / "console"
CARDS = "[...document.querySelectorAll('.stream h2 a')].map((a) => a.textContent).join()"
LOGIN = "auth { enabled on; username admin; password s3cret:too; }"


@pytest.fixture(scope="session")
def console_html(tmp_path_factory):
    html = tmp_path_factory.mktemp("html")
    run([PLAYERS / "build.sh", html / "players"], timeout=120)
    run([CONSOLE / "build.sh", html / "console", html / "players"])
    return html


@pytest.fixture
def console(server, console_html):
    """A server with the API, and the console's address at the API's port."""
    def start(auth="", top="", **options):
        port = free_port()
        srv = server(html=console_html, top=f"http_api {{ enabled on; listen {port}; {auth} }} {top}",
                     **options)
        return srv, f"http://127.0.0.1:{port}/console/"
    return start


def test_streams_and_kick(console, publish, engine, small_flv):  # noqa: F811
    """A stream appears with its picture; a viewer is listed and disconnected; a recording starts and
    stops."""
    srv, url = console(vhost="dvr { dvr_path ./rec/[stream].flv; }")
    publish(srv, "live/cam", source=small_flv)
    engine.open(url)
    engine.wait(f"{CARDS} === 'live/cam'", 30)
    engine.wait("document.querySelector('.picture[data-has] canvas')?.width > 0", 30)
    with flv.Viewer(srv.http_url("/live/cam.flv")) as viewer:
        viewer.wait_media(5)
        engine.wait("document.querySelector('.numbers').textContent.startsWith('1 viewer')")
        engine.evaluate("document.querySelector('.stream h2 a').click()")
        kinds = "[...document.querySelectorAll('[data-label=Kind]')].map((n) => n.textContent)"
        engine.wait(f"{kinds}.sort().join() === 'HTTP viewer,encoder'")
        button = ("[...document.querySelectorAll('#view button')].find((b) => "
                  "b.getAttribute('aria-pressed') === '{}')")
        engine.evaluate(button.format("false") + ".click()")
        fact = "[...document.querySelectorAll('.facts div')].find((d) => d.textContent.startsWith('Recording'))"
        engine.wait(f"{fact}?.lastChild.textContent.includes('cam.flv')")
        engine.wait(button.format("true") + "?.textContent === 'Stop recording'")
        engine.evaluate(button.format("true") + ".click()")
        engine.wait(button.format("false") + "?.textContent === 'Record'")
        wait_for((srv.folder / "rec" / "cam.flv").exists, what="the recording")
        engine.evaluate("[...document.querySelectorAll('tbody tr')].find((row) => "
                        "row.textContent.includes('HTTP viewer')).querySelector('button').click()")
        engine.wait("document.getElementById('confirm').open")
        engine.click("#confirm .danger")
        wait_for(lambda: viewer.is_done, what="the end of the viewer")
    engine.wait(f"{kinds}.join() === 'encoder'")
    assert engine.said() == []


def test_sign_in(console, engine):  # noqa: F811
    srv, url = console(LOGIN)
    engine.open(url)
    engine.wait("document.getElementById('sign-in').open")
    for password in ("wrong", "s3cret:too"):
        engine.evaluate("document.getElementById('user').value = 'admin'")
        engine.type("#password", password)
        if password == "wrong":
            engine.wait("document.getElementById('sign-in').open && "
                        "document.getElementById('sign-in-note').textContent.includes('wrong')")
    engine.wait("document.getElementById('state').textContent === 'connected'")
    engine.wait("document.querySelector('.empty strong')?.textContent === 'No streams'")
    engine.click("#sign-out")
    engine.wait("document.getElementById('sign-in').open")


def test_views_and_keys(console, publish, browser, small_flv):  # noqa: F811
    srv, url = console()
    publish(srv, "live/cam", source=small_flv)
    page = browser()
    page.open(url)
    page.wait(f"{CARDS} === 'live/cam'")
    page.press("3")
    page.wait("document.querySelector('#view dd')?.textContent.includes('Millrace')")
    page.press("4")
    page.wait("document.querySelector('.tree')?.textContent.includes('http_remux')")
    page.press("/")
    page.press("m")
    assert page.evaluate("document.activeElement.value") == "m", "typed, not a shortcut"
    page.press("Escape")
    page.press("1")
    page.wait(f"{CARDS} === 'live/cam'")
    page.press("j")
    page.press("Enter")
    page.wait("location.hash.length > '#/streams/'.length")
    page.press("Escape")
    page.wait("location.hash === '#/streams'")
    assert page.said() == []


def test_latencies(console, publish, browser, small_flv):  # noqa: F811
    """With the exporter: the lag of viewers over time, the event loop, and what pages reported."""
    exporter = f"exporter {{ enabled on; listen 127.0.0.1:{free_port()}; }}"
    srv, url = console(auth="qoe on;", top=exporter)
    publish(srv, "live/cam", source=small_flv)
    report = '{"url":"/live/cam.flv","watched_ms":1000,"stalls":3,"startup_ms":400,"latency_ms":900}'
    wait_for(lambda: curl(srv.http_url("/api/v1/qoe"), "-d", report,
                          "-H", "Content-Type: text/plain").status == 204, what="a counted report")
    page = browser()
    page.open(url)
    page.wait("document.querySelector('.totals').textContent.includes('Viewer lag')")
    with flv.Viewer(srv.http_url("/live/cam.flv")) as viewer:
        viewer.wait_media(5)
        page.wait("millraceConsole.history.total.points.lag.some((ms) => ms > 0)", 30)
    page.evaluate("document.querySelector('.stream h2 a').click()")
    fact = "[...document.querySelectorAll('.facts div')].find((d) => d.textContent.startsWith('{}'))"
    page.wait(fact.format("Stalls") + "?.lastChild.textContent === '3'")
    page.wait(fact.format("Start-up") + ".lastChild.textContent.endsWith(' ms')")
    page.press("3")
    page.wait(fact.format("Event loop") + "?.lastChild.textContent.includes('ms')")
    assert page.said() == []


def test_many_streams(console, browser, tmp_path):  # noqa: F811
    """300 streams: all are listed, the filter finds one, and nothing overflows on a phone."""
    srv, url = console(vhost="publish { firstpkt_timeout 120000; }")
    with contextlib.ExitStack() as stack:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for encoder in pool.map(lambda n: Publisher(srv.rtmp_url(f"live/s{n:03}")), range(300)):
                stack.enter_context(encoder)
        page = browser()
        page.open(url, width=390, height=844, touch=True, scheme="light")
        page.wait("document.querySelectorAll('.stream').length === 300", 30)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("[...document.querySelectorAll('.picture')].every((frame) => "
                             "frame.hasAttribute('data-none'))"), "a stream without video has none"
        page.type("#view input", "s123")
        page.wait(f"{CARDS} === 'live/s123'")
        page.screenshot(tmp_path / "phone.png")


def test_the_api_port_serves_nothing_else(console, console_html):
    """Next to the API there is the console, and no other file of http_server.dir."""
    (console_html / "secret.txt").write_text("no")
    _, url = console()
    assert curl(url).status == 200
    assert curl(url.removesuffix("/")).status == 301
    for path in ("secret.txt", "players/", "console/../secret.txt", "consolex", "%63onsole/..%2fsecret.txt"):
        assert curl(url.replace("console/", path)).status == 404


def test_pure_modules():
    run([shutil.which("node") or "node", "--test", CONSOLE / "test"], timeout=60)
