"""Paths among hyperparameters: folders beside the spec are found from anywhere, and travel with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.targets.package import travelling_spec
from search_spaces.spec.stored import from_json, to_json
from search_spaces.spec.sweep import Sweep, parse_sweep
from workloads.registry import catalogue

SPEC = """workload: language
data: {csv: r.csv, target: label, text: review}
parameters:
  model: %s
  lr: {min: 0.001, max: 0.1, log: true}
  trained_layers: {values: [1, 2]%s}
start_from: [%s]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("own/mini", "own/other", "elsewhere", "sent/mini"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "own" / "r.csv").write_text("review,label\nfine film,1\ndull one,0\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "own"


def parsed(folder: Path, model: str, when: str = "", first: str = "", *overrides: str) -> Sweep:
    return parse_sweep(SPEC % (model, when, first), "s.yaml", folder, overrides, catalogue=catalogue())


@pytest.mark.parametrize("text", ["mini", "./mini", "../own/mini", "none/../mini"])
def test_a_folder_is_relative_to_the_spec(folder: Path, text: str) -> None:
    (folder / "none").mkdir()
    sweep = parsed(folder, text)
    assert sweep.constants["model"] == str(folder / "mini")
    assert from_json(to_json(sweep), "s.json").constants == sweep.constants


@pytest.mark.parametrize("text", ["none", "bert-base-uncased", "google/bert", "models:/a@champion", "http://x/y"])
def test_other_names_stay(folder: Path, text: str) -> None:
    (folder / "none").mkdir()
    (folder.parent / "elsewhere" / "bert-base-uncased").mkdir()
    assert parsed(folder, text).constants["model"] == text


def test_paths_are_settled_wherever_the_spec_has_them(folder: Path) -> None:
    mini, other = str(folder / "mini"), str(folder / "other")
    sweep = parsed(folder, "{values: [mini, other, hub/name]}", ", when: {model: mini}", "{model: other, lr: 0.01}")
    assert sweep.space.domains["model"].grid() == (mini, other, "hub/name")
    assert sweep.space.when["trained_layers"] == {"model": (mini,)}
    assert sweep.start_from[0]["model"] == other
    assert parsed(folder, "mini", "", "", "parameters.model=other").constants["model"] == other


def test_models_travel_where_their_folder_is_sent(folder: Path) -> None:
    outside = folder.parent / "elsewhere"
    text, staying = travelling_spec(parsed(folder, f"{{values: [mini, {outside}, hub/name]}}"), folder)
    assert staying == [str(outside)]
    (folder.parent / "sent" / "r.csv").write_text((folder / "r.csv").read_text())
    there = parse_sweep(text, "s.yaml", folder.parent / "sent", catalogue=catalogue())
    values = (str(folder.parent / "sent" / "mini"), str(outside), "hub/name")
    assert there.space.domains["model"].grid() == values
