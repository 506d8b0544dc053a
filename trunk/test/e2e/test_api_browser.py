"""The API in a real browser: by JSONP, as SRS's console asks it; and attacked by a page of another
site. That page is the same server's at another host name."""

import json

import pytest

from api_kit import api, api_server  # noqa: F401
from harness import wait_for
from player_kit import browser  # noqa: F401

PAGE = """<!doctype html><meta charset="utf-8"><title>page</title><script>
'use strict';
let calls = 0;
// What SRS's console does with every address.
function ask(base, path) {
    const name = `CALLBACK_${++calls}`;
    return new Promise((resolve) => {
        const script = document.createElement('script');
        window[name] = resolve;
        script.onerror = () => resolve(null);
        script.onload = () => resolve(null);
        script.src = `${base}/api/v1/${path}${path.includes('?') ? '&' : '?'}callback=${name}`;
        document.head.append(script);
    });
}
function element(kind, property, url, more = {}) {
    return new Promise((resolve) => {
        const one = Object.assign(document.createElement(kind), more);
        one.onload = one.onerror = () => resolve(kind);
        setTimeout(resolve, 2000, `${kind} late`);
        one[property] = url;
        document.body.append(one);
    });
}
function form(url, enctype) {
    const frame = `frame${++calls}`;
    const done = element('iframe', 'name', frame);
    const one = document.createElement('form');
    Object.assign(one, { method: 'post', action: url, enctype, target: frame });
    one.innerHTML = '<input name=\\'{"a":"\\' value=\\'"}\\'>';
    document.body.append(one);
    one.submit();
    return done;
}
const tried = (promise) => promise.then((answer) => answer.status, () => 'refused');
async function attack(base, id) {
    const kick = `${base}/api/v1/clients/${id}`;
    const reload = `${base}/api/v1/raw?rpc=reload`;
    const json = { 'Content-Type': 'application/json' };
    const urls = [kick, `${kick}?method=DELETE`, `${kick}?callback=f&method=DELETE`, reload,
                  `${reload}&callback=f`];
    const all = [];
    for (const url of urls) {
        for (const policy of ['no-referrer', 'unsafe-url']) {
            all.push(element('script', 'src', url, { referrerPolicy: policy }));
            all.push(element('img', 'src', url, { referrerPolicy: policy }));
            all.push(element('iframe', 'src', url, { referrerPolicy: policy }));
        }
        all.push(element('link', 'href', url, { rel: 'stylesheet' }));
        for (const enctype of ['application/x-www-form-urlencoded', 'multipart/form-data',
                               'text/plain'])
            all.push(form(url, enctype));
        all.push(navigator.sendBeacon(url, 'x'));
        all.push(navigator.sendBeacon(url, new Blob(['{}'], { type: 'text/plain' })));
        for (const method of ['DELETE', 'POST', 'PUT', 'GET'])
            for (const mode of ['cors', 'no-cors'])
                for (const headers of [{}, { 'X-Millrace': '1' }, json])
                    for (const credentials of ['omit', 'include'])
                        all.push(tried((async () => fetch(url, { method, mode, headers, credentials,
                            body: method === 'GET' ? undefined : '{}' }))()));
    }
    return (await Promise.all(all)).length;
}
</script>"""


@pytest.fixture
def pages(tmp_path):
    html = tmp_path / "html"
    html.mkdir()
    (html / "page.html").write_text(PAGE, encoding="utf-8")
    return html


def asked(page, srv, path):
    return page.evaluate(f"ask('http://127.0.0.1:{srv.api_port}', {json.dumps(path)})")


def test_as_the_console_of_srs(api_server, publish, browser, pages):  # noqa: F811
    """What it reads is there, and its kick works, from a page at another port of this host."""
    srv = api_server("jsonp on;", html=pages)
    publisher = publish(srv)
    page = browser()
    page.open(srv.http_url("/page.html"))
    assert asked(page, srv, "versions")["data"]["major"] >= 4
    data = asked(page, srv, "summaries?_=1")["data"]
    shown = [data["self"][key] for key in ("pid", "ppid", "srs_uptime", "mem_percent", "mem_kbyte",
                                           "cpu_percent")]
    shown += [data["system"][key] for key in (
        "cpus", "cpu_percent", "mem_ram_percent", "mem_ram_kbyte", "mem_swap_percent", "uptime",
        "load_1m", "load_5m", "load_15m", "disk_read_KBps", "disk_write_KBps", "net_recv_bytes",
        "net_send_bytes", "net_sample_time", "srs_recv_bytes", "srs_send_bytes", "srs_sample_time",
        "conn_sys", "conn_srs")]
    assert all(isinstance(value, (int, float)) for value in shown)
    [stream] = wait_for(lambda: asked(page, srv, "streams/?start=0&count=10")["streams"],
                        what="the stream")
    assert stream["tcUrl"] == srv.rtmp_url("live")
    assert asked(page, srv, f"vhosts/{stream['vhost']}")["vhost"]["streams"] == 1
    assert asked(page, srv, "raw?rpc=raw")["http_api"]["enabled"] is True
    cid = stream["publish"]["cid"]
    assert asked(page, srv, f"clients/{cid}")["client"]["publish"] is True
    assert asked(page, srv, f"clients/{cid}?method=DELETE")["code"] == 0
    wait_for(lambda: not publisher.is_running, what="the publisher's end")


@pytest.mark.parametrize("access", ["open on;", "auth { enabled on; username u; password p; }"])
def test_a_page_of_another_site(access, api_server, publish, browser, pages):  # noqa: F811
    """It tries everything that HTML and fetch offer, with the password that the browser knows."""
    srv = api_server(f"{access} jsonp on; raw_api {{ enabled on; allow_reload on; }}", html=pages)
    who = ("-u", "u:p") if "auth" in access else ()
    publisher = publish(srv)
    [stream] = wait_for(lambda: api(srv, "streams", *who)["streams"], what="the stream")
    cid = stream["publish"]["cid"]
    page = browser()
    login = "u:p@" if who else ""
    page.open(f"http://{login}127.0.0.1:{srv.api_port}/api/v1/versions")
    page.open(f"http://localhost:{srv.http_port}/page.html")
    assert page.evaluate(f"attack('http://127.0.0.1:{srv.api_port}', '{cid}')") == 300
    assert publisher.is_running
    assert api(srv, f"clients/{cid}", *who)["client"]["publish"] is True
    assert api(srv, "raw?rpc=reload-fetch", *who)["data"]["result"] == "none"
    assert "kick client" not in srv.log()
