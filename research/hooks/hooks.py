#!/usr/bin/env python3
"""A small callback server for http_hooks: it logs every event, and grants, refuses or redirects.

    research/hooks/hooks.py                          # port 8085, grants everything
    research/hooks/hooks.py --users users.json       # ?user=NAME&key=KEY must be in the file
    research/hooks/hooks.py --secret KEY             # requests must be signed with this key
    research/hooks/hooks.py --redirect play=rtmp://other.example

Every path takes every event, so that one URL serves for all directives; the paths of SRS's sample
server (/api/v1/clients, streams, sessions) work as well. GET / answers what is open now: the clients
that were granted and have not ended.
"""

import argparse
import hashlib
import hmac
import json
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

QUERIES = {"on_connect": "on_close", "on_publish": "on_unpublish", "on_play": "on_stop"}
ENDS = {end: query for query, end in QUERIES.items()}


class Book:
    """The clients that are connected, publish and play, by client_id: a client's number of starts never exceeds
    one for each query, and the end removes it. A new service_id means that all earlier clients of
    that server are gone."""

    def __init__(self):
        self.lock = threading.Lock()
        self.open = {query: {} for query in QUERIES}
        self.services = {}

    def note(self, event, is_granted):
        with self.lock:
            server, service = event["server_id"], event["service_id"]
            if self.services.setdefault(server, service) != service:
                self.services[server] = service
                for clients in self.open.values():
                    for key in [key for key in clients if key[0] == server]:
                        del clients[key]
            key = (server, event["client_id"])
            if event["action"] in QUERIES and is_granted:
                self.open[event["action"]][key] = event
            if event["action"] in ENDS:
                self.open[ENDS[event["action"]]].pop(key, None)

    def shown(self):
        with self.lock:
            return {query: list(clients.values()) for query, clients in self.open.items()}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open for the next call
    disable_nagle_algorithm = True
    options = None
    book = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.options.secret and not self.is_signed(body):
            self.answer(403, {"code": 1, "msg": "not signed"})
            return
        try:
            event = json.loads(body)
            action = event["action"]
        except (ValueError, KeyError, TypeError):
            self.answer(400, {"code": 1, "msg": "not an event"})
            return
        answer = self.decide(event) if action in QUERIES else {"code": 0}
        self.book.note(event, answer["code"] == 0)
        if not self.options.quiet:
            print(time.strftime("%H:%M:%S"), action, answer["code"], json.dumps(event), flush=True)
        self.answer(200, answer)

    def do_GET(self):
        self.answer(200, self.book.shown())

    def is_signed(self, body):
        mine = "sha256=" + hmac.new(self.options.secret.encode(), body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(mine, self.headers.get("X-Millrace-Signature", ""))

    def decide(self, event):
        if self.options.users is not None:
            query = urllib.parse.parse_qs(event["param"].lstrip("?"))
            user, key = query.get("user", [""])[0], query.get("key", [""])[0]
            if self.options.users.get(user) != key:
                return {"code": 403, "msg": f"{user or 'nobody'} may not do this"}
        where = self.options.redirect.get(event["action"].removeprefix("on_"))
        if where is not None:
            extension = "" if event["type"] == "rtmp" else "." + event["type"]
            return {"code": 302, "location": f"{where}/{event['app']}/{event['stream']}{extension}"}
        return {"code": 0, "data": None}

    def answer(self, status, content):
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8085)
    parser.add_argument("--users", help="JSON file: an object of names and keys")
    parser.add_argument("--secret", help="the key of http_hooks { secret }")
    parser.add_argument("--redirect", action="append", default=[], metavar="play=URL",
                        help="answer this query with a redirect to the stream at URL")
    parser.add_argument("--quiet", action="store_true", help="do not print the events")
    options = parser.parse_args()
    if options.users is not None:
        with open(options.users, encoding="utf-8") as file:
            options.users = json.load(file)
    options.redirect = dict(one.split("=", 1) for one in options.redirect)
    Handler.options, Handler.book = options, Book()
    server = Server(("", options.port), Handler)
    print(f"callback server at http://127.0.0.1:{server.server_address[1]}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
