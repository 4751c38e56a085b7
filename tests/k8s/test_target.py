"""Submitting to Kubernetes: what is sent, what is refused before, and how a sweep is followed and stopped."""

from __future__ import annotations

import base64
import copy
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.sweep.lane_count import LaneNeed
from cluster.targets.kubernetes import api, target
from cluster.targets.kubernetes.api import KubernetesError
from cluster.targets.kubernetes.target import KubernetesTarget
from cluster.targets.parse import parse_target
from cluster.targets.submission import Submission
from search_spaces.types.faults import SpecError
from tests.k8s.api_server import FakeKubernetes
from tests.k8s.render import K8S, Manifest, kustomize, named
from tests.k8s.schemas import schema_faults

FILES = {"sweep.yaml": b"workload: mine:train\n", "mine.py": b"def train(run): ...\n", "parts/net.py": b"x = 1\n"}
SUBMISSION = Submission(
    id="3f2a",
    name="digits $(reboot)",
    owner="ada",
    version="0.1.0",
    files=FILES,
    code="image",
    environment={"PACELINE_TRIALS": "+5"},
)
TARGET = parse_target("k8s:here/paceline")


@pytest.fixture(scope="module")
def template() -> Manifest:
    return named(kustomize(K8S / "overlays" / "gpu"), "RayJob", "paceline-template")


