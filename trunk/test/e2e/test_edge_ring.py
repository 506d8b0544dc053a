"""What a client claims about the servers that its request has passed affects no other client. Rings
of edges end with a refusal nevertheless."""

import re
import socket
import threading
from pathlib import Path

import pytest

import flv
import ws
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
    """A client that requests a stream with a header that only servers should send."""
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
    return len(re.findall(r"\] play \S+ \(pull\) from|start play", srv.log()))


@pytest.mark.parametrize("protocol", ["flv", "rtmp"])
def test_a_forged_via_header_takes_no_stream(server, view, publisher, source, protocol):
    """Claims of clients, whatever they are, before and during the wait of a viewer."""
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
    assert not re.search("loop[:,] ", origin.log() + edge.log())
    # The first try, three at once because of claims, and one for each two seconds since.
    assert pulls(origin) <= 8
    for one in claimants:
        one.close()


def test_a_forged_rtmp_via_takes_no_stream(server, view, publisher, source):
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
    assert not re.search("loop[:,] ", origin.log() + edge.log())


@pytest.mark.parametrize("count, protocol, trust, watched", [
    (2, "flv", "without", 2), (3, "flv", "without", 3), (3, "rtmp", "without", 3),
    (2, "rtmp", "secret", 2), (2, "rtmp", "secret", 1), (3, "rtmp", "secret", 3),
    (2, "flv", "secret", 1), (3, "flv", "secret", 3), (3, "flv", "peers", 1)])
def test_a_ring_ends(server, view, count, protocol, trust, watched):
    """Edges that request a stream from each other, some of them with viewers: the ring is detected, all
    viewers are refused, and no pull remains. Servers that know each other refuse all viewers at once."""
    ports = [free_port() for _ in range(count)]
    standby = 1500 if trust == "without" else 60000
    edges = [edge_of(server, ports[(i + 1) % count], protocol, ports[i], SECRETS[trust], standby)
             for i in range(count)]
    viewers = [view(one) for one in edges[:watched]]
    wait_for(lambda: any("loop: this server" in one.log() for one in edges), 10, "the loop")
    for one in viewers:
        wait_for(lambda: one.status == 404, 10, "the refusal")
        if trust != "without":
            wait_for(lambda: b"loop" in one.body, 10, "the reason")
    # When their viewers have left, the pulls end, and with them the requests between the edges.
    wait_for(lambda: all(connections(one) == 0 for one in edges), 10, "the pulls to end")


def test_players_in_a_ring(server, view):
    """An RTMP player and a WebSocket are refused, too, and so is a later viewer."""
    ports = [free_port() for _ in range(2)]
    edges = [edge_of(server, ports[1 - i], "flv", ports[i], SECRETS["secret"], 60000)
             for i in (0, 1)]
    with Connection(edges[0].rtmp_url()) as player:
        player.command("createStream", 2, None)
        player.command("play", 3, None, "livestream", stream=1)
        player.wait_said("NetStream.Play.StreamNotFound")
        player.wait_said("loop")
    one = ws.Socket(edges[1].http_url().replace("http:", "ws:"))
    assert one.until_close() == 4404 and b"loop" in one.close_reason
    one.socket.close()
    assert curl(edges[0].http_url(), seconds=10).status == 404


def test_a_loop_at_one_of_two_origins(server, view, publisher, source):
    """The other one may get the stream at any time."""
    origin = server()
    port = free_port()
    edge = server(http_server=f"listen {port};", remux="standby_timeout 60000;",
                  vhost=f"cluster {{ mode remote; origin 127.0.0.1:{port} "
                        f"127.0.0.1:{origin.http_port}; protocol flv; peers 127.0.0.1; }}")
    viewer = view(edge)
    edge.wait_log("no stream from .*loop: this server")
    origin.wait_log(r"\] play .*\(pull\)")
    preamble, gops = source
    pub = publisher(origin)
    pub.send_tags(preamble)
    pub.send_tags(gops[0])
    viewer.wait_media(10)


class Far:
    """An origin that records the marks of each request, and sends what the test gives it."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.marks, self.lines, self.data = [], [], threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True)]
        self.threads[0].start()

    def _run(self):
        try:
            while True:
                self.lines.append(self.listener.accept()[0])
                self.threads.append(threading.Thread(target=self._serve, daemon=True,
                                                     args=(self.lines[-1],)))
                self.threads[-1].start()
        except OSError:
            pass

    def _serve(self, line):
        head = b""
        try:
            while b"\r\n\r\n" not in head:
                head += line.recv(4096)
            self.marks.append(re.search(rb"X-Millrace-Relay: \d (.*) @", head)[1].decode().split())
            self.data.wait()
            line.sendall(self.bytes)
        except OSError:
            pass

    def send(self, data):
        self.bytes = data
        self.data.set()

    def close(self):
        self.send(b"")
        self.listener.shutdown(socket.SHUT_RDWR)
        for one in (self.listener, *self.lines):
            one.close()
        for one in self.threads:
            one.join()


def test_a_true_mark_from_a_stranger(server, view, source):
    """A client that has seen a server's mark may send it to that server's edge, which refuses it as a
    loop: its other viewers are not disturbed."""
    far = Far()
    middle = edge_of(server, far.port, more=SECRETS["secret"])
    edge = edge_of(server, middle.http_port, more=SECRETS["secret"])
    viewer = view(edge)
    mark = wait_for(lambda: far.marks and len(far.marks[-1]) == 2 and far.marks[-1][1], 10, "marks")
    stranger = claimant(edge, f"1 {mark}")
    edge.wait_log("no stream from .*508.*loop: this server")
    wait_for(lambda: pulls(middle) >= 2, 10, "the pull without the mark")
    preamble, gops = source
    far.send(b"HTTP/1.1 200 OK\r\n\r\n" + flv.file_bytes([*preamble, *gops[0]]))
    viewer.wait_media(10)
    stranger.close()
    far.close()


def test_the_length_of_a_chain_is_believed_from_peers_only(server):
    """A chain of nine servers is refused for a peer; an invented number is refused only for its
    client."""
    srv = server()
    for claim, status in (("9", 403), ("nonsense", 400)):
        assert curl(srv.http_url(), "-H", f"X-Millrace-Relay: {claim}", seconds=3).status == status
