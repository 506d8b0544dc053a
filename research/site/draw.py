"""Draws doc/pictures/NAME.txt as NAME.svg (English) and NAME.zh.svg: draw.py [--check].

A line is a word, names, and texts in English and Chinese; "; " in a text begins a new line.
  box, soft, hot, ring NAME COLUMN ROW | ENGLISH | CHINESE    a box; dashed; filled; with rounded ends
  arrow, dash FROM TO [| ENGLISH | CHINESE]                   from one box to another
The colours follow the reader's preference for dark or light.
"""

import html
import pathlib
import sys
import unicodedata

PICTURES = pathlib.Path(__file__).resolve().parent.parent.parent / "doc" / "pictures"
CELL_W, CELL_H, BOX_W, BOX_H, MARGIN = 164, 84, 112, 48, 14
SIZE = 13
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
    fill: #16232a; text-anchor: middle; }
  .small { font-size: 11px; fill: #586a72; }
  rect { fill: #f5f8f8; stroke: #7d9098; }
  .soft { stroke-dasharray: 4 3; }
  .hot { fill: #c9efe3; stroke: #08795d; }
  .back { fill: #fff; stroke: none; }
  path { stroke: #08795d; stroke-width: 1.5; fill: none; }
  .dash { stroke-dasharray: 5 4; }
  .head { fill: #08795d; stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e3ebed; }
    .small { fill: #96a8af; }
    rect { fill: #17232a; stroke: #6c7f87; }
    .hot { fill: #124438; stroke: #3bcda7; }
    .back { fill: #0e161a; }
    path { stroke: #3bcda7; }
    .head { fill: #3bcda7; }
  }
"""


class Box:
    def __init__(self, kind, column, row, texts):
        self.kind, self.texts = kind, texts
        self.x = MARGIN + column * CELL_W + BOX_W / 2
        self.y = MARGIN + row * CELL_H + BOX_H / 2

    def edge(self, other):
        """Where a line from the middle of this box to that of the other leaves this box."""
        dx, dy = other.x - self.x, other.y - self.y
        scale = min(BOX_W / 2 / abs(dx) if dx else 9e9, BOX_H / 2 / abs(dy) if dy else 9e9)
        return self.x + dx * scale, self.y + dy * scale


def width_of(text, size):
    return sum(size if unicodedata.east_asian_width(c) in "WF" else size * 0.58 for c in text)


def parse(path):
    boxes, arrows = {}, []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        words, *texts = [part.strip() for part in line.split("|")]
        kind, *names = words.split()
        if kind in ("box", "soft", "hot", "ring") and len(names) == 3 and len(texts) == 2:
            boxes[names[0]] = Box(kind, int(names[1]), int(names[2]), texts)
        elif kind in ("arrow", "dash") and len(names) == 2 and set(names) <= set(boxes) and len(texts) in (0, 2):
            arrows.append((kind, boxes[names[0]], boxes[names[1]], texts))
        else:
            raise ValueError(f"{path}:{number}: {line}")
    return boxes, arrows


def box_svg(box, language):
    lines = box.texts[language].split("; ")
    radius = BOX_H / 2 if box.kind == "ring" else 6
    out = [f'<rect class="{box.kind}" x="{box.x - BOX_W / 2:g}" y="{box.y - BOX_H / 2:g}" width="{BOX_W}" '
           f'height="{BOX_H}" rx="{radius:g}"/>']
    for i, line in enumerate(lines):
        y = box.y + 4.5 + (i - (len(lines) - 1) / 2) * 16
        small = ' class="small"' if i > 0 else ""
        out.append(f'<text{small} x="{box.x:g}" y="{y:g}">{html.escape(line)}</text>')
    return out


def arrow_svg(kind, start, end):
    (x1, y1), (x2, y2) = start.edge(end), end.edge(start)
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    bx, by = x2 - ux * 9, y2 - uy * 9
    return [f'<path class="{kind}" d="M{x1:.1f} {y1:.1f}L{bx:.1f} {by:.1f}"/>',
            f'<path class="head" d="M{x2:.1f} {y2:.1f}L{bx - uy * 4:.1f} {by + ux * 4:.1f}L{bx + uy * 4:.1f} {by - ux * 4:.1f}z"/>']


def label_svg(start, end, text):
    """Above a level line, on any other."""
    (x1, y1), (x2, y2) = start.edge(end), end.edge(start)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    width = width_of(text, 11) + 6
    if y1 == y2:
        y -= 14 if width > abs(x2 - x1) else 11
    return [f'<rect class="back" x="{x - width / 2:.1f}" y="{y - 8:.1f}" width="{width:.1f}" height="15"/>' if y1 != y2 else "",
            f'<text class="small" x="{x:.1f}" y="{y + 4:.1f}">{html.escape(text)}</text>']


def draw(path, language):
    boxes, arrows = parse(path)
    width = max(box.x for box in boxes.values()) + BOX_W / 2 + MARGIN
    height = max(box.y for box in boxes.values()) + BOX_H / 2 + MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">',
           f"<style>{STYLE}</style>"]
    for kind, start, end, _ in arrows:
        out += arrow_svg(kind, start, end)
    for box in boxes.values():
        out += box_svg(box, language)
    for _, start, end, texts in arrows:
        if texts:
            out += label_svg(start, end, texts[language])
    return "\n".join(line for line in out if line) + "\n</svg>\n"


def drawings():
    """Each file and what is to be in it."""
    for path in sorted(PICTURES.glob("*.txt")):
        for language, suffix in enumerate((".svg", ".zh.svg")):
            yield path.with_suffix(suffix), draw(path, language)


def main():
    stale = 0
    for path, text in drawings():
        if path.is_file() and path.read_text() == text:
            continue
        if "--check" in sys.argv:
            print(f"{path.name} differs from its text: research/site/draw.py draws it")
            stale = 1
        else:
            path.write_text(text)
    return stale


if __name__ == "__main__":
    sys.exit(main())
