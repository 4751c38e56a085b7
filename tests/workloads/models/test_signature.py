"""The hyperparameters of a user's function by its signature, and the values that it is called with."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import pytest
from pydantic import BaseModel, Field

from search_spaces.space.hyperparameters import complete, hyperparameters
from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.faults import SpecError
from search_spaces.types.values import value_of
from workloads.models.custom.signature import arguments
from workloads.models.custom.workload import workload_of
from workloads.registry import catalogue


class Rule(enum.Enum):
    SGD = "sgd"
    ADAM = "adam"


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


def train(
    run: Any,
    *,
    lr: float = 1,
    depth: int | None = None,
    layers: list[int] = [64],  # noqa: B006 - as people write it
    mode: Literal["a", "b"] = "a",
    mixed: Literal[1, "x"] = 1,
    rule: Rule = Rule.SGD,
    level: Level = Level.LOW,
    drop: Annotated[float, Field(ge=0, lt=1, description="share")] = 0.1,
    free=None,  # type: ignore[no-untyped-def]
    needed: Any,
    pair: tuple[int, int] = (1, 2),
    words: "NoSuchName" = "text",  # type: ignore[name-defined] # noqa: F821, UP037
) -> None:
    """Train."""


WORKLOAD = workload_of("mine:train", train)
KNOWN = hyperparameters(WORKLOAD.hyperparameters)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("layers", "x", "must be list[int]: input should be a valid list"),
        ("layers", [1, "a"], "must be list[int]: input should be a valid integer"),
        ("layers", [1], None),
        ("mixed", 2, "must be Literal[1, 'x']: input should be 1 or 'x'"),
        ("mixed", "x", None),
        ("rule", "rms", "must be one of sgd, adam"),
        ("level", "HIGH", None),
        ("drop", 1.0, "must hold 0 <= drop < 1"),
        ("depth", None, None),
        ("depth", 2.5, "must be a whole number"),
        ("lr", None, "must be a value"),
        ("pair", [1, 2, 3], "must be tuple[int, int]"),
        ("needed", {"a": [1, None]}, None),
        ("free", None, None),
        ("words", 3, "must be text"),
    ],
)
def test_an_annotation_says_what_a_spec_may_give(name: str, value: Any, rule: str | None) -> None:
    told = KNOWN[name].fault(value_of(value))
    assert (told or "").startswith(rule or "") and bool(told) == bool(rule), told


def test_the_function_is_called_with_what_it_asks_for() -> None:
    given = {"needed": [1], "rule": "adam", "level": "HIGH", "layers": [1, 2], "pair": [3, 4], "depth": None}
    kept = {name: value_of(value) for name, value in given.items()}
    as_read_again = {name: str(value) if isinstance(value, str) else value for name, value in kept.items()}
    for params in (kept, as_read_again):
        full = complete(WORKLOAD.hyperparameters, params)
        assert arguments(train, WORKLOAD.hyperparameters(**full)) == {
            **{"lr": 1.0, "depth": None, "layers": [1, 2], "mode": "a", "mixed": 1, "rule": Rule.ADAM},
            **{"level": Level.HIGH, "drop": 0.1, "free": None, "needed": [1], "pair": (3, 4), "words": "text"},
        }
    assert KNOWN["lr"].type is float and KNOWN["needed"].required and KNOWN["drop"].doc == "share"


def test_a_spec_searches_them_and_must_give_what_has_no_default() -> None:
    known = catalogue()
    with_ours = replace(known, workload=lambda name: WORKLOAD)
    text = """
workload: mine:train
data: {name: iris}
final: none
parameters:
  layers: {values: [[64, 64], [32]]}
  depth: {values: [null, 5]}
  lr: {min: 1e-3, max: 1.0, log: true}
"""
    with pytest.raises(SpecError, match="must give needed a value"):
        parse_sweep(text, "sweep.yaml", Path.cwd(), catalogue=with_ours)
    sweep = parse_sweep(f"{text}  needed: 3\n", "sweep.yaml", Path.cwd(), catalogue=with_ours)
    assert [str(domain) for domain in sweep.space.domains.values()] == [
        "one of [64, 64], [32]",
        "one of null, 5",
        "0.001 to 1, log scale",
    ]
    assert sweep.constants == {"needed": 3}


def positional(run: Any, lr: float = 1.0, *others: int) -> None: ...
def open_ended(run: Any, *, lr: float = 1.0, **rest: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (positional, r"'lr' must be keyword-only.*'\*others' must name"),
        (open_ended, r"'\*\*rest' must name each hyperparameter"),
    ],
)
def test_what_cannot_be_a_hyperparameter_is_told_at_once(function: Callable[..., None], told: str) -> None:
    with pytest.raises(LookupError, match=told):
        workload_of("mine:train", function)


def test_a_text_that_may_be_none_stays_a_text() -> None:
    def named(run: Any, *, note: str | None = None) -> None: ...

    kind = workload_of("mine:named", named).hyperparameters
    assert arguments(named, kind(**complete(kind, {"note": "[1, 2]"}))) == {"note": "[1, 2]"}
    assert arguments(named, kind(**complete(kind, {}))) == {"note": None}


def test_a_function_without_a_place_for_the_run_is_refused() -> None:
    def nothing() -> None: ...

    def swallowed(*, lr: float = 0.1) -> None: ...

    for code in (nothing, swallowed):
        with pytest.raises(LookupError, match=rf"'mine:t': its first parameter .+: {code.__name__}\(run, \*, "):
            workload_of("mine:t", code)


def test_words_of_annotations_mean_what_they_do_in_the_file_of_a_decorated_function() -> None:
    elsewhere: dict[str, Any] = {}
    exec("import functools\ndef deco(f):\n @functools.wraps(f)\n def g(*a, **k): f(*a, **k)\n return g", elsewhere)

    def decorated(run: Any, *, rule: "Literal['l1', 'l2']" = "l2") -> None: ...  # noqa: UP037

    found = hyperparameters(workload_of("mine:t", elsewhere["deco"](decorated)).hyperparameters)
    assert found["rule"].choices == ("l1", "l2")


def test_a_type_that_pydantic_does_not_take_is_refused() -> None:
    class Old(TypedDict):
        a: int

    def train(run: Any, *, old: Old) -> None: ...

    train.__annotations__["old"] = Old
    if sys.version_info < (3, 12):
        with pytest.raises(LookupError, match="parameter 'old' must have a type that a spec can hold, received "):
            workload_of("mine:t", train)


def test_defaults_are_kept_as_a_spec_writes_them_and_made_again() -> None:
    class Layer(BaseModel):
        size: int = 3

    def train(
        run: Any,
        *,
        root: Path = Path("data"),
        layer: Layer = Layer(),  # noqa: B008
        few: set[int] = {2},  # noqa: B006
    ) -> None: ...

    train.__annotations__.update(layer=Layer)
    workload = workload_of("mine:t", train)
    params = complete(workload.hyperparameters, {})
    assert params == {"root": "data", "layer": '{"size": 3}', "few": "[2]"}
    assert arguments(train, workload.hyperparameters(**params)) == {
        "root": Path("data"), "layer": Layer(), "few": {2}
    }  # fmt: skip

    def odd(run: Any, *, any: Any = object(), more: list[Any] = [Path()]) -> None: ...  # noqa: B006, B008

    with pytest.raises(
        LookupError, match=r"'any' must have a default that a spec can hold.+'more' must have a def"
    ):
        workload_of("mine:t", odd)
