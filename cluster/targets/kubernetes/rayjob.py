"""Builds a submission's RayJob and ConfigMap from the cluster's template. Pure: nothing is sent."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cluster.lanes.joined_cluster import LANE_ENVIRONMENT
from cluster.targets.submission import Submission

Manifest = dict[str, Any]

TEMPLATE = "paceline-template"
SUBMISSION_FOLDER = "/etc/paceline/submission"
ID_LABEL, ATTEMPT_LABEL, ROLE_LABEL = "paceline/id", "paceline/attempt", "paceline/role"
NAME_NOTE, OWNER_NOTE, VERSION_NOTE = "paceline/name", "paceline/owner", "paceline/version"
QUEUE_LABEL, QUEUE_PRIORITY_LABEL = "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/priority-class"
PRIORITIES = {-1: "paceline-low", 0: "paceline-normal", 1: "paceline-high"}
"""Priority class of Kubernetes and of Kueue, by the sign of the sweep's priority."""

# The operator writes a job's metadata, between double quotes, into a shell command.
_UNSAFE = re.compile(r"[^\w .,:@+-]")


def render(template: Manifest, submission: Submission) -> Manifest:
    """Return the RayJob of ``submission``; ``template`` is not changed."""
    spec = copy.deepcopy(template["spec"])
    spec.pop("jobId", None)
    spec |= {"suspend": submission.queue is not None, "entrypoint": f"python -m cluster.job {submission.id}"}
    facts = {key: getattr(submission, key) for key in ("id", "name", "owner", "version")}
    spec["metadata"] = {f"paceline_{key}": _UNSAFE.sub("_", value) for key, value in facts.items()}
    if submission.deadline_s is not None:
        spec["activeDeadlineSeconds"] = submission.deadline_s
    cluster = spec["rayClusterSpec"]
    if submission.queue is not None and submission.num_workers is not None:
        cluster["workerGroupSpecs"][0] |= dict.fromkeys(
            ("replicas", "minReplicas", "maxReplicas"), submission.num_workers
        )
    for pod in ray_pods(cluster):
        _fit(pod, submission)
    metadata = {"name": submission.job_name, "namespace": template["metadata"]["namespace"]}
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": metadata | {"labels": _labels(submission), "annotations": _notes(submission)},
        "spec": spec,
    }


def config_map(submission: Submission, rayjob: Manifest) -> Manifest:
    """Return the ConfigMap with the submission's files, owned by ``rayjob``: deleted together with it.

    ``rayjob`` is as the server returned it, with its ``uid``.
    """
    metadata = rayjob["metadata"]
    owner = {"apiVersion": rayjob["apiVersion"], "kind": "RayJob", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": {ID_LABEL: submission.id, ATTEMPT_LABEL: str(submission.attempt)},
            "ownerReferences": [owner],
        },
        "immutable": True,
        "binaryData": {
            key: base64.b64encode(submission.files[path]).decode() for key, path in _keys(submission.files).items()
        },
    }


def ray_pods(cluster: Manifest) -> Iterator[Manifest]:
    """Yield the pod templates of the head and the worker groups of a RayCluster's spec."""
    yield cluster["headGroupSpec"]["template"]
    for group in cluster.get("workerGroupSpecs") or []:
        yield group["template"]


def given(rayjob: Manifest, variable: str) -> str:
    """Return an environment variable's value that the head of a submission was given; empty where it was none."""
    containers = rayjob["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"]
    return next((entry.get("value", "") for entry in containers[0].get("env", []) if entry["name"] == variable), "")


def _fit(pod: Manifest, submission: Submission) -> None:
    """Add files, environment, label and priority of the submission to a pod template, in place."""
    spec = pod["spec"]
    spec["priorityClassName"] = _priority(submission)
    pod.setdefault("metadata", {}).setdefault("labels", {})[ID_LABEL] = submission.id
    items = [{"key": key, "path": path} for key, path in _keys(submission.files).items()]
    volume = {"name": "submission", "configMap": {"name": submission.job_name, "items": items}}
    spec.setdefault("volumes", []).append(volume)
    container = spec["containers"][0]
    mount = {"name": "submission", "mountPath": SUBMISSION_FOLDER, "readOnly": True}
    container.setdefault("volumeMounts", []).append(mount)
    given = {
        **LANE_ENVIRONMENT,
        **submission.environment,
        "PACELINE_ATTEMPT": str(submission.attempt),
        "PACELINE_SPEC": f"{SUBMISSION_FOLDER}/{submission.spec_file}",
        "PACELINE_CODE": submission.code,
        "PACELINE_VERSION": submission.version,
        "PYTHONPATH": SUBMISSION_FOLDER,
    }
    kept = [entry for entry in container.get("env", []) if entry["name"] not in given]
    container["env"] = kept + [{"name": name, "value": value} for name, value in given.items()]


def _keys(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the path for each key of the ConfigMap; keys cannot hold slashes."""
    return {f"{n:03d}-{re.sub(r'[^-._a-zA-Z0-9]', '_', path)}"[:253]: path for n, path in enumerate(sorted(files))}


def _labels(submission: Submission) -> dict[str, str]:
    labels = {
        "app.kubernetes.io/part-of": "paceline",
        ROLE_LABEL: "sweep",
        ID_LABEL: submission.id,
        ATTEMPT_LABEL: str(submission.attempt),
    }
    if submission.queue is not None:
        labels |= {QUEUE_LABEL: submission.queue, QUEUE_PRIORITY_LABEL: _priority(submission)}
    return labels


def _notes(submission: Submission) -> dict[str, str]:
    return {NAME_NOTE: submission.name, OWNER_NOTE: submission.owner, VERSION_NOTE: submission.version}


def _priority(submission: Submission) -> str:
    sign = (submission.priority > 0) - (submission.priority < 0)
    return PRIORITIES[sign]
