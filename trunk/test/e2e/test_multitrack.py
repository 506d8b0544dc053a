"""Several tracks of a kind (enhanced RTMP multitrack): players get the lowest one as an ordinary
track, ?track= selects others or all of them as published; the same at an edge and at another
worker."""

import pytest

import enhanced as ex
import flv
import rtmp_client
import ts
from harness import curl, ffmpeg_decode, ffprobe
from test_edge import cluster, port_of
from workers_kit import closing, workers  # noqa: F401
from ws import Socket

TS = {"mount": ["[vhost]/[app]/[stream].flv", "[vhost]/[app]/[stream].ts"]}
MULTITRACK = 2  # of capsEx


def as_track(tag, ident):
    """A legacy H.264 or AAC tag as a multitrack message of one track."""
    packet = ex.FRAMES if tag.data[1] == 1 else ex.START
    if tag.is_video:
        cts = int.from_bytes(tag.data[2:5], "big")
        body = ex.multi_video(ex.ONE, packet, [(ident, b"avc1", tag.data[5:], cts)],
                              frame=tag.data[0] >> 4)
    else:
        body = ex.multi_audio(ex.ONE, packet, [(ident, b"mp4a", tag.data[2:], 0)])
    return flv.Tag(tag.type, tag.time, body)


def media(tags):
    return [t.data for t in tags if not t.is_script and not t.is_sequence_header]


class Tracks:
    """Two GOPs of one source as ordinary tags, with the other source as track 1."""

    def __init__(self, source, other):
        self.preamble, gops = source
        self.first = gops[0] + gops[1]
        self.second_preamble = [t for t in other[0] if not t.is_script]
        self.second = [t for gop in other[1] for t in gop if t.time < 3500]
        self.sent = list(self.preamble) + [as_track(t, 1) for t in self.second_preamble]
        self.sent += sorted(self.first + [as_track(t, 1) for t in self.second],
                            key=lambda t: t.time)
        self.last = self.first[-1].data


@pytest.fixture(scope="session")
def tracks(source, other):
    return Tracks(source, other)


def check_part(got, whole):
    """Checks that a viewer got these frames without a gap, from some position on."""
    at = whole.index(got[0])
    assert got == whole[at:at + len(got)]


@pytest.fixture(params=["one", "workers", "edge flv", "edge rtmp"])
def place(request, server, publisher, workers, closing):  # noqa: F811
    """Where viewers are, and the publisher."""
    if request.param == "workers":
        one = workers(remux=TS)
        here, there = one.pids()
        pub = closing(one.publisher_at(here))
        return pub, one.srv, lambda path: closing(one.viewer_at(there, path))
    srv = server(remux=TS)
    origin = srv
    if request.param != "one":
        protocol = request.param.split()[1]
        srv = server(remux=TS, vhost=cluster(port_of(origin, protocol), protocol))
    return publisher(origin), srv, lambda path: closing(flv.Viewer(srv.http_url(path)))


def test_tracks_for_viewers(place, tracks):
    pub, _, view = place
    pub.send_tags(tracks.sent)
    plain, chosen, all_of_them = (view(f"/live/livestream.flv{query}")
                                  for query in ("", "?track=a1,v1", "?track=all"))
    plain.wait(lambda v: v.media and tracks.last in [t.data for t in v.media], 10, "the last frame")
    check_part(media(plain.check().tags), media(tracks.first))
    heads = [t.data for t in plain.tags if t.is_sequence_header]
    assert heads == [t.data for t in tracks.preamble if t.is_sequence_header]
    chosen.wait(lambda v: v.tags and v.tags[-1].data == tracks.second[-1].data, 10, "the last frame")
    check_part(media(chosen.check().tags), media(tracks.second))
    heads = [t.data for t in chosen.tags if t.is_sequence_header]
    assert heads == [t.data for t in tracks.second_preamble]
    assert chosen.media[0].is_keyframe
    all_of_them.wait(lambda v: v.tags and v.tags[-1].data == tracks.sent[-1].data, 10, "the last")
    got = [t.data for t in all_of_them.check().tags]
    for head in tracks.sent[len(tracks.preamble):len(tracks.preamble) + 2]:
        assert got.count(head.data) == 1
    sent = [t.data for t in tracks.sent]
    # It starts at the newest keyframe at that time.
    heads = sent[:len(tracks.preamble) + len(tracks.second_preamble)]
    first = sent.index(next(t.data for t in all_of_them.tags
                            if not t.is_script and t.data not in heads))
    assert got[-(len(sent) - first):] == sent[first:]


