"""conf/deploy: the compose file and the manifests fit their schemas, each other and the configuration files;
the same topology is started from these configuration files and works."""

import itertools
import re
import signal
import urllib.parse

import jsonschema
import pytest
import yaml

import harness
from deploy_schema import COMPOSE, KINDS, KUSTOMIZATION
from directory_kit import connected, encode, redis  # noqa: F401
from harness import ROOT, SERVER, curl, run, wait_for
from reload_kit import more_media

pytestmark = pytest.mark.once

DEPLOY = ROOT / "conf" / "deploy"
HOME = "/usr/local/millrace/"   # of the image
PORTS = {1935, 8080, 9972}


def valid(schema, value):
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(value)
    return value


def directives(name, directive):
    """The values of a directive in a configuration file."""
    return re.findall(rf"^\s*{directive} ([^;]+);", (DEPLOY / f"{name}.conf").read_text(), re.M)


def hosts(name):
    """The servers that a configuration names: (host, port)."""
    places = [*directives(name, "origin"), *directives(name, "publish_origin"),
              *(urllib.parse.urlsplit(url).netloc for url in directives(name, "directory"))]
    return {(place.split(":")[0], int(place.split(":")[1])) for place in " ".join(places).split()}


def conf_of(words):
    """The configuration that a container's command names."""
    assert words[:2] == ["./objs/server", "-c"] and words[2].startswith("conf/deploy/")
    return words[2].removeprefix("conf/deploy/").removesuffix(".conf")


@pytest.mark.parametrize("name", ["origin", "edge"])
def test_configurations(name, tmp_path):
    done = run([SERVER, "-t", "-c", DEPLOY / f"{name}.conf"])
    assert done.stderr == f"{DEPLOY / name}.conf: configuration ok\n", "no warnings"
    assert {int(port) for port in directives(name, "listen")} == PORTS


# ---- compose ----

