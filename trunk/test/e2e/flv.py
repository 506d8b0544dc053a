"""FLV for tests: a strict reader of tags, and a viewer that records what it gets.

The reader checks header, PreviousTagSize and stream id, and reports bytes that remain at the end.
Specification: Adobe's Video File Format Specification v10.1, annex E; enhanced RTMP v2 for FourCC
headers.
"""

import hashlib
import socket
import ssl
import threading
import time
from urllib.parse import urlsplit

from harness import wait_for

AUDIO, VIDEO, SCRIPT = 8, 9, 18
NAMES = {AUDIO: "audio", VIDEO: "video", SCRIPT: "script"}


class FlvError(Exception):
    pass


class Tag:
    __slots__ = ("type", "time", "data", "at")

    def __init__(self, kind, time_ms, data, at=0.0):
        self.type, self.time, self.data, self.at = kind, time_ms, bytes(data), at

    def __repr__(self):
        mark = "".join(c for c, on in (("S", self.is_sequence_header), ("K", self.is_keyframe))
                       if on)
        digest = hashlib.sha1(self.data).hexdigest()[:8]
        return f"<{NAMES[self.type]}{mark} {self.time} ms {len(self.data)} B {digest}>"

    @property
    def is_audio(self):
        return self.type == AUDIO

    @property
    def is_video(self):
        return self.type == VIDEO

    @property
    def is_script(self):
        return self.type == SCRIPT

    @property
    def is_enhanced(self):
        """FourCC header of enhanced RTMP."""
        if not self.data:
            return False
        return bool(self.data[0] & 0x80) if self.is_video else self.data[0] >> 4 == 9

    @property
    def codec(self):
        """7, 10, … or the FourCC as bytes."""
        if not self.data:
            return None
        if self.is_enhanced:
            return self.data[1:5]
        return self.data[0] & 15 if self.is_video else self.data[0] >> 4

    @property
    def is_sequence_header(self):
        if len(self.data) < 2 or self.is_script:
            return False
        if self.is_enhanced:
            return self.data[0] & 15 == 0
        if self.is_video:
            return self.data[0] & 15 in (7, 12) and self.data[1] == 0
        return self.data[0] >> 4 == 10 and self.data[1] == 0

    @property
    def is_keyframe(self):
        if not self.is_video or not self.data or self.is_sequence_header \
                or self.is_end_of_sequence:
            return False
        if self.is_enhanced:
            return self.data[0] >> 4 & 7 == 1
        return self.data[0] >> 4 == 1

    @property
    def is_end_of_sequence(self):
        return self.is_video and len(self.data) >= 2 and not self.is_enhanced and \
            self.data[0] & 15 == 7 and self.data[1] == 2

    @property
    def is_media(self):
        """Whether it is a frame: neither script, nor sequence header, nor end of sequence."""
        return not (self.is_script or self.is_sequence_header or self.is_end_of_sequence)

    def nal_units(self, length_size=4):
        """The NAL units of an H.264 frame."""
        units, at = [], 5
        while at < len(self.data):
            size = int.from_bytes(self.data[at:at + length_size], "big")
            at += length_size
            if at + size > len(self.data):
                raise FlvError(f"a NAL unit of {size} bytes leaves its tag")
            units.append(self.data[at:at + size])
            at += size
        return units

    @property
    def key(self):
        """Identifies the frame, without its timestamp."""
        return (self.type, self.data)


def tag_bytes(kind, time_ms, data):
    """A whole tag, followed by its PreviousTagSize."""
    head = bytes([kind]) + len(data).to_bytes(3, "big") + (time_ms & 0xFFFFFF).to_bytes(3, "big") \
        + bytes([time_ms >> 24 & 255]) + b"\0\0\0"
    return head + data + (len(data) + 11).to_bytes(4, "big")


def header_bytes(has_audio=True, has_video=True):
    return b"FLV\x01" + bytes([has_audio * 4 + has_video]) + b"\0\0\0\x09\0\0\0\0"


