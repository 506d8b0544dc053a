"""A publisher over HTTP: POST of FLV in chunks. It has the functions of rtmp.Publisher."""

import socket
import struct

import flv
from rtmp import Closed

ANSWER_S = 20


class HttpPublisher:
    def __init__(self, port, path, source):
        self.ended = False
        self.socket = socket.create_connection(("127.0.0.1", port), ANSWER_S, (source, 0))
        self.socket.settimeout(None)
        self.socket.sendall(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                            "Content-Type: video/x-flv\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        self.send(flv.header_bytes())

    def send(self, data):
        self.socket.sendall(b"%x\r\n%b\r\n" % (len(data), data))

    def send_tag(self, tag, offset=0):
        self.send(flv.tag_bytes(tag.type, tag.time + offset & 0xFFFFFFFF, tag.data))

    def send_tags(self, tags, offset=0):
        for tag in tags:
            self.send_tag(tag, offset)

    @property
    def is_closed(self):
        """The server says nothing until the end: any answer before is one, too."""
        self.ended = self.ended or self.has_answer()
        return self.ended

    @is_closed.setter
    def is_closed(self, value):
        self.ended = value

    def has_answer(self):
        try:
            self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            return True
        except BlockingIOError:
            return False
        except OSError:
            return True

    def unpublish(self):
        """The end of the body, and the answer to it."""
        self.socket.sendall(b"0\r\n\r\n")
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", ANSWER_S, 0))
        head = self.socket.recv(4096)
        self.close()
        if not head.startswith(b"HTTP/1.1 200"):
            raise Closed(f"the answer to a published body is {head[:100]!r}")

    def close(self):
        self.socket.close()
