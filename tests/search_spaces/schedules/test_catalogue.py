"""Rows of the schedules' catalogue: a new one is known to specs, template, JSON Schema and race."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from search_spaces.race.search import Search, sweep_schedule
from search_spaces.schedules.catalogue import SCHEDULES, schedule
from search_spaces.schedules.contract import Setting
from search_spaces.simulation.clock import World, simulate
from search_spaces.spec.json_schema import json_schema
from search_spaces.spec.starting.proposal import Proposal
from search_spaces.spec.starting.template import template
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.types.faults import SpecError
from tests.helpers.copying_schedule import COPYING, KIND
from tests.helpers.toy_race import Toy, curve, toy_sweep
from workloads.registry import catalogue

SPEC = "{workload: mlp, data: {name: digits}, epochs: 9, early_terminate: %s}"


@pytest.fixture
def copying(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(SCHEDULES, KIND, COPYING)
    yield


def parsed(rule: str) -> Sweep:
    return parse_sweep(SPEC % rule, "s.yaml", Path("/"), catalogue=catalogue())


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_row_s_parameters_are_numbers_with_bounds_around_their_defaults(kind: str) -> None:
    row = SCHEDULES[kind]
    assert row.name == kind and is_dataclass(row.parameters)
    for field in [field for field in fields(row.parameters) if "names" not in field.metadata]:
        if "choices" in field.metadata:
            assert field.default in field.metadata["choices"] and field.metadata["doc"]
            continue
        assert field.metadata["low"] <= field.default <= field.metadata["high"] and field.metadata["doc"]


@pytest.mark.parametrize("kind", SCHEDULES)
@pytest.mark.parametrize("epochs", [1, 2, 10])
def test_rungs_rise_to_the_last_epoch(kind: str, epochs: int) -> None:
    rungs = schedule(kind, Setting(epochs=epochs), {}).rungs
    assert list(rungs) == sorted(set(rungs)) and rungs[-1] == epochs


def test_a_spec_holds_every_parameter_of_its_schedule() -> None:
    for rule in ("{}", "{type: asha}", "{eta: 3}"):
        sweep = parsed(rule)
        assert sweep.early_terminate.parameters == {"min_iter": 1, "eta": 3}
        assert "early_terminate:\n  type: asha\n  min_iter: 1\n  eta: 3\n" in sweep.to_text()


@pytest.mark.usefixtures("copying")
def test_a_new_row_is_known_to_specs_template_and_schema() -> None:
    sweep = parsed(f"{{type: {KIND}, every: 2}}")
    assert sweep_schedule(sweep).rungs == (2, 4, 6, 8, 9)
    assert parse_sweep(sweep.to_text(), "again", Path("/"), catalogue=catalogue()) == sweep
    for rule, reason in {
        "{type: copyin}": "must be one of asha, none or copying|did you mean 'copying'",
        f"{{type: {KIND}, evry: 2}}": "evry: unknown key, received 'evry', did you mean 'every'",
        f"{{type: {KIND}, every: 0}}": "must be >= 1, received 0",
        f"{{type: {KIND}, eta: 3}}": f"eta: has no effect with type {KIND}, received 3",
        "{type: bayes_hyperband}": "is not available yet: use " + " or ".join(SCHEDULES),
    }.items():
        with pytest.raises(SpecError, match=reason):
            parsed(rule)
    others = ", ".join(kind for kind in SCHEDULES if kind != "asha")
    mlp = catalogue().workload("mlp")
    assert f"# or {others}\n" in template(mlp, Proposal.example(mlp, "image"), "schema.json", catalogue())
    schema = json_schema(catalogue())
    jsonschema.validate(YAML(typ="safe", pure=True).load(SPEC % f"{{type: {KIND}, every: 2}}"), schema)
    assert f"{KIND} ({COPYING.summary})" in schema["properties"]["early_terminate"]["description"]


def test_a_name_that_other_tools_know_is_a_row_s_as_soon_as_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpecError, match="is not available yet: use " + " or ".join(SCHEDULES)):
        parsed("{type: bayes_hyperband}")
    monkeypatch.setitem(SCHEDULES, "bayes_hyperband", replace(COPYING, name="bayes_hyperband"))
    assert parsed("{type: bayes_hyperband}").early_terminate.parameters == {"every": 3}


@pytest.mark.parametrize(
    ("theirs", "ours"), {"adaptive_asha": "hyperband", "async_halving": "asha", "medianstop": "median"}.items()
)
def test_names_of_other_tools_are_understood(theirs: str, ours: str) -> None:
    assert parsed(f"{{type: {theirs}}}") == parsed(f"{{type: {ours}}}")


@pytest.mark.usefixtures("copying")
def test_a_new_row_races() -> None:
    race = Search(toy_sweep(early_terminate={"type": KIND}), Toy, None).race(2)
    simulate(race, World(curve, num_lanes=2))
    assert {track.state for track in race.tracks} == {"done"} and any(track.exploits for track in race.tracks)
