"""npm's node-media-server, as the benchmarks install it: a foreign origin and destination."""

import shutil
from pathlib import Path

from harness import ROOT, Process, free_port, listening_ports, wait_for

APP = ROOT / "research/bench/node_modules/node-media-server/bin/app.js"
IS_THERE = APP.exists() and shutil.which("node") is not None


class NodeMediaServer(Process):
    """RTMP in and out, HTTP-FLV out."""

    def __init__(self, folder):
        folder = Path(folder)
        folder.mkdir(parents=True)
        self.rtmp_port, self.http_port = free_port(), free_port()
        super().__init__(["node", APP, "-b", "127.0.0.1", "--rtmp-port", self.rtmp_port,
                          "--http-port", self.http_port, "--data-path", folder, "--no-admin"],
                         folder / "nms.log", cwd=folder)
        wait_for(lambda: {self.rtmp_port, self.http_port} <= listening_ports(), 20,
                 "node-media-server to listen")

    def rtmp_url(self, stream):
        return f"rtmp://127.0.0.1:{self.rtmp_port}/{stream}"
