"""Reloads: every kind of change applies while a publisher and viewers stay, and a reload that fails
changes nothing. With several workers, each of them applies it."""

import re
import signal
import socket
import ssl
from pathlib import Path

import pytest

import flv
from harness import ROOT, curl, free_port, run, wait_for
from redisd import Redis
from reload_kit import ENDS, ends_of, more_media, reload, status
from rtmp_client import Closed, player, publisher as rtmp_publisher

MAKE_CERTIFICATE = ROOT / "conf" / "make-certificate.sh"


def test_mounts_and_play(server, publish, view, small_flv):
    srv = server()
    publish(srv, source=small_flv)
    viewer = view(srv)
    viewer.wait_media(10)
    reload(srv, ("mount [vhost]/[app]/[stream].flv;",
                 "mount [vhost]/[app]/[stream].ts [vhost]/[app]/[stream].live.flv;"),
           ("play {", "play { gop_cache off; mw_latency 50;"))
    # The encoder has been connected all the time, and new viewers find the new addresses.
    fresh = view(srv, "/live/livestream.live.flv")
    fresh.wait_media(10)
    assert status(srv.http_url("/live/livestream.ts"), "--max-time", "5", "-o", "/dev/null") == 200
    more_media(viewer)
    assert srv.log().count("start publish") == 1
    # Without a cache a new viewer begins with the next keyframe, not with one of the past.
    newest = viewer.media[-1].time
    late = view(srv, "/live/livestream.live.flv")
    wait_for(lambda: any(tag.is_keyframe for tag in late.video), 10, "a keyframe")
    assert next(tag.time for tag in late.video if tag.is_keyframe) >= newest
    reload(srv, ("[vhost]/[app]/[stream].live.flv", ""))
    wait_for(lambda: re.search(r"unmount \S*/live/livestream.live.flv", srv.log()),
             10, "the unmounting")
    more_media(fresh)


def congestion_of(viewer):
    """The congestion control of the server's end of a viewer's connection."""
    host, port = viewer.socket.getsockname()[:2]
    shown = run(["ss", "-tinH", f"dst {host}:{port}"]).stdout
    return shown.split("\n")[1].split()[0]


def test_congestion_control(server, view):
    """New connections have what the configuration says, at every worker."""
    default = Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    srv = server(top="tcp_congestion reno;")
    viewers = [view(srv) for _ in range(4)]
    assert {congestion_of(viewer) for viewer in viewers} == {"reno"}
    reload(srv, ("tcp_congestion reno;", "tcp_congestion nosuch;"), fails=True)
    wait_for(lambda: '"nosuch": the kernel has no such congestion control' in srv.log(), 10,
             "the reason")
    reload(srv, ("tcp_congestion nosuch;", ""))
    more = [view(srv) for _ in range(4)]
    assert {congestion_of(viewer) for viewer in more} == {default}
    assert {congestion_of(viewer) for viewer in viewers} == {"reno"}


def test_vhosts_come_and_go(server, view, open_all, headers, publish, small_flv):
    block = ("vhost one.example { http_remux { enabled on; mount [vhost]/[app]/[stream].flv; } }")
    srv = server(play={"gop_cache": "on"})
    publish(srv, "live/stays", source=small_flv)
    stays = view(srv, "/live/stays.flv")
    reload(srv, text=srv.config_path.read_text() + "\n" + block)
    publish(srv, "live/goes?vhost=one.example", source=small_flv)
    goes = view(srv, "/live/goes.flv", host="one.example")
    goes.wait_media(10)
    waits = view(srv, "/live/nobody.flv", host="one.example")
    encoder = open_all(rtmp_publisher, srv, "mine?vhost=one.example")
    watcher = open_all(player, srv, "goes?vhost=one.example")
    reload(srv, (block, ""))
    # Viewers get the end of the response, those that wait a refusal, and encoders the reason.
    goes.wait_end()
    waits.wait_end()
    assert waits.status == 404
    refusal = encoder.until(lambda m: m.code == "NetStream.Publish.BadName")[-1]
    assert "This vhost is no longer served" in str(refusal.values)
    watcher.wait_closed(10)
    srv.wait_log("one.example/live/goes ends: its vhost is no longer configured")
    more_media(stays)
    # The name belongs to the default vhost now.
    open_all(rtmp_publisher, srv, "again?vhost=one.example")
    srv.wait_log("start publish __defaultVhost__/live/again")


