"""The manifests: every overlay renders, each object is one that its API server takes, and the whole fits."""

from __future__ import annotations

import copy
import os
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from cluster.targets.kubernetes.rayjob_rules import template_faults
from tests.helpers.paths import ROOT
from tests.k8s.graph import graph_faults
from tests.k8s.network import open_pairs
from tests.k8s.operator_rules import cluster_faults, rayjob_faults
from tests.k8s.render import K8S, Manifest, kustomize, named, pods, secrets
from tests.k8s.schemas import UNCHECKED, schema_faults
from tests.k8s.security import security_faults

CHOICES = {
    "laptop": ("laptop",),
    "gpu": ("gpu",),
    "laptop with a queue": ("laptop", "kueue"),
    "gpu with a queue": ("gpu", "kueue"),
}
TALKING = {
    ("setup", "mlflow", 5000),
    ("setup", "s3", 7070),
    ("mlflow", "postgres", 5432),
    ("mlflow", "s3", 7070),
    ("ray-head", "postgres", 5432),
    ("ray-head", "mlflow", 5000),
    ("ray-head", "s3", 7070),
    ("ray-head", "ray-worker", "*"),
    ("ray-head", "kubernetes", 6443),
    ("ray-worker", "ray-head", "*"),
    ("ray-worker", "ray-worker", "*"),
    ("ray-worker", "mlflow", 5000),
    ("ray-worker", "s3", 7070),
    ("ray-submitter", "ray-head", 8265),
    ("operator", "ray-head", 8265),
    *((name, "dns", 53) for name in ("setup", "mlflow", "ray-head", "ray-worker", "ray-submitter")),
}
TALKING_ON_GPU = {("ray-head", "valkey", 6379), ("ingress", "mlflow", 5000), ("ingress", "ray-head", 8265)}


