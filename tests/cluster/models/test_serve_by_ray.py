"""`paceline serve ID --ray`: the same answers from Ray Serve, and refusals with the way out."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import paceline
from cluster.cli.commands.models import serve as command
from cluster.models import ray_serving
from cluster.models.ray_serving import NoCluster
from tests.helpers.ports import free_ports
from tests.helpers.small_champion import rows
from tests.helpers.sweep_here import Here, OneRay


@pytest.mark.slow
def test_the_printed_line_gets_what_predict_gives_and_an_interrupt_ends_the_deployment(
    patients: Here, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("grpc_reflection", reason="Ray Serve is not installed")
    OneRay.started()
    [port], row = free_ports(1), rows(3, seed=2).drop(columns="outcome")
    answers = []

    def interrupted() -> None:
        url = f"http://127.0.0.1:{port}"
        body = json.dumps({"dataframe_split": json.loads(row.to_json(orient="split"))})
        for ask in (["-d", body, "-H", "Content-Type: application/json", f"{url}/invocations"], [f"{url}/ping"]):
            done = subprocess.run(
                ["curl", "-sS", "-i", *ask], capture_output=True, text=True, timeout=60, check=True
            )
            answers.append(done.stdout)
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_wait", interrupted)
    done = patients.paceline("serve", "last", "--ray", "--port", str(port))
    assert done.returncode == 0, done.stderr
    assert f"is served at http://127.0.0.1:{port}/invocations" in done.stdout and done.stdout.endswith("ended\n")
    monkeypatch.chdir(patients.path)
    expected = paceline.load("last").predict(row)
    found = json.loads(answers[0].split("\n\n")[1])["predictions"]
    assert [one["prediction"] for one in found] == list(expected["prediction"])
    assert [one["ill"] for one in found] == pytest.approx(list(expected["ill"]), rel=1e-6)
    assert " 200 " in answers[1].splitlines()[0]
    asked = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}/ping', timeout=5)"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, check=False).returncode != 0


def test_what_cannot_be_served_so_is_refused_with_the_way_out(
    patients: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*words: str) -> str:
        done = patients.paceline("serve", "last", *words)
        assert done.returncode == 2, done.stderr
        return done.stderr

    assert "--workers N" in refused("--replicas", "2")
    assert "--replicas N" in refused("--ray", "--workers", "2")
    monkeypatch.setattr(ray_serving, "find_spec", lambda name: None)
    assert "pip install 'paceline[serve]'" in refused("--ray")


@pytest.mark.parametrize("listens", [False, True])
def test_an_address_at_which_no_cluster_answers_is_told(monkeypatch: pytest.MonkeyPatch, listens: bool) -> None:
    pytest.importorskip("grpc", reason="Ray Serve is not installed")
    monkeypatch.setattr(ray_serving, "ANSWER_S", 0.2)
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1] if listens else free_ports(1)[0]
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
        told = rf"no Ray cluster answers at RAY_ADDRESS=.*:{port} within 0.2 s: start"
        with pytest.raises(NoCluster, match=told), ray_serving._connected():
            pass