def test_listeners(server, publish, view, small_flv):
    srv = server()
    publish(srv, source=small_flv)
    viewer = view(srv)
    viewer.wait_media(10)
    http, rtmp, api = free_port(), free_port(), free_port()
    log = reload(srv, (f"listen {srv.http_port};", f"listen 127.0.0.1:{http};"),
                 (f"listen {srv.rtmp_port};", f"listen {srv.rtmp_port} 127.0.0.1:{rtmp}; "
                                              f"http_api {{ enabled on; listen 127.0.0.1:{api}; }}"))
    assert f"HTTP listens on 127.0.0.1:{http}" in log
    new = view(srv, kind=lambda _url: flv.Viewer(f"http://127.0.0.1:{http}/live/livestream.flv"))
    new.wait_media(10)
    assert curl(f"http://127.0.0.1:{api}/api/v1/versions").json()["code"] == 0
    socket.create_connection(("127.0.0.1", rtmp), 5).close()
    wait_for(lambda: f"no longer listens on 0.0.0.0:{srv.http_port}" in srv.log(), 10, "the end")
    with pytest.raises(ConnectionRefusedError):
        wait_for(lambda: not socket.create_connection(("127.0.0.1", srv.http_port), 5), 5, "")
    more_media(viewer)
    # Narrower, and back: the kernel would refuse either beside the other.
    reload(srv, (f"listen 127.0.0.1:{http};", f"listen {http};"))
    reload(srv, (f"listen {http};", f"listen 127.0.0.1:{http};"))
    more_media(new)
    assert status(f"http://127.0.0.1:{http}/nothing.txt") == 404


def test_a_listener_that_cannot_be_opened(server, publish, view, small_flv):
    srv = server()
    publish(srv, source=small_flv)
    viewer = view(srv)
    viewer.wait_media(10)
    free = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        good = srv.config_path.read_text()
        log = reload(srv, (f"listen {srv.http_port};", f"listen 127.0.0.1:{free} 127.0.0.1:{taken};"),
                     ("mount [vhost]/[app]/[stream].flv;", "mount [vhost]/x/[app]/[stream].flv;"),
                     fails=True)
        assert f"HTTP: listen on 127.0.0.1:{taken}: address in use" in log
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", free), 5)
    more_media(viewer)
    view(srv).wait_media(10)
    # What failed can be mended.
    reload(srv, text=good)
    assert status(srv.http_url("/nothing.txt")) == 404


def test_a_bad_file_changes_nothing(server):
    srv = server()
    good = srv.config_path.read_text()
    line = good.count("\n") + 1
    log = reload(srv, text=good.replace("enabled on;", "enabled off;") + "gop_cahce off;", fails=True)
    assert re.search(rf"server\.conf:{line}: gop_cahce: unknown directive", log)
    log = reload(srv, text=good + "http_server { https { enabled on; key no.key; cert no.crt; } }",
                 fails=True)
    assert "no such file: no.key" in log
    log = reload(srv, text=good + "srs_log_tank file; srs_log_file no/such/folder/x.log;", fails=True)
    assert "log file no/such/folder/x.log" in log
    srv.config_path.unlink()
    before = ends_of(srv)
    srv.signal(signal.SIGHUP)
    wait_for(lambda: ends_of(srv) > before, 10, "the reload")
    assert "no such file" in srv.log()
    assert status(srv.http_url("/nothing.txt")) == 404


def certificate(folder):
    folder.mkdir()
    run([MAKE_CERTIFICATE, folder])
    return f"key {folder}/server.key; cert {folder}/server.crt;", folder / "server.crt"


def served(port):
    return ssl.get_server_certificate(("127.0.0.1", port))


def test_certificates(server, publish, tmp_path, small_flv):
    port = free_port()
    old, old_file = certificate(tmp_path / "old")
    new, new_file = certificate(tmp_path / "new")
    srv = server(http_server=f"https {{ enabled on; listen {port}; {old} }}")
    publish(srv, source=small_flv)
    assert served(port).split() == old_file.read_text().split()
    with flv.Viewer(f"https://127.0.0.1:{port}/live/livestream.flv") as viewer:
        viewer.wait_media(10)
        reload(srv, (old, new))
        wait_for(lambda: served(port).split() == new_file.read_text().split(), 10, "the new one")
        more_media(viewer)
        # A key without its certificate changes nothing.
        log = reload(srv, (str(new_file), str(old_file)), fails=True)
        assert "https: private key" in log
        assert served(port).split() == new_file.read_text().split()
        more_media(viewer)


