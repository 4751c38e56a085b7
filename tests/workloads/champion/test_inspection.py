"""The winner, looked at: numbers that agree with scikit-learn and by hand, and files that open."""

from __future__ import annotations

import csv
import io
import math
import shutil
import subprocess
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
from tracking.pages.page import Page
from tracking.results.champion.catalogue import sections
from tracking.results.champion.head import Head
from tracking.results.report import dumped, files, read
from workloads.champion.inspection import inspect, layers
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
    assert found.mistakes[0].loss == pytest.approx(values["loss"][wrong].max())
    worst = prepared.indices["val"].tolist().index(found.mistakes[0].row)
    assert found.mistakes[0].truth == prepared.card.classes[prepared.search.val.y[worst]]
    assert found.mistakes[0].predicted != found.mistakes[0].truth
    assert all(a.loss >= b.loss for a, b in zip(found.mistakes, found.mistakes[1:], strict=False))
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
    assert found.errors is not None and found.errors.quantiles["50"] == pytest.approx(
        np.median([guess - truth for truth, guess in found.pairs]), abs=1e-3
    )
    worst = found.mistakes[0]
    assert worst.loss == pytest.approx(abs(float(worst.truth) - float(worst.predicted)), rel=1e-3)
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


def test_curves_survive_a_checkpoint_and_belong_to_the_verdict_alone(
    wine: tuple[Prepared, Subject, Inspection],
) -> None:
    _, _, found = wine
    assert {len(curve) for curve in found.curves.values()} == {6}
    assert {"train_loss", "val_loss", "val_accuracy"} <= set(found.curves)


@pytest.mark.parametrize("name", ["wine", "digits", "diabetes"])
def test_every_file_opens_and_needs_no_network(name: str, request: pytest.FixtureRequest) -> None:
    _, _, found = request.getfixturevalue(name)
    made = files(found, Head(title="a <title>"))
    expected = {"curves.csv", "layers.csv", "mistakes.csv", "overfitting.csv", "inspection.json"}
    of_classes = {"confusion.csv", "classes.csv", "ranking.csv", "calibration.csv"}
    more = {
        "wine": {*of_classes, "importance.csv", "dependence.csv"},
        "digits": {*of_classes, "mistakes.png"},
        "diabetes": {"pairs.csv", "errors.csv", "importance.csv", "dependence.csv"},
    }
    missing = (expected | more[name] | {"report.html"}) - {Path(path).name for path in made}
    assert missing <= {"mistakes.csv"} and (not missing or not found.mistakes)
    assert sum(map(len, made.values())) < 3_000_000
    for path, content in made.items():
        if path.endswith(".csv"):
            rows = list(csv.reader(io.StringIO(content.decode())))
            assert len(rows) > 1 and len({len(row) for row in rows}) == 1, path
    assert "a &lt;title&gt;" in made["verdict/report.html"].decode()
    assert dumped(read(made["verdict/inspection.json"])) == dumped(found)


def test_the_page_of_each_kind_has_its_sections(
    wine: tuple[Prepared, Subject, Inspection],
    digits: tuple[Prepared, Subject, Inspection],
    diabetes: tuple[Prepared, Subject, Inspection],
) -> None:
    of = {
        name: {section.id.removeprefix("champion-"): section for section in sections(found, Head())}
        for name, (_, _, found) in {"wine": wine, "digits": digits, "diabetes": diabetes}.items()
    }
    of_classes = {"curves", "confusion", "classes", "ranking", "calibration", "probabilities", "weights"}
    assert of_classes | {"importance", "dependence"} <= of["wine"].keys()
    assert of_classes | {"mistakes", "successes"} <= of["digits"].keys()
    assert {"curves", "pairs", "errors", "mistakes", "importance", "dependence"} <= of["diabetes"].keys()
    assert "true " in of["digits"]["mistakes"].html and "saliency of" in of["digits"]["mistakes"].html
    assert "standardised" in of["diabetes"]["curves"].says and "standardised" not in of["wine"]["curves"].says
    assert all(section.says for name in of for section in of[name].values())


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_chromium_draws_the_report(
    tmp_path: Path, wine: tuple[Prepared, Subject, Inspection], digits: tuple[Prepared, Subject, Inspection]
) -> None:
    both = [
        replace(section, id=f"{name}-{section.id}")
        for name, (_, _, found) in {"wine": wine, "digits": digits}.items()
        for section in sections(found, Head())
    ]
    (tmp_path / "page.html").write_bytes(Page(title="both", sections=both).html())
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
    command += ["--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run([*command, f"file://{tmp_path}/page.html"], capture_output=True, text=True, timeout=120)
    assert 'data-drawn="all"' in done.stdout and "CONSOLE" not in done.stderr


def test_a_part_that_cannot_be_looked_at_is_told_and_the_others_stay(
    wine: tuple[Prepared, Subject, Inspection],
) -> None:
    prepared, subject, _ = wine
    broken = replace(prepared.test, y=prepared.test.y + 7)
    found = inspect(subject, prepared.search, broken)
    assert "confusion" in found.failed and found.importance and found.layers and found.dependence
    assert "confusion could not be inspected" in files(found, Head())["verdict/report.html"].decode()
