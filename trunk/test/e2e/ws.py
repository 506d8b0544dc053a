"""A WebSocket client for tests (RFC 6455): it sends the frames that the test gives it, valid or not."""

import base64
import hashlib
import os
import socket
import ssl
import struct
from urllib.parse import urlsplit

from flv import Reader
from harness import Answer

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def frame(opcode, payload=b"", *, final=True, masked=True, reserved=0, length_bytes=None):
    """One frame of a client. length_bytes 2 or 8: a longer length field than necessary."""
    size = len(payload)
    if length_bytes is None:
        length_bytes = 0 if size < 126 else 2 if size < 65536 else 8
    short = size if length_bytes == 0 else 126 if length_bytes == 2 else 127
    out = bytes([final << 7 | reserved << 4 | opcode, masked << 7 | short])
    out += size.to_bytes(length_bytes, "big") if length_bytes else b""
    if not masked:
        return out + payload
    mask = os.urandom(4)
    return out + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(payload))


def close_frame(code, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


class Socket:
    """Sends the upgrade; answer is the response. Then messages(), ping(), close() …"""

    def __init__(self, url, *lines, headers=None, early=b"", version="1.1", timeout=30,
                 source=None):
        parts = urlsplit(url)
        path = parts.path + ("?" + parts.query if parts.query else "")
        self.key = base64.b64encode(os.urandom(16)).decode()
        if headers is None:
            headers = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                       f"Sec-WebSocket-Key: {self.key}"]
        text = "\r\n".join([f"GET {path} HTTP/{version}", f"Host: {parts.netloc}", *headers,
                            *lines, "", ""])
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout,
                                               (source, 0) if source else None)
        if parts.scheme in ("https", "wss"):
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket, server_hostname=parts.hostname)
        self.socket.sendall(text.encode() + early)
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            assert self._more(), f"closed within the head: {self.rest!r}"
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        self.answer = Answer(head.decode("latin-1"), b"", 0)
        self.reader = Reader()
        self.pongs = []
        self.messages = 0
        self.close_code = None
        self.close_reason = b""
        if self.answer.status != 101 and "content-length" in self.answer.headers:
            while len(self.rest) < int(self.answer.headers["content-length"]):
                assert self._more(), "closed within the body"
            self.answer.body = self.rest

    def _more(self):
        data = self.socket.recv(65536)
        self.rest += data
        return bool(data)

    def send(self, data):
        self.socket.sendall(data)
        return self

    def _take(self, count):
        while len(self.rest) < count:
            if not self._more():
                return None
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def next(self):
        """The server's next frame as (opcode, payload); None at the end of the connection."""
        head = self._take(2)
        if head is None:
            assert not self.rest, f"cut frame: {self.rest!r}"
            return None
        assert head[0] & 0x80 and not head[0] & 0x70, f"not final, or reserved bits: {head.hex()}"
        assert not head[1] & 0x80, "a server does not mask"
        size = head[1]
        if size >= 126:
            count = 2 if size == 126 else 8
            size = int.from_bytes(self._take(count), "big")
            assert size >= (126 if count == 2 else 65536), "longer length field than needed"
        payload = self._take(size) if size else b""
        assert payload is not None, "closed within a frame"
        return head[0] & 15, payload

    def step(self):
        """Takes one frame in. False at the end."""
        got = self.next()
        if got is None:
            return False
        opcode, payload = got
        assert self.close_code is None, "a frame behind the close"
        if opcode == BINARY:
            self.messages += 1
            self.reader.feed(payload)
            assert not self.reader.rest, "a message is not of whole tags"
        elif opcode == PONG:
            self.pongs.append(payload)
        elif opcode == CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big") if payload else 1005
            self.close_reason = payload[2:]
        else:
            raise AssertionError(f"frame with opcode {opcode}")
        return True

    def until(self, condition, what="the condition"):
        while not condition(self):
            assert self.step(), f"the connection ended before {what}"
        return self

    def until_media(self, count):
        return self.until(lambda s: len([t for t in s.reader.tags if t.is_media]) >= count,
                          f"{count} frames")

    def until_close(self):
        """Reads everything up to the server's close frame and returns its code."""
        return self.until(lambda s: s.close_code is not None, "the close").close_code

    def assert_ended(self):
        """Nothing more comes, and the connection ends."""
        try:
            assert self.next() is None
        except ConnectionResetError:
            pass

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
