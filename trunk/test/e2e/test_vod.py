"""FLV on demand: parts of files by byte and by second, and invalid files."""

import pytest

import flv
from harness import curl, ffmpeg_decode, ffprobe
from rtmp import Publisher
from http_kit import ORIGIN, Raw, check_error, get
from ws import Socket


@pytest.fixture
def film(server, small_flv):
    """film(): a server with film.flv, and its tags with their offsets."""
    def start(**parts):
        srv = server(**parts)
        data = small_flv.read_bytes()
        (srv.html / "film.flv").write_bytes(data)
        srv.data = data
        srv.tags = flv.parse(data).tags
        at = 13
        for tag in srv.tags:
            tag.at = at
            at += len(tag.data) + 15
        srv.headers = [next(t for t in srv.tags if t.is_sequence_header and t.is_video),
                       next(t for t in srv.tags if t.is_sequence_header and t.is_audio)]
        srv.keys = [t for t in srv.tags if t.is_keyframe]
        return srv
    return start


def check(srv, answer, key):
    """The whole answer for a start at the keyframe `key`."""
    assert answer.status == 200
    assert answer.headers["content-type"] == "video/x-flv"
    opening = flv.header_bytes() + b"".join(flv.tag_bytes(t.type, 0, t.data) for t in srv.headers)
    assert answer.body == opening + srv.data[key.at:]
    assert answer.headers["content-length"] == str(len(answer.body))
    flv.parse(answer.body)


