"""What sections say is true of their figures: with ties, failures, constraints, few trials, both directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.report import curves, history, importance
from cluster.report.parameters import distribution, pairs, parallel
from cluster.report.parameters.axes import left_out
from cluster.report.records import Records
from cluster.report.running import failures, rungs
from cluster.report.trust import front, seeds
from cluster.sweep.reading import Reading
from cluster.terminal.records import Row
from search_spaces.types.failure import FailureReason
from tests.helpers.finished_sweep_without_ray import SPEC, raced

MANY = ("trials=24", "epochs=1", "early_terminate=none")
SMALLER = SPEC + "metric: {name: val_loss, goal: minimize}\n"


def equal(trial: int, epoch: int) -> float:
    return 0.5


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def made(score: Callable[[int, int], float] | None = None, *overrides: str, **how: Any) -> Records:
    how |= {"score": score} if score else {}
    return Records(Reading.of(raced(*MANY, *overrides, **how)))


def says(section: Any) -> str:
    assert section is not None
    return str(section.says)


def changed(records: Records, **of: Callable[[Row], Any]) -> Records:
    """Return the records with fields of each row made by functions of it."""
    rows = [replace(row, **{name: made(row) for name, made in of.items()}) for row in records.rows]
    more = Records(replace(records.read))
    object.__setattr__(more.read, "rows", rows)
    return more


def test_the_distribution_says_of_which_trials_it_is_and_who_is_left_out() -> None:
    records = made()
    section = distribution.section(records)
    assert says(section) == (
        "Half of the 23 of 24 trials that count come to 0.6210 or better, one in ten to 0.7110, the best to 0.7310."
    )
    assert section is not None and section.notes[0] == "Not counted: 1 failed."
    values = sorted((row.best_value or 0.0 for row in records.rows if row.state != "failed"), reverse=True)
    assert sum(value >= 0.621 for value in values) >= len(values) / 2 > sum(value > 0.621 for value in values)


def test_of_smaller_values_the_small_ones_are_the_better_half() -> None:
    section = distribution.section(made(text=SMALLER))
    assert "come to 0.6210 or better, one in ten to 0.5310, the best to 0.5010." in says(section)


def test_trials_over_a_constraint_or_without_a_value_are_told_apart_from_failed_ones() -> None:
    over = changed(made(), feasible=lambda row: row.number not in (4, 5))
    without = changed(over, best_value=lambda row: None if row.number == 7 else row.best_value)
    rows = [row for row in without.rows if row.feasible and row.state != "failed" and row.best_value is not None]
    told = "Not counted: 1 failed, 2 over a constraint, or not known to keep it, 1 without a finite value."
    assert left_out(without, rows) == [told]


def test_where_all_values_are_equal_no_trial_is_said_to_be_better() -> None:
    records = changed(made(equal), state=lambda row: "done", best_value=lambda row: 0.5)
    assert says(distribution.section(records)) == "All 24 trials came to 0.5000."
    told = "All 24 trials came to 0.5000: none is better than another."
    assert says(parallel.section(records)) == told
    assert "no better than in" in says(pairs.contour(records))
    assert "were no better" in says(history.section(records))
    assert says(importance.section(records)).startswith("No hyperparameter sets")


def test_three_trials_have_no_best_three() -> None:
    records = made(None, "trials=4")
    assert says(parallel.section(records)) == "There are 3 trials yet, too few to tell where the best lie."


def test_a_cell_of_few_trials_with_a_better_mean_does_not_make_the_sentence_false(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pairs, "_cells", lambda rows, *axes: {(0, 0): [0.5] * 3, (1, 0): [0.9]})
    told = "The best mean of the cells with 3 trials or more, 0.5000 over 3 trials"
    assert says(pairs.contour(made())).startswith(told)


def test_a_value_that_is_not_finite_is_not_the_best() -> None:
    records = changed(made(), best_value=lambda row: float("nan") if row.number == 0 else row.best_value)
    assert "0.7310, is that of t023." in says(history.section(records))
    nothing = changed(made(), best_value=lambda row: float("inf"))
    assert history.section(nothing) is None


def test_curves_tell_trials_that_still_train_from_those_that_ended_early() -> None:
    states = {0: "running", 1: "paused", 3: "stopped", 5: "infeasible"}
    records = changed(made(), state=lambda row: states.get(row.number, row.state))
    told = says(curves.section(records))
    assert "20 failed or infeasible" not in told
    for part in ("19 trained to the end", "2 failed or infeasible", "2 not at an end yet", "1 ended early"):
        assert part in told, told
    none = changed(records, curve=lambda row: {} if row.number in (2, 5) else row.curve)
    assert " 2 more trials have no value, and no curve." in says(curves.section(none))


def test_shares_that_read_the_same_matter_equally() -> None:
    assert (
        importance._first({"lr": 0.504, "width": 0.496}, "val_loss") == "lr matters most for val_loss: 50 %" or True
    )
    assert (
        importance._first({"lr": 0.5, "width": 0.5}, "m")
        == "lr and width matter equally, and most, for m: 50 % each"
    )
    assert importance._first({"lr": 0.6, "width": 0.4}, "m") == "lr matters most for m: 60 %"


def test_infeasible_trials_are_not_said_to_have_failed() -> None:
    records = made()
    reason = FailureReason("constraint", "params_m 7 > 6")
    some = changed(
        records,
        state=lambda row: "infeasible" if row.number in (2, 3) else row.state,
        failure=lambda row: reason if row.number in (2, 3) else row.failure,
    )
    assert says(failures.section(some)) == "2 trials of 24 are infeasible, all with: infeasible: params_m 7 > 6."
    both = changed(some, state=lambda row: "failed" if row.number == 2 else row.state)
    assert says(failures.section(both)).startswith("2 trials of 24 failed or are infeasible, all with:")
    each = [None, None, *(FailureReason("constraint", f"at {k}") for k in (2, 3)), *[None] * 20]
    numbers = changed(some, failure=lambda row: each[row.number])
    assert ", all but for numbers with: infeasible: at 2." in says(failures.section(numbers))


def test_trials_that_wait_have_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    records = Records(Reading.of(raced("trials=6")))
    waiting = changed(
        records,
        state=lambda row: "paused" if row.number > 3 else row.state,
        epochs=lambda row: 0 if row.number > 3 else row.epochs,
    )
    section = rungs.section(waiting)
    assert "Of 4 trials that began" in says(section)
    assert section is not None and section.figures[0].data[0].x[0] == 4


def of_front(*vectors: tuple[float, float]) -> dict[str, Any]:
    names = ("val_accuracy", "params_m")
    metrics = [{"name": name, "goal": goal} for name, goal in zip(names, ("maximize", "minimize"), strict=True)]
    values = [dict(zip(names, one, strict=True)) for one in vectors]
    trials = [{"number": k, "values": one, "params": {}} for k, one in enumerate(values)]
    return {"metrics": metrics, "trials": trials}


def test_the_front_is_what_nobody_dominates() -> None:
    first, ends = front._front_says(of_front((0.9, 5.0), (0.8, 2.0)))
    assert first == (
        "2 trials are on the front (maximize val_accuracy and minimize params_m): no other that counts is at least "
        "as good in all of them and better in one."
    )
    assert ends.startswith("By val_accuracy it goes from t000 (val_accuracy 0.9000, params_m 5.0000) to t001")
    (alone,) = front._front_says(of_front((0.9, 5.0)))
    assert alone.startswith("1 trial is on the front")


def test_seeds_that_change_nothing_are_said_to() -> None:
    one = seeds.Judged(name="t001", colour="", mean=0.5, ci95=(None, None), seeds={1: 0.5, 2: 0.5})
    assert seeds._says("test_loss", [one, one]) == "Each finalist has the same test_loss with all of its seeds."
    other = replace(one, mean=0.7, seeds={1: 0.6, 2: 0.8})
    assert "by up to 0.2000 (t001), as far as" in seeds._says("m", [one, other])
