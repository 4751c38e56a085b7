"""Sweeps on a real cluster of two nodes: submitted, followed, stopped, resumed, shared, and a head that dies."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.job_submission import JobSubmissionClient

from cluster.targets.ray_jobs.target import KILL
from tests.helpers.ports import free_ports
from tests.helpers.ray_cluster import RayCluster, Submitter, SubmitterHere
from tests.helpers.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SPEC = """
workload: mlp
cache: false
data: {name: digits}
epochs: 3
trials: 4
max_lanes: 2
cohort: 1
final: none
early_terminate: none
parameters:
  lr: {min: 1e-3, max: 1e-1, log: true}
  width: {values: [8, 16]}
"""
LONG = ("epochs=20000", "trials=2")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    made = RayCluster(tmp_path_factory.mktemp("shared"))
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture
def user(cluster: RayCluster, tmp_path: Path) -> Submitter:
    folder = SubmitterHere(tmp_path, cluster)
    folder.write(SPEC)
    return folder


def state(user: Submitter, sweep_id: str) -> str:
    told: dict[str, str] = json.loads(user.on_cluster("status", sweep_id, "--json"))
    return told["state"]


def journal(cluster: RayCluster, sweep_id: str) -> Path:
    return cluster.folder / ".paceline" / sweep_id / "journal.log"


def training(cluster: RayCluster, sweep_id: str) -> bool:
    """Whether epochs have been told to the study."""
    path = journal(cluster, sweep_id)
    return path.exists() and "intermediate_value" in path.read_text()


def test_a_submitted_sweep_ends_as_one_that_runs_here(user: Submitter) -> None:
    sweep_id = user.submitted()
    assert state(user, sweep_id) in ("starting", "running")
    lines = user.on_cluster("logs", sweep_id, "-f").splitlines()
    assert f"sweep {sweep_id} finished" in lines[-1]
    assert sum(" done 3/3 epochs " in line for line in lines) == 4
    told = json.loads(user.on_cluster("status", sweep_id, "--json"))
    assert (told["state"], told["attempt"], told["target"]) == ("finished", 1, user.cluster.address)
    [listed] = json.loads(user.on_cluster("ls", "--json"))
    assert listed | {"sweep": sweep_id, "trials": 4, "state": "finished", "target": user.cluster.address} == listed
    home = SubmitterHere(user.cluster.folder, user.cluster)
    there = home.document("show", sweep_id)
    here = user.document("run", "sweep.yaml")
    assert there["best"]["params"] == here["best"]["params"]
    assert there["best"]["value"] == pytest.approx(here["best"]["value"])


def test_left_by_ctrl_c_stopped_resumed_and_killed(user: Submitter) -> None:
    following = user.start(
        "run", "sweep.yaml", *LONG, **user.cluster.environment, PACELINE_TARGET=user.cluster.address
    )
    assert following.stdout is not None
    sweep_id = following.stdout.readline().split()[1]
    wait_until(lambda: training(user.cluster, sweep_id), "an epoch is told")
    following.send_signal(signal.SIGINT)
    out, err = following.communicate(timeout=PATIENCE_S)
    assert following.returncode == 130, err
    assert f"paceline logs {sweep_id} -f" in out
    assert "Traceback" not in err
    assert state(user, sweep_id) == "running"

    assert f"sweep {sweep_id} stopped" in user.on_cluster("stop", sweep_id)
    log = user.on_cluster("logs", sweep_id)
    assert "waiting" in log and "stopping at the next epoch" in log
    user.on_cluster("resume", sweep_id)
    told = json.loads(user.on_cluster("status", sweep_id, "--json"))
    assert (told["attempt"], told["state"] in ("starting", "running")) == (2, True)
    assert f"sweep {sweep_id} is" in user.on_cluster("resume", sweep_id, code=2)
    wait_until(lambda: "attempt 2" in user.on_cluster("logs", sweep_id), "a second attempt")
    assert f"sweep {sweep_id} stopped" in user.on_cluster("stop", sweep_id, "--now")
    headers = {"Authorization": f"Bearer {user.cluster.token}"}
    jobs = [job.submission_id for job in JobSubmissionClient(user.cluster.address, headers=headers).list_jobs()]
    assert any(str(name).startswith(f"paceline-{sweep_id}-a2{KILL}") for name in jobs), "it was asked, not killed"
    assert f"sweep {sweep_id} is not running" in user.on_cluster("stop", sweep_id, code=1)


@pytest.mark.parametrize(
    "words",
    [
        ("submit", "sweep.yaml"),
        ("run", "sweep.yaml"),
        ("status", "ab"),
        ("logs", "ab"),
        ("stop", "ab"),
        ("wait", "ab"),
    ],
)
def test_without_the_token_every_call_is_refused_with_how_to_get_one(
    user: Submitter, words: tuple[str, ...]
) -> None:
    told = user.on_cluster(*words, code=2, RAY_AUTH_TOKEN="", HOME=str(user.path))
    assert "wants a token" in told and "RAY_AUTH_TOKEN" in told and "kubectl get secret" in told
    assert len(told.strip().splitlines()) == 1
    wrong = user.on_cluster(*words, code=2, RAY_AUTH_TOKEN="f" * 64)
    assert "does not take this token" in wrong and "RAY_AUTH_TOKEN" in wrong


def test_more_than_the_cluster_can_ever_have_is_refused_at_once(user: Submitter) -> None:
    for words, what in ((["resources.gpus=1"], "1 CPU, 1 GPU"), (["resources.cpus=3"], "3 CPU, 0 GPU")):
        told = user.on_cluster("submit", "sweep.yaml", *words, code=2)
        assert what in told and "2 CPU, 0 GPU + 2 CPU, 0 GPU" in told
    assert not (user.path / ".paceline").exists()


def test_a_head_that_is_not_there_is_told(user: Submitter) -> None:
    (port,) = free_ports(1)
    told = user.on_cluster("submit", "sweep.yaml", code=2, PACELINE_TARGET=f"http://127.0.0.1:{port}")
    assert "cannot be reached" in told and "kubectl port-forward" in told


def test_a_store_that_the_cluster_does_not_reach_ends_the_job_with_the_reason(user: Submitter) -> None:
    (port,) = free_ports(1)
    uri = f"http://127.0.0.1:{port}"
    user.on_cluster("submit", "sweep.yaml", "--wait", code=2, MLFLOW_TRACKING_URI=uri)
    assert "name a server that it reaches" in user.on_cluster("logs", "last")
    [sent] = (user.path / ".paceline" / "jobs").glob("*.yaml")
    assert not journal(user.cluster, sent.stem).parent.exists()


def test_doctor_tells_what_each_node_sees_and_what_to_do(user: Submitter) -> None:
    (port,) = free_ports(1)
    environment = {
        **user.cluster.environment,
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}",
        "PACELINE_HOME": "",
    }
    done = user.paceline("doctor", "--json", "--on", user.cluster.address, **environment)
    assert done.returncode == 1, done.stderr
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert {name for name, check in checks.items() if check["state"] == "wrong"} == {"sweep homes", "tracking"}
    assert all(checks[name]["remedy"] for name in ("sweep homes", "tracking"))
    assert "2 nodes load it" in checks["code"]["found"]
    assert "of 4 CPU" in checks["resources"]["found"]


@pytest.mark.soak
def test_a_submitted_sweep_is_steered(user: Submitter) -> None:
    sweep_id = user.submitted(*LONG)
    wait_until(lambda: training(user.cluster, sweep_id), "an epoch is told")
    assert "t000 is paused" in user.on_cluster("pause", sweep_id, "t0")
    assert "has no such trial" in user.on_cluster("boost", sweep_id, "t9", code=2)
    assert "1 worker from now on" in user.on_cluster("lanes", sweep_id, "1")
    user.on_cluster("stop", sweep_id)
    document = SubmitterHere(user.cluster.folder, user.cluster).document("show", sweep_id)
    [told] = document["trials"][0]["steered"]
    assert told.startswith("paused by ") and document["cost"]["lanes"] == 1


@pytest.mark.soak
def test_two_sweeps_share_the_lanes_and_the_higher_priority_takes_what_comes_free(user: Submitter) -> None:
    """Two lanes in all: the low one has both, and leaves both to the high one at the ends of its legs."""
    words = ("resources.cpus=2", "method=random", "epochs=10")
    low = user.submitted(*words, "priority=-1", "trials=2000", "name=low")
    wait_until(lambda: training(user.cluster, low), "an epoch is told")
    high = user.submitted(*words, "priority=1", "name=high")
    user.on_cluster("wait", high)
    assert state(user, low) == "running"
    user.on_cluster("stop", low)


def test_a_folder_that_one_node_does_not_see_ends_the_job_before_anything_is_kept(
    user: Submitter, tmp_path: Path
) -> None:
    """Next to last: the node stays until all die."""
    home = tmp_path / "homes"
    home.mkdir()
    user.cluster.add_node(blind_to=home)
    user.cluster.await_nodes(3)
    user.on_cluster("submit", "sweep.yaml", "--wait", code=2, PACELINE_HOME=str(home))
    assert "is not the same folder on" in user.on_cluster("logs", "last")
    assert [path.name for path in home.iterdir()] == ["attempts"]


def test_a_new_head_knows_nothing_and_a_resume_finishes(user: Submitter) -> None:
    sweep_id = user.submitted("epochs=200")
    wait_until(lambda: training(user.cluster, sweep_id), "an epoch is told")
    user.cluster.kill()
    assert "cannot be reached" in user.on_cluster("status", sweep_id, code=2)
    user.cluster.start(alone=True)
    assert "forgets its jobs" in user.on_cluster("status", sweep_id, code=2)
    user.on_cluster("resume", sweep_id)
    user.on_cluster("wait", sweep_id)
    told = json.loads(user.on_cluster("status", sweep_id, "--json"))
    assert (told["state"], told["attempt"]) == ("finished", 2)
