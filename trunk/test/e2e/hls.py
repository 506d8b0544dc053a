"""HLS for tests: a strict reader of playlists after RFC 8216, its successor's rules for parts, and
Apple's rules for live playlists, independent of the server's own code. Whatever is against them raises HlsError."""

import re
from datetime import datetime, timedelta
from urllib.parse import urljoin

from harness import curl

ONCE = {"EXTM3U", "EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE",
        "EXT-X-DISCONTINUITY-SEQUENCE", "EXT-X-ENDLIST", "EXT-X-SERVER-CONTROL",
        "EXT-X-PART-INF", "EXT-X-PRELOAD-HINT", "EXT-X-SKIP"}
PER_SEGMENT = {"EXTINF", "EXT-X-DISCONTINUITY", "EXT-X-PROGRAM-DATE-TIME"}
TYPE = "application/vnd.apple.mpegurl"


class HlsError(AssertionError):
    pass


def need(condition, what):
    if not condition:
        raise HlsError(what)


def lines_of(text):
    need(text.endswith("\n") and "\r" not in text, "lines do not end in LF")
    need(not text.startswith("\ufeff"), "a byte order mark")
    lines = text.splitlines()
    need(lines and lines[0] == "#EXTM3U", "the first line is not #EXTM3U")
    return lines


def number(text):
    need(re.fullmatch(r"\d{1,20}", text) is not None, f"{text!r} is no decimal integer")
    return int(text)


def attributes(text):
    found = re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)(?:,|$)', text)
    need(",".join(f"{name}={value}" for name, value in found) == text, f"{text!r} is no attribute list")
    need(len(dict(found)) == len(found), f"{text!r}: an attribute twice")
    return {name: value.strip('"') for name, value in found}


class Part:
    def __init__(self, text, url):
        values = attributes(text)
        need(set(values) <= {"DURATION", "URI", "INDEPENDENT"}, f"unknown attribute in {text}")
        self.seconds = float(values["DURATION"])
        self.uri = urljoin(url, values["URI"])
        self.is_independent = values.get("INDEPENDENT") == "YES"

    def key(self):
        return self.uri, self.seconds, self.is_independent


class Segment:
    def __init__(self, seconds, uri):
        self.seconds, self.uri = seconds, uri
        self.is_discontinuous = False
        self.date = None
        self.number = self.discontinuities = None
        self.parts = []

    def __repr__(self):
        return f"<segment {self.number}, {self.seconds} s>"

    def key(self):
        """What must never change."""
        return self.number, self.seconds, self.uri, self.discontinuities


