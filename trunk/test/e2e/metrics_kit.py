"""What the tests of /metrics share: a reader of Prometheus' text format that knows nothing of the
server, and the server with its exporter."""

import re
import subprocess

import harness
from harness import curl

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')
ESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


def unescape(text):
    return re.sub(r"\\.", lambda found: ESCAPED[found.group()], text)


class Metrics:
    """One scrape: types and helps by name, and all samples."""

    def __init__(self, text):
        self.text, self.types, self.helps, self.samples = text, {}, {}, []
        for line in text.splitlines():
            if line.startswith("# HELP "):
                _, _, name, words = line.split(" ", 3)
                self.helps[name] = words
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name not in self.types, f"{name} twice"
                self.types[name] = kind
            else:
                name, labels, value = SAMPLE.fullmatch(line).groups()
                found = LABEL.findall(labels or "")
                assert ",".join(f'{key}="{text}"' for key, text in found) == (labels or "")
                self.samples.append((name, {key: unescape(text) for key, text in found},
                                     float(value)))

    def all(self, name, **labels):
        """The values of the samples with this name and at least these labels."""
        return [value for have, have_labels, value in self.samples
                if have == name and labels.items() <= have_labels.items()]

    def sum(self, name, **labels):
        return sum(self.all(name, **labels))

    def one(self, name, **labels):
        [value] = self.all(name, **labels)
        return value

    def labels(self, name):
        return [labels for have, labels, _ in self.samples if have == name]

    def counters(self):
        """All that must never fall, by name and labels: counters, and the parts of histograms."""
        names = {name for name, kind in self.types.items() if kind == "counter"}
        for name, kind in self.types.items():
            if kind == "histogram":
                names |= {name + end for end in ("_bucket", "_sum", "_count")}
        return {(name, tuple(sorted(labels.items()))): value
                for name, labels, value in self.samples if name in names}


def check_never_falls(before, after):
    new = after.counters()
    for key, value in before.counters().items():
        assert key in new, f"{key} is gone"
        assert new[key] >= value, f"{key} fell from {value} to {new[key]}"


def promtool(metrics):
    """What `promtool check metrics` finds."""
    done = subprocess.run(["promtool", "check", "metrics"], input=metrics.text, text=True,
                          capture_output=True, timeout=60)
    return (done.returncode, done.stdout + done.stderr)


class Exporter:
    """A server with its exporter, and its API at a port of its own."""

    def __init__(self, server, exporter="", api="", top="", **parts):
        self.port, self.api_port = harness.free_port(), harness.free_port()
        self.srv = server(top=f"exporter {{ enabled on; listen {self.port}; {exporter} }}"
                              f"http_api {{ enabled on; listen {self.api_port}; {api} }} {top}",
                          **parts)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/metrics"

    def scrape(self):
        answer = curl(self.url)
        assert answer.status == 200, answer.text
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        return Metrics(answer.body.decode())

    def wait(self, condition, timeout=10, what="the metrics"):
        """The first scrape for which condition(metrics) is true."""
        def look():
            metrics = self.scrape()
            return metrics if condition(metrics) else None
        return harness.wait_for(look, timeout, what)
