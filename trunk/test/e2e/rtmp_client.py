"""An RTMP client that does what real ones do not, for the tests of the protocol.

Nothing is automatic: the test writes each chunk and reads each message itself. Simple and complex
handshakes, any chunk size, any header type. rtmp.py is the convenient publisher.
"""

import hashlib
import hmac
import os
import socket
import struct
import time

import flv

TAIL = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
PLAYER_KEY = b"Genuine Adobe Flash Player 001"
SERVER_KEY = b"Genuine Adobe Flash Media Server 001"

SET_CHUNK_SIZE, ABORT, ACK, USER, WINDOW, BANDWIDTH = 1, 2, 3, 4, 5, 6
AUDIO, VIDEO, AMF3_DATA, AMF3_COMMAND, DATA, COMMAND, AGGREGATE = 8, 9, 15, 17, 18, 20, 22


class Ecma(dict):
    """An ECMA array; a plain dict is an object."""


def amf(*values):
    out = b""
    for value in values:
        if value is None:
            out += b"\x05"
        elif isinstance(value, bool):
            out += b"\x01" + bytes([value])
        elif isinstance(value, (int, float)):
            out += b"\0" + struct.pack(">d", value)
        elif isinstance(value, str):
            text = value.encode()
            out += b"\x02" + struct.pack(">H", len(text)) + text
        elif isinstance(value, list):
            out += b"\x0a" + struct.pack(">I", len(value)) + amf(*value)
        elif isinstance(value, dict):
            out += b"\x08" + struct.pack(">I", len(value)) if isinstance(value, Ecma) else b"\x03"
            for key, item in value.items():
                name = key.encode()
                out += struct.pack(">H", len(name)) + name + amf(item)
            out += b"\0\0\x09"
        else:
            raise TypeError(value)
    return out


def _amf_pairs(data, at):
    pairs = {}
    while data[at:at + 3] != b"\0\0\x09":
        size = struct.unpack_from(">H", data, at)[0]
        key = data[at + 2:at + 2 + size].decode()
        pairs[key], at = _amf_value(data, at + 2 + size)
    return pairs, at + 3


def _amf_value(data, at):
    kind = data[at]
    at += 1
    if kind == 0:
        return struct.unpack_from(">d", data, at)[0], at + 8
    if kind == 1:
        return bool(data[at]), at + 1
    if kind == 2:
        size = struct.unpack_from(">H", data, at)[0]
        return data[at + 2:at + 2 + size].decode(), at + 2 + size
    if kind == 3:
        return _amf_pairs(data, at)
    if kind == 8:
        return _amf_pairs(data, at + 4)
    if kind == 10:
        count, at, items = struct.unpack_from(">I", data, at)[0], at + 4, []
        for _ in range(count):
            item, at = _amf_value(data, at)
            items.append(item)
        return items, at
    if kind in (5, 6):
        return None, at
    raise AssertionError(f"AMF0 type {kind}")


def amf_read(data):
    values, at = [], 0
    while at < len(data):
        value, at = _amf_value(data, at)
        values.append(value)
    return values


class Message:
    def __init__(self, kind, timestamp, stream, csid, data):
        self.type, self.time, self.stream, self.csid, self.data = kind, timestamp, stream, csid, data

    def __repr__(self):
        if self.type in (COMMAND, DATA):
            return f"<{self.type} {amf_read(self.data)}>"
        return f"<{self.type} at {self.time}, {len(self.data)} B>"

    @property
    def values(self):
        return amf_read(self.data)

    @property
    def number(self):
        return struct.unpack_from(">I", self.data)[0]

    @property
    def name(self):
        return self.values[0] if self.type in (COMMAND, DATA) else None

    @property
    def code(self):
        for value in self.values if self.type == COMMAND else []:
            if isinstance(value, dict) and "code" in value:
                return value["code"]
        return None


class Closed(Exception):
    pass


def digest_place(packet, base):
    return base + 4 + sum(packet[base:base + 4]) % 728


def digest_of(packet, place, key):
    return hmac.new(key, packet[:place] + packet[place + 32:], hashlib.sha256).digest()


