"""Low-latency HLS: parts, playlists and parts that are waited for, delta updates; with one worker and
with several."""

import contextlib
import threading

import pytest

import rtmp
import ts
from harness import curl, wait_for
from hls import HlsError, Media, Player
from test_hls import M3U8, hls, start, tags_of

pytestmark = pytest.mark.once

LOW = hls("hls_fragment 1; hls_window 12; hls_part 0.3;")


@contextlib.contextmanager
def publishing(srv, source):
    """In real time, until the end of the test."""
    one, stop = rtmp.Publisher(srv.rtmp_url("live/livestream")), threading.Event()
    gops = source[1]
    length = gops[-1][-1].time + 40 - gops[0][0].time

    def run():
        one.send_tags(source[0])
        for turn in range(20):
            one.send_paced([tag for gop in gops for tag in gop], turn * length, stop)
            if stop.is_set():
                break
        one.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join()


def test_checker():
    """What the reader of playlists must not let through."""
    good = ("#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:1\n"
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,PART-HOLD-BACK=1.8\n"
            "#EXT-X-PART-INF:PART-TARGET=0.6\n#EXT-X-MEDIA-SEQUENCE:7\n"
            "#EXT-X-PART:DURATION=0.6,URI=\"a-7.0.ts\",INDEPENDENT=YES\n"
            "#EXT-X-PART:DURATION=0.4,URI=\"a-7.1.ts\"\n#EXTINF:1.00000,\na-7.ts\n"
            "#EXT-X-PART:DURATION=0.6,URI=\"a-8.0.ts\"\n"
            "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"a-8.1.ts\"\n")
    one = Media(good)
    assert one.position == (8, 1)
    for bad in (good.replace("0.4,", "0.7,"), good.replace("DURATION=0.6,URI=\"a-7", "DURATION=0.5,URI=\"a-7"),
                good.replace("BACK=1.8", "BACK=1.7"), good.replace("UNTIL=6.0", "UNTIL=5.0"),
                good.replace("a-8.1.ts", "a-8.0.ts"), good.replace("#EXT-X-PART-INF:PART-TARGET=0.6\n", ""),
                good + "#EXT-X-ENDLIST\n", good.replace("RELOAD=YES", "RELOAD=NO")):
        with pytest.raises(HlsError):
            Media(bad)
    for bad in (good.replace("DURATION=0.6,URI=\"a-8", "DURATION=0.55,URI=\"a-8"),
                good.replace("#EXT-X-PART:DURATION=0.6,URI=\"a-8.0.ts\"\n", "").replace("a-8.1", "a-8.0")):
        with pytest.raises(HlsError):
            Media(bad).follows(one)
    one.follows(one)


@pytest.mark.parametrize("workers", [1, 2])
def test_play(server, source, workers):
    """Every part is answered as soon as it is there, at whichever worker; parts are the segments."""
    srv = start(server, workers, vhost=LOW, remux="republish_wait 200;")
    with publishing(srv, source) as stop:
        player = Player(srv.http_url(M3U8))
        media, parts = player.get(), {}
        while len(parts) < 3 or not any(set(parts) >= {p.uri for p in one.parts} for one in media.segments
                                        if one.parts):
            hint = media.hint
            body = curl(hint, seconds=60).body
            media = player.next()
            listed = [p for one in media.segments for p in one.parts] + media.parts
            assert hint in {p.uri for p in listed}
            parts[hint] = body
        whole = next(one for one in media.segments if one.parts and
                     set(parts) >= {p.uri for p in one.parts})
        data = player.fetch(whole)
        assert b"".join(parts[p.uri] for p in whole.parts) == data
        assert whole.parts[0].is_independent
        reader = ts.Reader()
        reader.feed(data)
        reader.close()
        assert reader.pes[0].is_random_access
        check_directives(player)
        stop.set()
        wait_for(lambda: player.next().is_ended)
        assert player.get().is_ended


def check_directives(player):
    """Those that ask for too much, or make no sense; and a delta update."""
    number, part = player.get().position
    for bad in (f"_HLS_msn={number + 5}", "_HLS_part=1", "_HLS_msn=x", f"_HLS_msn={number}&_HLS_part=-1"):
        assert curl(f"{player.url}&{bad}").status == 400, bad
    assert player.get(f"&_HLS_msn={number}").position >= (number + 1, 0)
    missing = player.last.hint.replace(f"-{player.last.position[0]}.", "-1.")
    assert curl(missing).status == 404
    delta = Media(curl(player.url + "&_HLS_skip=YES").text, player.url)
    delta.follows(player.last)
