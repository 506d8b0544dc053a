"""objs/import-nginx: configurations of nginx with RTMP become ours (doc/nginx.md): each result is
accepted by the server, and one of them is run."""

import subprocess
import textwrap

import flv
import harness
import pytest

pytestmark = pytest.mark.once

TOOL = harness.SERVER.parent / "import-nginx"


def convert(tmp_path, text, name="nginx.conf"):
    """The result, its notes, and how the server understands it."""
    path = tmp_path / name
    path.write_text(textwrap.dedent(text))
    run = subprocess.run([TOOL, path], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    out = tmp_path / "ours.conf"
    out.write_text(run.stdout)
    test = subprocess.run([harness.SERVER, "-t", "-c", out], capture_output=True, text=True, timeout=60)
    assert test.returncode == 0, run.stdout + test.stderr
    assert all(f"#   {line}" in run.stdout for line in run.stderr.splitlines())
    return run.stdout, run.stderr.splitlines(), test.stdout


WHOLE = """
    worker_processes auto; pid /run/nginx.pid;
    events { worker_connections 2048; }
    include modules-enabled/*.conf;
    rtmp {
        max_message 10M;
        server {
            listen 1935;
            listen [::]:1935 ipv6only=on;
            chunk_size 4096;
            drop_idle_publisher 15s;
            application myapp {
                live on; gop_cache on; meta copy;
                allow publish 127.0.0.1; allow publish 10.0.0.0/8; deny publish all;
                on_publish http://127.0.0.1:8081/auth;
                push rtmp://backup.example.com/live;
                push rtmp://cdn.example.com/${app}/$name;
                push cdn2.example.com/x playpath=y;
                hls on; hls_path /tmp/hls; hls_fragment 1500ms; hls_playlist_length 1m;
                record all; record_path /var/rec; record_interval 15m;
                exec ffmpeg -i rtmp://localhost/$app/$name -f flv rtmp://localhost/low/${name}_low;
            }
            application vod { play /var/videos; }
        }
    }
    http {
        include mime.types;
        log_format main '$remote_addr - "$request" '
                        'rest';
        map $http_upgrade $connection_upgrade { default upgrade; '' close; }
        include sites/*.conf;
        server { listen 8081; location / { return 200; } }
    }
"""
SITE = """
    server {
        listen 80; listen 443 ssl http2;
        ssl_certificate /etc/ssl/live.crt; ssl_certificate_key "/etc/ssl/live key";
        location /live { flv_live on; }
        location /hls { types { application/vnd.apple.mpegurl m3u8; } root /tmp; }
        location /stat { rtmp_stat all; }
        location / {
            root /var/www/html;
            if ($request_method = "OPTIONS") { return 204; }
        }
    }
"""


def test_whole(tmp_path):
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "live.conf").write_text(textwrap.dedent(SITE))
    ours, notes, effective = convert(tmp_path, WHOLE)
    for line in ("listen 1935;", "workers auto;", "max_connections 2048;", "max_message 10485760;", "chunk_size 4096;",
                 "normal_timeout 15000;", "gop_cache on;", "allow publish 127.0.0.1;", "allow publish 10.0.0.0/8;",
                 "allow play all;", "on_publish http://127.0.0.1:8081/auth;",
                 "destination rtmp://backup.example.com/live/[stream];",
                 "destination rtmp://cdn.example.com/[app]/[stream];", "destination rtmp://cdn2.example.com/x/y;",
                 "hls_fragment 2;", "hls_window 60;", "dvr_path /var/rec/[stream].[timestamp].flv;",
                 "dvr_plan segment;", "dvr_duration 900;", "listen 80;", "listen 443;", "cert /etc/ssl/live.crt;",
                 'key "/etc/ssl/live key";', "mount /live;", "dir /var/www/html;"):
        assert line in [text.strip() for text in ours.splitlines()], line
    assert ours.count("listen 1935;") == 1
    for what, note in (("on_publish", "on_publish: "), ("hls_path", "hls_path: "), ("exec", "exec: "),
                       ("play /var", "play: "), ("application vod", "application: vod is not live"),
                       ("server { listen 8081", "server: has no live streams")):
        line = WHOLE.split(what)[0].count("\n") + 1
        assert sum(text.startswith(f"nginx.conf:{line}: {note}") for text in notes) == 1, (note, notes)
    for note in ("include mime.types: ", "include modules-enabled/*.conf: ", "sites/*.conf:7: rtmp_stat: "):
        assert sum(line.startswith(note) for line in notes) == 1, (note, notes)
    assert "127.0.0.1, 10.0.0.0/8; and only clients that the callback servers allow" in effective


def app(inner, more=""):
    return f"rtmp {{ server {{ listen 1935; application live {{ live on; {inner} }} {more} }} }}"


@pytest.mark.parametrize("rules, publish, play", [
    ("", "everyone", "everyone"),
    ("deny publish all;", "nobody", "all addresses"),
    ("allow publish 10.0.0.1; deny publish all; allow publish 10.0.0.2;", "10.0.0.1", "all addresses"),
    ("deny 10.0.0.1;", "all addresses but 10.0.0.1", "all addresses but 10.0.0.1"),
    ("allow all; deny all;", "everyone", "everyone"),
    ("deny play 10.0.0.0/8; allow play 192.168.0.0/16; deny play all;", "all addresses", "192.168.0.0/16 but 10.0.0.0/8"),
], ids=["none", "closed", "order", "open", "all", "both"])
def test_access(tmp_path, rules, publish, play):
    """In nginx the first rule that fits counts, and what none fits is allowed."""
    ours, _, effective = convert(tmp_path, app(rules))
    lines = [line.strip("# ") for line in effective.splitlines() if line.startswith("#     p")]
    for line, (action, who) in zip(lines, (("publish", publish), ("play", play)), strict=True):
        wanted, but = who.split(" but ") if " but " in who else (who, None)
        assert line.startswith(f"{action}: {wanted}"), (line, ours)
        assert but is None or f"deny {action} {but};" in ours


