"""Access to the API, and changes by it: kicking, passwords, HTTPS, JSONP, pages of other sites."""

import base64
import contextlib
import json

import enhanced
import flv
import harness
import rtmp_client
import ws
from api_kit import api, api_server  # noqa: F401
from harness import curl, wait_for
from rtmp import Publisher


def address(srv, path):
    return f"http://127.0.0.1:{srv.api_port}/api/v1/{path}"


def kick(srv, client, *args):
    return curl(address(srv, f"clients/{client}"), "-X", "DELETE", *args)


def watch(srv, where, name):
    return harness.Process(["curl", "-s", "-o", "/dev/null", where], srv.folder / f"{name}.log")


def test_kick(api_server, publish):  # noqa: F811
    """A viewer, then a publisher: at once, and of all others none."""
    srv = api_server()
    publisher = publish(srv)
    viewers = [watch(srv, srv.http_url(), f"viewer{i}") for i in range(3)]
    try:
        clients = wait_for(lambda: len(c := api(srv, "clients")["clients"]) == 4 and c,
                           what="the viewers")
        viewer = next(c["id"] for c in clients if not c["publish"])
        answer = kick(srv, viewer)
        assert answer.status == 200
        assert answer.json().keys() == {"code", "server", "service", "pid"}
        assert answer.json()["code"] == 0
        wait_for(lambda: sum(v.is_running for v in viewers) == 2, 2, "the viewer's end")
        left = {c["id"] for c in api(srv, "clients")["clients"]}
        assert left == {c["id"] for c in clients} - {viewer}
        assert kick(srv, viewer).json() == {"code": 2049}
        assert kick(srv, "").status == 405
        cid = api(srv, "streams")["streams"][0]["publish"]["cid"]
        assert kick(srv, cid).json()["code"] == 0
        wait_for(lambda: not publisher.is_running, 2, "the publisher's end")
        wait_for(lambda: not any(s["publish"]["active"] for s in api(srv, "streams")["streams"]),
                 what="the end of the publication")
    finally:
        for viewer in viewers:
            viewer.kill()
    assert f"kick client {cid}" in srv.log()


def test_kick_of_every_kind(api_server, source):  # noqa: F811
    """Players over RTMP and WebSocket, one that waits for its stream, one of several streams."""
    srv = api_server()
    preamble, gops = source
    publisher = Publisher(srv.rtmp_url("live/livestream"))
    publisher.send_tags(preamble + gops[0])
    player = rtmp_client.Client(srv.rtmp_port)
    player.handshake()
    player.connect("live")
    player.play("livestream")
    socket = ws.Socket(srv.http_url().replace("http", "ws"))
    waiting = flv.Viewer(srv.http_url("/live/nobody.flv"))
    try:
        player.media(1)
        socket.until_media(1)
        clients = wait_for(lambda: len(c := api(srv, "clients")["clients"]) == 4 and c,
                           what="the clients")
        for client in clients:
            assert kick(srv, client["id"]).json()["code"] == 0, client["type"]
        player.wait_closed(5)
        wait_for(lambda: publisher.is_closed and waiting.is_done, 5, "the ends")
        # A connection that is cut off may end within a frame, or with a reset.
        with contextlib.suppress(ConnectionResetError):
            while socket.socket.recv(65536):
                pass
        wait_for(lambda: api(srv, "clients")["clients"] == [], what="the clients to be gone")
    finally:
        for one in (publisher, player, socket, waiting):
            one.close()


AUTH = "auth { enabled on; username admin; password \"a:b c\"; }"


