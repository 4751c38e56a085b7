"""Every pod against the Pod Security Standard `restricted`, and what else the house asks of a pod."""

from __future__ import annotations

from collections.abc import Iterator

from tests.k8s.render import AUTOSCALER, Manifest, Pod, pods, title

VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SECRET_WORDS = ("password", "secret", "token", "key")
TELLING = ("secretKeyRef", "fieldRef", "configMapKeyRef")


def security_faults(objects: list[Manifest]) -> list[str]:
    """What `restricted` or the house forbids."""
    found = [f"{pod.owner}: {fault}" for pod in pods(objects) for fault in _pod_faults(pod)]
    spaces = [o for o in objects if o["kind"] == "Namespace"]
    for space in spaces:
        if space["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
            found.append(f"{title(space)} does not enforce restricted")
    for manifest in objects:
        cluster = (
            manifest["spec"].get("rayClusterSpec", manifest["spec"]) if "ray.io" in manifest["apiVersion"] else None
        )
        if cluster is not None and cluster.get("authOptions", {}).get("mode") != "token":
            found.append(f"{title(manifest)}: Ray's token authentication is off")
    return found


def _pod_faults(pod: Pod) -> Iterator[str]:
    spec = pod.spec
    if any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
        yield "uses the host's namespaces"
    if spec.get("automountServiceAccountToken") is not False:
        yield "mounts a service account's token"
    for volume in spec.get("volumes", []):
        if not set(volume) - {"name"} <= VOLUMES:
            yield f"volume {volume['name']} is of a kind that is not allowed"
    if spec.get("securityContext", {}).get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"
    if spec.get("securityContext", {}).get("runAsNonRoot") is not True or not spec["securityContext"].get(
        "runAsUser"
    ):
        yield "may run as root"
    for container in pod.containers:
        yield from (f"{container['name']} {fault}" for fault in _container_faults(container))
    for container in spec["containers"] if pod.long else []:
        missing = {"readinessProbe", "livenessProbe"} - set(container)
        if missing and container["name"] != AUTOSCALER:
            yield f"{container['name']} has no {' and no '.join(sorted(missing))}"


def _container_faults(container: Manifest) -> Iterator[str]:
    context, resources = container.get("securityContext", {}), container.get("resources", {})
    if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
        yield "may gain privileges"
    if context.get("capabilities", {}).get("drop") != ["ALL"] or context.get("capabilities", {}).get("add"):
        yield "keeps capabilities"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "can write to its image"
    for kind in ("requests", "limits"):
        for name in ("cpu", "memory"):
            if name not in resources.get(kind, {}):
                yield f"has no {kind[:-1]} of {name}"
    gpus = {kind: resources.get(kind, {}).get("nvidia.com/gpu") for kind in ("requests", "limits")}
    if gpus["requests"] != gpus["limits"]:
        yield "must ask for as many GPUs as its limit is"
    image = container["image"]
    if ":" not in image.split("/")[-1] or image.endswith(":latest"):
        yield f"runs {image}, whose version is open"
    for entry in container.get("env", []):
        secret = any(word in entry["name"].lower() for word in SECRET_WORDS)
        if secret and not set(entry.get("valueFrom", {})) & set(TELLING):
            yield f"has the value of {entry['name']} written out"
