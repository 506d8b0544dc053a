"""The player page resumes by itself, and shows the past."""

from player_kit import TIME, browser, page_url, players_html, server, wait_playing  # noqa: F401
from resume_kit import Wire

RANGES = "document.querySelector('video').buffered.length"
START = "document.querySelector('video').buffered.start(0)"


def test_resumes_and_seeks(server, publish, browser, players_html):  # noqa: F811
    srv = server(html=players_html, remux="rewind 60;")
    publish(srv)
    wire = Wire(srv.http_port)
    page = browser("--autoplay-policy=no-user-gesture-required")
    srv.http_port, port = wire.port, srv.http_port
    page.open(page_url(srv, stream="livestream.flv"))
    srv.http_port = port
    try:
        wait_playing(page, 0.2)
        page.wait("millrace.session.rewind === 60000")
        start = page.evaluate(START)
        # Silence: the page tries other connections, and continues once they get through.
        wire.cut()
        page.wait("performance.now() - millrace.session._meter.lastData > 2500", 20)
        wire.mend()
        page.wait("millrace.statistics.resumes >= 1", 20)
        wait_playing(page, 0.2)
        # The end of the connection: at once.
        resumes = page.evaluate("millrace.statistics.resumes")
        wire.drop()
        page.wait(f"millrace.statistics.resumes > {resumes}", 20)
        wait_playing(page, 0.2)
        figures = page.evaluate("millrace.statistics")
        assert figures["reloads"] == 0
        # One range: nothing is missing between what came before and after.
        assert page.evaluate(RANGES) == 1 and page.evaluate(START) <= start + 1
        time = page.evaluate(TIME)
        page.evaluate("document.querySelector('.back').click()")
        page.wait("millrace.statistics.isBehind", 10)
        page.wait("millrace.state === 'playing'", 20)
        assert page.evaluate(TIME) < time
        wait_playing(page, 0.2)
        page.evaluate("document.querySelector('.live').click()")
        page.wait("!millrace.statistics.isBehind && millrace.statistics.buffer < 3", 20)
        wait_playing(page, 0.2)
    finally:
        wire.close()
