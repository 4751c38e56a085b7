"""Every hyperparameter is documented, where it is declared and in the README."""

from __future__ import annotations

import re

import pytest

from search_spaces.space.hyperparameters import hyperparameters
from tests.helpers.paths import ROOT
from workloads.hyperparameters import Nonlinearity, Training
from workloads.registry import WORKLOADS, workload

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", WORKLOADS)
def test_each_has_a_meaning_and_a_range(name: str) -> None:
    for known in hyperparameters(workload(name).hyperparameters).values():
        assert len(known.doc) > 5, known.name
        assert known.fault(known.default) is None, known.name
        if known.type in (int, float):
            assert known.low is not None, f"{known.name} may be any number"


@pytest.mark.parametrize("name", hyperparameters(Training))
def test_the_readme_s_table_has_its_values_and_default(name: str) -> None:
    found = hyperparameters(Training)[name]
    (row,) = re.findall(rf"^\| `{found.name}` \| (.*?) \|", README, re.M)
    default = f"`{found.default}`" if found.type is str else f"{found.default:g}"
    shown = re.search(r"\((.*)\)$", row)
    assert shown is not None and shown[1].replace("1e-8", "1e-08") == default
    if found.choices:
        assert re.findall(r"`(\w+)`", row.rpartition(" (")[0]) == list(found.choices)
    else:
        assert f"{found.low:g}" in row and (found.high is None or f"{found.high:g}" in row)


def test_the_readme_names_what_shapes_activations() -> None:
    for name in hyperparameters(Nonlinearity):
        assert f"`{name}`" in README
