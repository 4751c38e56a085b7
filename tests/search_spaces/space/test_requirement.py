"""Requirements between hyperparameters: what their language means, what it refuses, and spaces that have some."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.space.domains import Choice, Int, Uniform
from search_spaces.space.expression import ExpressionFault, parsed
from search_spaces.space.nearest import nearest
from search_spaces.space.requirement import Requirement
from search_spaces.space.share import share
from search_spaces.space.space import Space
from search_spaces.space.space_json import space_from_json, space_to_json
from search_spaces.types.values import Params, value_of

AT: Params = {"width": 32, "heads": 4, "lr": 1e-3, "optimizer": "sgd", "norm": True}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("width >= 4 * heads", True),
        ("width % heads == 0 and width // heads == 8", True),
        ("1 < heads <= 4 < width", True),
        ("1 < heads < 4", False),
        ("not (norm or heads > 8)", False),
        ("norm == true", True),
        ("width > 30 and heads > 8", False),
        ("heads == 4 or width > 99 and heads > 8", True),
        ("not heads > 8 and width > 30", True),
        ("norm != False", True),
        ("optimizer in ['sgd', 'adam'] and heads not in (1, 2)", True),
        ("optimizer == 'adam' or lr < 0.01", True),
        ("max(width, 2 ** heads, 7) == 32 and min(width, heads) == 4", True),
        ("abs(log(lr, 10) + 3) < 1e-9 and log(lr) < -6", True),
        ("-heads + +width == 28", True),
        ("(0 - heads) ** 0.5 < width", False),
        ("10.0 ** 400 > width", False),
        ("width / (heads - 4) > 1", False),
        ("log(heads - 4) < 0", False),
        ("unknown > 3", True),
        ("unknown > 3 or heads > 8", True),
    ],
)
def test_what_an_expression_means(text: str, holds: bool) -> None:
    assert Requirement(text).holds(AT) is holds
    assert Requirement(text, AT).holds({}) is (holds or text.startswith("unknown"))


MIXED: Params = {
    "depth": None,
    "layers": value_of([64, 1]),
    "size": "small",
    "flag": True,
    "by": value_of({"a": 1}),
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("depth == null", True),
        ("depth == None and depth != 5", True),
        ("depth <= 10", False),
        ("depth == null or depth <= 10", True),
        ("depth in [null, 5]", True),
        ("depth + 1 > 0", False),
        ("layers == [64, 1]", True),
        ("layers == (64, 1.0)", True),
        ("layers == [64, true]", False),
        ("layers != [64]", True),
        ("[64] == layers", False),
        ("layers in [[32], [64, 1]]", True),
        ("layers == '[64, 1]'", False),
        ("size == 'small' and size != 3", True),
        ("size > 3", False),
        ("flag == true", True),
        ("flag == 1", False),
        ("flag in [1, 0]", False),
        ("max(flag, 0) == 1", False),
        ("by == {'a': 1}", True),
        ("by == {'a': true}", False),
        ("by == {'b': 1}", False),
    ],
)
def test_values_of_any_type_are_compared_by_value_and_type(text: str, holds: bool) -> None:
    assert Requirement(text).holds(MIXED) is holds
    assert Requirement(text, MIXED).holds({}) is holds


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "must not be empty"),
        ("   ", "must not be empty"),
        ("width >", "is no expression"),
        ("width = 4", "with =="),
        ("width := 4", "with =="),
        ("width >= 1 && heads", "&& is not known: write and"),
        ("(width > 1) & (heads > 1)", "& is not known: write and"),
        ("~width", "~ is not known: write not"),
        ("width ^ 2 > 4", r"\^ is not known: write \*\*"),
        ("width ≥ 4", "≥ is not known: write >="),
        ("open('/etc/passwd')", "must call nothing but min, max, abs, log, received 'open'"),
        ("__import__('os').system('true') == 0", "must call nothing but"),
        ("(lambda: 1)() > width", "must call nothing but"),
        ("width.__class__.__bases__[0] == 1", "may hold only"),
        ("(1).real > width", "must not take a part"),
        ("[width for width in [1]] == 1", "may hold only|must be followed"),
        ("f'{width}' == '1'", "may hold only"),
        ("width is 4", "not with is"),
        ("width in heads", "in must be followed by a list"),
        ("width == {1, 2}", "may hold only"),
        ("width == {1: 2}", "must have texts as keys"),
        ("~" + "-" * 480 + "width", "~ is not known: write not"),
        ("width if heads else lr", "may hold only"),
        ("width > 1e999", "finite"),
        ("width == b'1'", "finite numbers"),
        ("width > 1j", "finite numbers"),
        ("min(width) > 1", "min takes 2 to 16"),
        ("abs(x=width) > 1", "abs takes 1"),
        ("log(*[width]) > 1", "may hold only"),
        ("width > " + "(" * 300, "is no expression"),
        ("-" * 30 + "width > 1", "nested deeper"),
        ("-" * 480 + "width > 1", "nested deeper"),
        ("width > 1 or " * 50 + "width > 1", "at most 500"),
        ("width > 1\x00", "is no expression"),
        ("await width", "may hold only|is no expression"),
        ("width; heads", "is no expression"),
        ("import os", "is no expression"),
    ],
)
def test_what_an_expression_may_not_hold(text: str, rule: str) -> None:
    with pytest.raises(ExpressionFault, match=rule):
        parsed(text)


def test_no_expression_takes_long() -> None:
    """Each of these would take hours, or all memory, where Python ran it."""
    for text in ("9 ** 9 ** 9 ** 9 > width", "9 ** (99 * 99999) ** 9 > width", "0 * (9 ** 9999999) < width"):
        Requirement(text).holds(AT)
    assert Requirement("9" * 400 + " * " + "9" * 80 + " > width").holds(AT)
    assert not Requirement("'a' * 99999999 * 99999999 == optimizer").holds(AT)


LETTERS = st.text(st.sampled_from("ab ()[]+-*/%<>=!.,:'1e9^&|~\n\\\x00andornotinlmx"), max_size=40)


@given(LETTERS)
@settings(max_examples=300, deadline=None)
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        expression = parsed(text)
    except ExpressionFault as fault:
        assert fault.rule
        return
    assert isinstance(Requirement(text, dict.fromkeys(expression.names, 1)).holds({}), bool)


RULES = ("width >= 4 * heads", "momentum < width / 32")
SPACE = Space(
    {
        "optimizer": Choice(("sgd", "adam")),
        "momentum": Choice((0.0, 0.5, 0.9)),
        "width": Int(8, 64, step=8),
        "heads": Choice((1, 2, 4, 8)),
        "dropout": Choice((0.0, 0.1)),
    },
    {"momentum": {"optimizer": ("sgd",)}},
    (*map(Requirement, RULES), Requirement("heads < 8 or width > w", {"w": 40})),
)


def test_a_space_has_just_the_points_that_satisfy_its_requirements() -> None:
    every = list(Space(SPACE.domains, SPACE.when).grid())
    expected = [
        p
        for p in every
        if p["width"] >= 4 * p["heads"]
        and ("momentum" not in p or p["momentum"] < p["width"] / 32)
        and (p["heads"] < 8 or p["width"] > 40)
    ]
    assert list(SPACE.grid()) == expected
    assert SPACE.size() == len(expected)
    assert [p for p in every if SPACE.contains(p)] == expected
    for held in ({"heads": 8}, {"width": 8}, {"optimizer": "sgd"}, {"momentum": 0.9}, {"heads": 8, "width": 8}):
        having = [p for p in expected if held.items() <= p.items()]
        assert (list(SPACE.grid(held)), SPACE.size(held)) == (having, len(having)), held


def test_a_stored_space_keeps_its_requirements() -> None:
    assert space_from_json(space_to_json(SPACE)) == SPACE
    assert "require" not in space_to_json(Space(SPACE.domains, SPACE.when))


def test_too_many_points_are_not_counted() -> None:
    domains = {name: Int(1, 1000) for name in "abc"}
    assert Space(domains, {}, (Requirement("a < b"),)).size() is None
    assert Space(domains, {}, (Requirement("a < 3"),)).size() == 2 * 1000 * 1000


@pytest.mark.parametrize(
    ("domains", "text", "expected"),
    [
        ({"a": Uniform(0, 1), "b": Uniform(0, 1)}, "a < b", 0.5),
        ({"a": Uniform(1e-4, 1, log=True)}, "a < 0.01", 0.5),
        ({"a": Int(1, 10), "b": Int(1, 10)}, "a == b", 0.1),
        ({"a": Choice(("x", "y"), probabilities=(0.9, 0.1)), "b": Uniform(0, 1)}, "a == 'y' or b > 2", 0.1),
    ],
)
def test_the_share_that_satisfies_is_told(domains: dict, text: str, expected: float) -> None:
    assert share(Space(domains, {}, (Requirement(text),))).value == pytest.approx(expected, rel=0.15)


def test_defaults_change_as_little_as_needed() -> None:
    defaults = {"optimizer": "adam", "width": 16, "heads": 8, "dropout": 0.0}
    assert SPACE.first(defaults, []) == [{**defaults, "heads": 4}]
    assert SPACE.first({**defaults, "heads": 4}, []) == [{**defaults, "heads": 4}]
    assert SPACE.first(defaults, [{"width": 64}])[1] == {**defaults, "width": 64}
    domains = {name: Uniform(0, 1) for name in "abc"}
    pairs = Space(domains, {}, (Requirement("a > 0.9 and b > 0.9"),))
    moved = nearest(domains, ["a", "b"], {"a": 0.5, "b": 0.5, "c": 0.2}, pairs.satisfies)
    assert moved and pairs.contains(moved) and moved["c"] == 0.2 and max(moved["a"], moved["b"]) < 0.95


def test_defaults_that_turn_a_condition_on_get_what_depends_on_it() -> None:
    domains = {"gate": Choice((False, True)), "decay": Uniform(0, 1), "lr": Uniform(0, 1)}
    space = Space(domains, {"decay": {"gate": (True,)}}, (Requirement("gate == true"),))
    defaults = {"gate": False, "decay": 0.25, "lr": 0.5}
    assert space.first(defaults, []) == [{"gate": True, "decay": 0.25, "lr": 0.5}]
    off = Space(domains, {"decay": {"gate": (True,)}}, (Requirement("gate == false"),))
    assert off.first({**defaults, "gate": True}, []) == [{"gate": False, "lr": 0.5}]


@pytest.mark.parametrize("text", ["0.5 < a < 0.505", "abs(a * b - 0.111) < 0.0004 and c < 2"])
def test_defaults_are_moved_where_what_is_left_is_narrow(text: str) -> None:
    space = Space({name: Uniform(0, 1) for name in "abc"}, {}, (Requirement(text),))
    [first] = space.first({"a": 0.1, "b": 0.1, "c": 0.1}, [])
    assert space.contains(first), first
    rare = Space({name: Int(0, 299) for name in "ab"}, {}, (Requirement("a * 300 + b == 77777"),))
    assert rare.first({"a": 0, "b": 0}, []) == [{"a": 259, "b": 77}]


NUMBERS = (Int(1, 300, log=True), Uniform(1e-7, 3.0, log=True), Uniform(-1, 2), Uniform(0, 1, 0.1))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_value_at_any_quantile_is_of_its_domain(data: st.DataObject) -> None:
    domain = data.draw(st.sampled_from([*SPACE.domains.values(), *NUMBERS]))
    places = sorted(data.draw(st.lists(st.floats(0, 1), min_size=2, max_size=5)))
    values = [domain.at(place) for place in (0.0, *places, 1.0)]
    assert all(domain.contains(value) for value in values)
    if domain.bounds:
        assert (values[0], values[-1]) == domain.bounds
        assert all(a <= b for a, b in itertools.pairwise(values))
