"""Light clients: enough of each protocol to publish and to watch, in milliseconds.

Each says how it ended: OK, CLOSED (the server has closed the connection), REFUSED (with an answer
of the protocol), WAITS (nothing came, the connection is still open).
"""

import base64
import os
import socket
import ssl
import struct
import sys
import time

from control import HERE

sys.path.insert(0, str(HERE.parent / "e2e"))

import flv  # noqa: E402
import harness  # noqa: E402,F401
from rtmp_client import AUDIO, DATA, VIDEO, Client, Closed, amf  # noqa: E402

OK, CLOSED, REFUSED, WAITS = "ok", "closed", "refused", "waits"


class Media:
    """A stream of two short GOPs whose last frames are told apart by their bytes."""

    def __init__(self, path):
        tags = flv.parse_file(path).tags
        self.preamble, ring = flv.preamble_and_ring(tags)
        self.gops = []
        for group in flv.split_gops(ring)[:2]:
            group = group[:8]
            while not group[-1].is_video:
                group.pop()
            self.gops.append(group)


def mp3_tags(count):
    """Frames of MPEG-1 layer 3, 128 kb/s, 44.1 kHz, each with bytes of its own."""
    return [flv.Tag(AUDIO, 26 * i, b"\x2f\xff\xfb\x90\x00" + bytes([i, 1, 2, 3] * 103) + b"\0")
            for i in range(count)]


def why(problem):
    """What a test's client means that did not get what it expected."""
    if "Closed" in str(problem):
        return CLOSED
    return WAITS if isinstance(problem, TimeoutError) or "vain" in str(problem) else REFUSED


class Publisher:
    """Publishes live/STREAM in the constructor; status says whether it may."""

    def __init__(self, port, stream, timeout):
        self.client = None
        self.status = CLOSED
        try:
            self.client = Client(port, timeout=timeout)
            self.client.handshake(1)
            self.client.chunk_size(60000)
            self.client.connect("live")
            code = self.client.publish(stream)[-1].code
            self.status = OK if code == "NetStream.Publish.Start" else REFUSED
        except (TimeoutError, AssertionError) as problem:
            self.status = why(problem)
        except (Closed, OSError, IndexError, struct.error):
            pass

    def send(self, tags, offset=0):
        for tag in tags if self.status == OK else ():
            data = amf("@setDataFrame") + tag.data if tag.is_script else tag.data
            kind = DATA if tag.is_script else tag.type
            csid = {AUDIO: 4, VIDEO: 6, DATA: 5}[kind]
            try:
                self.client.message(kind, tag.time + offset, data, csid=csid)
            except OSError:
                self.status = CLOSED
                return

    def is_closed(self):
        """Whether the server has closed it already."""
        if self.status != OK:
            return True
        try:
            self.client.socket.settimeout(0)
            while self.client.socket.recv(65536):
                pass
            self.status = CLOSED
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            self.status = CLOSED
        return True

    def close(self):
        if self.client is not None:
            self.client.close()


class Bytes:
    """Sends a request and collects what comes. until(test): waits for test(bytes)."""

    def __init__(self, port, request, timeout, tls=False):
        self.data = bytearray()
        self.status = WAITS
        self.socket = None
        try:
            self.socket = socket.create_connection(("127.0.0.1", port), timeout)
            if tls:
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                self.socket = context.wrap_socket(self.socket)
            self.socket.sendall(request)
        except TimeoutError:
            pass
        except OSError:
            self.status = CLOSED

    def until(self, test, timeout):
        """OK, or why not."""
        deadline = time.monotonic() + timeout
        while self.status != CLOSED:
            if test(self.data):
                self.status = OK
                return OK
            if self.is_refused():
                return REFUSED
            try:
                self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
                got = self.socket.recv(1 << 18)
            except TimeoutError:
                self.status = WAITS
                return WAITS
            except OSError:
                got = b""
            self.data += got
            if not got:
                self.status = CLOSED
        return REFUSED if self.is_refused() else CLOSED

    def is_refused(self):
        """Whether it is a response, and one that says no."""
        return self.data[:7] == b"HTTP/1." and self.data[9:10] in (b"4", b"5")

    def close(self):
        if self.socket is not None:
            self.socket.close()


def get(port, path, timeout, tls=False, lines=""):
    text = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n"
    return Bytes(port, text.encode(), timeout, tls)


def websocket(port, path, timeout):
    key = base64.b64encode(os.urandom(16)).decode()
    return get(port, path, timeout, lines="Connection: Upgrade\r\nUpgrade: websocket\r\n"
               f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n")


class RtmpViewer(Bytes):
    """Plays over RTMP. Its bytes are chunks so large that frames are whole."""

    def __init__(self, port, stream, timeout):
        self.status = CLOSED
        self.socket = None
        self.data = bytearray()
        try:
            client = Client(port, timeout=timeout)
            self.socket = client.socket
            client.handshake(None)
            client.connect("live")
            client.play(stream)
            self.data += client.buffer
            self.status = WAITS
        except (TimeoutError, AssertionError) as problem:
            self.status = why(problem)
        except (Closed, OSError, IndexError, struct.error):
            pass
