"""Functions of users' that return before the last epoch, as early stopping has them: they are done, not failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.one_trial import leg, reported, runner
from tests.helpers.workload_data import search_data
from workloads.data.search_data import no_data
from workloads.legs.runner import LegRunner
from workloads.models.custom.loop import BEHIND_RETURN
from workloads.models.custom.run import Run
from workloads.models.custom.workload import workload_of

VALUES = [0.3, 0.1, 0.2, 0.0]
Lane = Callable[..., LegRunner]


@pytest.fixture
def lane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lane:
    """Make a runner of the function that is given, and of its ``test``, if any."""

    def made(train: Callable[..., None], test: Callable[..., float] | None = None) -> LegRunner:
        kind = workload_of("mine:train", train)
        if test is not None:
            kind = replace(kind, has_test=True, test=lambda best, hp, name: {name: test(best.files.path)})
        monkeypatch.setattr("workloads.legs.runner.workload", lambda name: kind)
        return runner(tmp_path, "mine:train", search=no_data())

    return made


def until(last: int, saves: bool = True) -> Callable[[Run], None]:
    """Return a function that breaks behind epoch ``last``, and where it is begun again there, at once."""

    def train(run: Run) -> None:
        for epoch in range(run.epoch, min(last, run.num_epochs)):
            save = (lambda folder: (folder / "epoch").write_text(str(run.epoch))) if saves else None
            run.report(save, val_loss=VALUES[epoch])

    return train


def told(found: list[Any]) -> list[tuple[int, float, bool]]:
    return [(one.epoch, one.metrics["val_loss"], one.finished) for one in found]


@pytest.mark.parametrize("saves", [True, False])
def test_it_is_done_at_its_last_report(lane: Lane, saves: bool) -> None:
    mine = lane(until(3, saves))
    assert told(reported(mine, leg(0, 4))) == [(1, 0.3, False), (2, 0.1, False), (3, 0.2, False), (3, 0.2, True)]
    [saved] = mine.save()
    assert (mine.done, saved.epoch) == (True, 3) and saved.uri is not None
    assert Path(saved.uri, "files", "epoch").exists() == saves


@pytest.mark.parametrize("saves", [True, False])
def test_where_it_goes_on_and_returns_at_once_it_is_done_there(lane: Lane, saves: bool) -> None:
    mine = lane(until(2, saves))
    reported(mine, leg(0, 2))
    [saved] = mine.save()
    mine.leave()
    assert told(reported(mine, leg(2, 4, saved.uri))) == [(2, 0.1, True)]
    assert [(one.epoch, one.uri) for one in mine.save()] == [(2, saved.uri)]


def test_a_final_training_is_judged_at_its_best_epoch(lane: Lane) -> None:
    mine = lane(until(3), lambda folder: float((folder / "epoch").read_text()))
    reported(mine, replace(leg(0, 4), purpose="final"))
    mine.save()
    [scored] = mine.score()
    assert (scored.best_epoch, scored.metrics["test_loss"]) == (2, 2.0)


def test_what_it_saves_must_not_end_with_it(lane: Lane, tmp_path: Path) -> None:
    gone: list[Path] = []

    def train(run: Run) -> None:
        run.report(lambda folder: (folder / "a").write_text(gone[0].read_text() if gone else ""), val_loss=0.1)
        gone.append(tmp_path / "gone")

    with pytest.raises(FileNotFoundError) as raised:
        reported(lane(train), leg(0, 4))
    assert BEHIND_RETURN in raised.value.__notes__


def test_of_folds_one_that_has_returned_counts_on_with_its_last_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a pause, too, where it is not called again."""
    calls: list[int] = []

    def train(run: Run) -> None:
        fold = int(not np.array_equal(run.x_val[0], search.val.x[-1]))
        calls.append(fold)
        for epoch in range(run.epoch, 2 + fold):
            run.report(lambda folder: (folder / "a").write_text("a"), val_loss=VALUES[epoch])

    rows = np.arange(len(search_data().train) + len(search_data().val))
    parts = np.array_split(rows[::-1], 2)
    search = replace(search_data(), folds=((parts[1], parts[0]), (parts[0], parts[1])))
    monkeypatch.setattr("workloads.legs.runner.workload", lambda name: workload_of(name, train))
    whole = reported(runner(tmp_path / "whole", "mine:train", search=search), leg(0, 4))
    mine = runner(tmp_path / "parts", "mine:train", search=search)
    first = reported(mine, leg(0, 3))
    [saved] = mine.save()
    calls.clear()
    second = reported(runner(tmp_path / "parts", "mine:train", search=search), leg(3, 4, saved.uri))
    means = [(1, 0.3, False), (2, 0.1, False), (3, (0.1 + 0.2) / 2, False), (3, (0.1 + 0.2) / 2, True)]
    assert told(whole) == told([*first, *second]) == means
    assert calls == [1]
