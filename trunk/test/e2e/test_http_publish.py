"""Publishing over HTTP: a POST or PUT of FLV is a publisher like any other."""

import socket
import time

import pytest

import flv
from api_kit import api, api_server  # noqa: F401
from harness import Process, curl, ffmpeg_publish_args, wait_for
from hook_server import HookServer, hooks
from http_kit import check_error

ON = {"http": "on"}


def put(srv, source, path="/live/x.flv", *args):
    return curl(srv.http_url(path), "-T", source, *args, seconds=30)


@pytest.mark.parametrize("how", [[], ["-X", "POST"], ["-H", "Transfer-Encoding: chunked"],
                                 ["-H", "Expect:"]])
def test_a_file_is_published(server, view, source_flv, how):
    """The viewer that waited gets all of it from the first keyframe on; the answer comes at its end."""
    srv = server(publish=ON)
    viewer = view(srv, "/live/x.flv")
    answer = put(srv, source_flv, "/live/x.flv", *how)
    assert (answer.status, answer.json()) == (200, {"code": 0})
    gops = flv.split_gops([tag for tag in flv.parse_file(source_flv).tags if tag.is_media])
    wanted = [tag.data for gop in gops for tag in gop]
    viewer.wait_media(len(wanted))
    assert [tag.data for tag in viewer.media] == wanted


def test_ffmpeg_publishes(api_server, view, source_flv, tmp_path):  # noqa: F811
    srv = api_server(publish=ON)
    args = ffmpeg_publish_args(source_flv, srv.http_url("/live/x.flv"))
    encoder = Process([*args[:-1], "-method", "POST", args[-1]], tmp_path / "encoder.log")
    try:
        view(srv, "/live/x.flv").wait_media(50)
        [client] = [c for c in api(srv, "clients")["clients"] if c["publish"]]
        assert client["name"] == "x"
        answer = put(srv, source_flv)
        assert check_error(answer, 409)
        curl(f"http://127.0.0.1:{srv.api_port}/api/v1/clients/{client['id']}", "-X", "DELETE")
        wait_for(lambda: not encoder.is_running, 20, "the end of the encoder")
    finally:
        encoder.kill()


def test_who_may_publish(server, source_flv):
    """The rules are those of RTMP, pages of browsers have none, and it is off by default."""
    with HookServer(answer={"on_publish": (200, b'{"code":1,"msg":"no contract"}')}) as callbacks:
        block = "http_remux {{ enabled on; }} publish {{ http {}; }} {}"
        rules = {"off": "", "sec": "security { enabled on; allow play all; }",
                 "tok": "token { enabled on; key k; }",
                 "hook": hooks(callbacks.url(), events=["on_publish", "on_unpublish", "on_dvr"])}
        srv = server(publish=ON, vhosts=" ".join(
            f"vhost {name} {{ {block.format('off' if name == 'off' else 'on', rule)} }}"
            for name, rule in rules.items()))
        for name, status in (("off", 405), ("sec", 403), ("tok", 401), ("hook", 403)):
            answer = check_error(put(srv, source_flv, f"/live/x.flv?vhost={name}"), status)
        assert "no contract" in answer.text
        assert not callbacks.of("on_unpublish")
    check_error(put(srv, source_flv, "/live/x.flv", "-H", "Origin: http://page.example"), 403)
    check_error(put(srv, source_flv, "/live/x.flv", "-H", "Content-Type: text/plain"), 415)
    check_error(curl(srv.http_url("/live/x.flv"), "-X", "POST"), 405)
    assert "start publish" not in srv.log()


def test_bad_bodies(server, source_flv, tmp_path):
    srv = server(publish={"http": "on", "firstpkt_timeout": 1000, "normal_timeout": 1000})
    junk = tmp_path / "junk"
    junk.write_bytes(bytes(range(256)) * 300)
    check_error(put(srv, junk), 400)
    head = b"PUT /live/x.flv HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n"
    for sent in (b"", source_flv.read_bytes()[:100000]):
        with socket.create_connection(("127.0.0.1", srv.http_port), timeout=30) as sock:
            sock.sendall(head + sent)
            assert sock.recv(100).startswith(b"HTTP/1.1 408 ")
    assert drip(srv, head + b"FLV\1\5\0\0\0\x09\0\0\0\0\x09\0\xff\xff").startswith(b"HTTP/1.1 408 ")
    # The stream is free again.
    assert put(srv, source_flv).status == 200


def drip(srv, sent):
    """The answer to a body of single bytes that never make a tag."""
    deadline = time.monotonic() + 30
    with socket.create_connection(("127.0.0.1", srv.http_port), timeout=0.05) as sock:
        while time.monotonic() < deadline:
            sock.sendall(sent)
            sent = b"\0"
            try:
                return sock.recv(100)
            except TimeoutError:
                pass
    return b""
