"""KubeRay's own rules for RayJobs and RayClusters, which the API server does not know.

The operator tests them after the creation and reports ``ValidationFailed``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from packaging.version import InvalidVersion, Version

from search_spaces.types.faults import Fault
from tests.k8s.render import Manifest

MAX_NAME = 47
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_MIN_RAY = Version("2.52.0")


def rayjob_faults(rayjob: Manifest, place: str) -> Iterator[Fault]:
    """Yield the violations of the operator's rules for a RayJob with its own cluster.

    The API server does not check these rules.
    """
    spec, cluster = rayjob["spec"], rayjob["spec"].get("rayClusterSpec")
    name, shutdown = rayjob["metadata"]["name"], spec.get("shutdownAfterJobFinishes", False)
    ttl, backoff = spec.get("ttlSecondsAfterFinished", 0), spec.get("backoffLimit", 0)
    rules = {
        f"metadata.name must be at most {MAX_NAME} characters": len(name) <= MAX_NAME,
        "metadata.name must be lower-case letters, digits and dashes, a letter first": _DNS_1035.fullmatch(name),
        "spec.suspend needs shutdownAfterJobFinishes": shutdown or not spec.get("suspend"),
        "spec.ttlSecondsAfterFinished must be 0 or more": ttl >= 0,
        "spec.ttlSecondsAfterFinished needs shutdownAfterJobFinishes": shutdown or ttl <= 0,
        "spec.activeDeadlineSeconds must be 1 or more": spec.get("activeDeadlineSeconds", 1) >= 1,
        "spec.backoffLimit must be 0 or more": backoff >= 0,
        "spec.rayClusterSpec is required": cluster,
        "spec.deletionStrategy.deletionRules exclude shutdownAfterJobFinishes": not (
            shutdown and (spec.get("deletionStrategy") or {}).get("deletionRules")
        ),
    }
    yield from (Fault(place, name, rule) for rule, held in rules.items() if not held)
    yield from cluster_faults(cluster or {}, f"{place}: {name}")


def cluster_faults(cluster: Manifest, place: str) -> Iterator[Fault]:
    """Yield the violations of the operator's rules for a RayCluster's spec."""
    for path, pod, params, resources in _groups(cluster):
        if not pod["spec"].get("containers"):
            yield Fault(place, path, "must have a container")
        if "labels" in params:
            yield Fault(place, f"{path}.rayStartParams.labels", "is not supported: use labels of the group")
        if resources and set(params) & {"num-cpus", "num-gpus", "memory", "resources"}:
            yield Fault(place, path, "must set resources in rayStartParams or in resources, not in both")
        if cluster.get("enableInTreeAutoscaling") and _is_v2(cluster):
            policy = pod["spec"].get("restartPolicy", "Never")
            if policy != "Never":
                yield Fault(place, path, "restartPolicy must be Never with autoscaler v2", received=policy)
    token = (cluster.get("authOptions") or {}).get("mode") == "token"
    if token and not _knows_tokens(cluster.get("rayVersion")):
        rule = f"must be {_MIN_RAY} or later for token authentication"
        yield Fault(place, "rayVersion", rule, received=repr(cluster.get("rayVersion")))
    if (cluster.get("authOptions") or {}).get("enableK8sTokenAuth"):
        yield Fault(place, "authOptions.enableK8sTokenAuth", "is refused for a RayJob")


def _groups(cluster: Manifest) -> Iterator[tuple[str, Manifest, dict[str, str], Any]]:
    head = cluster.get("headGroupSpec")
    named = [("headGroupSpec", head)] if head else []
    named += [(f"workerGroupSpecs.{group['groupName']}", group) for group in cluster.get("workerGroupSpecs") or []]
    for path, group in named:
        yield path, group["template"], group.get("rayStartParams") or {}, group.get("resources")


def _is_v2(cluster: Manifest) -> bool:
    return (cluster.get("autoscalerOptions") or {}).get("version") == "v2"


def _knows_tokens(version: str | None) -> bool:
    try:
        return version is not None and Version(version) >= _MIN_RAY
    except InvalidVersion:
        return False
