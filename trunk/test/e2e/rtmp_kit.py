"""Messages and checks that the tests of the RTMP conversation share, with rtmp_client.Client."""

import os
import struct

import rtmp_client as rc


def key(fill=b"k", size=20):
    """An H.264 keyframe that is never decoded."""
    return b"\x17\x01\0\0\0" + struct.pack(">I", size + 1) + b"\x65" + fill * size


def inter(fill=b"i", size=20):
    return b"\x27\x01\0\0\0" + struct.pack(">I", size + 1) + b"\x41" + fill * size


def audio_frame(fill=b"a", size=20):
    return b"\xaf\x01" + fill * size


def start_of_stream(client, headers, time_ms=0):
    """Sequence headers and a keyframe: a player can start here."""
    client.message(rc.VIDEO, time_ms, headers[0], csid=6)
    client.message(rc.AUDIO, time_ms, headers[1], csid=4)
    client.message(rc.VIDEO, time_ms, key(), csid=6)


def synced(client):
    """Waits until the server has processed everything that was sent before."""
    stamp = os.urandom(4)
    client.message(rc.USER, 0, b"\0\x06" + stamp, csid=2, stream=0)
    client.until(lambda m: m.type == rc.USER and m.data == b"\0\x07" + stamp)


def publish_polite(client, stream="s"):
    client.handshake()
    client.connect()
    return client.publish(stream)
