"""A resumed sweep's data: the same as it began with, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster.sweep.data_process import Loaded
from cluster.sweep.home import SweepHome
from cluster.sweep.restore import DataChanged, check_card
from search_spaces.spec.data import Data
from search_spaces.study.study import Study
from workloads.data.prepare import prepare

CHANGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "a class renamed": lambda t: t.assign(kind=t["kind"].replace("eel", "fox")),
    "a label": lambda t: t.assign(kind=["dog", *t["kind"][1:]]),
    "a number": lambda t: t.assign(a=[0.5, *t["a"][1:]]),
    "a column renamed": lambda t: t.rename(columns={"a": "b"}),
}


def loaded(path: Path, table: pd.DataFrame) -> Loaded:
    table.to_csv(path, index=False)
    found = prepare(Data(csv=str(path), target="kind"))
    return Loaded(found.search, found.test, found.card.to_dict(), {})


@pytest.mark.parametrize("change", CHANGES)
def test_changed_data_is_refused_and_the_same_is_not(tmp_path: Path, change: str) -> None:
    kinds = np.array(["cat", "dog", "eel"])[np.arange(60) % 3]
    table = pd.DataFrame({"a": np.random.default_rng(0).normal(size=60), "kind": kinds})
    home = SweepHome("a1b2", tmp_path)
    study = Study(home.id, "maximize", home.journal)
    path = tmp_path / "t.csv"
    assert check_card(home, study, loaded(path, table)), "a new sweep"
    assert not check_card(home, study, loaded(path, table)), "resumed"
    with pytest.raises(DataChanged, match="the data has changed since sweep a1b2 began; start a new sweep"):
        check_card(home, study, loaded(path, CHANGES[change](table)))


def test_a_sweep_without_data_begins_once_and_keeps_no_card(tmp_path: Path) -> None:
    home = SweepHome("a1b2", tmp_path)
    study = Study(home.id, "maximize", home.journal)
    nothing = Loaded.nothing()
    assert list(nothing.news()) == [] and not nothing.search.given
    assert check_card(home, study, nothing), "a new sweep"
    assert not check_card(home, study, nothing), "resumed"
    assert not home.data.exists()
    with pytest.raises(DataChanged):
        check_card(home, study, loaded(tmp_path / "t.csv", pd.DataFrame({"a": range(60), "kind": ["x", "y"] * 30})))
