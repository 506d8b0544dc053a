#!/usr/bin/python3
"""Reads the documentation of the directives (server --doc) and writes it as the manual page
millrace.conf(5)."""

import re
import sys

HEAD = r""".TH MILLRACE.CONF 5 "" "Millrace" "Configuration"
.SH NAME
millrace.conf \- configuration of the Millrace live streaming server
.SH DESCRIPTION
.BR millrace (8)
reads one file.
"""
TAIL = r""".SH SEE ALSO
.BR millrace (8)
"""


def plain(text):
    """Markdown marks become fonts or go; what roff would read as a command does not."""
    text = text.replace("\\\\|", "|").replace("\\|", "|").replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\*\*([^*]*)\*\*", r"\\fB\1\\fR", text)
    text = re.sub(r"(?<!\*)\*([^* ][^*]*)\*", r"\\fI\1\\fR", text)
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text)
    return "\\&" + text if text[:1] in (".", "'") else text


def row(line):
    """One directive: its name and what it takes, then what it does and the facts."""
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    name, takes, default, environment, reload, doc = cells
    applied = "Applied by a reload." if reload == "yes" else "Applied at the start."
    return [".TP", f"{plain(name)} ({plain(takes)})", plain(doc),
            f"Default: {plain(default)}. Environment: {plain(environment)}. {applied}"]


def main():
    out, is_example = [], False
    for line in sys.stdin.read().splitlines()[1:]:
        if line.startswith("```"):
            is_example = not is_example
            out.append(".EX" if is_example else ".EE")
        elif is_example:
            out.append(plain(line))
        elif line.startswith("Generated from"):
            continue
        elif line.startswith("## "):
            out.append(".SH " + re.sub(r"\\fB|\\fR", "", plain(line[3:])).upper()
                       if "`" not in line else f'.SH "{line[3:].strip("`").replace(" … ", " ")}"')
        elif line.startswith("| `"):
            out += row(line)
        elif line.startswith("|"):
            continue
        elif line.startswith("- "):
            out += [".IP \\(bu 2", plain(line[2:])]
        elif line.strip():
            out.append(plain(line.strip()))
        else:
            out.append(".PP" if out and out[-1] != ".PP" else ".")
    print(HEAD + "\n".join(one for one in out if one != ".") + "\n" + TAIL, end="")


main()