class Reader:
    """feed() it bytes in pieces of any size; tags contains the complete ones."""

    def __init__(self):
        self.rest = bytearray()
        self.tags = []
        self.flags = None

    @property
    def has_audio(self):
        return bool(self.flags & 4)

    @property
    def has_video(self):
        return bool(self.flags & 1)

    def feed(self, data):
        self.rest += data
        if self.flags is None:
            if len(self.rest) < 13:
                return
            head = bytes(self.rest[:13])
            if head[:4] != b"FLV\x01" or head[5:] != b"\0\0\0\x09\0\0\0\0" or head[4] & ~5:
                raise FlvError(f"no FLV header: {head.hex()}")
            self.flags = head[4]
            del self.rest[:13]
        at, now = 0, time.monotonic()
        while len(self.rest) - at >= 15:
            kind = self.rest[at]
            size = int.from_bytes(self.rest[at + 1:at + 4], "big")
            if len(self.rest) - at < 15 + size:
                break
            if kind not in NAMES:
                raise FlvError(f"tag {len(self.tags)} has type {kind}")
            if any(self.rest[at + 8:at + 11]):
                raise FlvError(f"tag {len(self.tags)} has a stream id")
            stamp = int.from_bytes(self.rest[at + 4:at + 7], "big") | self.rest[at + 7] << 24
            body = bytes(self.rest[at + 11:at + 11 + size])
            trailer = int.from_bytes(self.rest[at + 11 + size:at + 15 + size], "big")
            if trailer != size + 11:
                raise FlvError(f"tag {len(self.tags)}: PreviousTagSize {trailer}, not {size + 11}")
            self.tags.append(Tag(kind, stamp, body, now))
            at += 15 + size
        del self.rest[:at]

    def finish(self):
        if self.flags is None:
            raise FlvError("no FLV header")
        if self.rest:
            raise FlvError(f"{len(self.rest)} bytes are no whole tag")
        return self


def parse(data, may_be_cut=False):
    """The Reader of a whole recording."""
    reader = Reader()
    reader.feed(data)
    return reader if may_be_cut else reader.finish()


def parse_file(path):
    with open(path, "rb") as file:
        return parse(file.read())


def preamble_and_ring(tags):
    """Splits a viewer's tags: script and sequence headers at the front, then the rest."""
    count = 0
    while count < len(tags) and (tags[count].is_script or tags[count].is_sequence_header):
        count += 1
    return tags[:count], tags[count:]


def split_gops(tags):
    """Media tags in GOPs, each of which starts with a keyframe; frames before the first one are
    omitted."""
    groups = []
    for tag in tags:
        if tag.is_keyframe:
            groups.append([])
        if groups and tag.is_media:
            groups[-1].append(tag)
    return groups


def file_bytes(tags, has_audio=True, has_video=True):
    """An FLV file of these tags."""
    return header_bytes(has_audio, has_video) + b"".join(
        tag_bytes(t.type, t.time, t.data) for t in tags)


def check_times(tags, step_max=None):
    """Checks that each track's timestamps never step back, nor forward by more than step_max ms."""
    last = {}
    for tag in tags:
        before = last.get(tag.type, tag.time)
        if tag.time < before:
            raise FlvError(f"{tag} steps back from {before} ms")
        if step_max is not None and tag.time - before > step_max:
            raise FlvError(f"{tag} jumps from {before} ms")
        last[tag.type] = tag.time


class Dechunker:
    """Decodes the chunked coding of HTTP/1.1; ended is true after the last chunk."""

    def __init__(self):
        self.rest = bytearray()
        self.left = 0
        self.ended = False

    def feed(self, data):
        self.rest += data
        out = bytearray()
        while not self.ended:
            if self.left > 2:
                take = self.rest[:self.left - 2]
                out += take
                del self.rest[:len(take)]
                self.left -= len(take)
                if self.left > 2:
                    break
            if self.left:
                if len(self.rest) < self.left:
                    break
                if self.rest[:self.left] != b"\r\n"[2 - self.left:]:
                    raise FlvError("a chunk does not end with CRLF")
                del self.rest[:self.left]
                self.left = 0
            end = self.rest.find(b"\r\n")
            if end < 0:
                break
            size = int(bytes(self.rest[:end]).split(b";")[0], 16)
            if size == 0:
                if len(self.rest) < end + 4:
                    break
                if self.rest[end + 2:end + 4] != b"\r\n":
                    raise FlvError("the last chunk does not end with an empty line")
                self.ended = True
            del self.rest[:end + 2]
            self.left = size + 2
        return bytes(out)


