"""Runs sweeps in a namespace of a Kubernetes cluster: each submission is one RayJob."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cluster.sweep.steering.asking import STEER, Wish, wish_to_json
from cluster.targets.contract import State, SweepJob, TargetError
from cluster.targets.kubernetes.api import Api, connect
from cluster.targets.kubernetes.rayjob import (
    ATTEMPT_LABEL,
    ID_LABEL,
    NAME_NOTE,
    OWNER_NOTE,
    ROLE_LABEL,
    TEMPLATE,
    config_map,
    given,
    render,
)
from cluster.targets.kubernetes.rayjob_rules import (
    capacity_faults,
    least_workers,
    submission_faults,
    template_faults,
)
from search_spaces.types.faults import Fault, SpecError

if TYPE_CHECKING:
    from cluster.doctor.machine import Check
    from cluster.targets.kubernetes.rayjob import Manifest
    from cluster.targets.submission import Code, Submission

POLL_S = 2.0
QUEUE = "PACELINE_QUEUE"
"""Environment variable with the name of Kueue's LocalQueue for submissions."""
HEAD_CONTAINER = "ray-head"
_EXIT_CODE = re.compile(r"exit code (\d+)")
_BY_DEPLOYMENT: dict[str, State] = {
    "Initializing": "starting",
    "Waiting": "starting",
    "Retrying": "retrying",
    "Suspending": "queued",
    "Suspended": "queued",
    "Failed": "failed",
    "ValidationFailed": "failed",
}
_BY_JOB: dict[str, State] = {
    "": "starting",
    "PENDING": "starting",
    "RUNNING": "running",
    "SUCCEEDED": "finished",
    "STOPPED": "stopped",
    "FAILED": "failed",
}


@dataclass(frozen=True)
class KubernetesTarget:
    """Target ``k8s:CONTEXT/NAMESPACE``. An empty context is the kubeconfig's current one."""

    context: str
    namespace: str

    def __str__(self) -> str:
        return f"k8s:{self.context}/{self.namespace}"

    def checks(self, code: Code) -> Iterator[Check]:
        """Yield the checks of `paceline doctor --on` for the namespace."""
        from cluster.targets.kubernetes.checks import examine_namespace  # 40 ms

        return examine_namespace(self.context, self.namespace, code)

    def submit(self, submission: Submission) -> str:
        """Create the RayJob and its ConfigMap, or neither; return the RayJob's name."""
        if faults := list(submission_faults(submission, str(self))):
            raise SpecError(faults)
        api = self._api()
        template = api.rayjob(TEMPLATE)
        rayjob = render(template, _queued(submission, template))
        faults = [*template_faults(rayjob, str(self)), *self._clashes(api, submission)]
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

    def status(self, sweep_id: str) -> SweepJob:
        """Return the state of the sweep's newest RayJob. Raises LookupError where the namespace has none."""
        return _sweep_job(self._latest(self._api(), sweep_id))

    def sweeps(self) -> list[SweepJob]:
        """Return the state of the newest RayJob of each sweep, the newest first."""
        latest: dict[str, SweepJob] = {}
        for job in sorted(map(_sweep_job, self._api().rayjobs(f"{ROLE_LABEL}=sweep")), key=lambda job: job.attempt):
            latest[job.id] = job
        return sorted(latest.values(), key=lambda job: job.submitted_at, reverse=True)

    def next_attempt(self, sweep_id: str) -> int:
        """Return an attempt number above those of all the sweep's RayJobs."""
        return 1 + max((job.attempt for job in self._attempts(self._api(), sweep_id)), default=0)

    def logs(self, sweep_id: str, follow: bool = False) -> Iterator[str]:
        """Yield the log lines of the newest RayJob: those of its submitter pods, one pod for each retry."""
        api, shown, read = self._api(), dict[str, int](), set[str]()
        while True:
            job = _sweep_job(self._latest(api, sweep_id))
            for pod in api.pods(f"job-name={job.job_name}"):
                name, phase = pod["metadata"]["name"], pod["status"].get("phase")
                if phase == "Pending" or name in read:
                    continue
                for number, line in enumerate(api.log(name, follow)):
                    if number >= shown.get(name, 0):  # after a broken connection the log starts again
                        shown[name] = number + 1
                        yield line
                if phase in ("Succeeded", "Failed"):
                    read.add(name)
            if job.ended or not follow:
                return
            time.sleep(POLL_S)

    def stop(self, sweep_id: str, now: bool = False) -> None:
        """Ask the driver to stop. With ``now``, or without a driver yet, delete the RayJob with its cluster."""
        api = self._api()
        rayjob = self._latest(api, sweep_id)
        job, status = _sweep_job(rayjob), rayjob.get("status") or {}
        cluster = f"ray.io/cluster={status['rayClusterName']}" if status.get("rayClusterName") else None
        if job.ended and not now:
            return
        heads = _running(api.pods(f"{cluster},ray.io/node-type=head")) if job.state == "running" and cluster else []
        if heads and not now:
            command = ["ray", "job", "stop", "--no-wait", "--address", "http://127.0.0.1:8265", status["jobId"]]
            api.execute(heads[0], HEAD_CONTAINER, command)
            return
        api.delete_rayjob(job.job_name)
        for pod in api.pods(cluster) if now and cluster else []:
            api.delete_pod_now(pod["metadata"]["name"])

    def steer(self, sweep_id: str, wish: Wish) -> list[str]:
        """Leave the wish in the sweep's home by a command on its head, where the driver is; return what it says."""
        api = self._api()
        rayjob = self._latest(api, sweep_id)
        cluster = (rayjob.get("status") or {}).get("rayClusterName")
        heads = _running(api.pods(f"ray.io/cluster={cluster},ray.io/node-type=head")) if cluster else []
        if not heads:
            raise TargetError(f"sweep {sweep_id} has no head on {self} yet: try again once it is running")
        command = ["env", f"{STEER}={wish_to_json(wish)}", "python", "-m", "cluster.job", sweep_id, "--steer"]
        return [line for line in api.execute(heads[0], HEAD_CONTAINER, command).splitlines() if line.strip()]

    def _latest(self, api: Api, sweep_id: str) -> Manifest:
        rayjobs = api.rayjobs(f"{ID_LABEL}={sweep_id},{ROLE_LABEL}=sweep")
        if not rayjobs:
            raise LookupError(
                f"{self} has no sweep {sweep_id} (any more); `paceline ls --on {self}` lists what it has"
            )
        return max(rayjobs, key=lambda rayjob: _sweep_job(rayjob).attempt)

    def _attempts(self, api: Api, sweep_id: str) -> list[SweepJob]:
        return [_sweep_job(rayjob) for rayjob in api.rayjobs(f"{ID_LABEL}={sweep_id},{ROLE_LABEL}=sweep")]

    def _clashes(self, api: Api, submission: Submission) -> Iterator[Fault]:
        for job in self._attempts(api, submission.id):
            if not job.ended:
                rule = f"sweep {job.id} is there already: `paceline stop {job.id} --on {self}` ends it"
                yield Fault(str(self), job.job_name, rule, received=job.state)
            elif job.attempt >= submission.attempt:
                rule = f"the attempt must be {job.attempt + 1} or more: {job.job_name} was made before"
                yield Fault(str(self), "attempt", rule, received=str(submission.attempt))

    def _api(self) -> Api:
        return connect(self.context, self.namespace)


