"""checkov, offline, on every pod. It knows no RayJob, so that the pods are taken out of them first."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.helpers.paths import ROOT
from tests.k8s.render import AUTOSCALER, K8S, Manifest, kustomize, pods

WAIVED = {
    "CKV_K8S_15": "images have versions, which do not change; and those of a laptop are pulled from nowhere",
    "CKV_K8S_43": "digests are the site's: its own overlay names them (README)",
    "CKV_K8S_35": "PostgreSQL, S3 and MLflow read their passwords from the environment",
}
CHECKED = ("Deployment", "StatefulSet", "Job", "Service", "Namespace", "Role", "Ingress", "NetworkPolicy")


def checkov() -> str:
    """The program, or a skip."""
    found = (
        os.environ.get("CHECKOV")
        or shutil.which("checkov", path=ROOT / ".checkov" / "bin")
        or shutil.which("checkov")
    )
    if found is None:
        pytest.skip("checkov is not installed: make checkov")
    return found


def findings(objects: list[Manifest], folder: Path) -> list[str]:
    """The checks that fail, as "CHECK object"."""
    folder.mkdir()
    (folder / "objects.yaml").write_text(yaml.safe_dump_all(objects))
    command = [checkov(), "-d", str(folder), "--framework", "kubernetes", "--skip-download", "-o", "json"]
    done = subprocess.run([*command, "--skip-check", ",".join(WAIVED)], capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0 and report["summary"]["passed"] > 0
    return [f"{each['check_id']} {each['resource']}" for each in report["results"]["failed_checks"]]


def plain(objects: list[Manifest]) -> list[Manifest]:
    """What checkov knows, with the pods that the operator makes of Ray's objects, and its job, as plain ones.

    Without the autoscaler: its probes are the operator's matter, the rest of it is looked at in test_k8s_manifests.
    """
    made = [o for o in objects if o["kind"] in CHECKED]
    for number, pod in enumerate(pod for pod in pods(objects) if pod.owner.startswith("Ray")):
        metadata = pod.template["metadata"] | {"name": f"ray-{number}", "namespace": "paceline"}
        spec = pod.spec | {"containers": [each for each in pod.spec["containers"] if each["name"] != AUTOSCALER]}
        if pod.long:
            made.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        else:
            job = {"template": pod.template}
            made.append({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job})
    return made


@pytest.mark.slow
def test_checkov_finds_nothing(tmp_path: Path) -> None:
    checkov()
    objects = plain(kustomize(K8S / "overlays" / "gpu"))
    assert findings(objects, tmp_path / "sound") == []
    (broken,) = [o for o in objects if o["kind"] == "Deployment" and o["metadata"]["name"] == "mlflow"]
    del broken["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    assert any("CKV_K8S_22" in each for each in findings([broken], tmp_path / "broken"))
