"""A raw HTTP connection, and what an error looks like."""

import socket

from harness import Answer

ORIGIN = "http://page.example:8443"


class Raw:
    """A connection on which the test writes any bytes and reads answers one by one."""

    def __init__(self, srv, data=b"", timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", srv.http_port), timeout)
        self.rest = b""
        if data:
            self.send(data)

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def _more(self):
        data = self.socket.recv(65536)
        self.rest += data
        return bool(data)

    def answer(self, is_head=False):
        """The next answer, by its Content-Length."""
        while b"\r\n\r\n" not in self.rest:
            assert self._more(), f"closed within the head: {self.rest!r}"
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        answer = Answer(head.decode("latin-1"), b"", 0)
        assert len(answer.headers) == len(answer.header_list), "a header twice"
        if is_head or answer.status in (100, 204):
            return answer
        length = int(answer.headers["content-length"])
        while len(self.rest) < length:
            assert self._more(), "closed within the body"
        answer.body, self.rest = self.rest[:length], self.rest[length:]
        return answer

    def assert_closed(self):
        """No further answer comes, and the connection ends."""
        try:
            while self._more():
                pass
        except ConnectionResetError:
            pass
        assert self.rest == b""

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def get(path="/", *lines, version="1.1", method="GET"):
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: h", *lines, "", ""])


def check_error(answer, status):
    assert answer.status == status, (answer.status, answer.body)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["code"] == status and answer.json()["reason"]
    return answer