def test_by_byte(film):
    srv = film()
    starts = {1, 13, 14, 500, len(srv.data) // 2, len(srv.data) - 200000}
    for key in srv.keys:
        starts |= {key.at - 1, key.at, key.at + 1}
    for start in sorted(starts):
        key = next((k for k in srv.keys if k.at >= start), None)
        answer = curl(srv.http_url(f"/film.flv?start={start}"), "-H", f"Origin: {ORIGIN}")
        if key:
            check(srv, answer, key)
        else:
            check_error(answer, 416)
        assert answer.headers["access-control-allow-origin"] == ORIGIN


def test_by_second(film):
    srv = film()
    for second in (0.001, 0.5, 1, 1.0, 1.5, 2.999, 3, 5.04, 9, 9.5):
        key = [k for k in srv.keys if k.time <= second * 1000][-1]
        check(srv, curl(srv.http_url(f"/film.flv?starttime={second}")), key)
    assert len(srv.keys) == 10


def test_from_the_beginning_is_the_file(film):
    srv = film()
    for query in ("", "?start=0", "?starttime=0", "?starttime=0.0", "?x=y"):
        answer = curl(srv.http_url("/film.flv" + query))
        assert answer.status == 200 and answer.body == srv.data
        assert "etag" in answer.headers


def test_beyond_the_end(film):
    srv = film()
    size = len(srv.data)
    for query in (f"start={size}", f"start={size + 1}", "start=9223372036854775807",
                  f"start={size - 10}", "starttime=11", "starttime=99999999999999999999999"):
        answer = check_error(curl(srv.http_url("/film.flv?" + query), "-H", f"Origin: {ORIGIN}"),
                             416)
        assert answer.headers["content-range"] == f"bytes */{size}"
        assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize("query", ["start=x", "start=-1", "start=1.5", "start=99999999999999999999",
                                   "starttime=x", "starttime=-1", "starttime=.", "starttime=1e3",
                                   "starttime=1,5"])
def test_malformed(film, query):
    srv = film()
    check_error(curl(srv.http_url("/film.flv?" + query)), 400)


def test_head_and_methods(film):
    srv = film()
    key = srv.keys[5]
    whole = len(curl(srv.http_url(f"/film.flv?start={key.at}")).body)
    with Raw(srv) as raw:
        for _ in range(2):
            raw.send(get(f"/film.flv?start={key.at}", method="HEAD"))
            answer = raw.answer(is_head=True)
            assert answer.status == 200 and answer.headers["content-length"] == str(whole)
        # On the same connection the next answer follows.
        assert len(raw.send(get(f"/film.flv?start={key.at}")).answer().body) == whole
        assert len(raw.send(get("/film.flv")).answer().body) == len(srv.data)
    check_error(curl(srv.http_url("/film.flv?start=5"), "-X", "POST", "-d", "x"), 405)


def test_other_files_ignore_start(film):
    srv = film()
    (srv.html / "a.txt").write_text("text")
    assert curl(srv.http_url("/a.txt?start=2")).text == "text"
    check_error(curl(srv.http_url("/none.flv?start=2")), 404)


def test_ffmpeg_plays_a_part(film):
    """The response decodes without an error and starts at the keyframe."""
    srv = film()
    for query, first in (("starttime=4.5", 4.0), (f"start={srv.keys[7].at}", 7.0)):
        url = srv.http_url("/film.flv?" + query)
        assert ffmpeg_decode(url, seconds=20) == ""
        found = ffprobe(url, "-show_packets")
        assert found["errors"] == ""
        video = [p for p in found["packets"] if p["codec_type"] == "video"]
        assert video[0]["flags"].startswith("K")
        assert abs(float(video[0]["dts_time"]) - first) < 0.1
        assert {s["codec_name"] for s in found["streams"]} == {"h264", "aac"}


def test_audio_alone(server, tmp_path):
    from harness import make_source
    srv = server()
    data = make_source(tmp_path / "a.flv", seconds=5, video=False).read_bytes()
    (srv.html / "a.flv").write_bytes(data)
    tags = flv.parse(data).tags
    answer = curl(srv.http_url(f"/a.flv?start={len(data) // 2}"))
    part = flv.parse(answer.body)
    assert answer.status == 200 and part.flags == 4
    assert part.tags[0].is_sequence_header
    assert [t.key for t in part.tags[1:]] == [t.key for t in tags[-len(part.tags) + 1:]]
    assert ffmpeg_decode(srv.http_url("/a.flv?starttime=2.5"), seconds=10) == ""


# ---- at a stream's address ----

def test_a_folder_of_films(film, source_flv):
    """/video/film.flv could be the stream video/film; while that is not published, it is the file,
    at once, without waiting for the stream."""
    srv = film(remux={"hstrs": "on", "standby_timeout": 0, "republish_wait": 200})
    (srv.html / "video" / "old").mkdir(parents=True)
    for name in ("video/film.flv", "video/old/film.flv"):
        (srv.html / name).write_bytes(srv.data)
        key = srv.keys[5]
        assert curl(srv.http_url(name)).body == srv.data
        check(srv, curl(srv.http_url(f"{name}?start={key.at}")), key)
        check(srv, curl(srv.http_url(f"{name}?starttime=5.01")), key)
        part = curl(srv.http_url(name), "-r", "5-9")
        assert part.status == 206 and part.body == srv.data[5:10]
        head = curl(srv.http_url(name), "--head")
        assert head.status == 200 and head.headers["content-length"] == str(len(srv.data))
        check_error(curl(srv.http_url(name), "-X", "POST", "-d", "x"), 405)
    # While it is published, it is the stream; then the file again.
    preamble, ring = flv.preamble_and_ring(flv.parse_file(source_flv).tags)
    with Publisher(srv.rtmp_url("video/film")) as publisher:
        publisher.send_tags(preamble + ring[:60])
        srv.wait_log("mount ")
        with flv.Viewer(srv.http_url("/video/film.flv?starttime=5")) as viewer:
            viewer.wait_media(10)
            assert viewer.header("Transfer-Encoding") == "chunked"
        # A WebSocket asks for the stream only.
        with Socket(srv.http_url("/video/film.flv")) as ws:
            assert ws.answer.status == 101
    srv.wait_unmounted()
    assert curl(srv.http_url("/video/film.flv")).body == srv.data
    with Socket(srv.http_url("/video/film.flv")) as ws:
        assert ws.answer.status == 101


# ---- bad files ----

def test_cut_files(film):
    """A recording that was interrupted, or is still being written."""
    srv = film()
    for size in (0, 5, 13, 20, 100, srv.keys[3].at, srv.keys[3].at + 5,
                 srv.keys[3].at + 11 + len(srv.keys[3].data), srv.keys[4].at + 3):
        (srv.html / "cut.flv").write_bytes(srv.data[:size])
        for query in ("start=1", f"start={srv.keys[2].at}", f"start={srv.keys[3].at}",
                      "starttime=2.5"):
            answer = curl(srv.http_url("/cut.flv?" + query))
            assert answer.status in (200, 416), (size, query)
            if answer.status == 200:
                flv.parse(answer.body, may_be_cut=True)
                assert answer.body.endswith(srv.data[size - 50:size])


def test_garbage(film):
    srv = film()
    header = flv.header_bytes()
    files = {
        "html": b"<!doctype html>" * 1000,
        "zeros": bytes(100000),
        "only a header": header,
        "header and noise": header + bytes(range(1, 255)) * 4000,
        "a huge tag": header + b"\x09\xff\xff\xff" + bytes(7) + b"\x17\x01" * 1000,
        "tags of size 0": header + flv.tag_bytes(9, 0, b"") * 5000,
        "sizes that point back": header + (flv.tag_bytes(9, 0, b"\x27\x01\0\0\0")[:-4] + b"\0\0\0\0")
        * 2000,
        "a header offset beyond": b"FLV\x01\x05\xff\xff\xff\xff" + bytes(1000),
    }
    for name, data in files.items():
        (srv.html / "bad.flv").write_bytes(data)
        for query in ("start=1", "start=1000", "starttime=1"):
            answer = curl(srv.http_url("/bad.flv?" + query), seconds=10)
            assert answer.status == 416, (name, query, answer.status)


def test_damage_is_skipped(film):
    """Seeking finds the tags after a damaged piece."""
    srv = film()
    data = bytearray(srv.data)
    data[srv.keys[5].at - 100:srv.keys[5].at + 100] = b"\xee" * 200
    (srv.html / "hurt.flv").write_bytes(data)
    for query in (f"start={srv.keys[4].at + 1}", "starttime=6.5"):
        answer = curl(srv.http_url("/hurt.flv?" + query))
        assert answer.status == 200 and answer.body.endswith(bytes(data[srv.keys[6].at:]))
    assert curl(srv.http_url("/hurt.flv?starttime=7")).body.endswith(bytes(data[srv.keys[7].at:]))


def test_many_at_once(film):
    srv = film()
    opened = [Raw(srv, get(f"/film.flv?starttime={i % 10}.5")) for i in range(40)]
    for i, raw in enumerate(opened):
        answer = raw.answer()
        assert answer.status == 200 and answer.body.endswith(srv.data[srv.keys[i % 10].at:])
        raw.close()
