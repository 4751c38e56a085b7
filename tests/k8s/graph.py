"""The rendered objects as a graph: everything that one of them names must be there, and fit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.k8s.pod_commands import Known, command_faults, listening, script_faults
from tests.k8s.render import AUTOSCALER, COMPONENT, Manifest, Pod, pods, services, title, wear

GIVEN = {("ConfigMap", "kube-root-ca.crt"): {"ca.crt"}, ("ServiceAccount", "default"): set[str]()}
"""What every namespace has."""
_URL = re.compile(r"(?:^|://)(?:[\w.-]+@)?([a-z][a-z0-9-]*):(\d+)(?:/|$)")


def graph_faults(objects: list[Manifest]) -> list[str]:
    """Every reference that leads nowhere, and every port or command that fits nothing."""
    known = _known(objects)
    found = [fault for pod in pods(objects) for fault in _pod_faults(pod, known, objects)]
    for service in services(objects):
        found += _service_faults(service, objects)
    for manifest in objects:
        found += _object_faults(manifest, objects, known)
    return found


def _known(objects: list[Manifest]) -> Known:
    known = dict(GIVEN)
    for o in objects:
        keys = {**o.get("data", {}), **o.get("stringData", {}), **o.get("binaryData", {})}
        known[(o["kind"], o["metadata"]["name"])] = set(keys)
    return known


def _pod_faults(pod: Pod, known: Known, objects: list[Manifest]) -> Iterator[str]:
    spec = pod.spec
    volumes = {volume["name"] for volume in spec.get("volumes", [])} | set(pod.claims)
    for kind, name, keys in _references(pod):
        if (kind, name) not in known:
            yield f"{pod.owner}: there is no {kind} {name}"
        elif keys - known[(kind, name)]:
            yield f"{pod.owner}: {kind} {name} has no key {', '.join(sorted(keys - known[(kind, name)]))}"
    mounted = {mount["name"] for container in pod.containers for mount in container.get("volumeMounts", [])}
    yield from (f"{pod.owner}: mounts volume {name}, which it does not have" for name in sorted(mounted - volumes))
    yield from (
        f"{pod.owner}: volume {name} is mounted nowhere" for name in sorted(_unused(pod, volumes - mounted))
    )
    for container in pod.containers:
        yield from (f"{pod.owner}: {fault}" for fault in _container_faults(container))
        yield from (f"{pod.owner}: {fault}" for fault in script_faults(container, spec, known))
        for value in _values(container, known, objects):
            for host, port in _URL.findall(value):
                if not _served(host, int(port), objects):
                    yield f"{pod.owner}: no service {host}:{port}, which {container['name']} is told of"


def _unused(pod: Pod, volumes: set[str]) -> set[str]:
    """The autoscaler's volumes stay where the autoscaler is switched off."""
    off = pod.owner.endswith(" head") and all(c["name"] != AUTOSCALER for c in pod.containers)
    return volumes - {"autoscaler-tmp", "kubernetes-api"} if off else volumes


def _references(pod: Pod) -> Iterator[tuple[str, str, set[str]]]:
    """Kind and name of everything that a pod needs, with the keys of it that it needs."""
    for container in pod.containers:
        for entry in container.get("env", []):
            for key, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                if key in entry.get("valueFrom", {}):
                    reference = entry["valueFrom"][key]
                    yield kind, reference["name"], {reference["key"]}
        for entry in container.get("envFrom", []):
            for key, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
                if key in entry:
                    yield kind, entry[key]["name"], set()
    for volume in pod.spec.get("volumes", []):
        for source in [volume, *volume.get("projected", {}).get("sources", [])]:
            yield from _volume_reference(source)
    yield "ServiceAccount", pod.spec.get("serviceAccountName", "default"), set()
    if "priorityClassName" in pod.spec:
        yield "PriorityClass", pod.spec["priorityClassName"], set()


def _volume_reference(source: Manifest) -> Iterator[tuple[str, str, set[str]]]:
    if "configMap" in source:
        yield (
            "ConfigMap",
            source["configMap"]["name"],
            {item["key"] for item in source["configMap"].get("items", [])},
        )
    if "secret" in source:
        yield "Secret", source["secret"].get("secretName", source["secret"].get("name")), set()
    if "persistentVolumeClaim" in source:
        yield "PersistentVolumeClaim", source["persistentVolumeClaim"]["claimName"], set()


