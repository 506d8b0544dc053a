"""Tests of the tests' own tools, which must be correct to judge the server."""

import pytest

import flv
from harness import make_config
from rtmp import amf

TAGS = [
    flv.Tag(flv.SCRIPT, 0, amf("onMetaData", {"width": 2})),
    flv.Tag(flv.VIDEO, 0, b"\x17\0\0\0\0avcC"),
    flv.Tag(flv.AUDIO, 0, b"\xaf\0\x12\x10"),
    flv.Tag(flv.VIDEO, 0x1234567, b"\x17\1\0\0\0\0\0\0\2\x65x"),
    flv.Tag(flv.AUDIO, 0xFFFFFFFF, b"\xaf\1sound"),
    flv.Tag(flv.VIDEO, 40, b"\x27\1\0\0\0\0\0\0\1a"),
]


def exact(tags):
    return [(t.type, t.time, t.data) for t in tags]


def test_reader_through_every_split():
    data = flv.file_bytes(TAGS)
    for cut in range(len(data) + 1):
        reader = flv.Reader()
        reader.feed(data[:cut])
        reader.feed(data[cut:])
        assert exact(reader.finish().tags) == exact(TAGS)


def test_reader_refuses():
    data = flv.file_bytes(TAGS[:1])
    for place in (0, 4, 9, 13, 13 + 8, len(data) - 1):
        broken = bytearray(data)
        broken[place] ^= 0xF0
        with pytest.raises(flv.FlvError):
            flv.parse(bytes(broken))
    with pytest.raises(flv.FlvError):
        flv.parse(data[:-1])


def test_tags_know_what_they_are():
    kinds = [(t.is_sequence_header, t.is_keyframe, t.is_media) for t in TAGS]
    assert kinds == [(False, False, False), (True, False, False), (True, False, False),
                     (False, True, True), (False, False, True), (False, False, True)]
    assert TAGS[3].nal_units() == [b"\x65x"]
    assert len(flv.preamble_and_ring(TAGS)[0]) == 3
    assert [len(gop) for gop in flv.split_gops(TAGS)] == [3]
    hevc = flv.Tag(flv.VIDEO, 0, b"\x90hvc1")
    assert hevc.is_sequence_header and hevc.codec == b"hvc1"


def test_dechunker_through_every_split():
    raw = b"5\r\nhello\r\n3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"
    for cut in range(len(raw) + 1):
        chunks = flv.Dechunker()
        assert chunks.feed(raw[:cut]) + chunks.feed(raw[cut:]) == b"helloabc0123456789"
        assert chunks.ended
    assert not (lambda c: (c.feed(raw[:-1]), c.ended)[1])(flv.Dechunker())
    with pytest.raises(flv.FlvError):
        flv.Dechunker().feed(b"2\r\nabc\r\n")


def test_check_times():
    flv.check_times([TAGS[3], flv.Tag(flv.AUDIO, 0, b""), flv.Tag(flv.VIDEO, 0x1234567, b"")])
    with pytest.raises(flv.FlvError):
        flv.check_times([TAGS[3], TAGS[5]])
    with pytest.raises(flv.FlvError):
        flv.check_times([TAGS[5], TAGS[3]], step_max=1000)


def test_configuration_parts():
    text = make_config(1935, 8080, "/html", remux={"hstrs": False, "mount": ["/a.flv", "/b.ts"]},
                       play="gop_cache off;")
    assert "hstrs off;" in text and "mount /a.flv; mount /b.ts;" in text
    assert "[vhost]/[app]" not in text and "play { gop_cache off; }" in text
