"""A server that asks for signatures, and the signatures."""

import base64
import hashlib
import hmac
import socket
import time

import pytest

import harness
import rtmp_client

NEW, OLD = "new-secret-5f0c", "old-secret-77aa"
NEVER = "never-a-secret"
SECRETS = f"token {{ enabled on; key {NEW} {OLD}; }}"


def text_of(action, path, expires, ip=""):
    return f"{action}\n{path}\n{expires}\n{ip}"


def signature(action="play", path="/live/livestream", expires=None, ip="", key=NEW):
    return hmac.new(key.encode(), text_of(action, path, expires, ip).encode(),
                    hashlib.sha256).hexdigest()


def query(action="play", path="/live/livestream", expires=None, ip="", key=NEW):
    expires = int(time.time()) + 3600 if expires is None else expires
    return f"expires={expires}&sign={signature(action, path, expires, ip, key)}"


CONFIG = f"""
listen @RTMP@;
daemon off;
srs_log_tank console;
http_server {{
    enabled on; listen @HTTP@; dir @HTML@; crossdomain on;
    https {{ enabled on; listen @PORT3@; key @HTML@/../server.key; cert @HTML@/../server.crt; }}
    http_pull {{ enabled on; mount /live; source here rtmp://127.0.0.1:@RTMP@; }}
}}
rtmps {{ enabled on; listen @PORT4@; key @HTML@/../server.key; cert @HTML@/../server.crt; }}
vhost __defaultVhost__ {{
    {SECRETS}
    http_remux {{
        enabled on;
        mount [vhost]/[app]/[stream].flv; mount [vhost]/[app]/[stream].ts;
        mount [vhost]/[app]/[stream].mp3; mount [vhost]/[app]/[stream].aac;
        mount /every/[app]/[stream].flv;
    }}
}}
vhost closed.example {{
    {SECRETS}
    http_remux {{ enabled on; mount [vhost]/[app]/[stream].flv; }}
}}
vhost open.example {{
    http_remux {{ enabled on; hstrs off; mount [vhost]/[app]/[stream].flv; }}
}}
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, small_flv):
    """A server whose default vhost wants signed addresses, with live/livestream and live/other
    published into it, and live/livestream of closed.example."""
    folder = tmp_path_factory.mktemp("guarded")
    harness.run([harness.ROOT / "conf" / "make-certificate.sh", folder])
    srv = harness.Server(folder, config=CONFIG)
    publishers = []
    try:
        for stream, path in (("live/livestream", "/live/livestream"), ("live/other", "/live/other"),
                             ("live/livestream?vhost=closed.example",
                              "closed.example/live/livestream")):
            mark = "&" if "?" in stream else "?"
            url = srv.rtmp_url(f"{stream}{mark}{query('publish', path)}")
            publishers.append(harness.FfmpegPublisher(folder / f"{len(publishers)}.log", small_flv,
                                                      url))
        yield srv
        log = srv.log()
    finally:
        for one in publishers:
            one.kill()
        srv.stop()
        srv.kill()
    for secret in (NEW, OLD, NEVER, "sign=", "expires="):
        assert secret not in log, f"{secret} is in the log"


UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: " + base64.b64encode(bytes(16)).decode() + "\r\n"


def fields():
    expires = int(time.time()) + 3600
    sign = signature(expires=expires)
    flipped = sign[:-1] + ("0" if sign[-1] != "0" else "1")
    return {
        "good": f"expires={expires}&sign={sign}", "expires": expires, "sign": sign,
        "short": sign[:-1], "zeros": "0" * 64, "flipped": flipped,
        "flipped_query": f"expires={expires}&sign={flipped}",
        "publish": query("publish"), "other": query(path="/live/other"),
        "other_app": query(path="/live2/livestream"), "other_key": query(key=NEVER),
        "expired": query(expires=int(time.time()) - 1), "other_ip": query(ip="127.0.0.2"),
        "closed": query(path="closed.example/live/livestream"),
        "unrooted": query(path="live/livestream"),
        "default_named": query(path="__defaultvhost__/live/livestream"),
        "case": query(path="/Live/livestream"), "extension": query(path="/live/livestream.flv"),
        "empty_key": query(key=""),
    }


def exchange(srv, head, seconds=10):
    """Everything that arrives until the end, or until it is clearly a stream."""
    with socket.create_connection(("127.0.0.1", srv.http_port), seconds) as conn:
        conn.sendall(head.encode())
        data = b""
        while b"FLV\x01" not in data and len(data) < 100000:
            try:
                got = conn.recv(65536)
            except ConnectionResetError:
                break
            if not got:
                break
            data += got
        return data


def refused_socket(data):
    """The close code, which must be all that an upgraded connection has received."""
    frame = data.partition(b"\r\n\r\n")[2]
    assert frame[0] == 0x88 and frame[1] == len(frame) - 2 <= 125, frame
    assert frame[4:].decode()
    return int.from_bytes(frame[2:4], "big")


# ---- the same over RTMP

def rtmp_client_of(srv, app="live", tc_url=None, **more):
    client = rtmp_client.Client(srv.rtmp_port)
    client.handshake()
    client.connect(app, tc_url, **more)
    return client
