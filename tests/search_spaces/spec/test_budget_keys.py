"""The keys ``budget``, ``cost_per_hour`` and ``stop_when``: refusals, and stored sweeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.race.ending.limits import lane_seconds, sweep_limits
from search_spaces.spec.stored import from_json, to_json
from search_spaces.spec.sweep import Sweep, parse_sweep
from tests.helpers.spec_cases import BASE, refusal
from tests.helpers.spec_catalogue import CATALOGUE


def parsed(text: str, folder: Path) -> Sweep:
    return parse_sweep(BASE + text, "sweep.yaml", folder, catalogue=CATALOGUE)


FAULTS = {
    "budget: {}": "budget: must hold at least one of epochs, lane_hours, gpu_hours, cost, or be left out",
    "stop_when: {}": "stop_when: must hold at least one of no_improvement, regret_below, or be left out",
    "budget: {epoch: 50}": "budget.epoch: unknown key, received 'epoch', did you mean 'epochs'?",
    "budget: {epochs: 4}": "budget.epochs: must be at least epochs = 10, else no trial is trained",
    "budget: {epochs: 0}": "budget.epochs: must be >= 1, received 0",
    "budget: {lane_hours: .inf}": "budget.lane_hours: must be a finite number",
    "budget: {gpu_hours: 3}": "budget.gpu_hours: has no effect without GPUs: leave it out, or give resources.gpus",
    "budget: {cost: 3}": "budget.cost: needs prices: give cost_per_hour: {cpu: ..., gpu: ...}, received 3",
    "budget: {cost: 3}\ncost_per_hour: {gpu: 2}": "cost_per_hour: has no effect without GPUs: give cpu a price",
    "cost_per_hour: {gpu: 2}": "cost_per_hour: has no effect without GPUs: give cpu a price, or a trial a GPU",
    "budget:": "budget: must not be empty: leave it out, or write none",
    "stop_when: {no_improvement: 3, regret_below: }": "stop_when.regret_below: must not be empty: leave it out",
    "budget: 500": "budget: must be a group of keys, such as {epochs: 500}, received 500",
    "cache: true\nconstraints: [{metric: latency_ms, max: 5}]": "cache: has no effect with constraints",
    "cache: true\nrepeats: {seeds: 2}": "cache: has no effect with repeats",
    "cache: true\nresources: {workers: [1, 2]}": "cache: has no effect where the number of workers may vary",
    "cache: true\nearly_terminate: {type: pbt}": "cache: has no effect with early_terminate type pbt",
    "metrics: [{name: val_accuracy}, {name: val_loss}]\nstop_when: {no_improvement: 3}": "counts values of one",
    "cost_per_hour: {cpu: 0}": "cost_per_hour: must give cpu or gpu a price above 0, or be left out",
    "cost_per_hour: {tpu: 1}": "cost_per_hour.tpu: unknown key, received 'tpu'",
    "stop_when: {no_improvement: 0}": "stop_when.no_improvement: must be >= 1, received 0",
    "stop_when: {regret_below: 0}": "stop_when.regret_below: must be > 0, received 0",
    "stop_when: {no_improvements: 3}": "unknown key, received 'no_improvements', did you mean 'no_improvement'?",
}


@pytest.mark.parametrize("text", FAULTS)
def test_fault_is_told_with_its_place_rule_and_value(text: str, tmp_path: Path) -> None:
    [fault] = refusal(BASE + text, tmp_path).faults
    assert FAULTS[text] in str(fault), str(fault)


def test_what_has_no_effect_where_nothing_is_searched_is_told(tmp_path: Path) -> None:
    text = "workload: mlp\ndata: {name: digits}\nparameters: {lr: 0.1}\nstop_when: {regret_below: 1}\nretest: 0.2\n"
    found = {fault.path: fault.rule for fault in refusal(text, tmp_path).faults}
    assert found["stop_when.regret_below"] == "has no effect where nothing is searched: leave it out"
    assert found["retest"].startswith("must be left out with trials: 1") and len(found) == 2


def test_faults_are_told_together_and_none_twice(tmp_path: Path) -> None:
    text = "epochs: many\nbudget: {epochs: 4, gpu_hours: 1, cost: 2}\ncost_per_hour: {cpu: no}\nstop_when: {}"
    found = [fault.path for fault in refusal(BASE + text, tmp_path).faults]
    assert found == ["epochs", "budget.gpu_hours", "cost_per_hour.cpu", "stop_when"]


def test_first_of_several_limits_in_hours_counts(tmp_path: Path) -> None:
    text = "budget: {epochs: 40, lane_hours: 8, gpu_hours: 6, cost: 25}\ncost_per_hour: {cpu: 0.5, gpu: 4}\n"
    sweep = parsed(text + "resources: {cpus: 2, gpus: 1}", tmp_path)
    assert lane_seconds(sweep) == {"lane_hours": 8 * 3600, "gpu_hours": 6 * 3600, "cost": 5 * 3600}
    limits = sweep_limits(sweep)
    assert (limits.epochs, limits.lane_s, limits.lane_told) == (40, 5 * 3600, "cost 25")


def test_hours_and_money_are_of_all_processes_of_a_trial(tmp_path: Path) -> None:
    text = "budget: {lane_hours: 8, gpu_hours: 6, cost: 30}\ncost_per_hour: {cpu: 0.5, gpu: 4}\n"
    sweep = parsed(text + "resources: {workers: 3, cpus: 2, gpus: 1}", tmp_path)
    assert lane_seconds(sweep) == {"lane_hours": 8 * 3600, "gpu_hours": 2 * 3600, "cost": 2 * 3600}


def test_keys_come_back_from_text_and_from_a_stored_sweep(tmp_path: Path) -> None:
    text = "budget: {epochs: 40, cost: 25}\ncost_per_hour: {cpu: 0.5}\nstop_when: {no_improvement: 3}"
    sweep = parsed(text, tmp_path)
    assert parse_sweep(sweep.to_text(), "s.yaml", tmp_path, catalogue=CATALOGUE) == sweep
    assert from_json(to_json(sweep), "s.json") == sweep
    assert parsed("", tmp_path).budget is None
