"""A small RTMP publisher for tests: it sends exactly the messages that the test gives it.

ffmpeg rewrites timestamps and keeps real time; a test that needs an hour's jump, a
changed SPS or a late audio track sends its own tags with this. Simple handshake, one
chunk stream per kind of message, whole messages at once. It plays no part in tests of
the protocol itself, which have ffmpeg, GStreamer and librtmp.
"""

import os
import socket
import struct
import threading
import time
from urllib.parse import urlsplit

import flv
from harness import wait_for
from rtmp_client import amf

CHUNK = 60000


class Closed(Exception):
    pass


class Connection:
    """Handshake, connect, and sending; a thread reads and keeps what the server says."""

    def __init__(self, url, *, timeout=30, source=None):
        parts = urlsplit(url)
        self.app, _, self.stream = parts.path.lstrip("/").rpartition("/")
        if parts.query:
            self.stream += "?" + parts.query
        self.tc_url = f"rtmp://{parts.netloc}/{self.app}"
        self.said = []        # (type, payload) of all received messages
        self.is_closed = False
        self.out_chunk = 128
        self.socket = socket.create_connection((parts.hostname, parts.port or 1935), timeout,
                                               (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout = timeout
        self._handshake()
        self.socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.send(1, 0, struct.pack(">I", CHUNK), stream=0, csid=2)
        self.out_chunk = CHUNK
        self.command("connect", 1, {"app": self.app, "type": "nonprivate",
                                    "flashVer": "FMLE/3.0 (compatible; test)",
                                    "tcUrl": self.tc_url})
        self.wait_said("NetConnection.Connect.Success")

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            got = self.socket.recv(count - len(data))
            if not got:
                raise Closed("closed by the server")
            data += got
        return data

    def _handshake(self):
        c1 = bytes(8) + os.urandom(1528)
        self.socket.sendall(b"\x03" + c1)
        s0s1s2 = self._exactly(1 + 1536 + 1536)
        assert s0s1s2[0] == 3
        assert s0s1s2[1537:] == c1, "a simple handshake's S2 is C1"
        self.socket.sendall(s0s1s2[1:1537])

    def _read(self):
        size, headers, parts = 128, {}, {}
        try:
            while True:
                first = self._exactly(1)[0]
                fmt, csid = first >> 6, first & 63
                assert csid > 1, "servers use small chunk stream ids"
                head = headers.setdefault(csid, [0, 0, 0])
                if fmt < 3:
                    raw = self._exactly((11, 7, 3)[fmt])
                    head[0] = int.from_bytes(raw[:3], "big")
                    if fmt < 2:
                        head[1], head[2] = int.from_bytes(raw[3:6], "big"), raw[6]
                if head[0] == 0xFFFFFF:
                    self._exactly(4)
                body = parts.setdefault(csid, bytearray())
                body += self._exactly(min(size, head[1] - len(body)))
                if len(body) < head[1]:
                    continue
                parts[csid] = bytearray()
                if head[2] == 1:
                    size = int.from_bytes(body[:4], "big")
                elif head[2] == 4 and body[:2] == b"\0\x06":
                    self.send(4, 0, b"\0\x07" + bytes(body[2:6]), stream=0, csid=2)
                self.said.append((head[2], bytes(body)))
        except (Closed, OSError):
            self.is_closed = True

    def send(self, kind, timestamp, payload, stream=1, csid=None):
        """One message, always with a full header, in chunks of the size that we announced."""
        if csid is None:
            csid = {flv.AUDIO: 4, flv.VIDEO: 6, flv.SCRIPT: 5}.get(kind, 3)
        extended = struct.pack(">I", timestamp) if timestamp >= 0xFFFFFF else b""
        out = bytes([csid]) + min(timestamp, 0xFFFFFF).to_bytes(3, "big") \
            + len(payload).to_bytes(3, "big") + bytes([kind]) + struct.pack("<I", stream) + extended
        out += payload[:self.out_chunk]
        for at in range(self.out_chunk, len(payload), self.out_chunk):
            out += bytes([0xC0 | csid]) + extended + payload[at:at + self.out_chunk]
        self.socket.sendall(out)

    def command(self, name, transaction, *args, stream=0):
        self.send(20, 0, amf(name, transaction, *args), stream=stream, csid=3)

    def has_said(self, text):
        return any(kind == 20 and text.encode() in body for kind, body in list(self.said))

    def wait_said(self, text):
        def said():
            if self.has_said(text):
                return True
            assert not self.is_closed, f"the server closed instead of saying {text}: " \
                f"{[b for k, b in self.said if k == 20]}"
            return False
        wait_for(said, self.timeout, f"the server to say {text}")

    def close(self):
        """Closes the connection without unpublishing, as a crashed encoder does."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._reader.join(5)
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Publisher(Connection):
    """Publishes; send_tag() and play() then send frames."""

    def __init__(self, url, **kw):
        super().__init__(url, **kw)
        self.command("releaseStream", 2, None, self.stream)
        self.command("FCPublish", 3, None, self.stream)
        self.command("createStream", 4, None)
        wait_for(lambda: sum(b"_result" in b for k, b in list(self.said) if k == 20) > 1,
                 self.timeout, "createStream's result")
        self.command("publish", 5, None, self.stream, "live", stream=1)
        self.wait_said("NetStream.Publish.Start")

    def send_tag(self, tag, offset=0, time_ms=None):
        """Sends a flv.Tag, its timestamp moved by offset or replaced."""
        payload = tag.data
        if tag.is_script:
            payload = amf("@setDataFrame") + payload
        stamp = tag.time + offset if time_ms is None else time_ms
        self.send(tag.type, stamp & 0xFFFFFFFF, payload)

    def send_tags(self, tags, offset=0):
        """All at once."""
        for tag in tags:
            self.send_tag(tag, offset)

    def send_paced(self, tags, offset=0, stop=None):
        """In real time by their timestamps, until stop (a threading.Event) is set."""
        begin, first = time.monotonic(), None
        for tag in tags:
            if first is None and tag.is_media:
                first = tag.time
                begin = time.monotonic()
            left = begin + (tag.time - (first or 0)) / 1000 - time.monotonic()
            if tag.is_media and left > 0:
                if stop is not None and stop.wait(left):
                    return
                if stop is None:
                    time.sleep(left)
            self.send_tag(tag, offset)

    def unpublish(self):
        """A clean end: FCUnpublish, deleteStream, close."""
        self.command("FCUnpublish", 6, None, self.stream)
        self.command("deleteStream", 7, None, 1)
        self.close()
