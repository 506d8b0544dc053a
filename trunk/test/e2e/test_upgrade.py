"""SIGUSR2: another program takes over while viewers and publishers stay; one that cannot start
changes nothing."""

import os
import re
import shutil
import signal
import socket

import pytest

import flv
from harness import SERVER, curl, free_port, is_alive, wait_for
from hook_server import HookServer, hooks
from metrics_kit import Exporter, check_never_falls
from rtmp import Publisher
from workers_kit import Feeder, closing, upgrade  # noqa: F401

# Each test says itself how many workers it has.
pytestmark = pytest.mark.once

# Of trunk/app/workers/upgrade_state.c, as it is in memory.
MAGIC = (0x6564617267707531).to_bytes(8, "little")


def wait_old(srv, count):
    """Waits until so many old workers have ended, since the start."""
    wait_for(lambda: srv.log().count(", has ended\n") == count, 20, f"{count} old workers to end")


def more(viewer, count=20):
    viewer.wait_media(len(viewer.media) + count)


@pytest.mark.parametrize("count", [1, 2])
def test_everything_continues(server, source, view, closing, count):  # noqa: F811
    """Two upgrades: one lock, one API, the metrics, and the callbacks of all processes."""
    with HookServer() as callbacks:
        one = Exporter(server, top=f"workers {count}; upgrade on;",
                       vhost=hooks(callbacks.url()))
        srv = one.srv
        feeder = closing(Feeder(srv.rtmp_url(), source))
        viewers = [view(srv)]
        viewers[0].wait_media(20)
        scrape = one.scrape()
        for turn in range(2):
            upgrade(srv)
            viewers.append(view(srv))
            for viewer in viewers:
                more(viewer)
            after = one.wait(lambda m, n=turn: m.one("srs_clients") == 3 + n, what="the clients")
            assert after.one("srs_streams") == 1
            check_never_falls(scrape, after)
            scrape = after
        answer = curl(f"http://127.0.0.1:{one.api_port}/api/v1/clients")
        kinds = sorted(client["type"] for client in answer.json()["clients"])
        assert kinds == ["flv-play"] * 3 + ["fmle-publish"]
        # The stream is published at a process of the first generation, and busy at every other.
        with pytest.raises(AssertionError):
            Publisher(srv.rtmp_url()).close()
        # No bytes are missing, and none came twice.
        for viewer in viewers:
            viewer.close()
            flv.check_times(viewer.media)
        # The log says what each upgrade left, and the encoder never noticed.
        assert len(re.findall("retiring: ", srv.log())) == 2 * count
        assert srv.log().count("start publish") == 1
        feeder.close()
        wait_old(srv, 2 * count)
        assert len(srv.processes()) == count
        callbacks.wait_balance(20)
        assert len(callbacks.of("on_play")) == len(callbacks.of("on_stop")) == 3
        after = one.wait(lambda m: m.one("srs_clients") == 0, what="the last to leave")
        check_never_falls(scrape, after)


def test_an_encoder_returns(server, source, view, closing):  # noqa: F811
    """It comes back at the new process while the old one still has its connection."""
    srv = server(top="workers 1; upgrade on;", publish={"takeover": "replace"})
    preamble, gops = source
    old = closing(Publisher(srv.rtmp_url()))
    old.send_tags(preamble + gops[0])
    viewer = view(srv)
    viewer.wait_media(len(gops[0]))
    upgrade(srv)
    new = closing(Publisher(srv.rtmp_url()))
    srv.wait_log("stop publish")
    new.send_tags(preamble + gops[1])
    viewer.wait_media(len(gops[0]) + len(gops[1]))
    assert not viewer.is_done


