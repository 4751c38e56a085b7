"""The result of a sweep from Python: what is on disk, in the words and schemas that are documented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import paceline
from cluster.sweep.document import document
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading
from cluster.terminal.formatting import measure
from search_spaces.study.study import Study
from search_spaces.types.driver_errors import SweepError
from search_spaces.types.values import value_of
from tests.helpers.finished_sweep_without_ray import CARD, raced, tracked
from tracking import names
from tracking.results.exact_values import with_exact_values
from tracking.results.table import HISTORY, typed

VERDICT = {"winner": {"number": 8}, "default": {}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def saved(home: SweepHome, key: str, epoch: int, weight: float) -> None:
    """Write a checkpoint as a leg does."""
    import torch

    from workloads.legs import checkpoint
    from workloads.training.setup import MemberState

    about = checkpoint.Progress(epoch=epoch, seed=3, params={"lr": 0.1}, best_epoch=epoch - 1, best_value=0.9)
    state = MemberState({"weight": torch.tensor([weight])}, {})
    best = MemberState({"weight": torch.tensor([-weight])}, {}) if "-s" in key else None
    checkpoint.save(f"{home.checkpoints}/{key}/e{epoch:04d}", about, state, best)


def test_a_result_tells_what_show_does() -> None:
    home = raced()
    found = paceline.load()
    assert found.to_dict() == document(Reading.of(home))
    assert (found.id, found.name, found.state, found.verdict) == (home.id, "wines", "finished", None)
    best, recommended = found.best, found.recommended
    assert best is not None and recommended is not None
    told = found.to_dict()
    assert vars(best) == {key: told["best"][key] for key in ("number", "value", "params", "by")}
    assert (recommended.mean, recommended.seeds, recommended.ci95) == (best.value, 1, None)
    value = f"val_accuracy {measure(best.value)}"
    assert repr(found) == f"<sweep {home.id} (wines): finished, 9 trials, best t00{best.number} {value}>"


def test_a_sweep_without_a_value_has_no_best() -> None:
    raced(most_legs=0)
    found = paceline.load("wines")
    assert (found.state, found.best, found.recommended) == ("stopped", None, None)
    assert "0 trials" in repr(found) and "<table" not in found._repr_html_()
    with pytest.raises(SweepError, match="no trial with a value"):
        found.checkpoint()


def test_what_is_wrong_with_a_home_is_told() -> None:
    home = raced()
    home.spec.write_text("trials: 100\n")
    with pytest.warns(UserWarning, match=r"sweep\.yaml was changed since it was written"):
        assert paceline.load().state == "finished"


def test_the_view_in_a_notebook_is_html_without_what_could_be_markup() -> None:
    raced("name=<b>&", score=lambda trial, epoch: 0.5)
    html = paceline.load()._repr_html_()
    assert "&lt;b&gt;&amp;" in html and "<b>&" not in html
    assert html.count("<tr>") == 10, "a head, and the trials that have a value"


def test_trials_and_curves_are_tables_and_an_absent_store_is_told(
    sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", sqlite_uri)
    home = raced(tracking={"uri": sqlite_uri}, card=CARD)
    tracker = tracked(home)
    tracker.writer.epoch("t0003", 1, {"val_accuracy": 0.5})
    assert tracker.close(60)
    found = paceline.load()
    assert found.trials["trial"].tolist() == list(range(9))
    assert {"val_accuracy", "best_val_accuracy", "lr", "batch_size"} <= set(found.trials)
    assert list(found.history) == list(HISTORY) and found.history["value"].tolist() == [0.5]
    raced(tracking={"uri": "sqlite:////nowhere/gone.db"})
    with pytest.raises(SweepError, match=r"MLflow cannot be asked: .*nowhere"):
        _ = paceline.load().trials


def test_weights_are_read_without_paceline(tmp_path: Path) -> None:
    import json

    import torch

    finals: dict[str, Any] = {
        f"final:8-{seed}": {"trial": 8, "checkpoint": f"/moved/t0008-s{seed}/e0009", "values": {"9": value}}
        for seed, value in ((1, 0.7), (2, 0.9), (3, 0.8))
    }
    home = raced(verdict=VERDICT, **finals)
    saved(home, "t0003", 2, 1.0)
    saved(home, "t0003", 4, 2.0)
    saved(home, "t0008", 9, 3.0)
    saved(home, "t0008-s2", 9, 4.0)
    saved(home, "t0008-s3", 9, 5.0)
    found = paceline.load()
    folder = found.checkpoint(3)
    about = json.loads((folder / "trial.json").read_text())
    assert torch.load(folder / "model.pt", weights_only=True) == {"weight": torch.tensor([2.0])}
    assert (about["trial"], about["epoch"], about["seed"], set(about["params"])) == (3, 4, 3, {"lr", "batch_size"})
    champion = found.checkpoint(folder=tmp_path / "champion")
    assert torch.load(champion / "model.pt", weights_only=True) == {"weight": torch.tensor([-4.0])}
    assert json.loads((champion / "trial.json").read_text())["epoch"] == 8, "that of its best weights"
    with pytest.raises(SweepError, match="is there already"):
        found.checkpoint(3, champion)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for taken, told in (
        ("file", "is there already"),
        ("link", "is there already"),
        ("file/in", "cannot be written"),
    ):
        with pytest.raises(SweepError, match=told):
            found.checkpoint(3, tmp_path / taken)
    assert (tmp_path / "file").read_text() == "mine"
    with pytest.raises(SweepError, match=r"no checkpoint of trial t004 any more: .* here t003, t008"):
        found.checkpoint(4)
    with pytest.raises(SweepError, match="has no trial 99: it has 9"):
        found.checkpoint(99)
    assert found.checkpoint(3) == folder, "its own folder is written anew"
    (home.path / "checkpoints/t0003/e0004/weights.pt").write_bytes(b"torn")
    assert torch.load(found.checkpoint(3) / "model.pt", weights_only=True) == {"weight": torch.tensor([1.0])}


def test_a_result_knows_what_was_written_since_it_was_looked_at() -> None:
    home = raced(most_legs=3)
    found = paceline.load()
    assert found.state == "stopped" and found._read is found._read
    study = Study(home.id, "maximize", home.journal)
    study.set("phase", "finished")
    study.flush()
    assert found.state == "finished"


ODD = [
    1,
    1.0,
    True,
    None,
    "1",
    "true",
    "",
    [1, None, {"b": 2.0}],
    {"a": 1},
    2**70,
    -(2**63),
    -0.0,
    1e300,
    "2020-01-01",
]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (ODD, "object"),
        (["1", "2"], "string"),
        ([1, 2**63 - 1, None], "Int64"),
        ([1, 2**63], "object"),
        ([True, False], "boolean"),
        ([0.5, 1.0], "Float64"),
        ([1, 0.5], "object"),
    ],
)
def test_a_table_has_values_as_they_were_drawn(values: list[Any], dtype: str) -> None:
    texts = [names.clean_param(value_of(value)) for value in values]
    table = pd.DataFrame({"trial": pd.array(range(len(values)), dtype="Int64"), "x": typed(texts)})
    drawn = {number: {"x": value_of(value)} for number, value in enumerate(values)}
    found = with_exact_values(table, drawn)["x"]
    assert found.dtype == dtype
    got = [None if value is pd.NA else value for value in found.tolist()]
    assert [(repr(value), type(value)) for value in got] == [(repr(value), type(value)) for value in values]
