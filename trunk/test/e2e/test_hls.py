"""HLS: playlists by the rules, segments that are the stream, sessions that are viewers; with one
worker and with several."""

import threading

import pytest

import rtmp
import ts
from api_kit import api
from harness import curl, ffmpeg_decode, free_port, wait_for
from hls import TYPE, HlsError, Media, Player
from hook_server import HookServer, hooks

# Each test says how many workers it needs.
pytestmark = pytest.mark.once

M3U8 = "/live/livestream.m3u8"


def hls(more="hls_fragment 2; hls_window 4;"):
    return f"hls {{ enabled on; {more} }}"


def start(server, workers=1, **options):
    port = free_port()
    srv = server(top=f"workers {workers}; http_api {{ enabled on; listen {port}; }}", **options)
    srv.api_port = port
    return srv


def tags_of(source, gops=None):
    return [*source[0], *(tag for gop in source[1][:gops] for tag in gop)]


class Gops:
    """Each call publishes one GOP more: a worker that pulls gets only the newest one, and a segment ends where
    the next GOP begins."""

    def __init__(self, publisher, source, sent):
        self.publisher, self.gops, self.sent, self.offset = publisher, source[1], sent, 0

    def __call__(self):
        if self.sent == len(self.gops):
            self.sent, self.offset = 0, self.offset + self.gops[-1][-1].time + 40 - self.gops[0][0].time
        self.publisher.send_tags(self.gops[self.sent], self.offset)
        self.sent += 1


def check_segments(player, media):
    """Each can be played alone, and all together are one transport stream."""
    whole = ts.Reader()
    for segment in media.segments:
        data = player.fetch(segment)
        alone = ts.Reader()
        alone.feed(data)
        alone.close()
        assert alone.pes[0].pid == ts.VIDEO and alone.pes[0].is_random_access
        if segment.is_discontinuous:
            whole = ts.Reader()
        whole.feed(data)
        frames = alone.video
        seconds = ts.since(frames[-1].dts, frames[0].dts) / 90000
        assert seconds < segment.seconds < seconds + 0.2, (segment, seconds)
    whole.close()
    whole.check_times()
    whole.check_video()


def test_checker():
    """What the reader of playlists must not let through."""
    good = ("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n"
            "#EXTINF:2.40000,\na-7.ts\n#EXTINF:2.00000,\na-8.ts\n")
    one = Media(good)
    assert [segment.number for segment in one.segments] == [7, 8]
    for bad in (good.replace("2.4", "2.5"), good.replace("#EXTM3U\n", ""),
                good.replace("EXT-X-VERSION:3", "EXT-X-VERSION:2"), good.replace("a-8", "a-7"),
                good.replace("#EXTINF:2.00000,\n", ""), good.replace("TARGETDURATION:2", "X:2"),
                good.rstrip("\n"), good + "#EXTINF:1,\n"):
        with pytest.raises(HlsError):
            Media(bad)
    for bad in (good.replace("SEQUENCE:7", "SEQUENCE:6"), good.replace("2.4", "2.3"),
                good.replace("DURATION:2", "DURATION:3"),
                good.replace("SEQUENCE:7", "SEQUENCE:8").replace("a-7.ts\n#EXTINF:2.00000,\n", "")):
        with pytest.raises(HlsError):
            Media(bad).follows(one)
    one.follows(one)


@pytest.mark.parametrize("workers", [1, 2])
def test_play(server, source, workers):
    """From the first request to the end of the stream: playlists, bytes, callbacks, the API."""
    with HookServer() as callbacks:
        events = hooks(callbacks.url(), events=["on_play", "on_stop", "on_hls"])
        srv = start(server, workers, vhost=hls() + events, remux="republish_wait 200;")
        one = rtmp.Publisher(srv.rtmp_url("live/livestream?key=k"))
        one.send_tags(tags_of(source))
        player = Player(srv.http_url(M3U8 + "?a=b"))
        media = wait_for(lambda: len(player.get().segments) >= 3 and player.last)
        assert media.target == 2 and all("a=b" in segment.uri for segment in media.segments)
        check_segments(player, media)
        assert len({player.fetch(media.segments[-1]) for _ in range(4 * workers)}) == 1
        [client] = [one for one in api(srv, "clients")["clients"] if one["type"] == "hls-play"]
        assert (client["name"], client["ip"]) == ("livestream.m3u8", "127.0.0.1")
        assert {"enabled": True, "fragment": 2.0} in [one["hls"] for one in api(srv, "vhosts")["vhosts"]]
        check_kick(srv, callbacks, player, client["id"])
        player = Player(srv.http_url(M3U8))
        one.close()
        wait_for(lambda: player.get().is_ended)
        ffmpeg_decode(player.url, seconds=4)
        check_on_hls(callbacks, source)


