"""The file that the test and the faulty server share (fault.h), and the names of sites."""

import errno
import mmap
import re
import struct
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER = (HERE / "fault.h").read_text()


def constant(name):
    return int(re.search(rf"#define {name}\s+(0x[0-9a-f]+|\d+)", HEADER).group(1), 0)


CALLS = re.findall(r"^    ROW\((\w+)\)", HEADER, re.M)
FRAMES, HASHED, SITES = (constant(f"FAULT_{name}") for name in ("FRAMES", "HASHED", "SITES"))
SHORT = constant("FAULT_SHORT")
ANY_SITE = (1 << 64) - 1
FIELDS = ("magic", "recording", "site", "call", "effect", "skip", "count", "hits", "lost",
          "wall_shift", "monotonic_shift", "leak_wanted", "leak_checked", "leaks")
SIGNED = {"skip", "count", "wall_shift", "monotonic_shift"}
SITE = struct.Struct(f"<QQQ{FRAMES}Q")
START = 8 * len(FIELDS)


def effect_name(effect):
    return "short" if effect == SHORT else errno.errorcode[effect]


class Control:
    """Its fields are attributes; arm() sets several in an order that a running server may see."""

    def __init__(self, path):
        self.__dict__["path"] = Path(path)
        size = START + SITE.size * SITES
        self.path.write_bytes(struct.pack("<Q", constant("FAULT_MAGIC")) + bytes(size - 8))
        with open(self.path, "r+b") as file:
            self.__dict__["map"] = mmap.mmap(file.fileno(), size)

    def __getattr__(self, name):
        kind = "<q" if name in SIGNED else "<Q"
        return struct.unpack_from(kind, self.map, 8 * FIELDS.index(name))[0]

    def __setattr__(self, name, value):
        kind = "<q" if name in SIGNED else "<Q"
        struct.pack_into(kind, self.map, 8 * FIELDS.index(name), value)

    def arm(self, site, call, effect, skip=0, count=1):
        self.site = 0
        self.hits, self.skip, self.count = 0, skip, count
        self.call, self.effect = CALLS.index(call), effect
        self.site = site

    def disarm(self):
        """Returns how many calls have failed."""
        self.site = 0
        return self.hits

    def record(self, on):
        if on:
            self.map[START:] = bytes(SITE.size * SITES)
        self.recording = int(on)

    def sites(self):
        """What was recorded: (hash, call, count, frames)."""
        found = []
        for at in range(START, len(self.map), SITE.size):
            code, call, count, *frames = SITE.unpack_from(self.map, at)
            if code:
                found.append((code, CALLS[call], count, tuple(f for f in frames if f)))
        return found


class Symbols:
    """Names of the server's addresses: for each, the functions from the innermost inlined one to
    the outermost, each with its place in the source."""

    def __init__(self, program):
        self.program = program
        self.known = {}

    def learn(self, addresses):
        new = sorted({one for one in addresses} - self.known.keys())
        for start in range(0, len(new), 4000):
            part = new[start:start + 4000]
            # The address after the call: one less belongs to the call.
            text = "\n".join(f"{address - 1:#x}" for address in part)
            out = subprocess.run(["addr2line", "-a", "-f", "-i", "-e", self.program], input=text,
                                 capture_output=True, text=True, check=True).stdout
            blocks = re.split(r"^0x[0-9a-f]+\n", out, flags=re.M)[1:]
            for address, block in zip(part, blocks):
                lines = block.splitlines()
                self.known[address] = [(name, re.sub(r"^.*/(?=trunk/)", "", place))
                                       for name, place in zip(lines[::2], lines[1::2])]

    def trace(self, frames):
        self.learn(frames)
        return [f"{name} ({place})" for frame in frames for name, place in self.known[frame]]

    def names(self, frames):
        self.learn(frames)
        return [self.known[frame][0][0] for frame in frames]
