"""The winner, looked at: numbers that agree with scikit-learn and by hand, and files that open."""

from __future__ import annotations

import csv
import io
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from torch import nn

from search_spaces.race.legs import Leg, Member
from search_spaces.spec.data import Data
from search_spaces.types.inspection import Inspection
from search_spaces.types.objective import Objective
from search_spaces.types.problems import Problem
from tracking.results.report import files
from workloads.champion.inspection import inspect, layers
from workloads.champion.overfitting import judge
from workloads.champion.winner import Subject, load, outputs
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared
from workloads.legs.runner import LegRunner, LegSetting

METRIC = {"classification": Objective("val_accuracy", "maximize"), "regression": Objective("val_rmse", "minimize")}


def looked_at(
    folder: Path, name: str, problem: Problem, epochs: int = 6, workload: str = "mlp"
) -> tuple[Prepared, Subject, Inspection]:
    prepared = prepare(Data(name=name), problem)
    objective = METRIC[problem]
    lane = LegRunner(LegSetting(workload, objective, str(folder), "cpu"), prepared.search, prepared.test)
    member = Member(trial=0, seed=1, params={"lr": 0.02})
    lane.start(Leg(id=0, start=0, stop=epochs, horizon=epochs, members=(member,), purpose="final"))
    while not lane.done:
        lane.epoch()
    [saved] = lane.save()
    rows = prepared.indices["val"].tolist()
    subject = Subject(workload=workload, checkpoint=saved.uri, objective=objective, rows=rows)
    return prepared, subject, inspect(subject, prepared.search, prepared.test)


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Prepared, Subject, Inspection]:
    return looked_at(tmp_path_factory.mktemp("wine"), "wine", "classification")


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Prepared, Subject, Inspection]:
    return looked_at(tmp_path_factory.mktemp("digits"), "digits", "classification", 4, "softmax")


@pytest.fixture(scope="module")
def diabetes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Prepared, Subject, Inspection]:
    return looked_at(tmp_path_factory.mktemp("diabetes"), "diabetes", "regression")


def test_confusion_and_class_scores_are_scikit_learn_s(digits: tuple[Prepared, Subject, Inspection]) -> None:
    prepared, subject, found = digits
    predicted = outputs(load(subject, prepared.search), prepared.test)["logits"].argmax(1)
    assert found.confusion is not None and not found.failed
    assert np.array_equal(found.confusion.counts, confusion_matrix(prepared.test.y, predicted))
    expected = precision_recall_fscore_support(prepared.test.y, predicted, zero_division=0)
    ours = [[getattr(s, key) for s in found.classes] for key in ("precision", "recall", "f1", "examples")]
    assert np.array(ours) == pytest.approx(np.array(expected))


def test_the_worst_mistakes_are_validation_examples_with_their_images(
    digits: tuple[Prepared, Subject, Inspection],
) -> None:
    prepared, subject, found = digits
    values = outputs(load(subject, prepared.search), prepared.search.val)
    wrong = values["logits"].argmax(1) != prepared.search.val.y
    assert 0 < len(found.mistakes) == min(24, wrong.sum())
    assert found.mistakes[0].badness == pytest.approx(values["loss"][wrong].max())
    worst = prepared.indices["val"].tolist().index(found.mistakes[0].row)
    assert found.mistakes[0].truth == prepared.card.classes[prepared.search.val.y[worst]]
    assert found.mistakes[0].predicted != found.mistakes[0].truth
    assert all(a.badness >= b.badness for a, b in zip(found.mistakes, found.mistakes[1:], strict=False))
    assert found.pictures is not None
    with Image.open(io.BytesIO(found.pictures)) as sheet:
        assert sheet.format == "PNG" and sheet.width > 6 * 90


def test_importance_is_what_shuffling_a_column_costs(wine: tuple[Prepared, Subject, Inspection]) -> None:
    prepared, _, found = wine
    assert {c.column for c in found.importance} == set(prepared.card.features)
    means = [c.mean for c in found.importance]
    assert means == sorted(means, reverse=True) and means[0] > 0


def test_a_column_without_effect_has_no_importance(tmp_path: Path) -> None:
    prepared, subject, _ = looked_at(tmp_path, "wine", "classification", 1)
    model = load(subject, prepared.search).model
    first = next(m for m in model.modules() if isinstance(m, nn.Linear))
    assert first.in_features == len(prepared.card.features)
    path = Path(subject.checkpoint, "weights.pt")
    record = torch.load(path, weights_only=True)
    names = [n for n, p in model.named_parameters() if p is first.weight]
    for weights in (record["best"], record["model"]):
        weights[names[0]][:, 3] = 0.0
    rewrite(path, record)
    found = inspect(subject, prepared.search, prepared.test)
    [dead] = [c for c in found.importance if c.column == prepared.card.features[3]]
    assert (dead.mean, dead.std) == (0.0, 0.0)


def rewrite(path: Path, record: object) -> None:
    """The weights of a checkpoint, and its check sum with them."""
    import json
    import zlib

    torch.save(record, path)
    state = path.with_name("state.json")
    noted = json.loads(state.read_text())
    noted["weights"] = {"bytes": len(path.read_bytes()), "crc32": zlib.crc32(path.read_bytes())}
    state.write_text(json.dumps(noted))


