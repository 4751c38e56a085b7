"""What k8s/README.md tells a person to do can be done."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.helpers.paths import ROOT
from tests.k8s.render import K8S, kustomize, named
from tests.k8s.schemas import schema_faults

TEXT = (K8S / "README.md").read_text()


def test_every_path_is_there() -> None:
    paths = set(re.findall(r"(?<![\w./])(k8s/[\w./-]+\w)", TEXT))
    assert {"k8s/secrets.sh", "k8s/overlays/laptop", "k8s/Dockerfile", "k8s/base/namespace.yaml"} <= paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_object_that_it_names_is_there() -> None:
    kinds = {"service": "Service", "secret": "Secret", "job": "Job"}
    made = {f"{o['kind']}/{o['metadata']['name']}" for o in kustomize(K8S / "overlays" / "gpu")}
    made |= {"Secret/mlflow-admin", "Secret/paceline", "Service/paceline-head-svc"}  # secrets.sh, and the operator
    for kind, name in re.findall(r"\b(service|secret|job)[/ ]([a-z][a-z0-9-]+)(?= \d| -o|$| --|\n)", TEXT):
        assert f"{kinds[kind]}/{name}" in made


def test_the_overlay_of_one_s_own_renders(tmp_path: Path) -> None:
    (block,) = [b for b in re.findall(r"```yaml\n(.*?)```", TEXT, re.S) if "site/kustomization.yaml" in b]
    here = os.path.relpath(ROOT, tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(block.replace("../paceline/", f"{here}/"))
    objects = kustomize(tmp_path)
    assert [fault for o in objects for fault in schema_faults(o)] == []
    assert named(objects, "PersistentVolumeClaim", "paceline-home")["spec"]["storageClassName"] == "nfs"
    template = named(objects, "RayJob", "paceline-template")["spec"]
    image = template["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["image"]
    assert image.startswith("registry.example.org/paceline@sha256:") or image.endswith("@sha256:...")
