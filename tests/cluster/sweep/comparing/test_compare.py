"""`paceline compare`: champions on shared test rows, or apart, and the values of a hyperparameter."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import paceline
from cluster.sweep.comparing.by_parameter import _labels, held, said
from cluster.sweep.home import SweepHome
from cluster.terminal.formatting import interval, measure
from cluster.terminal.records import Row, best_by
from search_spaces.study.study import Study
from search_spaces.types.driver_errors import SweepError
from search_spaces.types.objective import Objective
from tests.helpers.commands import told
from tests.helpers.finished_sweep_without_ray import FAILING, raced
from tracking.results.groups import groups, pairs
from tracking.results.intervals import crossed
from workloads.data.prepare import prepare
from workloads.legs import predictions
from workloads.tasks.classification import Classification


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def judged(sure: float, *overrides: str, seeds: tuple[int, ...] = (1, 2, 3)) -> tuple[SweepHome, np.ndarray]:
    """A sweep whose champion has been scored on the test rows, with these scores by seed and row.

    The surer it is of the true class the more rows it hits.
    """
    home = raced("trials=3", *overrides)
    found = prepare(home.sweep().data, home.sweep().problem)
    card: Mapping[str, Any] = found.card.to_dict()
    home.data.write_text(
        json.dumps({"card": card, "indices": {k: list(map(int, v)) for k, v in found.indices.items()}})
    )
    y = torch.tensor(found.test.y)
    study = Study(home.id, home.sweep().goals, home.journal)
    hits = []
    for seed in seeds:
        torch.manual_seed(100 * seed + round(10 * sure))
        logits = torch.randn(1, len(y), 3) + sure * torch.nn.functional.one_hot(y, 3)
        values = {"logits": logits, "loss": torch.nn.functional.cross_entropy(logits.mT, y[None], reduction="none")}
        predictions.keep(str(home.checkpoints), f"t0001-s{seed}", Classification(), values, y)
        hits.append((logits[0].argmax(1) == y).numpy().astype(float))
        entry = {"trial": 1, "seed": seed, "state": "done", "epoch": 9, "values": {"9": 0.5}}
        study.set(f"final:t0001-s{seed}", entry | {"test": {"test_accuracy": float(hits[-1].mean())}})
    rows = np.stack(hits)
    low, high = crossed(rows, "share")
    winner = {"number": 1, "params": {}, "mean": float(rows.mean()), "ci95": [low, high], "seeds": len(seeds)}
    study.set("verdict", {"metric": "test_accuracy", "winner": winner, "default": None, "difference": None})
    study.flush()
    return home, rows


def test_champions_are_compared_by_row_and_seed_on_the_rows_that_they_share(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (weak, of_weak), (strong, of_strong) = judged(0.0), judged(6.0, "workload=mlp", "trials=4")
    document = json.loads(told(capsys, "compare", weak.id, strong.id, "--json"))
    (found,) = document["differences"]
    low, high = crossed(of_strong - of_weak, "difference")
    assert found["mean"] == pytest.approx(of_strong.mean() - of_weak.mean())
    assert found["ci95"] == pytest.approx([low, high]) and found["paired"]
    assert found["said"] == f"{strong.id} is better than {weak.id}: the 95 % interval excludes 0."
    assert "paired by 27 test rows and by seed" in told(capsys, "compare", strong.id, weak.id)
    assert [one["champion"] for one in document["sweeps"]] == [1, 1]
    assert document["spec"] == {"workload": ["softmax", "mlp"], "trials": [3, 4]}
    text = told(capsys, "compare", weak.id, strong.id)
    assert all(len(line) <= 80 for line in text.splitlines() if not line.startswith("No "))
    assert f"{strong.id} − {weak.id}  +{measure(found['mean'])}  {interval(found['ci95'])}\n" in text
    assert re.search(r"\nworkload +softmax  +mlp\n", text) and re.search(r"\ntrials +3  +4\n", text)


def test_there_is_no_winner_inside_the_noise(capsys: pytest.CaptureFixture[str]) -> None:
    (first, _), (second, _) = judged(2.0), judged(2.1)
    assert "No difference is shown" in told(capsys, "compare", first.id, second.id)


def test_other_test_rows_other_seeds_and_other_data_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    first, _ = judged(2.0)
    others = [judged(2.0, "data.split.seed=5")[0], judged(2.0, seeds=(7, 8))[0], judged(2.0, "data.name=iris")[0]]
    document = json.loads(told(capsys, "compare", first.id, *(one.id for one in others), "--json"))
    how = [one["how"] for one in document["differences"]]
    assert how[0] == "apart: the same data, but other test rows" and how[1] == "apart: no seed in common"
    assert how[2] == "the data differs, wine and iris" and document["differences"][2]["mean"] is None
    wide = document["differences"][0]["ci95"]
    assert wide[1] - wide[0] > 0.1


def test_where_predictions_are_gone_seeds_alone_count_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    (first, _), (second, _) = judged(1.0), judged(4.0)
    for path in Path(second.checkpoints).rglob("predictions.npz"):
        path.unlink()
    (found,) = json.loads(told(capsys, "compare", first.id, second.id, "--json"))["differences"]
    assert found["over"] == "seeds" and "by seeds alone" in found["how"]


def test_a_sweep_without_a_verdict_or_with_another_metric_is_refused_or_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, _ = judged(2.0)
    empty = raced("name=other")
    said = told(capsys, "compare", first.id, empty.id, code=2)
    assert f"sweep {empty.id} has no final evaluation" in said and "paceline resume" in said
    with empty.driven():
        assert "it still runs" in told(capsys, "compare", first.id, empty.id, code=2)
    assert "name two" in told(capsys, "compare", first.id, first.id, code=2)
    assert "nor is 'lrr' a hyperparameter" in told(capsys, "compare", first.id, "lrr", code=2)
    assert "did you mean 'lr'" in told(capsys, "compare", first.id, "lrr", code=2)


def test_champions_that_score_the_same_in_every_row_have_an_interval_for_other_rows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (first, rows), (second, _) = judged(2.0), judged(2.0, "name=twin")
    (found,) = json.loads(told(capsys, "compare", first.id, second.id, "--json"))["differences"]
    assert found["mean"] == 0 and "which score the same one by one" in found["how"]
    assert found["said"].startswith(f"{second.id} and {first.id} score the same in every test row; on other rows")
    num_rows = rows.shape[1]
    assert found["ci95"] == pytest.approx([-2 / num_rows, 2 / num_rows], rel=0.05)


def itself(name: str, score: float, workload: str = "softmax") -> SweepHome:
    """A sweep that says to be of a function that measured itself, with these scores by seed, of unknown rows."""
    home = judged(2.0, f"name={name}", f"workload={workload}")[0]
    study = Study(home.id, home.sweep().goals, home.journal)
    for seed in (1, 2, 3):
        entry = {"trial": 1, "seed": seed, "state": "done", "epoch": 9, "values": {"9": 0.5}}
        study.set(f"final:t0001-s{seed}", entry | {"test": {"test_accuracy": score + seed / 100}})
    study.set("verdict", {**study.facts()["verdict"], "tested_by": workload})
    study.flush()
    return home


@pytest.mark.parametrize(
    ("workload", "kept", "how", "condition"),
    [
        ("softmax", False, "by seeds alone: nothing is known of the test rows", False),
        ("softmax", True, "by seeds alone: code of the user's measured itself, and kept no scores of rows", False),
        ("mlp", False, "by seeds alone: it holds if both measured themselves on the same test data", True),
    ],
)
def test_functions_with_test_data_of_their_own_are_paired_by_seed_and_what_that_rests_on_is_said(
    workload: str, kept: bool, how: str, condition: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = itself("one", 0.5), itself("other", 0.7, workload)
    if not kept:
        for home in (first, second):
            home.data.unlink()
    (found,) = json.loads(told(capsys, "compare", first.id, second.id, "--json"))["differences"]
    assert found["paired"] and found["over"] == "seeds" and how in found["how"]
    assert found["mean"] == pytest.approx(0.2)
    assert f"{second.id} is better than {first.id}" in found["said"]
    assert ("That holds if both measured themselves on the same test data" in found["said"]) == condition


def planted(trial: int, epoch: int) -> float:
    """Trials of batch size 32 are better by 0.2, known only when it runs: even numbers have 64."""
    return 0.5 + 0.2 * (trial % 2) + trial / 1000 + epoch / 1000


def test_a_planted_difference_between_two_values_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    start = ", ".join(f"{{batch_size: {64 if k % 2 == 0 else 32}, lr: {0.001 * (k + 1)}}}" for k in range(12))
    home = raced("trials=13", f"start_from=[{start}]", score=planted)
    document = json.loads(told(capsys, "compare", home.id, "batch_size", "--json"))
    early = document["views"][0]
    groups = {one["value"]: one for one in early["groups"]}
    assert sum(one["trials"] for one in groups.values()) == document["trials"]
    assert document["left_out"] >= 1, f"t{FAILING:03d} failed"
    (pair,) = early["pairs"]
    assert pair["mean"] == pytest.approx(groups[pair["first"]]["mean"] - groups[pair["second"]]["mean"])
    text = told(capsys, "compare", home.id, "lr")
    assert "which all" in text and " to " in text and "An association, not an effect" in text


def test_a_trial_counts_up_to_the_epoch_at_which_the_hyperparameter_changed() -> None:
    changes = [{"epoch": 4, "source": 2, "params": {"lr": 0.1}}]
    row = Row(
        number=0,
        state="done",
        epochs=9,
        value=0.5,
        best_value=0.5,
        params={"lr": 0.2},
        curve=dict.fromkeys(range(1, 10), 0.5),
        changes=changes,
    )
    assert held(row, "lr") == 4 and held(row, "momentum") == 9


def test_values_of_a_script_are_compared_by_its_steps() -> None:
    row = Row(
        number=0, state="stopped", epochs=300, value=0.1, best_value=0.9, params={}, curve={100: 0.5, 300: 0.9}
    )
    assert held(row, "lr") == 300 and [
        best_by(row, step, Objective("score", "maximize")) for step in (50, 100, 299, 300)
    ] == [None, 0.5, 0.5, 0.9]


def test_specs_differ_by_whole_hyperparameters_in_few_words(capsys: pytest.CaptureFixture[str]) -> None:
    (first, _), (second, _) = (
        judged(2.0),
        judged(2.0, "parameters.lr=0.5", "early_terminate=none", "data.split.seed=3"),
    )
    spec = json.loads(told(capsys, "compare", first.id, second.id, "--json"))["spec"]
    assert set(spec) == {"parameters.lr", "early_terminate", "data.split"} and spec["parameters.lr"][1] == 0.5
    text = told(capsys, "compare", first.id, second.id)
    assert re.search(r"\nparameters\.lr +0\.0001 to 0\.1, log +0\.5\n", text), text


def test_one_value_alone_is_nothing_to_compare() -> None:
    assert said([], []) == "There is one value alone: nothing to compare."


def test_values_that_all_score_the_same_have_no_best_one_and_a_single_trial_is_named_as_that() -> None:
    up = Objective("val_accuracy", "maximize")
    same = groups({"a": [1.0, 1.0], "b": [1.0]}, up)
    assert said(same, []) == "No difference is shown: the mean is the same with each value."
    values = {"alone": [0.9], "b": [0.5, 0.6], "c": [0.1, 0.11]}
    ordered = groups(values, up)
    told_ = said(ordered, pairs(values, [one.label for one in ordered]))
    assert told_.startswith("alone is best on average; with so few trials of it")


def test_values_that_round_to_the_same_digits_are_not_one_value() -> None:
    assert _labels({0: 0.9999, 1: 1.0, 2: None, 3: 0.999}) == {0: "0.9999", 1: "1", 2: "null", 3: "0.999"}


def test_python_compares_as_the_command_does(capsys: pytest.CaptureFixture[str]) -> None:
    (weak, _), (strong, _) = judged(0.0), judged(6.0)
    found = paceline.load(weak.id).compare(paceline.load(strong.id))
    assert found.to_dict() == json.loads(told(capsys, "compare", weak.id, strong.id, "--json"))
    assert found.said == [f"{strong.id} is better than {weak.id}: the 95 % interval excludes 0."]
    (difference,) = found.document["differences"]
    row = found.table.set_index("sweep").loc[strong.id]
    assert [row["difference_mean"], row["difference_low"]] == [difference["mean"], difference["ci95"][0]]
    assert found.table.set_index("sweep").loc[weak.id, "mean"] == found.document["sweeps"][0]["mean"]
    assert repr(found) in told(capsys, "compare", weak.id, strong.id).replace("\r", "")
    assert found.said[0] in found._repr_html_() and "<table" in found._repr_html_()
    by_lr = paceline.load(weak.id).compare("lr")
    assert by_lr.to_dict() == json.loads(told(capsys, "compare", weak.id, "lr", "--json"))
    assert list(by_lr.table["best"]) and repr(by_lr).startswith(f"{weak.id}: val_accuracy by lr")
    assert paceline.load(strong.id).compare(weak.id).to_dict()["sweeps"][0]["sweep"] == strong.id


def test_python_refuses_what_cannot_be_compared() -> None:
    home, _ = judged(2.0)
    result = paceline.load(home.id)
    with pytest.raises(SweepError, match="with another one"):
        result.compare(result)
    with pytest.raises(SweepError, match="has no final evaluation"):
        result.compare(raced("name=other").id)
    with pytest.raises(LookupError, match="searches lr, batch_size"):
        result.compare("nothing-like-it")
