"""Instructions of the documents and files of conf/, done as written: configurations are used
unchanged, except for the ports, which are set by the environment."""

import re
import shutil

import pytest

from harness import ROOT, SERVER, curl, ffmpeg_decode, ffprobe, free_port, have, run, wait_for
from player_kit import players_html  # noqa: F401

# Of the usual documentation of HTTP-FLV, the examples: nothing says where RTMP is served or what
# becomes of the log.
FLV = "mount [vhost]/[app]/[stream].flv;"
EXAMPLES = {
    "flv": FLV,
    "ts": "mount [vhost]/[app]/[stream].ts;",
    "mp3": "fast_cache 30; mount [vhost]/[app]/[stream].mp3;",
    "aac": "fast_cache 30; mount [vhost]/[app]/[stream].aac; hstrs on;",
    "flags": "fast_cache 30; drop_if_not_match on; has_audio on; has_video on; guess_has_av on; "
             + FLV,
}
EXAMPLE = """
http_server {{ enabled on; listen 8080; {more} }}
vhost {vhost} {{ http_remux {{ enabled on; {remux} }} }}
"""
HTTPS = "https { enabled on; listen 8088; key ./conf/server.key; cert ./conf/server.crt; }"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    run([ROOT / "conf" / "make-certificate.sh", folder])
    return folder


@pytest.fixture
def started(server, tmp_path, certificate):
    """started(file or text, **environment): a server in a folder of its own with the usual
    layout."""
    def start(config, **environment):
        folder = tmp_path / "server0"
        shutil.copytree(certificate, folder / "conf")
        path = folder / "conf" / "the.conf"
        if isinstance(config, str):
            path.write_text(config)
        else:
            shutil.copy(config, path)
        ports = {name: free_port() for name in ("rtmp", "http", "https", "rtmps", "api")}
        env = {"SRS_LISTEN": ports["rtmp"], "SRS_HTTP_SERVER_LISTEN": ports["http"],
               "SRS_HTTP_SERVER_HTTPS_LISTEN": ports["https"], "SRS_RTMPS_LISTEN": ports["rtmps"],
               "SRS_HTTP_API_LISTEN": ports["api"], **environment}
        srv = server(args=["-c", "conf/the.conf"],
                     env={name: str(value) for name, value in env.items()})
        srv.rtmp_port, srv.http_port, srv.https_port = ports["rtmp"], ports["http"], ports["https"]
        srv.api_port, srv.rtmps_port = ports["api"], ports["rtmps"]
        return srv
    return start


@pytest.fixture(scope="session")
def mp3_file(tmp_path_factory, small_flv):
    path = tmp_path_factory.mktemp("mp3") / "mp3.flv"
    run(["ffmpeg", "-v", "error", "-i", small_flv, "-c:v", "copy", "-c:a", "libmp3lame", path])
    return path


TYPES = {"flv": "video/x-flv", "ts": "video/mp2t", "mp3": "audio/mpeg", "aac": "audio/aac"}


def check_plays(kind, url):
    """ffmpeg decodes a second of it without errors, video and audio."""
    tracks = ["-map", "0:v:0", "-map", "0:a:0"] if kind in ("flv", "ts") else ["-map", "0:a:0"]
    assert ffmpeg_decode(url, seconds=1, args=tracks) == ""
    head = curl(url, "--head", "-k")
    assert head.status == 200 and head.headers["content-type"] == TYPES[kind]


# ---- our own documents ----

@pytest.mark.parametrize("kind", ["flv", "ts", "mp3", "aac"])
def test_a_configuration_for_each_format(kind, started, publish, mp3_file, small_flv):
    srv = started(ROOT / "conf" / f"http.{kind}.live.conf")
    publish(srv, source=mp3_file if kind == "mp3" else small_flv)
    check_plays(kind, srv.http_url(f"/live/livestream.{kind}"))
    # The other formats do not exist, and viewers do not wait for them.
    other = "ts" if kind == "flv" else "flv"
    assert curl(srv.http_url(f"/live/livestream.{other}")).status == 404


def test_https(started, publish, small_flv):
    srv = started(ROOT / "conf" / "https.flv.live.conf")
    publish(srv, source=small_flv)
    check_plays("flv", f"https://127.0.0.1:{srv.https_port}/live/livestream.flv")
    check_plays("flv", srv.http_url())
    assert ffmpeg_decode(f"rtmps://127.0.0.1:{srv.rtmps_port}/live/livestream", seconds=1) == ""


def test_realtime(started, publish, small_flv):
    srv = started(ROOT / "conf" / "realtime.flv.conf")
    publish(srv, source=small_flv)
    check_plays("flv", srv.http_url())


def test_container(started, publish, small_flv):
    srv = started(ROOT / "conf" / "docker.conf")
    publish(srv, source=small_flv)
    for kind in ("flv", "ts", "aac"):
        check_plays(kind, srv.http_url(f"/live/livestream.{kind}"))
    check_plays("ts", f"https://127.0.0.1:{srv.https_port}/live/livestream.ts")
    answer = curl(srv.http_url("/live/livestream.mp3"))
    assert answer.status == 404 and "MP3" in answer.json()["reason"]
    api = curl(f"http://127.0.0.1:{srv.api_port}/api/v1/streams/")
    assert api.json()["streams"][0]["name"] == "livestream"


