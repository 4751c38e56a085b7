"""What may be edited of a sweep that has begun, and every refusal."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from search_spaces.spec.edit import edited, in_all, noted
from search_spaces.spec.schema import Final
from search_spaces.spec.stored import from_json, to_json
from search_spaces.spec.sweep import Sweep
from search_spaces.types.faults import SpecError
from tests.helpers.spec_catalogue import CATALOGUE
from tests.helpers.spec_texts import HEAD, parsed

TEXT = HEAD + (
    "trials: 30\ntimeout: 1h\nstart_from: [{lr: 0.09}]\nparameters:\n"
    "  lr: {min: 1e-4, max: 1e-1, log: true}\n  width: {values: [32, 64]}\n  dropout: 0.1\n"
)


def changed(*changes: str, sweep: Sweep | None = None, fixed_choices: bool = False) -> Sweep:
    return edited(sweep or parsed(TEXT), changes, CATALOGUE, fixed_choices)


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ("parameters.lr.max=0.3", "lr: 0.0001 to 0.3, log scale"),
        ("parameters.lr.min=0.01", "lr: 0.01 to 0.1, log scale"),
        ("parameters.width.values=[32, 64, 128]", "width: one of 32, 64, 128"),
        ("parameters.dropout={min: 0, max: 0.5}", "dropout: 0 to 0.5"),
        ("parameters.momentum={min: 0.5, max: 0.9}", "momentum: 0.5 to 0.9"),
    ],
)
def test_a_parameter_is_widened_narrowed_or_added(change: str, shown: str) -> None:
    new = changed(change)
    assert shown in str(new.space).splitlines()
    assert new.model_copy(update={"space": parsed(TEXT).space, "constants": {"dropout": 0.1}}) == parsed(TEXT)


def test_a_parameter_is_fixed_and_the_limits_change() -> None:
    new = changed("parameters.lr=0.01", "run_cap=40", "timeout=2h")
    assert list(new.space.domains) == ["width"] and new.constants == {"lr": 0.01, "dropout": 0.1}
    assert (new.trials, new.timeout_s) == (40, 7200.0)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        (["trials=+20"], {"trials": 50}),
        (["run_cap= +5"], {"trials": 35}),
        (["budget.epochs=400"], {"budget": {"epochs": 400}}),
        (["budget={epochs: 400, cost: 3}", "cost_per_hour.cpu=0.1"], {"budget": {"epochs": 400, "cost": 3.0}}),
        (["stop_when.no_improvement=12"], {"stop_when": {"no_improvement": 12}}),
        (["method=random"], {"method": "random"}),
        (["metric.target=0.9"], {"metric": {"name": "val_accuracy", "goal": "maximize", "target": 0.9}}),
        (["method=bayes", "timeout=2h"], {"method": "auto", "timeout_s": 7200.0}),
        (["method=grid", "parameters.lr={min: 1e-4, max: 0.1, log: true, count: 4}"], {"trials": 8}),
    ],
)
def test_limits_and_the_method_change(changes: list[str], fields: dict[str, Any]) -> None:
    new = changed(*changes, sweep=parsed(TEXT + "method: tpe\n"))
    found = {name: getattr(new, name) for name in fields}
    assert {
        n: v if not isinstance(v, BaseModel) else v.model_dump(exclude_none=True) for n, v in found.items()
    } == fields


def test_limits_are_raised_by_so_much_more_and_taken_away() -> None:
    limited = parsed(TEXT + "budget: {epochs: 300, lane_hours: 2}\nstop_when: {no_improvement: 9}\n")
    more = changed("budget.epochs=+50", "budget.lane_hours=+0.5", sweep=limited)
    assert more.budget and more.budget.given == {"epochs": 350, "lane_hours": 2.5}
    assert in_all(limited, ["budget.epochs=+50", "trials=+1"]) == ["budget.epochs=350", "trials=31"]
    less = changed("budget=none", "stop_when=none", sweep=limited)
    assert less.budget is None and less.stop_when is None


def test_conditions_between_parameters_are_added_kept_and_removed() -> None:
    ruled = changed("require=[width >= 4000 * lr]")
    assert [str(one) for one in ruled.space.require] == ["width >= 4000 * lr"]
    wider = changed("parameters.lr.max=0.3", sweep=ruled)
    assert wider.space.require == ruled.space.require
    assert not changed("require=[]", sweep=wider).space.require
    with pytest.raises(SpecError, match=r"require.0: leaves too little of the space"):
        changed("require=[width > 64]")


def test_a_grid_grows_with_its_points() -> None:
    grid = parsed(HEAD + "method: grid\nparameters: {lr: {values: [0.1, 0.2]}, width: {values: [32, 64]}}\n")
    new = changed("parameters.width.values=[32, 64, 128]", sweep=grid)
    assert (grid.trials, new.trials) == (5, 7)
    assert changed("parameters.width.values=[32, 64, 128]", "trials=6", sweep=grid).trials == 6


def test_edits_are_kept_in_order_with_the_spec() -> None:
    first = parsed(TEXT)
    second = noted(first, changed("parameters.lr.max=0.3", sweep=first), ["parameters.lr.max=0.3"], 4, "a")
    third = noted(second, changed("parameters.dropout=0.2", sweep=second), ["parameters.dropout=0.2"], 9, "b")
    assert from_json(to_json(third), "sweep.json") == third
    assert third.drawn_with(3) == (first.space, first.constants)
    assert third.drawn_with(4) == third.drawn_with(8) == (second.space, second.constants)
    assert third.drawn_with(9) == (third.space, {"dropout": 0.2})
    text = third.to_text()
    assert text.splitlines()[-1].endswith(", behind 9 trials: parameters.dropout=0.2")
    assert parsed(text) == third.model_copy(update={"edits": ()})


@pytest.mark.parametrize(
    ("changes", "path", "rule"),
    [
        (["epochs=20"], "epochs", "must stay: other values than so far would mean something else"),
        (["metric.name=val_loss"], "metric", "must stay"),
        (["data.name=wine"], "data", "must stay"),
        (["workload=softmax"], "workload", "must stay"),
        (["final=none"], "final", "cannot be edited"),
        (["max_concurrent=2"], "max_concurrent", "is changed by `paceline lanes ID N`"),
        (["budget.epochs=+5"], "budget.epochs", "has no limit to raise (the budget has none)"),
        (["budget.epochs=5"], "budget.epochs", "must be at least epochs = 10"),
        (["budget.cost=5"], "budget.cost", "needs prices"),
        (["budget=5"], "budget", "must be a group of keys, such as {epochs: 5}"),
        (
            ["parameters.lr.log=false"],
            "parameters.lr.log",
            "must stay of the kind that it was in this sweep (0.0001 to",
        ),
        (["stop_when={}"], "stop_when", "must hold at least one of"),
        (["method=grid"], "parameters.lr", ""),
        (["method=hyperband"], "method", "is a schedule here"),
        (["parametres.lr.max=1"], "parametres", "unknown key (an edit changes parameters, require, method, trials"),
        (["parameters.lr.max"], "", "must be key=value"),
        (["parameters.lx.max=1"], "parameters.lx", "unknown hyperparameter"),
        (["parameters.lr.max=1e-5"], "parameters.lr.max", "must be above min"),
        (["parameters.lr.max=0.1"], "", "must change something: the sweep is so already"),
        (["parameters.lr={values: [0.1, 0.2]}"], "parameters.lr", "must stay of the kind that it was"),
        (["parameters.lr={min: 1e-4, max: 0.1}"], "parameters.lr", "must stay of the kind that it was"),
        (["parameters.dropout.max=0.3"], "parameters.dropout", "has no keys inside to override"),
    ],
)
def test_what_would_change_old_values_or_is_wrong_is_refused(changes: list[str], path: str, rule: str) -> None:
    with pytest.raises(SpecError) as caught:
        changed(*changes)
    [fault] = caught.value.faults
    assert (fault.path, rule in fault.rule) == (path, True), fault


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        changed("epochs=20", "parameters.lr.max=0", "trails=3", "parameters.width.values=[32, x]")
    told = [fault.path for fault in caught.value.faults]
    assert told[:2] == ["epochs", "trails"] and {"parameters.lr.max", "parameters.width.values.1"} <= set(told[2:])
    assert "did you mean 'trials'?" in str(caught.value)


def test_a_kind_is_kept_across_edits_and_choices_in_a_database() -> None:
    first = parsed(TEXT)
    fixed = noted(first, changed("parameters.lr=0.01", sweep=first), ["parameters.lr=0.01"], 4, "a")
    with pytest.raises(SpecError, match="must stay of the kind that it was in this sweep"):
        changed("parameters.lr={min: 0.001, max: 0.1}", sweep=fixed)
    assert changed("parameters.lr={min: 0.001, max: 0.1, log: true}", sweep=fixed).space.domains["lr"].log
    with pytest.raises(
        SpecError, match=r"must keep its values \(one of 32, 64\): Optuna's databases hold one list"
    ):
        changed("parameters.width.values=[32]", fixed_choices=True)


def test_a_sweep_without_a_final_evaluation_gets_one() -> None:
    without = parsed(TEXT).model_copy(update={"final": None})
    assert changed("final={top: 2, seeds: 3}", sweep=without).final == Final(top=2, seeds=3)
    with pytest.raises(SpecError, match="final: cannot be edited: the sweep has one"):
        changed("final={top: 2}")
