"""http_pull: the streams of several origins at one address, ours, nginx's and HTTP ones."""

import pytest

import flv
import nginx
from harness import curl, ffmpeg_decode, free_port, wait_for

needs_nginx = pytest.mark.skipif(not nginx.MODULE.exists(), reason="no libnginx-mod-rtmp")


def sources(**named):
    lines = " ".join(f"source {name} {url};" for name, url in named.items())
    return f"http_pull {{ enabled on; mount /live; {lines} }}"


@pytest.fixture
def view(server):
    assert server
    opened = []

    def start(srv, path, **options):
        one = flv.Viewer(srv.http_url(path), **options)
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.close()


def test_own_stream(server, publish):
    srv = server(http_server=sources())
    publish(srv, "myapp/test")
    assert ffmpeg_decode(srv.http_url("/live?app=myapp&stream=test"), 2) == ""
    assert ffmpeg_decode(srv.http_url("/live?port=1935&app=myapp&stream=test"), 2) == ""


def test_origins_by_name(server, publish, view):
    """a over RTMP, b and c over HTTP; all viewers of one stream share one pull."""
    first = server()
    second = server(http_server=sources())
    publish(first, "myapp/test")
    publish(second, "myapp/test")
    proxy = server(http_server=sources(
        a=f"rtmp://127.0.0.1:{first.rtmp_port}",
        b=f"http://127.0.0.1:{second.http_port}/live",
        c=f"http://127.0.0.1:{first.http_port}/[app]/[stream].flv"))
    for name in "abc":
        assert ffmpeg_decode(proxy.http_url(f"/live?src={name}&app=myapp&stream=test"), 2) == ""
    viewers = [view(proxy, "/live?src=a&port=1935&app=myapp&stream=test") for _ in range(20)]
    for one in viewers:
        one.wait_media(10)
    assert len([x for x in proxy.log().splitlines() if "@a/myapp/test: plays from" in x]) <= 2


@pytest.mark.parametrize("query, status", [
    ("src=evil&app=myapp&stream=test", 403),
    ("src=rtmp://127.0.0.1:1935&app=myapp&stream=test", 403),
    ("src=127.0.0.1&app=myapp&stream=test", 403),
    ("src=a:81&app=myapp&stream=test", 403),
    ("src=a&port=81&app=myapp&stream=test", 403),
    ("src=a&port=x&app=myapp&stream=test", 400),
    ("src=a&app=myapp", 400),
    ("src=a&app=&stream=test", 400),
    ("src=a&app=my%2f%2fapp&stream=test", 400),
    ("src=a&app=myapp&stream=a/b", 400),
    ("src=" + "a" * 300 + "&app=myapp&stream=test", 400),
])
def test_only_configured_addresses(server, query, status):
    srv = server(http_server=sources(a=f"rtmp://127.0.0.1:{free_port()}"))
    answer = curl(srv.http_url("/live?" + query), seconds=3)
    assert answer.status == status, answer.text
    assert answer.json()["reason"]
    assert "pull" not in srv.log().split("HTTP listens")[1]


def test_pulled_streams_have_no_other_address(server, publish):
    """What comes from a source is not mistaken for this server's own stream of that name."""
    origin = server()
    publish(origin, "myapp/test")
    proxy = server(http_server=sources(a=f"rtmp://127.0.0.1:{origin.rtmp_port}"),
                   remux={"hstrs": "off", "mount": ["[vhost]/[app]/[stream].flv",
                                                    "/x/[app]/[stream].flv"]})
    with flv.Viewer(proxy.http_url("/live?src=a&app=myapp&stream=test")) as viewer:
        viewer.wait_media(5)
        for path in ("/myapp/test.flv", "/x/myapp/test.flv", "/live?app=myapp&stream=test"):
            assert curl(proxy.http_url(path), seconds=2).status == 404
        host = curl(proxy.http_url("/myapp/test.flv"), "-H", "Host: @a", seconds=2)
        assert host.status in (400, 404)


@needs_nginx
def test_nginx_as_origin(server, publish, nginx_rtmp, view):
    """The documents' first scheme: nginx-rtmp behind a proxy, reached by src."""
    origin = nginx_rtmp()
    proxy = server(http_server=sources(a=f"rtmp://127.0.0.1:{origin.rtmp_port}"))
    publish(origin.rtmp_url("myapp/test"))
    address = "/live?src=a&port=1935&app=myapp&stream=test"
    assert ffmpeg_decode(proxy.http_url(address), 3) == ""
    viewer = view(proxy, address)
    viewer.wait_media(20)
    assert any(tag.is_script for tag in viewer.tags)


@needs_nginx
def test_nginx_pushes_to_us(server, publish, nginx_rtmp):
    """The second scheme: nginx-rtmp takes the encoder and pushes on; browsers watch here."""
    srv = server()
    origin = nginx_rtmp(push=f"rtmp://127.0.0.1:{srv.rtmp_port}/myapp")
    publish(origin.rtmp_url("myapp/test"))
    srv.wait_log("start publish __defaultVhost__/myapp/test")
    assert ffmpeg_decode(srv.http_url("/myapp/test.flv"), 3) == ""


@needs_nginx
def test_edge_of_nginx_waits(server, publish, nginx_rtmp, view):
    """An edge whose origin is nginx: a viewer who comes first plays when the encoder starts, and
    stays connected over a restart of the encoder."""
    origin = nginx_rtmp()
    edge = server(vhost=f"cluster {{ mode remote; origin 127.0.0.1:{origin.rtmp_port}; }}")
    viewer = view(edge, "/live/livestream.flv")
    edge.wait_log("waits at")
    first = publish(origin.rtmp_url("live/livestream"))
    viewer.wait_media(50)
    first.stop()
    count = len(viewer.media)
    publish(origin.rtmp_url("live/livestream"))
    viewer.wait_media(count + 60, timeout=20)
    flv.check_times(viewer.tags)
    wait_for(lambda: viewer.error is None, 1)
