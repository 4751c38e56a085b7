"""Hyperparameters whose values are null, lists, mappings, of mixed types, or whole numbers of 64 bits."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, replace
from pathlib import Path

import pytest

from search_spaces.race.legs import MemberEpoch, Saved
from search_spaces.race.search import Search
from search_spaces.space.domains import EXACT, LARGEST, Choice, Int
from search_spaces.space.hyperparameters import complete, hyper
from search_spaces.space.space import Space
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.spec.yaml_document import flow
from search_spaces.study.study import Study
from search_spaces.types.catalogue import Catalogue
from search_spaces.types.faults import SpecError
from search_spaces.types.values import Nested, identity, read_nested, unnested, value_of
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


def test_whole_numbers_of_64_bits_are_exact() -> None:
    domain = Int(0, LARGEST)
    drawn = [domain.at(k / 1000) for k in range(1001)]
    assert len(set(drawn)) == 1001 and drawn == sorted(drawn) and (drawn[0], drawn[-1]) == (0, LARGEST)
    assert domain.contains(EXACT + 1) and domain.contains(LARGEST) and not domain.contains(LARGEST + 1)
    assert domain.to_value(float(LARGEST)) == LARGEST
    assert Int(-LARGEST, -5).to_value(Int(-LARGEST, -5).to_internal(-LARGEST)) == -LARGEST
    assert Int(0, 10**6 + 1).at(0.5) == 500_001


@pytest.mark.parametrize("method", METHODS)
def test_each_whole_number_beyond_what_a_float_holds_is_tried(method: str) -> None:
    few = [*range(EXACT, EXACT + 12)]
    of_few = SPEC.replace("{min: 0, max: 9223372036854775807}", f"{{min: {few[0]}, max: {few[-1]}}}")
    text = of_few.replace("null, 5, 10", "5").replace("[64, 64], [32]", "[32]").replace("sqrt, 0.5, 1", "1")
    given = f"start_from: [{{seedling: {few[1]}}}]\nmethod: {method}"
    sweep = sweep_of(text.replace("start_from: [{layers: [32], depth: 5}]", given))
    first, *others = (track.params["seedling"] for track in Search(sweep, Free, None).more([], 14, None)[1:])
    assert first == few[1] and sorted(others) == few


def test_equal_numbers_of_different_types_are_different_values(tmp_path: Path) -> None:
    text = SPEC.replace("sqrt, 0.5, 1", "1, 1.0, true").replace("9223372036854775807", "1")
    text = text.replace("null, 5, 10", "5").replace("[64, 64], [32]", "[32]").replace("trials: 16", "method: grid")
    sweep = sweep_of(text)
    assert sweep.space.size() == 6
    drawn = [(repr(point["mix"]), point["seedling"]) for point in sweep.space.grid()]
    assert sorted(drawn) == sorted((mix, seed) for mix in ("1", "1.0", "True") for seed in (0, 1))
    assert len(sweep.space.first(None, [{"mix": value} for value in (1, 1.0, True, 1)])) == 3
    assert len({identity({"mix": value}) for value in (1, 1.0, True, "1", 0.0, -0.0)}) == 6
    study = Study("s", "maximize", tmp_path / "journal.log")
    for point in sweep.space.grid():
        study.add(sweep.space, point)
    study.flush()
    again = Study("s", "maximize", tmp_path / "journal.log").records()
    assert [repr(record.params["mix"]) for record in again] == [mix for mix, _ in drawn]
    children = Space({"mix": Choice((1, 1.0, True)), "x": Choice((2, 3))}, {"x": {"mix": (1.0,)}})
    assert [children.exists("x", {"mix": value}) for value in (1, 1.0, True)] == [False, True, False]


@pytest.mark.parametrize("method", METHODS)
def test_choices_that_are_equal_to_python_are_each_drawn_as_they_are(method: str) -> None:
    text = SPEC.replace("sqrt, 0.5, 1", "1, 1.0, true").replace("9223372036854775807", "1")
    sweep = sweep_of(text.replace("trials: 16", f"method: {method}\ntrials: 30"))
    tracks = Search(sweep, Free, None).more([], 24, None)
    drawn = [identity(track.searched) for track in tracks]
    assert len(set(drawn)) == len(drawn) == 24
    assert {repr(track.params["mix"]) for track in tracks} == {"1", "1.0", "True"}


def test_requirements_are_of_values_as_people_have_them() -> None:
    first = "start_from: [{layers: [32], depth: 5}]"
    texts = ["depth == null or depth > 5", "layers == [64, 64]", "mix == 'sqrt' or mix < 1"]
    sweep = sweep_of(f"{SPEC.replace(first, '')}\nmethod: random\nrequire: {texts}")
    points = [track.params for track in Search(sweep, Free, None).more([], 40, None)]
    found = {(point["depth"], point["layers"], point["mix"]) for point in points[1:]}
    assert found == {(depth, "[64, 64]", mix) for depth in (None, 10) for mix in ("sqrt", 0.5)}
    assert Sweep.model_validate_json(sweep.model_dump_json()) == sweep
    fixed = SPEC.replace("depth: {values: [null, 5, 10]}", "depth: {value: null}").replace(first, "")
    [one] = sweep_of(f"{fixed}\nrequire: ['depth == null and layers == [32]']").space.require
    assert one.given == {"depth": None}
    for wrong, told in (
        ("mix == sqrt", "text is written in quotes, received 'sqrt', did you mean \"'sqrt'\""),
        ("depth == 'deep'", "compares a number or null with text"),
        ("not mix", "this is a number or text"),
    ):
        with pytest.raises(SpecError) as refused:
            sweep_of(f"{SPEC}\nrequire: [{flow(wrong)}]")
        assert told in str(refused.value)


def test_a_list_is_kept_as_a_text_that_reads_as_it_was() -> None:
    for given in ([64, 64], {"a": [1, None, True, "ä"]}, [], {}):
        kept = value_of(given)
        assert unnested(kept) == given == read_nested(str(kept))
        assert Choice((kept, 1)).contains(kept)
    assert read_nested("[no list") == "[no list" and read_nested("text") == "text" and read_nested(2) == 2


def test_a_searched_parameter_without_a_default_leaves_no_defaults_to_compare_with() -> None:
    """Trial 0 has the middle of its range, which nobody has called a default."""
    fixed = SPEC.replace("values: [[64, 64], [32]]", "value: [32]").replace("layers: [32], ", "")
    fixed = fixed.replace("mix: {values: [sqrt, 0.5, 1]}", "mix: {value: 1}")
    for text, declared in ((SPEC, False), (fixed, True)):
        search = Search(sweep_of(text), Free, None)
        assert (search.declared is not None) == declared, text
    assert search.declared == search.defaults