@pytest.fixture
def server(template: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKubernetes]:
    """A cluster on which `kubectl apply -k k8s/overlays/gpu` was run."""
    fake = FakeKubernetes()
    fake.add("rayjobs", template)
    monkeypatch.setattr(target, "POLL_S", 0.02)
    monkeypatch.setattr(api, "_PAUSES_S", (0.01, 0.01))
    with fake.running(tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        yield fake


def submitted(server: FakeKubernetes, submission: Submission = SUBMISSION) -> Manifest:
    name = TARGET.submit(submission)
    return server.objects[("rayjobs", name)]


def containers(rayjob: Manifest) -> list[Manifest]:
    cluster = rayjob["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [group["template"]["spec"]["containers"][0] for group in groups]


def test_a_submission_is_one_rayjob_and_its_files(server: FakeKubernetes, template: Manifest) -> None:
    rayjob = submitted(server)
    assert rayjob["metadata"]["name"] == "paceline-3f2a-a1"
    assert rayjob["spec"]["suspend"] is False and rayjob["spec"]["entrypoint"] == "python -m cluster.job 3f2a"
    assert schema_faults(rayjob) == []
    for container in containers(rayjob):
        env = {entry["name"]: entry.get("value") for entry in container["env"]}
        assert env["PACELINE_ATTEMPT"] == "1" and env["PYTHONPATH"] == "/etc/paceline/submission"
        assert (env["PACELINE_CODE"], env["PACELINE_VERSION"]) == ("image", "0.1.0")
        assert env["PACELINE_TRIALS"] == "+5" and env["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] == "0"
        assert env["PACELINE_SPEC"] == "/etc/paceline/submission/sweep.yaml"
    kept = server.objects[("configmaps", "paceline-3f2a-a1")]
    volume = rayjob["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["volumes"][-1]
    data = {item["path"]: kept["binaryData"][item["key"]] for item in volume["configMap"]["items"]}
    assert {path: base64.b64decode(content) for path, content in data.items()} == FILES
    assert (
        named([server.objects[("rayjobs", "paceline-template")]], "RayJob", "paceline-template")["spec"]
        == template["spec"]
    )


def test_everything_else_is_the_template_s(server: FakeKubernetes, template: Manifest) -> None:
    spec = submitted(server)["spec"]
    for key in ("backoffLimit", "ttlSecondsAfterFinished", "activeDeadlineSeconds", "submitterPodTemplate"):
        assert spec[key] == template["spec"][key]
    worker = spec["rayClusterSpec"]["workerGroupSpecs"][0]
    assert worker["maxReplicas"] == 8 and worker["template"]["spec"]["tolerations"]


def test_the_files_go_when_the_rayjob_goes(server: FakeKubernetes) -> None:
    submitted(server)
    TARGET.stop("3f2a", now=True)
    assert server.names("rayjobs") == ["paceline-template"] and server.names("configmaps") == []


def test_names_cannot_become_commands(server: FakeKubernetes) -> None:
    rayjob = submitted(server)
    assert rayjob["spec"]["metadata"]["paceline_name"] == "digits __reboot_"
    job = TARGET.status("3f2a")
    assert (job.name, job.code) == ("digits $(reboot)", "image")


def test_no_secret_travels(server: FakeKubernetes) -> None:
    assert "def train" not in repr(SUBMISSION)
    for container in containers(submitted(server)):
        for entry in container["env"]:
            assert "PASSWORD" not in entry["name"] or "secretKeyRef" in entry["valueFrom"]


@pytest.mark.parametrize(("priority", "name"), [(-5, "low"), (0, "normal"), (7, "high")])
def test_priorities(server: FakeKubernetes, priority: int, name: str) -> None:
    rayjob = submitted(server, replace(SUBMISSION, priority=priority))
    assert "kueue.x-k8s.io/queue-name" not in rayjob["metadata"]["labels"]
    cluster = rayjob["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert group["template"]["spec"]["priorityClassName"] == f"paceline-{name}"


def test_a_queued_sweep_waits_for_kueue_with_its_whole_size(server: FakeKubernetes) -> None:
    rayjob = submitted(server, replace(SUBMISSION, queue="paceline", num_workers=3, priority=1, deadline_s=60))
    labels = rayjob["metadata"]["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == "paceline"
    assert labels["kueue.x-k8s.io/priority-class"] == "paceline-high"
    assert rayjob["spec"]["suspend"] is True and rayjob["spec"]["activeDeadlineSeconds"] == 60
    (group,) = rayjob["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    assert (group["replicas"], group["minReplicas"], group["maxReplicas"]) == (3, 3, 3)
    assert TARGET.status("3f2a").state == "queued"


def test_a_queue_that_the_environment_names(server: FakeKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACELINE_QUEUE", "paceline")
    rayjob = submitted(server, replace(SUBMISSION, lane=LaneNeed(cpus=1, gpus=1, workers=4)))
    assert rayjob["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "paceline"
    assert rayjob["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["replicas"] == 4


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "code that travels": ({"code": "ship"}, "must be image"),
    "another home": ({"environment": {"PACELINE_HOME": "/home/ada"}}, "is set by the cluster: unset it here"),
    "an id with capitals": ({"id": "3F2A"}, "lower-case letters"),
    "an id that is a command": ({"id": "a; reboot"}, "lower-case letters"),
    "a long id": ({"id": "a" * 40}, "at most 47"),
    "attempt 0": ({"attempt": 0}, "must be 1 or more, received 0"),
    "no time": ({"deadline_s": 0}, "must be 1 second or more"),
    "no workers": ({"num_workers": 0}, "num_workers: must be 1 or more"),
    "a queue of spaces": ({"queue": "my queue"}, "LocalQueue"),
    "no spec": ({"files": {"mine.py": b""}}, "must hold sweep.yaml"),
    "a path out of it": ({"files": FILES | {"../x.py": b""}}, "plain relative paths, received '../x.py'"),
    "an absolute path": ({"files": FILES | {"/etc/x.py": b""}}, "plain relative paths"),
    "too much": ({"files": FILES | {"data.csv": b"1" * 2_000_000}}, "2.0 MB (largest: data.csv 2.0 MB"),
    "too large a lane": ({"lane": LaneNeed(gpus=2)}, "at most 8 x (8 CPUs, 1 GPUs)"),
    "too many processes": ({"lane": LaneNeed(gpus=1, workers=9)}, "9 x (1 CPUs, 1 GPUs) must fit"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_before_anything_is_made(server: FakeKubernetes, kind: str) -> None:
    change, expected = REFUSED[kind]
    with pytest.raises(SpecError) as refusal:
        TARGET.submit(replace(SUBMISSION, **change))
    assert expected in str(refusal.value)
    assert not [call for call in server.calls if call[0] == "create"]


def test_every_fault_at_once(server: FakeKubernetes) -> None:
    with pytest.raises(SpecError) as refusal:
        TARGET.submit(replace(SUBMISSION, id="A", attempt=0, deadline_s=-1))
    assert len(refusal.value.faults) == 3


TEMPLATES: dict[str, tuple[Callable[[Manifest], Any], str]] = {
    "no token": (lambda spec: spec["rayClusterSpec"].pop("authOptions"), "authOptions.mode: must be token"),
    "another mode": (lambda spec: spec.update(submissionMode="SidecarMode"), "must be K8sJobMode"),
}


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_template_that_is_not_for_sweeps(server: FakeKubernetes, template: Manifest, kind: str) -> None:
    change, expected = TEMPLATES[kind]
    broken = copy.deepcopy(template)
    change(broken["spec"])
    server.add("rayjobs", broken)
    with pytest.raises(SpecError, match=expected):
        TARGET.submit(SUBMISSION)
    assert server.names("rayjobs") == ["paceline-template"]


DELETE_FAILED = {"policy": "DeleteSelf", "condition": {"jobStatus": "FAILED", "ttlSeconds": 1}}
BY_KUBERAY: dict[str, tuple[Callable[[Manifest], Any], str]] = {
    "a Ray that knows no tokens": (
        lambda spec: spec["rayClusterSpec"].update(rayVersion="2.51.0"),
        "2.52.0 or later",
    ),
    "no Ray version": (lambda spec: spec["rayClusterSpec"].pop("rayVersion"), "2.52.0 or later"),
    "a cluster that stays": (
        lambda spec: spec.update(shutdownAfterJobFinishes=False),
        "needs shutdownAfterJobFinishes",
    ),
    "a restarted head": (
        lambda spec: spec["rayClusterSpec"]["headGroupSpec"]["template"]["spec"].update(restartPolicy="Always"),
        "restartPolicy must be Never",
    ),
    "resources twice": (
        lambda spec: spec["rayClusterSpec"]["headGroupSpec"].update(resources={"cpu": "1"}),
        "not in both",
    ),
    "two ways to delete": (
        lambda spec: spec.update(deletionStrategy={"deletionRules": [DELETE_FAILED]}),
        "exclude shutdownAfterJobFinishes",
    ),
}


@pytest.mark.parametrize("kind", BY_KUBERAY)
def test_the_operator_s_refusal_is_told(server: FakeKubernetes, template: Manifest, kind: str) -> None:
    change, expected = BY_KUBERAY[kind]
    broken = copy.deepcopy(template)
    change(broken["spec"])
    server.add("rayjobs", broken)
    TARGET.submit(SUBMISSION)
    job = TARGET.status(SUBMISSION.id)
    assert job.state == "failed" and job.message.startswith("ValidationFailed: ") and expected in job.message


def test_a_running_sweep_is_not_submitted_again(server: FakeKubernetes) -> None:
    submitted(server)
    server.report("paceline-3f2a-a1", jobDeploymentStatus="Running", jobStatus="RUNNING")
    with pytest.raises(SpecError, match="is there already: `paceline stop 3f2a"):
        TARGET.submit(replace(SUBMISSION, attempt=2))


def test_a_resumed_sweep_gets_a_number_above_every_retry(server: FakeKubernetes) -> None:
    submitted(server)
    server.report("paceline-3f2a-a1", jobDeploymentStatus="Failed", jobStatus="FAILED", failed=3)
    assert TARGET.status("3f2a").attempt == 3
    with pytest.raises(SpecError, match="must be 4 or more"):
        TARGET.submit(replace(SUBMISSION, attempt=2))
    assert TARGET.next_attempt("3f2a") == 4
    assert submitted(server, replace(SUBMISSION, attempt=4))["metadata"]["name"] == "paceline-3f2a-a4"
    assert TARGET.status("3f2a").attempt == 4


def test_when_the_files_cannot_be_kept_no_rayjob_stays(server: FakeKubernetes) -> None:
    server.failing[("create", "configmaps")] = [500]
    with pytest.raises(KubernetesError, match="cannot create a ConfigMap"):
        TARGET.submit(SUBMISSION)
    assert server.names("rayjobs") == ["paceline-template"]


def test_reading_waits_for_a_busy_server_and_making_is_never_done_twice(server: FakeKubernetes) -> None:
    server.failing[("list", "rayjobs")] = [503, 429]
    server.failing[("create", "rayjobs")] = [503]
    with pytest.raises(KubernetesError, match="cannot create a RayJob"):
        TARGET.submit(SUBMISSION)
    assert server.calls.count(("create", "rayjobs")) == 1


ELSEWHERE = {
    "no such context": ("her", "there is no context 'her', did you mean here?"),
    "nobody there": ("gone", "http://127.0.0.1:9 does not answer"),
    "wrong credentials": ("outsider", "your credentials are refused"),
}


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_a_cluster_that_is_not_for_us(server: FakeKubernetes, kind: str) -> None:
    context, expected = ELSEWHERE[kind]
    with pytest.raises(KubernetesError) as refusal:
        KubernetesTarget(context, "paceline").submit(SUBMISSION)
    assert expected in str(refusal.value) and f"k8s:{context}/paceline" in str(refusal.value)


def test_the_role_allows_what_is_needed_and_nothing_more(server: FakeKubernetes) -> None:
    running(server)
    server.logs["submitter"] = ["epoch 1"]
    assert list(TARGET.logs("3f2a")) == ["epoch 1"]
    TARGET.stop("3f2a")
    TARGET.stop("3f2a", now=True)
    allowed = {
        (verb, what) for rule in server.role["rules"] for verb in rule["verbs"] for what in rule["resources"]
    }
    # Kubernetes before 1.35 asks for "get" of an exec by websocket, later ones for "create".
    assert set(server.calls) == allowed - {("create", "pods/exec")}


def test_without_the_role(server: FakeKubernetes) -> None:
    server.role = {"rules": []}
    with pytest.raises(KubernetesError, match="ask for the role paceline-submitter of namespace paceline"):
        TARGET.submit(SUBMISSION)


def test_without_the_manifests(server: FakeKubernetes) -> None:
    del server.objects[("rayjobs", "paceline-template")]
    with pytest.raises(KubernetesError, match="kubectl apply -k"):
        TARGET.submit(SUBMISSION)


def test_a_sweep_that_is_not_there(server: FakeKubernetes) -> None:
    with pytest.raises(LookupError, match="has no sweep beef"):
        TARGET.status("beef")


STATES = [
    ({}, "starting"),
    ({"jobDeploymentStatus": "Initializing"}, "starting"),
    ({"jobDeploymentStatus": "Suspended"}, "queued"),
    ({"jobDeploymentStatus": "Running", "jobStatus": ""}, "starting"),
    ({"jobDeploymentStatus": "Running", "jobStatus": "PENDING"}, "starting"),
    ({"jobDeploymentStatus": "Running", "jobStatus": "RUNNING"}, "running"),
    ({"jobDeploymentStatus": "Retrying", "jobStatus": "FAILED"}, "retrying"),
    ({"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}, "finished"),
    ({"jobDeploymentStatus": "Complete", "jobStatus": "STOPPED"}, "stopped"),
    ({"jobDeploymentStatus": "Failed", "jobStatus": "FAILED"}, "failed"),
    ({"jobDeploymentStatus": "Failed", "jobStatus": "RUNNING", "reason": "DeadlineExceeded"}, "failed"),
    ({"jobDeploymentStatus": "ValidationFailed"}, "failed"),
]


@pytest.mark.parametrize(("status", "state"), STATES)
def test_states(server: FakeKubernetes, status: dict[str, str], state: str) -> None:
    submitted(server)
    server.report("paceline-3f2a-a1", **status)
    job = TARGET.status("3f2a")
    assert job.state == state and job.ended == (state in ("finished", "stopped", "failed"))
    assert job.message == (status.get("reason", "") if state == "failed" else "")
    assert job.exit_code == (0 if state == "finished" else None)


def test_what_a_failed_driver_said(server: FakeKubernetes) -> None:
    submitted(server)
    message = "Job entrypoint command failed with exit code 3, last available logs ..."
    server.report(
        "paceline-3f2a-a1", jobDeploymentStatus="Failed", jobStatus="FAILED", reason="AppFailed", message=message
    )
    job = TARGET.status("3f2a")
    assert job.exit_code == 3 and job.message == f"AppFailed: {message}"


def test_every_sweep_once_the_newest_first(server: FakeKubernetes) -> None:
    submitted(server, replace(SUBMISSION, id="aaaa"))
    server.report("paceline-aaaa-a1", jobDeploymentStatus="Complete", jobStatus="STOPPED")
    for sweep, attempt in (("bbbb", 1), ("aaaa", 2)):
        submitted(server, replace(SUBMISSION, id=sweep, attempt=attempt))
    assert [(job.id, job.attempt) for job in TARGET.sweeps()] == [("aaaa", 2), ("bbbb", 1)]


def running(server: FakeKubernetes) -> None:
    """A sweep whose driver runs, with its pods."""
    submitted(server)
    status = {"jobDeploymentStatus": "Running", "jobStatus": "RUNNING", "jobId": "job-x", "rayClusterName": "ray-x"}
    server.report("paceline-3f2a-a1", **status)
    server.pod("head", {"ray.io/cluster": "ray-x", "ray.io/node-type": "head"})
    server.pod("worker", {"ray.io/cluster": "ray-x", "ray.io/node-type": "worker"})
    server.pod("submitter", {"job-name": "paceline-3f2a-a1"})


def test_a_clean_stop_asks_the_driver(server: FakeKubernetes) -> None:
    running(server)
    TARGET.stop("3f2a")
    ((pod, container, command),) = server.executed
    assert (pod, container) == ("head", "ray-head")
    assert command[:3] == ["ray", "job", "stop"] and command[-1] == "job-x"
    assert "paceline-3f2a-a1" in server.names("rayjobs")


def test_what_a_user_wants_is_left_on_the_head_where_the_driver_runs(server: FakeKubernetes) -> None:
    running(server)
    assert TARGET.steer("3f2a", ("pause", ("t003",))) == ["Attempting to stop"]
    ((pod, container, command),) = server.executed
    assert (pod, container) == ("head", "ray-head")
    assert command == [
        "env", 'PACELINE_STEER=["pause", ["t003"]]', "python", "-m", "cluster.job", "3f2a", "--steer"
    ]  # fmt: skip


def test_a_stop_that_fails_says_so(server: FakeKubernetes) -> None:
    running(server)
    causes = [{"reason": "ExitCode", "message": "1"}]
    server.exec_status = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}
    with pytest.raises(KubernetesError, match="failed in pod head: Attempting to stop"):
        TARGET.stop("3f2a")


def test_a_stop_whose_end_tells_nothing_is_no_success(server: FakeKubernetes) -> None:
    running(server)
    server.exec_status = {"status": "Failure", "message": "container not found"}
    with pytest.raises(KubernetesError, match="failed in pod head"):
        TARGET.stop("3f2a")


def test_now_takes_everything_without_grace(server: FakeKubernetes) -> None:
    running(server)
    TARGET.stop("3f2a", now=True)
    assert server.names("rayjobs") == ["paceline-template"] and server.executed == []
    assert server.deleted_with_grace["head"] == server.deleted_with_grace["worker"] == "0"


def test_a_sweep_without_a_driver_is_taken_from_the_queue(server: FakeKubernetes) -> None:
    submitted(server, replace(SUBMISSION, queue="paceline"))
    TARGET.stop("3f2a")
    assert server.names("rayjobs") == ["paceline-template"] and server.executed == []


def test_an_ended_sweep_stays_as_it_is(server: FakeKubernetes) -> None:
    running(server)
    server.report("paceline-3f2a-a1", jobDeploymentStatus="Complete", jobStatus="SUCCEEDED")
    TARGET.stop("3f2a")
    assert "paceline-3f2a-a1" in server.names("rayjobs") and server.executed == []


def test_the_log_so_far(server: FakeKubernetes) -> None:
    running(server)
    server.logs["submitter"] = ["epoch 1", "epoch 2 ✓"]
    assert list(TARGET.logs("3f2a")) == ["epoch 1", "epoch 2 ✓"]


def test_a_log_that_one_may_not_read(server: FakeKubernetes) -> None:
    running(server)
    server.role["rules"] = [rule for rule in server.role["rules"] if rule["resources"] != ["pods/log"]]
    with pytest.raises(KubernetesError, match="cannot read the log of pod submitter: pods/log is forbidden"):
        list(TARGET.logs("3f2a", follow=True))


def test_before_there_is_a_log(server: FakeKubernetes) -> None:
    submitted(server)
    server.pod("submitter", {"job-name": "paceline-3f2a-a1"}, phase="Pending")
    assert list(TARGET.logs("3f2a")) == []


def test_following_outlives_broken_connections_and_attempts(server: FakeKubernetes) -> None:
    running(server)
    server.logs["submitter"], server.breaks_after["submitter"] = ["a1", "a2", "a3"], 2
    server.writing.add("submitter")

    def life() -> None:
        time.sleep(0.2)
        server.logs["submitter"].append("a4")
        server.objects[("pods", "submitter")]["status"]["phase"] = "Failed"
        server.writing.discard("submitter")
        server.report("paceline-3f2a-a1", jobDeploymentStatus="Retrying", failed=1)
        time.sleep(0.1)
        server.logs["second"] = ["b1", "b2"]
        server.pod("second", {"job-name": "paceline-3f2a-a1"}, phase="Succeeded")
        server.report("paceline-3f2a-a1", jobDeploymentStatus="Complete", jobStatus="SUCCEEDED")

    thread = threading.Thread(target=life)
    thread.start()
    followed = list(TARGET.logs("3f2a", follow=True))
    thread.join()
    assert followed == ["a1", "a2", "a3", "a4", "b1", "b2"]
