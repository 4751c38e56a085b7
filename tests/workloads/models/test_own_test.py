"""Test metrics that users' functions measure themselves in the final evaluation, on test data of their own."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from search_spaces.race.legs import Leg, Member, Scored
from search_spaces.types.objective import Objective
from workloads.data.search_data import no_data, no_examples
from workloads.legs.own_test import Untested
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.custom.own_test import may_report, own_test_of
from workloads.models.custom.run import Run
from workloads.models.custom.workload import workload_of

VALUES = (0.1, 0.9, 0.5)
"""Values of the sweep's metric by epoch."""
Judged = Callable[..., list[Scored]]
said: list[str] = []
"""Messages of the lanes."""


def reporting(when: Callable[[int], bool]) -> Callable[..., None]:
    def train(run: Run, *, lr: float = 0.1) -> None:
        for epoch in range(run.epoch, run.num_epochs):
            tested = {"test/f1": epoch + lr} if run.purpose == "final" and when(epoch) else {}
            save = partial(_noted, epoch)
            run.report(save, **{"val/f1": VALUES[epoch]}, **tested)

    return train


def _noted(epoch: int, folder: Path) -> None:
    (folder / "epoch").write_text(str(epoch))


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judged:
    """Return a function that trains and scores a final member; ``test`` is in its module, if given."""

    def run(train: Callable[..., None], test: Any = None, stops: tuple[int, ...] = (3,)) -> list[Scored]:
        module: Any = types.ModuleType("judged_module")
        module.test = test
        train.__module__ = module.__name__
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr("workloads.legs.runner.workload", lambda name: workload_of(name, train))
        setting = LegSetting("mine:train", Objective("val/f1", "maximize"), str(tmp_path), device="cpu")
        start, uri, found = 0, None, list[Scored]()
        for stop in stops:
            lane = LegRunner(setting, no_data(), no_examples())
            member = Member(trial=1, seed=2, params={"lr": 0.25}, checkpoint=uri)
            lane.start(Leg(id=0, start=start, stop=stop, horizon=3, members=(member,), purpose="final"))
            while not lane.done:
                [told] = lane.epoch()
                assert told.metrics.keys().isdisjoint(["test/f1"]), "it is no curve"
            [saved] = lane.save()
            found += lane.score()
            said.extend(lane.take_messages())
            start, uri = stop, saved.uri
        return found

    return run


@pytest.mark.parametrize("stops", [(3,), (1, 3), (1, 2, 3)])
def test_a_metric_reported_at_the_last_epoch_judges_it_also_after_a_death(
    judged: Judged, stops: tuple[int, ...]
) -> None:
    [scored] = judged(reporting(lambda epoch: epoch == 2), stops=stops)
    assert (scored.best_epoch, scored.metrics) == (3, {"test/f1": 2.25, "val/f1": 0.5})


def patient(when: Callable[[int], bool], values: tuple[float, ...] = (0.9, 0.1, 0.5)) -> Callable[..., None]:
    """A function whose patience ends it at its second epoch."""

    def train(run: Run, *, lr: float = 0.1, patience: int = 1) -> None:
        for epoch in range(run.epoch, run.num_epochs):
            tested = {"test/f1": epoch + lr} if run.purpose == "final" and when(epoch) else {}
            run.report(partial(_noted, epoch), **{"val/f1": values[epoch]}, **tested)

    return train


@pytest.mark.parametrize("stops", [(3,), (1, 3), (2, 3)])
def test_patience_does_not_end_a_training_before_the_test_metric_is_reported(
    judged: Judged, stops: tuple[int, ...]
) -> None:
    said.clear()
    [scored] = judged(patient(lambda epoch: epoch == 2), stops=stops)
    assert (scored.best_epoch, scored.metrics) == (3, {"test/f1": 2.25, "val/f1": 0.5})
    told = (
        "t001 with seed 2 is trained beyond its patience, behind epoch 2: it has not reported test/f1 yet, by which"
    )
    assert [one.startswith(told) for one in said] == [True]


def test_patience_ends_a_training_that_has_its_test_metric(judged: Judged) -> None:
    said.clear()
    [scored] = judged(patient(lambda epoch: epoch == 1))
    assert (scored.best_epoch, scored.metrics) == (2, {"test/f1": 1.25, "val/f1": 0.1})
    [scored] = judged(patient(lambda epoch: True))
    assert (scored.best_epoch, scored.metrics) == (1, {"test/f1": 0.25, "val/f1": 0.9})
    assert said == []


def test_patience_without_a_test_metric_at_all_is_told_behind_the_last_epoch(judged: Judged) -> None:
    with pytest.raises(Untested, match="report it at the last epoch"):
        judged(patient(lambda epoch: False))


def test_of_several_epochs_with_a_test_metric_the_best_on_validation_counts(judged: Judged) -> None:
    [scored] = judged(reporting(lambda epoch: True))
    assert (scored.best_epoch, scored.metrics) == (2, {"test/f1": 1.25, "val/f1": 0.9})