def test_another_configuration(server, view, source, closing):  # noqa: F811
    """More workers, then fewer; a listener comes, another goes; UNIX sockets stay."""
    more_port = free_port()
    srv = server(config="listen @RTMP@ unix:./rtmp.sock; workers 2; upgrade on; daemon off; "
                        "http_server { enabled on; listen @HTTP@; dir @HTML@; } "
                        "vhost __defaultVhost__ { http_remux { enabled on; "
                        "mount [vhost]/[app]/[stream].flv; } }")
    closing(Feeder(srv.rtmp_url(), source))
    viewer = view(srv)
    viewer.wait_media(10)
    text = srv.config_path.read_text()
    srv.config_path.write_text(text.replace("workers 2;", "workers 3;")
                               .replace(f"listen {srv.http_port}",
                                        f"listen {srv.http_port} {more_port}"))
    upgrade(srv)
    wait_for(lambda: len(srv.processes()) in (3, 4, 5), 10, "three workers")
    assert curl(f"http://127.0.0.1:{more_port}/none").status == 404
    srv.config_path.write_text(text.replace("workers 2;", "workers 1;"))
    upgrade(srv)
    # One worker serves the queues of three sockets.
    for _ in range(20):
        assert curl(srv.http_url("/none")).status == 404
    with socket.socket() as refused:
        wait_for(lambda: refused.connect_ex(("127.0.0.1", more_port)) != 0 or refused.close(), 10,
                 "the listener to be closed")
    with socket.socket(socket.AF_UNIX) as local:
        local.connect(str(srv.folder / "rtmp.sock"))
    more(viewer)


def test_what_cannot_start(server, view, source, closing, tmp_path):  # noqa: F811
    """Changes nothing, and the log says why."""
    program, spare = tmp_path / "program", tmp_path / "spare"
    shutil.copy(SERVER, program)
    srv = server(top="workers 1; upgrade on;", program=program)
    closing(Feeder(srv.rtmp_url(), source))
    viewer = view(srv)
    viewer.wait_media(10)
    text = srv.config_path.read_text()
    before = srv.processes()

    def refused(why):
        line = upgrade(srv, fails=True)
        assert re.search(why, line), line
        assert srv.processes() == before
        assert curl(srv.http_url("/none")).status == 404

    def put(content):
        spare.write_bytes(content)
        spare.chmod(0o755)
        os.replace(spare, program)

    good = program.read_bytes()
    os.unlink(program)
    refused("No such file")
    put(b"no program")
    refused("Exec format error")
    put(b"#!/bin/sh\necho a library is missing >&2\nexit 127\n")
    refused("exit status 127.*a library is missing")
    put(b"#!/bin/sh\nexit 0\n")
    refused("no reason given")
    # Another version of what one program leaves to the other.
    assert good.count(MAGIC) > 0
    put(good.replace(MAGIC, bytes(reversed(MAGIC))))
    refused("has no state of a server")
    put(good)
    srv.config_path.write_text(text + "nonsense 1;")
    refused("nonsense: unknown directive")
    with socket.create_server(("127.0.0.1", 0)) as other:
        srv.config_path.write_text(text + f"rtmps {{ enabled on; listen 127.0.0.1:{other.getsockname()[1]}; "
                                          "key ./none.key; cert ./none.crt; }")
        refused("address in use")
    # What only a worker finds: the old program is executed again.
    srv.config_path.write_text(text + f"rtmps {{ enabled on; listen {free_port()}; key ./none.key; "
                                      "cert ./none.crt; }")
    refused("could not start")
    assert "no such file" in srv.log()
    # It still can be reloaded and upgraded, once at a time.
    srv.config_path.write_text(text)
    srv.signal(signal.SIGHUP)
    srv.wait_log("reload: configuration is valid")
    count = srv.log().count("upgrade: trying")
    srv.signal(signal.SIGUSR2)
    wait_for(lambda: srv.log().count("upgrade: trying") > count, 10, "the upgrade to begin")
    srv.signal(signal.SIGUSR2)
    wait_for(lambda: "upgrade done" in srv.log(), 30, "the upgrade")
    srv.wait_log("upgrade refused: another upgrade is still running")
    assert all(map(is_alive, before))
    more(viewer)
    # An old worker can be ended by itself; nothing replaces it.
    os.kill(before[0], signal.SIGTERM)
    wait_old(srv, 1)
    assert len(srv.processes()) == 1
