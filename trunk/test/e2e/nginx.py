"""Debian's nginx with its RTMP module, as a foreign server to pull from and push to."""

from pathlib import Path

from harness import Process, free_port, listening_ports, wait_for

MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")


class NginxRtmp(Process):
    """One that serves the applications live and myapp; push: a target each gets its streams;
    more: further directives of both."""

    def __init__(self, folder, push=None, more=""):
        folder = Path(folder)
        folder.mkdir(parents=True)
        self.rtmp_port = free_port()
        pushed = f"push {push};" if push else ""
        config = folder / "nginx.conf"
        config.write_text(f"""
load_module {MODULE};
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
rtmp {{
    server {{
        listen 127.0.0.1:{self.rtmp_port};
        chunk_size 4096;
        application live {{ live on; {pushed} {more} }}
        application myapp {{ live on; {pushed} {more} }}
    }}
}}
""")
        super().__init__(["nginx", "-p", folder, "-e", folder / "start.log", "-c", config],
                         folder / "nginx.log")
        wait_for(lambda: self.rtmp_port in listening_ports(), 10, "nginx to listen")

    def rtmp_url(self, stream):
        return f"rtmp://127.0.0.1:{self.rtmp_port}/{stream}"