def test_password(api_server, publish):  # noqa: F811
    """All addresses on all ports ask for it; the player page's list is public and shows nobody."""
    srv = api_server(AUTH)
    publish(srv)
    right = ("-u", "admin:a:b c")
    wrong = [("-u", "admin:a"), ("-u", "admin:"), ("-u", ":a:b c"), ("-u", "admin:A:b c"),
             ("-H", "Authorization: Basic"), ("-H", "X-Forwarded-For: 127.0.0.1")]
    asked = [(path, ()) for path in ("/api/v1/versions", "/api/v1/streams", "/api/v1/x",
                                       "/api/v1/", "//api/v1/clients", "/x/../api/v1/clients",
                                       "/api%2fv1/clients", "/api/v1/./clients",
                                       "/api/v1/%63lients", "/api/v1/config")]
    asked += [("/api/v1/clients", args) for args in wrong]
    for base in (f"http://127.0.0.1:{srv.api_port}", srv.http_url("")):
        for path, args in asked:
            answer = curl(base + path, "--path-as-is", *args)
            assert answer.status == 401, (base, path, args, answer.status)
            assert answer.headers["www-authenticate"].startswith("Basic realm=")
    assert curl(address(srv, "clients"), *right).json()["code"] == 0
    assert curl(srv.http_url("/api/v1/streams"), *right).json()["code"] == 0
    token = base64.b64encode(b"admin:a:b c").decode()
    assert curl(address(srv, "clients"), "-H", f"Authorization: basic {token}").status == 200
    page = wait_for(lambda: curl(srv.http_url("/players/streams.json")).json()["streams"],
                    what="the stream")
    assert page[0]["publish"] == {"active": True, "cid": ""}
    assert "a:b c" not in srv.log() and "wrong name or password" in srv.log()
    assert kick(srv, "x").status == 401
    assert kick(srv, "x", *right).json() == {"code": 2049}
    config = curl(address(srv, "config"), *right)
    assert "a:b c" not in config.text
    assert config.json()["config"]["http_api"]["auth"] == \
        {"enabled": True, "username": "admin", "password": "***"}


def test_no_public_list(api_server, publish):  # noqa: F811
    srv = api_server("list off;")
    publish(srv)
    wait_for(lambda: api(srv, "streams")["streams"], what="the stream")
    assert curl(srv.http_url("/players/streams.json")).status == 404
    assert curl(srv.http_url("/api/v1/streams")).status == 404
    assert curl(srv.http_url("/api/v1/versions")).status == 200


def test_https(server, tmp_path):
    """At an address of its own and at one of http_server's."""
    own = harness.free_port()
    harness.run([harness.ROOT / "conf" / "make-certificate.sh", tmp_path])
    cert = f"key {tmp_path}/server.key; cert {tmp_path}/server.crt;"
    shared, again = harness.free_port(), harness.free_port()
    for web, port in ((shared, own), (again, again)):
        server(http_server=f"https {{ enabled on; listen {web}; {cert} }}",
               top=f"""http_api {{ enabled on; listen {harness.free_port()};
                       https {{ enabled on; listen {port}; {cert} }} }}""")
    for port, path, status in ((own, "clients", 200), (own, "streams", 200),
                               (shared, "clients", 404), (shared, "streams", 200),
                               (again, "clients", 200)):
        assert curl(f"https://127.0.0.1:{port}/api/v1/{path}", "-k").status == status, (port, path)
    assert curl(f"https://127.0.0.1:{again}/live/no.txt", "-k").status == 404
    assert "https" in curl(f"http://127.0.0.1:{own}/api/v1/versions").text


def test_jsonp(api_server):  # noqa: F811
    """Off unless it is turned on; then the answer is a script, and the method a parameter."""
    srv = api_server()
    answer = curl(address(srv, "versions?callback=f"))
    assert answer.headers["content-type"] == "application/json" and answer.json()["code"] == 0
    answer = curl(address(srv, "clients/x?callback=f&method=DELETE"))
    assert answer.json() == {"code": 2049} and "kick" not in srv.log()
    srv = api_server("jsonp on;")
    for name in ("f", "JSON_CALLBACK", "a.b-c_9"):
        answer = curl(address(srv, f"versions?callback={name}"))
        assert answer.headers["content-type"] == "text/javascript"
        assert answer.text.startswith(name + "({") and answer.text.endswith("})")
        assert json.loads(answer.text[len(name) + 1:-1])["code"] == 0
    for name in ("", "f(", "alert(1)//", "%3Cscript%3E", "a%20b", "f;g", "x" * 200):
        answer = curl(address(srv, f"versions?callback={name}"))
        assert answer.headers["content-type"] == "application/json", name
    assert curl(address(srv, "versions?method=DELETE")).json()["data"]
    assert curl(address(srv, "versions?callback=f&method=DELETE")).status == 405
    assert curl(address(srv, "clients/x?callback=f&method=DELETE")).text == 'f({"code":2049})'


