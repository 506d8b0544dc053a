"""Debian's nginx, HAProxy and Caddy in front of the server, with the configurations of conf/proxies.

What is changed in them for a test is ports, paths and the number of connections, each by a text that
must be there: a configuration that is documented is the one that is tested.
"""

import os
import socket
from pathlib import Path

from harness import ROOT, Process, free_port, listening_ports, wait_for

CONF = ROOT / "conf"


def fill(path, changes):
    """The text of a file of conf with each key of changes replaced; all keys must occur in it."""
    text = (CONF / path).read_text()
    for old, new in changes.items():
        assert old in text, f"{path} has no {old!r}"
        text = text.replace(old, new)
    return text


class Proxy(Process):
    """ports: what stands in the file before its own number, the test's free port by name."""

    def __init__(self, folder, text, argv, ports, env=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.ports = ports
        self.config = folder / "proxy.conf"
        self.config.write_text(text)
        super().__init__(argv(self.config), folder / "proxy.log",
                         env={**os.environ, **(env or {})}, cwd=folder)

        def up():
            assert self.is_running, self.log()[-3000:]
            return set(ports.values()) <= listening_ports()
        try:
            wait_for(up, 20, f"{self.argv[0]} to listen")
        except AssertionError:
            self.kill()
            raise

    def url(self, scheme, path="/live/livestream.flv"):
        port = self.ports[{"ws": "http", "wss": "https"}.get(scheme, scheme)]
        return f"{scheme}://127.0.0.1:{port}{path}"


def nginx(folder, srv, certificate, keep_alive=True):
    folder = Path(folder)
    ports = {"http": free_port(), "https": free_port()}
    temp = " ".join(f"{what}_temp_path {folder}/temp;"
                    for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    changes = {"127.0.0.1:8080": f"127.0.0.1:{srv.http_port}",
               "listen 80;": f"listen 127.0.0.1:{ports['http']};",
               "listen 443 ssl;": f"listen 127.0.0.1:{ports['https']} ssl;",
               "/etc/millrace/server": f"{certificate}/server",
               "worker_connections 10000;": "worker_connections 200;",
               "http {": "http { access_log off; " + temp}
    if not keep_alive:
        # nginx's default: HTTP/1.0, a connection for each request.
        changes |= {"keepalive 16;": "", "proxy_http_version 1.1;": "",
                    "proxy_set_header Connection      $connection_upgrade;": "",
                    "proxy_set_header Upgrade         $http_upgrade;": ""}
    return Proxy(folder, fill("proxies/nginx.conf", changes),
                 lambda config: ["nginx", "-p", folder, "-e", folder / "start.log", "-c", config,
                                 "-g", f"daemon off; pid {folder}/pid; error_log {folder}/error;"],
                 ports)


def _haproxy(folder, text, ports):
    return Proxy(folder, text, lambda config: ["haproxy", "-db", "-f", config], ports)


def _pem(folder, certificate):
    pem = folder / "server.pem"
    pem.write_text((certificate / "server.crt").read_text()
                   + (certificate / "server.key").read_text())
    return pem


def haproxy(folder, srv, certificate, keep_alive=True):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    ports = {"http": free_port(), "https": free_port(), "rtmp": free_port()}
    changes = {"127.0.0.1:8080": f"127.0.0.1:{srv.http_port}",
               "127.0.0.1:19350": f"127.0.0.1:{srv.rtmp_port}",
               "bind :80\n": f"bind 127.0.0.1:{ports['http']}\n",
               "bind :443 ": f"bind 127.0.0.1:{ports['https']} ",
               "bind :1935\n": f"bind 127.0.0.1:{ports['rtmp']}\n",
               "/etc/millrace/server.pem": str(_pem(folder, certificate)),
               "maxconn 20000": "maxconn 200"}
    if not keep_alive:
        changes["mode http\n"] = "mode http\n    option httpclose\n"
    return _haproxy(folder, fill("proxies/haproxy.cfg", changes), ports)


def haproxy_tcp(folder, srv):
    """srv.ports: of RTMPS and HTTPS, by those names."""
    folder = Path(folder)
    ports = {name: free_port() for name in ("http", "https", "rtmp", "rtmps")}
    changes = {"127.0.0.1:18080 ": f"127.0.0.1:{srv.http_port} ",
               "127.0.0.1:18088 ": f"127.0.0.1:{srv.https_port} ",
               "127.0.0.1:19350 ": f"127.0.0.1:{srv.rtmp_port} ",
               "127.0.0.1:14430 ": f"127.0.0.1:{srv.rtmps_port} ",
               "bind :80\n": f"bind 127.0.0.1:{ports['http']}\n",
               "bind :443\n": f"bind 127.0.0.1:{ports['https']}\n",
               "bind :1935\n": f"bind 127.0.0.1:{ports['rtmp']}\n",
               "bind :1443\n": f"bind 127.0.0.1:{ports['rtmps']}\n",
               "maxconn 20000": "maxconn 200"}
    return _haproxy(folder, fill("proxies/haproxy-tcp.cfg", changes), ports)


def caddy(folder, srv, certificate, keep_alive=True):
    folder = Path(folder)
    ports = {"http": free_port(), "https": free_port()}
    changes = {"127.0.0.1:8080": f"127.0.0.1:{srv.http_port}",
               "\n:80 {": f"\n:{ports['http']} {{",
               "\nhttps://:443 {": f"\nhttps://:{ports['https']} {{",
               "/etc/millrace/server": f"{certificate}/server",
               # Its own API has one port on this machine.
               "auto_https off": "auto_https off\n\tadmin off"}
    if not keep_alive:
        changes["flush_interval -1"] = "flush_interval -1\n\t\ttransport http {\n" \
                                       "\t\t\tkeepalive off\n\t\t}"
    home = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    return Proxy(folder, fill("proxies/Caddyfile", changes),
                 lambda config: ["caddy", "run", "--config", config, "--adapter", "caddyfile"],
                 ports, home)


KINDS = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy}


def header_v1(ip="203.0.113.7", port=4711, to="198.51.100.1"):
    """A PROXY header of version 1."""
    kind = "TCP6" if ":" in ip else "TCP4"
    to = "2001:db8::1" if ":" in ip else to
    return f"PROXY {kind} {ip} {to} {port} 1935\r\n".encode()


def header_v2(ip="203.0.113.7", port=4711, command=0x21, more=b""):
    """The same of version 2; ip None: nothing is said; more: TLVs."""
    body, family = b"", 0
    if ip is not None:
        kind = socket.AF_INET6 if ":" in ip else socket.AF_INET
        family = 0x21 if ":" in ip else 0x11
        body = socket.inet_pton(kind, ip) * 2 + port.to_bytes(2, "big") + (1935).to_bytes(2, "big")
    body += more
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, family]) + len(body).to_bytes(2, "big") + body
