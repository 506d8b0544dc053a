"""Counters of /metrics that must never fall, and the event loop's lag between two scrapes."""

STREAM_LABELS = ("vhost", "app", "stream")


def sums(metrics):
    """Counters by name and labels. Those of streams are added up: a stream's row may be given to
    another, and what it counted goes to the row "other"."""
    found = {}
    for (name, labels), value in metrics.counters().items():
        key = (name, tuple(one for one in labels if one[0] not in STREAM_LABELS))
        found[key] = found.get(key, 0.0) + value
    return found


def fallen(before, after):
    """Texts about counters of sums() that fell or are gone."""
    texts = []
    for key, value in before.items():
        if key not in after:
            texts.append(f"{key[0]} {dict(key[1])} is gone")
        elif after[key] < value - 1e-9 * abs(value):
            texts.append(f"{key[0]} {dict(key[1])} fell from {value} to {after[key]}")
    return texts


def lag(before, after):
    """Mean lag in ms of the samples between two sums(), and the share of those over 100 ms. None
    without samples."""
    name = "millrace_loop_lag_seconds"

    def grown(part, labels=()):
        return after.get((name + part, labels), 0.0) - before.get((name + part, labels), 0.0)

    count = grown("_count")
    if count <= 0:
        return None
    bounds = {key[1]: float(dict(key[1])["le"]) for key in after if key[0] == name + "_bucket"}
    inside = max((grown("_bucket", labels) for labels, le in bounds.items() if le <= 0.1), default=0.0)
    return 1000 * grown("_sum") / count, 1 - inside / count