def _queued(submission: Submission, template: Manifest) -> Submission:
    """Return the submission with the queue of PACELINE_QUEUE, if any, and its number of workers.

    A queued cluster does not grow, so it gets as many workers as one lane needs.
    """
    queue = submission.queue or os.environ.get(QUEUE) or None
    if queue is None:
        return submission
    least = least_workers(template["spec"]["rayClusterSpec"], submission.lane)
    return replace(submission, queue=queue, num_workers=submission.num_workers or least)


def _running(pods: list[Manifest]) -> list[str]:
    return [pod["metadata"]["name"] for pod in pods if pod["status"].get("phase") == "Running"]


def _sweep_job(rayjob: Manifest) -> SweepJob:
    """Return the state of a RayJob. The operator's retries count as further attempts."""
    metadata, status = rayjob["metadata"], rayjob.get("status") or {}
    notes, labels = metadata.get("annotations") or {}, metadata["labels"]
    state, message = _state(rayjob["spec"], status), status.get("message") or ""
    code = _EXIT_CODE.search(message)
    return SweepJob(
        id=labels[ID_LABEL],
        job_name=metadata["name"],
        name=notes.get(NAME_NOTE, ""),
        owner=notes.get(OWNER_NOTE, ""),
        attempt=int(labels[ATTEMPT_LABEL]) + _retries(status),
        state=state,
        message=": ".join(filter(None, (status.get("reason"), message))) if state in ("failed", "retrying") else "",
        submitted_at=metadata.get("creationTimestamp", ""),
        exit_code=0 if state == "finished" else int(code[1]) if code else None,
        code=given(rayjob, "PACELINE_CODE"),
    )


def _retries(status: dict[str, Any]) -> int:
    """Return the number of failed attempts that were retried: all, or all but the last of a failed job."""
    failed = int(status.get("failed") or 0)
    return max(0, failed - 1) if status.get("jobDeploymentStatus") == "Failed" else failed


def _state(spec: Manifest, status: dict[str, Any]) -> State:
    deployment = status.get("jobDeploymentStatus") or ""
    if not deployment:
        return "queued" if spec.get("suspend") else "starting"
    return _BY_DEPLOYMENT.get(deployment) or _BY_JOB.get(status.get("jobStatus") or "", "unknown")
