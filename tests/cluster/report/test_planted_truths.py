"""What was planted is found, and told in terminal, JSON, report and MLflow alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster.report import importance, verdict
from cluster.report.records import Records
from cluster.sweep.mlflow_notes import notes
from cluster.sweep.reading import Reading
from cluster.sweep.tracker import _reasons, final_metrics, final_tags
from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import LOSS
from tests.helpers.commands import told
from tests.helpers.large_sweep import large_sweep
from workloads.arrays import Arrays
from workloads.champion.overfitting import judge
from workloads.data.search_data import SearchData
from workloads.data.statistics import fit
from workloads.legs.runner import LegRunner, LegSetting


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    monkeypatch.chdir(tmp_path)
    return Records(Reading.of(large_sweep("trials=60", "epochs=12")))


def test_the_hyperparameter_that_matters_is_first_everywhere(
    records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    """The value of ``large_sweep`` depends on lr by far the most, then on dropout."""
    text, document = told(capsys, "show"), json.loads(told(capsys, "show", "--json"))
    shares = document["importance"]
    assert next(iter(shares)) == "lr" and shares["lr"] > 2 * max(s for name, s in shares.items() if name != "lr")
    percent = f"{100 * shares['lr']:.0f} %"
    after = text[text.index("hyperparameter importance") :].splitlines()[1].split()
    assert after[:3] == ["lr", *percent.split()]
    section = importance.section(records)
    assert section is not None and section.says.startswith(f"lr matters most for val_accuracy: {percent}")
    (note,) = notes.of_importance(shares)
    assert f": `lr` {percent}," in note


def test_a_baseline_that_wins_is_said_to_in_the_same_words_everywhere(
    records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    judged, objective = records.verdict, records.objective
    assert judged is not None
    (winning,) = [one for one in judged["baselines"] if one["difference"]["mean"] < 0]
    said = winning["said"]
    assert said.startswith(f"The champion does NOT beat {winning['name']}: it is worse by")
    assert said in " ".join(told(capsys, "show").split())
    assert said in json.loads(told(capsys, "show", "--json"))["verdict"]["warnings"]
    section = verdict.section(records)
    assert said in section.warnings and said not in section.says
    assert f"**{said}**" in _reasons(judged, objective) and said in final_tags(judged)["sweep.baselines"]
    assert final_metrics(judged, objective)["test_accuracy_gain_vs_baseline"] == winning["difference"]["mean"]


def curves_of(search: SearchData, lr: float, folder: Path, epochs: int = 24) -> dict[str, list[float]]:
    """Train a wide perceptron on the data; return its losses by epoch."""
    params = {"lr": lr, "batch_size": 16, "width": 64, "depth": 1, "optimizer": "adam"}
    lane = LegRunner(LegSetting("mlp", LOSS, str(folder), device="cpu"), search)
    member = Member(trial=0, seed=1, params=params)
    lane.start(Leg(id=0, start=0, stop=epochs, horizon=epochs, members=(member,)))
    found: dict[str, list[float]] = {"train_loss": [], "val_loss": []}
    while not lane.done:
        (one,) = lane.epoch()
        for name, values in found.items():
            values.append(one.metrics[name])
    return found


def labelled(by_chance: bool) -> SearchData:
    """Return rows with labels that are drawn by chance, or follow from the sign of the first feature."""
    rng = np.random.default_rng(0)

    def rows() -> Arrays:
        x = rng.normal(size=(160, 12))
        return Arrays(x, rng.integers(0, 2, 160) if by_chance else (x[:, 0] > 0).astype(np.int64))

    train = rows()
    return SearchData(train, rows(), fit(train.x), 2)


def words_of(by_chance: bool, folder: Path) -> str:
    search = labelled(by_chance)
    curves: Mapping[str, Any] = curves_of(search, 0.01 if by_chance else 1e-3, folder)
    judged = judge(curves, 1 + int(np.argmin(curves["val_loss"])))
    assert judged is not None
    return judged.words


def test_a_planted_overfit_is_called_one_everywhere_and_what_generalises_is_not(
    records: Records, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels by chance can only be learned by heart; a rule is still being learned at a small learning rate."""
    words = words_of(True, tmp_path / "chance")
    assert ": overfitting; the weights of epoch " in words and "while the training loss falls" in words
    assert ": overfitting" not in words_of(False, tmp_path / "rule")
    assert records.verdict is not None
    judged = {**records.verdict, "overfitting": words}
    records.read.study.set("verdict", judged)
    records.read.study.flush()
    sentence = f"{words[0].upper()}{words[1:]}."
    assert sentence in " ".join(told(capsys, "show").split())
    assert json.loads(told(capsys, "show", "--json"))["verdict"]["overfitting"] == words
    assert sentence in verdict.section(Records(Reading.of(records.read.home))).says
    assert sentence in _reasons(judged, records.objective)
