"""The gate that compares the English and the Chinese pages. Prints file:line: what; exits 1 on any.

doc/NAME.md is translated as doc/zh/NAME.md, README.md as README.zh.md, unless the lists below say
that a page is in one language only. A page and its translation have the same headings (levels,
order), the same blocks of code (lines without their comments, which may be translated; of a block of
```text only the number of lines), the same inline code, the same links (a Chinese page links to
Chinese pages), as many rows of tables and as many items of lists. Each links to the other at its top.

doc/zh/glossary.md is a table: English, Chinese, and in the third column words that the Chinese pages
do not use for it.
"""

import pathlib
import re
import sys

# Made from the source, for developers, or figures: not translated.
ENGLISH_ONLY = {
    "doc/benchmarks.md", "doc/configuration.md", "doc/files.md", "doc/style.md",
}
GLOSSARY = "doc/zh/glossary.md"
CHINESE_ONLY = {GLOSSARY}

FENCE = re.compile(r"^ *(`{3,}|~{3,})(.*)$")
HEADING = re.compile(r"^(#{1,6}) +(.*?)(?: +#+)?$")
ITEM = re.compile(r"^ *(?:[-*]|\d+\.) +\S")
CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", flags=re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)|<((?:https?|rtmps?|wss?)://[^>\s]+)>")
COMMENT = re.compile(r"(?:^|(?<=\s))(?:#|//|<!--).*$")

found = 0


def complain(path, line, what):
    global found
    found += 1
    print(f"{path}:{line}: {what}")


def slug(text):
    """The anchor of a heading, as GitHub and our site make it."""
    return re.sub(r"[^\w\- ]", "", text.lower().strip()).replace(" ", "-")


class Page:
    """A page in parts. A block of code is (line, kind, lines); a heading (line, level, anchor)."""

    def __init__(self, path):
        self.path = path
        self.headings, self.blocks, self.rows, self.items = [], [], 0, 0
        self.prose = []  # (line, text), without code blocks
        self._read(pathlib.Path(path).read_text().splitlines())
        text = "\n".join(line for _, line in self.prose)
        self.code = {" ".join(match.group(2).split()) for match in CODE.finditer(text)}
        bare = CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)
        self.links = [target or address for target, address in LINK.findall(bare)]
        self.words = bare.splitlines()

    def _read(self, lines):
        number, before = 0, ""
        while number < len(lines):
            line = lines[number]
            fence = FENCE.match(line)
            indented = line.startswith("    ") and not before.strip()
            if fence:
                end = number + 1
                while end < len(lines) and lines[end].strip() != fence.group(1):
                    end += 1
                self.blocks.append((number + 1, fence.group(2).strip(), lines[number + 1:end]))
                number, before = end + 1, ""
            elif indented:
                end = number
                while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                    end += 1
                block = "\n".join(lines[number:end]).rstrip().splitlines()
                self.blocks.append((number + 1, "", block))
                number, before = number + len(block), block[-1]
            else:
                self._line(number + 1, line)
                number, before = number + 1, line

    def _line(self, number, line):
        heading = HEADING.match(line)
        if heading:
            anchor, known = slug(heading.group(2)), [a for _, _, a in self.headings]
            again = sum(1 for a in known if a == anchor or re.fullmatch(re.escape(anchor) + r"-\d+", a))
            self.headings.append((number, len(heading.group(1)), f"{anchor}-{again}" if again else anchor))
        self.rows += line.startswith("|")
        self.items += bool(ITEM.match(line))
        self.prose.append((number, line))


def without_comments(lines):
    return [COMMENT.sub("", line).rstrip() for line in lines]


def translation(path):
    return "README.zh.md" if path == "README.md" else "doc/zh/" + path.removeprefix("doc/")


def original(path):
    return "README.md" if path == "README.zh.md" else "doc/" + path.removeprefix("doc/zh/")


def resolved(page, target):
    """The path of a link from the top of the tree, and its fragment; (None, target) elsewhere."""
    if "://" in target or target.startswith("mailto:"):
        return None, target
    name, _, fragment = target.partition("#")
    parts = []
    for part in (pathlib.PurePath(page).parent / name).parts if name else pathlib.PurePath(page).parts:
        parts = parts[:-1] if part == ".." else parts + [part]
    return "/".join(parts), fragment


