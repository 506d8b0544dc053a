"""The depth of coroutine stacks: each stack has 60 KB with a guard page below. With
MILLRACE_MEASURE_STACKS the server fills stacks with a pattern and reports at its end how far the
deepest one was used. Sanitized frames are larger than those of a release."""

import re
import ssl
import urllib.request

import rtmp_client as rc
import ws
from harness import ROOT, curl, ffprobe, run
from rtmp_client import Client

CONFIG = """
listen @RTMP@;
srs_log_tank console;
srs_log_level debug;
rtmps { enabled on; listen @PORT3@; key server.key; cert server.crt; }
http_api { enabled on; listen @PORT4@; }
http_server {
    enabled on; listen @HTTP@; dir @HTML@;
    https { enabled on; listen @PORT5@; key server.key; cert server.crt; }
    http_pull { enabled on; source a rtmp://127.0.0.1:@OTHER@; source b http://127.0.0.1:@WEB@/live; }
}
vhost __defaultVhost__ {
    token { enabled off; key secret; }
    refer { enabled on; all none example.com 127.0.0.1; }
    security { enabled on; allow play all; allow publish all; }
    forward { enabled on; destination 127.0.0.1:@OTHER@; }
    http_remux {
        enabled on;
        mount [vhost]/[app]/[stream].flv; mount [vhost]/[app]/[stream].ts;
        mount [vhost]/[app]/[stream].aac; mount [vhost]/[app]/[stream].mp3;
    }
}
vhost edge {
    cluster { mode remote; origin 127.0.0.1:@OTHER@; vhost __defaultVhost__; token_traverse on; }
    http_remux { enabled on; mount edge/[app]/[stream].flv; }
}
"""


def nested(levels):
    """An AMF0 object within an object, and so on."""
    return b"\x03\0\1a" * levels + b"\x05" + b"\0\0\x09" * levels


def hostile(srv):
    """Input that makes parsers recurse deeply, or errors long."""
    for levels in (31, 33, 1000):
        with Client(srv.rtmp_port) as client:
            client.handshake(1)
            client.message(rc.COMMAND, 0, rc.amf("connect", 1) + nested(levels), csid=3, stream=0)
            client.wait_closed()
    with Client(srv.rtmp_port) as client:
        client.handshake()
        client.connect()
        client.play("x" * 400, wait=False)
    for path in ("/" + "a/" * 500, "/%2e%2e/" * 100, "/live/x.flv?" + "a=b&" * 500):
        curl(srv.http_url(path))


def begins(url, **headers):
    """Some bytes of a stream."""
    context = ssl._create_unverified_context() if url.startswith("https") else None
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=20, context=context) as answer:
        assert len(answer.read(2000)) == 2000


def watch(srv, source_flv):
    """Every way to watch, once."""
    https = f"https://127.0.0.1:{srv.ports[5]}/live/s.flv"
    for url in (srv.http_url("/live/s.flv"), srv.http_url("/live/s.ts"), srv.http_url("/live/s.aac"),
                https, srv.http_url("/live?app=live&stream=s"),
                srv.http_url("/live?src=a&app=live&stream=s"),
                srv.http_url("/live?src=b&app=live&stream=s")):
        begins(url)
    begins(srv.http_url("/live/s.flv"), Host="edge")
    for url in (srv.http_url("/live/s.flv"), https):
        with ws.Socket(url) as one:
            one.until_media(1)
    assert ffprobe(srv.rtmp_url("live/s"), "-read_intervals", "%+1")["streams"]
    assert ffprobe(f"rtmps://127.0.0.1:{srv.ports[3]}/live/s", "-read_intervals", "%+1")["streams"]
    assert curl(srv.http_url("/live/s.mp3")).status == 404
    for path in ("versions", "summaries", "streams/", "clients/", "vhosts/"):
        assert curl(f"http://127.0.0.1:{srv.ports[4]}/api/v1/{path}").status == 200
    (srv.html / "film.flv").write_bytes(source_flv.read_bytes())
    for arg in ("", "?start=100000", "?starttime=3", "?start=999999999"):
        assert curl(srv.http_url("/film.flv" + arg)).status in (200, 416)
    assert curl(srv.http_url("/film.flv"), "-r", "10-20").status == 206


def test_deepest(server, publish, source_flv, tmp_path):
    folder = tmp_path / "server1"
    folder.mkdir()
    run([ROOT / "conf" / "make-certificate.sh", folder])
    other = server(http_server="http_pull { enabled on; }")
    text = CONFIG.replace("@OTHER@", str(other.rtmp_port)).replace("@WEB@", str(other.http_port))
    srv = server(config=text, env={"MILLRACE_MEASURE_STACKS": "1"})
    source = publish(srv, "live/s")
    watch(srv, source_flv)
    hostile(srv)
    source.stop()
    srv.stop()
    measured = re.findall(r"the deepest stack took (\d+) of (\d+) bytes", srv.log())
    assert measured, srv.log()[-2000:]
    for used, room in measured:
        assert 4000 < int(used) < int(room) * 3 // 4
