"""Configurations of SRS users: what each form means here, what is warned about, what stops the start;
and the server_id that outlives a restart."""

import json
import re

import pytest

from harness import ROOT, curl
from process_kit import conf, program  # noqa: F401 (fixtures)

# Each test says how many workers it needs.
pytestmark = pytest.mark.once

# In srs/: the directives of each file that may cause a warning. The rest is served, means nothing
# here, or is off.
NOT_SERVED = {
    "now": {"srt_server", "rtc_server", "rtsp_server", "rtc", "srt", "rtsp", "bandcheck", "dash",
            "hls_keys", "hls_m3u8_file", "hls_entry_prefix", "hds", "ingest", "transcode", "on_hls_notify"},
    "old": {"bandcheck", "http_flv", "nack", "twcc"},
    "mixed": set(),
}


@pytest.mark.parametrize("name", NOT_SERVED)
def test_files_of_srs_users(program, name):
    """All of them are accepted, even if much of them is not supported."""
    path = ROOT / "trunk" / "test" / "e2e" / "srs" / f"{name}.conf"
    done = program("-tc", path, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("configuration ok\n")
    warned = set()
    for line in done.stderr.splitlines():
        found = re.search(r"\[warn\].*?:(\d+): (\w+) is not supported: ignored", line)
        if found:
            warned.add(found[2])
            assert re.match(rf"\s*{found[2]}\b", path.read_text().splitlines()[int(found[1]) - 1])
    assert warned == NOT_SERVED[name]
    # And what is served counts.
    assert "listen 1935" in done.stdout


def test_old_forms_are_effective(program):
    """What a vhost of SRS 1 to 3 says, as -t shows it."""
    done = program("-tc", ROOT / "trunk" / "test" / "e2e" / "srs" / "old.conf")
    text = re.sub(r"\s+", " ", done.stdout)
    for block in ("cluster { mode remote; origin 127.0.0.1:19350; ",
                  "forward { enabled on; destination 127.0.0.1:1936; ",
                  "refer { enabled on; all github.com; publish github.com; play github.com; ",
                  "http_static { enabled on; mount [vhost]/hls; dir ./x; ",
                  "publish { firstpkt_timeout 20000; normal_timeout 7000; "):
        assert block in text
    assert re.search("play { gop_cache on; .*queue_length 30; mw_latency 0; .*"
                     "send_min_interval 10; .*time_jitter full; atc on; atc_auto on;", text)
    assert "#     publish: clients from pages of github.com; and only clients from" in done.stdout


def test_access_rules_in_words(program, conf):
    done = program("-tc", conf("""
        vhost a { security { enabled on; allow play all; } }
        vhost b { security { enabled on; allow play all; allow publish 10.0.0.0/8; deny publish 10.0.0.1; }
                  token { enabled on; key k; } }
        vhost c { enabled off; }"""))
    assert done.returncode == 0
    assert done.stdout.endswith("""# Who may publish and play:
# vhost __defaultVhost__
#     publish: everyone
#     play: everyone
# vhost a
#     publish: nobody (security has no rule that allows it)
#     play: all addresses
# vhost b
#     publish: 10.0.0.0/8 except 10.0.0.1; and only signed addresses
#     play: all addresses; and only signed addresses
# vhost c (disabled)
""")
    assert 'vhost a: nobody may publish: security is enabled and has no rule "allow publish"' in done.stderr
    # What is printed is a configuration.
    again = program("-tc", conf(done.stdout.replace("***", "k")))
    assert (again.returncode, again.stdout) == (0, done.stdout)


@pytest.mark.parametrize("environment", [{"SRS_VHOST_SECURITY_ALOW": "publish 10.0.0.0/8"},
                                         {"SRS_VHOST_TOKEN_SECRET": "x"}])
def test_unknown_access_rule_stops_the_start(program, environment):
    done = program("-et", **environment)
    assert done.returncode == 1
    assert f"environment: {next(iter(environment))}: unknown directive" in done.stderr


def test_include_beside_the_file_or_in_the_working_directory(program, tmp_path):
    (tmp_path / "conf").mkdir()
    main, cwd = tmp_path / "conf" / "main.conf", tmp_path / "cwd"
    cwd.mkdir()
    main.write_text("include a.conf b.conf;")
    (tmp_path / "conf" / "a.conf").write_text("max_connections 11;")
    (cwd / "a.conf").write_text("max_connections 12;")
    (cwd / "b.conf").write_text("max_streams 13;")
    done = program("-tc", main, cwd=cwd)
    assert "max_connections 11;" in done.stdout and "max_streams 13;" in done.stdout
    (cwd / "b.conf").unlink()
    done = program("-tc", main, cwd=cwd)
    assert done.returncode == 1
    assert f"{main}:1: include: {main.parent}/b.conf: no such file" in done.stderr


@pytest.mark.parametrize("name", ["main.conf", "./main.conf", "../conf/main.conf"])
def test_include_in_a_circle(program, tmp_path, name):
    (tmp_path / "conf").mkdir()
    main = tmp_path / "conf" / "main.conf"
    main.write_text(f"listen 1935;\ninclude {name};")
    done = program("-tc", main)
    assert done.returncode == 1
    assert re.search(r":2: include .*: the file includes itself|:2: include files nested deeper than 8", done.stderr)


def test_file_named_by_the_environment(program, conf):
    """As SRS's container images are told their file."""
    one, other = conf("max_connections 11;"), conf("max_connections 12;")
    done = program("-tc", one, SRS_CONFIG_FILE=str(other))
    assert "max_connections 12;" in done.stdout and done.stderr == f"{other}: configuration ok\n"
    done = program("-tc", one, SRS_CONFIG_FILE=str(other), SRS_ENV_ONLY="on", SRS_MAX_CONNECTIONS="13")
    assert "max_connections 13;" in done.stdout and done.stderr == "environment: configuration ok\n"


# ---- server_id ----

def server_id_of(srv):
    return json.loads(curl(srv.http_url("/api/v1/versions")).body)["server"]


SERVER_ID = """
listen @RTMP@; pid {pid}; server_id "{name}";
http_server {{ enabled on; listen @HTTP@; dir @HTML@; }}
http_api {{ enabled on; listen @HTTP@; }}
"""


def test_server_id_outlives_a_restart(server, tmp_path):
    ids = []
    for name in ("", "", "origin-a", ""):
        srv = server(config=SERVER_ID.format(pid=tmp_path / "srs.pid", name=name))
        ids.append(server_id_of(srv))
        srv.stop()
    assert re.fullmatch("vid-[0-9a-z]{7}", ids[0])
    assert ids == [ids[0], ids[0], "origin-a", ids[0]]
    assert (tmp_path / "srs.id").read_text() == ids[0]


def test_server_id_of_workers(server, tmp_path):
    """All workers are one server; its id is the one that SRS has left."""
    (tmp_path / "srs.id").write_text("vid-abc1234")
    srv = server(config="workers 2;" + SERVER_ID.format(pid=tmp_path / "srs.pid", name=""))
    for _ in range(8):
        assert server_id_of(srv) == "vid-abc1234"


def test_server_id_in_the_state_folder(server, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    first = server(config=SERVER_ID.format(pid="''", name=""), env={"MILLRACE_STATE": str(state)})
    assert (state / "millrace.id").read_text() == server_id_of(first)
    # A second server in the same folder is another server.
    second = server(config=SERVER_ID.format(pid="''", name=""), env={"MILLRACE_STATE": str(state)})
    assert server_id_of(second) != server_id_of(first)
    assert "another server uses it" in second.log()


def test_server_id_cannot_be_kept(server, tmp_path):
    srv = server(config=SERVER_ID.format(pid="''", name=""),
                 env={"STATE_DIRECTORY": "/proc/self/nowhere"})
    assert re.search(rf"\[warn\].*server_id is {server_id_of(srv)} for this run only: "
                     "/proc/self/nowhere/millrace.id: ", srv.log())
