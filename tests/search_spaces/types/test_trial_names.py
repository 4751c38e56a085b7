"""Names of trials for people, and their keys in the stores, which one module alone writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from search_spaces.types import trial_names
from search_spaces.types.trial_names import key_of_name, name_of_key, trial_key, trial_name

ROOT = Path(trial_names.__file__).parents[2]


@pytest.mark.parametrize(("number", "seed"), [(0, None), (7, 3), (12345, None)])
def test_a_name_and_a_key_say_the_same(number: int, seed: int | None) -> None:
    name, key = trial_name(number, seed), trial_key(number, seed)
    assert (name_of_key(key), key_of_name(name)) == (name, key)
    assert (name_of_key("sweep"), key_of_name("sweep")) == ("sweep", "sweep")


def test_no_other_module_writes_them_by_hand() -> None:
    by_hand = re.compile(r"\bt\{[^}]*:0[34]d\}|t%0[34]d")
    files = [
        file
        for room in ("cluster", "search_spaces", "tracking", "workloads")
        for file in (ROOT / room).rglob("*.py")
    ]
    assert [file.name for file in files if by_hand.search(file.read_text())] == ["trial_names.py"]