class Pair:
    def __init__(self, pages, english):
        self.pages = pages
        self.english, self.chinese = pages[english], pages[translation(english)]

    def compare(self):
        self._structure()
        self._blocks()
        self._sets("inline code", self.english.code, self.chinese.code)
        self._sets("link", self._targets(self.english), self._targets(self.chinese))

    def _complain(self, line, what):
        complain(self.chinese.path, line, f"{what} ({self.english.path})")

    def _structure(self):
        english, chinese = self.english.headings, self.chinese.headings
        for (_, level, anchor), (line, other, _) in zip(english, chinese):
            if level != other:
                self._complain(line, f'a heading of level {other}, where "{anchor}" has level {level}')
                return
        for what, ours, theirs in (("headings", len(english), len(chinese)),
                                   ("rows of tables", self.english.rows, self.chinese.rows),
                                   ("items of lists", self.english.items, self.chinese.items),
                                   ("blocks of code", len(self.english.blocks), len(self.chinese.blocks))):
            if ours != theirs:
                self._complain(1, f"{theirs} {what} instead of {ours}")

    def _blocks(self):
        for (_, kind, ours), (line, other, theirs) in zip(self.english.blocks, self.chinese.blocks):
            if kind != other:
                self._complain(line, f'a block of "{other}" instead of "{kind}"')
            elif kind == "text" and len(ours) == len(theirs):
                continue
            elif without_comments(ours) != without_comments(theirs):
                self._complain(line, "another block of code")

    def _sets(self, what, ours, theirs):
        for one in sorted(ours - theirs):
            self._complain(1, f"{what} {one} is missing")
        for one in sorted(theirs - ours):
            self._complain(1, f"{what} {one} is not in the English page")

    def _targets(self, page):
        """What a page links to, in terms of the English pages; a fragment is a heading's number."""
        targets = set()
        for link in page.links:
            path, fragment = resolved(page.path, link)
            if path in (self.english.path, self.chinese.path) and path != page.path:
                continue  # the other language
            if path in CHINESE_ONLY:
                continue
            if path is None:
                targets.add(link)
                continue
            if page is self.chinese:
                path = re.sub(r"\.zh\.svg$", ".svg", path)  # a picture with Chinese words
            number = self._heading(page, path, fragment)
            if page is self.chinese:
                if path in self.pages and translation(path) in self.pages:
                    self._complain(1, f"links to {path}, which is there in Chinese")
                path = original(path) if path in self.pages and translation(original(path)) == path else path
            targets.add(f"{path}{number}")
        return targets

    def _heading(self, page, path, fragment):
        if not fragment or path not in self.pages:
            return f"#{fragment}" if fragment else ""
        anchors = [anchor for _, _, anchor in self.pages[path].headings]
        if fragment not in anchors:
            complain(page.path, 1, f"links to {path}#{fragment}: no such heading")
            return ""
        return f" (heading {anchors.index(fragment) + 1})"

    def tops(self):
        for page, other in ((self.english, self.chinese), (self.chinese, self.english)):
            first = LINK.findall("\n".join(line for _, line in page.prose[:4]))
            if other.path not in [resolved(page.path, target or address)[0] for target, address in first]:
                complain(page.path, 1, f"does not link to {other.path} at its top")


def glossary(pages):
    """The words that the Chinese pages do not use, each with the one that they use."""
    if GLOSSARY not in pages:
        return {}
    words = {}
    for _, line in pages[GLOSSARY].prose:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and not re.fullmatch(r"-*", cells[2]):
            words.update({word.strip(): cells[1] for word in re.split("[、，,]", cells[2])})
    return {word: use for word, use in words.items() if word and use != "中文"}


def check_words(pages):
    words = glossary(pages)
    for path, page in pages.items():
        if not (path.startswith("doc/zh/") or path == "README.zh.md") or path == GLOSSARY:
            continue
        for (number, _), line in zip(page.prose, page.words):
            for word, use in words.items():
                if word in line:
                    complain(path, number, f"{word}: {GLOSSARY} says {use}")


def main():
    paths = [str(path) for top in ("doc", "doc/zh") for path in sorted(pathlib.Path(top).glob("*.md"))]
    paths += [name for name in ("README.md", "README.zh.md") if pathlib.Path(name).is_file()]
    pages = {path: Page(path) for path in paths}
    for path in paths:
        chinese = path == "README.zh.md" or path.startswith("doc/zh/")
        if chinese:
            if path not in CHINESE_ONLY and original(path) not in pages:
                complain(path, 1, f"{original(path)} is not there")
        elif path in ENGLISH_ONLY:
            if translation(path) in pages:
                complain(path, 1, "is translated, and on the list of pages that are not")
        elif translation(path) not in pages:
            complain(path, 1, f"has no {translation(path)}")
        else:
            pair = Pair(pages, path)
            pair.compare()
            pair.tops()
    check_words(pages)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