def test_access(server, publish, view, small_flv):
    srv = server()
    publish(srv, source=small_flv)
    viewer = view(srv)
    viewer.wait_media(10)
    reload(srv, ("http_remux {", "security { enabled on; deny play all; } http_remux {"))
    assert status(srv.http_url()) == 403
    more_media(viewer)
    reload(srv, ("security { enabled on; deny play all; }",
                 "token { enabled on; key aaaaaaaaaaaaaaaaaaaaaaaa; publish off; }"))
    assert status(srv.http_url()) == 401
    assert "aaaaaaaa" not in srv.log()
    reload(srv, ("token { enabled on;", "token { enabled off;"))
    view(srv).wait_media(10)
    more_media(viewer)


def test_access_of_an_open_rtmp_connection(server, open_all):
    """A connection from before the reload asks by the new rules, too."""
    srv = server()
    client = open_all(rtmp_publisher, srv, "one")
    client.command("FCUnpublish", 6, None, "one")
    client.command("deleteStream", 7, None, 1)
    wait_for(lambda: "stop publish" in srv.log(), 10, "the end of the first")
    reload(srv, ("http_remux {", "security { enabled on; deny publish all; } http_remux {"))
    client.command("createStream", 8, None)
    client.command("publish", 9, None, "two", "live", stream=1)
    answers = client.until(lambda m: m.code and m.code.startswith("NetStream.Publish."))
    assert answers[-1].code == "NetStream.Publish.Denied"


def test_limits(server, publish, view, small_flv):
    srv = server(top="max_viewers 100;")
    publish(srv, source=small_flv)
    viewers = [view(srv), view(srv)]
    for viewer in viewers:
        viewer.wait_media(10)
    reload(srv, ("max_viewers 100;", "max_viewers 2;"))
    assert status(srv.http_url()) == 503
    reload(srv, ("max_viewers 2;", "max_viewers 3;"))
    view(srv).wait_media(10)
    for viewer in viewers:
        more_media(viewer)


def test_more_rules(server, publish, view, small_flv, tmp_path):
    """Pages, addresses of pulls, proxies, the number of connections, and a listener with TLS."""
    srv = server(top="max_connections 500;", vhost="refer { enabled off; play good.example; }")
    publish(srv, source=small_flv)
    viewer = view(srv)
    url, short = srv.http_url("/live/livestream.flv"), ("--max-time", "3", "-o", "/dev/null")
    assert status(url, *short) == 200
    assert status(srv.http_url("/pull?app=live&stream=livestream"), *short) == 404
    files, _ = certificate(tmp_path / "tls")
    port = free_port()
    rtmps = f"rtmps {{ enabled on; listen 127.0.0.1:{port}; {files} }}"
    reload(srv, ("refer { enabled off", "refer { enabled on"),
           ("http_server {", "http_server { http_pull { enabled on; mount /pull; } "),
           ("max_connections 500;", f"max_connections 400; trusted_proxies 127.0.0.1; {rtmps}"))
    assert status(url, *short) == 403
    assert status(url, *short, "-H", "Referer: http://good.example/") == 200
    assert status(srv.http_url("/pull?app=live&stream=livestream"), *short) == 403
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10)).close()
    status(url, *short, "-H", "Referer: http://good.example/", "-H", "X-Forwarded-For: 192.0.2.7")
    srv.wait_log("play .* from 192.0.2.7")
    more_media(viewer)


def test_streams_limit(server, open_all):
    srv = server(top="max_streams 1;")
    open_all(rtmp_publisher, srv, "one")
    with pytest.raises((AssertionError, Closed)):
        open_all(rtmp_publisher, srv, "two")
    reload(srv, ("max_streams 1;", "max_streams 3;"))
    open_all(rtmp_publisher, srv, "two")
    open_all(rtmp_publisher, srv, "three")


def test_log(server, tmp_path):
    srv = server()
    path = tmp_path / "new.log"
    srv.config_path.write_text(srv.config_path.read_text().replace(
        "srs_log_tank console;", f"srs_log_tank file; srs_log_file {path}; srs_log_level warn;"))
    srv.signal(signal.SIGHUP)
    srv.wait_log(f"the log continues in {path}")
    assert status(srv.http_url("/nothing.txt")) == 404
    text = srv.config_path.read_text().replace("srs_log_level warn;", "srs_log_level info;")
    srv.config_path.write_text(text)
    srv.signal(signal.SIGHUP)
    wait_for(lambda: ENDS[0] in path.read_text(), 10, "the second reload, in the file")
    assert ENDS[0] not in srv.log()


