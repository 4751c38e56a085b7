"""The specs that are shipped as examples are sound, and say how they are run."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import search_spaces
from search_spaces.race.search import Search
from search_spaces.spec.sweep import load_sweep
from workloads.data.prepare import prepare
from workloads.data.search_data import SearchData
from workloads.legs.runner import LegRunner, LegSetting
from workloads.registry import catalogue, workload

EXAMPLES = sorted((Path(search_spaces.__file__).parent / "examples").glob("*.yaml"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_sound(example: Path) -> None:
    sweep = load_sweep(example, catalogue=catalogue())
    assert sweep.space.domains
    text = example.read_text()
    assert "paceline demo" in text or f"paceline run search_spaces/examples/{example.name}" in text


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_trains(example: Path, tmp_path: Path) -> None:
    """Its defaults and what its sampler asks for next, for an epoch on a few of its rows."""
    sweep = load_sweep(example, catalogue=catalogue())
    sweep = sweep.model_copy(update={"trials": 2, "epochs": 1, "cohort": 1, "start_from": ()})
    setting = LegSetting(sweep.workload, sweep.objective, str(tmp_path), device="cpu")
    runner = LegRunner(setting, few(prepare(sweep.data, sweep.problem).search))
    race = Search(sweep, workload(sweep.workload).hyperparameters, None).race(num_lanes=1)
    values = []
    while leg := race.next_leg():
        runner.start(leg)
        (told,) = runner.epoch()
        values.append(told.metrics[sweep.metric.name])
        race.reported(leg.id, [told])
        race.saved(leg.id, runner.save())
        race.finished_leg(leg.id)
    assert race.finished and len(values) == 2
    assert all(map(math.isfinite, values))


def few(search: SearchData) -> SearchData:
    """Some rows of each split; folds are of all rows, so that they stay."""
    if search.folds:
        return search
    train, val = (part.take(np.arange(min(len(part), 96))) for part in (search.train, search.val))
    return replace(search, train=train, val=val)