def test_full(started, publish, small_flv):
    """Every directive with its default: only RTMP is on. What a test switches on, works."""
    srv = started(ROOT / "conf" / "full.conf", SRS_HTTP_SERVER_ENABLED="on",
                  SRS_VHOST_HTTP_REMUX_ENABLED="on")
    publish(srv, source=small_flv)
    check_plays("flv", srv.http_url())
    assert not [line for line in srv.log().splitlines() if "the.conf:" in line], "a complaint"


# ---- documents of others ----

@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name, started, publish, mp3_file, small_flv):
    kind = name if name != "flags" else "flv"
    more = "crossdomain on;" if name == "flags" else ""
    srv = started(EXAMPLE.format(more=more, vhost="__defaultVhost__", remux=EXAMPLES[name]))
    publish(srv, source=mp3_file if kind == "mp3" else small_flv)
    check_plays(kind, srv.http_url(f"/live/livestream.{kind}"))


def test_example_of_https(started, publish, small_flv):
    srv = started(EXAMPLE.format(more=HTTPS, vhost="__defaultVhost__", remux=FLV))
    publish(srv, source=small_flv)
    check_plays("flv", f"https://127.0.0.1:{srv.https_port}/live/livestream.flv")


def test_example_of_a_certificate(started, publish, small_flv, tmp_path):
    """The two commands, letter by letter, instead of ours."""
    srv = started(EXAMPLE.format(more=HTTPS, vhost="__defaultVhost__", remux=FLV))
    ours = srv.folder / "conf" / "server.crt"
    assert curl(f"https://127.0.0.1:{srv.https_port}/", "--cacert", ours).status == 404
    run(["sh", "-c", f"cd {tmp_path} && openssl genrsa -out server.key 2048 && "
                     "openssl req -new -x509 -key server.key -out server.crt -days 3650 "
                     '-subj "/C=CN/ST=Beijing/L=Beijing/O=Me/OU=Me/CN=ossrs.net"'])
    for name in ("server.key", "server.crt"):
        shutil.copy(tmp_path / name, srv.folder / "conf" / name)

    def is_served():
        answer = curl(f"https://ossrs.net:{srv.https_port}/", "--cacert", tmp_path / "server.crt",
                      "--resolve", f"ossrs.net:{srv.https_port}:127.0.0.1")
        return answer.status == 404
    wait_for(is_served, what="the new certificate")
    publish(srv, source=small_flv)
    check_plays("flv", f"https://127.0.0.1:{srv.https_port}/live/livestream.flv")


def test_example_of_a_vhost(started, publish, small_flv):
    """A vhost's streams are at its own host name; an address without [vhost] is served at every
    host."""
    srv = started(EXAMPLE.format(more="", vhost="your_vhost",
                                 remux=FLV + " mount /all/[app]/[stream].flv;"))
    publish(srv, "live/livestream?vhost=your_vhost", source=small_flv)
    host = "-headers", "Host: your_vhost\r\n"
    assert ffmpeg_decode(f"{srv.http_url()}?vhost=your_vhost", seconds=1) == ""
    assert run(["ffprobe", "-v", "error", *host, srv.http_url()]).stderr == ""
    check_plays("flv", srv.http_url("/all/live/livestream.flv"))
    assert curl(srv.http_url(), seconds=3).status == 404, "another host has nothing here"


def test_example_of_the_environment(started, publish, small_flv):
    """Everything from the environment, with an empty file."""
    srv = started("# nothing", SRS_HTTP_SERVER_ENABLED="on", SRS_HTTP_SERVER_CROSSDOMAIN="off",
                  SRS_VHOST_HTTP_REMUX_ENABLED="on", SRS_VHOST_HTTP_REMUX_FAST_CACHE="30",
                  SRS_VHOST_HTTP_REMUX_DROP_IF_NOT_MATCH="on", SRS_VHOST_HTTP_REMUX_HAS_AUDIO="off",
                  SRS_VHOST_HTTP_REMUX_HAS_VIDEO="on", SRS_VHOST_HTTP_REMUX_GUESS_HAS_AV="off",
                  SRS_VHOST_HTTP_REMUX_MOUNT="[vhost]/[app]/[stream].flv")
    publish(srv, source=small_flv)
    found = ffprobe(srv.http_url())
    assert [s["codec_name"] for s in found["streams"]] == ["h264"], "has_audio is off"
    head = curl(srv.http_url(), "--head", "-H", "Origin: http://page.example")
    assert not [name for name in head.headers if name.startswith("access-control-")]


def test_the_pages_address(started, players_html):  # noqa: F811
    srv = started(ROOT / "conf" / "http.flv.live.conf", SRS_HTTP_SERVER_DIR=players_html)
    for path in ("/players/srs_player.html", "/players/"):
        answer = curl(srv.http_url(path))
        assert answer.status == 200 and "text/html" in answer.headers["content-type"]
    assert curl(srv.http_url("/players")).headers["location"] == "/players/"


@pytest.mark.skipif(not have("systemd-analyze"), reason="no systemd-analyze")
def test_the_unit_of_systemd(tmp_path):
    """systemd-analyze accepts the unit of doc/signals.md with this server."""
    unit = re.search(r"```ini\n(.*?)```", (ROOT / "doc" / "signals.md").read_text(), re.S).group(1)
    path = tmp_path / "millrace.service"
    path.write_text(unit.replace("/opt/millrace/objs/server", str(SERVER)))
    said = run(["systemd-analyze", "verify", "--man=no", path])
    assert "millrace" not in said.stdout + said.stderr
