"""Builds the documentation as a site: build_site.py DIR. Nothing in it needs a network.

Every page of the tree (*.md) becomes an HTML page under its own path, README.md the index.html of its
folder. A file or folder that a page links to becomes a page, too, with its text or its list. The
pages of doc/ and doc/zh are in the contents (nav.txt) and in the search index of their language.

In the end all links of the site are followed: a missing page, file or heading is an error.
"""

import html
import json
import os
import pathlib
import posixpath
import re
import shutil
import sys
import urllib.parse

from markdown_it import MarkdownIt

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "trunk" / "test"))
import gate_languages as languages  # noqa: E402

SKIP = {"node_modules", "objs", ".git", "corpus"}
ASSETS = ["site.css", "site.js", "search.js"]
COPIED = {".png", ".svg", ".flv", ".ico"}
TEXT_MAX = 400_000  # bytes of a file that is shown as a page
WORDS = {
    "en": {"search": "Search", "none": "Nothing found", "other": "中文", "only": "", "contents": "Contents",
           "copy": "Copy", "copied": "Copied"},
    "zh": {"search": "搜索", "none": "没有找到", "other": "English", "only": "（英文）", "contents": "目录",
           "copy": "复制", "copied": "已复制"},
}
TEMPLATE = """<!DOCTYPE html>
<html lang="{lang}" data-top="{top}" data-copy="{copy}" data-copied="{copied}" data-none="{none}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - Millrace</title>
<link rel="stylesheet" href="{top}assets/site.css">
<link rel="icon" href="data:,">
<script src="{top}assets/search.js" defer></script>
<script src="{top}assets/site.js" defer></script>
</head>
<body>
<header>
<button id="menu" type="button" aria-label="{contents}" aria-controls="nav">&#9776;</button>
<a class="brand" href="{home}">Millrace</a>
<div class="search">
<input id="query" type="search" placeholder="{search}" aria-label="{search}" autocomplete="off" data-index="{top}assets/index-{short}.js">
<ol id="results" hidden></ol>
</div>
<a class="switch" href="{switch}" hreflang="{other_lang}">{other}</a>
</header>
<nav id="nav" aria-label="{contents}">
{nav}
</nav>
<main>
{body}
</main>
</body>
</html>
"""


MARKDOWN = MarkdownIt("commonmark").enable("table")


def pages_of(root):
    for path in sorted(root.rglob("*.md")):
        name = path.relative_to(root)
        if not SKIP.intersection(name.parts):
            yield name.as_posix()


def output_of(path):
    """The site's name for a page of the tree."""
    folder, name = posixpath.split(path)
    name = {"README.md": "index.md", "README.zh.md": "index.zh.md"}.get(name, name)
    return posixpath.join(folder, name.removesuffix(".md") + ".html")


def language(path):
    return "zh" if path == "README.zh.md" or path.startswith("doc/zh/") else "en"


def plain(tokens):
    return "".join(token.content if token.type in ("text", "code_inline") else " " if token.type == "softbreak" else ""
                   for token in tokens)


