"""HLS for tests: a strict reader of playlists after RFC 8216 and Apple's rules for live playlists,
independent of the server's own code. Whatever is against them raises HlsError."""

import re
from datetime import datetime, timedelta
from urllib.parse import urljoin

from harness import curl

ONCE = {"EXTM3U", "EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE",
        "EXT-X-DISCONTINUITY-SEQUENCE", "EXT-X-ENDLIST"}
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


class Segment:
    def __init__(self, seconds, uri):
        self.seconds, self.uri = seconds, uri
        self.is_discontinuous = False
        self.date = None
        self.number = self.discontinuities = None

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
        need(not pending, f"tags without a segment: {pending}")
        self._check()

    def _tag(self, name, value, pending):
        need(name in ONCE or name in PER_SEGMENT, f"unknown tag {name}")
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
        removed = self.sequence - earlier.sequence
        if removed and self.segments:
            need(self.seconds >= 3 * self.target - 1e-3, f"only {self.seconds} s are left")
        if earlier.is_ended:
            need(self.text == earlier.text, "an ended playlist changed")
        need(self.sequence + len(self.segments) >= earlier.sequence + len(earlier.segments),
             "segments went from the end")


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

    def get(self):
        """The media playlist; waits with the server for the first segment."""
        answer = curl(self.url, *self.args, seconds=60)
        need(answer.status == 200, f"{self.url}: {answer.status} {answer.text}")
        need(answer.headers["content-type"] == TYPE, answer.headers["content-type"])
        now = Media(answer.text, self.url)
        if self.last is not None:
            now.follows(self.last)
        self.last = now
        return now

    def fetch(self, segment):
        answer = curl(segment.uri, *self.args, seconds=60)
        need(answer.status == 200, f"{segment.uri}: {answer.status} {answer.text}")
        need(answer.headers["content-type"] == "video/mp2t", answer.headers["content-type"])
        return answer.body
