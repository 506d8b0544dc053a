"""Recording (dvr): files of a publication or of segments, started by the configuration or the API; what
is left after a crash, on a full disk; playback by the on-demand path."""

import json
import os
import resource
import signal

import pytest

import flv
import rtmp
from api_kit import api
from harness import curl, ffmpeg_decode, ffprobe, free_port, wait_for
from hook_server import HookServer, hooks

DVR = "dvr {{ enabled {}; dvr_path ./html/[app]/[stream].[timestamp].flv; {} }}"


def dvr(enabled="on", more=""):
    return DVR.format(enabled, more)


def files(srv, pattern="**/*.flv"):
    return sorted(srv.html.glob(pattern))


def recorded(srv, count=1):
    """The finished files, once there are so many and no unfinished one."""
    wait_for(lambda: len(files(srv)) >= count and not files(srv, "**/*.part"), 20,
             f"{count} files; there are {[str(path) for path in srv.html.rglob('*')]}")
    return files(srv)


def meta_of(path):
    """The properties of a file as another reader sees them."""
    shown = ffprobe(path)
    return float(shown["format"]["duration"]), shown["format"].get("tags", {}), shown["streams"]


def length(tags):
    """In seconds."""
    times = [tag.time for tag in tags if tag.is_media]
    return (max(times) - min(times)) / 1000


def media(tags):
    return [(tag.type, tag.data) for tag in tags if tag.is_media]


def check_tags(path, wanted):
    """The file has these frames, begins at 0, and every keyframe can be reached."""
    tags = flv.parse_file(path).tags
    assert media(tags) == media(wanted)
    first = next(tag for tag in tags if tag.is_media)
    assert first.time == 0
    flv.check_times([tag for tag in tags if tag.is_media])
    return tags


@pytest.fixture
def callbacks():
    with HookServer() as one:
        yield one


def wait_received(srv, last):
    """Until the server has this frame of live/show, its latest."""
    with flv.Viewer(srv.http_url("/live/show.flv")) as viewer:
        viewer.wait(lambda v: v.media and v.media[-1].key == last.key, 10, "the latest frame")


def test_session(server, publisher, source, callbacks):
    """Everything from the first keyframe on, an index, on_dvr, and playback from any place."""
    srv = server(vhost=dvr() + hooks(callbacks.url(), events=["on_dvr"]))
    one = publisher(srv, "live/show?token=x")
    sent = source[0] + [tag for gop in source[1] for tag in gop]
    one.send_tags(sent)
    one.close()
    [path] = recorded(srv)
    assert srv.html / "live" == path.parent
    tags = check_tags(path, sent)
    data = path.read_bytes()
    duration, facts, streams = meta_of(path)
    assert abs(duration - length(sent)) < 0.1 and facts["recordedStream"] == "__defaultVhost__/live/show"
    assert {stream["codec_name"] for stream in streams} == {"h264", "aac"}
    ffmpeg_decode(path)
    event = callbacks.wait("on_dvr")
    assert list(event)[7:] == ["tcUrl", "stream", "param", "cwd", "file", "stream_url", "stream_id",
                               "type", "duration_ms", "file_bytes"]
    assert (srv.folder / event["file"]).resolve() == path.resolve()
    assert event["cwd"] == str(srv.folder) and event["param"] == "?token=x"
    assert event["ip"] == "127.0.0.1" and event["type"] == "rtmp" and len(event["client_id"]) == 8
    assert event["file_bytes"] == len(data) and abs(event["duration_ms"] - duration * 1000) < 2
    at = 13
    keys = []
    for tag in tags:
        if tag.is_keyframe:
            keys.append((at, tag))
        at += len(tag.data) + 15
    assert at == len(data)
    address = srv.http_url(f"/live/{path.name}")
    assert curl(address).body == data
    for query in (f"start={keys[3][0]}", f"starttime={keys[3][1].time / 1000}"):
        answer = flv.parse(curl(f"{address}?{query}").body).tags
        assert media(answer) == media(tags[tags.index(keys[3][1]):])


