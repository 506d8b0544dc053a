"""What may be in conf/deploy: JSON schemas that are stricter than those of the tools. A misspelled key
is a mistake, not an extension."""

TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
NUMBER = {"type": "integer", "minimum": 0}
YES = {"const": True}
NAME = {"type": "string", "pattern": "^[a-z]([a-z0-9-]*[a-z0-9])?$"}
LABELS = {"type": "object", "additionalProperties": TEXT, "minProperties": 1}


def record(required="", more=None, **fields):
    """An object with these fields and no other."""
    return {"type": "object", "additionalProperties": False, "required": required.split(),
            "properties": {**(more or {}), **fields}}


def some(item):
    return {"type": "array", "items": item, "minItems": 1}


# ---- compose ----

HEALTHCHECK = record("test interval timeout retries", test={"type": "array", "items": {"type": "string"}, "minItems": 2},
                     interval=TEXT, timeout=TEXT, retries=NUMBER)
SERVICE = record(
    "image restart", image=TEXT, build=TEXT, command=TEXTS, read_only=YES, tmpfs=TEXTS, cap_drop={"const": ["ALL"]},
    security_opt={"const": ["no-new-privileges:true"]}, stop_grace_period={"type": "string", "pattern": r"^\d+[smh]$"},
    restart={"enum": ["unless-stopped"]}, ulimits=record("nofile", nofile=NUMBER), healthcheck=HEALTHCHECK,
    volumes=some({"type": "string", "pattern": r"^[^:]+:/[^:]+(:ro)?$"}),
    ports=some({"type": "string", "pattern": r"^(127\.0\.0\.1:)?\d+:\d+$"}),
    depends_on={"type": "object", "additionalProperties":
                record("condition", condition={"enum": ["service_healthy", "service_started"]})})
COMPOSE = {**record("name services", name=NAME,
                    services={"type": "object", "additionalProperties": SERVICE, "minProperties": 1},
                    volumes={"type": "object", "additionalProperties": {"type": "null"}}),
           "patternProperties": {"^x-": {"type": "object"}}}

# ---- Kubernetes ----

META = record("name", name=NAME, labels=LABELS)
SELECTOR = record("matchLabels", matchLabels=LABELS)
PROBE = record("tcpSocket periodSeconds", tcpSocket=record("port", port=NAME), periodSeconds=NUMBER, failureThreshold=NUMBER)
SIZES = record("", cpu={"type": "string", "pattern": r"^\d+m?$"}, memory={"type": "string", "pattern": r"^\d+(Mi|Gi)$"})
CONTAINER = record(
    "name image args ports securityContext readinessProbe resources", name=NAME, image=TEXT, args=TEXTS,
    env=some(record("name value", name={"type": "string", "pattern": "^SRS_[A-Z_]+$"}, value=TEXT)),
    ports=some(record("name containerPort", name=NAME, containerPort=NUMBER)),
    securityContext=record("allowPrivilegeEscalation readOnlyRootFilesystem capabilities",
                           allowPrivilegeEscalation={"const": False}, readOnlyRootFilesystem=YES,
                           capabilities={"const": {"drop": ["ALL"]}}),
    startupProbe=PROBE, readinessProbe=PROBE, resources=record("requests limits", requests=SIZES, limits=SIZES),
    volumeMounts=some(record("name mountPath", name=NAME, mountPath={"type": "string", "pattern": "^/"}, readOnly=YES)))
VOLUME = {**record("name", name=NAME, configMap=record("name", name=NAME),
                   emptyDir=record("sizeLimit", medium={"const": "Memory"}, sizeLimit=TEXT)), "minProperties": 2, "maxProperties": 2}
POD = record("metadata spec", metadata=record("labels", labels=LABELS, annotations=LABELS), spec=record(
    "containers securityContext automountServiceAccountToken", automountServiceAccountToken={"const": False},
    terminationGracePeriodSeconds=NUMBER,
    securityContext=record("runAsNonRoot runAsUser seccompProfile", runAsNonRoot=YES,
                           runAsUser={"type": "integer", "minimum": 1}, runAsGroup={"type": "integer", "minimum": 1},
                           fsGroup={"type": "integer", "minimum": 1}, seccompProfile={"const": {"type": "RuntimeDefault"}}),
    topologySpreadConstraints=some(record("maxSkew topologyKey whenUnsatisfiable labelSelector", maxSkew=NUMBER, topologyKey=TEXT,
                                          whenUnsatisfiable={"enum": ["ScheduleAnyway", "DoNotSchedule"]}, labelSelector=SELECTOR)),
    containers=some(CONTAINER), volumes=some(VOLUME)))


def kind(version, name, spec=None):
    fields = {"apiVersion": {"const": version}, "kind": {"const": name}, "metadata": META}
    return record(" ".join(fields) + (" spec" if spec else ""), {**fields, **({"spec": spec} if spec else {})})


KINDS = {
    "Namespace": kind("v1", "Namespace"),
    "Service": kind("v1", "Service", record(
        "selector ports", selector=LABELS, clusterIP={"const": "None"}, type={"enum": ["ClusterIP", "LoadBalancer"]},
        externalTrafficPolicy={"enum": ["Local", "Cluster"]},
        ports=some(record("name port targetPort", name=NAME, port=NUMBER, targetPort=NAME)))),
    "Deployment": kind("apps/v1", "Deployment", record(
        "replicas selector template", replicas=NUMBER, selector=SELECTOR, template=POD,
        strategy=record("type rollingUpdate", type={"const": "RollingUpdate"},
                        rollingUpdate=record("maxSurge maxUnavailable", maxSurge=NUMBER, maxUnavailable=NUMBER)))),
    "StatefulSet": kind("apps/v1", "StatefulSet", record(
        "serviceName replicas selector template", serviceName=NAME, replicas=NUMBER, selector=SELECTOR, template=POD,
        podManagementPolicy={"enum": ["Parallel", "OrderedReady"]})),
    "NetworkPolicy": kind("networking.k8s.io/v1", "NetworkPolicy", record(
        "podSelector policyTypes ingress", podSelector=SELECTOR, policyTypes={"const": ["Ingress"]},
        ingress=some(record("from ports", more={"from": some(record("podSelector", podSelector=SELECTOR))},
                            ports=some(record("port", port=NAME)))))),
    "PodDisruptionBudget": kind("policy/v1", "PodDisruptionBudget", record(
        "maxUnavailable selector", maxUnavailable=NUMBER, selector=SELECTOR)),
}
KUSTOMIZATION = record(
    "apiVersion kind namespace resources configMapGenerator images", apiVersion={"const": "kustomize.config.k8s.io/v1beta1"},
    kind={"const": "Kustomization"}, namespace=NAME, resources=TEXTS, configMapGenerator=some(record("name files", name=NAME, files=TEXTS)),
    images=some(record("name newName newTag", name=TEXT, newName=TEXT, newTag=TEXT)))
