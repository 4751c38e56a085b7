"""A namespace of a Kubernetes cluster as the place where sweeps run: submit, status, logs, stop, sweeps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cluster.checks import Check
from cluster.kubernetes_api import Api, KubernetesError, connect
from cluster.rayjob import (
    ATTEMPT_LABEL,
    ID_LABEL,
    NAME_NOTE,
    OWNER_NOTE,
    ROLE_LABEL,
    TEMPLATE,
    Manifest,
    Submission,
    config_map,
    render,
)
from cluster.rayjob_rules import capacity_faults, rayjob_faults, submission_faults
from cluster.submission import Code
from search_spaces.faults import Fault, SpecError

POLL_S = 2.0
HEAD_CONTAINER, SUBMITTER_LABEL = "ray-head", "job-name"
_ENDED = ("finished", "stopped", "failed")
_BY_DEPLOYMENT = {
    "": "starting",
    "Initializing": "starting",
    "Waiting": "starting",
    "Retrying": "retrying",
    "Suspending": "queued",
    "Suspended": "queued",
    "Failed": "failed",
    "ValidationFailed": "failed",
}
_BY_JOB = {
    "": "starting",
    "PENDING": "starting",
    "RUNNING": "running",
    "SUCCEEDED": "finished",
    "STOPPED": "stopped",
    "FAILED": "failed",
}


@dataclass(frozen=True, kw_only=True)
class SweepJob:
    """A sweep's RayJob as it stands: queued, starting, running, retrying, finished, stopped or failed."""

    id: str
    job_name: str
    name: str
    owner: str
    attempt: int
    state: str
    message: str
    submitted_at: str
    """When the RayJob was made, ISO 8601."""
    ray_job_id: str
    cluster: str
    """The name of its RayCluster, and of the secret with that cluster's token; empty before there is one."""
    exit_code: int | None = None
    """Kubernetes does not tell it."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in _ENDED

    @classmethod
    def of(cls, rayjob: Manifest) -> SweepJob:
        """Reads a RayJob. An attempt that the operator retried counts on from the submission's number."""
        metadata, status = rayjob["metadata"], rayjob.get("status") or {}
        notes, labels = metadata.get("annotations") or {}, metadata["labels"]
        return cls(
            id=labels[ID_LABEL],
            job_name=metadata["name"],
            name=notes.get(NAME_NOTE, ""),
            owner=notes.get(OWNER_NOTE, ""),
            attempt=int(labels[ATTEMPT_LABEL]) + _retries(status),
            state=_state(rayjob["spec"], status),
            message=": ".join(filter(None, (status.get("reason"), status.get("message")))),
            submitted_at=metadata.get("creationTimestamp", ""),
            ray_job_id=status.get("jobId", ""),
            cluster=status.get("rayClusterName", ""),
        )


