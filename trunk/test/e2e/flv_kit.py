"""What tests of HTTP-FLV share."""

import flv
from harness import run

FRAME_MS = 40


def flat(gops):
    return [tag for gop in gops for tag in gop]


def keys(tags):
    return [tag.key for tag in tags]


def ring_of(viewer):
    """What a viewer got after its preamble."""
    return flv.preamble_and_ring(list(viewer.tags))[1]


def check_preamble(viewer, has_audio=True, has_video=True):
    preamble, ring = flv.preamble_and_ring(list(viewer.tags))
    assert [t.time for t in preamble] == [0] * len(preamble)
    assert sum(t.is_script for t in preamble) <= 1
    assert sum(t.is_video for t in preamble) == has_video
    assert sum(t.is_audio for t in preamble) == has_audio
    video = [t for t in ring if t.is_video]
    if video:
        assert video[0].is_keyframe
    # An encoder's end of sequence may pass; headers and metadata belong in the preamble.
    inner = [t for t in ring if not t.is_media and not t.is_end_of_sequence]
    assert not inner, inner
    return preamble


def check_decodes(tags, tmp_path, name="got.flv"):
    path = tmp_path / name
    path.write_bytes(flv.file_bytes(tags))
    done = run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", path, "-f", "null", "-"],
               check=False)
    # The null muxer complains about frames with the same timestamp, as at the end of reordering.
    complaints = [line for line in done.stderr.splitlines() if not line.startswith("[null @")]
    assert done.returncode == 0 and not complaints, done.stderr