BROWSER = ("-A", "Mozilla/5.0")


def test_other_pages_change_nothing(api_server, publish):  # noqa: F811
    """Whatever a page of another site can make a browser send, the publisher stays."""
    srv = api_server("jsonp on; open on;")
    publisher = publish(srv)
    cid = wait_for(lambda: [s["publish"]["cid"] for s in api(srv, "streams")["streams"]],
                   what="the stream")[0]
    delete = address(srv, f"clients/{cid}?callback=f&method=DELETE")
    foreign = [("-H", "Referer: http://evil.example/"), ("-H", "Sec-Fetch-Site: cross-site"),
               (), ("-H", "Referer: http://127.0.0.1.evil.example/"),
               ("-H", "Sec-Fetch-Site: same-site"), ("-H", "Sec-Fetch-Site: none"),
               ("-H", "Origin: null"), ("-H", "Origin: http://evil.example")]
    for headers in foreign:
        assert curl(delete, *BROWSER, *headers).status == 403, headers
    for headers in foreign[-2:]:
        for more in ((), ("-H", "X-Millrace: 1")):
            assert kick(srv, cid, *BROWSER, *headers, *more).status == 403, headers
    # A host that somebody else had pointed here.
    assert kick(srv, cid, "-H", "Host: evil.example").status == 403
    # What a browser asks before it sends a request of this kind.
    asked = curl(address(srv, f"clients/{cid}"), "-X", "OPTIONS", "-H",
                 "Origin: http://evil.example", "-H", "Access-Control-Request-Method: DELETE", "-H",
                 "Access-Control-Request-Headers: x-millrace, content-type")
    assert "DELETE" not in asked.headers["access-control-allow-methods"]
    assert not {"x-millrace", "content-type"} & \
        {h.strip() for h in asked.headers["access-control-allow-headers"].lower().split(",")}
    for method in ("POST", "PUT", "PATCH"):
        assert curl(address(srv, f"clients/{cid}?method=DELETE"), "-X", method, "-d", "x=y",
                    *BROWSER).status == 405
    assert publisher.is_running
    # The console, which is a page of this host.
    own = ("-H", f"Referer: http://127.0.0.1:{srv.http_port}/console/")
    assert curl(delete, *BROWSER, *own).text.startswith('f({"code":0,')
    wait_for(lambda: not publisher.is_running, 2, "the publisher's end")


def test_scripts_of_other_pages_read_what_is_public(api_server, publish):  # noqa: F811
    srv = api_server("jsonp on;")
    publish(srv)
    other = (*BROWSER, "-H", "Referer: http://evil.example/")
    own = (*BROWSER, "-H", f"Referer: http://127.0.0.1:{srv.http_port}/console/")
    assert curl(address(srv, "clients?callback=f"), *other).status == 403
    assert curl(address(srv, "clients?callback=f"), *own).text.startswith('f({"code":0,')
    for who, is_seen in ((other, False), (own, True)):
        def stream(who=who):
            text = curl(address(srv, "streams?callback=f"), *who).text
            return json.loads(text[2:-1])["streams"]
        wait_for(stream, what="the stream")
        assert (stream()[0]["publish"]["cid"] != "") is is_seen