class Media:
    """A media playlist."""

    def __init__(self, text, url=""):
        self.url, self.text = url, text
        self.segments = []
        self.parts = []  # of the segment that is not complete
        self.values = {}
        pending = {}
        for line in lines_of(text):
            if line.startswith("#EXT"):
                name, _, value = line[1:].partition(":")
                self._tag(name, value, pending)
            elif line.startswith("#") or not line:
                continue
            else:
                self._segment(line, pending)
                pending = {}
        need(set(pending) <= ({"EXT-X-DISCONTINUITY", "EXT-X-PROGRAM-DATE-TIME"} if self.parts else set()),
             f"tags without a segment: {pending}")
        self._check()
        self._check_parts()

    def _tag(self, name, value, pending):
        if name == "EXT-X-PART":
            need("EXTINF" not in pending, "a part after EXTINF")
            self.parts.append(Part(value, self.url))
            return
        need(name in ONCE or name in PER_SEGMENT, f"unknown tag {name}")
        need("EXT-X-PRELOAD-HINT" not in self.values or name == "EXT-X-ENDLIST", f"{name} after the hint")
        into = pending if name in PER_SEGMENT else self.values
        need(name not in into, f"{name} twice")
        if name in ("EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE"):
            need(not self.segments and not pending, f"{name} after a segment")
        into[name] = value

    def _segment(self, uri, tags):
        found = re.fullmatch(r"(\d+(?:\.\d+)?),.*", tags.get("EXTINF", ""))
        need(found is not None, f"no valid EXTINF before {uri}")
        need("://" not in uri and ":" not in uri.split("?")[0], f"{uri} is not relative")
        one = Segment(float(found[1]), urljoin(self.url, uri))
        one.is_discontinuous = "EXT-X-DISCONTINUITY" in tags
        if "EXT-X-PROGRAM-DATE-TIME" in tags:
            one.date = datetime.fromisoformat(tags["EXT-X-PROGRAM-DATE-TIME"].replace("Z", "+00:00"))
        one.parts, self.parts = self.parts, []
        self.segments.append(one)

    def _check(self):
        need("EXT-X-TARGETDURATION" in self.values, "no EXT-X-TARGETDURATION")
        self.target = number(self.values["EXT-X-TARGETDURATION"])
        self.version = number(self.values.get("EXT-X-VERSION", "1"))
        self.sequence = number(self.values.get("EXT-X-MEDIA-SEQUENCE", "0"))
        self.is_ended = "EXT-X-ENDLIST" in self.values
        if any(one.seconds != int(one.seconds) for one in self.segments):
            need(self.version >= 3, "decimal durations need version 3")
        discontinuities = number(self.values.get("EXT-X-DISCONTINUITY-SEQUENCE", "0"))
        date = None
        for i, one in enumerate(self.segments):
            discontinuities += one.is_discontinuous
            one.number, one.discontinuities = self.sequence + i, discontinuities
            need(one.seconds > 0, f"{one} has no duration")
            # Half a second is rounded up.
            need(int(one.seconds + 0.5) <= self.target, f"{one} is longer than {self.target} s")
            if one.date is not None and date is not None and not one.is_discontinuous:
                need(abs((one.date - date).total_seconds()) < 0.1, f"{one}: its date jumps")
            if one.date is not None:
                date = one.date
            if date is not None:
                date += timedelta(seconds=one.seconds)
        need(len({one.uri for one in self.segments}) == len(self.segments), "one address twice")

    def _check_parts(self):
        """Sections 4.4.3.7, 4.4.3.8, 4.4.4.9 and 4.4.5.3 of RFC 8216bis."""
        self.skipped = 0
        if "EXT-X-PART-INF" not in self.values:
            need(not self.parts and not any(one.parts for one in self.segments), "parts without a target")
            return
        control = attributes(self.values["EXT-X-SERVER-CONTROL"])
        self.part_target = float(attributes(self.values["EXT-X-PART-INF"])["PART-TARGET"])
        need(control["CAN-BLOCK-RELOAD"] == "YES", "parts without blocking reload")
        need(float(control["PART-HOLD-BACK"]) >= 3 * self.part_target - 1e-4, "PART-HOLD-BACK")
        need(float(control["CAN-SKIP-UNTIL"]) >= 6 * self.target, "CAN-SKIP-UNTIL")
        if "EXT-X-SKIP" in self.values:
            need(self.version >= 9, "EXT-X-SKIP needs version 9")
            self.skipped = number(attributes(self.values["EXT-X-SKIP"])["SKIPPED-SEGMENTS"])
            for one in self.segments:
                one.number += self.skipped
        for parts in [one.parts for one in self.segments] + [self.parts]:
            for part in parts:
                need(part.seconds <= self.part_target + 1e-4, f"a part of {part.seconds} s")
            for part in parts[:-1]:
                need(part.seconds >= 0.85 * self.part_target, f"a part of {part.seconds} s")
        for one in self.segments:
            seconds = sum(part.seconds for part in one.parts)
            need(not one.parts or abs(seconds - one.seconds) < 1e-3, f"parts of {seconds} s in {one}")
        hint = self.values.get("EXT-X-PRELOAD-HINT")
        need(self.is_ended != (hint is not None), "a hint, or the end")
        if hint is not None:
            need(attributes(hint)["TYPE"] == "PART", hint)
            self.hint = urljoin(self.url, attributes(hint)["URI"])
            need(self.hint not in {p.uri for one in self.segments for p in one.parts} |
                 {p.uri for p in self.parts}, "the hint is there already")

    @property
    def position(self):
        """The segment and the part that come next."""
        return self.sequence + self.skipped + len(self.segments), len(self.parts)

    @property
    def seconds(self):
        return sum(one.seconds for one in self.segments)

    def follows(self, earlier):
        """Checks that this may be a later version of the same playlist (section 6.2.1)."""
        need(self.target == earlier.target, f"the target duration changed from {earlier.target}")
        need(self.version == earlier.version, "the version changed")
        need(self.sequence >= earlier.sequence, "the media sequence number went back")
        before = {one.number: one for one in earlier.segments}
        for one in self.segments:
            if one.number in before:
                need(one.key() == before[one.number].key(), f"{one} changed")
        parts = {p.uri: p for one in earlier.segments for p in one.parts}
        parts.update({p.uri: p for p in earlier.parts})
        for part in [p for one in self.segments for p in one.parts] + self.parts:
            need(part.uri not in parts or part.key() == parts[part.uri].key(), f"{part.uri} changed")
        removed = self.sequence - earlier.sequence
        if removed and self.segments and not self.skipped:
            need(self.seconds >= 3 * self.target - 1e-3, f"only {self.seconds} s are left")
        if earlier.is_ended:
            need(self.text == earlier.text, "an ended playlist changed")
        need(self.position >= earlier.position, "segments or parts went from the end")


class Player:
    """A session: the first request, then the media playlist and segments over connections of their
    own, so that any worker may answer."""

    def __init__(self, url, *args):
        self.args = args
        answer = curl(url, *args, seconds=60)
        need(answer.status == 200, f"{url}: {answer.status} {answer.text}")
        need(answer.headers["content-type"] == TYPE, answer.headers["content-type"])
        need("no-store" in answer.headers["cache-control"], "a playlist may be stored")
        lines = lines_of(answer.text)
        need(len(lines) == 3 and lines[1].startswith("#EXT-X-STREAM-INF:"), answer.text)
        self.attributes = dict(re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', lines[1].partition(":")[2]))
        need(number(self.attributes["BANDWIDTH"]) > 0, "BANDWIDTH=0")
        self.url = urljoin(url, lines[2])
        self.session = re.search(r"hls_ctx=([a-z0-9]+)", self.url)[1]
        self.last = None

    def get(self, directives=""):
        """The media playlist; waits with the server for the first segment, and for what directives
        ask for."""
        answer = curl(self.url + directives, *self.args, seconds=60)
        need(answer.status == 200, f"{self.url}: {answer.status} {answer.text}")
        need(answer.headers["content-type"] == TYPE, answer.headers["content-type"])
        now = Media(answer.text, self.url)
        if self.last is not None:
            now.follows(self.last)
        self.last = now
        return now

    def next(self):
        """The playlist with the part that comes next; the server answers when it has it."""
        number, part = self.last.position
        now = self.get(f"&_HLS_msn={number}&_HLS_part={part}")
        need(now.is_ended or now.position > (number, part), f"no part {number}.{part}")
        return now

    def fetch(self, segment):
        """A segment or a part."""
        answer = curl(segment.uri, *self.args, seconds=60)
        need(answer.status == 200, f"{segment.uri}: {answer.status} {answer.text}")
        need(answer.headers["content-type"] == "video/mp2t", answer.headers["content-type"])
        return answer.body
