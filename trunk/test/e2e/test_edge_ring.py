"""What a client claims about the servers that its request has passed: it concerns nobody else. And
rings of edges, which end with a refusal nevertheless.
"""

import re
import socket
from pathlib import Path

import pytest

from harness import curl, free_port, wait_for
from rtmp import Connection

SECRETS = {"without": "", "secret": "secret a-secret-of-all;", "peers": "peers 127.0.0.1;"}


def edge_of(server, to, protocol="flv", own=None, more="", standby=30000):
    listen = f"listen {own};" if own else ""
    return server(top=listen if protocol == "rtmp" else "",
                  http_server=listen if protocol == "flv" else "",
                  remux=f"standby_timeout {standby};",
                  vhost=f"cluster {{ mode remote; origin 127.0.0.1:{to}; protocol {protocol}; "
                        f"{more} }}")


def claimant(srv, claim, path="/live/livestream.flv"):
    """Somebody who asks for a stream, with a header that only servers should send."""
    one = socket.create_connection(("127.0.0.1", srv.http_port), 10)
    one.sendall(f"GET {path} HTTP/1.1\r\nHost: edge\r\nX-Millrace-Relay: {claim}\r\n\r\n".encode())
    return one


def connections(srv):
    """How many connections there are from and to a server's ports."""
    listened = {int(port) for port in re.findall(r"listens on \S+:(\d+)", srv.log())}
    found = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ports = {int(fields[i].rsplit(":", 1)[1], 16) for i in (1, 2)}
        found += fields[3] == "01" and bool(ports & listened)
    return found


def pulls(srv):
    """How often the origin was asked for the stream."""
    return len(re.findall(r"\] play \S+ \(relay\) from|start play", srv.log()))


@pytest.mark.parametrize("protocol", ["flv", "rtmp"])
def test_a_claim_takes_nobodys_stream(server, view, publisher, source, protocol):
    """Claims of strangers, whatever they are, before and beside a viewer who waits."""
    origin = server()
    port = origin.rtmp_port if protocol == "rtmp" else origin.http_port
    edge = edge_of(server, port, protocol)
    claimants = [claimant(edge, f"8 {' '.join(f'id{i}.{k}' for k in range(16))}")
                 for i in range(100)]
    viewer = view(edge)
    wait_for(lambda: edge.log().count("] play ") >= 101, 20, "all to be heard")
    preamble, gops = source
    pub = publisher(origin)
    pub.send_tags(preamble)
    pub.send_tags(gops[0])
    viewer.wait_media(10)
    assert "a loop" not in origin.log() + edge.log()
    # The first try, three at once because of claims, and one for each two seconds since.
    assert pulls(origin) <= 8
    for one in claimants:
        one.close()


def test_an_rtmp_claim_takes_nobodys_stream(server, view, publisher, source):
    origin = server()
    edge = edge_of(server, origin.http_port)

    class Claimant(Connection):
        def command(self, name, transaction, *args, **kw):
            if name == "connect":
                args[0]["millraceRelay"] = "8 x y z"
            super().command(name, transaction, *args, **kw)

    with Claimant(edge.rtmp_url()) as one:
        one.command("createStream", 2, None)
        one.command("play", 3, None, "livestream", stream=1)
        edge.wait_log("start play")
        viewer = view(edge)
        preamble, gops = source
        pub = publisher(origin)
        pub.send_tags(preamble)
        pub.send_tags(gops[0])
        viewer.wait_media(10)
    assert "a loop" not in origin.log() + edge.log()


@pytest.mark.parametrize("count, protocol, trust", [
    (2, "flv", "without"), (3, "flv", "without"), (3, "rtmp", "without"),
    (2, "rtmp", "secret"), (3, "flv", "secret"), (2, "flv", "peers")])
def test_a_ring_ends(server, view, count, protocol, trust):
    """Each edge has a viewer: the ring is noticed, everybody is told, and nothing goes on."""
    ports = [free_port() for _ in range(count)]
    edges = [edge_of(server, ports[(i + 1) % count], protocol, ports[i], SECRETS[trust], 1500)
             for i in range(count)]
    viewers = [view(one) for one in edges]
    wait_for(lambda: any("a loop: this server" in one.log() for one in edges), 10, "the loop")
    for one in viewers:
        wait_for(lambda: one.status == 404, 10, "the refusal")
    # With their viewers the pulls end, and with these what they asked of each other.
    wait_for(lambda: all(connections(one) == 0 for one in edges), 10, "the pulls to end")


def test_the_length_of_a_chain_is_believed_from_peers_only(server):
    """A chain of nine servers is refused to a peer; a stranger's number is refused to itself."""
    srv = server()
    for claim, status in (("9", 403), ("nonsense", 400)):
        assert curl(srv.http_url(), "-H", f"X-Millrace-Relay: {claim}", seconds=3).status == status
