"""How often a leg is saved while it is under way, and when it is cut."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from cluster.lanes import leg_in_process, memory_growth
from cluster.lanes.leftovers import Leftovers
from cluster.lanes.leg_in_process import CHECKPOINT_EVERY_S, CHECKPOINT_SHARE, LegInProcess
from cluster.sweep.steering.leg_marks import LegMarks
from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import Objective
from tests.helpers.workload_data import search_data
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.custom.run import Run
from workloads.models.custom.workload import workload_of


def test_a_process_s_first_checkpoint_does_not_put_off_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now, costs, saved_at = 100.0, iter([3.0, 0.1, 0.1]), []

    def save(over: bool) -> tuple[str]:
        nonlocal now
        saved_at.append(now)
        now += next(costs)
        return ("checkpoint",)

    monkeypatch.setattr(leg_in_process, "time", SimpleNamespace(monotonic=lambda: now))
    lane = LegInProcess(cast(Any, None), lambda stream: cast(Any, None))
    while len(saved_at) < 3:
        lane._num_unsaved += 1
        lane._saved(cast(Any, SimpleNamespace(save=save)), over=False)
        now += 0.25
    first, second, third = saved_at
    assert first + 3.0 + CHECKPOINT_EVERY_S <= second <= first + 3.5 + CHECKPOINT_EVERY_S
    assert second + 0.1 / CHECKPOINT_SHARE <= third <= second + 0.6 + 0.1 / CHECKPOINT_SHARE


def test_a_leg_whose_memory_only_grows_is_cut_where_it_can_go_on_in_a_new_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leftovers: Leftovers
) -> None:
    kept: list[np.ndarray] = []

    def train(run: Run, *, saves: bool = True) -> None:
        for epoch in range(run.epoch, run.num_epochs):
            kept.append(np.ones(5 * memory_growth.MIB))
            run.report((lambda folder: (folder / "saved").touch()) if saves else None, val_accuracy=epoch / 10)

    monkeypatch.setattr("workloads.legs.runner.workload", lambda name: workload_of(name, train))
    monkeypatch.setattr(leg_in_process, "REPORT_EVERY_S", 60.0)
    monkeypatch.setattr(memory_growth, "LEAST", 64 * memory_growth.MIB)
    monkeypatch.setattr(memory_growth, "SHARE", 10**6)
    told = []
    for saves in (True, False):
        lane = LegInProcess(
            cast(
                Any,
                SimpleNamespace(
                    stop_mark=tmp_path / "stop", leg_marks=LegMarks(f"{tmp_path}/leg-"), logs=None, folder=None
                ),
            ),
            lambda stream: cast(Any, None),
        )
        setting = LegSetting("mine:train", Objective("val_accuracy", "maximize"), str(tmp_path), device="cpu")
        lane._runner, lane._leftovers = LegRunner(setting, search_data()), leftovers
        member = Member(trial=3, seed=0, params={"saves": saves})
        told.append(lane.step({"leg": Leg(id=0, start=0, stop=5, horizon=5, members=(member,)).to_json()}))
    cut, whole = told
    assert cut.done and cut.renew and [each.epoch for each in cut.epochs] == [1, 2, 3]
    assert [saved.epoch for saved in cut.saved] == [3]
    assert cut.left is not None and cut.left.endswith("40 MiB an epoch")
    assert len(whole.epochs) == 5, "it would begin anew"


def test_a_report_is_sent_before_its_artifacts_become_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leftovers: Leftovers
) -> None:
    (tmp_path / "plot").write_bytes(bytes(30))

    def train(run: Run) -> None:
        for _ in range(run.num_epochs):
            run.log_artifact(tmp_path / "plot")
            run.report(val_accuracy=0.5)

    monkeypatch.setattr("workloads.legs.runner.workload", lambda name: workload_of(name, train))
    monkeypatch.setattr(leg_in_process, "REPORT_EVERY_S", 60.0)
    monkeypatch.setattr(leg_in_process, "MAX_AT_ONCE", 50)
    marks = LegMarks(f"{tmp_path}/leg-")
    shared = SimpleNamespace(stop_mark=tmp_path / "stop", leg_marks=marks, logs=None, folder=None)
    lane = LegInProcess(cast(Any, shared), lambda stream: cast(Any, None))
    setting = LegSetting("mine:train", Objective("val_accuracy", "maximize"), str(tmp_path), device="cpu")
    lane._runner, lane._leftovers = LegRunner(setting, search_data()), leftovers
    asked = {"leg": Leg(id=0, start=0, stop=5, horizon=5, members=(Member(trial=3, seed=0, params={}),)).to_json()}
    told = [lane.step(asked) for _ in range(3)]
    assert [([each.epoch for each in one.epochs], len(one.exhibits), one.done) for one in told] == [
        ([1, 2], 2, False),
        ([3, 4], 2, False),
        ([5], 1, True),
    ]


def test_trials_of_one_leg_run_in_the_spec_s_folder_and_print_to_their_own_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leftovers: Leftovers
) -> None:
    def train(run: Run, *, fails: bool = False) -> None:
        os.write(1, f"{run.trial} in {Path.cwd().name}\n".encode())
        for _ in range(run.num_epochs):
            run.report(val_accuracy=0.5)
            if fails:
                raise ValueError("größer")

    monkeypatch.setattr("workloads.legs.runner.workload", lambda name: workload_of(name, train))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()
    shared = SimpleNamespace(
        stop_mark=tmp_path / "stop",
        leg_marks=LegMarks(f"{tmp_path}/leg-"),
        logs=str(tmp_path / "logs"),
        folder=str(tmp_path / "specs"),
    )
    lane = LegInProcess(cast(Any, shared), lambda stream: cast(Any, None))
    setting = LegSetting("mine:train", Objective("val_accuracy", "maximize"), str(tmp_path), device="cpu")
    lane._runner, lane._leftovers = LegRunner(setting, search_data()), leftovers
    members = tuple(Member(trial=k, seed=0, params={"fails": k == 1}) for k in (0, 1))
    with pytest.raises(ValueError, match="größer"):
        lane.step({"leg": Leg(id=0, start=0, stop=2, horizon=2, members=members).to_json()})
    lane.forget("ValueError: größer")
    logs = [(tmp_path / "logs" / name).read_text().splitlines()[1:] for name in ("t000.log", "t001.log")]
    assert logs == [["0 in specs"], ["1 in specs", "=== it raised ===", "ValueError: größer"]]
