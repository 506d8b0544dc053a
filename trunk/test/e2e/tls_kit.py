"""A server with HTTPS and RTMPS, and connections to it."""

import hashlib
import shutil
import socket
import ssl

import pytest

import flv
from harness import ROOT, free_port, run

MAKE_CERTIFICATE = ROOT / "conf" / "make-certificate.sh"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A folder with server.key and server.crt as the script in conf creates them."""
    folder = tmp_path_factory.mktemp("certificate")
    run([MAKE_CERTIFICATE, folder])
    return folder


@pytest.fixture
def secure(server, certificate, tmp_path):
    """secure(**parts): a server with HTTPS and RTMPS and certificate files of its own."""
    def start(*, http_server="", https="", top="", **parts):
        folder = tmp_path / "tls"
        shutil.copytree(certificate, folder, dirs_exist_ok=True)
        pem = f"key {folder}/server.key; cert {folder}/server.crt;"
        https_port, rtmps = free_port(), free_port()
        srv = server(http_server=f"{http_server} https {{ enabled on; "
                                 f"listen {https_port}; {pem} {https} }}",
                     top=f"{top} rtmps {{ enabled on; listen {rtmps}; {pem} }}", **parts)
        srv.https_port, srv.rtmps_port, srv.tls_folder = https_port, rtmps, folder
        return srv
    return start


@pytest.fixture
def view(server):
    """view(srv, path, …): an HTTPS viewer that is closed before the server is."""
    assert server
    opened = []

    def start(srv, path="/live/livestream.flv", **options):
        opened.append(flv.Viewer(https_url(srv, path), **options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def https_url(srv, path="/live/livestream.flv"):
    return f"https://127.0.0.1:{srv.https_port}/{path.lstrip('/')}"


def context_of(version=None, alpn=()):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def connect(port, context=None, **options):
    plain = socket.create_connection(("127.0.0.1", port), 10)
    try:
        return (context or context_of()).wrap_socket(plain, suppress_ragged_eofs=False, **options)
    except (ssl.SSLError, OSError):
        plain.close()
        raise


def answer_of(tls, request=b"HEAD /nothing HTTP/1.1\r\nHost: x\r\n\r\n"):
    tls.sendall(request)
    return tls.recv(65536)


def fingerprint(srv):
    with connect(srv.https_port) as tls:
        return hashlib.sha256(tls.getpeercert(binary_form=True)).digest()
