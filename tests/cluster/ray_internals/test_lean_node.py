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
        return [Node.start_api_server, *others]

    before = steps()
    with pytest.raises(RuntimeError), lean_node.lean_node({"MARK": "1"}):
        assert cast(Any, Node).start_api_server(None, some="option") is None
        assert utils.get_dashboard_dependency_error() is not None
        assert os.environ["MARK"] == "1"
        started = RayParams(num_cpus=1, include_log_monitor=True)
        assert started.setup_worker_path == forked_worker.__file__
        assert started.no_monitor and not started.include_log_monitor
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
    before = Node.start_api_server
    with lean_node.lean_node({"MARK": "1"}):
        assert Node.start_api_server is before and "MARK" not in os.environ


NODE = """
import json, os, sys
import psutil, ray
from ray._private import services
from cluster.ray_internals import lean_agent
from cluster.ray_internals.local_ray import local_ray
from search_spaces.types.driver_errors import NoRay
from tests.helpers.listening import commands

real, tried, told = services.start_ray_process, [], []

def start(command, kind, **options):
    if kind != "raylet":
        return real(command, kind, **options)
    tried.append(kind)
    if len(tried) in (1, 2, 3, 4):
        said = "[2026-11-30 01:07:01,426 C 6 6] (raylet) n.cc:3:  A bug. Check failed: x.has_value() No room for it"
        logs = next(word for word in command if word.startswith("--log_dir=")).removeprefix("--log_dir=")
        command = ["/bin/sh", "-c", f"echo '{said}' > {logs}/raylet.err; kill -ABRT $$"]
    return real([word.replace(ENV, lean_agent.__file__) for word in command], kind, **options)

def quieten():
    told.append(len(tried))

ENV = os.path.join(services.RAY_PATH, "_private", "runtime_env", "agent", "main.py")
services.start_ray_process = start
try:
    with local_ray(2, False, quieten, told.append):
        told.append("started")
except NoRay as error:
    told.append(str(error))
left = [child.name() for child in psutil.Process().children() if child.status() != "zombie"]
with local_ray(2, False, quieten, told.append):
    agents = [words for words in commands().values() if lean_agent.__file__ in words]
    print(json.dumps([told, left, sorted(ray.available_resources()), len(agents)]))
"""


def test_a_ray_waits_for_no_agent_and_is_started_again_where_it_dies() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NODE], env={**clean_environment(), "PYTHONPATH": str(ROOT)}, capture_output=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told, left, resources, num_agents = json.loads(done.stdout.splitlines()[-1])
    assert "CPU" in resources and num_agents == 2
    first, second, alone, given_up, again = told
    assert alone == 2, "before the last time all else is waited for"
    assert not {"gcs_server", "raylet"} & set(left)
    for text in (first, second, given_up, again):
        assert "raylet ended with SIGABRT: No room for it" in text and f"on {os.cpu_count()} cores" in text


@pytest.mark.parametrize("place", ["/opt/ray", "/opt/my ray"])
def test_only_a_node_s_agent_is_another(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    agent = [sys.executable, f"{place}/dashboard/agent.py", "--minimal"]
    monkeypatch.setattr(ray, "__file__", f"{place}/__init__.py")
    command = ["raylet", f"--dashboard_agent_command={subprocess.list2cmdline(agent)}", "--port=1"]
    started = lean_node._with_lean_agent(command)
    assert [started[0], started[2]] == ["raylet", "--port=1"]
    said = started[1].removeprefix("--dashboard_agent_command=")
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
        (replace(SEEN, search_eta_s=2 * SOON_S), True, False),
        (replace(SEEN, search_eta_s=SOON_S / 2), True, True),
        (replace(SEEN, search_eta_s=SOON_S / 2), False, False),
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
