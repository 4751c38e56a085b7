"""Users' functions: ``data`` may be left out, and metrics have any names; what cannot be meant is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search_spaces.spec.checks.again import check_again
from search_spaces.spec.stored import from_json, to_json
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.types.faults import SpecError
from workloads.models.custom.workload import workload_of
from workloads.registry import catalogue

OWN = (
    "workload: mine.code:train\nmetric: {name: val_accuracy}\nparameters: {lr: {min: 0.1, max: 1.0}}\nfinal: none\n"
)


def train(run: Any, *, lr: float = 0.1) -> None: ...


KNOWN = replace(catalogue(), workload=lambda name: workload_of(name, train))


def parsed(text: str, *overrides: str) -> Sweep:
    return parse_sweep(text, "sweep.yaml", Path("/"), overrides, catalogue=KNOWN)


def test_data_may_be_left_out_and_is_so_in_each_form_of_the_sweep() -> None:
    sweep = parsed(OWN)
    assert not sweep.data.given and sweep.problem is None
    assert sweep.name == "code-train"
    assert parsed(sweep.to_text()) == sweep == from_json(to_json(sweep), "sweep.json")
    check_again(sweep, "sweep.json", KNOWN)
    assert parsed(f"{OWN}data: {{name: digits}}").name == "train-digits"


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (
            "data.split.folds=5",
            "data.split: has no effect without a source such as data.csv: mine.code:train brings",
        ),
        ("data.streaming=true", "data.streaming: has no effect without a source such as data.csv: mine.code:train"),
        (
            "data={}",
            "data: must hold a source (name, csv, parquet, xlsx, jsonl, feather, folder, documents, conll, "
            "text or series)",
        ),
        ("data.name=digitz", "unknown data set, received 'digitz', did you mean 'digits'?"),
    ],
)
def test_what_needs_data_is_refused_without_it(override: str, told: str) -> None:
    with pytest.raises(SpecError) as caught:
        parsed(OWN, override)
    assert told in str(caught.value)
    assert len(caught.value.faults) == 1


def test_a_workload_that_needs_data_says_which_forms_there_are() -> None:
    with pytest.raises(SpecError) as caught:
        parse_sweep("workload: mlp", "sweep.yaml", Path("/"), catalogue=catalogue())
    sources = "name, csv, parquet, xlsx, jsonl, feather, folder, documents, conll, text or series"
    told = f"data: is required for workload mlp: give {sources}"
    assert told in str(caught.value)


def faults(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parsed(text)
    return [f"{fault.path}: {fault.rule}" for fault in caught.value.faults]


METRIC = "workload: mine:train\nparameters: {lr: {min: 0.1, max: 1.0}}\nfinal: none\n"


def test_names_of_metrics_stay_as_they_are_reported() -> None:
    assert parsed(f"{METRIC}metric: {{name: val_acc, goal: maximize}}").metric.name == "val_acc"
    assert parsed(f"{METRIC}metric: {{name: val_loss}}").metric.goal == "minimize"
    assert parsed(f"{METRIC}metric: {{name: eval/f1, goal: maximize, target: 95}}").metric.target == 95
    sweep = parsed(f"{METRIC}metrics: [{{name: val_acc, goal: maximize}}, {{name: train_loss, goal: minimize}}]")
    assert sweep.objective.name == "val_acc" and [one.name for one in sweep.criteria.others] == ["train_loss"]
    sweep = parsed(f"{METRIC}metric: {{name: val_loss}}\nconstraints: [{{metric: val_acc, min: 90}}]")
    assert sweep.constraints[0].metric == "val_acc"
    assert parse_sweep(sweep.to_text(), "", None, catalogue=KNOWN) == sweep


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            "metric: {name: val_bleu}",
            "metric.goal: is required for val_bleu, whose goal is not known: "
            "write metric: {name: val_bleu, goal: maximize} (or minimize)",
        ),
        (
            "metric: {name: my_loss}",
            "metric.goal: is required for my_loss, whose goal is not known: "
            "write metric: {name: my_loss, goal: minimize} (or maximize)",
        ),
        ("metric: {name: val_loss, goal: maximize}", "metric.goal: must be minimize for val_loss"),
        ("metric: {name: 'f1@5', goal: maximize}", "metric.name: is no name that MLflow keeps"),
        ("metric: {name: hp/lr, goal: maximize}", "metric.name: is a name that Paceline itself writes"),
        (
            "metric: {name: test_f1, goal: maximize}",
            "metric.name: must not be one of the test split: test_f1 is of the test split, which is locked until "
            "the final evaluation: what the search has seen looks better than it is",
        ),
        ("metric: {name: test/f1, goal: maximize}", "metric.name: must not be one of the test split"),
        (
            "metric: {name: val_loss}\nconstraints: [{metric: test_f1, max: 1}]",
            "constraints.0.metric: must not be one",
        ),
        (
            "metrics: [{name: val_loss}, {name: val_bleu}]",
            "metrics.1.goal: is required for val_bleu",
        ),
        ("", "metric: is required: one that mine:train reports, as in metric: {name: val_loss, goal: minimize}"),
    ],
)
def test_metrics_that_cannot_be_meant_are_refused(spec: str, told: str) -> None:
    [found] = faults(METRIC + spec)
    assert found.startswith(told)


JUDGED = "workload: mine:train\nmetric: {name: val_f1, goal: maximize}\nparameters: {lr: {min: 0.1, max: 1.0}}\n"


@pytest.mark.parametrize(
    ("facts", "data", "told"),
    [
        ({"has_test": True}, "", None),
        ({"may_report_test": lambda: True}, "", None),
        ({}, "", "brings its own data, and no file of it says test: report test_f1 at the last epoch, or define"),
        (
            {"judged": True},
            "data: {name: digits}",
            "cannot be judged by val_f1: predict is scored",
        ),
        ({"judged": True, "has_test": True}, "data: {name: digits}", None),
        ({}, "data: {name: digits}", "has no predict(folder, x) beside its function"),
    ],
)
def test_a_final_evaluation_needs_a_test_metric(facts: dict[str, Any], data: str, told: str | None) -> None:
    kind = replace(workload_of("mine:train", train), judged=False, may_report_test=bool)
    known = replace(catalogue(), workload=lambda name: replace(kind, **facts))
    if told is None:
        assert parse_sweep(JUDGED + data, "", Path("/"), catalogue=known).final is not None
        return
    with pytest.raises(SpecError) as caught:
        parse_sweep(JUDGED + data, "", Path("/"), catalogue=known)
    assert [fault.path for fault in caught.value.faults] == ["final"]
    assert f"must be none: workload mine:train {told}" in str(caught.value)
