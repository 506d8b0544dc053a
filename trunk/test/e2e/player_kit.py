"""What the tests of the player page share: the page as it is built, Chromium, and waits."""

import harness
import pytest
from engines import Firefox, WebKit

# A small copy of the picture: counts its different colours.
COLOURS = """(() => {
    const video = document.querySelector('video');
    const canvas = document.createElement('canvas');
    canvas.width = 64; canvas.height = 36;
    const pen = canvas.getContext('2d');
    pen.drawImage(video, 0, 0, 64, 36);
    const { data } = pen.getImageData(0, 0, 64, 36);
    const seen = new Set();
    for (let i = 0; i < data.length; i += 4) {
        seen.add((data[i] >> 4) << 8 | (data[i + 1] >> 4) << 4 | data[i + 2] >> 4);
    }
    return seen.size;
})()"""

TIME = "document.querySelector('video').currentTime"


@pytest.fixture
def server(server):
    """With the API, which the page's list of streams needs."""
    def start(*, api=True, top="", **options):
        if api:
            top += f" http_api {{ enabled on; listen {harness.free_port()}; }}"
        return server(top=top, **options)
    return start


@pytest.fixture(scope="session")
def players_html(built_page):
    """An HTTP root with the built page."""
    return built_page


@pytest.fixture
def browser(server, browsers):
    """browser(flag, …): a Chromium. Requests `server` so that the page is closed before it ends."""
    assert server
    taken = []

    def start(*flags):
        taken.append(browsers.take(*flags))
        return taken[-1]

    yield start
    for one in taken:
        browsers.give_back(one)


@pytest.fixture(params=["chromium", "firefox", "webkit"])
def engine(request, browser, tmp_path):
    """One page of each engine. It asks for `browser`, so its tests take turns with Chromium's."""
    if request.param == "chromium":
        yield browser("--autoplay-policy=no-user-gesture-required")
        return
    one = {"firefox": Firefox, "webkit": WebKit}[request.param](log=tmp_path / "engine.log")
    yield one
    one.close()


def page_url(srv, **parameters):
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return srv.http_url("/players/srs_player.html") + ("?" + query if query else "")


def wait_playing(page, seconds=2, timeout=30):
    """Waits until the picture has advanced by some seconds."""
    page.wait("millrace.state === 'playing'", timeout)
    start = page.evaluate(TIME)
    page.wait(f"{TIME} > {start + seconds}", timeout)