def _container_faults(container: Manifest) -> Iterator[str]:
    """Ports declared and not listened on, or the other way; probes of other ports; commands we do not have."""
    name, ports = container["name"], container.get("ports", [])
    declared, listened = {port["containerPort"] for port in ports}, listening(container)
    if declared != listened:
        yield f"{name} declares ports {sorted(declared)} and listens on {sorted(listened)}"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        for check in ("httpGet", "tcpSocket"):
            port = container.get(probe, {}).get(check, {}).get("port")
            if port is not None and port not in declared | {p.get("name") for p in ports}:
                yield f"{name}: {probe} asks port {port}, which it does not declare"
    hook = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command")
    for command in filter(None, (container.get("command"), hook)):
        if container["image"].split(":")[0] == "paceline":
            yield from (f"{name}: {fault}" for fault in command_faults(command))


def _values(container: Manifest, known: Known, objects: list[Manifest]) -> Iterator[str]:
    """Every text in which a container may be told of another's address."""
    yield from (str(word) for word in [*container.get("command", []), *container.get("args", [])])
    yield from (entry.get("value", "") for entry in container.get("env", []))
    maps = {o["metadata"]["name"]: o.get("data", {}) for o in objects if o["kind"] == "ConfigMap"}
    for entry in container.get("envFrom", []):
        values = maps.get(entry.get("configMapRef", {}).get("name"), {})
        yield from (value for key, value in values.items() if not key.endswith("_HOSTS"))


def _served(host: str, port: int, objects: list[Manifest]) -> bool:
    return any(
        service["metadata"]["name"] == host and port in [p["port"] for p in service["spec"]["ports"]]
        for service in services(objects)
    )


def _service_faults(service: Manifest, objects: list[Manifest]) -> Iterator[str]:
    selector = {"matchLabels": service["spec"]["selector"]}
    selected = [pod for pod in pods(objects) if wear(pod.labels, selector)]
    if not selected:
        yield f"{title(service)} selects no pod"
    for pod in selected:
        ports = [port for container in pod.containers for port in container.get("ports", [])]
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            if target not in [p["containerPort"] for p in ports] + [p["name"] for p in ports]:
                yield f"{title(service)}: {pod.owner} has no port {target}"


def _object_faults(manifest: Manifest, objects: list[Manifest], known: Known) -> Iterator[str]:
    kind, spec = manifest["kind"], manifest.get("spec") or {}
    if kind in ("Deployment", "StatefulSet"):
        labels = spec["template"]["metadata"]["labels"]
        if not wear(labels, spec["selector"]):
            yield f"{title(manifest)} does not select its own pods"
    if kind == "NetworkPolicy" and not any(wear(pod.labels, spec["podSelector"]) for pod in pods(objects)):
        yield f"{title(manifest)} selects no pod"
    if kind == "Ingress":
        yield from _ingress_faults(manifest, objects, known)
    if kind == "RayCluster" and "gcsFaultToleranceOptions" in spec:
        options = spec["gcsFaultToleranceOptions"]
        reference = options["redisPassword"]["valueFrom"]["secretKeyRef"]
        if reference["key"] not in known.get(("Secret", reference["name"]), set()):
            yield f"{title(manifest)}: Secret {reference['name']} has no key {reference['key']}"
        host, _, port = options["redisAddress"].partition(":")
        if not _served(host, int(port), objects):
            yield f"{title(manifest)}: no service {options['redisAddress']}"
    if "clusterQueue" in spec and ("ClusterQueue", spec["clusterQueue"]) not in known:
        yield f"{title(manifest)}: there is no ClusterQueue {spec['clusterQueue']}"
    for group in spec.get("resourceGroups", []):
        for flavor in group["flavors"]:
            if ("ResourceFlavor", flavor["name"]) not in known:
                yield f"{title(manifest)}: there is no ResourceFlavor {flavor['name']}"


def _ingress_faults(ingress: Manifest, objects: list[Manifest], known: Known) -> Iterator[str]:
    spec, notes = ingress["spec"], ingress["metadata"].get("annotations", {})
    secured = {host for entry in spec.get("tls", []) for host in entry["hosts"]}
    by_name = {service["metadata"]["name"]: service for service in services(objects)}
    for rule in spec["rules"]:
        if rule["host"] not in secured:
            yield f"{title(ingress)}: {rule['host']} has no TLS"
        for path in rule["http"]["paths"]:
            backend = path["backend"]["service"]
            ports = by_name.get(backend["name"], {"spec": {"ports": []}})["spec"]["ports"]
            if not any(set(backend["port"].values()) & {p["port"], p.get("name")} for p in ports):
                yield f"{title(ingress)}: no service {backend['name']} with port {backend['port']}"
    for entry in spec.get("tls", []):
        made = "cert-manager.io/cluster-issuer" in notes or ("Secret", entry["secretName"]) in known
        if not made:
            yield f"{title(ingress)}: nobody makes the secret {entry['secretName']}"


def components(objects: list[Manifest]) -> set[str]:
    """The kinds of pods that there are."""
    return {pod.labels.get(COMPONENT, "") for pod in pods(objects)}
