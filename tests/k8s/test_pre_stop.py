"""On two real Ray nodes with a token: the pods' probes are answered, and the preStop hooks do what they are for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from cluster import pre_stop
from tests.helpers.paths import ROOT
from tests.k8s.render import K8S, kustomize, named

TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0f" * 32, "RAY_JOB_STOP_WAIT_TIME_S": "20"}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.k8s.two_ray_nodes", str(tmp_path_factory.mktemp("nodes"))]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | TOKEN, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.slow
def test_the_probes_need_no_token_and_the_rest_does(seen: dict[str, Any]) -> None:
    assert seen["dashboard"] == {"/api/gcs_healthz": 200, "/api/jobs/": 401}
    assert seen["agents"] == [200, 200]
    cluster = named(kustomize(K8S / "base"), "RayJob", "paceline-template")["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        container = group["template"]["spec"]["containers"][0]
        checks = [container[probe]["httpGet"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")]
        asked = {(check["port"], check["path"]) for check in checks}
        assert asked <= {("dashboard", "/api/gcs_healthz"), ("agent", "/api/local_raylet_healthz")}


@pytest.mark.slow
def test_a_head_that_goes_stops_its_driver_and_waits_for_it(seen: dict[str, Any]) -> None:
    assert seen["head"] == {"left": True, "told": "saved", "status": "STOPPED"}


@pytest.mark.slow
def test_a_worker_that_goes_is_announced_and_waits_for_its_lanes(seen: dict[str, Any]) -> None:
    assert seen["worker"] == {"held": False, "draining": True, "left": True}


def test_a_role_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert pre_stop.main([]) == 2 and pre_stop.main(["tail"]) == 2
    assert "head|worker" in capsys.readouterr().err