class Site:
    def __init__(self, root, out):
        self.root, self.out = pathlib.Path(root), pathlib.Path(out)
        self.pages = list(pages_of(self.root))
        self.shown = {}  # path of a file or folder in the tree: name of its page
        self.waiting, self.found = [], []
        self.tokens, self.titles = {}, {}
        self.index = {"en": [], "zh": []}
        self.navigation = self._read_navigation()

    # ---- contents ----

    def _read_navigation(self):
        groups = []
        for line in (HERE / "nav.txt").read_text().splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if "|" in line:
                groups.append(([word.strip() for word in line.split("|")], []))
            else:
                groups[-1][1].append(line.strip())
        named = {name for _, names in groups for name in names}
        for path in self.pages:
            match = re.fullmatch(r"doc/(?:zh/)?([^/]+)\.md", path)
            if match and match.group(1) != "README" and match.group(1) not in named:
                groups[-1][1].append(match.group(1))
                named.add(match.group(1))
        return groups

    def _page_named(self, name, lang):
        """The page in this language, or else in the other."""
        for path in ([f"doc/zh/{name}.md"] if lang == "zh" else []) + [f"doc/{name}.md"]:
            if path in self.pages:
                return path
        return None

    def _nav(self, current, lang):
        out = []
        for titles, names in self.navigation:
            items = []
            for name in names:
                path = self._page_named(name, lang)
                if path is None:
                    continue
                mark = ' class="here" aria-current="page"' if path == current else ""
                only = WORDS[lang]["only"] if language(path) != lang else ""
                items.append(f'<li><a{mark} href="{self._href(current, output_of(path))}">'
                             f"{html.escape(self.titles[path])}{only}</a></li>")
            if items:
                out.append(f"<h2>{html.escape(titles[lang == 'zh'])}</h2>\n<ul>\n" + "\n".join(items) + "\n</ul>")
        return "\n".join(out)

    # ---- one page ----

    def _href(self, current, target):
        return posixpath.relpath(target, posixpath.dirname(output_of(current)) or ".")

    def _link(self, current, target):
        """A link of a page, in the site. What it points to is shown, too."""
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            return target
        name, _, fragment = target.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(current), name))
        return self._href(current, self._show(path)) + (f"#{fragment}" if fragment else "")

    def _show(self, path):
        if path in self.pages:
            return output_of(path)
        there = self.root / path
        if there.is_dir():
            readme = posixpath.join(path, "README.md")
            if readme in self.pages:
                return output_of(readme)
        if path not in self.shown:
            if there.suffix in COPIED:
                self.shown[path] = path
            else:
                self.shown[path] = path + ("/index.html" if there.is_dir() else ".html")
            self.waiting.append(path)
        return self.shown[path]

    def _counterpart(self, path):
        """Where the language switch leads."""
        if language(path) == "zh":
            other = languages.original(path)
            return other if other in self.pages else "README.md"
        other = languages.translation(path) if path == "README.md" or path.startswith("doc/") else ""
        return other if other in self.pages else "README.zh.md"

    def _parse(self, path):
        tokens = MARKDOWN.parse((self.root / path).read_text())
        # The link to the other language: the page's head has one.
        for i, token in enumerate(tokens[:8]):
            if token.type == "inline" and re.fullmatch(r"\[(中文|English)\]\([^)]*\)", token.content):
                del tokens[i - 1:i + 2]
                break
        return tokens

    def _anchors(self, tokens):
        used = {}
        for i, token in enumerate(tokens):
            if token.type == "heading_open":
                anchor = languages.slug(plain(tokens[i + 1].children))
                count = used.get(anchor, 0)
                used[anchor] = count + 1
                token.attrSet("id", f"{anchor}-{count}" if count else anchor)

    def _links(self, path, tokens):
        for token in tokens:
            for child in token.children or []:
                for attribute in ("href", "src"):
                    if attribute in child.attrs:
                        child.attrSet(attribute, self._link(path, child.attrs[attribute]))

    def _stars(self, path, tokens):
        """Bold text beside Chinese punctuation that Markdown does not take for bold."""
        for token in tokens:
            if token.type == "inline" and any("**" in child.content for child in token.children if child.type == "text"):
                self.found.append(f"{path}:{token.map[0] + 1}: ** is shown as it is")

    def _sections(self, path, tokens):
        """For the search: a section is [address, page, heading, text]."""
        lang, title = language(path), self.titles[path]
        section = None
        for i, token in enumerate(tokens):
            if token.type == "heading_open":
                section = [output_of(path) + "#" + token.attrs["id"], title, plain(tokens[i + 1].children), ""]
                self.index[lang].append(section)
            elif section is not None and token.type == "inline" and tokens[i - 1].type != "heading_open":
                section[3] += plain(token.children) + " "
            elif section is not None and token.type in ("fence", "code_block"):
                section[3] += token.content + " "

    def _write(self, target, lang, title, body, current, other):
        words = WORDS[lang]
        text = TEMPLATE.format(
            lang={"en": "en", "zh": "zh-CN"}[lang], short=lang, top=self._href(current, ".") + "/",
            home=self._href(current, "index.zh.html" if lang == "zh" else "index.html"),
            title=html.escape(title), nav=self._nav(current, lang), body=body,
            switch=self._href(current, output_of(other)), other_lang={"en": "zh-CN", "zh": "en"}[lang],
            **{name: words[name] for name in ("search", "other", "contents", "copy", "copied", "none")})
        there = self.out / target
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(text)

    def _page(self, path):
        tokens = self.tokens[path]
        self._anchors(tokens)
        self._stars(path, tokens)
        if path.startswith("doc/") or path.startswith("README"):
            self._sections(path, tokens)
        self._links(path, tokens)
        body = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
        # Wide tables scroll by themselves.
        body = body.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")
        self._write(output_of(path), language(path), self.titles[path], body, path, self._counterpart(path))

    # ---- files and folders ----

    def _file(self, path):
        there, target = self.root / path, self.shown[path]
        if there.suffix in COPIED:
            (self.out / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(there, self.out / target)
            return
        # As if it were a page of that name, for the links.
        current = target.removesuffix(".html") + ".md"
        if there.is_dir():
            names = sorted(one.name + ("/" if one.is_dir() else "") for one in there.iterdir() if one.name not in SKIP)
            body = "<ul>" + "".join(f"<li><code>{html.escape(name)}</code></li>" for name in names) + "</ul>"
        else:
            body = f"<pre><code>{html.escape(there.read_text(errors='replace')[:TEXT_MAX])}</code></pre>"
        self._write(target, "en", path, f"<h1><code>{html.escape(path)}</code></h1>\n{body}", current, "README.zh.md")

    # ---- all ----

    def build(self):
        if self.out.exists():
            shutil.rmtree(self.out)
        (self.out / "assets").mkdir(parents=True)
        for path in self.pages:
            tokens = self.tokens[path] = self._parse(path)
            heading = next((i for i, token in enumerate(tokens) if token.type == "heading_open"), None)
            self.titles[path] = plain(tokens[heading + 1].children) if heading is not None else path
        for path in self.pages:
            self._page(path)
        while self.waiting:
            self._file(self.waiting.pop())
        for name in ASSETS:
            shutil.copy(HERE / name, self.out / "assets" / name)
        for lang, sections in self.index.items():
            text = json.dumps(sections, ensure_ascii=False, separators=(",", ":"))
            (self.out / "assets" / f"index-{lang}.js").write_text(f"millraceSearch.load({text});\n")


# Our own HTML: attributes are in double quotes, and text has none.
ID = re.compile(r'<[^<>]* id="([^"]*)"')
TARGET = re.compile(r'<(\w+)(?: [^<>]*)? (?:href|src|data-index)="([^"]*)"')


def check(out):
    """Follows every link; returns what is wrong."""
    found, parsed = [], {}
    for path in sorted(pathlib.Path(out).rglob("*.html")):
        text = path.read_text()
        parsed[path.relative_to(out).as_posix()] = set(ID.findall(text)), TARGET.findall(text)
    for page, (_, targets) in parsed.items():
        for tag, target in targets:
            target = html.unescape(target)
            if re.match(r"[a-z]+:", target):
                if tag != "a" and not target.startswith("data:"):
                    found.append(f"{page}: <{tag}> loads {target}: the site needs no network")
                continue
            name, _, fragment = target.partition("#")
            there = posixpath.normpath(posixpath.join(posixpath.dirname(page), name)) if name else page
            if not (pathlib.Path(out) / there).is_file():
                found.append(f"{page}: links to {target}, which is not there")
            elif fragment and there in parsed and urllib.parse.unquote(fragment) not in parsed[there][0]:
                found.append(f"{page}: links to {target}: no such heading")
    return found


def main():
    out = pathlib.Path(sys.argv[1]).resolve()
    os.chdir(ROOT)
    site = Site(ROOT, out)
    site.build()
    found = site.found + check(out)
    print("\n".join(found), end="\n" if found else "")
    if not found:
        print(f"site: {len(site.pages)} pages in {sys.argv[1]}: open {sys.argv[1]}/index.html")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
