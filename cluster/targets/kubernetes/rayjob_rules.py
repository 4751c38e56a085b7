"""Refuses, before anything is sent, RayJobs that the operator would reject or the cluster can never place."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from packaging.version import InvalidVersion, Version

from cluster.targets.kubernetes.rayjob import Manifest
from cluster.targets.submission import LaneNeed, Submission
from search_spaces.types.faults import Fault

MAX_NAME = 47
MAX_FILES_BYTES = 1_000_000
"""Largest size of all files: a ConfigMap holds 1 MiB of decoded values, keys included."""
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_MIN_RAY = Version("2.52.0")


def submission_faults(submission: Submission, place: str) -> Iterator[Fault]:
    """Yield the faults of the submission itself, whatever the cluster."""

    def fault(path: str, rule: str, received: object) -> Fault:
        return Fault(place, path, rule, received=repr(received))

    if len(submission.job_name) > MAX_NAME or not _DNS_1035.fullmatch(submission.job_name):
        rule = f"must make a name of at most {MAX_NAME} lower-case letters, digits and dashes"
        yield fault("id", rule, submission.job_name)
    if submission.attempt < 1:
        yield fault("attempt", "must be 1 or more", submission.attempt)
    if submission.deadline_s is not None and submission.deadline_s < 1:
        yield fault("timeout", "must be 1 second or more", submission.deadline_s)
    if submission.num_workers is not None and submission.num_workers < 1:
        yield fault("num_workers", "must be 1 or more", submission.num_workers)
    if submission.queue is not None and not (submission.queue and _LABEL.fullmatch(submission.queue)):
        yield fault("queue", "must be the name of a LocalQueue", submission.queue)
    if submission.spec_file not in submission.files:
        yield fault("files", f"must hold {submission.spec_file}", sorted(submission.files))
    if submission.code != "image":
        yield fault("code", "must be image: on Kubernetes Paceline sits in the cluster's image", submission.code)
    if "PACELINE_HOME" in submission.environment:
        rule = "is set by the cluster: unset it here"
        yield fault("PACELINE_HOME", rule, submission.environment["PACELINE_HOME"])
    yield from _file_faults(submission, place)


def _file_faults(submission: Submission, place: str) -> Iterator[Fault]:
    for path in sorted(submission.files):
        parts = PurePosixPath(path).parts
        if not parts or PurePosixPath(path).is_absolute() or ".." in parts or str(PurePosixPath(path)) != path:
            yield Fault(place, "files", "must be named by plain relative paths", received=repr(path))
    sizes = {path: len(content) for path, content in submission.files.items()}
    if sum(sizes.values()) > MAX_FILES_BYTES:
        largest = sorted(sizes, key=lambda path: sizes[path], reverse=True)[:3]
        named = ", ".join(f"{path} {sizes[path] / 1e6:.1f} MB" for path in largest)
        rule = "spec and modules must be at most 1 MB: put the rest into the image, and data into the object store"
        yield Fault(place, "files", rule, received=f"{sum(sizes.values()) / 1e6:.1f} MB (largest: {named})")


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
        "spec.submissionMode must be K8sJobMode": spec.get("submissionMode", "K8sJobMode") == "K8sJobMode",
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
    mode = (cluster.get("authOptions") or {}).get("mode")
    if mode != "token":
        yield Fault(place, "authOptions.mode", "must be token", received=repr(mode))
    elif not _knows_tokens(cluster.get("rayVersion")):
        rule = f"must be {_MIN_RAY} or later for token authentication"
        yield Fault(place, "rayVersion", rule, received=repr(cluster.get("rayVersion")))
    if (cluster.get("authOptions") or {}).get("enableK8sTokenAuth"):
        yield Fault(place, "authOptions.enableK8sTokenAuth", "is refused for a RayJob")


def capacity_faults(cluster: Manifest, lane: LaneNeed, place: str) -> Iterator[Fault]:
    """Yield a fault where one lane does not fit into the largest cluster: it would be pending for ever."""
    sizes = [group_size(group) for group in cluster.get("workerGroupSpecs") or []]
    fitting = sum(count * min(_times(cpus, lane.cpus), _times(gpus, lane.gpus)) for count, cpus, gpus in sizes)
    if fitting < lane.workers:
        rule = f"a worker of {lane.workers} x ({lane.cpus:g} CPUs, {lane.gpus:g} GPUs) must fit into the workers"
        had = ", ".join(f"{count} x ({cpus:g} CPUs, {gpus:g} GPUs)" for count, cpus, gpus in sizes) or "none"
        yield Fault(place, "resources", rule, received=f"at most {had}")


def least_workers(cluster: Manifest, lane: LaneNeed) -> int:
    """Return the number of workers of the first group that hold one lane, at least the template's number."""
    group = cluster["workerGroupSpecs"][0]
    _, cpus, gpus = group_size(group)
    fitting = min(_times(cpus, lane.cpus), _times(gpus, lane.gpus))
    return max(int(group.get("replicas", 0)), 1 if fitting < 1 else math.ceil(lane.workers / fitting))


def group_size(group: Manifest) -> tuple[int, float, float]:
    """Return the largest number of workers of a group, and the CPUs and GPUs that Ray sees on each."""
    from kubernetes.utils.quantity import parse_quantity

    resources = group["template"]["spec"]["containers"][0].get("resources", {})
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    # The operator gives Ray whole CPUs, rounded up, from the limit, or from the request where there is no limit.
    cpus = math.ceil(parse_quantity(limits.get("cpu", requests.get("cpu", 0))))
    gpus = sum(parse_quantity(value) for name, value in limits.items() if name.endswith("gpu"))
    return group["maxReplicas"] * group.get("numOfHosts", 1), float(cpus), float(gpus)


def _times(have: float, need: float) -> float:
    return float("inf") if need == 0 else have // need


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
