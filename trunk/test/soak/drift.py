"""Does a figure drift? A line through its samples, with the error of its slope.

Samples that follow each other are not independent: what a server holds depends on its clients, and
these change over many samples. Therefore the samples are averaged in blocks, the line is fitted
through the averages, and its error grows with what correlation is left between neighbours. Known
loads (how many viewers, how many streams) are fitted together with it, so that a busy end of the run is no drift.
"""

import math

BLOCKS = 30        # averages that a line goes through
BLOCKS_MIN = 8     # fewer in a half say nothing
SIGMAS = 3         # a slope is believed when it is this many of its errors away from zero
EXCLUDES = 2       # a slope that is this many errors greater is excluded
OK, DRIFT, UNSURE = "ok", "DRIFT", "unsure"


class Fit:
    """A line: slope and error per unit of time, and where it begins and ends."""

    def __init__(self, slope, error, first, last):
        self.slope, self.error, self.first, self.last = slope, error, first, last
        self.halves = slope, slope   # of the two halves alone

    def verdict(self, bound):
        """DRIFT: the slope is over the bound, no accident, and both halves rise: one step is no
        drift. UNSURE: only some of that, or a slope over the bound cannot be excluded; a longer
        run can tell."""
        if self.slope > bound and self.slope > SIGMAS * self.error:
            return DRIFT if min(self.halves) > bound / 2 else UNSURE
        return UNSURE if self.slope + EXCLUDES * self.error > bound else OK


def averages(rows, count, is_floor):
    """The rows (time, value, loads) in count groups of equal size, each averaged; is_floor: the
    least of its values instead."""
    groups = [rows[len(rows) * i // count:len(rows) * (i + 1) // count] for i in range(count)]
    found = [[sum(column) / len(group) for column in zip(*group)] for group in groups if group]
    if is_floor:
        for row, group in zip(found, groups):
            row[1] = min(value for _, value, *_ in group)
    return found


def inverse(matrix):
    """By Gauss and Jordan; None if there is none."""
    size = len(matrix)
    rows = [list(row) + [float(i == j) for j in range(size)] for i, row in enumerate(matrix)]
    for at in range(size):
        pivot = max(range(at, size), key=lambda i: abs(rows[i][at]))
        if abs(rows[pivot][at]) < 1e-9:
            return None
        rows[at], rows[pivot] = rows[pivot], rows[at]
        rows[at] = [value / rows[at][at] for value in rows[at]]
        for i in range(size):
            if i != at:
                factor = rows[i][at]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[at])]
    return [row[size:] for row in rows]


def spread(values):
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def least_squares(columns, values):
    """Coefficients of the columns and the residuals; the inverse of the normal matrix, for the
    errors. None if the columns depend on each other."""
    normal = [[sum(a * b for a, b in zip(one, two)) for two in columns] for one in columns]
    inverted = inverse(normal)
    if inverted is None:
        return None
    right = [sum(a * y for a, y in zip(column, values)) for column in columns]
    found = [sum(a * b for a, b in zip(row, right)) for row in inverted]
    rest = [y - sum(c * column[i] for c, column in zip(found, columns))
            for i, y in enumerate(values)]
    return found, rest, inverted


def correlation(rest):
    """Between neighbours, 0 to 0.9: what is negative would only make the error smaller."""
    total = sum(r * r for r in rest)
    if total <= 0:
        return 0.0
    return min(max(sum(a * b for a, b in zip(rest, rest[1:])) / total, 0.0), 0.9)


def fit(times, values, loads=(), is_floor=False):
    """A Fit of values over times; loads are further series, as long as these, that explain
    values. is_floor: of what the values do not fall below, which is where a leak shows first. None
    if there are too few samples."""
    rows = averages(list(zip(times, values, *loads)), min(BLOCKS, len(times)), is_floor)
    if len(rows) < 2 * BLOCKS_MIN:
        return None
    whole = line(rows)
    whole.halves = line(rows[:len(rows) // 2]).slope, line(rows[len(rows) // 2:]).slope
    return whole


def line(rows):
    """The Fit through these rows."""
    when, what, *others = (list(column) for column in zip(*rows))
    middle, width = spread(when)
    columns = [[1.0] * len(rows), [(t - middle) / width for t in when]]
    for load in others:
        mean, scale = spread(load)
        if scale > 1e-9 * (1 + abs(mean)):
            columns.append([(value - mean) / scale for value in load])
    solved = None
    while solved is None:
        solved = least_squares(columns, what)
        if solved is None:
            columns.pop()   # it says what the others say
    found, rest, inverted = solved
    freedom = max(len(rows) - len(columns), 1)
    variance = sum(r * r for r in rest) / freedom * inverted[1][1]
    r = correlation(rest)
    error = math.sqrt(variance * (1 + r) / (1 - r)) / width
    slope = found[1] / width
    return Fit(slope, error, found[0] + slope * (when[0] - middle),
               found[0] + slope * (when[-1] - middle))
