"""forward to addresses in the form of streaming platforms: what arrives there, byte for byte."""

import re

import pytest

from harness import wait_for
from rtmp_recorder import Recorder


@pytest.fixture
def recorder(server):
    assert server
    opened = []

    def start(**options):
        opened.append(Recorder(**options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def forward(server, publish, small_flv, destination):
    srv = server(vhost=f'forward {{ enabled on; destination "{destination}"; }}')
    publish(srv, "live/mine", source=small_flv, args=["-c", "copy", "-t", "8"], loop=False)
    return srv


# The address after the host; app; stream.
ADDRESSES = [
    ("/live2/abcd-1234-EFGH", "live2", "abcd-1234-EFGH"),
    ("/app/live_123_aB?bandwidthtest=true", "app", "live_123_aB?bandwidthtest=true"),
    ("/rtmp/FB-1-0-Ab?s_bl=1&s_ps=1&a=Ab%2Fc-_~/x+y", "rtmp",
     "FB-1-0-Ab?s_bl=1&s_ps=1&a=Ab%2Fc-_~/x+y"),
    ("/live-bvc/?streamname=live_1_2&key=0a&schedule=rtmp", "live-bvc",
     "?streamname=live_1_2&key=0a&schedule=rtmp"),
    ("/live2?backup=1/abcd-1234", "live2?backup=1", "abcd-1234"),
    ("/a/b/c/KEY", "a/b/c", "KEY"),
]


@pytest.mark.parametrize("path, app, stream", ADDRESSES)
def test_whole_address(server, publish, small_flv, recorder, path, app, stream):
    platform = recorder()
    host = f"127.0.0.1:{platform.port}"
    srv = forward(server, publish, small_flv, f"rtmp://{host}{path}")
    wait_for(lambda: len(platform.media) > 10, what="media")
    assert platform.connects == [(app, f"rtmp://{host}/{app}")]
    assert platform.calls == [(call, stream) for call in ("releaseStream", "FCPublish", "publish")]
    said = srv.log().split("RTMP listens", 1)[1]  # after the line with the test's own folder
    assert (stream.split("?")[0] or "streamname") not in said, "the key is secret"


@pytest.mark.parametrize("path, why", [
    ("/live2/abcd-1234-EFGH?sign=0815", "refused; the reason contains parts of the secret"),
    ("/[app]/[stream]", "mine is already published")])
def test_a_reason_that_names_the_key(server, publish, small_flv, recorder, path, why):
    """Platforms refuse with the key in their reason: the log holds no key, but other reasons."""
    platform = recorder(refuse="{stream} is already published")
    srv = forward(server, publish, small_flv, f"rtmp://127.0.0.1:{platform.port}{path}")
    srv.wait_log(f"forward .*{why}")
    assert not re.search(r"\babcd\b", srv.log().split("RTMP listens", 1)[1])


@pytest.mark.parametrize("path, app, stream", [
    ("/live2/KEY?k=v", "live2", "KEY?k=v"),
    ("/live2?backup=1/KEY", "live2?backup=1", "KEY"),
    ("/[app]/x-[stream]", "live", "x-mine"),
    ("", "live", "mine"),
])
def test_user_and_password(server, publish, small_flv, recorder, path, app, stream):
    """The password itself is neither sent nor logged."""
    platform = recorder(users={"me@home": "secret:1+"})
    host = f"127.0.0.1:{platform.port}"
    srv = forward(server, publish, small_flv, f"rtmp://me%40home:secret:1%2B@{host}{path}")
    wait_for(lambda: len(platform.media) > 10, what="media")
    assert platform.calls[-1] == ("publish", stream)
    mark = "&" if "?" in app else "?"
    assert [name.split(mark + "authmod=adobe")[0] for name, _ in platform.connects] == [app] * 3
    first, second, third = platform.connects
    assert second[0] == f"{app}{mark}authmod=adobe&user=me@home"
    for name, tc_url in (first, second, third):
        assert tc_url == f"rtmp://{host}/{name}"
        assert "secret" not in name
    assert "secret" not in srv.log().split("RTMP listens", 1)[1]


@pytest.mark.parametrize("user, why", [("me:wrong@", "user me or password is wrong"),
                                       ("you:secret@", "user you or password is wrong"),
                                       ("", "need auth")])
def test_refused_user(server, publish, small_flv, recorder, user, why):
    platform = recorder(users={"me": "secret"})
    srv = forward(server, publish, small_flv, f"rtmp://{user}127.0.0.1:{platform.port}/live/KEY")
    srv.wait_log(f"forward __defaultVhost__/live/mine: rtmp://127.0.0.1:{platform.port}: .*{why}")
    assert platform.calls == []
