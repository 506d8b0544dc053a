"""Changes of a running server's configuration."""

import signal

from harness import curl, wait_for

ENDS = ("reload: configuration is valid", "reload failed, keeping the old configuration")


def ends_of(srv):
    return sum(srv.log().count(end) for end in ENDS)


def reload(srv, *changes, text=None, fails=False):
    """Replaces words of the file, reloads it, and returns what the log says about it."""
    text = text or srv.config_path.read_text()
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after, 1)
    srv.config_path.write_text(text)
    before, start = ends_of(srv), len(srv.log())
    srv.signal(signal.SIGHUP)
    wait_for(lambda: ends_of(srv) > before, 15, "the reload")
    log = srv.log()[start:]
    assert (ENDS[1] in log) == fails, log
    return log


def more_media(viewer, count=20):
    """The viewer keeps receiving."""
    viewer.wait_media(len(viewer.media) + count)


def status(url, *args):
    return curl(url, *args).status
