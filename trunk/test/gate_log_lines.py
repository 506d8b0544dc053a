"""The gate of the log lines, and the generator of their pages. Prints file:line: what; exits 1 on any.

Every call in the source that logs a warning or an error has a row in doc/log-lines.txt: the line as it
is printed, what it means and what to do. A row without a call, a call without a row, or a page that
is not made of both fails. With the argument "write": writes doc/log-lines.md and doc/zh/log-lines.md.

In the table's lines a word in capitals stands for what is printed for a conversion, {words} for one
of several texts that it can be, and "@ FILE" at the end means the calls of that file only.
"""

import pathlib
import re
import sys

TABLE = pathlib.Path("doc/log-lines.txt")
PAGES = {"en": pathlib.Path("doc/log-lines.md"), "zh": pathlib.Path("doc/zh/log-lines.md")}
CALL = re.compile(r"\blog_(error|warn|err|sys|write|peer|peer_err)\(")
STRING = re.compile(r'"(?:\\.|[^"\\])*"')
CONVERSION = re.compile(r"%[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|z|j|t)?[a-zA-Z]")
SUFFIX = re.compile(r"(.*?)(?: @ (\S+\.c))?$")
HEADS = {"en": "| line | level | meaning | what to do | source |", "zh": "| 日志 | 级别 | 含义 | 怎么办 | 源文件 |"}

found = 0


def complain(path, line, what):
    global found
    found += 1
    print(f"{path}:{line}: {what}")


def arguments(text, at):
    """The arguments of a call, from after its parenthesis on."""
    out, start, depth = [], at, 1
    while depth:
        if text[at] == '"':
            at = STRING.match(text, at).end()
            continue
        if text[at] == "'":
            at += 4 if text[at + 1] == "\\" else 3
            continue
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0 or (depth == 1 and text[at] == ","):
            out.append(" ".join(text[start:at].split()))
            start = at + 1
        at += 1
    return out


def level_of(name, args, has_warnings):
    """The highest level of a call, or nothing for one that is never a warning."""
    if name in ("error", "warn"):
        return name
    for word, level in (("LOG_ERROR", "error"), ("LOG_WARN", "warn")):
        if word in args[1]:
            return level
    return "warn" if "LOG_" not in args[1] and has_warnings else None


def joined(text, constants):
    """What a C string of several parts is."""
    out = ""
    for part in re.finditer(STRING.pattern + r"|\w+", text):
        word = part.group(0)
        out += re.sub(r"\\(.)", r"\1", word[1:-1]) if word[0] == '"' else constants.get(word, word)
    return out


def calls():
    """(file, line, level, format) of each call."""
    texts = {path: re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group(0)), path.read_text(), flags=re.S)
             for path in sorted(pathlib.Path("trunk").rglob("*.[ch]")) if path.parts[1] not in ("test", "tools")}
    constants = dict(match for text in texts.values() for match in re.findall(r'#define (\w+) +"([^"\n]*)"', text))
    for path, text in texts.items():
        if path.suffix != ".c":
            continue
        for match in CALL.finditer(text):
            args = arguments(text, match.end())
            level = level_of(match.group(1), args, bool(re.search(r"return LOG_WARN|[=:?] LOG_WARN", text)))
            fmt = next((arg for arg in args[1:] if '"' in arg and ("%" in arg or match.group(1) in ("error", "warn", "sys"))), None)
            if match.group(1) in ("peer", "peer_err"):
                fmt = args[5 if match.group(1) == "peer_err" else 4]
            if level and fmt:
                yield str(path.relative_to("trunk")), text.count("\n", 0, match.start()) + 1, level, joined(fmt, constants)


class Row:
    def __init__(self, number):
        self.number, self.lines, self.text, self.files, self.levels = number, [], {}, {}, set()


def table():
    """[(names of the subject, its rows)]"""
    subjects, row = [], None
    for number, line in enumerate(TABLE.read_text().splitlines() if TABLE.is_file() else [], 1):
        word, _, rest = line.partition(" ")
        if word == "##":
            subjects.append((dict(zip(("en", "zh"), rest.split(" | "))), []))
            row = None
        elif word == "-":
            if row is None or row.text:
                row = Row(number)
                subjects[-1][1].append(row)
            row.lines.append(rest)
        elif word in PAGES:
            if rest.count(" | ") != 1:
                complain(TABLE, number, "not: meaning | what to do")
            row.text[word] = rest
        elif line and word != "#":
            complain(TABLE, number, "is neither a subject, a line, nor a text")
    for _, rows in subjects:
        for row in rows:
            if set(row.text) != set(PAGES):
                complain(TABLE, row.number, "is not explained in both languages")
    return subjects


def is_call_of(line, path, fmt):
    printed, file = SUFFIX.match(line).groups()
    if file and file != path:
        return False
    parts = [re.escape(part) for part in CONVERSION.split(fmt)]
    return re.fullmatch(r"(?:[A-Z][A-Z0-9_]*|\{[^}]*\})".join(parts).replace("%%", "%"), printed) is not None


def match(subjects):
    rows = [row for _, some in subjects for row in some]
    seen = set()
    for path, number, level, fmt in calls():
        mine = [(row, line) for row in rows for line in row.lines if is_call_of(line, path, fmt)]
        if not mine:
            complain(f"trunk/{path}", number, f'{TABLE} does not explain "{fmt}"')
        for row, line in mine:
            seen.add((row.number, line))
            row.files[path] = None
            row.levels.add(level)
    for row in rows:
        for line in row.lines:
            if (row.number, line) not in seen:
                complain(TABLE, row.number, f'no call logs "{line}"')


def page(subjects, language):
    head = (TABLE.parent / "log-lines.head.txt").read_text().split("\n----\n")[list(PAGES).index(language)]
    out = [head.strip()]
    for names, rows in subjects:
        out += ["", f"## {names[language]}", "", HEADS[language], "|---|---|---|---|---|"]
        for row in rows:
            lines = "<br>".join("`" + re.sub(r"[{}]", "", SUFFIX.match(line).group(1)) + "`" for line in row.lines)
            levels = ", ".join(level for level in ("error", "warn") if level in row.levels)
            files = "<br>".join(f"`{file}`" for file in row.files)
            out.append(f"| {lines} | {levels} | {row.text[language]} | {files} |")
    return "\n".join(out) + "\n"


def main():
    subjects = table()
    match(subjects)
    for language, path in PAGES.items() if subjects and not found else ():
        text = page(subjects, language)
        if sys.argv[1:] == ["write"]:
            path.write_text(text)
        elif not path.is_file() or path.read_text() != text:
            complain(path, 1, f"is not made of {TABLE}: {sys.argv[0]} write")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
