"""The player page and quality ladders: the menu, and a stream whose rung the server changes."""

import pytest

from player_kit import browser, engine, page_url, players_html, server, wait_playing  # noqa: F401
from test_quality import LADDER, encode, files, switched  # noqa: F401


def test_menu(server, encode, browser, players_html):  # noqa: F811
    """At the address of a ladder the server chooses; the menu names each rung, and plays it."""
    srv = server(html=players_html, vhost=LADDER)
    encode(srv)
    srv.wait_log("live/show_lo are aligned")
    page = browser("--autoplay-policy=no-user-gesture-required")
    page.open(page_url(srv, stream="show.flv"))
    wait_playing(page)
    page.wait("document.querySelector('#quality').value === 'auto'")
    assert "quality=auto" in page.evaluate("millrace.address")
    assert page.evaluate("[...document.querySelector('#quality').options].map(o => o.text)") == \
        ["Auto", "hi", "mid", "lo"]
    page.evaluate("(() => { const menu = document.querySelector('#quality'); menu.value = 'lo';"
                  " menu.dispatchEvent(new Event('change', { bubbles: true })); })()")
    page.wait("document.querySelector('video').videoWidth === 160")
    assert page.evaluate("millrace.address").endswith("/live/show.flv?quality=lo")
    page.wait("document.querySelector('#quality').value === 'lo'")


def test_no_ladder(server, encode, browser, players_html):  # noqa: F811
    srv = server(html=players_html)
    encode(srv, ["lo"])
    page = browser("--autoplay-policy=no-user-gesture-required")
    page.open(page_url(srv, stream="show_lo.flv"))
    wait_playing(page)
    assert page.evaluate("document.querySelector('#quality-choice').hidden")


@pytest.mark.timeout(300)
def test_a_rung_changes_while_it_plays(server, encode, engine, players_html):  # noqa: F811
    """Another picture size in the same response: the page plays on, without a reload."""
    srv = server(html=players_html, vhost=LADDER)
    encode(srv, ["hi", "mid"])
    engine.open(page_url(srv, stream="show_mid.flv", quality="auto"))
    wait_playing(engine)
    engine.wait("document.querySelector('video').videoWidth === 256")
    # The path is clear: after ten seconds the next better rung is tried.
    switched(srv, "hi", "better", timeout=60)
    engine.wait("document.querySelector('video').videoWidth === 320", 40)
    before = engine.evaluate("document.querySelector('video').currentTime")
    engine.wait(f"document.querySelector('video').currentTime > {before} + 2")
    assert engine.evaluate("millrace.statistics.reloads") == 0
    assert engine.evaluate("millrace.state") == "playing"