def test_configuration(api_server):  # noqa: F811
    srv = api_server("raw_api { enabled on; }", vhosts="vhost a.example { token { key hidden; } }")
    config = api(srv, "config")["config"]
    assert config["http_server"]["enabled"] is True and config["max_connections"] == 1000
    assert config["http_api"]["listen"] == str(srv.api_port)
    vhosts = {v["name"]: v for v in config["vhosts"]}
    assert vhosts["a.example"]["token"]["key"] == "***"
    assert vhosts["__defaultVhost__"]["play"]["gop_cache"] is True
    raw = api(srv, "raw?rpc=raw")["http_api"]
    assert raw == {"enabled": True, "listen": str(srv.api_port), "crossdomain": True,
                   "raw_api": {"enabled": True, "allow_reload": False, "allow_query": False,
                               "allow_update": False}}
    for rpc in ("raw", "raw?rpc=", "raw?rpc=update", "raw?rpc=query&scope=global"):
        assert api(srv, rpc) == {"code": 1060}, rpc


def test_reload(api_server):  # noqa: F811
    """It says what has changed, or what is wrong; and only where that is allowed."""
    srv = api_server("raw_api { enabled on; allow_reload on; }")
    config = srv.folder / "server.conf"
    text = config.read_text(encoding="utf-8")
    assert api(srv, "raw?rpc=reload-fetch")["data"]["result"] == "none"
    config.write_text(text + "vhost new.example { }\n", encoding="utf-8")
    done = api(srv, "raw?rpc=reload")
    assert done["code"] == 0 and done["data"]["err"] == 0 and done["data"]["changes"] == 1
    assert "new.example" in "".join(done["data"]["lines"])
    assert "new.example" in [v["name"] for v in api(srv, "vhosts")["vhosts"]]
    # A browser needs the header; a form could not send it.
    assert curl(address(srv, "raw?rpc=reload"), *BROWSER).status == 403
    assert api(srv, "raw?rpc=reload", *BROWSER, "-H", "X-Millrace: 1")["data"]["changes"] == 0
    config.write_text(text + "vhost new.example { nonsense; }\n", encoding="utf-8")
    failed = api(srv, "raw?rpc=reload")
    assert failed["code"] == 1023 and "nonsense" in failed["data"]["msg"]
    assert api(srv, "raw?rpc=reload-fetch")["data"] == failed["data"]
    config.write_text(text.replace("allow_reload on", "allow_reload off"), encoding="utf-8")
    assert api(srv, "raw?rpc=reload")["data"]["changes"] > 0
    assert api(srv, "raw?rpc=reload") == {"code": 1061}


def test_machine(api_server, publish):  # noqa: F811
    """The numbers about process and machine are real ones, in the units of SRS."""
    srv = api_server()
    publish(srv)
    data = wait_for(lambda: (d := api(srv, "summaries")["data"])["system"]["srs_recv_bytes"] > 0
                    and d, what="bytes received")
    own, system = data["self"], data["system"]
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        total = int(next(meminfo).split()[1])
    assert system["mem_ram_kbyte"] == total == api(srv, "meminfos")["data"]["MemTotal"]
    assert 1000 < own["mem_kbyte"] < total and own["argv"] and own["cwd"] == str(srv.folder)
    for share in (own["cpu_percent"], own["mem_percent"], system["mem_ram_percent"],
                  system["cpu_percent"], system["disk_busy_percent"]):
        assert 0 <= share <= 4
    with open("/proc/uptime", encoding="ascii") as uptime:
        assert abs(system["uptime"] - float(uptime.read().split()[0])) < 10
    assert system["conn_srs"] >= 1 and system["conn_sys_et"] >= 1
    assert system["net_recvi_bytes"] > 0 and system["ilde_time"] > 0
    assert api(srv, "rusages")["data"]["ru_maxrss"] >= own["mem_kbyte"]
    ticks = api(srv, "system_proc_stats")["data"]
    assert ticks["user"] + ticks["idle"] > 0
    assert api(srv, "authors")["data"]["license"] == "MIT"
    assert api(srv, "features")["data"]["features"]["httpd"] is True


