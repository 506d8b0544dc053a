"""A format is one file and one row of media/mux.c: a format that only this test has is mounted,
served, and refused like the others."""

import os
import re
from pathlib import Path

import pytest

import flv
from harness import ROOT, curl, run

OBJS = Path(os.environ.get("MILLRACE_OBJS", ROOT / "objs"))
HERE = Path(__file__).parent


@pytest.fixture
def program(tmp_path):
    """The server with mux_letters.c."""
    tree = tmp_path / "tree"
    run([ROOT / "trunk/test/copy-tree.sh", OBJS, tree])
    (tree / "trunk/media/mux_letters.c").write_text((HERE / "mux_letters.c").read_text())
    table = tree / "trunk/media/mux.c"
    text = table.read_text()
    assert "ROW(mux_ts)" in text
    table.write_text(text.replace("ROW(mux_ts)", "ROW(mux_ts) ROW(mux_letters)", 1))
    run(["make", "-s", "-C", tree, "-f", "objs/Makefile", "O=objs", "objs/asan/server"])
    return tree / "objs/asan/server"


class Letters(flv.Viewer):
    class reader_class:
        def __init__(self):
            self.data = b""

        def feed(self, data):
            self.data += data

        def finish(self):
            return self

    @property
    def lines(self):
        return self.reader.data.decode().split("\n")[:-1]


@pytest.mark.once
@pytest.mark.skipif(not (OBJS / "asan" / "server").exists(), reason="needs the sanitized build")
def test_a_format_of_one_file_and_one_row(server, publisher, view, source, program):
    srv = server(program=program,
                 remux={"mount": ["[vhost]/[app]/[stream].flv", "[vhost]/[app]/[stream].abc"]})
    preamble, gops = source
    early = view(srv, "/live/livestream.abc", kind=Letters)
    publisher(srv).send_tags([*preamble, *gops[0]])
    srv.wait_log(r"mount /live/livestream\.abc")
    late = view(srv, "/live/livestream.abc", kind=Letters)
    frames = [tag for tag in gops[0] if tag.is_video]
    for viewer in (early, late):
        viewer.wait(lambda v: sum(line[0] in "Kv" for line in v.lines) == len(frames))
        assert viewer.status == 200 and viewer.header("content-type") == "text/x-letters"
        # Its header function gets both tracks and their configuration.
        head = re.fullmatch(r"letters [01]: audio 1 (\d+), video 1 (\d+)", viewer.lines[0])
        assert int(head[1]) >= 2 and int(head[2]) > 10
        assert viewer.lines[1][0] == "K"
    # A stream that it cannot carry is refused with its own text.
    mp3 = publisher(srv, "live/mp3")
    for i in range(50):
        mp3.send(8, i * 26, b"\x2f\xff\xfb\x90\x64" + bytes(413))
    answer = curl(srv.http_url("/live/mp3.abc"))
    assert answer.status == 404 and b"no letters for this stream" in answer.body
    assert curl(srv.http_url("/live/livestream.abd")).status == 404
