"""Makes messages of enhanced RTMP ("Enhanced RTMP v2") for tests: every packet type, any FourCC,
ModEx chains and multitrack, and the legacy HEVC id 12. And takes elementary streams of ffmpeg's
apart, so that real HEVC goes through a road that ffmpeg 5.1 itself cannot write.

The bodies of made frames are random bytes from a fixed seed: what comes out is compared byte by
byte, never decoded. Real ones are decoded.
"""

import random
import struct

import flv

KEY, INTER = 1, 2
START, FRAMES, END, FRAMES_X, METADATA, TS_START, MULTI, MOD_EX = range(8)
AUDIO_MULTI = 5
ONE, MANY, MANY_CODECS = range(3)
# These have a composition time in CodedFrames.
TIMED = (b"avc1", b"hvc1", b"vvc1")


def cts_bytes(fourcc, packet, cts):
    return (cts & 0xFFFFFF).to_bytes(3, "big") if packet == FRAMES and fourcc in TIMED else b""


def mod_ex(chain, packet):
    """(first packet type, bytes): a chain of ModEx of these data (each with its type) before packet."""
    out = b""
    types = [kind for kind, _ in chain]
    for at, (kind, data) in enumerate(chain):
        size = len(data) - 1
        out += bytes([size]) if size < 255 else b"\xff" + struct.pack(">H", size)
        out += data + bytes([kind << 4 | (MOD_EX if at + 1 < len(types) else packet)])
    return (MOD_EX if chain else packet), out


def video(fourcc, packet, body=b"", *, frame=INTER, cts=0, chain=()):
    first, extra = mod_ex(chain, packet)
    return bytes([0x80 | frame << 4 | first]) + extra + fourcc + cts_bytes(fourcc, packet, cts) + body


def audio(fourcc, packet, body=b"", *, chain=()):
    first, extra = mod_ex(chain, packet)
    return bytes([0x90 | first]) + extra + fourcc + body


def tracks_bytes(kind, packet, tracks, is_video):
    """tracks: (id, fourcc, body, cts) each."""
    out = bytes([kind << 4 | packet])
    if kind != MANY_CODECS:
        out += tracks[0][1]
    for ident, fourcc, body, cts in tracks:
        data = (cts_bytes(fourcc, packet, cts) if is_video else b"") + body
        out += (fourcc if kind == MANY_CODECS else b"") + bytes([ident])
        out += (len(data).to_bytes(3, "big") if kind != ONE else b"") + data
    return out


def multi_video(kind, packet, tracks, *, frame=INTER, chain=()):
    first, extra = mod_ex(chain, MULTI)
    return bytes([0x80 | frame << 4 | first]) + extra + tracks_bytes(kind, packet, tracks, True)


def multi_audio(kind, packet, tracks, *, chain=()):
    first, extra = mod_ex(chain, AUDIO_MULTI)
    return bytes([0x90 | first]) + extra + tracks_bytes(kind, packet, tracks, False)


def legacy_hevc(packet, body, *, frame=INTER, cts=0):
    return bytes([frame << 4 | 12, packet]) + (cts & 0xFFFFFF).to_bytes(3, "big") + body


class Maker:
    """The tags of a stream: a fixed seed, 25 video frames per second, a keyframe every ten, audio every
    20 ms."""

    def __init__(self, seed=1):
        self.random = random.Random(seed)

    def bytes(self, size=None):
        return self.random.randbytes(size or self.random.randrange(20, 3000))

    def stream(self, video=None, audio=None, *, frames=60, starts=()):
        """video(n, is_key) and audio(n) give message bodies (or lists of them) or None."""
        tags = [flv.Tag(kind, 0, body) for kind, body in starts]
        for ms in range(0, frames * 40, 20):
            for kind, bodies in ((flv.VIDEO, video and ms % 40 == 0
                                  and video(ms // 40, ms // 40 % 10 == 0)),
                                 (flv.AUDIO, audio and audio(ms // 20))):
                for body in bodies if isinstance(bodies, list) else [bodies] if bodies else []:
                    tags.append(flv.Tag(kind, ms, body))
        return tags


# ---- HEVC from ffmpeg's files

def annexb_units(data):
    """The NAL units of a byte stream (H.265, annex B)."""
    units, at = [], data.find(b"\0\0\1")
    while at >= 0:
        end = data.find(b"\0\0\1", at + 3)
        unit = data[at + 3:end if end >= 0 else len(data)]
        units.append(unit.rstrip(b"\0") if end >= 0 else unit)
        at = end
    return units


def hevc_kind(unit):
    return unit[0] >> 1 & 63


def hevc_frames(units):
    """(is_key, [units]) per video frame: a new one begins where first_slice_segment_in_pic_flag is set."""
    frames, front = [], []
    for unit in units:
        kind = hevc_kind(unit)
        if kind >= 32:
            if kind in (39,):
                front.append(unit)
            continue
        if unit[2] & 0x80 or not frames:
            frames.append((16 <= kind <= 21, front + [unit]))
            front = []
        else:
            frames[-1][1].append(unit)
    return frames


def hvcc(units):
    """HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1) of the parameter sets."""
    sets = {kind: [u for u in units if hevc_kind(u) == kind] for kind in (32, 33, 34)}
    sps = bytearray()
    zeros = 0
    for byte in sets[33][0]:  # without the emulation prevention bytes
        if zeros >= 2 and byte == 3:
            zeros = 0
            continue
        zeros = zeros + 1 if byte == 0 else 0
        sps.append(byte)
    out = bytes([1]) + bytes(sps[3:15]) + b"\xf0\0\xfc\xfd\xf8\xf8\0\0\x0f" + bytes([3])
    for kind, found in sets.items():
        found = found[:1]
        out += bytes([0x80 | kind]) + struct.pack(">H", len(found))
        out += b"".join(struct.pack(">H", len(u)) + u for u in found)
    return out


def avcc(units):
    return b"".join(struct.pack(">I", len(u)) + u for u in units)
