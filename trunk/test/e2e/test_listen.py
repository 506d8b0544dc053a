"""Where the server listens: a port alone means IPv4 and IPv6."""

import re
import socket

import pytest

import rtmp_client
from harness import curl, free_port, wait_for
from test_edge import certificate  # noqa: F401


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def is_open(host, port):
    try:
        socket.create_connection((host, port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_alone_is_both_families(server, certificate, workers):  # noqa: F811
    https, rtmps, api = free_port(), free_port(), free_port()
    pem = f"key {certificate}/server.key; cert {certificate}/server.crt;"
    srv = server(config=f"""listen @RTMP@; daemon off; srs_log_tank console; workers {workers};
        http_server {{ enabled on; listen @HTTP@; dir @HTML@;
                       https {{ enabled on; listen {https}; {pem} }} }}
        rtmps {{ enabled on; listen {rtmps}; {pem} }}
        http_api {{ enabled on; listen {api}; }}
        vhost __defaultVhost__ {{ security {{ enabled on; allow play 127.0.0.1; allow publish all; }}
                                 http_remux {{ enabled on; hstrs off;
                                              mount [vhost]/[app]/[stream].flv; }} }}""")
    for port in (srv.rtmp_port, srv.http_port, https, rtmps, api):
        assert is_open("127.0.0.1", port) and is_open("::1", port), port
    assert curl(f"http://127.0.0.1:{api}/api/v1/clients").status == 200
    assert curl(f"http://[::1]:{api}/api/v1/clients").status == 200
    # A rule for an IPv4 address matches IPv4 clients only.
    for host, status in (("127.0.0.1", 404), ("[::1]", 403)):
        assert curl(f"http://{host}:{srv.http_port}/live/none.flv").status == status
    for host in ("127.0.0.1", "::1"):
        with rtmp_client.Client(srv.rtmp_port, host=host) as encoder:
            encoder.handshake()
            encoder.connect()
            encoder.publish("s")
            srv.wait_log(rf"start publish \S+/live/s from {re.escape(host)}\n")
        wait_for(lambda h=host: re.search(rf"stop publish \S+ from {re.escape(h)},", srv.log()),
                 what="its end")


def test_as_written(server):
    """[::]:port is IPv6 only, and may coexist with the same port alone; so may 0.0.0.0:port."""
    v4, v6, both = free_port(), free_port(), free_port()
    srv = server(config=f"""listen @RTMP@ 0.0.0.0:{v4} [::]:{v6} {both} [::1]:{both}; daemon off;
        srs_log_tank console; http_server {{ enabled on; listen @HTTP@; dir @HTML@; }}
        vhost __defaultVhost__ {{ }}""")
    srv.wait_log(rf"HTTP listens on \[::\]:{srv.http_port}")
    assert is_open("127.0.0.1", v4) and not is_open("::1", v4)
    assert is_open("::1", v6) and not is_open("127.0.0.1", v6)
    assert is_open("::1", both) and is_open("127.0.0.1", both)
    assert f"RTMP listens on 0.0.0.0:{both}\n" in srv.log()
    assert f"RTMP listens on [::1]:{both}\n" in srv.log()
    assert f"listens on [::]:{both}" not in srv.log()


def test_the_log_says_whether_descriptors_suffice(server):
    srv = server(top="max_connections 500;", prefix=["prlimit", "--nofile=1000"])
    srv.wait_log(r"\[info\].* open files: max_connections 500 and \d+ others fit within ulimit -n")
    srv = server(top="max_connections 500;", prefix=["prlimit", "--nofile=800"])
    srv.wait_log(r"\[warn\].* max_connections 500 exceeds the limit on open files: ulimit -n is 800,")
    # An edge needs one for each pull.
    srv = server(top="max_connections 500; max_pulls 1000;", prefix=["prlimit", "--nofile=1000"],
                 vhost="cluster { mode remote; origin 127.0.0.1:1; protocol flv; }")
    srv.wait_log(r"\[warn\].* max_connections 500 exceeds the limit on open files: ulimit -n is 1000,")