def over_tls(plain):
    """The socket with TLS, without verifying the peer. An end without close_notify is an error."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, suppress_ragged_eofs=False)


class Viewer:
    """An HTTP-FLV viewer in a thread: status, headers, tags as they come, how it ended.

    hold(): does not read any more, until go(). receive_buffer bounds what the kernel takes.
    Other formats have a reader_class of their own (feed and finish).
    """

    reader_class = Reader

    def __init__(self, url, *, headers="", host=None, version="1.1", receive_buffer=None,
                 timeout=30, source=None):
        parts = urlsplit(url)
        path = parts.path + ("?" + parts.query if parts.query else "")
        self.reader = self.reader_class()
        self.status = 0
        self.head = ""
        self.bytes = 0
        self.body = bytearray()   # of an answer that is not a stream
        self.error = None
        self.is_done = False      # nothing more will come
        self.ended_cleanly = False  # by the last chunk (1.1), or by a close between tags (1.0)
        self._may_read = threading.Event()
        self._may_read.set()
        self._closing = False
        family = socket.AF_INET6 if ":" in (parts.hostname or "") else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((parts.hostname, parts.port or 80))
        if parts.scheme == "https":
            self.socket = over_tls(self.socket)
        self.started = time.monotonic()
        self.socket.sendall(f"GET {path} HTTP/{version}\r\nHost: {host or parts.netloc}\r\n"
                            f"{headers}\r\n".encode())
        self.socket.settimeout(None)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def tags(self):
        return self.reader.tags

    @property
    def media(self):
        return [t for t in list(self.tags) if t.is_media]

    @property
    def video(self):
        return [t for t in list(self.tags) if t.is_video and t.is_media]

    @property
    def audio(self):
        return [t for t in list(self.tags) if t.is_audio and t.is_media]

    def header(self, name):
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.strip().lower() == name.lower():
                return value.strip()
        return None

    def _run(self):
        try:
            self._receive()
        except (FlvError, ValueError, OSError) as error:
            if not self._closing:
                self.error = error
        self.is_done = True

    def _receive(self):
        raw, chunks = b"", None
        while b"\r\n\r\n" not in raw:
            got = self.socket.recv(65536)
            if not got:
                raise FlvError(f"closed within the head: {raw!r}")
            raw += got
        head, _, data = raw.partition(b"\r\n\r\n")
        self.head = head.decode("latin-1")
        self.status = int(self.head.split(" ")[1])
        if (self.header("Transfer-Encoding") or "").lower() == "chunked":
            chunks = Dechunker()
        while True:
            data = chunks.feed(data) if chunks else data
            self.bytes += len(data)
            if self.status == 200:
                self.reader.feed(data)
            else:
                self.body += data
            if self.status != 200 and len(self.body) == int(self.header("Content-Length") or -1):
                self.ended_cleanly = True
                return
            if chunks and chunks.ended:
                self.reader.finish()
                self.ended_cleanly = True
                return
            self._may_read.wait()
            data = self.socket.recv(65536)
            if not data:
                if chunks:
                    raise FlvError("closed without the last chunk")
                if self.status == 200:
                    self.reader.finish()
                self.ended_cleanly = True
                return

    def hold(self):
        self._may_read.clear()

    def go(self):
        self._may_read.set()

    def check(self):
        """Raises the error that occurred while receiving."""
        if self.error:
            raise AssertionError(f"the viewer: {self.error}") from self.error
        return self

    def wait(self, condition, timeout=10, what="the viewer"):
        """Waits for condition(viewer)."""
        def met():
            self.check()
            value = condition(self)
            assert value or not self.is_done, f"the response ended before: {what}"
            return value
        return wait_for(met, timeout, what)

    def wait_stream(self, condition, timeout, what):
        """The same for what only a stream can contain: another answer ends the wait, since its
        connection may stay open."""
        def met(viewer):
            assert viewer.status in (0, 200), f"{viewer.status} {bytes(viewer.body)!r} for: {what}"
            return condition(viewer)
        return self.wait(met, timeout, what)

    def wait_media(self, count, timeout=15):
        return self.wait_stream(lambda v: len(v.media) >= count, timeout, f"{count} frames")

    def wait_time(self, time_ms, timeout=15):
        return self.wait_stream(lambda v: v.media and v.media[-1].time >= time_ms, timeout,
                                f"media time {time_ms} ms")

    def wait_end(self, timeout=10):
        """Waits for the response's end, which must be a clean one."""
        wait_for(lambda: self.is_done, timeout, "the response to end")
        self.check()
        assert self.ended_cleanly
        return self

    def close(self):
        self._closing = True
        self._may_read.set()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(5)
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