def test_forward(server, publish, view, small_flv):
    sinks = [server(), server(), server()]
    ports = [one.rtmp_port for one in sinks]
    rule = "forward {{ enabled on; destination {}; }}"
    old = rule.format(f"127.0.0.1:{ports[0]} 127.0.0.1:{ports[1]}")
    srv = server(vhost=old)
    publish(srv, source=small_flv)
    for sink in sinks[:2]:
        sink.wait_log("start publish")
    stays = view(sinks[0])
    stays.wait_media(10)
    reload(srv, (old, rule.format(f"127.0.0.1:{ports[0]} 127.0.0.1:{ports[2]}")))
    sinks[2].wait_log("start publish")
    sinks[1].wait_log("stop publish")
    more_media(stays)
    assert sinks[0].log().count("start publish") == 1
    reload(srv, ("forward { enabled on;", "forward { enabled off;"))
    for sink in (sinks[0], sinks[2]):
        sink.wait_log("stop publish")


def cluster(port):
    return f"cluster {{ mode remote; origin 127.0.0.1:{port}; protocol flv; }}"


def test_edge(server, publish, view, small_flv):
    """An origin that is taken off the list is left at once, and the viewers stay."""
    origins = [server(), server()]
    for one in origins:
        publish(one, source=small_flv)
    edge = server(vhost=cluster(origins[0].http_port))
    viewer = view(edge)
    viewer.wait_media(10)
    reload(edge, (str(origins[0].http_port), f"{origins[0].http_port} 127.0.0.1:{origins[1].http_port}"))
    more_media(viewer)
    reload(edge, (f"{origins[0].http_port} 127.0.0.1:", ""))
    origins[1].wait_log(r"\] play ")
    more_media(viewer, 50)
    assert not viewer.is_done
    # Local now: the pull ends, and an encoder can publish the stream here.
    reload(edge, ("mode remote", "mode local"))
    wait_for(lambda: origins[1].log().count("stop play") >= 1, 10, "the end of the pull")
    publish(edge, source=small_flv)
    more_media(viewer)


class OwnRedis(Redis):
    close = Redis.kill


def test_directory(server, open_all, tmp_path):
    """New streams are entered in the new one; an old one is left with its last stream."""
    found = [open_all(OwnRedis, tmp_path / f"redis{i}") for i in range(2)]
    where = [f"directory redis://127.0.0.1:{one.port}/0;" for one in found]
    srv = server(vhost=f"cluster {{ {where[0]} advertise 127.0.0.1; }}")

    def holds(one, stream):
        return one.command("GET", one.key(f"live/{stream}")) is not None

    first = open_all(rtmp_publisher, srv, "first")
    wait_for(lambda: holds(found[0], "first"), 10, "the first entry")
    reload(srv, (where[0], where[1]))
    open_all(rtmp_publisher, srv, "second")
    wait_for(lambda: holds(found[1], "second"), 10, "the second entry")
    assert holds(found[0], "first") and not holds(found[0], "second")
    first.close()
    wait_for(lambda: not holds(found[0], "first"), 10, "the end of the first entry")
    left = "no longer configured, disconnecting"
    wait_for(lambda: srv.log().count(left) == len(srv.processes()), 10, left)
    reload(srv, (where[1], where[0]))
    open_all(rtmp_publisher, srv, "third")
    wait_for(lambda: holds(found[0], "third"), 10, "the third entry")
    assert holds(found[1], "second") and not holds(found[1], "third")


def test_what_needs_a_restart(server):
    srv = server(top="max_connections 100;")
    log = reload(srv, ("max_connections 100;", "max_connections 99; asprocess on; server_id other;"))
    assert "reload: +max_connections 99;" in log
    assert "reload: +asprocess on;  # needs a restart" in log
    assert "these changes take effect after a restart: asprocess, server_id" in log
    # It is still so at the next reload, and over when the file says again what is in effect.
    assert "after a restart: asprocess, server_id" in reload(srv)
    assert "after a restart" not in reload(srv, (" asprocess on; server_id other;", ""))
    assert "reload: configuration is valid; 0 changes" in reload(srv)