@dataclass(frozen=True)
class KubernetesTarget:
    """``k8s:CONTEXT/NAMESPACE``. An empty context is the kubeconfig's current one."""

    context: str
    namespace: str

    def __str__(self) -> str:
        return f"k8s:{self.context}/{self.namespace}"

    def submit(self, submission: Submission) -> str:
        """Creates the sweep's RayJob and returns its name at once.

        Raises SpecError with every fault, before anything is created; KubernetesError when the cluster is not there
        or refuses.
        """
        faults = list(submission_faults(submission, str(self)))
        if faults:
            raise SpecError(faults)
        api = self._api()
        rayjob = render(self.template(), submission)
        faults = [*rayjob_faults(rayjob, str(self)), *self._clashes(api, submission)]
        faults += capacity_faults(rayjob["spec"]["rayClusterSpec"], submission.lane, str(self))
        if faults:
            raise SpecError(faults)
        made = api.create_rayjob(rayjob)
        try:
            api.create_config_map(config_map(submission, made))
        except BaseException:
            api.delete_rayjob(submission.job_name)
            raise
        return submission.job_name

    def checks(self, code: Code) -> Iterator[Check]:
        """What `paceline doctor` tells: whether the API lets us in, and whether the cluster keeps a template."""
        try:
            spec = self.template()["spec"]["rayClusterSpec"]
            running = [job.id for job in self.sweeps() if not job.ended]
        except (KubernetesError, LookupError) as error:
            yield Check(name="kubernetes", state="wrong", found=str(error), remedy="see k8s/README.md")
            return
        yield Check(name="kubernetes", state="ok", found=f"{self} lets us in")
        yield Check(name="template", state="ok", found=f"{TEMPLATE}, Ray {spec.get('rayVersion', 'of its image')}")
        yield Check(name="sweeps", state="ok", found=", ".join(running) or "none runs")

    def template(self) -> Manifest:
        """The RayJob that the cluster's people keep as the model of every sweep's."""
        return self._api().rayjob(TEMPLATE)

    def status(self, sweep_id: str) -> SweepJob:
        """The sweep's latest RayJob. LookupError when there is none (any more)."""
        return _latest(self._api(), sweep_id, str(self))

    def sweeps(self) -> list[SweepJob]:
        """Every RayJob of a sweep, the newest first."""
        jobs = [SweepJob.of(rayjob) for rayjob in self._api().rayjobs(f"{ROLE_LABEL}=sweep")]
        return sorted(jobs, key=lambda job: (job.submitted_at, job.attempt), reverse=True)

    def next_attempt(self, sweep_id: str) -> int:
        """A number above that of every attempt so far that the cluster still knows of."""
        rayjobs = self._api().rayjobs(f"{ID_LABEL}={sweep_id},{ROLE_LABEL}=sweep")
        return 1 + max((SweepJob.of(rayjob).attempt for rayjob in rayjobs), default=0)

    def logs(self, sweep_id: str, follow: bool = False) -> Iterator[str]:
        """The driver's lines, without their ends; with ``follow`` until the sweep ends, over its attempts."""
        api, shown, read = self._api(), dict[str, int](), set[str]()
        while True:
            job = _latest(api, sweep_id, str(self))
            for pod in api.pods(f"{SUBMITTER_LABEL}={job.job_name}"):
                name, phase = pod["metadata"]["name"], pod["status"].get("phase")
                if phase == "Pending" or name in read:
                    continue
                for number, line in enumerate(api.log(name, follow)):
                    if number >= shown.get(name, 0):  # after a broken connection the log comes again from its start
                        shown[name] = number + 1
                        yield line
                if phase in ("Succeeded", "Failed"):
                    read.add(name)
            if job.ended or not follow:
                return
            time.sleep(POLL_S)

    def stop(self, sweep_id: str, now: bool = False) -> None:
        """Asks the driver to stop and save (SIGTERM); ``now``, or where none runs yet, takes its cluster away."""
        api = self._api()
        job = _latest(api, sweep_id, str(self))
        if job.ended and not now:
            return
        heads = [] if now or job.state != "running" else self._heads(api, job)
        if not heads:
            api.delete_rayjob(job.job_name)
            for pod in api.pods(f"ray.io/cluster={job.cluster}") if now and job.cluster else []:
                api.delete_pod_now(pod["metadata"]["name"])
            return
        command = ["ray", "job", "stop", "--no-wait", "--address", "http://127.0.0.1:8265", job.ray_job_id]
        api.execute(heads[0], HEAD_CONTAINER, command)

    def _heads(self, api: Api, job: SweepJob) -> list[str]:
        pods = api.pods(f"ray.io/cluster={job.cluster},ray.io/node-type=head")
        return [pod["metadata"]["name"] for pod in pods if pod["status"].get("phase") == "Running"]

    def _clashes(self, api: Api, submission: Submission) -> Iterator[Fault]:
        for rayjob in api.rayjobs(f"{ID_LABEL}={submission.id},{ROLE_LABEL}=sweep"):
            job = SweepJob.of(rayjob)
            if not job.ended:
                rule = f"sweep {job.id} is there already: `paceline stop {job.id} --on {self}` ends it"
                yield Fault(str(self), job.job_name, rule, received=job.state)
            elif job.attempt >= submission.attempt:
                rule = f"the attempt must be {job.attempt + 1} or more: {job.job_name} was made before"
                yield Fault(str(self), "attempt", rule, received=str(submission.attempt))

    def _api(self) -> Api:
        return connect(self.context, self.namespace)


def _latest(api: Api, sweep_id: str, place: str) -> SweepJob:
    jobs = [SweepJob.of(rayjob) for rayjob in api.rayjobs(f"{ID_LABEL}={sweep_id},{ROLE_LABEL}=sweep")]
    if not jobs:
        raise LookupError(
            f"{place} has no sweep {sweep_id} (any more); `paceline ls --on {place}` tells what it has"
        )
    return max(jobs, key=lambda job: job.attempt)


def _retries(status: dict[str, Any]) -> int:
    """Failed attempts that were followed by another: of an ended job the last one was not."""
    failed = int(status.get("failed") or 0)
    return max(0, failed - 1) if status.get("jobDeploymentStatus") == "Failed" else failed


def _state(spec: Manifest, status: dict[str, Any]) -> str:
    deployment = status.get("jobDeploymentStatus", "")
    if deployment == "" and spec.get("suspend"):
        return "queued"
    return _BY_DEPLOYMENT.get(deployment) or _BY_JOB.get(status.get("jobStatus", ""), "running")