def test_of_a_regression_pairs_and_the_largest_errors(diabetes: tuple[Prepared, Subject, Inspection]) -> None:
    prepared, _, found = diabetes
    assert found.confusion is None and not found.failed
    truths = [truth for truth, _ in found.pairs]
    assert truths == pytest.approx(prepared.test.y[:, 0].tolist())
    rmse = math.sqrt(np.mean([(truth - guess) ** 2 for truth, guess in found.pairs]))
    assert 30 < rmse < 120, "in the target's own units"
    worst = found.mistakes[0]
    assert worst.badness == pytest.approx(abs(float(worst.truth) - float(worst.predicted)), rel=1e-3)
    assert set(worst.example) == set(prepared.card.features)


def test_layers_tell_sizes_norms_and_what_is_frozen() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2, bias=False))
    model[0].bias.requires_grad_(False)
    found = layers(model)
    assert [(layer.name, layer.size, layer.trainable) for layer in found] == [
        ("0.weight", 12, True),
        ("0.bias", 3, False),
        ("1.weight", 6, True),
    ]
    assert found[0].norm == pytest.approx(float(model[0].weight.detach().norm()))
    assert layers(nn.Flatten()) == []


def falling(num: int, end: float = 0.0) -> list[float]:
    return [end + math.exp(-3 * e / num) for e in range(num)]


@pytest.mark.parametrize(
    ("train", "val", "expected"),
    [
        (falling(30), [*falling(10, 0.2), *np.linspace(0.25, 0.9, 20)], "overfitting: validation loss lowest"),
        (falling(30), [*falling(10, 0.2), *[0.9] * 20], "overfitting: validation loss lowest"),
        (falling(30), falling(30, 0.1), "not converged"),
        (falling(30), [*falling(20), *[0.06] * 10], "beginning to overfit"),
        (falling(30), [*falling(20), *[0.06] * 9, 0.0575], "no clear overfitting: validation loss lowest 0.0575"),
        ([*falling(20), *[0.05] * 10], [*falling(20, 0.1), *[0.15] * 10], "no clear overfitting"),
    ],
)
def test_overfitting_in_words(train: list[float], val: list[float], expected: str) -> None:
    found = judge({"train_loss": train, "val_loss": val}, int(np.argmin(val)) + 1)
    assert found is not None and found.words.startswith(expected)
    assert found.gap_last == pytest.approx(val[-1] - train[-1])
    gap = np.array(val[-found.window :]) - np.array(train[-found.window :])
    assert found.gap_trend == pytest.approx(np.polyfit(range(found.window), gap, 1)[0])


def test_short_and_broken_curves_are_not_judged() -> None:
    assert judge({}, 0) is None
    assert judge({"train_loss": [1, 0.5, 0.2], "val_loss": [1, 0.6, 0.4]}, 3) is None
    assert judge({"train_loss": [1.0] * 9, "val_loss": [math.nan] * 9}, 1) is None


def test_curves_survive_a_checkpoint_and_belong_to_the_verdict_alone(
    wine: tuple[Prepared, Subject, Inspection],
) -> None:
    _, _, found = wine
    assert {len(curve) for curve in found.curves.values()} == {6}
    assert {"train_loss", "val_loss", "val_accuracy"} <= set(found.curves)


AXES = {
    "curves": ["epoch", "loss", "training", "validation"],
    "confusion": ["predicted class", "true class"],
    "pairs": ["truth", "prediction"],
    "importance": [],
    "layers": ["value of a weight", "weights"],
}


@pytest.mark.parametrize("name", ["wine", "digits", "diabetes"])
def test_every_file_opens_and_needs_no_network(name: str, request: pytest.FixtureRequest) -> None:
    _, _, found = request.getfixturevalue(name)
    made = files(found, "a <title>")
    expected = {"curves.csv", "curves.svg", "layers.csv", "layers.svg", "mistakes.csv", "overfitting.csv"}
    more = {
        "wine": {"confusion.csv", "confusion.svg", "classes.csv", "importance.csv", "importance.svg"},
        "digits": {"confusion.csv", "confusion.svg", "classes.csv", "mistakes.png"},
        "diabetes": {"pairs.svg", "importance.csv", "importance.svg"},
    }
    missing = (expected | more[name] | {"report.html"}) - {Path(path).name for path in made}
    assert missing <= {"mistakes.csv"} and (not missing or not found.mistakes)
    assert sum(map(len, made.values())) < 200_000
    for path, content in made.items():
        if path.endswith(".svg"):
            words = [text.text for text in ET.fromstring(content).iter("{http://www.w3.org/2000/svg}text")]
            assert set(AXES[Path(path).stem]) <= set(words), (path, words)
            assert b"http" not in re.sub(rb"http://www.w3.org/(2000/svg|1999/xlink)", b"", content)
        if path.endswith(".csv"):
            rows = list(csv.reader(io.StringIO(content.decode())))
            assert len(rows) > 1 and len({len(row) for row in rows}) == 1, path
    page = made["verdict/report.html"].decode()
    assert "a &lt;title&gt;" in page and "http" not in re.sub("http://www.w3.org/(2000/svg|1999/xlink)", "", page)


def test_a_part_that_cannot_be_looked_at_is_told_and_the_others_stay(
    wine: tuple[Prepared, Subject, Inspection],
) -> None:
    prepared, subject, _ = wine
    broken = replace(prepared.test, y=prepared.test.y + 7)
    found = inspect(subject, prepared.search, broken)
    assert set(found.failed) == {"confusion"} and found.importance and found.layers
    assert "confusion could not be looked at" in files(found, "t")["verdict/report.html"].decode()
