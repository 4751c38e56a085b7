"""Rows of the samplers' catalogue: what each claims of itself is true, and a new one is known everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import optuna
import pytest
from ruamel.yaml import YAML

from search_spaces.race.search import Search
from search_spaces.samplers.catalogue import SAMPLERS, SamplerRow, sampler
from search_spaces.samplers.history import History, Observation
from search_spaces.samplers.optuna_sampler import OptunaSampler
from search_spaces.samplers.optuna_trials import frozen_trial
from search_spaces.simulation.clock import World, simulate
from search_spaces.space.domains import Uniform
from search_spaces.space.space import Space
from search_spaces.spec.json_schema import json_schema
from search_spaces.spec.starting.proposal import Proposal
from search_spaces.spec.starting.template import template
from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.faults import SpecError
from search_spaces.types.objective import Objective
from tests.helpers.toy_race import ACCURACY, FINITE, Toy, curve, toy_sweep
from workloads.registry import catalogue

LINE = Space({"x": Uniform(0, 1)})
VALUE = Objective("value", "maximize")
NSGA = SamplerRow(
    name="nsga",
    summary="generations of the fittest",
    make=lambda space, objective, seed: OptunaSampler(
        space, [objective], seed, lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=4)
    ),
    keeps_memory=True,
)
QUASI = SamplerRow(
    name="quasi_random",
    summary="every trial as far from the others as can be",
    make=lambda setting: OptunaSampler(
        setting.space, setting.objectives, setting.seed, lambda seed: optuna.samplers.RandomSampler(seed=seed)
    ),
    aliases=("halton",),
)


@pytest.fixture
def quasi(monkeypatch: pytest.MonkeyPatch) -> Iterator[SamplerRow]:
    monkeypatch.setitem(SAMPLERS, QUASI.name, QUASI)
    yield QUASI


def history(num_trials: int, **constraints: float) -> list[Observation]:
    """The value rises with x."""
    points = [i / num_trials for i in range(num_trials)]
    return [Observation({"x": x}, "done", {1: x}, x, constraints) for x in points]


def test_names_are_told_apart() -> None:
    names = [name for row in SAMPLERS.values() for name in (row.name, *row.aliases)]
    assert len(set(names)) == len(names) and all(name == row.name for name, row in SAMPLERS.items())


@pytest.mark.parametrize("method", SAMPLERS)
def test_none_keeps_a_memory(method: str) -> None:
    """One that was asked before answers as a new one; else a resumed sweep would go another way."""
    assert not SAMPLERS[method].keeps_memory
    asked = sampler(method, FINITE, VALUE, 3)
    past = [Observation(params, "running", {}) for params in asked.ask(History(), 12, {})]
    for i in range(12):
        past[i] = replace(past[i], state="done", values={1: 0.1 * i}, best_value=0.1 * i)
        assert asked.ask(History(past), 2, {}) == sampler(method, FINITE, VALUE, 3).ask(History(past), 2, {})


def test_a_row_with_a_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SAMPLERS, "nsga", NSGA)
    with pytest.raises(AssertionError, match="method nsga keeps a memory of its own"):
        sampler("nsga", FINITE, VALUE, 0)


@pytest.mark.parametrize("method", ["tpe", "auto", "gp", "evolution", "cmaes"])
def test_a_row_that_learns_keeps_to_constraints(method: str) -> None:
    """The best half of the line is forbidden: whoever knows proposes less of it."""
    free = [history(40)[17 * i % 40] for i in range(40)]
    bound = [_bound(seen) for seen in free]

    def num_forbidden(past: list[Observation]) -> int:
        found = [p for seed in range(5) for p in sampler(method, LINE, VALUE, seed).ask(History(past), 4, {})]
        return sum(params["x"] > 0.5 for params in found)

    assert num_forbidden(bound) < 0.6 * num_forbidden(free)


def _bound(seen: Observation) -> Observation:
    excess = float(seen.params["x"]) - 0.5
    if excess <= 0:
        return replace(seen, constraints={"latency": excess})
    return replace(seen, state="infeasible", values={}, best_value=None, constraints={"latency": excess})


def test_a_record_has_the_constraints_of_its_observation() -> None:
    (one, other) = (frozen_trial(LINE, seen, [VALUE]) for seen in (*history(1, latency=0.3), *history(1)))
    assert one.constraints == {"latency": 0.3} and other.constraints == {}


def test_a_new_row_is_known_to_specs_template_and_schema(quasi: SamplerRow) -> None:
    spec = "{workload: mlp, data: {name: digits}, method: %s, trials: 3}"
    for name in ("quasi_random", "halton"):
        assert parse_sweep(spec % name, "s.yaml", Path("/"), catalogue=catalogue()).method == "quasi_random"
    with pytest.raises(SpecError, match="received 'quasi_randon', did you mean 'quasi_random'"):
        parse_sweep(spec % "quasi_randon", "s.yaml", Path("/"), catalogue=catalogue())
    with pytest.raises(
        SpecError, match="must be one of " + ", ".join(SAMPLERS) + ", bayes, bayesianoptimization, sobol or halton"
    ):
        parse_sweep(spec % "zigzag", "s.yaml", Path("/"), catalogue=catalogue())
    with pytest.raises(SpecError, match=r"write 'method: " + r" \| ".join(SAMPLERS)):
        parse_sweep(spec.replace("method", "scheduler") % "x", "s.yaml", Path("/"), catalogue=catalogue())
    mlp = catalogue().workload("mlp")
    text = template(mlp, Proposal.example(mlp, "image"), "schema.json", catalogue())
    assert f"# {' | '.join(SAMPLERS)}\n" in text
    schema = json_schema(catalogue())
    jsonschema.validate(YAML(typ="safe", pure=True).load(spec % "halton"), schema)
    assert f"quasi_random or halton ({quasi.summary})" in schema["properties"]["method"]["description"]


def test_a_new_row_races(quasi: SamplerRow) -> None:
    race = Search(toy_sweep(method=quasi.name), Toy, None).race(2)
    simulate(race, World(curve, num_lanes=2))
    assert len(race.tracks) == 12 and race.ranked()[0].state == "done"


@pytest.mark.parametrize("method", SAMPLERS)
def test_a_space_without_parameters_has_one_configuration(method: str) -> None:
    asked, history = sampler(method, Space({}), ACCURACY, 0, (1, 3)), History([])
    assert asked.ask(history, 2, {}) == [{}]
    history.put(0, Observation({}, "done", {3: 0.5}, 0.5))
    assert asked.ask(history, 2, {}) == []