def test_which_server_has_a_stream(api_server, publish):  # noqa: F811
    """As SRS's origins ask each other."""
    srv = api_server()

    def origin(stream):
        return api(srv, "clusters?vhost=__defaultVhost__&ip=1.2.3.4&app=live&"
                        f"stream={stream}&coworker=192.0.2.1:1985")["data"]
    assert origin("livestream")["origin"] is None
    publish(srv)
    wait_for(lambda: origin("livestream")["origin"], what="the stream")
    assert origin("livestream") == {
        "query": {"ip": "1.2.3.4", "vhost": "__defaultVhost__", "app": "live",
                  "stream": "livestream"},
        "origin": {"ip": "192.0.2.1", "port": srv.rtmp_port, "vhost": "__defaultVhost__",
                   "api": "192.0.2.1:1985", "routers": ["192.0.2.1:1985"]}}
    assert origin("other")["origin"] is None


def test_tests(api_server):  # noqa: F811
    srv = api_server()
    sent = curl(address(srv, "tests/requests?a=b"), "-H", "X-A: c", "-H", "Authorization: secret")
    assert sent.json()["data"]["uri"] == "/api/v1/tests/requests?a=b"
    assert sent.json()["data"]["HEADERS"]["X-A"] == "c" and "secret" not in sent.text
    assert curl(address(srv, "tests/errors")).json() == {"code": 100}
    moved = curl(address(srv, "tests/redirects"))
    assert moved.status == 302 and moved.headers["location"] == "/api/v1/tests/errors"


# Of x265: 1922x1082, main profile, level 4.
HEVC_RECORD = bytes.fromhex(
    "01016000000090000000000078f000fcfdf8f800001303a00001001c40010c02ffff01600000030090000003"
    "000003007800009594aca048a1000100314201020160000003009000000300000300780000a003c880110711"
    "2659594aca94985e02d0100000030010000003019080a2000100064401c073c189")


def test_facts_of_hevc(api_server, publisher):  # noqa: F811
    srv = api_server()
    one = publisher(srv)
    frame = enhanced.video(b"hvc1", enhanced.FRAMES, bytes(40), frame=enhanced.KEY)
    one.send_tags([flv.Tag(flv.VIDEO, 0, enhanced.video(b"hvc1", enhanced.START, HEVC_RECORD,
                                                        frame=enhanced.KEY))] +
                  [flv.Tag(flv.VIDEO, time, frame) for time in (0, 40, 80)])
    stream = wait_for(lambda: [s for s in api(srv, "streams")["streams"] if s["frames"] == 3],
                      what="the video frames")[0]
    assert stream["video"] == {"codec": "HEVC", "profile": "Main", "level": "4",
                               "width": 1922, "height": 1082}


def test_facts_of_mp3(api_server, publish):  # noqa: F811
    srv = api_server()
    publish(srv, args=["-vn", "-c:a", "libmp3lame", "-ar", "44100", "-ac", "2"])
    audio = wait_for(lambda: [s["audio"] for s in api(srv, "streams")["streams"] if s["audio"]],
                     what="the audio")[0]
    assert audio == {"codec": "MP3", "sample_rate": 44100, "channel": 2, "profile": "Other"}
    # SRS counts video frames alone.
    assert api(srv, "streams")["streams"][0]["frames"] == 0


JOINS = 300


def test_counters_return_to_zero_after_many_clients(api_server, source):  # noqa: F811
    """After many joins and leaves, with a stream and without, the numbers are those of nobody."""
    srv = api_server()
    preamble, gops = source
    publisher = Publisher(srv.rtmp_url("live/livestream"))
    publisher.send_tags(preamble + gops[0])
    try:
        for turn in range(JOINS // 10):
            some = [flv.Viewer(srv.http_url(f"/live/{name}.flv"))
                    for name in ("livestream", "livestream", f"other{turn}") * 3]
            some[0].wait_media(1)
            for viewer in some:
                viewer.close()
    finally:
        publisher.close()
    wait_for(lambda: api(srv, "clients")["clients"] == [] and api(srv, "streams")["streams"] == [],
             what="everyone to be gone")
    [vhost] = api(srv, "vhosts")["vhosts"]
    assert (vhost["clients"], vhost["streams"]) == (0, 0)
    assert api(srv, "summaries")["data"]["srs"]["clients"] == 0
