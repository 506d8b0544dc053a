"""doc/openapi.yaml and the server say the same: real answers of every address fit their schemas, and
every address that the server names is described."""

import jsonschema
import yaml

from api_kit import api, api_server  # noqa: F401
from harness import ROOT, curl, wait_for

DESCRIPTION = yaml.safe_load((ROOT / "doc" / "openapi.yaml").read_text(encoding="utf-8"))
PREFIX = "/api/v1/"


def resolve(thing):
    """What a reference names."""
    while "$ref" in thing and thing["$ref"].startswith("#/components/responses/"):
        thing = DESCRIPTION["components"]["responses"][thing["$ref"].rsplit("/", 1)[1]]
    return thing


def check(path, answer, method="get"):
    """Whether the answer to a request for this path of the description is as it says."""
    described = DESCRIPTION["paths"][path][method]["responses"]
    assert str(answer.status) in described, (path, answer.status, answer.text)
    content = resolve(described[str(answer.status)]).get("content")
    if content is None:
        return
    schema = {**content["application/json"]["schema"], "components": DESCRIPTION["components"],
              "$schema": "https://json-schema.org/draft/2020-12/schema"}
    jsonschema.Draft202012Validator(schema).validate(answer.json())


def test_real_answers(api_server, publish):  # noqa: F811
    srv = api_server("qoe on; raw_api { enabled on; allow_reload on; }",
                     vhosts="vhost a.example { token { key hidden; } }")
    base = f"http://127.0.0.1:{srv.api_port}"
    publisher = publish(srv)
    [stream] = wait_for(lambda: [s for s in api(srv, "streams")["streams"]
                                 if s["video"] and s["audio"]], what="the stream")
    ids = {"streams": stream["id"], "vhosts": stream["vhost"], "clients": stream["publish"]["cid"]}
    queries = {"/api/v1/raw": ["?rpc=raw", "?rpc=reload", "?rpc=reload-fetch", "?rpc=x"],
               "/api/v1/clusters": ["?vhost=x&app=live&stream=no",
                                    "?vhost=__defaultVhost__&app=live&stream=livestream"]}
    check("/api/v1/qoe", curl(f"{base}/api/v1/qoe", "-d",
                              '{"url":"/live/livestream.flv","watched_ms":1,"startup_ms":400}'),
          "post")
    assert api(srv, "qoe")["qoe"]
    record = "/api/v1/streams/{id}/record"
    for name in (stream["id"], "no-such-id"):
        for action in ("start", "stop", "pause"):
            check(record, curl(base + record.replace("{id}", name), "-d", f'{{"action":"{action}"}}',
                               "-H", "Content-Type: application/json"), "post")
    for path in DESCRIPTION["paths"]:
        if "get" not in DESCRIPTION["paths"][path]:
            continue
        for query in queries.get(path, [""]):
            names = [ids[path.split("/")[3]], "no-such-id"] if "{id}" in path else [""]
            for name in names:
                where = srv.http_url("") if path.startswith("/players/") else base
                check(path, curl(where + path.replace("{id}", name) + query))
    check("/api/v1/clients/{id}", curl(f"{base}/api/v1/clients/{ids['clients']}", "-X", "DELETE"),
          "delete")
    check("/api/v1/clients/{id}", curl(f"{base}/api/v1/clients/x", "-X", "DELETE"), "delete")
    wait_for(lambda: not publisher.is_running, what="the publisher's end")
    check("/api/v1/clients", curl(f"{base}/api/v1/clients", "-H", "Host: evil.example"))


def test_every_address_is_described(api_server):  # noqa: F811
    srv = api_server()
    urls = api(srv, "")["urls"]
    tests = {f"tests/{name}" for name in urls.pop("tests")}
    described = {path[len(PREFIX):].split("/{")[0] for path in DESCRIPTION["paths"]
                 if path.startswith(PREFIX)} - {""}
    assert described == urls.keys() | tests


def test_the_password(api_server):  # noqa: F811
    srv = api_server("auth { enabled on; username u; password p; }")
    for path in DESCRIPTION["paths"]:
        if path.startswith("/api/"):
            method = next(name for name in ("get", "post") if name in DESCRIPTION["paths"][path])
            answer = curl(f"http://127.0.0.1:{srv.api_port}" + path.replace("{id}", "x"),
                          "-X", method.upper())
            assert answer.status == 401, path
            check(path, answer, method)
