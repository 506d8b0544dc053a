"""make install DESTDIR=: what is installed works there, and names the folder where it will be."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import ROOT, run

pytestmark = pytest.mark.once

OBJS = Path(os.environ.get("MILLRACE_OBJS", ROOT / "objs")).resolve()


def make(*variables):
    """The command of make install, without what it builds first: the tests run beside each other."""
    said = subprocess.run(["make", "-s", "-n", "-f", OBJS / "Makefile", "install", *variables], cwd=ROOT, text=True,
                          capture_output=True, check=True).stdout
    [line] = [line for line in said.splitlines() if line.startswith("trunk/auto/install.sh")]
    return line


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    top = tmp_path_factory.mktemp("install")
    command = make(f"DESTDIR={top}", "PREFIX=/opt/millrace")
    run(["sh", "-c", f"cd {ROOT} && umask 077 && {command}"])
    assert [path.name for path in top.iterdir()] == ["opt"], "nothing outside of the prefix"
    return top / "opt" / "millrace", command


def test_files(installed):
    to, _ = installed
    for name in ("objs/server", "objs/sign", "objs/import-nginx", "conf/make-certificate.sh"):
        assert os.access(to / name, os.X_OK), name
    for name in ("conf/http.flv.live.conf", "conf/alerts.yml", "objs/nginx/html/players/index.html",
                 "objs/nginx/html/console/index.html", "share/millrace/logrotate"):
        assert (to / name).is_file(), name


def test_it_starts_there(installed):
    to, _ = installed
    run(["sh", "-c", f"cd {to} && ./objs/server -t -c conf/http.ts.live.conf"])
    assert run([to / "objs" / "server", "-v"]).stdout == run([OBJS / "server", "-v"]).stdout


def test_manual_pages(installed):
    to, _ = installed
    pages = sorted(path.relative_to(to / "share" / "man") for path in (to / "share" / "man").rglob("*.*"))
    assert [str(path) for path in pages] == ["man1/millrace-import-nginx.1", "man1/millrace-sign.1", "man5/millrace.conf.5",
                                             "man8/millrace.8"]
    for path in pages:
        file = to / "share" / "man" / path
        assert file.stat().st_mode & 0o777 == 0o644
        assert re.match(rf"(?s).*\.TH {path.stem.upper()} ", file.read_text().replace("\\-", "-")), path
        assert ".SH NAME" in file.read_text()
        if shutil.which("groff"):
            done = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", "-k", file], text=True, capture_output=True, check=True)
            assert done.stderr == ""
    directives = (to / "share/man/man5/millrace.conf.5").read_text()
    assert "max_connections" in directives and "republish" in directives


def test_unit(installed):
    to, _ = installed
    unit = (to / "lib/systemd/system/millrace.service").read_text()
    assert unit.startswith("\n[Unit]") or unit.startswith("[Unit]")
    assert "/usr/local" not in unit and "\nWorkingDirectory=/opt/millrace\n" in unit
    program = re.search(r"^ExecStart=(\S+) -c (\S+)$", unit, re.M)
    assert program[1] == "/opt/millrace/objs/server" and (to / program[2]).is_file()


def test_again(installed):
    """A configuration that was edited stays."""
    to, command = installed
    mine = to / "conf" / "http.flv.live.conf"
    mine.write_text(mine.read_text() + "# mine\n")
    assert "kept your" in run(["sh", "-c", f"cd {ROOT} && {command}"]).stdout
    assert mine.read_text().endswith("# mine\n")
    assert (to / "conf" / "http.flv.live.conf.new").read_bytes() == (ROOT / "conf" / "http.flv.live.conf").read_bytes()
