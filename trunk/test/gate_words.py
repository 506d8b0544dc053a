"""The gate that reads words: phrases that readers have had to read twice. Prints file:line: what.

It reads comments and strings of C, comments and docstrings of scripts, comments of configurations,
and pages without their code. doc/style.md, "Words", says how to write.
"""

import pathlib
import re
import sys

OWN = {"trunk/test/gate_words.py", "trunk/test/gates-bite.sh"}
SKIP = {"node_modules", "objs", ".git", "corpus"}

# What stands behind something in space, or lags; as "after" it misleads.
PLACE = r"(?:(?:a|an|the|one|another|its|their|that|this) )?(?:\w+ )?(?:prox|NAT|firewall|load balancer|balancer|nginx)"
WORDS = [
    (r"(?<!lag )(?<!lags )(?<!far )(?<!fall )(?<!falls )(?<!left )(?<!ms )(?<!seconds )\bbehind\b(?!-)(?! " + PLACE + ")"
     r"(?! (?:live|HAProxy|Caddy|it\b))", 'say "after"'),
    (r"\bborne\b", 'say "carried"'),
    (r"\b[Ww]hom\b", "say who does what"),
    (r"\b(?:is|are|was|were) away\b", 'say "is unreachable" or "has disconnected"'),
    (r"\bby now\b", 'say "now" or "already"'),
    (r"\b(?:goes|go|went) on\b(?! (?:to|the|its)\b)", 'say "continues"'),
    (r"(?:^|(?<=[.;:!] )|(?<=\* )|(?<=\x22\x22))Who (?![^.]*\?)", 'a sentence does not begin with "Who": name the subject'),
    (r"\b[Tt]hose who\b", "name them: viewers, publishers, callers"),
    (r"\b[Ww]hoever\b", "name the subject"),
    (r"\bin vain\b", 'say "without success"'),
    (r"\b[Ww]hat plays\b", 'say "active streams"'),
    (r"\bpassed over\b", 'say "ignored"'),
    (r"\bsent on\b(?! (?:the|its|a)\b)", 'say "redirected"'),
    (r"\banew\b", 'say "again"'),
]
PATTERNS = [(re.compile(pattern), advice) for pattern, advice in WORDS]

C_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', flags=re.S)
HASH_TEXT = re.compile(r"(?:(?<=\s)|^)#[^\n]*", flags=re.M)
PYTHON_TEXT = re.compile(r'''("""|"|')(?:\\.|(?!\1).)*?\1|#[^\n]*''', flags=re.S)
PAGE_CODE = re.compile(r"^```.*?^```|`[^`\n]*`|^    [^\n]*|\]\([^)\n]*\)", flags=re.M | re.S)


def is_docstring(match):
    """A string that is a statement of its own: the line before it ends with a colon or is empty."""
    before = match.string[:match.start()].rstrip(" ")
    return match.group(1) == '"""' and (not before or before.endswith((":\n", "\n\n")))


def keep(text, pattern, wanted=lambda match: True):
    """Only what matches; all else becomes blanks, so that lines stay where they are."""
    out, at = [], 0
    for match in filter(wanted, pattern.finditer(text)):
        out += [re.sub(r"[^\n]", " ", text[at:match.start()]), match.group(0)]
        at = match.end()
    return "".join(out) + re.sub(r"[^\n]", " ", text[at:])


def prose(path):
    text = path.read_text(errors="replace")
    if path.suffix in {".c", ".h", ".js", ".mjs"}:
        return keep(text, C_TEXT)
    if path.suffix == ".md":
        return PAGE_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)
    if path.suffix == ".py":
        return keep(text, PYTHON_TEXT, lambda match: match.group(0)[0] == "#" or is_docstring(match))
    if path.suffix in {".sh", ".mk", ".conf"}:
        return keep(text, HASH_TEXT)
    return ""


def files():
    for path in sorted(pathlib.Path(".").rglob("*")):
        if path.is_file() and not SKIP.intersection(path.parts) and str(path) not in OWN:
            yield path


def findings(path):
    for number, line in enumerate(prose(path).splitlines(), 1):
        for pattern, advice in PATTERNS:
            for match in pattern.finditer(line.strip()):
                yield f'{path}:{number}: "{match.group(0).strip()}": {advice}'


def main():
    bad = [line for path in files() for line in findings(path)]
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
