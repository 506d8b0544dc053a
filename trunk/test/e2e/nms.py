"""npm's node-media-server, from research/bench: a foreign origin and destination."""

import json
import shutil
from pathlib import Path

from harness import ROOT, Process, free_port, listening_ports, wait_for

# It loads some hundred files before it listens, while the machine may be busy with other work.
START_SECONDS = 60

APP = ROOT / "research/bench/node_modules/node-media-server/bin/app.js"
IS_THERE = APP.exists() and shutil.which("node") is not None


class NodeMediaServer(Process):
    """RTMP in and out, HTTP-FLV out."""

    def __init__(self, folder):
        folder = Path(folder)
        folder.mkdir(parents=True)
        self.rtmp_port, self.http_port = free_port(), free_port()
        # A file of its own, because it writes into its default one and opens more ports with it.
        config = folder / "config.json"
        config.write_text(json.dumps({
            "bind": "127.0.0.1", "rtmp": {"port": self.rtmp_port}, "http": {"port": self.http_port},
            "store": {"path": str(folder), "maxHistory": 100}, "notify": {"url": ""},
            "auth": {"play": False, "publish": False, "secret": "test",
                     "jwt": {"secret": "test", "expiresIn": "1h", "refreshExpiresIn": "1h",
                             "algorithm": "HS256", "users": []}},
            "webadmin": {"enable": False}, "record": {"auto": False, "path": str(folder)}}))
        super().__init__(["node", APP, "-c", config], folder / "nms.log", cwd=folder)
        try:
            wait_for(self._listens, START_SECONDS, "node-media-server to listen")
        except AssertionError:
            self.kill()
            raise

    def _listens(self):
        assert self.is_running, "node-media-server ended:\n" + self.log()[-3000:]
        return {self.rtmp_port, self.http_port} <= listening_ports()

    def rtmp_url(self, stream):
        return f"rtmp://127.0.0.1:{self.rtmp_port}/{stream}"
