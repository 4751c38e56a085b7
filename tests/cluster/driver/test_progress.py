"""Lanes that come and go: how many there are after a resume, and how a driver's time is divided among its parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.driver.progress import Progress
from cluster.driver.sized import most_lanes, sized
from cluster.sweep.lane_count import num_cpus
from cluster.sweep.steering.order import LANES
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.study.study import Study
from workloads.registry import catalogue


def sweep(*overrides: str) -> Sweep:
    text = "workload: mlp\ndata: {name: wine}\ntrials: 300\n"
    return parse_sweep(text, "sweep.yaml", Path(), overrides, catalogue=catalogue())


@pytest.mark.parametrize(("asked", "overrides", "count"), [
    (4000, (), num_cpus()),
    (4000, (f"max_concurrent={num_cpus() + 3}",), num_cpus() + 3),
    (1, (f"max_concurrent={num_cpus() + 3}",), 1),
    (num_cpus(), ("max_concurrent=1",), num_cpus()),
])  # fmt: skip
def test_resume_has_the_lanes_that_were_asked_for_as_far_as_they_fit(
    tmp_path: Path, asked: int, overrides: tuple[str, ...], count: int
) -> None:
    study = Study("toy", "maximize", tmp_path / "journal.log")
    study.set(LANES, {"count": asked})
    assert sized(sweep(*overrides), study, None).count == count <= most_lanes(sweep(*overrides), None)


def test_work_and_waiting_add_up_where_lanes_were_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 s on four lanes and 10 s on one; three quarters of the time that they had were work."""
    now_s = 100.0
    monkeypatch.setattr("cluster.driver.progress.time.monotonic", lambda: now_s)
    progress = Progress(Study("toy", "maximize", tmp_path / "journal.log"), 4, begun=90.0)
    progress.train()
    now_s = 110.0
    progress.turn(1)
    now_s = 120.0
    progress.trained(busy_s=0.75 * (4 * 10 + 1 * 10))
    assert progress.parts == {"training": pytest.approx(15.0), "waiting": pytest.approx(5.0)}


def test_seconds_and_their_parts_are_those_of_all_drivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr("cluster.driver.progress.time.monotonic", lambda: now_s)
    study = Study("toy", "maximize", tmp_path / "journal.log")
    for begun, part in ((90.0, "start"), (95.0, "start"), (97.0, "logging")):
        progress = Progress(study, 2, begun=begun)
        progress.took(part, begun)
        progress.enter("search")
        progress.note()
    cost = study.facts()["cost"]
    assert (cost["seconds"], cost["parts"]) == (18.0, {"start": 15.0, "logging": 3.0})
