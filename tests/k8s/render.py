"""Kustomizations rendered, and their pods: those that Kubernetes makes and those that KubeRay makes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.paths import ROOT

Manifest = dict[str, Any]

K8S = ROOT / "k8s"
COMPONENT = "app.kubernetes.io/component"
AUTOSCALER = "autoscaler"


def kustomize(folder: Path) -> list[Manifest]:
    """Every object of a kustomization. Skips the test where there is no kubectl."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return parse(done.stdout)


def parse(text: str) -> list[Manifest]:
    """The documents of a YAML stream."""
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


def secrets(namespace: str = "paceline") -> list[Manifest]:
    """What the script prints that makes the secrets."""
    done = subprocess.run([str(K8S / "secrets.sh"), namespace], capture_output=True, text=True, check=True)
    return parse(done.stdout)


def named(objects: list[Manifest], kind: str, name: str) -> Manifest:
    """The one object of this kind and name."""
    (found,) = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name]
    return found


def title(manifest: Manifest) -> str:
    """How faults name an object."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


@dataclass(frozen=True)
class Pod:
    """A pod that some object makes. ``long`` when it is to run until it is told to end."""

    owner: str
    template: Manifest
    long: bool = True
    claims: tuple[str, ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        return self.template.get("metadata", {}).get("labels", {})

    @property
    def spec(self) -> Manifest:
        return self.template["spec"]

    @property
    def containers(self) -> list[Manifest]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


def pods(objects: list[Manifest]) -> list[Pod]:
    """Every pod that the objects lead to."""
    return [pod for manifest in objects for pod in _pods_of(manifest)]


def _pods_of(manifest: Manifest) -> Iterator[Pod]:
    name, spec = title(manifest), manifest.get("spec") or {}
    if manifest["kind"] in ("Deployment", "Job"):
        yield Pod(name, spec["template"], manifest["kind"] != "Job")
    elif manifest["kind"] == "StatefulSet":
        claims = tuple(claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", []))
        yield Pod(name, spec["template"], claims=claims)
    elif manifest["kind"] == "RayCluster":
        yield from _ray_pods(name, spec)
    elif manifest["kind"] == "RayJob":
        yield from _ray_pods(name, spec["rayClusterSpec"])
        yield Pod(f"{name} submitter", spec["submitterPodTemplate"], long=False)


def _ray_pods(name: str, cluster: Manifest) -> Iterator[Pod]:
    head = cluster["headGroupSpec"]["template"]
    if cluster.get("enableInTreeAutoscaling"):
        head = head | {"spec": head["spec"] | {"containers": [*head["spec"]["containers"], _autoscaler(cluster)]}}
    yield Pod(f"{name} head", head)
    for group in cluster.get("workerGroupSpecs", []):
        yield Pod(f"{name} {group['groupName']}", group["template"])


def _autoscaler(cluster: Manifest) -> Manifest:
    """The container that the operator adds to the head."""
    options = cluster.get("autoscalerOptions", {})
    image = cluster["headGroupSpec"]["template"]["spec"]["containers"][0]["image"]
    kept = {key: options[key] for key in ("resources", "securityContext", "volumeMounts", "env") if key in options}
    return {"name": AUTOSCALER, "image": image, "command": ["ray", "kuberay-autoscaler"]} | kept


def services(objects: list[Manifest]) -> list[Manifest]:
    """The services, with the one that the operator makes for the head of each cluster that stays."""
    found = [o for o in objects if o["kind"] == "Service"]
    for cluster in (o for o in objects if o["kind"] == "RayCluster"):
        head = cluster["spec"]["headGroupSpec"]["template"]
        ports = [{"name": p["name"], "port": p["containerPort"]} for p in head["spec"]["containers"][0]["ports"]]
        selector = {COMPONENT: head["metadata"]["labels"][COMPONENT]}
        metadata = {"name": f"{cluster['metadata']['name']}-head-svc"}
        found.append({"kind": "Service", "metadata": metadata, "spec": {"selector": selector, "ports": ports}})
    return found


def wear(labels: dict[str, str], selector: Manifest | None) -> bool:
    """Whether a label selector selects these labels; None selects nothing."""
    if selector is None:
        return False
    operators = {
        "In": lambda value, values: value in values,
        "NotIn": lambda value, values: value not in values,
        "Exists": lambda value, _: value is not None,
        "DoesNotExist": lambda value, _: value is None,
    }
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(
        operators[e["operator"]](labels.get(e["key"]), e.get("values", []))
        for e in selector.get("matchExpressions", [])
    )
