"""Hyperparameters whose values are null, lists, mappings, of mixed types, or whole numbers of 64 bits."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, replace
from pathlib import Path

import pytest

from search_spaces.race.legs import MemberEpoch, Saved
from search_spaces.race.search import Search
from search_spaces.space.domains import EXACT, LARGEST, Choice, Int
from search_spaces.space.hyperparameters import complete, hyper
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.study.study import Study
from search_spaces.types.catalogue import Catalogue
from search_spaces.types.faults import SpecError
from search_spaces.types.values import Nested, read_nested, unnested, value_of
from tests.helpers.toy_race import METHODS, METRIC
from workloads.registry import catalogue


@dataclass(frozen=True, kw_only=True)
class Free:
    """Hyperparameters of a user's code."""

    depth: object = hyper(3, "of trees", nullable=True)
    layers: object = hyper(MISSING, "widths")
    mix: object = hyper(MISSING, "of types")
    seedling: int = hyper(3, "a seed")
    options: object = hyper(None, "a mapping", nullable=True)


SPEC = """
workload: mlp
data: {name: digits}
parameters:
  depth: {values: [null, 5, 10]}
  layers: {values: [[64, 64], [32]]}
  mix: {values: [sqrt, 0.5, 1]}
  seedling: {min: 0, max: 9223372036854775807}
  options: {value: {a: 1, b: [1, 2]}}
start_from: [{layers: [32], depth: 5}]
trials: 16
epochs: 1
"""


def of_free() -> Catalogue:
    known = catalogue()
    free = replace(known.workload("mlp"), hyperparameters=Free, space={})
    return replace(known, workload=lambda name: free)


def sweep_of(text: str) -> Sweep:
    return parse_sweep(text, "sweep.yaml", Path.cwd(), catalogue=of_free())


@pytest.mark.parametrize("method", METHODS)
def test_a_sweep_draws_them_and_a_resumed_one_reads_them_back(method: str, tmp_path: Path) -> None:
    sweep = (
        sweep_of(f"{SPEC}\nmethod: {method}")
        if method != "grid"
        else sweep_of(SPEC.replace("9223372036854775807", "2") + "\nmethod: grid")
    )
    assert Sweep.model_validate_json(sweep.model_dump_json()) == sweep
    assert sweep_of(sweep.to_text()) == sweep
    study = Study("s", "maximize", tmp_path / "journal.log")
    race = Search(sweep, Free, study).race(1)
    while (leg := race.next_leg()) is not None:
        epochs = [MemberEpoch(key=m.key, epoch=1, metrics={METRIC: float(k)}) for k, m in enumerate(leg.members)]
        race.reported(leg.id, epochs)
        race.saved(leg.id, [Saved(key=m.key, epoch=1, uri=f"{m.key}/1") for m in leg.members])
        race.finished_leg(leg.id, 1.0)
    study.flush()
    drawn = [track.params for track in race.tracks]
    assert len(drawn) == 16 and len(set(map(str, drawn))) == 16
    assert drawn[0] == {
        "depth": 3,
        "layers": "[64, 64]",
        "mix": "sqrt",
        "seedling": 3,
        "options": '{"a": 1, "b": [1, 2]}',
    }
    assert drawn[1]["layers"] == "[32]" and drawn[1]["depth"] == 5
    assert {params["depth"] for params in drawn[2:]} == ({None} if method == "grid" else {None, 5, 10})
    assert {type(params["mix"]) for params in drawn} == {str, float, int}
    again = Search(sweep, Free, Study("s", "maximize", tmp_path / "journal.log")).race(1)
    assert [track.params for track in again.tracks] == drawn
    assert [{n: type(v) for n, v in track.params.items()} for track in again.tracks] == [
        {n: type(v) for n, v in params.items()} for params in drawn
    ]
    assert {str(unnested(params["layers"])) for params in drawn} == {"[64, 64]", "[32]"}


def test_null_is_given_and_what_has_no_default_is_asked_for() -> None:
    full = complete(Free, {"depth": None, "layers": Nested("[1]"), "mix": 1})
    assert full == {"depth": None, "layers": "[1]", "mix": 1, "seedling": 3, "options": None}
    with pytest.raises(SpecError) as told:
        sweep_of(SPEC.replace("layers: {values: [[64, 64], [32]]}", "").replace("layers: [32], ", ""))
    assert "must give layers a value: it has no default (widths)" in str(told.value)


@pytest.mark.parametrize(
    ("parameter", "rule"),
    [
        ("mix: {values: ['[1, 2]', 3]}", "must be written as the list or mapping that it is, without quotes"),
        ("mix: [1, 2]", "one list as a value {value: [...]}"),
        ("mix: {values: [[1], [1]]}", "must differ from each other"),
        ("mix: {values: [[.nan], [1]]}", "Out of range float values are not JSON compliant"),
        ("seedling: {values: [[1], 2]}", "must be one value"),
        ("seedling: {values: [null, 2]}", "must be a value"),
        ("seedling: {min: 0, max: 9223372036854775808}", "must lie between"),
    ],
)
def test_what_cannot_be_a_value_is_refused(parameter: str, rule: str) -> None:
    name = parameter.split(":")[0]
    lines = [line for line in SPEC.splitlines() if not line.startswith(f"  {name}:")]
    at = lines.index("parameters:")
    with pytest.raises(SpecError) as told:
        sweep_of("\n".join([*lines[: at + 1], f"  {parameter}", *lines[at + 1 :]]))
    assert rule in str(told.value)


def test_a_whole_number_of_64_bits_is_what_a_float_holds() -> None:
    domain = Int(0, LARGEST)
    drawn = [domain.at(k / 1000) for k in range(1001)]
    assert all(int(float(value)) == value and 0 <= value <= LARGEST for value in drawn)
    assert all(domain.to_value(float(value)) == value and domain.contains(value) for value in drawn)
    assert len(set(drawn)) == 1001 and drawn == sorted(drawn)
    assert not domain.contains(EXACT + 1), "a store would hold another number"
    assert domain.to_value(float(LARGEST)) < LARGEST
    assert Int(-LARGEST, -5).to_value(-float(LARGEST)) > -LARGEST
    assert Int(0, 10**6 + 1).at(0.5) == 500_001


def test_a_list_is_kept_as_a_text_that_reads_as_it_was() -> None:
    for given in ([64, 64], {"a": [1, None, True, "ä"]}, [], {}):
        kept = value_of(given)
        assert unnested(kept) == given == read_nested(str(kept))
        assert Choice((kept, 1)).contains(kept)
    assert read_nested("[no list") == "[no list" and read_nested("text") == "text" and read_nested(2) == 2
