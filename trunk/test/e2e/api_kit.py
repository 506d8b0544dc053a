"""A server with the HTTP API at an address of its own, and questions to it."""

import pytest

import harness
from harness import curl


@pytest.fixture
def api_server(server):
    """A server with the API at an address of its own; its port is srv.api_port."""
    def start(directives="", **options):
        port = harness.free_port()
        srv = server(top=f"http_api {{ enabled on; listen {port}; {directives} }}", **options)
        srv.api_port = port
        return srv
    return start


def api(srv, path, *args, port=None):
    answer = curl(f"http://127.0.0.1:{port or srv.api_port}/api/v1/{path}", *args)
    assert answer.status == 200, (path, answer.status, answer.text)
    assert answer.headers["content-type"] == "application/json"
    return answer.json()
