"""An operator's server that the server under test queries: it records each request and gives the
answer that the test sets, JSON or anything else."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl


class JsonServer:
    """answer: what is sent, an object or bytes; a function is called with the question.
    status: of the answer. hold: an Event that every answer waits for. questions: what was asked,
    as objects; of a GET its path and parameters; times: when, by time.monotonic(). context: an
    ssl.SSLContext, for https."""

    def __init__(self, answer=None, *, port=0, context=None):
        self.answer, self.status, self.hold = answer, 200, None
        self.questions, self.headers, self.times = [], [], []
        handler = type("Handler", (_Handler,), {"owner": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.schema = "http" if context is None else "https"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def url(self, path="/api/v1/forward"):
        return f"{self.schema}://127.0.0.1:{self.port}{path}"

    def close(self):
        if self.hold is not None:
            self.hold.set()
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class _Handler(BaseHTTPRequestHandler):
    owner = None

    def do_POST(self):
        self.reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def do_GET(self):
        path, _, query = self.path.partition("?")
        self.reply({"path": path, **dict(parse_qsl(query, keep_blank_values=True))})

    def reply(self, question):
        self.owner.headers.append(dict(self.headers))
        self.owner.times.append(time.monotonic())
        self.owner.questions.append(question)
        if self.owner.hold is not None:
            self.owner.hold.wait(60)
        answer = self.owner.answer
        if callable(answer):
            answer = answer(question)
        if not isinstance(answer, bytes):
            answer = json.dumps(answer).encode()
        try:
            self.send_response(self.owner.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        except OSError:
            pass  # the client has disconnected

    def log_message(self, *_):
        pass