@pytest.fixture(scope="module", params=CHOICES)
def choice(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def objects(choice: str, tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """An overlay as it is, or with a component as a person's own kustomization would add it."""
    return render(choice, tmp_path_factory.mktemp("overlay")) + secrets()


def render(choice: str, folder: Path) -> list[Manifest]:
    overlay, *components = CHOICES[choice]
    if not components:
        return kustomize(K8S / "overlays" / overlay)
    lines = ["apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization"]
    lines += [f"resources: [{os.path.relpath(K8S / 'overlays' / overlay, folder.resolve())}]"]
    lines += [
        f"components: [{os.path.relpath(K8S / 'components' / each, folder.resolve())}]" for each in components
    ]
    (folder / "kustomization.yaml").write_text("\n".join(lines))
    return kustomize(folder)


def test_every_object_is_one_that_its_api_server_takes(objects: list[Manifest]) -> None:
    assert [fault for manifest in objects for fault in schema_faults(manifest)] == []


def test_everything_that_is_named_is_there_and_fits(objects: list[Manifest]) -> None:
    assert graph_faults(objects) == []


def test_every_pod_is_restricted(objects: list[Manifest]) -> None:
    assert security_faults(objects) == []


def test_who_may_talk_to_whom(objects: list[Manifest], choice: str) -> None:
    assert open_pairs(objects) == TALKING | (TALKING_ON_GPU if "gpu" in choice else set())


def test_the_operator_s_own_rules_hold(objects: list[Manifest]) -> None:
    template, cluster = named(objects, "RayJob", "paceline-template"), named(objects, "RayCluster", "paceline")
    assert [*rayjob_faults(template, "template"), *cluster_faults(cluster["spec"], "cluster")] == []
    assert [*template_faults(template, "template")] == []


def test_the_template_never_runs_and_no_queue_may_start_it(objects: list[Manifest]) -> None:
    template = named(objects, "RayJob", "paceline-template")
    assert template["spec"]["suspend"] is True
    assert not any("kueue" in label for label in template["metadata"]["labels"])


def test_the_long_lived_cluster_is_of_the_sweeps_kind(objects: list[Manifest], choice: str) -> None:
    if "queue" in choice:
        return  # a queued sweep's cluster does not grow, the long-lived one does
    theirs = copy.deepcopy(named(objects, "RayJob", "paceline-template")["spec"]["rayClusterSpec"])
    own = copy.deepcopy(named(objects, "RayCluster", "paceline")["spec"])
    own.pop("gcsFaultToleranceOptions", None)
    assert own == theirs


def test_queued_sweeps_have_a_fixed_size(tmp_path: Path) -> None:
    objects = render("gpu with a queue", tmp_path)
    cluster = named(objects, "RayJob", "paceline-template")["spec"]["rayClusterSpec"]
    assert cluster["enableInTreeAutoscaling"] is False
    assert {o["kind"] for o in objects if o["apiVersion"] in UNCHECKED} == {
        "ResourceFlavor",
        "ClusterQueue",
        "LocalQueue",
        "WorkloadPriorityClass",
    }


def test_gpu_workers_come_and_go_and_the_head_stays(tmp_path: Path) -> None:
    cluster = named(render("gpu", tmp_path), "RayJob", "paceline-template")["spec"]["rayClusterSpec"]
    (group,) = cluster["workerGroupSpecs"]
    assert (group["minReplicas"], group["maxReplicas"]) == (0, 8)
    assert cluster["enableInTreeAutoscaling"] and cluster["autoscalerOptions"]["version"] == "v2"
    worker = group["template"]["spec"]
    assert worker["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert {"karpenter.sh/capacity-type", "nvidia.com/gpu"} <= {each["key"] for each in worker["tolerations"]}
    head = cluster["headGroupSpec"]
    assert "tolerations" not in head["template"]["spec"] and "nodeAffinity" in head["template"]["spec"]["affinity"]
    assert head["rayStartParams"]["num-cpus"] == "0"


def test_the_head_notices_a_lost_node_and_gives_a_driver_time(objects: list[Manifest]) -> None:
    for pod in (pod for pod in pods(objects) if pod.owner.endswith(" head")):
        env = {entry["name"]: entry.get("value") for entry in pod.spec["containers"][0]["env"]}
        assert (env["RAY_health_check_period_ms"], env["RAY_health_check_timeout_ms"]) == ("1000", "3000")
        assert env["RAY_health_check_failure_threshold"] == "3"
        assert pod.spec["terminationGracePeriodSeconds"] > int(env["RAY_JOB_STOP_WAIT_TIME_S"] or 0) >= 60


def test_every_node_keeps_spare_workers(objects: list[Manifest]) -> None:
    settings = next(
        each for each in objects if (each["kind"], each["metadata"]["name"]) == ("ConfigMap", "paceline")
    )
    assert int(settings["data"]["RAY_num_workers_soft_limit"]) >= 64
    nodes = [pod for pod in pods(objects) if any(each["name"].startswith("ray-") for each in pod.containers)]
    assert len(nodes) >= 2
    for container in (
        each for pod in nodes for each in pod.containers if each["name"] in ("ray-head", "ray-worker")
    ):
        assert {"configMapRef": {"name": "paceline"}} in container["envFrom"]


def test_only_the_autoscaler_may_talk_to_kubernetes(objects: list[Manifest]) -> None:
    path = "/var/run/secrets/kubernetes.io/serviceaccount"
    holders = {
        container["name"]
        for pod in pods(objects)
        for container in pod.containers
        if any(mount["mountPath"].startswith(path) for mount in container.get("volumeMounts", []))
    }
    assert holders <= {"autoscaler"}


def test_rays_version_is_the_package_s() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (ray,) = [r for r in map(Requirement, project["dependencies"]) if r.name == "ray"]
    version = kustomize(K8S / "base")
    assert ray.specifier.contains(
        named(version, "RayJob", "paceline-template")["spec"]["rayClusterSpec"]["rayVersion"]
    )


def test_no_secret_is_in_the_repository() -> None:
    for path in K8S.rglob("*"):
        if path.is_file() and path.suffix in (".yaml", ".ini", ".py"):
            assert "kind: Secret" not in path.read_text(), path
    first, second = secrets(), secrets("elsewhere")
    assert {o["metadata"]["namespace"] for o in second} == {"elsewhere"}
    values = [value for o in [*first, *second] for value in o["stringData"].values() if value != "paceline"]
    assert len(set(values)) == len(values) and all(len(value) >= 32 for value in values)


def test_the_dockerfile_installs_what_pyproject_names() -> None:
    text = (K8S / "Dockerfile").read_text()
    (extras,) = [line.split('"')[1] for line in text.splitlines() if line.startswith("ARG EXTRAS=")]
    script = [str(K8S / "requirements.py"), str(ROOT / "pyproject.toml"), *extras.split()]
    done = subprocess.run(["python3", *script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"ray", "torch", "mlflow", "optuna"} <= {Requirement(line).name for line in done.stdout.splitlines()}
    for copied in ("cluster", "workloads", "search_spaces", "tracking"):
        assert f"COPY {copied} /src/{copied}" in text
        assert f"!{copied}" in (K8S / "Dockerfile.dockerignore").read_text()
    assert "paceline.py /src/" in text and "!paceline.py" in (K8S / "Dockerfile.dockerignore").read_text()