def test_segments(server, publisher, source):
    """Each begins with a keyframe, and none is lost between them; the session of another stream is one
    file, and a stream that is not named has none."""
    srv = server(vhost=dvr(more="dvr_apply live/cut v/x/y; dvr_plan segment; dvr_duration 6;"))
    sent = source[0] + [tag for gop in source[1] for tag in gop]
    others = [publisher(srv, "live/cut"), publisher(srv, "live/other")]
    for one in others:
        one.send_tags(sent)
        one.close()
    wait_for(lambda: srv.log().count("] recorded ") >= len(source[1]) // 3, what="the segments")
    paths = recorded(srv, len(source[1]) // 3)
    assert all(path.name.startswith("cut.") for path in paths)
    together = []
    for path in paths:
        tags = flv.parse_file(path).tags
        assert next(tag for tag in tags if tag.is_media).is_keyframe
        assert [tag.is_sequence_header for tag in tags[1:3]] == [True, True]
        together += tags
    assert media(together) == media(sent)
    ffmpeg_decode(paths[1], 2)


def test_api_starts_and_stops(server, publish):
    """At whichever worker the stream is; asking twice changes nothing."""
    port, metrics = free_port(), free_port()
    srv = server(vhost=dvr("off"), top=f"http_api {{ enabled on; listen {port}; }} "
                                       f"exporter {{ enabled on; listen {metrics}; }}")
    publish(srv, "live/show")

    def stream():
        return next(s for s in api(srv, "streams", port=port)["streams"] if s["name"] == "show")

    def ask(action, status=200, kind="application/json"):
        answer = curl(f"http://127.0.0.1:{port}/api/v1/streams/{stream()['id']}/record", "-d",
                      json.dumps({"action": action}), "-H", f"Content-Type: {kind}")
        assert answer.status == status, answer.text
        return answer.json()

    wait_for(lambda: stream()["video"], what="the stream")
    assert stream()["record"] == {"active": False}
    assert ask("pause", 400)["code"] == 400
    ask("start", 403, "text/plain")
    for _ in range(2):
        assert ask("start")["record"]["active"]
    wait_for(lambda: stream()["record"].get("duration_ms", 0) > 500, what="half a second")
    shown = stream()["record"]
    assert shown["file"].startswith("./html/live/show.") and shown["bytes"] > 1000
    assert "millrace_recordings 1" in curl(f"http://127.0.0.1:{metrics}/metrics").text
    for _ in range(2):
        assert ask("stop")["record"] == {"active": False}
    [path] = recorded(srv)
    assert flv.parse_file(path).tags
    text = curl(f"http://127.0.0.1:{metrics}/metrics").text
    assert "millrace_recordings 0" in text and "millrace_recorded_files_total 1" in text
    answer = curl(f"http://127.0.0.1:{port}/api/v1/streams/vid-0/record", "-d",
                  '{"action":"start"}', "-H", "Content-Type: application/json")
    assert answer.json()["code"] == 2048
    assert curl(f"http://127.0.0.1:{port}/api/v1/streams/vid-0/record").status == 405


def test_killed(server, publisher, source, callbacks):
    """The next start finishes the file, cuts off half a tag, and reports it."""
    parts = {"vhost": dvr() + hooks(callbacks.url(), events=["on_dvr"])}
    srv = server(**parts)
    sent = source[0] + source[1][0]
    one = publisher(srv, "live/show")
    one.send_tags(sent)
    wait_for(lambda: any(path.stat().st_size > sum(len(tag.data) for tag in sent)
                         for path in files(srv, "**/*.part")), what="the file to be written")
    srv.has_stopped = True
    srv.signal(signal.SIGSTOP)  # a master must not replace its workers, nor end them
    for pid in srv.processes():
        os.kill(pid, signal.SIGKILL)
    srv.kill()
    [part] = files(srv, "**/*.part")
    with part.open("ab") as file:
        file.write(flv.tag_bytes(9, 100, sent[-1].data)[:-3])
    again = server(html=srv.html, **{**parts, "vhost": parts["vhost"].replace("./html", str(srv.html))})
    [path] = recorded(again)
    check_tags(path, sent)
    duration, _, _ = meta_of(path)
    assert abs(duration - length(sent)) < 0.1
    event = callbacks.wait("on_dvr")
    assert event["stream_url"] == "/live/show" and event["file"] == str(path)
    assert event["client_id"] == event["param"] == ""


def test_full_disk(server, publisher, source, view):
    """It ends the recording with an error and a file that plays, and nothing else."""
    metrics = free_port()
    srv = server(vhost=dvr(), top=f"exporter {{ enabled on; listen {metrics}; }}")
    viewer = view(srv, "/live/show.flv")
    sent = source[0] + [tag for gop in source[1] for tag in gop]
    size = sum(len(tag.data) for tag in sent)
    for pid in srv.processes():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size // 2, size // 2))
    one = publisher(srv, "live/show")
    one.send_tags(sent)
    srv.wait_log(r"recording of .*/live/show stopped: write ./html/live/show.*: File too large")
    [path] = recorded(srv)
    tags = flv.parse_file(path).tags
    assert path.stat().st_size <= size // 2 and 10 < len(tags) < len(sent)
    ffmpeg_decode(path)
    assert 'millrace_recording_failures_total{reason="full"} 1' in curl(
        f"http://127.0.0.1:{metrics}/metrics").text
    viewer.wait_media(len(media(sent)))
    one.send_tags([source[1][-1][-1]])
    viewer.wait_media(len(media(sent)) + 1)


def test_reload(server, publisher, source):
    """Streams that are published already are recorded from then on, or no longer."""
    srv = server(vhost=dvr("off"))
    one = publisher(srv, "live/show")
    one.send_tags(source[0] + source[1][0])
    # Frames that come after the last reload are not recorded.
    wait_received(srv, source[1][0][-1])
    text = srv.config_path.read_text()
    for enabled in ("on", "off"):
        srv.config_path.write_text(text.replace("dvr { enabled off", f"dvr {{ enabled {enabled}"))
        srv.signal(signal.SIGHUP)
        if enabled == "on":
            wait_for(lambda: files(srv, "**/*.part"), what="a recording")
    [path] = recorded(srv)
    check_tags(path, source[0] + source[1][0])


def test_stop_finishes_files(server, source):
    srv = server(vhost=dvr())
    one = rtmp.Publisher(srv.rtmp_url("live/show"))
    one.send_tags(source[0] + source[1][0])
    wait_for(lambda: files(srv, "**/*.part"), what="a recording")
    wait_received(srv, source[1][0][-1])
    srv.stop()
    [path] = recorded(srv)
    check_tags(path, source[0] + source[1][0])
    one.close()
