"""The player page in the other browser engines; test_player*.py test it in Chromium."""

import pytest
from player_kit import (COLOURS, browser, engine, page_url, players_html, server,  # noqa: F401
                        wait_playing)

# pylint: disable=redefined-outer-name


@pytest.mark.parametrize("transport", ["http", "ws"])
def test_page_plays(server, publish, engine, players_html, small_flv, transport):  # noqa: F811
    srv = server(html=players_html)
    publish(srv, "live/livestream", source=small_flv)
    engine.open(page_url(srv, stream="livestream.flv", schema=transport))
    wait_playing(engine, 2, 40)
    engine.wait(f"{COLOURS} > 8")  # a picture is painted
    assert engine.evaluate("document.getElementById('f-picture').textContent") == "640 × 360"
    assert engine.said() == []
