"""An RTMP server as platforms run them, for tests of what is published to it: it records what it is
told, byte for byte, and may ask for a user as Adobe's access manager does."""

import base64
import hashlib
import os
import socket
import threading
from urllib.parse import parse_qs

from rtmp_client import AUDIO, COMMAND, VIDEO, Client, Closed

REJECT = "[ AccessManager.Reject ] : "
SALT, CHALLENGE, OPAQUE = "c2FsdA==", "Y2hhbA==", "b3A+YQ=="


def md5(*parts):
    return base64.b64encode(hashlib.md5("".join(parts).encode()).digest()).decode()


class _Session(Client):
    """The server's side of a connection; Client reads and writes the chunks."""

    def __init__(self, accepted, recorder):
        self.timeout, self.socket, self.recorder = 30, accepted, recorder
        self.buffer, self.received = b"", 0
        self.size_in = self.size_out = 128
        self.heads, self.parts = {}, {}

    def accept(self):
        c1 = self.exactly(1537)[1:]
        self.send(b"\x03" + bytes(8) + os.urandom(1528) + c1)
        self.exactly(1536)

    def run(self):
        try:
            self.accept()
            while True:
                message = self.read()
                if message.type == COMMAND:
                    self.answer(*message.values)
                elif message.type in (AUDIO, VIDEO):
                    self.recorder.media.append(message)
        except (Closed, OSError):
            pass
        finally:
            self.close()

    def answer(self, name, transaction, info=None, *args):
        recorder = self.recorder
        if name == "connect":
            recorder.connects.append((info["app"], info["tcUrl"]))
            refusal = recorder.refusal(info["app"])
            if refusal:
                self.command("_error", transaction, None, {
                    "level": "error", "code": "NetConnection.Connect.Rejected",
                    "description": refusal})
                raise Closed
            self.command("_result", transaction, {}, {"code": "NetConnection.Connect.Success"})
        elif name in ("releaseStream", "FCPublish", "publish"):
            recorder.calls.append((name, args[0]))
            if name == "publish" and recorder.refuse:
                self.command("onStatus", 0, None, {
                    "level": "error", "code": "NetStream.Publish.BadName",
                    "description": recorder.refuse.format(stream=args[0])}, stream=1)
            elif name == "publish":
                self.command("onStatus", 0, None, {
                    "level": "status", "code": "NetStream.Publish.Start"}, stream=1)
            else:
                self.command("_result", transaction, None, None)
        elif name == "createStream":
            self.command("_result", transaction, None, 1)


class Recorder:
    """connects: (app, tcUrl) of each connection; calls: (name, argument); media: what came."""

    def __init__(self, users=None, refuse=None):
        self.users = users  # {name: password}; None: anybody may publish
        self.refuse = refuse  # the reason, with {stream} in it; None: nobody is refused
        self.connects, self.calls, self.media = [], [], []
        self.sessions = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            session = _Session(accepted, self)
            self.sessions.append(session)
            threading.Thread(target=session.run, daemon=True).start()

    def refusal(self, app):
        """The reason to refuse this connect, or None."""
        if self.users is None:
            return None
        if "authmod=adobe" not in app:
            return REJECT + "[ code=403 need auth; authmod=adobe ] : "
        # '+' of base64 is no space here.
        asked = {name: values[0] for name, values in
                 parse_qs(app.split("?", 1)[1].replace("+", "%2B")).items()}
        user = asked["user"]
        if user not in self.users:
            return REJECT + "[ authmod=adobe ] : ?reason=nosuchuser&opaque=" + OPAQUE
        if "response" not in asked:
            return (REJECT + f"[ authmod=adobe ] : ?reason=needauth&user={user}&salt={SALT}"
                    f"&challenge={CHALLENGE}&opaque={OPAQUE}")
        wanted = md5(md5(user, SALT, self.users[user]), OPAQUE, asked["challenge"])
        if asked["response"] != wanted or asked["opaque"] != OPAQUE:
            return REJECT + "[ authmod=adobe ] : ?reason=authfailed&opaque=" + OPAQUE
        return None

    def close(self):
        self.listener.close()
        for session in self.sessions:
            try:
                session.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
