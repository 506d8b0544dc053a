"""A callback server for tests of http_hooks: it keeps all requests in their order and answers what
the test wants, well or badly."""

import hashlib
import hmac
import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import free_port, wait_for

QUERIES = {"on_connect": "on_close", "on_publish": "on_unpublish", "on_play": "on_stop"}
EVENTS = [*QUERIES, *QUERIES.values(), "on_demand", "on_idle", "on_dvr", "on_hls"]


class Event(dict):
    """The JSON of a request, and what is known of the request itself."""

    def __init__(self, text, path, headers, connection):
        super().__init__(json.loads(text))
        self.text, self.path, self.headers, self.connection = text, path, headers, connection
        self.answer = None  # what was answered: "yes", or whatever else

    @property
    def action(self):
        return self["action"]


class HookServer:
    """answer: an action's answer, in a dict: (status, body) or (status, body, headers), or a function
    of the event that returns one; the default is a yes. hold: an Event for which all answers wait."""

    yes = (200, b'{"code":0}')

    def __init__(self, *, answer=None, context=None, http="HTTP/1.1", port=None):
        self.answer = answer or {}
        self.hold = None
        self.delay = 0
        self.events = []
        self.lock = threading.Lock()
        self.connections = 0
        handler = type("Handler", (_Handler,), {"owner": self, "protocol_version": http})
        self.server = _Server(("127.0.0.1", port or 0), handler)
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.schema = "http" if context is None else "https"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, path="/hooks"):
        return f"{self.schema}://127.0.0.1:{self.port}{path}"

    def of(self, *actions):
        with self.lock:
            return [event for event in self.events if not actions or event.action in actions]

    def actions(self):
        return [event.action for event in self.of()]

    def wait(self, action, count=1, timeout=10):
        """The count-th event of this kind."""
        wait_for(lambda: len(self.of(action)) >= count, timeout,
                 f"{count} {action}; came: {self.actions()[-20:]}")
        return self.of(action)[count - 1]

    def balance(self):
        """client_ids with a start that was granted and has not ended, or an end too many: each as
        (query, client_id, starts, ends)."""
        found = []
        for query, end in QUERIES.items():
            starts, ends = {}, {}
            for event in self.of(query):
                if event.answer == "yes":
                    starts[event["client_id"]] = starts.get(event["client_id"], 0) + 1
            for event in self.of(end):
                ends[event["client_id"]] = ends.get(event["client_id"], 0) + 1
            for client in {*starts, *ends}:
                count = starts.get(client, 0)
                if query == "on_connect":
                    count = min(count, 1)  # one connection, however often it publishes
                if count != ends.get(client, 0):
                    found.append((query, client, count, ends.get(client, 0)))
        return found

    def wait_ends(self, timeout=10):
        """Until no end is missing."""
        def missing():
            return [one for one in self.balance() if one[3] < one[2]]
        try:
            wait_for(lambda: not missing(), timeout, "an end for each start")
        except AssertionError as problem:
            raise AssertionError(f"{problem}: {missing()[:10]}") from None

    def wait_balance(self, timeout=10):
        try:
            wait_for(lambda: not self.balance(), timeout, "an end for each start")
        except AssertionError as problem:
            raise AssertionError(f"{problem}: {self.balance()[:10]}") from None

    def close(self):
        if self.hold is not None:
            self.hold.set()
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request, client_address):
        """A client that resets its connection is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    owner = None
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        with self.owner.lock:
            self.owner.connections += 1
            self.number = self.owner.connections

    def do_POST(self):
        owner = self.owner
        text = self.rfile.read(int(self.headers["Content-Length"]))
        event = Event(text, self.path, dict(self.headers), self.number)
        answer = owner.answer.get(event.action, owner.yes)
        if callable(answer):
            answer = answer(event)
        event.answer = "yes" if answer == owner.yes else answer
        with owner.lock:
            owner.events.append(event)
        if owner.hold is not None:
            owner.hold.wait(60)
        if owner.delay:
            time.sleep(owner.delay)
        status, body, *more = answer
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (more[0] if more else {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, *_):
        pass


class RawServer:
    """Takes connections and does with each what talk(socket) does; None: nothing at all."""

    def __init__(self, talk=None):
        self.port = free_port()
        self.talk = talk
        self.taken = []
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=512)
        threading.Thread(target=self._run, daemon=True).start()

    def url(self, path="/hooks"):
        return f"http://127.0.0.1:{self.port}{path}"

    def _run(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.taken.append(conn)
            if self.talk is not None:
                threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        try:
            self.talk(conn)
        except OSError:
            pass
        conn.close()

    def close(self):
        self.listener.close()
        for conn in self.taken:
            conn.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request_of(conn):
    """Reads one request off a connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        got = conn.recv(65536)
        if not got:
            return data
        data += got
    head, _, body = data.partition(b"\r\n\r\n")
    size = int([line.split(b":")[1] for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")][0])
    while len(body) < size:
        body += conn.recv(65536)
    return head + b"\r\n\r\n" + body


def hooks(url, *, events=None, more="", **urls):
    """The block: all events (or these) to this URL, which may be a list; urls: of single events."""
    chosen = {event: url for event in (EVENTS if events is None else events)}
    chosen.update(urls)
    lines = [f"{event} {' '.join(where) if isinstance(where, list) else where};"
             for event, where in chosen.items()]
    return "http_hooks { enabled on; timeout 2s; " + " ".join(lines) + f" {more} }}"


def signature(secret, text):
    return "sha256=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
