"""max_memory: what is refused and what is dropped when memory is short, and that this ends."""

import json
import re
import urllib.request

import pytest

import flv
import harness
import rtmp_client
from harness import curl, wait_for
from rtmp import Publisher

MIB = 1 << 20
# The sanitizer's allocator returns freed memory at once, as the server's own does when memory is
# short.
ENV = {"ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=0:quarantine_size_mb=1:"
                       "allocator_release_to_os_interval_ms=0"}
PLAY = {"gop_cache_max_bytes": "400m", "gop_cache_max_frames": 1000, "queue_length": 60}


def start(server, more=""):
    port = harness.free_port()
    srv = server(env=ENV, play=PLAY, top=f"http_api {{ enabled on; listen {port}; }} {more}")
    srv.api_port = port
    return srv


def memory(srv):
    where = f"http://127.0.0.1:{srv.api_port}/api/v1/summaries"
    with urllib.request.urlopen(where, timeout=10) as answer:
        return json.load(answer)["data"]["memory"]


def frame(key, size):
    return bytes([0x17 if key else 0x27, 1, 0, 0, 0]) + bytes(size)


def test_unfinished_messages_count(server, open_all):
    """Of a connection with one stream, and of one with two."""
    srv = start(server)
    for name, count in (("one", 1), ("two", 2)):
        before = memory(srv)["streams"]
        client = open_all(rtmp_client.Client, srv.rtmp_port)
        client.handshake()
        client.connect()
        for number in range(1, count + 1):
            client.command("createStream", number, None)
            client.until("_result")
            client.command("publish", 0, None, f"{name}{number}", "live", stream=number)
            client.until("onStatus")
        client.chunk_size(16 * MIB - 1)
        client.send(client.header(0, 6, 0, 8 * MIB, rtmp_client.VIDEO, count) + bytes(6 * MIB))
        wait_for(lambda: 6 * MIB <= memory(srv)["streams"] - before < 7 * MIB,
                 what="its bytes to be counted once")


def test_memory_of_closed_connections_is_freed(server, view):
    """One publisher fills the memory with a GOP that does not end. The server first refuses new
    connections, then drops waiting viewers, then the publisher; another stream continues."""
    probe = start(server)
    assert memory(probe)["limit"] > memory(probe)["used"] > 0 and not memory(probe)["refuses"]
    limit = memory(probe)["used"] + 80 * MIB
    srv = start(server, f"max_memory {limit};")
    assert memory(srv)["limit"] == limit
    with Publisher(srv.rtmp_url("live/small")) as small, \
            Publisher(srv.rtmp_url("live/large")) as large:
        small.send(flv.VIDEO, 0, frame(True, 100))
        watcher = view(srv, "/live/small.flv")
        watcher.wait_media(1)
        waiter = view(srv, "/live/nobody.flv")
        wait_for(lambda: re.search("live/nobody", srv.log()), what="the waiter")
        large.send(flv.VIDEO, 0, frame(True, MIB))
        for i in range(1, 300):
            if memory(srv)["refuses"]:
                break
            large.send(flv.VIDEO, i * 10, frame(False, MIB))
        assert memory(srv)["streams"] > 10 * MIB
        srv.wait_log("max_memory: .* new clients are refused")
        # Of several workers each measures by itself.
        wait_for(lambda: curl(srv.http_url("/live/small.flv"), seconds=1).status == 503,
                 what="a viewer to be refused")
        srv.wait_log("refused 127.0.0.1: max_memory")
        for i in range(i + 1, 600):
            try:
                large.send(flv.VIDEO, i * 10, frame(False, MIB))
            except OSError:
                break
            if large.is_closed:
                break
            if memory(srv)["used"] > limit + 20 * MIB:
                wait_for(lambda: large.is_closed, 10, "the publisher to be closed")
        log = srv.wait_log(r"max_memory: closing viewers of unpublished streams"
                           r"[\s\S]*max_memory: closing __defaultVhost__/live/large")
        assert log and "closing __defaultVhost__/live/small" not in srv.log()
        waiter.wait_end()
        wait_for(lambda: not memory(srv)["refuses"] and srv.log().count("clients are refused")
                 == srv.log().count("clients are served again"), 15, "memory to be easy again")
        small.send(flv.VIDEO, 1000, frame(True, 100))
        watcher.wait_media(2)
        late = view(srv, "/live/small.flv")
        late.wait_media(1)
