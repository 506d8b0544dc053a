"""A feature is its files and its rows in server/tables.c: the server builds and works without
them."""

import os
from pathlib import Path

import pytest

from harness import ROOT, run

OBJS = Path(os.environ.get("MILLRACE_OBJS", ROOT / "objs"))


def symbols(program):
    return {line.split()[-1] for line in run(["nm", program]).stdout.splitlines() if line.strip()}


@pytest.mark.once
@pytest.mark.skipif(not (OBJS / "asan" / "server").exists(), reason="needs the sanitized build")
def test_a_server_without_it(server, publisher, source, view, tmp_path):
    run([ROOT / "trunk/test/remove-feature.sh", OBJS, "cluster/forward", tmp_path / "tree"])
    program = tmp_path / "tree" / "objs" / "asan" / "server"
    assert "forward_observer" in symbols(OBJS / "asan" / "server")
    assert not {name for name in symbols(program) if name.startswith("forward_")}
    # Its directives remain, without effect.
    vhost = "forward { enabled on; destination 127.0.0.1:1; }"
    srv = server(program=program, vhost=vhost)
    run([program, "-t", "-c", srv.config_path])
    preamble, gops = source
    publisher(srv).send_tags([*preamble, *gops[0]])
    view(srv).wait_media(5)
    assert "forward" not in srv.log()
