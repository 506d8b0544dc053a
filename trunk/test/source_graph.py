"""The functions of the C sources, their declarations, calls and references. For the gates.

Reads text, not objects, so that static and inlined functions count, whatever the compiler does with
them. It relies on the code style: clang-format, one declaration per statement, no function that
returns a function pointer. Macros with arguments count as functions.
"""

import pathlib
import re
import sys

sys.dont_write_bytecode = True

from gate_source import blank

KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "defined", "do", "else", "case", "goto",
            "typeof", "__typeof__", "_Alignof", "__builtin_expect", "offsetof", "_Static_assert"}
POINTER = re.compile(r"\(\s*\*\s*(\w+)\s*(?:\[\w*\])?\)\s*\(")
TOKEN = re.compile(r"[A-Za-z_]\w*|->|\.\.\.|[^\s\w]|\d\w*")


def closing(text, at):
    """The index after the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(text)):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            depth -= 1
            if depth == 0:
                return i + 1
    return len(text)


def split(text):
    """A list's members: split at the commas outside of brackets."""
    parts, depth, last = [], 0, 0
    for i, c in enumerate(text):
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(text[last:i])
            last = i + 1
    parts.append(text[last:])
    return [] if len(parts) == 1 and parts[0].strip() in ("", "void") else parts


class Pointer:
    """A pointer to a function: a member, a parameter, a type."""

    def __init__(self, name, parameters, marked):
        self.name, self.parameters, self.marked = name, split(parameters), marked


class Function:
    def __init__(self, name, path, line, static):
        self.name, self.path, self.line, self.static = name, path, line, static
        self.parameters, self.marked, self.body = [], False, None
        self.returns = True
        self.calls, self.refs = [], []  # (name, number of arguments, member?), (name, where)


def pointers(text):
    """The pointers to functions that a piece of text declares."""
    for match in POINTER.finditer(text):
        start = max(text.rfind(c, 0, match.start()) for c in ";{}(,")
        end = closing(text, match.end() - 1)
        yield Pointer(match.group(1), text[match.end():end - 1], "MAY_YIELD" in text[start + 1:match.start()])


def statements(text):
    """(start, head, body or None) of what stands outside of braces."""
    at = start = 0
    while at < len(text):
        c = text[at]
        if c == ";":
            yield start, text[start:at], None
            at = start = at + 1
        elif c == "{":
            end = closing(text, at)
            yield start, text[start:at], text[at:end]
            at = start = end
        elif c == "(":
            at = closing(text, at)
        else:
            at += 1


class Source:
    """One file: its functions by name, its pointers, what its tables name."""

    def __init__(self, path):
        self.path = path
        self.functions, self.pointers, self.types, self.tables = {}, [], {}, []
        self.structs_marked = []  # those that have a pointer that bears MAY_YIELD
        text = blank(path.read_text()).replace("\\\n", "  ")
        text = re.sub(r'"[^"\n]*"', lambda m: '"' + " " * (len(m.group(0)) - 2) + '"', text)
        self.macro_words = set(re.findall(r"\w+", " ".join(re.findall(r"^#\s*define\s+\w+(.*)$", text, re.M))))
        for match in re.finditer(r"^#\s*define\s+(\w+)\(([^)]*)\)(.*)$", text, re.M):
            function = Function(match.group(1), path, text.count("\n", 0, match.start()) + 1, True)
            function.parameters = split(match.group(2))
            self.define(function, match.group(3))
        text = re.sub(r"^#.*$", lambda m: " " * len(m.group(0)), text, flags=re.M)
        for start, head, body in statements(text):
            self.statement(text, start, head, body)

    def statement(self, text, start, head, body):
        plain = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)", "", head)
        if plain.lstrip().startswith("typedef"):
            for pointer in pointers(plain):
                self.types[pointer.name] = pointer
        elif re.search(r"=\s*$", plain) or ("=" in plain and body is None):
            line = text.count("\n", 0, start + len(head) - len(head.lstrip())) + 1
            self.tables.append((line, plain, calls(body or plain)[1]))
        elif re.search(r"\b(struct|union|enum)\s*\w*\s*$", plain):
            found = list(pointers(body or ""))
            self.pointers += found
            if any(p.marked for p in found):
                self.structs_marked.append(plain.split()[-1])
        elif match := re.search(r"(\w+)\s*\((?!\s*\*)", plain):
            line = text.count("\n", 0, start + len(head) - len(head.lstrip())) + 1
            name = match.group(1)
            if name in KEYWORDS:
                return
            function = self.functions.get(name) or Function(name, self.path, line, "static" in plain.split())
            function.marked |= "MAY_YIELD" in plain[:match.start()]
            function.returns &= "noreturn" not in head
            function.parameters = split(plain[match.end():closing(plain, match.end() - 1) - 1])
            self.functions[name] = function
            if body is not None:
                function.line = line
                self.define(function, body)

    def define(self, function, body):
        function.body = body
        function.calls, function.refs = calls(body)
        self.functions[function.name] = function


def calls(body):
    """What a body calls, and what else it names and where: ("member", name), ("argument", callee, index),
    ("excused",) for what NO_YIELD() calls, or None."""
    called, named, open_calls = [], [], []
    tokens = list(TOKEN.finditer(body))
    for i, token in enumerate(tokens):
        word = token.group(0)
        before = tokens[i - 1].group(0) if i else ""
        after = tokens[i + 1].group(0) if i + 1 < len(tokens) else ""
        if word in "([{":
            caller = before if word == "(" and re.match(r"[A-Za-z_]", before) and before not in KEYWORDS else None
            open_calls.append([caller, 0])
        elif word in ")]}":
            if open_calls:
                open_calls.pop()
        elif word == "," and open_calls:
            open_calls[-1][1] += 1
        elif re.match(r"[A-Za-z_]", word) and word not in KEYWORDS:
            member = before in ("->", ".")
            if after == "(" and open_calls and open_calls[-1][0] == "NO_YIELD":
                named.append((word, ("excused",)))
            elif after == "(":
                at = tokens[i + 1].start()
                called.append((word, len(split(body[at + 1:closing(body, at) - 1])), member))
            elif not member and (after != ":" or before not in (";", "{", "}")):  # a label
                where = None
                if before == "=" and i > 1:
                    where = ("member", tokens[i - 2].group(0))
                elif open_calls and open_calls[-1][0] is not None:
                    where = ("argument", *open_calls[-1])
                named.append((word, where))
    return called, named


class Graph:
    def __init__(self, tops=("trunk",), skip=("trunk/test",)):
        self.sources = [
            Source(path) for top in tops for path in sorted(pathlib.Path(top).rglob("*.[ch]"))
            if not any(path.as_posix().startswith(s + "/") for s in skip)]
        self.shared, self.types, self.members, self.structs_marked = {}, {}, [], []
        for source in self.sources:
            self.members += source.pointers
            self.structs_marked += source.structs_marked
            self.types.update(source.types)
            for function in source.functions.values():
                if function.static and source.path.suffix == ".c":
                    continue
                known = self.shared.setdefault(function.name, function)
                known.marked |= function.marked
                if known.body is None and function.body is not None:
                    function.marked |= known.marked
                    self.shared[function.name] = function

    def find(self, source, name):
        """The function that a name means within a source; None for what is not ours."""
        own = source.functions.get(name)
        return own if own is not None and own.static else self.shared.get(name)

    def bodies(self):
        for source in self.sources:
            for function in source.functions.values():
                if function.body is not None:
                    yield source, function