def check_kick(srv, callbacks, player, client):
    """A session is told once, and does not come back under its address."""
    [asked] = callbacks.of("on_play")
    assert (asked["client_id"], asked["type"], asked["param"]) == (client, "hls", "?a=b")
    curl(f"http://127.0.0.1:{srv.api_port}/api/v1/clients/{client}", "-X", "DELETE")
    stopped = callbacks.wait("on_stop")
    assert stopped["client_id"] == client and stopped["send_bytes"] > 100000
    assert curl(player.url).status == 403


def check_on_hls(callbacks, source):
    """One event for each segment, the last one included."""
    length = (source[1][-1][-1].time - source[1][0][0].time) / 1000
    wait_for(lambda: sum(event["duration"] for event in callbacks.of("on_hls")) > length - 0.1)
    events = callbacks.of("on_hls")
    first = events[0]["seq_no"]
    for i, event in enumerate(sorted(events, key=lambda event: event["seq_no"])):
        assert list(event)[7:19] == ["tcUrl", "stream", "param", "duration", "cwd", "file", "url", "m3u8",
                                     "m3u8_url", "seq_no", "stream_url", "stream_id"]
        assert event["seq_no"] == first + i
        assert event["url"] == f"live/livestream-{first + i}.ts" and event["param"] == "?key=k"


@pytest.mark.parametrize("workers", [1, 2])
def test_publishers(server, source, workers):
    """Publishers that follow each other, at whichever worker: numbers continue, and each begins after a
    discontinuity."""
    srv = start(server, workers, vhost=hls("hls_fragment 2; hls_window 60;"))
    player = None
    for i in range(2 * workers):
        one = rtmp.Publisher(srv.rtmp_url("live/livestream"))
        one.send_tags(tags_of(source, 3))
        player = player or Player(srv.http_url(M3U8))
        wait_for(lambda more=Gops(one, source, 3): player.get().segments[-1].discontinuities == i or more())
        one.close()
        check_segments(player, player.get())


def test_requests(server, source):
    """What is answered when: nobody publishes, no permission, no room, other methods."""
    srv = start(server, vhost=hls() + "token { enabled on; publish off; key k; }",
                remux="hstrs off; mount [vhost]/tv/[app]/[stream].m3u8;", vhosts="""
        vhost open { http_remux { enabled on; mount [vhost]/[app]/[stream].m3u8; standby_timeout 20000; } }""")
    assert curl(srv.http_url(M3U8)).status == 401
    assert curl(srv.http_url("/live/livestream-1.ts?hls_ctx=" + 16 * "a")).status == 401
    opened = ("-H", "Host: open", "-H", "Origin: http://page")
    waiting = []
    thread = threading.Thread(target=lambda: waiting.append(Player(srv.http_url(M3U8), *opened)))
    thread.start()
    srv.wait_log("play open/live/livestream.m3u8")
    one = rtmp.Publisher(srv.rtmp_url("live/livestream?vhost=open"))
    one.send_tags([tag for tag in tags_of(source) if not tag.is_video])
    thread.join(60)
    [player] = waiting
    media = player.get()
    reader = ts.Reader()
    for segment in media.segments:
        reader.feed(player.fetch(segment))
    reader.close()
    assert reader.audio and not reader.video
    answer = curl(srv.http_url(M3U8), "-I", *opened)
    assert answer.status == 200 and answer.headers["content-type"] == TYPE
    assert "access-control-allow-origin" in answer.headers
    assert curl(srv.http_url(M3U8), "-X", "POST", *opened).status == 405
    missing = media.segments[0].uri.replace(str(media.sequence), "1")
    assert curl(missing, *opened).status == 404
    assert curl(media.segments[0].uri.split("?")[0], *opened).status == 404
    other = player.url.replace("/live/livestream", "/live/other")
    assert curl(other, *opened).status == 403
    one.close()
