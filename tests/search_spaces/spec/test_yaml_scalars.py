"""Plain scalars mean what ruamel.yaml says of YAML 1.2, and what we write is read again as it was."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from search_spaces.spec.yaml_document import block, flow, plain, read_yaml

READABLE = st.characters(exclude_categories=("Cs", "Cc"))
WORDS = "~ null Null nULL true True tRUE False FALSE no yes on off y e5 1e 1e+ . + +. 1:30 1.2.3"
NUMBERS = "0 -0 +1 010 0o17 0x1F -0x1f 0b11 1_000 1__0 1. 1.5 .5 -.5 1e-4 1E5 1.e3 12e03 +.5 5._ .inf -.Inf .NAN"


@pytest.mark.parametrize("text", f"{WORDS} {NUMBERS} _1 0o8 0b2 0x +.nan .5e3 -.5e+3 .5E-3".split())
def test_a_scalar_reads_as_in_ruamel_yaml(text: str) -> None:
    expected, value = YAML(typ="safe", pure=True).load(text), plain(text)
    assert type(value) is type(expected)
    assert value == expected or (math.isnan(value) and math.isnan(expected))


@given(st.floats() | st.integers() | st.booleans())
def test_a_number_reads_as_python_writes_it(number: float) -> None:
    text = repr(number).replace("inf", ".inf").replace("nan", ".nan")
    assert plain(text) == number or math.isnan(number)


def test_nothing_is_null() -> None:
    assert plain("") is None


@given(st.text("0189+-._eExXobinfaulTrue~", max_size=6))
@example(".5e3")
def test_a_text_is_written_so_that_it_reads_as_a_text(text: str) -> None:
    assert read_yaml(block({"text": text}), "spec").tree == {"text": text}
    assert read_yaml(flow([text]), "spec").tree == [text]


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(READABLE)


@given(
    st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(READABLE), inner), max_leaves=8)
)
@example("a\nb\n")
@example("a\x85b")
@example("2020-01-01")
@example("\xa0")
@example("\u2003a\u2003")
def test_a_value_is_written_so_that_it_reads_as_it_was(value: object) -> None:
    assert read_yaml(block(value), "spec").tree == value
    assert read_yaml(flow(value), "spec").tree == value
    assert "\n" not in flow(value)


@given(st.text(READABLE))
def test_a_text_is_written_so_that_every_reader_takes_it_for_one(text: str) -> None:
    assert yaml.safe_load(block([text])) == YAML(typ="safe", pure=True).load(block([text])) == [text]


def test_too_many_digits_are_no_number() -> None:
    with pytest.raises(ValueError):
        plain("9" * 5000)
