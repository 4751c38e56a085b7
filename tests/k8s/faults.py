"""Changes that break the manifests, one of each kind, with what the checks must say of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.k8s.render import Manifest, named

Change = Callable[[list[Manifest]], Any]


def at(manifest: Any, path: str) -> Any:
    """What lies at a dotted path."""
    for key in path.split("."):
        manifest = manifest[int(key)] if key.isdigit() else manifest[key]
    return manifest


def put(kind: str, name: str, path: str, value: Any) -> Change:
    """Writes a value at a path of one object."""

    def change(objects: list[Manifest]) -> None:
        parent, _, last = path.rpartition(".")
        target = named(objects, kind, name)
        (at(target, parent) if parent else target)[int(last) if last.isdigit() else last] = value

    return change


def drop(kind: str, name: str, path: str = "") -> Change:
    """Takes away a whole object, or what lies at a path of it."""

    def change(objects: list[Manifest]) -> None:
        target = named(objects, kind, name)
        if not path:
            objects.remove(target)
            return
        parent, _, last = path.rpartition(".")
        holder = at(target, parent) if parent else target
        holder.pop(int(last) if last.isdigit() else last)

    return change


JOB, HEAD = ("RayJob", "paceline-template"), "spec.rayClusterSpec.headGroupSpec.template.spec"
WORKER = "spec.rayClusterSpec.workerGroupSpecs.0.template.spec"
MLFLOW, CONTAINER = ("Deployment", "mlflow"), "spec.template.spec.containers.0"

BROKEN_SCHEMA: dict[str, tuple[Change, str]] = {
    "an unknown key": (put(*MLFLOW, "spec.replica", 1), "replica"),
    "a wrong type": (put(*MLFLOW, "spec.replicas", "one"), "one"),
    "a missing selector": (drop(*MLFLOW, "spec.selector"), "selector"),
    "a bad protocol": (put("NetworkPolicy", "postgres", "spec.ingres", []), "ingres"),
    "an unknown key of a RayJob": (put(*JOB, "spec.ttlSeconds", 5), "ttlSeconds"),
    "an unknown key deep in a RayCluster": (
        put(*JOB, f"{HEAD}.containers.0.imagePullPolice", "Always"),
        "PullPolice",
    ),
    "a wrong type in a RayJob": (put(*JOB, "spec.backoffLimit", "two"), "two"),
    "no maxReplicas": (drop(*JOB, "spec.rayClusterSpec.workerGroupSpecs.0.maxReplicas"), "maxReplicas"),
    "an unknown authentication": (put(*JOB, "spec.rayClusterSpec.authOptions.mode", "basic"), "basic"),
    "a deadline of nothing": (put(*JOB, "spec.preRunningDeadlineSeconds", 0), "0 is less than the minimum"),
    "half a deletion strategy, by CEL": (
        put(*JOB, "spec.deletionStrategy", {"onSuccess": {"policy": "DeleteCluster"}}),
        "deletionStrategy requires",
    ),
    "two deletion strategies, by CEL": (
        put(
            *JOB,
            "spec.deletionStrategy",
            {
                "onSuccess": {"policy": "DeleteCluster"},
                "onFailure": {"policy": "DeleteCluster"},
                "deletionRules": [{"policy": "DeleteSelf", "condition": {"jobStatus": "FAILED", "ttlSeconds": 1}}],
            },
        ),
        "cannot be used together",
    ),
}

BROKEN_GRAPH: dict[str, tuple[Change, str]] = {
    "a service that selects nobody": (
        put("Service", "mlflow", "spec.selector", {"app.kubernetes.io/component": "ui"}),
        "selects no pod",
    ),
    "a service of a port that nobody has": (
        put("Service", "s3", "spec.ports.0.targetPort", "web"),
        "has no port web",
    ),
    "a port that nobody listens on": (put(*MLFLOW, f"{CONTAINER}.ports.0.containerPort", 5001), "listens on"),
    "a server that listens elsewhere": (put(*MLFLOW, f"{CONTAINER}.command.3", "--port=5001"), "listens on"),
    "a probe of another port": (put(*MLFLOW, f"{CONTAINER}.livenessProbe.httpGet.port", "web"), "asks port web"),
    "a missing secret": (drop("Secret", "postgres"), "there is no Secret postgres"),
    "a missing key": (drop("Secret", "s3", "stringData.access_key_id"), "has no key access_key_id"),
    "a missing config map": (drop("ConfigMap", "paceline"), "there is no ConfigMap paceline"),
    "a missing volume": (drop(*JOB, f"{WORKER}.volumes.0"), "mounts volume home"),
    "a volume that nobody mounts": (drop(*JOB, f"{WORKER}.containers.0.volumeMounts.1"), "is mounted nowhere"),
    "a missing claim": (drop("PersistentVolumeClaim", "paceline-home"), "there is no PersistentVolumeClaim"),
    "a missing priority": (drop("PriorityClass", "paceline-normal"), "there is no PriorityClass"),
    "a service account that nobody makes": (
        put(*MLFLOW, "spec.template.spec.serviceAccountName", "mlflow"),
        "there is no ServiceAccount",
    ),
    "a deployment that does not know its pods": (
        put(*MLFLOW, "spec.selector.matchLabels", {"app.kubernetes.io/component": "ui"}),
        "does not select its own pods",
    ),
    "an address of nothing": (put("ConfigMap", "paceline", "data.AWS_ENDPOINT_URL", "http://s3:9000"), "s3:9000"),
    "a database of nothing": (drop("Service", "postgres"), "no service postgres:5432"),
    "a module that is not ours": (
        put(*JOB, f"{WORKER}.containers.0.lifecycle.preStop.exec.command.2", "cluster.goodbye"),
        "no module cluster.goodbye",
    ),
    "a program that is not ours": (put(*MLFLOW, f"{CONTAINER}.command.0", "mlfow"), "has a command mlfow"),
    "an option that MLflow does not have": (
        put(*MLFLOW, f"{CONTAINER}.command.4", "--processes=1"),
        "has no option --processes",
    ),
    "a command that MLflow does not have": (
        put(*MLFLOW, "spec.template.spec.initContainers.0.command.2", "migrate"),
        "no command migrate",
    ),
    "a script that is not there": (
        put("Job", "setup", "spec.template.spec.containers.0.command.1", "/etc/setup/start.py"),
        "which no ConfigMap puts there",
    ),
    "a policy about nobody": (
        put("NetworkPolicy", "postgres", "spec.podSelector.matchLabels", {"app.kubernetes.io/component": "pg"}),
        "selects no pod",
    ),
    "an ingress to nothing": (
        put("Ingress", "ray", "spec.rules.0.http.paths.0.backend.service.name", "ray"),
        "service ray",
    ),
    "an ingress without TLS": (put("Ingress", "mlflow", "spec.tls", []), "has no TLS"),
    "a certificate that nobody makes": (
        drop("Ingress", "mlflow", "metadata.annotations"),
        "nobody makes the secret",
    ),
    "fault tolerance without a password": (
        drop("Secret", "valkey", "stringData.password"),
        "Secret valkey has no key",
    ),
}

BROKEN_SECURITY: dict[str, tuple[Change, str]] = {
    "a writable image": (
        put(*JOB, f"{HEAD}.containers.0.securityContext.readOnlyRootFilesystem", False),
        "can write to its image",
    ),
    "root": (put(*MLFLOW, "spec.template.spec.securityContext.runAsNonRoot", False), "may run as root"),
    "more privileges": (
        drop(*MLFLOW, f"{CONTAINER}.securityContext.allowPrivilegeEscalation"),
        "may gain privileges",
    ),
    "capabilities": (
        put(*MLFLOW, f"{CONTAINER}.securityContext.capabilities", {"add": ["NET_RAW"]}),
        "capabilities",
    ),
    "no seccomp": (
        drop(*JOB, "spec.submitterPodTemplate.spec.securityContext.seccompProfile"),
        "no seccomp profile",
    ),
    "the host's files": (
        put(*MLFLOW, "spec.template.spec.volumes.1", {"name": "tmp", "hostPath": {"path": "/"}}),
        "kind",
    ),
    "the host's network": (put(*MLFLOW, "spec.template.spec.hostNetwork", True), "host's namespaces"),
    "a token for everyone": (drop(*JOB, f"{HEAD}.automountServiceAccountToken"), "service account's token"),
    "an unlocked autoscaler": (
        drop(*JOB, "spec.rayClusterSpec.autoscalerOptions.securityContext"),
        "autoscaler may gain privileges",
    ),
    "no memory limit": (drop(*MLFLOW, f"{CONTAINER}.resources.limits.memory"), "no limit of memory"),
    "no probe": (drop(*MLFLOW, f"{CONTAINER}.livenessProbe"), "has no livenessProbe"),
    "an open version": (put(*MLFLOW, f"{CONTAINER}.image", "paceline:latest"), "version is open"),
    "a password written out": (
        put(*MLFLOW, f"{CONTAINER}.env.0", {"name": "PGPASSWORD", "value": "letmein"}),
        "PGPASSWORD written out",
    ),
    "Ray without a token": (put(*JOB, "spec.rayClusterSpec.authOptions.mode", "disabled"), "authentication is off"),
    "a lax namespace": (
        put("Namespace", "paceline", "metadata.labels", {"pod-security.kubernetes.io/enforce": "baseline"}),
        "does not enforce restricted",
    ),
    "more GPUs than asked for": (
        put(*JOB, f"{WORKER}.containers.0.resources.requests", {"cpu": 1, "memory": "1Gi", "nvidia.com/gpu": 2}),
        "as many GPUs",
    ),
}

BROKEN_NETWORK: dict[str, tuple[Change, set[tuple[str, str, Any]], set[tuple[str, str, Any]]]] = {
    "a missing policy closes": (
        drop("NetworkPolicy", "postgres"),
        set(),
        {("mlflow", "postgres", 5432), ("ray-head", "postgres", 5432)},
    ),
    "one side alone opens nothing": (
        put(
            "NetworkPolicy",
            "postgres",
            "spec.ingress.0.from.0.podSelector",
            {"matchLabels": {"app.kubernetes.io/part-of": "paceline"}},
        ),
        set(),
        set(),
    ),
    "everyone at the dashboard": (
        put("NetworkPolicy", "ray-head", "spec.ingress.2.from", []),
        {(who, "ray-head", 8265) for who in ("impostor", "ingress", "neighbour", "internet", "kubernetes", "dns")},
        set(),
    ),
    "an operator anywhere": (
        put("NetworkPolicy", "ray-head", "spec.ingress.2.from.0.namespaceSelector", {}),
        {("impostor", "ray-head", 8265)},
        set(),
    ),
    "a wrong port": (
        put("NetworkPolicy", "s3", "spec.ingress.0.ports.0.port", 9000),
        set(),
        {(who, "s3", 7070) for who in ("mlflow", "setup", "ray-head", "ray-worker")},
    ),
    "the internet": (
        put(
            "NetworkPolicy",
            "ray-head-kubernetes-api",
            "spec.egress.0",
            {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]},
        ),
        {("ray-head", "kubernetes", "*"), ("ray-head", "internet", "*")},
        {("ray-head", "kubernetes", 6443)},
    ),
}
