"""Constraints of a spec: read, written, and what passes as the name of a metric."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.criteria.constraints import Constraint
from search_spaces.spec.stored import from_json, to_json
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.types.objective import Objective
from tests.helpers.spec_cases import BASE, refusal
from workloads.registry import catalogue


def parsed(text: str) -> Sweep:
    return parse_sweep(BASE + text, "s.yaml", Path("/"), catalogue=catalogue())


def test_constraints_survive_the_file_and_the_store() -> None:
    sweep = parsed("constraints: [{metric: latency_ms, max: 5}, {metric: val_acc, min: 0.9, max: 0.99}]")
    assert sweep.constraints == (
        Constraint(metric="latency_ms", max=5.0),
        Constraint(metric="val_accuracy", min=0.9, max=0.99),
    )
    assert parse_sweep(sweep.to_text(), "s.yaml", Path("/"), catalogue=catalogue()) == sweep
    assert from_json(to_json(sweep), "sweep.json") == sweep
    assert sweep.beside == ("latency_ms",)


def test_several_objectives_survive_the_file_and_the_store() -> None:
    sweep = parsed("metrics: [{name: val_acc}, {name: latency_ms}, {name: val_loss, goal: minimize}]")
    assert sweep.objective == Objective("val_accuracy", "maximize")
    assert [other.name for other in sweep.criteria.others] == ["latency_ms", "val_loss"]
    assert sweep.goals == ("maximize", "minimize", "minimize")
    assert parse_sweep(sweep.to_text(), "s.yaml", Path("/"), catalogue=catalogue()) == sweep
    assert from_json(to_json(sweep), "sweep.json") == sweep


def test_a_sweep_without_constraints_is_written_as_before() -> None:
    sweep = parsed("")
    assert not sweep.criteria and "constraints" not in sweep.to_text() and sweep.beside == ()


@pytest.mark.parametrize("name", ["train_loss", "grad_norm", "val_naive_rmse", "examples_per_s", "zzz"])
def test_a_metric_that_may_be_reported_passes(name: str) -> None:
    assert parsed(f"constraints: [{{metric: {name}, max: 5}}]").constraints[0].metric == name


def test_an_own_function_may_report_any_name() -> None:
    spec = "workload: workloads.examples.sklearn_sgd:train\ndata: {name: wine}\n"
    spec += "constraints: [{metric: val_acuracy, min: 0.5}]"
    sweep = parse_sweep(spec, "s.yaml", Path("/"), catalogue=catalogue())
    assert sweep.constraints[0].metric == "val_acuracy"


@pytest.mark.parametrize(
    ("given", "path", "said"),
    [
        (
            "constraints: [{metric: val_accuracy, min: 95}]",
            "constraints.0.min",
            "val_accuracy lies between 0 and 1, ",
        ),
        ("constraints: [{metric: val_acc, max: 95}]", "constraints.0.max", "received 95, did you mean 0.95?"),
        ("constraints: [{metric: val_loss, max: -1}]", "constraints.0.max", "val_loss is never below 0"),
        ("metric: {name: val_accuracy, target: 95}", "metric.target", "did you mean 0.95?"),
        ("stop_when: {regret_below: 5}", "stop_when.regret_below", "must be below 1: val_accuracy lies between"),
    ],
)
def test_limits_beyond_what_a_metric_can_be_are_refused(given: str, path: str, said: str, tmp_path: Path) -> None:
    [fault] = refusal(f"{BASE}{given}\n", tmp_path).faults
    assert fault.path == path and said in str(fault)
