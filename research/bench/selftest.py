#!/usr/bin/env python3
"""Does the load client notice what is wrong? Serves it good and broken HTTP-FLV answers, in pieces
of any size, and looks at what it says: selftest.py TOOLS-DIRECTORY."""

import json
import pathlib
import socket
import struct
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
UUID = b"millrace-stamp-1"


def digits(value, count):
    return bytes(0x40 | (value >> 4 * i & 15) for i in reversed(range(count)))


def nal(data):
    return struct.pack(">I", len(data)) + data


def picture(number, key):
    stamp = bytes([6, 5, 40]) + UUID + digits(1, 16) + digits(number, 8) + b"\x80"
    return (b"\x17" if key else b"\x27") + b"\x01\0\0\0" + nal(stamp) + nal(
        (b"\x65" if key else b"\x41") + bytes(200))


def tag(kind, time, body, stream_id=0, wrong_size=0):
    head = struct.pack(">B", kind) + struct.pack(">I", len(body))[1:]
    head += struct.pack(">I", time)[1:] + bytes([time >> 24]) + struct.pack(">I", stream_id)[1:]
    return head + body + struct.pack(">I", len(body) + 11 + wrong_size)


VIDEO_HEADER = tag(9, 0, b"\x17\0\0\0\0\x01\x64\0\x1f\xff")
AUDIO_HEADER = tag(8, 0, b"\xaf\0\x12\x10")
FLV = b"FLV\x01\x05\0\0\0\x09\0\0\0\0"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\n"


def frames(numbers, times=None, audio=True):
    out = b""
    for i, number in enumerate(numbers):
        time = times[i] if times else 40 * i
        out += tag(9, time, picture(number, number % 10 == 0))
        if audio:
            out += tag(8, time, b"\xaf\x01" + bytes(50))
    return out


def chunked(data, size):
    out = b""
    for i in range(0, len(data), size):
        part = data[i:i + size]
        out += b"%x\r\n" % len(part) + part + b"\r\n"
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + out


PLAIN = HEAD + b"\r\n"
GOOD = FLV + VIDEO_HEADER + AUDIO_HEADER + frames(range(30))
START = FLV + VIDEO_HEADER + AUDIO_HEADER
# name, answer, and what the client has to say ("" for nothing).
ANSWERS = [
    ("plain", PLAIN + GOOD, ""),
    ("chunked", chunked(GOOD, 1000), ""),
    ("small chunks", chunked(GOOD, 7), ""),
    ("extended time", PLAIN + START + frames(range(9), [0x1000000 + 40 * i for i in range(9)]), ""),
    ("status", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404"),
    ("length", HEAD + b"Content-Length: 9\r\n\r\n" + GOOD, "Content-Length"),
    ("bad chunk", chunked(GOOD, 1000).replace(b"\r\n3e8\r\n", b"\r\n3e7\r\n", 1), "chunk"),
    ("no header", PLAIN + GOOD[1:], "no FLV header"),
    ("stream id", PLAIN + GOOD + tag(9, 4000, picture(30, True), stream_id=1), "stream id"),
    ("size", PLAIN + GOOD + tag(9, 4000, picture(30, True), wrong_size=1), "PreviousTagSize"),
    ("no video header", PLAIN + FLV + AUDIO_HEADER + frames(range(9)), "before the video header"),
    ("no audio header", PLAIN + FLV + VIDEO_HEADER + frames(range(9)), "before the audio header"),
    ("no keyframe", PLAIN + START + frames(range(5, 30)), "no keyframe"),
    ("missing", PLAIN + START + frames([0, 1, 2, 4, 5]), "missing"),
    ("twice", PLAIN + START + frames([0, 1, 2, 2, 3]), "twice"),
    ("back", PLAIN + START + frames(range(4), [0, 40, 80, 79]), "steps back"),
    ("flags", PLAIN + GOOD[:4] + b"\x01" + GOOD[5:], "denies"),
    ("cut NAL unit", PLAIN + GOOD + tag(9, 4000, picture(30, True)[:-9]), "beyond its frame"),
    ("unknown tag", PLAIN + GOOD + tag(3, 4000, b"x"), "unknown type"),
]


def serve(listener, answer, step):
    conn, _ = listener.accept()
    with conn:
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while b"\r\n\r\n" not in conn.recv(4096):
            pass
        try:
            for i in range(0, len(answer), step):
                conn.sendall(answer[i:i + step])
            conn.recv(1)  # until the client leaves
        except OSError:
            pass


def ask(tools, answer, step):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, answer, step))
        thread.start()
        run = subprocess.run(
            [pathlib.Path(tools) / "bench_load", "--viewers", "1", "--warmup", "0", "--seconds",
             "0.1", "--start-timeout", "2", f"127.0.0.1:{listener.getsockname()[1]}", "/x.flv"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        thread.join()
    return json.loads(run.stdout.splitlines()[-1])


def usage_mistakes(tools):
    """Every tool says how it is used, and takes nothing that it does not know."""
    wrong = 0
    for tool in ("bench_load", "bench_publish", "bench_bare"):
        for args, code in ((["--help"], 0), ([], 1), (["--nonsense"], 1),
                           (["--nonsense", "127.0.0.1:1", "a/b", "c.flv"], 1)):
            done = subprocess.run([pathlib.Path(tools) / tool, *args], timeout=20, text=True,
                                  capture_output=True, check=False)
            said = done.stdout if code == 0 else done.stderr
            if done.returncode != code or f"usage: {tool}" not in said:
                wrong += 1
                print(f"{tool} {' '.join(args)}: {done.returncode}, said '{said}'")
    for script in ("run.py", "workers.py", "edge.py"):
        for args, code in ((["--help"], 0), (["--nonsense"], 2)):
            done = subprocess.run([sys.executable, HERE / script, *args], timeout=20, text=True,
                                  capture_output=True, check=False)
            if done.returncode != code or "usage: " not in done.stdout + done.stderr:
                wrong += 1
                print(f"{script} {' '.join(args)}: {done.returncode}")
    for script in ("build.sh", "run.sh"):
        for args in ([], ["--help"]):
            done = subprocess.run([HERE / script, *args], timeout=20, text=True,
                                  capture_output=True, check=False)
            if done.returncode != 2 or f"usage: {script}" not in done.stderr:
                wrong += 1
                print(f"{script} {' '.join(args)}: {done.returncode}")
    return wrong


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print("usage: selftest.py TOOLS-DIRECTORY", file=sys.stderr)
        return 2
    wrong = usage_mistakes(sys.argv[1])
    for name, answer, complaint in ANSWERS:
        for step in (len(answer), 61):
            result = ask(sys.argv[1], answer, step)
            said = "; ".join(filter(None, (result["check_error"], result["first_error"])))
            good = complaint in said if complaint else said == ""
            if not good:
                wrong += 1
                print(f"{name}, pieces of {step}: said '{said}', should say '{complaint}'")
    print(f"{len(ANSWERS)} answers, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