def rtmp_media(srv, tracks, last, stream="livestream", **more):
    with rtmp_client.Client(srv.rtmp_port) as player:
        player.handshake()
        player.connect("live", **more)
        player.play(stream)
        return [m.data for m in player.until(lambda m: m.data == last, 10)
                if m.type in (flv.AUDIO, flv.VIDEO)]


def test_tracks_for_rtmp_players(server, publisher, tracks):
    srv = server()
    publisher(srv).send_tags(tracks.sent)
    with flv.Viewer(srv.http_url()) as viewer:
        viewer.wait(lambda v: tracks.last in [t.data for t in v.media], 10, "the last frame")
    ordinary = [t.data for t in tracks.preamble if not t.is_script] + media(tracks.first)
    got = rtmp_media(srv, tracks, tracks.last)
    assert got and set(got) <= set(ordinary)
    # A client that supports other codecs does not necessarily support several tracks.
    assert set(rtmp_media(srv, tracks, tracks.last, fourCcList=["hvc1"])) <= set(ordinary)
    got = rtmp_media(srv, tracks, tracks.second[-1].data, "livestream?track=1")
    assert set(got) <= {t.data for t in tracks.second_preamble + tracks.second}
    multi = {t.data for t in tracks.sent} - set(ordinary)
    last = tracks.sent[-1].data
    assert multi & set(rtmp_media(srv, tracks, last, "livestream?track=all"))
    assert multi & set(rtmp_media(srv, tracks, last, capsEx=MULTITRACK))


def test_tracks_for_other_players(server, publisher, tracks):
    """WebSocket and TS; ffmpeg decodes each; a request for a missing track is refused."""
    srv = server(remux=TS)
    pub = publisher(srv)
    pub.send_tags(tracks.sent)
    last = tracks.second[-1].data
    url = srv.http_url("/live/livestream.flv?track=1").replace("http:", "ws:")
    with Socket(url) as ws:
        ws.until(lambda w: w.reader.tags and w.reader.tags[-1].data == last, "the last frame")
        check_part(media(ws.reader.tags), media(tracks.second))
    first, second = (next(t for t in reversed(part) if t.is_keyframe).nal_units()[-1]
                     for part in (tracks.first, tracks.second))
    for query, there, absent in (("", first, second), ("?track=1", second, first),
                                 ("?track=all", first, second)):
        with ts.Viewer(srv.http_url("/live/livestream.ts" + query)) as viewer:
            viewer.wait_pes(20)
            payloads = b"".join(pes.payload for pes in viewer.check().reader.pes)
            assert there in payloads and absent not in payloads
    assert curl(srv.http_url("/live/livestream.flv?track=x")).status == 400


def test_players_play_with_a_second_track(server, publisher, tracks, tmp_path):
    srv = server(remux=TS)
    publisher(srv).send_tags(tracks.sent)
    size = {}
    for query in ("", "?track=1"):
        with flv.Viewer(srv.http_url(f"/live/livestream.flv{query}")) as viewer:
            viewer.wait_media(20)
            path = tmp_path / "got.flv"
            path.write_bytes(flv.file_bytes(viewer.check().tags))
        assert ffmpeg_decode(str(path)) == ""
        size[query] = ffprobe(str(path), "-select_streams", "v", "-show_entries", "stream=width")
    assert size[""] != size["?track=1"]
