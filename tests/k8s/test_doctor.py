"""`paceline doctor --on k8s:...`: each thing that is wrong with a namespace is told, with what to do."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.doctor.machine import Check
from cluster.targets.kubernetes import api
from cluster.targets.kubernetes.target import KubernetesTarget
from tests.k8s.api_server import FakeKubernetes
from tests.k8s.render import COMPONENT, K8S, Manifest, kustomize, named


@pytest.fixture(scope="module")
def template() -> Manifest:
    return named(kustomize(K8S / "overlays" / "gpu"), "RayJob", "paceline-template")


@pytest.fixture
def server(template: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKubernetes]:
    """A cluster on which all is well."""
    fake = FakeKubernetes()
    fake.add("rayjobs", copy.deepcopy(template))
    for store in ("mlflow", "postgres", "s3"):
        fake.pod(store, {COMPONENT: store})
    monkeypatch.setattr(api, "_PAUSES_S", ())
    with fake.running(tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        yield fake


def looked(context: str = "here", code: Any = "image") -> dict[str, Check]:
    return {check.name: check for check in KubernetesTarget(context, "paceline").checks(code)}


def test_all_is_well(server: FakeKubernetes) -> None:
    found = looked()
    assert list(found) == ["cluster", "rights", "code", "template", "ray", "image", "workers", "stores"]
    assert {check.state for check in found.values()} == {"ok"}
    assert "v1.34.0" in found["cluster"].found and found["workers"].found == "at most 8 x (8 CPUs, 1 GPUs)"
    assert not [call for call in server.calls if call[0] in ("create", "delete")]


@pytest.mark.parametrize(("context", "expected"), [("gone", "does not answer"), ("her", "did you mean here?")])
def test_no_cluster(server: FakeKubernetes, context: str, expected: str) -> None:
    (check,) = looked(context).values()
    assert check.state == "wrong" and expected in check.found


def test_missing_rights(server: FakeKubernetes) -> None:
    server.role["rules"] = [rule for rule in server.role["rules"] if rule["resources"] != ["pods/exec"]]
    assert looked()["rights"].found == "you may not create pods/exec"


def test_code_that_would_travel(server: FakeKubernetes) -> None:
    assert looked(code="ship")["code"].state == "wrong"


def test_no_template(server: FakeKubernetes) -> None:
    del server.objects[("rayjobs", "paceline-template")]
    found = looked()
    assert list(found)[-1] == "template" and "kubectl apply -k" in found["template"].remedy


def test_a_template_that_cannot_work(server: FakeKubernetes) -> None:
    cluster = server.objects[("rayjobs", "paceline-template")]["spec"]["rayClusterSpec"]
    cluster.pop("authOptions")
    cluster["rayVersion"] = "2.59.0"
    cluster["headGroupSpec"]["template"]["spec"]["containers"][0]["image"] = "paceline:0.0.9-cpu"
    found = looked()
    assert "authOptions.mode: must be token" in found["template"].found
    assert found["ray"].state == found["image"].state == "warning"


def test_stores_that_are_not_ready(server: FakeKubernetes) -> None:
    server.pod("mlflow", {COMPONENT: "mlflow"}, ready=False)
    assert looked()["stores"].state == "wrong"
    del server.objects[("pods", "mlflow")]
    assert looked()["stores"].found == "mlflow has no pod here, postgres ready, s3 ready"
    assert looked()["stores"].state == "warning"
