"""The commands against a Kubernetes API: submit, follow, look, stop, resume."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.cli.main import main
from cluster.targets.kubernetes import api, target
from tests.k8s.api_server import FakeKubernetes
from tests.k8s.render import K8S, kustomize, named

SPEC = "workload: mlp\ndata: {name: digits}\nfinal: none\npriority: 5\nresources: {gpus: 1}\n"
ON = ("--on", "k8s:here/paceline")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKubernetes]:
    fake = FakeKubernetes()
    fake.add("rayjobs", named(kustomize(K8S / "overlays" / "gpu"), "RayJob", "paceline-template"))
    monkeypatch.setattr(target, "POLL_S", 0.02)
    monkeypatch.setattr(api, "_PAUSES_S", ())
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "sweep.yaml").write_text(SPEC)
    (folder / "own.py").write_text("x = 1\n")
    with fake.running(tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        yield fake


def sweep_of(server: FakeKubernetes) -> tuple[str, str]:
    """The ID and the RayJob's name of the one sweep."""
    (name,) = [name for name in server.names("rayjobs") if name != "paceline-template"]
    return name.split("-")[1], name


def test_a_sweep_s_life(server: FakeKubernetes, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", "sweep.yaml", *ON]) == 0
    sweep, name = sweep_of(server)
    assert sweep in capsys.readouterr().out
    rayjob = server.objects[("rayjobs", name)]
    head = rayjob["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    assert head["priorityClassName"] == "paceline-high"
    items = {item["path"]: item["key"] for item in head["volumes"][-1]["configMap"]["items"]}
    data = server.objects[("configmaps", name)]["binaryData"]
    assert set(items) == {"sweep.yaml", "own.py"}
    assert b"digits" in base64.b64decode(data[items["sweep.yaml"]])

    status = {"jobDeploymentStatus": "Running", "jobStatus": "RUNNING", "jobId": "x", "rayClusterName": "ray-x"}
    server.report(name, **status)
    server.pod("head", {"ray.io/cluster": "ray-x", "ray.io/node-type": "head"})
    server.pod("submitter", {"job-name": name})
    server.logs["submitter"] = ["epoch 1"]
    assert main(["status", sweep]) == 0
    assert "running" in capsys.readouterr().out
    assert main(["logs", sweep]) == 0
    assert "epoch 1" in capsys.readouterr().out

    server.report(name, jobDeploymentStatus="Complete", jobStatus="STOPPED")
    assert main(["wait", sweep]) == 130
    assert main(["resume", sweep]) == 0
    assert f"paceline-{sweep}-a2" in server.names("rayjobs")
    assert main(["stop", sweep, "--now"]) == 0
    assert f"paceline-{sweep}-a2" not in server.names("rayjobs")


def test_what_cannot_be_is_refused_with_exit_code_2(
    server: FakeKubernetes, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "sweep.yaml", "resources.gpus=4", *ON]) == 2
    assert "at most 8 x (8 CPUs, 1 GPUs)" in capsys.readouterr().err
    assert main(["submit", "sweep.yaml", "--code", "ship", *ON]) == 2
    assert "must be image" in capsys.readouterr().err
    assert main(["submit", "sweep.yaml", "--on", "k8s:her/paceline"]) == 2
    assert "did you mean here?" in capsys.readouterr().err
    assert server.names("rayjobs") == ["paceline-template"]


def test_the_doctor_looks(server: FakeKubernetes, capsys: pytest.CaptureFixture[str]) -> None:
    for store in ("mlflow", "postgres", "s3"):
        server.pod(store, {"app.kubernetes.io/component": store})
    assert main(["doctor", *ON]) == 0
    assert "you may submit" in capsys.readouterr().out
    server.role = {"rules": []}
    assert main(["doctor", *ON]) == 1
    assert "paceline-submitter" in capsys.readouterr().out