@pytest.fixture(scope="module")
def compose():
    return valid(COMPOSE, yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def servers(compose):
    return {name: one for name, one in compose["services"].items() if one["image"] == "millrace"}


def test_compose_is_whole(compose):
    services = compose["services"]
    assert set(services) == {"redis", "origin", "edge1", "edge2", "prometheus", "grafana"}
    assert (DEPLOY / servers(compose)["origin"]["build"] / "Dockerfile").is_file()
    for name, one in services.items():
        for source, target, *_ in (volume.split(":") for volume in one.get("volumes", [])):
            there = (DEPLOY / source).is_file() if source.startswith(".") else source in compose["volumes"]
            assert there and target, f"{name}: {source}"
        for other, how in one.get("depends_on", {}).items():
            assert how["condition"] != "service_healthy" or "healthcheck" in services[other]
    ports = [port.split(":")[-2] for one in services.values() for port in one.get("ports", [])]
    assert len(ports) == len(set(ports))


def test_compose_starts_the_servers(compose):
    for name, one in servers(compose).items():
        conf = conf_of(one["command"])
        assert f"./{conf}.conf:{HOME}conf/deploy/{conf}.conf:ro" in one["volumes"], name
        assert one["read_only"] and one["cap_drop"] and any(where.startswith("/var/lib/millrace") for where in one["tmpfs"])
        assert {int(port.split(":")[-1]) for port in one["ports"]} <= PORTS
        for host, port in hosts(conf):
            assert host in compose["services"] and port in PORTS | {6379}
        # With the drain's waits, there is still time for viewers.
        waits = sum(int(wait) for wait in directives(conf, "grace_start_wait") + directives(conf, "grace_final_wait"))
        assert int(one["stop_grace_period"].removesuffix("s")) * 1000 > 2 * waits


def test_grafana_and_prometheus(compose, tmp_path):
    services = compose["services"]
    scraped = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    targets = scraped["scrape_configs"][0]["static_configs"][0]["targets"]
    assert sorted(targets) == sorted(f"{name}:9972" for name in servers(compose))
    assert "../alerts.yml:/etc/prometheus/" + scraped["rule_files"][0] + ":ro" in services["prometheus"]["volumes"]
    (tmp_path / "alerts.yml").write_bytes((ROOT / "conf" / "alerts.yml").read_bytes())
    (tmp_path / "prometheus.yml").write_bytes((DEPLOY / "prometheus.yml").read_bytes())
    run(["promtool", "check", "config", tmp_path / "prometheus.yml"])
    [source] = yaml.safe_load((DEPLOY / "grafana" / "datasource.yml").read_text())["datasources"]
    where = urllib.parse.urlsplit(source["url"])
    assert services[where.hostname]["ports"] == [f"127.0.0.1:{where.port}:{where.port}"]
    [provider] = yaml.safe_load((DEPLOY / "grafana" / "dashboards.yml").read_text())["providers"]
    assert f"../../research/grafana/millrace.json:{provider['options']['path']}/millrace.json:ro" in services["grafana"]["volumes"]


# ---- Kubernetes ----

@pytest.fixture(scope="module")
def kustomization():
    return valid(KUSTOMIZATION, yaml.safe_load((DEPLOY / "kustomization.yaml").read_text()))


@pytest.fixture(scope="module")
def objects(kustomization):
    files = sorted(str(path.relative_to(DEPLOY)) for path in (DEPLOY / "kubernetes").iterdir())
    assert sorted(kustomization["resources"]) == files
    found = {}
    for one in itertools.chain(*(yaml.safe_load_all((DEPLOY / file).read_text()) for file in files)):
        valid(KINDS[one["kind"]], one)
        assert (one["kind"], one["metadata"]["name"]) not in found
        found[one["kind"], one["metadata"]["name"]] = one
    return found


def pods(objects):
    return {name: one["spec"]["template"] for (kind, name), one in objects.items() if kind in ("Deployment", "StatefulSet")}


def ports_of(pod):
    return {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}


def has(pod, labels):
    return labels.items() <= pod["metadata"]["labels"].items()


def test_selectors(objects):
    """Each selects pods, by ports that these have."""
    for (kind, name), one in objects.items():
        spec = one.get("spec", {})
        if kind == "Service":
            chosen = [pod for pod in pods(objects).values() if has(pod, spec["selector"])]
            assert chosen, name
            for port in spec["ports"]:
                assert all(port["targetPort"] in ports_of(pod) for pod in chosen), f"{name}: {port}"
        elif kind in ("Deployment", "StatefulSet"):
            assert has(spec["template"], spec["selector"]["matchLabels"])
        elif kind == "PodDisruptionBudget":
            assert any(has(pod, spec["selector"]["matchLabels"]) for pod in pods(objects).values())
        elif kind == "NetworkPolicy":
            [rule] = spec["ingress"]
            allowed = rule["from"][0]["podSelector"]["matchLabels"]
            assert {name for name, pod in pods(objects).items() if has(pod, allowed)} == {"origin", "edge"}
    assert ("Service", objects["StatefulSet", "origin"]["spec"]["serviceName"]) in objects


def test_pods(objects, kustomization):
    [generated] = kustomization["configMapGenerator"]
    for name, pod in pods(objects).items():
        spec, ports = pod["spec"], ports_of(pod)
        [container] = spec["containers"]
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        mounts = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", [])}
        assert set(volumes) == set(mounts)
        for probe in ("startupProbe", "readinessProbe"):
            assert container.get(probe, container["readinessProbe"])["tcpSocket"]["port"] in ports
        if container["image"] != "millrace":
            continue
        conf = conf_of(container["args"])
        assert conf == name and f"{conf}.conf" in generated["files"]
        assert volumes["conf"]["configMap"]["name"] == generated["name"] and mounts["conf"] == HOME + "conf/deploy"
        assert set(ports.values()) == PORTS
        assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(ports["metrics"])
        waits = sum(int(wait) for wait in directives(conf, "grace_start_wait") + directives(conf, "grace_final_wait"))
        assert spec["terminationGracePeriodSeconds"] * 1000 > 2 * waits
        for host, port in hosts(conf):
            service = objects["Service", host]["spec"]["ports"]
            assert port in [one["port"] for one in service], f"{name}: {host}:{port}"
        for variable in container.get("env", []):
            assert f"`{variable['name']}`" in (ROOT / "doc" / "configuration.md").read_text()
    assert [image["name"] for image in kustomization["images"]] == ["millrace"]
    user = re.search(r"useradd --uid (\d+)", (ROOT / "Dockerfile").read_text())[1]
    assert {pods(objects)[name]["spec"]["securityContext"]["runAsUser"] for name in ("origin", "edge")} == {int(user)}


@pytest.mark.skipif(not harness.have("kubectl"), reason="no kubectl")
def test_kustomize(objects):
    """kubectl makes the manifests without a cluster: the image and the generated ConfigMap are put in."""
    made = list(yaml.safe_load_all(run(["kubectl", "kustomize", DEPLOY]).stdout))
    assert len(made) == len(objects) + 1
    [conf] = [one for one in made if one["kind"] == "ConfigMap"]
    assert conf["data"] == {name: (DEPLOY / name).read_text() for name in ("origin.conf", "edge.conf")}
    for kind, name in (("StatefulSet", "origin"), ("Deployment", "edge")):
        [one] = [one for one in made if (one["kind"], one["metadata"]["name"]) == (kind, name)]
        spec = one["spec"]["template"]["spec"]
        assert spec["containers"][0]["image"] == "registry.example.com/millrace:latest"
        assert spec["volumes"][0]["configMap"]["name"] == conf["metadata"]["name"]


# ---- the same, started ----

def started(name, store, origin=None):
    """The text of a configuration file with the ports and hosts of this test."""
    text = (DEPLOY / f"{name}.conf").read_text()
    places = {"redis:6379": f"127.0.0.1:{store.port}", "listen 1935;": "listen @RTMP@;", "listen 8080;": "listen @HTTP@;",
              "listen 9972;": "listen @PORT3@;"}
    if origin:
        places |= {"origin origin:8080;": f"origin 127.0.0.1:{origin.http_port};", "dir ./objs/nginx/html;": "dir @HTML@;",
                   "publish_origin origin:1935;": f"publish_origin 127.0.0.1:{origin.rtmp_port};",
                   "grace_start_wait 5000;": "grace_start_wait 100;", "grace_final_wait 1000;": "grace_final_wait 100;"}
    for before, after in places.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


@pytest.fixture
def topology(server, redis):  # noqa: F811
    store = redis()
    origin = connected(server(config=started("origin", store)))
    edges = [connected(server(config=started("edge", store, origin))) for _ in range(2)]
    return store, origin, edges


def test_topology(topology, encode, view):  # noqa: F811
    """Published at the origin and at an edge, played at both edges; an edge that is stopped drains."""
    store, origin, edges = topology
    encode(origin)
    store.wait_entry(origin)
    viewers = [view(edge) for edge in edges]
    for viewer in viewers:
        viewer.wait_media(30)
    encode(edges[1], "live/second")
    store.wait_entry(origin, "live/second")
    view(edges[0], "/live/second.flv").wait_media(30)
    for edge in edges:
        assert 'millrace_stream_published{vhost="__defaultVhost__",app="live",stream="livestream"} 1' in curl(
            f"http://127.0.0.1:{edge.ports[3]}/metrics").text
    # As a container is stopped. The one that is left serves new viewers, the draining one its own.
    edges[1].signal(signal.SIGTERM)
    edges[1].wait_log("drain")
    wait_for(lambda: edges[1].http_port not in harness.listening_ports(), 15, "the listeners to close")
    more_media(viewers[1])
    assert edges[1].is_running
    view(edges[0]).wait_media(10)


def test_prometheus_scrapes_it(topology, tmp_path):
    """With prometheus.yml and the alert rules, but other addresses."""
    _, origin, edges = topology
    text = (DEPLOY / "prometheus.yml").read_text().replace("10s", "1s")
    for name, srv in zip(("origin", "edge1", "edge2"), (origin, *edges)):
        assert text.count(f"{name}:9972") == 1
        text = text.replace(f"{name}:9972", f"127.0.0.1:{srv.ports[3]}")
    (tmp_path / "prometheus.yml").write_text(text)
    (tmp_path / "alerts.yml").write_bytes((ROOT / "conf" / "alerts.yml").read_bytes())
    port = harness.free_port()
    prometheus = harness.Process(
        ["prometheus", f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}",
         f"--web.listen-address=127.0.0.1:{port}"], tmp_path / "prometheus.log")

    def asked(path):
        answer = curl(f"http://127.0.0.1:{port}/api/v1/{path}")
        return answer.json()["data"] if answer.status == 200 else {}

    try:
        query = "query?" + urllib.parse.urlencode({"query": 'up{job="srs"} == 1'})
        wait_for(lambda: len(asked(query).get("result", [])) == 3, 30, "Prometheus to scrape three servers")
        wait_for(lambda: all(rule["health"] == "ok" for group in asked("rules")["groups"] for rule in group["rules"]), 30,
                 "all rules to be evaluated")
    finally:
        prometheus.kill()