def test_what_restricts_players_is_noted(tmp_path):
    """Rules of nginx's locations are not carried over: none of them may be lost in silence."""
    ours, notes, _ = convert(tmp_path, """
        rtmp { server { listen 1935; application live { live on; } } }
        http { server { listen 80; ssl off; satisfy any;
            location /a { location /live {
                flv_live on; secure_link $arg_md5; auth_basic "x"; allow 10.0.0.0/8;
                if ($invalid_referer) { return 403; }
                limit_conn a 1; proxy_buffering off;
            } }
        } }
    """)
    assert "listen 80;" in ours and "https {" not in ours
    for what in ("satisfy", "secure_link", "auth_basic", "allow", "if", "limit_conn"):
        assert sum(f": {what}: restricts who may play" in note for note in notes) == 1, (what, notes)
    assert any(": proxy_buffering: not carried over" in note for note in notes)


def test_several_applications_are_never_more_open(tmp_path):
    """One application's closed list closes the other one; that is noted, and so is every other difference."""
    ours, notes, effective = convert(tmp_path, app(
        "allow publish 10.0.0.1; deny publish all; gop_cache on; record all;",
        "application other { live on; gop_cache off; on_done http://127.0.0.1/done; }"))
    assert "allow publish all" not in ours and "publish: 10.0.0.1\n" in effective + "\n"
    assert "on_unpublish http://127.0.0.1/done;" in ours and "on_stop http://127.0.0.1/done;" in ours
    for what in ("allow and deny", "callbacks", "play gop_cache differs", "dvr enabled differs"):
        assert any(what in note for note in notes), (what, notes)


def test_inner_blocks_replace_outer_ones(tmp_path):
    ours, _, _ = convert(tmp_path, "rtmp { gop_cache off; push rtmp://a/live; server { listen 127.0.0.1:1940; "
                                   "server_name one.example two.example; application live { live on; "
                                   "push rtmp://b/live; gop_cache on; } } }")
    assert ours.count("destination rtmp://b/live/[stream];") == 3 and "rtmp://a" not in ours
    assert [line for line in ours.splitlines() if line.startswith("vhost")] == [
        "vhost one.example {", "vhost two.example {", "vhost __defaultVhost__ {"]
    assert ours.count("gop_cache on;") == 3 and "gop_cache off;" not in ours and "listen 127.0.0.1:1940;" in ours


def test_an_application_that_pulls_becomes_an_edge(tmp_path):
    ours, notes, _ = convert(tmp_path, app("pull rtmp://origin.example:1936/live name=x;"))
    assert "mode remote;" in ours and "origin origin.example:1936;" in ours and len(notes) == 2
    ours, notes, _ = convert(tmp_path, app("pull rtmp://origin.example/live;", "application b { live on; }"))
    assert "mode remote;" not in ours and any("pull: other applications" in note for note in notes)


@pytest.mark.parametrize("text, error", [
    ("rtmp { server { listen 1935;", "nginx.conf:1: server: '{' is never closed"),
    ("rtmp } {", "nginx.conf:1: rtmp: ';' is missing"),
    ("include nginx.conf;", "the file includes itself"),
    ("a\x01b;", "control character 0x01"),
], ids=["open", "close", "itself", "control"])
def test_errors_name_the_line(tmp_path, text, error):
    (tmp_path / "nginx.conf").write_text(text)
    run = subprocess.run([TOOL, tmp_path / "nginx.conf"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 1 and run.stdout == "" and error in run.stderr


def test_words_of_the_file_stay_words(tmp_path):
    """What stands in a file cannot become a directive of the result."""
    ours, _, _ = convert(tmp_path, app(
        "record all; record_path '/x\"; } vhost evil.example { #'; on_play 'http://a/;}x'; push 'rtmp://a/b;}';"
        " 'a\\nlisten 1;' b;"))
    assert "\nvhost evil" not in ours and "\nlisten 1;" not in ours


def test_usage(tmp_path):
    for args, status in (([], 2), (["-x"], 2), (["a", "b"], 2), (["--help"], 0), ([tmp_path / "none"], 1)):
        run = subprocess.run([TOOL, *args], capture_output=True, text=True, timeout=60)
        assert run.returncode == status and bool(run.stderr) == (status != 0)


def test_addresses_of_http_flv(tmp_path, server, publisher, view):
    """The addresses that players of nginx-http-flv know still work."""
    ours, _, _ = convert(tmp_path, """
        rtmp { server { listen 60001; application myapp { live on; } } }
        http { server { listen 60002; location /live { flv_live on; } } }
    """)
    srv = server(config=ours.replace("listen 60001;", "listen @RTMP@;").replace("listen 60002;", "listen @HTTP@;"))
    pub = publisher(srv, "myapp/test")
    pub.send_tags(flv.parse_file(harness.SOURCE_FLV).tags[:200])
    for path in ("/live?port=60001&app=myapp&stream=test", "/myapp/test.flv"):
        view(srv, path).wait_media(1)
