"""The servers to measure: Millrace with a configuration for the case, the bare loop, and
comparable servers."""

import pathlib
import shutil
import subprocess

from measure import Daemon, Failure, Tool, free_ports

HERE = pathlib.Path(__file__).resolve().parent

MILLRACE_CONF = """\
listen 127.0.0.1:{rtmp};
max_connections 19900;
daemon off;
pid {work}/server.pid;
srs_log_tank console;
srs_log_level warn;
http_server {{
    enabled on;
    listen 127.0.0.1:{http};
    dir {work};
    {https}
}}
vhost __defaultVhost__ {{
    {vhost}
    play {{
        gop_cache on;
        {play}
    }}
    http_remux {{
        enabled on;
        mount [vhost]/[app]/[stream].flv;
    }}
}}
"""

NGINX_CONF = """\
load_module {module};
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {work}/nginx.pid;
error_log {work}/nginx.err error;
events {{ worker_connections 20000; }}
rtmp {{
    server {{
        listen 127.0.0.1:{rtmp};
        chunk_size 60000;
        application live {{ live on; wait_key on; }}
    }}
}}
"""

# How Millrace is set for a case: (lines of the vhost, lines of play).
MERGE_350 = ("", "mw_latency 350;")
PER_FRAME = ("min_latency on;", "")
DEFAULT = ("", "")


HTTPS_CONF = "https {{ enabled on; listen 127.0.0.1:{http}; key {pem}; cert {pem}; }}"


class Target:
    """One running server: where its streams are published and played."""
    is_bare = False
    rtmp_play = False
    tls = False

    def __init__(self, name, process, rtmp, http):
        self.name, self.process, self.pid = name, process, process.pid
        self.rtmp, self.http = rtmp, http

    def __enter__(self):
        return self

    def __exit__(self, _kind, failure, _trace):
        self.process.close()
        if isinstance(failure, Failure) and isinstance(self.process, Daemon):
            failure.args = (f"{failure}\nthe server said: {self.process.tail().strip()}",)


def certificate(setup):
    """Key and certificate in one file, as the documents have them made: RSA with 2048 bits."""
    path = setup.work / "server.pem"
    if not path.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                        "/CN=bench", "-keyout", setup.work / "key", "-out", setup.work / "crt"],
                       check=True, capture_output=True)
        path.write_text((setup.work / "key").read_text() + (setup.work / "crt").read_text())
    return path


def millrace(setup, settings, play_rtmp=False, tls=False, top=""):
    rtmp, http, plain = free_ports(3)
    conf = setup.work / "bench.conf"
    https = HTTPS_CONF.format(http=http, pem=certificate(setup)) if tls else ""
    conf.write_text(MILLRACE_CONF.format(rtmp=rtmp, http=plain if tls else http, https=https,
                                         work=setup.work, vhost=settings[0], play=settings[1]) + top)
    target = Target("server", Daemon([setup.server, "-c", conf], setup.server_core,
                                     setup.work / "server.log", [rtmp, http], cwd=setup.work),
                    rtmp, http)
    target.rtmp_play = play_rtmp
    target.tls = tls
    return target


def bare(setup, interval_ms, tls=False):
    (http,) = free_ports(1)
    tool = Tool([setup.tools / "bench_bare", "--control", "--interval-ms", interval_ms]
                + (["--tls", certificate(setup)] if tls else [])
                + [f"127.0.0.1:{http}", setup.file], setup.server_core)
    try:
        tool.wait("listening", 5)
    except Failure:
        tool.close()
        raise
    target = Target("bare", tool, None, http)
    target.is_bare = True
    target.tls = tls
    return target


def nginx_rtmp(setup):
    """Debian's nginx with libnginx-mod-rtmp: RTMP in, RTMP out."""
    module = pathlib.Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not module.exists() or not pathlib.Path(program).exists():
        raise Failure("nginx or libnginx-mod-rtmp is not installed")
    (rtmp,) = free_ports(1)
    conf = setup.work / "nginx.conf"
    conf.write_text(NGINX_CONF.format(rtmp=rtmp, work=setup.work, module=module))
    target = Target("nginx-rtmp", Daemon([program, "-c", conf, "-p", setup.work],
                                         setup.server_core, setup.work / "nginx.log", [rtmp]),
                    rtmp, None)
    target.rtmp_play = True
    return target


def node_media_server(setup):
    """npm's node-media-server: RTMP in, HTTP-FLV out."""
    app = HERE / "node_modules/node-media-server/bin/app.js"
    node = shutil.which("node")
    if node is None or not app.exists():
        raise Failure("node-media-server is not installed: npm ci in research/bench")
    rtmp, http = free_ports(2)
    data = setup.work / "nms"
    data.mkdir(exist_ok=True)
    # Its threads spin when they are scheduled as real-time: never so, even with --realtime.
    args = ["chrt", "--other", "0", node, app, "-b", "127.0.0.1", "--rtmp-port", rtmp,
            "--http-port", http, "--data-path", data, "--no-admin"]
    return Target("node-media-server",
                  Daemon(args, setup.server_core, setup.work / "nms.log", [rtmp, http], cwd=data),
                  rtmp, http)


PEERS = {"nginx-rtmp": nginx_rtmp, "node-media-server": node_media_server}
