"""The gate that reads words: phrases that readers have had to read twice. Prints file:line: what.

It reads comments and strings of C, comments of scripts and configurations, pages without their
code. doc/style.md, "Words", says how to write. gate_words.txt lists the files that are not done
yet; take a file off the list when it is.
"""

import pathlib
import re
import sys

LIST = pathlib.Path("trunk/test/gate_words.txt")
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
    (r"(?:^|(?<=[.;:!] )|(?<=\* ))Who (?![^.]*\?)", 'a sentence does not begin with "Who": name the subject'),
    (r"\b[Tt]hose who\b", "name them: viewers, publishers, callers"),
    (r"\b[Ww]hoever\b", "name the subject"),
    (r"\bin vain\b", 'say "without success"'),
    (r"\b[Ww]hat plays\b", 'say "active streams"'),
]
PATTERNS = [(re.compile(pattern), advice) for pattern, advice in WORDS]

C_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', flags=re.S)
HASH_TEXT = re.compile(r"(?:(?<=\s)|^)#[^\n]*", flags=re.M)
PAGE_CODE = re.compile(r"^```.*?^```|`[^`\n]*`|^    [^\n]*|\]\([^)\n]*\)", flags=re.M | re.S)


def keep(text, pattern):
    """Only what matches; all else becomes blanks, so that lines stay where they are."""
    out, at = [], 0
    for match in pattern.finditer(text):
        out += [re.sub(r"[^\n]", " ", text[at:match.start()]), match.group(0)]
        at = match.end()
    return "".join(out) + re.sub(r"[^\n]", " ", text[at:])


def prose(path):
    text = path.read_text(errors="replace")
    if path.suffix in {".c", ".h", ".js", ".mjs"}:
        return keep(text, C_TEXT)
    if path.suffix == ".md":
        return PAGE_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)
    if path.suffix in {".sh", ".mk", ".conf", ".py"}:
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
    pending = set(LIST.read_text().split()) if LIST.is_file() else set()
    found = {str(path): list(findings(path)) for path in files()}
    if sys.argv[1:] == ["pending"]:
        print("\n".join(path for path, what in found.items() if what))
        return 0
    for path in sorted(pending):
        if pathlib.Path(path).is_file() and not found[path]:
            print(f"note: {path} is done: take it off {LIST}")
    bad = [line for path, lines in found.items() if path not in pending for line in lines]
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
