"""The callback server of a run: each start of a client must have one end."""

import threading

from hook_server import QUERIES, HookServer, hooks

STARTS = {end: start for start, end in QUERIES.items()}
EVENTS = ["on_connect", "on_close", "on_publish", "on_unpublish", "on_play", "on_stop", "on_dvr"]


class Ledger(list):
    """Takes the events of a HookServer instead of its list, and keeps only what is open: a run has
    too many of them."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()
        self.balance = {}    # (server, query, client): starts less ends, without those at 0
        self.count = {}      # (server, action): how many

    def append(self, event):
        server = event.path.strip("/")
        with self.lock:
            key = (server, event.action)
            self.count[key] = self.count.get(key, 0) + 1
            query = STARTS.get(event.action, event.action)
            if query in QUERIES:
                self.add((server, query, event["client_id"]), 1 if query == event.action else -1)

    def add(self, key, step):
        value = self.balance.get(key, 0) + step
        if value:
            self.balance[key] = value
        else:
            self.balance.pop(key, None)

    def open(self, server, *queries):
        """The clients with more starts than ends, or the other way round."""
        with self.lock:
            return {client: value for (name, query, client), value in self.balance.items()
                    if name == server and query in queries}

    def differences(self, server, clients):
        """Texts about what is open here and not in the API's list of clients, or the other way
        round."""
        opened = self.open(server, "on_play", "on_publish")
        texts = [f"client {one} has {value} starts without an end, and is not listed"
                 for one, value in opened.items() if one not in clients or value != 1]
        return texts + [f"client {one} is listed, but its callbacks are not open"
                        for one in clients if one not in opened]


def start():
    """A callback server with a Ledger."""
    server = HookServer()
    server.events = Ledger()
    return server


def block(callbacks, name):
    """The directives for the server of this name. The time of a call suits a busy machine."""
    return hooks(callbacks.url(f"/{name}"), events=EVENTS).replace("timeout 2s;", "timeout 20;")