class Client:
    """connect() and the others are shortcuts for most tests; chunks can be written directly."""

    def __init__(self, port, *, host="127.0.0.1", timeout=30, source=None):
        self.timeout = timeout
        self.socket = socket.create_connection((host, port), timeout,
                                               (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.size_in = 128   # of the server's chunks
        self.size_out = 128  # of ours
        self.heads, self.parts = {}, {}
        self.received = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # ---- bytes

    def send(self, data):
        self.socket.sendall(data)

    def exactly(self, count):
        while len(self.buffer) < count:
            try:
                got = self.socket.recv(1 << 20)
            except (ConnectionResetError, BrokenPipeError):
                got = b""
            if not got:
                raise Closed(f"closed with {len(self.buffer)} of {count} bytes there")
            self.buffer += got
            self.received += len(got)
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def wait_closed(self, timeout=None):
        """Reads to the end of the connection; returns the seconds that it took."""
        begin = time.monotonic()
        self.socket.settimeout(timeout or self.timeout)
        try:
            while True:
                self.exactly(1)
        except Closed:
            return time.monotonic() - begin

    # ---- handshake

    def handshake(self, schema=None):
        """schema None: simple; 0 or 1: complex. Checks the answer."""
        c1 = bytearray(os.urandom(1536))
        c1[:8] = bytes(8)
        base = {None: None, 0: 772, 1: 8}[schema]
        if base is not None:
            c1[4:8] = b"\x80\0\x07\x02"
            place = digest_place(c1, base)
            c1[place:place + 32] = digest_of(bytes(c1), place, PLAYER_KEY)
        self.send(b"\x03" + bytes(c1))
        s0, s1, s2 = self.exactly(1), self.exactly(1536), self.exactly(1536)
        assert s0 == b"\x03"
        if base is None:
            assert s2 == bytes(c1), "a simple handshake's S2 is C1"
        else:
            ours = digest_place(s1, base)
            assert s1[ours:ours + 32] == digest_of(s1, ours, SERVER_KEY), "S1's digest"
            key = hmac.new(SERVER_KEY + TAIL, bytes(c1[place:place + 32]), hashlib.sha256).digest()
            assert s2[-32:] == hmac.new(key, s2[:-32], hashlib.sha256).digest(), "S2's digest"
        self.send(s1)

    # ---- messages out

    @staticmethod
    def basic(fmt, csid):
        if csid < 64:
            return bytes([fmt << 6 | csid])
        if csid < 320:
            return bytes([fmt << 6, csid - 64])
        return bytes([fmt << 6 | 1]) + struct.pack("<H", csid - 64)

    def header(self, fmt, csid, timestamp=0, size=0, kind=0, stream=1):
        """One chunk header; timestamp is the value of the field."""
        out = self.basic(fmt, csid)
        if fmt < 3:
            out += min(timestamp, 0xFFFFFF).to_bytes(3, "big")
        if fmt < 2:
            out += size.to_bytes(3, "big") + bytes([kind])
        if fmt < 1:
            out += struct.pack("<I", stream)
        if fmt < 3 and timestamp >= 0xFFFFFF:
            out += struct.pack(">I", timestamp)
        return out

    def chunks(self, kind, timestamp, data, *, csid=6, stream=1, fmt=0, repeat=True):
        """A message's bytes. repeat: the extended timestamp on type 3 chunks."""
        extended = struct.pack(">I", timestamp) if timestamp >= 0xFFFFFF and repeat else b""
        out = self.header(fmt, csid, timestamp, len(data), kind, stream) + data[:self.size_out]
        for at in range(self.size_out, len(data), self.size_out):
            out += self.basic(3, csid) + extended + data[at:at + self.size_out]
        return out

    def message(self, kind, timestamp, data, **kw):
        self.send(self.chunks(kind, timestamp, data, **kw))

    def control(self, kind, value):
        self.message(kind, 0, struct.pack(">I", value), csid=2, stream=0)

    def chunk_size(self, size):
        self.control(SET_CHUNK_SIZE, size)
        self.size_out = size

    def command(self, *values, stream=0, kind=COMMAND):
        body = amf(*values)
        if kind == AMF3_COMMAND:
            body = b"\0" + body
        self.message(kind, 0, body, csid=3, stream=stream)

    # ---- messages in

    def read(self, timeout=None):
        """The next message; Closed at the end, socket.timeout when none comes."""
        self.socket.settimeout(timeout or self.timeout)
        while True:
            first = self.exactly(1)[0]
            fmt, csid = first >> 6, first & 63
            if csid == 0:
                csid = 64 + self.exactly(1)[0]
            elif csid == 1:
                csid = 64 + struct.unpack("<H", self.exactly(2))[0]
            head = self.heads.setdefault(csid, {"field": 0, "time": 0})
            part = self.parts.setdefault(csid, bytearray())
            if fmt < 3:
                assert not part, "a new message within another"
                raw = self.exactly((11, 7, 3)[fmt])
                head["field"] = int.from_bytes(raw[:3], "big")
                if fmt < 2:
                    head["size"], head["type"] = int.from_bytes(raw[3:6], "big"), raw[6]
                if fmt < 1:
                    head["stream"] = struct.unpack("<I", raw[7:11])[0]
            stamp = head["field"]
            if stamp == 0xFFFFFF:
                stamp = struct.unpack(">I", self.exactly(4))[0]
            if not part and (fmt < 3 or "size" in head):
                head["time"] = stamp if fmt == 0 else (head["time"] + stamp) & 0xFFFFFFFF
            part += self.exactly(min(self.size_in, head["size"] - len(part)))
            if len(part) < head["size"]:
                continue
            self.parts[csid] = bytearray()
            message = Message(head["type"], head["time"], head["stream"], csid, bytes(part))
            if message.type == SET_CHUNK_SIZE:
                self.size_in = message.number
            return message

    def until(self, wanted, timeout=None):
        """Reads up to the message for which wanted(message) is true, or with this name or code;
        returns all of them."""
        deadline = time.monotonic() + (timeout or self.timeout)
        test = wanted if callable(wanted) else lambda m: wanted in (m.name, m.code)
        seen = []
        while True:
            left = deadline - time.monotonic()
            assert left > 0, f"waited in vain for {wanted}; came: {seen[-20:]}"
            try:
                seen.append(self.read(left))
            except (Closed, socket.timeout) as why:
                raise AssertionError(f"{why!r} instead of {wanted}; came: {seen[-20:]}") from None
            if test(seen[-1]):
                return seen

    # ---- conversations

    def connect(self, app="live", tc_url=None, kind=COMMAND, **more):
        tc_url = tc_url or f"rtmp://127.0.0.1/{app}"
        self.command("connect", 1, {"app": app, "tcUrl": tc_url, **more}, kind=kind)
        return self.until("onBWDone")

    def publish(self, stream, kind=COMMAND, wait=True):
        self.command("releaseStream", 2, None, stream, kind=kind)
        self.command("FCPublish", 3, None, stream, kind=kind)
        self.command("createStream", 4, None, kind=kind)
        self.command("publish", 5, None, stream, "live", stream=1, kind=kind)
        return self.until("onStatus") if wait else None

    def play(self, stream, wait=True):
        self.command("createStream", 2, None)
        self.command("play", 3, None, stream, -2, stream=1)
        return self.until("|RtmpSampleAccess") if wait else None

    def media(self, count, timeout=None):
        """The next count audio and video messages that are not sequence headers."""
        found = []
        while len(found) < count:
            message = self.until(lambda m: m.type in (AUDIO, VIDEO), timeout)[-1]
            tag = flv.Tag(message.type, message.time, message.data)
            if not tag.is_sequence_header:
                found.append(tag)
        return found


def publisher(srv, stream="s", app="live", schema=1, **kw):
    """A client that publishes app/stream."""
    client = Client(srv.rtmp_port)
    client.handshake(schema)
    client.connect(app, **kw)
    status = client.publish(stream)[-1]
    assert status.code == "NetStream.Publish.Start", status
    return client


def player(srv, stream="s", app="live", schema=0, **kw):
    """A client that plays app/stream, with media to read."""
    client = Client(srv.rtmp_port)
    client.handshake(schema)
    client.connect(app, **kw)
    client.play(stream)
    return client
