"""A redis-server of the test's own, and the few commands that a test gives it."""

import socket

from harness import Process, free_port, listening_ports, wait_for


class RedisError(Exception):
    pass


class Redis(Process):
    """Stores nothing on disk: a restarted one is empty."""

    def __init__(self, folder, *options, port=None, password=None, tls_port=None):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.password = password
        self.options = options
        self.tls_port = tls_port
        argv = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", folder, *options]
        if password:
            argv += ["--requirepass", password]
        super().__init__(argv, folder / "redis.log")
        self.wait_listening()

    def wait_listening(self):
        wanted = {self.port} | ({self.tls_port} if self.tls_port else set())

        def up():
            assert self.is_running, self.log()
            return wanted <= listening_ports()
        wait_for(up, 15, "redis-server to listen")

    def again(self):
        """Another one at the same port, after kill()."""
        return Redis(self.folder, *self.options, port=self.port, password=self.password,
                     tls_port=self.tls_port)

    def command(self, *words):
        """One command, its reply as Python has it."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as conn:
            reader = conn.makefile("rb")
            if self.password:
                self._send(conn, ("AUTH", self.password))
                assert self._reply(reader) == "OK"
            self._send(conn, words)
            return self._reply(reader)

    @staticmethod
    def _send(conn, words):
        out = b"*%d\r\n" % len(words)
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode()
            out += b"$%d\r\n%s\r\n" % (len(data), data)
        conn.sendall(out)

    def _reply(self, reader):
        line = reader.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            return reader.read(int(rest) + 2)[:-2].decode(errors="replace")
        if kind == b"*":
            return [self._reply(reader) for _ in range(int(rest))]
        return rest.decode()

    # ---- what the directory holds ----

    @staticmethod
    def key(stream="live/livestream", vhost="__defaultVhost__"):
        return f"millrace:stream:{vhost}/{stream}"

    def entry(self, stream="live/livestream", vhost="__defaultVhost__"):
        """The RTMP address of the origin that has the stream, or None."""
        value = self.command("GET", self.key(stream, vhost))
        return value.split(" ")[1] if value else None

    def wait_entry(self, srv, stream="live/livestream", timeout=15):
        """srv: the origin that shall have it; None: none."""
        wanted = f"127.0.0.1:{srv.rtmp_port}" if srv else None
        wait_for(lambda: self.entry(stream) == wanted, timeout, f"the entry to be {wanted}")