def test_the_function_test_gets_the_files_of_the_best_epoch_and_the_hyperparameters(judged: Judged) -> None:
    def number(folder: Path, **hyperparameters: Any) -> float:
        return int((folder / "epoch").read_text()) + float(hyperparameters["lr"])

    def several(folder: Path, lr: float) -> dict[str, float]:
        return {"test/f1": int((folder / "epoch").read_text()) + lr, "test_loss": 1}

    never = reporting(lambda epoch: False)
    [scored] = judged(never, number, stops=(1, 3))
    assert (scored.best_epoch, scored.metrics) == (2, {"test/f1": 1.25, "val/f1": 0.9})
    [scored] = judged(never, several)
    assert scored.metrics == {"test/f1": 1.25, "test_loss": 1, "val/f1": 0.9}


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (
            "high",
            "test of mine:train must return test/f1, or a mapping of test metrics: must be a number, received",
        ),
        (None, "must be a number, received None"),
        ({"test_loss": 1}, "must return test/f1, beside other test metrics alone; it returned test_loss"),
        ({"test/f1": 1, "f1": 1}, "beside other test metrics alone; it returned test/f1, f1"),
        ({"test/f1": "x"}, "test/f1 must be a number, received 'x' (str)"),
    ],
)
def test_what_test_returns_and_is_no_metric_is_told(judged: Judged, returned: Any, told: str) -> None:
    def test(folder: Path, **hyperparameters: Any) -> Any:
        return returned

    with pytest.raises(Untested) as caught:
        judged(reporting(lambda epoch: False), test)
    assert told in str(caught.value)


def saving_at_the_end(tests: Callable[[int], bool]) -> Callable[..., None]:
    def train(run: Run, *, lr: float = 0.1) -> None:
        for epoch in range(run.epoch, run.num_epochs):
            save = partial(_noted, epoch) if epoch + 1 == run.num_epochs else None
            run.report(save, **{"val/f1": VALUES[epoch], **({"test/f1": epoch} if tests(epoch) else {})})

    return train


@pytest.mark.parametrize("stops", [(3,), (2, 3)])
def test_it_is_judged_by_an_epoch_at_which_it_saved(judged: Judged, stops: tuple[int, ...]) -> None:
    def number(folder: Path, **hyperparameters: Any) -> float:
        return int((folder / "epoch").read_text())

    said.clear()
    [scored] = judged(saving_at_the_end(lambda epoch: True), stops=stops)
    assert (scored.best_epoch, scored.metrics, said) == (3, {"test/f1": 2, "val/f1": 0.5}, [])
    [scored] = judged(saving_at_the_end(lambda epoch: False), number, stops=stops)
    assert (scored.best_epoch, scored.metrics) == (3, {"test/f1": 2, "val/f1": 0.5})


def test_files_of_another_epoch_than_the_best_are_told(judged: Judged) -> None:
    said.clear()
    judged(saving_at_the_end(lambda epoch: epoch == 1))
    told = "t001 with seed 2 saved nothing at epoch 2, its best, by which it is judged: what is kept is of epoch 3"
    assert said == [told]
    judged(reporting(lambda epoch: True))
    assert said == [told]


def test_an_error_of_test_is_told_with_its_line(judged: Judged, capsys: pytest.CaptureFixture[str]) -> None:
    def test(folder: Path, **hyperparameters: Any) -> float:
        return float({}["x"])

    with pytest.raises(Untested, match=r"test of mine:train raised KeyError: 'x' \(test_own_test\.py:\d+\)$"):
        judged(reporting(lambda epoch: False), test)
    assert 'return float({}["x"])' in capsys.readouterr().err


def test_a_member_without_a_test_metric_is_told_with_the_way_out(judged: Judged) -> None:
    with pytest.raises(Untested) as caught:
        judged(reporting(lambda epoch: False))
    assert str(caught.value) == (
        "mine:train ended a training of the final evaluation without test/f1, by which the finalists are judged; "
        "it reported val/f1: report it at the last epoch, where run.purpose == 'final', or define test(folder, "
        "**hyperparameters) beside the function"
    )


def test_another_function_of_the_name_is_none_and_one_that_asks_for_too_much_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def train(run: Run, *, lr: float = 0.1) -> None: ...

    def of_an_example(model: Any, loader: Any) -> None: ...

    def asks(folder: Path, *, width: int) -> None: ...

    module: Any = types.ModuleType("module_with_test")
    train.__module__ = module.__name__
    monkeypatch.setitem(sys.modules, module.__name__, module)
    module.test = of_an_example
    assert own_test_of("mine:train", train, ["lr"]) is None
    module.test = asks
    with pytest.raises(LookupError, match=r"'mine:train': test\(folder, \.\.\.\) asks for 'width', no"):
        own_test_of("mine:train", train, ["lr"])


def test_code_that_says_nothing_of_a_test_is_known_to_report_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far_away.py").write_text("def helper(): pass\n")
    (tmp_path / "near_by.py").write_text("import far_away\n\ndef train(run): far_away.helper()\n")
    monkeypatch.syspath_prepend(tmp_path)
    train = __import__("near_by").train
    assert not may_report(train)
    (tmp_path / "far_away.py").write_text("def helper(): return {'test_f1': 1}\n")
    assert may_report(train)
