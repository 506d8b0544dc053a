"""The picture of a run: panels of lines over time, as SVG."""

from xml.sax.saxutils import escape

WIDTH, PANEL, MARGIN, LEFT, RIGHT = 1000, 150, 40, 70, 190
COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f"]
POINTS = 600         # of a line; more are averaged


def thin(points):
    step = -(-len(points) // POINTS)
    if step <= 1:
        return points
    groups = [points[at:at + step] for at in range(0, len(points), step)]
    return [tuple(sum(column) / len(group) for column in zip(*group)) for group in groups]


def lines_of(samples):
    """Panels: title, and the lines (name: points)."""
    memory, total, descriptors, lag, load = {}, {}, {}, {}, {}
    for server, rows in samples.rows.items():
        for row in rows:
            t = row["t"]
            for one in row["processes"].values():
                if server == "steady" or one["role"] == "master":
                    memory.setdefault(f"{server} {one['role']}", []).append((t, one["Pss"] / 1024))
            processes = row["processes"].values()
            total.setdefault(server, []).append((t, sum(one["Pss"] for one in processes) / 1024))
            descriptors.setdefault(f"{server}, all", []).append(
                (t, sum(one["fds"] for one in processes)))
            descriptors.setdefault(f"{server}, no connection", []).append(
                (t, sum(one["fds"] for one in processes) - row["connections"]))
            if row["lag"]:
                lag.setdefault(server, []).append((t, row["lag"][0]))
            load.setdefault(f"{server}: viewers", []).append((t, row["viewers"]))
            load.setdefault(f"{server}: processes", []).append((t, len(processes)))
    return [("PSS of a process, MiB", memory), ("PSS of all processes, MiB", total),
            ("descriptors", descriptors), ("event-loop lag, mean, ms", lag), ("load", load)]


def panel(top, title, lines, seconds, events):
    most = max((value for points in lines.values() for _, value in points), default=1) * 1.05 or 1
    width, height = WIDTH - LEFT - RIGHT, PANEL - MARGIN

    def place(t, value):
        return f"{LEFT + width * t / seconds:.1f},{top + height * (1 - value / most):.1f}"

    out = [f'<text x="{LEFT}" y="{top - 6}" font-weight="bold">{escape(title)}</text>',
           f'<rect x="{LEFT}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#999"/>']
    for event in events:
        x = LEFT + width * event["t"] / seconds
        colour = {"reload": "#ddd", "upgrade": "#9ad", "kill": "#e99"}[event["event"]]
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + height}" stroke="{colour}"/>')
    for part in (0, 0.5, 1):
        y = top + height * (1 - part)
        out.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{most * part:.3g}</text>')
        x = LEFT + width * part
        out.append(f'<text x="{x:.1f}" y="{top + height + 14}" text-anchor="middle">'
                   f'{seconds * part / 60:.0f} min</text>')
    for number, (name, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(place(t, value) for t, value in thin(points))
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.2"/>')
        out.append(f'<text x="{WIDTH - RIGHT + 8}" y="{top + 12 + 14 * number}" fill="{colour}">'
                   f'{escape(name)}</text>')
    return out


def draw(samples):
    """The text of the SVG file."""
    panels = lines_of(samples)
    seconds = max(samples.seconds(), 1)
    height = PANEL * len(panels) + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
           'font-family="sans-serif" font-size="11">',
           f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
           f'<text x="{LEFT}" y="16">Lines across: reloads (grey), upgrades (blue), killed workers '
           '(red)</text>']
    for number, (title, lines) in enumerate(panels):
        out += panel(MARGIN + PANEL * number, title, lines, seconds, samples.events)
    return "\n".join([*out, "</svg>"]) + "\n"
