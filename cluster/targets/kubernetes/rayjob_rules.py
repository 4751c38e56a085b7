"""Refuses, before anything is sent, submissions that no cluster takes and lanes that this one can never place."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from cluster.sweep.lane_count import LaneNeed, gpu_places
from cluster.targets.kubernetes.rayjob import Manifest
from cluster.targets.submission import Submission
from search_spaces.types.faults import Fault

MAX_NAME = 47
MAX_FILES_BYTES = 1_000_000
"""Largest size of all files: a ConfigMap holds 1 MiB of decoded values, keys included."""
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


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


def template_faults(rayjob: Manifest, place: str) -> Iterator[Fault]:
    """Yield what Paceline asks of the cluster's template beyond what KubeRay itself refuses."""
    spec, name = rayjob["spec"], rayjob["metadata"]["name"]
    submission, token = spec.get("submissionMode", "K8sJobMode"), spec["rayClusterSpec"].get("authOptions") or {}
    if submission != "K8sJobMode":
        yield Fault(place, f"{name}.submissionMode", "must be K8sJobMode", received=submission)
    if token.get("mode") != "token":
        yield Fault(place, f"{name}.authOptions.mode", "must be token", received=repr(token.get("mode")))


def capacity_faults(cluster: Manifest, lane: LaneNeed, place: str) -> Iterator[Fault]:
    """Yield a fault where one lane does not fit into the largest cluster: it would be pending for ever."""
    sizes = [group_size(group) for group in cluster.get("workerGroupSpecs") or []]
    fitting = sum(count * min(_times(cpus, lane.cpus), _gpu_times(gpus, lane.gpus)) for count, cpus, gpus in sizes)
    if fitting < lane.workers:
        rule = f"a worker of {lane.workers} x ({lane.cpus:g} CPUs, {lane.gpus:g} GPUs) must fit into the workers"
        had = ", ".join(f"{count} x ({cpus:g} CPUs, {gpus:g} GPUs)" for count, cpus, gpus in sizes) or "none"
        yield Fault(place, "resources", rule, received=f"at most {had}")


def least_workers(cluster: Manifest, lane: LaneNeed) -> int:
    """Return the number of workers of the first group that hold one lane, at least the template's number."""
    group = cluster["workerGroupSpecs"][0]
    _, cpus, gpus = group_size(group)
    fitting = min(_times(cpus, lane.cpus), _gpu_times(gpus, lane.gpus))
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


def _gpu_times(have: float, need: float) -> float:
    return gpu_places(have, need) if need else float("inf")


def _times(have: float, need: float) -> float:
    return float("inf") if need == 0 else have // need
