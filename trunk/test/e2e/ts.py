"""MPEG-TS for tests: a strict reader of ISO/IEC 13818-1, independent of the server's own code.

Everything that can be wrong with a packet raises TsError as it is read: sync, continuity,
CRC, table versions, PES lengths and headers, stuffing, clocks that step back. What is a matter of
time (how far tables and clocks are apart) is in check_times().
"""

import flv

PACKET = 188
PAT, PMT, VIDEO, AUDIO = 0, 0x1001, 0x100, 0x101
H264, HEVC, ADTS, MPEG1, MPEG2 = 0x1B, 0x24, 0x0F, 0x03, 0x04
WRAP = 1 << 33
MS = 90


class TsError(flv.FlvError):
    pass


def need(condition, what):
    if not condition:
        raise TsError(what)


def crc32(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def since(later, earlier):
    """The distance of two 33-bit times, negative when `later` comes first."""
    return (later - earlier + WRAP // 2) % WRAP - WRAP // 2


def read_time(data, prefix):
    need(data[0] >> 4 == prefix, f"PES time prefix {data[0] >> 4}, not {prefix}")
    need(data[0] & data[2] & data[4] & 1, "PES time without marker bits")
    return (data[0] >> 1 & 7) << 30 | data[1] << 22 | data[2] >> 1 << 15 | data[3] << 7 \
        | data[4] >> 1


class Pes:
    def __init__(self, pid, at, is_random_access):
        self.pid, self.at, self.is_random_access = pid, at, is_random_access
        self.raw = bytearray()
        self.pts = self.dts = None
        self.payload = b""
        self.announced = 0

    def __repr__(self):
        return f"<PES {self.pid:#x} pts {self.pts} dts {self.dts} {len(self.payload)} B>"

    def close(self):
        raw = self.raw
        need(len(raw) >= 9 and raw[:3] == b"\0\0\1", f"no PES start code on pid {self.pid:#x}")
        need(raw[3] == (0xE0 if self.pid == VIDEO else 0xC0), f"PES stream id {raw[3]:#x}")
        self.announced = raw[4] << 8 | raw[5]
        need(self.announced == 0 or self.announced == len(raw) - 6,
             f"PES length {self.announced}, but {len(raw) - 6} bytes")
        need(self.announced != 0 or (self.pid == VIDEO and len(raw) - 6 > 0xFFFF),
             "a PES without length that could have said it")
        need(raw[6] == 0x84, f"PES flags {raw[6]:#x}")
        flags = raw[7] >> 6
        need(raw[7] & 0x3F == 0 and flags in (2, 3), f"PES flags {raw[7]:#x}")
        need(raw[8] == (10 if flags == 3 else 5), f"PES header length {raw[8]}")
        self.pts = read_time(raw[9:14], flags)
        self.dts = read_time(raw[14:19], 1) if flags == 3 else self.pts
        need(flags == 2 or self.pts != self.dts, "a DTS that is the PTS")
        need(since(self.pts, self.dts) >= 0, "shown before it is decoded")
        self.payload = bytes(raw[9 + raw[8]:])
        need(self.payload, "an empty PES")

    @property
    def nal_units(self):
        """Of a video frame: the bytes between its start codes."""
        parts = self.payload.split(b"\0\0\1")
        need(parts[0] in (b"", b"\0"), "bytes before the first start code")
        return [part[:-1] if part.endswith(b"\0") else part for part in parts[1:]]

    def nal_types(self, codec=H264):
        return [n[0] & 31 if codec == H264 else n[0] >> 1 & 63 for n in self.nal_units]


class Program:
    def __init__(self, version, pcr_pid, streams, at):
        self.version, self.pcr_pid, self.streams, self.at = version, pcr_pid, streams, at

    def __eq__(self, other):
        return (self.pcr_pid, self.streams) == (other.pcr_pid, other.streams)


class Reader:
    """feed() it bytes; pes, programs (each table) and pcrs contain what was read. finish() is
    strict."""

    def __init__(self):
        self.rest = bytearray()
        self.packets = 0
        self.cc = {}
        self.pats, self.programs = [], []
        self.pes = []
        self.pcrs = []  # (packet number, pid, ticks, is_discontinuity)
        self.last_dts = {}
        self.open = {}
        self.order = []  # ("pat" | "pmt" | "pcr" | Pes, packet number)
        self.gaps = []   # packet numbers at which the server marks a gap

    def feed(self, data):
        self.rest += data
        whole = len(self.rest) // PACKET * PACKET
        for at in range(0, whole, PACKET):
            self._packet(bytes(self.rest[at:at + PACKET]))
        del self.rest[:whole]

    def close(self):
        """The end: open packets must be complete."""
        need(not self.rest, f"{len(self.rest)} bytes after the last packet")
        for pid in list(self.open):
            self._close_pes(pid)
        return self

    finish = close

    def _packet(self, p):
        number = self.packets
        self.packets += 1
        need(p[0] == 0x47, f"packet {number}: no sync byte")
        need(not p[1] & 0x80, f"packet {number}: transport error")
        pid = (p[1] & 0x1F) << 8 | p[2]
        need(pid in (PAT, PMT, VIDEO, AUDIO), f"packet {number}: pid {pid:#x}")
        is_start, has_field, has_payload = p[1] & 0x40, p[3] & 0x20, p[3] & 0x10
        need(p[3] & 0xC0 == 0, "scrambled")
        need(has_field or has_payload, "a packet of nothing")
        field = self._field(p, number, pid) if has_field else {}
        if field.get("gap"):
            need(not has_payload, "a gap in a packet with payload")
            for one in list(self.open):
                self._close_pes(one)
            self.gaps.append(number)
            self.cc[pid] = p[3] & 15
            return
        self._continuity(pid, p[3] & 15, has_payload, number)
        if not has_payload:
            need(not is_start, "a start without payload")
            return
        payload = p[4 + field.get("size", 0):]
        need(payload, f"packet {number}: an empty payload")
        if pid in (PAT, PMT):
            need(is_start and not has_field, "a table in more than one packet")
            self._table(pid, payload, number)
        else:
            self._stream(pid, payload, is_start, field, number)

    def _continuity(self, pid, counter, has_payload, number):
        last = self.cc.get(pid)
        if last is not None:
            expected = (last + 1) & 15 if has_payload else last
            need(counter == expected,
                 f"packet {number}: pid {pid:#x} continuity {counter}, not {expected}")
        if last is not None or has_payload:
            self.cc[pid] = counter

    def _field(self, p, number, pid):
        size = p[4]
        need(size <= 183 and (size == 183 or p[3] & 0x10), f"adaptation field of {size} bytes")
        field = {"size": size + 1}
        if size == 0:
            return field
        flags, at = p[5], 6
        need(flags & 0x2F == 0, f"adaptation flags {flags:#x}")
        field["random"] = bool(flags & 0x40)
        if flags & 0x10:
            base = p[at] << 25 | p[at + 1] << 17 | p[at + 2] << 9 | p[at + 3] << 1 | p[at + 4] >> 7
            need(p[at + 4] & 0x7F == 0x7E and p[at + 5] == 0, "PCR extension or reserved bits")
            self._pcr(number, pid, base, bool(flags & 0x80))
            at += 6
        else:
            field["gap"] = bool(flags & 0x80)
        need(set(p[at:5 + size]) <= {0xFF}, "stuffing that is not 0xff")
        return field

    def _pcr(self, number, pid, base, is_discontinuity):
        need(self.programs, "a clock before the tables")
        need(pid == self.programs[-1].pcr_pid, f"a clock on pid {pid:#x}")
        if self.pcrs and not is_discontinuity:
            is_discontinuity = any(n > self.pcrs[-1][0] for n in self.gaps)
            need(since(base, self.pcrs[-1][2]) > 0, f"packet {number}: the clock stands still "
                 f"or steps back: {self.pcrs[-1][2]}, {base}")
        self.pcrs.append((number, pid, base, is_discontinuity))
        self.order.append(("pcr", number))

    def _table(self, pid, payload, number):
        need(payload[0] == 0, "pointer_field")
        size = (payload[2] & 15) << 8 | payload[3]
        section, rest = payload[1:4 + size], payload[4 + size:]
        need(payload[2] & 0xF0 == 0xB0 and len(section) == size + 3, "section length")
        need(set(rest) <= {0xFF}, "stuffing behind a section")
        need(crc32(section) == 0, f"packet {number}: CRC")
        need(section[0] == (0 if pid == PAT else 2), "table id")
        need(section[3:5] == b"\0\1" and section[5] & 0xC1 == 0xC1 and section[6:8] == b"\0\0",
             "section header")
        version, body = section[5] >> 1 & 31, section[8:-4]
        if pid == PAT:
            need(body == bytes([0, 1, 0xE0 | PMT >> 8, PMT & 255]), "PAT entries")
            self.pats.append((number, version))
            self.order.append(("pat", number))
            return
        need(self.order and self.order[-1] == ("pat", number - 1), "a PMT without its PAT")
        self._pmt(body, version, number)

    def _pmt(self, body, version, number):
        need(body[0] & 0xE0 == 0xE0 and body[2:4] == b"\xF0\0", "PMT header")
        streams, at = {}, 4
        while at < len(body):
            need(body[at + 1] & 0xE0 == 0xE0 and body[at + 3] & 0xF0 == 0xF0, "PMT entry")
            size = (body[at + 3] & 15) << 8 | body[at + 4]
            streams[(body[at + 1] & 31) << 8 | body[at + 2]] = body[at]
            at += 5 + size
        need(at == len(body) and streams, "PMT entries")
        program = Program(version, (body[0] & 31) << 8 | body[1], streams, number)
        need(program.pcr_pid in streams, "a clock pid that is no stream")
        if self.programs:
            last = self.programs[-1]
            expected = last.version if program == last else (last.version + 1) & 31
            need(version == expected or any(n > last.at for n in self.gaps), f"PMT version {version}, not {expected}")
        self.programs.append(program)
        self.order.append(("pmt", number))

    def _stream(self, pid, payload, is_start, field, number):
        need(self.programs and pid in self.programs[-1].streams,
             f"packet {number}: pid {pid:#x} is not in the PMT")
        if is_start:
            self._close_pes(pid)
            need(not self.open, "PES packets of two streams interleaved")
            self.open[pid] = Pes(pid, number, field.get("random", False))
            self.order.append((self.open[pid], number))
        need(pid in self.open, f"packet {number}: the middle of a PES packet")
        one = self.open[pid]
        one.raw += payload
        announced = one.raw[4] << 8 | one.raw[5] if len(one.raw) >= 6 else 0
        if announced and len(one.raw) >= announced + 6:
            self._close_pes(pid)

    def _close_pes(self, pid):
        one = self.open.pop(pid, None)
        if one is None:
            return
        one.close()
        last = self.last_dts.get(pid)
        if last is not None and not self.jumped_after(one.at, last[1]):
            need(since(one.dts, last[0]) > 0, f"{one}: not after {last[0]}")
        self.last_dts[pid] = (one.dts, one.at)
        if self.pcrs:
            need(since(one.dts, self.pcrs[-1][2]) >= 0, f"{one} is late for its clock")
        self.pes.append(one)

    def jumped_after(self, number, earlier):
        return any(earlier < n <= number and jump for n, _, _, jump in self.pcrs)

    # ---- what was read ----

    @property
    def video(self):
        return [one for one in self.pes if one.pid == VIDEO]

    @property
    def audio(self):
        return [one for one in self.pes if one.pid == AUDIO]

    @property
    def streams(self):
        return self.programs[-1].streams if self.programs else {}

    def check_times(self, tables_ms=500, pcr_ms=100):
        """Checks that tables and clocks are close enough to each other, in the stream's own
        time."""
        for (_, _, a, _), (_, _, b, jump) in zip(self.pcrs, self.pcrs[1:]):
            need(jump or since(b, a) <= pcr_ms * MS, f"clocks {since(b, a) / MS} ms apart")
        clocks = {number: (base, jump) for number, _, base, jump in self.pcrs}
        delay = next(since(w.dts, clocks[n][0]) for w, n in self.order
                     if isinstance(w, Pes) and n in clocks)
        last = at = None
        for what, number in self.order:
            if what == "pmt":
                at = number
            elif at is not None and (what == "pcr" or isinstance(what, Pes) and what.payload):
                # Checks that tables come before the frames of their time.
                now = clocks[number][0] if what == "pcr" else (what.dts - delay) % WRAP
                jumped = number in clocks and clocks[number][1]
                need(last is None or jumped or since(now, last) <= tables_ms * MS,
                     f"tables {since(now, last or now) / MS} ms apart")
                last, at = now, None

    def check_video(self, codec=H264):
        """Checks that each video frame starts with one delimiter, and that keyframes follow tables and
        have one of each set."""
        delimiter = 9 if codec == H264 else 35
        sets = (7, 8) if codec == H264 else (32, 33, 34)
        keys = 0
        for index, (what, _) in enumerate(self.order):
            if not isinstance(what, Pes) or what.pid != VIDEO or not what.payload:
                continue
            types = what.nal_types(codec)
            need(types[0] == delimiter and types.count(delimiter) == 1, f"delimiters: {types}")
            is_key = 5 in types if codec == H264 else any(16 <= t <= 21 for t in types)
            need(is_key == what.is_random_access, "random_access_indicator")
            if not is_key:
                continue
            keys += 1
            for one in sets:
                need(types.count(one) == 1, f"parameter sets: {types}")
            before = [w for w, _ in self.order[max(0, index - 70):index]]
            while before and before[-1] == "pcr":
                before.pop()
            need(before[-2:] == ["pat", "pmt"], f"a keyframe behind {before[-2:]}")
        return keys


class Viewer(flv.Viewer):
    """An HTTP-TS viewer: flv.Viewer with this reader."""

    reader_class = Reader

    @property
    def tags(self):
        raise TypeError("these are packets")

    def wait_pes(self, count, timeout=15):
        return self.wait(lambda v: len(v.reader.pes) >= count, timeout, f"{count} PES packets")


def parse(data):
    reader = Reader()
    reader.feed(data)
    return reader.close()


def parse_live(data):
    """For a stream that was cut off anywhere: whole packets, without the last open PES."""
    reader = Reader()
    reader.feed(data[:len(data) // PACKET * PACKET])
    reader.open.clear()
    return reader


def adts_frames(data):
    """The frames of an ADTS stream, headers included; anything else is an error."""
    frames, at = [], 0
    while at < len(data):
        need(len(data) - at >= 7 and data[at] == 0xFF and data[at + 1] & 0xF6 == 0xF0,
             f"no ADTS header at {at}")
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        need(size >= 7 and at + size <= len(data), f"ADTS frame of {size} bytes at {at}")
        frames.append(data[at:at + size])
        at += size
    return frames


def whole_adts(data):
    """The same for a stream that was cut off: its last frame may be missing."""
    at = 0
    while at + 7 <= len(data):
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        if size < 7 or at + size > len(data):
            break
        at += size
    return adts_frames(data[:at])
