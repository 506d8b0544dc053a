"""The documentation as a site ("make site"): links, both languages, no network; its search; pictures
that agree with their texts."""

import json
import re
import shutil

import pytest
from harness import ROOT, run

pytestmark = pytest.mark.once

SITE = ROOT / "research" / "site"


def test_site(tmp_path):
    built = run(["/usr/bin/python3", SITE / "build_site.py", tmp_path / "site"], check=False, timeout=120)
    assert built.returncode == 0, built.stdout + built.stderr
    for path, language, other in (("doc/edge.html", "en", "zh/edge.html"), ("doc/zh/edge.html", "zh-CN", "../edge.html")):
        text = (tmp_path / "site" / path).read_text()
        assert f'<html lang="{language}"' in text
        assert f'<a class="switch" href="{other}"' in text
    # Every page of doc/ can be found in its language.
    for folder, index in (("doc", "index-en.js"), ("doc/zh", "index-zh.js")):
        text = (tmp_path / "site" / "assets" / index).read_text()
        sections = json.loads(re.fullmatch(r"millraceSearch\.load\((.*)\);\n", text, re.S).group(1))
        pages = {address.split("#")[0] for address, *_ in sections}
        names = {path.stem for path in (ROOT / folder).glob("*.md")} - {"README"}
        assert {f"{folder}/{name}.html" for name in names} <= pages


def test_a_link_that_leads_nowhere_fails(tmp_path):
    """The builder's own check, on pages that are broken afterwards."""
    check = "import sys; sys.path.insert(0, sys.argv[1]); import build_site; print(*build_site.check(sys.argv[2]), sep='\\n')"
    (tmp_path / "a.html").write_text('<h2 id="x">x</h2><a href="b.html">b</a><a href="#x">x</a><a href="#y">y</a>'
                                     '<script src="https://cdn.example/x.js"></script><a href="https://x.example/">x</a>')
    found = run(["/usr/bin/python3", "-c", check, SITE, tmp_path]).stdout.splitlines()
    assert [line.split(": ", 1)[1] for line in found] == [
        "links to b.html, which is not there", "links to #y: no such heading",
        "<script> loads https://cdn.example/x.js: the site needs no network"]


def test_search():
    run([shutil.which("node") or "node", "--test", SITE / "test"], timeout=60)


def test_pictures():
    drawn = run(["/usr/bin/python3", SITE / "draw.py", "--check"], check=False)
    assert drawn.returncode == 0, drawn.stdout
