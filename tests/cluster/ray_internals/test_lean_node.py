"""What a Ray of our own does without, and what is kept and begun early so that a sweep ends sooner."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster.driver.champion import SOON_S, ChampionProcess
from cluster.lanes.tune import Watch
from cluster.ray_internals import forked_worker, lean_agent, lean_node
from cluster.terminal.records import Snapshot
from search_spaces.types.plain import VARIABLE
from tests.helpers.commands import clean_environment
from tests.helpers.paths import ROOT

SEEN = Snapshot(
    phase="search",
    rows=(),
    num_planned=4,
    horizon=9,
    best=None,
    epochs_trained=0,
    epochs_saved=0,
    elapsed_s=1.0,
    eta_s=None,
    num_lanes=2,
)


def test_ray_is_as_it_was_after_a_lean_start() -> None:
    from ray._private import services, utils
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    def steps() -> list[object]:
        others = [utils.get_dashboard_dependency_error, services.get_node, RayParams.__init__]
        others.append(services.start_ray_process)
        return [getattr(Node, name, None) for name in lean_node.IDLE] + others

    before = steps()
    with pytest.raises(RuntimeError), lean_node.lean_node({"MARK": "1"}):
        for name in lean_node.IDLE:
            assert getattr(Node, name)(None, some="option") is None
        assert utils.get_dashboard_dependency_error() is not None
        assert os.environ["MARK"] == "1"
        assert RayParams(num_cpus=1).setup_worker_path == forked_worker.__file__
        assert services.get_node is not before[-3]
        raise RuntimeError
    assert steps() == before and "MARK" not in os.environ
    with lean_node.lean_node({}):
        assert RayParams(num_cpus=1).setup_worker_path is None


@pytest.mark.parametrize("reason", ["wanted", "another Ray"])
def test_nothing_of_ray_is_replaced_in_the_plain_way(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private.node import Node

    if reason == "wanted":
        monkeypatch.setenv(VARIABLE, "1")
    else:
        monkeypatch.setitem(cast(Any, lean_node.NEEDED), "ray.actor", ["what_a_later_ray_may_not_have"])
    before = Node.start_monitor
    with lean_node.lean_node({"MARK": "1"}):
        assert Node.start_monitor is before and "MARK" not in os.environ


NODE = """
import json, sys
import ray
from cluster.ray_internals.local_ray import local_ray
from ray._private.worker import global_worker
with local_ray(2, leave=False):
    print(json.dumps([sorted(ray.available_resources()), global_worker.node.get_logs_dir_path()]))
"""


def test_the_agent_of_a_ray_of_our_own_has_no_modules_and_stays() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NODE], env={**clean_environment(), "PYTHONPATH": str(ROOT)}, capture_output=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    resources, logs = json.loads(done.stdout.splitlines()[-1])
    assert "CPU" in resources
    told = (Path(logs) / "dashboard_agent.log").read_text()
    assert "Loaded 0 modules." in told and "abnormally" not in told


@pytest.mark.parametrize("place", ["/opt/ray", "/opt/my ray"])
def test_only_a_node_s_agent_is_another(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private import services

    agent = [sys.executable, f"{place}/dashboard/agent.py", "--minimal"]
    monkeypatch.setattr(services, "RAY_PATH", place)
    command = ["raylet", f"--dashboard_agent_command={subprocess.list2cmdline(agent)}", "--port=1"]
    started: list[list[str]] = []
    lean_node._with_lean_agent(started.append, command)
    assert [started[0][0], started[0][2]] == ["raylet", "--port=1"]
    said = started[0][1].removeprefix("--dashboard_agent_command=")
    assert shlex.split(said) == [sys.executable, lean_agent.__file__, "--minimal"]


def test_as_many_idle_lanes_are_kept_as_there_are_lanes() -> None:
    kept: list[int] = []
    cache = SimpleNamespace(increase_max=lambda kind, by: kept.append(by))
    watch = Watch(cast(Any, None), cast(Any, None), 3, lambda: None)
    for _ in range(4):
        watch.on_trial_add(SimpleNamespace(_actor_cache=cache), SimpleNamespace(placement_group_factory="a lane"))
    assert sum(kept) == 3


@pytest.mark.parametrize(
    ("seen", "final", "begins"),
    [
        (SEEN, True, False),
        (replace(SEEN, eta_s=2 * SOON_S), True, False),
        (replace(SEEN, eta_s=SOON_S / 2), True, True),
        (replace(SEEN, eta_s=SOON_S / 2), False, False),
        (replace(SEEN, phase="verdict"), True, True),
    ],
)
def test_the_champion_s_worker_begins_when_a_verdict_is_near(
    seen: Snapshot, final: bool, begins: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun: list[ChampionProcess] = []
    monkeypatch.setattr(ChampionProcess, "begin", lambda self: begun.append(self))
    sweep = SimpleNamespace(final=object() if final else None)
    ChampionProcess(cast(Any, tmp_path), cast(Any, sweep), cast(Any, None)).foresee(seen)
    assert bool(begun) == begins
